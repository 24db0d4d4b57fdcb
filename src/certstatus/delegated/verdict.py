"""What comes of delegating: the server's word on each certificate, and every check of it. Pure.

Its law: a ``DelegatedReply`` is made only where every check of RFC 5055 §9 holds (S22); valid
is a reply whose status is a success, and all of whose checks found nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import InitVar, dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final

from cryptography.x509 import ObjectIdentifier

from certstatus.asn1 import oids
from certstatus.cms import SignatureReport
from certstatus.errors import MalformedError, RefusedError, UntrustedError
from certstatus.pkix import Certificate
from certstatus.scvp import (
    CertBundle,
    CertBundles,
    CertReply,
    Check,
    CVResponse,
    CVStatusCode,
    PathStatus,
    PublicKeyInfo,
    ReplyStatus,
    RevInfoWantBack,
    RevocationStatus,
    ValidationError,
    WantBack,
)
from certstatus.verify import Check as ReportCheck
from certstatus.verify import Finding, Outcome

__all__ = ["DelegatedReply", "DelegatedReport", "DelegatedVerdict", "worst_verdict"]


class DelegatedVerdict(StrEnum):
    """What to make of a reply; the words of ``--json``."""

    GOOD = "good"
    """Every check that was asked for found nothing wrong."""
    REVOKED = "revoked"
    """A certificate of the path is revoked, or on hold."""
    INVALID = "invalid"
    """There is no path, or none is valid."""
    UNKNOWN = "unknown"
    """The server could not find out."""
    UNTRUSTED = "untrusted"
    """The reply itself is not to be believed."""
    REFUSED = "refused"
    """The server answered an error status."""
    MALFORMED = "malformed"
    UNREACHABLE = "unreachable"

    @property
    def exit_code(self) -> int:
        """The exit code of a command that ends with this verdict."""
        return _EXIT_CODES[self]


_EXIT_CODES: Final = {
    DelegatedVerdict.GOOD: 0,
    DelegatedVerdict.REVOKED: 1,
    DelegatedVerdict.UNKNOWN: 2,
    DelegatedVerdict.INVALID: 3,
    DelegatedVerdict.UNTRUSTED: 3,
    DelegatedVerdict.REFUSED: 4,
    DelegatedVerdict.MALFORMED: 65,
    DelegatedVerdict.UNREACHABLE: 69,
}
_BY_WEIGHT: Final = (
    DelegatedVerdict.REVOKED,
    DelegatedVerdict.MALFORMED,
    DelegatedVerdict.UNTRUSTED,
    DelegatedVerdict.INVALID,
    DelegatedVerdict.REFUSED,
    DelegatedVerdict.UNREACHABLE,
    DelegatedVerdict.UNKNOWN,
)


def worst_verdict(verdicts: Sequence[DelegatedVerdict]) -> DelegatedVerdict:
    """Return the verdict that tells most: revoked, then what went wrong, then unknown."""
    return next((one for one in _BY_WEIGHT if one in verdicts), DelegatedVerdict.GOOD)


_SEAL: Final = object()


@dataclass(frozen=True, kw_only=True)
class DelegatedReply:
    """The server's word on one certificate, in a reply of which every check holds."""

    certificate: Certificate
    verdict: DelegatedVerdict
    reason: str
    reply: CertReply = field(repr=False)
    seal: InitVar[object]

    def __post_init__(self, seal: object) -> None:
        """Refuse to exist unless judgment made it."""
        if seal is not _SEAL:
            raise TypeError("only certstatus.delegated makes a DelegatedReply")

    @property
    def reply_status(self) -> str:
        """The replyStatus by its name: certPathNotValid."""
        return _status_label(self.reply)

    @property
    def errors(self) -> tuple[str, ...]:
        """The validationErrors by their names: id-bvae-expired."""
        return tuple(map(oids.name_of, self.reply.validation_errors))

    @property
    def validation_time(self) -> datetime:
        """What time the word is about, aware UTC."""
        return self.reply.reply_val_time

    @property
    def path(self) -> tuple[Certificate, ...]:
        """The best path, the certificate first and without the anchor; () where none came."""
        found = self.reply.want_back(WantBack.PKC_BEST_CERT_PATH)
        return _certificates(found) if isinstance(found, CertBundle) else ()

    @property
    def paths(self) -> tuple[tuple[Certificate, ...], ...]:
        """All paths that came."""
        found = self.reply.want_back(WantBack.PKC_ALL_CERT_PATHS)
        if isinstance(found, CertBundles):
            return tuple(map(_certificates, found.bundles))
        return (self.path,) if self.path else ()

    @property
    def revocation_infos(self) -> tuple[RevInfoWantBack, ...]:
        """The revocation data that came: for all, for the certificate, for the CAs."""
        wanted = (
            WantBack.PKC_REVOCATION_INFO,
            WantBack.PKC_EE_REVOCATION_INFO,
            WantBack.PKC_CAS_REVOCATION_INFO,
        )
        found = (self.reply.want_back(one) for one in wanted)
        return tuple(one for one in found if isinstance(one, RevInfoWantBack))

    @property
    def public_key_info(self) -> bytes | None:
        """The SubjectPublicKeyInfo, None where it was not wanted back."""
        found = self.reply.want_back(WantBack.PKC_PUBLIC_KEY_INFO)
        return found.der if isinstance(found, PublicKeyInfo) else None

    def as_json(self) -> dict[str, object]:
        """Return what ``--json`` prints."""
        reply = self.reply
        return {
            "subject": str(self.certificate.subject),
            "serialNumber": f"{self.certificate.serial_number:x}",
            "verdict": self.verdict.value,
            "reason": self.reason,
            "replyStatus": self.reply_status,
            "checks": {oids.name_of(one.check): one.status for one in reply.reply_checks},
            "errors": list(self.errors),
            "validationTime": json_time(self.validation_time),
            "nextUpdate": None if reply.next_update is None else json_time(reply.next_update),
            "paths": [[str(one.subject) for one in path] for path in self.paths],
        }


