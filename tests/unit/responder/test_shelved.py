"""Proxied answers that outlive a process: at rest in a store, and verified anew when taken up."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest

from certstatus.asn1 import oids
from certstatus.limits import UPSTREAM_REFRESH
from certstatus.ocsp import (
    CertID,
    Extensions,
    Good,
    Nonce,
    PreferredSignatureAlgorithm,
    PreferredSignatureAlgorithms,
    Revoked,
    Unknown,
)
from certstatus.pkix import AlgorithmIdentifier
from certstatus.responder import Cause, ForwardedNonce, authority_digest
from certstatus.stores import StoredResponse, StoreKey, supersedes
from certstatus.testing import LIES, TinyCA, contradicting
from tests.proxying import NOW, SERIAL, Branch, status_of
from tests.scripted import Reply as HTTPAnswer
from tests.scripted import ScriptedServer

HOUR = timedelta(hours=1)
SECOND = timedelta(seconds=1)
REVOKED = Revoked(NOW - HOUR)
TRY_LATER = bytes.fromhex("30030a0103")
WISHES = PreferredSignatureAlgorithms(
    (PreferredSignatureAlgorithm(AlgorithmIdentifier(oids.ECDSA_WITH_SHA256)),)
)


@dataclass
class Table:
    """A shelf that keeps what is offered as every store does, entry by entry."""

    entries: dict[bytes, bytes] = field(default_factory=dict)
    keys: list[StoreKey] = field(default_factory=list)

    async def get(self, key: StoreKey) -> StoredResponse | None:
        """Read an entry."""
        entry = self.entries.get(key.encode())
        return None if entry is None else StoredResponse.decode(entry, key)

    def offer(self, key: StoreKey, response: StoredResponse) -> None:
        """Write an entry."""
        self.keys.append(key)
        old = self.entries.get(key.encode())
        if old is None or supersedes(response, StoredResponse.decode(old, key)):
            self.entries[key.encode()] = response.encode(key)

    def spoil(self, **changes: object) -> None:
        """Change the one entry, as whoever can write to the store might."""
        (key,) = self.keys
        old = StoredResponse.decode(self.entries[key.encode()], key)
        self.entries[key.encode()] = replace(old, **changes).encode(key)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def ca() -> TinyCA:
    return TinyCA("Shelved CA")


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer() as running:
        yield running


@pytest.fixture
def shelf() -> Table:
    return Table()


@pytest.fixture
def branch(ca: TinyCA, server: ScriptedServer, shelf: Table) -> Branch:
    branch = Branch(ca, server, nonce=ForwardedNonce.FORWARD)
    return begun_anew(branch, shelf)


def begun_anew(branch: Branch, shelf: Table) -> Branch:
    """Start the process anew: nothing is left but what rests on the shelf."""
    branch.router = branch.over(branch.server.url, shelf=shelf)
    return branch


def test_an_answer_outlives_the_process_and_is_given_without_asking_while_fresh(
    branch: Branch, shelf: Table
) -> None:
    first = branch.ask()
    begun_anew(branch, shelf)
    branch.pass_time(UPSTREAM_REFRESH - SECOND)

    again = branch.ask()

    assert again.der == first.der
    assert len(branch.server.asked) == 1
    assert again.is_remembered
    assert again.told[0].origin == "store"
    assert again.cache_until == NOW + UPSTREAM_REFRESH


def test_what_is_no_longer_fresh_is_asked_for_and_stands_where_that_fails(
    branch: Branch, shelf: Table
) -> None:
    branch.says(next_update=NOW + 4 * HOUR)
    kept = branch.ask().der
    branch.sends(HTTPAnswer(status=503))
    begun_anew(branch, shelf)
    branch.pass_time(HOUR)
    assert branch.ask().der == kept
    assert len(branch.server.asked) == 2
    branch.pass_time(3 * HOUR)

    assert branch.ask().der == TRY_LATER


def test_many_who_ask_first_look_on_the_shelf_once(branch: Branch, shelf: Table) -> None:
    branch.says(REVOKED)
    branch.ask()
    begun_anew(branch, shelf)

    assert [status_of(branch.ask()) for _ in range(3)] == [REVOKED] * 3
    assert len(branch.server.asked) == 1


def test_what_another_worker_asked_for_is_not_asked_for_again(branch: Branch, shelf: Table) -> None:
    ours, theirs = branch.router, branch.over(branch.server.url, shelf=shelf)
    branch.ask(router=ours)
    branch.pass_time(UPSTREAM_REFRESH)
    branch.says(REVOKED, this_update=NOW)
    newer = branch.ask(router=theirs).der

    assert branch.ask(router=ours).der == newer
    assert len(branch.server.asked) == 2


# --- a store is not believed --------------------------------------------------------------------


@pytest.mark.parametrize("name", [*LIES, "contradiction", "junk"])
@pytest.mark.rule("O21")
def test_a_lie_in_the_store_is_not_handed_on(branch: Branch, shelf: Table, name: str) -> None:
    branch.ask()
    tell = contradicting if name == "contradiction" else LIES.get(name, ("", None))[1]
    shelf.spoil(der=b"junk" if tell is None else tell(branch.forge).der)
    branch.sends(HTTPAnswer(status=503))
    begun_anew(branch, shelf)

    assert branch.ask().der == TRY_LATER


def test_an_answer_in_the_store_ends_with_its_own_bytes_whatever_the_entry_says(
    branch: Branch, shelf: Table
) -> None:
    branch.says(next_update=NOW + HOUR)
    branch.ask()
    shelf.spoil(next_update=NOW + 99 * HOUR, fresh_until=NOW + 99 * HOUR)
    branch.sends(HTTPAnswer(status=503))
    begun_anew(branch, shelf)
    branch.pass_time(HOUR)

    assert branch.ask().der == TRY_LATER


def test_what_the_store_calls_fresh_is_asked_anew_after_the_refresh(
    branch: Branch, shelf: Table
) -> None:
    branch.ask()
    shelf.spoil(fresh_until=NOW + 48 * HOUR)
    begun_anew(branch, shelf)
    branch.ask()
    branch.says(REVOKED)
    branch.pass_time(UPSTREAM_REFRESH)

    assert status_of(branch.ask()) == REVOKED


@pytest.mark.rule("O29")
def test_what_was_believed_under_other_rules_is_judged_by_those_in_force(
    branch: Branch, shelf: Table
) -> None:
    _, with_sha1 = LIES["SHA-1 signature"]
    branch.policy = replace(branch.policy, allow_sha1=True)
    begun_anew(branch, shelf)
    branch.sends(HTTPAnswer(body=with_sha1(branch.forge).der))
    assert branch.ask().cause is Cause.ANSWERED
    branch.policy = replace(branch.policy, allow_sha1=False)
    begun_anew(branch, shelf)

    assert branch.ask().der == TRY_LATER


def test_a_revocation_that_is_known_is_not_undone_by_the_shelf(branch: Branch) -> None:
    branch.ask()
    branch.says(REVOKED)
    branch.ask(nonce=Nonce(bytes(32)))
    branch.says(this_update=NOW - HOUR)
    branch.pass_time(SECOND)

    reply = branch.ask()

    assert reply.der == TRY_LATER
    assert "takes back a revocation" in reply.detail


# --- what is stored -----------------------------------------------------------------------------


def test_what_strangers_can_make_up_without_end_is_not_stored(branch: Branch, shelf: Table) -> None:
    odd = AlgorithmIdentifier(branch.cert_id().hash_algorithm.oid, b"\x04\x02ab")
    branch.ask(branch.cert_id(1), branch.cert_id(2))
    branch.ask(extensions=Extensions.of(WISHES))
    branch.ask(replace(branch.cert_id(), hash_algorithm=odd))
    branch.ask(branch.cert_id(1 << 1100))
    branch.ask(nonce=Nonce(bytes(32)))
    branch.says(Unknown())
    branch.ask(branch.cert_id(3))
    branch.signs(branch.forge.but(cert_status=Good()), **{"Cache-Control": "no-store"})
    branch.ask(branch.cert_id(4))
    assert shelf.keys == []
    branch.says()
    branch.ask(branch.cert_id(5))

    assert [key.serial_number for key in shelf.keys] == [5]


def test_keys_are_apart_from_those_of_what_is_signed_here(branch: Branch, shelf: Table) -> None:
    branch.ask()
    other = CertID.of(branch.ca.certificate, SERIAL + 1)
    branch.ask(other)

    assert all(key.authority != authority_digest(branch.ca.certificate) for key in shelf.keys)
    assert len({key.authority for key in shelf.keys}) == 1
    assert len({key.variant for key in shelf.keys}) == 2


# --- a reload -----------------------------------------------------------------------------------


def test_a_reload_goes_on_with_what_is_kept_where_the_rules_are_the_same(branch: Branch) -> None:
    before = branch.proxy(branch.server.url)
    same = branch.proxy("http://127.0.0.1:1/")
    other_ca = branch.proxy("http://127.0.0.1:1/", issuers=[TinyCA("Other CA")])
    branch.policy = replace(branch.policy, allow_sha1=True)
    other = branch.proxy("http://127.0.0.1:1/")

    for one in (same, other, other_ca):
        one.take_over(before)

    assert same.keeping is before.keeping
    assert other.keeping is not before.keeping
    assert other_ca.keeping is not before.keeping
