from __future__ import annotations

from datetime import timedelta

import pytest

from certstatus.errors import ConfigError
from certstatus.limits import DEFAULT_BACKDATE, DEFAULT_VALIDITY
from certstatus.ocsp import OCSPResponseStatus, Revoked, SingleResponse
from certstatus.responder import AuthorityPolicy, Cause, Refusal, Responder
from certstatus.testing import TinyCA
from tests.desk import (
    CA,
    DAY,
    HOUR,
    NOW,
    authority,
    cert_id,
    known,
    request,
    respond,
    signers,
    single,
    unlisted,
)

SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)


def ends(one: SingleResponse) -> tuple[timedelta, timedelta]:
    """Tell both ends as they lie around NOW."""
    assert one.next_update is not None
    return one.this_update - NOW, one.next_update - NOW


@pytest.mark.rule("O19", "L7")
def test_by_default_an_answer_holds_for_four_days_from_a_little_ago() -> None:
    start, end = ends(single(respond(authority())))

    assert start == -DEFAULT_BACKDATE
    assert end - start == DEFAULT_VALIDITY - SECOND


@pytest.mark.rule("O19")
def test_both_ends_of_the_validity_count() -> None:
    one = single(respond(authority(validity=10 * DAY, backdate=timedelta(0))))

    assert ends(one) == (timedelta(0), 10 * DAY - SECOND)


@pytest.mark.rule("O19")
def test_a_status_that_was_last_known_earlier_is_no_younger_for_that() -> None:
    assert ends(single(respond(authority(known(this_update=NOW - DAY))))) == (
        -DAY,
        DEFAULT_VALIDITY - DAY - SECOND,
    )


@pytest.mark.rule("O19", "C9")
def test_dated_data_keeps_its_this_update_and_bounds_next_update() -> None:
    soon = known(this_update=NOW - 6 * DAY, next_update=NOW + DAY)
    late = known(this_update=NOW - 6 * DAY, next_update=NOW + 30 * DAY)

    assert ends(single(respond(authority(soon)))) == (-6 * DAY, DAY)
    assert ends(single(respond(authority(late)))) == (-6 * DAY, DEFAULT_VALIDITY - SECOND)


@pytest.mark.rule("O19")
@pytest.mark.parametrize("ahead", [SECOND, HOUR])
def test_data_from_the_future_counts_from_now(ahead: timedelta) -> None:
    answer = known(this_update=NOW + ahead, next_update=NOW + DAY)

    assert ends(single(respond(authority(answer)))) == (timedelta(0), DAY)


@pytest.mark.rule("O19")
def test_this_update_never_goes_back_to_before_the_revocation() -> None:
    def start(revoked: timedelta) -> timedelta:
        answer = known(Revoked(NOW - revoked))
        return ends(single(respond(authority(answer))))[0]

    assert start(DAY) == -DEFAULT_BACKDATE
    assert start(MINUTE) == -MINUTE
    assert start(timedelta(0)) == timedelta(0)
    # A clock ahead of ours revoked it: thisUpdate still comes not after now.
    assert start(-HOUR) == timedelta(0)


@pytest.mark.rule("O11", "C9")
@pytest.mark.parametrize("end", [-DAY, -SECOND, timedelta(0)])
def test_data_that_has_ended_means_try_later(end: timedelta) -> None:
    heard: list[Refusal] = []
    answer = known(this_update=NOW - 9 * DAY, next_update=NOW + end)
    desk = Responder([authority(answer)], observe=heard.append)

    reply = respond(desk)

    assert reply.cause is Cause.SOURCE_STALE
    assert reply.response_status is OCSPResponseStatus.TRY_LATER
    assert [one.cause for one in heard] == [Cause.SOURCE_STALE]


@pytest.mark.rule("O11")
def test_a_status_that_nobody_confirmed_for_a_whole_validity_means_try_later() -> None:
    reply = respond(authority(unlisted(this_update=NOW - DEFAULT_VALIDITY)))

    assert reply.cause is Cause.SOURCE_STALE


def test_next_update_passes_neither_the_signers_end_nor_the_cas() -> None:
    short = CA.issue_responder(not_after=NOW + DAY)
    mortal = TinyCA("Mortal CA", not_after=NOW + 2 * DAY)
    by_mortal = authority(ca=mortal, by=signers(mortal.issue_responder(), mortal))
    by_ca = authority(ca=mortal, by=signers(mortal.issued, mortal))

    assert ends(single(respond(authority(by=signers(short)))))[1] == DAY
    for one in (by_mortal, by_ca):
        assert ends(single(respond(one, request(cert_id(ca=mortal)))))[1] == 2 * DAY


@pytest.mark.parametrize("left", [timedelta(0), -SECOND, -DAY])
def test_a_signer_at_its_end_is_an_internal_error_and_an_alarm(left: timedelta) -> None:
    heard: list[Refusal] = []
    old = CA.issue_responder(not_after=NOW + left)
    desk = Responder([authority(by=signers(old))], observe=heard.append)

    reply = respond(desk)

    assert reply.cause is Cause.SIGNER_EXPIRES
    assert reply.response_status is OCSPResponseStatus.INTERNAL_ERROR
    assert [one.cause for one in heard] == [Cause.SIGNER_EXPIRES]


def test_another_signer_takes_over_from_one_that_has_expired() -> None:
    old, new = CA.issue_responder(not_after=NOW - DAY), CA.issue_responder()

    reply = respond(authority(by=(*signers(old), *signers(new))))

    assert reply.signer is not None
    assert reply.signer.certificate == new.certificate


@pytest.mark.rule("O20")
def test_microseconds_never_move_an_end_outwards() -> None:
    odd = NOW.replace(microsecond=500_000)
    answer = known(this_update=odd - HOUR, next_update=odd + HOUR)

    reply = respond(authority(answer), now=odd)

    assert ends(single(reply)) == (-HOUR, HOUR)
    assert (reply.this_update, reply.next_update) == (NOW - HOUR, NOW + HOUR)
    assert reply.produced_at == NOW


@pytest.mark.parametrize("backdate", [-SECOND, DAY, 2 * DAY])
def test_a_backdate_that_leaves_nothing_is_refused(backdate: timedelta) -> None:
    with pytest.raises(ConfigError, match="backdate: must be shorter than validity"):
        AuthorityPolicy(validity=DAY, backdate=backdate)
