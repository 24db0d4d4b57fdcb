from __future__ import annotations

import json
import queue
import socket
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx2
import pytest

from certstatus.errors import ConfigError, UnreachableError
from certstatus.handshake import TLS12, TLS13, AlertDescription
from certstatus.limits import FETCH_TIME
from certstatus.limits_tls import (
    FAULT_DELAY,
    FAULT_TIME,
    MAX_FAULT_CONNECTIONS,
    MAX_FAULT_DELAY,
    PROBE_TIME,
)
from certstatus.ocsp import CertID, encode_request, parse_response
from certstatus.pkix import Certificate
from certstatus.testing import FixedClock
from certstatus.tls.fault import FAULTS, HONEST
from certstatus.tls.fault_host import FaultHost, Visit
from certstatus.tls.wire import WireConnection, connect
from tests.faults import QUESTION, running

GET = b"GET %s HTTP/1.1\r\nHost: fault.test\r\n\r\n"


@pytest.fixture(scope="module")
def host() -> Iterator[FaultHost]:
    with running() as served:
        yield served


def shake(
    port: int, server_name: str | None, versions: tuple[int, ...] = (TLS12, TLS13)
) -> WireConnection:
    sock = socket.create_connection(("127.0.0.1", port))
    return connect(sock, server_name=server_name, versions=versions, status_request=QUESTION)


def subject(connection: WireConnection) -> str:
    return str(Certificate.from_der(connection.flight.chain[0]).subject)


def read_all(connection: WireConnection) -> bytes:
    data = b""
    while piece := connection.read():
        data += piece
    return data


# --- which fault -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("server_name", "fault"),
    [
        ("expired.fault.test", "expired"),
        ("expired.somewhere.example", "expired"),
        ("EXPIRED.fault.test", "expired"),
        ("expired", "expired"),
        ("www.example.com", "none"),
        (None, "none"),
    ],
)
def test_the_first_label_of_the_name_chooses_the_fault(
    server_name: str | None, fault: str, host: FaultHost
) -> None:
    with shake(host.port, server_name) as connection:
        assert subject(connection) == f"CN={fault} fault"
        certificate = Certificate.from_der(connection.flight.chain[0])
        assert certificate.ocsp_uris == (host.url(FAULTS[fault]),)


def test_a_fault_of_one_version_is_shown_in_that_version(host: FaultHost) -> None:
    with shake(host.port, "promised-absent.fault.test") as connection:
        assert connection.version == TLS12
    with pytest.raises(UnreachableError) as refused:
        shake(host.port, "promised-absent.fault.test", (TLS13,))
    assert refused.value.alert == AlertDescription.PROTOCOL_VERSION


def test_a_port_of_its_own_goes_before_the_name() -> None:
    with running(port_base=free_ports(len(FAULTS))) as host:
        assert set(host.listing.ports) == {
            name for name, fault in FAULTS.items() if fault.shows_in_tls
        }
        with shake(host.listing.ports["unknown"], "expired.fault.test") as connection:
            assert subject(connection) == "CN=unknown fault"
        with shake(host.port, "expired.fault.test") as connection:
            assert subject(connection) == "CN=expired fault"


def free_ports(count: int) -> int:
    """Return where so many free ports begin."""
    for base in range(21_000, 32_000, count):
        try:
            for port in range(base, base + count):
                socket.create_server(("127.0.0.1", port)).close()
        except OSError:
            continue
        return base
    pytest.fail("no free ports")


# --- pages -----------------------------------------------------------------------------------


def test_the_list_is_served_over_tls_and_says_what_this_connection_has(host: FaultHost) -> None:
    with shake(host.port, "expired.fault.test") as connection:
        connection.write(GET % b"/")
        page = read_all(connection).decode()

    assert page.startswith("HTTP/1.1 200 OK\r\n")
    assert "This connection has the fault <strong>expired</strong>" in page


