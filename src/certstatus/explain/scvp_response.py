"""A CVResponse in words, field by field (RFC 5055 §4)."""

from __future__ import annotations

from collections import Counter
from typing import Final

from cryptography.x509 import ObjectIdentifier

from certstatus.errors import MalformedError
from certstatus.explain.field import Field, absent, count_text, departure_texts, oid_text
from certstatus.explain.scvp_element import (
    bundle_field,
    extensions_field,
    given,
    names_field,
    number_text,
    oids_field,
    reference_field,
    revocation_infos_field,
)
from certstatus.explain.scvp_policy import (
    CHECK_MEANINGS,
    WANT_BACK_MEANINGS,
    validation_policy_field,
)
from certstatus.explain.scvp_request import explain_cv_request
from certstatus.scvp import (
    CertBundle,
    CertBundles,
    CertReply,
    Check,
    CVResponse,
    CVStatusCode,
    FullRequest,
    HashValue,
    PathStatus,
    PublicKeyInfo,
    ReplyCheck,
    ReplyStatus,
    ReplyWantBack,
    RequestReference,
    ResponseStatus,
    RevInfoWantBack,
    RevocationStatus,
    SCVPResponses,
    ValidationError,
    WantBackValue,
)

__all__ = ["explain_cv_response"]

_WANT_BACKS: Final = "RFC 5055 §4.9.5"

_CODES: Final = {
    CVStatusCode.OKAY: "the request was processed",
    CVStatusCode.SKIP_UNRECOGNIZED_ITEMS: (
        "the request was processed, but for items that the server does not know"
    ),
    CVStatusCode.TOO_BUSY: "ask again later",
    CVStatusCode.INVALID_REQUEST: "the request contradicts itself",
    CVStatusCode.INTERNAL_ERROR: "the server is at fault",
    CVStatusCode.BAD_STRUCTURE: "the request is not built as the standard asks",
    CVStatusCode.UNSUPPORTED_VERSION: "the request's version is unknown; this one's is the highest",
    CVStatusCode.ABORT_UNRECOGNIZED_ITEMS: "the request has items that the server does not know",
    CVStatusCode.UNRECOGNIZED_SIG_KEY: "the key that the request was protected with is unknown",
    CVStatusCode.BAD_SIGNATURE_OR_MAC: "the request's signature does not hold",
    CVStatusCode.UNABLE_TO_DECODE: "the request can't be decoded",
    CVStatusCode.NOT_AUTHORIZED: "the client may not ask this",
    CVStatusCode.UNSUPPORTED_CHECKS: "a check was asked for that the server can't do",
    CVStatusCode.UNSUPPORTED_WANT_BACKS: "a wantBack was asked for that the server can't give",
    CVStatusCode.UNSUPPORTED_SIGNATURE_OR_MAC: "the request is protected in a way it can't verify",
    CVStatusCode.INVALID_SIGNATURE_OR_MAC: "the request's protection is not built as it should be",
    CVStatusCode.PROTECTED_RESPONSE_UNSUPPORTED: "the server can't protect its replies",
    CVStatusCode.UNRECOGNIZED_RESPONDER_NAME: "the server does not go by the name asked for",
    CVStatusCode.RELAYING_LOOP: "the request came back to a server that had passed it on",
    CVStatusCode.UNRECOGNIZED_VAL_POL: "the validation policy is unknown",
    CVStatusCode.UNRECOGNIZED_VAL_ALG: "the validation algorithm is unknown",
    CVStatusCode.FULL_REQUEST_IN_RESPONSE_UNSUPPORTED: "replies can't hold the whole request",
    CVStatusCode.FULL_POL_RESPONSE_UNSUPPORTED: "replies can't spell the policy out",
    CVStatusCode.INHIBIT_POLICY_MAPPING_UNSUPPORTED: "inhibitPolicyMapping can't be set so",
    CVStatusCode.REQUIRE_EXPLICIT_POLICY_UNSUPPORTED: "requireExplicitPolicy can't be set so",
    CVStatusCode.INHIBIT_ANY_POLICY_UNSUPPORTED: "inhibitAnyPolicy can't be set so",
    CVStatusCode.VALIDATION_TIME_UNSUPPORTED: "the server judges as of now alone",
    CVStatusCode.UNRECOGNIZED_CRIT_QUERY_EXT: "a critical extension of the query is unknown",
    CVStatusCode.UNRECOGNIZED_CRIT_REQUEST_EXT: "a critical extension of the request is unknown",
}

