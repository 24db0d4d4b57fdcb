"""Who may say so: a signer is a certificate, the certificates to send, and a way to sign."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Protocol

from certstatus.pkix import Certificate, SignatureAlgorithm

__all__ = ["AsyncSigner", "Signer", "signature_by"]


class Signer(Protocol):
    """A key with its certificate and one signature algorithm; keys of any kind and place."""

    @property
    def certificate(self) -> Certificate:
        """The responder's certificate: a delegate's, or the CA's own (O22)."""
        ...

    @property
    def certs(self) -> tuple[Certificate, ...]:
        """What goes into ``certs``, the signer first; empty where the CA signs itself (O18, L5)."""
        ...

    @property
    def algorithm(self) -> SignatureAlgorithm:
        """How it signs."""
        ...

    def sign(self, tbs: bytes) -> bytes:
        """Sign DER.

        Raises:
            SignerError: the key could not be used.
        """
        ...


class AsyncSigner(ABC):
    """What a Signer is, beside, where its key is far away and its signature is waited for.

    A class and not a protocol: it is asked for at each signature, and that costs nothing so.
    """

    __slots__ = ()

    @abstractmethod
    async def asign(self, tbs: bytes) -> bytes:
        """Sign DER as ``sign`` does, and hold up nothing else meanwhile.

        Raises:
            ConfigError, SignerError: the key could not be used.
        """


async def signature_by(signer: Signer, tbs: bytes) -> bytes:
    """Sign DER, waiting where the signer is one to wait for.

    Raises:
        ConfigError, SignerError: the key could not be used.
    """
    return await signer.asign(tbs) if isinstance(signer, AsyncSigner) else signer.sign(tbs)
