"""Whom a source may be asked about without a CertID: certificates of its own issuer, and of no other."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest

from certstatus.pkix import Certificate
from certstatus.sources import Answer, AtHand, OpenSSLIndex, Stack, Upstream, at_hand_for
from certstatus.testing import TinyCA
from tests.books import NOW, valid, write_index
from tests.desk import Says, known


class Near(Says):
    """Says it at hand too, of whatever CA."""

    def __init__(self, answer: Answer, issuer: Certificate | None) -> None:
        super().__init__(answer)
        self.issuer = issuer

    def edition(self, now: datetime) -> object | None:
        del now
        return None if isinstance(self.answer, Exception) else self.answer

    def at_hand(self, serial_number: int, now: datetime) -> Answer | None:
        del serial_number, now
        assert not callable(self.answer)
        assert not isinstance(self.answer, Exception)
        return self.answer


def test_a_source_is_at_hand_for_its_own_issuer(ca: TinyCA, tmp_path: Path) -> None:
    index = OpenSSLIndex(write_index(tmp_path / "i", valid(1)), ca.certificate, now=NOW)

    assert at_hand_for(ca.certificate, index) is index
    assert isinstance(index, AtHand)


@pytest.mark.rule("O1")
def test_a_serial_number_means_nothing_under_another_issuer(ca: TinyCA, other_ca: TinyCA) -> None:
    near = Near(known(), ca.certificate)
    same_name = TinyCA(key=other_ca.key)
    same_key = TinyCA("Other CA", key=ca.key)

    assert at_hand_for(ca.certificate, near) is near
    for other in (other_ca, same_name, same_key):
        assert at_hand_for(other.certificate, near) is None


def test_who_does_not_tell_its_issuer_is_never_at_hand(ca: TinyCA) -> None:
    assert at_hand_for(ca.certificate, Near(known(), None)) is None
    assert at_hand_for(ca.certificate, Says(known())) is None


def test_an_upstream_is_never_at_hand(ca: TinyCA) -> None:
    upstream = Upstream(["http://ocsp.example/"], ca.certificate)

    assert at_hand_for(ca.certificate, upstream) is None
    assert at_hand_for(ca.certificate, Stack(Near(known(), ca.certificate), upstream)) is None
