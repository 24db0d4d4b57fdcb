"""ValPolRequest and ValPolResponse: what a server can do, and does by default (RFC 5055 §5, §6)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

from cryptography.x509 import ObjectIdentifier

from certstatus.asn1 import scvp as asn1
from certstatus.asn1.departure import Departure
from certstatus.asn1.doorway import (
    BitString,
    decode,
    decode_enumerated,
    decode_time,
    encode,
    encode_enumerated,
    generalized_time,
    read_tlv,
)
from certstatus.asn1.x509 import AlgorithmIdentifier as DeclaredAlgorithm
from certstatus.errors import MalformedError
from certstatus.limits_scvp import (
    MAX_CLOCK_SKEW,
    MAX_SCVP_OIDS,
    MAX_VAL_POL_REQUEST_BYTES,
    MAX_VAL_POL_RESPONSE_BYTES,
)
from certstatus.pkix import AlgorithmIdentifier
from certstatus.scvp.encoding import read_leniently
from certstatus.scvp.lists import bounded, decode_step, filled
from certstatus.scvp.policy import (
    ValidationPolicy,
    encode_validation_policy,
    read_validation_policy,
)
from certstatus.scvp.request import check_version, declared_time, read_time, written_version
from certstatus.scvp.statuses import ResponseTypes, RevocationInfoTypes

__all__ = [
    "KeyAgreePublicKey",
    "ValPolRequest",
    "ValPolResponse",
    "encode_val_pol_request",
    "encode_val_pol_response",
    "parse_val_pol_request",
    "parse_val_pol_response",
    "val_pol_request_version",
]

_VERSION: Final = 1
_CLOCK_SKEW: Final = timedelta(minutes=10)
_MINUTE: Final = timedelta(minutes=1)
_INFO_TYPES: Final = 4


@dataclass(frozen=True, kw_only=True)
class ValPolRequest:
    """A question for a server's policies; ``der`` and ``departures`` are as in CVRequest."""

    request_nonce: bytes
    der: bytes = field(default=b"", repr=False, compare=False)
    departures: tuple[Departure, ...] = field(default=(), compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyAgreePublicKey:
    """A key to agree on a MAC key with (RFC 5055 §6.18); we offer none, and read them."""

    algorithm: AlgorithmIdentifier
    public_key: bytes
    mac_algorithm: AlgorithmIdentifier
    kdf: AlgorithmIdentifier | None = None


@dataclass(frozen=True, kw_only=True)
class ValPolResponse:
    """What a server can do (RFC 5055 §6); times are aware UTC, ``clock_skew`` whole minutes.

    ``next_update`` stands in a cached one, ``request_nonce`` in one that was made for its
    request (S21). Of the algorithms and hashes the first is the server's default.
    ``default_policy_values`` has every item filled in. ``server_public_keys`` None: absent.
    """

    vp_response_version: int = _VERSION
    max_cv_request_version: int = _VERSION
    max_vp_request_version: int = _VERSION
    server_configuration_id: int
    this_update: datetime
    next_update: datetime | None = None
    supported_checks: tuple[ObjectIdentifier, ...]
    supported_want_backs: tuple[ObjectIdentifier, ...]
    validation_policies: tuple[ObjectIdentifier, ...]
    validation_algs: tuple[ObjectIdentifier, ...]
    auth_policies: tuple[ObjectIdentifier, ...] = ()
    response_types: ResponseTypes
    default_policy_values: ValidationPolicy
    revocation_info_types: RevocationInfoTypes
    signature_generation: tuple[AlgorithmIdentifier, ...] = ()
    signature_verification: tuple[AlgorithmIdentifier, ...] = ()
    hash_algorithms: tuple[ObjectIdentifier, ...]
    server_public_keys: tuple[KeyAgreePublicKey, ...] | None = None
    clock_skew: timedelta = _CLOCK_SKEW
    request_nonce: bytes | None = None
    der: bytes = field(default=b"", repr=False, compare=False)
    departures: tuple[Departure, ...] = field(default=(), compare=False)


def val_pol_request_version(der: bytes) -> int:
    """Read the version of a ValPolRequest and nothing else (S19). Raises MalformedError."""
    written = written_version(der, "ValPolRequest")
    return _VERSION if written is None else written


def parse_val_pol_request(der: bytes) -> ValPolRequest:
    """Read a ValPolRequest, the bare SEQUENCE.

    Raises:
        MalformedError: it is none of version 1, has bytes after its end, or is larger than
            ``MAX_VAL_POL_REQUEST_BYTES``.
    """
    _check_size(der, MAX_VAL_POL_REQUEST_BYTES, "ValPolRequest")
    request, departures = read_leniently(_val_pol_request, der, "ValPolRequest")
    return replace(request, der=der, departures=departures)


def _val_pol_request(der: bytes, departures: list[Departure]) -> ValPolRequest:
    check_version(der, "ValPolRequest", "vpRequestVersion", departures)
    declared = decode(asn1.ValPolRequest, der, "ValPolRequest")
    return ValPolRequest(request_nonce=declared.request_nonce)


def _check_size(der: bytes, most: int, where: str) -> None:
    if len(der) > most:
        raise MalformedError(f"is larger than {most} bytes", where=where)


def encode_val_pol_request(request: ValPolRequest) -> bytes:
    """Write a ValPolRequest. Raises MalformedError where the nonce makes it too large."""
    der = encode(asn1.ValPolRequest(request_nonce=request.request_nonce))
    _check_size(der, MAX_VAL_POL_REQUEST_BYTES, "ValPolRequest")
    return der


def parse_val_pol_response(der: bytes) -> ValPolResponse:
    """Read a ValPolResponse, the bare SEQUENCE; any version is read.

    Raises:
        MalformedError: it is none, a list is empty or too long, a number out of range, it has
            bytes after its end, or is larger than ``MAX_VAL_POL_RESPONSE_BYTES``.
    """
    _check_size(der, MAX_VAL_POL_RESPONSE_BYTES, "ValPolResponse")
    response, departures = read_leniently(_val_pol_response, der, "ValPolResponse")
    return replace(response, der=der, departures=departures)


def _val_pol_response(der: bytes, departures: list[Departure]) -> ValPolResponse:
    declared = decode_step(asn1.ValPolResponse, der, "ValPolResponse")
    keys = declared.server_public_keys
    return ValPolResponse(
        vp_response_version=declared.vp_response_version,
        max_cv_request_version=declared.max_cv_request_version,
        max_vp_request_version=declared.max_vp_request_version,
        server_configuration_id=declared.server_configuration_id,
        this_update=decode_time(declared.this_update, "ValPolResponse.thisUpdate"),
        next_update=read_time(declared.next_update, "ValPolResponse.nextUpdate"),
        supported_checks=_filled_oids(declared.supported_checks, "supportedChecks"),
        supported_want_backs=_filled_oids(declared.supported_want_backs, "supportedWantBacks"),
        validation_policies=_oids(declared.validation_policies, "validationPolicies"),
        validation_algs=_oids(declared.validation_algs, "validationAlgs"),
        auth_policies=_oids(declared.auth_policies, "authPolicies"),
        response_types=_response_types(declared),
        default_policy_values=read_validation_policy(
            encode(declared.default_policy_values), "ValPolResponse.defaultPolicyValues", departures
        ),
        revocation_info_types=_info_types(declared.revocation_info_types, departures),
        signature_generation=_algorithms(declared.signature_generation, "signatureGeneration"),
        signature_verification=_algorithms(
            declared.signature_verification, "signatureVerification"
        ),
        hash_algorithms=_filled_oids(declared.hash_algorithms, "hashAlgorithms"),
        server_public_keys=None if keys is None else _public_keys(keys),
        clock_skew=_clock_skew(declared.clock_skew, departures),
        request_nonce=declared.request_nonce,
    )


def _oids(declared: Sequence[ObjectIdentifier], field_name: str) -> tuple[ObjectIdentifier, ...]:
    return tuple(bounded(declared, MAX_SCVP_OIDS, f"ValPolResponse.{field_name}"))


def _filled_oids(
    declared: Sequence[ObjectIdentifier], field_name: str
) -> tuple[ObjectIdentifier, ...]:
    return tuple(filled(declared, MAX_SCVP_OIDS, f"ValPolResponse.{field_name}"))


def _algorithms(
    declared: Sequence[DeclaredAlgorithm], field_name: str
) -> tuple[AlgorithmIdentifier, ...]:
    found = bounded(declared, MAX_SCVP_OIDS, f"ValPolResponse.{field_name}")
    return tuple(AlgorithmIdentifier.from_declared(one) for one in found)


def _response_types(declared: asn1.ValPolResponse) -> ResponseTypes:
    where = "ValPolResponse.responseTypes"
    number = decode_enumerated(declared.response_types, where)
    found = ResponseTypes.from_number(number)
    if found is None:
        raise MalformedError(f"{number} is not assigned", where=where)
    return found


def _info_types(bits: BitString, departures: list[Departure]) -> RevocationInfoTypes:
    """Read named bits; those after the fourth have no name, and say nothing to us."""
    where, octets = "ValPolResponse.revocationInfoTypes", bits.as_bytes()
    flags = RevocationInfoTypes((octets[0] if octets else 0) >> _INFO_TYPES)
    shortest = _info_bits(flags)
    if (shortest.as_bytes(), shortest.padding_bits()) != (octets, bits.padding_bits()):
        departures.append(Departure(where, "has unnamed bits, or zero bits at its end"))
    return flags


def _info_bits(flags: RevocationInfoTypes) -> BitString:
    """Write named bits as DER has them: without zero bits at the end."""
    if not flags:
        return BitString(b"", 0)
    octet = flags << _INFO_TYPES
    return BitString(bytes((octet,)), (octet & -octet).bit_length() - 1)


def _clock_skew(minutes: int | None, departures: list[Departure]) -> timedelta:
    where = "ValPolResponse.clockSkew"
    if minutes is None:
        return _CLOCK_SKEW
    if not 0 <= minutes <= MAX_CLOCK_SKEW // _MINUTE:
        raise MalformedError(f"is not 0 to {MAX_CLOCK_SKEW // _MINUTE} minutes", where=where)
    if minutes * _MINUTE == _CLOCK_SKEW:
        departures.append(Departure(where, "writes the default 10 out"))
    return minutes * _MINUTE


def _public_keys(declared: list[asn1.KeyAgreePublicKey]) -> tuple[KeyAgreePublicKey, ...]:
    found = bounded(declared, MAX_SCVP_OIDS, "ValPolResponse.serverPublicKeys")
    return tuple(_public_key(one) for one in found)


def _public_key(declared: asn1.KeyAgreePublicKey) -> KeyAgreePublicKey:
    if declared.public_key.padding_bits():
        raise MalformedError("has unused bits", where="KeyAgreePublicKey.publicKey")
    kdf = declared.kdf
    return KeyAgreePublicKey(
        algorithm=AlgorithmIdentifier.from_declared(declared.algorithm),
        public_key=declared.public_key.as_bytes(),
        mac_algorithm=AlgorithmIdentifier.from_declared(declared.mac_algorithm),
        kdf=None if kdf is None else AlgorithmIdentifier.from_declared(kdf),
    )


def encode_val_pol_response(response: ValPolResponse) -> bytes:
    """Write a ValPolResponse in canonical DER.

    Raises:
        MalformedError: a list is empty that must not be, or too long, or ``clock_skew`` is no
            whole number of minutes from 0 on.
    """
    minutes, rest = divmod(response.clock_skew, _MINUTE)
    if rest or not timedelta(0) <= response.clock_skew <= MAX_CLOCK_SKEW:
        raise MalformedError("is no whole number of minutes", where="ValPolResponse.clockSkew")
    keys = response.server_public_keys
    policy = encode_validation_policy(response.default_policy_values)
    return encode(
        asn1.ValPolResponse(
            vp_response_version=response.vp_response_version,
            max_cv_request_version=response.max_cv_request_version,
            max_vp_request_version=response.max_vp_request_version,
            server_configuration_id=response.server_configuration_id,
            this_update=generalized_time(response.this_update),
            next_update=declared_time(response.next_update),
            supported_checks=list(_filled_oids(response.supported_checks, "supportedChecks")),
            supported_want_backs=list(
                _filled_oids(response.supported_want_backs, "supportedWantBacks")
            ),
            validation_policies=list(_oids(response.validation_policies, "validationPolicies")),
            validation_algs=list(_oids(response.validation_algs, "validationAlgs")),
            auth_policies=list(_oids(response.auth_policies, "authPolicies")),
            response_types=encode_enumerated(response.response_types),
            default_policy_values=read_tlv(policy, "defaultPolicyValues"),
            revocation_info_types=_info_bits(response.revocation_info_types),
            signature_generation=[one.declared() for one in response.signature_generation],
            signature_verification=[one.declared() for one in response.signature_verification],
            hash_algorithms=list(_filled_oids(response.hash_algorithms, "hashAlgorithms")),
            server_public_keys=None if keys is None else [_declared_key(one) for one in keys],
            clock_skew=None if response.clock_skew == _CLOCK_SKEW else minutes,
            request_nonce=response.request_nonce,
        )
    )


def _declared_key(key: KeyAgreePublicKey) -> asn1.KeyAgreePublicKey:
    return asn1.KeyAgreePublicKey(
        algorithm=key.algorithm.declared(),
        public_key=BitString(key.public_key, 0),
        mac_algorithm=key.mac_algorithm.declared(),
        kdf=None if key.kdf is None else key.kdf.declared(),
    )
