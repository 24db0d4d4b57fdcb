"""CVRequest: DER to frozen values and back, without judgment (RFC 5055 §3).

What a peer wrote otherwise than we would is noted in ``departures``. A request is hashed as
the octets that were received, never as we would write it (S5).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from cryptography.x509 import ObjectIdentifier

from certstatus.asn1 import scvp as asn1
from certstatus.asn1.departure import Departure
from certstatus.asn1.doorway import (
    TLV,
    GeneralizedTime,
    decode,
    decode_time,
    encode,
    encode_sequence_of,
    generalized_time,
    read_tlv,
    retag,
)
from certstatus.asn1.walk import element_at
from certstatus.errors import MalformedError
from certstatus.limits_scvp import (
    MAX_CV_REQUEST_BYTES,
    MAX_QUERIED_CERTS,
    MAX_REQUESTOR_TEXT,
    MAX_SCVP_OIDS,
)
from certstatus.ocsp import NO_EXTENSIONS, Extensions
from certstatus.pkix import AlgorithmIdentifier, GeneralName
from certstatus.scvp.encoding import read_leniently
from certstatus.scvp.lists import (
    declared_certificates,
    declared_names,
    declared_oids,
    decode_members,
    decode_step,
    filled,
    read_certificates,
    read_extensions,
    read_name,
    read_names,
    read_oids,
)
from certstatus.scvp.policy import (
    DEFAULT_POLICY,
    ValidationPolicy,
    encode_validation_policy,
    read_validation_policy,
)
from certstatus.scvp.reference import (
    ACReference,
    CertReference,
    PKCReference,
    declared_references,
    read_reference,
)
from certstatus.scvp.revocation import (
    RevocationInfo,
    declared_revocation_infos,
    read_revocation_infos,
)

__all__ = [
    "CVRequest",
    "Query",
    "ResponseFlags",
    "cv_request_version",
    "encode_cv_request",
    "parse_cv_request",
]

_VERSION: Final = 1
_INTEGER: Final = 0x02
_SEQUENCE: Final = 0x30
_PKC_REFS: Final = 0xA0
_AC_REFS: Final = 0xA1


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponseFlags:
    """What the reply is to be like (RFC 5055 §3.2.5); these are the defaults."""

    full_request_in_response: bool = False
    response_validation_pol_by_ref: bool = True
    protect_response: bool = True
    cached_response: bool = True


_NO_FLAGS: Final = ResponseFlags()


@dataclass(frozen=True, kw_only=True)
class Query:
    """What is asked (RFC 5055 §3.2): ``checks`` and ``want_back`` are plain identifiers.

    ``queried_certs`` are all of one kind. ``validation_time`` and ``produced_at`` are aware UTC;
    the latter is the oldest cached reply that will do. ``intermediate_certs`` are DER, unread.
    """

    queried_certs: tuple[PKCReference, ...] | tuple[ACReference, ...]
    checks: tuple[ObjectIdentifier, ...]
    want_back: tuple[ObjectIdentifier, ...] = ()
    validation_policy: ValidationPolicy = DEFAULT_POLICY
    response_flags: ResponseFlags = _NO_FLAGS
    server_context_info: bytes | None = None
    validation_time: datetime | None = None
    intermediate_certs: tuple[bytes, ...] = field(default=(), repr=False)
    rev_infos: tuple[RevocationInfo, ...] = field(default=(), repr=False)
    produced_at: datetime | None = None
    query_extensions: Extensions = NO_EXTENSIONS

    @property
    def asks_for_attribute_certs(self) -> bool:
        """Whether attribute certificates are asked about."""
        return isinstance(self.queried_certs[0], ACReference)


@dataclass(frozen=True, kw_only=True)
class CVRequest:
    """A request, read or to be written.

    ``der`` are the octets that were received, empty in one that is built; neither they nor
    ``departures``, what the peer wrote otherwise than DER or a SHOULD asks, tell two apart.
    """

    query: Query
    requestor_ref: tuple[GeneralName, ...] = ()
    request_nonce: bytes | None = None
    requestor_name: GeneralName | None = None
    responder_name: GeneralName | None = None
    request_extensions: Extensions = NO_EXTENSIONS
    signature_alg: AlgorithmIdentifier | None = None
    hash_alg: ObjectIdentifier | None = None
    requestor_text: str | None = None
    der: bytes = field(default=b"", repr=False, compare=False)
    departures: tuple[Departure, ...] = field(default=(), compare=False)


def cv_request_version(der: bytes) -> int:
    """Read the version of a CVRequest and nothing else: what follows may be unknown to us (S19).

    Raises:
        MalformedError: it is no SEQUENCE, or begins with a broken INTEGER.
    """
    written = written_version(der, "CVRequest")
    return _VERSION if written is None else written


def written_version(der: bytes, where: str) -> int | None:
    """Read an INTEGER at the front of a SEQUENCE, None where there is none. Raises MalformedError."""
    outer = element_at(der, 0, len(der), where)
    if outer.tag != _SEQUENCE or outer.contents == outer.end:
        raise MalformedError("is no SEQUENCE of anything", where=where)
    first = element_at(der, outer.contents, outer.end, where)
    return decode(int, der[first.start : first.end], where) if first.tag == _INTEGER else None


def check_version(der: bytes, message: str, field_name: str, departures: list[Departure]) -> None:
    """Raise MalformedError for any version but 1; note a 1 that is written out."""
    version, where = written_version(der, message), f"{message}.{field_name}"
    if version is None:
        return
    if version != _VERSION:
        raise MalformedError(f"{version} is not 1", where=where, rule="S19")
    departures.append(Departure(where, "writes the default 1 out"))


def parse_cv_request(der: bytes) -> CVRequest:
    """Read a CVRequest, the bare SEQUENCE.

    Raises:
        MalformedError: it is none of version 1, a list is empty or too long, it has bytes after
            its end, or is larger than ``MAX_CV_REQUEST_BYTES``.
    """
    if len(der) > MAX_CV_REQUEST_BYTES:
        raise MalformedError(f"is larger than {MAX_CV_REQUEST_BYTES} bytes", where="CVRequest")
    request, departures = read_leniently(_cv_request, der, "CVRequest")
    return replace(request, der=der, departures=departures)


def _cv_request(der: bytes, departures: list[Departure]) -> CVRequest:
    check_version(der, "CVRequest", "cvRequestVersion", departures)
    declared = decode_step(asn1.CVRequest, der, "CVRequest")
    algorithm = declared.signature_alg
    return CVRequest(
        query=_query(encode(declared.query), departures),
        requestor_ref=read_names(declared.requestor_ref, "CVRequest.requestorRef"),
        request_nonce=declared.request_nonce,
        requestor_name=_name(declared.requestor_name, "CVRequest.requestorName"),
        responder_name=_name(declared.responder_name, "CVRequest.responderName"),
        request_extensions=read_extensions(
            declared.request_extensions, "requestExtensions", departures
        ),
        signature_alg=None if algorithm is None else AlgorithmIdentifier.from_declared(algorithm),
        hash_alg=declared.hash_alg,
        requestor_text=check_text(declared.requestor_text, "CVRequest.requestorText"),
    )


def _query(der: bytes, departures: list[Departure]) -> Query:
    declared = decode_step(asn1.Query, der, "Query")
    policy = encode(declared.validation_policy)
    return Query(
        queried_certs=_queried_certs(encode(declared.queried_certs), departures),
        checks=tuple(filled(declared.checks, MAX_SCVP_OIDS, "Query.checks")),
        want_back=read_oids(declared.want_back, "Query.wantBack"),
        validation_policy=read_validation_policy(policy, "Query.validationPolicy", departures),
        response_flags=_response_flags(declared.response_flags, departures),
        server_context_info=declared.server_context_info,
        validation_time=read_time(declared.validation_time, "Query.validationTime"),
        intermediate_certs=read_certificates(
            declared.intermediate_certs, "Query.intermediateCerts"
        ),
        rev_infos=read_revocation_infos(declared.rev_infos, "Query.revInfos"),
        produced_at=read_time(declared.produced_at, "Query.producedAt"),
        query_extensions=read_extensions(declared.query_extensions, "queryExtensions", departures),
    )


def _queried_certs(
    der: bytes, departures: list[Departure]
) -> tuple[PKCReference, ...] | tuple[ACReference, ...]:
    """Read CertReferences: a CHOICE of two lists, which are never mixed."""
    where = "Query.queriedCerts"
    if der[0] not in {_PKC_REFS, _AC_REFS}:
        raise MalformedError("is neither pkcRefs nor acRefs", where=where)
    members = decode_members(retag(der, _SEQUENCE), where)
    found = [
        read_reference(member, where, departures)
        for member in filled(members, MAX_QUERIED_CERTS, where)
    ]
    public = tuple(one for one in found if isinstance(one, PKCReference))
    attribute = tuple(one for one in found if isinstance(one, ACReference))
    fitting = public if der[0] == _PKC_REFS else attribute
    if len(fitting) != len(found):
        raise MalformedError("holds a reference of the other kind", where=where)
    return fitting


def _response_flags(
    declared: asn1.ResponseFlags | None, departures: list[Departure]
) -> ResponseFlags:
    if declared is None:
        return _NO_FLAGS
    where = "Query.responseFlags"
    flags = ResponseFlags(
        full_request_in_response=_flag(
            declared.full_request_in_response, False, f"{where}.fullRequestInResponse", departures
        ),
        response_validation_pol_by_ref=_flag(
            declared.response_validation_pol_by_ref,
            True,
            f"{where}.responseValidationPolByRef",
            departures,
        ),
        protect_response=_flag(
            declared.protect_response, True, f"{where}.protectResponse", departures
        ),
        cached_response=_flag(
            declared.cached_response, True, f"{where}.cachedResponse", departures
        ),
    )
    if flags == _NO_FLAGS:
        text = "says the defaults; it should be absent (RFC 5055 §3.2.5)"
        departures.append(Departure(where, text))
    return flags


def _flag(found: bool | None, default: bool, where: str, departures: list[Departure]) -> bool:
    if found is None:
        return default
    if found is default:
        departures.append(Departure(where, f"writes the default {str(default).upper()} out"))
    return found


def _name(declared: object, where: str) -> GeneralName | None:
    """Read a GeneralName under an explicit tag: a tag on a CHOICE always is."""
    if declared is None:
        return None
    if not isinstance(declared, TLV):
        raise MalformedError("is no GeneralName", where=where)
    return read_name(declared, where)


def read_time(declared: GeneralizedTime | None, where: str) -> datetime | None:
    """Return an optional time. Raises MalformedError for a fraction of a second."""
    return None if declared is None else decode_time(declared, where)


def check_text(text: str | None, where: str) -> str | None:
    """Return requestorText. Raises MalformedError unless it has 1 to 256 characters."""
    if text is not None and not 0 < len(text) <= MAX_REQUESTOR_TEXT:
        found = f"has {len(text)} characters, not 1 to {MAX_REQUESTOR_TEXT} (RFC 5055 §3.10)"
        raise MalformedError(found, where=where)
    return text


def encode_cv_request(request: CVRequest) -> bytes:
    """Write a CVRequest in canonical DER; references that were read keep their octets.

    Raises:
        MalformedError: a list is empty that must not be, or too long, or DER that it is to hold
            is none.
    """
    text = check_text(request.requestor_text, "CVRequest.requestorText")
    algorithm = request.signature_alg
    der = encode(
        asn1.CVRequest(
            query=read_tlv(_encode_query(request.query), "Query"),
            requestor_ref=declared_names(request.requestor_ref, "CVRequest.requestorRef"),
            request_nonce=request.request_nonce,
            requestor_name=_declared_name(request.requestor_name, "CVRequest.requestorName"),
            responder_name=_declared_name(request.responder_name, "CVRequest.responderName"),
            request_extensions=request.request_extensions.declared(),
            signature_alg=None if algorithm is None else algorithm.declared(),
            hash_alg=request.hash_alg,
            requestor_text=text,
        )
    )
    if len(der) > MAX_CV_REQUEST_BYTES:
        raise MalformedError(f"is larger than {MAX_CV_REQUEST_BYTES} bytes", where="CVRequest")
    return der


def _declared_name(name: GeneralName | None, where: str) -> TLV | None:
    return None if name is None else read_tlv(name.encode(), where)


def _encode_query(query: Query) -> bytes:
    policy = encode_validation_policy(query.validation_policy)
    return encode(
        asn1.Query(
            queried_certs=read_tlv(_encode_queried_certs(query.queried_certs), "queriedCerts"),
            checks=list(filled(query.checks, MAX_SCVP_OIDS, "Query.checks")),
            want_back=declared_oids(query.want_back, "Query.wantBack"),
            validation_policy=read_tlv(policy, "validationPolicy"),
            response_flags=_declared_flags(query.response_flags),
            server_context_info=query.server_context_info,
            validation_time=declared_time(query.validation_time),
            intermediate_certs=declared_certificates(
                query.intermediate_certs, "Query.intermediateCerts"
            ),
            rev_infos=declared_revocation_infos(query.rev_infos, "Query.revInfos"),
            produced_at=declared_time(query.produced_at),
            query_extensions=query.query_extensions.declared(),
        )
    )


def _encode_queried_certs(references: Sequence[CertReference]) -> bytes:
    where = "Query.queriedCerts"
    filled(references, MAX_QUERIED_CERTS, where)
    if len({type(reference) for reference in references}) != 1:
        raise MalformedError("mixes public key and attribute certificates", where=where)
    tag = _PKC_REFS if isinstance(references[0], PKCReference) else _AC_REFS
    members = [encode(element) for element in declared_references(references, where)]
    return retag(encode_sequence_of(members), tag)


def _declared_flags(flags: ResponseFlags) -> asn1.ResponseFlags | None:
    """Return the value to encode: a flag at its default is absent, and so are they all."""
    if flags == _NO_FLAGS:
        return None
    return asn1.ResponseFlags(
        full_request_in_response=True if flags.full_request_in_response else None,
        response_validation_pol_by_ref=None if flags.response_validation_pol_by_ref else False,
        protect_response=None if flags.protect_response else False,
        cached_response=None if flags.cached_response else False,
    )


def declared_time(moment: datetime | None) -> GeneralizedTime | None:
    """Return the value to encode: whole seconds."""
    return None if moment is None else generalized_time(moment)