def _certificates(bundle: CertBundle) -> tuple[Certificate, ...]:
    return tuple(Certificate.from_der(der, "CertBundle") for der in bundle.certs)


def json_time(moment: datetime) -> str:
    """Write a time as programs read it: 2026-11-21T12:00:00Z."""
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")


def delegated_reply(
    certificate: Certificate, reply: CertReply, asked: Sequence[ObjectIdentifier]
) -> DelegatedReply:
    """Put a reply into a verdict. For ``certstatus.delegated.judge`` alone."""
    verdict = _verdict(reply, asked)
    return DelegatedReply(
        certificate=certificate,
        verdict=verdict,
        reason=_words(reply, asked, verdict),
        reply=reply,
        seal=_SEAL,
    )


_UNKNOWN_STATUSES: Final = frozenset(
    {
        ReplyStatus.UNAVAILABLE_VALIDATION_TIME,
        ReplyStatus.REFERENCE_CERT_HASH_FAIL,
        ReplyStatus.WANT_BACK_UNSATISFIED,
    }
)
_NOT_KNOWN: Final = frozenset(
    {
        RevocationStatus.REVOCATION_OFF_LINE,
        RevocationStatus.REVOCATION_UNAVAILABLE,
        RevocationStatus.REVOCATION_SOURCE_UNKNOWN,
    }
)


def _verdict(reply: CertReply, asked: Sequence[ObjectIdentifier]) -> DelegatedVerdict:
    """Say what a reply comes to; checks that nobody asked for don't count (S22)."""
    found = {one.status for one in reply.reply_checks if one.check in asked} - {0}
    if reply.reply_status == ReplyStatus.SUCCESS and not found:
        return DelegatedVerdict.GOOD
    if ValidationError.REVOKED.oid in reply.validation_errors:
        return DelegatedVerdict.REVOKED
    if found and all(one in _NOT_KNOWN for one in found):
        return DelegatedVerdict.UNKNOWN
    if not found and reply.reply_status in _UNKNOWN_STATUSES:
        return DelegatedVerdict.UNKNOWN
    return DelegatedVerdict.INVALID


def _words(reply: CertReply, asked: Sequence[ObjectIdentifier], verdict: DelegatedVerdict) -> str:
    """Tell status, checks and errors in the RFC's words."""
    if verdict is DelegatedVerdict.GOOD:
        return "; ".join(map(_done, asked))
    told = [] if reply.reply_status == ReplyStatus.SUCCESS else [_status_label(reply)]
    told += [
        f"{oids.name_of(one.check)}: {_check_label(one.check, one.status)}"
        for one in reply.reply_checks
        if one.check in asked and one.status
    ]
    told += map(oids.name_of, reply.validation_errors)
    return "; ".join(told)


