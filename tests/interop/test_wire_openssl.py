"""OpenSSL and curl against our TLS server, `openssl s_server` against our TLS client."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from certstatus.errors import UnreachableError
from certstatus.handshake import TLS12, TLS13, HandshakeType, check_flight
from certstatus.tls.wire import Choose, Manner, WireConnection, connect
from certstatus.verify import Outcome
from tests import stapling
from tests.wiring import (
    ASKED,
    CALLING,
    CHAIN,
    CLIENT,
    CLIENT_STAPLE,
    INTERMEDIATE,
    MULTI,
    PATIENCE,
    REVOKED,
    SERVER,
    STAPLES,
    End,
    flight_of,
    listening,
    serving,
    staple_of,
    write_files,
)

pytestmark = pytest.mark.interop

VERSIONS: Final = pytest.mark.parametrize("version", [TLS12, TLS13], ids=["TLS 1.2", "TLS 1.3"])
OPTION: Final = {TLS12: "-tls1_2", TLS13: "-tls1_3"}
MOST: Final = {TLS12: "1.2", TLS13: "1.3"}


@dataclass(frozen=True)
class Told:
    """What another's client said, and how the handshake ended for our server."""

    text: str
    code: int
    end: End

    @property
    def alert(self) -> int | None:
        return self.end.alert if isinstance(self.end, UnreachableError) else None


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_files(tmp_path_factory.mktemp("wire"))


@pytest.fixture
def s_client(interop_command: Callable[[str], Path], files: Path) -> Callable[..., Told]:
    """Put `openssl s_client` before our server."""

    def run(choose: Choose, version: int, *options: str, **wishes: Any) -> Told:
        with listening(choose, **wishes) as (port, ending):
            command = [
                *(str(interop_command("openssl")), "s_client", "-connect", f"localhost:{port}"),
                *("-servername", "localhost", "-CAfile", "root.pem", "-verify_return_error"),
                *(OPTION[version], *options),
            ]
            return _told(command, files, ending.result)

    return run


@pytest.fixture
def curl(interop_command: Callable[[str], Path], files: Path) -> Callable[..., Told]:
    """Put `curl --cert-status` before our server."""

    def run(choose: Choose, version: int) -> Told:
        with listening(choose) as (port, ending):
            command = [
                *(str(interop_command("curl")), "--silent", "--show-error", "--cert-status"),
                *("--cacert", "root.pem", f"--tlsv{MOST[version]}", "--tls-max", MOST[version]),
                f"https://localhost:{port}/",
            ]
            return _told(command, files, ending.result)

    return run


def _told(command: list[str], directory: Path, ending: Callable[[], End]) -> Told:
    done = subprocess.run(
        command,
        cwd=directory,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=stapling.PATIENCE,
        check=False,
    )
    text = (done.stdout + done.stderr).decode("utf-8", "replace")
    return Told(text, done.returncode, ending())


# --- our server ------------------------------------------------------------------------------


@VERSIONS
@pytest.mark.rule("T3", "T5")
def test_openssl_shows_our_staple(s_client: Callable[..., Told], version: int) -> None:
    told = s_client(serving(*STAPLES), version, "-status")

    assert told.code == 0
    assert "OCSP Response Status: successful" in told.text
    assert "Cert Status: good" in told.text
    assert "Verify return code: 0 (ok)" in told.text
    assert isinstance(told.end, WireConnection)
    assert told.end.version == version


@pytest.mark.rule("T5")
def test_a_second_hello_changes_nothing(s_client: Callable[..., Told]) -> None:
    """The client's first key share is of a group that our server does not speak."""
    told = s_client(serving(*STAPLES), TLS13, "-status", "-groups", "X448:X25519")

    assert told.code == 0, told.text
    assert "Cert Status: good" in told.text
    assert flight_of(told.end).retry is not None
    assert flight_of(told.end).staples == STAPLES


@VERSIONS
@pytest.mark.rule("T3", "T5")
def test_openssl_that_does_not_ask_gets_none(s_client: Callable[..., Told], version: int) -> None:
    told = s_client(serving(*STAPLES), version)

    assert told.code == 0
    assert flight_of(told.end).asked is None
    assert flight_of(told.end).staples == (None, None)


