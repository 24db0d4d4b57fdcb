"""A CRL in words, field by field (RFC 5280 §5)."""

from __future__ import annotations

from itertools import islice
from typing import Final

from cryptography.x509 import ObjectIdentifier

from certstatus.asn1 import oids
from certstatus.asn1.doorway import decode
from certstatus.asn1.x509 import AuthorityKeyIdentifier
from certstatus.errors import MalformedError
from certstatus.explain.element import (
    name_text,
    serial_field,
    signature_algorithm_field,
    signature_field,
)
from certstatus.explain.extension import reason_meaning
from certstatus.explain.field import Field, absent, count_text, oid_text, span_text
from certstatus.pkix import CertificateList, IssuingDistributionPoint, RevokedEntry

__all__ = ["explain_crl"]

_SECTION: Final = "RFC 5280 §5.1"


def explain_crl(crl: CertificateList, *, entries: int | None = None) -> Field:
    """Explain a CRL; at most ``entries`` of its entries, None for all."""
    kind = "a CRL" if crl.base_crl_number is None else "a delta CRL: what changed since another CRL"
    return Field(
        "CertificateList",
        f"{count_text(crl.entry_count, 'certificate')} revoked, {len(crl.der)} octets",
        kind,
        _SECTION,
        children=(
            _tbs_cert_list(crl, entries),
            signature_algorithm_field(
                "signatureAlgorithm", crl.signature_algorithm, "RFC 5280 §5.1.1.2"
            ),
            signature_field(
                "signatureValue", crl.signature, "over tbsCertList", "RFC 5280 §5.1.1.3"
            ),
        ),
        der=crl.der,
    )


def _tbs_cert_list(crl: CertificateList, entries: int | None) -> Field:
    version = crl.version
    return Field(
        "tbsCertList",
        None,
        "what the issuer signs",
        "RFC 5280 §5.1.1.1",
        children=(
            Field("version", f"v{version + 1} ({version})", "", "RFC 5280 §5.1.2.1"),
            signature_algorithm_field("signature", crl.signature_algorithm, "RFC 5280 §5.1.2.2"),
            Field(
                "issuer",
                name_text(crl.issuer),
                "who signed",
                "RFC 5280 §5.1.2.3",
                der=crl.issuer.der,
            ),
            Field("thisUpdate", crl.this_update, "when it was issued", "RFC 5280 §5.1.2.4"),
            _next_update(crl),
            _revoked_certificates(crl, entries),
            _extensions(crl),
        ),
    )


def _next_update(crl: CertificateList) -> Field:
    section, end = "RFC 5280 §5.1.2.5", crl.next_update
    if end is None:
        return absent("nextUpdate", "nobody knows when the next one comes", section)
    length = span_text(end - crl.this_update)
    return Field("nextUpdate", end, f"the next one by then; this one lives {length}", section)


def _revoked_certificates(crl: CertificateList, limit: int | None) -> Field:
    section, count = "RFC 5280 §5.1.2.6", crl.entry_count
    if not count:
        return absent("revokedCertificates", "no certificate is revoked", section)
    problem = ""
    shown: list[Field] = []
    try:
        shown.extend(_entry(entry) for entry in islice(crl.entries(), limit))
    except MalformedError as error:
        problem = str(error)
    rest = count - len(shown)
    return Field(
        "revokedCertificates",
        count_text(count, "entry", "entries"),
        f"the first {len(shown)} follow" if rest and not problem else "",
        section,
        children=tuple(shown),
        problem=problem,
    )


def _entry(entry: RevokedEntry) -> Field:
    section, parts = "RFC 5280 §5.3", []
    if entry.reason is not None:
        value = f"{entry.reason.label} ({int(entry.reason)})"
        meaning = reason_meaning(entry.reason)
        parts.append(Field("reasonCode", value, meaning, "RFC 5280 §5.3.1"))
    if entry.invalidity_date is not None:
        meaning = "since when the key is suspect, or the certificate invalid"
        parts.append(Field("invalidityDate", entry.invalidity_date, meaning, "RFC 5280 §5.3.2"))
    parts.extend(
        Field("certificateIssuer", str(name), "from here on, who issued", "RFC 5280 §5.3.3")
        for name in entry.certificate_issuer
    )
    return Field(
        "revokedCertificate",
        None,
        "",
        section,
        children=(
            serial_field("userCertificate", entry.serial_number, "the certificate", _SECTION),
            Field("revocationDate", entry.revocation_date, "since when", _SECTION),
            *parts,
        ),
    )


def _extensions(crl: CertificateList) -> Field:
    section = "RFC 5280 §5.2"
    if not crl.extensions:
        return absent("crlExtensions", "no number, and everything is in scope", section)
    fields = tuple(
        _extension(crl, oid, critical=critical, value=value)
        for oid, (critical, value) in crl.extensions.items()
    )
    return Field(
        "crlExtensions", count_text(len(fields), "extension"), "", section, children=fields
    )


def _extension(
    crl: CertificateList, oid: ObjectIdentifier, *, critical: bool, value: bytes
) -> Field:
    marks = [Field("extnID", oid_text(oid), "", _SECTION)]
    if critical:
        marks.append(Field("critical", "TRUE", "must be understood", section="RFC 5280 §5.2"))
    name = oids.name_of(oid).removeprefix("id-ce-")
    try:
        field = _known_extension(crl, oid, name, value)
    except MalformedError as error:
        return Field(name, value, "", "RFC 5280 §5.2", children=tuple(marks), problem=str(error))
    return Field(
        field.name,
        field.value,
        field.meaning,
        field.section,
        children=(*marks, *field.children),
        der=value,
    )


def _known_extension(crl: CertificateList, oid: ObjectIdentifier, name: str, value: bytes) -> Field:
    if oid == oids.ID_CE_CRL_NUMBER:
        return Field(name, str(crl.crl_number), "grows with every CRL", "RFC 5280 §5.2.3")
    if oid == oids.ID_CE_DELTA_CRL_INDICATOR:
        meaning = "the number of the CRL that this one adds to"
        return Field(name, str(crl.base_crl_number), meaning, "RFC 5280 §5.2.4")
    if oid == oids.ID_CE_ISSUING_DISTRIBUTION_POINT:
        return _scope(name, crl.scope)
    if oid == oids.ID_CE_AUTHORITY_KEY_IDENTIFIER:
        identifier = decode(AuthorityKeyIdentifier, value, name).key_identifier
        return Field(name, identifier, "what the issuer's key is called", "RFC 5280 §5.2.1")
    meaning = "unknown to certstatus, so kept as it stands"
    return Field(name, value, meaning, "RFC 5280 §5.2")


def _scope(name: str, scope: IssuingDistributionPoint) -> Field:
    section = "RFC 5280 §5.2.5"
    flags = {
        "onlyContainsUserCerts": scope.only_contains_user_certs,
        "onlyContainsCACerts": scope.only_contains_ca_certs,
        "indirectCRL": scope.indirect_crl,
        "onlyContainsAttributeCerts": scope.only_contains_attribute_certs,
    }
    parts = [Field("fullName", str(one), "", section) for one in scope.full_name]
    parts += [Field(flag, "TRUE", "", section) for flag, is_set in flags.items() if is_set]
    if scope.only_some_reasons is not None:
        labels = ", ".join(reason.label for reason in sorted(scope.only_some_reasons))
        parts.append(Field("onlySomeReasons", labels, "", section))
    meaning = "what the CRL covers; for all else it says nothing"
    return Field(name, None, meaning, section, children=tuple(parts))
