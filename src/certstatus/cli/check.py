"""``certstatus check``: the responder asked, and its answer judged; or the whole path."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Final

import click

from certstatus.cli.check_output import (
    Answered,
    CheckOutput,
    JSONLinesOutput,
    JSONOutput,
    TextOutput,
)
from certstatus.cli.checking import Targets, run_all
from certstatus.cli.frame import Command, examples
from certstatus.cli.handshake import fetch_chain
from certstatus.cli.inputs import load_certificates
from certstatus.cli.line_list import LineList
from certstatus.cli.output import note, write_file
from certstatus.cli.params import SPAN
from certstatus.cli.path_check import PathChecking
from certstatus.cli.path_output import PathJSONLinesOutput, PathJSONOutput, PathTextOutput
from certstatus.cli.path_params import PathWishes, path_options
from certstatus.cli.policy_params import policy_options
from certstatus.cli.target import find_issuer
from certstatus.errors import CertStatusError
from certstatus.fetch import HTTPDoor
from certstatus.limits import CHECK_CONCURRENCY, FETCH_TIME, MAX_CHECK_CONCURRENCY
from certstatus.pkix import Certificate, HashAlgorithm
from certstatus.requestor import (
    AskPolicy,
    CheckPolicy,
    Method,
    Requestor,
    ResponseCache,
)
from certstatus.signing import Signer, load_signers
from certstatus.tls.host import Host, parse_host
from certstatus.verify import VerifyPolicy

__all__ = ["command"]


@click.command(
    "check",
    cls=Command,
    epilog=examples(
        "certstatus check leaf.pem --issuer ca.pem",
        "certstatus check www.example.com mail.example.com:465 --quiet",
        "certstatus check --list certificates.txt --concurrency 100 --jsonl",
        "certstatus check chain.pem --url http://127.0.0.1:8080/ --send-nonce",
        "certstatus check leaf.pem --path --anchors root.pem --pool cas.pem",
    ),
)
@click.argument("names", metavar="[CERT|HOST[:PORT]]…", nargs=-1)
@click.option("--list", "list_name", metavar="FILE", help="One in each line; - reads stdin.")
@click.option(
    "--concurrency",
    type=click.IntRange(1, MAX_CHECK_CONCURRENCY),
    default=CHECK_CONCURRENCY,
    show_default=True,
    help="How many are asked about at once.",
)
@click.option("--issuer", "issuers", metavar="FILE", multiple=True, help="The CA that issued it.")
@click.option("--url", "urls", multiple=True, help="Ask here, not where the certificate says.")
@click.option(
    "--hash",
    "algorithm",
    type=click.Choice(["sha256", "sha1", "sha384", "sha512"]),
    help="How CertIDs name the issuer.  [default: sha256, then sha1]",
)
@click.option(
    "--method",
    type=click.Choice([one.value for one in Method]),
    default=Method.AUTO.value,
    show_default=True,
    help="GET where the URL stays within 255 bytes, or as said.",
)
@click.option("--send-nonce", is_flag=True, help="Ask for an answer made for this request.")
@path_options
@policy_options
@click.option("--timeout", type=SPAN, default=FETCH_TIME, help="For each exchange.  [15s]")
@click.option("--proxy", metavar="URL", help="The HTTP proxy that every exchange goes through.")
@click.option("--allow-private", is_flag=True, help="Follow certificates into private networks.")
@click.option("--check-expired", is_flag=True, help="Ask about expired certificates too.")
@click.option("--no-cache", is_flag=True, help="Neither use nor keep stored responses.")
@click.option("--cache-dir", type=click.Path(path_type=Path), help="Where responses are kept.")
@click.option("--key", metavar="FILE", help="Sign requests with this key.")
@click.option("--signer", metavar="FILE", help="The key's certificate.")
@click.option("--password-file", metavar="FILE", help="The key's password, in one line.")
@click.option("--output", "-o", metavar="FILE", help="Keep the response of one certificate.")
@click.option("--quiet", "-q", is_flag=True, help="Print the verdict alone.")
@click.option("--json", "as_json", is_flag=True, help="Write the report for a program.")
@click.option("--jsonl", "as_jsonl", is_flag=True, help="Write a JSON document in each line.")
def command(
    names: tuple[str, ...],
    *,
    list_name: str | None,
    concurrency: int,
    issuers: tuple[str, ...],
    urls: tuple[str, ...],
    algorithm: str | None,
    method: str,
    send_nonce: bool,
    paths: PathWishes | None,
    policy: VerifyPolicy,
    timeout: timedelta,
    proxy: str | None,
    allow_private: bool,
    check_expired: bool,
    no_cache: bool,
    cache_dir: Path | None,
    key: str | None,
    signer: str | None,
    password_file: str | None,
    output: str | None,
    quiet: bool,
    as_json: bool,
    as_jsonl: bool,
) -> int:
    """Ask the responder about certificates, and judge its answer.

    CERT is a file, whose issuer may stand behind it; HOST is a TLS server, whose
    certificate is fetched by a handshake. Without --issuer, the issuer is fetched from
    where the certificate says. Many are asked about at once, and shown in their order.

    Exit codes: 0 good, 1 revoked, 2 unknown, 3 not to be believed, 4 the responder
    refused, 64 a file can't be opened, 65 malformed, 69 unreachable. Of several
    certificates, revoked wins, then what went wrong, then unknown.
    """
    if as_json and as_jsonl:
        raise click.UsageError("--json writes one document, --jsonl one in each line: take one")
    targets = _targets(names, list_name)
    known = [one for name in issuers for one in load_certificates(name)]
    is_brief, is_one = quiet or list_name is not None, len(names) == 1
    if paths is not None:
        checking = PathChecking(
            wishes=paths,
            read=_read,
            known=known,
            time_limit=timeout,
            proxy=proxy,
            allow_private=allow_private,
            allow_sha1=policy.allow_sha1,
        )
        path_form: PathTextOutput | PathJSONOutput | PathJSONLinesOutput
        if as_json or as_jsonl:
            path_form = PathJSONLinesOutput() if as_jsonl else PathJSONOutput(is_one=is_one)
        else:
            path_form = PathTextOutput(is_brief=is_brief)
        return asyncio.run(run_all(targets, checking, concurrency=concurrency, form=path_form))
    if output is not None and len(names) != 1:
        raise click.UsageError("--output keeps the response of one certificate, not of several")
    hashes = AskPolicy().hashes if algorithm is None else (HashAlgorithm.from_label(algorithm),)
    requestor = Requestor(
        urls=urls,
        policy=CheckPolicy(
            ask=AskPolicy(method=Method(method), hashes=hashes),
            verify=policy,
            send_nonce=send_nonce,
            allow_private=allow_private,
            check_expired=check_expired,
            signer=_load_signer(key, signer, password_file),
        ),
        cache=None if no_cache else ResponseCache(cache_dir),
        door=HTTPDoor(total_time=timeout, proxy=proxy),
    )
    asking = _Asking(
        requestor=requestor,
        known=known,
        time_limit=timeout,
    )
    form: CheckOutput
    if as_json or as_jsonl:
        form = JSONLinesOutput() if as_jsonl else JSONOutput(is_one=is_one)
    else:
        form = TextOutput(is_brief=is_brief)
    keep = None if output is None else lambda answered: _keep(answered, output)
    return asyncio.run(run_all(targets, asking, concurrency=concurrency, form=form, keep=keep))


def _load_signer(key: str | None, signer: str | None, password_file: str | None) -> Signer | None:
    if key is None:
        if signer is not None:
            raise click.UsageError("--signer has no --key to sign with")
        return None
    if signer is None:
        raise click.UsageError("--key needs its certificate: --signer FILE")
    signers, findings = load_signers(
        Path(key),
        Path(signer),
        issuer=load_certificates(signer)[0],
        password_file=None if password_file is None else Path(password_file),
    )
    for finding in findings:
        note(f"certstatus: {finding.text}")
    return signers[0]


def _targets(names: Sequence[str], list_name: str | None) -> Targets:
    if list_name is not None:
        if names:
            raise click.UsageError("name certificates, or a list of them with --list, not both")
        return LineList(list_name, str, wanted="CERT or HOST[:PORT]")
    if not names:
        raise click.UsageError("name a certificate or a host, or a list of them with --list")
    return tuple(names)


# --- asking -----------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class _Asking:
    """How targets are asked about."""

    requestor: Requestor
    known: Sequence[Certificate]
    time_limit: timedelta

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[_Asking]:
        """Fetch once what is asked twice at once."""
        async with self.requestor.sharing() as shared:
            yield replace(self, requestor=shared)

    async def answer(self, name: str) -> Answered:
        """Check one target; what goes wrong with it spoils none of the others."""
        try:
            found = _read(name)
            if isinstance(found, Host):
                found = await fetch_chain(found, self.time_limit)
            certificate, *chain = found
            issuer = find_issuer(certificate, [*self.known, *chain])
            if issuer is None and len(self.known) == 1:
                issuer = self.known[0]  # not the issuer: the report says so, and nobody is asked
            result = await self.requestor.acheck(certificate, issuer, chain=chain)
        except (CertStatusError, OSError) as error:
            return Answered(source=name, error=error)
        return Answered(source=name, result=result)


def _read(name: str) -> tuple[Certificate, ...] | Host:
    """Read a file or the argument itself, else the name of a host."""
    host = None if name.endswith(_FILES) or os.path.lexists(name) else parse_host(name)
    return load_certificates(name) if host is None else host


_FILES: Final = (".pem", ".crt", ".cer", ".der", ".txt", ".p7b")


def _keep(answered: Answered, output: str) -> None:
    result = answered.result
    if result is None or result.report is None or result.report.response is None:
        note(f"certstatus: {output}: not written, there is no response")
        return
    write_file(output, result.report.response.der)
