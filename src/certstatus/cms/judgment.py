"""SignedData judged: one signer, its attributes, its signature, its certificate (S1 to S3).

Verification goes on after a failure where that is safe, and never raises for what a peer
sent. The one signature is over the attributes, which name the content's type, its digest
and the certificate; so all of them are looked at, whatever comes first.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Final, TypeVar

from cryptography.x509 import ObjectIdentifier

from certstatus.asn1 import oids
from certstatus.asn1.doorway import encode_tlv
from certstatus.cms.attribute import (
    Attribute,
    parse_content_type,
    parse_message_digest,
    parse_signing_certificate,
    parse_signing_time,
)
from certstatus.cms.content import ContentInfo, Protection, parse_content_info
from certstatus.cms.digest import (
    DigestAlgorithm,
    digest_algorithm,
    digest_problem,
    signing_algorithm,
)
from certstatus.cms.report import SignatureReport
from certstatus.cms.signed_data import SignedData, SignerInfo, parse_signed_data
from certstatus.errors import MalformedError
from certstatus.limits import DEFAULT_SKEW
from certstatus.limits_scvp import MAX_SIGNER_CANDIDATES
from certstatus.pkix import Certificate, SignatureAlgorithm, signature_problem
from certstatus.signing import Purpose, key_usage_problem, purpose_problem
from certstatus.verify import Check, Finding, Outcome

__all__ = ["verify_signed_data"]

T = TypeVar("T")

_SET: Final = 0x31
_LATEST_VERSION: Final = 5


@dataclass(frozen=True, kw_only=True, slots=True)
class _Question:
    """What a SignedData is held against; ``now`` is aware UTC."""

    now: datetime
    purpose: Purpose
    content_types: Collection[ObjectIdentifier]
    certificates: tuple[Certificate, ...]
    accepted_purposes: Collection[ObjectIdentifier]
    skew: timedelta
    allow_sha1: bool


def verify_signed_data(
    data: bytes | ContentInfo | SignedData,
    *,
    now: datetime,
    purpose: Purpose,
    content_types: Collection[ObjectIdentifier] = (),
    certificates: Iterable[Certificate] = (),
    trusted: Collection[Certificate] = (),
    accepted_purposes: Collection[ObjectIdentifier] = (),
    skew: timedelta = DEFAULT_SKEW,
    allow_sha1: bool = False,
) -> SignatureReport:
    """Judge a signed message; ``now`` is aware UTC.

    ``content_types`` are those that may be inside, any where empty. The signer is searched
    among the certificates that came along and ``certificates``. One that is among
    ``trusted`` is believed; about any other, ``SignatureReport.with_trust`` takes the
    caller's word. ``accepted_purposes`` serve beside the purpose's own (S3).
    """
    at_hand = tuple(dict.fromkeys((*certificates, *trusted)))
    question = _Question(
        now=now,
        purpose=purpose,
        content_types=content_types,
        certificates=at_hand,
        accepted_purposes=accepted_purposes,
        skew=skew,
        allow_sha1=allow_sha1,
    )
    signed_data, check = _read(data)
    if signed_data is None:
        return SignatureReport(checks=(check,))
    report = _judge(signed_data, question, check)
    if report.signer in trusted and report.signer is not None:
        return report.with_trust(None)
    return report.left_open()


def _read(data: bytes | ContentInfo | SignedData) -> tuple[SignedData | None, Check]:
    """Tell SignedData from what is not (S1)."""
    passed = Check.passed("S1", "protection", "SignedData")
    if isinstance(data, SignedData):
        return data, passed
    try:
        info = parse_content_info(data) if isinstance(data, bytes) else data
        if info.protection is Protection.SIGNED:
            return parse_signed_data(info), passed
    except MalformedError as error:
        return None, Check.failed("S1", "CMS", str(error))
    kind = oids.name_of(info.content_type)
    if info.protection is Protection.AUTHENTICATED:
        return None, Check.failed("S1", "protection", f"{kind}: MACs are not supported")
    return None, Check.failed("S1", "protection", f"{kind} stands there unprotected")


def _judge(data: SignedData, question: _Question, first: Check) -> SignatureReport:
    checks = [first, _check_version(data), _check_one_signer(data)]
    checks.append(_check_content_type(data, question))
    findings = [Finding.of(departure) for departure in data.departures]
    if len(data.signer_infos) != 1:
        return SignatureReport(checks=tuple(checks), findings=tuple(findings), signed_data=data)
    info = data.signer_infos[0]
    checks += [_check_unsigned(info), _check_content_type_attribute(data, info)]
    algorithms, algorithm_checks = _algorithms(info, question)
    checks += algorithm_checks
    checks.append(_check_message_digest(data, info, algorithms))
    signer, signer_checks, signer_findings = _signer(data, info, question, algorithms)
    checks += signer_checks
    signing_time, time_findings = _signing_time(info, question)
    return SignatureReport(
        checks=tuple(checks),
        findings=(*findings, *signer_findings, *time_findings),
        signed_data=data,
        signer=signer,
        signing_time=signing_time,
    )


# --- the structure --------------------------------------------------------------------------


def _check_version(data: SignedData) -> Check:
    if 1 <= data.version <= _LATEST_VERSION:
        return Check.passed("S2", "version", f"{data.version}")
    return Check.failed("S2", "version", f"{data.version} is not known")


def _check_one_signer(data: SignedData) -> Check:
    count = len(data.signer_infos)
    if count == 1:
        return Check.passed("S2", "one signer", str(data.signer_infos[0].sid))
    return Check.failed("S2", "one signer", f"there are {count} SignerInfos")


def _check_content_type(data: SignedData, question: _Question) -> Check:
    name, found = "content type", oids.name_of(data.content_type)
    if data.content is None:
        return Check.failed("S1", name, f"{found}, and the content itself is absent")
    if question.content_types and data.content_type not in question.content_types:
        wanted = " or ".join(map(oids.name_of, question.content_types))
        return Check.failed("S1", name, f"{found} is signed, not {wanted}")
    return Check.passed("S1", name, found)


def _check_unsigned(info: SignerInfo) -> Check:
    if info.unsigned_attrs is None:
        return Check.passed("S2", "no unsigned attributes", "there are none")
    reason = f"there are {len(info.unsigned_attrs)}, which nobody signed"
    return Check.failed("S2", "no unsigned attributes", reason)


# --- the attributes -------------------------------------------------------------------------


def _attribute(info: SignerInfo, attr_type: ObjectIdentifier, parse: Callable[[Attribute], T]) -> T:
    """Read the one attribute of a type.

    Raises:
        MalformedError: there is none, or several, or it is broken.
    """
    found = info.attributes(attr_type)
    if len(found) != 1:
        count = "absent" if not found else f"there {len(found)} times"
        raise MalformedError(
            f"is {count} among the signed attributes", where=oids.name_of(attr_type)
        )
    return parse(found[0])


def _check_content_type_attribute(data: SignedData, info: SignerInfo) -> Check:
    name = "content-type attribute"
    try:
        stated = _attribute(info, oids.ID_CONTENT_TYPE, parse_content_type)
    except MalformedError as error:
        return Check.failed("S2", name, str(error))
    if stated != data.content_type:
        return Check.failed(
            "S2", name, f"{oids.name_of(stated)} is another type than the content's"
        )
    return Check.passed("S2", name, oids.name_of(stated))


def _check_message_digest(
    data: SignedData, info: SignerInfo, algorithms: _Algorithms | None
) -> Check:
    name = "message-digest attribute"
    try:
        stated = _attribute(info, oids.ID_MESSAGE_DIGEST, parse_message_digest)
    except MalformedError as error:
        return Check.failed("S2", name, str(error))
    if algorithms is None or data.content is None:
        return Check.skipped("S2", name, "there is nothing to compare it with")
    if not hmac.compare_digest(stated, algorithms.digest.digest(data.content)):
        return Check.failed("S2", name, "is not the digest of the content")
    return Check.passed("S2", name, algorithms.digest.name)


def _signing_time(
    info: SignerInfo, question: _Question
) -> tuple[datetime | None, tuple[Finding, ...]]:
    """Read the signer's own word on the time; it proves nothing, and is not judged by."""
    where = "id-signingTime"
    if not info.attributes(oids.ID_SIGNING_TIME):
        return None, ()
    try:
        moment = _attribute(info, oids.ID_SIGNING_TIME, parse_signing_time)
    except MalformedError as error:
        return None, (Finding(where, str(error)),)
    if moment > question.now + question.skew:
        return moment, (Finding(where, "lies in the future"),)
    return moment, ()


