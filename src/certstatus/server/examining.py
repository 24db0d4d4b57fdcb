"""Reads a configuration and all that it names as ``serve`` does, and tells what it finds.

Nothing is bound, and nobody served. What is wrong is told all at once: every setting, and
where these are right, every certificate, signer and source.
"""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Final, ParamSpec, TypeAlias, TypeVar

from certstatus.clock import Clock
from certstatus.errors import CertStatusError, ConfigError, SourceError
from certstatus.meter import NoMeter
from certstatus.pkix import Certificate, HashAlgorithm
from certstatus.responder import Authority
from certstatus.server.admin import Check
from certstatus.server.advice import advise
from certstatus.server.assembly import OCSPService
from certstatus.server.authorities import issuer_of, loaders_of
from certstatus.server.certificates import load_certificates
from certstatus.server.config import AuthorityConfig, Config, SCVPConfig, load_config, read_text
from certstatus.server.config_lines import line_of
from certstatus.server.examination import (
    Advice,
    Examination,
    ExaminedAuthority,
    ExaminedProxy,
    ExaminedSCVP,
    Fault,
)
from certstatus.server.holdings import Holdings
from certstatus.server.log import configure_library_logs, make_logger
from certstatus.server.proxies import build_proxy
from certstatus.server.scvp_assembly import (
    NAME,
    load_policy,
    load_requestors,
    load_scvp_signers,
)
from certstatus.server.scvp_evidence import load_pool
from certstatus.server.scvp_state import LookedUpState, default_state_file, load_cursor_key
from certstatus.server.signers import is_timely, refuse_untimely
from certstatus.server.sources import source_of
from certstatus.server.worker import Tools
from certstatus.sources import Answer, SourceEvent

__all__ = ["examine"]

_NO_SERIAL: Final = 0
"""Asked of a source to hear what it says of itself; no certificate has it."""

_Path: TypeAlias = tuple[str | int, ...]
_P = ParamSpec("_P")
_T = TypeVar("_T")


async def examine(file: Path, clock: Clock) -> Examination:
    """Examine a configuration file; what is wrong with it is told, not raised."""
    said = io.StringIO()
    configure_library_logs(said, as_json=True)
    log = make_logger(said, as_json=True)
    tools = Tools(clock=clock, meter=NoMeter(), log=log, index=0)
    try:
        config = load_config(file)
    except ConfigError as error:
        return Examination(file=file, config=None, faults=tuple(_of_settings(error, file)))
    try:
        service = OCSPService(lambda: config, tools, works=False)
    except CertStatusError as error:
        faults = tuple(_Parts(file, config, tools).faults()) or (_fault(error, file),)
        return Examination(file=file, config=config, faults=faults)
    try:
        await service.settle(looked_at=True)
        authorities = await _examined(config, service, clock.now())
        proxies = await _examined_proxies(config, service)
        scvp = await _examined_scvp(service)
    finally:
        await service.close()
    advice = (*_logged(said.getvalue()), *advise(file, config, authorities, clock.now()))
    return Examination(
        file=file,
        config=config,
        authorities=authorities,
        proxies=proxies,
        scvp=scvp,
        advice=advice,
    )


# --- what would run -----------------------------------------------------------------------


async def _examined(
    config: Config, service: OCSPService, now: datetime
) -> tuple[ExaminedAuthority, ...]:
    checks = service.checks
    pairs = zip(config.authority, service.authorities, strict=True)
    tasks = [_examine(one, of, checks[of.name], now) for one, of in pairs]
    return tuple(await asyncio.gather(*tasks))


async def _examine(
    config: AuthorityConfig, authority: Authority, check: Check, now: datetime
) -> ExaminedAuthority:
    nobody = authority.cert_id(_NO_SERIAL, HashAlgorithm.SHA256)
    answer: Answer | None = None
    try:
        answer = await authority.source.status(nobody, now)
    except SourceError as error:
        unready: str | None = str(error)
    else:
        unready = await check()
    return ExaminedAuthority(config=config, authority=authority, unready=unready, answer=answer)


async def _examined_proxies(config: Config, service: OCSPService) -> tuple[ExaminedProxy, ...]:
    checks = service.checks
    unready = await asyncio.gather(*(checks[one.name]() for one in service.proxies))
    return tuple(
        ExaminedProxy(config=one, proxy=proxy, unready=reason)
        for one, proxy, reason in zip(config.proxy, service.proxies, unready, strict=True)
    )


