"""A server process for test_workers.py to start: ``python served_process.py FOLDER SETTINGS``.

What it serves is ruled by files in FOLDER: ``word`` is what it answers and is read anew by a
reload; ``go`` lets ``/wait`` be answered; ``broken`` is an error that keeps workers from
starting; ``unready`` is a reason not to be ready. When all workers serve, it writes where as
JSON on standard output.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Coroutine, Mapping
from dataclasses import asdict
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from certstatus.errors import ConfigError
from certstatus.responder.exchange import Headers, HTTPReply, HTTPRequest
from certstatus.server import Check, Patience, Ready, Settings, Tools, make_logger, serve

FOLDER = Path(sys.argv[1])


class _Face:
    def __init__(self, word: str) -> None:
        self._word = word

    def admit(self, method: bytes, target: bytes, headers: Headers) -> HTTPReply | None:
        """Take everything."""
        return None

    def refuse(self, request: HTTPRequest, now: object) -> HTTPReply | None:
        """Leave it to ``reply``."""
        return None

    def put_off(self, request: HTTPRequest) -> HTTPReply:
        """Say that there is no time."""
        return HTTPReply(200, (), b"later")

    def reply(
        self, request: HTTPRequest, now: datetime
    ) -> HTTPReply | Coroutine[Any, Any, HTTPReply]:
        """Say the word, the process, and how long a thread's turn is."""
        if request.target == b"/wait":
            return self._wait()
        return self._say()

    def _say(self) -> HTTPReply:
        said = {"word": self._word, "pid": os.getpid(), "turn": sys.getswitchinterval()}
        body = json.dumps(said).encode()
        return HTTPReply(200, (), body, {"lane": "cached"})

    async def _wait(self) -> HTTPReply:
        (FOLDER / "waiting").touch()
        while not (FOLDER / "go").exists():  # noqa: ASYNC110 (the test speaks by files)
            await asyncio.sleep(0.005)
        return self._say()


class _Service:
    def __init__(self, tools: Tools) -> None:
        self._index = tools.index
        self.face = _Face(self._read())

    @property
    def checks(self) -> Mapping[str, Check]:
        """Look for a reason."""
        return {"file": self._check}

    @property
    def details(self) -> Mapping[str, object]:
        """Say which worker."""
        return {"worker": self._index}

    async def _check(self) -> str | None:
        unready = FOLDER / "unready"
        return unready.read_text() if unready.exists() else None

    async def reload(self) -> None:
        """Read the word anew."""
        self.face = _Face(self._read())

    async def close(self) -> None:
        """Leave a trace."""
        (FOLDER / f"closed-{self._index}").touch()

    def _read(self) -> str:
        broken = FOLDER / "broken"
        if broken.exists():
            if broken.read_text() == "defect":
                raise ValueError("a defect")
            raise ConfigError(broken.read_text(), key="word", remedy="mend it")
        return (FOLDER / "word").read_text()


async def _make(tools: Tools) -> _Service:
    return _Service(tools)


def _tell(ready: Ready) -> None:
    print(json.dumps(asdict(ready)), flush=True)  # noqa: T201 (the test reads it)


def main() -> int:
    """Serve."""
    wanted: dict[str, Any] = json.loads(sys.argv[2])
    settings = Settings(
        addresses=[("127.0.0.1", wanted.get("port", 0))],
        unix_paths=[FOLDER / "socket"],
        admin=("127.0.0.1", 0),
        workers=wanted.get("workers", 1),
        drain_time=timedelta(seconds=wanted.get("drain", 10)),
    )
    patience = Patience(
        restart_delay=timedelta(milliseconds=5), max_restart_delay=timedelta(milliseconds=20)
    )
    try:
        return serve(_make, settings, log=make_logger(as_json=True), ready=_tell, patience=patience)
    except ConfigError as error:
        print(error, file=sys.stderr)  # noqa: T201 (as the command does)
        return error.exit_code


if __name__ == "__main__":
    sys.exit(main())
