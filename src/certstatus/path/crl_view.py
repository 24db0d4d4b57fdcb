"""CRLs as one certificate sees them (RFC 5280 §6.3.3). Pure.

Sources answer for all certificates of an authority by a CertID, which tells little
(``sources/crl_set``); here the certificate is at hand, with its own distribution points.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes

from certstatus.asn1 import oids
from certstatus.errors import MalformedError
from certstatus.limits import DEFAULT_SKEW
from certstatus.pkix import (
    ALL_REASONS,
    Certificate,
    CertificateList,
    CRLReason,
    DistributionPoint,
    GeneralName,
    Name,
    RevokedEntry,
    crl_distribution_points,
    signature_algorithm,
)
from certstatus.pkix.crl_index import CRLIndex
from certstatus.pkix.crl_rules import check_readable

__all__ = ["CRLView", "HeldCRL", "applies", "points_of", "reasons_of", "view_of"]


@dataclass(eq=False)
class HeldCRL:
    """A CRL, with what was found out of it: its entries, and who signed it."""

    crl: CertificateList
    _indexes: dict[Hashable, CRLIndex] = field(default_factory=dict, repr=False)
    _signed_by: set[tuple[bytes, bool]] = field(default_factory=set, repr=False)

    @property
    def is_delta(self) -> bool:
        """Whether it adds to another, by the extension alone: its number may be broken."""
        return oids.ID_CE_DELTA_CRL_INDICATOR in self.crl.extensions

    @property
    def is_believed(self) -> bool:
        """Whether a signature held: until then it may be anybody's."""
        return bool(self._signed_by)

    def entry(self, certificate: Certificate) -> RevokedEntry | None:
        """Return a certificate's entry. Raises MalformedError where any entry is broken (C8)."""
        issuer = certificate.issuer.folded
        if issuer not in self._indexes:
            self._indexes[issuer] = CRLIndex(self.crl, certificate.issuer)
        return self._indexes[issuer].get(certificate.serial_number)

    def readable_problem(self, at: datetime) -> str | None:
        """Say why nothing can be concluded from it, whoever signed it; None: something can."""
        try:
            check_readable(self.crl, now=at)
        except MalformedError as error:
            return str(error)
        return None

    def signature_problem(
        self, signer: Certificate, key: CertificatePublicKeyTypes | None, *, allow_sha1: bool
    ) -> str | None:
        """Say why a certificate's key did not sign it; None: it did, and may (C8)."""
        known = signer.der, allow_sha1
        if known in self._signed_by:
            return None
        problem = self.crl.signature_problem(signer, key)
        if problem is not None:
            return problem
        if not allow_sha1 and signature_algorithm(self.crl.signature_algorithm).is_sha1:
            return "it is signed with SHA-1, which is not allowed"
        self._signed_by.add(known)
        return None

    def is_current(self, at: datetime) -> bool:
        """Whether it speaks of a time: from thisUpdate, clock skew allowed, to nextUpdate (C9)."""
        end = self.crl.next_update
        return self.crl.this_update <= at + DEFAULT_SKEW and end is not None and at < end

    def __str__(self) -> str:
        kind = "delta CRL" if self.is_delta else "CRL"
        return f"{kind} of {self.crl.this_update:%Y-%m-%d %H:%M:%SZ}"


@dataclass(frozen=True, slots=True)
class CRLView:
    """A full CRL with the newest delta that combines with it, if any."""

    full: HeldCRL
    delta: HeldCRL | None = None

    @property
    def newest(self) -> HeldCRL:
        """Which of the two times are taken from (C2)."""
        return self.full if self.delta is None else self.delta

    @property
    def crls(self) -> tuple[CertificateList, ...]:
        """Both."""
        return tuple(one.crl for one in (self.full, self.delta) if one is not None)

    def entry(self, certificate: Certificate) -> RevokedEntry | None:
        """Search the delta first; removeFromCRL ends the search (§6.3.3 i to k, C3).

        Raises:
            MalformedError: an entry is broken, or has an unknown critical extension (C8).
        """
        listed = None if self.delta is None else self.delta.entry(certificate)
        if listed is None:
            return self.full.entry(certificate)
        return None if listed.reason is CRLReason.REMOVE_FROM_CRL else listed


