"""ValidationPolicy, ValPolRequest and ValPolResponse in words (RFC 5055 §3.2.4, §5, §6)."""

from __future__ import annotations

from typing import Final

from certstatus.asn1 import oids
from certstatus.errors import MalformedError
from certstatus.explain.field import (
    Field,
    absent,
    count_text,
    departure_texts,
    oid_text,
    span_text,
)
from certstatus.explain.scvp_element import (
    algorithm_field,
    flag_field,
    given,
    names_field,
    number_text,
    oids_field,
    references_field,
    version_field,
)
from certstatus.pkix import AlgorithmIdentifier
from certstatus.scvp import (
    Check,
    KeyAgreePublicKey,
    ResponseTypes,
    RevocationInfoTypes,
    ValidationAlg,
    ValidationPolicy,
    ValidationPolRef,
    ValPolRequest,
    ValPolResponse,
    WantBack,
)

__all__ = [
    "CHECK_MEANINGS",
    "WANT_BACK_MEANINGS",
    "explain_val_pol_request",
    "explain_val_pol_response",
    "validation_policy_field",
]

CHECK_MEANINGS: Final = {
    Check.BUILD_PKC_PATH.oid: "build a path to an anchor; validate nothing",
    Check.BUILD_VALID_PKC_PATH.oid: "build a path and validate it; ask for no revocation",
    Check.BUILD_STATUS_CHECKED_PKC_PATH.oid: "build a path, validate it, and check revocation",
    Check.BUILD_AA_PATH.oid: "build a path for the issuer of an attribute certificate",
    Check.BUILD_VALID_AA_PATH.oid: "validate a path for the issuer of an attribute certificate",
    Check.BUILD_STATUS_CHECKED_AA_PATH.oid: (
        "validate a path for the issuer of an attribute certificate, and check revocation"
    ),
    Check.STATUS_CHECK_AC_AND_BUILD_STATUS_CHECKED_AA_PATH.oid: (
        "the same, and check the revocation of the attribute certificate itself"
    ),
}

WANT_BACK_MEANINGS: Final = {
    WantBack.PKC_BEST_CERT_PATH.oid: "the path that the server found best",
    WantBack.PKC_REVOCATION_INFO.oid: "proof that no certificate of the path is revoked",
    WantBack.PKC_PUBLIC_KEY_INFO.oid: "the certificate's public key",
    WantBack.AA_CERT_PATH.oid: "the path of the attribute certificate's issuer",
    WantBack.AA_REVOCATION_INFO.oid: "proof for the path of the attribute certificate's issuer",
    WantBack.AC_REVOCATION_INFO.oid: "proof for the attribute certificate itself",
    WantBack.RELAYED_RESPONSES.oid: "the replies of the servers that this one asked",
    WantBack.PKC_CERT.oid: "the certificate itself, in the place of the reference",
    WantBack.AC_CERT.oid: "the attribute certificate itself, in the place of the reference",
    WantBack.PKC_ALL_CERT_PATHS.oid: "every path that the server found",
    WantBack.PKC_EE_REVOCATION_INFO.oid: "proof for the end entity's certificate alone",
    WantBack.PKC_CAS_REVOCATION_INFO.oid: "proof for the certificates of the CAs alone",
}

_ALGORITHMS: Final = {
    oids.ID_SVP_BASIC_VAL_ALG: "validation as RFC 5280 §6 has it",
    oids.ID_SVP_NAME_VAL_ALG: "the same, and the certificate must have the names that follow",
}
_COMPARISONS: Final = {
    oids.ID_NVA_DN_COMP_ALG: "compares distinguished names",
    oids.ID_KP_SERVER_AUTH: "compares host names, as TLS clients do",
    oids.ID_KP_EMAIL_PROTECTION: "compares mail addresses, as S/MIME does",
}
_AS_POLICY: Final = "as the policy says"


def validation_policy_field(name: str, policy: ValidationPolicy) -> Field:
    """Explain a ValidationPolicy under the name that it has in its message."""
    meaning = "the policy as it stands" if policy.is_by_reference else "the policy, item by item"
    return Field(
        name,
        None,
        meaning,
        "RFC 5055 §3.2.4",
        children=(
            _reference(policy.validation_pol_ref),
            _algorithm(policy.validation_alg),
            *_policy_inputs(policy),
            _anchors(policy),
            _key_usages(policy.key_usages),
            *_extended_usages(policy),
        ),
    )


def _reference(reference: ValidationPolRef) -> Field:
    is_default = reference.val_pol_id == oids.ID_SVP_DEFAULT_VAL_POLICY
    return Field(
        "validationPolRef",
        oid_text(reference.val_pol_id),
        "the server's default policy" if is_default else "which policy",
        "RFC 5055 §3.2.4.1",
        der=reference.val_pol_params,
    )


