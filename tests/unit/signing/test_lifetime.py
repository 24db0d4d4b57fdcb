from __future__ import annotations

from datetime import timedelta

import pytest

from certstatus.signing import LocalSigner, check_lifetime, clamp, last_moment, make_signers
from certstatus.testing import Issued, TinyCA
from certstatus.testing.ca import EPOCH

DAY = timedelta(days=1)
CA = TinyCA("Mortal CA", not_after=EPOCH + 100 * DAY)


def signer(issued: Issued) -> LocalSigner:
    return make_signers(issued.key, issued.certificate, issuer=CA.certificate)[0]


SHORT = signer(CA.issue_responder(not_after=EPOCH + 30 * DAY))
LONG = signer(CA.issue_responder(not_after=EPOCH + 300 * DAY))
DIRECT = signer(CA.issued)


@pytest.mark.parametrize(
    ("one", "days"), [(SHORT, 30), (LONG, 100), (DIRECT, 100)], ids=["signer", "ca", "direct"]
)
def test_next_update_passes_neither_the_signers_end_nor_the_cas(
    one: LocalSigner, days: int
) -> None:
    end = EPOCH + days * DAY
    second = timedelta(seconds=1)

    assert last_moment(one, CA.certificate) == end
    assert clamp(end + second, one, CA.certificate) == end
    assert clamp(end, one, CA.certificate) == end
    assert clamp(end - second, one, CA.certificate) == end - second


@pytest.mark.parametrize(("one", "whose"), [(SHORT, "the signer"), (LONG, "the CA")])
def test_the_end_is_told_from_the_first_answer_on_that_it_shortens(
    one: LocalSigner, whose: str
) -> None:
    end = last_moment(one, CA.certificate)
    early, late = end - 4 * DAY - timedelta(seconds=1), end - 4 * DAY

    assert check_lifetime(one, CA.certificate, now=early, notice=4 * DAY) is None
    finding = check_lifetime(one, CA.certificate, now=late, notice=4 * DAY)
    assert finding is not None
    assert finding.text.startswith(f"{whose} expires on {end:%F}")
