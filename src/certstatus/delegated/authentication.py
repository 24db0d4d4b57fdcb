"""Who asks: the signer of a request, pinned or at the end of a valid path (RFC 5055 §3.11; S3)."""

from __future__ import annotations

from datetime import datetime

from certstatus.cms import SignatureReport, VerifiedContent
from certstatus.delegated.refusal import Refusal
from certstatus.delegated.settings import Requestors
from certstatus.path import CertificatePool, Evidence, check_path
from certstatus.scvp import CVStatusCode

__all__ = ["authenticated"]


async def authenticated(
    signature: SignatureReport | None,
    requestors: Requestors,
    evidence: Evidence,
    now: datetime,
) -> VerifiedContent | None:
    """Return the proof of who signed a request, or None: then it is anybody's.

    ``evidence`` is what a path to the signer goes by; ``now`` is aware UTC.

    Raises:
        Refusal: who asks must be authenticated, and is not.
    """
    if signature is None:
        if requestors.required:
            raise Refusal(CVStatusCode.NOT_AUTHORIZED, "requests must be signed")
        return None
    judged = await _judged(signature, requestors, evidence, now)
    if judged.verified is None and requestors.required:
        reasons = "; ".join(f"{one.name}: {one.reason}" for one in judged.failures)
        raise Refusal(judged.status_code or CVStatusCode.NOT_AUTHORIZED, reasons)
    return judged.verified


async def _judged(
    signature: SignatureReport, requestors: Requestors, evidence: Evidence, now: datetime
) -> SignatureReport:
    """Say whether the signer is trusted, where the signature holds and nobody pinned it."""
    if signature.verified is not None or not signature.holds or signature.signer is None:
        return signature
    if requestors.inputs is None:
        return signature.with_trust("is none of the requestors that are known")
    evidence.pool = CertificatePool(signature.certificates, over=evidence.pool)
    found = await check_path(signature.signer, requestors.inputs, evidence, now)
    return signature.with_trust(None if found.is_valid else found.reason)
