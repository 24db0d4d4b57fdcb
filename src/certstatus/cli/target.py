"""Whom a question is about: certificates or serial numbers, each with its issuer."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import click

from certstatus.cli.inputs import load_certificate, load_certificates
from certstatus.cli.params import SERIAL
from certstatus.ocsp import CertID
from certstatus.pkix import Certificate, HashAlgorithm, issuance_problem

__all__ = ["NUMBER_OF", "Target", "find_issuer", "targets"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A certificate by its issuer and serial number; itself where it is at hand.

    ``source`` is the file or the serial number that the user named.
    """

    source: str
    issuer: Certificate
    serial_number: int
    certificate: Certificate | None = None

    @property
    def title(self) -> str:
        """What to call it in a line."""
        serial = f"serial {self.serial_number:#x}"
        if self.certificate is None:
            return f"{serial} of {self.issuer.subject}"
        return f"{self.certificate.subject} ({serial})"

    def as_json(self) -> dict[str, object]:
        """Return how results name it."""
        told = {"source": self.source, "serialNumber": f"{self.serial_number:x}"}
        return {"target": told | {"issuer": str(self.issuer.subject)}}

    @property
    def is_of_issuer(self) -> bool:
        """Whether the issuer's key signed the certificate; True for a mere serial number."""
        return self.certificate is None or issuance_problem(self.certificate, self.issuer) is None

    def cert_id(self, algorithm: HashAlgorithm) -> CertID:
        """Name it in a message (O1)."""
        if self.certificate is not None:
            return CertID.for_certificate(self.certificate, self.issuer, algorithm)
        return CertID.of(self.issuer, self.serial_number, algorithm)


class _NumberOf(click.ParamType[tuple[int, str]]):
    """A serial number in hex, and the file of its issuer where there are several: 3E8@ca.pem."""

    name = "HEX[@FILE]"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, str]:
        if isinstance(value, tuple):
            return value
        number, _, file = value.partition("@")
        return SERIAL.convert(number, param, ctx), file


NUMBER_OF: Final = _NumberOf()


def targets(
    cert_files: Iterable[str],
    numbers: Iterable[tuple[int, str]],
    issuer_files: Sequence[str],
) -> list[Target]:
    """Load what the options --cert, --serial and --issuer name, certificates first.

    A certificate's issuer is looked for among all that were given, and behind the
    certificate in its own file. A serial number names its issuer's file, or belongs to
    the one issuer that was given.

    Raises:
        click.UsageError: nothing is named, or an issuer is missing or not clear.
        MalformedError, OSError: a file can't be used.
    """
    issuers = [one for name in issuer_files for one in load_certificates(name)]
    found = [_of_file(name, issuers) for name in cert_files]
    found += [_of_number(number, file, issuers) for number, file in numbers]
    if not found:
        raise click.UsageError("name a certificate with --cert, or its number with --serial")
    return found


def _of_file(name: str, issuers: list[Certificate]) -> Target:
    certificate, *chain = load_certificates(name)
    issuer = find_issuer(certificate, [*issuers, *chain])
    if issuer is None and len(issuers) == 1:
        issuer = issuers[0]  # a wrong one is judged, and the report says what is wrong
    if issuer is None:
        raise click.UsageError(f"{name}: no issuer {certificate.issuer}; name it with --issuer")
    return Target(
        source=name,
        issuer=issuer,
        serial_number=certificate.serial_number,
        certificate=certificate,
    )


def _of_number(number: int, file: str, issuers: list[Certificate]) -> Target:
    named = [load_certificate(file)] if file else issuers
    if len(named) != 1:
        remedy = f"--serial {number:x}@FILE" if named else "--issuer FILE"
        raise click.UsageError(f"whose serial number is {number:x}? Name its issuer: {remedy}")
    return Target(source=f"serial {number:x}", issuer=named[0], serial_number=number)


def find_issuer(certificate: Certificate, candidates: Iterable[Certificate]) -> Certificate | None:
    """Return the candidate that issued a certificate, else one that only has its issuer's name."""
    named = [one for one in candidates if certificate.issuer.matches(one.subject)]
    signed = (one for one in named if issuance_problem(certificate, one) is None)
    return next(signed, named[0] if named else None)
