"""A CertReply out of what a search found (RFC 5055 §4.9; S15, S16).

Pure. Its law is the table of replyStatus: success has every ReplyCheck and every
ReplyWantBack; a failure of the path has the checks and no wantBack; where nothing could be
looked at, there is neither.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Final

from certstatus.delegated.demand import Demand
from certstatus.delegated.search import Found
from certstatus.errors import MalformedError
from certstatus.path import CertificateReport, PathReport, Proof, RevocationStatus
from certstatus.path.report import joined
from certstatus.pkix import Certificate
from certstatus.scvp import (
    CertBundle,
    CertBundles,
    CertReply,
    Check,
    PathStatus,
    PKCReference,
    PublicKeyInfo,
    ReplyCheck,
    ReplyStatus,
    ReplyWantBack,
    RevInfoWantBack,
    RevocationInfo,
    SCVPResponses,
    WantBack,
    WantBackValue,
)

__all__ = ["reply_about", "reply_without_search"]

_GONE: Final = frozenset({RevocationStatus.REVOKED, RevocationStatus.ON_HOLD})


class _UnsatisfiedError(Exception):
    """A wantBack has nothing to hold."""


def reply_without_search(
    reference: PKCReference, status: ReplyStatus, moment: datetime
) -> CertReply:
    """Say that nothing could be looked at: no check, no wantBack (S15). ``moment`` is aware UTC."""
    return CertReply(cert=reference, reply_status=status, reply_val_time=moment)


def reply_about(reference: PKCReference, found: Found, demand: Demand, now: datetime) -> CertReply:
    """Write the reply about one certificate; ``now`` is aware UTC."""
    moment = demand.at or now
    checks = tuple(ReplyCheck(one.oid, _check_status(one, found)) for one in demand.checks)
    status = _status(found, demand)
    want_backs: tuple[ReplyWantBack, ...] = ()
    if status is ReplyStatus.SUCCESS:
        try:
            want_backs = tuple(_want_backs(found, demand))
        except (_UnsatisfiedError, MalformedError):
            status = ReplyStatus.WANT_BACK_UNSATISFIED
    is_looked_at = status is not ReplyStatus.UNAVAILABLE_VALIDATION_TIME
    return CertReply(
        cert=_cert(reference, found, demand),
        reply_status=status,
        reply_val_time=moment,
        reply_checks=checks if is_looked_at else (),
        reply_want_backs=want_backs,
        validation_errors=tuple(one.oid for one in found.errors),
        next_update=_next_update(found, demand, now),
    )


def _cert(reference: PKCReference, found: Found, demand: Demand) -> PKCReference:
    """Echo the reference, or give the certificate where that is wanted (RFC 5055 §4.9.1)."""
    if WantBack.PKC_CERT in demand.want_backs:
        return PKCReference.by_value(found.certificate)
    return reference


def _check_status(check: Check, found: Found) -> int:
    if check is Check.BUILD_PKC_PATH:
        return PathStatus.BAD if found.path is None else PathStatus.GOOD
    if found.report is None:
        return PathStatus.BAD
    if check.asks_for_revocation:
        return found.report.reply_check
    return PathStatus.GOOD if found.report.is_built_valid else PathStatus.BAD


def _status(found: Found, demand: Demand) -> ReplyStatus:
    if found.paths:
        return ReplyStatus.SUCCESS
    report = found.report
    if report is None:
        return ReplyStatus.CERT_PATH_CONSTRUCT_FAIL
    if demand.at is not None and _lacks_history(report):
        return ReplyStatus.UNAVAILABLE_VALIDATION_TIME
    if report.is_not_valid_now:
        return ReplyStatus.CERT_PATH_NOT_VALID_NOW
    return ReplyStatus.CERT_PATH_NOT_VALID


def _lacks_history(report: PathReport) -> bool:
    """Whether only the statuses of a time past are missing (S12; RFC 5055 §3.2.7)."""
    return report.is_built_valid and all(one.status not in _GONE for one in report.unsettled)


def _next_update(found: Found, demand: Demand, now: datetime) -> datetime | None:
    if found.report is None or not demand.hardest.asks_for_revocation or demand.at is not None:
        return None
    until = found.report.next_update
    return until if until is not None and until > now else None


# --- wantBacks ------------------------------------------------------------------------------


def _want_backs(found: Found, demand: Demand) -> Iterator[ReplyWantBack]:
    """Yield what is wanted back, but for the certificate itself, which stands in ``cert``.

    Raises:
        _UnsatisfiedError, MalformedError: something can't be given (wantBackUnsatisfied).
    """
    for want_back in demand.want_backs:
        if want_back is not WantBack.PKC_CERT:
            yield ReplyWantBack.of(want_back, _value(want_back, found, demand))


def _value(want_back: WantBack, found: Found, demand: Demand) -> WantBackValue:
    if want_back is WantBack.PKC_BEST_CERT_PATH:
        return _bundle(found.paths[0].certificates)
    if want_back is WantBack.PKC_ALL_CERT_PATHS:
        return CertBundles(tuple(_bundle(path.certificates) for path in found.paths))
    if want_back is WantBack.PKC_PUBLIC_KEY_INFO:
        return PublicKeyInfo(found.certificate.spki_der)
    if want_back is WantBack.RELAYED_RESPONSES:
        return SCVPResponses(())
    return _revocation_info(want_back, found, demand)


def _bundle(certificates: tuple[Certificate, ...]) -> CertBundle:
    return CertBundle(tuple(one.der for one in certificates))


def _revocation_info(want_back: WantBack, found: Found, demand: Demand) -> RevInfoWantBack:
    """Give what tells the statuses, with all certificates that it needs (S16)."""
    if found.report is None or not found.report.certificates:
        raise _UnsatisfiedError
    asked = _asked(want_back, found.report.certificates)
    if any(_is_unproven(one) for one in asked):
        raise _UnsatisfiedError
    path = found.report.path.certificates
    proof = joined(tuple(one.proof for one in asked), path)
    # What verifies it and goes back in no path goes back here; the anchor never does (S10).
    unsent = () if demand.returns_path else path[1:]
    return RevInfoWantBack(
        revocation_info=tuple(_infos(proof)),
        extra_certs=tuple(one.der for one in (*unsent, *proof.extra_certificates)),
    )


def _asked(
    want_back: WantBack, reports: tuple[CertificateReport, ...]
) -> tuple[CertificateReport, ...]:
    if want_back is WantBack.PKC_EE_REVOCATION_INFO:
        return reports[:1]
    return reports[1:] if want_back is WantBack.PKC_CAS_REVOCATION_INFO else reports


def _is_unproven(report: CertificateReport) -> bool:
    """Whether a status that was looked for rests on nothing that can be handed on."""
    proof = report.proof
    if report.status is RevocationStatus.NOT_CHECKED:
        return False
    return not (proof.crls or proof.ocsp_responses)


def _infos(proof: Proof) -> Iterator[RevocationInfo]:
    for crl in proof.crls:
        is_delta = crl.base_crl_number is not None
        yield (RevocationInfo.delta_crl if is_delta else RevocationInfo.crl)(crl.der)
    for response in proof.ocsp_responses:
        yield RevocationInfo.ocsp(response.der)
