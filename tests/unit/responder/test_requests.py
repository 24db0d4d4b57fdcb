from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from certstatus.asn1 import oids
from certstatus.limits import MAX_REQUEST_BYTES, MAX_RESPONSE_CERTS
from certstatus.ocsp import (
    Good,
    OCSPResponseStatus,
    Signature,
    encode_signed_request,
    encode_tbs_request,
)
from certstatus.pkix import AlgorithmIdentifier, Certificate, GeneralName
from certstatus.responder import Cause, RequestPolicy, Responder, SignedRequests
from certstatus.testing import Issued, TinyCA, plain_algorithm, sign_plain
from certstatus.testing.ca import key_usage
from tests.desk import DAY, NOW, authority, cert_id, request, respond, single

CLIENTS = TinyCA("Clients CA")
CLIENT = CLIENTS.issue("client", usage=key_usage("digital_signature"))
LISTED = TinyCA("Elsewhere").issue("listed client")
STRANGER = TinyCA("Elsewhere").issue("stranger")


def signed(
    by: Issued,
    *,
    certs: tuple[bytes, ...] | None = None,
    name: bool = True,
    also: bytes = b"",
    algorithm: AlgorithmIdentifier | None = None,
) -> bytes:
    """Sign a request; ``also`` is signed with it, and spoils the signature."""
    named = GeneralName.directory_name(by.certificate.subject)
    tbs = encode_tbs_request([cert_id()], requestor_name=named if name else None)
    signature = Signature(
        algorithm or plain_algorithm(by.key),
        sign_plain(by.key, tbs + also),
        (by.certificate.der,) if certs is None else certs,
    )
    return encode_signed_request(tbs, signature)


def desk(mode: SignedRequests, **more: tuple[Certificate, ...]) -> Responder:
    trust = {"anchors": (CLIENTS.certificate,), "requestors": (LISTED.certificate,)} | more
    policy = RequestPolicy(signatures=mode, **trust)  # type: ignore[arg-type]
    return Responder([authority()], requests=policy)


STRICT = (SignedRequests.VERIFY, SignedRequests.REQUIRE)
strictly = pytest.mark.parametrize("mode", STRICT)


@pytest.mark.rule("O5")
@pytest.mark.parametrize("mode", SignedRequests)
def test_only_who_insists_on_signatures_refuses_a_request_without(mode: SignedRequests) -> None:
    reply = respond(desk(mode), request())

    if mode is SignedRequests.REQUIRE:
        assert reply.cause is Cause.UNSIGNED
        assert reply.response_status is OCSPResponseStatus.SIG_REQUIRED
        assert reply.der == bytes.fromhex("30030a0105")
    else:
        assert reply.cause is Cause.ANSWERED


@pytest.mark.rule("O4", "O5")
@pytest.mark.parametrize("mode", SignedRequests)
def test_a_request_that_is_signed_by_somebody_who_is_trusted_is_answered(
    mode: SignedRequests,
) -> None:
    for der in (signed(CLIENT), signed(LISTED), signed(LISTED, certs=())):
        assert single(respond(desk(mode), der)).cert_status == Good()


@pytest.mark.rule("O4", "O5", "A1", "A2")
@pytest.mark.parametrize("kind", ["rsa2048", "p384", "ed25519", "ed448", "mldsa44"])
def test_requests_may_be_signed_with_every_algorithm(kind: str) -> None:
    client = CLIENTS.issue("client", kind=kind)

    assert respond(desk(SignedRequests.REQUIRE), signed(client)).cause is Cause.ANSWERED


def assert_unauthorized(
    der: bytes, cause: Cause, mode: SignedRequests, now: datetime = NOW
) -> None:
    reply = respond(desk(mode), der, now)
    assert reply.cause is cause
    assert reply.der == bytes.fromhex("30030a0106")


@strictly
@pytest.mark.rule("O4")
def test_a_signed_request_that_names_no_requestor_is_malformed(mode: SignedRequests) -> None:
    reply = respond(desk(mode), signed(CLIENT, name=False))

    assert reply.cause is Cause.REQUESTOR_NAME
    assert reply.der == bytes.fromhex("30030a0101")


@pytest.mark.rule("L2")
def test_where_signatures_are_ignored_even_a_wrong_one_without_a_name_is_answered() -> None:
    der = signed(STRANGER, also=b"\0", name=False)

    assert respond(desk(SignedRequests.IGNORE), der).cause is Cause.ANSWERED


