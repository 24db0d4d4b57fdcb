"""``certstatus lab``: a tiny CA on disk for trying things."""

from __future__ import annotations

import shlex
from pathlib import Path

import click

from certstatus.cli.frame import Command, examples
from certstatus.cli.output import console, print_columns, print_commands, styled, write_json
from certstatus.clock import SystemClock
from certstatus.pkix import Certificate, HashAlgorithm
from certstatus.testing import DEFAULT_OCSP_URL, KEY_KINDS, Lab, build_lab

__all__ = ["command"]

_KINDS = click.Choice(list(KEY_KINDS), case_sensitive=False)
_DIGESTS = click.Choice(["sha256", "sha384", "sha512"], case_sensitive=False)
_DAYS = click.IntRange(1, 3650)


def _check_name(_: click.Context, __: click.Parameter, name: str) -> str:
    if not 0 < len(name) <= 40 or not name.isprintable() or "/" in name:
        raise click.BadParameter("a name has 1 to 40 printable characters, and no slash")
    return name


@click.command(
    "lab",
    cls=Command,
    epilog=examples(
        "certstatus lab lab",
        "certstatus lab lab --key ed25519 --responder-days 7",
        "certstatus lab lab --ocsp-url http://127.0.0.1:9000/",
    ),
)
@click.argument("directory", type=click.Path(file_okay=False, path_type=Path))
@click.option("--key", "kind", type=_KINDS, default="p256", show_default=True, help="Kind of key.")
@click.option("--responder-key", "responder_kind", type=_KINDS, help="Another for the responder.")
@click.option(
    "--hash",
    "digest",
    type=_DIGESTS,
    default="sha256",
    show_default=True,
    help="What RSA and ECDSA keys sign with.",
)
@click.option(
    "--ocsp-url",
    default=DEFAULT_OCSP_URL,
    show_default=True,
    help="The certificates' responder.",
)
@click.option("--days", type=_DAYS, default=90, show_default=True, help="Life of certificates.")
@click.option(
    "--responder-days",
    type=_DAYS,
    default=30,
    show_default=True,
    help="Life of the responder's certificate.",
)
@click.option(
    "--name",
    default="Lab CA",
    show_default=True,
    callback=_check_name,
    help="The CA's commonName.",
)
@click.option("--force", is_flag=True, help="Replace a lab that is there.")
@click.option("--json", "as_json", is_flag=True, help="Name the files for a program.")
def command(
    directory: Path,
    *,
    kind: str,
    responder_kind: str | None,
    digest: str,
    ocsp_url: str,
    days: int,
    responder_days: int,
    name: str,
    force: bool,
    as_json: bool,
) -> None:
    """Make a tiny CA in DIRECTORY, for trying things.

    A CA, a delegated responder, a good, a revoked and a never issued certificate, an
    index.txt, a CRL, and a README.md that says what to try. Keys are not encrypted: this
    CA is for trying things alone.
    """
    lab = build_lab(
        directory,
        now=SystemClock().now(),
        name=name,
        kind=kind,
        responder_kind=responder_kind,
        digest=HashAlgorithm.from_label(digest),
        ocsp_url=ocsp_url,
        days=days,
        responder_days=responder_days,
        force=force,
    )
    if as_json:
        write_json(_told(lab))
    else:
        _show(lab)


def _told(lab: Lab) -> dict[str, object]:
    return {
        "directory": str(lab.directory),
        "ocspUrl": lab.ocsp_url,
        "ca": {"certificate": str(lab.ca_certificate), "key": str(lab.ca_key)},
        "responder": {
            "certificate": str(lab.responder_certificate),
            "key": str(lab.responder_key),
        },
        "certificates": {name: str(path) for name, path in lab.certificates.items()},
        "index": str(lab.index),
        "crl": str(lab.crl),
        "config": str(lab.config),
    }


def _show(lab: Lab) -> None:
    out = console()
    out.print(styled(f"A CA to try things with stands in {lab.directory}", "bold"))
    out.print()
    print_columns(out, _rows(lab))
    out.print()
    out.print(styled("Next", "bold"))
    print_commands(out, _next(lab))


def _rows(lab: Lab) -> list[tuple[str, str]]:
    return [
        ("ca.pem, ca.key", f"the CA, {_until(lab.ca.certificate)}"),
        (
            "responder.pem, responder.key",
            f"its delegated responder, with nocheck, {_until(lab.responder.certificate)}",
        ),
        ("good.pem", f"in good standing, {_until(lab.good.certificate)}"),
        ("revoked.pem", "revoked for keyCompromise"),
        ("never-issued.pem", "signed with the CA's key, and not on its books"),
        ("index.txt, ca.crl", "the CA's books, and its CRL"),
        ("certstatus.toml", f"a responder's configuration, for {lab.ocsp_url}"),
        ("README.md", "what to try"),
    ]


def _until(certificate: Certificate) -> str:
    return f"until {certificate.not_after:%Y-%m-%d}"


def _next(lab: Lab) -> list[str]:
    return [
        f"cd {shlex.quote(str(lab.directory))}",
        "certstatus serve --config certstatus.toml",
        "certstatus check good.pem --issuer ca.pem --allow-private",
    ]
