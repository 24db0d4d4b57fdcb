"""Signed messages for tests: a CA, a server and a client of SCVP, and what they sign."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from hashlib import sha256
from typing import Final

from cryptography.x509 import ObjectIdentifier

from certstatus.asn1 import oids
from certstatus.cms import SignatureReport, sign_content, verify_signed_data
from certstatus.pkix import Certificate, SignatureAlgorithm
from certstatus.signing import LocalSigner, Purpose, make_signers
from certstatus.testing import Issued, TinyCA
from tests import der

NOW: Final = datetime(2026, 11, 21, 12, tzinfo=UTC)
REQUEST: Final = oids.ID_CT_SCVP_CERT_VAL_REQUEST
RESPONSE: Final = oids.ID_CT_SCVP_CERT_VAL_RESPONSE
_ISSUER_SERIAL: Final = der.sequence(der.sequence(der.tlv(0x82, b"what is asked")), der.integer(5))
_REFERENCE: Final = der.explicit(1, der.octet_string(b"hash"), _ISSUER_SERIAL)
CONTENT: Final = der.sequence(
    der.sequence(
        der.explicit(0, _REFERENCE),
        der.sequence(der.oid("1.3.6.1.5.5.7.17.1")),
        der.sequence(der.sequence(der.oid("1.3.6.1.5.5.7.19.1"))),
    )
)
"""A CVRequest, shorter than 128 octets."""
CA: Final = TinyCA("Signing CA")


def issued(kind: str = "p256", purpose: Purpose = Purpose.SCVP_CLIENT) -> Issued:
    """Return the certificate of the one who signs with a key of this kind."""
    return _issued(kind, purpose)


@lru_cache
def _issued(kind: str, purpose: Purpose) -> Issued:
    return CA.issue_scvp(purpose, f"{purpose.name} {kind}", kind=kind)


def signer(kind: str = "p256", purpose: Purpose = Purpose.SCVP_CLIENT) -> LocalSigner:
    """Make a signer with the usual algorithm of this kind of key."""
    return signer_of(issued(kind, purpose))


def signer_of(one: Issued) -> LocalSigner:
    return make_signers(one.key, one.certificate, issuer=None)[0]


def every_signer(one: Issued) -> tuple[LocalSigner, ...]:
    """Make a signer for each algorithm of the key."""
    return make_signers(one.key, one.certificate, issuer=None)


def signed(content: bytes = CONTENT, content_type: ObjectIdentifier = REQUEST) -> bytes:
    """Sign by the usual client."""
    return sign_content(content_type, content, signer())


def judge(
    data: bytes,
    *,
    purpose: Purpose = Purpose.SCVP_CLIENT,
    content_types: tuple[ObjectIdentifier, ...] = (REQUEST,),
    trusted: tuple[Certificate, ...] | None = None,
    now: datetime = NOW,
    allow_sha1: bool = False,
) -> SignatureReport:
    """Judge a request by the usual client, who is trusted."""
    pinned = (issued().certificate,) if trusted is None else trusted
    return verify_signed_data(
        data,
        now=now,
        purpose=purpose,
        content_types=content_types,
        trusted=pinned,
        allow_sha1=allow_sha1,
    )


# --- by hand: what our own writer never makes -----------------------------------------------

CONTENT_TYPE: Final = "1.2.840.113549.1.9.3"
MESSAGE_DIGEST: Final = "1.2.840.113549.1.9.4"
SIGNING_CERTIFICATE: Final = "1.2.840.113549.1.9.16.2.12"
SIGNING_CERTIFICATE_V2: Final = "1.2.840.113549.1.9.16.2.47"


def attribute(kind: str, *values: bytes) -> bytes:
    return der.sequence(der.oid(kind), der.tlv(0x31, *values))


@dataclass(frozen=True, kw_only=True)
class Draft:
    """A SignedData in parts, each of which a test may put wrong; signed as it then stands."""

    content: bytes = CONTENT
    content_type: str = REQUEST.dotted_string
    attributes: tuple[bytes, ...] | None = None
    version: int = 3
    signer: LocalSigner = field(default_factory=signer)
    digest: bytes = der.sequence(der.oid("2.16.840.1.101.3.4.2.1"))
    algorithm: SignatureAlgorithm | None = None
    certificates: tuple[bytes, ...] | None = None
    sid: bytes | None = None
    unsigned: bytes = b""
    signers: int = 1
    e_content: bytes | None = None

    @property
    def usual_attributes(self) -> tuple[bytes, ...]:
        """Content-type and message-digest by SHA-256, in DER's order."""
        digest = der.octet_string(_sha256(self.content))
        both = (
            attribute(CONTENT_TYPE, der.oid(self.content_type)),
            attribute(MESSAGE_DIGEST, digest),
        )
        return tuple(sorted(both))

    @property
    def signer_info(self) -> bytes:
        """The SignerInfo, whose signature is over the attributes as they stand."""
        attributes = self.usual_attributes if self.attributes is None else self.attributes
        certificate = self.signer.certificate
        sid = self.sid or der.sequence(
            certificate.issuer.der, der.integer(certificate.serial_number)
        )
        over = der.tlv(0x31, *attributes) if attributes else self.content
        return der.sequence(
            der.integer(1),
            sid,
            self.digest,
            der.tlv(0xA0, *attributes) if attributes else b"",
            _algorithm(self.algorithm or self.signer.algorithm),
            der.octet_string(self.signer.sign(over)),
            self.unsigned,
        )

    @property
    def der(self) -> bytes:
        """The whole ContentInfo."""
        enclosed = self.certificates
        if enclosed is None:
            enclosed = (self.signer.certificate.der,)
        content = self.e_content
        if content is None:
            content = der.explicit(0, der.octet_string(self.content))
        return der.sequence(
            der.oid("1.2.840.113549.1.7.2"),
            der.explicit(
                0,
                der.sequence(
                    der.integer(self.version),
                    der.tlv(0x31, self.digest),
                    der.sequence(der.oid(self.content_type), content),
                    der.tlv(0xA0, *enclosed) if enclosed else b"",
                    der.tlv(0x31, *[self.signer_info] * self.signers),
                ),
            ),
        )


def _sha256(data: bytes) -> bytes:
    return sha256(data).digest()


def _algorithm(algorithm: SignatureAlgorithm) -> bytes:
    identifier = algorithm.identifier
    return der.sequence(der.oid(identifier.oid.dotted_string), identifier.parameters or b"")
