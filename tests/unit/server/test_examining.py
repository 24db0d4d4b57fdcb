"""A configuration is examined as ``serve`` would read it: what would run, and all that is wrong."""

from __future__ import annotations

import asyncio
import shutil
from datetime import timedelta
from pathlib import Path

import pytest

from certstatus.clock import SystemClock
from certstatus.server.examination import Examination
from certstatus.server.examining import examine
from certstatus.sources import Unlisted
from certstatus.testing import FixedClock, Lab, build_lab


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Lab:
    return build_lab(tmp_path_factory.mktemp("lab"), now=SystemClock().now())


@pytest.fixture
def folder(built: Lab, tmp_path: Path) -> Path:
    return Path(shutil.copytree(built.directory, tmp_path / "lab"))


def examined(folder: Path, text: str | None = None, days: int = 0) -> Examination:
    file = folder / "certstatus.toml"
    if text is not None:
        file.write_text(text, "utf-8")
    clock = FixedClock(SystemClock().now() + timedelta(days=days))
    return asyncio.run(examine(file, clock))


def authority(**files: str) -> str:
    named = {"certificate": "ca.pem", "cert": "responder.pem", "key": "responder.key"} | files
    source = named.get("source", 'index = "index.txt"')
    return (
        f'[[authority]]\ncertificate = "{named["certificate"]}"\n{named.get("policy", "")}\n'
        f'[[authority.signer]]\ncertificate = "{named["cert"]}"\nkey = "{named["key"]}"\n'
        f"[[authority.source]]\n{source}\n"
    )


def test_what_would_run_is_what_serve_would_build(folder: Path, built: Lab) -> None:
    found = examined(folder)

    (one,) = found.authorities
    assert found.exit_code == 0
    assert not found.faults
    assert one.authority.issuer == built.ca.certificate
    assert {signer.certificate for signer in one.authority.signers} == {built.responder.certificate}
    assert isinstance(one.answer, Unlisted)
    assert one.answer.lists_issued
    assert one.unready is None


def test_every_wrong_setting_is_a_fault_with_its_line(folder: Path) -> None:
    found = examined(folder, "[server]\nport = 70000\nprot = 1\n")

    assert found.config is None
    assert [(one.line, one.key) for one in found.faults] == [
        (None, "authority"),
        (2, "server.port"),
        (3, "server.prot"),
    ]
    assert found.exit_code == 78
    assert str(found.faults[1]).startswith(f"{folder}/certstatus.toml:2: server.port: ")


@pytest.mark.parametrize("text", [None, "[[authority", "\ud800"])
def test_a_file_that_is_no_toml_is_one_fault(tmp_path: Path, text: str | None) -> None:
    if text is not None:
        data = text.encode("utf-8", "surrogatepass")
        (tmp_path / "certstatus.toml").write_bytes(data)

    (fault,) = examined(tmp_path).faults

    assert "is not TOML" in fault.message or "can't be read" in fault.message
    assert fault.exit_code == 78


def test_every_file_that_is_wrong_is_told_at_once(folder: Path) -> None:
    parts = (
        authority(certificate="absent.pem"),
        authority(key="good.key", source='index = "absent.txt"'),
        authority(source='crl = "ca.key"'),
    )
    wrong = '[requests]\nsignatures = "verify"\nanchors = ["ca.key"]\n'

    found = examined(folder, "".join(parts) + wrong)

    assert [one.key for one in found.faults] == [
        "requests",
        "authority.0.certificate",
        "authority.1.signer.0",
        "authority.1.source.0",
        "authority.2.source.0",
    ]
    assert [one.line for one in found.faults] == [25, 2, 12, 15, 23]
    told = dict(zip([one.key for one in found.faults], found.faults, strict=True))
    assert "is not the key of" in told["authority.1.signer.0"].message
    assert "absent.txt" in told["authority.1.source.0"].message
    assert not found.authorities


def test_two_authorities_of_one_ca_are_a_fault_of_the_whole(folder: Path) -> None:
    (fault,) = examined(folder, authority() + authority()).faults

    assert "are the same CA" in fault.message
    assert fault.key == "authority"
    assert fault.line == 1


def test_a_signer_that_has_expired_is_a_fault(folder: Path) -> None:
    (fault,) = examined(folder, days=31).faults

    assert fault.key == "authority.0.signer.0"
    assert "expired" in fault.message
    assert fault.exit_code == 78


def test_a_source_that_cannot_answer_now_makes_it_unready(folder: Path) -> None:
    found = examined(folder, authority(source='upstream = "http://127.0.0.1:1/"'))

    (one,) = found.authorities
    assert one.answer is None
    assert one.unready is not None
    assert "http://127.0.0.1:1/" in one.unready
    assert found.exit_code == 69
    assert any(about.place == "upstream" for about in found.advice)  # its alarm


def test_what_the_gate_warns_of_is_advice(folder: Path) -> None:
    (folder / "responder.key").chmod(0o644)

    told = [f"{one.place}: {one.text}" for one in examined(folder, days=27).advice]

    assert any(line.startswith("CN=Lab CA") and "expires on" in line for line in told)
    assert any("responder.key" in line for line in told)


def test_a_look_renews_no_signer_though_it_is_due(folder: Path) -> None:
    mark = folder / "renewed"
    renew = f'renew_before = "29d"\nrenew = {{ command = ["/usr/bin/touch", "{mark}"] }}\n'
    text = authority().replace("[[authority.source]]", f"{renew}[[authority.source]]")

    found = examined(folder, text, days=2)

    assert found.exit_code == 0
    assert not mark.exists()
