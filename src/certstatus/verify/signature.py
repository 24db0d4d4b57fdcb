"""Verify the signature, by an algorithm that may be believed (O21, O29, A1, A2)."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from certstatus.errors import MalformedError
from certstatus.limits import MAX_KNOWN_WORDS
from certstatus.ocsp import BasicOCSPResponse
from certstatus.pkix import (
    AlgorithmIdentifier,
    Certificate,
    Name,
    SignatureAlgorithm,
    signature_algorithm,
)
from certstatus.verify.known import KnownSignatures
from certstatus.verify.policy import VerifyPolicy
from certstatus.verify.report import Check

__all__: list[str] = []


_NAME: Final = "signature algorithm"


def check_algorithm(
    identifier: AlgorithmIdentifier, policy: VerifyPolicy
) -> tuple[SignatureAlgorithm | None, Check]:
    """Read the signature algorithm, and refuse SHA-1 unless the policy allows it."""
    algorithm, check = _known(identifier)
    if algorithm is not None and algorithm.is_sha1 and not policy.allow_sha1:
        reason = f"{algorithm.name} rests on SHA-1, and is refused unless allowed"
        return algorithm, Check.failed("O29", _NAME, reason, algorithm=algorithm.name)
    return algorithm, check


@lru_cache(MAX_KNOWN_WORDS)
def _known(identifier: AlgorithmIdentifier) -> tuple[SignatureAlgorithm | None, Check]:
    """Read an identifier; all of them but PSS with odd parameters are a handful."""
    try:
        algorithm = signature_algorithm(identifier)
    except MalformedError as error:
        check = Check.failed(error.rule or "O29", _NAME, error.message, algorithm=str(identifier))
        return None, check
    return algorithm, Check.passed("O29", _NAME, algorithm.name, algorithm=algorithm.name)


def check_signature(
    basic: BasicOCSPResponse,
    algorithm: SignatureAlgorithm | None,
    signer: Certificate,
    known: KnownSignatures,
) -> Check:
    """Verify the signature over the received bytes with the signer's key."""
    name = "signature"
    if algorithm is None:
        return Check.skipped("O21", name, "the algorithm is not usable")
    try:
        problem = known.answer_problem(basic, algorithm, signer)
    except MalformedError as error:
        problem = str(error)
    if problem is not None:
        return Check.failed("O21", name, problem)
    return _holds(signer.subject)


@lru_cache(MAX_KNOWN_WORDS)
def _holds(signer: Name) -> Check:
    return Check.passed("O21", "signature", f"holds, by the key of {signer}")
