"""A CA with many certificates, answers signed in advance by the command, and the store read."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from certstatus.clock import SystemClock
from certstatus.ocsp import CertStatus
from certstatus.sources import (
    IndexEntry,
    IndexStatus,
    Issuer,
    StatusDatabase,
    encode_index,
    import_file,
)
from certstatus.stores import StoredResponse, StoreKey
from certstatus.testing import Issued, TinyCA
from certstatus.verify import verify_response

__all__ = ["FIRST", "Presigning"]

FIRST: Final = 1 << 70
_SECONDS: Final = 60
_PEM: Final = Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()


@dataclass(frozen=True, slots=True, kw_only=True)
class Presigning:
    """A folder with a configuration; ``FIRST`` is the first of ``count`` serial numbers."""

    folder: Path
    ca: TinyCA
    location: str
    count: int

    @classmethod
    def of(
        cls,
        folder: Path,
        count: int,
        *,
        location: str | None = None,
        keys: tuple[str, ...] = ("p256",),
        policy: str = "",
        presign: str = "",
        store: str = "lmdb:answers",
        days_left: float = 30,
    ) -> Presigning:
        """Make the CA, its signers, its database and its configuration."""
        now = SystemClock().now()
        ca = TinyCA("Busy CA", not_before=now - timedelta(days=9))
        place = location or str(folder / "status.db")
        (folder / "ca.pem").write_bytes(ca.certificate.parsed.public_bytes(Encoding.PEM))
        signers = "".join(
            _signer(
                folder,
                name,
                ca.issue_responder(
                    kind=name,
                    not_before=now - timedelta(days=2),
                    not_after=now + timedelta(days=days_left),
                ),
            )
            for name in keys
        )
        (folder / "certstatus.toml").write_text(
            f'[store]\nurl = "{store}"\n[presign]\n{presign}\n'
            f'[[authority]]\nname = "Busy CA"\ncertificate = "ca.pem"\n{policy}\n{signers}'
            f'[[authority.source]]\ndatabase = "{place}"\n'
        )
        made = cls(folder=folder, ca=ca, location=place, count=count)
        with StatusDatabase.create(place) as database:
            database.add_issuer(ca.certificate, actor="test", now=now)
            index = encode_index(made._entries(now))
            import_file(database, index, where="index.txt", actor="test", now=now)
        return made

    def _entries(self, now: datetime) -> Iterator[IndexEntry]:
        for serial_number in self.serial_numbers:
            yield IndexEntry(
                status=IndexStatus.VALID,
                expiry=now + timedelta(days=90),
                serial_number=serial_number,
                subject=f"/CN=host-{serial_number}",
            )

    @property
    def serial_numbers(self) -> range:
        return range(FIRST, FIRST + self.count)

    @contextmanager
    def books(self) -> Iterator[tuple[StatusDatabase, Issuer]]:
        """Open the database, to change something."""
        with StatusDatabase(self.location) as database:
            issuer = database.issuer(self.ca.certificate)
            assert issuer is not None
            yield database, issuer

    # --- the command ------------------------------------------------------------------------

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start ``certstatus presign`` as the leader of a group of its own."""
        command = [sys.executable, "-m", "certstatus", "presign", "--config", "certstatus.toml"]
        return subprocess.Popen(
            [*command, *arguments, "--json"],
            cwd=self.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def run(self, *arguments: str, code: int = 0, patience: float = _SECONDS) -> Mapping[str, Any]:
        """Run it to its end, and return what it told."""
        return finish(self.start(*arguments), code, patience)

    # --- the store --------------------------------------------------------------------------

    def stored(self) -> dict[StoreKey, StoredResponse]:
        """Read the whole LMDB store, entry by entry."""
        return asyncio.run(self._stored())

    async def _stored(self) -> dict[StoreKey, StoredResponse]:
        from certstatus.stores.lmdb import LMDBStore  # noqa: PLC0415 - an extra

        store = LMDBStore(self.folder / "answers")
        try:
            authorities = {one.authority for one in await self._keys(store)}
            assert len(authorities) <= 1
            keys = await self._keys(store)
            found = {key: await store.get(key) for key in keys}
        finally:
            await store.close()
        return {key: one for key, one in found.items() if one is not None}

    async def _keys(self, store: Any) -> list[StoreKey]:
        from certstatus.responder import authority_digest  # noqa: PLC0415

        digest = authority_digest(self.ca.certificate)
        late = SystemClock().now() + timedelta(days=30)
        return list(await store.due(digest, late, 10**6))

    def statuses(self) -> dict[int, set[CertStatus]]:
        """Verify everything that is stored as a client would; return what it says."""
        said: dict[int, set[CertStatus]] = {}
        now = SystemClock().now()
        for key, one in self.stored().items():
            report = verify_response(
                one.der, issuer=self.ca.certificate, serial_number=key.serial_number, now=now
            )
            assert report.verified is not None, report.failures
            said.setdefault(key.serial_number, set()).add(report.verified.cert_status)
        return said

    def replace_signer(self, name: str = "p256") -> None:
        """Put another key with its certificate into the place of a signer's."""
        now = SystemClock().now()
        _signer(
            self.folder,
            name,
            self.ca.issue_responder(
                kind=name, not_before=now - timedelta(days=1), not_after=now + timedelta(days=30)
            ),
        )


def _signer(folder: Path, name: str, issued: Issued) -> str:
    certificate, key = folder / f"{name}.pem", folder / f"{name}.key"
    certificate.write_bytes(issued.certificate.parsed.public_bytes(Encoding.PEM))
    key.write_bytes(issued.key.private_bytes(*_PEM))
    key.chmod(0o600)
    return f'[[authority.signer]]\ncertificate = "{name}.pem"\nkey = "{name}.key"\n'


def finish(
    process: subprocess.Popen[str], code: int = 0, patience: float = _SECONDS
) -> Mapping[str, Any]:
    """Wait for the command's end, and return what it told."""
    out, err = process.communicate(timeout=patience)
    assert process.returncode == code, err
    told: Mapping[str, Any] = json.loads(out)
    return told


def kill(process: subprocess.Popen[str]) -> None:
    """End the command and all its processes at once, as a power cut does."""
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate(timeout=_SECONDS)
