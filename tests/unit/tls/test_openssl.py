from __future__ import annotations

import gc
import logging
import ssl
import subprocess
import sys
import threading
from contextlib import nullcontext, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import cast

import pytest
from cryptography.x509 import ObjectIdentifier, TLSFeatureType

from certstatus.limits_tls import (
    MAX_CONTEXT_CERTIFICATES,
    MAX_REMEMBERED_PEERS,
    MAX_SERVED_TLS12_STAPLE_BYTES,
    MAX_TLS13_STAPLE_BYTES,
)
from certstatus.ocsp import ByKey, Extension, Extensions, Nonce, Revoked, encode_responder_id
from certstatus.staple import Stapler
from certstatus.testing import FixedClock, Forge, TinyCA
from certstatus.tls import libssl as binding
from certstatus.tls.libssl import LibSSL, libssl
from certstatus.tls.openssl import _Server, default_stapler, require_status, staple
from certstatus.tls.peer import Demand, PeerStatus, StatusPolicy
from certstatus.tls.stapling import Handed, StapleRequest, Stapling
from certstatus.verify import Verdict
from tests.newer import on_newer_libssl
from tests.shaking import NOW, Shelf, client_context, load, server_context, shake_hands
from tests.unit.tls.test_libssl import watch

VERSIONS = (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3)
DAY = timedelta(days=1)

CA = TinyCA("Root")
LEAF = CA.issue_server("leaf.example")
CA_DELEGATE = CA.issue_responder()
MUST_STAPLE = CA.issue_server("leaf.example", tls_features=(TLSFeatureType.status_request,))


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


@pytest.fixture
def server(tmp_path: Path) -> ssl.SSLContext:
    return server_context(LEAF, [CA.certificate], tmp_path)


def attach(context: ssl.SSLContext, shelf: Shelf, **how: object) -> Stapling:
    return staple(context, cast("Stapler", shelf), **how)  # type: ignore[arg-type]


def break_down(_: object) -> None:
    raise RuntimeError("broken")


# --- a server ------------------------------------------------------------------------------------


@pytest.mark.rule("T3", "T5")
@pytest.mark.parametrize("version", VERSIONS, ids=str)
def test_a_context_staples_in_one_line(
    server: ssl.SSLContext, shelf: Shelf, version: ssl.TLSVersion
) -> None:
    laid = shelf.put(CA, LEAF.certificate)
    stapling = attach(server, shelf)
    client = client_context(CA.certificate, version)
    checker = require_status(client)

    connection = shake_hands(server, client)

    status = checker.status_of(connection)
    assert status is not None
    assert status.statuses[0].staple == laid.der
    assert status.verdict is Verdict.GOOD
    assert stapling.handed == {Handed.STAPLE: 1}


@pytest.mark.rule("T12")
@pytest.mark.parametrize("version", VERSIONS, ids=str)
def test_a_handshake_without_a_staple_goes_on(
    server: ssl.SSLContext, shelf: Shelf, version: ssl.TLSVersion
) -> None:
    stapling = attach(server, shelf)
    client = client_context(CA.certificate, version)
    checker = require_status(client)

    connection = shake_hands(server, client)

    status = checker.status_of(connection)
    assert status is not None
    assert status.verdict is None
    assert status.is_accepted
    assert stapling.handed == {Handed.NOTHING: 1}


def test_a_client_that_does_not_ask_is_not_answered(server: ssl.SSLContext, shelf: Shelf) -> None:
    shelf.put(CA, LEAF.certificate)
    stapling = attach(server, shelf)

    shake_hands(server, client_context(CA.certificate))

    assert stapling.handed == {}


@pytest.mark.rule("T12")
def test_every_certificate_of_the_context_is_fed_before_the_first_handshake(
    server: ssl.SSLContext, shelf: Shelf, tmp_path: Path
) -> None:
    rsa = CA.issue_server("leaf.example", kind="rsa2048")
    load(server, rsa, [CA.certificate], tmp_path)
    other = TinyCA("Other").certificate
    wait = timedelta(seconds=3)

    attach(server, shelf, issuers=[other], urls=["http://127.0.0.1/"], wait=wait)

    above, urls = (CA.certificate, other), ("http://127.0.0.1/",)
    assert {one.fingerprint for one, _, _ in shelf.added} == {
        LEAF.certificate.fingerprint,
        rsa.certificate.fingerprint,
    }
    assert {(chain, named) for _, chain, named in shelf.added} == {(above, urls)}
    assert shelf.waited == [wait]


