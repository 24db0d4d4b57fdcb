from __future__ import annotations

import pytest

from certstatus.limits import MAX_REMEMBERED
from certstatus.limits_hot import MEMO_MARKS
from certstatus.ocsp import CrlID, Extensions, Good, Revoked
from certstatus.pkix import CRLReason
from certstatus.responder import Cause, Responder
from certstatus.responder.memo import Kept, Key, Memo
from certstatus.sources import Answer
from tests.desk import DAY, HOUR, NOW, REVOKED, Says, authority, cert_id, known, request, respond

AT = int(NOW.timestamp())
SECONDS_A_DAY = 24 * 3600
KEY = (1, b"cert id", b"signer")


def kept(meaning: str = "good") -> Kept:
    return Kept(b"der", (meaning,), AT, AT + 2 * SECONDS_A_DAY, AT, AT + SECONDS_A_DAY)


def numbered(number: int, issuer: bytes = b"cert id") -> Key:
    return number, issuer, b"signer"


def test_an_answer_is_recalled_by_key_and_meaning_while_it_is_young() -> None:
    memo = Memo()
    memo.keep(KEY, kept())

    recalled = memo.recall(KEY, ("good",), AT + SECONDS_A_DAY - 1)

    assert recalled is not None
    assert recalled.der == b"der"
    assert (recalled.this_update, recalled.next_update) == (NOW, NOW + 2 * DAY)
    assert recalled.produced_at == NOW
    assert memo.recall(numbered(2), ("good",), AT) is None


@pytest.mark.parametrize(
    ("meaning", "moment"), [("revoked", AT), ("good", AT + SECONDS_A_DAY), ("good", AT - 1)]
)
def test_another_meaning_age_or_a_clock_set_back_ends_the_memory(meaning: str, moment: int) -> None:
    memo = Memo()
    memo.keep(KEY, kept())

    assert memo.recall(KEY, (meaning,), moment) is None
    assert len(memo) == 0


def test_what_nobody_asked_for_longest_is_forgotten_first() -> None:
    memo = Memo(2)
    for number in (1, 2):
        memo.keep(numbered(number), kept())
    memo.recall(numbered(1), ("good",), AT)
    memo.keep(numbered(3), kept())

    assert len(memo) == 2
    found = {one for one in (1, 2, 3) if memo.recall(numbered(one), ("good",), AT) is not None}
    assert found == {1, 3}


def test_a_change_of_the_store_empties_the_memory_at_once() -> None:
    version = 7
    memo = Memo(version=lambda: version)
    memo.keep(KEY, kept())
    memo.follow()  # what is kept before the first look at the store's version goes with it
    memo.keep(KEY, kept())
    memo.keep(numbered(2), kept())
    memo.follow()
    assert memo.recall(KEY, ("good",), AT) is not None

    version = 8
    memo.follow()

    assert memo.recall(KEY, ("good",), AT) is None
    assert len(memo) == 0


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


def test_answers_about_what_changed_are_forgotten() -> None:
    memo = Memo()
    for number in (1, 2, 3):
        memo.keep(numbered(number, b"this issuer"), kept())
        memo.keep(numbered(number, b"that issuer"), kept())

    memo.forget({2, 9})
    assert len(memo) == 4
    assert memo.recall(numbered(2, b"this issuer"), ("good",), AT) is None
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


def test_what_is_asked_for_again_is_told_from_what_is_asked_for_once() -> None:
    memo = Memo()
    asked = [numbered(number) for number in range(1, 1000)]

    once = [one for one in asked if memo.is_asked_again(one)]
    again = [one for one in asked if memo.is_asked_again(one)]

    # There are more marks than keys; some share one all the same, and some digests are alike.
    assert len(once) < len(asked) / 50
    assert len(again) > len(asked) * 0.95
    assert MEMO_MARKS > MAX_REMEMBERED


def test_the_edition_changes_whenever_something_is_forgotten_before_its_time() -> None:
    memo = Memo()
    memo.keep(KEY, kept())
    first = memo.edition
    assert memo.recall(KEY, ("good",), AT) is not None
    assert memo.edition is first

    memo.forget([12345])
    second = memo.edition
    memo.forget(None)

    assert len({id(one) for one in (first, second, memo.edition)}) == 3
