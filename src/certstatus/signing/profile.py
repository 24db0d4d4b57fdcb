"""The gate that a signer passes at load: what clients will refuse is refused here, by its rule.

Pure: a signer, the CA that it speaks for, ``now`` and a profile make findings. One that
refuses means that answers would not be believed; one that warns, that a careful CA would
do otherwise. To add a rule: write its function, and name it in a table at the end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes

from certstatus.asn1 import oids
from certstatus.errors import MalformedError, SignerError
from certstatus.limits_signers import SHORT_LIFE
from certstatus.pkix import Certificate, SignatureAlgorithm, signature_algorithm, signature_problem
from certstatus.signing.algorithm import key_problem, offered_algorithms
from certstatus.signing.base import Signer

__all__ = ["Finding", "Profile", "Severity", "allows", "check_signer", "refuse_unfit"]

NOCHECK_VALUE: Final = b"\x05\x00"


class Profile(StrEnum):
    """Whose rules a signer and an authority keep, beside those of RFC 6960."""

    RFC_6960 = "rfc6960"
    RFC_9919 = "rfc9919"
    """The lightweight profile."""
    CABF = "cabf"
    """The CA/Browser Forum's Baseline Requirements, and root programs that build on them."""
    ETSI = "etsi"
    """EN 319 411-1 and -2: status beyond expiry, for eIDAS."""


class Severity(StrEnum):
    """What a finding means for the start of a responder."""

    REFUSE = "refuse"
    WARN = "warn"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing found; ``rule`` is a requirement ID, None where no standard speaks."""

    rule: str | None
    severity: Severity
    text: str

    def __str__(self) -> str:
        return f"{self.text} [{self.rule}]" if self.rule else self.text


@dataclass(frozen=True, kw_only=True, slots=True)
class _Case:
    """What the rules look at."""

    certificate: Certificate
    certs: tuple[Certificate, ...]
    algorithm: SignatureAlgorithm
    issuer: Certificate
    now: datetime
    profile: Profile

    @property
    def is_direct(self) -> bool:
        """Whether the CA itself signs."""
        return self.certificate.spki_der == self.issuer.spki_der and (
            self.certificate.subject.matches(self.issuer.subject)
        )


def check_signer(
    signer: Signer,
    issuer: Certificate,
    *,
    now: datetime,
    profile: Profile = Profile.RFC_6960,
    trusted_locally: bool = False,
) -> tuple[Finding, ...]:
    """Judge a signer that is to answer for ``issuer``; no finding means nothing to say.

    ``now`` is aware UTC. ``trusted_locally`` tells that the clients know the signer by
    their own configuration: then nobody needs to have delegated to it (O22).
    """
    case = _Case(
        certificate=signer.certificate,
        certs=signer.certs,
        algorithm=signer.algorithm,
        issuer=issuer,
        now=now,
        profile=profile,
    )
    found: list[Finding] = []
    for rule in _rules(case, trusted_locally=trusted_locally):
        try:
            found += rule(case)
        except MalformedError as error:
            found.append(_refuse("O25", f"the certificate can't be read: {error}"))
    return tuple(dict.fromkeys(found))


def allows(
    profile: Profile, algorithm: SignatureAlgorithm, public_key: CertificatePublicKeyTypes
) -> bool:
    """Whether a profile lets a key sign so: BR has RSA, and ECDSA with the curve's own hash (B7)."""
    if profile is not Profile.CABF or isinstance(public_key, rsa.RSAPublicKey):
        return True
    is_ecdsa = isinstance(public_key, ec.EllipticCurvePublicKey)
    return is_ecdsa and (algorithm,) == offered_algorithms(public_key)[:1]


def refuse_unfit(signer: Signer, findings: Iterable[Finding]) -> None:
    """Raise SignerError, naming every rule, where a finding refuses."""
    refusing = [one for one in findings if one.severity is Severity.REFUSE]
    if refusing:
        reasons = "; ".join(map(str, refusing))
        raise SignerError(f"{signer.certificate} is not fit to sign: {reasons}")


def _refuse(rule: str, text: str) -> Finding:
    return Finding(rule, Severity.REFUSE, text)


def _warn(rule: str, text: str) -> Finding:
    return Finding(rule, Severity.WARN, text)


# --- every signer --------------------------------------------------------------------------


