from __future__ import annotations

import zlib

import pytest

from certstatus.errors import MalformedError
from certstatus.explain import Field, explain_handshake, explain_records
from certstatus.handshake import (
    TLS12,
    TLS13,
    Flight,
    HandshakeMessage,
    HandshakeType,
    Sender,
)
from certstatus.testing import Forge, TinyCA
from tests.flights import (
    ASKED,
    CHOSE_TLS13,
    HELLO_DONE,
    MULTI,
    OFFERS_TLS13,
    OTHER,
    PROMISED,
    PROMISED_V2,
    RETRY_RANDOM,
    STAPLE,
    certificate,
    certificate_request,
    certificate_status,
    client_hello,
    encrypted_extensions,
    entries,
    of_client,
    of_server,
    server_hello,
    tls12,
    tls13,
)

CA = TinyCA()
LEAF = CA.issue_server("leaf.example")
HONEST = Forge.honest(CA, LEAF.certificate.serial_number).der
CHAIN = (LEAF.certificate.der, CA.certificate.der)


def record(fragment: bytes, kind: int = 22) -> bytes:
    return bytes((kind, 3, 3)) + len(fragment).to_bytes(2) + fragment


def octets(messages: tuple[HandshakeMessage, ...]) -> bytes:
    return b"".join(message.encode() for message in messages)


def told(flight: Flight) -> Field:
    return explain_handshake(octets(flight.messages))


def names(field: Field) -> list[str]:
    return [child.name for child in field.children]


# --- one message ------------------------------------------------------------------------------


@pytest.mark.rule("T3")
def test_a_certificate_status_is_told_with_the_response_inside() -> None:
    found = explain_handshake(certificate_status(HONEST).encode())

    assert names(found) == ["msg_type", "status_type", "response_length", "OCSPResponse"]
    assert found.at("msg_type").text == "certificate_status (22)"
    assert found.at("status_type").text == "ocsp (1)"
    assert found.at("response_length").text == str(len(HONEST))
    assert found.at("OCSPResponse", "responseStatus").text == "successful (0)"


@pytest.mark.rule("T9")
def test_several_responses_are_told_slot_by_slot() -> None:
    found = explain_handshake(certificate_status(HONEST, b"", kind=MULTI).encode())

    listed = found.at("ocsp_response_list")
    assert listed.text.endswith(", 2 slots")
    assert [child.text for child in listed.children][1] == "length 0"
    assert listed.children[1].meaning == "no response for this certificate"


@pytest.mark.rule("T3")
@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("", "status_type: is cut short"),
        ("01 000000", "response: is empty"),
        ("01 0000ff 30", "response: is cut short"),
        ("01 000005 30030a0106 00", "has 1 octet after its end"),
        ("02 000000", "ocsp_response_list: is empty"),
    ],
)
def test_a_broken_status_is_told_up_to_where_it_breaks(body: str, said: str) -> None:
    message = of_server(HandshakeType.CERTIFICATE_STATUS, bytes.fromhex(body))
    found = explain_handshake(message.encode())

    assert said in found.problem
    assert found.children[0].name == "msg_type"


@pytest.mark.rule("T3")
def test_a_response_that_is_junk_is_told_in_its_place() -> None:
    found = explain_handshake(certificate_status(b"junk").encode())

    assert found.problem == ""
    assert "OCSPResponse" in found.at("OCSPResponse").problem


def test_a_status_of_an_unknown_type_is_kept_as_it_stands() -> None:
    message = of_server(HandshakeType.CERTIFICATE_STATUS, b"\x09rest")
    found = explain_handshake(message.encode())

    assert [child.text for child in found.children[1:]] == ["unknown (9)", b"rest".hex()]


@pytest.mark.rule("T5")
@pytest.mark.parametrize("version", [TLS12, TLS13])
def test_certificates_are_told_with_their_staples(version: int) -> None:
    listed = entries([HONEST], CHAIN)
    found = explain_handshake(certificate(listed, version=version).encode())

    leaf, ca = found.children
    assert leaf.text == "CN=leaf.example"
    assert leaf.at("serialNumber").text.startswith(f"{LEAF.certificate.serial_number:#x}")
    assert ca.text == str(CA.certificate.subject)
    if version == TLS13:
        assert found.meaning == "from the server: 2 certificates, 1 of them with a staple"
        response = leaf.at("extensions", "status_request", "OCSPResponse")
        assert response.at("responseStatus").text == "successful (0)"
        assert leaf.name == "CertificateEntry"
    else:
        assert "staples follow in a message of their own" in found.meaning
        assert names(leaf) == ["issuer", "serialNumber"]
        assert leaf.name == "ASN.1Cert"


