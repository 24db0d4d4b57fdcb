"""The files and folders in which an authority's CRLs stand, watched together.

A file that is named must be there and be usable at the start. In a folder the CRLs of
other CAs are passed over, and a file that can't be used is an alarm. What was read once
counts until a newer CRL of its key and scope replaces it, or until its nextUpdate, whatever
becomes of its file (C1): so no file that goes away takes a revocation back.
"""

from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, TypeAlias

from certstatus.errors import ConfigError, MalformedError
from certstatus.limits import FILE_CHECK_TIME, MAX_AWAITED_BYTES, MAX_CRL_FILE_BYTES, MAX_CRL_FILES
from certstatus.pkix import Certificate, CertificateList
from certstatus.pkix.crl_rules import check_follows
from certstatus.sources.crl_listing import Listing, is_about, read_listing
from certstatus.sources.crl_memory import CRLMemory
from certstatus.sources.crl_scope import Issuance
from certstatus.sources.crl_set import CRLSet
from certstatus.sources.events import EventKind, Observer, SourceEvent, tell
from certstatus.sources.watch import WatchedFile

__all__ = ["CRLFiles", "Findings"]

Findings: TypeAlias = Callable[[CertificateList, datetime], Sequence[str]]
"""Says what a CRL breaks, each in plain words."""

_SUFFIXES: Final = frozenset({".crl", *(f".r{number}" for number in range(10))})
"""What a CRL in a folder is called; ``.r0`` and so on are OpenSSL's hashed names."""

_RETRY: Final = timedelta(seconds=5)
"""Between two tries of a file in a folder that could not be used when it was found."""


