"""An index.txt as a source."""

from __future__ import annotations

from contextlib import nullcontext
from datetime import timedelta
from pathlib import Path

import pytest

from certstatus.errors import ConfigError, SourceError
from certstatus.limits import LAST_GOOD_TIME, MAX_INDEX_BYTES
from certstatus.ocsp import Good, InvalidityDate, Revoked
from certstatus.pkix import CRLReason, HashAlgorithm
from certstatus.sources import (
    EntryExtensions,
    EventKind,
    IndexEntry,
    IndexRevocation,
    IndexStatus,
    Known,
    NotOurs,
    OpenSSLIndex,
    Unlisted,
    encode_index,
)
from certstatus.testing import TinyCA
from tests.books import (
    DAY,
    LATER,
    NOW,
    Watcher,
    ask,
    at_hand,
    edition,
    revoked,
    status_of,
    valid,
    write_index,
)

GOOD, LOST, HELD, NEVER = 0x9A, 0x9B, 0x9C, 0x9D
ENTRIES = (valid(GOOD), revoked(LOST), revoked(HELD, CRLReason.CERTIFICATE_HOLD))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return write_index(tmp_path / "index.txt", *ENTRIES)


@pytest.fixture
def watcher() -> Watcher:
    return Watcher()


@pytest.fixture
def index(path: Path, ca: TinyCA, watcher: Watcher) -> OpenSSLIndex:
    return OpenSSLIndex(path, ca.certificate, now=NOW, observer=watcher)


@pytest.mark.rule("O12")
def test_good_revoked_and_held_are_told_apart(index: OpenSSLIndex, ca: TinyCA) -> None:
    assert status_of(index, ca, GOOD) == Good()
    assert status_of(index, ca, LOST) == Revoked(NOW - DAY, CRLReason.KEY_COMPROMISE)
    assert status_of(index, ca, HELD) == Revoked(NOW - DAY, CRLReason.CERTIFICATE_HOLD)


@pytest.mark.rule("O12", "B4")
def test_a_serial_that_it_lacks_was_never_issued(index: OpenSSLIndex, ca: TinyCA) -> None:
    assert ask(index, ca, NEVER) == Unlisted(
        this_update=NOW, origin="openssl-index", lists_issued=True
    )


@pytest.mark.rule("O12")
def test_an_expired_certificate_keeps_its_status(path: Path, ca: TinyCA) -> None:
    expired = IndexEntry(
        status=IndexStatus.EXPIRED, expiry=NOW - DAY, serial_number=1, subject="/CN=old"
    )
    index = OpenSSLIndex(write_index(path, expired), ca.certificate, now=NOW)

    assert status_of(index, ca, 1) == Good()


def test_another_cas_certificate_is_not_ours(index: OpenSSLIndex, other_ca: TinyCA) -> None:
    """The same serial number under another issuer is another certificate."""
    assert ask(index, other_ca, LOST) == NotOurs(origin="openssl-index")


@pytest.mark.parametrize("algorithm", HashAlgorithm)
def test_it_answers_under_every_hash(
    index: OpenSSLIndex, ca: TinyCA, algorithm: HashAlgorithm
) -> None:
    assert isinstance(ask(index, ca, LOST, algorithm=algorithm), Known)


def test_it_goes_by_its_name(path: Path, ca: TinyCA) -> None:
    index = OpenSSLIndex(path, ca.certificate, now=NOW, name="books")

    assert index.name == "books"
    assert ask(index, ca, GOOD).origin == "books"


@pytest.mark.rule("O19")
def test_this_update_is_when_the_file_was_last_seen(index: OpenSSLIndex, ca: TinyCA) -> None:
    answer = ask(index, ca, GOOD, NOW + LATER)

    assert isinstance(answer, Known)
    assert answer.this_update == NOW + LATER
    assert answer.next_update is None


