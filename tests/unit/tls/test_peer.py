from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta

import pytest
from cryptography.x509 import TLSFeatureType, UnrecognizedExtension

from certstatus.asn1 import oids
from certstatus.errors import MalformedError
from certstatus.handshake import AlertDescription
from certstatus.ocsp import CertStatus, Good, Revoked, Unknown
from certstatus.pkix import Certificate
from certstatus.testing import LIES, Forge, Issued, TinyCA
from certstatus.tls.peer import (
    Demand,
    PeerStatus,
    StatusPolicy,
    judge_peer,
    judge_resumption,
    unreadable_peer,
)
from certstatus.verify import Outcome, Verdict, VerifyPolicy
from tests.courtroom import CA, DAY, LEAF, NOW, SECOND, honest

STATUS = TLSFeatureType.status_request
STATUS_V2 = TLSFeatureType.status_request_v2
MUST_STAPLE = CA.issue_server("must.example", tls_features=(STATUS,))


def staple_of(issued: Issued, ca: TinyCA = CA) -> bytes:
    return Forge.honest(ca, issued.certificate.serial_number).der


def judge(
    staples: Iterable[bytes | None],
    *,
    chain: Iterable[Certificate] = (LEAF, CA.certificate),
    demand: Demand = Demand.MUST_STAPLE,
    offered: frozenset[int] = frozenset({5}),
) -> PeerStatus:
    policy = StatusPolicy(demand=demand)
    return judge_peer(
        tuple(chain), tuple(staples), now=NOW, policy=policy, server_name="a", offered=offered
    )


def failed_rules(status: PeerStatus) -> list[str]:
    return [check.rule for check in status.failures]


@pytest.mark.rule("T4")
def test_a_good_staple_lets_the_handshake_go_on() -> None:
    status = judge([honest().der])

    assert status.is_accepted
    assert status.alert is None
    assert status.verdict is Verdict.GOOD
    assert str(status) == "a: good"
    assert not status.is_resumed
    assert repr(status.statuses[0].staple) not in repr(status.statuses[0])


@pytest.mark.rule("T4")
@pytest.mark.parametrize("name", [name for name in LIES if name != "wrong nonce"])
def test_every_lie_in_a_staple_ends_the_handshake_with_alert_113(name: str) -> None:
    """A nonce was not asked for, so a strange one proves nothing: all other lies are caught."""
    rule, tell = LIES[name]

    status = judge([tell(honest()).der], demand=Demand.IF_PRESENT)

    assert failed_rules(status) == ["T4"]
    assert status.alert is AlertDescription.BAD_CERTIFICATE_STATUS_RESPONSE
    assert int(status.alert) == 113
    assert status.report is not None
    assert rule in {check.rule for check in status.report.failures}


@pytest.mark.rule("T4")
@pytest.mark.parametrize(
    ("forge", "verdict"),
    [
        (honest().but(cert_status=Revoked(NOW - DAY)), Verdict.REVOKED),
        (honest().but(cert_status=Unknown()), Verdict.UNKNOWN),
    ],
    ids=["revoked", "unknown"],
)
def test_a_true_staple_that_is_not_good_ends_it_too(forge: Forge, verdict: Verdict) -> None:
    status = judge([forge.der], demand=Demand.IF_PRESENT)

    assert not status.is_accepted
    assert status.verdict is verdict


@pytest.mark.rule("T4")
def test_a_bad_staple_of_an_intermediate_ends_it_as_well() -> None:
    root = TinyCA("Root")
    middle = TinyCA("Middle", parent=root)
    leaf = middle.issue_server("leaf.example")
    chain = (leaf.certificate, middle.certificate, root.certificate)
    good = staple_of(leaf, middle)
    revoked = Forge.honest(root, middle.certificate.serial_number).but(
        cert_status=Revoked(NOW - DAY)
    )

    assert judge([good, None], chain=chain).is_accepted
    assert failed_rules(judge([good, revoked.der], chain=chain)) == ["T4"]


@pytest.mark.rule("T4")
def test_a_staple_whose_issuer_is_not_at_hand_is_not_believed() -> None:
    status = judge([honest().der], chain=[LEAF])

    assert status.verdict is Verdict.UNTRUSTED
    assert "no certificate of its issuer is at hand" in str(status)


@pytest.mark.rule("T4")
def test_a_staple_is_verified_by_the_policys_own_rules() -> None:
    strict = StatusPolicy(verify=VerifyPolicy(max_age=SECOND))
    forge = honest().but(this_update=NOW - DAY, next_update=NOW + DAY)

    assert judge_peer([LEAF, CA.certificate], [forge.der], now=NOW).is_accepted
    assert not judge_peer([LEAF, CA.certificate], [forge.der], now=NOW, policy=strict).is_accepted


