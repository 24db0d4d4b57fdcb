"""``certstatus serve`` as people run it: a process, its log lines, and its end."""

from __future__ import annotations

import json
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx2

from certstatus.ocsp import CertID, SingleResponse, encode_request, parse_response

SECONDS = 20
OCSP = {"Content-Type": "application/ocsp-request"}


def until(what: str, is_so: Callable[[], object]) -> None:
    """Wait for something that is to become so."""
    deadline = time.monotonic() + SECONDS
    while not is_so():
        assert time.monotonic() < deadline, f"not in time: {what}"
        time.sleep(0.02)


@dataclass
class Responding:
    """A responder in a process of its own; ``with`` waits until it serves, and ends it."""

    arguments: list[str]
    directory: Path
    events: list[dict[str, Any]] = field(default_factory=list)

    def __enter__(self) -> Self:
        command = [sys.executable, "-m", "certstatus", "serve", *self.arguments]
        self.process = subprocess.Popen(
            command, cwd=self.directory, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        self._lines: queue.Queue[str | None] = queue.Queue()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()
        try:
            ready = self.wait_for("ready")
        except BaseException:
            self.end(signal.SIGKILL)  # nobody else will: a ``with`` that was not entered has no end
            raise
        self.url = f"http://{ready['addresses'][0]}/"
        self.admin_url = "".join(f"http://{one}/" for one in ready["admin"][:1])
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.end()

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self._lines.put(line)
        self._lines.put(None)

    def wait_for(self, event: str) -> dict[str, Any]:
        """Return the next log line of that event; fails where the process ends before."""
        deadline = time.monotonic() + SECONDS
        while True:
            line = self._lines.get(timeout=max(deadline - time.monotonic(), 0.01))
            assert line is not None, f"ended before {event}: {self.events}"
            told: dict[str, Any] = json.loads(line)
            self.events.append(told)
            if told["event"] == event:
                return told

    def send(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """End it with a signal, and return its exit code; what it said stays in ``events``."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        code = self.process.wait(SECONDS)
        self._reader.join(SECONDS)
        while (line := self._lines.get_nowait() if not self._lines.empty() else None) is not None:
            self.events.append(json.loads(line))
        for stream in (self.process.stdout, self.process.stderr):
            if stream is not None:
                stream.close()
        return code

    def post(self, der: bytes) -> httpx2.Response:
        """Ask over a connection of its own, so that any worker may answer."""
        return httpx2.post(self.url, content=der, headers=OCSP, timeout=10, trust_env=False)

    def ask(self, cert_id: CertID) -> SingleResponse:
        """Ask for one certificate, and return what is said of it."""
        response = parse_response(self.post(encode_request([cert_id])).content)
        assert response.basic is not None, response.response_status
        (single,) = response.basic.tbs_response_data.responses
        return single

    def refusal(self, der: bytes) -> str:
        """Ask, and return the error status that comes."""
        return parse_response(self.post(der).content).response_status.label
