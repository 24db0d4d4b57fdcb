"""``certstatus db``: what is said, what is written, and how it ends."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import Result

from certstatus.cli.db import command, db
from certstatus.limits import MAX_IMPORT_BYTES
from certstatus.pkix import CRLReason
from certstatus.sources import StatusDatabase, encode_index, serial_text
from certstatus.testing import Issued, Lab, TinyCA
from tests.books import DAY, altered_crl, crl, issued_by, scope, valid

Do = Callable[..., Result]


@pytest.fixture
def do(run: Callable[..., Result], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Do:
    """Run ``certstatus db`` on a database in the test's folder."""
    monkeypatch.setenv("CERTSTATUS_DATABASE", str(tmp_path / "status.db"))

    def call(*args: object) -> Result:
        return run("db", *args)

    return call


@pytest.fixture
def told(do: Do) -> Callable[..., Any]:
    """Run it with ``--json``, and return what it wrote."""

    def call(*args: object) -> Any:
        done = do(*args, "--json")
        assert done.stderr == ""
        return json.loads(done.stdout)

    return call


@pytest.fixture
def books(do: Do, lab: Lab) -> Do:
    """Make a database with the lab's books in it."""
    assert do("init", "--issuer", lab.ca_certificate).exit_code == 0
    assert do("import", lab.index, lab.crl).exit_code == 0
    return do


def serial_of(issued: Issued) -> str:
    return serial_text(issued.certificate.serial_number)


# --- every command --------------------------------------------------------------------------


def test_the_command_is_the_group() -> None:
    assert command is db
    assert isinstance(db, click.Group)


@pytest.mark.parametrize("name", sorted(db.commands))
def test_every_command_has_an_example_and_json(do: Do, name: str) -> None:
    page = do(name, "--help")

    assert page.exit_code == 0
    assert f"Examples:\n  certstatus db {name}" in page.stdout
    assert "--json" in page.stdout
    assert "--database" in page.stdout


def test_help_lists_every_command_whole(do: Do) -> None:
    page = do("--help").stdout

    assert all(name in page for name in db.commands)
    assert "..." not in page.partition("Commands:")[2]


CHANGES = [
    ("status",),
    ("list",),
    ("audit",),
    ("show", "03E8"),
    ("add", "03E8"),
    ("revoke", "03E8"),
    ("hold", "03E8"),
    ("release", "03E8"),
    ("compromise",),
    ("migrate",),
    ("import", "index.txt"),
]


@pytest.mark.parametrize("args", CHANGES, ids=lambda args: args[0])
def test_without_a_database_every_command_says_how_to_make_one(
    do: Do, tmp_path: Path, args: tuple[str, ...]
) -> None:
    done = do(*args)

    assert done.exit_code == 78
    assert "there is no status database" in done.stderr
    assert "certstatus db init" in done.stderr
    assert done.stdout == ""
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("args", CHANGES, ids=lambda args: args[0])
def test_a_damaged_database_is_one_line_and_no_traceback(
    do: Do, tmp_path: Path, args: tuple[str, ...]
) -> None:
    (tmp_path / "status.db").write_bytes(b"hello " * 1000)
    done = do(*args)

    assert done.exit_code == 69
    assert "is not a database, or is damaged" in done.stderr
    assert "Traceback" not in done.stderr


def test_another_kind_of_database_is_refused(do: Do) -> None:
    done = do("status", "--database", "mysql://db/status")

    assert done.exit_code == 78
    assert "write a path, sqlite:///path, or postgresql://" in done.stderr


# --- init, migrate, status ------------------------------------------------------------------


def test_init_makes_a_database_once(do: Do, tmp_path: Path, lab: Lab) -> None:
    done = do("init", "--issuer", lab.ca_certificate)

    assert (done.exit_code, done.stdout) == (0, f"made {tmp_path / 'status.db'}\n")
    again = do("init")
    assert again.exit_code == 78
    assert "exists already" in again.stderr


