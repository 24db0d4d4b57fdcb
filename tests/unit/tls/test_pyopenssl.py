from __future__ import annotations

import gc
import subprocess
import sys
import threading
import time
from contextlib import suppress
from datetime import timedelta
from typing import cast

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.x509 import TLSFeatureType
from OpenSSL import SSL, crypto

from certstatus.ocsp import Revoked
from certstatus.staple import Stapler
from certstatus.testing import Forge, Issued, TinyCA
from certstatus.tls.peer import Demand, PeerStatus, StatusPolicy
from certstatus.tls.pyopenssl import require_status, staple
from certstatus.tls.stapling import Handed, StapleRequest, Stapling
from certstatus.verify import Verdict
from tests.shaking import NOW, Shelf

VERSIONS = (SSL.TLS1_2_VERSION, SSL.TLS1_3_VERSION)
ROOT = TinyCA("Root")
CA = TinyCA("CA", parent=ROOT)
LEAF = CA.issue_server("leaf.example")
MUST_STAPLE = CA.issue_server("leaf.example", tls_features=(TLSFeatureType.status_request,))

both_versions = pytest.mark.parametrize("version", VERSIONS, ids=["TLS 1.2", "TLS 1.3"])


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


# --- a handshake in memory ------------------------------------------------------------------------


def server_context(*issued: Issued) -> SSL.Context:
    context = SSL.Context(SSL.TLS_SERVER_METHOD)
    for one in issued or (LEAF,):
        context.use_certificate(one.certificate.parsed)
        assert isinstance(one.key, RSAPrivateKey | EllipticCurvePrivateKey)
        context.use_privatekey(one.key)
    context.add_extra_chain_cert(CA.certificate.parsed)
    context.set_session_id(b"test")
    return context


def client_context(version: int = SSL.TLS1_3_VERSION) -> SSL.Context:
    context = SSL.Context(SSL.TLS_CLIENT_METHOD)
    store = context.get_cert_store()
    assert store is not None
    store.add_cert(crypto.X509.from_cryptography(ROOT.certificate.parsed))
    context.set_verify(SSL.VERIFY_PEER)
    context.set_min_proto_version(version)
    context.set_max_proto_version(version)
    return context


class Handshake:
    """A client and a server of these contexts, who have shaken hands in memory."""

    def __init__(
        self,
        server: SSL.Context,
        client: SSL.Context,
        *,
        server_name: bytes = b"leaf.example",
        session: SSL.Session | None = None,
    ) -> None:
        self.near, self.far = SSL.Connection(client), SSL.Connection(server)
        self.near.set_connect_state()
        self.near.set_tlsext_host_name(server_name)
        self.far.set_accept_state()
        if session is not None:
            self.near.set_session(session)

    def shake(self) -> SSL.Connection:
        """Shake hands, exchange an octet, and return the client's side."""
        for _ in range(4):
            for side, other in ((self.near, self.far), (self.far, self.near)):
                with suppress(SSL.WantReadError):
                    side.do_handshake()
                self._carry(side, other)
        self.far.send(b"!")  # and what goes before it: the tickets of TLS 1.3
        self._carry(self.far, self.near)
        assert self.near.recv(1) == b"!"
        return self.near

    @staticmethod
    def _carry(sender: SSL.Connection, receiver: SSL.Connection) -> None:
        with suppress(SSL.WantReadError):
            receiver.bio_write(sender.bio_read(1 << 20))

    def refused(self) -> str:
        """Expect that the client ends the handshake; return how the server understood it."""
        with pytest.raises(SSL.Error, match="invalid status response"):
            self.shake()
        self._carry(self.near, self.far)
        with pytest.raises(SSL.Error) as caught:
            self.far.do_handshake()
        return str(caught.value)


def attach(context: SSL.Context, shelf: Shelf, **how: object) -> Stapling:
    return staple(context, cast("Stapler", shelf), **how)  # type: ignore[arg-type]


