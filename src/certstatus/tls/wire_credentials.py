"""A chain and its key, as the TLS engine takes them."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from certstatus.errors import SignerError
from certstatus.limits_tls import MAX_TLS_CHAIN
from certstatus.pkix import Certificate
from certstatus.tls.wire_tlslite import X509, X509CertChain, parsePEMKey

__all__ = ["Credentials"]

_SUPPORTED = (
    rsa.RSAPrivateKey,
    ec.EllipticCurvePrivateKey,
    ed25519.Ed25519PrivateKey,
    ed448.Ed448PrivateKey,
)


@dataclass(frozen=True, kw_only=True)
class Credentials:
    """What a side shows of itself: its certificate first, those of its issuers after it.

    The key is RSA, ECDSA, Ed25519 or Ed448; the engine knows no other.
    """

    chain: tuple[Certificate, ...]
    key: PrivateKeyTypes = field(repr=False)

    @cached_property
    def for_engine(self) -> tuple[Any, Any]:
        """The chain and the key as tlslite-ng's objects, made once.

        Raises:
            SignerError: the chain is empty or too long, the key belongs to another certificate, or the
                engine does not know their algorithms.
        """
        if not 0 < len(self.chain) <= MAX_TLS_CHAIN:
            raise SignerError(f"a chain has 1 to {MAX_TLS_CHAIN} certificates")
        key, certificate = self.key, self.chain[0]
        if not isinstance(key, _SUPPORTED):
            raise SignerError(f"a key of type {type(key).__name__} can't be used for TLS here")
        if key.public_key() != certificate.public_key:
            raise SignerError("the key does not belong to the first certificate of the chain")
        try:
            return X509CertChain([_certificate(one) for one in self.chain]), _key(key)
        except (LookupError, SyntaxError, ValueError) as error:
            raise SignerError(f"the TLS engine can't use the chain or its key: {error}") from error


def _certificate(certificate: Certificate) -> Any:
    found = X509()
    found.parseBinary(certificate.der)
    return found


def _key(key: Any) -> Any:
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return parsePEMKey(pem.decode("ascii"), private=True, implementations=["python"])
