"""Validation policies: what a query's names, and what of it the query sets otherwise.

Pure (RFC 5055 §3.2.4; S8 to S12). The policy says what may be set; what is set counts for the
whole query. An empty list of usages asks for none, whatever the policy says (S9).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from cryptography.x509 import ObjectIdentifier

from certstatus.asn1 import oids
from certstatus.delegated.refusal import Refusal
from certstatus.delegated.settings import PolicyInput, SCVPPolicy, SCVPSettings
from certstatus.errors import MalformedError
from certstatus.path import NameRequirement, NameRule, PathInputs, anchor_problem
from certstatus.pkix import Certificate
from certstatus.scvp import (
    CVStatusCode,
    NameValidationAlgParms,
    PKCReference,
    SCVPCertID,
    ValidationAlg,
    ValidationPolicy,
    ValidationPolRef,
)

__all__ = ["VALIDATION_ALGS", "Agreed", "agreed", "policy_by_value"]

FindCertificate = Callable[[SCVPCertID], Certificate | None]

VALIDATION_ALGS: Final = (oids.ID_SVP_BASIC_VAL_ALG, oids.ID_SVP_NAME_VAL_ALG)
"""The validation algorithms that are offered."""

_RULES: Final = {
    oids.ID_NVA_DN_COMP_ALG: NameRule.DN_COMP_ALG,
    oids.ID_KP_SERVER_AUTH: NameRule.SERVER_AUTH,
    oids.ID_KP_EMAIL_PROTECTION: NameRule.EMAIL_PROTECTION,
}
_ALGORITHMS: Final = {rule: oid for oid, rule in _RULES.items()}
_BASIC: Final = ValidationAlg()

# What a query may set that differs from its policy, where the policy is fixed in it.
_CODES: Final = {
    PolicyInput.INHIBIT_POLICY_MAPPING: CVStatusCode.INHIBIT_POLICY_MAPPING_UNSUPPORTED,
    PolicyInput.REQUIRE_EXPLICIT_POLICY: CVStatusCode.REQUIRE_EXPLICIT_POLICY_UNSUPPORTED,
    PolicyInput.INHIBIT_ANY_POLICY: CVStatusCode.INHIBIT_ANY_POLICY_UNSUPPORTED,
    PolicyInput.VALIDATION_TIME: CVStatusCode.VALIDATION_TIME_UNSUPPORTED,
}


@dataclass(frozen=True, kw_only=True)
class Agreed:
    """What certificates are validated for, and how a reply says so by reference."""

    policy: SCVPPolicy
    inputs: PathInputs
    asked: ValidationPolicy

    def told(self, *, by_reference: bool) -> ValidationPolicy:
        """Return respValidationPolicy: what was asked for, or every value that was used (S14)."""
        if by_reference:
            return self.asked
        told = policy_by_value(self.asked.validation_pol_ref.val_pol_id, self.inputs)
        return replace(told, validation_alg=self.asked.validation_alg or told.validation_alg)


def agreed(
    asked: ValidationPolicy, settings: SCVPSettings, at: datetime | None, find: FindCertificate
) -> Agreed:
    """Return what a query is validated for.

    Args:
        asked: the query's validationPolicy.
        settings: where the policies stand.
        at: the validation time, aware UTC; None: now.
        find: finds the certificate of an anchor that is given by reference.

    Raises:
        Refusal: the policy or algorithm is not known, or is not to be used so.
    """
    reference = asked.validation_pol_ref
    policy = settings.policy(reference.val_pol_id)
    if policy is None:
        name = oids.name_of(reference.val_pol_id)
        raise Refusal(CVStatusCode.UNRECOGNIZED_VAL_POL, f"the policy {name} is not offered")
    if reference.val_pol_params is not None:
        raise Refusal(CVStatusCode.ABORT_UNRECOGNIZED_ITEMS, "the policy takes no valPolParams")
    changes = _changes(asked, policy, find) | ({"validation_time": at} if at is not None else {})
    own = replace(policy.inputs, validation_time=None)
    inputs = replace(own, **changes)
    _check_fixed(policy, own, inputs)
    return Agreed(policy=policy, inputs=inputs, asked=asked)


def _changes(asked: ValidationPolicy, policy: SCVPPolicy, find: FindCertificate) -> dict[str, Any]:
    """Return what the query sets, by the names of PathInputs."""
    changes: dict[str, Any] = {
        "inhibit_policy_mapping": asked.inhibit_policy_mapping,
        "require_explicit_policy": asked.require_explicit_policy,
        "inhibit_any_policy": asked.inhibit_any_policy,
        "key_usages": asked.key_usages,
        "extended_key_usages": _set(asked.extended_key_usages),
        "specified_key_usages": _set(asked.specified_key_usages),
        "user_policy_set": _set(asked.user_policy_set or None),
        "anchors": tuple(_anchor(one, find) for one in asked.trust_anchors) or None,
    }
    changes = {name: value for name, value in changes.items() if value is not None}
    if asked.validation_alg is not None:
        changes["name"] = _name_requirement(asked.validation_alg, policy)
    return changes


def _set(members: tuple[ObjectIdentifier, ...] | None) -> frozenset[ObjectIdentifier] | None:
    return None if members is None else frozenset(members)


def _name_requirement(algorithm: ValidationAlg, policy: SCVPPolicy) -> NameRequirement | None:
    """Read the validation algorithm: the basic one asks for no name (S11)."""
    if algorithm.val_alg_id not in VALIDATION_ALGS:
        name = oids.name_of(algorithm.val_alg_id)
        raise Refusal(CVStatusCode.UNRECOGNIZED_VAL_ALG, f"the algorithm {name} is not offered")
    try:
        parameters = algorithm.name_parameters()
    except MalformedError as error:
        raise Refusal(CVStatusCode.BAD_STRUCTURE, str(error)) from error
    if parameters is not None:
        return NameRequirement(
            rule=_RULES.get(parameters.name_comp_alg_id),
            names=parameters.validation_names,
            use_common_name=policy.use_common_name,
        )
    if algorithm.parameters is not None:
        raise Refusal(CVStatusCode.INVALID_REQUEST, "id-svp-basicValAlg takes no parameters")
    return None


def _anchor(reference: PKCReference, find: FindCertificate) -> Certificate:
    """Return an anchor that the query gives, fit to be one (S10)."""
    try:
        certificate = reference.certificate
    except MalformedError as error:
        raise Refusal(CVStatusCode.BAD_STRUCTURE, f"trustAnchors: {error}") from error
    if certificate is None:
        assert reference.pkc_ref is not None
        certificate = find(reference.pkc_ref)
    if certificate is None:
        raise Refusal(CVStatusCode.INVALID_REQUEST, "trustAnchors refers to what is not here")
    problem = anchor_problem(certificate)
    if problem is not None:
        raise Refusal(CVStatusCode.INVALID_REQUEST, f"trustAnchors: {problem} (S10)")
    return certificate


_FIELDS: Final = {
    PolicyInput.VALIDATION_ALG: "name",
    PolicyInput.USER_POLICY_SET: "user_policy_set",
    PolicyInput.INHIBIT_POLICY_MAPPING: "inhibit_policy_mapping",
    PolicyInput.REQUIRE_EXPLICIT_POLICY: "require_explicit_policy",
    PolicyInput.INHIBIT_ANY_POLICY: "inhibit_any_policy",
    PolicyInput.TRUST_ANCHORS: "anchors",
    PolicyInput.KEY_USAGES: "key_usages",
    PolicyInput.EXTENDED_KEY_USAGES: "extended_key_usages",
    PolicyInput.SPECIFIED_KEY_USAGES: "specified_key_usages",
    PolicyInput.VALIDATION_TIME: "validation_time",
}


def _check_fixed(policy: SCVPPolicy, own: PathInputs, wanted: PathInputs) -> None:
    """Refuse another value than the policy's, where it is fixed."""
    for fixed, attribute in _FIELDS.items():
        if fixed in policy.fixed and getattr(own, attribute) != getattr(wanted, attribute):
            code = _CODES.get(fixed, CVStatusCode.INVALID_REQUEST)
            raise Refusal(code, f"the policy fixes {fixed}")


