"""ValidationPolicy: which policy to validate under, and what of it to change (RFC 5055 §3.2.4)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from cryptography.x509 import ObjectIdentifier

from certstatus.asn1 import oids
from certstatus.asn1 import scvp as asn1
from certstatus.asn1.departure import Departure
from certstatus.asn1.doorway import TLV, BitString, Null, encode, read_tlv
from certstatus.errors import MalformedError
from certstatus.limits_scvp import MAX_BUNDLE_CERTS, MAX_SCVP_OIDS
from certstatus.pkix import GeneralName
from certstatus.scvp.lists import (
    bounded,
    declared_names,
    declared_oids,
    decode_step,
    read_names,
    read_oids,
)
from certstatus.scvp.reference import PKCReference, declared_references, read_pkc_references

__all__ = [
    "DEFAULT_POLICY",
    "NameValidationAlgParms",
    "ValidationAlg",
    "ValidationPolRef",
    "ValidationPolicy",
    "encode_validation_policy",
    "read_validation_policy",
]

_FLAG_BITS: Final = 16


@dataclass(frozen=True, slots=True)
class ValidationPolRef:
    """Which policy: its identifier, and the DER of its parameters or None (RFC 5055 §3.2.4.1)."""

    val_pol_id: ObjectIdentifier = oids.ID_SVP_DEFAULT_VAL_POLICY
    val_pol_params: bytes | None = None


@dataclass(frozen=True, slots=True)
class NameValidationAlgParms:
    """The names that a certificate must have, and how to compare them (RFC 5055 §3.2.4.2.3).

    ``name_comp_alg_id`` is id-nva-dnCompAlg for directoryName, id-kp-serverAuth for dNSName,
    id-kp-emailProtection for rfc822Name.
    """

    name_comp_alg_id: ObjectIdentifier
    validation_names: tuple[GeneralName, ...]

    def encode(self) -> bytes:
        """Return the DER. Raises MalformedError where there is no name."""
        names = declared_names(self.validation_names, "NameValidationAlgParms.validationNames")
        if names is None:
            raise MalformedError("is empty", where="NameValidationAlgParms.validationNames")
        return encode(
            asn1.NameValidationAlgParms(
                name_comp_alg_id=self.name_comp_alg_id, validation_names=names
            )
        )


@dataclass(frozen=True, slots=True)
class ValidationAlg:
    """How to validate: the algorithm, and the DER of its parameters or None (RFC 5055 §3.2.4.2)."""

    val_alg_id: ObjectIdentifier = oids.ID_SVP_BASIC_VAL_ALG
    parameters: bytes | None = None

    @classmethod
    def by_names(cls, parameters: NameValidationAlgParms) -> ValidationAlg:
        """Make the name validation algorithm with its parameters."""
        return cls(oids.ID_SVP_NAME_VAL_ALG, parameters.encode())

    def name_parameters(self) -> NameValidationAlgParms | None:
        """The parameters of the name validation algorithm; None for every other.

        Raises:
            MalformedError: they are absent, or no NameValidationAlgParms.
        """
        if self.val_alg_id != oids.ID_SVP_NAME_VAL_ALG:
            return None
        where = "ValidationAlg.parameters"
        if self.parameters is None:
            raise MalformedError("are absent from id-svp-nameValAlg", where=where, rule="S11")
        declared = decode_step(asn1.NameValidationAlgParms, self.parameters, where)
        names = read_names(declared.validation_names, f"{where}.validationNames")
        return NameValidationAlgParms(declared.name_comp_alg_id, names)


@dataclass(frozen=True, kw_only=True)
class ValidationPolicy:
    """A policy by reference, and what is asked, or was used, otherwise than it says.

    () in ``user_policy_set`` and ``trust_anchors`` is absent; in the usages None is absent, and
    () asks for no usage whatever the policy says (S9). ``key_usages`` are sixteen bits each, as
    in ``Certificate.key_usage_flags``.
    """

    validation_pol_ref: ValidationPolRef = ValidationPolRef()
    validation_alg: ValidationAlg | None = None
    user_policy_set: tuple[ObjectIdentifier, ...] = ()
    inhibit_policy_mapping: bool | None = None
    require_explicit_policy: bool | None = None
    inhibit_any_policy: bool | None = None
    trust_anchors: tuple[PKCReference, ...] = ()
    key_usages: tuple[int, ...] | None = None
    extended_key_usages: tuple[ObjectIdentifier, ...] | None = None
    specified_key_usages: tuple[ObjectIdentifier, ...] | None = None

    @property
    def is_by_reference(self) -> bool:
        """Whether it names a policy and says nothing else."""
        return replace(self, validation_pol_ref=ValidationPolRef()) == DEFAULT_POLICY


DEFAULT_POLICY: Final = ValidationPolicy()
"""The server's default policy, as it is: what a query without wishes names."""


