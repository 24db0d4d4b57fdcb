"""``certstatus crt``: trees from every kind of books, proofs, verdicts, and what is refused."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import Result
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.serialization import pkcs12

from certstatus.cli.crt import command, crt
from certstatus.clock import SystemClock
from certstatus.ocsp import CertID, Good, Revoked
from certstatus.pkix import CRLReason
from certstatus.sources import serial_text
from certstatus.sources.crt import parse_tree
from certstatus.testing import Issued, Lab, TinyCA
from dev.tree import ROOT
from tests.books import crl as any_crl
from tests.books import scope
from tests.cli.conftest import Run
from tests.responding import Responding

Do = Callable[..., Result]
NOW = SystemClock().now().replace(microsecond=0)
DAY = timedelta(days=1)


@pytest.fixture
def do(run: Run, lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Do:
    """Run ``certstatus crt`` in a folder with the lab's files."""
    shutil.copytree(lab.directory, tmp_path / "lab")
    monkeypatch.chdir(tmp_path / "lab")

    def call(*args: object) -> Result:
        return run("crt", *(word for arg in args for word in str(arg).split()))

    return call


BUILD = "build --issuer ca.pem --key ca.key -o ca.tree"


@pytest.fixture
def built(do: Do) -> Do:
    """Build the lab's tree first."""
    assert do(BUILD, "--index index.txt").exit_code == 0
    return do


def number(issued: Issued) -> str:
    return serial_text(issued.certificate.serial_number)


def told(result: Result) -> Any:
    return json.loads(result.stdout)


# --- every command ----------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(crt.commands))
def test_every_command_has_an_example_and_json(do: Do, name: str) -> None:
    page = do(name, "--help")

    assert command is crt
    assert page.exit_code == 0
    assert f"Examples:\n  certstatus crt {name}" in page.stdout
    assert "--json" in page.stdout


@pytest.mark.parametrize("name", sorted(crt.commands))
def test_every_command_and_option_stands_in_the_manual(name: str) -> None:
    page = (ROOT / "docs" / "manual" / "crt.md").read_text(encoding="utf-8")
    words = set(re.findall(r"(?<![\w-])-{1,2}[a-z][a-z-]*", page))
    options = [one.opts for one in crt.commands[name].params if isinstance(one, click.Option)]

    assert f"crt {name}" in page
    assert [names for names in options if words.isdisjoint(names)] == []


# --- build ------------------------------------------------------------------------------------


def test_a_tree_is_built_from_an_index(do: Do) -> None:
    done = do(BUILD, "--index index.txt")

    assert done.exit_code == 0
    assert done.stdout.startswith("ca.tree: 1 revoked, ")
    assert "(in 4 days)" in done.stdout
    assert done.stderr == ""


def test_index_crl_and_database_give_the_same_leaves(do: Do, run: Run) -> None:
    assert run("db", "init", "--database", "d.db", "--issuer", "ca.pem").exit_code == 0
    assert run("db", "import", "--database", "d.db", "index.txt", "ca.crl").exit_code == 0
    hashes = {
        told(do(BUILD, source, "--json"))["rootHash"]
        for source in ("--index index.txt", "--crl ca.crl", "--database d.db")
    }

    assert len(hashes) == 1


def test_what_was_built_is_told_to_a_program(do: Do) -> None:
    report = told(do(BUILD, "--index index.txt --hash sha512 --validity 12h --json"))
    tree = Path("ca.tree").read_bytes()

    root = parse_tree(tree).root
    assert report == {
        "file": "ca.tree",
        "octets": len(tree),
        "issuer": "CN=Lab CA",
        "signer": "CN=Lab CA",
        "revoked": 1,
        "thisUpdate": f"{root.this_update:%Y-%m-%dT%H:%M:%SZ}",
        "nextUpdate": f"{root.next_update:%Y-%m-%dT%H:%M:%SZ}",
        "hashAlgorithm": "sha512",
        "numberOfLeaves": 2,
        "rootHash": root.root_hash.hex(),
    }
    assert root.next_update - root.this_update == DAY / 2


@pytest.mark.rule("C9")
def test_a_tree_from_a_crl_has_its_times_and_a_validity_only_shortens_them(
    do: Do, lab: Lab
) -> None:
    Path("ca.crl").write_bytes(lab.ca.crl(this_update=NOW - DAY, next_update=NOW + 5 * DAY))
    lives = [
        told(do(BUILD, "--crl ca.crl --json", validity))["nextUpdate"]
        for validity in ("", "--validity 2d", "--validity 30d")
    ]

    assert lives == [f"{NOW + days * DAY:%Y-%m-%dT%H:%M:%SZ}" for days in (5, 1, 5)]


