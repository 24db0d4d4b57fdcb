"""Trees: built and signed, read back whole, and asked for proofs. No file and no clock here."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from itertools import pairwise
from operator import attrgetter
from typing import Final

from certstatus.asn1 import crt as asn1
from certstatus.asn1.doorway import decode, encode, encode_sequence_of
from certstatus.errors import MalformedError, SignerError
from certstatus.limits import MAX_TREE_BYTES
from certstatus.pkix import Certificate, CRLReason, HashAlgorithm, RevokedEntry
from certstatus.signing import Signer, clamp
from certstatus.sources.crt import merkle
from certstatus.sources.crt.leaves import Leaves
from certstatus.sources.crt.message import (
    Leaf,
    Proof,
    SignedRoot,
    encode_leaf,
    encode_proof,
    encode_root,
    encode_tbs_tree,
    parse_proof,
)
from certstatus.sources.crt.signer import signer_problem
from certstatus.sources.serial_number import is_listable, serial_text

__all__ = ["Tree", "build_tree", "parse_tree"]

_WHERE: Final = "RevocationTree"


@dataclass(frozen=True)
class Tree:
    """A tree that is whole: its leaves are in order, and hash to its root. Not yet believed."""

    root: SignedRoot
    leaves: Leaves

    def leaf_of(self, serial_number: int) -> Leaf:
        """Return the leaf that covers a serial number.

        Raises:
            MalformedError: the leaf breaks the grammar.
        """
        return self.leaves.leaf(self.leaves.find(serial_number))

    @cached_property
    def _levels(self) -> tuple[bytearray, ...]:
        algorithm = self.root.hash_algorithm
        hashes = merkle.leaf_hashes(algorithm, self.leaves)
        return tuple(merkle.levels(algorithm, hashes))

    def prove(self, serial_number: int) -> Proof:
        """Make the proof of a serial number's status; ``der`` of what it gives is to hand on.

        The first proof hashes the whole tree, and keeps the hashes: 64 octets for each leaf
        with SHA-256.

        Raises:
            MalformedError: the leaf breaks the grammar.
        """
        position = self.leaves.find(serial_number)
        path = merkle.path(self._levels, len(self.root.root_hash), position)
        return parse_proof(encode_proof(self.root.der, self.leaves.der(position), position, path))


def parse_tree(data: bytes) -> Tree:
    """Read a tree's file, and make sure that it is whole (K1, K7).

    Whether to believe it is asked by the caller, through ``check_root``.

    Raises:
        MalformedError: it is no RevocationTree; is larger than ``MAX_TREE_BYTES``; its
            leaves have a gap or an overlap; or they are not those that the root counts and
            hashes.
    """
    if len(data) > MAX_TREE_BYTES:
        raise MalformedError(f"is larger than {MAX_TREE_BYTES} bytes", where=_WHERE)
    declared = decode(asn1.RevocationTree, data, _WHERE)
    if declared.leaves.tag_bytes != b"\x30":
        raise MalformedError("is no SEQUENCE OF", where=f"{_WHERE}.leaves")
    root = SignedRoot.from_der(encode(declared.signed_root))
    leaves = Leaves(declared.leaves.data, root.number_of_leaves)
    algorithm = root.hash_algorithm
    if merkle.root(algorithm, merkle.leaf_hashes(algorithm, leaves)) != root.root_hash:
        raise MalformedError(
            "hash to another root than the signed one", where=f"{_WHERE}.leaves", rule="K7"
        )
    return Tree(root, leaves)


def build_tree(
    entries: Iterable[RevokedEntry],
    *,
    issuer: Certificate,
    signer: Signer,
    now: datetime,
    this_update: datetime,
    next_update: datetime,
    hash_algorithm: HashAlgorithm = HashAlgorithm.SHA256,
) -> bytes:
    """Build a tree of what ``issuer`` has revoked, in any order, and sign it; return its file.

    Times are aware UTC; fractions of a second are cut off, and no tree outlives its signer
    or the CA (K5). ``now`` is when it is signed, ``this_update`` the latest time at which the
    entries were known to be right.

    Raises:
        MalformedError: an entry stands twice, has a serial number longer than
            ``MAX_LISTED_SERIAL_OCTETS``, is of another issuer, or says removeFromCRL; or
            the hash is SHA-1, or the tree larger than ``MAX_TREE_BYTES``.
        SignerError: the signer is not fit, can't sign, or has ended before it could count.
    """
    next_update = clamp(next_update, signer, issuer)
    _check_signer(signer, now)
    if next_update <= this_update:
        raise SignerError(f"{signer.certificate} ends before the tree could count", rule="K5")
    leaves = list(_leaves(_sorted(entries)))
    tbs_der = encode_tbs_tree(
        issuer_name_hash=issuer.subject_name_hash(hash_algorithm),
        issuer_key_hash=issuer.key_hash(hash_algorithm),
        hash_algorithm=hash_algorithm,
        this_update=this_update,
        next_update=next_update,
        number_of_leaves=len(leaves),
        root_hash=merkle.root(hash_algorithm, merkle.leaf_hashes(hash_algorithm, leaves)),
    )
    root_der = encode_root(tbs_der, signer.algorithm.identifier, signer.sign(tbs_der))
    SignedRoot.from_der(root_der)  # what we would not read is not written
    data = encode_sequence_of([root_der, encode_sequence_of(leaves)])
    if len(data) > MAX_TREE_BYTES:
        raise MalformedError(f"would be larger than {MAX_TREE_BYTES} bytes", where=_WHERE)
    return data


def _check_signer(signer: Signer, now: datetime) -> None:
    try:
        problem = signer_problem(signer.certificate, now)
    except MalformedError as error:
        problem = str(error)
    if signer.algorithm.is_sha1:
        problem = f"{signer.algorithm.name} rests on SHA-1"
    if problem is not None:
        raise SignerError(f"is not fit to sign a tree: {problem}", rule="K3")


def _sorted(entries: Iterable[RevokedEntry]) -> list[RevokedEntry]:
    ordered = sorted(entries, key=attrgetter("serial_number"))
    for entry, following in pairwise(ordered):
        if entry.serial_number == following.serial_number:
            raise _refused(entry, "stands twice")
    for entry in ordered:
        _check_entry(entry)
    return ordered


def _check_entry(entry: RevokedEntry) -> None:
    if not is_listable(entry.serial_number):
        raise MalformedError("is longer than a tree may list", where="serialNumber")
    if entry.certificate_issuer:
        raise _refused(entry, "is another issuer's")
    if entry.reason is CRLReason.REMOVE_FROM_CRL:
        raise _refused(entry, "says removeFromCRL, which delta CRLs alone do")


def _refused(entry: RevokedEntry, problem: str) -> MalformedError:
    return MalformedError(f"serial {serial_text(entry.serial_number)} {problem}", where="entries")


def _leaves(ordered: Sequence[RevokedEntry]) -> Iterator[bytes]:
    """Yield the DER of the leaf before the first entry, and of one for each entry."""
    yield encode_leaf(None, ordered[0].serial_number if ordered else None)
    for number, entry in enumerate(ordered, 1):
        high = ordered[number].serial_number if number < len(ordered) else None
        yield encode_leaf(entry, high)
