"""How handshakes fail, and that no failure leaves a socket open or a peer waiting."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from certstatus.errors import (
    CertStatusError,
    DecodeError,
    MalformedError,
    SignerError,
    SourceError,
    UnreachableError,
)
from certstatus.handshake import (
    TLS12,
    TLS13,
    CertificateStatusRequest,
    ClientHello,
    ContentType,
    ExtensionType,
    HandshakeType,
    OCSPStatusRequest,
    TLSExtension,
    encode_certificate_status_request,
    encode_client_hello,
    parse_records,
)
from certstatus.limits_tls import MAX_HANDSHAKE_MESSAGES, MAX_WIRE_BYTES, WIRE_TIME
from certstatus.ocsp import ByKey
from certstatus.tls import wire_socket
from certstatus.tls.wire import Choose, Credentials, ServerStaples, WireConnection, accept, connect
from certstatus.tls.wire_engine import Engine
from tests.wiring import (
    ASKED,
    CHAIN,
    PATIENCE,
    SERVER,
    STAPLES,
    flight_of,
    serving,
    shake_hands,
)

MOMENT: Final = timedelta(milliseconds=100)


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    theirs.settimeout(PATIENCE.total_seconds())
    with ours, theirs:
        yield ours, theirs


def record(content: bytes, kind: int = ContentType.HANDSHAKE) -> bytes:
    return bytes((kind, 3, 1)) + len(content).to_bytes(2) + content


def message(kind: int, body: bytes) -> bytes:
    return bytes((kind,)) + len(body).to_bytes(3) + body


def client_hello(*extensions: TLSExtension) -> bytes:
    """A hello of TLS 1.2 that offers one suite; enough to be read."""
    usual = (
        TLSExtension(ExtensionType.SUPPORTED_GROUPS, bytes.fromhex("0002001d")),
        TLSExtension(ExtensionType.SIGNATURE_ALGORITHMS, bytes.fromhex("00020403")),
    )
    hello = ClientHello(cipher_suites=(0xC02B,), extensions=(*usual, *extensions))
    return record(message(HandshakeType.CLIENT_HELLO, encode_client_hello(hello)))


def rest(sock: socket.socket) -> bytes:
    """Read what a peer sends until it closes."""
    found = b""
    while chunk := sock.recv(65_536):
        found += chunk
    sock.close()
    return found


def alert_in(data: bytes) -> int:
    """Return the number of the fatal alert that ends a plaintext flight."""
    last = parse_records(data)[-1]
    assert (last.type, last.fragment[0]) == (ContentType.ALERT, 2)
    return last.fragment[1]


HONEST: Final = serving(*STAPLES)


def refused(sent: bytes, choose: Choose = HONEST) -> tuple[Exception, int]:
    """Send octets to our server; return the error that it ends with, and its alert."""
    ours, theirs = socket.socketpair()
    theirs.settimeout(PATIENCE.total_seconds())
    with ours, theirs, ThreadPoolExecutor(1) as other:
        theirs.sendall(sent)
        said = other.submit(rest, theirs)
        with pytest.raises((CertStatusError, RuntimeError)) as caught:
            accept(ours, choose, timeout=PATIENCE)
        assert ours.fileno() == -1
        return caught.value, alert_in(said.result())


# --- a server and what it hears --------------------------------------------------------------


@pytest.mark.rule("T1")
@pytest.mark.parametrize(
    "broken",
    [b"", b"\x01", bytes.fromhex("0100000000ff"), bytes.fromhex("010002000000"), b"\x01\x00\x05"],
    ids=["empty", "cut short", "an octet too many", "an empty ResponderID", "a lying length"],
)
def test_broken_framing_of_the_question_is_a_decode_error(broken: bytes) -> None:
    error, alert = refused(client_hello(TLSExtension(ExtensionType.STATUS_REQUEST, broken)))

    assert isinstance(error, DecodeError)
    assert error.where.startswith("CertificateStatusRequest")
    assert alert == 50


@pytest.mark.rule("T1")
def test_a_responder_id_that_is_no_der_is_an_illegal_parameter() -> None:
    question = bytes.fromhex("01 0003 0001 ff 0000")
    error, alert = refused(client_hello(TLSExtension(ExtensionType.STATUS_REQUEST, question)))

    assert isinstance(error, MalformedError)
    assert "responder_id_list[0]" in error.where
    assert alert == 47


@pytest.mark.rule("T9")
def test_broken_framing_of_the_second_question_is_a_decode_error() -> None:
    error, alert = refused(client_hello(TLSExtension(ExtensionType.STATUS_REQUEST_V2, b"\0\0")))

    assert isinstance(error, DecodeError)
    assert error.rule == "T9"
    assert alert == 50


@pytest.mark.rule("T9")
def test_tls_1_3_does_not_even_look_at_the_second_question(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("certstatus.tls.wire_client.encode_status_request_v2", lambda _: b"broken")

    pair = shake_hands(serving(*STAPLES), status_request_v2=())

    assert isinstance(pair.server, WireConnection)
    assert pair.server.version == TLS13


@pytest.mark.parametrize("version", [TLS12, TLS13], ids=["TLS 1.2", "TLS 1.3"])
@pytest.mark.rule("T1")
def test_a_question_of_another_kind_is_passed_over(
    monkeypatch: pytest.MonkeyPatch, version: int
) -> None:
    """RFC 6066 §8: what follows a status_type that nobody has defined can't be known."""
    target = "certstatus.tls.wire_client.encode_certificate_status_request"
    monkeypatch.setattr(target, lambda _: b"\x02of another kind")

    pair = shake_hands(HONEST, versions=(version,))

    assert isinstance(pair.server, WireConnection)
    assert pair.flight.staples == (None, None)