@pytest.mark.rule("K3")
def test_another_signer_is_announced_and_must_be_trusted(do: Do, lab: Lab) -> None:
    signer = TinyCA("Trees", not_before=NOW - DAY).issued
    Path("t.pem").write_bytes(signer.certificate_pem)
    Path("t.key").write_bytes(signer.key_pem())
    Path("t.key").chmod(0o600)

    done = do("build --issuer ca.pem --key t.key --signer t.pem --index index.txt -o ca.tree")
    assert done.stderr == "signed by CN=Trees: readers must trust it, with --trust\n"
    do("prove ca.tree", number(lab.revoked), "-o p.der")
    verify = f"verify p.der --issuer ca.pem --serial {number(lab.revoked)}"
    assert do(verify).exit_code == 3
    assert do(verify, "--trust t.pem").exit_code == 1


def test_a_key_may_be_in_a_pkcs12_file_with_a_password(do: Do, lab: Lab) -> None:
    Path("ca.p12").write_bytes(
        pkcs12.serialize_key_and_certificates(
            b"ca",
            lab.ca.key,  # type: ignore[arg-type]  # no p12 of the newest kinds
            lab.ca.certificate.parsed,
            None,
            serialization.BestAvailableEncryption(b"pw"),
        )
    )
    Path("ca.p12").chmod(0o600)
    Path("pw").write_text("pw\n")

    done = do("build --issuer ca.pem --key ca.p12 --password-file pw --index index.txt -o ca.tree")
    assert done.exit_code == 0, done.stderr


