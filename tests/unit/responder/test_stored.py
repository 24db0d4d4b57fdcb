"""The responder with a store: what goes in, what comes out, and that it is never believed."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from certstatus.errors import SignerError, SourceError
from certstatus.limits import MAX_LISTED_SERIAL_OCTETS
from certstatus.ocsp import CertID, CrlID, Extensions, Good, Nonce, Revoked, parse_response
from certstatus.pkix import AlgorithmIdentifier, CRLReason, HashAlgorithm
from certstatus.responder import (
    Authority,
    Cause,
    Refusal,
    Responder,
    ResponderIDForm,
    UnlistedMode,
    authority_digest,
)
from certstatus.responder.statement import state
from certstatus.responder.stored import meaning_digest
from certstatus.sources import Answer
from certstatus.stores import StoredResponse, StoreKey
from certstatus.testing import TinyCA
from tests.desk import (
    CA,
    DAY,
    HOUR,
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
    unlisted,
)

SECOND = timedelta(seconds=1)
NULL = AlgorithmIdentifier(HashAlgorithm.SHA256.oid, b"\x05\x00")


class Board:
    """A shelf on the desk: a store that is at hand at once."""

    def __init__(self) -> None:
        self.entries: dict[StoreKey, StoredResponse] = {}
        self.asked: list[StoreKey] = []

    async def get(self, key: StoreKey) -> StoredResponse | None:
        self.asked.append(key)
        return self.entries.get(key)

    version = 0

    def at_hand(self, encoded_key: bytes) -> bytes | None:
        return None

    def offer(self, key: StoreKey, response: StoredResponse) -> None:
        self.entries[key] = response

    @property
    def only(self) -> tuple[StoreKey, StoredResponse]:
        (one,) = self.entries.items()
        return one

    def spoil(self, **changes: Any) -> None:
        key, response = self.only
        self.entries[key] = replace(response, **changes)


def desk(board: Board, *those: Authority, **more: Any) -> Responder:
    """Begin anew, as after a restart: nothing is remembered, the store is still there."""
    return Responder(those or [authority()], shelf=board, **more)


def with_parameters(parameters: bytes | None, number: int = 7) -> CertID:
    named = cert_id(number)
    algorithm = AlgorithmIdentifier(named.hash_algorithm.oid, parameters)
    return CertID.from_der(replace(named, hash_algorithm=algorithm, der=None).encode())


# --- into the store, and out -----------------------------------------------------------------


def test_what_was_signed_is_given_again_by_another_process() -> None:
    board, one = Board(), authority()
    first = respond(desk(board, one))
    second = respond(desk(board, one), now=NOW + HOUR)

    assert second.der == first.der
    assert not first.is_remembered
    assert second.is_remembered
    assert second.is_cacheable
    assert second.told == first.told
    assert (second.this_update, second.next_update) == (first.this_update, first.next_update)
    assert (second.produced_at, second.signer) == (first.produced_at, first.signer)


def test_what_came_from_the_store_is_remembered_and_not_asked_for_again() -> None:
    board, one = Board(), authority()
    respond(desk(board, one))
    again = desk(board, one)
    board.asked.clear()

    assert [respond(again).is_remembered for _ in range(3)] == [True] * 3
    assert len(board.asked) == 1


@pytest.mark.parametrize(
    ("moment", "is_given"),
    [(NOW, True), (NOW + HOUR - SECOND, True), (NOW + HOUR, False), (NOW - SECOND, False)],
)
def test_an_answer_is_given_while_it_is_fresh_and_never_from_the_future(
    moment: datetime, is_given: bool
) -> None:
    board = Board()
    one = authority(lambda _, now: known(this_update=now), refresh=HOUR)
    respond(desk(board, one))
    again = desk(board, one)

    assert respond(again, now=moment).is_remembered is is_given
    assert board.only[1].fresh_until == (NOW if is_given else moment) + HOUR
    assert respond(again, now=NOW + HOUR + SECOND).is_remembered is (moment == NOW + HOUR)


def test_what_is_signed_anew_is_offered_to_the_store() -> None:
    board, one = Board(), authority(lambda _, now: known(this_update=now))
    respond(desk(board, one))
    before = board.only[1]
    reply = respond(desk(board, one), now=before.fresh_until)

    assert board.only[1].der == reply.der != before.der


@pytest.mark.rule("O12")
@pytest.mark.parametrize(
    ("before", "after"),
    [
        (known(), known(REVOKED)),
        (known(REVOKED), known()),
        (known(REVOKED), known(Revoked(NOW - DAY, CRLReason.SUPERSEDED))),
        (known(REVOKED), known(Revoked(NOW, CRLReason.KEY_COMPROMISE))),
        (known(next_update=NOW + DAY), known(next_update=NOW + 2 * DAY)),
        (known(), known(single_extensions=Extensions.of(CrlID(crl_num=2)))),
    ],
    ids=["revoked", "released", "another reason", "another time", "newer data", "an extension"],
)
def test_the_source_wins_over_the_store(before: Answer, after: Answer) -> None:
    board, one = Board(), authority(before)
    first = respond(desk(board, one))
    assert isinstance(one.source, Says)
    one.source.answer = after
    second = respond(desk(board, one))

    assert not second.is_remembered
    assert second.der != first.der
    assert board.only[1].der == second.der


@pytest.mark.rule("O11")
def test_without_its_source_nothing_stored_is_given() -> None:
    board, one = Board(), authority()
    respond(desk(board, one))
    assert isinstance(one.source, Says)
    one.source.answer = SourceError("down")

    assert respond(desk(board, one)).cause is Cause.SOURCE_UNAVAILABLE


# --- a store that lies -----------------------------------------------------------------------


def test_an_old_good_that_is_passed_off_as_revoked_is_not_given() -> None:
    """The entry claims the meaning that the source has now; its bytes say another."""
    board, one = Board(), authority()
    respond(desk(board, one))
    assert isinstance(one.source, Says)
    one.source.answer = known(REVOKED)
    board.spoil(meaning=meaning_digest(state(known(REVOKED), one)))

    reply = respond(desk(board, one))

    assert not reply.is_remembered
    (single,) = basic(reply).tbs_response_data.responses
    assert single.cert_status == REVOKED


@pytest.mark.parametrize(
    "lie",
    [
        {"der": b"\x30\x03\x0a\x01\x06"},
        {"der": b"\x30\x80"},
        {"this_update": NOW - DAY},
        {"next_update": NOW + 30 * DAY},
        {"produced_at": NOW - DAY},
        {"meaning": bytes(32)},
        {"fresh_until": NOW - DAY},
    ],
    ids=["an error", "no DER", "thisUpdate", "nextUpdate", "producedAt", "meaning", "stale"],
)
def test_an_entry_that_is_not_what_it_claims_is_signed_anew(lie: dict[str, Any]) -> None:
    board, one = Board(), authority()
    respond(desk(board, one))
    board.spoil(**lie)

    reply = respond(desk(board, one))

    assert (reply.cause, reply.is_remembered) == (Cause.ANSWERED, False)


def test_an_answer_about_another_certificate_is_not_given() -> None:
    board, one = Board(), authority()
    respond(desk(board, one), request(cert_id(1)))
    (_, other), board.entries = board.only, {}
    respond(desk(board, one), request(cert_id(2)))
    board.spoil(der=other.der)

    assert not respond(desk(board, one), request(cert_id(2))).is_remembered


# --- what has no place there -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("one", "der"),
    [
        (authority(unlisted()), request()),
        (authority(unlisted(), unlisted=UnlistedMode.GOOD), request()),
        (authority(unlisted(), unlisted=UnlistedMode.EXTENDED_REVOKE), request()),
        (authority(), request(with_parameters(b"\x04\x01x"))),
        (authority(), request(cert_id(1 << 8 * MAX_LISTED_SERIAL_OCTETS))),
        (authority(), request(extensions=Extensions.of(Nonce(b"n" * 32)))),
        (authority(), request(cert_id(1), cert_id(2))),
    ],
    ids=["unknown", "unlisted good", "never issued", "parameters", "serial", "nonce", "several"],
)
def test_strangers_can_not_fill_the_store(one: Authority, der: bytes) -> None:
    board = Board()

    assert respond(desk(board, one), der).cause is Cause.ANSWERED
    assert not board.entries
    assert not board.asked


# --- keys ------------------------------------------------------------------------------------


def key_of(one: Authority, asked: CertID | None = None) -> StoreKey:
    board = Board()
    assert respond(desk(board, one), request(asked or with_parameters(None))).told
    return board.only[0]


@pytest.mark.rule("O15")
def test_answers_that_must_not_be_mixed_up_have_keys_of_their_own() -> None:
    by = signers()
    keys = [
        key_of(authority(by=by)),
        key_of(authority(by=by), with_parameters(b"\x05\x00")),
        key_of(authority(by=by), cert_id(7, HashAlgorithm.SHA1)),
        key_of(authority(by=by), with_parameters(None, 8)),
        key_of(authority(by=by[1:])),
        key_of(authority(by=signers(CA.issue_responder()))),
        key_of(authority(by=by, responder_id=ResponderIDForm.BY_NAME)),
        key_of(authority(by=by, dual_hash=True)),
        key_of(authority(by=by, validity=DAY)),
        key_of(authority(by=by, backdate=timedelta(0))),
        key_of(authority(by=by, refresh=HOUR)),
        key_of(authority(by=by, archive=DAY)),
    ]

    assert len(set(keys)) == len(keys)
    assert key_of(authority(by=by)) == keys[0]
    assert {one.authority for one in keys} == {authority_digest(CA.certificate)}
    assert authority_digest(TinyCA("Desk CA").certificate) != keys[0].authority


def test_a_meaning_tells_how_grave_it_is() -> None:
    one = authority()
    hold = Revoked(NOW, CRLReason.CERTIFICATE_HOLD)

    meanings = [meaning_digest(state(known(said), one)) for said in (Good(), hold, REVOKED)]

    assert [meaning[0] for meaning in meanings] == [0, 1, 2]
    assert {len(meaning) for meaning in meanings} == {32}


# --- produce ---------------------------------------------------------------------------------


def produce(one: Authority, **more: Any) -> tuple[StoreKey, StoredResponse]:
    making = Responder([one], admit=lambda: False).produce(
        one, 7, HashAlgorithm.SHA256, one.signers[0], NOW + timedelta(microseconds=9), **more
    )
    return asyncio.run(making)


@pytest.mark.parametrize(
    ("null_parameters", "parameters"), [(True, b"\x05\x00"), (False, None)], ids=["null", "absent"]
)
@pytest.mark.parametrize("policy", [{}, {"dual_hash": True}], ids=["one hash", "both"])
def test_what_is_produced_is_what_a_client_is_answered_with(
    null_parameters: bool, parameters: bytes | None, policy: dict[str, Any]
) -> None:
    one = authority(**policy)
    key, response = produce(one, null_parameters=null_parameters)
    board = Board()
    board.offer(key, response)
    reply = respond(desk(board, one), request(with_parameters(parameters)))

    assert reply.is_remembered
    assert reply.der == response.der
    assert (reply.this_update, reply.next_update) == (response.this_update, response.next_update)
    assert reply.produced_at == response.produced_at == NOW
    assert response.fresh_until == NOW + (response.next_update - NOW) // 2 // SECOND * SECOND
    assert len(basic(reply).tbs_response_data.responses) == 1 + bool(policy)


class Broken:
    """A signer whose key is gone."""

    def __init__(self) -> None:
        (self.certificate, self.certs, self.algorithm) = (
            signers()[0].certificate,
            signers()[0].certs,
            signers()[0].algorithm,
        )

    def sign(self, tbs: bytes) -> bytes:
        raise SignerError("the token is gone")


@pytest.mark.parametrize(
    ("one", "cause", "reason"),
    [
        (authority(unlisted()), Cause.UNLISTED, type(None)),
        (authority(SourceError("down")), Cause.SOURCE_UNAVAILABLE, SourceError),
        (authority(by=[Broken()]), Cause.SIGNER_FAILED, SignerError),
        (authority(known(next_update=NOW)), Cause.SOURCE_STALE, type(None)),
    ],
    ids=["unlisted", "source", "signer", "stale"],
)
def test_where_there_is_nothing_to_store_the_reason_is_raised(
    one: Authority, cause: Cause, reason: type
) -> None:
    with pytest.raises(Refusal) as found:
        produce(one)

    assert found.value.cause is cause
    assert type(found.value.__cause__) is reason


def test_a_produced_answer_of_an_unlisted_one_may_be_good_by_policy() -> None:
    _, response = produce(authority(unlisted(), unlisted=UnlistedMode.GOOD))

    found = parse_response(response.der).basic
    assert found is not None
    assert found.tbs_response_data.responses[0].cert_status == Good()


# --- the budget ------------------------------------------------------------------------------


def test_what_is_stored_is_given_when_the_budget_for_signing_is_spent() -> None:
    board, one = Board(), authority()
    respond(desk(board, one))
    spent = desk(board, one, admit=lambda: False)

    assert respond(spent).is_remembered
    assert respond(spent, request(cert_id(8))).cause is Cause.OVERLOAD
