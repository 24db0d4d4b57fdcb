"""The pure core takes bytes, objects and ``now``: it does no I/O and asks no clock."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Final

from dev.tree import Module, modules, named

__all__ = ["FORBIDDEN", "PURE", "violations"]

PURE: Final = (
    "certstatus.asn1",
    "certstatus.pkix",
    "certstatus.ocsp",
    "certstatus.verify",
    "certstatus.cms",
    "certstatus.delegated.asking",
    "certstatus.delegated.client_plan",
    "certstatus.delegated.client_result",
    "certstatus.delegated.judge",
    "certstatus.delegated.judge_policy",
    "certstatus.delegated.judge_trust",
    "certstatus.delegated.judge_val_pol",
    "certstatus.delegated.judge_want_backs",
    "certstatus.delegated.verdict",
    "certstatus.explain",
    "certstatus.handshake",
    "certstatus.scvp",
    "certstatus.signing.profile",
    "certstatus.signing.purpose",
    "certstatus.signing.algorithm",
    "certstatus.signing.applicant",
    "certstatus.signing.lifetime",
    "certstatus.signing.rotation",
    "certstatus.path.crl_view",
    "certstatus.path.evidence_cache",
    "certstatus.path.inputs",
    "certstatus.path.keys",
    "certstatus.path.name_constraints",
    "certstatus.path.names",
    "certstatus.path.pool",
    "certstatus.path.report",
    "certstatus.path.rfc5280",
    "certstatus.path.status_words",
    "certstatus.path.usage",
    "certstatus.requestor.plan",
    "certstatus.fetch.address",
    "certstatus.fetch.ldap_filter",
    "certstatus.fetch.ldap_message",
    "certstatus.fetch.ldap_url",
    "certstatus.sources.crl_findings",
    "certstatus.sources.crl_listing",
    "certstatus.sources.crl_place",
    "certstatus.sources.crl_schedule",
    "certstatus.sources.crl_scope",
    "certstatus.sources.crl_set",
    "certstatus.sources.crl_signers",
    "certstatus.sources.crt.entries",
    "certstatus.sources.crt.leaves",
    "certstatus.sources.crt.merkle",
    "certstatus.sources.crt.message",
    "certstatus.sources.crt.signer",
    "certstatus.sources.crt.tree",
    "certstatus.sources.crt.verify",
    "certstatus.sources.upstream_keeping",
    "certstatus.sources.via",
    "certstatus.delegated.answer",
    "certstatus.delegated.cached",
    "certstatus.delegated.configuration",
    "certstatus.delegated.cursor",
    "certstatus.delegated.holdings",
    "certstatus.delegated.policies",
    "certstatus.delegated.policy_response",
    "certstatus.delegated.reading",
    "certstatus.delegated.refusal",
    "certstatus.delegated.replying",
    "certstatus.delegated.responses",
    "certstatus.delegated.settings",
    "certstatus.delegated.demand",
    "certstatus.staple.schedule",
    "certstatus.stores.base",
    "certstatus.stores.memory",
    "certstatus.responder.answer",
    "certstatus.responder.authority",
    "certstatus.responder.bulk",
    "certstatus.responder.core",
    "certstatus.responder.dress",
    "certstatus.responder.exchange",
    "certstatus.responder.forwarding",
    "certstatus.responder.forms",
    "certstatus.responder.frames",
    "certstatus.responder.heads",
    "certstatus.responder.hot",
    "certstatus.responder.http",
    "certstatus.responder.interval",
    "certstatus.responder.lint",
    "certstatus.responder.live",
    "certstatus.responder.locator",
    "certstatus.responder.echo",
    "certstatus.responder.heard",
    "certstatus.responder.memo",
    "certstatus.responder.mould",
    "certstatus.responder.renewal",
    "certstatus.responder.reply",
    "certstatus.responder.requests",
    "certstatus.responder.spokesmen",
    "certstatus.responder.routing",
    "certstatus.responder.shapes",
    "certstatus.responder.shelved",
    "certstatus.responder.splice",
    "certstatus.responder.statement",
    "certstatus.responder.stored",
    "certstatus.responder.target",
    "certstatus.responder.voice",
    "certstatus.tls.fault",
    "certstatus.tls.fault_delivery",
    "certstatus.tls.fault_handshakes",
    "certstatus.tls.fault_kind",
    "certstatus.tls.fault_lies",
    "certstatus.tls.fault_page",
    "certstatus.tls.fault_responses",
    "certstatus.tls.fault_web",
    "certstatus.tls.peer",
    "certstatus.tls.probed",
    "certstatus.tls.starttls",
    "certstatus.tls.starttls_inbox",
    "certstatus.tls.starttls_lines",
    "certstatus.tls.starttls_octets",
    "certstatus.tls.starttls_xmpp",
)

FORBIDDEN: Final = (
    "asyncio",
    "certstatus.clock",
    "os",
    "pathlib",
    "random",
    "socket",
    "ssl",
    "threading",
    "time",
    "urllib",
)

_CLOCK_CALLS: Final = frozenset({"now", "utcnow", "today"})


def violations(source: Path) -> list[str]:
    """List the imports and clock readings in pure modules under ``source``."""
    return [
        f"{module.path.relative_to(source)}:{line}: {reason}"
        for module in modules(source)
        if named(module.name, *PURE)
        for line, reason in sorted(_imports(module) + _clock_readings(module))
    ]


def _imports(module: Module) -> list[tuple[int, str]]:
    return [
        (imported.line, f"a pure module imports {imported.name}")
        for imported in module.imports()
        if named(imported.name, *FORBIDDEN)
    ]


def _clock_readings(module: Module) -> list[tuple[int, str]]:
    """Find ``datetime.now(…)`` and its kin, however datetime was imported."""
    return [
        (node.lineno, f"a pure module calls {ast.unparse(node.func)}; let the caller pass `now`")
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in _CLOCK_CALLS
        and ast.unparse(node.func.value).split(".")[-1] in {"date", "datetime"}
    ]
