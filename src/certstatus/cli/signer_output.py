"""How signers and what is found of them look, for people and for programs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from rich.console import Console

from certstatus.cli.output import print_columns, styled
from certstatus.cli.text import moment_text, relative_text
from certstatus.pkix import Certificate
from certstatus.signing import Finding, Profile, Severity
from certstatus.verify.report import wire_time

if TYPE_CHECKING:
    from certstatus.server.renewal import RenewalOutcome

__all__ = ["issued_json", "judged_json", "print_judged", "renewed_json", "renewed_text"]

_STYLES: Final = {Severity.REFUSE: "bold red", Severity.WARN: "yellow"}
_WORDS: Final = {Severity.REFUSE: "refused", Severity.WARN: "warning"}


def _certificate_json(certificate: Certificate) -> dict[str, Any]:
    return {
        "subject": str(certificate.subject),
        "issuer": str(certificate.issuer),
        "serialNumber": f"{certificate.serial_number:x}",
        "notBefore": wire_time(certificate.not_before),
        "notAfter": wire_time(certificate.not_after),
    }


def issued_json(name: str, certificate: Certificate) -> dict[str, Any]:
    """Return what was issued for a program."""
    return {"file": name, **_certificate_json(certificate)}


def judged_json(
    certificate: Certificate, findings: Sequence[Finding], profile: Profile
) -> dict[str, Any]:
    """Return what the gate found for a program."""
    return {
        "fit": all(one.severity is Severity.WARN for one in findings),
        "profile": profile.value,
        "certificate": _certificate_json(certificate),
        "findings": [
            {"rule": one.rule, "severity": one.severity.value, "text": one.text} for one in findings
        ],
    }


def print_judged(
    out: Console, certificate: Certificate, findings: Sequence[Finding], now: datetime
) -> None:
    """Print the certificate, a line for each finding, and the verdict."""
    until = certificate.not_after
    out.print(styled(str(certificate), "bold"))
    print_columns(
        out,
        [
            ("issuer", str(certificate.issuer)),
            ("valid until", f"{moment_text(until)} ({relative_text(until, now)})"),
        ],
    )
    print_columns(
        out,
        [(styled(_WORDS[one.severity], _STYLES[one.severity]), str(one)) for one in findings],
    )
    if any(one.severity is Severity.REFUSE for one in findings):
        out.print(styled("not fit to sign answers", "bold red"))
    else:
        out.print(styled("fit to sign answers", "bold green"))


def renewed_json(outcomes: Sequence[RenewalOutcome]) -> dict[str, Any]:
    """Return what became of each signer for a program."""
    return {
        "signers": [
            {
                "authority": one.authority,
                "file": str(one.file),
                "result": one.result.value,
                "due": None if one.due is None else wire_time(one.due),
                "certificate": None
                if one.certificate is None
                else _certificate_json(one.certificate),
                "error": one.error,
            }
            for one in outcomes
        ]
    }


def renewed_text(outcomes: Sequence[RenewalOutcome]) -> Iterator[str]:
    """Say what became of each signer."""
    if not outcomes:
        yield "no signer says how it is to be renewed: [authority.signer.renew]"
    for one in outcomes:
        words = one.result.words
        if one.error is not None:
            words += f": {one.error}"
        elif one.certificate is not None:
            words += f": {one.certificate}, until {moment_text(one.certificate.not_after)}"
        if one.due is not None:
            words += f"; due {moment_text(one.due)}"
        yield f"{one.authority}: {one.file}: {words}"
