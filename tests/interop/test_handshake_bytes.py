"""Real handshakes: what OpenSSL says on the wire is read, explained, and found in order."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from certstatus.explain import (
    Field,
    explain,
    explain_handshake,
    is_openssl_msg,
    parse_openssl_msg,
)
from certstatus.handshake import (
    TLS12,
    TLS13,
    CertificateStatusRequest,
    Flight,
    HandshakeMessage,
    Sender,
    check_flight,
    read_records,
    read_transcript,
    split_handshake,
)
from certstatus.testing import Forge, Lab
from certstatus.verify import Outcome
from tests.captures import conversation, pcap
from tests.relay import Relay, relay

pytestmark = pytest.mark.interop

RunOpenSSL = Callable[..., tuple[Relay, str]]


@pytest.fixture(scope="module")
def staple(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("staple") / "good.der"
    file.write_bytes(Forge.honest(lab.ca, lab.good.certificate.serial_number).der)
    return file


@contextmanager
def serving(openssl: Path, lab: Lab, *arguments: str) -> Iterator[int]:
    """Run `openssl s_server` for one connection; give its port."""
    command = [
        *(str(openssl), "s_server", "-accept", "127.0.0.1:0", "-naccept", "1"),
        *("-cert", str(lab.directory / "good.pem"), "-key", str(lab.directory / "good.key")),
        *("-cert_chain", str(lab.ca_certificate), *arguments),
    ]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    with subprocess.Popen(command, text=True, **pipes) as server:  # type: ignore[call-overload]
        try:
            lines = iter(server.stdout.readline, "")
            port = next(found[1] for line in lines if (found := re.match(r"ACCEPT .*:(\d+)", line)))
            yield int(port)
        finally:
            server.terminate()
            server.wait(10)


@pytest.fixture
def shake_hands(
    lab: Lab, staple: Path, interop_command: Callable[[str], Path]
) -> Callable[..., tuple[Relay, str]]:
    """Let OpenSSL shake hands with itself through a relay; give the octets, and the output."""
    openssl = interop_command("openssl")

    def shake_hands(*client: str, server: tuple[str, ...] = ()) -> tuple[Relay, str]:
        with serving(openssl, lab, "-status_file", str(staple), *server) as port, relay(port) as to:
            command = [
                *(str(openssl), "s_client", "-connect", f"127.0.0.1:{to.port}", "-status"),
                *("-servername", "good.example", "-msg", *client),
            ]
            done = subprocess.run(  # noqa: PLW1510 - a client that refuses is shown by its output
                command, input="Q\n", capture_output=True, text=True, timeout=30
            )
        return to, done.stdout

    return shake_hands


def told_by_msg(output: str) -> list[HandshakeMessage]:
    """Read the handshake messages that `-msg` shows, decrypted: >>> was sent, <<< received."""
    found = []
    shown = re.compile(
        r"^(>>>|<<<) TLS 1\.\d, Handshake \[length \w+\].*\n((?: {4}.*\n)+)", re.MULTILINE
    )
    for arrow, text in shown.findall(output):
        sender = Sender.CLIENT if arrow == ">>>" else Sender.SERVER
        found += [
            HandshakeMessage.parse(data, sender) for data in split_handshake(bytes.fromhex(text))
        ]
    return found


def assert_in_order(flight: Flight) -> None:
    assert [check for check in check_flight(flight) if check.outcome is Outcome.FAIL] == []


# --- TLS 1.2: everything up to ChangeCipherSpec is in plain --------------------------------------


@pytest.mark.rule("T1", "T3")
def test_a_handshake_of_tls_12_is_read_off_the_wire(
    shake_hands: RunOpenSSL, lab: Lab, staple: Path
) -> None:
    wire, _ = shake_hands("-tls1_2")

    sent = [HandshakeMessage.parse(one, Sender.SERVER) for one in plain(wire.said("server"))]
    hello, *_ = [HandshakeMessage.parse(one, Sender.CLIENT) for one in plain(wire.said("client"))]
    flight = Flight.read((hello, *sent))

    assert flight.version == TLS12
    assert flight.asked == CertificateStatusRequest()
    assert flight.client_hello is not None
    assert flight.client_hello.server_name == "good.example"
    assert flight.is_promised
    assert flight.chain == (lab.good.certificate.der, lab.ca.certificate.der)
    assert flight.staples == (staple.read_bytes(), None)
    assert_in_order(flight)


def plain(said: bytes) -> tuple[bytes, ...]:
    transcript = read_transcript(said)
    assert transcript.rest == ""
    assert transcript.encrypted > 0
    return transcript.messages


@pytest.mark.rule("T1", "T3")
def test_the_octets_of_the_extension_are_those_of_the_standard(shake_hands: RunOpenSSL) -> None:
    wire, _ = shake_hands("-tls1_2")

    assert bytes.fromhex("0005 0005 01 0000 0000") in wire.said("client")
    assert bytes.fromhex("0005 0000") in read_records(first_record(wire.said("server")))[0]


def first_record(said: bytes) -> bytes:
    return said[: 5 + int.from_bytes(said[3:5])]


@pytest.mark.rule("T3")
def test_a_capture_of_tls_12_shows_the_staple(shake_hands: RunOpenSSL) -> None:
    wire, _ = shake_hands("-tls1_2")

    (connection,) = explain(pcap(conversation(wire.talk))).children
    assert connection.departures == ()
    assert "the client asks for certificate status" in connection.meaning
    assert "the server staples for 1 of 2 certificates" in connection.meaning
    response = connection.at("CertificateStatus", "OCSPResponse")
    assert response.at("responseStatus").text == "successful (0)"
    assert connection.at("encrypted").meaning == "can't be read without the keys"
    assert problems(connection) == []


@pytest.mark.rule("T1")
def test_a_client_hello_alone_is_explained(shake_hands: RunOpenSSL) -> None:
    wire, _ = shake_hands("-tls1_2")
    (hello,) = read_records(first_record(wire.said("client")))

    extension = explain_handshake(hello).at("extensions", "status_request")
    assert [(field.name, field.text) for field in extension.children] == [
        ("extension_type", "status_request (0x0005)"),
        ("length", "5"),
        ("status_type", "ocsp (1)"),
        ("responder_id_list", "length 0"),
        ("request_extensions", "length 0"),
    ]


# --- TLS 1.3: the certificates are encrypted on the wire -----------------------------------------


@pytest.mark.rule("T5")
def test_a_handshake_of_tls_13_is_read_as_its_client_saw_it(
    shake_hands: RunOpenSSL, lab: Lab, staple: Path
) -> None:
    _, output = shake_hands("-tls1_3")

    flight = Flight.read(told_by_msg(output))

    assert flight.version == TLS13
    assert flight.asked == CertificateStatusRequest()
    assert not flight.is_promised
    assert flight.chain == (lab.good.certificate.der, lab.ca.certificate.der)
    assert flight.staples == (staple.read_bytes(), None)
    assert_in_order(flight)


@pytest.mark.rule("T5")
def test_what_openssl_prints_of_tls_13_is_explained_whole(shake_hands: RunOpenSSL) -> None:
    _, output = shake_hands("-tls1_3")
    assert is_openssl_msg(output.encode())

    found = explain(parse_openssl_msg(output.encode()))
    assert "the server staples for 1 of 2 certificates" in found.meaning
    entry = found.at("Certificate", "CertificateEntry")
    response = entry.at("extensions", "status_request", "OCSPResponse")
    assert response.at("responseStatus").text == "successful (0)"
    assert found.departures == ()
    assert problems(found) == []


@pytest.mark.rule("T5")
def test_a_capture_of_tls_13_says_what_is_hidden(shake_hands: RunOpenSSL) -> None:
    wire, _ = shake_hands("-tls1_3")

    (connection,) = explain(pcap(conversation(wire.talk))).children
    assert [field.name for field in connection.children] == [
        *("ClientHello", "ServerHello", "encrypted")
    ]
    assert "the server's answer is encrypted" in connection.meaning
    assert "certificates and their staples are among them" in connection.at("encrypted").meaning
    assert problems(connection) == []


def test_a_handshake_with_a_retry_is_read_too(shake_hands: RunOpenSSL) -> None:
    groups = ("-groups", "X25519:P-256")
    wire, output = shake_hands("-tls1_3", *groups, server=("-groups", "P-256"))

    (connection,) = explain(pcap(conversation(wire.talk))).children
    names = [field.name for field in connection.children]
    assert names == ["ClientHello", "ServerHello", "ClientHello", "ServerHello", "encrypted"]
    assert "asks for another ClientHello" in connection.children[1].meaning
    flight = Flight.read(told_by_msg(output))
    assert flight.retry is not None
    assert_in_order(flight)


@pytest.mark.rule("T6")
def test_a_request_for_the_clients_certificate_is_read(shake_hands: RunOpenSSL, lab: Lab) -> None:
    shown = ("-cert", str(lab.directory / "good.pem"), "-key", str(lab.directory / "good.key"))

    for version in ("-tls1_2", "-tls1_3"):
        _, output = shake_hands(version, *shown, server=("-verify", "1"))
        flight = Flight.read(told_by_msg(output))
        assert len(flight.certificate_requests) == 1
        assert flight.client_chain == (lab.good.certificate.der,)
        assert flight.client_staples == (None,)
        assert_in_order(flight)


def problems(field: Field) -> list[str]:
    return [one.problem for one in field.walk() if one.problem]
