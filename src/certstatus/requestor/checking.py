"""One check from beginning to end, as a plan: find the issuer, look into the cache, ask, judge.

The plan yields what is to be fetched and how long to wait; ``certstatus.requestor.check``
carries it out. It touches nothing but the cache by itself.
"""

from __future__ import annotations

import random
import secrets
from collections.abc import Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

from certstatus.clock import Clock
from certstatus.errors import Attempt, MalformedError
from certstatus.fetch import Exchange, Guard, Provenance
from certstatus.limits import MAX_CERTIFICATE_BYTES, MAX_OCSP_URLS, NONCE_OCTETS
from certstatus.ocsp import (
    NO_EXTENSIONS,
    CertID,
    CertStatus,
    Extensions,
    Nonce,
    OCSPRequest,
    Signature,
    encode_request,
    encode_signed_request,
    encode_tbs_request,
    parse_request,
)
from certstatus.pkix import Certificate, GeneralName, HashAlgorithm, issuance_problem
from certstatus.requestor.cache import ResponseCache, fresh_until
from certstatus.requestor.issuer import find_issuer, read_certificates
from certstatus.requestor.plan import Asked, Event, Received, Send, Wait, ask, usable_urls
from certstatus.requestor.result import CheckPolicy, CheckResult
from certstatus.signing import Signer
from certstatus.verify import (
    Check,
    DelegateStatus,
    Report,
    Verdict,
    VerifiedResponse,
    verify_response,
)

__all__ = ["Checking", "Step"]

Step: TypeAlias = Exchange | Wait
Steps: TypeAlias = Generator[Step, Event, "list[CheckResult]"]

_NO_RESPONDER: Final = "the certificate names no responder"