def view_of(full: HeldCRL, deltas: Iterable[HeldCRL], at: datetime) -> CRLView:
    """Join a full CRL with the newest delta that is current and combines with it (C2)."""
    fitting = [one for one in deltas if one.is_current(at) and _combines(one.crl, full.crl)]
    newest = max(fitting, key=lambda one: one.crl.crl_number or 0, default=None)
    return CRLView(full, newest)


def _combines(delta: CertificateList, full: CertificateList) -> bool:
    try:
        return _fits(delta, full)
    except MalformedError:
        return False  # what is broken adds to nothing


def _fits(delta: CertificateList, full: CertificateList) -> bool:
    number, base, adds_to = delta.crl_number, delta.base_crl_number, full.crl_number
    if number is None or base is None or adds_to is None or not base <= adds_to < number:
        return False
    scope = oids.ID_CE_ISSUING_DISTRIBUTION_POINT
    return (
        delta.issuer.matches(full.issuer)
        and (scope in delta.extensions) == (scope in full.extensions)
        and delta.scope == full.scope
        and delta.authority_key_identifier == full.authority_key_identifier
    )


# --- which CRLs speak of a certificate ---------------------------------------------------


def points_of(certificate: Certificate) -> tuple[DistributionPoint, ...]:
    """Return the certificate's distribution points, and the one that §6.3.3 assumes.

    Raises:
        MalformedError: cRLDistributionPoints is broken.
    """
    assumed = DistributionPoint(full_name=(GeneralName.directory_name(certificate.issuer),))
    return (*crl_distribution_points(certificate.extensions), assumed)


def applies(point: DistributionPoint, crl: CertificateList, certificate: Certificate) -> bool:
    """Whether a CRL is of a distribution point, and speaks of the certificate (§6.3.3 b).

    Raises:
        MalformedError: a relative name has nothing to be relative to.
    """
    scope = crl.scope
    if point.crl_issuer:
        named = [one.name for one in point.crl_issuer if one.name is not None]
        if not scope.indirect_crl or not any(crl.issuer.matches(one) for one in named):
            return False
    elif not crl.issuer.matches(certificate.issuer):
        return False
    if scope.only_contains_attribute_certs:
        return False
    if scope.only_contains_user_certs and certificate.is_ca:
        return False
    if scope.only_contains_ca_certs and not certificate.is_ca:
        return False
    return _is_of_point(crl, point, certificate)


def _is_of_point(crl: CertificateList, point: DistributionPoint, certificate: Certificate) -> bool:
    """Whether a name of issuingDistributionPoint is one of the point's (§6.3.3 b 2 i)."""
    issued = DistributionPoint(
        full_name=crl.scope.full_name,
        name_relative_to_issuer=crl.scope.name_relative_to_issuer,
    )
    if not issued.full_name and issued.name_relative_to_issuer is None:
        return True
    theirs = _names(issued, crl.issuer)
    if point.full_name or point.name_relative_to_issuer is not None:
        ours: Sequence[GeneralName] = _names(point, certificate.issuer)
    else:
        ours = point.crl_issuer
    return any(_is_same(one, other) for one in theirs for other in ours)


def _names(point: DistributionPoint, issuer: Name) -> list[GeneralName]:
    relative = map(GeneralName.directory_name, point.entries(issuer))
    return [*point.full_name, *relative]


def _is_same(one: GeneralName, other: GeneralName) -> bool:
    if one.name is not None and other.name is not None:
        return one.name.matches(other.name)
    return one == other


def reasons_of(point: DistributionPoint, crl: CertificateList) -> frozenset[CRLReason]:
    """Return the reasons that a CRL tells of a point (§6.3.3 d)."""
    return crl.reasons & (ALL_REASONS if point.reasons is None else point.reasons)
