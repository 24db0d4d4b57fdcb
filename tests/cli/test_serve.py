"""``certstatus serve``: what it needs to start, what it keeps while it runs, how it ends."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.serialization import pkcs12

from certstatus.cli.exit_codes import ExitCode
from certstatus.ocsp import CertID, Good, Revoked, Unknown, encode_request
from certstatus.pkix import CRLReason
from certstatus.sources import StatusDatabase
from certstatus.testing import Issued, Lab, TinyCA, build_lab
from tests.cli.conftest import Run
from tests.responding import Responding

NOW = datetime.now(UTC).replace(microsecond=0)


def write(directory: Path, name: str, issued: Issued) -> None:
    (directory / f"{name}.pem").write_bytes(issued.certificate_pem)
    key = directory / f"{name}.key"
    key.write_bytes(issued.key_pem())
    key.chmod(0o600)


@pytest.fixture
def own(lab: Lab, tmp_path: Path) -> Path:
    """Lend a copy of the lab that a test may spoil."""
    return Path(shutil.copytree(lab.directory, tmp_path / "lab"))


def of_lab(*more: str, source: Sequence[str] = ("--index", "index.txt")) -> list[str]:
    return [
        *("--ca", "ca.pem", "--signer", "responder.pem", "--key", "responder.key"),
        *source,
        *("--port", "0"),
        *more,
    ]


def cert_id(lab: Lab, issued: Issued) -> CertID:
    return CertID.for_certificate(issued.certificate, lab.ca.certificate)


# --- bad input: one line that names file, rule and remedy -------------------------------------

CA = "--ca {dir}/ca.pem"
PAIR = "--signer {dir}/responder.pem --key {dir}/responder.key"
INDEX = "--index {dir}/index.txt"
LOCKED = "--signer {dir}/responder.pem --key {dir}/locked.key"
WRONG = {
    "no CA": (f"{PAIR} {INDEX}", "names no CA"),
    "no key": (f"{CA} {INDEX}", "names no key"),
    "no source": (f"{CA} {PAIR}", "names no source"),
    "missing CA": (f"--ca {{dir}}/no.pem {PAIR} {INDEX}", "no.pem: can't be read"),
    "CA that is none": (f"--ca {{dir}}/index.txt {PAIR} {INDEX}", "index.txt"),
    "missing key": (f"{CA} --signer {{dir}}/responder.pem --key {{dir}}/no.key {INDEX}", "no.key"),
    "empty key": (f"{CA} --signer {{dir}}/responder.pem --key {{dir}}/empty {INDEX}", "empty"),
    "another's key": (f"{CA} --signer {{dir}}/responder.pem --key {{dir}}/good.key {INDEX}", "O16"),
    "encrypted key, no password": (
        f"{CA} {INDEX} {LOCKED}",
        "password",
    ),
    "encrypted key, wrong password": (
        f"{CA} {INDEX} {LOCKED} --password-file {{dir}}/index.txt",
        "password",
    ),
    "signer without the purpose": (
        f"{CA} --signer {{dir}}/good.pem --key {{dir}}/good.key {INDEX}",
        "id-kp-OCSPSigning [O22]",
    ),
    "expired signer": (
        f"{CA} --signer {{dir}}/expired.pem --key {{dir}}/expired.key {INDEX}",
        "O25",
    ),
    "signer of another CA": (
        f"{CA} --signer {{dir}}/stranger.pem --key {{dir}}/stranger.key {INDEX}",
        "O23",
    ),
    "signer without nocheck, under the BR": (
        f"{CA} --signer {{dir}}/checked.pem --key {{dir}}/checked.key {INDEX} --profile cabf",
        "B6",
    ),
    "missing index": (f"{CA} {PAIR} --index {{dir}}/no.txt", "no.txt"),
    "half-written index": (f"{CA} {PAIR} --index {{dir}}/half.txt", "half.txt"),
    "CRL of another issuer": (f"{CA} {PAIR} --crl {{dir}}/stranger.crl", "stranger.crl"),
    "folder without a CRL": (f"{CA} {PAIR} --crl {{dir}}/crls", "crls: holds no CRL of"),
    "CRL with a broken signature": (f"{CA} {PAIR} --crl {{dir}}/broken.crl", "broken.crl"),
    "missing database": (f"{CA} {PAIR} --database {{dir}}/no.db", "no.db"),
    "database that is none": (f"{CA} {PAIR} --database {{dir}}/index.txt", "index.txt"),
    "damaged database": (f"{CA} {PAIR} --database {{dir}}/damaged.db", "damaged.db"),
    "database of another schema": (
        f"{CA} {PAIR} --database {{dir}}/odd-schema.db",
        "odd-schema.db: has schema 0000",
    ),
    "bad validity": (f"{CA} {PAIR} {INDEX} --validity soon", "45s, 30m, 12h or 4d"),
    "missing configuration": ("--config {dir}/no.toml", "no.toml: can't be read"),
    "malformed TOML": ("--config {dir}/broken.toml", "broken.toml: is not TOML"),
    "unknown setting": ("--config {dir}/odd.toml", "odd.toml:2: server.prot"),
    "one CA twice": ("--config {dir}/twice.toml", "the same CA"),
}


@pytest.fixture(scope="module")
def spoilt(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Lend the lab with everything that can be wrong beside it."""
    directory = Path(shutil.copytree(lab.directory, tmp_path_factory.mktemp("spoilt") / "lab"))
    stranger = TinyCA(lab.ca.common_name)
    write(directory, "stranger", stranger.issue_responder())
    write(directory, "expired", lab.ca.issue_responder(not_after=NOW - timedelta(minutes=1)))
    write(directory, "checked", lab.ca.issue_responder(nocheck=False))
    (directory / "locked.key").write_bytes(lab.responder.key_pem(b"secret"))
    (directory / "empty").write_bytes(b"")
    half = (directory / "index.txt").read_text()[:-20]
    (directory / "half.txt").write_text(half)
    (directory / "crls").mkdir()
    (directory / "stranger.crl").write_bytes(TinyCA("Stranger").crl(this_update=NOW))
    for name in ("damaged.db", "odd-schema.db"):
        StatusDatabase.create(directory / name).close()
    with (directory / "damaged.db").open("r+b") as file:
        file.truncate(5_000)
    with closing(sqlite3.connect(directory / "odd-schema.db", isolation_level=None)) as odd:
        odd.execute("UPDATE alembic_version SET version_num = '0000'")
    crl = bytearray(lab.ca.crl(this_update=NOW))
    crl[-1] ^= 1
    (directory / "broken.crl").write_bytes(crl)
    whole = (directory / "certstatus.toml").read_text()
    (directory / "broken.toml").write_text(whole + "\n[[authority")
    authority = "[[authority]]" + whole.partition("[[authority]]")[2]
    (directory / "odd.toml").write_text("[server]\nprot = 1\n" + authority)
    (directory / "twice.toml").write_text(authority + "\n" + authority)
    return directory


