"""A tiny CA that issues anything, right or wrong, for tests and for ``certstatus lab``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Final, TypeAlias, TypedDict, Unpack

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509 import ObjectIdentifier
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, NameOID

from certstatus.asn1 import oids
from certstatus.pkix import Certificate, CRLReason, HashAlgorithm
from certstatus.signing import KEY_KINDS, Purpose, SigningKey, generate_key

__all__ = ["KEY_KINDS", "Issued", "PrivateKey", "TinyCA", "generate_key", "sign_plain"]

PrivateKey: TypeAlias = SigningKey

EPOCH: Final = datetime(2026, 1, 1, tzinfo=UTC)
"""When the tiny CA's certificates become valid, unless a test says otherwise."""


_DIGESTS: Final[dict[HashAlgorithm, hashes.SHA256 | hashes.SHA384 | hashes.SHA512]] = {
    HashAlgorithm.SHA256: hashes.SHA256(),
    HashAlgorithm.SHA384: hashes.SHA384(),
    HashAlgorithm.SHA512: hashes.SHA512(),
}


def sign_plain(key: PrivateKey, data: bytes) -> bytes:
    """Sign with the kind's usual algorithm: SHA-256 with RSA or ECDSA, else the key's own."""
    if isinstance(key, rsa.RSAPrivateKey):
        return key.sign(data, padding.PKCS1v15(), hashes.SHA256())
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return key.sign(data, ec.ECDSA(hashes.SHA256()))
    return key.sign(data)


def name(common_name: str) -> x509.Name:
    """Make a Name of one commonName."""
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


@dataclass(frozen=True)
class Issued:
    """A certificate and its key."""

    certificate: Certificate
    key: PrivateKey

    @property
    def certificate_pem(self) -> bytes:
        """The certificate as PEM."""
        return self.certificate.parsed.public_bytes(serialization.Encoding.PEM)

    def key_pem(self, password: bytes | None = None) -> bytes:
        """Return the key as PKCS #8 PEM, encrypted where a password is given."""
        encryption: serialization.KeySerializationEncryption = (
            serialization.NoEncryption()
            if password is None
            else serialization.BestAvailableEncryption(password)
        )
        return self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption
        )


def key_usage(*bits: str) -> x509.KeyUsage:
    """Make a KeyUsage of the cryptography package's names: digital_signature, crl_sign and so on."""
    names = (
        "digital_signature",
        "content_commitment",
        "key_encipherment",
        "data_encipherment",
        "key_agreement",
        "key_cert_sign",
        "crl_sign",
        "encipher_only",
        "decipher_only",
    )
    return x509.KeyUsage(**{bit: bit in bits for bit in names})


class Wishes(TypedDict, total=False):
    """What ``issue`` takes beside the name; times are aware UTC."""

    serial_number: int | None
    kind: str
    key: PrivateKey | None
    not_before: datetime | None
    not_after: datetime | None
    ocsp_uris: Iterable[str]
    ca_issuers_uris: Iterable[str]
    crl_uris: Iterable[str]
    nocheck: bool
    tls_features: Iterable[x509.TLSFeatureType]


