"""One check from beginning to end, as a plan: find the issuer, look into the cache, ask, judge.

The plan yields what is to be fetched and how long to wait; ``certstatus.requestor.check``
carries it out. It touches nothing but the cache by itself.
"""

from __future__ import annotations

import random
import secrets
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final, TypeAlias

from certstatus.clock import Clock
from certstatus.errors import Attempt, MalformedError
from certstatus.fetch import Exchange, Guard, Provenance
from certstatus.limits import (
    MAX_CERTIFICATE_BYTES,
    MAX_REQUESTS,
    MAX_RESPONSE_CERTS,
    NONCE_OCTETS,
)
from certstatus.ocsp import (
    NO_EXTENSIONS,
    CertID,
    CertStatus,
    Extensions,
    Nonce,
    OCSPRequest,
    OCSPResponse,
    Signature,
    encode_request,
    encode_signed_request,
    encode_tbs_request,
    parse_request,
)
from certstatus.pkix import Certificate, GeneralName, HashAlgorithm
from certstatus.requestor.cache import ResponseCache, fresh_until
from certstatus.requestor.issuer import find_issuer, read_certificates
from certstatus.requestor.plan import (
    RESPONSE_TYPE,
    Asked,
    Event,
    Judge,
    Received,
    Send,
    Wait,
    ask,
    usable_urls,
)
from certstatus.requestor.result import CheckPolicy, CheckResult
from certstatus.signing import Signer
from certstatus.verify import (
    Check,
    DelegateStatus,
    Finding,
    KnownSignatures,
    Report,
    Verdict,
    VerifiedResponse,
    verify_response,
)

__all__ = ["Checking", "Step", "jitter", "weakest"]

Step: TypeAlias = Exchange | Wait
Steps: TypeAlias = Generator[Step, Event, "list[CheckResult]"]

_NO_RESPONDER: Final = "the certificate names no responder"
_NAMED: Final = Provenance.NAMED


