"""What ``certstatus serve`` does: options or a file to configuration, and the server run on it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self, TypeAlias

from certstatus.cli.output import note
from certstatus.clock import SystemClock
from certstatus.errors import CertStatusError, ConfigError, SourceError
from certstatus.meter import NoMeter
from certstatus.server import (
    Calls,
    Factory,
    Helper,
    HTTPLimits,
    Logger,
    Ready,
    Settings,
    Tools,
    make_logger,
    serve,
    wants_json,
)
from certstatus.server.assembly import OCSPService
from certstatus.server.config import (
    Config,
    PresignConfig,
    ServerConfig,
    load_config,
    parse_config,
)
from certstatus.server.log import configure_library_logs

__all__ = ["load_from_file", "load_from_options", "run"]

Load: TypeAlias = Callable[[], Config]

_MAX_WORDS: Final = 600
"""Characters of an error that a worker hands on: escaped, they fit one write to a pipe (PIPE_BUF)."""

_SERVER: Final = ("host", "port", "path", "workers", "admin_port", "access_log")
_AUTHORITY: Final = ("unlisted", "nonce", "validity", "profile")
_SOURCES: Final = ("database", "index", "crl", "crt", "upstream")


def load_from_file(file: Path) -> Load:
    """Read the configuration from a file, each time anew."""
    return lambda: load_config(file)


def load_from_options(options: Mapping[str, Any]) -> Load:
    """Make the configuration of one CA, or of a proxy, from the command line's options.

    Raises:
        ConfigError: what one CA needs at the least is missing, or does not go together.
    """
    if "ca" not in options:
        raise ConfigError("names no CA", key="--ca", remedy="name --ca, or --config")
    table: dict[str, Any] = {"server": {name: options[name] for name in _SERVER if name in options}}
    if "proxy" in options:
        table["proxy"] = [_proxy(options)]
    else:
        table["authority"] = [_authority(options)]
    if "store" in options:
        table["store"] = {"url": options["store"]}
    base = Path.cwd()
    return lambda: parse_config(table, file=None, base=base)


def _proxy(options: Mapping[str, Any]) -> dict[str, Any]:
    """Name whom to ask for which CAs; who hands on what others signed signs nothing."""
    stray = options.keys() - {"ca", "proxy", "nonce", "store", *_SERVER}
    if stray:
        raise ConfigError(
            "does not go with --proxy, which signs nothing",
            key=f"--{min(stray).replace('_', '-')}",
            remedy="leave it out, or write --upstream in place of --proxy",
        )
    named = {"certificate": _named(options["ca"]), "upstream": _named(options["proxy"])}
    return named | {name: options[name] for name in ("nonce",) if name in options}


def _authority(options: Mapping[str, Any]) -> dict[str, Any]:
    """Name the CA, its signer and its sources."""
    if len(options["ca"]) > 1:
        raise ConfigError(
            "names several CAs", key="--ca", remedy="name one, or write a file for --config"
        )
    if not {"key", "pkcs12"} & options.keys():
        raise ConfigError("names no key", key="--key", remedy="name --key, or --pkcs12")
    sources = [{name: _named(options[name])} for name in _SOURCES if name in options]
    if not sources:
        raise ConfigError(
            "names no source",
            key="--database",
            remedy="name --database, --index, --crl, --crt or --upstream; or --proxy alone",
        )
    return {
        "certificate": str(options["ca"][0]),
        **{name: options[name] for name in _AUTHORITY if name in options},
        "signer": [_signer(options)],
        "source": sources,
    }


def _named(value: Any) -> str | list[str]:
    """Write one path or URL, or several, as a configuration file does."""
    return [str(one) for one in value] if isinstance(value, tuple) else str(value)


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
        named.setdefault("certificate", str(options["ca"][0]))
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
        return asyncio.run(_check(load, tools))

    with _LastWords() as words:

        async def factory(tools: Tools) -> OCSPService:
            with words.kept():
                service = OCSPService(load, tools)
                await service.settle()
                await service.warm_up()
                return service

        with _helper(config, load, words) as helper:
            return _serve(factory, config, log, words, helper, as_json=as_json)


def _serve(
    factory: Factory,
    config: Config,
    log: Logger,
    words: _LastWords,
    helper: Helper | None,
    *,
    as_json: bool,
) -> int:
    """Serve, and tell a person where to ask, or why it never came to that."""
    was_ready = False

    def ready(at: Ready) -> None:
        nonlocal was_ready
        was_ready = True
        if not as_json:
            urls = " ".join(f"http://{one}{path}" for one in at.addresses for path in paths)
            note(f"answering at {urls} - Ctrl-C ends it")

    server, paths = config.server, _paths(config)
    settings = _settings(server, as_json=as_json)
    code = serve(factory, settings, log=log, ready=ready, helper=helper)
    if code and not was_ready:
        words.tell()
    return code


def _paths(config: Config) -> list[str]:
    """List where is answered: OCSP, SCVP, or both."""
    ocsp = [config.server.path] if config.authority or config.proxy else []
    return ocsp if config.scvp is None else [*ocsp, config.scvp.path]


@contextlib.contextmanager
def _helper(config: Config, load: Load, words: _LastWords) -> Iterator[Helper | None]:
    """Give what keeps stored answers fresh beside the workers, where that is configured."""
    if config.presign is None:
        yield None
        return
    # Heavy, and not for every server.
    from certstatus.presign import Job, claims_database, keep_fresh  # noqa: PLC0415

    with claims_database(config, config.presign, frozenset()) as claims_at:

        def job() -> Job:
            wishes = load().presign or PresignConfig()
            return Job(load=load, only_due=True, claims_at=claims_at, wishes=wishes)

        async def helper(tools: Tools, calls: Calls) -> None:
            with words.kept():
                await keep_fresh(job, tools, calls)

        yield helper


class _LastWords:
    """Why the first worker could not start, on its way through a pipe to the command.

    Workers are other processes, and their log is for programs: a person is told once, last.
    """

    def __enter__(self) -> Self:
        self._ends = os.pipe()
        for end in self._ends:
            os.set_blocking(end, False)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for end in self._ends:
            os.close(end)

    @contextlib.contextmanager
    def kept(self) -> Iterator[None]:
        """Keep the error that ends a worker's start; it goes on."""
        try:
            yield
        except CertStatusError as error:
            line = json.dumps([str(error)[:_MAX_WORDS], error.hint]) + "\n"
            with contextlib.suppress(BlockingIOError):  # nobody reads once all have been ready
                os.write(self._ends[1], line.encode())
            raise

    def tell(self) -> None:
        """Say the first that was kept, if any was."""
        with contextlib.suppress(BlockingIOError):
            first, _, _ = os.read(self._ends[0], 1 << 16).partition(b"\n")
            text, hint = json.loads(first)
            note(f"certstatus: {text}")
            note(f"  {hint}")


async def _check(load: Load, tools: Tools) -> int:
    """Say of each authority whether it would answer; return the exit code."""
    service = OCSPService(load, tools, works=False)
    try:
        await service.settle(looked_at=True)
        reasons = {name: await check() for name, check in service.checks.items()}
    finally:
        await service.close()
    for name, reason in reasons.items():
        note(f"{name}: {reason or 'ready'}")
    return SourceError.exit_code if any(reasons.values()) else 0


def _settings(server: ServerConfig, *, as_json: bool) -> Settings:
    has_admin = server.admin_port is not None
    return Settings(
        addresses=[(server.host, server.port)],
        admin=(server.admin_host, server.admin_port or 0) if has_admin else None,
        workers=server.workers or len(os.sched_getaffinity(0)),
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
