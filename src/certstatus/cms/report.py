"""What came of judging a SignedData: every check by its rule, and the proof where all held.

Its law: a ``VerifiedContent`` is made here alone, and only once the signature holds and the
signer is trusted. Whether a path leads from the signer to an anchor is for the caller to
find out, and to say with ``with_trust``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import InitVar, dataclass, field, replace
from datetime import datetime
from typing import Final

from cryptography.x509 import ObjectIdentifier

from certstatus.asn1 import oids
from certstatus.cms.signed_data import SignedData
from certstatus.errors import MalformedError, UntrustedError
from certstatus.pkix import Certificate
from certstatus.scvp import CVStatusCode
from certstatus.verify import Check, Finding, Outcome

__all__ = ["SignatureReport", "VerifiedContent"]


# RFC 5055 §4.4; where several checks fail, the earliest of them in this order is the answer.
_STATUS_CODES: Final[Mapping[str, CVStatusCode]] = {
    "CMS": CVStatusCode.UNABLE_TO_DECODE,
    "protection": CVStatusCode.UNSUPPORTED_SIGNATURE_OR_MAC,
    "version": CVStatusCode.BAD_STRUCTURE,
    "one signer": CVStatusCode.BAD_STRUCTURE,
    "no unsigned attributes": CVStatusCode.BAD_STRUCTURE,
    "content type": CVStatusCode.BAD_STRUCTURE,
    "content-type attribute": CVStatusCode.BAD_STRUCTURE,
    "digest algorithm": CVStatusCode.UNSUPPORTED_SIGNATURE_OR_MAC,
    "signature algorithm": CVStatusCode.UNSUPPORTED_SIGNATURE_OR_MAC,
    "message-digest attribute": CVStatusCode.BAD_SIGNATURE_OR_MAC,
    "signer's certificate": CVStatusCode.UNRECOGNIZED_SIG_KEY,
    "signature": CVStatusCode.BAD_SIGNATURE_OR_MAC,
    "signing-certificate attribute": CVStatusCode.BAD_SIGNATURE_OR_MAC,
    "signer's validity": CVStatusCode.INVALID_SIGNATURE_OR_MAC,
    "signer's key usage": CVStatusCode.INVALID_SIGNATURE_OR_MAC,
    "signer's purpose": CVStatusCode.INVALID_SIGNATURE_OR_MAC,
    "signer's trust": CVStatusCode.UNRECOGNIZED_SIG_KEY,
}

_TRUST: Final = "signer's trust"
_SEAL: Final = object()


@dataclass(frozen=True, kw_only=True)
class VerifiedContent:
    """Content whose signature holds, by a signer who is trusted and fit for it.

    ``content`` are the octets that were signed; ``signing_time`` is the signer's own word,
    aware UTC, None where it gave none.
    """

    content_type: ObjectIdentifier
    content: bytes = field(repr=False)
    signer: Certificate
    signing_time: datetime | None
    seal: InitVar[object]

    def __post_init__(self, seal: object) -> None:
        """Refuse to exist unless judgment made it."""
        if seal is not _SEAL:
            raise TypeError("only certstatus.cms makes a VerifiedContent")


@dataclass(frozen=True, kw_only=True)
class SignatureReport:
    """Everything that judging a SignedData found.

    ``signer`` is the certificate whose key made the signature, None where none did;
    ``certificates`` are those that came along and can be read, for paths to be built of.
    ``verified`` is the proof, None until the signer is trusted.
    """

    checks: tuple[Check, ...]
    findings: tuple[Finding, ...] = ()
    signed_data: SignedData | None = field(default=None, repr=False)
    signer: Certificate | None = None
    signing_time: datetime | None = None
    verified: VerifiedContent | None = None

    @property
    def certificates(self) -> tuple[Certificate, ...]:
        """The certificates that came along and can be read."""
        return () if self.signed_data is None else self.signed_data.readable_certificates

    @property
    def failures(self) -> tuple[Check, ...]:
        """The checks that did not hold."""
        return tuple(check for check in self.checks if check.outcome is Outcome.FAIL)

    @property
    def holds(self) -> bool:
        """Whether the signature holds and its signer is fit; trust is another matter."""
        return self.signer is not None and all(one.name == _TRUST for one in self.failures)

    @property
    def status_code(self) -> CVStatusCode | None:
        """What a server of SCVP answers to it (RFC 5055 §4.4); None where no check failed."""
        failed = {check.name for check in self.failures}
        return next((code for name, code in _STATUS_CODES.items() if name in failed), None)

    def check(self, name: str) -> Check:
        """Return the check of this name. Raises KeyError where none was made."""
        for check in self.checks:
            if check.name == name:
                return check
        raise KeyError(name)

    def with_trust(self, problem: str | None) -> SignatureReport:
        """Return the report with the caller's word on the signer: why not to trust it, or None.

        Raises:
            ValueError: no signature holds, so there is nobody to trust.
        """
        if self.signer is None:
            raise ValueError("there is no signer whose signature holds")
        others = tuple(check for check in self.checks if check.name != _TRUST)
        if problem is not None:
            check = Check.failed("D1", _TRUST, problem)
            return replace(self, checks=(*others, check), verified=None)
        check = Check.passed("D1", _TRUST, f"{self.signer.subject} is trusted")
        told = replace(self, checks=(*others, check))
        return replace(told, verified=_proof(told))

    def left_open(self) -> SignatureReport:
        """Return the report with trust left to the caller."""
        check = Check.skipped("D1", _TRUST, "left to whoever knows the anchors")
        return replace(self, checks=(*self.checks, check))

    def require(self) -> VerifiedContent:
        """Return the proof, or raise for its absence.

        Raises:
            MalformedError: it is no CMS that can be read.
            UntrustedError: a check failed, or the signer's trust is open; it carries this report.
        """
        if self.verified is not None:
            return self.verified
        reasons = "; ".join(f"{check.name}: {check.reason}" for check in self.failures)
        if self.status_code is CVStatusCode.UNABLE_TO_DECODE:
            raise MalformedError(reasons, where="ContentInfo")
        raise UntrustedError(reasons or f"{_TRUST}: nobody has judged it", report=self)

    def as_json(self) -> dict[str, object]:
        """Return what ``--json`` prints."""
        data = self.signed_data
        return {
            "contentType": None if data is None else oids.name_of(data.content_type),
            "signer": None if self.signer is None else str(self.signer),
            "isVerified": self.verified is not None,
            "checks": [check.as_json() for check in self.checks],
            "findings": [
                {"where": finding.where, "text": finding.text} for finding in self.findings
            ],
        }


def _proof(report: SignatureReport) -> VerifiedContent | None:
    """Make the proof, where every check held."""
    data, signer = report.signed_data, report.signer
    if report.failures or signer is None or data is None or data.content is None:
        return None
    return VerifiedContent(
        content_type=data.content_type,
        content=data.content,
        signer=signer,
        signing_time=report.signing_time,
        seal=_SEAL,
    )
