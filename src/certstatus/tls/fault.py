"""The faults that ``certstatus fault`` shows on demand: a table, and nothing that runs.

Its law: pure. Each fault says what is wrong, where it shows, and what a right client makes
of it: the rule that it names, the verdict, the alert. The tests hold our own clients to it.
To add a fault, put it into a group of ``fault_responses`` or ``fault_handshakes``.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from certstatus.tls import fault_handshakes as handshakes
from certstatus.tls import fault_responses as responses
from certstatus.tls.fault_delivery import Delivery, Pace, Promise, Signer, Slot, Web
from certstatus.tls.fault_kind import Asks, Fault, Where

__all__ = [
    "FAULTS",
    "HONEST",
    "Asks",
    "Delivery",
    "Fault",
    "Pace",
    "Promise",
    "Signer",
    "Slot",
    "Web",
    "Where",
]

FAULTS: Final[Mapping[str, Fault]] = MappingProxyType(
    {
        fault.name: fault
        for group in (
            responses.RIGHT,
            responses.STATUSES,
            responses.TIMES,
            responses.MATCHING,
            responses.SIGNATURES,
            responses.EXTENSIONS,
            responses.ERRORS,
            responses.BYTES,
            responses.HTTP,
            handshakes.ABSENCES,
            handshakes.PLACES,
            handshakes.FRAMINGS,
            handshakes.V2,
            handshakes.PACES,
        )
        for fault in group
    }
)
"""Every fault by its name, in the order of the list page."""

HONEST: Final = FAULTS["none"]
"""Nothing is wrong: what the host shows where no fault is named."""
