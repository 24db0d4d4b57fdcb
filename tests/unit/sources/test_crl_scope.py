"""What CRLs leave out together, in one sentence."""

from __future__ import annotations

import pytest

from certstatus.limits import MAX_CRL_FILES
from certstatus.pkix import ALL_REASONS, CRLReason, GeneralName, IssuingDistributionPoint
from certstatus.sources import Issues
from certstatus.sources.crl_scope import Issuance, coverage_gap, has_part

ALL = IssuingDistributionPoint()
USERS = IssuingDistributionPoint(only_contains_user_certs=True)
CAS = IssuingDistributionPoint(only_contains_ca_certs=True)
BOTH = IssuingDistributionPoint(only_contains_user_certs=True, only_contains_ca_certs=True)
NEITHER = IssuingDistributionPoint(only_contains_attribute_certs=True)
KEYS = IssuingDistributionPoint(only_some_reasons=frozenset({CRLReason.KEY_COMPROMISE}))
RELATIVE = IssuingDistributionPoint(name_relative_to_issuer=b"x")
ONE, TWO = "http://ca.example/1.crl", "http://ca.example/2.crl"


def at(*urls: str) -> IssuingDistributionPoint:
    return IssuingDistributionPoint(full_name=tuple(GeneralName.uri(url) for url in urls))


@pytest.mark.rule("C4", "C5")
@pytest.mark.parametrize(
    ("scopes", "issuance", "gap"),
    [
        ([ALL], Issuance(), None),
        ([USERS], Issuance(), "the CRL covers user certificates only"),
        ([CAS], Issuance(), "the CRL covers CA certificates only"),
        ([USERS, CAS], Issuance(), None),
        ([BOTH], Issuance(issues=Issues.USER_CERTIFICATES), "the CRL covers CA certificates only"),
        ([NEITHER], Issuance(issues=Issues.CA_CERTIFICATES), "user certificates only"),
        ([KEYS, USERS], Issuance(issues=Issues.USER_CERTIFICATES), None),
        ([KEYS, USERS], Issuance(), "the CRLs cover some reasons only, and not aACompromise, "),
        ([at(ONE)], Issuance(), "the CRL covers one distribution point only"),
        ([RELATIVE], Issuance(), "the CRL covers one distribution point only"),
        ([at(ONE)], Issuance(distribution_points=frozenset({TWO})), "one distribution point only"),
        ([at(ONE)], Issuance(distribution_points=frozenset({ONE, TWO})), None),
        ([at(ONE)], Issuance(partitions=frozenset({ONE, TWO})), f"only than {TWO}"),
        ([at(ONE), at(TWO)], Issuance(partitions=frozenset({ONE, TWO})), None),
        ([at(ONE, TWO)], Issuance(partitions=frozenset({ONE, TWO})), None),
        ([ALL], Issuance(partitions=frozenset({ONE, TWO})), None),
        ([at(ONE), KEYS], Issuance(partitions=frozenset({ONE, TWO})), f" of {TWO}"),
    ],
)
def test_what_is_left_out_is_named(
    scopes: list[IssuingDistributionPoint], issuance: Issuance, gap: str | None
) -> None:
    found = coverage_gap(scopes, issuance)

    if gap is None:
        assert found is None
    else:
        assert found is not None
        assert gap in found


@pytest.mark.rule("C4")
@pytest.mark.parametrize(
    ("scope", "has_any"),
    [(ALL, True), (USERS, True), (CAS, False), (NEITHER, False), (at(ONE), True), (at(TWO), False)],
)
def test_a_crl_has_a_part_or_none(scope: IssuingDistributionPoint, *, has_any: bool) -> None:
    users = Issuance(issues=Issues.USER_CERTIFICATES, partitions=frozenset({ONE}))

    assert has_part(scope, users) == has_any


@pytest.mark.rule("C5")
@pytest.mark.parametrize("missing", sorted(ALL_REASONS))
def test_any_reason_may_be_the_one_that_is_missing(missing: CRLReason) -> None:
    some = IssuingDistributionPoint(only_some_reasons=ALL_REASONS - {missing})
    last = IssuingDistributionPoint(only_some_reasons=frozenset({missing}))

    assert coverage_gap([some], Issuance()) == (
        f"the CRL covers some reasons only, and not {missing.label}"
    )
    assert coverage_gap([some, last], Issuance()) is None


def test_as_many_partitions_as_a_folder_holds_take_no_time() -> None:
    """Each partition is looked at with its own CRLs alone, and not with all of them."""
    urls = [f"http://ca.example/{number}.crl" for number in range(MAX_CRL_FILES)]
    scopes = [at(url) for url in urls]

    assert coverage_gap(scopes, Issuance(partitions=frozenset(urls))) is None
    assert coverage_gap(scopes[1:], Issuance(partitions=frozenset(urls))) is not None
