from __future__ import annotations

import ipaddress
import time
from collections.abc import Sequence

import pytest
from cryptography import x509

from certstatus.errors import MalformedError
from certstatus.limits_path import MAX_NAME_COMPARISONS
from certstatus.path import CertificationPath, PathInputs, Work
from certstatus.path.name_constraints import address_is_within, comparisons, host_is_within
from certstatus.pkix import Certificate
from certstatus.testing import TinyCA
from tests.paths import checked, cross

ROOT = TinyCA("Root")
CA = TinyCA("CA")


def constrained(
    permitted: Sequence[x509.GeneralName] = (), excluded: Sequence[x509.GeneralName] = ()
) -> Certificate:
    names = x509.NameConstraints(list(permitted) or None, list(excluded) or None)
    return cross(ROOT, CA, extensions=((names, True),))


def bearing(*names: x509.GeneralName) -> Certificate:
    return CA.issue("leaf", extensions=((x509.SubjectAlternativeName(names), False),)).certificate


def network(text: str) -> x509.IPAddress:
    return x509.IPAddress(ipaddress.ip_network(text))


def address(text: str) -> x509.IPAddress:
    return x509.IPAddress(ipaddress.ip_address(text))


def holds(leaf: Certificate, signed: Certificate) -> bool:
    inputs = PathInputs(anchors=(ROOT.certificate,))
    return checked(leaf, inputs, pool=[signed], revocation=False).is_valid


@pytest.mark.parametrize(
    ("base", "host", "is_within"),
    [
        ("ours.example", "ours.example", True),
        ("ours.example", "www.OURS.example", True),
        ("ours.example", "theirs.example", False),
        ("ours.example", "notours.example", False),
        (".ours.example", "www.ours.example", True),
        (".ours.example", "ours.example", False),
        ("", "anything.example", True),
        ("ours.example", "www.ours.example.", True),
    ],
    ids=str,
)
def test_a_host_is_held_to_a_constraint(base: str, host: str, is_within: bool) -> None:
    assert host_is_within(base, host) == is_within


def test_what_is_no_address_is_told_of() -> None:
    with pytest.raises(MalformedError, match="is no address"):
        address_is_within("10.0.0.0/8", "here")


@pytest.mark.parametrize(
    ("text", "is_permitted", "is_free"),
    [
        ("10.1.2.3", True, False),
        ("11.1.2.3", False, True),
        ("2001:db8::1", True, False),
        ("2001:db9::1", False, True),
    ],
    ids=str,
)
def test_addresses_are_held_to_networks(text: str, is_permitted: bool, is_free: bool) -> None:
    networks = [network("10.0.0.0/8"), network("2001:db8::/32")]
    leaf = bearing(address(text))
    assert holds(leaf, constrained(permitted=networks)) == is_permitted
    assert holds(leaf, constrained(excluded=networks)) == is_free


def test_a_dot_before_an_excluded_host_excludes_what_is_below_it() -> None:
    signed = constrained(excluded=[x509.DNSName(".ours.example")])
    assert not holds(bearing(x509.DNSName("www.ours.example")), signed)
    assert holds(bearing(x509.DNSName("www.theirs.example")), signed)


@pytest.mark.parametrize(
    ("excluded", "borne", "is_free"),
    [
        ("www.ours.example", "*.ours.example", False),
        ("WWW.ours.example", "*.OURS.example", False),
        ("www.ours.example", "*.www.ours.example", False),
        ("a.www.ours.example", "*.ours.example", True),
        ("www.ours.example", "*.theirs.example", True),
        ("ours.example", "*.ours.example", False),
    ],
    ids=str,
)
def test_a_wildcard_does_not_bring_back_what_is_excluded(
    excluded: str, borne: str, is_free: bool
) -> None:
    leaf = bearing(x509.DNSName("plain.example"), x509.DNSName(borne))
    assert holds(leaf, constrained(excluded=[x509.DNSName(excluded)])) == is_free
    assert holds(leaf, constrained(permitted=[x509.DNSName("example")]))


def many(count: int) -> tuple[Certificate, Certificate]:
    signed = constrained(excluded=[x509.DNSName(f"x{one}.example") for one in range(count)])
    return bearing(*(x509.DNSName(f"y{one}.example") for one in range(count))), signed


def test_each_name_counts_with_each_constraint_above_it() -> None:
    leaf, signed = many(30)
    assert comparisons(CertificationPath((leaf, signed), ROOT.certificate)) == 30 * (30 + 1)
    assert comparisons(CertificationPath((leaf,), CA.certificate)) == 0


def test_names_and_constraints_that_multiply_are_refused_before_they_are_compared() -> None:
    few, more = int(MAX_NAME_COMPARISONS**0.5) - 2, 2_000
    assert holds(*many(few))
    leaf, signed = many(more)
    started = time.process_time()
    inputs = PathInputs(anchors=(ROOT.certificate,))
    found = checked(leaf, inputs, pool=[signed], revocation=False)
    assert time.process_time() - started < 5
    assert found.reason == f"its names and name constraints take {more * (more + 1)} comparisons"


def test_what_was_compared_counts_as_work() -> None:
    few = int(MAX_NAME_COMPARISONS**0.5) - 2
    leaf, signed = many(few)
    work = Work()
    inputs = PathInputs(anchors=(ROOT.certificate,))
    assert checked(leaf, inputs, pool=[signed], revocation=False, work=work).is_valid
    assert work.signatures > few * few // 50
