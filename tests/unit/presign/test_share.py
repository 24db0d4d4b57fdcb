"""One process's share: every answer once, none that is unfit, nothing lost when it ends."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from certstatus.errors import SourceError, StoreError
from certstatus.limits_presign import (
    MAX_PRESIGN_CLAIM,
    MAX_PRESIGN_FAILURES,
    PRESIGN_BATCH,
    PRESIGN_CLAIM,
    PRESIGN_CLAIM_TIME,
    PRESIGN_LEASE,
    PRESIGN_LOOKUPS,
    PRESIGN_PUT_TIME,
    PRESIGN_SAMPLE,
    PRESIGN_WAIT,
)
from certstatus.ocsp import CertID, Good, Revoked, parse_response
from certstatus.pkix import HashAlgorithm
from certstatus.presign import Problem, Tally
from certstatus.presign import share as share_module
from certstatus.presign.share import Share, TooManyFailuresError
from certstatus.responder import Authority
from certstatus.responder.bulk import Bulk, Form
from certstatus.signing import Signer
from certstatus.sources import (
    Answer,
    Claims,
    DatabaseSource,
    Enumerable,
    Issuer,
    Page,
    StatusDatabase,
)
from certstatus.sources.database.schema import presign_claims
from certstatus.stores import MemoryStore, StoredResponse, StoreKey
from certstatus.testing import FixedClock
from tests.desk import CA, DAY, NOW, authority, signers

DAY_LATER = NOW + DAY


@pytest.fixture
def database(tmp_path: Path) -> Iterable[StatusDatabase]:
    with StatusDatabase.create(tmp_path / "status.db") as database:
        yield database


@pytest.fixture
def issuer(database: StatusDatabase) -> Issuer:
    issuer = database.add_issuer(CA.certificate, actor="alice", now=NOW)
    for serial_number in range(1, 6):
        database.add(issuer, serial_number, actor="alice", now=NOW)
    return issuer


@pytest.fixture
def desk(database: StatusDatabase, issuer: Issuer) -> Authority:
    return replace(authority(), source=DatabaseSource(database, CA.certificate))


@pytest.fixture
def claims(database: StatusDatabase) -> Claims:
    return Claims(database, bytes(16), "all", owner="a")


class Hand:
    """A share at work over a store in memory, and what it told."""

    def __init__(
        self,
        desk: Authority,
        *,
        only_due: bool = False,
        store: MemoryStore | None = None,
        signer: Signer | None = None,
        now: datetime = NOW,
        is_dry: bool = False,
        is_sampled: bool = False,
        is_ending: Callable[[], bool] = lambda: False,
        batch: int = PRESIGN_BATCH,
    ) -> None:
        self.store = MemoryStore() if store is None else store
        self.told: list[Problem] = []
        self.tally = Tally()
        forms = [
            Form(one, null_parameters=True, signer=signer or desk.signers[0])
            for one in (HashAlgorithm.SHA1, HashAlgorithm.SHA256)
        ]
        self.bulk = Bulk(desk, forms)
        assert isinstance(desk.source, Enumerable)
        self.share = Share(
            self.bulk,
            desk.source,
            self.store,
            FixedClock(now),
            only_due=only_due,
            is_dry=is_dry,
            is_sampled=is_sampled,
            hear=self.told.append,
            report=self.count,
            is_ending=is_ending,
            batch=batch,
        )

    def count(self, tally: Tally) -> None:
        self.tally += tally

    def works(self, claims: Claims) -> Tally:
        """Take part in a round to its end."""
        round_ = claims.join(life=DAY)
        assert round_ is not None
        asyncio.run(self.share.take_part(claims, round_))
        return self.tally

    def said(self, serial_number: int) -> set[type]:
        """Name what is stored of a certificate."""

        async def look() -> set[type]:
            found = set()
            for _, key in self.bulk.keys(serial_number):
                stored = await self.store.get(key)
                basic = None if stored is None else parse_response(stored.der).basic
                if basic is not None:
                    found.add(type(basic.tbs_response_data.responses[0].cert_status))
            return found

        return asyncio.run(look())


# --- a round ----------------------------------------------------------------------------------


def test_everything_that_was_issued_is_signed_in_every_form(
    desk: Authority, claims: Claims
) -> None:
    hand = Hand(desk)

    assert hand.works(claims) == Tally(looked_at=5, signed=10)
    assert len(hand.store) == 10
    assert all(hand.said(one) == {Good} for one in range(1, 6))
    ended = claims.look()
    assert ended is not None
    assert ended.finished_at is not None
    assert ended.counts["signed"] == 10


def test_what_is_fresh_is_not_due(desk: Authority, claims: Claims) -> None:
    first = Hand(desk)
    first.works(claims)

    again = Hand(desk, only_due=True, store=first.store)
    assert again.works(claims) == Tally(looked_at=5, fresh=10)

    later = Hand(desk, only_due=True, store=first.store, now=NOW + 3 * DAY)
    assert later.works(claims) == Tally(looked_at=5, signed=10)


class Near(MemoryStore):
    """A store in shared memory: what is young there need not be read."""

    version = 1
    reads = 0

    def at_hand(self, encoded_key: bytes) -> bytes | None:
        key = StoreKey.decode(encoded_key)
        found = self._entries.get(key)
        return None if found is None else found.encode(key)

    async def get(self, key: StoreKey) -> StoredResponse | None:
        self.reads += 1
        return await super().get(key)


def test_what_is_young_is_not_even_read(
    desk: Authority, claims: Claims, database: StatusDatabase, issuer: Issuer
) -> None:
    store = Near()
    Hand(desk, store=store).works(claims)
    database.revoke(issuer, 3, actor="alice", now=DAY_LATER)
    database.add(issuer, 6, actor="alice", now=DAY_LATER)

    again = Hand(desk, only_due=True, store=store, now=DAY_LATER)

    assert again.works(claims) == Tally(looked_at=6, signed=4, fresh=8)
    assert store.reads == 4


def test_what_was_revoked_since_is_due(
    desk: Authority, claims: Claims, database: StatusDatabase, issuer: Issuer
) -> None:
    first = Hand(desk)
    first.works(claims)
    database.revoke(issuer, 3, actor="alice", now=DAY_LATER)

    again = Hand(desk, only_due=True, store=first.store, now=DAY_LATER)

    assert again.works(claims) == Tally(looked_at=5, signed=2, fresh=8)
    assert [again.said(one) for one in (2, 3)] == [{Good}, {Revoked}]


def test_a_page_that_was_slow_replaces_nothing_that_is_newer(
    desk: Authority, database: StatusDatabase, issuer: Issuer
) -> None:
    """It was read before the revocation, and is signed after what that one put there."""
    slow = Hand(desk)
    page = asyncio.run(DatabaseSource(database, CA.certificate).listed(None, 9, NOW))
    later = NOW + timedelta(minutes=1)
    database.revoke(issuer, 3, actor="alice", now=later)
    quick = Hand(desk, store=slow.store, now=later)
    asyncio.run(quick.share.sign(asyncio.run(desk_page(desk, later))))

    tally = asyncio.run(slow.share.sign(page))

    assert tally == Tally(looked_at=5, newer=10)
    assert slow.said(3) == {Revoked}


async def desk_page(desk: Authority, now: datetime) -> Page:
    assert isinstance(desk.source, Enumerable)
    return await desk.source.listed(None, 9, now)


def test_a_dry_run_signs_and_stores_nothing(desk: Authority, claims: Claims) -> None:
    hand = Hand(desk, is_dry=True)

    assert hand.works(claims) == Tally(looked_at=5, signed=10)
    assert len(hand.store) == 0


@pytest.mark.parametrize("sizes", [(2, 1, 1), (6, 4, 3), (10, 10, 4)])
def test_ranges_and_batches_of_any_size_do_all_of_it(
    desk: Authority,
    claims: Claims,
    monkeypatch: pytest.MonkeyPatch,
    sizes: tuple[int, int, int],
) -> None:
    claim, batch, lookups = sizes
    assert MAX_PRESIGN_CLAIM >= PRESIGN_BATCH >= PRESIGN_CLAIM >= PRESIGN_LOOKUPS
    monkeypatch.setattr(share_module, "PRESIGN_CLAIM", claim)
    monkeypatch.setattr(share_module, "PRESIGN_LOOKUPS", lookups)

    hand = Hand(desk, only_due=True, batch=batch)

    assert hand.works(claims) == Tally(looked_at=5, signed=10)
    assert len(hand.store) == 10


def test_a_certificate_that_comes_and_goes_does_not_confuse_a_round(
    desk: Authority, claims: Claims, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A source whose file shrinks meanwhile has nothing left of a range that was claimed."""
    hand = Hand(desk)
    round_ = claims.join(life=DAY)
    assert round_ is not None
    assert claims.split(round_, 2**60, is_end=True) is not None
    expire(claims)

    asyncio.run(hand.share.take_part(claims, round_))

    assert hand.tally.signed == 10


