"""RFC 6066 §8: status_request up to TLS 1.2, byte for byte and in its order (T1, T3)."""

from __future__ import annotations

import pytest

from certstatus.handshake import (
    CertificateStatusRequest,
    CertificateStatusType,
    ExtensionType,
    Flight,
    HandshakeMessage,
    HandshakeType,
    Sender,
    TLSExtension,
    encode_certificate_status_request,
    parse_client_hello,
    parse_server_hello,
)
from certstatus.verify import Outcome
from tests.flights import (
    ASKED,
    CHAIN,
    HELLO_DONE,
    KEY_EXCHANGE,
    OTHER,
    PROMISED,
    STAPLE,
    STATUS,
    certificate,
    certificate_status,
    check,
    client_hello,
    failed_checks,
    failures,
    of_client,
    of_server,
    server_hello,
    tls12,
)

PLACE = "place of CertificateStatus"
PROMISE = "promise of a status"
CONTENT = "content of CertificateStatus"


# --- the bytes --------------------------------------------------------------------------------


@pytest.mark.rule("T1")
def test_the_client_hello_has_type_5_and_five_octets() -> None:
    """Extension: status_request; Type 0x0005; Length 5; OCSP (1); two lengths of 0."""
    data = encode_certificate_status_request(CertificateStatusRequest())
    extension = TLSExtension(ExtensionType.STATUS_REQUEST, data)

    assert extension.encode() == bytes.fromhex("0005 0005 01 0000 0000")
    hello = parse_client_hello(client_hello(extension).body)
    assert hello.status_request == CertificateStatusRequest()


@pytest.mark.rule("T3")
def test_the_server_hello_has_type_5_and_nothing_in_it() -> None:
    """Extension: status_request; Type 0x0005; Length 0."""
    assert TLSExtension(ExtensionType.STATUS_REQUEST).encode() == bytes.fromhex("0005 0000")
    body = server_hello(PROMISED).body
    assert body.endswith(bytes.fromhex("0004 0005 0000"))
    assert parse_server_hello(body).extension(STATUS) == PROMISED


@pytest.mark.rule("T3")
def test_the_status_has_handshake_type_22_and_24_bit_lengths() -> None:
    assert certificate_status(STAPLE).encode() == bytes.fromhex("16 000009 01 000005 30030a0106")


# --- what goes well ---------------------------------------------------------------------------


@pytest.mark.rule("T3")
def test_a_status_after_the_certificate_is_read_and_in_order() -> None:
    flight = tls12(certificate_status(STAPLE))

    assert failures(flight) == []
    assert flight.asked == CertificateStatusRequest()
    assert flight.is_promised
    assert flight.chain == CHAIN
    assert flight.staples == (STAPLE, None)
    for name in (PROMISE, PLACE, CONTENT):
        assert check(flight, "T3", name).outcome is Outcome.PASS


@pytest.mark.rule("T3")
def test_a_promised_status_may_be_left_out() -> None:
    flight = tls12()

    found = check(flight, "T3", PLACE)
    assert failures(flight) == []
    assert found.outcome is Outcome.PASS
    assert "promised a status and sent none, which is allowed" in found.reason
    assert flight.staples == (None, None)


@pytest.mark.rule("T3")
def test_a_server_need_not_promise() -> None:
    flight = tls12(promised=())

    assert failures(flight) == []
    assert not flight.is_promised
    assert check(flight, "T3", PROMISE).outcome is Outcome.SKIP
    assert check(flight, "T3", PLACE).outcome is Outcome.SKIP


def test_who_does_not_ask_is_told_so() -> None:
    flight = tls12(asked=(), promised=())

    assert flight.asked is None
    assert failures(flight) == []
    assert check(flight, "T1", "status_request").outcome is Outcome.SKIP


