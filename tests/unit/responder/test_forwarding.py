"""What goes on of a request, and what makes two requests one question."""

from __future__ import annotations

from certstatus.asn1 import oids
from certstatus.ocsp import (
    NO_EXTENSIONS,
    CertID,
    Extensions,
    Nonce,
    PreferredSignatureAlgorithm,
    PreferredSignatureAlgorithms,
    Request,
    encode_request,
    parse_request,
)
from certstatus.ocsp.extensions import Extension
from certstatus.pkix import AlgorithmIdentifier, HashAlgorithm
from certstatus.responder import ForwardedNonce
from certstatus.responder.forwarding import Forwarded, forwarded
from tests.desk import CA, cert_id

NONCE = Nonce(b"n" * 32)
WISHES = PreferredSignatureAlgorithms(
    (PreferredSignatureAlgorithm(AlgorithmIdentifier(oids.ECDSA_WITH_SHA256)),)
)


def forward(
    *asked: CertID | Request, mode: str = "forward", sent: Extensions = NO_EXTENSIONS
) -> Forwarded:
    request = parse_request(encode_request(asked or (cert_id(),), request_extensions=sent))
    issuers = dict.fromkeys(request.cert_ids, CA.certificate)
    return forwarded(request, issuers, ForwardedNonce(mode))


def test_nonces_make_no_other_question_and_wishes_do() -> None:
    plain = forward()
    nonced = forward(sent=Extensions.of(NONCE))
    wishing = forward(sent=Extensions.of(WISHES, NONCE))

    assert plain.key == nonced.key != wishing.key
    assert plain.nonced is None
    assert nonced.nonced is not None
    assert parse_request(nonced.nonced).nonce == NONCE


def test_each_hash_and_each_serial_is_another_question() -> None:
    keys = {forward(cert_id(serial, one)).key for serial in (1, 2) for one in HashAlgorithm}

    assert len(keys) == 2 * len(HashAlgorithm)


def test_a_nonce_is_left_out_where_it_is_not_forwarded() -> None:
    assert forward(mode="ignore", sent=Extensions.of(NONCE)).nonced is None


def test_what_a_client_calls_critical_does_not_go_on_as_critical() -> None:
    critical = Extensions((Extension(Nonce.oid, NONCE.encode(), critical=True),))

    question = forward(sent=critical)

    assert question.nonced is not None
    assert [one.critical for one in parse_request(question.nonced).request_extensions] == [False]


def test_one_that_is_asked_for_twice_goes_on_once() -> None:
    question = forward(cert_id(1), cert_id(2), cert_id(1))

    assert parse_request(question.plain).cert_ids == (cert_id(1), cert_id(2))
    assert not question.is_about_one
    assert forward(cert_id(1), cert_id(1)).is_about_one
