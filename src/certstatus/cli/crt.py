"""``certstatus crt``: certificate revocation trees, built, asked for proofs, and proofs judged."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import click

from certstatus import sources
from certstatus.cli.crt_output import (
    built_json,
    built_text,
    print_report,
    proof_json,
    proof_rows,
)
from certstatus.cli.db_frame import json_option
from certstatus.cli.frame import Group, examples
from certstatus.cli.inputs import load_certificate, load_certificates, read_bytes, read_message
from certstatus.cli.output import console, note, print_columns, write_file, write_json
from certstatus.cli.params import MOMENT, SPAN
from certstatus.cli.target import NUMBER_OF, targets
from certstatus.cli.waiting import waiting
from certstatus.clock import SystemClock
from certstatus.errors import ConfigError, MalformedError
from certstatus.limits import DEFAULT_SKEW, DEFAULT_VALIDITY
from certstatus.pkix import Certificate, HashAlgorithm
from certstatus.signing import Severity, Signer, load_signers
from certstatus.sources.crt import (
    Books,
    Tree,
    books_of_crl,
    books_of_index,
    books_of_records,
    build_tree,
    parse_tree,
    verify_proof,
)

__all__ = ["command", "crt"]

_HASHES: Final = ("sha256", "sha384", "sha512")


@click.group(
    "crt",
    cls=Group,
    epilog=examples(
        "certstatus crt build --issuer ca.pem --key ca.key --crl ca.crl -o ca.tree",
        "certstatus crt prove ca.tree 03E8 -o proof.der",
        "certstatus crt verify proof.der --serial 03E8 --issuer ca.pem",
        "certstatus serve --ca ca.pem --signer s.pem --key s.key --crt ca.tree",
    ),
)
def crt() -> None:
    """Certificate revocation trees: one signature, and a short proof of each status."""


command = crt


# --- build ------------------------------------------------------------------------------------


@crt.command(
    "build",
    short_help="Build and sign a tree of what a CA has revoked.",
    epilog=examples(
        "certstatus crt build --issuer ca.pem --key ca.key --crl ca.crl -o ca.tree",
        "certstatus crt build --issuer ca.pem --key ca.key --index index.txt -o ca.tree",
        "certstatus crt build --issuer ca.pem --key s.key --signer s.pem --database d.db -o ca.tree",
    ),
)
@click.option("--issuer", metavar="FILE", required=True, help="The CA whose tree it is.")
@click.option("--key", metavar="FILE", required=True, help="Sign with it: PEM, DER or PKCS #12.")
@click.option("--signer", metavar="FILE", help="The key's certificate, if it is not the CA's.")
@click.option("--password-file", metavar="FILE", help="The key's password, in one line.")
@click.option("--algorithm", metavar="NAME", help="How to sign, if not as usual.")
@click.option("--crl", metavar="FILE", help="Take what the CA's CRL lists, and its times.")
@click.option("--index", metavar="FILE", help="Or the index.txt of `openssl ca`.")
@click.option("--database", metavar="URL", help="Or the status database (certstatus db).")
@click.option("--validity", type=SPAN, help="From thisUpdate to nextUpdate.  [default: 4d]")
@click.option(
    "--hash",
    "label",
    type=click.Choice(_HASHES),
    default="sha256",
    show_default=True,
    help="What leaves and nodes are hashed with.",
)
@click.option("--output", "-o", metavar="FILE", required=True, help="Where to.")
@json_option
def build(
    *,
    issuer: str,
    key: str,
    signer: str | None,
    password_file: str | None,
    algorithm: str | None,
    crl: str | None,
    index: str | None,
    database: str | None,
    validity: timedelta | None,
    label: str,
    output: str,
    as_json: bool,
) -> None:
    """Build a tree of all that a CA has revoked, and sign it with the CA's key.

    A tree from a CRL has the CRL's times; --validity can only shorten them. One that is not
    signed by the CA counts for those who name its signer with --trust.
    """
    _check_output(output, as_json=as_json)
    ca = load_certificate(issuer)
    now = SystemClock().now().replace(microsecond=0)
    loaded = _signer(ca, key, signer or issuer, password_file, algorithm)
    with waiting("building the tree"):
        books = _books(ca, now, crl=crl, index=index, database=database)
        data = build_tree(
            books.entries,
            issuer=ca,
            signer=loaded,
            now=now,
            this_update=books.this_update,
            next_update=_end(books, validity),
            hash_algorithm=HashAlgorithm.from_label(label),
        )
        root = parse_tree(data).root  # what can't be read is not written
        write_file(output, data)
    if loaded.certificate.spki_der != ca.spki_der:
        note(f"signed by {loaded.certificate.subject}: readers must trust it, with --trust")
    if as_json:
        write_json(built_json(output, root, ca, loaded.certificate, len(data)))
    elif output != "-":
        click.echo(built_text(output, root, len(data), now))


def _check_output(name: str | None, *, as_json: bool) -> None:
    if name == "-" and as_json:
        raise click.UsageError("--json and -o - would both write to standard output")


def _signer(
    issuer: Certificate,
    key: str,
    certificate: str,
    password_file: str | None,
    algorithm: str | None,
) -> Signer:
    """Load the key's usual signer, or the one for the algorithm that is named."""
    signers, findings = load_signers(
        Path(key),
        Path(certificate),
        issuer=issuer,
        password_file=None if password_file is None else Path(password_file),
        algorithms=() if algorithm is None else (algorithm,),
    )
    for finding in findings:
        if finding.severity is Severity.WARN:
            note(str(finding))
    return signers[0]


