"""Which CRL entry extensions an answer repeats, by profile."""

from __future__ import annotations

import pytest

from certstatus.ocsp import NO_EXTENSIONS, InvalidityDate, ReasonCode
from certstatus.pkix import CRLReason
from certstatus.sources import EntryExtensions
from tests.books import DAY, NOW

REASON = CRLReason.KEY_COMPROMISE


@pytest.mark.rule("O28")
def test_rfc_repeats_reason_and_invalidity_date() -> None:
    extensions = EntryExtensions.RFC.of(REASON, NOW - DAY)

    assert extensions.get(ReasonCode) == ReasonCode(REASON)
    assert extensions.get(InvalidityDate) == InvalidityDate(NOW - DAY)
    assert not any(extension.critical for extension in extensions)


@pytest.mark.rule("O28", "B5")
def test_br_never_repeats_the_reason() -> None:
    extensions = EntryExtensions.CABF.of(REASON, NOW - DAY)

    assert not extensions.has(ReasonCode)
    assert extensions.get(InvalidityDate) == InvalidityDate(NOW - DAY)


@pytest.mark.rule("O28")
def test_none_repeats_nothing() -> None:
    assert EntryExtensions.NONE.of(REASON, NOW - DAY) == NO_EXTENSIONS


@pytest.mark.parametrize("profile", EntryExtensions)
def test_nothing_to_repeat_leaves_the_list_absent(profile: EntryExtensions) -> None:
    assert profile.of(None, None) == NO_EXTENSIONS
