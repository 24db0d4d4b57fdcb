"""Whether the key of one ``[[authority.signer]]`` can sign: an alarm when it can't, once, and its end."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass

from certstatus.errors import CertStatusError, OverloadError
from certstatus.server.signer_events import SignerEventKind, SignerTeller
from certstatus.signing import OuterSigner, Signer, signature_by

__all__ = ["SignerHealth", "WatchedSigner", "problem_of"]

_TRIAL = b"can it sign again?"


class SignerHealth:
    """What became of the last signature by a key."""

    def __init__(self, teller: SignerTeller) -> None:
        """All is well before the first signature."""
        self._teller = teller
        self._lock = threading.Lock()
        self._problem: str | None = None

    @property
    def problem(self) -> str | None:
        """Why the last signature failed, or None."""
        return self._problem

    def watched(self, signer: Signer) -> WatchedSigner:
        """Return a signer that tells what becomes of its signatures."""
        return WatchedSigner(signer, self)

    def fail(self, error: CertStatusError) -> None:
        """Hear that a signature failed; one that too many wait for is no word on the key."""
        if not isinstance(error, OverloadError):
            self._note(str(error))

    def succeed(self) -> None:
        """Hear that a signature was made."""
        if self._problem is not None:
            self._note(None)

    def _note(self, problem: str | None) -> None:
        with self._lock:
            before, self._problem = self._problem, problem
        if before is None and problem is not None:
            self._teller.tell(SignerEventKind.FAILING, problem)
        elif before is not None and problem is None:
            self._teller.tell(SignerEventKind.SIGNING_AGAIN, f"after: {before}")


@dataclass(frozen=True, slots=True)
class WatchedSigner(OuterSigner):
    """A signer whose failures are alarms."""

    health: SignerHealth

    def sign(self, tbs: bytes) -> bytes:
        """Sign DER. Raises as the inner signer does."""
        health = self.health
        try:
            signature = self.inner.sign(tbs)
        except CertStatusError as error:
            health.fail(error)
            raise
        health.succeed()
        return signature

    async def asign(self, tbs: bytes) -> bytes:
        """Sign DER, waiting as for the inner signer. Raises as that does."""
        health = self.health
        try:
            signature = await signature_by(self.inner, tbs)
        except CertStatusError as error:
            health.fail(error)
            raise
        health.succeed()
        return signature


async def problem_of(signers: Iterable[Signer]) -> str | None:
    """Say why none of the signers can sign, or None where one can.

    One that failed tries again now: a node that is taken out of service while its token is away
    is asked for no answers, and would not find out that the token is back.
    """
    problems = [await _problem_of(one) for one in signers]
    return None if None in problems or not problems else problems[0]


async def _problem_of(signer: Signer) -> str | None:
    if not isinstance(signer, WatchedSigner) or signer.health.problem is None:
        return None
    try:
        await signer.asign(_TRIAL)
    except CertStatusError as error:
        return str(error)
    return None