@VERSIONS
@pytest.mark.rule("T3", "T5")
def test_curl_is_content_with_our_staple(curl: Callable[..., Told], version: int) -> None:
    told = curl(serving(*STAPLES), version)

    assert (told.text, told.code) == ("ok\n", 0)


@VERSIONS
@pytest.mark.parametrize(
    ("choose", "text"),
    [
        (serving(), "No OCSP response received"),
        (serving(*STAPLES, manner=Manner.PROMISED_ABSENT), "No OCSP response received"),
        (serving(staple_of(INTERMEDIATE, SERVER.certificate, REVOKED)), "revocation reason"),
        (serving(CLIENT_STAPLE), "Could not find certificate ID"),
    ],
    ids=["none", "promised", "revoked", "another's"],
)
@pytest.mark.rule("T3", "T5")
def test_curl_sees_what_is_wrong_with_a_staple(
    curl: Callable[..., Told], version: int, choose: Choose, text: str
) -> None:
    told = curl(choose, version)

    assert told.code == 91
    assert text in told.text


ALERTS: Final = {
    (TLS12, Manner.UNSOLICITED): 10,
    (TLS12, Manner.MISPLACED): 10,
    (TLS12, Manner.TOO_EARLY): 10,
    (TLS12, Manner.TWICE): 10,
    (TLS12, Manner.NO_BODY): 50,
    (TLS12, Manner.TRAILING_BYTES): 50,
    (TLS12, Manner.LYING_LENGTH): 50,
    (TLS12, Manner.UNKNOWN_TYPE): 50,
    (TLS12, Manner.OVERSIZE): 47,
    (TLS12, Manner.MULTI_FOR_SINGLE): 50,
    (TLS13, Manner.MISPLACED): 47,
    (TLS13, Manner.TOO_EARLY): 47,
    (TLS13, Manner.MESSAGE_IN_TLS13): 10,
    (TLS13, Manner.TWICE): 47,
    (TLS13, Manner.NO_BODY): 50,
    (TLS13, Manner.TRAILING_BYTES): 50,
    (TLS13, Manner.LYING_LENGTH): 50,
    (TLS13, Manner.UNKNOWN_TYPE): 50,
    (TLS13, Manner.MULTI_FOR_SINGLE): 50,
}
"""How OpenSSL 3.0 answers a wrong way, where it does."""


@pytest.mark.parametrize(
    ("version", "manner", "alert"),
    [
        pytest.param(*case, alert, id=f"{MOST[case[0]]}, {case[1]}")
        for case, alert in ALERTS.items()
    ],
)
@pytest.mark.rule("T3", "T5", "T9")
def test_openssl_refuses_a_wrong_way_and_our_server_hears_its_alert(
    s_client: Callable[..., Told], version: int, manner: Manner, alert: int
) -> None:
    told = s_client(serving(*STAPLES, manner=manner), version, "-status")

    assert told.alert == alert, told.text


@pytest.mark.parametrize(
    ("version", "manner"),
    [(TLS12, Manner.PROMISED_UNASKED), (TLS13, Manner.UNSOLICITED)],
    ids=["ServerHello, TLS 1.2", "CertificateEntry, TLS 1.3"],
)
@pytest.mark.rule("T3", "T5")
def test_openssl_refuses_what_it_did_not_ask_for(
    s_client: Callable[..., Told], version: int, manner: Manner
) -> None:
    assert s_client(serving(*STAPLES, manner=manner), version).alert == 110


@VERSIONS
@pytest.mark.rule("T6")
def test_openssl_shows_its_certificate_where_we_ask_for_its_status_too(
    s_client: Callable[..., Told], version: int
) -> None:
    told = s_client(
        serving(*STAPLES),
        version,
        *("-cert", "client.pem", "-key", "client-key.pem", "-cert_chain", "ca.pem"),
        request_client_status=True,
    )

    assert told.code == 0, told.text
    assert flight_of(told.end).client_chain[0] == CLIENT.certificate.der
    assert set(flight_of(told.end).client_staples) == {None}


