"""serverConfigurationID rises with every other configuration, and is never given twice (S21)."""

from __future__ import annotations

import json
import multiprocessing
from pathlib import Path

import pytest

from certstatus.errors import ConfigError
from certstatus.limits_scvp import MAX_SCVP_STATE_BYTES, MIN_CURSOR_KEY_BYTES
from certstatus.server.scvp_state import (
    KeptState,
    LookedUpState,
    SCVPState,
    default_state_file,
    load_cursor_key,
)

A, B = b"a" * 32, b"b" * 32


@pytest.mark.rule("S21")
def test_a_configuration_that_comes_back_gets_a_new_number(tmp_path: Path) -> None:
    state = KeptState(tmp_path / "scvp.json")

    assert [state.number_of(one) for one in (A, A, B, B, A)] == [1, 1, 2, 2, 3]


@pytest.mark.rule("S21")
def test_after_a_restart_the_same_configuration_keeps_its_number_and_the_secret(
    tmp_path: Path,
) -> None:
    file = tmp_path / "made" / "scvp.json"
    first = KeptState(file)
    first.number_of(A)

    again = KeptState(file)

    assert again.cursor_key == first.cursor_key
    assert len(again.cursor_key) >= MIN_CURSOR_KEY_BYTES
    assert [again.number_of(A), again.number_of(B)] == [1, 2]


def test_the_file_is_for_its_owner_alone(tmp_path: Path) -> None:
    file = tmp_path / "scvp.json"
    KeptState(file).number_of(A)

    assert file.stat().st_mode & 0o077 == 0
    assert "cursor_key=" not in repr(SCVPState.new())


def _number(file: Path, digest: bytes) -> int:
    return KeptState(file).number_of(digest)


@pytest.mark.rule("S21")
def test_processes_that_start_at_once_agree(tmp_path: Path) -> None:
    file = tmp_path / "scvp.json"
    with multiprocessing.get_context("spawn").Pool(2) as workers:
        wanted = [workers.apply_async(_number, (file, A)) for _ in range(8)]
        numbers = {one.get(30) for one in wanted}

    assert numbers == {1}


def test_who_only_looks_writes_nothing(tmp_path: Path) -> None:
    file = tmp_path / "scvp.json"

    assert LookedUpState(file).number_of(A) == 1
    assert not list(tmp_path.iterdir())
    KeptState(file).number_of(A)
    before = file.read_bytes()
    assert (LookedUpState(file).number_of(A), LookedUpState(file).number_of(B)) == (1, 2)
    assert file.read_bytes() == before


WHOLE = json.loads(SCVPState.new().encode())


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        json.dumps(WHOLE | {"format": 2}),
        json.dumps(WHOLE | {"number": -1}),
        json.dumps(WHOLE | {"number": "1"}),
        json.dumps(WHOLE | {"digest": "xx"}),
        json.dumps(WHOLE | {"digest": None}),
        json.dumps(WHOLE | {"cursorKey": "c2hvcnQ="}),
        json.dumps({name: value for name, value in WHOLE.items() if name != "cursorKey"}),
        json.dumps(WHOLE | {"more": "x" * MAX_SCVP_STATE_BYTES}),
    ],
    ids=range(11),
)
@pytest.mark.rule("S21")
def test_a_file_that_is_damaged_is_never_begun_anew(tmp_path: Path, text: str) -> None:
    """Else a number that clients know would be given a second time."""
    file = tmp_path / "scvp.json"
    file.write_text(text)

    for read in (KeptState, LookedUpState):
        with pytest.raises(ConfigError, match="is not the state of a server of SCVP") as caught:
            read(file)
        assert str(file) in str(caught.value)


def test_a_folder_that_can_not_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(ConfigError, match="can't be written"):
        KeptState(tmp_path / "file" / "scvp.json")


def test_a_place_that_is_no_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="can't be read"):
        KeptState(tmp_path)


def test_by_default_it_is_kept_with_the_state_of_the_user(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))

    assert default_state_file() == tmp_path / "certstatus" / "scvp.json"


def test_a_secret_that_nodes_share_is_long_enough(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_bytes(b"k" * MIN_CURSOR_KEY_BYTES + b"\n")
    assert load_cursor_key(file) == b"k" * MIN_CURSOR_KEY_BYTES

    file.write_bytes(b"k" * (MIN_CURSOR_KEY_BYTES - 1) + b"\n")
    with pytest.raises(ConfigError, match="shorter than 32 bytes"):
        load_cursor_key(file)
    with pytest.raises(ConfigError, match="can't be read"):
        load_cursor_key(tmp_path / "absent")
