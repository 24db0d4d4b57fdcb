"""One of each SCVP message with every field filled, and its octets put together by hand.

The tags are those of RFC 5055 §8: IMPLICIT, but for a CHOICE, whose tag is EXPLICIT.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.x509 import ObjectIdentifier

from certstatus.asn1 import oids
from certstatus.ocsp import Extension, Extensions, OCSPResponseStatus, encode_error_response
from certstatus.pkix import AlgorithmIdentifier, GeneralName, HashAlgorithm
from certstatus.scvp import (
    CertBundle,
    CertReply,
    Check,
    CVRequest,
    CVResponse,
    CVStatusCode,
    HashValue,
    KeyAgreePublicKey,
    NameValidationAlgParms,
    PKCReference,
    Query,
    ReplyCheck,
    ReplyStatus,
    ReplyWantBack,
    ResponseFlags,
    ResponseStatus,
    ResponseTypes,
    RevocationInfo,
    RevocationInfoTypes,
    RevocationStatus,
    SCVPCertID,
    ValidationAlg,
    ValidationError,
    ValidationPolicy,
    ValidationPolRef,
    ValPolRequest,
    ValPolResponse,
    WantBack,
)
from certstatus.testing import TinyCA
from tests import der as hand
from tests.books import crl

NOW: Final = datetime(2026, 11, 21, 12, tzinfo=UTC)
NOW_OCTETS: Final = b"20261121120000Z"
LATER: Final = NOW + timedelta(days=1)
LATER_OCTETS: Final = b"20261122120000Z"


def key(number: int) -> ed25519.Ed25519PrivateKey:
    """The same key in every run, so that the messages are the same."""
    return ed25519.Ed25519PrivateKey.from_private_bytes(bytes((number,)) * 32)


CA: Final = TinyCA("Issuing CA", key=key(1))
LEAF: Final = CA.issue_server(key=key(2)).certificate
OTHER: Final = CA.issue_server("other.example", key=key(3)).certificate
FULL_CRL: Final = crl(CA, 5)
DELTA_CRL: Final = crl(CA, 6, number=2, delta_of=1)
OCSP_RESPONSE: Final = encode_error_response(OCSPResponseStatus.TRY_LATER)

STC: Final = "1.3.6.1.5.5.7.17"
SWB: Final = "1.3.6.1.5.5.7.18"
SVP: Final = "1.3.6.1.5.5.7.19"
SHA_256: Final = hand.sequence(hand.oid("2.16.840.1.101.3.4.2.1"))
ED25519: Final = hand.sequence(hand.oid("1.3.101.112"))


def retagged(tag: int, der: bytes) -> bytes:
    """Put an IMPLICIT tag in the place of an element's own."""
    return bytes((tag,)) + der[1:]


# --- parts --------------------------------------------------------------------------------

DNS: Final = GeneralName.dns_name("scvp.example")
DNS_OCTETS: Final = hand.tlv(0x82, b"scvp.example")
ISSUER: Final = GeneralName.directory_name(CA.certificate.subject)
ISSUER_OCTETS: Final = hand.tlv(0xA4, CA.certificate.subject.der)

CERT_ID: Final = SCVPCertID.of(OTHER)
CERT_ID_OCTETS: Final = hand.sequence(
    hand.octet_string(HashAlgorithm.SHA256.digest(OTHER.der)),
    hand.sequence(hand.sequence(ISSUER_OCTETS), hand.integer(OTHER.serial_number)),
    SHA_256,
)

EXTENSIONS: Final = Extensions((Extension(ObjectIdentifier("1.3.6.1.4.1.99999.1"), b"\x05\0"),))
EXTENSION_OCTETS: Final = hand.extension("1.3.6.1.4.1.99999.1", b"\x05\0")

