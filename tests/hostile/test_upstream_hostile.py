"""An upstream that is slow, endless, huge or talks nonsense: tryLater in time, and well afterwards."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from datetime import timedelta

import pytest

from certstatus.errors import SourceError
from certstatus.limits import MAX_RESPONSE_BYTES
from certstatus.ocsp import CertID, Good, Revoked
from certstatus.sources import Known, Upstream, UpstreamPolicy
from certstatus.testing import FixedClock, Forge, TinyCA
from tests.books import NOW, ask, status_of
from tests.property.mutation import Mutator
from tests.scripted import OCSP, Asked, Reply, Script, ScriptedServer

SERIAL = 0x1234
LIMIT = timedelta(milliseconds=500)
DAY = timedelta(days=1)


@pytest.fixture(scope="module")
def ca() -> TinyCA:
    return TinyCA()


@pytest.fixture(scope="module")
def forge(ca: TinyCA) -> Forge:
    return Forge.honest(ca, SERIAL)


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer() as running:
        yield running


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock()


@pytest.fixture
def source(server: ScriptedServer, ca: TinyCA, clock: FixedClock) -> Upstream:
    return Upstream(
        [server.url],
        ca.certificate,
        clock=clock,
        policy=UpstreamPolicy(url_time=LIMIT, time_limit=2 * LIMIT),
    )


def drip(over: threading.Event, data: bytes) -> Iterator[bytes]:
    """Send octet by octet, until the test is over."""
    for octet in data:
        yield bytes([octet])
        if over.wait(0.05):
            return


def saying(body: bytes) -> Script:
    return lambda _: Reply(body=body)


def endless(over: threading.Event) -> Iterator[bytes]:
    while not over.is_set():
        yield bytes(65_536)


@pytest.mark.parametrize("kind", ["silent", "dripping", "endless", "huge"])
@pytest.mark.rule("O11")
def test_what_never_ends_is_try_later_in_time_and_over_when_it_is_well_again(
    server: ScriptedServer,
    source: Upstream,
    *,
    ca: TinyCA,
    forge: Forge,
    clock: FixedClock,
    kind: str,
) -> None:
    over = threading.Event()

    def script(_: Asked) -> Reply:
        if kind == "silent":
            over.wait(10)
            return Reply(status=503)
        if kind == "huge":
            return Reply(headers={"Content-Type": OCSP}, body=forge.der + bytes(MAX_RESPONSE_BYTES))
        return Reply(chunks=drip(over, forge.der) if kind == "dripping" else endless(over))

    server.script = script
    started = time.monotonic()

    with pytest.raises(SourceError):
        status_of(source, ca, SERIAL)

    assert time.monotonic() - started < 3 * LIMIT.total_seconds()
    over.set()
    server.script = lambda _: Reply(body=forge.der)
    clock.advance(DAY)
    assert status_of(source, ca, SERIAL, clock.now()) == Good()


@pytest.mark.parametrize(
    "content_type", ["text/html", "application/ocsp-request", "", "x" * 4_000], ids=repr
)
def test_a_wrong_content_type_costs_nothing_where_the_answer_is_right(
    server: ScriptedServer, source: Upstream, ca: TinyCA, forge: Forge, content_type: str
) -> None:
    server.script = lambda _: Reply(body=forge.der, headers={"Content-Type": content_type})

    assert status_of(source, ca, SERIAL) == Good()


@pytest.mark.parametrize(
    "body",
    [b"", b"<html>good</html>", b"\x30\x80", b"\x30\x84\xff\xff\xff\xff", bytes(5)],
    ids=repr,
)
@pytest.mark.parametrize("content_type", [OCSP, "text/html"])
@pytest.mark.rule("O11")
def test_nonsense_under_any_content_type_is_try_later(
    server: ScriptedServer, source: Upstream, ca: TinyCA, body: bytes, content_type: str
) -> None:
    server.script = lambda _: Reply(body=body, headers={"Content-Type": content_type})

    with pytest.raises(SourceError):
        status_of(source, ca, SERIAL)


@pytest.mark.parametrize("status", [201, 204, 301, 302, 307, 400, 401, 404, 500, 503])
@pytest.mark.rule("O33", "O11")
def test_another_http_status_carries_no_answer(
    server: ScriptedServer, source: Upstream, ca: TinyCA, forge: Forge, status: int
) -> None:
    body = b"" if status == 204 else forge.der
    server.script = lambda _: Reply(status=status, body=body)

    with pytest.raises(SourceError):
        status_of(source, ca, SERIAL)


@pytest.mark.rule("O21", "O11")
def test_no_damaged_answer_becomes_good(
    server: ScriptedServer, source: Upstream, ca: TinyCA, forge: Forge, clock: FixedClock
) -> None:
    revoked = forge.but(cert_status=Revoked(NOW - DAY), next_update=NOW + 4 * DAY)
    bodies = list(Mutator(4, [revoked.der]).inputs(100))
    for body in bodies:
        server.script = saying(body)
        try:
            answer = ask(source, ca, SERIAL, clock.now())
        except SourceError:
            answer = None
        clock.advance(timedelta(minutes=2))

        assert answer is None or isinstance(answer, Known)
        assert answer is None or isinstance(answer.cert_status, Revoked)


def test_a_crowd_over_a_dead_upstream_is_answered_in_time(
    server: ScriptedServer, source: Upstream, ca: TinyCA
) -> None:
    over = threading.Event()
    server.script = lambda _: Reply(status=503) if over.wait(10) else Reply()
    ids = [CertID.of(ca.certificate, 1 + number % 20) for number in range(400)]

    async def crowd() -> list[object]:
        asked = (source.status(one, NOW) for one in ids)
        return await asyncio.gather(*asked, return_exceptions=True)

    started = time.monotonic()
    outcomes = asyncio.run(crowd())
    elapsed = time.monotonic() - started
    over.set()

    assert {type(one) for one in outcomes} == {SourceError}
    assert elapsed < 4 * LIMIT.total_seconds()
    assert len(server.asked) <= 20
