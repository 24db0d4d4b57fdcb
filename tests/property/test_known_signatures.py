"""A report from memory says the same as one without, whatever was judged before, in any order."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from certstatus.ocsp import OCSPResponse, Revoked, parse_response
from certstatus.pkix import Certificate
from certstatus.testing import LIES, Forge, Issued, TinyCA
from certstatus.verify import (
    NOTHING_KNOWN,
    DelegateStatus,
    KnownSignatures,
    Report,
    VerifyPolicy,
    judge_again,
    verify_response,
)
from tests.courtroom import CA, DAY, DELEGATE, LEAF, NOW, honest

NAMESAKE = TinyCA(CA.common_name, not_before=CA.not_before)
NAMESAKES_LEAF = NAMESAKE.issue_server("leaf.example").certificate
ISSUED = ((CA.certificate, LEAF), (NAMESAKE.certificate, NAMESAKES_LEAF), (CA.certificate, None))

POLICIES = (
    VerifyPolicy(),
    VerifyPolicy(allow_sha1=True),
    VerifyPolicy(delegate_status=DelegateStatus.REQUIRED),
    VerifyPolicy(trusted_responders=(DELEGATE.certificate,)),
    VerifyPolicy(max_age=timedelta(minutes=1)),
)
MOMENTS = (NOW, NOW + timedelta(hours=1), NOW + 30 * DAY, NOW - 400 * DAY)


@dataclass(frozen=True)
class Judgment:
    """One call of ``verify_response``."""

    response: bytes | OCSPResponse
    issuer: Certificate
    certificate: Certificate | None
    policy: VerifyPolicy
    now: datetime

    def report(self, known: KnownSignatures = NOTHING_KNOWN) -> Report:
        return verify_response(
            self.response,
            issuer=self.issuer,
            certificate=self.certificate,
            serial_number=LEAF.serial_number,
            now=self.now,
            policy=self.policy,
            known=known,
        )


@cache
def responses() -> tuple[bytes | OCSPResponse, ...]:
    """Honest ones, every lie, and such whose parts were taken from each other."""
    sibling = CA.issue_responder("sibling", nocheck=False)
    brief = CA.issue_responder("brief", not_after=NOW + timedelta(minutes=30))
    told = [
        honest(),
        honest().but(signer=CA.issued, certs=()),
        honest().but(signer=sibling),
        honest().but(signer=brief),
        honest().but(cert_status=Revoked(NOW - DAY)),
        Forge.honest(NAMESAKE, NAMESAKES_LEAF.serial_number),
        Forge.honest(NAMESAKE, NAMESAKES_LEAF.serial_number, DELEGATE),
        honest().but(signer=NAMESAKE.issue_responder()),
        honest().but(certs=(forged_certificate(DELEGATE),)),
    ]
    lies = [tell(honest()) for _, tell in LIES.values()]
    ders = [one.der for one in (*told, *lies)]
    return (*ders, *swapped([parse_response(der) for der in ders[:4]]))


def forged_certificate(delegate: Issued) -> bytes:
    """Flip a bit of the issuer's signature on a delegate."""
    der = delegate.certificate.der
    return der[:-1] + bytes((der[-1] ^ 1,))


def swapped(read: list[OCSPResponse]) -> list[OCSPResponse]:
    """Put the signature of each under the data of the next."""
    made = []
    for one, other in zip(read, [*read[1:], read[0]], strict=True):
        assert one.basic is not None
        assert other.basic is not None
        made.append(replace(one, basic=replace(one.basic, signature=other.basic.signature)))
    return made


judgments = st.builds(
    lambda response, issued, policy, now: Judgment(response, issued[0], issued[1], policy, now),
    st.deferred(lambda: st.sampled_from(responses())),
    st.sampled_from(ISSUED),
    st.sampled_from(POLICIES),
    st.sampled_from(MOMENTS),
)


@pytest.mark.rule("O21", "O22", "O23")
@given(
    st.lists(judgments, min_size=2, max_size=12),
    st.sampled_from(
        [{}, {"delegates": 1, "issued": 1, "answers": 1}, {"delegates": 2, "issued": 0}]
    ),
)
def test_a_memory_changes_no_report(sequence: list[Judgment], limits: dict[str, int]) -> None:
    memory = KnownSignatures(**limits)

    for judgment in sequence:
        assert judgment.report(memory) == judgment.report()


believable = st.builds(
    lambda place, policy, now: Judgment(responses()[place], CA.certificate, LEAF, policy, now),
    st.integers(0, 4),
    st.sampled_from(POLICIES),
    st.datetimes(
        (NOW - timedelta(minutes=10)).replace(tzinfo=None),
        (NOW + timedelta(hours=1)).replace(tzinfo=None),
        timezones=st.just(UTC),
    ),
)
LATER = st.timedeltas(timedelta(hours=-2), 8 * DAY)


@pytest.mark.rule("O19", "O25", "L10")
@given(judgments | believable, LATER)
def test_a_report_judged_again_says_what_judging_all_again_would(
    judgment: Judgment, later: timedelta
) -> None:
    report, now = judgment.report(), judgment.now + later

    again = judge_again(report, now=now, policy=judgment.policy)

    whole = replace(judgment, now=now).report()
    assert again == (None if report.verified is None or whole.verified is None else whole)
