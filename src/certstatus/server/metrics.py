"""What the server counts, in one table; each worker's sums; and all workers' as Prometheus reads them.

A worker counts in plain numbers of its own and once a second copies them to a page of memory
that all processes share. That costs the hot path one dictionary entry for each answer
(prometheus-client's own way across processes costs about a microsecond for each of several
counters), leaves no files behind, and a worker that is restarted takes up its page's counts,
so no counter goes backwards.
"""

from __future__ import annotations

import json
import mmap
import struct
import threading
import zlib
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from functools import lru_cache
from itertools import islice
from typing import Any, Final, TypeAlias

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from certstatus.limits import MAX_METRIC_SERIES
from certstatus.meter import Levels
from certstatus.responder.exchange import HTTPReply

__all__ = ["METRICS", "Kind", "Page", "Tally", "exposition"]

_PREFIX: Final = "certstatus_"
_BUCKETS: Final = (0.00005, 0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0)
"""Seconds; from an ECDSA signature in software to a remote HSM under load."""


class Kind(Enum):
    """What a metric does."""

    COUNTER = auto()
    GAUGE = auto()
    """Summed over processes."""
    LEAST = auto()
    """A gauge of which the least of all processes counts."""
    HISTOGRAM = auto()


@dataclass(frozen=True, slots=True)
class _Entry:
    kind: Kind
    help: str
    labels: tuple[str, ...] = ()


METRICS: Final[Mapping[str, _Entry]] = {
    # From the facts of each reply.
    "http_requests": _Entry(Kind.COUNTER, "HTTP requests answered.", ("method", "lane", "code")),
    "responses": _Entry(Kind.COUNTER, "OCSP responses by responseStatus.", ("status",)),
    "cert_statuses": _Entry(Kind.COUNTER, "Statuses given, one for each CertID.", ("status",)),
    "refusals": _Entry(Kind.COUNTER, "Requests refused, by cause.", ("cause",)),
    # From the lower floors.
    "sign_seconds": _Entry(Kind.HISTOGRAM, "Time to make one signature.", ("algorithm",)),
    "source_disagreements": _Entry(
        Kind.COUNTER, "Certificates on whose status two sources disagree.", ("authority",)
    ),
    "source_alarms": _Entry(
        Kind.COUNTER, "Alarms that sources raised, by kind.", ("authority", "kind")
    ),
    "signer_events": _Entry(
        Kind.COUNTER, "What happened to signers, by kind.", ("authority", "kind")
    ),
    "signer_days_left": _Entry(
        Kind.LEAST, "Days until a signer's certificate or its CA ends.", ("authority", "serial")
    ),
    "upstream_questions": _Entry(
        Kind.COUNTER, "Questions to upstream responders, by outcome.", ("authority", "outcome")
    ),
    "upstream_seconds": _Entry(
        Kind.HISTOGRAM, "Time that an upstream responder took.", ("authority",)
    ),
    "crl_fetches": _Entry(
        Kind.COUNTER, "Looks at the URLs of CRLs, by outcome.", ("authority", "outcome")
    ),
    # From the server of SCVP.
    "scvp_requests": _Entry(
        Kind.COUNTER, "Requests of SCVP, by kind and CVStatusCode.", ("kind", "status")
    ),
    "scvp_replies": _Entry(
        Kind.COUNTER, "Certificates replied about by SCVP, by replyStatus.", ("status",)
    ),
    "scvp_seconds": _Entry(Kind.HISTOGRAM, "Time to answer a request of SCVP.", ("kind",)),
    "scvp_paths": _Entry(Kind.COUNTER, "Paths that searches tried."),
    "scvp_fetches": _Entry(
        Kind.COUNTER, "Fetches of what certificates name, by outcome.", ("scheme", "outcome")
    ),
    # From the store of signed answers.
    "store_lookups": _Entry(Kind.COUNTER, "Look-ups in the store, by outcome.", ("outcome",)),
    "store_writes": _Entry(
        Kind.COUNTER, "Answers offered to the store, by what became of them.", ("outcome",)
    ),
    "store_events": _Entry(Kind.COUNTER, "What happened to the store, by kind.", ("kind",)),
    # From the process that signs in advance.
    "presigned": _Entry(
        Kind.COUNTER, "Answers looked at in advance, by what became of them.", ("outcome",)
    ),
    # From staplers.
    "staple_events": _Entry(Kind.COUNTER, "What happened to staples, by kind.", ("kind",)),
    "staple_fetch_seconds": _Entry(
        Kind.HISTOGRAM, "Time to fetch a staple, all attempts together.", ("outcome",)
    ),
    # From the server.
    "reloads": _Entry(Kind.COUNTER, "Reloads, good or failed.", ("outcome",)),
    "exceptions": _Entry(Kind.COUNTER, "Defects: exceptions answered with 500."),
    "http_timeouts": _Entry(Kind.COUNTER, "Connections that waited too long.", ("kind",)),
    "connections_turned_away": _Entry(Kind.COUNTER, "Connections past the limit."),
    "access_lines_lost": _Entry(Kind.COUNTER, "Access log lines that could not be written."),
    "connections": _Entry(Kind.GAUGE, "Open connections."),
    "connections_waiting": _Entry(Kind.GAUGE, "Connections that wait for their turn."),
    "workers": _Entry(Kind.GAUGE, "Workers that serve."),
    "worker_restarts": _Entry(Kind.COUNTER, "Workers that died and were started again."),
}
"""Every metric by its name without ``certstatus_`` (counters are shown with ``_total``)."""

