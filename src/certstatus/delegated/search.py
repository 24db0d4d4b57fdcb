"""One certificate: its paths, and what the checks find of them (RFC 5055 §3.2.2).

The hardest check that is asked for leads the search; what the others find follows from the
same path. Paths that the client has already are passed over (S17).
"""

from __future__ import annotations

from contextlib import aclosing
from dataclasses import dataclass, field, replace
from datetime import datetime

from certstatus.delegated.demand import Demand
from certstatus.path import (
    CertificationPath,
    Evidence,
    PathFinder,
    PathInputs,
    PathReport,
    ValidationError,
    find_paths,
    validate_path,
)
from certstatus.pkix import Certificate
from certstatus.scvp import Check

__all__ = ["Found", "Search"]


@dataclass(frozen=True, kw_only=True)
class Found:
    """What came of a search.

    ``path`` is the one that is spoken of, None where none was built; ``report`` is its
    validation, None where nobody asked for one. ``paths`` are all that fulfil the hardest
    check, as many as were looked for. ``has_more``: another path is there to ask for.
    ``reason`` says in words why no path serves.
    """

    certificate: Certificate
    path: CertificationPath | None = None
    report: PathReport | None = None
    paths: tuple[CertificationPath, ...] = ()
    has_more: bool = False
    errors: tuple[ValidationError, ...] = ()
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class Search:
    """A search for paths of one certificate; ``now`` is aware UTC.

    ``excluded`` are digests of paths that are passed over: the client has them (S17).
    """

    certificate: Certificate
    demand: Demand
    inputs: PathInputs
    evidence: Evidence
    now: datetime
    excluded: frozenset[bytes] = frozenset()

    async def run(self) -> Found:
        """Look for the best path, and for more where that is asked.

        Raises:
            PlatformError: the extra ``scvp`` is not installed.
        """
        finder = find_paths(self.certificate, self.inputs, self.evidence, self.now)
        seen = _Seen()
        async with aclosing(finder.paths()) as paths:
            async for path in paths:
                if path.digest in self.excluded:
                    continue
                if seen.serving and not self.demand.all_paths:
                    seen.has_more = True
                    break
                seen.take(path, await self._judged(path))
                if seen.serving and not (self.demand.all_paths or self.demand.next_paths):
                    break
        if seen.serving:
            return await self._success(seen)
        return self._failure(seen.nearest, finder)

    async def _judged(self, path: CertificationPath) -> PathReport | None:
        """Validate a path as far as the hardest check asks; None: that it was built is enough."""
        hardest = self.demand.hardest
        if hardest is Check.BUILD_PKC_PATH:
            return None
        revocation = hardest.asks_for_revocation
        return await validate_path(
            path, self.inputs, self.evidence, self.now, revocation=revocation
        )

    async def _success(self, seen: _Seen) -> Found:
        path, report = seen.serving[0]
        return Found(
            certificate=self.certificate,
            path=path,
            report=await self._proven(path, report),
            paths=tuple(one for one, _ in seen.serving),
            has_more=seen.has_more,
        )

    async def _proven(
        self, path: CertificationPath, report: PathReport | None
    ) -> PathReport | None:
        """Gather what tells the statuses, where that is wanted and no check asked for it (DPD)."""
        if not self.demand.revocation_info or self.demand.hardest.asks_for_revocation:
            return report
        # What the end entity's key and names are for is no matter of discovery.
        bare = replace(
            self.inputs,
            key_usages=(),
            extended_key_usages=frozenset(),
            specified_key_usages=frozenset(),
            name=None,
        )
        return await validate_path(path, bare, self.evidence, self.now)

    def _failure(self, nearest: PathReport | None, finder: PathFinder) -> Found:
        if nearest is not None:
            return Found(
                certificate=self.certificate,
                path=nearest.path,
                report=nearest,
                errors=nearest.errors,
                reason="; ".join(nearest.reasons),
            )
        errors, reason = finder.errors, finder.reason
        if finder.found:
            errors, reason = (ValidationError.NO_VALID_CERT_PATH,), "there is no further path"
        return Found(certificate=self.certificate, errors=errors, reason=reason)


@dataclass
class _Seen:
    """What a search came by so far: paths that serve, and else the one that came nearest."""

    serving: list[tuple[CertificationPath, PathReport | None]] = field(default_factory=list)
    nearest: PathReport | None = None
    has_more: bool = False

    def take(self, path: CertificationPath, report: PathReport | None) -> None:
        """Take in what came of one path; None: it was built, and more was not asked."""
        if report is None or report.is_valid:
            self.serving.append((path, report))
        elif self.nearest is None or report.nearness > self.nearest.nearness:
            self.nearest = report