@dataclass(frozen=True, kw_only=True)
class Checking:
    """Everything that a check knows: how, where, and with which cache."""

    urls: Sequence[str]
    policy: CheckPolicy
    cache: ResponseCache | None
    clock: Clock

    def all(
        self,
        certificates: Sequence[Certificate],
        issuer: Certificate | None,
        chain: Sequence[Certificate],
    ) -> Steps:
        """Check certificates of one issuer with one request; results in their order."""
        if issuer is None:
            issuer, attempts = yield from self._issuer(certificates[0], chain)
            if issuer is None:
                return [_unreachable(one, None, attempts) for one in certificates]
        found: dict[int, CheckResult] = {}
        for position, certificate in enumerate(certificates):
            known = self._without_asking(certificate, issuer)
            if known is not None:
                found[position] = known
        asked_for = {p: one for p, one in enumerate(certificates) if p not in found}
        if asked_for:
            results = yield from self._ask(tuple(asked_for.values()), issuer)
            found |= dict(zip(asked_for, results, strict=True))
        return [found[position] for position in range(len(certificates))]

    # --- before anything is asked ---------------------------------------------------------

    def _issuer(
        self, certificate: Certificate, chain: Sequence[Certificate]
    ) -> Generator[Step, Event, tuple[Certificate | None, tuple[Attempt, ...]]]:
        """Find the issuer in the chain, else at caIssuers."""
        issuer = find_issuer(certificate, chain)
        if issuer is not None:
            return issuer, ()
        urls, passed = usable_urls(certificate.ca_issuers_uris)
        attempts = list(passed)
        for url in urls:
            guard = self._guard(Provenance.CERTIFICATE)
            event = yield Exchange(url=url, guard=guard, max_bytes=MAX_CERTIFICATE_BYTES)
            issuer, problem = _issuer_in(certificate, event)
            if issuer is not None:
                return issuer, ()
            attempts.append(Attempt(url, problem))
        if not urls:
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
        if certificate.has_no_rev_avail and not self.urls:
            reason = "noRevAvail: no status of this certificate is ever published"
            return _unreachable(certificate, issuer, (Attempt("", reason),))
        return self._cached(certificate, issuer)

    def _refusal(self, certificate: Certificate, issuer: Certificate) -> Check | None:
        """L9: not before the certificate's own signature holds, and not once it has expired."""
        problem = issuance_problem(certificate, issuer)
        if problem is not None:
            return Check.failed("L9", "certificate and issuer", f"not asked: {problem}")
        if not self.policy.check_expired and certificate.not_after < self.clock.now():
            reason = f"not asked: the certificate expired on {certificate.not_after:%Y-%m-%d}"
            return Check.failed("L9", "certificate's validity", reason)
        return None

    def _cached(self, certificate: Certificate, issuer: Certificate) -> CheckResult | None:
        """Use a stored answer while it is fresh, verified anew; drop one that no longer holds."""
        if self.cache is None or self.policy.has_nonce:
            return None
        cached = self.cache.get(issuer, certificate.serial_number)
        if cached is None:
            return None
        report = self._verify(cached.der, certificate, issuer)
        if report.verified is None:
            self.cache.drop(issuer, certificate.serial_number)
            return None
        if cached.fresh_until <= self.clock.now():
            return None
        return CheckResult(
            certificate=certificate,
            issuer=issuer,
            verdict=report.verdict,
            report=report,
            url=cached.url,
            from_cache=True,
        )

    # --- asking -----------------------------------------------------------------------------

    def _ask(self, certificates: Sequence[Certificate], issuer: Certificate) -> Steps:
        provenance, urls, passed = self._urls(certificates)
        if not urls:
            none = passed or (Attempt("", _NO_RESPONDER),)
            return [_unreachable(one, issuer, none) for one in certificates]

        def judge(body: bytes, request: OCSPRequest) -> Report:
            reports = [self._verify(body, one, issuer, request) for one in certificates]
            return min(reports, key=lambda report: report.verified is not None)

        asking = ask(
            urls,
            lambda algorithm: self._request(certificates, issuer, algorithm),
            judge,
            policy=self.policy.ask,
            jitter=lambda: random.uniform(0.5, 1.5),  # noqa: S311 - spreads load, hides nothing
            now=self.clock.now,
        )
        asked = yield from self._exchange(asking, self._guard(provenance))
        delegates = yield from self._delegates(asked, issuer)
        return [self._result(one, issuer, asked, delegates, passed) for one in certificates]

    def _urls(
        self, certificates: Sequence[Certificate]
    ) -> tuple[Provenance, tuple[str, ...], tuple[Attempt, ...]]:
        if self.urls:
            return (Provenance.NAMED, *usable_urls(self.urls))
        named = dict.fromkeys(uri for one in certificates for uri in one.ocsp_uris)
        return (Provenance.CERTIFICATE, *usable_urls(named))

    def _exchange(
        self, asking: Generator[Send | Wait, Event, Asked], guard: Guard
    ) -> Generator[Step, Event, Asked]:
        """Hand the asking's steps on, guarded."""
        event: Event = None
        try:
            while True:
                step = asking.send(event)
                event = yield step if isinstance(step, Wait) else _guarded(step, guard)
        except StopIteration as stop:
            asked: Asked = stop.value
            return asked

    def _request(
        self, certificates: Sequence[Certificate], issuer: Certificate, algorithm: HashAlgorithm
    ) -> OCSPRequest:
        cert_ids = [CertID.for_certificate(one, issuer, algorithm) for one in certificates]
        nonce = Nonce(secrets.token_bytes(NONCE_OCTETS)) if self.policy.has_nonce else None
        extensions = NO_EXTENSIONS if nonce is None else Extensions.of(nonce)
        signer = self.policy.signer
        if signer is None:
            return parse_request(encode_request(cert_ids, request_extensions=extensions))
        return _signed(cert_ids, extensions, signer)

    def _verify(
        self,
        body: bytes,
        certificate: Certificate,
        issuer: Certificate,
        request: OCSPRequest | None = None,
        delegates: Mapping[bytes, CertStatus] | None = None,
    ) -> Report:
        return verify_response(
            body,
            issuer=issuer,
            certificate=certificate,
            request=request,
            now=self.clock.now(),
            policy=self.policy.verify,
            delegate_status=lambda one: (delegates or {}).get(one.der),
        )

    # --- a delegate's own status --------------------------------------------------------------

    def _delegates(
        self, asked: Asked, issuer: Certificate
    ) -> Generator[Step, Event, dict[bytes, CertStatus]]:
        """Ask once for the status of a delegate that has no nocheck (O24).

        The answer must come from the CA or from a delegate that has nocheck: so it ends.
        """
        delegate = None if asked.report is None else asked.report.pending
        if delegate is None or not delegate.ocsp_uris:
            return {}
        strict = replace(self.policy.verify, delegate_status=DelegateStatus.NOCHECK)
        inner = replace(self, urls=(), policy=replace(self.policy, verify=strict))
        (result,) = yield from inner.all((delegate,), issuer, ())
        verified = None if result.report is None else result.report.verified
        return {} if verified is None else {delegate.der: verified.cert_status}

    def _result(
        self,
        certificate: Certificate,
        issuer: Certificate,
        asked: Asked,
        delegates: Mapping[bytes, CertStatus],
        passed: tuple[Attempt, ...],
    ) -> CheckResult:
        attempts = (*passed, *asked.attempts)
        if asked.received is None or asked.send is None:
            return _unreachable(certificate, issuer, attempts)
        report = self._verify(asked.received.body, certificate, issuer, asked.request, delegates)
        if report.verified is not None and len(report.verified.data.responses) == 1:
            self._store(report.verified, certificate, issuer, asked.send.url, asked.received)
        return CheckResult(
            certificate=certificate,
            issuer=issuer,
            verdict=report.verdict,
            report=report,
            request=asked.request,
            url=asked.send.url,
            method=asked.send.method,
            attempts=attempts,
        )

    def _store(
        self,
        verified: VerifiedResponse,
        certificate: Certificate,
        issuer: Certificate,
        url: str,
        received: Received,
    ) -> None:
        """Keep an answer for as long as it may be used, never in place of a later one."""
        if self.cache is None or self.policy.has_nonce:
            return
        end = fresh_until(verified, received.headers, self.clock.now())
        if end is None:
            return
        cached = self.cache.get(issuer, certificate.serial_number)
        if cached is not None:
            held = self._verify(cached.der, certificate, issuer).verified
            if held is not None and held.single.this_update > verified.single.this_update:
                return
        self.cache.put(verified, issuer, fresh_until=end, url=url)


