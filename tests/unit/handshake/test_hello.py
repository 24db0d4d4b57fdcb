from __future__ import annotations

import pytest

from certstatus.errors import DecodeError, MalformedError
from certstatus.handshake import (
    TLS12,
    TLS13,
    CertificateStatusRequest,
    ClientHello,
    EncryptedExtensions,
    ExtensionType,
    ServerHello,
    TLSExtension,
    encode_client_hello,
    encode_encrypted_extensions,
    encode_server_hello,
    parse_client_hello,
    parse_encrypted_extensions,
    parse_server_hello,
)
from certstatus.limits_tls import MAX_TLS_EXTENSIONS
from tests.flights import ASKED, ASKED_V2, CHOSE_TLS13, OFFERS_TLS13, RETRY_RANDOM

NAME = TLSExtension(ExtensionType.SERVER_NAME, bytes.fromhex("0007 00 0004") + b"a.bc")
HELLO = ClientHello(
    random=bytes(range(32)),
    session_id=b"session",
    cipher_suites=(0x1301, 0xC02B),
    extensions=(NAME, ASKED, ASKED_V2, OFFERS_TLS13, TLSExtension(0x1A1A, b"grease")),
)
BYTES = encode_client_hello(HELLO)
SERVER_BYTES = encode_server_hello(ServerHello(cipher_suite=0x1301, extensions=(CHOSE_TLS13,)))


def hello_with(kind: int, data: str) -> ClientHello:
    return ClientHello(cipher_suites=(1,), extensions=(TLSExtension(kind, bytes.fromhex(data)),))


def test_a_client_hello_comes_back_with_all_that_it_holds() -> None:
    found = parse_client_hello(BYTES)

    assert found == HELLO
    assert encode_client_hello(found) == BYTES
    assert found.server_name == "a.bc"
    assert found.status_request == CertificateStatusRequest()
    assert [item.status_type for item in found.status_request_v2 or ()] == [2, 1]
    assert found.supported_versions == (TLS13, TLS12)
    assert found.extension(0x1A1A) == TLSExtension(0x1A1A, b"grease")


def test_an_old_client_hello_has_no_extensions_at_all() -> None:
    body = BYTES[:34] + bytes.fromhex("00 0002 002f 01 00")
    found = parse_client_hello(body)

    assert found.extensions == ()
    assert found.status_request is None
    assert found.status_request_v2 is None
    assert found.server_name is None
    assert found.supported_versions == (TLS12,)


OLD_ENDS = len(BYTES) - len(b"".join(one.encode() for one in HELLO.extensions)) - 2
"""Where the same hello would end had it no extensions, as before TLS 1.0's."""


@pytest.mark.parametrize("size", sorted({*range(len(BYTES))} - {OLD_ENDS}))
def test_a_client_hello_that_is_cut_short_is_a_decode_error(size: int) -> None:
    with pytest.raises(DecodeError, match="cut short"):
        parse_client_hello(BYTES[:size])


@pytest.mark.parametrize("size", [*range(38), *range(39, len(SERVER_BYTES))])
def test_a_server_hello_that_is_cut_short_is_a_decode_error(size: int) -> None:
    with pytest.raises(DecodeError, match="cut short"):
        parse_server_hello(SERVER_BYTES[:size])


def test_hellos_may_end_before_their_extensions() -> None:
    assert parse_client_hello(BYTES[:OLD_ENDS]).extensions == ()
    assert parse_server_hello(SERVER_BYTES[:38]).extensions == ()


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (BYTES + b"\0", "ClientHello: has 1 octet after its end"),
        (BYTES[:34] + bytes.fromhex("00 0000 01 00"), "cipher_suites: is empty"),
        (BYTES[:34] + bytes.fromhex("00 0003 002f00 01 00"), "cipher_suites: has 3 octets, an odd"),
        (BYTES[:34] + bytes.fromhex("00 0002 002f 00"), "legacy_compression_methods: is empty"),
        (
            BYTES[:34] + bytes.fromhex("00 0002 002f 01 00 0004 0005 0009"),
            r"status_request\(5\).extension_data: is cut short",
        ),
    ],
)
def test_a_broken_client_hello_names_the_field(body: bytes, said: str) -> None:
    with pytest.raises(DecodeError, match=said):
        parse_client_hello(body)


