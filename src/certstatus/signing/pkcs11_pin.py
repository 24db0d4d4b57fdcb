"""The PIN of a token: where it comes from, and which were refused. Three wrong ones lock many a token.

Its law: a PIN that a token refused is not said to it a second time, neither by this process
nor by its parent, its children and theirs: ``keys`` sees to it that forks share what is known.
"""

from __future__ import annotations

import contextlib
import fcntl
import hmac
import mmap
import os
import secrets
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from certstatus.errors import ConfigError, SignerError
from certstatus.limits_signers import LOGIN_WAIT_TIME, MAX_PIN_BYTES, MAX_REFUSED_PINS
from certstatus.signing.local import read_key_file

__all__ = ["PIN", "PIN_VARIABLE", "RefusedPINs", "read_pin", "refused_pins"]

PIN_VARIABLE: Final = "CERTSTATUS_PIN"

_DIGEST_BYTES: Final = 32
_RECORD_BYTES: Final = 128
_LOOK_SECONDS: Final = 0.01


@dataclass(frozen=True, slots=True)
class PIN:
    """A PIN; ``origin`` says where it came from, and may be shown."""

    text: str = field(repr=False)
    origin: str


def read_pin(file: Path | None) -> PIN | None:
    """Read the PIN from the one line of a file, or else from CERTSTATUS_PIN; None without both.

    Raises:
        ConfigError: there is none in the file, or what is there can be none.
        SignerError: the file can't be read.
    """
    if file is None:
        said, origin = os.environ.get(PIN_VARIABLE), f"the environment variable {PIN_VARIABLE}"
        if said is None:
            return None
        line = os.fsencode(said)
    else:
        line, origin = read_key_file(file).rstrip(b"\r\n"), f"the file {file}"
    if not line or len(line) > MAX_PIN_BYTES or not line.isascii():
        remedy = f"it is one line of 1 to {MAX_PIN_BYTES} ASCII characters"
        raise ConfigError(f"{origin} holds no PIN", remedy=remedy)
    return PIN(line.decode(), origin)


class RefusedPINs:
    """What tokens refused, in memory that forks share, and a lock that they share.

    A record is a digest of token and PIN, under a key that dies with the command, and the
    reason. The lock is the kernel's, on a file without a name: it ends with its holder.
    """

    def __init__(self) -> None:
        """Begin with none refused."""
        self._key = secrets.token_bytes(_DIGEST_BYTES)
        self._records = mmap.mmap(-1, MAX_REFUSED_PINS * _RECORD_BYTES)
        self._file = _unnamed_file()
        self._lock = threading.Lock()

    @contextlib.contextmanager
    def turn(self) -> Iterator[None]:
        """Be the only one who says a PIN, in all processes.

        Raises:
            SignerError: somebody else took too long to log in.
        """
        until = time.monotonic() + LOGIN_WAIT_TIME.total_seconds()
        if not self._lock.acquire(timeout=LOGIN_WAIT_TIME.total_seconds()):
            raise SignerError(_TOO_LONG)
        try:
            while not self._is_locked():
                if time.monotonic() >= until:
                    raise SignerError(_TOO_LONG)
                time.sleep(_LOOK_SECONDS)
            try:
                yield
            finally:
                fcntl.lockf(self._file, fcntl.LOCK_UN)
        finally:
            self._lock.release()

    def _is_locked(self) -> bool:
        try:
            fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except (BlockingIOError, PermissionError):
            return False
        return True

    def reason(self, token: str, pin: PIN) -> str | None:
        """Say why the token refused this PIN, or None where it has not."""
        digest = self._digest(token, pin)
        for start in range(0, len(self._records), _RECORD_BYTES):
            record = self._records[start : start + _RECORD_BYTES]
            if hmac.compare_digest(record[:_DIGEST_BYTES], digest):
                return record[_DIGEST_BYTES:].rstrip(b"\0").decode()
        return None

    @property
    def is_full(self) -> bool:
        """Whether no more can be noted; then none may be said that might be refused."""
        return any(self._records[-_RECORD_BYTES:])

    def note(self, token: str, pin: PIN, reason: str) -> None:
        """Note that the token refused this PIN."""
        starts = range(0, len(self._records), _RECORD_BYTES)
        start = next(one for one in starts if not any(self._records[one : one + _DIGEST_BYTES]))
        record = self._digest(token, pin) + reason.encode("ascii")
        self._records[start : start + len(record)] = record

    def _digest(self, token: str, pin: PIN) -> bytes:
        return hmac.digest(self._key, f"{token}\0{pin.text}".encode(), "sha256")


def _unnamed_file() -> int:
    """Open a file without a name, in memory where the kernel has that; it stays open."""
    if hasattr(os, "memfd_create"):
        return os.memfd_create("certstatus-pins")
    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())


_TOO_LONG: Final = "another login to a token takes too long"
_known: list[RefusedPINs] = []


def refused_pins() -> RefusedPINs:
    """Return what is known of refused PINs, here and in all processes of this command."""
    if not _known:
        _known.append(RefusedPINs())
    return _known[0]
