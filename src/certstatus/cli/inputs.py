"""What the commands read: files, standard input or the argument itself, in any armour.

DER, PEM of any label, hex, base64 (also base64url), and the URL of a GET request all come
out as DER, and what ``openssl s_client -msg`` prints as TLS records. Whatever is none of these is malformed; a file that can't be opened raises
OSError, which the frame puts into words.
"""

from __future__ import annotations

import base64
import binascii
import os
import re
from dataclasses import dataclass
from typing import Final

import click

from certstatus.errors import MalformedError
from certstatus.explain import (
    Kind,
    is_openssl_msg,
    is_whole,
    parse_get_url,
    parse_openssl_msg,
    recognize,
)
from certstatus.limits import MAX_INPUT_BYTES
from certstatus.pkix import Certificate

__all__ = [
    "Message",
    "load_certificate",
    "load_certificates",
    "read_bytes",
    "read_message",
    "read_messages",
    "source_name",
    "unarmour",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message as DER; ``source`` says where it stood, for people.

    ``label`` is the PEM label, and ``url`` the responder's URL where the message came out
    of a GET URL.
    """

    source: str
    der: bytes
    label: str | None = None
    url: str | None = None


def read_bytes(name: str) -> bytes:
    """Read a file, or standard input where ``name`` is ``-``.

    Raises:
        OSError: the file can't be opened or read.
        MalformedError: it is empty, or larger than ``MAX_INPUT_BYTES``.
    """
    with click.open_file(name, "rb") as file:
        data: bytes = file.read(MAX_INPUT_BYTES + 1)
    where = source_name(name)
    if not data:
        raise MalformedError("is empty", where=where)
    if len(data) > MAX_INPUT_BYTES:
        raise MalformedError(f"is larger than {MAX_INPUT_BYTES} bytes", where=where)
    return data


def read_messages(name: str) -> tuple[Message, ...]:
    """Read every message of a file, of standard input, or of the argument itself.

    Raises:
        OSError: the file can't be opened or read.
        MalformedError: it is in no armour that we know, or empty.
    """
    if not _names_a_file(name) and _is_literal(name):
        return unarmour(name.encode(), "the argument")
    return unarmour(read_bytes(name), source_name(name))


def read_message(name: str) -> Message:
    """Read the one message of a file, of standard input, or of the argument itself.

    Raises:
        OSError: the file can't be opened or read.
        MalformedError: it holds none, or more than one.
    """
    messages = read_messages(name)
    if len(messages) > 1:
        raise MalformedError(f"holds {len(messages)} messages, not one", where=source_name(name))
    return messages[0]


def load_certificates(name: str) -> tuple[Certificate, ...]:
    """Read the certificates of a file, in order; what else stands in a PEM file is passed over.

    Raises:
        OSError: the file can't be opened or read.
        MalformedError: it holds no certificate, or a broken one.
    """
    found = [
        _certificate(message)
        for message in read_messages(name)
        if message.label is None or message.label.endswith("CERTIFICATE")
    ]
    if not found:
        raise MalformedError("holds no certificate", where=source_name(name))
    return tuple(found)


def _certificate(message: Message) -> Certificate:
    kind = recognize(message.der)
    if kind is not None and kind is not Kind.CERTIFICATE:
        raise MalformedError(f"is no certificate, but {kind.value}", where=message.source)
    return Certificate.from_der(message.der, message.source)


def load_certificate(name: str) -> Certificate:
    """Read the first certificate of a file. Raises as ``load_certificates`` does."""
    return load_certificates(name)[0]


# --- where it stands --------------------------------------------------------------------


def source_name(name: str) -> str:
    """Return what people call an input: its file name, or standard input."""
    return "standard input" if name == "-" else name


def _names_a_file(name: str) -> bool:
    if name == "-":
        return True
    try:
        os.stat(name)  # noqa: PTH116 - Path.exists raises where the name is too long for a file
    except (OSError, ValueError):
        return False
    return True


_SHORTEST_LITERAL: Final = 20
"""A shorter argument that is no file and no whole message is a file name with a slip in it."""


def _is_literal(text: str) -> bool:
    if text.startswith(("http://", "https://")):
        return True
    if not text.isascii():
        return False
    der = _unhex(text.encode()) or _unbase64(text.encode())
    if der is None:
        return False
    if not der.startswith(b"\x30"):
        return _HEX.fullmatch(text.encode()) is not None and recognize(der) is not None
    return is_whole(der) or len(text) >= _SHORTEST_LITERAL


# --- what it is wrapped in --------------------------------------------------------------

_PEM: Final = re.compile(rb"-----BEGIN ([^\r\n-]+)-----(.*?)-----END \1-----", re.DOTALL)
_TEXT: Final = frozenset(range(0x20, 0x7F)) | frozenset(b"\t\r\n\f")
_HEX: Final = re.compile(rb"(0x)?[0-9A-Fa-f]+")


def unarmour(data: bytes, source: str) -> tuple[Message, ...]:
    """Take messages out of their armour; bytes that are no text are DER already.

    Raises:
        MalformedError: a PEM block is broken, or the text is no armour.
    """
    if is_openssl_msg(data):  # before PEM: the same output shows the server's certificate
        return (Message(source=source, der=parse_openssl_msg(data)),)
    if b"-----BEGIN " in data:
        return _pem(data, source)
    if not _TEXT.issuperset(data):
        return (Message(source=source, der=data),)
    text = b"".join(data.split())
    if text.startswith((b"http://", b"https://")):
        found = parse_get_url(text.decode("ascii"))
        return (Message(source=source, der=found.der, url=found.base),)
    der = _unhex(text.replace(b":", b"")) or _unbase64(text)
    if not der:
        raise MalformedError(
            "is neither DER, PEM, hex, base64 nor the URL of a GET request", where=source
        )
    return (Message(source=source, der=der),)


def _pem(data: bytes, source: str) -> tuple[Message, ...]:
    blocks = list(_PEM.finditer(data))
    if len(blocks) != data.count(b"-----BEGIN "):
        raise MalformedError("has a PEM block without its END line", where=source)
    return tuple(
        _pem_block(block, source if len(blocks) == 1 else f"{source}, block {number}")
        for number, block in enumerate(blocks, 1)
    )


def _pem_block(block: re.Match[bytes], source: str) -> Message:
    label = block[1].decode("ascii", "replace")
    # Header lines, as encrypted keys had them, have a colon; base64 has none (RFC 1421 §4.4).
    body = b"".join(line.strip() for line in block[2].splitlines() if b":" not in line)
    der = _unbase64(body)
    if not der:
        raise MalformedError(f"is not base64 between the lines of {label}", where=source)
    return Message(source=source, der=der, label=label)


def _unhex(text: bytes) -> bytes | None:
    if _HEX.fullmatch(text) is None:
        return None
    digits = text.removeprefix(b"0x")
    return binascii.unhexlify(digits) if len(digits) % 2 == 0 else None


def _unbase64(text: bytes) -> bytes | None:
    """Read base64 or base64url, with its padding or without."""
    plain = text.rstrip(b"=").translate(bytes.maketrans(b"-_", b"+/"))
    try:
        return base64.b64decode(plain + b"=" * (-len(plain) % 4), validate=True)
    except binascii.Error:
        return None
