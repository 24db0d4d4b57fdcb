"""RFC 9846 §4.4.2.1: staples in TLS 1.3, the server's and the client's (T5, T6, T7, T9)."""

from __future__ import annotations

import pytest

from certstatus.handshake import (
    TLS13,
    CertificateEntry,
    CertificateStatus,
    ExtensionType,
    Flight,
    Sender,
    TLSExtension,
    encode_certificate_status,
)
from certstatus.limits_tls import MAX_TLS13_STAPLE_BYTES
from certstatus.verify import Outcome
from tests.flights import (
    ASKED,
    ASKED_V2,
    CHAIN,
    CHOSE_TLS13,
    MULTI,
    OFFERS_TLS13,
    OTHER,
    PROMISED,
    PROMISED_V2,
    RETRY_RANDOM,
    STAPLE,
    STATUS,
    certificate,
    certificate_request,
    certificate_status,
    check,
    client_hello,
    encrypted_extensions,
    entries,
    failed_checks,
    failures,
    server_hello,
    tls13,
)

STAPLES = "staples of the server"
CLIENT_STAPLES = "staples of the client"
ALGORITHMS = TLSExtension(ExtensionType.SIGNATURE_ALGORITHMS, bytes.fromhex("00020403"))


def entry(*extensions: TLSExtension) -> tuple[CertificateEntry, ...]:
    return (CertificateEntry(cert_data=b"leaf", extensions=extensions),)


def status(data: str) -> TLSExtension:
    return TLSExtension(STATUS, bytes.fromhex(data))


# --- the server's staples ---------------------------------------------------------------------


@pytest.mark.rule("T5")
def test_each_certificate_has_a_staple_of_its_own() -> None:
    flight = tls13(entries([STAPLE, OTHER]))

    assert failures(flight) == []
    assert flight.version == TLS13
    assert flight.chain == CHAIN
    assert flight.staples == (STAPLE, OTHER)
    assert check(flight, "T5", STAPLES).reason == "2 of 2 certificates have one"


@pytest.mark.rule("T5")
def test_the_body_of_the_extension_is_a_certificate_status() -> None:
    assert entries([STAPLE])[0].extensions == (status("01 000005 30030a0106"),)


@pytest.mark.rule("T5")
def test_no_staple_is_allowed() -> None:
    flight = tls13(entries())

    assert failures(flight) == []
    assert flight.staples == (None, None)
    assert check(flight, "T5", STAPLES).outcome is Outcome.SKIP
    assert not flight.is_promised


@pytest.mark.rule("T5")
def test_a_staple_that_was_not_asked_for_is_an_unsupported_extension() -> None:
    assert failures(tls13(entries([STAPLE]), asked=())) == [("T5", "unsupported_extension(110)")]


@pytest.mark.rule("T5")
@pytest.mark.parametrize("data", ["", "01", "01000000", "01000001 30 00", "0100000530"])
def test_a_staple_that_can_not_be_read_is_a_decode_error(data: str) -> None:
    flight = tls13(entry(status(data)))

    (found,) = failed_checks(flight)
    assert (found.rule, found.facts["alert"]) == ("T5", "decode_error(50)")
    assert "CertificateEntry 0: CertificateStatus" in found.reason
    assert flight.staples == (None,)


@pytest.mark.rule("T5", "T9")
def test_several_responses_in_one_entry_are_an_illegal_parameter() -> None:
    data = encode_certificate_status(CertificateStatus(MULTI, (STAPLE, OTHER)))
    flight = tls13(entry(TLSExtension(STATUS, data)))

    assert failures(flight) == [("T5", "illegal_parameter(47)")]
    assert flight.staples == (None,)


@pytest.mark.rule("T5")
@pytest.mark.parametrize("asked", [(ASKED,), ()])
@pytest.mark.parametrize("place", ["ServerHello", "EncryptedExtensions", "HelloRetryRequest"])
def test_a_status_outside_of_the_certificate_is_illegal(
    place: str, asked: tuple[TLSExtension, ...]
) -> None:
    hello = client_hello(OFFERS_TLS13, *asked)
    retry = server_hello(CHOSE_TLS13, PROMISED, random=RETRY_RANDOM)
    flight = {
        "ServerHello": tls13(entries(), asked=asked, chosen=(CHOSE_TLS13, PROMISED)),
        "EncryptedExtensions": tls13(entries(), asked=asked, encrypted=(PROMISED,)),
        "HelloRetryRequest": Flight.read((hello, retry, hello, server_hello(CHOSE_TLS13))),
    }[place]

    (found,) = failed_checks(flight)
    alert = "illegal_parameter(47)" if asked else "unsupported_extension(110)"
    assert (found.rule, found.facts["alert"]) == ("T5", alert)
    assert found.reason == f"{place} has status_request; it belongs into a CertificateEntry"


