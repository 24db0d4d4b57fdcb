"""The server of SCVP, from octets to octets (RFC 5055 §3 to §6, RFC 3379)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import combinations, product
from typing import Any, Final

import pytest
from cryptography.x509 import ObjectIdentifier

from certstatus.asn1 import oids
from certstatus.cms import encode_content_info, parse_content_info
from certstatus.delegated import (
    CountedConfigurations,
    PolicyInput,
    Requestors,
    SCVPPolicy,
    SCVPService,
    ServiceLimits,
)
from certstatus.delegated.demand import CHECKS, WANT_BACKS
from certstatus.errors import ConfigError, OverloadError, SignerError
from certstatus.ocsp import CertStatus, Extension, Extensions, Good
from certstatus.path import PathInputs, RevocationRule
from certstatus.pkix import AlgorithmIdentifier, Certificate, CRLReason, GeneralName, HashAlgorithm
from certstatus.scvp import (
    ACReference,
    CertBundle,
    CertBundles,
    Check,
    CVStatusCode,
    FullRequest,
    HashValue,
    NameValidationAlgParms,
    PKCReference,
    PublicKeyInfo,
    ReplyStatus,
    ResponseTypes,
    RevInfoWantBack,
    RevocationInfo,
    SCVPCertID,
    SCVPResponses,
    ValidationAlg,
    ValidationError,
    ValidationPolicy,
    ValidationPolRef,
    WantBack,
    encode_cv_request,
)
from certstatus.signing import OuterSigner, Purpose
from certstatus.testing import TinyCA
from tests import der as hand
from tests.delegating import (
    CA,
    CA_CRL,
    CLIENT,
    CURSOR_KEY,
    CV_REQUEST,
    DAY,
    INFOS,
    LEAF,
    NOW,
    OTHER_SERVER,
    POLICY,
    REVOKED,
    ROOT,
    ROOT_CRL,
    SCVP_CA,
    SERVER,
    VP_REQUEST,
    answered,
    ask,
    ask_policies,
    infos,
    octets_of,
    query,
    reply_to,
    request,
    service,
    settings,
    signer_of,
    with_flags,
)
from tests.envelopes import Draft
from tests.paths import checked, crl, cross

BUILT, VALID, STATUS = CHECKS
UNKNOWN: Final = ObjectIdentifier("1.3.6.1.4.1.99999.99")
CRITICAL: Final = Extensions((Extension(UNKNOWN, b"\x05\0", critical=True),))
HARMLESS: Final = Extensions((Extension(UNKNOWN, b"\x05\0"),))
DNS: Final = GeneralName.dns_name("scvp.example")


class FailingSigner(OuterSigner):
    """A key that gives an error where a signature is wanted."""

    error: Exception = SignerError("the token is gone")

    def sign(self, tbs: bytes) -> bytes:
        raise self.error

    async def asign(self, tbs: bytes) -> bytes:
        raise self.error


class BusySigner(FailingSigner):
    error = OverloadError("too many wait")


async def hanging(certificate: Certificate, issuer: Certificate, at: datetime) -> CertStatus:
    await asyncio.sleep(3600)
    return Good()


def policy(**more: Any) -> ValidationPolicy:
    return ValidationPolicy(**more)


def authenticating(*, required: bool = False) -> Requestors:
    return Requestors(trusted=(CLIENT.certificate,), required=required)


# --- every status of the whole request: RFC 5055 §4.4 --------------------------------------

Asking = Callable[[], Any]
CLIENT_SIGNER: Final = signer_of(CLIENT)
WITH_MAC: Final = hand.sequence(
    hand.oid(oids.ID_CT_AUTH_DATA.dotted_string), hand.explicit(0, hand.sequence())
)
VERSION_2: Final = encode_content_info(
    CV_REQUEST, hand.sequence(hand.integer(2), hand.sequence(), hand.tlv(0x89, b""))
)
STRANGER: Final = SCVP_CA.issue_scvp(Purpose.SCVP_CLIENT, "Stranger")
TLS_SERVER: Final = SCVP_CA.issue_server("tls.example")


def signed_draft(**more: Any) -> bytes:
    usual: dict[str, Any] = {"content": encode_cv_request(request()), "signer": CLIENT_SIGNER}
    return Draft(**(usual | more)).der


def strict() -> SCVPService:
    return service(requestors=authenticating(required=True))


STATUSES: Final[dict[CVStatusCode, Asking]] = {
    CVStatusCode.OKAY: ask,
    CVStatusCode.SKIP_UNRECOGNIZED_ITEMS: lambda: ask(request(request_extensions=HARMLESS)),
    CVStatusCode.TOO_BUSY: lambda: ask(server=service(limits=ServiceLimits(requests_at_once=0))),
    CVStatusCode.INVALID_REQUEST: lambda: ask(
        request(with_flags(query(), cached_response=False), request_nonce=None)
    ),
    CVStatusCode.INTERNAL_ERROR: lambda: ask(
        server=service(signers=(FailingSigner(signer_of(SERVER)),))
    ),
    CVStatusCode.BAD_STRUCTURE: lambda: reply_to(encode_content_info(CV_REQUEST, hand.sequence())),
    CVStatusCode.UNSUPPORTED_VERSION: lambda: reply_to(VERSION_2),
    CVStatusCode.ABORT_UNRECOGNIZED_ITEMS: lambda: ask(
        query(validation_policy=policy(validation_pol_ref=ValidationPolRef(POLICY, hand.NULL)))
    ),
    CVStatusCode.UNRECOGNIZED_SIG_KEY: lambda: ask(server=strict(), signer=signer_of(STRANGER)),
    CVStatusCode.BAD_SIGNATURE_OR_MAC: lambda: reply_to(
        signed_draft(e_content=hand.explicit(0, hand.octet_string(b"another"))), strict()
    ),
    CVStatusCode.UNABLE_TO_DECODE: lambda: reply_to(b"\x30\x80"),
    CVStatusCode.NOT_AUTHORIZED: lambda: ask(server=strict()),
    CVStatusCode.UNSUPPORTED_CHECKS: lambda: ask(query(checks=(UNKNOWN,))),
    CVStatusCode.UNSUPPORTED_WANT_BACKS: lambda: ask(query(want_back=(UNKNOWN,))),
    CVStatusCode.UNSUPPORTED_SIGNATURE_OR_MAC: lambda: reply_to(WITH_MAC),
    CVStatusCode.INVALID_SIGNATURE_OR_MAC: lambda: ask(
        server=service(
            requestors=Requestors(trusted=(TLS_SERVER.certificate,), required=True),
        ),
        signer=signer_of(TLS_SERVER),
    ),
    CVStatusCode.PROTECTED_RESPONSE_UNSUPPORTED: lambda: ask(server=service(signers=())),
    CVStatusCode.UNRECOGNIZED_RESPONDER_NAME: lambda: ask(request(responder_name=DNS)),
    CVStatusCode.RELAYING_LOOP: lambda: ask(
        request(requestor_ref=(GeneralName.dns_name("elsewhere.example"), DNS)),
        service(names=(GeneralName.dns_name("SCVP.example"),)),
    ),
    CVStatusCode.UNRECOGNIZED_VAL_POL: lambda: ask(
        query(validation_policy=policy(validation_pol_ref=ValidationPolRef(UNKNOWN)))
    ),
    CVStatusCode.UNRECOGNIZED_VAL_ALG: lambda: ask(
        query(validation_policy=policy(validation_alg=ValidationAlg(UNKNOWN)))
    ),
    CVStatusCode.FULL_REQUEST_IN_RESPONSE_UNSUPPORTED: lambda: ask(
        with_flags(query(), full_request_in_response=True), service(gives_full_requests=False)
    ),
    CVStatusCode.FULL_POL_RESPONSE_UNSUPPORTED: lambda: ask(
        with_flags(query(), response_validation_pol_by_ref=False),
        service(gives_full_policies=False),
    ),
    CVStatusCode.INHIBIT_POLICY_MAPPING_UNSUPPORTED: lambda: ask(
        query(validation_policy=policy(inhibit_policy_mapping=True)),
        service(fixed={PolicyInput.INHIBIT_POLICY_MAPPING}),
    ),
    CVStatusCode.REQUIRE_EXPLICIT_POLICY_UNSUPPORTED: lambda: ask(
        query(validation_policy=policy(require_explicit_policy=True)),
        service(fixed={PolicyInput.REQUIRE_EXPLICIT_POLICY}),
    ),
    CVStatusCode.INHIBIT_ANY_POLICY_UNSUPPORTED: lambda: ask(
        query(validation_policy=policy(inhibit_any_policy=True)),
        service(fixed={PolicyInput.INHIBIT_ANY_POLICY}),
    ),
    CVStatusCode.VALIDATION_TIME_UNSUPPORTED: lambda: ask(
        query(validation_time=NOW - DAY), service(fixed={PolicyInput.VALIDATION_TIME})
    ),
    CVStatusCode.UNRECOGNIZED_CRIT_QUERY_EXT: lambda: ask(query(query_extensions=CRITICAL)),
    CVStatusCode.UNRECOGNIZED_CRIT_REQUEST_EXT: lambda: ask(request(request_extensions=CRITICAL)),
}


@pytest.mark.rule("S8", "S1", "S2", "S3", "S19")
@pytest.mark.parametrize("code", list(CVStatusCode), ids=lambda code: code.label)
def test_every_status_of_a_request_is_reached(code: CVStatusCode) -> None:
    reply = STATUSES[code]()
    assert reply.code == code == reply.answer.facts.status
    assert reply.response.cv_response_version == 1
    is_success = reply.response.response_status.is_success
    assert bool(reply.reason) != is_success
    # A success has the policy and its replies, an error has neither (S14).
    assert (reply.response.resp_validation_policy is not None) == is_success
    assert bool(reply.response.reply_objects) == is_success
    assert reply.is_signed == is_success


@pytest.mark.rule("S8")
@pytest.mark.parametrize("check", [one for one in Check if one not in CHECKS])
def test_attribute_certificates_are_refused(check: Check) -> None:
    reply = ask(query(checks=(check,)))
    assert reply.code == CVStatusCode.UNSUPPORTED_CHECKS
    asked = query(
        checks=(STATUS,), queried_certs=(ACReference(attr_cert=hand.sequence(hand.NULL)),)
    )
    assert ask(asked).code == CVStatusCode.UNSUPPORTED_CHECKS


@pytest.mark.rule("S8")
@pytest.mark.parametrize("want_back", [one for one in WantBack if one not in WANT_BACKS])
def test_what_belongs_to_attribute_certificates_is_not_sent_back(want_back: WantBack) -> None:
    assert ask(query(want_back=(want_back,))).code == CVStatusCode.UNSUPPORTED_WANT_BACKS


@pytest.mark.rule("S2")
def test_a_request_with_two_signers_is_broken() -> None:
    assert reply_to(signed_draft(signers=2)).code == CVStatusCode.BAD_STRUCTURE


# --- who asks: S3 ---------------------------------------------------------------------------


@pytest.mark.rule("S3")
@pytest.mark.parametrize("signer", [STRANGER, TLS_SERVER], ids=["stranger", "another purpose"])
def test_a_request_that_fails_authentication_is_anybodys(signer: Any) -> None:
    reply = ask(server=service(requestors=authenticating()), signer=signer_of(signer))
    assert reply.code == CVStatusCode.OKAY
    assert not reply.answer.facts.is_authenticated
    assert reply.response.requestor_name == ()


@pytest.mark.rule("S3")
def test_a_requestor_is_authenticated_by_name_or_by_a_path() -> None:
    inputs = PathInputs(
        anchors=(SCVP_CA.certificate,),
        end_entity_revocation=RevocationRule.NONE,
        ca_revocation=RevocationRule.NONE,
    )
    subject = GeneralName.directory_name(CLIENT.certificate.subject)
    for requestors in (authenticating(required=True), Requestors(inputs=inputs, required=True)):
        server = service(requestors=requestors)
        reply = ask(request(requestor_name=DNS), server, signer=CLIENT_SIGNER)
        assert reply.code == CVStatusCode.OKAY
        assert reply.answer.facts.requestor == "CN=SCVP client"
        assert reply.response.requestor_name == (subject, DNS)
    elsewhere = replace(inputs, anchors=(ROOT.certificate,))
    server = service(requestors=Requestors(inputs=elsewhere, required=True))
    assert ask(server=server, signer=CLIENT_SIGNER).code == CVStatusCode.UNRECOGNIZED_SIG_KEY


# --- protection: S4 -------------------------------------------------------------------------


@pytest.mark.rule("S4")
@pytest.mark.parametrize(
    ("is_error", "protect", "is_secure", "is_signed_request", "is_signed"),
    [
        pytest.param(False, True, False, False, True, id="success"),
        pytest.param(False, True, True, False, True, id="success over TLS"),
        pytest.param(False, False, False, False, False, id="success that needs none"),
        pytest.param(True, True, False, False, False, id="error"),
        pytest.param(True, True, False, True, True, id="error to an authenticated request"),
        pytest.param(True, True, True, True, False, id="error over TLS"),
        pytest.param(True, False, False, True, False, id="error that needs none"),
    ],
)
def test_replies_are_protected_as_they_must_be(
    is_error: bool, protect: bool, is_secure: bool, is_signed_request: bool, is_signed: bool
) -> None:
    asked = query(checks=(UNKNOWN,) if is_error else (STATUS,))
    reply = ask(
        with_flags(asked, protect_response=protect),
        service(requestors=authenticating()),
        signer=CLIENT_SIGNER if is_signed_request else None,
        is_secure=is_secure,
    )
    assert reply.response.response_status.is_success != is_error
    assert reply.is_signed is reply.answer.facts.is_protected is is_signed


@pytest.mark.rule("S4")
def test_a_client_that_needs_no_protection_needs_no_key_of_the_server() -> None:
    waived = with_flags(query(), protect_response=False)
    assert ask(waived, service(signers=())).code == CVStatusCode.OKAY


@pytest.mark.rule("S4")
@pytest.mark.parametrize(
    ("signer", "code"),
    [(FailingSigner, CVStatusCode.INTERNAL_ERROR), (BusySigner, CVStatusCode.TOO_BUSY)],
)
def test_a_key_that_does_not_sign_is_told_unsigned(
    signer: type[OuterSigner], code: CVStatusCode
) -> None:
    server = service(signers=(signer(signer_of(SERVER)),), requestors=authenticating())
    reply = ask(server=server, signer=CLIENT_SIGNER)
    assert (reply.code, reply.is_signed) == (code, False)


async def broken(certificate: Certificate, issuer: Certificate, at: datetime) -> CertStatus:
    raise ZeroDivisionError("a defect")


def test_what_fails_here_is_told_to_us_and_not_to_the_client() -> None:
    heard: list[Exception] = []
    for server in (
        service(source=broken, observe=heard.append),
        service(signers=(FailingSigner(signer_of(SERVER)),), observe=heard.append),
    ):
        reply = ask(query(rev_infos=()), server)
        assert reply.code == CVStatusCode.INTERNAL_ERROR
        assert reply.reason == "the server failed; it is no matter of the request"
        assert str(heard[-1]) in (reply.answer.facts.reason or "")
    assert [str(one) for one in heard] == ["a defect", "the token is gone"]


# --- which hash, which key: S5, S14, S18 ------------------------------------------------------


@pytest.mark.rule("S5", "S14")
@pytest.mark.parametrize("algorithm", list(HashAlgorithm), ids=lambda one: one.label)
def test_the_received_octets_are_hashed_as_asked(algorithm: HashAlgorithm) -> None:
    asked = request(hash_alg=algorithm.oid)
    reference = ask(asked).response.request_ref
    assert isinstance(reference, HashValue)
    assert reference.algorithm.oid == algorithm.oid
    assert reference.matches(encode_cv_request(asked))


@pytest.mark.rule("S5", "S14")
@pytest.mark.parametrize("hash_alg", [None, UNKNOWN], ids=["not asked", "unknown"])
def test_the_default_hash_is_not_sha_1(hash_alg: ObjectIdentifier | None) -> None:
    reference = ask(request(hash_alg=hash_alg)).response.request_ref
    assert isinstance(reference, HashValue)
    assert reference.algorithm.oid == oids.ID_SHA256


def explicit_defaults() -> bytes:
    """The usual request as some real clients write it: with every DEFAULT."""
    members = hand.sequence(
        hand.oid(f"{oids.ID_STC_BUILD_PKC_PATH.dotted_string}"),
    )
    flags = hand.sequence(
        hand.tlv(0x80, b"\0"),
        hand.tlv(0x81, b"\xff"),
        hand.tlv(0x82, b"\xff"),
        hand.tlv(0x83, b"\xff"),
    )
    reference = b"\xa0" + LEAF.certificate.der[1:]
    policy_ref = hand.sequence(hand.sequence(hand.oid("1.3.6.1.5.5.7.19.1")))
    asked = hand.sequence(hand.explicit(0, reference), members, policy_ref, flags)
    return hand.sequence(hand.integer(1), asked, hand.tlv(0x81, b"nonce"))


@pytest.mark.rule("S5")
def test_defaults_that_are_written_out_are_hashed_as_they_stand() -> None:
    der = explicit_defaults()
    reply = reply_to(encode_content_info(CV_REQUEST, der))
    assert reply.code == CVStatusCode.OKAY
    reference = reply.response.request_ref
    assert isinstance(reference, HashValue)
    assert reference.matches(der)


@pytest.mark.rule("S5")
def test_a_request_in_ber_is_answered_and_hashed_as_received() -> None:
    der = encode_cv_request(request())
    inner = parse_content_info(octets_of(request())).content
    assert inner == der
    # The outer SEQUENCE of indefinite length: BER, and what the client hashes.
    header = 4 if der[1] == 0x82 else 3
    ber = b"\x30\x80" + der[header:] + b"\0\0"
    reply = reply_to(encode_content_info(CV_REQUEST, ber))
    assert reply.code == CVStatusCode.OKAY
    reference = reply.response.request_ref
    assert isinstance(reference, HashValue)
    assert reference.matches(ber)


@pytest.mark.rule("S18")
def test_the_reply_is_signed_as_asked() -> None:
    ed25519, ecdsa = signer_of(OTHER_SERVER), signer_of(SERVER)
    server = service(signers=(ecdsa, ed25519))

    def signer(**more: Any) -> bytes:
        found = ask(request(**more), server).info
        return found.content

    name = GeneralName.directory_name(OTHER_SERVER.certificate.subject)
    other, usual = OTHER_SERVER.certificate.der, SERVER.certificate.der
    assert usual in signer()
    assert other in signer(signature_alg=AlgorithmIdentifier(oids.ID_ED25519))
    assert usual in signer(signature_alg=AlgorithmIdentifier(oids.ID_ED448))
    assert other in signer(responder_name=name)
    named = service(signers=(ecdsa,), names=(DNS,))
    assert ask(request(responder_name=DNS), named).code == CVStatusCode.OKAY


# --- nonces and cached replies: S13 -----------------------------------------------------------


@pytest.mark.rule("S13")
@pytest.mark.parametrize("cached", [True, False])
@pytest.mark.parametrize("nonce", [None, b"a nonce"], ids=["no nonce", "nonce"])
def test_a_nonce_makes_a_reply_fresh(cached: bool, nonce: bytes | None) -> None:
    server = service()
    asked = request(with_flags(query(), cached_response=cached), request_nonce=nonce)
    first, second = ask(asked, server), ask(asked, server, now=NOW + timedelta(seconds=10))
    if nonce is None and not cached:
        assert first.code == CVStatusCode.INVALID_REQUEST
        return
    assert first.response.resp_nonce == second.response.resp_nonce == nonce
    is_kept = nonce is None
    assert second.answer.facts.is_cached is is_kept
    assert (second.response.produced_at == NOW) is is_kept


@pytest.mark.rule("S13")
@pytest.mark.parametrize(
    ("more", "later", "is_cached"),
    [
        pytest.param({}, timedelta(seconds=59), True, id="young enough"),
        pytest.param({}, timedelta(seconds=60), False, id="too old"),
        pytest.param({"requestor_text": "x"}, timedelta(seconds=1), False, id="with a text"),
    ],
)
def test_a_cached_reply_serves_the_same_octets_for_a_while(
    more: dict[str, Any], later: timedelta, is_cached: bool
) -> None:
    server = service()
    asked = request(request_nonce=None, **more)
    first, second = ask(asked, server), ask(asked, server, now=NOW + later)
    assert first.response.requestor_text == second.response.requestor_text == asked.requestor_text
    assert second.answer.facts.is_cached is is_cached


@pytest.mark.rule("S13")
def test_produced_at_is_the_oldest_reply_that_will_do() -> None:
    server = service()

    def asked(produced_at: datetime) -> bool:
        whole = request(query(produced_at=produced_at), request_nonce=None)
        ask(whole, server)
        return ask(whole, server, now=NOW + timedelta(seconds=2)).answer.facts.is_cached

    assert asked(NOW)
    assert not asked(NOW + timedelta(seconds=1))


@pytest.mark.rule("S13")
def test_what_does_not_hold_is_asked_anew() -> None:
    server, asked = service(), request(query(REVOKED.certificate), request_nonce=None)
    assert not any(ask(asked, server).answer.facts.is_cached for _ in range(2))


# --- the reply as a whole: S14, S15 ----------------------------------------------------------


@pytest.mark.rule("S14", "S15")
def test_replies_stand_in_the_order_of_the_request() -> None:
    by_reference = PKCReference.by_reference(LEAF.certificate)
    asked = query(
        queried_certs=(
            PKCReference.by_value(REVOKED.certificate),
            PKCReference(cert=hand.sequence(hand.NULL)),
            by_reference,
            PKCReference.by_value(LEAF.certificate),
        ),
        intermediate_certs=(LEAF.certificate.der,),
    )
    response = ask(request(asked, requestor_ref=(DNS,), requestor_text="files")).response
    assert tuple(one.cert for one in response.reply_objects) == asked.queried_certs
    assert [one.reply_status for one in response.reply_objects] == [
        ReplyStatus.CERT_PATH_NOT_VALID,
        ReplyStatus.MALFORMED_PKC,
        ReplyStatus.SUCCESS,
        ReplyStatus.SUCCESS,
    ]
    assert (response.requestor_ref, response.requestor_text) == ((DNS,), "files")


@pytest.mark.rule("S14", "D1")
@pytest.mark.parametrize("by_reference", [True, False])
@pytest.mark.parametrize("oid", [oids.ID_SVP_DEFAULT_VAL_POLICY, POLICY])
def test_the_policy_that_was_used_is_told(by_reference: bool, oid: ObjectIdentifier) -> None:
    wanted = policy(validation_pol_ref=ValidationPolRef(oid), require_explicit_policy=False)
    asked = with_flags(query(validation_policy=wanted), response_validation_pol_by_ref=by_reference)
    told = ask(asked).response.resp_validation_policy
    if by_reference:
        assert told == wanted
        return
    assert told == policy(
        validation_pol_ref=ValidationPolRef(oid),
        validation_alg=ValidationAlg(),
        user_policy_set=(oids.ANY_POLICY,),
        inhibit_policy_mapping=False,
        require_explicit_policy=False,
        inhibit_any_policy=False,
        trust_anchors=(PKCReference.by_value(ROOT.certificate),),
        key_usages=(),
        extended_key_usages=(),
        specified_key_usages=(),
    )


@pytest.mark.rule("S14")
def test_a_whole_request_comes_back_in_the_reply() -> None:
    asked = request(with_flags(query(), full_request_in_response=True))
    reference = ask(asked).response.request_ref
    assert reference == FullRequest(encode_cv_request(asked))


HELD: Final = infos(ROOT_CRL, crl(CA, LEAF.certificate, reason=CRLReason.CERTIFICATE_HOLD))
UNREACHED: Final = TinyCA("Nobody's CA").issue("lost").certificate
FALSE_ID: Final = replace(SCVPCertID.of(CA.certificate), cert_hash=bytes(32))
PATH: Final = (WantBack.PKC_BEST_CERT_PATH,)
TABLE: Final = {
    ReplyStatus.SUCCESS: query(want_back=PATH),
    ReplyStatus.MALFORMED_PKC: query(
        queried_certs=(PKCReference(cert=hand.sequence(hand.NULL)),), want_back=PATH
    ),
    ReplyStatus.UNAVAILABLE_VALIDATION_TIME: query(
        validation_time=NOW - 20 * DAY, rev_infos=(), want_back=PATH
    ),
    ReplyStatus.REFERENCE_CERT_HASH_FAIL: query(
        queried_certs=(PKCReference(pkc_ref=FALSE_ID),), want_back=PATH
    ),
    ReplyStatus.CERT_PATH_CONSTRUCT_FAIL: query(UNREACHED, want_back=PATH),
    ReplyStatus.CERT_PATH_NOT_VALID: query(REVOKED.certificate, want_back=PATH),
    ReplyStatus.CERT_PATH_NOT_VALID_NOW: query(rev_infos=HELD, want_back=PATH),
    ReplyStatus.WANT_BACK_UNSATISFIED: query(
        checks=(VALID,), rev_infos=(), want_back=(WantBack.PKC_REVOCATION_INFO, *PATH)
    ),
}
NOT_LOOKED_AT: Final = {
    ReplyStatus.MALFORMED_PKC,
    ReplyStatus.UNAVAILABLE_VALIDATION_TIME,
    ReplyStatus.REFERENCE_CERT_HASH_FAIL,
}


@pytest.mark.rule("S15")
@pytest.mark.parametrize("status", list(TABLE), ids=lambda one: one.label)
def test_what_a_reply_holds_follows_from_its_status(status: ReplyStatus) -> None:
    asked = TABLE[status]
    (found,) = ask(asked).response.reply_objects
    assert found.reply_status == status
    checks = () if status in NOT_LOOKED_AT else asked.checks
    assert tuple(one.check for one in found.reply_checks) == checks
    is_success = status is ReplyStatus.SUCCESS
    wanted = asked.want_back if is_success else ()
    assert tuple(one.wb for one in found.reply_want_backs) == wanted
    if is_success:
        assert found.validation_errors == ()
    assert found.cert == asked.queried_certs[0]


def test_no_reply_is_about_an_attribute_certificate() -> None:
    assert set(ReplyStatus) - set(TABLE) == {ReplyStatus.MALFORMED_AC}


@pytest.mark.rule("S15", "D1")
@pytest.mark.parametrize(
    ("more", "statuses", "error"),
    [
        pytest.param({}, (0, 0, 0), None, id="good"),
        pytest.param({"rev_infos": HELD}, (0, 0, 1), ValidationError.REVOKED, id="on hold"),
        pytest.param({"rev_infos": ()}, (0, 0, 4), None, id="no source"),
        pytest.param(
            {"validation_policy": policy(specified_key_usages=(oids.ID_KP_CLIENT_AUTH,))},
            (0, 1, 1),
            ValidationError.INVALID_KEY_PURPOSE,
            id="another purpose",
        ),
    ],
)
def test_each_check_has_its_own_status(
    more: dict[str, Any], statuses: tuple[int, ...], error: ValidationError | None
) -> None:
    (found,) = ask(query(checks=CHECKS, **more)).response.reply_objects
    assert tuple(one.status for one in found.reply_checks) == statuses
    if error is not None:
        assert error.oid in found.validation_errors


@pytest.mark.rule("S12", "S15")
def test_a_reply_tells_the_time_that_it_is_true_for() -> None:
    (found,) = ask().response.reply_objects
    assert found.reply_val_time == NOW
    assert found.next_update == NOW + 6 * DAY


# --- conformance: check x wantBack x flags: S6, S7 -------------------------------------------

SETS: Final = [chosen for count in (1, 2, 3) for chosen in combinations(CHECKS, count)]
FLAGS: Final = [
    dict(
        zip(
            (
                "full_request_in_response",
                "response_validation_pol_by_ref",
                "protect_response",
                "cached_response",
            ),
            values,
            strict=True,
        )
    )
    for values in product((False, True), repeat=4)
]
TYPES: Final = {
    WantBack.PKC_BEST_CERT_PATH: CertBundle,
    WantBack.PKC_REVOCATION_INFO: RevInfoWantBack,
    WantBack.PKC_PUBLIC_KEY_INFO: PublicKeyInfo,
    WantBack.PKC_ALL_CERT_PATHS: CertBundles,
    WantBack.PKC_EE_REVOCATION_INFO: RevInfoWantBack,
    WantBack.PKC_CAS_REVOCATION_INFO: RevInfoWantBack,
    WantBack.RELAYED_RESPONSES: SCVPResponses,
}


@pytest.mark.rule("S6", "S7", "D2")
@pytest.mark.parametrize("checks", SETS, ids=lambda one: "+".join(check.name for check in one))
def test_every_check_with_every_want_back_and_every_flag(checks: tuple[Check, ...]) -> None:
    server = service()
    wanted = [(), *((one,) for one in WANT_BACKS), WANT_BACKS]
    for want_back, flags in product(wanted, FLAGS):
        asked = with_flags(query(checks=checks, want_back=want_back), **flags)
        reply = ask(asked, server)
        (found,) = reply.response.reply_objects
        assert (reply.code, found.reply_status) == (0, 0)
        assert [one.check for one in found.reply_checks] == [one.oid for one in checks]
        assert {one.status for one in found.reply_checks} == {0}
        given = [one for one in want_back if one is not WantBack.PKC_CERT]
        assert [one.wb for one in found.reply_want_backs] == [one.oid for one in given]
        assert all(isinstance(found.want_back(one), TYPES[one]) for one in given)
        assert reply.is_signed is flags["protect_response"]
        is_full = isinstance(reply.response.request_ref, FullRequest)
        assert is_full is flags["full_request_in_response"]


@pytest.mark.rule("S7")
def test_a_certificate_by_reference_comes_back_whole() -> None:
    by_reference = PKCReference.by_reference(CA.certificate)
    asked = query(queried_certs=(by_reference,), want_back=(WantBack.PKC_CERT,))
    (found,) = ask(asked).response.reply_objects
    assert found.cert == PKCReference.by_value(CA.certificate)
    assert found.reply_want_backs == ()
    (found,) = ask(replace(asked, want_back=())).response.reply_objects
    assert found.cert == by_reference


# --- what comes back: S10, S16, S17 ----------------------------------------------------------


@pytest.mark.rule("S10", "S16", "D1")
@pytest.mark.parametrize("with_path", [True, False], ids=["with the path", "without it"])
def test_a_verifier_off_line_comes_to_the_same(with_path: bool) -> None:
    wanted = (*(PATH if with_path else ()), WantBack.PKC_REVOCATION_INFO)
    (found,) = ask(query(want_back=wanted)).response.reply_objects
    proof = found.want_back(WantBack.PKC_REVOCATION_INFO)
    assert isinstance(proof, RevInfoWantBack)
    assert set(proof.revocation_info) == set(INFOS)
    certificates = list(proof.extra_certs)
    if with_path:
        path = found.want_back(WantBack.PKC_BEST_CERT_PATH)
        assert isinstance(path, CertBundle)
        assert path.certs == (LEAF.certificate.der, CA.certificate.der)
        certificates += path.certs
    assert ROOT.certificate.der not in certificates
    judged = checked(
        LEAF,
        PathInputs(anchors=(ROOT.certificate,)),
        pool=map(Certificate.from_der, certificates),
        crls=(ROOT_CRL, CA_CRL),
    )
    assert judged.is_valid


@pytest.mark.rule("S16", "D2")
def test_revocation_data_is_chosen_for_the_end_entity_and_for_cas() -> None:
    wanted = (WantBack.PKC_EE_REVOCATION_INFO, WantBack.PKC_CAS_REVOCATION_INFO)
    (found,) = ask(query(want_back=wanted)).response.reply_objects
    of_end_entity, of_cas = map(found.want_back, wanted)
    assert isinstance(of_end_entity, RevInfoWantBack)
    assert isinstance(of_cas, RevInfoWantBack)
    assert of_end_entity.revocation_info == (RevocationInfo.crl(CA_CRL.der),)
    assert of_cas.revocation_info == (RevocationInfo.crl(ROOT_CRL.der),)


@pytest.mark.rule("D2")
@pytest.mark.parametrize(
    ("end_entity", "valid"),
    [(RevocationRule.CRL, True), (RevocationRule.OCSP, False)],
)
def test_the_sources_of_end_entity_and_cas_are_set_apart(
    end_entity: RevocationRule, valid: bool
) -> None:
    rules = {"end_entity_revocation": end_entity, "ca_revocation": RevocationRule.CRL}
    (found,) = ask(query(), service(inputs=rules)).response.reply_objects
    assert (found.reply_status == ReplyStatus.SUCCESS) is valid


def mesh() -> tuple[SCVPService, tuple[Certificate, ...]]:
    """Three ways to the root: the CA's own, and by two bridges."""
    bridges = [TinyCA(f"Bridge {number}", parent=ROOT) for number in (1, 2)]
    crosses = [cross(bridge, CA) for bridge in bridges]
    pool = (CA.certificate, *crosses, *(bridge.certificate for bridge in bridges))
    return service(pool=pool), pool


