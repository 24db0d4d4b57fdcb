"""What a responder does with a nonce (RFC 9654 §2.1, §3.1)."""

from __future__ import annotations

import pytest

from certstatus.asn1.doorway import encode_tlv
from certstatus.limits import MAX_NONCE_OCTETS
from certstatus.ocsp import Extension, Extensions, Nonce, OCSPResponseStatus
from certstatus.responder import Cause, NonceMode, Reply, Responder
from certstatus.testing import TinyCA
from tests.desk import authority, basic, cert_id, request, respond, signers

OTHER = TinyCA("Other CA")


def with_nonce(octets: bytes) -> bytes:
    return request(extensions=Extensions.of(Nonce(octets)))


def returned(reply: Reply) -> Extension:
    (extension,) = basic(reply).tbs_response_data.response_extensions
    return extension


@pytest.mark.rule("N2", "N3")
@pytest.mark.parametrize("length", [1, 15, 16, 31, 32, 33, 64, 127, MAX_NONCE_OCTETS])
def test_a_nonce_of_any_allowed_length_is_returned_unchanged(length: int) -> None:
    octets = bytes(range(length))

    reply = respond(authority(), with_nonce(octets))

    # One OCTET STRING inside the extension's own (FIELD: double wrapping).
    inner = encode_tlv(0x04, octets)
    assert returned(reply) == Extension(Nonce.oid, inner)


@pytest.mark.rule("N2")
@pytest.mark.parametrize("length", [0, MAX_NONCE_OCTETS + 1, 1000])
@pytest.mark.parametrize("mode", NonceMode)
def test_no_octets_and_too_many_are_malformed_whatever_the_policy(
    length: int, mode: NonceMode
) -> None:
    reply = respond(authority(nonce=mode), with_nonce(bytes(length)))

    assert reply.cause is Cause.NONCE_LENGTH
    assert reply.der == bytes.fromhex("30030a0101")


@pytest.mark.rule("N2", "N3")
@pytest.mark.parametrize(
    ("value", "is_answered"),
    [
        (b"bare nonce", True),
        (b"\x04\x20short", True),
        (b"\x01" * 16, True),
        (b"", False),
        (b"\x01" * (MAX_NONCE_OCTETS + 1), False),
    ],
)
def test_a_nonce_without_its_inner_octet_string_is_returned_as_it_came(
    value: bytes, is_answered: bool
) -> None:
    reply = respond(authority(), request(extensions=Extensions.of(Extension(Nonce.oid, value))))

    if is_answered:
        assert returned(reply) == Extension(Nonce.oid, value)
    else:
        assert reply.cause is Cause.NONCE_LENGTH


@pytest.mark.rule("N3", "O3")
def test_a_critical_nonce_is_returned_as_not_critical() -> None:
    nonce = Extension(Nonce.oid, Nonce(b"n" * 32).encode(), critical=True)

    reply = respond(authority(), request(extensions=Extensions.of(nonce)))

    assert returned(reply) == Extension(Nonce.oid, nonce.value)


@pytest.mark.rule("N3")
def test_no_nonce_is_made_up() -> None:
    assert len(basic(respond(authority())).tbs_response_data.response_extensions) == 0


@pytest.mark.rule("N3", "N4")
def test_an_answer_with_a_nonce_is_for_its_asker_alone() -> None:
    desk = Responder([authority()])
    plain = respond(desk)

    first, second = (respond(desk, with_nonce(b"n" * 32)) for _ in range(2))

    assert not first.is_cacheable
    assert not second.is_remembered
    assert len({plain.der, first.der, second.der}) == 3
    assert respond(desk).der == plain.der


@pytest.mark.rule("N4")
def test_a_required_nonce_that_is_missing_makes_the_request_malformed() -> None:
    strict = authority(nonce=NonceMode.REQUIRE)

    reply = respond(strict)

    assert reply.cause is Cause.NONCE_MISSING
    assert reply.response_status is OCSPResponseStatus.MALFORMED_REQUEST
    assert returned(respond(strict, with_nonce(b"n" * 32))).value == b"\x04\x20" + b"n" * 32


@pytest.mark.rule("L4")
def test_an_ignored_nonce_is_answered_without_and_from_the_memory() -> None:
    desk = Responder([authority(nonce=NonceMode.IGNORE)])

    first, second = (respond(desk, with_nonce(bytes((one,)) * 32)) for one in (1, 2))

    assert len(basic(first).tbs_response_data.response_extensions) == 0
    assert first.is_cacheable
    assert second.is_remembered
    assert second.der == first.der


@pytest.mark.rule("L4", "N4")
@pytest.mark.parametrize(
    ("modes", "is_returned"),
    [
        ((NonceMode.ECHO, NonceMode.ECHO), True),
        ((NonceMode.ECHO, NonceMode.IGNORE), False),
        ((NonceMode.ECHO, NonceMode.REQUIRE), True),
        ((NonceMode.IGNORE, NonceMode.REQUIRE), True),
    ],
)
def test_of_two_authorities_in_one_request_the_stricter_decides(
    modes: tuple[NonceMode, NonceMode], is_returned: bool
) -> None:
    shared = signers()
    desk = Responder(
        [
            authority(by=shared, nonce=modes[0]),
            authority(ca=OTHER, by=shared, nonce=modes[1]),
        ]
    )
    asked = (cert_id(2), cert_id(2, ca=OTHER))
    nonce = Extensions.of(Nonce(b"n" * 32))

    reply = respond(desk, request(*asked, extensions=nonce))
    assert (basic(reply).tbs_response_data.nonce is not None) == is_returned

    without = respond(desk, request(*asked))
    assert (without.cause is Cause.NONCE_MISSING) == (NonceMode.REQUIRE in modes)
