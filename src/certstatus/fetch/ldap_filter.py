"""Search filters as LDAP URLs hold them (RFC 4515), to the bytes of RFC 4511 §4.5.1.7.

Those that tell one directory entry from another: presence, equality, and what joins them.
Others are refused by name. Parentheses around the whole may be missing, as they are in the
URLs that some CAs write.
"""

from __future__ import annotations

import re
from typing import Final

from certstatus.asn1.doorway import encode_tlv
from certstatus.errors import MalformedError

__all__ = ["encode_filter"]

_MAX_DEPTH: Final = 8
_ITEM: Final = re.compile(r"([A-Za-z][A-Za-z0-9-]*|\d+(?:\.\d+)+)=([^()]*)")
_JOINS: Final = {"&": 0xA0, "|": 0xA1, "!": 0xA2}
_EQUALITY: Final = 0xA3
_PRESENT: Final = 0x87


def encode_filter(text: str) -> bytes:
    """Encode a filter.

    Raises:
        MalformedError: it is none, or of a kind that is not searched with here.
    """
    written = text if text.startswith("(") else f"({text})"
    encoded, rest = _filter(written, 0)
    if rest:
        raise _broken(text)
    return encoded


def _filter(text: str, depth: int) -> tuple[bytes, str]:
    """Read one filter in its parentheses; return it, and what follows."""
    if not text.startswith("(") or depth > _MAX_DEPTH:
        raise _broken(text)
    if (tag := _JOINS.get(text[1:2])) is not None:
        members, rest = _members(text[2:], depth)
        if tag == _JOINS["!"] and len(members) != 1:
            raise _broken(text)
        return encode_tlv(tag, b"".join(members)), rest
    item = _ITEM.match(text, 1)
    if item is None or text[item.end() : item.end() + 1] != ")":
        raise _broken(text)
    return _item(item[1].encode(), item[2]), text[item.end() + 1 :]


def _members(text: str, depth: int) -> tuple[list[bytes], str]:
    members = []
    while not text.startswith(")"):
        member, text = _filter(text, depth + 1)
        members.append(member)
    return members, text[1:]


def _item(attribute: bytes, value: str) -> bytes:
    if value == "*":
        return encode_tlv(_PRESENT, attribute)
    if "*" in value:
        raise MalformedError(
            f"searches for a part of a value, {value}, which is not supported", where="LDAP filter"
        )
    return encode_tlv(_EQUALITY, encode_tlv(0x04, attribute) + encode_tlv(0x04, _value(value)))


def _value(text: str) -> bytes:
    if re.search(r"\\(?![0-9A-Fa-f]{2})", text):
        raise _broken(text)
    unescaped = re.sub(rb"\\(..)", lambda found: bytes.fromhex(found[1].decode()), text.encode())
    return bytes(unescaped)


def _broken(text: str) -> MalformedError:
    return MalformedError(f"{text!r} is no filter that is known here", where="LDAP filter")
