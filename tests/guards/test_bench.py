"""The bench reads its peers rightly, and counts rightly."""

from __future__ import annotations

import asyncio
import sys
from base64 import b64decode, b64encode
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import unquote
from xml.etree import ElementTree as ET

import pytest

from bench.asking import get_request, post_request
from bench.figures import Figure
from bench.filling import fill_store, write_signed
from bench.http_figures import bars_of, figures_of
from bench.http_load import HTTPFigures, Runs, read_speed
from bench.pacing import Latency, is_whole
from bench.plot import Bar, bars
from bench.population import FIRST, Population, serial_numbers
from bench.rows import BASE, Scale, rows_of, starts_of, stored_of
from bench.sections import Section, measured
from bench.spread import Spread
from bench.wrk import Tally, read_requests, read_tally, write_requests
from certstatus.stores import StoredResponse, StoreKey
from certstatus.stores.lmdb import LMDBStore
from certstatus.testing import Forge, TinyCA
from certstatus.verify import verify_response

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
SMALL = Scale(many=30, few=20, cfssl=10, most=None, rounds=1, seconds=1)


# --- what is told ---------------------------------------------------------------------------


def test_the_tally_is_read_from_the_last_line_of_wrk() -> None:
    told = (
        "Running 1s test\n  107143 requests in 1.00s, 98.19MB read\nRequests/sec: 107044.63\n"
        '\n{"answers": 107143, "microseconds": 1000919, "refused": 2, "broken": 1}\n'
    )

    assert read_tally(told, 0.5) == Tally(
        answers=107_143, seconds=1.000919, refused=2, broken=1, own_seconds=0.5
    )


def test_raw_signatures_are_read_from_what_openssl_speed_told() -> None:
    told = (
        "+H:...\n+F2:2:2048:3420.833333:48889.361702\n"
        "+F4:3:256:45211.111111:15593.750000\n+F6:0:253:Ed25519:20534.042553:7160.416667\n"
    )

    assert {kind: round(rate) for kind, rate in read_speed(told).items()} == {
        "rsa2048": 3421,
        "p256": 45211,
        "ed25519": 20534,
    }


def test_requests_are_read_as_they_were_written(tmp_path: Path) -> None:
    requests = [b"GET / HTTP/1.1\r\n\r\n", bytes(range(256)) * 3, b"x"]
    write_requests(tmp_path / "asked", requests)

    assert read_requests(tmp_path / "asked") == requests


@pytest.mark.parametrize(
    ("came", "whole"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc", True),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nab", False),
        (b"HTTP/1.1 200 OK\r\nContent-Len", False),
    ],
    ids=["whole", "body-open", "head-open"],
)
def test_an_answer_is_whole_when_all_of_its_body_is_there(came: bytes, whole: bool) -> None:
    assert is_whole(came) is whole


def test_an_answer_other_than_200_ends_the_measurement() -> None:
    with pytest.raises(SystemExit, match="503"):
        is_whole(b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n")


def test_questions_reach_the_server_as_get_and_as_post() -> None:
    der = bytes(range(200))

    head, _, body = post_request(der, is_kept_alive=True).partition(b"\r\n\r\n")
    assert body == der
    assert b"Content-Length: 200" in head
    assert b"close" not in head
    path = get_request(der, is_kept_alive=False).split(b" ")[1].decode()
    assert b64decode(unquote(path.removeprefix("/"))) == der


# --- statistics -----------------------------------------------------------------------------


def test_a_spread_is_of_ratios_round_by_round() -> None:
    assert Spread.of_ratios([10, 30, 20], [10, 10, 10]) == Spread(2, 1, 3)
    assert Spread.of([3, 1]).text(".0f") == "2 (1–3)"
    with pytest.raises(ValueError, match="shorter"):
        Spread.of_ratios([1, 2], [1])


@pytest.mark.parametrize(
    ("figure", "is_reached"),
    [
        (Figure.at_most("w", 1.25, "×", Spread(1.25, 1.0, 2.0)), True),
        (Figure.at_most("w", 1.25, "×", 1.3), False),
        (Figure.at_least("w", 0.8, "×", 0.8), True),
        (Figure.at_least("w", 0.8, "×", Spread(0.7, 0.1, 0.9)), False),
        (Figure.at_least("w", 0.8, "×", None), None),
    ],
    ids=["most-met", "most-missed", "least-met", "least-missed", "unmeasured"],
)
def test_a_figure_is_judged_by_its_median(figure: Figure, is_reached: bool | None) -> None:
    assert figure.is_reached is is_reached


def test_latency_tells_of_99_in_100() -> None:
    latency = Latency.of(100.0, [n / 1e3 for n in range(1, 201)], [0.0] * 200)

    assert (latency.median, latency.most_of_99, latency.longest) == (101.0, 199.0, 200.0)


# --- rows -----------------------------------------------------------------------------------


def test_every_row_has_a_server_and_a_name_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Population, "store", lambda *_: tmp_path)
    people = Population(tmp_path, TinyCA().certificate)
    scale = replace(SMALL, most=40)
    rows = rows_of(scale)

    assert {row.server for row in rows} == starts_of(scale, people).keys()
    assert len({row.name for row in rows}) == len(rows)


