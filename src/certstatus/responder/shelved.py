"""Proxied answers on their way to a store and back: key, entry, and the proof made anew. Pure.

Law: a store is not believed. What comes out of it is verified as if the upstream had sent it
just now, by the rules in force now; else it counts as not there.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from certstatus.limits import MAX_LISTED_SERIAL_OCTETS, MAX_PROXIED_BYTES
from certstatus.ocsp import parse_request
from certstatus.pkix import HashAlgorithm
from certstatus.responder.forwarding import Forwarded
from certstatus.responder.reply import Reply
from certstatus.responder.statement import Statement
from certstatus.responder.stored import meaning_digest
from certstatus.sources.upstream_keeping import Kept
from certstatus.stores import StoredResponse, StoreKey
from certstatus.verify import (
    KnownSignatures,
    VerifiedResponse,
    VerifyPolicy,
    hand_on,
    verify_response,
)

__all__ = ["entry_of", "shelf_key", "verified_anew"]

_SHORT: Final = 16
_KNOWN: Final = KnownSignatures(issued=0, answers=0)
_MAX_SERIAL_BITS: Final = 8 * MAX_LISTED_SERIAL_OCTETS - 1


def shelf_key(question: Forwarded) -> StoreKey | None:
    """Name the answer to a question; None: it is not stored.

    Strangers choose what they ask with: of several certificates, wishes, odd parameters and
    endless serial numbers nothing is stored, or they could fill the store. Keys are apart
    from those of answers that were signed here for the same CA.
    """
    if not question.is_about_one or question.has_wishes:
        return None
    (cert_id,) = parse_request(question.plain).cert_ids
    if not cert_id.hash_algorithm.has_no_parameters:
        return None
    if cert_id.serial_number.bit_length() > _MAX_SERIAL_BITS:
        return None
    (issuer,) = question.issuers
    digest = HashAlgorithm.SHA256.digest
    return StoreKey(
        digest(b"proxy" + issuer.spki_der + issuer.subject.der)[:_SHORT],
        digest(question.plain)[:_SHORT],
        cert_id.serial_number,
    )


def entry_of(kept: Kept[Reply | None]) -> StoredResponse | None:
    """Write a kept answer as an entry; None: caches may not have it, or it is too large."""
    reply = kept.given
    if reply is None or not reply.is_cacheable or reply.produced_at is None:
        return None
    if len(reply.der) > MAX_PROXIED_BYTES:
        return None
    said = Statement(cert_status=kept.cert_status, known_at=kept.this_update, origin="", why="")
    return StoredResponse(
        der=reply.der,
        meaning=meaning_digest(said),
        this_update=kept.this_update,
        next_update=kept.ends,
        produced_at=reply.produced_at,
        fresh_until=kept.fresh_until,
    )


def verified_anew(
    stored: StoredResponse, question: Forwarded, policy: VerifyPolicy, now: datetime
) -> VerifiedResponse | None:
    """Verify a stored answer for the question; None: it does not hold, or no longer."""
    request = parse_request(question.plain)
    (cert_id,), (issuer,) = request.cert_ids, question.issuers
    report = verify_response(
        stored.der,
        issuer=issuer,
        serial_number=cert_id.serial_number,
        request=request,
        now=now,
        policy=policy,
        known=_KNOWN,
    )
    return hand_on(report, request=request, cert_id=cert_id, now=now).verified
