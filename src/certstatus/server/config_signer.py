"""``[[authority.signer]]``."""

from __future__ import annotations

from pathlib import Path

from pydantic import model_validator

from certstatus.server.config_values import Table

__all__ = ["SignerConfig"]


class SignerConfig(Table):
    """``[[authority.signer]]``: a key and its certificate, or a PKCS #12 file with both."""

    certificate: Path | None = None
    key: Path | None = None
    pkcs12: Path | None = None
    password_file: Path | None = None
    algorithm: str | None = None

    @model_validator(mode="after")
    def _one_form(self) -> SignerConfig:
        pair = self.certificate is not None and self.key is not None
        if pair == (self.pkcs12 is not None):
            raise ValueError("name certificate and key, or pkcs12")
        return self
