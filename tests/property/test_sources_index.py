"""Any index that we write reads back the same, and any text is an index or is refused."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from certstatus.errors import MalformedError
from certstatus.limits import MAX_LISTED_SERIAL_OCTETS
from certstatus.pkix import CRLReason
from certstatus.sources import (
    IndexEntry,
    IndexRevocation,
    IndexStatus,
    encode_index,
    parse_index,
    parse_serial,
    serial_text,
)
from certstatus.sources.database.schema import number_text

LONGEST = (1 << 8 * MAX_LISTED_SERIAL_OCTETS) - 1

serials = st.one_of(
    st.integers(0, 2**160 - 1), st.integers(-LONGEST, LONGEST), st.integers(-300, 300)
)
_FIRST, _LAST = (
    int(datetime(*day, tzinfo=UTC).timestamp()) for day in ((1950, 1, 1), (9999, 12, 31))
)
moments = st.integers(_FIRST, _LAST).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))
# What OpenSSL's format can hold: no line breaks, and no backslash before a tab of its own.
texts = st.text(st.characters(codec="utf-8", exclude_characters="\n\r\\\x00"), max_size=40)
reasons = st.sampled_from(
    [None, *(set(CRLReason) - {CRLReason.UNSPECIFIED, CRLReason.REMOVE_FROM_CRL})]
)
key_reasons = st.sampled_from([CRLReason.KEY_COMPROMISE, CRLReason.CA_COMPROMISE])
revocations = st.one_of(
    st.builds(IndexRevocation, revocation_time=moments, reason=reasons),
    st.builds(
        IndexRevocation, revocation_time=moments, reason=key_reasons, invalidity_date=moments
    ),
    st.builds(
        IndexRevocation,
        revocation_time=moments,
        reason=st.just(CRLReason.CERTIFICATE_HOLD),
        hold_instruction=st.sampled_from(["holdInstructionNone", "1.2.840.10040.2.3"]),
    ),
)
holds = st.builds(
    IndexRevocation,
    revocation_time=moments,
    reason=st.just(CRLReason.CERTIFICATE_HOLD),
)


def entries_of(
    statuses: list[IndexStatus], revocation: st.SearchStrategy[IndexRevocation | None]
) -> st.SearchStrategy[IndexEntry]:
    return st.builds(
        IndexEntry,
        status=st.sampled_from(statuses),
        expiry=moments,
        serial_number=serials,
        subject=texts,
        file_name=texts,
        revocation=revocation,
    )


entries = st.one_of(
    entries_of([IndexStatus.VALID, IndexStatus.EXPIRED], st.none()),
    entries_of([IndexStatus.REVOKED], revocations),
    entries_of([IndexStatus.SUSPENDED], holds),
)
indexes = st.lists(entries, max_size=8, unique_by=lambda entry: entry.serial_number)


@given(indexes)
def test_an_index_goes_round(index: list[IndexEntry]) -> None:
    assert list(parse_index(encode_index(index))) == index


def parsed(data: bytes) -> list[IndexEntry] | MalformedError:
    """Read an index, or return what is wrong with it."""
    try:
        return list(parse_index(data))
    except MalformedError as error:
        return error


@given(indexes, st.data())
def test_a_cut_index_is_refused_or_lists_fewer(
    index: list[IndexEntry], data: st.DataObject
) -> None:
    """A cut at a line's end can't be seen in the file: what reloads it looks for what is lost."""
    text = encode_index(index)
    size = data.draw(st.integers(0, max(len(text) - 1, 0)))
    found = parsed(text[:size])

    if isinstance(found, MalformedError):
        assert "cut short" in found.message
    else:
        assert found == index[: len(found)]
        assert len(found) < len(index) or not index


@settings(max_examples=300)
@given(st.binary(max_size=200) | st.text("VRES\t0123456789ABZ,\n\\-", max_size=80).map(str.encode))
def test_any_text_is_an_index_or_malformed(data: bytes) -> None:
    found = parsed(data)

    if isinstance(found, MalformedError):
        assert found.where.startswith("index.txt line ")
    else:
        assert parsed(encode_index(found)) == found


@given(serials)
def test_a_serial_number_goes_round_in_every_spelling(number: int) -> None:
    text = serial_text(number)

    assert parse_serial(text) == parse_serial(text.lower()) == number
    assert parse_serial(str(number), base=10) == number


@given(st.lists(st.integers(0, LONGEST)))
def test_stored_numbers_sort_like_numbers(numbers: list[int]) -> None:
    assert sorted(numbers, key=number_text) == sorted(numbers)
