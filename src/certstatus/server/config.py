"""The responder's configuration: TOML, every key checked, every error with its remedy.

Paths are relative to the file that names them. Lengths of time are written as ``4d``,
``12h``, ``30m``, ``45s``.
"""

from __future__ import annotations

import re
import tomllib
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Final, Literal, TypeAlias

from pydantic import (
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

from certstatus.errors import ConfigError
from certstatus.limits import (
    DEFAULT_BACKDATE,
    DEFAULT_MAX_AGE,
    DEFAULT_VALIDITY,
    DRAIN_TIME,
    IDLE_TIME,
    MAX_CONNECTIONS,
    MAX_REQUEST_BYTES,
    MAX_REQUESTS,
    READ_TIME,
    UPSTREAM_REFRESH,
)
from certstatus.responder import (
    Archive,
    NonceMode,
    ResponderIDForm,
    SignedRequests,
    UnlistedMode,
)
from certstatus.signing import Profile
from certstatus.sources import EntryExtensions, Issues

__all__ = [
    "AuthorityConfig",
    "Config",
    "RequestsConfig",
    "ServerConfig",
    "SignerConfig",
    "SourceConfig",
    "load_config",
]

_OF_CRL: Final = frozenset(
    {
        "allow_sha1",
        "archive_cutoff",
        "crl_id",
        "crl_issuers",
        "crl_url",
        "distribution_points",
        "issued",
        "issued_base",
        "issues",
        "left_out",
        "partitions",
    }
)
_UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def parse_duration(value: object) -> object:
    """Read ``4d`` or ``90s``; what is no text is left to pydantic."""
    if not isinstance(value, str):
        return value
    found = re.fullmatch(r"(\d{1,9})([smhd])", value.strip())
    if found is None:
        raise ValueError("is not a length of time: write 45s, 30m, 12h or 4d")
    return timedelta(seconds=int(found[1]) * _UNITS[found[2]])


def parse_paths(value: object) -> object:
    """Take one path, or one URL, for a list of one."""
    return (value,) if isinstance(value, str) else value


Paths: TypeAlias = Annotated[tuple[Path, ...], BeforeValidator(parse_paths)]
URLs: TypeAlias = Annotated[tuple[str, ...], BeforeValidator(parse_paths)]
Duration: TypeAlias = Annotated[timedelta, BeforeValidator(parse_duration)]


class _Table(BaseModel):
    """A TOML table: unknown keys are refused, values are frozen."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ServerConfig(_Table):
    """``[server]``: where to listen, and how much to bear."""

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8080
    path: Annotated[str, Field(pattern=r"^/")] = "/"
    workers: Annotated[int, Field(ge=1, le=256)] = 1
    admin_host: str = "127.0.0.1"
    admin_port: Annotated[int, Field(ge=0, le=65535)] | None = None
    access_log: bool = True
    max_age: Duration = DEFAULT_MAX_AGE
    max_request_bytes: Annotated[int, Field(ge=128, le=MAX_REQUEST_BYTES)] = MAX_REQUEST_BYTES
    max_connections: Annotated[int, Field(ge=1)] = MAX_CONNECTIONS
    idle_time: Duration = IDLE_TIME
    read_time: Duration = READ_TIME
    drain_time: Duration = DRAIN_TIME


class RequestsConfig(_Table):
    """``[requests]``: which requests are answered.

    ``anchors`` issued the requestors that may ask, ``requestors`` are them themselves.
    """

    max_certificates: Annotated[int, Field(ge=1, le=10_000)] = MAX_REQUESTS
    signatures: SignedRequests = SignedRequests.IGNORE
    anchors: tuple[Path, ...] = ()
    requestors: tuple[Path, ...] = ()

    @model_validator(mode="after")
    def _somebody_is_trusted(self) -> RequestsConfig:
        is_open = self.signatures is SignedRequests.IGNORE
        if not is_open and not self.anchors and not self.requestors:
            raise ValueError(
                f'signatures = "{self.signatures}" needs anchors or requestors: whom to believe'
            )
        return self


class SignerConfig(_Table):
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


class SourceConfig(_Table):
    """``[[authority.source]]``: one of database, index, crl, crt or upstream; order is authority.

    ``crl`` is one file or folder, or a list of them that are joined.
    """

    database: str | None = None
    index: Path | None = None
    crl: Annotated[Paths, Field(min_length=1)] | None = None
    crt: Path | None = None
    crt_signers: tuple[Path, ...] = ()
    upstream: Annotated[URLs, Field(min_length=1)] | None = None
    upstream_refresh: Duration = UPSTREAM_REFRESH
    issued: Path | None = None
    issued_base: Literal[10, 16] = 16
    issues: Issues = Issues.ANY
    crl_id: bool = False
    crl_url: str | None = None
    distribution_points: tuple[str, ...] = ()
    partitions: tuple[str, ...] = ()
    crl_issuers: tuple[Path, ...] = ()
    archive_cutoff: bool = False
    left_out: Literal["try-later", "unknown"] = "try-later"
    allow_sha1: bool = False
    entry_extensions: EntryExtensions = EntryExtensions.NONE

    @model_validator(mode="after")
    def _exactly_one(self) -> SourceConfig:
        named = (self.database, self.index, self.crl, self.crt, self.upstream)
        if sum(one is not None for one in named) != 1:
            raise ValueError("name exactly one of database, index, crl, crt, upstream")
        of_crl = self.model_fields_set & _OF_CRL
        if of_crl and self.crl is None:
            raise ValueError(f"{min(of_crl)} goes with crl")
        if self.crt_signers and self.crt is None:
            raise ValueError("crt_signers goes with crt")
        if "upstream_refresh" in self.model_fields_set and self.upstream is None:
            raise ValueError("upstream_refresh goes with upstream")
        if "entry_extensions" in self.model_fields_set and self.upstream is not None:
            raise ValueError("entry_extensions does not go with upstream")
        return self


class AuthorityConfig(_Table):
    """``[[authority]]``: one CA that is answered for."""

    certificate: Path
    name: str | None = None
    signer: Annotated[tuple[SignerConfig, ...], Field(min_length=1)]
    source: Annotated[tuple[SourceConfig, ...], Field(min_length=1)]
    profile: Profile = Profile.RFC_6960
    nonce: NonceMode = NonceMode.ECHO
    validity: Duration = DEFAULT_VALIDITY
    refresh: Duration | None = None
    backdate: Duration = DEFAULT_BACKDATE
    unlisted: UnlistedMode | None = None
    responder_id: ResponderIDForm = ResponderIDForm.BY_KEY
    dual_hash: bool = False
    compromised_since: AwareDatetime | None = None
    archive: Duration | Archive | None = None


class Config(_Table):
    """The whole file."""

    server: ServerConfig = ServerConfig()
    requests: RequestsConfig = RequestsConfig()
    authority: Annotated[tuple[AuthorityConfig, ...], Field(min_length=1)]


def load_config(path: Path) -> Config:
    """Read a configuration file; the paths in it become absolute.

    Raises:
        ConfigError: it can't be read, is no TOML, or a key is wrong: the first is named.
    """
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"can't be read: {error}", file=str(path)) from error
    try:
        return parse_config(tomllib.loads(text), file=str(path), base=path.parent.resolve())
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"is not TOML: {error}", file=str(path)) from error


def parse_config(table: dict[str, Any], *, file: str | None, base: Path) -> Config:
    """Check a table as TOML gives it.

    Raises:
        ConfigError: a key is wrong; every wrong key is named.
    """
    try:
        return Config.model_validate(_absolute(table, base))
    except ValidationError as error:
        problems = [_problem(one) for one in error.errors() if not _is_echo(one, error)]
        key, message = problems[0]
        rest = "".join(f"; {key}: {message}" for key, message in problems[1:])
        raise ConfigError(f"{message}{rest}", file=file, key=key, remedy=_REMEDY) from None


_REMEDY: Final = "`certstatus serve --help` shows a configuration that works"
_PATHS: Final = frozenset(
    {
        "certificate",
        "key",
        "pkcs12",
        "password_file",
        "index",
        "crl",
        "crl_issuers",
        "crt",
        "crt_signers",
        "issued",
        "anchors",
        "requestors",
    }
)


def _absolute(value: Any, base: Path, key: str = "") -> Any:
    """Make the paths of a table absolute; a database is one unless it is a URL."""
    if isinstance(value, dict):
        return {name: _absolute(one, base, name) for name, one in value.items()}
    if isinstance(value, list):
        return [_absolute(one, base, key) for one in value]
    is_file = key in _PATHS or (key == "database" and "://" not in str(value))
    if isinstance(value, str) and is_file:
        return str(base / value)
    return value


def _is_echo(error: Any, whole: ValidationError) -> bool:
    """Whether a list only seems too short because a member of it is wrong."""
    place = error["loc"]
    return error["type"] == "too_short" and any(
        one["loc"][: len(place)] == place and one["loc"] != place for one in whole.errors()
    )


def _problem(error: Any) -> tuple[str, str]:
    """Name the key as it stands in the file, and the problem in plain words."""
    parts = [str(part) for part in error["loc"]]
    key = ".".join(parts)
    message = str(error["msg"]).removeprefix("Value error, ")
    if error["type"] == "extra_forbidden":
        return key, "is no setting"
    if error["type"] == "missing":
        return key, "is missing"
    if error["type"] == "tuple_type":
        return key, f"must be a list: [[{parts[-1]}]] for tables, [ … ] for values"
    found = error["input"]
    is_plain = isinstance(found, str | int | float)
    return key, f"{message} (it is {found!r})" if is_plain else message
