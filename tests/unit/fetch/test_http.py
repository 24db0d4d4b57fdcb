"""The door fetches within its limits, and says in plain words why it did not."""

from __future__ import annotations

import asyncio
import gzip
import socket
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest

from certstatus.errors import UnreachableError
from certstatus.fetch import Exchange, Guard, HTTPAnswer, HTTPDoor, Place, Provenance
from certstatus.fetch import http as door_module
from certstatus.limits import CONNECT_TIME, FETCH_TIME, MAX_ADDRESSES, MAX_REDIRECTS
from tests.scripted import Asked, Reply, ScriptedServer

Fetch = Callable[[Exchange], HTTPAnswer]
STRANGER = Guard(Provenance.CERTIFICATE)


@pytest.fixture(params=["sync", "async"])
def fetch(request: pytest.FixtureRequest) -> Fetch:
    """Fetch by the sync and by the async call: one core, one behaviour."""
    door = HTTPDoor(total_time=timedelta(seconds=5))
    if request.param == "sync":
        return door.fetch
    return lambda exchange: asyncio.run(door.afetch(exchange))


def reason(fetch: Fetch, exchange: Exchange) -> str:
    with pytest.raises(UnreachableError) as caught:
        fetch(exchange)
    (attempt,) = caught.value.attempts
    assert attempt.url == exchange.url
    assert caught.value.exit_code == 69
    return attempt.reason


def test_the_default_times_are_the_limits() -> None:
    assert (timedelta(seconds=5), timedelta(seconds=15)) == (CONNECT_TIME, FETCH_TIME)


def test_an_exchange_brings_status_headers_and_body(server: ScriptedServer, fetch: Fetch) -> None:
    server.script = lambda asked: Reply(201, asked.body[::-1], {"X-Kind": "test"})

    answer = fetch(
        Exchange(url=server.url + "a%2Fb", method="POST", body=b"abc", headers={"X-Own": "1"})
    )

    assert (answer.status, answer.body) == (201, b"cba")
    assert answer.headers["x-kind"] == "test"
    assert answer.elapsed > timedelta(0)
    (asked,) = server.asked
    assert asked.path == "/a%2Fb"
    assert asked.headers["x-own"] == "1"
    assert asked.headers["accept-encoding"] == "identity"
    assert "cookie" not in asked.headers


def test_a_body_over_the_limit_is_cut_off_while_it_comes(
    server: ScriptedServer, fetch: Fetch
) -> None:
    def endless() -> Iterator[bytes]:
        while True:
            yield b"x" * 65_536

    server.script = lambda _: Reply(chunks=endless())

    assert "larger than 1000 bytes" in reason(fetch, Exchange(url=server.url, max_bytes=1000))


def test_an_answer_that_trickles_ends_with_the_total_time(server: ScriptedServer) -> None:
    def trickle() -> Iterator[bytes]:
        for _ in range(200):
            pause.wait(0.01)
            yield b"x"

    pause = threading.Event()
    server.script = lambda _: Reply(chunks=trickle())
    door = HTTPDoor(total_time=timedelta(seconds=0.2))

    for fetch in (door.fetch, lambda exchange: asyncio.run(door.afetch(exchange))):
        assert "0.2 seconds" in reason(fetch, Exchange(url=server.url))


def test_a_content_coding_is_refused_unread(server: ScriptedServer, fetch: Fetch) -> None:
    bomb = gzip.compress(bytes(1_000_000))
    server.script = lambda _: Reply(200, bomb, {"Content-Encoding": "gzip"})

    assert "content coding gzip" in reason(fetch, Exchange(url=server.url))


@pytest.mark.parametrize("status", [307, 308])
def test_a_redirect_that_keeps_the_method_repeats_the_post(
    server: ScriptedServer, fetch: Fetch, status: int
) -> None:
    def script(asked: Asked) -> Reply:
        if asked.path == "/":
            return Reply(status, headers={"Location": "/there"})
        return Reply(200, asked.body)

    server.script = script

    answer = fetch(Exchange(url=server.url, method="POST", body=b"question"))

    assert answer.body == b"question"
    assert answer.url.endswith("/there")


