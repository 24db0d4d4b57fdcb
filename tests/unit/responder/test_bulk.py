from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from certstatus.limits import RENEWAL_MARGIN, RENEWAL_SPREAD
from certstatus.ocsp import Good, Revoked, parse_response
from certstatus.pkix import CRLReason, HashAlgorithm
from certstatus.responder import Authority, Refusal, Responder, UnlistedMode
from certstatus.responder.answer import Answer as Answered
from certstatus.responder.answer import Question, named, sign, to_store, with_other_hash
from certstatus.responder.bulk import Bulk, Form, Produced
from certstatus.responder.reply import Cause
from certstatus.responder.statement import Statement
from certstatus.signing import Choice, Rung, Signer
from certstatus.sources import Answer
from certstatus.stores import StoredResponse, StoreKey
from tests.desk import DAY, HOUR, LEAF, NOW, REVOKED, authority, known, unlisted

SERIAL = LEAF.serial_number
HOLD = Revoked(NOW - DAY, CRLReason.CERTIFICATE_HOLD)


def bulk(of: Authority, *algorithms: HashAlgorithm, signer: Signer | None = None) -> Bulk:
    forms = [
        Form(one, null_parameters=True, signer=signer or of.signers[0])
        for one in algorithms or (HashAlgorithm.SHA1, HashAlgorithm.SHA256)
    ]
    return Bulk(of, forms)


def stated(of: Bulk, answer: Answer = known()) -> Statement:  # noqa: B008 - frozen
    statement = of.statement(answer)
    assert statement is not None
    return statement


def response_of(produced: Produced, key: StoreKey) -> StoredResponse:
    """Read the one answer that was produced as a store gives it."""
    assert not produced.unfit
    assert not produced.unsigned
    ((encoded, entry),) = produced.entries
    assert encoded == key.encode()
    return StoredResponse.decode(entry, key)


# --- what is produced -----------------------------------------------------------------------


@pytest.mark.parametrize("dual_hash", [False, True])
@pytest.mark.parametrize("cert_status", [Good(), REVOKED])
def test_it_signs_what_the_responder_would(cert_status: Good | Revoked, dual_hash: bool) -> None:
    desk = authority(known(cert_status), dual_hash=dual_hash)
    responder, at_work = Responder([desk]), bulk(desk)

    for form, key in at_work.keys(SERIAL):
        mine = at_work.produce([SERIAL], form, stated(at_work, known(cert_status)), NOW)
        produced = responder.produce(desk, SERIAL, form.algorithm, form.signer, NOW)
        its_key, its = asyncio.run(produced)
        assert its_key == key
        # Two ECDSA signatures of the same never are the same.
        assert replace(response_of(mine, key), der=b"") == replace(its, der=b"")
        ours, theirs = (parse_response(one.der).basic for one in (response_of(mine, key), its))
        assert ours is not None
        assert theirs is not None
        assert ours.tbs_der == theirs.tbs_der
        assert len(ours.tbs_response_data.responses) == 1 + dual_hash


@given(
    st.lists(
        st.tuples(
            st.one_of(st.integers(-(2**70), 2**70), st.integers(2**158, 2**160)),
            st.sampled_from([Good(), REVOKED, HOLD, Revoked(NOW - HOUR)]),
            st.integers(0, 1),
        ),
        max_size=8,
    ),
    st.booleans(),
)
def test_whatever_came_before_it_signs_what_a_client_would_get(
    asked: list[tuple[int, Good | Revoked, int]], dual_hash: bool
) -> None:
    desk = authority(dual_hash=dual_hash)
    at_work = bulk(desk)
    for serial_number, cert_status, later in asked:
        now = NOW + later * timedelta(seconds=1)
        statement = stated(at_work, known(cert_status))
        for form, key in at_work.keys(serial_number):
            cert_id = named(desk, serial_number, form.algorithm, form.null_parameters)
            answer = with_other_hash(Answered(Question(cert_id, desk), statement))
            reply = sign([answer], Choice(form.signer, Rung.ADVERTISED), None, now)
            live = to_store(answer, reply)
            mine = at_work.produce([serial_number], form, statement, now, verified=())
            assert replace(response_of(mine, key), der=b"") == replace(live, der=b"")
            ours, theirs = (parse_response(one.der).basic for one in (response_of(mine, key), live))
            assert ours is not None
            assert theirs is not None
            assert replace(ours, signature=b"") == replace(theirs, signature=b"")