@pytest.mark.rule("S17", "D2")
@pytest.mark.parametrize("check", CHECKS[:2])
def test_repeating_the_query_walks_all_paths(check: Check) -> None:
    server, _ = mesh()
    asked, seen = query(checks=(check,), want_back=PATH), []
    for turn in range(4):
        response = ask(request(asked, request_nonce=bytes((turn, 1))), server).response
        (found,) = response.reply_objects
        path = found.want_back(WantBack.PKC_BEST_CERT_PATH)
        assert isinstance(path, CertBundle)
        seen.append(path)
        if response.server_context_info is None:
            break
        asked = replace(asked, server_context_info=response.server_context_info)
    assert len(seen) == len(set(seen)) == 3
    asked = replace(asked, want_back=(WantBack.PKC_ALL_CERT_PATHS.oid,), server_context_info=None)
    response = ask(asked, server).response
    everything = response.reply_objects[0].want_back(WantBack.PKC_ALL_CERT_PATHS)
    assert isinstance(everything, CertBundles)
    assert set(everything.bundles) == set(seen)
    assert response.server_context_info is None


@pytest.mark.rule("S17")
def test_a_context_serves_its_query_alone() -> None:
    server, _ = mesh()
    asked = query(checks=(BUILT,), want_back=PATH)
    context = ask(asked, server).response.server_context_info
    assert context is not None
    # Another server with the same key knows it, as no state is kept.
    other, _ = mesh()
    assert ask(replace(asked, server_context_info=context), other).code == CVStatusCode.OKAY
    changed = query(checks=(VALID,), want_back=PATH, server_context_info=context)
    broken = replace(asked, server_context_info=context[:-1] + bytes((context[-1] ^ 1,)))
    strange = service(cursor_key=bytes(32))
    assert ask(changed, server).code == CVStatusCode.INVALID_REQUEST
    assert ask(broken, server).code == CVStatusCode.INVALID_REQUEST
    known = replace(asked, server_context_info=context)
    assert ask(known, strange).code == CVStatusCode.INVALID_REQUEST


