"""Each line of RFC 5055 §9, broken by itself: the check of its name fails, and no other (S22)."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from cryptography.x509 import ObjectIdentifier

from certstatus.asn1 import oids
from certstatus.cms import encode_content_info, sign_content
from certstatus.delegated import (
    DelegatedReply,
    DelegatedVerdict,
    ReplyPolicy,
    ServerTrust,
    SignerPath,
    Wishes,
)
from certstatus.errors import MalformedError, RefusedError, UntrustedError
from certstatus.limits_scvp import MAX_REPLY_AGE, SCVP_SKEW
from certstatus.ocsp import Extension, Extensions
from certstatus.pkix import AlgorithmIdentifier
from certstatus.scvp import (
    CertBundle,
    Check,
    CVResponse,
    CVStatusCode,
    FullRequest,
    HashValue,
    PKCReference,
    PublicKeyInfo,
    ReplyCheck,
    ReplyStatus,
    ReplyWantBack,
    ResponseStatus,
    RevInfoWantBack,
    RevocationInfo,
    RevocationStatus,
    ValidationError,
    ValidationPolicy,
    ValidationPolRef,
    WantBack,
    encode_cv_response,
)
from certstatus.signing import make_signers
from certstatus.verify import Outcome
from tests.scvp_server import (
    CA,
    CLIENT,
    DPD,
    DPV,
    LEAF,
    NONCE,
    NOW,
    OTHER,
    PINNED,
    PROOF,
    ROOT,
    SERVER,
    SERVER_CA,
    SIGNER,
    asked,
    bare,
    good_reply,
    good_response,
    judged,
    signed,
    signer_of,
    want_back,
)

CRITICAL = Extensions((Extension(ObjectIdentifier("1.2.3.4"), critical=True, value=b"\x05\x00"),))
HARMLESS = Extensions((Extension(ObjectIdentifier("1.2.3.4"), critical=False, value=b"\x05\x00"),))
MINUTE = timedelta(minutes=1)
PRIVATE = ObjectIdentifier("1.2.3.4.5")
EVERY_PROFILE = pytest.mark.parametrize("wishes", [DPD, DPV, PROOF], ids=lambda one: one.profile)


def changed(wishes: Wishes = DPV, **changes: Any) -> tuple[str, ...]:
    """Judge a good response with these fields changed; return the names of what fails."""
    question = asked(wishes)
    response = replace(good_response(question.request), **changes)
    report = judged(signed(response), question)
    assert (report.verdict is DelegatedVerdict.UNTRUSTED) == bool(report.failures)
    return tuple(check.name for check in report.failures)


def changed_reply(wishes: Wishes = DPV, **changes: Any) -> tuple[str, ...]:
    """As ``changed``, in the one CertReply."""
    request = asked(wishes).request
    return changed(wishes, reply_objects=(replace(good_reply(request), **changes),))


@EVERY_PROFILE
@pytest.mark.rule("S22")
def test_a_good_reply_is_believed(wishes: Wishes) -> None:
    question = asked(wishes)
    report = judged(signed(good_response(question.request)), question)
    assert report.failures == ()
    assert report.verdict is DelegatedVerdict.GOOD
    (reply,) = report.require()
    assert reply.certificate == LEAF
    assert report.pending is None


@pytest.mark.rule("S22")
@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"cv_response_version": 2}, "reply version"),
        ({"cv_response_extensions": CRITICAL}, "extensions"),
        ({"produced_at": NOW + SCVP_SKEW + MINUTE}, "producedAt"),
        ({"resp_nonce": b"another"}, "nonce"),
        ({"resp_nonce": None}, "nonce"),
        (
            {"request_ref": HashValue(bytes(32), AlgorithmIdentifier(oids.ID_SHA256))},
            "request reference",
        ),
        ({"request_ref": HashValue(bytes(20))}, "request reference"),
        ({"request_ref": HashValue(bytes(32), AlgorithmIdentifier(PRIVATE))}, "request reference"),
        ({"resp_validation_policy": None}, "policy"),
        ({"requestor_text": "another"}, "requestor text"),
    ],
    ids=[
        *("version", "critical extension", "future", "another nonce", "no nonce", "another hash"),
        *("another SHA-1 hash", "hash by an unknown algorithm", "no policy", "another text"),
    ],
)
def test_each_field_of_the_reply_is_held_against_the_request(
    changes: dict[str, Any], name: str
) -> None:
    assert changed(Wishes(requestor_text="ours"), **changes) == (name,)


@pytest.mark.rule("S22")
@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"cert": PKCReference.by_value(OTHER)}, "certificates"),
        ({"reply_checks": ()}, "checks"),
        ({"reply_checks": (ReplyCheck(Check.BUILD_PKC_PATH.oid),)}, "checks"),
        ({"reply_val_time": NOW + SCVP_SKEW + MINUTE}, "validation time"),
        ({"reply_val_time": NOW - SCVP_SKEW - MINUTE}, "validation time"),
        ({"next_update": NOW - SCVP_SKEW - MINUTE}, "next update"),
        ({"cert_reply_extensions": CRITICAL}, "extensions"),
        ({"reply_want_backs": ()}, "wantBacks"),
    ],
    ids=[
        *("certificate", "no check", "another check", "time to come", "time gone by"),
        *("stale", "critical extension", "no wantBacks"),
    ],
)
def test_each_field_about_a_certificate_is_held_against_the_request(
    changes: dict[str, Any], name: str
) -> None:
    assert changed_reply(PROOF, **changes) == (name,)


@pytest.mark.rule("S22")
def test_extensions_that_are_not_critical_and_checks_nobody_asked_for_do_no_harm() -> None:
    question = asked()
    reply = good_reply(question.request)
    checks = (*reply.reply_checks, ReplyCheck(PRIVATE, 1), ReplyCheck(Check.BUILD_PKC_PATH.oid, 1))
    reply = replace(reply, reply_checks=checks, cert_reply_extensions=HARMLESS)
    response = replace(good_response(question.request, reply), cv_response_extensions=HARMLESS)
    report = judged(signed(response), question)
    assert report.verdict is DelegatedVerdict.GOOD
    assert sum("was not asked for (S22)" in one.text for one in report.findings) == 2


@pytest.mark.rule("S22")
def test_a_check_told_twice_counts_as_the_worse() -> None:
    question = asked()
    (check,) = question.request.query.checks
    reply = replace(
        good_reply(question.request), reply_checks=(ReplyCheck(check), ReplyCheck(check, 1))
    )
    report = judged(signed(good_response(question.request, reply)), question)
    assert report.verdict is DelegatedVerdict.INVALID


@pytest.mark.rule("S22")
def test_a_later_reply_must_not_be_an_old_one_without_a_nonce() -> None:
    question = asked(Wishes(allow_cached=True), nonce=None)
    good = good_response(question.request)
    assert judged(signed(good), question).verdict is DelegatedVerdict.GOOD
    old = NOW - MAX_REPLY_AGE - SCVP_SKEW - MINUTE
    reply = replace(good_reply(question.request), reply_val_time=old)
    aged = replace(good, produced_at=old, reply_objects=(reply,))
    assert [one.name for one in judged(signed(aged), question).failures] == ["producedAt"]


# --- what binds it (S13, S14) -------------------------------------------------------------------


@pytest.mark.rule("S13")
def test_the_nonce_alone_binds_a_reply_as_the_hash_does() -> None:
    question = asked()
    response = replace(good_response(question.request), request_ref=None)
    report = judged(signed(response), question)
    assert report.verdict is DelegatedVerdict.GOOD
    assert report.check("binding").reason == "to our request, by nonce"


@pytest.mark.rule("S13")
def test_a_cached_reply_needs_neither_and_is_taken_only_where_one_will_do() -> None:
    cached = {"resp_nonce": None, "request_ref": None, "requestor_text": None}
    wishes = Wishes(allow_cached=True, requestor_text="ours")
    assert changed(wishes, **cached) == ()
    assert changed(replace(wishes, allow_cached=False), **cached) == (
        *("nonce", "binding", "requestor text"),
    )


@pytest.mark.rule("S13")
def test_a_nonce_that_was_replayed_is_refused() -> None:
    before = asked(nonce=b"before")
    replayed = signed(good_response(before.request))
    failed = [one.name for one in judged(replayed, asked()).failures]
    assert failed == ["nonce", "request reference", "binding"]


@pytest.mark.rule("S14")
def test_the_whole_request_must_be_ours_and_there_where_it_was_asked_for() -> None:
    question = asked(PROOF)
    other = asked(PROOF, nonce=b"other").request.der
    assert changed(PROOF, request_ref=FullRequest(other)) == ("request reference",)
    by_hash = HashValue(b"", AlgorithmIdentifier(oids.ID_SHA256))
    assert changed(PROOF, request_ref=by_hash) == ("request reference",)
    assert changed(DPV, request_ref=FullRequest(asked().request.der)) == ()
    assert question.request.query.response_flags.full_request_in_response


@pytest.mark.rule("S14")
def test_replies_come_for_each_certificate_in_the_order_asked() -> None:
    question = asked(certificates=(LEAF, OTHER, CA.certificate))
    replies = [good_reply(question.request, place) for place in range(3)]
    good = judged(signed(good_response(question.request, *replies)), question)
    assert [one.certificate for one in good.require()] == [LEAF, OTHER, CA.certificate]
    swapped = judged(signed(good_response(question.request, *replies[::-1])), question)
    assert [one.name for one in swapped.failures] == ["certificates"]
    assert "certificate 1 (CN=leaf.example)" in swapped.check("certificates").reason
    few = judged(signed(good_response(question.request, *replies[:2])), question)
    assert [one.name for one in few.failures] == ["replies"]
    many = judged(signed(good_response(question.request, *replies, replies[0])), question)
    assert [one.name for one in many.failures] == ["replies"]


# --- the policy ---------------------------------------------------------------------------------


OURS = ValidationPolRef(ObjectIdentifier("1.3.6.1.4.1.1.1"))
THEIRS = ValidationPolRef(ObjectIdentifier("1.3.6.1.4.1.1.2"))
WHOLE = ValidationPolicy(
    validation_pol_ref=OURS,
    user_policy_set=(ObjectIdentifier("1.2.3"), ObjectIdentifier("1.2.4")),
    inhibit_policy_mapping=True,
    require_explicit_policy=True,
    inhibit_any_policy=True,
    trust_anchors=(PKCReference.by_value(ROOT.certificate),),
    key_usages=(0x8000,),
    extended_key_usages=(oids.ID_KP_SERVER_AUTH,),
    specified_key_usages=(oids.ID_KP_SERVER_AUTH,),
)


@pytest.mark.rule("S22")
@pytest.mark.parametrize(
    "change",
    [
        {"validation_pol_ref": THEIRS},
        {"validation_pol_ref": replace(OURS, val_pol_params=b"\x05\x00")},
        {"user_policy_set": (ObjectIdentifier("1.2.3"),)},
        {"inhibit_policy_mapping": False},
        {"require_explicit_policy": False},
        {"inhibit_any_policy": False},
        {"trust_anchors": (PKCReference.by_value(CA.certificate),)},
        {
            "trust_anchors": (
                PKCReference.by_value(ROOT.certificate),
                PKCReference.by_value(CA.certificate),
            )
        },
        {"key_usages": (0x4000,)},
        {"extended_key_usages": ()},
        {"specified_key_usages": (oids.ID_KP_SCVP_SERVER,)},
    ],
    ids=lambda one: next(iter(one)),
)
def test_another_policy_than_was_asked_for_is_refused(change: dict[str, Any]) -> None:
    wishes = Wishes(validation_policy=WHOLE)
    assert changed(wishes, resp_validation_policy=WHOLE) == ()
    assert changed(wishes, resp_validation_policy=replace(WHOLE, **change)) == ("policy",)


@pytest.mark.rule("S22")
def test_a_policy_by_reference_may_leave_out_what_is_as_it_says() -> None:
    by_reference = ValidationPolicy(validation_pol_ref=OURS)
    wishes = Wishes(validation_policy=WHOLE)
    assert changed(wishes, resp_validation_policy=by_reference) == ()
    in_full = replace(PROOF, validation_policy=WHOLE)
    assert changed(in_full, resp_validation_policy=by_reference) == ("policy",)
    for lacking in (replace(WHOLE, key_usages=None), replace(WHOLE, inhibit_any_policy=None)):
        assert changed(in_full, resp_validation_policy=lacking) == ("policy",)
    assert changed(in_full, resp_validation_policy=replace(WHOLE, trust_anchors=())) == ("policy",)
    shuffled = replace(WHOLE, user_policy_set=WHOLE.user_policy_set[::-1])
    assert changed(wishes, resp_validation_policy=shuffled) == ()


@pytest.mark.rule("D1", "S22")
def test_which_policy_is_the_default_is_for_the_server_to_name() -> None:
    named = ValidationPolicy(validation_pol_ref=THEIRS)
    question = asked()
    response = replace(good_response(question.request), resp_validation_policy=named)
    report = judged(signed(response), question)
    assert report.verdict is DelegatedVerdict.GOOD
    assert report.check("policy").reason == "1.3.6.1.4.1.1.2"


@pytest.mark.rule("S10")
def test_anchors_may_be_echoed_by_reference() -> None:
    wishes = Wishes(anchors=(ROOT.certificate,))
    for anchor, fails in ((ROOT.certificate, ()), (CA.certificate, ("policy",))):
        used = ValidationPolicy(trust_anchors=(PKCReference.by_reference(anchor),))
        assert changed(wishes, resp_validation_policy=used) == fails


# --- the time (S12) -----------------------------------------------------------------------------


@pytest.mark.rule("S12", "S22")
@pytest.mark.parametrize(
    ("asked_for", "told", "fails"),
    [
        (timedelta(days=-30), timedelta(days=-30), ()),
        (timedelta(days=-30), timedelta(0), ("validation time",)),
        (timedelta(days=-30), timedelta(days=-31), ("validation time",)),
        (timedelta(minutes=-9), timedelta(0), ()),
        (timedelta(minutes=-9), timedelta(minutes=-9), ()),
        (timedelta(minutes=-11), timedelta(0), ("validation time",)),
    ],
    ids=["then", "now", "earlier", "within the skew", "within the skew, heeded", "past the skew"],
)
def test_a_reply_is_about_the_time_that_was_asked_for(
    asked_for: timedelta, told: timedelta, fails: tuple[str, ...]
) -> None:
    wishes = Wishes(validation_time=NOW + asked_for)
    assert changed_reply(wishes, reply_val_time=NOW + told) == fails


# --- what came back (S15, S10) ------------------------------------------------------------------


@pytest.mark.rule("S22")
@pytest.mark.parametrize(
    ("value", "words"),
    [
        (CertBundle((OTHER.der, CA.certificate.der)), "does not begin with the certificate"),
        (CertBundle((LEAF.der, ROOT.certificate.der)), "breaks at CN=leaf.example"),
        (CertBundle((LEAF.der,)), "none of the anchors issued"),
        (CertBundle((LEAF.der, CA.certificate.der, ROOT.certificate.der)), "holds a trust anchor"),
        (CertBundle((LEAF.der, b"\x30\x00")), "CertBundle"),
    ],
    ids=["another's", "broken", "ends early", "with the anchor", "no certificate"],
)
def test_a_path_must_lead_from_the_certificate_to_an_anchor(value: CertBundle, words: str) -> None:
    question = asked(replace(DPD, anchors=(ROOT.certificate,)))
    sent = want_back(WantBack.PKC_BEST_CERT_PATH, value)
    reply = replace(good_reply(question.request), reply_want_backs=(sent,))
    report = judged(bare(good_response(question.request, reply)), question)
    assert [one.name for one in report.failures] == ["wantBacks"]
    assert words in report.check("wantBacks").reason


@pytest.mark.rule("S22")
@pytest.mark.parametrize(
    ("wanted", "sent"),
    [
        (
            WantBack.PKC_REVOCATION_INFO,
            want_back(
                WantBack.PKC_REVOCATION_INFO, RevInfoWantBack((RevocationInfo.crl(b"\x30\x00"),))
            ),
        ),
        (
            WantBack.PKC_REVOCATION_INFO,
            want_back(
                WantBack.PKC_REVOCATION_INFO, RevInfoWantBack((RevocationInfo.ocsp(b"\x30\x00"),))
            ),
        ),
        (
            WantBack.PKC_PUBLIC_KEY_INFO,
            want_back(WantBack.PKC_PUBLIC_KEY_INFO, PublicKeyInfo(OTHER.spki_der)),
        ),
        (WantBack.PKC_ALL_CERT_PATHS, ReplyWantBack(WantBack.PKC_ALL_CERT_PATHS.oid, b"\x30\x00")),
        (WantBack.PKC_ALL_CERT_PATHS, ReplyWantBack(WantBack.PKC_BEST_CERT_PATH.oid, b"")),
    ],
    ids=["broken CRL", "broken response", "another key", "no paths", "another wantBack"],
)
def test_what_was_wanted_back_must_be_there_and_whole(
    wanted: WantBack, sent: ReplyWantBack
) -> None:
    wishes = Wishes(want_backs=(wanted,))
    assert changed_reply(wishes) == ()
    assert changed_reply(wishes, reply_want_backs=(sent,)) == ("wantBacks",)


@pytest.mark.rule("S22")
def test_a_certificate_named_by_reference_comes_back_whole_where_it_was_wanted() -> None:
    wishes = Wishes(by_reference=True, want_backs=(WantBack.PKC_CERT,))
    assert changed_reply(wishes) == ("certificates",)
    assert changed_reply(wishes, cert=PKCReference.by_value(LEAF)) == ()
    assert changed_reply(Wishes(by_reference=True)) == ()


@pytest.mark.rule("S15", "S22")
def test_a_failure_brings_nothing_back() -> None:
    failed = {"reply_status": ReplyStatus.CERT_PATH_NOT_VALID}
    assert changed_reply(PROOF, **failed) == ("wantBacks",)
    assert changed_reply(PROOF, **failed, reply_want_backs=()) == ()


# --- the verdict --------------------------------------------------------------------------------

OFF_LINE = RevocationStatus.REVOCATION_OFF_LINE
GONE = (ValidationError.REVOKED.oid,)


@pytest.mark.rule("S22")
@pytest.mark.parametrize(
    ("status", "check", "errors", "verdict"),
    [
        (ReplyStatus.SUCCESS, 0, (), "good"),
        (ReplyStatus.SUCCESS, 1, (), "invalid"),
        (ReplyStatus.SUCCESS, OFF_LINE, (), "unknown"),
        (ReplyStatus.MALFORMED_PKC, None, (), "invalid"),
        (ReplyStatus.UNAVAILABLE_VALIDATION_TIME, None, (), "unknown"),
        (ReplyStatus.REFERENCE_CERT_HASH_FAIL, None, (), "unknown"),
        (ReplyStatus.CERT_PATH_CONSTRUCT_FAIL, 1, (), "invalid"),
        (ReplyStatus.CERT_PATH_NOT_VALID, 1, (), "invalid"),
        (ReplyStatus.CERT_PATH_NOT_VALID, 1, GONE, "revoked"),
        (ReplyStatus.CERT_PATH_NOT_VALID_NOW, 1, (), "invalid"),
        (ReplyStatus.CERT_PATH_NOT_VALID_NOW, 1, GONE, "revoked"),
        (ReplyStatus.CERT_PATH_NOT_VALID_NOW, OFF_LINE, (), "unknown"),
        (
            ReplyStatus.CERT_PATH_NOT_VALID_NOW,
            RevocationStatus.REVOCATION_UNAVAILABLE,
            (),
            "unknown",
        ),
        (
            ReplyStatus.CERT_PATH_NOT_VALID,
            RevocationStatus.REVOCATION_SOURCE_UNKNOWN,
            (),
            "unknown",
        ),
        (ReplyStatus.WANT_BACK_UNSATISFIED, 0, (), "unknown"),
        (99, 0, (), "invalid"),
        (ReplyStatus.SUCCESS, 99, (), "invalid"),
    ],
    ids=str,
)
def test_a_verdict_rests_on_status_and_checks(
    status: int, check: int | None, errors: tuple[ObjectIdentifier, ...], verdict: str
) -> None:
    question = asked()
    (oid,) = question.request.query.checks
    reply = replace(
        good_reply(question.request),
        reply_status=status,
        reply_checks=() if check is None else (ReplyCheck(oid, check),),
        validation_errors=errors,
    )
    (found,) = judged(signed(good_response(question.request, reply)), question).require()
    assert found.verdict == verdict
    assert (found.reason == "") is False


def test_a_failure_is_told_in_the_words_of_the_standard() -> None:
    question = asked()
    (oid,) = question.request.query.checks
    reply = replace(
        good_reply(question.request),
        reply_status=ReplyStatus.CERT_PATH_NOT_VALID,
        reply_checks=(ReplyCheck(oid, 1),),
        validation_errors=(ValidationError.EXPIRED.oid,),
    )
    (found,) = judged(signed(good_response(question.request, reply)), question).require()
    assert found.reason == (
        "certPathNotValid; id-stc-build-status-checked-pkc-path: not valid; id-bvae-expired"
    )


def test_of_several_certificates_the_worst_counts() -> None:
    question = asked(certificates=(LEAF, OTHER))
    good, other = (good_reply(question.request, place) for place in range(2))
    bad = replace(other, reply_status=ReplyStatus.CERT_PATH_NOT_VALID, validation_errors=GONE)
    report = judged(signed(good_response(question.request, good, bad)), question)
    assert [one.verdict for one in report.require()] == ["good", "revoked"]
    assert report.verdict is DelegatedVerdict.REVOKED


def test_nobody_else_makes_a_reply_to_be_believed() -> None:
    with pytest.raises(TypeError, match=r"only certstatus\.delegated"):
        DelegatedReply(
            certificate=LEAF,
            verdict=DelegatedVerdict.GOOD,
            reason="",
            reply=good_reply(asked().request),
            seal=object(),
        )


# --- error statuses -----------------------------------------------------------------------------


@EVERY_PROFILE
@pytest.mark.parametrize(
    "code", [one for one in CVStatusCode if one >= CVStatusCode.TOO_BUSY], ids=str
)
def test_an_error_status_says_nothing_of_the_certificate(
    wishes: Wishes, code: CVStatusCode
) -> None:
    question = asked(wishes)
    response = CVResponse(
        server_configuration_id=1,
        produced_at=NOW,
        response_status=ResponseStatus(code, "in words"),
    )
    for octets in (bare(response), signed(response)):
        report = judged(octets, question)
        assert report.verdict is DelegatedVerdict.REFUSED
        assert report.replies == ()
        assert report.is_busy is (code is CVStatusCode.TOO_BUSY)
        with pytest.raises(RefusedError, match=f"{code.label}: in words"):
            report.require()


def test_a_status_without_a_name_is_an_error_by_its_number() -> None:
    response = replace(good_response(asked().request), response_status=ResponseStatus(99))
    report = judged(signed(response), asked())
    assert report.check("response status").reason.startswith("status 99,")


def test_a_server_that_passed_over_something_is_believed_and_told_of() -> None:
    question = asked()
    response = replace(good_response(question.request), response_status=ResponseStatus(1))
    report = judged(signed(response), question)
    assert report.verdict is DelegatedVerdict.GOOD
    assert any("passed over" in one.text for one in report.findings)


# --- who says so (S2 to S4) ---------------------------------------------------------------------


@pytest.mark.rule("S4", "S22")
def test_a_reply_that_is_not_signed_is_believed_only_where_that_was_asked_for() -> None:
    dpd, dpv = asked(DPD), asked()
    assert judged(bare(good_response(dpd.request)), dpd).verdict is DelegatedVerdict.GOOD
    report = judged(bare(good_response(dpv.request)), dpv, is_secure=True)
    assert [one.name for one in report.failures] == ["protection"]


@pytest.mark.rule("S4", "S22")
@pytest.mark.parametrize("is_secure", [True, False], ids=["TLS", "plain"])
@pytest.mark.parametrize("is_allowed", [True, False], ids=["allowed", "not allowed"])
def test_an_unsigned_validation_takes_tls_and_leave(is_secure: bool, is_allowed: bool) -> None:
    question = asked(Wishes(is_protected=False))
    policy = replace(PINNED, accept_unprotected=is_allowed)
    octets = bare(good_response(question.request))
    report = judged(octets, question, policy=policy, is_secure=is_secure)
    assert (report.verdict is DelegatedVerdict.GOOD) is (is_secure and is_allowed)


@pytest.mark.rule("S22")
def test_a_signature_that_does_not_hold_is_refused_even_where_none_was_asked_for() -> None:
    for wishes in (DPD, DPV):
        question = asked(wishes)
        octets = signed(good_response(question.request))
        report = judged(octets[:-1] + bytes((octets[-1] ^ 1,)), question)
        assert [one.name for one in report.failures] == ["signature"]


@pytest.mark.rule("S22")
def test_content_that_was_changed_after_it_was_signed_is_refused() -> None:
    question = asked()
    octets = signed(good_response(question.request))
    changed_octets = octets.replace(NONCE, b"another nonce of the same length"[:32])
    assert changed_octets != octets
    report = judged(changed_octets, question)
    assert "message-digest attribute" in [one.name for one in report.failures]


@pytest.mark.rule("S3", "S22")
def test_a_signer_for_another_purpose_is_refused() -> None:
    question = asked()
    signer = make_signers(CLIENT.key, CLIENT.certificate, issuer=None)[0]
    policy = ReplyPolicy(trust=ServerTrust(pinned=(CLIENT.certificate,)))
    report = judged(signed(good_response(question.request), signer), question, policy=policy)
    assert [one.name for one in report.failures] == ["signer's purpose"]


@pytest.mark.rule("D1", "S22")
def test_a_signer_must_be_pinned_or_have_a_path() -> None:
    question = asked()
    octets = signed(good_response(question.request))
    nobody = judged(octets, question, policy=ReplyPolicy())
    assert [one.name for one in nobody.failures] == ["signer's trust"]
    assert nobody.pending is None
    trust = ServerTrust.of((SERVER_CA.certificate,))
    open_ = judged(octets, question, policy=ReplyPolicy(trust=trust))
    assert open_.pending == SERVER.certificate
    assert open_.verdict is DelegatedVerdict.UNTRUSTED
    for problem, verdict in ((None, "good"), ("there is none", "untrusted")):
        path = SignerPath(SERVER.certificate, problem)
        report = judged(octets, question, policy=ReplyPolicy(trust=trust), signer_path=path)
        assert report.verdict == verdict
    another = SignerPath(CLIENT.certificate, None)
    report = judged(octets, question, policy=ReplyPolicy(trust=trust), signer_path=another)
    assert report.pending == SERVER.certificate


def test_a_stranger_signs_in_vain_what_needs_no_signature() -> None:
    question = asked(DPD)
    octets = signed(good_response(question.request), signer_of())
    assert judged(octets, question, policy=ReplyPolicy()).verdict is DelegatedVerdict.GOOD
    assert judged(octets, question).verdict is DelegatedVerdict.UNTRUSTED


def test_trust_takes_cas_for_anchors_and_pins_whatever_is_named() -> None:
    trust = ServerTrust.of((SERVER_CA.certificate, SERVER.certificate))
    assert trust.anchors == (SERVER_CA.certificate,)
    assert trust.pinned == (SERVER_CA.certificate, SERVER.certificate)
    assert trust.is_given
    assert not ServerTrust().is_given


# --- what is no reply ---------------------------------------------------------------------------


def no_reply(kind: str) -> bytes:
    good = good_response(asked().request)
    content = encode_cv_response(good)
    return {
        "nothing": b"",
        "text": b"<html>",
        "truncated": signed(good)[:-7],
        "bytes after it": bare(good) + b"\0",
        "another type": encode_content_info(oids.ID_CT_SCVP_CERT_VAL_REQUEST, content),
        "another type, signed": sign_content(oids.ID_CT_SCVP_VAL_POL_RESPONSE, content, SIGNER),
        "no CVResponse": signed(b"\x30\x03\x02\x01\x01"),
        "a MAC": encode_content_info(oids.ID_CT_AUTH_DATA, b"\x30\x00"),
    }[kind]


@pytest.mark.parametrize(
    "kind",
    [
        *("nothing", "text", "truncated", "bytes after it", "another type"),
        *("another type, signed", "no CVResponse", "a MAC"),
    ],
)
def test_what_is_no_reply_is_told_and_never_raises(kind: str) -> None:
    for wishes in (DPD, DPV):
        report = judged(no_reply(kind), asked(wishes))
        is_other = kind == "a MAC"
        assert report.verdict == ("untrusted" if is_other else "malformed")
        assert report.failures
        with pytest.raises(UntrustedError if is_other else MalformedError):
            report.require()


@pytest.mark.rule("S5")
def test_defaults_written_out_are_read_and_told() -> None:
    question = asked()
    response = good_response(question.request)
    content = encode_cv_response(response)
    # A ReplyCheck that writes its status 0: three octets more in every length around it.
    check = bytes.fromhex("06082b06010505071103")
    longer = grown(content, check, check + b"\x02\x01\x00")
    report = judged(signed(longer), question)
    assert report.verdict is DelegatedVerdict.GOOD
    assert any("default" in one.text for one in report.findings)


def grown(der: bytes, old: bytes, new: bytes) -> bytes:
    """Put longer octets into DER, and mend the lengths of every element around them."""
    place = der.index(old)

    def mended(data: bytes, start: int, target: int) -> bytes:
        if target == start and data[start : start + len(old)] == old:
            return new
        head = 2 if data[start + 1] < 0x80 else 2 + (data[start + 1] & 0x7F)
        length = int.from_bytes(data[start + 2 : start + head]) if head > 2 else data[start + 1]
        inner, position = b"", start + head
        while position < start + head + length:
            end = _end(data, position)
            if position <= target < end:
                inner += mended(data, position, target)
            else:
                inner += data[position:end]
            position = end
        return data[start : start + 1] + _length(len(inner)) + inner

    return mended(der, 0, place)


def _end(data: bytes, start: int) -> int:
    head = 2 if data[start + 1] < 0x80 else 2 + (data[start + 1] & 0x7F)
    length = int.from_bytes(data[start + 2 : start + head]) if head > 2 else data[start + 1]
    return start + head + length


def _length(count: int) -> bytes:
    if count < 0x80:
        return bytes((count,))
    octets = count.to_bytes((count.bit_length() + 7) // 8)
    return bytes((0x80 | len(octets),)) + octets


# --- findings, and what programs read -------------------------------------------------------------


@pytest.mark.rule("S23")
def test_policies_without_an_explicit_one_are_told_of() -> None:
    policy = ValidationPolicy(
        user_policy_set=(ObjectIdentifier("1.2.3"),), require_explicit_policy=False
    )
    question = asked(Wishes(validation_policy=policy))
    report = judged(signed(good_response(question.request)), question)
    assert any("(S23)" in one.text for one in report.findings)


def test_a_report_and_its_replies_are_told_to_programs() -> None:
    question = asked(PROOF)
    report = judged(signed(good_response(question.request)), question)
    told = report.as_json()
    assert list(told) == [
        *("verdict", "responseStatus", "producedAt", "serverConfigurationID", "signer"),
        *("results", "checks", "findings"),
    ]
    (reply,) = report.replies
    assert reply.path == (LEAF, CA.certificate)
    assert reply.paths == (reply.path,)
    assert len(reply.revocation_infos) == 1
    assert reply.as_json()["paths"] == [["CN=leaf.example", "CN=CA"]]
    assert told["signer"] == "CN=server"


def test_every_check_is_named_by_a_rule_and_once() -> None:
    question = asked(PROOF)
    report = judged(signed(good_response(question.request)), question)
    names = [one.name for one in report.checks]
    assert len(names) == len(set(names))
    assert all(one.rule[0] in "SDO" for one in report.checks)
    assert {one.outcome for one in report.checks} == {Outcome.PASS, Outcome.SKIP}
    assert {one.name for one in report.checks} >= {
        *("signature", "binding", "certificates", "checks", "policy", "validation time"),
        *("wantBacks", "extensions", "signer's purpose"),
    }
