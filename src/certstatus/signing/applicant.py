"""A signer of whom the certificate alone is at hand: to be judged, not to sign. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from certstatus.errors import MalformedError, SignerError
from certstatus.pkix import Certificate, SignatureAlgorithm
from certstatus.signing.algorithm import offered_algorithms
from certstatus.signing.lifetime import check_lifetime
from certstatus.signing.profile import Finding, Profile, Severity, allows, check_signer

__all__ = ["Applicant", "applicants", "judge_certificate"]


@dataclass(frozen=True, kw_only=True)
class Applicant:
    """What a certificate would be as a signer."""

    certificate: Certificate
    certs: tuple[Certificate, ...]
    algorithm: SignatureAlgorithm

    def sign(self, tbs: bytes) -> bytes:
        """Raise SignerError: there is no key."""
        del tbs
        raise SignerError(f"the key of {self.certificate} is not at hand")


def applicants(
    certificate: Certificate, issuer: Certificate, profile: Profile
) -> tuple[Applicant, ...]:
    """Make one for each algorithm of the certificate's key that the profile allows.

    A key that the profile allows nothing gets its usual algorithm, for ``check_signer`` to
    refuse; one that nobody signs with gets none.

    Raises:
        MalformedError: the certificate's key can't be read.
    """
    offered = offered_algorithms(certificate.public_key)
    allowed = tuple(one for one in offered if allows(profile, one, certificate.public_key))
    certs = () if certificate.spki_der == issuer.spki_der else (certificate,)
    return tuple(
        Applicant(certificate=certificate, certs=certs, algorithm=one)
        for one in allowed or offered[:1]
    )


def judge_certificate(
    certificate: Certificate,
    issuer: Certificate,
    *,
    now: datetime,
    profile: Profile = Profile.RFC_6960,
    validity: timedelta,
) -> tuple[Finding, ...]:
    """Judge a certificate as the gate does, with each algorithm; ``now`` is aware UTC.

    ``validity`` is that of the answers: a certificate that ends before one does is warned of.
    """
    return tuple(dict.fromkeys(_findings(certificate, issuer, now, profile, validity)))


def _findings(
    certificate: Certificate,
    issuer: Certificate,
    now: datetime,
    profile: Profile,
    validity: timedelta,
) -> Iterator[Finding]:
    try:
        everyone = applicants(certificate, issuer, profile)
    except MalformedError as error:
        yield Finding("O25", Severity.REFUSE, f"the certificate can't be read: {error}")
        return
    if not everyone:
        yield Finding(
            "O29", Severity.REFUSE, "holds a key of a kind that answers are not signed with"
        )
        return
    for applicant in everyone:
        yield from check_signer(applicant, issuer, now=now, profile=profile)
    ending = check_lifetime(everyone[0], issuer, now=now, notice=validity)
    if ending is not None and now <= certificate.not_after:
        yield ending
