"""Signature algorithms: what each OID demands, and whether a signature holds.

RSA PKCS#1 v1.5 and PSS (RFC 4055), ECDSA on P-256/384/521 (RFC 5758), DSA, Ed25519 and
Ed448 (RFC 8410), ML-DSA-44/65/87 in pure mode with an empty context (RFC 9881).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, mldsa, padding, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.x509 import ObjectIdentifier

from certstatus.asn1 import oids, x509
from certstatus.asn1.doorway import decode, encode
from certstatus.errors import MalformedError
from certstatus.limits import MAX_KNOWN_WORDS
from certstatus.pkix.algorithm import AlgorithmIdentifier

__all__ = ["SignatureAlgorithm", "pss_algorithm", "signature_algorithm", "signature_problem"]

Hash = hashes.SHA1 | hashes.SHA256 | hashes.SHA384 | hashes.SHA512


@dataclass(frozen=True, slots=True)
class SignatureAlgorithm:
    """One signature algorithm, ready to sign and to verify with.

    ``key_type`` is the base class of the public keys that it fits. ``hash`` is None where
    the algorithm hashes by itself. ``salt_length`` is set for PSS alone.
    """

    name: str
    identifier: AlgorithmIdentifier
    key_type: type
    hash: Hash | None = None
    salt_length: int | None = None

    @property
    def is_sha1(self) -> bool:
        """Whether it rests on SHA-1, which no longer resists forgery (O29)."""
        return self.hash is not None and self.hash.name == "sha1"

    def fits(self, public_key: CertificatePublicKeyTypes) -> bool:
        """Whether this key makes such signatures."""
        return _is_kind_of(type(public_key), self.key_type)

    def pss(self) -> padding.PSS:
        """Return the PSS padding of this algorithm."""
        assert self.hash is not None
        assert self.salt_length is not None
        return padding.PSS(padding.MGF1(self.hash), self.salt_length)


@lru_cache(MAX_KNOWN_WORDS)
def _is_kind_of(kind: type, key_type: type) -> bool:
    """Whether one is the other; the key types' own way of telling is a slow one."""
    return issubclass(kind, key_type)


_HASHES: Final[dict[ObjectIdentifier, Hash]] = {
    oids.ID_SHA1: hashes.SHA1(),
    oids.ID_SHA256: hashes.SHA256(),
    oids.ID_SHA384: hashes.SHA384(),
    oids.ID_SHA512: hashes.SHA512(),
}
_NULL: Final = b"\x05\x00"


def _fixed(
    oid: ObjectIdentifier, key_type: type, hash_: Hash | None, parameters: bytes | None = None
) -> SignatureAlgorithm:
    return SignatureAlgorithm(
        oids.name_of(oid), AlgorithmIdentifier(oid, parameters), key_type, hash_
    )


