"""A full CRL and its deltas say what the full CRL says that is made later (RFC 5280 §5.2.4)."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import pytest
from cryptography import x509
from hypothesis import given
from hypothesis import strategies as st

from certstatus.pkix import CertificateList, CRLReason
from certstatus.sources.crl_listing import Listing, read_listing
from certstatus.sources.crl_scope import Issuance
from certstatus.sources.crl_set import CRLSet, Listed, NotListed
from certstatus.testing import TinyCA
from tests.books import HOLD, NOW, REMOVED, Entry, crl

CA = TinyCA()
SERIALS = range(1, 5)
LOST = x509.CRLReason(x509.ReasonFlags.key_compromise), False

State = dict[int, CRLReason]
"""What is revoked or on hold."""


@dataclass(frozen=True)
class Step:
    """One change before the next CRL: to None a hold is released."""

    serial_number: int
    to: CRLReason | None

    def on(self, state: State) -> State:
        """Change the books; a revocation is for ever."""
        if state.get(self.serial_number) is CRLReason.KEY_COMPROMISE:
            return state
        rest = {one: why for one, why in state.items() if one != self.serial_number}
        return rest if self.to is None else {**rest, self.serial_number: self.to}


STEPS = st.builds(
    Step,
    st.sampled_from(SERIALS),
    st.sampled_from([None, CRLReason.CERTIFICATE_HOLD, CRLReason.KEY_COMPROMISE]),
)


def histories() -> st.SearchStrategy[list[State]]:
    """Make the books as they stood when CRL 0, 1, 2 … was issued."""

    def walked(changes: list[list[Step]]) -> list[State]:
        states: list[State] = [{}]
        for steps in changes:
            state = states[-1]
            for step in steps:
                state = step.on(state)
            states.append(state)
        return states

    return st.lists(st.lists(STEPS, max_size=4), min_size=1, max_size=6).map(walked)


def entry_of(serial_number: int, why: CRLReason | None) -> Entry:
    reasons = {None: REMOVED, CRLReason.CERTIFICATE_HOLD: HOLD, CRLReason.KEY_COMPROMISE: LOST}
    return serial_number, [reasons[why]]


def listing(der: bytes) -> Listing:
    return read_listing(CertificateList.from_der(der), [CA.certificate], now=NOW)


def full(states: list[State], number: int) -> Listing:
    entries = (entry_of(*one) for one in states[number].items())
    return listing(crl(CA, *entries, number=number))


def delta(states: list[State], number: int, base: int) -> Listing:
    """List all that changed since ``base``, also what changed back (§5.2.4)."""
    span = states[base : number + 1]
    changed = [
        one
        for one in SERIALS
        if any(before.get(one) != after.get(one) for before, after in pairwise(span))
    ]
    entries = (entry_of(one, states[number].get(one)) for one in changed)
    return listing(crl(CA, *entries, number=number, delta_of=base))


def said(listings: list[Listing]) -> State:
    crls = CRLSet(listings, Issuance())
    verdicts = {one: crls.say(one, NOW) for one in SERIALS}
    assert all(isinstance(one, Listed | NotListed) for one in verdicts.values())
    return {
        serial_number: verdict.entry.reason
        for serial_number, verdict in verdicts.items()
        if isinstance(verdict, Listed) and verdict.entry.reason is not None
    }


@pytest.mark.rule("C2", "C3")
@given(states=histories(), data=st.data())
def test_full_and_delta_equal_the_full_crl_made_later(
    states: list[State], data: st.DataObject
) -> None:
    """The full CRL is any from the delta's base up to the delta itself."""
    last = len(states) - 1
    base = data.draw(st.integers(0, last - 1), label="base")
    at = data.draw(st.integers(base, last - 1), label="full")
    joined = [full(states, at), delta(states, last, base)]

    assert said(joined) == said([full(states, last)]) == states[last]


@pytest.mark.rule("C2", "C3")
@given(states=histories(), data=st.data())
def test_a_chain_of_deltas_in_any_order_equals_the_full_crl(
    states: list[State], data: st.DataObject
) -> None:
    bases = [data.draw(st.integers(0, number), label="base") for number in range(len(states) - 1)]
    chain = [full(states, 0), *(delta(states, at + 1, base) for at, base in enumerate(bases))]

    assert said(data.draw(st.permutations(chain))) == states[-1]


@pytest.mark.rule("C1", "C2")
@given(states=histories(), data=st.data())
def test_old_full_crls_and_deltas_beside_it_change_nothing(
    states: list[State], data: st.DataObject
) -> None:
    last = len(states) - 1
    old = data.draw(st.lists(st.integers(0, last)), label="old full CRLs")
    overtaken = data.draw(st.lists(st.integers(1, last)), label="old deltas")
    pile = [
        full(states, last),
        *(full(states, one) for one in old),
        *(delta(states, one, one - 1) for one in overtaken),
    ]

    assert said(data.draw(st.permutations(pile))) == states[last]
