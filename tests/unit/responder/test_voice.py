"""What is remembered of a signer goes with it; what is remembered of a second ends with it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from certstatus.limits import MAX_REMEMBERED_TIMES
from certstatus.ocsp import Good
from certstatus.responder import Authority, Cause, Refusal
from certstatus.responder.live import speech_of
from certstatus.responder.splice import time_der
from certstatus.responder.spokesmen import choice_of
from certstatus.responder.statement import Statement, state
from certstatus.signing import Signer
from certstatus.testing import TinyCA
from tests.desk import DAY, NOW, REVOKED, authority, known, signers

SECOND = timedelta(seconds=1)
GOOD = Statement(cert_status=Good(), known_at=NOW, origin="desk", why="desk lists it")


class Rack(list[Signer]):
    """Signers that may be others at any time, as their files are."""


def test_the_same_statement_in_the_same_second_is_written_once() -> None:
    one = authority()
    (signer,) = one.signers_in_force(NOW)[:1]

    first = speech_of(GOOD, one, signer, NOW)

    assert speech_of(GOOD, one, signer, NOW) is first
    assert speech_of(replace(GOOD, why="so it is"), one, signer, NOW) is first
    assert speech_of(replace(GOOD, known_at=NOW - DAY), one, signer, NOW) is not first
    later = speech_of(GOOD, one, signer, NOW + SECOND)
    assert (later.now, later.next_update) == (NOW + SECOND, first.next_update + SECOND)


def test_one_revoked_certificate_does_not_take_the_place_of_all_good_ones() -> None:
    one = authority()
    (signer,) = one.signers_in_force(NOW)[:1]
    first = speech_of(GOOD, one, signer, NOW)

    speech_of(state(known(REVOKED), one), one, signer, NOW)

    assert speech_of(GOOD, one, signer, NOW) is first


def test_a_signer_that_is_not_in_force_any_more_is_let_go() -> None:
    ca = TinyCA("Rotating CA")
    old, new = (signers(ca.issue_responder(), ca)[0] for _ in range(2))
    rack = Rack([old])
    one = Authority(name="rotating", issuer=ca.certificate, source=authority().source, signers=rack)
    former = one.voice_of(choice_of(one, NOW).signer)
    assert one.voice_of(old) is former

    rack[:] = [new]

    assert choice_of(one, NOW).signer is new
    assert one.voice_of(new) is one.voice_of(new)
    assert one.voices.find(old) is None
    assert one.voice_of(old) is not one.voice_of(old)
    assert one.voice_of(old).frame == former.frame


def test_the_choice_is_made_anew_each_second() -> None:
    ca = TinyCA("Ending CA", not_before=NOW - DAY, not_after=NOW + DAY)
    one = authority(ca=ca, by=signers(ca.issue_responder(not_after=NOW + DAY), ca))

    assert choice_of(one, NOW) is choice_of(one, NOW)
    assert choice_of(one, NOW + SECOND) is not choice_of(one, NOW)
    with pytest.raises(Refusal) as refused:
        choice_of(one, NOW + 2 * DAY)
    assert refused.value.cause is Cause.SIGNER_EXPIRES


def test_no_more_times_are_remembered_than_a_limit_says() -> None:
    for seconds in range(MAX_REMEMBERED_TIMES + 1):
        time_der(NOW + seconds * SECOND)

    assert time_der.cache_info().currsize == MAX_REMEMBERED_TIMES


def test_a_time_without_a_zone_is_no_time() -> None:
    with pytest.raises(TypeError, match="aware"):
        time_der(NOW.replace(tzinfo=None))
