"""An answer that is believed the short way is one that the whole judgment believes, word for word."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509 import ObjectIdentifier
from hypothesis import given
from hypothesis import strategies as st

from certstatus.asn1 import oids
from certstatus.ocsp import (
    AcceptableResponses,
    ByName,
    CertID,
    CertStatus,
    Extension,
    Extensions,
    Good,
    Nonce,
    OCSPRequest,
    PreferredSignatureAlgorithm,
    PreferredSignatureAlgorithms,
    Revoked,
    Unknown,
)
from certstatus.pkix import AlgorithmIdentifier, Certificate, HashAlgorithm
from certstatus.testing import (
    KEY_KINDS,
    LIES,
    Forge,
    Issued,
    TinyCA,
    contradicting,
    never_issued,
)
from certstatus.testing.ca import key_usage
from certstatus.verify import (
    NOTHING_KNOWN,
    DelegateStatus,
    KnownSignatures,
    NoncePolicy,
    Report,
    VerifyPolicy,
    judge,
    verify_response,
)
from tests import der as hand
from tests.courtroom import CA, DAY, DELEGATE, LEAF, NOW, honest, request_of
from tests.property.mutation import Mutator

FORGED = TinyCA(CA.common_name).issue_server(serial_number=LEAF.serial_number).certificate
"""What the responder answers for, by all that its CertID says; another key signed it."""
MINUTE = timedelta(minutes=1)
NAMESAKE = TinyCA(CA.common_name, not_before=CA.not_before)
NONCE, OTHER_NONCE = Nonce(bytes(range(32))), Nonce(bytes(32))
SHA256 = hashes.SHA256()
ECDSA_WITH_SHA1, ECDSA_WITH_SHA384 = (
    hand.sequence(hand.oid(oid.dotted_string))
    for oid in (oids.ECDSA_WITH_SHA1, oids.ECDSA_WITH_SHA384)
)
ODD = x509.UnrecognizedExtension(ObjectIdentifier("1.2.3"), b"\x05\x00")


def whole(make: Callable[[], Report]) -> Report:
    """Make a report by the whole judgment alone."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(judge, "find_usual_signer", lambda *_: None)
        return make()


@dataclass(frozen=True)
class Judgment:
    """One call of ``verify_response``."""

    response: bytes
    issuer: Certificate = CA.certificate
    certificate: Certificate | None = LEAF
    request: OCSPRequest | None = None
    policy: VerifyPolicy = VerifyPolicy()  # noqa: RUF009 - a value, frozen
    now: datetime = NOW
    own_status: CertStatus | None = None

    def report(self, known: KnownSignatures = NOTHING_KNOWN) -> Report:
        return verify_response(
            self.response,
            issuer=self.issuer,
            certificate=self.certificate,
            serial_number=LEAF.serial_number,
            request=self.request,
            now=self.now,
            policy=self.policy,
            delegate_status=lambda _: self.own_status,
            known=known,
        )


def delegate(**wishes: object) -> Issued:
    """Issue a delegate's certificate that is right but for what is wished."""
    usual: dict[str, object] = {
        "usage": key_usage("digital_signature"),
        "extended_key_usages": (oids.ID_KP_OCSP_SIGNING,),
        "nocheck": True,
    }
    return CA.issue("OCSP responder", **usual | wishes)  # type: ignore[arg-type]


