"""A responder as people run it, among clients that mean harm: it bears them, and answers the rest."""

from __future__ import annotations

import base64
import http.client
import re
import socket
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from urllib.parse import quote, urlsplit

import pytest

from certstatus.ocsp import (
    BasicOCSPResponse,
    CertID,
    Extensions,
    Good,
    Nonce,
    Revoked,
    Unknown,
    encode_request,
    parse_response,
)
from certstatus.pkix import HashAlgorithm
from certstatus.testing import Lab, build_lab
from tests.property.mutation import Mutator
from tests.responding import OCSP, Responding

GIGABYTE = 1 << 30
MEGABYTE = 1 << 20
MALFORMED = bytes.fromhex("30030a0101")
READ_TIME = 1.0
"""What the responder is configured to wait for a request that has begun, in seconds."""

SERVER = """
[server]
port = 0
admin_port = 0
read_time = "1s"
"""


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Lab:
    return build_lab(tmp_path_factory.mktemp("hostile") / "lab", now=datetime.now(UTC))


@pytest.fixture(scope="module")
def running(lab: Lab) -> Iterator[Responding]:
    """Run one responder through the whole module: what one client did, the next one meets."""
    authority = "[[authority]]" + lab.config.read_text().partition("[[authority]]")[2]
    (lab.directory / "hostile.toml").write_text(SERVER + authority)
    with Responding(["--config", "hostile.toml"], lab.directory) as running:
        yield running
        assert running.end() == 0
        said = [event["event"] for event in running.events]
        assert not {"not_answered", "worker_died", "worker_failed", "exception"} & {*said}
        assert not any("exception" in event for event in running.events)


@pytest.fixture
def responder(running: Responding, lab: Lab) -> Iterator[Responding]:
    """Lend the responder; it lives afterwards, in the same process, and answers rightly."""
    yield running
    assert running.ask(named(lab, "good")).cert_status == Good()
    assert isinstance(running.ask(named(lab, "revoked")).cert_status, Revoked)
    assert running.ask(named(lab, "never-issued")).cert_status == Unknown()


def named(lab: Lab, which: str, algorithm: HashAlgorithm = HashAlgorithm.SHA256) -> CertID:
    issued = {"good": lab.good, "revoked": lab.revoked, "never-issued": lab.never_issued}[which]
    return CertID.of(lab.ca.certificate, issued.certificate.serial_number, algorithm)


def connect(responder: Responding) -> socket.socket:
    parts = urlsplit(responder.url)
    assert parts.hostname is not None
    assert parts.port is not None
    return socket.create_connection((parts.hostname, parts.port), timeout=20)


def keep_asking(responder: Responding) -> http.client.HTTPConnection:
    """Open a connection for many requests; it connects again where the server closed it."""
    return http.client.HTTPConnection(urlsplit(responder.url).netloc, timeout=20)


def everything(client: socket.socket) -> bytes:
    """Read until the server ends the connection."""
    pieces = []
    try:
        while piece := client.recv(65_536):
            pieces.append(piece)
    except ConnectionError:
        pass
    return b"".join(pieces)


def peak_memory(responder: Responding) -> int:
    """Return the most bytes that the worker ever held."""
    ready = next(event for event in responder.events if event["event"] == "ready")
    (pid,) = ready["pids"]
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert found is not None
    return int(found[1]) * 1024


# --- too much ---------------------------------------------------------------------------------


@pytest.mark.rule("O33")
def test_a_gigabyte_that_is_announced_is_refused_before_it_is_sent(responder: Responding) -> None:
    before = peak_memory(responder)
    with closing(connect(responder)) as client:
        client.sendall(
            b"POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/ocsp-request\r\n"
            b"Content-Length: %d\r\n\r\n" % GIGABYTE
        )
        answer = everything(client)

    assert answer.startswith(b"HTTP/1.1 413 ")
    assert peak_memory(responder) - before < 4 * MEGABYTE


@pytest.mark.rule("O33")
def test_a_gigabyte_in_chunks_is_refused_at_its_start_and_costs_no_memory(
    responder: Responding,
) -> None:
    before = peak_memory(responder)
    chunk = b"10000\r\n" + bytes(0x10000) + b"\r\n"
    sent = 0
    with closing(connect(responder)) as client:
        client.sendall(
            b"POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/ocsp-request\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n"
        )
        client.sendall(chunk * 2)
        status = client.recv(13)
        try:
            while sent < GIGABYTE:
                client.sendall(chunk)
                sent += len(chunk)
        except ConnectionError:
            pass

    assert status == b"HTTP/1.1 413 "
    assert peak_memory(responder) - before < 16 * MEGABYTE


