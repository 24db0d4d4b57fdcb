"""How a message names a certificate: by value, or by hash, issuer and serial number.

A certificate by value is kept as its DER and not read: a broken one makes one reply
malformedPKC, and spoils no other (RFC 5055 §4.9.2, S15).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from certstatus.asn1 import oids
from certstatus.asn1 import scvp as asn1
from certstatus.asn1.departure import Departure
from certstatus.asn1.doorway import TLV, encode, read_tlv, retag
from certstatus.asn1.x509 import AlgorithmIdentifier as DeclaredAlgorithm
from certstatus.errors import MalformedError
from certstatus.pkix import AlgorithmIdentifier, Certificate, GeneralName, HashAlgorithm
from certstatus.scvp.lists import declared_names, decode_step, filled, read_names

__all__ = [
    "ACReference",
    "CertReference",
    "PKCReference",
    "SCVPCertID",
    "read_pkc_references",
    "read_reference",
]

_SEQUENCE: Final = 0x30
_CERT: Final = 0xA0
_PKC_REF: Final = 0xA1
_ATTR_CERT: Final = 0xA2
_AC_REF: Final = 0xA3

SHA_1: Final = AlgorithmIdentifier(oids.ID_SHA1)
"""The default of hashAlgorithm and of HashValue.algorithm: without parameters."""


@dataclass(frozen=True, slots=True)
class SCVPCertID:
    """A reference to a certificate: the hash of its whole DER, its issuer and serial number.

    ``der`` holds the received octets, which a reply echoes as they were (RFC 5055 §4.9.1).
    """

    cert_hash: bytes
    issuer: tuple[GeneralName, ...]
    serial_number: int
    hash_algorithm: AlgorithmIdentifier = SHA_1
    der: bytes = field(default=b"", repr=False, compare=False)

    @classmethod
    def of(
        cls, certificate: Certificate, algorithm: HashAlgorithm = HashAlgorithm.SHA256
    ) -> SCVPCertID:
        """Refer to a certificate at hand."""
        return cls(
            algorithm.digest(certificate.der),
            (GeneralName.directory_name(certificate.issuer),),
            certificate.serial_number,
            AlgorithmIdentifier(algorithm.oid),
        )

    @classmethod
    def from_der(cls, der: bytes, where: str, departures: list[Departure]) -> SCVPCertID:
        """Read a SCVPCertID with its SEQUENCE tag.

        Raises:
            MalformedError: it is none, or has no issuer.
        """
        declared = decode_step(asn1.SCVPCertID, der, where, depth=3)
        names = read_names(declared.issuer_serial.issuer, f"{where}.issuerSerial.issuer")
        return cls(
            declared.cert_hash,
            names,
            declared.issuer_serial.serial_number,
            read_hash_algorithm(declared.hash_algorithm, f"{where}.hashAlgorithm", departures),
            der,
        )

    @property
    def hash(self) -> HashAlgorithm | None:
        """The hash, or None where we don't know the algorithm."""
        return HashAlgorithm.from_oid(self.hash_algorithm.oid)

    def names(self, certificate: Certificate) -> bool:
        """Whether issuer and serial number are that certificate's; the hash is another matter."""
        if self.serial_number != certificate.serial_number:
            return False
        found = (one.name for one in self.issuer)
        return any(name is not None and name.matches(certificate.issuer) for name in found)

    def has_hash_of(self, certificate_der: bytes) -> bool | None:
        """Whether the hash is that of a whole certificate; None: the algorithm is unknown."""
        algorithm = self.hash
        return None if algorithm is None else algorithm.digest(certificate_der) == self.cert_hash

    def encode(self) -> bytes:
        """Return the DER: the received octets where there are any.

        Raises:
            MalformedError: there is no issuer, or too many.
        """
        if self.der:
            return self.der
        issuer = declared_names(self.issuer, "SCVPIssuerSerial.issuer")
        if issuer is None:
            raise MalformedError("is empty", where="SCVPIssuerSerial.issuer")
        return encode(
            asn1.SCVPCertID(
                cert_hash=self.cert_hash,
                issuer_serial=asn1.SCVPIssuerSerial(
                    issuer=issuer, serial_number=self.serial_number
                ),
                hash_algorithm=declared_hash_algorithm(self.hash_algorithm),
            )
        )


def read_hash_algorithm(
    declared: DeclaredAlgorithm | None, where: str, departures: list[Departure]
) -> AlgorithmIdentifier:
    """Return a hash algorithm whose default is sha-1; one written out is noted."""
    if declared is None:
        return SHA_1
    algorithm = AlgorithmIdentifier.from_declared(declared)
    if algorithm == SHA_1:
        departures.append(Departure(where, "writes the default sha-1 out"))
    return algorithm


