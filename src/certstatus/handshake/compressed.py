"""CompressedCertificate: a Certificate message packed (RFC 8879).

zlib is read here, for it is part of Python; brotli and zstd are told by name and left packed.
"""

from __future__ import annotations

import zlib
from typing import Final

from certstatus.errors import DecodeError
from certstatus.handshake.framing import Reader
from certstatus.limits_tls import MAX_UNPACKED_BYTES

__all__ = ["algorithm_name", "unpack_certificate"]

_ZLIB: Final = 1
_ALGORITHMS: Final = {_ZLIB: "zlib", 2: "brotli", 3: "zstd"}


def algorithm_name(number: int) -> str:
    """Name a compression algorithm by its number."""
    return _ALGORITHMS.get(number, f"unknown({number})")


def unpack_certificate(body: bytes) -> tuple[int, bytes | None]:
    """Return the algorithm, and the body of the Certificate message; None where we can't unpack.

    Raises:
        DecodeError: a length lies, it unpacks to over ``MAX_UNPACKED_BYTES``, or is no zlib.
    """
    reader = Reader(body, "CompressedCertificate")
    algorithm = reader.number(2, "algorithm")
    length = reader.number(3, "uncompressed_length")
    packed = reader.vector(3, "compressed_certificate_message", least=1)
    reader.end()
    if algorithm != _ZLIB:
        return algorithm, None
    if length > MAX_UNPACKED_BYTES:
        reason = f"is {length}, more than {MAX_UNPACKED_BYTES}"
        raise reader.broken("uncompressed_length", reason)
    return algorithm, _unzipped(packed, length, reader)


def _unzipped(packed: bytes, length: int, reader: Reader) -> bytes:
    name = "compressed_certificate_message"
    unpacker = zlib.decompressobj()
    try:
        body = unpacker.decompress(packed, length + 1)
    except zlib.error as error:
        raise DecodeError("is no zlib", where=f"{reader.where}.{name}") from error
    if len(body) != length or not unpacker.eof or unpacker.unused_data:
        raise reader.broken(name, f"does not unpack to its {length} octets")
    return body