def test_every_form_has_a_key_of_its_own() -> None:
    desk = authority()
    forms = [
        Form(algorithm, null_parameters, signer)
        for algorithm in HashAlgorithm
        for null_parameters in (True, False)
        for signer in desk.signers
    ]

    assert len({key for _, key in Bulk(desk, forms).keys(SERIAL)}) == len(forms) > 8


@pytest.mark.parametrize("mode", [UnlistedMode.GOOD, UnlistedMode.UNKNOWN])
def test_nothing_is_stored_of_what_is_not_listed(mode: UnlistedMode) -> None:
    assert bulk(authority(unlisted=mode)).statement(unlisted()) is None


def test_nothing_is_said_of_what_may_not_be_answered() -> None:
    with pytest.raises(Refusal):
        bulk(authority(unlisted=UnlistedMode.UNAUTHORIZED)).statement(unlisted())


class Bent:
    """A signer that signs something else: a broken token, a key that was swapped."""

    def __init__(self, inner: Signer) -> None:
        self.certificate = inner.certificate
        self.certs = inner.certs
        self.algorithm = inner.algorithm
        self._inner = inner

    def sign(self, tbs: bytes) -> bytes:
        return self._inner.sign(tbs + b"\0")


def test_what_a_broken_key_signs_is_found() -> None:
    desk = authority()
    at_work = bulk(desk, HashAlgorithm.SHA256, signer=Bent(desk.signers[0]))
    ((form, _),) = at_work.keys(SERIAL)

    produced = at_work.produce([SERIAL], form, stated(at_work), NOW)

    ((serial_number, defects),) = produced.unfit
    assert serial_number == SERIAL
    assert {check.rule for check in defects} == {"O21"}
    assert not produced.entries


class Faltering(Bent):
    """A token that goes away, slips and comes back: of each four signatures two are right."""

    def __init__(self, inner: Signer) -> None:
        super().__init__(inner)
        self._calls = 0

    def sign(self, tbs: bytes) -> bytes:
        self._calls += 1
        if self._calls % 4 == 2:
            raise OSError("the token is gone")
        return super().sign(tbs) if self._calls % 4 == 0 else self._inner.sign(tbs)


def test_of_many_each_is_told_apart() -> None:
    desk = authority()
    signer = Faltering(desk.signers[0])
    at_work = bulk(desk, HashAlgorithm.SHA256, signer=signer)
    (form,) = at_work.forms
    serial_numbers = [-1, 0, 1, 127, 128, 2**63, 2**64, 2**159]

    produced = at_work.produce(serial_numbers, form, stated(at_work), NOW)

    fit = [StoreKey.decode(key).serial_number for key, _ in produced.entries]
    assert fit == [-1, 1, 128, 2**64]
    assert [one for one, _ in produced.unsigned] == [0, 2**63]
    assert {one.cause for _, one in produced.unsigned} == {Cause.SIGNER_FAILED}
    assert [one for one, _ in produced.unfit] == [127, 2**159]


def test_only_those_chosen_are_verified_among_what_is_alike() -> None:
    """Enough came before for each length that a signature may have."""
    desk = authority()
    at_work = bulk(desk, HashAlgorithm.SHA256, signer=Faltering(desk.signers[0]))
    (form,) = at_work.forms
    at_work.produce(range(1001, 1401), form, stated(at_work), NOW)

    # The fourth and the eighth of these are wrong.
    first = at_work.produce(range(2001, 2009), form, stated(at_work), NOW, verified=())
    second = at_work.produce(range(3001, 3009), form, stated(at_work), NOW, verified={7})

    assert (first.unfit, len(first.entries)) == ([], 6)
    assert [one for one, _ in second.unfit] == [3008]