@pytest.mark.rule("T5")
def test_a_certificate_status_message_is_unexpected() -> None:
    flight = tls13(entries(), after=(certificate_status(STAPLE),))

    assert failures(flight) == [("T5", "unexpected_message(10)")]
    assert flight.staples == (None, None)


@pytest.mark.rule("T5")
@pytest.mark.parametrize(
    ("flight", "rule", "place"),
    [
        (tls13(entry(status("01000001 00"), status("01000001 00"))), "T5", "entry 0"),
        (tls13(entries(), encrypted=(ALGORITHMS, ALGORITHMS)), "T5", "EncryptedExtensions"),
        (tls13(entries(), asked=(ASKED, ASKED)), "T1", "ClientHello"),
        (
            tls13(entries(), before=(certificate_request(ALGORITHMS, ALGORITHMS),)),
            "T6",
            "CertificateRequest",
        ),
    ],
    ids=["Certificate", "EncryptedExtensions", "ClientHello", "CertificateRequest"],
)
def test_an_extension_that_stands_twice_is_an_illegal_parameter(
    flight: Flight, rule: str, place: str
) -> None:
    (found,) = failed_checks(flight)

    assert (found.rule, found.facts["alert"]) == (rule, "illegal_parameter(47)")
    assert found.reason.startswith(place)


# --- version 2 --------------------------------------------------------------------------------


@pytest.mark.rule("T9")
def test_version_2_is_tolerated_and_not_acted_on() -> None:
    flight = tls13(entries([STAPLE]), asked=(ASKED, ASKED_V2))

    assert failures(flight) == []
    assert check(flight, "T9", "status_request_v2 in TLS 1.3").outcome is Outcome.PASS


@pytest.mark.rule("T9")
@pytest.mark.parametrize(
    ("asked", "alert"),
    [((ASKED, ASKED_V2), "illegal_parameter(47)"), ((ASKED,), "unsupported_extension(110)")],
)
def test_version_2_in_an_answer_of_tls_13_is_illegal(
    asked: tuple[TLSExtension, ...], alert: str
) -> None:
    for flight in (
        tls13(entries(), asked=asked, chosen=(CHOSE_TLS13, PROMISED_V2)),
        tls13(entries(), asked=asked, encrypted=(PROMISED_V2,)),
        tls13(entry(PROMISED_V2), asked=asked),
        tls13(entries(), asked=asked, before=(certificate_request(ALGORITHMS, PROMISED_V2),)),
    ):
        assert failures(flight) == [("T9", alert)]


# --- the client's staples ---------------------------------------------------------------------


def mutual(*requested: TLSExtension, listed: tuple[CertificateEntry, ...]) -> Flight:
    """A handshake whose server asks for a certificate, and whose client shows one."""
    shown = certificate(listed, version=TLS13, sender=Sender.CLIENT)
    return tls13(entries(), before=(certificate_request(ALGORITHMS, *requested),), after=(shown,))


@pytest.mark.rule("T6")
def test_a_client_staples_where_it_was_asked_to() -> None:
    flight = mutual(PROMISED, listed=entries([STAPLE, OTHER], [b"client", b"client CA"]))

    assert failures(flight) == []
    assert flight.client_chain == (b"client", b"client CA")
    assert flight.client_staples == (STAPLE, OTHER)
    assert flight.staples == (None, None)
    assert check(flight, "T6", CLIENT_STAPLES).outcome is Outcome.PASS
    assert check(flight, "T6", "request for the client's status").outcome is Outcome.PASS


@pytest.mark.rule("T6")
def test_a_client_need_not_staple() -> None:
    flight = mutual(PROMISED, listed=entries())

    assert failures(flight) == []
    assert check(flight, "T6", CLIENT_STAPLES).outcome is Outcome.SKIP


@pytest.mark.rule("T6")
def test_the_first_certificate_of_a_client_counts() -> None:
    flight = mutual(PROMISED, listed=entries([STAPLE], [b"first"]))
    again = certificate(entries([OTHER], [b"again"]), version=TLS13, sender=Sender.CLIENT)

    assert Flight.read((*flight.messages, again)).client_chain == (b"first",)


