"""What a probe found, for programs; documented in docs/json.md."""

from __future__ import annotations

from certstatus.errors import CertStatusError
from certstatus.tls.peer import StapleReport
from certstatus.tls.probed import Comparison, HandshakeResult, ProbeResult, must_staple

__all__ = ["probe_json"]


def probe_json(result: ProbeResult) -> dict[str, object]:
    """Return one host's result."""
    verdict = result.verdict
    return {
        "host": str(result.host),
        "serverName": result.server_name,
        "starttls": None if result.starttls is None else result.starttls.value,
        "verdict": None if verdict is None else verdict.value,
        "exitCode": int(result.exit_code),
        "probedAt": result.probed_at.isoformat(timespec="seconds").replace("+00:00", "Z"),
        "milliseconds": _milliseconds(result.elapsed.total_seconds()),
        "error": None if result.failure is None else _error(result.failure),
        "handshakes": [_handshake(one) for one in result.handshakes],
        "comparisons": [_comparison(one) for one in result.comparisons],
    }


def _milliseconds(seconds: float) -> float:
    return round(seconds * 1000, 1)


def _error(error: CertStatusError) -> dict[str, object]:
    return {"exitCode": error.exit_code, "reason": str(error)}


def _handshake(handshake: HandshakeResult) -> dict[str, object]:
    seen, trust = handshake.observation, handshake.observation.trust
    verdict = handshake.verdict
    return {
        "version": handshake.version,
        "verdict": None if verdict is None else verdict.value,
        "error": None if seen.failure is None else _error(seen.failure),
        "cipher": seen.cipher,
        "milliseconds": _milliseconds(seen.elapsed.total_seconds()),
        "trusted": None if trust is None else trust.problem is None,
        "trustProblem": None if trust is None else trust.problem,
        "asked": list(handshake.asked),
        "promised": handshake.is_promised,
        "checks": [check.as_json() for check in handshake.checks],
        "certificates": [
            _certificate(handshake.statuses, place) for place in range(len(handshake.statuses))
        ],
    }


def _certificate(statuses: tuple[StapleReport, ...], place: int) -> dict[str, object]:
    status, promise = statuses[place], must_staple(statuses, place)
    certificate = status.certificate
    return {
        "subject": str(certificate.subject),
        "issuer": str(certificate.issuer),
        "serialNumber": f"{certificate.serial_number:x}",
        "mustStaple": None if promise is None else promise.value,
        "staple": None if status.staple is None else status.staple.hex(),
        "report": None if status.report is None else status.report.as_json(),
    }


def _comparison(comparison: Comparison) -> dict[str, object]:
    direct, certificate = comparison.direct, comparison.certificate
    return {
        "subject": str(certificate.subject),
        "serialNumber": f"{certificate.serial_number:x}",
        "agreement": comparison.agreement.value,
        "reason": comparison.check.reason,
        "verdict": direct.verdict.value,
        "status": None if direct.report is None else direct.report.as_json()["status"],
        "url": direct.url,
        "method": direct.method,
        "milliseconds": _milliseconds(direct.elapsed.total_seconds()),
        "attempts": [{"url": one.url, "reason": one.reason} for one in direct.attempts],
    }