@dataclass
class TinyCA:
    """A CA in memory. Times are aware UTC; serial numbers count from 1000 unless given.

    It signs with ``digest`` where its key is RSA or ECDSA; other kinds hash by themselves.
    ``tls_features`` stand in its own certificate (RFC 7633).
    """

    common_name: str = "Tiny CA"
    kind: str = "p256"
    not_before: datetime = EPOCH
    not_after: datetime = EPOCH + timedelta(days=3650)
    parent: TinyCA | None = None
    digest: HashAlgorithm = HashAlgorithm.SHA256
    tls_features: tuple[x509.TLSFeatureType, ...] = ()
    key: PrivateKey = field(default_factory=lambda: generate_key("p256"))
    certificate: Certificate = field(init=False)
    serials: Iterator[int] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if self.kind != "p256":
            self.key = generate_key(self.kind)
        self.serials = count(1000)
        signer = self.parent or self
        certificate = (
            self._builder(name(self.common_name), self.key, signer, self.not_before, self.not_after)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(
                key_usage("key_cert_sign", "crl_sign", "digital_signature"), critical=True
            )
            .add_extension(
                x509.SubjectKeyIdentifier.from_public_key(self.key.public_key()), critical=False
            )
            .serial_number(next(signer.serials) if self.parent else 1)
        )
        if self.parent is not None:
            certificate = certificate.add_extension(self.parent.key_identifier, critical=False)
        if self.tls_features:
            certificate = certificate.add_extension(
                x509.TLSFeature(self.tls_features), critical=False
            )
        signed = certificate.sign(signer.key, signer.signing_hash)
        self.certificate = Certificate.from_x509(signed)

    @property
    def key_identifier(self) -> x509.AuthorityKeyIdentifier:
        """What careful certificates of this CA carry (RFC 5280 §4.2.1.1)."""
        key_hash = self.certificate.key_hash(HashAlgorithm.SHA1)
        return x509.AuthorityKeyIdentifier(key_hash, None, None)

    @property
    def signing_hash(self) -> hashes.SHA256 | hashes.SHA384 | hashes.SHA512 | None:
        """What the cryptography package signs with: None where the key hashes by itself."""
        hashed = isinstance(self.key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey)
        return _DIGESTS[self.digest] if hashed else None

    @staticmethod
    def _builder(
        subject: x509.Name,
        key: PrivateKey,
        signer: TinyCA,
        not_before: datetime,
        not_after: datetime,
    ) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(name(signer.common_name))
            .public_key(key.public_key())
            .not_valid_before(not_before)
            .not_valid_after(not_after)
        )

    def issue(
        self,
        common_name: str = "leaf.example",
        *,
        serial_number: int | None = None,
        kind: str = "p256",
        key: PrivateKey | None = None,
        not_before: datetime | None = None,
        not_after: datetime | None = None,
        ocsp_uris: Iterable[str] = (),
        ca_issuers_uris: Iterable[str] = (),
        crl_uris: Iterable[str] = (),
        extended_key_usages: Iterable[ObjectIdentifier] = (),
        usage: x509.KeyUsage | None = None,
        nocheck: bool = False,
        tls_features: Iterable[x509.TLSFeatureType] = (),
        extensions: Iterable[tuple[x509.ExtensionType, bool]] = (),
    ) -> Issued:
        """Issue a certificate with exactly what is asked for, right or wrong."""
        key = key or generate_key(kind)
        builder = self._builder(
            name(common_name),
            key,
            self,
            not_before or self.not_before,
            not_after or self.not_before + timedelta(days=730),
        ).serial_number(next(self.serials) if serial_number is None else serial_number)
        for extension, critical in (
            *_access(ocsp_uris, ca_issuers_uris),
            *_points(crl_uris),
            *_purposes(extended_key_usages, usage),
            *(((x509.OCSPNoCheck(), False),) if nocheck else ()),
            *(((x509.TLSFeature(list(tls_features)), False),) if tls_features else ()),
            *extensions,
        ):
            builder = builder.add_extension(extension, critical=critical)
        certificate = builder.sign(self.key, self.signing_hash)
        return Issued(Certificate.from_x509(certificate), key)

    def issue_server(self, host: str = "leaf.example", **wishes: Unpack[Wishes]) -> Issued:
        """Issue a TLS server's certificate for a DNS name."""
        alternative = x509.SubjectAlternativeName([x509.DNSName(host)])
        return self.issue(
            host,
            usage=key_usage("digital_signature"),
            extended_key_usages=(ExtendedKeyUsageOID.SERVER_AUTH,),
            extensions=((alternative, False), (self.key_identifier, False)),
            **wishes,
        )

    def issue_responder(
        self, common_name: str = "OCSP responder", **wishes: Unpack[Wishes]
    ) -> Issued:
        """Issue a delegated responder's certificate as RFC 6960 §4.2.2.2 and BR 7.1.2.8 ask."""
        wishes.setdefault("nocheck", True)
        return self.issue(
            common_name,
            usage=key_usage("digital_signature"),
            extended_key_usages=(oids.ID_KP_OCSP_SIGNING,),
            extensions=((self.key_identifier, False),),
            **wishes,
        )

    def issue_scvp(
        self,
        purpose: Purpose = Purpose.SCVP_SERVER,
        common_name: str = "SCVP server",
        **wishes: Unpack[Wishes],
    ) -> Issued:
        """Issue the certificate of one who signs messages of SCVP (RFC 5055 §3.11, §4.14.2)."""
        key = wishes.get("key") or generate_key(wishes.get("kind", "p256"))
        wishes["key"] = key
        own = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
        return self.issue(
            common_name,
            usage=key_usage("digital_signature"),
            extended_key_usages=(purpose.oid,),
            extensions=((own, False), (self.key_identifier, False)),
            **wishes,
        )

    def crl(
        self,
        revoked: Iterable[tuple[int, datetime, CRLReason | None]] = (),
        *,
        number: int = 1,
        delta_of: int | None = None,
        this_update: datetime | None = None,
        next_update: datetime | None = None,
        extensions: Iterable[tuple[x509.ExtensionType, bool]] = (),
    ) -> bytes:
        """Issue a CRL, DER: serial number, revocation date and reason of each entry.

        ``delta_of`` makes it a delta over that BaseCRLNumber. ``extensions`` may limit it
        (``x509.IssuingDistributionPoint``), each with whether it is critical.
        """
        this_update = this_update or self.not_before
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(name(self.common_name))
            .last_update(this_update)
            .next_update(next_update or this_update + timedelta(days=7))
            .add_extension(x509.CRLNumber(number), critical=False)
        )
        if delta_of is not None:
            builder = builder.add_extension(x509.DeltaCRLIndicator(delta_of), critical=True)
        for extension, critical in extensions:
            builder = builder.add_extension(extension, critical=critical)
        for serial_number, revocation_date, reason in revoked:
            builder = builder.add_revoked_certificate(
                _entry(serial_number, revocation_date, reason)
            )
        signed = builder.sign(self.key, self.signing_hash)
        return signed.public_bytes(serialization.Encoding.DER)

    @property
    def issued(self) -> Issued:
        """The CA's own certificate and key."""
        return Issued(self.certificate, self.key)


