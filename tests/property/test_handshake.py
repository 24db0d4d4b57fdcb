"""TLS messages: what is written is read as it was, and no bytes do harm."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from random import Random, getrandbits
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from certstatus.cli.tree import print_tree
from certstatus.errors import MalformedError
from certstatus.explain import Kind, explain
from certstatus.handshake import (
    TLS12,
    TLS13,
    CertificateEntry,
    CertificateMessage,
    CertificateStatus,
    CertificateStatusRequest,
    CertificateStatusRequestItemV2,
    CertificateStatusType,
    ClientHello,
    Flight,
    HandshakeMessage,
    OCSPStatusRequest,
    Sender,
    ServerHello,
    TLSExtension,
    check_flight,
    encode_certificate_message,
    encode_certificate_status,
    encode_certificate_status_request,
    encode_client_hello,
    encode_server_hello,
    encode_status_request_v2,
    guess_senders,
    parse_certificate_message,
    parse_certificate_request,
    parse_certificate_status,
    parse_certificate_status_request,
    parse_client_hello,
    parse_encrypted_extensions,
    parse_records,
    parse_server_hello,
    parse_status_request_v2,
    read_records,
    read_transcript,
    split_handshake,
)
from certstatus.ocsp import ByName, Extensions, Nonce
from certstatus.pkix import Name
from tests import flights
from tests.captures import conversation, pcap, pcapng
from tests.property import strategies

# --- round trips ------------------------------------------------------------------------------

tls_extensions = st.lists(
    st.builds(TLSExtension, st.integers(0, 0xFFFF), st.binary(max_size=40)), max_size=6
).map(tuple)

ocsp_requests = st.builds(
    OCSPStatusRequest,
    responder_id_list=st.lists(strategies.responder_ids(), max_size=4).map(tuple),
    request_extensions=strategies.extensions(),
)

items = st.lists(
    st.builds(
        CertificateStatusRequestItemV2, st.sampled_from(CertificateStatusType), ocsp_requests
    ),
    min_size=1,
    max_size=3,
).map(tuple)

statuses = st.one_of(
    st.binary(min_size=1, max_size=300).map(CertificateStatus.single),
    st.lists(st.binary(max_size=100), min_size=1, max_size=5).map(
        lambda each: CertificateStatus(CertificateStatusType.OCSP_MULTI, tuple(each))
    ),
)

client_hellos = st.builds(
    ClientHello,
    legacy_version=st.integers(0, 0xFFFF),
    random=st.binary(min_size=32, max_size=32),
    session_id=st.binary(max_size=255),
    cipher_suites=st.lists(st.integers(0, 0xFFFF), min_size=1, max_size=9).map(tuple),
    compression_methods=st.binary(min_size=1, max_size=3),
    extensions=tls_extensions,
)

server_hellos = st.builds(
    ServerHello,
    legacy_version=st.integers(0, 0xFFFF),
    random=st.binary(min_size=32, max_size=32),
    session_id=st.binary(max_size=255),
    cipher_suite=st.integers(0, 0xFFFF),
    compression_method=st.integers(0, 255),
    extensions=tls_extensions,
)

certificate_messages = st.builds(
    CertificateMessage,
    entries=st.lists(
        st.builds(
            CertificateEntry,
            cert_data=st.binary(min_size=1, max_size=60),
            extensions=tls_extensions,
        ),
        max_size=4,
    ).map(tuple),
    certificate_request_context=st.binary(max_size=255),
)


@pytest.mark.rule("T1")
@given(ocsp_requests)
def test_a_request_comes_back(request: OCSPStatusRequest) -> None:
    asked = CertificateStatusRequest(request)

    assert parse_certificate_status_request(encode_certificate_status_request(asked)) == asked


@pytest.mark.rule("T9")
@given(items)
def test_a_request_of_version_2_comes_back(
    listed: tuple[CertificateStatusRequestItemV2, ...],
) -> None:
    assert parse_status_request_v2(encode_status_request_v2(listed)) == listed


@pytest.mark.rule("T3", "T9")
@given(statuses)
def test_a_status_comes_back(status: CertificateStatus) -> None:
    assert parse_certificate_status(encode_certificate_status(status)) == status


@given(client_hellos)
def test_a_client_hello_comes_back(hello: ClientHello) -> None:
    assert parse_client_hello(encode_client_hello(hello)) == hello


@given(server_hellos)
def test_a_server_hello_comes_back(hello: ServerHello) -> None:
    assert parse_server_hello(encode_server_hello(hello)) == hello


@pytest.mark.rule("T5")
@given(certificate_messages)
def test_a_certificate_message_comes_back(message: CertificateMessage) -> None:
    body = encode_certificate_message(message, version=TLS13)

    assert parse_certificate_message(body, version=TLS13) == message


@given(st.lists(st.binary(max_size=50), max_size=6), st.integers(1, 40), st.integers(0, 25))
def test_messages_come_out_of_records_however_they_were_cut(
    bodies: list[bytes], size: int, kind: int
) -> None:
    messages = tuple(HandshakeMessage(kind, body, Sender.SERVER).encode() for body in bodies)
    data = b"".join(messages)
    pieces = [data[at : at + size] for at in range(0, len(data), size)]

    cut = b"".join(b"\x16\x03\x03" + len(piece).to_bytes(2) + piece for piece in pieces)
    assert read_records(cut) == messages
    assert split_handshake(data) == messages


@pytest.mark.rule("T7")
@given(st.binary(min_size=1, max_size=80), tls_extensions)
def test_an_entry_has_its_staple_or_none_never_a_part(
    response: bytes, beside: tuple[TLSExtension, ...]
) -> None:
    others = tuple(one for one in beside if one.type != 5)
    full = (*others, TLSExtension(99, bytes(65_400 - sum(len(one.encode()) for one in others))))

    for among in (others, full):
        entry = CertificateEntry.stapled(b"leaf", response, beside=among)
        assert entry.status in {CertificateStatus.single(response), None}
        assert entry.extensions[-len(among) :] == among or not among
        message = CertificateMessage(entries=(entry,))
        body = encode_certificate_message(message, version=TLS13)
        assert parse_certificate_message(body, version=TLS13) == message


# --- bytes that mean harm ---------------------------------------------------------------------

NOW: Final = datetime(2026, 11, 21, 12, tzinfo=UTC)
SLOWEST: Final = 2.0
INPUTS: Final = 4_000

FULL_REQUEST: Final = CertificateStatusRequest(
    OCSPStatusRequest(
        responder_id_list=(ByName(Name.from_rfc4514("CN=ocsp.example")),) * 2,
        request_extensions=Extensions.of(Nonce(bytes(32))),
    )
)
ASKED: Final = TLSExtension(5, encode_certificate_status_request(FULL_REQUEST))
OFFER: Final = (flights.OFFERS_TLS13, ASKED, flights.ASKED_V2)
TLS12_FLIGHT: Final = flights.tls12(
    flights.certificate_status(flights.STAPLE, flights.OTHER, kind=flights.MULTI),
    asked=(ASKED, flights.ASKED_V2),
    promised=(flights.PROMISED_V2,),
)
TLS13_FLIGHT: Final = flights.tls13(
    flights.entries([flights.STAPLE, flights.OTHER]),
    asked=OFFER[1:],
    before=(flights.certificate_request(flights.PROMISED),),
)


def handshake(flight: Flight) -> bytes:
    return b"".join(message.encode() for message in flight.messages)


def records(data: bytes) -> bytes:
    pieces = (data[at : at + 400] for at in range(0, len(data), 400))
    return b"".join(b"\x16\x03\x03" + len(piece).to_bytes(2) + piece for piece in pieces)


HANDSHAKES: Final = (handshake(TLS12_FLIGHT), handshake(TLS13_FLIGHT))
RECORDS: Final = tuple(map(records, HANDSHAKES))
TALK: Final = (
    ("client", records(TLS12_FLIGHT.messages[0].encode())),
    ("server", records(handshake(TLS12_FLIGHT)[len(TLS12_FLIGHT.messages[0].encode()) :])),
)
CAPTURES: Final = (
    pcap(conversation(TALK, largest=90)),
    pcapng(conversation(TALK, largest=90), order="big"),
)
BODIES: Final = tuple(
    message.body
    for flight in (TLS12_FLIGHT, TLS13_FLIGHT)
    for message in flight.messages
    if message not in {flights.KEY_EXCHANGE, flights.HELLO_DONE}
)


def read_flight(data: bytes) -> None:
    flight = Flight.read(guess_senders(split_handshake(data)))
    _ = (flight.asked, flight.asked_v2, flight.is_promised, flight.is_resumed)
    assert len(flight.staples) == len(flight.chain)
    assert len(flight.client_staples) == len(flight.client_chain)
    for check in check_flight(flight):
        assert check.reason
        assert ("alert" in check.facts) is (check.outcome == "fail")


def read_body(data: bytes) -> None:
    """Read as every structure there is; all but one may refuse."""
    refused = []
    for read in BODY_READERS:
        try:
            read(data)
        except MalformedError as error:
            refused.append(error)
    if len(refused) == len(BODY_READERS):
        raise refused[0]


BODY_READERS: Final[tuple[Callable[[bytes], object], ...]] = (
    parse_client_hello,
    parse_server_hello,
    parse_encrypted_extensions,
    parse_certificate_status,
    parse_certificate_status_request,
    parse_status_request_v2,
    lambda data: [one.status for one in parse_certificate_message(data, version=TLS13).entries],
    lambda data: parse_certificate_message(data, version=TLS12),
    lambda data: parse_certificate_request(data, version=TLS13),
    lambda data: parse_certificate_request(data, version=TLS12),
    lambda data: parse_client_hello(data).status_request,
    lambda data: parse_client_hello(data).status_request_v2,
    lambda data: parse_client_hello(data).server_name,
    lambda data: parse_client_hello(data).supported_versions,
    lambda data: parse_server_hello(data).version,
)


def read_wire(data: bytes) -> None:
    transcript = read_transcript(data)
    assert b"".join(transcript.messages) in b"".join(
        record.fragment for record in parse_records(data)
    )


def show(kind: Kind) -> Callable[[bytes], None]:
    def shown(data: bytes) -> None:
        tree = explain(data, kind=kind)
        print_tree(Console(file=io.StringIO(), width=80), tree, now=NOW, with_bytes=True)
        json.dumps(tree.as_json(with_bytes=True))

    return shown


READERS: Final[dict[str, tuple[Callable[[bytes], None], tuple[bytes, ...], int]]] = {
    "flight": (read_flight, HANDSHAKES, INPUTS),
    "body": (read_body, BODIES, INPUTS),
    "records": (read_wire, RECORDS, INPUTS),
    "show handshake": (show(Kind.HANDSHAKE), HANDSHAKES, INPUTS // 20),
    "show records": (show(Kind.RECORDS), RECORDS, INPUTS // 20),
    "show capture": (show(Kind.CAPTURE), CAPTURES, INPUTS // 20),
    "show extension": (show(Kind.EXTENSION), (ASKED.encode(), OFFER[2].encode()), INPUTS // 10),
}

_PIECES: Final = (b"", b"\0", b"\xff", b"\xff\xff", b"\xff\xff\xff", bytes(300), b"\x01\0\0")


def broken(random: Random, data: bytes) -> bytes:
    """Change octets, cut, repeat or fill in, a few times."""
    changed = bytearray(data)
    for _ in range(random.randrange(1, 5)):
        at = random.randrange(len(changed) + 1)
        match random.randrange(6):
            case 0 | 1 if at < len(changed):
                changed[at] = random.choice(
                    (0, 1, 2, 5, 17, 0x7F, 0x80, 0xFF, random.randrange(256))
                )
            case 2:
                changed[at:at] = random.choice(_PIECES)
            case 3:
                del changed[at : at + random.randrange(1, 9)]
            case 4:
                del changed[at:]
            case _:
                start = random.randrange(len(changed) + 1)
                changed[at:at] = changed[start : start + random.randrange(1, 40)]
    return bytes(changed)


@pytest.mark.parametrize("name", READERS)
def test_no_bytes_raise_anything_but_malformed_or_take_long(name: str) -> None:
    read, corpus, count = READERS[name]
    seed = getrandbits(32)
    random = Random(seed)
    refused = 0

    for _ in range(count):
        is_junk = random.random() < 0.05
        data = random.randbytes(random.randrange(80)) if is_junk else b""
        data = data or broken(random, random.choice(corpus))
        started = time.thread_time()
        try:
            read(data)
        except MalformedError:
            refused += 1
        except BaseException as error:  # noqa: BLE001 - none is expected
            pytest.fail(f"seed {seed}, input {data.hex()}: {error!r}")
        assert time.thread_time() - started < SLOWEST, f"seed {seed}, input {data.hex()}"

    # Inputs that were all alike would prove nothing. A capture and an extension are shown
    # with what is wrong in them, and hardly ever refused.
    assert refused < count
    if name not in {"show capture", "show extension"}:
        assert refused > 0


@pytest.mark.parametrize("name", READERS)
def test_what_is_not_broken_is_read(name: str) -> None:
    """Without this, a reader that refuses everything would pass."""
    read, corpus, _ = READERS[name]

    for data in corpus:
        read(data)


@pytest.mark.rule("T3", "T9")
@given(statuses, st.integers(0, 20), st.integers(0, 255))
def test_a_status_that_is_read_is_written_in_the_same_bytes(
    status: CertificateStatus, place: int, octet: int
) -> None:
    data = bytearray(encode_certificate_status(status))
    data[place % len(data)] = octet
    try:
        found = parse_certificate_status(bytes(data))
    except MalformedError:
        return
    assert encode_certificate_status(found) == data