def test_a_quick_bench_has_the_rows_that_the_figures_rest_on() -> None:
    scale = replace(SMALL, is_quick=True)
    runs = {row.name: Runs(costs=[1.0]) for row in rows_of(scale)}
    seen = HTTPFigures(scale, runs=runs, raw={"p256": [1.0]})

    unmeasured = [one.work for one in figures_of(seen) if one.is_reached is None]
    assert unmeasured == ["latency of 99 % at half of the peak rate"]


def test_figures_say_so_where_a_peer_is_missing() -> None:
    seen = HTTPFigures(SMALL)

    assert {figure.is_reached for figure in figures_of(seen)} == {None}
    assert bars_of(seen) == {}


def test_figures_come_out_of_the_runs() -> None:
    stored = stored_of("index", SMALL.many, "GET")
    seen = HTTPFigures(SMALL, runs={BASE: Runs(costs=[10, 10]), stored: Runs(costs=[11, 13])})

    (figure, *_) = figures_of(seen)

    assert (figure.measured, figure.is_reached) == ("1.20 (1.10–1.30)", True)


def test_a_section_that_breaks_keeps_what_it_had_and_says_why() -> None:
    def measure() -> Iterator[Figure]:
        sys.stdout.write("| a table |\n")
        yield Figure.at_most("w", 1, "s", 0.5)
        raise FileNotFoundError("no such peer")

    told = measured(Section(title="t", about="a", measure=measure))

    assert told.text == "| a table |\n"
    assert len(told.figures) == 1
    assert told.problem == "FileNotFoundError: no such peer"


# --- a plot ---------------------------------------------------------------------------------


def test_the_plot_is_an_svg_whose_bars_stand_to_each_other_as_their_figures() -> None:
    rows = [
        Bar(label="a & b", value=10, least=9, greatest=11, is_ours=True),
        Bar(label="peer", value=20, least=20, greatest=20, is_ours=False),
    ]

    root = ET.fromstring(bars("CPU < all", {"stored": rows}))

    drawn = [one for one in root if one.tag.endswith("rect")]
    widths = [float(one.attrib["width"]) for one in drawn]
    assert widths[1] / widths[0] == pytest.approx(2, abs=0.01)
    assert [one.attrib["class"] for one in drawn] == ["ours", "peer"]
    assert "a & b" in [one.text for one in root]


# --- many answers out of one ----------------------------------------------------------------


def test_serial_numbers_are_many_of_one_length_in_their_order() -> None:
    numbers = serial_numbers(1_000)

    assert numbers[0] == FIRST
    assert sorted(set(numbers)) == numbers
    assert {one.bit_length() for one in numbers} == {127}


def test_a_store_is_filled_with_answers_that_a_responder_can_read(tmp_path: Path) -> None:
    numbers = serial_numbers(50)
    octets = FIRST.to_bytes(16, "big")
    first = StoredResponse(
        der=b"before" + octets + b"after",
        meaning=bytes(32),
        this_update=NOW,
        next_update=NOW + timedelta(days=4),
        produced_at=NOW,
        fresh_until=NOW + timedelta(days=2),
    )

    def key(serial_number: int) -> StoreKey:
        return StoreKey(bytes(16), bytes(16), serial_number)

    async def put() -> None:
        store = LMDBStore(tmp_path)
        assert await store.put([(key(FIRST), first)]) == 1
        await store.close()

    async def read() -> None:
        store = LMDBStore(tmp_path)
        for one in numbers:
            stored = await store.get(key(one))
            assert stored is not None
            assert stored.der == b"before" + one.to_bytes(16, "big") + b"after"
            assert stored.meaning == first.meaning
        due = await store.due(bytes(16), NOW + timedelta(days=3), 100)
        assert list(due) == [key(one) for one in numbers]
        await store.close()

    asyncio.run(put())
    fill_store(tmp_path, numbers[1:])
    asyncio.run(read())


def test_what_cfssl_is_given_is_signed_for_each(tmp_path: Path) -> None:
    ca = TinyCA()
    delegate = ca.issue_responder()
    answer = Forge.honest(ca, FIRST, delegate).der
    numbers = serial_numbers(5)

    write_signed(tmp_path / "responses", answer, FIRST, numbers, delegate.key)  # type: ignore[arg-type]

    for number, line in zip(numbers, (tmp_path / "responses").read_bytes().split(), strict=True):
        der = b64decode(line)
        assert b64encode(der) == line
        report = verify_response(der, issuer=ca.certificate, serial_number=number, now=NOW)
        assert report.verified is not None, report.failures