_GAUGES: Final = frozenset({Kind.GAUGE, Kind.LEAST})

_Key: TypeAlias = tuple[str, ...]
_AnswerKey: TypeAlias = tuple[object, ...]


class Tally:
    """One process's sums: a ``Meter``, and a listener of ``Server``."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: dict[_Key, int] = {}
        self._times: dict[_Key, list[float]] = {}
        self._gauges: dict[str, Levels] = {}
        self._answers: dict[_AnswerKey, int] = {}
        self._last: HTTPReply | None = None
        self._last_key: _AnswerKey = (b"",)

    def count(self, name: str, /, **labels: str) -> None:
        """Add one to a counter.

        Raises:
            ValueError: the table has no such counter with just these labels.
        """
        key = _key(name, Kind.COUNTER, labels)
        with self._lock:
            if key not in self._counts and len(self._counts) >= MAX_METRIC_SERIES:
                key = (name, *("other" for _ in labels))
            self._counts[key] = self._counts.get(key, 0) + 1

    def observe(self, name: str, seconds: float, /, **labels: str) -> None:
        """Add a length of time to a histogram.

        Raises:
            ValueError: the table has no such histogram with just these labels.
        """
        key = _key(name, Kind.HISTOGRAM, labels)
        with self._lock:
            times = self._times.get(key)
            if times is None:
                times = self._times[key] = [0.0] * (len(_BUCKETS) + 2)
            times[bisect_left(_BUCKETS, seconds)] += 1
            times[-1] += seconds

    def watch(self, name: str, value: Callable[[], float]) -> None:
        """Let a gauge without labels be read by calling ``value``.

        Raises:
            ValueError: the table has no such gauge.
        """
        self.gauge(name, lambda: {(): value()})

    def gauge(self, name: str, read: Levels, /) -> None:
        """Let a gauge be read by calling ``read``.

        Raises:
            ValueError: the table has no such gauge.
        """
        entry = METRICS.get(name)
        if entry is None or entry.kind not in _GAUGES:
            raise ValueError(f"no gauge {name!r}")
        self._gauges[name] = read

    def hear(self, method: bytes, reply: HTTPReply, _nanoseconds: int, _peer: str) -> None:
        """Count an answer by its facts: one entry for all metrics, taken apart when they are read."""
        # Stored answers come one after another with the very same reply.
        if reply is self._last and method == self._last_key[0]:
            self._answers[self._last_key] += 1
            return
        key = _answer_key(method, reply)
        if key not in self._answers and len(self._answers) >= MAX_METRIC_SERIES:
            key = (b"", reply.status, None, "other", None, "other", None)
        self._answers[key] = self._answers.get(key, 0) + 1
        self._last, self._last_key = reply, key

    def snapshot(self) -> bytes:
        """Return all sums as bytes, for a page."""
        with self._lock:
            counts = dict(self._counts)
            times = [[key, values] for key, values in self._times.items()]
            for key, amount in self._answers.items():
                for series in _series(key):
                    counts[series] = counts.get(series, 0) + amount
            gauges = [
                [[name, *labels], value]
                for name, read in self._gauges.items()
                for labels, value in islice(read().items(), MAX_METRIC_SERIES)
            ]
            sums = [[list(key), amount] for key, amount in counts.items()]
            return json.dumps({"counts": sums, "gauges": gauges, "times": times}).encode()

    def take_up(self, snapshot: bytes) -> None:
        """Go on from the sums of a process that has ended; its gauges are gone with it."""
        past = json.loads(snapshot or b"{}")
        with self._lock:
            for key, amount in past.get("counts", ()):
                self._counts[tuple(key)] = self._counts.get(tuple(key), 0) + amount
            for key, values in past.get("times", ()):
                self._times[tuple(key)] = values


def _key(name: str, kind: Kind, labels: Mapping[str, str]) -> _Key:
    return (name, *[labels[one] for one in _wanted(name, kind, *labels)])


@lru_cache(maxsize=256)
def _wanted(name: str, kind: Kind, *labels: str) -> tuple[str, ...]:
    """Return the labels of a metric in the order of the table, once they are found to fit."""
    entry = METRICS.get(name)
    if entry is None or entry.kind is not kind or set(labels) != set(entry.labels):
        raise ValueError(f"no {kind.name.lower()} {name!r} with labels {sorted(labels)}")
    return entry.labels


def _answer_key(method: bytes, reply: HTTPReply) -> _AnswerKey:
    facts = reply.facts.get
    status = facts("certStatus")
    if status is not None and not isinstance(status, (str, tuple)):
        status = str(status)
    said = facts("lane"), facts("responseStatus"), status, facts("cause"), facts("store")
    return (method, reply.status, *said)


def _series(key: _AnswerKey) -> Iterator[_Key]:
    """Take an answer apart into the counters it adds to."""
    method, code, lane, response_status, cert_status, cause, store = key
    verb = method.decode("ascii") if isinstance(method, bytes) else ""
    verb = verb if verb in {"GET", "HEAD", "POST"} else "other"
    yield ("http_requests", verb, str(lane or "none"), str(code))
    if response_status is not None:
        yield ("responses", str(response_status))
    if cause is not None:
        yield ("refusals", str(cause))
    if store is not None:
        yield ("store_lookups", str(store))
    if isinstance(cert_status, tuple):
        yield from (("cert_statuses", str(each)) for each in cert_status)
    elif cert_status is not None:
        yield ("cert_statuses", str(cert_status))


class Page:
    """A snapshot in memory that processes share: one writes, any number read.

    Made before the fork. Two halves are written in turn, each with length and checksum, so
    a reader, or the successor of a writer that was killed, always finds a whole one.
    """

    _HEAD: Final = struct.Struct("<QII")  # turn, length, CRC-32
    SIZE: Final = 262_144

    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, 2 * self.SIZE)
        self._turn = 0

    def write(self, payload: bytes) -> None:
        """Replace the payload.

        Raises:
            ValueError: it is larger than a page; ``MAX_METRIC_SERIES`` keeps it well under.
        """
        if self._HEAD.size + len(payload) > self.SIZE:
            raise ValueError(f"{len(payload)} bytes of metrics do not fit a page")
        self._turn = max(turn for turn, _ in self._halves()) + 1
        start = self._turn % 2 * self.SIZE
        body = start + self._HEAD.size
        self._memory[body : body + len(payload)] = payload
        head = self._HEAD.pack(self._turn, len(payload), zlib.crc32(payload))
        self._memory[start:body] = head

    def read(self) -> bytes:
        """Return the newest whole payload; empty where there is none."""
        return max(self._halves())[1]

    def _halves(self) -> list[tuple[int, bytes]]:
        return [self._half(start) for start in (0, self.SIZE)]

    def _half(self, start: int) -> tuple[int, bytes]:
        """Return turn and payload; turn 0 for a half that is empty or torn."""
        body = start + self._HEAD.size
        turn, length, checksum = self._HEAD.unpack(self._memory[start:body])
        payload = self._memory[body : body + min(length, self.SIZE)]
        return (turn, payload) if zlib.crc32(payload) == checksum else (0, b"")


def exposition(pages: Sequence[Page]) -> bytes:
    """Write all pages' sums in the Prometheus text format."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Pages(pages))
    return generate_latest(registry)


