"""Who may sign a tree: alike for those who build and for those who read (K3)."""

from __future__ import annotations

from datetime import datetime

from certstatus.pkix import Certificate

__all__ = ["signer_problem"]


def signer_problem(certificate: Certificate, now: datetime) -> str | None:
    """Say why a certificate's key may not sign trees at ``now``, aware UTC; None: it may.

    Whether it is the CA's or one that the reader trusts is the caller's to know.

    Raises:
        MalformedError: the certificate's key usage can't be read.
    """
    if not certificate.is_valid_at(now):
        return f"{certificate} is not valid at {now:%Y-%m-%d %H:%M:%SZ}"
    usage = certificate.key_usage
    if usage is not None and not (usage.crl_sign or usage.digital_signature):
        return f"the key usage of {certificate} has neither cRLSign nor digitalSignature"
    return None
