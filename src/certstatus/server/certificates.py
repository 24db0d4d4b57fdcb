"""Certificates that the configuration names by file."""

from __future__ import annotations

from pathlib import Path

from certstatus.errors import ConfigError, MalformedError
from certstatus.pkix import Certificate

__all__ = ["load_certificates"]


def load_certificates(files: tuple[Path, ...]) -> tuple[Certificate, ...]:
    """Read the certificates of files, PEM or DER, in their order.

    Raises:
        ConfigError: one can't be read, or holds something else.
    """
    return tuple(one for file in files for one in _load(file))


def _load(file: Path) -> tuple[Certificate, ...]:
    try:
        return Certificate.load(_read(file))
    except MalformedError as error:
        raise ConfigError(str(error), file=str(file), remedy="name a PEM or DER file") from error


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        reason = error.strerror or str(error)
        raise ConfigError(f"can't be read: {reason}", file=str(file)) from error