def revoked(issued: Issued = LEAF) -> bytes:
    forge = Forge.honest(CA, issued.certificate.serial_number).but(now=NOW)
    return forge.but(cert_status=Revoked(NOW - timedelta(days=1))).der


def break_down(*_: object) -> None:
    raise RuntimeError("broken")


# --- a server -------------------------------------------------------------------------------------


@pytest.mark.rule("T3", "T5")
@both_versions
def test_a_context_staples_in_one_line(shelf: Shelf, version: int) -> None:
    laid = shelf.put(CA, LEAF.certificate)
    server, client = server_context(), client_context(version)
    seen: list[StapleRequest] = []
    stapling = attach(server, shelf, on_request=seen.append)
    checker = require_status(client)

    connection = Handshake(server, client).shake()

    status = checker.status_of(connection)
    assert status is not None
    assert status.statuses[0].staple == laid.der
    assert status.verdict is Verdict.GOOD
    assert stapling.handed == {Handed.STAPLE: 1}
    assert seen == [StapleRequest(server_name="leaf.example", request=None, handed=Handed.STAPLE)]


@pytest.mark.rule("T12")
@both_versions
def test_a_handshake_without_a_staple_goes_on(shelf: Shelf, version: int) -> None:
    server, client = server_context(), client_context(version)
    stapling = attach(server, shelf)
    checker = require_status(client)

    status = checker.status_of(Handshake(server, client).shake())

    assert status is not None
    assert status.verdict is None
    assert status.is_accepted
    assert stapling.handed == {Handed.NOTHING: 1}


def test_a_client_that_does_not_ask_is_not_answered(shelf: Shelf) -> None:
    shelf.put(CA, LEAF.certificate)
    server = server_context()
    stapling = attach(server, shelf)

    Handshake(server, client_context()).shake()

    assert stapling.handed == {}


@pytest.mark.rule("T12")
def test_certificates_that_are_given_are_fed_and_waited_for(shelf: Shelf) -> None:
    wait = timedelta(seconds=3)

    attach(
        server_context(),
        shelf,
        certificates=[LEAF.certificate],
        issuers=[CA.certificate],
        urls=["http://127.0.0.1/"],
        wait=wait,
    )

    assert shelf.added == [(LEAF.certificate, (CA.certificate,), ("http://127.0.0.1/",))]
    assert shelf.waited == [wait]


def test_a_certificate_that_is_not_given_is_noticed_once_and_nobody_waits(shelf: Shelf) -> None:
    server, client = server_context(), client_context()
    attach(server, shelf, issuers=[CA.certificate])
    require_status(client)

    for _ in range(2):
        Handshake(server, client).shake()
        assert shelf.fed.wait(5)

    assert shelf.added == [(LEAF.certificate, (CA.certificate,), ())]
    assert shelf.waited == []