_REPLIES: Final = {
    ReplyStatus.SUCCESS: "every check passed",
    ReplyStatus.MALFORMED_PKC: "the certificate can't be read",
    ReplyStatus.MALFORMED_AC: "the attribute certificate can't be read",
    ReplyStatus.UNAVAILABLE_VALIDATION_TIME: "nothing is known of the time asked for",
    ReplyStatus.REFERENCE_CERT_HASH_FAIL: "the certificate that was found has another hash",
    ReplyStatus.CERT_PATH_CONSTRUCT_FAIL: "no path to an anchor was found",
    ReplyStatus.CERT_PATH_NOT_VALID: "no path is valid",
    ReplyStatus.CERT_PATH_NOT_VALID_NOW: "no path is valid now; later one may be",
    ReplyStatus.WANT_BACK_UNSATISFIED: "the checks passed, but something can't be sent back",
}


def explain_cv_response(response: CVResponse) -> Field:
    """Explain a reply: every field by its name, with its meaning and section.

    Nothing here says that the reply is to be believed.
    """
    return Field(
        "CVResponse",
        f"{_code_text(response.response_status)}, {len(response.der)} octets",
        _summary(response),
        "RFC 5055 §4",
        children=(
            Field("cvResponseVersion", str(response.cv_response_version), "", "RFC 5055 §4.1"),
            Field(
                "serverConfigurationID",
                str(response.server_configuration_id),
                "another number means that the server's policies have changed",
                "RFC 5055 §4.2",
            ),
            Field("producedAt", response.produced_at, "when it was made", "RFC 5055 §4.3"),
            _status(response.response_status),
            _policy(response),
            _request_ref(response.request_ref),
            *_names(response),
            _reply_objects(response.reply_objects),
            *_rest(response),
        ),
        der=response.der,
        departures=departure_texts(response.departures),
    )


def _summary(response: CVResponse) -> str:
    if not response.reply_objects:
        return "says nothing of any certificate"
    counted = Counter(_reply_text(one.reply_status) for one in response.reply_objects)
    told = ", ".join(f"{count} {word}" for word, count in counted.items())
    number = count_text(len(response.reply_objects), "certificate")
    return f"answers about {number}: {told}; not verified here"


def _code_text(status: ResponseStatus) -> str:
    return "unknown" if status.known is None else status.known.label


def _reply_text(number: int) -> str:
    found = ReplyStatus.from_number(number)
    return f"unknown ({number})" if found is None else found.label


def _status(status: ResponseStatus) -> Field:
    known, section = status.known, "RFC 5055 §4.4"
    meaning = "a success" if status.is_success else "an error"
    return Field(
        "responseStatus",
        None,
        "how the request as a whole went",
        section,
        children=(
            Field(
                "statusCode",
                number_text(status.status_code, None if known is None else known.label),
                meaning if known is None else _CODES[known],
                section,
            ),
            given("errorMessage", status.error_message, "in words", "no word of why", section),
        ),
    )


def _policy(response: CVResponse) -> Field:
    if response.resp_validation_policy is None:
        meaning = "no policy was used: an error has none"
        return absent("respValidationPolicy", meaning, "RFC 5055 §4.5")
    return validation_policy_field("respValidationPolicy", response.resp_validation_policy)


def _request_ref(reference: RequestReference | None) -> Field:
    section = "RFC 5055 §4.6"
    if reference is None:
        return absent("requestRef", "nothing but a nonce binds it to a request", section)
    part = _full(reference) if isinstance(reference, FullRequest) else _hash(reference)
    return Field("requestRef", None, "the request that it answers", section, children=(part,))


