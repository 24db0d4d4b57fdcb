"""Renews all signers of a configuration: again and again while serving, or once by command."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable
from pathlib import Path

from certstatus.clock import Clock
from certstatus.errors import ConfigError
from certstatus.meter import NoMeter
from certstatus.server.authorities import issuer_of, loaders_of
from certstatus.server.config import load_config
from certstatus.server.log import make_logger
from certstatus.server.renewal import Renewal, RenewalOutcome, RenewalResult, renewals_of
from certstatus.server.renewal_state import RenewalState
from certstatus.server.signers import SignerLoader
from certstatus.server.worker import Tools

__all__ = ["Renewer", "renew_all"]


class Renewer:
    """Renews what is due; what failed rests for a while, also where nothing can be written."""

    def __init__(self, loaders: Callable[[], Iterable[SignerLoader]], clock: Clock) -> None:
        self._loaders = loaders
        self._clock = clock
        self._states: dict[Path, RenewalState] = {}

    def look(self, stop: threading.Event) -> None:
        """Renew each signer that is due; ``stop`` set ends that."""
        for renewal in renewals_of(tuple(self._loaders())):
            if not stop.is_set():
                self._look(renewal, stop)

    def _look(self, renewal: Renewal, stop: threading.Event) -> None:
        now = self._clock.now()
        state = self._states.get(renewal.file, RenewalState())
        if state.allows(now):
            outcome = renewal.run(now, stop=stop)
            has_failed = outcome.result is RenewalResult.FAILED
            self._states[renewal.file] = (
                state.after_failure(self._clock.now()) if has_failed else RenewalState()
            )


def renew_all(
    file: Path, *, authority: str | None, force: bool, clock: Clock
) -> tuple[RenewalOutcome, ...]:
    """Renew, once, the signers of a configuration that say how; one after the other.

    What happens is told by the outcomes alone, not by the log. ``authority`` names the only one to look at; ``force`` renews what is not due as well.

    Raises:
        ConfigError, MalformedError: the configuration or a CA's certificate can't be read, or
            there is no such authority.
    """
    config = load_config(file)
    tools = Tools(clock=clock, meter=NoMeter(), log=make_logger(level=logging.CRITICAL), index=0)
    served = [(one, issuer_of(one)) for one in config.authority]
    chosen = [
        (one, issuer)
        for one, issuer in served
        if authority is None or authority in {one.name, str(issuer.subject)}
    ]
    if not chosen:
        known = ", ".join(one.name or str(issuer.subject) for one, issuer in served)
        raise ConfigError(
            f"has no authority {authority!r}", file=str(file), remedy=f"it has {known}"
        )
    loaders = (loader for one, issuer in chosen for loader in loaders_of(one, issuer, tools))
    return tuple(one.run(clock.now(), force=force) for one in renewals_of(tuple(loaders)))