@pytest.mark.parametrize("name", WRONG)
@pytest.mark.rule("O16", "O22", "O23", "O25", "B6", "C8")
def test_what_is_wrong_is_named_in_a_line_and_nothing_starts(
    run: Run, spoilt: Path, name: str
) -> None:
    line, said = WRONG[name]

    result = run("serve", "--check", *line.format(dir=spoilt).split())

    assert result.exit_code in {ExitCode.CONFIG, ExitCode.UNREACHABLE}
    first = result.stderr.splitlines()[0]
    assert first.startswith("certstatus: ")
    assert said in first
    assert "secret" not in result.stderr
    assert "Traceback" not in result.stderr


def test_a_configuration_and_options_of_one_ca_are_not_mixed(run: Run, spoilt: Path) -> None:
    result = run("serve", "--config", spoilt / "certstatus.toml", "--ca", spoilt / "ca.pem")

    assert result.exit_code == ExitCode.USAGE
    assert "leave out --ca" in result.stderr


def test_what_is_right_is_said_to_be_ready(run: Run, spoilt: Path) -> None:
    line = f"{CA} {PAIR} {INDEX}".format(dir=spoilt)

    result = run("serve", "--check", *line.split())

    assert result.exit_code == 0
    assert "ready" in result.stderr


@pytest.mark.rule("C9")
def test_a_source_that_could_not_answer_is_not_called_ready(run: Run, lab: Lab, own: Path) -> None:
    old = NOW - timedelta(days=30)
    (own / "old.crl").write_bytes(lab.ca.crl(this_update=old, next_update=old + timedelta(days=7)))

    result = run("serve", "--check", *f"{CA} {PAIR} --crl {{dir}}/old.crl".format(dir=own).split())

    assert result.exit_code == ExitCode.UNREACHABLE
    assert "expired" in result.stderr


