"""Where CRLs are published: cRLDistributionPoints and freshestCRL (RFC 5280 §4.2.1.13, §5.2.6)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from cryptography.x509 import ObjectIdentifier

from certstatus.asn1 import oids
from certstatus.asn1 import x509 as asn1
from certstatus.asn1.doorway import decode_sequence_of, encode_sequence_of, encode_tlv, read_tlv
from certstatus.errors import MalformedError
from certstatus.pkix.name import (
    GeneralName,
    GeneralNameKind,
    Name,
    distribution_point_name,
)
from certstatus.pkix.reason import CRLReason, reason_flags

__all__ = ["DistributionPoint", "crl_distribution_points", "freshest_crl"]


@dataclass(frozen=True, kw_only=True)
class DistributionPoint:
    """One place of a CRL. The names of ``full_name`` are alternatives for one CRL (C11).

    ``name_relative_to_issuer`` holds the contents of an RDN; ``reasons`` None: all.
    """

    full_name: tuple[GeneralName, ...] = ()
    name_relative_to_issuer: bytes | None = None
    reasons: frozenset[CRLReason] | None = None
    crl_issuer: tuple[GeneralName, ...] = ()

    @classmethod
    def from_declared(cls, declared: asn1.DistributionPoint, where: str) -> DistributionPoint:
        """Take what was decoded. Raises MalformedError."""
        full_name, relative = distribution_point_name(declared.distribution_point, where)
        names = declared.crl_issuer or ()
        return cls(
            full_name=full_name,
            name_relative_to_issuer=relative,
            reasons=None if declared.reasons is None else reason_flags(declared.reasons),
            crl_issuer=tuple(GeneralName.from_tlv(one, f"{where}.cRLIssuer") for one in names),
        )

    @property
    def uris(self) -> tuple[str, ...]:
        """The URIs of the full name, in order, whatever their scheme."""
        kind = GeneralNameKind.UNIFORM_RESOURCE_IDENTIFIER
        return tuple(name.text for name in self.full_name if name.kind is kind)

    def entries(self, issuer: Name) -> tuple[Name, ...]:
        """Return the directory entries that hold the CRL, for a certificate of ``issuer``.

        nameRelativeToCRLIssuer is appended to the name of the CRL issuer: to cRLIssuer
        where it stands, else to ``issuer`` (C11).

        Raises:
            MalformedError: cRLIssuer does not name one entry to append to.
        """
        named = tuple(name.name for name in self.full_name if name.name is not None)
        if self.name_relative_to_issuer is None:
            return named
        issuers = [one.name for one in self.crl_issuer if one.name is not None]
        if len(issuers) > 1 or (self.crl_issuer and not issuers):
            raise MalformedError(
                "names no one CRL issuer that a relative name could be appended to",
                where="DistributionPoint.cRLIssuer",
                rule="C11",
            )
        return (*named, _appended(issuers[0] if issuers else issuer, self.name_relative_to_issuer))


def _appended(issuer: Name, relative: bytes) -> Name:
    """Append an RDN, of which the contents are given, to a name."""
    rdns = bytes(read_tlv(issuer.der, "Name").data)
    rdn = encode_tlv(0x31, relative)
    return Name.from_der(encode_sequence_of([rdns, rdn]), "nameRelativeToCRLIssuer")


_Extensions = Mapping[ObjectIdentifier, tuple[bool, bytes]]


def crl_distribution_points(extensions: _Extensions) -> tuple[DistributionPoint, ...]:
    """Read cRLDistributionPoints out of a certificate's extensions. Raises MalformedError."""
    return _points(extensions, oids.ID_CE_CRL_DISTRIBUTION_POINTS)


def freshest_crl(extensions: _Extensions) -> tuple[DistributionPoint, ...]:
    """Read freshestCRL, where deltas are, out of a certificate's or a CRL's extensions.

    Raises:
        MalformedError: it is broken.
    """
    return _points(extensions, oids.ID_CE_FRESHEST_CRL)


def _points(extensions: _Extensions, oid: ObjectIdentifier) -> tuple[DistributionPoint, ...]:
    extension = extensions.get(oid)
    if extension is None:
        return ()
    where = oids.name_of(oid)
    declared = decode_sequence_of(asn1.CRLDistributionPoints, extension[1], where)
    return tuple(DistributionPoint.from_declared(one, where) for one in declared.points)
