"""New private keys, of every kind that we sign with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, mldsa, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes

from certstatus.errors import SignerError
from certstatus.signing.local import SigningKey

__all__ = ["KEY_KINDS", "generate_key", "generate_key_like", "key_pem"]

_EXPONENT: Final = 65537

KEY_KINDS: Final[dict[str, Callable[[], SigningKey]]] = {
    "rsa2048": lambda: rsa.generate_private_key(_EXPONENT, 2048),
    "p256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "p384": lambda: ec.generate_private_key(ec.SECP384R1()),
    "p521": lambda: ec.generate_private_key(ec.SECP521R1()),
    "ed25519": ed25519.Ed25519PrivateKey.generate,
    "ed448": ed448.Ed448PrivateKey.generate,
    "mldsa44": mldsa.MLDSA44PrivateKey.generate,
    "mldsa65": mldsa.MLDSA65PrivateKey.generate,
    "mldsa87": mldsa.MLDSA87PrivateKey.generate,
}
"""Every kind of key that we sign with, by a short name."""

_OF_PUBLIC_KEY: Final = {
    ed25519.Ed25519PublicKey: "ed25519",
    ed448.Ed448PublicKey: "ed448",
    mldsa.MLDSA44PublicKey: "mldsa44",
    mldsa.MLDSA65PublicKey: "mldsa65",
    mldsa.MLDSA87PublicKey: "mldsa87",
}


def generate_key(kind: str = "p256") -> SigningKey:
    """Make a key of a kind named in ``KEY_KINDS``."""
    return KEY_KINDS[kind]()


def generate_key_like(public_key: CertificatePublicKeyTypes) -> SigningKey:
    """Make a key of the kind and size of another.

    Raises:
        SignerError: it is of no kind that we sign with.
    """
    if isinstance(public_key, rsa.RSAPublicKey):
        return rsa.generate_private_key(_EXPONENT, public_key.key_size)
    if isinstance(public_key, ec.EllipticCurvePublicKey):
        return ec.generate_private_key(public_key.curve)
    for kind, name in _OF_PUBLIC_KEY.items():
        if isinstance(public_key, kind):
            return generate_key(name)
    raise SignerError(f"no key is made like one of type {type(public_key).__name__}", rule="O29")


def key_pem(key: SigningKey, password: bytes | None = None) -> bytes:
    """Write a key as PKCS #8 PEM, encrypted where a password is given."""
    encryption: serialization.KeySerializationEncryption = (
        serialization.BestAvailableEncryption(password)
        if password
        else serialization.NoEncryption()
    )
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption
    )
