"""A TLS handshake message in words, above all where it carries certificate status."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Final, TypeAlias

from certstatus.errors import MalformedError
from certstatus.explain.certificate import certificate_summary
from certstatus.explain.element import name_text, serial_field
from certstatus.explain.field import Field, count_text, numbered
from certstatus.explain.tls_extension import Place, extension_list
from certstatus.explain.tls_status import gathered, status_fields
from certstatus.handshake import (
    TLS13,
    CertificateEntry,
    ExtensionType,
    HandshakeMessage,
    HandshakeType,
    ServerHello,
    algorithm_name,
    certificate_request_version,
    certificate_version,
    message_name,
    parse_certificate_message,
    parse_certificate_request,
    parse_client_hello,
    parse_encrypted_extensions,
    parse_server_hello,
    unpack_certificate,
    version_text,
)
from certstatus.pkix import Certificate

__all__ = ["explain_message"]

_Told: TypeAlias = tuple[str, str, Iterable[Field]]
"""Meaning, section, and fields: the last are read one by one."""


def explain_message(message: HandshakeMessage, *, version: int = 0) -> Field:
    """Explain one handshake message; ``version`` 0: its form is told by its lengths.

    A message that breaks is explained up to where it does, and says so in ``problem``.
    """
    teller = _TELLERS.get(message.type)
    name, sender = message_name(message.type), message.sender.value
    if teller is None:
        return Field(name, _size(message), f"from the {sender}", "RFC 9846 §4", der=message.body)
    try:
        meaning, section, fields = teller(message, version)
    except MalformedError as error:
        return Field(
            name, _size(message), f"from the {sender}", "", der=message.body, problem=str(error)
        )
    children, problem = gathered(fields)
    return Field(
        name,
        _size(message),
        f"from the {sender}: {meaning}",
        section,
        children=children,
        der=message.body,
        problem=problem,
    )


def _size(message: HandshakeMessage) -> str:
    return count_text(len(message.body), "octet")


# --- hellos -------------------------------------------------------------------------------


def _client_hello(message: HandshakeMessage, _: int) -> _Told:
    hello, section = parse_client_hello(message.body), "RFC 9846 §4.1.2"
    return (
        "what it offers",
        section,
        (
            Field("legacy_version", version_text(hello.legacy_version), "", section),
            Field("random", hello.random, "", section),
            Field("legacy_session_id", hello.session_id or "empty", "", section),
            Field("cipher_suites", count_text(len(hello.cipher_suites), "suite"), "", section),
            extension_list(hello.extensions, Place.CLIENT_HELLO),
        ),
    )


def _server_hello(message: HandshakeMessage, _: int) -> _Told:
    hello, section = parse_server_hello(message.body), "RFC 9846 §4.1.3"
    return (
        "asks for another ClientHello" if hello.is_retry else _choice(hello),
        section,
        (
            Field("legacy_version", version_text(hello.legacy_version), "", section),
            Field(
                "random",
                hello.random,
                "the mark of a HelloRetryRequest" if hello.is_retry else "",
                section,
            ),
            Field("legacy_session_id_echo", hello.session_id or "empty", "", section),
            Field("cipher_suite", f"{hello.cipher_suite:#06x}", "", section),
            extension_list(hello.extensions, _place(hello)),
        ),
    )


def _place(hello: ServerHello) -> Place:
    if hello.is_retry:
        return Place.RETRY
    # Only TLS 1.3 has the extension in a ServerHello, whatever version stands in it.
    is_new = hello.extension(ExtensionType.SUPPORTED_VERSIONS) is not None
    return Place.SERVER_HELLO_13 if is_new else Place.SERVER_HELLO


def _choice(hello: ServerHello) -> str:
    try:
        return f"it chose {version_text(hello.version)}"
    except MalformedError:
        return "what it chose"


def _encrypted_extensions(message: HandshakeMessage, _: int) -> _Told:
    found = parse_encrypted_extensions(message.body)
    children = (extension_list(found.extensions, Place.ENCRYPTED),)
    return "what else it answers to the ClientHello", "RFC 9846 §4.3.1", children


# --- certificates -------------------------------------------------------------------------


def _certificate(message: HandshakeMessage, version: int) -> _Told:
    return _certificate_body(message.body, version)


def _certificate_body(body: bytes, version: int) -> _Told:
    version = version or certificate_version(body)
    found = parse_certificate_message(body, version=version)
    count = count_text(len(found.entries), "certificate")
    if version < TLS13:
        meaning = f"{count}; staples follow in a message of their own"
        return meaning, _OLD, [_entry(one, "ASN.1Cert", _OLD) for one in found.entries]
    stapled = sum(
        1 for entry in found.entries if entry.extension(ExtensionType.STATUS_REQUEST) is not None
    )
    meaning = f"{count}, {stapled or 'none'} of them with a staple"
    return meaning, _NEW, [_entry(one, "CertificateEntry", _NEW) for one in found.entries]


_OLD: Final = "RFC 5246 §7.4.2"
_NEW: Final = "RFC 9846 §4.4.2"


def _entry(entry: CertificateEntry, name: str, section: str) -> Field:
    data, children = entry.cert_data, []
    if entry.extensions:
        children.append(extension_list(entry.extensions, Place.ENTRY))
    try:
        certificate = Certificate.from_der(data)
    except MalformedError as error:
        return Field(
            name,
            count_text(len(data), "octet"),
            "",
            section,
            children=tuple(children),
            der=data,
            problem=str(error),
        )
    serial = serial_field("serialNumber", certificate.serial_number, "", "RFC 5280 §4.1.2.2")
    issuer = Field("issuer", name_text(certificate.issuer), "", "RFC 5280 §4.1.2.4")
    return Field(
        name,
        name_text(certificate.subject),
        certificate_summary(certificate),
        section,
        children=(issuer, serial, *children),
        der=data,
    )


def _compressed_certificate(message: HandshakeMessage, version: int) -> _Told:
    algorithm, body = unpack_certificate(message.body)
    name, section = algorithm_name(algorithm), "RFC 8879 §4"
    if body is None:
        return f"packed with {name}, which certstatus does not unpack", section, ()
    meaning, _, fields = _certificate_body(body, version)
    return f"packed with {name}: {meaning}", section, fields


def _certificate_request(message: HandshakeMessage, version: int) -> _Told:
    version = version or certificate_request_version(message.body)
    found = parse_certificate_request(message.body, version=version)
    if version >= TLS13:
        children: tuple[Field, ...] = (extension_list(found.extensions, Place.REQUEST),)
        return "asks for a client certificate", "RFC 9846 §4.3.2", children
    section = "RFC 5246 §7.4.4"
    authorities = count_text(len(found.certificate_authorities), "name")
    children = (
        Field("certificate_types", found.certificate_types, "", section),
        Field("supported_signature_algorithms", found.supported_signature_algorithms, "", section),
        Field("certificate_authorities", authorities, "", section),
    )
    return "asks for a client certificate", section, children


def _certificate_status(message: HandshakeMessage, _: int) -> _Told:
    return "its staple", "RFC 6066 §8", _with_type(status_fields(message.body))


def _with_type(fields: Iterator[Field]) -> Iterator[Field]:
    yield Field(
        "msg_type", numbered(HandshakeType.CERTIFICATE_STATUS, HandshakeType), "", "RFC 6066 §8"
    )
    yield from fields


_TELLERS: Final[dict[int, Callable[[HandshakeMessage, int], _Told]]] = {
    HandshakeType.CLIENT_HELLO: _client_hello,
    HandshakeType.SERVER_HELLO: _server_hello,
    HandshakeType.ENCRYPTED_EXTENSIONS: _encrypted_extensions,
    HandshakeType.CERTIFICATE: _certificate,
    HandshakeType.COMPRESSED_CERTIFICATE: _compressed_certificate,
    HandshakeType.CERTIFICATE_REQUEST: _certificate_request,
    HandshakeType.CERTIFICATE_STATUS: _certificate_status,
}
