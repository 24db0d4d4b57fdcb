"""``[authority.signer.renew]``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

from pydantic import Field, model_validator

from certstatus.limits_signers import SIGNER_LIFE
from certstatus.server.config_values import Duration, Table

__all__ = ["RenewConfig"]

_OF_CA: Final = frozenset({"ca_certificate", "ca_password_file", "life"})


class RenewConfig(Table):
    """``[authority.signer.renew]``: who issues the successor, a command or the CA's key at hand."""

    command: Annotated[tuple[str, ...], Field(min_length=1)] | None = None
    ca_key: Path | None = None
    ca_certificate: Path | None = None
    ca_password_file: Path | None = None
    life: Duration = SIGNER_LIFE
    new_key: bool = False

    @model_validator(mode="after")
    def _one_way(self) -> RenewConfig:
        if (self.command is None) == (self.ca_key is None):
            raise ValueError("name command, or ca_key")
        stray = self.model_fields_set & _OF_CA
        if stray and self.ca_key is None:
            raise ValueError(f"{min(stray)} goes with ca_key")
        if self.command is not None:
            program = self.command[0]
            if not program or ("/" in program and not Path(program).is_absolute()):
                raise ValueError(f"command: {program!r} is found nowhere (write its whole path)")
        return self
