"""How certificate status is asked for and sent in TLS, in words (RFC 6066 §8, RFC 6961 §2.2).

Fields are explained one after the other as far as they can be read, so that of a broken
message everything is seen up to where it breaks.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from certstatus.errors import DecodeError, MalformedError
from certstatus.explain.element import responder_id_field
from certstatus.explain.extension import extensions_field
from certstatus.explain.field import Field, count_text, numbered
from certstatus.explain.response import explain_response
from certstatus.handshake import CertificateStatusType, Reader
from certstatus.limits_tls import MAX_TLS_CHAIN
from certstatus.ocsp import NO_EXTENSIONS, Extensions, parse_responder_id, parse_response

__all__ = ["gathered", "request_fields", "request_v2_fields", "status_fields"]

_V1: Final = "RFC 6066 §8"
_V2: Final = "RFC 6961 §2.2"

_ASKED_TYPES: Final = {
    CertificateStatusType.OCSP: "asks for an OCSP response",
    CertificateStatusType.OCSP_MULTI: "asks for an OCSP response for each certificate",
}
_SENT_TYPES: Final = {
    CertificateStatusType.OCSP: "an OCSP response follows",
    CertificateStatusType.OCSP_MULTI: "a list of OCSP responses follows, in the chain's order",
}


def gathered(fields: Iterable[Field]) -> tuple[tuple[Field, ...], str]:
    """Collect fields until one can't be read; return them, and why the rest is missing."""
    found: list[Field] = []
    try:
        found.extend(fields)
    except MalformedError as error:
        return tuple(found), str(error)
    return tuple(found), ""


# --- what a client asks -------------------------------------------------------------------


def request_fields(data: bytes) -> Iterator[Field]:
    """Yield the fields of a CertificateStatusRequest. Raises MalformedError where it breaks."""
    reader = Reader(data, "CertificateStatusRequest", rule="T1")
    status_type = reader.number(1, "status_type")
    yield _status_type(status_type, _ASKED_TYPES, _V1)
    if status_type != CertificateStatusType.OCSP:
        yield Field("request", data[1:], "of a kind unknown to certstatus", _V1)
        return
    yield from _ocsp_request(reader, _V1)


def request_v2_fields(data: bytes) -> Iterator[Field]:
    """Yield the fields of a status_request_v2. Raises MalformedError where it breaks."""
    reader = Reader(data, "status_request_v2", rule="T9")
    items = reader.inside(reader.vector(2, "list", least=1), "list")
    while items.has_more:
        status_type = items.number(1, "status_type")
        body = items.vector(2, "request")
        fields, problem = gathered(_item(status_type, body, items))
        yield Field(
            "CertificateStatusRequestItemV2",
            None,
            "what the client takes, the best first",
            _V2,
            children=(_status_type(status_type, _ASKED_TYPES, _V2), *fields),
            der=body,
            problem=problem,
        )
    reader.end()


def _item(status_type: int, body: bytes, items: Reader) -> Iterator[Field]:
    yield Field("request_length", str(len(body)), "", _V2)
    if status_type in _ASKED_TYPES:
        yield from _ocsp_request(items.inside(body, "request"), _V2)
    else:
        yield Field("request", body, "of a kind unknown to certstatus", _V2)


def _ocsp_request(reader: Reader, section: str) -> Iterator[Field]:
    listed = reader.vector(2, "responder_id_list")
    yield _responder_id_list(reader.inside(listed, "responder_id_list"), listed, section)
    yield _request_extensions(reader.vector(2, "request_extensions"), section)
    reader.end()


def _status_type(number: int, meanings: dict[CertificateStatusType, str], section: str) -> Field:
    known = number in meanings
    return Field(
        "status_type",
        numbered(number, CertificateStatusType),
        meanings[CertificateStatusType(number)] if known else "of a kind unknown to certstatus",
        section,
    )


def _responder_id_list(reader: Reader, listed: bytes, section: str) -> Field:
    children, problem = gathered(_responder_ids(reader, section))
    count = f", {count_text(len(children), 'entry', 'entries')}" if listed else ""
    return Field(
        "responder_id_list",
        f"length {len(listed)}{count}",
        "the responders whose word the client takes"
        if listed
        else "empty: the server knows by other means which responders the client trusts",
        section,
        children=children,
        der=listed,
        problem=problem,
    )


def _responder_ids(reader: Reader, section: str) -> Iterator[Field]:
    while reader.has_more:
        der = reader.vector(2, "ResponderID", least=1)
        try:
            yield responder_id_field("ResponderID", parse_responder_id(der), "", section)
        except DecodeError:
            raise
        except MalformedError as error:
            yield Field("ResponderID", der, "", section, problem=str(error))


def _request_extensions(der: bytes, section: str) -> Field:
    name, length = "request_extensions", f"length {len(der)}"
    if not der:
        return Field(name, length, "nothing is asked beside the status", section, der=der)
    try:
        extensions = Extensions.from_der(der, name)
    except MalformedError as error:
        return Field(name, length, "", section, der=der, problem=str(error))
    listed = extensions_field("requestExtensions", extensions or NO_EXTENSIONS, "", section)
    return Field(
        name,
        f"{length}, {count_text(len(extensions), 'extension')}",
        "to be passed on to the responder",
        section,
        children=listed.children,
        der=der,
    )


# --- what a server sends ------------------------------------------------------------------


def status_fields(body: bytes) -> Iterator[Field]:
    """Yield the fields of a CertificateStatus, the responses explained.

    Raises MalformedError where it breaks.
    """
    reader = Reader(body, "CertificateStatus", rule="T3")
    status_type = reader.number(1, "status_type")
    is_multi = status_type == CertificateStatusType.OCSP_MULTI
    yield _status_type(status_type, _SENT_TYPES, _V2 if is_multi else _V1)
    if is_multi:
        yield _response_list(reader)
    elif status_type == CertificateStatusType.OCSP:
        length = int.from_bytes(body[reader.at : reader.at + 3])
        yield Field("response_length", str(length), "octets of the response", _V1)
        yield _response(reader.vector(3, "response", least=1))
    else:
        yield Field("response", body[1:], "of a kind unknown to certstatus", _V1)
        return
    reader.end()


def _response_list(reader: Reader) -> Field:
    name = "ocsp_response_list"
    listed = reader.vector(3, name, least=1)
    children, problem = gathered(_slots(reader.inside(listed, name)))
    value = f"length {len(listed)}, {count_text(len(children), 'slot')}"
    meaning = "one slot for each certificate of the chain"
    return Field(name, value, meaning, _V2, children=children, der=listed, problem=problem)


def _slots(reader: Reader) -> Iterator[Field]:
    told = 0
    while reader.has_more:
        told += 1
        if told > MAX_TLS_CHAIN:
            raise MalformedError(f"has more than {MAX_TLS_CHAIN} slots", where=reader.where)
        der = reader.vector(3, "OCSPResponse")
        if der:
            yield _response(der)
        else:
            yield Field("OCSPResponse", "length 0", "no response for this certificate", _V2)


def _response(der: bytes) -> Field:
    try:
        return explain_response(parse_response(der))
    except MalformedError as error:
        value = count_text(len(der), "octet")
        return Field("OCSPResponse", value, "", _V1, der=der, problem=str(error))
