"""What a stapling server hands to whom, whatever its TLS stack (T2, T7, T12)."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, Protocol

from certstatus.errors import MalformedError
from certstatus.handshake import TLS13, CertificateStatusRequest
from certstatus.limits_tls import MAX_SERVED_TLS12_STAPLE_BYTES, MAX_TLS13_STAPLE_BYTES
from certstatus.ocsp import ResponderID
from certstatus.staple import Staple
from certstatus.staple.forks import LockPastForks

__all__ = ["Choice", "Handed", "StapleHolder", "StapleRequest", "Stapling", "choose_staples"]

_log: Final = logging.getLogger("certstatus.tls")


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


@dataclass(frozen=True)
class Choice:
    """What to hand a client, and what it asked for as far as the TLS stack tells."""

    handed: Handed
    staples: tuple[bytes, ...] = field(default=(), repr=False)
    request: CertificateStatusRequest | None = None


class Stapling:
    """A server context that staples: what it has handed out since, by kind.

    ``certstatus.tls.staple`` makes it; it lives as long as its context.
    """

    def __init__(self, *, on_request: Callable[[StapleRequest], None] | None = None) -> None:
        self._on_request = on_request
        self._lock = LockPastForks()
        self._counts: Counter[Handed] = Counter()

    @property
    def handed(self) -> Mapping[Handed, int]:
        """How many clients that asked were handed what."""
        with self._lock:
            return dict(self._counts)

    def hand_out(
        self, choose: Callable[[], Choice], server_name: Callable[[], str | None]
    ) -> Choice:
        """Choose, count and tell. For the TLS stack, within a handshake.

        Raises nothing: a defect costs the staple, never the handshake.
        """
        try:
            choice = choose()
        except MalformedError:
            choice = Choice(Handed.UNREADABLE)
        except Exception:  # noqa: BLE001 - a TLS library is above us: nothing may pass through it
            _log.exception("a handshake goes on without a staple")
            choice = Choice(Handed.FAULT)
        with self._lock:
            self._counts[choice.handed] += 1
        try:
            self._tell(choice, server_name)
        except Exception:  # noqa: BLE001 - as above
            _log.exception("on_request failed")
        return choice

    def _tell(self, choice: Choice, server_name: Callable[[], str | None]) -> None:
        if self._on_request is not None:
            told = StapleRequest(
                server_name=server_name(), request=choice.request, handed=choice.handed
            )
            self._on_request(told)


def choose_staples(
    holder: StapleHolder,
    fingerprints: Sequence[bytes],
    *,
    request: CertificateStatusRequest | None = None,
    version: int = TLS13,
) -> Choice:
    """Choose what to hand a client: the leaf's staple, and those that follow without a gap.

    Args:
        holder: holds the staples.
        fingerprints: of the certificates that are sent, in their order.
        request: what the client asked for. Where it lists responders, one of them must have
            signed (T2). A nonce is not answered: staples were made before it came.
        version: what was negotiated; not every staple can be carried (T7).
    """
    trusted = () if request is None else request.request.responder_id_list
    staples: list[bytes] = []
    for fingerprint in fingerprints:
        staple = holder.staple(fingerprint)
        handed = _fitness(staple, trusted, version)
        if staple is None or handed is not Handed.STAPLE:
            if not staples:
                return Choice(handed, request=request)
            break
        if staples and not _has_signer_at_hand(staple, fingerprints):
            break
        staples.append(staple.der)
    return Choice(Handed.STAPLE, tuple(staples), request)


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
