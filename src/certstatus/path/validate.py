"""Validating a path, and finding one that is valid (RFC 5280 §6, RFC 5055 §3.2.2).

Three things must hold of a path: the basic validation with its policies and names, what the
asker wants of the end entity's key and names, and the status of every certificate.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import datetime

from certstatus.errors import MalformedError, PlatformError
from certstatus.path.build import PathFinder
from certstatus.path.evidence import Evidence
from certstatus.path.inputs import PathInputs
from certstatus.path.names import name_problem
from certstatus.path.report import (
    CertificateReport,
    CertificationPath,
    PathReport,
    PathSearch,
    RevocationStatus,
)
from certstatus.path.usage import usage_problems
from certstatus.pkix import Certificate
from certstatus.scvp import ValidationError

__all__ = ["check_path", "find_paths", "validate_path"]


def find_paths(
    certificate: Certificate, inputs: PathInputs, evidence: Evidence, now: datetime
) -> PathFinder:
    """Return a search for paths to the anchors; iterate over its ``paths()`` (check 1, DPD).

    ``evidence.pool`` is what they may lead through, with what its fetcher finds at AIA;
    ``now`` is aware UTC.
    """
    return PathFinder(
        certificate,
        anchors=inputs.anchors,
        pool=evidence.pool,
        at=inputs.validation_time or now,
        work=evidence.work,
        known=evidence.known,
        fetch=evidence.fetcher,
    )


async def validate_path(
    path: CertificationPath,
    inputs: PathInputs,
    evidence: Evidence,
    now: datetime,
    *,
    revocation: bool = True,
) -> PathReport:
    """Validate one path as of ``inputs.validation_time``, else ``now``; times are aware UTC.

    Never raises for what stands in certificates or for what a peer sent.

    Args:
        path: it; its signatures are verified here, too.
        inputs: what it is to be valid for.
        evidence: what tells the status of its certificates.
        now: aware UTC.
        revocation: whether their status is asked for: check 3, and without it check 2.

    Raises:
        PlatformError: the extra ``scvp`` is not installed.
    """
    try:
        from certstatus.path.rfc5280 import basic_validation  # noqa: PLC0415 - an extra
        from certstatus.path.status import PathStatus  # noqa: PLC0415 - an extra
    except ModuleNotFoundError as error:
        raise PlatformError(
            f"{error.name} is not installed: pip install 'certstatus[scvp]'"
        ) from error
    at = inputs.validation_time or now
    verdict = await basic_validation(path, inputs, at)
    evidence.work.signatures += verdict.effort
    found = list(_wishes(path.end_entity, inputs))
    if verdict.problem is not None:
        assert verdict.error is not None
        found.insert(0, (verdict.error, verdict.problem))
    certificates: tuple[CertificateReport, ...] = ()
    if not found and revocation:
        certificates = await PathStatus(path, inputs, evidence, at).all()
    errors = (*(error for error, _ in found), *_status_errors(certificates))
    return PathReport(
        path=path,
        validation_time=at,
        errors=tuple(dict.fromkeys(errors)),
        problems=tuple(problem for _, problem in found),
        certificates=certificates,
        policies=verdict.policies if not errors else frozenset(),
    )


def _wishes(certificate: Certificate, inputs: PathInputs) -> Iterator[tuple[ValidationError, str]]:
    """Yield what the end entity lacks of what is asked of its key and names (S9, S11)."""
    try:
        yield from usage_problems(certificate, inputs)
        if inputs.name is not None:
            problem = name_problem(certificate, inputs.name)
            if problem is not None:
                yield problem
    except MalformedError as error:
        yield ValidationError.NO_VALID_CERT_PATH, str(error)


_GONE = frozenset({RevocationStatus.REVOKED, RevocationStatus.ON_HOLD})


def _status_errors(certificates: tuple[CertificateReport, ...]) -> Iterator[ValidationError]:
    if any(one.status in _GONE for one in certificates):
        yield ValidationError.REVOKED
    if any(not one.status.is_fine and one.status not in _GONE for one in certificates):
        yield ValidationError.NO_VALID_CERT_PATH


async def check_path(
    certificate: Certificate,
    inputs: PathInputs,
    evidence: Evidence,
    now: datetime,
    *,
    revocation: bool = True,
    excluded: Collection[bytes] = (),
) -> PathSearch:
    """Find a valid path; without one, tell of the path that came nearest.

    Args:
        certificate: the end entity.
        inputs: anchors and what the path is to be valid for.
        evidence: certificates, CRLs and responses at hand, and who fetches more.
        now: aware UTC.
        revocation: whether the status of certificates is asked for.
        excluded: digests (``CertificationPath.digest``) of paths that are passed over (S17).

    Raises:
        PlatformError: the extra ``scvp`` is not installed.
    """
    finder = find_paths(certificate, inputs, evidence, now)
    best: PathReport | None = None
    tried = 0
    async for path in finder.paths():
        if path.digest in excluded:
            continue
        report = await validate_path(path, inputs, evidence, now, revocation=revocation)
        tried += 1
        if best is None or report.nearness > best.nearness:
            best = report
        if report.is_valid:
            break
    errors = finder.errors if best is None else best.errors
    reason = finder.reason if best is None else "; ".join(best.reasons)
    return PathSearch(
        certificate=certificate, report=best, tried=tried, errors=errors, reason=reason
    )
