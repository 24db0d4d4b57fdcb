"""``certstatus serve``: the responder."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import click

from certstatus.cli.frame import Command, examples

__all__ = ["command"]

_FILE = click.Path(dir_okay=False, path_type=Path)


_CONFIGURATION: Final = """

A configuration file says the same and more, for any number of CAs:
  [server]
  port = 8080
  workers = 2
  admin_port = 9080

  [[authority]]
  certificate = "ca.pem"
  validity = "4d"
  [[authority.signer]]
  certificate = "responder.pem"
  key = "responder.key"
  [[authority.source]]
  index = "index.txt"     # or database, crl, crt, upstream; of several the first has authority"""


@click.command(
    "serve",
    cls=Command,
    epilog=examples(
        "certstatus serve --ca ca.pem --signer s.pem --key s.key --index index.txt",
        "certstatus serve --ca ca.pem --pkcs12 s.p12 --password-file pw --crl ca.crl --unlisted good",
        "certstatus serve --ca ca.pem --proxy http://ocsp.ca.example/",
        "certstatus serve --config certstatus.toml",
    )
    + _CONFIGURATION,
)
@click.option("--config", type=_FILE, help="A TOML file, in place of the options of one CA.")
@click.option(
    "--ca", type=_FILE, multiple=True, help="The CA that is answered for; of a proxy, several."
)
@click.option("--signer", type=_FILE, help="The responder's certificate; the CA's own will do.")
@click.option(
    "--key", metavar="FILE|URI", help="The responder's key: PEM, DER, or pkcs11:… in a token."
)
@click.option("--pkcs12", type=_FILE, help="Key and certificate in one PKCS #12 file.")
@click.option("--password-file", type=_FILE, help="The key's password or PIN, in one line.")
@click.option("--database", metavar="URL", help="The status database (certstatus db).")
@click.option("--index", type=_FILE, help="The index.txt of `openssl ca`.")
@click.option(
    "--crl",
    metavar="FILE|URL",
    multiple=True,
    help="The CA's CRL, or a folder of them. Several, also deltas, are joined.",
)
@click.option("--crt", type=_FILE, help="The CA's revocation tree (certstatus crt).")
@click.option(
    "--upstream",
    metavar="URL",
    multiple=True,
    help="Another OCSP responder that knows; of several the first that answers.",
)
@click.option(
    "--proxy",
    metavar="URL",
    multiple=True,
    help="Hand on what this responder signs, in place of signing; of several the first that answers.",
)
@click.option(
    "--unlisted",
    type=click.Choice(["unknown", "good", "extended-revoke", "unauthorized"]),
    help="What is said of a serial number that is not listed.  [default: unknown]",
)
@click.option(
    "--nonce",
    type=click.Choice(["echo", "ignore", "require", "forward"]),
    help="[default: echo; of a proxy: ignore, or forward]",
)
@click.option("--validity", metavar="SPAN", help="From thisUpdate to nextUpdate.  [default: 4d]")
@click.option(
    "--profile",
    type=click.Choice(["rfc6960", "rfc9919", "cabf", "etsi"]),
    help="Whose rules.  [default: rfc6960]",
)
@click.option(
    "--store",
    metavar="URL",
    help="Where signed answers rest: memory:, lmdb:FOLDER or redis://HOST/0.",
)
@click.option("--host", help="Where to listen.  [default: 127.0.0.1]")
@click.option("--port", type=click.IntRange(0, 65535), help="[default: 8080; 0: a free one]")
@click.option("--path", help="Where the AIA URL points.  [default: /]")
@click.option(
    "--workers", type=click.IntRange(0, 256), help="Processes; 0 for one on each CPU.  [default: 1]"
)
@click.option("--admin-port", type=click.IntRange(0, 65535), help="For /healthz and /metrics.")
@click.option("--access-log/--no-access-log", default=None, help="A line for each answer.")
@click.option("--check", "check_only", is_flag=True, help="Read everything, say so, and end.")
def command(config: Path | None, *, check_only: bool, **options: Any) -> int:
    """Run the responder: good, revoked or unknown, signed, over HTTP.

    SIGTERM and Ctrl-C end it after the requests under way; SIGHUP reads configuration,
    certificates, keys and sources anew.
    """
    # The server's needs are an extra, and heavy: they are imported when it runs.
    from certstatus.cli.serving import load_from_file, load_from_options, run  # noqa: PLC0415

    named = {name: value for name, value in options.items() if value not in (None, ())}
    if config is not None and named:
        stray = ", ".join(f"--{name.replace('_', '-')}" for name in named)
        raise click.UsageError(f"--config says it all; leave out {stray}")
    load = load_from_file(config) if config is not None else load_from_options(named)
    return run(load, check_only=check_only)
