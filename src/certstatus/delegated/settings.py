"""What a server of SCVP is set to: its policies, whose word it takes, what it gives away.

Pure. Whoever reads a configuration makes these; whether they can serve is checked once, when
the service is made.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Final

from cryptography.x509 import ObjectIdentifier

from certstatus.asn1 import oids
from certstatus.errors import ConfigError
from certstatus.limits_scvp import (
    MAX_CLOCK_SKEW,
    MAX_SERVED_CERTS,
    MIN_CURSOR_KEY_BYTES,
    SCVP_CERTS_AT_ONCE,
    SCVP_REQUEST_TIME,
    SCVP_REQUESTS_AT_ONCE,
)
from certstatus.path import PathInputs, WorkLimits, anchor_problem
from certstatus.pkix import Certificate, GeneralName
from certstatus.signing import Signer

__all__ = ["PolicyInput", "Requestors", "SCVPPolicy", "SCVPSettings", "ServiceLimits"]

_MINUTE: Final = timedelta(minutes=1)


class PolicyInput(StrEnum):
    """What a query may set otherwise than its policy does, by the RFC's name (RFC 5055 §3.2.4)."""

    VALIDATION_ALG = "validationAlg"
    USER_POLICY_SET = "userPolicySet"
    INHIBIT_POLICY_MAPPING = "inhibitPolicyMapping"
    REQUIRE_EXPLICIT_POLICY = "requireExplicitPolicy"
    INHIBIT_ANY_POLICY = "inhibitAnyPolicy"
    TRUST_ANCHORS = "trustAnchors"
    KEY_USAGES = "keyUsages"
    EXTENDED_KEY_USAGES = "extendedKeyUsages"
    SPECIFIED_KEY_USAGES = "specifiedKeyUsages"
    VALIDATION_TIME = "validationTime"


@dataclass(frozen=True, kw_only=True)
class SCVPPolicy:
    """A validation policy: its identifier, and what it sets (RFC 5055 §1.4).

    ``inputs`` are anchors, defaults and the rules of revocation; their ``validation_time`` is
    not used. ``fixed`` is what no query may set otherwise. ``use_common_name`` lets the most
    specific commonName stand in for absent dNSNames, as RFC 5055 wants and RFC 9525 forbids.
    """

    oid: ObjectIdentifier
    inputs: PathInputs
    fixed: frozenset[PolicyInput] = frozenset()
    use_common_name: bool = True


@dataclass(frozen=True, kw_only=True)
class Requestors:
    """Whose signatures on requests count (RFC 5055 §3.11, S3).

    Those in ``trusted``, and those whom a path leads to that is valid under ``inputs``. Where
    it is ``required``, nobody else is answered; else others are answered as anybody is.
    ``accepted_purposes`` serve beside id-kp-scvpClient.
    """

    trusted: tuple[Certificate, ...] = ()
    inputs: PathInputs | None = None
    required: bool = False
    accepted_purposes: frozenset[ObjectIdentifier] = frozenset()


@dataclass(frozen=True, kw_only=True)
class ServiceLimits:
    """What one request may ask for and take, and how many are answered at once."""

    certificates: int = MAX_SERVED_CERTS
    certificates_at_once: int = SCVP_CERTS_AT_ONCE
    requests_at_once: int = SCVP_REQUESTS_AT_ONCE
    time: timedelta = SCVP_REQUEST_TIME


@dataclass(frozen=True, kw_only=True)
class SCVPSettings:
    """All that a service is set to.

    Args:
        policies: the first is the default policy.
        signers: the first signs by default; without any, no reply is protected.
        cursor_key: secret; what serverContextInfo is authenticated with, the same in all workers.
        names: the server's own, beside those of its signers' certificates (S18, S20).
        requestors: who is authenticated.
        accepts_default_policy: whether id-svp-defaultValPolicy may be asked for.
        gives_full_requests: whether a reply may hold its whole request.
        gives_full_policies: whether a reply may hold the policy by value.
        auth_policies: what ValPolResponse tells of how requestors are authenticated.
        clock_skew: whole minutes; times so near are now (S12).
        history: how far back it validates; None: as far as there is data.
        policy_lifetime: how long a cached ValPolResponse serves; None: each is made for its
            request (S21).
        reply_lifetime: how long a reply serves who takes a cached one; zero: never (S13).
        limits: of one request.
        work: of each certificate's search.
    """

    policies: tuple[SCVPPolicy, ...]
    cursor_key: bytes = field(repr=False)
    signers: tuple[Signer, ...] = ()
    names: tuple[GeneralName, ...] = ()
    requestors: Requestors = Requestors()
    accepts_default_policy: bool = True
    gives_full_requests: bool = True
    gives_full_policies: bool = True
    auth_policies: tuple[ObjectIdentifier, ...] = ()
    clock_skew: timedelta = timedelta(minutes=10)
    history: timedelta | None = None
    policy_lifetime: timedelta | None = None
    reply_lifetime: timedelta = _MINUTE
    limits: ServiceLimits = ServiceLimits()
    work: WorkLimits = field(default_factory=WorkLimits)

    @property
    def default_policy(self) -> SCVPPolicy:
        """The policy that a query without wishes is answered under."""
        return self.policies[0]

    def policy(self, oid: ObjectIdentifier) -> SCVPPolicy | None:
        """Return the policy of an identifier, or None where it is not one of ours (S8)."""
        if oid == oids.ID_SVP_DEFAULT_VAL_POLICY:
            return self.default_policy if self.accepts_default_policy else None
        return next((one for one in self.policies if one.oid == oid), None)

    @property
    def policy_oids(self) -> tuple[ObjectIdentifier, ...]:
        """The policies that may be asked for; a default policy that is refused is none (S21)."""
        default = oids.ID_SVP_DEFAULT_VAL_POLICY
        named = (one.oid for one in self.policies if one.oid != default)
        return (*((default,) if self.accepts_default_policy else ()), *named)

    def check(self) -> None:
        """Raise ConfigError for what can't serve."""
        problem = next(self._problems(), None)
        if problem is not None:
            raise ConfigError(problem)

    def _problems(self) -> Iterator[str]:
        if not self.policies:
            yield "policies: there is none, and a query without wishes needs a default"
        if len({one.oid for one in self.policies}) != len(self.policies):
            yield "policies: two have the same identifier"
        if len(self.cursor_key) < MIN_CURSOR_KEY_BYTES:
            yield f"cursor_key: is shorter than {MIN_CURSOR_KEY_BYTES} bytes"
        if self.clock_skew % _MINUTE or not timedelta(0) <= self.clock_skew <= MAX_CLOCK_SKEW:
            yield "clock_skew: is not of whole minutes, up to a year"
        for policy in self.policies:
            yield from _policy_problems(policy)


def _policy_problems(policy: SCVPPolicy) -> Iterator[str]:
    name = policy.oid.dotted_string
    if not policy.inputs.anchors:
        yield f"policy {name}: has no trust anchor"
    for anchor in policy.inputs.anchors:
        problem = anchor_problem(anchor)
        if problem is not None:
            yield f"policy {name}: {problem} (S10)"
