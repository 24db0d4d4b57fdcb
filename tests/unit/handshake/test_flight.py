"""What a flight holds: the first certificates, the first readable status, the last hellos."""

from __future__ import annotations

import pytest

from certstatus.errors import MalformedError
from certstatus.handshake import (
    TLS12,
    TLS13,
    CertificateRequest,
    ExtensionType,
    Flight,
    HandshakeMessage,
    HandshakeType,
    Sender,
    TLSExtension,
    encode_certificate_request,
)
from tests.flights import (
    ASKED,
    CHAIN,
    CHOSE_TLS13,
    HELLO_DONE,
    OTHER,
    PROMISED,
    RETRY_RANDOM,
    STAPLE,
    certificate,
    certificate_status,
    client_hello,
    entries,
    of_client,
    of_server,
    server_hello,
    tls12,
    tls13,
)

SESSION = b"session"
PSK = TLSExtension(ExtensionType.PRE_SHARED_KEY, b"\0\0")
FINISHED = of_server(HandshakeType.FINISHED, b"verify")


def test_of_nothing_nothing_is_known() -> None:
    flight = Flight.read(())

    assert flight.version == 0
    assert (flight.asked, flight.asked_v2) == (None, None)
    assert (flight.chain, flight.staples) == ((), ())
    assert (flight.client_chain, flight.client_staples) == ((), ())
    assert flight.is_promised is False
    assert flight.is_resumed is False
    assert "HandshakeMessage" not in repr(tls12())


def test_a_promise_is_of_tls_1_2_alone() -> None:
    assert tls12().is_promised
    assert not tls13(entries(), chosen=(CHOSE_TLS13, PROMISED)).is_promised


def test_the_first_status_that_can_be_read_counts() -> None:
    broken = of_server(HandshakeType.CERTIFICATE_STATUS, b"\x01")

    assert tls12(broken, certificate_status(STAPLE)).staples == (STAPLE, None)
    assert tls12(certificate_status(STAPLE), certificate_status(OTHER)).staples == (STAPLE, None)


RESUMED: dict[str, tuple[tuple[HandshakeMessage, ...], bool]] = {
    "the same session": (
        (client_hello(session_id=SESSION), server_hello(session_id=SESSION)),
        True,
    ),
    "another session": ((client_hello(session_id=b"old"), server_hello(session_id=SESSION)), False),
    "no session": ((client_hello(), server_hello()), False),
    "a session of a client unseen": ((server_hello(session_id=SESSION),), False),
    "the same session, and a certificate": (
        (client_hello(session_id=SESSION), server_hello(session_id=SESSION), certificate()),
        False,
    ),
    "a server that is finished at once": ((client_hello(), server_hello(), FINISHED), True),
    "a server that is finished after all else": (
        (client_hello(), server_hello(), HELLO_DONE, FINISHED),
        False,
    ),
    "a client that is finished": (
        (client_hello(), server_hello(), of_client(HandshakeType.FINISHED)),
        False,
    ),
    "a key in TLS 1.3": ((client_hello(), server_hello(CHOSE_TLS13, PSK)), True),
    "the same session in TLS 1.3": (
        (client_hello(session_id=SESSION), server_hello(CHOSE_TLS13, session_id=SESSION)),
        False,
    ),
}


@pytest.mark.rule("T8")
@pytest.mark.parametrize("name", RESUMED)
def test_a_resumed_session_is_known_by_what_is_sent(name: str) -> None:
    messages, is_resumed = RESUMED[name]

    assert Flight.read(messages).is_resumed is is_resumed


RETRY = server_hello(CHOSE_TLS13, random=RETRY_RANDOM)


@pytest.mark.parametrize(
    "messages",
    [
        (client_hello(), client_hello()),
        (client_hello(), RETRY, client_hello(), server_hello(CHOSE_TLS13), client_hello()),
        (server_hello(), client_hello()),
        (server_hello(), server_hello()),
        (RETRY, RETRY),
    ],
    ids=["two clients", "a third", "a late one", "two servers", "two retries"],
)
def test_more_than_one_handshake_is_refused(messages: tuple[HandshakeMessage, ...]) -> None:
    with pytest.raises(MalformedError, match="has a second"):
        Flight.read(messages)


def test_after_a_retry_the_second_hello_counts() -> None:
    flight = Flight.read((client_hello(), RETRY, client_hello(ASKED), server_hello(CHOSE_TLS13)))

    assert flight.asked is not None
    assert flight.retry is not None
    assert flight.server_hello is not None
    assert not flight.server_hello.is_retry


@pytest.mark.parametrize("version", [TLS12, TLS13])
def test_certificates_are_read_in_the_version_chosen_and_else_by_their_lengths(
    version: int,
) -> None:
    listed = certificate(entries(), version=version)
    chosen = server_hello(*((CHOSE_TLS13,) if version == TLS13 else ()))

    assert Flight.read((listed,)).chain == CHAIN
    assert Flight.read((chosen, listed)).chain == CHAIN


def test_the_version_chosen_binds_what_lengths_alone_would_read_otherwise() -> None:
    """An empty list of TLS 1.2 with a zero before it reads as a context in TLS 1.3, and as junk."""
    body = bytes.fromhex("00 000000")

    assert Flight.read((of_server(HandshakeType.CERTIFICATE, body),)).chain == ()
    with pytest.raises(MalformedError):
        Flight.read((server_hello(), of_server(HandshakeType.CERTIFICATE, body)))


def test_each_sides_first_certificates_count() -> None:
    other = certificate(entries(chain=(b"other",)))
    clients = certificate(entries(chain=(b"client",)), sender=Sender.CLIENT)
    flight = Flight.read((server_hello(), certificate(), other, clients))

    assert flight.chain == CHAIN
    assert flight.client_chain == (b"client",)


def test_a_servers_requests_are_kept_in_their_order() -> None:
    asked = [CertificateRequest(certificate_types=bytes([kind])) for kind in (1, 64)]
    messages = [
        of_server(HandshakeType.CERTIFICATE_REQUEST, encode_certificate_request(one, version=TLS12))
        for one in asked
    ]

    assert Flight.read((server_hello(), *messages)).certificate_requests == tuple(asked)
