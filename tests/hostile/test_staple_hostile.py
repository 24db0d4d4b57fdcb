"""Staplers under bad responders, bad disks and bad files: told, survived, and nothing wrong served."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Final

import pytest

from certstatus.fetch import HTTPDoor
from certstatus.limits import MAX_RESPONSE_BYTES
from certstatus.requestor import Requestor
from certstatus.staple import StapleEventKind
from certstatus.testing import LIES, Forge
from tests.feeding import CA, DAY, DELEGATE, HOUR, NOW, PATIENCE, POLICY, Feed, until
from tests.scripted import OCSP, Reply, ScriptedServer

FAILED, DROPPED = StapleEventKind.FAILED, StapleEventKind.DROPPED


@pytest.fixture
def feed() -> Iterator[Feed]:
    with ScriptedServer() as server:
        yield Feed(server)


# --- responders ----------------------------------------------------------------------------


def dripping(feed: Feed) -> Iterator[bytes]:
    """Send an octet, and then nothing until the test ends."""
    yield b"0"
    feed.is_open.clear()
    feed.is_open.wait(PATIENCE)


BAD_REPLIES: Final[dict[str, Callable[[Feed], Reply]]] = {
    "not found": lambda _: Reply(404),
    "broken": lambda _: Reply(500, b"Internal Server Error"),
    "elsewhere": lambda _: Reply(302, headers={"Location": "file:///etc/passwd"}),
    "empty": lambda _: Reply(200, b"", {"Content-Type": OCSP}),
    "a page": lambda _: Reply(200, b"<html>welcome to the hotel</html>"),
    "endless": lambda _: Reply(200, chunks=(bytes(65_536) for _ in range(10_000))),
    "too large": lambda _: Reply(200, b"\x30" * (MAX_RESPONSE_BYTES + 1)),
    "dripping": lambda feed: Reply(200, chunks=dripping(feed)),
}


@pytest.mark.parametrize("kind", BAD_REPLIES)
@pytest.mark.rule("T12")
def test_a_bad_responder_costs_no_staple_and_no_handshake_time(feed: Feed, kind: str) -> None:
    leaf = feed.leaf()
    brief = HTTPDoor(total_time=timedelta(seconds=1 if kind == "dripping" else PATIENCE))
    requestor = Requestor(policy=POLICY, clock=feed.clock, door=brief)
    with feed.stapler(requestor=requestor) as (stapler, hears):
        stapler.add(leaf, CA.certificate)
        assert stapler.wait_ready()
        good = stapler.staple(leaf.fingerprint)
        feed.reply = lambda: BAD_REPLIES[kind](feed)

        stapler.refresh()

        assert feed.server.url in hears.wait(FAILED).reason
        assert good is not None
        assert stapler.staple(leaf.fingerprint) is good
        feed.is_open.set()
        feed.reply = None
        feed.later(HOUR, stapler)
        hears.wait(StapleEventKind.RENEWED, 2)


def test_a_responder_that_is_gone_is_told_and_waited_for() -> None:
    with ScriptedServer() as server:
        feed = Feed(server)
        leaf = feed.leaf()
    with feed.stapler() as (stapler, hears):
        stapler.add(leaf, CA.certificate)

        assert "nothing listens there" in hears.wait(FAILED).reason
        assert not stapler.wait_ready()
        (state,) = stapler.states()
        assert state.next_refresh is not None
        assert state.next_refresh > NOW


def test_an_answer_for_another_certificate_is_never_stapled(feed: Feed) -> None:
    other = CA.issue_server("other.example").certificate
    feed.change = lambda forge: Forge.honest(CA, other.serial_number, DELEGATE).but(now=forge.now)
    leaf = feed.leaf()
    with feed.stapler() as (stapler, hears):
        stapler.add(leaf, CA.certificate)

        assert "[O15]" in hears.wait(FAILED).reason
        assert stapler.staple(leaf.fingerprint) is None


@pytest.mark.parametrize("lie", sorted(set(LIES) - {"wrong nonce"}))
def test_a_lie_is_never_stapled_not_even_as_the_first(feed: Feed, lie: str) -> None:
    feed.change = LIES[lie][1]
    leaf = feed.leaf()
    with feed.stapler() as (stapler, hears):
        stapler.add(leaf, CA.certificate)

        hears.wait(FAILED)

        assert stapler.staple(leaf.fingerprint) is None


def test_a_responder_whose_clock_jumps_can_neither_freeze_nor_wear_us_out(feed: Feed) -> None:
    leaf = feed.leaf()
    with feed.stapler() as (stapler, hears):
        stapler.add(leaf, CA.certificate)
        assert stapler.wait_ready()
        for number, jump in enumerate((9000 * DAY, -9000 * DAY), 1):
            feed.change = lambda forge, jump=jump: forge.but(  # type: ignore[misc]
                now=forge.now + jump
            )
            stapler.refresh()
            hears.wait(FAILED, number)
        feed.change = lambda forge: forge.but(next_update=NOW + 9000 * DAY)
        feed.clock.advance(HOUR)
        stapler.refresh()
        hears.wait(StapleEventKind.RENEWED, 2)

        (state,) = stapler.states()
        assert state.next_refresh is not None
        assert state.next_refresh < NOW + 5 * DAY


# --- files ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "junk",
    [
        b"",
        b"\0" * 4_096,
        b"\x80\x04\x8c\x05posix\x8c\x06system\x93\x8c\x04true\x85R.",
        b'{"format": 1}\n',
        b'{"format": 1, "certificate": "00", "issuer": "", "freshUntil": 0, "url": ""}\n0',
        b"\xff" * 2_000_000,
    ],
    ids=["empty", "zeros", "pickle", "bare", "foreign", "large"],
)
def test_a_junk_file_is_told_and_replaced_by_what_the_responder_says(
    feed: Feed, tmp_path: Path, junk: bytes
) -> None:
    leaf = feed.leaf()
    file = tmp_path / "staples" / f"{leaf.fingerprint.hex()}.staple"
    file.parent.mkdir(mode=0o700)
    file.write_bytes(junk)
    with feed.stapler(file.parent) as (stapler, hears):
        stapler.add(leaf, CA.certificate)

        assert hears.events[0].kind is DROPPED
        assert stapler.wait_ready()
        until(file.exists)


def test_a_file_that_goes_bad_while_we_run_takes_nothing_away(feed: Feed, tmp_path: Path) -> None:
    leaf = feed.leaf()
    file = tmp_path / "staples" / f"{leaf.fingerprint.hex()}.staple"
    with feed.stapler(file.parent) as (stapler, hears):
        stapler.add(leaf, CA.certificate)
        until(file.exists)
        file.write_bytes(b"scribble")

        stapler.refresh()

        hears.wait(DROPPED)
        hears.wait(StapleEventKind.UNCHANGED)
        assert stapler.staple(leaf.fingerprint) is not None
        until(file.exists)


def test_the_files_of_two_certificates_swapped_are_told_and_not_served(
    feed: Feed, tmp_path: Path
) -> None:
    leaves = [feed.leaf("one.example"), feed.leaf("two.example")]
    one, two = (tmp_path / "staples" / f"{leaf.fingerprint.hex()}.staple" for leaf in leaves)
    with feed.stapler(one.parent) as (stapler, _):
        for leaf in leaves:
            stapler.add(leaf, CA.certificate)
        until(lambda: one.exists() and two.exists())
    one.rename(one.parent / "aside")
    two.rename(one)
    (one.parent / "aside").rename(two)
    feed.is_open.clear()

    with feed.stapler(one.parent) as (stapler, hears):
        for leaf in leaves:
            stapler.add(leaf, CA.certificate)

        assert hears.kinds == ["dropped", "dropped"]
        assert [stapler.staple(leaf.fingerprint) for leaf in leaves] == [None, None]


# --- disks ---------------------------------------------------------------------------------

_FULL: Final = """
import resource, sys
from pathlib import Path
sys.path.insert(0, ".")
from certstatus.staple import StapleEventKind
from tests.feeding import CA, HOUR, Feed, until
from tests.scripted import ScriptedServer

