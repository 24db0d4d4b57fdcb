"""The entries of one CRL by serial number, without taking the CRL apart (RFC 5280 §5.3).

The index holds the CRL as it was received and a table of places in it; an entry is read when
it is asked for. Every one was looked at before: what is wrong with any of them makes the
whole CRL unusable (C8).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from certstatus.errors import MalformedError
from certstatus.pkix.crl import CertificateList
from certstatus.pkix.crl_entries import serial_octets, serial_octets_at
from certstatus.pkix.crl_entry import RevokedEntry
from certstatus.pkix.crl_rules import leniency
from certstatus.pkix.name import GeneralName, Name
from certstatus.pkix.reason import CRLReason
from certstatus.pkix.serial_table import SerialTable

__all__ = ["CRLIndex"]


class CRLIndex(Mapping[int, RevokedEntry]):
    """The entries of one issuer's certificates in a CRL; of two for one serial the strictest.

    Entries come in the order of the CRL.
    """

    def __init__(self, crl: CertificateList, issuer: Name) -> None:
        """Look at every entry.

        Raises:
            MalformedError: one is broken, has an unknown critical extension (C8), says
                removeFromCRL in a full CRL (C3), or names an issuer as it may not (C7).
        """
        self._crl = crl
        self._table = SerialTable(crl.entry_count, self._octets_at, self._strictest)
        self.find = self._table.get
        """Returns the place of a serial number by the octets of its INTEGER; None: not listed."""
        self._issuer = issuer
        known: dict[tuple[GeneralName, ...], bool] = {}
        is_ours = crl.issuer.matches(issuer)
        for run in crl.entry_runs():
            if not run.is_plain:
                is_ours = self._check(crl.entry_at(run.start), known, is_ours=is_ours)
            if is_ours:
                self._table.add(run.serials(crl.der))

    def _check(
        self, entry: RevokedEntry, known: dict[tuple[GeneralName, ...], bool], *, is_ours: bool
    ) -> bool:
        """Say whether an entry is of our issuer: a certificateIssuer holds until the next (C7)."""
        names = entry.certificate_issuer
        if names and names not in known:
            known[names] = _names(entry, self._issuer, is_indirect=self._crl.scope.indirect_crl)
        is_ours = known.get(names, is_ours)
        is_full = self._crl.base_crl_number is None
        if is_ours and is_full and entry.reason is CRLReason.REMOVE_FROM_CRL:
            raise _refused(entry, "says removeFromCRL, which delta CRLs alone do", "C3")
        return is_ours

    def _octets_at(self, place: int) -> bytes:
        return serial_octets_at(self._crl.der, place)

    def _strictest(self, *places: int) -> int:
        return min(places, key=lambda place: leniency(self._crl.entry_at(place)))

    def __getitem__(self, serial_number: int) -> RevokedEntry:
        """Read the entry of a serial number. Raises KeyError."""
        place = self._table.get(serial_octets(serial_number))
        if place is None:
            raise KeyError(serial_number)
        return self._crl.entry_at(place)

    def __len__(self) -> int:
        """Return how many serial numbers are listed."""
        return len(self._table)

    def __iter__(self) -> Iterator[int]:
        """Yield the serial numbers, in the order of the CRL."""
        return (int.from_bytes(octets, signed=True) for octets, _ in self._standing())

    def in_order(self) -> Iterator[RevokedEntry]:
        """Yield the entries, in the order of the CRL."""
        return (self._crl.entry_at(place) for _, place in self._standing())

    def _standing(self) -> Iterator[tuple[bytes, int]]:
        """Yield octets and place of each serial number, once, in the order of the CRL."""
        for run in self._crl.entry_runs():
            for octets, place in run.serials(self._crl.der):
                if self._table.get(octets) == place:
                    yield octets, place


def _names(entry: RevokedEntry, issuer: Name, *, is_indirect: bool) -> bool:
    """Whether the certificateIssuer of an entry is ``issuer``."""
    if not is_indirect:
        raise _refused(entry, "names another issuer, which indirect CRLs alone do", "C7")
    names = [one.name for one in entry.certificate_issuer if one.name is not None]
    if not names:
        raise _refused(entry, "names its issuer by no directoryName", "C7")
    return any(name.matches(issuer) for name in names)


def _refused(entry: RevokedEntry, problem: str, rule: str) -> MalformedError:
    text = f"the entry of serial {entry.serial_number:X} {problem}"
    return MalformedError(text, where="revokedCertificates", rule=rule)
