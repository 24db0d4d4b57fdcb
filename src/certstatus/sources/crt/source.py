"""A tree's file as a source: read at the start, and again when it changes.

A tree tells what is revoked, not what was issued, as a CRL does: a serial that it does not
list is Unlisted (C10). An expired one answers tryLater, never good (K8).
"""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from certstatus.errors import MalformedError, SourceError
from certstatus.limits import FILE_CHECK_TIME, MAX_TREE_BYTES
from certstatus.ocsp import CertID, Revoked
from certstatus.pkix import Certificate, RevokedEntry
from certstatus.sources.base import Answer, Known, NotOurs, Page, Unlisted
from certstatus.sources.crt.message import Leaf
from certstatus.sources.crt.tree import Tree, parse_tree
from certstatus.sources.crt.verify import check_root, failures
from certstatus.sources.entry_extensions import EntryExtensions
from certstatus.sources.events import EventKind, Observer, SourceEvent, tell
from certstatus.sources.issuer import IssuerHashes
from certstatus.sources.listing import SortedSerials
from certstatus.sources.watch import WatchedFile

__all__ = ["RevocationTree"]

_WHERE: Final = "RevocationTree"


class RevocationTree:
    """A Source over a revocation tree, signed by ``issuer`` or by one of ``trusted``.

    While the file is missing, half written or not to be believed, the last good tree
    answers until its nextUpdate. One with an older thisUpdate is never taken over (K8).
    """

    def __init__(
        self,
        path: Path,
        issuer: Certificate,
        *,
        now: datetime,
        name: str = "crt",
        observer: Observer | None = None,
        check_every: timedelta = FILE_CHECK_TIME,
        trusted: tuple[Certificate, ...] = (),
        entry_extensions: EntryExtensions = EntryExtensions.NONE,
    ) -> None:
        """Read the tree.

        Raises:
            ConfigError: the file is not there, or can't be used; the message says why.
        """
        self._name = name
        self._hashes = IssuerHashes(issuer)
        self._observer = observer
        self._trusted = trusted
        self._entry_extensions = entry_extensions
        self._is_expired = False
        self._last_unlisted: Unlisted | None = None
        self._listed = SortedSerials()
        self._file = WatchedFile(
            path,
            self._read,
            name=name,
            now=now,
            max_bytes=MAX_TREE_BYTES,
            observer=observer,
            check_every=check_every,
        )

    @property
    def name(self) -> str:
        """What logs, metrics and ``origin`` call it."""
        return self._name

    @property
    def issuer(self) -> Certificate:
        """The CA whose revocations it lists."""
        return self._hashes.issuer

    async def status(self, cert_id: CertID, now: datetime) -> Answer:
        """Say what the tree says.

        Raises:
            SourceError: the tree has expired, or what it says of this serial is broken.
        """
        if not self._hashes.match(cert_id):
            return NotOurs(origin=self._name)
        tree = (await self._file.current(now)).value
        self._check_expiry(tree, now)
        return self._answer(tree, cert_id.serial_number, now)

    def edition(self, now: datetime) -> object | None:
        """Return the reading that ``at_hand`` answers from."""
        held = self._file.at_hand(now)
        is_usable = held is not None and not self._is_expired and now < held.value.root.next_update
        return held if is_usable else None

    def at_hand(self, serial_number: int, now: datetime) -> Answer | None:
        """Say what ``status`` would, unless a look at the file is due, or an error or alarm is."""
        held = self._file.at_hand(now)
        if held is None or self._is_expired or now >= held.value.root.next_update:
            return None
        try:
            return self._answer(held.value, serial_number, now)
        except SourceError:
            return None

    async def listed(self, after: int | None, limit: int, now: datetime) -> Page:
        """Name what the tree lists: what is revoked, and nothing else (C10).

        Raises:
            SourceError: the tree has expired.
        """
        tree = (await self._file.current(now)).value
        self._check_expiry(tree, now)
        return self._listed.page((tree,), tree.leaves.serial_numbers, after, limit)

    async def count(self, now: datetime) -> int:
        """Say how many are revoked. Raises as ``listed``."""
        tree = (await self._file.current(now)).value
        self._check_expiry(tree, now)
        return len(tree.leaves) - 1

    def _answer(self, tree: Tree, serial_number: int, now: datetime) -> Known | Unlisted:
        leaf = self._leaf_of(tree, serial_number)
        status, this_update = leaf.status_of(serial_number), min(tree.root.this_update, now)
        if isinstance(status, Revoked) and leaf.entry is not None:
            return self._revoked(status, leaf.entry, this_update, tree.root.next_update)
        return self._unlisted(this_update, tree.root.next_update)

    def _unlisted(self, this_update: datetime, next_update: datetime) -> Unlisted:
        """Return the last answer again where it says the same."""
        last = self._last_unlisted
        if last is None or (last.this_update, last.next_update) != (this_update, next_update):
            last = self._last_unlisted = Unlisted(
                this_update=this_update,
                next_update=next_update,
                origin=self._name,
                lists_issued=False,
            )
        return last

    def _leaf_of(self, tree: Tree, serial_number: int) -> Leaf:
        try:
            return tree.leaf_of(serial_number)
        except MalformedError as error:
            # Its signer wrote it so: the next tree may be better, and nothing is guessed.
            raise SourceError(
                f"{self._name}: the leaf of this serial: {error}", rule="K1"
            ) from error

    def _check_expiry(self, tree: Tree, now: datetime) -> None:
        """Raise the alarm and SourceError when the tree is past its nextUpdate (K8)."""
        end = tree.root.next_update
        was_expired, self._is_expired = self._is_expired, now >= end
        reason = f"the tree expired on {end:%Y-%m-%d %H:%M:%SZ}"
        if was_expired != self._is_expired:
            kind = EventKind.EXPIRED if self._is_expired else EventKind.RECOVERED
            detail = reason if self._is_expired else "a tree that has not expired was read"
            tell(SourceEvent(source=self._name, kind=kind, detail=detail), self._observer)
        if self._is_expired:
            raise SourceError(f"{self._name}: {reason}", rule="K8")

    def _revoked(
        self, status: Revoked, entry: RevokedEntry, this_update: datetime, next_update: datetime
    ) -> Known:
        return Known(
            cert_status=status,
            this_update=this_update,
            next_update=next_update,
            origin=self._name,
            single_extensions=self._entry_extensions.of(entry.reason, entry.invalidity_date),
        )

    def _read(self, data: bytes, previous: Tree | None, now: datetime) -> Tree:
        tree = parse_tree(data)
        reasons = failures(check_root(tree.root, self.issuer, now=now, trusted=self._trusted))
        if reasons:
            raise MalformedError(f"is not to be believed: {reasons}", where=_WHERE, rule="K3")
        if previous is not None and tree.root.this_update < previous.root.this_update:
            raise MalformedError(
                f"is of {tree.root.this_update:%Y-%m-%d %H:%M:%SZ}, and one of "
                f"{previous.root.this_update:%Y-%m-%d %H:%M:%SZ} was read before",
                where=_WHERE,
                rule="K8",
            )
        return tree
