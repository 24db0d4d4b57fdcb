"""The tokens behind one PKCS #11 library, the sessions with them, and how they come back.

A token that was lost is looked for again, at growing pauses, and what else is behind the
library serves on. A key is found once in a session, and a session serves all keys of its
token, so that many keys need no more sessions than one.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from time import monotonic
from typing import Final, TypeAlias

from pkcs11 import (
    Attribute,
    KeyType,
    Mechanism,
    ObjectClass,
    PKCS11Error,
    Session,
    Token,
    TokenFlag,
    exceptions,
)
from pkcs11.types import SignMixin

from certstatus.errors import ConfigError, SignerError
from certstatus.limits_signers import (
    MAX_REFUSED_PINS,
    MAX_TOKEN_RETRY_TIME,
    MAX_TOKEN_SESSIONS,
    TOKEN_RETRY_TIME,
    TOKEN_WAIT_TIME,
)
from certstatus.signing.pkcs11_library import Library, no_openssl_error_left
from certstatus.signing.pkcs11_pin import PIN, PIN_VARIABLE, refused_pins
from certstatus.signing.pkcs11_uri import PKCS11URI
from certstatus.signing.pool import SigningPool

__all__ = ["HeldKey", "Module", "open_module", "reason"]

PINReader: TypeAlias = Callable[[], PIN | None]

# Errors that speak of the key or the question; all others may mean that the token is gone.
_NOT_LOST: Final = (
    exceptions.DataInvalid,
    exceptions.DataLenRange,
    exceptions.KeySizeRange,
    exceptions.KeyTypeInconsistent,
    exceptions.MechanismInvalid,
    exceptions.MechanismParamInvalid,
)
_REFUSALS: Final = {
    exceptions.PinExpired: "it has expired",
    exceptions.PinIncorrect: "it is wrong",
    exceptions.PinInvalid: "it has characters that the token does not take",
    exceptions.PinLenRange: "it is too long or too short",
    exceptions.PinLocked: "it is locked",
}


@dataclass(frozen=True, slots=True)
class HeldKey:
    """A private key as one session sees it, lent to one thread at a time.

    ``proved`` are the public keys (SubjectPublicKeyInfo) that it was seen to be the pair of.
    """

    key: SignMixin
    kind: KeyType
    mechanisms: frozenset[Mechanism]
    proved: set[bytes] = field(default_factory=set)


@dataclass(slots=True, eq=False)
class _OpenSession:
    """A session with the token in a slot, and the keys that were found in it."""

    slot: int
    session: Session
    mechanisms: frozenset[Mechanism]
    keys: dict[PKCS11URI, HeldKey] = field(default_factory=dict)

    def close(self) -> None:
        with contextlib.suppress(PKCS11Error):
            self.session.close()

    def key(self, uri: PKCS11URI) -> HeldKey:
        """Find a key, once."""
        if uri not in self.keys:
            self.keys[uri] = self._found(uri)
        return self.keys[uri]

    def _found(self, uri: PKCS11URI) -> HeldKey:
        keys = list(self.session.get_objects(_template(uri)))
        if len(keys) != 1:
            many = "more than one key has this name: add id" if keys else "no such private key"
            raise _Missing(many)
        (key,) = keys
        if not isinstance(key, SignMixin):
            raise SignerError(f"{uri}: the key is not for signing")
        return HeldKey(key, key[Attribute.KEY_TYPE], self.mechanisms)


@dataclass(slots=True)
class _Absence:
    """A key that is not to be had: why, when it is looked for again, and the pause after that."""

    why: str
    until: float
    pause: float


class Module:
    """A library and the sessions in it. Any thread may use it."""

    def __init__(self, path: str) -> None:
        """Nothing is loaded before the first key is asked for."""
        self._path = path
        self._library: Library | None = None
        self._next_start = 0.0
        self._is_suspect = False
        self._is_ending = False
        self._changed = threading.Condition()
        self._busy = 0
        self._tokens: dict[PKCS11URI, Token] = {}
        self._idle: dict[int, list[_OpenSession]] = {}
        self._logins: dict[int, Session] = {}
        self._absent: dict[PKCS11URI, _Absence] = {}
        self.pool = SigningPool(MAX_TOKEN_SESSIONS, "pkcs11")

    @contextlib.contextmanager
    def lend(
        self, uri: PKCS11URI, read_pin: PINReader, *, at_once: bool = False
    ) -> Iterator[HeldKey]:
        """Lend the key that ``uri`` names, in a session of its own; the PIN is read at need.

        A key that was missed is not looked for before its pause is over, but with ``at_once``.

        Raises:
            ConfigError: the PIN is refused or missing.
            SignerError: library, token or key is not there, every session stays busy, or the
                token failed in the block.
        """
        with no_openssl_error_left():
            held, opened = self._take(uri, read_pin, at_once=at_once)
            is_sound = False
            try:
                yield held
                is_sound = True
            except _NOT_LOST as error:
                is_sound = True
                raise SignerError(f"{uri}: the token refused to sign: {reason(error)}") from error
            except PKCS11Error as error:
                raise SignerError(f"{uri}: the token failed: {reason(error)}") from error
            finally:
                self._give(opened, is_sound=is_sound)

    def _take(
        self, uri: PKCS11URI, read_pin: PINReader, *, at_once: bool
    ) -> tuple[HeldKey, _OpenSession]:
        with self._changed:
            if not self._changed.wait_for(self._has_room, TOKEN_WAIT_TIME.total_seconds()):
                raise SignerError(f"{uri}: all {MAX_TOKEN_SESSIONS} sessions are busy")
            absence = self._absent.get(uri)
            if absence is not None and monotonic() < absence.until and not at_once:
                raise SignerError(f"{uri}: {absence.why}; it is looked for again in a moment")
            taken = self._found(uri, read_pin, at_once=at_once)
            self._absent.pop(uri, None)
            self._busy += 1
            return taken

    def _has_room(self) -> bool:
        return not self._is_ending and self._busy < MAX_TOKEN_SESSIONS

    def _give(self, opened: _OpenSession, *, is_sound: bool) -> None:
        with self._changed:
            self._busy -= 1
            if is_sound:
                self._idle.setdefault(opened.slot, []).append(opened)
            else:
                self._is_suspect = True
                for one in (opened, *self._idle.pop(opened.slot, ())):
                    one.close()
            self._changed.notify_all()

    # --- looking for a key -----------------------------------------------------------------

    def _found(
        self, uri: PKCS11URI, read_pin: PINReader, *, at_once: bool
    ) -> tuple[HeldKey, _OpenSession]:
        """Find a key where it was the last time, or else look for it.

        One process at a time looks: SoftHSM has no token for others while a login writes into it.
        """
        if uri in self._tokens and not self._is_suspect and not at_once:
            with contextlib.suppress(PKCS11Error, _Missing):
                return self._opened(uri, self._tokens[uri])
        with refused_pins().turn():
            return self._looked_for(uri, read_pin, at_once=at_once)

    def _looked_for(
        self, uri: PKCS11URI, read_pin: PINReader, *, at_once: bool
    ) -> tuple[HeldKey, _OpenSession]:
        """Look for a key; what is missing may be seen by a library that is started anew."""
        is_new = (self._library is None or self._is_suspect) and self._start(uri, at_once=at_once)
        for opened in (one for idle in self._idle.values() for one in idle):
            opened.keys.pop(uri, None)  # it may name another key now
        try:
            return self._opened(uri, self._entered(uri, read_pin))
        except (PKCS11Error, _Missing) as error:
            if is_new or not self._start(uri, at_once=at_once):
                raise self._missed(uri, error) from error
        try:
            return self._opened(uri, self._entered(uri, read_pin))
        except (PKCS11Error, _Missing) as error:
            raise self._missed(uri, error) from error

    def _missed(self, uri: PKCS11URI, error: PKCS11Error | _Missing) -> SignerError:
        """Note when to look again: after pauses that double."""
        is_told = isinstance(error, _Missing)
        why = str(error) if is_told else f"the token failed: {reason(error)}"
        before = self._absent.get(uri)
        pause = TOKEN_RETRY_TIME.total_seconds() if before is None else before.pause * 2
        pause = min(pause, MAX_TOKEN_RETRY_TIME.total_seconds())
        self._absent[uri] = _Absence(why, monotonic() + pause, pause)
        return SignerError(f"{uri}: {why}")

    def _opened(self, uri: PKCS11URI, token: Token) -> tuple[HeldKey, _OpenSession]:
        """Find a key in a session with its token, an idle one or one more."""
        slot = token.slot.slot_id
        idle = self._idle.get(slot)
        opened = idle.pop() if idle else _OpenSession(slot, token.open(), _mechanisms(token))
        try:
            held = opened.key(uri)
        except (PKCS11Error, _Missing, SignerError):
            opened.close()
            raise
        self._tokens[uri] = token
        return held, opened

    def _entered(self, uri: PKCS11URI, read_pin: PINReader) -> Token:
        """Find the token, and log in once for all sessions with it: while one stays open."""
        token = self._token(uri)
        slot = token.slot.slot_id
        if slot not in self._logins and token.flags & TokenFlag.LOGIN_REQUIRED:
            self._logins[slot] = _logged_in(token, uri, read_pin())
        return token

    def _token(self, uri: PKCS11URI) -> Token:
        assert self._library is not None
        tokens = list(_tokens(self._library))
        found = [one for one in tokens if _is_meant(one, uri)]
        if len(found) == 1:
            return found[0]
        if found:
            raise SignerError(f"{uri}: more than one token has this name: add serial or slot-id")
        there = ", ".join(sorted(one.label for one in tokens)) or "none"
        raise _Missing(f"no such token; there is {there}")

    # --- the library -----------------------------------------------------------------------

    def _start(self, uri: PKCS11URI, *, at_once: bool) -> bool:
        """Start the library, anew where it ran, when nobody is in it; else not twice in a moment."""
        if monotonic() < self._next_start and not at_once:
            if self._library is None:
                raise SignerError(f"{uri}: the PKCS #11 library is tried again in a moment")
            return False
        self._next_start = monotonic() + TOKEN_RETRY_TIME.total_seconds()
        self._is_ending = True
        try:
            if not self._changed.wait_for(self._is_unused, TOKEN_WAIT_TIME.total_seconds()):
                return False
            self._start_unused(uri)
        finally:
            self._is_ending = False
            self._changed.notify_all()
        return True

    def _is_unused(self) -> bool:
        return self._busy == 0

    def _start_unused(self, uri: PKCS11URI) -> None:
        self._is_suspect = False
        for known in (self._idle, self._logins, self._tokens):
            known.clear()
        library, self._library = self._library, None
        try:
            if library is not None:
                library.end()
            self._library = Library(self._path)
        except PKCS11Error as error:
            text = f"{uri}: the PKCS #11 library {self._path} can't be used: {reason(error)}"
            raise SignerError(f"{text}; name the right one with module-path") from error


# --- tokens --------------------------------------------------------------------------------


def _logged_in(token: Token, uri: PKCS11URI, pin: PIN | None) -> Session:
    """Say a PIN that was not refused before, where it can't be the one that locks the token."""
    if pin is None:
        remedy = f"name its file with pin-source or password_file, or set {PIN_VARIABLE}"
        raise ConfigError(f"{uri}: the token {token.label} needs a PIN", remedy=remedy)
    refused, name = refused_pins(), _name(token)
    if (why := refused.reason(name, pin)) is not None:
        raise _refusal(token, uri, pin, why)
    if refused.is_full:
        text = f"{uri}: {MAX_REFUSED_PINS} PINs were refused; no more are tried"
        raise ConfigError(text, remedy="start again")
    state = token.slot.get_token().flags  # as it is now that the others have had their turn
    if state & TokenFlag.USER_PIN_LOCKED:
        raise _refusal(token, uri, pin, _REFUSALS[exceptions.PinLocked])
    if state & TokenFlag.USER_PIN_FINAL_TRY:
        text = f"{uri}: one more wrong PIN would lock the token {token.label}, so none is tried"
        raise ConfigError(text, remedy="log in with another tool first, which ends that")
    try:
        return token.open(user_pin=pin.text)
    except exceptions.UserAlreadyLoggedIn:
        return token.open()
    except tuple(_REFUSALS) as error:
        why = _REFUSALS[type(error)]
        refused.note(name, pin, why)
        raise _refusal(token, uri, pin, why) from error


