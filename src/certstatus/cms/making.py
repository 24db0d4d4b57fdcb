"""SignedData made: one signer, whose certificate is among what is signed (RFC 5055 §3, §4; S2)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from cryptography.x509 import ObjectIdentifier

from certstatus.cms.attribute import (
    encode_content_type,
    encode_message_digest,
    encode_signing_certificate,
    encode_signing_time,
)
from certstatus.cms.digest import digest_for
from certstatus.cms.signed_data import (
    IssuerAndSerialNumber,
    SignerIdentifier,
    SignerInfo,
    SubjectKeyIdentifier,
    encode_signed_data,
)
from certstatus.errors import SignerError
from certstatus.pkix import Certificate
from certstatus.signing import Signer, signature_by

__all__ = ["asign_content", "sign_content"]


def sign_content(
    content_type: ObjectIdentifier,
    content: bytes,
    signer: Signer,
    *,
    certificates: Iterable[Certificate] = (),
    signing_time: datetime | None = None,
    by_key_identifier: bool = False,
    revocation_infos: Iterable[bytes] = (),
) -> bytes:
    """Sign octets, and return the DER of the ContentInfo around the SignedData.

    The signer has passed the gate for its purpose at load (``check_message_signer``). Its
    certificate always goes along, as do ``signer.certs`` and ``certificates``; it stands
    first, and alone, in signing-certificate-v2. ``signing_time`` is aware UTC, written in
    whole seconds, and left out where None. ``by_key_identifier`` names the signer by its
    key identifier instead of issuer and serial number. ``revocation_infos`` is the DER of
    RevocationInfoChoices, as ``SavedEvidence.revocation_infos`` has them.

    Raises:
        SignerError: the key could not be used, or its certificate has no key identifier.
    """
    draft = _draft(content_type, content, signer, signing_time, by_key_identifier=by_key_identifier)
    signature = signer.sign(draft.info.signed_octets)
    return draft.signed(signature, certificates, revocation_infos)


async def asign_content(
    content_type: ObjectIdentifier,
    content: bytes,
    signer: Signer,
    *,
    certificates: Iterable[Certificate] = (),
    signing_time: datetime | None = None,
    by_key_identifier: bool = False,
    revocation_infos: Iterable[bytes] = (),
) -> bytes:
    """Sign as ``sign_content`` does, and wait where the key is slow or far away.

    Raises:
        ConfigError, SignerError: the key could not be used, or its certificate has no key
            identifier.
        OverloadError: too many signatures are waited for already.
    """
    draft = _draft(content_type, content, signer, signing_time, by_key_identifier=by_key_identifier)
    signature = await signature_by(signer, draft.info.signed_octets)
    return draft.signed(signature, certificates, revocation_infos)


@dataclass(frozen=True, slots=True)
class _Draft:
    """All of a SignedData but the signature."""

    content_type: ObjectIdentifier
    content: bytes
    signer: Signer
    info: SignerInfo

    def signed(
        self,
        signature: bytes,
        certificates: Iterable[Certificate],
        revocation_infos: Iterable[bytes],
    ) -> bytes:
        """Write it with its signature."""
        everyone = (self.signer.certificate, *self.signer.certs, *certificates)
        return encode_signed_data(
            self.content_type,
            self.content,
            certificates=[certificate.der for certificate in everyone],
            revocation_infos=revocation_infos,
            signer_info=replace(self.info, signature=signature),
        )


def _draft(
    content_type: ObjectIdentifier,
    content: bytes,
    signer: Signer,
    signing_time: datetime | None,
    *,
    by_key_identifier: bool,
) -> _Draft:
    certificate, algorithm = signer.certificate, signer.algorithm
    digest = digest_for(algorithm)
    attributes = [
        encode_content_type(content_type),
        encode_message_digest(digest.digest(content)),
        encode_signing_certificate(certificate),
    ]
    if signing_time is not None:
        attributes.append(encode_signing_time(signing_time))
    sid = _identifier(certificate, by_key_identifier=by_key_identifier)
    info = SignerInfo(
        version=3 if by_key_identifier else 1,
        sid=sid,
        digest_algorithm=digest.identifier,
        signed_attrs=tuple(attributes),
        signature_algorithm=algorithm.identifier,
        signature=b"",
    )
    return _Draft(content_type, content, signer, info)


def _identifier(certificate: Certificate, *, by_key_identifier: bool) -> SignerIdentifier:
    if not by_key_identifier:
        return IssuerAndSerialNumber(certificate.issuer, certificate.serial_number)
    found = certificate.subject_key_identifier
    if found is None:
        raise SignerError(f"{certificate} has no key identifier to be named by", rule="S2")
    return SubjectKeyIdentifier(found)
