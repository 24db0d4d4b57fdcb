"""The admin port: ``/healthz`` and ``/metrics``, away from the port that clients use."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from typing import Final, TypeAlias

import uvicorn
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from certstatus.limits import HEALTH_CHECK_TIME

__all__ = ["Admin", "Check", "admin_app"]

Check: TypeAlias = Callable[[], Awaitable[str | None]]
"""Looks whether something needed is there: None, or the reason why not."""

_NO_STORE: Final = {"Cache-Control": "no-store"}


def admin_app(
    checks: Callable[[], Mapping[str, Check]],
    metrics: Callable[[], bytes],
    details: Callable[[], Mapping[str, object]] = dict,
) -> Starlette:
    """Make the app; ``checks`` returns what to check now, ``metrics`` the Prometheus text.

    ``details`` returns what else ``/healthz`` shows, by name.

    ``/healthz`` answers at all: the worker lives. 200: it is ready. 503: ``reasons`` names
    each check that failed, and why.
    """

    async def healthz(_request: Request) -> Response:
        reasons = await _reasons(checks())
        return JSONResponse(
            {"live": True, "ready": not reasons, "reasons": reasons, **details()},
            503 if reasons else 200,
            headers=_NO_STORE,
        )

    async def show_metrics(_request: Request) -> Response:
        return Response(metrics(), media_type=CONTENT_TYPE_LATEST, headers=_NO_STORE)

    return Starlette(routes=[Route("/healthz", healthz), Route("/metrics", show_metrics)])


async def _reasons(checks: Mapping[str, Check]) -> dict[str, str]:
    outcomes = await asyncio.gather(*(_outcome(check) for check in checks.values()))
    return {name: why for name, why in zip(checks, outcomes, strict=True) if why is not None}


async def _outcome(check: Check) -> str | None:
    try:
        async with asyncio.timeout(HEALTH_CHECK_TIME.total_seconds()):
            return await check()
    except TimeoutError:
        return f"no answer within {HEALTH_CHECK_TIME.total_seconds():g} s"
    except Exception as error:  # noqa: BLE001 (a check that breaks is a check that fails)
        return f"{type(error).__name__}: {error}"


class Admin:
    """Runs an app on bound sockets beside the rest of a worker's event loop."""

    def __init__(self, app: Starlette) -> None:
        config = uvicorn.Config(
            app, log_config=None, access_log=False, lifespan="off", timeout_graceful_shutdown=1
        )
        self._server = _Uvicorn(config)
        self._running: asyncio.Task[None] | None = None

    async def start(self, sockets: Sequence[socket.socket]) -> None:
        """Listen; return when requests are served."""
        self._running = asyncio.create_task(self._server.serve(sockets=list(sockets)))
        begun = asyncio.create_task(self._server.begun.wait())
        await asyncio.wait({self._running, begun}, return_when=asyncio.FIRST_COMPLETED)
        if self._running.done():
            begun.cancel()
            await self._running

    async def stop(self) -> None:
        """End within about a second."""
        self._server.should_exit = True
        if self._running is not None:
            await self._running


class _Uvicorn(uvicorn.Server):
    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.begun = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, and say so."""
        await super().startup(sockets)
        self.begun.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to the worker."""
        yield
