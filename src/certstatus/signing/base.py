"""Who may say so: a signer is a certificate, the certificates to send, and a way to sign."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Protocol

from certstatus.pkix import Certificate, SignatureAlgorithm

__all__ = ["AsyncSigner", "OuterSigner", "Signer", "is_waited_for", "signature_by"]


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
    """What a Signer is, beside, where its key is slow or far away and its signature waited for.

    A class and not a protocol: it is asked for at each signature, and that costs nothing so.
    """

    __slots__ = ()

    @abstractmethod
    async def asign(self, tbs: bytes) -> bytes:
        """Sign DER as ``sign`` does, and hold up nothing else meanwhile.

        Raises:
            ConfigError, SignerError: the key could not be used.
            OverloadError: too many wait already.
        """

    @property
    def is_waited_for(self) -> bool:
        """Whether ``sign`` would hold up others for long, so that ``asign`` is the way."""
        return True


@dataclass(frozen=True, slots=True)
class OuterSigner(AsyncSigner):
    """A signer around another one, of which it has all but the way to sign."""

    inner: Signer

    @property
    def certificate(self) -> Certificate:
        """The inner signer's."""
        return self.inner.certificate

    @property
    def certs(self) -> tuple[Certificate, ...]:
        """The inner signer's."""
        return self.inner.certs

    @property
    def algorithm(self) -> SignatureAlgorithm:
        """The inner signer's."""
        return self.inner.algorithm

    @property
    def is_waited_for(self) -> bool:
        """Whether the inner signer is."""
        return is_waited_for(self.inner)


def is_waited_for(signer: Signer) -> bool:
    """Whether a signature is to be waited for; else ``sign`` gives it in no time."""
    return isinstance(signer, AsyncSigner) and signer.is_waited_for


async def signature_by(signer: Signer, tbs: bytes) -> bytes:
    """Sign DER, waiting where the signer is one to wait for.

    Raises:
        ConfigError, SignerError: the key could not be used.
        OverloadError: too many wait already.
    """
    if isinstance(signer, AsyncSigner) and signer.is_waited_for:
        return await signer.asign(tbs)
    return signer.sign(tbs)
