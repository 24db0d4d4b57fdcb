"""What a CRL breaks of the Baseline Requirements (BR 4.9.7, 7.2; B8). Pure.

Such a CRL is used all the same: its revocations are true, and its CA is who has to mend it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import datetime, timedelta
from typing import Final

from certstatus.asn1 import oids
from certstatus.pkix import CertificateList

__all__ = ["baseline_findings"]

_MAX_VALIDITY: Final = timedelta(days=10)
_MAX_AGE: Final = timedelta(days=7)
_MAX_CA_VALIDITY: Final = timedelta(days=366)
_SECOND: Final = timedelta(seconds=1)


def baseline_findings(
    crl: CertificateList, *, now: datetime, points: Collection[str], is_of_cas: bool
) -> tuple[str, ...]:
    """Say what is wrong with a CRL by the Baseline Requirements, in plain words.

    Args:
        crl: with a nextUpdate.
        now: aware UTC.
        points: the URIs in the cRLDistributionPoints of the CA's certificates, as far as
            they are known.
        is_of_cas: whether the authority issues to CAs alone.
    """
    is_of_cas = is_of_cas or crl.scope.only_contains_ca_certs
    return (*_of_times(crl, now, is_of_cas=is_of_cas), *_of_scope(crl, points))


def _of_times(crl: CertificateList, now: datetime, *, is_of_cas: bool) -> Iterator[str]:
    """Both ends count: from 00:00:00 to 23:59:59 is a day (BR 1.6.4 reads times so)."""
    assert crl.next_update is not None  # nothing is believed without
    validity = crl.next_update - crl.this_update + _SECOND
    longest = _MAX_CA_VALIDITY if is_of_cas else _MAX_VALIDITY
    if validity > longest:
        yield f"is valid for {validity.days} days, and BR 7.2 allow {longest.days}"
    age = now - crl.this_update
    if age > _MAX_AGE and not is_of_cas:
        yield f"is {age.days} days old, and BR 4.9.7 ask for a new one every {_MAX_AGE.days}"


def _of_scope(crl: CertificateList, points: Collection[str]) -> Iterator[str]:
    extension = crl.extensions.get(oids.ID_CE_ISSUING_DISTRIBUTION_POINT)
    if extension is None:
        return
    if not extension[0]:
        yield "has an issuingDistributionPoint that is not critical"
    if crl.scope.indirect_crl:
        yield "is an indirect CRL, which BR 7.2.2.1 forbid"
    named = [name.text for name in crl.scope.full_name]
    if named and points and not set(points).intersection(named):
        yield (
            f"names the distribution point {named[0]}, which is none that the certificates "
            "name, octet by octet"
        )