# --- what may not be stored -----------------------------------------------------------------------


class Bent:
    """A signer that signs something else: a broken token, a key that was swapped."""

    def __init__(self, inner: Signer) -> None:
        self.certificate = inner.certificate
        self.certs = inner.certs
        self.algorithm = inner.algorithm

    def sign(self, tbs: bytes) -> bytes:
        return signers()[0].sign(tbs + b"\0")


def test_what_the_linter_refuses_is_told_and_not_stored(desk: Authority, claims: Claims) -> None:
    hand = Hand(desk, signer=Bent(desk.signers[0]))

    assert hand.works(claims) == Tally(looked_at=5, refused=10)
    assert len(hand.store) == 0
    assert {(one.is_defect, one.rules) for one in hand.told} == {(True, ("O21",))}
    assert [one.serial_number for one in hand.told] == [1, 2, 3, 4, 5] * 2
    assert len({one.form for one in hand.told}) == 2


class Slipping(Bent):
    """A key that slips once: a fault that comes and goes."""

    def __init__(self, inner: Signer, slips_at: int) -> None:
        super().__init__(inner)
        self._inner = inner
        self._left = slips_at

    def sign(self, tbs: bytes) -> bytes:
        self._left -= 1
        return self._inner.sign(tbs + b"\0" if self._left == -1 else tbs)


