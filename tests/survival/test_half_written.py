"""Files replaced in place, piece by piece, while they are asked: never less than was known."""

from __future__ import annotations

import asyncio
import random
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from certstatus.ocsp import CertID, Revoked
from certstatus.pkix import CRLReason
from certstatus.sources import CRL, Known, OpenSSLIndex, Source, Unlisted
from certstatus.testing import TinyCA
from tests.books import NOW

ALWAYS_GOOD, ALWAYS_REVOKED, FIRST = 1, 2, 100
"""Serial numbers: from ``FIRST`` on, one more is revoked in each version."""

TICK = timedelta(seconds=1)
"""Past FILE_CHECK_TIME: each question looks at the file."""


@dataclass(frozen=True)
class Kind:
    """A kind of file: its versions, and the source that reads it."""

    write: Callable[[TinyCA, int, int], bytes]
    source: Callable[[Path, TinyCA], Source]


def index(_: TinyCA, version: int, versions: int) -> bytes:
    lines = [f"V\t291231235959Z\t\t{ALWAYS_GOOD:04X}\tunknown\t/CN=good\n"]
    lines += [revoked_line(ALWAYS_REVOKED)]
    for number in range(versions):
        serial = FIRST + number
        good = f"V\t291231235959Z\t\t{serial:04X}\tunknown\t/CN={serial}\n"
        lines.append(revoked_line(serial) if number < version else good)
    return "".join(lines).encode()


def revoked_line(serial: int) -> str:
    return f"R\t291231235959Z\t261101000000Z\t{serial:04X}\tunknown\t/CN={serial}\n"


def crl(ca: TinyCA, version: int, _: int) -> bytes:
    serials = [ALWAYS_REVOKED, *(FIRST + number for number in range(version))]
    listed = [(one, NOW - timedelta(days=1), CRLReason.SUPERSEDED) for one in serials]
    at = NOW - timedelta(hours=1) + timedelta(seconds=version)
    return ca.crl(listed, number=version + 1, this_update=at)


KINDS = {
    "index": Kind(index, lambda path, ca: OpenSSLIndex(path, ca.certificate, now=NOW)),
    "crl": Kind(crl, lambda path, ca: CRL(path, ca.certificate, now=NOW)),
}


def rewrite(path: Path, data: bytes) -> None:
    """Write a file in place as the careless do: emptied first, then in pieces."""
    cuts = sorted(random.sample(range(1, len(data)), 5))
    with path.open("r+b", buffering=0) as file:
        file.truncate(0)
        for start, end in zip([0, *cuts], [*cuts, len(data)], strict=True):
            file.write(data[start:end])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.rule("C9", "O11")
def test_what_was_revoked_stays_so_while_its_file_is_written_piece_by_piece(
    kind: str, ca: TinyCA, tmp_path: Path, rounds: int
) -> None:
    path = tmp_path / "file"
    versions = [KINDS[kind].write(ca, number, rounds) for number in range(rounds + 1)]
    path.write_bytes(versions[0])
    source = KINDS[kind].source(path, ca)

    asyncio.run(_ask_while_it_changes(source, ca, path, versions))


async def _ask_while_it_changes(
    source: Source, ca: TinyCA, path: Path, versions: list[bytes]
) -> None:
    now = NOW
    for number, data in enumerate(versions[1:]):
        serial = FIRST + number
        writer = threading.Thread(target=rewrite, args=(path, data))
        writer.start()
        was_revoked = False
        while writer.is_alive():
            now += TICK
            assert await is_revoked(source, ca, ALWAYS_REVOKED, now)
            assert not await is_revoked(source, ca, ALWAYS_GOOD, now)
            is_now = await is_revoked(source, ca, serial, now)
            assert is_now or not was_revoked
            was_revoked = is_now
        writer.join()
        now += 10 * TICK
        assert await is_revoked(source, ca, serial, now)


async def is_revoked(source: Source, ca: TinyCA, serial: int, now: datetime) -> bool:
    """Whether a source says so; an index names the good ones too, and never forgets them."""
    answer = await source.status(CertID.of(ca.certificate, serial), now)
    if isinstance(source, OpenSSLIndex):
        assert isinstance(answer, Known)
    if isinstance(answer, Known):
        return isinstance(answer.cert_status, Revoked)
    assert isinstance(answer, Unlisted)
    return False