@dataclass(frozen=True, kw_only=True)
class Checking:
    """Everything that a check knows: how, where, and with which cache."""

    urls: Sequence[str]
    policy: CheckPolicy
    cache: ResponseCache | None
    clock: Clock
    headers: Mapping[str, str] = field(default_factory=dict)
    known: KnownSignatures

    def all(
        self,
        certificates: Sequence[Certificate],
        issuer: Certificate | None,
        chain: Sequence[Certificate],
    ) -> Steps:
        """Check certificates of one issuer, many with one request; results in their order."""
        if not certificates:
            return []
        if issuer is None:
            issuer, attempts = yield from self.issuer(certificates[0], chain)
            if issuer is None:
                return [_unreachable(one, None, attempts) for one in certificates]
        found: dict[int, CheckResult] = {}
        for position, certificate in enumerate(certificates):
            known = self._without_asking(certificate, issuer)
            if known is not None:
                found[position] = known
        open_ = [position for position in range(len(certificates)) if position not in found]
        for start in range(0, len(open_), MAX_REQUESTS):
            asked_for = open_[start : start + MAX_REQUESTS]
            results = yield from self._ask([certificates[one] for one in asked_for], issuer)
            found |= dict(zip(asked_for, results, strict=True))
        return [found[position] for position in range(len(certificates))]

    def serial(self, serial_number: int, issuer: Certificate) -> Generator[Step, Event, Asked]:
        """Ask the named responders about a serial number, where no certificate is at hand.

        The cache is left alone: it holds answers by certificates that were checked first.
        """
        urls, passed = usable_urls(self.urls)

        def judge(
            response: bytes | OCSPResponse,
            request: OCSPRequest | None,
            delegates: Mapping[bytes, CertStatus] | None = None,
        ) -> Report:
            return self.verify(response, serial_number, issuer, request, delegates)

        asked = yield from self._asking(
            urls, lambda algorithm: [CertID.of(issuer, serial_number, algorithm)], judge, _NAMED
        )
        delegates = yield from self.delegates(asked, issuer)
        if delegates and asked.report is not None and asked.report.response is not None:
            report = judge(asked.report.response, asked.request, delegates)
            asked = replace(asked, report=report)
        return replace(asked, attempts=(*passed, *asked.attempts))

    # --- before anything is asked ---------------------------------------------------------

    def issuer(
        self, certificate: Certificate, chain: Sequence[Certificate]
    ) -> Generator[Step, Event, tuple[Certificate | None, tuple[Attempt, ...]]]:
        """Find the issuer in the chain, else at caIssuers."""
        issuer = find_issuer(certificate, chain, self.known)
        if issuer is not None:
            return issuer, ()
        uris, broken = _uris(lambda: certificate.ca_issuers_uris)
        urls, passed = usable_urls(uris)
        attempts = [*broken, *passed]
        for url in urls:
            guard = self._guard(Provenance.CERTIFICATE)
            event = yield Exchange(url=url, guard=guard, max_bytes=MAX_CERTIFICATE_BYTES)
            issuer, problem = _issuer_in(certificate, event, self.known)
            if issuer is not None:
                return issuer, ()
            attempts.append(Attempt(url, problem))
        if not attempts:
            attempts.append(Attempt("", "no issuer was given, and the certificate names none"))
        return None, tuple(attempts)

    def _guard(self, provenance: Provenance) -> Guard:
        return Guard(provenance, self.policy.allow_private)

    def _without_asking(self, certificate: Certificate, issuer: Certificate) -> CheckResult | None:
        """Settle what needs no exchange: a certificate not to be asked for, or a cached answer."""
        if check := self._refusal(certificate, issuer):
            report = Report(verdict=Verdict.UNTRUSTED, checks=(check,))
            return CheckResult(
                certificate=certificate, issuer=issuer, verdict=report.verdict, report=report
            )
        if not self.urls and _has_no_rev_avail(certificate):
            reason = "noRevAvail: no status of this certificate is ever published"
            return _unreachable(certificate, issuer, (Attempt("", reason),))
        held = self.held(certificate, issuer)
        return held.result if held is not None and held.fresh_until > self.clock.now() else None

    def _refusal(self, certificate: Certificate, issuer: Certificate) -> Check | None:
        """L9: not before the certificate's own signature holds, and not once it has expired."""
        problem = self.known.issuance_problem(certificate, issuer)
        if problem is not None:
            return Check.failed("L9", "certificate and issuer", f"not asked: {problem}")
        if not self.policy.check_expired and certificate.not_after < self.clock.now():
            reason = f"not asked: the certificate expired on {certificate.not_after:%Y-%m-%d}"
            return Check.failed("L9", "certificate's validity", reason)
        return None

    # --- what the cache holds -------------------------------------------------------------

    def held(self, certificate: Certificate, issuer: Certificate) -> Held | None:
        """Take an answer out of the cache, verified anew; drop one that no longer holds."""
        if self.cache is None or self.policy.has_nonce:
            return None
        cached = self.cache.get(issuer, certificate.serial_number)
        if cached is None:
            return None
        report, end = self.verify(cached.der, certificate, issuer), cached.fresh_until
        if report.pending is not None:
            known = self._for_delegates().held(report.pending, issuer)
            if known is None:
                return None
            status, end = known.verified.cert_status, min(end, known.fresh_until)
            delegates = {report.pending.der: status}
            report = self.verify(cached.der, certificate, issuer, delegates=delegates)
        if report.verified is None:
            self.cache.drop(issuer, certificate.serial_number)
            return None
        result = CheckResult(
            certificate=certificate,
            issuer=issuer,
            verdict=report.verdict,
            report=report,
            url=cached.url,
            method=cached.method,
            fresh_until=end,
            from_cache=True,
        )
        return Held(result, report.verified, end)

    def _stored(self, result: CheckResult, received: Received) -> CheckResult:
        """Keep an answer for as long as it may be used, and say for how long (L14).

        An answer about several is not kept, nor is unknown: no authority speaks there.
        """
        assert result.report is not None
        verified, issuer = result.report.verified, result.issuer
        if self.policy.has_nonce or verified is None or issuer is None:
            return result
        about = {one.cert_id.serial_number for one in verified.data.responses}
        if len(about) != 1 or result.verdict is Verdict.UNKNOWN:
            return result
        end = fresh_until(verified, received.headers, self.clock.now())
        if end is not None and self.cache is not None:
            url, method = result.url or "", result.method or ""
            self.cache.put(verified, issuer, fresh_until=end, url=url, method=method)
        return replace(result, fresh_until=end)

    # --- asking -----------------------------------------------------------------------------

    def _ask(self, certificates: Sequence[Certificate], issuer: Certificate) -> Steps:
        """Ask for all at once, and singly for those that this told nothing of."""
        results = yield from self._ask_together(certificates, issuer)
        if len(results) == 1 or all(result.report is None for result in results):
            return results
        for position, result in enumerate(results):
            if result.is_verified:
                continue
            (again,) = yield from self._ask_together((result.certificate,), issuer)
            results[position] = replace(again, attempts=(*result.attempts, *again.attempts))
            if again.report is None or not any(one.is_verified for one in results):
                break  # it is not the number of certificates that this responder minds
        return results

    def _ask_together(self, certificates: Sequence[Certificate], issuer: Certificate) -> Steps:
        provenance, urls, passed = self._urls(certificates)
        if not urls:
            none = passed or (Attempt("", _NO_RESPONDER),)
            return [_unreachable(one, issuer, none) for one in certificates]

        def judge(body: bytes, request: OCSPRequest) -> Report:
            reports = [self.verify(body, certificates[0], issuer, request)]
            response = reports[0].response or body  # read once, however many it is held against
            reports += [self.verify(response, one, issuer, request) for one in certificates[1:]]
            return weakest(reports)

        def name(algorithm: HashAlgorithm) -> list[CertID]:
            return [CertID.for_certificate(one, issuer, algorithm) for one in certificates]

        asked = yield from self._asking(urls, name, judge, provenance)
        delegates = yield from self.delegates(asked, issuer)
        asked = replace(asked, attempts=(*passed, *asked.attempts))
        return [self._result(one, issuer, asked, delegates) for one in certificates]

    def _asking(
        self,
        urls: Sequence[str],
        name: Callable[[HashAlgorithm], Sequence[CertID]],
        judge: Judge,
        provenance: Provenance,
    ) -> Generator[Step, Event, Asked]:
        """Ask these URLs; ``name`` names the certificates by the hash of the request."""
        asking = ask(
            urls,
            lambda algorithm, has_nonce: self._request(name(algorithm), has_nonce=has_nonce),
            judge,
            policy=self.policy.ask,
            nonces=self.policy.nonces,
            jitter=jitter,
            now=self.clock.now,
        )
        return (yield from self.exchange(asking, self._guard(provenance)))

    def _urls(
        self, certificates: Sequence[Certificate]
    ) -> tuple[Provenance, tuple[str, ...], tuple[Attempt, ...]]:
        if self.urls:
            return (Provenance.NAMED, *usable_urls(self.urls))
        read = [_uris(lambda one=one: one.ocsp_uris) for one in certificates]  # type: ignore[misc]
        urls, passed = usable_urls(dict.fromkeys(uri for uris, _ in read for uri in uris))
        broken = tuple(attempt for _, attempts in read for attempt in attempts)
        return Provenance.CERTIFICATE, urls, (*broken, *passed)

    def exchange(
        self, asking: Generator[Send | Wait, Event, Asked], guard: Guard
    ) -> Generator[Step, Event, Asked]:
        """Hand the asking's steps on, guarded."""
        event: Event = None
        try:
            while True:
                step = asking.send(event)
                event = yield step if isinstance(step, Wait) else self._guarded(step, guard)
        except StopIteration as stop:
            asked: Asked = stop.value
            return asked

    def _guarded(self, send: Send, guard: Guard) -> Exchange:
        return Exchange(
            url=send.url,
            method=send.method,
            headers={**self.headers, **send.headers},
            body=send.body,
            guard=guard,
        )

    def _request(self, cert_ids: Sequence[CertID], *, has_nonce: bool) -> OCSPRequest:
        nonce = Nonce(secrets.token_bytes(NONCE_OCTETS)) if has_nonce else None
        extensions = NO_EXTENSIONS if nonce is None else Extensions.of(nonce)
        signer = self.policy.signer
        if signer is None:
            return parse_request(encode_request(cert_ids, request_extensions=extensions))
        return _signed(cert_ids, extensions, signer)

    def verify(
        self,
        response: bytes | OCSPResponse,
        about: Certificate | int,
        issuer: Certificate,
        request: OCSPRequest | None = None,
        delegates: Mapping[bytes, CertStatus] | None = None,
    ) -> Report:
        """Judge a response about a certificate, or about a serial number alone."""
        return verify_response(
            response,
            issuer=issuer,
            certificate=about if isinstance(about, Certificate) else None,
            serial_number=None if isinstance(about, Certificate) else about,
            request=request,
            now=self.clock.now(),
            policy=self.policy.verify,
            delegate_status=lambda one: (delegates or {}).get(one.der),
            known=self.known,
        )

    # --- a delegate's own status --------------------------------------------------------------

    def delegates(
        self, asked: Asked, issuer: Certificate
    ) -> Generator[Step, Event, dict[bytes, CertStatus]]:
        """Ask once for the status of a delegate that has no nocheck (O24).

        The answer must come from the CA or from a delegate that has nocheck: so it ends.
        """
        delegate = None if asked.report is None else asked.report.pending
        if delegate is None:
            return {}
        (result,) = yield from self._for_delegates().all((delegate,), issuer, ())
        verified = None if result.report is None else result.report.verified
        return {} if verified is None else {delegate.der: verified.cert_status}

    def _for_delegates(self) -> Checking:
        """Return who asks about a delegate: where its own certificate says, and no further."""
        strict = replace(self.policy.verify, delegate_status=DelegateStatus.NOCHECK)
        return replace(self, urls=(), policy=replace(self.policy, verify=strict))

    # --- what came of it ----------------------------------------------------------------------

    def _result(
        self,
        certificate: Certificate,
        issuer: Certificate,
        asked: Asked,
        delegates: Mapping[bytes, CertStatus],
    ) -> CheckResult:
        held = self.held(certificate, issuer)
        told = self._told(certificate, issuer, asked, delegates)
        if held is not None and not told.is_verified:
            # No news: what is held stands until its nextUpdate, though it was time to ask anew.
            return replace(held.result, attempts=told.attempts)
        if held is not None and _is_older(told, held):
            older = Attempt(told.url or "", "told something older than what is held")
            return replace(held.result, attempts=(*told.attempts, older))
        if told.is_verified and asked.received is not None:
            return self._stored(told, asked.received)
        return told

    def _told(
        self,
        certificate: Certificate,
        issuer: Certificate,
        asked: Asked,
        delegates: Mapping[bytes, CertStatus],
    ) -> CheckResult:
        if asked.report is None or asked.received is None or asked.send is None:
            return _unreachable(certificate, issuer, asked.attempts)
        response = asked.report.response or asked.received.body
        report = self.verify(response, certificate, issuer, asked.request, delegates)
        return CheckResult(
            certificate=certificate,
            issuer=issuer,
            verdict=report.verdict,
            report=_with_media_type(report, asked.received),
            request=asked.request,
            url=asked.send.url,
            method=asked.send.method,
            attempts=asked.attempts,
        )


