"""What CRLs were believed before, across restarts: none older is believed after them (C1).

A small file for each key, scope and kind of CRL (full or delta), written before an answer
rests on it. To take an older CRL on purpose, remove the folder that the message names.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from certstatus.asn1 import oids
from certstatus.errors import ConfigError, MalformedError
from certstatus.limits import MAX_CRL_FILES
from certstatus.pkix import Certificate, CertificateList
from certstatus.pkix.crl_rules import check_follows
from certstatus.requestor.entries import Entries

__all__ = ["CRLMemory"]

_SUFFIX: Final = ".seen"
_MAX_BYTES: Final = 4_096


@dataclass(frozen=True, slots=True)
class _Seen:
    crl_number: int | None
    this_update: datetime


class CRLMemory:
    """The memory of one authority, in a directory; many processes may share it."""

    def __init__(self, directory: Path) -> None:
        self._entries = Entries(
            directory,
            suffix=_SUFFIX,
            format_number=1,
            max_entries=MAX_CRL_FILES,
            max_bytes=_MAX_BYTES,
            is_durable=True,
        )

    def check(self, crl: CertificateList, signer: Certificate) -> None:
        """Make sure that a CRL, signed by ``signer``, is not older than one believed before.

        Raises:
            MalformedError: it is (C1); the message names the folder to remove.
        """
        name = _name(crl, signer)
        seen = self._seen(name)
        if seen is None:
            return
        try:
            check_follows(crl, seen.crl_number, seen.this_update)
        except MalformedError as error:
            folder = self._entries.directory
            text = f"{error.message}; to take it all the same, remove {folder} and restart"
            raise MalformedError(text, where=error.where, rule=error.rule) from error

    def note(self, crl: CertificateList, signer: Certificate) -> None:
        """Remember a CRL that is believed.

        Raises:
            ConfigError: it can't be written down.
        """
        name = _name(crl, signer)
        seen = _Seen(crl.crl_number, crl.this_update)
        if self._seen(name) == seen:
            return
        number = None if seen.crl_number is None else f"{seen.crl_number:x}"
        told = {"crlNumber": number, "thisUpdate": int(seen.this_update.timestamp())}
        try:
            self._entries.write(name, told, b"")
        except OSError as error:
            reason = f"can't be written: {error.strerror}"
            raise ConfigError(reason, file=str(self._file(name)), key="crl_folder") from error

    def _seen(self, name: str) -> _Seen | None:
        """Read what is remembered; a damaged file remembers nothing."""
        try:
            return self._entries.read(name, _take)
        except MalformedError:
            return None

    def _file(self, name: str) -> Path:
        return self._entries.directory / f"{name}{_SUFFIX}"


def _take(told: Mapping[str, Any], _: bytes) -> _Seen:
    number = told["crlNumber"]
    return _Seen(
        None if number is None else int(number, 16),
        datetime.fromtimestamp(int(told["thisUpdate"]), UTC),
    )


def _name(crl: CertificateList, signer: Certificate) -> str:
    """Name what a CRL replaces: the key that signs it, its scope, and whether it is a delta."""
    scope = crl.extensions.get(oids.ID_CE_ISSUING_DISTRIBUTION_POINT, (False, b""))[1]
    kind = "full" if crl.base_crl_number is None else "delta"
    digest = sha256(sha256(signer.spki_der).digest() + scope).hexdigest()[:32]
    return f"{digest}-{kind}"