def _validity(case: _Case) -> Iterator[Finding]:
    for certificate, whose in ((case.certificate, "the certificate"), (case.issuer, "the CA")):
        if case.now < certificate.not_before:
            yield _refuse("O25", f"{whose} is not valid before {certificate.not_before:%F %TZ}")
        elif case.now > certificate.not_after:
            yield _refuse("O25", f"{whose} expired on {certificate.not_after:%F %TZ}")


def _key(case: _Case) -> Iterator[Finding]:
    problem = key_problem(case.certificate.public_key)
    if problem is not None:
        yield _refuse("O29", f"holds {problem}")
    elif case.algorithm.is_sha1:
        yield _refuse("O29", f"signs with {case.algorithm.name}, and clients refuse SHA-1")
    elif not case.algorithm.fits(case.certificate.public_key):
        yield _refuse("O16", f"its key does not sign with {case.algorithm.name}")


def _algorithm(case: _Case) -> Iterator[Finding]:
    if not allows(case.profile, case.algorithm, case.certificate.public_key):
        yield _refuse("B7", f"signs with {case.algorithm.name}, which is not among those allowed")


# --- the CA itself -------------------------------------------------------------------------


def _direct_key_usage(case: _Case) -> Iterator[Finding]:
    usage = case.certificate.key_usage
    if usage is None or usage.digital_signature:
        return
    text = (
        "the CA's key usage lacks digitalSignature, so its key may sign certificates and "
        "CRLs alone (RFC 5280 §4.2.1.3): delegate to a responder"
    )
    yield _refuse("O25", text) if case.profile is Profile.CABF else _warn("O25", text)


# --- a delegate: issued by that CA ---------------------------------------------------------


def _issued_by(case: _Case) -> Iterator[Finding]:
    delegate, issuer = case.certificate, case.issuer
    if not delegate.issuer.matches(issuer.subject):
        yield _refuse("O22", f"was issued by {delegate.issuer}, not by {issuer.subject}")
        return
    algorithm = signature_algorithm(delegate.signature_algorithm)
    if algorithm.is_sha1:
        yield _refuse("O29", f"is itself signed with {algorithm.name}, and clients refuse SHA-1")
    problem = signature_problem(algorithm, issuer.public_key, delegate.signature, delegate.tbs_der)
    if problem is not None:
        yield _refuse("O23", f"was not signed by the key of {issuer.subject}: {problem}")


def _purpose(case: _Case) -> Iterator[Finding]:
    usages = case.certificate.extended_key_usages or frozenset()
    if oids.ID_KP_OCSP_SIGNING in usages:
        return
    also = oids.ANY_EXTENDED_KEY_USAGE in usages
    text = "; anyExtendedKeyUsage does not count" if also else ""
    yield _refuse("O22", f"lacks the extended key usage id-kp-OCSPSigning{text}")


# --- a delegate: fit for it ----------------------------------------------------------------


def _end_entity(case: _Case) -> Iterator[Finding]:
    if case.certificate.is_ca:
        yield _refuse("O25", "is a CA that could answer for its own issuer, and clients refuse it")


def _key_usage(case: _Case) -> Iterator[Finding]:
    usage = case.certificate.key_usage
    if usage is not None and not usage.digital_signature:
        yield _refuse("O25", "its key usage lacks digitalSignature")


# What peers know how to read in the certificate of one who signs messages.
KNOWN_CRITICAL: Final = frozenset(
    {
        oids.ID_CE_AUTHORITY_KEY_IDENTIFIER,
        oids.ID_CE_BASIC_CONSTRAINTS,
        oids.ID_CE_CERTIFICATE_POLICIES,
        oids.ID_CE_CRL_DISTRIBUTION_POINTS,
        oids.ID_CE_EXT_KEY_USAGE,
        oids.ID_CE_KEY_USAGE,
        oids.ID_CE_SUBJECT_ALT_NAME,
        oids.ID_CE_SUBJECT_KEY_IDENTIFIER,
        oids.ID_PE_AUTHORITY_INFO_ACCESS,
        oids.ID_PKIX_OCSP_NOCHECK,
    }
)


def _critical(case: _Case) -> Iterator[Finding]:
    for oid, (critical, _) in case.certificate.extensions.items():
        if critical and oid not in KNOWN_CRITICAL:
            name = oids.name_of(oid)
            yield _refuse("O25", f"has the critical extension {name}, which clients don't know")