@pytest.mark.rule("T4")
@pytest.mark.parametrize("of_the_delegate", [None, Good(), Revoked(NOW - DAY)])
def test_a_delegate_that_names_a_responder_is_believed_where_its_status_is_known(
    of_the_delegate: CertStatus | None,
) -> None:
    delegate = CA.issue_responder(nocheck=False, ocsp_uris=["http://ocsp.example/"])
    staple = honest().but(signer=delegate).der

    status = judge_peer(
        [LEAF, CA.certificate], [staple], now=NOW, delegate_status=lambda _: of_the_delegate
    )

    assert status.is_accepted is isinstance(of_the_delegate, Good)


def test_the_issuer_is_told_where_no_staple_came() -> None:
    leaf, top = judge([None]).statuses

    assert (leaf.issuer, top.issuer) == (CA.certificate, None)


def test_an_issuer_among_the_anchors_is_found() -> None:
    status = judge_peer([LEAF], [honest().der], now=NOW, anchors=[CA.certificate])

    assert status.verdict is Verdict.GOOD


@pytest.mark.rule("T10")
@pytest.mark.parametrize(
    ("demand", "is_accepted"),
    [(Demand.IF_PRESENT, True), (Demand.MUST_STAPLE, False), (Demand.ALWAYS, False)],
)
def test_a_promised_staple_that_does_not_come_makes_the_certificate_invalid(
    demand: Demand, is_accepted: bool
) -> None:
    status = judge([], chain=[MUST_STAPLE.certificate, CA.certificate], demand=demand)

    assert status.is_accepted is is_accepted
    assert status.statuses[0].is_must_staple
    (told,) = [check for check in status.checks if check.rule == "T10"]
    assert told.reason == "the certificate promises a staple, and none came"
    assert status.verdict is (None if is_accepted else Verdict.UNTRUSTED)


@pytest.mark.rule("T10")
def test_a_promise_binds_who_sets_nothing_else() -> None:
    chain = [MUST_STAPLE.certificate, CA.certificate]

    assert failed_rules(judge_peer(chain, [], now=NOW)) == ["T10"]


@pytest.mark.rule("T10")
def test_a_promise_that_is_kept_passes() -> None:
    status = judge([staple_of(MUST_STAPLE)], chain=[MUST_STAPLE.certificate, CA.certificate])

    assert status.is_accepted


@pytest.mark.rule("T10")
def test_a_feature_that_the_client_did_not_offer_binds_nobody() -> None:
    certificate = CA.issue_server("v2.example", tls_features=(STATUS_V2,)).certificate
    chain = (certificate, CA.certificate)

    assert judge([], chain=chain).is_accepted
    assert failed_rules(judge([], chain=chain, offered=frozenset({5, 17}))) == ["T10"]


@pytest.mark.rule("T10")
@pytest.mark.parametrize(
    ("of_the_leaf", "is_accepted"), [((), False), ((STATUS,), True), ((STATUS, STATUS_V2), True)]
)
def test_the_features_of_a_ca_bind_the_certificates_below_it(
    of_the_leaf: tuple[TLSFeatureType, ...], is_accepted: bool
) -> None:
    root = TinyCA("Root")
    ca = TinyCA("Strict CA", parent=root, tls_features=(STATUS,))
    leaf = ca.issue_server("leaf.example", tls_features=of_the_leaf)

    status = judge(
        [staple_of(leaf, ca)], chain=[leaf.certificate, ca.certificate, root.certificate]
    )

    assert status.is_accepted is is_accepted
    assert failed_rules(status) == ([] if is_accepted else ["T10"])
    assert status.verdict is (Verdict.GOOD if is_accepted else Verdict.UNTRUSTED)


@pytest.mark.rule("T10")
def test_a_broken_feature_list_is_refused() -> None:
    broken = UnrecognizedExtension(oids.ID_PE_TLS_FEATURE, b"\x02\x01\x05")
    leaf = CA.issue("leaf.example", extensions=[(broken, False)])

    status = judge([staple_of(leaf)], chain=[leaf.certificate, CA.certificate])

    assert failed_rules(status) == ["T10"]
    assert not status.statuses[0].is_must_staple


@pytest.mark.rule("T11")
@pytest.mark.parametrize("demand", Demand)
def test_without_a_staple_and_a_promise_only_the_firm_mode_ends_the_handshake(
    demand: Demand,
) -> None:
    status = judge([None], demand=demand)

    assert failed_rules(status) == (["T11"] if demand is Demand.ALWAYS else [])


@pytest.mark.rule("T11")
def test_the_firm_mode_is_content_with_a_good_staple() -> None:
    assert judge([honest().der], demand=Demand.ALWAYS).is_accepted