# --- policies and their inputs: S8 to S12 ------------------------------------------------------


def status_under(wanted: ValidationPolicy, certificate: Certificate = LEAF.certificate) -> Any:
    (found,) = ask(query(certificate, validation_policy=wanted)).response.reply_objects
    return found


@pytest.mark.rule("S9")
@pytest.mark.parametrize(
    ("wanted", "error"),
    [
        pytest.param({"key_usages": (0x8000,)}, None, id="a key usage"),
        pytest.param({"key_usages": (0x2000,)}, ValidationError.INVALID_KEY_USAGE, id="another"),
        pytest.param({"extended_key_usages": (oids.ID_KP_SERVER_AUTH,)}, None, id="a purpose"),
        pytest.param(
            {"extended_key_usages": (oids.ID_KP_CLIENT_AUTH,)},
            ValidationError.INVALID_KEY_PURPOSE,
            id="another purpose",
        ),
        pytest.param({"specified_key_usages": (oids.ID_KP_SERVER_AUTH,)}, None, id="specified"),
    ],
)
def test_usages_are_asked_of_the_end_entity(
    wanted: dict[str, Any], error: ValidationError | None
) -> None:
    found = status_under(policy(**wanted))
    expected = () if error is None else (error.oid,)
    assert found.validation_errors == expected


