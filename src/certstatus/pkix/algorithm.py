"""AlgorithmIdentifier and the four hashes that name an issuer.

Parameters NULL and parameters absent are one algorithm (RFC 5754 §2): we write them
absent, read both, and echo what a peer wrote.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from typing import Final

from cryptography.x509 import ObjectIdentifier

from certstatus.asn1 import oids, x509
from certstatus.asn1.doorway import decode, encode, read_tlv
from certstatus.errors import MalformedError
from certstatus.limits import MAX_KNOWN_NAMES

__all__ = ["AlgorithmIdentifier", "HashAlgorithm", "known_algorithm"]

_NULL: Final = b"\x05\x00"
_MAX_KEPT_OCTETS: Final = 256


@dataclass(frozen=True, slots=True)
class AlgorithmIdentifier:
    """An algorithm's OID and the DER of its parameters, None where they are absent."""

    oid: ObjectIdentifier
    parameters: bytes | None = None

    @classmethod
    def from_declared(cls, declared: x509.AlgorithmIdentifier) -> AlgorithmIdentifier:
        """Take over what was decoded."""
        parameters = declared.parameters
        return cls(declared.algorithm, None if parameters is None else encode(parameters))

    @classmethod
    def from_der(cls, der: bytes, where: str) -> AlgorithmIdentifier:
        """Read DER.

        Raises:
            MalformedError: ``der`` is no AlgorithmIdentifier.
        """
        return cls.from_declared(decode(x509.AlgorithmIdentifier, der, where))

    def declared(self) -> x509.AlgorithmIdentifier:
        """Return the value to encode."""
        if self.parameters is None:
            return x509.AlgorithmIdentifier(algorithm=self.oid)
        return x509.AlgorithmIdentifier(
            algorithm=self.oid,
            parameters=read_tlv(self.parameters, "AlgorithmIdentifier.parameters"),
        )

    @property
    def has_no_parameters(self) -> bool:
        """Whether the parameters are absent or NULL, which mean the same."""
        return self.parameters is None or self.parameters == _NULL

    def __str__(self) -> str:
        return oids.name_of(self.oid)


def known_algorithm(der: bytes) -> AlgorithmIdentifier:
    """Read one of the few that come again and again; a long one is not kept.

    Raises:
        MalformedError: ``der`` is no AlgorithmIdentifier.
    """
    if len(der) > _MAX_KEPT_OCTETS:
        return AlgorithmIdentifier.from_der(der, "AlgorithmIdentifier")
    return _known(der)


@lru_cache(MAX_KNOWN_NAMES)
def _known(der: bytes) -> AlgorithmIdentifier:
    return AlgorithmIdentifier.from_der(der, "AlgorithmIdentifier")


class HashAlgorithm(Enum):
    """A hash that a CertID may name its issuer by (RFC 6960 §4.1.1, RFC 9919 §3.1.1)."""

    SHA1 = ("sha1", oids.ID_SHA1)
    SHA256 = ("sha256", oids.ID_SHA256)
    SHA384 = ("sha384", oids.ID_SHA384)
    SHA512 = ("sha512", oids.ID_SHA512)

    def __init__(self, label: str, oid: ObjectIdentifier) -> None:
        self.label = label
        self.oid = oid

    # There is one object of each, and hashing its name would take a call into Python.
    __hash__ = object.__hash__

    @classmethod
    def from_label(cls, label: str) -> HashAlgorithm:
        """Return the hash of a name as users write it: sha256, SHA-256.

        Raises:
            MalformedError: no such hash.
        """
        wanted = label.lower().replace("-", "")
        for member in cls:
            if member.label == wanted:
                return member
        raise MalformedError(
            f"{label!r} is none of sha1, sha256, sha384, sha512", where="hashAlgorithm"
        )

    @classmethod
    def from_oid(cls, oid: ObjectIdentifier) -> HashAlgorithm | None:
        """Return the hash with this OID, or None where we have none."""
        return _BY_OID.get(oid)

    def digest(self, data: bytes) -> bytes:
        """Hash ``data``. SHA-1 names an issuer or a key here, and secures nothing (O17)."""
        return _HASHERS[self](data, usedforsecurity=False).digest()


_HASHERS: Final = {
    HashAlgorithm.SHA1: hashlib.sha1,
    HashAlgorithm.SHA256: hashlib.sha256,
    HashAlgorithm.SHA384: hashlib.sha384,
    HashAlgorithm.SHA512: hashlib.sha512,
}
_BY_OID: Final = {member.oid: member for member in HashAlgorithm}
