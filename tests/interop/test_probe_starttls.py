"""The probe before real servers that begin in plain text, in each protocol that it speaks."""

from __future__ import annotations

import asyncio
import os
import pwd
import shutil
import ssl
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Sink

from certstatus.requestor import AskPolicy, CheckPolicy, Requestor
from certstatus.tls.host import Host
from certstatus.tls.openssl import staple
from certstatus.tls.probe import ProbeOptions, ProbeResult, probe
from certstatus.tls.starttls import StartTLS
from certstatus.verify import Verdict
from tests.shaking import Shelf
from tests.stapling import Find, StaplingPKI, free_port, serving

pytestmark = pytest.mark.interop

DOVECOT = """
base_dir = {directory}/run
state_dir = {directory}/run
log_path = /dev/stderr
protocols = imap pop3
listen = 127.0.0.1
ssl = yes
ssl_cert = <{directory}/chain.pem
ssl_key = <{directory}/key.pem
ssl_min_protocol = TLSv1.2
default_internal_user = {user}
default_login_user = {login_user}
default_internal_group = {group}
service anvil {{
    chroot =
}}
service imap-login {{
    chroot =
    inet_listener imap {{
        port = {imap}
    }}
    inet_listener imaps {{
        port = 0
    }}
}}
service pop3-login {{
    chroot =
    inet_listener pop3 {{
        port = {pop3}
    }}
    inet_listener pop3s {{
        port = 0
    }}
}}
passdb {{
    driver = static
    args = nopassword=y
}}
userdb {{
    driver = static
    args = uid=1 gid=1 home=/nonexistent
}}
"""

SLAPD = """
include /etc/ldap/schema/core.schema
pidfile {directory}/slapd.pid
argsfile {directory}/slapd.args
TLSCertificateFile {directory}/server.pem
TLSCertificateKeyFile {directory}/key.pem
TLSCACertificateFile {directory}/ca.pem
"""

PROSODY = """
pidfile = "{directory}/prosody.pid"
data_path = "{directory}"
run_as_root = true
daemonize = false
use_libevent = false
interfaces = {{ "127.0.0.1" }}
c2s_ports = {{ {xmpp} }}
s2s_ports = {{ {xmpp_server} }}
c2s_direct_tls_ports = {{}}
s2s_direct_tls_ports = {{}}
modules_enabled = {{ "tls", "saslauth", "dialback" }}
log = {{ info = "*console" }}
ssl = {{ certificate = "{directory}/chain.pem", key = "{directory}/key.pem" }}
VirtualHost "localhost"
"""


# --- homes for daemons ------------------------------------------------------------------------------


@contextmanager
def home(pki: StaplingPKI, owner: str | None = None) -> Iterator[Path]:
    """Make a short-lived directory with the PKI's files, which a daemon's own user can read.

    pytest's are for its user alone, and their paths too long for the daemons' sockets.
    """
    directory = Path(tempfile.mkdtemp(prefix="certstatus-"))
    try:
        pki.write(directory)
        directory.chmod(0o755)
        if owner is not None and os.geteuid() == 0:
            for path in (directory, *directory.iterdir()):
                shutil.chown(path, owner)
        (directory / "key.pem").chmod(0o600)
        yield directory
    finally:
        shutil.rmtree(directory)


def user(name: str) -> str:
    """Return the user that a daemon runs as: its own where we are root, else we ourselves."""
    return name if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name


def as_user(name: str) -> list[str]:
    """Begin a command that does not run as root."""
    if os.geteuid() != 0:
        return []
    return ["setpriv", f"--reuid={name}", f"--regid={name}", "--clear-groups"]


# --- daemons ------------------------------------------------------------------------------------------

Ports = dict[StartTLS, int]


@contextmanager
def dovecot(find: Find, pki: StaplingPKI) -> Iterator[Ports]:
    with home(pki) as directory:
        ports = {StartTLS.IMAP: free_port(), StartTLS.POP3: free_port()}
        configuration = DOVECOT.format(
            directory=directory,
            user=user("dovecot"),
            group=user("dovecot"),
            login_user=user("dovenull"),
            imap=ports[StartTLS.IMAP],
            pop3=ports[StartTLS.POP3],
        )
        (directory / "dovecot.conf").write_text(configuration, "utf-8")
        command: list[str | Path] = [find("dovecot"), "-F", "-c", directory / "dovecot.conf"]
        with serving(command, directory, *ports.values()):
            yield ports


@contextmanager
def slapd(find: Find, pki: StaplingPKI) -> Iterator[Ports]:
    with home(pki) as directory:
        port = free_port()
        (directory / "slapd.conf").write_text(SLAPD.format(directory=directory), "utf-8")
        command: list[str | Path] = [
            *(find("slapd"), "-d", "0", "-f", directory / "slapd.conf"),
            *("-h", f"ldap://127.0.0.1:{port}/"),
        ]
        with serving(command, directory, port):
            yield {StartTLS.LDAP: port}


