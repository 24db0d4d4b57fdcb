from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from cryptography.x509 import ObjectIdentifier

from certstatus.asn1 import oids
from certstatus.explain.field import Field, absent, count_text, oid_text, span_text

MOMENT = datetime(2026, 11, 21, 12, tzinfo=UTC)


def test_a_value_of_octets_reads_as_hex_and_a_time_as_programs_read_it() -> None:
    assert Field("f", b"\x00\xff").text == "00ff"
    assert Field("f", MOMENT).text == "2026-11-21T12:00:00Z"
    assert Field("f").text == ""


def test_a_field_is_found_by_its_path_of_names() -> None:
    tree = Field(
        "a", children=(Field("b", "1"), Field("b", "2"), Field("c", children=(Field("d"),)))
    )
    assert tree.at("b").value == "1"
    assert tree.at("c", "d").name == "d"
    with pytest.raises(KeyError, match="a has no x"):
        tree.at("x")
    assert [one.name for one in tree.walk()] == ["a", "b", "b", "c", "d"]


def test_json_holds_every_part_and_hex_only_on_demand() -> None:
    told = Field("a", "v", "m", "s", der=b"\x01", departures=("d",)).as_json()
    assert told == {
        "name": "a",
        "value": "v",
        "absent": False,
        "meaning": "m",
        "section": "s",
        "departures": ["d"],
        "problem": None,
        "fields": [],
    }
    assert Field("a", der=b"\x01").as_json(with_bytes=True)["hex"] == "01"
    assert Field("a").as_json(with_bytes=True)["hex"] is None


def test_what_is_absent_says_so() -> None:
    told = absent("certs", "the CA signed", "RFC 6960 §4.2.1").as_json()
    assert told["absent"] is True
    assert told["value"] is None


@pytest.mark.parametrize(
    ("span", "text"),
    [
        (timedelta(), "0 seconds"),
        (timedelta(seconds=1), "1 second"),
        (timedelta(minutes=90), "1 hour 30 minutes"),
        (timedelta(days=4), "4 days"),
        (timedelta(days=1, hours=2, minutes=3), "1 day 2 hours"),
        (timedelta(days=-1), "1 day"),
    ],
)
def test_a_length_of_time_reads_in_its_two_largest_units(span: timedelta, text: str) -> None:
    assert span_text(span) == text


def test_numbers_and_names_read_in_plain_words() -> None:
    assert count_text(1, "entry", "entries") == "1 entry"
    assert count_text(2, "entry", "entries") == "2 entries"
    assert count_text(0, "request") == "0 requests"
    assert oid_text(oids.ID_SHA256) == "id-sha256 (2.16.840.1.101.3.4.2.1)"
    assert oid_text(ObjectIdentifier("1.2.3")) == "1.2.3"
