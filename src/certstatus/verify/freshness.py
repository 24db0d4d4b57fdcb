"""Judge whether the answer is of today (RFC 6960 §3.2, §4.2.2.1; RFC 9919 §5; O19, L10)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Final

from certstatus.limits import MAX_KNOWN_WORDS
from certstatus.ocsp import ResponseData, SingleResponse
from certstatus.verify.policy import VerifyPolicy
from certstatus.verify.report import Check, Finding, wire_time

__all__: list[str] = []


_SECOND: Final = timedelta(seconds=1)
_NO_END: Final = Check.failed("L10", "nextUpdate", "is absent (RFC 9919 §5)")
_NO_END_NEEDED: Final = Check.skipped(
    "L10", "nextUpdate", "is absent: newer data is said to be always available"
)


def check_freshness(
    data: ResponseData, single: SingleResponse, now: datetime, policy: VerifyPolicy
) -> tuple[Check, ...]:
    """Judge thisUpdate, nextUpdate, producedAt and age at ``now``; the skew is on our side."""
    latest = now + policy.skew
    return (
        _check_past("thisUpdate", single.this_update, now, latest),
        _check_next_update(single, now, policy),
        _check_past("producedAt", data.produced_at, now, latest),
        _check_age(single, now, policy),
    )


def is_timely(
    data: ResponseData, single: SingleResponse, now: datetime, policy: VerifyPolicy
) -> bool:
    """Whether all of ``check_freshness`` holds, nextUpdate is there, and no time is odd."""
    start, end, skew = single.this_update, single.next_update, policy.skew
    return (
        start <= data.produced_at <= now + skew
        and end is not None
        and start <= end
        and now - skew <= end
        and (policy.max_age is None or now - start <= policy.max_age + skew)
    )


def _whole(span: timedelta) -> timedelta:
    """Cut a length of time to whole seconds, for reading."""
    return span - span % _SECOND


def _check_past(name: str, moment: datetime, now: datetime, latest: datetime) -> Check:
    if moment <= latest:
        return _past(name, moment)
    facts = {name: wire_time(moment)}
    return Check.failed("O19", name, f"lies {_whole(moment - now)} in the future", **facts)


@lru_cache(MAX_KNOWN_WORDS)
def _past(name: str, moment: datetime) -> Check:
    text = wire_time(moment)
    return Check.passed("O19", name, f"{text} is not in the future", **{name: text})


def _check_next_update(single: SingleResponse, now: datetime, policy: VerifyPolicy) -> Check:
    name, next_update = "nextUpdate", single.next_update
    if next_update is None:
        return _NO_END if policy.require_next_update else _NO_END_NEEDED
    if next_update < single.this_update:
        moment = wire_time(next_update)
        return Check.failed("L10", name, "is before thisUpdate", nextUpdate=moment)
    if next_update < now - policy.skew:
        moment = wire_time(next_update)
        return Check.failed(
            "L10", name, f"passed {_whole(now - next_update)} ago", nextUpdate=moment
        )
    return _not_yet_past(next_update)


@lru_cache(MAX_KNOWN_WORDS)
def _not_yet_past(moment: datetime) -> Check:
    text = wire_time(moment)
    return Check.passed("L10", "nextUpdate", f"{text} is not yet past", nextUpdate=text)


def _check_age(single: SingleResponse, now: datetime, policy: VerifyPolicy) -> Check:
    age = now - single.this_update
    seconds = max(age // _SECOND, 0)
    if policy.max_age is None:
        return _no_limit(seconds)
    if age > policy.max_age + policy.skew:
        reason = f"{timedelta(seconds=seconds)} old, more than {policy.max_age}"
        return Check.failed("O19", "age", reason)
    return Check.passed("O19", "age", f"{timedelta(seconds=seconds)} old, within {policy.max_age}")


@lru_cache(MAX_KNOWN_WORDS)
def _no_limit(seconds: int) -> Check:
    return Check.skipped("O19", "age", f"{timedelta(seconds=seconds)} old; no limit is set")


def time_findings(data: ResponseData, single: SingleResponse) -> Iterator[Finding]:
    """Tell of times that contradict each other without spoiling the answer."""
    if single.this_update > data.produced_at:
        yield Finding("SingleResponse.thisUpdate", "is later than producedAt")
