"""ReplyWantBack: what a server sends back beside its word (RFC 5055 §4.9.5)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

from cryptography.x509 import ObjectIdentifier

from certstatus.asn1 import scvp as asn1
from certstatus.asn1.doorway import (
    TLV,
    decode,
    encode,
    encode_sequence_of,
    read_tlv,
)
from certstatus.asn1.x509 import SubjectPublicKeyInfo
from certstatus.errors import MalformedError
from certstatus.limits_scvp import MAX_CERT_BUNDLES, MAX_RELAYED_RESPONSES
from certstatus.scvp.lists import (
    bounded,
    declared_certificates,
    decode_members,
    decode_step,
    filled,
    read_certificates,
)
from certstatus.scvp.revocation import (
    RevocationInfo,
    declared_revocation_infos,
    read_revocation_infos,
)
from certstatus.scvp.statuses import WantBack

__all__ = [
    "CertBundle",
    "CertBundles",
    "PublicKeyInfo",
    "ReplyWantBack",
    "RevInfoWantBack",
    "SCVPResponses",
    "WantBackValue",
]

_SEQUENCE_TAG: Final = b"\x30"


@dataclass(frozen=True, slots=True)
class CertBundle:
    """A path: certificates as DER, unread, the end entity's first, without the anchor (S10)."""

    certs: tuple[bytes, ...]

    @classmethod
    def decode(cls, der: bytes, where: str) -> CertBundle:
        """Read the value. Raises MalformedError."""
        return cls(read_certificates(decode_members(der, where), where))

    def encode(self) -> bytes:
        """Write the value. Raises MalformedError for none, or too many."""
        elements = declared_certificates(self.certs, "CertBundle")
        if elements is None:
            raise MalformedError("is empty", where="CertBundle")
        return encode_sequence_of([encode(element) for element in elements])


@dataclass(frozen=True, slots=True)
class CertBundles:
    """All paths, for id-swb-pkc-all-cert-paths."""

    bundles: tuple[CertBundle, ...]

    @classmethod
    def decode(cls, der: bytes, where: str) -> CertBundles:
        """Read the value. Raises MalformedError."""
        members = decode_members(der, where)
        found = filled(members, MAX_CERT_BUNDLES, where)
        return cls(tuple(CertBundle.decode(encode(member), where) for member in found))

    def encode(self) -> bytes:
        """Write the value. Raises MalformedError for none, or too many."""
        bundles = filled(self.bundles, MAX_CERT_BUNDLES, "CertBundles")
        return encode_sequence_of([bundle.encode() for bundle in bundles])


@dataclass(frozen=True, slots=True)
class RevInfoWantBack:
    """Revocation data, and ``extra_certs``: what verifies it and stands in no path (S16)."""

    revocation_info: tuple[RevocationInfo, ...]
    extra_certs: tuple[bytes, ...] = ()

    @classmethod
    def decode(cls, der: bytes, where: str) -> RevInfoWantBack:
        """Read the value. Raises MalformedError."""
        declared = decode_step(asn1.RevInfoWantBack, der, where)
        return cls(
            read_revocation_infos(declared.revocation_info, f"{where}.revocationInfo"),
            read_certificates(declared.extra_certs, f"{where}.extraCerts"),
        )

    def encode(self) -> bytes:
        """Write the value. Raises MalformedError for no revocation data, or too much."""
        infos = declared_revocation_infos(self.revocation_info, "revocationInfo")
        if infos is None:
            raise MalformedError("is empty", where="RevInfoWantBack.revocationInfo")
        extra = declared_certificates(self.extra_certs, "RevInfoWantBack.extraCerts")
        return encode(asn1.RevInfoWantBack(revocation_info=infos, extra_certs=extra))


@dataclass(frozen=True, slots=True)
class SCVPResponses:
    """The replies of servers that this one asked (S20): ContentInfos as DER; () for none."""

    content_infos: tuple[bytes, ...]

    @classmethod
    def decode(cls, der: bytes, where: str) -> SCVPResponses:
        """Read the value. Raises MalformedError."""
        members = decode_members(der, where)
        return cls(_content_infos(members, where))

    def encode(self) -> bytes:
        """Write the value. Raises MalformedError for too many, or one that is no SEQUENCE."""
        elements = [read_tlv(der, "SCVPResponses") for der in self.content_infos]
        return encode_sequence_of(list(_content_infos(elements, "SCVPResponses")))


def _content_infos(elements: list[TLV], where: str) -> tuple[bytes, ...]:
    found = bounded(elements, MAX_RELAYED_RESPONSES, where)
    if any(element.tag_bytes != _SEQUENCE_TAG for element in found):
        raise MalformedError("holds an element that is no ContentInfo", where=where)
    return tuple(encode(element) for element in found)


@dataclass(frozen=True, slots=True)
class PublicKeyInfo:
    """The certificate's SubjectPublicKeyInfo, as it stands in it."""

    der: bytes

    @classmethod
    def decode(cls, der: bytes, where: str) -> PublicKeyInfo:
        """Read the value. Raises MalformedError."""
        decode(SubjectPublicKeyInfo, der, where)
        return cls(der)

    def encode(self) -> bytes:
        """Write the value. Raises MalformedError where it is no SubjectPublicKeyInfo."""
        return self.decode(self.der, "SubjectPublicKeyInfo").der


WantBackValue: TypeAlias = (
    CertBundle | CertBundles | RevInfoWantBack | SCVPResponses | PublicKeyInfo
)

_READERS: Final[dict[WantBack, Callable[[bytes, str], WantBackValue]]] = {
    WantBack.PKC_BEST_CERT_PATH: CertBundle.decode,
    WantBack.PKC_REVOCATION_INFO: RevInfoWantBack.decode,
    WantBack.PKC_PUBLIC_KEY_INFO: PublicKeyInfo.decode,
    WantBack.AA_CERT_PATH: CertBundle.decode,
    WantBack.AA_REVOCATION_INFO: RevInfoWantBack.decode,
    WantBack.AC_REVOCATION_INFO: RevInfoWantBack.decode,
    WantBack.RELAYED_RESPONSES: SCVPResponses.decode,
    WantBack.PKC_ALL_CERT_PATHS: CertBundles.decode,
    WantBack.PKC_EE_REVOCATION_INFO: RevInfoWantBack.decode,
    WantBack.PKC_CAS_REVOCATION_INFO: RevInfoWantBack.decode,
}
"""id-swb-pkc-cert and id-swb-ac-cert are missing: they are answered in CertReply.cert."""


@dataclass(frozen=True, slots=True)
class ReplyWantBack:
    """One thing sent back: ``value`` is the contents of its OCTET STRING, unread."""

    wb: ObjectIdentifier
    value: bytes

    @classmethod
    def of(cls, want_back: WantBack, value: WantBackValue) -> ReplyWantBack:
        """Answer a wantBack with a typed value. Raises MalformedError as its ``encode`` does."""
        return cls(want_back.oid, value.encode())

    def typed(self) -> WantBackValue | None:
        """Read the value; None for a wantBack that we know no type of.

        Raises:
            MalformedError: the value breaks its type.
        """
        want_back = WantBack.from_oid(self.wb)
        reader = None if want_back is None else _READERS.get(want_back)
        if want_back is None or reader is None:
            return None
        return reader(self.value, want_back.label)