def _hash(reference: HashValue) -> Field:
    algorithm = oid_text(reference.algorithm.oid)
    section = "RFC 5055 §4.6.1"
    return Field(
        "requestHash",
        None,
        "by its hash",
        section,
        children=(
            Field("algorithm", algorithm, "how it is hashed", section),
            Field("value", reference.value, "", section, der=reference.value),
        ),
    )


def _full(reference: FullRequest) -> Field:
    section = "RFC 5055 §4.6.2"
    try:
        request = explain_cv_request(reference.request())
    except MalformedError as error:
        return Field("fullRequest", None, "", section, der=reference.der, problem=str(error))
    return Field("fullRequest", None, "whole", section, children=(request,), der=reference.der)


def _names(response: CVResponse) -> tuple[Field, ...]:
    return (
        names_field(
            "requestorRef",
            response.requestor_ref,
            "copied from the request",
            "the request had none, or the reply was made beforehand",
            "RFC 5055 §4.7",
        ),
        names_field(
            "requestorName",
            response.requestor_name,
            "whom the server took the client for",
            "the client did not show who it is",
            "RFC 5055 §4.8",
        ),
    )


def _rest(response: CVResponse) -> tuple[Field, ...]:
    return (
        given(
            "respNonce",
            response.resp_nonce,
            "the request's: made for it, and no other",
            "may have been made beforehand",
            "RFC 5055 §4.10",
        ),
        given(
            "serverContextInfo",
            response.server_context_info,
            "ask again with it for the next path",
            "there is no further path",
            "RFC 5055 §4.11",
        ),
        extensions_field(
            "cvResponseExtensions",
            response.cv_response_extensions,
            "nothing further is said",
            "RFC 5055 §4.12",
        ),
        given(
            "requestorText",
            response.requestor_text,
            "copied from the request",
            "the request had none, or the reply was made beforehand",
            "RFC 5055 §4.13",
        ),
    )


# --- the replies ------------------------------------------------------------------------


def _reply_objects(replies: tuple[CertReply, ...]) -> Field:
    section = "RFC 5055 §4.9"
    if not replies:
        return absent("replyObjects", "no certificate is answered about", section)
    return Field(
        "replyObjects",
        count_text(len(replies), "reply", "replies"),
        "one for each certificate, in the order asked",
        section,
        children=tuple(_reply(one) for one in replies),
    )


def _reply(reply: CertReply) -> Field:
    status = ReplyStatus.from_number(reply.reply_status)
    return Field(
        "CertReply",
        None,
        "",
        "RFC 5055 §4.9",
        children=(
            Field("cert", None, "", "RFC 5055 §4.9.1", children=(reference_field(reply.cert),)),
            Field(
                "replyStatus",
                number_text(reply.reply_status, None if status is None else status.label),
                "" if status is None else _REPLIES[status],
                "RFC 5055 §4.9.2",
            ),
            Field("replyValTime", reply.reply_val_time, "as of that time", "RFC 5055 §4.9.3"),
            _checks(reply.reply_checks),
            _want_backs(reply.reply_want_backs),
            _errors(reply.validation_errors),
            given(
                "nextUpdate",
                reply.next_update,
                "by then another reply may be had",
                "no word of when another reply may be had",
                "RFC 5055 §4.9.7",
            ),
            extensions_field(
                "certReplyExtensions",
                reply.cert_reply_extensions,
                "nothing further is said",
                "RFC 5055 §4.9.8",
            ),
        ),
    )


def _checks(checks: tuple[ReplyCheck, ...]) -> Field:
    section = "RFC 5055 §4.9.4"
    return Field(
        "replyChecks",
        count_text(len(checks), "check"),
        "what each check found",
        section,
        children=tuple(_check(one) for one in checks),
    )


