"""Forks processes that run ``certstatus``, warmed up, so that one to be killed costs milliseconds.

Its input is a line of JSON for each: ``args``, ``cwd``, ``output`` (a file for stdout and
stderr) and ``file_size`` (the most octets that a file may reach, or null). It answers with
the process's id, and with how it ended: its exit code, or the negative number of the signal.
"""

from __future__ import annotations

import json
import os
import resource
import sys
from typing import Any

import psycopg  # noqa: F401 - warms up
import sqlalchemy.dialects.postgresql.psycopg
import sqlalchemy.dialects.sqlite.pysqlite  # noqa: F401 - warms up

from certstatus import sources
from certstatus.cli import main
from certstatus.cli.db import command as _command
from certstatus.cli.presign import command as _presign
from certstatus.cli.signer import command as _signer
from certstatus.server import renewing as _renewing
from certstatus.sources.database import postgresql as _postgresql


def live(order: dict[str, Any]) -> int:
    """Run the command in this process; return its exit code."""
    output = os.open(order["output"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.chdir(order["cwd"])
    if order["file_size"] is not None:
        _, most = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (order["file_size"], most))
    try:
        main(order["args"])
    except SystemExit as end:
        return int(end.code or 0)
    raise AssertionError("a command ends with an exit code")


def bear(order: dict[str, Any]) -> int:
    """Fork a process that runs the command and nothing else; return its id."""
    pid = os.fork()
    if pid == 0:
        code = 70
        try:
            code = live(order)
            sys.stdout.flush()
            sys.stderr.flush()
        finally:
            os._exit(code)
    return pid


def say(word: object) -> None:
    """Write a line."""
    sys.stdout.write(f"{word}\n")
    sys.stdout.flush()


def tend() -> None:
    """Bear a process for each line of the input, one after the other."""
    warm = (
        sources.StatusDatabase,
        sources.import_file,
        _command,
        _postgresql,
        _signer,
        _renewing,
        _presign,
    )
    assert all(warm)
    say("ready")
    for line in sys.stdin:
        pid = bear(json.loads(line))
        say(pid)
        _, status = os.waitpid(pid, 0)
        say(os.waitstatus_to_exitcode(status))


if __name__ == "__main__":
    tend()