@pytest.mark.rule("S9")
def test_an_empty_list_overrides_the_policys_own() -> None:
    server = service(inputs={"extended_key_usages": frozenset({oids.ID_KP_CLIENT_AUTH})})
    (found,) = ask(query(), server).response.reply_objects
    assert found.validation_errors == (ValidationError.INVALID_KEY_PURPOSE.oid,)
    lifted = query(validation_policy=policy(extended_key_usages=()))
    (found,) = ask(lifted, server).response.reply_objects
    assert found.reply_status == ReplyStatus.SUCCESS


@pytest.mark.rule("S10")
def test_given_anchors_are_the_only_ones() -> None:
    anchor = policy(trust_anchors=(PKCReference.by_value(CA.certificate),))
    path = query(validation_policy=anchor, want_back=PATH)
    (found,) = ask(path).response.reply_objects
    assert found.want_back(WantBack.PKC_BEST_CERT_PATH) == CertBundle((LEAF.certificate.der,))
    by_reference = policy(trust_anchors=(PKCReference.by_reference(CA.certificate),))
    assert status_under(by_reference).reply_status == ReplyStatus.SUCCESS
    elsewhere = policy(trust_anchors=(PKCReference.by_value(SCVP_CA.certificate),))
    assert status_under(elsewhere).reply_status == ReplyStatus.CERT_PATH_CONSTRUCT_FAIL


