"""The server of SCVP: a ContentInfo comes in, a ContentInfo goes out (RFC 5055 §3 to §6).

Its law: every request has an answer, in bounded time and work, and none raises for what a
client sent. What is asked is read and refused by pure rules (``reading``, ``demand``,
``policies``); only then certificates are worked on; and what came of it is told by pure rules
again (``replying``, ``responses``, ``protection``).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from certstatus.asn1 import oids
from certstatus.cms import VerifiedContent, encode_content_info
from certstatus.delegated.answer import AnswerFacts, MessageKind, SCVPAnswer
from certstatus.delegated.authentication import authenticated
from certstatus.delegated.cached import CachedReplies
from certstatus.delegated.configuration import ConfigurationNumbers, CountedConfigurations
from certstatus.delegated.cursor import open_cursor, query_digest, sealed_cursor
from certstatus.delegated.demand import Demand, read_demand
from certstatus.delegated.holdings import Brought, Holdings, brought_by
from certstatus.delegated.inquiry import Inquiry
from certstatus.delegated.policies import agreed
from certstatus.delegated.policy_response import configuration_digest, policy_response
from certstatus.delegated.protection import (
    chosen_signer,
    is_to_be_protected,
    own_names,
    signed,
)
from certstatus.delegated.reading import (
    Received,
    read_cv_request,
    read_val_pol_request,
    received,
)
from certstatus.delegated.refusal import Refusal
from certstatus.delegated.responses import error_response, success_response
from certstatus.delegated.settings import SCVPSettings
from certstatus.errors import CertStatusError, OverloadError
from certstatus.limits_scvp import MAX_CV_RESPONSE_BYTES
from certstatus.ocsp import CertStatus, Revoked
from certstatus.path import CertificatePool, Evidence, EvidenceFetch, StatusSource, Work
from certstatus.pkix import Certificate
from certstatus.scvp import (
    CVRequest,
    CVResponse,
    CVStatusCode,
    ReplyStatus,
    SCVPCertID,
    encode_cv_response,
    encode_val_pol_response,
)
from certstatus.signing import Signer
from certstatus.verify import KnownSignatures

__all__ = ["SCVPService"]

_CV_RESPONSE: Final = oids.ID_CT_SCVP_CERT_VAL_RESPONSE
_VP_RESPONSE: Final = oids.ID_CT_SCVP_VAL_POL_RESPONSE


@dataclass(kw_only=True)
class _Exchange:
    """What is known of one request so far, so that an error can be told as it must be."""

    now: datetime
    is_secure: bool
    kind: MessageKind = MessageKind.UNKNOWN
    octets: bytes = b""
    request: CVRequest | None = None
    requestor: VerifiedContent | None = None
    works: list[Work] = field(default_factory=list)

    @property
    def paths(self) -> int:
        """How many paths were tried for it so far."""
        return sum(work.paths for work in self.works)

    @property
    def wants_protection(self) -> bool:
        """Whether the client asks for it, or did not come to say."""
        return self.request is None or self.request.query.response_flags.protect_response

    @property
    def is_cacheable(self) -> bool:
        """Whether the reply may be one that was made before, and may serve again (S13)."""
        request = self.request
        return (
            request is not None
            and self.requestor is None
            and request.request_nonce is None
            and request.requestor_text is None
            and request.query.response_flags.cached_response
        )


class SCVPService:
    """Answers CVRequests and ValPolRequests. For one event loop.

    Args:
        settings: policies, signers, requestors, limits.
        pool: certificates that paths may lead through, and that references may mean.
        numbers: gives serverConfigurationID; None: counted in memory.
        source: tells statuses by itself; such an answer proves nothing to others.
        fetcher: fetches issuers, CRLs and responses; None: nothing is fetched.
        known: signatures that held before.
        observe: hears of what went wrong on our side, which clients are not told.

    Raises:
        ConfigError: the settings can't serve.
    """

    def __init__(
        self,
        settings: SCVPSettings,
        *,
        pool: CertificatePool | None = None,
        numbers: ConfigurationNumbers | None = None,
        source: StatusSource | None = None,
        fetcher: EvidenceFetch | None = None,
        known: KnownSignatures | None = None,
        observe: Callable[[Exception], None] | None = None,
    ) -> None:
        settings.check()
        self.settings = settings
        self.configuration_id = (numbers or CountedConfigurations()).number_of(
            configuration_digest(settings)
        )
        self._pool = CertificatePool() if pool is None else pool
        anchors = (one for policy in settings.policies for one in policy.inputs.anchors)
        self._holdings = Holdings((*self._pool, *anchors))
        self._own_names = own_names(settings)
        self._source = source
        self._fetcher = fetcher
        self._known = KnownSignatures() if known is None else known
        self._observe = observe
        self._cached = CachedReplies()
        self._policies: tuple[SCVPAnswer, datetime] | None = None
        self._busy = 0

    async def answer(self, octets: bytes, now: datetime, *, is_secure: bool = False) -> SCVPAnswer:
        """Answer a ContentInfo. Never raises for what a client sent.

        Args:
            octets: the ContentInfo, DER or BER.
            now: aware UTC.
            is_secure: whether it came over TLS, which protects errors already (S4).
        """
        exchange = _Exchange(now=now.replace(microsecond=0), is_secure=is_secure)
        try:
            with self._place():
                async with asyncio.timeout(self.settings.limits.time.total_seconds()):
                    return await self._answered(octets, exchange)
        except Refusal as error:
            refusal = error
        except TimeoutError:
            seconds = self.settings.limits.time.total_seconds()
            refusal = Refusal(CVStatusCode.TOO_BUSY, f"it took longer than {seconds:g} seconds")
        except OverloadError as error:
            refusal = Refusal(CVStatusCode.TOO_BUSY, str(error))
        except Exception as error:  # noqa: BLE001 - whatever fails here is told, and no crash
            refusal = self._failed(error)
        return await self._error(exchange, refusal)

    def _failed(self, error: Exception) -> Refusal:
        """Tell the observer what went wrong here, and make an internalError of it."""
        if self._observe is not None:
            self._observe(error)
        reason = str(error) if isinstance(error, CertStatusError) else repr(error)
        return Refusal(CVStatusCode.INTERNAL_ERROR, reason)

    @contextmanager
    def _place(self) -> Iterator[None]:
        """Hold a place among those who are answered. Raises Refusal where all are taken."""
        if self._busy >= self.settings.limits.requests_at_once:
            raise Refusal(CVStatusCode.TOO_BUSY, f"{self._busy} requests are answered already")
        self._busy += 1
        try:
            yield
        finally:
            self._busy -= 1

    async def _answered(self, octets: bytes, exchange: _Exchange) -> SCVPAnswer:
        requestors = self.settings.requestors
        message = received(octets, requestors, exchange.now)
        exchange.octets = message.content
        is_cv = message.content_type == oids.ID_CT_SCVP_CERT_VAL_REQUEST
        exchange.kind = MessageKind.CV if is_cv else MessageKind.VP
        exchange.requestor = await authenticated(
            message.signature, requestors, self._evidence(exchange), exchange.now
        )
        if is_cv:
            return await self._cv(message, exchange)
        return await self._vp(message, exchange)

    # --- CVRequest --------------------------------------------------------------------------

    async def _cv(self, message: Received, exchange: _Exchange) -> SCVPAnswer:
        request = exchange.request = read_cv_request(message)
        if exchange.is_cacheable:
            kept = self._cached.get(message.content, exchange.now, request.query.produced_at)
            if kept is not None:
                return kept
        demand = read_demand(request, self._own_names, self.settings, exchange.now)
        signer = self._signer(exchange)
        response = await self._response(request, demand, exchange)
        answer = await self._finished(response, exchange, signer)
        if exchange.is_cacheable:
            self._keep(message.content, answer, response)
        return answer

    def _signer(self, exchange: _Exchange) -> Signer | None:
        """Choose who will sign, before any work; None: nobody is to. Raises Refusal."""
        request = exchange.request
        assert request is not None
        is_wanted = exchange.wants_protection
        if not is_wanted and request.responder_name is None:
            return None
        signer = chosen_signer(
            self.settings,
            exchange.now,
            responder_name=request.responder_name,
            algorithm=request.signature_alg,
        )
        return signer if is_wanted else None

    async def _response(
        self, request: CVRequest, demand: Demand, exchange: _Exchange
    ) -> CVResponse:
        query, settings = request.query, self.settings
        brought = brought_by(query, self._pool)

        def find(reference: SCVPCertID) -> Certificate | None:
            return self._holdings.find(reference, brought.certificates)

        terms = agreed(
            query.validation_policy,
            settings,
            demand.at,
            find,
        )
        digest = query_digest(query)
        excluded = frozenset[bytes]()
        if query.server_context_info is not None:
            excluded = open_cursor(settings.cursor_key, digest, query.server_context_info)
        inquiry = Inquiry(
            demand=demand,
            inputs=terms.inputs,
            excluded=excluded,
            now=exchange.now,
            history=settings.history,
            find=find,
            evidence=lambda: self._evidence(
                exchange, brought, is_to_be_proven=demand.revocation_info
            ),
        )
        told = await inquiry.about_all(settings.limits.certificates_at_once)
        context = None
        if any(found is not None and found.has_more for _, found in told):
            given = (path.digest for _, found in told if found for path in found.paths)
            context = sealed_cursor(settings.cursor_key, digest, (*excluded, *given))
        return success_response(
            request,
            exchange.octets,
            tuple(reply for reply, _ in told),
            terms,
            configuration_id=self.configuration_id,
            now=exchange.now,
            requestor=None if exchange.requestor is None else exchange.requestor.signer,
            context=context,
            skips_items=demand.skips_items,
        )

    def _evidence(
        self,
        exchange: _Exchange,
        brought: Brought | None = None,
        *,
        is_to_be_proven: bool = False,
    ) -> Evidence:
        """Lay out what one search goes by, with work of its own.

        Where statuses are to be proven to the client, a source of ours tells of revocations
        alone: what it calls good has still to be shown by a response or a CRL.
        """
        work = Work(limits=self.settings.work)
        exchange.works.append(work)
        source = self._source
        evidence = Evidence(
            pool=self._pool if brought is None else brought.pool,
            ocsp_responses=() if brought is None else brought.ocsp_responses,
            source=_revoked_alone(source) if source and is_to_be_proven else source,
            fetcher=self._fetcher,
            work=work,
            known=self._known,
        )
        evidence.add_crls(() if brought is None else brought.crls)
        return evidence

    def _keep(self, request: bytes, answer: SCVPAnswer, response: CVResponse) -> None:
        """Let a good reply serve again, as long as what it rests on is current."""
        replies = response.reply_objects
        if any(one.reply_status != ReplyStatus.SUCCESS for one in replies):
            return
        produced_at = response.produced_at
        ends = [one.next_update for one in replies if one.next_update is not None]
        until = min([produced_at + self.settings.reply_lifetime, *ends])
        kept = SCVPAnswer(content_info=answer.content_info, facts=_as_cached(answer.facts))
        self._cached.put(request, kept, produced_at, until)

    # --- ValPolRequest ----------------------------------------------------------------------

    async def _vp(self, message: Received, exchange: _Exchange) -> SCVPAnswer:
        request, now = read_val_pol_request(message), exchange.now
        if self._policies is not None and now < self._policies[1]:
            return self._policies[0]
        signer = chosen_signer(self.settings, now)
        response = policy_response(self.settings, self.configuration_id, now, request.request_nonce)
        der = encode_val_pol_response(response)
        answer = SCVPAnswer(
            content_info=await signed(_VP_RESPONSE, der, signer, now),
            facts=AnswerFacts(
                kind=MessageKind.VP,
                status=CVStatusCode.OKAY,
                is_protected=True,
                requestor=_name_of(exchange),
            ),
        )
        if response.next_update is not None:
            half = now + (response.next_update - now) / 2
            self._policies = (
                SCVPAnswer(content_info=answer.content_info, facts=_as_cached(answer.facts)),
                half,
            )
        return answer

    # --- what goes out ----------------------------------------------------------------------

    async def _finished(
        self,
        response: CVResponse,
        exchange: _Exchange,
        signer: Signer | None,
        reason: str | None = None,
    ) -> SCVPAnswer:
        """Write a response, and sign it where somebody is to; ``reason`` is for the log."""
        der = encode_cv_response(response)
        if len(der) > MAX_CV_RESPONSE_BYTES:
            reason = f"the response is larger than {MAX_CV_RESPONSE_BYTES} bytes"
            raise Refusal(CVStatusCode.INTERNAL_ERROR, reason)
        if signer is None:
            octets = encode_content_info(_CV_RESPONSE, der)
        else:
            octets = await signed(_CV_RESPONSE, der, signer, exchange.now)
        status = response.response_status.known
        assert status is not None
        return SCVPAnswer(
            content_info=octets,
            facts=AnswerFacts(
                kind=exchange.kind,
                status=status,
                reason=reason,
                is_protected=signer is not None,
                requestor=_name_of(exchange),
                reply_statuses=_statuses(response),
                paths=exchange.paths,
            ),
        )

    async def _error(self, exchange: _Exchange, refusal: Refusal) -> SCVPAnswer:
        """Tell an error, protected as it must be (S4); where that fails, unprotected."""
        response = error_response(
            exchange.request,
            exchange.octets,
            refusal,
            configuration_id=self.configuration_id,
            now=exchange.now,
        )
        is_protected = is_to_be_protected(
            is_success=False,
            is_wanted=exchange.wants_protection,
            is_secure=exchange.is_secure,
            is_authenticated=exchange.requestor is not None,
        )
        if is_protected:
            try:
                signer = chosen_signer(self.settings, exchange.now)
                return await self._finished(response, exchange, signer, refusal.reason)
            except Refusal:
                pass
            except CertStatusError as error:
                # A key that can't sign must not keep the client from hearing why.
                self._failed(error)
        return await self._finished(response, exchange, None, refusal.reason)


def _revoked_alone(source: StatusSource) -> StatusSource:
    """Let a source tell of what is revoked, and of nothing else."""

    async def status(
        certificate: Certificate, issuer: Certificate, at: datetime
    ) -> CertStatus | None:
        told = await source(certificate, issuer, at)
        return told if isinstance(told, Revoked) else None

    return status


def _name_of(exchange: _Exchange) -> str | None:
    return None if exchange.requestor is None else str(exchange.requestor.signer.subject)


def _as_cached(facts: AnswerFacts) -> AnswerFacts:
    return AnswerFacts(
        kind=facts.kind,
        status=facts.status,
        is_protected=facts.is_protected,
        is_cached=True,
        reply_statuses=facts.reply_statuses,
    )


def _statuses(response: CVResponse) -> tuple[ReplyStatus, ...]:
    found = (ReplyStatus.from_number(one.reply_status) for one in response.reply_objects)
    return tuple(one for one in found if one is not None)
