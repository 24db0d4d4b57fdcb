"""Another OCSP responder as a source: asked, verified by the same rules, and kept.

Its law: only a verified answer counts, and ours never outlives it; whatever else comes,
or does not come in time, is SourceError, and the responder says tryLater.
"""

from __future__ import annotations

from collections.abc import Awaitable, Collection, Sequence
from datetime import datetime
from typing import Final, TypeAlias

from cryptography.x509 import ObjectIdentifier

from certstatus.clock import Clock
from certstatus.errors import SourceError
from certstatus.limits import MAX_UPSTREAM_ANSWERS
from certstatus.ocsp import NEVER_ISSUED, CertID, Extensions, Unknown
from certstatus.ocsp.extensions import Extension
from certstatus.pkix import Certificate
from certstatus.requestor import Asked, Requestor
from certstatus.sources.base import Answer, Known, NotOurs, Unlisted
from certstatus.sources.events import Observer
from certstatus.sources.issuer import IssuerHashes
from certstatus.sources.upstream_asking import (
    Heard,
    Tally,
    Unheard,
    UpstreamPolicy,
    Upstreams,
    destinations,
)
from certstatus.sources.upstream_keeping import Keeping, Kept
from certstatus.verify import VerifiedResponse

__all__ = ["Upstream"]

_NO_CERTIFICATE: Final = 0
"""The serial number of no certificate (RFC 5280 §4.1.2.2): health checks ask for it."""

_Said: TypeAlias = Known | Unlisted


class Upstream:
    """A Source that asks other responders, the first one that answers.

    An answer is kept until its nextUpdate, and given without asking until the upstream's
    HTTP says that there may be news, for ``policy.refresh`` or half its life at the longest.
    Where asking anew fails, or brings unknown or something older, what is kept stands.
    A URL that fails rests, longer each time, and is tried again by itself.

    ``passed_on`` are the singleExtensions of the upstream that our answers repeat (O26 to O28).
    """

    def __init__(
        self,
        urls: Sequence[str],
        issuer: Certificate,
        *,
        name: str = "upstream",
        observer: Observer | None = None,
        policy: UpstreamPolicy = UpstreamPolicy(),  # noqa: B008 - a value, frozen
        passed_on: Collection[ObjectIdentifier] = (),
        tally: Tally = lambda _outcome, _seconds: None,
        clock: Clock | None = None,
    ) -> None:
        """Ask nobody yet.

        Raises:
            ConfigError: a URL is none that can be asked, or there are too many.
        """
        self._to = destinations(urls)
        self._name = name
        self._issuer = issuer
        self._hashes = IssuerHashes(issuer)
        self._policy = policy
        self._passed_on = frozenset(passed_on)
        self._upstreams: Upstreams[_Said | Unheard] = Upstreams(
            name,
            (issuer.fingerprint, *(url.encode() for url in urls)),
            policy=policy,
            observer=observer,
            tally=tally,
            clock=clock,
        )
        self._keeping: Keeping[_Said] = Keeping(MAX_UPSTREAM_ANSWERS)

    @property
    def name(self) -> str:
        """What logs, metrics and ``origin`` call it."""
        return self._name

    async def status(self, cert_id: CertID, now: datetime) -> Answer:
        """Say what the upstream says, or said and still counts.

        Raises:
            SourceError: nobody gave an answer to be believed in time, or the question came
                through us before.
        """
        if not self._hashes.match(cert_id):
            return NotOurs(origin=self._name)
        self._upstreams.refuse_loop(now)
        serial_number = cert_id.serial_number
        kept = self._keeping.find(serial_number, now)
        if kept is not None and now < kept.fresh_until:
            return kept.given
        said = await self._upstreams.once(
            serial_number, lambda: self._fetch(serial_number, now), now
        )
        if not isinstance(said, Unheard):
            return said
        kept = self._keeping.find(serial_number, now)
        if kept is not None:
            return kept.given
        if said.is_refused and serial_number == _NO_CERTIFICATE:
            return NotOurs(origin=self._name)
        raise SourceError(f"{self._name}: {said.reason}")

    async def _fetch(self, serial_number: int, now: datetime) -> _Said | Unheard:
        """Ask, and take in what is heard; what is held may count for more."""

        def question(requestor: Requestor) -> Awaitable[Asked]:
            return requestor.aask(serial_number, self._issuer)

        heard = await self._upstreams.ask(serial_number, self._to, question, now)
        if isinstance(heard, Unheard):
            return heard
        told = self._kept(heard, now)
        if told.ends <= now:
            held = self._keeping.find(serial_number, now)
            return told.given if held is None else held.given
        kept = self._keeping.take(serial_number, told, now)
        if kept is not told:
            self._upstreams.put_off(serial_number, now)
        return kept.given

    def _kept(self, heard: Heard, now: datetime) -> Kept[_Said]:
        """Say for how long an answer counts; what the upstream does not know, briefly alone."""
        (verified,) = heard.verified
        assert verified.expires is not None  # the policy asks for nextUpdate
        said = self._said(verified)
        ends, fresh = verified.expires, self._policy.end_of_freshness(verified, heard.headers, now)
        if isinstance(said, Unlisted):
            ends = min(ends, now + self._policy.negative)
            fresh = min(ends, fresh)
        return Kept(
            given=said,
            cert_status=verified.cert_status,
            this_update=verified.single.this_update,
            ends=ends,
            fresh_until=fresh,
        )

    def _said(self, verified: VerifiedResponse) -> _Said:
        """What the upstream does not know is for our policy to say."""
        cert_status, this_update = verified.cert_status, verified.single.this_update
        if isinstance(cert_status, Unknown) or cert_status == NEVER_ISSUED:
            return Unlisted(
                this_update=this_update,
                next_update=verified.expires,
                origin=self._name,
                lists_issued=cert_status == NEVER_ISSUED,
            )
        return Known(
            cert_status=cert_status,
            this_update=this_update,
            next_update=verified.expires,
            origin=self._name,
            single_extensions=self._extensions(verified),
        )

    def _extensions(self, verified: VerifiedResponse) -> Extensions:
        found = verified.single.single_extensions
        wanted = (one for one in found if one.oid in self._passed_on)
        return Extensions(tuple(Extension(one.oid, one.value) for one in wanted))
