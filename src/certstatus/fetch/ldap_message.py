"""What an LDAP server answers to one search (RFC 4511 §4.1.1, §4.5.2), as it comes in.

No I/O. Lengths are believed only as far as the limit goes: one that lies ends the matter
before anything is kept for it. Any definite length is read, short or not, as BER has it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from certstatus.fetch.conversation import FetchFailed
from certstatus.fetch.ldap_url import attribute_name
from certstatus.limits import MAX_LDAP_MESSAGES, MAX_LDAP_OVERHEAD_BYTES

__all__ = ["UNBIND", "LDAPReplies"]

UNBIND: Final = bytes.fromhex("30050201024200")
"""UnbindRequest: says goodbye."""

_MESSAGE: Final = 0x30
_INTEGER: Final = 0x02
_OCTETS: Final = 0x04
_SET: Final = 0x31
_SEQUENCE: Final = 0x30
_ENUMERATED: Final = 0x0A
_ENTRY: Final = 0x64
_DONE: Final = 0x65
_REFERENCE: Final = 0x73
_EXTENDED: Final = 0x78
_MAX_HEAD: Final = 6

_RESULTS: Final = {
    1: "operationsError",
    3: "timeLimitExceeded",
    4: "sizeLimitExceeded",
    8: "strongerAuthRequired",
    10: "referral, which is not followed",
    32: "noSuchObject",
    34: "invalidDNSyntax",
    48: "inappropriateAuthentication",
    49: "invalidCredentials",
    50: "insufficientAccessRights",
    51: "busy",
    52: "unavailable",
    53: "unwillingToPerform",
    80: "other",
}
_PASSING: Final = frozenset({3, 51, 52, 80})
"""Results that may be others the next time."""


class LDAPReplies:
    """Takes octets as they come, until the search is over.

    Args:
        attribute: the one asked for; what else comes is passed over (C13).
        message_id: the search's.
        max_bytes: of all values together.
    """

    def __init__(self, attribute: str, *, message_id: int, max_bytes: int) -> None:
        self._attribute = attribute
        self._message_id = message_id
        self._max_bytes = max_bytes
        self._left = max_bytes + MAX_LDAP_OVERHEAD_BYTES
        self._messages = 0
        self._buffer = bytearray()
        self.values: list[bytes] = []
        self.is_done = False

    def feed(self, data: bytes) -> None:
        """Take what came.

        Raises:
            FetchFailed: it is no LDAP, is too much, or says that there is nothing to have.
        """
        self._left -= len(data)
        if self._left < 0:
            raise self._too_large()
        self._buffer += data
        while not self.is_done and (end := self._end()) is not None:
            message = bytes(memoryview(self._buffer)[:end])
            del self._buffer[:end]
            self._take(message)

    def _end(self) -> int | None:
        """Return where the first message ends; None: not here yet."""
        head = bytes(self._buffer[:_MAX_HEAD])
        if head and head[0] != _MESSAGE:
            raise _no_ldap()
        found = _length(head, 1)
        if found is None:
            return None
        start, length = found
        if length > self._max_bytes + MAX_LDAP_OVERHEAD_BYTES:
            raise self._too_large()
        return start + length if len(self._buffer) >= start + length else None

    def _too_large(self) -> FetchFailed:
        return FetchFailed(f"the answer is larger than {self._max_bytes} bytes", is_lasting=True)

    def _take(self, message: bytes) -> None:
        self._messages += 1
        if self._messages > MAX_LDAP_MESSAGES:
            raise FetchFailed(f"more than {MAX_LDAP_MESSAGES} messages came", is_lasting=True)
        ((_, contents),) = _elements(memoryview(message))
        (id_tag, number), (tag, body), *_ = _at_least(contents, 2)
        if id_tag != _INTEGER:
            raise _no_ldap()
        message_id = int.from_bytes(number, signed=True)
        if message_id == 0 and tag == _EXTENDED:
            raise FetchFailed("the server ends the connection by a notice")
        if message_id != self._message_id or tag not in {_ENTRY, _DONE, _REFERENCE}:
            raise _no_ldap()
        if tag == _ENTRY:
            self._take_entry(body)
        elif tag == _DONE:
            self._finish(body)

    def _take_entry(self, body: memoryview) -> None:
        _, (tag, attributes), *_ = _at_least(body, 2)
        if tag != _SEQUENCE:
            raise _no_ldap()
        for _, attribute in _elements(attributes):
            (_, kind), (set_tag, values), *_ = _at_least(attribute, 2)
            if set_tag != _SET:
                raise _no_ldap()
            if attribute_name(bytes(kind).decode("utf-8", "replace")) == self._attribute:
                self.values += [bytes(one) for tag, one in _elements(values) if tag == _OCTETS]

    def _finish(self, body: memoryview) -> None:
        (tag, code), *_ = _at_least(body, 1)
        if tag != _ENUMERATED:
            raise _no_ldap()
        result = int.from_bytes(code, signed=True)
        if result:
            text = _RESULTS.get(result, str(result))
            raise FetchFailed(f"the server answers {text}", is_lasting=result not in _PASSING)
        if not self.values:
            raise FetchFailed(f"the entry has no {self._attribute}", is_lasting=True)
        self.is_done = True


def _elements(data: memoryview) -> Iterator[tuple[int, memoryview]]:
    """Yield tag and contents of each element. Raises FetchFailed."""
    at = 0
    while at < len(data):
        found = _length(bytes(data[at : at + _MAX_HEAD]), 1)
        if found is None:
            raise _no_ldap()
        start, length = at + found[0], found[1]
        if start + length > len(data):
            raise _no_ldap()
        yield data[at], data[start : start + length]
        at = start + length


def _at_least(data: memoryview, count: int) -> list[tuple[int, memoryview]]:
    found = list(_elements(data))
    if len(found) < count:
        raise _no_ldap()
    return found


def _length(data: bytes, at: int) -> tuple[int, int] | None:
    """Read a length; return where the contents begin, and it. None: more has to come."""
    if len(data) <= at:
        return None
    first = data[at]
    if first < 0x80:
        return at + 1, first
    count = first & 0x7F
    if not 0 < count <= _MAX_HEAD - 2:
        raise _no_ldap()
    if len(data) < at + 1 + count:
        return None
    return at + 1 + count, int.from_bytes(data[at + 1 : at + 1 + count])


def _no_ldap() -> FetchFailed:
    return FetchFailed("the answer is no LDAP", is_lasting=True)