def test_all_signatures_are_verified_unless_a_sample_is_asked_for(
    desk: Authority, claims: Claims, monkeypatch: pytest.MonkeyPatch
) -> None:
    slipping = Hand(desk, signer=Slipping(desk.signers[0], 6))
    assert slipping.works(claims) == Tally(looked_at=5, signed=9, refused=1)

    chosen: list[int] = []
    monkeypatch.setattr(share_module, "PRESIGN_SAMPLE", 5)
    monkeypatch.setattr(share_module._RANDOM, "sample", lambda _, count: chosen[:count])
    for chosen[:], refused in ([2, 3], 0), ([2, 6], 1):
        # Those before are of all lengths that a signature may have.
        hand = Hand(desk, signer=Slipping(desk.signers[0], 206), is_sampled=True)
        asyncio.run(hand.share.sign([(one, None) for one in (1, 2, 3, 4, 5) * 20]))
        tally = asyncio.run(hand.share.sign([(one, None) for one in (1, 2, 3, 4, 5)]))
        assert tally.refused == refused


def test_a_sample_is_the_first_and_some_at_random(desk: Authority) -> None:
    share = Hand(desk, is_sampled=True).share
    assert share._chosen(1) == {0}
    places = [set(share._chosen(10 * PRESIGN_SAMPLE) or ()) for _ in range(100)]
    assert all(0 in one and 10 <= len(one) <= 11 for one in places)
    assert len(set().union(*places)) > 5 * PRESIGN_SAMPLE
    assert Hand(desk).share._chosen(9) is None