# --- too slow, too many -----------------------------------------------------------------------


def test_a_slow_client_is_told_so_and_holds_up_nobody(responder: Responding, lab: Lab) -> None:
    with closing(connect(responder)) as slow:
        slow.sendall(b"POST / HTTP/1.1\r\n")
        slow.settimeout(0.05)
        began, answered, heard = time.monotonic(), 0, b""
        while not heard:
            assert time.monotonic() - began < 10 * READ_TIME
            assert responder.ask(named(lab, "good")).cert_status == Good()
            answered += 1
            try:
                slow.sendall(b"X")
                heard = slow.recv(65_536)
            except TimeoutError:
                continue

    assert heard.startswith(b"HTTP/1.1 408 ")
    assert time.monotonic() - began > READ_TIME / 2
    assert answered > 1


def test_clients_that_say_nothing_hold_up_nobody(responder: Responding, lab: Lab) -> None:
    silent = [connect(responder) for _ in range(100)]
    try:
        assert responder.ask(named(lab, "revoked")).cert_status != Good()
    finally:
        for one in silent:
            one.close()


@pytest.mark.rule("O32", "O33")
def test_pipelined_requests_are_answered_in_their_order(responder: Responding, lab: Lab) -> None:
    order = ["good", "revoked", "never-issued"] * 50
    wire = b""
    for turn, which in enumerate(order):
        der = encode_request([named(lab, which)])
        if turn % 2:
            target = quote(base64.b64encode(der), safe="")
            wire += f"GET /{target} HTTP/1.1\r\nHost: x\r\n\r\n".encode()
        else:
            wire += b"POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/ocsp-request\r\n"
            wire += b"Content-Length: %d\r\n\r\n%b" % (len(der), der)
    with closing(connect(responder)) as client:
        client.sendall(wire + b"GET /end HTTP/1.0\r\n\r\n")
        answers = bodies(everything(client))

    kinds = {"good": Good, "revoked": Revoked, "never-issued": Unknown}
    assert answers.pop() == MALFORMED
    assert [type(status_in(body)) for body in answers] == [kinds[which] for which in order]


def bodies(wire: bytes) -> list[bytes]:
    """Take the replies of one connection apart."""
    found = []
    while wire:
        head, _, wire = wire.partition(b"\r\n\r\n")
        length = re.search(rb"(?i)content-length: (\d+)", head)
        assert head.startswith(b"HTTP/1.1 200 "), head
        assert length is not None
        found.append(wire[: int(length[1])])
        wire = wire[int(length[1]) :]
    return found


def status_in(der: bytes) -> Good | Revoked | Unknown:
    (single,) = basic(der).tbs_response_data.responses
    return single.cert_status


def basic(der: bytes) -> BasicOCSPResponse:
    response = parse_response(der)
    assert response.basic is not None, response.response_status
    return response.basic


# --- nonsense ---------------------------------------------------------------------------------


def test_garbage_on_the_socket_is_answered_with_400_or_the_end(responder: Responding) -> None:
    random = Random(9110)
    for _ in range(100):
        with closing(connect(responder)) as client:
            client.sendall(random.randbytes(random.randrange(1, 2_000)) + b"\r\n\r\n")
            client.shutdown(socket.SHUT_WR)
            answer = everything(client)
        assert answer[:10] in {b"", b"HTTP/1.1 4"}


def corpus(lab: Lab) -> list[bytes]:
    """Write honest requests of every shape, to be broken."""
    every = [named(lab, which) for which in ("good", "revoked", "never-issued")]
    nonce = Extensions.of(Nonce(bytes(range(32))))
    return [
        encode_request(every[:1]),
        encode_request(every, request_extensions=nonce),
        encode_request([named(lab, "revoked", HashAlgorithm.SHA1)], request_extensions=nonce),
    ]


