"""``[[authority.source]]``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import Field, model_validator

from certstatus.limits import CRL_REFRESH
from certstatus.server.config_upstream import OF_UPSTREAM, UpstreamKeys
from certstatus.server.config_values import CRLPlaces, Duration, Paths
from certstatus.sources import EntryExtensions, Issues

__all__ = ["SourceConfig"]

_OF_CRL: Final = frozenset(
    {
        "allow_private",
        "crl_folder",
        "crl_issuers",
        "crl_refresh",
        "crl_url",
        "distribution_points",
        "issued",
        "issued_base",
        "issues",
        "ldap_server",
        "left_out",
        "partitions",
    }
)


_OF_CRL_OR_UPSTREAM: Final = frozenset({"allow_sha1", "archive_cutoff", "crl_id"})


class SourceConfig(UpstreamKeys):
    """``[[authority.source]]``: one of database, index, crl, crt or upstream; order is authority.

    ``crl`` is one file, folder or URL, or a list of them that are joined; a list in that
    list holds alternatives for one CRL. ``crl_from`` are certificates that say where.
    """

    database: str | None = None
    index: Path | None = None
    crl: Annotated[CRLPlaces, Field(min_length=1)] | None = None
    crl_from: Annotated[Paths, Field(min_length=1)] | None = None
    crl_folder: Path | None = None
    crl_refresh: Duration = CRL_REFRESH
    ldap_server: str | None = None
    allow_private: bool = False
    crt: Path | None = None
    crt_signers: tuple[Path, ...] = ()
    issued: Path | None = None
    issued_base: Literal[10, 16] = 16
    issues: Issues = Issues.ANY
    crl_id: bool = False
    crl_url: str | None = None
    distribution_points: tuple[str, ...] = ()
    partitions: tuple[str, ...] = ()
    crl_issuers: tuple[Path, ...] = ()
    archive_cutoff: bool | None = None
    left_out: Literal["try-later", "unknown"] = "try-later"
    entry_extensions: EntryExtensions = EntryExtensions.NONE

    @model_validator(mode="after")
    def _exactly_one(self) -> SourceConfig:
        crl = self.crl if self.crl_from is None else self.crl_from
        named = (self.database, self.index, crl, self.crt, self.upstream)
        if sum(one is not None for one in named) != 1:
            raise ValueError("name exactly one of database, index, crl, crt, upstream")
        of_crl = self.model_fields_set & _OF_CRL
        if of_crl and crl is None:
            raise ValueError(f"{min(of_crl)} goes with crl")
        if self.crt_signers and self.crt is None:
            raise ValueError("crt_signers goes with crt")
        of_both = self.model_fields_set & _OF_CRL_OR_UPSTREAM
        if of_both and self.crl is None and self.upstream is None:
            raise ValueError(f"{min(of_both)} goes with crl or upstream")
        of_upstream = self.model_fields_set & OF_UPSTREAM
        if of_upstream and self.upstream is None:
            raise ValueError(f"{min(of_upstream)} goes with upstream")
        return self