def jitter() -> float:
    """Throw the dice for a back-off."""
    return random.uniform(0.5, 1.5)  # noqa: S311 - spreads load, hides nothing


def weakest(reports: Sequence[Report]) -> Report:
    """Pick a report that has no proof, if there is one."""
    return min(reports, key=lambda report: report.verified is not None)


@dataclass(frozen=True, slots=True)
class Held:
    """An answer from the cache: what it comes to, its proof, and until when it is fresh."""

    result: CheckResult
    verified: VerifiedResponse
    fresh_until: datetime


def _is_older(told: CheckResult, held: Held) -> bool:
    """Whether somebody repeats an old answer, or lags behind."""
    verified = None if told.report is None else told.report.verified
    return verified is not None and (verified.single.this_update < held.verified.single.this_update)


def _with_media_type(report: Report, received: Received) -> Report:
    """Tell of a response that came under another media type (O33)."""
    media_type = received.headers.get("content-type", "").partition(";")[0].strip().lower()
    if report.response is None or media_type == RESPONSE_TYPE:
        return report
    text = f"is {media_type or 'absent'}, not {RESPONSE_TYPE} (O33)"
    return replace(report, findings=(*report.findings, Finding("Content-Type", text)))


def _uris(read: Callable[[], Sequence[str]]) -> tuple[Sequence[str], tuple[Attempt, ...]]:
    """Read URIs of a certificate; a broken extension names none."""
    try:
        return read(), ()
    except MalformedError as error:
        return (), (Attempt("", str(error)),)


