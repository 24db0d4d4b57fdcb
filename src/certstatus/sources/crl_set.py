"""What several CRLs say together of one serial number (RFC 5280 §5.2.4, §6.3.3). Pure.

Of each slot, that is key and scope, the newest full CRL stands with the deltas that combine
with it. A serial that any of them lists is revoked; one that none lists is not revoked only
where together they cover all reasons for all that the authority issues (C5); else its
status is not determined. A CRL past its nextUpdate says nothing any more (C9).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from typing import TypeAlias

from certstatus.pkix import CRLReason, IssuingDistributionPoint, RevokedEntry, serial_octets
from certstatus.pkix.crl_index import CRLIndex
from certstatus.pkix.crl_rules import leniency
from certstatus.sources.crl_listing import Listing
from certstatus.sources.crl_scope import Issuance, coverage_gap, has_part

__all__ = [
    "CRLSet",
    "Listed",
    "NotListed",
    "Undetermined",
    "Verdict",
    "View",
    "combination_problem",
]


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """A full CRL and the deltas over it, the oldest first; numbers and times are the newest's."""

    full: Listing
    deltas: tuple[Listing, ...] = ()

    @property
    def newest(self) -> Listing:
        """The CRL that number and times are taken from (C2)."""
        return self.deltas[-1] if self.deltas else self.full

    @property
    def scope(self) -> IssuingDistributionPoint:
        """What the full CRL covers, and so does each of its deltas."""
        return self.full.scope

    @property
    def archive_cutoff(self) -> datetime | None:
        """The full CRL's: a delta tells changes alone."""
        return self.full.archive_cutoff

    def entry(self, serial_number: int) -> RevokedEntry | None:
        """Search the newest first; removeFromCRL ends the search (§6.3.3 i to k, C3)."""
        for listing in (*reversed(self.deltas), self.full):
            entry = listing.entries.get(serial_number)
            if entry is not None:
                return None if entry.reason is CRLReason.REMOVE_FROM_CRL else entry
        return None


def combination_problem(delta: Listing, newest: Listing) -> str | None:
    """Say why a delta does not add to a full CRL, or to one with deltas; None: it does (C2).

    ``newest`` is what stands: the full CRL, or the last delta that was added to it.
    """
    return _kinship_problem(delta, newest) or _number_problem(delta, newest.crl_number)


def _kinship_problem(delta: Listing, newest: Listing) -> str | None:
    if delta.signer.spki_der != newest.signer.spki_der:
        return "is signed with another key"
    if (delta.has_scope, delta.scope) != (newest.has_scope, newest.scope):
        return "has another issuingDistributionPoint"
    if delta.authority_key_identifier != newest.authority_key_identifier:
        return "has another authorityKeyIdentifier"
    return None


def _number_problem(delta: Listing, stands: int | None) -> str | None:
    assert delta.crl_number is not None  # read_listing asks for both
    assert delta.base_crl_number is not None
    if stands is None:
        return "adds to a CRL that has no CRLNumber"
    if stands < delta.base_crl_number:
        return f"adds to CRLNumber {delta.base_crl_number}, and {stands} stands"
    if stands >= delta.crl_number:
        return f"is not newer than CRLNumber {stands}, which stands"
    return None


# --- verdicts ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Listed:
    """The certificate is revoked, or on hold, by this entry of this view."""

    entry: RevokedEntry
    view: View


@dataclass(frozen=True, slots=True)
class NotListed:
    """Nothing lists it, and nothing is left out: these views say so together."""

    views: tuple[View, ...]


@dataclass(frozen=True, slots=True)
class Undetermined:
    """Nothing at hand lists it, and what is not at hand may; ``rule`` tells why."""

    reason: str
    rule: str

    @property
    def is_expiry(self) -> bool:
        """Whether it would be determined, had a CRL not expired."""
        return self.rule == "C9"


Verdict: TypeAlias = Listed | NotListed | Undetermined


@dataclass(frozen=True, slots=True)
class _Current:
    """What holds from one nextUpdate to the next; None: without an end on that side."""

    since: datetime | None
    until: datetime | None
    views: tuple[View, ...]
    indexes: tuple[CRLIndex, ...]
    otherwise: NotListed | Undetermined

    def holds_at(self, now: datetime) -> bool:
        after = self.since is None or self.since <= now
        return after and (self.until is None or now < self.until)