@pytest.mark.parametrize("status", [301, 302, 303])
def test_a_redirect_never_turns_a_post_into_a_get(
    server: ScriptedServer, fetch: Fetch, status: int
) -> None:
    server.script = lambda _: Reply(status, headers={"Location": "/there"})

    told = reason(fetch, Exchange(url=server.url, method="POST", body=b"question"))

    assert f"({status}) that would turn POST into GET" in told
    assert len(server.asked) == 1


def test_redirects_are_counted(server: ScriptedServer, fetch: Fetch) -> None:
    server.script = lambda _: Reply(302, headers={"Location": "/again"})

    assert f"more than {MAX_REDIRECTS} redirects" in reason(fetch, Exchange(url=server.url))
    assert len(server.asked) == MAX_REDIRECTS + 1


def test_a_redirect_passes_the_guard_again(server: ScriptedServer, fetch: Fetch) -> None:
    server.script = lambda _: Reply(302, headers={"Location": "file:///etc/passwd"})

    assert "scheme file" in reason(fetch, Exchange(url=server.url))


@pytest.mark.rule("O34")
def test_a_url_from_a_certificate_does_not_lead_to_this_machine(
    server: ScriptedServer, fetch: Fetch
) -> None:
    for host in ("127.0.0.1", "localhost", "[::1]"):
        url = f"http://{host}:{server.port}/"
        assert "not a public address" in reason(fetch, Exchange(url=url, guard=STRANGER))
    assert server.asked == []

    inside = Guard(Provenance.CERTIFICATE, allow_private=True)
    assert fetch(Exchange(url=server.url, guard=inside)).status == 200


def test_the_address_that_was_checked_is_the_one_connected_to(
    server: ScriptedServer, fetch: Fetch, monkeypatch: pytest.MonkeyPatch
) -> None:
    lookups: list[str] = []

    def lookup(place: Place) -> list[str]:
        lookups.append(place.host)
        return ["127.0.0.1"]

    monkeypatch.setattr(door_module, "_lookup", lookup)
    monkeypatch.setattr(Guard, "address_problem", lambda *_: None)
    url = f"http://ocsp.example:{server.port}/x"

    answer = fetch(Exchange(url=url, guard=STRANGER))

    assert answer.status == 200
    assert lookups == ["ocsp.example"]
    assert server.asked[0].headers["host"] == f"ocsp.example:{server.port}"


def test_another_address_of_the_host_is_tried_and_not_endlessly(
    fetch: Fetch, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    tried: list[object] = []
    addresses = [f"127.0.0.{last}" for last in range(1, 10)]
    monkeypatch.setattr(door_module, "_lookup", lambda _: addresses)
    monkeypatch.setattr(Guard, "address_problem", lambda *_: None)
    wire = door_module._wire

    def watched(step: door_module._Send) -> object:
        tried.append(step.address)
        return wire(step)

    monkeypatch.setattr(door_module, "_wire", watched)

    told = reason(fetch, Exchange(url=f"http://ocsp.example:{port}/", guard=STRANGER))

    assert "no connection" in told
    assert len(tried) == MAX_ADDRESSES


def test_a_peer_that_speaks_no_http_is_said_to(fetch: Fetch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]

        def babble() -> None:
            connection, _ = listening.accept()
            with connection:
                connection.recv(1000)
                connection.sendall(b"220 mail.example ESMTP\r\n")

        thread = threading.Thread(target=babble)
        thread.start()
        told = reason(fetch, Exchange(url=f"http://127.0.0.1:{port}/"))
        thread.join()

    assert "no HTTP" in told


def test_a_name_that_is_not_found_is_named(fetch: Fetch, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> object:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", fail)

    told = reason(fetch, Exchange(url="http://nowhere.example/", guard=STRANGER))

    assert "nowhere.example was not found" in told
