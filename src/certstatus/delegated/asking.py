"""What a client asks, made into a CVRequest (RFC 5055 §3): profiles, wishes, the next path. Pure.

Its law: whoever restricts the policies asks for an explicit one, too (S23); a reply that must
be fresh has a nonce to be bound by (S13); and what was sent is kept octet for octet, since a
reply refers to its hash (S5).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from certstatus.asn1 import oids
from certstatus.cms import Protection, encode_content_info, parse_content_info, parse_signed_data
from certstatus.errors import MalformedError
from certstatus.limits_scvp import MAX_CV_REQUEST_BYTES, MAX_REPLY_AGE
from certstatus.pkix import AlgorithmIdentifier, Certificate, GeneralName
from certstatus.scvp import (
    Check,
    CVRequest,
    PKCReference,
    Query,
    ResponseFlags,
    RevocationInfo,
    ValidationPolicy,
    WantBack,
    encode_cv_request,
    parse_cv_request,
)

__all__ = ["Profile", "Question", "Wishes", "make_question", "read_question"]

_WHERE: Final = "CVRequest"


class Profile(StrEnum):
    """What is delegated (RFC 3379, RFC 5055 §1)."""

    DPD = "dpd"
    """The finding of a path: the server's word counts for nothing, so it need not be signed."""
    DPV = "dpv"
    """The validation: the server's signed word, and no more."""
    PROOF = "proof"
    """The validation, with the path, the revocation data, the request and the policy in full."""

    @property
    def checks(self) -> tuple[Check, ...]:
        """What the server is to check."""
        if self is Profile.DPD:
            return (Check.BUILD_PKC_PATH,)
        return (Check.BUILD_STATUS_CHECKED_PKC_PATH,)

    @property
    def want_backs(self) -> tuple[WantBack, ...]:
        """What the server is to send back."""
        if self is Profile.DPV:
            return ()
        if self is Profile.DPD:
            return (WantBack.PKC_BEST_CERT_PATH,)
        return (WantBack.PKC_BEST_CERT_PATH, WantBack.PKC_REVOCATION_INFO)


@dataclass(frozen=True, kw_only=True)
class Wishes:
    """What a client asks beside the certificates.

    Args:
        profile: what is delegated.
        checks: what is to be checked; (): what the profile says.
        want_backs: what is to be sent back beside what the profile says.
        validation_policy: the policy, by default the server's, and what is to differ from it.
        anchors: the only trust anchors (S10), by value; (): those of the policy.
        validation_time: aware UTC, whole seconds, in the past; None: now.
        intermediates: certificates that a path may lead through.
        rev_infos: CRLs and OCSP responses at hand.
        by_reference: name the certificates by hash, issuer and serial number.
        is_protected: whether the reply is to be signed; None: but for DPD it is.
        allow_cached: whether a reply that was made before will do.
        max_age: how old such a reply may be.
        send_nonce: whether the reply is bound by a nonce, too.
        requestor_text: what the server copies into its reply, 1 to 256 characters.
        responder_name: who is to sign (S18).
        signature_alg: how to sign (S18).
    """

    profile: Profile = Profile.DPV
    checks: tuple[Check, ...] = ()
    want_backs: tuple[WantBack, ...] = ()
    validation_policy: ValidationPolicy = field(default_factory=ValidationPolicy)
    anchors: tuple[Certificate, ...] = ()
    validation_time: datetime | None = None
    intermediates: tuple[Certificate, ...] = ()
    rev_infos: tuple[RevocationInfo, ...] = ()
    by_reference: bool = False
    is_protected: bool | None = None
    allow_cached: bool = False
    max_age: timedelta = MAX_REPLY_AGE
    send_nonce: bool = True
    requestor_text: str | None = None
    responder_name: GeneralName | None = None
    signature_alg: AlgorithmIdentifier | None = None

    @property
    def protect_response(self) -> bool:
        """Whether the reply is to be signed (S4)."""
        return self.profile is not Profile.DPD if self.is_protected is None else self.is_protected

    @property
    def all_checks(self) -> tuple[Check, ...]:
        """What is to be checked."""
        return self.checks or self.profile.checks

    @property
    def all_want_backs(self) -> tuple[WantBack, ...]:
        """What is to be sent back, each once."""
        return tuple(dict.fromkeys((*self.profile.want_backs, *self.want_backs)))

    @property
    def response_flags(self) -> ResponseFlags:
        """What the reply is to be like (RFC 5055 §3.2.5)."""
        wants_all = self.profile is Profile.PROOF
        return ResponseFlags(
            full_request_in_response=wants_all,
            response_validation_pol_by_ref=not wants_all,
            protect_response=self.protect_response,
            cached_response=self.allow_cached,
        )


