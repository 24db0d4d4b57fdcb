from __future__ import annotations

import pytest

from certstatus.errors import MalformedError
from certstatus.explain import Field, explain_extension
from certstatus.explain.tls_extension import Place, extension_field, extension_list
from certstatus.handshake import (
    CertificateStatusRequest,
    CertificateStatusRequestItemV2,
    CertificateStatusType,
    ExtensionType,
    OCSPStatusRequest,
    TLSExtension,
    encode_certificate_status_request,
    encode_status_request_v2,
)
from certstatus.ocsp import ByKey, ByName, Extensions, Nonce
from certstatus.pkix import Name
from tests.flights import ASKED, CHOSE_TLS13, OFFERS_TLS13, PROMISED, PROMISED_V2, STAPLE, entries

FULL = OCSPStatusRequest(
    responder_id_list=(ByKey(bytes(range(20))), ByName(Name.from_rfc4514("CN=ocsp.example"))),
    request_extensions=Extensions.of(Nonce(bytes(range(32)))),
)


def lines(field: Field) -> list[tuple[str, str]]:
    return [(child.name, child.text) for child in field.children]


def client(kind: int, data: str) -> Field:
    return extension_field(TLSExtension(kind, bytes.fromhex(data)), Place.CLIENT_HELLO)


@pytest.mark.rule("T1")
def test_the_usual_request_is_told_as_in_the_users_sample() -> None:
    found = explain_extension(bytes.fromhex("0005 0005 01 0000 0000"))

    assert found.name == "status_request"
    assert found.section == "RFC 6066 §8"
    assert lines(found) == [
        ("extension_type", "status_request (0x0005)"),
        ("length", "5"),
        ("status_type", "ocsp (1)"),
        ("responder_id_list", "length 0"),
        ("request_extensions", "length 0"),
    ]
    assert found.problem == ""


@pytest.mark.rule("T3")
def test_the_empty_answer_is_told_as_in_the_users_sample() -> None:
    found = explain_extension(bytes.fromhex("0005 0000"))

    assert lines(found) == [("extension_type", "status_request (0x0005)"), ("length", "0")]
    assert "it need not" in found.meaning


@pytest.mark.rule("T1")
def test_entries_and_extensions_are_told_each() -> None:
    data = encode_certificate_status_request(CertificateStatusRequest(FULL))
    found = explain_extension(TLSExtension(5, data).encode())

    listed, extensions = found.at("responder_id_list"), found.at("request_extensions")
    assert listed.text.endswith(", 2 entries")
    assert [child.children[0].name for child in listed.children] == ["byKey", "byName"]
    assert listed.children[0].children[0].text == bytes(range(20)).hex()
    assert listed.children[1].children[0].text == "CN=ocsp.example"
    assert extensions.text == f"length {len(FULL.request_extensions.encode())}, 1 extension"
    assert extensions.children[0].name == "Nonce"


@pytest.mark.rule("T9")
def test_version_2_is_told_item_by_item() -> None:
    asked = [
        CertificateStatusRequestItemV2(CertificateStatusType.OCSP_MULTI, FULL),
        CertificateStatusRequestItemV2(CertificateStatusType.OCSP),
    ]
    found = explain_extension(TLSExtension(17, encode_status_request_v2(asked)).encode())

    first, second = found.children[2:]
    assert (first.at("status_type").text, second.at("status_type").text) == (
        "ocsp_multi (2)",
        "ocsp (1)",
    )
    assert first.at("responder_id_list").text.endswith("2 entries")
    assert second.at("request_length").text == "4"


@pytest.mark.rule("T9")
def test_an_item_of_an_unknown_type_is_kept_as_it_stands() -> None:
    item = client(17, "0006 63 0003 616263").children[-1]

    assert lines(item) == [
        *(("status_type", "unknown (99)"), ("request_length", "3")),
        ("request", "616263"),
    ]
    assert item.problem == ""


def test_a_request_of_an_unknown_type_is_kept_as_it_stands() -> None:
    found = client(5, "07 1234")

    assert lines(found)[2:] == [("status_type", "unknown (7)"), ("request", "1234")]
    assert found.problem == ""


BROKEN = {
    "a list that claims more": ("01 ffff 0000", "responder_id_list: is cut short", 3),
    "no extensions": ("01 0000", "request_extensions.length: is cut short", 4),
    "more behind": ("01 0000 0000 00", "has 1 octet after its end", 5),
    "nothing": ("", "status_type: is cut short", 2),
}


