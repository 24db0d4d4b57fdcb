from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest

from certstatus.ocsp import CertStatus, Good, Revoked
from certstatus.requestor import CheckResult, Requestor
from certstatus.testing import Forge, TinyCA
from certstatus.tls.checker import StatusChecker
from certstatus.tls.openssl import require_status
from certstatus.tls.peer import PeerStatus
from certstatus.verify import Verdict
from tests.scripted import OCSP, Asked, Reply, ScriptedServer
from tests.shaking import NOW, Shelf, client_context, server_context, shake_hands
from tests.unit.tls.test_openssl import attach

CA = TinyCA("Root")
LEAF = CA.issue_server("leaf.example")
Ask = Callable[[StatusChecker[Any], Any], CheckResult]


def at_once(checker: StatusChecker[Any], connection: Any) -> CheckResult:
    return checker.check(connection)


def in_a_loop(checker: StatusChecker[Any], connection: Any) -> CheckResult:
    work: Coroutine[Any, Any, CheckResult] = checker.acheck(connection)
    return asyncio.run(work)


@pytest.fixture
def responder() -> Iterator[ScriptedServer]:
    with ScriptedServer() as server:
        yield server


def answering(status: CertStatus) -> Callable[[Asked], Reply]:
    forge = Forge.honest(CA, LEAF.certificate.serial_number).but(now=NOW, cert_status=status)
    return lambda _: Reply(body=forge.der, headers={"Content-Type": OCSP})


@pytest.mark.rule("T11")
@pytest.mark.parametrize("ask", [at_once, in_a_loop])
@pytest.mark.parametrize(
    ("status", "verdict"), [(Good(), Verdict.GOOD), (Revoked(NOW), Verdict.REVOKED)]
)
def test_where_no_staple_came_the_responder_is_asked_after_the_handshake(
    ask: Ask, status: CertStatus, verdict: Verdict, responder: ScriptedServer, tmp_path: Path
) -> None:
    responder.script = answering(status)
    client = client_context(CA.certificate)
    checker = require_status(client, requestor=Requestor(urls=(responder.url,)))
    connection = shake_hands(server_context(LEAF, [], tmp_path), client)
    assert not responder.asked

    result = ask(checker, connection)

    assert result.verdict is verdict
    assert len(responder.asked) == 1


@pytest.mark.parametrize("ask", [at_once, in_a_loop])
def test_where_a_staple_came_nobody_is_asked(
    ask: Ask, responder: ScriptedServer, tmp_path: Path
) -> None:
    server, shelf = server_context(LEAF, [], tmp_path), Shelf()
    laid = shelf.put(CA, LEAF.certificate)
    attach(server, shelf)
    client = client_context(CA.certificate)
    checker = require_status(client, requestor=Requestor(urls=(responder.url,)))

    result = ask(checker, shake_hands(server, client))

    assert result.method == "staple"
    assert result.verdict is Verdict.GOOD
    assert result.require().der == laid.der
    assert not responder.asked


def test_a_listener_hears_of_every_handshake_as_it_happens(tmp_path: Path) -> None:
    heard: list[PeerStatus] = []
    client = client_context(CA.certificate)
    checker = require_status(client, on_status=heard.append)
    server = server_context(LEAF, [], tmp_path)

    connections = [shake_hands(server, client) for _ in range(2)]

    assert [checker.status_of(one) for one in connections] == heard


def test_a_verdict_is_forgotten_with_its_connection(tmp_path: Path) -> None:
    client = client_context(CA.certificate)
    checker = require_status(client)
    connections = [shake_hands(server_context(LEAF, [], tmp_path), client)]
    assert len(checker._by_connection) == 1

    connections.clear()

    assert len(checker._by_connection) == 0
