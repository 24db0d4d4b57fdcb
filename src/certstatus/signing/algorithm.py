"""Which algorithm signs an answer (RFC 6960 §4.4.7.2.1; O29 to O31).

Pure. What a key can sign with stands here once, strong algorithms alone; an authority's
signers each have one of them, and the request says which it would like best.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final, Generic, TypeVar

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.x509 import ObjectIdentifier

from certstatus.asn1 import oids
from certstatus.errors import MalformedError, SignerError
from certstatus.limits_signers import MIN_RSA_BITS
from certstatus.ocsp import PreferredSignatureAlgorithms
from certstatus.pkix import (
    AlgorithmIdentifier,
    SignatureAlgorithm,
    pss_algorithm,
    signature_algorithm,
)
from certstatus.signing.base import Signer

__all__ = ["Choice", "Rung", "choose_signer", "key_problem", "offered_algorithms"]

S = TypeVar("S", bound=Signer)

_NULL: Final = b"\x05\x00"


def _pkcs1(oid: ObjectIdentifier) -> SignatureAlgorithm:
    return signature_algorithm(AlgorithmIdentifier(oid, _NULL))


def _plain(oid: ObjectIdentifier) -> SignatureAlgorithm:
    return signature_algorithm(AlgorithmIdentifier(oid))


_RSA: Final = (
    *(_pkcs1(oid) for oid in (oids.SHA256_WITH_RSA, oids.SHA384_WITH_RSA, oids.SHA512_WITH_RSA)),
    *(pss_algorithm(oid) for oid in (oids.ID_SHA256, oids.ID_SHA384, oids.ID_SHA512)),
)
_ECDSA: Final = {
    oid: _plain(oid)
    for oid in (oids.ECDSA_WITH_SHA256, oids.ECDSA_WITH_SHA384, oids.ECDSA_WITH_SHA512)
}
# The hash that is as strong as the curve goes first (RFC 5480 §4, BR 7.1.3.2.2).
_CURVES: Final = {
    "secp256r1": oids.ECDSA_WITH_SHA256,
    "secp384r1": oids.ECDSA_WITH_SHA384,
    "secp521r1": oids.ECDSA_WITH_SHA512,
}
_BY_THEMSELVES: Final = tuple(
    _plain(oid)
    for oid in (
        oids.ID_ED25519,
        oids.ID_ED448,
        oids.ID_ML_DSA_44,
        oids.ID_ML_DSA_65,
        oids.ID_ML_DSA_87,
    )
)


def offered_algorithms(public_key: CertificatePublicKeyTypes) -> tuple[SignatureAlgorithm, ...]:
    """List what this key signs with, its usual algorithm first; SHA-1 is never among it (O29).

    Empty for a key that we don't sign with.
    """
    if isinstance(public_key, rsa.RSAPublicKey):
        return _RSA
    if isinstance(public_key, ec.EllipticCurvePublicKey):
        usual = _CURVES.get(public_key.curve.name)
        if usual is None:
            return ()
        return (_ECDSA[usual], *(one for oid, one in _ECDSA.items() if oid != usual))
    return tuple(one for one in _BY_THEMSELVES if one.fits(public_key))


def key_problem(public_key: CertificatePublicKeyTypes) -> str | None:
    """Say why this key is not fit to sign answers; None: it is."""
    if isinstance(public_key, rsa.RSAPublicKey) and public_key.key_size < MIN_RSA_BITS:
        return f"an RSA key of {public_key.key_size} bits; {MIN_RSA_BITS} are the least"
    if isinstance(public_key, ec.EllipticCurvePublicKey) and not offered_algorithms(public_key):
        return f"a key on the curve {public_key.curve.name}; use P-256, P-384 or P-521"
    if not offered_algorithms(public_key):
        kind = type(public_key).__name__.removesuffix("PublicKey")
        return f"a key of type {kind}; use RSA, ECDSA, Ed25519, Ed448 or ML-DSA"
    return None


class Rung(StrEnum):
    """Why an algorithm was chosen: the rungs of RFC 6960 §4.4.7.2.1, first to last."""

    PREFERENCE = "the requestor prefers it"
    CRL = "the issuer's CRL is signed with it"
    REQUEST = "the request is signed with it"
    ADVERTISED = "the advertised default"
    MANDATORY = "the mandatory algorithm"
    LEFT = "the only ones left"


@dataclass(frozen=True, slots=True)
class Choice(Generic[S]):
    """A signer, and the rung that chose it."""

    signer: S
    rung: Rung


def choose_signer(
    signers: Sequence[S],
    *,
    now: datetime,
    preferred: PreferredSignatureAlgorithms | None = None,
    crl_algorithm: AlgorithmIdentifier | None = None,
    request_algorithm: AlgorithmIdentifier | None = None,
) -> Choice[S]:
    """Choose among an authority's signers, of which the first is the advertised default (O31).

    A signer counts while its certificate is valid, and only with a strong algorithm, even
    where a weak one is asked for. Where several fit a wish, the earlier one signs.

    Raises:
        SignerError: none is fit to sign at ``now``.
    """
    fit = [one for one in signers if _is_fit(one, now)]
    if not fit:
        raise SignerError("no signer is valid now with a strong algorithm", rule="O31")
    for rung, found in (
        (Rung.PREFERENCE, _preferred(fit, preferred)),
        (Rung.CRL, _named(fit, crl_algorithm)),
        (Rung.REQUEST, _named(fit, request_algorithm)),
        (Rung.ADVERTISED, iter(fit if fit[0] is signers[0] else ())),
        (Rung.MANDATORY, _named(fit, _RSA[0].identifier)),
    ):
        for signer in found:
            return Choice(signer, rung)
    return Choice(fit[0], Rung.LEFT)


def _is_fit(signer: Signer, now: datetime) -> bool:
    certificates = (signer.certificate, *signer.certs)
    return not signer.algorithm.is_sha1 and all(one.is_valid_at(now) for one in certificates)


def _preferred(fit: Iterable[S], preferred: PreferredSignatureAlgorithms | None) -> Iterator[S]:
    """Yield what fits the requestor's list, best wish first (O30)."""
    for wish in preferred.algorithms if preferred is not None else ():
        for signer in _named(fit, wish.sig_identifier):
            if _has_key(signer, wish.cert_identifier):
                yield signer


def _named(fit: Iterable[S], identifier: AlgorithmIdentifier | None) -> Iterator[S]:
    if identifier is not None:
        yield from (one for one in fit if _is_same(one.algorithm, identifier))


def _is_same(algorithm: SignatureAlgorithm, identifier: AlgorithmIdentifier) -> bool:
    """Compare by meaning: NULL and absent parameters are one, PSS without any is any PSS."""
    if algorithm.identifier.oid != identifier.oid:
        return False
    if identifier.has_no_parameters:
        return True
    try:
        wanted = signature_algorithm(identifier)
    except MalformedError:
        return False
    return (wanted.name, wanted.salt_length) == (algorithm.name, algorithm.salt_length)


def _has_key(signer: Signer, identifier: AlgorithmIdentifier | None) -> bool:
    """Whether the signer's key is of the wished kind: one curve, say (RFC 6960 §4.4.7.1)."""
    if identifier is None:
        return True
    actual = signer.certificate.key_algorithm
    return actual.oid == identifier.oid and (
        identifier.has_no_parameters or actual.parameters == identifier.parameters
    )