@strictly
@pytest.mark.rule("O4", "O5")
def test_a_signature_of_other_bytes_is_unauthorized(mode: SignedRequests) -> None:
    assert_unauthorized(signed(CLIENT, also=b"\0"), Cause.BAD_SIGNATURE, mode)


@strictly
@pytest.mark.rule("O5")
def test_a_signature_by_no_certificate_at_hand_is_unauthorized(mode: SignedRequests) -> None:
    assert_unauthorized(signed(CLIENT, certs=()), Cause.BAD_SIGNATURE, mode)
    other = (LISTED.certificate.der,)
    assert_unauthorized(signed(CLIENT, certs=other), Cause.BAD_SIGNATURE, mode)


@strictly
@pytest.mark.rule("O5")
def test_a_stranger_is_unauthorized(mode: SignedRequests) -> None:
    namesake = TinyCA(CLIENTS.common_name).issue("client")
    renamed = TinyCA("Renamed CA", key=CLIENTS.key).issue("client")
    below = TinyCA("Sub CA", parent=CLIENTS).issue("client")

    for stranger in (STRANGER, namesake, renamed, below):
        assert_unauthorized(signed(stranger), Cause.REQUESTOR, mode)


@strictly
@pytest.mark.rule("O5")
def test_a_requestor_out_of_its_validity_is_unauthorized(mode: SignedRequests) -> None:
    der = signed(CLIENTS.issue("client", not_before=NOW, not_after=NOW + DAY))
    second = timedelta(seconds=1)

    assert respond(desk(mode), der, NOW + DAY).cause is Cause.ANSWERED
    assert_unauthorized(der, Cause.REQUESTOR, mode, NOW + DAY + second)
    assert_unauthorized(der, Cause.REQUESTOR, mode, NOW - second)


@strictly
@pytest.mark.rule("O5")
def test_a_requestor_that_may_not_sign_is_unauthorized(mode: SignedRequests) -> None:
    odd = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3"), b"\x05\x00")
    broken = x509.UnrecognizedExtension(oids.ID_CE_KEY_USAGE, b"\x04\x00")
    clients = [
        CLIENTS.issue("client", usage=key_usage("crl_sign")),
        CLIENTS.issue("client", extensions=((odd, True),)),
        CLIENTS.issue("client", extensions=((broken, True),)),
    ]

    for client in clients:
        assert_unauthorized(signed(client), Cause.REQUESTOR, mode)


@strictly
@pytest.mark.rule("O5", "O29")
def test_a_sha1_signature_is_unauthorized(mode: SignedRequests) -> None:
    client = CLIENTS.issue("client", kind="rsa2048")
    assert isinstance(client.key, rsa.RSAPrivateKey)
    named = GeneralName.directory_name(client.certificate.subject)
    tbs = encode_tbs_request([cert_id()], requestor_name=named)
    signature = Signature(
        AlgorithmIdentifier(oids.SHA1_WITH_RSA, b"\x05\x00"),
        client.key.sign(tbs, padding.PKCS1v15(), hashes.SHA1()),
        (client.certificate.der,),
    )

    assert_unauthorized(encode_signed_request(tbs, signature), Cause.BAD_SIGNATURE, mode)


@strictly
@pytest.mark.rule("O5", "A2")
def test_an_algorithm_that_is_not_known_is_unauthorized(mode: SignedRequests) -> None:
    odd = AlgorithmIdentifier(oids.ID_HASH_ML_DSA_44)

    assert_unauthorized(signed(CLIENT, algorithm=odd), Cause.BAD_SIGNATURE, mode)


@strictly
def test_a_certificate_that_can_not_be_read_spoils_nothing(mode: SignedRequests) -> None:
    junk = b"\x30\x00"
    der = signed(CLIENT, certs=(junk, STRANGER.certificate.der, CLIENT.certificate.der))

    assert respond(desk(mode), der).cause is Cause.ANSWERED


def test_without_anchors_nobody_but_the_listed_is_trusted() -> None:
    alone = partial(desk, SignedRequests.REQUIRE, anchors=())

    assert respond(alone(), signed(CLIENT)).cause is Cause.REQUESTOR
    assert respond(alone(), signed(LISTED)).cause is Cause.ANSWERED


@pytest.mark.rule("O2")
def test_what_is_too_large_is_malformed() -> None:
    many = (b"\x30\x00",) * (MAX_RESPONSE_CERTS + 1)
    large = signed(CLIENT, certs=(b"\x04\x83\x01\x00\x00" + bytes(MAX_REQUEST_BYTES),))

    for der in (signed(CLIENT, certs=many), large):
        assert respond(authority(), der).cause is Cause.MALFORMED
