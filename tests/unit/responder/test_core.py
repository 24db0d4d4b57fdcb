from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from certstatus.errors import SignerError, SourceError
from certstatus.ocsp import (
    CertID,
    Extensions,
    Good,
    Nonce,
    OCSPResponseStatus,
    Unknown,
    parse_response,
)
from certstatus.responder import Authority, Cause, Refusal, Reply, Responder, UnlistedMode
from certstatus.signing import LocalSigner
from certstatus.sources import Answer, Known
from certstatus.testing import TinyCA
from tests.desk import (
    CA,
    NOW,
    REVOKED,
    Says,
    authority,
    basic,
    cert_id,
    known,
    request,
    respond,
    signers,
    single,
    unlisted,
)

OTHER = TinyCA("Other CA")
REQUEST = request(
    cert_id(), cert_id(7), cert_id(8, ca=OTHER), extensions=Extensions.of(Nonce(b"n" * 32))
)


def sound(reply: Reply) -> None:
    """Check what holds of every reply."""
    response = parse_response(reply.der)
    assert response.response_status is reply.response_status
    if reply.cause is Cause.ANSWERED:
        assert len(basic(reply).tbs_response_data.responses) >= len(reply.told) > 0
    else:
        assert len(reply.der) == 5
        assert reply.detail


# --- nothing raises ------------------------------------------------------------------------


@given(st.binary(max_size=200))
@example(b"\x30\x80")
def test_no_bytes_make_it_raise(der: bytes) -> None:
    reply = respond(authority(), der)

    sound(reply)
    assert reply.cause is Cause.MALFORMED


@given(data=st.data())
def test_no_spoiled_request_makes_it_raise(data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(REQUEST) - 1))
    spoiled = bytearray(REQUEST)
    spoiled[at] = data.draw(st.integers(0, 255))
    shared = signers()
    desk = Responder([authority(by=shared), authority(ca=OTHER, by=shared)])

    sound(respond(desk, bytes(spoiled)))


@given(error=st.sampled_from([OSError, KeyError, TypeError, RecursionError, AssertionError]))
def test_whatever_a_source_raises_is_an_internal_error_that_is_heard_of(
    error: type[Exception],
) -> None:
    heard: list[Refusal] = []
    desk = Responder([authority(error("the source broke"))], observe=heard.append)

    reply = respond(desk)

    assert reply.cause is Cause.SOURCE_FAILED
    assert reply.response_status is OCSPResponseStatus.INTERNAL_ERROR
    assert [type(one.__cause__) for one in heard] == [error]


def nonsense(_: CertID, __: datetime) -> Answer:
    return "good"  # type: ignore[return-value]


def naive(_: CertID, now: datetime) -> Answer:
    return known(this_update=now.replace(tzinfo=None))


@pytest.mark.parametrize("answer", [nonsense, naive])
def test_nonsense_from_a_source_is_a_defect_that_is_heard_of(answer: Answer) -> None:
    heard: list[Refusal] = []

    reply = respond(Responder([authority(answer)], observe=heard.append))

    assert (reply.cause, reply.der) == (Cause.DEFECT, bytes.fromhex("30030a0102"))
    assert [one.cause for one in heard] == [Cause.DEFECT]


def test_an_observer_that_fails_costs_no_answer() -> None:
    def fail(_: Refusal) -> None:
        raise RuntimeError("the log is full")

    reply = respond(Responder([authority(SourceError("down"))], observe=fail))

    assert reply.cause is Cause.SOURCE_UNAVAILABLE


def test_a_cancelled_question_ends_without_an_answer() -> None:
    class Slow(Says):
        async def status(self, cert_id: CertID, now: datetime) -> Answer:
            raise asyncio.CancelledError

    desk = Responder([replace(authority(), source=Slow(known()))])

    with pytest.raises(asyncio.CancelledError):
        respond(desk)


# --- what is heard of ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("der", "cause"),
    [
        (b"junk", Cause.MALFORMED),
        (request(cert_id(ca=OTHER)), Cause.ISSUER),
        (request(extensions=Extensions.of(Nonce(b""))), Cause.NONCE_LENGTH),
    ],
    ids=["junk", "issuer", "nonce"],  # not the bytes: they differ in every process
)
def test_what_clients_do_wrong_is_no_alarm(der: bytes, cause: Cause) -> None:
    heard: list[Refusal] = []

    assert respond(Responder([authority()], observe=heard.append), der).cause is cause
    assert heard == []


def test_every_cause_has_a_status_and_ours_are_told_from_theirs() -> None:
    by_status: dict[OCSPResponseStatus, set[Cause]] = {}
    for cause in Cause:
        by_status.setdefault(cause.response_status, set()).add(cause)

    assert by_status.pop(OCSPResponseStatus.SUCCESSFUL) == {Cause.ANSWERED}
    assert by_status.keys() == {1, 2, 3, 5, 6}
    ours = by_status[OCSPResponseStatus.TRY_LATER] | by_status[OCSPResponseStatus.INTERNAL_ERROR]
    assert {cause for cause in Cause if cause.is_ours} == ours


