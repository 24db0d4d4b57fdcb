"""How the status database looks: records, issuers and the audit trail, for people and programs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from certstatus import sources
from certstatus.cli.text import moment_text

__all__ = [
    "audit_json",
    "audit_row",
    "issuer_json",
    "record_json",
    "record_row",
    "record_rows",
    "report_json",
    "report_text",
]


def record_json(record: sources.CertificateRecord, issuer: sources.Issuer) -> dict[str, Any]:
    """Return a record for a program: serial in hex, times in ISO 8601 UTC, absent facts left out."""
    return {
        "issuer": issuer.subject,
        "serial": sources.serial_text(record.serial_number),
        **record.told(),
    }


def record_row(record: sources.CertificateRecord) -> tuple[str, ...]:
    """Return a record as one line of a list."""
    expiry = "" if record.not_after is None else f"until {record.not_after:%Y-%m-%d}"
    return (
        sources.serial_text(record.serial_number),
        str(record.status),
        expiry,
        _since(record) if record.revocation_time is not None else record.subject or "",
    )


def _since(record: sources.CertificateRecord) -> str:
    reason = "" if record.reason is None else f", {record.reason.label}"
    subject = "" if record.subject is None else f"  {record.subject}"
    assert record.revocation_time is not None
    return f"{moment_text(record.revocation_time)}{reason}{subject}"


def record_rows(
    record: sources.CertificateRecord, issuer: sources.Issuer
) -> Iterator[tuple[str, str]]:
    """Yield a record's facts, each with its name."""
    yield "issuer", issuer.subject
    yield "serial", sources.serial_text(record.serial_number)
    yield "status", str(record.status)
    for name, moment in (
        ("since", record.revocation_time),
        ("invalid since", record.invalidity_date),
        ("expires", record.not_after),
    ):
        if moment is not None:
            yield name, moment_text(moment)
    if record.reason is not None:
        yield "reason", record.reason.label
    if record.subject is not None:
        yield "subject", record.subject
    if record.fingerprint is not None:
        yield "SHA-256", record.fingerprint.hex()


def audit_json(entry: sources.AuditEntry) -> dict[str, Any]:
    """Return a line of the trail for a program; before and after are as they were noted."""
    serial = entry.serial_number
    return {
        "id": entry.id,
        "at": f"{entry.at:%Y-%m-%dT%H:%M:%SZ}",
        "actor": entry.actor,
        "action": entry.action,
        "issuerId": entry.issuer_id,
        "serial": None if serial is None else sources.serial_text(serial),
        "before": entry.before,
        "after": entry.after,
        "note": entry.note,
    }


def audit_row(entry: sources.AuditEntry) -> tuple[str, ...]:
    """Return a line of the trail for people."""
    serial = entry.serial_number
    return (
        f"{entry.id}",
        moment_text(entry.at),
        entry.actor,
        entry.action,
        "" if serial is None else sources.serial_text(serial),
        "; ".join(part for part in (_step(entry), entry.note) if part),
    )


def _step(entry: sources.AuditEntry) -> str:
    """Say what changed: every fact that differs, before and after."""
    before, after = entry.before or {}, entry.after or {}
    steps = [
        f"{name} {before.get(name, 'none')} -> {after.get(name, 'none')}"
        if entry.before is not None
        else f"{name} {after[name]}"
        for name in after | before
        if before.get(name) != after.get(name) and name != "fingerprint"
    ]
    return ", ".join(steps)


def issuer_json(summary: sources.IssuerSummary) -> dict[str, Any]:
    """Return an issuer and its counts for a program."""
    issuer = summary.issuer
    compromised = issuer.ca_compromised_at
    return {
        "id": issuer.id,
        "subject": issuer.subject,
        "fingerprint": issuer.certificate.fingerprint.hex(),
        "caCompromisedAt": None if compromised is None else f"{compromised:%Y-%m-%dT%H:%M:%SZ}",
        "certificates": {str(status): summary.counts.get(status, 0) for status in sources.Status},
    }


def report_json(name: str, report: sources.ImportReport) -> dict[str, Any]:
    """Return what an import did for a program."""
    return {
        "file": name,
        "kind": str(report.kind),
        "counts": {str(outcome): report.counts.get(outcome, 0) for outcome in sources.Outcome},
        "kept": report.kept,
    }


def report_text(report: sources.ImportReport) -> str:
    """Say what an import did: 3 added, 1 revoked."""
    counts = [
        f"{report.counts[outcome]} {outcome}"
        for outcome in sources.Outcome
        if outcome in report.counts
    ]
    return ", ".join(counts) or "nothing in it"