@pytest.mark.rule("O28")
def test_the_invalidity_date_is_repeated_where_asked_for(path: Path, ca: TinyCA) -> None:
    entry = IndexEntry(
        status=IndexStatus.REVOKED,
        expiry=NOW + DAY,
        serial_number=LOST,
        subject="/CN=leaf",
        revocation=IndexRevocation(
            revocation_time=NOW, reason=CRLReason.KEY_COMPROMISE, invalidity_date=NOW - DAY
        ),
    )
    write_index(path, entry)
    index = OpenSSLIndex(path, ca.certificate, now=NOW, entry_extensions=EntryExtensions.CABF)
    answer = ask(index, ca, LOST)

    assert isinstance(answer, Known)
    assert answer.single_extensions.get(InvalidityDate) == InvalidityDate(NOW - DAY)


# --- changes --------------------------------------------------------------------------------


def test_a_revocation_counts_within_a_second(path: Path, index: OpenSSLIndex, ca: TinyCA) -> None:
    assert status_of(index, ca, GOOD) == Good()
    write_index(path, revoked(GOOD), *ENTRIES[1:])

    assert isinstance(status_of(index, ca, GOOD, NOW + timedelta(seconds=1)), Revoked)


def test_a_new_certificate_is_known(path: Path, index: OpenSSLIndex, ca: TinyCA) -> None:
    write_index(path, *ENTRIES, valid(NEVER))

    assert status_of(index, ca, NEVER, NOW + LATER) == Good()


def test_a_hold_may_be_released(path: Path, index: OpenSSLIndex, ca: TinyCA) -> None:
    write_index(path, *ENTRIES[:2], valid(HELD))

    assert status_of(index, ca, HELD, NOW + LATER) == Good()


@pytest.mark.rule("O19")
@pytest.mark.parametrize(
    ("broken", "problem"),
    [
        (encode_index([*ENTRIES, valid(NEVER)])[:-1], "cut short"),
        (encode_index([*ENTRIES, valid(NEVER)])[:-30], "cut short"),
        (encode_index(ENTRIES[:2]), "lacks serial 9C"),
        (b"", "lacks serial"),
        (b"\0" * 4096, "cut short"),
        (encode_index([valid(GOOD), valid(LOST), ENTRIES[2]]), "takes the revocation of serial 9B"),
    ],
    ids=["no-line-end", "mid-line", "cut-at-line", "emptied", "zeros", "older-copy"],
)
def test_a_half_written_file_keeps_the_last_good_one_and_alarms(
    path: Path, index: OpenSSLIndex, ca: TinyCA, *, watcher: Watcher, broken: bytes, problem: str
) -> None:
    path.write_bytes(broken)
    answer = ask(index, ca, LOST, NOW + LATER)

    assert isinstance(answer, Known)
    assert isinstance(answer.cert_status, Revoked)
    assert answer.this_update == NOW
    assert watcher.kinds == [EventKind.RELOAD_FAILED]
    assert problem in watcher.events[0].detail

    write_index(path, *ENTRIES, valid(NEVER))

    assert status_of(index, ca, NEVER, NOW + 2 * LATER) == Good()
    assert watcher.kinds[1:] == [EventKind.RECOVERED, EventKind.RELOADED]


def test_what_has_expired_may_leave_the_index(path: Path, ca: TinyCA, watcher: Watcher) -> None:
    write_index(path, *ENTRIES, valid(1, expiry=NOW - DAY))
    index = OpenSSLIndex(path, ca.certificate, now=NOW, observer=watcher)
    write_index(path, *ENTRIES)

    assert isinstance(ask(index, ca, 1, NOW + LATER), Unlisted)
    assert watcher.kinds == [EventKind.RELOADED]


def test_the_last_good_index_serves_for_a_while_then_try_later(
    path: Path, index: OpenSSLIndex, ca: TinyCA
) -> None:
    path.unlink()

    assert status_of(index, ca, GOOD, NOW + LAST_GOOD_TIME) == Good()
    with pytest.raises(SourceError, match="unusable: No such file"):
        ask(index, ca, GOOD, NOW + LAST_GOOD_TIME + LATER)