@contextmanager
def postgres(find: Find, pki: StaplingPKI) -> Iterator[Ports]:
    with home(pki, owner="postgres") as directory:
        port, data, become = free_port(), directory / "data", as_user("postgres")
        subprocess.run(
            [*become, find("initdb"), "-D", data, "--no-sync", "--auth=trust"],
            cwd=directory,
            check=True,
            capture_output=True,
            timeout=60,
        )
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": port,
            "unix_socket_directories": "",
            "ssl": "on",
            "ssl_cert_file": directory / "chain.pem",
            "ssl_key_file": directory / "key.pem",
            "fsync": "off",
        }
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        with serving([*become, find("postgres"), "-D", data, *options], directory, port):
            yield {StartTLS.POSTGRES: port}


@contextmanager
def prosody(find: Find, pki: StaplingPKI) -> Iterator[Ports]:
    with home(pki) as directory:
        ports = {StartTLS.XMPP: free_port(), StartTLS.XMPP_SERVER: free_port()}
        configuration = PROSODY.format(
            directory=directory,
            xmpp=ports[StartTLS.XMPP],
            xmpp_server=ports[StartTLS.XMPP_SERVER],
        )
        (directory / "prosody.cfg.lua").write_text(configuration, "utf-8")
        command: list[str | Path] = [
            *(find("prosody"), "-F", "--config", directory / "prosody.cfg.lua")
        ]
        with serving(command, directory, *ports.values()):
            yield ports


@contextmanager
def aiosmtpd(_find: Find, pki: StaplingPKI) -> Iterator[Ports]:
    """Serve mail from this very process, stapled to by our own hand."""
    with home(pki) as directory:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(directory / "chain.pem", directory / "key.pem")
        shelf = Shelf()
        shelf.put(pki.ca, pki.server.certificate, pki.honest().der)
        staple(context, shelf)  # type: ignore[arg-type]
        port = free_port()
        controller = Controller(Sink(), hostname="127.0.0.1", port=port, tls_context=context)
        controller.start()
        try:
            yield {StartTLS.SMTP: port}
        finally:
            controller.stop()


SERVERS: dict[StartTLS, Callable[[Find, StaplingPKI], Any]] = {
    StartTLS.SMTP: aiosmtpd,
    StartTLS.IMAP: dovecot,
    StartTLS.POP3: dovecot,
    StartTLS.LDAP: slapd,
    StartTLS.POSTGRES: postgres,
    StartTLS.XMPP: prosody,
    StartTLS.XMPP_SERVER: prosody,
}
Started = Callable[[StartTLS], int]


@pytest.fixture(scope="module")
def start(stapling_pki: StaplingPKI, interop_command: Find) -> Iterator[Started]:
    """Give the function that starts a protocol's server, each once, and tells its port."""
    ports: Ports = {}
    with ExitStack() as running:

        def once(protocol: StartTLS) -> int:
            if protocol not in ports:
                server = SERVERS[protocol](interop_command, stapling_pki)
                ports.update(running.enter_context(server))
            return ports[protocol]

        yield once


def ask(pki: StaplingPKI, protocol: StartTLS, port: int, **wishes: Any) -> ProbeResult:
    requestor = Requestor(policy=CheckPolicy(ask=AskPolicy(attempts=1), allow_private=True))
    options = ProbeOptions(
        **{
            "starttls": protocol,
            "server_name": "localhost",
            "anchors": (pki.root.certificate,),
            **wishes,
        }
    )
    return asyncio.run(probe(Host("127.0.0.1", port), options, requestor=requestor))


@pytest.mark.parametrize("protocol", SERVERS)
def test_a_real_server_is_talked_up_to_tls(
    stapling_pki: StaplingPKI, start: Started, protocol: StartTLS
) -> None:
    result = ask(stapling_pki, protocol, start(protocol), uses_v2=True)

    assert [one.observation.failure for one in result.handshakes] == [None] * 3
    assert [one.failures for one in result.handshakes] == [()] * 3
    for handshake in result.handshakes:
        assert handshake.statuses[0].certificate == stapling_pki.server.certificate
        if handshake.observation.trust is not None:
            assert handshake.observation.trust.problem is None
    # Most of them can't staple; their certificate is known to be good by its responder.
    is_stapled = [one.statuses[0].staple is not None for one in result.handshakes]
    assert is_stapled == [protocol is StartTLS.SMTP] * 3
    assert result.verdict is Verdict.GOOD


@pytest.mark.parametrize("protocol", SERVERS)
def test_tls_without_asking_for_it_first_is_no_tls(
    stapling_pki: StaplingPKI, start: Started, protocol: StartTLS
) -> None:
    result = ask(stapling_pki, protocol, start(protocol), starttls=None, is_compared=False)

    assert not result.is_reached


@pytest.mark.parametrize("protocol", [StartTLS.SMTP, StartTLS.IMAP, StartTLS.POP3])
def test_the_wrong_protocol_is_told(
    stapling_pki: StaplingPKI, start: Started, protocol: StartTLS
) -> None:
    result = ask(
        stapling_pki,
        protocol,
        start(StartTLS.POP3 if protocol is not StartTLS.POP3 else StartTLS.SMTP),
    )

    assert (result.verdict, result.exit_code) == (Verdict.MALFORMED, 65)
