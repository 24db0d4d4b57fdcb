"""What a server says that it can do, judged (RFC 5055 §6; S21). Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from hmac import compare_digest

from certstatus.asn1 import oids
from certstatus.asn1.ber import read_lenient
from certstatus.cms import SignatureReport
from certstatus.delegated.judge_trust import Envelope, Opened, ReplyPolicy, SignerPath, open_message
from certstatus.delegated.verdict import DelegatedVerdict, json_time
from certstatus.errors import MalformedError, UntrustedError
from certstatus.pkix import Certificate
from certstatus.scvp import ValidationPolicy, ValPolResponse, parse_val_pol_response
from certstatus.verify import Check, Finding, Outcome

__all__ = ["PoliciesReport", "judge_policies"]


@dataclass(frozen=True, kw_only=True)
class PoliciesReport:
    """What judging a ValPolResponse found; ``policies`` is None unless every check holds."""

    checks: tuple[Check, ...]
    findings: tuple[Finding, ...] = ()
    policies: ValPolResponse | None = field(default=None, repr=False)
    signature: SignatureReport | None = field(default=None, repr=False)
    pending: Certificate | None = None
    is_malformed: bool = False

    @property
    def verdict(self) -> DelegatedVerdict:
        """Good, malformed or untrusted."""
        if self.policies is not None:
            return DelegatedVerdict.GOOD
        return DelegatedVerdict.MALFORMED if self.is_malformed else DelegatedVerdict.UNTRUSTED

    @property
    def failures(self) -> tuple[Check, ...]:
        """The checks that did not hold."""
        return tuple(check for check in self.checks if check.outcome is Outcome.FAIL)

    @property
    def enclosed(self) -> tuple[Certificate, ...]:
        """The certificates that came along, for paths to the signer."""
        return () if self.signature is None else self.signature.certificates

    @property
    def is_busy(self) -> bool:
        """A ValPolResponse has no status to say so with."""
        return False

    @property
    def trouble(self) -> str:
        """Why there is nothing to be believed, in one line."""
        return "; ".join(f"{check.name}: {check.reason}" for check in self.failures)

    def check(self, name: str) -> Check:
        """Return the check of this name. Raises KeyError where none was made."""
        for check in self.checks:
            if check.name == name:
                return check
        raise KeyError(name)

    def require(self) -> ValPolResponse:
        """Return what the server says, or raise for its absence.

        Raises:
            MalformedError: the octets are no ValPolResponse.
            UntrustedError: a check failed; the error carries this report.
        """
        if self.policies is not None:
            return self.policies
        reasons = self.trouble
        if self.is_malformed:
            raise MalformedError(reasons, where="ValPolResponse")
        raise UntrustedError(reasons, report=self)

    def as_json(self) -> dict[str, object]:
        """Return what ``--json`` prints: stable, documented in the manual."""
        told = None if self.policies is None else _policies_json(self.policies)
        return {
            "verdict": self.verdict.value,
            "policies": told,
            "checks": [check.as_json() for check in self.checks],
            "findings": [
                {"where": finding.where, "text": finding.text} for finding in self.findings
            ],
        }


def _policies_json(found: ValPolResponse) -> dict[str, object]:
    next_update = found.next_update
    return {
        "serverConfigurationID": found.server_configuration_id,
        "thisUpdate": json_time(found.this_update),
        "nextUpdate": None if next_update is None else json_time(next_update),
        "maxCVRequestVersion": found.max_cv_request_version,
        "maxVPRequestVersion": found.max_vp_request_version,
        "supportedChecks": list(map(oids.name_of, found.supported_checks)),
        "supportedWantBacks": list(map(oids.name_of, found.supported_want_backs)),
        "validationPolicies": list(map(oids.name_of, found.validation_policies)),
        "validationAlgs": list(map(oids.name_of, found.validation_algs)),
        "authPolicies": list(map(oids.name_of, found.auth_policies)),
        "responseTypes": found.response_types.label,
        "revocationInfoTypes": [str(one.name) for one in found.revocation_info_types],
        "signatureGeneration": [oids.name_of(one.oid) for one in found.signature_generation],
        "signatureVerification": [oids.name_of(one.oid) for one in found.signature_verification],
        "hashAlgorithms": list(map(oids.name_of, found.hash_algorithms)),
        "clockSkewMinutes": int(found.clock_skew.total_seconds()) // 60,
        "defaultPolicy": _policy_json(found.default_policy_values),
    }


def _policy_json(policy: ValidationPolicy) -> dict[str, object]:
    algorithm = policy.validation_alg
    anchors = []
    for one in policy.trust_anchors:
        try:
            anchors.append(None if one.certificate is None else str(one.certificate.subject))
        except MalformedError:
            anchors.append(None)
    return {
        "policy": oids.name_of(policy.validation_pol_ref.val_pol_id),
        "algorithm": None if algorithm is None else oids.name_of(algorithm.val_alg_id),
        "userPolicySet": list(map(oids.name_of, policy.user_policy_set)),
        "inhibitPolicyMapping": policy.inhibit_policy_mapping,
        "requireExplicitPolicy": policy.require_explicit_policy,
        "inhibitAnyPolicy": policy.inhibit_any_policy,
        "trustAnchors": anchors,
        "extendedKeyUsages": list(map(oids.name_of, policy.extended_key_usages or ())),
        "specifiedKeyUsages": list(map(oids.name_of, policy.specified_key_usages or ())),
    }


def judge_policies(
    octets: bytes,
    nonce: bytes,
    *,
    now: datetime,
    policy: ReplyPolicy,
    signer_path: SignerPath | None = None,
) -> PoliciesReport:
    """Judge a ValPolResponse, a ContentInfo, to a request with this nonce; ``now`` is aware UTC.

    It is always signed (S21), whatever carries it.
    """
    wanted = Envelope(
        content_type=oids.ID_CT_SCVP_VAL_POL_RESPONSE,
        now=now,
        policy=policy,
        unprotected=Check.failed("S21", "protection", "not signed"),
        signer_path=signer_path,
    )
    opened = open_message(octets, wanted)
    if opened.content is None:
        return _report(opened, opened.checks, None, is_malformed=opened.signature is None)
    try:
        found = read_lenient(opened.content, parse_val_pol_response, "ValPolResponse")
    except MalformedError as error:
        checks = (*opened.checks, Check.failed("S21", "well formed", str(error)))
        return _report(opened, checks, None, is_malformed=True)
    passed = Check.passed("S21", "well formed", "ValPolResponse")
    checks = (*opened.checks, passed, *_checks(found, nonce, now, policy))
    return _report(opened, checks, found)


def _report(
    opened: Opened,
    checks: tuple[Check, ...],
    found: ValPolResponse | None,
    *,
    is_malformed: bool = False,
) -> PoliciesReport:
    departures = () if found is None else found.departures
    is_believed = all(check.outcome is not Outcome.FAIL for check in checks)
    return PoliciesReport(
        checks=checks,
        findings=(*opened.findings, *map(Finding.of, departures)),
        policies=found if is_believed else None,
        signature=opened.signature,
        pending=opened.pending,
        is_malformed=is_malformed,
    )


def _checks(
    found: ValPolResponse, nonce: bytes, now: datetime, policy: ReplyPolicy
) -> Iterator[Check]:
    version = found.vp_response_version
    yield (Check.passed if version == 1 else Check.failed)("S19", "reply version", f"{version}")
    is_begun = found.this_update <= now + policy.skew
    judged = Check.passed if is_begun else Check.failed
    yield judged("S21", "thisUpdate", f"{found.this_update:%F %TZ}")
    yield _check_freshness(found, nonce, now, policy)


def _check_freshness(
    found: ValPolResponse, nonce: bytes, now: datetime, policy: ReplyPolicy
) -> Check:
    """A cached one has nextUpdate and no nonce, a fresh one our nonce and no nextUpdate (S21)."""
    name, end = "freshness", found.next_update
    if end is not None:
        if found.request_nonce is not None:
            return Check.failed("S21", name, "has both a nonce and nextUpdate")
        if end < now - policy.skew:
            return Check.failed("S21", name, f"nextUpdate, {end:%F %TZ}, has passed")
        return Check.passed("S21", name, f"cached until {end:%F %TZ}")
    if found.request_nonce is None:
        return Check.failed("S21", name, "has neither our nonce nor nextUpdate")
    if not compare_digest(found.request_nonce, nonce):
        return Check.failed("S21", name, "its nonce is not ours: an answer to another request")
    return Check.passed("S21", name, "made for this request: it has our nonce")
