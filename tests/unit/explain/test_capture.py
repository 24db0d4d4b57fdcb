from __future__ import annotations

import pytest

from certstatus.explain import Field, explain_capture
from certstatus.explain.capture_file import is_capture, read_packets
from certstatus.explain.segment import read_segment
from certstatus.explain.stream import follow
from certstatus.limits_tls import MAX_CAPTURE_CONNECTIONS, MAX_CAPTURE_PACKETS, MAX_STREAM_BYTES
from tests.captures import (
    CLIENT,
    CLIENT6,
    COOKED,
    COOKED_2,
    ETHERNET,
    LOOPBACK,
    RAW,
    SERVER,
    SERVER6,
    SYN,
    Order,
    conversation,
    framed,
    pcap,
    pcap_of_frames,
    pcapng,
    tcp,
)
from tests.flights import (
    ASKED,
    CHOSE_TLS13,
    OFFERS_TLS13,
    RETRY_RANDOM,
    STAPLE,
    certificate_status,
    client_hello,
    of_client,
    of_server,
    server_hello,
    tls12,
)

FLIGHT = tls12(certificate_status(STAPLE))


def record(*fragments: bytes, kind: int = 22) -> bytes:
    return b"".join(bytes((kind, 3, 3)) + len(one).to_bytes(2) + one for one in fragments)


HELLO = record(FLIGHT.messages[0].encode())
ANSWER = record(b"".join(message.encode() for message in FLIGHT.messages[1:]))
CHANGE = record(b"\1", kind=20)
TALK = [
    ("client", HELLO),
    ("server", ANSWER),
    ("client", record(of_client(16, b"key").encode()) + CHANGE + record(b"\0" * 40)),
    ("server", record(of_server(4, b"ticket").encode()) + CHANGE + record(b"\0" * 40)),
]
NAMES = [
    *("ClientHello", "ServerHello", "Certificate", "CertificateStatus"),
    *("ServerKeyExchange", "ServerHelloDone", "ClientKeyExchange", "NewSessionTicket", "encrypted"),
]


def names(field: Field) -> list[str]:
    return [child.name for child in field.children]


def only(data: bytes) -> Field:
    """Return the one connection of a capture that is sound."""
    found = explain_capture(data)
    assert found.problem == ""
    (connection,) = found.children
    return connection


# --- formats and link layers ------------------------------------------------------------------


@pytest.mark.parametrize("order", ["big", "little"])
@pytest.mark.parametrize("link_type", [ETHERNET, LOOPBACK, RAW, COOKED, COOKED_2])
@pytest.mark.parametrize(
    ("client", "server"), [(CLIENT, SERVER), (CLIENT6, SERVER6)], ids=["IPv4", "IPv6"]
)
def test_a_handshake_is_found_in_every_link_layer(
    link_type: int, order: Order, client: tuple[str, int], server: tuple[str, int]
) -> None:
    packets = conversation(TALK, client=client, server=server)

    host = client[0] if client is CLIENT else f"[{client[0]}]"
    for write in (pcap, pcapng):
        data = write(packets, link_type=link_type, order=order)
        assert is_capture(data)
        connection = only(data)
        assert names(connection) == NAMES
        assert connection.departures == ()
        assert connection.name == "TLS connection"
        assert connection.text.startswith(f"{host}:50000 to ")


@pytest.mark.parametrize("kind", [6, 3, 2])
def test_packets_of_every_block_of_pcapng_are_read(kind: int) -> None:
    assert names(only(pcapng(conversation(TALK), kind=kind))) == NAMES


@pytest.mark.parametrize("magic", [0xA1B2C3D4, 0xA1B23C4D])
def test_files_with_micro_and_nanoseconds_are_read(magic: int) -> None:
    assert names(only(pcap(conversation(TALK), magic=magic))) == NAMES


@pytest.mark.parametrize("tags", [1, 2])
def test_vlan_tags_are_passed_over(tags: int) -> None:
    frames = [framed(packet, ETHERNET) for packet in conversation(TALK)]
    tagged = [one[:12] + b"\x81\0\0\1" * tags + one[12:] for one in frames]

    assert names(only(pcap_of_frames(tagged))) == NAMES


def test_headers_of_ipv6_before_tcp_are_passed_over() -> None:
    packets = []
    for packet in conversation(TALK, client=CLIENT6, server=SERVER6):
        body = b"\x06\0" + bytes(6) + packet[40:]
        packets.append(packet[:4] + len(body).to_bytes(2) + b"\0" + packet[7:40] + body)

    assert names(only(pcap(packets))) == NAMES


def test_padding_of_short_frames_is_no_payload() -> None:
    packets = [packet + b"\xee" * 6 for packet in conversation(TALK)]

    assert names(only(pcap(packets))) == NAMES


