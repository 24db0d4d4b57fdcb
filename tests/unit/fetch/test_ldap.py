"""The LDAP door: values with and without ;binary, one guard, one limit of time and size."""

from __future__ import annotations

import asyncio
import ssl
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from certstatus.errors import UnreachableError
from certstatus.fetch import Guard, LDAPDoor, Provenance, parse_ldap_url
from certstatus.fetch.conversation import FetchFailed
from certstatus.fetch.ldap_message import UNBIND, LDAPReplies
from certstatus.limits import MAX_LDAP_MESSAGES, MAX_LDAP_OVERHEAD_BYTES
from certstatus.testing import TinyCA
from tests.directory import ScriptedDirectory, done, entry, in_pieces, message, saying
from tests.stapling import free_port

CRL = "certificateRevocationList"
SECONDS = timedelta(seconds=5)
NAMED = Guard()


@pytest.fixture
def directory() -> Iterator[ScriptedDirectory]:
    with ScriptedDirectory() as running:
        yield running


def fetch(
    url: str, *, guard: Guard = NAMED, max_bytes: int = 100_000, door: LDAPDoor | None = None
) -> tuple[bytes, ...]:
    door = door or LDAPDoor(total_time=SECONDS)
    return asyncio.run(door.aget(url, guard=guard, max_bytes=max_bytes))


def reason(url: str, **wishes: object) -> str:
    with pytest.raises(UnreachableError) as caught:
        fetch(url, **wishes)  # type: ignore[arg-type]
    (attempt,) = caught.value.attempts
    assert attempt.url == url
    return attempt.reason


@pytest.mark.parametrize(
    "named", [CRL, f"{CRL};binary", CRL.upper(), "2.5.4.39", "2.5.4.39;binary"]
)
@pytest.mark.rule("C13")
def test_replies_with_and_without_binary_are_taken(
    directory: ScriptedDirectory, named: str
) -> None:
    directory.talk = saying(entry(named, b"one", b"two"), done())

    assert fetch(directory.url()) == (b"one", b"two")
    assert b"certificateRevocationList;binary" in directory.asked[0]


@pytest.mark.rule("C13")
def test_what_was_not_asked_for_is_passed_over(directory: ScriptedDirectory) -> None:
    reference = message(1, bytes.fromhex("730c040a6c6461703a2f2f6f2f78"))
    directory.talk = saying(
        entry("cACertificate;binary", b"no"), reference, entry(CRL, b"yes"), done()
    )

    assert fetch(directory.url()) == (b"yes",)


@pytest.mark.parametrize("size", [1, 3, 1000])
def test_an_answer_may_come_in_any_pieces(directory: ScriptedDirectory, size: int) -> None:
    directory.talk = in_pieces(entry(CRL, b"x" * 2_000) + done(), size)

    assert fetch(directory.url()) == (b"x" * 2_000,)


@pytest.mark.parametrize(
    ("code", "text"),
    [(32, "noSuchObject"), (50, "insufficientAccessRights"), (10, "referral"), (99, "answers 99")],
)
def test_a_result_that_is_no_success_is_told(
    directory: ScriptedDirectory, code: int, text: str
) -> None:
    directory.talk = saying(done(code))

    assert text in reason(directory.url())


def test_an_entry_without_the_attribute_is_told(directory: ScriptedDirectory) -> None:
    directory.talk = saying(done())

    assert reason(directory.url()) == f"the entry has no {CRL}"


@pytest.mark.rule("C11")
def test_a_url_without_host_is_asked_of_the_configured_server(directory: ScriptedDirectory) -> None:
    directory.talk = saying(entry(CRL, b"yes"), done())
    door = LDAPDoor(server=parse_ldap_url(directory.url()))

    assert fetch(f"ldap:///cn=x?{CRL}", door=door) == (b"yes",)
    assert "no LDAP server" in reason(f"ldap:///cn=x?{CRL}")


def test_what_a_stranger_named_leads_into_no_private_network(directory: ScriptedDirectory) -> None:
    stranger = Guard(Provenance.CERTIFICATE)

    assert "is not a public address" in reason(directory.url(), guard=stranger)
    by_name = LDAPDoor(resolver=lambda _host, _port: ["127.0.0.1"])
    url = directory.url().replace("127.0.0.1", "dir.example")
    assert "leads inside" in reason(url, guard=stranger, door=by_name)
    assert directory.asked == []


def test_a_name_is_looked_up_and_each_address_tried(directory: ScriptedDirectory) -> None:
    directory.talk = saying(entry(CRL, b"yes"), done())
    door = LDAPDoor(resolver=lambda _host, _port: ["127.0.0.2", "127.0.0.1"])

    assert fetch(directory.url().replace("127.0.0.1", "dir.example"), door=door) == (b"yes",)


