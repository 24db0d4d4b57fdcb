"""``certstatus signer``: the life of a delegated signer, from its request to its successor."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, TypeAlias

import click
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding

from certstatus.cli.db_frame import json_option
from certstatus.cli.exit_codes import ExitCode
from certstatus.cli.frame import Group, examples
from certstatus.cli.inputs import load_certificate, read_bytes, source_name
from certstatus.cli.output import console, note, write_file, write_json
from certstatus.cli.params import MOMENT, SPAN
from certstatus.cli.signer_output import (
    issued_json,
    judged_json,
    print_judged,
    renewed_json,
    renewed_text,
)
from certstatus.clock import SystemClock
from certstatus.errors import SignerError
from certstatus.limits import DEFAULT_VALIDITY
from certstatus.limits_signers import SIGNER_LIFE
from certstatus.pkix import Certificate
from certstatus.signing import (
    KEY_KINDS,
    Delegator,
    Finding,
    Profile,
    Severity,
    SigningKey,
    create_file,
    encode_certificate_request,
    generate_key,
    judge_certificate,
    key_pem,
    load_key,
    load_signers,
    named_commonly,
    parse_certificate_request,
)

__all__ = ["command", "signer"]

_NAME: Final = "OCSP responder"
_PROFILES: Final = click.Choice([one.value for one in Profile])
_FILE: Final = click.Path(dir_okay=False, path_type=Path)

Subject: TypeAlias = tuple[CertificatePublicKeyTypes, x509.Name]


@click.group(
    "signer",
    cls=Group,
    epilog=examples(
        "certstatus signer request --key responder.key --new p256 -o responder.csr",
        "certstatus signer issue --ca ca.pem --ca-key ca.key --csr responder.csr -o responder.pem",
        "certstatus signer check --ca ca.pem --signer responder.pem --key responder.key",
        "certstatus signer renew --config certstatus.toml",
    ),
)
def signer() -> None:
    """Responders' certificates: request, issue, check and renew them."""


command = signer


# --- request ----------------------------------------------------------------------------------


@signer.command(
    "request",
    short_help="Request a responder's certificate of a CA.",
    epilog=examples(
        "certstatus signer request --key responder.key --new p256 -o responder.csr",
        "certstatus signer request --key responder.key --like responder.pem -o next.csr",
    ),
)
@click.option("--key", metavar="FILE", type=_FILE, required=True, help="The responder's key.")
@click.option("--new", "kind", type=click.Choice(list(KEY_KINDS)), help="Make the key.")
@click.option("--password-file", metavar="FILE", help="The key's password, in one line.")
@click.option("--name", metavar="NAME", help=f"Its commonName.  [default: {_NAME}]")
@click.option("--like", metavar="FILE", help="Or the name in this certificate.")
@click.option("--output", "-o", metavar="FILE", required=True, help="Where to.")
def request(
    *,
    key: Path,
    kind: str | None,
    password_file: str | None,
    name: str | None,
    like: str | None,
    output: str,
) -> None:
    """Make a certificate request for a delegated responder, PEM.

    It asks for OCSPSigning, nocheck and digitalSignature. With --new the key is made, in a file
    that must not be there yet, for its owner alone.
    """
    subject = _subject(name, like)
    password = _password(password_file)
    loaded = _new_key(key, kind, password) if kind else _loaded(key, password)
    write_file(output, encode_certificate_request(loaded, subject))


def _subject(name: str | None, like: str | None) -> x509.Name:
    if name is not None and like is not None:
        raise click.UsageError("name one of --name and --like")
    if like is not None:
        return load_certificate(like).parsed.subject
    return named_commonly(_NAME if name is None else name)


def _password(file: str | None) -> bytes | None:
    return None if file is None else read_bytes(file).rstrip(b"\r\n")


def _new_key(file: Path, kind: str, password: bytes | None) -> SigningKey:
    made = generate_key(kind)
    try:
        create_file(file, key_pem(made, password), mode=0o600)
    except FileExistsError:
        raise click.UsageError(f"{file} is there already; leave out --new to use it") from None
    note(f"{file}: a new key, readable by its owner alone")
    return made


