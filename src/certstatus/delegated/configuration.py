"""serverConfigurationID: a number for each configuration, never used again (RFC 5055 §6.4, S21).

Pure. A configuration that comes back is a new one all the same: clients keep what they knew
of the number that it had. Who keeps the state, in a file say, is the shell's affair.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

__all__ = ["ConfigurationNumbers", "ConfigurationState", "CountedConfigurations"]


class ConfigurationNumbers(Protocol):
    """Gives numbers that only rise."""

    def number_of(self, digest: bytes) -> int:
        """Return the number of the configuration with this digest, from now in force."""
        ...


@dataclass(frozen=True, slots=True)
class ConfigurationState:
    """The number in force, and the digest of the configuration that it stands for."""

    number: int = 0
    digest: bytes = b""

    def after(self, digest: bytes) -> ConfigurationState:
        """Return the state with that configuration in force: itself, or the next number."""
        return self if digest == self.digest else ConfigurationState(self.number + 1, digest)


class CountedConfigurations:
    """Numbers that live as long as this object, for one who has no place to keep them."""

    def __init__(self, state: ConfigurationState | None = None) -> None:
        self.state = ConfigurationState() if state is None else state

    def number_of(self, digest: bytes) -> int:
        """Return the number of the configuration with this digest, from now in force."""
        self.state = self.state.after(digest)
        return self.state.number
