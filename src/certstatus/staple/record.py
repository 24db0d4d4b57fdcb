"""One certificate in a stapler's care: what is held for it, and when it is tried next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from cryptography import x509

from certstatus.errors import MalformedError
from certstatus.ocsp import Revoked
from certstatus.pkix import Certificate
from certstatus.staple.events import StapleState
from certstatus.staple.held import Held
from certstatus.staple.schedule import Outcome, Pace, Plan, Tries, plan_try

__all__ = ["Record"]

_STATUS_FEATURES: Final = frozenset({5, 17})
"""status_request and status_request_v2, as RFC 7633 lets certificates promise them."""


@dataclass(kw_only=True)
class Record:
    """All that is known of one certificate. Its owner's lock guards it.

    ``issuers`` are certificates among which its issuer may be; ``urls`` are asked instead of
    those that it names. ``hopeless`` says why there is nobody to ask, None where there is.
    """

    certificate: Certificate
    issuers: tuple[Certificate, ...]
    urls: tuple[str, ...]
    hopeless: str | None
    is_must_staple: bool
    plan: Plan
    held: Held | None = None
    tries: Tries = field(default_factory=Tries)
    last_error: str | None = None
    is_busy: bool = False
    is_asked: bool = False
    """Whether somebody wants a try now, whatever the plan says."""
    has_told_end: bool = False

    @classmethod
    def of(
        cls,
        certificate: Certificate,
        issuers: Sequence[Certificate],
        urls: Sequence[str],
        now: datetime,
    ) -> Record:
        """Begin, with nothing held and nothing tried."""
        return cls(
            certificate=certificate,
            issuers=tuple(issuers),
            urls=tuple(urls),
            hopeless=_hopeless(certificate, urls),
            is_must_staple=_is_must_staple(certificate),
            plan=Plan(now, now),
        )

    def responder(self, url: str | None) -> str:
        """Return the responder's own URL, of one to which a request was sent by GET."""
        return next((one for one in self._responders if _is_below(url or "", one)), url or "")

    @property
    def _responders(self) -> tuple[str, ...]:
        try:
            return self.urls or self.certificate.ocsp_uris
        except MalformedError:
            return ()

    def learn(self, issuers: Sequence[Certificate], urls: Sequence[str]) -> None:
        """Take note of more issuers and other URLs; what gives new hope is tried at once."""
        added = tuple(one for one in issuers if one not in self.issuers)
        is_other_way = bool(urls) and tuple(urls) != self.urls
        self.issuers += added
        if is_other_way:
            self.urls = tuple(urls)
        if is_other_way and self.hopeless is not None:
            self.hopeless = None
            self.plan = Plan(self.plan.made, self.plan.made)
        if is_other_way or (added and self.held is None):
            self.ask()

    def ask(self) -> None:
        """Want a try now, whatever the plan says, unless there is nobody to ask any more."""
        self.is_asked = self.plan.at is not None

    def is_waited_for(self, end: datetime) -> bool:
        """Whether something comes of it until then."""
        return self.is_busy or self.is_asked or (self.plan.at is not None and self.plan.at < end)

    def is_served(self, now: datetime) -> bool:
        """Whether there is a staple for handshakes."""
        return self.held is not None and now < self.held.end

    def is_due(self, now: datetime) -> bool:
        """Whether a try is to begin."""
        if self.is_busy or self.hopeless is not None:
            return False
        self.plan = self.plan.as_of(now)
        return self.is_asked or self.plan.is_due(now)

    @property
    def wake_at(self) -> datetime | None:
        """When there is something to do next; None: nothing that time brings."""
        moments = [] if self.is_busy or self.plan.at is None else [self.plan.at]
        if self.held is not None and not self.has_told_end:
            moments.append(self.held.end)
        return min(moments, default=None)

    def take(self, held: Held) -> None:
        """Put a staple in the place of the one that is held; its issuer is known from now on."""
        self.held = held
        self.has_told_end = False
        if held.issuer not in self.issuers:
            self.issuers += (held.issuer,)

    def settle(self, outcome: Outcome, now: datetime, *, error: str | None = None) -> None:
        """Add a try that ended now."""
        self.tries = self.tries.then(outcome, now)
        self.last_error = error

    def replan(self, now: datetime, dice: float, pace: Pace) -> None:
        """Decide anew when to try next."""
        if self.hopeless is not None:
            self.plan = Plan(None, now)
            return
        self.plan = plan_try(
            None if self.held is None else self.held.life,
            self.tries,
            now=now,
            certificate_end=self.certificate.not_after,
            dice=dice,
            pace=pace,
        )

    def state(self, now: datetime) -> StapleState:
        """Return how things stand."""
        held = self.held
        single = None if held is None else held.verified.single
        status = None
        if single is not None:
            status = "revoked" if isinstance(single.cert_status, Revoked) else "good"
        return StapleState(
            certificate=self.certificate,
            names=_names(self.certificate),
            is_must_staple=self.is_must_staple,
            is_served=self.is_served(now),
            status=status,
            produced_at=None if held is None else held.verified.data.produced_at,
            this_update=None if single is None else single.this_update,
            next_update=None if single is None else single.next_update,
            end=None if held is None else held.end,
            origin=None if held is None else held.origin,
            url=None if held is None else held.url,
            next_refresh=self.plan.at,
            last_try=self.tries.last,
            failures=self.tries.failures,
            last_error=self.last_error or self.hopeless,
        )


def _is_below(url: str, base: str) -> bool:
    return url == base or url.startswith(f"{base.rstrip('/')}/")


def _hopeless(certificate: Certificate, urls: Sequence[str]) -> str | None:
    """Say why nobody can be asked about a certificate."""
    if urls:
        return None
    try:
        if certificate.has_no_rev_avail:
            return "noRevAvail: no status of this certificate is ever published"
        names_one = bool(certificate.ocsp_uris)
    except MalformedError as error:
        return f"the certificate names no responder: {error}"
    return None if names_one else "the certificate names no responder"


def _is_must_staple(certificate: Certificate) -> bool:
    """Whether it promises a staple (RFC 7633 §4); a broken promise is for peers to judge."""
    try:
        return bool(_STATUS_FEATURES & frozenset(certificate.tls_features or ()))
    except MalformedError:
        return False


def _names(certificate: Certificate) -> tuple[str, ...]:
    """Return the host names that it is for, else its subject."""
    try:
        found = certificate.parsed.extensions.get_extension_for_class(x509.SubjectAlternativeName)
        names = tuple(found.value.get_values_for_type(x509.DNSName))
    except (x509.ExtensionNotFound, x509.DuplicateExtension, ValueError, MalformedError):
        names = ()
    return names or (str(certificate.subject),)
