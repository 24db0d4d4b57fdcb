"""What a server of SCVP keeps across restarts: serverConfigurationID, and a secret (S17, S21).

Its law: a number is never given to two configurations. All workers of a machine, now and
later, meet at one locked file; whoever brings another configuration gets the next number.
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
from base64 import b64decode, b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from platformdirs import user_state_path

from certstatus.delegated import ConfigurationState
from certstatus.errors import ConfigError
from certstatus.limits_scvp import MAX_SCVP_STATE_BYTES, MIN_CURSOR_KEY_BYTES
from certstatus.signing import place_file

__all__ = ["KeptState", "LookedUpState", "SCVPState", "default_state_file", "load_cursor_key"]

_FORMAT: Final = 1


@dataclass(frozen=True, slots=True)
class SCVPState:
    """What the file says; ``cursor_key`` is secret."""

    configuration: ConfigurationState
    cursor_key: bytes = field(repr=False)

    @classmethod
    def new(cls) -> SCVPState:
        """Begin: no configuration yet, and a secret of its own."""
        return cls(ConfigurationState(), secrets.token_bytes(MIN_CURSOR_KEY_BYTES))

    def encode(self) -> bytes:
        """Write it."""
        told = {
            "format": _FORMAT,
            "number": self.configuration.number,
            "digest": self.configuration.digest.hex(),
            "cursorKey": b64encode(self.cursor_key).decode("ascii"),
        }
        return json.dumps(told, indent=1).encode() + b"\n"

    @classmethod
    def decode(cls, data: bytes) -> SCVPState:
        """Read it. Raises ValueError for whatever ``encode`` does not write."""
        told = json.loads(data)
        if not isinstance(told, dict) or told.get("format") != _FORMAT:
            raise ValueError("is of no known format")
        try:
            number, digest = told["number"], bytes.fromhex(told["digest"])
            key = b64decode(told["cursorKey"], validate=True)
        except (KeyError, TypeError) as error:
            raise ValueError("lacks what it should hold") from error
        if type(number) is not int or number < 0 or len(key) < MIN_CURSOR_KEY_BYTES:
            raise ValueError("holds what nobody wrote there")
        return cls(ConfigurationState(number, digest), key)


def default_state_file() -> Path:
    """Return where the state is kept unless the configuration says otherwise."""
    return user_state_path("certstatus") / "scvp.json"


class KeptState:
    """The state in its file, which is made where there is none. Gives numbers (S21).

    Raises:
        ConfigError: the file can't be read or written, or is none of ours.
    """

    def __init__(self, file: Path) -> None:
        self.file = file
        with self._locked() as state:
            self.cursor_key = state.cursor_key

    def number_of(self, digest: bytes) -> int:
        """Return the number of the configuration with this digest, from now in force.

        Raises:
            ConfigError: the file can't be read or written.
        """
        with self._locked() as state:
            after = state.configuration.after(digest)
            if after != state.configuration:
                self._write(SCVPState(after, state.cursor_key))
            return after.number

    @contextmanager
    def _locked(self) -> Iterator[SCVPState]:
        """Lock the file beside it, for the file itself is replaced; lend what it says."""
        lock = self.file.with_name(f".{self.file.name}.lock")
        try:
            self.file.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise _unusable(self.file, "can't be written", error) from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            state = _read(self.file)
            if state is None:
                state = SCVPState.new()
                self._write(state)
            yield state
        finally:
            os.close(descriptor)

    def _write(self, state: SCVPState) -> None:
        try:
            place_file(self.file, state.encode(), mode=0o600)
        except OSError as error:
            raise _unusable(self.file, "can't be written", error) from error


class LookedUpState:
    """The state as it stands, for who only looks: nothing is made or written.

    Raises:
        ConfigError: the file is there and can't be read, or is none of ours.
    """

    def __init__(self, file: Path) -> None:
        self._state = _read(file) or SCVPState.new()
        self.cursor_key = self._state.cursor_key

    def number_of(self, digest: bytes) -> int:
        """Return the number that the configuration with this digest would have."""
        return self._state.configuration.after(digest).number


def load_cursor_key(file: Path) -> bytes:
    """Read a secret that several nodes share; it is long enough to be one.

    Raises:
        ConfigError: the file can't be read, or is too short.
    """
    try:
        key = file.read_bytes().strip()
    except OSError as error:
        raise _unusable(file, "can't be read", error) from error
    if len(key) < MIN_CURSOR_KEY_BYTES:
        raise ConfigError(
            f"is shorter than {MIN_CURSOR_KEY_BYTES} bytes",
            file=str(file),
            remedy="write one: openssl rand -hex 32",
        )
    return key


def _read(file: Path) -> SCVPState | None:
    """Read the file; None: there is none yet."""
    try:
        with file.open("rb") as opened:
            data = opened.read(MAX_SCVP_STATE_BYTES)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _unusable(file, "can't be read", error) from error
    try:
        return SCVPState.decode(data)
    except ValueError as error:
        # To begin anew would give a number a second time.
        raise ConfigError(
            f"is not the state of a server of SCVP: {error}",
            file=str(file),
            remedy="name another state_file, and have clients forget what they cached",
        ) from error


def _unusable(file: Path, what: str, error: OSError) -> ConfigError:
    reason = error.strerror or str(error)
    return ConfigError(f"{what}: {reason}", file=str(file), remedy="name another state_file")
