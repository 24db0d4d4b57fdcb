"""What CRLs cover together of all that an authority issues (RFC 5280 §5.2.5, §6.3.3 d to l).

A CertID tells neither whether the certificate is a user's or a CA's, nor which distribution
point it names: so an unlisted serial is not revoked only where the CRLs leave out nothing
that the authority may issue, for any reason (C4, C5).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from certstatus.pkix import ALL_REASONS, CRLReason, IssuingDistributionPoint

__all__ = ["Issuance", "Issues", "coverage_gap", "has_part"]


class Issues(StrEnum):
    """What an authority issues, by its own word: a CertID does not tell (C4)."""

    ANY = "any"
    USER_CERTIFICATES = "user-certificates"
    CA_CERTIFICATES = "ca-certificates"


@dataclass(frozen=True, kw_only=True)
class Issuance:
    """The authority's word on what it issues, and where its certificates send for CRLs.

    Every certificate names all of ``distribution_points`` in its cRLDistributionPoints, and
    one of ``partitions``, where there are any. Both are URIs.
    """

    issues: Issues = Issues.ANY
    distribution_points: frozenset[str] = frozenset()
    partitions: frozenset[str] = frozenset()

    @property
    def kinds(self) -> tuple[Issues, ...]:
        """The kinds of certificates that CRLs tell apart, as far as they are issued."""
        if self.issues is Issues.ANY:
            return Issues.USER_CERTIFICATES, Issues.CA_CERTIFICATES
        return (self.issues,)


def has_part(scope: IssuingDistributionPoint, issuance: Issuance) -> bool:
    """Whether a CRL of this scope covers any certificate of the authority."""
    points = issuance.distribution_points | issuance.partitions
    has_point = not _has_point(scope) or not points.isdisjoint(_names(scope))
    return has_point and any(_has_kind(scope, kind) for kind in issuance.kinds)


def coverage_gap(scopes: Collection[IssuingDistributionPoint], issuance: Issuance) -> str | None:
    """Say why a serial that no CRL of these scopes lists may still be revoked.

    None: it may not, for together they cover every certificate for all reasons.
    """
    covered = "the CRL covers" if len(scopes) == 1 else "the CRLs cover"
    by_partition = _by_partition(scopes, issuance)
    for kind in issuance.kinds:
        of_kind = [one for one in scopes if _has_kind(one, kind)]
        if not of_kind:
            return f"{covered} {_OTHERS[kind]} only"
        for partition, named in by_partition.items():
            problem = _gap([one for one in named if _has_kind(one, kind)], partition)
            if problem is not None:
                return f"{covered} {problem}"
    return None


_OTHERS: Final = {
    Issues.USER_CERTIFICATES: "CA certificates",
    Issues.CA_CERTIFICATES: "user certificates",
}


def _by_partition(
    scopes: Iterable[IssuingDistributionPoint], issuance: Issuance
) -> dict[str | None, list[IssuingDistributionPoint]]:
    """Return for each partition, or for None, whose CRLs certificates that name it are in."""
    common: list[IssuingDistributionPoint] = []
    own: dict[str, list[IssuingDistributionPoint]] = {one: [] for one in issuance.partitions}
    for scope in scopes:
        names = _names(scope)
        if not _has_point(scope) or not issuance.distribution_points.isdisjoint(names):
            common.append(scope)
            continue
        for partition in names & issuance.partitions:
            own[partition].append(scope)
    return {one: common + own[one] for one in sorted(own)} if own else {None: common}


def _gap(scopes: Iterable[IssuingDistributionPoint], partition: str | None) -> str | None:
    """Say what CRLs leave out of the certificates that they cover; None: no reason."""
    missing = ALL_REASONS.difference(*(_reasons(one) for one in scopes))
    if not missing:
        return None
    if missing == ALL_REASONS:
        return (
            f"other partitions only than {partition}"
            if partition
            else "one distribution point only"
        )
    of_partition = "" if partition is None else f" of {partition}"
    reasons = ", ".join(sorted(reason.label for reason in missing))
    return f"some reasons only, and not {reasons}{of_partition}"


def _has_kind(scope: IssuingDistributionPoint, kind: Issues) -> bool:
    """Whether a CRL of this scope speaks of such certificates, whatever they name."""
    if scope.only_contains_attribute_certs:
        return False
    if kind is Issues.USER_CERTIFICATES:
        return not scope.only_contains_ca_certs
    return not scope.only_contains_user_certs


def _has_point(scope: IssuingDistributionPoint) -> bool:
    return bool(scope.full_name) or scope.name_relative_to_issuer is not None


def _names(scope: IssuingDistributionPoint) -> frozenset[str]:
    return frozenset(name.text for name in scope.full_name)


def _reasons(scope: IssuingDistributionPoint) -> frozenset[CRLReason]:
    return ALL_REASONS if scope.only_some_reasons is None else scope.only_some_reasons
