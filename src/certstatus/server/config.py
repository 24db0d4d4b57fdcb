"""The responder's configuration: TOML, every key checked, every error with its remedy.

Paths are relative to the file that names them. Lengths of time are written as ``4d``,
``12h``, ``30m``, ``45s``.
"""

from __future__ import annotations

import tomllib
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import (
    AwareDatetime,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
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
)
from certstatus.limits_signers import SETTLING_TIME
from certstatus.responder import (
    Archive,
    AuthorityPolicy,
    NonceMode,
    ResponderIDForm,
    SignedRequests,
    UnlistedMode,
)
from certstatus.server.config_presign import PresignConfig
from certstatus.server.config_problems import wrong_settings
from certstatus.server.config_proxy import ProxyConfig
from certstatus.server.config_renewal import RenewConfig
from certstatus.server.config_scvp import SCVPConfig, SCVPPolicyConfig, SCVPRequestorsConfig
from certstatus.server.config_signer import KeyPairConfig, SignerConfig
from certstatus.server.config_source import SourceConfig
from certstatus.server.config_store import StoreConfig
from certstatus.server.config_values import Duration, Table
from certstatus.signing import Profile
from certstatus.signing.pkcs11_uri import SCHEME
from certstatus.sources import EntryExtensions

__all__ = [
    "AuthorityConfig",
    "Config",
    "KeyPairConfig",
    "PresignConfig",
    "ProxyConfig",
    "RenewConfig",
    "RequestsConfig",
    "SCVPConfig",
    "SCVPPolicyConfig",
    "SCVPRequestorsConfig",
    "ServerConfig",
    "SignerConfig",
    "SourceConfig",
    "StoreConfig",
    "load_config",
]


class ServerConfig(Table):
    """``[server]``: where to listen, and how much to bear."""

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8080
    path: Annotated[str, Field(pattern=r"^/")] = "/"
    workers: Annotated[int, Field(ge=0, le=256)] = 1
    admin_host: str = "127.0.0.1"
    admin_port: Annotated[int, Field(ge=0, le=65535)] | None = None
    access_log: bool = True
    max_age: Duration = DEFAULT_MAX_AGE
    max_request_bytes: Annotated[int, Field(ge=128, le=MAX_REQUEST_BYTES)] = MAX_REQUEST_BYTES
    max_connections: Annotated[int, Field(ge=1)] = MAX_CONNECTIONS
    idle_time: Duration = IDLE_TIME
    read_time: Duration = READ_TIME
    drain_time: Duration = DRAIN_TIME


class RequestsConfig(Table):
    """``[requests]``: which requests are answered.

    ``anchors`` issued the requestors that may ask, ``requestors`` are them themselves.
    ``signing_budget`` is how many answers a worker signs in a second, and ``signing_burst``
    how many at once after it had less to do.
    """

    max_certificates: Annotated[int, Field(ge=1, le=10_000)] = MAX_REQUESTS
    signatures: SignedRequests = SignedRequests.IGNORE
    anchors: tuple[Path, ...] = ()
    requestors: tuple[Path, ...] = ()
    signing_budget: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    signing_burst: Annotated[int, Field(ge=1, le=1_000_000)] | None = None

    @model_validator(mode="after")
    def _has_a_budget(self) -> RequestsConfig:
        if self.signing_burst is not None and self.signing_budget is None:
            raise ValueError("signing_burst goes with signing_budget")
        return self

    @model_validator(mode="after")
    def _somebody_is_trusted(self) -> RequestsConfig:
        is_open = self.signatures is SignedRequests.IGNORE
        if not is_open and not self.anchors and not self.requestors:
            raise ValueError(
                f'signatures = "{self.signatures}" needs anchors or requestors: whom to believe'
            )
        return self


class AuthorityConfig(Table):
    """``[[authority]]``: one CA that is answered for."""

    certificate: Path
    name: str | None = None
    signer: Annotated[tuple[SignerConfig, ...], Field(min_length=1)]
    source: Annotated[tuple[SourceConfig, ...], Field(min_length=1)]
    profile: Profile = Profile.RFC_6960
    nonce: NonceMode | None = None
    validity: Duration = DEFAULT_VALIDITY
    refresh: Duration | None = None
    backdate: Duration = DEFAULT_BACKDATE
    unlisted: UnlistedMode | None = None
    responder_id: ResponderIDForm = ResponderIDForm.BY_KEY
    dual_hash: bool = False
    compromised_since: AwareDatetime | None = None
    archive: Duration | Archive | None = None

    @property
    def policy(self) -> AuthorityPolicy:
        """How the authority answers.

        Raises:
            ConfigError: a setting contradicts another, or the profile.
        """
        return AuthorityPolicy(
            profile=self.profile,
            nonce=self.nonce,
            validity=self.validity,
            refresh=self.refresh,
            backdate=self.backdate,
            unlisted=self.unlisted,
            responder_id=self.responder_id,
            dual_hash=self.dual_hash,
            archive=self.archive,
        )

    @model_validator(mode="after")
    def _keeps_the_profile(self) -> AuthorityConfig:
        try:
            _ = self.policy
        except ConfigError as error:
            raise ValueError(str(error)) from None
        for signer in self.signer:
            _check_renewal(signer, self.validity)
        if self.profile is Profile.CABF:
            for source in self.source:
                _check_cabf_source(source)
        return self


