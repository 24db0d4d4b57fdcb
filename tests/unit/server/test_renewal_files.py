"""A pair is replaced wholly or not at all, wherever the machine stops."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest

from certstatus.server.renewal_files import (
    certificate_in_force,
    finish_pair,
    place_certificate,
    place_pair,
)


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Path, Path]:
    """Lend a certificate and a key that belong together."""
    certificate, key = tmp_path / "signer.pem", tmp_path / "signer.key"
    certificate.write_bytes(b"old certificate")
    key.write_bytes(b"old key")
    key.chmod(0o600)
    return certificate, key


def held(certificate: Path, key: Path) -> tuple[bytes, bytes]:
    return certificate_in_force(certificate, key).read_bytes(), key.read_bytes()


OLD = b"old certificate", b"old key"
STEPS = 24
NEW = b"new certificate", b"new key"


def replace(certificate: Path, key: Path) -> None:
    place_pair(certificate, NEW[0], key, NEW[1])


def test_a_pair_is_replaced_and_nothing_is_left_beside_it(pair: tuple[Path, Path]) -> None:
    certificate, key = pair
    replace(certificate, key)

    assert held(certificate, key) == NEW
    assert sorted(certificate.parent.iterdir()) == [key, certificate]
    assert key.stat().st_mode & 0o777 == 0o600


def test_a_certificate_alone_is_replaced(pair: tuple[Path, Path]) -> None:
    certificate, key = pair
    place_certificate(certificate, b"new certificate")

    assert held(certificate, key) == (b"new certificate", b"old key")


class _KilledError(BaseException):
    """Stands for kill -9: nothing after it runs, not even what tidies up."""


def kill_at(monkeypatch: pytest.MonkeyPatch, step: int) -> Callable[[], bool]:
    """End at the n-th change of the folder, before it is made; say whether it came to that."""
    numbers = count()
    killed: list[int] = []

    def dying(change: Callable[..., object]) -> Callable[..., object]:
        def call(*args: object, **more: object) -> object:
            if killed or next(numbers) == step:
                killed.append(step)
                raise _KilledError
            return change(*args, **more)

        return call

    for owner, name in ((Path, "replace"), (Path, "unlink"), (os, "fsync"), (Path, "chmod")):
        monkeypatch.setattr(owner, name, dying(getattr(owner, name)))
    return lambda: bool(killed)


@pytest.mark.parametrize("step", range(STEPS))
def test_wherever_it_is_killed_key_and_certificate_belong_together(
    pair: tuple[Path, Path], step: int
) -> None:
    certificate, key = pair
    with pytest.MonkeyPatch.context() as patch:
        was_killed = kill_at(patch, step)
        try:
            replace(certificate, key)
        except _KilledError:
            assert was_killed()

    assert held(certificate, key) in {OLD, NEW}
    before = held(certificate, key)
    finish_pair(certificate, key)
    assert (certificate.read_bytes(), key.read_bytes()) == before
    assert not [path for path in certificate.parent.iterdir() if path.suffix == ".next"]
    replace(certificate, key)
    assert (certificate.read_bytes(), key.read_bytes()) == NEW


def test_the_steps_above_reach_to_the_end(pair: tuple[Path, Path]) -> None:
    outcomes = set()
    for step in range(STEPS):
        with pytest.MonkeyPatch.context() as patch:
            was_killed = kill_at(patch, step)
            with contextlib.suppress(_KilledError):
                replace(*pair)
            outcomes.add((was_killed(), held(*pair)))
        finish_pair(*pair)
        pair[0].write_bytes(OLD[0])
        pair[1].write_bytes(OLD[1])

    assert outcomes == {(True, OLD), (True, NEW), (False, NEW)}


def test_a_full_disk_leaves_the_old_pair(
    pair: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate, key = pair

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        replace(certificate, key)

    assert held(certificate, key) == OLD
    assert sorted(certificate.parent.iterdir()) == [key, certificate]