def _nocheck(case: _Case) -> Iterator[Finding]:
    certificate = case.certificate
    if certificate.nocheck is None:
        yield from _without_nocheck(case)
        return
    if certificate.nocheck != NOCHECK_VALUE:
        yield _refuse("O24", f"nocheck holds {certificate.nocheck.hex()} where NULL (0500) belongs")
    critical, _ = certificate.extensions[oids.ID_PKIX_OCSP_NOCHECK]
    if critical:
        yield _warn("O24", "nocheck is critical, and should not be")


def _without_nocheck(case: _Case) -> Iterator[Finding]:
    certificate = case.certificate
    if case.profile is Profile.CABF:
        yield _refuse("B6", "lacks nocheck, which a delegate must carry")
    elif certificate.ocsp_uris or certificate.crl_uris:
        yield _warn("O24", "lacks nocheck: clients will ask for the responder's own status")
    else:
        text = "lacks nocheck, and names no place to ask: each client decides for itself"
        yield _warn("O24", text)


def _enclosed(case: _Case) -> Iterator[Finding]:
    if case.certs[:1] != (case.certificate,):
        yield _refuse("L5", "does not send its certificate along, first of all")


# --- RFC 9919 §3.2.2 -----------------------------------------------------------------------


def _lightweight(case: _Case) -> Iterator[Finding]:
    certificate = case.certificate
    if certificate.nocheck is not None and certificate.ocsp_uris:
        yield _warn("L5", "names an OCSP responder for itself, beside nocheck")
    if certificate.nocheck is not None and certificate.crl_uris:
        yield _warn("L5", "names a CRL for itself, beside nocheck")
    life = certificate.not_after - certificate.not_before
    if life > SHORT_LIFE:
        yield _warn("L5", f"lives {life.days} days; a delegate with nocheck should be short-lived")


# --- BR 7.1.2.8 ----------------------------------------------------------------------------


def _br_extensions(case: _Case) -> Iterator[Finding]:
    found = case.certificate.extensions
    for oid in (
        oids.ID_CE_CRL_DISTRIBUTION_POINTS,
        oids.ID_CE_SUBJECT_ALT_NAME,
        oids.ID_CE_NAME_CONSTRAINTS,
    ):
        if oid in found:
            yield _refuse("B6", f"has {oids.name_of(oid)}, which a delegate must not have")
    if oids.ID_CE_AUTHORITY_KEY_IDENTIFIER not in found:
        yield _refuse("B6", "lacks an authority key identifier")
    if oids.ID_PE_AUTHORITY_INFO_ACCESS in found:
        yield _warn("B6", "has authority information access, which is not recommended")
    _, constraints = found.get(oids.ID_CE_BASIC_CONSTRAINTS, (False, b"\x30\x00"))
    if constraints != b"\x30\x00":
        yield _refuse("B6", "its basic constraints are not an empty sequence (3000)")


def _br_purpose(case: _Case) -> Iterator[Finding]:
    usages = case.certificate.extended_key_usages or frozenset()
    others = sorted(map(oids.name_of, usages - {oids.ID_KP_OCSP_SIGNING}))
    if others:
        yield _refuse("B6", f"has other extended key usages: {', '.join(others)}")


def _br_key_usage(case: _Case) -> Iterator[Finding]:
    critical, value = case.certificate.extensions.get(oids.ID_CE_KEY_USAGE, (False, b""))
    # BIT STRING of one bit, digitalSignature: seven bits unused.
    if not critical or value != b"\x03\x02\x07\x80":
        yield _refuse("B6", "its key usage is not critical with digitalSignature alone")


_Rule = Callable[[_Case], Iterator[Finding]]

_EVERY: Final[tuple[_Rule, ...]] = (_validity, _key, _algorithm)
_DIRECT: Final[tuple[_Rule, ...]] = (_direct_key_usage,)
_NOT_DIRECT: Final[tuple[_Rule, ...]] = (_key_usage, _critical, _enclosed)
_DELEGATED: Final[tuple[_Rule, ...]] = (_issued_by, _purpose, _end_entity, _nocheck)
_OF_PROFILE: Final[dict[Profile, tuple[_Rule, ...]]] = {
    Profile.RFC_6960: (),
    Profile.RFC_9919: (_lightweight,),
    Profile.CABF: (_br_extensions, _br_purpose, _br_key_usage),
    Profile.ETSI: (),
}


def _rules(case: _Case, *, trusted_locally: bool) -> Iterator[_Rule]:
    yield from _EVERY
    if case.is_direct:
        yield from _DIRECT
        return
    yield from _NOT_DIRECT
    if not trusted_locally:
        yield from _DELEGATED
        yield from _OF_PROFILE[case.profile]