_FIXED: Final = {
    algorithm.identifier.oid: algorithm
    for algorithm in (
        # RFC 4055 §5: parameters MUST be NULL for PKCS #1 v1.5; RFC 5758, 8410, 9881: absent.
        _fixed(oids.SHA1_WITH_RSA, rsa.RSAPublicKey, hashes.SHA1(), _NULL),
        _fixed(oids.SHA256_WITH_RSA, rsa.RSAPublicKey, hashes.SHA256(), _NULL),
        _fixed(oids.SHA384_WITH_RSA, rsa.RSAPublicKey, hashes.SHA384(), _NULL),
        _fixed(oids.SHA512_WITH_RSA, rsa.RSAPublicKey, hashes.SHA512(), _NULL),
        _fixed(oids.DSA_WITH_SHA1, dsa.DSAPublicKey, hashes.SHA1()),
        _fixed(oids.DSA_WITH_SHA256, dsa.DSAPublicKey, hashes.SHA256()),
        _fixed(oids.ECDSA_WITH_SHA1, ec.EllipticCurvePublicKey, hashes.SHA1()),
        _fixed(oids.ECDSA_WITH_SHA256, ec.EllipticCurvePublicKey, hashes.SHA256()),
        _fixed(oids.ECDSA_WITH_SHA384, ec.EllipticCurvePublicKey, hashes.SHA384()),
        _fixed(oids.ECDSA_WITH_SHA512, ec.EllipticCurvePublicKey, hashes.SHA512()),
        _fixed(oids.ID_ED25519, ed25519.Ed25519PublicKey, None),
        _fixed(oids.ID_ED448, ed448.Ed448PublicKey, None),
        _fixed(oids.ID_ML_DSA_44, mldsa.MLDSA44PublicKey, None),
        _fixed(oids.ID_ML_DSA_65, mldsa.MLDSA65PublicKey, None),
        _fixed(oids.ID_ML_DSA_87, mldsa.MLDSA87PublicKey, None),
    )
}
# Hashed RSA and ECDSA identifiers with parameters NULL or absent are read alike; these may
# have none at all: A1, A2.
_PARAMETERS_ABSENT: Final = frozenset(
    {
        oids.ID_ED25519,
        oids.ID_ED448,
        oids.ID_ML_DSA_44,
        oids.ID_ML_DSA_65,
        oids.ID_ML_DSA_87,
    }
)
_PREHASHED: Final = frozenset(
    {oids.ID_HASH_ML_DSA_44, oids.ID_HASH_ML_DSA_65, oids.ID_HASH_ML_DSA_87}
)


def signature_algorithm(identifier: AlgorithmIdentifier) -> SignatureAlgorithm:
    """Return the algorithm that an AlgorithmIdentifier names.

    Raises:
        MalformedError: it is not known to us, not allowed (HashML-DSA, A2), or its
            parameters are not what its standard asks for (A1).
    """
    oid = identifier.oid
    if oid == oids.RSASSA_PSS:
        return _read_pss(identifier)
    if oid in _PREHASHED:
        raise MalformedError(
            f"{identifier} is not allowed in X.509 (RFC 9881 §2)",
            where="signatureAlgorithm",
            rule="A2",
        )
    algorithm = _FIXED.get(oid)
    if algorithm is None:
        raise MalformedError(f"{identifier} is not supported", where="signatureAlgorithm")
    if oid in _PARAMETERS_ABSENT and identifier.parameters is not None:
        raise MalformedError(
            f"{identifier} must have no parameters", where="signatureAlgorithm", rule="A1"
        )
    if not identifier.has_no_parameters:
        raise MalformedError(f"{identifier} has unknown parameters", where="signatureAlgorithm")
    return algorithm


def pss_algorithm(hash_oid: ObjectIdentifier) -> SignatureAlgorithm:
    """Return RSASSA-PSS with one hash for message and mask, and a salt as long as it is."""
    hash_ = _HASHES[hash_oid]
    # RFC 4055 §2.1 writes the NULL in this place; BR 7.1.3.2.1 fixes these very bytes.
    named = AlgorithmIdentifier(hash_oid, _NULL)
    parameters = x509.RSASSAPSSParams(
        hash_algorithm=named.declared(),
        mask_gen_algorithm=AlgorithmIdentifier(oids.ID_MGF1, encode(named.declared())).declared(),
        salt_length=hash_.digest_size,
    )
    identifier = AlgorithmIdentifier(oids.RSASSA_PSS, encode(parameters))
    return _pss(identifier, hash_, hash_.digest_size)


def _pss(identifier: AlgorithmIdentifier, hash_: Hash, salt_length: int) -> SignatureAlgorithm:
    name = f"id-RSASSA-PSS with {hash_.name}"
    return SignatureAlgorithm(name, identifier, rsa.RSAPublicKey, hash_, salt_length)


