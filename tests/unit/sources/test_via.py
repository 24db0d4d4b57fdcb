"""Which responders a question came through: Via as we read and write it."""

from __future__ import annotations

import asyncio

import pytest

from certstatus.limits import MAX_UPSTREAM_HOPS
from certstatus.sources.via import came_through, marks_of_question, upstream_mark, via

A, B = "certstatus-00000000000000aa", "certstatus-00000000000000bb"


def read(*fields: bytes) -> tuple[str, ...]:
    with came_through(fields):
        return marks_of_question()


def test_what_is_written_is_read() -> None:
    assert via((A, B)) == f"1.1 {A}, 1.1 {B}"
    assert read(via((A, B)).encode()) == (A, B)


@pytest.mark.parametrize(
    "fields",
    [(), (b"",), (b"1.1 varnish, 1.0 fred",), (b"1.1 certstatus-xyz",), (b"\xff\x00" * 99,)],
)
def test_what_other_gateways_write_is_passed_over(fields: tuple[bytes, ...]) -> None:
    assert read(*fields) == ()


def test_marks_are_read_among_others_over_several_fields_each_once() -> None:
    assert read(f"1.1 varnish, 1.1 {A} (x)".encode(), f"1.1 {B}, 1.1 {A}".encode()) == (A, B)


def test_no_more_marks_are_read_than_count() -> None:
    marks = [f"certstatus-{number:016x}" for number in range(MAX_UPSTREAM_HOPS * 100)]

    assert len(read(via(marks).encode())) == MAX_UPSTREAM_HOPS


def test_questions_at_the_same_time_keep_their_own_way() -> None:
    async def asked(mark: str) -> tuple[str, ...]:
        with came_through([mark.encode()]):
            await asyncio.sleep(0)
            return marks_of_question()

    async def both() -> list[tuple[str, ...]]:
        return list(await asyncio.gather(asked(A), asked(B)))

    assert asyncio.run(both()) == [(A,), (B,)]
    assert marks_of_question() == ()


def test_a_mark_is_made_of_all_its_parts_and_read_again() -> None:
    mark = upstream_mark(b"host", b"url")

    assert mark == upstream_mark(b"host", b"url")
    assert mark != upstream_mark(b"hosturl")
    assert read(mark.encode()) == (mark,)