def _loaded(file: Path, password: bytes | None) -> SigningKey:
    loaded = load_key(file, password)
    _warn(loaded.findings)
    return loaded.key


def _warn(findings: tuple[Finding, ...]) -> None:
    for finding in findings:
        if finding.severity is Severity.WARN:
            note(f"warning: {finding}")


# --- issue ------------------------------------------------------------------------------------


@signer.command(
    "issue",
    short_help="Issue a responder's certificate with the CA's key.",
    epilog=examples(
        "certstatus signer issue --ca ca.pem --ca-key ca.key --csr responder.csr -o responder.pem",
        "certstatus signer issue --ca ca.pem --ca-key ca.key --key responder.key --new p256 "
        "-o responder.pem",
        "certstatus signer issue --ca ca.pem --ca-key ca.key --like responder.pem -o next.pem",
    ),
)
@click.option("--ca", metavar="FILE", required=True, help="The CA's certificate.")
@click.option("--ca-key", metavar="FILE", type=_FILE, required=True, help="The CA's key.")
@click.option("--ca-password-file", metavar="FILE", help="Its password, in one line.")
@click.option("--csr", metavar="FILE", help="The responder's request.")
@click.option("--key", metavar="FILE", type=_FILE, help="Or its key.")
@click.option("--like", metavar="FILE", help="Or its certificate: the same key and name again.")
@click.option("--new", "kind", type=click.Choice(list(KEY_KINDS)), help="With --key: make it.")
@click.option("--password-file", metavar="FILE", help="With --key: its password.")
@click.option("--name", metavar="NAME", help="Its commonName, if not as requested.")
@click.option("--life", type=SPAN, default=SIGNER_LIFE, help="From now on.  [default: 30d]")
@click.option(
    "--profile", type=_PROFILES, default="cabf", show_default=True, help="Whose rules it keeps."
)
@click.option("--output", "-o", metavar="FILE", required=True, help="Where to.")
@json_option
def issue(
    *,
    ca: str,
    ca_key: Path,
    ca_password_file: str | None,
    csr: str | None,
    key: Path | None,
    like: str | None,
    kind: str | None,
    password_file: str | None,
    name: str | None,
    life: timedelta,
    profile: str,
    output: str,
    as_json: bool,
) -> None:
    """Issue a delegated responder's certificate, as BR 7.1.2.8 and RFC 6960 §4.2.2.2 ask.

    OCSPSigning alone, nocheck, a critical key usage of digitalSignature, the CA's key
    identifier, and nothing else; what a request asks for beside does not count. It passes the
    gate before it is written.
    """
    if sum(one is not None for one in (csr, key, like)) != 1:
        raise click.UsageError("name one of --csr, --key and --like")
    if (kind or password_file) and key is None:
        raise click.UsageError("--new and --password-file go with --key")
    if life <= timedelta():
        raise click.UsageError("--life must be longer than nothing")
    if as_json and output == "-":
        raise click.UsageError("--json and -o - would both write to standard output")
    issuer, now = load_certificate(ca), SystemClock().now()
    delegator = Delegator(certificate=issuer, key=_loaded(ca_key, _password(ca_password_file)))
    if key is not None:
        password = _password(password_file)
        responder = _new_key(key, kind, password) if kind else _loaded(key, password)
        wanted: Subject = responder.public_key(), named_commonly(_NAME)
    else:
        wanted = _requested(csr, like)
    public_key, subject = wanted[0], wanted[1] if name is None else named_commonly(name)
    issued = delegator.issue(public_key, subject, now=now, life=life)
    _pass_gate(issued, issuer, now, Profile(profile))
    write_file(output, issued.parsed.public_bytes(Encoding.PEM))
    if as_json:
        write_json(issued_json(output, issued))
    elif output != "-":
        note(f"{output}: {issued}, until {issued.not_after:%F %TZ}")


def _requested(csr: str | None, like: str | None) -> Subject:
    """Read whose certificate is wanted, by which name."""
    if csr is not None:
        return parse_certificate_request(read_bytes(csr), source_name(csr))
    assert like is not None
    former = load_certificate(like)
    return former.public_key, former.parsed.subject