@pytest.mark.rule("T1")
@pytest.mark.parametrize("name", BROKEN)
def test_what_stands_before_the_break_is_told(name: str) -> None:
    data, said, told = BROKEN[name]
    found = client(5, data)

    assert said in found.problem
    assert len(found.children) == told


@pytest.mark.rule("T1")
def test_junk_in_one_responder_id_spoils_none_of_the_others() -> None:
    by_key = "a2160414" + "00" * 20
    found = client(5, f"01 001e 0002 0500 0018 {by_key} 0000")

    first, second = found.at("responder_id_list").children
    assert "ResponderID" in first.problem
    assert second.problem == ""
    assert found.problem == ""


@pytest.mark.rule("T1")
@pytest.mark.parametrize("data", ["3000", "0500", "3001"])
def test_junk_for_request_extensions_is_told_where_it_stands(data: str) -> None:
    found = client(5, f"01 0000 0002 {data}").at("request_extensions")

    assert found.text == "length 2"
    assert found.problem.startswith("request_extensions: ")


@pytest.mark.rule("T1")
def test_an_empty_responder_id_ends_the_list() -> None:
    found = client(5, "01 0002 0000 0000").at("responder_id_list")

    assert "ResponderID: is empty" in found.problem


@pytest.mark.parametrize("data", ["", "00", "0005", "0005 0005 01", "0005 0000 00"])
def test_what_is_no_whole_extension_is_malformed(data: str) -> None:
    with pytest.raises(MalformedError, match="Extension"):
        explain_extension(bytes.fromhex(data))


@pytest.mark.rule("T5")
def test_a_staple_alone_is_told_from_a_request() -> None:
    staple = entries([STAPLE])[0].extensions[0]
    found = explain_extension(staple.encode())

    assert found.section == "RFC 9846 §4.4.2.1"
    assert found.at("OCSPResponse", "responseStatus").text == "unauthorized (6)"


@pytest.mark.rule("T5", "T9")
@pytest.mark.parametrize(
    ("extension", "place", "said"),
    [
        (PROMISED, Place.ENCRYPTED, "stands in EncryptedExtensions"),
        (PROMISED, Place.RETRY, "stands in HelloRetryRequest"),
        (PROMISED_V2, Place.SERVER_HELLO_13, "stands in ServerHello of TLS 1.3"),
        (PROMISED_V2, Place.ENTRY, "stands in CertificateEntry; TLS 1.3 has no status_request_v2"),
        (PROMISED_V2, Place.REQUEST, "TLS 1.3 has no status_request_v2"),
        (ASKED, Place.SERVER_HELLO, "has 5 octets; it must be empty"),
        (ASKED, Place.REQUEST, "has 5 octets; it must be empty"),
    ],
)
def test_an_extension_out_of_its_place_is_a_departure(
    extension: TLSExtension, place: Place, said: str
) -> None:
    (departure,) = extension_field(extension, place).departures

    assert said in departure


@pytest.mark.rule("T6")
def test_a_server_that_asks_for_the_clients_status_is_told_so() -> None:
    found = extension_field(PROMISED, Place.REQUEST)

    assert found.meaning == "the server asks for the status of the client's certificate"
    assert found.departures == ()


@pytest.mark.parametrize(
    ("extension", "place", "name", "text"),
    [
        (OFFERS_TLS13, Place.CLIENT_HELLO, "versions", "TLS 1.3, TLS 1.2"),
        (CHOSE_TLS13, Place.SERVER_HELLO, "selected_version", "TLS 1.3"),
        (
            TLSExtension(0, bytes.fromhex("0007 00 0004") + b"a.bc"),
            Place.CLIENT_HELLO,
            "HostName",
            "a.bc",
        ),
    ],
)
def test_what_a_reader_looks_for_beside_is_read_too(
    extension: TLSExtension, place: Place, name: str, text: str
) -> None:
    assert extension_field(extension, place).at(name).text == text


def test_other_extensions_are_one_line() -> None:
    grease = extension_field(TLSExtension(0x1A1A, b"x"), Place.CLIENT_HELLO)
    resumed = extension_field(TLSExtension(ExtensionType.PRE_SHARED_KEY, b"xy"), Place.SERVER_HELLO)

    assert (grease.name, grease.text, grease.children) == ("unknown", "0x1a1a, length 1", ())
    assert resumed.meaning.startswith("the session is resumed")


def test_an_extension_that_stands_twice_is_a_departure() -> None:
    found = extension_list((ASKED, PROMISED), Place.CLIENT_HELLO)

    assert found.text == "2 extensions"
    assert found.departures == ("status_request(5) stands more than once, which is illegal",)
