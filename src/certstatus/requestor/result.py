"""What a check is told, and what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from certstatus.errors import Attempt, UnreachableError
from certstatus.ocsp import OCSPRequest
from certstatus.pkix import Certificate
from certstatus.requestor.plan import AskPolicy
from certstatus.signing import Signer
from certstatus.verify import NoncePolicy, Report, Verdict, VerifiedResponse, VerifyPolicy

__all__ = ["DEFAULT_CHECK_POLICY", "CheckPolicy", "CheckResult", "Inquiry"]


@dataclass(frozen=True, kw_only=True)
class CheckPolicy:
    """How to ask and how to judge.

    ``send_nonce`` binds the answer to the request, and goes past every cache; a policy
    that requires nonces sends one anyway, any other asks again without one where a
    responder can't bear it. ``allow_private`` lets URLs in certificates
    lead into private networks. ``check_expired`` asks for expired certificates too (L9).
    ``signer`` signs the requests, in the name of its certificate's subject (O4).
    """

    ask: AskPolicy = AskPolicy()  # noqa: RUF009 - a value, frozen
    verify: VerifyPolicy = VerifyPolicy()  # noqa: RUF009 - a value, frozen
    send_nonce: bool = False
    allow_private: bool = False
    check_expired: bool = False
    signer: Signer | None = None

    @property
    def has_nonce(self) -> bool:
        """Whether requests carry a nonce."""
        return self.send_nonce or self.verify.nonce is NoncePolicy.REQUIRED

    @property
    def nonces(self) -> tuple[bool, ...]:
        """Whether to ask with a nonce, and whether again without where it is not borne (L10)."""
        if not self.has_nonce:
            return (False,)
        return (True,) if self.verify.nonce is NoncePolicy.REQUIRED else (True, False)


DEFAULT_CHECK_POLICY: Final = CheckPolicy()


@dataclass(frozen=True)
class Inquiry:
    """One certificate to be asked about; without ``issuer``, it is searched in ``chain``, then at AIA."""

    certificate: Certificate
    issuer: Certificate | None = None
    chain: Sequence[Certificate] = ()


@dataclass(frozen=True, kw_only=True)
class CheckResult:
    """What came of a check.

    ``report`` is None where no responder answered; ``attempts`` then says why. ``url``
    and ``method`` are those of the answer, also where it came from the cache: because it is
    fresh, or because nobody gave a newer one (``attempts`` then is not empty).
    ``fresh_until`` is how long the answer may be used without asking again (L14), aware
    UTC; None: not at all, or it can't be said. ``elapsed`` is the time from the question to
    the verdict.
    """

    certificate: Certificate
    issuer: Certificate | None = None
    verdict: Verdict
    report: Report | None = None
    request: OCSPRequest | None = field(default=None, repr=False)
    url: str | None = None
    method: str | None = None
    fresh_until: datetime | None = None
    from_cache: bool = False
    attempts: tuple[Attempt, ...] = ()
    elapsed: timedelta = timedelta(0)

    @property
    def is_verified(self) -> bool:
        """Whether there is an answer to be believed."""
        return self.report is not None and self.report.verified is not None

    def require(self) -> VerifiedResponse:
        """Return the verified response, or raise for its absence.

        Raises:
            UnreachableError: no responder answered.
            RefusedError: the responder answered an error status.
            MalformedError: what came is no OCSP response.
            UntrustedError: the answer is not to be believed.
        """
        if self.report is None:
            raise UnreachableError("no responder answered", attempts=self.attempts)
        return self.report.require()
