"""The life of one worker process: load, listen, serve, reload, drain.

What it serves is made in the process itself, so private keys are read there and nowhere else.
"""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import socket
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Final, Protocol, TypeAlias

import uvloop

from certstatus import limits as defaults
from certstatus.clock import Clock
from certstatus.errors import CertStatusError
from certstatus.meter import Meter
from certstatus.responder.exchange import HTTPFace
from certstatus.server.admin import Admin, Check, admin_app
from certstatus.server.http import HTTPLimits, Listener, Server
from certstatus.server.listen import bind_tcp
from certstatus.server.log import AccessLog, Logger
from certstatus.server.metrics import Page, Tally, exposition

__all__ = ["Factory", "Listening", "Service", "Settings", "Tools", "Worker", "exit_code_of"]

_PUBLISH_SECONDS: Final = 1.0
"""How old the numbers of another worker may be in ``/metrics``."""

_READY: Final = b"ready"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How to serve. ``addresses`` and ``admin`` are host (empty for all) and port (0 for a free one)."""

    addresses: Sequence[tuple[str, int]] = ()
    unix_paths: Sequence[Path] = ()
    admin: tuple[str, int] | None = None
    workers: int = 1
    limits: HTTPLimits = field(default_factory=HTTPLimits)
    drain_time: timedelta = defaults.DRAIN_TIME
    access_log: bool = True
    log_as_json: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """What a service is made with. ``index`` numbers the workers from 0."""

    clock: Clock
    meter: Meter
    log: Logger
    index: int


class Service(Protocol):
    """What one worker serves, with its keys, sources and stores."""

    @property
    def face(self) -> HTTPFace:
        """What answers; read anew after each reload."""
        ...

    @property
    def checks(self) -> Mapping[str, Check]:
        """What must be there for the service to be ready, for ``/healthz``."""
        ...

    @property
    def details(self) -> Mapping[str, object]:
        """What else ``/healthz`` shows: plain values for JSON, by name."""
        ...

    async def reload(self) -> None:
        """Read configuration, certificates, keys and sources anew (SIGHUP).

        All or nothing: what it raises is logged as an alarm, and the old state serves on.
        """
        ...

    async def close(self) -> None:
        """Let go of files and connections; the last request is answered."""
        ...


Factory: TypeAlias = Callable[[Tools], Awaitable[Service]]
"""Makes the service, in the worker, after the fork. What it raises ends the worker's start."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listening:
    """What the supervisor has bound. ``reserved`` hold ports that each worker binds again."""

    reserved: Sequence[socket.socket] = ()
    shared: Sequence[socket.socket] = ()
    admin: Sequence[socket.socket] = ()


def exit_code_of(live: Callable[[], None], log: Logger) -> int:
    """Live a process's life, and log what ends it early; return its exit code."""
    try:
        live()
    except CertStatusError as error:
        log.error("worker_failed", error=str(error), hint=error.hint)  # noqa: TRY400 - no defect, no traceback
        return error.exit_code
    except Exception:
        log.exception("worker_failed")
        return CertStatusError.exit_code
    return 0


