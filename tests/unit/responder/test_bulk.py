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
    """Read what was produced as a store gives it."""
    assert produced.key == key.encode()
    return StoredResponse.decode(produced.entry, key)


# --- what is produced -----------------------------------------------------------------------


@pytest.mark.parametrize("dual_hash", [False, True])
@pytest.mark.parametrize("cert_status", [Good(), REVOKED])
def test_it_signs_what_the_responder_would(cert_status: Good | Revoked, dual_hash: bool) -> None:
    desk = authority(known(cert_status), dual_hash=dual_hash)
    responder, at_work = Responder([desk]), bulk(desk)

    for form, key in at_work.keys(SERIAL):
        mine = at_work.produce(SERIAL, form, stated(at_work, known(cert_status)), NOW)
        produced = responder.produce(desk, SERIAL, form.algorithm, form.signer, NOW)
        its_key, its = asyncio.run(produced)
        assert mine.defects == ()
        assert mine.key == its_key.encode() == key.encode()
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
            mine = at_work.produce(serial_number, form, statement, now, verify=False)
            assert mine.defects == ()
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

    produced = at_work.produce(SERIAL, form, stated(at_work), NOW)

    assert {check.rule for check in produced.defects} == {"O21"}


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
        response = response_of(at_work.produce(SERIAL, form, stated(at_work), NOW), key)
        assert at_work.is_due(key, response, stated(at_work), NOW + moment) is is_due


@pytest.mark.parametrize(
    "change",
    [lambda: known(REVOKED), lambda: known(HOLD), lambda: known(next_update=NOW + 8 * DAY)],
    ids=["revoked", "held", "another end"],
)
def test_what_means_something_else_now_is_due_at_once(change: Callable[[], Answer]) -> None:
    at_work = bulk(authority())
    for form, key in at_work.keys(SERIAL):
        response = response_of(at_work.produce(SERIAL, form, stated(at_work), NOW), key)
        assert at_work.is_due(key, response, stated(at_work, change()), NOW)


def test_what_is_not_there_is_due() -> None:
    at_work = bulk(authority())

    assert all(at_work.is_due(key, None, stated(at_work), NOW) for _, key in at_work.keys(SERIAL))
