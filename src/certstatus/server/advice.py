"""What works, and a careful operator would do otherwise: of a configuration, one line each."""

from __future__ import annotations

import os
import stat
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import gettempdir
from typing import Final

from certstatus.limits import MIN_WISE_VALIDITY
from certstatus.path import RevocationRule
from certstatus.responder import UnlistedMode
from certstatus.server.config import Config, SCVPConfig, ServerConfig
from certstatus.server.config_values import duration_text, without_login
from certstatus.server.examination import Advice, ExaminedAuthority
from certstatus.sources import NotOurs, Unlisted

__all__ = ["advise"]

_LOOPBACK: Final = ("127.", "::1", "localhost")
_PASSING: Final = ("/dev/shm", "/run", "/tmp", "/var/tmp")  # noqa: S108 - named to warn of them


def advise(
    file: Path, config: Config, authorities: Sequence[ExaminedAuthority], now: datetime
) -> Iterator[Advice]:
    """Yield what could be better; ``now`` is aware UTC."""
    yield from _of_server(config.server)
    yield from _of_files(file, config)
    yield from _of_names(authorities)
    if config.scvp is not None:
        yield from _of_scvp(config.scvp, config.server)
    for one in authorities:
        for rule in _OF_AUTHORITY:
            for text in rule(one, now):
                yield Advice(one.authority.name, text)


def _of_server(server: ServerConfig) -> Iterator[Advice]:
    if server.admin_port is None:
        text = "is not set: nobody can ask /healthz and /metrics how it goes"
        yield Advice("server.admin_port", text)
    elif not server.admin_host.startswith(_LOOPBACK):
        text = f"{server.admin_host} is open to the network, and /metrics with it"
        yield Advice("server.admin_host", text)
    same_host = server.admin_host == server.host
    if same_host and server.admin_port == server.port and server.port:
        yield Advice("server.admin_port", f"{server.port} is the port of [server] too")


def _of_names(authorities: Iterable[ExaminedAuthority]) -> Iterator[Advice]:
    for name, times in Counter(one.authority.name for one in authorities).items():
        if times > 1:
            text = f"is the name of {times} authorities: logs and metrics can't tell them apart"
            yield Advice(name, text)


def _of_scvp(scvp: SCVPConfig, server: ServerConfig) -> Iterator[Advice]:
    if scvp.behind_tls and not server.host.startswith(_LOOPBACK):
        text = f"{server.host} is open to the network: whoever comes by it comes without TLS"
        yield Advice("scvp.behind_tls", text)
    if scvp.allow_private_addresses and scvp.fetch:
        text = "whoever asks can have this machine fetch from its private network"
        yield Advice("scvp.allow_private_addresses", text)
    for number, policy in enumerate(scvp.policy):
        is_open = RevocationRule.NONE in {policy.revocation, policy.ca_revocation}
        if is_open:
            text = f"{policy.label} asks for no status: what is revoked is valid under it"
            yield Advice(f"scvp.policy.{number}", text)
        if policy.user_policies and not policy.require_explicit_policy:
            text = (
                f"{policy.label}: user_policies without require_explicit_policy hold nobody (S23)"
            )
            yield Advice(f"scvp.policy.{number}", text)


# --- files ----------------------------------------------------------------------------------


def _of_files(file: Path, config: Config) -> Iterator[Advice]:
    for one in sorted({file, *_named(config)}):
        mode = _mode(one)
        if mode & stat.S_IWOTH and not mode & stat.S_ISVTX:
            yield Advice(str(one), "anybody may write it, and so decide what is answered")
    for authority in config.authority:
        for database in filter(None, (one.database for one in authority.source)):
            yield from _of_database(database, file)


def _named(config: Config) -> Iterator[Path]:
    """Yield the files and folders that decide what is answered."""
    for authority in config.authority:
        yield authority.certificate
        for source in authority.source:
            crls = (one for one in source.crl or () if isinstance(one, Path))
            files = (source.index, source.crt, source.issued, source.crl_folder, *crls)
            yield from filter(None, files)
            yield from source.upstream_signers
            if source.database is not None and "://" not in source.database:
                yield Path(source.database)
    for proxy in config.proxy:
        yield from (*proxy.certificate, *proxy.upstream_signers)
    if config.scvp is not None:
        requestors = config.scvp.requestors
        yield from (*requestors.certificates, *requestors.anchors, *config.scvp.pool)
        for policy in config.scvp.policy:
            yield from policy.anchors


def _of_database(location: str, file: Path) -> Iterator[Advice]:
    path = location.removeprefix("sqlite:///")
    if "://" not in path and _is_passing(Path(path)):
        yield Advice(path, "is in a folder that is emptied now and then: keep a database elsewhere")
    if without_login(location) != location and _mode(file) & stat.S_IROTH:
        yield Advice(str(file), "holds a database's password, and anybody may read it")


def _is_passing(path: Path) -> bool:
    folders = (*_PASSING, gettempdir())
    return any(path.resolve().is_relative_to(Path(folder).resolve()) for folder in folders)


def _mode(path: Path) -> int:
    try:
        return os.stat(path).st_mode  # noqa: PTH116 - a path that is no name at all is none
    except (OSError, ValueError):
        return 0


# --- an authority ---------------------------------------------------------------------------


def _of_unlisted(one: ExaminedAuthority, _: datetime) -> Iterator[str]:
    """C10: who lists the revoked alone knows of nobody that he is good."""
    mode = one.authority.policy.unlisted_mode
    if mode is UnlistedMode.GOOD:
        yield (
            'unlisted = "good": a certificate that the CA never issued is called good (C10); '
            "a list of what was issued (issued, a database, an index) tells them apart"
        )
    elif isinstance(one.answer, Unlisted) and not one.answer.lists_issued:
        yield (
            "its sources list what was revoked, not what was issued (C10): every certificate in "
            f'good standing is answered {mode}; name issued, or write unlisted = "good"'
        )


def _of_coverage(one: ExaminedAuthority, _: datetime) -> Iterator[str]:
    if isinstance(one.answer, Unlisted) and not one.answer.is_covered:
        yield "its CRLs leave out certificates or reasons, and of those nothing is known (C5)"


def _of_ends(one: ExaminedAuthority, now: datetime) -> Iterator[str]:
    """Say what ends soon; of signers the gate has said so."""
    answer = one.answer
    if isinstance(answer, NotOurs | None) or answer.next_update is None:
        return
    left = answer.next_update - now
    if left < _SOON:
        yield f"its statuses count until {answer.next_update:%F %TZ}, and no longer"


def _of_validity(one: ExaminedAuthority, _: datetime) -> Iterator[str]:
    validity = one.authority.policy.validity
    if validity < MIN_WISE_VALIDITY:
        yield (
            f'validity = "{duration_text(validity)}": an outage of that length leaves clients '
            f"without an answer; {duration_text(MIN_WISE_VALIDITY)} is the least that the Baseline "
            "Requirements allow"
        )


_SOON: Final = timedelta(hours=1)
_OF_AUTHORITY: Final[Sequence[Callable[[ExaminedAuthority, datetime], Iterator[str]]]] = (
    _of_unlisted,
    _of_coverage,
    _of_ends,
    _of_validity,
)
