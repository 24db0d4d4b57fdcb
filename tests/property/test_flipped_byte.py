"""Any flipped byte of a signed response is refused, or leaves its meaning as it was.

Exhaustive: every bit of one answer by a P-256 delegate, and of one by the CA itself, and all
bits of each byte at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest

from certstatus.ocsp import (
    CertStatus,
    CrlID,
    Extensions,
    Nonce,
    OCSPRequest,
    Revoked,
    encode_request,
    parse_request,
)
from certstatus.pkix import CRLReason
from certstatus.testing import Forge
from certstatus.verify import NoncePolicy, Report, Verdict, VerifyPolicy, verify_response
from tests.courtroom import CA, LEAF, NOW, honest

NONCE = Nonce(bytes(range(32)))
FLIPS = (*(1 << bit for bit in range(8)), 0xFF)
STRICT = VerifyPolicy(nonce=NoncePolicy.REQUIRED)


@dataclass(frozen=True)
class Meaning:
    """What a believed answer says."""

    verdict: Verdict
    cert_status: CertStatus
    this_update: datetime
    next_update: datetime | None
    expires: datetime | None


def meaning(report: Report) -> Meaning | None:
    proof = report.verified
    if proof is None:
        return None
    single = proof.single
    return Meaning(
        report.verdict, single.cert_status, single.this_update, single.next_update, proof.expires
    )


def judge(der: bytes, request: OCSPRequest) -> Report:
    return verify_response(
        der, issuer=CA.certificate, certificate=LEAF, now=NOW, policy=STRICT, request=request
    )


REVOKED = honest().but(
    cert_status=Revoked(NOW - timedelta(days=1), CRLReason.KEY_COMPROMISE),
    single_extensions=Extensions.of(CrlID(crl_num=7)),
    response_extensions=Extensions.of(NONCE),
)


@pytest.mark.parametrize(
    "forge", [REVOKED, REVOKED.but(signer=CA.issued)], ids=["by a delegate", "by the CA"]
)
@pytest.mark.rule("O21", "O23")
def test_a_flipped_byte_is_refused_or_changes_nothing(forge: Forge) -> None:
    request = parse_request(encode_request(forge.cert_ids, request_extensions=Extensions.of(NONCE)))
    der = forge.der
    whole = meaning(judge(der, request))
    assert whole is not None

    for position in range(len(der)):
        for flip in FLIPS:
            changed = bytearray(der)
            changed[position] ^= flip
            found = meaning(judge(bytes(changed), request))
            assert found in {None, whole}, f"byte {position} turned by {flip:#04x}"
