"""Asking with a request that somebody else wrote, to hand the answer on as it is."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import replace

from certstatus.fetch import Guard
from certstatus.ocsp import CertStatus, OCSPRequest, OCSPResponse
from certstatus.pkix import Certificate
from certstatus.requestor.checking import Checking, Step, jitter, weakest
from certstatus.requestor.issuer import find_issuer
from certstatus.requestor.plan import Asked, Event, ask, usable_urls
from certstatus.verify import Report, hand_on

__all__ = ["ask_exactly"]


def ask_exactly(
    checking: Checking, request: OCSPRequest, issuers: Sequence[Certificate], guard: Guard
) -> Generator[Step, Event, Asked]:
    """Ask the named responders with this very request; the cache is left alone.

    ``issuers`` are those of its certificates, in their order. A report holds only where the
    answer may be given to whoever sent the request.
    """
    urls, passed = usable_urls(checking.urls)

    def reports(
        response: bytes | OCSPResponse, delegates: Mapping[bytes, CertStatus] | None = None
    ) -> tuple[Report, ...]:
        now = checking.clock.now()
        return tuple(
            hand_on(
                checking.verify(response, cert_id.serial_number, issuer, request, delegates),
                request=request,
                cert_id=cert_id,
                now=now,
            )
            for cert_id, issuer in zip(request.cert_ids, issuers, strict=True)
        )

    asking = ask(
        urls,
        lambda _algorithm, _has_nonce: request,
        lambda body, _request: weakest(reports(body)),
        policy=replace(checking.policy.ask, hashes=checking.policy.ask.hashes[:1]),
        jitter=jitter,
        now=checking.clock.now,
    )
    asked = yield from checking.exchange(asking, guard)
    pending = None if asked.report is None else asked.report.pending
    issuer = None if pending is None else find_issuer(pending, issuers, checking.known)
    delegates = {} if issuer is None else (yield from checking.delegates(asked, issuer))
    if asked.report is not None and asked.report.response is not None:
        found = reports(asked.report.response, delegates)
        asked = replace(asked, report=weakest(found), reports=found)
    return replace(asked, attempts=(*passed, *asked.attempts))
