"""A CA, its leaf and its delegate, an honest answer to spoil, and a judge who looks at it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from certstatus.ocsp import Extensions, OCSPRequest, OCSPResponse, encode_request, parse_request
from certstatus.ocsp.extensions import ExtensionValue
from certstatus.testing import Forge, TinyCA
from certstatus.verify import DEFAULT_POLICY, Outcome, Report, VerifyPolicy, verify_response
from tests import der as hand

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)
DAY = timedelta(days=1)

CA = TinyCA("Issuing CA")
LEAF = CA.issue_server("leaf.example").certificate
DELEGATE = CA.issue_responder()


def honest() -> Forge:
    """Answer good of the leaf, by the delegate."""
    return Forge.honest(CA, LEAF.serial_number, DELEGATE)


def request_of(forge: Forge, *extensions: ExtensionValue) -> OCSPRequest:
    """Ask for what a forged response answers."""
    der = encode_request(forge.cert_ids, request_extensions=Extensions.of(*extensions))
    return parse_request(der)


def judge(
    response: bytes | OCSPResponse,
    *,
    policy: VerifyPolicy = DEFAULT_POLICY,
    now: datetime = NOW,
    **more: Any,
) -> Report:
    """Judge a response about the leaf, unless told otherwise."""
    about: dict[str, Any] = {"issuer": CA.certificate, "certificate": LEAF}
    return verify_response(response, now=now, policy=policy, **about | more)


def resigned(der: bytes, algorithm: bytes, sign: Callable[[bytes], bytes]) -> bytes:
    """Name another signature algorithm in a certificate, inside and outside, and sign it again."""
    tbs = hand.at(hand.changed(der, (0, 2), lambda _: algorithm), 0)
    return hand.sequence(tbs, algorithm, hand.bit_string(sign(tbs)))


def failed(report: Report) -> list[str]:
    """Name the checks that did not hold."""
    return [check.name for check in report.failures]


def outcomes(report: Report) -> dict[str, Outcome]:
    """Map each check's name to how it ended."""
    return {check.name: check.outcome for check in report.checks}


def findings(report: Report) -> dict[str, str]:
    """Map each finding's place to its text."""
    return {finding.where: finding.text for finding in report.findings}
