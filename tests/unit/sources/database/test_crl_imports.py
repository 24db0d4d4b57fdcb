"""Delta and indirect CRLs into the status database: joined as a source would join them."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from certstatus.errors import MalformedError
from certstatus.pkix import Certificate, CRLReason
from certstatus.sources import (
    ImportReport,
    IndexEntry,
    Issuer,
    Outcome,
    Revocation,
    Status,
    StatusDatabase,
    encode_index,
    import_file,
)
from certstatus.testing import TinyCA
from tests.books import DAY, HOLD, NOW, REMOVED, crl, issued_by, revoked, scope, valid

INDIRECT = scope(indirect_crl=True)
ROOT = TinyCA("Root")
CRL_ISSUER = TinyCA("CRL issuer", parent=ROOT)
ACTOR = "alice"
Take = Callable[..., ImportReport]


@pytest.fixture
def take(database: StatusDatabase) -> Take:
    """Import bytes as the file "books"."""

    def run(
        data: bytes, *crl_issuers: Certificate, issuer: Certificate | None = None
    ) -> ImportReport:
        return import_file(
            database,
            data,
            where="books",
            actor=ACTOR,
            now=NOW,
            issuer=issuer,
            crl_issuers=crl_issuers,
        )

    return run


def states(database: StatusDatabase) -> dict[tuple[int, int], Status]:
    return {(one.issuer_id, one.serial_number): one.status for one in database.records()}


def index(*entries: IndexEntry) -> bytes:
    return encode_index(entries)


# --- deltas ---------------------------------------------------------------------------------


@pytest.mark.rule("C2", "C3")
def test_a_delta_adds_to_the_crl_that_was_imported_and_takes_off_a_hold(
    database: StatusDatabase, take: Take, ca: TinyCA, issuer: Issuer
) -> None:
    take(crl(ca, 1, (2, [HOLD]), (3, [HOLD]), number=4))

    report = take(crl(ca, (2, [REMOVED]), 5, (3, []), number=6, delta_of=4))

    assert report.counts == {Outcome.RELEASED: 1, Outcome.ADDED: 1, Outcome.REVOKED: 1}
    assert states(database) == {
        (issuer.id, 1): Status.REVOKED,
        (issuer.id, 2): Status.GOOD,
        (issuer.id, 3): Status.REVOKED,
        (issuer.id, 5): Status.REVOKED,
    }
    told = [(one.action, one.after) for one in database.audit() if one.action.startswith("i")]
    assert told[-1] == (
        "import-crl",
        {"crlNumber": 6, "thisUpdate": "2026-11-20T12:00:00Z", "baseCRLNumber": 4},
    )
    assert [one.action for one in database.audit()].count("release") == 1


@pytest.mark.rule("C2")
@pytest.mark.parametrize(
    ("before", "base", "number", "problem"),
    [
        (None, 4, 6, "is a delta CRL over CRLNumber 4, and none of its scope was imported"),
        (3, 4, 6, "is a delta CRL over CRLNumber 4, and 3 was imported"),
        (7, 4, 6, "has CRLNumber 6, and one with 7 was read before"),
        (4, 4, 4, "is a delta CRL with CRLNumber 4 over BaseCRLNumber 4"),
    ],
)
def test_a_delta_with_changes_missing_before_it_is_refused(
    database: StatusDatabase,
    take: Take,
    ca: TinyCA,
    issuer: Issuer,
    *,
    before: int | None,
    base: int,
    number: int,
    problem: str,
) -> None:
    if before is not None:
        take(crl(ca, number=before))

    with pytest.raises(MalformedError, match=f"^books: CertificateList: {problem}"):
        take(crl(ca, 1, number=number, delta_of=base))
    assert states(database) == {}


@pytest.mark.rule("C2")
def test_a_delta_adds_within_its_own_scope_alone(take: Take, ca: TinyCA, issuer: Issuer) -> None:
    users = scope(only_contains_user_certs=True)
    take(crl(ca, number=4))

    with pytest.raises(MalformedError, match="none of its scope"):
        take(crl(ca, 1, number=5, delta_of=4, extensions=[users]))
    take(crl(ca, number=4, extensions=[users]))
    assert take(crl(ca, 1, number=5, delta_of=4, extensions=[users])).counts == {Outcome.ADDED: 1}


@pytest.mark.rule("C3")
def test_a_removal_takes_back_no_revocation_and_lists_nothing(
    database: StatusDatabase, take: Take, ca: TinyCA, issuer: Issuer
) -> None:
    take(index(revoked(1), valid(2)))
    take(crl(ca, number=4))

    report = take(crl(ca, *((n, [REMOVED]) for n in (1, 2, 3)), number=5, delta_of=4))

    assert report.counts == {Outcome.KEPT: 1, Outcome.UNCHANGED: 2}
    assert states(database) == {(issuer.id, 1): Status.REVOKED, (issuer.id, 2): Status.GOOD}


@pytest.mark.rule("C3")
def test_a_hold_that_began_after_the_delta_stays(
    database: StatusDatabase, take: Take, ca: TinyCA, issuer: Issuer
) -> None:
    """Whether it was there when the delta was read first, or came between two readings."""
    take(index(valid(1), valid(2)))
    take(crl(ca, number=4))
    delta = crl(ca, (1, [REMOVED]), (2, [REMOVED]), number=5, delta_of=4)
    hold = Revocation(reason=CRLReason.CERTIFICATE_HOLD)
    database.hold(issuer, 1, hold, actor=ACTOR, now=NOW)

    assert take(delta).counts == {Outcome.KEPT: 1, Outcome.UNCHANGED: 1}
    backdated = Revocation(revocation_time=NOW - 2 * DAY, reason=CRLReason.CERTIFICATE_HOLD)
    database.hold(issuer, 2, backdated, actor=ACTOR, now=NOW)
    assert take(delta).counts == {Outcome.KEPT: 2}
    assert set(states(database).values()) == {Status.HOLD}


# --- indirect -------------------------------------------------------------------------------


@pytest.fixture
def children(database: StatusDatabase) -> tuple[TinyCA, TinyCA, Issuer, Issuer]:
    """List two CAs under one root."""
    ours, theirs = TinyCA("Ours", parent=ROOT), TinyCA("Theirs", parent=ROOT)
    one, other = (
        database.add_issuer(ca.certificate, actor=ACTOR, now=NOW) for ca in (ours, theirs)
    )
    return ours, theirs, one, other


@pytest.mark.rule("C7", "C8")
def test_an_indirect_crl_counts_for_every_ca_that_it_names(
    database: StatusDatabase, take: Take, children: tuple[TinyCA, TinyCA, Issuer, Issuer]
) -> None:
    ours, theirs, one, other = children
    stranger = database.add_issuer(TinyCA("Stranger").certificate, actor=ACTOR, now=NOW)
    data = crl(
        CRL_ISSUER,
        1,
        (2, [issued_by(ours)]),
        3,
        (4, [issued_by(theirs)]),
        (5, [issued_by(TinyCA("Nobody"))]),
        extensions=[INDIRECT],
    )

    with pytest.raises(MalformedError, match=r"does not list; name its certificate \(--crl-issuer"):
        take(data)
    report = take(data, CRL_ISSUER.certificate, ROOT.certificate)

    assert report.counts == {Outcome.ADDED: 3}
    assert set(states(database)) == {(one.id, 2), (one.id, 3), (other.id, 4)}
    assert stranger.id not in {issuer_id for issuer_id, _ in states(database)}


@pytest.mark.rule("C7", "C8")
def test_an_indirect_crl_needs_a_path_to_the_cas_own_anchor_and_the_indirect_flag(
    take: Take, children: tuple[TinyCA, TinyCA, Issuer, Issuer]
) -> None:
    ours, *_ = children
    entry = (2, [issued_by(ours)])

    with pytest.raises(MalformedError, match="no path to the trust anchor"):
        take(crl(CRL_ISSUER, entry, extensions=[INDIRECT]), CRL_ISSUER.certificate)
    with pytest.raises(MalformedError, match="which the database does not list"):
        take(crl(CRL_ISSUER, entry), CRL_ISSUER.certificate, ROOT.certificate)


@pytest.mark.rule("C1", "C7")
def test_the_crls_of_another_issuer_are_numbered_by_themselves(
    database: StatusDatabase, take: Take, children: tuple[TinyCA, TinyCA, Issuer, Issuer]
) -> None:
    ours, *_ = children
    others = CRL_ISSUER.certificate, ROOT.certificate
    take(crl(ours, 1, number=9, extensions=[INDIRECT]), issuer=ours.certificate)

    take(crl(CRL_ISSUER, (2, [issued_by(ours)]), number=5, extensions=[INDIRECT]), *others)
    with pytest.raises(MalformedError, match="one with 5 was read before"):
        take(crl(CRL_ISSUER, number=4, extensions=[INDIRECT]), *others)
    delta = crl(
        CRL_ISSUER, (2, [issued_by(ours), HOLD]), 3, number=6, delta_of=5, extensions=[INDIRECT]
    )
    assert take(delta, *others).counts == {Outcome.KEPT: 1, Outcome.ADDED: 1}
    assert len(states(database)) == 3