def test_more_extensions_than_the_limit_are_refused() -> None:
    many = tuple(TLSExtension(number) for number in range(MAX_TLS_EXTENSIONS + 1))

    fits = ClientHello(cipher_suites=(1,), extensions=many[:-1])
    assert parse_client_hello(encode_client_hello(fits)) == fits
    body = encode_client_hello(ClientHello(cipher_suites=(1,), extensions=many))
    with pytest.raises(DecodeError, match=f"are more than {MAX_TLS_EXTENSIONS}"):
        parse_client_hello(body)


def test_an_extension_that_is_too_long_can_not_be_written() -> None:
    with pytest.raises(ValueError, match=r"status_request\(5\) has 65536 octets"):
        TLSExtension(5, bytes(65_536)).encode()


def test_a_type_that_stands_twice_is_told() -> None:
    assert ClientHello(extensions=(ASKED, NAME, ASKED)).repeated == (5,)
    assert HELLO.repeated == ()


@pytest.mark.parametrize(
    ("data", "name"),
    [
        ("0007 00 0004 612e6263", "a.bc"),
        ("0009 07 0001 ff 00 0002 6162", "ab"),
        ("0004 07 0001 ff", None),
        ("", None),
    ],
)
def test_the_server_name_is_the_host_name_of_the_list(data: str, name: str | None) -> None:
    assert hello_with(ExtensionType.SERVER_NAME, data).server_name == name


@pytest.mark.parametrize(
    "data", ["0000", "0003 00 0000", "0007 00 0004 61", "0004 00 0001 61 00", "0004 00 0001 e9"]
)
def test_a_server_name_that_can_not_be_read_is_malformed(data: str) -> None:
    with pytest.raises(MalformedError, match="server_name"):
        _ = hello_with(ExtensionType.SERVER_NAME, data).server_name


@pytest.mark.parametrize("data", ["", "00", "03 030403", "02 0304 00", "04 0304"])
def test_supported_versions_that_can_not_be_read_are_a_decode_error(data: str) -> None:
    with pytest.raises(DecodeError, match="supported_versions"):
        _ = hello_with(ExtensionType.SUPPORTED_VERSIONS, data).supported_versions


def test_a_server_hello_tells_the_version_chosen() -> None:
    new = parse_server_hello(SERVER_BYTES)
    old = ServerHello(cipher_suite=0x2F, compression_method=1, session_id=b"x")

    assert (new.version, new.is_retry) == (TLS13, False)
    assert parse_server_hello(encode_server_hello(old)) == old
    assert old.version == TLS12
    assert ServerHello(random=RETRY_RANDOM).is_retry


@pytest.mark.parametrize("data", ["", "03", "030400"])
def test_a_server_hello_chooses_one_version(data: str) -> None:
    chosen = TLSExtension(ExtensionType.SUPPORTED_VERSIONS, bytes.fromhex(data))

    with pytest.raises(DecodeError, match="supported_versions"):
        _ = ServerHello(extensions=(chosen,)).version


def test_encrypted_extensions_are_one_block() -> None:
    message = EncryptedExtensions(extensions=(TLSExtension(0), TLSExtension(16, b"x")))

    assert parse_encrypted_extensions(encode_encrypted_extensions(message)) == message
    assert encode_encrypted_extensions(EncryptedExtensions()) == b"\0\0"
    for body in (b"", b"\0", b"\0\0\0", b"\0\x01\0"):
        with pytest.raises(DecodeError, match="EncryptedExtensions"):
            parse_encrypted_extensions(body)
