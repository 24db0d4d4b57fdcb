"""Object identifiers by the names that their standards give them."""

from __future__ import annotations

from typing import Final

from cryptography.x509 import ObjectIdentifier

# RFC 6960 Appendix B.2, RFC 9654 Appendix A.1: id-ad-ocsp = id-pkix-ocsp
ID_AD_OCSP: Final = ObjectIdentifier("1.3.6.1.5.5.7.48.1")
ID_AD_CA_ISSUERS: Final = ObjectIdentifier("1.3.6.1.5.5.7.48.2")
ID_PKIX_OCSP_BASIC: Final = ObjectIdentifier("1.3.6.1.5.5.7.48.1.1")
ID_PKIX_OCSP_NONCE: Final = ObjectIdentifier("1.3.6.1.5.5.7.48.1.2")
ID_PKIX_OCSP_CRL: Final = ObjectIdentifier("1.3.6.1.5.5.7.48.1.3")
ID_PKIX_OCSP_RESPONSE: Final = ObjectIdentifier("1.3.6.1.5.5.7.48.1.4")
ID_PKIX_OCSP_NOCHECK: Final = ObjectIdentifier("1.3.6.1.5.5.7.48.1.5")
ID_PKIX_OCSP_ARCHIVE_CUTOFF: Final = ObjectIdentifier("1.3.6.1.5.5.7.48.1.6")
ID_PKIX_OCSP_SERVICE_LOCATOR: Final = ObjectIdentifier("1.3.6.1.5.5.7.48.1.7")
ID_PKIX_OCSP_PREF_SIG_ALGS: Final = ObjectIdentifier("1.3.6.1.5.5.7.48.1.8")
ID_PKIX_OCSP_EXTENDED_REVOKE: Final = ObjectIdentifier("1.3.6.1.5.5.7.48.1.9")
ID_KP_SERVER_AUTH: Final = ObjectIdentifier("1.3.6.1.5.5.7.3.1")
ID_KP_CLIENT_AUTH: Final = ObjectIdentifier("1.3.6.1.5.5.7.3.2")
ID_KP_CODE_SIGNING: Final = ObjectIdentifier("1.3.6.1.5.5.7.3.3")
ID_KP_EMAIL_PROTECTION: Final = ObjectIdentifier("1.3.6.1.5.5.7.3.4")
ID_KP_TIME_STAMPING: Final = ObjectIdentifier("1.3.6.1.5.5.7.3.8")
ID_KP_OCSP_SIGNING: Final = ObjectIdentifier("1.3.6.1.5.5.7.3.9")
ANY_EXTENDED_KEY_USAGE: Final = ObjectIdentifier("2.5.29.37.0")
ANY_POLICY: Final = ObjectIdentifier("2.5.29.32.0")

# RFC 5280 §4.2, §5.2, §5.3; RFC 7633; X.509
ID_CE_KEY_USAGE: Final = ObjectIdentifier("2.5.29.15")
ID_CE_SUBJECT_KEY_IDENTIFIER: Final = ObjectIdentifier("2.5.29.14")
ID_CE_SUBJECT_ALT_NAME: Final = ObjectIdentifier("2.5.29.17")
ID_CE_BASIC_CONSTRAINTS: Final = ObjectIdentifier("2.5.29.19")
ID_CE_CRL_NUMBER: Final = ObjectIdentifier("2.5.29.20")
ID_CE_CRL_REASONS: Final = ObjectIdentifier("2.5.29.21")
ID_CE_INVALIDITY_DATE: Final = ObjectIdentifier("2.5.29.24")
ID_CE_DELTA_CRL_INDICATOR: Final = ObjectIdentifier("2.5.29.27")
ID_CE_ISSUING_DISTRIBUTION_POINT: Final = ObjectIdentifier("2.5.29.28")
ID_CE_CERTIFICATE_ISSUER: Final = ObjectIdentifier("2.5.29.29")
ID_CE_NAME_CONSTRAINTS: Final = ObjectIdentifier("2.5.29.30")
ID_CE_CRL_DISTRIBUTION_POINTS: Final = ObjectIdentifier("2.5.29.31")
ID_CE_CERTIFICATE_POLICIES: Final = ObjectIdentifier("2.5.29.32")
ID_CE_AUTHORITY_KEY_IDENTIFIER: Final = ObjectIdentifier("2.5.29.35")
ID_CE_EXT_KEY_USAGE: Final = ObjectIdentifier("2.5.29.37")
ID_CE_FRESHEST_CRL: Final = ObjectIdentifier("2.5.29.46")
ID_CE_NO_REV_AVAIL: Final = ObjectIdentifier("2.5.29.56")
ID_CE_EXPIRED_CERTS_ON_CRL: Final = ObjectIdentifier("2.5.29.60")
ID_PE_AUTHORITY_INFO_ACCESS: Final = ObjectIdentifier("1.3.6.1.5.5.7.1.1")
ID_PE_TLS_FEATURE: Final = ObjectIdentifier("1.3.6.1.5.5.7.1.24")

