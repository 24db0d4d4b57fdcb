"""The last look at a signed answer before it is stored: what a strict client would refuse. Pure.

Its law: an answer that is signed in advance is given to everyone for days, so it is read
back from its bytes, verified as a client verifies it, and held to what was to be said and
to the authority's profile. Whatever is wrong is named by its rule; nothing is repaired.

Of answers that differ in serial number and signature alone one is read; every other one is
compared with it, octet by octet, and its signature verified.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from certstatus.ocsp import (
    BasicOCSPResponse,
    ByKey,
    CertID,
    CertStatus,
    OCSPResponse,
    ReasonCode,
    ResponseData,
    Revoked,
    SingleResponse,
)
from certstatus.pkix import signature_problem
from certstatus.responder.authority import Authority
from certstatus.responder.mould import Mould
from certstatus.responder.renewal import interval_problem
from certstatus.responder.statement import BR_REASONS
from certstatus.signing import Profile, Signer
from certstatus.stores import StoredResponse, StoreKey
from certstatus.stores.base import RESPONSE
from certstatus.verify import Check, KnownSignatures, Report, VerifyPolicy, verify_response

__all__ = ["Series", "Wanted", "lint"]

_STRICT: Final = VerifyPolicy(skew=timedelta())
_KNOWN: Final = KnownSignatures(issued=0, answers=0)
"""Our own delegates: each signs many answers, and each answer is looked at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a signed answer was to be; ``now`` is aware UTC, whole seconds.

    ``cert_ids`` are the names of the one certificate that it is about, in their order: one, or
    two where the authority answers with both hashes (L3).
    """

    authority: Authority
    signer: Signer
    cert_ids: tuple[CertID, ...]
    cert_status: CertStatus
    now: datetime


class Series:
    """Looks at answers that are to say one thing of many certificates, by one signer at one time.

    ``wanted`` says what the answer about a serial number was to be; but for the names of the
    certificate it is the same for all.
    """

    def __init__(self, wanted: Callable[[int], Wanted]) -> None:
        self._wanted = wanted
        self._moulds: dict[tuple[int, int], tuple[Mould, Signer]] = {}

    def look(
        self, key: bytes, entry: bytes, serial: bytes, *, verify: bool = True
    ) -> tuple[Check, ...]:
        """Return every check that an answer fails; none: it is fit to be stored.

        ``key`` and ``entry`` are as they go into the store, ``serial`` is the serial number as
        ``serial_octets`` writes it. Without ``verify`` the signature is not verified where all
        other octets are known.
        """
        known = self._moulds.get((len(entry), len(serial)))
        if known is not None and known[0].fits(entry, serial):
            return _signature_defects(*known, entry) if verify else ()
        wanted = self._wanted(int.from_bytes(serial, signed=True))
        defects = lint(StoredResponse.decode(entry, StoreKey.decode(key)), wanted)
        if not defects:
            self._moulds[len(entry), len(serial)] = Mould.of(entry, RESPONSE), wanted.signer
        return defects


def _signature_defects(mould: Mould, signer: Signer, entry: bytes) -> tuple[Check, ...]:
    key = signer.certificate.public_key
    signature, signed = entry[mould.signature], entry[mould.signed]
    problem = signature_problem(signer.algorithm, key, signature, signed)
    return () if problem is None else (Check.failed("O21", "signature", problem),)


def lint(response: StoredResponse, wanted: Wanted) -> tuple[Check, ...]:
    """Return every check that an answer fails; none: it is fit to be stored."""
    report = verify_response(
        response.der,
        issuer=wanted.authority.issuer,
        serial_number=wanted.cert_ids[0].serial_number,
        now=wanted.now,
        policy=_STRICT,
        known=_KNOWN,
    )
    found = [*report.failures]
    if report.response is not None and report.response.basic is not None:
        found += _defects(response, report, report.response, report.response.basic, wanted)
    if not found and report.verified is None:
        found.append(Check.failed("O9", "verified", f"is {report.verdict}"))
    return tuple(found)


def _defects(
    stored: StoredResponse,
    report: Report,
    response: OCSPResponse,
    basic: BasicOCSPResponse,
    wanted: Wanted,
) -> Iterator[Check]:
    data = basic.tbs_response_data
    yield from _encoding(response)
    yield from _signed_by(report, basic, wanted)
    yield from _said(data, wanted)
    yield from _times(data, stored)
    yield from _extensions(data)
    if wanted.authority.policy.profile is Profile.RFC_9919:
        yield from _lightweight(data)
    if wanted.authority.policy.profile is Profile.CABF:
        yield from _baseline(data)


def _encoding(response: OCSPResponse) -> Iterator[Check]:
    """Ours is DER; the serial number alone is what the CA made of it."""
    for one in response.departures:
        if not one.where.endswith("certID.serialNumber"):
            yield Check.failed("O9", "encoding", f"{one.where} {one.text}")


def _signed_by(report: Report, basic: BasicOCSPResponse, wanted: Wanted) -> Iterator[Check]:
    name, signer = "signer", wanted.signer
    if report.verified is not None and report.verified.signer != signer.certificate:
        reason = f"is {report.verified.signer}, not {signer.certificate}"
        yield Check.failed("O16", name, reason)
    if basic.signature_algorithm != signer.algorithm.identifier:
        reason = f"{basic.signature_algorithm} stands there, and {signer.algorithm.name} signed"
        yield Check.failed("O31", "signature algorithm", reason)
    if basic.certs != tuple(one.der for one in signer.certs):
        yield Check.failed("O18", "certs", "are not the signer's")


def _said(data: ResponseData, wanted: Wanted) -> Iterator[Check]:
    """O15, L3: about this certificate alone, by the names wanted; O12: what was to be said."""
    names = [one.cert_id.encode() for one in data.responses]
    if names != [one.encode() for one in wanted.cert_ids]:
        many = f"{len(names)} answers for {len(wanted.cert_ids)} names of one certificate"
        same = "the certIDs are not those wanted"
        reason = same if len(names) == len(wanted.cert_ids) else many
        yield Check.failed("L3", "responses", reason)
    for one in data.responses:
        if one.cert_status != wanted.cert_status:
            reason = f"{one.cert_status} is said, and {wanted.cert_status} is known"
            yield Check.failed("O12", "certStatus", reason)
    if len({_rest(one) for one in data.responses}) > 1:
        yield Check.failed("L3", "responses", "times or extensions differ between two names")


def _rest(single: SingleResponse) -> tuple[object, ...]:
    return single.this_update, single.next_update, single.single_extensions


def _times(data: ResponseData, stored: StoredResponse) -> Iterator[Check]:
    """The store rests on what is written beside the answer: it is what stands in it."""
    first = data.responses[0]
    if first.next_update is None:
        yield Check.failed("L7", "nextUpdate", "is absent")
    written = (stored.this_update, stored.next_update, stored.produced_at)
    if (first.this_update, first.next_update, data.produced_at) != written:
        yield Check.failed("O19", "times", "are not those written beside the answer")
    if first.this_update > data.produced_at:
        yield Check.failed("O19", "thisUpdate", "is later than producedAt")
    if not stored.produced_at <= stored.fresh_until <= stored.next_update:
        yield Check.failed("O19", "renewal", "is not due between producedAt and nextUpdate")


def _extensions(data: ResponseData) -> Iterator[Check]:
    """L3: an answer for everyone has no responseExtensions, a nonce least of all."""
    for one in data.response_extensions:
        yield Check.failed("L3", "responseExtensions", f"{one.oid} stands among them")


# --- profiles ----------------------------------------------------------------------------------


def _lightweight(data: ResponseData) -> Iterator[Check]:
    if not isinstance(data.responder_id, ByKey):
        yield Check.failed("L5", "responderID", "is by name, and RFC 9919 asks for byKey")


def _baseline(data: ResponseData) -> Iterator[Check]:
    for one in data.responses:
        problem = None
        if one.next_update is not None:
            problem = interval_problem(one.this_update, one.next_update)
        if problem is not None:
            yield Check.failed("B2", "validity", problem)
        if one.single_extensions.has(ReasonCode):
            yield Check.failed("B5", "singleExtensions", "hold a reasonCode (BR 7.3)")
        status = one.cert_status
        if isinstance(status, Revoked) and status.reason not in {None, *BR_REASONS}:
            yield Check.failed("B5", "revocationReason", f"{status.reason} is not allowed (BR 7.3)")
