"""The host of faults stands on a network: what clients do to it ends them, and not the host."""

from __future__ import annotations

import contextlib
import logging
import random
import socket
import time
from collections.abc import Iterator
from datetime import timedelta

import httpx2
import pytest

from certstatus.tls import fault_host
from certstatus.tls.fault import FAULTS, HONEST
from certstatus.tls.fault_host import FaultHost
from certstatus.tls.wire import connect
from tests.faults import QUESTION, running

LITTLE = timedelta(milliseconds=200)


@pytest.fixture
def host(caplog: pytest.LogCaptureFixture) -> Iterator[FaultHost]:
    """A host that must end without a word on defects, and answer to the last."""
    with caplog.at_level(logging.WARNING), running() as served:
        yield served
        assert is_well(served)
    assert caplog.records == []


def ocsp_port(host: FaultHost) -> int:
    return int(host.listing.ocsp_url.rpartition(":")[2])


def is_well(host: FaultHost) -> bool:
    page = httpx2.get(f"{host.listing.ocsp_url}/", trust_env=False)
    sock = socket.create_connection(("127.0.0.1", host.port))
    with connect(sock, server_name="none", status_request=QUESTION) as connection:
        return page.status_code == 200 and len(connection.flight.staples) == 2


def say(port: int, data: bytes) -> None:
    """Send bytes, end, and take what comes."""
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)) as sock:
        sock.settimeout(10)
        sock.sendall(data)
        sock.shutdown(socket.SHUT_WR)
        while sock.recv(65_536):
            pass


def client_hello() -> bytes:
    """Record what our own client says first."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        sock = socket.create_connection(server.getsockname())
        peer, _ = server.accept()
        with peer:
            peer.shutdown(socket.SHUT_WR)
            with contextlib.suppress(Exception):
                connect(sock, server_name="expired.fault.test", status_request=QUESTION)
            return peer.recv(65_536)


HELLO = client_hello()


def test_random_bytes_end_their_own_connection_alone(host: FaultHost) -> None:
    dice = random.Random(6961)
    for _ in range(30):
        junk = dice.randbytes(dice.randrange(400))
        say(host.port, junk)
        say(host.port, b"\x16\x03\x01" + len(junk).to_bytes(2) + junk)
        say(ocsp_port(host), b"POST /none HTTP/1.1\r\n" + junk)


def test_a_spoilt_client_hello_ends_its_own_connection_alone(host: FaultHost) -> None:
    dice = random.Random(6066)
    for _ in range(30):
        place = dice.randrange(5, len(HELLO))
        say(host.port, HELLO[:place] + dice.randbytes(1) + HELLO[place + 1 :])
        say(host.port, HELLO[:place])


def test_requests_that_break_http_or_ocsp_are_answered(host: FaultHost) -> None:
    for fault in FAULTS:
        if FAULTS[fault].how.pace is HONEST.how.pace:
            say(ocsp_port(host), f"GET /{fault}/%00%ff/../.. HTTP/1.1\r\n\r\n".encode())
            say(ocsp_port(host), f"GET /{fault}/MAA= HTTP/1.1\r\n\r\n".encode())


def test_a_client_that_trickles_is_cut(host: FaultHost, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fault_host, "READ_TIME", LITTLE)
    for port in (host.port, ocsp_port(host)):
        with socket.create_connection(("127.0.0.1", port), timeout=10) as sock:
            sock.sendall(HELLO[:50] if port == host.port else b"GET / HTT")
            assert sock.recv(100) == b""


def test_clients_that_only_hold_their_connection_don_t_stop_the_host(
    host: FaultHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(host._gate, "_max", 4)
    with contextlib.ExitStack() as held:
        for _ in range(8):
            held.enter_context(socket.create_connection(("127.0.0.1", host.port)))
        while len(host._gate._open) < 4:
            time.sleep(0.001)
    while host._gate._open:
        time.sleep(0.001)


def test_closing_the_connection_amid_a_slow_answer_leaves_nothing_behind(host: FaultHost) -> None:
    for _ in range(5):
        with socket.create_connection(("127.0.0.1", ocsp_port(host))) as sock:
            sock.sendall(b"GET /slow/MAA= HTTP/1.1\r\n\r\n")
    while host._gate._open:
        time.sleep(0.001)
