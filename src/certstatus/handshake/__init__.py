"""TLS messages that carry certificate status, and the rules of when they may.

Its law: bytes in, frozen values out, and back; no socket, no key, no judgment of a response.
Broken framing raises DecodeError; what stands inside it and is broken, MalformedError.
"""

from __future__ import annotations

from certstatus.handshake.certificate import (
    CertificateEntry,
    CertificateMessage,
    CertificateRequest,
    certificate_version,
    encode_certificate_message,
    encode_certificate_request,
    parse_certificate_message,
    parse_certificate_request,
)
from certstatus.handshake.certificate_status import (
    CertificateStatus,
    encode_certificate_status,
    parse_certificate_status,
    status_message,
)
from certstatus.handshake.check import check_flight
from certstatus.handshake.extension import TLSExtension
from certstatus.handshake.flight import Flight
from certstatus.handshake.hello import (
    ClientHello,
    EncryptedExtensions,
    ServerHello,
    encode_client_hello,
    encode_encrypted_extensions,
    encode_server_hello,
    parse_client_hello,
    parse_encrypted_extensions,
    parse_server_hello,
)
from certstatus.handshake.message import HandshakeMessage, Sender, split_handshake
from certstatus.handshake.numbers import (
    TLS12,
    TLS13,
    AlertDescription,
    CertificateStatusType,
    ContentType,
    ExtensionType,
    HandshakeType,
    version_text,
)
from certstatus.handshake.record import (
    Record,
    Transcript,
    parse_records,
    read_records,
    read_transcript,
)
from certstatus.handshake.status_request import (
    CertificateStatusRequest,
    CertificateStatusRequestItemV2,
    OCSPStatusRequest,
    encode_certificate_status_request,
    encode_status_request_v2,
    parse_certificate_status_request,
    parse_status_request_v2,
)

__all__ = [
    "TLS12",
    "TLS13",
    "AlertDescription",
    "CertificateEntry",
    "CertificateMessage",
    "CertificateRequest",
    "CertificateStatus",
    "CertificateStatusRequest",
    "CertificateStatusRequestItemV2",
    "CertificateStatusType",
    "ClientHello",
    "ContentType",
    "EncryptedExtensions",
    "ExtensionType",
    "Flight",
    "HandshakeMessage",
    "HandshakeType",
    "OCSPStatusRequest",
    "Record",
    "Sender",
    "ServerHello",
    "TLSExtension",
    "Transcript",
    "certificate_version",
    "check_flight",
    "encode_certificate_message",
    "encode_certificate_request",
    "encode_certificate_status",
    "encode_certificate_status_request",
    "encode_client_hello",
    "encode_encrypted_extensions",
    "encode_server_hello",
    "encode_status_request_v2",
    "parse_certificate_message",
    "parse_certificate_request",
    "parse_certificate_status",
    "parse_certificate_status_request",
    "parse_client_hello",
    "parse_encrypted_extensions",
    "parse_records",
    "parse_server_hello",
    "parse_status_request_v2",
    "read_records",
    "read_transcript",
    "split_handshake",
    "status_message",
    "version_text",
]