def _has_no_rev_avail(certificate: Certificate) -> bool:
    try:
        return certificate.has_no_rev_avail
    except MalformedError:
        return False


def _signed(cert_ids: Iterable[CertID], extensions: Extensions, signer: Signer) -> OCSPRequest:
    """Sign a request in the name of the signer's subject (O4)."""
    name = GeneralName.directory_name(signer.certificate.subject)
    tbs = encode_tbs_request(cert_ids, requestor_name=name, request_extensions=extensions)
    certs = tuple(one.der for one in signer.certs) or (signer.certificate.der,)
    signature = Signature(signer.algorithm.identifier, signer.sign(tbs), certs)
    return parse_request(encode_signed_request(tbs, signature))


def _issuer_in(
    certificate: Certificate, event: Event, known: KnownSignatures
) -> tuple[Certificate | None, str]:
    """Find the issuer in what a caIssuers URL brought, or say why it is not there."""
    if not isinstance(event, Received):
        return None, "nothing came back" if event is None else event.reason
    if event.status != 200:
        return None, f"HTTP status {event.status}"
    try:
        brought = read_certificates(event.body)[:MAX_RESPONSE_CERTS]
        issuer = find_issuer(certificate, brought, known)
    except MalformedError as error:
        return None, str(error)
    return issuer, "" if issuer else "what it brings did not issue the certificate"


def _unreachable(
    certificate: Certificate, issuer: Certificate | None, attempts: tuple[Attempt, ...]
) -> CheckResult:
    return CheckResult(
        certificate=certificate, issuer=issuer, verdict=Verdict.UNREACHABLE, attempts=attempts
    )
