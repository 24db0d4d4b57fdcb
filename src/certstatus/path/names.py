"""Whether a certificate bears the names that are asked for (RFC 5055 §3.2.4.2.3, S11). Pure.

All names are of one type, which the rule sets, and every one must match.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Final

from certstatus.asn1 import oids
from certstatus.errors import MalformedError
from certstatus.path.inputs import NameRequirement, NameRule
from certstatus.pkix import Certificate, GeneralName, GeneralNameKind, Name
from certstatus.scvp import ValidationError

__all__ = ["name_problem"]

Problem = tuple[ValidationError, str]

_KINDS: Final = {
    NameRule.DN_COMP_ALG: GeneralNameKind.DIRECTORY_NAME,
    NameRule.SERVER_AUTH: GeneralNameKind.DNS_NAME,
    NameRule.EMAIL_PROTECTION: GeneralNameKind.RFC822_NAME,
}
_HOST: Final = re.compile(
    r"(?=.{1,253}\Z)(?:[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?\.)*"
    r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
)
_MAILBOX: Final = re.compile(r"[^\s@]+@[^\s@]+")


def name_problem(certificate: Certificate, requirement: NameRequirement) -> Problem | None:
    """Say which name does not match, and why; None: all do.

    Raises:
        MalformedError: the certificate's subjectAltName is broken.
    """
    if problem := _question_problem(requirement):
        return problem
    assert requirement.rule is not None
    borne = _BORNE[requirement.rule](certificate, requirement)
    if not borne:
        kind = _KINDS[requirement.rule].name.lower().replace("_", " ")
        return ValidationError.NO_NAME, f"the certificate bears no {kind}"
    match = _MATCHES[requirement.rule]
    for name in requirement.names:
        if not any(match(one, name) for one in borne):
            return ValidationError.NAME_MISMATCH, f"the certificate does not bear {name}"
    return None


def _question_problem(requirement: NameRequirement) -> Problem | None:
    """Say what is wrong with the names that are asked for."""
    if requirement.rule is None:
        return ValidationError.UNKNOWN_ALG, "the name comparison algorithm is not known"
    if not requirement.names:
        return ValidationError.BAD_NAME, "no name is given"
    kinds = {name.kind for name in requirement.names}
    if len(kinds) > 1:
        return ValidationError.MIXED_NAMES, "the names are of several types"
    if kinds != {_KINDS[requirement.rule]}:
        return ValidationError.BAD_NAME_TYPE, f"{requirement.rule} takes no {min(kinds).name}"
    bad = next((name for name in requirement.names if not _is_well_formed(name)), None)
    return None if bad is None else (ValidationError.BAD_NAME, f"{bad} is no such name")


def _is_well_formed(name: GeneralName) -> bool:
    if name.kind is GeneralNameKind.DNS_NAME:
        return _HOST.fullmatch(name.text) is not None
    if name.kind is GeneralNameKind.RFC822_NAME:
        return _MAILBOX.fullmatch(name.text) is not None
    try:
        return Name.from_der(name.contents).folded != ()
    except MalformedError:
        return False


# --- what the certificate bears -----------------------------------------------------------


def _alternatives(certificate: Certificate, kind: GeneralNameKind) -> list[GeneralName]:
    return [one for one in certificate.subject_alternative_names if one.kind is kind]


def _directory_names(certificate: Certificate, _: NameRequirement) -> list[Name]:
    named = _alternatives(certificate, GeneralNameKind.DIRECTORY_NAME)
    return [one for one in (certificate.subject, *_names(named)) if one.folded != ()]


def _names(named: Iterable[GeneralName]) -> Iterable[Name]:
    return (one.name for one in named if one.name is not None)


def _hosts(certificate: Certificate, requirement: NameRequirement) -> list[str]:
    """The dNSNames; where there is none, the most specific commonName, if that may count."""
    named = [one.text for one in _alternatives(certificate, GeneralNameKind.DNS_NAME)]
    if named or not requirement.use_common_name:
        return named
    return list(certificate.subject.values(oids.COMMON_NAME)[-1:])


def _mailboxes(certificate: Certificate, _: NameRequirement) -> list[str]:
    """The rfc822Names, and emailAddress of the subject (RFC 8550 §3)."""
    named = [one.text for one in _alternatives(certificate, GeneralNameKind.RFC822_NAME)]
    return [*named, *certificate.subject.values(oids.EMAIL_ADDRESS)]


_BORNE: Final[dict[NameRule, Callable[[Certificate, NameRequirement], list[Name] | list[str]]]] = {
    NameRule.DN_COMP_ALG: _directory_names,
    NameRule.SERVER_AUTH: _hosts,
    NameRule.EMAIL_PROTECTION: _mailboxes,
}

# --- whether one is the other ---------------------------------------------------------------


def _is_directory_name(borne: object, wanted: GeneralName) -> bool:
    assert isinstance(borne, Name)
    return borne.matches(Name(wanted.contents))


def _is_host(borne: object, wanted: GeneralName) -> bool:
    """Compare without regard to case; ``*`` stands for exactly one whole label, the first."""
    pattern, host = str(borne).lower().rstrip("."), wanted.text.lower().rstrip(".")
    if not pattern.startswith("*."):
        return pattern == host and _HOST.fullmatch(pattern) is not None
    _, dot, parent = host.partition(".")
    return bool(dot) and parent == pattern[2:]


def _is_mailbox(borne: object, wanted: GeneralName) -> bool:
    """Compare the local part exactly, the host without regard to case (RFC 5280 §7.5)."""
    (one, at, host), (other, _, other_host) = (
        str(borne).rpartition("@"),
        wanted.text.rpartition("@"),
    )
    return bool(at) and one == other and host.lower() == other_host.lower()


_MATCHES: Final[dict[NameRule, Callable[[object, GeneralName], bool]]] = {
    NameRule.DN_COMP_ALG: _is_directory_name,
    NameRule.SERVER_AUTH: _is_host,
    NameRule.EMAIL_PROTECTION: _is_mailbox,
}
