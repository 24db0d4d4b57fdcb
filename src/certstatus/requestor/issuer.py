"""Find the certificate that issued another: among those given, or at AIA's caIssuers (C14)."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterable

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import pkcs7
from cryptography.x509 import InvalidVersion

from certstatus.errors import MalformedError
from certstatus.pkix import Certificate
from certstatus.verify import NOTHING_KNOWN, KnownSignatures

__all__ = ["find_issuer", "read_certificates"]


def find_issuer(
    certificate: Certificate,
    candidates: Iterable[Certificate],
    known: KnownSignatures = NOTHING_KNOWN,
) -> Certificate | None:
    """Return the first candidate whose key signed ``certificate`` and whose name fits."""
    found = (one for one in candidates if known.issuance_problem(certificate, one) is None)
    return next(found, None)


def read_certificates(data: bytes, where: str = "caIssuers") -> tuple[Certificate, ...]:
    """Read what a caIssuers URL brings: a certificate, or a certs-only CMS; DER or PEM.

    The media type is not asked: servers get it wrong (C14).

    Raises:
        MalformedError: it is none of these.
    """
    with contextlib.suppress(MalformedError):
        return Certificate.load(data, where)
    is_pem = b"-----BEGIN" in data
    load = pkcs7.load_pem_pkcs7_certificates if is_pem else pkcs7.load_der_pkcs7_certificates
    try:
        # The library warns of BER and of odd serial numbers; neither does harm here.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return tuple(Certificate.from_x509(certificate) for certificate in load(data))
    except (ValueError, UnsupportedAlgorithm, InvalidVersion) as error:
        raise MalformedError(
            "holds neither a certificate nor a certs-only CMS", where=where
        ) from error
