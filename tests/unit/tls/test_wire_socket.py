from __future__ import annotations

import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count

import pytest

from certstatus.errors import MalformedError
from certstatus.limits_tls import WIRE_CLOSE_TIME
from certstatus.tls import wire_socket
from certstatus.tls.wire_socket import BoundedSocket


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


class SteppingTime:
    """A clock that goes on with every look at it."""

    def __init__(self, step: float = 1) -> None:
        self._seconds = count(0, step)

    def monotonic(self) -> float:
        return next(self._seconds)


def test_the_time_counts_over_all_reads_together(
    ends: tuple[socket.socket, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A peer that sends an octet now and then is never late for one read."""
    monkeypatch.setattr(wire_socket, "time", SteppingTime())
    bounded = BoundedSocket(ends[0])
    bounded.start(4)
    ends[1].sendall(b"dribble")

    assert [bounded.recv(1) for _ in range(3)] == [b"d", b"r", b"i"]
    with pytest.raises(TimeoutError, match="no end within 4 s"):
        bounded.recv(1)


def test_nothing_is_read_or_written_once_the_time_is_over(
    ends: tuple[socket.socket, socket.socket],
) -> None:
    bounded = BoundedSocket(ends[0])
    ends[1].sendall(b"in time")
    bounded.start(-1)

    with pytest.raises(TimeoutError, match="no end within"):
        bounded.recv(1)
    with pytest.raises(TimeoutError, match="no end within"):
        bounded.sendall(b"late")
    with pytest.raises(TimeoutError, match="no end within"):
        bounded.send(b"late")


def test_a_peer_that_does_not_read_holds_no_one(
    ends: tuple[socket.socket, socket.socket],
) -> None:
    bounded = BoundedSocket(ends[0])
    bounded.start(0.1)

    with pytest.raises(TimeoutError):
        bounded.sendall(bytes(2**24))


def test_the_limit_is_the_last_octet_that_is_read(
    ends: tuple[socket.socket, socket.socket],
) -> None:
    bounded = BoundedSocket(ends[0])
    bounded.start(5, limit=10)
    ends[1].sendall(bytes(10))
    assert bounded.recv(100) == bytes(10)

    ends[1].sendall(b"\0")
    with pytest.raises(MalformedError, match="longer than any"):
        bounded.recv(100)


def test_a_new_start_lifts_the_limit(ends: tuple[socket.socket, socket.socket]) -> None:
    bounded = BoundedSocket(ends[0])
    bounded.start(5, limit=1)
    bounded.start(5)
    ends[1].sendall(bytes(10))

    assert bounded.recv(100) == bytes(10)


def test_what_a_peer_said_before_it_closed_can_still_be_read(
    ends: tuple[socket.socket, socket.socket],
) -> None:
    bounded = BoundedSocket(ends[0])
    bounded.start(5, is_hearing_out=True)
    ends[1].sendall(b"why")
    ends[1].close()

    bounded.sendall(b"too late")
    assert bounded.recv(100) == b"why"
    with pytest.raises(BrokenPipeError):
        bounded.sendall(b"again")


def test_without_hearing_out_a_broken_pipe_is_told_at_once(
    ends: tuple[socket.socket, socket.socket],
) -> None:
    bounded = BoundedSocket(ends[0])
    bounded.start(5)
    ends[1].close()

    with pytest.raises(BrokenPipeError):
        bounded.sendall(b"too late")


def test_who_lingers_lets_the_peer_close_first(
    ends: tuple[socket.socket, socket.socket],
) -> None:
    ours, theirs = ends
    bounded = BoundedSocket(ours, lingers=True)
    bounded.start(5)
    bounded.sendall(b"last words")
    with ThreadPoolExecutor(1) as other:
        closing = other.submit(bounded.close)
        assert theirs.recv(100) == b"last words"
        assert theirs.recv(100) == b""
        theirs.sendall(b"unread")
        assert not closing.done()
        theirs.close()
        closing.result(timeout=5)

    assert ours.fileno() == -1
    bounded.close()


def test_who_lingers_does_not_wait_for_ever(
    ends: tuple[socket.socket, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor for a peer that goes on and on."""
    monkeypatch.setattr(wire_socket, "_DRAIN_BYTES", 1)
    monkeypatch.setattr(wire_socket, "time", SteppingTime(WIRE_CLOSE_TIME.total_seconds() / 4))
    bounded = BoundedSocket(ends[0], lingers=True)
    bounded.start(5)
    bounded.sendall(b"last words")
    ends[1].sendall(b"on and on")

    bounded.close()

    assert ends[0].fileno() == -1
    assert ends[1].recv(100) == b"last words"
    with pytest.raises(ConnectionResetError):
        ends[1].recv(100)


def test_who_has_said_nothing_does_not_linger(
    ends: tuple[socket.socket, socket.socket],
) -> None:
    ends[1].sendall(b"unread")

    BoundedSocket(ends[0], lingers=True).close()

    with pytest.raises(ConnectionResetError):
        ends[1].recv(100)
