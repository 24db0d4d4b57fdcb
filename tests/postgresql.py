"""A PostgreSQL of the tests' own: started on a free port, stopped by its process id."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import psycopg

__all__ = ["PostgreSQL", "running_postgresql"]

_USER: Final = "postgres"
_PATIENCE: Final = 20.0
_SETTINGS: Final = {
    "listen_addresses": "127.0.0.1",
    "fsync": "off",
    "shared_buffers": "32MB",
    "max_connections": "100",
    "logging_collector": "off",
    "autovacuum_naptime": "1h",
}


def _as_user() -> list[str]:
    """Begin a command that must not run as root."""
    if os.geteuid() != 0:
        return []
    return ["setpriv", f"--reuid={_USER}", f"--regid={_USER}", "--clear-groups"]


class PostgreSQL:
    """A server in a folder of its own, which may be stopped, killed, frozen and started again."""

    def __init__(self, home: Path, find: Callable[[str], Path]) -> None:
        self._home = home
        self._find = find
        self._process: subprocess.Popen[bytes] | None = None
        self._databases = 0
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port: int = free.getsockname()[1]
        if os.geteuid() == 0:
            shutil.chown(home, _USER)
        self._run(
            "initdb", "-D", home / "data", "-U", _USER, "--no-sync", "-A", "trust", "-E", "UTF8"
        )

    def _run(self, name: str, *arguments: str | Path) -> None:
        command = [*_as_user(), self._find(name), *arguments]
        subprocess.run(command, cwd=self._home, check=True, capture_output=True, timeout=60)

    def url(self, name: str = "postgres") -> str:
        """Return where a database is."""
        return f"postgresql://{_USER}@127.0.0.1:{self.port}/{name}"

    def new_database(self, options: str = "") -> str:
        """Make an empty database; return its URL."""
        self._databases += 1
        name = f"books_{self._databases}"
        self.execute(f"CREATE DATABASE {name} {options}")
        return self.url(name)

    def empty(self, url: str) -> None:
        """Take every row out of a status database, past the guard of its trail."""
        tables = "issuers, issuer_hashes, certificates, crls, audit, presign_rounds, presign_claims"
        self.execute(
            f"SET session_replication_role = replica; TRUNCATE {tables} RESTART IDENTITY CASCADE",
            url,
        )

    def execute(self, statement: str, url: str | None = None) -> list[tuple[object, ...]]:
        """Run a statement as the superuser; return its rows."""
        with psycopg.connect(url or self.url(), autocommit=True) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    # --- its life ---------------------------------------------------------------------------

    def start(self) -> None:
        """Start it, and wait until it answers."""
        settings = {**_SETTINGS, "port": str(self.port), "unix_socket_directories": ""}
        options = [word for key, value in settings.items() for word in ("-c", f"{key}={value}")]
        command: list[str | Path] = [
            *_as_user(),
            self._find("postgres"),
            "-D",
            self._home / "data",
            *options,
        ]
        with (self._home / "log").open("ab") as log:
            self._process = subprocess.Popen(
                command, cwd=self._home, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        self._await_answer(self._process)

    def _await_answer(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + _PATIENCE
        while process.poll() is None and time.monotonic() < deadline:
            try:
                psycopg.connect(self.url(), connect_timeout=2).close()
            except psycopg.OperationalError:
                time.sleep(0.02)
            else:
                return
        text = (self._home / "log").read_text("utf-8", "replace")
        raise AssertionError(f"PostgreSQL does not serve: {text}")

    def kill(self) -> None:
        """End it as a power cut does: the server and every process of its own, at once."""
        if self._process is None:
            return
        # It must not see a child die, and begin anew.
        self._process.send_signal(signal.SIGSTOP)
        children = _children(self._process.pid)
        for pid in (self._process.pid, *children):
            os.kill(pid, signal.SIGKILL)
        self._process.wait()
        self._process = None
        deadline = time.monotonic() + _PATIENCE
        while any(Path(f"/proc/{pid}/fd").exists() for pid in children):
            assert time.monotonic() < deadline
            time.sleep(0.01)

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Let it hang meanwhile: connections stand, and nothing is answered."""
        assert self._process is not None
        frozen = [self._process.pid, *_children(self._process.pid)]
        _signal(frozen, signal.SIGSTOP)
        try:
            yield
        finally:
            _signal(frozen, signal.SIGCONT)


def _signal(pids: list[int], number: signal.Signals) -> None:
    """Signal those that are left: a backend may have been about to end."""
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)


def _children(pid: int) -> list[int]:
    text = Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii")
    return [int(one) for one in text.split()]


@contextmanager
def running_postgresql(find: Callable[[str], Path]) -> Iterator[PostgreSQL]:
    """Run a server, whose commands ``find`` finds; its folder is short-lived, and readable for the user that it runs as."""
    home = Path(tempfile.mkdtemp(prefix="certstatus-"))
    try:
        server = PostgreSQL(home, find)
        server.start()
        try:
            yield server
        finally:
            server.kill()
    finally:
        shutil.rmtree(home)
