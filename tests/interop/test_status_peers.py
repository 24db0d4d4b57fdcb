"""Our client against servers that staple from a file: GnuTLS, nginx, HAProxy, OpenSSL."""

from __future__ import annotations

import http.client
import ssl
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from certstatus.testing import Forge
from certstatus.testing.ca import sign_plain
from certstatus.tls import PeerStatus, require_status
from certstatus.verify import Verdict
from tests.newer import on_newer_libssl
from tests.staplers import gnutls_serv, haproxy, nginx, s_server
from tests.stapling import Find, Serving, StaplingPKI, both_versions

pytestmark = pytest.mark.interop

PEERS = {"gnutls-serv": gnutls_serv, "nginx": nginx, "haproxy": haproxy, "openssl": s_server}
each_peer = pytest.mark.parametrize("name", PEERS)
Start = Callable[[str, str], Serving]


@pytest.fixture(scope="module")
def start(
    stapling_pki: StaplingPKI,
    interop_command: Find,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Start]:
    """Give the function that runs a peer with a staple of a kind, each once."""
    pki = stapling_pki
    staples = {
        "good": (pki.honest().der,),
        "revoked": (pki.wrong_staples["revoked"],),
        "promised, and none": (),
    }
    served: dict[tuple[str, str], Serving] = {}
    with ExitStack() as running:

        def peer(name: str, kind: str) -> Serving:
            if (name, kind) not in served:
                directory = tmp_path_factory.mktemp(name)
                pki.write(directory, pki.must_staple if "promised" in kind else pki.server)
                server = PEERS[name](interop_command, directory, *staples[kind])
                served[name, kind] = running.enter_context(server)
            return served[name, kind]

        yield peer


@dataclass(frozen=True)
class Visit:
    """What our client made of a peer: ``error`` is None where the handshake went on."""

    status: PeerStatus
    error: ssl.SSLError | None = None


def visit(pki: StaplingPKI, server: Serving, version: ssl.TLSVersion) -> Visit:
    """Ask the peer for a page."""
    context = pki.client_context(version)
    checker = require_status(context)
    connection = http.client.HTTPSConnection("localhost", server.port, context=context, timeout=10)
    error = None
    try:
        connection.request("GET", "/")
        assert connection.getresponse().read()
    except ssl.SSLError as caught:
        error = caught
    finally:
        connection.close()
    status = checker.latest("localhost")
    assert status is not None
    return Visit(status, error)


@each_peer
@both_versions
@pytest.mark.rule("T4")
def test_a_good_staple_is_taken(
    start: Start, stapling_pki: StaplingPKI, name: str, version: ssl.TLSVersion
) -> None:
    visited = visit(stapling_pki, start(name, "good"), version)

    assert visited.error is None
    assert visited.status.verdict is Verdict.GOOD


@each_peer
@both_versions
@pytest.mark.rule("T4")
def test_a_revoked_one_ends_the_handshake(
    start: Start, stapling_pki: StaplingPKI, name: str, version: ssl.TLSVersion
) -> None:
    visited = visit(stapling_pki, start(name, "revoked"), version)

    assert visited.error is not None
    assert visited.error.reason == "INVALID_STATUS_RESPONSE"
    assert visited.status.verdict is Verdict.REVOKED


@each_peer
@both_versions
@pytest.mark.rule("T10")
def test_a_promise_that_is_not_kept_ends_the_handshake(
    start: Start, stapling_pki: StaplingPKI, name: str, version: ssl.TLSVersion
) -> None:
    visited = visit(stapling_pki, start(name, "promised, and none"), version)

    assert visited.error is not None
    assert [one.rule for one in visited.status.failures] == ["T10"]


@both_versions
@pytest.mark.rule("T4")
def test_nginx_hears_alert_113(
    start: Start, stapling_pki: StaplingPKI, version: ssl.TLSVersion
) -> None:
    server = start("nginx", "revoked")
    mark = server.mark()

    visit(stapling_pki, server, version)

    server.await_log("SSL alert number 113", mark)


# --- the whole chain ------------------------------------------------------------------------------


ASK_FOR_ALL = """
import socket, ssl, sys
from certstatus.tls import require_status

context = ssl.create_default_context(cafile=sys.argv[1])
checker = require_status(context)
with socket.create_connection(("localhost", int(sys.argv[2])), 20) as raw:
    try:
        connection = context.wrap_socket(raw, server_hostname="localhost")
    except ssl.SSLError as error:
        print(error.reason)
    else:
        connection.close()
status = checker.latest("localhost")
print([one.report and one.report.verdict.value for one in status.statuses])
"""


@pytest.mark.rule("T5")
@pytest.mark.parametrize(
    ("is_honest", "told"),
    [
        (True, "['good', 'good', None]\n"),
        (False, "INVALID_STATUS_RESPONSE\n['good', 'untrusted', None]\n"),
    ],
)
def test_gnutls_staples_to_its_chain_and_every_staple_counts(
    stapling_pki: StaplingPKI,
    interop_command: Find,
    tmp_path: Path,
    is_honest: bool,
    told: str,
) -> None:
    pki = stapling_pki
    pki.write(tmp_path)
    of_ca = Forge.honest(pki.root, pki.ca.certificate.serial_number).but(now=pki.now)
    if not is_honest:
        of_ca = of_ca.but(sign=lambda tbs: sign_plain(of_ca.signer.key, tbs + b"!"))

    with gnutls_serv(interop_command, tmp_path, pki.honest().der, of_ca.der) as server:
        said = on_newer_libssl(ASK_FOR_ALL, tmp_path, str(server.root), str(server.port))

    assert said == told
