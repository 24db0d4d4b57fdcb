"""Revocation trees that are right, and trees that lie under a signature that holds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime

from certstatus.asn1 import crt as asn1
from certstatus.asn1.doorway import decode, encode, encode_sequence_of, encode_tlv
from certstatus.pkix import Certificate, CRLReason, HashAlgorithm, RevokedEntry
from certstatus.signing import Signer, make_signers
from certstatus.sources.crt import Tree, build_tree, merkle, parse_tree
from certstatus.sources.crt.message import SignedRoot, encode_leaf
from certstatus.testing import Issued, TinyCA
from tests.books import DAY, NOW

Change = Callable[[asn1.TBSTree], asn1.TBSTree]


def signer_of(issued: Issued, issuer: Certificate) -> Signer:
    """Make the usual signer of a key."""
    return make_signers(issued.key, issued.certificate, issuer=issuer)[0]


def entry(
    serial_number: int,
    reason: CRLReason | None = CRLReason.KEY_COMPROMISE,
    *,
    at: datetime = NOW - 2 * DAY,
    invalidity_date: datetime | None = None,
) -> RevokedEntry:
    """Make what a tree is built from."""
    return RevokedEntry(
        serial_number=serial_number,
        revocation_date=at,
        reason=reason,
        invalidity_date=invalidity_date,
    )


def tree(
    ca: TinyCA,
    *entries: RevokedEntry | int,
    this_update: datetime = NOW - DAY,
    next_update: datetime = NOW + DAY,
    hash_algorithm: HashAlgorithm = HashAlgorithm.SHA256,
    signer: Issued | None = None,
) -> bytes:
    """Build a tree's file; ``signer`` is the CA itself where none is named."""
    return build_tree(
        [entry(one) if isinstance(one, int) else one for one in entries],
        issuer=ca.certificate,
        signer=signer_of(signer or ca.issued, ca.certificate),
        now=NOW,
        this_update=this_update,
        next_update=next_update,
        hash_algorithm=hash_algorithm,
    )


def parsed(ca: TinyCA, *entries: RevokedEntry | int) -> Tree:
    """Build a tree, and read it back."""
    return parse_tree(tree(ca, *entries))


def honest_leaves(*serial_numbers: int) -> list[bytes]:
    """Write the leaves between serial numbers, which are in order."""
    highs = [*serial_numbers[1:], None]
    return [
        encode_leaf(None, serial_numbers[0] if serial_numbers else None),
        *(encode_leaf(entry(low), high) for low, high in zip(serial_numbers, highs, strict=True)),
    ]


def signed_root(ca: TinyCA, leaves: Sequence[bytes], change: Change = lambda tbs: tbs) -> bytes:
    """Sign the root of leaves that may be anything, with any change to what is signed."""
    honest = SignedRoot.from_der(parse_tree(tree(ca)).root.der)
    hashes = merkle.leaf_hashes(HashAlgorithm.SHA256, leaves)
    tbs = decode(asn1.TBSTree, honest.tbs_der, "TBSTree")
    counted = replace(
        tbs,
        number_of_leaves=len(leaves),
        root_hash=merkle.root(HashAlgorithm.SHA256, hashes),
    )
    signed = encode(change(counted))
    signer = signer_of(ca.issued, ca.certificate)
    algorithm = encode(signer.algorithm.identifier.declared())
    return encode_sequence_of([signed, algorithm, encode_tlv(0x03, b"\0" + signer.sign(signed))])


def file_of(ca: TinyCA, leaves: Sequence[bytes], change: Change = lambda tbs: tbs) -> bytes:
    """Write a tree's file over leaves that may be anything, under a signature that holds."""
    return encode_sequence_of([signed_root(ca, leaves, change), encode_sequence_of(list(leaves))])
