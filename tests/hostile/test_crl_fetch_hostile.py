"""Servers of CRLs that lie about lengths, never end or say nothing: told in time, and over soon."""

from __future__ import annotations

import itertools
import resource
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from certstatus.errors import SourceError
from certstatus.limits import MAX_CRL_BYTES
from certstatus.sources import EventKind, Known
from certstatus.testing import TinyCA
from tests.books import DAY, NOW, crl
from tests.crlfeeding import CRLDesk
from tests.directory import (
    ScriptedDirectory,
    Talk,
    done,
    entry,
    in_pieces,
    message,
    saying,
    without_end,
)
from tests.property.mutation import Mutator
from tests.scripted import Asked, Reply, ScriptedServer

LOST = 0x9B
LIMIT = timedelta(milliseconds=500)
HOUR = timedelta(hours=1)
CRL = "certificateRevocationList"


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer() as running:
        yield running


@pytest.fixture
def directory() -> Iterator[ScriptedDirectory]:
    with ScriptedDirectory() as running:
        yield running


@pytest.fixture
def desk(server: ScriptedServer, tmp_path: Path) -> CRLDesk:
    return CRLDesk(TinyCA(), server, tmp_path / "kept")


def forever(data: bytes) -> Talk:
    return without_end(itertools.repeat(data))


def begun(length: str) -> bytes:
    """Begin a message that says it has so many octets."""
    return bytes.fromhex(f"30{length}020101")


LIES: dict[str, Callable[[ScriptedDirectory], Talk]] = {
    "silent": lambda directory: directory.silence,
    "a length of 2 GB": lambda _: forever(begun("847fffffff") + bytes(65_536)),
    "a length of 2^63": lambda _: saying(begun("887fffffffffffffff")),
    "more than it says": lambda _: saying(message(1, b"\x64\x84\x7f\xff\xff\xff\x04\x00")),
    "endless entries": lambda _: forever(entry("cn", b"x")),
    "endless values": lambda _: forever(entry(CRL, bytes(1_000_000))),
    "endless references": lambda _: forever(message(1, bytes.fromhex("7300"))),
    "endless zeros": lambda _: forever(bytes(65_536)),
    "cut off": lambda _: saying(begun("84000fffff") + bytes(1_000)),
    "HTTP": lambda _: saying(b"HTTP/1.1 200 OK\r\n\r\n"),
    "for another": lambda _: saying(entry(CRL, b"x", number=9), done(number=9)),
    "nothing": lambda _: saying(),
    "no values": lambda _: saying(entry(CRL), done()),
    "an empty value": lambda _: saying(entry(CRL, b""), done()),
}


@pytest.mark.parametrize("lie", LIES)
@pytest.mark.rule("C13", "C9")
def test_a_lying_directory_is_told_in_time_and_the_last_good_crl_counts(
    desk: CRLDesk, directory: ScriptedDirectory, lie: str
) -> None:
    good = crl(desk.ca, LOST)
    directory.talk = saying(entry(f"{CRL};binary", good), done())
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with desk.source(directory.url(), fetching={"time_limit": LIMIT}) as source:
        directory.talk = LIES[lie](directory)
        started = time.monotonic()
        desk.later(source, HOUR)
        assert time.monotonic() - started < 10 * LIMIT.total_seconds()
        assert isinstance(desk.ask(source, LOST), Known)
        directory.talk = saying(entry(f"{CRL};binary", good), done())
        desk.later(source, HOUR)

    assert desk.looks == ["newer", "failed", "unchanged"]
    assert desk.kinds[0] is EventKind.FETCHED
    assert desk.kinds[1] in {EventKind.FETCH_FAILED, EventKind.FETCH_UNTRUSTED}
    assert desk.kinds[2] is EventKind.RECOVERED
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown * 1024 < 4 * MAX_CRL_BYTES


