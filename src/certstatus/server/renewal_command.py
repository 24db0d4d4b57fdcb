"""The command that has a new certificate issued: with a time limit, and nothing left running."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Final

from certstatus.errors import SignerError
from certstatus.limits_signers import RENEWAL_TIME
from certstatus.signing.pkcs11_pin import PIN_VARIABLE

__all__ = ["run_command"]

_LOOK_SECONDS: Final = 0.1
_MAX_SAID: Final = 400
"""Characters of what it said that an alarm repeats: the end, where the reason stands."""


def run_command(
    command: Sequence[str],
    names: Mapping[str, str],
    *,
    lock: int,
    stop: threading.Event | None = None,
) -> None:
    """Run a command to its end; ``names`` join its environment, and the PIN of a token does not.

    It holds the lock, an open descriptor, for as long as it runs, whatever becomes of us. When
    ``stop`` is set, or its time is up, it and all that it has started are killed.

    Raises:
        SignerError: it could not be started, failed, or took too long.
    """
    environment = {**os.environ, **names}
    environment.pop(PIN_VARIABLE, None)
    with tempfile.TemporaryFile() as said:
        try:
            process = subprocess.Popen(  # noqa: S603 (the configuration names it, as its owner wants)
                command,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=subprocess.STDOUT,
                env=environment,
                cwd=Path("/"),
                pass_fds=(lock,),
                start_new_session=True,
            )
        except OSError as error:
            reason = error.strerror or type(error).__name__
            raise SignerError(f"{command[0]}: can't be run: {reason}") from error
        with process:
            problem = _wait(process, stop)
        if problem is not None:
            raise SignerError(f"{command[0]}: {problem}{_tail(said)}")


def _wait(process: subprocess.Popen[bytes], stop: threading.Event | None) -> str | None:
    """Return what went wrong, None for nothing."""
    end = time.monotonic() + RENEWAL_TIME.total_seconds()
    problem = None
    while problem is None:
        try:
            code = process.wait(_LOOK_SECONDS)
        except subprocess.TimeoutExpired:
            if stop is not None and stop.is_set():
                problem = "was stopped, since the responder ends"
            elif time.monotonic() >= end:
                problem = f"took longer than {RENEWAL_TIME.total_seconds():g} s"
        else:
            return None if code == 0 else f"ended with {code}"
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    return problem


def _tail(said: IO[bytes]) -> str:
    size = said.seek(0, os.SEEK_END)
    said.seek(max(0, size - _MAX_SAID))
    text = said.read().decode("utf-8", "replace").strip()
    return f": {text}" if text else ""