@cache
def delegates() -> tuple[Issued, ...]:
    """Right ones, and each thing that can be wrong or odd with one."""
    return (
        DELEGATE,
        delegate(usage=None),
        delegate(usage=key_usage("key_cert_sign")),
        delegate(extended_key_usages=()),
        delegate(extended_key_usages=(oids.ANY_EXTENDED_KEY_USAGE,)),
        delegate(nocheck=False),
        delegate(nocheck=False, ocsp_uris=["http://ocsp.example/"]),
        delegate(nocheck=False, extensions=((x509.OCSPNoCheck(), True),)),
        delegate(
            nocheck=False,
            extensions=((x509.UnrecognizedExtension(oids.ID_PKIX_OCSP_NOCHECK, b""), False),),
        ),
        delegate(extensions=((ODD, False),)),
        delegate(extensions=((ODD, True),)),
        delegate(extensions=((x509.BasicConstraints(ca=True, path_length=None), True),)),
        delegate(
            extensions=((x509.UnrecognizedExtension(oids.ID_CE_BASIC_CONSTRAINTS, b"\0"), False),)
        ),
        delegate(key=CA.key),
        delegate(not_after=NOW + 30 * MINUTE),
        delegate(not_before=NOW + 4 * MINUTE),
        delegate(not_before=NOW + 6 * MINUTE),
        *(CA.issue_responder(kind=kind) for kind in KEY_KINDS),
        NAMESAKE.issue_responder(),
        rewritten((0, 3), CA.issue_server().certificate.subject.der),
        rewritten((0, 2), ECDSA_WITH_SHA384),
        rewritten((1,), ECDSA_WITH_SHA1, hashes.SHA1()),
        rewritten((0, 2), ECDSA_WITH_SHA1, hashes.SHA1(), outside=ECDSA_WITH_SHA1),
    )


def rewritten(
    path: tuple[int, ...],
    put: bytes,
    digest: hashes.HashAlgorithm = SHA256,
    outside: bytes | None = None,
) -> Issued:
    """Change the delegate's certificate at a path, and let the CA sign it again."""
    der = hand.changed(DELEGATE.certificate.der, path, lambda _: put)
    tbs, algorithm = hand.at(der, 0), outside or hand.at(der, 1)
    assert isinstance(CA.key, ec.EllipticCurvePrivateKey)
    signature = hand.bit_string(CA.key.sign(tbs, ec.ECDSA(digest)))
    certificate = Certificate.from_der(hand.sequence(tbs, algorithm, signature))
    return replace(DELEGATE, certificate=certificate)


@cache
def forges() -> tuple[Forge, ...]:
    """Every lie, and the shapes of honest answers."""
    forge = honest()
    other = CertID.of(CA.certificate, LEAF.serial_number + 1)
    critical = Extension(Nonce.oid, NONCE.encode(), critical=True)
    return (
        forge,
        *(forge.but(signer=one) for one in delegates()),
        *(tell(forge) for _, tell in LIES.values()),
        *(
            forge.but(cert_ids=(CertID.for_certificate(LEAF, CA.certificate, hash_),))
            for hash_ in HashAlgorithm
        ),
        forge.but(cert_status=Unknown()),
        forge.but(cert_status=Revoked(NOW - DAY)),
        forge.but(response_extensions=Extensions.of(NONCE)),
        forge.but(response_extensions=Extensions.of(critical)),
        forge.but(responder_id=ByName(DELEGATE.certificate.subject)),
        forge.but(responder_id=ByName(CA.certificate.subject)),
        forge.but(signer=CA.issued),
        forge.but(signer=CA.issued, certs=(CA.certificate.der,)),
        forge.but(signer=delegate(key=CA.key), responder_id=ByName(DELEGATE.certificate.subject)),
        forge.but(certs=(CA.certificate.der, DELEGATE.certificate.der)),
        forge.but(certs=(b"\x30\x00",)),
        forge.but(this_update=NOW, produced_at=NOW - MINUTE),
        forge.but(this_update=NOW - MINUTE, next_update=NOW - 2 * MINUTE, produced_at=NOW),
        forge.but(this_update=NOW - DAY, next_update=NOW - 4 * MINUTE),
        forge.but(this_update=NOW - DAY, next_update=NOW - 6 * MINUTE),
        forge.but(cert_ids=(*forge.cert_ids, other)),
        never_issued(forge),
        never_issued(forge).but(response_extensions=Extensions()),
        contradicting(forge),
    )


