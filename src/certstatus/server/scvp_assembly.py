"""From ``[scvp]`` to what answers: signers through their gate, policies, evidence, state, face."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography.x509 import ObjectIdentifier

from certstatus.asn1 import oids
from certstatus.delegated import (
    Requestors,
    SCVPPolicy,
    SCVPService,
    SCVPSettings,
    ServiceLimits,
)
from certstatus.errors import CertStatusError, ConfigError
from certstatus.fetch import HTTPDoor
from certstatus.meter import NoMeter
from certstatus.path import (
    CertificatePool,
    EvidenceFetcher,
    PathInputs,
    WorkLimits,
    anchor_problem,
)
from certstatus.pkix import Certificate, GeneralName
from certstatus.responder import Authority
from certstatus.server.certificates import load_certificates
from certstatus.server.config_scvp import (
    SCVPConfig,
    SCVPPolicyConfig,
    SCVPRequestorsConfig,
)
from certstatus.server.config_signer import KeyPairConfig
from certstatus.server.scvp import SCVPFace
from certstatus.server.scvp_evidence import (
    CountedDoor,
    CountedLDAPDoor,
    load_pool,
    status_by,
)
from certstatus.server.scvp_state import (
    KeptState,
    LookedUpState,
    default_state_file,
    load_cursor_key,
)
from certstatus.server.signer_events import SignerTeller
from certstatus.server.signer_health import SignerHealth, problem_of
from certstatus.server.signers import MeteredSigner
from certstatus.server.worker import Tools
from certstatus.signing import (
    Purpose,
    Severity,
    Signer,
    check_message_signer,
    load_any_signers,
    refuse_unfit,
)
from certstatus.signing.pool import SigningPool, pooled

__all__ = ["NAME", "SCVPPart", "build_scvp", "load_policy", "load_requestors", "load_scvp_signers"]

NAME: Final = "scvp"
"""What logs, metrics and health call it, where authorities go by their own names."""

_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, kw_only=True)
class SCVPPart:
    """A server of SCVP as it answers: what one reading of the configuration comes to."""

    config: SCVPConfig
    service: SCVPService
    face: SCVPFace
    fetcher: EvidenceFetcher | None
    pool: CertificatePool

    @property
    def signers(self) -> tuple[Signer, ...]:
        """Who signs; the first unless asked otherwise."""
        return self.service.settings.signers

    async def check(self, now: datetime) -> str | None:
        """Say why it can't sign at ``now`` (aware UTC), or None."""
        timely = [one for one in self.signers if one.certificate.is_valid_at(now)]
        if not timely:
            return "no signer's certificate is valid now"
        return await problem_of(timely)

    def days_left(self, now: datetime) -> dict[tuple[str, ...], float]:
        """Tell of each certificate how many days are left, by its serial number."""
        return {
            (NAME, f"{one.serial_number:x}"): round((one.not_after - now) / _DAY, 2)
            for one in self._certificates()
        }

    def details(self, now: datetime) -> Mapping[str, object]:
        """Return what ``/healthz`` shows."""
        left = self.days_left(now)
        return {
            "configurationID": self.service.configuration_id,
            "policies": [one.oid for one in self.config.policy],
            "pool": len(self.pool),
            "signers": [
                {
                    "certificate": str(one),
                    "serial": f"{one.serial_number:x}",
                    "notAfter": f"{one.not_after:%Y-%m-%dT%H:%M:%SZ}",
                    "daysLeft": left[NAME, f"{one.serial_number:x}"],
                }
                for one in self._certificates()
            ],
        }

    def _certificates(self) -> Iterable[Certificate]:
        return dict.fromkeys(one.certificate for one in self.signers)

    async def close(self, *successors: SCVPPart | None) -> None:
        """Break off what is being fetched, unless one that goes on fetches with the same."""
        used = [one.fetcher for one in successors if one is not None]
        if self.fetcher is not None and self.fetcher not in used:
            await self.fetcher.aclose()