def check_answer(lab: Lab, status: int, body: bytes, tally: dict[str, int]) -> None:
    """Whatever was asked: what is answered of a certificate is what the index says."""
    assert status == 200
    response = parse_response(body)
    label = response.response_status.label
    tally[label] = tally.get(label, 0) + 1
    assert label in {"successful", "malformedRequest", "unauthorized"}
    if response.basic is None:
        assert len(body) == 5
        return
    known = {
        lab.good.certificate.serial_number: Good,
        lab.responder.certificate.serial_number: Good,
        lab.revoked.certificate.serial_number: Revoked,
    }
    for single in response.basic.tbs_response_data.responses:
        expected = known.get(single.cert_id.serial_number, Unknown)
        assert isinstance(single.cert_status, expected)


@pytest.mark.rule("O2", "O10", "O33")
def test_thousands_of_broken_requests_by_post_leave_it_sound(
    responder: Responding, lab: Lab
) -> None:
    tally: dict[str, int] = {}
    with closing(keep_asking(responder)) as client:
        for der in Mutator(6960, corpus(lab)).inputs(3_000):
            client.request("POST", "/", der, OCSP)
            answer = client.getresponse()
            check_answer(lab, answer.status, answer.read(), tally)

    assert tally.keys() == {"successful", "malformedRequest", "unauthorized"}


@pytest.mark.rule("O2", "O10", "O32")
def test_thousands_of_broken_requests_by_get_leave_it_sound(
    responder: Responding, lab: Lab
) -> None:
    tally: dict[str, int] = {}
    with closing(keep_asking(responder)) as client:
        for der in Mutator(9654, corpus(lab)).inputs(2_000):
            client.request("GET", "/" + quote(base64.b64encode(der[:3_000]), safe=""))
            answer = client.getresponse()
            check_answer(lab, answer.status, answer.read(), tally)

    assert tally.keys() == {"successful", "malformedRequest", "unauthorized"}


# --- what FIELD names -------------------------------------------------------------------------


def by_get(responder: Responding, encoded: str) -> bytes:
    with closing(keep_asking(responder)) as client:
        client.request("GET", "/" + encoded)
        answer = client.getresponse()
        assert answer.status == 200
        return answer.read()


@pytest.mark.rule("N2", "N3")
@pytest.mark.parametrize("length", [0, 1, 15, 16, 32, 33, 128, 129])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_nonce_over_http_is_echoed_or_malformed_by_its_length(
    responder: Responding, lab: Lab, length: int, method: str
) -> None:
    nonce = Nonce(bytes(range(length)))
    der = encode_request([named(lab, "good")], request_extensions=Extensions.of(nonce))
    body = (
        responder.post(der).content
        if method == "POST"
        else by_get(responder, quote(base64.b64encode(der), safe=""))
    )

    if length in {0, 129}:
        assert body == MALFORMED
    else:
        echoed = basic(body).tbs_response_data.nonce
        assert echoed is not None
        assert echoed.octets == nonce.octets


@pytest.mark.rule("O32", "O33")
def test_get_and_post_of_one_request_get_the_same_answer(responder: Responding, lab: Lab) -> None:
    der = encode_request([named(lab, "revoked")])

    assert by_get(responder, quote(base64.b64encode(der), safe="")) == responder.post(der).content


@pytest.mark.rule("O2", "O32")
@pytest.mark.parametrize("form", ["junk within", "junk after", "a query", "escaped twice", "half"])
def test_base64_that_is_spoilt_is_malformed(responder: Responding, lab: Lab, form: str) -> None:
    plain = base64.b64encode(encode_request([named(lab, "good")])).decode()
    escaped = quote(plain, safe="")
    spoilt = {
        "junk within": plain[:20] + "!" + plain[20:],
        "junk after": escaped + "%0A",
        "a query": escaped + "?x=1",
        "escaped twice": quote(escaped, safe=""),
        "half": plain[: len(plain) // 2],
    }

    assert by_get(responder, spoilt[form]) == MALFORMED


@pytest.mark.rule("O32")
@pytest.mark.parametrize("form", ["raw", "small escapes", "url-safe", "two slashes", "no padding"])
def test_base64_as_clients_and_proxies_write_it_is_read(
    responder: Responding, lab: Lab, form: str
) -> None:
    raw = base64.b64encode(encode_request([named(lab, "revoked")])).decode()
    forms = {
        "raw": raw,
        "small escapes": quote(raw, safe="").replace("%2B", "%2b").replace("%2F", "%2f"),
        "url-safe": raw.replace("+", "-").replace("/", "_"),
        "two slashes": "/" + raw,
        "no padding": raw.rstrip("="),
    }

    assert isinstance(status_in(by_get(responder, forms[form])), Revoked)
