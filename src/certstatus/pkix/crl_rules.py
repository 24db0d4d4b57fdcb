"""When a CRL may be believed, and what may come after it (RFC 5280 §5, §6.3).

No file, no clock: bytes, the issuer and ``now`` come in, a CRL or the reason why not goes
out. ``load_full_crl`` refuses delta and indirect CRLs by name, for those who read one CRL
alone; ``crl_listing`` reads them.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from certstatus.asn1 import oids
from certstatus.errors import MalformedError
from certstatus.limits import DEFAULT_SKEW, MAX_SERIAL_OCTETS
from certstatus.pkix.certificate import Certificate
from certstatus.pkix.crl import CertificateList
from certstatus.pkix.crl_entry import RevokedEntry
from certstatus.pkix.reason import CRLReason
from certstatus.pkix.signature import signature_algorithm

__all__ = [
    "WHERE",
    "check_believable",
    "check_follows",
    "check_readable",
    "leniency",
    "load_full_crl",
]

WHERE: Final = "CertificateList"
"""Where a MalformedError of a whole CRL says that it stands."""


def load_full_crl(
    data: bytes, issuer: Certificate, *, now: datetime, allow_sha1: bool = False
) -> CertificateList:
    """Read a PEM or DER CRL of ``issuer`` and make sure that answers may rest on it.

    An expired one passes: whoever answers from it asks for its nextUpdate then (C9).

    Raises:
        MalformedError: it is no CRL; is not signed by ``issuer``, who must have cRLSign;
            has an unknown critical extension (C8); is a delta, an indirect CRL, or one of
            attribute certificates (C4); or its times make no sense. The rule is named.
    """
    crl = CertificateList.load(data)
    check_believable(crl, issuer, now=now, allow_sha1=allow_sha1)
    _check_kind(crl)
    return crl


def check_believable(
    crl: CertificateList, signer: Certificate, *, now: datetime, allow_sha1: bool = False
) -> None:
    """Make sure that ``signer`` signed a CRL, and that it can be read whole.

    Raises:
        MalformedError: it did not, or may not; or the CRL has an unknown critical extension
            (C8), times that make no sense, or a number that is none (C1).
    """
    _check_signature(crl, signer, allow_sha1=allow_sha1)
    check_readable(crl, now=now)


def check_readable(crl: CertificateList, *, now: datetime) -> None:
    """Make sure that a CRL can be read whole, whoever signed it. Raises MalformedError."""
    _check_extensions(crl)
    _check_times(crl, now)
    _check_number(crl)


def _check_signature(crl: CertificateList, issuer: Certificate, *, allow_sha1: bool) -> None:
    problem = crl.signature_problem(issuer)
    if problem is not None:
        raise MalformedError(f"is not to be believed: {problem}", where=WHERE, rule="C8")
    if not allow_sha1 and signature_algorithm(crl.signature_algorithm).is_sha1:
        raise MalformedError("is signed with SHA-1, which is not allowed", where=WHERE, rule="O29")


def _check_extensions(crl: CertificateList) -> None:
    unknown = crl.unknown_critical()
    if unknown:
        names = ", ".join(map(oids.name_of, unknown))
        raise MalformedError(f"has unknown critical extensions: {names}", where=WHERE, rule="C8")


def _check_kind(crl: CertificateList) -> None:
    if crl.base_crl_number is not None:
        raise MalformedError(
            "is a delta CRL, which says nothing without its full CRL", where=WHERE, rule="C2"
        )
    if crl.scope.indirect_crl:
        raise MalformedError(
            "is an indirect CRL, which is not read here: name the CA's own CRL",
            where=WHERE,
            rule="C7",
        )
    if crl.scope.only_contains_attribute_certs:
        raise MalformedError(
            "covers attribute certificates alone, and OCSP asks about others",
            where=WHERE,
            rule="C4",
        )


def _check_times(crl: CertificateList, now: datetime) -> None:
    if crl.next_update is None:
        raise MalformedError(
            "has no nextUpdate (RFC 5280 §5.1.2.5), so it can't be told when it is outdated",
            where=WHERE,
        )
    if crl.next_update <= crl.this_update:
        raise MalformedError("has a nextUpdate that is not after thisUpdate", where=WHERE)
    if crl.this_update > now + DEFAULT_SKEW:
        raise MalformedError(
            f"is not valid before {crl.this_update:%Y-%m-%d %H:%M:%SZ}", where=WHERE
        )


def _check_number(crl: CertificateList) -> None:
    number = crl.crl_number
    if number is not None and not 0 <= number < 1 << (8 * MAX_SERIAL_OCTETS):
        raise MalformedError(
            f"has a CRLNumber that is negative or longer than {MAX_SERIAL_OCTETS} octets",
            where=WHERE,
            rule="C1",
        )


def check_follows(
    crl: CertificateList, crl_number: int | None, this_update: datetime | None
) -> None:
    """Make sure that a CRL is not older than one that was believed before (C1).

    ``crl_number`` and ``this_update`` are the earlier one's, None where it had none.

    Raises:
        MalformedError: its number is lower or gone, or its thisUpdate is older.
    """
    if crl_number is not None and (crl.crl_number is None or crl.crl_number < crl_number):
        raise MalformedError(
            f"has CRLNumber {crl.crl_number}, and one with {crl_number} was read before",
            where=WHERE,
            rule="C1",
        )
    if this_update is not None and crl.this_update < this_update:
        raise MalformedError(
            f"is of {crl.this_update:%Y-%m-%d %H:%M:%SZ}, and one of "
            f"{this_update:%Y-%m-%d %H:%M:%SZ} was read before",
            where=WHERE,
            rule="C1",
        )


def leniency(entry: RevokedEntry) -> tuple[bool, bool, datetime]:
    """Order entries from the strictest: a revocation, a hold, a removal; then the earlier one."""
    is_removal = entry.reason is CRLReason.REMOVE_FROM_CRL
    return is_removal, entry.reason is CRLReason.CERTIFICATE_HOLD, entry.revocation_date
