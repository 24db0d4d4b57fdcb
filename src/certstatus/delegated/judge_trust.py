"""Who speaks: the protection of a message judged, and its content taken out (S2 to S4). Pure.

A signer is trusted who is pinned, or to whom a path leads from an anchor. To look for one is
work that waits, so whoever judges is told of it: ``SignerPath``.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from cryptography.x509 import ObjectIdentifier

from certstatus.asn1 import oids
from certstatus.cms import (
    ContentInfo,
    Protection,
    SignatureReport,
    parse_content_info,
    verify_signed_data,
)
from certstatus.errors import MalformedError
from certstatus.limits_scvp import SCVP_SKEW
from certstatus.path import anchor_problem
from certstatus.pkix import Certificate
from certstatus.signing import Purpose
from certstatus.verify import Check, Finding

__all__ = ["Envelope", "Opened", "ReplyPolicy", "ServerTrust", "SignerPath", "open_message"]


@dataclass(frozen=True, kw_only=True)
class ServerTrust:
    """Whose signature is believed: pinned certificates, and CAs that a path may lead to."""

    pinned: tuple[Certificate, ...] = ()
    anchors: tuple[Certificate, ...] = ()

    @classmethod
    def of(cls, certificates: Iterable[Certificate]) -> ServerTrust:
        """Take CAs for anchors, and pin every other certificate.

        A CA is pinned, too: what it signs itself is believed.
        """
        found = tuple(certificates)
        anchors = tuple(one for one in found if _is_anchor(one))
        return cls(pinned=found, anchors=anchors)

    @property
    def is_given(self) -> bool:
        """Whether anybody is trusted."""
        return bool(self.pinned or self.anchors)


def _is_anchor(certificate: Certificate) -> bool:
    try:
        return certificate.is_ca and anchor_problem(certificate) is None
    except MalformedError:
        return False


@dataclass(frozen=True, kw_only=True)
class ReplyPolicy:
    """How strictly to judge.

    ``accept_unprotected`` believes an unsigned reply that was asked for so, where TLS carried
    it. ``skew`` is how far clocks may differ.
    """

    trust: ServerTrust = field(default_factory=ServerTrust)
    accept_unprotected: bool = False
    skew: timedelta = SCVP_SKEW
    allow_sha1: bool = False


@dataclass(frozen=True, slots=True)
class SignerPath:
    """What came of looking for a path to a signer; ``problem`` None: there is a valid one."""

    signer: Certificate
    problem: str | None


@dataclass(frozen=True, kw_only=True)
class Opened:
    """A message out of its CMS.

    ``content`` is None where it can't be found; it is not to be believed unless every check
    holds. ``pending`` is a signer to whom no path was looked for yet.
    """

    checks: tuple[Check, ...]
    findings: tuple[Finding, ...] = ()
    content: bytes | None = field(default=None, repr=False)
    signature: SignatureReport | None = None
    pending: Certificate | None = None


@dataclass(frozen=True, kw_only=True)
class Envelope:
    """What a message's protection is held against; ``now`` is aware UTC.

    ``unprotected`` is what to say of one that is not signed; without ``needs_signature`` a
    signer whom nobody knows does no harm.
    """

    content_type: ObjectIdentifier
    now: datetime
    policy: ReplyPolicy
    unprotected: Check
    signer_path: SignerPath | None = None
    needs_signature: bool = True


def open_message(octets: bytes, wanted: Envelope) -> Opened:
    """Judge the protection of a message, and take its content out.

    Never raises for what a peer sent.
    """
    try:
        info = parse_content_info(octets)
    except MalformedError as error:
        return Opened(checks=(Check.failed("S22", "CMS", str(error)),))
    if info.protection is not Protection.NONE:
        return _signed(info, wanted)
    findings = tuple(map(Finding.of, info.departures))
    if info.content_type != wanted.content_type:
        names = map(oids.name_of, (info.content_type, wanted.content_type))
        check = Check.failed("S22", "content type", "is {}, not {}".format(*names))
        return Opened(checks=(check,), findings=findings)
    return Opened(checks=(wanted.unprotected,), findings=findings, content=info.content)


def _signed(info: ContentInfo, wanted: Envelope) -> Opened:
    report = verify_signed_data(
        info,
        now=wanted.now,
        purpose=Purpose.SCVP_SERVER,
        content_types=(wanted.content_type,),
        trusted=wanted.policy.trust.pinned,
        skew=wanted.policy.skew,
        allow_sha1=wanted.policy.allow_sha1,
    )
    pending = None
    if report.holds and report.verified is None:
        report, pending = _with_path(report, wanted)
    data = report.signed_data
    fits = data is not None and data.content_type == wanted.content_type
    return Opened(
        checks=report.checks,
        findings=report.findings,
        content=data.content if data is not None and fits else None,
        signature=report,
        pending=pending,
    )


def _with_path(
    report: SignatureReport, wanted: Envelope
) -> tuple[SignatureReport, Certificate | None]:
    """Say whether the signer is trusted, as far as that is known, and who is still to be judged."""
    signer, trust, found = report.signer, wanted.policy.trust, wanted.signer_path
    assert signer is not None
    if found is not None and found.signer == signer:
        return report.with_trust(found.problem), None
    if trust.anchors:
        return report.with_trust("nobody has looked for a path to it"), signer
    if trust.is_given or wanted.needs_signature:
        return report.with_trust(f"{signer.subject} is not among those trusted"), None
    return report, None