def _algorithm(algorithm: ValidationAlg | None) -> Field:
    section = "RFC 5055 §3.2.4.2"
    if algorithm is None:
        return absent("validationAlg", _AS_POLICY, section)
    value = oid_text(algorithm.val_alg_id)
    meaning = _ALGORITHMS.get(algorithm.val_alg_id, "unknown to certstatus")
    try:
        parameters = algorithm.name_parameters()
    except MalformedError as error:
        return Field("validationAlg", value, meaning, section, problem=str(error))
    parts: tuple[Field, ...] = ()
    if parameters is not None:
        comparison = parameters.name_comp_alg_id
        names = parameters.validation_names
        section = "RFC 5055 §3.2.4.2.3"
        meant = _COMPARISONS.get(comparison, "unknown to certstatus")
        parts = (
            Field("nameCompAlgId", oid_text(comparison), meant, section),
            names_field("validationNames", names, "all must match", "", section),
        )
    return Field("validationAlg", value, meaning, section, children=parts, der=algorithm.parameters)


def _policy_inputs(policy: ValidationPolicy) -> tuple[Field, ...]:
    """Explain what goes into the policies of RFC 5280 §6.1.1."""
    section = "RFC 5055 §3.2.4.3"
    policies = policy.user_policy_set
    return (
        oids_field("userPolicySet", policies, "certificate policies that will do", section)
        if policies
        else absent("userPolicySet", _AS_POLICY, section),
        flag_field(
            "inhibitPolicyMapping",
            policy.inhibit_policy_mapping,
            ("policies may not be mapped", "policies may be mapped", _AS_POLICY),
            "RFC 5055 §3.2.4.4",
        ),
        flag_field(
            "requireExplicitPolicy",
            policy.require_explicit_policy,
            (
                "the path must be valid for one of the policies",
                "a path without any policy will do",
                _AS_POLICY,
            ),
            "RFC 5055 §3.2.4.5",
        ),
        flag_field(
            "inhibitAnyPolicy",
            policy.inhibit_any_policy,
            ("anyPolicy stands for no other", "anyPolicy stands for every other", _AS_POLICY),
            "RFC 5055 §3.2.4.6",
        ),
    )


def _anchors(policy: ValidationPolicy) -> Field:
    section = "RFC 5055 §3.2.4.7"
    if not policy.trust_anchors:
        return absent("trustAnchors", _AS_POLICY, section)
    meaning = "where a path may end, and nowhere else"
    return references_field("trustAnchors", policy.trust_anchors, meaning, section)


_USAGES: Final = (
    "digitalSignature",
    "nonRepudiation",
    "keyEncipherment",
    "dataEncipherment",
    "keyAgreement",
    "keyCertSign",
    "cRLSign",
    "encipherOnly",
    "decipherOnly",
)


def _key_usages(usages: tuple[int, ...] | None) -> Field:
    section = "RFC 5055 §3.2.4.8"
    if usages is None:
        return absent("keyUsages", _AS_POLICY, section)
    return Field(
        "keyUsages",
        count_text(len(usages), "element"),
        "one of these must be granted whole" if usages else "no key usage is asked for",
        section,
        children=tuple(Field("KeyUsage", _usage_text(flags), "", section) for flags in usages),
    )


def _usage_text(flags: int) -> str:
    named = [name for place, name in enumerate(_USAGES) if flags & (0x8000 >> place)]
    unnamed = [f"bit {place}" for place in range(len(_USAGES), 16) if flags & (0x8000 >> place)]
    return ", ".join(named + unnamed) or "none"


def _extended_usages(policy: ValidationPolicy) -> tuple[Field, ...]:
    return tuple(
        absent(name, _AS_POLICY, section)
        if found is None
        else oids_field(name, found, meaning if found else "no purpose is asked for", section)
        for name, found, meaning, section in (
            (
                "extendedKeyUsages",
                policy.extended_key_usages,
                "all must be allowed, by name or because nothing is forbidden",
                "RFC 5055 §3.2.4.9",
            ),
            (
                "specifiedKeyUsages",
                policy.specified_key_usages,
                "all must be named in the certificate",
                "RFC 5055 §3.2.4.10",
            ),
        )
    )


# --- ValPolRequest and ValPolResponse ---------------------------------------------------


def explain_val_pol_request(request: ValPolRequest) -> Field:
    """Explain a question for a server's policies."""
    return Field(
        "ValPolRequest",
        f"{len(request.der)} octets",
        "asks what a server can do, and does by default",
        "RFC 5055 §5",
        children=(
            version_field("vpRequestVersion", request.departures, "RFC 5055 §5.1"),
            Field(
                "requestNonce",
                request.request_nonce,
                "binds a reply that is made for this request",
                "RFC 5055 §5.2",
                der=request.request_nonce,
            ),
        ),
        der=request.der,
        departures=departure_texts(request.departures),
    )


