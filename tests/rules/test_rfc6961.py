"""RFC 6961: status_request_v2, one response for each certificate, up to TLS 1.2 (T9)."""

from __future__ import annotations

import pytest

from certstatus.handshake import (
    CertificateStatusRequestItemV2,
    TLSExtension,
    encode_status_request_v2,
)
from certstatus.verify import Outcome
from tests.flights import (
    ASKED,
    ASKED_V2,
    MULTI,
    OCSP,
    OTHER,
    PROMISED,
    PROMISED_V2,
    STAPLE,
    STATUS_V2,
    certificate_status,
    check,
    failed_checks,
    failures,
    tls12,
)

BOTH = (ASKED, ASKED_V2)
SLOTS = "one response for each certificate"


def multi(*responses: bytes, asked: tuple[TLSExtension, ...] = BOTH) -> list[tuple[str, str]]:
    status = certificate_status(*responses, kind=MULTI)
    return failures(tls12(status, asked=asked, promised=(PROMISED_V2,)))


@pytest.mark.rule("T9")
def test_the_request_has_type_17_and_lists_by_preference() -> None:
    assert ASKED_V2.encode() == bytes.fromhex("0011 0010 000e 02 0004 0000 0000 01 0004 0000 0000")


@pytest.mark.rule("T9")
@pytest.mark.parametrize(
    ("responses", "staples"),
    [
        ((STAPLE, OTHER), (STAPLE, OTHER)),
        ((STAPLE, b""), (STAPLE, None)),
        ((b"", OTHER), (None, OTHER)),
        ((STAPLE,), (STAPLE, None)),
    ],
)
def test_responses_belong_to_certificates_by_their_place(
    responses: tuple[bytes, ...], staples: tuple[bytes | None, ...]
) -> None:
    flight = tls12(certificate_status(*responses, kind=MULTI), asked=BOTH, promised=(PROMISED_V2,))

    assert failures(flight) == []
    assert flight.staples == staples
    assert flight.is_promised
    assert [item.status_type for item in flight.asked_v2 or ()] == [MULTI, OCSP]
    filled = len([one for one in staples if one])
    assert check(flight, "T9", SLOTS).reason == f"{filled} of 2 certificates have a response"


@pytest.mark.rule("T9")
def test_more_responses_than_certificates_are_an_illegal_parameter() -> None:
    status = certificate_status(STAPLE, OTHER, OTHER, kind=MULTI)
    flight = tls12(status, asked=BOTH, promised=(PROMISED_V2,))

    (found,) = failed_checks(flight)
    assert (found.rule, found.facts["alert"]) == ("T9", "illegal_parameter(47)")
    assert (found.facts["responses"], found.facts["certificates"]) == ("3", "2")
    assert flight.staples == (STAPLE, OTHER)


@pytest.mark.rule("T9")
def test_a_single_response_may_answer_version_2_where_it_was_listed() -> None:
    status = certificate_status(STAPLE)

    assert failures(tls12(status, asked=BOTH, promised=(PROMISED_V2,))) == []


@pytest.mark.rule("T9")
@pytest.mark.parametrize(
    ("listed", "sent", "rule"), [(MULTI, OCSP, "T3"), (OCSP, MULTI, "T9")], ids=str
)
def test_a_type_that_was_not_listed_is_an_illegal_parameter(
    listed: int, sent: int, rule: str
) -> None:
    only = CertificateStatusRequestItemV2(MULTI if listed == MULTI else OCSP)
    asked = TLSExtension(STATUS_V2, encode_status_request_v2([only]))
    status = certificate_status(STAPLE, kind=MULTI if sent == MULTI else OCSP)

    flight = tls12(status, asked=(asked,), promised=(PROMISED_V2,))
    assert failures(flight) == [(rule, "illegal_parameter(47)")]


@pytest.mark.rule("T9")
def test_several_responses_to_a_plain_promise_are_an_illegal_parameter() -> None:
    status = certificate_status(STAPLE, OTHER, kind=MULTI)

    assert failures(tls12(status, asked=BOTH)) == [("T9", "illegal_parameter(47)")]


@pytest.mark.rule("T9")
def test_a_promise_of_version_2_is_empty_and_asked_for() -> None:
    full = TLSExtension(STATUS_V2, b"\0")

    assert failures(tls12(asked=BOTH, promised=(full,))) == [("T9", "decode_error(50)")]
    assert failures(tls12(promised=(PROMISED_V2,))) == [("T9", "unsupported_extension(110)")]
    assert failures(tls12(asked=BOTH, promised=(PROMISED, PROMISED_V2))) == []


@pytest.mark.rule("T9")
@pytest.mark.parametrize(("data", "alert"), [("", 50), ("0000", 50), ("0003 01 0000", 50)])
def test_a_request_of_version_2_that_can_not_be_read_is_named(data: str, alert: int) -> None:
    asked = (ASKED, TLSExtension(STATUS_V2, bytes.fromhex(data)))
    flight = tls12(asked=asked)

    assert failures(flight) == [("T9", f"decode_error({alert})")]
    assert flight.asked_v2 is None


@pytest.mark.rule("T9")
def test_a_request_of_version_2_with_unknown_types_alone_asks_nothing() -> None:
    asked = TLSExtension(STATUS_V2, bytes.fromhex("0003 63 0000"))
    flight = tls12(asked=(ASKED, asked))

    assert check(flight, "T9", "status_request_v2").outcome is Outcome.SKIP
