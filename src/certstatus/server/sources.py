"""From ``[[authority.source]]`` to a source.

To add one, give it a key in ``certstatus.server.config_source`` and its lines here.
"""

from __future__ import annotations

from collections.abc import Callable

from cryptography.x509 import ObjectIdentifier

from certstatus.clock import Clock
from certstatus.meter import Meter
from certstatus.ocsp import ArchiveCutoff, CrlID
from certstatus.pkix import Certificate
from certstatus.server.certificates import load_certificates
from certstatus.server.config import SourceConfig
from certstatus.server.holdings import Holdings
from certstatus.server.upstreams import upstream_policy
from certstatus.signing import Profile
from certstatus.sources import (
    CRL,
    DatabaseSource,
    EventKind,
    Fetching,
    Observer,
    OpenSSLIndex,
    RevocationTree,
    Source,
    SourceEvent,
    Upstream,
)
from certstatus.sources.upstream_asking import Tally

__all__ = ["counting", "counting_fetches", "source_of"]


def source_of(
    config: SourceConfig,
    issuer: Certificate,
    clock: Clock,
    observer: Observer,
    *,
    held: Holdings,
    count_fetch: Callable[[str], None] | None = None,
    profile: Profile = Profile.RFC_6960,
    tally: Tally = lambda _outcome, _seconds: None,
) -> Source:
    """Open a source; ``held`` closes what stays open.

    ``tally`` hears of questions upstream, ``count_fetch`` of looks at CRLs' URLs.

    Raises:
        ConfigError, SourceError, MalformedError: it can't be used.
    """
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
            trusted=load_certificates(config.crt_signers),
            entry_extensions=config.entry_extensions,
        )
    if config.upstream is not None:
        return Upstream(
            config.upstream,
            issuer,
            observer=observer,
            policy=upstream_policy(config),
            passed_on=_passed_on(config, profile),
            tally=tally,
            clock=clock,
        )
    return held.enter_context(
        _crl(
            config,
            issuer,
            clock,
            observer,
            held=held,
            count_fetch=count_fetch,
            profile=profile,
        )
    )


def _crl(
    config: SourceConfig,
    issuer: Certificate,
    clock: Clock,
    observer: Observer,
    *,
    held: Holdings,
    count_fetch: Callable[[str], None] | None,
    profile: Profile,
) -> CRL:
    return CRL(
        config.crl or (),
        issuer,
        now=clock.now(),
        observer=observer,
        fetching=Fetching(
            folder=config.crl_folder,
            certificates=load_certificates(config.crl_from or ()),
            ldap_server=config.ldap_server,
            allow_private=config.allow_private,
            refresh=config.crl_refresh,
            clock=clock,
            fetcher=held.crl_fetcher(clock),
            count=count_fetch,
        ),
        issued=config.issued,
        issued_base=config.issued_base,
        issues=config.issues,
        crl_id=config.crl_id,
        crl_url=config.crl_url,
        distribution_points=config.distribution_points,
        partitions=config.partitions,
        crl_issuers=load_certificates(config.crl_issuers),
        archive_cutoff=_archive_cutoff(config, profile),
        baseline=profile is Profile.CABF,
        left_out=config.left_out,
        allow_sha1=config.allow_sha1,
        entry_extensions=config.entry_extensions,
    )


def _archive_cutoff(config: SourceConfig, profile: Profile) -> bool:
    """Whether to say how far back a CRL keeps what has expired: as set, or as ETSI asks (E2)."""
    is_set = config.archive_cutoff
    return profile is Profile.ETSI if is_set is None else is_set


def _passed_on(config: SourceConfig, profile: Profile) -> frozenset[ObjectIdentifier]:
    """Say which singleExtensions of an upstream are repeated (O26 to O28)."""
    found = set(config.entry_extensions.oids)
    if config.crl_id:
        found.add(CrlID.oid)
    if _archive_cutoff(config, profile):
        found.add(ArchiveCutoff.oid)
    return frozenset(found)


def counting_fetches(meter: Meter, authority: str) -> Callable[[str], None]:
    """Count the looks at CRLs' URLs, by what came of them."""
    return lambda outcome: meter.count("crl_fetches", authority=authority, outcome=outcome)


def counting(meter: Meter, authority: str) -> Observer:
    """Count what sources disagree about, and their alarms; all of it they log themselves."""

    def observe(event: SourceEvent) -> None:
        if event.kind is EventKind.DISAGREEMENT:
            meter.count("source_disagreements", authority=authority)
        if event.is_alarm:
            meter.count("source_alarms", authority=authority, kind=event.kind.value)

    return observe
