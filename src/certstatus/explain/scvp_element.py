"""The elements that SCVP's messages share: versions, lists, names, references, revocation data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from cryptography.x509 import ObjectIdentifier

from certstatus.asn1 import Departure
from certstatus.errors import MalformedError
from certstatus.explain.certificate import certificate_in_short
from certstatus.explain.element import name_text, serial_field
from certstatus.explain.field import Field, Value, absent, count_text, oid_text
from certstatus.explain.response import explain_response
from certstatus.ocsp import Extensions, parse_response
from certstatus.pkix import AlgorithmIdentifier, CertificateList, GeneralName
from certstatus.scvp import (
    ACReference,
    CertReference,
    PKCReference,
    RevocationInfo,
    RevocationInfoKind,
    SCVPCertID,
)

__all__ = [
    "algorithm_field",
    "bundle_field",
    "extensions_field",
    "flag_field",
    "given",
    "names_field",
    "number_text",
    "oids_field",
    "reference_field",
    "references_field",
    "revocation_infos_field",
    "version_field",
]

_REFERENCE: Final = "RFC 5055 §3.2.1"
_INFOS: Final = "RFC 5055 §3.2.9"


def version_field(name: str, departures: tuple[Departure, ...], section: str) -> Field:
    """Explain a version whose default is 1: the only one there is."""
    written = any(departure.where.endswith(f".{name}") for departure in departures)
    meaning = "the default and only version" + ("" if written else ", so not written")
    return Field(name, "1", meaning, section)


def given(name: str, value: Value, present: str, missing: str, section: str) -> Field:
    """Explain an optional item of one value."""
    return absent(name, missing, section) if value is None else Field(name, value, present, section)


def flag_field(
    name: str, value: bool | None, meanings: tuple[str, str, str], section: str
) -> Field:
    """Explain a BOOLEAN: what follows from TRUE, FALSE and absence."""
    if value is None:
        return absent(name, meanings[2], section)
    return Field(name, str(value).upper(), meanings[0 if value else 1], section)


def number_text(number: int, label: str | None) -> str:
    """Write a number of SCVP with its name: unsupportedChecks (27)."""
    return f"{label or 'unknown'} ({number})"


def oids_field(
    name: str,
    oids: tuple[ObjectIdentifier, ...],
    meaning: str,
    section: str,
    meanings: Mapping[ObjectIdentifier, str] | None = None,
) -> Field:
    """Explain a list of identifiers, each with what it stands for."""
    known = meanings or {}
    return Field(
        name,
        count_text(len(oids), "identifier"),
        meaning,
        section,
        children=tuple(
            Field("OBJECT IDENTIFIER", oid_text(oid), known.get(oid, ""), section) for oid in oids
        ),
    )


def names_field(
    name: str, names: tuple[GeneralName, ...], present: str, missing: str, section: str
) -> Field:
    """Explain GeneralNames; () is absent."""
    if not names:
        return absent(name, missing, section)
    return Field(
        name,
        count_text(len(names), "name"),
        present,
        section,
        children=tuple(
            Field("GeneralName", str(one), "", "RFC 5280 §4.2.1.6", der=one.encode())
            for one in names
        ),
    )


def algorithm_field(
    name: str, algorithm: AlgorithmIdentifier | None, present: str, missing: str, section: str
) -> Field:
    """Explain an optional AlgorithmIdentifier by its name."""
    value = None if algorithm is None else oid_text(algorithm.oid)
    return given(name, value, present, missing, section)


def extensions_field(name: str, extensions: Extensions, missing: str, section: str) -> Field:
    """Explain extensions: the standard defines none."""
    if not extensions:
        return absent(name, missing, section)
    unknown = "unknown to certstatus, so "
    return Field(
        name,
        count_text(len(extensions), "extension"),
        "",
        section,
        children=tuple(
            Field(
                str(one),
                one.value,
                unknown + ("refused: it is critical" if one.critical else "passed over"),
                section,
                der=one.value,
            )
            for one in extensions
        ),
    )


# --- certificates -----------------------------------------------------------------------


def references_field(
    name: str, references: tuple[CertReference, ...], meaning: str, section: str
) -> Field:
    """Explain a list of references."""
    return Field(
        name,
        count_text(len(references), "certificate"),
        meaning,
        section,
        children=tuple(reference_field(one) for one in references),
    )


def reference_field(reference: CertReference) -> Field:
    """Explain a reference under the name of its arm."""
    if isinstance(reference, ACReference):
        if reference.ac_ref is not None:
            return _cert_id("acRef", reference.ac_ref)
        meaning = "an attribute certificate, which certstatus does not read"
        return Field("attrCert", None, meaning, _REFERENCE, der=reference.attr_cert)
    return _pkc_reference(reference)


def _pkc_reference(reference: PKCReference) -> Field:
    if reference.pkc_ref is not None:
        return _cert_id("pkcRef", reference.pkc_ref)
    assert reference.cert is not None
    return certificate_in_short(reference.cert, "cert", "the certificate itself")


def _cert_id(name: str, reference: SCVPCertID) -> Field:
    algorithm = reference.hash_algorithm
    known = "" if reference.hash is not None else "; certstatus does not know it"
    return Field(
        name,
        None,
        "a certificate by reference: whoever reads it must find it",
        _REFERENCE,
        children=(
            Field(
                "certHash",
                reference.cert_hash,
                "hash of the whole certificate",
                _REFERENCE,
                der=reference.cert_hash,
            ),
            names_field("issuer", reference.issuer, "who issued it", "", _REFERENCE),
            serial_field("serialNumber", reference.serial_number, "its number", _REFERENCE),
            Field("hashAlgorithm", oid_text(algorithm.oid), f"how it is hashed{known}", _REFERENCE),
        ),
        der=reference.encode(),
    )


def bundle_field(
    name: str, certificates: tuple[bytes, ...], present: str, missing: str, section: str
) -> Field:
    """Explain a CertBundle; () is absent."""
    if not certificates:
        return absent(name, missing, section)
    return Field(
        name,
        count_text(len(certificates), "certificate"),
        present,
        section,
        children=tuple(certificate_in_short(der) for der in certificates),
    )


# --- revocation data --------------------------------------------------------------------


def revocation_infos_field(
    name: str, infos: tuple[RevocationInfo, ...], present: str, missing: str, section: str
) -> Field:
    """Explain RevocationInfos, each in short; () is absent, and a broken one spoils nothing."""
    if not infos:
        return absent(name, missing, section)
    return Field(
        name,
        count_text(len(infos), "element"),
        present,
        section,
        children=tuple(_revocation_info(info) for info in infos),
    )


def _revocation_info(info: RevocationInfo) -> Field:
    name = info.kind.label
    try:
        if info.kind is RevocationInfoKind.OCSP:
            answer = explain_response(parse_response(info.der))
            return Field(name, None, "an OCSP response", _INFOS, children=(answer,), der=info.der)
        other = info.other_info
        if other is None:
            return _crl(name, CertificateList.from_der(info.der))
        value = oid_text(other.ri_type)
        return Field(name, value, "of a type of its own", _INFOS, der=other.ri_value)
    except MalformedError as error:
        return Field(name, None, "", _INFOS, der=info.der, problem=str(error))


def _crl(name: str, crl: CertificateList) -> Field:
    return Field(
        name,
        f"{count_text(crl.entry_count, 'certificate')} revoked, {len(crl.der)} octets",
        "a CRL" if crl.base_crl_number is None else "what changed since another CRL",
        _INFOS,
        children=(
            Field("issuer", name_text(crl.issuer), "who signed", "RFC 5280 §5.1.2.3"),
            Field("thisUpdate", crl.this_update, "when it was issued", "RFC 5280 §5.1.2.4"),
            given(
                "nextUpdate",
                crl.next_update,
                "the next one comes by then",
                "no word of when the next one comes",
                "RFC 5280 §5.1.2.5",
            ),
        ),
        der=crl.der,
    )
