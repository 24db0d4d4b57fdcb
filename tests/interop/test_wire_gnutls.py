"""GnuTLS against our TLS client and server: it alone speaks staples for a whole chain."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from certstatus.errors import UnreachableError
from certstatus.handshake import TLS12, TLS13, check_flight
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
    PATIENCE,
    REVOKED,
    ROOT,
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
PRIORITY: Final = {
    TLS12: "NORMAL:-VERS-ALL:+VERS-TLS1.2",
    TLS13: "NORMAL:-VERS-ALL:+VERS-TLS1.3",
}
REVOKED_SERVER: Final = staple_of(INTERMEDIATE, SERVER.certificate, REVOKED)
REVOKED_CA: Final = staple_of(ROOT, INTERMEDIATE.certificate, REVOKED)


@dataclass(frozen=True)
class Told:
    """What gnutls-cli said, and how the handshake ended for our server."""

    text: str
    code: int
    end: End


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_files(tmp_path_factory.mktemp("wire"))


@pytest.fixture
def gnutls_cli(interop_command: Callable[[str], Path], files: Path) -> Callable[..., Told]:
    """Put `gnutls-cli` before our server."""

    def run(choose: Choose, version: int, *options: str, **wishes: bool) -> Told:
        with listening(choose, **wishes) as (port, ending):
            done = subprocess.run(
                [
                    *(str(interop_command("gnutls-cli")), f"localhost:{port}"),
                    *("--x509cafile=root.pem", f"--priority={PRIORITY[version]}", *options),
                ],
                cwd=files,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=stapling.PATIENCE,
                check=False,
            )
            text = (done.stdout + done.stderr).decode("utf-8", "replace")
            return Told(text, done.returncode, ending.result())

    return run


# --- our server ------------------------------------------------------------------------------


@VERSIONS
@pytest.mark.rule("T3", "T5")
def test_gnutls_trusts_a_server_with_our_staples(
    gnutls_cli: Callable[..., Told], version: int
) -> None:
    told = gnutls_cli(serving(*STAPLES), version)

    assert told.code == 0, told.text
    assert "The certificate is trusted" in told.text
    assert "OCSP status request" in told.text
    assert isinstance(told.end, WireConnection)


@pytest.mark.parametrize(
    ("version", "responses"),
    [
        (TLS12, (REVOKED_SERVER,)),
        (TLS13, (REVOKED_SERVER,)),
        (TLS13, (STAPLES[0], REVOKED_CA)),
        (TLS13, (b"", REVOKED_CA)),
    ],
    ids=["server, TLS 1.2", "server, TLS 1.3", "its CA", "its CA alone"],
)
@pytest.mark.rule("T3", "T5")
def test_gnutls_hears_of_a_revocation_from_our_staple(
    gnutls_cli: Callable[..., Told], version: int, responses: tuple[bytes, ...]
) -> None:
    told = gnutls_cli(serving(*responses), version)

    assert told.code == 1
    assert "The certificate chain is revoked" in told.text


ALERTS: Final = {
    (TLS12, Manner.UNSOLICITED): 10,
    (TLS12, Manner.MISPLACED): 10,
    (TLS12, Manner.TWICE): 10,
    (TLS12, Manner.OVERSIZE): 50,
    (TLS13, Manner.MISPLACED): 110,
    (TLS13, Manner.MESSAGE_IN_TLS13): 10,
}
"""How GnuTLS 3.7 answers a wrong way, where it does so by an alert."""


@pytest.mark.parametrize(
    ("version", "manner", "alert"),
    [pytest.param(*case, alert, id=f"{case[0]:#x}, {case[1]}") for case, alert in ALERTS.items()],
)
@pytest.mark.rule("T3", "T5")
def test_gnutls_refuses_a_wrong_way_and_our_server_hears_its_alert(
    gnutls_cli: Callable[..., Told], version: int, manner: Manner, alert: int
) -> None:
    told = gnutls_cli(serving(*STAPLES, manner=manner), version)

    assert isinstance(told.end, UnreachableError), told.text
    assert told.end.alert == alert


@VERSIONS
@pytest.mark.rule("T6")
def test_gnutls_shows_its_certificate_where_we_ask_for_its_status_too(
    gnutls_cli: Callable[..., Told], version: int
) -> None:
    told = gnutls_cli(
        serving(*STAPLES),
        version,
        *("--x509certfile=client.pem", "--x509keyfile=client-key.pem"),
        request_client_status=True,
    )

    assert told.code == 0, told.text
    assert flight_of(told.end).client_chain[0] == CLIENT.certificate.der
    assert set(flight_of(told.end).client_staples) == {None}


# --- our client ------------------------------------------------------------------------------


@VERSIONS
@pytest.mark.rule("T3", "T5", "T6")
def test_our_client_sees_the_staples_of_the_chain_from_gnutls(
    interop_command: Callable[[str], Path], files: Path, tmp_path: Path, version: int
) -> None:
    port = stapling.free_port()
    command: list[str | Path] = [
        *(interop_command("gnutls-serv"), f"--port={port}", "--echo"),
        *(f"--x509certfile={files / 'chain.pem'}", f"--x509keyfile={files / 'key.pem'}"),
        *(f"--x509cafile={files / 'root.pem'}", "--require-client-cert"),
        f"--priority={PRIORITY[version]}",
        *(f"--ocsp-response={files / name}" for name in ("staple-0.der", "staple-1.der")),
    ]
    with stapling.serving(command, tmp_path, port):
        sock = socket.create_connection(("localhost", port), PATIENCE.total_seconds())
        with connect(
            sock,
            server_name="localhost",
            status_request=ASKED,
            credentials=CALLING,
            client_staples=(CLIENT_STAPLE,),
            timeout=PATIENCE,
        ) as connection:
            connection.write(b"hello\n")
            assert connection.read() == b"hello\n"

    flight = connection.flight
    assert flight.chain == tuple(one.der for one in CHAIN)
    assert flight.staples == (STAPLES if version == TLS13 else (STAPLES[0], None))
    assert not [one for one in check_flight(flight) if one.outcome is Outcome.FAIL]
    asks_for_ours = version == TLS13
    assert bool(flight.certificate_requests[0].extension(5)) == asks_for_ours
    assert flight.client_staples == ((CLIENT_STAPLE if asks_for_ours else None), None)
