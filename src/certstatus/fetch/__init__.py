"""The one guarded door to URLs."""

from __future__ import annotations

from certstatus.fetch.guard import Guard, Place, Provenance, address_problem
from certstatus.fetch.http import Exchange, HTTPAnswer, HTTPDoor

__all__ = [
    "Exchange",
    "Guard",
    "HTTPAnswer",
    "HTTPDoor",
    "Place",
    "Provenance",
    "address_problem",
]
