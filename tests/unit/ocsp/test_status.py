"""The three answers, and the statuses of a response."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from asn1crypto import ocsp as judge

from certstatus.errors import MalformedError
from certstatus.ocsp import NEVER_ISSUED, Good, OCSPResponseStatus, Revoked, Unknown
from certstatus.pkix import CRLReason

MOMENT = datetime(2026, 11, 21, 12, tzinfo=UTC)


@pytest.mark.parametrize("status", OCSPResponseStatus)
@pytest.mark.rule("O10")
def test_a_status_has_the_number_and_the_name_of_the_standard(status: OCSPResponseStatus) -> None:
    assert OCSPResponseStatus.from_number(int(status)) is status
    judged = judge.OCSPResponseStatus(int(status)).native
    names = {"sign_required": "sigrequired"}
    assert names.get(judged, judged.replace("_", "")) == status.label.lower()


@pytest.mark.parametrize("number", [-1, 4, 7, 255])
@pytest.mark.rule("O10")
def test_a_number_that_is_not_assigned_is_refused(number: int) -> None:
    """RFC 6960 §4.2.1: "--(4) is not used"."""
    with pytest.raises(MalformedError, match=f"{number} is not assigned") as caught:
        OCSPResponseStatus.from_number(number)
    assert caught.value.rule == "O10"


@pytest.mark.rule("O13")
def test_never_issued_is_on_hold_since_1970() -> None:
    assert NEVER_ISSUED.revocation_time == datetime(1970, 1, 1, tzinfo=UTC)
    assert NEVER_ISSUED.reason is CRLReason.CERTIFICATE_HOLD


def test_answers_are_shown_in_the_standards_words() -> None:
    assert [str(Good()), str(Unknown()), str(Revoked(MOMENT))] == [
        "good",
        "unknown",
        "revoked (2026-11-21 12:00:00Z)",
    ]
    told = str(Revoked(MOMENT, CRLReason.KEY_COMPROMISE))
    assert told == "revoked (2026-11-21 12:00:00Z, keyCompromise)"


def test_answers_are_equal_where_they_say_the_same() -> None:
    because = Revoked(MOMENT, CRLReason.UNSPECIFIED)
    said = [Good(), Unknown(), Revoked(MOMENT), because]

    assert {*said, Good(), Unknown(), Revoked(MOMENT)} == set(said)
    assert len(set(said)) == 4
