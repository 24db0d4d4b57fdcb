"""Up to TLS 1.2: a ServerHello promises, a CertificateStatus follows the Certificate (T3, T9)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from certstatus.errors import DecodeError
from certstatus.handshake.certificate_status import CertificateStatus, parse_certificate_status
from certstatus.handshake.finding import failed
from certstatus.handshake.flight import Flight
from certstatus.handshake.hello import ServerHello
from certstatus.handshake.message import Sender
from certstatus.handshake.numbers import (
    AlertDescription,
    CertificateStatusType,
    ExtensionType,
    HandshakeType,
)
from certstatus.verify import Check

__all__ = ["checks"]

_PROMISE: Final = "promise of a status"
_PLACE: Final = "place of CertificateStatus"
_CONTENT: Final = "content of CertificateStatus"
_SLOTS: Final = "one response for each certificate"

_UNEXPECTED: Final = AlertDescription.UNEXPECTED_MESSAGE
_ILLEGAL: Final = AlertDescription.ILLEGAL_PARAMETER


def checks(flight: Flight) -> Iterator[Check]:
    """Yield what a flight of TLS 1.2 or older shows; it has a ServerHello."""
    hello = flight.server_hello
    assert hello is not None
    yield _promise(flight, hello, "T3", ExtensionType.STATUS_REQUEST)
    if hello.extension(ExtensionType.STATUS_REQUEST_V2) is not None:
        yield _promise(flight, hello, "T9", ExtensionType.STATUS_REQUEST_V2)
    yield from _statuses(flight)
    if any(flight.status_bodies(Sender.CLIENT)):
        reason = "the client sent one; only a server staples up to TLS 1.2"
        yield failed("T6", _PLACE, _UNEXPECTED, reason)


def _promise(flight: Flight, hello: ServerHello, rule: str, kind: ExtensionType) -> Check:
    promise = hello.extension(kind)
    if promise is None:
        return Check.skipped(rule, _PROMISE, f"the ServerHello has no {kind.label}")
    if flight.client_hello is not None and flight.client_hello.extension(kind) is None:
        reason = f"the ServerHello answers {kind.label}, which the client did not send"
        return failed(rule, _PROMISE, AlertDescription.UNSUPPORTED_EXTENSION, reason)
    if promise.data:
        reason = f"the ServerHello's {kind.label} has {len(promise.data)} octets; it must be empty"
        return failed(rule, _PROMISE, AlertDescription.DECODE_ERROR, reason)
    return Check.passed(rule, _PROMISE, f"the ServerHello's {kind.label} is empty, as it must be")


def _statuses(flight: Flight) -> Iterator[Check]:
    bodies = list(flight.status_bodies(Sender.SERVER))
    if not bodies:
        yield _absence(flight)
        return
    yield _place(flight, len(bodies))
    try:
        status = parse_certificate_status(bodies[0])
    except DecodeError as error:
        yield failed("T3", _CONTENT, AlertDescription.DECODE_ERROR, str(error))
        return
    if flight.is_promised:
        yield _kind(flight, status)
    if status.status_type is CertificateStatusType.OCSP_MULTI and flight.chain:
        yield _slots(flight, status)


def _absence(flight: Flight) -> Check:
    if flight.is_promised and flight.chain:
        reason = "the server promised a status and sent none, which is allowed"
        return Check.passed("T3", _PLACE, reason, absent="promised")
    return Check.skipped("T3", _PLACE, "the server sent none")


def _place(flight: Flight, count: int) -> Check:
    """Check that the one CertificateStatus was promised, and follows the Certificate."""
    if not flight.is_promised:
        reason = "unsolicited: the ServerHello has promised no status"
        return failed("T3", _PLACE, _UNEXPECTED, reason)
    if count > 1:
        return failed("T3", _PLACE, _UNEXPECTED, f"there are {count} of them")
    before = None
    for message in flight.messages:
        if message.type == HandshakeType.CERTIFICATE_STATUS:
            break
        before = message if message.sender is Sender.SERVER else before
    if before is None or before.type not in _CERTIFICATES:
        reason = f"misplaced: it follows {before}, not the server's Certificate"
        return failed("T3", _PLACE, _UNEXPECTED, reason)
    return Check.passed("T3", _PLACE, "it follows the server's Certificate")


_CERTIFICATES: Final = (HandshakeType.CERTIFICATE, HandshakeType.COMPRESSED_CERTIFICATE)


def _kind(flight: Flight, status: CertificateStatus) -> Check:
    """Check that the status is of a type that was asked for and promised."""
    kind, hello = status.status_type, flight.server_hello
    assert hello is not None
    rule = "T9" if kind is CertificateStatusType.OCSP_MULTI else "T3"
    by_v1 = hello.extension(ExtensionType.STATUS_REQUEST) is not None
    by_v2 = hello.extension(ExtensionType.STATUS_REQUEST_V2) is not None
    listed = {item.status_type for item in flight.asked_v2 or ()}
    if (by_v1 and kind is CertificateStatusType.OCSP) or (by_v2 and kind in listed):
        return Check.passed(rule, _CONTENT, f"it is well formed, of the type {kind}, as agreed")
    reason = f"it is of the type {kind}, which client and server have not agreed on"
    return failed(rule, _CONTENT, _ILLEGAL, reason)


def _slots(flight: Flight, status: CertificateStatus) -> Check:
    slots, certificates = len(status.responses), len(flight.chain)
    facts = {"responses": str(slots), "certificates": str(certificates)}
    if slots > certificates:
        reason = f"{slots} responses stand for {certificates} certificates"
        return failed("T9", _SLOTS, _ILLEGAL, reason, **facts)
    filled = sum(1 for response in status.responses if response)
    reason = f"{filled} of {certificates} certificates have a response"
    return Check.passed("T9", _SLOTS, reason, **facts)
