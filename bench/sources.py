"""What a look-up costs in each source: at hand, and through the coroutine that may wait."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from itertools import cycle
from pathlib import Path
from random import Random
from typing import Final, Protocol

from certstatus.ocsp import CertID
from certstatus.sources import (
    CRL,
    AtHand,
    DatabaseSource,
    IndexEntry,
    IndexStatus,
    OpenSSLIndex,
    RevocationTree,
    Source,
    Stack,
    StatusDatabase,
    encode_index,
    import_file,
)
from certstatus.testing import TinyCA
from tests.trees import tree

__all__ = ["look_ups"]

_NOW: Final = datetime(2026, 11, 21, 12, tzinfo=UTC)
_DAY: Final = timedelta(days=1)
_COUNT: Final = 10_000


class _Near(Source, AtHand, Protocol):
    """A source that is at hand."""


@contextmanager
def look_ups() -> Iterator[dict[str, Callable[[], object]]]:
    """Give look-ups of good certificates in random order, to be made while an event loop runs."""
    ca = TinyCA("Bench CA")
    random = Random(1)  # noqa: S311 - the same in every run
    good, lost = ([random.getrandbits(127) for _ in range(_COUNT)] for _ in range(2))
    with ExitStack() as closing:
        folder = Path(closing.enter_context(tempfile.TemporaryDirectory()))
        found: dict[str, Callable[[], object]] = {}
        for name, source in _sources(folder, ca, good, lost, closing).items():
            found[f"{name}: at hand"] = _at_hand(source, good)
            if not isinstance(source, Stack):  # which asks its members in tasks
                found[f"{name}: by coroutine"] = _by_coroutine(source, ca, good)
        yield found


def _sources(
    folder: Path, ca: TinyCA, good: list[int], lost: list[int], closing: ExitStack
) -> dict[str, _Near]:
    (folder / "index.txt").write_bytes(encode_index(map(_valid, good)))
    (folder / "ca.crl").write_bytes(
        ca.crl(
            [(one, _NOW - _DAY, None) for one in lost],
            this_update=_NOW - _DAY,
            next_update=_NOW + _DAY,
        )
    )
    (folder / "ca.tree").write_bytes(tree(ca, *lost))
    database = closing.enter_context(StatusDatabase.create(folder / "status.db"))
    database.add_issuer(ca.certificate, actor="bench", now=_NOW)
    data = (folder / "index.txt").read_bytes()
    import_file(database, data, where="index.txt", actor="bench", now=_NOW)
    index = OpenSSLIndex(folder / "index.txt", ca.certificate, now=_NOW)
    crl = CRL(folder / "ca.crl", ca.certificate, now=_NOW)
    return {
        "an index": index,
        "a CRL": crl,
        "a revocation tree": RevocationTree(folder / "ca.tree", ca.certificate, now=_NOW),
        "SQLite": DatabaseSource(database, ca.certificate),
        "a stack of CRL and index": Stack(crl, index),
    }


def _valid(serial_number: int) -> IndexEntry:
    return IndexEntry(
        status=IndexStatus.VALID,
        expiry=_NOW + 90 * _DAY,
        serial_number=serial_number,
        subject="/CN=bench.example",
    )


def _at_hand(source: AtHand, serial_numbers: list[int]) -> Callable[[], object]:
    numbers, look = cycle(serial_numbers), source.at_hand

    def look_up() -> object:
        answer = look(next(numbers), _NOW)
        assert answer is not None
        return answer

    return look_up


def _by_coroutine(source: Source, ca: TinyCA, serial_numbers: list[int]) -> Callable[[], object]:
    cert_ids = cycle([CertID.of(ca.certificate, one) for one in serial_numbers])

    def look_up() -> object:
        asking = source.status(next(cert_ids), _NOW)
        try:
            asking.send(None)
        except StopIteration as done:
            return done.value
        raise AssertionError(f"{source.name} waits")

    return look_up
