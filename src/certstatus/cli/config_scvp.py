"""A server of SCVP, as ``config check`` explains it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from itertools import groupby
from typing import Any, Final

from certstatus.cli.text import moment_text, relative_text
from certstatus.path import RevocationRule
from certstatus.server.config import SCVPConfig, SCVPPolicyConfig, ServerConfig
from certstatus.server.config_values import duration_text
from certstatus.server.examination import ExaminedSCVP
from certstatus.server.scvp_state import default_state_file

__all__ = ["scvp_json", "scvp_rows"]

_TABLES: Final = frozenset({"signer", "policy", "requestors"})
_RULES: Final = {
    RevocationRule.ANY: "an OCSP response or a CRL",
    RevocationRule.CRL: "a full CRL",
    RevocationRule.DELTA_CRL: "a CRL and its newest delta",
    RevocationRule.OCSP: "an OCSP response",
    RevocationRule.NONE: "nothing",
}


def scvp_rows(one: ExaminedSCVP, server: ServerConfig, now: datetime) -> Iterator[tuple[str, str]]:
    """Yield what it serves, by whom, under which policies and from what; ``now`` is aware UTC."""
    config = one.part.config
    yield "answers at", f"http://{server.host}:{server.port or '(a free port)'}{config.path}"
    for certificate, signers in groupby(one.part.signers, key=lambda signer: signer.certificate):
        algorithms = ", ".join(signer.algorithm.name for signer in signers)
        end = f"{moment_text(certificate.not_after)} ({relative_text(certificate.not_after, now)})"
        yield "signer", f"{certificate.subject}; {algorithms}; until {end}"
    if one.unready is not None:
        yield "signing", one.unready
    for number, policy in enumerate(config.policy):
        yield "policy", _policy_text(policy, is_default=number == 0)
    yield "pool", f"{len(one.part.pool)} certificates"
    yield "statuses", _evidence_text(config)
    yield "requestors", _requestors_text(config)
    lifetime = config.policy_lifetime
    told = "made for each request" if lifetime is None else f"cached for {duration_text(lifetime)}"
    yield "policies", f"are told, {told}"
    yield (
        "limits",
        (
            f"{config.max_certificates} certificates in a request, {config.max_request_bytes} "
            f"bytes, {duration_text(config.request_time)}; each search {config.max_paths} paths, "
            f"{config.max_fetches} fetches"
        ),
    )
    yield "state", f"in {config.state_file or default_state_file()}"


def _policy_text(policy: SCVPPolicyConfig, *, is_default: bool) -> str:
    ca = policy.ca_revocation or policy.revocation
    files = ", ".join(map(str, policy.anchors))
    default = ", the default" if is_default else ""
    fixed = f"; fixed: {', '.join(policy.fixed)}" if policy.fixed else ""
    return (
        f"{policy.label} ({policy.oid}){default}; to {files}; its status by "
        f"{_RULES[policy.revocation]}, its CAs' by {_RULES[ca]}{fixed}"
    )


def _evidence_text(config: SCVPConfig) -> str:
    own = "of the CAs served here from their sources" if config.own_sources else ""
    where = "also in private networks" if config.allow_private_addresses else "not inside"
    fetched = f"fetched where certificates say, {where}" if config.fetch else ""
    brought = "from what requests bring"
    return "; ".join(part for part in (own, brought, fetched) if part)


def _requestors_text(config: SCVPConfig) -> str:
    requestors = config.requestors
    files = len(requestors.certificates) + len(requestors.anchors)
    if not files:
        return "are anybody"
    return (
        f"must be those of {files} files"
        if requestors.required
        else (f"are anybody, and those of {files} files are known")
    )


def scvp_json(one: ExaminedSCVP, settings: dict[str, Any]) -> dict[str, Any]:
    """Return it for programs; ``settings`` are those of ``[scvp]`` itself, in the file's spelling."""
    certificates = dict.fromkeys(signer.certificate for signer in one.part.signers)
    return {
        "unready": one.unready,
        "configurationID": one.part.service.configuration_id,
        "pool": len(one.part.pool),
        "signers": [
            {
                "subject": str(each.subject),
                "serialNumber": f"{each.serial_number:x}",
                "notAfter": f"{each.not_after:%Y-%m-%dT%H:%M:%SZ}",
            }
            for each in certificates
        ],
        "policies": [
            {
                "name": policy.label,
                "oid": policy.oid,
                "anchors": [str(file) for file in policy.anchors],
                "revocation": policy.revocation.value,
                "caRevocation": (policy.ca_revocation or policy.revocation).value,
            }
            for policy in one.part.config.policy
        ],
        "settings": {name: value for name, value in settings.items() if name not in _TABLES},
    }
