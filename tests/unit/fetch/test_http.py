"""The door fetches within its limits, and says in plain words why it did not."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import httpx2
import pytest

from certstatus.errors import Attempt, ConfigError, UnreachableError
from certstatus.fetch import Exchange, Guard, HTTPAnswer, HTTPDoor, Provenance, conversation
from certstatus.limits import (
    CONNECT_TIME,
    FETCH_TIME,
    MAX_ADDRESSES,
    MAX_REDIRECTS,
    MAX_RESPONSE_BYTES,
)
from certstatus.testing import TinyCA
from tests.scripted import Asked, Reply, ScriptedServer

Fetch = Callable[[Exchange], HTTPAnswer]
FetchBy = Callable[[HTTPDoor], Fetch]
Talk = Callable[[socket.socket, threading.Event], None]
STRANGER = Guard(Provenance.CERTIFICATE)


@pytest.fixture(params=["sync", "async"])
def fetch_by(request: pytest.FixtureRequest) -> FetchBy:
    """Fetch through a door by its sync and by its async call: one core, one behaviour."""
    if request.param == "sync":
        return lambda door: door.fetch
    return lambda door: lambda exchange: asyncio.run(door.afetch(exchange))


@pytest.fixture
def fetch(fetch_by: FetchBy) -> Fetch:
    """Fetch through a plain door."""
    return fetch_by(HTTPDoor(total_time=timedelta(seconds=5)))


def failure(fetch: Fetch, exchange: Exchange) -> Attempt:
    with pytest.raises(UnreachableError) as caught:
        fetch(exchange)
    (attempt,) = caught.value.attempts
    assert attempt.url == exchange.url
    assert caught.value.exit_code == 69
    return attempt


def reason(fetch: Fetch, exchange: Exchange) -> str:
    return failure(fetch, exchange).reason


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
    server: ScriptedServer, fetch_by: FetchBy, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, int]] = []

    def resolver(host: str, port: int) -> list[str]:
        asked.append((host, port))
        return ["127.0.0.1"]

    monkeypatch.setattr(Guard, "address_problem", lambda *_: None)
    url = f"http://ocsp.example:{server.port}/x"

    answer = fetch_by(HTTPDoor(resolver=resolver))(Exchange(url=url, guard=STRANGER))

    assert answer.status == 200
    assert asked == [("ocsp.example", server.port)]
    assert server.asked[0].headers["host"] == f"ocsp.example:{server.port}"


def test_one_private_address_of_a_host_is_enough_to_refuse_it(fetch_by: FetchBy) -> None:
    door = HTTPDoor(resolver=lambda *_: ["8.8.8.8", "10.0.0.1"])

    told = reason(fetch_by(door), Exchange(url="http://ocsp.example/", guard=STRANGER))

    assert told == (
        "not fetched: ocsp.example leads inside, 10.0.0.1 is not a public address (private use)"
    )


def test_another_address_of_the_host_is_tried_and_not_endlessly(
    server: ScriptedServer, fetch_by: FetchBy
) -> None:
    deaf = [f"127.0.0.{last}" for last in range(2, 2 + MAX_ADDRESSES)]
    url = f"http://ocsp.example:{server.port}/"

    found = fetch_by(HTTPDoor(resolver=lambda *_: [*deaf[1:], "127.0.0.1"]))(Exchange(url=url))
    told = reason(fetch_by(HTTPDoor(resolver=lambda *_: [*deaf, "127.0.0.1"])), Exchange(url=url))

    assert found.status == 200
    assert told == "no connection: nothing listens there"


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


def test_a_name_that_is_not_found_is_named(fetch_by: FetchBy) -> None:
    def fail(host: str, port: int) -> list[str]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    attempt = failure(fetch_by(HTTPDoor(resolver=fail)), Exchange(url="http://nowhere.example/"))

    assert attempt.reason == "the name nowhere.example was not found: Name or service not known"
    assert attempt.is_lasting


def test_a_name_is_looked_up_for_every_exchange_anew(
    server: ScriptedServer, fetch_by: FetchBy
) -> None:
    addresses = iter(["127.0.0.2", "127.0.0.1"])
    fetch = fetch_by(HTTPDoor(resolver=lambda *_: [next(addresses)]))
    url = f"http://ocsp.example:{server.port}/"

    assert reason(fetch, Exchange(url=url)) == "no connection: nothing listens there"
    assert fetch(Exchange(url=url)).status == 200


def test_a_resolver_that_hangs_ends_with_the_total_time(fetch_by: FetchBy) -> None:
    over = threading.Event()

    def hang(host: str, port: int) -> list[str]:
        over.wait(10)
        return []

    door = HTTPDoor(total_time=timedelta(seconds=0.1), resolver=hang)

    try:
        assert "0.1 seconds" in reason(fetch_by(door), Exchange(url="http://slow.example/"))
    finally:
        over.set()


# --- what a stranger may not do ---------------------------------------------------------------


def test_a_public_server_may_not_redirect_inside_though_the_user_named_it(
    server: ScriptedServer, fetch_by: FetchBy, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.script = lambda _: Reply(302, headers={"Location": f"http://127.0.0.1:{server.port}/in"})
    monkeypatch.setattr(conversation, "MAX_ADDRESSES", 1)
    outside = "8.8.8.8"
    monkeypatch.setattr(HTTPDoor, "_request", to_loopback(HTTPDoor._request))
    door = HTTPDoor(resolver=lambda *_: [outside])

    told = reason(fetch_by(door), Exchange(url=f"http://ocsp.example:{server.port}/"))

    assert "127.0.0.1 is not a public address (this machine)" in told
    assert [asked.path for asked in server.asked] == ["/"]


def to_loopback(request: Callable[..., httpx2.Request]) -> Callable[..., httpx2.Request]:
    """Stand in for the Internet: what goes to a public address arrives here."""

    def redirected(*args: Any) -> httpx2.Request:
        made = request(*args)
        made.url = made.url.copy_with(host="127.0.0.1")
        return made

    return redirected


def test_a_server_inside_may_redirect_to_another_one_inside(
    server: ScriptedServer, fetch: Fetch
) -> None:
    def script(asked: Asked) -> Reply:
        there = f"http://localhost:{server.port}/there"
        return Reply() if asked.path == "/there" else Reply(302, headers={"Location": there})

    server.script = script

    assert fetch(Exchange(url=server.url)).url.endswith("/there")


def test_a_cookie_is_not_carried_from_one_hop_to_the_next(
    server: ScriptedServer, fetch: Fetch
) -> None:
    def script(asked: Asked) -> Reply:
        headers = {"Location": "/there", "Set-Cookie": "track=me"}
        return Reply() if asked.path == "/there" else Reply(302, headers=headers)

    server.script = script

    fetch(Exchange(url=server.url))

    assert [asked.path for asked in server.asked] == ["/", "/there"]
    assert all("cookie" not in asked.headers for asked in server.asked)


def test_the_environment_names_no_proxy(
    server: ScriptedServer, fetch: Fetch, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1/")

    assert fetch(Exchange(url=server.url)).status == 200


def test_a_head_that_trickles_ends_with_the_total_time(fetch_by: FetchBy) -> None:
    door = HTTPDoor(total_time=timedelta(seconds=0.3))

    with talking(trickle(b"HTTP/1.1 200 OK\r\nX-Long: ", b"x")) as port:
        told = reason(fetch_by(door), Exchange(url=f"http://127.0.0.1:{port}/"))

    assert told == "no whole answer within 0.3 seconds"


def test_a_body_without_length_that_the_deadline_cuts_is_no_answer(fetch_by: FetchBy) -> None:
    door = HTTPDoor(total_time=timedelta(seconds=0.3))

    with talking(trickle(b"HTTP/1.1 200 OK\r\n\r\n", b"x")) as port:
        told = reason(fetch_by(door), Exchange(url=f"http://127.0.0.1:{port}/"))

    assert told == "no whole answer within 0.3 seconds"


def test_a_declared_length_over_the_limit_is_refused_before_it_comes(fetch: Fetch) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n"

    with talking(lambda connection, _: connection.sendall(head)) as port:
        told = reason(fetch, Exchange(url=f"http://127.0.0.1:{port}/"))

    assert told == f"the answer is larger than {MAX_RESPONSE_BYTES} bytes"


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"\0" * 100,
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * 200_000,
        b"HTTP/1.1 302 Found\r\nLocation: http://[bad/\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 302 Found\r\nLocation: http://a\xff\xfeb/\r\nContent-Length: 0\r\n\r\n",
    ],
    ids=["nothing", "nul", "cut", "negative", "chunks", "head", "brackets", "octets"],
)
def test_whatever_a_peer_says_ends_as_unreachable(fetch: Fetch, said: bytes) -> None:
    with talking(lambda connection, _: connection.sendall(said)) as port:
        assert reason(fetch, Exchange(url=f"http://127.0.0.1:{port}/"))


def trickle(head: bytes, more: bytes) -> Talk:
    """Begin an answer, and then send an octet now and then, for as long as anyone listens."""

    def talk(connection: socket.socket, over: threading.Event) -> None:
        connection.sendall(head)
        while not over.wait(0.02):
            connection.sendall(more)

    return talk


@contextlib.contextmanager
def talking(talk: Talk) -> Iterator[int]:
    """Lend the port of a peer that reads a request and then talks as it likes."""
    over = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            with contextlib.suppress(OSError):
                connection, _ = listening.accept()
                with connection:
                    connection.recv(10_000)
                    talk(connection, over)

        thread = threading.Thread(target=serve)
        thread.start()
        yield listening.getsockname()[1]
        over.set()
        thread.join()


# --- asking again would help, or not ------------------------------------------------------------


def test_what_the_rules_forbid_is_lasting_and_what_the_network_does_is_not(
    server: ScriptedServer, fetch: Fetch
) -> None:
    server.script = lambda _: Reply(200, b"x" * 100)
    with socket.create_server(("127.0.0.1", 0)) as closed:
        deaf = f"http://127.0.0.1:{closed.getsockname()[1]}/"

    assert failure(fetch, Exchange(url=server.url, guard=STRANGER)).is_lasting
    assert failure(fetch, Exchange(url=server.url, max_bytes=10)).is_lasting
    assert not failure(fetch, Exchange(url=deaf)).is_lasting


# --- TLS ------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def tls_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[ScriptedServer, TinyCA]]:
    """Serve https as ocsp.example; its certificate names this very server as its responder."""
    with ScriptedServer() as server:
        ca = TinyCA()
        host = ca.issue_server("ocsp.example", ocsp_uris=[f"https://ocsp.example:{server.port}/"])
        files = tmp_path_factory.mktemp("tls")
        (files / "cert.pem").write_bytes(host.certificate_pem)
        (files / "key.pem").write_bytes(host.key_pem())
        server.speak_tls(files / "cert.pem", files / "key.pem")
        yield server, ca


def trusting(ca: TinyCA) -> ssl.SSLContext:
    context = ssl.create_default_context(cadata=ca.certificate.der)
    # The tiny CA's certificates have no key identifiers, which strict readers ask for.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return context


@pytest.mark.rule("O34")
def test_https_verifies_the_host_by_name_and_asks_nobody_for_the_status_of_its_certificate(
    tls_server: tuple[ScriptedServer, TinyCA], fetch_by: FetchBy
) -> None:
    server, ca = tls_server
    server.asked.clear()
    door = HTTPDoor(tls=trusting(ca), resolver=lambda *_: ["127.0.0.1"])

    answer = fetch_by(door)(Exchange(url=f"https://ocsp.example:{server.port}/x"))
    told = reason(fetch_by(door), Exchange(url=f"https://other.example:{server.port}/"))

    assert answer.status == 200
    assert [asked.path for asked in server.asked] == ["/x"]
    assert "TLS certificate is not trusted: Hostname mismatch" in told


def test_a_redirect_out_of_https_is_not_followed(
    tls_server: tuple[ScriptedServer, TinyCA], fetch_by: FetchBy
) -> None:
    server, ca = tls_server
    plain = f"http://127.0.0.1:{server.port}/"
    server.script = lambda _: Reply(302, headers={"Location": plain})
    door = HTTPDoor(tls=trusting(ca), resolver=lambda *_: ["127.0.0.1"])

    told = reason(fetch_by(door), Exchange(url=f"https://ocsp.example:{server.port}/"))

    server.script = lambda _: Reply()
    assert told == "not followed: a redirect from https to http"


def test_a_tls_certificate_of_an_unknown_ca_is_not_trusted(
    tls_server: tuple[ScriptedServer, TinyCA], fetch_by: FetchBy
) -> None:
    server, _ = tls_server
    door = HTTPDoor(resolver=lambda *_: ["127.0.0.1"])

    attempt = failure(fetch_by(door), Exchange(url=f"https://ocsp.example:{server.port}/"))

    assert "TLS certificate is not trusted" in attempt.reason
    assert attempt.is_lasting


# --- a proxy ----------------------------------------------------------------------------------------


def test_a_proxy_is_told_the_name_and_finds_the_host_itself(
    server: ScriptedServer, fetch_by: FetchBy
) -> None:
    def nobody(host: str, port: int) -> list[str]:
        raise AssertionError

    door = HTTPDoor(proxy=server.url, resolver=nobody)

    answer = fetch_by(door)(Exchange(url="http://ocsp.example/x", guard=STRANGER))

    assert answer.status == 200
    assert server.asked[0].path == "http://ocsp.example/x"
    assert server.asked[0].headers["host"] == "ocsp.example"


def test_through_a_proxy_an_address_in_the_url_is_judged_all_the_same(
    server: ScriptedServer, fetch_by: FetchBy
) -> None:
    door = HTTPDoor(proxy=server.url)

    told = reason(fetch_by(door), Exchange(url="http://169.254.169.254/", guard=STRANGER))

    assert "not a public address (link-local)" in told
    assert server.asked == []


@pytest.mark.parametrize("proxy", ["ftp://proxy.example/", "http://[bad/", "no proxy"])
def test_a_proxy_that_is_none_is_a_wrong_setting(proxy: str) -> None:
    with pytest.raises(ConfigError, match="can't be used") as caught:
        HTTPDoor(proxy=proxy)

    assert caught.value.key == "proxy"


# --- documents --------------------------------------------------------------------------------------


def test_a_document_is_the_body_of_a_200(server: ScriptedServer) -> None:
    door = HTTPDoor()
    server.script = lambda _: Reply(200, b"a CRL")

    assert door.get(server.url, guard=Guard(), max_bytes=5) == b"a CRL"
    assert asyncio.run(door.aget(server.url, guard=Guard(), max_bytes=5)) == b"a CRL"
    with pytest.raises(UnreachableError, match="larger than 4 bytes"):
        door.get(server.url, guard=Guard(), max_bytes=4)
    server.script = lambda _: Reply(404, b"no CRL")
    with pytest.raises(UnreachableError, match="HTTP status 404"):
        door.get(server.url, guard=Guard(), max_bytes=100)


def test_plain_http_loads_no_trust(server: ScriptedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(**_: object) -> ssl.SSLContext:
        raise AssertionError

    monkeypatch.setattr(httpx2, "create_ssl_context", never)

    assert HTTPDoor().fetch(Exchange(url=server.url)).status == 200


def test_one_door_serves_many_threads_at_once(server: ScriptedServer) -> None:
    door = HTTPDoor()
    server.script = lambda asked: Reply(200, asked.body)

    def ask(number: int) -> bytes:
        body = str(number).encode()
        return door.fetch(Exchange(url=server.url, method="POST", body=body)).body

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(ask, range(32))) == [str(number).encode() for number in range(32)]
