"""A server of SCVP for tests: its authorities and signers, and requests as clients send them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from cryptography.x509 import ObjectIdentifier

from certstatus.asn1 import oids
from certstatus.cms import (
    ContentInfo,
    Protection,
    encode_content_info,
    parse_content_info,
    parse_signed_data,
    sign_content,
    verify_signed_data,
)
from certstatus.delegated import SCVPAnswer, SCVPPolicy, SCVPService, SCVPSettings
from certstatus.path import CertificatePool, PathInputs
from certstatus.pkix import Certificate, CertificateList
from certstatus.scvp import (
    Check,
    CVRequest,
    CVResponse,
    PKCReference,
    Query,
    RevocationInfo,
    ValPolResponse,
    WantBack,
    encode_cv_request,
    encode_val_pol_request,
    parse_cv_response,
    parse_val_pol_response,
)
from certstatus.scvp import ValPolRequest as _ValPolRequest
from certstatus.signing import LocalSigner, Purpose, make_signers
from certstatus.testing import Issued, TinyCA
from tests.paths import DAY, NOW, crl

CV_REQUEST: Final = oids.ID_CT_SCVP_CERT_VAL_REQUEST
VP_REQUEST: Final = oids.ID_CT_SCVP_VAL_POL_REQUEST
POLICY: Final = ObjectIdentifier("1.3.6.1.4.1.99999.7")
CURSOR_KEY: Final = bytes(range(32))

ROOT: Final = TinyCA("Root")
CA: Final = TinyCA("CA", parent=ROOT)
LEAF: Final = CA.issue_server()
REVOKED: Final = CA.issue_server("revoked.example")
SCVP_CA: Final = TinyCA("SCVP CA")
SERVER: Final = SCVP_CA.issue_scvp(Purpose.SCVP_SERVER, "SCVP server")
OTHER_SERVER: Final = SCVP_CA.issue_scvp(Purpose.SCVP_SERVER, "Other server", kind="ed25519")
CLIENT: Final = SCVP_CA.issue_scvp(Purpose.SCVP_CLIENT, "SCVP client")
ROOT_CRL: Final = crl(ROOT)
CA_CRL: Final = crl(CA, REVOKED.certificate)
"""Current at NOW, and until six days after it."""


def signer_of(issued: Issued) -> LocalSigner:
    return make_signers(issued.key, issued.certificate, issuer=None)[0]


def infos(*crls: CertificateList) -> tuple[RevocationInfo, ...]:
    return tuple(RevocationInfo.crl(one.der) for one in crls)


INFOS: Final = infos(ROOT_CRL, CA_CRL)
"""What tells the status of everybody's certificates: as if the client had brought it."""


def settings(**more: Any) -> SCVPSettings:
    """The usual settings, with ``more``; ``inputs`` changes those of the only policy."""
    inputs = PathInputs(anchors=(ROOT.certificate,), **more.pop("inputs", {}))
    policy = SCVPPolicy(oid=POLICY, inputs=inputs, fixed=frozenset(more.pop("fixed", ())))
    usual: dict[str, Any] = {
        "policies": (policy,),
        "signers": (signer_of(SERVER),),
        "cursor_key": CURSOR_KEY,
    }
    return SCVPSettings(**(usual | more))


def service(*, pool: Iterable[Certificate] = (CA.certificate,), **more: Any) -> SCVPService:
    parts = {
        name: more.pop(name) for name in ("source", "fetcher", "numbers", "observe") if name in more
    }
    return SCVPService(settings(**more), pool=CertificatePool(pool), **parts)


def query(*certificates: Certificate, **more: Any) -> Query:
    """A query about certificates by value, the leaf if none is named, with all CRLs."""
    asked = certificates or (LEAF.certificate,)
    usual: dict[str, Any] = {
        "queried_certs": tuple(PKCReference.by_value(one) for one in asked),
        "checks": (Check.BUILD_STATUS_CHECKED_PKC_PATH.oid,),
        "rev_infos": INFOS,
    }
    for name in ("checks", "want_back"):
        if name in more:
            more[name] = tuple(
                one.oid if isinstance(one, Check | WantBack) else one for one in more[name]
            )
    return Query(**(usual | more))


