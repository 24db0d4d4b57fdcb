"""TLS messages that carry certificate status, and the rules of when they may.

Its law: bytes in, frozen values out, and back; no socket, no key, no judgment of a response.
Broken framing raises DecodeError; what stands inside it and is broken, MalformedError.
"""

from __future__ import annotations

from certstatus.handshake.certificate import (
    CertificateEntry,
    CertificateMessage,
    CertificateRequest,
    certificate_request_version,
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
from certstatus.handshake.compressed import algorithm_name, unpack_certificate
from certstatus.handshake.extension import ExtensionBlock, TLSExtension
from certstatus.handshake.flight import Flight
from certstatus.handshake.framing import Reader
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
from certstatus.handshake.message import (
    HandshakeMessage,
    Sender,
    guess_senders,
    message_name,
    split_handshake,
)
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
    is_records,
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
    "ExtensionBlock",
    "ExtensionType",
    "Flight",
    "HandshakeMessage",
    "HandshakeType",
    "OCSPStatusRequest",
    "Reader",
    "Record",
    "Sender",
    "ServerHello",
    "TLSExtension",
    "Transcript",
    "algorithm_name",
    "certificate_request_version",
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
    "guess_senders",
    "is_records",
    "message_name",
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
    "unpack_certificate",
    "version_text",
]
