"""Threads that sign in a token: as many as sessions, and the same thing once at a time."""

from __future__ import annotations

import threading
from concurrent.futures import wait

import pytest

from certstatus.errors import SignerError
from certstatus.limits import MAX_TOKEN_SESSIONS
from certstatus.signing.pkcs11_pool import SigningPool

SECONDS = 10


def test_what_is_asked_for_twice_at_once_is_signed_once_and_later_again() -> None:
    pool, go, signed = SigningPool(), threading.Event(), []

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


def test_no_more_sign_at_once_than_there_are_sessions() -> None:
    pool, lock, go = SigningPool(), threading.Lock(), threading.Event()
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


def test_one_that_fails_is_no_answer_for_the_next() -> None:
    pool = SigningPool()

    def fail() -> bytes:
        raise SignerError("away")

    with pytest.raises(SignerError, match="away"):
        pool.submit("same", fail).result(SECONDS)
    assert pool.submit("same", lambda: b"back").result(SECONDS) == b"back"
