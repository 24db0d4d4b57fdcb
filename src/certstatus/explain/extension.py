"""Every OCSP extension in words (RFC 6960 §4.4, RFC 9654, RFC 5280 §5.3).

To add one: write what it says as a function of its value, and name it in ``_TOLD``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, TypeAlias

from certstatus.asn1 import oids
from certstatus.errors import MalformedError
from certstatus.explain.element import name_text
from certstatus.explain.field import Field, Value, absent, count_text, oid_text
from certstatus.limits import MAX_NONCE_OCTETS, NONCE_OCTETS
from certstatus.ocsp import (
    AcceptableResponses,
    ArchiveCutoff,
    CertificateIssuer,
    CrlID,
    ExtendedRevoke,
    Extension,
    Extensions,
    InvalidityDate,
    NoCheck,
    Nonce,
    PreferredSignatureAlgorithms,
    ReasonCode,
    ServiceLocator,
    SignedCertificateTimestampList,
)

__all__ = ["extensions_field", "reason_meaning"]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Told:
    """What an extension says: its value, in words, and its parts."""

    value: Value = None
    meaning: str
    parts: tuple[Field, ...] = ()
    departures: tuple[str, ...] = ()


def _nonce(nonce: Nonce) -> _Told:
    size, departures = len(nonce.octets), []
    if nonce.is_bare:
        departures.append("stands bare, without an OCTET STRING of its own (RFC 9654 §2.1)")
    if not 0 < size <= MAX_NONCE_OCTETS:
        departures.append(f"has {size} octets, not 1 to {MAX_NONCE_OCTETS} (RFC 9654 §2.1)")
    elif size < NONCE_OCTETS:
        departures.append(f"has fewer than {NONCE_OCTETS} octets (RFC 9654 §2.1)")
    return _Told(
        value=nonce.octets,
        meaning=f"{count_text(size, 'random octet')} that bind answer and request, against replay",
        departures=tuple(departures),
    )


def _crl_id(crl_id: CrlID) -> _Told:
    section = "RFC 6960 §4.4.2"
    number, time = crl_id.crl_num, crl_id.crl_time
    return _Told(
        meaning="the CRL that this answer rests on",
        parts=(
            Field("crlUrl", crl_id.crl_url, "where the CRL is", section)
            if crl_id.crl_url is not None
            else absent("crlUrl", "the CRL's place is not named", section),
            Field("crlNum", str(number), "the CRL's number", section)
            if number is not None
            else absent("crlNum", "the CRL's number is not named", section),
            Field("crlTime", time, "when the CRL was made", section)
            if time is not None
            else absent("crlTime", "the CRL's time is not named", section),
        ),
    )


def _acceptable(acceptable: AcceptableResponses) -> _Told:
    return _Told(
        meaning="the response types that the requestor understands; basic always counts among them",
        parts=tuple(
            Field("OBJECT IDENTIFIER", oid_text(oid), "", "RFC 6960 §4.4.3")
            for oid in acceptable.response_types
        ),
    )


def _archive_cutoff(cutoff: ArchiveCutoff) -> _Told:
    return _Told(
        value=cutoff.archive_cutoff,
        meaning="status is kept for certificates that expired since then",
    )


_REASONS: Final = {
    0: "no reason given",
    1: "the certificate's key is, or may be, in other hands",
    2: "the CA's key is, or may be, in other hands",
    3: "the subject's name or affiliation changed",
    4: "another certificate took its place",
    5: "no longer needed for what it was issued for",
    6: "on hold: it may come back",
    8: "no longer on hold; in delta CRLs only",
    9: "a right that the certificate grants was withdrawn",
    10: "the attribute authority's key is, or may be, in other hands",
}


def reason_meaning(number: int) -> str:
    """Say in plain words why a certificate was revoked (RFC 5280 §5.3.1)."""
    return _REASONS[number]


def _reason_code(code: ReasonCode) -> _Told:
    return _Told(
        value=f"{code.reason.label} ({int(code.reason)})",
        meaning=f"CRL entry extension: {reason_meaning(code.reason)}",
    )


def _invalidity_date(date: InvalidityDate) -> _Told:
    return _Told(
        value=date.invalidity_date,
        meaning="CRL entry extension: since when the key is suspect, or the certificate invalid",
    )


def _certificate_issuer(issuer: CertificateIssuer) -> _Told:
    return _Told(
        meaning="CRL entry extension: who issued the certificate, where that is not the CRL's issuer",
        parts=tuple(
            Field("GeneralName", str(name), "", "RFC 5280 §5.3.3") for name in issuer.names
        ),
    )


def _service_locator(locator: ServiceLocator) -> _Told:
    section = "RFC 6960 §4.4.6"
    return _Told(
        meaning="where to forward this request: the responder that knows the certificate",
        parts=(
            Field("issuer", name_text(locator.issuer), "the certificate's issuer", section),
            Field(
                "locator",
                count_text(len(locator.locator), "place"),
                "authorityInfoAccess of the certificate",
                section,
                children=tuple(
                    Field(oids.name_of(one.access_method), str(one.access_location), "", section)
                    for one in locator.locator
                ),
            ),
        ),
    )


def _preferred(preferred: PreferredSignatureAlgorithms) -> _Told:
    section = "RFC 6960 §4.4.7.1"
    return _Told(
        meaning="the signature algorithms that the requestor accepts, best first",
        parts=tuple(
            Field(
                "PreferredSignatureAlgorithm",
                None,
                "",
                section,
                children=(
                    Field("sigIdentifier", oid_text(one.sig_identifier.oid), "", section),
                    absent("certIdentifier", "any key of that kind", section)
                    if one.cert_identifier is None
                    else Field("certIdentifier", oid_text(one.cert_identifier.oid), "", section),
                ),
            )
            for one in preferred.algorithms
        ),
    )


def _extended_revoke(_: ExtendedRevoke) -> _Told:
    return _Told(
        value="NULL",
        meaning="this responder says revoked of certificates that were never issued",
    )


def _nocheck(_: NoCheck) -> _Told:
    return _Told(value="NULL", meaning="trust this responder's certificate as long as it lives")


def _timestamps(timestamps: SignedCertificateTimestampList) -> _Told:
    return _Told(
        value=count_text(len(timestamps.serialized), "timestamp"),
        meaning="certificate transparency: logs that hold the certificate",
        parts=tuple(_timestamp(one) for one in timestamps.serialized),
    )


_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_V1_HEAD: Final = 41


def _timestamp(serialized: bytes) -> Field:
    """Read what is fixed in an SCT: version, log and time (RFC 6962 §3.2)."""
    section, name = "RFC 6962 §3.2", "SignedCertificateTimestamp"
    if len(serialized) < _V1_HEAD or serialized[0] != 0:
        return Field(name, serialized, "of a version that certstatus does not know", section)
    moment = int.from_bytes(serialized[33:41])
    try:
        time = _EPOCH + timedelta(milliseconds=moment)
    except OverflowError:
        return Field(name, serialized, "", section, problem=f"{moment} ms is no time")
    return Field(
        name,
        "v1",
        "a log's promise to publish the certificate",
        section,
        children=(
            Field("id", serialized[1:33], "the log, by the hash of its key", section),
            Field("timestamp", time.replace(microsecond=0), "", section),
        ),
        der=serialized,
    )


_Teller: TypeAlias = Callable[[Any], _Told]

# Type of value: its name, where it stands, the lists in which it may stand, what it says.
_TOLD: Final[dict[type, tuple[str, str, tuple[str, ...], _Teller]]] = {
    Nonce: ("Nonce", "RFC 9654 §2.1", ("requestExtensions", "responseExtensions"), _nonce),
    CrlID: ("CrlID", "RFC 6960 §4.4.2", ("singleExtensions",), _crl_id),
    AcceptableResponses: (
        "AcceptableResponses",
        "RFC 6960 §4.4.3",
        ("requestExtensions",),
        _acceptable,
    ),
    ArchiveCutoff: ("ArchiveCutoff", "RFC 6960 §4.4.4", ("singleExtensions",), _archive_cutoff),
    ReasonCode: ("reasonCode", "RFC 5280 §5.3.1", ("singleExtensions",), _reason_code),
    InvalidityDate: ("invalidityDate", "RFC 5280 §5.3.2", ("singleExtensions",), _invalidity_date),
    CertificateIssuer: (
        "certificateIssuer",
        "RFC 5280 §5.3.3",
        ("singleExtensions",),
        _certificate_issuer,
    ),
    ServiceLocator: (
        "ServiceLocator",
        "RFC 6960 §4.4.6",
        ("singleRequestExtensions",),
        _service_locator,
    ),
    PreferredSignatureAlgorithms: (
        "PreferredSignatureAlgorithms",
        "RFC 6960 §4.4.7",
        ("requestExtensions",),
        _preferred,
    ),
    ExtendedRevoke: (
        "ExtendedRevoke",
        "RFC 6960 §4.4.8",
        ("responseExtensions",),
        _extended_revoke,
    ),
    NoCheck: ("NoCheck", "RFC 6960 §4.2.2.2.1", ("a certificate",), _nocheck),
    SignedCertificateTimestampList: (
        "SignedCertificateTimestampList",
        "RFC 6962 §3.3",
        ("singleExtensions",),
        _timestamps,
    ),
}


def extensions_field(name: str, extensions: Extensions, meaning: str, section: str) -> Field:
    """Explain a list of extensions; ``meaning`` says what follows where there is none."""
    if not extensions:
        return absent(name, meaning, section)
    return Field(
        name,
        count_text(len(extensions), "extension"),
        "",
        section,
        children=tuple(_extension_field(name, one, extensions) for one in extensions),
    )


def _extension_field(place: str, extension: Extension, among: Extensions) -> Field:
    departures: tuple[str, ...] = ()
    if extension.critical:
        departures = ("is critical; no extension of OCSP should be (RFC 6960 §4.1.2)",)
    extn_id = Field("extnID", oid_text(extension.oid), "", "RFC 5280 §4.1")
    try:
        value = among.typed(extension)
    except MalformedError as error:
        return Field(
            str(extension), extension.value, "", "", children=(extn_id,), problem=str(error)
        )
    if value is None:
        return Field(
            str(extension),
            extension.value,
            "unknown to certstatus, so kept as it stands"
            + ("; critical, so not to be ignored" if extension.critical else ""),
            "RFC 6960 §4.4",
            children=(extn_id,),
            der=extension.value,
            departures=departures,
        )
    name, section, places, teller = _TOLD[type(value)]
    if place not in places:
        departures += (f"stands in {place}; its place is {' and '.join(places)}",)
    told = teller(value)
    return Field(
        name,
        told.value,
        told.meaning,
        section,
        children=(extn_id, *told.parts),
        der=extension.value,
        departures=departures + told.departures,
    )
