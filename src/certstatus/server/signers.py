"""From ``[[authority.signer]]`` to signers that passed the gate."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from time import perf_counter

from certstatus.meter import Meter
from certstatus.pkix import Certificate, SignatureAlgorithm
from certstatus.responder import AuthorityPolicy
from certstatus.server.config import SignerConfig
from certstatus.server.log import Logger
from certstatus.signing import (
    Severity,
    Signer,
    check_lifetime,
    check_signer,
    load_any_signers,
    refuse_unfit,
)

__all__ = ["MeteredSigner", "signers_of"]


@dataclass(frozen=True, slots=True)
class MeteredSigner:
    """A signer whose signatures are timed."""

    inner: Signer
    meter: Meter

    @property
    def certificate(self) -> Certificate:
        """The inner signer's."""
        return self.inner.certificate

    @property
    def certs(self) -> tuple[Certificate, ...]:
        """The inner signer's."""
        return self.inner.certs

    @property
    def algorithm(self) -> SignatureAlgorithm:
        """The inner signer's."""
        return self.inner.algorithm

    def sign(self, tbs: bytes) -> bytes:
        """Sign, and time it. Raises SignerError as the inner signer does."""
        started = perf_counter()
        signature = self.inner.sign(tbs)
        elapsed = perf_counter() - started
        self.meter.observe("sign_seconds", elapsed, algorithm=self.algorithm.name)
        return signature


def signers_of(
    config: SignerConfig, issuer: Certificate, policy: AuthorityPolicy, now: datetime, log: Logger
) -> Iterator[Signer]:
    """Load a key's signers through the gate: what clients would refuse does not start."""
    signers, unwise = load_any_signers(
        config.place,
        config.certificate,
        issuer=issuer,
        password_file=config.password_file,
        algorithms=() if config.algorithm is None else (config.algorithm,),
        profile=policy.profile,
    )
    for finding in unwise:
        log.warning("signer", detail=str(finding))
    told = set()
    for signer in signers:
        findings = check_signer(signer, issuer, now=now, profile=policy.profile)
        refuse_unfit(signer, findings)
        lifetime = check_lifetime(signer, issuer, now=now, notice=policy.validity)
        told |= {str(one) for one in (*findings, lifetime) if one and one.severity is Severity.WARN}
        yield signer
    for text in sorted(told):
        log.warning("signer", certificate=str(signers[0].certificate), detail=text)
