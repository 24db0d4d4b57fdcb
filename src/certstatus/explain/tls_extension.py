"""A TLS extension in words: those of certificate status whole, the others by name and length."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from enum import Enum
from typing import Final, TypeAlias

from certstatus.errors import MalformedError
from certstatus.explain.field import Field, count_text
from certstatus.explain.tls_status import (
    gathered,
    request_fields,
    request_v2_fields,
    status_fields,
)
from certstatus.handshake import (
    ClientHello,
    ExtensionType,
    Reader,
    ServerHello,
    TLSExtension,
    parse_certificate_status_request,
    version_text,
)

__all__ = ["Place", "explain_extension", "extension_field", "extension_list"]


class Place(Enum):
    """The message that an extension stands in."""

    CLIENT_HELLO = "ClientHello"
    SERVER_HELLO = "ServerHello"
    SERVER_HELLO_13 = "ServerHello of TLS 1.3"
    RETRY = "HelloRetryRequest"
    ENCRYPTED = "EncryptedExtensions"
    REQUEST = "CertificateRequest"
    ENTRY = "CertificateEntry"


_Fields: TypeAlias = Callable[[bytes], Iterable[Field]]

_STATUS: Final = ExtensionType.STATUS_REQUEST
_STATUS_V2: Final = ExtensionType.STATUS_REQUEST_V2
_SECTIONS: Final[Mapping[int, str]] = {
    ExtensionType.SERVER_NAME: "RFC 6066 §3",
    _STATUS: "RFC 6066 §8",
    _STATUS_V2: "RFC 6961 §2.2",
    ExtensionType.SUPPORTED_VERSIONS: "RFC 9846 §4.2.1",
    ExtensionType.PRE_SHARED_KEY: "RFC 9846 §4.2.11",
}
_IN_TLS13: Final = "RFC 9846 §4.4.2.1"
_OTHER: Final = "RFC 9846 §4.2"


def extension_list(extensions: tuple[TLSExtension, ...], place: Place) -> Field:
    """Explain a block of extensions, in order."""
    return Field(
        "extensions",
        count_text(len(extensions), "extension"),
        "",
        _OTHER,
        children=tuple(extension_field(one, place) for one in extensions),
        departures=_repeated(extensions),
    )


def _repeated(extensions: tuple[TLSExtension, ...]) -> tuple[str, ...]:
    twice = ServerHello(extensions=extensions).repeated
    return tuple(f"{TLSExtension(kind)} stands more than once, which is illegal" for kind in twice)


def explain_extension(data: bytes) -> Field:
    """Explain one extension that stands alone, with its type and length.

    Its message is told by what it holds: a status_request that is empty is an answer.

    Raises:
        MalformedError: type or length are cut short, or there is more than it.
    """
    reader = Reader(data, "Extension")
    kind = reader.number(2, "extension_type")
    extension = TLSExtension(kind, reader.vector(2, "extension_data"))
    reader.end()
    return extension_field(extension, _likely_place(extension))


def _likely_place(extension: TLSExtension) -> Place:
    if not extension.data:
        return Place.SERVER_HELLO
    try:
        parse_certificate_status_request(extension.data)
    except MalformedError:
        is_status = int.from_bytes(extension.data[1:4]) == len(extension.data) - 4
        return Place.ENTRY if is_status and extension.data[0] == 1 else Place.CLIENT_HELLO
    return Place.CLIENT_HELLO


def extension_field(extension: TLSExtension, place: Place) -> Field:
    """Explain one extension of a message."""
    meaning, section, read = _told(extension, place)
    name, length = str(extension).split("(")[0], len(extension.data)
    if read is None:
        value = f"{extension.type:#06x}, length {length}"
        return Field(name, value, meaning, section, der=extension.data)
    fields, problem = gathered(read(extension.data))
    return Field(
        name,
        None,
        meaning,
        section,
        children=(
            Field("extension_type", f"{name} ({extension.type:#06x})", "", _OTHER),
            Field("length", str(length), "octets of extension_data", _OTHER),
            *fields,
        ),
        der=extension.data,
        departures=_misplaced(extension, place),
        problem=problem,
    )


def _told(extension: TLSExtension, place: Place) -> tuple[str, str, _Fields | None]:
    """Return meaning, section and reader of an extension, as its message has it.

    No reader: certificate status has nothing to do with it.
    """
    kind = extension.type
    section = _SECTIONS.get(kind, _OTHER)
    if kind in {_STATUS, _STATUS_V2}:
        return _told_of_status(extension, place)
    if place is Place.CLIENT_HELLO and kind == ExtensionType.SERVER_NAME:
        return "the host that the client means", section, _server_name
    if kind == ExtensionType.SUPPORTED_VERSIONS:
        if place is Place.CLIENT_HELLO:
            return "the versions that the client offers, best first", section, _offered
        return "the version that the server chose", section, _chosen
    if kind == ExtensionType.PRE_SHARED_KEY and place is not Place.CLIENT_HELLO:
        return "the session is resumed: no certificate and no staple follow", section, None
    return "", section, None


def _told_of_status(extension: TLSExtension, place: Place) -> tuple[str, str, _Fields]:
    section = _SECTIONS[extension.type]
    if place is Place.CLIENT_HELLO:
        read = request_fields if extension.type == _STATUS else request_v2_fields
        return "the client asks for the status of the server's certificate", section, read
    if extension.type == _STATUS_V2 and place is Place.SERVER_HELLO:
        return "the server may send a CertificateStatus, for the whole chain", section, _nothing
    if place is Place.SERVER_HELLO:
        meaning = "the server may send a CertificateStatus after its Certificate; it need not"
        return meaning, section, _nothing
    if place is Place.ENTRY:
        return "the status of this certificate: its staple", _IN_TLS13, status_fields
    if place is Place.REQUEST:
        return "the server asks for the status of the client's certificate", _IN_TLS13, _nothing
    return "", _IN_TLS13, _nothing


_EMPTY: Final = (Place.SERVER_HELLO, Place.REQUEST)


def _misplaced(extension: TLSExtension, place: Place) -> tuple[str, ...]:
    if extension.type not in {_STATUS, _STATUS_V2}:
        return ()
    if place in {Place.SERVER_HELLO_13, Place.RETRY, Place.ENCRYPTED}:
        return (f"stands in {place.value}, where TLS 1.3 has no certificate status",)
    if extension.type == _STATUS_V2 and place in {Place.REQUEST, Place.ENTRY}:
        return (f"stands in {place.value}; TLS 1.3 has no status_request_v2 (RFC 9846 §4.4.2.1)",)
    if place in _EMPTY and extension.data:
        return (f"has {count_text(len(extension.data), 'octet')}; it must be empty",)
    return ()


def _nothing(_: bytes) -> tuple[Field, ...]:
    return ()


def _server_name(data: bytes) -> Iterator[Field]:
    name = ClientHello(extensions=(TLSExtension(ExtensionType.SERVER_NAME, data),)).server_name
    yield Field("HostName", name or "", "", "RFC 6066 §3")


def _offered(data: bytes) -> Iterator[Field]:
    extension = TLSExtension(ExtensionType.SUPPORTED_VERSIONS, data)
    versions = ClientHello(extensions=(extension,)).supported_versions
    yield Field("versions", ", ".join(map(version_text, versions)), "", "RFC 9846 §4.2.1")


def _chosen(data: bytes) -> Iterator[Field]:
    extension = TLSExtension(ExtensionType.SUPPORTED_VERSIONS, data)
    version = ServerHello(extensions=(extension,)).version
    yield Field("selected_version", version_text(version), "", "RFC 9846 §4.2.1")
