"""The protocols that ask for TLS in octets, not in text: LDAP and PostgreSQL."""

from __future__ import annotations

from typing import Final

from certstatus.limits_tls import MAX_STARTTLS_LINE_BYTES
from certstatus.tls.starttls_inbox import Inbox, Talk

__all__ = ["ldap", "postgres"]

# --- LDAP ----------------------------------------------------------------------------------

_START_TLS: Final = b"1.3.6.1.4.1.1466.20037"
# LDAPMessage { messageID 1, extendedReq [APPLICATION 23] { requestName [0] } }
_EXTENDED_REQUEST: Final = b"\x30\x1d\x02\x01\x01\x77\x18\x80\x16" + _START_TLS
_SEQUENCE, _INTEGER, _OCTET_STRING, _ENUMERATED = 0x30, 0x02, 0x04, 0x0A
_EXTENDED_RESPONSE: Final = 0x78  # [APPLICATION 24], constructed
_SUCCESS: Final = 0


def ldap(inbox: Inbox, _host: str) -> Talk[None]:
    """RFC 4511 §4.14: the extended operation StartTLS."""
    yield _EXTENDED_REQUEST
    message = yield from _ldap_message(inbox)
    _, rest = _element(inbox, message, _INTEGER)
    answer, _ = _element(inbox, rest, _EXTENDED_RESPONSE)
    code, rest = _element(inbox, answer, _ENUMERATED)
    _, rest = _element(inbox, rest, _OCTET_STRING)
    why, _ = _element(inbox, rest, _OCTET_STRING)
    if int.from_bytes(code) != _SUCCESS:
        inbox.refused(f"resultCode {int.from_bytes(code)}, {why.decode('utf-8', 'replace')}")


def _ldap_message(inbox: Inbox) -> Talk[bytes]:
    """Read one LDAPMessage; BER, so its length may be written long (RFC 4511 §5.1)."""
    head = yield from inbox.octets(2)
    if head[0] != _SEQUENCE:
        inbox.expected("an LDAPMessage", head.hex(" "))
    length = head[1]
    if length & 0x80:
        count = length & 0x7F
        if not 0 < count <= 4:
            inbox.expected("a definite length", head.hex(" "))
        length = int.from_bytes((yield from inbox.octets(count)))
    if length > MAX_STARTTLS_LINE_BYTES:
        inbox.break_off(f"an LDAPMessage of {length} octets")
    return (yield from inbox.octets(length))


def _element(inbox: Inbox, data: bytes, tag: int) -> tuple[bytes, bytes]:
    """Split off one element of a known tag: its contents, and what follows it."""
    if len(data) < 2 or data[0] != tag:
        inbox.expected(f"an element with tag {tag:#04x}", data[:16].hex(" "))
    count = data[1] & 0x7F if data[1] & 0x80 else 0
    length = int.from_bytes(data[2 : 2 + count]) if count else data[1]
    start = 2 + count
    if len(data) < start + length:
        inbox.break_off("a length reaches past the end of its LDAPMessage")
    return data[start : start + length], data[start + length :]


# --- PostgreSQL ----------------------------------------------------------------------------

_SSL_REQUEST: Final = b"\x00\x00\x00\x08\x04\xd2\x16\x2f"


def postgres(inbox: Inbox, _host: str) -> Talk[None]:
    """SSLRequest, answered by one octet."""
    yield _SSL_REQUEST
    answer = yield from inbox.octets(1)
    if answer == b"N":
        inbox.refused("it is not set up for TLS")
    if answer == b"E":
        inbox.refused("it answers with an error")
    if answer != b"S":
        inbox.expected("S or N", answer.decode("ascii", "backslashreplace"))