directory = Path(sys.argv[1]) / "staples"
with ScriptedServer() as server:
    feed = Feed(server)
    leaf, new = feed.leaf(), feed.leaf("new.example")
    file = directory / f"{leaf.fingerprint.hex()}.staple"
    with feed.stapler(directory) as (stapler, hears):
        stapler.add(leaf, CA.certificate)
        until(file.exists)
        before = file.read_bytes()
        resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))  # every write past it fails: EFBIG
        feed.clock.advance(HOUR)
        stapler.refresh()
        event = hears.wait(StapleEventKind.NOT_STORED)
        assert "can't be written to: File too large" in event.reason, event
        assert stapler.states()[0].this_update > feed.clock.now() - HOUR
        stapler.add(new, CA.certificate)
        assert stapler.wait_ready()
        hears.wait(StapleEventKind.NOT_STORED, 2)
        assert stapler.staple(new.fingerprint) is not None
        assert file.read_bytes() == before
        assert list(directory.iterdir()) == [file], "nothing is half written"
"""


def test_a_full_disk_is_told_and_staples_are_served_on(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _FULL, str(tmp_path)],
        check=False,
        timeout=60,
        capture_output=True,
        text=True,
    )

    assert done.returncode == 0, done.stderr


def test_a_directory_that_cannot_be_made_is_told_and_staples_are_served(
    feed: Feed, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    leaf = feed.leaf()
    with feed.stapler(tmp_path / "file" / "staples") as (stapler, hears):
        stapler.add(leaf, CA.certificate)

        assert stapler.wait_ready()
        assert "Not a directory" in hears.wait(StapleEventKind.NOT_STORED).reason


def test_a_directory_that_others_can_write_to_is_told_and_left_alone(
    feed: Feed, tmp_path: Path
) -> None:
    (tmp_path / "staples").mkdir()
    (tmp_path / "staples").chmod(0o777)
    with feed.stapler(tmp_path / "staples") as (stapler, hears):
        stapler.add(feed.leaf(), CA.certificate)

        assert stapler.wait_ready()
        assert "written to by others" in hears.wait(StapleEventKind.NOT_STORED).reason
    assert list((tmp_path / "staples").iterdir()) == []
