"""The options of ``certstatus scvp``: which server, whom to believe, and what to ask for."""

from __future__ import annotations

import functools
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from certstatus.cli.inputs import load_certificates
from certstatus.cli.params import SPAN
from certstatus.delegated import ReplyPolicy, SCVPClient, ServerTrust
from certstatus.errors import MalformedError
from certstatus.fetch import HTTPDoor
from certstatus.limits import FETCH_TIME
from certstatus.limits_scvp import SCVP_SKEW
from certstatus.path import anchor_problem
from certstatus.pkix import Certificate
from certstatus.signing import Signer, load_signers

__all__ = ["load_anchors", "load_pool", "server_options"]

R = TypeVar("R")

_OPTIONS: Final = (
    click.option("--url", required=True, help="Where the server takes requests."),
    click.option(
        "--trust",
        metavar="FILE",
        multiple=True,
        help="The server's certificate, or a CA that a path leads to.",
    ),
    click.option("--allow-sha1", is_flag=True, help="Believe signatures that rest on SHA-1."),
    click.option("--skew", type=SPAN, default=SCVP_SKEW, help="How far clocks may differ.  [10m]"),
    click.option("--key", metavar="FILE", help="Sign requests with this key."),
    click.option("--signer", metavar="FILE", help="The key's certificate."),
    click.option("--password-file", metavar="FILE", help="The key's password, in one line."),
    click.option("--timeout", type=SPAN, default=FETCH_TIME, help="For each exchange.  [15s]"),
    click.option("--proxy", metavar="URL", help="The HTTP proxy that every exchange goes through."),
)


def server_options(function: Callable[..., R]) -> Callable[..., R]:
    """Add the options, and hand them to the command as one ``client``."""

    @functools.wraps(function)
    def command(
        *args: Any,
        url: str,
        trust: tuple[str, ...],
        allow_sha1: bool,
        skew: timedelta,
        key: str | None,
        signer: str | None,
        password_file: str | None,
        timeout: timedelta,
        proxy: str | None,
        **others: Any,
    ) -> R:
        client = SCVPClient(
            url=url,
            policy=ReplyPolicy(
                trust=ServerTrust.of(one for name in trust for one in load_certificates(name)),
                # Without TLS nothing unsigned is believed: the client sees to that.
                accept_unprotected=bool(others.get("unprotected")),
                skew=skew,
                allow_sha1=allow_sha1,
            ),
            signer=_load_signer(key, signer, password_file),
            door=HTTPDoor(total_time=timeout, proxy=proxy),
        )
        return function(*args, client=client, **others)

    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def _load_signer(key: str | None, signer: str | None, password_file: str | None) -> Signer | None:
    if key is None:
        if signer is not None:
            raise click.UsageError("--signer has no --key to sign with")
        return None
    if signer is None:
        raise click.UsageError("--key needs its certificate: --signer FILE")
    password = None if password_file is None else Path(password_file)
    signers, _ = load_signers(Path(key), Path(signer), issuer=None, password_file=password)
    return signers[0]


def load_anchors(names: tuple[str, ...]) -> tuple[Certificate, ...]:
    """Load trust anchors. Raises MalformedError for one that can't be an anchor (S10)."""
    found = [(name, one) for name in names for one in load_certificates(name)]
    for name, one in found:
        problem = anchor_problem(one)
        if problem is not None:
            raise MalformedError(f"is no trust anchor: {problem}", where=name, rule="S10")
    return tuple(one for _, one in found)


def load_pool(names: tuple[str, ...]) -> tuple[Certificate, ...]:
    """Load certificates that a path may lead through."""
    return tuple(one for name in names for one in load_certificates(name))
