"""Which requests are answered: syntax, extensions, nonce, and who asks (O2 to O6, N2, L2). Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from certstatus.asn1 import oids
from certstatus.errors import MalformedError
from certstatus.limits import MAX_NONCE_OCTETS, MAX_REQUESTS
from certstatus.ocsp import (
    AcceptableResponses,
    Nonce,
    OCSPRequest,
    PreferredSignatureAlgorithms,
    ServiceLocator,
    parse_request,
)
from certstatus.pkix import Certificate, signature_algorithm, signature_problem
from certstatus.responder.reply import Cause, Refusal
from certstatus.signing.profile import KNOWN_CRITICAL

__all__ = ["RequestPolicy", "SignedRequests", "accept"]


class SignedRequests(StrEnum):
    """What becomes of a request's signature (O5, L2)."""

    IGNORE = "ignore"
    """It is not looked at: the request counts as unsigned."""
    VERIFY = "verify"
    """A request needs none; one that it has must hold, by somebody who is trusted."""
    REQUIRE = "require"
    """Every request has one that holds."""


@dataclass(frozen=True, kw_only=True)
class RequestPolicy:
    """Which requests are answered.

    A requestor is trusted where its certificate is among ``requestors``, or was issued
    directly by one of ``anchors``.
    """

    max_certificates: int = MAX_REQUESTS
    signatures: SignedRequests = SignedRequests.IGNORE
    anchors: tuple[Certificate, ...] = ()
    requestors: tuple[Certificate, ...] = ()


_REQUEST_EXTENSIONS: Final = frozenset(
    {Nonce.oid, AcceptableResponses.oid, PreferredSignatureAlgorithms.oid}
)
_SINGLE_EXTENSIONS: Final = frozenset({ServiceLocator.oid})


def accept(der: bytes, policy: RequestPolicy, now: datetime) -> OCSPRequest:
    """Read a request, and refuse what may not be answered.

    AcceptableResponses without the basic type is answered with it all the same (O6).

    Raises:
        Refusal: the request breaks a rule; its cause says which.
    """
    try:
        request = parse_request(der)
    except MalformedError as error:
        raise Refusal(Cause.MALFORMED, str(error)) from error
    count = len(request.request_list)
    if count > policy.max_certificates:
        text = f"asks for {count} certificates, more than {policy.max_certificates}"
        raise Refusal(Cause.TOO_MANY, text)
    _check_extensions(request)
    _check_nonce(request)
    if policy.signatures is not SignedRequests.IGNORE:
        _check_signature(request, policy, now)
    return request


def _check_extensions(request: OCSPRequest) -> None:
    """O3: what is critical must be known, in the place where it stands."""
    unknown = [
        *request.request_extensions.unknown_critical(_REQUEST_EXTENSIONS),
        *(
            oid
            for one in request.request_list
            for oid in one.single_request_extensions.unknown_critical(_SINGLE_EXTENSIONS)
        ),
    ]
    if unknown:
        names = ", ".join(map(oids.name_of, unknown))
        raise Refusal(Cause.CRITICAL_EXTENSION, f"critical and not known here: {names}")


def _check_nonce(request: OCSPRequest) -> None:
    """N2: the syntax allows 1 to 128 octets, whatever the policy makes of them."""
    nonce = request.nonce
    if nonce is not None and not 1 <= len(nonce.octets) <= MAX_NONCE_OCTETS:
        text = f"the nonce has {len(nonce.octets)} octets, not 1 to {MAX_NONCE_OCTETS}"
        raise Refusal(Cause.NONCE_LENGTH, text)


def _check_signature(request: OCSPRequest, policy: RequestPolicy, now: datetime) -> None:
    signature = request.optional_signature
    if signature is None:
        if policy.signatures is SignedRequests.REQUIRE:
            raise Refusal(Cause.UNSIGNED, "is not signed")
        return
    if request.requestor_name is None:
        raise Refusal(Cause.REQUESTOR_NAME, "is signed and names no requestor [O4]")
    signer = _signer(request, policy)
    problem = _distrust(signer, policy, now)
    if problem is not None:
        raise Refusal(Cause.REQUESTOR, f"{signer} {problem}")


def _signer(request: OCSPRequest, policy: RequestPolicy) -> Certificate:
    """Return the certificate whose key made the signature: a listed one, or one sent along."""
    signature = request.optional_signature
    assert signature is not None
    try:
        algorithm = signature_algorithm(signature.signature_algorithm)
    except MalformedError as error:
        raise Refusal(Cause.BAD_SIGNATURE, str(error)) from error
    if algorithm.is_sha1:
        raise Refusal(Cause.BAD_SIGNATURE, f"{algorithm.name} rests on SHA-1 [O29]")
    for candidate in (*policy.requestors, *_readable(signature.certs)):
        key = candidate.public_key
        if signature_problem(algorithm, key, signature.signature, request.tbs_request) is None:
            return candidate
    raise Refusal(Cause.BAD_SIGNATURE, "the signature is by no certificate listed or sent along")


def _readable(certs: tuple[bytes, ...]) -> Iterator[Certificate]:
    """Pass over certificates that can't be read: one of them spoils nothing."""
    for der in certs:
        try:
            certificate = Certificate.from_der(der)
            _ = certificate.public_key, certificate.extensions
        except MalformedError:
            continue
        yield certificate


def _distrust(signer: Certificate, policy: RequestPolicy, now: datetime) -> str | None:
    """Say why the signer of a request is not trusted; None: it is (O5)."""
    try:
        if not signer.is_valid_at(now):
            return "is not valid now"
        usage = signer.key_usage
        if usage is not None and not usage.digital_signature:
            return "has no digitalSignature in its key usage"
        unknown = [
            oids.name_of(oid)
            for oid, (critical, _) in signer.extensions.items()
            if critical and oid not in KNOWN_CRITICAL
        ]
        if unknown:
            return f"has critical extensions that are not known here: {', '.join(unknown)}"
        is_trusted = signer in policy.requestors or _is_issued_by_anchor(signer, policy)
    except MalformedError as error:
        return f"can't be read: {error}"
    return None if is_trusted else "is not listed, and no anchor issued it"


def _is_issued_by_anchor(signer: Certificate, policy: RequestPolicy) -> bool:
    algorithm = signature_algorithm(signer.signature_algorithm)
    return not algorithm.is_sha1 and any(
        signer.issuer.matches(anchor.subject)
        and signature_problem(algorithm, anchor.public_key, signer.signature, signer.tbs_der)
        is None
        for anchor in policy.anchors
    )