def build_scvp(
    config: SCVPConfig,
    tools: Tools,
    authorities: Iterable[Authority],
    *,
    before: SCVPPart | None = None,
    signing: SigningPool | None = None,
    keeps_state: bool = True,
) -> SCVPPart:
    """Read all that is named, and make what answers.

    Args:
        config: the table.
        tools: of the worker.
        authorities: whose sources are asked first.
        before: what served until now; what it fetched is kept where nothing forbids it.
        signing: threads in which slow local keys sign.
        keeps_state: without it nothing is written, for who only looks.

    Raises:
        ConfigError, SignerError, MalformedError: something can't be used.
    """
    _load_library()
    settings = _settings(config, tools, signing, _state_of(config, keeps_state=keeps_state))
    pool = CertificatePool(load_pool(config.pool))
    fetcher = _fetcher(config, tools, before)
    skew = config.clock_skew
    service = SCVPService(
        settings.settings,
        pool=pool,
        numbers=settings.numbers,
        source=status_by(authorities, tools.clock, skew) if config.own_sources else None,
        fetcher=fetcher,
        known=None if fetcher is None else fetcher.known,
        observe=_telling(tools),
    )
    face = SCVPFace(
        service,
        clock=tools.clock,
        meter=tools.meter,
        path=config.path,
        max_request_bytes=config.max_request_bytes,
        is_secure=config.behind_tls,
    )
    return SCVPPart(config=config, service=service, face=face, fetcher=fetcher, pool=pool)


def _telling(tools: Tools) -> Callable[[Exception], None]:
    """Log what goes wrong on our side, which clients are not told."""

    def tell(error: Exception) -> None:
        is_known = isinstance(error, CertStatusError)
        tools.log.error(
            "not_answered", cause=NAME, detail=str(error), exc_info=None if is_known else error
        )

    return tell


def _load_library() -> None:
    """Load what validates paths before anybody asks: it takes a third of a second."""
    try:
        import certstatus.path.rfc5280  # noqa: F401, PLC0415 - an extra
    except ImportError as error:
        raise ConfigError(
            f"needs a library that is not installed: {error.name}",
            key=NAME,
            remedy="pip install 'certstatus[scvp]'",
        ) from error


@dataclass(frozen=True)
class _Set:
    settings: SCVPSettings
    numbers: KeptState | LookedUpState


def _settings(
    config: SCVPConfig,
    tools: Tools,
    signing: SigningPool | None,
    state: KeptState | LookedUpState,
) -> _Set:
    key_file = config.cursor_key_file
    settings = SCVPSettings(
        policies=tuple(map(load_policy, config.policy)),
        signers=tuple(
            signer for one in config.signer for signer in load_scvp_signers(one, tools, signing)
        ),
        cursor_key=state.cursor_key if key_file is None else load_cursor_key(key_file),
        names=tuple(map(GeneralName.dns_name, config.dns_names)),
        requestors=load_requestors(config.requestors),
        accepts_default_policy=config.default_policy,
        gives_full_requests=config.full_requests,
        gives_full_policies=config.full_policies,
        auth_policies=_oids(config.auth_policies),
        clock_skew=config.clock_skew,
        history=config.history,
        policy_lifetime=config.policy_lifetime,
        reply_lifetime=config.reply_lifetime,
        limits=_service_limits(config),
        work=_work_limits(config),
    )
    return _Set(settings, state)


def _state_of(config: SCVPConfig, *, keeps_state: bool) -> KeptState | LookedUpState:
    file = config.state_file or default_state_file()
    return KeptState(file) if keeps_state else LookedUpState(file)


def _service_limits(config: SCVPConfig) -> ServiceLimits:
    return ServiceLimits(
        certificates=config.max_certificates,
        certificates_at_once=config.certificates_at_once,
        requests_at_once=config.requests_at_once,
        time=config.request_time,
    )


def _work_limits(config: SCVPConfig) -> WorkLimits:
    return WorkLimits(
        paths=config.max_paths,
        signatures=config.max_signatures,
        fetches=config.max_fetches,
        bytes=config.max_fetched_bytes,
        time=config.search_time,
    )


# --- policies and requestors ----------------------------------------------------------------


