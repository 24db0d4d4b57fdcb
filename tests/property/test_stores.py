"""No order of asking, revoking, writing late, and clocks makes a revoked certificate good."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)

from certstatus.ocsp import CertID, Good, Revoked
from certstatus.pkix import CRLReason
from certstatus.responder import Responder
from certstatus.sources import Known
from certstatus.stores import MemoryStore, StoredResponse, StoreKey
from tests.desk import NOW, authority, cert_id, request, respond, signers, single

SERIALS = st.integers(1, 2)
NODES = st.integers(0, 2)
BY = signers()[:1]


class LateShelf:
    """A node's way to the store that all share; what it puts in arrives when it is let through."""

    def __init__(self, store: MemoryStore, late: list[tuple[StoreKey, bytes]]) -> None:
        self.store = store
        self.late = late

    async def get(self, key: StoreKey) -> StoredResponse | None:
        return await self.store.get(key)

    version = 0

    def at_hand(self, encoded_key: bytes) -> bytes | None:
        return None

    def offer(self, key: StoreKey, response: StoredResponse) -> None:
        self.late.append((key, response.encode(key)))


class Nodes(RuleBasedStateMachine):
    """Three nodes with clocks of their own, one database, one store."""

    @initialize(skews=st.tuples(*[st.integers(-400, 400)] * 3))
    def begin(self, skews: tuple[int, int, int]) -> None:
        self.now = NOW
        self.skews = [timedelta(seconds=one) for one in skews]
        self.books: dict[int, Good | Revoked] = {1: Good(), 2: Good()}
        self.store = MemoryStore()
        self.late: list[tuple[StoreKey, bytes]] = []
        self.nodes = [self.new_node() for _ in range(3)]

    def new_node(self) -> Responder:
        def look_up(asked: CertID, now: datetime) -> Known:
            status = self.books[asked.serial_number]
            return Known(cert_status=status, this_update=now, origin="books")

        shelf = LateShelf(self.store, self.late)
        return Responder([authority(look_up, by=BY)], shelf=shelf)

    @rule(node=NODES, serial_number=SERIALS)
    def ask(self, node: int, serial_number: int) -> None:
        now = self.now + self.skews[node]
        reply = respond(self.nodes[node], request(cert_id(serial_number)), now=now)

        assert single(reply).cert_status == self.books[serial_number]
        assert reply.produced_at is not None
        assert reply.next_update is not None
        assert reply.produced_at <= now < reply.next_update

    @rule(serial_number=SERIALS)
    def revoke(self, serial_number: int) -> None:
        self.books[serial_number] = Revoked(self.now, CRLReason.SUPERSEDED)

    @rule(serial_number=SERIALS)
    def hold(self, serial_number: int) -> None:
        if isinstance(self.books[serial_number], Good):
            self.books[serial_number] = Revoked(self.now, CRLReason.CERTIFICATE_HOLD)

    @rule(serial_number=SERIALS)
    def release(self, serial_number: int) -> None:
        status = self.books[serial_number]
        if isinstance(status, Revoked) and status.reason is CRLReason.CERTIFICATE_HOLD:
            self.books[serial_number] = Good()

    @precondition(lambda self: self.late)
    @rule(data=st.data())
    def let_through(self, data: st.DataObject) -> None:
        """Have any of the late answers arrive, again and again if it comes to that."""
        key, entry = data.draw(st.sampled_from(self.late))
        before = asyncio.run(self.store.get(key))
        asyncio.run(self.store.put([(key, StoredResponse.decode(entry, key))]))
        after = asyncio.run(self.store.get(key))

        assert after is not None
        assert before is None or after.this_update >= before.this_update

    @rule(node=NODES)
    def restart(self, node: int) -> None:
        self.nodes[node] = self.new_node()

    @rule(node=NODES, seconds=st.integers(-3600, 3600))
    def set_clock(self, node: int, seconds: int) -> None:
        self.skews[node] = timedelta(seconds=seconds)

    @rule(seconds=st.sampled_from([1, 60, 301, 3600, 86_400]))
    def pass_time(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)


@pytest.mark.rule("O12", "O19")
def test_what_the_database_says_is_what_every_node_answers() -> None:
    steps = settings(max_examples=40, stateful_step_count=30, deadline=None)
    run_state_machine_as_test(Nodes, settings=steps)