def test_a_compressed_certificate_may_stand_before_the_status() -> None:
    packed = of_server(HandshakeType.COMPRESSED_CERTIFICATE, bytes.fromhex("0002 000009 000001 00"))
    flight = Flight.read(
        (client_hello(ASKED), server_hello(PROMISED), packed, certificate_status(STAPLE))
    )

    assert failures(flight) == []


# --- what does not ----------------------------------------------------------------------------


def statuses_in(*messages: HandshakeMessage) -> Flight:
    return Flight.read((client_hello(ASKED), server_hello(PROMISED), *messages))


BROKEN_ORDER = {
    "unpromised": (tls12(certificate_status(STAPLE), promised=()), "unsolicited"),
    "unasked": (tls12(certificate_status(STAPLE), asked=(), promised=()), "unsolicited"),
    "twice": (tls12(certificate_status(STAPLE), certificate_status(OTHER)), "there are 2"),
    "after the key exchange": (
        statuses_in(certificate(), KEY_EXCHANGE, certificate_status(STAPLE), HELLO_DONE),
        "follows ServerKeyExchange",
    ),
    "after the certificate request": (
        statuses_in(
            certificate(),
            of_server(HandshakeType.CERTIFICATE_REQUEST, bytes.fromhex("01 01 0002 0403 0000")),
            certificate_status(STAPLE),
        ),
        "follows CertificateRequest",
    ),
    "before the certificate": (
        statuses_in(certificate_status(STAPLE), certificate()),
        "follows ServerHello",
    ),
    "without a certificate": (statuses_in(certificate_status(STAPLE)), "follows ServerHello"),
}


@pytest.mark.rule("T3")
@pytest.mark.parametrize("name", BROKEN_ORDER)
def test_a_status_out_of_order_is_an_unexpected_message(name: str) -> None:
    flight, said = BROKEN_ORDER[name]

    (found,) = failed_checks(flight)
    assert (found.rule, found.name) == ("T3", PLACE)
    assert found.facts["alert"] == "unexpected_message(10)"
    assert said in found.reason


@pytest.mark.rule("T3")
def test_a_promise_that_is_not_empty_is_a_decode_error() -> None:
    flight = tls12(certificate_status(STAPLE), promised=(TLSExtension(STATUS, b"\0"),))

    (found,) = failed_checks(flight)
    assert (found.rule, found.name) == ("T3", PROMISE)
    assert found.facts["alert"] == "decode_error(50)"
    assert "has 1 octets; it must be empty" in found.reason


@pytest.mark.rule("T3")
def test_a_promise_to_who_did_not_ask_is_an_unsupported_extension() -> None:
    assert failures(tls12(asked=())) == [("T3", "unsupported_extension(110)")]


@pytest.mark.rule("T3")
@pytest.mark.parametrize(
    "body",
    ["", "01", "01000000", "01000005 30030a", "01000005 30030a0106 00", "09000005 30030a0106"],
)
def test_a_status_that_can_not_be_read_is_a_decode_error(body: str) -> None:
    flight = tls12(of_server(HandshakeType.CERTIFICATE_STATUS, bytes.fromhex(body)))

    assert failures(flight) == [("T3", "decode_error(50)")]
    assert flight.staples == (None, None)


@pytest.mark.rule("T1")
@pytest.mark.parametrize(
    ("data", "alert"),
    [
        ("", "decode_error(50)"),
        ("01000000", "decode_error(50)"),
        ("01 0002 0000 0000", "decode_error(50)"),
        ("01 0003 0001 05 0000", "illegal_parameter(47)"),
        ("01 0000 0002 3000", "illegal_parameter(47)"),
    ],
)
def test_a_request_that_can_not_be_read_is_named(data: str, alert: str) -> None:
    asked = TLSExtension(STATUS, bytes.fromhex(data))
    flight = tls12(asked=(asked,))

    assert failures(flight) == [("T1", alert)]
    assert flight.asked is None