POLICY: Final = ValidationPolicy(
    validation_pol_ref=ValidationPolRef(ObjectIdentifier("1.2.3.4"), hand.NULL),
    validation_alg=ValidationAlg.by_names(
        NameValidationAlgParms(oids.ID_KP_SERVER_AUTH, (GeneralName.dns_name("leaf.example"),))
    ),
    user_policy_set=(ObjectIdentifier("2.5.29.32.0"),),
    inhibit_policy_mapping=True,
    require_explicit_policy=False,
    inhibit_any_policy=True,
    trust_anchors=(PKCReference.by_value(CA.certificate), PKCReference(pkc_ref=CERT_ID)),
    key_usages=(0x8000, 0x0180, 0),
    extended_key_usages=(oids.ID_KP_SERVER_AUTH,),
    specified_key_usages=(),
)
POLICY_MEMBERS: Final = (
    hand.sequence(hand.oid("1.2.3.4"), hand.NULL),
    hand.explicit(
        0,
        hand.oid(f"{SVP}.2"),
        hand.sequence(
            hand.oid("1.3.6.1.5.5.7.3.1"), hand.sequence(hand.tlv(0x82, b"leaf.example"))
        ),
    ),
    hand.explicit(1, hand.oid("2.5.29.32.0")),
    hand.tlv(0x82, b"\xff"),
    hand.tlv(0x83, b"\0"),
    hand.tlv(0x84, b"\xff"),
    hand.explicit(5, retagged(0xA0, CA.certificate.der), retagged(0xA1, CERT_ID_OCTETS)),
    hand.explicit(
        6, hand.bit_string(b"\x80", 7), hand.bit_string(b"\x01\x80", 7), hand.bit_string(b"")
    ),
    hand.explicit(7, hand.oid("1.3.6.1.5.5.7.3.1")),
    hand.explicit(8),
)

# --- CVRequest ----------------------------------------------------------------------------

QUERY: Final = Query(
    queried_certs=(PKCReference.by_value(LEAF), PKCReference(pkc_ref=CERT_ID)),
    checks=(Check.BUILD_STATUS_CHECKED_PKC_PATH.oid, ObjectIdentifier("1.2.3.5")),
    want_back=(WantBack.PKC_BEST_CERT_PATH.oid, WantBack.PKC_CERT.oid),
    validation_policy=POLICY,
    response_flags=ResponseFlags(full_request_in_response=True, protect_response=False),
    server_context_info=b"context",
    validation_time=NOW,
    intermediate_certs=(CA.certificate.der,),
    rev_infos=(
        RevocationInfo.crl(FULL_CRL),
        RevocationInfo.delta_crl(DELTA_CRL),
        RevocationInfo.ocsp(OCSP_RESPONSE),
        RevocationInfo.other(ObjectIdentifier("1.2.3.6"), hand.NULL),
    ),
    produced_at=LATER,
    query_extensions=EXTENSIONS,
)
QUERY_MEMBERS: Final = (
    hand.explicit(0, retagged(0xA0, LEAF.der), retagged(0xA1, CERT_ID_OCTETS)),
    hand.sequence(hand.oid(f"{STC}.3"), hand.oid("1.2.3.5")),
    hand.explicit(1, hand.oid(f"{SWB}.1"), hand.oid(f"{SWB}.10")),
    hand.sequence(*POLICY_MEMBERS),
    hand.sequence(hand.tlv(0x80, b"\xff"), hand.tlv(0x82, b"\0")),
    hand.tlv(0x82, b"context"),
    hand.tlv(0x83, NOW_OCTETS),
    hand.explicit(4, CA.certificate.der),
    hand.explicit(
        5,
        retagged(0xA0, FULL_CRL),
        retagged(0xA1, DELTA_CRL),
        retagged(0xA2, OCSP_RESPONSE),
        hand.explicit(3, hand.oid("1.2.3.6"), hand.NULL),
    ),
    hand.tlv(0x86, LATER_OCTETS),
    hand.explicit(7, EXTENSION_OCTETS),
)

CV_REQUEST: Final = CVRequest(
    query=QUERY,
    requestor_ref=(DNS, ISSUER),
    request_nonce=b"nonce",
    requestor_name=ISSUER,
    responder_name=DNS,
    request_extensions=EXTENSIONS,
    signature_alg=AlgorithmIdentifier(oids.ID_ED25519),
    hash_alg=oids.ID_SHA256,
    requestor_text="für die Akten",
)
CV_REQUEST_MEMBERS: Final = (
    hand.sequence(*QUERY_MEMBERS),
    hand.explicit(0, DNS_OCTETS, ISSUER_OCTETS),
    hand.tlv(0x81, b"nonce"),
    # A tag on a CHOICE is EXPLICIT: the GeneralName keeps its own within.
    hand.explicit(2, ISSUER_OCTETS),
    hand.explicit(3, DNS_OCTETS),
    hand.explicit(4, EXTENSION_OCTETS),
    retagged(0xA5, ED25519),
    retagged(0x86, hand.oid("2.16.840.1.101.3.4.2.1")),
    hand.tlv(0x87, "für die Akten".encode()),
)
CV_REQUEST_OCTETS: Final = hand.sequence(*CV_REQUEST_MEMBERS)

