"""``certstatus check``: the responder asked, and its answer judged."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final

import click
from rich.console import Console
from rich.text import Text

from certstatus.cli.exit_codes import ExitCode, worst
from certstatus.cli.frame import Command, examples
from certstatus.cli.handshake import fetch_chain
from certstatus.cli.inputs import load_certificates
from certstatus.cli.output import (
    complain,
    console,
    note,
    print_hanging,
    styled,
    write_file,
    write_json,
)
from certstatus.cli.params import SPAN
from certstatus.cli.policy_params import policy_options
from certstatus.cli.report import print_checks, print_verdict, responder_url, results_json
from certstatus.cli.target import find_issuer
from certstatus.cli.waiting import waiting
from certstatus.clock import SystemClock
from certstatus.errors import CertStatusError
from certstatus.fetch import HTTPDoor
from certstatus.limits import FETCH_TIME
from certstatus.pkix import Certificate, HashAlgorithm
from certstatus.requestor import (
    AskPolicy,
    CheckPolicy,
    CheckResult,
    Method,
    Requestor,
    ResponseCache,
)
from certstatus.signing import Signer, load_signers
from certstatus.tls.host import parse_host
from certstatus.verify import Verdict, VerifyPolicy

__all__ = ["command"]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Answered:
    """What came of one argument: a result, or why there is none."""

    source: str
    result: CheckResult | None = None
    error: CertStatusError | OSError | None = None

    @property
    def exit_code(self) -> int:
        if self.result is not None:
            return self.result.verdict.exit_code
        return self.error.exit_code if isinstance(self.error, CertStatusError) else ExitCode.USAGE


@click.command(
    "check",
    cls=Command,
    epilog=examples(
        "certstatus check leaf.pem --issuer ca.pem",
        "certstatus check www.example.com mail.example.com:465 --quiet",
        "certstatus check chain.pem --url http://127.0.0.1:8080/ --send-nonce",
    ),
)
@click.argument("names", metavar="CERT|HOST[:PORT]…", nargs=-1, required=True)
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
def command(
    names: tuple[str, ...],
    *,
    issuers: tuple[str, ...],
    urls: tuple[str, ...],
    algorithm: str | None,
    method: str,
    send_nonce: bool,
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
) -> int:
    """Ask the responder about certificates, and judge its answer.

    CERT is a file, whose issuer may stand behind it; HOST is a TLS server, whose
    certificate is fetched by a handshake. Without --issuer, the issuer is fetched from
    where the certificate says.

    Exit codes: 0 good, 1 revoked, 2 unknown, 3 not to be believed, 4 the responder
    refused, 64 a file can't be opened, 65 malformed, 69 unreachable. Of several
    certificates, revoked wins, then what went wrong, then unknown.
    """
    if output is not None and len(names) > 1:
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
    known = [one for name in issuers for one in load_certificates(name)]
    answers = []
    for position, name in enumerate(names):
        answers.append(answered := _answer(name, requestor, known))
        if not as_json:
            _print(answered, quiet=quiet, is_first=position == 0)
        if answered.error is not None:
            complain(name, answered.error)
        if output is not None:
            _keep(answered, output)
    if as_json:
        verdicts = [one.result.verdict for one in answers if one.result is not None]
        write_json(results_json([_json(one) for one in answers], verdicts))
    return worst(one.exit_code for one in answers)


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


# --- asking -----------------------------------------------------------------------------


def _answer(name: str, requestor: Requestor, known: Sequence[Certificate]) -> _Answered:
    """Check one argument; what goes wrong with it spoils none of the others."""
    try:
        with waiting(f"asking about {name}"):
            certificate, *chain = _certificates(name)
            issuer = find_issuer(certificate, [*known, *chain])
            if issuer is None and len(known) == 1:
                issuer = known[0]  # not the issuer: the report says so, and nobody is asked
            result = requestor.check(certificate, issuer, chain=chain)
    except (CertStatusError, OSError) as error:
        return _Answered(source=name, error=error)
    return _Answered(source=name, result=result)


_FILES: Final = (".pem", ".crt", ".cer", ".der", ".txt", ".p7b")


def _certificates(name: str) -> tuple[Certificate, ...]:
    """Read a file or the argument itself, else shake hands with the host of that name."""
    host = None if name.endswith(_FILES) or os.path.lexists(name) else parse_host(name)
    return load_certificates(name) if host is None else fetch_chain(host)


def _keep(answered: _Answered, output: str) -> None:
    result = answered.result
    if result is None or result.report is None or result.report.response is None:
        note(f"certstatus: {output}: not written, there is no response")
        return
    write_file(output, result.report.response.der)


# --- showing ----------------------------------------------------------------------------


def _print(answered: _Answered, *, quiet: bool, is_first: bool) -> None:
    result = answered.result
    if result is None:
        return
    out, now = console(), SystemClock().now().replace(microsecond=0)
    title = f"{result.certificate.subject} (serial {result.certificate.serial_number:#x})"
    if not quiet:
        if not is_first:
            out.print()
        out.print(styled(title, "bold"))
        _print_exchange(out, result)
        if result.report is not None:
            out.print()
            print_checks(out, result.report)
        out.print()
    if result.report is not None:
        print_verdict(out, result.report, title, now)
    else:
        head = Text.assemble(styled(result.verdict.value, "bold yellow"), "  ")
        print_hanging(out, head, styled(f"{title}: {_why_unreachable(result)}"))


def _print_exchange(out: Console, result: CheckResult) -> None:
    """Tell who was asked, how, and how long that took."""
    took = f"{result.elapsed.total_seconds() * 1000:.0f} ms"
    if result.url is not None:
        how = "kept from an earlier answer" if result.from_cache else f"by {result.method}"
        print_hanging(out, Text("  "), styled(f"{responder_url(result.url)} {how}, {took}", "dim"))
    attempts = Counter((responder_url(one.url), one.reason) for one in result.attempts)
    for (url, reason), count in attempts.items():
        times = f" ({count} times)" if count > 1 else ""
        place = f"{url}: " if url else ""
        print_hanging(out, Text("  ! ", style="yellow"), styled(f"{place}{reason}{times}"))


def _why_unreachable(result: CheckResult) -> str:
    if not result.attempts:
        return "no responder answered"
    last = result.attempts[-1].reason
    if "not a public address" in last:
        return f"{last}; name the responder with --url, or use --allow-private"
    return last


def _json(answered: _Answered) -> dict[str, object]:
    result = answered.result
    if result is None:
        return {
            "target": {"source": answered.source},
            "verdict": _ERROR_VERDICTS.get(answered.exit_code),
            "error": {"exitCode": int(answered.exit_code), "reason": str(answered.error)},
        }
    target = {
        "source": answered.source,
        "serialNumber": f"{result.certificate.serial_number:x}",
        "subject": str(result.certificate.subject),
        "issuer": str(result.certificate.issuer),
    }
    told: dict[str, object] = {"verdict": result.verdict.value, "checks": [], "findings": []}
    if result.report is not None:
        told = result.report.as_json()
    return {
        "target": target,
        **told,
        "url": result.url,
        "method": result.method,
        "fromCache": result.from_cache,
        "milliseconds": round(result.elapsed.total_seconds() * 1000, 1),
        "attempts": [{"url": one.url, "reason": one.reason} for one in result.attempts],
    }


_ERROR_VERDICTS: Final = {
    int(ExitCode.MALFORMED): Verdict.MALFORMED.value,
    int(ExitCode.UNREACHABLE): Verdict.UNREACHABLE.value,
}