# --- TCP --------------------------------------------------------------------------------------


def test_segments_come_in_any_order_and_more_than_once() -> None:
    first, second, *rest = conversation(TALK, largest=37)
    shuffled = [first, second, *rest[::-1], *rest[::3]]

    assert names(only(pcap(shuffled))) == NAMES


def test_segments_may_overlap() -> None:
    packets = conversation(TALK[:1], largest=20)
    for at in range(0, len(HELLO), 15):
        packets.append(tcp(CLIENT, SERVER, 1_001 + at, HELLO[at : at + 33]))

    assert names(only(pcap(packets))) == ["ClientHello"]


def test_sequence_numbers_may_wrap_around() -> None:
    packets = conversation(TALK, start=(2**32 - 50, 2**32 - 100), largest=40)

    assert names(only(pcap(packets))) == NAMES


def test_a_capture_may_begin_within_a_connection() -> None:
    packets = conversation(TALK, largest=60)[2:]

    assert names(only(pcap(packets))) == NAMES
    packets[0], packets[1] = packets[1], packets[0]
    assert names(only(pcap(packets))) == NAMES


def test_a_late_syn_opens_no_second_connection() -> None:
    syn, answer, *rest = conversation(TALK, largest=60)

    assert names(only(pcap([rest[1], syn, answer, rest[0], *rest[2:]]))) == NAMES


def test_a_packet_that_is_missing_ends_what_can_be_read() -> None:
    packets = conversation(TALK[:2], largest=60)
    without = [one for at, one in enumerate(packets) if at != len(packets) - 3]

    connection = only(pcap(without))
    assert "ClientHello" in names(connection)
    missing = connection.at("missing")
    assert missing.text.startswith("from the server: packets are missing after octet ")


def test_the_same_ports_may_be_used_again() -> None:
    again = conversation(TALK, start=(700_000, 800_000))

    found = explain_capture(pcap([*conversation(TALK), *again]))
    assert [names(one) for one in found.children] == [NAMES, NAMES]


def test_starttls_may_come_first() -> None:
    talk = [("server", b"220 hello\r\n"), ("client", b"STARTTLS\r\n"), ("server", b"220 go\r\n")]

    assert names(only(pcap(conversation([*talk, *TALK])))) == NAMES


def test_a_retry_is_put_in_its_turn() -> None:
    hello = record(client_hello(OFFERS_TLS13, ASKED).encode())
    retry = record(server_hello(CHOSE_TLS13, random=RETRY_RANDOM).encode())
    answer = record(server_hello(CHOSE_TLS13).encode()) + CHANGE + record(b"secret", kind=23)
    talk = [("client", hello), ("server", retry), ("client", CHANGE + hello), ("server", answer)]

    connection = only(pcap(conversation(talk)))
    assert names(connection) == ["ClientHello", "ServerHello"] * 2 + ["encrypted"]
    assert connection.problem == ""


def test_a_server_that_refuses_is_told_by_its_alert() -> None:
    talk = [("client", HELLO), ("server", record(b"\2\x28", kind=21))]

    connection = only(pcap(conversation(talk)))
    assert connection.at("Alert").text == "fatal, handshake_failure (40)"


def test_broken_tls_of_one_side_does_not_hide_the_other() -> None:
    answer = record(server_hello().encode()) + b"\x16\x03\x03\xff\xff"
    connection = only(pcap(conversation([("client", HELLO), ("server", answer)])))

    assert names(connection) == ["ClientHello", "missing"]
    assert "length: is 65535" in connection.at("missing").text


# --- what is not there ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("packets", "said"),
    [
        ([], "it is empty"),
        ([b"\x45" + bytes(19)], "there is no TCP over IP in it (link types: 1)"),
        (conversation([("client", b"GET / HTTP/1.1\r\n\r\n")]), "no TLS handshake begins in it"),
    ],
)
def test_a_capture_without_tls_says_what_it_has(packets: list[bytes], said: str) -> None:
    found = explain_capture(pcap(packets))

    assert found.children == ()
    assert said in found.meaning


def test_other_connections_are_counted() -> None:
    other = conversation([("client", b"GET /")], client=("192.0.2.9", 1))

    found = explain_capture(pcap([*other, *conversation(TALK)]))
    assert found.meaning == "1 other TCP connection beside"


FRAGMENT = bytearray(tcp(CLIENT, SERVER, 1, HELLO))
FRAGMENT[6] = 0x20
UDP = bytearray(tcp(CLIENT, SERVER, 1, HELLO))
UDP[9] = 17
SHORT = tcp(CLIENT, SERVER, 1)[:-1]
BAD_OFFSET = bytearray(tcp(CLIENT, SERVER, 1))
BAD_OFFSET[32] = 0xF0
LONG_HEADER = bytearray(tcp(CLIENT, SERVER, 1))
LONG_HEADER[0] = 0x44
FRAGMENT6 = bytearray(tcp(CLIENT6, SERVER6, 1))
FRAGMENT6[6] = 44


