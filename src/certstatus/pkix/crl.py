"""A CRL as a source of status reads it: scope, number, times, entries (RFC 5280 §5).

Parsing says what stands in the CRL; whether to believe it (signature, issuer, expiry)
is asked by the caller, through ``signature_problem`` and the scope.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Final

from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.x509 import ObjectIdentifier

from certstatus.asn1 import oids
from certstatus.asn1 import x509 as asn1
from certstatus.asn1.doorway import (
    GeneralizedTime,
    decode,
    decode_time,
    encode,
    encode_tlv,
)
from certstatus.asn1.walk import Element, element_at, elements_in
from certstatus.errors import MalformedError
from certstatus.limits import MAX_CRL_BYTES
from certstatus.pkix.algorithm import AlgorithmIdentifier
from certstatus.pkix.cached import cached_property
from certstatus.pkix.certificate import Certificate
from certstatus.pkix.crl_entries import Run, count_entries, read_entry, runs_of
from certstatus.pkix.crl_entry import RevokedEntry, extensions_by_oid
from certstatus.pkix.name import GeneralName, Name, distribution_point_name
from certstatus.pkix.pem import decode_pem
from certstatus.pkix.reason import ALL_REASONS, CRLReason, reason_flags
from certstatus.pkix.signature import signature_algorithm, signature_problem

__all__ = ["CertificateList", "IssuingDistributionPoint"]

_V2: Final = 1
_SEQUENCE: Final = 0x30
_BEFORE_ENTRIES: Final = re.compile(rb"\x02?\x30\x30[\x17\x18]{1,2}(?=\x30)")
"""The tags of version, signature, issuer, thisUpdate and nextUpdate (RFC 5280 §5.1)."""
_MOST_BEFORE: Final = 6

# What we understand; any other critical extension makes the CRL unusable (C8).
_KNOWN: Final = frozenset(
    {
        oids.ID_CE_AUTHORITY_KEY_IDENTIFIER,
        oids.ID_CE_CRL_NUMBER,
        oids.ID_CE_DELTA_CRL_INDICATOR,
        oids.ID_CE_EXPIRED_CERTS_ON_CRL,
        oids.ID_CE_FRESHEST_CRL,
        oids.ID_CE_ISSUING_DISTRIBUTION_POINT,
    }
)


@dataclass(frozen=True, kw_only=True)
class IssuingDistributionPoint:
    """What a CRL covers (RFC 5280 §5.2.5, C4); all false and None: everything."""

    full_name: tuple[GeneralName, ...] = ()
    name_relative_to_issuer: bytes | None = None
    only_contains_user_certs: bool = False
    only_contains_ca_certs: bool = False
    only_some_reasons: frozenset[CRLReason] | None = None
    indirect_crl: bool = False
    only_contains_attribute_certs: bool = False

    @classmethod
    def from_der(cls, der: bytes) -> IssuingDistributionPoint:
        """Read the extension's value. Raises MalformedError."""
        where = "issuingDistributionPoint"
        declared = decode(asn1.IssuingDistributionPoint, der, where)
        point = declared.distribution_point
        full_name, relative = distribution_point_name(point, where)
        some = declared.only_some_reasons
        return cls(
            full_name=full_name,
            name_relative_to_issuer=relative,
            only_contains_user_certs=bool(declared.only_contains_user_certs),
            only_contains_ca_certs=bool(declared.only_contains_ca_certs),
            only_some_reasons=None if some is None else reason_flags(some),
            indirect_crl=bool(declared.indirect_crl),
            only_contains_attribute_certs=bool(declared.only_contains_attribute_certs),
        )


