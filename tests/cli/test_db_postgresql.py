"""``certstatus db`` on PostgreSQL: the same commands, the same words."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from click.testing import Result

from certstatus.sources import serial_text
from certstatus.testing import Issued, Lab
from tests.postgresql import PostgreSQL

Do = Callable[..., Result]


@pytest.fixture
def do(run: Do, postgresql: PostgreSQL, monkeypatch: pytest.MonkeyPatch) -> Do:
    """Run ``certstatus db`` on an empty database."""
    monkeypatch.setenv("CERTSTATUS_DATABASE", postgresql.new_database())

    def call(*args: object) -> Result:
        return run("db", *args)

    return call


def serial_of(issued: Issued) -> str:
    return serial_text(issued.certificate.serial_number)


@pytest.mark.parametrize("command", ["status", "list", "audit", "migrate"])
def test_without_a_status_database_every_command_says_how_to_make_one(do: Do, command: str) -> None:
    done = do(command)

    assert done.exit_code == 78
    assert "no status database" in done.stderr
    assert "certstatus db init" in done.stderr


def test_every_command_works(do: Do, lab: Lab) -> None:
    good = serial_of(lab.good)
    steps = [
        ("init", "--issuer", lab.ca_certificate),
        ("migrate",),
        ("import", lab.index, lab.crl),
        ("add", "0400", "--subject", "CN=soon.example"),
        ("hold", good, "--note", "card not found"),
        ("release", good),
        ("revoke", good, "--reason", "superseded"),
        ("compromise",),
        ("compromise", "--undo"),
        ("list", "--status", "revoked"),
        ("show", good),
        ("audit",),
        ("status",),
    ]
    done = [do(*step) for step in steps]

    assert [one.exit_code for one in done] == [0] * len(steps)
    assert done[0].stdout.startswith("made postgresql://postgres@127.0.0.1:")
    shown = json.loads(do("show", good, "--json").stdout)
    actions = ["add", "hold", "release", "revoke"]
    assert [entry["action"] for entry in shown["audit"]] == actions
    assert shown["status"] == "revoked"
    assert do("release", good).exit_code == 65
    assert do("init").exit_code == 78


def test_a_server_that_is_gone_is_one_line_without_the_password(
    run: Do, postgresql: PostgreSQL
) -> None:
    url = f"postgresql://alice:hunter2@127.0.0.1:{postgresql.port + 1}/status"
    done = run("db", "status", "--database", url)

    assert done.exit_code == 69
    assert "alice:***@127.0.0.1" in done.stderr
    assert "hunter2" not in done.stderr
    assert "Traceback" not in done.stderr
