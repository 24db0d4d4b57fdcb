"""How a CA delegates: the request for a responder's certificate, and the certificate.

The profile is that of BR 7.1.2.8, which RFC 6960 §4.2.2.2 and RFC 9919 §3.2.2 agree with (B6,
O22, O24, L5): OCSPSigning alone, nocheck, a critical key usage of digitalSignature alone, the
CA's key identifier, nothing to ask about it, and a short life. A request says what it hopes
for; what is issued does not depend on it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from certstatus.errors import MalformedError, SignerError
from certstatus.limits_signers import SIGNER_HEAD_START, SIGNER_LIFE
from certstatus.pkix import Certificate
from certstatus.signing.algorithm import key_problem
from certstatus.signing.local import SigningKey

__all__ = ["Delegator", "encode_certificate_request", "named_commonly", "parse_certificate_request"]

_HASHES: Final[dict[str, hashes.SHA256 | hashes.SHA384 | hashes.SHA512]] = {
    "secp256r1": hashes.SHA256(),
    "secp384r1": hashes.SHA384(),
    "secp521r1": hashes.SHA512(),
}

_KEY_USAGE: Final = x509.KeyUsage(
    digital_signature=True,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    key_cert_sign=False,
    crl_sign=False,
    encipher_only=False,
    decipher_only=False,
)
_EXTENSIONS: Final[tuple[tuple[x509.ExtensionType, bool], ...]] = (
    (_KEY_USAGE, True),
    (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.OCSP_SIGNING]), False),
    (x509.OCSPNoCheck(), False),
)


def named_commonly(common_name: str) -> x509.Name:
    """Make a Name of one commonName.

    Raises:
        SignerError: it is empty or too long (RFC 5280 §4.1.2.4: 64 characters).
    """
    try:
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
    except ValueError as error:
        raise SignerError(f"{common_name!r} is no commonName: {error}") from error


def encode_certificate_request(key: SigningKey, subject: x509.Name) -> bytes:
    """Make a CertificationRequest (RFC 2986), PEM, that asks for what a delegate needs.

    Raises:
        SignerError: the key can't sign it.
    """
    builder = x509.CertificateSigningRequestBuilder().subject_name(subject)
    for extension, critical in _EXTENSIONS:
        builder = builder.add_extension(extension, critical=critical)
    try:
        request = builder.sign(key, _hash_of(key))
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise SignerError(f"the key could not sign a request: {error}") from error
    return request.public_bytes(serialization.Encoding.PEM)


def parse_certificate_request(
    data: bytes, where: str = "CertificationRequest"
) -> tuple[CertificatePublicKeyTypes, x509.Name]:
    """Read a request, PEM or DER: whose key, and by what name.

    Raises:
        MalformedError: it is no request.
        SignerError: it is not signed by the key in it, so nobody proved to have that.
    """
    try:
        if data.lstrip().startswith(b"-----"):
            request = x509.load_pem_x509_csr(data)
        else:
            request = x509.load_der_x509_csr(data)
        is_signed = request.is_signature_valid
        public_key, subject = request.public_key(), request.subject
    except (ValueError, UnsupportedAlgorithm, InvalidSignature) as error:
        raise MalformedError(f"is no certificate request: {error}", where=where) from error
    if not is_signed:
        raise SignerError(f"{where}: is not signed by the key that it is for")
    return public_key, subject


@dataclass(frozen=True, kw_only=True)
class Delegator:
    """A CA with its key at hand, which issues delegates."""

    certificate: Certificate
    key: SigningKey = field(repr=False)

    def __post_init__(self) -> None:
        if self.certificate.public_key != self.key.public_key():
            raise SignerError(f"the key is not that of the CA {self.certificate}", rule="O23")

    def issue(
        self,
        public_key: CertificatePublicKeyTypes,
        subject: x509.Name,
        *,
        now: datetime,
        life: timedelta = SIGNER_LIFE,
    ) -> Certificate:
        """Issue a delegate's certificate.

        It is valid from ``SIGNER_HEAD_START`` before ``now`` (aware UTC), so that it need not
        settle, for ``life`` from now on, and never outside of the CA's own time. It has still
        to pass ``check_signer``.

        Raises:
            SignerError: the key is too weak, or the CA is not valid now or can't sign.
        """
        if (problem := key_problem(public_key)) is not None:
            raise SignerError(f"the request is for {problem}", rule="O29")
        if not self.certificate.is_valid_at(now):
            raise SignerError(f"the CA {self.certificate} is not valid now", rule="O25")
        now = now.replace(microsecond=0)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self.certificate.parsed.subject)
            .public_key(public_key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(max(now - SIGNER_HEAD_START, self.certificate.not_before))
            .not_valid_after(min(now + life, self.certificate.not_after))
        )
        for extension, critical in (*_EXTENSIONS, (self._key_identifier(), False)):
            builder = builder.add_extension(extension, critical=critical)
        try:
            return Certificate.from_x509(builder.sign(self.key, _hash_of(self.key)))
        except (ValueError, TypeError, UnsupportedAlgorithm) as error:
            raise SignerError(f"the CA {self.certificate} could not sign: {error}") from error

    def _key_identifier(self) -> x509.AuthorityKeyIdentifier:
        """Name the CA's key as the CA does itself (RFC 5280 §4.2.1.1)."""
        parsed = self.certificate.parsed
        try:
            own = parsed.extensions.get_extension_for_class(x509.SubjectKeyIdentifier)
        except (x509.ExtensionNotFound, ValueError):
            return x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key())
        return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(own.value)


def _hash_of(key: SigningKey) -> hashes.SHA256 | hashes.SHA384 | hashes.SHA512 | None:
    """Return what a key signs with (BR 7.1.3.2); None: it hashes by itself."""
    if isinstance(key, rsa.RSAPrivateKey):
        return hashes.SHA256()
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return _HASHES.get(key.curve.name, hashes.SHA256())
    return None
