"""The options of ``check --path``, and which others go with it."""

from __future__ import annotations

import functools
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, TypeVar

import click
from click.core import ParameterSource

from certstatus.cli.inputs import load_certificates, read_message
from certstatus.cli.params import MOMENT
from certstatus.errors import ConfigError, MalformedError
from certstatus.path import RevocationRule, anchor_problem
from certstatus.pkix import Certificate, CertificateList

__all__ = ["PathWishes", "path_options"]

R = TypeVar("R")

_RULES: Final = click.Choice([one.value for one in RevocationRule])
_OPTIONS: Final = (
    click.option("--path", "wants_path", is_flag=True, help="Build and validate the whole path."),
    click.option(
        "--anchors",
        metavar="FILE",
        multiple=True,
        help="With --path: whom to trust.  [the system's trusted CAs]",
    ),
    click.option(
        "--pool", metavar="FILE", multiple=True, help="With --path: CAs that it may lead through."
    ),
    click.option(
        "--crl", "crls", metavar="FILE", multiple=True, help="With --path: a CRL at hand."
    ),
    click.option(
        "--revocation",
        type=_RULES,
        default=RevocationRule.ANY.value,
        show_default=True,
        help="With --path: what tells the certificate's status.",
    ),
    click.option(
        "--ca-revocation",
        type=_RULES,
        help="With --path: what tells the CAs' status.  [as --revocation]",
    ),
    click.option("--at", type=MOMENT, help="With --path: validate as of this time."),
    click.option(
        "--any-name", is_flag=True, help="With --path: don't hold a host to its name and purpose."
    ),
    click.option("--no-fetch", is_flag=True, help="With --path: go by what is given alone."),
)
_ONLY_WITH: Final = {
    "anchors": "--anchors",
    "pool": "--pool",
    "crls": "--crl",
    "revocation": "--revocation",
    "ca_revocation": "--ca-revocation",
    "at": "--at",
    "any_name": "--any-name",
    "no_fetch": "--no-fetch",
}
_NOT_WITH: Final = {
    "urls": "--url",
    "algorithm": "--hash",
    "method": "--method",
    "send_nonce": "--send-nonce",
    "trust": "--trust",
    "max_age": "--max-age",
    "skew": "--skew",
    "nonce": "--nonce",
    "allow_no_next_update": "--allow-no-next-update",
    "delegate_status": "--delegate-status",
    "check_expired": "--check-expired",
    "no_cache": "--no-cache",
    "cache_dir": "--cache-dir",
    "key": "--key",
    "signer": "--signer",
    "password_file": "--password-file",
    "output": "--output",
}


@dataclass(frozen=True, kw_only=True)
class PathWishes:
    """What the options of ``--path`` ask for. ``at`` is aware UTC; None: now."""

    anchors: tuple[Certificate, ...]
    pool: tuple[Certificate, ...]
    crls: tuple[CertificateList, ...]
    end_entity_revocation: RevocationRule
    ca_revocation: RevocationRule
    at: datetime | None
    any_name: bool
    no_fetch: bool


def path_options(function: Callable[..., R]) -> Callable[..., R]:
    """Add the options, and hand them to the command as one ``paths``: None without --path."""

    @functools.wraps(function)
    def command(
        *args: Any,
        wants_path: bool,
        anchors: tuple[str, ...],
        pool: tuple[str, ...],
        crls: tuple[str, ...],
        revocation: str,
        ca_revocation: str | None,
        at: datetime | None,
        any_name: bool,
        no_fetch: bool,
        **others: Any,
    ) -> R:
        _check_together(wants_path=wants_path)
        paths = None
        if wants_path:
            paths = PathWishes(
                anchors=_anchors(anchors),
                pool=tuple(one for name in pool for one in load_certificates(name)),
                crls=tuple(map(_crl, crls)),
                end_entity_revocation=RevocationRule(revocation),
                ca_revocation=RevocationRule(ca_revocation or revocation),
                at=at,
                any_name=any_name,
                no_fetch=no_fetch,
            )
        return function(*args, paths=paths, **others)

    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def _check_together(*, wants_path: bool) -> None:
    """Refuse options that would be passed over in silence. Raises click.UsageError."""
    context = click.get_current_context()
    foreign = _NOT_WITH if wants_path else _ONLY_WITH
    for name, option in foreign.items():
        if context.get_parameter_source(name) not in {ParameterSource.DEFAULT, None}:
            which = "does not go with --path" if wants_path else "goes with --path alone"
            raise click.UsageError(f"{option} {which}")


def _anchors(names: tuple[str, ...]) -> tuple[Certificate, ...]:
    """Load the anchors that were named, else the system's.

    Raises:
        MalformedError: one of those named can't be an anchor (S10).
        ConfigError: none is named, and the system has none.
    """
    if not names:
        return _system_anchors()
    found = [(name, one) for name in names for one in load_certificates(name)]
    for name, one in found:
        problem = anchor_problem(one)
        if problem is not None:
            raise MalformedError(f"is no trust anchor: {problem}", where=name, rule="S10")
    return tuple(one for _, one in found)


def _system_anchors() -> tuple[Certificate, ...]:
    context = ssl.create_default_context()
    found: list[Certificate] = []
    for der in context.get_ca_certs(binary_form=True):
        try:
            found.append(Certificate.from_der(der))
        except MalformedError:
            continue  # one broken among hundreds is trusted for nothing, and spoils no other
    if not found:
        raise ConfigError(
            "this system has no trusted CAs", key="anchors", remedy="name them with --anchors FILE"
        )
    return tuple(found)


def _crl(name: str) -> CertificateList:
    return CertificateList.from_der(read_message(name).der, name)