def test_the_list_is_served_over_http(host: FaultHost) -> None:
    base = host.listing.ocsp_url
    with httpx2.Client(trust_env=False) as client:
        page = client.get(f"{base}/")
        listed = client.get(f"{base}/", headers={"Accept": "application/json"}).json()
        ca = client.get(f"{base}/ca.pem").content
        head = client.head(f"{base}/")

    assert "This connection" not in page.text
    assert listed == host.listing.as_json()
    assert Certificate.from_pem(ca) == (host.pki.root.certificate,)
    assert (head.content, head.headers["content-length"]) == (b"", str(len(page.content)))


def test_a_refusal_reaches_the_client_though_it_is_still_sending(host: FaultHost) -> None:
    with httpx2.Client(trust_env=False) as client:
        reply = client.post(f"{host.listing.ocsp_url}/none", content=bytes(3_000_000))

    assert reply.status_code == 413


def test_a_client_that_asks_nothing_gets_nothing(host: FaultHost) -> None:
    port = int(host.listing.ocsp_url.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port)) as sock:
        sock.shutdown(socket.SHUT_WR)
        assert sock.recv(100) == b""


def test_what_a_tester_needs_is_written_and_no_key(tmp_path: Path, host: FaultHost) -> None:
    for _ in range(2):
        host.write(tmp_path / "new" / "place")

    (place,) = (tmp_path / "new").iterdir()
    written = {str(one.relative_to(place)): one for one in place.rglob("*") if one.is_file()}
    certificates = {f"certificates/{name}.pem" for name in FAULTS}
    assert set(written) == {"ca.pem", "faults.json"} | certificates
    assert not any(b"PRIVATE" in one.read_bytes() for one in written.values())
    assert json.loads(written["faults.json"].read_bytes()) == host.listing.as_json()
    (ca,) = Certificate.from_pem(written["ca.pem"].read_bytes())
    _, intermediate = Certificate.from_pem(written["certificates/none.pem"].read_bytes())
    assert (ca, intermediate) == (host.pki.root.certificate, host.pki.intermediate.certificate)


# --- time ------------------------------------------------------------------------------------


def test_the_host_answers_as_of_its_clock() -> None:
    later = datetime.now(UTC) + timedelta(days=100)
    with running(clock=FixedClock(later)) as host:
        cert_id = CertID.of(host.pki.intermediate.certificate, 7)
        with httpx2.Client(trust_env=False) as client:
            body = client.post(
                host.url(HONEST),
                content=encode_request([cert_id]),
                headers={"Content-Type": "application/ocsp-request"},
            ).content

    basic = parse_response(body).basic
    assert basic is not None
    assert abs(basic.tbs_response_data.produced_at - later) < timedelta(minutes=10)


def test_closing_does_not_wait_for_what_is_slow() -> None:
    with running(delay=timedelta(hours=1)) as host:
        visits: list[UnreachableError] = []

        def visit() -> None:
            try:
                shake(host.port, "slow-handshake.fault.test")
            except UnreachableError as error:
                visits.append(error)

        client = threading.Thread(target=visit)
        client.start()
        while not host._gate._open:
            pass
    client.join(10)

    assert len(visits) == 1


def test_the_longest_delay_is_one_that_sockets_bear() -> None:
    with running(delay=MAX_FAULT_DELAY) as host, shake(host.port, "none") as connection:
        assert connection.flight.staples[0] is not None


def test_the_host_waits_longer_than_our_own_clients_do() -> None:
    assert max(FETCH_TIME, PROBE_TIME) < FAULT_DELAY


def test_connections_are_bounded_in_number_and_time(monkeypatch: pytest.MonkeyPatch) -> None:
    host = FaultHost(delay=timedelta(seconds=10))
    host.close()

    assert host._gate._max == MAX_FAULT_CONNECTIONS
    assert host._gate._seconds == FAULT_TIME.total_seconds() + 60


# --- what came of it -------------------------------------------------------------------------


@pytest.fixture
def visits() -> queue.Queue[Visit]:
    return queue.Queue()


