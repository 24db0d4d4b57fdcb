"""Events are a closed set, each with a level, and no name in them forges a line of a log."""

from __future__ import annotations

import logging

import pytest

from certstatus.staple import StapleEvent, StapleEventKind
from tests.feeding import CA, NOW


@pytest.mark.parametrize("kind", StapleEventKind)
def test_every_kind_has_a_level(kind: StapleEventKind) -> None:
    assert kind.level in {logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR}


def test_what_strict_clients_would_notice_is_an_error() -> None:
    loud = {kind for kind in StapleEventKind if kind.level == logging.ERROR}

    assert loud == {
        StapleEventKind.REVOKED,
        StapleEventKind.EXPIRED,
        StapleEventKind.MISSING,
        StapleEventKind.DEFECT,
    }


def test_neither_a_name_nor_a_peers_words_start_a_new_line() -> None:
    leaf = CA.issue("leaf\nERROR all is lost").certificate
    event = StapleEvent(
        kind=StapleEventKind.FAILED, certificate=leaf, at=NOW, reason="HTTP\r\n\x1b[2J says no"
    )

    assert str(event).isprintable()
    assert str(event).endswith(r"HTTP\r\n\x1b[2J says no")
