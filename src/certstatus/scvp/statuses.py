"""The numbers and identifiers of SCVP, under the RFC's own names (RFC 5055 §3.2, §4, §6).

Messages carry plain numbers and object identifiers, so that unknown ones survive; these are
the known ones.
"""

from __future__ import annotations

from enum import Enum, IntEnum, IntFlag
from typing import Self

from cryptography.x509 import ObjectIdentifier

from certstatus.asn1 import oids

__all__ = [
    "CVStatusCode",
    "Check",
    "PathStatus",
    "ReplyStatus",
    "ResponseTypes",
    "RevocationInfoTypes",
    "RevocationStatus",
    "ValidationError",
    "WantBack",
]


class _Numbered(IntEnum):
    """A number with the name that the RFC gives it."""

    label: str

    def __new__(cls, number: int, label: str) -> Self:
        member = int.__new__(cls, number)
        member._value_ = number
        member.label = label
        return member

    @classmethod
    def from_number(cls, number: int) -> Self | None:
        """Return the member of a number, or None where it has no name."""
        return next((member for member in cls if member.value == number), None)


class CVStatusCode(_Numbered):
    """CVStatusCode, RFC 5055 §4.4: below 10 the request was processed, from 10 on it was not."""

    OKAY = 0, "okay"
    SKIP_UNRECOGNIZED_ITEMS = 1, "skipUnrecognizedItems"
    TOO_BUSY = 10, "tooBusy"
    INVALID_REQUEST = 11, "invalidRequest"
    INTERNAL_ERROR = 12, "internalError"
    BAD_STRUCTURE = 20, "badStructure"
    UNSUPPORTED_VERSION = 21, "unsupportedVersion"
    ABORT_UNRECOGNIZED_ITEMS = 22, "abortUnrecognizedItems"
    UNRECOGNIZED_SIG_KEY = 23, "unrecognizedSigKey"
    BAD_SIGNATURE_OR_MAC = 24, "badSignatureOrMAC"
    UNABLE_TO_DECODE = 25, "unableToDecode"
    NOT_AUTHORIZED = 26, "notAuthorized"
    UNSUPPORTED_CHECKS = 27, "unsupportedChecks"
    UNSUPPORTED_WANT_BACKS = 28, "unsupportedWantBacks"
    UNSUPPORTED_SIGNATURE_OR_MAC = 29, "unsupportedSignatureOrMAC"
    INVALID_SIGNATURE_OR_MAC = 30, "invalidSignatureOrMAC"
    PROTECTED_RESPONSE_UNSUPPORTED = 31, "protectedResponseUnsupported"
    UNRECOGNIZED_RESPONDER_NAME = 32, "unrecognizedResponderName"
    RELAYING_LOOP = 40, "relayingLoop"
    UNRECOGNIZED_VAL_POL = 50, "unrecognizedValPol"
    UNRECOGNIZED_VAL_ALG = 51, "unrecognizedValAlg"
    FULL_REQUEST_IN_RESPONSE_UNSUPPORTED = 52, "fullRequestInResponseUnsupported"
    FULL_POL_RESPONSE_UNSUPPORTED = 53, "fullPolResponseUnsupported"
    INHIBIT_POLICY_MAPPING_UNSUPPORTED = 54, "inhibitPolicyMappingUnsupported"
    REQUIRE_EXPLICIT_POLICY_UNSUPPORTED = 55, "requireExplicitPolicyUnsupported"
    INHIBIT_ANY_POLICY_UNSUPPORTED = 56, "inhibitAnyPolicyUnsupported"
    VALIDATION_TIME_UNSUPPORTED = 57, "validationTimeUnsupported"
    UNRECOGNIZED_CRIT_QUERY_EXT = 63, "unrecognizedCritQueryExt"
    UNRECOGNIZED_CRIT_REQUEST_EXT = 64, "unrecognizedCritRequestExt"


class ReplyStatus(_Numbered):
    """ReplyStatus, RFC 5055 §4.9.2: how the asking about one certificate went."""

    SUCCESS = 0, "success"
    MALFORMED_PKC = 1, "malformedPKC"
    MALFORMED_AC = 2, "malformedAC"
    UNAVAILABLE_VALIDATION_TIME = 3, "unavailableValidationTime"
    REFERENCE_CERT_HASH_FAIL = 4, "referenceCertHashFail"
    CERT_PATH_CONSTRUCT_FAIL = 5, "certPathConstructFail"
    CERT_PATH_NOT_VALID = 6, "certPathNotValid"
    CERT_PATH_NOT_VALID_NOW = 7, "certPathNotValidNow"
    WANT_BACK_UNSATISFIED = 8, "wantBackUnsatisfied"


class PathStatus(_Numbered):
    """ReplyCheck.status of the checks that ask for no revocation, RFC 5055 §4.9.4."""

    GOOD = 0, "the path was built, and is valid where that was asked"
    BAD = 1, "no path was built, or none is valid"


class RevocationStatus(_Numbered):
    """ReplyCheck.status of the checks that ask for revocation too, RFC 5055 §4.9.4."""

    VALID = 0, "valid"
    NOT_VALID = 1, "not valid"
    REVOCATION_OFF_LINE = 2, "revocation off-line"
    REVOCATION_UNAVAILABLE = 3, "revocation unavailable"
    REVOCATION_SOURCE_UNKNOWN = 4, "no known source for revocation information"


