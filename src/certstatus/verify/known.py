"""What a verifier keeps from one judgment to the next: certificates as read, signatures that held.

Its law: only what can't change is kept. Octets that a key signed once, it has signed for
ever; so a signature that held is known by the octets of all that it rests on, and so is a
delegate whose certificate is as it should be. What did not hold is not kept at all. Policy and
time are looked at anew in each judgment: they are no part of this.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from hashlib import sha256
from typing import Final, Generic, TypeVar

from certstatus.limits import MAX_KNOWN_ANSWERS, MAX_KNOWN_DELEGATES
from certstatus.ocsp import BasicOCSPResponse
from certstatus.pkix import (
    Certificate,
    SignatureAlgorithm,
    issuance_problem,
    signature_algorithm,
    signature_problem,
)

__all__ = ["NOTHING_KNOWN", "KnownSignatures"]

IsUsual = Callable[[Certificate, Certificate, "KnownSignatures"], bool]
"""Whether the first is a delegate of the second in which all holds, but for time and policy."""

K = TypeVar("K")
V = TypeVar("V")


class _Recent(Generic[K, V]):
    """The values that were asked for last, and no more than ``limit`` of them.

    Keys hash and compare without running Python code: so each step here is one for all
    threads, and a fork finds it whole.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._values: OrderedDict[K, V] = OrderedDict()

    def get(self, key: K) -> V | None:
        try:
            self._values.move_to_end(key)
            return self._values[key]
        except KeyError:  # never known, or pushed out by another thread just now
            return None

    def put(self, key: K, value: V) -> None:
        self._values[key] = value
        if len(self._values) > self.limit:
            with suppress(KeyError):  # other threads have pushed out more than enough
                self._values.popitem(last=False)


class KnownSignatures:
    """What whoever judges many responses holds, and hands to each ``verify_response``.

    A report is the same with it and without; it only comes sooner. ``delegates`` bounds the
    responders' certificates that are kept; ``issued`` the certificates whose issuer is known,
    ``answers`` the answers whose signer is: 0 where each is judged once. May be shared by
    threads.
    """

    def __init__(
        self,
        *,
        delegates: int = MAX_KNOWN_DELEGATES,
        issued: int = MAX_KNOWN_ANSWERS,
        answers: int = MAX_KNOWN_ANSWERS,
    ) -> None:
        self._certificates: _Recent[bytes, Certificate] = _Recent(delegates)
        self._delegates: _Recent[bytes, Certificate] = _Recent(delegates)
        self._delegations: _Recent[bytes, bool] = _Recent(delegates)
        self._issued: _Recent[bytes, bool] = _Recent(issued)
        self._answers: _Recent[bytes, bool] = _Recent(answers)

    @property
    def limits(self) -> tuple[int, int, int]:
        """How many delegates, issued certificates and answers are kept at the most."""
        return self._delegations.limit, self._issued.limit, self._answers.limit

    def certificate(self, der: bytes) -> Certificate:
        """Read a certificate that a response carries; a CA's responses all carry the same few.

        Raises:
            MalformedError: it is none.
        """
        certificate = self._certificates.get(der)
        if certificate is None:
            certificate = Certificate.from_der(der)
            self._certificates.put(der, certificate)
        return certificate

    def usual_delegate(
        self, der: bytes, issuer: Certificate, is_usual: IsUsual
    ) -> Certificate | None:
        """Read a certificate, and look once whether it is a usual delegate of ``issuer``.

        Raises:
            MalformedError: it can't be read.
        """
        if not self._delegates.limit:
            delegate = Certificate.from_der(der)
            return delegate if is_usual(delegate, issuer, self) else None
        pair = issuer.fingerprint + der
        known = self._delegates.get(pair)
        if known is None:
            delegate = self.certificate(der)
            if not is_usual(delegate, issuer, self):
                return None
            self._delegates.put(pair, delegate)
            return delegate
        return known

    def delegation_problem(self, delegate: Certificate, issuer: Certificate) -> str | None:
        """Say why the key of ``issuer`` did not sign ``delegate``; None: it did (O23).

        Raises:
            MalformedError: the key can't be read, or the algorithm is not known.
        """
        if not self._delegations.limit:
            return _delegation_problem(delegate, issuer)
        pair = issuer.fingerprint + delegate.fingerprint
        return _once(self._delegations, pair, lambda: _delegation_problem(delegate, issuer))

    def issuance_problem(self, certificate: Certificate, issuer: Certificate) -> str | None:
        """Say why ``issuer`` did not issue ``certificate``; None: it did (O23, L9)."""
        if not self._issued.limit:
            return issuance_problem(certificate, issuer)
        pair = issuer.fingerprint + certificate.fingerprint
        return _once(self._issued, pair, lambda: issuance_problem(certificate, issuer))

    def answer_problem(
        self, basic: BasicOCSPResponse, algorithm: SignatureAlgorithm, signer: Certificate
    ) -> str | None:
        """Say why the key of ``signer`` did not sign the answer; None: it did (O21).

        Raises:
            MalformedError: the key can't be read.
        """
        key, signature, signed = signer.public_key, basic.signature, basic.tbs_der
        if not self._answers.limit:
            return signature_problem(algorithm, key, signature, signed)
        named = algorithm.identifier
        said = _digest(
            signer.der,
            named.oid.dotted_string.encode("ascii"),
            named.parameters or b"",
            signature,
            signed,
        )
        return _once(
            self._answers, said, lambda: signature_problem(algorithm, key, signature, signed)
        )


class _Held(KnownSignatures):
    """Knows that all signatures held: for telling of a judgment that verified them."""

    def delegation_problem(self, delegate: Certificate, issuer: Certificate) -> str | None:
        """Say that the key signed."""

    def issuance_problem(self, certificate: Certificate, issuer: Certificate) -> str | None:
        """Say that it was issued."""

    def answer_problem(
        self, basic: BasicOCSPResponse, algorithm: SignatureAlgorithm, signer: Certificate
    ) -> str | None:
        """Say that the key signed."""


ALL_HELD: Final = _Held(delegates=0, issued=0, answers=0)
"""For the words of a judgment in which every signature was verified; believes anything else."""

NOTHING_KNOWN: Final = KnownSignatures(delegates=0, issued=0, answers=0)
"""Keeps nothing: for who judges once."""


def _delegation_problem(delegate: Certificate, issuer: Certificate) -> str | None:
    algorithm = signature_algorithm(delegate.signature_algorithm)
    return signature_problem(algorithm, issuer.public_key, delegate.signature, delegate.tbs_der)


def _once(held: _Recent[bytes, bool], key: bytes, verify: Callable[[], str | None]) -> str | None:
    """Verify what is not known to hold, and keep what holds; a problem is not kept."""
    if held.get(key):
        return None
    problem = verify()
    if problem is None:
        held.put(key, value=True)
    return problem


def _digest(*parts: bytes) -> bytes:
    """Hash all parts, each with its length before it: no octet can move from one to the next."""
    return sha256(b"".join(len(part).to_bytes(8) + part for part in parts)).digest()
