"""Forge any OCSP response, right or wrong, and name the lies that clients must not believe."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Final

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

from certstatus.asn1 import oids
from certstatus.asn1.doorway import encode
from certstatus.ocsp import (
    NEVER_ISSUED,
    NO_EXTENSIONS,
    ByKey,
    CertID,
    CertStatus,
    ExtendedRevoke,
    Extension,
    Extensions,
    Good,
    Nonce,
    OCSPResponseStatus,
    ResponderID,
    ResponseData,
    Revoked,
    SingleResponse,
    encode_error_response,
    encode_response,
    encode_response_data,
)
from certstatus.pkix import AlgorithmIdentifier
from certstatus.testing.ca import Issued, PrivateKey, TinyCA, sign_plain

__all__ = ["LIES", "Forge", "contradicting", "never_issued", "plain_algorithm"]

_NULL: Final = b"\x05\x00"


def plain_algorithm(key: PrivateKey) -> AlgorithmIdentifier:
    """Name the algorithm that ``sign_plain`` uses with this key."""
    if isinstance(key, rsa.RSAPrivateKey):
        return AlgorithmIdentifier(oids.SHA256_WITH_RSA, _NULL)
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return AlgorithmIdentifier(oids.ECDSA_WITH_SHA256)
    return AlgorithmIdentifier(_BY_CLASS[type(key.public_key()).__name__])


_BY_CLASS: Final = {
    "Ed25519PublicKey": oids.ID_ED25519,
    "Ed448PublicKey": oids.ID_ED448,
    "MLDSA44PublicKey": oids.ID_ML_DSA_44,
    "MLDSA65PublicKey": oids.ID_ML_DSA_65,
    "MLDSA87PublicKey": oids.ID_ML_DSA_87,
}


@dataclass(frozen=True, kw_only=True)
class Forge:
    """One response in the making; ``replace`` any field to make it wrong.

    ``ca`` issued the certificates in question; ``signer`` signs, and ``certs`` are the DER
    of what is sent along. Times are aware UTC.
    """

    ca: TinyCA
    signer: Issued
    cert_ids: tuple[CertID, ...]
    now: datetime = datetime(2026, 11, 21, 12, tzinfo=UTC)
    cert_status: CertStatus = Good()  # noqa: RUF009 - a value, frozen
    this_update: datetime | None = None
    next_update: datetime | None = None
    has_next_update: bool = True
    produced_at: datetime | None = None
    responder_id: ResponderID | None = None
    single_extensions: Extensions = NO_EXTENSIONS
    response_extensions: Extensions = NO_EXTENSIONS
    certs: tuple[bytes, ...] | None = None
    more: tuple[SingleResponse, ...] = ()
    algorithm: AlgorithmIdentifier | None = None
    sign: Callable[[bytes], bytes] | None = None
    finish: Callable[[bytes], bytes] = field(default=lambda der: der)

    @classmethod
    def honest(cls, ca: TinyCA, serial_number: int, signer: Issued | None = None) -> Forge:
        """Answer good of one certificate, as a careful responder would."""
        return cls(
            ca=ca,
            signer=signer or ca.issue_responder(),
            cert_ids=(CertID.of(ca.certificate, serial_number),),
        )

    def but(self, **changes: object) -> Forge:
        """Return the same response with these fields changed."""
        return replace(self, **changes)  # type: ignore[arg-type]

    def single(self, cert_id: CertID) -> SingleResponse:
        """Make the answer about one certificate."""
        this_update = self.this_update or self.now - timedelta(minutes=10)
        next_update = self.next_update or this_update + timedelta(days=4)
        return SingleResponse(
            cert_id=cert_id,
            cert_status=self.cert_status,
            this_update=this_update,
            next_update=next_update if self.has_next_update else None,
            single_extensions=self.single_extensions,
        )

    @property
    def data(self) -> ResponseData:
        """What is signed."""
        return ResponseData(
            responder_id=self.responder_id or ByKey.of(self.signer.certificate),
            produced_at=self.produced_at or self.now - timedelta(minutes=5),
            responses=(*(self.single(cert_id) for cert_id in self.cert_ids), *self.more),
            response_extensions=self.response_extensions,
        )

    @property
    def der(self) -> bytes:
        """The response."""
        tbs = encode_response_data(self.data)
        is_ca = self.signer.certificate == self.ca.certificate
        usual = () if is_ca else (self.signer.certificate.der,)
        response = encode_response(
            tbs,
            self.algorithm or plain_algorithm(self.signer.key),
            self.sign(tbs) if self.sign else sign_plain(self.signer.key, tbs),
            usual if self.certs is None else self.certs,
        )
        return self.finish(response)


def _sign_with_sha1(forge: Forge) -> Callable[[bytes], bytes]:
    key = forge.signer.key
    if isinstance(key, rsa.RSAPrivateKey):
        return lambda tbs: key.sign(tbs, padding.PKCS1v15(), hashes.SHA1())
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return lambda tbs: key.sign(tbs, ec.ECDSA(hashes.SHA1()))
    raise TypeError("no SHA-1 signatures with this kind of key")


def _sha1_algorithm(forge: Forge) -> AlgorithmIdentifier:
    if isinstance(forge.signer.key, rsa.RSAPrivateKey):
        return AlgorithmIdentifier(oids.SHA1_WITH_RSA, _NULL)
    return AlgorithmIdentifier(oids.ECDSA_WITH_SHA1)


def _other_serial(forge: Forge) -> Forge:
    return forge.but(cert_ids=tuple(_moved(one) for one in forge.cert_ids))


def _moved(cert_id: CertID) -> CertID:
    return replace(cert_id, serial_number=cert_id.serial_number + 1, der=None)


def _other_issuer(forge: Forge) -> Forge:
    other = TinyCA("Other CA").certificate
    return forge.but(cert_ids=tuple(CertID.of(other, one.serial_number) for one in forge.cert_ids))


def _by_stranger(forge: Forge) -> Forge:
    """Sign by a delegate of a CA with the same name and another key (O23)."""
    stranger = TinyCA(forge.ca.common_name, not_before=forge.ca.not_before)
    return forge.but(signer=stranger.issue_responder())


def _by_leaf(forge: Forge) -> Forge:
    return forge.but(signer=forge.ca.issue_server("leaf.example"))


def _by_any_purpose(forge: Forge) -> Forge:
    signer = forge.ca.issue(
        "any purpose", extended_key_usages=(oids.ANY_EXTENDED_KEY_USAGE,), nocheck=True
    )
    return forge.but(signer=signer)


def _by_expired(forge: Forge) -> Forge:
    past = forge.now - timedelta(days=1)
    return forge.but(signer=forge.ca.issue_responder(not_after=past))


def _by_grandchild(forge: Forge) -> Forge:
    """Sign by a delegate of a CA below: not issued directly (O22)."""
    below = TinyCA("Sub CA", parent=forge.ca, not_before=forge.ca.not_before)
    return forge.but(signer=below.issue_responder())


def _foreign_type(der: bytes) -> bytes:
    basic = encode(oids.ID_PKIX_OCSP_BASIC)
    return der.replace(basic, basic[:-1] + b"\x2a", 1)


_CRITICAL: Final = Extension(oids.ID_PE_TLS_FEATURE, _NULL, critical=True)

LIES: Final[dict[str, tuple[str, Callable[[Forge], Forge]]]] = {
    "wrong serial number": ("O15", _other_serial),
    "another issuer": ("O1", _other_issuer),
    "signature of other bytes": (
        "O21",
        lambda forge: forge.but(sign=lambda tbs: sign_plain(forge.signer.key, tbs + b"\0")),
    ),
    "responder not named": ("O16", lambda forge: forge.but(responder_id=ByKey(bytes(20)))),
    "responder's certificate absent": ("O16", lambda forge: forge.but(certs=())),
    "stranger's delegate": ("O23", _by_stranger),
    "leaf without the purpose": ("O22", _by_leaf),
    "any purpose only": ("O22", _by_any_purpose),
    "delegate of a CA below": ("O22", _by_grandchild),
    "expired delegate": ("O25", _by_expired),
    "SHA-1 signature": (
        "O29",
        lambda forge: forge.but(algorithm=_sha1_algorithm(forge), sign=_sign_with_sha1(forge)),
    ),
    "expired answer": (
        "L10",
        lambda forge: forge.but(
            this_update=forge.now - timedelta(days=8), next_update=forge.now - timedelta(days=1)
        ),
    ),
    "answer without end": ("L10", lambda forge: forge.but(has_next_update=False)),
    "answer from the future": (
        "O19",
        lambda forge: forge.but(this_update=forge.now + timedelta(days=1)),
    ),
    "produced in the future": (
        "O19",
        lambda forge: forge.but(produced_at=forge.now + timedelta(days=1)),
    ),
    "wrong nonce": (
        "N3",
        lambda forge: forge.but(response_extensions=Extensions.of(Nonce(bytes(32)))),
    ),
    "unknown critical response extension": (
        "O3",
        lambda forge: forge.but(response_extensions=Extensions.of(_CRITICAL)),
    ),
    "unknown critical single extension": (
        "O3",
        lambda forge: forge.but(single_extensions=Extensions.of(_CRITICAL)),
    ),
    "foreign response type": ("O9", lambda forge: forge.but(finish=_foreign_type)),
    "unsigned error status": (
        "O10",
        lambda forge: forge.but(
            finish=lambda _: encode_error_response(OCSPResponseStatus.TRY_LATER)
        ),
    ),
}
"""Lies by name: the rule that unmasks each, and how to tell it. For a request with a nonce."""


def never_issued(forge: Forge) -> Forge:
    """Answer extended-revoke for a serial that was never issued (O13)."""
    extensions = Extensions.of(ExtendedRevoke())
    return forge.but(cert_status=NEVER_ISSUED, response_extensions=extensions)


def contradicting(forge: Forge) -> Forge:
    """Answer good and revoked of the same certificate: the strictest must win (O12)."""
    revoked = forge.but(cert_status=Revoked(forge.now - timedelta(days=1)))
    return forge.but(more=tuple(revoked.single(one) for one in forge.cert_ids))
