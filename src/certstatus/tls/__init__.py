"""Certificate status in real TLS stacks: stapling, judging what was stapled, probing, faults."""

from __future__ import annotations

__all__: list[str] = []
