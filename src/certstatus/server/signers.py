"""From ``[[authority.signer]]`` to signers that passed the gate."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from time import perf_counter

from certstatus.meter import Meter, NoMeter
from certstatus.pkix import Certificate
from certstatus.responder import AuthorityPolicy
from certstatus.server.config import SignerConfig
from certstatus.server.renewal_files import certificate_in_force
from certstatus.server.signer_events import SignerTeller
from certstatus.server.signer_health import SignerHealth
from certstatus.signing import (
    OuterSigner,
    Severity,
    Signer,
    check_lifetime,
    check_signer,
    load_any_signers,
    refuse_unfit,
    signature_by,
    term_of,
)
from certstatus.signing.pool import SigningPool, pooled

__all__ = ["MeteredSigner", "SignerLoader", "is_timely", "refuse_untimely"]


@dataclass(frozen=True, slots=True)
class MeteredSigner(OuterSigner):
    """A signer whose signatures are timed; it waits where the inner signer does."""

    meter: Meter

    async def asign(self, tbs: bytes) -> bytes:
        """Sign, and time it with the wait. Raises SignerError as the inner signer does."""
        started = perf_counter()
        signature = await signature_by(self.inner, tbs)
        elapsed = perf_counter() - started
        self.meter.observe("sign_seconds", elapsed, algorithm=self.algorithm.name)
        return signature

    def sign(self, tbs: bytes) -> bytes:
        """Sign, and time it. Raises SignerError as the inner signer does."""
        started = perf_counter()
        signature = self.inner.sign(tbs)
        elapsed = perf_counter() - started
        self.meter.observe("sign_seconds", elapsed, algorithm=self.algorithm.name)
        return signature


@dataclass(frozen=True, kw_only=True)
class SignerLoader:
    """Loads one ``[[authority.signer]]``, now and whenever its files change.

    With a ``pool`` slow local keys sign in its threads.
    """

    config: SignerConfig
    issuer: Certificate
    policy: AuthorityPolicy
    meter: Meter
    teller: SignerTeller
    pool: SigningPool | None = None

    @cached_property
    def health(self) -> SignerHealth:
        """Whether the key can sign, whatever its files hold."""
        return SignerHealth(self.teller)

    @property
    def authority(self) -> str:
        """The name of the authority."""
        return self.teller.authority

    def load(self, now: datetime) -> tuple[Signer, ...]:
        """Load a key's signers through the gate: what clients would refuse does not sign.

        Whether they are valid at ``now`` is not asked here: one whose time is yet to come, or
        is over, may stand beside others.

        Raises:
            ConfigError, SignerError, MalformedError: the files can't be used.
        """
        config = self.config
        signers, unwise = load_any_signers(
            config.place,
            self._certificate_file,
            issuer=self.issuer,
            password_file=config.password_file,
            algorithms=() if config.algorithm is None else (config.algorithm,),
            profile=self.policy.profile,
        )
        for finding in unwise:
            self.teller.warn(str(finding))
        told = {text for signer in signers for text in self._judge(signer, now)}
        for text in sorted(told):
            self.teller.warn(text, certificate=str(signers[0].certificate))
        if self.pool is not None:
            signers = pooled(signers, self.pool)
        return tuple(self.health.watched(self._metered(one)) for one in signers)

    def _metered(self, signer: Signer) -> Signer:
        """Time what somebody counts: a clock that nobody reads costs each answer."""
        return signer if isinstance(self.meter, NoMeter) else MeteredSigner(signer, self.meter)

    @property
    def _certificate_file(self) -> Path | None:
        """Where the certificate stands, also after a renewal that was interrupted."""
        certificate, key = self.config.certificate, self.config.key
        if self.config.renew is None or certificate is None or not isinstance(key, Path):
            return certificate
        return certificate_in_force(certificate, key)

    def _judge(self, signer: Signer, now: datetime) -> Iterable[str]:
        """Refuse what is unfit; yield what is unwise."""
        term = term_of(signer, (self.issuer,))
        moment = min(max(now, term.start), term.end)
        findings = check_signer(signer, self.issuer, now=moment, profile=self.policy.profile)
        refuse_unfit(signer, findings)
        yield from (str(one) for one in findings if one.severity is Severity.WARN)
        notice = self.policy.validity
        lifetime = check_lifetime(signer, self.issuer, now=now, notice=notice)
        if lifetime is not None and term.holds(now):
            yield str(lifetime)


def is_timely(signers: Iterable[Signer], issuer: Certificate, now: datetime) -> bool:
    """Whether one of the signers can sign at ``now``."""
    return any(term_of(one, (issuer,)).holds(now) for one in signers)


def refuse_untimely(signers: Iterable[Signer], loader: SignerLoader, now: datetime) -> None:
    """Raise SignerError unless one of the signers can sign at ``now``."""
    all_of_them = tuple(signers)
    if is_timely(all_of_them, loader.issuer, now):
        return
    for signer in all_of_them:
        findings = check_signer(signer, loader.issuer, now=now, profile=loader.policy.profile)
        refuse_unfit(signer, findings)
