"""Crowds that mean harm: stored answers are given beside them as if they were not there.

The clock and the turns are the test's, so nothing here is measured: ``bench/attacks.py`` does that.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable

import pytest

from certstatus.limits import MAX_TURN_DEBT
from certstatus.ocsp import CertID, Extensions, Nonce
from certstatus.pkix import HashAlgorithm
from certstatus.server.turns import Turns
from certstatus.testing import FixedClock, TinyCA
from tests.desk import NOW, cert_id, request
from tests.nearby import near_face
from tests.serving import Client, Served, in_loop, serving, until

_CROWD = 60
_FIELDS = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/ocsp-request\r\n"


def _post(der: bytes) -> bytes:
    return _FIELDS + b"Content-Length: %d\r\n\r\n%b" % (len(der), der)


_NONCE = request(extensions=Extensions.of(Nonce(bytes(32))))
_FOREIGN = CertID.of(TinyCA("Another CA").certificate, 1, HashAlgorithm.SHA1)
_ATTACKS = {
    "octet by octet": _post(_NONCE)[:1],
    "nonces": _post(_NONCE),
    "unknown issuers": _post(request(_FOREIGN)),
    "what nobody has signed yet": _post(request(cert_id(1 << 64))),
    "a hundred certificates": _post(request(*map(cert_id, range(1, 101)))),
    "malformed OCSP": _post(b"junk"),
    "malformed HTTP": b"junk\r\n\r\n",
    "a body without end": _FIELDS + b"Content-Length: 1000000000\r\n\r\n" + bytes(50_000),
    "tiny chunks": _FIELDS + b"Transfer-Encoding: chunked\r\n\r\n" + b"1\r\nx\r\n" * 5_000,
    "pipelines": _post(_NONCE) * 50,
    "HEAD": b"HEAD / HTTP/1.1\r\nHost: x\r\n\r\n",
}


class _Held:
    """A server whose turns come by hand, its share overdrawn."""

    def __init__(self, served: Served) -> None:
        self.served = served
        self.soon: list[Callable[[], None]] = []
        self.now = 0.0
        served.server.turns = Turns(self.soon.append, clock=lambda: self.now)
        served.server.turns.took(MAX_TURN_DEBT.total_seconds())

    @property
    def waiting(self) -> int:
        return self.served.server.turns.waiting

    def turn(self) -> None:
        """Let the event loop's turn come, a millisecond later."""
        self.now += 0.001
        ready, self.soon[:] = list(self.soon), []
        for one in ready:
            one()

    async def crowd(self, said: bytes) -> None:
        """Let many clients say it, until all of them wait."""
        for _ in range(_CROWD):
            client = await self.served.connect()
            client.writer.write(said)
        await until(lambda: self.waiting == _CROWD)


@contextlib.asynccontextmanager
async def _held() -> AsyncIterator[_Held]:
    face = await near_face(request())
    async with serving(face, clock=FixedClock(NOW)) as served:
        yield _Held(served)


async def _asks(client: Client, times: int) -> None:
    for _ in range(times):
        answer = await client.ask(_post(request()))
        assert (answer.status, "max-age" in answer.headers["cache-control"]) == (200, True)


@pytest.mark.parametrize("attack", _ATTACKS)
@in_loop
async def test_a_crowd_keeps_nobody_from_a_stored_answer(attack: str) -> None:
    async with _held() as held:
        client = await held.served.connect()
        await held.crowd(_ATTACKS[attack])
        await _asks(client, 50)
        assert held.served.server.turns.stored == 50
        assert held.waiting == _CROWD


@pytest.mark.parametrize("attack", _ATTACKS)
@in_loop
async def test_a_crowd_is_worked_off_when_there_is_time_again(attack: str) -> None:
    async with _held() as held:
        await held.crowd(_ATTACKS[attack])

        def is_done() -> bool:
            held.turn()
            return held.waiting == 0

        await until(is_done)
        client = await held.served.connect()
        await _asks(client, 1)


@in_loop
async def test_a_client_among_a_crowd_has_its_turn_as_everyone() -> None:
    async with _held() as held:
        await held.crowd(_ATTACKS["pipelines"])
        client = await held.served.connect()
        await client.say(_post(_NONCE))
        await until(lambda: held.waiting == _CROWD + 1)
        for _ in range(_CROWD + 1):
            held.served.server.turns.took(MAX_TURN_DEBT.total_seconds())
            held.served.server.turns._spent = 0.0  # a crowd's cost is not what is tested here
            held.now += 1e-9
            held.turn()
        assert (await client.answer()).status == 200
