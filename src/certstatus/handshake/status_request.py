"""How a client asks for certificate status: status_request and status_request_v2.

RFC 6066 §8 (T1) and RFC 6961 §2.2 (T9). The same bytes stand in TLS 1.3 (RFC 9846 §4.4.2.1).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from certstatus.errors import MalformedError
from certstatus.handshake.framing import Reader, vector
from certstatus.handshake.numbers import CertificateStatusType
from certstatus.limits_tls import MAX_RESPONDER_IDS
from certstatus.ocsp import (
    NO_EXTENSIONS,
    Extensions,
    ResponderID,
    encode_responder_id,
    parse_responder_id,
)

__all__ = [
    "CertificateStatusRequest",
    "CertificateStatusRequestItemV2",
    "OCSPStatusRequest",
    "encode_certificate_status_request",
    "encode_status_request_v2",
    "parse_certificate_status_request",
    "parse_status_request_v2",
]


@dataclass(frozen=True, kw_only=True)
class OCSPStatusRequest:
    """Which responders a client trusts, and what it adds to the question.

    No ``responder_id_list``: the responders are known to the server by other means.
    """

    responder_id_list: tuple[ResponderID, ...] = ()
    request_extensions: Extensions = NO_EXTENSIONS


@dataclass(frozen=True)
class CertificateStatusRequest:
    """The extension status_request of a ClientHello; its status_type is always ocsp."""

    request: OCSPStatusRequest = OCSPStatusRequest()


@dataclass(frozen=True)
class CertificateStatusRequestItemV2:
    """One entry of status_request_v2, which lists what the client takes, best first.

    ``ocsp`` asks about the server's certificate, ``ocsp_multi`` about the whole chain.
    """

    status_type: CertificateStatusType
    request: OCSPStatusRequest = OCSPStatusRequest()


def parse_certificate_status_request(data: bytes) -> CertificateStatusRequest:
    """Read the extension_data of a ClientHello's status_request; mostly ``01 00 00 00 00``.

    Raises:
        DecodeError: a length lies, or a ResponderID is empty (T1).
        MalformedError: status_type is not ocsp, or what stands inside is not its DER.
    """
    reader = Reader(data, "CertificateStatusRequest", rule="T1")
    status_type = reader.number(1, "status_type")
    if status_type != CertificateStatusType.OCSP:
        raise MalformedError(
            f"is {status_type}; only ocsp(1) is defined", where=f"{reader.where}.status_type"
        )
    request = _read_request(reader)
    reader.end()
    return CertificateStatusRequest(request)


def encode_certificate_status_request(request: CertificateStatusRequest) -> bytes:
    """Write the extension_data of status_request.

    Raises:
        ValueError: the list, or the extensions, have over 65,535 octets.
    """
    return bytes((CertificateStatusType.OCSP,)) + _encode_request(request.request)


_V2: Final = "CertificateStatusRequestListV2"


def parse_status_request_v2(data: bytes) -> tuple[CertificateStatusRequestItemV2, ...]:
    """Read the extension_data of a ClientHello's status_request_v2.

    Entries of a status_type that nobody has defined are passed over: their length is there
    so that they can be.

    Raises:
        DecodeError: a length lies, the list or a ResponderID is empty (T9).
        MalformedError: what stands inside is not its DER.
    """
    reader = Reader(data, "status_request_v2", rule="T9")
    items = reader.inside(reader.vector(2, "list", least=1), "list")
    reader.end()
    found = []
    while items.has_more:
        status_type = items.number(1, "status_type")
        body = items.inside(items.vector(2, "request"), "request")
        if status_type in _KNOWN_TYPES:
            request = _read_request(body)
            body.end()
            found.append(
                CertificateStatusRequestItemV2(CertificateStatusType(status_type), request)
            )
    return tuple(found)


_KNOWN_TYPES: Final = frozenset(CertificateStatusType)


def encode_status_request_v2(items: Iterable[CertificateStatusRequestItemV2]) -> bytes:
    """Write the extension_data of status_request_v2, best entry first.

    Raises:
        ValueError: there is no entry, or they have over 65,535 octets.
    """
    entries = [
        bytes((item.status_type,)) + vector(2, _encode_request(item.request), "request")
        for item in items
    ]
    if not entries:
        raise ValueError("status_request_v2 lists at least one request (RFC 6961 §2.2)")
    return vector(2, b"".join(entries), _V2)


def _read_request(reader: Reader) -> OCSPStatusRequest:
    """Read an OCSPStatusRequest: both vectors first, so that framing is judged before DER."""
    name = "responder_id_list"
    listed = tuple(reader.vectors(2, name, each=2, element="ResponderID"))
    extensions = reader.vector(2, "request_extensions")
    if len(listed) > MAX_RESPONDER_IDS:
        raise reader.broken(name, f"holds more than {MAX_RESPONDER_IDS} entries")
    where = f"{reader.where}.{name}"
    return OCSPStatusRequest(
        responder_id_list=tuple(
            parse_responder_id(der, f"{where}[{position}]") for position, der in enumerate(listed)
        ),
        request_extensions=(
            Extensions.from_der(extensions, f"{reader.where}.request_extensions")
            if extensions
            else NO_EXTENSIONS
        ),
    )


def _encode_request(request: OCSPStatusRequest) -> bytes:
    listed = b"".join(
        vector(2, encode_responder_id(one), "ResponderID") for one in request.responder_id_list
    )
    extensions = request.request_extensions.encode()
    return vector(2, listed, "responder_id_list") + vector(2, extensions, "request_extensions")
