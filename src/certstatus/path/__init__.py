"""Certification paths: found, validated (RFC 5280 §6), and held to what RFC 5055 asks of them.

Bare, it finds paths; to validate one it takes the extra ``scvp``.
"""

from __future__ import annotations

from certstatus.path.build import IssuerFetch, PathFinder
from certstatus.path.crl_view import HeldCRL
from certstatus.path.evidence import Evidence, EvidenceFetch, Fetched, StatusSource
from certstatus.path.evidence_cache import EvidenceCache
from certstatus.path.fetching import EvidenceFetcher
from certstatus.path.inputs import (
    NameRequirement,
    NameRule,
    PathInputs,
    RevocationRule,
    anchor_problem,
)
from certstatus.path.pool import CertificatePool
from certstatus.path.report import (
    CertificateReport,
    CertificationPath,
    PathReport,
    PathSearch,
    Proof,
    RevocationStatus,
)
from certstatus.path.validate import check_path, find_paths, validate_path
from certstatus.path.work import Work, WorkLimits
from certstatus.scvp import ValidationError

__all__ = [
    "CertificatePool",
    "CertificateReport",
    "CertificationPath",
    "Evidence",
    "EvidenceCache",
    "EvidenceFetch",
    "EvidenceFetcher",
    "Fetched",
    "HeldCRL",
    "IssuerFetch",
    "NameRequirement",
    "NameRule",
    "PathFinder",
    "PathInputs",
    "PathReport",
    "PathSearch",
    "Proof",
    "RevocationRule",
    "RevocationStatus",
    "StatusSource",
    "ValidationError",
    "Work",
    "WorkLimits",
    "anchor_problem",
    "check_path",
    "find_paths",
    "validate_path",
]