def _pass_gate(
    certificate: Certificate, issuer: Certificate, now: datetime, profile: Profile
) -> None:
    """Say what is unwise about it; raise SignerError where it is refused."""
    found = judge_certificate(certificate, issuer, now=now, profile=profile, validity=timedelta(0))
    refusing = [one for one in found if one.severity is Severity.REFUSE]
    if refusing:
        raise SignerError(
            f"the CA would issue what clients refuse: {'; '.join(map(str, refusing))}"
        )
    _warn(found)


# --- check ------------------------------------------------------------------------------------


@signer.command(
    "check",
    short_help="Say whether a certificate is fit to sign answers.",
    epilog=examples(
        "certstatus signer check --ca ca.pem --signer responder.pem",
        "certstatus signer check --ca ca.pem --signer responder.pem --key responder.key "
        "--profile cabf --json",
    ),
)
@click.option("--ca", metavar="FILE", required=True, help="The CA that is answered for.")
@click.option("--signer", "name", metavar="FILE", required=True, help="The certificate.")
@click.option(
    "--key", metavar="FILE", type=_FILE, help="Its key, to see that they belong together."
)
@click.option("--password-file", metavar="FILE", type=_FILE, help="The key's password.")
@click.option(
    "--profile", type=_PROFILES, default="rfc6960", show_default=True, help="Whose rules count."
)
@click.option(
    "--validity", type=SPAN, default=DEFAULT_VALIDITY, help="Of the answers.  [default: 4d]"
)
@click.option("--at", type=MOMENT, help="Judge as of this time, not now.")
@json_option
def check(
    *,
    ca: str,
    name: str,
    key: Path | None,
    password_file: Path | None,
    profile: str,
    validity: timedelta,
    at: datetime | None,
    as_json: bool,
) -> int:
    """Run the gate that a signer passes before it serves, and list all that it finds.

    Exit codes: 0 fit to sign, maybe with warnings; 78 not fit.
    """
    now = (at or SystemClock().now()).replace(microsecond=0)
    issuer, certificate = load_certificate(ca), load_certificate(name)
    rules = Profile(profile)
    found = judge_certificate(certificate, issuer, now=now, profile=rules, validity=validity)
    if key is not None:
        found += _belongs(key, Path(name), issuer, password_file)
    if as_json:
        write_json(judged_json(certificate, found, rules))
    else:
        print_judged(console(), certificate, found, now)
    is_fit = all(one.severity is Severity.WARN for one in found)
    return ExitCode.DONE if is_fit else ExitCode.CONFIG


def _belongs(
    key: Path, certificate: Path, issuer: Certificate, password_file: Path | None
) -> tuple[Finding, ...]:
    """Return what is to be said of the key, and of key and certificate together."""
    try:
        _, findings = load_signers(key, certificate, issuer=issuer, password_file=password_file)
    except SignerError as error:
        return (Finding(error.rule, Severity.REFUSE, error.message),)
    return findings


# --- renew ------------------------------------------------------------------------------------


@signer.command(
    "renew",
    short_help="Renew the signers of a configuration that are due.",
    epilog=examples(
        "certstatus signer renew --config certstatus.toml",
        'certstatus signer renew --config certstatus.toml --authority "Issuing CA 1" --force',
    ),
)
@click.option("--config", metavar="FILE", type=_FILE, required=True, help="That of `serve`.")
@click.option("--authority", metavar="NAME", help="This one's signers alone.")
@click.option("--force", is_flag=True, help="Also those that are not due.")
@json_option
def renew(*, config: Path, authority: str | None, force: bool, as_json: bool) -> int:
    """Renew, once, what `renew` in the configuration says how to renew.

    A responder that runs takes the new certificate up by itself. Exit codes: 0 nothing failed,
    78 a renewal failed; the old certificate then stands.
    """
    # The server's needs are an extra, and heavy: they are imported when it runs.
    from certstatus.server.renewing import renew_all  # noqa: PLC0415

    outcomes = renew_all(config, authority=authority, force=force, clock=SystemClock())
    if as_json:
        write_json(renewed_json(outcomes))
    else:
        for line in renewed_text(outcomes):
            note(line)
    failed = any(one.error is not None for one in outcomes)
    return ExitCode.CONFIG if failed else ExitCode.DONE
