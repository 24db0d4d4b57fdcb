from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from rich.console import Console
from rich.text import Text

from certstatus.cli.output import print_columns, print_hanging, styled, write_file
from certstatus.cli.text import moment_text, printable, relative_text
from certstatus.cli.tree import print_tree
from certstatus.explain import Field, explain
from certstatus.testing import Forge, TinyCA

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


def out(width: int = 60) -> tuple[Console, io.StringIO]:
    stream = io.StringIO()
    console = Console(
        file=stream, width=width, highlight=False, force_terminal=True, color_system=None
    )
    return console, stream


def test_control_and_direction_characters_are_written_out() -> None:
    assert printable("plain, 日本語") == "plain, 日本語"
    assert printable("\x1b[31m\x07\u202e\x9b") == r"\x1b[31m\x07\u202e\x9b"
    assert printable("two\nlines") == "two\nlines"
    assert styled("\x1b").plain == r"\x1b"


@pytest.mark.parametrize(
    ("distance", "text"),
    [
        (timedelta(), "now"),
        (timedelta(seconds=1), "now"),
        (timedelta(seconds=30), "in 30 seconds"),
        (timedelta(minutes=-12), "12 minutes ago"),
        (timedelta(hours=36), "in 2 days"),
        (timedelta(hours=30), "in 30 hours"),
        (timedelta(days=4, seconds=-1), "in 4 days"),
        (timedelta(days=-4000), "11 years ago"),
    ],
)
def test_how_far_off_a_time_is_reads_roughly(distance: timedelta, text: str) -> None:
    assert relative_text(NOW + distance, NOW) == text


def test_a_time_reads_as_people_write_it() -> None:
    assert moment_text(NOW) == "2026-11-21 12:00:00 UTC"


def test_columns_line_up_wrap_and_leave_nothing_behind() -> None:
    console, stream = out(40)
    print_columns(console, [("a", "word " * 12), ("long", "日本語")])
    lines = stream.getvalue().splitlines()
    assert lines[0].startswith("  a     word word")
    assert lines[1].startswith("        word")
    assert lines[-1] == "  long  日本語"
    assert all(line == line.rstrip() and len(line) <= 40 for line in lines)


def test_in_a_pipe_nothing_is_wrapped() -> None:
    stream = io.StringIO()
    print_hanging(Console(file=stream, width=20), Text("head "), styled("word " * 20))
    assert len(stream.getvalue().splitlines()) == 1


def test_text_hangs_under_itself_even_where_there_is_no_room() -> None:
    console, stream = out(10)
    print_hanging(console, Text("x" * 20 + " "), styled("some words that need room to stand"))
    assert stream.getvalue().splitlines()[1].startswith(" " * 21)


@pytest.mark.parametrize("width", [30, 60, 80, 100, 120])
def test_a_tree_shows_every_field_at_every_width(width: int) -> None:
    console, stream = out(width)
    tree = explain(Forge.honest(TinyCA(), 1000).der)
    print_tree(console, tree, now=NOW, with_bytes=True)
    shown = stream.getvalue()
    assert all(field.name in shown for field in tree.walk())
    assert shown.count("RFC") + shown.count("§") >= 2 * len(list(tree.walk())) - 2
    assert all(line == line.rstrip() for line in shown.splitlines())


def test_a_tree_shows_departures_problems_and_octets() -> None:
    console, stream = out(80)
    field = Field(
        "root",
        "v\x1b",
        "means",
        "RFC 6960 §4.2.1",
        departures=("odd",),
        problem="broken",
        der=b"\xab\xcd",
    )
    print_tree(console, field, now=NOW, with_bytes=True)
    shown = stream.getvalue()
    assert "! odd" in shown
    assert "✗ broken" in shown
    assert "ab cd" in shown
    assert "\x1b" not in shown
    print_tree(console, field, now=NOW)
    assert stream.getvalue().count("ab cd") == 1


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    file = tmp_path / "a.der"
    file.write_bytes(b"old")
    write_file(str(file), b"new")
    assert file.read_bytes() == b"new"
    assert [one.name for one in tmp_path.iterdir()] == ["a.der"]
    with pytest.raises(OSError, match="No such file") as caught:
        write_file(str(tmp_path / "no" / "a.der"), b"new")
    assert caught.value.filename == str(tmp_path / "no" / "a.der")
