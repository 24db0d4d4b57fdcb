"""What came of asking a server, and what of it can be kept as evidence (RFC 5940; X4). Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

from certstatus.cms import SavedEvidence, SCVPExchange
from certstatus.delegated.asking import Question
from certstatus.delegated.judge_val_pol import PoliciesReport
from certstatus.delegated.verdict import DelegatedReply, DelegatedReport, DelegatedVerdict
from certstatus.errors import Attempt, UnreachableError
from certstatus.ocsp import OCSPResponse, OCSPResponseStatus, parse_response
from certstatus.pkix import Certificate, CertificateList
from certstatus.scvp import CVStatusCode, RevInfoWantBack, RevocationInfoKind, ValPolResponse

__all__ = ["DelegatedResult", "PoliciesResult"]

_NOBODY = "the server did not answer"


@dataclass(frozen=True, kw_only=True)
class DelegatedResult:
    """What came of one question.

    ``sent`` and ``received`` are whole ContentInfos, the latter empty where nothing came;
    ``report`` is then None, and ``attempts`` says why.
    """

    question: Question
    url: str
    sent: bytes = field(repr=False)
    received: bytes = field(default=b"", repr=False)
    report: DelegatedReport | None = None
    attempts: tuple[Attempt, ...] = ()
    elapsed: timedelta = timedelta(0)

    @property
    def verdict(self) -> DelegatedVerdict:
        """What to make of it."""
        return DelegatedVerdict.UNREACHABLE if self.report is None else self.report.verdict

    def require(self) -> tuple[DelegatedReply, ...]:
        """Return the server's words, or raise for their absence.

        Raises:
            UnreachableError: nothing came.
            MalformedError, RefusedError, UntrustedError: as ``DelegatedReport.require``.
        """
        if self.report is None:
            raise UnreachableError(_NOBODY, attempts=self.attempts)
        return self.report.require()

    def evidence(self) -> SavedEvidence:
        """Return what proves later what the server said, and what that rested on (X4).

        The exchange itself is in it where the reply is signed, and its status okay.

        Raises:
            UnreachableError, MalformedError, RefusedError, UntrustedError: as ``require``.
        """
        replies = self.require()
        infos = [info for reply in replies for info in reply.revocation_infos]
        paths = [one for reply in replies for path in reply.paths for one in path]
        extra = [Certificate.from_der(der) for info in infos for der in info.extra_certs]
        return SavedEvidence(
            certificates=tuple(dict.fromkeys((*self.question.certificates, *paths, *extra))),
            crls=_crls(infos),
            ocsp_responses=_responses(infos),
            exchanges=self._exchanges(),
        )

    def _exchanges(self) -> tuple[SCVPExchange, ...]:
        report = self.report
        if report is None or report.response is None or report.signature is None:
            return ()
        if report.response.response_status.status_code != CVStatusCode.OKAY:
            return ()
        return (SCVPExchange(response=self.received, request=self.sent),)


def _crls(infos: list[RevInfoWantBack]) -> tuple[CertificateList, ...]:
    kinds = {RevocationInfoKind.CRL, RevocationInfoKind.DELTA_CRL}
    found = (one.der for info in infos for one in info.revocation_info if one.kind in kinds)
    return tuple(map(CertificateList.from_der, dict.fromkeys(found)))


def _responses(infos: list[RevInfoWantBack]) -> tuple[OCSPResponse, ...]:
    ocsp = RevocationInfoKind.OCSP
    found = (one.der for info in infos for one in info.revocation_info if one.kind is ocsp)
    read = map(parse_response, dict.fromkeys(found))
    return tuple(one for one in read if one.response_status is OCSPResponseStatus.SUCCESSFUL)


@dataclass(frozen=True, kw_only=True)
class PoliciesResult:
    """What came of asking for a server's policies; ``report`` is None where nothing came."""

    url: str
    received: bytes = field(default=b"", repr=False)
    report: PoliciesReport | None = None
    attempts: tuple[Attempt, ...] = ()

    @property
    def verdict(self) -> DelegatedVerdict:
        """What to make of it."""
        return DelegatedVerdict.UNREACHABLE if self.report is None else self.report.verdict

    def require(self) -> ValPolResponse:
        """Return what the server says, or raise for its absence.

        Raises:
            UnreachableError: nothing came.
            MalformedError, UntrustedError: as ``PoliciesReport.require``.
        """
        if self.report is None:
            raise UnreachableError(_NOBODY, attempts=self.attempts)
        return self.report.require()
