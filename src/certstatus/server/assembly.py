"""From configuration to a service: authorities with their sources and signers, and the face.

To add a source, give it a key in ``certstatus.server.config`` and its lines here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from time import perf_counter
from typing import Final

from certstatus.clock import Clock
from certstatus.errors import ConfigError, MalformedError, SourceError
from certstatus.meter import Meter
from certstatus.pkix import Certificate, HashAlgorithm, SignatureAlgorithm
from certstatus.responder import (
    Authority,
    AuthorityPolicy,
    HTTPFace,
    OCSPFace,
    Refusal,
    RequestPolicy,
    Responder,
)
from certstatus.server.admin import Check
from certstatus.server.config import AuthorityConfig, Config, SignerConfig, SourceConfig
from certstatus.server.holdings import Holdings
from certstatus.server.log import Logger
from certstatus.server.worker import Tools
from certstatus.signing import (
    Severity,
    Signer,
    check_lifetime,
    check_signer,
    load_signers,
    refuse_unfit,
)
from certstatus.sources import (
    CRL,
    DatabaseSource,
    EventKind,
    Observer,
    OpenSSLIndex,
    RevocationTree,
    Source,
    SourceEvent,
    Stack,
    Upstream,
)

__all__ = ["OCSPService", "build_authority"]

_NO_SERIAL: Final = 0
"""Asked of a source to see whether it can answer at all; no certificate has it."""


@dataclass(frozen=True, slots=True)
class _MeteredSigner:
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


class OCSPService:
    """What a worker serves: the face of a responder over configured authorities.

    ``load`` gives the configuration anew at each reload. A reload is all or nothing; what
    it replaces is let go at the next one, when no request can rest on it any more.
    """

    def __init__(self, load: Callable[[], Config], tools: Tools) -> None:
        """Read everything: certificates, keys, sources.

        Raises:
            ConfigError: a setting is wrong.
            SignerError: a signer is not fit.
            SourceError: a source can't be used.
            MalformedError: a certificate can't be read.
        """
        self._load = load
        self._tools = tools
        self._retired = Holdings()
        self._held = Holdings()
        self._config, self._authorities, self._face = self._build(self._held)

    @property
    def face(self) -> HTTPFace:
        """What answers."""
        return self._face

    @property
    def checks(self) -> Mapping[str, Check]:
        """One check for each authority: its source answers, and a signer is in force."""
        return {one.name: self._check(one) for one in self._authorities}

    async def reload(self) -> None:
        """Read everything anew; what is wrong raises, and leaves all as it was."""
        held = Holdings()
        try:
            config, authorities, face = self._build(held)
        except BaseException:
            held.close()
            raise
        if config.server != self._config.server:
            self._tools.log.warning("restart_needed", detail="[server] counts at the next start")
        await asyncio.to_thread(self._retired.close)
        self._retired, self._held = self._held, held
        self._config, self._authorities, self._face = config, authorities, face

    async def close(self) -> None:
        """Let go of files."""
        await asyncio.to_thread(self._retired.close)
        await asyncio.to_thread(self._held.close)

    def _build(self, held: Holdings) -> tuple[Config, tuple[Authority, ...], OCSPFace]:
        config = self._load()
        authorities = tuple(
            build_authority(one, self._tools, held=held) for one in config.authority
        )
        responder = Responder(
            authorities,
            requests=RequestPolicy(
                max_certificates=config.requests.max_certificates,
                signatures=config.requests.signatures,
                anchors=_certificates(config.requests.anchors),
                requestors=_certificates(config.requests.requestors),
            ),
            observe=self._observe,
        )
        held.follow(responder.forget)
        face = OCSPFace(
            responder,
            path=config.server.path,
            max_age=config.server.max_age,
            max_request_bytes=config.server.max_request_bytes,
        )
        return config, authorities, face

    def _observe(self, refusal: Refusal) -> None:
        """Log what went wrong on our side."""
        error = refusal.__cause__
        is_known = isinstance(error, SourceError) or error is None
        self._tools.log.error(
            "not_answered",
            cause=refusal.cause.value,
            detail=refusal.detail,
            exc_info=None if is_known else error,
        )

    def _check(self, authority: Authority) -> Check:
        async def check() -> str | None:
            now = self._tools.clock.now()
            try:
                await authority.source.status(
                    authority.cert_id(_NO_SERIAL, HashAlgorithm.SHA256), now
                )
            except SourceError as error:
                return str(error)
            if not any(one.certificate.is_valid_at(now) for one in authority.signers):
                return "no signer's certificate is valid now"
            return None

        return check


def build_authority(config: AuthorityConfig, tools: Tools, *, held: Holdings) -> Authority:
    """Read an authority's certificate, signers and sources; ``held`` closes what stays open.

    Raises:
        ConfigError, SignerError, SourceError, MalformedError: as ``OCSPService``.
    """
    (issuer, *others) = _certificates((config.certificate,))
    if others:
        raise ConfigError(
            "holds several certificates", file=str(config.certificate), remedy="name the CA's alone"
        )
    policy = AuthorityPolicy(
        profile=config.profile,
        nonce=config.nonce,
        validity=config.validity,
        refresh=config.refresh,
        backdate=config.backdate,
        unlisted=config.unlisted,
        responder_id=config.responder_id,
        dual_hash=config.dual_hash,
        archive=config.archive,
    )
    name = config.name or str(issuer.subject)
    log, now = tools.log.bind(authority=name), tools.clock.now()
    signers = [
        _MeteredSigner(signer, tools.meter)
        for one in config.signer
        for signer in _signers(one, issuer, policy, now, log)
    ]
    observer = _counter(tools.meter, name)
    sources = [_source(one, issuer, tools.clock, observer, held) for one in config.source]
    crls = [one for one in sources if isinstance(one, CRL)]
    return Authority(
        name=name,
        issuer=issuer,
        source=sources[0] if len(sources) == 1 else Stack(*sources, observer=observer),
        signers=tuple(signers),
        policy=policy,
        compromised_since=config.compromised_since,
        crl_algorithm=crls[0].signature_algorithm if crls else None,
    )


def _signers(
    config: SignerConfig, issuer: Certificate, policy: AuthorityPolicy, now: datetime, log: Logger
) -> Iterator[Signer]:
    """Load a key's signers through the gate: what clients would refuse does not start."""
    key_file = config.pkcs12 or config.key
    assert key_file is not None
    signers, unwise = load_signers(
        key_file,
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


def _source(
    config: SourceConfig,
    issuer: Certificate,
    clock: Clock,
    observer: Observer,
    held: Holdings,
) -> Source:
    now = clock.now()
    if config.database is not None:
        database = held.database(config.database)
        return DatabaseSource(
            database, issuer, observer=observer, entry_extensions=config.entry_extensions
        )
    if config.index is not None:
        return OpenSSLIndex(
            config.index,
            issuer,
            now=now,
            observer=observer,
            entry_extensions=config.entry_extensions,
        )
    if config.crt is not None:
        return RevocationTree(
            config.crt,
            issuer,
            now=now,
            observer=observer,
            trusted=_certificates(config.crt_signers),
            entry_extensions=config.entry_extensions,
        )
    if config.upstream is not None:
        return Upstream(
            config.upstream,
            issuer,
            observer=observer,
            refresh=config.upstream_refresh,
            clock=clock,
        )
    assert config.crl is not None
    return CRL(
        config.crl,
        issuer,
        now=now,
        observer=observer,
        issued=config.issued,
        issued_base=config.issued_base,
        issues=config.issues,
        crl_id=config.crl_id,
        crl_url=config.crl_url,
        distribution_points=config.distribution_points,
        partitions=config.partitions,
        crl_issuers=_certificates(config.crl_issuers),
        archive_cutoff=config.archive_cutoff,
        left_out=config.left_out,
        allow_sha1=config.allow_sha1,
        entry_extensions=config.entry_extensions,
    )


def _counter(meter: Meter, authority: str) -> Observer:
    """Count what sources disagree about, and their alarms; all of it they log themselves."""

    def observe(event: SourceEvent) -> None:
        if event.kind is EventKind.DISAGREEMENT:
            meter.count("source_disagreements", authority=authority)
        if event.is_alarm:
            meter.count("source_alarms", authority=authority, kind=event.kind.value)

    return observe


def _certificates(files: tuple[Path, ...]) -> tuple[Certificate, ...]:
    return tuple(one for file in files for one in _load(file))


def _load(file: Path) -> tuple[Certificate, ...]:
    try:
        return Certificate.load(_read(file))
    except MalformedError as error:
        raise ConfigError(str(error), file=str(file), remedy="name a PEM or DER file") from error


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        reason = error.strerror or str(error)
        raise ConfigError(f"can't be read: {reason}", file=str(file)) from error
