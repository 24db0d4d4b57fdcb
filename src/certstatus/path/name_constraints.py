"""What name constraints cost, and how hosts and addresses are held to them (RFC 5280 §4.2.1.10). Pure.

Every name of a certificate is compared with every constraint above it: that is counted first,
since whoever issues both decides how many there are.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from typing import Final

from certstatus.asn1 import oids
from certstatus.asn1.walk import Element, element_at, elements_in
from certstatus.errors import MalformedError
from certstatus.path.report import CertificationPath
from certstatus.pkix import Certificate, GeneralNameKind

__all__ = ["address_is_within", "comparisons", "host_is_within", "wildcard_problem"]

_WHERE: Final = "id-ce-nameConstraints"
_EXCLUDED: Final = 0xA1
_DNS_NAME: Final = 0x82


def comparisons(path: CertificationPath) -> int:
    """Return how many comparisons of a name with a constraint a path takes at the most.

    Raises:
        MalformedError: nameConstraints or subjectAltName is broken.
    """
    subtrees = total = 0
    for certificate in reversed(path.certificates):
        total += subtrees * (1 + len(certificate.subject_alternative_names))
        subtrees += _subtrees(certificate)
    return total


def wildcard_problem(path: CertificationPath) -> str | None:
    """Name a wildcard that stands for a host that a CA above it excludes; None: there is none.

    The RFC does not speak of wildcards: by its letter ``*.example`` is not ``www.example``,
    and whoever is denied the one would have it by the other.

    Raises:
        MalformedError: nameConstraints or subjectAltName is broken.
    """
    parents: set[str] = set()
    for certificate in reversed(path.certificates):
        found = next((one for one in _wildcards(certificate) if _folded(one[2:]) in parents), None)
        if found is not None:
            return f"{found} stands for a host that a CA above it excludes"
        parents |= {_folded(host).partition(".")[2] for host in _excluded_hosts(certificate)}
    return None


def _wildcards(certificate: Certificate) -> Iterator[str]:
    names = certificate.subject_alternative_names
    hosts = (one.text for one in names if one.kind is GeneralNameKind.DNS_NAME)
    return (host for host in hosts if host.startswith("*."))


def _subtrees(certificate: Certificate) -> int:
    return sum(1 for _ in _general_subtrees(certificate))


def _general_subtrees(certificate: Certificate) -> Iterator[tuple[int, Element, bytes]]:
    """Yield each GeneralSubtree: the tag of the set that it stands in, its place, and in what."""
    extension = certificate.extensions.get(oids.ID_CE_NAME_CONSTRAINTS)
    if extension is None:
        return
    value = extension[1]
    outer = element_at(value, 0, len(value), _WHERE)
    for subtrees in elements_in(value, outer.contents, outer.end, _WHERE):
        for one in elements_in(value, subtrees.contents, subtrees.end, _WHERE):
            yield subtrees.tag, one, value


def _excluded_hosts(certificate: Certificate) -> Iterator[str]:
    for tag, subtree, value in _general_subtrees(certificate):
        if tag != _EXCLUDED:
            continue
        base = element_at(value, subtree.contents, subtree.end, _WHERE)
        if base.tag == _DNS_NAME:
            yield value[base.contents : base.end].decode("latin-1")


def host_is_within(base: str, other: str) -> bool:
    """Whether a host is the constraint's, or below it; with a dot before it, below it alone.

    The RFC knows no dot there; CAs write it all the same, and would exclude nothing by it.
    """
    base, other = _folded(base), _folded(other)
    if not base:
        return True
    if base.startswith("."):
        return other.endswith(base) and len(other) > len(base)
    return other == base or other.endswith(f".{base}")


def _folded(host: str) -> str:
    return host.lower().removesuffix(".")


def address_is_within(base: str, other: str) -> bool:
    """Whether an address lies in a network, both as asn1crypto writes them.

    Raises:
        MalformedError: one of them is neither.
    """
    try:
        return ipaddress.ip_address(other) in ipaddress.ip_network(base)
    except ValueError as error:
        raise MalformedError(f"{base!r} or {other!r} is no address", where=_WHERE) from error
