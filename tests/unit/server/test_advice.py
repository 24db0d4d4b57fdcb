"""Advice names what works and should be otherwise, and is silent where all is well."""

from __future__ import annotations

import asyncio
import shutil
from datetime import timedelta
from pathlib import Path

import pytest

from certstatus import limits
from certstatus.clock import SystemClock
from certstatus.limits import MIN_WISE_VALIDITY
from certstatus.server import advice
from certstatus.server.examining import examine
from certstatus.sources import StatusDatabase
from certstatus.testing import FixedClock, Lab, build_lab

QUIET = """\
[server]
admin_port = 9080
[[authority]]
certificate = "ca.pem"
{policy}
[[authority.signer]]
certificate = "responder.pem"
key = "responder.key"
[[authority.source]]
{source}
"""
INDEX = 'index = "index.txt"'


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Lab:
    return build_lab(tmp_path_factory.mktemp("lab"), now=SystemClock().now())


@pytest.fixture
def folder(built: Lab, tmp_path: Path) -> Path:
    return Path(shutil.copytree(built.directory, tmp_path / "lab"))


def told(folder: Path, text: str, now: timedelta = timedelta()) -> list[str]:
    file = folder / "certstatus.toml"
    file.write_text(text, "utf-8")
    found = asyncio.run(examine(file, FixedClock(SystemClock().now() + now)))
    assert not found.faults
    return [f"{one.place}: {one.text}" for one in found.advice]


def quiet(source: str = INDEX, policy: str = "") -> str:
    return QUIET.format(source=source, policy=policy)


def test_where_all_is_well_there_is_no_advice(folder: Path) -> None:
    assert told(folder, quiet()) == []


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (("admin_port = 9080", ""), "server.admin_port: is not set"),
        (("9080", '9080\nadmin_host = "0.0.0.0"'), "server.admin_host: 0.0.0.0 is open"),
        (("9080", "8080"), "server.admin_port: 8080 is the port of [server] too"),
    ],
)
def test_the_admin_port_is_looked_at(folder: Path, change: tuple[str, str], line: str) -> None:
    (one,) = told(folder, quiet().replace(*change))

    assert one.startswith(line)


@pytest.mark.rule("C10")
def test_a_crl_alone_says_nothing_good_of_anybody(folder: Path) -> None:
    (one,) = told(folder, quiet('crl = "ca.crl"'))

    assert "every certificate in good standing is answered unknown" in one


@pytest.mark.rule("C10")
def test_with_a_list_of_what_was_issued_a_crl_says_good(folder: Path, built: Lab) -> None:
    listed = f"{built.good.certificate.serial_number:x}\n"
    (folder / "issued.txt").write_text(listed)

    assert told(folder, quiet('crl = "ca.crl"\nissued = "issued.txt"')) == []


@pytest.mark.rule("C10")
def test_unlisted_good_is_good_for_those_never_issued(folder: Path) -> None:
    (one,) = told(folder, quiet('crl = "ca.crl"', 'unlisted = "good"'))

    assert "never issued is called good" in one


@pytest.mark.rule("C5")
def test_crls_that_leave_something_out_are_named(folder: Path) -> None:
    source = 'crl = "ca.crl"\nissues = "any"\npartitions = ["http://ca.example/1.crl"]'
    lines = told(folder, quiet(source, 'unlisted = "unknown"'))

    assert any("leave out" in line or "list what was revoked" in line for line in lines)


def test_a_crl_that_ends_within_the_hour_is_named(folder: Path, built: Lab) -> None:
    now = SystemClock().now().replace(microsecond=0)
    ends = now + timedelta(minutes=30)
    (folder / "ca.crl").write_bytes(built.ca.crl([], this_update=now, next_update=ends))

    lines = told(folder, quiet('crl = "ca.crl"', 'unlisted = "good"'))

    assert any(f"count until {ends:%F %TZ}" in line for line in lines)


def test_a_life_shorter_than_the_limit_is_named(folder: Path) -> None:
    hours = int(MIN_WISE_VALIDITY / timedelta(hours=1))
    assert told(folder, quiet(policy=f'validity = "{hours}h"')) == []

    (one,) = told(folder, quiet(policy=f'validity = "{hours - 1}h"'))

    assert f'validity = "{hours - 1}h"' in one
    assert limits.MIN_WISE_VALIDITY == MIN_WISE_VALIDITY


@pytest.mark.parametrize("name", ["index.txt", "ca.pem", "certstatus.toml"])
def test_a_file_that_anybody_may_write_is_named(folder: Path, name: str) -> None:
    (folder / "certstatus.toml").touch()
    (folder / name).chmod(0o666)

    (one,) = told(folder, quiet())

    assert one.startswith(f"{folder / name}: anybody may write it")


def test_a_database_in_a_passing_folder_is_named(
    folder: Path, built: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = SystemClock().now()
    with StatusDatabase.create(folder / "status.db") as database:
        database.add_issuer(built.ca.certificate, actor="test", now=now)
    kept = quiet('database = "status.db"')
    monkeypatch.setattr(advice, "_PASSING", ())
    monkeypatch.setattr(advice, "gettempdir", lambda: "/no-such-folder")
    assert told(folder, kept) == []

    monkeypatch.setattr(advice, "_PASSING", (str(folder.parent),))

    (one,) = told(folder, kept)
    assert one.startswith(f"{folder / 'status.db'}: is in a folder that is emptied")
