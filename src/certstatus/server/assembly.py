"""From configuration to a service: its authorities, and the face that answers for them."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from certstatus.errors import CertStatusError, SourceError
from certstatus.limits_signers import MAX_SIGNING_THREADS, RENEWAL_CHECK_TIME, SIGNER_CHECK_TIME
from certstatus.pkix import HashAlgorithm
from certstatus.responder import (
    Authority,
    Cause,
    HotLane,
    HTTPFace,
    OCSPFace,
    Proxy,
    Refusal,
    RequestPolicy,
    Responder,
    Router,
)
from certstatus.server.admin import Check
from certstatus.server.authorities import build_authority
from certstatus.server.budget import SigningBudget
from certstatus.server.certificates import load_certificates
from certstatus.server.config import Config, RequestsConfig
from certstatus.server.holdings import Holdings
from certstatus.server.proxies import build_proxy
from certstatus.server.renewing import Renewer
from certstatus.server.repeating import Repeating
from certstatus.server.scvp import PathFaces
from certstatus.server.scvp_assembly import NAME as SCVP
from certstatus.server.scvp_assembly import SCVPPart, build_scvp
from certstatus.server.signer_health import problem_of
from certstatus.server.signer_rack import SignerRack
from certstatus.server.signers import SignerLoader
from certstatus.server.stores import keep_store
from certstatus.server.worker import Tools
from certstatus.signing.pool import SigningPool
from certstatus.stores import StoreKeeper

__all__ = ["OCSPService"]

_NO_SERIAL: Final = 0
"""Asked of a source to see whether it can answer at all; no certificate has it."""


_OVERLOAD_SECONDS: Final = 10.0
"""Between two log lines about an overload: there may be thousands of refusals in each."""


@dataclass(frozen=True, slots=True)
class _Built:
    """What one reading of the configuration comes to."""

    config: Config
    authorities: tuple[Authority, ...]
    proxies: tuple[Proxy, ...]
    store: StoreKeeper | None
    scvp: SCVPPart | None
    face: HTTPFace


class OCSPService:
    """What a worker serves: the face of a responder over configured authorities.

    ``load`` gives the configuration anew at each reload. A reload is all or nothing; what
    it replaces is let go at the next one, when no request can rest on it any more.
    """

    def __init__(self, load: Callable[[], Config], tools: Tools, *, works: bool = True) -> None:
        """Read everything: certificates, keys, sources.

        Without ``works`` nothing is done beside answering, as who only looks wants it: no
        signer is renewed.

        Raises:
            ConfigError: a setting is wrong.
            SignerError: a signer is not fit.
            SourceError: a source can't be used.
            MalformedError: a certificate can't be read.
        """
        self._load = load
        self._tools = tools
        self._works = works
        self._retired = Holdings()
        self._retired_scvp: SCVPPart | None = None
        self._held = Holdings()
        self._told_of_overload = -_OVERLOAD_SECONDS
        self._pool = SigningPool(_signing_threads(), "certstatus-signing")
        self._built = self._build(self._held, None)
        tools.meter.gauge("signer_days_left", self._days_left)
        renewer = Renewer(self._loaders, tools.clock)
        self._work = (
            Repeating("signers", SIGNER_CHECK_TIME, self._look_at_signers, tools.log),
            Repeating("renewal", RENEWAL_CHECK_TIME, renewer.look, tools.log),
        )
        for one in self._work if works else ():
            one.start_if_serving()

    @property
    def face(self) -> HTTPFace:
        """What answers."""
        return self._built.face

    @property
    def authorities(self) -> tuple[Authority, ...]:
        """Who is answered for, in the order of the configuration."""
        return self._built.authorities

    @property
    def proxies(self) -> tuple[Proxy, ...]:
        """Who hands on others' answers, in the order of the configuration."""
        return self._built.proxies

    @property
    def scvp(self) -> SCVPPart | None:
        """What answers SCVP, if anything does."""
        return self._built.scvp

    @property
    def checks(self) -> Mapping[str, Check]:
        """One check for each authority: its source answers, and a signer is in force.

        And one for each proxy: an upstream answers; and one for SCVP: it can sign.
        """
        checks = {one.name: self._check(one) for one in self._built.authorities}
        checks |= {one.name: self._check_proxy(one) for one in self._built.proxies}
        if self._built.scvp is not None:
            checks[SCVP] = self._check_scvp(self._built.scvp)
        return checks

    @property
    def details(self) -> Mapping[str, object]:
        """The signers of each authority, and how long they last; and of SCVP."""
        now, scvp = self._tools.clock.now(), self._built.scvp
        return ({} if scvp is None else {SCVP: scvp.details(now)}) | {
            "signers": [
                {"authority": name, **state.as_json()}
                for name, rack in self._racks()
                for state in rack.states(now)
            ]
        }

    @property
    def racks(self) -> tuple[SignerRack, ...]:
        """Each authority's signers, which look at their files when told to."""
        return tuple(rack for _, rack in self._racks())

    async def settle(self, *, looked_at: bool = False) -> None:
        """Wait for the CRLs that are fetched and were never had, FIRST_CRL_TIME at the longest.

        With ``looked_at`` also for a look at those that were.
        """
        await asyncio.to_thread(self._held.wait_settled, looked_at=looked_at)

    async def warm_up(self) -> None:
        """Open the store before anybody is answered; one that is not there is an alarm."""
        if self._built.store is not None:
            await self._built.store.warm_up()

    async def reload(self) -> None:
        """Read everything anew, beside the answers; what is wrong raises, and leaves all as it was."""
        held = Holdings()
        building = asyncio.ensure_future(asyncio.to_thread(self._build, held, self._built))
        try:
            built = await asyncio.shield(building)
            await asyncio.to_thread(held.wait_settled)
        except BaseException:
            await asyncio.wait({building})
            held.close()
            raise
        if built.config.server != self._built.config.server:
            self._tools.log.warning("restart_needed", detail="[server] counts at the next start")
        await asyncio.to_thread(self._retired.close)
        self._retired, self._held = self._held, held
        for proxy in built.proxies:
            for former in self._built.proxies:
                proxy.take_over(former)
        past, self._built = self._built, built
        await asyncio.to_thread(self._retired.retire)
        if past.store is not None and past.store is not built.store:
            await past.store.close()
        if self._retired_scvp is not None:
            await self._retired_scvp.close(past.scvp, built.scvp)
        self._retired_scvp = past.scvp

    async def close(self) -> None:
        """Let go of files."""
        for one in self._work:
            await asyncio.to_thread(one.close)
        await asyncio.to_thread(self._pool.close)
        await asyncio.to_thread(self._retired.close)
        await asyncio.to_thread(self._held.close)
        if self._built.store is not None:
            await self._built.store.close()
        for scvp in (self._retired_scvp, self._built.scvp):
            if scvp is not None:
                await scvp.close()

    def _look_at_signers(self, _stop: threading.Event) -> None:
        for rack in self.racks:
            rack.look(self._tools.clock.now())

    def _loaders(self) -> Iterator[SignerLoader]:
        return (loader for rack in self.racks for loader in rack.loaders)

    def _racks(self) -> Iterator[tuple[str, SignerRack]]:
        for one in self._built.authorities:
            if isinstance(one.signers, SignerRack):
                yield one.name, one.signers

    def _days_left(self) -> Mapping[tuple[str, ...], float]:
        now, scvp = self._tools.clock.now(), self._built.scvp
        left: dict[tuple[str, ...], float] = {} if scvp is None else scvp.days_left(now)
        return left | {
            (name, state.serial): state.days_left
            for name, rack in self._racks()
            for state in rack.states(now)
        }

    def _build(self, held: Holdings, before: _Built | None) -> _Built:
        config = self._load()
        store = self._store_of(config, before)
        authorities = tuple(
            build_authority(one, self._tools, held=held, pool=self._pool)
            for one in config.authority
        )
        proxies = tuple(build_proxy(one, self._tools, shelf=store) for one in config.proxy)
        scvp = self._scvp_of(config, authorities, before)
        ocsp = self._ocsp_face(config, authorities, proxies, store, held)
        face: HTTPFace = ocsp
        if scvp is not None:
            face = PathFaces(scvp.face, ocsp if authorities or proxies else None)
        return _Built(config, authorities, proxies, store, scvp, face)

    def _ocsp_face(
        self,
        config: Config,
        authorities: tuple[Authority, ...],
        proxies: tuple[Proxy, ...],
        store: StoreKeeper | None,
        held: Holdings,
    ) -> OCSPFace:
        requests = _request_policy(config.requests)
        responder = Responder(
            authorities,
            requests=requests,
            admit=_budget(config.requests),
            observe=self._observe,
            shelf=store,
        )
        held.follow(responder.forget)
        router = Router(responder, proxies, requests=requests, observe=self._observe)
        face = OCSPFace(
            router if proxies else responder,
            path=config.server.path,
            max_age=config.server.max_age,
            max_request_bytes=config.server.max_request_bytes,
        )
        face.lane = HotLane(
            responder,
            admit=face.admit,
            path=config.server.path,
            max_age=config.server.max_age,
            is_told=config.server.access_log,
        )
        return face

    def _scvp_of(
        self, config: Config, authorities: tuple[Authority, ...], before: _Built | None
    ) -> SCVPPart | None:
        if config.scvp is None:
            return None
        return build_scvp(
            config.scvp,
            self._tools,
            authorities,
            before=None if before is None else before.scvp,
            signing=self._pool,
            keeps_state=self._works,
        )

    def _store_of(self, config: Config, before: _Built | None) -> StoreKeeper | None:
        """Keep the store through a reload that does not change it: it may be in use."""
        if config.store is None:
            return None
        if before is not None and before.config.store == config.store:
            return before.store
        return keep_store(config.store, self._tools)

    def _observe(self, refusal: Refusal) -> None:
        """Log what went wrong on our side; of an overload, one line in some seconds."""
        if refusal.cause is Cause.OVERLOAD:
            now = time.monotonic()
            if now - self._told_of_overload < _OVERLOAD_SECONDS:
                return
            self._told_of_overload = now
        error = refusal.__cause__
        is_known = isinstance(error, CertStatusError) or error is None
        self._tools.log.error(
            "not_answered",
            cause=refusal.cause.value,
            detail=refusal.detail,
            exc_info=None if is_known else error,
        )

    def _check_proxy(self, proxy: Proxy) -> Check:
        async def check() -> str | None:
            return await proxy.check(self._tools.clock.now())

        return check

    def _check_scvp(self, scvp: SCVPPart) -> Check:
        async def check() -> str | None:
            return await scvp.check(self._tools.clock.now())

        return check

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
            return await problem_of(authority.signers_in_force(now))

        return check


def _request_policy(config: RequestsConfig) -> RequestPolicy:
    return RequestPolicy(
        max_certificates=config.max_certificates,
        signatures=config.signatures,
        anchors=load_certificates(config.anchors),
        requestors=load_certificates(config.requestors),
    )


def _signing_threads() -> int:
    """Return one for each core, and two where there is one: the loop needs the core as well."""
    return max(2, min(os.cpu_count() or 1, MAX_SIGNING_THREADS))


def _budget(requests: RequestsConfig) -> Callable[[], bool]:
    """Say whether one more answer may be signed now."""
    per_second = requests.signing_budget
    if per_second is None:
        return lambda: True
    return SigningBudget(per_second, requests.signing_burst or per_second).admit
