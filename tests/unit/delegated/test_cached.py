from __future__ import annotations

from datetime import timedelta

import pytest

from certstatus.delegated import AnswerFacts, MessageKind, SCVPAnswer
from certstatus.delegated.cached import CachedReplies
from certstatus.limits_scvp import MAX_CACHED_REPLIES, MAX_CACHED_REPLY_BYTES
from certstatus.scvp import CVStatusCode
from tests.paths import NOW

MINUTE = timedelta(minutes=1)


def answer(size: int = 1) -> SCVPAnswer:
    facts = AnswerFacts(kind=MessageKind.CV, status=CVStatusCode.OKAY)
    return SCVPAnswer(content_info=bytes(size), facts=facts)


def test_a_reply_serves_until_its_end() -> None:
    cached, kept = CachedReplies(), answer()
    cached.put(b"request", kept, NOW, NOW + MINUTE)
    assert cached.get(b"request", NOW, None) is kept
    assert cached.get(b"request", NOW + MINUTE, None) is None
    assert cached.get(b"another", NOW, None) is None


def test_a_reply_that_is_older_than_will_do_does_not_serve() -> None:
    cached, kept = CachedReplies(), answer()
    cached.put(b"request", kept, NOW, NOW + MINUTE)
    assert cached.get(b"request", NOW, NOW) is kept
    assert cached.get(b"request", NOW, NOW + timedelta(seconds=1)) is None


@pytest.mark.parametrize(
    ("size", "life", "kept"),
    [
        pytest.param(MAX_CACHED_REPLY_BYTES, MINUTE, 1, id="the largest"),
        pytest.param(MAX_CACHED_REPLY_BYTES + 1, MINUTE, 0, id="too large"),
        pytest.param(1, timedelta(0), 0, id="over at once"),
    ],
)
def test_what_is_large_or_over_is_not_kept(size: int, life: timedelta, kept: int) -> None:
    cached = CachedReplies()
    cached.put(b"request", answer(size), NOW, NOW + life)
    assert len(cached) == kept


def test_the_oldest_goes_where_there_are_too_many() -> None:
    cached = CachedReplies()
    for number in range(MAX_CACHED_REPLIES + 1):
        cached.put(number.to_bytes(2), answer(), NOW, NOW + MINUTE)
    assert len(cached) == MAX_CACHED_REPLIES
    assert cached.get((0).to_bytes(2), NOW, None) is None
    assert cached.get((1).to_bytes(2), NOW, None) is not None
