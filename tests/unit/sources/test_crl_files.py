"""CRLs in several files and in folders: what is joined, what is passed over, what stays."""

from __future__ import annotations

import asyncio
import itertools
import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.x509 import ObjectIdentifier

from certstatus.asn1 import oids
from certstatus.errors import ConfigError, SourceError
from certstatus.limits import MAX_AWAITED_BYTES, MAX_CRL_FILES
from certstatus.ocsp import ArchiveCutoff, CertID, CrlID, Revoked
from certstatus.pkix import CRLReason
from certstatus.sources import CRL, Answer, EventKind, Known, NotOurs, Unlisted, crl_files
from certstatus.sources.crl_listing import Listing, read_listing
from certstatus.testing import TinyCA
from tests import der as hand
from tests.books import (
    DAY,
    HOLD,
    LATER,
    NOW,
    REMOVED,
    Watcher,
    ask,
    crl,
    issued_by,
    scope,
    status_of,
)

LOST, FINE = 0x9B, 0x9A
HOUR = timedelta(hours=1)
PATIENCE = 20.0
"""Seconds until a test that waits for what never happens fails."""

Write = Callable[[str, bytes], Path]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "crls"
    folder.mkdir()
    return folder


@pytest.fixture
def write(folder: Path) -> Write:
    """Put a CRL into the folder in one step, as careful programs do."""

    def write(name: str, data: bytes) -> Path:
        aside = folder / f".{name}"
        aside.write_bytes(data)
        return aside.replace(folder / name)

    return write


@pytest.fixture
def watcher() -> Watcher:
    return Watcher()


# --- several files --------------------------------------------------------------------------------


@pytest.mark.rule("C2", "C3")
def test_a_full_crl_and_its_delta_are_named_side_by_side(ca: TinyCA, write: Write) -> None:
    full = write("full", crl(ca, (LOST, [HOLD]), number=1))
    delta = write("delta", crl(ca, (LOST, [REMOVED]), FINE, number=2, delta_of=1))

    for paths in itertools.permutations([full, delta]):
        source = CRL(paths, ca.certificate, now=NOW)
        assert isinstance(ask(source, ca, LOST), Unlisted)
        assert status_of(source, ca, FINE) == Revoked(NOW - 2 * DAY)


@pytest.mark.rule("C9")
def test_an_answer_takes_its_times_from_the_delta(ca: TinyCA, write: Write) -> None:
    full = write("full", crl(ca, LOST, number=1))
    times = {"this_update": NOW - HOUR, "next_update": NOW + HOUR}
    delta = write("delta", crl(ca, number=2, delta_of=1, **times))  # type: ignore[arg-type]
    answer = ask(CRL([full, delta], ca.certificate, now=NOW, crl_id=True), ca, LOST)

    assert isinstance(answer, Known)
    assert (answer.this_update, answer.next_update) == (NOW - HOUR, NOW + HOUR)
    assert answer.single_extensions.get(CrlID) == CrlID(None, 2, NOW - HOUR)


def test_a_named_file_that_is_broken_is_named(ca: TinyCA, write: Write) -> None:
    fine, broken = write("fine", crl(ca)), write("broken", b"no CRL")

    with pytest.raises(ConfigError, match="broken: "):
        CRL([fine, broken], ca.certificate, now=NOW)


@pytest.mark.rule("C2")
def test_a_delta_that_does_not_combine_is_told_until_its_base_comes(
    ca: TinyCA, write: Write, watcher: Watcher
) -> None:
    full = write("full", crl(ca, number=1))
    delta = write("delta", crl(ca, LOST, number=8, delta_of=7))
    source = CRL([full, delta], ca.certificate, now=NOW, observer=watcher)
    assert isinstance(ask(source, ca, LOST), Unlisted)
    assert watcher.kinds == [EventKind.RELOAD_FAILED]
    assert "adds to CRLNumber 7, and 1 stands" in watcher.events[0].detail

    write("full", crl(ca, number=7))
    assert status_of(source, ca, LOST, NOW + LATER) == Revoked(NOW - 2 * DAY)
    assert watcher.kinds[1:] == [EventKind.RELOADED, EventKind.RECOVERED]


