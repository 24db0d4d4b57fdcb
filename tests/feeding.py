"""A responder that feeds a stapler, and ears for what the stapler tells; nobody sleeps."""

from __future__ import annotations

import threading
from base64 import b64decode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from cryptography import x509

from certstatus.ocsp import OCSPRequest, parse_request
from certstatus.pkix import Certificate, HashAlgorithm
from certstatus.requestor import AskPolicy, CheckPolicy, Requestor
from certstatus.staple import StapleEvent, StapleEventKind, Stapler
from certstatus.testing import FixedClock, Forge, TinyCA
from tests.scripted import OCSP, Asked, Reply, ScriptedServer

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
SECOND, HOUR, DAY = timedelta(seconds=1), timedelta(hours=1), timedelta(days=1)
PATIENCE = 20.0
"""Seconds until a test that waits for what never happens fails."""

CA = TinyCA("Feeding CA")
DELEGATE = CA.issue_responder()
MUST_STAPLE = (x509.TLSFeatureType.status_request,)
HASHES = (HashAlgorithm.SHA1, HashAlgorithm.SHA256)
POLICY = CheckPolicy(ask=AskPolicy(hashes=HASHES, attempts=1), allow_private=True)

Change = Callable[[Forge], Forge]


def as_it_is(forge: Forge) -> Forge:
    """Tell no lie."""
    return forge


def until(holds: Callable[[], object]) -> None:
    """Wait until something holds that no event tells of."""
    for _ in range(int(PATIENCE * 1000)):
        if holds():
            return
        threading.Event().wait(0.001)
    pytest.fail("it never came to hold")


class Hears:
    """Every event in its order, and a way to wait for one."""

    def __init__(self) -> None:
        self.events: list[StapleEvent] = []
        self._changed = threading.Condition()

    def __call__(self, event: StapleEvent) -> None:
        with self._changed:
            self.events.append(event)
            self._changed.notify_all()

    @property
    def kinds(self) -> list[str]:
        """The events' kinds."""
        return [event.kind.value for event in self.events]

    def wait(self, kind: StapleEventKind, count: int = 1) -> StapleEvent:
        """Wait for the ``count``-th event of a kind."""

        def found() -> list[StapleEvent]:
            return [event for event in self.events if event.kind is kind][count - 1 :]

        with self._changed:
            assert self._changed.wait_for(found, PATIENCE), f"no {kind} among {self.kinds}"
            return found()[0]


@dataclass
class Feed:
    """A scripted responder for the CA's certificates, and a clock that stands still."""

    server: ScriptedServer
    clock: FixedClock = field(default_factory=lambda: FixedClock(NOW))
    change: Change = as_it_is
    reply: Callable[[], Reply] | None = None
    """Answers in place of the forge."""
    headers: dict[str, str] = field(default_factory=dict)
    requests: list[OCSPRequest] = field(default_factory=list)
    is_open: threading.Event = field(default_factory=threading.Event)
    """While it is not set, every request hangs."""
    most_at_once: int = 0
    _at_once: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.server.script = self._answer
        self.is_open.set()

    def _answer(self, asked: Asked) -> Reply:
        with self._lock:
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
        try:
            return self._reply(asked)
        finally:
            with self._lock:
                self._at_once -= 1

    def _reply(self, asked: Asked) -> Reply:
        if asked.method == "GET" and asked.path == "/ca":
            return Reply(200, CA.certificate.der)
        der = asked.body or b64decode(unquote(asked.path.rpartition("/")[2]), validate=True)
        request = parse_request(der)
        self.requests.append(request)
        assert self.is_open.wait(PATIENCE)
        if self.reply is not None:
            return self.reply()
        forge = Forge.honest(CA, 1, DELEGATE).but(now=self.clock.now(), cert_ids=request.cert_ids)
        return Reply(200, self.change(forge).der, {"Content-Type": OCSP, **self.headers})

    def leaf(self, host: str = "leaf.example", **wishes: Any) -> Certificate:
        """Issue a server's certificate that names this responder."""
        wishes.setdefault("ocsp_uris", [self.server.url])
        return CA.issue_server(host, **wishes).certificate

    @contextmanager
    def stapler(
        self, directory: Path | None = None, **settings: Any
    ) -> Iterator[tuple[Stapler, Hears]]:
        """Lend a stapler that is closed in the end; in memory where no directory is named."""
        hears = Hears()
        settings.setdefault("requestor", Requestor(policy=POLICY, clock=self.clock))
        settings.setdefault("on_event", hears)
        try:
            with Stapler(directory=directory, in_memory=directory is None, **settings) as stapler:
                yield stapler, hears
        finally:
            self.is_open.set()

    def later(self, by: timedelta, stapler: Stapler) -> None:
        """Let time go by."""
        self.clock.advance(by)
        stapler.wake()
