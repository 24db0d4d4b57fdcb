"""Which CAs of a status database a CRL speaks about, and whether it follows what was imported.

A full CRL, a delta, or an indirect one of a CRL issuer that is named: each is believed as
the CRLs of a source are (C7, C8), and none twice or backwards (C1, C2). No database here.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any

from certstatus.asn1 import oids
from certstatus.errors import MalformedError
from certstatus.pkix import Certificate, CertificateList
from certstatus.pkix.crl_rules import WHERE
from certstatus.sources.crl_listing import Listing, read_listing
from certstatus.sources.crl_signers import crl_issuers_of
from certstatus.sources.database.ledger import Issuer

__all__ = ["check_adds", "listings_about", "scope_key", "told_crl"]


def listings_about(
    crl: CertificateList,
    issuers: Sequence[Issuer],
    crl_issuers: Collection[Certificate],
    *,
    now: datetime,
    allow_sha1: bool,
    asked: Issuer | None = None,
) -> list[tuple[Issuer, Listing]]:
    """Read a CRL as it speaks about each CA: its own, or all that an indirect one is for.

    Of several CAs of one name it is the one that signed. ``asked`` is the one that has to be
    meant, in place of all ``issuers``.

    Raises:
        MalformedError: it is of nobody here, or not to be believed.
    """
    issuers = issuers if asked is None else (asked,)
    own = [one for one in issuers if crl.issuer.matches(one.certificate.subject)]
    signed = [one for one in own if crl.signature_problem(one.certificate) is None]
    about: list[tuple[Issuer, tuple[Certificate, ...]]] = [
        (one, (one.certificate,)) for one in signed or own[:1]
    ]
    if crl.scope.indirect_crl:
        about += _indirectly([one for one in issuers if one not in own], crl, crl_issuers)
    if not about:
        raise MalformedError(
            f"is of {crl.issuer}, "
            + ("which the database does not list" if asked is None else f"not of {asked.subject}")
            + ("; name its certificate (--crl-issuer)" if crl.scope.indirect_crl else ""),
            where="CertificateList.issuer",
        )
    return [
        (one, read_listing(crl, signers, now=now, allow_sha1=allow_sha1)) for one, signers in about
    ]


def _indirectly(
    issuers: Iterable[Issuer], crl: CertificateList, crl_issuers: Collection[Certificate]
) -> list[tuple[Issuer, tuple[Certificate, ...]]]:
    """Return the CAs that share their trust anchor with the CRL issuer that is named (C8)."""
    if not any(crl.issuer.matches(one.subject) for one in crl_issuers):
        return []
    found = []
    problem: MalformedError | None = None
    for one in issuers:
        try:
            found.append((one, crl_issuers_of(one.certificate, crl_issuers)))
        except MalformedError as error:
            problem = error
    if problem is not None and not found:
        raise problem
    return found


def scope_key(crl: CertificateList, listing: Listing, issuer: Issuer) -> str:
    """Return what is equal for CRLs that number each other's followers (RFC 5280 §5.2.3)."""
    extension = crl.extensions.get(oids.ID_CE_ISSUING_DISTRIBUTION_POINT)
    scope = "" if extension is None else hashlib.sha256(extension[1]).hexdigest()
    if listing.signer.spki_der == issuer.certificate.spki_der:
        return scope
    return f"{scope} {hashlib.sha256(listing.signer.spki_der).hexdigest()}"


def check_adds(listing: Listing, stands: int | None) -> None:
    """Make sure that nothing is missing between a delta and what was imported (C2).

    ``stands`` is the number of the newest CRL of its scope that was imported, None without one.

    Raises:
        MalformedError: the changes before its base are not there.
    """
    base = listing.base_crl_number
    if base is not None and (stands is None or stands < base):
        raise MalformedError(
            f"is a delta CRL over CRLNumber {base}, and "
            f"{'none of its scope' if stands is None else stands} was imported before",
            where=WHERE,
            rule="C2",
        )


def told_crl(listing: Listing) -> dict[str, Any]:
    """Return a CRL for the audit trail."""
    told: dict[str, Any] = {
        "crlNumber": listing.crl_number,
        "thisUpdate": f"{listing.this_update:%Y-%m-%dT%H:%M:%SZ}",
    }
    if listing.base_crl_number is not None:
        told["baseCRLNumber"] = listing.base_crl_number
    return told