@pytest.mark.parametrize(
    "packet",
    [b"", b"\x45", b"\x60", b"\x90" * 60, FRAGMENT, UDP, SHORT, BAD_OFFSET, LONG_HEADER, FRAGMENT6],
    ids=range(10),
)
def test_what_is_no_whole_tcp_segment_is_passed_over(packet: bytes) -> None:
    (one,) = read_packets(pcap([b"\x45"], link_type=RAW))
    segment = read_segment(type(one)(RAW, bytes(packet)))

    assert segment is None
    assert read_segment(type(one)(147, bytes(packet))) is None


# --- files that are broken --------------------------------------------------------------------

WHOLE = pcap(conversation(TALK))
WHOLE_NG = pcapng(conversation(TALK))


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (WHOLE[:20], "pcap header: is cut short"),
        (WHOLE[:-1], "pcap packet: is cut short"),
        (WHOLE[:30], "pcap packet: is cut short"),
        (WHOLE_NG[:-1], "pcapng block: has a length that can't be"),
        (WHOLE_NG[:28] + b"\0" * 12, "pcapng block: has a length that can't be"),
        (WHOLE_NG[:28] + WHOLE_NG[48:], "pcapng packet: is of an interface that is not described"),
    ],
)
def test_a_broken_file_is_told_up_to_where_it_breaks(data: bytes, said: str) -> None:
    assert explain_capture(data).problem.startswith(said)


def test_what_was_read_before_the_break_is_told() -> None:
    found = explain_capture(WHOLE[:-1])

    assert found.problem
    assert names(found.children[0]) == NAMES


@pytest.mark.parametrize(
    "data", [b"", b"\x16\x03\x01", bytes.fromhex("0a0d0d0a 00000000 00000000")]
)
def test_what_is_no_capture_is_told_apart(data: bytes) -> None:
    assert not is_capture(data)


def test_a_section_without_a_byte_order_is_named() -> None:
    broken = WHOLE_NG + bytes.fromhex("0a0d0d0a") + bytes(24)

    assert "has no byte order" in explain_capture(broken).problem


def test_a_packet_longer_than_its_block_is_named() -> None:
    block = (6).to_bytes(4, "little") + (36).to_bytes(4, "little") + bytes(12)
    block += (99).to_bytes(4, "little") + bytes(8) + (36).to_bytes(4, "little")

    assert "pcapng packet: is cut short" in explain_capture(WHOLE_NG[:48] + block).problem


# --- bounds -----------------------------------------------------------------------------------


def test_packets_past_the_limit_are_not_read() -> None:
    head, empty = WHOLE[:24], bytes(16)
    data = head + empty * (MAX_CAPTURE_PACKETS + 1)

    found = explain_capture(data)
    assert found.text.startswith(f"{MAX_CAPTURE_PACKETS} packets")
    assert f"more than {MAX_CAPTURE_PACKETS} packets" in found.problem


def test_connections_past_the_limit_are_counted() -> None:
    packets = [
        tcp((f"192.0.{number >> 8}.{number & 255}", 1), SERVER, 1, b"x", flags=SYN)
        for number in range(MAX_CAPTURE_CONNECTIONS + 2)
    ]
    segments = [read_segment(packet) for packet in read_packets(pcap(packets))]

    traffic = follow(one for one in segments if one is not None)
    assert len(traffic.connections) == MAX_CAPTURE_CONNECTIONS
    assert traffic.left_out == 2
    (departure,) = explain_capture(pcap(packets)).departures
    assert departure.startswith("2 segments")


def test_no_more_is_kept_of_a_stream_than_the_limit() -> None:
    piece = bytes(60_000)
    packets = [
        tcp(CLIENT, SERVER, 1 + at, piece) for at in range(0, 3 * MAX_STREAM_BYTES, len(piece))
    ]
    segments = [read_segment(packet) for packet in read_packets(pcap(packets))]

    (connection,) = follow(one for one in segments if one is not None).connections
    stream, gap = connection.of_first.put_together()
    assert len(stream) == MAX_STREAM_BYTES
    assert gap == f"only the first {MAX_STREAM_BYTES} are read"


def test_an_octet_far_ahead_takes_no_room() -> None:
    packets = [
        *conversation([("client", HELLO)]),
        tcp(CLIENT, SERVER, 1_000 + 2**30, b"far ahead"),
    ]

    connection = only(pcap(packets))
    assert names(connection)[0] == "ClientHello"
