"""A certificate in words: every field, and above all what OCSP makes of it (RFC 5280 §4)."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from cryptography.hazmat.primitives.asymmetric import dsa, ec, rsa

from certstatus.errors import MalformedError
from certstatus.explain.certificate_extension import certificate_extension_fields
from certstatus.explain.element import (
    name_text,
    serial_field,
    signature_algorithm_field,
    signature_field,
)
from certstatus.explain.field import Field, absent, count_text, oid_text, span_text
from certstatus.pkix import Certificate, HashAlgorithm

__all__ = ["certificate_in_short", "certificate_summary", "certs_field", "explain_certificate"]

_SECTION: Final = "RFC 5280 §4.1"
_NAMING_HASHES: Final = (HashAlgorithm.SHA1, HashAlgorithm.SHA256)


def explain_certificate(certificate: Certificate) -> Field:
    """Explain a certificate: every field by its name, with its meaning and section."""
    return Field(
        "Certificate",
        f"{name_text(certificate.subject)}, {len(certificate.der)} octets",
        certificate_summary(certificate),
        _SECTION,
        children=(
            _tbs_certificate(certificate),
            signature_algorithm_field(
                "signatureAlgorithm", certificate.signature_algorithm, "RFC 5280 §4.1.1.2"
            ),
            signature_field(
                "signatureValue", certificate.signature, "the issuer's", "RFC 5280 §4.1.1.3"
            ),
        ),
        der=certificate.der,
    )


def certificate_summary(certificate: Certificate) -> str:
    """Say in a line whose certificate it is, and whether its status can be asked for."""
    try:
        kind = "a CA's" if certificate.is_ca else "an end entity's"
        places = len(certificate.ocsp_uris)
    except MalformedError:
        return ""
    if certificate.has_no_rev_avail:
        return f"{kind} certificate, whose status is never published"
    asked = count_text(places, "responder") if places else "no responder"
    return f"{kind} certificate that names {asked} to ask for its status"


def _tbs_certificate(certificate: Certificate) -> Field:
    version = certificate.version
    return Field(
        "tbsCertificate",
        None,
        "what the issuer signs",
        "RFC 5280 §4.1.1.1",
        children=(
            Field("version", f"v{version + 1} ({version})", "", "RFC 5280 §4.1.2.1"),
            _serial(certificate),
            signature_algorithm_field(
                "signature", certificate.signature_algorithm, "RFC 5280 §4.1.2.3"
            ),
            _issuer(certificate),
            _validity(certificate),
            _subject(certificate),
            _key(certificate),
            _extensions(certificate),
        ),
        der=certificate.tbs_der,
    )


def _serial(certificate: Certificate) -> Field:
    meaning = "what the issuer numbers this certificate by"
    return serial_field("serialNumber", certificate.serial_number, meaning, "RFC 5280 §4.1.2.2")


def _issuer(certificate: Certificate) -> Field:
    name = certificate.issuer
    return Field("issuer", name_text(name), "who signed", "RFC 5280 §4.1.2.4", der=name.der)


def _validity(certificate: Certificate) -> Field:
    section, length = "RFC 5280 §4.1.2.5", certificate.not_after - certificate.not_before
    return Field(
        "validity",
        None,
        span_text(length),
        section,
        children=(
            Field("notBefore", certificate.not_before, "the first second", section),
            Field("notAfter", certificate.not_after, "the last second", section),
        ),
    )


def _subject(certificate: Certificate) -> Field:
    name = certificate.subject
    section = "RFC 5280 §4.1.2.6"
    if not certificate.is_ca:
        return Field("subject", name_text(name), "whose key it is", section, der=name.der)
    hashes = tuple(
        Field(
            "issuerNameHash",
            certificate.subject_name_hash(algorithm),
            f"{algorithm.label}: names this CA in a CertID",
            "RFC 6960 §4.1.1",
        )
        for algorithm in _NAMING_HASHES
    )
    return Field(
        "subject", name_text(name), "whose key it is", section, children=hashes, der=name.der
    )


def _key(certificate: Certificate) -> Field:
    section = "RFC 5280 §4.1.2.7"
    departures: tuple[str, ...] = ()
    try:
        size = _key_text(certificate)
    except MalformedError as error:
        size, departures = "", (error.message,)
    bits = certificate.key_bits
    return Field(
        "subjectPublicKeyInfo",
        None,
        "",
        section,
        children=(
            Field("algorithm", oid_text(certificate.key_algorithm.oid), size, section),
            Field(
                "subjectPublicKey",
                count_text(len(bits), "octet"),
                "",
                section,
                children=_key_hashes(certificate),
                der=bits,
                departures=departures,
            ),
        ),
        der=certificate.spki_der,
    )


def _key_hashes(certificate: Certificate) -> tuple[Field, ...]:
    by_key = Field(
        "byKey",
        certificate.key_hash(HashAlgorithm.SHA1),
        "sha1: names this key in a ResponderID",
        "RFC 6960 §4.2.1",
    )
    if not certificate.is_ca:
        return (by_key,)
    return (
        by_key,
        *(
            Field(
                "issuerKeyHash",
                certificate.key_hash(algorithm),
                f"{algorithm.label}: names this CA in a CertID",
                "RFC 6960 §4.1.1",
            )
            for algorithm in _NAMING_HASHES
        ),
    )


def _key_text(certificate: Certificate) -> str:
    key = certificate.public_key
    if isinstance(key, rsa.RSAPublicKey | dsa.DSAPublicKey):
        return f"{key.key_size} bits"
    return f"on {key.curve.name}" if isinstance(key, ec.EllipticCurvePublicKey) else ""


def _extensions(certificate: Certificate) -> Field:
    section = "RFC 5280 §4.1.2.9"
    try:
        fields = certificate_extension_fields(certificate)
    except MalformedError as error:
        return Field("extensions", None, "", section, problem=str(error))
    if not fields:
        return absent("extensions", "nothing further is said", section)
    return Field("extensions", count_text(len(fields), "extension"), "", section, children=fields)


# --- certificates inside a message ------------------------------------------------------

_OF_INTEREST: Final = frozenset({"extKeyUsage", "NoCheck", "authorityInfoAccess"})


def certs_field(certs: tuple[bytes, ...], *, present: str, missing: str, section: str) -> Field:
    """Explain the ``certs`` of a message, each in short; a broken one spoils nothing."""
    if not certs:
        return absent("certs", missing, section)
    return Field(
        "certs",
        count_text(len(certs), "certificate"),
        present,
        section,
        children=tuple(certificate_in_short(der) for der in certs),
    )


def certificate_in_short(der: bytes, name: str = "Certificate", meaning: str = "") -> Field:
    """Explain a certificate inside a message; a broken one is a problem of its own."""
    try:
        certificate = Certificate.from_der(der)
        extensions = certificate_extension_fields(certificate)
        validity = _validity(certificate)
    except MalformedError as error:
        return Field(name, None, meaning, _SECTION, der=der, problem=str(error))
    return Field(
        name,
        name_text(certificate.subject),
        meaning,
        _SECTION,
        children=(
            _serial(certificate),
            _issuer(certificate),
            *validity.children,
            _key(certificate),
            *(_without_marks(field) for field in extensions if field.name in _OF_INTEREST),
        ),
        der=der,
    )


def _without_marks(field: Field) -> Field:
    parts = tuple(part for part in field.children if part.name not in {"extnID", "critical"})
    return replace(field, children=parts)
