"""What ``certstatus serve`` does: options or a file to configuration, and the server run on it."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, TypeAlias

from certstatus.cli.output import note
from certstatus.clock import SystemClock
from certstatus.errors import ConfigError
from certstatus.meter import NoMeter
from certstatus.server import HTTPLimits, Ready, Settings, Tools, make_logger, serve, wants_json
from certstatus.server.assembly import OCSPService
from certstatus.server.config import Config, ServerConfig, load_config, parse_config
from certstatus.server.log import configure_library_logs

__all__ = ["load_from_file", "load_from_options", "run"]

Load: TypeAlias = Callable[[], Config]

_SERVER: Final = ("host", "port", "path", "workers", "admin_port", "access_log")
_AUTHORITY: Final = ("unlisted", "nonce", "validity", "profile")
_SOURCES: Final = ("database", "index", "crl")


def load_from_file(file: Path) -> Load:
    """Read the configuration from a file, each time anew."""
    return lambda: load_config(file)


def load_from_options(options: Mapping[str, Any]) -> Load:
    """Make the configuration of one CA from the command line's options.

    Raises:
        ConfigError: what one CA needs at the least is missing.
    """
    if "ca" not in options:
        raise ConfigError("names no CA", key="--ca", remedy="name --ca, or --config")
    if not {"key", "pkcs12"} & options.keys():
        raise ConfigError("names no key", key="--key", remedy="name --key, or --pkcs12")
    sources = [{name: str(options[name])} for name in _SOURCES if name in options]
    if not sources:
        raise ConfigError(
            "names no source", key="--database", remedy="name --database, --index or --crl"
        )
    table = {
        "server": {name: options[name] for name in _SERVER if name in options},
        "authority": [
            {
                "certificate": str(options["ca"]),
                **{name: options[name] for name in _AUTHORITY if name in options},
                "signer": [_signer(options)],
                "source": sources,
            }
        ],
    }
    base = Path.cwd()
    return lambda: parse_config(table, file=None, base=base)


def _signer(options: Mapping[str, Any]) -> dict[str, str]:
    """Name the signer; with a key alone, the CA signs its answers itself."""
    named = {
        name: str(options[option])
        for option, name in (
            ("key", "key"),
            ("signer", "certificate"),
            ("pkcs12", "pkcs12"),
            ("password_file", "password_file"),
        )
        if option in options
    }
    if "key" in named:
        named.setdefault("certificate", str(options["ca"]))
    return named


def run(load: Load, *, check_only: bool) -> int:
    """Serve until a signal ends it, or only read everything once.

    Returns:
        The exit code.

    Raises:
        ConfigError: a setting is wrong, or an address can't be listened on.
        SignerError, SourceError: with ``check_only``, as ``OCSPService``.
    """
    config = load()
    configure_library_logs()
    as_json = wants_json(sys.stderr)
    log = make_logger(as_json=as_json)
    if check_only:
        tools = Tools(clock=SystemClock(), meter=NoMeter(), log=log, index=0)
        asyncio.run(_check(load, tools))
        return 0

    async def factory(tools: Tools) -> OCSPService:
        return OCSPService(load, tools)

    def ready(at: Ready) -> None:
        if not as_json:
            urls = " ".join(f"http://{one}{config.server.path}" for one in at.addresses)
            note(f"answering at {urls} - Ctrl-C ends it")

    return serve(factory, _settings(config.server, as_json=as_json), log=log, ready=ready)


async def _check(load: Load, tools: Tools) -> None:
    service = OCSPService(load, tools)
    try:
        for name, check in service.checks.items():
            reason = await check()
            note(f"{name}: {reason or 'ready'}")
    finally:
        await service.close()


def _settings(server: ServerConfig, *, as_json: bool) -> Settings:
    has_admin = server.admin_port is not None
    return Settings(
        addresses=[(server.host, server.port)],
        admin=(server.admin_host, server.admin_port or 0) if has_admin else None,
        workers=server.workers,
        limits=HTTPLimits(
            body=server.max_request_bytes,
            connections=server.max_connections,
            idle_time=server.idle_time,
            read_time=server.read_time,
        ),
        drain_time=server.drain_time,
        access_log=server.access_log,
        log_as_json=as_json,
    )
