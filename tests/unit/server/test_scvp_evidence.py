"""What a server of SCVP goes by: its pool, its own sources, and fetches that are counted."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from certstatus.errors import ConfigError, SourceError, UnreachableError
from certstatus.fetch import Exchange, Guard, HTTPAnswer, Provenance
from certstatus.limits_scvp import MAX_POOL_CERTIFICATES
from certstatus.ocsp import CertID, CertStatus, Good, Revoked
from certstatus.pkix import CRLReason
from certstatus.responder import Authority, AuthorityPolicy, UnlistedMode
from certstatus.server.scvp_evidence import (
    CountedDoor,
    CountedLDAPDoor,
    load_pool,
    status_by,
)
from certstatus.signing import make_signers
from certstatus.sources import Answer, Known, NotOurs, Unlisted
from certstatus.testing import FixedClock, TinyCA
from tests.serving import Counts

CLOCK = FixedClock()
NOW = CLOCK.moment
DAY = timedelta(days=1)
SKEW = timedelta(minutes=10)
CA = TinyCA("CA", not_before=NOW - 900 * DAY)
OTHER = TinyCA("Other", not_before=NOW - 900 * DAY)
LEAF = CA.issue_server().certificate
LATE = Revoked(NOW - DAY, CRLReason.KEY_COMPROMISE)

# --- the pool ---------------------------------------------------------------------------------


def test_a_pool_is_of_files_and_folders_each_certificate_once(tmp_path: Path) -> None:
    folder = tmp_path / "pool"
    folder.mkdir()
    (folder / "a.pem").write_bytes(CA.issued.certificate_pem + OTHER.issued.certificate_pem)
    (folder / "b.CER").write_bytes(CA.certificate.der)
    (folder / "notes.txt").write_text("no certificate")
    (folder / "deeper.pem").mkdir()
    single = tmp_path / "leaf"
    single.write_bytes(LEAF.der)

    assert load_pool([folder, single]) == (CA.certificate, OTHER.certificate, LEAF)
    assert load_pool([]) == ()


def test_what_is_wrong_with_a_pool_is_named_by_its_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "x.pem").write_text("x")
    (tmp_path / "two.pem").write_bytes(CA.issued.certificate_pem + OTHER.issued.certificate_pem)

    for name, words in (
        ("empty", "empty: holds no certificate"),
        ("bad", "x.pem"),
        ("absent", "absent: can't be read"),
    ):
        with pytest.raises(ConfigError, match=words):
            load_pool([tmp_path / name])
    assert MAX_POOL_CERTIFICATES > 1
    monkeypatch.setattr("certstatus.server.scvp_evidence.MAX_POOL_CERTIFICATES", 1)
    with pytest.raises(ConfigError, match="larger than 1 cert"):
        load_pool([tmp_path / "two.pem"])


# --- the worker's own sources -----------------------------------------------------------------


class Saying:
    """A source that says one thing, or fails."""

    name = "saying"

    def __init__(self, answer: Answer | SourceError) -> None:
        self._answer = answer

    async def status(self, cert_id: CertID, now: datetime) -> Answer:
        assert cert_id == CertID.for_certificate(LEAF, CA.certificate)
        assert now == NOW
        if isinstance(self._answer, SourceError):
            raise self._answer
        return self._answer


def known(status: Good | Revoked) -> Known:
    return Known(cert_status=status, this_update=NOW, origin="saying")


def unlisted(*, lists_issued: bool) -> Unlisted:
    return Unlisted(this_update=NOW, origin="saying", lists_issued=lists_issued)


def told(
    answer: Answer | SourceError,
    *,
    at: datetime = NOW,
    issuer: TinyCA = CA,
    unlisted: UnlistedMode | None = None,
    since: datetime | None = None,
) -> CertStatus | None:
    responder = CA.issue_responder()
    authority = Authority(
        name="CA",
        issuer=CA.certificate,
        source=Saying(answer),
        signers=make_signers(responder.key, responder.certificate, issuer=CA.certificate),
        policy=AuthorityPolicy(unlisted=unlisted),
        compromised_since=since,
    )
    ask = status_by([authority], CLOCK, SKEW)

    async def asked() -> CertStatus | None:
        return await ask(LEAF, issuer.certificate, at)

    return asyncio.run(asked())


@pytest.mark.parametrize("status", [Good(), LATE])
def test_the_status_of_a_ca_that_is_served_is_what_its_source_says(status: Good | Revoked) -> None:
    assert told(known(status)) == status
    assert told(known(status), at=NOW - SKEW) == status


def test_of_another_ca_nothing_is_known_here() -> None:
    assert told(known(Good()), issuer=OTHER) is None


def test_a_source_that_can_not_know_or_has_no_records_says_nothing() -> None:
    assert told(SourceError("down")) is None
    assert told(NotOurs(origin="saying")) is None


@pytest.mark.rule("C10")
def test_what_is_not_listed_means_what_the_authority_says_of_it() -> None:
    never = unlisted(lists_issued=True)

    assert told(never, unlisted=UnlistedMode.GOOD) == Good()
    assert isinstance(told(never, unlisted=UnlistedMode.EXTENDED_REVOKE), Revoked)
    assert told(never, unlisted=UnlistedMode.UNAUTHORIZED) is None
    assert not isinstance(told(never, unlisted=UnlistedMode.UNKNOWN), Good | Revoked)


@pytest.mark.rule("O14")
def test_all_that_a_compromised_ca_issued_is_revoked() -> None:
    assert told(known(Good()), since=NOW - DAY) == Revoked(NOW - DAY, CRLReason.CA_COMPROMISE)


@pytest.mark.rule("S12")
def test_who_was_revoked_later_was_good_at_a_time_past() -> None:
    assert told(known(LATE), at=NOW - 2 * DAY) == Good()
    assert told(known(LATE), at=NOW - DAY) == LATE
    assert told(known(LATE), at=NOW - DAY / 2) == LATE


@pytest.mark.rule("S12")
def test_of_a_time_past_a_source_that_does_not_list_it_says_nothing() -> None:
    """What was revoked then may have been forgotten since."""
    for lists_issued in (True, False):
        answer = unlisted(lists_issued=lists_issued)
        assert told(answer, at=NOW - DAY, unlisted=UnlistedMode.GOOD) is None


# --- fetching, counted ------------------------------------------------------------------------


class Answering:
    """A door that answers, or does not."""

    def __init__(self, *, is_there: bool) -> None:
        self._is_there = is_there

    def fetch(self, exchange: Exchange) -> HTTPAnswer:
        if not self._is_there:
            raise UnreachableError("nobody is there", attempts=())
        return HTTPAnswer(status=404, headers={}, body=b"", url=exchange.url, elapsed=timedelta(0))

    async def afetch(self, exchange: Exchange) -> HTTPAnswer:
        return self.fetch(exchange)


def test_exchanges_are_counted_by_whether_anybody_answered() -> None:
    counts = Counts()
    exchange = Exchange(url="http://ca.example/x")
    there = CountedDoor(Answering(is_there=True), counts)
    nobody = CountedDoor(Answering(is_there=False), counts)

    assert there.fetch(exchange) == asyncio.run(there.afetch(exchange))
    with pytest.raises(UnreachableError):
        nobody.fetch(exchange)
    with pytest.raises(UnreachableError):
        asyncio.run(nobody.afetch(exchange))

    assert counts.seen == {
        ("scvp_fetches", "http", "answered"): 2,
        ("scvp_fetches", "http", "failed"): 2,
    }


def test_searches_in_directories_are_counted_as_well() -> None:
    counts = Counts()
    door = CountedLDAPDoor(counts)

    with pytest.raises(UnreachableError):
        asyncio.run(door.aget("ldap:///x", guard=Guard(Provenance.CERTIFICATE), max_bytes=10))

    assert counts.seen == {("scvp_fetches", "ldap", "failed"): 1}
