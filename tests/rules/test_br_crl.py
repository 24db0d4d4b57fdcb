"""What the Baseline Requirements ask of CRLs is told when one is read (BR 4.9.7, 7.2)."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from certstatus.sources import CRL, EventKind, Issues, Known
from certstatus.testing import TinyCA
from tests.books import DAY, NOW, Watcher, ask, crl, scope

LOST = 0x9B
POINT = "http://crl.ca.example/1.crl"
SECOND = timedelta(seconds=1)

pytestmark = pytest.mark.rule("B8")


@pytest.fixture
def ca() -> TinyCA:
    return TinyCA()


def told(ca: TinyCA, tmp_path: Path, der: bytes, **wishes: Any) -> list[str]:
    """Read a CRL, make sure that it is used, and return what is told of it."""
    file, watcher = tmp_path / "ca.crl", Watcher()
    file.write_bytes(der)
    wishes = {"baseline": True, **wishes}
    source = CRL(file, ca.certificate, now=NOW, observer=watcher, **wishes)
    assert isinstance(ask(source, ca, LOST), Known)
    assert set(watcher.kinds) <= {EventKind.BREACH}
    assert all(event.is_alarm for event in watcher.events)
    return [event.detail.partition(f"of {ca.certificate.subject} ")[2] for event in watcher.events]


def lasting(ca: TinyCA, life: timedelta, *, age: timedelta = DAY, **wishes: Any) -> bytes:
    begin = NOW - age
    return crl(ca, LOST, this_update=begin, next_update=begin + life, **wishes)


def test_a_crl_within_its_bounds_is_not_told_of(ca: TinyCA, tmp_path: Path) -> None:
    assert told(ca, tmp_path, lasting(ca, 10 * DAY - SECOND, age=7 * DAY)) == []


def test_one_that_is_valid_for_more_than_ten_days_is_told_of(ca: TinyCA, tmp_path: Path) -> None:
    assert told(ca, tmp_path, lasting(ca, 10 * DAY)) == [
        "is valid for 10 days, and BR 7.2 allow 10"
    ]
    assert told(ca, tmp_path, lasting(ca, 10 * DAY), baseline=False) == []


def test_one_that_is_older_than_seven_days_is_told_of(ca: TinyCA, tmp_path: Path) -> None:
    der = lasting(ca, 9 * DAY, age=7 * DAY + SECOND)

    assert told(ca, tmp_path, der) == ["is 7 days old, and BR 4.9.7 ask for a new one every 7"]


def test_crls_of_cas_may_last_a_year(ca: TinyCA, tmp_path: Path) -> None:
    of_cas = {"issues": Issues.CA_CERTIFICATES}
    by_scope = lasting(
        ca, 300 * DAY, age=100 * DAY, extensions=[scope(only_contains_ca_certs=True)]
    )

    assert told(ca, tmp_path, by_scope, **of_cas) == []
    assert told(ca, tmp_path, lasting(ca, 300 * DAY, age=100 * DAY), **of_cas) == []
    assert told(ca, tmp_path, lasting(ca, 400 * DAY), **of_cas) == [
        "is valid for 400 days, and BR 7.2 allow 366"
    ]


def test_a_shard_names_its_point_octet_by_octet_and_is_critical(ca: TinyCA, tmp_path: Path) -> None:
    exact = lasting(ca, 5 * DAY, extensions=[scope(full_name=POINT)])
    lax = lasting(ca, 5 * DAY, extensions=[(scope(full_name=POINT)[0], False)])

    assert told(ca, tmp_path, exact, partitions=[POINT]) == []
    assert told(ca, tmp_path, exact, distribution_points=[POINT]) == []
    (finding,) = told(ca, tmp_path, exact, partitions=[POINT.replace("ca.", "CA.")])
    assert finding.startswith(f"names the distribution point {POINT}, which is none")
    assert told(ca, tmp_path, lax, partitions=[POINT]) == [
        "has an issuingDistributionPoint that is not critical"
    ]


def test_an_indirect_crl_is_told_of(ca: TinyCA, tmp_path: Path) -> None:
    der = lasting(ca, 5 * DAY, extensions=[scope(indirect_crl=True)])

    assert told(ca, tmp_path, der) == ["is an indirect CRL, which BR 7.2.2.1 forbid"]
