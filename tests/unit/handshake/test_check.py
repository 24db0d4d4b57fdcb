"""All that a flight is told, in its order: a check that holds or does not apply is told as well."""

from __future__ import annotations

import pytest

from certstatus.handshake import (
    TLS13,
    Flight,
    HandshakeType,
    Sender,
    TLSExtension,
    check_flight,
)
from certstatus.verify import Outcome
from tests.flights import (
    ASKED,
    ASKED_V2,
    CHOSE_TLS13,
    MULTI,
    PROMISED,
    PROMISED_V2,
    STAPLE,
    certificate,
    certificate_request,
    certificate_status,
    check,
    client_hello,
    encrypted_extensions,
    entries,
    failed_checks,
    of_client,
    of_server,
    server_hello,
    tls12,
    tls13,
)

V2 = {"asked": (ASKED, ASKED_V2), "promised": (PROMISED_V2,)}
BROTLI = of_server(HandshakeType.COMPRESSED_CERTIFICATE, bytes.fromhex("0002 000009 000001 00"))

TOLD = {
    "nothing": (
        Flight.read(()),
        ["T1 skip status_request", "T7 skip staples are whole"],
    ),
    "a ClientHello": (
        Flight.read((client_hello(ASKED),)),
        [
            "T1 pass status_request",
            "T1 pass extensions stand once",
            "T7 skip staples are whole",
        ],
    ),
    "TLS 1.2": (
        tls12(certificate_status(STAPLE)),
        [
            "T1 pass status_request",
            "T1 pass extensions stand once",
            "T3 pass promise of a status",
            "T3 pass place of CertificateStatus",
            "T3 pass content of CertificateStatus",
            "T7 pass staples are whole",
        ],
    ),
    "TLS 1.2, nothing asked": (
        tls12(asked=(), promised=()),
        [
            "T1 skip status_request",
            "T1 pass extensions stand once",
            "T3 skip promise of a status",
            "T3 skip place of CertificateStatus",
            "T7 skip staples are whole",
        ],
    ),
    "TLS 1.2, status_request_v2": (
        tls12(certificate_status(STAPLE, b"", kind=MULTI), **V2),
        [
            "T1 pass status_request",
            "T9 pass status_request_v2",
            "T1 pass extensions stand once",
            "T3 skip promise of a status",
            "T9 pass promise of a status",
            "T3 pass place of CertificateStatus",
            "T9 pass content of CertificateStatus",
            "T9 pass one response for each certificate",
            "T7 pass staples are whole",
        ],
    ),
    "TLS 1.2, of the chain nothing known": (
        Flight.read(
            (
                client_hello(ASKED, ASKED_V2),
                server_hello(PROMISED_V2),
                BROTLI,
                certificate_status(STAPLE, b"", kind=MULTI),
            )
        ),
        [
            "T1 pass status_request",
            "T9 pass status_request_v2",
            "T1 pass extensions stand once",
            "T3 skip promise of a status",
            "T9 pass promise of a status",
            "T3 pass place of CertificateStatus",
            "T9 pass content of CertificateStatus",
            "T7 skip staples are whole",
        ],
    ),
    "TLS 1.2, the server alone": (
        Flight.read((server_hello(PROMISED), certificate(), certificate_status(STAPLE))),
        [
            "T1 skip status_request",
            "T3 pass promise of a status",
            "T3 pass place of CertificateStatus",
            "T3 pass content of CertificateStatus",
            "T7 pass staples are whole",
        ],
    ),
    "TLS 1.2, no certificate": (
        Flight.read((client_hello(ASKED), server_hello(PROMISED))),
        [
            "T1 pass status_request",
            "T1 pass extensions stand once",
            "T3 pass promise of a status",
            "T3 skip place of CertificateStatus",
            "T7 skip staples are whole",
        ],
    ),
    "TLS 1.3": (
        tls13(entries([STAPLE])),
        [
            "T1 pass status_request",
            "T1 pass extensions stand once",
            "T5 pass messages that may hold a status",
            "T5 pass staples of the server",
            "T7 pass staples are whole",
        ],
    ),
    "TLS 1.3, no staple": (
        tls13(entries()),
        [
            "T1 pass status_request",
            "T1 pass extensions stand once",
            "T5 pass messages that may hold a status",
            "T5 skip staples of the server",
            "T7 skip staples are whole",
        ],
    ),
    "TLS 1.3, status_request_v2": (
        tls13(entries([STAPLE]), asked=(ASKED, ASKED_V2)),
        [
            "T1 pass status_request",
            "T9 pass status_request_v2",
            "T1 pass extensions stand once",
            "T5 pass messages that may hold a status",
            "T9 pass status_request_v2 in TLS 1.3",
            "T5 pass staples of the server",
            "T7 pass staples are whole",
        ],
    ),
    "TLS 1.3, the server alone": (
        Flight.read(
            (
                server_hello(CHOSE_TLS13),
                encrypted_extensions(),
                certificate(entries([STAPLE]), version=TLS13),
            )
        ),
        [
            "T1 skip status_request",
            "T5 pass messages that may hold a status",
            "T5 pass staples of the server",
            "T7 pass staples are whole",
        ],
    ),
    "TLS 1.3, both sides": (
        tls13(
            entries(),
            before=(certificate_request(PROMISED),),
            after=(certificate(entries([STAPLE]), version=TLS13, sender=Sender.CLIENT),),
        ),
        [
            "T1 pass status_request",
            "T1 pass extensions stand once",
            "T5 pass messages that may hold a status",
            "T5 skip staples of the server",
            "T6 pass request for the client's status",
            "T6 pass staples of the client",
            "T7 pass staples are whole",
        ],
    ),
}


