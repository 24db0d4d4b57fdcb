from __future__ import annotations

from datetime import timedelta

import pytest

from certstatus.limits import MAX_REMEMBERED
from certstatus.ocsp import CrlID, Extensions, Good, Revoked
from certstatus.pkix import CRLReason
from certstatus.responder import Cause, Reply, Responder
from certstatus.responder.memo import Memo
from certstatus.sources import Answer
from tests.desk import DAY, HOUR, NOW, REVOKED, Says, authority, cert_id, known, request, respond

SECOND = timedelta(seconds=1)


def reply() -> Reply:
    return Reply(der=b"der", cause=Cause.ANSWERED, produced_at=NOW, next_update=NOW + 2 * DAY)


def test_a_reply_is_recalled_by_key_and_meaning_while_it_is_young() -> None:
    memo = Memo()
    memo.keep(("key",), ("good",), reply(), NOW + DAY)

    recalled = memo.recall(("key",), ("good",), NOW + DAY - SECOND)

    assert recalled is not None
    assert recalled.is_remembered
    assert memo.recall(("other",), ("good",), NOW) is None


@pytest.mark.parametrize(
    ("meaning", "moment"), [("revoked", NOW), ("good", NOW + DAY), ("good", NOW - SECOND)]
)
def test_another_meaning_age_or_a_clock_set_back_ends_the_memory(
    meaning: str, moment: object
) -> None:
    memo = Memo()
    memo.keep(("key",), ("good",), reply(), NOW + DAY)

    assert memo.recall(("key",), (meaning,), moment) is None  # type: ignore[arg-type]
    assert len(memo) == 0


def test_what_nobody_asked_for_longest_is_forgotten_first() -> None:
    memo = Memo(2)
    for key in ("a", "b"):
        memo.keep((key,), (), reply(), NOW + DAY)
    memo.recall(("a",), (), NOW)
    memo.keep(("c",), (), reply(), NOW + DAY)

    assert len(memo) == 2
    found = {key for key in "abc" if memo.recall((key,), (), NOW) is not None}
    assert found == {"a", "c"}


def test_a_responder_remembers_no_more_than_its_limit() -> None:
    desk = Responder([authority()], remembered=3)
    for number in range(10):
        respond(desk, request(cert_id(number)))

    again = [respond(desk, request(cert_id(number))).is_remembered for number in range(9, 5, -1)]

    assert again == [True, True, True, False]
    assert not any(respond(Responder([authority()], remembered=0)).is_remembered for _ in range(2))
    assert Memo()._size == MAX_REMEMBERED


CHANGES: dict[str, tuple[Answer, Answer]] = {
    "revoked": (known(), known(REVOKED)),
    "released": (known(REVOKED), known()),
    "another reason": (known(REVOKED), known(Revoked(NOW - DAY, CRLReason.SUPERSEDED))),
    "another time": (known(REVOKED), known(Revoked(NOW, CRLReason.KEY_COMPROMISE))),
    "newer data": (known(next_update=NOW + DAY), known(next_update=NOW + 2 * DAY)),
    "another extension": (known(), known(single_extensions=Extensions.of(CrlID(crl_num=2)))),
}


@pytest.mark.rule("O12", "O19")
@pytest.mark.parametrize("change", CHANGES)
def test_the_source_wins_over_the_memory_at_once(change: str) -> None:
    before, after = CHANGES[change]
    one = authority(before)
    desk = Responder([one])
    first = respond(desk)
    assert respond(desk).der == first.der

    assert isinstance(one.source, Says)
    one.source.answer = after
    second = respond(desk)

    assert not second.is_remembered
    assert second.der != first.der
    assert respond(desk).der == second.der


def test_a_later_look_at_the_same_status_is_the_same_answer() -> None:
    desk = Responder([authority(lambda _, now: known(Good(), this_update=now))])

    first, second = respond(desk), respond(desk, now=NOW + HOUR)

    assert second.der == first.der
    assert second.this_update == first.this_update


def test_no_answer_is_given_for_another_certificate() -> None:
    desk = Responder([authority()])

    assert respond(desk, request(cert_id(1))).der != respond(desk, request(cert_id(2))).der


def test_replies_about_what_changed_are_forgotten() -> None:
    memo = Memo()
    for number in (1, 2, 3):
        memo.keep((number, b"this issuer"), (), reply(), NOW + DAY)
        memo.keep((number, b"that issuer"), (), reply(), NOW + DAY)

    memo.forget({2, 9})
    assert len(memo) == 4
    assert memo.recall((2, b"this issuer"), (), NOW) is None
    memo.forget(None)
    assert len(memo) == 0


def test_a_responder_signs_anew_what_it_forgot() -> None:
    responder = Responder([authority()])
    first = respond(responder, request(cert_id(1)))
    assert respond(responder, request(cert_id(1))).is_remembered

    responder.forget({2})
    assert respond(responder, request(cert_id(1))).is_remembered
    responder.forget({1})
    again = respond(responder, request(cert_id(1)))

    assert not again.is_remembered
    assert first.cause is again.cause is Cause.ANSWERED
