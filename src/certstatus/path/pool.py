"""The certificates that paths may lead through, found by the names of their subjects."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping
from typing import Final

from certstatus.pkix import Certificate

__all__ = ["CertificatePool"]

_KEPT_WALKS: Final = 16
"""Sets of anchors for which the distances are kept: a server has a few policies."""


class CertificatePool:
    """Certificates, each once. Nobody trusts one for being here.

    A pool may stand on another: what is found during one search is added to a pool of its
    own, and the one beneath, which many searches share, stays as it is.
    """

    def __init__(
        self, certificates: Iterable[Certificate] = (), *, over: CertificatePool | None = None
    ) -> None:
        self._by_subject: dict[Hashable, list[Certificate]] = {}
        self._below: dict[Hashable, set[Hashable]] = {}
        self._distances: dict[frozenset[Hashable], dict[Hashable, int]] = {}
        self._held: set[bytes] = set()
        self._over = over
        self.add(certificates)

    def add(self, certificates: Iterable[Certificate]) -> int:
        """Take certificates in; return how many were not here yet."""
        before = len(self._held)
        for one in certificates:
            if one in self:
                continue
            self._held.add(one.der)
            subject = one.subject.folded
            self._by_subject.setdefault(subject, []).append(one)
            self._below.setdefault(one.issuer.folded, set()).add(subject)
        if len(self._held) > before:
            self._distances.clear()
        return len(self._held) - before

    def named(self, subject: Hashable) -> Iterator[Certificate]:
        """Yield those whose subject folds to this (``Name.folded``)."""
        yield from self._by_subject.get(subject, ())
        if self._over is not None:
            yield from self._over.named(subject)

    def distances(self, anchors: frozenset[Hashable]) -> Mapping[Hashable, int]:
        """Say how many certificates lie between each name and the anchors, at the least.

        By names alone: no path leads from a name that is left out. All names are folded.
        """
        if not self._held and self._over is not None:
            return self._over.distances(anchors)
        if anchors not in self._distances:
            self._distances[anchors] = self._walk(anchors)
            if len(self._distances) > _KEPT_WALKS:
                del self._distances[next(iter(self._distances))]
        return self._distances[anchors]

    def _walk(self, anchors: frozenset[Hashable]) -> dict[Hashable, int]:
        """Go down from the anchors, level by level."""
        found: dict[Hashable, int] = dict.fromkeys(anchors, 0)
        level, depth = list(anchors), 0
        while level:
            depth += 1
            below = {name for one in level for name in self.subjects_below(one)}
            level = [name for name in below if name not in found]
            found.update(dict.fromkeys(level, depth))
        return found

    def subjects_below(self, issuer: Hashable) -> Iterator[Hashable]:
        """Yield the names that a name certified, folded."""
        yield from self._below.get(issuer, ())
        if self._over is not None:
            yield from self._over.subjects_below(issuer)

    def __contains__(self, certificate: object) -> bool:
        """Whether this very certificate is here."""
        if not isinstance(certificate, Certificate):
            return False
        return certificate.der in self._held or (
            self._over is not None and certificate in self._over
        )

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._held) + (0 if self._over is None else len(self._over))

    def __iter__(self) -> Iterator[Certificate]:
        """Yield all."""
        for of_one_name in self._by_subject.values():
            yield from of_one_name
        if self._over is not None:
            yield from self._over