_DONE: Final = {
    Check.BUILD_PKC_PATH.oid: "a path was built",
    Check.BUILD_VALID_PKC_PATH.oid: "a valid path was built",
    Check.BUILD_STATUS_CHECKED_PKC_PATH.oid: "a valid path was built, and no certificate of it is"
    " revoked",
}


def _done(check: ObjectIdentifier) -> str:
    return _DONE.get(check, f"{oids.name_of(check)} holds")


def _status_label(reply: CertReply) -> str:
    known = ReplyStatus.from_number(reply.reply_status)
    return f"replyStatus {reply.reply_status}" if known is None else known.label


def _check_label(oid: ObjectIdentifier, status: int) -> str:
    check = Check.from_oid(oid)
    kind = RevocationStatus if check is not None and check.asks_for_revocation else PathStatus
    known = kind.from_number(status)
    return f"status {status}" if known is None else known.label


@dataclass(frozen=True, kw_only=True)
class DelegatedReport:
    """Everything that judging a reply found.

    ``replies`` are the server's words, in the order of the certificates; () unless every check
    holds. ``pending`` is the signer to whom nobody looked for a path yet: find one, and judge
    once more. ``signature`` is None for a reply that is not signed.
    """

    verdict: DelegatedVerdict
    checks: tuple[ReportCheck, ...]
    findings: tuple[Finding, ...] = ()
    response: CVResponse | None = field(default=None, repr=False)
    signature: SignatureReport | None = field(default=None, repr=False)
    replies: tuple[DelegatedReply, ...] = ()
    pending: Certificate | None = None

    @property
    def failures(self) -> tuple[ReportCheck, ...]:
        """The checks that did not hold."""
        return tuple(check for check in self.checks if check.outcome is Outcome.FAIL)

    @property
    def server_context_info(self) -> bytes | None:
        """What asks for the next path; None where there is none, or nothing to be believed."""
        return self.response.server_context_info if self.response and self.replies else None

    @property
    def enclosed(self) -> tuple[Certificate, ...]:
        """The certificates that came along, for paths to the signer."""
        return () if self.signature is None else self.signature.certificates

    @property
    def is_busy(self) -> bool:
        """Whether the server asks to be asked later."""
        if self.response is None or self.verdict is not DelegatedVerdict.REFUSED:
            return False
        return self.response.response_status.status_code == CVStatusCode.TOO_BUSY

    @property
    def trouble(self) -> str:
        """Why there is nothing to be believed, in one line."""
        return "; ".join(f"{check.name}: {check.reason}" for check in self.failures)

    def check(self, name: str) -> ReportCheck:
        """Return the check of this name. Raises KeyError where none was made."""
        for check in self.checks:
            if check.name == name:
                return check
        raise KeyError(name)

    def require(self) -> tuple[DelegatedReply, ...]:
        """Return the server's words, or raise for their absence.

        Raises:
            MalformedError: the octets are no reply.
            RefusedError: the server answered an error status.
            UntrustedError: a check failed; the error carries this report.
        """
        if self.replies:
            return self.replies
        reasons = self.trouble
        if self.verdict is DelegatedVerdict.MALFORMED:
            raise MalformedError(reasons, where="CVResponse")
        if self.verdict is DelegatedVerdict.REFUSED and self.response is not None:
            code = self.response.response_status.status_code
            raise RefusedError(f"the server answered {reasons}", status=code, rule="S22")
        raise UntrustedError(reasons, report=self)

    def as_json(self) -> dict[str, object]:
        """Return what ``--json`` prints: stable, documented in the manual."""
        response, signature = self.response, self.signature
        signer = None if signature is None else signature.signer
        return {
            "verdict": self.verdict.value,
            "responseStatus": None if response is None else status_words(response),
            "producedAt": None if response is None else json_time(response.produced_at),
            "serverConfigurationID": None if response is None else response.server_configuration_id,
            "signer": None if signer is None else str(signer.subject),
            "results": [one.as_json() for one in self.replies],
            "checks": [check.as_json() for check in self.checks],
            "findings": [
                {"where": finding.where, "text": finding.text} for finding in self.findings
            ],
        }


def status_words(response: CVResponse) -> str:
    """Name the response's status, with the server's own words where it has any."""
    status = response.response_status
    name = f"status {status.status_code}" if status.known is None else status.known.label
    return f"{name}: {status.error_message}" if status.error_message else name
