"""A store in a configuration: kept through reloads, changed by them, closed at the end."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest

from certstatus.errors import ConfigError
from certstatus.ocsp import CertID, encode_request, parse_response
from certstatus.responder import HTTPReply
from certstatus.responder.exchange import HTTPRequest
from certstatus.server.assembly import OCSPService
from certstatus.server.config import parse_config
from certstatus.server.log import make_logger
from certstatus.server.worker import Tools
from certstatus.testing import FixedClock, Lab, build_lab
from tests.serving import Counts, in_loop

TYPE = ((b"content-type", b"application/ocsp-request"),)


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Lab:
    return build_lab(tmp_path_factory.mktemp("assembly") / "lab", now=FixedClock().now())


class Staged:
    """A service whose table a test may change before a reload."""

    def __init__(self, lab: Lab, store: dict[str, Any] | None, **requests: Any) -> None:
        self.table: dict[str, Any] = {
            "requests": requests,
            "authority": [
                {
                    "name": "Lab",
                    "certificate": "ca.pem",
                    "signer": [{"certificate": "responder.pem", "key": "responder.key"}],
                    "source": [{"index": "index.txt"}],
                }
            ],
        }
        if store is not None:
            self.table["store"] = store
        self.counts = Counts()
        self.written = io.StringIO()
        log = make_logger(self.written, as_json=True)
        tools = Tools(clock=FixedClock(), meter=self.counts, log=log, index=0)
        self.service = OCSPService(
            lambda: parse_config(self.table, file=None, base=lab.directory), tools
        )
        self.wanted = CertID.for_certificate(lab.good.certificate, lab.ca.certificate)

    async def ask(self, cert_id: CertID | None = None) -> bytes:
        request = HTTPRequest(b"POST", b"/", TYPE, encode_request([cert_id or self.wanted]))
        reply = self.service.face.reply(request, FixedClock().now())
        return (reply if isinstance(reply, HTTPReply) else await reply).body

    async def settle(self) -> None:
        store = self.service._built.store
        assert store is not None
        await store.settle()

    def count(self, outcome: str) -> int:
        return self.counts.seen["store_lookups", outcome]


@in_loop
async def test_a_store_is_kept_through_a_reload_that_does_not_change_it(lab: Lab) -> None:
    staged = Staged(lab, {"url": "memory:"})
    await staged.service.warm_up()
    first = await staged.ask()
    await staged.settle()
    await staged.service.reload()

    assert await staged.ask() == first
    assert staged.count("found") == 1
    await staged.service.close()


@in_loop
async def test_another_store_takes_the_place_of_the_first(lab: Lab, tmp_path: Path) -> None:
    staged = Staged(lab, {"url": f"lmdb:{tmp_path / 'one'}"})
    first = await staged.ask()
    await staged.settle()
    for place, is_found in (("two", False), ("one", True)):
        staged.table["store"] = {"url": f"lmdb:{tmp_path / place}"}
        await staged.service.reload()
        assert (await staged.ask() == first) is is_found
    del staged.table["store"]
    await staged.service.reload()
    assert await staged.ask() != first

    await staged.service.close()
    assert "store.alarm" not in staged.written.getvalue()


@in_loop
async def test_a_reload_that_fails_leaves_the_store_as_it_was(lab: Lab, tmp_path: Path) -> None:
    staged = Staged(lab, {"url": "memory:"})
    first = await staged.ask()
    await staged.settle()
    staged.table["store"] = {"url": "redis://127.0.0.1:1/0", "password_file": "none"}
    with pytest.raises(ConfigError, match="password_file"):
        await staged.service.reload()
    staged.table["store"] = {"url": "memory:"}
    await staged.service.reload()

    assert await staged.ask() == first
    await staged.service.close()


@in_loop
async def test_past_the_budget_new_answers_wait_and_the_log_says_so_once(lab: Lab) -> None:
    staged = Staged(lab, None, signing_budget=1, signing_burst=3)
    others = [CertID.of(lab.ca.certificate, number) for number in range(20)]
    said = [parse_response(await staged.ask(one)).response_status.label for one in others]
    events = [json.loads(line) for line in staged.written.getvalue().splitlines()]

    assert said[:3] == ["successful"] * 3
    assert said.count("tryLater") >= 15
    assert [one["cause"] for one in events] == ["overload"]
    await staged.service.close()
