"""Where fetched CRLs rest, so that a restart without network serves at once.

One directory for each CA key, in a folder that many authorities, processes and nodes of one
machine share. For each place: the last good CRL, whole or not at all and flushed to disk;
what the last looks brought; and a lock, so that of many processes one looks at a time.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from platformdirs import user_state_path

from certstatus.errors import ConfigError, MalformedError
from certstatus.fetch import Provenance
from certstatus.limits import MAX_CRL_BYTES, MAX_CRL_FILES
from certstatus.pkix import Certificate
from certstatus.requestor.entries import Entries, directory_problem, write_whole
from certstatus.sources.crl_memory import CRLMemory
from certstatus.sources.crl_place import CRLPlace
from certstatus.sources.crl_schedule import Tries

__all__ = ["CRLFolder", "PlaceState"]

_CRL: Final = ".crl"
_STATE: Final = ".state"
_MAX_STATE_BYTES: Final = 65_536


@dataclass(frozen=True, kw_only=True)
class PlaceState:
    """What is known of one place. Times are aware UTC.

    ``next_update`` and ``digest`` are of the CRL that is kept; ``validators`` are the HTTP
    fields that make the next request for it at ``url`` a conditional one; ``problem`` is why
    the last look failed, ``told_at`` when that was told; ``deltas`` are the places that the
    kept CRL's freshestCRL names.
    """

    tries: Tries = Tries()  # noqa: RUF009 - a value, frozen
    problem: str | None = None
    url: str | None = None
    validators: Mapping[str, str] | None = None
    digest: str | None = None
    next_update: datetime | None = None
    deltas: tuple[CRLPlace, ...] = ()

    def without_validators(self) -> PlaceState:
        """Return the state for a place whose CRL has to be fetched whole."""
        return replace(self, validators=None, digest=None, next_update=None, deltas=())


class CRLFolder:
    """The directory of one CA.

    Args:
        folder: of all CAs; None for the user's own state directory.
        issuer: the CA.

    Raises:
        ConfigError: it can't be made, or others can write to it.
    """

    def __init__(self, folder: Path | None, issuer: Certificate) -> None:
        above = folder if folder is not None else user_state_path("certstatus") / "crls"
        self.path = above.absolute() / sha256(issuer.spki_der).hexdigest()[:32]
        _make(self.path)
        self.memory = CRLMemory(self.path)
        self._states = Entries(
            self.path,
            suffix=_STATE,
            format_number=1,
            max_entries=MAX_CRL_FILES,
            max_bytes=_MAX_STATE_BYTES,
        )

    def crl_path(self, place: CRLPlace) -> Path:
        """Return the file of a place's last good CRL."""
        return self.path / f"{place.name}{_CRL}"

    def has_current(self, place: CRLPlace, now: datetime) -> bool:
        """Whether a place's CRL is there, and not past its nextUpdate; it may be damaged."""
        end = self._stated(place.name).next_update
        return end is not None and now < end and self.crl_path(place).exists()

    def tidy(self, places: Collection[CRLPlace], now: datetime) -> None:
        """Remove CRLs of other places that are past their nextUpdate: nobody answers from them."""
        names = {place.name for place in places}
        for file in self.path.glob(f"*{_CRL}"):
            end = self._stated(file.stem).next_update
            if file.stem not in names and end is not None and end <= now:
                with contextlib.suppress(OSError):
                    file.unlink()
                self._states.drop(file.stem)

    def _stated(self, name: str) -> PlaceState:
        try:
            return self._states.read(name, _take) or PlaceState()
        except MalformedError:
            return PlaceState()

    def state(self, place: CRLPlace) -> PlaceState:
        """Read what is known of a place. Where its CRL is gone or damaged, that is none."""
        state = self._stated(place.name)
        is_whole = state.digest is not None and state.digest == self._digest(place)
        return state if is_whole else state.without_validators()

    def _digest(self, place: CRLPlace) -> str | None:
        try:
            with self.crl_path(place).open("rb") as file:
                data = file.read(MAX_CRL_BYTES + 1)
        except OSError:
            return None
        return sha256(data).hexdigest()

    def keep(self, place: CRLPlace, der: bytes) -> None:
        """Write a place's CRL: readers see the old one or the new one. Raises OSError."""
        write_whole(self.crl_path(place), der, is_durable=True)

    def write(self, place: CRLPlace, state: PlaceState) -> None:
        """Write down what is known of a place; that it can't be is no reason to fail."""
        with contextlib.suppress(OSError):
            self._states.write(place.name, _told(state), b"")

    @contextlib.contextmanager
    def claim(self, place: CRLPlace) -> Iterator[bool]:
        """Say whether this process may look at a place now: no other does meanwhile.

        The claim ends with the process, however that ends.
        """
        descriptor = os.open(self.path / f".{place.name}.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                yield False
            else:
                yield True
        finally:
            os.close(descriptor)


def _make(path: Path) -> None:
    problem = directory_problem(path)
    if problem is None:
        try:
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            problem = f"can't be made: {error.strerror}"
    if problem is not None:
        raise ConfigError(
            f"the directory of fetched CRLs {problem}",
            file=str(path),
            key="crl_folder",
            remedy="name a folder of the responder's own user",
        )


def _told(state: PlaceState) -> dict[str, object]:
    return {
        "last": _stamp(state.tries.last),
        "failures": state.tries.failures,
        "freshUntil": _stamp(state.tries.fresh_until),
        "problem": state.problem,
        "url": state.url,
        "validators": state.validators,
        "digest": state.digest,
        "nextUpdate": _stamp(state.next_update),
        "deltas": [list(place.urls) for place in state.deltas],
    }


def _take(told: Mapping[str, Any], _: bytes) -> PlaceState:
    validators = told["validators"]
    return PlaceState(
        tries=Tries(
            last=_moment(told["last"]),
            failures=int(told["failures"]),
            fresh_until=_moment(told["freshUntil"]),
        ),
        problem=None if told["problem"] is None else str(told["problem"]),
        url=None if told["url"] is None else str(told["url"]),
        validators=None
        if validators is None
        else {str(name): str(value) for name, value in validators.items()},
        digest=None if told["digest"] is None else str(told["digest"]),
        next_update=_moment(told["nextUpdate"]),
        deltas=tuple(
            CRLPlace(tuple(map(str, urls)), Provenance.CERTIFICATE) for urls in told["deltas"]
        ),
    )


def _stamp(moment: datetime | None) -> float | None:
    return None if moment is None else moment.timestamp()


def _moment(stamp: float | None) -> datetime | None:
    return None if stamp is None else datetime.fromtimestamp(stamp, UTC)
