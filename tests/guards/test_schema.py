from __future__ import annotations

from typing import Annotated, Literal, Optional

import pytest

from certstatus.asn1 import x509
from certstatus.asn1.doorway import TLV, Explicit, Null, Variant
from dev.guards import schema

Choice = Annotated[int, Explicit(0)] | Annotated[bytes, Explicit(1)] | None


def test_no_declaration_lists_an_optional_element() -> None:
    assert not (found := schema.violations(schema.declarations("certstatus.asn1"))), found


def test_the_declarations_are_found() -> None:
    found = schema.declarations("certstatus.asn1")

    assert x509.Certificate in found
    assert {cls.__name__ for cls in found} >= {"OCSPRequest", "OCSPResponse", "CertificateList"}


@pytest.mark.parametrize(
    "hint",
    [
        list[int | None],
        list[Optional[int]],  # noqa: UP045  # the older spelling must be seen too
        list[Null | TLV | None],
        list[Choice],
        list[Annotated[int | None, Explicit(0)]],
        list[list[int | None]],
        Annotated[list[int | None] | None, Explicit(2)],
        list[int | None] | None,
    ],
)
def test_a_list_of_an_optional_element_is_reported(hint: object) -> None:
    (found,) = schema.violations([declared(hint)])

    assert "Planted.field: a list of" in found


@pytest.mark.parametrize(
    "hint",
    [
        list[int],
        list[int] | None,
        Annotated[list[TLV] | None, Explicit(0)],
        Null | TLV | None,
        Annotated[Variant[Null, Literal["good"]], Explicit(0)],
    ],
)
def test_a_list_of_whole_elements_is_fine(hint: object) -> None:
    assert schema.violations([declared(hint)]) == []


def declared(hint: object) -> type:
    return type("Planted", (), {"__annotations__": {"field": hint}})
