"""Whether the policy that a server used is the one that was asked for (RFC 5055 §4.5; S22). Pure."""

from __future__ import annotations

from collections.abc import Iterator

from certstatus.asn1 import oids
from certstatus.errors import MalformedError
from certstatus.scvp import PKCReference, ValidationPolicy

__all__ = ["policy_problem"]


def policy_problem(
    asked: ValidationPolicy, used: ValidationPolicy | None, *, by_value: bool
) -> str | None:
    """Say how the policy used differs from the one asked for; None: it does not.

    Where it was asked for by reference, an item may be missing that is as the policy has it.
    """
    if used is None:
        return "the reply does not say which policy was used"
    if by_value and used.is_by_reference:
        return "it is by reference, and was asked for in full"
    return next(_problems(asked, used, by_value=by_value), None)


def _problems(asked: ValidationPolicy, used: ValidationPolicy, *, by_value: bool) -> Iterator[str]:
    wanted, found = asked.validation_pol_ref, used.validation_pol_ref
    # Which one is its default is for the server to say.
    if wanted.val_pol_id != oids.ID_SVP_DEFAULT_VAL_POLICY and wanted != found:
        yield f"{oids.name_of(found.val_pol_id)} was used, not {oids.name_of(wanted.val_pol_id)}"
    items: tuple[tuple[str, object, object], ...] = (
        ("validationAlg", asked.validation_alg, used.validation_alg),
        (
            "userPolicySet",
            frozenset(asked.user_policy_set) or None,
            frozenset(used.user_policy_set) or None,
        ),
        ("inhibitPolicyMapping", asked.inhibit_policy_mapping, used.inhibit_policy_mapping),
        ("requireExplicitPolicy", asked.require_explicit_policy, used.require_explicit_policy),
        ("inhibitAnyPolicy", asked.inhibit_any_policy, used.inhibit_any_policy),
        ("keyUsages", _set(asked.key_usages), _set(used.key_usages)),
        ("extendedKeyUsages", _set(asked.extended_key_usages), _set(used.extended_key_usages)),
        ("specifiedKeyUsages", _set(asked.specified_key_usages), _set(used.specified_key_usages)),
    )
    for name, wish, got in items:
        if wish is None or wish == got:
            continue
        if got is not None:
            yield f"{name} is not what was asked for"
        elif by_value:
            yield f"{name} is missing, though the whole policy was asked for"
    yield from _anchor_problems(asked.trust_anchors, used.trust_anchors, by_value=by_value)


def _set(values: tuple[object, ...] | None) -> frozenset[object] | None:
    return None if values is None else frozenset(values)


def _anchor_problems(
    asked: tuple[PKCReference, ...], used: tuple[PKCReference, ...], *, by_value: bool
) -> Iterator[str]:
    """Hold anchors against each other, whether they stand there by value or by reference (S10)."""
    if not asked:
        return
    if not used:
        if by_value:
            yield "trustAnchors are missing, though the whole policy was asked for"
        return
    if not all(any(_is_same(one, other) for other in asked) for one in used):
        yield "trustAnchors has one that was not asked for"
    if not all(any(_is_same(other, one) for other in used) for one in asked):
        yield "trustAnchors lacks one that was asked for"


def _is_same(one: PKCReference, other: PKCReference) -> bool:
    if one == other:
        return True
    try:
        for left, right in ((one, other), (other, one)):
            certificate = left.certificate
            if certificate is not None and right.refers_to(certificate):
                return True
    except MalformedError:
        return False
    return False
