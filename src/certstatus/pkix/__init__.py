"""What OCSP needs of certificates, CRLs, names and signatures."""

from __future__ import annotations

from certstatus.pkix.algorithm import AlgorithmIdentifier, HashAlgorithm
from certstatus.pkix.certificate import Certificate
from certstatus.pkix.crl import CertificateList, IssuingDistributionPoint
from certstatus.pkix.crl_entries import serial_octets, serial_octets_at
from certstatus.pkix.crl_entry import RevokedEntry
from certstatus.pkix.distribution_point import (
    DistributionPoint,
    crl_distribution_points,
    freshest_crl,
)
from certstatus.pkix.issuance import issuance_problem
from certstatus.pkix.name import AccessDescription, GeneralName, GeneralNameKind, Name
from certstatus.pkix.reason import ALL_REASONS, CRLReason
from certstatus.pkix.signature import (
    SignatureAlgorithm,
    pss_algorithm,
    signature_algorithm,
    signature_problem,
)

__all__ = [
    "ALL_REASONS",
    "AccessDescription",
    "AlgorithmIdentifier",
    "CRLReason",
    "Certificate",
    "CertificateList",
    "DistributionPoint",
    "GeneralName",
    "GeneralNameKind",
    "HashAlgorithm",
    "IssuingDistributionPoint",
    "Name",
    "RevokedEntry",
    "SignatureAlgorithm",
    "crl_distribution_points",
    "freshest_crl",
    "issuance_problem",
    "pss_algorithm",
    "serial_octets",
    "serial_octets_at",
    "signature_algorithm",
    "signature_problem",
]