def explain_val_pol_response(response: ValPolResponse) -> Field:
    """Explain what a server says that it can do. Nothing here says that it is to be believed."""
    return Field(
        "ValPolResponse",
        f"{len(response.der)} octets",
        "what a server can do, and does by default; not verified here",
        "RFC 5055 §6",
        children=(
            *_versions(response),
            *_times(response),
            *_abilities(response),
            validation_policy_field("defaultPolicyValues", response.default_policy_values),
            Field(
                "revocationInfoTypes",
                _info_types_text(response.revocation_info_types),
                "what it can check revocation with",
                "RFC 5055 §6",
            ),
            *_algorithms(response),
            Field(
                "clockSkew",
                span_text(response.clock_skew),
                "by how much clocks may differ",
                "RFC 5055 §6.19",
            ),
            given(
                "requestNonce",
                response.request_nonce,
                "the nonce of the request: made for it, and no other",
                "a cached reply",
                "RFC 5055 §6.6",
            ),
        ),
        der=response.der,
        departures=departure_texts(response.departures),
    )


def _versions(response: ValPolResponse) -> tuple[Field, ...]:
    return (
        Field("vpResponseVersion", str(response.vp_response_version), "", "RFC 5055 §6.1"),
        Field(
            "maxCVRequestVersion",
            str(response.max_cv_request_version),
            "the highest of a CVRequest that it reads",
            "RFC 5055 §6.2",
        ),
        Field(
            "maxVPRequestVersion",
            str(response.max_vp_request_version),
            "the highest of a ValPolRequest that it reads",
            "RFC 5055 §6.3",
        ),
        Field(
            "serverConfigurationID",
            str(response.server_configuration_id),
            "another number means that something of this has changed",
            "RFC 5055 §6.4",
        ),
    )


def _times(response: ValPolResponse) -> tuple[Field, ...]:
    return (
        Field("thisUpdate", response.this_update, "when this was said", "RFC 5055 §6.5"),
        given(
            "nextUpdate",
            response.next_update,
            "a cached reply: the next comes by then",
            "made for its request",
            "RFC 5055 §6.6",
        ),
    )


_RESPONSE_TYPES: Final = {
    ResponseTypes.CACHED_ONLY: "replies may be made beforehand, and all are",
    ResponseTypes.NON_CACHED_ONLY: "every reply is made for its request",
    ResponseTypes.CACHED_AND_NON_CACHED: "replies are made beforehand or for their request",
}


def _abilities(response: ValPolResponse) -> tuple[Field, ...]:
    kind = response.response_types
    return (
        oids_field(
            "supportedChecks",
            response.supported_checks,
            "what it can check",
            "RFC 5055 §6.7",
            CHECK_MEANINGS,
        ),
        oids_field(
            "supportedWantBacks",
            response.supported_want_backs,
            "what it can send back",
            "RFC 5055 §6.8",
            WANT_BACK_MEANINGS,
        ),
        oids_field(
            "validationPolicies",
            response.validation_policies,
            "the policies that it knows",
            "RFC 5055 §6.9",
        ),
        oids_field(
            "validationAlgs",
            response.validation_algs,
            "how it can validate",
            "RFC 5055 §6.10",
            _ALGORITHMS,
        ),
        oids_field(
            "authPolicies",
            response.auth_policies,
            "how clients may show who they are",
            "RFC 5055 §6.11",
        ),
        Field(
            "responseTypes",
            number_text(kind, kind.label),
            _RESPONSE_TYPES[kind],
            "RFC 5055 §6.12",
        ),
    )


_INFO_TYPES: Final = {
    RevocationInfoTypes.FULL_CRLS: "fullCRLs",
    RevocationInfoTypes.DELTA_CRLS: "deltaCRLs",
    RevocationInfoTypes.INDIRECT_CRLS: "indirectCRLs",
    RevocationInfoTypes.OCSP_RESPONSES: "oCSPResponses",
}


def _info_types_text(types: RevocationInfoTypes) -> str:
    return ", ".join(name for one, name in _INFO_TYPES.items() if one in types) or "none"


def _algorithms(response: ValPolResponse) -> tuple[Field, ...]:
    return (
        _algorithm_list(
            "signatureGeneration",
            response.signature_generation,
            "how it can sign; the first unless asked otherwise",
            "RFC 5055 §6.15",
        ),
        _algorithm_list(
            "signatureVerification",
            response.signature_verification,
            "what signatures of clients it can verify",
            "RFC 5055 §6.16",
        ),
        oids_field(
            "hashAlgorithms",
            response.hash_algorithms,
            "how it can hash requests; the first unless asked otherwise",
            "RFC 5055 §6.17",
        ),
        _public_keys(response.server_public_keys),
    )


def _algorithm_list(
    name: str, algorithms: tuple[AlgorithmIdentifier, ...], meaning: str, section: str
) -> Field:
    parts = (algorithm_field("AlgorithmIdentifier", one, "", "", section) for one in algorithms)
    count = count_text(len(algorithms), "algorithm")
    return Field(name, count, meaning, section, children=tuple(parts))


def _public_keys(keys: tuple[KeyAgreePublicKey, ...] | None) -> Field:
    section = "RFC 5055 §6.18"
    if keys is None:
        return absent("serverPublicKeys", "it offers no key to agree on a MAC with", section)
    return Field(
        "serverPublicKeys",
        count_text(len(keys), "key"),
        "keys to agree on a MAC with",
        section,
        children=tuple(
            Field("KeyAgreePublicKey", oid_text(key.algorithm.oid), "", section, der=key.public_key)
            for key in keys
        ),
    )
