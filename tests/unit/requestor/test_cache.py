"""Stored responses: only verified ones, whole or not at all, and no longer than allowed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import cache as once
from pathlib import Path
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from certstatus.limits import MAX_CACHED_RESPONSES
from certstatus.requestor import ResponseCache
from certstatus.requestor.cache import fresh_until
from certstatus.testing import Forge, Issued, TinyCA
from certstatus.verify import VerifiedResponse, verify_response

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
CA = TinyCA("Issuing CA")
DELEGATE = CA.issue_responder()
LEAF = CA.issue_server()
LATER = NOW + timedelta(hours=1)


@once
def verified(leaf: Issued = LEAF) -> VerifiedResponse:
    forge = Forge.honest(CA, leaf.certificate.serial_number, DELEGATE)
    report = verify_response(
        forge.der, issuer=CA.certificate, certificate=leaf.certificate, now=NOW
    )
    return report.require()


def put(cache: ResponseCache, leaf: Issued = LEAF) -> None:
    url = "http://ocsp.example/"
    cache.put(verified(leaf), CA.certificate, fresh_until=LATER, url=url, method="GET")


def test_what_is_put_is_got(tmp_path: Path) -> None:
    cache = ResponseCache(tmp_path / "cache")
    put(cache)

    got = cache.get(CA.certificate, LEAF.certificate.serial_number)

    assert got is not None
    assert (got.der[:2], got.fresh_until) == (b"\x30\x82", LATER)
    assert (got.url, got.method) == ("http://ocsp.example/", "GET")


def test_an_entry_is_one_issuers_and_one_serial_numbers(tmp_path: Path) -> None:
    cache = ResponseCache(tmp_path / "cache")
    put(cache)

    serial_number = LEAF.certificate.serial_number
    assert cache.get(TinyCA("Other CA").certificate, serial_number) is None
    assert cache.get(CA.certificate, serial_number + 1) is None


def test_the_directory_is_its_owners_alone_and_nothing_is_left_over(tmp_path: Path) -> None:
    directory = tmp_path / "cache"
    put(ResponseCache(directory))

    assert directory.stat().st_mode & 0o077 == 0
    assert [file.suffix for file in directory.iterdir()] == [".ors"]


@pytest.mark.parametrize(
    "damage",
    [
        lambda _: b"",
        lambda _: b"\x80\x04\x95pickle",
        lambda data: data.replace(b'"format": 1', b'"format": 2'),
        lambda data: data.replace(b'"url"', b'"uri"'),
        lambda data: data.replace(b'"freshUntil": ', b'"freshUntil": 1e999, "x": '),
        lambda data: data.replace(b'"freshUntil": ', b'"freshUntil": 9999999999999999, "x": '),
        lambda _: b"[" * 100_000,
        lambda _: b"[]\n",
        lambda data: data + bytes(2_000_000),
    ],
)
def test_a_damaged_file_is_dropped_and_harms_nobody(tmp_path: Path, damage: object) -> None:
    assert callable(damage)
    directory = tmp_path / "cache"
    cache = ResponseCache(directory)
    put(cache)
    (file,) = directory.iterdir()
    file.write_bytes(damage(file.read_bytes()))

    assert cache.get(CA.certificate, LEAF.certificate.serial_number) is None
    assert list(directory.iterdir()) == []


def test_a_cache_that_cannot_be_written_is_no_reason_to_fail(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    cache = ResponseCache(blocked / "cache")

    put(cache)

    assert cache.get(CA.certificate, LEAF.certificate.serial_number) is None


def test_the_oldest_make_room(tmp_path: Path) -> None:
    assert ResponseCache(tmp_path)._entries.max_entries == MAX_CACHED_RESPONSES == 10_000
    cache = ResponseCache(tmp_path / "cache", max_entries=10)
    for _ in range(25):
        put(cache, CA.issue_server())

    assert 9 <= len(list((tmp_path / "cache").iterdir())) <= 10


def test_the_file_is_json_and_der_and_nothing_to_execute(tmp_path: Path) -> None:
    response = verified()
    cache = ResponseCache(tmp_path / "cache")
    cache.put(response, CA.certificate, fresh_until=LATER, url="http://a/", method="POST")
    (file,) = (tmp_path / "cache").iterdir()

    head, _, der = file.read_bytes().partition(b"\n")

    assert set(json.loads(head)) == {"format", "freshUntil", "url", "method"}
    assert der == response.der


def test_what_a_killed_writer_left_makes_room_too(tmp_path: Path) -> None:
    directory = tmp_path / "cache"
    cache = ResponseCache(directory, max_entries=10)
    put(cache)
    for number in range(12):
        leftover = directory / f".new-{number}"
        leftover.touch()
        os.utime(leftover, (0, 0))

    put(cache, CA.issue_server())

    assert {file.suffix for file in directory.glob("[!.]*")} == {".ors"}
    assert len(list(directory.iterdir())) <= 10


def test_readers_never_see_half_an_entry_whatever_writers_do(tmp_path: Path) -> None:
    cache = ResponseCache(tmp_path / "cache")
    put(cache)
    whole = verified(LEAF).der

    def write(_: int) -> None:
        put(cache)

    def read(_: int) -> bool:
        got = cache.get(CA.certificate, LEAF.certificate.serial_number)
        return got is not None and got.der == whole

    with ThreadPoolExecutor(4) as pool:
        written = pool.map(write, range(50))
        seen = list(pool.map(read, range(200)))
        list(written)

    assert all(seen)


_FORKED: Final = """
import os, pathlib, sys
from certstatus.pkix import Certificate
from certstatus.requestor import ResponseCache
directory, issuer, serial_number = sys.argv[1:]
cache = ResponseCache(pathlib.Path(directory))
issuer = Certificate.from_der(bytes.fromhex(issuer))
cache.get(issuer, int(serial_number))
if os.fork() == 0:
    os._exit(cache.get(issuer, int(serial_number)) is None)
