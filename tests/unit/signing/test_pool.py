"""Threads that sign: no more than allowed, the same thing once at a time, and none stays."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Iterator
from concurrent.futures import wait
from dataclasses import dataclass, field

import pytest

from certstatus.errors import OverloadError, SignerError
from certstatus.limits_signers import MAX_TOKEN_SESSIONS, MAX_WAITING_SIGNATURES, SIGNING_NICENESS
from certstatus.pkix import signature_problem
from certstatus.responder import Cause, Refusal, Responder
from certstatus.signing import (
    KEY_KINDS,
    LocalSigner,
    generate_key,
    is_waited_for,
    make_signers,
    signature_by,
)
from certstatus.signing.pool import PooledSigner, SigningPool, pooled
from certstatus.testing import TinyCA
from tests.desk import NOW, authority, cert_id, request, signers
from tests.unit.responder.test_answer import FarSigner

SECONDS = 10
NAME = "certstatus-signing-test"


@pytest.fixture
def pool() -> Iterator[SigningPool]:
    """Lend a pool; afterwards none of its threads may be left."""
    made = SigningPool(MAX_TOKEN_SESSIONS, NAME)
    yield made
    made.close()
    assert not threads()


def threads() -> list[str]:
    return [one.name for one in threading.enumerate() if one.name.startswith(NAME)]


def test_what_is_asked_for_twice_at_once_is_signed_once_and_later_again(pool: SigningPool) -> None:
    go, signed = threading.Event(), []

    def sign() -> bytes:
        assert go.wait(SECONDS)
        signed.append("x")
        return b"signature"

    first, second = pool.submit("same", sign), pool.submit("same", sign)
    go.set()

    assert first is second
    assert first.result(SECONDS) == b"signature"
    assert pool.submit("same", sign).result(SECONDS) == b"signature"
    assert len(signed) == 2


def test_no_more_sign_at_once_than_there_are_threads(pool: SigningPool) -> None:
    lock, go = threading.Lock(), threading.Event()
    all_are_in = threading.Barrier(MAX_TOKEN_SESSIONS + 1)
    most, now = 0, 0

    def sign() -> bytes:
        nonlocal most, now
        with lock:
            now += 1
            most = max(most, now)
        if not go.is_set():
            all_are_in.wait(SECONDS)
            assert go.wait(SECONDS)
        with lock:
            now -= 1
        return b""

    futures = [pool.submit(number, sign) for number in range(3 * MAX_TOKEN_SESSIONS)]
    all_are_in.wait(SECONDS)
    go.set()
    done, _ = wait(futures, SECONDS)

    assert len(done) == len(futures)
    assert most == MAX_TOKEN_SESSIONS


def test_one_that_fails_is_no_answer_for_the_next(pool: SigningPool) -> None:
    def fail() -> bytes:
        raise SignerError("away")

    with pytest.raises(SignerError, match="away"):
        pool.submit("same", fail).result(SECONDS)
    assert pool.submit("same", lambda: b"back").result(SECONDS) == b"back"


def test_signing_threads_give_way_to_others(pool: SigningPool) -> None:
    def niceness() -> int:
        return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())

    before = niceness()
    found = pool.submit("niceness", lambda: bytes([niceness()])).result(SECONDS)

    assert found[0] == min(before + SIGNING_NICENESS, 19)
    assert niceness() == before


def test_past_a_bound_nobody_waits_any_more(pool: SigningPool) -> None:
    go = threading.Event()

    def sign() -> bytes:
        assert go.wait(SECONDS)
        return b"signature"

    futures = [pool.submit(number, sign) for number in range(MAX_WAITING_SIGNATURES)]

    with pytest.raises(OverloadError, match="waited for already"):
        pool.submit("one more", sign)
    assert pool.submit(0, sign) is futures[0]
    go.set()
    done, _ = wait(futures, SECONDS)
    assert len(done) == MAX_WAITING_SIGNATURES
    assert pool.submit("one more", sign).result(SECONDS) == b"signature"


def test_who_stops_waiting_takes_the_signature_from_nobody_else(pool: SigningPool) -> None:
    go = threading.Event()

    def sign() -> bytes:
        assert go.wait(SECONDS)
        return b"signature"

    async def ask() -> bytes:
        impatient = asyncio.create_task(pool.signature("same", sign))
        patient = asyncio.create_task(pool.signature("same", sign))
        await asyncio.sleep(0)
        impatient.cancel()
        with pytest.raises(asyncio.CancelledError):
            await impatient
        go.set()
        return await asyncio.wait_for(patient, SECONDS)

    assert asyncio.run(ask()) == b"signature"


# --- signers ---------------------------------------------------------------------------------

CA = TinyCA("Pooled CA")
QUICK = {"p256", "ed25519"}


def signer_of(kind: str) -> LocalSigner:
    issued = CA.issue_responder(key=generate_key(kind))
    return make_signers(issued.key, issued.certificate, issuer=CA.certificate)[0]


@pytest.mark.parametrize("kind", KEY_KINDS)
def test_slow_keys_sign_in_threads_and_quick_ones_do_not(pool: SigningPool, kind: str) -> None:
    local = signer_of(kind)
    (signer,) = pooled([local], pool)

    signature = asyncio.run(signature_by(signer, b"tbs"))

    assert (
        signature_problem(local.algorithm, local.certificate.public_key, signature, b"tbs") is None
    )
    assert is_waited_for(signer) is (kind not in QUICK)
    assert bool(threads()) is (kind not in QUICK)


def test_a_key_far_away_is_left_to_itself(pool: SigningPool) -> None:
    far = FarSigner()

    assert pooled([far], pool) == (far,)
    assert is_waited_for(far)


def test_where_nobody_waits_a_pooled_signer_signs_here_and_now(pool: SigningPool) -> None:
    (signer,) = pooled([signer_of("p384")], pool)

    assert signer.sign(b"tbs")
    assert threads() == []


@dataclass(frozen=True, kw_only=True)
class Stuck(LocalSigner):
    """A signer that signs when it may."""

    go: threading.Event = field(default_factory=threading.Event)

    def sign(self, tbs: bytes) -> bytes:
        assert self.go.wait(SECONDS)
        return super().sign(tbs)


def stuck() -> Stuck:
    (one, *_) = signers()
    return Stuck(certificate=one.certificate, certs=one.certs, algorithm=one.algorithm, key=one.key)


def test_while_a_slow_key_signs_others_are_answered(pool: SigningPool) -> None:
    slow, other = stuck(), TinyCA("Quick CA")
    quick = signers(other.issue_responder(), other)
    desk = Responder([authority(by=[PooledSigner(slow, pool)]), authority(ca=other, by=quick)])

    async def ask() -> list[Cause]:
        waiting = asyncio.create_task(desk.respond(request(), NOW))
        await asyncio.sleep(0)
        meanwhile = await desk.respond(request(cert_id(ca=other)), NOW)
        assert not waiting.done()
        slow.go.set()
        return [meanwhile.cause, (await asyncio.wait_for(waiting, SECONDS)).cause]

    assert asyncio.run(ask()) == [Cause.ANSWERED] * 2


def test_past_the_bound_the_answer_is_try_later_and_told_as_overload(pool: SigningPool) -> None:
    slow, heard = stuck(), list[Refusal]()
    desk = Responder([authority(by=[PooledSigner(slow, pool)])], observe=heard.append)

    async def ask() -> list[Cause]:
        asking = [
            asyncio.create_task(desk.respond(request(cert_id(number)), NOW))
            for number in range(1, MAX_WAITING_SIGNATURES + 3)
        ]
        done, _ = await asyncio.wait(asking, return_when=asyncio.FIRST_COMPLETED, timeout=SECONDS)
        refused = {one.result().cause for one in done}
        slow.go.set()
        replies = await asyncio.wait_for(asyncio.gather(*asking), SECONDS)
        assert refused == {Cause.OVERLOAD}
        return [one.cause for one in replies]

    causes = asyncio.run(ask())

    assert causes.count(Cause.OVERLOAD) == 2
    assert causes.count(Cause.ANSWERED) == MAX_WAITING_SIGNATURES
    assert [one.cause.response_status.label for one in heard] == ["tryLater"] * 2