# --- the algorithms -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Algorithms:
    """How the content is hashed, and how the attributes are signed."""

    digest: DigestAlgorithm
    signature: SignatureAlgorithm


def _algorithms(
    info: SignerInfo, question: _Question
) -> tuple[_Algorithms | None, tuple[Check, ...]]:
    """Read both algorithms; None where one of them is not usable."""
    try:
        digest = digest_algorithm(info.digest_algorithm)
    except MalformedError as error:
        skipped = Check.skipped("O29", "signature algorithm", "the digest's is not known")
        return None, (Check.failed("O29", "digest algorithm", str(error)), skipped)
    try:
        signature = signing_algorithm(info.signature_algorithm, digest)
    except MalformedError as error:
        passed = Check.passed("O29", "digest algorithm", digest.name)
        failed = Check.failed(error.rule or "O29", "signature algorithm", str(error))
        return None, (passed, failed)
    checks = (_check_digest(signature, digest, question), _check_algorithm(signature, question))
    usable = all(check.outcome is not Outcome.FAIL for check in checks)
    return (_Algorithms(digest, signature) if usable else None), checks


def _check_digest(
    signature: SignatureAlgorithm, digest: DigestAlgorithm, question: _Question
) -> Check:
    name = "digest algorithm"
    if digest.is_sha1 and not question.allow_sha1:
        return Check.failed("O29", name, f"{digest.name} is refused unless allowed")
    problem = digest_problem(signature, digest)
    if problem is None:
        return Check.passed("O29", name, digest.name)
    rule = "O29" if signature.hash is not None else _RULES.get(signature.identifier.oid, "A4")
    return Check.failed(rule, name, problem)


