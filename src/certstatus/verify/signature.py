"""Verify the signature, by an algorithm that may be believed (O21, O29, A1, A2)."""

from __future__ import annotations

from certstatus.errors import MalformedError
from certstatus.ocsp import BasicOCSPResponse
from certstatus.pkix import AlgorithmIdentifier, Certificate, SignatureAlgorithm
from certstatus.pkix.signature import signature_algorithm, signature_problem
from certstatus.verify.policy import VerifyPolicy
from certstatus.verify.report import Check

__all__: list[str] = []


def check_algorithm(
    identifier: AlgorithmIdentifier, policy: VerifyPolicy
) -> tuple[SignatureAlgorithm | None, Check]:
    """Read the signature algorithm, and refuse SHA-1 unless the policy allows it."""
    name = "signature algorithm"
    try:
        algorithm = signature_algorithm(identifier)
    except MalformedError as error:
        return None, Check.failed(
            error.rule or "O29", name, error.message, algorithm=str(identifier)
        )
    if algorithm.is_sha1 and not policy.allow_sha1:
        reason = f"{algorithm.name} rests on SHA-1, and is refused unless allowed"
        return algorithm, Check.failed("O29", name, reason, algorithm=algorithm.name)
    return algorithm, Check.passed("O29", name, algorithm.name, algorithm=algorithm.name)


def check_signature(
    basic: BasicOCSPResponse, algorithm: SignatureAlgorithm | None, signer: Certificate
) -> Check:
    """Verify the signature over the received bytes with the signer's key."""
    name = "signature"
    if algorithm is None:
        return Check.skipped("O21", name, "the algorithm is not usable")
    try:
        problem = signature_problem(algorithm, signer.public_key, basic.signature, basic.tbs_der)
    except MalformedError as error:
        problem = str(error)
    if problem is not None:
        return Check.failed("O21", name, problem)
    return Check.passed("O21", name, f"holds, by the key of {signer.subject}")