def read_validation_policy(der: bytes, where: str, departures: list[Departure]) -> ValidationPolicy:
    """Read a ValidationPolicy.

    Raises:
        MalformedError: it is none, or a list is empty that must not be, or too long.
    """
    declared = decode_step(asn1.ValidationPolicy, der, where)
    reference, algorithm = declared.validation_pol_ref, declared.validation_alg
    return ValidationPolicy(
        validation_pol_ref=ValidationPolRef(
            reference.val_pol_id, _any_der(reference.val_pol_params)
        ),
        validation_alg=(
            None
            if algorithm is None
            else ValidationAlg(algorithm.val_alg_id, _any_der(algorithm.parameters))
        ),
        user_policy_set=read_oids(declared.user_policy_set, f"{where}.userPolicySet"),
        inhibit_policy_mapping=declared.inhibit_policy_mapping,
        require_explicit_policy=declared.require_explicit_policy,
        inhibit_any_policy=declared.inhibit_any_policy,
        trust_anchors=read_pkc_references(
            declared.trust_anchors, MAX_BUNDLE_CERTS, f"{where}.trustAnchors", departures
        ),
        key_usages=_key_usages(declared.key_usages, f"{where}.keyUsages", departures),
        extended_key_usages=_usages(declared.extended_key_usages, f"{where}.extendedKeyUsages"),
        specified_key_usages=_usages(declared.specified_key_usages, f"{where}.specifiedKeyUsages"),
    )


def _any_der(declared: Null | TLV | None) -> bytes | None:
    return None if declared is None else encode(declared)


def _any_declared(der: bytes | None, where: str) -> TLV | None:
    return None if der is None else read_tlv(der, where)


def _usages(
    declared: list[ObjectIdentifier] | None, where: str
) -> tuple[ObjectIdentifier, ...] | None:
    return None if declared is None else tuple(bounded(declared, MAX_SCVP_OIDS, where))


def _key_usages(
    declared: list[BitString] | None, where: str, departures: list[Departure]
) -> tuple[int, ...] | None:
    if declared is None:
        return None
    found = bounded(declared, MAX_SCVP_OIDS, where)
    return tuple(_flags(bits, where, departures) for bits in found)


def _flags(bits: BitString, where: str, departures: list[Departure]) -> int:
    octets = bits.as_bytes()
    if len(octets) * 8 > _FLAG_BITS:
        raise MalformedError(f"holds a KeyUsage of more than {_FLAG_BITS} bits", where=where)
    flags = int.from_bytes(octets.ljust(2, b"\0"))
    shortest = _bit_string(flags)
    if (shortest.as_bytes(), shortest.padding_bits()) != (octets, bits.padding_bits()):
        departures.append(Departure(where, "holds a KeyUsage with zero bits at its end"))
    return flags


def _bit_string(flags: int) -> BitString:
    """Write a KeyUsage as DER has named bits: without zero bits at the end."""
    octets = flags.to_bytes(2).rstrip(b"\0")
    unused = (octets[-1] & -octets[-1]).bit_length() - 1 if octets else 0
    return BitString(octets, unused)


def declared_validation_policy(policy: ValidationPolicy) -> asn1.ValidationPolicy:
    """Return the value to encode. Raises MalformedError for a list that is too long."""
    reference, algorithm = policy.validation_pol_ref, policy.validation_alg
    anchors = bounded(policy.trust_anchors, MAX_BUNDLE_CERTS, "trustAnchors")
    return asn1.ValidationPolicy(
        validation_pol_ref=asn1.ValidationPolRef(
            val_pol_id=reference.val_pol_id,
            val_pol_params=_any_declared(reference.val_pol_params, "valPolParams"),
        ),
        validation_alg=(
            None
            if algorithm is None
            else asn1.ValidationAlg(
                val_alg_id=algorithm.val_alg_id,
                parameters=_any_declared(algorithm.parameters, "ValidationAlg.parameters"),
            )
        ),
        user_policy_set=declared_oids(policy.user_policy_set, "userPolicySet"),
        inhibit_policy_mapping=policy.inhibit_policy_mapping,
        require_explicit_policy=policy.require_explicit_policy,
        inhibit_any_policy=policy.inhibit_any_policy,
        trust_anchors=declared_references(anchors, "trustAnchors") or None,
        key_usages=_declared_key_usages(policy.key_usages),
        extended_key_usages=_declared_usages(policy.extended_key_usages),
        specified_key_usages=_declared_usages(policy.specified_key_usages),
    )


def _declared_key_usages(usages: tuple[int, ...] | None) -> list[BitString] | None:
    if usages is None:
        return None
    if any(flags >> _FLAG_BITS for flags in usages):
        raise MalformedError(f"holds a KeyUsage of more than {_FLAG_BITS} bits", where="keyUsages")
    return [_bit_string(flags) for flags in bounded(usages, MAX_SCVP_OIDS, "keyUsages")]


def _declared_usages(found: tuple[ObjectIdentifier, ...] | None) -> list[ObjectIdentifier] | None:
    return None if found is None else list(bounded(found, MAX_SCVP_OIDS, "keyUsages"))


def encode_validation_policy(policy: ValidationPolicy) -> bytes:
    """Write a ValidationPolicy. Raises MalformedError for a list that is too long."""
    return encode(declared_validation_policy(policy))
