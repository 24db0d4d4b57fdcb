"""One CRL, full or delta, direct or indirect, as it speaks of one authority (RFC 5280 §5).

A listing holds the entries of the authority's own certificates, and what is needed to lay
it beside others; what they say together stands in ``crl_set``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeAlias

from certstatus.asn1 import oids
from certstatus.errors import MalformedError
from certstatus.pkix import (
    AlgorithmIdentifier,
    Certificate,
    CertificateList,
    IssuingDistributionPoint,
)
from certstatus.pkix.crl_index import CRLIndex
from certstatus.pkix.crl_rules import WHERE, check_believable
from certstatus.sources.crl_signers import signer_of

__all__ = ["Listing", "is_about", "read_listing"]

_Scope: TypeAlias = tuple[bool, IssuingDistributionPoint]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Listing:
    """A CRL that may be believed; ``entries`` are by serial number. Times are UTC.

    ``base_crl_number`` is None for a full CRL. ``archive_cutoff`` is its expiredCertsOnCRL.
    """

    signer: Certificate
    signature_algorithm: AlgorithmIdentifier
    authority_key_identifier: bytes | None
    has_scope: bool
    scope: IssuingDistributionPoint
    crl_number: int | None
    base_crl_number: int | None
    this_update: datetime
    next_update: datetime
    archive_cutoff: datetime | None
    entries: CRLIndex = field(repr=False)

    @property
    def is_full(self) -> bool:
        """Whether it is no delta."""
        return self.base_crl_number is None

    @property
    def slot(self) -> tuple[bytes, _Scope]:
        """What is equal for CRLs of which a newer one replaces the older: key and scope."""
        return self.signer.spki_der, (self.has_scope, self.scope)

    @property
    def age(self) -> tuple[int, datetime]:
        """What grows from a CRL of a slot to the next (C1)."""
        return -1 if self.crl_number is None else self.crl_number, self.this_update

    def __str__(self) -> str:
        kind = "full CRL" if self.is_full else "delta CRL"
        return f"{kind} {self.crl_number} of {self.signer.subject}"


def is_about(crl: CertificateList, signers: Sequence[Certificate]) -> bool:
    """Whether a CRL claims to be of one of the CRL issuers, and of public key certificates.

    In a folder of many CAs' CRLs all others are passed over.
    """
    is_named = any(crl.issuer.matches(one.subject) for one in signers)
    return is_named and not crl.scope.only_contains_attribute_certs


def read_listing(
    crl: CertificateList,
    signers: Sequence[Certificate],
    *,
    now: datetime,
    allow_sha1: bool = False,
) -> Listing:
    """Read a CRL as it speaks of the certificates of ``signers[0]``, the CA.

    An expired one passes: whoever answers from it asks for its nextUpdate then (C9).

    Raises:
        MalformedError: it is not signed by one of ``signers`` (C8); has an unknown critical
            extension on itself or on an entry (C8); is a delta without numbers (C2), covers
            attribute certificates alone (C4), or has entries that its kind can't have.
    """
    signer = signer_of(crl, signers, now=now)
    check_believable(crl, signer, now=now, allow_sha1=allow_sha1)
    _check_kind(crl)
    assert crl.next_update is not None  # check_believable asks for it
    return Listing(
        signer=signer,
        signature_algorithm=crl.signature_algorithm,
        authority_key_identifier=crl.authority_key_identifier,
        has_scope=oids.ID_CE_ISSUING_DISTRIBUTION_POINT in crl.extensions,
        scope=crl.scope,
        crl_number=crl.crl_number,
        base_crl_number=crl.base_crl_number,
        this_update=crl.this_update,
        next_update=crl.next_update,
        archive_cutoff=crl.expired_certs_on_crl,
        entries=CRLIndex(crl, signers[0].subject),
    )


def _check_kind(crl: CertificateList) -> None:
    if crl.scope.only_contains_attribute_certs:
        raise MalformedError(
            "covers attribute certificates alone, and OCSP asks about others",
            where=WHERE,
            rule="C4",
        )
    base = crl.base_crl_number
    if base is not None and (crl.crl_number is None or not 0 <= base < crl.crl_number):
        raise MalformedError(
            f"is a delta CRL with CRLNumber {crl.crl_number} over BaseCRLNumber {base}",
            where=WHERE,
            rule="C2",
        )