class CRLFiles:
    """Keeps the CRLs of one authority. Not for use by several event loops at once."""

    def __init__(
        self,
        paths: Sequence[Path],
        signers: Sequence[Certificate],
        *,
        issuance: Issuance,
        now: datetime,
        name: str,
        observer: Observer | None = None,
        check_every: timedelta = FILE_CHECK_TIME,
        allow_sha1: bool = False,
        memory: CRLMemory | None = None,
        findings: Findings | None = None,
        may_be_empty: bool = False,
    ) -> None:
        """Read what is there; ``signers`` are the CA itself and the other CRL issuers.

        ``memory`` tells what was believed before a restart, ``findings`` what a CRL breaks
        and is used all the same; ``may_be_empty`` where CRLs come into a folder later.

        Raises:
            ConfigError: a named file can't be used, a folder can't be read, or nothing in
                them is a full CRL about the certificates of the CA.
        """
        self._signers = tuple(signers)
        self._issuance = issuance
        self._name = name
        self._observer = observer
        self._check_every = check_every
        self._allow_sha1 = allow_sha1
        self._memory = memory
        self._findings = findings
        self._outdated: dict[Path, _Outdated] = {}
        self._forgetful: str | None = None
        self._held = CRLSet((), issuance)
        self._idle: str | None = None
        self._folders = _Folders(tuple(path for path in paths if path.is_dir()), self._tell)
        self._unusable: dict[Path, _Unusable] = {}
        self._checked_at = now
        self._checking: asyncio.Future[None] | None = None
        self._finding: asyncio.Future[None] | None = None
        self._has_news = False
        named = (path for path in paths if path not in self._folders.paths)
        self._files = {path: self._watched(path, now, in_folder=False) for path in named}
        self._named = frozenset(self._files)
        self._find(self._folders.first(), now)
        self._join()
        if not self._held.views and not may_be_empty:
            raise ConfigError(self._why_nothing(), file=", ".join(map(str, paths)))

    def _why_nothing(self) -> str:
        unusable = (f"{path.name}: {one.reason}" for path, one in self._unusable.items())
        reasons = [*self._held.idle_deltas(), *unusable]
        return "; ".join(reasons) or f"holds no CRL of {self._signers[0].subject}"

    def _watched(
        self, path: Path, now: datetime, *, in_folder: bool
    ) -> WatchedFile[Listing | None]:
        def read(data: bytes, previous: Listing | None, at: datetime) -> Listing | None:
            return self._read(data, previous, at, path if in_folder else None)

        return WatchedFile(
            path,
            read,
            name=self._name,
            now=now,
            max_bytes=MAX_CRL_FILE_BYTES,
            observer=self._observer,
            check_every=self._check_every,
        )

    def _read(
        self, data: bytes, previous: Listing | None, now: datetime, found: Path | None
    ) -> Listing | None:
        """Read a file, which was ``found`` in a folder or is a named one."""
        crl = CertificateList.load(data)
        if found is not None and previous is None and not is_about(crl, self._signers):
            return None
        listing = read_listing(crl, self._signers, now=now, allow_sha1=self._allow_sha1)
        if previous is not None:
            check_follows(crl, previous.crl_number, previous.this_update)
        if self._memory is not None and not self._is_remembered(crl, listing, found):
            return None
        for finding in () if self._findings is None else self._findings(crl, now):
            self._tell(EventKind.BREACH, f"the {listing} {finding}")
        return listing

    def _is_remembered(self, crl: CertificateList, listing: Listing, found: Path | None) -> bool:
        """Hold a CRL to what was believed before a restart, and remember it (C1).

        In a folder older CRLs may stand beside the newest; so one is passed over, and told
        of where no newer one stands there.
        """
        assert self._memory is not None
        try:
            self._memory.check(crl, listing.signer)
        except MalformedError as error:
            if found is None:
                raise
            self._outdated[found] = _Outdated(listing.slot, str(error))
            return False
        self._remember(crl, listing.signer)
        return True

    def _remember(self, crl: CertificateList, signer: Certificate) -> None:
        """Write a CRL down as believed; one that can't be counts all the same."""
        assert self._memory is not None
        try:
            self._memory.note(crl, signer)
        except ConfigError as error:
            if self._forgetful is None:
                self._tell(EventKind.RELOAD_FAILED, f"can't be remembered: {error}")
            self._forgetful = str(error)
        else:
            if self._forgetful is not None:
                self._tell(EventKind.RECOVERED, "what is believed is remembered again")
            self._forgetful = None

    @property
    def held(self) -> CRLSet:
        """What was read last."""
        return self._held

    # --- looking again --------------------------------------------------------------------

    async def current(self, now: datetime) -> CRLSet:
        """Return what the CRLs say, after a look at the files if the last one is old enough.

        Changed and new files are read in a thread, and everyone waits for them, but for
        those of more than ``MAX_AWAITED_BYTES``.
        """
        if self._checking is None:
            if abs(now - self._checked_at) < self._check_every and not self._has_news:
                return self._held
            self._checking = asyncio.ensure_future(self._check(now))
            self._checking.add_done_callback(self._checked)
        await asyncio.shield(self._checking)
        return self._held

    def at_hand(self, now: datetime) -> CRLSet | None:
        """Return what ``current`` would return at once; None: ask it.

        A look that is due is made by ``current``. Unless something has changed it takes one turn of
        the event loop, in which nothing is at hand; else nothing is while everyone waits.
        """
        is_recent = abs(now - self._checked_at) < self._check_every
        return self._held if is_recent and self._checking is None and not self._has_news else None

    def hear_of_news(self) -> None:
        """Look at the files with the next question. Any thread may call it."""
        self._has_news = True

    def _checked(self, _: asyncio.Future[None]) -> None:
        self._checking = None

    async def _check(self, now: datetime) -> None:
        has_news, self._has_news = self._has_news, False
        self._checked_at = now
        if self._finding is None:
            await self._look_into_folders(now)
        if self._finding is None:
            for file in tuple(self._files.values()):
                await file.current(now, at_once=has_news)
            self._join()

    async def _look_into_folders(self, now: datetime) -> None:
        found = self._folders.again()
        if found == self._files.keys() - self._named:
            return
        self._finding = asyncio.ensure_future(asyncio.to_thread(self._find, found, now))
        self._finding.add_done_callback(self._found)
        if all(_size(path) <= MAX_AWAITED_BYTES for path in found - self._files.keys()):
            await self._finding

    def _found(self, _: asyncio.Future[None]) -> None:
        self._finding = None

    def _join(self) -> None:
        """Lay beside each other what the files say now, and what counts still of before."""
        said = [value for file in self._files.values() if (value := file.value) is not None]
        # Of two that are equally new the one that stands in a file now counts.
        listings = dict.fromkeys((*said, *self._held.in_use))
        self._tell_outdated({one.slot for one in listings if one.is_full})
        if listings.keys() == set(self._held.listings):
            return
        self._held = CRLSet(listings, self._issuance)
        idle = "; ".join(self._held.idle_deltas()) or None
        if idle != self._idle:
            kind = EventKind.RECOVERED if idle is None else EventKind.RELOAD_FAILED
            self._tell(kind, idle or f"no longer: {self._idle}")
        self._idle = idle

    def _tell_outdated(self, slots: Collection[object]) -> None:
        """Tell of files that went back behind what was believed, and have no newer beside them."""
        for path, one in tuple(self._outdated.items()):
            if one.slot in slots:
                del self._outdated[path]
            elif not one.is_told:
                self._outdated[path] = replace(one, is_told=True)
                self._tell(EventKind.RELOAD_FAILED, one.reason, path)

    def _find(self, found: frozenset[Path], now: datetime) -> None:
        """Open what is new in the folders, and let go of what is gone and counts no more."""
        for path in sorted(found - self._files.keys()):
            self._open(path, now)
        self._unusable = {path: why for path, why in self._unusable.items() if path in found}
        self._join()
        for path in self._files.keys() - found - self._named:
            file = self._files[path]
            if file.value not in self._held.in_use:
                del self._files[path]
                if file.failed is not None:
                    self._tell(EventKind.RECOVERED, "is gone, and counts no more", path)

    def _open(self, path: Path, now: datetime) -> None:
        before = self._unusable.get(path)
        if before is not None and not before.is_due(path, now):
            return
        mark = _mark(path)
        try:
            self._files[path] = self._watched(path, now, in_folder=True)
        except ConfigError as error:
            if before is None or before.reason != error.message:
                self._tell(EventKind.RELOAD_FAILED, error.message, path)
            self._unusable[path] = _Unusable(error.message, mark, now)
        else:
            if self._unusable.pop(path, None) is not None:
                self._tell(EventKind.RECOVERED, "is usable now", path)

    def _tell(self, kind: EventKind, detail: str, path: Path | None = None) -> None:
        facts = {} if path is None else {"file": str(path)}
        tell(SourceEvent(source=self._name, kind=kind, detail=detail, facts=facts), self._observer)


