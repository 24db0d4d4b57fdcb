"""What name constraints cost, and how hosts and addresses are held to them (RFC 5280 §4.2.1.10). Pure.

Every name of a certificate is compared with every constraint above it: that is counted first,
since whoever issues both decides how many there are.
"""

from __future__ import annotations

import ipaddress
from typing import Final

from certstatus.asn1 import oids
from certstatus.asn1.walk import element_at, elements_in
from certstatus.errors import MalformedError
from certstatus.path.report import CertificationPath
from certstatus.pkix import Certificate

__all__ = ["address_is_within", "comparisons", "host_is_within"]

_WHERE: Final = "id-ce-nameConstraints"


def comparisons(path: CertificationPath) -> int:
    """Return how many comparisons of a name with a constraint a path takes at the most.

    Raises:
        MalformedError: nameConstraints or subjectAltName is broken.
    """
    subtrees = total = 0
    for certificate in reversed(path.certificates):
        total += subtrees * (1 + len(certificate.subject_alternative_names))
        subtrees += _subtrees(certificate)
    return total


def _subtrees(certificate: Certificate) -> int:
    """Count the members of permittedSubtrees and excludedSubtrees."""
    extension = certificate.extensions.get(oids.ID_CE_NAME_CONSTRAINTS)
    if extension is None:
        return 0
    value = extension[1]
    outer = element_at(value, 0, len(value), _WHERE)
    sets = elements_in(value, outer.contents, outer.end, _WHERE)
    return sum(1 for one in sets for _ in elements_in(value, one.contents, one.end, _WHERE))


def host_is_within(base: str, other: str) -> bool:
    """Whether a host is the constraint's, or below it; with a dot before it, below it alone.

    The RFC knows no dot there; CAs write it all the same, and would exclude nothing by it.
    """
    base, other = _folded(base), _folded(other)
    if not base:
        return True
    if base.startswith("."):
        return other.endswith(base) and len(other) > len(base)
    return other == base or other.endswith(f".{base}")


def _folded(host: str) -> str:
    return host.lower().removesuffix(".")


def address_is_within(base: str, other: str) -> bool:
    """Whether an address lies in a network, both as asn1crypto writes them.

    Raises:
        MalformedError: one of them is neither.
    """
    try:
        return ipaddress.ip_address(other) in ipaddress.ip_network(base)
    except ValueError as error:
        raise MalformedError(f"{base!r} or {other!r} is no address", where=_WHERE) from error
