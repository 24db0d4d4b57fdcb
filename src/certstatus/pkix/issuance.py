"""Whether one certificate issued another: by name, and by the key that signed."""

from __future__ import annotations

from certstatus.errors import MalformedError
from certstatus.pkix.certificate import Certificate
from certstatus.pkix.signature import signature_algorithm, signature_problem

__all__ = ["issuance_problem"]


def issuance_problem(certificate: Certificate, issuer: Certificate) -> str | None:
    """Say why ``issuer`` did not issue ``certificate``; None: it did (O23, L9).

    Compares the names, and verifies the signature with the issuer's key. Validity and the
    right to issue belong to path validation, and are not asked here.
    """
    if not certificate.issuer.matches(issuer.subject):
        return f"the certificate's issuer is {certificate.issuer}, not {issuer.subject}"
    if not certificate.has_one_algorithm:
        return "the certificate names two signature algorithms (RFC 5280 §4.1.1.2)"
    try:
        algorithm = signature_algorithm(certificate.signature_algorithm)
        problem = signature_problem(
            algorithm, issuer.public_key, certificate.signature, certificate.tbs_der
        )
    except MalformedError as error:
        problem = str(error)
    return None if problem is None else f"the issuer did not sign the certificate: {problem}"