@pytest.mark.rule("C1", "C2")
def test_a_delta_over_a_base_that_never_came_takes_no_revocation_back(
    ca: TinyCA, write: Write
) -> None:
    """The delta before it goes on counting: nothing newer of its scope stands."""
    full = write("full", crl(ca, number=1))
    delta = write("delta", crl(ca, LOST, number=2, delta_of=1))
    source = CRL([full, delta], ca.certificate, now=NOW)
    write("delta", crl(ca, FINE, number=9, delta_of=8))

    assert isinstance(status_of(source, ca, LOST, NOW + LATER), Revoked)
    assert isinstance(ask(source, ca, FINE, NOW + LATER), Unlisted)


@pytest.mark.rule("C1")
def test_an_older_delta_never_replaces_a_newer_one(
    ca: TinyCA, write: Write, watcher: Watcher
) -> None:
    full = write("full", crl(ca, number=1))
    delta = write("delta", crl(ca, LOST, number=3, delta_of=1))
    source = CRL([full, delta], ca.certificate, now=NOW, observer=watcher)
    write("delta", crl(ca, number=2, delta_of=1))

    assert isinstance(status_of(source, ca, LOST, NOW + LATER), Revoked)
    assert watcher.kinds == [EventKind.RELOAD_FAILED]


@pytest.mark.rule("C1")
@pytest.mark.parametrize("number", [None, 1])
def test_a_crl_issued_again_in_the_same_second_counts(
    ca: TinyCA, write: Write, number: int | None
) -> None:
    """Neither number nor time tells them apart: what stands in the file now was written last."""
    path = write("ca.crl", crl(ca, number=number))
    source = CRL(path, ca.certificate, now=NOW)
    write("ca.crl", crl(ca, LOST, number=number))

    assert isinstance(status_of(source, ca, LOST, NOW + LATER), Revoked)


# --- partitions and indirect CRLs -------------------------------------------------------------------

KEYS = [x509.ReasonFlags.key_compromise, x509.ReasonFlags.ca_compromise]
REST = [
    x509.ReasonFlags.affiliation_changed,
    x509.ReasonFlags.superseded,
    x509.ReasonFlags.cessation_of_operation,
    x509.ReasonFlags.certificate_hold,
    x509.ReasonFlags.privilege_withdrawn,
    x509.ReasonFlags.aa_compromise,
]


@pytest.mark.rule("C5", "O11")
def test_one_reason_partition_missing_means_try_later(
    ca: TinyCA, folder: Path, write: Write
) -> None:
    write("keys.crl", crl(ca, LOST, extensions=[scope(some=KEYS)]))
    source = CRL(folder, ca.certificate, now=NOW)

    with pytest.raises(SourceError, match="some reasons only, and not aACompromise"):
        ask(source, ca, FINE)
    assert isinstance(status_of(source, ca, LOST), Revoked)
    write("rest.crl", crl(ca, extensions=[scope(some=REST)], next_update=NOW + HOUR))
    assert ask(source, ca, FINE, NOW + LATER) == Unlisted(
        this_update=NOW - DAY, next_update=NOW + HOUR, origin="crl", lists_issued=False
    )


@pytest.mark.rule("C5", "C9")
def test_what_is_left_out_may_be_unknown_and_what_has_expired_never(
    ca: TinyCA, folder: Path, write: Write
) -> None:
    write("keys.crl", crl(ca, LOST, extensions=[scope(some=KEYS)]))
    source = CRL(folder, ca.certificate, now=NOW, left_out="unknown")

    assert isinstance(status_of(source, ca, LOST), Revoked)
    assert ask(source, ca, FINE) == Unlisted(
        this_update=NOW - DAY,
        next_update=NOW + DAY,
        origin="crl",
        lists_issued=False,
        is_covered=False,
    )
    with pytest.raises(SourceError, match="expired"):
        ask(source, ca, FINE, NOW + DAY)


@pytest.mark.rule("C5", "O26")
def test_what_rests_on_several_crls_names_none(ca: TinyCA, folder: Path, write: Write) -> None:
    write("keys.crl", crl(ca, LOST, extensions=[scope(some=KEYS)]))
    write("rest.crl", crl(ca, extensions=[scope(some=REST)]))
    source = CRL(folder, ca.certificate, now=NOW, crl_id=True)
    answers = [ask(source, ca, serial_number) for serial_number in (LOST, FINE)]

    assert [
        not isinstance(one, NotOurs) and one.single_extensions.has(CrlID) for one in answers
    ] == [True, False]