# RFC 6962 §3.3: SCTs in an OCSP response, as a singleExtension
ID_CT_SCTS_IN_OCSP: Final = ObjectIdentifier("1.3.6.1.4.1.11129.2.4.5")
ID_CT_SCTS_IN_CERTIFICATE: Final = ObjectIdentifier("1.3.6.1.4.1.11129.2.4.2")
# RFC 6962 §3.1: marks a precertificate
ID_CT_POISON: Final = ObjectIdentifier("1.3.6.1.4.1.11129.2.4.3")

# Hash algorithms: RFC 3279 §2.1, RFC 5754 §2
ID_SHA1: Final = ObjectIdentifier("1.3.14.3.2.26")
ID_SHA256: Final = ObjectIdentifier("2.16.840.1.101.3.4.2.1")
ID_SHA384: Final = ObjectIdentifier("2.16.840.1.101.3.4.2.2")
ID_SHA512: Final = ObjectIdentifier("2.16.840.1.101.3.4.2.3")
ID_MGF1: Final = ObjectIdentifier("1.2.840.113549.1.1.8")
# SHA-3 and SHAKE as digests of CMS: RFC 8702 §2, 9882 §3.3; RFC 8419 §2.3
ID_SHA3_256: Final = ObjectIdentifier("2.16.840.1.101.3.4.2.8")
ID_SHA3_384: Final = ObjectIdentifier("2.16.840.1.101.3.4.2.9")
ID_SHA3_512: Final = ObjectIdentifier("2.16.840.1.101.3.4.2.10")
ID_SHAKE128: Final = ObjectIdentifier("2.16.840.1.101.3.4.2.11")
ID_SHAKE256: Final = ObjectIdentifier("2.16.840.1.101.3.4.2.12")
ID_SHAKE256_LEN: Final = ObjectIdentifier("2.16.840.1.101.3.4.2.18")

# Signature algorithms: RFC 3279, 4055, 5758, 8410, 9881
SHA1_WITH_RSA: Final = ObjectIdentifier("1.2.840.113549.1.1.5")
RSASSA_PSS: Final = ObjectIdentifier("1.2.840.113549.1.1.10")
SHA256_WITH_RSA: Final = ObjectIdentifier("1.2.840.113549.1.1.11")
SHA384_WITH_RSA: Final = ObjectIdentifier("1.2.840.113549.1.1.12")
SHA512_WITH_RSA: Final = ObjectIdentifier("1.2.840.113549.1.1.13")
DSA_WITH_SHA1: Final = ObjectIdentifier("1.2.840.10040.4.3")
DSA_WITH_SHA256: Final = ObjectIdentifier("2.16.840.1.101.3.4.3.2")
ECDSA_WITH_SHA1: Final = ObjectIdentifier("1.2.840.10045.4.1")
ECDSA_WITH_SHA256: Final = ObjectIdentifier("1.2.840.10045.4.3.2")
ECDSA_WITH_SHA384: Final = ObjectIdentifier("1.2.840.10045.4.3.3")
ECDSA_WITH_SHA512: Final = ObjectIdentifier("1.2.840.10045.4.3.4")
ID_ED25519: Final = ObjectIdentifier("1.3.101.112")
ID_ED448: Final = ObjectIdentifier("1.3.101.113")
ID_ML_DSA_44: Final = ObjectIdentifier("2.16.840.1.101.3.4.3.17")
ID_ML_DSA_65: Final = ObjectIdentifier("2.16.840.1.101.3.4.3.18")
ID_ML_DSA_87: Final = ObjectIdentifier("2.16.840.1.101.3.4.3.19")
ID_HASH_ML_DSA_44: Final = ObjectIdentifier("2.16.840.1.101.3.4.3.32")
ID_HASH_ML_DSA_65: Final = ObjectIdentifier("2.16.840.1.101.3.4.3.33")
ID_HASH_ML_DSA_87: Final = ObjectIdentifier("2.16.840.1.101.3.4.3.34")