class _Pages(Collector):
    def __init__(self, pages: Sequence[Page]) -> None:
        self._snapshots = [json.loads(page.read() or b"{}") for page in pages]

    def collect(self) -> Iterable[Metric]:
        sums = _sum(self._snapshots)
        for name, entry in METRICS.items():
            found = {key[1:]: value for key, value in sums.items() if key[0] == name}
            yield _family(name, entry, found)


def _sum(snapshots: Iterable[Mapping[str, Any]]) -> dict[_Key, list[float]]:
    sums: dict[_Key, list[float]] = {}
    for snapshot in snapshots:
        for part in ("counts", "gauges", "times"):
            for key, value in snapshot.get(part, ()):
                values = value if isinstance(value, list) else [value]
                past = sums.get(tuple(key))
                sums[tuple(key)] = values if past is None else _joined(key[0], past, values)
    return sums


def _joined(name: str, past: Sequence[float], values: Sequence[float]) -> list[float]:
    """Join the numbers of two processes."""
    entry = METRICS.get(name)
    if entry is not None and entry.kind is Kind.LEAST:
        return list(map(min, past, values))
    return [a + b for a, b in zip(past, values, strict=True)]


def _family(name: str, entry: _Entry, found: Mapping[_Key, list[float]]) -> Metric:
    full = _PREFIX + name
    if not entry.labels:
        found = {(): [0.0], **found}  # shown from the start
    match entry.kind:
        case Kind.COUNTER:
            counter = CounterMetricFamily(full, entry.help, labels=entry.labels)
            for labels, (value,) in sorted(found.items()):
                counter.add_metric(labels, value)
            return counter
        case Kind.GAUGE | Kind.LEAST:
            gauge = GaugeMetricFamily(full, entry.help, labels=entry.labels)
            for labels, (value,) in sorted(found.items()):
                gauge.add_metric(labels, value)
            return gauge
        case Kind.HISTOGRAM:
            histogram = HistogramMetricFamily(full, entry.help, labels=entry.labels)
            for labels, (*times, total) in sorted(found.items()):
                histogram.add_metric(labels, _cumulative(times), total)
            return histogram


def _cumulative(times: Sequence[float]) -> list[tuple[str, float]]:
    """Turn the counts of buckets into Prometheus' "so many up to here"."""
    bounds = [*(str(bound) for bound in _BUCKETS), "+Inf"]
    return [(bound, sum(times[: place + 1])) for place, bound in enumerate(bounds)]