@dataclass(frozen=True)
class CertificateList:
    """A CRL by its DER. Make one with ``from_der`` or ``load``."""

    der: bytes

    @classmethod
    def from_der(cls, der: bytes, where: str = "CertificateList") -> CertificateList:
        """Read one DER CRL.

        Raises:
            MalformedError: it is no CRL, has bytes after its end, or is larger than
                ``MAX_CRL_BYTES``.
        """
        if len(der) > MAX_CRL_BYTES:
            raise MalformedError(f"is larger than {MAX_CRL_BYTES} bytes", where=where)
        crl = cls(der)
        _ = (crl.version, crl.this_update, crl.next_update, crl.extensions)
        _ = (crl.signature, crl.entry_count)
        return crl

    @classmethod
    def load(cls, data: bytes, where: str = "CertificateList") -> CertificateList:
        """Read PEM or DER. Raises MalformedError."""
        # A CRL has a length of several octets; text has none above 0x7F there.
        if (data[:1] == b"\x30" and data[1:2] > b"\x7f") or b"-----BEGIN" not in data:
            return cls.from_der(data, where)
        found = decode_pem(data, ("X509 CRL",), where)
        if len(found) != 1:
            raise MalformedError(f"holds {len(found)} PEM CRLs, not one", where=where)
        return cls.from_der(found[0], where)

    @cached_property
    def _tbs_at(self) -> Element:
        """Where tbsCertList stands. Of a million entries no copy is made."""
        where = "CertificateList"
        whole = element_at(self.der, 0, len(self.der), where)
        if whole.tag != _SEQUENCE:
            raise MalformedError("has an element of another type than the standard's", where=where)
        if whole.end != len(self.der):
            raise MalformedError("has bytes after its end", where=where)
        return element_at(self.der, whole.contents, whole.end, where)

    @cached_property
    def _declared(self) -> asn1.CertificateList:
        """All but tbsCertList, whose tag alone stands in its place."""
        tbs = self._tbs_at
        rest = bytes((tbs.tag, 0)) + self.der[tbs.end :]
        return decode(asn1.CertificateList, encode_tlv(_SEQUENCE, rest), "CertificateList")

    @cached_property
    def _entries_at(self) -> Element | None:
        """Where revokedCertificates stands, None where it is left out (RFC 5280 §5.1.2)."""
        tbs, where = self._tbs_at, "CertificateList.tbsCertList"
        members = tuple(islice(elements_in(self.der, tbs.contents, tbs.end, where), _MOST_BEFORE))
        found = _BEFORE_ENTRIES.match(bytes(member.tag for member in members))
        return None if found is None else members[found.end()]

    @cached_property
    def _tbs(self) -> asn1.TBSCertList:
        """All but revokedCertificates, which stay where they are."""
        tbs, entries = self._tbs_at, self._entries_at
        fields = (
            self.der[tbs.contents : tbs.end]
            if entries is None
            else self.der[tbs.contents : entries.start] + self.der[entries.end : tbs.end]
        )
        whole = encode_tlv(tbs.tag, fields)
        return decode(asn1.TBSCertList, whole, "CertificateList.tbsCertList")

    @property
    def tbs_der(self) -> bytes:
        """The signed bytes, as received."""
        return self.der[self._tbs_at.start : self._tbs_at.end]

    @cached_property
    def issuer(self) -> Name:
        """The CRL issuer's Name."""
        return Name(encode(self._tbs.issuer))

    @cached_property
    def signature_algorithm(self) -> AlgorithmIdentifier:
        """The algorithm of the CRL's signature."""
        return AlgorithmIdentifier.from_declared(self._declared.signature_algorithm)

    @property
    def version(self) -> int:
        """The version as it is numbered: 1 is v2, and 0, left out, is v1."""
        version = self._tbs.version or 0
        if not 0 <= version <= _V2:
            raise MalformedError(f"{version} is neither v1(0) nor v2(1)", where="version")
        return version

    @property
    def signature(self) -> bytes:
        """The signature over ``tbs_der``."""
        return self._declared.signature_value.as_bytes()

    @cached_property
    def this_update(self) -> datetime:
        """When the CRL was issued, UTC."""
        return decode_time(self._tbs.this_update, "thisUpdate")

    @cached_property
    def next_update(self) -> datetime | None:
        """By when the next one comes, UTC."""
        declared = self._tbs.next_update
        return None if declared is None else decode_time(declared, "nextUpdate")

    @cached_property
    def extensions(self) -> dict[ObjectIdentifier, tuple[bool, bytes]]:
        """The CRL's extensions. Raises MalformedError where one stands twice."""
        return extensions_by_oid(self._tbs.crl_extensions, "crlExtensions")

    @cached_property
    def crl_number(self) -> int | None:
        """The number that grows with every CRL of this scope (C1)."""
        return self._integer(oids.ID_CE_CRL_NUMBER)

    @cached_property
    def base_crl_number(self) -> int | None:
        """The number of the CRL that this delta adds to; None: not a delta CRL (C2)."""
        return self._integer(oids.ID_CE_DELTA_CRL_INDICATOR)

    def _integer(self, oid: ObjectIdentifier) -> int | None:
        extension = self.extensions.get(oid)
        return None if extension is None else decode(int, extension[1], oids.name_of(oid))

    @cached_property
    def scope(self) -> IssuingDistributionPoint:
        """What the CRL covers (C4)."""
        extension = self.extensions.get(oids.ID_CE_ISSUING_DISTRIBUTION_POINT)
        if extension is None:
            return IssuingDistributionPoint()
        return IssuingDistributionPoint.from_der(extension[1])

    @cached_property
    def authority_key_identifier(self) -> bytes | None:
        """The value of authorityKeyIdentifier, as it stands; a delta's is its base's (C2)."""
        extension = self.extensions.get(oids.ID_CE_AUTHORITY_KEY_IDENTIFIER)
        return None if extension is None else extension[1]

    @cached_property
    def expired_certs_on_crl(self) -> datetime | None:
        """Since when certificates stay listed though they have expired (X.509 §9.5.2.8), UTC."""
        extension = self.extensions.get(oids.ID_CE_EXPIRED_CERTS_ON_CRL)
        if extension is None:
            return None
        where = "expiredCertsOnCRL"
        return decode_time(decode(GeneralizedTime, extension[1], where), where)

    @property
    def reasons(self) -> frozenset[CRLReason]:
        """The reasons that the CRL covers (C5)."""
        some = self.scope.only_some_reasons
        return ALL_REASONS if some is None else some

    @cached_property
    def entry_count(self) -> int:
        """How many certificates the CRL lists."""
        listed = self._entries_at
        return 0 if listed is None else count_entries(self.der, listed.contents, listed.end)

    def entry_runs(self) -> Iterator[Run]:
        """Yield where the entries stand, in order. Raises MalformedError."""
        listed = self._entries_at
        return iter(()) if listed is None else runs_of(self.der, listed.contents, listed.end)

    def entry_at(self, place: int) -> RevokedEntry:
        """Read the entry that begins at a place of the DER.

        Raises:
            MalformedError: it is broken, or carries an unknown critical extension (C8).
        """
        return read_entry(self.der, place, self._tbs_at.end)

    def entries(self) -> Iterator[RevokedEntry]:
        """Yield every entry, in order. Raises as ``entry_at``."""
        for run in self.entry_runs():
            for _, place in run.serials(self.der):
                yield self.entry_at(place)

    def unknown_critical(self) -> tuple[ObjectIdentifier, ...]:
        """List the critical extensions that we don't know: the CRL is unusable (C8)."""
        return tuple(
            oid for oid, (critical, _) in self.extensions.items() if critical and oid not in _KNOWN
        )

    def signature_problem(
        self, issuer: Certificate, key: CertificatePublicKeyTypes | None = None
    ) -> str | None:
        """Say why ``issuer`` did not sign this CRL; None: it did, and may (C8).

        ``key`` stands for the issuer's where its certificate alone does not tell it.
        """
        if not self.issuer.matches(issuer.subject):
            return f"the CRL is of {self.issuer}, not of {issuer.subject}"
        usage = issuer.key_usage
        if usage is not None and not usage.crl_sign:
            return f"{issuer.subject} lacks the key usage cRLSign"
        if AlgorithmIdentifier.from_declared(self._tbs.signature) != self.signature_algorithm:
            return "the CRL names two signature algorithms (RFC 5280 §5.1.1.2)"
        try:
            algorithm = signature_algorithm(self.signature_algorithm)
            tbs = memoryview(self.der)[self._tbs_at.start : self._tbs_at.end]
            return signature_problem(algorithm, key or issuer.public_key, self.signature, tbs)
        except MalformedError as error:
            return str(error)
