"""What a path is validated for: the inputs of RFC 5280 §6.1.1, and those that RFC 5055 adds."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from cryptography.x509 import ObjectIdentifier

from certstatus.asn1 import oids
from certstatus.pkix import Certificate, GeneralName

__all__ = ["NameRequirement", "NameRule", "PathInputs", "RevocationRule", "anchor_problem"]


class RevocationRule(StrEnum):
    """Where the status of a certificate may come from (RFC 3379 §7.3, D2)."""

    ANY = "any"
    """An OCSP response, a CRL, or a CRL with its delta."""
    CRL = "crl"
    """A full CRL; deltas are not looked at."""
    DELTA_CRL = "delta-crl"
    """A full CRL, with the newest delta that combines with it."""
    OCSP = "ocsp"
    """An OCSP response."""
    NONE = "none"
    """It is not asked for."""

    @property
    def takes_crls(self) -> bool:
        """Whether a CRL settles the status."""
        return self in {RevocationRule.ANY, RevocationRule.CRL, RevocationRule.DELTA_CRL}

    @property
    def takes_deltas(self) -> bool:
        """Whether delta CRLs count."""
        return self in {RevocationRule.ANY, RevocationRule.DELTA_CRL}

    @property
    def takes_ocsp(self) -> bool:
        """Whether an OCSP response settles the status."""
        return self in {RevocationRule.ANY, RevocationRule.OCSP}


class NameRule(StrEnum):
    """How names are compared (RFC 5055 §3.2.4.2.3, S11), by what the name is for."""

    DN_COMP_ALG = "id-nva-dnCompAlg"
    SERVER_AUTH = "id-kp-serverAuth"
    EMAIL_PROTECTION = "id-kp-emailProtection"


@dataclass(frozen=True, kw_only=True)
class NameRequirement:
    """Names that the end entity must bear, every one (S11).

    ``rule`` None: an algorithm that is not known. ``use_common_name`` asks the most specific
    commonName where the certificate has no dNSName, as RFC 5055 wants and RFC 9525 forbids.
    """

    rule: NameRule | None
    names: tuple[GeneralName, ...]
    use_common_name: bool = True


@dataclass(frozen=True, kw_only=True)
class PathInputs:
    """The inputs of one validation.

    ``anchors`` are the only ones (S10). ``validation_time`` is aware UTC and lies in the past
    (S12); None: now. ``key_usages`` are of sixteen bits each, as
    ``Certificate.key_usage_flags`` has them; ``extended_key_usages`` must all be allowed,
    ``specified_key_usages`` all be named expressly (S9). Whoever gives a ``user_policy_set``
    should set ``require_explicit_policy`` too (S23).
    """

    anchors: tuple[Certificate, ...]
    validation_time: datetime | None = None
    user_policy_set: frozenset[ObjectIdentifier] = frozenset({oids.ANY_POLICY})
    inhibit_policy_mapping: bool = False
    require_explicit_policy: bool = False
    inhibit_any_policy: bool = False
    key_usages: tuple[int, ...] = ()
    extended_key_usages: frozenset[ObjectIdentifier] = frozenset()
    specified_key_usages: frozenset[ObjectIdentifier] = frozenset()
    name: NameRequirement | None = None
    end_entity_revocation: RevocationRule = RevocationRule.ANY
    ca_revocation: RevocationRule = RevocationRule.ANY
    allow_sha1: bool = False

    def revocation(self, *, is_end_entity: bool) -> RevocationRule:
        """Return the rule for the end entity, or for the CAs above it."""
        return self.end_entity_revocation if is_end_entity else self.ca_revocation


def anchor_problem(certificate: Certificate) -> str | None:
    """Say why a certificate can't be a trust anchor; None: it can (S10).

    Of an anchor name and key count, and no more (RFC 5280 §6.1.1 d). One that says that it
    is no CA, or may not sign certificates, was not meant as an anchor.
    """
    usage = certificate.key_usage
    if usage is not None and not usage.key_cert_sign:
        return f"{certificate.subject} lacks the key usage keyCertSign"
    if certificate.version == _V3 and not certificate.is_ca:
        return f"{certificate.subject} is no CA"
    return None


_V3 = 2
