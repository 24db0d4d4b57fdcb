"""The one error tree. Every error that this package raises on purpose stands here.

::

    CertStatusError        .rule  .response_status  .tls_alert  .exit_code  .hint
    ├── MalformedError     bytes that break their grammar; .where names the field
    │   └── DecodeError    TLS's own framing is broken, around the status and not in it
    ├── RefusedError       a responder's error status; .status holds it
    ├── UntrustedError     well formed, not to be believed; .report tells why
    ├── UnreachableError   no responder answered; .attempts lists every try
    ├── SourceError        the status can't be known now: tryLater, never a guess
    ├── ChangeError        a change of status that the rules forbid; nothing was changed
    ├── SignerError        a key or certificate not fit to sign with
    ├── OverloadError      more is waited for than a limit allows: tryLater
    ├── StoreError         a store of signed answers can't be used: answers are signed without it
    ├── ConfigError        .file, .key and the remedy; .settings lists every wrong one
    └── PlatformError      this interpreter or its libraries can't do what was asked

Revoked and unknown are answers, not errors.

The class attributes are the error's own word on what it means at each border: the
OCSP response status to send (RFC 6960 §4.2.1), the TLS alert (RFC 8446 §6, RFC 6066 §8),
the exit code of the command, and what the reader can do next.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "Attempt",
    "CertStatusError",
    "ChangeError",
    "ConfigError",
    "DecodeError",
    "MalformedError",
    "OverloadError",
    "PlatformError",
    "RefusedError",
    "SignerError",
    "SourceError",
    "StoreError",
    "UnreachableError",
    "UntrustedError",
    "WrongSetting",
]


class CertStatusError(Exception):
    """Base of every error of this package; never raised itself.

    ``rule`` is the requirement ID (``docs/rules.toml``) that was broken, or None.
    """

    response_status: ClassVar[int] = 2
    tls_alert: ClassVar[int] = 80
    exit_code: ClassVar[int] = 70
    hint: ClassVar[str] = "this is a defect of certstatus; please report it"

    def __init__(self, message: str, *, rule: str | None = None) -> None:
        if type(self) is CertStatusError:
            raise TypeError("CertStatusError is abstract: raise one of its children")
        super().__init__(message)
        self.message = message
        self.rule = rule

    def __str__(self) -> str:
        return f"{self.message} [{self.rule}]" if self.rule else self.message


class MalformedError(CertStatusError):
    """Bytes break the grammar of the message that they should be.

    ``where`` names the field in the RFC's words, ``OCSPResponse.responseStatus``.
    """

    response_status = 1
    tls_alert = 113
    exit_code = 65
    hint = "check that the input is the whole message, in DER, and nothing else"

    def __init__(self, message: str, *, where: str, rule: str | None = None) -> None:
        super().__init__(message, rule=rule)
        self.where = where

    def __str__(self) -> str:
        return f"{self.where}: {super().__str__()}"


class DecodeError(MalformedError):
    """Bytes break TLS's framing: a length lies, or a vector is empty that must not be (T1).

    What stands inside a vector, a ResponderID or an OCSP response, raises MalformedError.
    """

    tls_alert = 50
    hint = "check that the input is a whole TLS message, with its lengths as they were sent"


class RefusedError(CertStatusError):
    """A responder answered with an error status (RFC 6960 §2.3, O10).

    ``status`` is the OCSPResponseStatus number, 1, 2, 3, 5 or 6; of an SCVP server, which tells
    more kinds apart, the CVStatusCode (RFC 5055 §4.4).
    """

    response_status = 6
    tls_alert = 113
    exit_code = 4
    hint = "an error status is unsigned and says nothing of the certificate; ask again or elsewhere"

    def __init__(self, message: str, *, status: int, rule: str | None = "O10") -> None:
        super().__init__(message, rule=rule)
        self.status = status


class UntrustedError(CertStatusError):
    """A response is well formed, and must not be believed.

    ``report`` is the ``certstatus.verify.Report`` with every check.
    """

    tls_alert = 113
    exit_code = 3
    hint = "the report names each check that failed, and why"

    def __init__(self, message: str, *, report: object, rule: str | None = None) -> None:
        super().__init__(message, rule=rule)
        self.report = report


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try to reach a responder: the URL, and why it did not serve.

    ``is_lasting``: the same try would fail again, so nobody need repeat it.
    """

    url: str
    reason: str
    is_lasting: bool = False


