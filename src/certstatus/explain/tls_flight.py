"""A whole TLS handshake in words, as far as it can be read (RFC 9846 §4, RFC 5246 §7.3)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from certstatus.errors import MalformedError
from certstatus.explain.field import Field, count_text, numbered
from certstatus.explain.tls_message import explain_message
from certstatus.handshake import (
    TLS13,
    AlertDescription,
    ExtensionType,
    Flight,
    HandshakeMessage,
    check_flight,
    guess_senders,
    read_transcript,
    split_handshake,
    version_text,
)
from certstatus.verify import Outcome

__all__ = ["Seen", "explain_handshake", "explain_records", "flight_field"]

_SECTION: Final = "RFC 9846 §4"
_ASKING: Final = (ExtensionType.STATUS_REQUEST, ExtensionType.STATUS_REQUEST_V2)


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What was seen of a connection beside its handshake messages.

    ``ends`` names client and server; ``encrypted`` counts records that can't be read; ``alerts`` are level and description;
    ``gaps`` say what is missing.
    """

    ends: str = ""
    encrypted: int = 0
    alerts: tuple[tuple[int, int], ...] = ()
    gaps: tuple[str, ...] = ()


def explain_handshake(data: bytes) -> Field:
    """Explain handshake messages that follow each other without records.

    One alone is explained as itself, several as a flight.

    Raises:
        MalformedError: they are cut short.
    """
    messages = guess_senders(split_handshake(data))
    if len(messages) == 1:
        return explain_message(messages[0])
    return flight_field("TLS handshake", messages, Seen())


def explain_records(data: bytes) -> Field:
    """Explain the TLS records of one connection, of one direction or of both in turn.

    Raises:
        MalformedError: they are no TLS records.
    """
    transcript = read_transcript(data)
    seen = Seen(
        encrypted=transcript.encrypted,
        alerts=transcript.alerts,
        gaps=(transcript.rest,) if transcript.rest else (),
    )
    return flight_field("TLS records", guess_senders(transcript.messages), seen)


def flight_field(name: str, messages: Sequence[HandshakeMessage], seen: Seen) -> Field:
    """Explain a connection: each message, what order and negotiation show, what is hidden."""
    parts = [seen.ends, count_text(len(messages), "handshake message")]
    try:
        flight = Flight.read(messages)
    except MalformedError as error:
        value, children = _joined(parts), _children(messages, seen, version=0)
        return Field(name, value, "", _SECTION, children=children, problem=str(error))
    if flight.version:
        parts.insert(1, version_text(flight.version))
    return Field(
        name,
        _joined(parts),
        _summary(flight, seen),
        _SECTION,
        children=_children(messages, seen, version=flight.version),
        departures=_departures(flight),
    )


def _joined(parts: Iterable[str]) -> str:
    return ", ".join(part for part in parts if part)


def _children(
    messages: Iterable[HandshakeMessage], seen: Seen, *, version: int
) -> tuple[Field, ...]:
    children = [explain_message(message, version=version) for message in messages]
    children += [_alert(*alert) for alert in seen.alerts]
    if seen.encrypted:
        children.append(_encrypted(seen.encrypted, version))
    missing = [Field("missing", reason, "the capture is not complete") for reason in seen.gaps]
    return (*children, *missing)


def _alert(level: int, description: int) -> Field:
    grade = {1: "warning", 2: "fatal"}.get(level, f"level {level}")
    value = f"{grade}, {numbered(description, AlertDescription)}"
    return Field("Alert", value, "why a side ended the connection", "RFC 9846 §6")


def _encrypted(count: int, version: int) -> Field:
    meaning = "can't be read without the keys"
    if version >= TLS13:
        meaning += "; in TLS 1.3 certificates and their staples are among them"
    return Field("encrypted", count_text(count, "record"), meaning, "RFC 9846 §5.2")


def _departures(flight: Flight) -> tuple[str, ...]:
    return tuple(
        f"{check.name}: {check.reason} ({check.rule}; {check.facts['alert']})"
        for check in check_flight(flight)
        if check.outcome is Outcome.FAIL
    )


def _summary(flight: Flight, seen: Seen) -> str:
    """Say in one line what became of the certificate status."""
    return "; ".join(part for part in (_asking(flight), _answer(flight, seen)) if part)


def _asking(flight: Flight) -> str:
    if flight.client_hello is None:
        return ""
    is_asked = any(flight.client_hello.extension(kind) is not None for kind in _ASKING)
    return f"the client {'asks' if is_asked else 'does not ask'} for certificate status"


def _answer(flight: Flight, seen: Seen) -> str:
    if flight.server_hello is None:
        return ""
    if flight.is_resumed:
        return "the session is resumed, so that no certificate is sent"
    stapled = sum(staple is not None for staple in flight.staples)
    if stapled:
        return f"the server staples for {stapled} of {count_text(len(flight.chain), 'certificate')}"
    if flight.is_promised:
        return "the server promises one and sends none" if flight.chain else "the server promises"
    if not flight.chain and flight.version >= TLS13 and seen.encrypted:
        return "the server's answer is encrypted"
    return "the server sends none" if flight.chain else ""