@pytest.mark.rule("C7", "C8")
def test_an_indirect_crl_counts_where_its_issuer_is_named(folder: Path, write: Write) -> None:
    root = TinyCA("Root")
    ours, issuer = TinyCA("Ours", parent=root), TinyCA("CRL issuer", parent=root)
    der = crl(issuer, 1, (2, [issued_by(ours)]), extensions=[scope(indirect_crl=True)])
    write("indirect.crl", der)
    above = [issuer.certificate, root.certificate]
    source = CRL(folder, ours.certificate, now=NOW, crl_issuers=above)

    assert isinstance(ask(source, ours, 1), Unlisted)
    assert isinstance(status_of(source, ours, 2), Revoked)
    with pytest.raises(ConfigError, match="holds no CRL of CN=Ours"):
        CRL(folder, ours.certificate, now=NOW)
    with pytest.raises(ConfigError, match=r"crl_issuers: .* no path to the trust anchor"):
        CRL(folder, ours.certificate, now=NOW, crl_issuers=above[:1])


# --- folders ------------------------------------------------------------------------------------------


def test_in_a_folder_the_crls_of_other_cas_are_passed_over(
    ca: TinyCA, other_ca: TinyCA, folder: Path, *, write: Write, watcher: Watcher
) -> None:
    write("ours.crl", crl(ca, LOST))
    write("theirs.crl", crl(other_ca, FINE))
    write("attributes.crl", crl(ca, extensions=[scope(only_contains_attribute_certs=True)]))
    write("ca.pem", b"no CRL, and not called one")
    source = CRL(folder, ca.certificate, now=NOW, observer=watcher)

    assert isinstance(ask(source, ca, FINE), Unlisted)
    assert isinstance(status_of(source, ca, LOST), Revoked)
    assert watcher.events == []


@pytest.mark.parametrize("name", ["a.crl", "A.CRL", "5a1b.r0", "5a1b.r9"])
def test_files_in_a_folder_are_known_by_their_names(
    ca: TinyCA, folder: Path, *, write: Write, name: str
) -> None:
    write(name, crl(ca, LOST))

    assert isinstance(status_of(CRL(folder, ca.certificate, now=NOW), ca, LOST), Revoked)


def test_a_new_file_in_a_folder_counts_within_a_second(
    ca: TinyCA, folder: Path, write: Write
) -> None:
    write("1.crl", crl(ca, number=1))
    source = CRL(folder, ca.certificate, now=NOW)
    write("2.crl", crl(ca, LOST, number=2))

    assert isinstance(status_of(source, ca, LOST, NOW + timedelta(seconds=1)), Revoked)


@pytest.mark.parametrize("name", ["1.crl", "2.crl"])
def test_answers_rest_on_the_old_crl_while_a_large_one_is_read(
    ca: TinyCA, folder: Path, write: Write, monkeypatch: pytest.MonkeyPatch, *, name: str
) -> None:
    """Whether it replaces the one that stands or comes beside it."""
    write("1.crl", crl(ca, number=1))
    source = CRL(folder, ca.certificate, now=NOW)
    may_read, read = threading.Event(), read_listing

    def slowly(*arguments: Any, **named: Any) -> Listing:
        assert may_read.wait(PATIENCE)
        return read(*arguments, **named)

    monkeypatch.setattr(crl_files, "read_listing", slowly)
    padding = x509.UnrecognizedExtension(ObjectIdentifier("1.2.3"), bytes(MAX_AWAITED_BYTES))
    asked = CertID.of(ca.certificate, LOST)

    async def change() -> list[Answer]:
        write(name, crl(ca, LOST, number=2, extensions=[(padding, False)]))
        answers = [await source.status(asked, NOW + n * LATER) for n in (1, 2, 3)]
        may_read.set()
        while isinstance(answers[-1], Unlisted):
            answers.append(await source.status(asked, NOW + len(answers) * LATER))
            await asyncio.sleep(0)
        return answers

    answers = asyncio.run(asyncio.wait_for(change(), PATIENCE))

    assert all(isinstance(answer, Unlisted) for answer in answers[:3])
    assert isinstance(answers[-1], Known)
    assert isinstance(answers[-1].cert_status, Revoked)


