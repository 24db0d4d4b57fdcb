from __future__ import annotations

import pytest

from certstatus.errors import DecodeError, MalformedError
from certstatus.handshake import Flight, HandshakeMessage, Sender, split_handshake
from certstatus.limits_tls import MAX_HANDSHAKE_MESSAGES
from tests.flights import (
    CHOSE_TLS13,
    HELLO_DONE,
    RETRY_RANDOM,
    client_hello,
    of_server,
    server_hello,
)

STATUS = bytes.fromhex("16 000009 01 000005 30030a0106")
DONE = bytes.fromhex("0e 000000")


def test_messages_that_follow_each_other_are_cut_apart() -> None:
    assert split_handshake(DONE + STATUS + DONE) == (DONE, STATUS, DONE)
    assert split_handshake(b"") == ()


def test_a_message_is_its_type_a_24_bit_length_and_its_body() -> None:
    message = HandshakeMessage.parse(STATUS, Sender.SERVER)

    assert (message.type, message.body) == (22, STATUS[4:])
    assert message.encode() == STATUS
    assert str(message) == "CertificateStatus"
    assert str(HandshakeMessage(99, b"", Sender.CLIENT)) == "unknown(99)"


@pytest.mark.parametrize("size", range(1, len(STATUS)))
def test_a_message_that_is_cut_short_is_a_decode_error(size: int) -> None:
    for read in (split_handshake, lambda data: HandshakeMessage.parse(data, Sender.SERVER)):
        with pytest.raises(DecodeError, match="cut short"):
            read(STATUS[:size])


def test_one_message_has_nothing_after_it() -> None:
    with pytest.raises(DecodeError, match="has 1 octet after its end"):
        HandshakeMessage.parse(STATUS + b"\0", Sender.SERVER)


def test_more_messages_than_the_limit_are_refused() -> None:
    most = MAX_HANDSHAKE_MESSAGES

    assert len(split_handshake(DONE * most)) == len(Flight.read([HELLO_DONE] * most).messages)
    with pytest.raises(DecodeError, match=f"are more than {most}"):
        split_handshake(DONE * (most + 1))
    with pytest.raises(MalformedError, match=f"more than {most} messages"):
        Flight.read([HELLO_DONE] * (most + 1))


RETRY = server_hello(CHOSE_TLS13, random=RETRY_RANDOM)


@pytest.mark.parametrize(
    "messages",
    [
        (client_hello(), client_hello()),
        (client_hello(), server_hello(), client_hello()),
        (server_hello(), server_hello()),
        (RETRY, RETRY),
    ],
)
def test_a_flight_is_one_handshake(messages: tuple[HandshakeMessage, ...]) -> None:
    with pytest.raises(MalformedError, match="handshake: has a second"):
        Flight.read(messages)


@pytest.mark.parametrize("kind", [2, 8, 11, 13, 25])
def test_a_flight_with_a_broken_message_is_a_decode_error(kind: int) -> None:
    with pytest.raises(DecodeError):
        Flight.read((of_server(kind, b"\xff"),))


def test_a_broken_choice_of_version_is_a_decode_error() -> None:
    broken = type(CHOSE_TLS13)(CHOSE_TLS13.type, b"\3")

    with pytest.raises(DecodeError, match="supported_versions"):
        Flight.read((server_hello(broken),))
