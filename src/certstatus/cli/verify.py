"""``certstatus verify``: a stored response judged, check by check."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

import click

from certstatus.cli.exit_codes import worst
from certstatus.cli.frame import Command, examples
from certstatus.cli.inputs import read_message
from certstatus.cli.output import console, write_json
from certstatus.cli.params import MOMENT
from certstatus.cli.policy_params import policy_options
from certstatus.cli.report import print_checks, print_verdict, results_json
from certstatus.cli.target import NUMBER_OF, Target, targets
from certstatus.clock import SystemClock
from certstatus.ocsp import CertStatus, OCSPRequest, parse_request
from certstatus.pkix import Certificate
from certstatus.verify import (
    DelegateStatus,
    DelegateStatusLookup,
    KnownSignatures,
    NoncePolicy,
    Report,
    VerifyPolicy,
    verify_response,
)

__all__ = ["command"]


@click.command(
    "verify",
    cls=Command,
    epilog=examples(
        "certstatus verify answer.der --cert leaf.pem --issuer ca.pem",
        "certstatus verify answer.der --serial 3E8 --issuer ca.pem --request query.der",
        "certstatus verify answer.der --cert chain.pem --at 2026-11-21T12:00:00Z --json",
    ),
)
@click.argument("response_name", metavar="RESPONSE")
@click.option("--cert", "certs", metavar="FILE", multiple=True, help="A certificate in question.")
@click.option("--serial", "numbers", type=NUMBER_OF, multiple=True, help="Or its serial number.")
@click.option("--issuer", "issuers", metavar="FILE", multiple=True, help="The CA that issued it.")
@click.option("--request", "request_name", metavar="FILE", help="The request that was sent.")
@click.option("--at", type=MOMENT, help="Judge as of this time, not now.")
@policy_options
@click.option(
    "--delegate-response",
    "delegate_responses",
    metavar="FILE",
    multiple=True,
    help="A response about a delegate's own status.",
)
@click.option("--quiet", "-q", is_flag=True, help="Print the verdict alone.")
@click.option("--json", "as_json", is_flag=True, help="Write the report for a program.")
def command(
    response_name: str,
    *,
    certs: tuple[str, ...],
    numbers: tuple[tuple[int, str], ...],
    issuers: tuple[str, ...],
    request_name: str | None,
    at: datetime | None,
    policy: VerifyPolicy,
    delegate_responses: tuple[str, ...],
    quiet: bool,
    as_json: bool,
) -> int:
    """Judge RESPONSE: what it says of a certificate, and whether to believe it.

    Every check of RFC 6960 §3.2 and RFC 9919 §5 is reported. The issuer may also stand
    behind the certificate in its file.

    Exit codes: 0 good, 1 revoked, 2 unknown, 3 not to be believed, 4 an error status, 65
    malformed.
    """
    now = (at or SystemClock().now()).replace(microsecond=0)
    response = read_message(response_name).der
    asked = targets(certs, numbers, issuers)
    request = None if request_name is None else _read_request(request_name)
    stored = [read_message(name).der for name in delegate_responses]
    known = KnownSignatures()
    reports = [
        verify_response(
            response,
            issuer=target.issuer,
            certificate=target.certificate,
            serial_number=target.serial_number,
            request=request,
            now=now,
            policy=policy,
            delegate_status=_lookup(stored, target.issuer, now, policy),
            known=known,
        )
        for target in asked
    ]
    if as_json:
        told = [
            target.as_json() | report.as_json()
            for target, report in zip(asked, reports, strict=True)
        ]
        write_json(results_json(told, [report.verdict for report in reports]))
    else:
        _print(asked, reports, now, quiet=quiet)
    return worst(report.verdict.exit_code for report in reports)


def _read_request(name: str) -> OCSPRequest:
    return parse_request(read_message(name).der)


def _lookup(
    responses: Sequence[bytes], issuer: Certificate, now: datetime, policy: VerifyPolicy
) -> DelegateStatusLookup | None:
    """Tell a delegate's status from stored responses, judged like any other (O24)."""
    if not responses:
        return None
    # An answer about a delegate comes from one that needs no answer itself.
    strict = replace(policy, delegate_status=DelegateStatus.NOCHECK, nonce=NoncePolicy.OFF)

    def status(delegate: Certificate) -> CertStatus | None:
        for der in responses:
            report = verify_response(
                der, issuer=issuer, certificate=delegate, now=now, policy=strict
            )
            if report.verified is not None:
                return report.verified.cert_status
        return None

    return status


def _print(
    asked: Sequence[Target], reports: Sequence[Report], now: datetime, *, quiet: bool
) -> None:
    out = console()
    for position, (target, report) in enumerate(zip(asked, reports, strict=True)):
        if not quiet:
            if position:
                out.print()
            print_checks(out, report)
            out.print()
        print_verdict(out, report, target.title, now)