def test_the_reply_tells_what_was_said_by_whom_and_why() -> None:
    answers: dict[int, Answer] = {1: known(REVOKED), 2: unlisted()}
    one = authority(lambda asked, _: answers[asked.serial_number], unlisted=UnlistedMode.GOOD)

    reply = respond(one, request(cert_id(1), cert_id(2)))

    first, second = reply.told
    assert (first.cert_status, first.origin, first.authority) == (REVOKED, "desk", CA.common_name)
    assert first.why == "desk lists it"
    assert (second.cert_status, second.why) == (
        Good(),
        "desk does not list it, and unlisted means good",
    )


# --- signing -------------------------------------------------------------------------------


def test_a_spent_budget_means_try_later_and_spares_what_is_remembered() -> None:
    budget = iter([True, False, False, True])
    heard: list[Refusal] = []
    desk = Responder([authority()], admit=lambda: next(budget), observe=heard.append)
    plain = respond(desk)

    over = respond(desk, request(cert_id(9)))
    again = respond(desk)
    nonce = request(extensions=Extensions.of(Nonce(b"n" * 32)))

    assert over.cause is Cause.OVERLOAD
    assert over.response_status is OCSPResponseStatus.TRY_LATER
    assert again.der == plain.der
    assert [respond(desk, nonce).cause for _ in range(2)] == [Cause.OVERLOAD, Cause.ANSWERED]
    assert [one.cause for one in heard] == [Cause.OVERLOAD, Cause.OVERLOAD]


@pytest.mark.parametrize("error", [SignerError("the token was pulled"), OSError("no device")])
def test_a_signer_that_fails_is_an_internal_error_and_an_alarm(
    error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> bytes:
        raise error

    monkeypatch.setattr(LocalSigner, "sign", fail)
    heard: list[Refusal] = []

    reply = respond(Responder([authority()], observe=heard.append))

    assert reply.cause is Cause.SIGNER_FAILED
    assert reply.der == bytes.fromhex("30030a0102")
    assert [one.__cause__ for one in heard] == [error]


# --- several authorities -------------------------------------------------------------------

BOTH = request(cert_id(1), cert_id(1, ca=OTHER))


def two(*, first: Authority, second: Authority) -> Responder:
    return Responder([first, second])


@pytest.mark.rule("O15", "O22")
def test_one_signer_of_both_answers_for_both() -> None:
    shared = signers()
    desk = two(
        first=authority(known(REVOKED), by=(*signers(CA.issued), *shared)),
        second=authority(unlisted(), ca=OTHER, by=shared),
    )

    reply = respond(desk, BOTH)

    singles = basic(reply).tbs_response_data.responses
    assert [one.cert_status for one in singles] == [REVOKED, Unknown()]
    assert reply.signer == shared[0]
    assert [one.authority for one in reply.told] == [CA.common_name, OTHER.common_name]


@pytest.mark.rule("O11", "O22")
def test_where_nobody_signs_for_both_nobody_answers() -> None:
    desk = two(first=authority(), second=authority(ca=OTHER, by=signers(OTHER.issued, OTHER)))

    reply = respond(desk, BOTH)

    assert (reply.cause, reply.der) == (Cause.NO_COMMON_SIGNER, bytes.fromhex("30030a0106"))
    assert respond(desk, request(cert_id(1))).cause is Cause.ANSWERED
    assert respond(desk, request(cert_id(1, ca=OTHER))).cause is Cause.ANSWERED


@pytest.mark.rule("O11")
def test_one_issuer_that_is_not_served_leaves_the_whole_request_unanswered() -> None:
    assert respond(authority(), BOTH).cause is Cause.ISSUER


def test_the_same_serial_of_two_issuers_is_two_certificates() -> None:
    desk = two(
        first=authority(known(REVOKED)),
        second=authority(known(Good()), ca=OTHER, by=signers(OTHER.issued, OTHER)),
    )

    for _ in range(2):
        assert single(respond(desk, request(cert_id(1)))).cert_status == REVOKED
        assert single(respond(desk, request(cert_id(1, ca=OTHER)))).cert_status == Good()


def test_one_source_that_fails_fails_the_whole_answer() -> None:
    def answer(asked: CertID, _: datetime) -> Known:
        if asked.serial_number == 2:
            raise SourceError("this row is locked")
        return known()

    reply = respond(authority(answer), request(cert_id(1), cert_id(2), cert_id(3)))

    assert reply.cause is Cause.SOURCE_UNAVAILABLE


def test_times_of_a_reply_are_the_strictest_of_its_answers() -> None:
    ends = {1: 3, 2: 9, 3: 6}

    def answer(asked: CertID, now: datetime) -> Known:
        hours = ends[asked.serial_number]
        return known(this_update=now.replace(hour=hours), next_update=now.replace(hour=12 + hours))

    reply = respond(authority(answer), request(*map(cert_id, ends)))

    assert reply.this_update == NOW.replace(hour=9)
    assert reply.next_update == NOW.replace(hour=15)
    assert reply.produced_at == NOW
