"""What a server says of status, before any socket: the right reply, and how a wrong one is made."""

from __future__ import annotations

from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from certstatus.errors import DecodeError
from certstatus.handshake import (
    TLS12,
    TLS13,
    CertificateEntry,
    CertificateStatusRequest,
    CertificateStatusRequestItemV2,
    CertificateStatusType,
    ClientHello,
    ExtensionType,
    TLSExtension,
    encode_certificate_status_request,
    encode_status_request_v2,
    parse_certificate_status,
)
from certstatus.limits import MAX_RESPONSE_BYTES
from certstatus.limits_tls import MAX_TLS12_STAPLE_BYTES, MAX_TLS13_STAPLE_BYTES, MAX_WIRE_BYTES
from certstatus.tls.wire_manner import Manner, Reply, ServerStaples, honest_reply, misbehave

OCSP, MULTI = CertificateStatusType.OCSP, CertificateStatusType.OCSP_MULTI
V1: Final = TLSExtension(
    ExtensionType.STATUS_REQUEST, encode_certificate_status_request(CertificateStatusRequest())
)


def v2(*kinds: CertificateStatusType) -> TLSExtension:
    items = [CertificateStatusRequestItemV2(kind) for kind in kinds]
    return TLSExtension(ExtensionType.STATUS_REQUEST_V2, encode_status_request_v2(items))


ASKS: Final = {
    "none": ClientHello(),
    "v1": ClientHello(extensions=(V1,)),
    "multi": ClientHello(extensions=(v2(MULTI),)),
    "all": ClientHello(extensions=(V1, v2(OCSP, MULTI))),
}
RESPONSES: Final = st.lists(st.binary(max_size=9), max_size=5).map(tuple)


@given(st.sampled_from(sorted(ASKS)), RESPONSES, st.integers(1, 4))
@pytest.mark.rule("T3", "T9")
def test_the_right_reply_of_tls_1_2_promises_what_it_sends(
    ask: str, responses: tuple[bytes, ...], certificates: int
) -> None:
    hello = ASKS[ask]
    reply = honest_reply(hello, TLS12, responses, certificates)

    assert len(reply.server_hello) == len(reply.statuses) <= 1
    assert reply == Reply(server_hello=reply.server_hello, statuses=reply.statuses)
    for promise, body in zip(reply.server_hello, reply.statuses, strict=True):
        assert promise.data == b""
        assert hello.extension(promise.type) is not None
        status = parse_certificate_status(body)
        assert any(status.responses)
        assert status.responses == responses[: len(status.responses)]
        assert len(status.responses) <= certificates
    if any(responses[:certificates]) and ask == "multi":
        assert reply.statuses


@given(st.sampled_from(sorted(ASKS)), RESPONSES, st.integers(1, 4))
@pytest.mark.rule("T5", "T9")
def test_the_right_reply_of_tls_1_3_stands_in_the_entries_alone(
    ask: str, responses: tuple[bytes, ...], certificates: int
) -> None:
    reply = honest_reply(ASKS[ask], TLS13, responses, certificates)

    assert reply == Reply(entries=reply.entries)
    assert len(reply.entries) <= certificates
    if ASKS[ask].status_request is None:
        assert reply == Reply()
    else:
        sent = [CertificateEntry(cert_data=b"", extensions=one).status for one in reply.entries]
        assert [one.responses[0] if one else b"" for one in sent] == [*responses[:certificates]]


@pytest.mark.rule("T3")
def test_a_response_that_tls_1_2_cannot_hold_is_not_promised() -> None:
    fits = bytes(MAX_TLS12_STAPLE_BYTES)

    assert len(honest_reply(ASKS["v1"], TLS12, (fits,), 1).statuses[0]) == 2**24 - 1
    assert honest_reply(ASKS["v1"], TLS12, (fits + b"\0",), 1) == Reply()


@pytest.mark.rule("T9")
def test_responses_that_do_not_fit_into_the_list_leave_empty_slots() -> None:
    half = bytes(2**23)

    (body,) = honest_reply(ASKS["multi"], TLS12, (half, b"small", half, b"last"), 4).statuses

    assert parse_certificate_status(body).responses == (half, b"small", b"", b"last")


@pytest.mark.parametrize("version", [TLS12, TLS13])
@pytest.mark.rule("T1")
def test_a_question_that_cannot_be_read_is_never_answered(version: int) -> None:
    broken = ClientHello(extensions=(TLSExtension(ExtensionType.STATUS_REQUEST, b"\x01\0"),))

    for manner in Manner:
        with pytest.raises(DecodeError):
            misbehave(broken, version, ServerStaples(responses=(b"r",), manner=manner), 1)


@pytest.mark.rule("T9")
def test_tls_1_3_does_not_read_status_request_v2() -> None:
    broken = TLSExtension(ExtensionType.STATUS_REQUEST_V2, b"\0")
    hello = ClientHello(extensions=(V1, broken))

    assert len(honest_reply(hello, TLS13, (b"r",), 1).entries) == 1
    with pytest.raises(DecodeError):
        honest_reply(hello, TLS12, (b"r",), 1)


@pytest.mark.parametrize("version", [TLS12, TLS13])
@pytest.mark.parametrize("manner", Manner)
def test_a_wrong_way_needs_no_response(version: int, manner: Manner) -> None:
    """An octet stands for it, so that a fault can be shown where nothing is there to staple."""
    given_one = misbehave(ASKS["all"], version, ServerStaples(responses=(b"\0",), manner=manner), 1)
    given_none = misbehave(ASKS["all"], version, ServerStaples(manner=manner), 1)

    is_wrong = manner is not Manner.HONEST and version in manner.versions
    assert given_none == (given_one if is_wrong else Reply())


def test_a_wrong_way_differs_from_the_right_one() -> None:
    """In each of its versions, before a client that asks in the way that shows it."""
    for manner in set(Manner) - {Manner.HONEST}:
        for version in manner.versions:
            asks = [ASKS["multi"] if manner.needs_v2 else ASKS["v1"], ASKS["none"]]
            staples = ServerStaples(responses=(b"r",), manner=manner)
            assert any(
                misbehave(ask, version, staples, 1) != honest_reply(ask, version, (b"r",), 1)
                for ask in asks
            ), (manner, version)


def test_oversize_is_over_what_clients_take_and_under_what_we_read() -> None:
    staples = ServerStaples(responses=(b"response",), manner=Manner.OVERSIZE)

    (body,) = misbehave(ASKS["v1"], TLS12, staples, 1).statuses
    assert MAX_RESPONSE_BYTES < len(body) < MAX_WIRE_BYTES
    ((extension,),) = misbehave(ASKS["v1"], TLS13, staples, 1).entries
    assert len(extension.data) == MAX_TLS13_STAPLE_BYTES + 4
