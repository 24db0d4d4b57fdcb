"""A CRL file as a source: expiry, reload, issued serials, extensions."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509

from certstatus.errors import ConfigError, SourceError
from certstatus.limits import DEFAULT_SKEW, MAX_CRL_FILE_BYTES, MAX_ISSUED_BYTES
from certstatus.ocsp import CrlID, Good, InvalidityDate, ReasonCode, Revoked
from certstatus.pkix import CRLReason, HashAlgorithm
from certstatus.sources import CRL, EntryExtensions, EventKind, Known, NotOurs, Unlisted
from certstatus.testing import TinyCA
from tests.books import DAY, LATER, NOW, Watcher, ask, at_hand, crl, edition, scope, status_of

LOST, FINE = 0x9B, 0x9A
WHY = (LOST, [(x509.CRLReason(x509.ReasonFlags.key_compromise), False)])
SUSPECT = (LOST, [*WHY[1], (x509.InvalidityDate(NOW.replace(tzinfo=None) - 3 * DAY), False)])


@pytest.fixture
def path(tmp_path: Path, ca: TinyCA) -> Path:
    path = tmp_path / "ca.crl"
    path.write_bytes(crl(ca, WHY))
    return path


@pytest.fixture
def watcher() -> Watcher:
    return Watcher()


@pytest.fixture
def source(path: Path, ca: TinyCA, watcher: Watcher) -> CRL:
    return CRL(path, ca.certificate, now=NOW, observer=watcher)


@pytest.mark.rule("O12", "C9")
def test_what_it_lists_is_revoked(source: CRL, ca: TinyCA) -> None:
    assert ask(source, ca, LOST) == Known(
        cert_status=Revoked(NOW - 2 * DAY, CRLReason.KEY_COMPROMISE),
        this_update=NOW - DAY,
        next_update=NOW + DAY,
        origin="crl",
    )


@pytest.mark.rule("C10")
def test_what_it_does_not_list_may_never_have_been_issued(source: CRL, ca: TinyCA) -> None:
    assert ask(source, ca, FINE) == Unlisted(
        this_update=NOW - DAY, next_update=NOW + DAY, origin="crl", lists_issued=False
    )


def test_another_cas_certificate_is_not_ours(source: CRL, other_ca: TinyCA) -> None:
    assert ask(source, other_ca, LOST) == NotOurs(origin="crl")


@pytest.mark.parametrize("algorithm", HashAlgorithm)
def test_it_answers_under_every_hash(source: CRL, ca: TinyCA, algorithm: HashAlgorithm) -> None:
    assert isinstance(ask(source, ca, LOST, algorithm=algorithm), Known)


def test_this_update_is_never_in_the_future(path: Path, ca: TinyCA) -> None:
    """A CRL of a CA whose clock is a little ahead is believed, and not called newer than now."""
    path.write_bytes(crl(ca, LOST, this_update=NOW + DEFAULT_SKEW))
    answer = ask(CRL(path, ca.certificate, now=NOW), ca, LOST)

    assert isinstance(answer, Known)
    assert answer.this_update == NOW


# --- expiry ---------------------------------------------------------------------------------


@pytest.mark.rule("C9", "O11")
def test_an_expired_crl_means_try_later_even_for_what_it_lists(
    source: CRL, ca: TinyCA, watcher: Watcher
) -> None:
    ask(source, ca, LOST, NOW + DAY - LATER)
    for serial_number in (LOST, FINE, LOST):
        with pytest.raises(SourceError, match=r"expired on 2026-11-22 12:00:00Z"):
            ask(source, ca, serial_number, NOW + DAY)

    assert watcher.kinds == [EventKind.EXPIRED]


@pytest.mark.rule("C9")
def test_a_fresh_crl_ends_the_wait(path: Path, source: CRL, ca: TinyCA, watcher: Watcher) -> None:
    with pytest.raises(SourceError):
        ask(source, ca, FINE, NOW + DAY)
    path.write_bytes(crl(ca, WHY, number=2, this_update=NOW + DAY, next_update=NOW + 2 * DAY))

    assert isinstance(ask(source, ca, LOST, NOW + DAY + LATER), Known)
    assert watcher.kinds == [EventKind.EXPIRED, EventKind.RELOADED, EventKind.RECOVERED]


def test_a_crl_that_is_expired_at_the_start_waits_for_the_next(path: Path, ca: TinyCA) -> None:
    source = CRL(path, ca.certificate, now=NOW + 2 * DAY)

    with pytest.raises(SourceError, match="expired"):
        ask(source, ca, FINE, NOW + 2 * DAY)


# --- reload ---------------------------------------------------------------------------------


def test_a_new_crl_counts_within_a_second(path: Path, source: CRL, ca: TinyCA) -> None:
    path.write_bytes(crl(ca, LOST, FINE, number=2))

    assert isinstance(status_of(source, ca, FINE, NOW + timedelta(seconds=1)), Revoked)


@pytest.mark.rule("C1")
@pytest.mark.parametrize(
    ("number", "age", "problem"),
    [
        (0, timedelta(), "CRLNumber 0, and one with 1 was read before"),
        (None, timedelta(), "CRLNumber None, and one with 1"),
        (2, timedelta(seconds=1), "is of 2026-11-20 11:59:59Z, and one of 2026-11-20 12:00:00Z"),
    ],
)
def test_an_older_crl_never_replaces_a_newer_one(
    path: Path,
    source: CRL,
    ca: TinyCA,
    *,
    watcher: Watcher,
    number: int | None,
    age: timedelta,
    problem: str,
) -> None:
    path.write_bytes(crl(ca, FINE, number=number, this_update=NOW - DAY - age))

    assert isinstance(ask(source, ca, LOST, NOW + LATER), Known)
    assert isinstance(ask(source, ca, FINE, NOW + LATER), Unlisted)
    assert problem in watcher.events[0].detail
    assert watcher.events[0].kind is EventKind.RELOAD_FAILED


@pytest.mark.parametrize("cut", [0, 1, 100, -1])
def test_a_half_written_crl_keeps_the_last_good_one_until_it_expires(
    path: Path, source: CRL, ca: TinyCA, *, watcher: Watcher, cut: int
) -> None:
    path.write_bytes(crl(ca, number=2)[:cut])

    assert isinstance(ask(source, ca, LOST, NOW + LATER), Known)
    assert watcher.kinds == [EventKind.RELOAD_FAILED]
    with pytest.raises(SourceError, match="expired"):
        ask(source, ca, LOST, NOW + DAY)


def test_another_cas_crl_never_replaces_ours(
    path: Path, source: CRL, ca: TinyCA, *, other_ca: TinyCA, watcher: Watcher
) -> None:
    path.write_bytes(crl(other_ca, number=2))

    assert isinstance(ask(source, ca, LOST, NOW + LATER), Known)
    assert watcher.kinds == [EventKind.RELOAD_FAILED]


def test_a_crl_that_is_not_valid_yet_waits_for_its_time(
    path: Path, source: CRL, ca: TinyCA, watcher: Watcher
) -> None:
    soon = NOW + timedelta(hours=1)
    path.write_bytes(crl(ca, number=2, this_update=soon))

    assert isinstance(ask(source, ca, LOST, NOW + LATER), Known)
    assert isinstance(ask(source, ca, LOST, soon), Unlisted)
    assert watcher.kinds == [EventKind.RELOAD_FAILED, EventKind.RECOVERED, EventKind.RELOADED]


# --- issued serials -------------------------------------------------------------------------


@pytest.fixture
def issued(tmp_path: Path) -> Path:
    path = tmp_path / "issued.txt"
    path.write_text("9A\n9B\n")
    return path


@pytest.mark.rule("C10", "B4")
def test_with_a_list_of_issued_serials_good_and_never_issued_differ(
    path: Path, ca: TinyCA, issued: Path
) -> None:
    source = CRL(path, ca.certificate, now=NOW, issued=issued)

    assert ask(source, ca, FINE) == Known(
        cert_status=Good(), this_update=NOW - DAY, next_update=NOW + DAY, origin="crl"
    )
    assert isinstance(status_of(source, ca, LOST), Revoked)
    assert ask(source, ca, 0x9D) == Unlisted(
        this_update=NOW - DAY, next_update=NOW + DAY, origin="crl", lists_issued=True
    )


def test_the_list_may_be_decimal(path: Path, ca: TinyCA, issued: Path) -> None:
    issued.write_text(f"{FINE}\n")
    source = CRL(path, ca.certificate, now=NOW, issued=issued, issued_base=10)

    assert status_of(source, ca, FINE) == Good()


def test_the_list_is_read_again_and_never_loses_a_serial(
    path: Path, ca: TinyCA, issued: Path, watcher: Watcher
) -> None:
    source = CRL(path, ca.certificate, now=NOW, issued=issued, observer=watcher)
    issued.write_text("9A\n9B\n9D\n")
    assert status_of(source, ca, 0x9D, NOW + LATER) == Good()

    issued.write_text("9A\n")
    assert status_of(source, ca, 0x9D, NOW + 2 * LATER) == Good()
    assert watcher.kinds == [EventKind.RELOADED, EventKind.RELOAD_FAILED]


@pytest.mark.parametrize(("text", "problem"), [("leaf\n", "line 1"), ("9A\n9", "cut short")])
def test_a_bad_list_at_the_start_is_refused(
    path: Path, ca: TinyCA, *, issued: Path, text: str, problem: str
) -> None:
    issued.write_text(text)

    with pytest.raises(ConfigError, match=problem):
        CRL(path, ca.certificate, now=NOW, issued=issued)


def test_a_list_of_issued_serials_beyond_the_limit_is_refused(
    path: Path, ca: TinyCA, issued: Path
) -> None:
    with issued.open("wb") as file:
        file.truncate(MAX_ISSUED_BYTES + 1)

    with pytest.raises(ConfigError, match=f"larger than {MAX_ISSUED_BYTES} bytes"):
        CRL(path, ca.certificate, now=NOW, issued=issued)


# --- extensions -----------------------------------------------------------------------------


@pytest.mark.rule("O26")
def test_crl_id_names_the_crl_by_number_time_and_url(path: Path, ca: TinyCA) -> None:
    url = "http://ca.example/ca.crl"
    source = CRL(path, ca.certificate, now=NOW, crl_id=True, crl_url=url)

    for serial_number in (LOST, FINE):
        answer = ask(source, ca, serial_number)
        assert not isinstance(answer, NotOurs)
        assert answer.single_extensions.get(CrlID) == CrlID(url, 1, NOW - DAY)


@pytest.mark.rule("O26")
def test_crl_id_leaves_out_what_there_is_not(path: Path, ca: TinyCA) -> None:
    path.write_bytes(crl(ca, LOST, number=None))
    answer = ask(CRL(path, ca.certificate, now=NOW, crl_id=True), ca, LOST)

    assert isinstance(answer, Known)
    assert answer.single_extensions.get(CrlID) == CrlID(None, None, NOW - DAY)


@pytest.mark.rule("O13", "O26")
def test_of_a_serial_that_was_never_issued_no_crl_says_anything(
    path: Path, ca: TinyCA, issued: Path
) -> None:
    source = CRL(path, ca.certificate, now=NOW, crl_id=True, issued=issued)
    answers = {serial: ask(source, ca, serial) for serial in (FINE, 0x9D)}

    assert [
        not isinstance(one, NotOurs) and len(one.single_extensions) for one in answers.values()
    ] == [1, 0]


def test_a_crl_url_that_is_not_ascii_is_refused(path: Path, ca: TinyCA) -> None:
    with pytest.raises(ConfigError, match="crl_url: is not in ASCII"):
        CRL(path, ca.certificate, now=NOW, crl_id=True, crl_url="http://ü.example/")


@pytest.mark.rule("O28", "B5", "C9")
@pytest.mark.parametrize(
    ("profile", "has_reason", "has_date"),
    [
        (EntryExtensions.NONE, False, False),
        (EntryExtensions.CABF, False, True),
        (EntryExtensions.RFC, True, True),
    ],
)
def test_entry_extensions_are_repeated_by_profile(
    path: Path, ca: TinyCA, *, profile: EntryExtensions, has_reason: bool, has_date: bool
) -> None:
    path.write_bytes(crl(ca, SUSPECT))
    source = CRL(path, ca.certificate, now=NOW, entry_extensions=profile)
    answer = ask(source, ca, LOST)

    assert isinstance(answer, Known)
    assert answer.cert_status == Revoked(NOW - 2 * DAY, CRLReason.KEY_COMPROMISE)
    assert answer.single_extensions.has(ReasonCode) == has_reason
    date = answer.single_extensions.get(InvalidityDate)
    assert date == (InvalidityDate(NOW - 3 * DAY) if has_date else None)


# --- the start ------------------------------------------------------------------------------


def test_a_crl_that_is_not_there_is_named(tmp_path: Path, ca: TinyCA) -> None:
    with pytest.raises(ConfigError, match=r"ca\.crl: No such file"):
        CRL(tmp_path / "ca.crl", ca.certificate, now=NOW)


def test_a_crl_beyond_the_limit_is_refused(tmp_path: Path, ca: TinyCA) -> None:
    path = tmp_path / "ca.crl"
    with path.open("wb") as file:
        file.truncate(MAX_CRL_FILE_BYTES + 1)

    with pytest.raises(ConfigError, match=f"larger than {MAX_CRL_FILE_BYTES} bytes"):
        CRL(path, ca.certificate, now=NOW)


# --- at hand --------------------------------------------------------------------------------


@pytest.mark.parametrize("serial_number", [LOST, FINE, 0, -LOST, 1 << 160])
def test_what_is_in_memory_is_at_hand(source: CRL, ca: TinyCA, serial_number: int) -> None:
    assert at_hand(source, serial_number) == ask(source, ca, serial_number)


@pytest.mark.rule("C10")
def test_with_a_list_of_issued_serials_it_is_at_hand_too(
    path: Path, ca: TinyCA, issued: Path
) -> None:
    source = CRL(path, ca.certificate, now=NOW, issued=issued)

    for serial_number in (FINE, LOST, 0x77):
        assert at_hand(source, serial_number) == ask(source, ca, serial_number)
    assert at_hand(source, FINE) is at_hand(source, FINE)
    assert at_hand(source, 0x77) is at_hand(source, 0x78)


def test_what_is_not_listed_is_the_same_object_until_the_crls_change(
    path: Path, source: CRL, ca: TinyCA
) -> None:
    unlisted = ask(source, ca, FINE)
    assert at_hand(source, FINE + 2) is unlisted
    assert ask(source, ca, FINE, NOW + LATER) is unlisted

    path.write_bytes(crl(ca, WHY, number=2))
    ask(source, ca, FINE, NOW + 2 * LATER)
    assert at_hand(source, FINE, NOW + 2 * LATER) is not unlisted


def test_at_hand_this_update_is_never_in_the_future(path: Path, ca: TinyCA) -> None:
    """What was said of a CRL of a clock that is ahead is not said later on."""
    path.write_bytes(crl(ca, WHY, this_update=NOW + DEFAULT_SKEW))
    source = CRL(path, ca.certificate, now=NOW)
    for now in (NOW, NOW + LATER, NOW + DEFAULT_SKEW, NOW + DEFAULT_SKEW + LATER, NOW):
        said = ask(source, ca, FINE, now)
        assert isinstance(said, Unlisted)
        assert said.this_update == min(now, NOW + DEFAULT_SKEW)
        assert at_hand(source, FINE, now) is said


@pytest.mark.rule("C9")
def test_a_crl_that_has_expired_is_not_at_hand(source: CRL, ca: TinyCA, watcher: Watcher) -> None:
    with pytest.raises(SourceError, match="expired"):
        ask(source, ca, FINE, NOW + DAY)

    assert at_hand(source, FINE, NOW + DAY) is None
    assert at_hand(source, LOST, NOW + DAY) is None
    assert watcher.kinds == [EventKind.EXPIRED]


@pytest.mark.rule("C5")
def test_what_the_crls_leave_out_is_not_at_hand(tmp_path: Path, ca: TinyCA) -> None:
    """Nor what such a CRL lists: status says when it is whole again."""
    path = tmp_path / "some.crl"
    path.write_bytes(crl(ca, WHY, extensions=[scope(only_contains_user_certs=True)]))
    source = CRL(path, ca.certificate, now=NOW)

    assert isinstance(ask(source, ca, LOST), Known)
    assert at_hand(source, LOST) is None
    assert at_hand(source, FINE) is None


def test_a_look_at_the_files_is_left_to_status(path: Path, source: CRL, ca: TinyCA) -> None:
    path.write_bytes(crl(ca, WHY, FINE, number=2))

    assert at_hand(source, FINE, NOW + LATER) is None
    said = ask(source, ca, FINE, NOW + LATER)
    assert isinstance(said, Known)
    assert at_hand(source, FINE, NOW + LATER) == said


def test_news_of_a_fetched_crl_is_left_to_status(path: Path, source: CRL, ca: TinyCA) -> None:
    path.write_bytes(crl(ca, WHY, FINE, number=2))
    assert at_hand(source, FINE) is not None
    source._crls.hear_of_news()

    assert at_hand(source, FINE) is None
    said = ask(source, ca, FINE)
    assert isinstance(said, Known)
    assert at_hand(source, FINE) == said


def test_a_list_of_issued_serials_that_is_read_again_is_waited_for(
    path: Path, ca: TinyCA, issued: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = CRL(path, ca.certificate, now=NOW, issued=issued)
    monkeypatch.setattr(source._issued, "at_hand", lambda _: None)

    assert at_hand(source, FINE) is None
    assert at_hand(source, LOST) == ask(source, ca, LOST)


@pytest.mark.parametrize("has_list", [False, True])
def test_an_edition_is_one_reading_of_the_crls_and_of_what_was_issued(
    path: Path, ca: TinyCA, issued: Path, has_list: bool
) -> None:
    source = CRL(path, ca.certificate, now=NOW, issued=issued if has_list else None)
    first = edition(source)
    assert first is edition(source) is not None

    path.write_bytes(crl(ca, LOST, FINE, number=2))
    assert edition(source, NOW + LATER) is None
    ask(source, ca, 0x77, NOW + LATER)
    second = edition(source, NOW + LATER)
    assert second is edition(source, NOW + LATER)
    assert second is not None
    assert second is not first
    with pytest.raises(SourceError, match="expired"):
        ask(source, ca, FINE, NOW + 2 * DAY)
    assert edition(source, NOW + 2 * DAY) is None
