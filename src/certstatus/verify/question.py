"""What verification is asked: about whom, by which request, when, how strictly."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple

from certstatus.ocsp import CertID, CertStatus, OCSPRequest
from certstatus.pkix import Certificate
from certstatus.verify.known import KnownSignatures
from certstatus.verify.policy import VerifyPolicy

__all__ = ["DelegateStatusLookup"]

DelegateStatusLookup = Callable[[Certificate], CertStatus | None]
"""Tells a delegate's own status, verified; None where it is not known."""


class Target(NamedTuple):
    """The certificate whose status is wanted: its issuer, its serial number, itself if at hand."""

    issuer: Certificate
    serial_number: int
    certificate: Certificate | None = None

    def is_issuer_of(self, cert_id: CertID) -> bool:
        """Whether both hashes of a CertID, under its own algorithm, are the issuer's."""
        algorithm = cert_id.hash
        if algorithm is None or cert_id.issuer_key_hash != self.issuer.key_hash(algorithm):
            return False
        # The issuer's name as it stands in the certificate, where that is at hand (O1).
        if self.certificate is None:
            return cert_id.issuer_name_hash == self.issuer.subject_name_hash(algorithm)
        return cert_id.issuer_name_hash == self.certificate.issuer_name_hash(algorithm)

    def is_named_by(self, cert_id: CertID) -> bool:
        """Whether a CertID names this certificate; hash parameters don't matter (O1)."""
        return cert_id.serial_number == self.serial_number and self.is_issuer_of(cert_id)


class Question(NamedTuple):
    """All that a response is held against; ``now`` is aware UTC."""

    target: Target
    request: OCSPRequest | None
    now: datetime
    policy: VerifyPolicy
    delegate_status: DelegateStatusLookup | None
    known: KnownSignatures

    @property
    def issuer(self) -> Certificate:
        """The CA that issued the certificate in question."""
        return self.target.issuer