class Worker:
    """One worker, from its fork to its exit code."""

    def __init__(
        self,
        index: int,
        factory: Factory,
        settings: Settings,
        listening: Listening,
        pages: Sequence[Page],
        *,
        log: Logger,
        clock: Clock,
    ) -> None:
        self._index = index
        self._factory = factory
        self._settings = settings
        self._listening = listening
        self._pages = pages
        self._clock = clock
        self._log = log.bind(worker=index, pid=os.getpid())
        self._tally = Tally()
        self._stop: asyncio.Event
        self._reloads: asyncio.Task[None] | None = None
        self._reload_asked = False

    def run(self, ready: int, lifeline: int) -> int:
        """Live. Writes to the descriptor ``ready`` when it serves; drains when ``lifeline`` ends.

        Returns:
            The exit code: 0 after a drain, else that of the error that kept it from serving.
        """
        sys.setswitchinterval(defaults.THREAD_TURN_TIME.total_seconds())

        def live() -> None:
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                runner.run(self._live(ready, lifeline))

        return exit_code_of(live, self._log)

    async def _live(self, ready: int, lifeline: int) -> None:
        self._stop = asyncio.Event()
        tools = Tools(clock=self._clock, meter=self._tally, log=self._log, index=self._index)
        self._tally.take_up(self._page.read())
        service = await self._factory(tools)
        # What was loaded stays: the collector need not walk through it again and again.
        gc.freeze()
        try:
            await self._serve(service, ready, lifeline)
        finally:
            await service.close()

    async def _serve(self, service: Service, ready: int, lifeline: int) -> None:
        loop = asyncio.get_running_loop()
        access = AccessLog(self._clock, self._tally, as_json=self._settings.log_as_json)
        server = self._server(service, access)
        await server.start(self._sockets())
        admin = await self._start_admin(service)
        loop.add_signal_handler(signal.SIGTERM, self._stop.set)
        loop.add_signal_handler(signal.SIGHUP, self._ask_reload, service, server)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGHUP})
        loop.add_reader(lifeline, self._stop.set)
        publisher = asyncio.create_task(self._publish_each_second())
        os.write(ready, _READY)
        os.close(ready)
        await self._stop.wait()
        loop.remove_reader(lifeline)
        cut = await server.drain(self._settings.drain_time)
        if self._reloads is not None:
            self._reloads.cancel()
        if admin is not None:
            await admin.stop()
        publisher.cancel()
        access.flush()
        self._publish()
        self._log.info("worker_drained", cut=cut)

    def _server(self, service: Service, access: AccessLog) -> Server:
        hears: list[Listener] = [self._tally.hear]
        if self._settings.access_log:
            hears.append(access)
        server = Server(
            service.face,
            clock=self._clock,
            log=self._log,
            limits=self._settings.limits,
            meter=self._tally,
            listeners=hears,
        )
        self._tally.watch("connections", lambda: server.connections)
        self._tally.watch("connections_waiting", lambda: server.turns.waiting)
        return server

    def _sockets(self) -> list[socket.socket]:
        """Bind the reserved ports again, for this worker alone; share the Unix sockets."""
        own: list[socket.socket] = []
        for reserved in self._listening.reserved:
            host, port = reserved.getsockname()[:2]
            own += bind_tcp(host, port, reuse_port=True)
            reserved.close()
        return [*own, *self._listening.shared]

    async def _start_admin(self, service: Service) -> Admin | None:
        """Serve the admin port: any worker can, for each has the metrics of all."""
        if not self._listening.admin:
            return None
        admin = Admin(admin_app(lambda: service.checks, self._metrics, lambda: service.details))
        await admin.start(self._listening.admin)
        return admin

    # --- reload ----------------------------------------------------------------------------

    def _ask_reload(self, service: Service, server: Server) -> None:
        """Reload; when a reload is under way, once more after it."""
        self._reload_asked = True
        if self._reloads is None or self._reloads.done():
            self._reloads = asyncio.create_task(self._reload(service, server))

    async def _reload(self, service: Service, server: Server) -> None:
        while self._reload_asked:
            self._reload_asked = False
            try:
                await service.reload()
            except CertStatusError as error:
                self._log.critical("reload_failed", error=str(error), hint=error.hint)
                self._tally.count("reloads", outcome="failed")
            except Exception:  # noqa: BLE001 (a defect must not end what serves well)
                self._log.critical("reload_failed", exc_info=True)
                self._tally.count("reloads", outcome="failed")
            else:
                server.face = service.face
                self._log.info("reloaded")
                self._tally.count("reloads", outcome="good")

    # --- metrics ---------------------------------------------------------------------------

    @property
    def _page(self) -> Page:
        return self._pages[self._index]

    def _publish(self) -> None:
        self._page.write(self._tally.snapshot())

    async def _publish_each_second(self) -> None:
        while True:
            self._publish()
            await asyncio.sleep(_PUBLISH_SECONDS)

    def _metrics(self) -> bytes:
        self._publish()
        return exposition(self._pages)
