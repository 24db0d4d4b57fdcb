"""The files of one ``[[authority.signer]]``: read again when they change, and never half.

Its law: what was read last goes on signing until something that passes the gate replaces it.
Key and certificate are replaced one after the other, so what fails once is looked at once
more before it is an alarm; and what failed twice is left alone until a file changes.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, TypeAlias

from certstatus.errors import CertStatusError
from certstatus.limits_signers import SETTLING_TIME
from certstatus.server.signer_events import SignerEventKind
from certstatus.server.signers import SignerLoader, refuse_untimely
from certstatus.signing import Signer, term_of

__all__ = ["SignerFiles"]

_RACY: Final = timedelta(seconds=2)
"""A file touched less than this before it was read may change again unseen in its times."""

_Mark: TypeAlias = tuple[tuple[int, ...] | None, ...]


class SignerFiles:
    """The signers that the files of one entry hold now, and held before while that is needed."""

    def __init__(self, loader: SignerLoader, now: datetime) -> None:
        """Read the files for the first time. Raises as ``SignerLoader.load``."""
        self.loader = loader
        self._paths = tuple(_paths(loader))
        self._failing: tuple[_Mark, int] | None = None
        self._alarm: str | None = None
        self._former: tuple[Signer, ...] = ()
        self._mark = self._look()
        self._signers = loader.load(now)
        self._doubt_if_racy()

    @property
    def signers(self) -> tuple[Signer, ...]:
        """What the files hold; then what they held before, while the new one settles."""
        return (*self._signers, *self._former)

    def look(self, now: datetime) -> bool:
        """Read again what has changed; say whether there are other signers now."""
        before = self.signers
        mark = self._look()
        if mark != self._mark and self._failing != (mark, 2):
            self._read(mark, now)
        if self._former and self._has_settled(now):
            self._former = ()
        return self.signers != before

    def _read(self, mark: _Mark, now: datetime) -> None:
        try:
            signers = self.loader.load(now)
            _refuse_ended(signers, self.loader, now)
        except CertStatusError as error:
            self._fail(mark, str(error))
            return
        self._mark, self._failing = mark, None
        self._doubt_if_racy()
        if self._alarm is not None:
            self.loader.teller.tell(SignerEventKind.RECOVERED, f"after: {self._alarm}")
            self._alarm = None
        if signers != self._signers:
            self._former, self._signers = self._signers, signers
            certificate = signers[0].certificate
            self.loader.teller.tell(
                SignerEventKind.RELOADED,
                f"signs once it has been valid for {SETTLING_TIME}",
                certificate=str(certificate),
                serial=f"{certificate.serial_number:x}",
            )

    def _fail(self, mark: _Mark, reason: str) -> None:
        """Let the first failure pass: the other file may be on its way."""
        is_second = self._failing is not None and self._failing[0] == mark
        self._failing = mark, 2 if is_second else 1
        if is_second and reason != self._alarm:
            self._alarm = reason
            self.loader.teller.tell(SignerEventKind.RELOAD_FAILED, reason)

    def _has_settled(self, now: datetime) -> bool:
        issuers = (self.loader.issuer,)
        starts = (term_of(one, issuers).start for one in self._signers)
        return now - max(starts) >= SETTLING_TIME

    def _doubt_if_racy(self) -> None:
        newest = max((one[0] for one in self._mark if one is not None), default=0)
        if time.time_ns() - newest < _RACY // timedelta(microseconds=1) * 1000:
            self._mark = ()

    def _look(self) -> _Mark:
        return tuple(_mark(path) for path in self._paths)


def _refuse_ended(signers: Iterable[Signer], loader: SignerLoader, now: datetime) -> None:
    """Raise SignerError where what comes new is over already: then the old goes on."""
    terms = [term_of(one, (loader.issuer,)) for one in signers]
    if all(term.end <= now for term in terms):
        refuse_untimely(signers, loader, now)


def _paths(loader: SignerLoader) -> Iterable[Path]:
    config = loader.config
    for path in (config.certificate, config.key, config.pkcs12, config.password_file):
        if isinstance(path, Path):
            yield path


def _mark(path: Path) -> tuple[int, ...] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino, found.st_dev