def _refusal(token: Token, uri: PKCS11URI, pin: PIN, why: str) -> ConfigError:
    text = f"{uri}: the token {token.label} refused the PIN from {pin.origin}: {why}"
    return ConfigError(text, remedy="it is not tried again: mend it first")


class _Missing(Exception):  # noqa: N818  # it never leaves this module
    """A token or key is not there, as far as the library sees."""


def _tokens(library: Library) -> Iterator[Token]:
    for slot in library.get_slots(token_present=True):
        with contextlib.suppress(PKCS11Error):  # another slot's trouble is not ours
            token = slot.get_token()
            if token.flags & TokenFlag.TOKEN_INITIALIZED:
                yield token


def _name(token: Token) -> str:
    """Name a token as no other is named, wherever it is plugged in."""
    serial = token.serial.decode(errors="replace").rstrip()
    return f"{token.manufacturer_id}\0{token.model}\0{serial}\0{token.label}"


def _is_meant(token: Token, uri: PKCS11URI) -> bool:
    wanted = (uri.token, uri.serial, uri.manufacturer, uri.model, uri.slot_id)
    actual = (
        token.label,
        token.serial.decode(errors="replace").rstrip(),
        token.manufacturer_id,
        token.model,
        token.slot.slot_id,
    )
    return all(one is None or one == two for one, two in zip(wanted, actual, strict=True))


def _mechanisms(token: Token) -> frozenset[Mechanism]:
    return frozenset(token.slot.get_mechanisms())


def _template(uri: PKCS11URI) -> dict[Attribute, object]:
    named = {Attribute.LABEL: uri.label, Attribute.ID: uri.id}
    return {
        Attribute.CLASS: ObjectClass.PRIVATE_KEY,
        **{name: value for name, value in named.items() if value is not None},
    }


def reason(error: Exception) -> str:
    """Say an error of the library in words: its text, or its name where it has none."""
    return str(error) or type(error).__name__


# --- the modules of a process --------------------------------------------------------------


class _Process:
    """The libraries of one process."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.modules: dict[str, Module] = {}


_process = _Process()
_inherited: list[_Process] = []


def _after_fork() -> None:
    """Leave what the parent opened alone: not even its end may be told to the library."""
    global _process  # noqa: PLW0603  # there is one process
    _inherited.append(_process)
    _process = _Process()


os.register_at_fork(after_in_child=_after_fork)


def open_module(path: str) -> Module:
    """Return this process's module for a library; the same one each time."""
    with _process.lock:
        return _process.modules.setdefault(path, Module(path))
