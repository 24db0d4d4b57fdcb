"""The index of a CRL's entries equals a dictionary of them, whatever the entries are."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from certstatus.asn1 import oids
from certstatus.errors import MalformedError
from certstatus.pkix import CertificateList, RevokedEntry
from certstatus.pkix.crl_entry import parse_entry
from certstatus.pkix.crl_index import CRLIndex
from certstatus.pkix.crl_rules import leniency
from certstatus.testing import TinyCA
from tests import der as hand
from tests.books import crl

CA = TinyCA()
EMPTY = crl(CA)
EARLIEST = datetime(1950, 1, 1, tzinfo=UTC)
REASONS = (0, 1, 4, 5, 6, 9)

SERIALS = st.one_of(
    st.integers(-3, 3), st.integers(-(2**80), 2**80), st.integers(2**158, 2**170), st.just(2**1000)
)
DATES = st.one_of(
    st.integers(0, 36_500 * 86_400).map(
        lambda seconds: f"{EARLIEST + timedelta(seconds=seconds):%y%m%d%H%M%SZ}"
    ),
    st.sampled_from(["240229120000Z", "500101000000Z", "491231235959Z"]),
)
GENERAL = st.sampled_from(["20240229120000Z", "19000101000000Z", "20261101000000Z"])


def reason(number: int, critical: bytes) -> bytes:
    value = hand.enumerated(number)
    return hand.extension(oids.ID_CE_CRL_REASONS.dotted_string, value, critical)


def since(text: str) -> bytes:
    value = hand.generalized_time(text)
    return hand.extension(oids.ID_CE_INVALIDITY_DATE.dotted_string, value)


EXTENSIONS = st.tuples(
    st.just(b"") | st.builds(reason, st.sampled_from(REASONS), st.sampled_from([b"", hand.TRUE])),
    st.just(b"") | st.builds(since, GENERAL),
    st.just(b"") | st.just(hand.extension("1.2.3", b"anything")),
)


@st.composite
def entries(draw: st.DrawFn) -> bytes:
    """Make an entry, plain or odd."""
    moment = draw(
        DATES.map(lambda text: hand.tlv(0x17, text.encode())) | GENERAL.map(hand.generalized_time)
    )
    extensions = [one for one in draw(st.permutations(draw(EXTENSIONS))) if one]
    listed = hand.sequence(*extensions) if extensions else b""
    return hand.sequence(hand.integer(draw(SERIALS)), moment, listed)


def index_of(listed: bytes) -> CRLIndex:
    der = hand.with_member(EMPTY, (0,), 5, hand.sequence(listed))
    return CRLIndex(CertificateList.from_der(der), CA.certificate.subject)


@given(st.lists(entries(), max_size=30))
def test_the_index_is_the_dictionary_of_the_strictest(listed: list[bytes]) -> None:
    expected: dict[int, RevokedEntry] = {}
    for entry in map(parse_entry, listed):
        others = [expected[entry.serial_number]] if entry.serial_number in expected else []
        expected[entry.serial_number] = min([*others, entry], key=leniency)

    index = index_of(b"".join(listed))

    assert dict(index) == expected
    assert len(index) == len(expected)
    assert all(index.get(serial + 1) == expected.get(serial + 1) for serial in expected)


@given(st.lists(entries(), min_size=1, max_size=4), st.data())
def test_one_changed_octet_changes_nothing_but_what_it_says(
    listed: list[bytes], data: st.DataObject
) -> None:
    """What the fast way accepts is what the declarations accept, each entry by itself."""
    whole = bytearray(b"".join(listed))
    at = data.draw(st.integers(0, len(whole) - 1))
    whole[at] = data.draw(st.integers(0, 255))
    try:
        found = sorted(index_of(bytes(whole)).in_order(), key=repr)
    except MalformedError:
        return
    each = [parse_entry(element.der) for element in hand.elements(bytes(whole))]

    assert {one.serial_number for one in found} == {one.serial_number for one in each}
    assert all(one in each for one in found)
