from __future__ import annotations

from certstatus.path import CertificatePool
from certstatus.pkix import Name
from certstatus.testing import TinyCA
from tests.paths import cross

ROOT = TinyCA("Root")
CA = TinyCA("CA", parent=ROOT)
LOWER = TinyCA("Lower", parent=CA)


def folded(name: str) -> object:
    return Name.from_rfc4514(f"CN={name}").folded


def test_a_certificate_is_held_once_and_found_by_its_name_however_it_is_written() -> None:
    pool = CertificatePool([CA.certificate])
    assert pool.add([CA.certificate, LOWER.certificate]) == 1
    assert len(pool) == 2
    assert list(pool.named(Name.from_rfc4514("CN=ca").folded)) == [CA.certificate]
    assert CA.certificate in pool
    assert "CA" not in pool


def test_a_pool_over_another_leaves_it_as_it_is() -> None:
    beneath = CertificatePool([CA.certificate])
    pool = CertificatePool([CA.certificate, LOWER.certificate], over=beneath)
    assert len(pool) == 2
    assert list(pool) == [LOWER.certificate, CA.certificate]
    assert list(beneath) == [CA.certificate]


def test_distances_are_counted_by_names() -> None:
    pool = CertificatePool([CA.certificate, LOWER.certificate])
    anchors = frozenset({ROOT.certificate.subject.folded})
    assert pool.distances(anchors) == {folded("Root"): 0, folded("CA"): 1, folded("Lower"): 2}
    assert CertificatePool(over=pool).distances(anchors) is pool.distances(anchors)
    shorter = CertificatePool([cross(ROOT, LOWER)], over=pool)
    assert shorter.distances(anchors)[folded("Lower")] == 1
    pool.add([TinyCA("Other", parent=LOWER).certificate])
    assert pool.distances(anchors)[folded("Other")] == 3
