"""CVResponse: DER to frozen values and back, without judgment (RFC 5055 §4).

Nothing here says that a reply is to be believed, or that it answers what was asked.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final, TypeAlias

from cryptography.x509 import ObjectIdentifier

from certstatus.asn1 import scvp as asn1
from certstatus.asn1.departure import Departure
from certstatus.asn1.doorway import (
    TLV,
    decode,
    decode_time,
    encode,
    encode_enumerated,
    encode_sequence_of,
    generalized_time,
    put_member,
    read_tlv,
    retag,
    take_enumerated,
)
from certstatus.errors import MalformedError
from certstatus.limits_scvp import (
    MAX_CV_REQUEST_BYTES,
    MAX_CV_RESPONSE_BYTES,
    MAX_QUERIED_CERTS,
    MAX_SCVP_OIDS,
)
from certstatus.ocsp import NO_EXTENSIONS, Extensions
from certstatus.pkix import AlgorithmIdentifier, GeneralName, HashAlgorithm
from certstatus.scvp.encoding import read_leniently
from certstatus.scvp.lists import (
    bounded,
    check_elements,
    declared_names,
    declared_oids,
    decode_step,
    filled,
    read_extensions,
    read_names,
    read_oids,
)
from certstatus.scvp.policy import (
    ValidationPolicy,
    encode_validation_policy,
    read_validation_policy,
)
from certstatus.scvp.reference import (
    SHA_1,
    CertReference,
    declared_hash_algorithm,
    read_hash_algorithm,
    read_reference,
)
from certstatus.scvp.request import (
    CVRequest,
    check_text,
    declared_time,
    parse_cv_request,
    read_time,
)
from certstatus.scvp.statuses import CVStatusCode, ReplyStatus, WantBack
from certstatus.scvp.want_back import ReplyWantBack, WantBackValue

__all__ = [
    "CVResponse",
    "CertReply",
    "FullRequest",
    "HashValue",
    "ReplyCheck",
    "RequestReference",
    "ResponseStatus",
    "encode_cv_response",
    "parse_cv_response",
    "request_hash",
]

_VERSION: Final = 1
_SEQUENCE: Final = 0x30
_REQUEST_HASH: Final = 0xA0
_FULL_REQUEST: Final = 0xA1
_FIRST_ERROR: Final = 10


@dataclass(frozen=True, slots=True)
class ResponseStatus:
    """How the request as a whole went (RFC 5055 §4.4): any number, a known one or not."""

    status_code: int = CVStatusCode.OKAY
    error_message: str | None = None

    @property
    def is_success(self) -> bool:
        """Whether the request was processed: the code is below 10."""
        return 0 <= self.status_code < _FIRST_ERROR

    @property
    def known(self) -> CVStatusCode | None:
        """The code by its name, or None where it has none."""
        return CVStatusCode.from_number(self.status_code)


@dataclass(frozen=True, slots=True)
class HashValue:
    """The hash of a CVRequest: of its DER as it was sent, without CMS around it (S14)."""

    value: bytes
    algorithm: AlgorithmIdentifier = SHA_1

    def matches(self, cv_request: bytes) -> bool | None:
        """Whether it is the hash of that CVRequest; None: the algorithm is unknown."""
        algorithm = HashAlgorithm.from_oid(self.algorithm.oid)
        return None if algorithm is None else algorithm.digest(cv_request) == self.value


def request_hash(cv_request: bytes, algorithm: HashAlgorithm = HashAlgorithm.SHA256) -> HashValue:
    """Hash the octets of a CVRequest as they were received (S5)."""
    return HashValue(algorithm.digest(cv_request), AlgorithmIdentifier(algorithm.oid))


@dataclass(frozen=True, slots=True)
class FullRequest:
    """The whole CVRequest, unread: ``der`` has its SEQUENCE tag again."""

    der: bytes

    def request(self) -> CVRequest:
        """Read it. Raises MalformedError."""
        return parse_cv_request(self.der)


RequestReference: TypeAlias = HashValue | FullRequest


@dataclass(frozen=True, slots=True)
class ReplyCheck:
    """What one check found (RFC 5055 §4.9.4): a PathStatus or RevocationStatus, by its number."""

    check: ObjectIdentifier
    status: int = 0


@dataclass(frozen=True, kw_only=True)
class CertReply:
    """The reply about one certificate (RFC 5055 §4.9); times are aware UTC.

    ``reply_status`` is a ReplyStatus by its number; ``cert`` echoes the reference, or is the
    certificate itself where that was asked for.
    """

    cert: CertReference
    reply_status: int = ReplyStatus.SUCCESS
    reply_val_time: datetime
    reply_checks: tuple[ReplyCheck, ...] = ()
    reply_want_backs: tuple[ReplyWantBack, ...] = field(default=(), repr=False)
    validation_errors: tuple[ObjectIdentifier, ...] = ()
    next_update: datetime | None = None
    cert_reply_extensions: Extensions = NO_EXTENSIONS

    def want_back(self, wanted: WantBack) -> WantBackValue | None:
        """What was sent back for a wantBack, or None. Raises MalformedError where it is broken."""
        for one in self.reply_want_backs:
            if one.wb == wanted.oid:
                return one.typed()
        return None

    def status_of(self, check: ObjectIdentifier) -> int | None:
        """What a check found, or None where the reply has no word of it."""
        return next((one.status for one in self.reply_checks if one.check == check), None)


@dataclass(frozen=True, kw_only=True)
class CVResponse:
    """A reply, read or to be written; times are aware UTC.

    Any version is read: an error names the highest that the server supports (S19). ``der`` and
    ``departures`` are as in CVRequest.
    """

    server_configuration_id: int
    produced_at: datetime
    response_status: ResponseStatus = ResponseStatus()
    resp_validation_policy: ValidationPolicy | None = None
    request_ref: RequestReference | None = None
    requestor_ref: tuple[GeneralName, ...] = ()
    requestor_name: tuple[GeneralName, ...] = ()
    reply_objects: tuple[CertReply, ...] = ()
    resp_nonce: bytes | None = None
    server_context_info: bytes | None = None
    cv_response_extensions: Extensions = NO_EXTENSIONS
    requestor_text: str | None = None
    cv_response_version: int = _VERSION
    der: bytes = field(default=b"", repr=False, compare=False)
    departures: tuple[Departure, ...] = field(default=(), compare=False)


def parse_cv_response(der: bytes) -> CVResponse:
    """Read a CVResponse, the bare SEQUENCE.

    Raises:
        MalformedError: it is none, a list is empty or too long, it has bytes after its end, or
            is larger than ``MAX_CV_RESPONSE_BYTES``.
    """
    if len(der) > MAX_CV_RESPONSE_BYTES:
        raise MalformedError(f"is larger than {MAX_CV_RESPONSE_BYTES} bytes", where="CVResponse")
    response, departures = read_leniently(_cv_response, der, "CVResponse")
    return replace(response, der=der, departures=departures)


def _cv_response(der: bytes, departures: list[Departure]) -> CVResponse:
    declared = decode_step(asn1.CVResponse, der, "CVResponse")
    return CVResponse(
        cv_response_version=declared.cv_response_version,
        server_configuration_id=declared.server_configuration_id,
        produced_at=decode_time(declared.produced_at, "CVResponse.producedAt"),
        response_status=_response_status(encode(declared.response_status), departures),
        resp_validation_policy=_policy(declared.resp_validation_policy, departures),
        request_ref=_request_ref(declared.request_ref, departures),
        requestor_ref=read_names(declared.requestor_ref, "CVResponse.requestorRef"),
        requestor_name=read_names(declared.requestor_name, "CVResponse.requestorName"),
        reply_objects=_reply_objects(declared.reply_objects, departures),
        resp_nonce=declared.resp_nonce,
        server_context_info=declared.server_context_info,
        cv_response_extensions=read_extensions(
            declared.cv_response_extensions, "cvResponseExtensions", departures
        ),
        requestor_text=check_text(declared.requestor_text, "CVResponse.requestorText"),
    )


def _response_status(der: bytes, departures: list[Departure]) -> ResponseStatus:
    where = "CVResponse.responseStatus"
    check_elements(der, where, depth=1)
    code, rest = take_enumerated(der, 0, where)
    declared = decode(asn1.ResponseStatus, rest, where)
    return ResponseStatus(
        _defaulted(code, f"{where}.statusCode", "okay", departures), declared.error_message
    )


def _defaulted(found: int | None, where: str, default: str, departures: list[Departure]) -> int:
    """Return a number whose default is 0; one written out is noted."""
    if found == 0:
        departures.append(Departure(where, f"writes the default {default} out"))
    return found or 0


def _policy(declared: list[TLV] | None, departures: list[Departure]) -> ValidationPolicy | None:
    if declared is None:
        return None
    der = encode_sequence_of([encode(member) for member in declared])
    return read_validation_policy(der, "CVResponse.respValidationPolicy", departures)


def _request_ref(declared: object, departures: list[Departure]) -> RequestReference | None:
    """Read RequestReference, a CHOICE under an explicit tag."""
    if declared is None:
        return None
    where = "CVResponse.requestRef"
    if isinstance(declared, TLV):
        der = encode(declared)
        if der[0] == _REQUEST_HASH:
            return _hash_value(retag(der, _SEQUENCE), f"{where}.requestHash", departures)
        if der[0] == _FULL_REQUEST:
            return FullRequest(retag(der, _SEQUENCE))
    raise MalformedError("is neither requestHash nor fullRequest", where=where)


def _hash_value(der: bytes, where: str, departures: list[Departure]) -> HashValue:
    declared = decode(asn1.HashValue, der, where)
    algorithm = read_hash_algorithm(declared.algorithm, f"{where}.algorithm", departures)
    return HashValue(declared.value, algorithm)


def _reply_objects(
    declared: list[TLV] | None, departures: list[Departure]
) -> tuple[CertReply, ...]:
    if declared is None:
        return ()
    members = filled(declared, MAX_QUERIED_CERTS, "CVResponse.replyObjects")
    return tuple(_cert_reply(encode(member), departures) for member in members)


def _cert_reply(der: bytes, departures: list[Departure]) -> CertReply:
    where = "CertReply"
    check_elements(der, where, depth=2)
    status, rest = take_enumerated(der, 1, f"{where}.replyStatus")
    declared = decode(asn1.CertReply, rest, where)
    checks = bounded(declared.reply_checks, MAX_SCVP_OIDS, f"{where}.replyChecks")
    want_backs = bounded(declared.reply_want_backs, MAX_SCVP_OIDS, f"{where}.replyWantBacks")
    return CertReply(
        cert=read_reference(declared.cert, f"{where}.cert", departures),
        reply_status=_defaulted(status, f"{where}.replyStatus", "success", departures),
        reply_val_time=decode_time(declared.reply_val_time, f"{where}.replyValTime"),
        reply_checks=tuple(_reply_check(one, departures) for one in checks),
        reply_want_backs=tuple(ReplyWantBack(one.wb, one.value) for one in want_backs),
        validation_errors=read_oids(declared.validation_errors, f"{where}.validationErrors"),
        next_update=read_time(declared.next_update, f"{where}.nextUpdate"),
        cert_reply_extensions=read_extensions(
            declared.cert_reply_extensions, "certReplyExtensions", departures
        ),
    )


def _reply_check(declared: asn1.ReplyCheck, departures: list[Departure]) -> ReplyCheck:
    status = _defaulted(declared.status, "ReplyCheck.status", "0", departures)
    return ReplyCheck(declared.check, status)


def encode_cv_response(response: CVResponse) -> bytes:
    """Write a CVResponse in canonical DER; references that were read keep their octets.

    Raises:
        MalformedError: a list is too long, a number is none that one octet holds, or DER that
            it is to hold is none.
    """
    text = check_text(response.requestor_text, "CVResponse.requestorText")
    replies = bounded(response.reply_objects, MAX_QUERIED_CERTS, "CVResponse.replyObjects")
    status = _encode_response_status(response.response_status)
    return encode(
        asn1.CVResponse(
            cv_response_version=response.cv_response_version,
            server_configuration_id=response.server_configuration_id,
            produced_at=generalized_time(response.produced_at),
            response_status=read_tlv(status, "ResponseStatus"),
            resp_validation_policy=_declared_policy(response.resp_validation_policy),
            request_ref=_declared_request_ref(response.request_ref),
            requestor_ref=declared_names(response.requestor_ref, "CVResponse.requestorRef"),
            requestor_name=declared_names(response.requestor_name, "CVResponse.requestorName"),
            reply_objects=[read_tlv(_encode_reply(one), "CertReply") for one in replies] or None,
            resp_nonce=response.resp_nonce,
            server_context_info=response.server_context_info,
            cv_response_extensions=response.cv_response_extensions.declared(),
            requestor_text=text,
        )
    )


def _encode_response_status(status: ResponseStatus) -> bytes:
    der = encode(asn1.ResponseStatus(error_message=status.error_message))
    return _with_enumerated(der, 0, status.status_code, "ResponseStatus.statusCode")


def _with_enumerated(der: bytes, position: int, number: int, where: str) -> bytes:
    """Put an ENUMERATED DEFAULT 0 in its place: a 0 is left out."""
    if number == 0:
        return der
    try:
        return put_member(der, position, encode(encode_enumerated(number)))
    except ValueError as error:
        raise MalformedError(str(error), where=where) from error


def _declared_policy(policy: ValidationPolicy | None) -> list[TLV] | None:
    """Return the members of a ValidationPolicy under an implicit tag."""
    if policy is None:
        return None
    where, der = "CVResponse.respValidationPolicy", encode_validation_policy(policy)
    return decode(asn1.Members, encode_sequence_of([der]), where).members


def _declared_request_ref(reference: RequestReference | None) -> TLV | None:
    where = "CVResponse.requestRef"
    if reference is None:
        return None
    if isinstance(reference, FullRequest):
        if len(reference.der) > MAX_CV_REQUEST_BYTES or reference.der[:1] != b"\x30":
            raise MalformedError("holds no CVRequest", where=where)
        return read_tlv(retag(reference.der, _FULL_REQUEST), where)
    declared = asn1.HashValue(
        algorithm=declared_hash_algorithm(reference.algorithm), value=reference.value
    )
    return read_tlv(retag(encode(declared), _REQUEST_HASH), where)


def _encode_reply(reply: CertReply) -> bytes:
    checks = bounded(reply.reply_checks, MAX_SCVP_OIDS, "CertReply.replyChecks")
    want_backs = bounded(reply.reply_want_backs, MAX_SCVP_OIDS, "CertReply.replyWantBacks")
    der = encode(
        asn1.CertReply(
            cert=read_tlv(reply.cert.encode(), "CertReply.cert"),
            reply_val_time=generalized_time(reply.reply_val_time),
            reply_checks=[
                asn1.ReplyCheck(check=one.check, status=one.status or None) for one in checks
            ],
            reply_want_backs=[asn1.ReplyWantBack(wb=one.wb, value=one.value) for one in want_backs],
            validation_errors=declared_oids(reply.validation_errors, "CertReply.validationErrors"),
            next_update=declared_time(reply.next_update),
            cert_reply_extensions=reply.cert_reply_extensions.declared(),
        )
    )
    return _with_enumerated(der, 1, reply.reply_status, "CertReply.replyStatus")
