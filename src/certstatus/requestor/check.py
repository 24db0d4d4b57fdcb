"""The requestor: asks for certificates' status and judges the answers, sync and async.

Both run one plan (``certstatus.requestor.checking``); the two drivers here do its I/O.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import (
    AsyncGenerator,
    AsyncIterator,
    Coroutine,
    Generator,
    Mapping,
    Sequence,
)
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, Final, TypeVar

from certstatus.clock import Clock, SystemClock
from certstatus.errors import UnreachableError
from certstatus.fetch import Door, Guard, HTTPAnswer, HTTPDoor, SharedDoor
from certstatus.limits import CHECK_CONCURRENCY
from certstatus.ocsp import OCSPRequest
from certstatus.pkix import Certificate
from certstatus.requestor.cache import ResponseCache
from certstatus.requestor.checking import Checking, Step
from certstatus.requestor.exact import ask_exactly
from certstatus.requestor.in_order import Several, in_order
from certstatus.requestor.plan import Asked, Event, Failed, Received, Wait
from certstatus.requestor.result import (
    DEFAULT_CHECK_POLICY,
    CheckPolicy,
    CheckResult,
    Inquiry,
)
from certstatus.verify import KnownSignatures

__all__ = ["Requestor"]

T = TypeVar("T")

NAMED: Final = Guard()
"""The guard for responders that the caller named."""


@dataclass(frozen=True, kw_only=True)
class Requestor:
    """Asks for the status of certificates (RFC 6960, RFC 9919). May be shared and kept.

    ``urls`` are responders to ask instead of those that AIA names; ``cache`` keeps
    responses for as long as they may be used, None keeps none; ``door`` fetches; ``clock``
    tells the time; ``headers`` are sent with every request; ``known`` remembers the
    signatures that held. No method raises for what a peer sends or fails to send.

    Whether the issuer itself is to be trusted is for path validation to say: ask first
    there, above all where the issuer was found at AIA, which the certificate's maker wrote.
    """

    urls: Sequence[str] = ()
    policy: CheckPolicy = DEFAULT_CHECK_POLICY
    cache: ResponseCache | None = None
    door: Door = field(default_factory=HTTPDoor)
    clock: Clock = field(default_factory=SystemClock)
    headers: Mapping[str, str] = field(default_factory=dict)
    known: KnownSignatures = field(default_factory=KnownSignatures, repr=False, compare=False)

    def check(
        self,
        certificate: Certificate,
        issuer: Certificate | None = None,
        *,
        chain: Sequence[Certificate] = (),
    ) -> CheckResult:
        """Check one certificate; without ``issuer``, it is searched in ``chain``, then at AIA."""
        return self.check_many((certificate,), issuer, chain=chain)[0]

    async def acheck(
        self,
        certificate: Certificate,
        issuer: Certificate | None = None,
        *,
        chain: Sequence[Certificate] = (),
    ) -> CheckResult:
        """As ``check``, without blocking the event loop."""
        return (await self.acheck_many((certificate,), issuer, chain=chain))[0]

    def check_many(
        self,
        certificates: Sequence[Certificate],
        issuer: Certificate | None = None,
        *,
        chain: Sequence[Certificate] = (),
    ) -> list[CheckResult]:
        """Check certificates of one issuer with one request; results in their order."""
        started = time.monotonic()
        return _timed(self._drive(self._checking.all(certificates, issuer, chain)), started)

    async def acheck_many(
        self,
        certificates: Sequence[Certificate],
        issuer: Certificate | None = None,
        *,
        chain: Sequence[Certificate] = (),
    ) -> list[CheckResult]:
        """As ``check_many``, without blocking the event loop."""
        started = time.monotonic()
        steps = self._checking.all(certificates, issuer, chain)
        return _timed(await self._adrive(steps), started)

    async def acheck_each(
        self, inquiries: Several[Inquiry], *, concurrency: int = CHECK_CONCURRENCY
    ) -> AsyncGenerator[CheckResult, None]:
        """Check any number of certificates of any issuers; yield the results in their order.

        ``concurrency`` are under way at once, each with a request of its own; a slow one
        holds up no other. What is asked twice at the same time is fetched once.

        Raises:
            ValueError: ``concurrency`` is not from 1 to ``MAX_CHECK_CONCURRENCY``.
        """
        async with self.sharing() as shared:

            def check(one: Inquiry) -> Coroutine[Any, Any, CheckResult]:
                return shared.acheck(one.certificate, one.issuer, chain=one.chain)

            async with aclosing(in_order(inquiries, check, concurrency=concurrency)) as results:
                async for result in results:
                    yield result

    @asynccontextmanager
    async def sharing(self) -> AsyncIterator[Requestor]:
        """Give a requestor that, in this event loop, fetches once what is asked twice at once."""
        door = SharedDoor(self.door)
        try:
            yield replace(self, door=door)
        finally:
            await door.aclose()

    async def aask(self, serial_number: int, issuer: Certificate) -> Asked:
        """Ask ``urls`` about a serial number, where no certificate is at hand; cache nothing."""
        return await self._adrive(self._checking.serial(serial_number, issuer))

    async def aask_with(
        self, request: OCSPRequest, issuers: Sequence[Certificate], *, guard: Guard = NAMED
    ) -> Asked:
        """Ask ``urls`` with this very request, to hand the answer on; cache nothing.

        ``issuers`` are those of its certificates, in their order. A report holds only where
        the answer may be given to whoever sent the request.
        """
        return await self._adrive(ask_exactly(self._checking, request, issuers, guard))

    def find_issuer(
        self, certificate: Certificate, *, chain: Sequence[Certificate] = ()
    ) -> Certificate | None:
        """Find the issuer in ``chain``, else at AIA's caIssuers; None: it is nowhere (C14)."""
        return self._drive(self._checking.issuer(certificate, chain))[0]

    async def afind_issuer(
        self, certificate: Certificate, *, chain: Sequence[Certificate] = ()
    ) -> Certificate | None:
        """As ``find_issuer``, without blocking the event loop."""
        return (await self._adrive(self._checking.issuer(certificate, chain)))[0]

    @property
    def _checking(self) -> Checking:
        return Checking(
            urls=self.urls,
            policy=self.policy,
            cache=self.cache,
            clock=self.clock,
            headers=self.headers,
            known=self.known,
        )

    def _drive(self, steps: Generator[Step, Event, T]) -> T:
        event: Event = None
        try:
            while True:
                step = steps.send(event)
                if isinstance(step, Wait):
                    time.sleep(step.length.total_seconds())
                    event = None
                    continue
                try:
                    event = _received(self.door.fetch(step))
                except UnreachableError as error:
                    event = _failed(error)
        except StopIteration as stop:
            result: T = stop.value
            return result

    async def _adrive(self, steps: Generator[Step, Event, T]) -> T:
        event: Event = None
        try:
            while True:
                step = steps.send(event)
                if isinstance(step, Wait):
                    await asyncio.sleep(step.length.total_seconds())
                    event = None
                    continue
                try:
                    event = _received(await self.door.afetch(step))
                except UnreachableError as error:
                    event = _failed(error)
        except StopIteration as stop:
            result: T = stop.value
            return result


def _received(answer: HTTPAnswer) -> Received:
    return Received(status=answer.status, headers=answer.headers, body=answer.body)


def _failed(error: UnreachableError) -> Failed:
    (attempt,) = error.attempts
    return Failed(attempt.reason, attempt.is_lasting)


def _timed(results: list[CheckResult], started: float) -> list[CheckResult]:
    elapsed = timedelta(seconds=time.monotonic() - started)
    return [replace(result, elapsed=elapsed) for result in results]
