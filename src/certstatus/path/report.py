"""What came of a validation: the verdict, each certificate's status, and what they rest on.

Its law: a status that is not known is never good; the three ways of not knowing it are told
apart (RFC 5055 §4.9.4); and the proof holds all that another needs to come to the same.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final

from cryptography.x509 import ObjectIdentifier

from certstatus.ocsp import OCSPResponse
from certstatus.pkix import Certificate, CertificateList, CRLReason, HashAlgorithm
from certstatus.scvp import ValidationError

__all__ = [
    "CertificateReport",
    "CertificationPath",
    "PathReport",
    "PathSearch",
    "Proof",
    "RevocationStatus",
    "joined",
]


class RevocationStatus(StrEnum):
    """What is known of one certificate's revocation."""

    GOOD = "good"
    REVOKED = "revoked"
    ON_HOLD = "on hold"
    OFF_LINE = "off-line"
    """A source was reached, and gave nothing, or nothing current."""
    UNAVAILABLE = "unavailable"
    """No source could be reached."""
    NO_SOURCE = "no known source"
    NOT_CHECKED = "not checked"
    """Nobody asked, or the certificate says that there is nothing to ask."""

    @property
    def is_fine(self) -> bool:
        """Whether a path may rest on it."""
        return self in {RevocationStatus.GOOD, RevocationStatus.NOT_CHECKED}


@dataclass(frozen=True, slots=True)
class CertificationPath:
    """A path: end entity first, last what the anchor issued; the anchor is no part of it (S10)."""

    certificates: tuple[Certificate, ...]
    anchor: Certificate

    @property
    def end_entity(self) -> Certificate:
        """The certificate that the path was built for."""
        return self.certificates[0]

    @property
    def issuers(self) -> tuple[Certificate, ...]:
        """The issuer of each certificate, in their order."""
        return (*self.certificates[1:], self.anchor)

    @property
    def digest(self) -> bytes:
        """What tells this path from every other (S17): SHA-256 over all fingerprints."""
        chain = (*self.certificates, self.anchor)
        return HashAlgorithm.SHA256.digest(b"".join(one.fingerprint for one in chain))

    def __str__(self) -> str:
        return " < ".join(str(one.subject) for one in (*self.certificates, self.anchor))


@dataclass(frozen=True, kw_only=True)
class Proof:
    """What a status rests on: with it an off-line validator comes to the same (S16).

    ``extra_certificates`` are those that the CRLs and responses need, and no path holds.
    """

    crls: tuple[CertificateList, ...] = ()
    ocsp_responses: tuple[OCSPResponse, ...] = ()
    extra_certificates: tuple[Certificate, ...] = ()


NO_PROOF: Final = Proof()


def joined(proofs: tuple[Proof, ...], path: tuple[Certificate, ...] = ()) -> Proof:
    """Lay proofs together, each thing once, without the certificates of ``path``."""
    crls = {one.der: one for proof in proofs for one in proof.crls}
    responses = {one.der: one for proof in proofs for one in proof.ocsp_responses}
    extra = dict.fromkeys(one for proof in proofs for one in proof.extra_certificates)
    return Proof(
        crls=tuple(crls.values()),
        ocsp_responses=tuple(responses.values()),
        extra_certificates=tuple(one for one in extra if one not in path),
    )


@dataclass(frozen=True, kw_only=True)
class CertificateReport:
    """What is known of one certificate of the path; times are aware UTC.

    ``next_update`` is until when it is known; ``revocation_date`` and ``revocation_reason``
    are those of a revocation.
    """

    certificate: Certificate
    status: RevocationStatus
    reason: str
    revocation_date: datetime | None = None
    revocation_reason: CRLReason | None = None
    next_update: datetime | None = None
    proof: Proof = field(default=NO_PROOF, repr=False)


@dataclass(frozen=True, kw_only=True)
class PathReport:
    """What came of one path.

    ``problems`` say in words which rules of RFC 5280 §6.1 and RFC 5055 §3.2.4 do not hold;
    ``certificates`` tell the status of each, where it was asked for. ``errors`` are the RFC's
    words for both, never exhaustive (S15). ``policies`` are the user-constrained policies of
    a valid path (RFC 5280 §6.1.6). ``validation_time`` is aware UTC.
    """

    path: CertificationPath
    validation_time: datetime
    errors: tuple[ValidationError, ...] = ()
    problems: tuple[str, ...] = ()
    certificates: tuple[CertificateReport, ...] = ()
    policies: frozenset[ObjectIdentifier] = frozenset()

    @property
    def is_built_valid(self) -> bool:
        """Whether the path is valid but for the status of its certificates (check 2)."""
        return not self.problems

    @property
    def unsettled(self) -> tuple[CertificateReport, ...]:
        """The certificates that no valid path may rest on, the end entity first."""
        return tuple(one for one in self.certificates if not one.status.is_fine)

    @property
    def is_valid(self) -> bool:
        """Whether every rule holds, and every status that was asked for is good."""
        return self.is_built_valid and not self.unsettled

    @property
    def reasons(self) -> tuple[str, ...]:
        """Everything that keeps the path from being valid, in words."""
        told = (f"{one.certificate.subject}: {one.reason}" for one in self.unsettled)
        return (*self.problems, *told)

    @property
    def is_not_valid_now(self) -> bool:
        """Whether it may be valid another time: replyStatus certPathNotValidNow (S15).

        That is so of a hold, of a status that is not known, and before notBefore.
        """
        is_revoked = any(one.status is RevocationStatus.REVOKED for one in self.certificates)
        if self.is_valid or is_revoked:
            return False
        return self.is_built_valid or self.errors[0] is ValidationError.NOT_YET_VALID

    @property
    def reply_check(self) -> int:
        """The status of id-stc-build-status-checked-pkc-path (RFC 5055 §4.9.4)."""
        if not self.is_built_valid:
            return 1
        codes = [_REPLY_CHECKS[one.status] for one in self.unsettled]
        return 1 if 1 in codes else next(iter(codes), 0)

    @property
    def proof(self) -> Proof:
        """All that the statuses rest on."""
        proofs = tuple(one.proof for one in self.certificates)
        return joined(proofs, self.path.certificates)

    @property
    def nearness(self) -> tuple[bool, bool, int]:
        """What orders reports by how near they come to a valid path; of equals the first stands."""
        return self.is_valid, self.is_built_valid, -len(self.unsettled) - len(self.problems)

    @property
    def next_update(self) -> datetime | None:
        """Until when all statuses are known; None: it can't be said."""
        return min((one.next_update for one in self.certificates if one.next_update), default=None)


_REPLY_CHECKS: Final = {
    RevocationStatus.REVOKED: 1,
    RevocationStatus.ON_HOLD: 1,
    RevocationStatus.OFF_LINE: 2,
    RevocationStatus.UNAVAILABLE: 3,
    RevocationStatus.NO_SOURCE: 4,
}


@dataclass(frozen=True, kw_only=True)
class PathSearch:
    """What came of a search: ``report`` is the valid path's, else the best of those tried.

    Without any, ``errors`` and ``reason`` say why no path was built.
    """

    certificate: Certificate
    report: PathReport | None
    tried: int
    errors: tuple[ValidationError, ...]
    reason: str

    @property
    def is_valid(self) -> bool:
        """Whether a valid path was found."""
        return self.report is not None and self.report.is_valid