# Key types: RFC 3279 §2.3, RFC 5480 §2.1
RSA_ENCRYPTION: Final = ObjectIdentifier("1.2.840.113549.1.1.1")
ID_DSA: Final = ObjectIdentifier("1.2.840.10040.4.1")
ID_EC_PUBLIC_KEY: Final = ObjectIdentifier("1.2.840.10045.2.1")
SECP256R1: Final = ObjectIdentifier("1.2.840.10045.3.1.7")
SECP384R1: Final = ObjectIdentifier("1.3.132.0.34")
SECP521R1: Final = ObjectIdentifier("1.3.132.0.35")

# Attributes of names: RFC 4519 §2.3, RFC 2985 §5.2.1
COMMON_NAME: Final = ObjectIdentifier("2.5.4.3")
EMAIL_ADDRESS: Final = ObjectIdentifier("1.2.840.113549.1.9.1")

# CMS: RFC 5652 §4, §5.1, §9.1, §11; RFC 5035 §3
ID_DATA: Final = ObjectIdentifier("1.2.840.113549.1.7.1")
ID_SIGNED_DATA: Final = ObjectIdentifier("1.2.840.113549.1.7.2")
ID_CT_AUTH_DATA: Final = ObjectIdentifier("1.2.840.113549.1.9.16.1.2")
ID_CONTENT_TYPE: Final = ObjectIdentifier("1.2.840.113549.1.9.3")
ID_MESSAGE_DIGEST: Final = ObjectIdentifier("1.2.840.113549.1.9.4")
ID_SIGNING_TIME: Final = ObjectIdentifier("1.2.840.113549.1.9.5")
ID_AA_SIGNING_CERTIFICATE: Final = ObjectIdentifier("1.2.840.113549.1.9.16.2.12")
ID_AA_SIGNING_CERTIFICATE_V2: Final = ObjectIdentifier("1.2.840.113549.1.9.16.2.47")
# Revocation information in CMS: RFC 5940 §2
ID_RI_CRL: Final = ObjectIdentifier("1.3.6.1.5.5.7.16.1")
ID_RI_OCSP_RESPONSE: Final = ObjectIdentifier("1.3.6.1.5.5.7.16.2")
ID_RI_DELTA_CRL: Final = ObjectIdentifier("1.3.6.1.5.5.7.16.3")
ID_RI_SCVP: Final = ObjectIdentifier("1.3.6.1.5.5.7.16.4")

# RFC 5055 §3, §4, §5, §6: content types of SCVP
ID_CT_SCVP_CERT_VAL_REQUEST: Final = ObjectIdentifier("1.2.840.113549.1.9.16.1.10")
ID_CT_SCVP_CERT_VAL_RESPONSE: Final = ObjectIdentifier("1.2.840.113549.1.9.16.1.11")
ID_CT_SCVP_VAL_POL_REQUEST: Final = ObjectIdentifier("1.2.840.113549.1.9.16.1.12")
ID_CT_SCVP_VAL_POL_RESPONSE: Final = ObjectIdentifier("1.2.840.113549.1.9.16.1.13")

# RFC 5055 §3.11, §4.14.2: purposes of those who sign requests and responses
ID_KP_SCVP_SERVER: Final = ObjectIdentifier("1.3.6.1.5.5.7.3.15")
ID_KP_SCVP_CLIENT: Final = ObjectIdentifier("1.3.6.1.5.5.7.3.16")

