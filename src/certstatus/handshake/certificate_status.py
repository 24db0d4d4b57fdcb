"""CertificateStatus: what a server staples (RFC 6066 §8, RFC 6961 §2.2; T3, T9).

The same structure is the extension status_request of a CertificateEntry in TLS 1.3
(RFC 9846 §4.4.2.1, T5). The responses inside are octets here: ``certstatus.verify`` judges.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import islice
from typing import Final

from certstatus.handshake.framing import Reader, vector
from certstatus.handshake.numbers import (
    CertificateStatusType,
    HandshakeType,
)
from certstatus.limits_tls import MAX_TLS13_STAPLE_BYTES, MAX_TLS_CHAIN

__all__ = [
    "CertificateStatus",
    "encode_certificate_status",
    "parse_certificate_status",
    "status_message",
]

_LENGTH_OCTETS: Final = 3


@dataclass(frozen=True)
class CertificateStatus:
    """The status of one certificate, or of a chain.

    ``ocsp`` has exactly one response, not empty. ``ocsp_multi`` has one for each
    certificate in the order of the chain, ``b""`` where there is none, and may end early.

    Raises:
        ValueError: there are other responses than that.
    """

    status_type: CertificateStatusType
    responses: tuple[bytes, ...] = field(repr=False)

    def __post_init__(self) -> None:
        """Refuse what has no bytes on the wire."""
        if self.status_type is CertificateStatusType.OCSP and (
            len(self.responses) != 1 or not self.responses[0]
        ):
            raise ValueError("a CertificateStatus of type ocsp has one response, not empty")
        if not self.responses:
            raise ValueError("a CertificateStatus of type ocsp_multi has at least one slot")

    @classmethod
    def single(cls, response: bytes) -> CertificateStatus:
        """Make the status of one certificate."""
        return cls(CertificateStatusType.OCSP, (response,))

    @property
    def fits_tls13(self) -> bool:
        """Whether a CertificateEntry can hold it, were it the only extension (T7)."""
        return (
            self.status_type is CertificateStatusType.OCSP
            and len(self.responses[0]) <= MAX_TLS13_STAPLE_BYTES
        )


def parse_certificate_status(body: bytes) -> CertificateStatus:
    """Read a CertificateStatus: a handshake body, or the extension_data of a CertificateEntry.

    Raises:
        DecodeError: a length lies, it is empty where it must not be, of an unknown type, or
            has more than ``MAX_TLS_CHAIN`` slots.
    """
    reader = Reader(body, "CertificateStatus", rule="T3")
    status_type = reader.number(1, "status_type")
    if status_type == CertificateStatusType.OCSP:
        response = reader.vector(_LENGTH_OCTETS, "response", least=1)
        reader.end()
        return CertificateStatus.single(response)
    if status_type == CertificateStatusType.OCSP_MULTI:
        name = "ocsp_response_list"
        listed = reader.vectors(
            *(_LENGTH_OCTETS, name),
            least=1,
            each=_LENGTH_OCTETS,
            element="OCSPResponse",
            each_least=0,
        )
        responses = tuple(islice(listed, MAX_TLS_CHAIN + 1))
        if len(responses) > MAX_TLS_CHAIN:
            raise reader.broken(name, f"has more than {MAX_TLS_CHAIN} slots")
        reader.end()
        return CertificateStatus(CertificateStatusType.OCSP_MULTI, responses)
    raise reader.broken("status_type", f"is {status_type}, neither ocsp(1) nor ocsp_multi(2)")


def encode_certificate_status(status: CertificateStatus) -> bytes:
    """Write a CertificateStatus, without a handshake header.

    Raises:
        ValueError: it has more octets than its 24-bit lengths hold.
    """
    each = [vector(_LENGTH_OCTETS, one, "OCSPResponse") for one in status.responses]
    head = bytes((status.status_type,))
    if status.status_type is CertificateStatusType.OCSP:
        return head + each[0]
    return head + vector(_LENGTH_OCTETS, b"".join(each), "ocsp_response_list")


def status_message(response: bytes) -> bytes:
    """Write the whole handshake message that staples one response up to TLS 1.2 (T3).

    Raises:
        ValueError: the response is empty, or longer than the message's 24-bit length allows.
    """
    body = encode_certificate_status(CertificateStatus.single(response))
    return bytes((HandshakeType.CERTIFICATE_STATUS,)) + vector(3, body, "CertificateStatus")