# --- the start ------------------------------------------------------------------------------


@pytest.mark.parametrize("data", [b"hello\n", b"V\t", b"\xff" * 64])
def test_no_index_at_the_start_is_refused(tmp_path: Path, ca: TinyCA, data: bytes) -> None:
    (tmp_path / "index.txt").write_bytes(data)

    with pytest.raises(ConfigError, match=r"index line 1"):
        OpenSSLIndex(tmp_path / "index.txt", ca.certificate, now=NOW)


def test_an_index_that_is_not_there_is_named(tmp_path: Path, ca: TinyCA) -> None:
    with pytest.raises(ConfigError, match=r"index\.txt: No such file"):
        OpenSSLIndex(tmp_path / "index.txt", ca.certificate, now=NOW)


def test_a_new_cas_empty_index_is_right(tmp_path: Path, ca: TinyCA) -> None:
    index = OpenSSLIndex(write_index(tmp_path / "index.txt"), ca.certificate, now=NOW)

    assert isinstance(ask(index, ca, 1), Unlisted)


def test_an_index_beyond_the_limit_is_refused(tmp_path: Path, ca: TinyCA) -> None:
    path = tmp_path / "index.txt"
    with path.open("wb") as file:
        file.truncate(MAX_INDEX_BYTES + 1)

    with pytest.raises(ConfigError, match=f"larger than {MAX_INDEX_BYTES} bytes"):
        OpenSSLIndex(path, ca.certificate, now=NOW)


# --- at hand --------------------------------------------------------------------------------


@pytest.mark.parametrize("serial_number", [GOOD, LOST, HELD, NEVER, 0, -GOOD, 1 << 160])
def test_what_is_in_memory_is_at_hand(index: OpenSSLIndex, ca: TinyCA, serial_number: int) -> None:
    assert at_hand(index, serial_number) == ask(index, ca, serial_number)


def test_what_is_not_revoked_is_the_same_object_again(index: OpenSSLIndex) -> None:
    """As long as the file is confirmed at the same time, and whatever else is asked meanwhile."""
    good, unlisted = at_hand(index, GOOD), at_hand(index, NEVER)
    at_hand(index, LOST)

    assert at_hand(index, GOOD) is good
    assert at_hand(index, NEVER, NOW + LATER / 10) is unlisted


def test_a_look_at_the_file_is_left_to_status(path: Path, index: OpenSSLIndex, ca: TinyCA) -> None:
    write_index(path, revoked(GOOD), *ENTRIES[1:])

    assert at_hand(index, GOOD, NOW + LATER) is None
    said = ask(index, ca, GOOD, NOW + LATER)
    assert at_hand(index, GOOD, NOW + LATER) == said


def test_an_index_that_is_unusable_for_long_is_not_at_hand(
    path: Path, index: OpenSSLIndex, ca: TinyCA
) -> None:
    path.unlink()
    for since in (LAST_GOOD_TIME, LAST_GOOD_TIME + LATER):
        is_outdated = since > LAST_GOOD_TIME
        with pytest.raises(SourceError) if is_outdated else nullcontext():
            ask(index, ca, GOOD, NOW + since)
        assert (at_hand(index, GOOD, NOW + since) is None) == is_outdated


def test_an_edition_is_one_reading_of_the_file(path: Path, index: OpenSSLIndex, ca: TinyCA) -> None:
    first = edition(index)
    assert first is edition(index) is not None

    write_index(path, revoked(GOOD), *ENTRIES[1:])
    assert edition(index, NOW + LATER) is None
    ask(index, ca, GOOD, NOW + LATER)
    second = edition(index, NOW + LATER)
    assert second is not None
    assert second is not first
    path.unlink()
    with pytest.raises(SourceError):
        ask(index, ca, GOOD, NOW + LAST_GOOD_TIME + 2 * LATER)
    assert edition(index, NOW + LAST_GOOD_TIME + 2 * LATER) is None
