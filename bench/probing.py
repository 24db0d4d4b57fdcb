"""How long a probe of a thousand hosts takes.

They are addresses of loopback's net, all served by one process, which shakes hands as fast
as one core can; so the figure is what both sides of the handshakes cost together.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import ssl
import tempfile
import time
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Final, cast

from certstatus.staple import Stapler
from certstatus.testing import TinyCA
from certstatus.tls import staple
from certstatus.tls.host import Host
from certstatus.tls.probe import ProbeOptions, probe_many
from certstatus.verify import Verdict
from tests.shaking import Shelf, server_context

__all__ = ["Probing", "measure_probing"]

HOSTS: Final = 1_000
NAME: Final = "leaf.example"


@dataclass(frozen=True)
class Probing:
    """A probe of many hosts: how many at once, and how long it took in all."""

    hosts: int
    concurrency: int
    handshakes: int
    seconds: float


def measure_probing(concurrencies: tuple[int, ...] = (10, 100)) -> list[Probing]:
    """Probe all hosts, by several numbers at once."""
    ca = TinyCA("Bench CA")
    with tempfile.TemporaryDirectory() as folder:
        context = _stapling_server(ca, Path(folder))
        ours, theirs = multiprocessing.Pipe()
        process = multiprocessing.get_context("fork").Process(target=_serve, args=(context, theirs))
        process.start()
        try:
            port = ours.recv()
            return [asyncio.run(_probe(ca, port, one)) for one in concurrencies]
        finally:
            process.terminate()
            process.join()


def _stapling_server(ca: TinyCA, folder: Path) -> ssl.SSLContext:
    leaf = ca.issue_server(NAME)
    context = server_context(leaf, [ca.certificate], folder)
    shelf = Shelf()
    shelf.put(ca, leaf.certificate)
    staple(context, cast("Stapler", shelf))
    return context


def _serve(context: ssl.SSLContext, ready: Connection) -> None:
    async def run() -> None:
        async def greet(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.close()

        everywhere = "0.0.0.0"  # noqa: S104 - each address of loopback's net is a host
        server = await asyncio.start_server(greet, everywhere, 0, ssl=context, backlog=1_024)
        ready.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(run())


async def _probe(ca: TinyCA, port: int, concurrency: int) -> Probing:
    hosts = [Host(f"127.1.{one // 250}.{one % 250 + 1}", port) for one in range(HOSTS)]
    options = ProbeOptions(server_name=NAME, anchors=(ca.certificate,), is_compared=False)
    started = time.perf_counter()
    good = handshakes = 0
    async for result in probe_many(hosts, options, concurrency=concurrency):
        good += result.verdict is Verdict.GOOD
        handshakes += len(result.handshakes)
    if good != HOSTS:
        raise SystemExit(f"only {good} of {HOSTS} hosts were found good")
    return Probing(HOSTS, concurrency, handshakes, time.perf_counter() - started)
