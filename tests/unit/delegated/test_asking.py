"""What a client asks: the profiles, and what a request must have to be answered well."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from cryptography.x509 import ObjectIdentifier

from certstatus.asn1 import oids
from certstatus.cms import encode_content_info, sign_content
from certstatus.delegated import Profile, Wishes, make_question, read_question
from certstatus.errors import MalformedError
from certstatus.limits_scvp import MAX_CV_REQUEST_BYTES, MAX_REPLY_AGE
from certstatus.scvp import (
    ACReference,
    Check,
    PKCReference,
    RevocationInfo,
    ValidationPolicy,
    WantBack,
    encode_cv_request,
    parse_cv_request,
)
from tests.scvp_server import CA, CRL, DPD, DPV, LEAF, NONCE, NOW, OTHER, PROOF, SIGNER, asked

POLICY = ObjectIdentifier("1.2.3")


@pytest.mark.rule("S6")
def test_discovery_asks_for_a_path_and_takes_an_unsigned_reply() -> None:
    query = asked(DPD).request.query
    assert query.checks == (Check.BUILD_PKC_PATH.oid,)
    assert query.want_back == (WantBack.PKC_BEST_CERT_PATH.oid,)
    assert not query.response_flags.protect_response


@pytest.mark.rule("S6")
def test_validation_asks_for_a_signed_word_and_sends_a_nonce() -> None:
    request = asked(DPV).request
    assert request.query.checks == (Check.BUILD_STATUS_CHECKED_PKC_PATH.oid,)
    assert request.query.want_back == ()
    assert request.query.response_flags.protect_response
    assert request.request_nonce == NONCE
    assert request.hash_alg == oids.ID_SHA256


def test_validation_with_proof_asks_for_everything() -> None:
    query = asked(PROOF).request.query
    assert query.want_back == (
        *(WantBack.PKC_BEST_CERT_PATH.oid, WantBack.PKC_REVOCATION_INFO.oid),
    )
    flags = query.response_flags
    assert flags.full_request_in_response
    assert not flags.response_validation_pol_by_ref
    assert flags.protect_response


@pytest.mark.rule("S13")
def test_a_reply_that_must_be_fresh_needs_a_nonce() -> None:
    with pytest.raises(ValueError, match="nonce"):
        asked(DPV, nonce=None)
    query = asked(Wishes(allow_cached=True), nonce=None).request.query
    assert query.response_flags.cached_response
    assert query.produced_at == NOW - MAX_REPLY_AGE


@pytest.mark.rule("S23")
def test_whoever_restricts_the_policies_asks_for_an_explicit_one() -> None:
    def explicit(policy: ValidationPolicy) -> bool | None:
        query = asked(Wishes(validation_policy=policy)).request.query
        return query.validation_policy.require_explicit_policy

    assert explicit(ValidationPolicy(user_policy_set=(POLICY,))) is True
    assert explicit(ValidationPolicy(user_policy_set=(oids.ANY_POLICY,))) is None
    assert explicit(ValidationPolicy()) is None
    said = ValidationPolicy(user_policy_set=(POLICY,), require_explicit_policy=False)
    assert explicit(said) is False


def test_every_wish_stands_in_the_request() -> None:
    wishes = Wishes(
        checks=(Check.BUILD_VALID_PKC_PATH,),
        want_backs=(WantBack.PKC_CERT,),
        anchors=(CA.certificate,),
        validation_time=NOW.replace(microsecond=5),
        intermediates=(CA.certificate,),
        rev_infos=(RevocationInfo.crl(CRL),),
        by_reference=True,
        allow_cached=True,
        max_age=timedelta(hours=1),
        requestor_text="für die Akten",
    )
    request = asked(wishes).request
    query = request.query
    assert query.checks == (Check.BUILD_VALID_PKC_PATH.oid,)
    assert query.want_back == (WantBack.PKC_CERT.oid,)
    assert query.validation_policy.trust_anchors == (PKCReference.by_value(CA.certificate),)
    assert query.validation_time == NOW
    assert query.intermediate_certs == (CA.certificate.der,)
    assert query.rev_infos == (RevocationInfo.crl(CRL),)
    assert query.queried_certs == (PKCReference.by_reference(LEAF),)
    assert query.produced_at == NOW - timedelta(hours=1)
    assert request.requestor_text == "für die Akten"
    assert parse_cv_request(request.der) == request


@pytest.mark.rule("S17")
def test_the_next_question_differs_in_nonce_and_context_alone() -> None:
    question = asked(DPD)
    following = question.following(b"context", b"nonce")
    first, second = question.request, following.request
    assert second.query.server_context_info == b"context"
    assert second.request_nonce == b"nonce"
    query = replace(second.query, server_context_info=None)
    assert replace(second, query=query, request_nonce=NONCE) == first
    assert parse_cv_request(second.der) == second


def test_what_cannot_be_asked_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one"):
        asked(certificates=())
    wishes = Wishes(intermediates=(LEAF,) * 10, requestor_text="x" * 257)
    with pytest.raises(MalformedError, match="requestorText"):
        asked(wishes)
    huge = Wishes(rev_infos=(RevocationInfo.crl(huge_crl()),))
    with pytest.raises(MalformedError, match=f"larger than {MAX_CV_REQUEST_BYTES}"):
        make_question((LEAF,), huge, now=NOW, nonce=NONCE)


def huge_crl() -> bytes:
    return b"\x30\x83" + MAX_CV_REQUEST_BYTES.to_bytes(3) + bytes(MAX_CV_REQUEST_BYTES)


@pytest.mark.parametrize("profile", list(Profile), ids=str)
def test_a_request_that_was_kept_is_read_again(profile: Profile) -> None:
    question = asked(Wishes(profile=profile), certificates=(LEAF, OTHER))
    der = question.request.der
    signed = sign_content(oids.ID_CT_SCVP_CERT_VAL_REQUEST, der, SIGNER)
    for octets in (der, question.content_info, signed):
        again = read_question(octets)
        assert again == question
        assert again.request.der == der


def test_a_request_by_reference_is_read_with_its_certificates_at_hand() -> None:
    question = asked(Wishes(by_reference=True))
    assert read_question(question.content_info, (OTHER, LEAF)) == question
    with pytest.raises(MalformedError, match="not at hand"):
        read_question(question.content_info, (OTHER,))


def test_what_is_no_request_of_ours_is_refused() -> None:
    request = asked().request
    attribute = replace(
        request, query=replace(request.query, queried_certs=(ACReference(attr_cert=LEAF.der),))
    )
    with pytest.raises(MalformedError, match="attribute certificates"):
        read_question(encode_cv_request(attribute))
    other = encode_content_info(oids.ID_CT_SCVP_VAL_POL_REQUEST, request.der)
    with pytest.raises(MalformedError, match="holds "):
        read_question(other)
    policy = ValidationPolicy(trust_anchors=(PKCReference(cert=b"\x30\x00"),))
    broken = replace(request, query=replace(request.query, validation_policy=policy))
    with pytest.raises(MalformedError, match="Certificate"):
        read_question(encode_cv_request(broken))
