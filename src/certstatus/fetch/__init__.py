"""The one guarded door to URLs."""

from __future__ import annotations

from certstatus.fetch.address import address_problem
from certstatus.fetch.conversation import Exchange, HTTPAnswer
from certstatus.fetch.guard import Guard, Place, Provenance
from certstatus.fetch.http import HTTPDoor
from certstatus.fetch.lookup import Resolver

__all__ = [
    "Exchange",
    "Guard",
    "HTTPAnswer",
    "HTTPDoor",
    "Place",
    "Provenance",
    "Resolver",
    "address_problem",
]