def test_contexts_that_name_no_stapler_share_one(
    server: ssl.SSLContext, shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert isinstance(default_stapler(), Stapler)
    assert default_stapler() is default_stapler()
    monkeypatch.setattr("certstatus.tls.openssl.default_stapler", lambda: shelf)

    staple(server)

    assert [one for one, _, _ in shelf.added] == [LEAF.certificate]


@pytest.mark.parametrize("can", [False, True])
def test_the_cas_certificates_are_cared_for_where_libssl_can_staple_them(
    shelf: Shelf, tmp_path: Path, can: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(LibSSL, "has_multi_staple", can)
    middle = TinyCA("Middle", parent=CA)
    leaf = middle.issue_server("leaf.example")
    above = (middle.certificate, CA.certificate)

    stapling = attach(server_context(leaf, above, tmp_path), shelf)

    fed = [(leaf.certificate, above, ()), (middle.certificate, above[1:], ())]
    assert shelf.added == (fed if can else fed[:1])
    assert isinstance(stapling, _Server)
    assert {len(one) for one in stapling._fingerprints.values()} == {3 if can else 1}


def test_a_certificate_that_is_known_is_fed_and_held_once(
    server: ssl.SSLContext, shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    gc.collect()
    held = watch(libssl(), "X509_up_ref", monkeypatch)
    freed = watch(libssl(), "X509_free", monkeypatch)
    client = client_context(CA.certificate)
    require_status(client)
    attach(server, shelf)

    for _ in range(2):
        shake_hands(server, client)
    attach(server, shelf)  # and the first is given up
    gc.collect()

    assert len(shelf.added) == 2
    # What an earlier test held may be given up only now: it is none of these.
    assert (len(held), [one for one in freed if one in held]) == (2, held[:1])


def test_each_kind_of_key_gets_its_own_staple(
    server: ssl.SSLContext, shelf: Shelf, tmp_path: Path
) -> None:
    rsa = CA.issue_server("leaf.example", kind="rsa2048")
    load(server, rsa, [CA.certificate], tmp_path)
    for one in (LEAF, rsa):
        shelf.put(CA, one.certificate)
    attach(server, shelf)

    for cipher, issued in (
        ("ECDHE-ECDSA-AES128-GCM-SHA256", LEAF),
        ("ECDHE-RSA-AES128-GCM-SHA256", rsa),
    ):
        client = client_context(CA.certificate, ssl.TLSVersion.TLSv1_2)
        client.set_ciphers(cipher)
        checker = require_status(client)
        status = checker.status_of(shake_hands(server, client))
        assert status is not None
        assert status.certificate == issued.certificate
        assert status.verdict is Verdict.GOOD


def test_contexts_that_sni_switches_to_staple_their_own(
    server: ssl.SSLContext, shelf: Shelf, tmp_path: Path
) -> None:
    other = CA.issue_server("other.example")
    second = server_context(other, [CA.certificate], tmp_path)
    shelf.put(CA, LEAF.certificate)
    shelf.put(CA, other.certificate)

    def choose(connection: ssl.SSLObject, name: str | None, _: ssl.SSLContext) -> None:
        if name == "other.example":
            connection.context = second

    server.sni_callback = choose
    handed = [attach(context, shelf) for context in (server, second)]
    client = client_context(CA.certificate)
    checker = require_status(client)

    for name in ("leaf.example", "other.example"):
        status = checker.status_of(shake_hands(server, client, server_name=name))
        assert status is not None
        assert status.verdict is Verdict.GOOD
    assert [one.handed for one in handed] == [{Handed.STAPLE: 1}, {Handed.STAPLE: 1}]


def test_a_certificate_that_is_loaded_later_is_noticed_and_stapled_from_then_on(
    server: ssl.SSLContext, shelf: Shelf, tmp_path: Path
) -> None:
    """As a server does that renews its certificate without a restart."""
    attach(server, shelf)
    renewed = CA.issue_server("leaf.example")
    load(server, renewed, [CA.certificate], tmp_path)
    shelf.put(CA, renewed.certificate)
    shelf.fed.clear()
    client = client_context(CA.certificate)
    checker = require_status(client)

    status = checker.status_of(shake_hands(server, client))

    assert status is not None
    assert status.certificate == renewed.certificate
    assert status.verdict is Verdict.GOOD
    assert shelf.fed.wait(5)
    assert shelf.added[-1][:2] == (renewed.certificate, (CA.certificate,))


@pytest.mark.rule("T1", "T2")
@pytest.mark.parametrize("version", VERSIONS, ids=str)
def test_what_the_client_asks_for_is_seen(
    server: ssl.SSLContext, shelf: Shelf, version: ssl.TLSVersion
) -> None:
    laid = shelf.put(CA, LEAF.certificate)
    seen: list[StapleRequest] = []
    attach(server, shelf, on_request=seen.append)
    client = client_context(CA.certificate, version)
    checker = require_status(client)
    responder, nonce = ByKey.of(laid.verified.signer), Nonce(bytes(range(32)))
    asked = ask_for(client, (responder,), Extensions.of(nonce))

    status = checker.status_of(shake_hands(server, client))

    assert asked
    assert status is not None
    assert status.verdict is Verdict.GOOD
    (request,) = seen
    assert request.server_name == "leaf.example"
    assert request.handed is Handed.STAPLE
    assert request.request is not None
    assert request.request.request.responder_id_list == (responder,)
    assert request.request.request.request_extensions == Extensions.of(nonce)


@pytest.mark.rule("T1")
def test_extensions_without_a_responder_are_seen_and_a_client_without_a_name(
    server: ssl.SSLContext, shelf: Shelf
) -> None:
    seen: list[StapleRequest] = []
    attach(server, shelf, on_request=seen.append)
    client = client_context(CA.certificate)
    client.check_hostname = False
    require_status(client)
    nonce = Nonce(bytes(range(32)))
    asked = ask_for(client, (), Extensions.of(nonce))

    shake_hands(server, client, server_name=None)

    assert asked
    (request,) = seen
    assert request.server_name is None
    assert request.request is not None
    assert request.request.request.request_extensions == Extensions.of(nonce)


def ask_for(
    client: ssl.SSLContext, ids: tuple[ByKey, ...], extensions: Extensions | None = None
) -> object:
    """Let a context's clients list responders and extensions; keep what this returns."""
    library = libssl()
    encoded = tuple(encode_responder_id(one) for one in ids)
    body = b"" if extensions is None else extensions.encode()
    return library.set_start_callback(
        library.context_pointer(client), lambda one: library.set_request(one, encoded, body)
    )


@pytest.mark.rule("T2")
def test_a_client_that_trusts_another_responder_is_handed_nothing(
    server: ssl.SSLContext, shelf: Shelf
) -> None:
    shelf.put(CA, LEAF.certificate)
    stapling = attach(server, shelf)
    client = client_context(CA.certificate)
    require_status(client)
    asked = ask_for(client, (ByKey(bytes(20)),))

    shake_hands(server, client)

    assert asked
    assert stapling.handed == {Handed.OTHER_RESPONDER: 1}


@pytest.mark.rule("T2")
def test_a_responder_list_with_an_unreadable_entry_is_answered_with_nothing(
    server: ssl.SSLContext, shelf: Shelf, caplog: pytest.LogCaptureFixture
) -> None:
    shelf.put(CA, LEAF.certificate)
    stapling = attach(server, shelf)
    client = client_context(CA.certificate)
    require_status(client)
    library = libssl()
    short = b"\xa2\x04\x04\x02ab"  # byKey, but no SHA-1 hash
    kept = library.set_start_callback(
        library.context_pointer(client), lambda one: library.set_request(one, (short,), b"")
    )

    shake_hands(server, client)

    assert kept
    assert stapling.handed == {Handed.UNREADABLE: 1}
    assert not caplog.records


@pytest.mark.rule("T7")
@pytest.mark.parametrize(
    ("version", "most"),
    [(VERSIONS[0], MAX_SERVED_TLS12_STAPLE_BYTES), (VERSIONS[1], MAX_TLS13_STAPLE_BYTES)],
    ids=["TLS 1.2", "TLS 1.3"],
)
@pytest.mark.parametrize("over", [0, 1])
def test_a_staple_that_is_too_large_is_left_out_whole(
    server: ssl.SSLContext, shelf: Shelf, version: ssl.TLSVersion, most: int, over: int
) -> None:
    shelf.put(CA, LEAF.certificate, staple_of_size(most + over))
    stapling = attach(server, shelf)
    client = client_context(CA.certificate, version)
    checker = require_status(client)

    status = checker.status_of(shake_hands(server, client))

    assert status is not None
    assert status.is_accepted
    assert stapling.handed == {Handed.TOO_LARGE if over else Handed.STAPLE: 1}


def staple_of_size(octets: int) -> bytes:
    """Make an honest staple of just so many octets; signatures differ in length, so try again."""
    forge = Forge.honest(CA, LEAF.certificate.serial_number, CA_DELEGATE).but(now=NOW)
    padding = octets - len(forge.der) - 40
    while True:
        extension = Extension(ObjectIdentifier("1.3.6.1.4.1.99999.1"), bytes(padding))
        der = forge.but(response_extensions=Extensions.of(extension)).der
        if len(der) == octets:
            return der
        padding += (octets > len(der)) - (octets < len(der))


def test_a_fault_of_ours_costs_the_staple_and_not_the_handshake(
    server: ssl.SSLContext,
    shelf: Shelf,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(shelf, "staple", break_down)
    stapling = attach(server, shelf, on_request=break_down)
    client = client_context(CA.certificate)
    require_status(client)

    shake_hands(server, client)

    assert stapling.handed == {Handed.FAULT: 1}
    assert [one.message for one in caplog.records] == [
        "a handshake goes on without a staple",
        "on_request failed",
    ]


def test_a_context_staples_by_its_newest_call(server: ssl.SSLContext, shelf: Shelf) -> None:
    first = attach(server, shelf)
    second = attach(server, shelf)
    client = client_context(CA.certificate)
    require_status(client)

    shake_hands(server, client)

    assert (first.handed, second.handed) == ({}, {Handed.NOTHING: 1})


def test_a_clients_context_cannot_staple_and_a_servers_cannot_check(shelf: Shelf) -> None:
    with pytest.raises(ValueError, match="can't staple"):
        attach(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), shelf)
    with pytest.raises(ValueError, match="asks for no staples"):
        require_status(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER))


def test_a_status_callback_of_somebody_else_is_not_pushed_aside(shelf: Shelf) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    theirs = binding.StatusCallback(lambda *_: 0)
    libssl().set_status_callback(libssl().context_pointer(context), theirs)

    with pytest.raises(ValueError, match="another status callback"):
        attach(context, shelf)


def test_a_call_that_fails_leaves_the_context_as_it_was(
    server: ssl.SSLContext, shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shelf, "add", lambda *_, **__: break_down(None))
    pointer = libssl().context_pointer(server)

    with pytest.raises(RuntimeError):
        attach(server, shelf)

    assert libssl().status_callback(pointer) is None


def test_a_callback_is_never_taken_from_under_a_handshake(
    server: ssl.SSLContext, shelf: Shelf
) -> None:
    """A handshake in another thread may be on its way into it."""
    library, client = libssl(), client_context(CA.certificate)
    held = []
    for _ in range(2):
        attach(server, shelf)
        require_status(client)
        held.append(
            [library.status_callback(library.context_pointer(one)) for one in (server, client)]
        )

    assert held[0] == held[1]


def test_a_certificate_that_is_loaded_again_and_again_is_not_kept_each_time(
    server: ssl.SSLContext, shelf: Shelf, tmp_path: Path
) -> None:
    laid = shelf.put(CA, LEAF.certificate)
    stapling = attach(server, shelf)
    client = client_context(CA.certificate)
    checker = require_status(client)

    for _ in range(MAX_CONTEXT_CERTIFICATES + 3):
        load(server, LEAF, [CA.certificate], tmp_path)
        status = checker.status_of(shake_hands(server, client))
        assert status is not None
        assert status.statuses[0].staple == laid.der

    assert isinstance(stapling, _Server)
    assert len(stapling._fingerprints) == MAX_CONTEXT_CERTIFICATES


def test_a_certificate_that_cannot_be_fed_later_is_told_and_harms_no_handshake(
    server: ssl.SSLContext,
    shelf: Shelf,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    attach(server, shelf)
    load(server, LEAF, [CA.certificate], tmp_path)
    monkeypatch.setattr(shelf, "add", lambda *_, **__: break_down(None))
    client = client_context(CA.certificate)
    require_status(client)

    shake_hands(server, client)

    for thread in threading.enumerate():
        if thread.name.endswith("(_feed_beside)"):
            thread.join()
    assert [one.message for one in caplog.records] == [
        "a certificate that was loaded later can't be stapled"
    ]


def test_contexts_come_and_go_and_leave_nothing_behind(shelf: Shelf, tmp_path: Path) -> None:
    shelf.put(CA, LEAF.certificate)
    client = client_context(CA.certificate)
    checker = require_status(client)
    connections = []
    for _ in range(5):
        server = server_context(LEAF, [CA.certificate], tmp_path)
        attach(server, shelf)
        connections.append(shake_hands(server, client))
        del server
        gc.collect()

    assert all(checker.status_of(one) for one in connections)
    del connections[:]
    gc.collect()
    assert not checker._by_connection


FORKED = """
import os, signal, sys, threading
from pathlib import Path
from certstatus.testing import TinyCA
from certstatus.tls.openssl import require_status, staple
from tests.shaking import Shelf, client_context, server_context, shake_hands

ca, shelf = TinyCA("Root"), Shelf()
leaf = ca.issue_server("leaf.example")
shelf.put(ca, leaf.certificate)
server, client = server_context(leaf, [], Path(sys.argv[1])), client_context(ca.certificate)
locks = [staple(server, shelf)._lock, require_status(client)._lock]
taken = threading.Event()

def hold():
    with locks[0], locks[1]:
        taken.set()
        threading.Event().wait(0.1)

threading.Thread(target=hold).start()
taken.wait()
child = os.fork()
if child == 0:
    signal.alarm(10)
    shake_hands(server, client)
    os._exit(7)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
"""

LEFT_ALONE = """
import sys, threading
from pathlib import Path
from certstatus.testing import TinyCA
from certstatus.tls.openssl import require_status, staple
from tests.shaking import Shelf, client_context, server_context, shake_hands

ca, shelf, begun = TinyCA("Root"), Shelf(), threading.Semaphore(0)
leaf = ca.issue_server("leaf.example")
shelf.put(ca, leaf.certificate)
server, client = server_context(leaf, [], Path(sys.argv[1])), client_context(ca.certificate)
staple(server, shelf)
require_status(client)

def shake_for_ever():
    while True:
        shake_hands(server, client)
        begun.release()

for _ in range(4):
    threading.Thread(target=shake_for_ever, daemon=True).start()
for _ in range(40):
    begun.acquire()
"""


@pytest.mark.parametrize("program", [FORKED, LEFT_ALONE], ids=["forked", "left alone"])
def test_handshakes_survive_a_fork_and_the_interpreters_end(program: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-X", "dev", "-X", "faulthandler", "-c", program, str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert (done.returncode, done.stderr) == (0, "")


# --- a client ------------------------------------------------------------------------------------


def revoked() -> bytes:
    forge = Forge.honest(CA, LEAF.certificate.serial_number).but(now=NOW)
    return forge.but(cert_status=Revoked(NOW - DAY)).der


@pytest.mark.rule("T4")
@pytest.mark.parametrize("version", VERSIONS, ids=str)
def test_a_revoked_staple_ends_the_handshake_with_alert_113(
    server: ssl.SSLContext, shelf: Shelf, version: ssl.TLSVersion
) -> None:
    shelf.put(CA, LEAF.certificate, revoked())
    attach(server, shelf)
    client = client_context(CA.certificate, version)
    seen: list[PeerStatus] = []
    checker = require_status(client, on_status=seen.append)

    with pytest.raises(ssl.SSLError) as caught:
        shake_hands(server, client)

    assert caught.value.reason == "INVALID_STATUS_RESPONSE"
    status = checker.latest("leaf.example")
    assert [status] == seen
    assert status is not None
    assert status.verdict is Verdict.REVOKED


@pytest.mark.rule("T10")
@pytest.mark.parametrize("version", VERSIONS, ids=str)
@pytest.mark.parametrize(
    ("demand", "goes_on"), [(Demand.IF_PRESENT, True), (Demand.MUST_STAPLE, False)]
)
def test_a_broken_promise_ends_the_handshake_unless_the_policy_lets_it_pass(
    shelf: Shelf, tmp_path: Path, version: ssl.TLSVersion, demand: Demand, goes_on: bool
) -> None:
    server = server_context(MUST_STAPLE, [CA.certificate], tmp_path)
    attach(server, shelf)
    client = client_context(CA.certificate, version)
    checker = require_status(client, policy=StatusPolicy(demand=demand))

    with nullcontext() if goes_on else pytest.raises(ssl.SSLError, match="invalid status"):
        shake_hands(server, client)

    status = checker.latest("leaf.example")
    assert status is not None
    assert status.is_accepted is goes_on


@pytest.mark.rule("T11")
def test_the_firm_mode_wants_a_staple_from_everyone(server: ssl.SSLContext) -> None:
    client = client_context(CA.certificate)
    checker = require_status(client, policy=StatusPolicy(demand=Demand.ALWAYS))

    with pytest.raises(ssl.SSLError):
        shake_hands(server, client)

    status = checker.latest("leaf.example")
    assert status is not None
    assert [check.rule for check in status.failures] == ["T11"]


@pytest.mark.rule("T4")
def test_an_unverified_chain_is_judged_by_the_issuer_that_it_brings(
    server: ssl.SSLContext, shelf: Shelf
) -> None:
    shelf.put(CA, LEAF.certificate)
    attach(server, shelf)
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname = False
    client.verify_mode = ssl.CERT_NONE
    checker = require_status(client)

    status = checker.status_of(shake_hands(server, client))

    assert status is not None
    assert status.verdict is Verdict.GOOD


@pytest.mark.rule("T8")
@pytest.mark.parametrize("version", VERSIONS, ids=str)
def test_a_resumed_session_keeps_the_earlier_verdict(
    server: ssl.SSLContext, shelf: Shelf, version: ssl.TLSVersion
) -> None:
    shelf.put(CA, LEAF.certificate)
    attach(server, shelf)
    client = client_context(CA.certificate, version)
    checker = require_status(client)
    first = shake_hands(server, client)

    again = shake_hands(server, client, session=first.session)

    assert again.session_reused
    status = checker.status_of(again)
    assert status is not None
    assert status.is_resumed
    assert status.verdict is Verdict.GOOD


@pytest.mark.rule("T8")
@pytest.mark.parametrize("version", VERSIONS, ids=str)
def test_a_session_that_outlives_its_staple_is_not_trusted(
    server: ssl.SSLContext, shelf: Shelf, version: ssl.TLSVersion
) -> None:
    laid = shelf.put(CA, LEAF.certificate)
    attach(server, shelf)
    client = client_context(CA.certificate, version)
    clock = FixedClock(datetime.now(UTC))
    checker = require_status(client, clock=clock)
    first = shake_hands(server, client)
    assert laid.verified.expires is not None
    clock.moment = laid.verified.expires + DAY

    if version is ssl.TLSVersion.TLSv1_3:
        with pytest.raises(ssl.SSLError):
            shake_hands(server, client, session=first.session)
        status = checker.latest("leaf.example")
    else:  # libssl asks nobody when it resumes TLS 1.2
        status = checker.status_of(shake_hands(server, client, session=first.session))

    assert status is not None
    assert not status.is_accepted
    assert [check.rule for check in status.failures] == ["T8"]


@pytest.mark.rule("T8")
def test_a_resumed_session_is_judged_once(server: ssl.SSLContext, shelf: Shelf) -> None:
    shelf.put(CA, LEAF.certificate)
    attach(server, shelf)
    client, clock = client_context(CA.certificate), FixedClock(datetime.now(UTC))
    seen: list[PeerStatus] = []
    checker = require_status(client, clock=clock, on_status=seen.append)
    again = shake_hands(server, client, session=shake_hands(server, client).session)
    clock.moment += 365 * DAY

    assert checker.status_of(again) is seen[1]
    assert len(seen) == 2


class Stranger:
    """An owner as no TLS connection of Python's has one."""


@pytest.mark.parametrize("owner", [None, Stranger()], ids=["nobody", "a stranger"])
def test_a_connection_whose_owner_is_unknown_is_judged_all_the_same(
    server: ssl.SSLContext, shelf: Shelf, owner: Stranger | None
) -> None:
    shelf.put(CA, LEAF.certificate, revoked())
    attach(server, shelf)
    client = client_context(CA.certificate)
    seen: list[PeerStatus] = []
    require_status(client, on_status=seen.append)
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    near = client._wrap_bio(  # type: ignore[attr-defined]
        to_client, to_server, server_side=False, server_hostname="leaf.example", owner=owner
    )
    far = server.wrap_bio(to_server, to_client, server_side=True)

    for side in (near, far):
        with suppress(ssl.SSLWantReadError):
            side.do_handshake()
    with pytest.raises(ssl.SSLError, match="invalid status"):
        near.do_handshake()

    (status,) = seen
    assert status.verdict is Verdict.REVOKED
    assert status.server_name is None


def test_a_connection_that_has_not_shaken_hands_has_no_status() -> None:
    client = client_context(CA.certificate)
    checker = require_status(client)
    connection = client.wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO(), server_hostname="a.example")

    assert checker.status_of(connection) is None
    assert checker.latest("a.example") is None
    with pytest.raises(ValueError, match="no certificate"):
        checker.check(connection)


def test_only_so_many_peers_are_remembered() -> None:
    checker = require_status(client_context(CA.certificate))

    for number in range(MAX_REMEMBERED_PEERS + 1):
        checker.full_handshake(None, [LEAF.certificate.der], [], server_name=f"{number}.example")

    assert checker.latest("0.example") is None
    assert checker.latest("1.example") is not None


def test_certificates_that_cannot_be_read_end_the_handshake() -> None:
    checker = require_status(client_context(CA.certificate))

    status = checker.full_handshake(None, [b"junk"], [], server_name="a.example")

    assert not status.is_accepted


@pytest.mark.parametrize("version", VERSIONS, ids=str)
@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, SystemExit])
def test_a_fault_of_ours_ends_a_clients_handshake(
    server: ssl.SSLContext,
    caplog: pytest.LogCaptureFixture,
    version: ssl.TLSVersion,
    error: type[BaseException],
) -> None:
    def fail(_: PeerStatus) -> None:
        raise error

    client = client_context(CA.certificate, version)
    require_status(client, on_status=fail)

    with pytest.raises(ssl.SSLError), caplog.at_level(logging.ERROR):
        shake_hands(server, client)

    assert [one.message for one in caplog.records] == [
        "a handshake ends: its staple could not be judged"
    ]


# --- the whole chain, on libssl 3.6 ----------------------------------------------------------------

WHOLE_CHAIN = """
import sys
from pathlib import Path
from certstatus.testing import TinyCA
from certstatus.tls.openssl import require_status, staple
from tests.shaking import Shelf, client_context, server_context, shake_hands

root = TinyCA("Root")
middle = TinyCA("Middle", parent=root)
leaf = middle.issue_server("leaf.example")
shelf = Shelf()
shelf.put(middle, leaf.certificate)
shelf.put(root, middle.certificate)
above = [middle.certificate, root.certificate]
server = server_context(leaf, above, Path(sys.argv[1]))
client = client_context(root.certificate)
checker = require_status(client)

def told():
    status = checker.status_of(shake_hands(server, client))
    return [one.report and one.report.verdict.value for one in status.statuses]

staple(server, shelf)
assert [one for one, _, _ in shelf.added] == [leaf.certificate, middle.certificate]
print(told())
staple(server, shelf, whole_chain=False)
assert [one for one, _, _ in shelf.added[2:]] == [leaf.certificate]
print(told())
shelf.staples.clear()
print(told())
"""


@pytest.mark.rule("T5")
def test_the_whole_chain_is_stapled_where_libssl_can(tmp_path: Path) -> None:
    told = on_newer_libssl(WHOLE_CHAIN, tmp_path, str(tmp_path))

    assert told.splitlines() == [
        "['good', 'good', None]",
        "['good', None, None]",
        "[None, None, None]",
    ]
