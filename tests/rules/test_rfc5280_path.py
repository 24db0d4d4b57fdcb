"""NIST's test suite for path validation, whole: PKITS 1.0.1, 249 cases (RFC 5280 §6)."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import pytest

from certstatus.path import PathSearch, ValidationError
from tests.paths import checked
from tests.pkits import AT, CASES, SUITE, Case, certificate, crl, everyone, inputs, named, policies


def validated(case: Case) -> PathSearch:
    return checked(
        certificate(case["chain"][-1]),
        inputs(case),
        pool=everyone(),
        now=AT,
        crls=map(crl, case["crls"]),
    )


def test_the_suite_is_whole() -> None:
    assert len(CASES) == SUITE["count"] == 249
    assert len({named(case) for case in CASES}) == 249
    assert sum(case["should_validate"] for case in CASES) == 114


@pytest.mark.rule("C2", "C3", "C4", "C5", "C7", "C8")
@pytest.mark.parametrize("case", CASES, ids=named)
def test_each_case_ends_as_nist_says(case: Case) -> None:
    found = validated(case)
    assert found.is_valid == case["should_validate"], found.reason
    if not found.is_valid:
        return
    assert found.report is not None
    # The suite's chains hold CRL issuers, too.
    assert set(found.report.path.certificates) <= set(map(certificate, case["chain"]))
    if "UserConstrainedPolicySet" in case:
        assert found.report.policies == policies(case["UserConstrainedPolicySet"])


ERRORS: Final = {
    "4.1.3": ValidationError.NO_VALID_CERT_PATH,
    "4.2.2": ValidationError.NOT_YET_VALID,
    "4.2.5": ValidationError.EXPIRED,
    "4.4.3": ValidationError.REVOKED,
    "4.8.4": ValidationError.INVALID_CERT_POLICY,
    "4.10.7": ValidationError.INVALID_CERT_POLICY,
    "4.13.31": ValidationError.NO_VALID_CERT_PATH,
    "4.15.6": ValidationError.REVOKED,
}


@pytest.mark.parametrize("number", ERRORS, ids=str)
def test_a_failure_has_the_rfcs_word(number: str) -> None:
    case = next(one for one in CASES if one["number"] == number)
    assert validated(case).errors == (ERRORS[number],)


def test_sha1_signs_nothing_unless_allowed() -> None:
    case = next(one for one in CASES if one["number"] == "4.1.4")
    assert validated(case).is_valid
    strict = replace(inputs(case), allow_sha1=False)
    chain = map(certificate, case["chain"])
    found = checked(certificate(case["chain"][-1]), strict, pool=chain, now=AT, revocation=False)
    assert "disallowed signature mechanism" in found.reason


def test_a_path_with_unique_identifiers_is_valid_the_second_time_too() -> None:
    case = next(one for one in CASES if one["number"] == "4.3.6")
    assert [validated(case).is_valid for _ in range(3)] == [True] * 3


@pytest.mark.parametrize("name", ["4.1.1", "4.5.1", "4.6.17", "4.10.12"], ids=str)
def test_the_path_found_is_the_one_that_the_suite_lists(name: str) -> None:
    case = next(one for one in CASES if one["number"] == name)
    report = validated(case).report
    assert report is not None
    chain = [*report.path.certificates, report.path.anchor]
    assert chain == [certificate(one) for one in reversed(case["chain"])]