@pytest.mark.parametrize("name", TOLD)
def test_all_that_a_flight_is_told_is_told_in_its_order(name: str) -> None:
    flight, told = TOLD[name]

    assert [f"{one.rule} {one.outcome} {one.name}" for one in check_flight(flight)] == told


BROKEN = {
    "a status in EncryptedExtensions": (tls13(entries(), encrypted=(PROMISED,)), "T5"),
    "a status in ServerHello": (tls13(entries(), chosen=(CHOSE_TLS13, PROMISED)), "T5"),
    "a message in TLS 1.3": (tls13(entries(), after=(certificate_status(STAPLE),)), "T5"),
    "version 2 in TLS 1.3": (
        tls13(entries(), asked=(ASKED, ASKED_V2), encrypted=(PROMISED_V2,)),
        "T9",
    ),
    "an extension twice": (Flight.read((client_hello(ASKED, ASKED),)), "T1"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_broken_is_not_told_to_hold_as_well(name: str) -> None:
    flight, rule = BROKEN[name]

    (failed,) = failed_checks(flight)
    assert failed.rule == rule
    assert check(flight, rule, failed.name) == failed


def test_an_absent_status_is_a_fact_for_programs() -> None:
    assert check(tls12(), "T3", "place of CertificateStatus").facts == {"absent": "promised"}


def test_what_the_client_sends_between_does_not_misplace_a_status() -> None:
    client = of_client(HandshakeType.CLIENT_KEY_EXCHANGE)
    flight = tls12(client, certificate_status(STAPLE))

    assert failed_checks(flight) == []


def test_a_status_before_all_else_of_the_server_is_misplaced() -> None:
    flight = Flight.read((client_hello(ASKED), certificate_status(STAPLE), server_hello(PROMISED)))

    (found,) = failed_checks(flight)
    assert found.reason == "misplaced: it follows None, not the server's Certificate"


@pytest.mark.rule("T3", "T5")
@pytest.mark.parametrize(
    ("chosen", "rule"), [((), "T3"), ((CHOSE_TLS13,), "T5")], ids=["TLS 1.2", "TLS 1.3"]
)
def test_a_server_hello_with_an_extension_twice_breaks_the_rule_of_its_version(
    chosen: tuple[TLSExtension, ...], rule: str
) -> None:
    other = TLSExtension(0xFF01)
    flight = Flight.read((client_hello(ASKED), server_hello(*chosen, other, other)))

    (found,) = failed_checks(flight)
    assert (found.rule, found.name) == (rule, "extensions stand once")


@pytest.mark.rule("T7")
@pytest.mark.parametrize(
    ("staple", "is_cut"),
    [
        ("30", True),
        ("30 03 0a01", True),
        ("30 03 0a0106", False),
        ("30 7f" + "00" * 126, True),
        ("30 7f" + "00" * 127, False),
        ("30 81", True),
        ("30 81 80" + "00" * 127, True),
        ("30 81 80" + "00" * 128, False),
        ("30 82 01", True),
        ("30 80 0000", False),  # of no length of its own: no DER, and not for us to judge
        ("04 09", False),
    ],
)
def test_a_staple_is_cut_where_it_ends_before_the_length_that_it_names(
    staple: str, is_cut: bool
) -> None:
    flight = tls12(certificate_status(bytes.fromhex(staple)))

    found = check(flight, "T7", "staples are whole")
    assert found.outcome is (Outcome.FAIL if is_cut else Outcome.PASS)
