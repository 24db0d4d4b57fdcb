"""What a peer wrote otherwise than the standard asks, and we read all the same."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Departure"]


@dataclass(frozen=True, slots=True)
class Departure:
    """One departure from DER or from a SHOULD, kept as a lint finding, never a refusal.

    ``where`` names the field in the RFC's words; ``text`` says what was found.
    """

    where: str
    text: str
