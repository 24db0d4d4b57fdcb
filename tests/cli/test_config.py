"""``certstatus config check``: one page that says what would run, or every error at once."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from certstatus.cli.config_examples import KINDS, example_files
from certstatus.testing import Lab

Run = Callable[..., Result]


@pytest.fixture
def file(lab: Lab, tmp_path: Path) -> Path:
    folder = Path(shutil.copytree(lab.directory, tmp_path / "lab"))
    return folder / "certstatus.toml"


def test_it_says_what_would_run(run: Run, file: Path, lab: Lab) -> None:
    result = run("config", "check", file)

    assert result.exit_code == 0
    told = " ".join(result.stdout.split())
    for words in (
        "answers at http://127.0.0.1:8080/",
        f"CA {lab.ca.certificate.subject}, until",
        f"signer {lab.responder.certificate.subject}, delegate; ecdsa-with-SHA256, ecdsa-with-SHA384",
        f"source OpenSSL index {file.parent / 'index.txt'}",
        "the sources list what was issued",
        "an answer lives 4d, and is signed anew after half of its life",
        "a serial number that no source lists is unknown",
        "1 unwise server.admin_port: is not set",
        "certstatus.toml: would serve",
    ):
        assert words in told


def test_a_direct_signer_a_crl_and_every_policy_are_put_in_words(run: Run, file: Path) -> None:
    file.write_text(
        '[[authority]]\ncertificate = "ca.pem"\nnonce = "ignore"\nvalidity = "36h"\n'
        'refresh = "90m"\nbackdate = "0s"\nunlisted = "good"\nresponder_id = "by-name"\n'
        'dual_hash = true\narchive = "365d"\ncompromised_since = 2026-11-20T00:00:00Z\n'
        '[[authority.signer]]\ncertificate = "ca.pem"\nkey = "ca.key"\n'
        '[[authority.source]]\ncrl = "ca.crl"\ncrl_id = true\nleft_out = "unknown"\n'
    )

    told = " ".join(run("config", "check", file).stdout.split())

    for words in (
        "signer the CA itself; ecdsa",
        f"source CRL {file.parent / 'ca.crl'}; crl_id = True; left_out = unknown",
        "the sources list what was revoked, and that alone; as of",
        "compromised since 2026-11-20 00:00:00 UTC",
        "an answer lives 36h, and is signed anew after 90m",
        "nonces are left out",
        "no source lists is good",
        "named by its name",
        "SHA-1 and SHA-256 at once",
        "status is kept 365d after expiry",
    ):
        assert words in told
    assert "thisUpdate is" not in told


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (
            'renew = { ca_key = "ca.key" }',
            "by the CA's key {folder}/ca.key, with a third of its life left, for the same key",
        ),
        (
            'renew_before = "10d"\nrenew = { command = ["/opt/renew", "x"], new_key = true }',
            "by the command /opt/renew, 10d before its end, with a new key",
        ),
    ],
)
def test_how_a_signer_is_renewed_is_put_in_words(
    run: Run, file: Path, settings: str, words: str
) -> None:
    key = 'key = "responder.key"\n'
    file.write_text(file.read_text("utf-8").replace(key, f"{key}{settings}\n"))

    told = " ".join(run("config", "check", file).stdout.split())

    assert f"renewal of {file.parent}/responder.pem {words.format(folder=file.parent)}" in told


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ("", "to CertIDs of sha1, sha256; algorithms: default looked at before any grows old"),
        (
            (
                'algorithms = ["ecdsa-with-SHA256"]\nevery = "90s"\n'
                'database = "postgresql://me:geheim@127.0.0.1/shared"'
            ),
            (
                "algorithms: ecdsa-with-SHA256 looked at every 90s "
                "shared by postgresql://…@127.0.0.1/shared"
            ),
        ),
        (
            'verify_signatures = "sample"',
            "algorithms: default verified the signatures of a sample looked at before",
        ),
    ],
)
def test_what_is_signed_in_advance_is_put_in_words(
    run: Run, file: Path, settings: str, words: str
) -> None:
    text = f'[store]\nurl = "lmdb:answers"\n[presign]\n{settings}\n'
    file.write_text(text + file.read_text("utf-8"), "utf-8")

    told = " ".join(run("config", "check", file).stdout.split())

    assert f"answers rest in LMDB in {file.parent / 'answers'}" in told
    assert words in told


def test_every_error_is_shown_with_its_line_and_remedy(run: Run, file: Path) -> None:
    text = file.read_text("utf-8").replace("index =", "indx =").replace("port = 8080", "port = -8")
    file.write_text(text)

    result = run("config", "check", file)

    assert result.exit_code == 78
    lines = [line.strip() for line in result.stdout.splitlines()]
    number = 1 + text.splitlines().index("port = -8")
    assert lines[0] == "2 wrong"
    assert lines[1].startswith(f"{file}:{number}: server.port: ")
    assert lines[1].endswith(", not -8")
    assert lines[2].startswith(f"{file}:{len(text.splitlines())}: authority.0.source.0.indx: ")
    assert lines[3] == "write index"
    assert lines[-1] == f"{file}: would not serve"


def test_what_waits_for_a_source_would_serve_but_not_yet(run: Run, file: Path) -> None:
    text = file.read_text("utf-8")
    file.write_text(text.replace('index = "index.txt"', 'upstream = "http://127.0.0.1:1/"'))

    result = run("config", "check", file)

    assert result.exit_code == 69
    assert "would serve, but not yet for CN=Lab CA" in " ".join(result.stdout.split())


def test_strict_makes_errors_of_warnings(run: Run, file: Path) -> None:
    assert run("config", "check", file, "--strict").exit_code == 78

    file.write_text(file.read_text("utf-8").replace("[server]", "[server]\nadmin_port = 9080"))

    assert run("config", "check", file, "--strict").exit_code == 0


def test_json_says_the_same_for_programs(
    run_json: Callable[..., Any], run: Run, file: Path, lab: Lab
) -> None:
    told = run_json("config", "check", file)

    (authority,) = told["authorities"]
    assert told["wouldServe"]
    assert told["ready"]
    assert told["errors"] == []
    assert [one["about"] for one in told["warnings"]] == ["server.admin_port"]
    assert told["settings"]["server"]["port"] == 8080
    assert authority["subject"] == str(lab.ca.certificate.subject)
    assert authority["signers"][0]["isDelegate"]
    assert authority["sources"] == [{"kind": "index", "index": str(file.parent / "index.txt")}]
    assert authority["listsIssued"]
    assert authority["statusesUntil"] is None
    file.write_text("[server]\nprot = 1\n")

    told = run_json("config", "check", file)

    assert not told["wouldServe"]
    assert not told["ready"]
    assert {(one["line"], one["key"]) for one in told["errors"]} == {
        (None, "authority"),
        (2, "server.prot"),
    }
    assert told["authorities"] == []


def test_a_password_is_shown_nowhere(run: Run, file: Path) -> None:
    text = file.read_text("utf-8")
    url = "postgresql://me:geheim@127.0.0.1:1/status"
    file.write_text(text.replace('index = "index.txt"', f'database = "{url}"'))

    results = [run("config", "check", file), run("config", "check", file, "--json")]

    assert [one.exit_code for one in results] == [69, 69]
    assert all("geheim" not in one.output and "127.0.0.1" in one.output for one in results)


# --- config example --------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_an_example_is_shown_or_written_whole(run: Run, tmp_path: Path, kind: str) -> None:
    shown = run("config", "example", kind)
    written = run("config", "example", kind, "--output", tmp_path / "deployment")

    files = {one.name: one.read_bytes() for one in (tmp_path / "deployment").iterdir()}
    assert (shown.exit_code, written.exit_code) == (0, 0)
    assert shown.stdout_bytes == files["certstatus.toml"]
    assert files.keys() >= {"certstatus.toml", "certstatus.service", "nginx.conf"}
    assert {name: example_files(kind)[name] for name in files} == files
    assert written.stderr.split() == [str(tmp_path / "deployment" / name) for name in sorted(files)]


def test_an_example_overwrites_nothing(run: Run, tmp_path: Path) -> None:
    (tmp_path / "nginx.conf").write_text("mine")

    result = run("config", "example", "one-box", "--output", tmp_path)

    assert result.exit_code == 78
    assert "nginx.conf: is there already" in result.stderr
    assert [one.name for one in tmp_path.iterdir()] == ["nginx.conf"]
    assert (tmp_path / "nginx.conf").read_text() == "mine"


def test_the_help_page_tells_every_kind(run: Run) -> None:
    told = run("config", "example", "--help").stdout

    assert all(name in told and line in told for name, line in KINDS.items())


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("memory:", "rest in memory of each process"),
        ("lmdb:answers", "LMDB in {folder}/answers, up to 65536 MiB"),
        ("redis://me:geheim@127.0.0.1:1/0", "Redis at redis://…@127.0.0.1:1/0"),
        ("redis://127.0.0.1:1/0?password=geheim&db=2", "redis://127.0.0.1:1/0?password=…&db=2"),
    ],
)
def test_the_store_and_the_budget_are_told_and_not_touched(
    run: Run, file: Path, url: str, said: str
) -> None:
    tables = f'[store]\nurl = "{url}"\n[requests]\nsigning_budget = 500\n'
    file.write_text(tables + file.read_text("utf-8"))

    shown = run("config", "check", file)
    told = run("config", "check", file, "--json")

    assert shown.exit_code == told.exit_code == 0
    words = " ".join(shown.stdout.split())  # of a long path the lines may break anywhere
    assert said.format(folder=file.parent).replace(" ", "") in words.replace(" ", "")
    assert "up to 500 a second of each process, 500 at once" in words
    assert "geheim" not in shown.stdout + told.stdout
    assert not (file.parent / "answers").exists()
