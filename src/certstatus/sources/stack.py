"""Several sources as one, in their order of authority.

Its law: every source is asked, the first that knows the certificate decides, and no source
that a higher one contradicts changes the answer; a contradiction is counted and logged.
A higher source that can't know now may have revoked what a lower one calls good, so then
the answer is tryLater, unless the lower one says revoked.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeAlias

from certstatus.errors import ConfigError, SourceError
from certstatus.limits import MAX_STACK_JOINS
from certstatus.ocsp import CertID, Good, Revoked
from certstatus.pkix import Certificate
from certstatus.sources.base import (
    Answer,
    AtHand,
    Editions,
    Enumerable,
    Known,
    NotOurs,
    OfOneIssuer,
    Page,
    Source,
    Unlisted,
    at_hand_for,
)
from certstatus.sources.events import EventKind, Observer, SourceEvent, tell
from certstatus.sources.serial_number import serial_order, serial_text

__all__ = ["Stack"]

_Outcome: TypeAlias = Answer | SourceError


class Stack:
    """A Source made of others, the highest authority first.

    A serial that no source lists was never issued if any of them lists what was issued
    (C10). Good rests on every higher source that does not list the serial, so it is as
    old as the oldest of them, and ends when the first of them does. An issuer is not ours
    only when it is nobody's.
    """

    def __init__(
        self, *sources: Source, name: str = "stack", observer: Observer | None = None
    ) -> None:
        if not sources:
            raise ValueError("a stack needs at least one source")
        self._sources = sources
        self._name = name
        self._observer = observer
        self._issuer = _one_issuer(sources)
        self._near = _near(sources, self._issuer)
        self._editions = Editions()
        self._joins: dict[tuple[int, ...], _Join] = {}

    @property
    def name(self) -> str:
        """What logs, metrics and ``origin`` call it; an answer's origin is who decided."""
        return self._name

    async def status(self, cert_id: CertID, now: datetime) -> Answer:
        """Ask every source at once, and let the order decide.

        Raises:
            SourceError: a source whose word is needed can't know now.
        """
        outcomes = await asyncio.gather(*(_ask(source, cert_id, now) for source in self._sources))
        verdict = _decide(outcomes, self._name)
        if isinstance(verdict, Known):
            self._report(cert_id, verdict, outcomes)
        if isinstance(verdict, SourceError):
            raise verdict
        return verdict

    @property
    def issuer(self) -> Certificate | None:
        """The CA that every source is of, where all are of one and tell so."""
        return self._issuer

    def edition(self, now: datetime) -> object | None:
        """Return one for the editions of all sources."""
        return self._editions.of(*(source.edition(now) for source in self._near))

    def at_hand(self, serial_number: int, now: datetime) -> Answer | None:
        """Say what ``status`` would, where every source is at hand and none says otherwise.

        A disagreement is told once for each question, with the CertID: that ``status`` does.
        """
        answers: list[Answer] = []
        for source in self._near:
            answer = source.at_hand(serial_number, now)
            if answer is None:
                return None
            answers.append(answer)
        return self._joined(answers) if answers else None

    def _joined(self, answers: Sequence[Answer]) -> Answer | None:
        """Join what was said; where the same objects come again, so does the one made of them."""
        key = tuple(map(id, answers))
        known = self._joins.get(key)
        if known is not None:
            return known.verdict
        verdict = _decide(answers, self._name)
        if isinstance(verdict, SourceError) or (
            isinstance(verdict, Known) and any(_disagreements(verdict, answers))
        ):
            return None
        if not any(map(_is_revoked, answers)):
            if len(self._joins) == MAX_STACK_JOINS:
                self._joins.clear()
            self._joins[key] = _Join(answers, verdict)
        return verdict

    async def listed(self, after: int | None, limit: int, now: datetime) -> Page:
        """Name what any of the sources lists, of those that can; each is to be asked.

        Raises:
            SourceError: one of them can't tell now.
            ConfigError: none of them can name what it lists.
        """
        pages = await asyncio.gather(
            *(source.listed(after, limit, now) for source in self._enumerable())
        )
        if len(self._sources) == 1:
            return pages[0]
        found = {serial_number for page in pages for serial_number, _ in page}
        return [(one, None) for one in sorted(found, key=serial_order)[:limit]]

    async def count(self, now: datetime) -> int:
        """Say how many they list together, if none is listed twice. Raises as ``listed``."""
        return sum(await asyncio.gather(*(source.count(now) for source in self._enumerable())))

    def _enumerable(self) -> list[Enumerable]:
        able = [source for source in self._sources if isinstance(source, Enumerable)]
        if not able:
            raise ConfigError(
                f"none of the sources of {self._name} can name what was issued",
                key="source",
                remedy="add a database, an index, a CRL or a revocation tree",
            )
        return able

    def _report(self, cert_id: CertID, verdict: Known, outcomes: Iterable[_Outcome]) -> None:
        for other, difference in _disagreements(verdict, outcomes):
            facts = {
                "serial": serial_text(cert_id.serial_number),
                "issuer_key_hash": cert_id.issuer_key_hash.hex(),
                "decided_by": verdict.origin,
                "decided": str(verdict.cert_status),
                "dissenter": other.origin,
                "dissent": str(other.cert_status),
            }
            event = SourceEvent(
                source=self._name,
                kind=EventKind.DISAGREEMENT,
                detail=f"the sources differ in {difference}; the first in order decides",
                facts=facts,
            )
            tell(event, self._observer)