@cache
def requests() -> tuple[OCSPRequest | None, ...]:
    forge = honest()
    other = CertID.of(CA.certificate, LEAF.serial_number + 1)
    ecdsa = PreferredSignatureAlgorithm(AlgorithmIdentifier(oids.ECDSA_WITH_SHA256))
    rsa = PreferredSignatureAlgorithm(AlgorithmIdentifier(oids.SHA256_WITH_RSA))
    by_sha1 = CertID.for_certificate(LEAF, CA.certificate, HashAlgorithm.SHA1)
    return (
        None,
        request_of(forge),
        request_of(forge, NONCE),
        request_of(forge, OTHER_NONCE),
        request_of(forge.but(cert_ids=(other,))),
        request_of(forge.but(cert_ids=(*forge.cert_ids, other))),
        request_of(forge.but(cert_ids=(by_sha1,))),
        request_of(forge, AcceptableResponses((oids.ID_PKIX_OCSP_BASIC,))),
        request_of(forge, AcceptableResponses((ObjectIdentifier("1.2.3"),))),
        request_of(forge, PreferredSignatureAlgorithms((ecdsa,))),
        request_of(forge, PreferredSignatureAlgorithms((rsa,))),
    )


POLICIES = (
    VerifyPolicy(),
    VerifyPolicy(allow_sha1=True),
    VerifyPolicy(skew=timedelta()),
    VerifyPolicy(require_next_update=False),
    VerifyPolicy(max_age=MINUTE),
    VerifyPolicy(max_age=6 * MINUTE),
    VerifyPolicy(max_age=DAY),
    VerifyPolicy(trusted_responders=(DELEGATE.certificate,)),
    VerifyPolicy(trusted_responders=(NAMESAKE.certificate,)),
    *(VerifyPolicy(nonce=nonce) for nonce in NoncePolicy),
    *(VerifyPolicy(delegate_status=status) for status in DelegateStatus),
)


@cache
def responses() -> tuple[bytes, ...]:
    return tuple(forge.der for forge in forges())


moments = st.sampled_from((NOW, NOW + 20 * MINUTE, NOW + DAY, NOW + 30 * DAY)) | st.datetimes(
    (NOW - DAY).replace(tzinfo=None), (NOW + 5 * DAY).replace(tzinfo=None), timezones=st.just(UTC)
)
ISSUED = (
    (CA.certificate, LEAF),
    (CA.certificate, None),
    (CA.certificate, FORGED),
    (NAMESAKE.certificate, LEAF),
    (NAMESAKE.certificate, None),
)
judgments = st.builds(
    lambda response, issued, **other: Judgment(response, *issued, **other),
    st.deferred(lambda: st.sampled_from(responses())),
    st.sampled_from(ISSUED),
    request=st.deferred(lambda: st.sampled_from(requests())),
    policy=st.sampled_from(POLICIES),
    now=moments,
    own_status=st.sampled_from((None, Good(), Unknown())),
)


@pytest.mark.rule("O1", "O12", "O15", "O16", "O19", "O21", "O22", "O23", "O24", "O25", "O29")
@given(st.lists(judgments, min_size=1, max_size=4))
def test_whatever_is_judged_either_way_is_judged_alike(sequence: list[Judgment]) -> None:
    """Without a memory, and with one that holds what was judged before."""
    memory = KnownSignatures()

    for judgment in sequence:
        told = whole(judgment.report)
        assert judgment.report() == told
        assert judgment.report(memory) == told


@pytest.mark.rule("O1", "O3", "O12", "O15", "O16", "O19", "O21", "O22", "O23", "O24", "O25", "O29")
@pytest.mark.parametrize("policy", range(len(POLICIES)))
def test_every_answer_is_judged_alike_under_every_policy(policy: int) -> None:
    memory = KnownSignatures()
    for response in responses():
        judgment = Judgment(response, policy=POLICIES[policy])
        told = whole(judgment.report)
        assert judgment.report() == told
        assert judgment.report(memory) == told