def _check_renewal(signer: SignerConfig, validity: timedelta) -> None:
    """A successor must have settled before the old one would shorten an answer."""
    before, renew = signer.renew_before, signer.renew
    if before is None or renew is None:
        return
    if before < validity + SETTLING_TIME:
        raise ValueError(
            f"signer.renew_before: is shorter than validity and {SETTLING_TIME} to settle "
            "(write at least a day more than validity)"
        )
    if renew.ca_key is not None and before >= renew.life:
        raise ValueError(
            "signer.renew_before: is not shorter than renew.life, so each would be due at once "
            "(write a third of life)"
        )


def _check_cabf_source(source: SourceConfig) -> None:
    if source.entry_extensions is EntryExtensions.RFC:
        raise ValueError(
            'source.entry_extensions: "rfc" puts reasonCode into singleExtensions, '
            'which BR 7.3 forbids [B5] (write "cabf" or "none")'
        )
    if source.allow_sha1:
        raise ValueError(
            "source.allow_sha1: BR 7.1.3.2 allows no SHA-1 [B7] (leave it out, and have the CRL "
            "signed anew)"
        )


class Config(Table):
    """The whole file."""

    server: ServerConfig = ServerConfig()
    requests: RequestsConfig = RequestsConfig()
    store: StoreConfig | None = None
    presign: PresignConfig | None = None
    scvp: SCVPConfig | None = None
    proxy: tuple[ProxyConfig, ...] = ()
    authority: Annotated[tuple[AuthorityConfig, ...], Field(validate_default=True)] = ()

    @field_validator("scvp")
    @classmethod
    def _has_a_path_of_its_own(
        cls, value: SCVPConfig | None, info: ValidationInfo
    ) -> SCVPConfig | None:
        server = info.data.get("server")
        if value is not None and server is not None and server.path == value.path:
            raise ValueError(f'path: "{value.path}" is the path of [server] too')
        return value

    @field_validator("presign")
    @classmethod
    def _goes_somewhere(
        cls, value: PresignConfig | None, info: ValidationInfo
    ) -> PresignConfig | None:
        store = info.data.get("store")
        if value is not None and "store" in info.data and (store is None or not store.is_shared):
            raise ValueError(
                'needs a store that other processes see: [store] with url = "lmdb:FOLDER" or a Redis'
            )
        return value

    @field_validator("authority")
    @classmethod
    def _somebody_is_answered_for(
        cls, value: tuple[AuthorityConfig, ...], info: ValidationInfo
    ) -> tuple[AuthorityConfig, ...]:
        others = info.data.get("proxy", True) or info.data.get("scvp", True)
        if not value and not others:
            raise ValueError("is missing: write a table [[authority]], [[proxy]] or [scvp]")
        return value


def load_config(path: Path) -> Config:
    """Read a configuration file; the paths in it become absolute.

    Raises:
        ConfigError: it can't be read, is no TOML, or a key is wrong: every wrong one is named.
    """
    text = read_text(path)
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"is not TOML: {error}", file=str(path)) from error
    return parse_config(table, file=str(path), base=path.parent.resolve(), text=text)


def read_text(path: Path) -> str:
    """Read a configuration file as it stands.

    Raises:
        ConfigError: it can't be read, or is no text.
    """
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "is not UTF-8"
        raise ConfigError(f"can't be read: {reason}", file=str(path)) from error


def parse_config(
    table: dict[str, Any], *, file: str | None, base: Path, text: str | None = None
) -> Config:
    """Check a table as TOML gives it; with its ``text``, errors have the number of their line.

    Raises:
        ConfigError: a key is wrong; every wrong key is named.
    """
    try:
        return Config.model_validate(_absolute(table, base))
    except ValidationError as error:
        first, *others = wrong_settings(error, Config, text)
        raise ConfigError(
            first.message,
            file=file,
            key=first.key,
            remedy=first.remedy,
            line=first.line,
            others=others,
        ) from None


_PATHS_OR_URLS: Final = frozenset({"crl", "database"})
_PATHS: Final = _PATHS_OR_URLS | frozenset(
    {
        "certificate",
        "key",
        "module",
        "pkcs12",
        "ca_key",
        "ca_certificate",
        "ca_password_file",
        "password_file",
        "index",
        "crl_folder",
        "crl_from",
        "crl_issuers",
        "crt",
        "crt_signers",
        "issued",
        "anchors",
        "certificates",
        "cursor_key_file",
        "pool",
        "requestors",
        "state_file",
        "upstream_signers",
    }
)


def _absolute(value: Any, base: Path, key: str = "") -> Any:
    """Make the paths of a table absolute; a database or a CRL is one unless it is a URL.

    So is what follows ``lmdb:`` in the URL of a store.
    """
    if isinstance(value, dict):
        return {name: _absolute(one, base, name) for name, one in value.items()}
    if isinstance(value, list):
        return [_absolute(one, base, key) for one in value]
    is_url = key in _PATHS_OR_URLS and "://" in str(value)
    if isinstance(value, str) and key in _PATHS and not is_url and not value.startswith(SCHEME):
        return str(base / value)
    if key == "url" and isinstance(value, str) and value.startswith("lmdb:"):
        return f"lmdb:{base / value[5:]}" if value[5:] else value
    return value