def _guarded(send: Send, guard: Guard) -> Exchange:
    return Exchange(
        url=send.url, method=send.method, headers=send.headers, body=send.body, guard=guard
    )


def _signed(cert_ids: Iterable[CertID], extensions: Extensions, signer: Signer) -> OCSPRequest:
    """Sign a request in the name of the signer's subject (O4)."""
    name = GeneralName.directory_name(signer.certificate.subject)
    tbs = encode_tbs_request(cert_ids, requestor_name=name, request_extensions=extensions)
    certs = tuple(one.der for one in signer.certs) or (signer.certificate.der,)
    signature = Signature(signer.algorithm.identifier, signer.sign(tbs), certs)
    return parse_request(encode_signed_request(tbs, signature))


def _issuer_in(certificate: Certificate, event: Event) -> tuple[Certificate | None, str]:
    """Find the issuer in what a caIssuers URL brought, or say why it is not there."""
    if not isinstance(event, Received):
        return None, "nothing came back" if event is None else event.reason
    if event.status != 200:
        return None, f"HTTP status {event.status}"
    try:
        issuer = find_issuer(certificate, read_certificates(event.body)[:MAX_OCSP_URLS])
    except MalformedError as error:
        return None, str(error)
    return issuer, "" if issuer else "what it brings did not issue the certificate"


def _unreachable(
    certificate: Certificate, issuer: Certificate | None, attempts: tuple[Attempt, ...]
) -> CheckResult:
    return CheckResult(
        certificate=certificate, issuer=issuer, verdict=Verdict.UNREACHABLE, attempts=attempts
    )
