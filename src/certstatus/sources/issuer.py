"""Whether a CertID names an issuer: both hashes, never one, under every hash that we know.

Serial numbers mean something only together with their issuer: an answer found by serial
alone may be about another CA's certificate.
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet

from certstatus.ocsp import CertID
from certstatus.pkix import Certificate, HashAlgorithm

__all__ = ["IssuerHashes"]


class IssuerHashes:
    """The name and key hashes of one issuer, made once, compared for each request (O1)."""

    def __init__(self, issuer: Certificate) -> None:
        self.issuer = issuer
        self._hashes = frozenset(
            (
                algorithm.oid.dotted_string,
                issuer.subject_name_hash(algorithm),
                issuer.key_hash(algorithm),
            )
            for algorithm in HashAlgorithm
        )

    def are_among(self, hashes: AbstractSet[tuple[str, bytes, bytes]]) -> bool:
        """Whether these are this issuer's, under every hash that we know."""
        return self._hashes <= hashes

    def match(self, cert_id: CertID) -> bool:
        """Say whether ``cert_id`` names this issuer; False under an unknown hash algorithm."""
        return cert_id.key[:3] in self._hashes
