"""OCSPRequest: DER to frozen values and back, without judgment (RFC 6960 §4.1).

What a peer wrote otherwise than we would is noted in ``departures``. Signed bytes are
the received bytes, always.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from certstatus.asn1 import ocsp as asn1
from certstatus.asn1.departure import Departure
from certstatus.asn1.doorway import TLV, BitString, decode, encode, read_tlv
from certstatus.errors import MalformedError
from certstatus.limits import MAX_REQUEST_BYTES, MAX_RESPONSE_CERTS
from certstatus.ocsp.certid import CertID
from certstatus.ocsp.extensions import NO_EXTENSIONS, Extensions
from certstatus.ocsp.nonce import Nonce
from certstatus.pkix import AlgorithmIdentifier, GeneralName

__all__ = [
    "OCSPRequest",
    "Request",
    "Signature",
    "encode_request",
    "encode_signed_request",
    "encode_tbs_request",
    "parse_request",
]


@dataclass(frozen=True, slots=True)
class Request:
    """One certificate asked for (RFC 6960 §4.1.1)."""

    req_cert: CertID
    single_request_extensions: Extensions = NO_EXTENSIONS


@dataclass(frozen=True, slots=True)
class Signature:
    """The optionalSignature; ``certs`` are DER, unread."""

    signature_algorithm: AlgorithmIdentifier
    signature: bytes
    certs: tuple[bytes, ...] = ()

    def declared(self) -> asn1.Signature:
        """Return the value to encode; no certificates are absent, not empty."""
        return asn1.Signature(
            signature_algorithm=self.signature_algorithm.declared(),
            signature=BitString(self.signature, 0),
            certs=[read_tlv(der, "Signature.certs") for der in self.certs] or None,
        )


@dataclass(frozen=True, kw_only=True)
class OCSPRequest:
    """A request as it was read.

    ``tbs_request`` holds the bytes that a signature covers; ``departures`` what the peer
    wrote otherwise than DER or a SHOULD asks.
    """

    request_list: tuple[Request, ...]
    requestor_name: GeneralName | None = None
    request_extensions: Extensions = NO_EXTENSIONS
    optional_signature: Signature | None = None
    tbs_request: bytes = field(repr=False)
    der: bytes = field(repr=False)
    departures: tuple[Departure, ...] = ()

    @property
    def nonce(self) -> Nonce | None:
        """The nonce of the request, or None."""
        return self.request_extensions.get(Nonce, "requestExtensions.nonce")

    @property
    def cert_ids(self) -> tuple[CertID, ...]:
        """The certificates asked for, in order."""
        return tuple(request.req_cert for request in self.request_list)


def parse_request(der: bytes) -> OCSPRequest:
    """Read an OCSPRequest.

    Raises:
        MalformedError: it is not the DER of a version 1 request with at least one entry,
            has bytes after its end, or is larger than ``MAX_REQUEST_BYTES`` (O2).
    """
    if len(der) > MAX_REQUEST_BYTES:
        raise MalformedError(f"is larger than {MAX_REQUEST_BYTES} bytes", where="OCSPRequest")
    departures: list[Departure] = []
    declared = decode(asn1.OCSPRequest, der, "OCSPRequest")
    tbs_der = encode(declared.tbs_request)
    tbs = decode(asn1.TBSRequest, tbs_der, "OCSPRequest.tbsRequest")
    check_version(tbs.version, "TBSRequest.version", departures)
    if not tbs.request_list:
        raise MalformedError("is empty", where="TBSRequest.requestList", rule="O2")
    return OCSPRequest(
        request_list=tuple(_request(one, departures) for one in tbs.request_list),
        requestor_name=_requestor_name(tbs.requestor_name),
        request_extensions=Extensions.from_declared(
            tbs.request_extensions, "requestExtensions", departures
        ),
        optional_signature=_signature(declared.optional_signature, departures),
        tbs_request=tbs_der,
        der=der,
        departures=tuple(departures),
    )


def check_version(version: int | None, where: str, departures: list[Departure]) -> None:
    """Raise MalformedError for any version but v1(0); note a v1 that is written out."""
    if version is None:
        return
    if version != 0:
        raise MalformedError(f"{version} is not v1(0)", where=where, rule="O2")
    departures.append(Departure(where, "writes the default v1 out"))


def check_bit_string(bits: BitString, where: str) -> bytes:
    """Return the octets of a signature. Raises MalformedError where bits are unused."""
    if bits.padding_bits():
        raise MalformedError("has unused bits", where=where)
    return bits.as_bytes()


def check_certs(
    declared: list[TLV] | None, where: str, departures: list[Departure]
) -> tuple[bytes, ...]:
    """Return the certificates' DER. Raises MalformedError for too many."""
    if declared is not None and not declared:
        departures.append(Departure(where, "is empty; it should be absent (O18)"))
    if len(declared or ()) > MAX_RESPONSE_CERTS:
        raise MalformedError(f"holds more than {MAX_RESPONSE_CERTS} certificates", where=where)
    return tuple(encode(element) for element in declared or ())


