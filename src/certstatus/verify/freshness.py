"""Judge whether the answer is of today (RFC 6960 §3.2, §4.2.2.1; RFC 9919 §5; O19, L10)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from certstatus.ocsp import ResponseData, SingleResponse
from certstatus.verify.policy import VerifyPolicy
from certstatus.verify.report import Check, Finding, wire_time

__all__: list[str] = []


def check_freshness(
    data: ResponseData, single: SingleResponse, now: datetime, policy: VerifyPolicy
) -> Iterator[Check]:
    """Judge thisUpdate, nextUpdate, producedAt and age at ``now``; the skew is on our side."""
    yield _check_this_update(single, now, policy.skew)
    yield _check_next_update(single, now, policy)
    yield _check_produced_at(data, now, policy.skew)
    yield _check_age(single, now, policy)


def _whole(span: timedelta) -> timedelta:
    """Cut a length of time to whole seconds, for reading."""
    return span - span % timedelta(seconds=1)


def _check_this_update(single: SingleResponse, now: datetime, skew: timedelta) -> Check:
    name, moment = "thisUpdate", wire_time(single.this_update)
    if single.this_update > now + skew:
        ahead = single.this_update - now
        return Check.failed("O19", name, f"lies {_whole(ahead)} in the future", thisUpdate=moment)
    return Check.passed("O19", name, f"{moment} is not in the future", thisUpdate=moment)


def _check_next_update(single: SingleResponse, now: datetime, policy: VerifyPolicy) -> Check:
    name, next_update = "nextUpdate", single.next_update
    if next_update is None:
        if policy.require_next_update:
            return Check.failed("L10", name, "is absent (RFC 9919 §5)")
        return Check.skipped("L10", name, "is absent: newer data is said to be always available")
    moment = wire_time(next_update)
    if next_update < single.this_update:
        return Check.failed("L10", name, "is before thisUpdate", nextUpdate=moment)
    if next_update < now - policy.skew:
        return Check.failed(
            "L10", name, f"passed {_whole(now - next_update)} ago", nextUpdate=moment
        )
    return Check.passed("L10", name, f"{moment} is not yet past", nextUpdate=moment)


def _check_produced_at(data: ResponseData, now: datetime, skew: timedelta) -> Check:
    name, moment = "producedAt", wire_time(data.produced_at)
    if data.produced_at > now + skew:
        ahead = data.produced_at - now
        return Check.failed("O19", name, f"lies {_whole(ahead)} in the future", producedAt=moment)
    return Check.passed("O19", name, f"{moment} is not in the future", producedAt=moment)


def _check_age(single: SingleResponse, now: datetime, policy: VerifyPolicy) -> Check:
    age = max(now - single.this_update, timedelta(0))
    if policy.max_age is None:
        return Check.skipped("O19", "age", f"{_whole(age)} old; no limit is set")
    if age > policy.max_age + policy.skew:
        return Check.failed("O19", "age", f"{_whole(age)} old, more than {policy.max_age}")
    return Check.passed("O19", "age", f"{_whole(age)} old, within {policy.max_age}")


def time_findings(data: ResponseData, single: SingleResponse) -> Iterator[Finding]:
    """Tell of times that contradict each other without spoiling the answer."""
    if single.this_update > data.produced_at:
        yield Finding("SingleResponse.thisUpdate", "is later than producedAt")