def test_a_hello_with_a_lying_length_is_a_decode_error() -> None:
    error, alert = refused(record(message(HandshakeType.CLIENT_HELLO, b"\x03\x03" + bytes(33))))

    assert isinstance(error, DecodeError)
    assert alert == 50


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        (b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", 47),
        (record(message(HandshakeType.FINISHED, bytes(12))), 10),
        (record(b"\x17\x03", ContentType.APPLICATION_DATA), 10),
        (bytes((22, 3, 1)) + (2**15).to_bytes(2) + bytes(2**15), 22),
    ],
    ids=["HTTP", "Finished", "application data", "a record too long"],
)
def test_what_is_no_client_hello_is_refused(sent: bytes, expected: int) -> None:
    error, alert = refused(sent)

    assert isinstance(error, UnreachableError)
    assert error.alert is None
    assert flight_of(error).client_hello is None
    assert alert == expected


def test_a_hello_of_ssl_2_is_refused() -> None:
    hello = bytes.fromhex("01 0303 0003 0000 0010 00c02b") + bytes(16)
    error, alert = refused(bytes((0x80, len(hello))) + hello)

    assert isinstance(error, DecodeError)
    assert "SSL 2.0" in str(error)
    assert alert == 70


@pytest.mark.parametrize(
    ("error", "alert"),
    [
        (SourceError("the staple's source is down"), 80),
        (SignerError("the key is gone"), 80),
        (RuntimeError("a defect"), 80),
    ],
)
def test_a_choice_that_fails_tells_the_client_and_goes_on_unchanged(
    error: Exception, alert: int
) -> None:
    def choose(hello: ClientHello) -> tuple[Credentials, ServerStaples]:
        raise error

    assert refused(client_hello(), choose) == (error, alert)


def test_credentials_that_cannot_be_used_tell_the_client() -> None:
    unusable = Credentials(chain=(CHAIN[1],), key=SERVER.key)

    error, alert = refused(client_hello(), serving(credentials=unusable))

    assert isinstance(error, SignerError)
    assert alert == 80