@pytest.mark.rule("S10")
@pytest.mark.parametrize(
    ("anchor", "code"),
    [
        pytest.param(
            PKCReference.by_value(LEAF.certificate), CVStatusCode.INVALID_REQUEST, id="no CA"
        ),
        pytest.param(
            PKCReference.by_reference(SCVP_CA.certificate),
            CVStatusCode.INVALID_REQUEST,
            id="not here",
        ),
        pytest.param(
            PKCReference(cert=hand.sequence(hand.NULL)), CVStatusCode.BAD_STRUCTURE, id="broken"
        ),
    ],
)
def test_an_unsuitable_anchor_is_an_error(anchor: PKCReference, code: CVStatusCode) -> None:
    assert ask(query(validation_policy=policy(trust_anchors=(anchor,)))).code == code


def by_names(algorithm: ObjectIdentifier, *names: GeneralName) -> ValidationPolicy:
    parameters = NameValidationAlgParms(algorithm, names)
    return policy(validation_alg=ValidationAlg.by_names(parameters))


LEAF_NAME: Final = GeneralName.dns_name("leaf.example")
SUBJECT: Final = GeneralName.directory_name(LEAF.certificate.subject)
MAIL: Final = GeneralName.rfc822_name("a@leaf.example")


@pytest.mark.rule("S11")
@pytest.mark.parametrize(
    ("algorithm", "names", "error"),
    [
        pytest.param(oids.ID_KP_SERVER_AUTH, (LEAF_NAME,), None, id="a host"),
        pytest.param(oids.ID_NVA_DN_COMP_ALG, (SUBJECT,), None, id="a subject"),
        pytest.param(
            oids.ID_KP_SERVER_AUTH, (DNS,), ValidationError.NAME_MISMATCH, id="another host"
        ),
        pytest.param(
            oids.ID_KP_EMAIL_PROTECTION, (MAIL,), ValidationError.NO_NAME, id="no mailbox"
        ),
        pytest.param(UNKNOWN, (DNS,), ValidationError.UNKNOWN_ALG, id="unknown rule"),
        pytest.param(
            oids.ID_KP_SERVER_AUTH,
            (GeneralName.dns_name("a..b"),),
            ValidationError.BAD_NAME,
            id="bad name",
        ),
        pytest.param(oids.ID_KP_SERVER_AUTH, (MAIL,), ValidationError.BAD_NAME_TYPE, id="bad type"),
        pytest.param(oids.ID_KP_SERVER_AUTH, (DNS, MAIL), ValidationError.MIXED_NAMES, id="mixed"),
    ],
)
def test_names_are_validated(
    algorithm: ObjectIdentifier,
    names: tuple[GeneralName, ...],
    error: ValidationError | None,
) -> None:
    found = status_under(by_names(algorithm, *names))
    assert found.validation_errors == (() if error is None else (error.oid,))
    asked = query(validation_policy=by_names(algorithm, *names))
    whole = ask(with_flags(asked, response_validation_pol_by_ref=False)).response
    assert whole.resp_validation_policy is not None
    assert whole.resp_validation_policy.validation_alg == asked.validation_policy.validation_alg


