"""What the Baseline Requirements ask of a responder's answers (BR 4.9.9, 7.3)."""

from __future__ import annotations

import asyncio
import base64
from datetime import timedelta

import pytest

from certstatus.errors import ConfigError
from certstatus.ocsp import Extensions, Good, InvalidityDate, ReasonCode, Revoked, Unknown
from certstatus.pkix import CRLReason
from certstatus.responder import (
    AuthorityPolicy,
    HTTPRequest,
    OCSPFace,
    Responder,
    UnlistedMode,
)
from certstatus.responder.renewal import interval_problem, latest_renewal
from certstatus.signing import Profile
from tests.desk import DAY, HOUR, NOW, authority, known, request, respond, single, unlisted

SECOND = timedelta(seconds=1)


@pytest.mark.rule("B1")
def test_get_and_post_give_the_same_answer() -> None:
    face = OCSPFace(Responder([authority(profile=Profile.CABF)]))
    content_type = ((b"content-type", b"application/ocsp-request"),)

    by_get = HTTPRequest(b"GET", b"/" + base64.b64encode(request()), ())
    by_post = HTTPRequest(b"POST", b"/", content_type, request())
    first, second = (asyncio.run(face.reply(one, NOW)) for one in (by_get, by_post))

    assert first.status == 200
    assert (first.body, first.headers) == (second.body, second.headers)


@pytest.mark.rule("B4")
def test_a_serial_that_was_not_assigned_is_not_good() -> None:
    assert single(respond(authority(unlisted(), profile=Profile.CABF))).cert_status == Unknown()


@pytest.mark.rule("B4")
def test_good_for_an_unassigned_serial_is_an_express_choice() -> None:
    constrained = authority(unlisted(), profile=Profile.CABF, unlisted=UnlistedMode.GOOD)

    assert single(respond(constrained)).cert_status == Good()


@pytest.mark.rule("B4", "B5")
def test_extended_revoke_would_say_hold_and_is_refused() -> None:
    with pytest.raises(ConfigError, match="unlisted: would say certificateHold"):
        AuthorityPolicy(profile=Profile.CABF, unlisted=UnlistedMode.EXTENDED_REVOKE)


@pytest.mark.rule("B5")
def test_single_extensions_hold_no_reason_code() -> None:
    date = InvalidityDate(NOW - 2 * DAY)
    added = Extensions.of(ReasonCode(CRLReason.KEY_COMPROMISE), date)
    revoked = known(Revoked(NOW - DAY, CRLReason.KEY_COMPROMISE), single_extensions=added)

    strict = single(respond(authority(revoked, profile=Profile.CABF)))
    plain = single(respond(authority(revoked)))

    assert strict.single_extensions == Extensions.of(date)
    assert plain.single_extensions == added


@pytest.mark.rule("B5")
@pytest.mark.parametrize("reason", CRLReason)
def test_only_reasons_that_crls_may_give_are_given(reason: CRLReason) -> None:
    allowed = {1, 2, 3, 4, 5, 9}

    one = single(respond(authority(known(Revoked(NOW - DAY, reason)), profile=Profile.CABF)))

    assert one.cert_status == Revoked(NOW - DAY, reason if reason in allowed else None)


@pytest.mark.parametrize(
    ("validity", "is_allowed"),
    [
        (8 * HOUR - SECOND, False),
        (8 * HOUR, True),
        (10 * DAY, True),
        (10 * DAY + SECOND, False),
    ],
)
def test_answers_hold_from_eight_hours_to_ten_days(validity: timedelta, is_allowed: bool) -> None:
    if not is_allowed:
        with pytest.raises(ConfigError, match="validity: is not between 8 hours and 10 days"):
            AuthorityPolicy(profile=Profile.CABF, validity=validity)
        return
    one = single(respond(authority(profile=Profile.CABF, validity=validity)))

    # Both ends count: from 00:00:00 to 07:59:59 are eight hours.
    assert one.next_update is not None
    assert one.next_update - one.this_update == validity - SECOND


# --- how long an answer holds, and when it is renewed (§4.9.9) ----------------------------------


@pytest.mark.rule("B2")
@pytest.mark.parametrize(
    ("length", "fits"),
    [
        (8 * HOUR - SECOND, False),
        (8 * HOUR, True),
        (16 * HOUR - SECOND, True),
        (16 * HOUR, True),
        (10 * DAY, True),
        (10 * DAY + SECOND, False),
    ],
)
def test_an_answer_holds_for_8_hours_to_10_days_both_ends_counted(
    length: timedelta, fits: bool
) -> None:
    assert (interval_problem(NOW, NOW + length - SECOND) is None) is fits


@pytest.mark.rule("B2")
@pytest.mark.parametrize(
    ("length", "latest"),
    [
        # Before half of it is left: the 14,400 seconds that are left at 3:59:59 are half.
        (8 * HOUR, 4 * HOUR - 2 * SECOND),
        (16 * HOUR - timedelta(minutes=1), 8 * HOUR - timedelta(seconds=32)),
        # At least 8 hours before nextUpdate, which is itself the last second.
        (16 * HOUR, 8 * HOUR - SECOND),
        (4 * DAY, 4 * DAY - 8 * HOUR - SECOND),
        # No later than 4 days after thisUpdate.
        (10 * DAY, 4 * DAY - SECOND),
        (10 * DAY + SECOND, 4 * DAY - SECOND),
    ],
)
def test_an_answer_is_renewed_in_time(length: timedelta, latest: timedelta) -> None:
    assert latest_renewal(NOW, NOW + length - SECOND) == NOW + latest
