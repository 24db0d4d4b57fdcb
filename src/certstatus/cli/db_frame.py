"""What the commands of ``certstatus db`` share: options, and whom a command is about."""

from __future__ import annotations

import getpass
import os
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

import click

from certstatus import sources
from certstatus.cli.inputs import load_certificate
from certstatus.cli.output import console, print_columns, write_json
from certstatus.cli.records import record_json, record_rows
from certstatus.clock import SystemClock
from certstatus.errors import ChangeError, ConfigError, MalformedError

__all__ = [
    "actor_option",
    "database_option",
    "find_issuer",
    "find_target",
    "issuer_option",
    "json_option",
    "note_option",
    "now",
    "show_record",
]

F = TypeVar("F", bound=Callable[..., Any])


def database_option(function: F) -> F:
    """Add --database."""
    return click.option(
        "--database",
        "location",
        metavar="URL",
        default="certstatus.db",
        envvar="CERTSTATUS_DATABASE",
        show_default=True,
        help="A path, or postgresql://user@host/name.  [env: CERTSTATUS_DATABASE]",
    )(function)


json_option = click.option("--json", "as_json", is_flag=True, help="Write JSON for a program.")
issuer_option = click.option(
    "--issuer", metavar="FILE|ID", help="The CA: its certificate, or its id in `db status`."
)


def actor_option(function: F) -> F:
    """Add --actor."""
    return click.option(
        "--actor",
        default=_user,
        help="Who does it, for the audit trail.  [default: the user]",
    )(function)


note_option = click.option("--note", "remark", help="Why, for the audit trail.")


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid {os.getuid()}"


def now() -> datetime:
    """Return the time, aware UTC."""
    return SystemClock().now()


def find_issuer(database: sources.StatusDatabase, name: str | None) -> sources.Issuer:
    """Return the issuer that is named, or the only one.

    Raises:
        ConfigError: it is not listed, or none is named and there are several.
    """
    known = database.issuers()
    if name is None:
        if len(known) == 1:
            return known[0]
        told = ", ".join(f"{one.id} {one.subject}" for one in known) or "none yet"
        raise ConfigError(f"which issuer? The database lists {told}", key="--issuer")
    if name.isdecimal() and not Path(name).exists():
        found = next((one for one in known if str(one.id) == name), None)
    else:
        found = database.issuer(load_certificate(name))
    if found is None:
        raise ConfigError(f"the database does not list the issuer {name}", key="--issuer")
    return found


def find_target(
    database: sources.StatusDatabase, target: str, issuer: str | None
) -> tuple[sources.Issuer, int]:
    """Return whom TARGET names: a serial number in hex, or the file of a certificate.

    Raises:
        click.UsageError: it is neither.
        ChangeError: no listed issuer signed the certificate.
        ConfigError: it is not clear whose serial number it is.
    """
    if not _is_serial(target):
        if not Path(target).exists():
            raise click.UsageError(f"{target!r} is no serial number in hex, and no file")
        certificate = load_certificate(target)
        signer = database.signer_of(certificate)
        if signer is None:
            raise ChangeError(f"{target}: {certificate.issuer} is not an issuer of the database")
        return signer, certificate.serial_number
    return find_issuer(database, issuer), sources.parse_serial(target)


def _is_serial(text: str) -> bool:
    try:
        sources.parse_serial(text)
    except MalformedError:
        return False
    return True


def show_record(record: sources.CertificateRecord, issuer: sources.Issuer, as_json: bool) -> None:
    """Show what stands now, for people or for a program."""
    if as_json:
        write_json(record_json(record, issuer))
    else:
        print_columns(console(), record_rows(record, issuer), indent=0)