@dataclass(frozen=True, slots=True)
class _Outdated:
    """Why a file in a folder is passed over: it is older than what was believed before."""

    slot: object
    reason: str
    is_told: bool = False


@dataclass(frozen=True, slots=True)
class _Unusable:
    """Why a file in a folder could not be used when it was found."""

    reason: str
    mark: tuple[int, int] | None
    at: datetime

    def is_due(self, path: Path, now: datetime) -> bool:
        return abs(now - self.at) >= _RETRY or _mark(path) != self.mark


def _size(path: Path) -> int:
    mark = _mark(path)
    return 0 if mark is None else mark[1]


def _mark(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size


class _Folders:
    """Lists folders; what goes wrong is an alarm, and the files found before stay."""

    def __init__(
        self, paths: Sequence[Path], tell_of: Callable[[EventKind, str, Path], None]
    ) -> None:
        self.paths = paths
        self._tell_of = tell_of
        self._failures: dict[Path, str] = {}
        self._found: dict[Path, frozenset[Path]] = {}

    def first(self) -> frozenset[Path]:
        """List them for the first time. Raises ConfigError."""
        for path in self.paths:
            try:
                self._found[path] = _crl_files(path)
            except OSError as error:
                raise ConfigError(error.strerror or str(error), file=str(path)) from error
        return self._all()

    def again(self) -> frozenset[Path]:
        """List them again."""
        for path in self.paths:
            try:
                self._found[path] = _crl_files(path)
            except OSError as error:
                reason = error.strerror or str(error)
                if path not in self._failures:
                    self._tell_of(EventKind.RELOAD_FAILED, reason, path)
                self._failures[path] = reason
            else:
                if self._failures.pop(path, None) is not None:
                    self._tell_of(EventKind.RECOVERED, "can be listed again", path)
        return self._all()

    def _all(self) -> frozenset[Path]:
        return frozenset().union(*self._found.values())


def _crl_files(folder: Path) -> frozenset[Path]:
    """List what may be a CRL in a folder, by its name. Raises OSError."""
    with os.scandir(folder) as entries:
        named = [folder / one.name for one in entries if _is_crl_name(one.name)]
    if len(named) > MAX_CRL_FILES:
        raise OSError(errno.EFBIG, f"holds more than {MAX_CRL_FILES} CRLs")
    return frozenset(named)


def _is_crl_name(name: str) -> bool:
    return not name.startswith(".") and Path(name).suffix.lower() in _SUFFIXES
