"""What a server holds, and what a query brings: certificates to refer to, CRLs, responses.

Pure. A member that can't be read is left out: it is of no use, and spoils nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TypeVar

from certstatus.errors import MalformedError
from certstatus.ocsp import OCSPResponse, parse_response
from certstatus.path import CertificatePool, HeldCRL
from certstatus.pkix import Certificate, CertificateList
from certstatus.scvp import PKCReference, Query, RevocationInfoKind, SCVPCertID

__all__ = ["Brought", "Holdings", "brought_by"]

T = TypeVar("T")


class Holdings:
    """The certificates that a reference may mean, found by their serial numbers."""

    def __init__(self, certificates: Iterable[Certificate]) -> None:
        self._by_serial: dict[int, list[Certificate]] = {}
        for one in dict.fromkeys(certificates):
            self._by_serial.setdefault(one.serial_number, []).append(one)

    def find(
        self, reference: SCVPCertID, brought: Iterable[Certificate] = ()
    ) -> Certificate | None:
        """Return the certificate that is meant; None: there is none, or its hash is another."""
        held = self._by_serial.get(reference.serial_number, ())
        asked = PKCReference(pkc_ref=reference)
        return next((one for one in (*held, *brought) if asked.refers_to(one)), None)


@dataclass(frozen=True, kw_only=True)
class Brought:
    """What a query brought along: ``pool`` stands on the server's own."""

    certificates: tuple[Certificate, ...]
    pool: CertificatePool
    crls: tuple[HeldCRL, ...]
    ocsp_responses: tuple[OCSPResponse, ...]


def brought_by(query: Query, pool: CertificatePool) -> Brought:
    """Read intermediateCerts and revInfos; nobody believes them for being there."""
    certificates = tuple(_readable(Certificate.from_der, query.intermediate_certs))
    infos = query.rev_infos
    lists = (
        one.der
        for one in infos
        if one.kind in {RevocationInfoKind.CRL, RevocationInfoKind.DELTA_CRL}
    )
    responses = (one.der for one in infos if one.kind is RevocationInfoKind.OCSP)
    return Brought(
        certificates=certificates,
        pool=CertificatePool(certificates, over=pool),
        crls=tuple(map(HeldCRL, _readable(CertificateList.from_der, lists))),
        ocsp_responses=tuple(_readable(parse_response, responses)),
    )


def _readable(read: Callable[[bytes], T], members: Iterable[bytes]) -> Iterator[T]:
    for der in members:
        try:
            yield read(der)
        except MalformedError:
            continue
