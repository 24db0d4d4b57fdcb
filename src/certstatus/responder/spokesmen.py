"""Who may sign for all authorities that a request is about (O22, O23). Pure.

Several CAs may have certified one key: then one signature speaks for all of them, and each
CA's certificate of that key goes along.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from certstatus.errors import SignerError
from certstatus.pkix import Certificate, SignatureAlgorithm
from certstatus.responder.authority import Authority, ResponderIDForm
from certstatus.responder.reply import Cause, Refusal
from certstatus.signing import (
    AsyncSigner,
    Choice,
    Signer,
    choose_signer,
    in_force,
    is_waited_for,
    signature_by,
)

__all__ = ["JointSigner", "choice_of", "signers_for"]


@dataclass(frozen=True, slots=True)
class JointSigner(AsyncSigner):
    """A signer that also sends along what other CAs have certified its key with."""

    inner: Signer
    certs: tuple[Certificate, ...]

    @property
    def certificate(self) -> Certificate:
        """The inner signer's."""
        return self.inner.certificate

    @property
    def algorithm(self) -> SignatureAlgorithm:
        """The inner signer's."""
        return self.inner.algorithm

    @property
    def is_waited_for(self) -> bool:
        """Whether the inner signer is."""
        return is_waited_for(self.inner)

    async def asign(self, tbs: bytes) -> bytes:
        """Sign DER, waiting as for the inner signer. Raises as that does."""
        return await signature_by(self.inner, tbs)

    def sign(self, tbs: bytes) -> bytes:
        """Sign DER. Raises SignerError as the inner signer does."""
        return self.inner.sign(tbs)


def choice_of(authority: Authority, now: datetime) -> Choice[Signer]:
    """Choose who answers a request without wishes about one authority, once in a second.

    Raises:
        Refusal: none is fit to sign at ``now``.
    """
    signers = authority.signers_in_force(now)
    known = authority.voices.chosen(now)
    if known is not None:
        return known
    try:
        choice = choose_signer(signers, now=now, crl_algorithm=authority.crl_algorithm)
    except SignerError as error:
        raise Refusal.over(Cause.SIGNER_EXPIRES, error) from error
    authority.voices.choose(choice, now)
    return choice


def signers_for(authorities: Sequence[Authority], now: datetime) -> tuple[Signer, ...]:
    """Return the signers in force that speak for every one of the authorities, first best.

    Raises:
        Refusal: nobody does.
    """
    first, *others = authorities
    if not others:
        return first.signers_in_force(now)
    is_named = first.policy.responder_id is ResponderIDForm.BY_NAME
    common = tuple(first.signers)
    for other in others:
        joined = (_join(one, other, now, is_named=is_named) for one in common)
        common = tuple(one for one in joined if one is not None)
    if not common:
        names = ", ".join(authority.name for authority in authorities)
        raise Refusal(Cause.NO_COMMON_SIGNER, f"nobody signs for all of {names}")
    return in_force(
        common,
        issuers=[authority.issuer for authority in authorities],
        now=now,
        validity=max(authority.policy.validity for authority in authorities),
    )


def _join(signer: Signer, authority: Authority, now: datetime, *, is_named: bool) -> Signer | None:
    """Let a signer speak for one more authority, if that has certified the same key."""
    partners = tuple(
        one for one in authority.signers if _has_same_key(one, signer, is_named=is_named)
    )
    if not partners:
        return None
    partner, *_ = in_force(
        partners, issuers=(authority.issuer,), now=now, validity=authority.policy.validity
    )
    certs = tuple(dict.fromkeys((*signer.certs, *partner.certs)))
    return signer if certs == signer.certs else JointSigner(signer, certs)


def _has_same_key(one: Signer, other: Signer, *, is_named: bool) -> bool:
    """Compare keys; a responder that names itself by name needs the same name everywhere."""
    mine, others = one.certificate, other.certificate
    return (
        mine.spki_der == others.spki_der
        and one.algorithm.identifier == other.algorithm.identifier
        and (not is_named or mine.subject.matches(others.subject))
    )