@pytest.mark.rule("C13")
def test_a_directory_that_drips_is_cut_off(desk: CRLDesk, directory: ScriptedDirectory) -> None:
    def drip(connection: object, _: bytes) -> None:
        for octet in begun("82ffff") + bytes(1_000):
            connection.sendall(bytes([octet]))  # type: ignore[attr-defined]
            if directory.over.wait(0.05):
                return

    directory.talk = drip
    started = time.monotonic()
    with (
        desk.source(directory.url(), fetching={"time_limit": LIMIT}) as source,
        pytest.raises(SourceError),
    ):
        desk.ask(source, LOST)
    assert time.monotonic() - started < 10 * LIMIT.total_seconds()
    assert "no whole answer within 0.5 seconds" in desk.watcher.events[0].detail


@pytest.mark.rule("C13", "C8")
def test_no_damaged_answer_of_a_directory_becomes_an_answer_of_ours(
    desk: CRLDesk, directory: ScriptedDirectory
) -> None:
    good = crl(desk.ca, LOST, next_update=NOW + 30 * DAY)
    answer = entry(f"{CRL};binary", good)
    directory.talk = saying(answer, done())
    with desk.source(directory.url(), fetching={"time_limit": LIMIT}) as source:
        for body in Mutator(5, [answer, done(32)]).inputs(60):
            directory.talk = in_pieces(body + done(), 1_400)
            desk.later(source, HOUR)
            assert isinstance(desk.ask(source, LOST), Known)


def silent(_: Asked) -> Reply:
    time.sleep(2)
    return Reply(503)


def endless(_: Asked) -> Reply:
    return Reply(chunks=itertools.repeat(bytes(65_536)))


def huge(_: Asked) -> Reply:
    return Reply(headers={"Content-Length": str(MAX_CRL_BYTES + 1)}, chunks=[b"x"])


def cut_off(_: Asked) -> Reply:
    return Reply(headers={"Content-Length": "5000"}, chunks=[b"x" * 100])


@pytest.mark.parametrize("script", [silent, endless, huge, cut_off])
@pytest.mark.rule("C9")
def test_a_web_server_that_never_ends_is_told_in_time(
    desk: CRLDesk, script: Callable[[Asked], Reply]
) -> None:
    desk.server.script = lambda _: Reply(body=crl(desk.ca, LOST))
    with desk.source(fetching={"time_limit": LIMIT}) as source:
        desk.server.script = script
        started = time.monotonic()
        desk.later(source, HOUR)
        assert time.monotonic() - started < 10 * LIMIT.total_seconds()
        assert isinstance(desk.ask(source, LOST), Known)
    assert desk.kinds == [EventKind.FETCHED, EventKind.FETCH_FAILED]


@pytest.mark.rule("C8", "C1")
def test_no_damaged_crl_of_a_url_is_taken_over(desk: CRLDesk) -> None:
    der = crl(desk.ca, LOST, next_update=NOW + 30 * DAY)
    desk.server.script = lambda _: Reply(body=der)
    with desk.source() as source:
        for body in Mutator(6, [der, crl(desk.ca, number=None)]).inputs(80):
            desk.server.script = lambda _, body=body: Reply(body=body)  # type: ignore[misc]
            desk.later(source, HOUR)
            assert isinstance(desk.ask(source, LOST), Known)
    assert set(desk.looks) <= {"newer", "failed", "unchanged"}
    assert desk.looks.count("newer") == 1


@pytest.mark.parametrize("what", ["state", "seen", "crl", "all"])
def test_files_that_were_damaged_are_made_anew(desk: CRLDesk, what: str) -> None:
    desk.server.script = lambda _: Reply(body=crl(desk.ca, LOST))
    with desk.source():
        pass
    for file in desk.folder.rglob("*" if what == "all" else f"*.{what}"):
        if file.is_file():
            file.write_bytes(b"\x00garbage")
    desk.clock.advance(HOUR)
    with desk.source() as source:
        desk.settle(source)
        desk.later(source, HOUR)
        assert isinstance(desk.ask(source, LOST), Known)
