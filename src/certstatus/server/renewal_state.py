"""One renewal at a time on a machine, and what became of the last: a locked file.

Every worker of every responder on the machine may find that a signer is due. The file beside
its certificate, ``NAME.renewal``, is locked by the one that renews, and by its command for as
long as that runs; in it stands when to try again.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from certstatus.limits_signers import MAX_RENEWAL_RETRY, RENEWAL_RETRY

__all__ = ["RenewalRecord", "RenewalState", "locked_record"]

_MAX_BYTES: Final = 4_096


@dataclass(frozen=True, slots=True)
class RenewalState:
    """How often in a row it failed, and from when on (aware UTC) it may be tried again."""

    failures: int = 0
    not_before: datetime | None = None

    def allows(self, now: datetime) -> bool:
        """Whether it may be tried; a clock that was set back does not hold it up for ever."""
        if self.not_before is None:
            return True
        return not now < self.not_before <= now + MAX_RENEWAL_RETRY

    def after_failure(self, now: datetime) -> RenewalState:
        """Wait, twice as long each time."""
        pause = min(RENEWAL_RETRY * 2 ** min(self.failures, 16), MAX_RENEWAL_RETRY)
        return RenewalState(self.failures + 1, now + pause)

    @staticmethod
    def after_success(now: datetime) -> RenewalState:
        """Wait as well: who issues certificates that are due at once must not be asked for ever."""
        return RenewalState(0, now + MAX_RENEWAL_RETRY)


@dataclass(slots=True)
class RenewalRecord:
    """The locked file."""

    descriptor: int
    state: RenewalState

    def save(self, state: RenewalState) -> None:
        """Write it; half of it, after a crash, reads as nothing."""
        self.state = state
        moment = None if state.not_before is None else state.not_before.isoformat()
        data = json.dumps({"failures": state.failures, "notBefore": moment}).encode()
        os.ftruncate(self.descriptor, 0)
        os.pwrite(self.descriptor, data, 0)


@contextlib.contextmanager
def locked_record(certificate: Path) -> Iterator[RenewalRecord | None]:
    """Lock the file beside a certificate; None where somebody else has it.

    Raises:
        OSError: it can't be opened or made.
    """
    path = certificate.with_name(f"{certificate.name}.renewal")
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield None
            return
        yield RenewalRecord(descriptor, _parse(os.pread(descriptor, _MAX_BYTES, 0)))
    finally:
        os.close(descriptor)


def _parse(data: bytes) -> RenewalState:
    try:
        told = json.loads(data)
        moment = told["notBefore"]
        when = None if moment is None else datetime.fromisoformat(moment)
        if when is not None and when.utcoffset() != timedelta(0):
            return RenewalState()
        return RenewalState(max(0, int(told["failures"])), when)
    except (ValueError, TypeError, KeyError):
        return RenewalState()
