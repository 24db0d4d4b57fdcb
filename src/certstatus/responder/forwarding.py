"""What of a request goes on to another responder, and what its answer is to our client. Pure.

A request about several certificates goes on whole: its answer has one signature, and can't
be put together out of several. What goes on are the CertIDs as they came, the wishes for a
signature algorithm, and the nonce where that is forwarded; nothing else of what a client
wrote. So many clients' requests are one question, and its answer is theirs byte for byte.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from certstatus.limits import MAX_PROXIED_BYTES
from certstatus.ocsp import (
    NEVER_ISSUED,
    CertID,
    Extensions,
    Nonce,
    OCSPRequest,
    PreferredSignatureAlgorithms,
    Unknown,
    encode_request,
)
from certstatus.ocsp.extensions import Extension
from certstatus.pkix import Certificate, HashAlgorithm
from certstatus.requestor.cache import fresh_until
from certstatus.responder.reply import Cause, Reply, Told
from certstatus.verify import VerifiedResponse

__all__ = ["Forwarded", "ForwardedNonce", "forwarded", "proxied_reply"]


class ForwardedNonce(StrEnum):
    """What becomes of a nonce at a proxy (L4)."""

    IGNORE = "ignore"
    """The answer has none, so that one answer serves many."""
    FORWARD = "forward"
    """It goes on, and the answer to it is for that client alone."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Forwarded:
    """A question as it goes on, DER: ``plain`` without a nonce, ``nonced`` with the client's."""

    plain: bytes
    nonced: bytes | None
    issuers: tuple[Certificate, ...]
    has_wishes: bool

    @property
    def key(self) -> bytes:
        """What makes two questions one: the octets that go on, but for the nonce."""
        return HashAlgorithm.SHA256.digest(self.plain)

    @property
    def is_about_one(self) -> bool:
        """Whether it asks about one certificate: combinations have no end, and are not kept."""
        return len(self.issuers) == 1


def forwarded(
    request: OCSPRequest, issuers: Mapping[CertID, Certificate], nonce: ForwardedNonce
) -> Forwarded:
    """Write what goes on of a request; ``issuers`` are those of its certificates."""
    cert_ids = tuple(issuers)
    wishes = _members(request, PreferredSignatureAlgorithms)
    nonces = _members(request, Nonce) if nonce is ForwardedNonce.FORWARD else ()
    return Forwarded(
        plain=_request(cert_ids, wishes),
        nonced=_request(cert_ids, (*wishes, *nonces)) if nonces else None,
        issuers=tuple(issuers.values()),
        has_wishes=bool(wishes),
    )


def _members(
    request: OCSPRequest, kind: type[Nonce | PreferredSignatureAlgorithms]
) -> tuple[Extension, ...]:
    """Return an extension as it stands, but never as a critical one: its value is the client's."""
    found = request.request_extensions
    return tuple(Extension(one.oid, one.value) for one in found if one.oid == kind.oid)


def _request(cert_ids: Sequence[CertID], members: tuple[Extension, ...]) -> bytes:
    return encode_request(cert_ids, request_extensions=Extensions(members))


def proxied_reply(
    verified: Sequence[VerifiedResponse],
    *,
    url: str,
    headers: Mapping[str, str],
    proxy: str,
    now: datetime,
) -> Reply:
    """Hand a verified answer on, byte for byte; ``headers`` are those of the HTTP it came in.

    The HTTP of ours lets caches keep it no longer than the HTTP of theirs (L12, L14).
    """
    first = verified[0]
    ends = [one.expires for one in verified if one.expires is not None]
    cache_until = min((_cache_until(one, headers, now) for one in verified), default=now)
    is_for_all = first.data.nonce is None and all(map(is_definite, verified))
    return Reply(
        der=first.der,
        cause=Cause.ANSWERED,
        told=tuple(
            Told(
                cert_id=one.single.cert_id,
                cert_status=one.cert_status,
                authority=proxy,
                origin=url,
                why=f"{url} says so",
            )
            for one in verified
        ),
        this_update=max(one.single.this_update for one in verified),
        next_update=min(ends),
        produced_at=first.data.produced_at,
        is_cacheable=is_for_all and cache_until > now,
        is_proxied=True,
        cache_until=cache_until,
    )


def _cache_until(one: VerifiedResponse, headers: Mapping[str, str], now: datetime) -> datetime:
    return fresh_until(one, headers, now) or now


def is_definite(verified: VerifiedResponse) -> bool:
    """Whether an answer is good or revoked: the others change when a certificate is entered."""
    cert_status = verified.cert_status
    return not isinstance(cert_status, Unknown) and cert_status != NEVER_ISSUED


def is_small(verified: VerifiedResponse) -> bool:
    """Whether an answer is kept: one of unusual size is handed on alone."""
    return len(verified.der) <= MAX_PROXIED_BYTES