@pytest.mark.rule("S8", "S11")
@pytest.mark.parametrize(
    ("algorithm", "code"),
    [
        pytest.param(ValidationAlg(), CVStatusCode.OKAY, id="basic"),
        pytest.param(
            ValidationAlg(parameters=hand.NULL), CVStatusCode.INVALID_REQUEST, id="basic with some"
        ),
        pytest.param(
            ValidationAlg(oids.ID_SVP_NAME_VAL_ALG), CVStatusCode.BAD_STRUCTURE, id="names without"
        ),
    ],
)
def test_algorithms_have_the_parameters_that_are_theirs(
    algorithm: ValidationAlg, code: CVStatusCode
) -> None:
    assert ask(query(validation_policy=policy(validation_alg=algorithm))).code == code


@pytest.mark.rule("S8", "D1")
@pytest.mark.parametrize(
    ("fixed", "wanted"),
    [
        (PolicyInput.USER_POLICY_SET, {"user_policy_set": (UNKNOWN,)}),
        (PolicyInput.TRUST_ANCHORS, {"trust_anchors": (PKCReference.by_value(CA.certificate),)}),
        (PolicyInput.KEY_USAGES, {"key_usages": (0x8000,)}),
        (PolicyInput.EXTENDED_KEY_USAGES, {"extended_key_usages": (UNKNOWN,)}),
        (PolicyInput.SPECIFIED_KEY_USAGES, {"specified_key_usages": (UNKNOWN,)}),
        (
            PolicyInput.VALIDATION_ALG,
            {"validation_alg": by_names(oids.ID_KP_SERVER_AUTH, DNS).validation_alg},
        ),
    ],
)
def test_a_query_against_its_policy_is_an_error(fixed: PolicyInput, wanted: dict[str, Any]) -> None:
    server = service(fixed={fixed})
    reply = ask(query(validation_policy=policy(**wanted)), server)
    assert (reply.code, reply.reason) == (
        CVStatusCode.INVALID_REQUEST,
        f"the policy fixes {fixed}",
    )
    assert ask(query(), server).code == CVStatusCode.OKAY


