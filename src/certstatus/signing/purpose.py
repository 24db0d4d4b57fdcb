"""The gate of those who sign messages of SCVP: what a certificate must be for (RFC 5055; S3).

Pure. Unlike a responder, such a signer needs no CA at hand: whether the peer trusts it is a
matter of paths. What its certificate itself must say is looked at here, when a signer is
loaded and when a signed message is judged.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import datetime
from enum import Enum
from typing import Final

from cryptography.x509 import ObjectIdentifier

from certstatus.asn1 import oids
from certstatus.errors import MalformedError
from certstatus.pkix import Certificate
from certstatus.signing.algorithm import key_problem
from certstatus.signing.base import Signer
from certstatus.signing.profile import Finding, Severity

__all__ = ["Purpose", "check_message_signer", "key_usage_problem", "purpose_problem"]


class Purpose(Enum):
    """What a message's signer is, by the extended key usage that says so."""

    SCVP_SERVER = oids.ID_KP_SCVP_SERVER
    """Signs responses (RFC 5055 §4.14.2)."""
    SCVP_CLIENT = oids.ID_KP_SCVP_CLIENT
    """Signs requests (RFC 5055 §3.11)."""

    @property
    def oid(self) -> ObjectIdentifier:
        """The KeyPurposeId."""
        return self.value


# digitalSignature and nonRepudiation (contentCommitment), the first two bits of KeyUsage.
_MAY_SIGN: Final = 0xC000


def key_usage_problem(certificate: Certificate) -> str | None:
    """Say why the key usage lets its key sign no messages; None: it does (S3).

    Raises:
        MalformedError: the extension can't be read.
    """
    flags = certificate.key_usage_flags
    if flags is None or flags & _MAY_SIGN:
        return None
    return "its key usage has neither digitalSignature nor nonRepudiation"


def purpose_problem(
    certificate: Certificate, purpose: Purpose, accepted: Collection[ObjectIdentifier] = ()
) -> str | None:
    """Say why a certificate is not for this purpose; None: it is (S3).

    ``accepted`` are further purposes that serve by local configuration.

    Raises:
        MalformedError: the extension can't be read.
    """
    usages = certificate.extended_key_usages
    if usages is None or usages & {purpose.oid, oids.ANY_EXTENDED_KEY_USAGE, *accepted}:
        return None
    stated = ", ".join(sorted(map(oids.name_of, usages))) or "nothing"
    return f"it is for {stated}, and not for {oids.name_of(purpose.oid)}"


def check_message_signer(
    signer: Signer,
    purpose: Purpose,
    *,
    now: datetime,
    accepted: Collection[ObjectIdentifier] = (),
) -> tuple[Finding, ...]:
    """Judge a signer of messages as its peers will; no finding means nothing to say.

    ``now`` is aware UTC. Whoever loads a signer hands the findings to ``refuse_unfit``.
    """
    try:
        return tuple(_findings(signer, purpose, now, accepted))
    except MalformedError as error:
        return (_refuse("S3", f"the certificate can't be read: {error}"),)


def _refuse(rule: str, text: str) -> Finding:
    return Finding(rule, Severity.REFUSE, text)


def _findings(
    signer: Signer, purpose: Purpose, now: datetime, accepted: Collection[ObjectIdentifier]
) -> Iterator[Finding]:
    certificate, algorithm = signer.certificate, signer.algorithm
    if now < certificate.not_before:
        yield _refuse("S3", f"the certificate is not valid before {certificate.not_before:%F %TZ}")
    elif now > certificate.not_after:
        yield _refuse("S3", f"the certificate expired on {certificate.not_after:%F %TZ}")
    problem = key_problem(certificate.public_key)
    if problem is not None:
        yield _refuse("O29", f"holds {problem}")
    elif algorithm.is_sha1 or not algorithm.fits(certificate.public_key):
        yield _refuse("O29", f"its key does not sign with {algorithm.name}, or should not")
    for text in (
        key_usage_problem(certificate),
        purpose_problem(certificate, purpose, accepted),
    ):
        if text is not None:
            yield _refuse("S3", text)
    if certificate.extended_key_usages is None:
        text = f"names no purpose; {oids.name_of(purpose.oid)} would keep its key to this one"
        yield Finding("S3", Severity.WARN, text)
