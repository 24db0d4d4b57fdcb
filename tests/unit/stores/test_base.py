from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from certstatus.errors import MalformedError
from certstatus.stores import StoredResponse, StoreKey, encode_key, entry_times, supersedes
from certstatus.stores.base import (
    FRESH_UNTIL,
    NEXT_UPDATE,
    PRODUCED_AT,
    RESPONSE,
    encode_entry,
    encode_number,
    encode_seconds,
    entry_supersedes,
    is_sound,
)
from tests.stored import (
    ANSWERS,
    GOOD,
    HELD,
    HOUR,
    KEYS,
    NOW,
    REVOKED,
    RIVALS,
    SERIALS,
    key,
    stored,
)

# --- keys ------------------------------------------------------------------------------------


@given(KEYS)
def test_a_key_is_read_as_it_was_written(one: StoreKey) -> None:
    assert StoreKey.decode(one.encode()) == one


@given(SERIALS, SERIALS)
def test_keys_sort_as_their_serial_numbers_do(one: int, other: int) -> None:
    assert (key(one).encode() < key(other).encode()) == (one < other)


def test_keys_sort_by_authority_then_variant_then_number() -> None:
    sorted_ = [key(9), key(10), key(1, variant=3), key(0, authority=2, variant=0)]

    assert sorted(sorted_, key=StoreKey.encode) == sorted_
    assert key(255).encode()[32:] == bytes.fromhex("8001ff")


@given(st.integers(0, 2**1015))
def test_a_key_is_written_alike_from_the_octets_of_an_integer(number: int) -> None:
    octets = number.to_bytes(number.bit_length() // 8 + 1)

    assert encode_key(key(0).encode()[:32], octets) == key(number).encode()


@given(st.binary(max_size=60))
def test_octets_that_are_no_key_are_malformed(octets: bytes) -> None:
    try:
        assert StoreKey.decode(octets).encode() == octets
    except MalformedError as error:
        assert "StoreKey" in str(error)  # noqa: PT017 - either outcome is right


# --- entries ---------------------------------------------------------------------------------


@given(KEYS, ANSWERS)
def test_an_entry_is_read_as_it_was_written(one: StoreKey, answer: StoredResponse) -> None:
    entry = answer.encode(one)

    assert StoredResponse.decode(entry, one) == answer
    assert is_sound(entry, one.encode())
    assert entry[RESPONSE] == answer.der
    meaning, *times = entry_times(entry)
    assert meaning == answer.meaning
    assert times == [
        int(moment.timestamp())
        for moment in (
            answer.this_update,
            answer.next_update,
            answer.produced_at,
            answer.fresh_until,
        )
    ]


@given(st.data())
def test_no_changed_octet_is_read(data: st.DataObject) -> None:
    entry = bytearray(stored().encode(key()))
    at = data.draw(st.integers(0, len(entry) - 1))
    entry[at] ^= data.draw(st.integers(1, 255))

    with pytest.raises(MalformedError, match="StoredResponse"):
        StoredResponse.decode(bytes(entry), key())


@pytest.mark.parametrize("length", [0, 3, 4, 71, 72, -1])
def test_an_entry_that_was_cut_is_not_read(length: int) -> None:
    with pytest.raises(MalformedError, match="StoredResponse"):
        StoredResponse.decode(stored().encode(key())[:length], key())


def test_an_entry_under_another_key_is_not_read() -> None:
    with pytest.raises(MalformedError, match="checksum"):
        StoredResponse.decode(stored().encode(key(7)), key(8))


# --- what replaces what ----------------------------------------------------------------------


@pytest.mark.rule("O19")
@pytest.mark.parametrize(
    ("new", "replaces"),
    [
        (stored(NOW + HOUR), True),
        (stored(NOW - HOUR, REVOKED), False),
        (stored(NOW + HOUR, REVOKED, this_update=NOW - HOUR), False),
        (stored(NOW, REVOKED), True),
        (stored(NOW, HELD), True),
        (stored(NOW), False),
        (stored(NOW + HOUR, this_update=NOW), True),
        (stored(NOW - HOUR, REVOKED, this_update=NOW), False),
    ],
    ids=[
        "newer",
        "older and revoked",
        "older thisUpdate, signed later",
        "same second, revoked",
        "same second, held",
        "the same again",
        "same thisUpdate, signed later",
        "same thisUpdate, signed earlier",
    ],
)
def test_of_two_answers_the_newer_word_stays(new: StoredResponse, replaces: bool) -> None:
    assert supersedes(new, stored(NOW, GOOD)) is replaces


@given(st.lists(RIVALS, min_size=1, max_size=4))
def test_in_whatever_order_answers_come_the_same_one_stays(rivals: list[StoredResponse]) -> None:
    def last(order: tuple[StoredResponse, ...]) -> StoredResponse:
        stays = order[0]
        for one in order[1:]:
            stays = one if supersedes(one, stays) else stays
        return stays

    assert len({last(order).precedence for order in itertools.permutations(rivals)}) == 1


# --- as octets --------------------------------------------------------------------------------


@given(RIVALS, RIVALS)
def test_of_two_entries_the_same_one_stays_as_of_what_they_hold(
    new: StoredResponse, old: StoredResponse
) -> None:
    entries = new.encode(key()), old.encode(key())

    assert entry_supersedes(*entries) == supersedes(new, old)


@given(KEYS, ANSWERS)
def test_times_stand_in_an_entry_where_they_are_looked_for(
    one: StoreKey, answer: StoredResponse
) -> None:
    entry = answer.encode(one)

    assert entry[FRESH_UNTIL] == encode_seconds(answer.fresh_until)
    assert entry[NEXT_UPDATE] == encode_seconds(answer.next_update)


@given(KEYS, ANSWERS, st.integers(0, 2**16), st.integers(1, 255))
def test_an_entry_is_sound_exactly_if_it_can_be_read(
    one: StoreKey, answer: StoredResponse, at: int, change: int
) -> None:
    entry = bytearray(answer.encode(one))
    assert is_sound(bytes(entry), one.encode())
    entry[at % len(entry)] ^= change

    assert not is_sound(bytes(entry), one.encode())
    with pytest.raises(MalformedError):
        StoredResponse.decode(bytes(entry), one)


@given(KEYS, ANSWERS)
def test_an_entry_may_be_put_together_from_its_parts(one: StoreKey, answer: StoredResponse) -> None:
    entry = encode_entry(one.encode(), answer.head, answer.der)

    assert entry == answer.encode(one)
    assert entry[RESPONSE] == answer.der
    assert entry[PRODUCED_AT] == encode_seconds(answer.produced_at)
    assert one.encode() == one.authority + one.variant + encode_number(one.serial_number)