def policy_by_value(oid: ObjectIdentifier, inputs: PathInputs) -> ValidationPolicy:
    """Write every value of a policy out (RFC 5055 §4.5, §6.13)."""
    return ValidationPolicy(
        validation_pol_ref=ValidationPolRef(oid),
        validation_alg=_algorithm(inputs.name),
        user_policy_set=_listed(inputs.user_policy_set),
        inhibit_policy_mapping=inputs.inhibit_policy_mapping,
        require_explicit_policy=inputs.require_explicit_policy,
        inhibit_any_policy=inputs.inhibit_any_policy,
        trust_anchors=tuple(PKCReference.by_value(anchor) for anchor in inputs.anchors),
        key_usages=inputs.key_usages,
        extended_key_usages=_listed(inputs.extended_key_usages),
        specified_key_usages=_listed(inputs.specified_key_usages),
    )


def _algorithm(name: NameRequirement | None) -> ValidationAlg:
    if name is None or name.rule is None or not name.names:
        return _BASIC
    return ValidationAlg.by_names(NameValidationAlgParms(_ALGORITHMS[name.rule], name.names))


def _listed(members: frozenset[ObjectIdentifier]) -> tuple[ObjectIdentifier, ...]:
    return tuple(sorted(members, key=lambda oid: oid.dotted_string))