def test_what_has_ended_is_signed_for_nobody() -> None:
    desk = authority()
    at_work = bulk(desk, HashAlgorithm.SHA256)
    (form,) = at_work.forms
    ended = stated(at_work, known(next_update=NOW - HOUR))

    produced = at_work.produce([1, 2], form, ended, NOW)

    assert [(one, refusal.cause) for one, refusal in produced.unsigned] == [
        (1, Cause.SOURCE_STALE),
        (2, Cause.SOURCE_STALE),
    ]
    assert not produced.entries


# --- what is due ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("moment", "is_due"),
    [
        (timedelta(), False),
        (2 * DAY * (1 - RENEWAL_MARGIN - RENEWAL_SPREAD) - HOUR, False),
        (2 * DAY * (1 - RENEWAL_MARGIN), True),
        (3 * DAY, True),
        (9 * DAY, True),
        (-HOUR, True),
    ],
    ids=["new", "young", "half way", "old", "past", "from the future"],
)
def test_an_answer_is_due_before_it_ceases_to_be_fresh(moment: timedelta, is_due: bool) -> None:
    at_work = bulk(authority(validity=4 * DAY, backdate=timedelta()))
    for form, key in at_work.keys(SERIAL):
        response = response_of(at_work.produce([SERIAL], form, stated(at_work), NOW), key)
        assert at_work.is_due(key, response, stated(at_work), NOW + moment) is is_due


@pytest.mark.parametrize(
    "change",
    [lambda: known(REVOKED), lambda: known(HOLD), lambda: known(next_update=NOW + 8 * DAY)],
    ids=["revoked", "held", "another end"],
)
def test_what_means_something_else_now_is_due_at_once(change: Callable[[], Answer]) -> None:
    at_work = bulk(authority())
    for form, key in at_work.keys(SERIAL):
        response = response_of(at_work.produce([SERIAL], form, stated(at_work), NOW), key)
        assert at_work.is_due(key, response, stated(at_work, change()), NOW)


def test_what_is_not_there_is_due() -> None:
    at_work = bulk(authority())

    assert all(at_work.is_due(key, None, stated(at_work), NOW) for _, key in at_work.keys(SERIAL))


@given(
    st.timedeltas(timedelta(hours=-2), timedelta(days=5)),
    st.sampled_from([known(), known(REVOKED), known(next_update=NOW + 8 * DAY)]),
    st.integers(0, 20),
)
def test_what_is_left_out_unread_is_never_due(
    age: timedelta, answer: Answer, spoiled_at: int
) -> None:
    at_work = bulk(authority(validity=4 * DAY, backdate=timedelta()), HashAlgorithm.SHA256)
    (form,) = at_work.forms
    numbers, now = range(1, 30), NOW + age
    entries = dict(at_work.produce(numbers, form, stated(at_work), NOW).entries)
    missing, broken = (at_work.key(1 + spoiled_at + one, form).encode() for one in (0, 1))
    del entries[missing]
    entries[broken] = entries[broken][:-1] + bytes((entries[broken][-1] ^ 1,))

    left = at_work.not_young(numbers, form, stated(at_work, answer), now, entries.get)

    due = [
        key.serial_number
        for key in (at_work.key(one, form) for one in numbers)
        if (entry := entries.get(key.encode())) is None
        or key.encode() == broken
        or at_work.is_due(key, StoredResponse.decode(entry, key), stated(at_work, answer), now)
    ]
    assert set(left) >= set(due)
    if timedelta() <= age < DAY and answer == known():
        assert left == due == [1 + spoiled_at, 2 + spoiled_at]
