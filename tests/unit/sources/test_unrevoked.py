"""What is said of certificates that are not revoked: the same objects while it is the same."""

from __future__ import annotations

from certstatus.ocsp import Good
from certstatus.sources import Known, Unlisted
from certstatus.sources.unrevoked import UnrevokedAt
from tests.books import LATER, NOW


def test_both_are_of_that_this_update() -> None:
    said = UnrevokedAt("books")(NOW)

    assert said.good == Known(cert_status=Good(), this_update=NOW, origin="books")
    assert said.unlisted == Unlisted(this_update=NOW, origin="books", lists_issued=True)


def test_they_are_the_same_objects_until_this_update_is_another() -> None:
    unrevoked = UnrevokedAt("books")
    said = unrevoked(NOW)

    assert unrevoked(NOW) is said
    assert unrevoked(NOW + LATER).good.this_update == NOW + LATER
