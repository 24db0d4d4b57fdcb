"""An examined configuration for programs."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from certstatus.cli.config_scvp import scvp_json
from certstatus.cli.config_text import is_direct, policy_lines, settings_of, source_kind
from certstatus.pkix import HashAlgorithm
from certstatus.server.config import Config
from certstatus.server.examination import (
    Examination,
    ExaminedAuthority,
    ExaminedProxy,
    ExaminedSCVP,
)
from certstatus.signing import Signer
from certstatus.sources import Unlisted

__all__ = ["examination_json"]


def examination_json(found: Examination) -> dict[str, Any]:
    """Return what ``config check --json`` prints."""
    return {
        "file": str(found.file),
        "wouldServe": not found.faults,
        "ready": found.exit_code == 0,
        "errors": [
            {
                "file": one.file,
                "line": one.line,
                "key": one.key,
                "message": one.message,
                "remedy": one.remedy or None,
            }
            for one in found.faults
        ],
        "warnings": [{"about": one.place, "message": one.text} for one in found.advice],
        "settings": {} if found.config is None else _tables(found.config),
        "authorities": [_authority(one) for one in found.authorities],
        "proxies": [_proxy(one) for one in found.proxies],
        "scvp": None if found.scvp is None else _scvp(found.scvp),
    }


def _scvp(one: ExaminedSCVP) -> dict[str, Any]:
    return scvp_json(one, settings_of(one.part.config))


def _tables(config: Config) -> dict[str, Any]:
    """Return what every table but authorities, proxies and SCVP sets, in the file's spelling."""
    others = type(config).model_fields.keys() - {"authority", "proxy", "scvp"}
    tables = {name: getattr(config, name) for name in sorted(others)}
    return {name: settings_of(table) for name, table in tables.items() if table is not None}


def _authority(one: ExaminedAuthority) -> dict[str, Any]:
    authority, answer = one.authority, one.answer
    issuer = authority.issuer
    return {
        "name": authority.name,
        "subject": str(issuer.subject),
        "notAfter": _time(issuer.not_after),
        "issuerKeyHash": {each.label: issuer.key_hash(each).hex() for each in HashAlgorithm},
        "signers": [_signer(signer, one) for signer in authority.signers],
        "sources": [
            {"kind": source_kind(source), **settings_of(source)} for source in one.config.source
        ],
        "unready": one.unready,
        "listsIssued": answer.lists_issued if isinstance(answer, Unlisted) else None,
        "statusesUntil": _time(getattr(answer, "next_update", None)),
        "compromisedSince": _time(authority.compromised_since),
        "policy": list(policy_lines(authority.policy)),
    }


def _proxy(one: ExaminedProxy) -> dict[str, Any]:
    return {
        "name": one.proxy.name,
        "subjects": [str(issuer.subject) for issuer in one.proxy.issuers],
        "unready": one.unready,
        "settings": settings_of(one.config),
    }


def _signer(signer: Signer, one: ExaminedAuthority) -> dict[str, Any]:
    certificate = signer.certificate
    return {
        "subject": str(certificate.subject),
        "serialNumber": f"{certificate.serial_number:x}",
        "signatureAlgorithm": signer.algorithm.name,
        "isDelegate": not is_direct(one, certificate),
        "notAfter": _time(certificate.not_after),
    }


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
