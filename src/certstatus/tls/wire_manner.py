"""What a server says about status, rightly or in a chosen wrong way.

Its law: pure; ``Reply`` is all that a server adds to its messages. ``honest_reply`` makes the
right one, ``misbehave`` a wrong one. No response is judged: any octets may stand for one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cached_property
from typing import Final

from certstatus.handshake import (
    TLS12,
    TLS13,
    CertificateEntry,
    CertificateStatus,
    CertificateStatusType,
    ClientHello,
    ExtensionType,
    HandshakeType,
    TLSExtension,
    encode_certificate_status,
)
from certstatus.limits import MAX_RESPONSE_BYTES
from certstatus.limits_tls import MAX_TLS12_STAPLE_BYTES, MAX_TLS13_STAPLE_BYTES

__all__ = ["Manner", "Reply", "ServerStaples", "honest_reply", "misbehave"]

_V1: Final = ExtensionType.STATUS_REQUEST
_V2: Final = ExtensionType.STATUS_REQUEST_V2
_PROMISES: Final[Mapping[int, TLSExtension]] = {kind: TLSExtension(kind) for kind in (_V1, _V2)}

_OVERSIZE_BYTES: Final = MAX_RESPONSE_BYTES + 1
"""What OVERSIZE fills a response up to in TLS 1.2: past what any client is known to take."""


class Manner(StrEnum):
    """How a server behaves; all but HONEST, PROMISED_ABSENT and OVERSIZE break a rule.

    Wrong ways need a client that asks, for without one there is no reply to spoil; the
    exceptions are UNSOLICITED and PROMISED_UNASKED. ``versions`` tells where each exists.
    """

    HONEST = "honest"
    PROMISED_ABSENT = "promised-absent"
    """ServerHello promises, no CertificateStatus follows; in TLS 1.3 just nothing. Allowed (T3)."""
    UNSOLICITED = "unsolicited"
    """A status without a promise (TLS 1.2), or without a question (TLS 1.3)."""
    PROMISED_UNASKED = "promised-unasked"
    """ServerHello has the one of status_request and status_request_v2 that the client lacks."""
    PROMISE_NOT_EMPTY = "promise-not-empty"
    """ServerHello's status_request holds an octet."""
    MISPLACED = "misplaced"
    """CertificateStatus after ServerKeyExchange; in TLS 1.3 a status in EncryptedExtensions."""
    TOO_EARLY = "too-early"
    """CertificateStatus before Certificate; in TLS 1.3 a status in ServerHello."""
    MESSAGE_IN_TLS13 = "message-in-tls13"
    """A CertificateStatus message, which TLS 1.3 does not have."""
    TWICE = "twice"
    """CertificateStatus sent twice; in TLS 1.3 the extension stands twice in one entry."""
    NO_BODY = "no-body"
    """A CertificateStatus of no octets."""
    EMPTY = "empty"
    """A CertificateStatus whose response is empty."""
    TRAILING_BYTES = "trailing-bytes"
    """An octet after the response."""
    LYING_LENGTH = "lying-length"
    """The length of the response is one more than there is."""
    UNKNOWN_TYPE = "unknown-type"
    """A status_type that nobody has defined."""
    OVERSIZE = "oversize"
    """A response filled up with zeros: past any client's bound, or all that TLS 1.3 holds."""
    MULTI_FOR_SINGLE = "multi-for-single"
    """Type ocsp_multi where status_request allows ocsp alone."""
    V2_SINGLE_FOR_MULTI = "v2-single-for-multi"
    """Type ocsp, though the client's status_request_v2 lists ocsp_multi alone."""
    V2_TOO_MANY = "v2-too-many"
    """One response more than there are certificates."""
    V2_EMPTY_LIST = "v2-empty-list"
    """Type ocsp_multi without a single slot."""
    V2_IN_TLS13 = "v2-in-tls13"
    """The extension status_request_v2 in a CertificateEntry."""

    @property
    def versions(self) -> tuple[int, ...]:
        """The protocol versions in which the manner exists; in others it is HONEST."""
        is_honest = self is Manner.HONEST
        return tuple(one for one in (TLS12, TLS13) if is_honest or self in _MANNERS[one])

    @property
    def needs_v2(self) -> bool:
        """Whether only a client that sends status_request_v2 sees it."""
        return _V2 in _NEEDS.get(self, ())


@dataclass(frozen=True, kw_only=True)
class ServerStaples:
    """What a server has to staple: a response for each certificate of its chain, in order.

    ``b""`` where there is none; what is missing at the end is none too. Any octets may
    stand for a response: they are sent, not judged.
    """

    responses: tuple[bytes, ...] = field(default=(), repr=False)
    manner: Manner = Manner.HONEST


