"""The client of a server that builds and validates paths (RFC 5055), sync and async.

Both run one plan (``certstatus.delegated.client_plan``); the two drivers here do its I/O.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Generator, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final, TypeVar

from certstatus.asn1 import oids
from certstatus.clock import Clock, SystemClock
from certstatus.cms import asign_content, encode_content_info, sign_content
from certstatus.delegated.asking import Question, Wishes, make_question
from certstatus.delegated.client_plan import (
    CV_MEDIA,
    VP_MEDIA,
    Answered,
    Event,
    FindSigner,
    Media,
    Step,
    ask,
)
from certstatus.delegated.client_result import DelegatedResult, PoliciesResult
from certstatus.delegated.judge import judge_reply, needs_word
from certstatus.delegated.judge_trust import ReplyPolicy, SignerPath
from certstatus.delegated.judge_val_pol import PoliciesReport, judge_policies
from certstatus.delegated.verdict import DelegatedReport
from certstatus.errors import ConfigError, UnreachableError
from certstatus.fetch import Door, HTTPDoor
from certstatus.limits import NONCE_OCTETS
from certstatus.limits_scvp import MAX_DISCOVERED_PATHS
from certstatus.path import CertificatePool, Evidence, PathInputs, check_path
from certstatus.pkix import Certificate
from certstatus.requestor.checking import jitter
from certstatus.requestor.plan import Failed, Wait
from certstatus.scvp import ValPolRequest, encode_val_pol_request
from certstatus.signing import Purpose, Signer, check_message_signer, refuse_unfit
from certstatus.verify import Finding

__all__ = ["SCVPClient"]

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class SCVPClient:
    """Asks one server. May be shared and kept. No method raises for what the server sends.

    Args:
        url: where requests are posted, HTTP or HTTPS.
        policy: who is trusted, and how strictly replies are judged.
        signer: signs the requests, a certificate for id-kp-scvpClient (S3); None: nobody does.
        door: fetches.
        clock: tells the time.
        headers: are sent with every request.

    Raises:
        SignerError: the signer is not fit to sign requests.
    """

    url: str
    policy: ReplyPolicy = field(default_factory=ReplyPolicy)
    signer: Signer | None = None
    door: Door = field(default_factory=HTTPDoor)
    clock: Clock = field(default_factory=SystemClock)
    headers: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Hold the signer to its purpose."""
        if self.signer is not None:
            found = check_message_signer(self.signer, Purpose.SCVP_CLIENT, now=self.clock.now())
            refuse_unfit(self.signer, found)

    @property
    def is_secure(self) -> bool:
        """Whether TLS carries what is said."""
        return self.url.lower().startswith("https:")

    # --- certificates ---------------------------------------------------------------------------

    def check(
        self, certificates: Sequence[Certificate], wishes: Wishes | None = None
    ) -> DelegatedResult:
        """Ask about certificates with one request.

        Raises:
            ValueError, MalformedError: the request can't be made (``make_question``).
            ConfigError: an unsigned validation is asked for without TLS (S6).
            SignerError: the request can't be signed.
            PlatformError: a path to the server's signer is needed, and the extra ``scvp`` is
                not installed.
        """
        return self._check(self._question(certificates, wishes or Wishes()))

    async def acheck(
        self, certificates: Sequence[Certificate], wishes: Wishes | None = None
    ) -> DelegatedResult:
        """As ``check``, without blocking the event loop."""
        return await self._acheck(self._question(certificates, wishes or Wishes()))

    def discover(
        self, certificate: Certificate, wishes: Wishes | None = None
    ) -> Iterator[DelegatedResult]:
        """Ask for one path after the other, until the server has no more (S17).

        Yields one result for each, the last of which need not be good. Raises as ``check``.
        """
        result = self._check(self._question((certificate,), wishes or Wishes()))
        yield result
        asked = {result.question.request.query.server_context_info}
        while (question := self._following(result, asked)) is not None:
            result = self._check(question)
            yield result

    async def adiscover(
        self, certificate: Certificate, wishes: Wishes | None = None
    ) -> AsyncIterator[DelegatedResult]:
        """As ``discover``, without blocking the event loop."""
        result = await self._acheck(self._question((certificate,), wishes or Wishes()))
        yield result
        asked = {result.question.request.query.server_context_info}
        while (question := self._following(result, asked)) is not None:
            result = await self._acheck(question)
            yield result

    def _following(self, result: DelegatedResult, asked: set[bytes | None]) -> Question | None:
        """Ask for the next path; None: there is none, or the server leads in a circle."""
        context = None if result.report is None else result.report.server_context_info
        if context is None or context in asked or len(asked) >= MAX_DISCOVERED_PATHS:
            return None
        asked.add(context)
        had_nonce = result.question.request.request_nonce is not None
        return result.question.following(context, _nonce() if had_nonce else None)

    def _question(self, certificates: Sequence[Certificate], wishes: Wishes) -> Question:
        question = make_question(
            certificates,
            wishes,
            now=self.clock.now(),
            nonce=_nonce() if wishes.send_nonce else None,
        )
        if wishes.is_protected is False and needs_word(question) and not self.is_secure:
            raise ConfigError(
                "an unsigned validation is worth nothing without TLS (RFC 5055 §3.2.5.3)",
                key="url",
                remedy="ask under https, or for a signed reply",
            )
        return question

    def _check(self, question: Question) -> DelegatedResult:
        started = time.monotonic()
        sent = question.content_info
        if self.signer is not None:
            sent = sign_content(
                _REQUEST, question.request.der, self.signer, signing_time=self._second
            )
        answered = self._drive(self._asking(question, sent))
        return self._result(question, sent, answered, started)

    async def _acheck(self, question: Question) -> DelegatedResult:
        started = time.monotonic()
        sent = question.content_info
        if self.signer is not None:
            sent = await asign_content(
                _REQUEST, question.request.der, self.signer, signing_time=self._second
            )
        answered = await self._adrive(self._asking(question, sent))
        return self._result(question, sent, answered, started)

    @property
    def _second(self) -> datetime:
        return self.clock.now().replace(microsecond=0)

    def _asking(
        self, question: Question, sent: bytes
    ) -> Generator[Step, Event, Answered[DelegatedReport]]:
        def judge(octets: bytes, signer_path: SignerPath | None) -> DelegatedReport:
            return judge_reply(
                octets,
                question,
                now=self.clock.now(),
                policy=self.policy,
                is_secure=self.is_secure,
                signer_path=signer_path,
            )

        return ask(self.url, sent, CV_MEDIA, judge, headers=self.headers, jitter=jitter)

    def _result(
        self,
        question: Question,
        sent: bytes,
        answered: Answered[DelegatedReport],
        started: float,
    ) -> DelegatedResult:
        report = answered.report
        if report is not None:
            findings = (*report.findings, *_media_findings(answered.media_type, CV_MEDIA))
            report = replace(report, findings=findings)
        return DelegatedResult(
            question=question,
            url=self.url,
            sent=sent,
            received=answered.octets,
            report=report,
            attempts=answered.attempts,
            elapsed=timedelta(seconds=time.monotonic() - started),
        )

    # --- policies -------------------------------------------------------------------------------

    def policies(self) -> PoliciesResult:
        """Ask what the server can do, and does by default (RFC 5055 §5).

        Raises:
            PlatformError: as ``check``.
        """
        return self._policies_result(self._drive(self._asking_policies()))

    async def apolicies(self) -> PoliciesResult:
        """As ``policies``, without blocking the event loop."""
        return self._policies_result(await self._adrive(self._asking_policies()))

    def _asking_policies(self) -> Generator[Step, Event, Answered[PoliciesReport]]:
        nonce = _nonce()

        def judge(octets: bytes, signer_path: SignerPath | None) -> PoliciesReport:
            return judge_policies(
                octets, nonce, now=self.clock.now(), policy=self.policy, signer_path=signer_path
            )

        request = encode_val_pol_request(ValPolRequest(request_nonce=nonce))
        body = encode_content_info(oids.ID_CT_SCVP_VAL_POL_REQUEST, request)
        return ask(self.url, body, VP_MEDIA, judge, headers=self.headers, jitter=jitter)

    def _policies_result(self, answered: Answered[PoliciesReport]) -> PoliciesResult:
        report = answered.report
        if report is not None:
            findings = (*report.findings, *_media_findings(answered.media_type, VP_MEDIA))
            report = replace(report, findings=findings)
        return PoliciesResult(
            url=self.url, received=answered.octets, report=report, attempts=answered.attempts
        )

    # --- the two drivers ------------------------------------------------------------------------

    def _drive(self, steps: Generator[Step, Event, T]) -> T:
        event: Event = None
        try:
            while True:
                step = steps.send(event)
                if isinstance(step, Wait):
                    time.sleep(step.length.total_seconds())
                    event = None
                elif isinstance(step, FindSigner):
                    event = self._find_signer(step)
                else:
                    try:
                        event = self.door.fetch(step)
                    except UnreachableError as error:
                        event = _failed(error)
        except StopIteration as stop:
            result: T = stop.value
            return result

    async def _adrive(self, steps: Generator[Step, Event, T]) -> T:
        event: Event = None
        try:
            while True:
                step = steps.send(event)
                if isinstance(step, Wait):
                    await asyncio.sleep(step.length.total_seconds())
                    event = None
                elif isinstance(step, FindSigner):
                    event = await self._afind_signer(step)
                else:
                    try:
                        event = await self.door.afetch(step)
                    except UnreachableError as error:
                        event = _failed(error)
        except StopIteration as stop:
            result: T = stop.value
            return result

    def _find_signer(self, step: FindSigner) -> SignerPath:
        """Look for the path in a loop of its own: the caller's thread may have one running."""
        with ThreadPoolExecutor(1) as pool:
            return pool.submit(lambda: asyncio.run(self._afind_signer(step))).result()

    async def _afind_signer(self, step: FindSigner) -> SignerPath:
        """Look for a path from the anchors to the server's signer.

        Nothing is fetched, and no status is asked for: that would ask somebody else again.
        """
        inputs = PathInputs(anchors=self.policy.trust.anchors, allow_sha1=self.policy.allow_sha1)
        evidence = Evidence(pool=CertificatePool(step.enclosed))
        search = await check_path(step.signer, inputs, evidence, self.clock.now(), revocation=False)
        return SignerPath(step.signer, None if search.is_valid else search.reason)


_REQUEST: Final = oids.ID_CT_SCVP_CERT_VAL_REQUEST


def _nonce() -> bytes:
    return secrets.token_bytes(NONCE_OCTETS)


def _failed(error: UnreachableError) -> Failed:
    (attempt,) = error.attempts
    return Failed(attempt.reason, attempt.is_lasting)


def _media_findings(found: str, media: Media) -> tuple[Finding, ...]:
    """Tell of a reply that came under another media type (S24)."""
    if found == media.response:
        return ()
    text = f"is {found or 'absent'}, not {media.response} (S24)"
    return (Finding("Content-Type", text),)
