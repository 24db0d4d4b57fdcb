"""The network to PostgreSQL goes silent or is cut: tryLater in time, the truth afterwards."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from certstatus.ocsp import CertID, Good, OCSPResponseStatus, Revoked, encode_request
from certstatus.responder import Authority, AuthorityPolicy, Reply, Responder
from certstatus.signing import make_signers
from certstatus.sources import CertificateRecord, DatabaseSource, Issuer, StatusDatabase
from certstatus.sources.database import postgresql as engine
from certstatus.sources.database.ledger import Change
from certstatus.testing import TinyCA
from tests.desk import single
from tests.network import Network
from tests.postgresql import PostgreSQL
from tests.survival.conftest import Books

ANSWER_TIME = timedelta(milliseconds=100)
"""In place of ``DATABASE_ANSWER_TIME``, so that a round takes as long."""

SLACK = 1.0
"""Seconds that a busy machine may add."""

NOW = datetime.now(UTC).replace(microsecond=0)
LATER = timedelta(seconds=2)
"""Past any pause that a failing database is left alone for."""


class Node:
    """A responder whose database is at the other end of the network, and the hand of a CA."""

    def __init__(
        self, ca: TinyCA, far: StatusDatabase, near: StatusDatabase, issuer: Issuer
    ) -> None:
        self._ca = ca
        self._near = near
        self._issuer = issuer
        delegate = ca.issue_responder(not_after=NOW + timedelta(days=30))
        self.responder = Responder(
            [
                Authority(
                    name="surviving",
                    issuer=ca.certificate,
                    source=DatabaseSource(far, ca.certificate),
                    signers=make_signers(delegate.key, delegate.certificate, issuer=ca.certificate),
                    policy=AuthorityPolicy(validity=timedelta(days=1)),
                )
            ]
        )
        self.now = NOW

    def revoke(self, serial_number: int) -> None:
        """Revoke where the network is no matter; it is committed at the return."""
        self._near.revoke(self._issuer, serial_number, actor="ca", now=self.now)

    async def ask(self, serial_number: int) -> Reply:
        der = encode_request([CertID.of(self._ca.certificate, serial_number)])
        return await self.responder.respond(der, self.now)

    def said(self, reply: Reply) -> type[Good | Revoked]:
        status = single(reply).cert_status
        assert isinstance(status, Good | Revoked)
        return type(status)


@pytest.fixture
def network(postgresql: PostgreSQL) -> Iterator[Network]:
    with Network(postgresql.port) as network:
        yield network


def is_try_later(reply: Reply) -> bool:
    return reply.response_status is OCSPResponseStatus.TRY_LATER


@pytest.fixture
def node(
    on_postgresql: Books, postgresql: PostgreSQL, network: Network, ca: TinyCA, rounds: int
) -> Iterator[Node]:
    """A responder beyond the network; the CA has issued as many certificates as there are rounds."""
    there = on_postgresql.location.replace(f":{postgresql.port}/", f":{network.port}/")
    with StatusDatabase(on_postgresql.location) as near:
        issuer = near.add_issuer(ca.certificate, actor="ca", now=NOW)
        with near.change(actor="ca", now=NOW) as ledger:
            ledger.write([issued(issuer, serial) for serial in range(1, rounds + 1)])
        with StatusDatabase(there) as far:
            yield Node(ca, far, near, issuer)


def issued(issuer: Issuer, serial: int) -> Change:
    record = CertificateRecord(issuer_id=issuer.id, serial_number=serial)
    return Change(action="add", before=None, after=record)


@pytest.mark.rule("O11")
def test_a_partition_brings_try_later_in_time_and_the_truth_when_it_is_over(
    node: Node, network: Network, rounds: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every other round a certificate is revoked meanwhile: never good from then on."""
    monkeypatch.setattr(engine, "DATABASE_ANSWER_TIME", ANSWER_TIME)
    # One connection, made before: to connect in the silence takes libpq two seconds.
    monkeypatch.setattr(engine, "MAX_DATABASE_LOOKUPS", 1)
    asyncio.run(_rounds(node, network, rounds))


async def _rounds(node: Node, network: Network, rounds: int) -> None:
    revoked: set[int] = set()
    for number in range(rounds):
        serial = number + 1
        assert node.said(await node.ask(serial)) is Good
        partition = network.silent if number % 4 < 2 else network.cut
        with partition():
            if number % 2:
                node.revoke(serial)
                revoked.add(serial)
            began = time.monotonic()
            # The first waits for what does not come; after it nobody waits, for a while.
            replies = [await node.ask(one) for one in (serial, serial, 1)]
            took = time.monotonic() - began
        assert all(map(is_try_later, replies)), (number, [one.response_status for one in replies])
        assert took < ANSWER_TIME.total_seconds() + SLACK
        node.now += LATER
        assert node.said(await node.ask(serial)) is (Revoked if serial in revoked else Good)
    for serial in revoked:
        assert node.said(await node.ask(serial)) is Revoked
