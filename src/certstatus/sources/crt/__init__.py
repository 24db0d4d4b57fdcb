"""Certificate revocation trees: a status with a proof of few hashes (Kocher, 1998).

A tree is built from what a CA has revoked, and signed once; a proof of any serial number's
status is made out of it by anybody, and verified with the CA's certificate alone.
"""

from __future__ import annotations

from certstatus.sources.crt.entries import (
    Books,
    books_of_crl,
    books_of_index,
    books_of_records,
)
from certstatus.sources.crt.message import Leaf, Proof, SignedRoot, parse_proof
from certstatus.sources.crt.source import RevocationTree
from certstatus.sources.crt.tree import Tree, build_tree, parse_tree
from certstatus.sources.crt.verify import ProofReport, check_expiry, check_root, verify_proof

__all__ = [
    "Books",
    "Leaf",
    "Proof",
    "ProofReport",
    "RevocationTree",
    "SignedRoot",
    "Tree",
    "books_of_crl",
    "books_of_index",
    "books_of_records",
    "build_tree",
    "check_expiry",
    "check_root",
    "parse_proof",
    "parse_tree",
    "verify_proof",
]
