"""The manual's page of the SCVP server tells of every status of a request."""

from __future__ import annotations

import re

from certstatus.delegated.demand import CHECKS
from certstatus.scvp import CVStatusCode
from dev.tree import ROOT

PAGE = (ROOT / "docs" / "manual" / "scvp-server.md").read_text(encoding="utf-8")


def test_every_status_of_a_request_has_its_word() -> None:
    _, _, table = PAGE.partition("## Which error is when")
    told = set(re.findall(r"\b[a-z]+(?:[A-Z][A-Za-z]+)+\b", table))
    assert {one.label for one in CVStatusCode if one is not CVStatusCode.OKAY} <= told


def test_every_check_that_is_offered_is_told() -> None:
    assert all(one.label.removeprefix("id-stc-") in PAGE for one in CHECKS)
