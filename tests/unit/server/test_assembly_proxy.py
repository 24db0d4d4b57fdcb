"""A proxy in a configuration: served from, counted, examined, and refused where it can't be."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from certstatus.errors import ConfigError
from certstatus.ocsp import CertID, OCSPResponse, encode_request, parse_response
from certstatus.responder import HTTPReply, HTTPRequest
from certstatus.server.assembly import OCSPService
from certstatus.server.config import parse_config
from certstatus.server.examination import Examination
from certstatus.server.examining import examine
from certstatus.server.log import make_logger
from certstatus.server.worker import Tools
from certstatus.testing import LIES, FixedClock, Forge, Lab, build_lab
from tests.proxying import Signing
from tests.scripted import Reply, ScriptedServer
from tests.serving import Counts

TYPE = ((b"content-type", b"application/ocsp-request"),)


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Lab:
    return build_lab(tmp_path_factory.mktemp("proxied") / "lab", now=FixedClock().now())


@pytest.fixture
def server(lab: Lab) -> Iterator[ScriptedServer]:
    with ScriptedServer() as running:
        running.script = Signing(Forge.honest(lab.ca, 7, lab.responder))
        yield running


class Served:
    """A service over a table of one proxy, with its counts and log."""

    def __init__(self, lab: Lab, **proxy: Any) -> None:
        self.counts, self.written = Counts(), io.StringIO()
        self.lab = lab
        self.table: dict[str, Any] = {"proxy": [{"name": "Lab", "certificate": "ca.pem", **proxy}]}
        log = make_logger(self.written, as_json=True)
        tools = Tools(clock=FixedClock(), meter=self.counts, log=log, index=0)
        self.service = OCSPService(
            lambda: parse_config(self.table, file=None, base=lab.directory), tools
        )

    def ask(self, serial_number: int = 7) -> OCSPResponse:
        return parse_response(self.exchange(serial_number).body)

    def exchange(self, serial_number: int = 7) -> HTTPReply:
        return asyncio.run(self.ask_once(serial_number))

    async def ask_once(self, serial_number: int = 7) -> HTTPReply:
        der = encode_request([CertID.of(self.lab.ca.certificate, serial_number)])
        request = HTTPRequest(b"POST", b"/", TYPE, der)
        reply = self.service.face.reply(request, FixedClock().now())
        return reply if isinstance(reply, HTTPReply) else await reply

    def health(self) -> dict[str, str | None]:
        async def look() -> dict[str, str | None]:
            return {name: await check() for name, check in self.service.checks.items()}

        return asyncio.run(look())


@pytest.mark.rule("O12")
def test_a_proxy_alone_is_a_service(lab: Lab, server: ScriptedServer) -> None:
    served = Served(lab, upstream=server.url)

    assert served.ask().basic is not None
    assert served.health() == {"Lab": None}
    assert served.counts.seen[("upstream_questions", "Lab", "answered")] == 2


def test_an_authority_and_a_proxy_stand_beside_each_other(
    lab: Lab, server: ScriptedServer, tmp_path: Path
) -> None:
    other = build_lab(tmp_path / "other", now=FixedClock().now(), name="Other CA")
    served = Served(lab, upstream=server.url)
    served.table["authority"] = [
        {
            "certificate": str(other.ca_certificate),
            "signer": [
                {"certificate": str(other.responder_certificate), "key": str(other.responder_key)}
            ],
            "source": [{"index": str(other.index)}],
        }
    ]
    asyncio.run(served.service.reload())

    assert served.exchange().facts["lane"] == "proxied"
    served.lab = other
    assert served.exchange(other.good.certificate.serial_number).facts["lane"] == "live"
    assert set(served.health().values()) == {None}
    assert len(served.health()) == 2


@pytest.mark.rule("O11")
def test_a_lie_is_try_later_logged_and_counted(lab: Lab, server: ScriptedServer) -> None:
    _, tell_lie = LIES["stranger's delegate"]
    lie = tell_lie(Forge.honest(lab.ca, 7, lab.responder)).der
    server.script = lambda _: Reply(body=lie)
    served = Served(lab, upstream=server.url)

    assert served.ask().response_status.label == "tryLater"
    assert served.counts.seen[("source_alarms", "Lab", "upstream-untrusted")] == 1
    assert served.counts.seen[("upstream_questions", "Lab", "untrusted")] == 1
    events = [json.loads(line) for line in served.written.getvalue().splitlines()]
    assert events[-1]["event"] == "not_answered"
    assert events[-1]["cause"] == "sourceUnavailable"


@pytest.mark.parametrize(
    ("proxy", "key"),
    [
        ({"upstream": "ftp://ca.example/"}, "upstream"),
        ({"service_locator": "http://*.example/"}, "service_locator"),
        ({"upstream": "http://a.example/", "certificate": ["ca.pem", "ca.pem"]}, "proxy"),
        (
            {"upstream": "http://a.example/", "upstream_http_proxy": "ftp://me:secret@p.test/"},
            "upstream_http_proxy",
        ),
    ],
    ids=["scheme", "pattern", "one CA twice", "HTTP proxy"],
)
def test_what_can_not_be_asked_is_a_config_error(lab: Lab, proxy: dict[str, Any], key: str) -> None:
    with pytest.raises(ConfigError) as error:
        Served(lab, **proxy)

    assert error.value.key == key
    assert error.value.remedy
    assert "secret" not in str(error.value)


def test_a_reload_that_fails_leaves_the_proxy_as_it_was(lab: Lab, server: ScriptedServer) -> None:
    served = Served(lab, upstream=server.url)
    served.table["proxy"][0]["certificate"] = "absent.pem"
    with pytest.raises(ConfigError):
        asyncio.run(served.service.reload())

    assert served.ask().basic is not None


def test_a_reload_goes_on_with_what_the_proxy_keeps(lab: Lab, server: ScriptedServer) -> None:
    served = Served(lab, upstream=server.url)
    before = served.exchange().body
    server.script = lambda _: Reply(status=503)
    served.table["proxy"][0]["nonce"] = "forward"

    asyncio.run(served.service.reload())

    assert served.exchange().body == before
    served.table["proxy"][0]["allow_sha1"] = True
    asyncio.run(served.service.reload())
    assert served.ask().response_status.label == "tryLater", "other rules, nothing kept"


def test_what_a_proxy_keeps_rests_in_the_store(
    lab: Lab, server: ScriptedServer, tmp_path: Path
) -> None:
    def in_one_process() -> HTTPReply:
        served = Served(lab, upstream=server.url)
        served.table["store"] = {"url": f"lmdb:{tmp_path / 'answers'}"}

        async def ask_and_end() -> HTTPReply:
            await served.service.reload()
            reply = await served.ask_once()
            await served.service.close()
            return reply

        return asyncio.run(ask_and_end())

    first = in_one_process()
    server.script = lambda _: Reply(status=503)
    second = in_one_process()

    assert first.facts["lane"] == "proxied"
    assert (second.body, second.facts["lane"]) == (first.body, "cached")
    assert second.facts["source"] == "store"


# --- examined -----------------------------------------------------------------------------------


def examined(lab: Lab, text: str) -> Examination:
    file = lab.directory.parent / "proxy.toml"
    file.write_text(text.format(dir=lab.directory))
    return asyncio.run(examine(file, FixedClock()))


def test_a_configuration_with_a_proxy_is_examined(lab: Lab, server: ScriptedServer) -> None:
    text = f'[[proxy]]\ncertificate = "{{dir}}/ca.pem"\nupstream = "{server.url}"\n'

    found = examined(lab, text)
    server.script = lambda _: Reply(status=503)
    without = examined(lab, text)

    assert (found.faults, found.exit_code, found.waiting) == ((), 0, [])
    assert [one.proxy.issuers for one in found.proxies] == [(lab.ca.certificate,)]
    assert without.waiting == [str(lab.ca.certificate.subject)]
    assert without.exit_code == 69


def test_every_fault_of_a_proxy_is_told_with_its_line(lab: Lab) -> None:
    found = examined(
        lab,
        '[[proxy]]\ncertificate = "{dir}/absent.pem"\nupstream = "http://a.example/"\n'
        '[[proxy]]\ncertificate = "{dir}/ca.pem"\nservice_locator = "http://*.example/"\n',
    )

    assert [(one.line, one.exit_code) for one in found.faults] == [(1, 78), (6, 78)]
