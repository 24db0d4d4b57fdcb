from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from certstatus.limits_path import MAX_PATH_BEGINNINGS, MAX_PATH_LENGTH, MAX_PATHS
from certstatus.path import (
    CertificatePool,
    Evidence,
    PathFinder,
    PathInputs,
    ValidationError,
    Work,
    WorkLimits,
    build,
    find_paths,
)
from certstatus.pkix import Certificate
from certstatus.testing import TinyCA
from tests.paths import DAY, NOW, cross, paths

ROOT = TinyCA("Root")
CA = TinyCA("CA", parent=ROOT)
LEAF = CA.issue("leaf").certificate


def names(path: Sequence[Certificate]) -> list[str]:
    return [str(one.subject) for one in path]


def test_the_shortest_path_comes_first() -> None:
    middle = TinyCA("Middle", parent=ROOT)
    long_way = cross(middle, CA)
    found = paths(LEAF, [ROOT.certificate], [long_way, middle.certificate, CA.certificate])
    assert [names(path.certificates) for path in found] == [
        ["CN=leaf", "CN=CA"],
        ["CN=leaf", "CN=CA", "CN=Middle"],
    ]


def test_what_is_no_longer_valid_comes_last_and_still_comes() -> None:
    old = cross(ROOT, CA, not_before=NOW - 20 * DAY, not_after=NOW - DAY)
    found = paths(LEAF, [ROOT.certificate], [old, CA.certificate])
    assert [path.certificates[1] for path in found] == [CA.certificate, old]


def test_a_bridge_leads_from_one_anchor_to_another() -> None:
    bridge, ours = TinyCA("Bridge"), TinyCA("Our root")
    pool = [cross(bridge, ROOT), cross(ours, bridge), CA.certificate]
    (path,) = paths(LEAF, [ours.certificate], pool)
    assert names(path.certificates) == ["CN=leaf", "CN=CA", "CN=Root", "CN=Bridge"]


def test_two_anchors_each_have_their_path() -> None:
    ours = TinyCA("Our root")
    pool = [cross(ours, ROOT), CA.certificate]
    found = paths(LEAF, [ROOT.certificate, ours.certificate], pool)
    # A path ends at the first anchor, and leads through none.
    assert [path.anchor for path in found] == [ROOT.certificate]


def test_an_anchor_may_be_the_certificate_in_question() -> None:
    (path,) = paths(ROOT.certificate, [ROOT.certificate], [])
    assert path.certificates == (ROOT.certificate,)


def test_names_alone_make_no_path() -> None:
    impostor = TinyCA("CA", parent=ROOT)
    assert paths(LEAF, [ROOT.certificate], [impostor.certificate]) == []
    assert len(paths(LEAF, [ROOT.certificate], [impostor.certificate, CA.certificate])) == 1


def test_a_cycle_ends() -> None:
    one, other = TinyCA("One"), TinyCA("Other")
    pool = [cross(one, other), cross(other, one), one.certificate, other.certificate]
    assert paths(one.issue("leaf").certificate, [ROOT.certificate], pool) == []


def test_a_path_is_no_longer_than_it_may_be() -> None:
    def chain(length: int) -> tuple[Certificate, list[Certificate]]:
        authority, pool = ROOT, []
        for number in range(length):
            authority = TinyCA(f"CA {number}", parent=authority)
            pool.append(authority.certificate)
        return authority.issue("leaf").certificate, pool

    for length, count in ((MAX_PATH_LENGTH - 1, 1), (MAX_PATH_LENGTH, 0)):
        leaf, pool = chain(length)
        assert len(paths(leaf, [ROOT.certificate], pool)) == count


def test_no_more_paths_come_than_may_be_tried() -> None:
    doubles = [cross(ROOT, CA) for _ in range(MAX_PATHS + 5)]
    assert len(paths(LEAF, [ROOT.certificate], doubles)) == MAX_PATHS


@pytest.mark.parametrize(
    ("limits", "why"),
    [
        (WorkLimits(signatures=1), "1 signature checks"),
        (WorkLimits(paths=0), "0 paths were tried"),
    ],
    ids=["signatures", "paths"],
)
def test_a_search_that_was_cut_says_so(limits: WorkLimits, why: str) -> None:
    finder = search(LEAF, [CA.certificate], Work(limits=limits))
    assert finder.found == 0
    assert finder.errors == (ValidationError.NO_VALID_CERT_PATH,)
    assert finder.reason.startswith("the search was ended: ")
    assert why in finder.reason


def search(leaf: Certificate, pool: Sequence[Certificate], work: Work) -> PathFinder:
    evidence = Evidence(pool=CertificatePool(pool), work=work)
    finder = find_paths(leaf, PathInputs(anchors=(ROOT.certificate,)), evidence, NOW)

    async def run() -> None:
        async for _ in finder.paths():
            pass

    asyncio.run(run())
    return finder


def test_no_more_beginnings_wait_than_may(monkeypatch: pytest.MonkeyPatch) -> None:
    assert MAX_PATH_BEGINNINGS > 10_000
    monkeypatch.setattr(build, "MAX_PATH_BEGINNINGS", 3)
    impostors = [TinyCA("CA", parent=TinyCA("Root")).certificate for _ in range(6)]
    finder = search(LEAF, impostors, Work())
    assert finder.reason == "the search was ended: more than 3 paths begin"
