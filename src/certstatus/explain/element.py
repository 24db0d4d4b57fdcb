"""The elements that many messages share: CertID, algorithms, signatures, versions, names."""

from __future__ import annotations

from certstatus.asn1.departure import Departure
from certstatus.asn1.doorway import encode
from certstatus.errors import MalformedError
from certstatus.explain.field import Field, count_text, oid_text
from certstatus.limits import MAX_SERIAL_OCTETS
from certstatus.ocsp import ByKey, CertID, ResponderID
from certstatus.pkix import AlgorithmIdentifier, Name, signature_algorithm

__all__ = [
    "cert_id_field",
    "name_text",
    "responder_id_field",
    "serial_field",
    "signature_algorithm_field",
    "signature_field",
    "version_field",
]

_CERT_ID = "RFC 6960 §4.1.1"
_RESPONDER_ID = "RFC 6960 §4.2.1"


def version_field(where: str, departures: tuple[Departure, ...], section: str) -> Field:
    """Explain the version of an OCSP message: v1 is the only one, and left out."""
    written = any(departure.where == where for departure in departures)
    meaning = "the default and only version" + ("" if written else ", so not written")
    return Field("version", "v1 (0)", meaning, section)


def cert_id_field(name: str, cert_id: CertID, meaning: str, section: str) -> Field:
    """Explain a CertID under the name that it has in its message."""
    algorithm = cert_id.hash_algorithm
    hashed = "how the issuer's name and key are hashed"
    return Field(
        name,
        None,
        meaning,
        section,
        children=(
            Field(
                "hashAlgorithm",
                oid_text(algorithm.oid),
                f"{hashed}; certstatus does not know it" if cert_id.hash is None else hashed,
                _CERT_ID,
                der=encode(algorithm.declared()),
            ),
            Field(
                "issuerNameHash",
                cert_id.issuer_name_hash,
                "hash of the issuer's name, as it stands in the certificate",
                _CERT_ID,
                der=cert_id.issuer_name_hash,
                departures=_wrong_length(cert_id, cert_id.issuer_name_hash),
            ),
            Field(
                "issuerKeyHash",
                cert_id.issuer_key_hash,
                "hash of the issuer's public key",
                _CERT_ID,
                der=cert_id.issuer_key_hash,
                departures=_wrong_length(cert_id, cert_id.issuer_key_hash),
            ),
            serial_field("serialNumber", cert_id.serial_number, "the certificate", _CERT_ID),
        ),
        der=cert_id.encode(),
    )


def _wrong_length(cert_id: CertID, digest: bytes) -> tuple[str, ...]:
    known = cert_id.hash
    if known is None or len(digest) == len(known.digest(b"")):
        return ()
    return (f"has {len(digest)} octets, which is no {known.label} hash",)


def serial_field(name: str, number: int, meaning: str, section: str) -> Field:
    """Explain a serial number, and what is odd about it."""
    decimal = f" ({number})" if abs(number) < 2**64 else ""
    departures = []
    if number <= 0:
        departures.append(f"is {'zero' if number == 0 else 'negative'} (RFC 5280 §4.1.2.2)")
    if (number.bit_length() + 8) // 8 > MAX_SERIAL_OCTETS:
        departures.append(f"is longer than {MAX_SERIAL_OCTETS} octets (RFC 5280 §4.1.2.2)")
    return Field(name, f"{number:#x}{decimal}", meaning, section, departures=tuple(departures))


def signature_algorithm_field(name: str, identifier: AlgorithmIdentifier, section: str) -> Field:
    """Explain a signature algorithm: its strength, and whether we can verify with it."""
    value = oid_text(identifier.oid)
    departures: tuple[str, ...] = ()
    try:
        algorithm = signature_algorithm(identifier)
    except MalformedError as error:
        departures = (error.message,)
    else:
        if not value.startswith(algorithm.name):
            value = f"{algorithm.name} ({identifier.oid.dotted_string})"
        if algorithm.is_sha1:
            departures = ("rests on SHA-1, so nobody should believe it (RFC 6960 §4.3)",)
    return Field(
        name,
        value,
        "how the signature is made",
        section,
        der=encode(identifier.declared()),
        departures=departures,
    )


def signature_field(name: str, signature: bytes, meaning: str, section: str) -> Field:
    """Explain a signature: its size; the octets are in ``der``."""
    return Field(name, count_text(len(signature), "octet"), meaning, section, der=signature)


def responder_id_field(name: str, responder_id: ResponderID, meaning: str, section: str) -> Field:
    """Explain a ResponderID under the name that it has in its message."""
    if isinstance(responder_id, ByKey):
        kind = Field("byKey", responder_id.key_hash, "SHA-1 of the responder's key", _RESPONDER_ID)
    else:
        subject = responder_id.name
        kind = Field(
            "byName",
            name_text(subject),
            "the subject of the responder's certificate",
            _RESPONDER_ID,
            der=subject.der,
        )
    return Field(name, None, meaning, section, children=(kind,))


def name_text(name: Name) -> str:
    """Write a Name as RFC 4514 has it; the empty one says so."""
    return str(name) or "(empty name)"