@pytest.mark.rule("T11")
def test_the_firm_mode_refuses_a_peer_that_shows_no_certificate() -> None:
    assert failed_rules(judge([], chain=[], demand=Demand.ALWAYS)) == ["T11"]


@pytest.mark.rule("T8")
def test_a_resumed_session_keeps_the_verdict_until_its_staple_ends() -> None:
    earlier = judge([honest().der])
    assert earlier.report is not None
    assert earlier.report.verified is not None
    end = earlier.report.verified.expires
    assert end is not None

    in_time = judge_resumption(earlier, now=end)
    late = judge_resumption(earlier, now=end + SECOND)

    assert in_time.is_accepted
    assert in_time.is_resumed
    assert in_time.verdict is Verdict.GOOD
    assert failed_rules(late) == ["T8"]
    assert "a full handshake is due" in str(late)


@pytest.mark.rule("T8")
def test_a_resumed_session_of_a_refused_handshake_is_refused() -> None:
    earlier = judge([honest().but(cert_status=Revoked(NOW - DAY)).der])

    again = judge_resumption(earlier, now=NOW)

    assert failed_rules(again) == ["T8"]
    assert again.verdict is Verdict.REVOKED


@pytest.mark.rule("T8")
@pytest.mark.parametrize("demand", Demand)
def test_a_resumed_session_that_nobody_judged_passes_only_where_nothing_is_demanded(
    demand: Demand,
) -> None:
    status = judge_resumption(None, now=NOW, policy=StatusPolicy(demand=demand))

    lenient = demand is Demand.IF_PRESENT
    assert status.is_accepted is lenient
    assert status.is_resumed
    (told,) = status.checks
    assert (told.rule, told.outcome) == ("T8", Outcome.SKIP if lenient else Outcome.FAIL)


@pytest.mark.rule("T8")
def test_a_resumed_session_without_a_staple_before_has_none_now() -> None:
    status = judge_resumption(judge([None]), now=NOW + timedelta(days=365))

    assert status.is_accepted
    assert status.checks[0].outcome is Outcome.SKIP


def told(status: PeerStatus) -> list[str]:
    return [f"{one.rule} {one.outcome} {one.name}" for one in status.checks]


def test_all_that_is_judged_is_told_whether_it_holds_or_not() -> None:
    must = (MUST_STAPLE.certificate, CA.certificate)
    kept = judge([staple_of(MUST_STAPLE)], chain=must, demand=Demand.ALWAYS)
    broken = judge([], chain=must, demand=Demand.ALWAYS)
    lenient = judge([], chain=must, demand=Demand.IF_PRESENT)

    assert told(kept) == ["T4 pass staple", "T10 pass must-staple", "T11 pass staple demanded"]
    assert told(broken) == ["T10 fail must-staple", "T11 fail staple demanded"]
    assert told(lenient) == ["T10 skip must-staple"]
    assert told(judge([honest().der])) == ["T4 pass staple", "T10 skip must-staple"]
    assert told(judge_resumption(kept, now=NOW)) == ["T8 pass earlier verdict"]
    assert told(judge_resumption(lenient, now=NOW)) == ["T8 skip earlier verdict"]


def test_a_staples_verdict_is_a_fact_for_programs() -> None:
    revoked = judge([honest().but(cert_status=Revoked(NOW - DAY)).der])

    assert judge([honest().der]).checks[0].facts == {"verdict": "good"}
    assert revoked.checks[0].facts == {"verdict": "revoked"}


def test_a_staple_without_an_issuer_says_which_rule_it_breaks() -> None:
    report = judge([honest().der], chain=[LEAF]).report

    assert report is not None
    assert [(one.rule, one.name) for one in report.failures] == [("O22", "certificate and issuer")]


def test_who_lacks_the_features_of_the_ca_is_named() -> None:
    root = TinyCA("Root")
    ca = TinyCA("Strict CA", parent=root, tls_features=(STATUS,))
    leaf = ca.issue_server("leaf.example")

    status = judge(
        [staple_of(leaf, ca)], chain=[leaf.certificate, ca.certificate, root.certificate]
    )

    (failed,) = status.failures
    assert failed.reason == (
        f"{ca.certificate.subject} lists feature 5, {leaf.certificate.subject} does not"
    )


def test_certificates_that_cannot_be_read_are_refused() -> None:
    status = unreadable_peer(MalformedError("is cut short", where="Certificate"), now=NOW)

    assert not status.is_accepted
    assert status.certificate is None
    assert status.report is None
    assert str(status) == "the peer: can't be read: Certificate: is cut short [T4]"


def test_more_staples_than_certificates_are_not_looked_at() -> None:
    assert len(judge([honest().der, None, b"junk"]).statuses) == 2


def test_a_status_is_a_value() -> None:
    status = judge([honest().der])

    assert replace(status) == status
