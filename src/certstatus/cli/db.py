"""``certstatus db``: the status database, from the command line.

Every command that changes something writes its line into the audit trail, or changes
nothing. SQLAlchemy is imported when a command runs, not for its help.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Final

import click

from certstatus import sources
from certstatus.cli.db_frame import (
    actor_option,
    database_option,
    find_issuer,
    find_target,
    issuer_option,
    json_option,
    note_option,
    now,
    show_record,
)
from certstatus.cli.frame import Group, examples
from certstatus.cli.inputs import load_certificate
from certstatus.cli.output import console, note, print_columns, styled, write_json
from certstatus.cli.params import MOMENT, SERIAL
from certstatus.cli.records import (
    audit_json,
    audit_row,
    issuer_json,
    record_json,
    record_row,
    report_json,
    report_text,
)
from certstatus.errors import MalformedError
from certstatus.limits import MAX_IMPORT_BYTES
from certstatus.pkix import CRLReason

__all__ = ["command", "db"]

_UNKNOWN: Final = 2
"""Exit code of ``show`` for what is not listed, as an answer of unknown has it."""

_KINDS: Final = ("certificates", "index", "crl")
_STATUSES: Final = ("good", "revoked", "hold")
_REASONS: Final = tuple(
    reason.label for reason in CRLReason if reason is not CRLReason.REMOVE_FROM_CRL
)


@click.group(
    "db",
    cls=Group,
    epilog=examples(
        "certstatus db init --issuer ca.pem",
        "certstatus db import index.txt newcerts ca.crl",
        "certstatus db revoke 03E8 --reason keyCompromise",
        "certstatus serve --ca ca.pem --signer s.pem --key s.key --database certstatus.db",
    ),
)
def db() -> None:
    """Keep the status database: who was issued what, what became of it, and who said so."""


command = db


# --- the database itself --------------------------------------------------------------------


@db.command("init", epilog=examples("certstatus db init --issuer ca.pem"))
@database_option
@click.option("--issuer", "issuers", metavar="FILE", multiple=True, help="A CA to list at once.")
@actor_option
@json_option
def init(*, location: str, issuers: tuple[str, ...], actor: str, as_json: bool) -> None:
    """Make an empty status database."""
    certificates = [load_certificate(name) for name in issuers]
    with sources.StatusDatabase.create(location) as database:
        listed = [
            database.add_issuer(certificate, actor=actor, now=now()).subject
            for certificate in certificates
        ]
        if as_json:
            told = {"database": database.engine.name, "version": database.version}
            write_json({**told, "issuers": listed})
        else:
            click.echo(f"made {database.engine.name}")


@db.command(
    "migrate",
    short_help="Bring the database to the newest schema.",
    epilog=examples("certstatus db migrate --database /srv/certstatus.db"),
)
@database_option
@json_option
def migrate(location: str, as_json: bool) -> None:
    """Bring the database to the schema of this certstatus, all of it or nothing.

    Make a backup first, and stop what writes to it.
    """
    before, after = sources.StatusDatabase.migrate(location)
    if as_json:
        write_json({"before": before, "after": after})
    elif before == after:
        click.echo(f"schema {after} is the newest already")
    else:
        click.echo(f"migrated from schema {before} to {after}")


@db.command(
    "status",
    short_help="Show the issuers and their counts.",
    epilog=examples("certstatus db status --json"),
)
@database_option
@json_option
def status(location: str, as_json: bool) -> None:
    """Show the issuers, how many certificates they have, and when something changed last."""
    with sources.StatusDatabase(location) as database:
        summaries = database.summary()
        last = database.last_change()
        version, name = database.version, database.engine.name
    if as_json:
        told = {"database": name, "version": version, "lastChange": last}
        write_json({**told, "issuers": [issuer_json(one) for one in summaries]})
        return
    out = console()
    out.print(styled(f"{name}, schema {version}, {last} changes so far", "bold"))
    print_columns(out, [_summary_row(one) for one in summaries])


def _summary_row(summary: sources.IssuerSummary) -> tuple[str, ...]:
    counts = ", ".join(f"{summary.counts.get(one, 0)} {one}" for one in sources.Status)
    compromised = summary.issuer.ca_compromised_at
    mark = "" if compromised is None else f", COMPROMISED since {compromised:%Y-%m-%d %H:%M:%SZ}"
    return str(summary.issuer.id), summary.issuer.subject, counts + mark


# --- imports --------------------------------------------------------------------------------


@db.command(
    "import",
    short_help="Import certificates, an OpenSSL index, or a CRL.",
    epilog=examples(
        "certstatus db import index.txt --issuer ca.pem",
        "certstatus db import newcerts chain.pem --skip-foreign",
        "certstatus db import ca.crl --json",
    ),
)
@click.argument("names", metavar="FILE…", nargs=-1, required=True)
@database_option
@click.option("--issuer", metavar="FILE", help="The CA's certificate; listed where it is new.")
@click.option("--as", "kind", type=click.Choice(_KINDS), help="What it is, if not plain.")
@click.option("--skip-foreign", is_flag=True, help="Pass over certificates of other CAs.")
@click.option("--allow-sha1", is_flag=True, help="Believe a CRL whose signature rests on SHA-1.")
@click.option(
    "--crl-issuer",
    "crl_issuers",
    metavar="FILE",
    multiple=True,
    help="Who signs an indirect CRL, and the CAs above it and its CA.",
)
@actor_option
@json_option
def import_(
    names: tuple[str, ...],
    *,
    location: str,
    issuer: str | None,
    kind: str | None,
    skip_foreign: bool,
    allow_sha1: bool,
    crl_issuers: tuple[str, ...],
    actor: str,
    as_json: bool,
) -> None:
    """Import certificates (PEM, DER, folders of them), an OpenSSL index.txt, or a CRL.

    Each file is imported whole or not at all. An import adds, revokes and holds; it never
    takes a revocation back, and takes off a hold only where a delta CRL says so. What a file
    says otherwise than the database is kept as it
    was, and named.
    """
    certificate = None if issuer is None else load_certificate(issuer)
    signers = [load_certificate(name) for name in crl_issuers]
    with sources.StatusDatabase(location) as database:
        done = []
        for path in _files(names):
            with _progress(path) as progress:
                report = sources.import_file(
                    database,
                    _read(path),
                    where=str(path),
                    actor=actor,
                    now=now(),
                    kind=None if kind is None else sources.ImportKind(kind),
                    issuer=certificate,
                    skip_foreign=skip_foreign,
                    allow_sha1=allow_sha1,
                    crl_issuers=signers,
                    progress=progress,
                )
            done.append((str(path), report))
            if not as_json:
                _say_report(str(path), report)
    if as_json:
        write_json([report_json(name, report) for name, report in done])


_SUFFIXES: Final = frozenset({".cer", ".crt", ".der", ".pem"})


def _files(names: tuple[str, ...]) -> Iterator[Path]:
    """Yield the files; of a folder, the certificates in it, by the end of their names."""
    for path in map(Path, names):
        if path.is_dir():
            found = sorted(one for one in path.iterdir() if one.suffix.lower() in _SUFFIXES)
            if not found:
                raise MalformedError("has no file .pem, .crt, .cer or .der", where=str(path))
            yield from found
        else:
            yield path


def _read(path: Path) -> bytes:
    if path.stat().st_size > MAX_IMPORT_BYTES:
        raise MalformedError(f"is larger than {MAX_IMPORT_BYTES} bytes", where=str(path))
    return path.read_bytes()


@contextmanager
def _progress(path: Path) -> Iterator[Callable[[int], None]]:
    """Say once a second how far it is; work under a second says nothing."""
    said_at = time.monotonic()

    def say(done: int) -> None:
        nonlocal said_at
        if time.monotonic() - said_at >= 1:
            said_at = time.monotonic()
            note(f"{path}: {done} entries so far")

    yield say


def _say_report(name: str, report: sources.ImportReport) -> None:
    click.echo(f"{name}: {report_text(report)}")
    for kept in report.kept:
        note(f"kept: {kept}")


# --- changes --------------------------------------------------------------------------------


@db.command(
    "add",
    short_help="List a serial number as issued.",
    epilog=examples("certstatus db add 03E9 --not-after 2027-11-21"),
)
@click.argument("serial_number", metavar="SERIAL", type=SERIAL)
@database_option
@issuer_option
@click.option("--not-after", type=MOMENT, help="When it expires.")
@click.option("--subject", help="Whose it is.")
@actor_option
@json_option
def add(
    serial_number: int,
    *,
    location: str,
    issuer: str | None,
    not_after: datetime | None,
    subject: str | None,
    actor: str,
    as_json: bool,
) -> None:
    """List SERIAL (hex) as issued; good from now on.

    For a CA that lists a serial number before it signs, so that no one finds it unknown.
    """
    with sources.StatusDatabase(location) as database:
        of = find_issuer(database, issuer)
        record = database.add(
            of, serial_number, not_after=not_after, subject=subject, actor=actor, now=now()
        )
    show_record(record, of, as_json)


@db.command(
    "revoke",
    short_help="Revoke a certificate for good.",
    epilog=examples(
        "certstatus db revoke 03E8 --reason keyCompromise",
        "certstatus db revoke leaf.pem --reason superseded --time 2026-11-20T08:00:00Z",
        "certstatus db revoke 03E8 --reason keyCompromise --invalidity-date 2026-11-01",
    ),
)
@click.argument("target")
@database_option
@issuer_option
@click.option("--reason", type=click.Choice(_REASONS, case_sensitive=False), help="Why.")
@click.option("--time", "revocation_time", type=MOMENT, help="Since when.  [default: now]")
@click.option("--invalidity-date", type=MOMENT, help="Since when the key is suspect.")
@note_option
@actor_option
@json_option
def revoke(
    target: str,
    *,
    location: str,
    issuer: str | None,
    reason: str | None,
    revocation_time: datetime | None,
    invalidity_date: datetime | None,
    remark: str | None,
    actor: str,
    as_json: bool,
) -> None:
    """Revoke TARGET (a serial number in hex, or a certificate's file) for good.

    Saying it again changes nothing; saying otherwise is refused. certificateHold puts on
    hold, as `hold` does.
    """
    with sources.StatusDatabase(location) as database:
        of, number = find_target(database, target, issuer)
        wish = sources.Revocation(
            revocation_time=revocation_time,
            reason=None if reason is None else CRLReason.from_label(reason),
            invalidity_date=invalidity_date,
        )
        record = database.revoke(of, number, wish, actor=actor, now=now(), note=remark)
    show_record(record, of, as_json)


@db.command(
    "hold",
    short_help="Put a certificate on hold.",
    epilog=examples("certstatus db hold 03E8 --note 'card not found'"),
)
@click.argument("target")
@database_option
@issuer_option
@click.option("--time", "revocation_time", type=MOMENT, help="Since when.  [default: now]")
@note_option
@actor_option
@json_option
def hold(
    target: str,
    *,
    location: str,
    issuer: str | None,
    revocation_time: datetime | None,
    remark: str | None,
    actor: str,
    as_json: bool,
) -> None:
    """Put TARGET on hold: revoked for certificateHold, until it is released or revoked."""
    with sources.StatusDatabase(location) as database:
        of, number = find_target(database, target, issuer)
        wish = sources.Revocation(revocation_time=revocation_time)
        record = database.hold(of, number, wish, actor=actor, now=now(), note=remark)
    show_record(record, of, as_json)


@db.command("release", epilog=examples("certstatus db release 03E8 --note 'card found'"))
@click.argument("target")
@database_option
@issuer_option
@note_option
@actor_option
@json_option
def release(
    target: str,
    *,
    location: str,
    issuer: str | None,
    remark: str | None,
    actor: str,
    as_json: bool,
) -> None:
    """Take TARGET off hold: good again."""
    with sources.StatusDatabase(location) as database:
        of, number = find_target(database, target, issuer)
        record = database.release(of, number, actor=actor, now=now(), note=remark)
    show_record(record, of, as_json)


@db.command(
    "compromise",
    short_help="Mark a CA as compromised.",
    epilog=examples("certstatus db compromise --issuer ca.pem"),
)
@database_option
@issuer_option
@click.option("--time", "since", type=MOMENT, help="Since when.  [default: now]")
@click.option("--undo", is_flag=True, help="Take the mark back.")
@actor_option
@json_option
def compromise(
    *,
    location: str,
    issuer: str | None,
    since: datetime | None,
    undo: bool,
    actor: str,
    as_json: bool,
) -> None:
    """Mark a CA as compromised: every certificate that it issued is answered revoked."""
    if undo and since is not None:
        raise click.UsageError("--undo takes no --time")
    at = now()
    with sources.StatusDatabase(location) as database:
        of = find_issuer(database, issuer)
        database.set_ca_compromised(of, None if undo else since or at, actor=actor, now=at)
        summaries = [one for one in database.summary() if one.issuer.id == of.id]
    if as_json:
        write_json(issuer_json(summaries[0]))
    else:
        print_columns(console(), map(_summary_row, summaries), indent=0)


# --- looking --------------------------------------------------------------------------------


@db.command(
    "show",
    short_help="Show what is listed of one, and its trail.",
    epilog=examples("certstatus db show 03E8", "certstatus db show leaf.pem"),
)
@click.argument("target")
@database_option
@issuer_option
@json_option
def show(target: str, *, location: str, issuer: str | None, as_json: bool) -> int | None:
    """Show what is listed of TARGET, and what was done to it. Exit code 2: it is not listed."""
    with sources.StatusDatabase(location) as database:
        of, number = find_target(database, target, issuer)
        record = database.record(of, number)
        trail = list(database.audit(of, number))
    if record is None:
        note(f"serial {sources.serial_text(number)} of {of.subject} is not listed")
        if as_json:
            write_json(None)
        return _UNKNOWN
    if as_json:
        write_json({**record_json(record, of), "audit": [audit_json(one) for one in trail]})
        return None
    show_record(record, of, as_json=False)
    click.echo()
    print_columns(console(), map(audit_row, trail), indent=0)
    return None


@db.command("list", epilog=examples("certstatus db list --status revoked"))
@database_option
@issuer_option
@click.option("--status", "wanted", type=click.Choice(_STATUSES), help="Those alone.")
@json_option
def list_(*, location: str, issuer: str | None, wanted: str | None, as_json: bool) -> None:
    """List the certificates by issuer and serial number."""
    with sources.StatusDatabase(location) as database:
        known = {one.id: one for one in database.issuers()}
        of = None if issuer is None else find_issuer(database, issuer)
        status = None if wanted is None else sources.Status(wanted)
        found = list(database.records(of, status))
    if as_json:
        write_json([record_json(one, known[one.issuer_id]) for one in found])
    else:
        print_columns(console(), map(record_row, found), indent=0)


@db.command("audit", epilog=examples("certstatus db audit", "certstatus db audit --after 120"))
@database_option
@issuer_option
@click.option("--serial", "number", type=SERIAL, help="About this certificate alone.")
@click.option("--after", type=click.IntRange(0), default=0, help="From the entry after this id.")
@json_option
def audit(
    *, location: str, issuer: str | None, number: int | None, after: int, as_json: bool
) -> None:
    """Show the audit trail: who changed what, and when."""
    with sources.StatusDatabase(location) as database:
        of = None if issuer is None else find_issuer(database, issuer)
        trail = list(database.audit(of, number, after=after))
    if as_json:
        write_json([audit_json(one) for one in trail])
    else:
        print_columns(console(), map(audit_row, trail), indent=0)
