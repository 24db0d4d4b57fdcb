"""A responder that is killed amid a fetch: the kept CRL is whole, and nothing goes back."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from certstatus.pkix import CRLReason
from certstatus.sources import CRL
from certstatus.testing import TinyCA
from tests.nursery import Nursery, Strikes
from tests.scripted import Asked, Reply, ScriptedServer

FEWER = 8
"""Each round starts a responder: an eighth of the rounds will do."""

ENTRIES = 2_000
NOW = datetime.now(UTC).replace(microsecond=0)
DAY = timedelta(days=1)

CONFIGURATION = """
[[authority]]
certificate = "{delegate}/ca.pem"
signer = [{{ certificate = "{delegate}/responder.pem", key = "{delegate}/responder.key" }}]
[[authority.source]]
crl = "{url}"
crl_folder = "{folder}"
"""


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer() as running:
        yield running


def issue(ca: TinyCA, number: int) -> bytes:
    entries = [(0x10_0000 + one, NOW - DAY, CRLReason.SUPERSEDED) for one in range(ENTRIES)]
    return ca.crl(entries, number=number, this_update=NOW - DAY, next_update=NOW + DAY)


def kept_number(folder: Path, ca: TinyCA) -> int:
    """Return the number of the CRL that a restart would answer from; 0: none was ever kept."""
    if not list(folder.rglob("*.crl")):
        return 0
    source = CRL(list(folder.glob("*")), ca.certificate, now=datetime.now(UTC))
    number = source._crls.held.views[0].full.crl_number
    assert number is not None
    return number


@pytest.mark.rule("C1", "C9")
def test_a_fetch_that_is_killed_leaves_the_old_crl_or_the_new_one(  # noqa: PLR0917 - fixtures
    ca: TinyCA,
    delegate: Path,
    nursery: Nursery,
    server: ScriptedServer,
    tmp_path: Path,
    rounds: int,
) -> None:
    rounds = max(rounds // FEWER, 2)
    crls = [issue(ca, number) for number in range(1, rounds + 3)]

    def script(asked: Asked) -> Reply:
        return Reply(body=crls[min(len(server.asked), len(crls)) - 1])

    server.script = script
    folder, file = tmp_path / "kept", tmp_path / "certstatus.toml"
    text = CONFIGURATION.format(delegate=delegate, url=server.url, folder=folder)
    file.write_text(text, "utf-8")
    command = ("serve", "--check", "--config", file)
    seconds = nursery.run(*command).seconds
    strikes, before = Strikes(nursery, rounds, seconds), kept_number(folder, ca)
    assert before == 1
    for strike in strikes:
        for state in folder.rglob("*.state"):
            state.unlink()  # who looked a moment ago would not look again
        ended = strike(*command)
        told = [int(one) for one in re.findall(r"CRLNumber (\d+) of", ended.said)]
        kept = kept_number(folder, ca)
        assert kept >= max(told, default=before)
        assert kept >= before
        before = kept
    assert nursery.run(*command).code == 0
    assert kept_number(folder, ca) > 1
