"""Object identifiers, against two other people's lists of them."""

from __future__ import annotations

import pytest
from asn1crypto import algos, cms, ocsp, x509
from cryptography.x509 import ObjectIdentifier
from cryptography.x509.oid import (
    AuthorityInformationAccessOID,
    CRLEntryExtensionOID,
    ExtendedKeyUsageOID,
    ExtensionOID,
    OCSPExtensionOID,
    PublicKeyAlgorithmOID,
    SignatureAlgorithmOID,
)

from certstatus.asn1 import oids

PAIRS = {
    oids.ID_AD_OCSP: AuthorityInformationAccessOID.OCSP,
    oids.ID_AD_CA_ISSUERS: AuthorityInformationAccessOID.CA_ISSUERS,
    oids.ID_PKIX_OCSP_NONCE: OCSPExtensionOID.NONCE,
    oids.ID_PKIX_OCSP_RESPONSE: OCSPExtensionOID.ACCEPTABLE_RESPONSES,
    oids.ID_PKIX_OCSP_NOCHECK: ExtensionOID.OCSP_NO_CHECK,
    oids.ID_KP_OCSP_SIGNING: ExtendedKeyUsageOID.OCSP_SIGNING,
    oids.ANY_EXTENDED_KEY_USAGE: ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE,
    oids.ID_CE_KEY_USAGE: ExtensionOID.KEY_USAGE,
    oids.ID_CE_SUBJECT_ALT_NAME: ExtensionOID.SUBJECT_ALTERNATIVE_NAME,
    oids.ID_CE_BASIC_CONSTRAINTS: ExtensionOID.BASIC_CONSTRAINTS,
    oids.ID_CE_CRL_NUMBER: ExtensionOID.CRL_NUMBER,
    oids.ID_CE_CRL_REASONS: CRLEntryExtensionOID.CRL_REASON,
    oids.ID_CE_INVALIDITY_DATE: CRLEntryExtensionOID.INVALIDITY_DATE,
    oids.ID_CE_CERTIFICATE_ISSUER: CRLEntryExtensionOID.CERTIFICATE_ISSUER,
    oids.ID_CE_DELTA_CRL_INDICATOR: ExtensionOID.DELTA_CRL_INDICATOR,
    oids.ID_CE_ISSUING_DISTRIBUTION_POINT: ExtensionOID.ISSUING_DISTRIBUTION_POINT,
    oids.ID_CE_CRL_DISTRIBUTION_POINTS: ExtensionOID.CRL_DISTRIBUTION_POINTS,
    oids.ID_CE_AUTHORITY_KEY_IDENTIFIER: ExtensionOID.AUTHORITY_KEY_IDENTIFIER,
    oids.ID_CE_EXT_KEY_USAGE: ExtensionOID.EXTENDED_KEY_USAGE,
    oids.ID_CE_FRESHEST_CRL: ExtensionOID.FRESHEST_CRL,
    oids.ID_PE_AUTHORITY_INFO_ACCESS: ExtensionOID.AUTHORITY_INFORMATION_ACCESS,
    oids.ID_PE_TLS_FEATURE: ExtensionOID.TLS_FEATURE,
    oids.ID_CT_SCTS_IN_OCSP: ExtensionOID.SIGNED_CERTIFICATE_TIMESTAMPS,
    oids.ID_CT_SCTS_IN_CERTIFICATE: ExtensionOID.PRECERT_SIGNED_CERTIFICATE_TIMESTAMPS,
    oids.ID_CT_POISON: ExtensionOID.PRECERT_POISON,
    oids.SHA1_WITH_RSA: SignatureAlgorithmOID.RSA_WITH_SHA1,
    oids.SHA256_WITH_RSA: SignatureAlgorithmOID.RSA_WITH_SHA256,
    oids.SHA384_WITH_RSA: SignatureAlgorithmOID.RSA_WITH_SHA384,
    oids.SHA512_WITH_RSA: SignatureAlgorithmOID.RSA_WITH_SHA512,
    oids.RSASSA_PSS: SignatureAlgorithmOID.RSASSA_PSS,
    oids.DSA_WITH_SHA1: SignatureAlgorithmOID.DSA_WITH_SHA1,
    oids.DSA_WITH_SHA256: SignatureAlgorithmOID.DSA_WITH_SHA256,
    oids.ECDSA_WITH_SHA1: SignatureAlgorithmOID.ECDSA_WITH_SHA1,
    oids.ECDSA_WITH_SHA256: SignatureAlgorithmOID.ECDSA_WITH_SHA256,
    oids.ECDSA_WITH_SHA384: SignatureAlgorithmOID.ECDSA_WITH_SHA384,
    oids.ECDSA_WITH_SHA512: SignatureAlgorithmOID.ECDSA_WITH_SHA512,
    oids.ID_ED25519: SignatureAlgorithmOID.ED25519,
    oids.ID_ED448: SignatureAlgorithmOID.ED448,
    oids.RSA_ENCRYPTION: PublicKeyAlgorithmOID.RSAES_PKCS1_v1_5,
    oids.ID_EC_PUBLIC_KEY: PublicKeyAlgorithmOID.EC_PUBLIC_KEY,
}