class CRLSet:
    """The CRLs of one authority. They never change, and no clock is asked."""

    def __init__(self, listings: Iterable[Listing], issuance: Issuance) -> None:
        self.listings = tuple(listings)
        self.views = tuple(_views(self.listings))
        self.in_use = frozenset(one for view in self.views for one in (view.full, *view.deltas))
        self._issuance = issuance
        self._current: _Current | None = None

    def say(self, serial_number: int, now: datetime) -> Verdict:
        """Say what the CRLs that are current at ``now`` say; of several entries the strictest."""
        current = self._at(now)
        octets = serial_octets(serial_number)
        for index in current.indexes:
            if index.find(octets) is not None:
                return self._strictest(current, serial_number)
        return current.otherwise

    @staticmethod
    def _strictest(current: _Current, serial_number: int) -> Verdict:
        found = [
            Listed(entry, view)
            for view in current.views
            if (entry := view.entry(serial_number)) is not None
        ]
        return min(found, key=lambda one: leniency(one.entry)) if found else current.otherwise

    def problem(self, now: datetime) -> Undetermined | None:
        """Say why an unlisted serial is not determined at ``now``; None: it is."""
        otherwise = self._at(now).otherwise
        return otherwise if isinstance(otherwise, Undetermined) else None

    def serial_numbers(self) -> Iterator[int]:
        """Yield every serial number that some CRL in use lists, more than once where several do."""
        return chain.from_iterable(one.entries for one in self.in_use)

    def idle_deltas(self) -> list[str]:
        """Name the deltas that are newer than what stands and yet add nothing, and why."""
        idle = [one for one in self.listings if one.base_crl_number is not None]
        problems = ((one, self._problem_of(one)) for one in idle if one not in self.in_use)
        return [f"{one} {problem}" for one, problem in problems if problem is not None]

    def _problem_of(self, delta: Listing) -> str | None:
        """Say why a delta adds nothing; None: because it is outdated, which is no problem."""
        if not self.views:
            return "says nothing without its full CRL"
        view = next((one for one in self.views if one.full.slot == delta.slot), self.views[0])
        if view.full.slot == delta.slot and view.newest.age >= delta.age:
            return None
        return combination_problem(delta, view.newest)

    def _at(self, now: datetime) -> _Current:
        if self._current is None or not self._current.holds_at(now):
            ends = [view.newest.next_update for view in self.views]
            current = tuple(view for view in self.views if now < view.newest.next_update)
            self._current = _Current(
                since=max((end for end in ends if end <= now), default=None),
                until=min((end for end in ends if end > now), default=None),
                views=current,
                indexes=tuple(one.entries for view in current for one in (view.full, *view.deltas)),
                otherwise=self._otherwise(current),
            )
        return self._current

    def _otherwise(self, current: Sequence[View]) -> NotListed | Undetermined:
        """Say what holds of a serial that no current view lists."""
        gap = self._gap(current)
        if gap is None:
            return NotListed(tuple(one for one in current if has_part(one.scope, self._issuance)))
        expired = [one.newest for one in self.views if one not in current]
        if expired and self._gap(self.views) != gap:
            first = min(expired, key=lambda one: one.next_update)
            name = "the CRL" if len(self.views) == 1 else f"the {first}"
            return Undetermined(f"{name} expired on {first.next_update:%Y-%m-%d %H:%M:%SZ}", "C9")
        return Undetermined(gap, "C5")

    def _gap(self, views: Sequence[View]) -> str | None:
        if not views:
            return "there is no CRL that has not expired" if self.views else "there is no CRL yet"
        return coverage_gap([one.scope for one in views], self._issuance)


def _views(listings: Iterable[Listing]) -> Iterator[View]:
    """Join the CRLs of each slot; a slot without a full CRL says nothing."""
    slots: dict[object, list[Listing]] = {}
    for one in listings:
        slots.setdefault(one.slot, []).append(one)
    for members in slots.values():
        full = max((one for one in members if one.is_full), key=_age, default=None)
        if full is not None:
            yield _with_deltas(View(full), sorted((m for m in members if not m.is_full), key=_age))


def _with_deltas(view: View, deltas: Iterable[Listing]) -> View:
    """Add each delta that combines with what stands, the oldest first."""
    for delta in deltas:
        if combination_problem(delta, view.newest) is None:
            view = View(view.full, (*_below(delta, view), delta))
    return view


def _below(delta: Listing, view: View) -> tuple[Listing, ...]:
    """Return the fewest deltas that reach a delta's base; it tells all changes since then."""
    base = delta.base_crl_number
    assert base is not None
    stages = (view.full, *view.deltas)
    reached = next(at for at, one in enumerate(stages) if (one.crl_number or 0) >= base)
    return view.deltas[:reached]


def _age(listing: Listing) -> tuple[int, datetime]:
    return listing.age
