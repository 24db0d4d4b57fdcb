"""The rules of order and negotiation, each as a Check (T1, T3, T5, T6, T7, T9).

Whether a staple is to be believed is not asked here. Each failure names in
``facts["alert"]`` the alert that the standards have for it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Final, TypeVar

from certstatus.errors import DecodeError, MalformedError
from certstatus.handshake import check_tls12, check_tls13
from certstatus.handshake.extension import ExtensionBlock
from certstatus.handshake.finding import failed
from certstatus.handshake.flight import Flight
from certstatus.handshake.numbers import (
    TLS13,
    AlertDescription,
    ExtensionType,
    number_text,
)
from certstatus.verify import Check

__all__ = ["check_flight"]

T = TypeVar("T")

_ONCE: Final = "extensions stand once"


def check_flight(flight: Flight) -> tuple[Check, ...]:
    """Check every rule of order and negotiation that the flight was seen to reach."""
    checks = [*_requests(flight), *_repetitions(flight)]
    if flight.version >= TLS13:
        checks += check_tls13.checks(flight)
    elif flight.server_hello is not None:
        checks += check_tls12.checks(flight)
    return (*checks, *_wholeness(flight))


# --- what the client asked -----------------------------------------------------------------


def _requests(flight: Flight) -> Iterator[Check]:
    hello = flight.client_hello
    if hello is None:
        yield Check.skipped("T1", "status_request", "no ClientHello was seen")
        return
    yield _request("T1", ExtensionType.STATUS_REQUEST, hello, lambda: hello.status_request)
    if hello.extension(ExtensionType.STATUS_REQUEST_V2) is None:
        return
    yield _request("T9", ExtensionType.STATUS_REQUEST_V2, hello, lambda: hello.status_request_v2)


def _request(
    rule: str, kind: ExtensionType, hello: ExtensionBlock, read: Callable[[], object]
) -> Check:
    if hello.extension(kind) is None:
        return Check.skipped(rule, kind.label, "the client did not ask for a status")
    try:
        found = read()
    except DecodeError as error:
        return failed(rule, kind.label, AlertDescription.DECODE_ERROR, str(error))
    except MalformedError as error:
        return failed(rule, kind.label, AlertDescription.ILLEGAL_PARAMETER, str(error))
    if not found:
        return Check.skipped(rule, kind.label, "the client asked for a status of unknown type")
    return Check.passed(rule, kind.label, "the client asked for a status")


# --- what holds of every block -------------------------------------------------------------


def _blocks(flight: Flight) -> Iterator[tuple[str, str, ExtensionBlock]]:
    """Yield every block of extensions: the rule that it falls under, its message, itself."""
    hellos = (
        ("T1", "ClientHello", flight.client_hello),
        ("T5", "HelloRetryRequest", flight.retry),
        ("T5" if flight.version >= TLS13 else "T3", "ServerHello", flight.server_hello),
        ("T5", "EncryptedExtensions", flight.encrypted_extensions),
    )
    for rule, name, hello in hellos:
        if hello is not None:
            yield rule, name, hello
    for request in flight.certificate_requests:
        yield "T6", "CertificateRequest", request
    for rule, name, message in (
        ("T5", "the server's Certificate", flight.server_certificate),
        ("T6", "the client's Certificate", flight.client_certificate),
    ):
        for position, entry in enumerate(() if message is None else message.entries):
            yield rule, f"entry {position} of {name}", entry


def _repetitions(flight: Flight) -> Iterator[Check]:
    """Check that no block has an extension twice (RFC 9846 §4.2, RFC 5246 §7.4.1.4)."""
    is_clean = True
    for rule, name, block in _blocks(flight):
        if block.repeated:
            is_clean = False
            types = ", ".join(number_text(kind, ExtensionType) for kind in block.repeated)
            reason = f"{name} has more than one of {types}"
            yield failed(rule, _ONCE, AlertDescription.ILLEGAL_PARAMETER, reason)
    if is_clean and flight.client_hello is not None:
        yield Check.passed("T1", _ONCE, "no message has an extension twice")


# --- what holds of every staple ------------------------------------------------------------


def _wholeness(flight: Flight) -> Iterator[Check]:
    """Check that no staple was cut to make it fit; what does not fit is left out (T7)."""
    name = "staples are whole"
    staples = (*flight.staples, *flight.client_staples)
    sent = [staple for staple in staples if staple is not None]
    if not sent:
        yield Check.skipped("T7", name, "no staple was sent")
        return
    cut = _first(sent, _is_cut)
    if cut is None:
        largest = max(map(len, sent))
        yield Check.passed("T7", name, f"the largest has {largest} octets, and none is cut short")
        return
    reason = f"one ends after {len(cut)} octets, before the end that its own length names"
    yield failed("T7", name, AlertDescription.BAD_CERTIFICATE_STATUS_RESPONSE, reason)


def _first(among: Iterable[T], holds: Callable[[T], bool]) -> T | None:
    return next((one for one in among if holds(one)), None)


def _is_cut(der: bytes) -> bool:
    """Whether DER is shorter than its outermost length says; junk is not for us to judge."""
    if der[:1] != b"\x30":
        return False
    form = der[1] if len(der) > 1 else 0x80
    if form < 0x80:
        return len(der) < 2 + form
    count = form & 0x7F
    return len(der) < 2 + count + int.from_bytes(der[2 : 2 + count])
