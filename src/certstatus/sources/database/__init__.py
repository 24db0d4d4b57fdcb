"""The status database: tables, rules of change, imports, and the source that answers from it."""

from __future__ import annotations

from certstatus.sources.database.imports import ImportKind, ImportReport, import_file
from certstatus.sources.database.ledger import Issuer
from certstatus.sources.database.record import CertificateRecord, Outcome, Revocation, Status
from certstatus.sources.database.source import DatabaseSource
from certstatus.sources.database.store import AuditEntry, IssuerSummary, StatusDatabase

__all__ = [
    "AuditEntry",
    "CertificateRecord",
    "DatabaseSource",
    "ImportKind",
    "ImportReport",
    "Issuer",
    "IssuerSummary",
    "Outcome",
    "Revocation",
    "Status",
    "StatusDatabase",
    "import_file",
]
