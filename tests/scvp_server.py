"""A server of SCVP that says what a test wants, and questions to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from certstatus.asn1 import oids
from certstatus.cms import encode_content_info, parse_content_info, parse_signed_data, sign_content
from certstatus.delegated import (
    DelegatedReport,
    Profile,
    Question,
    ReplyPolicy,
    ServerTrust,
    Wishes,
    judge_reply,
    make_question,
    read_question,
)
from certstatus.pkix import Certificate
from certstatus.scvp import (
    CertBundle,
    CertBundles,
    CertReply,
    CVRequest,
    CVResponse,
    FullRequest,
    PublicKeyInfo,
    ReplyCheck,
    ReplyWantBack,
    ResponseTypes,
    RevInfoWantBack,
    RevocationInfo,
    RevocationInfoTypes,
    ValidationAlg,
    ValidationPolicy,
    ValidationPolRef,
    ValPolResponse,
    WantBack,
    WantBackValue,
    encode_cv_response,
    encode_val_pol_response,
    parse_val_pol_request,
    request_hash,
)
from certstatus.scvp import Check as AskedCheck
from certstatus.signing import LocalSigner, Purpose, make_signers
from certstatus.testing import Forge, TinyCA
from tests.scripted import Asked, Reply

NOW: Final = datetime(2026, 3, 1, 12, tzinfo=UTC)
NONCE: Final = bytes(range(32))
ROOT: Final = TinyCA("Root")
CA: Final = TinyCA("CA", parent=ROOT)
LEAF: Final = CA.issue_server("leaf.example").certificate
OTHER: Final = CA.issue_server("other.example").certificate
SERVER_ROOT: Final = TinyCA("Root of servers")
SERVER_CA: Final = TinyCA("CA of servers", parent=SERVER_ROOT)
SERVER: Final = SERVER_CA.issue_scvp(common_name="server")
CLIENT: Final = SERVER_CA.issue_scvp(Purpose.SCVP_CLIENT, "client")
SIGNER: Final = make_signers(SERVER.key, SERVER.certificate, issuer=None)[0]
CRL: Final = CA.crl(this_update=NOW - timedelta(hours=1))
OCSP_RESPONSE: Final = Forge.honest(CA, LEAF.serial_number).der

DPD: Final = Wishes(profile=Profile.DPD)
DPV: Final = Wishes()
PROOF: Final = Wishes(profile=Profile.PROOF)
PINNED: Final = ReplyPolicy(trust=ServerTrust(pinned=(SERVER.certificate,)))

_PATH: Final = CertBundle((LEAF.der, CA.certificate.der))
_REVOCATION: Final = RevInfoWantBack((RevocationInfo.crl(CRL), RevocationInfo.ocsp(OCSP_RESPONSE)))
VALUES: Final[dict[WantBack, WantBackValue]] = {
    WantBack.PKC_BEST_CERT_PATH: _PATH,
    WantBack.PKC_ALL_CERT_PATHS: CertBundles((_PATH,)),
    WantBack.PKC_REVOCATION_INFO: _REVOCATION,
    WantBack.PKC_EE_REVOCATION_INFO: _REVOCATION,
    WantBack.PKC_CAS_REVOCATION_INFO: _REVOCATION,
    WantBack.PKC_PUBLIC_KEY_INFO: PublicKeyInfo(LEAF.spki_der),
}


def signer_of(ca: TinyCA = SERVER_CA, **wishes: Any) -> LocalSigner:
    """Make another server's signer."""
    issued = ca.issue_scvp(common_name="another server", **wishes)
    return make_signers(issued.key, issued.certificate, issuer=None)[0]


def asked(
    wishes: Wishes = DPV,
    certificates: Sequence[Certificate] = (LEAF,),
    nonce: bytes | None = NONCE,
) -> Question:
    return make_question(certificates, wishes, now=NOW, nonce=nonce)


def want_back(wanted: WantBack, value: WantBackValue | None = None) -> ReplyWantBack:
    return ReplyWantBack.of(wanted, VALUES[wanted] if value is None else value)


def good_reply(request: CVRequest, place: int = 0) -> CertReply:
    """Say that all is well with one certificate of a request."""
    query = request.query
    known = (WantBack.from_oid(oid) for oid in query.want_back)
    return CertReply(
        cert=query.queried_certs[place],
        reply_val_time=query.validation_time or NOW,
        reply_checks=tuple(map(ReplyCheck, query.checks)),
        reply_want_backs=tuple(want_back(one) for one in known if one in VALUES),
        next_update=None if query.validation_time else NOW + timedelta(hours=1),
    )


def good_response(request: CVRequest, *replies: CertReply) -> CVResponse:
    """Say what a server says that does everything right."""
    flags, policy = request.query.response_flags, request.query.validation_policy
    every = range(len(request.query.queried_certs))
    return CVResponse(
        server_configuration_id=1,
        produced_at=NOW,
        resp_validation_policy=policy
        if flags.response_validation_pol_by_ref
        else replace(policy, validation_alg=policy.validation_alg or ValidationAlg()),
        request_ref=FullRequest(request.der)
        if flags.full_request_in_response
        else request_hash(request.der),
        reply_objects=replies or tuple(good_reply(request, place) for place in every),
        resp_nonce=request.request_nonce,
        requestor_text=request.requestor_text,
    )


