"""Who may sign CRLs about an authority's certificates (RFC 5280 §6.3.3 f, C7, C8).

The CA itself, and those that its certificates name as cRLIssuer. A CertID does not carry
that name, so the authority's own word stands in for it: the CRL issuers that were
configured, each with a path to the CA's own trust anchor.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from certstatus.errors import MalformedError
from certstatus.pkix import Certificate, CertificateList, issuance_problem
from certstatus.pkix.crl_rules import WHERE

__all__ = ["crl_issuers_of", "signer_of"]


def crl_issuers_of(issuer: Certificate, others: Iterable[Certificate]) -> tuple[Certificate, ...]:
    """Return ``issuer`` and the other CRL issuers.

    Raises:
        MalformedError: one of ``others`` has no path to the trust anchor of ``issuer``: no
            CA above both of them is among these certificates (C8).
    """
    pool = (issuer, *others)
    above_issuer = _above(issuer, pool)
    for other in pool[1:]:
        if above_issuer.isdisjoint(_above(other, pool)):
            raise MalformedError(
                f"{other.subject} has no path to the trust anchor of {issuer.subject}; "
                "name the certificate of the CA above both of them, too",
                where="CRL issuer",
                rule="C8",
            )
    return pool


def _above(certificate: Certificate, pool: Sequence[Certificate]) -> set[Certificate]:
    """Return a certificate, and all of the pool that a path from it leads through."""
    found: set[Certificate] = set()
    waiting = [certificate]
    while waiting:
        one = waiting.pop()
        found.add(one)
        waiting += [
            other for other in pool if other not in found and issuance_problem(one, other) is None
        ]
    return found


def signer_of(
    crl: CertificateList, signers: Sequence[Certificate], *, now: datetime
) -> Certificate:
    """Return who of the CRL issuers signed a CRL; the first of them is the CA itself.

    Raises:
        MalformedError: none of them did, or whoever did is not valid at ``now`` (C8); or one
            other than the CA did, and the CRL is not an indirect one (C7).
    """
    named = [one for one in signers if crl.issuer.matches(one.subject)] or signers[:1]
    signer = next((one for one in named if crl.signature_problem(one) is None), None)
    if signer is None:
        text = f"is not to be believed: {crl.signature_problem(named[0])}"
        raise MalformedError(text, where=WHERE, rule="C8")
    if signer != signers[0] and not signer.is_valid_at(now):
        text = f"is of {signer.subject}, whose certificate is not valid now"
        raise MalformedError(text, where=WHERE, rule="C8")
    if not crl.issuer.matches(signers[0].subject) and not crl.scope.indirect_crl:
        text = f"is of {crl.issuer}, and is no indirect CRL that could speak for another CA"
        raise MalformedError(text, where=WHERE, rule="C7")
    return signer
