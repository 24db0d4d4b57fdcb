"""``certstatus check --path``: the whole path built and validated, without a server."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from certstatus.asn1 import oids
from certstatus.cli.handshake import fetch_chain
from certstatus.cli.path_output import PathAnswered
from certstatus.cli.path_params import PathWishes
from certstatus.clock import SystemClock
from certstatus.errors import CertStatusError
from certstatus.fetch import HTTPDoor, LDAPDoor
from certstatus.path import (
    CertificatePool,
    Evidence,
    EvidenceFetcher,
    NameRequirement,
    NameRule,
    PathInputs,
    check_path,
)
from certstatus.pkix import Certificate, GeneralName
from certstatus.tls.host import Host
from certstatus.verify import KnownSignatures

__all__ = ["PathChecking"]

Read = Callable[[str], "tuple[Certificate, ...] | Host"]


@dataclass(frozen=True, kw_only=True)
class PathChecking:
    """How paths are checked. ``read`` tells what an argument names, ``known`` are more CAs."""

    wishes: PathWishes
    read: Read
    known: Sequence[Certificate]
    time_limit: timedelta
    proxy: str | None
    allow_private: bool
    allow_sha1: bool

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[_Opened]:
        """Share what is fetched among all targets."""
        fetcher = EvidenceFetcher(
            door=HTTPDoor(total_time=self.time_limit, proxy=self.proxy),
            ldap=LDAPDoor(total_time=self.time_limit),
            allow_private=self.allow_private,
            allow_sha1=self.allow_sha1,
        )
        pool = CertificatePool((*self.wishes.pool, *self.known))
        async with aclosing(fetcher):
            yield _Opened(self, fetcher, pool, KnownSignatures(), SystemClock().now())


@dataclass(frozen=True)
class _Opened:
    checking: PathChecking
    fetcher: EvidenceFetcher
    pool: CertificatePool
    known: KnownSignatures
    now: datetime

    async def answer(self, name: str) -> PathAnswered:
        """Check one target; what goes wrong with it spoils none of the others."""
        try:
            found = self.checking.read(name)
            host = found if isinstance(found, Host) else None
            if isinstance(found, Host):
                found = await fetch_chain(found, self.checking.time_limit)
            certificate, *chain = found
            inputs = self._inputs(host)
            evidence = Evidence(
                crls=self.checking.wishes.crls,
                pool=CertificatePool(chain, over=self.pool),
                fetcher=None if self.checking.wishes.no_fetch else self.fetcher,
                known=self.known,
            )
            search = await check_path(certificate, inputs, evidence, self.now)
        except (CertStatusError, OSError) as error:
            return PathAnswered(source=name, error=error)
        return PathAnswered(source=name, search=search)

    def _inputs(self, host: Host | None) -> PathInputs:
        """Say what the path is to be valid for; a host's certificate, to serve under its name."""
        wishes = self.checking.wishes
        inputs = PathInputs(
            anchors=wishes.anchors,
            validation_time=wishes.at,
            end_entity_revocation=wishes.end_entity_revocation,
            ca_revocation=wishes.ca_revocation,
            allow_sha1=self.checking.allow_sha1,
        )
        if host is None or wishes.any_name:
            return inputs
        inputs = replace(inputs, extended_key_usages=frozenset({oids.ID_KP_SERVER_AUTH}))
        if host.is_address:
            return inputs  # SCVP has no rule for addresses
        names = (GeneralName.dns_name(host.name),)
        # RFC 9525 §2: a commonName is no host's name any more.
        wanted = NameRequirement(rule=NameRule.SERVER_AUTH, names=names, use_common_name=False)
        return replace(inputs, name=wanted)
