"""The key of each certificate of a path, with the parameters that it inherits. Pure.

A DSA key may leave its parameters to its issuer's (RFC 3279 §2.3.2, RFC 5280 §6.1.4 f).
"""

from __future__ import annotations

from cryptography.hazmat.primitives.asymmetric import dsa
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes

from certstatus.asn1 import oids
from certstatus.asn1.doorway import decode
from certstatus.errors import MalformedError
from certstatus.pkix import Certificate

__all__ = ["inherits_parameters", "working_keys"]


def inherits_parameters(certificate: Certificate) -> bool:
    """Whether the key is DSA's, without the parameters, which its issuer's key has."""
    algorithm = certificate.key_algorithm
    return algorithm.oid == oids.ID_DSA and algorithm.has_no_parameters


def working_keys(chain: tuple[Certificate, ...]) -> dict[Certificate, CertificatePublicKeyTypes]:
    """Return the key of each certificate of a chain, anchor first; unreadable ones are left out."""
    keys: dict[Certificate, CertificatePublicKeyTypes] = {}
    above: CertificatePublicKeyTypes | None = None
    for certificate in chain:
        try:
            if inherits_parameters(certificate):
                above = _with_parameters(certificate, above)
            else:
                above = certificate.public_key
            keys[certificate] = above
        except MalformedError:
            above = None
    return keys


def _with_parameters(
    certificate: Certificate, above: CertificatePublicKeyTypes | None
) -> dsa.DSAPublicKey:
    if not isinstance(above, dsa.DSAPublicKey):
        raise MalformedError("inherits parameters, and its issuer has none", where="DSA key")
    y = decode(int, certificate.key_bits, "DSAPublicKey")
    parameters = above.parameters().parameter_numbers()
    try:
        return dsa.DSAPublicNumbers(y, parameters).public_key()
    except ValueError as error:
        raise MalformedError(f"does not fit its parameters: {error}", where="DSA key") from error
