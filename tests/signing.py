"""Signers in files that a test replaces, and a rack that looks at them."""

from __future__ import annotations

import io
import json
import os
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from certstatus.responder import AuthorityPolicy
from certstatus.server.config import SignerConfig
from certstatus.server.log import make_logger
from certstatus.server.signer_events import SignerTeller
from certstatus.server.signer_rack import SignerRack
from certstatus.server.signers import SignerLoader
from certstatus.testing import FixedClock, Issued, TinyCA
from tests.serving import Counts

NOW = FixedClock().moment
DAY = timedelta(days=1)
AUTHORITY = "Desk CA"


def put(path: Path, data: bytes) -> None:
    """Put a file in place whole, as careful programs do, and long ago by its times."""
    aside = path.with_suffix(".new")
    aside.touch(0o600)
    aside.write_bytes(data)
    os.utime(aside, (0, 0))
    aside.replace(path)


@dataclass
class Racked:
    """A CA with signers in files of ``folder``, watched by hand."""

    folder: Path
    ca: TinyCA = field(default_factory=lambda: TinyCA(AUTHORITY))
    policy: AuthorityPolicy = field(default_factory=AuthorityPolicy)
    counts: Counts = field(default_factory=Counts)
    written: io.StringIO = field(default_factory=io.StringIO)

    def put(self, issued: Issued, name: str = "signer") -> None:
        """Put key and certificate in place."""
        put(self.folder / f"{name}.key", issued.key_pem())
        put(self.folder / f"{name}.pem", issued.certificate_pem)

    def rack(self, *names: str, now: datetime = NOW) -> SignerRack:
        """Load the signers of these names, or the one that is called signer."""
        log = make_logger(self.written, as_json=True)
        teller = SignerTeller(AUTHORITY, self.counts, log)
        return SignerRack([self._loader(name, teller) for name in names or ("signer",)], now)

    def _loader(self, name: str, teller: SignerTeller) -> SignerLoader:
        return SignerLoader(
            config=SignerConfig(
                certificate=self.folder / f"{name}.pem", key=self.folder / f"{name}.key"
            ),
            issuer=self.ca.certificate,
            policy=self.policy,
            meter=self.counts,
            teller=teller,
        )

    @property
    def events(self) -> list[dict[str, Any]]:
        """What was logged."""
        return [json.loads(line) for line in self.written.getvalue().splitlines()]

    @property
    def told(self) -> list[str]:
        """The signers' events by their names, in order."""
        names = (one["event"] for one in self.events)
        return [name.removeprefix("signer.") for name in names if name.startswith("signer.")]


def who(rack: SignerRack, now: datetime = NOW) -> list[int]:
    """Return the serial numbers of the certificates in force."""
    return [one.certificate.serial_number for one in rack.states(now) if one.is_in_force]