@pytest.mark.rule("T6")
def test_a_server_need_not_ask_for_the_clients_staple() -> None:
    found = check(mutual(listed=entries()), "T6", "request for the client's status")

    assert found.outcome is Outcome.SKIP


@pytest.mark.rule("T6")
def test_a_clients_staple_that_was_not_asked_for_is_an_unsupported_extension() -> None:
    assert failures(mutual(listed=entries([STAPLE]))) == [("T6", "unsupported_extension(110)")]


@pytest.mark.rule("T6")
def test_a_request_for_the_clients_staple_is_empty() -> None:
    flight = mutual(ASKED, listed=entries([STAPLE]))

    (found,) = failed_checks(flight)
    assert (found.rule, found.facts["alert"]) == ("T6", "decode_error(50)")
    assert "has 5 octets; it must be empty" in found.reason


@pytest.mark.rule("T6")
def test_a_clients_staple_that_can_not_be_read_is_a_decode_error() -> None:
    flight = mutual(PROMISED, listed=entry(status("01000000")))

    assert failures(flight) == [("T6", "decode_error(50)")]
    assert flight.client_staples == (None,)


# --- size -------------------------------------------------------------------------------------


@pytest.mark.rule("T7")
def test_a_staple_that_does_not_fit_is_left_out_whole() -> None:
    largest, larger = (bytes(MAX_TLS13_STAPLE_BYTES + more) for more in (0, 1))

    fits, is_too_large = (CertificateEntry.stapled(b"leaf", one) for one in (largest, larger))
    assert fits.status == CertificateStatus.single(largest)
    assert tls13((fits,)).staples == (largest,)
    assert is_too_large.status is None
    assert tls13((is_too_large,)).staples == (None,)


@pytest.mark.rule("T7")
def test_a_staple_shares_its_room_with_the_other_extensions() -> None:
    timestamps = TLSExtension(ExtensionType.SIGNED_CERTIFICATE_TIMESTAMP, bytes(100))
    room = MAX_TLS13_STAPLE_BYTES - 104

    fits = CertificateEntry.stapled(b"leaf", bytes(room), beside=[timestamps])
    assert fits.status is not None
    assert fits.extension(timestamps.type) == timestamps
    assert tls13((fits,)).staples == (bytes(room),)
    full = CertificateEntry.stapled(b"leaf", bytes(room + 1), beside=[timestamps])
    assert full.extensions == (timestamps,)


@pytest.mark.rule("T7")
@pytest.mark.parametrize(
    "cut", ["30", "3081", "308203", "30820100 00", "30030a01", "30820001", "308102 00"]
)
def test_a_staple_that_was_cut_is_found_out(cut: str) -> None:
    flight = tls13(entries([bytes.fromhex(cut)]))

    assert failures(flight) == [("T7", "bad_certificate_status_response(113)")]


@pytest.mark.rule("T7")
@pytest.mark.parametrize("whole", ["3000", "308100", "308102 0000", "30820001 00"])
def test_a_staple_that_ends_where_it_says_is_whole(whole: str) -> None:
    assert failures(tls13(entries([bytes.fromhex(whole)]))) == []


@pytest.mark.rule("T7")
def test_whole_staples_are_told_by_the_largest() -> None:
    found = check(tls13(entries([STAPLE, b"junk"])), "T7", "staples are whole")

    assert found.outcome is Outcome.PASS
    assert found.reason == "the largest has 5 octets, and none is cut short"


# --- what a flight is -------------------------------------------------------------------------


def test_a_session_of_a_pre_shared_key_is_resumed() -> None:
    key = TLSExtension(ExtensionType.PRE_SHARED_KEY, b"\0\0")
    flight = Flight.read(
        (client_hello(OFFERS_TLS13, ASKED), server_hello(CHOSE_TLS13, key), encrypted_extensions())
    )

    assert flight.is_resumed
    assert failures(flight) == []
    assert not tls13(entries()).is_resumed


def test_the_hello_after_a_retry_is_the_one_that_counts() -> None:
    hello = client_hello(OFFERS_TLS13)
    again = client_hello(OFFERS_TLS13, ASKED)
    retry = server_hello(CHOSE_TLS13, random=RETRY_RANDOM)

    flight = Flight.read((hello, retry, again, server_hello(CHOSE_TLS13)))

    assert flight.asked is not None
    assert flight.retry is not None
    assert Flight.read((hello, retry)).version == TLS13