def _check(reply: ReplyCheck) -> Field:
    section = "RFC 5055 §4.9.4"
    check = Check.from_oid(reply.check)
    statuses = PathStatus if check is None or not check.asks_for_revocation else RevocationStatus
    status = None if check is None else statuses.from_number(reply.status)
    return Field(
        "ReplyCheck",
        None,
        "",
        section,
        children=(
            Field("check", oid_text(reply.check), CHECK_MEANINGS.get(reply.check, ""), section),
            Field("status", str(reply.status), "" if status is None else status.label, section),
        ),
    )


def _errors(errors: tuple[ObjectIdentifier, ...]) -> Field:
    section = "RFC 5055 §4.9.6"
    if not errors:
        return absent("validationErrors", "no error is named", section)
    meanings = {one.oid: text for one, text in _ERRORS.items()}
    return oids_field("validationErrors", errors, "some of what is wrong", section, meanings)


_ERRORS: Final = {
    ValidationError.EXPIRED: "the time lies after a certificate's notAfter",
    ValidationError.NOT_YET_VALID: "the time lies before a certificate's notBefore",
    ValidationError.WRONG_TRUST_ANCHOR: "the path ends at no anchor that will do",
    ValidationError.NO_VALID_CERT_PATH: "no path was found that is valid",
    ValidationError.REVOKED: "a certificate is revoked",
    ValidationError.INVALID_KEY_PURPOSE: "a certificate is not for the purpose asked for",
    ValidationError.INVALID_KEY_USAGE: "a key may not be used as asked for",
    ValidationError.INVALID_CERT_POLICY: "the path is valid under none of the policies",
    ValidationError.NAME_MISMATCH: "the certificate does not bear a name that was asked for",
    ValidationError.NO_NAME: "the certificate bears no name of the kind asked for",
    ValidationError.UNKNOWN_ALG: "the server does not know how to compare the names",
    ValidationError.BAD_NAME: "a name that was asked for is none",
    ValidationError.BAD_NAME_TYPE: "names of this kind can't be compared as was asked for",
    ValidationError.MIXED_NAMES: "names of several kinds were asked for",
}


# --- what is sent back ------------------------------------------------------------------


def _want_backs(want_backs: tuple[ReplyWantBack, ...]) -> Field:
    return Field(
        "replyWantBacks",
        count_text(len(want_backs), "element"),
        "what is sent back",
        _WANT_BACKS,
        children=tuple(_want_back(one) for one in want_backs),
    )


def _want_back(want_back: ReplyWantBack) -> Field:
    parts: tuple[Field, ...] = ()
    problem = ""
    try:
        parts = _value(want_back.typed())
    except MalformedError as error:
        problem = str(error)
    return Field(
        "ReplyWantBack",
        oid_text(want_back.wb),
        WANT_BACK_MEANINGS.get(want_back.wb, "unknown to certstatus"),
        _WANT_BACKS,
        children=parts,
        der=want_back.value,
        problem=problem,
    )


def _value(value: WantBackValue | None) -> tuple[Field, ...]:
    match value:
        case CertBundle(certs):
            return (_path(certs),)
        case CertBundles(bundles):
            return tuple(_path(bundle.certs) for bundle in bundles)
        case RevInfoWantBack():
            return _proof(value)
        case SCVPResponses(infos):
            meaning = "a reply of another server, in its ContentInfo"
            return tuple(Field("ContentInfo", None, meaning, _WANT_BACKS, der=der) for der in infos)
        case PublicKeyInfo(der):
            octets = count_text(len(der), "octet")
            return (Field("SubjectPublicKeyInfo", octets, "", "RFC 5280 §4.1.2.7", der=der),)
        case None:
            return ()


def _path(certificates: tuple[bytes, ...]) -> Field:
    meaning = "a path from the certificate towards the anchor, which is left out"
    return bundle_field("CertBundle", certificates, meaning, "", _WANT_BACKS)


def _proof(value: RevInfoWantBack) -> tuple[Field, ...]:
    return (
        revocation_infos_field("revocationInfo", value.revocation_info, "", "", _WANT_BACKS),
        bundle_field(
            "extraCerts",
            value.extra_certs,
            "certificates to verify it with that stand in no path",
            "the certificates of the path verify it",
            _WANT_BACKS,
        ),
    )
