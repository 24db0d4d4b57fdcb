"""What a stapling server hands to whom, whatever its TLS stack (T2, T7, T12)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from certstatus.handshake import TLS13, CertificateStatusRequest
from certstatus.limits import MAX_SERVED_TLS12_STAPLE_BYTES, MAX_TLS13_STAPLE_BYTES
from certstatus.ocsp import ResponderID
from certstatus.staple import Staple
from certstatus.staple.forks import LockPastForks

__all__ = ["Handed", "StapleHolder", "StapleRequest", "Stapling", "choose_staples"]


class StapleHolder(Protocol):
    """Whoever holds staples; ``certstatus.staple.Stapler`` is one."""

    def staple(self, fingerprint: bytes) -> Staple | None:
        """Return the staple of a certificate by its SHA-256 fingerprint, without waiting."""
        ...


class Handed(StrEnum):
    """What a client that asked for a staple was handed."""

    STAPLE = "staple"
    NOTHING = "nothing"
    """There is none that may be served now."""
    OTHER_RESPONDER = "other-responder"
    """There is one, and the client does not trust its responder (T2)."""
    TOO_LARGE = "too-large"
    """There is one, and this version can't carry it, or clients would not take it (T7)."""
    UNREADABLE = "unreadable"
    """The client lists responders, or adds extensions, that can't be read."""
    FAULT = "fault"
    """A defect of ours: the handshake went on without."""


@dataclass(frozen=True, kw_only=True)
class StapleRequest:
    """A client's request for a staple (RFC 6066 §8), and what it was handed.

    ``request`` is None where the TLS stack does not tell it.
    """

    server_name: str | None
    request: CertificateStatusRequest | None
    handed: Handed


class Stapling:
    """A server context that staples: what it has handed out since, by kind.

    ``certstatus.tls.staple`` makes it; it lives as long as its context.
    """

    def __init__(self, *, on_request: Callable[[StapleRequest], None] | None = None) -> None:
        self.on_request = on_request
        self._lock = LockPastForks()
        self._counts: Counter[Handed] = Counter()

    @property
    def handed(self) -> Mapping[Handed, int]:
        """How many clients that asked were handed what."""
        with self._lock:
            return dict(self._counts)

    def count(self, handed: Handed) -> None:
        """Add one. For the TLS stack."""
        with self._lock:
            self._counts[handed] += 1


def choose_staples(
    holder: StapleHolder,
    fingerprints: Sequence[bytes],
    *,
    trusted: Sequence[ResponderID] = (),
    version: int = TLS13,
) -> tuple[Handed, tuple[bytes, ...]]:
    """Choose what to hand a client: the leaf's staple, and those that follow without a gap.

    Args:
        holder: holds the staples.
        fingerprints: of the certificates that are sent, in their order.
        trusted: the responders that the client listed; one of them must have signed (T2).
            A nonce that it asks for is not answered: staples were made before it came.
        version: what was negotiated; not every staple can be carried (T7).
    """
    staples: list[bytes] = []
    for fingerprint in fingerprints:
        staple = holder.staple(fingerprint)
        handed = _fitness(staple, trusted, version)
        if staple is None or handed is not Handed.STAPLE:
            return (Handed.STAPLE, tuple(staples)) if staples else (handed, ())
        if staples and not _has_signer_at_hand(staple, fingerprints):
            break
        staples.append(staple.der)
    return Handed.STAPLE, tuple(staples)


def _fitness(staple: Staple | None, trusted: Sequence[ResponderID], version: int) -> Handed:
    if staple is None:
        return Handed.NOTHING
    if trusted and not any(one.names(staple.verified.signer) for one in trusted):
        return Handed.OTHER_RESPONDER
    if len(staple.der) > (
        MAX_TLS13_STAPLE_BYTES if version >= TLS13 else MAX_SERVED_TLS12_STAPLE_BYTES
    ):
        return Handed.TOO_LARGE
    return Handed.STAPLE


def _has_signer_at_hand(staple: Staple, fingerprints: Sequence[bytes]) -> bool:
    """Whether the client is sent the signer's certificate, in the response or in the chain.

    GnuTLS 3.7 ends the handshake over an intermediate's staple whose signer it must look for.
    """
    basic = staple.verified.response.basic
    return bool(basic and basic.certs) or staple.verified.signer.fingerprint in fingerprints