def test_a_certificate_that_is_junk_is_told_in_its_place() -> None:
    found = explain_handshake(certificate(entries([STAPLE]), version=TLS13).encode())

    assert [bool(child.problem) for child in found.children] == [True, True]
    staple = found.children[0].at("extensions", "status_request", "OCSPResponse")
    assert staple.at("responseStatus").text == "unauthorized (6)"


def test_a_packed_certificate_is_unpacked_or_named() -> None:
    body = certificate(entries([], CHAIN), version=TLS13).body
    packed = zlib.compress(body)

    def message(algorithm: int) -> bytes:
        head = algorithm.to_bytes(2) + len(body).to_bytes(3) + len(packed).to_bytes(3)
        return of_server(HandshakeType.COMPRESSED_CERTIFICATE, head + packed).encode()

    unpacked, named = explain_handshake(message(1)), explain_handshake(message(2))
    assert len(unpacked.children) == 2
    assert "packed with zlib: 2 certificates" in unpacked.meaning
    assert "packed with brotli, which certstatus does not unpack" in named.meaning


def test_a_request_for_certificates_is_told_in_both_forms() -> None:
    new = explain_handshake(certificate_request(PROMISED).encode())
    old = explain_handshake(
        of_server(HandshakeType.CERTIFICATE_REQUEST, bytes.fromhex("01 40 0002 0403 0000")).encode()
    )

    assert new.at("extensions", "status_request", "length").text == "0"
    assert names(old) == [
        *("certificate_types", "supported_signature_algorithms", "certificate_authorities")
    ]


def test_a_message_of_no_interest_is_one_line() -> None:
    found = explain_handshake(HELLO_DONE.encode())

    assert (found.name, found.text, found.meaning) == (
        *("ServerHelloDone", "0 octets"),
        "from the server",
    )


@pytest.mark.parametrize("kind", [1, 2, 8, 11, 13, 25])
def test_a_message_that_can_not_be_read_says_why(kind: int) -> None:
    found = explain_handshake(of_server(kind, b"\xff").encode())

    assert found.problem
    assert found.children == ()


def test_a_message_that_is_cut_short_is_malformed() -> None:
    with pytest.raises(MalformedError, match="CertificateStatus"):
        explain_handshake(certificate_status(STAPLE).encode()[:-1])


# --- a whole flight ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("flight", "said"),
    [
        (
            tls12(certificate_status(STAPLE)),
            "asks for certificate status; the server staples for 1",
        ),
        (tls12(), "asks for certificate status; the server promises one and sends none"),
        (tls12(promised=()), "asks for certificate status; the server sends none"),
        (tls12(asked=(), promised=()), "the client does not ask for certificate status"),
        (tls13(entries([STAPLE, OTHER])), "the server staples for 2 of 2 certificates"),
        (tls13(entries()), "the server sends none"),
    ],
)
def test_a_flight_says_in_a_line_what_became_of_the_status(flight: Flight, said: str) -> None:
    assert said in told(flight).meaning


def test_a_flight_is_told_message_by_message() -> None:
    found = told(tls12(certificate_status(STAPLE)))

    assert found.text == "TLS 1.2, 6 handshake messages"
    assert names(found) == [
        *("ClientHello", "ServerHello", "Certificate", "CertificateStatus"),
        *("ServerKeyExchange", "ServerHelloDone"),
    ]
    assert found.departures == ()


@pytest.mark.rule("T3", "T5", "T9")
@pytest.mark.parametrize(
    ("flight", "said"),
    [
        (tls12(certificate_status(STAPLE), promised=()), "(T3; unexpected_message(10))"),
        (tls13(entries(), encrypted=(PROMISED,)), "(T5; illegal_parameter(47))"),
        (tls13(entries(), encrypted=(PROMISED_V2,)), "(T9; unsupported_extension(110))"),
        (tls13(entries([STAPLE]), asked=()), "(T5; unsupported_extension(110))"),
    ],
)
def test_a_break_of_order_is_a_departure_with_its_alert(flight: Flight, said: str) -> None:
    (departure,) = told(flight).departures

    assert departure.endswith(said)