@pytest.fixture
def watched(visits: queue.Queue[Visit]) -> Iterator[FaultHost]:
    with running(on_visit=visits.put) as host:
        yield host


def test_a_client_that_goes_on_is_told_of(watched: FaultHost, visits: queue.Queue[Visit]) -> None:
    with shake(watched.port, "expired.fault.test", (TLS13,)) as connection:
        connection.write(GET % b"/faults.json")
        read_all(connection)
    visit = visits.get(timeout=10)

    assert (visit.fault.name, visit.version, visit.is_shaken, visit.alert) == (
        "expired",
        TLS13,
        True,
        None,
    )
    assert str(visit).endswith(
        "expired  TLS 1.3: the client finished the handshake; bad_certificate_status_response(113) was due"
    )


@pytest.mark.parametrize(
    "data", [b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00"]
)
def test_what_is_no_handshake_is_told_of(
    data: bytes, watched: FaultHost, visits: queue.Queue[Visit]
) -> None:
    with socket.create_connection(("127.0.0.1", watched.port)) as sock:
        sock.sendall(data)
        sock.shutdown(socket.SHUT_WR)
        while sock.recv(100):
            pass
    visit = visits.get(timeout=10)

    assert not visit.is_shaken
    assert visit.reason
    assert ": no handshake, " in str(visit)


@pytest.mark.parametrize(("name", "is_seen"), [("expired", False), ("unsolicited", True)])
def test_a_client_that_does_not_ask_is_not_blamed(
    name: str, is_seen: bool, watched: FaultHost, visits: queue.Queue[Visit]
) -> None:
    sock = socket.create_connection(("127.0.0.1", watched.port))
    connect(sock, server_name=name, versions=(TLS13,), status_request=None).close()
    visit = visits.get(timeout=10)

    assert visit.is_seen is is_seen
    assert str(visit).endswith("it did not ask so that the fault shows") is not is_seen


def visit_of(name: str, **found: object) -> str:
    visit = Visit(client="[::1]:1", fault=FAULTS[name], **{"is_shaken": False, **found})  # type: ignore[arg-type]
    return str(visit).removeprefix(f"[::1]:1  {name}  ")


def test_a_visit_says_which_alert_was_due() -> None:
    assert visit_of("expired", version=TLS12, alert=113) == (
        "TLS 1.2: ended by the client with bad_certificate_status_response(113), as it should"
    )
    assert visit_of("expired", version=TLS12, alert=42) == (
        "TLS 1.2: ended by the client with bad_certificate(42); "
        "bad_certificate_status_response(113) was due"
    )
    assert visit_of("none", version=TLS13, alert=113).endswith("; no alert was due")
    assert (
        visit_of("none", version=TLS13, is_shaken=True)
        == "TLS 1.3: the client finished the handshake"
    )


# --- settings --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"domain": "fault test"}, "domain: 'fault test' is no name of a host"),
        ({"public_host": "<b>"}, "public_host: '<b>' is no name of a host"),
        ({"port_base": 65_530}, "port_base: 65530 leaves no room"),
        ({"delay": MAX_FAULT_DELAY + timedelta(seconds=1)}, "delay: is too long"),
    ],
)
def test_a_setting_that_can_not_be_is_named(settings: dict[str, object], reason: str) -> None:
    with pytest.raises(ConfigError, match=reason):
        FaultHost(**settings)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("settings", "url"),
    [
        ({}, "http://127.0.0.1:"),
        ({"host": "0.0.0.0"}, "http://fault.test:"),
        ({"host": "0.0.0.0", "domain": "fault.example"}, "http://fault.example:"),
        ({"public_host": "192.0.2.7"}, "http://192.0.2.7:"),
        ({"public_host": "2001:db8::7"}, "http://[2001:db8::7]:"),
    ],
)
def test_certificates_name_the_responder_as_clients_reach_it(
    settings: dict[str, str], url: str
) -> None:
    host = FaultHost(**settings)  # type: ignore[arg-type]
    host.close()

    assert host.listing.ocsp_url.startswith(url)
