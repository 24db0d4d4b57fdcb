"""Staples kept fresh: when to renew, where they rest, who fetches them."""

from __future__ import annotations

from certstatus.staple.events import StapleEvent, StapleEventKind, StapleState
from certstatus.staple.held import Origin, Staple
from certstatus.staple.schedule import Pace
from certstatus.staple.stapler import Stapler

__all__ = [
    "Origin",
    "Pace",
    "Staple",
    "StapleEvent",
    "StapleEventKind",
    "StapleState",
    "Stapler",
]
