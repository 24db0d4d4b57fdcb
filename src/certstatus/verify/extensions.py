"""Extensions of a response: unknown critical ones are refused, odd ones told (O3, O13, O26 ff.)."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Final

from certstatus.asn1 import oids
from certstatus.limits import MAX_KNOWN_WORDS
from certstatus.ocsp import (
    NEVER_ISSUED,
    ArchiveCutoff,
    CertificateIssuer,
    CrlID,
    ExtendedRevoke,
    Extensions,
    InvalidityDate,
    Nonce,
    ReasonCode,
    ResponseData,
    SignedCertificateTimestampList,
    SingleResponse,
)
from certstatus.verify.report import Check, Finding

__all__: list[str] = []

_RESPONSE: Final = frozenset({Nonce.oid, ExtendedRevoke.oid})
_SINGLE: Final = frozenset(
    {
        CrlID.oid,
        ArchiveCutoff.oid,
        ReasonCode.oid,
        InvalidityDate.oid,
        CertificateIssuer.oid,
        SignedCertificateTimestampList.oid,
    }
)
_OWN: Final = _RESPONSE | _SINGLE


_NOT_NEVER_ISSUED: Final = Check.skipped(
    "O13", "extended-revoke", "the status is not the one of a serial never issued"
)


def check_extensions(data: ResponseData, single: SingleResponse) -> tuple[Check, ...]:
    """Refuse critical extensions that we don't know where they stand; check extended-revoke."""
    return (
        _check_critical("responseExtensions", data.response_extensions, _RESPONSE),
        _check_critical("singleExtensions", single.single_extensions, _SINGLE),
        _check_extended_revoke(data, single),
    )


def _check_critical(name: str, extensions: Extensions, known: frozenset[object]) -> Check:
    unknown = [e for e in extensions.members if e.critical and e.oid not in known]
    if unknown:
        names = ", ".join(str(extension) for extension in unknown)
        return Check.failed("O3", name, f"critical and not known here: {names}")
    return _none_unknown(name, len(extensions.members))


@lru_cache(MAX_KNOWN_WORDS)
def _none_unknown(name: str, count: int) -> Check:
    return Check.passed("O3", name, f"{count}, none critical that is not known")


def _check_extended_revoke(data: ResponseData, single: SingleResponse) -> Check:
    """Tell "never issued" from "revoked" (RFC 6960 §2.2, O13); revoked it is, either way."""
    name = "extended-revoke"
    if single.cert_status != NEVER_ISSUED:
        return _NOT_NEVER_ISSUED
    if data.response_extensions.has(ExtendedRevoke):
        return Check.passed("O13", name, "the responder says that it was never issued")
    return Check.skipped(
        "O13", name, "looks like a serial never issued, and the extension is absent"
    )


def extension_findings(data: ResponseData, single: SingleResponse) -> Iterator[Finding]:
    """Tell of critical flags and places that the standards advise against."""
    if not data.response_extensions.members and not single.single_extensions.members:
        return
    places = (
        ("responseExtensions", data.response_extensions, _RESPONSE),
        ("singleExtensions", single.single_extensions, _SINGLE),
    )
    for where, extensions, at_home in places:
        for extension in extensions:
            if extension.oid in at_home and extension.critical:
                yield Finding(f"{where}.{extension}", "is critical; it should not be (O3)")
            if extension.oid in _OWN - at_home:
                yield Finding(f"{where}.{extension}", "does not belong here")
    if single.single_extensions.has(ReasonCode):
        where = f"singleExtensions.{oids.name_of(ReasonCode.oid)}"
        yield Finding(where, "the Baseline Requirements forbid it here (B5)")