# --- our client ------------------------------------------------------------------------------


@pytest.fixture
def s_server(
    interop_command: Callable[[str], Path], files: Path, tmp_path: Path
) -> Callable[..., Any]:
    """Run `openssl s_server` for our client."""

    @contextmanager
    def run(*options: str | Path) -> Iterator[int]:
        command: list[str | Path] = [
            *(interop_command("openssl"), "s_server", "-accept", "127.0.0.1:0", "-www"),
            *("-cert", files / "server.pem", "-key", files / "key.pem"),
            *("-cert_chain", files / "ca.pem", "-CAfile", files / "root.pem", *options),
        ]
        with stapling.serving(command, tmp_path) as server:
            yield server.port

    return run


def call(port: int, **wishes: Any) -> WireConnection:
    sock = socket.create_connection(("127.0.0.1", port), PATIENCE.total_seconds())
    usual: dict[str, Any] = {
        "server_name": "localhost",
        "status_request": ASKED,
        "timeout": PATIENCE,
    }
    return connect(sock, **usual | wishes)


def failures(connection: WireConnection) -> list[str]:
    checks = check_flight(connection.flight)
    return [check.reason for check in checks if check.outcome is Outcome.FAIL]


@VERSIONS
@pytest.mark.rule("T3", "T5")
def test_our_client_sees_what_openssl_staples(
    s_server: Callable[..., Any], files: Path, version: int
) -> None:
    with (
        s_server("-status_file", files / "staple-0.der", OPTION[version]) as port,
        call(port) as connection,
    ):
        connection.write(b"GET / HTTP/1.0\r\n\r\n")
        page = connection.read()

    assert page.startswith(b"HTTP/1.0 200 ok")
    assert connection.version == version
    assert connection.flight.chain == tuple(one.der for one in CHAIN)
    assert connection.flight.staples == (STAPLES[0], None)
    assert failures(connection) == []


@pytest.mark.rule("T5")
def test_our_client_asks_again_in_its_second_hello(
    s_server: Callable[..., Any], files: Path
) -> None:
    options = ("-status_file", files / "staple-0.der", "-tls1_3", "-groups", "P-256")
    with s_server(*options) as port, call(port) as connection:
        pass

    assert connection.flight.retry is not None
    assert connection.flight.asked == ASKED
    assert connection.flight.staples == (STAPLES[0], None)
    assert failures(connection) == []


@VERSIONS
@pytest.mark.rule("T3", "T9")
def test_openssl_without_a_staple_gives_none(s_server: Callable[..., Any], version: int) -> None:
    with (
        s_server(OPTION[version]) as port,
        call(port, status_request_v2=(MULTI,)) as connection,
    ):
        pass

    assert connection.flight.staples == (None, None)
    assert failures(connection) == []


@VERSIONS
@pytest.mark.rule("T6")
def test_our_client_shows_its_certificate_to_openssl_which_asks_for_no_status(
    s_server: Callable[..., Any], version: int
) -> None:
    with (
        s_server("-Verify", "3", "-verify_return_error", OPTION[version]) as port,
        call(port, credentials=CALLING, client_staples=(CLIENT_STAPLE,)) as connection,
    ):
        connection.write(b"GET / HTTP/1.0\r\n\r\n")
        page = connection.read()

    assert page.startswith(b"HTTP/1.0 200 ok")
    assert connection.flight.client_chain == tuple(one.der for one in CALLING.chain)
    assert connection.flight.client_staples == (None, None)
    assert failures(connection) == []


def test_our_client_hears_the_alert_of_an_openssl_that_wants_a_certificate(
    s_server: Callable[..., Any],
) -> None:
    with (
        s_server("-Verify", "3", "-verify_return_error", "-tls1_2") as port,
        pytest.raises(UnreachableError) as caught,
    ):
        call(port)

    assert caught.value.alert == 40
    sent = [one.type for one in flight_of(caught.value).messages]
    assert HandshakeType.CERTIFICATE_REQUEST in sent
