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
