"""What an answer made now says, as DER to be signed, and the response around a signature. Pure.

``tbs_of`` and ``response_of`` make an answer about one certificate from bytes as they were
received; ``answer.sign`` makes those about several with the same parts.
"""

from __future__ import annotations

from datetime import datetime

from certstatus.ocsp import ArchiveCutoff, Extensions, Revoked, Unknown
from certstatus.responder.authority import Authority
from certstatus.responder.interval import interval_of
from certstatus.responder.splice import (
    EXTENDED_REVOKE,
    response_data,
    single_response,
    single_response_tail,
)
from certstatus.responder.statement import Statement
from certstatus.responder.voice import Speech
from certstatus.signing import Choice, Signer

__all__ = ["response_of", "speech_of", "tbs_of"]


def tbs_of(
    authority: Authority,
    choice: Choice[Signer],
    cert_id: bytes,
    statement: Statement,
    now: datetime,
    *,
    nonce: bytes | None,
) -> bytes:
    """Write the ResponseData about one certificate, for ``choice.signer`` to sign.

    ``cert_id`` is the CertID's DER and ``nonce`` the whole extension's, not critical, both as
    received; ``now`` aware UTC, whole seconds.

    Raises:
        Refusal: what is known has ended, or the signer has.
    """
    speech = speech_of(statement, authority, choice.signer, now)
    extensions = nonce or b""
    if statement.is_never_issued:
        extensions += EXTENDED_REVOKE
    return response_data(speech.opening, single_response(cert_id, speech.tail), extensions)


def response_of(
    authority: Authority, choice: Choice[Signer], tbs: bytes, signature: bytes
) -> bytes:
    """Write the OCSPResponse around ResponseData and the chosen signer's signature over it."""
    return authority.voice_of(choice.signer).frame.response(tbs, signature)


def speech_of(statement: Statement, authority: Authority, signer: Signer, now: datetime) -> Speech:
    """Write a statement as the signer says it at ``now``.

    Raises:
        Refusal: as ``tbs_of``.
    """
    voice, said = authority.voice_of(signer), statement.said
    known = voice.recall(said, now)
    if known is not None:
        return known
    interval = interval_of(statement, authority, signer, now)
    extensions = _single_extensions(statement, authority, now)
    speech = Speech(
        said=said,
        now=now,
        this_update=interval.this_update,
        next_update=interval.next_update,
        opening=voice.frame.opening(now),
        tail=single_response_tail(
            statement.cert_status, interval.this_update, interval.next_update, extensions
        ),
    )
    # What is said of one revoked certificate is said of no other.
    if not isinstance(statement.cert_status, Revoked):
        voice.keep(speech)
    return speech


def _single_extensions(statement: Statement, authority: Authority, now: datetime) -> Extensions:
    """Add ArchiveCutoff to what the source says, where status is kept past expiry (O27)."""
    found = statement.single_extensions
    has_none = statement.is_never_issued or isinstance(statement.cert_status, Unknown)
    if has_none or found.has(ArchiveCutoff):
        return found
    # A source with an end of its own (a CRL, another responder) forgets what has expired,
    # or says itself how far back it knows (C14).
    cutoff = authority.policy.archive_cutoff(
        authority.issuer, now, keeps_expired=statement.known_until is None
    )
    return found if cutoff is None else Extensions.of(*found, ArchiveCutoff(cutoff))