@pytest.mark.rule("C1")
def test_an_older_crl_beside_a_newer_one_changes_nothing(
    ca: TinyCA, folder: Path, *, write: Write, watcher: Watcher
) -> None:
    write("2.crl", crl(ca, LOST, number=2))
    source = CRL(folder, ca.certificate, now=NOW, observer=watcher)
    write("1.crl", crl(ca, FINE, number=1))

    assert isinstance(status_of(source, ca, LOST, NOW + LATER), Revoked)
    assert isinstance(ask(source, ca, FINE, NOW + LATER), Unlisted)
    assert watcher.events == []


@pytest.mark.rule("C1", "C9")
def test_a_file_that_is_gone_counts_until_its_next_update(
    ca: TinyCA, folder: Path, *, write: Write, watcher: Watcher
) -> None:
    write("1.crl", crl(ca, number=1, next_update=NOW + 7 * DAY))
    write("2.crl", crl(ca, LOST, number=2))
    source = CRL(folder, ca.certificate, now=NOW, observer=watcher)
    (folder / "2.crl").unlink()

    assert isinstance(status_of(source, ca, LOST, NOW + LATER), Revoked)
    assert watcher.kinds == [EventKind.RELOAD_FAILED]
    with pytest.raises(SourceError, match="expired on 2026-11-22"):
        ask(source, ca, LOST, NOW + DAY)


def test_a_file_that_a_newer_one_replaced_may_go(
    ca: TinyCA, folder: Path, *, write: Write, watcher: Watcher
) -> None:
    write("1.crl", crl(ca, LOST, number=1))
    source = CRL(folder, ca.certificate, now=NOW, observer=watcher)
    write("2.crl", crl(ca, FINE, number=2))
    (folder / "1.crl").unlink()

    assert isinstance(status_of(source, ca, FINE, NOW + LATER), Revoked)
    assert isinstance(ask(source, ca, LOST, NOW + LATER), Unlisted)
    assert watcher.events == []


def test_a_file_that_is_gone_and_replaced_later_ends_its_alarm(
    ca: TinyCA, folder: Path, *, write: Write, watcher: Watcher
) -> None:
    path = write("1.crl", crl(ca, LOST, number=1))
    source = CRL(folder, ca.certificate, now=NOW, observer=watcher)
    path.unlink()
    ask(source, ca, FINE, NOW + LATER)
    write("2.crl", crl(ca, number=2))

    assert isinstance(ask(source, ca, LOST, NOW + 2 * LATER), Unlisted)
    assert watcher.kinds == [EventKind.RELOAD_FAILED, EventKind.RECOVERED]


@pytest.mark.parametrize("data", [b"", b"\x30", b"-----BEGIN X509 CRL-----\n"])
def test_a_broken_file_in_a_folder_is_told_once_and_tried_again(
    ca: TinyCA, folder: Path, *, write: Write, watcher: Watcher, data: bytes
) -> None:
    write("1.crl", crl(ca, number=1))
    write("2.crl", data)
    source = CRL(folder, ca.certificate, now=NOW, observer=watcher)
    for _ in range(3):
        assert isinstance(ask(source, ca, LOST, NOW + LATER), Unlisted)
    assert watcher.kinds == [EventKind.RELOAD_FAILED]
    assert watcher.events[0].facts == {"file": str(folder / "2.crl")}

    write("2.crl", crl(ca, LOST, number=2))
    assert isinstance(status_of(source, ca, LOST, NOW + 2 * LATER), Revoked)
    assert watcher.kinds == [EventKind.RELOAD_FAILED, EventKind.RECOVERED]


def test_a_file_whose_time_has_not_come_is_tried_again(
    ca: TinyCA, folder: Path, write: Write
) -> None:
    write("1.crl", crl(ca, number=1))
    write("2.crl", crl(ca, LOST, number=2, this_update=NOW + HOUR))
    source = CRL(folder, ca.certificate, now=NOW)

    assert isinstance(ask(source, ca, LOST, NOW + LATER), Unlisted)
    assert isinstance(status_of(source, ca, LOST, NOW + HOUR), Revoked)


def test_a_crl_forged_in_our_name_is_told(
    ca: TinyCA, folder: Path, *, write: Write, watcher: Watcher
) -> None:
    write("1.crl", crl(ca, LOST, number=1))
    write("2.crl", crl(TinyCA(), number=2))
    source = CRL(folder, ca.certificate, now=NOW, observer=watcher)

    assert isinstance(status_of(source, ca, LOST), Revoked)
    assert "not to be believed" in watcher.events[0].detail