def _access(
    ocsp_uris: Iterable[str], ca_issuers_uris: Iterable[str]
) -> Iterable[tuple[x509.ExtensionType, bool]]:
    descriptions = [
        *(_description(AuthorityInformationAccessOID.OCSP, uri) for uri in ocsp_uris),
        *(_description(AuthorityInformationAccessOID.CA_ISSUERS, uri) for uri in ca_issuers_uris),
    ]
    return ((x509.AuthorityInformationAccess(descriptions), False),) if descriptions else ()


def _description(method: ObjectIdentifier, uri: str) -> x509.AccessDescription:
    return x509.AccessDescription(method, x509.UniformResourceIdentifier(uri))


def _points(crl_uris: Iterable[str]) -> Iterable[tuple[x509.ExtensionType, bool]]:
    points = [
        x509.DistributionPoint([x509.UniformResourceIdentifier(uri)], None, None, None)
        for uri in crl_uris
    ]
    return ((x509.CRLDistributionPoints(points), False),) if points else ()


def _purposes(
    purposes: Iterable[ObjectIdentifier], usage: x509.KeyUsage | None
) -> Iterable[tuple[x509.ExtensionType, bool]]:
    wanted = list(purposes)
    if usage is not None:
        yield usage, True
    if wanted:
        yield x509.ExtendedKeyUsage(wanted), False


def _entry(
    serial_number: int, revocation_date: datetime, reason: CRLReason | None
) -> x509.RevokedCertificate:
    builder = (
        x509.RevokedCertificateBuilder()
        .serial_number(serial_number)
        .revocation_date(revocation_date)
    )
    if reason is not None:
        builder = builder.add_extension(x509.CRLReason(_FLAGS[reason]), critical=False)
    return builder.build()


_FLAGS: Final = {
    CRLReason.UNSPECIFIED: x509.ReasonFlags.unspecified,
    CRLReason.KEY_COMPROMISE: x509.ReasonFlags.key_compromise,
    CRLReason.CA_COMPROMISE: x509.ReasonFlags.ca_compromise,
    CRLReason.AFFILIATION_CHANGED: x509.ReasonFlags.affiliation_changed,
    CRLReason.SUPERSEDED: x509.ReasonFlags.superseded,
    CRLReason.CESSATION_OF_OPERATION: x509.ReasonFlags.cessation_of_operation,
    CRLReason.CERTIFICATE_HOLD: x509.ReasonFlags.certificate_hold,
    CRLReason.REMOVE_FROM_CRL: x509.ReasonFlags.remove_from_crl,
    CRLReason.PRIVILEGE_WITHDRAWN: x509.ReasonFlags.privilege_withdrawn,
    CRLReason.AA_COMPROMISE: x509.ReasonFlags.aa_compromise,
}
