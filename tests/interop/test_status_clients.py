"""The clients of the manual, run as it says, take good staples and refuse wrong ones."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import httpx2
import pytest
import requests
import urllib3
from OpenSSL import SSL

from certstatus.tls import PeerStatus, StatusChecker
from certstatus.verify import Verdict
from tests.stapling import ALERT_113, NO_ALERT, Serving, both_versions, snippets

pytestmark = pytest.mark.interop

CLIENTS: dict[str, type[Exception]] = {
    "aiohttp": aiohttp.ClientConnectorError,
    "asyncio": ssl.SSLError,
    "http.client": ssl.SSLError,
    "httpx2": httpx2.ConnectError,
    "httpx2-async": httpx2.ConnectError,
    "pyopenssl": SSL.Error,
    "requests": requests.exceptions.SSLError,
    "urllib3": urllib3.exceptions.SSLError,
}
"""Each client's own error for a handshake that failed."""

ASYNCHRONOUS = ("aiohttp", "asyncio", "httpx2-async")
ENDINGS = dict.fromkeys(CLIENTS, ALERT_113) | dict.fromkeys(ASYNCHRONOUS, NO_ALERT)
"""What the server hears: asyncio and anyio hang up without sending the alert that is written."""

WRONG = {
    "revoked": Verdict.REVOKED,
    "expired": Verdict.UNTRUSTED,
    "of another certificate": Verdict.UNTRUSTED,
    "tampered with": Verdict.UNTRUSTED,
}

Stapled = Callable[[str, ssl.TLSVersion], Serving]
each_client = pytest.mark.parametrize("name", CLIENTS)


@dataclass
class Program:
    """A client of the manual; ``names`` are what it has named, also where it broke off."""

    monkeypatch: pytest.MonkeyPatch
    names: dict[str, Any] = field(default_factory=lambda: {"__name__": "manual"})

    def run(self, name: str, server: Serving) -> None:
        """Run it against a server, trusting the server's root."""
        self.monkeypatch.setenv("SSL_CERT_FILE", str(server.root))
        code = snippets("client")[name].replace("8443", str(server.port))
        exec(compile(code, name, "exec"), self.names)

    @property
    def status(self) -> PeerStatus:
        """What its checker has found last."""
        checker: StatusChecker[Any] = self.names["checker"]
        status = checker.latest("localhost")
        assert status is not None
        return status


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Program:
    return Program(monkeypatch)


def test_every_client_of_the_manual_is_run() -> None:
    assert snippets("client").keys() - {"twisted"} == CLIENTS.keys()


@each_client
@both_versions
@pytest.mark.rule("T4")
def test_a_good_staple_is_taken_and_its_report_is_found(
    stapled: Stapled,
    client: Program,
    capsys: pytest.CaptureFixture[str],
    name: str,
    version: ssl.TLSVersion,
) -> None:
    client.run(name, stapled("good", version))

    assert capsys.readouterr().out == "localhost: good\n"
    report = client.status.report
    assert report is not None
    assert report.verdict is Verdict.GOOD


@each_client
@both_versions
@pytest.mark.rule("T4")
@pytest.mark.parametrize("kind", WRONG)
def test_a_wrong_staple_ends_the_handshake_and_its_report_is_found(
    stapled: Stapled,
    client: Program,
    name: str,
    version: ssl.TLSVersion,
    kind: str,
) -> None:
    server = stapled(kind, version)
    mark = server.mark()

    with pytest.raises(CLIENTS[name], match=r"(?i)invalid.status.response"):
        client.run(name, server)

    server.await_log(ENDINGS[name], mark)
    status = client.status
    assert status.verdict is WRONG[kind]
    assert status.report is not None
    assert [one.rule for one in status.failures] == ["T4"]


@each_client
@both_versions
@pytest.mark.rule("T10", "T11")
def test_without_a_staple_the_client_goes_on_where_none_was_promised(
    stapled: Stapled,
    client: Program,
    name: str,
    version: ssl.TLSVersion,
) -> None:
    client.run(name, stapled("none", version))

    assert client.status.verdict is None


@each_client
@both_versions
@pytest.mark.rule("T10")
def test_without_a_staple_the_client_ends_the_handshake_where_one_was_promised(
    stapled: Stapled,
    client: Program,
    name: str,
    version: ssl.TLSVersion,
) -> None:
    server = stapled("promised, and none", version)
    mark = server.mark()

    with pytest.raises(CLIENTS[name]):
        client.run(name, server)

    server.await_log(ENDINGS[name], mark)
    assert [one.rule for one in client.status.failures] == ["T10"]
