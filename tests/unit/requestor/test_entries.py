"""Entries on disk: one file each, whole or not at all, flushed where that is asked for."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from certstatus.errors import MalformedError
from certstatus.requestor.entries import Entries


def entries(directory: Path, **settings: Any) -> Entries:
    fields: dict[str, Any] = {
        "suffix": ".box",
        "format_number": 3,
        "max_entries": 5,
        "max_bytes": 100,
    }
    return Entries(directory, **fields | settings)


def whole(told: Mapping[str, Any], der: bytes) -> tuple[dict[str, Any], bytes]:
    return dict(told), der


def test_what_is_written_is_read(tmp_path: Path) -> None:
    box = entries(tmp_path / "boxes")

    box.write("a", {"is": "it"}, b"\n\0\n")

    assert box.read("a", whole) == ({"format": 3, "is": "it"}, b"\n\0\n")
    assert box.read("b", whole) is None
    box.drop("a")
    box.drop("a")
    assert box.read("a", whole) is None


@pytest.mark.parametrize(
    "data", [b"", b"{}\n", b'{"format": 2}\n', b"[1]\n", b'{"format": 3}\n' + bytes(100)]
)
def test_what_is_no_entry_is_malformed(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "a.box").write_bytes(data)

    with pytest.raises(MalformedError, match="damaged, or none of ours"):
        entries(tmp_path).read("a", whole)


def test_what_cannot_be_read_is_told_apart_from_what_is_not_there(tmp_path: Path) -> None:
    (tmp_path / "a.box").mkdir()

    with pytest.raises(MalformedError, match="can't be read: Is a directory"):
        entries(tmp_path).read("a", whole)


@pytest.mark.parametrize(("is_durable", "flushes"), [(False, 0), (True, 2)])
def test_only_durable_entries_are_flushed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_durable: bool, flushes: int
) -> None:
    flushed: list[int] = []
    monkeypatch.setattr(os, "fsync", flushed.append)

    entries(tmp_path, is_durable=is_durable).write("a", {}, b"")

    assert len(flushed) == flushes


def test_a_write_that_fails_leaves_the_old_entry_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    box = entries(tmp_path, is_durable=True)
    box.write("a", {}, b"old")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        box.write("a", {}, b"new")

    assert box.read("a", whole) == ({"format": 3}, b"old")
    assert [file.name for file in tmp_path.iterdir()] == ["a.box"]


def test_files_of_other_kinds_are_no_entries_and_stay(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").touch()
    os.utime(tmp_path / "notes.txt", (0, 0))
    box = entries(tmp_path)

    for number in range(9):
        box.write(str(number), {}, b"")

    assert len(list(tmp_path.glob("*.box"))) == 5
    assert (tmp_path / "notes.txt").exists()