def signed(response: CVResponse | bytes, signer: LocalSigner = SIGNER, **more: Any) -> bytes:
    content = response if isinstance(response, bytes) else encode_cv_response(response)
    return sign_content(oids.ID_CT_SCVP_CERT_VAL_RESPONSE, content, signer, **more)


def bare(response: CVResponse) -> bytes:
    return encode_content_info(oids.ID_CT_SCVP_CERT_VAL_RESPONSE, encode_cv_response(response))


def judged(
    octets: bytes, question: Question, *, policy: ReplyPolicy = PINNED, **more: Any
) -> DelegatedReport:
    return judge_reply(octets, question, now=more.pop("now", NOW), policy=policy, **more)


@dataclass
class FakeServer:
    """A script for ``ScriptedServer``: answers requests as an honest server, but for the changes.

    ``changes`` are fields of the CVResponse, ``reply_changes`` of every CertReply in it;
    ``contexts`` are given out one after the other.
    """

    certificates: Sequence[Certificate] = (LEAF, OTHER)
    signer: LocalSigner = SIGNER
    enclosed: Sequence[Certificate] = ()
    is_signing: bool = True
    now: datetime = NOW
    changes: dict[str, Any] = field(default_factory=dict)
    reply_changes: dict[str, Any] = field(default_factory=dict)
    contexts: dict[bytes | None, bytes] = field(default_factory=dict)
    policy_changes: dict[str, Any] = field(default_factory=dict)
    questions: list[Question] = field(default_factory=list)

    def __call__(self, http: Asked) -> Reply:
        if http.headers["content-type"] == "application/scvp-vp-request":
            media, body = "application/scvp-vp-response", self._policies(http.body)
        else:
            media, body = "application/scvp-cv-response", self._answer(http.body)
        return Reply(body=body, headers={"Content-Type": media})

    def _answer(self, octets: bytes) -> bytes:
        question = read_question(octets, self.certificates)
        self.questions.append(question)
        request = question.request
        replies = [
            replace(good_reply(request, place), reply_val_time=self._time(request))
            for place in range(len(question.certificates))
        ]
        replies = [replace(one, next_update=None, **self.reply_changes) for one in replies]
        response = replace(
            good_response(request, *replies),
            produced_at=self.now,
            server_context_info=self.contexts.get(request.query.server_context_info),
        )
        response = replace(response, **self.changes)
        if not self.is_signing:
            return bare(response)
        return signed(response, self.signer, certificates=self.enclosed)

    def _time(self, request: CVRequest) -> datetime:
        return request.query.validation_time or self.now

    def _policies(self, octets: bytes) -> bytes:
        request = parse_val_pol_request(parse_content_info(octets).content)
        made = replace(policies(request.request_nonce, self.now), **self.policy_changes)
        return signed_policies(made, self.signer, certificates=self.enclosed)


def policies(nonce: bytes | None = NONCE, now: datetime = NOW) -> ValPolResponse:
    """Say what a server of two policies can do."""
    return ValPolResponse(
        server_configuration_id=7,
        this_update=now,
        supported_checks=tuple(
            one.oid for one in AskedCheck if not one.is_of_attribute_certificates
        ),
        supported_want_backs=(WantBack.PKC_BEST_CERT_PATH.oid, WantBack.PKC_CERT.oid),
        validation_policies=(oids.ID_SVP_DEFAULT_VAL_POLICY, oids.ANY_POLICY),
        validation_algs=(oids.ID_SVP_BASIC_VAL_ALG, oids.ID_SVP_NAME_VAL_ALG),
        response_types=ResponseTypes.CACHED_AND_NON_CACHED,
        default_policy_values=ValidationPolicy(
            validation_pol_ref=ValidationPolRef(),
            validation_alg=ValidationAlg(),
            user_policy_set=(oids.ANY_POLICY,),
            inhibit_policy_mapping=False,
            require_explicit_policy=False,
            inhibit_any_policy=False,
        ),
        revocation_info_types=RevocationInfoTypes.FULL_CRLS | RevocationInfoTypes.OCSP_RESPONSES,
        signature_generation=(SIGNER.algorithm.identifier,),
        hash_algorithms=(oids.ID_SHA256,),
        request_nonce=nonce,
    )


def signed_policies(found: ValPolResponse, signer: LocalSigner = SIGNER, **more: Any) -> bytes:
    content = encode_val_pol_response(found)
    return sign_content(oids.ID_CT_SCVP_VAL_POL_RESPONSE, content, signer, **more)


def content_of(octets: bytes) -> bytes:
    """Take the content out of a signed message."""
    content = parse_signed_data(octets).content
    assert content is not None
    return content
