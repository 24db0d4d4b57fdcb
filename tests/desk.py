"""A responder on a desk: sources of two lines, requests in any shape, answers taken apart."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography.x509 import ocsp as judge

from certstatus.ocsp import (
    BasicOCSPResponse,
    CertID,
    Extensions,
    Good,
    Request,
    Revoked,
    SingleResponse,
    encode_request,
    parse_response,
)
from certstatus.pkix import CRLReason, HashAlgorithm
from certstatus.responder import (
    Authority,
    AuthorityPolicy,
    Reply,
    RequestPolicy,
    Responder,
)
from certstatus.signing import LocalSigner, Signer, make_signers
from certstatus.sources import Answer, Known, Unlisted
from certstatus.testing import Issued, TinyCA

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
REVOKED = Revoked(NOW - DAY, CRLReason.KEY_COMPROMISE)


class Says:
    """A Source that gives one answer whatever it is asked, or raises it, or calls it."""

    name = "desk"

    def __init__(self, answer: Answer | Exception | Callable[[CertID, datetime], Answer]) -> None:
        self.answer = answer
        self.asked: list[CertID] = []

    async def status(self, cert_id: CertID, now: datetime) -> Answer:
        self.asked.append(cert_id)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer(cert_id, now) if callable(self.answer) else self.answer


def known(cert_status: Good | Revoked = Good(), **more: Any) -> Known:  # noqa: B008 - frozen
    """Know a status at any time."""
    fields: dict[str, Any] = {"cert_status": cert_status, "this_update": NOW, "origin": "desk"}
    return Known(**fields | more)


def unlisted(**more: Any) -> Unlisted:
    """Know nothing of a serial number, and list all that was issued."""
    fields: dict[str, Any] = {"this_update": NOW, "origin": "desk", "lists_issued": True}
    return Unlisted(**fields | more)


CA = TinyCA("Desk CA")
DELEGATE = CA.issue_responder()
LEAF = CA.issue_server().certificate


def signers(issued: Issued = DELEGATE, ca: TinyCA = CA, *names: str) -> tuple[LocalSigner, ...]:
    """Make signers of a certificate, with every algorithm or those named."""
    return make_signers(issued.key, issued.certificate, issuer=ca.certificate, algorithms=names)


def authority(
    answer: Answer | Exception | Callable[[CertID, datetime], Answer] = known(),  # noqa: B008
    *,
    ca: TinyCA = CA,
    by: Iterable[Signer] | None = None,
    compromised_since: datetime | None = None,
    **policy: Any,
) -> Authority:
    """Make an authority; what is not named here is a field of its policy."""
    return Authority(
        name=ca.common_name,
        issuer=ca.certificate,
        source=Says(answer),
        signers=tuple(signers() if by is None else by),
        policy=AuthorityPolicy(**policy),
        compromised_since=compromised_since,
    )


def cert_id(
    serial_number: int = LEAF.serial_number,
    algorithm: HashAlgorithm = HashAlgorithm.SHA256,
    ca: TinyCA = CA,
) -> CertID:
    """Name a certificate as a request does, with its DER."""
    return CertID.from_der(CertID.of(ca.certificate, serial_number, algorithm).encode())


def request(*asked: CertID | Request, extensions: Extensions | None = None) -> bytes:
    """Write a request for the leaf, or for what is named."""
    return encode_request(asked or (cert_id(),), request_extensions=extensions or Extensions())


def respond(
    to: Responder | Authority,
    der: bytes | None = None,
    now: datetime = NOW,
    **requests: Any,
) -> Reply:
    """Ask a responder, or one made for an authority."""
    responder = (
        to if isinstance(to, Responder) else Responder([to], requests=RequestPolicy(**requests))
    )
    return asyncio.run(responder.respond(request() if der is None else der, now))


def basic(reply: Reply) -> BasicOCSPResponse:
    """Take a successful reply apart, after another implementation has found it sound."""
    judged = judge.load_der_ocsp_response(reply.der)
    assert judged.response_status is judge.OCSPResponseStatus.SUCCESSFUL
    found = parse_response(reply.der)
    # A CertID and a nonce are echoed as they came, odd or not; all else is our own writing.
    echoed = ("SingleResponse.certID", "responseExtensions.id-pkix-ocsp-nonce")
    assert [one for one in found.departures if not one.where.startswith(echoed)] == []
    assert found.basic is not None
    return found.basic


def single(reply: Reply) -> SingleResponse:
    """Return the only SingleResponse of a reply."""
    (one,) = basic(reply).tbs_response_data.responses
    return one