status = os.waitstatus_to_exitcode(os.wait()[1])
sys.exit(status or cache.get(issuer, int(serial_number)) is None)
"""


def test_a_cache_serves_parent_and_child_after_a_fork(tmp_path: Path) -> None:
    put(ResponseCache(tmp_path / "cache"))
    serial_number = str(LEAF.certificate.serial_number)

    done = subprocess.run(
        [
            sys.executable,
            "-c",
            _FORKED,
            tmp_path / "cache",
            CA.certificate.der.hex(),
            serial_number,
        ],
        check=False,
        timeout=30,
    )

    assert done.returncode == 0


@pytest.mark.parametrize(
    ("headers", "end"),
    [
        ({}, "next_update"),
        ({"cache-control": "max-age=3600"}, NOW + timedelta(hours=1)),
        ({"cache-control": "public, max-age=3600, no-transform"}, NOW + timedelta(hours=1)),
        ({"cache-control": "max-age=3600", "age": "600"}, NOW + timedelta(minutes=50)),
        ({"cache-control": "max-age=99999999999"}, "next_update"),
        ({"cache-control": "max-age=3600", "expires": "Thu, 01 Jan 1970 00:00:00 GMT"}, LATER),
        ({"expires": "Sat, 21 Nov 2026 12:30:00 GMT"}, NOW + timedelta(minutes=30)),
        ({"expires": "Sat, 21 Nov 2026 12:30:00 -0000"}, NOW + timedelta(minutes=30)),
        ({"expires": "Sat, 21 Nov 2026 14:30:00 +0200"}, NOW + timedelta(minutes=30)),
        ({"expires": "Sat, 21 Nov 99999 12:30:00 GMT"}, None),
        ({"expires": "Sat, 21 Nov 2026 12:30:00 +999999999999"}, None),
        ({"expires": "0"}, None),
        ({"cache-control": "no-store"}, None),
        ({"cache-control": "no-cache"}, None),
        ({"cache-control": "max-age=0"}, None),
        ({"cache-control": "max-age=much"}, "next_update"),
    ],
)
@pytest.mark.rule("L13", "L14")
def test_an_answer_is_used_until_the_server_or_next_update_says_stop(
    headers: dict[str, str], end: datetime | str | None
) -> None:
    response = verified()
    wanted = response.single.next_update if end == "next_update" else end

    assert fresh_until(response, headers, NOW) == wanted


_HEADER: Final = st.text(st.characters(max_codepoint=255), max_size=40)
_DATE: Final = st.builds(
    "{} {}".format, st.sampled_from(["Sat, 21 Nov 2026 12:00:00", ""]), _HEADER
)


@given(
    st.dictionaries(
        st.sampled_from(["cache-control", "age", "expires"]),
        _HEADER | _DATE | _HEADER.map("max-age={}".format),
    )
)
def test_no_header_makes_an_answer_live_past_its_end_or_raises(headers: dict[str, str]) -> None:
    response = verified()
    assert response.expires is not None

    end = fresh_until(response, headers, NOW)

    assert end is None or NOW < end <= response.expires