class ResponseTypes(_Numbered):
    """ResponseTypes, RFC 5055 §6.12: which replies a server gives."""

    CACHED_ONLY = 0, "cached-only"
    NON_CACHED_ONLY = 1, "non-cached-only"
    CACHED_AND_NON_CACHED = 2, "cached-and-non-cached"


class RevocationInfoTypes(IntFlag):
    """RevocationInfoTypes, RFC 5055 §6: a BIT STRING, whose bit 0 is the highest here."""

    FULL_CRLS = 0x8
    DELTA_CRLS = 0x4
    INDIRECT_CRLS = 0x2
    OCSP_RESPONSES = 0x1


class _Identified(Enum):
    """An object identifier among those of its kind."""

    @property
    def oid(self) -> ObjectIdentifier:
        """The object identifier."""
        found: ObjectIdentifier = self.value
        return found

    @property
    def label(self) -> str:
        """The name as the RFC writes it: id-stc-build-pkc-path."""
        return oids.name_of(self.oid)

    @classmethod
    def from_oid(cls, oid: ObjectIdentifier) -> Self | None:
        """Return the member with this object identifier, or None where we know none."""
        return next((member for member in cls if member.value == oid), None)


class Check(_Identified):
    """What a server may be asked to check, RFC 5055 §3.2.2; AA: an attribute's authority."""

    BUILD_PKC_PATH = oids.ID_STC_BUILD_PKC_PATH
    BUILD_VALID_PKC_PATH = oids.ID_STC_BUILD_VALID_PKC_PATH
    BUILD_STATUS_CHECKED_PKC_PATH = oids.ID_STC_BUILD_STATUS_CHECKED_PKC_PATH
    BUILD_AA_PATH = oids.ID_STC_BUILD_AA_PATH
    BUILD_VALID_AA_PATH = oids.ID_STC_BUILD_VALID_AA_PATH
    BUILD_STATUS_CHECKED_AA_PATH = oids.ID_STC_BUILD_STATUS_CHECKED_AA_PATH
    STATUS_CHECK_AC_AND_BUILD_STATUS_CHECKED_AA_PATH = (
        oids.ID_STC_STATUS_CHECK_AC_AND_BUILD_STATUS_CHECKED_AA_PATH
    )

    @property
    def is_of_attribute_certificates(self) -> bool:
        """Whether it asks about an attribute certificate, and not a public key's."""
        return self.name.endswith("_AA_PATH")

    @property
    def asks_for_revocation(self) -> bool:
        """Whether its ReplyCheck.status is a RevocationStatus, and not a PathStatus."""
        return "STATUS_CHECK" in self.name


class WantBack(_Identified):
    """What a server may be asked to send back, RFC 5055 §3.2.3."""

    PKC_BEST_CERT_PATH = oids.ID_SWB_PKC_BEST_CERT_PATH
    PKC_REVOCATION_INFO = oids.ID_SWB_PKC_REVOCATION_INFO
    PKC_PUBLIC_KEY_INFO = oids.ID_SWB_PKC_PUBLIC_KEY_INFO
    AA_CERT_PATH = oids.ID_SWB_AA_CERT_PATH
    AA_REVOCATION_INFO = oids.ID_SWB_AA_REVOCATION_INFO
    AC_REVOCATION_INFO = oids.ID_SWB_AC_REVOCATION_INFO
    RELAYED_RESPONSES = oids.ID_SWB_RELAYED_RESPONSES
    PKC_CERT = oids.ID_SWB_PKC_CERT
    AC_CERT = oids.ID_SWB_AC_CERT
    PKC_ALL_CERT_PATHS = oids.ID_SWB_PKC_ALL_CERT_PATHS
    PKC_EE_REVOCATION_INFO = oids.ID_SWB_PKC_EE_REVOCATION_INFO
    PKC_CAS_REVOCATION_INFO = oids.ID_SWB_PKC_CAS_REVOCATION_INFO


class ValidationError(_Identified):
    """What is wrong with a certificate, RFC 5055 §3.2.4.2.2; with its names, §3.2.4.2.4."""

    EXPIRED = oids.ID_BVAE_EXPIRED
    NOT_YET_VALID = oids.ID_BVAE_NOT_YET_VALID
    WRONG_TRUST_ANCHOR = oids.ID_BVAE_WRONG_TRUST_ANCHOR
    NO_VALID_CERT_PATH = oids.ID_BVAE_NO_VALID_CERT_PATH
    REVOKED = oids.ID_BVAE_REVOKED
    INVALID_KEY_PURPOSE = oids.ID_BVAE_INVALID_KEY_PURPOSE
    INVALID_KEY_USAGE = oids.ID_BVAE_INVALID_KEY_USAGE
    INVALID_CERT_POLICY = oids.ID_BVAE_INVALID_CERT_POLICY
    NAME_MISMATCH = oids.ID_NVAE_NAME_MISMATCH
    NO_NAME = oids.ID_NVAE_NO_NAME
    UNKNOWN_ALG = oids.ID_NVAE_UNKNOWN_ALG
    BAD_NAME = oids.ID_NVAE_BAD_NAME
    BAD_NAME_TYPE = oids.ID_NVAE_BAD_NAME_TYPE
    MIXED_NAMES = oids.ID_NVAE_MIXED_NAMES
