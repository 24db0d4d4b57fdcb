"""The manual's tables of SCVP's messages name every item that `show` tells, and no other."""

from __future__ import annotations

import re

import pytest

from certstatus.explain import Field, explain
from dev.tree import ROOT
from tests import scvp_messages as of

PAGE = (ROOT / "docs" / "manual" / "messages.md").read_text(encoding="utf-8")


def children(field: Field) -> list[str]:
    return [child.name for child in field.children]


REQUEST = explain(of.CV_REQUEST_OCTETS)
RESPONSE = explain(of.CV_RESPONSE_OCTETS)
SECTIONS = {
    "CVRequest": {*children(REQUEST), *children(REQUEST.at("query"))},
    "ValidationPolicy": {*children(REQUEST.at("query", "validationPolicy"))},
    "CVResponse": {*children(RESPONSE), *children(RESPONSE.at("replyObjects", "CertReply"))},
    "ValPolRequest and ValPolResponse": {
        *children(explain(of.VAL_POL_REQUEST_OCTETS)),
        *children(explain(of.VAL_POL_RESPONSE_OCTETS)),
    },
}


@pytest.mark.parametrize("heading", SECTIONS)
def test_a_table_names_every_item_once(heading: str) -> None:
    _, _, rest = PAGE.partition(f"\n### {heading}\n")
    table = re.split(r"^#", rest, maxsplit=1, flags=re.MULTILINE)[0]
    named = re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)

    assert len(named) == len(set(named))
    assert set(named) == SECTIONS[heading]