_RULES: Final = {oids.ID_ED25519: "A1", oids.ID_ED448: "A1"}


def _check_algorithm(signature: SignatureAlgorithm, question: _Question) -> Check:
    name = "signature algorithm"
    if signature.is_sha1 and not question.allow_sha1:
        reason = f"{signature.name} rests on SHA-1, and is refused unless allowed"
        return Check.failed("O29", name, reason)
    return Check.passed("O29", name, signature.name)


# --- the signer -----------------------------------------------------------------------------


def _signer(
    data: SignedData, info: SignerInfo, question: _Question, algorithms: _Algorithms | None
) -> tuple[Certificate | None, tuple[Check, ...], tuple[Finding, ...]]:
    """Find the certificate that the signature holds by, and judge it."""
    named = _named(data, info, question)
    if not named:
        reason = f"{info.sid} is neither enclosed nor known"
        return None, (Check.failed("S2", "signer's certificate", reason),), ()
    found = Check.passed("S2", "signer's certificate", str(named[0]))
    if algorithms is None or info.signed_attrs is None:
        reason = "the algorithms are not usable" if info.signed_attrs else "nothing is signed"
        return None, (found, Check.skipped("S1", "signature", reason)), ()
    signer, check, findings = _by_signature(info, named, algorithms)
    if signer is None:
        return None, (found, check), findings
    found = Check.passed("S2", "signer's certificate", str(signer))
    reference, more = _check_reference(info, signer)
    checks = (found, check, reference, *_fitness(signer, question))
    enclosed = () if signer in data.readable_certificates else _NOT_ENCLOSED
    return signer, checks, (*findings, *more, *enclosed)