def test_a_sample_is_of_a_whole_batch_whatever_its_answers_say(
    desk: Authority, database: StatusDatabase, issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What says another thing is made apart: the certificate in the midst was revoked."""
    database.revoke(issuer, 3, actor="alice", now=NOW)
    hand = Hand(desk, is_sampled=True)
    monkeypatch.setattr(hand.share, "_chosen", lambda count: {0, 2, 4, count - 1})
    page = asyncio.run(desk_page(desk, NOW))

    runs = asyncio.run(hand.share._runs(page, NOW, Tally()))

    assert [run.serial_numbers for run in runs] == [[1, 2], [1, 2], [3], [3], [4, 5], [4, 5]]
    assert list(hand.share._verified(runs)) == [{0}, {0}, {0}, set(), set(), {1}]


def test_so_many_failures_are_no_chance(
    desk: Authority, claims: Claims, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert MAX_PRESIGN_FAILURES > 10
    monkeypatch.setattr(share_module, "MAX_PRESIGN_FAILURES", 3)
    hand = Hand(desk, signer=Bent(desk.signers[0]), batch=4)

    with pytest.raises(TooManyFailuresError):
        hand.works(claims)
    assert len(hand.told) == 4


def test_what_is_not_listed_is_not_stored(desk: Authority) -> None:
    """A delta CRL that takes a certificate off hold lists it, and nothing is known of it."""
    hand = Hand(desk)

    tally = asyncio.run(hand.share.sign([(99, None)]))

    assert tally == Tally(looked_at=1, unlisted=1)


class Gone(DatabaseSource):
    """A source that lists and can't say more."""

    async def status(self, cert_id: CertID, now: datetime) -> Answer:
        raise SourceError("gone")

    def edition(self, now: datetime) -> object | None:
        return None

    def at_hand(self, serial_number: int, now: datetime) -> Answer | None:
        return None


def test_what_the_source_cant_say_is_told(
    desk: Authority, database: StatusDatabase, issuer: Issuer
) -> None:
    hand = Hand(replace(desk, source=Gone(database, CA.certificate)))

    tally = asyncio.run(hand.share.sign([(1, None), (2, None)]))

    assert tally == Tally(looked_at=2, failed=4)
    assert [one.detail for one in hand.told] == ["gone", "gone"]


# --- ends ---------------------------------------------------------------------------------------


def expire(claims: Claims) -> None:
    """Let every lease run out."""
    with claims._engine.beside() as connection:
        past = claims._engine.time(connection) - PRESIGN_LEASE
        connection.execute(sa.update(presign_claims).values(expires_at=past))


def test_who_is_ended_leaves_the_rest_to_the_next(desk: Authority, claims: Claims) -> None:
    ends = iter([False, False, True])
    first = Hand(desk, is_ending=lambda: next(ends, True), batch=4)
    assert first.works(claims) == Tally(looked_at=2, signed=4)

    second = Hand(desk, store=first.store)

    assert second.works(claims) == Tally(looked_at=3, signed=6)
    assert len(second.store) == 10


class Full(MemoryStore):
    """A store whose disk is full."""

    async def put(self, entries: Sequence[tuple[StoreKey, StoredResponse]]) -> int:
        raise StoreError("full")


def test_a_store_that_takes_nothing_ends_the_work_and_nothing_counts_as_done(
    desk: Authority, claims: Claims
) -> None:
    with pytest.raises(StoreError):
        Hand(desk, store=Full()).works(claims)

    under_way = claims.look()
    assert under_way is not None
    assert under_way.finished_at is None
    assert Hand(desk).works(claims).signed == 10


class Slow(MemoryStore):
    """A store that takes its time, and may fail in the end."""

    def __init__(self, fails_at: int = 0) -> None:
        super().__init__()
        self.under_way = 0
        self.batches: list[list[int]] = []
        self._fails_at = fails_at

    async def put(self, entries: Sequence[tuple[StoreKey, StoredResponse]]) -> int:
        assert not self.under_way
        self.under_way += 1
        for _ in range(3):
            await asyncio.sleep(0)
        self.under_way -= 1
        self.batches.append([key.serial_number for key, _ in entries])
        if len(self.batches) == self._fails_at:
            raise StoreError("full")
        return await super().put(entries)


@pytest.mark.parametrize("is_quick", [False, True], ids=["slow store", "quick store"])
def test_a_batch_is_signed_while_the_one_before_is_stored_where_that_takes_long(
    desk: Authority, claims: Claims, monkeypatch: pytest.MonkeyPatch, is_quick: bool
) -> None:
    patience = timedelta(minutes=1 if is_quick else 0)
    monkeypatch.setattr(share_module, "PRESIGN_PUT_TIME", patience)
    store = Slow()
    signed_meanwhile: list[bool] = []

    class Watching(Bent):
        def sign(self, tbs: bytes) -> bytes:
            signed_meanwhile.append(bool(store.under_way))
            return desk.signers[0].sign(tbs)

    hand = Hand(desk, store=store, signer=Watching(desk.signers[0]), batch=4)

    assert hand.works(claims) == Tally(looked_at=5, signed=10)
    assert store.batches == [[1, 2, 1, 2], [3, 4, 3, 4], [5, 5]]
    assert signed_meanwhile == [False] * 4 + [not is_quick] * 6


@pytest.mark.parametrize("fails_at", [1, 2, 3])
def test_only_what_is_in_the_store_counts_as_done(
    desk: Authority, claims: Claims, fails_at: int
) -> None:
    with pytest.raises(StoreError):
        Hand(desk, store=Slow(fails_at), batch=4).works(claims)

    expire(claims)
    rest = Hand(desk, batch=4)
    assert rest.works(claims).looked_at == 5 - 2 * (fails_at - 1)


def test_what_was_signed_before_a_failure_is_stored_and_done(
    desk: Authority, claims: Claims
) -> None:
    """The failure is the caller's to tell; the batch under way is not lost with it."""

    class Breaking(Bent):
        left = 4

        def sign(self, tbs: bytes) -> bytes:
            self.left -= 1
            if self.left < 0:
                raise KeyboardInterrupt
            return desk.signers[0].sign(tbs)

    store = Slow()
    with pytest.raises(KeyboardInterrupt):
        Hand(desk, store=store, signer=Breaking(desk.signers[0]), batch=4).works(claims)

    assert store.batches == [[1, 2, 1, 2]]
    assert Hand(desk).works(claims).looked_at == 3


def test_it_takes_more_at_once_while_that_takes_little_time(desk: Authority) -> None:
    share = Hand(desk).share
    half = PRESIGN_CLAIM_TIME.total_seconds() / 2
    assert share._claim_size == PRESIGN_CLAIM // 2  # there are two forms
    assert PRESIGN_PUT_TIME < PRESIGN_CLAIM_TIME < PRESIGN_LEASE

    for _ in range(20):
        share._learn(share._claim_size, half / 2)
    assert share._claim_size == MAX_PRESIGN_CLAIM // 2
    share._learn(5, half / 2)  # the end of what is listed says nothing
    share._learn(MAX_PRESIGN_CLAIM, 3 * half)
    assert share._claim_size == MAX_PRESIGN_CLAIM // 2
    for _ in range(20):
        share._learn(share._claim_size, 5 * half)
    assert share._claim_size == 1


def test_whoever_is_done_waits_for_the_others_and_takes_over_the_dead(
    desk: Authority, claims: Claims, database: StatusDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    dead = Claims(database, bytes(16), "all", owner="dead")
    round_ = dead.join(life=DAY)
    assert round_ is not None
    assert dead.split(round_, 3, is_end=False) is not None
    waits: list[float] = []

    async def wait(seconds: float) -> None:
        if seconds:
            waits.append(seconds)
            expire(claims)

    monkeypatch.setattr(asyncio, "sleep", wait)
    hand = Hand(desk)

    assert hand.works(claims) == Tally(looked_at=5, signed=10)
    assert waits == [PRESIGN_WAIT.total_seconds()]


def test_only_what_is_in_the_store_is_whole() -> None:
    assert Tally(signed=1).is_whole
    assert not Tally(refused=1).is_whole
    assert not Tally(failed=1).is_whole
