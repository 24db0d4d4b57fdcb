"""The nonce: four combinations, three policies."""

from __future__ import annotations

import pytest

from certstatus.ocsp import Extensions, Nonce
from certstatus.verify import NoncePolicy, Outcome, Verdict, VerifyPolicy
from tests.courtroom import honest, judge, outcomes, request_of

SENT, OTHER = Nonce(bytes(range(32))), Nonce(bytes(32))
PASS, FAIL, SKIP = Outcome.PASS, Outcome.FAIL, Outcome.SKIP
REQUIRED, PREFERRED, OFF = NoncePolicy.REQUIRED, NoncePolicy.PREFERRED, NoncePolicy.OFF

TABLE = [
    # sent, received: required, preferred, off
    (None, None, FAIL, SKIP, SKIP),
    (None, SENT, FAIL, SKIP, SKIP),
    (SENT, None, FAIL, SKIP, SKIP),
    (SENT, SENT, PASS, PASS, SKIP),
    (SENT, OTHER, FAIL, FAIL, SKIP),
    (SENT, Nonce(SENT.octets[:-1]), FAIL, FAIL, SKIP),
    (SENT, Nonce(b""), FAIL, FAIL, SKIP),
]


@pytest.mark.parametrize(("sent", "received", *map(str, NoncePolicy)), TABLE)
@pytest.mark.rule("L10", "N3", "N4")
def test_what_is_refused_is_the_policys_word(
    sent: Nonce | None,
    received: Nonce | None,
    required: Outcome,
    preferred: Outcome,
    off: Outcome,
) -> None:
    extensions = Extensions() if received is None else Extensions.of(received)
    der = honest().but(response_extensions=extensions).der
    request = request_of(honest(), *([] if sent is None else [sent]))

    for policy, expected in ((REQUIRED, required), (PREFERRED, preferred), (OFF, off)):
        report = judge(der, request=request, policy=VerifyPolicy(nonce=policy))
        assert outcomes(report)["nonce"] is expected
        assert report.verdict is (Verdict.UNTRUSTED if expected is FAIL else Verdict.GOOD)


@pytest.mark.rule("N4")
def test_a_policy_that_requires_a_nonce_wants_to_see_the_request() -> None:
    der = honest().but(response_extensions=Extensions.of(SENT)).der

    report = judge(der, policy=VerifyPolicy(nonce=REQUIRED))

    assert report.check("N4").reason == "required, and the request was not given"


@pytest.mark.rule("N3")
def test_a_bare_nonce_is_the_same_octets() -> None:
    """A responder of RFC 2560 may answer without the inner wrapping."""
    bare = Nonce(b"\xffbare, and no DER at all", is_bare=True)
    wrapped = Nonce(bare.octets)
    der = honest().but(response_extensions=Extensions.of(bare)).der

    report = judge(der, request=request_of(honest(), wrapped))

    assert outcomes(report)["nonce"] is PASS


@pytest.mark.parametrize(
    ("sent", "received", "reason"),
    [
        (SENT, SENT, "32 octets, as sent"),
        (SENT, OTHER, "differs from the request's: an answer to another request"),
        (SENT, None, "was sent, and not returned; time decides (RFC 9919 §5)"),
        (None, SENT, "was not sent; the one received is ignored (RFC 9919 §5)"),
    ],
)
def test_the_reason_is_told(sent: Nonce | None, received: Nonce | None, reason: str) -> None:
    extensions = Extensions() if received is None else Extensions.of(received)
    der = honest().but(response_extensions=extensions).der

    report = judge(der, request=request_of(honest(), *([] if sent is None else [sent])))

    assert next(check.reason for check in report.checks if check.name == "nonce") == reason
