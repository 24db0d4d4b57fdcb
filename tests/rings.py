"""Responders that ask each other in a circle, each with more time for it than its clients have."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from tests.responding import Responding
from tests.stapling import free_port

PATIENT = 'upstream_url_time = "60s"\nupstream_time = "120s"\n'
"""Settings of an upstream: whoever waits for the time to be up is given up by its client first."""


@contextmanager
def circle(size: int, folder: Path, tables: Callable[[str], str]) -> Iterator[list[Responding]]:
    """Run a circle; ``tables`` writes the configuration of one that asks a URL."""
    ports = [free_port() for _ in range(size)]
    members = []
    for number, port in enumerate(ports):
        after = ports[(number + 1) % size]
        file = folder / f"{port}.toml"
        server = f"[server]\nport = {port}\naccess_log = false\n"
        file.write_text(server + tables(f"http://127.0.0.1:{after}/"))
        members.append(Responding(["--config", str(file)], folder))
    with ThreadPoolExecutor(size) as pool:
        starts = [pool.submit(one.__enter__) for one in members]
    try:
        yield [one.result() for one in starts]
    finally:
        for one, start in zip(members, starts, strict=True):
            if start.exception() is None:
                one.end()