def _read_pss(identifier: AlgorithmIdentifier) -> SignatureAlgorithm:
    """Read RSASSA-PSS-params (RFC 4055 §3.1); its defaults are SHA-1, MGF1 with it, 20, 1."""
    where = "signatureAlgorithm.parameters"
    if identifier.parameters is None:
        raise MalformedError("id-RSASSA-PSS has no parameters", where=where)
    declared = decode(x509.RSASSAPSSParams, identifier.parameters, where)
    hash_ = _hash_of(declared.hash_algorithm, f"{where}.hashAlgorithm")
    if declared.mask_gen_algorithm is not None:
        mask = AlgorithmIdentifier.from_declared(declared.mask_gen_algorithm)
        mask_hash = decode(
            x509.AlgorithmIdentifier, mask.parameters or b"", f"{where}.maskGenAlgorithm"
        )
    else:
        mask, mask_hash = AlgorithmIdentifier(oids.ID_MGF1), None
    same = _hash_of(mask_hash, f"{where}.maskGenAlgorithm").name == hash_.name
    salt_length = 20 if declared.salt_length is None else declared.salt_length
    trailer = 1 if declared.trailer_field is None else declared.trailer_field
    if mask.oid != oids.ID_MGF1 or not same or trailer != 1 or not 0 <= salt_length <= 512:
        raise MalformedError("are not a use of RSASSA-PSS that we support", where=where)
    return _pss(identifier, hash_, salt_length)


def _hash_of(declared: x509.AlgorithmIdentifier | None, where: str) -> Hash:
    oid = oids.ID_SHA1 if declared is None else declared.algorithm
    if oid not in _HASHES:
        raise MalformedError(f"{oids.name_of(oid)} is not supported", where=where)
    return _HASHES[oid]


def signature_problem(
    algorithm: SignatureAlgorithm,
    public_key: CertificatePublicKeyTypes,
    signature: bytes,
    signed: bytes | memoryview,
) -> str | None:
    """Say why ``signature`` over ``signed`` does not hold; None means that it holds."""
    if not algorithm.fits(public_key):
        return f"the key is not one for {algorithm.name}"
    try:
        _VERIFIERS[algorithm.key_type](algorithm, public_key, signature, signed)
    except InvalidSignature:
        return "the signature does not match"
    except (ValueError, UnsupportedAlgorithm) as error:
        return f"the signature can't be verified: {error}"
    return None


def _verify_rsa(
    algorithm: SignatureAlgorithm,
    key: rsa.RSAPublicKey,
    signature: bytes,
    signed: bytes | memoryview,
) -> None:
    assert algorithm.hash is not None
    scheme = padding.PKCS1v15() if algorithm.salt_length is None else algorithm.pss()
    # Takes any buffer, as the other keys do; its annotation alone says bytes.
    key.verify(signature, signed, scheme, algorithm.hash)  # type: ignore[arg-type]


def _verify_ecdsa(
    algorithm: SignatureAlgorithm,
    key: ec.EllipticCurvePublicKey,
    signature: bytes,
    signed: bytes | memoryview,
) -> None:
    assert algorithm.hash is not None
    key.verify(signature, signed, _ECDSA[algorithm.hash.name])


_ECDSA: Final = {hash_.name: ec.ECDSA(hash_) for hash_ in _HASHES.values()}


def _verify_dsa(
    algorithm: SignatureAlgorithm,
    key: dsa.DSAPublicKey,
    signature: bytes,
    signed: bytes | memoryview,
) -> None:
    assert algorithm.hash is not None
    key.verify(signature, signed, algorithm.hash)


_Plain = (
    ed25519.Ed25519PublicKey
    | ed448.Ed448PublicKey
    | mldsa.MLDSA44PublicKey
    | mldsa.MLDSA65PublicKey
    | mldsa.MLDSA87PublicKey
)


def _verify_plain(
    _: SignatureAlgorithm, key: _Plain, signature: bytes, signed: bytes | memoryview
) -> None:
    key.verify(signature, signed)


_VERIFIERS: Final[dict[type, Callable[..., None]]] = {
    rsa.RSAPublicKey: _verify_rsa,
    ec.EllipticCurvePublicKey: _verify_ecdsa,
    dsa.DSAPublicKey: _verify_dsa,
    ed25519.Ed25519PublicKey: _verify_plain,
    ed448.Ed448PublicKey: _verify_plain,
    mldsa.MLDSA44PublicKey: _verify_plain,
    mldsa.MLDSA65PublicKey: _verify_plain,
    mldsa.MLDSA87PublicKey: _verify_plain,
}