def test_a_file_of_ours_that_becomes_another_cas_is_not_taken_over(
    ca: TinyCA, other_ca: TinyCA, folder: Path, *, write: Write, watcher: Watcher
) -> None:
    write("1.crl", crl(ca, LOST))
    source = CRL(folder, ca.certificate, now=NOW, observer=watcher)
    write("1.crl", crl(other_ca, number=2))

    assert isinstance(status_of(source, ca, LOST, NOW + LATER), Revoked)
    assert watcher.kinds == [EventKind.RELOAD_FAILED]


def test_a_folder_that_goes_away_keeps_what_was_read(
    ca: TinyCA, folder: Path, *, write: Write, watcher: Watcher
) -> None:
    write("1.crl", crl(ca, LOST))
    source = CRL(folder, ca.certificate, now=NOW, observer=watcher)
    aside = folder.rename(folder.with_name("aside"))

    assert isinstance(status_of(source, ca, LOST, NOW + LATER), Revoked)
    assert watcher.kinds == [EventKind.RELOAD_FAILED] * 2  # the folder, and the file in it
    aside.rename(folder)
    assert isinstance(status_of(source, ca, LOST, NOW + 2 * LATER), Revoked)
    assert watcher.kinds[2:] == [EventKind.RECOVERED] * 2


def test_a_folder_without_a_crl_of_ours_is_refused(
    ca: TinyCA, other_ca: TinyCA, folder: Path, write: Write
) -> None:
    with pytest.raises(ConfigError, match="crls: holds no CRL of CN=Tiny CA"):
        CRL(folder, ca.certificate, now=NOW)
    write("theirs.crl", crl(other_ca))
    with pytest.raises(ConfigError, match="crls: holds no CRL of CN=Tiny CA"):
        CRL(folder, ca.certificate, now=NOW)
    write("ours.crl", crl(ca)[:-1])
    with pytest.raises(ConfigError, match=r"ours\.crl: CertificateList"):
        CRL(folder, ca.certificate, now=NOW)


def test_a_folder_of_too_many_crls_is_refused(ca: TinyCA, folder: Path) -> None:
    for number in range(MAX_CRL_FILES + 1):
        (folder / f"{number}.crl").touch()

    with pytest.raises(ConfigError, match=f"holds more than {MAX_CRL_FILES} CRLs"):
        CRL(folder, ca.certificate, now=NOW)


# --- what is known of expired certificates ------------------------------------------------------------


@pytest.mark.rule("C14", "O27")
def test_expired_certs_on_crl_becomes_archive_cutoff_where_it_is_asked_for(
    ca: TinyCA, tmp_path: Path
) -> None:
    """X.509: since that moment certificates stay listed though they have expired."""
    value = hand.generalized_time("20200101000000Z")
    keeps = x509.UnrecognizedExtension(oids.ID_CE_EXPIRED_CERTS_ON_CRL, value), False
    path, issued = tmp_path / "ca.crl", tmp_path / "issued"
    path.write_bytes(crl(ca, LOST, extensions=[keeps]))
    issued.write_text("9A\n")

    for is_wanted, cutoff in ((True, ArchiveCutoff(NOW.replace(2020, 1, 1, 0))), (False, None)):
        source = CRL(path, ca.certificate, now=NOW, issued=issued, archive_cutoff=is_wanted)
        for serial_number in (LOST, FINE):
            answer = ask(source, ca, serial_number)
            assert isinstance(answer, Known)
            assert answer.single_extensions.get(ArchiveCutoff) == cutoff


@pytest.mark.rule("O27")
def test_without_expired_certs_on_crl_there_is_no_archive_cutoff(
    ca: TinyCA, tmp_path: Path
) -> None:
    path = tmp_path / "ca.crl"
    path.write_bytes(crl(ca, (LOST, [HOLD])))
    answer = ask(CRL(path, ca.certificate, now=NOW, archive_cutoff=True), ca, LOST)

    assert isinstance(answer, Known)
    assert not answer.single_extensions.has(ArchiveCutoff)
    assert answer.cert_status == Revoked(NOW - 2 * DAY, CRLReason.CERTIFICATE_HOLD)