NAMED_BY_ASN1CRYPTO = [
    (oids.ID_PKIX_OCSP_BASIC, ocsp.ResponseType, "basic_ocsp_response"),
    (oids.ID_PKIX_OCSP_NONCE, ocsp.ResponseDataExtensionId, "nonce"),
    (oids.ID_PKIX_OCSP_EXTENDED_REVOKE, ocsp.ResponseDataExtensionId, "extended_revoke"),
    (oids.ID_PKIX_OCSP_CRL, ocsp.SingleResponseExtensionId, "crl"),
    (oids.ID_PKIX_OCSP_ARCHIVE_CUTOFF, ocsp.SingleResponseExtensionId, "archive_cutoff"),
    (oids.ID_PKIX_OCSP_RESPONSE, ocsp.TBSRequestExtensionId, "acceptable_responses"),
    (
        oids.ID_PKIX_OCSP_PREF_SIG_ALGS,
        ocsp.TBSRequestExtensionId,
        "preferred_signature_algorithms",
    ),
    (oids.ID_PKIX_OCSP_SERVICE_LOCATOR, ocsp.RequestExtensionId, "service_locator"),
    (oids.ID_PKIX_OCSP_NOCHECK, x509.ExtensionId, "ocsp_no_check"),
    (oids.ID_PE_TLS_FEATURE, x509.ExtensionId, "tls_feature"),
    (oids.ID_SHA1, algos.DigestAlgorithmId, "sha1"),
    (oids.ID_SHA256, algos.DigestAlgorithmId, "sha256"),
    (oids.ID_SHA384, algos.DigestAlgorithmId, "sha384"),
    (oids.ID_SHA512, algos.DigestAlgorithmId, "sha512"),
    (oids.ID_MGF1, algos.MaskGenAlgorithmId, "mgf1"),
    (oids.ID_SHA3_256, algos.DigestAlgorithmId, "sha3_256"),
    (oids.ID_SHA3_384, algos.DigestAlgorithmId, "sha3_384"),
    (oids.ID_SHA3_512, algos.DigestAlgorithmId, "sha3_512"),
    (oids.ID_SHAKE128, algos.DigestAlgorithmId, "shake128"),
    (oids.ID_SHAKE256, algos.DigestAlgorithmId, "shake256"),
    (oids.ID_SHAKE256_LEN, algos.DigestAlgorithmId, "shake256_len"),
    (oids.ID_DATA, cms.ContentType, "data"),
    (oids.ID_SIGNED_DATA, cms.ContentType, "signed_data"),
    (oids.ID_CT_AUTH_DATA, cms.ContentType, "authenticated_data"),
    (oids.ID_CONTENT_TYPE, cms.CMSAttributeType, "content_type"),
    (oids.ID_MESSAGE_DIGEST, cms.CMSAttributeType, "message_digest"),
    (oids.ID_SIGNING_TIME, cms.CMSAttributeType, "signing_time"),
    (oids.ID_AA_SIGNING_CERTIFICATE, cms.CMSAttributeType, "signing_certificate"),
    (oids.ID_AA_SIGNING_CERTIFICATE_V2, cms.CMSAttributeType, "signing_certificate_v2"),
    (oids.ID_RI_OCSP_RESPONSE, cms.OtherRevInfoFormatId, "ocsp_response"),
    (oids.ID_RI_SCVP, cms.OtherRevInfoFormatId, "scvp"),
]


@pytest.mark.parametrize(("ours", "theirs"), PAIRS.items())
def test_an_oid_is_the_one_that_the_cryptography_package_has(
    ours: ObjectIdentifier, theirs: ObjectIdentifier
) -> None:
    assert ours == theirs


@pytest.mark.parametrize(("ours", "judge", "name"), NAMED_BY_ASN1CRYPTO)
def test_an_oid_is_the_one_that_asn1crypto_names(
    ours: ObjectIdentifier, judge: type, name: str
) -> None:
    assert judge.map(ours.dotted_string) == name  # type: ignore[attr-defined]


@pytest.mark.rule("A2")
def test_ml_dsa_and_hash_ml_dsa_stand_in_one_arc() -> None:
    """RFC 9881 §2: 2.16.840.1.101.3.4.3.17 to 19; the prehashed ones are 32 to 34."""
    found = [
        oid.dotted_string.removeprefix("2.16.840.1.101.3.4.3.")
        for oid in (
            oids.ID_ML_DSA_44,
            oids.ID_ML_DSA_65,
            oids.ID_ML_DSA_87,
            oids.ID_HASH_ML_DSA_44,
            oids.ID_HASH_ML_DSA_65,
            oids.ID_HASH_ML_DSA_87,
        )
    ]

    assert found == ["17", "18", "19", "32", "33", "34"]


def test_every_oid_has_one_name_and_every_name_one_oid() -> None:
    declared = {value for value in vars(oids).values() if isinstance(value, ObjectIdentifier)}

    assert set(oids.NAMES) == declared
    assert len(set(oids.NAMES.values())) == len(declared)


def test_an_unnamed_oid_is_shown_by_its_arcs() -> None:
    assert oids.name_of(ObjectIdentifier("1.2.3.4")) == "1.2.3.4"
    assert oids.name_of(oids.ID_SHA256) == "id-sha256"