@pytest.mark.rule("T5")
def test_a_promise_in_tls_13_is_told_where_it_stands() -> None:
    (listed,) = explain_handshake(server_hello(CHOSE_TLS13, PROMISED).encode()).children[-1:]

    promise = listed.at("status_request")
    assert promise.meaning == ""
    assert promise.departures[0].startswith("stands in ServerHello of TLS 1.3")


def test_a_retry_is_told_as_one() -> None:
    hello = client_hello(OFFERS_TLS13, ASKED)
    retry = server_hello(CHOSE_TLS13, random=RETRY_RANDOM)
    found = explain_handshake(octets((hello, retry, hello, server_hello(CHOSE_TLS13))))

    assert "asks for another ClientHello" in found.children[1].meaning
    assert found.children[1].at("random").meaning == "the mark of a HelloRetryRequest"
    assert found.problem == ""


def test_a_resumed_session_is_told_as_one() -> None:
    messages = (client_hello(ASKED, session_id=b"x"), server_hello(session_id=b"x"))

    assert "the session is resumed, so that no certificate is sent" in told_of(*messages).meaning


def told_of(*messages: HandshakeMessage) -> Field:
    return explain_handshake(octets(messages))


def test_two_handshakes_in_one_are_told_with_the_problem() -> None:
    found = told_of(client_hello(), client_hello())

    assert "second ClientHello" in found.problem
    assert names(found) == ["ClientHello", "ClientHello"]


def test_who_said_what_is_told_by_the_messages() -> None:
    shown = certificate(entries(), sender=Sender.CLIENT)
    flight = (*tls12().messages, shown, of_client(HandshakeType.FINISHED))
    finished = of_server(HandshakeType.FINISHED)

    found = told_of(*flight, finished)
    senders = [child.meaning.split(":")[0].removeprefix("from the ") for child in found.children]
    assert senders == ["client", "server", "server", "server", "server", *["client"] * 2, "server"]


def test_the_same_in_tls_13() -> None:
    finished = of_server(HandshakeType.FINISHED)
    shown = certificate(entries(), version=TLS13, sender=Sender.CLIENT)
    after = (finished, shown, of_client(HandshakeType.FINISHED), of_server(4))
    flight = tls13(entries(), before=(certificate_request(PROMISED),), after=after)

    found = told(flight)
    senders = [child.meaning.split(":")[0].removeprefix("from the ") for child in found.children]
    assert senders == [
        *("client", "server", "server", "server", "server", "server"),
        *("client", "client", "server"),
    ]


# --- records ----------------------------------------------------------------------------------


def test_records_tell_what_is_hidden_and_how_it_ended() -> None:
    hellos = octets((client_hello(OFFERS_TLS13, ASKED), server_hello(CHOSE_TLS13)))
    found = explain_records(
        record(hellos) + record(b"\2\x71", 21) + record(b"secret", 23) + record(b"secret", 23)
    )

    assert names(found) == ["ClientHello", "ServerHello", "Alert", "encrypted"]
    assert found.at("Alert").text == "fatal, bad_certificate_status_response (113)"
    assert found.at("encrypted").text == "2 records"
    assert "certificates and their staples are among them" in found.at("encrypted").meaning
    assert "the server's answer is encrypted" in found.meaning


def test_records_that_end_early_are_told_as_far_as_they_go() -> None:
    data = record(octets((client_hello(ASKED),))) + record(encrypted_extensions().encode())[:-1]
    found = explain_records(data)

    assert names(found) == ["ClientHello", "missing"]
    assert "cut short" in found.at("missing").text


def test_an_alert_of_no_name_is_told_by_its_numbers() -> None:
    assert explain_records(record(b"\7\xc8", 21)).at("Alert").text == "level 7, unknown (200)"


def test_what_is_no_record_is_malformed() -> None:
    with pytest.raises(MalformedError, match="TLSPlaintext"):
        explain_records(b"GET / HTTP/1.1")
