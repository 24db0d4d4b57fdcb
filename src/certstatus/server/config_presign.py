"""``[presign]``: which answers are signed in advance."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from certstatus.limits_presign import (
    PRESIGN_LEASE,
)
from certstatus.pkix import HashAlgorithm
from certstatus.server.config_values import Duration, Table

__all__ = ["CertIDForm", "PresignConfig", "Verified"]


class CertIDForm(StrEnum):
    """How clients write the CertID: its hash, with parameters NULL, or ``bare`` without."""

    SHA1 = "sha1"
    SHA256 = "sha256"
    SHA384 = "sha384"
    SHA512 = "sha512"
    SHA1_BARE = "sha1-bare"
    SHA256_BARE = "sha256-bare"
    SHA384_BARE = "sha384-bare"
    SHA512_BARE = "sha512-bare"

    @property
    def algorithm(self) -> HashAlgorithm:
        """The hash."""
        return HashAlgorithm[self.name.removesuffix("_BARE")]

    @property
    def null_parameters(self) -> bool:
        """Whether the hash is written with parameters NULL."""
        return not self.name.endswith("_BARE")


class Verified(StrEnum):
    """Whose signatures are verified before they are stored."""

    ALL = "all"
    SAMPLE = "sample"
    """The first of each batch and some at random; all else of every answer is looked at."""


class PresignConfig(Table):
    """``[presign]``: what is signed in advance, and how often it is looked at.

    ``algorithms`` is what a client without a wish gets, all that the signers can do, or some
    by name. ``every`` is how long a server waits between two looks at what is due, by default so
    that nothing grows old. ``lease`` is how long a part of the work stays with a process that says nothing any
    more. ``database`` is where processes and nodes share the work; by default where the
    statuses are, if that is a database. ``verify_signatures`` says of which answers the
    signature is verified before they are stored.
    """

    cert_ids: Annotated[tuple[CertIDForm, ...], Field(min_length=1)] = (
        CertIDForm.SHA1,
        CertIDForm.SHA256,
    )
    algorithms: Literal["default", "all"] | tuple[str, ...] = "default"
    every: Annotated[Duration, Field(ge=timedelta(seconds=1))] | None = None
    lease: Annotated[Duration, Field(ge=timedelta(seconds=1))] = PRESIGN_LEASE
    database: str | None = None
    verify_signatures: Verified = Verified.ALL
