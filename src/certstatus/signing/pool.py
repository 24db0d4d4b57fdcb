"""Threads that sign with keys that take their time, so that whoever waits holds up nobody else.

That is keys in a token, and local ones of a slow kind: the cryptography package lets go of
the interpreter while it signs, so a worker answers on meanwhile, and two threads sign twice
as much as one.
"""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from certstatus.errors import OverloadError
from certstatus.limits_signers import MAX_WAITING_SIGNATURES, SIGNING_NICENESS
from certstatus.signing.base import OuterSigner, Signer
from certstatus.signing.local import LocalSigner, SigningKey

__all__ = ["PooledSigner", "SigningPool", "pooled"]


class SigningPool:
    """Threads, and what they are at. Any thread may use it."""

    def __init__(self, threads: int, name: str) -> None:
        """No thread is started before the first signature is asked for."""
        self._threads = ThreadPoolExecutor(threads, name, initializer=_give_way)
        self._lock = threading.Lock()
        self._under_way: dict[Hashable, Future[bytes]] = {}

    async def signature(self, what: Hashable, sign: Callable[[], bytes]) -> bytes:
        """Wait for a signature. Who stops waiting takes it from nobody else.

        Raises:
            OverloadError: ``MAX_WAITING_SIGNATURES`` are waited for already.
            ConfigError, SignerError: as ``sign``.
        """
        return await asyncio.shield(asyncio.wrap_future(self.submit(what, sign)))

    def submit(self, what: Hashable, sign: Callable[[], bytes]) -> Future[bytes]:
        """Begin a signature, unless ``what`` is being signed already: then that one serves.

        Raises:
            OverloadError: as ``signature``.
        """
        with self._lock:
            known = self._under_way.get(what)
            if known is not None:
                return known
            if len(self._under_way) >= MAX_WAITING_SIGNATURES:
                raise OverloadError(f"{MAX_WAITING_SIGNATURES} signatures are waited for already")
            future = self._threads.submit(sign)
            self._under_way[what] = future
        future.add_done_callback(lambda _: self._forget(what))
        return future

    def close(self) -> None:
        """Wait for what is under way, and end the threads. Nothing is begun after that."""
        self._threads.shutdown()

    def _forget(self, what: Hashable) -> None:
        with self._lock:
            del self._under_way[what]


def _give_way() -> None:
    """Let the event loop go first on a core that both want: most of its answers need no signature."""
    if sys.platform == "linux":  # elsewhere a thread has no niceness of its own
        os.nice(SIGNING_NICENESS)


@dataclass(frozen=True, slots=True)
class PooledSigner(OuterSigner):
    """A signer in this process whose signatures are made in a pool's threads and waited for."""

    pool: SigningPool

    @property
    def is_waited_for(self) -> bool:
        """Always."""
        return True

    def sign(self, tbs: bytes) -> bytes:
        """Sign DER here and now. Raises SignerError as the inner signer does."""
        return self.inner.sign(tbs)

    async def asign(self, tbs: bytes) -> bytes:
        """Sign DER in another thread; the same DER at the same time once.

        Raises:
            OverloadError, SignerError: as ``SigningPool.signature``.
        """
        # The call holds this signer, so nobody else gets its id meanwhile.
        return await self.pool.signature((id(self), tbs), partial(self.sign, tbs))


def pooled(signers: Sequence[Signer], pool: SigningPool) -> tuple[Signer, ...]:
    """Let those sign in the pool whose key is here and slow; all others stay as they are."""
    return tuple(
        PooledSigner(one, pool) if isinstance(one, LocalSigner) and _is_slow(one.key) else one
        for one in signers
    )


def _is_slow(key: SigningKey) -> bool:
    """Whether a signature takes longer than handing it to a thread and back does, by far.

    P-256 and Ed25519 take 20 to 35 microseconds, all others 180 to 1500.
    """
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return not isinstance(key.curve, ec.SECP256R1)
    return not isinstance(key, ed25519.Ed25519PrivateKey)
