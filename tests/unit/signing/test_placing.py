from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from certstatus.signing import create_file, place_file


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_new_file_has_the_mode_that_is_asked_for_and_none_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "new.key"
    create_file(path, b"key", mode=0o600)

    assert (path.read_bytes(), mode_of(path)) == (b"key", 0o600)
    assert list(tmp_path.iterdir()) == [path]


def test_what_is_there_is_not_created_again(tmp_path: Path) -> None:
    path = tmp_path / "old.key"
    path.write_bytes(b"old")

    with pytest.raises(FileExistsError):
        create_file(path, b"new", mode=0o600)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("mode", [0o600, 0o640])
def test_what_replaces_a_file_has_its_mode(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "signer.pem"
    path.write_bytes(b"old")
    path.chmod(mode)
    place_file(path, b"new", mode=0o644)

    assert (path.read_bytes(), mode_of(path)) == (b"new", mode)


def test_it_may_take_after_another_file(tmp_path: Path) -> None:
    other, path = tmp_path / "other", tmp_path / "path"
    other.touch()
    other.chmod(0o604)
    place_file(path, b"new", mode=0o600, like=other)

    assert mode_of(path) == 0o604


@pytest.mark.parametrize("call", ["replace", "fsync", "write"])
def test_where_the_disk_refuses_the_old_file_stands_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    path = tmp_path / "signer.pem"
    path.write_bytes(b"old")

    def refuse(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    if call == "write":
        monkeypatch.setattr("certstatus.signing.placing.os.fdopen", refuse)
    else:
        monkeypatch.setattr(Path if call == "replace" else os, call, refuse)
    with pytest.raises(OSError, match="No space"):
        place_file(path, b"new", mode=0o644)
    monkeypatch.undo()

    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]
