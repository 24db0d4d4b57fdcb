from __future__ import annotations

from datetime import timedelta

from certstatus.limits_path import EVIDENCE_FAILURE_TIME, EVIDENCE_REFRESH, MAX_EVIDENCE_BYTES
from certstatus.path.evidence_cache import EvidenceCache, Kept
from tests.paths import NOW

SECOND = timedelta(seconds=1)


def test_what_came_serves_until_it_is_time_for_a_new_look() -> None:
    cache, kept = EvidenceCache(), Kept(items=(b"crl",), size=3, is_reached=True)
    cache.put("a", kept, NOW)
    assert cache.get("a", NOW + EVIDENCE_REFRESH - SECOND) is kept
    assert cache.get("a", NOW + EVIDENCE_REFRESH) is None
    assert cache.size == 0


def test_nothing_serves_past_its_own_end() -> None:
    cache, end = EvidenceCache(), NOW + EVIDENCE_REFRESH / 2
    cache.put("a", Kept(items=(b"crl",), until=end), NOW)
    assert cache.get("a", end - SECOND) is not None
    assert cache.get("a", end) is None


def test_what_has_ended_already_is_looked_for_anew_before_long() -> None:
    cache = EvidenceCache()
    cache.put("a", Kept(items=(b"crl",), until=NOW - EVIDENCE_REFRESH), NOW)
    assert cache.get("a", NOW + EVIDENCE_FAILURE_TIME - SECOND) is not None
    assert cache.get("a", NOW + EVIDENCE_FAILURE_TIME) is None


def test_a_failure_is_kept_for_a_short_while() -> None:
    cache = EvidenceCache()
    cache.put("a", Kept(reason="down"), NOW)
    assert cache.get("a", NOW + EVIDENCE_FAILURE_TIME - SECOND) is not None
    assert cache.get("a", NOW + EVIDENCE_FAILURE_TIME) is None


def test_the_least_used_goes_first() -> None:
    cache = EvidenceCache(max_bytes=25_000)
    assert EvidenceCache().max_bytes == MAX_EVIDENCE_BYTES
    for name in ("a", "b"):
        cache.put(name, Kept(items=(b"",), size=10_000), NOW)
    assert cache.get("a", NOW) is not None
    cache.put("c", Kept(items=(b"",), size=10_000), NOW)
    assert [name for name in "abc" if cache.get(name, NOW)] == ["a", "c"]
    assert cache.size == 22_000


def test_one_larger_than_all_is_not_kept() -> None:
    cache = EvidenceCache(max_bytes=5_000)
    cache.put("a", Kept(items=(b"",), size=10_000), NOW)
    assert cache.get("a", NOW) is None
    assert cache.size == 0
