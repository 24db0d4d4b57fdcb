"""An upstream responder in a configuration: served from, counted, and refused where it can't be."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Callable, Iterator

import pytest

from certstatus.errors import ConfigError
from certstatus.ocsp import CertID, Good, encode_request, parse_response
from certstatus.responder import HTTPReply
from certstatus.responder.exchange import HTTPRequest
from certstatus.server.assembly import OCSPService
from certstatus.server.config import parse_config
from certstatus.server.log import make_logger
from certstatus.server.worker import Tools
from certstatus.testing import LIES, FixedClock, Forge, Lab, build_lab
from tests.scripted import Reply, ScriptedServer
from tests.serving import Counts

TYPE = ((b"content-type", b"application/ocsp-request"),)
Make = Callable[[str], OCSPService]


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Lab:
    return build_lab(tmp_path_factory.mktemp("assembly") / "lab", now=FixedClock().now())


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer() as running:
        yield running


@pytest.fixture
def counts() -> Counts:
    return Counts()


@pytest.fixture
def make(lab: Lab, counts: Counts) -> Make:
    def service(url: str) -> OCSPService:
        table = {
            "authority": [
                {
                    "name": "Lab",
                    "certificate": "ca.pem",
                    "signer": [{"certificate": "responder.pem", "key": "responder.key"}],
                    "source": [{"upstream": url}],
                }
            ]
        }
        log = make_logger(io.StringIO(), as_json=True)
        tools = Tools(clock=FixedClock(), meter=counts, log=log, index=0)
        return OCSPService(lambda: parse_config(table, file=None, base=lab.directory), tools)

    return service


def ask(service: OCSPService, cert_id: CertID) -> bytes:
    async def exchange() -> HTTPReply:
        request = HTTPRequest(b"POST", b"/", TYPE, encode_request([cert_id]))
        reply = service.face.reply(request, FixedClock().now())
        return reply if isinstance(reply, HTTPReply) else await reply

    return asyncio.run(exchange()).body


def health(service: OCSPService) -> str | None:
    async def look() -> str | None:
        return await service.checks["Lab"]()

    return asyncio.run(look())


@pytest.mark.rule("O19")
def test_what_the_upstream_says_is_signed_and_does_not_outlive_it(
    lab: Lab, make: Make, server: ScriptedServer
) -> None:
    forge = Forge.honest(lab.ca, 7, lab.responder)
    server.script = lambda _: Reply(body=forge.der)

    response = parse_response(ask(make(server.url), CertID.of(lab.ca.certificate, 7)))

    assert response.basic is not None
    (single,) = response.basic.tbs_response_data.responses
    (theirs,) = forge.data.responses
    assert single.cert_status == Good()
    assert single.this_update == theirs.this_update
    assert single.next_update is not None
    assert theirs.next_update is not None
    assert single.next_update <= theirs.next_update


@pytest.mark.rule("O11")
def test_a_lie_is_try_later_and_counted(
    lab: Lab, make: Make, server: ScriptedServer, counts: Counts
) -> None:
    _, tell_lie = LIES["stranger's delegate"]
    lie = tell_lie(Forge.honest(lab.ca, 7, lab.responder))
    server.script = lambda _: Reply(body=lie.der)

    response = parse_response(ask(make(server.url), CertID.of(lab.ca.certificate, 7)))

    assert response.response_status.label == "tryLater"
    assert counts.seen[("source_alarms", "Lab", "upstream-untrusted")] == 1


def test_an_upstream_that_refuses_unknown_serials_is_ready_and_a_dead_one_is_not(
    make: Make, server: ScriptedServer
) -> None:
    server.script = lambda _: Reply(body=bytes.fromhex("30030a0106"))
    assert health(make(server.url)) is None

    server.script = lambda _: Reply(status=503)
    assert "503" in str(health(make(server.url)))


def test_an_upstream_that_can_not_be_asked_is_a_config_error(make: Make) -> None:
    with pytest.raises(ConfigError, match="ftp is not HTTP") as error:
        make("ftp://ca.example/")

    assert error.value.key == "upstream"