def request(asked: Query | None = None, **more: Any) -> CVRequest:
    usual: dict[str, Any] = {"request_nonce": b"a nonce of sixteen"}
    return CVRequest(query=query() if asked is None else asked, **(usual | more))


def octets_of(asked: CVRequest, signer: LocalSigner | None = None) -> bytes:
    """Put a request into its ContentInfo, signed if somebody signs it."""
    der = encode_cv_request(asked)
    if signer is None:
        return encode_content_info(CV_REQUEST, der)
    return sign_content(CV_REQUEST, der, signer)


@dataclass(frozen=True)
class Reply:
    """An answer, taken apart."""

    answer: SCVPAnswer
    info: ContentInfo
    response: CVResponse

    @property
    def is_signed(self) -> bool:
        return self.info.protection is Protection.SIGNED

    @property
    def code(self) -> int:
        return self.response.response_status.status_code

    @property
    def reason(self) -> str:
        return self.response.response_status.error_message or ""


def answered(
    server: SCVPService, octets: bytes, *, now: datetime = NOW, is_secure: bool = False
) -> SCVPAnswer:
    async def ask() -> SCVPAnswer:
        async with asyncio.timeout(60):
            return await server.answer(octets, now, is_secure=is_secure)

    return asyncio.run(ask())


def content_of(answer: SCVPAnswer, purpose: Purpose = Purpose.SCVP_SERVER) -> bytes:
    """Take the message out; what is signed must be signed well, by one of our servers."""
    info = parse_content_info(answer.content_info)
    if info.protection is Protection.NONE:
        return info.content
    report = verify_signed_data(
        info,
        now=NOW,
        purpose=purpose,
        trusted=(SERVER.certificate, OTHER_SERVER.certificate),
    )
    return report.require().content


def reply_to(octets: bytes, server: SCVPService | None = None, **more: Any) -> Reply:
    """Ask, and take the answer apart."""
    answer = answered(service() if server is None else server, octets, **more)
    return Reply(
        answer, parse_content_info(answer.content_info), parse_cv_response(content_of(answer))
    )


def ask(
    asked: CVRequest | Query | None = None,
    server: SCVPService | None = None,
    *,
    signer: LocalSigner | None = None,
    **more: Any,
) -> Reply:
    """Ask with a request, or a query in the usual one."""
    whole = asked if isinstance(asked, CVRequest) else request(asked)
    return reply_to(octets_of(whole, signer), server, **more)


def ask_policies(
    server: SCVPService, nonce: bytes = b"nonce", *, now: datetime = NOW
) -> ValPolResponse:
    der = encode_val_pol_request(_ValPolRequest(request_nonce=nonce))
    answer = answered(server, encode_content_info(VP_REQUEST, der), now=now)
    assert answer.media_type == "application/scvp-vp-response"
    signed = parse_signed_data(answer.content_info)
    assert signed.content_type == oids.ID_CT_SCVP_VAL_POL_RESPONSE
    assert len(signed.signer_infos) == 1
    assert SERVER.certificate in signed.readable_certificates
    return parse_val_pol_response(content_of(answer))


def with_flags(asked: Query, **flags: bool) -> Query:
    return replace(asked, response_flags=replace(asked.response_flags, **flags))


__all__ = [
    "CA",
    "CA_CRL",
    "CLIENT",
    "CURSOR_KEY",
    "CV_REQUEST",
    "DAY",
    "INFOS",
    "LEAF",
    "NOW",
    "OTHER_SERVER",
    "POLICY",
    "REVOKED",
    "ROOT",
    "ROOT_CRL",
    "SCVP_CA",
    "SERVER",
    "VP_REQUEST",
    "Reply",
    "answered",
    "ask",
    "ask_policies",
    "content_of",
    "infos",
    "octets_of",
    "query",
    "reply_to",
    "request",
    "service",
    "settings",
    "signer_of",
    "with_flags",
]
