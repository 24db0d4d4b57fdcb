"""``[[authority.signer]]``, and what it shares with the other keys of a configuration."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Self, TypeAlias

from pydantic import BeforeValidator, model_validator

from certstatus.errors import ConfigError
from certstatus.server.config_renewal import RenewConfig
from certstatus.server.config_values import Duration, Table
from certstatus.signing import PKCS11URI
from certstatus.signing.pkcs11_uri import SCHEME

__all__ = ["KeyPairConfig", "SignerConfig"]


def parse_key(value: object) -> object:
    """Take a ``pkcs11:`` URI for the name of a key in a token, the rest for a path."""
    if not isinstance(value, str) or not value.startswith(SCHEME):
        return value
    try:
        return PKCS11URI.parse(value)
    except ConfigError as error:
        raise ValueError(str(error)) from None


Key: TypeAlias = Annotated[Path | PKCS11URI, BeforeValidator(parse_key)]


class KeyPairConfig(Table):
    """A key and its certificate, or a PKCS #12 file with both.

    ``key`` is a file, or a ``pkcs11:`` URI; ``module`` is the library behind that.
    """

    certificate: Path | None = None
    key: Key | None = None
    module: Path | None = None
    pkcs12: Path | None = None
    password_file: Path | None = None
    algorithm: str | None = None

    @model_validator(mode="after")
    def _one_form(self) -> Self:
        pair = self.certificate is not None and self.key is not None
        if pair == (self.pkcs12 is not None):
            raise ValueError("name certificate and key, or pkcs12")
        if self.module is not None and not isinstance(self.key, PKCS11URI):
            raise ValueError("module goes with a pkcs11: URI as key")
        return self

    @property
    def place(self) -> Path | PKCS11URI:
        """Where the key is."""
        if isinstance(self.key, PKCS11URI) and self.module is not None:
            return replace(self.key, module_path=str(self.module))
        place = self.pkcs12 or self.key
        assert place is not None
        return place


class SignerConfig(KeyPairConfig):
    """``[[authority.signer]]``: a key and its certificate, and how they are renewed."""

    renew_before: Duration | None = None
    renew: RenewConfig | None = None

    @model_validator(mode="after")
    def _can_be_renewed(self) -> Self:
        if self.renew is not None and self.pkcs12 is not None:
            raise ValueError("renew needs certificate and key in files of their own, not pkcs12")
        if self.renew_before is not None and self.renew is None:
            raise ValueError("renew_before goes with renew")
        if self.renew is not None and self.renew.new_key and isinstance(self.key, PKCS11URI):
            raise ValueError("renew.new_key: a key in a token stays (leave it out)")
        return self
