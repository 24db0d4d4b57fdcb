"""A table of places by serial number."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from certstatus.pkix.serial_table import SerialTable

SERIALS = [number.to_bytes(8) for number in range(1000, 4000)]


def table(serials: list[bytes], capacity: int | None = None) -> SerialTable:
    room = len(serials) if capacity is None else capacity
    return SerialTable(room, serials.__getitem__, min)


def filled(serials: list[bytes]) -> SerialTable:
    made = table(serials)
    made.add(places(serials))
    return made


def places(serials: Iterable[bytes]) -> Iterable[tuple[bytes, int]]:
    return ((octets, at) for at, octets in enumerate(serials))


def test_every_serial_number_is_found_at_its_place_and_no_other_is() -> None:
    made = filled(SERIALS)

    assert [made.get(octets) for octets in SERIALS] == list(range(len(SERIALS)))
    assert {made.get(octets + b"\0") for octets in SERIALS} == {None}
    assert {made.get(number.to_bytes(8)) for number in range(4000, 9000)} == {None}
    assert len(made) == len(SERIALS)


def test_of_one_serial_number_at_several_places_one_stands() -> None:
    serials = [b"a", b"b", b"a", b"a", b"b"]
    first, last = SerialTable(5, serials.__getitem__, min), SerialTable(5, serials.__getitem__, max)
    for made in (first, last):
        made.add(places(serials))

    assert [first.get(b"a"), first.get(b"b"), len(first)] == [0, 1, 2]
    assert [last.get(b"a"), last.get(b"b"), len(last)] == [3, 4, 2]


def test_an_empty_table_finds_nothing() -> None:
    assert table([]).get(b"a") is None
    assert len(table([])) == 0


def test_more_than_there_is_room_for_is_refused_and_not_searched_for_ever() -> None:
    made = table(SERIALS, capacity=2)

    with pytest.raises(OverflowError, match="room for 2"):
        made.add(places(SERIALS))
    assert [made.get(octets) for octets in SERIALS[:3]] == [0, 1, None]
