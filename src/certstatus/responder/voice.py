"""One signer as it speaks for one CA, and what it says in one second. Pure.

Kept is what depends on the signer alone, until others are in force, and the last speech,
for the second in which it was made: thousands of answers may share it.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import NamedTuple

from certstatus.ocsp import ResponderID
from certstatus.pkix import Certificate
from certstatus.pkix.cached import cached_property
from certstatus.responder.splice import Frame
from certstatus.signing import Choice, Signer, last_moment

__all__ = ["Speech", "Voice", "Voices"]


class Speech(NamedTuple):
    """One statement as it is written at ``now``; times are aware UTC, whole seconds.

    ``said`` is what of the statement counts. ``opening`` begins ResponseData, ``tail``
    follows each CertID.
    """

    said: tuple[object, ...]
    now: datetime
    this_update: datetime
    next_update: datetime
    opening: bytes
    tail: bytes


class Voice:
    """A signer with what all of its answers for one CA have in common."""

    def __init__(self, signer: Signer, issuer: Certificate, responder_id: ResponderID) -> None:
        """``issuer`` is the CA; ``responder_id`` how the signer names itself."""
        self.signer = signer
        self._issuer = issuer
        self._responder_id = responder_id
        self._last: Speech | None = None

    @cached_property
    def frame(self) -> Frame:
        """The DER around its answers."""
        return Frame.of(self.signer, self._responder_id)

    @cached_property
    def digest(self) -> bytes:
        """What tells signers apart for clients: certificate and algorithm, digested."""
        identifier = self.signer.algorithm.identifier
        name = identifier.oid.dotted_string.encode("ascii")
        parts = (name, identifier.parameters or b"", self.signer.certificate.der)
        return hashlib.sha256(b"\0".join(parts)).digest()

    @cached_property
    def last_moment(self) -> datetime:
        """The last second at which it may be believed."""
        return last_moment(self.signer, self._issuer)

    def recall(self, said: tuple[object, ...], now: datetime) -> Speech | None:
        """Return the last speech, where it said the same in the same second; else None."""
        last = self._last
        return last if last is not None and last.now == now and last.said == said else None

    def keep(self, speech: Speech) -> None:
        """Remember a speech, in place of the one before."""
        self._last = speech


class Voices:
    """The voices of an authority's signers; those of signers in force are kept."""

    def __init__(self) -> None:
        self._in_force: tuple[Signer, ...] = ()
        self._kept: dict[int, Voice] = {}
        self._choice: tuple[datetime, Choice[Signer]] | None = None

    def follow(self, in_force: tuple[Signer, ...]) -> None:
        """Let go of whoever is not in force any more."""
        if in_force is not self._in_force:
            self._in_force, self._kept, self._choice = in_force, {}, None

    def find(self, signer: Signer) -> Voice | None:
        """Return a signer's voice, if it is kept."""
        # A voice holds its signer, so nobody else gets the same id meanwhile.
        return self._kept.get(id(signer))

    def keep(self, voice: Voice) -> Voice:
        """Keep a voice if its signer is in force; return it."""
        if any(one is voice.signer for one in self._in_force):
            self._kept[id(voice.signer)] = voice
        return voice

    def chosen(self, now: datetime) -> Choice[Signer] | None:
        """Return who was chosen in this second for a request without wishes."""
        known = self._choice
        return known[1] if known is not None and known[0] == now else None

    def choose(self, choice: Choice[Signer], now: datetime) -> None:
        """Remember who is chosen in this second for requests without wishes."""
        self._choice = now, choice
