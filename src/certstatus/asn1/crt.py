"""Declarations of the certificate revocation tree; its manual page holds the ASN.1 module.

The scheme is Kocher's ("On Certificate Revocation and Validation", 1998); he gave it no
encoding, so this one is certstatus's own. EXPLICIT tags as in RFC 6960 where a CHOICE or a
reason stands, IMPLICIT elsewhere. A field declared TLV keeps the exact bytes that were
received: what is signed or hashed is never encoded anew.

TBSTree opens with INTEGER, OCTET STRING. No TBSCertificate, TBSCertList or ResponseData
does, so that a CA's signature on one is never a signature on the other.
"""

from __future__ import annotations

from typing import Annotated

from certstatus.asn1.doorway import (
    TLV,
    BitString,
    Explicit,
    GeneralizedTime,
    Implicit,
    Null,
    sequence,
)
from certstatus.asn1.x509 import AlgorithmIdentifier


@sequence
class TBSTree:
    """TBSTree: what is signed of a tree: whose it is, how long it counts, and its root."""

    version: int
    issuer_name_hash: bytes
    issuer_key_hash: bytes
    hash_algorithm: AlgorithmIdentifier
    this_update: GeneralizedTime
    next_update: GeneralizedTime
    number_of_leaves: int
    root_hash: bytes


@sequence
class CRTRoot:
    """CRTRoot ::= SEQUENCE { tbsTree, signatureAlgorithm, signature BIT STRING }."""

    tbs_tree: TLV
    signature_algorithm: AlgorithmIdentifier
    signature: BitString


@sequence
class Revocation:
    """Revocation ::= SEQUENCE { revocationTime, revocationReason [0], invalidityDate [1] }."""

    revocation_time: GeneralizedTime
    revocation_reason: Annotated[Null | TLV | None, Explicit(0)] = None
    invalidity_date: Annotated[GeneralizedTime | None, Implicit(1)] = None


@sequence
class Leaf:
    """Leaf ::= SEQUENCE { low [0] INTEGER, high [1] INTEGER, revocation [2], all OPTIONAL }."""

    low: Annotated[int | None, Implicit(0)] = None
    high: Annotated[int | None, Implicit(1)] = None
    revocation: Annotated[Revocation | None, Implicit(2)] = None


@sequence
class Proof:
    """Proof ::= SEQUENCE { signedRoot CRTRoot, leaf Leaf, position INTEGER, path }."""

    signed_root: TLV
    leaf: TLV
    position: int
    path: list[bytes]


@sequence
class RevocationTree:
    """RevocationTree ::= SEQUENCE { signedRoot CRTRoot, leaves SEQUENCE OF Leaf }."""

    signed_root: TLV
    leaves: TLV