def test_a_pkcs12_file_and_its_password_are_enough(run: Run, lab: Lab, own: Path) -> None:
    data = pkcs12.serialize_key_and_certificates(
        b"responder",
        lab.responder.key,  # type: ignore[arg-type]
        lab.responder.certificate.parsed,
        None,
        serialization.BestAvailableEncryption(b"secret"),
    )
    (own / "signer.p12").write_bytes(data)
    (own / "password").write_text("secret\n")
    line = f"{CA} {INDEX} --pkcs12 {{dir}}/signer.p12 --password-file {{dir}}/password"

    result = run("serve", "--check", *line.format(dir=own).split())

    assert result.exit_code == 0


@pytest.mark.rule("O22")
def test_with_its_key_alone_the_ca_signs_itself(run: Run, own: Path) -> None:
    line = f"{CA} {INDEX} --key {{dir}}/ca.key".format(dir=own)

    assert run("serve", "--check", *line.split()).exit_code == 0


def test_a_port_in_use_is_named_and_the_command_ends(own: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        command = [sys.executable, "-m", "certstatus", "serve", *of_lab("--port", str(port))]
        done = subprocess.run(
            command, cwd=own, capture_output=True, text=True, check=False, timeout=30
        )

    assert done.returncode == ExitCode.CONFIG
    assert str(port) in done.stderr
    assert "Traceback" not in done.stderr


def test_a_second_responder_on_the_same_port_is_refused_and_not_let_share_it(own: Path) -> None:
    with Responding(of_lab(), own) as first:
        port = first.url.rstrip("/").rpartition(":")[2]
        command = [sys.executable, "-m", "certstatus", "serve", *of_lab("--port", port)]
        done = subprocess.run(
            command, cwd=own, capture_output=True, text=True, check=False, timeout=30
        )

    assert done.returncode == ExitCode.CONFIG
    assert f"can't listen on 127.0.0.1:{port}" in done.stderr


@pytest.mark.parametrize("workers", ["1", "2"])
def test_what_keeps_the_workers_from_starting_is_said_in_one_line(own: Path, workers: str) -> None:
    """To a person in words, once for all workers, and last; to a program in the log and the code."""
    (own / "responder.key").write_bytes(b"")
    command = [sys.executable, "-m", "certstatus", "serve", *of_lab("--workers", workers)]

    done = subprocess.run(command, cwd=own, capture_output=True, text=True, check=False, timeout=30)

    assert done.returncode == ExitCode.CONFIG
    *logged, line, hint = done.stderr.splitlines()
    key = own / "responder.key"
    assert line == f"certstatus: {key}: holds no private key that can be read"
    assert hint.startswith("  ")
    events = [json.loads(one) for one in logged]
    failed = next(event for event in events if event["event"] == "worker_failed")
    assert f"certstatus: {failed['error']}" == line


# --- while it runs ------------------------------------------------------------------------------


@pytest.fixture
def database(lab: Lab, own: Path) -> Path:
    """Enter good and revoked into a database."""
    path = own / "certstatus.db"
    with StatusDatabase.create(path) as books:
        issuer = books.add_issuer(lab.ca.certificate, actor="test", now=NOW)
        for issued in (lab.good, lab.revoked):
            books.add(issuer, issued.certificate.serial_number, actor="test", now=NOW)
    return path


@pytest.mark.rule("O12")
def test_every_worker_sees_a_revocation_within_a_second(
    run: Run, lab: Lab, own: Path, database: Path
) -> None:
    arguments = of_lab("--workers", "2", source=("--database", database.name))
    with Responding(arguments, own) as responder:
        wanted = cert_id(lab, lab.good)
        before = [responder.ask(wanted).cert_status for _ in range(8)]
        revoking = run("db", "revoke", own / "good.pem", "--database", database)
        deadline = time.monotonic() + 1
        while time.monotonic() < deadline and responder.ask(wanted).cert_status == Good():
            pass
        after = [responder.ask(wanted).cert_status for _ in range(20)]
        code = responder.end()

    assert revoking.exit_code == 0, revoking.stderr
    assert before == [Good()] * 8
    assert all(isinstance(status, Revoked) for status in after)
    assert code == 0
    assert len({event["pid"] for event in responder.events if "pid" in event}) == 2


def test_answers_go_on_while_somebody_writes_to_the_database(
    lab: Lab, own: Path, database: Path
) -> None:
    with Responding(of_lab(source=("--database", database.name)), own) as responder:
        writer = sqlite3.connect(database, isolation_level=None)
        writer.execute("BEGIN IMMEDIATE")
        status = responder.ask(cert_id(lab, lab.good)).cert_status
        writer.close()

    assert status == Good()


@pytest.mark.rule("O12")
def test_a_half_written_index_keeps_the_last_good_one_and_recovers(lab: Lab, own: Path) -> None:
    index = own / "index.txt"
    whole = index.read_text()
    with Responding(of_lab(), own) as responder:
        assert responder.ask(cert_id(lab, lab.good)).cert_status == Good()
        index.write_text(whole[: len(whole) // 2])
        until_event(responder, cert_id(lab, lab.good), "source.reload-failed")
        still = responder.ask(cert_id(lab, lab.revoked)).cert_status
        index.write_text(whole)
        until_event(responder, cert_id(lab, lab.good), "source.recovered")

    assert isinstance(still, Revoked)
    assert still.reason is CRLReason.KEY_COMPROMISE


def until_event(responder: Responding, wanted: CertID, event: str) -> None:
    """Ask until a log line of that event has come: sources look at files when they are asked."""
    deadline = time.monotonic() + 10
    while event not in {told["event"] for told in responder.events}:
        assert time.monotonic() < deadline, responder.events
        assert responder.ask(wanted).cert_status == Good()
        responder.wait_for("request")


@pytest.mark.rule("C9", "C10", "O11")
def test_a_crl_answers_until_its_next_update_and_then_try_later(lab: Lab, own: Path) -> None:
    revoked = lab.revoked.certificate.serial_number
    entry = (revoked, NOW - timedelta(hours=1), CRLReason.KEY_COMPROMISE)
    end = datetime.now(UTC) + timedelta(hours=1)
    began = NOW - timedelta(hours=2)
    (own / "ca.crl").write_bytes(lab.ca.crl([entry], this_update=began, next_update=end))
    arguments = of_lab("--unlisted", "good", source=("--crl", "ca.crl"))
    with Responding(arguments, own) as responder:
        good = responder.ask(cert_id(lab, lab.good))
        told = responder.ask(cert_id(lab, lab.revoked)).cert_status
        soon = datetime.now(UTC) + timedelta(seconds=1)
        shorter = lab.ca.crl([entry], this_update=NOW - timedelta(hours=1), next_update=soon)
        (own / "newer").write_bytes(shorter)
        (own / "newer").replace(own / "ca.crl")
        der = encode_request([cert_id(lab, lab.good)])
        deadline = time.monotonic() + 20
        while (status := responder.refusal(der)) == "successful":
            assert time.monotonic() < deadline

    assert good.cert_status == Good()
    assert good.next_update is not None
    assert good.next_update <= end
    assert isinstance(told, Revoked)
    assert status == "tryLater"


@pytest.mark.rule("C2", "C3")
@pytest.mark.parametrize("places", [["full.crl", "delta.crl"], ["."]])
def test_a_full_crl_and_its_delta_are_served_together(
    lab: Lab, own: Path, places: list[str]
) -> None:
    good, revoked = (one.certificate.serial_number for one in (lab.good, lab.revoked))
    when = NOW - timedelta(hours=1)
    held = (revoked, when, CRLReason.CERTIFICATE_HOLD)
    released = (revoked, when, CRLReason.REMOVE_FROM_CRL)
    lost = (good, when, CRLReason.KEY_COMPROMISE)
    for stale in own.glob("*.crl"):
        stale.unlink()
    (own / "full.crl").write_bytes(lab.ca.crl([held], this_update=when))
    (own / "delta.crl").write_bytes(
        lab.ca.crl([released, lost], number=2, delta_of=1, this_update=when)
    )
    source = [word for place in places for word in ("--crl", place)]
    with Responding(of_lab("--unlisted", "good", source=source), own) as responder:
        assert responder.ask(cert_id(lab, lab.revoked)).cert_status == Good()
        told = responder.ask(cert_id(lab, lab.good)).cert_status

    assert told == Revoked(when, CRLReason.KEY_COMPROMISE)


@pytest.mark.rule("C9")
def test_a_crl_that_has_expired_before_the_start_never_says_good(lab: Lab, own: Path) -> None:
    day = timedelta(days=1)
    (own / "ca.crl").write_bytes(lab.ca.crl(this_update=NOW - 2 * day, next_update=NOW - day))
    arguments = of_lab("--unlisted", "good", "--admin-port", "0", source=("--crl", "ca.crl"))
    with Responding(arguments, own) as responder:
        status = responder.refusal(encode_request([cert_id(lab, lab.good)]))
        health = httpx2.get(responder.admin_url + "healthz", trust_env=False)

    assert status == "tryLater"
    assert health.status_code == 503
    assert "source.expired" in {event["event"] for event in responder.events}


@pytest.mark.rule("O15")
def test_a_request_across_authorities_is_answered_only_where_one_signer_may(
    lab: Lab, own: Path, tmp_path: Path
) -> None:
    other = build_lab(tmp_path / "other", now=NOW, name="Other CA")
    both = (own / "certstatus.toml").read_text().replace("8080", "0")
    both += f"""
[[authority]]
certificate = "{other.ca_certificate}"
[[authority.signer]]
certificate = "{other.responder_certificate}"
key = "{other.responder_key}"
[[authority.source]]
index = "{other.index}"
"""
    (own / "both.toml").write_text(both)
    ours, theirs = cert_id(lab, lab.good), cert_id(other, other.revoked)
    with Responding(["--config", "both.toml"], own) as responder:
        one = responder.ask(ours).cert_status
        two = responder.ask(theirs).cert_status
        never = responder.ask(cert_id(other, other.never_issued)).cert_status
        across = responder.refusal(encode_request([ours, theirs]))

    assert (one, never) == (Good(), Unknown())
    assert isinstance(two, Revoked)
    assert across == "unauthorized"


# --- reload -------------------------------------------------------------------------------------


@pytest.fixture
def configured(own: Path) -> Iterator[Responding]:
    """Run the lab's own configuration, on free ports."""
    file = own / "certstatus.toml"
    server = "[server]\nport = 0\nadmin_port = 0\n"
    authority = "[[authority]]" + file.read_text().partition("[[authority]]")[2]
    file.write_text(server + authority)
    with Responding(["--config", "certstatus.toml"], own) as responder:
        yield responder


def test_a_reload_takes_new_keys_and_settings(configured: Responding, lab: Lab, own: Path) -> None:
    write(own, "responder", lab.ca.issue_responder("Second responder"))
    file = own / "certstatus.toml"
    file.write_text(
        file.read_text().replace("[[authority.signer]]", 'validity = "1d"\n[[authority.signer]]')
    )

    configured.send(signal.SIGHUP)
    configured.wait_for("reloaded")

    single = configured.ask(cert_id(lab, lab.good))
    assert single.next_update is not None
    assert single.next_update - single.this_update <= timedelta(days=1)
    response = configured.post(encode_request([cert_id(lab, lab.good)])).content
    assert b"Second responder" in response


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("certstatus.toml", b"[[authority"),
        ("responder.key", b""),
        ("index.txt", b"V\tsoon\n"),
    ],
)
def test_a_reload_that_fails_keeps_all_as_it_was_and_alarms(
    configured: Responding, lab: Lab, own: Path, file: str, content: bytes
) -> None:
    (own / file).write_bytes(content)

    configured.send(signal.SIGHUP)
    alarm = configured.wait_for("reload_failed")

    assert alarm["level"] == "critical"
    assert file in alarm["error"]
    assert configured.ask(cert_id(lab, lab.good)).cert_status == Good()
    metrics = httpx2.get(configured.admin_url + "metrics", trust_env=False).text
    assert 'certstatus_reloads_total{outcome="failed"} 1.0' in metrics


@pytest.mark.rule("C8", "O25")
def test_every_worker_reloads_or_keeps_what_it_had(lab: Lab, own: Path) -> None:
    file = own / "certstatus.toml"
    authority = "[[authority]]" + file.read_text().partition("[[authority]]")[2]
    authority = authority.replace('index = "index.txt"', 'crl = "ca.crl"')
    file.write_text("[server]\nport = 0\nadmin_port = 0\nworkers = 2\n" + authority)
    der = encode_request([cert_id(lab, lab.revoked)])
    with Responding(["--config", file.name], own) as responder:
        second = lab.ca.issue_responder("Second responder")
        write(own, "responder", second)
        in_both(responder, "reloaded")
        after = [responder.post(der).content for _ in range(8)]
        write(own, "responder", lab.ca.issue_responder(not_after=NOW - timedelta(minutes=1)))
        expired = in_both(responder, "reload_failed")
        write(own, "responder", second)
        (own / "ca.crl").write_bytes(lab.ca.crl()[:-9])
        broken = in_both(responder, "reload_failed")
        kept = [responder.post(der).content for _ in range(8)]

    assert all(b"Second responder" in answer for answer in [*after, *kept])
    assert all("[O25]" in alarm["error"] and alarm["hint"] for alarm in expired)
    assert all("ca.crl" in alarm["error"] and alarm["hint"] for alarm in broken)


def in_both(responder: Responding, event: str) -> list[dict[str, Any]]:
    """Ask for a reload, and wait until each of two workers has said how it went."""
    responder.send(signal.SIGHUP)
    told = [responder.wait_for(event) for _ in range(2)]
    assert len({one["worker"] for one in told}) == 2
    return told


@pytest.mark.rule("O25")
def test_every_worker_takes_up_replaced_files_by_itself(lab: Lab, own: Path) -> None:
    new = lab.ca.issue_responder("Second responder", not_after=NOW + timedelta(days=20))
    der = encode_request([cert_id(lab, lab.good)])
    arguments = of_lab("--workers", "2", "--admin-port", "0")
    with Responding(arguments, own) as responder:
        before = responder.post(der).content
        write(own, "responder", new)
        told = [responder.wait_for("signer.rotated") for _ in range(2)]
        after = [responder.post(der).content for _ in range(8)]
        health = httpx2.get(f"{responder.admin_url}healthz", trust_env=False).json()
        metrics = httpx2.get(f"{responder.admin_url}metrics", trust_env=False).text
        (own / "responder.key").write_bytes(b"half")
        alarm = responder.wait_for("signer.reload-failed")
        kept = responder.post(der).content

    assert b"Second responder" not in before
    assert len({one["worker"] for one in told}) == 2
    assert all(b"Second responder" in answer for answer in [*after, kept])
    assert "responder.key" in alarm["detail"]
    (signer,) = health["signers"]
    assert signer["inForce"] is True
    assert 19 < signer["daysLeft"] < 20
    line = f'certstatus_signer_days_left{{authority="CN=Lab CA",serial="{signer["serial"]}"}}'
    assert line in metrics


def test_what_needs_a_restart_is_said_so(configured: Responding, own: Path) -> None:
    file = own / "certstatus.toml"
    file.write_text(file.read_text().replace("[server]", "[server]\nworkers = 3"))

    configured.send(signal.SIGHUP)

    assert "[server]" in configured.wait_for("restart_needed")["detail"]


def test_health_and_metrics_are_on_a_port_of_their_own(configured: Responding, lab: Lab) -> None:
    configured.ask(cert_id(lab, lab.revoked))

    health = httpx2.get(configured.admin_url + "healthz", trust_env=False)
    metrics = httpx2.get(configured.admin_url + "metrics", trust_env=False).text

    assert (health.status_code, health.json()["ready"]) == (200, True)
    assert 'certstatus_cert_statuses_total{status="revoked"} 1.0' in metrics
    assert "certstatus_sign_seconds_bucket" in metrics
    for_clients = httpx2.get(configured.url + "metrics", trust_env=False)
    assert b"certstatus_" not in for_clients.content


# --- the end ------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_by_signal_and_leaves_nothing_running(own: Path, number: signal.Signals) -> None:
    with Responding(of_lab("--workers", "2"), own) as responder:
        ready = next(event for event in responder.events if event["event"] == "ready")
        code = responder.end(number)

    assert code == 0
    for pid in ready["pids"]:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
    with pytest.raises(httpx2.ConnectError):
        responder.post(b"")


def begun(responder: Responding, der: bytes) -> socket.socket:
    """Send all of a request but its last octet; the server has read its head."""
    host, port = responder.url.removeprefix("http://").rstrip("/").split(":")
    client = socket.create_connection((host, int(port)), timeout=20)
    client.sendall(
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/ocsp-request\r\n"
        b"Expect: 100-continue\r\nContent-Length: %d\r\n\r\n" % len(der)
    )
    assert client.recv(1_000).startswith(b"HTTP/1.1 100 ")
    client.sendall(der[:-1])
    return client


def test_a_request_under_way_is_answered_and_one_that_never_ends_is_cut(
    lab: Lab, own: Path
) -> None:
    file = own / "certstatus.toml"
    authority = "[[authority]]" + file.read_text().partition("[[authority]]")[2]
    file.write_text('[server]\nport = 0\ndrain_time = "1s"\nread_time = "60s"\n' + authority)
    der = encode_request([cert_id(lab, lab.good)])
    with (
        Responding(["--config", file.name], own) as responder,
        closing(begun(responder, der)) as honest,
        closing(begun(responder, der)) as endless,
    ):
        responder.send(signal.SIGTERM)
        responder.wait_for("drain")
        honest.sendall(der[-1:])
        answer = honest.recv(65_536)
        honest.close()
        asked_at = time.monotonic()
        code = responder.process.wait(20)
        took = time.monotonic() - asked_at
        nothing = endless.recv(1)
        responder.end()

    assert answer.startswith(b"HTTP/1.1 200 ")
    assert b"application/ocsp-response" in answer
    assert nothing == b""
    assert code == 0
    assert took < 10  # the drain time and some, not the read time
    drained = next(event for event in responder.events if event["event"] == "worker_drained")
    assert drained["cut"] == 1


def test_the_log_says_what_was_answered_and_holds_no_key(configured: Responding, lab: Lab) -> None:
    configured.ask(cert_id(lab, lab.revoked))
    line = configured.wait_for("request")

    assert line["certStatus"] == "revoked"
    assert line["serial"] == f"{lab.revoked.certificate.serial_number:x}"
    assert line["method"] == "POST"
    assert "PRIVATE" not in str(configured.events)
