"""Digest algorithms of CMS: SHA-2, SHA-3 and SHAKE, and which one goes with which signature.

RSA and ECDSA name their hash, which is the digest's (RFC 5652 §5.4); Ed25519 and Ed448 go
with one digest (RFC 8419 §3); ML-DSA with any as strong as its parameter set (RFC 9882
§3.3, A4).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from cryptography.hazmat.primitives.asymmetric import ed448, ed25519
from cryptography.x509 import ObjectIdentifier

from certstatus.asn1 import oids
from certstatus.asn1.doorway import encode
from certstatus.errors import MalformedError
from certstatus.pkix import (
    AlgorithmIdentifier,
    HashAlgorithm,
    SignatureAlgorithm,
    signature_algorithm,
)

__all__ = [
    "DigestAlgorithm",
    "digest_algorithm",
    "digest_for",
    "digest_problem",
    "signing_algorithm",
]


@dataclass(frozen=True, slots=True)
class DigestAlgorithm:
    """One digest. ``bits`` is the length of its value, ``label`` that of a hash of X.509's."""

    name: str
    identifier: AlgorithmIdentifier
    bits: int
    digest: Callable[[bytes], bytes] = field(repr=False, compare=False)
    label: str | None = None

    @property
    def is_sha1(self) -> bool:
        """Whether it is SHA-1, which no longer resists forgery (O29)."""
        return self.label == HashAlgorithm.SHA1.label


def _known(hash_: HashAlgorithm, bits: int) -> DigestAlgorithm:
    identifier = AlgorithmIdentifier(hash_.oid)
    return DigestAlgorithm(oids.name_of(hash_.oid), identifier, bits, hash_.digest, hash_.label)


def _named(oid: ObjectIdentifier, bits: int, digest: Callable[[bytes], bytes]) -> DigestAlgorithm:
    return DigestAlgorithm(oids.name_of(oid), AlgorithmIdentifier(oid), bits, digest)


def _shake128(data: bytes) -> bytes:
    """Hash to 256 bits (RFC 8702 §3.1)."""
    return hashlib.shake_128(data).digest(32)


def _shake256(data: bytes) -> bytes:
    """Hash to 512 bits (RFC 8702 §3.1)."""
    return hashlib.shake_256(data).digest(64)


def _sha3(name: str) -> Callable[[bytes], bytes]:
    def digest(data: bytes) -> bytes:
        return hashlib.new(name, data).digest()

    return digest


_SHA512: Final = _known(HashAlgorithm.SHA512, 512)
# RFC 8419 §2.3: the length stands in the parameters, and 512 bits are the only one.
_SHAKE256_LEN: Final = DigestAlgorithm(
    oids.name_of(oids.ID_SHAKE256_LEN),
    AlgorithmIdentifier(oids.ID_SHAKE256_LEN, encode(512)),
    512,
    _shake256,
)
_DIGESTS: Final = {
    one.identifier.oid: one
    for one in (
        _known(HashAlgorithm.SHA1, 160),
        _known(HashAlgorithm.SHA256, 256),
        _known(HashAlgorithm.SHA384, 384),
        _SHA512,
        _named(oids.ID_SHA3_256, 256, _sha3("sha3_256")),
        _named(oids.ID_SHA3_384, 384, _sha3("sha3_384")),
        _named(oids.ID_SHA3_512, 512, _sha3("sha3_512")),
        _named(oids.ID_SHAKE128, 256, _shake128),
        _named(oids.ID_SHAKE256, 512, _shake256),
        _SHAKE256_LEN,
    )
}
_BY_LABEL: Final = {one.label: one for one in _DIGESTS.values() if one.label is not None}


def digest_algorithm(identifier: AlgorithmIdentifier) -> DigestAlgorithm:
    """Return the digest that an AlgorithmIdentifier names.

    Raises:
        MalformedError: it is not known to us, or has parameters that are not its own.
    """
    found = _DIGESTS.get(identifier.oid)
    if found is None:
        raise MalformedError(f"{identifier} is not supported", where="digestAlgorithm")
    wanted = found.identifier.parameters
    if identifier.parameters != wanted and not (wanted is None and identifier.has_no_parameters):
        raise MalformedError(f"{identifier} has unknown parameters", where="digestAlgorithm")
    return found


# --- together with a signature --------------------------------------------------------------

_LEAST_BITS: Final = {oids.ID_ML_DSA_44: 256, oids.ID_ML_DSA_65: 384, oids.ID_ML_DSA_87: 512}
_RSA: Final = {
    HashAlgorithm.SHA1.label: oids.SHA1_WITH_RSA,
    HashAlgorithm.SHA256.label: oids.SHA256_WITH_RSA,
    HashAlgorithm.SHA384.label: oids.SHA384_WITH_RSA,
    HashAlgorithm.SHA512.label: oids.SHA512_WITH_RSA,
}


def digest_for(algorithm: SignatureAlgorithm) -> DigestAlgorithm:
    """Return the digest that we sign with: the signature's own hash, else the set one."""
    if algorithm.hash is not None:
        return _BY_LABEL[algorithm.hash.name]
    return _SHAKE256_LEN if algorithm.key_type is ed448.Ed448PublicKey else _SHA512


def signing_algorithm(
    identifier: AlgorithmIdentifier, digest: DigestAlgorithm
) -> SignatureAlgorithm:
    """Return the algorithm of a SignerInfo: rsaEncryption takes its hash from the digest.

    Raises:
        MalformedError: as ``signature_algorithm``.
    """
    if identifier.oid != oids.RSA_ENCRYPTION or not identifier.has_no_parameters:
        return signature_algorithm(identifier)
    oid = _RSA.get(digest.label or "")
    if oid is None:
        text = f"{identifier} with {digest.name} is not supported"
        raise MalformedError(text, where="signatureAlgorithm")
    return signature_algorithm(AlgorithmIdentifier(oid))


def digest_problem(algorithm: SignatureAlgorithm, digest: DigestAlgorithm) -> str | None:
    """Say why this digest does not go with this signature; None: it does."""
    if algorithm.hash is not None:
        fits = digest.label == algorithm.hash.name
        return None if fits else f"{digest.name} is not the hash of {algorithm.name}"
    if algorithm.key_type is ed25519.Ed25519PublicKey:
        return None if digest is _SHA512 else f"Ed25519 goes with id-sha512, not {digest.name}"
    if algorithm.key_type is ed448.Ed448PublicKey:
        fits = digest.digest is _shake256
        return None if fits else f"Ed448 goes with id-shake256-len, not {digest.name}"
    least = _LEAST_BITS[algorithm.identifier.oid]
    if digest.bits < least:
        return f"{digest.name} has {digest.bits} bits; {algorithm.name} needs {least}"
    return None
