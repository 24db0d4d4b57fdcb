"""TLS messages that carry certificate status, and the rules of when they may."""

from __future__ import annotations

__all__: list[str] = []
