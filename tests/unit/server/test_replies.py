"""The head of a reply: what is the same for a second is written once in it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from certstatus.responder.exchange import HTTPReply
from certstatus.server.replies import ReplyWriter

NOW = datetime(2026, 11, 21, 12, 0, 0, 250_000, tzinfo=UTC)


def date(message: bytes) -> bytes:
    return message.partition(b"Date: ")[2].partition(b"\r\n")[0]


def written(writer: ReplyWriter, now: datetime, status: int = 200) -> bytes:
    return writer.message(HTTPReply(status), now, b"", has_body=True)


@pytest.mark.parametrize(
    ("later", "seconds"),
    [
        (timedelta(0), b"00"),
        (timedelta(milliseconds=749), b"00"),
        (timedelta(milliseconds=750), b"01"),
        (timedelta(seconds=59), b"59"),
        (timedelta(milliseconds=-251), b"59"),
    ],
)
def test_date_is_that_of_the_second_also_where_the_clock_is_set_back(
    later: timedelta, seconds: bytes
) -> None:
    writer = ReplyWriter()
    assert date(written(writer, NOW)) == b"Sat, 21 Nov 2026 12:00:00 GMT"
    assert date(written(writer, NOW + later))[-6:-4] == seconds


def test_date_is_written_once_in_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    times: list[datetime] = []

    def note(moment: datetime, *, usegmt: bool) -> str:
        times.append(moment)
        return format_datetime(moment, usegmt=usegmt)

    monkeypatch.setattr("certstatus.server.replies.format_datetime", note)
    writer = ReplyWriter()
    for milliseconds in range(0, 3_000, 10):
        now = NOW.replace(microsecond=0) + timedelta(milliseconds=milliseconds)
        assert written(writer, now).startswith(writer.start(200, now))
    assert times == [NOW.replace(microsecond=0, second=second) for second in range(3)]


def test_each_status_has_its_own_line() -> None:
    writer = ReplyWriter()
    assert [written(writer, NOW, status).partition(b"\r\n")[0] for status in (200, 404, 200)] == [
        b"HTTP/1.1 200 OK",
        b"HTTP/1.1 404 Not Found",
        b"HTTP/1.1 200 OK",
    ]
