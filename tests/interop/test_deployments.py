"""Every documented deployment, run: its configuration, its units, nginx before it."""

from __future__ import annotations

import configparser
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest

from certstatus.cli.config_examples import KINDS, example_files
from certstatus.clock import SystemClock
from certstatus.ocsp import (
    CertID,
    Good,
    OCSPResponseStatus,
    Revoked,
    SingleResponse,
    Unknown,
    encode_request,
    parse_response,
)
from certstatus.pkix import CRLReason
from certstatus.sources import StatusDatabase
from certstatus.testing import Issued, Lab, TinyCA
from tests.deployments import DEPLOYMENTS, moved, proxied, yaml
from tests.postgresql import PostgreSQL
from tests.redis_server import RedisServer, running_redis
from tests.responding import OCSP, SECONDS, Responding

pytestmark = pytest.mark.interop

Find = Callable[[str], Path]

KEY = "/run/credentials/certstatus.service/responder.key"


def example(kind: str, name: str) -> str:
    return (DEPLOYMENTS / kind / name).read_text("utf-8")


def checked(file: Path) -> dict[str, Any]:
    """Run ``config check`` on a configuration: there is nothing wrong, and nothing unwise."""
    command = [
        sys.executable,
        "-m",
        "certstatus",
        "config",
        "check",
        "--strict",
        "--json",
        str(file),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    told: dict[str, Any] = json.loads(done.stdout)
    assert (done.returncode, told["errors"], told["warnings"]) == (0, [], [])
    return told


def ask(url: str, cert_id: CertID, client: httpx2.Client | None = None) -> SingleResponse:
    post = httpx2.post if client is None else client.post
    reply = post(url, content=encode_request([cert_id]), headers=OCSP, timeout=SECONDS)
    response = parse_response(reply.content)
    assert response.response_status is OCSPResponseStatus.SUCCESSFUL
    assert response.basic is not None
    (single,) = response.basic.tbs_response_data.responses
    return single


def named(lab: Lab, issued: Issued) -> CertID:
    return CertID.for_certificate(issued.certificate, lab.ca.certificate)


@pytest.fixture
def own(lab: Lab, tmp_path: Path) -> Path:
    return Path(shutil.copytree(lab.directory, tmp_path / "lab"))


# --- one box ---------------------------------------------------------------------------------


def test_one_box_answers_through_nginx_from_the_index(
    own: Path, lab: Lab, interop_command: Find, tmp_path: Path
) -> None:
    file = own / "certstatus.toml"
    places = {
        KEY: str(own / "responder.key"),
        "/var/lib/ca/index.txt": str(own / "index.txt"),
        "port = 8080": "port = 0",
        "admin_port = 9080": "admin_port = 0",
    }
    file.write_text(moved(example("one-box", "certstatus.toml"), places), "utf-8")
    checked(file)

    with Responding(["--config", str(file)], own) as responder, ExitStack() as running:
        backend = {"127.0.0.1:8080": responder.url.removeprefix("http://").rstrip("/")}
        site = example("one-box", "nginx.conf")
        url = running.enter_context(proxied(site, tmp_path / "nginx", interop_command, backend))
        health = httpx2.get(f"{responder.admin_url}healthz", trust_env=False)
        statuses = [
            ask(url, named(lab, one)).cert_status
            for one in (lab.good, lab.revoked, lab.never_issued)
        ]
        (own / "index.txt").unlink()
        still = ask(url, named(lab, lab.revoked)).cert_status

    assert [type(one) for one in statuses] == [Good, Revoked, Unknown]
    assert still == statuses[1]
    assert health.status_code == 200


# --- a hundred CAs ---------------------------------------------------------------------------

CAS = 100
START_SECONDS = 10
"""Of processor time, which other work on the machine does not lengthen; it takes two."""


def processor_seconds(pid: int) -> float:
    """Return what a process and its children have used."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii").split()
    _, _, rest = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")
    used = sum(map(int, rest.split()[11:13])) / os.sysconf("SC_CLK_TCK")
    return used + sum(processor_seconds(int(child)) for child in children)


@pytest.fixture(scope="module")
def hundred(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[TinyCA]]:
    """Make the folders that ``authorities.sh`` reads; CA n issued 1 and 2, and revoked 2."""
    home = tmp_path_factory.mktemp("hundred")
    now = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)
    for name in ("ca", "signer", "crls"):
        (home / name).mkdir()
    made = [TinyCA(f"CA {n}", not_before=now) for n in range(CAS)]
    shared = made[0].issue_responder()
    for n, ca in enumerate(made):
        delegate = ca.issue_responder(key=shared.key, not_after=now + timedelta(days=30))
        revoked = [(2, now, CRLReason.SUPERSEDED)]
        (home / "ca" / f"ca-{n:03}.pem").write_bytes(Issued(ca.certificate, ca.key).certificate_pem)
        (home / "signer" / f"ca-{n:03}.pem").write_bytes(delegate.certificate_pem)
        (home / "crls" / f"ca-{n:03}.crl").write_bytes(ca.crl(revoked, this_update=now))
        (home / "crls" / f"ca-{n:03}.issued").write_text("1\n2\n")
    key = home / "responder.key"
    key.touch(0o600)
    key.write_bytes(shared.key_pem())
    return home, made


@pytest.mark.rule("C10")
def test_a_hundred_cas_are_served_from_their_crls(hundred: tuple[Path, list[TinyCA]]) -> None:
    home, cas = hundred
    script = ["sh", str(DEPLOYMENTS / "crl-fed" / "authorities.sh"), home, home / "crls"]
    written = subprocess.run(
        [*map(str, script), str(home / "responder.key")], capture_output=True, text=True, check=True
    )
    ports = {"port = 8080": "port = 0", "admin_port = 9080": "admin_port = 0", "= 4": "= 1"}
    file = home / "certstatus.toml"
    file.write_text(moved(example("crl-fed", "certstatus.toml"), ports) + written.stdout, "utf-8")
    assert len(checked(file)["authorities"]) == CAS

    with Responding(["--config", str(file)], home) as responder:
        took = processor_seconds(responder.process.pid)
        with httpx2.Client(trust_env=False) as client:
            said = {
                n: [
                    ask(responder.url, CertID.of(ca.certificate, serial), client).cert_status
                    for serial in (1, 2, 3)
                ]
                for n, ca in enumerate(cas)
            }

    assert took < START_SECONDS
    for n, (good, revoked, never) in said.items():
        assert (n, good, type(revoked), never) == (n, Good(), Revoked, Unknown())


# --- three nodes -----------------------------------------------------------------------------

HERTZ = 10
OLD_SECONDS = 1.0
"""How long an old answer may be given after a change was committed."""


@pytest.fixture
def books(lab: Lab, postgresql: PostgreSQL) -> str:
    """Enter good and revoked into a database."""
    url, now = postgresql.new_database(), SystemClock().now()
    with StatusDatabase.create(url) as database:
        issuer = database.add_issuer(lab.ca.certificate, actor="test", now=now)
        for issued in (lab.good, lab.revoked):
            database.add(issuer, issued.certificate.serial_number, actor="test", now=now)
    return url


REDIS_PASSWORD = "not to be told"


@pytest.fixture
def store(interop_command: Find) -> Iterator[RedisServer]:
    """A Redis that asks for a password."""
    with running_redis(interop_command, "--requirepass", REDIS_PASSWORD) as server:
        yield server


@pytest.fixture
def nodes(books: str, store: RedisServer, own: Path) -> Iterator[list[Responding]]:
    (own / "redis-password").write_text(f"{REDIS_PASSWORD}\n")
    places = {
        "redis://redis.internal:6379/0": f"redis://127.0.0.1:{store.port}/0",
        "/run/credentials/certstatus.service/redis-password": str(own / "redis-password"),
        KEY: str(own / "responder.key"),
        "postgresql://certstatus@db.internal/certstatus": books,
        'host = "0.0.0.0"': 'host = "127.0.0.1"',
        "port = 8080": "port = 0",
        "admin_port = 9080": "admin_port = 0",
        "workers = 4": "workers = 2",
    }
    file = own / "certstatus.toml"
    file.write_text(moved(example("three-nodes", "certstatus.toml"), places), "utf-8")
    checked(file)
    with ExitStack() as running:
        yield [running.enter_context(Responding(["--config", str(file)], own)) for _ in range(3)]


@pytest.fixture
def balanced(nodes: list[Responding], interop_command: Find, tmp_path: Path) -> Iterator[str]:
    """nginx before the three."""
    places = {
        f"node{n}.internal:8080": one.url.removeprefix("http://").rstrip("/")
        for n, one in enumerate(nodes, 1)
    }
    site = example("three-nodes", "nginx.conf")
    with proxied(site, tmp_path / "nginx", interop_command, places) as url:
        yield url


Revoke = Callable[[str], float]


@pytest.fixture
def revoke(books: str, own: Path) -> Revoke:
    """Give what revokes by the command, in a process of its own.

    It returns when the revocation was committed at the latest.
    """

    def call(file: str) -> float:
        command = [sys.executable, "-m", "certstatus", "db", "revoke", file, "--database", books]
        with StatusDatabase(books) as database:
            last = database.last_change()
            revoking = subprocess.Popen(command, cwd=own, stdout=subprocess.DEVNULL)
            while database.last_change() == last and revoking.poll() is None:
                time.sleep(0.005)
        committed = time.monotonic()
        assert revoking.wait(SECONDS) == 0
        return committed

    return call


@pytest.mark.rule("O12")
def test_three_nodes_say_a_revocation_within_a_second_and_never_take_it_back(
    nodes: list[Responding], balanced: str, store: RedisServer, lab: Lab, revoke: Revoke
) -> None:
    """Each asked ten times a second, and nginx too: at most a second of the old, never after.

    Then one node dies, and the store of answers: neither is noticed.
    """
    wanted = named(lab, lab.good)
    urls = [*(one.url for one in nodes), balanced]
    with httpx2.Client(trust_env=False, headers={"Connection": "close"}) as client:
        for url in urls * 3:
            assert ask(url, wanted, client).cert_status == Good()

        committed = revoke("good.pem")
        late: list[float] = []
        while (now := time.monotonic()) < committed + 2:
            said = [ask(url, wanted, client).cert_status for url in urls]
            if not all(isinstance(one, Revoked) for one in said):
                late.append(now - committed)
            time.sleep(1 / HERTZ)

        held = store.client(f"redis://:{REDIS_PASSWORD}@127.0.0.1:{store.port}/0").dbsize()
        nodes[0].process.send_signal(signal.SIGKILL)
        store.kill()
        without = [ask(balanced, wanted, client).cert_status for _ in range(20)]

    assert not late or max(late) < OLD_SECONDS
    assert held
    assert nodes[0].process.wait(SECONDS) == -signal.SIGKILL
    assert all(isinstance(one, Revoked) for one in without)


# --- units, containers -----------------------------------------------------------------------

EXPOSURE = 2.0
"""What ``systemd-analyze security`` may say at the most: 10 is a service without any bound."""


@pytest.mark.parametrize("kind", KINDS)
def test_systemd_takes_the_unit_and_finds_it_well_enclosed(
    kind: str, interop_command: Find, tmp_path: Path
) -> None:
    unit = tmp_path / "certstatus.service"
    binary = {"/opt/certstatus/bin/certstatus": "/bin/true"}
    unit.write_text(moved(example(kind, unit.name), binary), "utf-8")
    analyze = str(interop_command("systemd-analyze"))

    verified = subprocess.run(
        [analyze, "verify", "--man=no", str(unit)], capture_output=True, text=True, check=False
    )
    judged = subprocess.run(
        [analyze, "security", "--offline=true", "--no-pager", str(unit)],
        capture_output=True,
        text=True,
        check=True,
    )

    assert (verified.returncode, verified.stderr) == (0, "")
    exposure = re.search(r"exposure level for certstatus.service: ([0-9.]+)", judged.stdout)
    assert exposure is not None
    assert float(exposure[1]) < EXPOSURE


@pytest.mark.parametrize("kind", KINDS)
def test_the_unit_gives_the_service_the_key_that_the_configuration_names(kind: str) -> None:
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str  # type: ignore[assignment, method-assign]
    unit.read_string(example(kind, "certstatus.service"))
    text = example(kind, "certstatus.service")
    names = set(re.findall(r"^LoadCredential=([\w.-]+):", text, re.MULTILINE))

    service = unit["Service"]
    configured = "".join(data.decode() for data in example_files(kind).values())
    for name in names - {"pgpass"}:
        assert f"/run/credentials/certstatus.service/{name}" in configured
    assert "responder.key" in names
    assert service["ExecStart"].endswith("serve --config /etc/certstatus/certstatus.toml")
    assert service["Restart"] == "on-failure"
    assert service["KillMode"] == "mixed"
    assert set(service["RestartPreventExitStatus"].split()) == {"64", "65", "78"}
    assert ("pgpass" in names) == ("PGPASSFILE" in text)


REDIS_SECRET = "/run/secrets/redis-password"


def test_the_compose_file_runs_what_the_configuration_and_nginx_name() -> None:
    compose = yaml(example("three-nodes", "compose.yaml"))
    services = compose["services"]
    files = example_files("three-nodes")
    site, toml = files["nginx.conf"].decode(), files["certstatus.toml"].decode()

    hosts = {one.get("hostname") for one in services.values()} - {None}
    assert set(re.findall(r"server (node\d\.internal):8080", site)) < hosts
    assert hosts - {"db.internal", "redis.internal"} == {f"node{n}.internal" for n in (1, 2, 3)}
    assert "@db.internal/" in toml
    assert "//redis.internal:" in toml
    assert REDIS_SECRET in services["redis"]["command"]
    assert services["redis"]["volumes"] == [f"./redis-password:{REDIS_SECRET}:ro"]
    mounted = [one.split(":") for one in services["node1"]["volumes"]]
    inside = {place for _, place, _ in mounted}
    named = set(re.findall(r'"(/run/\S+)"', toml))
    assert named > {KEY}
    assert named | {"/etc/certstatus/certstatus.toml", "/etc/certstatus/ca.pem"} <= inside
    assert services["node1"]["environment"]["PGPASSFILE"] in inside
    assert all(mode == "ro" for _, _, mode in mounted)
    assert {
        one["extends"]["service"] for name, one in services.items() if name in {"node2", "node3"}
    } == {"node1"}
    known = {*compose["volumes"], *compose["secrets"]}
    assert {"statuses", "postgres-password"} <= known
    build = services["node1"]["build"]
    assert build == "."
    assert "certstatus[server,postgres,redis]" in files["Dockerfile"].decode()