# RFC 5055 §3.2.2: checks
ID_STC_BUILD_PKC_PATH: Final = ObjectIdentifier("1.3.6.1.5.5.7.17.1")
ID_STC_BUILD_VALID_PKC_PATH: Final = ObjectIdentifier("1.3.6.1.5.5.7.17.2")
ID_STC_BUILD_STATUS_CHECKED_PKC_PATH: Final = ObjectIdentifier("1.3.6.1.5.5.7.17.3")
ID_STC_BUILD_AA_PATH: Final = ObjectIdentifier("1.3.6.1.5.5.7.17.4")
ID_STC_BUILD_VALID_AA_PATH: Final = ObjectIdentifier("1.3.6.1.5.5.7.17.5")
ID_STC_BUILD_STATUS_CHECKED_AA_PATH: Final = ObjectIdentifier("1.3.6.1.5.5.7.17.6")
ID_STC_STATUS_CHECK_AC_AND_BUILD_STATUS_CHECKED_AA_PATH: Final = ObjectIdentifier(
    "1.3.6.1.5.5.7.17.7"
)

# RFC 5055 §3.2.3: wantBacks
ID_SWB_PKC_BEST_CERT_PATH: Final = ObjectIdentifier("1.3.6.1.5.5.7.18.1")
ID_SWB_PKC_REVOCATION_INFO: Final = ObjectIdentifier("1.3.6.1.5.5.7.18.2")
ID_SWB_PKC_PUBLIC_KEY_INFO: Final = ObjectIdentifier("1.3.6.1.5.5.7.18.4")
ID_SWB_AA_CERT_PATH: Final = ObjectIdentifier("1.3.6.1.5.5.7.18.5")
ID_SWB_AA_REVOCATION_INFO: Final = ObjectIdentifier("1.3.6.1.5.5.7.18.6")
ID_SWB_AC_REVOCATION_INFO: Final = ObjectIdentifier("1.3.6.1.5.5.7.18.7")
ID_SWB_RELAYED_RESPONSES: Final = ObjectIdentifier("1.3.6.1.5.5.7.18.9")
ID_SWB_PKC_CERT: Final = ObjectIdentifier("1.3.6.1.5.5.7.18.10")
ID_SWB_AC_CERT: Final = ObjectIdentifier("1.3.6.1.5.5.7.18.11")
ID_SWB_PKC_ALL_CERT_PATHS: Final = ObjectIdentifier("1.3.6.1.5.5.7.18.12")
ID_SWB_PKC_EE_REVOCATION_INFO: Final = ObjectIdentifier("1.3.6.1.5.5.7.18.13")
ID_SWB_PKC_CAS_REVOCATION_INFO: Final = ObjectIdentifier("1.3.6.1.5.5.7.18.14")

# RFC 5055 §3.2.4: the default validation policy, and the validation algorithms
ID_SVP_DEFAULT_VAL_POLICY: Final = ObjectIdentifier("1.3.6.1.5.5.7.19.1")
ID_SVP_NAME_VAL_ALG: Final = ObjectIdentifier("1.3.6.1.5.5.7.19.2")
ID_SVP_BASIC_VAL_ALG: Final = ObjectIdentifier("1.3.6.1.5.5.7.19.3")
ID_NVA_DN_COMP_ALG: Final = ObjectIdentifier("1.3.6.1.5.5.7.19.4")

# RFC 5055 §3.2.4.2.2: errors of the basic validation algorithm
ID_BVAE_EXPIRED: Final = ObjectIdentifier("1.3.6.1.5.5.7.19.3.1")
ID_BVAE_NOT_YET_VALID: Final = ObjectIdentifier("1.3.6.1.5.5.7.19.3.2")
ID_BVAE_WRONG_TRUST_ANCHOR: Final = ObjectIdentifier("1.3.6.1.5.5.7.19.3.3")
ID_BVAE_NO_VALID_CERT_PATH: Final = ObjectIdentifier("1.3.6.1.5.5.7.19.3.4")
ID_BVAE_REVOKED: Final = ObjectIdentifier("1.3.6.1.5.5.7.19.3.5")
ID_BVAE_INVALID_KEY_PURPOSE: Final = ObjectIdentifier("1.3.6.1.5.5.7.19.3.9")
ID_BVAE_INVALID_KEY_USAGE: Final = ObjectIdentifier("1.3.6.1.5.5.7.19.3.10")
ID_BVAE_INVALID_CERT_POLICY: Final = ObjectIdentifier("1.3.6.1.5.5.7.19.3.11")

