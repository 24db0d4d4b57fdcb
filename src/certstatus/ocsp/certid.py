"""CertID: how request and response name a certificate (RFC 6960 §4.1.1, O1)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from certstatus.asn1 import ocsp as asn1
from certstatus.asn1.departure import Departure
from certstatus.asn1.doorway import TLV, decode, encode, read_tlv
from certstatus.limits import MAX_SERIAL_OCTETS
from certstatus.pkix import AlgorithmIdentifier, Certificate, HashAlgorithm

__all__ = ["CertID"]


@dataclass(frozen=True, slots=True, eq=False)
class CertID:
    """The hashes of an issuer's name and key, and a serial number.

    Two are equal where they say the same: hash parameters NULL and absent do not differ
    (RFC 5754 §2). ``der`` holds the received bytes, which an answer echoes as they were
    (some peers compare bytes); None in one that was built here.
    """

    hash_algorithm: AlgorithmIdentifier
    issuer_name_hash: bytes
    issuer_key_hash: bytes
    serial_number: int
    der: bytes | None = field(default=None, repr=False)

    @classmethod
    def from_tlv(cls, element: TLV, where: str) -> CertID:
        """Read an element. Raises MalformedError."""
        return cls.from_der(encode(element), where)

    @classmethod
    def from_der(cls, der: bytes, where: str = "CertID") -> CertID:
        """Read DER; any hash algorithm, any serial number.

        Raises:
            MalformedError: it is no CertID.
        """
        declared = decode(asn1.CertID, der, where)
        return cls(
            AlgorithmIdentifier.from_declared(declared.hash_algorithm),
            declared.issuer_name_hash,
            declared.issuer_key_hash,
            declared.serial_number,
            der,
        )

    @classmethod
    def of(
        cls,
        issuer: Certificate,
        serial_number: int,
        algorithm: HashAlgorithm = HashAlgorithm.SHA256,
    ) -> CertID:
        """Name the certificate of this serial number that ``issuer`` issued.

        SHA-256 is what RFC 9919 §3.1.1 asks for (L1). The name hash covers the subject of
        ``issuer``; where the certificate is at hand, ``for_certificate`` is exact.
        """
        return cls(
            AlgorithmIdentifier(algorithm.oid),
            issuer.subject_name_hash(algorithm),
            issuer.key_hash(algorithm),
            serial_number,
        )

    @classmethod
    def for_certificate(
        cls,
        certificate: Certificate,
        issuer: Certificate,
        algorithm: HashAlgorithm = HashAlgorithm.SHA256,
    ) -> CertID:
        """Name ``certificate`` by the issuer's name as it stands in it (O1) and the issuer's key."""
        return cls(
            AlgorithmIdentifier(algorithm.oid),
            algorithm.digest(certificate.issuer.der),
            issuer.key_hash(algorithm),
            certificate.serial_number,
        )

    def departures(self, where: str) -> Iterator[Departure]:
        """Tell what stands here otherwise than RFC 5280 §4.1.2.2 and RFC 5754 §2 ask."""
        number = self.serial_number
        if number <= 0:
            found = f"is {'negative' if number else 'zero'} (RFC 5280 §4.1.2.2)"
            yield Departure(f"{where}.serialNumber", found)
        if (number if number >= 0 else ~number).bit_length() // 8 + 1 > MAX_SERIAL_OCTETS:
            found = f"is longer than {MAX_SERIAL_OCTETS} octets (RFC 5280 §4.1.2.2)"
            yield Departure(f"{where}.serialNumber", found)
        # NULL is what most peers write, and no news.
        if not self.hash_algorithm.has_no_parameters:
            found = "has parameters that are neither absent nor NULL (RFC 5754 §2)"
            yield Departure(f"{where}.hashAlgorithm", found)

    @property
    def hash(self) -> HashAlgorithm | None:
        """The hash, or None where we don't know the algorithm."""
        return HashAlgorithm.from_oid(self.hash_algorithm.oid)

    @property
    def key(self) -> tuple[str, bytes, bytes, int]:
        """What makes two CertIDs one: algorithm, both hashes and the serial number."""
        return (
            self.hash_algorithm.oid.dotted_string,
            self.issuer_name_hash,
            self.issuer_key_hash,
            self.serial_number,
        )

    def __eq__(self, other: object) -> bool:
        return self.key == other.key if isinstance(other, CertID) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.key)

    def names_issuer(self, issuer: Certificate) -> bool:
        """Whether both hashes are those of ``issuer``; False for an unknown algorithm."""
        algorithm = self.hash
        return (
            algorithm is not None
            and self.issuer_name_hash == issuer.subject_name_hash(algorithm)
            and self.issuer_key_hash == issuer.key_hash(algorithm)
        )

    def encode(self) -> bytes:
        """Return the DER: the received bytes where there are any."""
        if self.der is not None:
            return self.der
        return encode(
            asn1.CertID(
                hash_algorithm=self.hash_algorithm.declared(),
                issuer_name_hash=self.issuer_name_hash,
                issuer_key_hash=self.issuer_key_hash,
                serial_number=self.serial_number,
            )
        )

    def declared(self) -> TLV:
        """Return the element to encode."""
        return read_tlv(self.encode(), "CertID")

    def __str__(self) -> str:
        return (
            f"serial {self.serial_number:#x} of issuer {self.issuer_key_hash.hex()[:16]}… "
            f"({self.hash_algorithm})"
        )