MINIMAL_REQUEST: Final = CVRequest(
    query=Query(queried_certs=(PKCReference.by_value(LEAF),), checks=(Check.BUILD_PKC_PATH.oid,))
)
MINIMAL_QUERY_MEMBERS: Final = (
    hand.explicit(0, retagged(0xA0, LEAF.der)),
    hand.sequence(hand.oid(f"{STC}.1")),
    hand.sequence(hand.sequence(hand.oid(f"{SVP}.1"))),
)
MINIMAL_REQUEST_OCTETS: Final = hand.sequence(hand.sequence(*MINIMAL_QUERY_MEMBERS))

# --- CVResponse ---------------------------------------------------------------------------

CERT_REPLY: Final = CertReply(
    cert=PKCReference.by_value(LEAF),
    reply_status=ReplyStatus.CERT_PATH_NOT_VALID_NOW,
    reply_val_time=NOW,
    reply_checks=(
        ReplyCheck(
            Check.BUILD_STATUS_CHECKED_PKC_PATH.oid, RevocationStatus.REVOCATION_UNAVAILABLE
        ),
        ReplyCheck(Check.BUILD_PKC_PATH.oid),
    ),
    reply_want_backs=(
        ReplyWantBack.of(WantBack.PKC_BEST_CERT_PATH, CertBundle((LEAF.der, CA.certificate.der))),
    ),
    validation_errors=(ValidationError.REVOKED.oid,),
    next_update=LATER,
    cert_reply_extensions=EXTENSIONS,
)
CERT_REPLY_MEMBERS: Final = (
    retagged(0xA0, LEAF.der),
    hand.enumerated(7),
    hand.generalized_time(NOW_OCTETS.decode()),
    hand.sequence(
        hand.sequence(hand.oid(f"{STC}.3"), hand.integer(3)), hand.sequence(hand.oid(f"{STC}.1"))
    ),
    hand.sequence(
        hand.sequence(
            hand.oid(f"{SWB}.1"), hand.octet_string(hand.sequence(LEAF.der, CA.certificate.der))
        )
    ),
    hand.explicit(0, hand.oid(f"{SVP}.3.5")),
    hand.tlv(0x81, LATER_OCTETS),
    hand.explicit(2, EXTENSION_OCTETS),
)
SECOND_REPLY: Final = CertReply(cert=PKCReference(pkc_ref=CERT_ID), reply_val_time=NOW)
SECOND_REPLY_MEMBERS: Final = (
    retagged(0xA1, CERT_ID_OCTETS),
    hand.generalized_time(NOW_OCTETS.decode()),
    hand.sequence(),
    hand.sequence(),
)

CV_RESPONSE: Final = CVResponse(
    server_configuration_id=7,
    produced_at=NOW,
    response_status=ResponseStatus(CVStatusCode.SKIP_UNRECOGNIZED_ITEMS, "ging so"),
    resp_validation_policy=POLICY,
    request_ref=HashValue(b"digest", AlgorithmIdentifier(oids.ID_SHA256)),
    requestor_ref=(DNS,),
    requestor_name=(ISSUER,),
    reply_objects=(CERT_REPLY, SECOND_REPLY),
    resp_nonce=b"nonce",
    server_context_info=b"context",
    cv_response_extensions=EXTENSIONS,
    requestor_text="x",
)
CV_RESPONSE_MEMBERS: Final = (
    hand.integer(1),
    hand.integer(7),
    hand.generalized_time(NOW_OCTETS.decode()),
    hand.sequence(hand.enumerated(1), hand.tlv(0x0C, b"ging so")),
    hand.explicit(0, *POLICY_MEMBERS),
    # RequestReference is a CHOICE: [1] EXPLICIT, then requestHash [0] IMPLICIT.
    hand.explicit(1, hand.explicit(0, SHA_256, hand.octet_string(b"digest"))),
    hand.explicit(2, DNS_OCTETS),
    hand.explicit(3, ISSUER_OCTETS),
    hand.explicit(4, hand.sequence(*CERT_REPLY_MEMBERS), hand.sequence(*SECOND_REPLY_MEMBERS)),
    hand.tlv(0x85, b"nonce"),
    hand.tlv(0x86, b"context"),
    hand.explicit(7, EXTENSION_OCTETS),
    hand.tlv(0x88, b"x"),
)
CV_RESPONSE_OCTETS: Final = hand.sequence(*CV_RESPONSE_MEMBERS)