def load_policy(config: SCVPPolicyConfig) -> SCVPPolicy:
    """Read a policy's anchors, and make the policy.

    Raises:
        ConfigError: an anchor can't be read, or can't be one (S10).
    """
    user_policies = frozenset(_oids(config.user_policies)) or frozenset({oids.ANY_POLICY})
    inputs = PathInputs(
        anchors=_anchors(config.anchors),
        user_policy_set=user_policies,
        inhibit_policy_mapping=config.inhibit_policy_mapping,
        require_explicit_policy=config.require_explicit_policy,
        inhibit_any_policy=config.inhibit_any_policy,
        key_usages=config.key_usage_flags,
        extended_key_usages=frozenset(_oids(config.extended_key_usages)),
        specified_key_usages=frozenset(_oids(config.specified_key_usages)),
        end_entity_revocation=config.revocation,
        ca_revocation=config.ca_revocation or config.revocation,
        allow_sha1=config.allow_sha1,
    )
    return SCVPPolicy(
        oid=ObjectIdentifier(config.oid),
        inputs=inputs,
        fixed=frozenset(config.fixed),
        use_common_name=config.common_name,
    )


def load_requestors(config: SCVPRequestorsConfig) -> Requestors:
    """Read whose signatures on requests count.

    Raises:
        ConfigError: a certificate can't be read, or an anchor can't be one (S10).
    """
    inputs = None
    if config.anchors:
        inputs = PathInputs(
            anchors=_anchors(config.anchors),
            end_entity_revocation=config.revocation,
            ca_revocation=config.revocation,
        )
    return Requestors(
        trusted=load_certificates(config.certificates),
        inputs=inputs,
        required=config.required,
        accepted_purposes=frozenset(_oids(config.purposes)),
    )


def _anchors(files: Iterable[Path]) -> tuple[Certificate, ...]:
    return tuple(_checked_anchors(files))


def _checked_anchors(files: Iterable[Path]) -> Iterator[Certificate]:
    for file in files:
        for certificate in load_certificates((file,)):
            problem = anchor_problem(certificate)
            if problem is not None:
                raise ConfigError(
                    f"is no trust anchor: {problem} [S10]",
                    file=str(file),
                    remedy="name the certificate of a CA",
                )
            yield certificate


def _oids(dotted: Iterable[str]) -> tuple[ObjectIdentifier, ...]:
    return tuple(map(ObjectIdentifier, dotted))


# --- signers --------------------------------------------------------------------------------


def load_scvp_signers(
    config: KeyPairConfig, tools: Tools, pool: SigningPool | None = None
) -> tuple[Signer, ...]:
    """Load a key's signers through the gate: what clients would refuse does not sign (S3).

    Raises:
        ConfigError, SignerError, MalformedError: the files can't be used, or it is not fit.
    """
    teller = SignerTeller(NAME, tools.meter, tools.log.bind(authority=NAME))
    signers, unwise = load_any_signers(
        config.place,
        config.certificate,
        issuer=None,
        password_file=config.password_file,
        algorithms=() if config.algorithm is None else (config.algorithm,),
    )
    for finding in unwise:
        teller.warn(str(finding))
    now = tools.clock.now()
    told: set[str] = set()
    for signer in signers:
        findings = check_message_signer(signer, Purpose.SCVP_SERVER, now=now)
        refuse_unfit(signer, findings)
        told |= {str(one) for one in findings if one.severity is Severity.WARN}
    for text in sorted(told):
        teller.warn(text, certificate=str(signers[0].certificate))
    if pool is not None:
        signers = pooled(signers, pool)
    health = SignerHealth(teller)
    return tuple(health.watched(_metered(one, tools)) for one in signers)


def _metered(signer: Signer, tools: Tools) -> Signer:
    return signer if isinstance(tools.meter, NoMeter) else MeteredSigner(signer, tools.meter)


# --- fetching -------------------------------------------------------------------------------


def _fetcher(config: SCVPConfig, tools: Tools, before: SCVPPart | None) -> EvidenceFetcher | None:
    """Keep what was fetched through a reload that changes nothing about fetching."""
    if not config.fetch:
        return None
    allow_sha1 = any(one.allow_sha1 for one in config.policy)
    former = None if before is None else before.fetcher
    if (
        former is not None
        and former.allow_private == config.allow_private_addresses
        and former.allow_sha1 == allow_sha1
    ):
        return former
    return EvidenceFetcher(
        door=CountedDoor(HTTPDoor(), tools.meter),
        ldap=CountedLDAPDoor(tools.meter),
        clock=tools.clock,
        allow_private=config.allow_private_addresses,
        allow_sha1=allow_sha1,
    )