def test_a_broken_url_and_a_dead_server_are_told(directory: ScriptedDirectory) -> None:
    assert "must name exactly one" in reason("ldap://127.0.0.1/cn=x")
    url = directory.url().replace(str(directory.port), str(free_port()))
    assert "nothing listens there" in reason(url)


def tls_pair(tmp_path: Path, host: str) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    ca = TinyCA()
    issued = ca.issue_server(host)
    chain, key = tmp_path / "server.pem", tmp_path / "server.key"
    chain.write_bytes(issued.certificate_pem)
    key.write_bytes(issued.key_pem())
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(chain, key)
    client = ssl.create_default_context(cadata=ca.certificate.der)
    client.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return server, client


def test_ldaps_verifies_the_server(tmp_path: Path) -> None:
    server, client = tls_pair(tmp_path, "localhost")
    with ScriptedDirectory(server) as directory:
        directory.talk = saying(entry(CRL, b"yes"), done())
        assert fetch(directory.url(), door=LDAPDoor(tls=client)) == (b"yes",)
        assert "not trusted" in reason(directory.url(), door=LDAPDoor())


def test_ldaps_verifies_the_name(tmp_path: Path) -> None:
    server, client = tls_pair(tmp_path, "other.example")
    with ScriptedDirectory(server) as directory:
        assert "not trusted" in reason(directory.url(), door=LDAPDoor(tls=client))


# --- messages -------------------------------------------------------------------------------------


def read(data: bytes, *, max_bytes: int = 1_000) -> LDAPReplies:
    replies = LDAPReplies(CRL, message_id=1, max_bytes=max_bytes)
    replies.feed(data)
    return replies


def test_an_unbind_says_goodbye() -> None:
    assert message(2, bytes.fromhex("4200")) == UNBIND


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n", "no LDAP"),
        (bytes.fromhex("3080"), "no LDAP"),
        (bytes.fromhex("30847fffffff"), "larger than 1000 bytes"),
        (bytes.fromhex("3088ffffffffffffffff"), "no LDAP"),
        (entry(CRL, b"x", number=2), "no LDAP"),
        (message(1, bytes.fromhex("6107 0a0100 0400 0400")), "no LDAP"),
        (message(0, bytes.fromhex("7807 0a0134 0400 0400")), "notice"),
        (message(1, bytes.fromhex("6504 0a010004")), "no LDAP"),
        (message(1, bytes.fromhex("640704027878 3103 0401")), "no LDAP"),
        (message(1, bytes.fromhex("6502 0400")), "no LDAP"),
        (message(1), "no LDAP"),
    ],
    ids=str,
)
def test_what_is_no_answer_ends_the_matter(data: bytes, text: str) -> None:
    with pytest.raises(FetchFailed, match=text):
        read(data)


def test_more_messages_than_the_limit_end_the_matter() -> None:
    empty = entry("cn", b"")
    assert not read(empty * MAX_LDAP_MESSAGES, max_bytes=10**6).is_done
    with pytest.raises(FetchFailed, match="100 messages"):
        read(empty * (MAX_LDAP_MESSAGES + 1), max_bytes=10**6)


def test_values_up_to_the_limit_are_read_and_none_beyond() -> None:
    assert read(entry(CRL, bytes(1_000)) + done()).values == [bytes(1_000)]
    with pytest.raises(FetchFailed, match="larger than 1000"):
        read(entry(CRL, bytes(1_000 + MAX_LDAP_OVERHEAD_BYTES)))


def test_a_length_may_be_written_longer_than_it_need_be() -> None:
    values = bytes.fromhex("0482000178")
    body = bytes.fromhex("0400") + bytes.fromhex("30 84 00 00 00 25 30 23 04 19")
    body += CRL.encode() + bytes.fromhex("31 81 05") + values
    assert len(CRL) == 0x19
    found = read(message(1, bytes((0x64, len(body))) + body) + done())

    assert found.values == [b"x"]


@given(st.binary(max_size=200), st.integers(1, 50))
def test_no_octets_harm(data: bytes, size: int) -> None:
    replies = LDAPReplies(CRL, message_id=1, max_bytes=1_000)
    try:
        for at in range(0, len(data), size):
            replies.feed(data[at : at + size])
    except FetchFailed:
        return
    assert replies.values == [] or replies.is_done


def test_a_door_is_shared_by_threads(directory: ScriptedDirectory) -> None:
    directory.talk = saying(entry(CRL, b"yes"), done())
    door, found = LDAPDoor(), []
    threads = [
        threading.Thread(target=lambda: found.append(fetch(directory.url(), door=door)))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)

    assert found == [(b"yes",)] * 4
