"""What is to be signed in advance, and everything that one process needs for it.

Keys, sources and connections are a process's own: it reads them itself, after it was forked.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import socket
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from certstatus.errors import ConfigError
from certstatus.presign.forms import forms_of
from certstatus.responder import Authority
from certstatus.responder.bulk import Bulk
from certstatus.server.authorities import build_authority
from certstatus.server.config import AuthorityConfig, Config
from certstatus.server.config_presign import PresignConfig, Verified
from certstatus.server.config_store import StoreConfig
from certstatus.server.holdings import Holdings
from certstatus.server.signer_rack import SignerRack
from certstatus.server.stores import open_store, telling
from certstatus.server.worker import Tools
from certstatus.sources import Claims, Enumerable, StatusDatabase
from certstatus.stores import ResponseStore

__all__ = ["Desk", "Job", "Place", "chosen", "claims_database", "desk", "store_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What to do, for every process alike.

    ``load`` gives the configuration, and ``wishes`` stand in for its ``[presign]``. ``names``
    are the authorities that are meant, all where it is empty. ``claims_at`` is the database in
    which the work on authorities is shared that have none.
    """

    load: Callable[[], Config]
    only_due: bool
    claims_at: str
    wishes: PresignConfig
    names: frozenset[str] = frozenset()
    is_dry: bool = False

    @property
    def is_sampled(self) -> bool:
        """Whether not all signatures are verified."""
        return self.wishes.verify_signatures is Verified.SAMPLE


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One authority at the desk: what signs for it, what lists its certificates, who shares.

    ``databases`` are those that its statuses come from.
    """

    bulk: Bulk
    source: Enumerable
    claims: Claims
    databases: frozenset[str]
    at: Callable[[Authority, datetime], Place] = field(repr=False)

    def as_of(self, now: datetime) -> Place:
        """Return itself, or what stands in its place: with the signers that are in force now.

        Raises:
            ConfigError, SignerError: as ``forms_of``.
        """
        other = self.at(self.bulk.authority, now)
        return self if other.variants == self.variants else other

    @property
    def variants(self) -> tuple[bytes, ...]:
        """What tells the forms apart in which it signs."""
        return tuple(key.variant for _, key in self.bulk.keys(0))

    @property
    def rack(self) -> SignerRack | None:
        """Its signers, where their files may change."""
        signers = self.bulk.authority.signers
        return signers if isinstance(signers, SignerRack) else None

    @property
    def name(self) -> str:
        """The authority's."""
        return self.bulk.authority.name

    @property
    def round_life(self) -> timedelta:
        """How long a round may take before what it began with is due again."""
        return self.bulk.authority.policy.validity / 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """Everything that one process needs."""

    places: tuple[Place, ...]
    store: ResponseStore
    held: Holdings


@asynccontextmanager
async def desk(job: Job, tools: Tools) -> AsyncIterator[Desk]:
    """Read all that a configuration names, and close it in the end.

    Raises:
        ConfigError, SignerError, SourceError, MalformedError: as for a server; or nothing can
            be signed in advance for want of a store or of a source that names what was issued.
    """
    config = job.load()
    place_of = store_of(config)
    with Holdings() as held:
        places = tuple(_places(job, config, tools, held))
        if not places:
            raise ConfigError(
                "no source can name what was issued",
                key="authority.source",
                remedy="add a database, an index, a CRL or a revocation tree",
            )
        store = open_store(place_of, telling(tools.log, tools.meter))
        try:
            yield Desk(places=places, store=store, held=held)
        finally:
            await store.close()


def store_of(config: Config) -> StoreConfig:
    """Return where answers go.

    Raises:
        ConfigError: nowhere that other processes could see.
    """
    store = config.store
    if store is None or not store.is_shared:
        problem = "is missing" if store is None else "is memory, which other processes don't see"
        raise ConfigError(
            f"{problem}: signed answers have to rest somewhere",
            key="store.url",
            remedy='write "lmdb:FOLDER" or "redis://HOST:6379/0" into [store]',
        )
    return store


def chosen(config: Config, names: frozenset[str]) -> tuple[AuthorityConfig, ...]:
    """Return the authorities that are meant, by name or by the file of their certificate.

    Raises:
        ConfigError: there is none of that name.
    """
    found = {
        one: {one.name, str(one.certificate), one.certificate.name} for one in config.authority
    }
    for name in sorted(names):
        if not any(name in called for called in found.values()):
            known = ", ".join(one.name or one.certificate.name for one in config.authority)
            raise ConfigError(f"there is no {name}", key="authority", remedy=f"there is: {known}")
    return tuple(one for one, called in found.items() if not names or names & called)


@contextmanager
def claims_database(config: Config, wishes: PresignConfig, names: frozenset[str]) -> Iterator[str]:
    """Give a database in which processes share the work on authorities that have none.

    It lasts as long as the processes that are started within; empty where it is not needed.

    Raises:
        ConfigError: there is no authority of such a name.
    """
    has_own = [
        any(source.database is not None for source in one.source) for one in chosen(config, names)
    ]
    if wishes.database is not None or all(has_own):
        yield ""
        return
    with tempfile.TemporaryDirectory(prefix="certstatus-presign-") as folder:
        location = Path(folder) / "claims.db"
        StatusDatabase.create(location).close()
        yield str(location)


def _places(job: Job, config: Config, tools: Tools, held: Holdings) -> Iterator[Place]:
    me = f"{socket.gethostname()}/{os.getpid()}/{secrets.token_hex(4)}"
    for one in chosen(config, job.names):
        authority = build_authority(one, tools, held=held)
        source = authority.source
        if not isinstance(source, Enumerable):
            text = "its source can't name what was issued; its answers are signed when asked for"
            tools.log.warning("presign.skipped", authority=authority.name, detail=text)
            continue
        databases = tuple(each.database for each in one.source if each.database is not None)
        shared_at = held.database(job.wishes.database or next(iter(databases), job.claims_at))
        yield _Maker(job, source, shared_at, frozenset(databases), me).place(
            authority, tools.clock.now()
        )


@dataclass(frozen=True, slots=True)
class _Maker:
    """Makes the place of an authority: anew when its signers take turns."""

    job: Job
    source: Enumerable
    shared_at: StatusDatabase
    databases: frozenset[str]
    owner: str

    def place(self, authority: Authority, now: datetime) -> Place:
        wishes = self.job.wishes
        bulk = Bulk(authority, forms_of(authority, wishes, now))
        scope = _scope(bulk, self.job)
        return Place(
            bulk=bulk,
            source=self.source,
            claims=Claims(self.shared_at, bulk.digest, scope, owner=self.owner, lease=wishes.lease),
            databases=self.databases,
            at=self.place,
        )


def _scope(bulk: Bulk, job: Job) -> str:
    """Tell rounds apart that sign other things: processes share one only if they do the same."""
    variants = b"".join(key.variant for _, key in bulk.keys(0))
    kind = "dry" if job.is_dry else "due" if job.only_due else "all"
    if job.is_sampled:
        kind += "-sampled"
    return f"{kind}:{hashlib.sha256(variants).hexdigest()[:16]}"
