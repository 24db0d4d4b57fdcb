"""``[store]``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

from pydantic import Field, field_validator, model_validator

from certstatus.limits import MAX_STORE_BYTES
from certstatus.server.config_values import Table

__all__ = ["StoreConfig"]

_MEGABYTE: Final = 2**20
_SCHEMES: Final = ("memory", "lmdb", "redis", "rediss", "unix")


class StoreConfig(Table):
    """``[store]``: where signed answers rest beyond what a worker remembers.

    ``url`` is ``memory:``, ``lmdb:`` and a folder, or the address of a Redis.
    """

    url: str
    password_file: Path | None = None
    max_megabytes: Annotated[int, Field(ge=1, le=2**24)] = MAX_STORE_BYTES // _MEGABYTE

    @property
    def scheme(self) -> str:
        """What kind of store it is."""
        return self.url.partition(":")[0]

    @property
    def is_shared(self) -> bool:
        """Whether other processes see what is in it."""
        return self.scheme != "memory"

    @property
    def folder(self) -> Path:
        """Where an LMDB store is."""
        return Path(self.url.partition(":")[2])

    @property
    def max_bytes(self) -> int:
        """How large an LMDB store may grow."""
        return self.max_megabytes * _MEGABYTE

    @field_validator("url")
    @classmethod
    def _is_known(cls, url: str) -> str:
        scheme, colon, rest = url.partition(":")
        is_whole = bool(rest) == (scheme != "memory")
        if scheme not in _SCHEMES or not colon or not is_whole:
            raise ValueError(
                "is no store: write memory:, lmdb:FOLDER, redis://HOST:6379/0, "
                "rediss://HOST:6380/0 or unix:///SOCKET"
            )
        return url

    @model_validator(mode="after")
    def _fits(self) -> StoreConfig:
        if self.password_file is not None and self.scheme in {"memory", "lmdb"}:
            raise ValueError("password_file goes with a Redis")
        if "max_megabytes" in self.model_fields_set and self.scheme != "lmdb":
            raise ValueError("max_megabytes goes with lmdb")
        return self
