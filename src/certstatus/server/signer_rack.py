"""An authority's signers, as its files hold them at any time; who is in force, and how long."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import overload

from certstatus.pkix import Certificate
from certstatus.server.signer_events import SignerEventKind
from certstatus.server.signer_files import SignerFiles
from certstatus.server.signers import SignerLoader, refuse_untimely
from certstatus.signing import Signer, in_force, term_of

__all__ = ["SignerRack", "SignerState"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SignerState:
    """One certificate that signs or may: until when (aware UTC), and whether it does now."""

    certificate: Certificate
    end: datetime
    left: timedelta
    is_in_force: bool

    @property
    def serial(self) -> str:
        """The serial number in hex."""
        return f"{self.certificate.serial_number:x}"

    @property
    def days_left(self) -> float:
        """Days until the end, rounded down to two places; below nothing it is over."""
        return math.floor(self.left / timedelta(days=1) * 100) / 100

    def as_json(self) -> dict[str, object]:
        """Return it for ``/healthz``."""
        return {
            "certificate": str(self.certificate),
            "serial": self.serial,
            "notAfter": f"{self.end:%Y-%m-%dT%H:%M:%SZ}",
            "daysLeft": self.days_left,
            "inForce": self.is_in_force,
        }


class SignerRack(Sequence[Signer]):
    """A sequence that may be another after each ``look``; whoever iterates sees one state."""

    def __init__(self, loaders: Sequence[SignerLoader], now: datetime) -> None:
        """Load all of them.

        Raises:
            ConfigError, SignerError, MalformedError: one can't be used, or none is valid at ``now``.
        """
        first = loaders[0]
        self._issuer, self._policy, self._teller = first.issuer, first.policy, first.teller
        self._files = [SignerFiles(loader, now) for loader in loaders]
        self._signers = self._gathered()
        refuse_untimely(self._signers, first, now)
        self._warn_of_untimely(now)
        self._signing = self._serials(now)
        self._expiring: frozenset[Certificate] = frozenset()

    @overload
    def __getitem__(self, index: int) -> Signer: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Signer]: ...
    def __getitem__(self, index: int | slice) -> Signer | Sequence[Signer]:
        return self._signers[index]

    def __len__(self) -> int:
        return len(self._signers)

    def __iter__(self) -> Iterator[Signer]:
        return iter(self._signers)

    @property
    def loaders(self) -> tuple[SignerLoader, ...]:
        """What loads each of them."""
        return tuple(files.loader for files in self._files)

    def look(self, now: datetime) -> None:
        """Read again what has changed, and tell what became of it and of time."""
        changes = [files.look(now) for files in self._files]
        if any(changes):
            self._signers = self._gathered()
            self._warn_of_untimely(now)
        self._tell_rotation(now)
        self._tell_expiry(now)

    def states(self, now: datetime) -> tuple[SignerState, ...]:
        """Tell of each certificate, in the order of configuration."""
        signing = {one.certificate for one in self._in_force(now)}
        ends = {one.certificate: term_of(one, (self._issuer,)).end for one in self._signers}
        return tuple(
            SignerState(
                certificate=certificate,
                end=end,
                left=end - now,
                is_in_force=certificate in signing,
            )
            for certificate, end in ends.items()
        )

    def _gathered(self) -> tuple[Signer, ...]:
        return tuple(signer for files in self._files for signer in files.signers)

    def _in_force(self, now: datetime) -> tuple[Signer, ...]:
        chosen = in_force(
            self._signers, issuers=(self._issuer,), now=now, validity=self._policy.validity
        )
        return tuple(one for one in chosen if term_of(one, (self._issuer,)).holds(now))

    def _serials(self, now: datetime) -> dict[str, Certificate]:
        return {
            f"{one.certificate.serial_number:x}": one.certificate for one in self._in_force(now)
        }

    def _warn_of_untimely(self, now: datetime) -> None:
        for signer in self._signers:
            term = term_of(signer, (self._issuer,))
            if now < term.start:
                text = f"signs from {term.start:%F %TZ} on, and not yet"
            elif not term.holds(now):
                text = f"expired on {term.end:%F %TZ}, and signs no more"
            else:
                continue
            self._teller.warn(text, certificate=str(signer.certificate))

    def _tell_rotation(self, now: datetime) -> None:
        signing = self._serials(now)
        for serial, certificate in signing.items():
            if serial not in self._signing:
                former = ", ".join(self._signing.keys() - signing.keys()) or "none"
                self._teller.tell(
                    SignerEventKind.ROTATED,
                    f"signs from now on, until {certificate.not_after:%F %TZ}",
                    certificate=str(certificate),
                    serial=serial,
                    former=former,
                )
        self._signing = signing

    def _tell_expiry(self, now: datetime) -> None:
        """Tell once of each certificate in force that shortens answers: no other is fuller."""
        short = {
            one.certificate: term_of(one, (self._issuer,)).end
            for one in self._in_force(now)
            if term_of(one, (self._issuer,)).end - now < self._policy.validity
        }
        for certificate in short.keys() - self._expiring:
            self._teller.tell(
                SignerEventKind.EXPIRING,
                f"ends on {short[certificate]:%F %TZ}, and no answer reaches past it: renew it",
                certificate=str(certificate),
                serial=f"{certificate.serial_number:x}",
            )
        self._expiring = frozenset(short)