# RFC 5055 §3.2.4.2.4: errors of the name validation algorithm
ID_NVAE_NAME_MISMATCH: Final = ObjectIdentifier("1.3.6.1.5.5.7.19.2.1")
ID_NVAE_NO_NAME: Final = ObjectIdentifier("1.3.6.1.5.5.7.19.2.2")
ID_NVAE_UNKNOWN_ALG: Final = ObjectIdentifier("1.3.6.1.5.5.7.19.2.3")
ID_NVAE_BAD_NAME: Final = ObjectIdentifier("1.3.6.1.5.5.7.19.2.4")
ID_NVAE_BAD_NAME_TYPE: Final = ObjectIdentifier("1.3.6.1.5.5.7.19.2.5")
ID_NVAE_MIXED_NAMES: Final = ObjectIdentifier("1.3.6.1.5.5.7.19.2.6")

NAMES: Final[dict[ObjectIdentifier, str]] = {
    ID_AD_OCSP: "id-ad-ocsp",
    ID_AD_CA_ISSUERS: "id-ad-caIssuers",
    ID_PKIX_OCSP_BASIC: "id-pkix-ocsp-basic",
    ID_PKIX_OCSP_NONCE: "id-pkix-ocsp-nonce",
    ID_PKIX_OCSP_CRL: "id-pkix-ocsp-crl",
    ID_PKIX_OCSP_RESPONSE: "id-pkix-ocsp-response",
    ID_PKIX_OCSP_NOCHECK: "id-pkix-ocsp-nocheck",
    ID_PKIX_OCSP_ARCHIVE_CUTOFF: "id-pkix-ocsp-archive-cutoff",
    ID_PKIX_OCSP_SERVICE_LOCATOR: "id-pkix-ocsp-service-locator",
    ID_PKIX_OCSP_PREF_SIG_ALGS: "id-pkix-ocsp-pref-sig-algs",
    ID_PKIX_OCSP_EXTENDED_REVOKE: "id-pkix-ocsp-extended-revoke",
    ID_KP_SERVER_AUTH: "id-kp-serverAuth",
    ID_KP_CLIENT_AUTH: "id-kp-clientAuth",
    ID_KP_CODE_SIGNING: "id-kp-codeSigning",
    ID_KP_EMAIL_PROTECTION: "id-kp-emailProtection",
    ID_KP_TIME_STAMPING: "id-kp-timeStamping",
    ID_KP_OCSP_SIGNING: "id-kp-OCSPSigning",
    ANY_EXTENDED_KEY_USAGE: "anyExtendedKeyUsage",
    ANY_POLICY: "anyPolicy",
    ID_CE_KEY_USAGE: "id-ce-keyUsage",
    ID_CE_SUBJECT_KEY_IDENTIFIER: "id-ce-subjectKeyIdentifier",
    ID_CE_SUBJECT_ALT_NAME: "id-ce-subjectAltName",
    ID_CE_BASIC_CONSTRAINTS: "id-ce-basicConstraints",
    ID_CE_CRL_NUMBER: "id-ce-cRLNumber",
    ID_CE_CRL_REASONS: "id-ce-cRLReasons",
    ID_CE_INVALIDITY_DATE: "id-ce-invalidityDate",
    ID_CE_DELTA_CRL_INDICATOR: "id-ce-deltaCRLIndicator",
    ID_CE_ISSUING_DISTRIBUTION_POINT: "id-ce-issuingDistributionPoint",
    ID_CE_CERTIFICATE_ISSUER: "id-ce-certificateIssuer",
    ID_CE_NAME_CONSTRAINTS: "id-ce-nameConstraints",
    ID_CE_CRL_DISTRIBUTION_POINTS: "id-ce-cRLDistributionPoints",
    ID_CE_CERTIFICATE_POLICIES: "id-ce-certificatePolicies",
    ID_CE_AUTHORITY_KEY_IDENTIFIER: "id-ce-authorityKeyIdentifier",
    ID_CE_EXT_KEY_USAGE: "id-ce-extKeyUsage",
    ID_CE_FRESHEST_CRL: "id-ce-freshestCRL",
    ID_CE_NO_REV_AVAIL: "id-ce-noRevAvail",
    ID_CE_EXPIRED_CERTS_ON_CRL: "id-ce-expiredCertsOnCRL",
    ID_PE_AUTHORITY_INFO_ACCESS: "id-pe-authorityInfoAccess",
    ID_PE_TLS_FEATURE: "id-pe-tlsfeature",
    ID_CT_SCTS_IN_OCSP: "SignedCertificateTimestampList (in OCSP)",
    ID_CT_SCTS_IN_CERTIFICATE: "SignedCertificateTimestampList",
    ID_CT_POISON: "precertificate poison",
    ID_SHA1: "id-sha1",
    ID_SHA256: "id-sha256",
    ID_SHA384: "id-sha384",
    ID_SHA512: "id-sha512",
    ID_MGF1: "id-mgf1",
    ID_SHA3_256: "id-sha3-256",
    ID_SHA3_384: "id-sha3-384",
    ID_SHA3_512: "id-sha3-512",
    ID_SHAKE128: "id-shake128",
    ID_SHAKE256: "id-shake256",
    ID_SHAKE256_LEN: "id-shake256-len",
    SHA1_WITH_RSA: "sha1WithRSAEncryption",
    RSASSA_PSS: "id-RSASSA-PSS",
    SHA256_WITH_RSA: "sha256WithRSAEncryption",
    SHA384_WITH_RSA: "sha384WithRSAEncryption",
    SHA512_WITH_RSA: "sha512WithRSAEncryption",
    DSA_WITH_SHA1: "dsa-with-sha1",
    DSA_WITH_SHA256: "dsa-with-sha256",
    ECDSA_WITH_SHA1: "ecdsa-with-SHA1",
    ECDSA_WITH_SHA256: "ecdsa-with-SHA256",
    ECDSA_WITH_SHA384: "ecdsa-with-SHA384",
    ECDSA_WITH_SHA512: "ecdsa-with-SHA512",
    ID_ED25519: "id-Ed25519",
    ID_ED448: "id-Ed448",
    ID_ML_DSA_44: "id-ml-dsa-44",
    ID_ML_DSA_65: "id-ml-dsa-65",
    ID_ML_DSA_87: "id-ml-dsa-87",
    ID_HASH_ML_DSA_44: "id-hash-ml-dsa-44-with-sha512",
    ID_HASH_ML_DSA_65: "id-hash-ml-dsa-65-with-sha512",
    ID_HASH_ML_DSA_87: "id-hash-ml-dsa-87-with-sha512",
    RSA_ENCRYPTION: "rsaEncryption",
    ID_DSA: "id-dsa",
    ID_EC_PUBLIC_KEY: "id-ecPublicKey",
    SECP256R1: "secp256r1",
    SECP384R1: "secp384r1",
    SECP521R1: "secp521r1",
    COMMON_NAME: "commonName",
    EMAIL_ADDRESS: "emailAddress",
    ID_DATA: "id-data",
    ID_SIGNED_DATA: "id-signedData",
    ID_CT_AUTH_DATA: "id-ct-authData",
    ID_CONTENT_TYPE: "id-contentType",
    ID_MESSAGE_DIGEST: "id-messageDigest",
    ID_SIGNING_TIME: "id-signingTime",
    ID_AA_SIGNING_CERTIFICATE: "id-aa-signingCertificate",
    ID_AA_SIGNING_CERTIFICATE_V2: "id-aa-signingCertificateV2",
    ID_RI_CRL: "id-ri-crl",
    ID_RI_OCSP_RESPONSE: "id-ri-ocsp-response",
    ID_RI_DELTA_CRL: "id-ri-delta-crl",
    ID_RI_SCVP: "id-ri-scvp",
    ID_CT_SCVP_CERT_VAL_REQUEST: "id-ct-scvp-certValRequest",
    ID_CT_SCVP_CERT_VAL_RESPONSE: "id-ct-scvp-certValResponse",
    ID_CT_SCVP_VAL_POL_REQUEST: "id-ct-scvp-valPolRequest",
    ID_CT_SCVP_VAL_POL_RESPONSE: "id-ct-scvp-valPolResponse",
    ID_KP_SCVP_SERVER: "id-kp-scvpServer",
    ID_KP_SCVP_CLIENT: "id-kp-scvpClient",
    ID_STC_BUILD_PKC_PATH: "id-stc-build-pkc-path",
    ID_STC_BUILD_VALID_PKC_PATH: "id-stc-build-valid-pkc-path",
    ID_STC_BUILD_STATUS_CHECKED_PKC_PATH: "id-stc-build-status-checked-pkc-path",
    ID_STC_BUILD_AA_PATH: "id-stc-build-aa-path",
    ID_STC_BUILD_VALID_AA_PATH: "id-stc-build-valid-aa-path",
    ID_STC_BUILD_STATUS_CHECKED_AA_PATH: "id-stc-build-status-checked-aa-path",
    ID_STC_STATUS_CHECK_AC_AND_BUILD_STATUS_CHECKED_AA_PATH: "id-stc-status-check-ac-and-build-status-checked-aa-path",
    ID_SWB_PKC_BEST_CERT_PATH: "id-swb-pkc-best-cert-path",
    ID_SWB_PKC_REVOCATION_INFO: "id-swb-pkc-revocation-info",
    ID_SWB_PKC_PUBLIC_KEY_INFO: "id-swb-pkc-public-key-info",
    ID_SWB_AA_CERT_PATH: "id-swb-aa-cert-path",
    ID_SWB_AA_REVOCATION_INFO: "id-swb-aa-revocation-info",
    ID_SWB_AC_REVOCATION_INFO: "id-swb-ac-revocation-info",
    ID_SWB_RELAYED_RESPONSES: "id-swb-relayed-responses",
    ID_SWB_PKC_CERT: "id-swb-pkc-cert",
    ID_SWB_AC_CERT: "id-swb-ac-cert",
    ID_SWB_PKC_ALL_CERT_PATHS: "id-swb-pkc-all-cert-paths",
    ID_SWB_PKC_EE_REVOCATION_INFO: "id-swb-pkc-ee-revocation-info",
    ID_SWB_PKC_CAS_REVOCATION_INFO: "id-swb-pkc-CAs-revocation-info",
    ID_SVP_DEFAULT_VAL_POLICY: "id-svp-defaultValPolicy",
    ID_SVP_NAME_VAL_ALG: "id-svp-nameValAlg",
    ID_SVP_BASIC_VAL_ALG: "id-svp-basicValAlg",
    ID_NVA_DN_COMP_ALG: "id-nva-dnCompAlg",
    ID_BVAE_EXPIRED: "id-bvae-expired",
    ID_BVAE_NOT_YET_VALID: "id-bvae-not-yet-valid",
    ID_BVAE_WRONG_TRUST_ANCHOR: "id-bvae-wrongTrustAnchor",
    ID_BVAE_NO_VALID_CERT_PATH: "id-bvae-noValidCertPath",
    ID_BVAE_REVOKED: "id-bvae-revoked",
    ID_BVAE_INVALID_KEY_PURPOSE: "id-bvae-invalidKeyPurpose",
    ID_BVAE_INVALID_KEY_USAGE: "id-bvae-invalidKeyUsage",
    ID_BVAE_INVALID_CERT_POLICY: "id-bvae-invalidCertPolicy",
    ID_NVAE_NAME_MISMATCH: "id-nvae-name-mismatch",
    ID_NVAE_NO_NAME: "id-nvae-no-name",
    ID_NVAE_UNKNOWN_ALG: "id-nvae-unknown-alg",
    ID_NVAE_BAD_NAME: "id-nvae-bad-name",
    ID_NVAE_BAD_NAME_TYPE: "id-nvae-bad-name-type",
    ID_NVAE_MIXED_NAMES: "id-nvae-mixed-names",
}


def name_of(oid: ObjectIdentifier) -> str:
    """Return the standard's name of an object identifier, or its dotted form."""
    return NAMES.get(oid, oid.dotted_string)
