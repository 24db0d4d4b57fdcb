"""``certstatus serve --store``: several workers, each kind of store, and a store that dies."""

from __future__ import annotations

import shutil
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx2
import pytest

from certstatus.clock import SystemClock
from certstatus.ocsp import CertID, Good, Revoked, encode_request, parse_response
from certstatus.pkix import CRLReason
from certstatus.sources import StatusDatabase
from certstatus.sources.database import Revocation
from certstatus.testing import Issued, Lab
from tests.conftest import find_command
from tests.redis_server import RedisServer, running_redis
from tests.responding import SECONDS, Responding

WORKERS = 2
FOUND = 'certstatus_store_lookups_total{outcome="found"}'


@pytest.fixture
def own(lab: Lab, tmp_path: Path) -> Path:
    return Path(shutil.copytree(lab.directory, tmp_path / "lab"))


@pytest.fixture
def books(lab: Lab, own: Path) -> Path:
    """Enter good and revoked into a database."""
    path, now = own / "status.db", SystemClock().now()
    with StatusDatabase.create(str(path)) as database:
        issuer = database.add_issuer(lab.ca.certificate, actor="test", now=now)
        for issued in (lab.good, lab.revoked):
            database.add(issuer, issued.certificate.serial_number, actor="test", now=now)
    return path


def node(books: Path, own: Path, store: str, *more: str) -> Responding:
    signer = ("--ca", "ca.pem", "--signer", "responder.pem", "--key", "responder.key")
    kept = ("--database", str(books), "--store", store, "--port", "0")
    return Responding([*signer, *kept, *more], own)


def named(lab: Lab, issued: Issued) -> CertID:
    return CertID.for_certificate(issued.certificate, lab.ca.certificate)


def revoke(books: Path, issued: Issued) -> None:
    """Commit a revocation, in this process."""
    now = SystemClock().now()
    revocation = Revocation(revocation_time=now, reason=CRLReason.SUPERSEDED)
    with StatusDatabase(str(books)) as database:
        (issuer,) = database.issuers()
        serial_number = issued.certificate.serial_number
        database.revoke(issuer, serial_number, revocation, actor="test", now=now)


def metrics(responder: Responding) -> str:
    return httpx2.get(f"{responder.admin_url}metrics", trust_env=False).text


@pytest.fixture(params=["memory", "lmdb", "redis"])
def store(request: pytest.FixtureRequest) -> str:
    if request.param == "redis":
        url: str = request.getfixturevalue("redis_server").url
        return url
    return {"memory": "memory:", "lmdb": "lmdb:answers"}[request.param]


@pytest.mark.rule("O12")
def test_a_revocation_is_said_by_every_worker_within_a_second(
    store: str, lab: Lab, books: Path, own: Path
) -> None:
    """Asked many times a second: at most one second of the stored answer, never after."""
    wanted = named(lab, lab.good)
    workers = ("--workers", str(WORKERS))
    with ExitStack() as running:
        count = 1 if store == "memory:" else 2  # memory is each worker's own
        nodes = [running.enter_context(node(books, own, store, *workers)) for _ in range(count)]
        for _ in range(4 * WORKERS):
            assert {each.ask(wanted).cert_status for each in nodes} == {Good()}
        revoke(books, lab.good)
        over = time.monotonic() + 1
        while time.monotonic() < over:
            for each in nodes:
                each.ask(wanted)
        late = [each.ask(wanted) for each in nodes for _ in range(6 * WORKERS)]

    assert all(isinstance(one.cert_status, Revoked) for one in late)


