"""Numbers: counted in one process, summed over all, and never going backwards."""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from certstatus.limits import MAX_METRIC_SERIES
from certstatus.responder.exchange import HTTPReply
from certstatus.server.metrics import METRICS, Kind, Page, Tally, exposition


def _shown(*tallies: Tally) -> dict[tuple[str, ...], float]:
    """Read what Prometheus would: sample name and label values -> value, zeros left out."""
    pages = []
    for tally in tallies:
        pages.append(Page())
        pages[-1].write(tally.snapshot())
    return _read(exposition(pages))


def _read(text: bytes) -> dict[tuple[str, ...], float]:
    return {
        (sample.name.removeprefix("certstatus_"), *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text.decode())
        for sample in family.samples
        if sample.value
    }


def _hear(tally: Tally, method: bytes, status: int, facts: Mapping[str, object]) -> None:
    tally.hear(method, HTTPReply(status, facts=facts), 1, "")


def test_an_answer_is_counted_by_each_of_its_facts() -> None:
    tally = Tally()
    good = {"lane": "cached", "responseStatus": "successful", "certStatus": "good"}
    _hear(tally, b"GET", 200, good)
    _hear(tally, b"GET", 200, good)
    _hear(tally, b"POST", 200, good | {"lane": "live", "certStatus": ("good", "revoked")})
    _hear(tally, b"POST", 200, {"responseStatus": "tryLater", "cause": "source"})
    _hear(tally, b"DELETE", 405, {"cause": "method"})
    assert _shown(tally) == {
        ("http_requests_total", "200", "cached", "GET"): 2,
        ("http_requests_total", "200", "live", "POST"): 1,
        ("http_requests_total", "200", "none", "POST"): 1,
        ("http_requests_total", "405", "none", "other"): 1,
        ("responses_total", "successful"): 3,
        ("responses_total", "tryLater"): 1,
        ("cert_statuses_total", "good"): 3,
        ("cert_statuses_total", "revoked"): 1,
        ("refusals_total", "source"): 1,
        ("refusals_total", "method"): 1,
    }


def test_all_processes_are_summed() -> None:
    one, two = Tally(), Tally()
    one.watch("connections", lambda: 3)
    two.watch("connections", lambda: 4)
    for tally in (one, two, two):
        tally.count("reloads", outcome="good")
        tally.observe("sign_seconds", 0.00007, algorithm="ecdsa")
    two.observe("sign_seconds", 5, algorithm="ecdsa")
    shown = _shown(one, two)
    assert shown["reloads_total", "good"] == 3
    assert shown["connections",] == 7
    assert shown["sign_seconds_count", "ecdsa"] == 4
    assert shown["sign_seconds_sum", "ecdsa"] == pytest.approx(5.00021)
    buckets = {key[-1]: value for key, value in shown.items() if key[0] == "sign_seconds_bucket"}
    assert (buckets.get("5e-05"), buckets["0.0001"], buckets["1.0"], buckets["+Inf"]) == (
        None,
        3,
        3,
        4,
    )


def test_of_what_is_left_the_least_of_all_processes_counts() -> None:
    one, two = Tally(), Tally()
    one.gauge("signer_days_left", lambda: {("CA", "1"): 9.5, ("CA", "2"): 30.0})
    two.gauge("signer_days_left", lambda: {("CA", "1"): 29.5})

    shown = _shown(one, two)

    assert shown["signer_days_left", "CA", "1"] == 9.5
    assert shown["signer_days_left", "CA", "2"] == 30


def test_levels_are_bounded() -> None:
    tally = Tally()
    tally.gauge(
        "signer_days_left", lambda: {("CA", str(n)): 1.0 for n in range(MAX_METRIC_SERIES + 5)}
    )

    shown = [key for key in _shown(tally) if key[0] == "signer_days_left"]

    assert len(shown) == MAX_METRIC_SERIES


