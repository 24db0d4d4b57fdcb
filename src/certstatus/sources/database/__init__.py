"""The status database: tables, rules of change, imports, and the source that answers from it."""

from __future__ import annotations

from certstatus.sources.database.claims import Claim, Claims, Round
from certstatus.sources.database.feed import EVERYTHING, StatusChange, StatusFeed
from certstatus.sources.database.imports import ImportKind, ImportReport, import_file
from certstatus.sources.database.ledger import Issuer
from certstatus.sources.database.record import CertificateRecord, Outcome, Revocation, Status
from certstatus.sources.database.source import DatabaseSource
from certstatus.sources.database.store import AuditEntry, IssuerSummary, StatusDatabase

__all__ = [
    "EVERYTHING",
    "AuditEntry",
    "CertificateRecord",
    "Claim",
    "Claims",
    "DatabaseSource",
    "ImportKind",
    "ImportReport",
    "Issuer",
    "IssuerSummary",
    "Outcome",
    "Revocation",
    "Round",
    "Status",
    "StatusChange",
    "StatusDatabase",
    "StatusFeed",
    "import_file",
]
