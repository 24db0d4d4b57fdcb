"""The messages of a certificate revocation tree: DER <-> frozen values, without judgment."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from certstatus.asn1 import crt as asn1
from certstatus.asn1.doorway import (
    TLV,
    BitString,
    decode,
    decode_enumerated,
    decode_time,
    encode,
    encode_enumerated,
    encode_sequence_of,
    encode_tlv,
    generalized_time,
    read_tlv,
)
from certstatus.errors import MalformedError
from certstatus.limits import MAX_PROOF_BYTES, MAX_TREE_DEPTH
from certstatus.ocsp import Good, Revoked
from certstatus.pkix import AlgorithmIdentifier, CRLReason, HashAlgorithm, RevokedEntry
from certstatus.sources.serial_number import serial_text

__all__ = ["Leaf", "Proof", "SignedRoot", "encode_leaf", "encode_proof", "parse_proof"]

_V1: Final = 0
_ROOT: Final = "CRTRoot"
_TBS: Final = "TBSTree"
_BIT_STRING: Final = 0x03
_HASHES: Final = frozenset({HashAlgorithm.SHA256, HashAlgorithm.SHA384, HashAlgorithm.SHA512})


# --- the signed root --------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class SignedRoot:
    """A tree's root as it was signed; ``der`` and ``tbs_der`` are the received bytes.

    The hashes of the issuer are made with ``hash_algorithm``, as the tree's are. Times are
    aware UTC.
    """

    der: bytes = field(repr=False)
    tbs_der: bytes = field(repr=False)
    issuer_name_hash: bytes
    issuer_key_hash: bytes
    hash_algorithm: HashAlgorithm
    this_update: datetime
    next_update: datetime
    number_of_leaves: int
    root_hash: bytes
    signature_algorithm: AlgorithmIdentifier
    signature: bytes = field(repr=False)

    @classmethod
    def from_der(cls, der: bytes) -> SignedRoot:
        """Read a CRTRoot.

        Raises:
            MalformedError: it is none; is of another version; names a hash that is not for
                trees; has a hash of another length; or counts leaves that can't be.
        """
        declared = decode(asn1.CRTRoot, der, _ROOT)
        tbs_der = encode(declared.tbs_tree)
        tbs = decode(asn1.TBSTree, tbs_der, _TBS)
        if tbs.version != _V1:
            raise MalformedError(f"{tbs.version} is not v1(0)", where=f"{_TBS}.version")
        if not 1 <= tbs.number_of_leaves <= 1 << MAX_TREE_DEPTH:
            raise MalformedError(
                f"{tbs.number_of_leaves} is not from 1 to 2^{MAX_TREE_DEPTH}",
                where=f"{_TBS}.numberOfLeaves",
            )
        return cls(
            der=der,
            tbs_der=tbs_der,
            hash_algorithm=_hash_of(tbs),
            issuer_name_hash=tbs.issuer_name_hash,
            issuer_key_hash=tbs.issuer_key_hash,
            this_update=decode_time(tbs.this_update, f"{_TBS}.thisUpdate"),
            next_update=decode_time(tbs.next_update, f"{_TBS}.nextUpdate"),
            number_of_leaves=tbs.number_of_leaves,
            root_hash=tbs.root_hash,
            signature_algorithm=AlgorithmIdentifier.from_declared(declared.signature_algorithm),
            signature=_octets(declared.signature),
        )


def _hash_of(tbs: asn1.TBSTree) -> HashAlgorithm:
    """Read the hash, and hold the three hashes made with it to its length (K2)."""
    identifier = AlgorithmIdentifier.from_declared(tbs.hash_algorithm)
    algorithm = HashAlgorithm.from_oid(identifier.oid)
    where = f"{_TBS}.hashAlgorithm"
    if algorithm is None or algorithm not in _HASHES:
        raise MalformedError(f"{identifier} is not a hash for trees", where=where, rule="K2")
    if identifier.parameters is not None:
        raise MalformedError("has parameters, and must have none", where=where, rule="K2")
    size = len(algorithm.digest(b""))
    for name, value in (
        ("issuerNameHash", tbs.issuer_name_hash),
        ("issuerKeyHash", tbs.issuer_key_hash),
        ("rootHash", tbs.root_hash),
    ):
        if len(value) != size:
            raise MalformedError(
                f"has {len(value)} octets, and {algorithm.label} has {size}", where=f"{_TBS}.{name}"
            )
    return algorithm


def _octets(value: BitString) -> bytes:
    """Read a signature; with unused bits one signature would have several encodings."""
    if value.padding_bits():
        raise MalformedError("has unused bits", where=f"{_ROOT}.signature")
    return value.as_bytes()


def encode_tbs_tree(
    *,
    issuer_name_hash: bytes,
    issuer_key_hash: bytes,
    hash_algorithm: HashAlgorithm,
    this_update: datetime,
    next_update: datetime,
    number_of_leaves: int,
    root_hash: bytes,
) -> bytes:
    """Write what is signed of a tree."""
    return encode(
        asn1.TBSTree(
            version=_V1,
            issuer_name_hash=issuer_name_hash,
            issuer_key_hash=issuer_key_hash,
            hash_algorithm=AlgorithmIdentifier(hash_algorithm.oid).declared(),
            this_update=generalized_time(this_update),
            next_update=generalized_time(next_update),
            number_of_leaves=number_of_leaves,
            root_hash=root_hash,
        )
    )


def encode_root(tbs_der: bytes, algorithm: AlgorithmIdentifier, signature: bytes) -> bytes:
    """Write a CRTRoot around signed bytes."""
    bits = encode_tlv(_BIT_STRING, b"\0" + signature)
    return encode_sequence_of([tbs_der, encode(algorithm.declared()), bits])


# --- leaves -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaf:
    """A range of serial numbers, from ``low`` on and below ``high``; None: without bound.

    ``low`` itself is revoked, as ``entry`` says; what lies between is not. The first leaf
    has no low end, and revokes nothing (K1).
    """

    low: int | None
    high: int | None
    entry: RevokedEntry | None

    @classmethod
    def from_der(cls, der: bytes) -> Leaf:
        """Read a Leaf.

        Raises:
            MalformedError: it is none; its range is empty; or it has a low end without a
                revocation, or a revocation without a low end (K1).
        """
        declared = decode(asn1.Leaf, der, "Leaf")
        low, high, revocation = declared.low, declared.high, declared.revocation
        if low is not None and high is not None and low >= high:
            raise MalformedError(
                f"{low:x} is not below {high:x}, its end", where="Leaf.low", rule="K1"
            )
        if low is None or revocation is None:
            if low is not None or revocation is not None:
                missing = "no revocation" if revocation is None else "no low end"
                raise MalformedError(f"has {missing}", where="Leaf", rule="K1")
            return cls(low=None, high=high, entry=None)
        return cls(low=low, high=high, entry=_entry(low, revocation))

    def covers(self, serial_number: int) -> bool:
        """Whether the serial number lies in the range."""
        return (self.low is None or self.low <= serial_number) and (
            self.high is None or serial_number < self.high
        )

    @property
    def range_text(self) -> str:
        """The range in words."""
        low = None if self.low is None else f"from {serial_text(self.low)} on"
        high = None if self.high is None else f"below {serial_text(self.high)}"
        return ", ".join(filter(None, (low, high))) or "all serial numbers"

    def status_of(self, serial_number: int) -> Good | Revoked:
        """Say what the leaf says of a serial number that it covers."""
        if self.entry is None or serial_number != self.low:
            return Good()
        return Revoked(self.entry.revocation_date, self.entry.reason)


def _entry(serial_number: int, declared: asn1.Revocation) -> RevokedEntry:
    where, date = "Revocation.revocationReason", declared.invalidity_date
    reason = declared.revocation_reason
    if reason is not None and not isinstance(reason, TLV):
        raise MalformedError("is not an ENUMERATED", where=where)
    return RevokedEntry(
        serial_number=serial_number,
        revocation_date=decode_time(declared.revocation_time, "Revocation.revocationTime"),
        reason=None if reason is None else _reason(reason, where),
        invalidity_date=None if date is None else decode_time(date, "Revocation.invalidityDate"),
    )


def _reason(element: TLV, where: str) -> CRLReason:
    reason = CRLReason.from_number(decode_enumerated(element, where), where)
    if reason in {CRLReason.UNSPECIFIED, CRLReason.REMOVE_FROM_CRL}:
        raise MalformedError(f"{reason.label} has no place in a tree", where=where, rule="K1")
    return reason


def encode_leaf(entry: RevokedEntry | None, high: int | None) -> bytes:
    """Write the leaf that begins with a revoked serial number, or with None the first one.

    Reason unspecified says no more than none, and is left out (RFC 5280 §5.3.1).
    """
    if entry is None:
        return encode(asn1.Leaf(high=high))
    reason, date = entry.reason, entry.invalidity_date
    return encode(
        asn1.Leaf(
            low=entry.serial_number,
            high=high,
            revocation=asn1.Revocation(
                revocation_time=generalized_time(entry.revocation_date),
                revocation_reason=encode_enumerated(reason) if reason else None,
                invalidity_date=None if date is None else generalized_time(date),
            ),
        )
    )


# --- proofs -----------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Proof:
    """One leaf with its way to a signed root: all that a reader needs beside the CA's certificate.

    ``der`` is what was read, ``position`` counts leaves from 0; ``path`` holds the siblings,
    lowest first.
    """

    der: bytes = field(repr=False)
    root: SignedRoot
    leaf: Leaf
    leaf_der: bytes = field(repr=False)
    position: int
    path: tuple[bytes, ...]


def parse_proof(der: bytes) -> Proof:
    """Read a proof; it proves nothing before ``verify_proof`` has looked at it.

    Raises:
        MalformedError: it is no Proof, has more than ``MAX_PROOF_BYTES``, or has hashes of
            another length than its tree's.
    """
    if len(der) > MAX_PROOF_BYTES:
        raise MalformedError(f"is larger than {MAX_PROOF_BYTES} bytes", where="Proof")
    declared = decode(asn1.Proof, der, "Proof")
    root = SignedRoot.from_der(encode(declared.signed_root))
    leaf_der = encode(declared.leaf)
    if not 0 <= declared.position < root.number_of_leaves:
        raise MalformedError(
            f"{declared.position} is none of {root.number_of_leaves} leaves",
            where="Proof.position",
            rule="K6",
        )
    if any(len(one) != len(root.root_hash) for one in declared.path):
        raise MalformedError("has a hash of another length", where="Proof.path", rule="K6")
    return Proof(
        der=der,
        root=root,
        leaf=Leaf.from_der(leaf_der),
        leaf_der=leaf_der,
        position=declared.position,
        path=tuple(declared.path),
    )


def encode_proof(root_der: bytes, leaf_der: bytes, position: int, path: tuple[bytes, ...]) -> bytes:
    """Write a proof."""
    return encode(
        asn1.Proof(
            signed_root=read_tlv(root_der, _ROOT),
            leaf=read_tlv(leaf_der, "Leaf"),
            position=position,
            path=list(path),
        )
    )
