"""Hypothesis strategies for SCVP's values: whatever RFC 5055 lets a message say, and a little more.

Values are as our own encoders write them, so that what is read must equal what was drawn.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TypeVar

from cryptography.x509 import ObjectIdentifier
from hypothesis import strategies as st

from certstatus.asn1 import oids
from certstatus.ocsp import Extension, Extensions
from certstatus.pkix import AlgorithmIdentifier, GeneralName, GeneralNameKind, HashAlgorithm, Name
from certstatus.scvp import (
    ACReference,
    CertBundle,
    CertBundles,
    CertReply,
    Check,
    CVRequest,
    CVResponse,
    CVStatusCode,
    FullRequest,
    HashValue,
    KeyAgreePublicKey,
    NameValidationAlgParms,
    PKCReference,
    PublicKeyInfo,
    Query,
    ReplyCheck,
    ReplyStatus,
    ReplyWantBack,
    RequestReference,
    ResponseFlags,
    ResponseStatus,
    ResponseTypes,
    RevInfoWantBack,
    RevocationInfo,
    RevocationInfoTypes,
    SCVPCertID,
    SCVPResponses,
    ValidationAlg,
    ValidationError,
    ValidationPolicy,
    ValidationPolRef,
    ValPolRequest,
    ValPolResponse,
    WantBack,
    WantBackValue,
    encode_cv_request,
)
from tests import der as hand
from tests.property import strategies as of

T = TypeVar("T")

SHA_1 = AlgorithmIdentifier(oids.ID_SHA1)


def some(
    one: st.SearchStrategy[T], *, least: int = 0, most: int = 2
) -> st.SearchStrategy[tuple[T, ...]]:
    """A few of them."""
    return st.lists(one, min_size=least, max_size=most).map(tuple)


def general_names() -> st.SearchStrategy[GeneralName]:
    """Names of a few kinds: SCVP reads them as OCSP does, whose tests draw all."""
    return st.sampled_from(
        [
            GeneralName.dns_name("scvp.example"),
            GeneralName.rfc822_name("a@example"),
            GeneralName.uri("http://scvp.example/"),
            GeneralName.directory_name(Name.from_rfc4514("CN=scvp,O=Example")),
            GeneralName(GeneralNameKind.REGISTERED_ID, b"\x2a\x03"),
        ]
    )


def extensions() -> st.SearchStrategy[Extensions]:
    """Extensions, critical or not, none of which anybody knows."""
    arcs = st.sampled_from([ObjectIdentifier(f"1.3.6.1.4.1.99999.{arc}") for arc in range(4)])
    one = st.builds(Extension, arcs, st.binary(max_size=8), st.booleans())
    several = st.lists(one, max_size=2, unique_by=lambda one: one.oid)
    return several.map(lambda drawn: Extensions(tuple(drawn)))


def sequences() -> st.SearchStrategy[bytes]:
    """What stands for a certificate, CRL or response that nobody reads."""
    return st.binary(max_size=8).map(lambda octets: hand.sequence(hand.octet_string(octets)))


def checks() -> st.SearchStrategy[ObjectIdentifier]:
    return st.sampled_from([one.oid for one in Check]) | of.object_identifiers()


def wanted() -> st.SearchStrategy[ObjectIdentifier]:
    return st.sampled_from([one.oid for one in WantBack]) | of.object_identifiers()


def errors() -> st.SearchStrategy[ObjectIdentifier]:
    known = [one.oid for one in ValidationError]
    return st.sampled_from(known) | of.object_identifiers()


def hash_algorithms() -> st.SearchStrategy[AlgorithmIdentifier]:
    known = st.sampled_from(HashAlgorithm).map(lambda one: AlgorithmIdentifier(one.oid))
    return st.just(SHA_1) | known | of.algorithm_identifiers()


def nonces() -> st.SearchStrategy[bytes]:
    return st.binary(max_size=40)


def texts() -> st.SearchStrategy[str]:
    """What requestorText may hold, of one to 256 characters."""
    return st.text(st.characters(codec="utf-8"), min_size=1, max_size=20) | st.just("ü" * 256)


# --- parts --------------------------------------------------------------------------------


def cert_ids() -> st.SearchStrategy[SCVPCertID]:
    return st.builds(
        SCVPCertID,
        cert_hash=st.binary(max_size=64),
        issuer=some(general_names(), least=1, most=2),
        serial_number=of.serial_numbers(),
        hash_algorithm=hash_algorithms(),
    )


def pkc_references() -> st.SearchStrategy[PKCReference]:
    return st.builds(PKCReference, cert=sequences()) | st.builds(PKCReference, pkc_ref=cert_ids())


def ac_references() -> st.SearchStrategy[ACReference]:
    return st.builds(ACReference, attr_cert=sequences()) | st.builds(ACReference, ac_ref=cert_ids())


def revocation_infos() -> st.SearchStrategy[RevocationInfo]:
    return st.one_of(
        st.builds(RevocationInfo.crl, sequences()),
        st.builds(RevocationInfo.delta_crl, sequences()),
        st.builds(RevocationInfo.ocsp, sequences()),
        st.builds(RevocationInfo.other, of.object_identifiers(), of.elements()),
    )


def name_parameters() -> st.SearchStrategy[NameValidationAlgParms]:
    algorithms = st.sampled_from(
        [oids.ID_NVA_DN_COMP_ALG, oids.ID_KP_SERVER_AUTH, oids.ID_KP_EMAIL_PROTECTION]
    )
    names = some(general_names(), least=1)
    return st.builds(NameValidationAlgParms, algorithms | of.object_identifiers(), names)


def policies() -> st.SearchStrategy[ValidationPolicy]:
    """Policies by reference, and with anything said beside."""
    flags = st.none() | st.booleans()
    reference = st.builds(ValidationPolRef, of.object_identifiers(), st.none() | of.elements())
    algorithm = st.one_of(
        st.none(),
        st.just(ValidationAlg()),
        st.builds(ValidationAlg, of.object_identifiers(), st.none() | of.elements()),
        name_parameters().map(ValidationAlg.by_names),
    )
    usages = st.none() | some(of.object_identifiers())
    return st.builds(
        ValidationPolicy,
        validation_pol_ref=st.just(ValidationPolRef()) | reference,
        validation_alg=algorithm,
        user_policy_set=some(of.object_identifiers()),
        inhibit_policy_mapping=flags,
        require_explicit_policy=flags,
        inhibit_any_policy=flags,
        trust_anchors=some(pkc_references(), most=2),
        key_usages=st.none() | some(st.integers(0, 0xFFFF)),
        extended_key_usages=usages,
        specified_key_usages=usages,
    )


# --- requests -----------------------------------------------------------------------------


def queries() -> st.SearchStrategy[Query]:
    references = some(pkc_references(), least=1) | some(ac_references(), least=1)
    return st.builds(
        Query,
        queried_certs=references,
        checks=some(checks(), least=1),
        want_back=some(wanted()),
        validation_policy=policies(),
        response_flags=st.builds(
            ResponseFlags,
            full_request_in_response=st.booleans(),
            response_validation_pol_by_ref=st.booleans(),
            protect_response=st.booleans(),
            cached_response=st.booleans(),
        ),
        server_context_info=st.none() | nonces(),
        validation_time=st.none() | of.moments(),
        intermediate_certs=some(sequences()),
        rev_infos=some(revocation_infos()),
        produced_at=st.none() | of.moments(),
        query_extensions=extensions(),
    )


def cv_requests() -> st.SearchStrategy[CVRequest]:
    return st.builds(
        CVRequest,
        query=queries(),
        requestor_ref=some(general_names(), most=2),
        request_nonce=st.none() | nonces(),
        requestor_name=st.none() | general_names(),
        responder_name=st.none() | general_names(),
        request_extensions=extensions(),
        signature_alg=st.none() | of.algorithm_identifiers(),
        hash_alg=st.none() | of.object_identifiers(),
        requestor_text=st.none() | texts(),
    )


# --- responses ----------------------------------------------------------------------------


def want_back_values() -> st.SearchStrategy[tuple[WantBack, WantBackValue]]:
    """A wantBack with a value of its type."""
    bundles = some(sequences(), least=1).map(CertBundle)
    key = hand.sequence(hand.sequence(hand.oid("1.3.101.112")), hand.bit_string(bytes(32)))
    info = st.builds(RevInfoWantBack, some(revocation_infos(), least=1), some(sequences()))
    return st.one_of(
        st.tuples(st.just(WantBack.PKC_BEST_CERT_PATH), bundles),
        st.tuples(st.just(WantBack.AA_CERT_PATH), bundles),
        st.tuples(st.just(WantBack.PKC_REVOCATION_INFO), info),
        st.tuples(st.just(WantBack.AC_REVOCATION_INFO), info),
        st.tuples(st.just(WantBack.PKC_CAS_REVOCATION_INFO), info),
        st.tuples(st.just(WantBack.PKC_PUBLIC_KEY_INFO), st.just(PublicKeyInfo(key))),
        st.tuples(st.just(WantBack.RELAYED_RESPONSES), some(sequences()).map(SCVPResponses)),
        st.tuples(st.just(WantBack.PKC_ALL_CERT_PATHS), some(bundles, least=1).map(CertBundles)),
    )


def reply_want_backs() -> st.SearchStrategy[ReplyWantBack]:
    typed = want_back_values().map(lambda pair: ReplyWantBack.of(*pair))
    return typed | st.builds(ReplyWantBack, of.object_identifiers(), nonces())


def cert_replies() -> st.SearchStrategy[CertReply]:
    statuses = st.sampled_from([int(one) for one in ReplyStatus]) | st.integers(0, 127)
    return st.builds(
        CertReply,
        cert=pkc_references() | ac_references(),
        reply_status=statuses,
        reply_val_time=of.moments(),
        reply_checks=some(st.builds(ReplyCheck, checks(), st.integers(-1, 300))),
        reply_want_backs=some(reply_want_backs()),
        validation_errors=some(errors()),
        next_update=st.none() | of.moments(),
        cert_reply_extensions=extensions(),
    )


def request_references() -> st.SearchStrategy[RequestReference]:
    full = cv_requests().map(lambda one: FullRequest(encode_cv_request(one)))
    return st.builds(HashValue, st.binary(max_size=64), hash_algorithms()) | full


def response_statuses() -> st.SearchStrategy[ResponseStatus]:
    codes = st.sampled_from([int(one) for one in CVStatusCode]) | st.integers(0, 127)
    messages = st.none() | st.text(st.characters(codec="utf-8"), max_size=20)
    return st.builds(ResponseStatus, codes, messages)


def cv_responses() -> st.SearchStrategy[CVResponse]:
    return st.builds(
        CVResponse,
        cv_response_version=st.integers(1, 3),
        server_configuration_id=st.integers(-1, 2**64),
        produced_at=of.moments(),
        response_status=response_statuses(),
        resp_validation_policy=st.none() | policies(),
        request_ref=st.none() | request_references(),
        requestor_ref=some(general_names(), most=2),
        requestor_name=some(general_names(), most=2),
        reply_objects=some(cert_replies()),
        resp_nonce=st.none() | nonces(),
        server_context_info=st.none() | nonces(),
        cv_response_extensions=extensions(),
        requestor_text=st.none() | texts(),
    )


# --- policies -----------------------------------------------------------------------------


def val_pol_requests() -> st.SearchStrategy[ValPolRequest]:
    return st.builds(ValPolRequest, request_nonce=nonces())


def public_keys() -> st.SearchStrategy[KeyAgreePublicKey]:
    return st.builds(
        KeyAgreePublicKey,
        algorithm=of.algorithm_identifiers(),
        public_key=st.binary(max_size=32),
        mac_algorithm=of.algorithm_identifiers(),
        kdf=st.none() | of.algorithm_identifiers(),
    )


def val_pol_responses() -> st.SearchStrategy[ValPolResponse]:
    identifiers, algorithms = of.object_identifiers(), some(of.algorithm_identifiers())
    return st.builds(
        ValPolResponse,
        vp_response_version=st.integers(1, 3),
        max_cv_request_version=st.integers(1, 3),
        max_vp_request_version=st.integers(1, 3),
        server_configuration_id=st.integers(0, 2**64),
        this_update=of.moments(),
        next_update=st.none() | of.moments(),
        supported_checks=some(checks(), least=1),
        supported_want_backs=some(wanted(), least=1),
        validation_policies=some(identifiers),
        validation_algs=some(identifiers),
        auth_policies=some(identifiers),
        response_types=st.sampled_from(ResponseTypes),
        default_policy_values=policies(),
        revocation_info_types=st.integers(0, 15).map(RevocationInfoTypes),
        signature_generation=algorithms,
        signature_verification=algorithms,
        hash_algorithms=some(identifiers, least=1),
        server_public_keys=st.none() | some(public_keys()),
        clock_skew=st.integers(0, 10_000).map(lambda minutes: timedelta(minutes=minutes)),
        request_nonce=st.none() | nonces(),
    )
