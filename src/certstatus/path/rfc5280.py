"""The basic path validation of RFC 5280 §6.1, by pyhanko-certvalidator; nothing else imports it.

The library is told of one path, one anchor and one time, fetches nothing and asks for no
revocation: that is judged by the rules of this package (``certstatus.path.status``). Of its
errors come the RFC's words; what it can't read is no valid path.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Final

from asn1crypto import x509
from cryptography.x509 import ObjectIdentifier
from pyhanko_certvalidator import name_trees
from pyhanko_certvalidator.authority import CertTrustAnchor
from pyhanko_certvalidator.context import ValidationContext
from pyhanko_certvalidator.errors import (
    DisallowedAlgorithmError,
    ExpiredError,
    NotYetValidError,
    PathError,
)
from pyhanko_certvalidator.errors import (
    ValidationError as LibraryError,
)
from pyhanko_certvalidator.path import ValidationPath
from pyhanko_certvalidator.policy_decl import (
    CertRevTrustPolicy,
    DisallowWeakAlgorithmsPolicy,
    PKIXValidationParams,
    RevocationCheckingPolicy,
    RevocationCheckingRule,
)
from pyhanko_certvalidator.validate import async_validate_path

from certstatus.asn1 import oids
from certstatus.errors import MalformedError
from certstatus.limits_path import MAX_KNOWN_CAS, MAX_NAME_COMPARISONS, MAX_POLICY_NODES
from certstatus.limits_signers import MIN_RSA_BITS
from certstatus.path.inputs import PathInputs
from certstatus.path.name_constraints import (
    address_is_within,
    comparisons,
    host_is_within,
    wildcard_problem,
)
from certstatus.path.report import CertificationPath
from certstatus.pkix import Certificate
from certstatus.scvp import ValidationError

__all__ = ["BasicVerdict", "basic_validation"]


@dataclass(frozen=True, kw_only=True)
class BasicVerdict:
    """What the basic validation came to: a problem, or the user-constrained policies.

    ``effort`` is what it cost at the most, in signature checks.
    """

    problem: str | None = None
    error: ValidationError | None = None
    policies: frozenset[ObjectIdentifier] = frozenset()
    effort: int = 0


# The library compares no addresses, and takes a dot before a host for a label of its own, so
# that nothing would be excluded by it.
name_trees._name_type_checkers |= {  # noqa: SLF001 - it has no door for that
    name_trees.GeneralNameType.DNS_NAME: host_is_within,
    name_trees.GeneralNameType.IP_ADDRESS: address_is_within,
}

_UNASKED: Final = CertRevTrustPolicy(
    RevocationCheckingPolicy(RevocationCheckingRule.NO_CHECK, RevocationCheckingRule.NO_CHECK)
)
_OCTETS: Final = 1_000
_COMPARISONS: Final = 50
"""Octets that are read, and names that are compared, in the time of one signature check."""

_ANY: Final = "any_policy"
_OPENING: Final = "The path could not be validated because "
_OLD_DSA_BITS: Final = 1_024
"""DSA keys of the time of SHA-1 had no more."""


async def basic_validation(
    path: CertificationPath, inputs: PathInputs, at: datetime
) -> BasicVerdict:
    """Validate a path as of ``at``, aware UTC; never raises for what stands in it."""
    try:
        count, wildcard = comparisons(path), wildcard_problem(path)
    except MalformedError as error:
        return _invalid(f"a certificate can't be read: {error}")
    if count > MAX_NAME_COMPARISONS:
        return _invalid(f"its names and name constraints take {count} comparisons")
    if wildcard is not None:
        return _invalid(wildcard)
    verdict = await _judged(path, inputs, at)
    octets = sum(len(one.der) for one in path.certificates)
    effort = len(path.certificates) + octets // _OCTETS + count // _COMPARISONS
    return replace(verdict, effort=effort)


async def _judged(path: CertificationPath, inputs: PathInputs, at: datetime) -> BasicVerdict:
    try:
        known = _library_path(path)
        await async_validate_path(_context(inputs, at), known, parameters=_parameters(inputs))
        policies = known.qualified_policies() or ()
        return BasicVerdict(policies=frozenset(_oid(one.user_domain_policy_id) for one in policies))
    except (LibraryError, PathError) as error:
        return _invalid(_words(error), _rfc_error(error))
    except Exception as error:  # noqa: BLE001 - a lazy reader: what is broken is found anywhere
        problem = f"a certificate can't be read: {type(error).__name__}: {error}"
        return _invalid(problem.splitlines()[0])


def _invalid(
    problem: str, error: ValidationError = ValidationError.NO_VALID_CERT_PATH
) -> BasicVerdict:
    return BasicVerdict(problem=problem, error=error)


def _library_path(path: CertificationPath) -> ValidationPath:
    leaf, *above = path.certificates
    anchor = CertTrustAnchor(_load_ca(path.anchor))
    return ValidationPath(anchor, map(_load_ca, reversed(above)), _load(leaf))


def _load(certificate: Certificate) -> x509.Certificate:
    return x509.Certificate.load(certificate.der, strict=True)


def _load_ca(certificate: Certificate) -> x509.Certificate:
    """Read a CA's certificate; the same few come again, and are read bit by bit when asked.

    A unique identifier the library writes otherwise, once it has read it, than it stands: then
    no signature holds any more, and the certificate is read anew.
    """
    known = _known_ca(certificate)
    is_intact = known["tbs_certificate"].dump() == certificate.tbs_der
    return known if is_intact else _load(certificate)


@lru_cache(MAX_KNOWN_CAS)
def _known_ca(certificate: Certificate) -> x509.Certificate:
    return _load(certificate)


def _context(inputs: PathInputs, at: datetime) -> ValidationContext:
    weak = {"md2", "md5"} if inputs.allow_sha1 else {"md2", "md5", "sha1"}
    return ValidationContext(
        trust_roots=[],
        moment=at,
        revinfo_policy=_UNASKED,
        time_tolerance=timedelta(0),
        algorithm_usage_policy=DisallowWeakAlgorithmsPolicy(  # type: ignore[no-untyped-call]
            weak_hash_algos=frozenset(weak),
            rsa_key_size_threshold=MIN_RSA_BITS,
            dsa_key_size_threshold=_OLD_DSA_BITS if inputs.allow_sha1 else MIN_RSA_BITS,
        ),
    )


def _parameters(inputs: PathInputs) -> PKIXValidationParams:
    return PKIXValidationParams(
        user_initial_policy_set=frozenset(map(_policy_name, inputs.user_policy_set)),
        initial_policy_mapping_inhibit=inputs.inhibit_policy_mapping,
        initial_explicit_policy=inputs.require_explicit_policy,
        initial_any_policy_inhibit=inputs.inhibit_any_policy,
        max_policy_graph_nodes=MAX_POLICY_NODES,
    )


def _policy_name(oid: ObjectIdentifier) -> str:
    """Write a policy as the library does: anyPolicy has a name there, all others their numbers."""
    return _ANY if oid == oids.ANY_POLICY else oid.dotted_string


def _oid(name: str) -> ObjectIdentifier:
    return oids.ANY_POLICY if name == _ANY else ObjectIdentifier(name)


def _words(error: Exception) -> str:
    return str(error).removeprefix(_OPENING).rstrip(".")


def _rfc_error(error: Exception) -> ValidationError:
    """Put the library's error into the RFC's words; of policies its text alone tells."""
    if isinstance(error, ExpiredError):
        return ValidationError.EXPIRED
    if isinstance(error, NotYetValidError):
        return ValidationError.NOT_YET_VALID
    if not isinstance(error, DisallowedAlgorithmError) and "polic" in str(error).lower():
        return ValidationError.INVALID_CERT_POLICY
    return ValidationError.NO_VALID_CERT_PATH
