from __future__ import annotations

from dataclasses import replace

import pytest

from certstatus.delegated.cursor import open_cursor, query_digest, sealed_cursor
from certstatus.delegated.refusal import Refusal
from certstatus.limits_scvp import MAX_CURSOR_PATHS
from certstatus.scvp import CVStatusCode
from tests.delegating import CURSOR_KEY, query
from tests.paths import NOW

DIGESTS = frozenset(bytes((number,)) * 32 for number in range(3))
QUERY = bytes(32)


def test_what_was_sealed_is_read_again() -> None:
    sealed = sealed_cursor(CURSOR_KEY, QUERY, DIGESTS)
    assert sealed is not None
    assert open_cursor(CURSOR_KEY, QUERY, sealed) == DIGESTS


@pytest.mark.parametrize("place", [0, 1, 32, 33, 64, 128])
def test_an_octet_that_was_changed_is_seen(place: int) -> None:
    sealed = bytearray(sealed_cursor(CURSOR_KEY, QUERY, DIGESTS) or b"")
    sealed[place] ^= 1
    with pytest.raises(Refusal) as caught:
        open_cursor(CURSOR_KEY, QUERY, bytes(sealed))
    assert caught.value.code is CVStatusCode.INVALID_REQUEST


@pytest.mark.parametrize("length", [0, 1, 32, 33, 64])
def test_a_cursor_that_was_cut_is_seen(length: int) -> None:
    sealed = sealed_cursor(CURSOR_KEY, QUERY, DIGESTS) or b""
    with pytest.raises(Refusal):
        open_cursor(CURSOR_KEY, QUERY, sealed[:length])


def test_there_is_none_for_too_many_paths() -> None:
    digests = [number.to_bytes(32) for number in range(MAX_CURSOR_PATHS + 1)]
    assert sealed_cursor(CURSOR_KEY, QUERY, digests) is None
    assert sealed_cursor(CURSOR_KEY, QUERY, digests[1:]) is not None


@pytest.mark.rule("S17")
def test_a_query_is_the_same_but_for_its_context() -> None:
    asked = query()
    same = replace(asked, server_context_info=b"context")
    assert query_digest(same) == query_digest(asked)
    assert query_digest(replace(asked, validation_time=NOW)) != query_digest(asked)
