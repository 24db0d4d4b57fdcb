"""One key that several CAs certified signs for all of them; several signers take turns."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from certstatus.limits_signers import SETTLING_TIME
from certstatus.ocsp import CertID, Good
from certstatus.pkix import Certificate
from certstatus.responder import Authority, Cause, Reply, Responder, ResponderIDForm
from certstatus.signing import last_moment
from certstatus.testing import Issued, TinyCA, generate_key
from certstatus.verify import Verdict, verify_response
from tests.desk import (
    CA,
    DAY,
    NOW,
    REVOKED,
    authority,
    basic,
    known,
    request,
    respond,
    signers,
    single,
)

SECOND = timedelta(seconds=1)
KEY = generate_key()
CAS = [TinyCA(f"CA {number}") for number in range(1, 4)]
LEAVES = [ca.issue_server().certificate for ca in CAS]
FIRST, SECOND_CA, LAST = CAS


def delegate(ca: TinyCA, name: str = "Shared responder", end: timedelta = 30 * DAY) -> Issued:
    return ca.issue_responder(name, key=KEY, not_after=NOW + end)


def served(ca: TinyCA, *issued: Issued, **policy: Any) -> Authority:
    answer = known(REVOKED if ca is SECOND_CA else Good())
    team = [one for each in issued for one in signers(each, ca)]
    return authority(answer, ca=ca, by=team, **policy)


def asked(*cas: TinyCA) -> bytes:
    return request(*(CertID.of(ca.certificate, _leaf(ca).serial_number) for ca in cas))


def _leaf(ca: TinyCA) -> Certificate:
    return LEAVES[CAS.index(ca)]


@pytest.mark.rule("O15", "O16", "O22", "O23")
def test_one_shared_key_answers_a_request_across_cas() -> None:
    everyone = [delegate(ca) for ca in CAS]
    responder = Responder(served(ca, one) for ca, one in zip(CAS, everyone, strict=True))
    reply = respond(responder, asked(*CAS))

    found = basic(reply)
    assert found.certs == tuple(one.certificate.der for one in everyone)
    assert len(found.tbs_response_data.responses) == 3
    for ca, verdict in ((FIRST, Verdict.GOOD), (SECOND_CA, Verdict.REVOKED), (LAST, Verdict.GOOD)):
        report = verify_response(reply.der, issuer=ca.certificate, certificate=_leaf(ca), now=NOW)
        assert (report.verdict, report.failures) == (verdict, ())


@pytest.mark.rule("O19")
def test_no_answer_outlives_any_certificate_that_goes_along() -> None:
    ends = [3 * DAY, 2 * DAY]
    pair = [
        served(ca, delegate(ca, end=end)) for ca, end in zip((FIRST, SECOND_CA), ends, strict=True)
    ]
    across = basic(respond(Responder(pair), asked(FIRST, SECOND_CA)))
    alone = single(respond(Responder(pair), asked(FIRST)))

    assert [one.next_update for one in across.tbs_response_data.responses] == [NOW + 2 * DAY] * 2
    assert alone.next_update == NOW + 3 * DAY


@pytest.mark.rule("O22")
def test_another_key_speaks_for_nobody_else() -> None:
    other = served(SECOND_CA, SECOND_CA.issue_responder())
    reply = respond(Responder([served(FIRST, delegate(FIRST)), other]), asked(FIRST, SECOND_CA))

    assert reply.cause is Cause.NO_COMMON_SIGNER


@pytest.mark.rule("O16")
def test_by_name_the_certificates_must_bear_one_name() -> None:
    def across(second: str) -> Reply:
        pair = [
            served(ca, delegate(ca, name), responder_id=ResponderIDForm.BY_NAME)
            for ca, name in ((FIRST, "Shared responder"), (SECOND_CA, second))
        ]
        return respond(Responder(pair), asked(FIRST, SECOND_CA))

    same = across("Shared responder")
    for ca in (FIRST, SECOND_CA):
        report = verify_response(same.der, issuer=ca.certificate, certificate=_leaf(ca), now=NOW)
        assert report.verified is not None
    assert across("Another name").cause is Cause.NO_COMMON_SIGNER


@pytest.mark.rule("O18", "O22")
def test_a_cas_own_key_may_be_anothers_delegate() -> None:
    both = SECOND_CA.issue_responder("FIRST as a delegate", key=FIRST.key)
    pair = [served(FIRST, FIRST.issued), served(SECOND_CA, both)]
    reply = respond(Responder(pair), asked(FIRST, SECOND_CA))

    assert basic(reply).certs == (both.certificate.der,)
    for ca in (FIRST, SECOND_CA):
        report = verify_response(reply.der, issuer=ca.certificate, certificate=_leaf(ca), now=NOW)
        assert report.verified is not None, report.failures


def test_of_two_certificates_for_the_shared_key_the_fuller_one_goes_along() -> None:
    old, new = delegate(SECOND_CA, end=DAY), delegate(SECOND_CA, end=40 * DAY)
    pair = [served(FIRST, delegate(FIRST)), served(SECOND_CA, old, new)]
    found = basic(respond(Responder(pair), asked(FIRST, SECOND_CA)))

    assert new.certificate.der in found.certs
    assert old.certificate.der not in found.certs


# --- one CA, several signers ---------------------------------------------------------------


@pytest.mark.rule("O19")
def test_answers_pass_from_signer_to_signer_without_a_gap_or_an_end_too_far() -> None:
    old = CA.issue_responder(not_after=NOW + 10 * DAY)
    new = CA.issue_responder(not_before=NOW + 4 * DAY, not_after=NOW + 20 * DAY)
    always = authority(lambda _, now: known(this_update=now), by=[*signers(old), *signers(new)])
    responder = Responder([always])
    switch = NOW + 4 * DAY + SETTLING_TIME
    seen = {}
    for hours in range(0, 20 * 24, 7):
        now = NOW + timedelta(hours=hours)
        found = basic(respond(responder, now=now))
        (one,) = found.tbs_response_data.responses
        seen[now] = found.certs
        signer = signers(old if now < switch else new)[0]

        assert one.next_update is not None
        assert now < one.next_update <= last_moment(signer, CA.certificate)
    assert {certs for now, certs in seen.items() if now < switch} == {(old.certificate.der,)}
    assert {certs for now, certs in seen.items() if now >= switch} == {(new.certificate.der,)}


def test_a_remembered_answer_of_the_old_signer_is_not_given_after_the_rotation() -> None:
    old = CA.issue_responder(not_after=NOW + 10 * DAY)
    new = CA.issue_responder(not_before=NOW, not_after=NOW + 20 * DAY)
    responder = Responder([authority(by=[*signers(old), *signers(new)])])

    before = respond(responder, now=NOW + SETTLING_TIME - SECOND)
    again = respond(responder, now=NOW + SETTLING_TIME)

    assert basic(before).certs == (old.certificate.der,)
    assert basic(again).certs == (new.certificate.der,)
