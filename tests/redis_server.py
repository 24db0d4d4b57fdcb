"""A Redis of the tests' own: started on a free port, stopped by its process id."""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import redis

__all__ = ["RedisServer", "running_redis"]

_PATIENCE: Final = 20.0


class RedisServer:
    """A server in a folder of its own, which may be killed, frozen and started again, empty."""

    def __init__(self, home: Path, command: Path, *options: str) -> None:
        self._home = home
        self._command = command
        self._options = options
        self._process: subprocess.Popen[bytes] | None = None
        self._databases = 0
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port: int = free.getsockname()[1]

    @property
    def url(self) -> str:
        """Where it is, with a database that no test before has had."""
        self._databases = (self._databases + 1) % 1_000
        return f"redis://127.0.0.1:{self.port}/{self._databases}"

    def start(self) -> None:
        """Start it, and wait until it answers."""
        arguments = ["--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self._home)]
        arguments += ["--save", "", "--appendonly", "no", "--databases", "1000", *self._options]
        with (self._home / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [self._command, *arguments], stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        deadline = time.monotonic() + _PATIENCE
        while not self._answers():
            assert self._process.poll() is None, (self._home / "log").read_text("utf-8")
            assert time.monotonic() < deadline
            time.sleep(0.01)

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1):
                return True
        except OSError:
            return False

    def client(self, url: str) -> redis.Redis:
        """Look into it by another client than ours: a plain one, without asyncio."""
        return redis.Redis.from_url(url, protocol=2)

    def kill(self) -> None:
        """End it at once, with all that it holds."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(_PATIENCE)
            self._process = None

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Let it hang meanwhile: connections stand, and nothing is answered."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._process.send_signal(signal.SIGCONT)


@contextmanager
def running_redis(find: Callable[[str], Path], *options: str) -> Iterator[RedisServer]:
    """Run a server, whose command ``find`` finds."""
    home = Path(tempfile.mkdtemp(prefix="certstatus-"))
    try:
        server = RedisServer(home, find("redis-server"), *options)
        server.start()
        try:
            yield server
        finally:
            server.kill()
    finally:
        shutil.rmtree(home)