@dataclass(frozen=True, kw_only=True)
class Reply:
    """All that a server says about status in one handshake.

    Extensions of ServerHello and EncryptedExtensions; bodies of CertificateStatus, with the
    message that they go before or after; extensions of each CertificateEntry.
    """

    server_hello: tuple[TLSExtension, ...] = ()
    encrypted_extensions: tuple[TLSExtension, ...] = ()
    statuses: tuple[bytes, ...] = field(default=(), repr=False)
    beside: HandshakeType = HandshakeType.CERTIFICATE
    is_before: bool = False
    entries: tuple[tuple[TLSExtension, ...], ...] = field(default=(), repr=False)


# --- the right way -------------------------------------------------------------------------


def honest_reply(
    hello: ClientHello, version: int, responses: tuple[bytes, ...], certificates: int
) -> Reply:
    """Make what RFC 6066 §8, RFC 6961 §2.2 or RFC 9846 §4.4.2.1 has a server say.

    ``certificates`` is the length of the chain. A response that does not fit is left out
    whole (T7), and nothing is promised that is not sent.

    Raises:
        DecodeError: the client's question has broken framing (T1, T9).
        MalformedError: what stands inside the question is broken.
    """
    responses = responses[:certificates]
    if version >= TLS13:
        return _reply_in_entries(responses) if hello.status_request else Reply()
    found = _status_of_kind(hello, responses)
    if found is None:
        return Reply()
    kind, status = found
    return Reply(server_hello=(_PROMISES[kind],), statuses=(encode_certificate_status(status),))


def _reply_in_entries(responses: tuple[bytes, ...]) -> Reply:
    entries = (CertificateEntry.stapled(b"", response) for response in responses)
    return Reply(entries=tuple(entry.extensions for entry in entries))


def _status_of_kind(
    hello: ClientHello, responses: tuple[bytes, ...]
) -> tuple[ExtensionType, CertificateStatus] | None:
    """Choose by which extension to answer, and with what: status_request_v2 first (T9)."""
    fitting = tuple(one if len(one) <= MAX_TLS12_STAPLE_BYTES else b"" for one in responses)
    if not any(fitting):
        return None
    for item in hello.status_request_v2 or ():
        if item.status_type is CertificateStatusType.OCSP_MULTI:
            slots = _while_they_fit(fitting)
            return _V2, CertificateStatus(CertificateStatusType.OCSP_MULTI, slots)
        if fitting[0]:
            return _V2, CertificateStatus.single(fitting[0])
    if hello.status_request and fitting[0]:
        return _V1, CertificateStatus.single(fitting[0])
    return None


def _while_they_fit(responses: tuple[bytes, ...]) -> tuple[bytes, ...]:
    """Empty the slots that would take the list over its 24-bit length."""
    left = MAX_TLS12_STAPLE_BYTES - 3 * len(responses)
    slots = []
    for response in responses:
        slots.append(response if len(response) <= left else b"")
        left -= len(slots[-1])
    return tuple(slots)


# --- the wrong ways --------------------------------------------------------------------------


@dataclass(frozen=True)
class _Case:
    """What a wrong way is made of: the client's hello, the response, and the right reply."""

    hello: ClientHello
    version: int
    responses: tuple[bytes, ...]
    certificates: int

    @cached_property
    def right(self) -> Reply:
        return honest_reply(self.hello, self.version, self.responses, self.certificates)

    @property
    def response(self) -> bytes:
        return self.responses[0]

    @property
    def single(self) -> bytes:
        return _body(CertificateStatusType.OCSP, self.response)

    def multi(self, slots: int) -> bytes:
        """Write a list of so many slots, each with the same response."""
        return _body(CertificateStatusType.OCSP_MULTI, _sized(self.response) * slots)

    def with_status(self, body: bytes) -> Reply:
        """The right reply with another CertificateStatus."""
        return replace(self.right, statuses=(body,))

    def with_entry(self, *extensions: TLSExtension) -> Reply:
        """The right reply with these extensions beside the server's own certificate."""
        return replace(self.right, entries=(extensions, *self.right.entries[1:]))


def misbehave(hello: ClientHello, version: int, staples: ServerStaples, certificates: int) -> Reply:
    """Make the reply of ``staples.manner``, where that exists; else the honest one.

    A wrong way spoils the reply that an honest server with a response would give. Where the
    server has none for its own certificate, a single octet stands for it.

    Raises:
        DecodeError: the client's question has broken framing (T1, T9).
        MalformedError: what stands inside the question is broken.
    """
    spoil = _MANNERS[TLS13 if version >= TLS13 else TLS12].get(staples.manner)
    if spoil is None:
        return honest_reply(hello, version, staples.responses, certificates)
    first = next(iter(staples.responses), b"") or b"\0"
    case = _Case(hello, version, (first, *staples.responses[1:]), certificates)
    right = case.right  # also where it is not needed: a broken question is never answered
    return spoil(case) if _is_seen(staples.manner, case) else right


_NEEDS: Final[Mapping[Manner, tuple[int, ...]]] = {
    Manner.UNSOLICITED: (),
    Manner.PROMISED_UNASKED: (),
    Manner.MULTI_FOR_SINGLE: (_V1,),
    Manner.V2_SINGLE_FOR_MULTI: (_V2,),
    Manner.V2_TOO_MANY: (_V2,),
    Manner.V2_EMPTY_LIST: (_V2,),
}