@dataclass(frozen=True, slots=True)
class _Join:
    """Answers, kept so that no other object takes their identity, and what they make together."""

    answers: Sequence[Answer]
    verdict: Answer


def _one_issuer(sources: Sequence[Source]) -> Certificate | None:
    """Return the issuer of the first, where all are of it."""
    first = sources[0]
    issuer = first.issuer if isinstance(first, OfOneIssuer) else None
    if issuer is None or any(at_hand_for(issuer, source) is None for source in sources):
        return None
    return issuer


def _near(sources: Sequence[Source], issuer: Certificate | None) -> tuple[AtHand, ...]:
    """Return all sources where all can be at hand, else none."""
    if issuer is None:
        return ()
    return tuple(one for source in sources if (one := at_hand_for(issuer, source)) is not None)


async def _ask(source: Source, cert_id: CertID, now: datetime) -> _Outcome:
    try:
        return await source.status(cert_id, now)
    except SourceError as error:
        return error


def _decide(outcomes: Sequence[_Outcome], name: str) -> _Outcome:
    """Fold the outcomes from the lowest authority to the highest."""
    verdict: _Outcome = NotOurs(origin=name)
    for outcome in reversed(outcomes):
        verdict = _over(outcome, verdict)
    return verdict


def _is_revoked(outcome: _Outcome) -> bool:
    return isinstance(outcome, Known) and isinstance(outcome.cert_status, Revoked)


def _over(higher: _Outcome, lower: _Outcome) -> _Outcome:
    """Say what holds when ``higher`` stands above everything that led to ``lower``."""
    if isinstance(higher, SourceError):
        return lower if _is_revoked(lower) else higher
    if isinstance(higher, NotOurs):
        return lower
    if isinstance(higher, Known) or isinstance(lower, NotOurs):
        return higher
    return _below_unlisted(higher, lower)


def _below_unlisted(higher: Unlisted, lower: Known | Unlisted | SourceError) -> _Outcome:
    if isinstance(lower, SourceError):
        return lower
    if _is_revoked(lower):
        return lower
    if isinstance(lower, Known) and not higher.is_covered:
        return higher
    ends = [end for end in (higher.next_update, lower.next_update) if end is not None]
    this_update = min(higher.this_update, lower.this_update)
    next_update = min(ends, default=None)
    if isinstance(lower, Known):
        return replace(lower, this_update=this_update, next_update=next_update)
    return replace(
        higher,
        this_update=this_update,
        next_update=next_update,
        lists_issued=higher.lists_issued or lower.lists_issued,
        is_covered=higher.is_covered and lower.is_covered,
    )


def _disagreements(verdict: Known, outcomes: Iterable[_Outcome]) -> Iterator[tuple[Known, str]]:
    """Yield every answer that says otherwise than the verdict, and in what."""
    for outcome in outcomes:
        if not isinstance(outcome, Known) or outcome.cert_status == verdict.cert_status:
            continue
        is_same_kind = isinstance(outcome.cert_status, Good) == isinstance(
            verdict.cert_status, Good
        )
        yield outcome, "time or reason" if is_same_kind else "status"
