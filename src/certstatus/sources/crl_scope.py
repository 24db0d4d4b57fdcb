"""What CRLs cover together of all that an authority issues (RFC 5280 §5.2.5, §6.3.3 d to l).

A CertID tells neither whether the certificate is a user's or a CA's, nor which distribution
point it names: so an unlisted serial is not revoked only where the CRLs leave out nothing
that the authority may issue, for any reason (C4, C5).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
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

    def parts(self) -> Iterator[_Part]:
        """Yield every kind of certificate that CRLs may tell apart."""
        for kind in _KINDS[self.issues]:
            for partition in sorted(self.partitions) or (None,):
                yield _Part(kind, partition, self.distribution_points)


_KINDS: Final = {
    Issues.ANY: (Issues.USER_CERTIFICATES, Issues.CA_CERTIFICATES),
    Issues.USER_CERTIFICATES: (Issues.USER_CERTIFICATES,),
    Issues.CA_CERTIFICATES: (Issues.CA_CERTIFICATES,),
}
_OTHERS: Final = {
    Issues.USER_CERTIFICATES: "CA certificates",
    Issues.CA_CERTIFICATES: "user certificates",
}


@dataclass(frozen=True, slots=True)
class _Part:
    """The user's or the CAs' certificates that name one partition."""

    kind: Issues
    partition: str | None
    distribution_points: frozenset[str]

    def has_kind_of(self, scope: IssuingDistributionPoint) -> bool:
        """Whether a CRL of this scope speaks of such certificates, whatever they name."""
        if scope.only_contains_attribute_certs:
            return False
        if self.kind is Issues.USER_CERTIFICATES:
            return not scope.only_contains_ca_certs
        return not scope.only_contains_user_certs

    def has_point_of(self, scope: IssuingDistributionPoint) -> bool:
        """Whether these certificates name the CRL's distribution point, if it has one."""
        names = {name.text for name in scope.full_name}
        if not names and scope.name_relative_to_issuer is None:
            return True
        return self.partition in names or not names.isdisjoint(self.distribution_points)

    def is_in(self, scope: IssuingDistributionPoint) -> bool:
        """Whether a CRL of this scope covers these certificates, for its reasons."""
        return self.has_kind_of(scope) and self.has_point_of(scope)


def has_part(scope: IssuingDistributionPoint, issuance: Issuance) -> bool:
    """Whether a CRL of this scope covers any certificate of the authority."""
    return any(part.is_in(scope) for part in issuance.parts())


def coverage_gap(scopes: Collection[IssuingDistributionPoint], issuance: Issuance) -> str | None:
    """Say why a serial that no CRL of these scopes lists may still be revoked.

    None: it may not, for together they cover every certificate for all reasons.
    """
    covered = "the CRL covers" if len(scopes) == 1 else "the CRLs cover"
    return next(
        (
            f"{covered} {problem}"
            for part in issuance.parts()
            if (problem := _gap_of(part, scopes)) is not None
        ),
        None,
    )


def _gap_of(part: _Part, scopes: Collection[IssuingDistributionPoint]) -> str | None:
    missing = ALL_REASONS.difference(*(_reasons(one) for one in scopes if part.is_in(one)))
    if not missing:
        return None
    of_kind = [one for one in scopes if part.has_kind_of(one)]
    if not of_kind:
        return f"{_OTHERS[part.kind]} only"
    if missing < ALL_REASONS:
        reasons = ", ".join(sorted(reason.label for reason in missing))
        return f"some reasons only, and not {reasons}{_of_partition(part)}"
    if part.partition is not None:
        return f"other partitions only than {part.partition}"
    return "one distribution point only"


def _of_partition(part: _Part) -> str:
    return "" if part.partition is None else f" of {part.partition}"


def _reasons(scope: IssuingDistributionPoint) -> frozenset[CRLReason]:
    return ALL_REASONS if scope.only_some_reasons is None else scope.only_some_reasons