async def _examined_scvp(service: OCSPService) -> ExaminedSCVP | None:
    if service.scvp is None:
        return None
    return ExaminedSCVP(part=service.scvp, unready=await service.checks[NAME]())


def _logged(text: str) -> Iterator[Advice]:
    """Yield what was said while all was read: warnings of signers, alarms of sources."""
    for line in text.splitlines():
        event = json.loads(line)
        if event["level"] != "info":
            about = (event.get(name) for name in ("authority", "source", "certificate"))
            place = ", ".join(one for one in about if one)
            yield Advice(place, event.get("detail", event["event"]))


# --- what is wrong ------------------------------------------------------------------------


def _of_settings(error: ConfigError, file: Path) -> Iterator[Fault]:
    for one in error.settings:
        yield Fault(
            file=str(file),
            message=one.message,
            exit_code=error.exit_code,
            line=one.line,
            key=one.key,
            remedy=one.remedy,
        )


def _fault(error: CertStatusError, file: Path, path: _Path = ()) -> Fault:
    """Tell an error of the part of the configuration that stands at ``path``."""
    message, remedy, key = str(error), error.hint, path
    if isinstance(error, ConfigError):
        message = f"{error.file}: {error.message}" if error.file else error.message
        remedy = error.remedy or error.hint
        key = (*path, error.key) if error.key and not error.file else path
    return Fault(
        file=str(file),
        message=message,
        exit_code=error.exit_code,
        line=line_of(read_text(file), key),
        key=".".join(map(str, key)) or None,
        remedy=remedy,
    )


class _Parts:
    """Every part of a configuration that names files or a database, each read on its own."""

    def __init__(self, file: Path, config: Config, tools: Tools) -> None:
        self._file = file
        self._config = config
        self._tools = tools
        self._found: list[Fault] = []

    def faults(self) -> list[Fault]:
        """Read all, and list what is wrong."""
        requests = self._config.requests
        self._try(("requests",), load_certificates, (*requests.anchors, *requests.requestors))
        with Holdings() as held:
            for number, config in enumerate(self._config.authority):
                self._read(config, ("authority", number), held)
        for number, proxy in enumerate(self._config.proxy):
            self._try(("proxy", number), build_proxy, proxy, self._tools)
        if self._config.scvp is not None:
            self._read_scvp(self._config.scvp)
        return self._found

    def _try(
        self, path: _Path, read: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs
    ) -> _T | None:
        try:
            return read(*args, **kwargs)
        except CertStatusError as error:
            self._found.append(_fault(error, self._file, path))
            return None

    def _read(self, config: AuthorityConfig, path: _Path, held: Holdings) -> None:
        issuer = self._try((*path, "certificate"), issuer_of, config)
        if issuer is None:
            return  # it is the measure of signers and sources
        self._read_signers(config, issuer, path)
        clock = self._tools.clock
        for number, source in enumerate(config.source):
            self._try(
                (*path, "source", number),
                source_of,
                source,
                issuer,
                clock,
                _hear_nothing,
                held=held,
                profile=config.profile,
            )

    def _read_scvp(self, config: SCVPConfig) -> None:
        for number, signer in enumerate(config.signer):
            self._try((NAME, "signer", number), load_scvp_signers, signer, self._tools)
        for number, policy in enumerate(config.policy):
            self._try((NAME, "policy", number), load_policy, policy)
        self._try((NAME, "requestors"), load_requestors, config.requestors)
        self._try((NAME, "pool"), load_pool, config.pool)
        state_file = config.state_file or default_state_file()
        self._try((NAME, "state_file"), LookedUpState, state_file)
        if config.cursor_key_file is not None:
            self._try((NAME, "cursor_key_file"), load_cursor_key, config.cursor_key_file)

    def _read_signers(self, config: AuthorityConfig, issuer: Certificate, path: _Path) -> None:
        """Load each signer; where none is valid now, say so of each."""
        now = self._tools.clock.now()
        loaded = []
        for number, loader in enumerate(loaders_of(config, issuer, self._tools)):
            place = (*path, "signer", number)
            loaded.append((place, loader, self._try(place, loader.load, now) or ()))
        if any(is_timely(signers, issuer, now) for _, _, signers in loaded):
            return
        for place, loader, signers in loaded:
            self._try(place, refuse_untimely, signers, loader, now)


def _hear_nothing(_: SourceEvent) -> None:
    """Leave alarms alone: a fault is told as such."""