@pytest.mark.parametrize("kind", ["lmdb", "redis"])
def test_what_was_signed_before_a_restart_is_given_after_it(
    kind: str, lab: Lab, books: Path, own: Path, redis_server: RedisServer
) -> None:
    store = "lmdb:answers" if kind == "lmdb" else redis_server.url
    der = encode_request([named(lab, lab.good)])
    with node(books, own, store) as responder:
        before = responder.post(der).content
    with node(books, own, store, "--workers", "2", "--admin-port", "0") as responder:
        answers = {responder.post(der).content for _ in range(8)}
        responder.send(signal.SIGHUP)
        responder.wait_for("reloaded")
        answers.add(responder.post(der).content)
        deadline = time.monotonic() + SECONDS
        while FOUND not in metrics(responder) and time.monotonic() < deadline:
            time.sleep(0.1)  # another worker's numbers may be a second old
        assert FOUND in metrics(responder)

    assert answers == {before}
    assert parse_response(before).basic is not None


@contextmanager
def _clean(responder: Responding) -> Iterator[Responding]:
    with responder as one:
        yield one
        assert one.end() == 0


def test_without_its_redis_a_node_signs_and_takes_it_up_again(
    lab: Lab, books: Path, own: Path
) -> None:
    wanted, revoked = named(lab, lab.good), named(lab, lab.revoked)
    with running_redis(find_command) as server, _clean(node(books, own, server.url)) as responder:
        assert responder.ask(wanted).cert_status == Good()
        server.kill()
        responder.send(signal.SIGHUP)  # what was remembered is forgotten, the store is asked
        responder.wait_for("reloaded")
        began = time.monotonic()
        assert responder.ask(wanted).cert_status == Good()
        assert time.monotonic() - began < 2
        alarm = responder.wait_for("store.alarm")
        assert alarm["store"] == server.url.rpartition("/")[0] + "/1"
        revoke(books, lab.good)
        assert isinstance(responder.ask(wanted).cert_status, Revoked)
        server.start()
        deadline = time.monotonic() + SECONDS
        while time.monotonic() < deadline:
            responder.send(signal.SIGHUP)
            responder.wait_for("reloaded")
            responder.ask(revoked)
            if any(one["event"] == "store.recovered" for one in responder.events):
                break
            time.sleep(0.2)
        with server.frozen():
            responder.send(signal.SIGHUP)
            responder.wait_for("reloaded")
            began = time.monotonic()
            assert isinstance(responder.ask(wanted).cert_status, Revoked)
            assert time.monotonic() - began < 2
        assert isinstance(responder.ask(wanted).cert_status, Revoked)


def test_a_store_that_can_not_be_opened_is_an_alarm_and_no_end(
    lab: Lab, books: Path, own: Path
) -> None:
    (own / "answers").write_text("no folder")
    with _clean(node(books, own, "lmdb:answers")) as responder:
        assert responder.ask(named(lab, lab.good)).cert_status == Good()
        alarms = [one for one in responder.events if one["event"] == "store.alarm"]

    assert [one["detail"].startswith("reading: lmdb:") for one in alarms] == [True]


def test_past_its_budget_for_signing_a_node_says_try_later(
    lab: Lab, books: Path, own: Path, tmp_path: Path
) -> None:
    (own / "certstatus.toml").write_text(
        f"""
        [server]
        port = 0
        [requests]
        signing_budget = 1
        signing_burst = 5
        [store]
        url = "lmdb:answers"
        [[authority]]
        certificate = "ca.pem"
        signer = [{{ certificate = "responder.pem", key = "responder.key" }}]
        source = [{{ database = "{books.name}" }}]
        """
    )
    known = encode_request([named(lab, lab.good)])
    others = [encode_request([CertID.of(lab.ca.certificate, 1000 + n)]) for n in range(20)]
    ask: Callable[[bytes], str]
    with _clean(Responding(["--config", "certstatus.toml"], own)) as responder:
        ask = responder.refusal
        assert ask(known) == "successful"
        said = [ask(der) for der in others]
        assert ask(known) == "successful", "what is signed already costs no signature"
        responder.end()
        overloads = [one for one in responder.events if one.get("cause") == "overload"]

    assert said.count("tryLater") >= 10
    assert said[:4] == ["successful"] * 4
    assert len(overloads) > 0
