"""TLS 1.3: a staple stands in the CertificateEntry of its certificate, and nowhere else (T5, T6, T9)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from certstatus.errors import DecodeError
from certstatus.handshake.certificate import CertificateEntry, CertificateRequest
from certstatus.handshake.extension import ExtensionBlock
from certstatus.handshake.finding import failed
from certstatus.handshake.flight import Flight
from certstatus.handshake.numbers import (
    AlertDescription,
    CertificateStatusType,
    ExtensionType,
    HandshakeType,
)
from certstatus.verify import Check

__all__ = ["checks"]

_MESSAGES: Final = "messages that may hold a status"
_STAPLES: Final = "staples of the server"
_CLIENT_STAPLES: Final = "staples of the client"
_REQUEST: Final = "request for the client's status"

_ILLEGAL: Final = AlertDescription.ILLEGAL_PARAMETER
_UNSUPPORTED: Final = AlertDescription.UNSUPPORTED_EXTENSION
_V1: Final = ExtensionType.STATUS_REQUEST
_V2: Final = ExtensionType.STATUS_REQUEST_V2


def checks(flight: Flight) -> Iterator[Check]:
    """Yield what a flight of TLS 1.3 shows."""
    yield from _elsewhere(flight)
    yield from _version_2(flight)
    if flight.server_certificate is not None:
        yield _staples(flight, flight.server_certificate.entries)
    if flight.certificate_requests:
        yield from map(_request, flight.certificate_requests)
    if flight.client_certificate is not None:
        yield _client_staples(flight, flight.client_certificate.entries)


def _answers(flight: Flight) -> Iterator[tuple[str, ExtensionBlock]]:
    """Yield the server's messages that answer a hello as a whole."""
    for name, block in (
        ("HelloRetryRequest", flight.retry),
        ("ServerHello", flight.server_hello),
        ("EncryptedExtensions", flight.encrypted_extensions),
    ):
        if block is not None:
            yield name, block


def _is_asked(flight: Flight, kind: ExtensionType) -> bool:
    """Whether the client's hello has the extension; one that was not seen may well have it."""
    return flight.client_hello is None or flight.client_hello.extension(kind) is not None


def _alert(flight: Flight, kind: ExtensionType) -> AlertDescription:
    """Return the alert for an extension in the wrong message (RFC 9846 §4.2)."""
    return _ILLEGAL if _is_asked(flight, kind) else _UNSUPPORTED


def _elsewhere(flight: Flight) -> Iterator[Check]:
    """Check that no status stands outside of Certificate (T5)."""
    is_clean = True
    for name, block in _answers(flight):
        if block.extension(_V1) is not None:
            is_clean = False
            reason = f"{name} has status_request; it belongs into a CertificateEntry"
            yield failed("T5", _MESSAGES, _alert(flight, _V1), reason)
    if any(one.type == HandshakeType.CERTIFICATE_STATUS for one in flight.messages):
        is_clean = False
        reason = "there is a CertificateStatus message, which TLS 1.3 does not have"
        yield failed("T5", _MESSAGES, AlertDescription.UNEXPECTED_MESSAGE, reason)
    if is_clean:
        yield Check.passed("T5", _MESSAGES, "no status stands outside of Certificate")


def _version_2(flight: Flight) -> Iterator[Check]:
    """Check that status_request_v2 is tolerated and not acted on (T9)."""
    entries = () if flight.server_certificate is None else flight.server_certificate.entries
    places = [
        *_answers(flight),
        *(("CertificateRequest", one) for one in flight.certificate_requests),
        *((f"CertificateEntry {position}", one) for position, one in enumerate(entries)),
    ]
    name, is_clean = "status_request_v2 in TLS 1.3", True
    for place, block in places:
        if block.extension(_V2) is not None:
            is_clean = False
            reason = f"{place} has status_request_v2, which TLS 1.3 does not have"
            yield failed("T9", name, _alert(flight, _V2), reason)
    if is_clean and flight.client_hello is not None and _is_asked(flight, _V2):
        yield Check.passed("T9", name, "the client sent it, and the server did not act on it")


def _staples(flight: Flight, entries: Sequence[CertificateEntry]) -> Check:
    found = sum(entry.extension(_V1) is not None for entry in entries)
    if not _is_asked(flight, _V1) and found:
        reason = "a CertificateEntry has a status that the client did not ask for"
        return failed("T5", _STAPLES, _UNSUPPORTED, reason)
    broken = _broken("T5", _STAPLES, entries)
    if broken is not None:
        return broken
    if not found:
        return Check.skipped("T5", _STAPLES, "the server sent none, which is allowed")
    reason = f"{found} of {len(entries)} certificates have one"
    return Check.passed("T5", _STAPLES, reason)


def _broken(rule: str, name: str, entries: Sequence[CertificateEntry]) -> Check | None:
    """Report the first entry whose status can't be read, or is of a type that TLS 1.3 lacks."""
    for position, entry in enumerate(entries):
        try:
            status = entry.status
        except DecodeError as error:
            reason = f"CertificateEntry {position}: {error}"
            return failed(rule, name, AlertDescription.DECODE_ERROR, reason)
        if status is not None and status.status_type is not CertificateStatusType.OCSP:
            reason = f"CertificateEntry {position}: the type is {status.status_type}, not ocsp(1)"
            return failed(rule, name, _ILLEGAL, reason)
    return None


def _request(request: CertificateRequest) -> Check:
    """Check how a server asks for the client's staples: by an empty extension (T6)."""
    asked = request.extension(_V1)
    if asked is None:
        return Check.skipped("T6", _REQUEST, "the server did not ask for the client's status")
    if asked.data:
        reason = f"status_request has {len(asked.data)} octets; it must be empty"
        return failed("T6", _REQUEST, AlertDescription.DECODE_ERROR, reason)
    return Check.passed("T6", _REQUEST, "the CertificateRequest has an empty status_request")


def _client_staples(flight: Flight, entries: Sequence[CertificateEntry]) -> Check:
    found = sum(entry.extension(_V1) is not None for entry in entries)
    if not found:
        return Check.skipped("T6", _CLIENT_STAPLES, "the client sent none, which is allowed")
    if all(one.extension(_V1) is None for one in flight.certificate_requests):
        reason = "a CertificateEntry has a status that the server did not ask for"
        return failed("T6", _CLIENT_STAPLES, _UNSUPPORTED, reason)
    broken = _broken("T6", _CLIENT_STAPLES, entries)
    if broken is not None:
        return broken
    return Check.passed("T6", _CLIENT_STAPLES, f"{found} of {len(entries)} certificates have one")
