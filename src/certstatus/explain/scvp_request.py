"""A CVRequest in words, field by field (RFC 5055 §3)."""

from __future__ import annotations

from certstatus.explain.field import Field, absent, count_text, departure_texts, oid_text
from certstatus.explain.scvp_element import (
    algorithm_field,
    bundle_field,
    extensions_field,
    given,
    names_field,
    oids_field,
    references_field,
    revocation_infos_field,
    version_field,
)
from certstatus.explain.scvp_policy import (
    CHECK_MEANINGS,
    WANT_BACK_MEANINGS,
    validation_policy_field,
)
from certstatus.pkix import GeneralName
from certstatus.scvp import CVRequest, Query, ResponseFlags

__all__ = ["explain_cv_request"]


def explain_cv_request(request: CVRequest) -> Field:
    """Explain a request: every field by its name, with its meaning and section."""
    return Field(
        "CVRequest",
        f"{len(request.der)} octets",
        _summary(request.query),
        "RFC 5055 §3",
        children=(
            version_field("cvRequestVersion", request.departures, "RFC 5055 §3.1"),
            _query(request.query),
            names_field(
                "requestorRef",
                request.requestor_ref,
                "who has passed the request on, the client's own names first",
                "the client keeps no note of its own",
                "RFC 5055 §3.3",
            ),
            given(
                "requestNonce",
                request.request_nonce,
                "binds a reply that is made for this request, against replay",
                "a reply made beforehand will do",
                "RFC 5055 §3.4",
            ),
            *_ends(request),
            *_wishes(request),
        ),
        der=request.der,
        departures=departure_texts(request.departures),
    )


def _summary(query: Query) -> str:
    kind = "attribute certificate" if query.asks_for_attribute_certs else "certificate"
    return f"asks to judge {count_text(len(query.queried_certs), kind)}"


def _name(name: str, value: GeneralName | None, present: str, missing: str, section: str) -> Field:
    return given(name, None if value is None else str(value), present, missing, section)


def _ends(request: CVRequest) -> tuple[Field, ...]:
    return (
        _name(
            "requestorName",
            request.requestor_name,
            "who asks; without a signature, anyone may say so",
            "the client does not name itself",
            "RFC 5055 §3.5",
        ),
        _name(
            "responderName",
            request.responder_name,
            "who shall sign the reply",
            "whichever name the server has may sign",
            "RFC 5055 §3.6",
        ),
    )


def _wishes(request: CVRequest) -> tuple[Field, ...]:
    hash_alg = request.hash_alg
    return (
        extensions_field(
            "requestExtensions",
            request.request_extensions,
            "nothing further is asked for",
            "RFC 5055 §3.7",
        ),
        algorithm_field(
            "signatureAlg",
            request.signature_alg,
            "how the reply shall be signed, if the server can",
            "signed as the server does by default",
            "RFC 5055 §3.8",
        ),
        given(
            "hashAlg",
            None if hash_alg is None else oid_text(hash_alg),
            "how the reply shall hash this request",
            "hashed as the server does by default",
            "RFC 5055 §3.9",
        ),
        given(
            "requestorText",
            request.requestor_text,
            "a note that comes back with the reply",
            "no note to come back with the reply",
            "RFC 5055 §3.10",
        ),
    )


def _query(query: Query) -> Field:
    return Field(
        "query",
        None,
        "what is asked",
        "RFC 5055 §3.2",
        children=(
            references_field(
                "queriedCerts", query.queried_certs, "whom it is about", "RFC 5055 §3.2.1"
            ),
            oids_field("checks", query.checks, "what to check", "RFC 5055 §3.2.2", CHECK_MEANINGS),
            _want_back(query),
            validation_policy_field("validationPolicy", query.validation_policy),
            _flags(query.response_flags),
            *_context(query),
            *_given_data(query),
            given(
                "producedAt",
                query.produced_at,
                "a reply made beforehand must not be older",
                "a reply made beforehand may be of any age",
                "RFC 5055 §3.2.10",
            ),
            extensions_field(
                "queryExtensions",
                query.query_extensions,
                "nothing further is asked for",
                "RFC 5055 §3.2.11",
            ),
        ),
    )


def _want_back(query: Query) -> Field:
    section = "RFC 5055 §3.2.3"
    if not query.want_back:
        return absent("wantBack", "the server's word alone will do", section)
    return oids_field("wantBack", query.want_back, "what to send back", section, WANT_BACK_MEANINGS)


def _flags(flags: ResponseFlags) -> Field:
    section = "RFC 5055 §3.2.5"
    if flags == ResponseFlags():
        meaning = "a signed reply, made beforehand or not, with the request's hash"
        return absent("responseFlags", meaning, section)
    return Field(
        "responseFlags",
        None,
        "what the reply is to be like",
        section,
        children=(
            _flag(
                "fullRequestInResponse",
                flags.full_request_in_response,
                ("the reply holds this request whole", "the reply holds this request's hash"),
                1,
            ),
            _flag(
                "responseValidationPolByRef",
                flags.response_validation_pol_by_ref,
                ("the reply names the policy used", "the reply spells the policy out"),
                2,
            ),
            _flag(
                "protectResponse",
                flags.protect_response,
                ("the reply must be signed", "the reply need not be signed"),
                3,
            ),
            _flag(
                "cachedResponse",
                flags.cached_response,
                ("a reply made beforehand will do", "the reply must be made for this request"),
                4,
            ),
        ),
    )


def _flag(name: str, value: bool, meanings: tuple[str, str], number: int) -> Field:
    meaning = meanings[0 if value else 1]
    return Field(name, str(value).upper(), meaning, f"RFC 5055 §3.2.5.{number}")


def _context(query: Query) -> tuple[Field, ...]:
    return (
        given(
            "serverContextInfo",
            query.server_context_info,
            "from an earlier reply: asks for the next path",
            "asks for the first path",
            "RFC 5055 §3.2.6",
        ),
        given(
            "validationTime",
            query.validation_time,
            "judge as of that time",
            "judge as of now",
            "RFC 5055 §3.2.7",
        ),
    )


def _given_data(query: Query) -> tuple[Field, ...]:
    return (
        bundle_field(
            "intermediateCerts",
            query.intermediate_certs,
            "certificates that may serve to build a path",
            "the server finds the others by itself",
            "RFC 5055 §3.2.8",
        ),
        revocation_infos_field(
            "revInfos",
            query.rev_infos,
            "revocation data that may serve",
            "the server finds revocation data by itself",
            "RFC 5055 §3.2.9",
        ),
    )
