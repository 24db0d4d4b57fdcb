"""May a verified answer be handed on to whoever sent the request? (RFC 6960 §3.2; O12, O15, N3, L10).

A verifier picks what it needs out of an answer. Who hands one on can't choose for those
who will read it, and they may read it less carefully: what only a careful reader
understands rightly is not handed on.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from certstatus.ocsp import CertID, OCSPRequest, ResponseData
from certstatus.verify.report import Check, Outcome, Report, Verdict, VerifiedResponse

__all__ = ["hand_on"]


def hand_on(report: Report, *, request: OCSPRequest, cert_id: CertID, now: datetime) -> Report:
    """Hold a report about one certificate of ``request`` to what handing its answer on asks.

    ``now`` is aware UTC. The report keeps its proof only where every check holds: the answer
    names the certificate as the request did, says one thing of it, has no nonce that the
    request lacks, and has not ended.
    """
    verified = report.verified
    if verified is None:
        return report
    checks = (
        _check_cert_id(verified.data, cert_id),
        _check_one_status(verified, cert_id),
        _check_nonce(verified.data, request),
        _check_end(verified, now),
    )
    held = replace(report, checks=(*report.checks, *checks))
    if any(check.outcome is Outcome.FAIL for check in checks):
        return replace(held, verdict=Verdict.UNTRUSTED, verified=None)
    return held


def _check_cert_id(data: ResponseData, cert_id: CertID) -> Check:
    """O15: a client that knows one hash algorithm can't read an answer under another."""
    name = "certID handed on"
    if any(one.cert_id == cert_id for one in data.responses):
        return Check.passed("O15", name, f"names it by {cert_id.hash_algorithm}, as asked")
    reason = f"no answer names it by {cert_id.hash_algorithm}, as the request does"
    return Check.failed("O15", name, reason)


def _check_one_status(verified: VerifiedResponse, cert_id: CertID) -> Check:
    """O12: a reader may take the first answer that it finds."""
    name = "one answer handed on"
    said = set(_statuses(verified, cert_id))
    if len(said) == 1:
        return Check.passed("O12", name, said.pop())
    return Check.failed("O12", name, f"answers contradict each other: {', '.join(sorted(said))}")


def _statuses(verified: VerifiedResponse, cert_id: CertID) -> Iterator[str]:
    """Tell what is said of the certificate, by whatever hashes it is named."""
    for one in verified.data.responses:
        if one.cert_id in {cert_id, verified.single.cert_id}:
            yield str(one.cert_status)


def _check_nonce(data: ResponseData, request: OCSPRequest) -> Check:
    """N3: whoever sent another nonce would refuse this one."""
    name = "nonce handed on"
    if data.nonce is not None and request.nonce is None:
        return Check.failed("N3", name, "has a nonce that the request did not send")
    return Check.passed("N3", name, "none but the request's")


def _check_end(verified: VerifiedResponse, now: datetime) -> Check:
    """L10: no skew is allowed to whoever hands on: its reader's clock may differ, too."""
    name = "end of what is handed on"
    if verified.expires is None or verified.expires <= now:
        return Check.failed("L10", name, "it has ended, or has no end")
    return Check.passed("L10", name, f"lasts until {verified.expires:%F %TZ}")