def test_a_successor_goes_on_from_the_counts_and_not_from_the_gauges() -> None:
    page, dead, heir = Page(), Tally(), Tally()
    dead.watch("connections", lambda: 9)
    dead.count("exceptions")
    dead.observe("sign_seconds", 0.1, algorithm="rsa")
    _hear(dead, b"GET", 200, {"lane": "cached"})
    page.write(dead.snapshot())

    heir.take_up(page.read())
    heir.count("exceptions")
    _hear(heir, b"GET", 200, {"lane": "cached"})
    shown = _shown(heir)
    assert shown["exceptions_total",] == 2
    assert shown["http_requests_total", "200", "cached", "GET"] == 2
    assert shown["sign_seconds_count", "rsa"] == 1
    assert ("connections",) not in shown


def test_the_first_of_a_seat_takes_up_nothing() -> None:
    tally = Tally()
    tally.take_up(Page().read())
    assert _shown(tally) == {}


@pytest.mark.parametrize(
    ("name", "labels"),
    [("nonsense", {}), ("reloads", {}), ("reloads", {"result": "good"}), ("connections", {})],
)
def test_what_is_not_in_the_table_cannot_be_counted(name: str, labels: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=name):
        Tally().count(name, **labels)


def test_a_gauge_or_histogram_that_is_not_in_the_table_is_refused() -> None:
    with pytest.raises(ValueError, match="exceptions"):
        Tally().observe("exceptions", 1)
    with pytest.raises(ValueError, match="exceptions"):
        Tally().watch("exceptions", lambda: 1)


def test_odd_facts_are_counted_as_they_read() -> None:
    tally = Tally()
    _hear(tally, b"GET", 200, {"certStatus": ["not", "hashable"]})
    assert _shown(tally)["cert_statuses_total", "['not', 'hashable']"] == 1


def test_kinds_of_answers_are_bounded() -> None:
    tally = Tally()
    for number in range(3 * MAX_METRIC_SERIES):
        _hear(tally, b"GET", 200, {"cause": f"cause {number}"})
        tally.count("source_disagreements", authority=f"authority {number}")
    shown = _shown(tally)
    assert shown["refusals_total", "other"] == 2 * MAX_METRIC_SERIES
    assert shown["source_disagreements_total", "other"] == 2 * MAX_METRIC_SERIES
    assert len(shown) < 2 * MAX_METRIC_SERIES + 10


def test_counting_from_many_threads_loses_nothing() -> None:
    tally = Tally()

    def work() -> None:
        for _ in range(2_000):
            tally.count("exceptions")
            tally.observe("sign_seconds", 0.1, algorithm="rsa")

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    shown = _shown(tally)
    assert shown["exceptions_total",] == shown["sign_seconds_count", "rsa"] == 8_000


def test_every_metric_has_a_help_text_and_a_plain_name() -> None:
    for name, entry in METRICS.items():
        assert re.fullmatch(r"[a-z]+(_[a-z]+)*", name)
        assert entry.help.endswith(".")
        assert not (entry.kind is Kind.GAUGE and entry.labels)


# --- pages -----------------------------------------------------------------------------------


def test_a_page_that_was_never_written_is_empty() -> None:
    assert Page().read() == b""


@given(st.lists(st.binary(max_size=100), min_size=1, max_size=5))
def test_a_page_holds_what_was_written_last(payloads: list[bytes]) -> None:
    page = Page()
    for payload in payloads:
        page.write(payload)
        assert page.read() == payload


@given(st.binary(min_size=1, max_size=60), st.integers(0, 75))
def test_a_write_that_was_cut_short_leaves_the_one_before(payload: bytes, place: int) -> None:
    """Whatever octet of the half being written is damaged, a whole payload is found."""
    page = Page()
    page.write(b"before")
    page.write(payload)
    start = 0 if page._memory[:8] > page._memory[Page.SIZE : Page.SIZE + 8] else Page.SIZE
    place = start + place % (Page._HEAD.size + len(payload))
    page._memory[place] ^= 0xFF
    assert page.read() in {b"before", payload}
    page.write(b"after")
    assert page.read() == b"after"


def test_a_payload_larger_than_a_page_is_refused() -> None:
    page = Page()
    page.write(b"whole")
    with pytest.raises(ValueError, match="do not fit"):
        page.write(bytes(Page.SIZE))
    assert page.read() == b"whole"