def _request(declared: asn1.Request, departures: list[Departure]) -> Request:
    where = "Request.singleRequestExtensions"
    cert_id = CertID.from_tlv(declared.req_cert, "Request.reqCert")
    departures += cert_id.departures("Request.reqCert")
    return Request(
        cert_id,
        Extensions.from_declared(declared.single_request_extensions, where, departures),
    )


def _requestor_name(declared: object) -> GeneralName | None:
    if declared is None:
        return None
    if not isinstance(declared, TLV):
        raise MalformedError("is no GeneralName", where="TBSRequest.requestorName")
    return GeneralName.from_tlv(declared, "TBSRequest.requestorName")


def _signature(declared: asn1.Signature | None, departures: list[Departure]) -> Signature | None:
    if declared is None:
        return None
    return Signature(
        AlgorithmIdentifier.from_declared(declared.signature_algorithm),
        check_bit_string(declared.signature, "Signature.signature"),
        check_certs(declared.certs, "Signature.certs", departures),
    )


def encode_tbs_request(
    requests: Iterable[Request | CertID],
    *,
    requestor_name: GeneralName | None = None,
    request_extensions: Extensions = NO_EXTENSIONS,
) -> bytes:
    """Write a TBSRequest: what an optionalSignature covers.

    Raises:
        MalformedError: there is no request.
    """
    entries = [one if isinstance(one, Request) else Request(one) for one in requests]
    if not entries:
        raise MalformedError("is empty", where="TBSRequest.requestList", rule="O2")
    name = requestor_name
    return encode(
        asn1.TBSRequest(
            requestor_name=None if name is None else read_tlv(name.encode(), "requestorName"),
            request_list=[
                asn1.Request(
                    req_cert=one.req_cert.declared(),
                    single_request_extensions=one.single_request_extensions.declared(),
                )
                for one in entries
            ],
            request_extensions=request_extensions.declared(),
        )
    )


def encode_request(
    requests: Sequence[Request | CertID],
    *,
    requestor_name: GeneralName | None = None,
    request_extensions: Extensions = NO_EXTENSIONS,
) -> bytes:
    """Write an unsigned OCSPRequest. Raises MalformedError where there is no request."""
    tbs = encode_tbs_request(
        requests, requestor_name=requestor_name, request_extensions=request_extensions
    )
    return encode(asn1.OCSPRequest(tbs_request=read_tlv(tbs, "tbsRequest")))


def encode_signed_request(tbs_request: bytes, signature: Signature) -> bytes:
    """Write a signed OCSPRequest around the TBSRequest that was signed (O4)."""
    return encode(
        asn1.OCSPRequest(
            tbs_request=read_tlv(tbs_request, "tbsRequest"),
            optional_signature=signature.declared(),
        )
    )
