"""The probe: shakes hands with TLS servers, and tells what they staple.

Judgments are made in ``certstatus.tls.probed``; here is what they need from the network.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    AsyncIterator,
    Callable,
    Coroutine,
    Iterable,
    Sequence,
)
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, Final

from certstatus.clock import Clock, SystemClock
from certstatus.errors import CertStatusError
from certstatus.handshake import TLS12, TLS13, CertificateStatusRequest
from certstatus.limits_tls import MAX_PROBE_CONCURRENCY, PROBE_CONCURRENCY, PROBE_TIME
from certstatus.ocsp import CertStatus
from certstatus.pkix import Certificate
from certstatus.requestor import CheckPolicy, Requestor
from certstatus.tls.host import Host, look_up, unreachable
from certstatus.tls.observe import USUAL_REQUEST, Observation, Observer
from certstatus.tls.peer import DEFAULT_STATUS_POLICY, StapleReport, StatusPolicy
from certstatus.tls.probed import (
    Comparison,
    HandshakeResult,
    ProbeResult,
    compare,
    judge_handshake,
)
from certstatus.tls.starttls import StartTLS

__all__ = ["ProbeOptions", "ProbeResult", "Prober", "probe", "probe_many"]


@dataclass(frozen=True, kw_only=True)
class ProbeOptions:
    """How to probe.

    ``versions`` are tried one beside the other. ``server_name`` is asked for instead of the
    host's own name, ``connect_to`` connected to instead of it. ``anchors`` are trusted
    instead of the system's certificates. ``uses_v2`` shakes hands once more, asking by
    status_request_v2, which needs the extra ``tls``; ``is_compared`` asks responders, too.
    """

    versions: tuple[int, ...] = (TLS12, TLS13)
    server_name: str | None = None
    starttls: StartTLS | None = None
    connect_to: Host | None = None
    request: CertificateStatusRequest = USUAL_REQUEST
    uses_v2: bool = False
    anchors: tuple[Certificate, ...] = ()
    policy: StatusPolicy = DEFAULT_STATUS_POLICY
    is_compared: bool = True
    time_limit: timedelta = PROBE_TIME


DEFAULT_OPTIONS: Final = ProbeOptions()


async def probe(
    host: Host,
    options: ProbeOptions = DEFAULT_OPTIONS,
    *,
    requestor: Requestor | None = None,
    clock: Clock | None = None,
) -> ProbeResult:
    """Probe one host; what goes wrong there is told in the result.

    Args:
        host: whom to probe.
        options: how.
        requestor: asks responders and fetches issuers; one of its own where None.
        clock: tells the time.

    Raises:
        PlatformError: this interpreter's libssl can't ask for a status.
    """
    return await Prober(options, requestor=requestor, clock=clock).probe(host)


async def probe_many(
    hosts: Iterable[Host] | AsyncIterable[Host],
    options: ProbeOptions = DEFAULT_OPTIONS,
    *,
    concurrency: int = PROBE_CONCURRENCY,
    requestor: Requestor | None = None,
    clock: Clock | None = None,
) -> AsyncGenerator[ProbeResult, None]:
    """Probe hosts, ``concurrency`` at once, and yield each result as soon as it is there.

    Hosts are drawn one by one as others end, and no result is kept: a list may be as long
    as it likes.

    Raises:
        PlatformError: this interpreter's libssl can't ask for a status.
        ValueError: ``concurrency`` is not from 1 to ``MAX_PROBE_CONCURRENCY``.
    """
    if not 1 <= concurrency <= MAX_PROBE_CONCURRENCY:
        raise ValueError(f"concurrency must be from 1 to {MAX_PROBE_CONCURRENCY}")
    prober = Prober(options, requestor=requestor, clock=clock)
    left = aiter(hosts) if isinstance(hosts, AsyncIterable) else _drawn(hosts)
    drawing: asyncio.Task[Host | None] | None = asyncio.create_task(_next(left))
    running: set[asyncio.Task[ProbeResult]] = set()
    try:
        while running or drawing is not None:
            awaited: set[asyncio.Task[Any]] = {*running}
            if drawing is not None and len(running) < concurrency:
                awaited.add(drawing)
            done, _ = await asyncio.wait(awaited, return_when=asyncio.FIRST_COMPLETED)
            if drawing is not None and drawing in done:
                host = drawing.result()
                drawing = None if host is None else asyncio.create_task(_next(left))
                running |= set() if host is None else {asyncio.create_task(prober.probe(host))}
            for task in running & done:
                running.remove(task)
                yield task.result()
    finally:
        await _cancel([*running, *([] if drawing is None else [drawing])])


async def _drawn(hosts: Iterable[Host]) -> AsyncIterator[Host]:
    for host in hosts:
        yield host


async def _next(hosts: AsyncIterator[Host]) -> Host | None:
    return await anext(hosts, None)


async def _cancel(tasks: Sequence[asyncio.Task[Any]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


@dataclass(frozen=True)
class _Known:
    """What was fetched beside the handshakes: issuers, and the status of delegates by DER."""

    issuers: tuple[Certificate, ...] = ()
    delegates: dict[bytes, CertStatus] = field(default_factory=dict)


class Prober:
    """Probes hosts in one way, with one requestor.

    Raises:
        PlatformError: this interpreter's libssl can't ask for a status.
        ModuleNotFoundError: ``uses_v2`` without the extra ``tls``.
    """

    def __init__(
        self,
        options: ProbeOptions = DEFAULT_OPTIONS,
        *,
        requestor: Requestor | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._options = options
        self._clock = clock or SystemClock()
        self._requestor = requestor or Requestor(
            policy=CheckPolicy(verify=options.policy.verify), clock=self._clock
        )
        self._observer = Observer(request=options.request, anchors=options.anchors)
        self._wire = _wire_observer(is_needed=options.uses_v2)

    async def probe(self, host: Host) -> ProbeResult:
        """Probe one host; what goes wrong there is told in the result."""
        started, now = time.monotonic(), self._clock.now()
        handshakes: tuple[HandshakeResult, ...] = ()
        comparisons: tuple[Comparison, ...] = ()
        failure: CertStatusError | None = None
        try:
            observations = await self._observe(host)
        except CertStatusError as error:
            failure = error
        else:
            handshakes = await self._judge(host, observations)
            if self._options.is_compared:
                comparisons = await self._compare(handshakes)
        return ProbeResult(
            host=host,
            server_name=self._server_name(host),
            starttls=self._options.starttls,
            handshakes=handshakes,
            comparisons=comparisons,
            failure=failure,
            probed_at=now,
            elapsed=timedelta(seconds=time.monotonic() - started),
        )

    def _server_name(self, host: Host) -> str:
        return self._options.server_name or host.name

    # --- shaking hands ------------------------------------------------------------------------

    async def _observe(self, host: Host) -> Sequence[Observation]:
        options = self._options
        place = options.connect_to or host
        try:
            async with asyncio.timeout(options.time_limit.total_seconds()):
                addresses = await look_up(place)
        except TimeoutError as error:
            raise unreachable(place, "the name was not found in time") from error
        observing = [self._observe_one(host, addresses, version) for version in options.versions]
        if options.uses_v2:
            observing.append(self._by_wire(host, addresses, TLS12, is_v2=True))
        return await asyncio.gather(*observing)

    async def _observe_one(self, host: Host, addresses: Sequence[str], version: int) -> Observation:
        """Shake hands by OpenSSL; what it refuses unread, our own engine reads, where installed."""
        options = self._options
        seen = await self._observer.observe(
            options.connect_to or host,
            addresses,
            version=version,
            server_name=self._server_name(host),
            starttls=options.starttls,
            time_limit=options.time_limit,
        )
        flight = seen.flight
        if self._wire is None or seen.is_complete or flight is None or not flight.server_hello:
            return seen
        more = (await self._by_wire(host, addresses, version, is_v2=False)).flight
        is_more = more is not None and len(more.messages) > len(flight.messages)
        return replace(seen, flight=more) if is_more else seen

    def _by_wire(
        self, host: Host, addresses: Sequence[str], version: int, *, is_v2: bool
    ) -> Coroutine[Any, Any, Observation]:
        assert self._wire is not None
        options = self._options
        return self._wire(
            options.connect_to or host,
            addresses,
            server_name=self._server_name(host),
            version=version,
            is_v2=is_v2,
            request=options.request,
            starttls=options.starttls,
            time_limit=options.time_limit,
        )

    # --- judging, and fetching what that needs ---------------------------------------------------

    async def _judge(
        self, host: Host, observations: Sequence[Observation]
    ) -> tuple[HandshakeResult, ...]:
        """Judge; where an issuer or a delegate's status is missing, fetch it and judge anew."""
        known = _Known()
        judged = self._judge_with(host, observations, known)
        issuers = [await self._issuer(one) for one in _without_issuer(judged)]
        if any(issuers):
            known = _Known(tuple(one for one in issuers if one is not None))
            judged = self._judge_with(host, observations, known)
        for delegate, issuer in _pending(judged):
            result = await self._requestor.acheck(delegate, issuer)
            if result.report is not None and result.report.verified is not None:
                known.delegates[delegate.der] = result.report.verified.cert_status
        return self._judge_with(host, observations, known) if known.delegates else judged

    def _judge_with(
        self, host: Host, observations: Sequence[Observation], known: _Known
    ) -> tuple[HandshakeResult, ...]:
        options, now = self._options, self._clock.now()
        return tuple(
            judge_handshake(
                observation,
                now=now,
                policy=options.policy,
                server_name=self._server_name(host),
                anchors=(*known.issuers, *options.anchors),
                delegate_status=lambda delegate: known.delegates.get(delegate.der),
                known=self._requestor.known,
            )
            for observation in observations
        )

    async def _issuer(self, status: StapleReport) -> Certificate | None:
        return await self._requestor.afind_issuer(status.certificate)

    # --- asking the responder ---------------------------------------------------------------------

    async def _compare(self, handshakes: Sequence[HandshakeResult]) -> tuple[Comparison, ...]:
        """Ask about the server's own certificates, and about every other that has a staple."""
        asked: dict[bytes, tuple[HandshakeResult, list[StapleReport]]] = {}
        for handshake in handshakes:
            for place, status in enumerate(handshake.statuses):
                if place == 0 or status.report is not None:
                    _, statuses = asked.setdefault(status.certificate.der, (handshake, []))
                    statuses.append(status)
        return tuple(await asyncio.gather(*(self._compare_one(*one) for one in asked.values())))

    async def _compare_one(
        self, handshake: HandshakeResult, statuses: Sequence[StapleReport]
    ) -> Comparison:
        certificate = statuses[0].certificate
        direct = await self._requestor.acheck(certificate, chain=handshake.issuers)
        reports = [one.report for one in statuses if one.report is not None]
        return compare(certificate, reports, direct)


def _wire_observer(*, is_needed: bool) -> Callable[..., Coroutine[Any, Any, Observation]] | None:
    """Return our own engine's observer; None where the extra ``tls`` is not installed."""
    try:
        from certstatus.tls.observe_wire import observe_by_wire  # noqa: PLC0415 - needs an extra
    except ModuleNotFoundError:
        if is_needed:
            raise
        return None
    return observe_by_wire


def _without_issuer(handshakes: Iterable[HandshakeResult]) -> list[StapleReport]:
    """Return each certificate, once, that was stapled to and whose issuer is not at hand."""
    found = {
        status.certificate.der: status
        for handshake in handshakes
        for status in handshake.statuses
        if status.staple is not None and status.issuer is None
    }
    return list(found.values())


def _pending(handshakes: Iterable[HandshakeResult]) -> list[tuple[Certificate, Certificate]]:
    """Return each delegate, once, whose own status is wanted, and its issuer."""
    found = {
        status.report.pending.der: (status.report.pending, status.issuer)
        for handshake in handshakes
        for status in handshake.statuses
        if status.report is not None
        and status.report.pending is not None
        and status.issuer is not None
    }
    return list(found.values())
