"""ValPolResponse: what a service offers, told in full (RFC 5055 §6; S7, S21).

Pure. It lists exactly what the rest of this package does. The same values, digested, say when
a configuration is another one.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256
from typing import Final

from certstatus.asn1 import oids
from certstatus.delegated.demand import CHECKS, WANT_BACKS
from certstatus.delegated.policies import VALIDATION_ALGS, policy_by_value
from certstatus.delegated.settings import SCVPPolicy, SCVPSettings
from certstatus.pkix import AlgorithmIdentifier, HashAlgorithm
from certstatus.scvp import (
    CVResponse,
    ResponseTypes,
    RevocationInfoTypes,
    ValPolResponse,
    encode_cv_response,
    encode_val_pol_response,
)

__all__ = ["HASHES", "configuration_digest", "policy_response"]

HASHES: Final = (
    HashAlgorithm.SHA256,
    HashAlgorithm.SHA384,
    HashAlgorithm.SHA512,
    HashAlgorithm.SHA1,
)
"""What requests may ask to be hashed with; the first is used where they ask for none."""

_VERIFIED: Final = tuple(
    AlgorithmIdentifier(oid)
    for oid in (
        oids.SHA256_WITH_RSA,
        oids.SHA384_WITH_RSA,
        oids.SHA512_WITH_RSA,
        oids.ECDSA_WITH_SHA256,
        oids.ECDSA_WITH_SHA384,
        oids.ECDSA_WITH_SHA512,
        oids.ID_ED25519,
        oids.ID_ED448,
    )
)
_ALL_INFO_TYPES: Final = (
    RevocationInfoTypes.FULL_CRLS
    | RevocationInfoTypes.DELTA_CRLS
    | RevocationInfoTypes.INDIRECT_CRLS
    | RevocationInfoTypes.OCSP_RESPONSES
)
_NO_TIME: Final = datetime(2000, 1, 1, tzinfo=UTC)


def policy_response(
    settings: SCVPSettings, configuration_id: int, now: datetime, nonce: bytes
) -> ValPolResponse:
    """Tell what is offered: with the request's nonce, or to be cached, as is set (S21).

    ``now`` is aware UTC.
    """
    lifetime = settings.policy_lifetime
    default = oids.ID_SVP_DEFAULT_VAL_POLICY
    return ValPolResponse(
        server_configuration_id=configuration_id,
        this_update=now,
        next_update=None if lifetime is None else now + lifetime,
        supported_checks=tuple(one.oid for one in CHECKS),
        supported_want_backs=tuple(one.oid for one in WANT_BACKS),
        validation_policies=settings.policy_oids,
        validation_algs=VALIDATION_ALGS,
        auth_policies=settings.auth_policies,
        response_types=_response_types(settings),
        default_policy_values=policy_by_value(default, settings.default_policy.inputs),
        revocation_info_types=_ALL_INFO_TYPES,
        signature_generation=_generated(settings),
        signature_verification=_VERIFIED,
        hash_algorithms=tuple(one.oid for one in HASHES),
        clock_skew=settings.clock_skew,
        request_nonce=nonce if lifetime is None else None,
    )


def _response_types(settings: SCVPSettings) -> ResponseTypes:
    if settings.reply_lifetime:
        return ResponseTypes.CACHED_AND_NON_CACHED
    return ResponseTypes.NON_CACHED_ONLY


def _generated(settings: SCVPSettings) -> tuple[AlgorithmIdentifier, ...]:
    found = (signer.algorithm.identifier for signer in settings.signers)
    return tuple(dict.fromkeys(found))


def configuration_digest(settings: SCVPSettings) -> bytes:
    """Digest all that a client may rest on: another configuration has another one (S21)."""
    told = replace(policy_response(settings, 0, _NO_TIME, b""), next_update=None)
    digest = sha256(encode_val_pol_response(replace(told, request_nonce=None)))
    for policy in settings.policies:
        digest.update(_policy_octets(policy))
    others = (settings.gives_full_requests, settings.gives_full_policies, settings.history)
    digest.update(repr(others).encode())
    return digest.digest()


def _policy_octets(policy: SCVPPolicy) -> bytes:
    """Write down what a policy sets: by its values, and by what has no place in them."""
    values = CVResponse(
        server_configuration_id=0,
        produced_at=_NO_TIME,
        resp_validation_policy=policy_by_value(policy.oid, policy.inputs),
    )
    inputs = policy.inputs
    rules = (
        inputs.end_entity_revocation,
        inputs.ca_revocation,
        inputs.allow_sha1,
        policy.use_common_name,
        sorted(policy.fixed),
    )
    return encode_cv_response(values) + repr(rules).encode()