def test_init_with_a_bad_certificate_makes_nothing(do: Do, tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("hello")

    assert do("init", "--issuer", tmp_path / "ca.pem").exit_code == 65
    assert not (tmp_path / "status.db").exists()


def test_init_tells_a_program(told: Callable[..., Any], tmp_path: Path, lab: Lab) -> None:
    assert told("init", "--issuer", lab.ca_certificate) == {
        "database": str(tmp_path / "status.db"),
        "version": "0002",
        "issuers": ["CN=Lab CA"],
    }


def test_migrate_says_what_it_did(books: Do, told: Callable[..., Any]) -> None:
    assert books("migrate").stdout == "schema 0002 is the newest already\n"
    assert told("migrate") == {"before": "0002", "after": "0002"}


def test_a_newer_database_asks_for_a_newer_certstatus(books: Do, tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "status.db")
    with connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    done = books("list")

    assert done.exit_code == 78
    assert "schema 9999, which is newer" in done.stderr


def test_status_counts(books: Do, told: Callable[..., Any], lab: Lab) -> None:
    assert "1  CN=Lab CA  2 good, 1 revoked, 0 hold" in books("status").stdout
    (issuer,) = told("status")["issuers"]
    assert issuer == {
        "id": 1,
        "subject": "CN=Lab CA",
        "fingerprint": lab.ca.certificate.fingerprint.hex(),
        "caCompromisedAt": None,
        "certificates": {"good": 2, "revoked": 1, "hold": 0},
    }


# --- import ---------------------------------------------------------------------------------


def test_import_takes_an_index_a_crl_and_certificates(do: Do, lab: Lab) -> None:
    do("init", "--issuer", lab.ca_certificate)
    done = do("import", lab.index, lab.crl, lab.certificates["good"])

    assert done.stdout == (
        f"{lab.index}: 3 added\n{lab.crl}: 1 unchanged\n{lab.certificates['good']}: 1 completed\n"
    )
    assert done.stderr == ""


def test_import_takes_a_folder_of_certificates(
    do: Do, told: Callable[..., Any], lab: Lab, tmp_path: Path
) -> None:
    folder = tmp_path / "newcerts"
    folder.mkdir()
    for name, path in lab.certificates.items():
        (folder / f"{name}.pem").write_bytes(path.read_bytes())
    (folder / "good.key").write_text("not to be read")
    do("init", "--issuer", lab.ca_certificate)

    reports = told("import", folder)
    assert [Path(one["file"]).name for one in reports] == [
        "good.pem",
        "never-issued.pem",
        "revoked.pem",
    ]
    assert {one["counts"]["added"] for one in reports} == {1}


def test_a_folder_without_certificates_is_said(books: Do, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    done = books("import", tmp_path / "empty")

    assert done.exit_code == 65
    assert "has no file .pem" in done.stderr


def test_a_bad_line_names_file_and_line_and_imports_nothing(
    books: Do, told: Callable[..., Any], tmp_path: Path
) -> None:
    path = tmp_path / "more.txt"
    path.write_bytes(encode_index([valid(7), valid(8)]) + b"hello\n")
    before = told("status")
    done = books("import", path)

    assert done.exit_code == 65
    assert f"{path} line 3: has 1 fields" in done.stderr
    assert "Traceback" not in done.stderr
    assert told("status") == before


def test_what_an_import_keeps_is_named(
    books: Do, told: Callable[..., Any], tmp_path: Path, lab: Lab
) -> None:
    path = tmp_path / "older.txt"
    path.write_bytes(encode_index([valid(lab.revoked.certificate.serial_number)]))
    done = books("import", path)

    assert done.stdout == f"{path}: 1 kept\n"
    assert f"kept: serial {serial_of(lab.revoked)}: good here, stays revoked" in done.stderr
    (report,) = told("import", path)
    assert report["counts"]["kept"] == 1
    assert len(report["kept"]) == 1


def test_a_foreign_certificate_stops_the_import_unless_passed_over(
    books: Do, tmp_path: Path
) -> None:
    path = tmp_path / "foreign.pem"
    path.write_bytes(TinyCA("Other CA").issue().certificate_pem)

    done = books("import", path)
    assert done.exit_code == 65
    assert "its issuer is CN=Other CA" in done.stderr
    assert books("import", path, "--skip-foreign").stdout == f"{path}: 1 foreign\n"


def test_the_kind_may_be_named(books: Do, tmp_path: Path) -> None:
    path = tmp_path / "books"
    path.write_bytes(encode_index([valid(7)]))

    done = books("import", path, "--as", "crl")
    assert done.exit_code == 65
    assert f"{path}: CertificateList" in done.stderr


def test_a_file_that_is_not_there_is_named(books: Do, tmp_path: Path) -> None:
    done = books("import", tmp_path / "nowhere")

    assert done.exit_code == 64
    assert "nowhere: No such file" in done.stderr


def test_a_file_beyond_the_limit_is_refused(books: Do, tmp_path: Path) -> None:
    path = tmp_path / "huge.pem"
    path.write_bytes(b"-----BEGIN CERTIFICATE-----\n")
    with path.open("r+b") as file:
        file.truncate(MAX_IMPORT_BYTES + 1)
    done = books("import", path)

    assert done.exit_code == 65
    assert f"is larger than {MAX_IMPORT_BYTES} bytes" in done.stderr


def test_long_work_tells_how_far_it_is(
    books: Do, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "many.txt"
    path.write_bytes(encode_index([valid(number) for number in range(2, 6002)]))
    seconds = iter(range(100))
    monkeypatch.setattr("certstatus.cli.db.time.monotonic", lambda: next(seconds))
    done = books("import", path)

    assert f"{path}: 4000 entries so far" in done.stderr
    assert done.stdout.startswith(f"{path}: ")


# --- changes --------------------------------------------------------------------------------


def test_a_certificate_is_held_released_and_revoked(
    books: Do, told: Callable[..., Any], lab: Lab
) -> None:
    leaf = lab.certificates["good"]
    serial = serial_of(lab.good)

    held = told("hold", leaf, "--time", "2026-11-01", "--actor", "bob", "--note", "lost card")
    assert (held["serial"], held["status"]) == (serial, "hold")
    assert held["revocationTime"] == "2026-11-01T00:00:00Z"
    assert told("release", serial)["status"] == "good"
    gone = told(
        "revoke", f"0x{serial}", "--reason", "KEYCOMPROMISE",
        "--time", "2026-11-02T03:04:05Z", "--invalidity-date", "2026-10-01",
    )  # fmt: skip
    assert gone["status"] == "revoked"
    assert gone["reason"] == "keyCompromise"
    assert gone["revocationTime"] == "2026-11-02T03:04:05Z"
    assert gone["invalidityDate"] == "2026-10-01T00:00:00Z"

    shown = told("show", leaf)
    assert [one["action"] for one in shown["audit"]] == ["add", "hold", "release", "revoke"]
    assert (shown["audit"][1]["actor"], shown["audit"][1]["note"]) == ("bob", "lost card")


def test_revoking_again_the_same_is_done_and_otherwise_is_refused(books: Do, lab: Lab) -> None:
    wish = ("revoke", serial_of(lab.good), "--reason", "superseded")

    assert [books(*wish).exit_code for _ in range(2)] == [0, 0]
    refused = books("revoke", serial_of(lab.good), "--reason", "keyCompromise")
    assert refused.exit_code == 65
    assert "a revocation is final" in refused.stderr
    assert "certstatus db show" in refused.stderr


@pytest.mark.parametrize(
    ("args", "code", "problem"),
    [
        (("revoke", "7FFF"), 65, "serial 7FFF is not listed for CN=Lab CA"),
        (("hold", "7FFF"), 65, "is not listed"),
        (("release", "03E9"), 65, "is not on hold"),
        (("revoke", "03E9", "--time", "2999-01-01"), 65, "in the future"),
        (("revoke", "03E9", "--reason", "removeFromCRL"), 64, "removeFromCRL"),
        (("revoke", "03E9", "--reason", "bored"), 64, "bored"),
        (("revoke", "03E9", "--time", "yesterday"), 64, "yesterday"),
        (("revoke", "no-file.pem"), 64, "no serial number in hex, and no file"),
        (("revoke", "03E9", "--issuer", "7"), 78, "does not list the issuer 7"),
        (("add", "03E9"), 65, "is listed already"),
        (("add", "no"), 64, "not hexadecimal"),
        (("compromise", "--undo", "--time", "2026-01-01"), 64, "--undo takes no --time"),
        (("compromise", "--time", "2999-01-01"), 65, "in the future"),
        (("revoke", "03E9", "--actor", ""), 65, "needs an actor"),
    ],
)
def test_what_can_not_be_done_is_one_clear_line_and_changes_nothing(
    books: Do, told: Callable[..., Any], args: tuple[str, ...], code: int, problem: str
) -> None:
    before = told("status")
    done = books(*args)

    assert done.exit_code == code, done.stderr
    assert problem in done.stderr
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    assert told("status") == before


@pytest.mark.parametrize(
    "reason", [one for one in CRLReason if one is not CRLReason.REMOVE_FROM_CRL]
)
def test_every_reason_can_be_given(
    books: Do, told: Callable[..., Any], lab: Lab, reason: CRLReason
) -> None:
    done = told("revoke", serial_of(lab.good), "--reason", reason.label)

    assert done["status"] == ("hold" if reason is CRLReason.CERTIFICATE_HOLD else "revoked")
    assert done.get("reason") == (None if reason is CRLReason.UNSPECIFIED else reason.label)


def test_a_serial_number_is_listed_before_its_certificate(
    books: Do, told: Callable[..., Any]
) -> None:
    added = told("add", "0A0B", "--not-after", "2030-01-01", "--subject", "CN=soon")

    assert added == {
        "issuer": "CN=Lab CA",
        "serial": "0A0B",
        "status": "good",
        "notAfter": "2030-01-01T00:00:00Z",
        "subject": "CN=soon",
    }


@pytest.mark.rule("O14")
def test_a_ca_is_marked_as_compromised_and_unmarked(books: Do, told: Callable[..., Any]) -> None:
    marked = told("compromise", "--time", "2026-11-01")
    assert marked["caCompromisedAt"] == "2026-11-01T00:00:00Z"
    assert "COMPROMISED since 2026-11-01" in books("status").stdout
    assert told("compromise", "--undo")["caCompromisedAt"] is None


def test_of_several_issuers_one_must_be_named(books: Do, lab: Lab, tmp_path: Path) -> None:
    other = TinyCA("Other CA")
    path = tmp_path / "other.pem"
    path.write_bytes(other.issued.certificate_pem)
    books("import", path, "--issuer", path)
    done = books("revoke", serial_of(lab.good))

    assert done.exit_code == 78
    assert "which issuer? The database lists 1 CN=Lab CA, 2 CN=Other CA" in done.stderr
    for name in ("1", lab.ca_certificate):
        assert books("revoke", serial_of(lab.good), "--issuer", name).exit_code == 0
    assert books("list", "--issuer", "2").stdout.startswith("01 ")


def test_a_certificate_of_no_listed_issuer_is_not_changed(books: Do, tmp_path: Path) -> None:
    path = tmp_path / "foreign.pem"
    path.write_bytes(TinyCA("Other CA").issue().certificate_pem)
    done = books("revoke", path)

    assert done.exit_code == 65
    assert "CN=Other CA is not an issuer of the database" in done.stderr


# --- looking --------------------------------------------------------------------------------


def test_show_tells_people_and_ends_with_2_for_what_is_not_listed(books: Do, lab: Lab) -> None:
    page = books("show", lab.certificates["revoked"])
    assert page.exit_code == 0
    assert "status   revoked" in page.stdout
    assert "reason   keyCompromise" in page.stdout

    unknown = books("show", lab.certificates["never-issued"])
    assert (unknown.exit_code, unknown.stdout) == (2, "")
    assert "is not listed" in unknown.stderr
    assert json.loads(books("show", "7FFF", "--json").stdout) is None


def test_list_may_be_of_one_status(books: Do, told: Callable[..., Any], lab: Lab) -> None:
    assert len(told("list")) == 3
    (lost,) = told("list", "--status", "revoked")
    assert lost["serial"] == serial_of(lab.revoked)
    assert books("list", "--status", "hold").stdout == ""


def test_audit_goes_on_from_where_it_was_read(books: Do, told: Callable[..., Any]) -> None:
    everything = told("audit")
    assert [one["action"] for one in everything] == ["add-issuer", *["add"] * 3, "import-crl"]
    books("hold", everything[1]["serial"])

    (newest,) = told("audit", "--after", everything[-1]["id"])
    assert newest["before"]["status"] == "good"
    assert newest["after"]["status"] == "hold"
    assert len(told("audit", "--serial", newest["serial"])) == 2
    assert "status good -> hold" in books("audit").stdout


def test_what_others_wrote_never_steers_the_terminal(books: Do, tmp_path: Path) -> None:
    path = tmp_path / "evil.txt"
    path.write_bytes(encode_index([valid(7)]).replace(b"/CN=leaf", b"/CN=\x1b[2Jleaf"))
    books("import", path)

    for page in (books("list"), books("show", "07"), books("audit")):
        assert "\x1b" not in page.stdout
        assert "\\x1b[2Jleaf" in page.stdout


def test_two_processes_share_a_database(books: Do, tmp_path: Path, lab: Lab) -> None:
    """What the command writes, an open database sees at once."""
    with StatusDatabase(tmp_path / "status.db") as database:
        issuer = database.issuers()[0]
        number = lab.good.certificate.serial_number
        books("revoke", serial_text(number))
        record = database.record(issuer, number)

        assert record is not None
        assert record.told()["status"] == "revoked"


def test_a_crl_of_sha1_needs_a_word(books: Do, tmp_path: Path) -> None:
    old = TinyCA("Old CA", kind="rsa2048")
    (tmp_path / "old.pem").write_bytes(old.issued.certificate_pem)
    (tmp_path / "old.crl").write_bytes(altered_crl(old, crl(old, 7), sha1=True))
    args = ("import", tmp_path / "old.crl", "--issuer", tmp_path / "old.pem")

    refused = books(*args)
    assert refused.exit_code == 65
    assert "SHA-1" in refused.stderr
    assert books(*args, "--allow-sha1").stdout == f"{tmp_path / 'old.crl'}: 1 added\n"


def test_an_indirect_crl_needs_its_issuer_named(do: Do, tmp_path: Path) -> None:
    root = TinyCA("Root")
    ours, signer = TinyCA("Ours", parent=root), TinyCA("CRL issuer", parent=root)
    for name, ca in {"root": root, "ours": ours, "signer": signer}.items():
        (tmp_path / f"{name}.pem").write_bytes(ca.issued.certificate_pem)
    path = tmp_path / "indirect.crl"
    now = datetime.now(UTC)
    listed = (7, [issued_by(ours)])
    path.write_bytes(
        crl(
            signer,
            listed,
            this_update=now - DAY,
            next_update=now + DAY,
            revocation_date=now - DAY,
            extensions=[scope(indirect_crl=True)],
        )
    )
    do("init", "--issuer", tmp_path / "ours.pem")

    alone = do("import", path)
    assert alone.exit_code == 65
    assert alone.stderr.count("\n") <= 2
    assert "CN=CRL issuer, which the database does not list" in alone.stderr
    signers = [("--crl-issuer", tmp_path / f"{name}.pem") for name in ("signer", "root")]
    assert do("import", path, *signers[0], *signers[1]).stdout == f"{path}: 1 added\n"
