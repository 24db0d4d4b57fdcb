"""Staples kept fresh: when to renew, where they rest, who fetches them."""

from __future__ import annotations

__all__: list[str] = []
