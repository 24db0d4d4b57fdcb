"""``[scvp]``: validation of whole paths for others (RFC 5055)."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Final, TypeAlias

from cryptography.x509 import ObjectIdentifier
from pydantic import BeforeValidator, Field, ValidationInfo, field_validator

from certstatus.asn1 import oids
from certstatus.delegated import PolicyInput
from certstatus.limits_path import (
    MAX_PATH_BYTES,
    MAX_PATH_FETCHES,
    MAX_PATH_SIGNATURES,
    MAX_PATHS,
    PATH_TIME,
)
from certstatus.limits_scvp import (
    DEFAULT_SCVP_REQUEST_BYTES,
    MAX_CLOCK_SKEW,
    MAX_QUERIED_CERTS,
    MAX_SCVP_REQUEST_BYTES,
    MAX_SERVED_CERTS,
    SCVP_CERTS_AT_ONCE,
    SCVP_CLOCK_SKEW,
    SCVP_REPLY_LIFETIME,
    SCVP_REQUEST_TIME,
    SCVP_REQUESTS_AT_ONCE,
)
from certstatus.path import RevocationRule
from certstatus.server.config_signer import KeyPairConfig
from certstatus.server.config_values import Duration, Paths, Table, parse_paths

__all__ = [
    "KeyUsageBits",
    "SCVPConfig",
    "SCVPPolicyConfig",
    "SCVPRequestorsConfig",
]

_MEGABYTE: Final = 2**20
_BY_NAME: Final = {name: oid.dotted_string for oid, name in oids.NAMES.items()}
_KEY_USAGES: Final = (
    "digitalSignature",
    "nonRepudiation",
    "keyEncipherment",
    "dataEncipherment",
    "keyAgreement",
    "keyCertSign",
    "cRLSign",
    "encipherOnly",
    "decipherOnly",
)
_DNS_NAME: Final = r"^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$"
_SECOND: Final = timedelta(seconds=1)


def parse_oid(value: object) -> object:
    """Read an object identifier by its numbers, or by its name in the standards."""
    if not isinstance(value, str):
        return value
    dotted = _BY_NAME.get(value, value)
    try:
        ObjectIdentifier(dotted)
    except ValueError:
        text = "is no object identifier: write its numbers, as 1.3.6.1.5.5.7.3.1, or its name"
        raise ValueError(text) from None
    return dotted


def check_key_usage(bits: tuple[str, ...]) -> tuple[str, ...]:
    """Refuse what is no bit of KeyUsage."""
    for name in bits:
        if name not in _KEY_USAGES:
            raise ValueError(f"{name} is no key usage: there are {', '.join(_KEY_USAGES)}")
    return bits


def read_key_usage(bits: tuple[str, ...]) -> int:
    """Return key usages in the sixteen bits of ``Certificate.key_usage_flags``."""
    return sum(0x8000 >> _KEY_USAGES.index(name) for name in set(bits))


OID: TypeAlias = Annotated[str, BeforeValidator(parse_oid)]
"""An object identifier in numbers."""

OIDs: TypeAlias = Annotated[tuple[OID, ...], BeforeValidator(parse_paths)]
KeyUsageBits: TypeAlias = Annotated[tuple[str, ...], BeforeValidator(parse_paths)]


class SCVPPolicyConfig(Table):
    """``[[scvp.policy]]``: what a path must be; the first is the default policy.

    ``revocation`` says where the status of the certificate may come from, ``ca_revocation``
    that of the CAs above it. ``fixed`` is what no request may set otherwise.
    """

    anchors: Annotated[Paths, Field(min_length=1)]
    oid: OID = oids.ID_SVP_DEFAULT_VAL_POLICY.dotted_string
    name: str | None = None
    revocation: RevocationRule = RevocationRule.ANY
    ca_revocation: RevocationRule | None = None
    user_policies: OIDs = ()
    inhibit_policy_mapping: bool = False
    require_explicit_policy: bool = False
    inhibit_any_policy: bool = False
    key_usages: tuple[KeyUsageBits, ...] = ()
    extended_key_usages: OIDs = ()
    specified_key_usages: OIDs = ()
    common_name: bool = True
    allow_sha1: bool = False
    fixed: Annotated[tuple[PolicyInput, ...], BeforeValidator(parse_paths)] = ()

    @field_validator("key_usages")
    @classmethod
    def _are_bits(cls, value: tuple[tuple[str, ...], ...]) -> tuple[tuple[str, ...], ...]:
        return tuple(map(check_key_usage, value))

    @property
    def label(self) -> str:
        """What logs and people call it: its name, else the name of its identifier."""
        return self.name or oids.name_of(ObjectIdentifier(self.oid))

    @property
    def key_usage_flags(self) -> tuple[int, ...]:
        """The key usages as ``PathInputs`` has them."""
        return tuple(map(read_key_usage, self.key_usages))


class SCVPRequestorsConfig(Table):
    """``[scvp.requestors]``: whose signatures on requests count.

    ``certificates`` are requestors themselves, ``anchors`` those that lead to them.
    """

    certificates: Paths = ()
    anchors: Paths = ()
    revocation: RevocationRule = RevocationRule.ANY
    purposes: OIDs = ()
    required: bool = False

    @field_validator("required")
    @classmethod
    def _somebody_may(cls, value: bool, info: ValidationInfo) -> bool:
        if value and not (info.data.get("certificates") or info.data.get("anchors")):
            raise ValueError("needs certificates or anchors: whom to believe")
        return value


class SCVPConfig(Table):
    """``[scvp]``: a server of SCVP beside the responder, or alone.

    ``pool`` are certificates that paths may lead through, files or folders. ``state_file``
    holds serverConfigurationID and the secret of serverContextInfo across restarts;
    ``cursor_key_file`` is that secret where several nodes share it.
    """

    signer: Annotated[tuple[KeyPairConfig, ...], Field(min_length=1)]
    policy: Annotated[tuple[SCVPPolicyConfig, ...], Field(min_length=1)]
    requestors: SCVPRequestorsConfig = SCVPRequestorsConfig()
    path: Annotated[str, Field(pattern=r"^/[!-~]*$")] = "/scvp"
    pool: Paths = ()
    own_sources: bool = True
    fetch: bool = True
    allow_private_addresses: bool = False
    state_file: Path | None = None
    cursor_key_file: Path | None = None
    dns_names: tuple[Annotated[str, Field(pattern=_DNS_NAME, max_length=253)], ...] = ()
    behind_tls: bool = False
    default_policy: bool = True
    full_requests: bool = True
    full_policies: bool = True
    auth_policies: OIDs = ()
    clock_skew: Annotated[Duration, Field(ge=timedelta(0), le=MAX_CLOCK_SKEW)] = SCVP_CLOCK_SKEW
    history: Annotated[Duration, Field(ge=_SECOND)] | None = None
    policy_lifetime: Annotated[Duration, Field(ge=_SECOND)] | None = None
    reply_lifetime: Annotated[Duration, Field(ge=timedelta(0))] = SCVP_REPLY_LIFETIME
    max_request_bytes: Annotated[int, Field(ge=1_024, le=MAX_SCVP_REQUEST_BYTES)] = (
        DEFAULT_SCVP_REQUEST_BYTES
    )
    max_certificates: Annotated[int, Field(ge=1, le=MAX_QUERIED_CERTS)] = MAX_SERVED_CERTS
    certificates_at_once: Annotated[int, Field(ge=1, le=1_000)] = SCVP_CERTS_AT_ONCE
    requests_at_once: Annotated[int, Field(ge=1, le=10_000)] = SCVP_REQUESTS_AT_ONCE
    request_time: Annotated[Duration, Field(ge=_SECOND)] = SCVP_REQUEST_TIME
    search_time: Annotated[Duration, Field(ge=_SECOND)] = PATH_TIME
    max_paths: Annotated[int, Field(ge=1, le=10_000)] = MAX_PATHS
    max_signatures: Annotated[int, Field(ge=1, le=1_000_000)] = MAX_PATH_SIGNATURES
    max_fetches: Annotated[int, Field(ge=0, le=10_000)] = MAX_PATH_FETCHES
    max_fetched_megabytes: Annotated[int, Field(ge=1, le=2**14)] = MAX_PATH_BYTES // _MEGABYTE

    @field_validator("policy")
    @classmethod
    def _are_different(cls, value: tuple[SCVPPolicyConfig, ...]) -> tuple[SCVPPolicyConfig, ...]:
        named = [one.oid for one in value]
        for oid in named:
            if named.count(oid) > 1:
                raise ValueError(f"{oid} is the oid of two policies")
        return value

    @field_validator("clock_skew")
    @classmethod
    def _is_of_minutes(cls, value: timedelta) -> timedelta:
        if value % timedelta(minutes=1):
            raise ValueError("is not of whole minutes, in which SCVP tells it")
        return value

    @property
    def max_fetched_bytes(self) -> int:
        """What one search may fetch, in bytes."""
        return self.max_fetched_megabytes * _MEGABYTE

    @property
    def is_reachable_privately(self) -> bool:
        """Whether what certificates name may lead into private networks."""
        return self.fetch and self.allow_private_addresses