def test_a_server_chooses_by_the_name_that_the_client_sends() -> None:
    heard = []

    def choose(hello: ClientHello) -> tuple[Credentials, ServerStaples]:
        heard.append((hello.server_name, hello.supported_versions))
        return serving()(hello)

    shake_hands(choose, server_name="www.leaf.example")
    shake_hands(choose, server_name=None, versions=(TLS12,))

    assert heard == [("www.leaf.example", (TLS13, TLS12)), (None, (TLS12,))]


@pytest.mark.parametrize(
    ("theirs", "ours"), [((TLS12,), (TLS13,)), ((TLS13,), (TLS12,))], ids=["older", "newer"]
)
def test_no_version_in_common_fails_with_its_alert(
    theirs: tuple[int, ...], ours: tuple[int, ...]
) -> None:
    pair = shake_hands(serving(), versions=theirs, accepting={"versions": ours})

    assert isinstance(pair.client, UnreachableError)
    assert isinstance(pair.server, UnreachableError)
    assert pair.client.alert in {40, 70}
    assert pair.flight.client_hello is not None


@pytest.mark.parametrize("act", [accept, connect])
@pytest.mark.parametrize("versions", [(), (0x0302,), (TLS12, 0x7F1C)])
def test_other_versions_are_refused_before_anything_is_sent(
    ends: tuple[socket.socket, socket.socket], act: Callable[..., object], versions: tuple[int, ...]
) -> None:
    ours, theirs = ends
    more = {} if act is accept else {"server_name": None, "status_request": None}
    arguments = (ours, serving()) if act is accept else (ours,)

    with pytest.raises(ValueError, match="versions"):
        act(*arguments, versions=versions, **more)
    theirs.close()
    assert ours.fileno() == -1


# --- a client and what it hears --------------------------------------------------------------


@pytest.mark.parametrize("name", ["127.0.0.1", "::1", "two words", "a" * 64 + ".example", ""])
def test_a_name_that_is_none_is_refused_before_anything_is_sent(
    ends: tuple[socket.socket, socket.socket], name: str
) -> None:
    with pytest.raises(ValueError, match="server_name"):
        connect(ends[0], server_name=name, status_request=ASKED)

    assert ends[1].recv(1) == b""


@pytest.mark.rule("T1")
def test_a_question_too_long_is_refused_before_anything_is_sent(
    ends: tuple[socket.socket, socket.socket],
) -> None:
    too_many = OCSPStatusRequest(responder_id_list=(ByKey.of(CHAIN[0]),) * 3_000)

    with pytest.raises(ValueError, match="responder_id_list"):
        connect(ends[0], server_name=None, status_request=CertificateStatusRequest(too_many))

    assert ends[1].recv(1) == b""


def test_a_client_without_a_fit_key_sends_nothing(
    ends: tuple[socket.socket, socket.socket],
) -> None:
    unusable = Credentials(chain=(), key=SERVER.key)

    with pytest.raises(SignerError):
        connect(ends[0], server_name=None, status_request=None, credentials=unusable)

    assert ends[1].recv(1) == b""


def told(sent: bytes, *, timeout: timedelta = PATIENCE) -> CertStatusError:
    """Send octets to our client, close, and return the error that it ends with."""
    ours, theirs = socket.socketpair()
    with ours, theirs, ThreadPoolExecutor(1) as other:
        answering = other.submit(answer, theirs, sent)
        with pytest.raises(CertStatusError) as caught:
            connect(ours, server_name="localhost", status_request=ASKED, timeout=timeout)
        assert ours.fileno() == -1
        answering.result()
        return caught.value


def answer(sock: socket.socket, data: bytes) -> None:
    assert sock.recv(65_536)
    try:
        sock.sendall(data)
        sock.shutdown(socket.SHUT_WR)
        rest(sock)
    except (BrokenPipeError, ConnectionResetError):
        return


