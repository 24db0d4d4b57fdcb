"""Servers that speak garbage, hang, close, talk without end or refuse: the probe tells, and ends."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from certstatus.cli.probe_json import probe_json
from certstatus.errors import MalformedError, UnreachableError
from certstatus.handshake import (
    TLS12,
    TLS13,
    CertificateEntry,
    CertificateMessage,
    ExtensionType,
    HandshakeMessage,
    HandshakeType,
    Sender,
    ServerHello,
    TLSExtension,
    encode_certificate_message,
    encode_server_hello,
    status_message,
)
from certstatus.limits_tls import (
    MAX_HANDSHAKE_MESSAGES,
    MAX_PROBED_BYTES,
    MAX_STARTTLS_BYTES,
    PROBE_TIME,
)
from certstatus.tls.probe import ProbeOptions, probe
from certstatus.tls.probed import ProbeResult
from certstatus.tls.starttls import StartTLS
from certstatus.verify import Verdict
from tests.stapling import StaplingPKI, build_pki
from tests.tlshost import Listener, Serve

SHORT = timedelta(milliseconds=300)
LONG = timedelta(seconds=10)
each_way = pytest.mark.parametrize("uses_v2", [False, True], ids=["openssl", "v2"])


def ask(serve: Serve, **wishes: Any) -> ProbeResult:
    """Probe a server that does this; it must end by itself, and can be told as JSON."""
    usual: dict[str, Any] = {"versions": (TLS12,), "is_compared": False, "time_limit": LONG}
    with Listener(serve) as server:
        result = asyncio.run(probe(server.host, ProbeOptions(**{**usual, **wishes})))
    json.dumps(probe_json(result))
    return result


def reasons(result: ProbeResult) -> str:
    return "; ".join(str(one.observation.failure) for one in result.handshakes)


def send_for_ever(connection: socket.socket, data: bytes) -> None:
    connection.recv(1000)
    while True:
        connection.sendall(data)


def hang(connection: socket.socket) -> None:
    while connection.recv(1000):
        pass


# --- instead of TLS ---------------------------------------------------------------------------


@each_way
def test_a_server_that_closes_at_once(uses_v2: bool) -> None:
    result = ask(lambda connection: connection.close(), uses_v2=uses_v2)

    assert (result.verdict, result.exit_code) == (Verdict.UNREACHABLE, 69)


@each_way
@pytest.mark.parametrize(
    "garbage",
    [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"SSH-2.0-OpenSSH_9.2\r\n", bytes(200), b"\xff" * 200],
)
def test_a_server_that_speaks_no_tls(garbage: bytes, uses_v2: bool) -> None:
    result = ask(lambda connection: connection.sendall(garbage), uses_v2=uses_v2)

    assert not result.is_reached
    assert result.verdict in {Verdict.UNREACHABLE, Verdict.MALFORMED}


@each_way
def test_a_server_that_hangs_is_given_up(uses_v2: bool) -> None:
    started = time.monotonic()

    result = ask(hang, time_limit=SHORT, uses_v2=uses_v2)

    assert (result.verdict, result.exit_code) == (Verdict.UNREACHABLE, 69)
    assert "in time" in reasons(result)
    assert time.monotonic() - started < PROBE_TIME.total_seconds()


def test_a_server_that_drips_is_given_up() -> None:
    def drip(connection: socket.socket) -> None:
        connection.recv(1000)
        for octet in b"\x16\x03\x03\x40\x00\x02" * 100:
            connection.sendall(bytes((octet,)))
            if select_closed(connection):
                return

    result = ask(drip, time_limit=SHORT)

    assert result.verdict is Verdict.UNREACHABLE


def select_closed(connection: socket.socket) -> bool:
    """Wait a little; whether the client has gone."""
    connection.settimeout(0.02)
    try:
        return connection.recv(1) == b""
    except TimeoutError:
        return False


def test_a_handshake_without_end_is_cut_off() -> None:
    # A client in a handshake passes over HelloRequests, however many there are.
    requests = b"\x16\x03\x03\x00\x04\x00\x00\x00\x00" * 1000

    result = ask(lambda connection: send_for_ever(connection, requests))

    assert f"more than {MAX_HANDSHAKE_MESSAGES} messages" in reasons(result)


def test_what_a_server_sends_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    # OpenSSL bounds each message, and we their number: this bound is behind both.
    assert MAX_HANDSHAKE_MESSAGES * len(record(b"")) < MAX_PROBED_BYTES
    monkeypatch.setattr("certstatus.tls.observe.MAX_PROBED_BYTES", 100)
    half_a_hello = record(b"\x02\x00\x01\x00" + bytes(90))

    result = ask(lambda connection: send_for_ever(connection, half_a_hello))

    assert "more than 100 octets" in reasons(result)


@each_way
def test_a_message_that_claims_to_be_endless_is_refused(uses_v2: bool) -> None:
    huge = b"\x16\x03\x03\x40\x00\x0b\xff\xff\xff" + bytes(0x4000 - 4)

    result = ask(lambda connection: send_for_ever(connection, huge), uses_v2=uses_v2)

    assert not result.is_reached


# --- before TLS -------------------------------------------------------------------------------


@each_way
@pytest.mark.parametrize("protocol", list(StartTLS))
def test_plain_text_without_end_is_cut_off(protocol: StartTLS, uses_v2: bool) -> None:
    def talk(connection: socket.socket) -> None:
        while True:
            connection.sendall(b"220-" + b"x" * 1000 + b"\r\n")

    result = ask(talk, starttls=protocol, uses_v2=uses_v2)

    assert isinstance(result.handshakes[0].observation.failure, MalformedError)
    assert (result.verdict, result.exit_code) == (Verdict.MALFORMED, 65)
    assert len(reasons(result)) < 1000


def test_a_greeting_without_end_is_cut_off() -> None:
    def greet(connection: socket.socket) -> None:
        while True:
            connection.sendall(b"220-welcome\r\n" * 100)

    result = ask(greet, starttls=StartTLS.SMTP)

    assert f"more than {MAX_STARTTLS_BYTES} octets" in reasons(result)


@each_way
@pytest.mark.parametrize("protocol", list(StartTLS))
def test_a_server_that_hangs_before_tls_is_given_up(protocol: StartTLS, uses_v2: bool) -> None:
    result = ask(hang, starttls=protocol, time_limit=SHORT, uses_v2=uses_v2)

    assert result.verdict is Verdict.UNREACHABLE


@each_way
@pytest.mark.parametrize("protocol", list(StartTLS))
def test_a_server_that_closes_before_tls(protocol: StartTLS, uses_v2: bool) -> None:
    result = ask(lambda connection: connection.close(), starttls=protocol, uses_v2=uses_v2)

    assert result.verdict is Verdict.UNREACHABLE


@each_way
def test_a_refusal_is_told(uses_v2: bool) -> None:
    result = ask(
        lambda connection: connection.sendall(b"554 go away\r\n"),
        starttls=StartTLS.SMTP,
        uses_v2=uses_v2,
    )

    assert isinstance(result.handshakes[0].observation.failure, UnreachableError)
    assert "STARTTLS smtp: the server refuses: 554 go away" in reasons(result)


@each_way
def test_commands_put_in_behind_the_last_word_end_the_connection(uses_v2: bool) -> None:
    def inject(connection: socket.socket) -> None:
        connection.sendall(b"* OK hello\r\n")
        connection.recv(1000)
        connection.sendall(b"A1 OK begin\r\n* PREAUTH as somebody\r\n")
        hang(connection)

    result = ask(inject, starttls=StartTLS.IMAP, uses_v2=uses_v2)

    assert "stand behind the word that lets TLS begin" in reasons(result)
    assert result.exit_code == 65


# --- TLS, and not quite -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def pki() -> StaplingPKI:
    return build_pki()


def server_messages(pki: StaplingPKI) -> Iterator[bytes]:
    """Yield what a server sends in TLS 1.2 up to where keys are needed."""
    hello = ServerHello(
        random=bytes(32),
        cipher_suite=0xC02B,
        extensions=(TLSExtension(ExtensionType.STATUS_REQUEST),),
    )
    chain = (pki.server.certificate, pki.ca.certificate)
    entries = tuple(CertificateEntry(cert_data=one.der) for one in chain)
    for kind, body in (
        (HandshakeType.SERVER_HELLO, encode_server_hello(hello)),
        (
            HandshakeType.CERTIFICATE,
            encode_certificate_message(CertificateMessage(entries=entries), version=TLS12),
        ),
    ):
        yield HandshakeMessage(kind, body, Sender.SERVER).encode()
    yield status_message(pki.honest().der)


def record(data: bytes) -> bytes:
    return b"\x16\x03\x03" + len(data).to_bytes(2) + data


@given(
    changes=st.lists(st.tuples(st.integers(0, 2**16), st.integers(1, 255)), max_size=3),
    end=st.integers(1, 2**16),
)
@settings(max_examples=30)
@pytest.mark.rule("T3")
def test_no_octet_of_a_handshake_harms_wherever_it_is_changed(
    pki: StaplingPKI, changes: list[tuple[int, int]], end: int
) -> None:
    octets = bytearray(b"".join(server_messages(pki)))
    for place, change in changes:
        octets[place % len(octets)] ^= change
    sent = record(bytes(octets[:end]))

    result = ask(lambda connection: connection.sendall(sent))

    assert not result.is_reached


@pytest.mark.parametrize("version", [TLS12, TLS13])
def test_an_alert_is_told(version: int) -> None:
    result = ask(
        lambda connection: connection.sendall(b"\x15\x03\x03\x00\x02\x02\x28"), versions=(version,)
    )

    assert "handshake failure" in reasons(result)


@pytest.mark.rule("T4")
def test_a_staple_that_came_before_the_handshake_broke_is_judged(pki: StaplingPKI) -> None:
    sent = record(b"".join(server_messages(pki)))

    result = ask(lambda connection: connection.sendall(sent), anchors=(pki.root.certificate,))

    (handshake,) = result.handshakes
    assert handshake.statuses[0].report is not None
    assert handshake.statuses[0].report.verdict is Verdict.GOOD
    assert result.verdict is Verdict.UNREACHABLE


@pytest.mark.rule("T10")
def test_a_handshake_that_broke_before_the_staple_breaks_no_promise(pki: StaplingPKI) -> None:
    hello, _, _ = server_messages(pki)
    entry = CertificateEntry(cert_data=pki.must_staple.certificate.der)
    body = encode_certificate_message(CertificateMessage(entries=(entry,)), version=TLS12)
    shown = HandshakeMessage(HandshakeType.CERTIFICATE, body, Sender.SERVER).encode()

    result = ask(lambda connection: connection.sendall(record(hello + shown)))

    assert result.handshakes[0].failures == ()
    assert result.verdict is Verdict.UNREACHABLE
