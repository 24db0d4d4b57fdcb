"""Log lines: one for each event, whole, escaped, and without secrets."""

from __future__ import annotations

import asyncio
import io
import json
import os
from datetime import UTC, datetime
from enum import Enum
from pathlib import Path
from typing import Any

import pytest

from certstatus.errors import ConfigError
from certstatus.responder.exchange import HTTPReply
from certstatus.server.log import AccessLog, make_logger, wants_json
from certstatus.testing import FixedClock
from tests.serving import Counts, until

_HOSTILE = 'a\n{"event":"forged"}\r\x1b[2J\x00\x9b é "quoted"'


def _said(**fields: Any) -> dict[str, Any]:
    stream = io.StringIO()
    make_logger(stream, as_json=True).info("event_name", **fields)
    (line,) = stream.getvalue().splitlines()
    said: dict[str, Any] = json.loads(line)
    return said


def _shown(**fields: Any) -> str:
    stream = io.StringIO()
    make_logger(stream, as_json=False).info("event_name", **fields)
    return stream.getvalue()


def test_a_line_has_time_level_and_event_first() -> None:
    said = _said(worker=1, address="::1", ok=True, nothing=None)
    assert list(said) == ["time", "level", "event", "worker", "address", "ok", "nothing"]
    assert datetime.fromisoformat(said["time"]).tzinfo == UTC
    assert (said["level"], said["worker"], said["ok"], said["nothing"]) == ("info", 1, True, None)


def test_on_a_terminal_a_line_is_key_and_value() -> None:
    assert _shown(worker=1, text="two words", path="/a/b-c:d").endswith(
        ' level=info event=event_name worker=1 text="two words" path=/a/b-c:d\n'
    )


def test_what_a_client_sent_can_neither_forge_a_line_nor_drive_a_terminal() -> None:
    assert _said(text=_HOSTILE)["text"] == _HOSTILE
    for line in (_shown(text=_HOSTILE), _shown(exception=_HOSTILE)):
        assert all(" " <= character <= "~" for character in line.replace("\n", ""))
    assert _shown(text=_HOSTILE).count("\n") == 1


@pytest.mark.parametrize(
    "name", ["password", "passphrase", "pin", "Secret", "private_key", "token"]
)
def test_what_is_a_secret_by_name_is_not_written(name: str) -> None:
    assert _said(**{name: "hunter2"})[name] == "[redacted]"


@pytest.mark.parametrize("kind", ["", "RSA ", "EC ", "ENCRYPTED "])
def test_what_looks_like_a_key_is_not_written(kind: str) -> None:
    pem = f"-----BEGIN {kind}PRIVATE KEY-----\nMII\n-----END {kind}PRIVATE KEY-----\n"
    for said in (_said(error=pem), _said(nested=[{"deep": pem}]), _said(data=ValueError(pem))):
        assert "MII" not in json.dumps(said)


class _Colour(Enum):
    RED = 1


def test_values_of_other_kinds_are_written_plainly_and_unknown_objects_by_their_type() -> None:
    said = _said(
        when=datetime(2026, 11, 21, tzinfo=UTC),
        digest=b"\x00\xff",
        path=Path("/x"),
        colour=_Colour.RED,
        error=ConfigError("no", key="k"),
        thing=object(),
        pair=(1, "b"),
    )
    del said["time"], said["level"], said["event"]
    assert said == {
        "when": "2026-11-21T00:00:00+00:00",
        "digest": "00ff",
        "path": "/x",
        "colour": "RED",
        "error": "k: no",
        "thing": "<object>",
        "pair": [1, "b"],
    }


def test_a_traceback_shows_no_values_of_variables() -> None:
    stream = io.StringIO()
    passphrase = "hunter" + "2"
    try:
        int(passphrase[0])
    except ValueError:
        make_logger(stream, as_json=True).exception("oops")
    (line,) = stream.getvalue().splitlines()
    assert "ValueError: invalid literal" in json.loads(line)["exception"]
    assert "hunter2" not in line


def test_a_stream_that_is_no_terminal_gets_json() -> None:
    assert wants_json(io.StringIO())


# --- the access log --------------------------------------------------------------------------


def _accesses(replies: list[tuple[bytes, HTTPReply]], *, as_json: bool = True) -> bytes:
    read, write = os.pipe()

    async def say() -> None:
        access = AccessLog(FixedClock(), Counts(), fd=write, as_json=as_json)
        for method, reply in replies:
            access(method, reply, 42_999, "192.0.2.1")
        await until(lambda: not access._lines)  # it writes by itself

    asyncio.run(say())
    os.close(write)
    with os.fdopen(read, "rb") as pipe:
        return pipe.read()


_GOOD = HTTPReply(200, (), b"12345", {"lane": "cached", "serial": "00ff", "certStatus": ("good",)})


def test_an_answer_is_one_line_with_its_facts() -> None:
    assert json.loads(_accesses([(b"GET", _GOOD)])) == {
        "time": "2026-11-21T12:00:00.000000Z",
        "event": "request",
        "method": "GET",
        "status": 200,
        "bytes": 5,
        "us": 42,
        "remote": "192.0.2.1",
        "lane": "cached",
        "serial": "00ff",
        "certStatus": ["good"],
    }


def test_on_a_terminal_an_answer_is_key_and_value() -> None:
    assert _accesses([(b"GET", _GOOD)], as_json=False) == (
        b"time=2026-11-21T12:00:00.000000Z event=request method=GET status=200 bytes=5 us=42 "
        b'remote=192.0.2.1 lane=cached serial=00ff certStatus=["good"]\n'
    )


@pytest.mark.parametrize("as_json", [True, False])
def test_hostile_facts_stay_on_their_line(as_json: bool) -> None:
    line = _accesses([(b"", HTTPReply(400, facts={"cause": _HOSTILE}))], as_json=as_json)
    assert line.count(b"\n") == 1
    assert all(0x20 <= octet <= 0x7E for octet in line[:-1])
    if as_json:
        assert json.loads(line)["cause"] == _HOSTILE


def test_many_lines_go_out_whole_in_writes_that_nothing_can_cut(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    writes: list[bytes] = []
    write = os.write

    def watch(fd: int, data: bytes) -> int:
        writes.append(data)
        return write(fd, data)

    monkeypatch.setattr("certstatus.server.log.os.write", watch)
    lines = _accesses([(b"POST", _GOOD)] * 100).splitlines()
    assert [json.loads(line)["method"] for line in lines] == ["POST"] * 100
    assert len(writes) < 10
    assert all(len(data) <= 4_096 and data.endswith(b"\n") for data in writes)


def test_lines_that_cannot_be_written_are_counted() -> None:
    counts = Counts()
    read, write = os.pipe()
    os.close(read)

    async def say() -> None:
        access = AccessLog(FixedClock(), counts, fd=write)
        access(b"GET", _GOOD, 1, "")
        access(b"GET", _GOOD, 1, "")
        access.flush()

    asyncio.run(say())
    os.close(write)
    assert counts.seen == {("access_lines_lost",): 2}