def test_a_server_that_sends_an_alert_is_quoted() -> None:
    error = told(record(bytes((2, 112)), ContentType.ALERT))

    assert isinstance(error, UnreachableError)
    assert error.alert == 112
    assert "the peer sent the alert unrecognized_name(112)" in str(error)
    assert flight_of(error).asked == ASKED


def test_a_server_that_says_nothing_and_closes_is_told() -> None:
    error = told(b"")

    assert isinstance(error, UnreachableError)
    assert "localhost failed" in str(error)
    assert "the peer closed the connection" in str(error)


def test_a_server_hello_with_a_lying_length_is_a_decode_error() -> None:
    error = told(record(message(HandshakeType.SERVER_HELLO, b"\x03\x03" + bytes(31))))

    assert isinstance(error, DecodeError)
    assert error.where.startswith("ServerHello")


def test_a_server_that_speaks_no_tls_is_told() -> None:
    assert isinstance(told(b"220 mail.example ESMTP\r\n"), UnreachableError)


def test_a_defect_of_the_engine_is_an_error_of_ours(
    ends: tuple[socket.socket, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise KeyError("an algorithm that it does not know")

    monkeypatch.setattr(Engine, "handshakeClientCert", fail)

    with pytest.raises(UnreachableError, match="the TLS engine failed: KeyError"):
        connect(ends[0], server_name=None, status_request=ASKED)
    assert ends[0].fileno() == -1


def test_a_server_that_sends_without_end_is_cut_off() -> None:
    head = bytes((HandshakeType.SERVER_HELLO,)) + (2**24 - 1).to_bytes(3)
    flood = record(head) + record(bytes(2**14)) * (MAX_WIRE_BYTES // 2**14 + 2)

    error = told(flood)

    assert isinstance(error, MalformedError)
    assert "longer than any" in str(error)


def test_a_server_of_too_many_messages_is_cut_off() -> None:
    status = message(HandshakeType.CERTIFICATE_STATUS, b"\0")

    error = told(record(status * (MAX_HANDSHAKE_MESSAGES + 1)))

    assert isinstance(error, MalformedError)
    assert f"more than {MAX_HANDSHAKE_MESSAGES} messages" in str(error)


def test_a_chain_too_long_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("certstatus.handshake.certificate.MAX_TLS_CHAIN", 1)
    ours, theirs = socket.socketpair()
    with ours, theirs, ThreadPoolExecutor(1) as other:
        serving_it = other.submit(accept, ours, HONEST, timeout=PATIENCE)
        with pytest.raises(DecodeError, match="more than 1 certificates"):
            connect(theirs, server_name=None, status_request=None, versions=(TLS12,))
        with pytest.raises(DecodeError, match="more than 1 certificates"):
            serving_it.result()
        assert (ours.fileno(), theirs.fileno()) == (-1, -1)


# --- whatever comes ---------------------------------------------------------------------------

HELLO: Final = client_hello(
    TLSExtension(
        ExtensionType.STATUS_REQUEST, encode_certificate_status_request(CertificateStatusRequest())
    )
)


@given(st.data())
@settings(max_examples=60)
@pytest.mark.rule("T1")
def test_a_hello_with_any_octet_changed_ends_in_an_error_of_ours(data: st.DataObject) -> None:
    octets = bytearray(HELLO)
    octets[data.draw(st.integers(0, len(octets) - 1))] = data.draw(st.integers(0, 255))
    length = data.draw(st.integers(0, len(octets)))

    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(octets[:length])
        theirs.shutdown(socket.SHUT_WR)
        with pytest.raises(CertStatusError):
            accept(ours, HONEST, timeout=MOMENT)
        assert ours.fileno() == -1


@given(st.binary(max_size=200), st.sampled_from(ContentType))
@settings(max_examples=60)
def test_any_answer_to_a_hello_ends_in_an_error_of_ours(content: bytes, kind: ContentType) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(record(content, kind))
        theirs.shutdown(socket.SHUT_WR)
        with pytest.raises(CertStatusError):
            connect(ours, server_name=None, status_request=ASKED, timeout=MOMENT)
        assert ours.fileno() == -1


# --- time ------------------------------------------------------------------------------------


@pytest.mark.parametrize("sent", [b"", b"\x16", client_hello()[:40]], ids=["", "octet", "half"])
def test_a_silent_client_holds_no_server(
    ends: tuple[socket.socket, socket.socket], sent: bytes
) -> None:
    ours, theirs = ends
    theirs.sendall(sent)
    theirs.shutdown(socket.SHUT_WR) if not sent else None

    with pytest.raises(UnreachableError) as caught:
        accept(ours, serving(), timeout=MOMENT)

    assert ours.fileno() == -1
    assert flight_of(caught.value).messages == ()


def test_a_silent_server_holds_no_client(ends: tuple[socket.socket, socket.socket]) -> None:
    with pytest.raises(UnreachableError, match=r"timed out|no end within 0\.1 s"):
        connect(ends[0], server_name=None, status_request=None, timeout=MOMENT)

    assert ends[0].fileno() == -1


class LateTime:
    """A clock that is past every end at the second look."""

    def __init__(self) -> None:
        self._looks = iter((0.0, WIRE_TIME.total_seconds()))

    def monotonic(self) -> float:
        return next(self._looks, 0.0)


def test_a_handshake_has_a_time_where_none_is_given(
    ends: tuple[socket.socket, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wire_socket, "time", LateTime())

    with pytest.raises(UnreachableError, match="no end within 15 s"):
        accept(ends[0], HONEST)


# --- after the handshake ---------------------------------------------------------------------


@pytest.fixture(params=[TLS12, TLS13], ids=["TLS 1.2", "TLS 1.3"])
def joined(request: pytest.FixtureRequest) -> Iterator[tuple[WireConnection, WireConnection]]:
    """A client and its server, both done with the handshake."""
    ours, theirs = socket.socketpair()
    with ours, theirs, ThreadPoolExecutor(1) as other:
        serving_it = other.submit(accept, theirs, serving(*STAPLES), timeout=PATIENCE)
        with (
            connect(
                ours,
                server_name=None,
                status_request=ASKED,
                versions=(request.param,),
                timeout=PATIENCE,
            ) as client,
            serving_it.result() as server,
        ):
            yield client, server
            client.close()


def test_what_one_writes_the_other_reads(joined: tuple[WireConnection, WireConnection]) -> None:
    client, server = joined

    client.write(b"question")
    assert server.read() == b"question"
    server.write(bytes(20_000))
    assert b"".join(iter_read(client, 20_000)) == bytes(20_000)


def iter_read(connection: WireConnection, octets: int) -> Iterator[bytes]:
    while octets:
        chunk = connection.read(1_000)
        assert 0 < len(chunk) <= 1_000
        octets -= len(chunk)
        yield chunk


def test_the_end_is_an_empty_read(joined: tuple[WireConnection, WireConnection]) -> None:
    client, server = joined
    client.write(b"last words")
    client.close()

    assert server.read() == b"last words"
    assert server.read() == b""
    assert server.read() == b""
    client.close()


def test_an_end_without_goodbye_is_an_error(
    joined: tuple[WireConnection, WireConnection], monkeypatch: pytest.MonkeyPatch
) -> None:
    client, server = joined
    client._sock.close()

    with pytest.raises(UnreachableError, match="reading from the client failed"):
        server.read()
    with pytest.raises(UnreachableError, match="writing to the client failed"):
        server.write(b"too late")


def test_a_read_has_its_time(joined: tuple[WireConnection, WireConnection]) -> None:
    client, _ = joined
    client._seconds = MOMENT.total_seconds()

    with pytest.raises(UnreachableError, match="reading from the server failed"):
        client.read()
