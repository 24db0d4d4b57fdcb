from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from certstatus.errors import SignerError
from certstatus.signing import (
    Profile,
    Severity,
    applicants,
    check_lifetime,
    check_signer,
    judge_certificate,
    make_signers,
)
from certstatus.testing import Issued, TinyCA

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
DAY = timedelta(days=1)
CA = TinyCA("Judging CA")

CASES = {
    "fit": CA.issue_responder(),
    "server": CA.issue_server(),
    "plain": CA.issue_responder(nocheck=False),
    "ended": CA.issue_responder(not_after=NOW - DAY),
    "ending": CA.issue_responder(not_after=NOW + DAY),
    "rsa": CA.issue_responder(kind="rsa2048"),
    "edwards": CA.issue_responder(kind="ed25519"),
    "direct": CA.issued,
}


@pytest.mark.parametrize("profile", Profile)
@pytest.mark.parametrize("case", CASES)
def test_a_certificate_is_judged_as_its_signers_would_be(case: str, profile: Profile) -> None:
    issued = CASES[case]
    found = judge_certificate(
        issued.certificate, CA.certificate, now=NOW, profile=profile, validity=4 * DAY
    )

    assert set(found) == set(by_the_gate(issued, profile))


def by_the_gate(issued: Issued, profile: Profile) -> list[object]:
    signers = make_signers(issued.key, issued.certificate, issuer=CA.certificate, profile=profile)
    found: list[object] = [
        one
        for signer in signers
        for one in check_signer(signer, CA.certificate, now=NOW, profile=profile)
    ]
    ending = check_lifetime(signers[0], CA.certificate, now=NOW, notice=4 * DAY)
    has_time = ending is not None and issued.certificate.not_after >= NOW
    return [*found, ending] if has_time else found


@pytest.mark.rule("O29")
def test_a_key_that_nobody_signs_with_is_refused() -> None:
    odd = CA.issue_responder(key=ec.generate_private_key(ec.SECP256K1()))
    (finding,) = judge_certificate(odd.certificate, CA.certificate, now=NOW, validity=DAY)

    assert (finding.rule, finding.severity) == ("O29", Severity.REFUSE)


def test_an_applicant_has_no_key() -> None:
    applicant, *_ = applicants(CASES["fit"].certificate, CA.certificate, Profile.RFC_6960)

    with pytest.raises(SignerError, match="is not at hand"):
        applicant.sign(b"")