@pytest.mark.rule("S7", "S8")
def test_the_booleans_and_the_policy_set_reach_validation() -> None:
    strict_policy = policy(require_explicit_policy=True, user_policy_set=(UNKNOWN,))
    found = status_under(strict_policy)
    assert found.validation_errors == (ValidationError.INVALID_CERT_POLICY.oid,)


@pytest.mark.rule("S8", "S21")
def test_a_default_policy_that_is_refused_is_not_listed() -> None:
    server = service(accepts_default_policy=False)
    assert ask(server=server).code == CVStatusCode.UNRECOGNIZED_VAL_POL
    named = query(validation_policy=policy(validation_pol_ref=ValidationPolRef(POLICY)))
    assert ask(named, server).code == CVStatusCode.OKAY
    assert ask_policies(server).validation_policies == (POLICY,)


@pytest.mark.rule("S12")
@pytest.mark.parametrize(
    ("asked", "code", "told"),
    [
        pytest.param(NOW + timedelta(minutes=11), 11, None, id="future"),
        pytest.param(NOW + timedelta(minutes=9), 0, NOW, id="in nine minutes"),
        pytest.param(NOW - timedelta(minutes=9), 0, NOW, id="nine minutes ago"),
        pytest.param(NOW - timedelta(hours=12), 0, NOW - timedelta(hours=12), id="this morning"),
    ],
)
def test_a_validation_time_lies_in_the_past_but_for_clocks(
    asked: datetime, code: int, told: datetime | None
) -> None:
    reply = ask(query(validation_time=asked))
    assert reply.code == code
    if told is not None:
        (found,) = reply.response.reply_objects
        assert (found.reply_status, found.reply_val_time) == (ReplyStatus.SUCCESS, told)


@pytest.mark.rule("S12", "D1")
def test_a_time_without_data_is_told_so() -> None:
    year_ago = query(LEAF.certificate, validation_time=NOW - 20 * DAY)
    (found,) = ask(year_ago).response.reply_objects
    assert found.reply_status == ReplyStatus.UNAVAILABLE_VALIDATION_TIME
    assert found.reply_val_time == NOW - 20 * DAY
    kept = service(history=timedelta(days=10))
    (found,) = ask(replace(year_ago, checks=(VALID.oid,)), kept).response.reply_objects
    assert found.reply_status == ReplyStatus.UNAVAILABLE_VALIDATION_TIME


@pytest.mark.rule("S12")
def test_a_later_revocation_does_not_reach_back() -> None:
    early = crl(CA, this_update=NOW - DAY)
    late = crl(CA, LEAF.certificate, this_update=NOW - timedelta(hours=1), number=2)
    before = query(validation_time=NOW - timedelta(hours=2), rev_infos=infos(ROOT_CRL, early, late))
    (found,) = ask(before).response.reply_objects
    assert found.reply_status == ReplyStatus.SUCCESS
    (found,) = ask(replace(before, validation_time=None)).response.reply_objects
    assert found.reply_status == ReplyStatus.CERT_PATH_NOT_VALID


# --- the policy response: S7, S21 --------------------------------------------------------------


@pytest.mark.rule("S21")
def test_a_policy_response_is_fresh_with_the_nonce_or_cached_without() -> None:
    fresh = ask_policies(service(), b"mine")
    assert (fresh.request_nonce, fresh.next_update) == (b"mine", None)
    server = service(policy_lifetime=timedelta(hours=2))
    cached = ask_policies(server, b"mine")
    assert (cached.request_nonce, cached.next_update) == (None, NOW + timedelta(hours=2))
    again = ask_policies(server, b"other", now=NOW + timedelta(minutes=59))
    assert again.this_update == NOW
    renewed = ask_policies(server, now=NOW + timedelta(minutes=60))
    assert renewed.this_update == NOW + timedelta(minutes=60)