@dataclass(frozen=True, kw_only=True)
class Question:
    """A request and the certificates that it asks about, in its order.

    ``request.der`` are the octets of the CVRequest as they are sent: a reply refers to them.
    """

    certificates: tuple[Certificate, ...]
    request: CVRequest

    @property
    def content_info(self) -> bytes:
        """The request as it is sent unprotected, a ContentInfo."""
        return encode_content_info(oids.ID_CT_SCVP_CERT_VAL_REQUEST, self.request.der)

    def following(self, context: bytes, nonce: bytes | None) -> Question:
        """Ask for the next path: nonce and context differ, and nothing else (S17)."""
        query = replace(self.request.query, server_context_info=context)
        return _question(self.certificates, replace(self.request, query=query, request_nonce=nonce))


def make_question(
    certificates: Sequence[Certificate], wishes: Wishes, *, now: datetime, nonce: bytes | None
) -> Question:
    """Make a request; ``now`` is aware UTC, ``nonce`` fresh random octets, None for none.

    Raises:
        ValueError: no certificate is asked about, or a reply that must be fresh would have no
            nonce to be bound by (S13).
        MalformedError: the request is larger than any server need take, or an anchor's,
            text's or list's bounds are broken.
    """
    if not certificates:
        raise ValueError("name at least one certificate")
    if nonce is None and not wishes.allow_cached:
        raise ValueError("a reply that must be fresh needs a nonce (RFC 5055 §3.2.5.4)")
    time = wishes.validation_time
    query = Query(
        queried_certs=tuple(_reference(one, wishes) for one in certificates),
        checks=tuple(one.oid for one in wishes.all_checks),
        want_back=tuple(one.oid for one in wishes.all_want_backs),
        validation_policy=_policy(wishes),
        response_flags=wishes.response_flags,
        validation_time=None if time is None else time.replace(microsecond=0),
        intermediate_certs=tuple(one.der for one in wishes.intermediates),
        rev_infos=wishes.rev_infos,
        produced_at=(
            (now - wishes.max_age).replace(microsecond=0) if wishes.allow_cached else None
        ),
    )
    request = CVRequest(
        query=query,
        request_nonce=nonce,
        responder_name=wishes.responder_name,
        signature_alg=wishes.signature_alg,
        hash_alg=oids.ID_SHA256,
        requestor_text=wishes.requestor_text,
    )
    return _question(tuple(certificates), request)


def _reference(certificate: Certificate, wishes: Wishes) -> PKCReference:
    if wishes.by_reference:
        return PKCReference.by_reference(certificate)
    return PKCReference.by_value(certificate)


def _policy(wishes: Wishes) -> ValidationPolicy:
    """Return the policy with the anchors, and with an explicit policy where some are asked (S23)."""
    policy = wishes.validation_policy
    if wishes.anchors:
        anchors = tuple(map(PKCReference.by_value, wishes.anchors))
        policy = replace(policy, trust_anchors=anchors)
    is_restricted = set(policy.user_policy_set) - {oids.ANY_POLICY}
    if is_restricted and policy.require_explicit_policy is None:
        policy = replace(policy, require_explicit_policy=True)
    return policy


def _question(certificates: tuple[Certificate, ...], request: CVRequest) -> Question:
    der = encode_cv_request(replace(request, der=b""))
    if len(der) > MAX_CV_REQUEST_BYTES:
        raise MalformedError(f"is larger than {MAX_CV_REQUEST_BYTES} bytes", where=_WHERE)
    return Question(certificates=certificates, request=replace(request, der=der))


def read_question(octets: bytes, certificates: Iterable[Certificate] = ()) -> Question:
    """Read a request that was kept: a ContentInfo, signed or not, or the bare CVRequest.

    ``certificates`` are those that it may name by reference.

    Raises:
        MalformedError: it is no request for public key certificates, or names one by reference
            that is not among ``certificates``.
    """
    request = parse_cv_request(_bare(octets))
    known = tuple(certificates)
    asked: list[Certificate] = []
    for reference in request.query.queried_certs:
        if not isinstance(reference, PKCReference):
            raise MalformedError("asks about attribute certificates", where=_WHERE)
        found = reference.certificate or next(filter(reference.refers_to, known), None)
        if found is None:
            raise MalformedError("names a certificate that is not at hand", where=_WHERE)
        asked.append(found)
    for anchor in request.query.validation_policy.trust_anchors:
        _ = anchor.certificate  # a broken one is found here, and not when a reply is judged
    return Question(certificates=tuple(asked), request=request)


def _bare(octets: bytes) -> bytes:
    """Take a CVRequest out of the CMS around it, where there is any."""
    try:
        info = parse_content_info(octets)
    except MalformedError:
        return octets
    content_type, content = info.content_type, info.content
    if info.protection is Protection.SIGNED:
        signed = parse_signed_data(info)
        content_type, content = signed.content_type, signed.content or b""
    if content_type != oids.ID_CT_SCVP_CERT_VAL_REQUEST:
        raise MalformedError(f"holds {oids.name_of(content_type)}", where="ContentInfo")
    return content
