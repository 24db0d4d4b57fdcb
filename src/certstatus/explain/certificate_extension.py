"""The extensions of certificates in words; those that OCSP cares for say why.

To add one: write what it says as a function of the certificate and the value, and name
it in ``_TOLD``. Every other extension is shown verbatim.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeAlias

from cryptography.x509 import ObjectIdentifier

from certstatus.asn1 import oids, x509
from certstatus.asn1.doorway import decode, decode_sequence_of
from certstatus.errors import MalformedError
from certstatus.explain.field import Field, Value, count_text, oid_text
from certstatus.ocsp import SignedCertificateTimestampList
from certstatus.pkix import Certificate
from certstatus.pkix.name import decode_general_names

__all__ = ["certificate_extension_fields"]

_Told: TypeAlias = tuple[Value, str, tuple[Field, ...]]


def certificate_extension_fields(certificate: Certificate) -> tuple[Field, ...]:
    """Explain every extension of a certificate; a broken one says why.

    Raises:
        MalformedError: an extension stands twice.
    """
    return tuple(
        _field(certificate, oid, critical=critical, value=value)
        for oid, (critical, value) in certificate.extensions.items()
    )


def _field(
    certificate: Certificate, oid: ObjectIdentifier, *, critical: bool, value: bytes
) -> Field:
    told = _TOLD.get(oid)
    extn_id = Field("extnID", oid_text(oid), "", "RFC 5280 §4.1")
    must = Field("critical", "TRUE", "must be understood", "RFC 5280 §4.2")
    marks = (extn_id, must) if critical else (extn_id,)
    if told is None:
        name, meaning = oids.name_of(oid), "of no weight for OCSP, so kept as it stands"
        return Field(name, value, meaning, "RFC 5280 §4.2", children=marks, der=value)
    name, section, teller = told
    try:
        shown, meaning, parts = teller(certificate, value)
    except MalformedError as error:
        return Field(name, value, "", section, children=marks, der=value, problem=str(error))
    return Field(name, shown, meaning, section, children=(*marks, *parts), der=value)


def _basic_constraints(_: Certificate, value: bytes) -> _Told:
    declared = decode(x509.BasicConstraints, value, "basicConstraints")
    if not declared.ca:
        return "cA FALSE", "not a CA", ()
    depth = declared.path_len_constraint
    limit = "any number" if depth is None else f"at most {depth}"
    return "cA TRUE", f"a CA, with {limit} of CAs beneath it", ()


_USAGES: Final = {
    "digital_signature": "digitalSignature",
    "content_commitment": "nonRepudiation",
    "key_encipherment": "keyEncipherment",
    "data_encipherment": "dataEncipherment",
    "key_agreement": "keyAgreement",
    "key_cert_sign": "keyCertSign",
    "crl_sign": "cRLSign",
}


def _key_usage(certificate: Certificate, _: bytes) -> _Told:
    usage = certificate.key_usage
    granted = [name for bit, name in _USAGES.items() if getattr(usage, bit)]
    return ", ".join(granted) or "none", "what the key may be used for", ()


def _ext_key_usage(certificate: Certificate, value: bytes) -> _Told:
    purposes = decode_sequence_of(x509.ExtKeyUsageSyntax, value, "extKeyUsage").purposes
    meaning = "what the certificate may be used for"
    if oids.ID_KP_OCSP_SIGNING in (certificate.extended_key_usages or ()):
        meaning = "its issuer lets it sign OCSP responses (RFC 6960 §4.2.2.2)"
    return ", ".join(oids.name_of(purpose) for purpose in purposes), meaning, ()


def _nocheck(_: Certificate, value: bytes) -> _Told:
    meaning = "trust this responder as long as the certificate lives; don't ask for its status"
    if value != b"\x05\x00":
        raise MalformedError("is not NULL", where="id-pkix-ocsp-nocheck", rule="O24")
    return "NULL", meaning, ()


def _access(certificate: Certificate, _: bytes) -> _Told:
    section = "RFC 5280 §4.2.2.1"
    meanings = {
        oids.ID_AD_OCSP: "where to ask for this certificate's status",
        oids.ID_AD_CA_ISSUERS: "where the issuer's certificate is",
    }
    parts = tuple(
        Field(
            oids.name_of(one.access_method),
            str(one.access_location),
            meanings.get(one.access_method, ""),
            section,
        )
        for one in certificate.access_descriptions
    )
    return count_text(len(parts), "place"), "services of the issuer", parts


def _distribution_points(certificate: Certificate, _: bytes) -> _Told:
    section = "RFC 5280 §4.2.1.13"
    parts = tuple(Field("fullName", uri, "", section) for uri in certificate.crl_uris)
    return count_text(len(parts), "place"), "where the CRL is", parts


def _subject_key(_: Certificate, value: bytes) -> _Told:
    return decode(bytes, value, "subjectKeyIdentifier"), "what its children call this key", ()


def _authority_key(_: Certificate, value: bytes) -> _Told:
    declared = decode(x509.AuthorityKeyIdentifier, value, "authorityKeyIdentifier")
    return declared.key_identifier, "what the issuer's key is called", ()


def _alternative_names(_: Certificate, value: bytes) -> _Told:
    names = decode_general_names(value, "subjectAltName")
    parts = tuple(Field("GeneralName", str(name), "", "RFC 5280 §4.2.1.6") for name in names)
    return count_text(len(parts), "name"), "whom the certificate speaks for", parts


def _policies(_: Certificate, value: bytes) -> _Told:
    declared = decode_sequence_of(x509.CertificatePolicies, value, "certificatePolicies")
    shown = ", ".join(oids.name_of(policy.policy_identifier) for policy in declared.policies)
    return shown, "under which policies it was issued", ()


def _tls_feature(certificate: Certificate, _: bytes) -> _Told:
    features = certificate.tls_features or ()
    names = {5: "status_request (5)", 17: "status_request_v2 (17)"}
    shown = ", ".join(names.get(feature, str(feature)) for feature in features)
    stapled = {5, 17} & set(features)
    meaning = "must-staple: a TLS server has to send an OCSP response" if stapled else ""
    return shown, meaning, ()


def _no_rev_avail(_: Certificate, value: bytes) -> _Told:
    del value
    return "NULL", "no status will ever be published; don't ask for one", ()


def _timestamps(_: Certificate, value: bytes) -> _Told:
    timestamps = SignedCertificateTimestampList.decode(value, "SignedCertificateTimestampList")
    shown = count_text(len(timestamps.serialized), "timestamp")
    return shown, "certificate transparency: logs that hold the certificate", ()


_Teller: TypeAlias = Callable[[Certificate, bytes], _Told]

_TOLD: Final[dict[ObjectIdentifier, tuple[str, str, _Teller]]] = {
    oids.ID_CE_BASIC_CONSTRAINTS: ("basicConstraints", "RFC 5280 §4.2.1.9", _basic_constraints),
    oids.ID_CE_KEY_USAGE: ("keyUsage", "RFC 5280 §4.2.1.3", _key_usage),
    oids.ID_CE_EXT_KEY_USAGE: ("extKeyUsage", "RFC 5280 §4.2.1.12", _ext_key_usage),
    oids.ID_PKIX_OCSP_NOCHECK: ("NoCheck", "RFC 6960 §4.2.2.2.1", _nocheck),
    oids.ID_PE_AUTHORITY_INFO_ACCESS: ("authorityInfoAccess", "RFC 5280 §4.2.2.1", _access),
    oids.ID_CE_CRL_DISTRIBUTION_POINTS: (
        "cRLDistributionPoints",
        "RFC 5280 §4.2.1.13",
        _distribution_points,
    ),
    oids.ID_CE_SUBJECT_KEY_IDENTIFIER: (
        "subjectKeyIdentifier",
        "RFC 5280 §4.2.1.2",
        _subject_key,
    ),
    oids.ID_CE_AUTHORITY_KEY_IDENTIFIER: (
        "authorityKeyIdentifier",
        "RFC 5280 §4.2.1.1",
        _authority_key,
    ),
    oids.ID_CE_SUBJECT_ALT_NAME: ("subjectAltName", "RFC 5280 §4.2.1.6", _alternative_names),
    oids.ID_CE_CERTIFICATE_POLICIES: ("certificatePolicies", "RFC 5280 §4.2.1.4", _policies),
    oids.ID_PE_TLS_FEATURE: ("tlsfeature", "RFC 7633 §4", _tls_feature),
    oids.ID_CE_NO_REV_AVAIL: ("noRevAvail", "RFC 9608 §2", _no_rev_avail),
    oids.ID_CT_SCTS_IN_CERTIFICATE: (
        "SignedCertificateTimestampList",
        "RFC 6962 §3.3",
        _timestamps,
    ),
}