class UnreachableError(CertStatusError):
    """No responder could be reached. ``attempts`` holds every URL tried, with its reason.

    Where a TLS handshake failed, ``flight`` is the ``certstatus.handshake.Flight`` as far as
    it went, and ``alert`` the number of the alert that the peer sent; None where there is none.
    """

    response_status = 3
    tls_alert = 113
    exit_code = 69
    hint = "name a responder with --url, or try again later"

    def __init__(
        self,
        message: str,
        *,
        attempts: Sequence[Attempt] = (),
        flight: object | None = None,
        alert: int | None = None,
        rule: str | None = None,
    ) -> None:
        super().__init__(message, rule=rule)
        self.attempts = tuple(attempts)
        self.flight = flight
        self.alert = alert

    def __str__(self) -> str:
        tries = "; ".join(f"{attempt.url}: {attempt.reason}" for attempt in self.attempts)
        return f"{super().__str__()} ({tries})" if tries else super().__str__()


class SourceError(CertStatusError):
    """A source can't know the status now: the answer is tryLater, never a guess (O11, C9)."""

    response_status = 3
    exit_code = 69
    hint = "the source's own log line says what it waits for"


class ChangeError(CertStatusError):
    """A change of status that the rules forbid: a revocation is final. Nothing was changed."""

    exit_code = 65
    hint = "see what stands now with `certstatus db show`"


class SignerError(CertStatusError):
    """A key or certificate is not fit to sign responses that clients will believe."""

    exit_code = 78
    hint = "issue the signer anew as the rule says, or name another"


class OverloadError(CertStatusError):
    """More is asked for at once than can be done soon: the answer is tryLater."""

    response_status = 3
    exit_code = 69
    hint = "try again later; where it lasts, more cores, a quicker kind of key or a store help"


class StoreError(CertStatusError):
    """A store of signed answers can't be used now: answers are signed without it."""

    exit_code = 69
    hint = "answers go on without the store; see that it runs and has room"


@dataclass(frozen=True, slots=True)
class WrongSetting:
    """One setting that is wrong: where it stands, what is wrong with it, and what to write."""

    message: str
    key: str | None = None
    remedy: str = ""
    line: int | None = None

    def __str__(self) -> str:
        text = f"{self.key}: {self.message}" if self.key else self.message
        return f"{text} ({self.remedy})" if self.remedy else text


class ConfigError(CertStatusError):
    """A setting is wrong. ``file`` and ``key`` name it, ``remedy`` says what to write instead.

    ``line`` is where it stands in ``file``, None where that is no matter of lines. ``others``
    are wrong too, in the same file.
    """

    exit_code = 78
    hint = "see the manual's page on configuration"

    def __init__(
        self,
        message: str,
        *,
        file: str | None = None,
        key: str | None = None,
        remedy: str = "",
        line: int | None = None,
        others: Sequence[WrongSetting] = (),
    ) -> None:
        super().__init__(message)
        self.file = file
        self.key = key
        self.remedy = remedy
        self.line = line
        self.settings = (WrongSetting(message, key, remedy, line), *others)
        """Every setting that is wrong."""

    def __str__(self) -> str:
        first, *others = self.settings
        place = ":".join(str(part) for part in (self.file, self.line) if part is not None)
        told = [f"{place}: {first}" if place else str(first)]
        told += [f"line {one.line}: {one}" if one.line else str(one) for one in others]
        return "; ".join(told)


class PlatformError(CertStatusError):
    """This interpreter, or a library that it was built with, can't do what was asked.

    Nothing was changed. The message says what is missing.
    """

    exit_code = 78
    hint = "see the manual's page on stapling for interpreters and libraries that work"
