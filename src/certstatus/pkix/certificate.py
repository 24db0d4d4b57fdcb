"""A certificate as OCSP sees it: exact bytes for hashing, and the few extensions that matter.

The outer structure is read by our own declarations, so that issuer, subject and key are
the bytes that stood in the certificate (O1), that one broken extension spoils no other,
and that what other readers refuse or warn of (odd serials, odd names) is read. The key is
read by the cryptography package, when it is first asked for.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Final, cast

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, load_der_public_key
from cryptography.x509 import ObjectIdentifier

from certstatus.asn1 import oids
from certstatus.asn1 import x509 as asn1
from certstatus.asn1.doorway import BitString, decode, decode_sequence_of, decode_time, encode
from certstatus.errors import MalformedError
from certstatus.limits import MAX_CERTIFICATE_BYTES, MAX_KNOWN_NAMES
from certstatus.pkix.algorithm import AlgorithmIdentifier, HashAlgorithm
from certstatus.pkix.cached import cached_property
from certstatus.pkix.name import (
    AccessDescription,
    GeneralName,
    GeneralNameKind,
    Name,
    decode_general_names,
    distribution_point_name,
)
from certstatus.pkix.pem import decode_pem
from certstatus.pkix.plain_certificate import read_plain

__all__ = ["DIGITAL_SIGNATURE", "Certificate"]

_V3: Final = 2
_MAX_KEPT_OCTETS: Final = 256
DIGITAL_SIGNATURE: Final = 0x8000
_PEM_LABELS: Final = ("CERTIFICATE", "X509 CERTIFICATE")

# The bits of KeyUsage in order (RFC 5280 §4.2.1.3), as the cryptography package names them.
_KEY_USAGES: Final = (
    "digital_signature",
    "content_commitment",
    "key_encipherment",
    "data_encipherment",
    "key_agreement",
    "key_cert_sign",
    "crl_sign",
    "encipher_only",
    "decipher_only",
)


@dataclass(frozen=True)
class Certificate:
    """A certificate by its DER; equal where the bytes are equal.

    Make one with ``from_der``, ``from_pem`` or ``from_x509``, which check the outer
    structure. An extension is read when it is first asked for; a broken one then raises
    MalformedError, naming it.
    """

    der: bytes

    @classmethod
    def from_der(cls, der: bytes, where: str = "Certificate") -> Certificate:
        """Read one DER certificate.

        Raises:
            MalformedError: it is no certificate, or has bytes after its end, or is larger
                than ``MAX_CERTIFICATE_BYTES``.
        """
        if len(der) > MAX_CERTIFICATE_BYTES:
            raise MalformedError(f"is larger than {MAX_CERTIFICATE_BYTES} bytes", where=where)
        plain = read_plain(der)
        if plain is not None:
            certificate = object.__new__(cls)
            object.__setattr__(certificate, "__dict__", plain)
            return certificate
        certificate = cls(der)
        try:
            _ = (certificate._declared, certificate._tbs, certificate._spki)
            _ = (certificate._validity, certificate.version)
        except MalformedError as error:
            raise MalformedError(error.message, where=f"{where}: {error.where}") from error
        return certificate

    @classmethod
    def from_x509(cls, certificate: x509.Certificate) -> Certificate:
        """Take over a certificate of the cryptography package."""
        return cls.from_der(certificate.public_bytes(Encoding.DER))

    @classmethod
    def from_pem(cls, pem: bytes, where: str = "Certificate") -> tuple[Certificate, ...]:
        """Read every certificate of a PEM text, in order; other PEM blocks are passed over.

        Raises:
            MalformedError: there is none, or one is broken.
        """
        found = decode_pem(pem, _PEM_LABELS, where)
        if not found:
            raise MalformedError("holds no PEM certificate", where=where)
        return tuple(cls.from_der(der, where) for der in found)

    @classmethod
    def load(cls, data: bytes, where: str = "Certificate") -> tuple[Certificate, ...]:
        """Read PEM or DER, as files hold certificates.

        Raises:
            MalformedError: it is neither.
        """
        if b"-----BEGIN" in data:
            return cls.from_pem(data, where)
        return (cls.from_der(data, where),)

    # --- the bytes ----------------------------------------------------------------------

    @cached_property
    def _declared(self) -> asn1.Certificate:
        return decode(asn1.Certificate, self.der, "Certificate")

    @cached_property
    def _tbs(self) -> asn1.TBSCertificate:
        return decode(asn1.TBSCertificate, self.tbs_der, "Certificate.tbsCertificate")

    @cached_property
    def _spki(self) -> asn1.SubjectPublicKeyInfo:
        return decode(asn1.SubjectPublicKeyInfo, self.spki_der, "subjectPublicKeyInfo")

    @cached_property
    def tbs_der(self) -> bytes:
        """The signed bytes, as received."""
        return encode(self._declared.tbs_certificate)

    @cached_property
    def spki_der(self) -> bytes:
        """The SubjectPublicKeyInfo, as received."""
        return encode(self._tbs.subject_public_key_info)

    @cached_property
    def parsed(self) -> x509.Certificate:
        """The certificate as the cryptography package has it, which is stricter than we.

        Raises:
            MalformedError: that package refuses it.
        """
        try:
            # The library warns of odd serials and parameters; for us they are findings.
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return x509.load_der_x509_certificate(self.der)
        except (ValueError, x509.InvalidVersion) as error:
            raise MalformedError(f"is not readable: {error}", where="Certificate") from error

    # --- the fields ---------------------------------------------------------------------

    @cached_property
    def version(self) -> int:
        """The version as it is numbered: 2 is v3, and 0, left out, is v1."""
        version = self._tbs.version or 0
        if not 0 <= version <= _V3:
            raise MalformedError(f"{version} is none of v1(0), v2(1), v3(2)", where="version")
        return version

    @cached_property
    def serial_number(self) -> int:
        """The serial number; real ones are positive, others are read too."""
        return self._tbs.serial_number

    @cached_property
    def subject(self) -> Name:
        """The subject's Name by its exact bytes."""
        return Name(encode(self._tbs.subject))

    @cached_property
    def issuer(self) -> Name:
        """The issuer's Name by the exact bytes in this certificate (O1)."""
        return Name(encode(self._tbs.issuer))

    @cached_property
    def key_bits(self) -> bytes:
        """The subjectPublicKey BIT STRING's value, without tag, length and unused-bits octet."""
        return self._spki.subject_public_key.as_bytes()

    @cached_property
    def signature_algorithm(self) -> AlgorithmIdentifier:
        """The algorithm of the issuer's signature."""
        return AlgorithmIdentifier.from_declared(self._declared.signature_algorithm)

    @cached_property
    def has_one_algorithm(self) -> bool:
        """Whether the signed part names the algorithm that the outside does (RFC 5280 §4.1.1.2)."""
        return AlgorithmIdentifier.from_declared(self._tbs.signature) == self.signature_algorithm

    @cached_property
    def signature(self) -> bytes:
        """The issuer's signature."""
        return self._declared.signature_value.as_bytes()

    @cached_property
    def key_algorithm(self) -> AlgorithmIdentifier:
        """The algorithm of the subject's key."""
        return AlgorithmIdentifier.from_declared(self._spki.algorithm)

    @cached_property
    def _validity(self) -> tuple[datetime, datetime]:
        declared = decode(asn1.Validity, encode(self._tbs.validity), "validity")
        return (
            decode_time(declared.not_before, "validity.notBefore"),
            decode_time(declared.not_after, "validity.notAfter"),
        )

    @property
    def not_before(self) -> datetime:
        """Start of validity, UTC."""
        return self._validity[0]

    @property
    def not_after(self) -> datetime:
        """Last second of validity, UTC."""
        return self._validity[1]

    def is_valid_at(self, moment: datetime) -> bool:
        """Whether ``moment`` lies in the validity period, both ends included (RFC 5280 §4.1.2.5)."""
        return self.not_before <= moment <= self.not_after

    @cached_property
    def public_key(self) -> CertificatePublicKeyTypes:
        """The subject's key.

        Raises:
            MalformedError: it can't be read, or its type is not supported.
        """
        try:
            key = load_der_public_key(self.spki_der)
        except (ValueError, UnsupportedAlgorithm) as error:
            raise MalformedError(
                f"has an unusable key: {error}", where="subjectPublicKeyInfo"
            ) from error
        return cast("CertificatePublicKeyTypes", key)

    # --- what names it as an issuer or a responder --------------------------------------

    def subject_name_hash(self, algorithm: HashAlgorithm) -> bytes:
        """Hash of the subject's Name: the issuerNameHash of what this certificate issued."""
        return _digest(self.subject.der, algorithm)

    def issuer_name_hash(self, algorithm: HashAlgorithm) -> bytes:
        """Hash of the issuer's Name as it stands here: the issuerNameHash of this certificate (O1)."""
        return _digest(self.issuer.der, algorithm)

    def key_hash(self, algorithm: HashAlgorithm) -> bytes:
        """Hash of the key: issuerKeyHash (O1) and, with SHA-1, the byKey ResponderID (O17)."""
        return _digest(self.key_bits, algorithm)

    @cached_property
    def fingerprint(self) -> bytes:
        """SHA-256 over the whole certificate."""
        return HashAlgorithm.SHA256.digest(self.der)

    @property
    def is_self_issued(self) -> bool:
        """Whether subject and issuer are one name."""
        return self.subject.matches(self.issuer)

    # --- extensions ---------------------------------------------------------------------

    @cached_property
    def extensions(self) -> dict[ObjectIdentifier, tuple[bool, bytes]]:
        """Every extension: critical flag and value, as received.

        Raises:
            MalformedError: an extension stands twice (RFC 5280 §4.2).
        """
        found: dict[ObjectIdentifier, tuple[bool, bytes]] = {}
        for extension in self._tbs.extensions or ():
            if extension.extn_id in found:
                raise MalformedError(
                    f"{oids.name_of(extension.extn_id)} stands twice",
                    where="Certificate.extensions",
                )
            found[extension.extn_id] = (bool(extension.critical), extension.extn_value)
        return found

    def _value(self, oid: ObjectIdentifier) -> bytes | None:
        extension = self.extensions.get(oid)
        return None if extension is None else extension[1]

    @cached_property
    def ocsp_uris(self) -> tuple[str, ...]:
        """URIs of id-ad-ocsp in AIA, in order, whatever their scheme (O8)."""
        return self._access_uris(oids.ID_AD_OCSP)

    @cached_property
    def ca_issuers_uris(self) -> tuple[str, ...]:
        """URIs of id-ad-caIssuers in AIA, in order (C14)."""
        return self._access_uris(oids.ID_AD_CA_ISSUERS)

    @cached_property
    def access_descriptions(self) -> tuple[AccessDescription, ...]:
        """All of AIA, in order (RFC 5280 §4.2.2.1)."""
        value, where = self._value(oids.ID_PE_AUTHORITY_INFO_ACCESS), "id-pe-authorityInfoAccess"
        if value is None:
            return ()
        declared = decode_sequence_of(asn1.AuthorityInfoAccessSyntax, value, where)
        return tuple(AccessDescription.from_declared(one, where) for one in declared.descriptions)

    def _access_uris(self, method: ObjectIdentifier) -> tuple[str, ...]:
        wanted = (one for one in self.access_descriptions if one.access_method == method)
        return tuple(_uris(one.access_location for one in wanted))

    @cached_property
    def crl_uris(self) -> tuple[str, ...]:
        """URIs of the CRL distribution points, in order (C11)."""
        value, where = (
            self._value(oids.ID_CE_CRL_DISTRIBUTION_POINTS),
            "id-ce-cRLDistributionPoints",
        )
        if value is None:
            return ()
        declared = decode_sequence_of(asn1.CRLDistributionPoints, value, where)
        names = (distribution_point_name(one.distribution_point, where) for one in declared.points)
        return tuple(uri for full_name, _ in names for uri in _uris(full_name))

    @cached_property
    def subject_alternative_names(self) -> tuple[GeneralName, ...]:
        """The names of subjectAltName, in order (RFC 5280 §4.2.1.6)."""
        value = self._value(oids.ID_CE_SUBJECT_ALT_NAME)
        return () if value is None else decode_general_names(value, "id-ce-subjectAltName")

    @cached_property
    def subject_key_identifier(self) -> bytes | None:
        """What certificates call this key that it issued; None: it has no name of its own."""
        value = self._value(oids.ID_CE_SUBJECT_KEY_IDENTIFIER)
        return None if value is None else decode(bytes, value, "id-ce-subjectKeyIdentifier")

    @cached_property
    def authority_key_identifier(self) -> bytes | None:
        """The keyIdentifier of authorityKeyIdentifier: a hint, and no more (RFC 5280 §4.2.1.1)."""
        value = self._value(oids.ID_CE_AUTHORITY_KEY_IDENTIFIER)
        if value is None:
            return None
        where = "id-ce-authorityKeyIdentifier"
        return decode(asn1.AuthorityKeyIdentifier, value, where).key_identifier

    @cached_property
    def extended_key_usages(self) -> frozenset[ObjectIdentifier] | None:
        """The purposes of extKeyUsage; None where the extension is absent."""
        value = self._value(oids.ID_CE_EXT_KEY_USAGE)
        if value is None:
            return None
        return _purposes(value) if len(value) <= _MAX_KEPT_OCTETS else _purposes.__wrapped__(value)

    @cached_property
    def key_usage_flags(self) -> int | None:
        """KeyUsage as sixteen bits, the first of them ``DIGITAL_SIGNATURE``; None: it is absent."""
        value = self._value(oids.ID_CE_KEY_USAGE)
        if value is None:
            return None
        return _flags(value) if len(value) <= _MAX_KEPT_OCTETS else _flags.__wrapped__(value)

    @cached_property
    def key_usage(self) -> x509.KeyUsage | None:
        """KeyUsage; None where the extension is absent."""
        flags = self.key_usage_flags
        if flags is None:
            return None
        named = {
            bit: bool(flags & (DIGITAL_SIGNATURE >> place)) for place, bit in enumerate(_KEY_USAGES)
        }
        if not named["key_agreement"]:
            named["encipher_only"] = named["decipher_only"] = False
        return x509.KeyUsage(**named)

    @cached_property
    def is_ca(self) -> bool:
        """Whether basicConstraints says cA."""
        value = self._value(oids.ID_CE_BASIC_CONSTRAINTS)
        if value is None:
            return False
        return bool(decode(asn1.BasicConstraints, value, "id-ce-basicConstraints").ca)

    @property
    def nocheck(self) -> bytes | None:
        """The value of id-pkix-ocsp-nocheck, ``05 00`` where it is right; None: absent (O24)."""
        return self._value(oids.ID_PKIX_OCSP_NOCHECK)

    @cached_property
    def tls_features(self) -> tuple[int, ...] | None:
        """The TLS extensions that a server with this certificate promises (RFC 7633 §4, T10)."""
        value = self._value(oids.ID_PE_TLS_FEATURE)
        if value is None:
            return None
        declared = decode_sequence_of(asn1.Features, value, "id-pe-tlsfeature")
        return tuple(declared.features)

    @property
    def has_no_rev_avail(self) -> bool:
        """Whether noRevAvail says that no status will ever be published (C14)."""
        return oids.ID_CE_NO_REV_AVAIL in self.extensions

    def __str__(self) -> str:
        return f"{self.subject} (serial {self.serial_number:#x})"


def _uris(names: Iterable[GeneralName]) -> Iterable[str]:
    kind = GeneralNameKind.UNIFORM_RESOURCE_IDENTIFIER
    return (name.text for name in names if name.kind is kind)


@lru_cache(MAX_KNOWN_NAMES)
def _digest(data: bytes, algorithm: HashAlgorithm) -> bytes:
    """Hash an issuer's name or key: the same few for every CertID."""
    return algorithm.digest(data)


@lru_cache(MAX_KNOWN_NAMES)
def _purposes(value: bytes) -> frozenset[ObjectIdentifier]:
    declared = decode_sequence_of(asn1.ExtKeyUsageSyntax, value, "id-ce-extKeyUsage")
    return frozenset(declared.purposes)


@lru_cache(MAX_KNOWN_NAMES)
def _flags(value: bytes) -> int:
    bits = decode(BitString, value, "id-ce-keyUsage").as_bytes()
    return int.from_bytes(bits.ljust(2, b"\0")[:2])