def _is_seen(manner: Manner, case: _Case) -> bool:
    """Whether the client asks in such a way that there is something to spoil."""
    needs = _NEEDS.get(manner)
    if needs is None:
        return case.right != Reply()
    return all(case.hello.extension(kind) is not None for kind in needs)


def _sized(response: bytes) -> bytes:
    return len(response).to_bytes(3) + response


def _body(status_type: int, content: bytes) -> bytes:
    return bytes((status_type,)) + _sized(content)


def _filled(case: _Case, size: int) -> Reply:
    """The right reply, were the first response of this size."""
    filled = case.response.ljust(size, b"\0")
    return replace(case, responses=(filled, *case.responses[1:])).right


def _lying(response: bytes) -> bytes:
    return bytes((CertificateStatusType.OCSP,)) + (len(response) + 1).to_bytes(3) + response


def _promised_unasked(case: _Case) -> Reply:
    unasked = [_PROMISES[kind] for kind in (_V1, _V2) if case.hello.extension(kind) is None]
    return replace(case.right, server_hello=(*case.right.server_hello, *unasked[:1]))


def _promise_not_empty(case: _Case) -> Reply:
    (promise,) = case.right.server_hello
    return replace(case.right, server_hello=(TLSExtension(promise.type, b"\x01"),))


_Spoil = Callable[[_Case], Reply]

_BODIES: Final[Mapping[Manner, Callable[[_Case], bytes]]] = {
    Manner.NO_BODY: lambda _: b"",
    Manner.EMPTY: lambda _: _body(CertificateStatusType.OCSP, b""),
    Manner.TRAILING_BYTES: lambda case: case.single + b"\0",
    Manner.LYING_LENGTH: lambda case: _lying(case.response),
    Manner.UNKNOWN_TYPE: lambda case: _body(3, case.response),
}
"""The ways that spoil a CertificateStatus itself, the same in both versions."""


def _in_message(body: Callable[[_Case], bytes]) -> _Spoil:
    return lambda case: case.with_status(body(case))


def _in_entry(body: Callable[[_Case], bytes]) -> _Spoil:
    return lambda case: case.with_entry(TLSExtension(_V1, body(case)))


_MANNERS: Final[Mapping[int, Mapping[Manner, _Spoil]]] = {
    TLS12: {
        **{manner: _in_message(body) for manner, body in _BODIES.items()},
        Manner.PROMISED_ABSENT: lambda case: replace(case.right, statuses=()),
        Manner.UNSOLICITED: lambda case: Reply(statuses=(case.single,)),
        Manner.PROMISED_UNASKED: _promised_unasked,
        Manner.PROMISE_NOT_EMPTY: _promise_not_empty,
        Manner.MISPLACED: lambda case: replace(
            case.right, beside=HandshakeType.SERVER_KEY_EXCHANGE
        ),
        Manner.TOO_EARLY: lambda case: replace(case.right, is_before=True),
        Manner.TWICE: lambda case: replace(case.right, statuses=case.right.statuses * 2),
        Manner.OVERSIZE: lambda case: _filled(case, _OVERSIZE_BYTES),
        Manner.MULTI_FOR_SINGLE: lambda case: Reply(
            server_hello=(_PROMISES[_V1],), statuses=(case.multi(1),)
        ),
        Manner.V2_SINGLE_FOR_MULTI: lambda case: case.with_status(case.single),
        Manner.V2_TOO_MANY: lambda case: case.with_status(case.multi(case.certificates + 1)),
        Manner.V2_EMPTY_LIST: lambda case: case.with_status(
            _body(CertificateStatusType.OCSP_MULTI, b"")
        ),
    },
    TLS13: {
        **{manner: _in_entry(body) for manner, body in _BODIES.items()},
        Manner.PROMISED_ABSENT: lambda _: Reply(),
        Manner.UNSOLICITED: _in_entry(lambda case: case.single),
        Manner.MISPLACED: lambda case: Reply(
            encrypted_extensions=(TLSExtension(_V1, case.single),)
        ),
        Manner.TOO_EARLY: lambda case: Reply(server_hello=(TLSExtension(_V1, case.single),)),
        Manner.MESSAGE_IN_TLS13: lambda case: Reply(statuses=(case.single,)),
        Manner.TWICE: lambda case: case.with_entry(*(TLSExtension(_V1, case.single),) * 2),
        Manner.OVERSIZE: lambda case: _filled(case, MAX_TLS13_STAPLE_BYTES),
        Manner.MULTI_FOR_SINGLE: _in_entry(lambda case: case.multi(1)),
        Manner.V2_IN_TLS13: lambda case: case.with_entry(TLSExtension(_V2, case.multi(1))),
    },
}
"""Each wrong way by version; HONEST is in neither, for it spoils nothing."""