def test_a_certificate_that_cannot_be_fed_is_told_of_once(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    told = threading.Event()

    def refuse(*_: object, **__: object) -> None:
        told.set()
        raise ValueError("the stapler is closed")

    monkeypatch.setattr(shelf, "add", refuse)
    server, client = server_context(), client_context()
    stapling = attach(server, shelf)
    require_status(client)

    for _ in range(2):
        Handshake(server, client).shake()
        assert told.wait(5)

    assert stapling.handed == {Handed.NOTHING: 2}
    while not caplog.records:
        time.sleep(0.001)
    assert [one.message for one in caplog.records] == ["a server's certificate gets no staple"]


def test_a_server_name_of_strange_octets_is_told_as_text(shelf: Shelf) -> None:
    server, client = server_context(), client_context()
    seen: list[StapleRequest] = []
    attach(server, shelf, on_request=seen.append)
    require_status(client)

    Handshake(server, client, server_name=b"caf\xe9.example").shake()

    assert [one.server_name for one in seen] == ["caf\\xe9.example"]


def test_each_kind_of_key_gets_its_own_staple(shelf: Shelf) -> None:
    rsa = CA.issue_server("leaf.example", kind="rsa2048")
    server = server_context(LEAF, rsa)
    attach(server, shelf)
    for one in (LEAF, rsa):
        shelf.put(CA, one.certificate)

    for cipher, issued in (
        (b"ECDHE-ECDSA-AES128-GCM-SHA256", LEAF),
        (b"ECDHE-RSA-AES128-GCM-SHA256", rsa),
    ):
        client = client_context(SSL.TLS1_2_VERSION)
        client.set_cipher_list(cipher)
        checker = require_status(client)
        status = checker.status_of(Handshake(server, client).shake())
        assert status is not None
        assert status.certificate == issued.certificate
        assert status.verdict is Verdict.GOOD


def test_contexts_that_sni_switches_to_staple_their_own(shelf: Shelf) -> None:
    other = CA.issue_server("other.example")
    first, second = server_context(), server_context(other)
    for one in (LEAF, other):
        shelf.put(CA, one.certificate)

    def choose(connection: SSL.Connection) -> None:
        if connection.get_servername() == b"other.example":
            connection.set_context(second)

    first.set_tlsext_servername_callback(choose)
    handed = [attach(context, shelf) for context in (first, second)]
    client = client_context()
    checker = require_status(client)

    for name, issued in ((b"leaf.example", LEAF), (b"other.example", other)):
        status = checker.status_of(Handshake(first, client, server_name=name).shake())
        assert status is not None
        assert status.certificate == issued.certificate
        assert status.verdict is Verdict.GOOD
    assert [one.handed for one in handed] == [{Handed.STAPLE: 1}, {Handed.STAPLE: 1}]


def test_a_fault_of_ours_costs_the_staple_and_not_the_handshake(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(shelf, "staple", break_down)
    server, client = server_context(), client_context()
    stapling = attach(server, shelf, on_request=break_down)
    require_status(client)

    Handshake(server, client).shake()

    assert stapling.handed == {Handed.FAULT: 1}
    assert [one.message for one in caplog.records] == [
        "a handshake goes on without a staple",
        "on_request failed",
    ]


def test_a_context_staples_by_its_newest_call(shelf: Shelf) -> None:
    server, client = server_context(), client_context()
    first, second = attach(server, shelf), attach(server, shelf)
    require_status(client)

    Handshake(server, client).shake()

    assert (first.handed, second.handed) == ({}, {Handed.NOTHING: 1})


def test_callbacks_of_somebody_else_are_not_pushed_aside(shelf: Shelf) -> None:
    server, client, informed = (SSL.Context(SSL.TLS_METHOD) for _ in range(3))
    server.set_ocsp_server_callback(lambda *_: b"")
    client.set_ocsp_client_callback(lambda *_: True)
    informed.set_info_callback(lambda *_: None)

    with pytest.raises(ValueError, match="another status callback"):
        attach(server, shelf)
    with pytest.raises(ValueError, match="another status callback"):
        require_status(client)
    with pytest.raises(ValueError, match="another info callback"):
        require_status(informed)


def test_a_context_that_was_used_already_is_refused_and_nothing_is_fed(shelf: Shelf) -> None:
    context = server_context()
    SSL.Connection(context)

    with pytest.raises(ValueError, match="already been used"):
        attach(context, shelf, certificates=[LEAF.certificate])
    with pytest.raises(ValueError, match="already been used"):
        require_status(context)
    assert shelf.added == []


# --- a client -------------------------------------------------------------------------------------


@pytest.mark.rule("T4")
@both_versions
def test_a_revoked_staple_ends_the_handshake_with_alert_113(shelf: Shelf, version: int) -> None:
    shelf.put(CA, LEAF.certificate, revoked())
    server, client = server_context(), client_context(version)
    attach(server, shelf)
    seen: list[PeerStatus] = []
    checker = require_status(client, on_status=seen.append)

    heard = Handshake(server, client).refused()

    assert "bad certificate status response" in heard
    status = checker.latest("leaf.example")
    assert [status] == seen
    assert status is not None
    assert status.verdict is Verdict.REVOKED


@pytest.mark.rule("T10")
@both_versions
def test_a_broken_promise_ends_the_handshake(shelf: Shelf, version: int) -> None:
    server, client = server_context(MUST_STAPLE), client_context(version)
    attach(server, shelf)
    checker = require_status(client)

    Handshake(server, client).refused()

    status = checker.latest("leaf.example")
    assert status is not None
    assert [one.rule for one in status.failures] == ["T10"]


@pytest.mark.rule("T11")
def test_the_firm_mode_wants_a_staple_from_everyone(shelf: Shelf) -> None:
    server, client = server_context(), client_context()
    attach(server, shelf)
    checker = require_status(client, policy=StatusPolicy(demand=Demand.ALWAYS))

    Handshake(server, client).refused()

    status = checker.latest("leaf.example")
    assert status is not None
    assert [one.rule for one in status.failures] == ["T11"]


@pytest.mark.rule("T8")
@both_versions
def test_a_resumed_session_is_judged_by_the_handshake_that_began_it(
    shelf: Shelf, version: int
) -> None:
    laid = shelf.put(CA, LEAF.certificate)
    server, client = server_context(), client_context(version)
    stapling = attach(server, shelf)
    checker = require_status(client)
    first = Handshake(server, client)
    began = checker.status_of(first.shake())

    again = Handshake(server, client, session=first.near.get_session()).shake()

    status = checker.status_of(again)
    assert began is not None
    assert status is not None
    assert status.is_resumed
    assert status.statuses == began.statuses
    assert status.statuses[0].staple == laid.der
    assert stapling.handed == {Handed.STAPLE: 1}


def test_before_the_handshake_there_is_nothing_to_tell() -> None:
    client = client_context()
    checker = require_status(client)

    assert checker.status_of(SSL.Connection(client)) is None


@both_versions
def test_a_connection_whose_own_callback_kept_it_from_asking_has_no_staple(
    shelf: Shelf, version: int
) -> None:
    shelf.put(CA, MUST_STAPLE.certificate)
    server, client = server_context(MUST_STAPLE), client_context(version)
    attach(server, shelf)
    checker = require_status(client)
    handshake = Handshake(server, client)
    handshake.near.set_info_callback(lambda *_: None)

    status = checker.status_of(handshake.shake())

    assert status is not None
    assert not status.is_accepted


def test_a_fault_of_ours_ends_the_handshake_and_not_the_next_one(
    shelf: Shelf, caplog: pytest.LogCaptureFixture
) -> None:
    shelf.put(CA, LEAF.certificate)
    server, client = server_context(), client_context()
    attach(server, shelf)
    checker = require_status(client, on_status=break_down)

    Handshake(server, client).refused()

    assert [one.message for one in caplog.records] == [
        "a handshake ends: its staple could not be judged"
    ]
    assert checker.latest("leaf.example") is not None


def test_connections_come_and_go_and_leave_nothing_behind(shelf: Shelf) -> None:
    server, client = server_context(), client_context()
    attach(server, shelf)
    checker = require_status(client)
    for _ in range(3):
        Handshake(server, client).shake()

    gc.collect()

    assert not checker._by_connection


# --- the extra ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("module", "missing", "told"),
    [
        ("certstatus.tls.pyopenssl", "OpenSSL", "pip install 'certstatus[tls]'"),
        ("certstatus.tls.twisted", "twisted.internet.ssl", "pip install 'twisted[tls]'"),
    ],
)
def test_a_missing_package_is_one_line_that_says_what_to_install(
    module: str, missing: str, told: str
) -> None:
    program = (
        f"import sys; sys.modules[{missing!r}] = None\n"
        "from certstatus.errors import PlatformError\n"
        f"try: import {module}\n"
        "except PlatformError as error: print(error)"
    )

    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    )

    assert done.stdout.splitlines() == [done.stdout.strip()]
    assert told in done.stdout
