"""Handshake messages as the TLS engine is shown them: without a word about status.

Its law: pure. Status is read by ``certstatus.handshake`` alone; the engine would end the
handshake over a status_request that it can't read, and nobody would see what came after.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

from certstatus.errors import DecodeError
from certstatus.handshake import (
    TLS13,
    CertificateEntry,
    CertificateRequest,
    ClientHello,
    EncryptedExtensions,
    ExtensionType,
    HandshakeMessage,
    HandshakeType,
    ServerHello,
    encode_certificate_message,
    encode_certificate_request,
    encode_client_hello,
    encode_encrypted_extensions,
    encode_server_hello,
    parse_certificate_message,
    parse_certificate_request,
    parse_client_hello,
    parse_encrypted_extensions,
    parse_server_hello,
)

__all__ = ["without_status"]

Block = TypeVar(
    "Block", ClientHello, ServerHello, EncryptedExtensions, CertificateRequest, CertificateEntry
)

_STATUS_TYPES = (ExtensionType.STATUS_REQUEST, ExtensionType.STATUS_REQUEST_V2)


def without_status(message: HandshakeMessage, version: int) -> HandshakeMessage:
    """Take status_request and status_request_v2 out of a message, wherever it has them.

    ``version`` is the one that the connection has come to. What can't be read is returned
    as it is: the engine has an alert for it.
    """
    try:
        return replace(message, body=_masked_body(message.type, message.body, version))
    except DecodeError:
        return message


def _masked_body(kind: int, body: bytes, version: int) -> bytes:
    match kind:
        case HandshakeType.CLIENT_HELLO:
            return encode_client_hello(_masked(parse_client_hello(body)))
        case HandshakeType.SERVER_HELLO:
            hello = parse_server_hello(body)
            # a HelloRetryRequest is hashed as the engine writes it again
            return body if hello.is_retry else encode_server_hello(_masked(hello))
        case HandshakeType.ENCRYPTED_EXTENSIONS:
            return encode_encrypted_extensions(_masked(parse_encrypted_extensions(body)))
        case HandshakeType.CERTIFICATE_REQUEST if version >= TLS13:
            request = parse_certificate_request(body, version=version)
            return encode_certificate_request(_masked(request), version=version)
        case HandshakeType.CERTIFICATE if version >= TLS13:
            message = parse_certificate_message(body, version=version)
            entries = tuple(_masked(entry) for entry in message.entries)
            return encode_certificate_message(replace(message, entries=entries), version=version)
        case _:
            return body


def _masked(block: Block) -> Block:
    kept = tuple(one for one in block.extensions if one.type not in _STATUS_TYPES)
    return replace(block, extensions=kept)
