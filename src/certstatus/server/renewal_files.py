"""A new certificate in the place of the old one, and a new key with it: both or neither.

One rename is whole or nothing; two are not. So a new pair is written beside the old one first,
``NAME.next`` each. The rename of the key is what counts: a certificate's ``.next`` without a
key's belongs to the key that stands, whenever the machine stopped.
"""

from __future__ import annotations

import contextlib
import glob
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from certstatus.signing import place_file
from certstatus.signing.placing import sync_folder

__all__ = [
    "certificate_in_force",
    "finish_pair",
    "place_certificate",
    "place_pair",
    "working_folder",
]


def certificate_in_force(certificate: Path, key: Path) -> Path:
    """Return the file of the certificate that belongs to the key that stands."""
    beside = _next(certificate)
    return beside if beside.exists() and not _next(key).exists() else certificate


def finish_pair(certificate: Path, key: Path) -> None:
    """Bring to its end what was interrupted, or take it back. Under the lock alone.

    What was being written when the machine stopped goes, too.

    Raises:
        OSError: the file system refused.
    """
    if certificate_in_force(certificate, key) != certificate:
        _next(certificate).replace(certificate)
        sync_folder(certificate.parent)
    _discard(certificate, key)


@contextlib.contextmanager
def working_folder(certificate: Path) -> Iterator[Path]:
    """Lend a folder beside the certificate, for its owner alone, gone afterwards.

    What one that was killed has left, a new key maybe, goes first. Under the lock alone.

    Raises:
        OSError: the file system refused.
    """
    prefix = f".{certificate.name}.renewal-"
    for left in certificate.parent.glob(f"{glob.escape(prefix)}*"):
        shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(dir=certificate.parent, prefix=prefix) as folder:
        yield Path(folder)


def place_certificate(certificate: Path, pem: bytes) -> None:
    """Put a certificate for the same key in place. Raises OSError: the old one stands."""
    place_file(certificate, pem, mode=0o644)


def place_pair(certificate: Path, pem: bytes, key: Path, key_pem: bytes) -> None:
    """Put a key and its certificate in place.

    Raises:
        OSError: the file system refused; the old pair stands, or ``finish_pair`` ends it.
    """
    try:
        _write_like(key, key_pem, 0o600)
        _write_like(certificate, pem, 0o644)
    except BaseException:
        _discard(certificate, key)
        raise
    _next(key).replace(key)
    sync_folder(key.parent)
    finish_pair(certificate, key)


def _write_like(path: Path, data: bytes, mode: int) -> None:
    """Write ``NAME.next``, with the owner and mode of what it is to replace."""
    beside = _next(path)
    beside.unlink(missing_ok=True)
    place_file(beside, data, mode=mode, like=path)


def _discard(certificate: Path, key: Path) -> None:
    """Remove what was not to be: the certificate first, or it would seem to count."""
    for path in (certificate, key):
        with contextlib.suppress(FileNotFoundError):
            _next(path).unlink()
        for left in path.parent.glob(f".{glob.escape(_next(path).name)}-*"):
            left.unlink(missing_ok=True)


def _next(path: Path) -> Path:
    return path.with_name(f"{path.name}.next")