MINIMAL_RESPONSE: Final = CVResponse(
    server_configuration_id=7,
    produced_at=NOW,
    response_status=ResponseStatus(CVStatusCode.UNSUPPORTED_CHECKS),
)
MINIMAL_RESPONSE_OCTETS: Final = hand.sequence(
    *CV_RESPONSE_MEMBERS[:3], hand.sequence(hand.enumerated(27))
)

# --- ValPolRequest and ValPolResponse -----------------------------------------------------

VAL_POL_REQUEST: Final = ValPolRequest(request_nonce=b"nonce")
VAL_POL_REQUEST_OCTETS: Final = hand.sequence(hand.octet_string(b"nonce"))

VAL_POL_RESPONSE: Final = ValPolResponse(
    max_cv_request_version=2,
    max_vp_request_version=3,
    server_configuration_id=7,
    this_update=NOW,
    next_update=LATER,
    supported_checks=(Check.BUILD_PKC_PATH.oid, Check.BUILD_VALID_PKC_PATH.oid),
    supported_want_backs=(WantBack.PKC_CERT.oid,),
    validation_policies=(oids.ID_SVP_DEFAULT_VAL_POLICY,),
    validation_algs=(oids.ID_SVP_BASIC_VAL_ALG, oids.ID_SVP_NAME_VAL_ALG),
    auth_policies=(ObjectIdentifier("1.2.3.7"),),
    response_types=ResponseTypes.CACHED_AND_NON_CACHED,
    default_policy_values=POLICY,
    revocation_info_types=RevocationInfoTypes.FULL_CRLS | RevocationInfoTypes.OCSP_RESPONSES,
    signature_generation=(AlgorithmIdentifier(oids.ID_ED25519),),
    signature_verification=(),
    hash_algorithms=(oids.ID_SHA256, oids.ID_SHA1),
    server_public_keys=(
        KeyAgreePublicKey(
            algorithm=AlgorithmIdentifier(oids.ID_ED25519),
            public_key=bytes(32),
            mac_algorithm=AlgorithmIdentifier(oids.ID_SHA256),
            kdf=AlgorithmIdentifier(oids.ID_SHA256),
        ),
    ),
    clock_skew=timedelta(minutes=5),
    request_nonce=b"nonce",
)
VAL_POL_RESPONSE_MEMBERS: Final = (
    hand.integer(1),
    hand.integer(2),
    hand.integer(3),
    hand.integer(7),
    hand.generalized_time(NOW_OCTETS.decode()),
    hand.generalized_time(LATER_OCTETS.decode()),
    hand.sequence(hand.oid(f"{STC}.1"), hand.oid(f"{STC}.2")),
    hand.sequence(hand.oid(f"{SWB}.10")),
    hand.sequence(hand.oid(f"{SVP}.1")),
    hand.sequence(hand.oid(f"{SVP}.3"), hand.oid(f"{SVP}.2")),
    hand.sequence(hand.oid("1.2.3.7")),
    hand.enumerated(2),
    hand.sequence(*POLICY_MEMBERS),
    hand.bit_string(b"\x90", 4),
    hand.sequence(ED25519),
    hand.sequence(),
    hand.sequence(hand.oid("2.16.840.1.101.3.4.2.1"), hand.oid("1.3.14.3.2.26")),
    hand.sequence(hand.sequence(ED25519, hand.bit_string(bytes(32)), SHA_256, SHA_256)),
    hand.integer(5),
    hand.octet_string(b"nonce"),
)
VAL_POL_RESPONSE_OCTETS: Final = hand.sequence(*VAL_POL_RESPONSE_MEMBERS)
