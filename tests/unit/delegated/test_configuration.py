from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from certstatus.delegated import ConfigurationState, CountedConfigurations


@pytest.mark.rule("S21")
@given(st.lists(st.sampled_from([b"a", b"b", b"c"]), min_size=1))
def test_a_number_stands_for_one_configuration_and_rises(digests: list[bytes]) -> None:
    numbers = CountedConfigurations()
    given_out = [numbers.number_of(digest) for digest in digests]
    assert given_out == sorted(given_out)
    for before, now, number, next_number in zip(
        digests, digests[1:], given_out, given_out[1:], strict=False
    ):
        assert (number == next_number) == (before == now)


def test_counting_goes_on_from_what_was_kept() -> None:
    kept = ConfigurationState(number=7, digest=b"a")
    assert kept.after(b"a") is kept
    assert kept.after(b"b") == ConfigurationState(number=8, digest=b"b")
    assert CountedConfigurations(kept).number_of(b"b") == 8
