"""Who knows the status: one method, three kinds of answer.

Known says good or revoked. Unlisted says that the source serves this issuer and has no
such serial number; what the responder makes of that is the authority's policy (O12,
O13, C10). NotOurs says that the issuer is not this source's. A source that can't know
now raises SourceError, and the responder says tryLater, never a guess (O11, C9).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import is_
from typing import Protocol, TypeAlias, runtime_checkable

from certstatus.ocsp import NO_EXTENSIONS, CertID, Extensions, Good, Revoked
from certstatus.pkix import Certificate

__all__ = [
    "Answer",
    "AtHand",
    "Editions",
    "Enumerable",
    "Known",
    "NotOurs",
    "OfOneIssuer",
    "Page",
    "Source",
    "Unlisted",
    "at_hand_for",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """The status of a listed certificate.

    ``this_update`` is the latest time at which the status was known to be right, and
    ``next_update`` the time by which the source will know more, None where it always
    knows (O19). ``origin`` names the source for people and metrics.
    """

    cert_status: Good | Revoked
    this_update: datetime
    next_update: datetime | None = None
    origin: str
    single_extensions: Extensions = NO_EXTENSIONS


@dataclass(frozen=True, slots=True, kw_only=True)
class Unlisted:
    """No such serial number; ``lists_issued`` tells whether that means "never issued" (C10).

    ``is_covered`` is False where the source leaves out certificates or reasons, and what it
    leaves out may be revoked: such an answer is never good (C4, C5).
    """

    this_update: datetime
    next_update: datetime | None = None
    origin: str
    lists_issued: bool
    is_covered: bool = True
    single_extensions: Extensions = NO_EXTENSIONS


@dataclass(frozen=True, slots=True, kw_only=True)
class NotOurs:
    """The CertID names an issuer that this source does not serve."""

    origin: str


Answer: TypeAlias = Known | Unlisted | NotOurs


class Source(Protocol):
    """Anything that knows statuses; wrappers take a Source and are one."""

    @property
    def name(self) -> str:
        """What logs, metrics and ``origin`` call it."""
        ...

    async def status(self, cert_id: CertID, now: datetime) -> Answer:
        """Say what is known of a certificate at ``now``, aware UTC.

        Raises:
            SourceError: the status can't be known now.
        """
        ...


@runtime_checkable
class AtHand(Protocol):
    """A source that mostly knows without waiting, and then says so without a coroutine.

    It is asked about certificates of its own issuer: ``at_hand_for`` makes sure of that.
    Good and Unlisted are the same objects while nothing changes and ``now`` is the same, so
    that a caller may remember what follows from one.
    """

    def edition(self, now: datetime) -> object | None:
        """Tell which edition of its knowledge ``at_hand`` speaks from; None: none is at hand.

        As long as this is the same object, in one second, what ``at_hand`` says of a
        certificate means the same.
        """
        ...

    def at_hand(self, serial_number: int, now: datetime) -> Answer | None:
        """Say at once what ``status`` would say of a certificate of its own issuer; None: ask ``status``.

        None wherever more is due than a look at what is in memory or in an open file: a look at
        the files, a pause after a failure, an alarm, SourceError. ``status`` does that work;
        nothing here tells, counts or reads anew.
        """
        ...


@runtime_checkable
class OfOneIssuer(Protocol):
    """Whoever tells the CA that its serial numbers are of; None: they are of several."""

    @property
    def issuer(self) -> Certificate | None:
        """That CA's certificate."""
        ...


def at_hand_for(issuer: Certificate, source: Source) -> AtHand | None:
    """Return ``source`` where it may be at hand for certificates of ``issuer``.

    Without a CertID there are no hashes to compare with each question (O1), so the issuers are
    compared once, here: a serial number means nothing under another CA.
    """
    if not isinstance(source, AtHand) or not isinstance(source, OfOneIssuer):
        return None
    own = source.issuer
    is_same = own is not None and CertID.of(issuer, 0).names_issuer(own)
    return source if is_same else None


class Editions:
    """Makes one edition of several: the same object while each of them is."""

    def __init__(self) -> None:
        self._last: tuple[object, ...] = ()

    def of(self, *parts: object | None) -> object | None:
        """Return the edition that ``parts`` make together; None where one of them is None, or no part."""
        last = self._last
        if last and len(last) == len(parts) and all(map(is_, last, parts)):
            return last
        if not parts or None in parts:
            return None
        self._last = parts
        return parts


Page: TypeAlias = Sequence[tuple[int, Answer | None]]
"""Serial numbers, each with what ``status`` says of it, or None where it has to be asked."""


@runtime_checkable
class Enumerable(Source, Protocol):
    """A source that can name what it lists, for those who sign in advance."""

    async def listed(self, after: int | None, limit: int, now: datetime) -> Page:
        """Return the first ``limit`` serial numbers that are listed above ``after``; None: of all.

        They come in the order of ``serial_order``; fewer than ``limit`` are the last. What is
        listed meanwhile may be in it or not.

        Raises:
            SourceError: what is listed can't be known now.
            ConfigError: nothing here can name what it lists.
        """
        ...

    async def count(self, now: datetime) -> int:
        """Say how many are listed, at the most. Raises as ``listed``."""
        ...