@pytest.mark.rule("O23", "L9")
def test_a_certificate_of_another_key_has_no_status_either_way() -> None:
    for known in (NOTHING_KNOWN, KnownSignatures()):
        for certificate, is_believed in ((LEAF, True), (FORGED, False), (LEAF, True)):
            judgment = Judgment(honest().der, certificate=certificate)
            assert judgment.report(known) == whole(judgment.report)
            assert (judgment.report(known).verified is not None) == is_believed


@pytest.mark.rule("N3", "N4", "O6", "O15", "O30", "L10")
@pytest.mark.parametrize("policy", range(len(POLICIES)))
def test_every_request_is_held_against_the_answer_alike(policy: int) -> None:
    forge = honest()
    answers = (forge, forge.but(response_extensions=Extensions.of(NONCE)))
    for request in requests():
        for answer in answers:
            judgment = Judgment(answer.der, request=request, policy=POLICIES[policy])
            assert judgment.report() == whole(judgment.report)


def test_a_flipped_octet_is_judged_alike() -> None:
    der = honest().der
    memory = KnownSignatures()
    for place in range(0, len(der), 3):
        spoiled = der[:place] + bytes((der[place] ^ 0x01,)) + der[place + 1 :]
        judgment = Judgment(spoiled)
        assert judgment.report(memory) == whole(judgment.report)


def test_what_is_broken_deep_inside_is_judged_alike() -> None:
    memory = KnownSignatures()
    for der in Mutator(11, [honest().der]).inputs(500):
        judgment = Judgment(der)
        assert judgment.report(memory) == whole(judgment.report)


def test_both_ends_of_every_time_are_judged_alike() -> None:
    forge = honest().but(this_update=NOW - 10 * MINUTE, next_update=NOW + DAY)
    memory, skew = KnownSignatures(), VerifyPolicy().skew
    second = timedelta(seconds=1)
    for edge in (
        NOW - 10 * MINUTE,
        NOW - 5 * MINUTE,
        NOW + DAY,
        DELEGATE.certificate.not_before,
        DELEGATE.certificate.not_after,
        NOW - 10 * MINUTE + DAY,
    ):
        for now in (
            edge + side + step for side in (-skew, skew) for step in (-second, second, 0 * second)
        ):
            for policy in (VerifyPolicy(), VerifyPolicy(max_age=DAY)):
                judgment = Judgment(forge.der, now=now, policy=policy)
                assert judgment.report(memory) == whole(judgment.report)


def usual(report: Report) -> bool:
    """Whether nothing of it was told yet: it was believed the short way."""
    return "checks" not in vars(report)


def test_usual_answers_are_believed_the_short_way() -> None:
    forge = honest()
    usual_ones = (
        forge,
        *(forge.but(signer=CA.issue_responder(kind=kind)) for kind in KEY_KINDS),
        forge.but(cert_status=Revoked(NOW - DAY)),
        forge.but(cert_status=Unknown()),
        forge.but(responder_id=ByName(DELEGATE.certificate.subject)),
    )
    for one in usual_ones:
        assert usual(Judgment(one.der).report())
        assert usual(Judgment(one.der, request=request_of(forge)).report(KnownSignatures()))
    with_nonce = forge.but(response_extensions=Extensions.of(NONCE)).der
    assert usual(Judgment(with_nonce, request=request_of(forge, NONCE)).report())


def test_a_memory_of_one_judgment_is_no_other_ones() -> None:
    memory = KnownSignatures()
    judgment = Judgment(honest().der)
    assert judgment.report(memory).verified is not None

    for other in (
        replace(judgment, issuer=NAMESAKE.certificate),
        replace(judgment, now=NOW + 1000 * DAY),
        replace(judgment, certificate=NAMESAKE.issue_server("leaf.example").certificate),
    ):
        assert other.report(memory) == whole(other.report)
        assert other.report(memory).verified is None
