"""Logs: one line for each event, to stderr; JSON for programs, ``key=value`` on a terminal.

Every value is escaped, so no client can forge a line or drive a terminal. Nothing that is a
secret by name or by look is written, and of an object of unknown kind only its type.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import re
import sys
from collections.abc import Mapping, MutableMapping
from datetime import UTC, datetime, timedelta
from enum import Enum
from json.encoder import encode_basestring_ascii
from typing import Any, Final, TextIO, TypeAlias

import structlog

from certstatus.clock import Clock
from certstatus.meter import Meter
from certstatus.responder.exchange import HTTPReply

__all__ = ["AccessLog", "Logger", "configure_library_logs", "make_logger", "wants_json"]

Logger: TypeAlias = structlog.typing.FilteringBoundLogger

_Event: TypeAlias = MutableMapping[str, Any]

_ATOMIC: Final = 4_096
"""Bytes in one write to a pipe that other processes' lines can't cut in two (POSIX PIPE_BUF)."""

_FLUSH_SECONDS: Final = 0.05
"""How long a line of the access log may wait for others."""

_SECRET_NAMES: Final = re.compile(r"(?i)pass(word|phrase)?|pin|secret|token|private_key")
_KEY_FOOT: Final = "PRIVATE KEY-----"
_REDACTED: Final = "[redacted]"
_UNPLAIN: Final = re.compile(r"[^\x20-\x7e]")
_BARE: Final = re.compile(r"[A-Za-z0-9_.:/+@%-]+")


def wants_json(stream: TextIO) -> bool:
    """Say whether a program reads this stream, and not a person."""
    return not stream.isatty()


def make_logger(
    stream: TextIO | None = None, *, as_json: bool | None = None, level: int = logging.INFO
) -> Logger:
    """Make a logger that writes to ``stream``, by default stderr; no global state is touched."""
    stream = sys.stderr if stream is None else stream
    logger: Logger = structlog.wrap_logger(
        structlog.WriteLogger(stream),
        processors=_processors(wants_json(stream) if as_json is None else as_json),
        wrapper_class=structlog.make_filtering_bound_logger(level),
        cache_logger_on_first_use=True,
    )
    return logger


def configure_library_logs(stream: TextIO | None = None, *, as_json: bool | None = None) -> None:
    """Let what lower floors log by themselves look the same; sets structlog's global state."""
    stream = sys.stderr if stream is None else stream
    structlog.configure(
        processors=_processors(wants_json(stream) if as_json is None else as_json),
        logger_factory=structlog.WriteLoggerFactory(stream),
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
    )


def _processors(as_json: bool) -> list[structlog.typing.Processor]:
    return [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
        structlog.processors.format_exc_info,
        _redact,
        _render_json if as_json else _render_logfmt,
    ]


class AccessLog:
    """Writes a line for each answer; a listener of ``Server``.

    Lines go out together a few times a second, in writes that other processes' lines
    can't cut: a write for each would cost as much as the answer itself. A line that can't be
    written is lost, and counted.
    """

    def __init__(self, clock: Clock, meter: Meter, *, fd: int = 2, as_json: bool = True) -> None:
        self._meter = meter
        self._clock = clock
        self._fd = fd
        self._as_json = as_json
        self._lines: list[str] = []
        self._second = ""
        self._from = self._until = datetime.min.replace(tzinfo=UTC)

    def __call__(self, method: bytes, reply: HTTPReply, nanoseconds: int, peer: str) -> None:
        """Note an answer; it is written a moment later."""
        if not self._lines:
            asyncio.get_running_loop().call_later(_FLUSH_SECONDS, self.flush)
        self._lines.append(self._line(method, reply, nanoseconds, peer))

    def flush(self) -> None:
        """Write what is noted."""
        lines, self._lines = self._lines, []
        piece = b""
        for line in map(str.encode, lines):
            if len(piece) + len(line) > _ATOMIC:
                self._write(piece)
                piece = b""
            piece += line
        self._write(piece)

    def _line(self, method: bytes, reply: HTTPReply, nanoseconds: int, peer: str) -> str:
        # By hand: it is on the hot path. The method is one that the parser knows, the address
        # is the kernel's; only values of facts may hold what a client sent.
        time, verb, micros = self._time(), method.decode("ascii"), nanoseconds // 1000
        if not self._as_json:
            start = (
                f"time={time} event=request method={verb} status={reply.status} "
                f"bytes={len(reply.body)} us={micros} remote={peer}"
            )
            return " ".join([start, *_pairs(reply.facts)]) + "\n"
        start = (
            f'{{"time":"{time}","event":"request","method":"{verb}","status":{reply.status},'
            f'"bytes":{len(reply.body)},"us":{micros},"remote":"{peer}"'
        )
        facts = "".join([f',"{name}":{_json(value)}' for name, value in reply.facts.items()])
        return f"{start}{facts}}}\n"

    def _time(self) -> str:
        now = self._clock.now()
        if not self._from <= now < self._until:
            self._from = now.replace(microsecond=0)
            self._until = self._from + timedelta(seconds=1)
            self._second = f"{self._from:%Y-%m-%dT%H:%M:%S}"
        return f"{self._second}.{now.microsecond:06d}Z"

    def _write(self, piece: bytes) -> None:
        try:
            while piece:
                piece = piece[os.write(self._fd, piece) :]
        except OSError:
            for _ in range(piece.count(b"\n")):
                self._meter.count("access_lines_lost")


def _plain(value: object) -> object:
    """Make a value of JSON's kinds of any other; of an unknown object, its type alone."""
    plain: object = f"<{type(value).__name__}>"
    match value:
        case datetime():
            plain = value.isoformat()
        case bytes():
            plain = value.hex()
        case Enum():
            plain = value.name
        case Mapping():
            plain = dict(value)
        case os.PathLike():
            plain = os.fsdecode(value)
        case BaseException():
            plain = str(value)
    return plain


def _json(value: object) -> str:
    """Write a value as JSON, quickly where it is text."""
    return encode_basestring_ascii(value) if type(value) is str else _encode(value)


_encode: Final = json.JSONEncoder(separators=(",", ":"), default=_plain).encode


def _redact(_logger: object, _method: str, event: _Event) -> _Event:
    for name, value in event.items():
        if _SECRET_NAMES.fullmatch(name) or _KEY_FOOT in _text(value):
            event[name] = _REDACTED
    return event


def _text(value: object) -> str:
    return value if isinstance(value, str) else _encode(value)


def _render_json(_logger: object, _method: str, event: _Event) -> str:
    first = {name: event.pop(name) for name in ("time", "level", "event") if name in event}
    return _encode({**first, **event})


def _render_logfmt(_logger: object, _method: str, event: _Event) -> str:
    trace = event.pop("exception", None)
    first = {name: event.pop(name) for name in ("time", "level", "event") if name in event}
    line = " ".join(_pairs({**first, **event}))
    return f"{line}\n{_escape_lines(trace)}" if trace else line


def _pairs(fields: Mapping[str, object]) -> list[str]:
    return [f"{name}={_quoted(value)}" for name, value in fields.items()]


def _quoted(value: object) -> str:
    text = _text(value)
    return text if not isinstance(value, str) or _BARE.fullmatch(text) else _encode(text)


def _escape_lines(trace: str) -> str:
    """Indent a traceback; of what is in its lines, escape what is not plain."""
    lines = (_UNPLAIN.sub(lambda odd: _encode(odd[0])[1:-1], line) for line in trace.split("\n"))
    return "\n".join(f"    {line}" for line in lines)