@pytest.mark.rule("T1")
def test_a_request_of_another_type_asks_for_nothing_that_is_known() -> None:
    flight = tls12(asked=(TLSExtension(STATUS, bytes.fromhex("07 1234")),), promised=())

    found = check(flight, "T1", "status_request")
    assert (found.outcome, found.reason) == (
        Outcome.SKIP,
        "the client asked for a status of unknown type",
    )


@pytest.mark.rule("T1", "T3")
@pytest.mark.parametrize(
    ("asked", "promised", "rule"),
    [((ASKED, ASKED), (PROMISED,), "T1"), ((ASKED,), (PROMISED, PROMISED), "T3")],
)
def test_an_extension_that_stands_twice_is_an_illegal_parameter(
    asked: tuple[TLSExtension, ...], promised: tuple[TLSExtension, ...], rule: str
) -> None:
    (found,) = failed_checks(tls12(asked=asked, promised=promised))

    assert (found.rule, found.facts["alert"]) == (rule, "illegal_parameter(47)")
    assert "status_request(5)" in found.reason


@pytest.mark.rule("T6")
def test_a_client_does_not_staple_up_to_tls_12() -> None:
    status = HandshakeMessage(
        HandshakeType.CERTIFICATE_STATUS, certificate_status(STAPLE).body, Sender.CLIENT
    )
    flight = Flight.read((*tls12().messages, status))

    assert failures(flight) == [("T6", "unexpected_message(10)")]
    assert flight.staples == (None, None)


@pytest.mark.rule("T7")
def test_a_staple_that_was_cut_to_fit_is_found_out() -> None:
    flight = tls12(certificate_status(STAPLE[:-1]))

    assert failures(flight) == [("T7", "bad_certificate_status_response(113)")]


# --- what a flight is -------------------------------------------------------------------------


def test_a_flight_that_ends_early_is_judged_as_far_as_it_goes() -> None:
    nothing = Flight.read(())
    hello = Flight.read((client_hello(ASKED),))

    assert (nothing.version, nothing.chain, nothing.staples) == (0, (), ())
    assert failures(nothing) == failures(hello) == []
    assert check(nothing, "T1", "status_request").reason == "no ClientHello was seen"
    assert check(hello, "T1", "status_request").outcome is Outcome.PASS


@pytest.mark.parametrize(
    "messages",
    [
        (client_hello(session_id=b"x"), server_hello(session_id=b"x")),
        (client_hello(), server_hello(), of_server(HandshakeType.FINISHED)),
        (server_hello(), of_server(HandshakeType.NEW_SESSION_TICKET), of_server(20)),
    ],
)
def test_a_resumed_session_is_told_from_a_new_one(messages: tuple[HandshakeMessage, ...]) -> None:
    flight = Flight.read(messages)

    assert flight.is_resumed
    assert failures(flight) == []


def test_a_full_handshake_is_not_resumed() -> None:
    finished = (of_client(HandshakeType.FINISHED), of_server(HandshakeType.FINISHED))

    assert not Flight.read((*tls12().messages, *finished)).is_resumed
    without = (client_hello(), server_hello(), KEY_EXCHANGE, HELLO_DONE, *finished)
    assert not Flight.read(without).is_resumed
    assert not Flight.read(()).is_resumed
    assert not Flight.read((client_hello(), server_hello())).is_resumed


@pytest.mark.rule("T3")
def test_a_status_in_a_resumed_session_is_unexpected() -> None:
    flight = Flight.read(
        (
            client_hello(ASKED, session_id=b"x"),
            server_hello(PROMISED, session_id=b"x"),
            certificate_status(STAPLE),
        )
    )

    assert failures(flight) == [("T3", "unexpected_message(10)")]


def test_the_kinds_of_status_are_numbered_as_in_the_standard() -> None:
    assert int(CertificateStatusType.OCSP) == 1
    assert int(HandshakeType.CERTIFICATE_STATUS) == 22
