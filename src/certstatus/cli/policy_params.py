"""The options that say how strictly to judge, alike wherever something is judged."""

from __future__ import annotations

import functools
from collections.abc import Callable
from datetime import timedelta
from typing import Any, TypeVar

import click

from certstatus.cli.inputs import load_certificates
from certstatus.cli.params import SPAN
from certstatus.limits import DEFAULT_SKEW
from certstatus.verify import DelegateStatus, NoncePolicy, VerifyPolicy

__all__ = ["policy_options"]

R = TypeVar("R")

_OPTIONS = (
    click.option(
        "--trust",
        metavar="FILE",
        multiple=True,
        help="A responder trusted beyond RFC 6960 §4.2.2.2.",
    ),
    click.option("--allow-sha1", is_flag=True, help="Believe signatures that rest on SHA-1."),
    click.option("--max-age", type=SPAN, help="How old thisUpdate may be."),
    click.option(
        "--skew", type=SPAN, default=DEFAULT_SKEW, help="How far clocks may differ.  [5m]"
    ),
    click.option(
        "--nonce",
        type=click.Choice([one.value for one in NoncePolicy]),
        default=NoncePolicy.PREFERRED.value,
        show_default=True,
        help="What the nonce must do.",
    ),
    click.option(
        "--allow-no-next-update", is_flag=True, help="Believe an answer without nextUpdate."
    ),
    click.option(
        "--delegate-status",
        type=click.Choice([one.value for one in DelegateStatus]),
        default=DelegateStatus.WHERE_NAMED.value,
        show_default=True,
        help="When a delegate's own status must be known.",
    ),
)


def policy_options(function: Callable[..., R]) -> Callable[..., R]:
    """Add the options, and hand them to the command as one ``policy``."""

    @functools.wraps(function)
    def command(
        *args: Any,
        trust: tuple[str, ...],
        allow_sha1: bool,
        max_age: timedelta | None,
        skew: timedelta,
        nonce: str,
        allow_no_next_update: bool,
        delegate_status: str,
        **others: Any,
    ) -> R:
        policy = VerifyPolicy(
            skew=skew,
            max_age=max_age,
            require_next_update=not allow_no_next_update,
            nonce=NoncePolicy(nonce),
            allow_sha1=allow_sha1,
            delegate_status=DelegateStatus(delegate_status),
            trusted_responders=tuple(one for name in trust for one in load_certificates(name)),
        )
        return function(*args, policy=policy, **others)

    for option in reversed(_OPTIONS):
        command = option(command)
    return command
