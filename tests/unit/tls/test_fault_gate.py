from __future__ import annotations

import logging
import socket
import threading
from datetime import timedelta

import pytest

from certstatus.errors import ConfigError
from certstatus.tls.fault_gate import Gate, SecondHandle

LONG = timedelta(seconds=60)


def call(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=10)


def echo(sock: socket.socket) -> None:
    sock.sendall(sock.recv(100))


def hold(sock: socket.socket) -> None:
    """Wait for bytes that never come."""
    sock.sendall(b"here")
    sock.recv(100)


def gate(time_limit: timedelta = LONG, max_connections: int = 10) -> Gate:
    return Gate(max_connections=max_connections, time_limit=time_limit)


def test_each_port_has_its_own_service() -> None:
    doors = gate()
    ports = [
        doors.listen("127.0.0.1", 0, echo),
        doors.listen("127.0.0.1", 0, lambda sock: sock.sendall(b"other")),
    ]
    with doors:
        with call(ports[0]) as first:
            first.sendall(b"hello")
            assert first.recv(100) == b"hello"
            assert first.recv(100) == b""
        with call(ports[1]) as second:
            assert second.recv(100) == b"other"


def test_past_the_bound_a_connection_is_closed_at_once() -> None:
    doors = gate(max_connections=1)
    port = doors.listen("127.0.0.1", 0, hold)
    with doors, call(port) as first:
        assert first.recv(100) == b"here"
        with call(port) as second:
            assert second.recv(100) == b""
        first.sendall(b"done")
        assert first.recv(100) == b""


def test_a_connection_whose_time_is_over_is_cut() -> None:
    def hold_on(sock: socket.socket) -> None:
        sock.settimeout(None)
        hold(sock)

    doors = gate(time_limit=timedelta(milliseconds=1))
    port = doors.listen("127.0.0.1", 0, hold_on)
    with doors, call(port) as sock:
        assert sock.recv(100) == b"here"
        assert sock.recv(100) == b""


def test_closing_ends_every_connection_and_all_listening() -> None:
    doors = gate()
    port = doors.listen("127.0.0.1", 0, hold)
    doors.start()
    with call(port) as sock:
        assert sock.recv(100) == b"here"
        doors.close()
        assert sock.recv(100) == b""
    with pytest.raises(ConnectionRefusedError):
        call(port)
    doors.close()


def test_a_gate_that_never_began_closes_as_well() -> None:
    doors = gate()
    port = doors.listen("127.0.0.1", 0, hold)

    doors.close()

    with pytest.raises(ConnectionRefusedError):
        call(port)


def test_a_defect_in_one_connection_ends_that_one_alone(caplog: pytest.LogCaptureFixture) -> None:
    def stumble(sock: socket.socket) -> None:
        if sock.recv(1) == b"x":
            raise ZeroDivisionError
        sock.sendall(b"fine")

    doors = gate()
    port = doors.listen("127.0.0.1", 0, stumble)
    with caplog.at_level(logging.ERROR), doors:
        for word, answer in ((b"x", b""), (b"y", b"fine")):
            with call(port) as sock:
                sock.sendall(word)
                assert sock.recv(100) == answer

    assert [record.exc_info is not None for record in caplog.records] == [True]


def test_an_address_that_is_not_ours_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    doors = gate()
    with pytest.raises(ConfigError, match=r"can't listen on 192\.0\.2\.1 port 0: "):
        doors.listen("192.0.2.1", 0, echo)
    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(ConfigError, match="Name or service not known"):
        doors.listen("no.such.host", 0, echo)
    doors.close()


def test_a_port_that_is_taken_is_named() -> None:
    doors = gate()
    port = doors.listen("127.0.0.1", 0, echo)
    other = gate()

    with pytest.raises(ConfigError, match=f"127.0.0.1 port {port}: Address already in use"):
        other.listen("127.0.0.1", port, echo)

    doors.close()
    other.close()


# --- a second handle --------------------------------------------------------------------------


def test_what_was_read_is_read_again_and_then_what_comes() -> None:
    left, right = socket.socketpair()
    with left, right, SecondHandle(left, b"abc", closing=threading.Event()) as handle:
        right.sendall(b"def")
        assert [handle.recv(2), handle.recv(2), handle.recv(100)] == [b"ab", b"c", b"def"]
        handle.sendall(bytes(100_000))
        assert right.recv(100_000, socket.MSG_WAITALL) == bytes(100_000)


def test_the_connection_lasts_as_long_as_one_of_its_handles() -> None:
    left, right = socket.socketpair()
    with left, right:
        handle = SecondHandle(left, closing=threading.Event())
        left.close()
        handle.sendall(b"still here")
        assert right.recv(100) == b"still here"
        handle.close()
        assert right.recv(100) == b""


def test_what_drips_comes_byte_by_byte_and_whole() -> None:
    left, right = socket.socketpair()
    dripping = SecondHandle(left, pause=timedelta(0), closing=threading.Event())
    with left, right, dripping:
        assert dripping.send(b"abc") == 1
        dripping.sendall(b"bcdef")
        assert right.recv(100) == b"abcdef"


def test_dripping_ends_with_its_host() -> None:
    left, right = socket.socketpair()
    closing = threading.Event()
    with left, right, SecondHandle(left, pause=timedelta(hours=1), closing=closing) as dripping:
        closing.set()
        with pytest.raises(ConnectionAbortedError):
            dripping.sendall(b"abc")