_NOT_ENCLOSED: Final = (
    Finding("SignedData.certificates", "the signer's certificate is not among them (S2)"),
)


def _named(data: SignedData, info: SignerInfo, question: _Question) -> tuple[Certificate, ...]:
    """Return those that the SignerInfo may mean, each once, and not too many."""
    at_hand = dict.fromkeys((*data.readable_certificates, *question.certificates))
    return tuple(islice((one for one in at_hand if _is_named(info, one)), MAX_SIGNER_CANDIDATES))


def _is_named(info: SignerInfo, certificate: Certificate) -> bool:
    try:
        return info.sid.names(certificate)
    except MalformedError:
        return False


def _by_signature(
    info: SignerInfo, named: tuple[Certificate, ...], algorithms: _Algorithms
) -> tuple[Certificate | None, Check, tuple[Finding, ...]]:
    """Try each certificate, over the attributes in DER's order, then in the order they stand in."""
    problem = None
    for octets, findings in _signed_octets(info):
        for candidate in named:
            found = _signature_problem(info, candidate, algorithms.signature, octets)
            if found is None:
                reason = f"holds, by the key of {candidate.subject}"
                return candidate, Check.passed("S1", "signature", reason), findings
            problem = problem or found
    return None, Check.failed("S1", "signature", problem or "is not to be verified"), ()


def _signed_octets(info: SignerInfo) -> Iterator[tuple[bytes, tuple[Finding, ...]]]:
    yield info.signed_octets, ()
    if not info.is_sorted:
        # Some sign what they send, and not the DER of it (RFC 5652 §5.4).
        as_sent = b"".join(attribute.der for attribute in info.signed_attrs or ())
        finding = Finding("SignerInfo.signedAttrs", "is signed out of DER's order")
        yield encode_tlv(_SET, as_sent), (finding,)


def _signature_problem(
    info: SignerInfo, candidate: Certificate, algorithm: SignatureAlgorithm, octets: bytes
) -> str | None:
    try:
        return signature_problem(algorithm, candidate.public_key, info.signature, octets)
    except MalformedError as error:
        return str(error)


def _check_reference(info: SignerInfo, signer: Certificate) -> tuple[Check, tuple[Finding, ...]]:
    """Hold the certificate against signing-certificate, of either version or of both (S2)."""
    name = "signing-certificate attribute"
    present = [
        oid
        for oid in (oids.ID_AA_SIGNING_CERTIFICATE_V2, oids.ID_AA_SIGNING_CERTIFICATE)
        if info.attributes(oid)
    ]
    if not present:
        finding = Finding("SignerInfo.signedAttrs", "has no signing-certificate attribute (S2)")
        return Check.skipped("S2", name, "there is none"), (finding,)
    for oid in present:
        try:
            problem = _attribute(info, oid, parse_signing_certificate).problem_with(signer)
        except MalformedError as error:
            problem = str(error)
        if problem is not None:
            return Check.failed("S2", name, problem), ()
    return Check.passed("S2", name, ", ".join(map(oids.name_of, present))), ()


def _fitness(signer: Certificate, question: _Question) -> Iterator[Check]:
    """Judge what the certificate itself says: its time, its key usage, its purpose (S3)."""
    period = f"{signer.not_before.date()} to {signer.not_after.date()}"
    # The skew goes to now: a certificate may well end with time itself, in 9999.
    is_begun = signer.not_before <= question.now + question.skew
    is_valid = is_begun and question.now - question.skew <= signer.not_after
    yield (Check.passed if is_valid else Check.failed)("S3", "signer's validity", period)
    yield _outcome("signer's key usage", lambda: key_usage_problem(signer))
    yield _outcome(
        "signer's purpose",
        lambda: purpose_problem(signer, question.purpose, question.accepted_purposes),
    )


def _outcome(name: str, problem_of: Callable[[], str | None]) -> Check:
    try:
        problem = problem_of()
    except MalformedError as error:
        problem = str(error)
    if problem is not None:
        return Check.failed("S3", name, problem)
    return Check.passed("S3", name, "fits")