def _books(
    issuer: Certificate,
    now: datetime,
    *,
    crl: str | None,
    index: str | None,
    database: str | None,
) -> Books:
    """Read what is revoked from the one place that was named."""
    if sum(one is not None for one in (crl, index, database)) != 1:
        raise click.UsageError("name one of --crl, --index, --database")
    if crl is not None:
        return books_of_crl(read_bytes(crl), issuer, now=now)
    if index is not None:
        return books_of_index(read_bytes(index), now=now)
    assert database is not None
    with sources.StatusDatabase(database) as opened:
        listed = opened.issuer(issuer)
        if listed is None:
            raise ConfigError(f"does not list the issuer {issuer.subject}", file=database)
        if listed.ca_compromised_at is not None:
            raise ConfigError(
                "has the CA as compromised: all that it issued is revoked, and no tree says that",
                file=database,
                remedy="serve from the database itself",
            )
        return books_of_records(opened.records(listed), now=now)


def _end(books: Books, validity: timedelta | None) -> datetime:
    """Return nextUpdate: by the length of time that was asked for, never past the books' own."""
    if validity is not None and validity <= timedelta():
        raise click.UsageError("--validity must be longer than nothing")
    if books.next_update is None:
        return books.this_update + (validity or DEFAULT_VALIDITY)
    if validity is None:
        return books.next_update
    return min(books.next_update, books.this_update + validity)


# --- prove ------------------------------------------------------------------------------------


@crt.command(
    "prove",
    short_help="Make the proof of one certificate's status.",
    epilog=examples(
        "certstatus crt prove ca.tree 03E8 -o proof.der",
        "certstatus crt prove ca.tree leaf.pem -o proof.der --json",
    ),
)
@click.argument("tree", metavar="TREE")
@click.argument("target")
@click.option("--output", "-o", metavar="FILE", help="Where the proof goes.")
@json_option
def prove(tree: str, target: str, *, output: str | None, as_json: bool) -> None:
    """Make the proof of TARGET's status (a serial number in hex, or a certificate's file).

    The tree must be whole; who signed it is for `verify` to ask.
    """
    _check_output(output, as_json=as_json)
    with waiting("reading the tree"):
        whole = parse_tree(read_bytes(tree))
        serial_number = _serial_of(target, whole)
        proof = whole.prove(serial_number)
    if output is not None:
        write_file(output, proof.der)
    if as_json:
        write_json(proof_json(proof, serial_number))
    elif output != "-":
        print_columns(console(), proof_rows(proof, serial_number), indent=0)


def _serial_of(target: str, tree: Tree) -> int:
    """Return whose status is asked for; a certificate must be of the tree's CA, by its name."""
    try:
        return sources.parse_serial(target)
    except MalformedError:
        if not Path(target).exists():
            raise click.UsageError(f"{target!r} is no serial number in hex, and no file") from None
    certificate = load_certificate(target)
    if tree.root.hash_algorithm.digest(certificate.issuer.der) != tree.root.issuer_name_hash:
        raise click.UsageError(f"{target} was issued by {certificate.issuer}, not by the tree's CA")
    return certificate.serial_number


# --- verify -----------------------------------------------------------------------------------


@crt.command(
    "verify",
    short_help="Judge a proof.",
    epilog=examples(
        "certstatus crt verify proof.der --serial 03E8 --issuer ca.pem",
        "certstatus crt verify proof.der --cert leaf.pem --issuer ca.pem --json",
        "certstatus crt verify proof.der --cert chain.pem --trust signer.pem --at 2026-11-21",
    ),
)
@click.argument("proof", metavar="PROOF")
@click.option("--cert", "certs", metavar="FILE", multiple=True, help="The certificate in question.")
@click.option("--serial", "numbers", type=NUMBER_OF, multiple=True, help="Or its serial number.")
@click.option("--issuer", "issuers", metavar="FILE", multiple=True, help="The CA that issued it.")
@click.option("--trust", metavar="FILE", multiple=True, help="Who may sign beside the CA.")
@click.option("--at", type=MOMENT, help="Judge as of this time, not now.")
@click.option("--skew", type=SPAN, default=DEFAULT_SKEW, help="How far clocks may differ.  [5m]")
@click.option("--quiet", "-q", is_flag=True, help="Print the verdict alone.")
@json_option
def verify(
    proof: str,
    *,
    certs: tuple[str, ...],
    numbers: tuple[tuple[int, str], ...],
    issuers: tuple[str, ...],
    trust: tuple[str, ...],
    at: datetime | None,
    skew: timedelta,
    quiet: bool,
    as_json: bool,
) -> int:
    """Judge PROOF: what it says of a certificate, and whether to believe it.

    Exit codes: 0 not revoked, 1 revoked, 3 not to be believed, 65 malformed.
    """
    now = (at or SystemClock().now()).replace(microsecond=0)
    asked = targets(certs, numbers, issuers)
    if len(asked) != 1:
        raise click.UsageError("a proof is about one certificate: name one")
    (target,) = asked
    report = verify_proof(
        read_message(proof).der,
        issuer=target.issuer,
        serial_number=target.serial_number,
        certificate=target.certificate,
        now=now,
        skew=skew,
        trusted=tuple(one for name in trust for one in load_certificates(name)),
    )
    if as_json:
        write_json(target.as_json() | report.as_json())
    else:
        print_report(console(), report, target.title, now, quiet=quiet)
    return report.verdict.exit_code