@pytest.mark.rule("S7", "S21")
def test_a_policy_response_lists_what_is_done_and_no_more() -> None:
    told = ask_policies(service(signers=(signer_of(SERVER), signer_of(OTHER_SERVER))))
    assert told.supported_checks == tuple(one.oid for one in CHECKS)
    assert told.supported_want_backs == tuple(one.oid for one in WANT_BACKS)
    assert told.validation_policies == (oids.ID_SVP_DEFAULT_VAL_POLICY, POLICY)
    assert told.validation_algs == (oids.ID_SVP_BASIC_VAL_ALG, oids.ID_SVP_NAME_VAL_ALG)
    assert told.signature_generation == (
        AlgorithmIdentifier(oids.ECDSA_WITH_SHA256),
        AlgorithmIdentifier(oids.ID_ED25519),
    )
    assert told.hash_algorithms[0] == oids.ID_SHA256
    assert (told.clock_skew, told.response_types) == (
        timedelta(minutes=10),
        ResponseTypes.CACHED_AND_NON_CACHED,
    )
    values = told.default_policy_values
    assert all(getattr(values, name) is not None for name in values.__dataclass_fields__)
    assert values.trust_anchors == (PKCReference.by_value(ROOT.certificate),)
    none_kept = ask_policies(service(reply_lifetime=timedelta(0)))
    assert none_kept.response_types == ResponseTypes.NON_CACHED_ONLY


@pytest.mark.rule("S21")
@pytest.mark.parametrize(
    "change",
    [
        {"inputs": {"require_explicit_policy": True}},
        {"inputs": {"ca_revocation": RevocationRule.CRL}},
        {"inputs": {"anchors": (SCVP_CA.certificate,)}},
        {"fixed": {PolicyInput.TRUST_ANCHORS}},
        {"auth_policies": (UNKNOWN,)},
        {"clock_skew": timedelta(minutes=5)},
        {"accepts_default_policy": False},
        {"signers": (signer_of(OTHER_SERVER),)},
    ],
    ids=["default", "revocation", "anchors", "fixed", "authPolicies", "skew", "default off", "key"],
)
def test_a_configuration_has_a_number_that_never_comes_again(change: dict[str, Any]) -> None:
    numbers = CountedConfigurations()
    inputs = {"anchors": (ROOT.certificate,)}

    def configured(**more: Any) -> SCVPService:
        wanted = inputs | more.pop("inputs", {})
        own = SCVPPolicy(
            oid=POLICY,
            inputs=PathInputs(**wanted),
            fixed=frozenset(more.pop("fixed", ())),
        )
        return service(numbers=numbers, policies=(own,), **more)

    first = configured()
    assert configured().configuration_id == first.configuration_id == 1
    assert configured(**change).configuration_id == 2
    reverted = configured()
    assert reverted.configuration_id == 3
    assert ask_policies(reverted).server_configuration_id == 3
    assert ask(server=reverted).response.server_configuration_id == 3


@pytest.mark.rule("S19", "S21")
@pytest.mark.parametrize(
    ("content", "code"),
    [
        pytest.param(hand.sequence(hand.NULL), CVStatusCode.BAD_STRUCTURE, id="no request"),
        pytest.param(
            hand.sequence(hand.integer(2), hand.octet_string(b"n")),
            CVStatusCode.UNSUPPORTED_VERSION,
            id="version 2",
        ),
    ],
)
def test_a_bad_policy_request_is_an_error(content: bytes, code: CVStatusCode) -> None:
    reply = reply_to(encode_content_info(VP_REQUEST, content))
    assert reply.code == code
    assert reply.answer.media_type == "application/scvp-cv-response"


# --- bounds -----------------------------------------------------------------------------------


def test_more_certificates_than_are_served_are_refused() -> None:
    server = service(limits=ServiceLimits(certificates=1))
    reply = ask(query(LEAF.certificate, REVOKED.certificate), server)
    assert reply.code == CVStatusCode.INVALID_REQUEST
    assert "more than 1" in reply.reason


def test_a_request_that_takes_too_long_is_ended() -> None:
    server = service(source=hanging, limits=ServiceLimits(time=timedelta(milliseconds=50)))
    reply = ask(query(rev_infos=()), server)
    assert reply.code == CVStatusCode.TOO_BUSY
    # Its place is free again.
    assert ask(query(checks=(BUILT,)), server).code == CVStatusCode.OKAY


def test_certificates_are_worked_on_side_by_side_but_not_all_at_once() -> None:
    at_once, most = 0, 0

    async def source(certificate: Certificate, issuer: Certificate, at: datetime) -> CertStatus:
        nonlocal at_once, most
        at_once += certificate == LEAF.certificate
        most = max(most, at_once)
        await asyncio.sleep(0)
        at_once -= certificate == LEAF.certificate
        return Good()

    limits = ServiceLimits(certificates_at_once=3)
    reply = ask(query(*[LEAF.certificate] * 9, rev_infos=()), service(source=source, limits=limits))
    assert {one.reply_status for one in reply.response.reply_objects} == {ReplyStatus.SUCCESS}
    assert most == 3


@pytest.mark.parametrize(
    ("octets", "code"),
    [
        pytest.param(b"", CVStatusCode.UNABLE_TO_DECODE, id="nothing"),
        pytest.param(b"GET / HTTP/1.1", CVStatusCode.UNABLE_TO_DECODE, id="another protocol"),
        pytest.param(octets_of(request())[:-1], CVStatusCode.UNABLE_TO_DECODE, id="truncated"),
        pytest.param(
            encode_content_info(oids.ID_CT_SCVP_CERT_VAL_RESPONSE, hand.sequence()),
            CVStatusCode.BAD_STRUCTURE,
            id="a response",
        ),
    ],
)
def test_whatever_comes_has_an_answer(octets: bytes, code: CVStatusCode) -> None:
    reply = reply_to(octets)
    assert reply.code == code
    assert reply.answer.media_type == "application/scvp-cv-response"


def test_every_octet_may_be_another() -> None:
    server, octets = service(), octets_of(request(query(checks=(BUILT,), rev_infos=())))
    for place in range(0, len(octets), 7):
        changed = octets[:place] + bytes((octets[place] ^ 0x11,)) + octets[place + 1 :]
        assert answered(server, changed).facts.status is not CVStatusCode.INTERNAL_ERROR


@pytest.mark.parametrize(
    ("more", "problem"),
    [
        ({"policies": ()}, "policies: there is none"),
        ({"cursor_key": CURSOR_KEY[1:]}, "cursor_key"),
        ({"clock_skew": timedelta(seconds=30)}, "whole minutes"),
        ({"inputs": {"anchors": ()}}, "has no trust anchor"),
        ({"inputs": {"anchors": (LEAF.certificate,)}}, "lacks the key usage"),
    ],
    ids=["no policy", "short key", "skew", "no anchor", "no CA"],
)
def test_settings_that_cannot_serve_are_refused(more: dict[str, Any], problem: str) -> None:
    inputs = more.pop("inputs", None)
    if inputs is not None:
        more = {"policies": (SCVPPolicy(oid=POLICY, inputs=PathInputs(**inputs)),)}
    with pytest.raises(ConfigError, match=problem):
        SCVPService(settings(**more))