def declared_hash_algorithm(algorithm: AlgorithmIdentifier) -> DeclaredAlgorithm | None:
    """Return the value to encode; the default is absent."""
    return None if algorithm == SHA_1 else algorithm.declared()


@dataclass(frozen=True, slots=True)
class PKCReference:
    """A public key certificate: ``cert`` is its DER, unread, or ``pkc_ref`` refers to it.

    Raises:
        ValueError: not exactly one of them is given.
    """

    cert: bytes | None = None
    pkc_ref: SCVPCertID | None = None

    def __post_init__(self) -> None:
        _require_one(self.cert, self.pkc_ref)

    @classmethod
    def by_value(cls, certificate: Certificate) -> PKCReference:
        """Give the certificate itself."""
        return cls(cert=certificate.der)

    @classmethod
    def by_reference(
        cls, certificate: Certificate, algorithm: HashAlgorithm = HashAlgorithm.SHA256
    ) -> PKCReference:
        """Refer to a certificate that the reader has, or will find."""
        return cls(pkc_ref=SCVPCertID.of(certificate, algorithm))

    @property
    def certificate(self) -> Certificate | None:
        """The certificate given by value, or None for a reference.

        Raises:
            MalformedError: it is no certificate (ReplyStatus malformedPKC).
        """
        return None if self.cert is None else Certificate.from_der(self.cert)

    def refers_to(self, certificate: Certificate) -> bool:
        """Whether this is that certificate, or refers to it by hash, issuer and serial number."""
        if self.pkc_ref is None:
            return self.cert == certificate.der
        return self.pkc_ref.names(certificate) and bool(self.pkc_ref.has_hash_of(certificate.der))

    def encode(self) -> bytes:
        """Return the DER, with the tag of its arm."""
        return _encode_arm(self.cert, _CERT, self.pkc_ref, _PKC_REF)


@dataclass(frozen=True, slots=True)
class ACReference:
    """An attribute certificate: ``attr_cert`` is its DER, unread, or ``ac_ref`` refers to it.

    Raises:
        ValueError: not exactly one of them is given.
    """

    attr_cert: bytes | None = None
    ac_ref: SCVPCertID | None = None

    def __post_init__(self) -> None:
        _require_one(self.attr_cert, self.ac_ref)

    def encode(self) -> bytes:
        """Return the DER, with the tag of its arm."""
        return _encode_arm(self.attr_cert, _ATTR_CERT, self.ac_ref, _AC_REF)


CertReference: TypeAlias = PKCReference | ACReference


def _require_one(value: bytes | None, reference: SCVPCertID | None) -> None:
    if (value is None) == (reference is None):
        raise ValueError("give the certificate's DER or a reference to it, one of the two")


def _encode_arm(
    value: bytes | None, value_tag: int, reference: SCVPCertID | None, reference_tag: int
) -> bytes:
    if reference is not None:
        return retag(reference.encode(), reference_tag)
    assert value is not None
    if value[:1] != bytes((_SEQUENCE,)):
        raise MalformedError("is no SEQUENCE", where="CertReference")
    return retag(value, value_tag)


def read_reference(element: TLV, where: str, departures: list[Departure]) -> CertReference:
    """Read a PKCReference or an ACReference by its tag.

    An IMPLICIT tag stands in the place of the certificate's own, which is put back.

    Raises:
        MalformedError: it is none of them.
    """
    der = encode(element)
    tag, restored = der[0], retag(der, _SEQUENCE)
    if tag == _CERT:
        return PKCReference(cert=restored)
    if tag == _PKC_REF:
        found = SCVPCertID.from_der(restored, f"{where}.pkcRef", departures)
        return PKCReference(pkc_ref=found)
    if tag == _ATTR_CERT:
        return ACReference(attr_cert=restored)
    if tag == _AC_REF:
        return ACReference(ac_ref=SCVPCertID.from_der(restored, f"{where}.acRef", departures))
    raise MalformedError("is neither a PKCReference nor an ACReference", where=where)


def read_pkc_references(
    declared: Sequence[TLV] | None, most: int, where: str, departures: list[Departure]
) -> tuple[PKCReference, ...]:
    """Read a SEQUENCE SIZE (1..MAX) OF PKCReference, () where it is absent.

    Raises:
        MalformedError: it is there and empty, has more than ``most``, or a member is another.
    """
    if declared is None:
        return ()
    return tuple(_pkc_references(filled(declared, most, where), where, departures))


def _pkc_references(
    elements: Sequence[TLV], where: str, departures: list[Departure]
) -> Iterable[PKCReference]:
    for element in elements:
        reference = read_reference(element, where, departures)
        if not isinstance(reference, PKCReference):
            raise MalformedError("holds an attribute certificate", where=where)
        yield reference


def declared_references(references: Sequence[CertReference], where: str) -> list[TLV]:
    """Return the elements to encode."""
    return [read_tlv(reference.encode(), where) for reference in references]