BAD: dict[str, tuple[str, int, str]] = {
    "no source": ("", 64, "name one of --crl, --index, --database"),
    "two sources": ("--crl ca.crl --index index.txt", 64, "name one of"),
    "missing file": ("--crl no.crl", 64, "no.crl: No such file"),
    "no CRL": ("--crl index.txt", 65, "CertificateList"),
    "no index": ("--index ca.pem", 65, "index line 1"),
    "another CA's CRL": ("--crl stranger.crl", 65, "not to be believed"),
    "partial CRL": ("--crl partial.crl", 65, "covers user certificates only"),
    "expired CRL": ("--crl old.crl", 65, "expired on"),
    "no database": ("--database no.db", 78, "no.db"),
    "no validity": ("--index index.txt --validity 0", 64, "longer than nothing"),
    "another's key": ("--index index.txt --key good.key", 78, "good.key"),
    "no algorithm of the key": ("--index index.txt --algorithm sha1WithRSAEncryption", 78, "O29"),
    "SHA-1": ("--index index.txt --hash sha1", 64, "sha256"),
    "no folder": ("--index index.txt -o no/where.tree", 64, "no/where.tree: No such file"),
    "two writers": ("--index index.txt -o - --json", 64, "standard output"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_can_not_be_built_is_said_and_nothing_is_written(do: Do, lab: Lab, name: str) -> None:
    times = {"this_update": NOW - DAY, "next_update": NOW + DAY}
    Path("stranger.crl").write_bytes(TinyCA("Stranger").crl(this_update=NOW - DAY))
    partial = any_crl(lab.ca, extensions=[scope(only_contains_user_certs=True)], **times)  # type: ignore[arg-type]
    Path("partial.crl").write_bytes(partial)
    Path("old.crl").write_bytes(lab.ca.crl(this_update=NOW - 2 * DAY, next_update=NOW - DAY))
    options, code, problem = BAD[name]

    done = do(BUILD, options)
    assert (done.exit_code, done.stdout) == (code, "")
    assert problem in done.stderr
    assert len(done.stderr.splitlines()) <= 2
    assert not Path("ca.tree").exists()


def test_a_database_that_does_not_list_the_ca_is_refused(do: Do, run: Run) -> None:
    assert run("db", "init", "--database", "d.db").exit_code == 0

    done = do(BUILD, "--database d.db")
    assert done.exit_code == 78
    assert "d.db: does not list the issuer CN=Lab CA" in done.stderr


@pytest.mark.rule("O14")
def test_no_tree_is_built_of_a_compromised_ca(do: Do, run: Run) -> None:
    assert run("db", "init", "--database", "d.db", "--issuer", "ca.pem").exit_code == 0
    assert run("db", "compromise", "--database", "d.db").exit_code == 0

    done = do(BUILD, "--database d.db")
    assert done.exit_code == 78
    assert "all that it issued is revoked, and no tree says that" in done.stderr


# --- prove ------------------------------------------------------------------------------------


@pytest.mark.rule("K2")
def test_a_proof_can_be_followed_by_hand(built: Do, lab: Lab) -> None:
    report = told(built("prove ca.tree", number(lab.revoked), "--json"))
    node = hashlib.sha256(b"\0" + bytes.fromhex(report["leaf"])).digest()
    assert node.hex() == report["leafHash"]

    for step in report["path"]:
        sibling = bytes.fromhex(step["hash"])
        pair = sibling + node if step["side"] == "left" else node + sibling
        node = hashlib.sha256(b"\1" + pair).digest()
    assert node.hex() == report["rootHash"]
    assert report["certStatus"] == "revoked"
    assert (report["position"], report["numberOfLeaves"]) == (1, 2)
    assert len(report["proof"]) == 2 * report["octets"]


def test_a_proof_is_shown_part_by_part(built: Do, lab: Lab) -> None:
    done = built("prove ca.tree revoked.pem -o p.der")

    assert done.exit_code == 0
    names = [line.split("  ")[0] for line in done.stdout.splitlines()]
    assert names == [
        "serial",
        "range",
        "position",
        "leaf",
        "leaf hash",
        "sibling left",
        "root hash",
        "counts",
        "proof",
    ]
    assert f"{number(lab.revoked)}: revoked" in done.stdout
    assert f"{Path('p.der').stat().st_size} octets" in done.stdout


@pytest.mark.parametrize("target", ["no-such-file.pem", "xyz"])
def test_a_target_that_is_neither_is_said(built: Do, target: str) -> None:
    done = built("prove ca.tree", target)

    assert done.exit_code == 64
    assert "is no serial number in hex, and no file" in done.stderr


def test_a_certificate_of_another_ca_has_no_proof(built: Do) -> None:
    stranger = TinyCA("Stranger").issue()
    Path("stranger.pem").write_bytes(stranger.certificate_pem)

    done = built("prove ca.tree stranger.pem")
    assert done.exit_code == 64
    assert "issued by CN=Stranger, not by the tree's CA" in done.stderr


def test_a_broken_tree_proves_nothing(built: Do) -> None:
    Path("ca.tree").write_bytes(Path("ca.tree").read_bytes()[:-1])

    done = built("prove ca.tree 3E8 -o p.der")
    assert done.exit_code == 65
    assert not Path("p.der").exists()


# --- verify -----------------------------------------------------------------------------------


@pytest.fixture
def proven(built: Do) -> Do:
    """Make the proofs of the good and the revoked certificate."""
    assert built("prove ca.tree good.pem -o good.der").exit_code == 0
    assert built("prove ca.tree revoked.pem -o revoked.der").exit_code == 0
    return built


@pytest.mark.parametrize(
    ("proof", "cert", "code", "verdict"),
    [
        ("good.der", "good.pem", 0, "good"),
        ("revoked.der", "revoked.pem", 1, "revoked"),
        ("good.der", "revoked.pem", 3, "untrusted"),
        ("ca.tree", "good.pem", 65, "malformed"),
        ("ca.crl", "good.pem", 65, "malformed"),
    ],
)
def test_the_verdict_is_said_shown_and_returned(
    proven: Do, proof: str, cert: str, *, code: int, verdict: str
) -> None:
    ask = f"verify {proof} --issuer ca.pem --cert {cert}"
    plain, quiet, machine = proven(ask), proven(ask, "-q"), proven(ask, "--json")

    assert [one.exit_code for one in (plain, quiet, machine)] == [code] * 3
    assert quiet.stdout.startswith(f"{verdict}  ")
    assert plain.stdout.endswith(quiet.stdout)
    assert told(machine)["verdict"] == verdict


@pytest.mark.rule("K5")
def test_a_proof_that_has_expired_is_not_believed(proven: Do, lab: Lab) -> None:
    later = f"{datetime.now(UTC) + 5 * DAY:%Y-%m-%d}"
    done = proven(f"verify good.der --issuer ca.pem --cert good.pem --at {later}")

    assert done.exit_code == 3
    assert "it says good, but don't believe it: nextUpdate: the tree expired" in done.stdout


def test_a_proof_is_about_one_certificate(proven: Do) -> None:
    done = proven("verify good.der --issuer ca.pem --cert good.pem --cert revoked.pem")

    assert done.exit_code == 64
    assert "a proof is about one certificate" in done.stderr


# --- serve ------------------------------------------------------------------------------------


@pytest.mark.rule("K8", "C10")
def test_a_responder_serves_from_a_tree_and_from_the_next_one(built: Do, lab: Lab) -> None:
    pair = "--signer responder.pem --key responder.key"
    arguments = f"--ca ca.pem {pair} --crt ca.tree --unlisted good --port 0".split()
    good, revoked = (
        CertID.for_certificate(one.certificate, lab.ca.certificate)
        for one in (lab.good, lab.revoked)
    )
    with Responding(arguments, Path.cwd()) as responder:
        before = responder.ask(good)
        lost = responder.ask(revoked).cert_status
        Path("index.txt").write_bytes(
            Path("index.txt").read_bytes().replace(b"V\t", b"R\t").replace(b"Z\t\t", SINCE)
        )
        assert built(BUILD, "--index index.txt").exit_code == 0
        deadline = time.monotonic() + 10
        while responder.ask(good).cert_status == Good():
            assert time.monotonic() < deadline
        after = responder.ask(good).cert_status

    assert before.cert_status == Good()
    assert before.next_update is not None
    assert before.next_update <= before.this_update + 4 * DAY
    assert isinstance(lost, Revoked)
    assert after == Revoked(datetime(2026, 11, 1, tzinfo=UTC), CRLReason.SUPERSEDED)


SINCE = b"Z\t261101000000Z,superseded\t"
