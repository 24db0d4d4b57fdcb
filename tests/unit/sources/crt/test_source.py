"""A tree's file as a source: the answers of a CRL, expiry, reload, rollback."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509

from certstatus.errors import ConfigError, SourceError
from certstatus.limits import DEFAULT_SKEW
from certstatus.ocsp import Extensions, InvalidityDate, ReasonCode, Revoked
from certstatus.pkix import CRLReason, HashAlgorithm, RevokedEntry
from certstatus.signing import make_signers
from certstatus.sources import CRL, EntryExtensions, EventKind, Known, NotOurs, Unlisted
from certstatus.sources.crt import RevocationTree, books_of_crl, build_tree
from certstatus.sources.crt import source as source_module
from certstatus.testing import Issued, TinyCA
from tests.books import DAY, LATER, NOW, Watcher, ask, at_hand, crl, edition, status_of
from tests.trees import entry, file_of, honest_leaves, tree

LOST, FINE = 0x9B, 0x9A


@pytest.fixture
def path(tmp_path: Path, ca: TinyCA) -> Path:
    path = tmp_path / "ca.tree"
    path.write_bytes(tree(ca, LOST))
    return path


@pytest.fixture
def watcher() -> Watcher:
    return Watcher()


@pytest.fixture
def source(path: Path, ca: TinyCA, watcher: Watcher) -> RevocationTree:
    return RevocationTree(path, ca.certificate, now=NOW, observer=watcher)


# --- answers ----------------------------------------------------------------------------------


def test_what_it_lists_is_revoked(source: RevocationTree, ca: TinyCA) -> None:
    assert source.name == "crt"
    assert ask(source, ca, LOST) == Known(
        cert_status=Revoked(NOW - 2 * DAY, CRLReason.KEY_COMPROMISE),
        this_update=NOW - DAY,
        next_update=NOW + DAY,
        origin="crt",
    )


@pytest.mark.rule("C10")
def test_what_it_does_not_list_may_never_have_been_issued(
    source: RevocationTree, ca: TinyCA
) -> None:
    assert ask(source, ca, FINE) == Unlisted(
        this_update=NOW - DAY, next_update=NOW + DAY, origin="crt", lists_issued=False
    )


@pytest.mark.rule("K4")
def test_another_cas_certificate_is_not_ours(source: RevocationTree, other_ca: TinyCA) -> None:
    assert ask(source, other_ca, LOST) == NotOurs(origin="crt")


@pytest.mark.parametrize("algorithm", HashAlgorithm)
def test_it_answers_under_every_hash(
    source: RevocationTree, ca: TinyCA, algorithm: HashAlgorithm
) -> None:
    assert isinstance(ask(source, ca, LOST, algorithm=algorithm), Known)


def test_this_update_is_never_in_the_future(path: Path, ca: TinyCA) -> None:
    path.write_bytes(tree(ca, LOST, this_update=NOW + DEFAULT_SKEW))
    answer = ask(RevocationTree(path, ca.certificate, now=NOW), ca, LOST)

    assert isinstance(answer, Known)
    assert answer.this_update == NOW


def test_entry_extensions_are_repeated_as_a_crls_are(path: Path, ca: TinyCA) -> None:
    path.write_bytes(tree(ca, entry(LOST, invalidity_date=NOW - 3 * DAY)))
    full = RevocationTree(path, ca.certificate, now=NOW, entry_extensions=EntryExtensions.RFC)
    answer = ask(full, ca, LOST)

    assert isinstance(answer, Known)
    assert answer.single_extensions == Extensions.of(
        ReasonCode(CRLReason.KEY_COMPROMISE), InvalidityDate(NOW - 3 * DAY)
    )


FLAGS = (
    None,
    x509.ReasonFlags.unspecified,
    x509.ReasonFlags.key_compromise,
    x509.ReasonFlags.ca_compromise,
    x509.ReasonFlags.affiliation_changed,
    x509.ReasonFlags.superseded,
    x509.ReasonFlags.cessation_of_operation,
    x509.ReasonFlags.certificate_hold,
    x509.ReasonFlags.privilege_withdrawn,
    x509.ReasonFlags.aa_compromise,
)
DATE = x509.InvalidityDate((NOW - 9 * DAY).replace(tzinfo=None))


@pytest.mark.parametrize("extensions", EntryExtensions)
def test_it_answers_as_a_crl_with_the_same_entries(
    tmp_path: Path, ca: TinyCA, extensions: EntryExtensions
) -> None:
    entries = [
        (
            number * number,
            [
                *(() if flag is None else ((x509.CRLReason(flag), False),)),
                *(((DATE, False),) if number % 2 else ()),
            ],
        )
        for number, flag in enumerate(FLAGS * 5, 1)
    ]
    der = crl(ca, *entries)
    (tmp_path / "ca.crl").write_bytes(der)
    books = books_of_crl(der, ca.certificate, now=NOW)
    assert books.next_update is not None
    (tmp_path / "ca.tree").write_bytes(
        build_tree(
            books.entries,
            issuer=ca.certificate,
            signer=make_signers(ca.key, ca.certificate, issuer=ca.certificate)[0],
            now=NOW,
            this_update=books.this_update,
            next_update=books.next_update,
        )
    )
    by_crl = CRL(
        tmp_path / "ca.crl", ca.certificate, now=NOW, name="x", entry_extensions=extensions
    )
    by_tree = RevocationTree(
        tmp_path / "ca.tree", ca.certificate, now=NOW, name="x", entry_extensions=extensions
    )

    asked = sorted({number * number + step for number in range(52) for step in (-1, 0, 1)})
    answers = [ask(by_tree, ca, number) for number in asked]
    assert answers == [ask(by_crl, ca, number) for number in asked]
    assert sum(isinstance(answer, Known) for answer in answers) == len(entries)


# --- expiry -----------------------------------------------------------------------------------


@pytest.mark.rule("K8", "O11")
def test_an_expired_tree_means_try_later_even_for_what_it_lists(
    source: RevocationTree, ca: TinyCA, watcher: Watcher
) -> None:
    ask(source, ca, LOST, NOW + DAY - LATER)
    for serial_number in (LOST, FINE, LOST):
        with pytest.raises(SourceError, match=r"expired on 2026-11-22 12:00:00Z"):
            ask(source, ca, serial_number, NOW + DAY)

    assert watcher.kinds == [EventKind.EXPIRED]


@pytest.mark.rule("K8")
def test_a_fresh_tree_ends_the_wait(
    path: Path, source: RevocationTree, ca: TinyCA, watcher: Watcher
) -> None:
    with pytest.raises(SourceError):
        ask(source, ca, FINE, NOW + DAY)
    path.write_bytes(tree(ca, LOST, this_update=NOW + DAY, next_update=NOW + 2 * DAY))

    assert isinstance(ask(source, ca, LOST, NOW + DAY + LATER), Known)
    assert watcher.kinds == [EventKind.EXPIRED, EventKind.RELOADED, EventKind.RECOVERED]


def test_a_tree_that_is_expired_at_the_start_waits_for_the_next(path: Path, ca: TinyCA) -> None:
    source = RevocationTree(path, ca.certificate, now=NOW + 2 * DAY)

    with pytest.raises(SourceError, match="expired"):
        ask(source, ca, FINE, NOW + 2 * DAY)


# --- reload -----------------------------------------------------------------------------------


def test_a_new_tree_counts_within_a_second(path: Path, source: RevocationTree, ca: TinyCA) -> None:
    path.write_bytes(tree(ca, LOST, FINE, this_update=NOW))

    assert isinstance(status_of(source, ca, FINE, NOW + timedelta(seconds=1)), Revoked)


@pytest.mark.rule("K8")
def test_an_older_tree_never_replaces_a_newer_one(
    path: Path, source: RevocationTree, ca: TinyCA, watcher: Watcher
) -> None:
    path.write_bytes(tree(ca, FINE, this_update=NOW - DAY - timedelta(seconds=1)))

    assert isinstance(ask(source, ca, LOST, NOW + LATER), Known)
    assert isinstance(ask(source, ca, FINE, NOW + LATER), Unlisted)
    assert watcher.kinds == [EventKind.RELOAD_FAILED]
    assert "one of 2026-11-20 12:00:00Z was read before" in watcher.events[0].detail


@pytest.mark.rule("K7")
@pytest.mark.parametrize(
    "spoil",
    [lambda data: data[:0], lambda data: data[:-7], lambda data: data[:40] + b"\0" + data[41:]],
    ids=["emptied", "cut", "one octet"],
)
def test_a_broken_file_leaves_the_last_good_tree(
    path: Path,
    source: RevocationTree,
    *,
    ca: TinyCA,
    watcher: Watcher,
    spoil: Callable[[bytes], bytes],
) -> None:
    path.write_bytes(spoil(tree(ca, FINE, this_update=NOW)))

    assert isinstance(ask(source, ca, LOST, NOW + LATER), Known)
    path.write_bytes(tree(ca, FINE, this_update=NOW))
    assert isinstance(ask(source, ca, FINE, NOW + 9 * LATER), Known)
    assert watcher.kinds == [
        EventKind.RELOAD_FAILED,
        EventKind.RECOVERED,
        EventKind.RELOADED,
    ]


# --- whom it believes -------------------------------------------------------------------------


def start(path: Path, ca: TinyCA, *trusted: Issued, now: datetime = NOW) -> RevocationTree:
    return RevocationTree(
        path, ca.certificate, now=now, trusted=tuple(one.certificate for one in trusted)
    )


@pytest.mark.rule("K4")
def test_the_tree_of_another_ca_is_no_source(path: Path, other_ca: TinyCA) -> None:
    with pytest.raises(ConfigError, match="another name than CN=Other CA"):
        start(path, other_ca)


@pytest.mark.rule("K3")
def test_a_tree_of_another_signer_is_believed_where_configured(
    path: Path, ca: TinyCA, other_ca: TinyCA
) -> None:
    path.write_bytes(tree(ca, LOST, signer=other_ca.issued))

    with pytest.raises(ConfigError, match="is not to be believed: signature"):
        start(path, ca)
    assert isinstance(ask(start(path, ca, other_ca.issued), ca, LOST), Known)


@pytest.mark.rule("K5")
def test_a_tree_of_the_future_is_not_believed_yet(path: Path, ca: TinyCA) -> None:
    with pytest.raises(ConfigError, match="counts from 2026-11-20 12:00:00Z on"):
        start(path, ca, now=NOW - DAY - DEFAULT_SKEW - LATER)


@pytest.mark.rule("K1", "O11")
def test_a_leaf_that_its_signer_broke_means_try_later_for_it_alone(path: Path, ca: TinyCA) -> None:
    first, lost, last = honest_leaves(LOST, 0xFF)
    broken = lost.replace(b"\x0a\x01\x01", b"\x0a\x01\x07")
    path.write_bytes(file_of(ca, [first, broken, last]))
    source = start(path, ca)

    with pytest.raises(SourceError, match="CRLReason 7 is not assigned"):
        ask(source, ca, LOST)
    assert isinstance(ask(source, ca, 0xFF), Known)


def test_a_file_past_the_limit_is_not_read(
    path: Path, ca: TinyCA, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source_module, "MAX_TREE_BYTES", 100)

    with pytest.raises(ConfigError, match="is larger than 100 bytes"):
        start(path, ca)


def test_entries_of_any_kind_are_taken(path: Path, ca: TinyCA) -> None:
    path.write_bytes(tree(ca, RevokedEntry(serial_number=LOST, revocation_date=NOW - DAY)))

    assert status_of(start(path, ca), ca, LOST) == Revoked(NOW - DAY)


# --- at hand --------------------------------------------------------------------------------


@pytest.mark.parametrize("serial_number", [LOST, FINE, 0, -LOST, 1 << 160])
def test_what_is_in_memory_is_at_hand(
    source: RevocationTree, ca: TinyCA, serial_number: int
) -> None:
    assert at_hand(source, serial_number) == ask(source, ca, serial_number)


def test_what_is_not_listed_is_the_same_object_again(source: RevocationTree) -> None:
    unlisted = at_hand(source, FINE)
    at_hand(source, LOST)

    assert at_hand(source, FINE + 2) is unlisted is not None


@pytest.mark.rule("K8")
def test_a_tree_that_has_expired_is_not_at_hand(
    source: RevocationTree, ca: TinyCA, watcher: Watcher
) -> None:
    """Nor is a new one before status has ended the alarm."""
    last = NOW + DAY - LATER
    ask(source, ca, FINE, last)
    assert at_hand(source, FINE, NOW + DAY - LATER / 10) is None  # a look is due
    with pytest.raises(SourceError, match="expired"):
        ask(source, ca, FINE, NOW + DAY)

    assert at_hand(source, FINE, NOW + DAY) is None
    assert watcher.kinds == [EventKind.EXPIRED]
    assert at_hand(source, FINE, NOW + DAY - LATER / 10) is None


def test_an_edition_is_one_reading_of_the_tree(
    path: Path, source: RevocationTree, ca: TinyCA
) -> None:
    first = edition(source)
    assert first is edition(source) is not None

    path.write_bytes(tree(ca, LOST, FINE))
    assert edition(source, NOW + LATER) is None
    ask(source, ca, FINE, NOW + LATER)
    second = edition(source, NOW + LATER)
    assert second is not None
    assert second is not first
    with pytest.raises(SourceError, match="expired"):
        ask(source, ca, FINE, NOW + 2 * DAY)
    assert edition(source, NOW + 2 * DAY) is None
