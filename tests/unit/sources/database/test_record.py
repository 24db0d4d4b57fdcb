"""The rules of change: a revocation is final, a hold is not, an import only tightens."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from certstatus.errors import ChangeError
from certstatus.limits import DEFAULT_SKEW
from certstatus.ocsp import Good, Revoked
from certstatus.pkix import CRLReason
from certstatus.sources import CertificateRecord, Outcome, Revocation, Status
from certstatus.sources.database.record import held, merged, released, revoked
from tests.books import DAY, NOW

GOOD = CertificateRecord(issuer_id=1, serial_number=1000)
HELD = replace(
    GOOD,
    status=Status.HOLD,
    revocation_time=NOW - DAY,
    reason=CRLReason.CERTIFICATE_HOLD,
)
LOST = replace(
    GOOD,
    status=Status.REVOKED,
    revocation_time=NOW - DAY,
    reason=CRLReason.KEY_COMPROMISE,
    invalidity_date=NOW - 2 * DAY,
)
WISH = Revocation(
    revocation_time=LOST.revocation_time, reason=LOST.reason, invalidity_date=LOST.invalidity_date
)


@pytest.mark.rule("O12")
def test_a_record_says_what_ocsp_says() -> None:
    assert GOOD.cert_status == Good()
    assert LOST.cert_status == Revoked(NOW - DAY, CRLReason.KEY_COMPROMISE)
    assert HELD.cert_status == Revoked(NOW - DAY, CRLReason.CERTIFICATE_HOLD)


def test_a_record_is_told_without_absent_facts() -> None:
    assert GOOD.told() == {"status": "good"}
    assert replace(LOST, subject="/CN=leaf", fingerprint=b"\xab", not_after=NOW).told() == {
        "status": "revoked",
        "revocationTime": "2026-11-20T12:00:00Z",
        "reason": "keyCompromise",
        "invalidityDate": "2026-11-19T12:00:00Z",
        "notAfter": "2026-11-21T12:00:00Z",
        "subject": "/CN=leaf",
        "fingerprint": "ab",
    }


# --- revoke ---------------------------------------------------------------------------------


def test_revoking_takes_every_fact() -> None:
    assert revoked(GOOD, WISH, NOW) == LOST


def test_without_a_time_it_is_now_in_whole_seconds() -> None:
    now = NOW.replace(microsecond=999_999)

    assert revoked(GOOD, Revocation(), now).revocation_time == NOW


def test_unspecified_is_no_reason() -> None:
    assert revoked(GOOD, Revocation(reason=CRLReason.UNSPECIFIED), NOW).reason is None


@pytest.mark.parametrize(
    "wish",
    [WISH, Revocation(reason=LOST.reason), replace(WISH, invalidity_date=None)],
    ids=["all", "reason", "no-invalidity-date"],
)
def test_revoking_again_with_the_same_facts_changes_nothing(wish: Revocation) -> None:
    assert revoked(LOST, wish, NOW) is LOST


def test_unspecified_again_is_the_same_as_none_again() -> None:
    unspecified = revoked(GOOD, Revocation(), NOW)

    assert revoked(unspecified, Revocation(reason=CRLReason.UNSPECIFIED), NOW) is unspecified


@pytest.mark.parametrize(
    "wish",
    [
        Revocation(),
        replace(WISH, reason=CRLReason.SUPERSEDED),
        replace(WISH, revocation_time=NOW - 2 * DAY),
        replace(WISH, invalidity_date=NOW - 3 * DAY),
        Revocation(reason=CRLReason.CERTIFICATE_HOLD),
    ],
    ids=["no-reason", "reason", "time", "invalidity-date", "hold"],
)
def test_revoking_again_otherwise_is_refused(wish: Revocation) -> None:
    with pytest.raises(ChangeError, match=r"serial 03E8 is revoked .* a revocation is final"):
        revoked(LOST, wish, NOW)


def test_the_future_is_refused_beyond_the_skew() -> None:
    latest = NOW + DEFAULT_SKEW

    assert revoked(GOOD, Revocation(revocation_time=latest), NOW).revocation_time == latest
    for wish in (
        Revocation(revocation_time=latest + timedelta(seconds=1)),
        Revocation(invalidity_date=latest + timedelta(seconds=1)),
    ):
        with pytest.raises(ChangeError, match="in the future"):
            revoked(GOOD, wish, NOW)
        with pytest.raises(ChangeError, match="in the future"):
            held(GOOD, wish, NOW)


@pytest.mark.parametrize("record", [GOOD, HELD, LOST])
def test_remove_from_crl_is_no_reason_to_revoke(record: CertificateRecord) -> None:
    with pytest.raises(ChangeError, match="removeFromCRL"):
        revoked(record, Revocation(reason=CRLReason.REMOVE_FROM_CRL), NOW)


# --- hold and release -----------------------------------------------------------------------


@pytest.mark.parametrize("step", [revoked, held])
def test_certificate_hold_puts_on_hold(step: object) -> None:
    wish = Revocation(revocation_time=NOW - DAY, reason=CRLReason.CERTIFICATE_HOLD)

    assert callable(step)
    assert step(GOOD, wish, NOW) == HELD


def test_a_hold_becomes_a_revocation_since_the_hold() -> None:
    """What was signed while on hold does not become good afterwards."""
    after = revoked(HELD, Revocation(reason=CRLReason.KEY_COMPROMISE), NOW)

    assert after.cert_status == Revoked(NOW - DAY, CRLReason.KEY_COMPROMISE)
    assert after.status is Status.REVOKED


def test_a_hold_becomes_a_revocation_at_the_time_that_is_named() -> None:
    after = revoked(HELD, Revocation(revocation_time=NOW), NOW)

    assert after.revocation_time == NOW


def test_holding_again_changes_nothing_and_otherwise_is_refused() -> None:
    assert held(HELD, Revocation(), NOW) is HELD
    assert held(HELD, Revocation(revocation_time=HELD.revocation_time), NOW) is HELD
    with pytest.raises(ChangeError, match="on hold already, since 2026-11-20T12:00:00Z"):
        held(HELD, Revocation(revocation_time=NOW), NOW)


def test_what_is_revoked_is_not_put_on_hold() -> None:
    with pytest.raises(ChangeError, match="a revocation is final"):
        held(LOST, Revocation(), NOW)


def test_a_hold_is_released_whole() -> None:
    assert released(replace(HELD, invalidity_date=NOW)) == GOOD


@pytest.mark.parametrize("record", [GOOD, LOST])
def test_only_a_hold_is_released(record: CertificateRecord) -> None:
    with pytest.raises(ChangeError, match="is not on hold"):
        released(record)


# --- imports --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("standing", "reported", "stands", "outcome"),
    [
        (None, GOOD, GOOD, Outcome.ADDED),
        (None, LOST, LOST, Outcome.ADDED),
        (GOOD, GOOD, GOOD, Outcome.UNCHANGED),
        (GOOD, HELD, HELD, Outcome.HELD),
        (GOOD, LOST, LOST, Outcome.REVOKED),
        (HELD, HELD, HELD, Outcome.UNCHANGED),
        (HELD, LOST, LOST, Outcome.REVOKED),
        (HELD, GOOD, HELD, Outcome.KEPT),
        (HELD, replace(HELD, revocation_time=NOW), HELD, Outcome.KEPT),
        (LOST, LOST, LOST, Outcome.UNCHANGED),
        (LOST, GOOD, LOST, Outcome.KEPT),
        (LOST, HELD, LOST, Outcome.KEPT),
        (LOST, replace(LOST, revocation_time=NOW), LOST, Outcome.KEPT),
        (LOST, replace(LOST, reason=None), LOST, Outcome.KEPT),
    ],
)
def test_an_import_only_tightens(
    standing: CertificateRecord | None,
    reported: CertificateRecord,
    stands: CertificateRecord,
    outcome: Outcome,
) -> None:
    assert merged(standing, reported, tells_status=True, now=NOW) == (stands, outcome)


@pytest.mark.rule("C3")
@pytest.mark.parametrize(
    ("standing", "since", "stands", "outcome"),
    [
        (HELD, NOW, GOOD, Outcome.RELEASED),
        (HELD, NOW - DAY, GOOD, Outcome.RELEASED),
        (HELD, NOW - 2 * DAY, HELD, Outcome.KEPT),
        (HELD, None, HELD, Outcome.KEPT),
        (LOST, NOW, LOST, Outcome.KEPT),
        (GOOD, NOW, GOOD, Outcome.UNCHANGED),
    ],
)
def test_a_removal_ends_a_hold_that_began_before_it(
    standing: CertificateRecord,
    since: datetime | None,
    stands: CertificateRecord,
    outcome: Outcome,
) -> None:
    found = merged(standing, GOOD, tells_status=True, now=NOW, releases_since=since)

    assert found == (stands, outcome)


@pytest.mark.parametrize("standing", [GOOD, HELD, LOST])
def test_a_certificate_by_itself_tells_no_status(standing: CertificateRecord) -> None:
    expected = (standing, Outcome.UNCHANGED)

    assert merged(standing, GOOD, tells_status=False, now=NOW) == expected


def test_missing_facts_are_completed_and_others_kept() -> None:
    facts: dict[str, Any] = {
        "not_after": NOW + DAY,
        "subject": "CN=leaf",
        "fingerprint": b"\1" * 32,
    }
    reported = replace(GOOD, not_after=NOW, subject="/CN=leaf", fingerprint=b"\1" * 32)

    complete, outcome = merged(replace(LOST, **facts), reported, tells_status=True, now=NOW)
    assert (complete, outcome) == (replace(LOST, **facts), Outcome.KEPT)
    complete, outcome = merged(LOST, reported, tells_status=False, now=NOW)
    assert outcome is Outcome.COMPLETED
    assert (complete.subject, complete.not_after) == ("/CN=leaf", NOW)
    assert complete.cert_status == LOST.cert_status


def test_two_certificates_with_one_serial_number_are_refused() -> None:
    one, other = (replace(GOOD, fingerprint=bytes([n]) * 32) for n in (1, 2))

    with pytest.raises(ChangeError, match="two bear one serial"):
        merged(one, other, tells_status=False, now=NOW)


@pytest.mark.parametrize("moment", ["revocation_time", "invalidity_date"])
def test_an_import_from_the_future_is_refused(moment: str) -> None:
    late: dict[str, Any] = {moment: NOW + DEFAULT_SKEW + timedelta(seconds=1)}

    with pytest.raises(ChangeError, match="in the future"):
        merged(None, replace(LOST, **late), tells_status=True, now=NOW)
