"""CVResponse and CertReply: every field both ways, octet for octet."""

from __future__ import annotations

from dataclasses import replace

import pytest
from pyasn1.codec.der.decoder import decode as judge_decode
from pyasn1_alt_modules import rfc5055 as judge

from certstatus.asn1 import oids
from certstatus.errors import MalformedError
from certstatus.limits_scvp import MAX_CV_RESPONSE_BYTES, MAX_QUERIED_CERTS
from certstatus.pkix import AlgorithmIdentifier
from certstatus.scvp import (
    CVResponse,
    CVStatusCode,
    FullRequest,
    HashValue,
    ReplyStatus,
    ResponseStatus,
    RevocationStatus,
    ValidationPolicy,
    encode_cv_response,
    parse_cv_response,
)
from tests import der as hand
from tests import scvp_messages as of


def with_member(position: int, *members: bytes) -> bytes:
    """Write the full response with others in the place of one member."""
    before, after = of.CV_RESPONSE_MEMBERS[:position], of.CV_RESPONSE_MEMBERS[position + 1 :]
    return hand.sequence(*before, *members, *after)


def with_reply_member(position: int, *members: bytes) -> bytes:
    """Write the full response with one CertReply, and others in the place of one of its members."""
    before, after = of.CERT_REPLY_MEMBERS[:position], of.CERT_REPLY_MEMBERS[position + 1 :]
    return with_member(8, hand.explicit(4, hand.sequence(*before, *members, *after)))


@pytest.mark.parametrize(
    ("response", "octets"),
    [
        (of.CV_RESPONSE, of.CV_RESPONSE_OCTETS),
        (of.MINIMAL_RESPONSE, of.MINIMAL_RESPONSE_OCTETS),
    ],
    ids=["every optional item", "an error"],
)
def test_a_response_is_the_octets_of_the_standard_both_ways(
    response: CVResponse, octets: bytes
) -> None:
    assert encode_cv_response(response) == octets
    assert parse_cv_response(octets) == response
    assert parse_cv_response(octets).departures == ()
    assert parse_cv_response(octets).der == octets


def test_another_reader_reads_the_same() -> None:
    found, rest = judge_decode(of.CV_RESPONSE_OCTETS, asn1Spec=judge.CVResponse())
    first, second = found["replyObjects"]

    assert rest == b""
    assert found["serverConfigurationID"] == 7
    assert found["responseStatus"]["statusCode"] == 1
    assert str(found["responseStatus"]["errorMessage"]) == "ging so"
    assert found["requestRef"].getName() == "requestHash"
    assert bytes(found["requestRef"]["requestHash"]["value"]) == b"digest"
    assert bytes(found["respNonce"]) == b"nonce"
    assert [name.getName() for name in found["requestorName"]] == ["directoryName"]
    assert first["cert"]["pkc"].getName() == "cert"
    assert first["replyStatus"] == 7
    assert [int(one["status"]) for one in first["replyChecks"]] == [3, 0]
    assert str(first["validationErrors"][0]) == f"{of.SVP}.3.5"
    assert second["cert"]["pkc"].getName() == "pkcRef"
    assert second["replyStatus"] == 0
    assert len(second["replyChecks"]) == 0


def test_the_whole_request_comes_back_with_its_own_tag_again() -> None:
    response = replace(of.CV_RESPONSE, request_ref=FullRequest(of.CV_REQUEST_OCTETS))
    octets = encode_cv_response(response)
    found = parse_cv_response(octets)

    assert hand.explicit(1, of.retagged(0xA1, of.CV_REQUEST_OCTETS)) in octets
    assert isinstance(found.request_ref, FullRequest)
    assert found.request_ref.der == of.CV_REQUEST_OCTETS
    assert found.request_ref.request() == of.CV_REQUEST
    judged, _ = judge_decode(octets, asn1Spec=judge.CVResponse())
    assert judged["requestRef"].getName() == "fullRequest"


def test_a_response_that_writes_every_default_out_is_read_and_says_so() -> None:
    sha_1 = hand.sequence(hand.oid("1.3.14.3.2.26"))
    reply = hand.sequence(
        of.SECOND_REPLY_MEMBERS[0],
        hand.enumerated(0),
        of.SECOND_REPLY_MEMBERS[1],
        hand.sequence(hand.sequence(hand.oid(f"{of.STC}.1"), hand.integer(0))),
        hand.sequence(),
    )
    found = parse_cv_response(
        hand.sequence(
            *of.CV_RESPONSE_MEMBERS[:3],
            hand.sequence(hand.enumerated(0)),
            hand.explicit(1, hand.explicit(0, sha_1, hand.octet_string(bytes(20)))),
            hand.explicit(4, reply),
        )
    )

    assert found.response_status == ResponseStatus()
    assert found.request_ref == HashValue(bytes(20), AlgorithmIdentifier(oids.ID_SHA1))
    assert [departure.where for departure in found.departures] == [
        "CVResponse.responseStatus.statusCode",
        "CVResponse.requestRef.requestHash.algorithm",
        "CertReply.replyStatus",
        "ReplyCheck.status",
    ]
    assert parse_cv_response(encode_cv_response(found)).departures == ()


def test_okay_is_an_empty_status() -> None:
    okay = replace(of.MINIMAL_RESPONSE, response_status=ResponseStatus())

    assert encode_cv_response(okay) == hand.sequence(*of.CV_RESPONSE_MEMBERS[:3], hand.sequence())


def test_a_policy_by_reference_is_told_from_one_by_value() -> None:
    assert ValidationPolicy().is_by_reference
    assert replace(
        ValidationPolicy(), validation_pol_ref=of.POLICY.validation_pol_ref
    ).is_by_reference
    assert not of.POLICY.is_by_reference
    assert not ValidationPolicy(key_usages=()).is_by_reference


@pytest.mark.parametrize(
    ("code", "is_success", "known"),
    [
        (0, True, CVStatusCode.OKAY),
        (1, True, CVStatusCode.SKIP_UNRECOGNIZED_ITEMS),
        (9, True, None),
        (10, False, CVStatusCode.TOO_BUSY),
        (27, False, CVStatusCode.UNSUPPORTED_CHECKS),
        (99, False, None),
        (-1, False, None),
    ],
)
def test_a_code_below_ten_is_success_whether_we_know_it_or_not(
    code: int, *, is_success: bool, known: CVStatusCode | None
) -> None:
    status = ResponseStatus(code)

    assert status.is_success is is_success
    assert status.known is known


def test_a_code_past_one_octet_is_read_and_not_written() -> None:
    der = with_member(3, hand.sequence(hand.tlv(0x0A, b"\x01\x00")))
    found = parse_cv_response(der)

    assert found.response_status.status_code == 256
    with pytest.raises(MalformedError, match="256"):
        encode_cv_response(found)


def test_a_reply_of_a_later_version_is_read_for_its_reader_to_judge() -> None:
    """The error unsupportedVersion names the highest that the server has (S19)."""
    assert parse_cv_response(with_member(0, hand.integer(2))).cv_response_version == 2


def test_what_a_check_found_is_looked_up_by_its_identifier() -> None:
    reply = of.CERT_REPLY

    assert reply.status_of(oids.ID_STC_BUILD_PKC_PATH) == 0
    assert (
        reply.status_of(oids.ID_STC_BUILD_STATUS_CHECKED_PKC_PATH)
        == RevocationStatus.REVOCATION_UNAVAILABLE
    )
    assert reply.status_of(oids.ID_STC_BUILD_AA_PATH) is None
    assert ReplyStatus.from_number(reply.reply_status) is ReplyStatus.CERT_PATH_NOT_VALID_NOW


@pytest.mark.parametrize(
    "der",
    [
        pytest.param(with_member(3, hand.enumerated(0)), id="a status without its SEQUENCE"),
        pytest.param(with_member(3, hand.sequence(hand.integer(0))), id="a status INTEGER"),
        pytest.param(with_member(3, hand.sequence(b"\x0a\0")), id="a status of no octet"),
        pytest.param(with_member(3, hand.sequence(b"\x0a\x02\0\x05")), id="a status padded"),
        pytest.param(with_member(3, hand.sequence(*[hand.enumerated(1)] * 2)), id="two codes"),
        pytest.param(with_member(5, hand.explicit(1, hand.NULL)), id="requestRef NULL"),
        pytest.param(
            with_member(5, hand.explicit(1, of.SHA_256, hand.octet_string(b"x"))),
            id="requestRef as if its tag were implicit",
        ),
        pytest.param(with_member(5, hand.explicit(1, b"\xa2\0")), id="requestRef of no arm"),
        pytest.param(with_member(7, hand.explicit(3)), id="requestorName empty"),
        pytest.param(with_member(7, hand.explicit(3, hand.sequence())), id="requestorName no name"),
        pytest.param(with_member(8, hand.explicit(4)), id="replyObjects empty"),
        pytest.param(with_reply_member(0, of.LEAF.der), id="cert without a tag of its CHOICE"),
        pytest.param(with_reply_member(0, b"\xa4\0"), id="cert of no arm"),
        pytest.param(with_reply_member(1, hand.integer(7)), id="replyStatus INTEGER"),
        pytest.param(with_reply_member(2), id="no replyValTime"),
        pytest.param(with_reply_member(3), id="no replyChecks"),
        pytest.param(with_reply_member(5, hand.explicit(0)), id="validationErrors empty"),
        pytest.param(
            with_reply_member(6, hand.tlv(0x81, b"20261121120000.5Z")), id="half a second"
        ),
        pytest.param(with_member(12, b"\x88\0"), id="requestorText empty"),
        pytest.param(of.CV_RESPONSE_OCTETS + b"\0", id="an octet after its end"),
    ],
)
def test_a_response_that_breaks_its_grammar_is_malformed(der: bytes) -> None:
    with pytest.raises(MalformedError) as caught:
        parse_cv_response(der)

    assert caught.value.where


def test_a_response_cut_short_anywhere_is_malformed() -> None:
    for size in range(len(of.CV_RESPONSE_OCTETS)):
        with pytest.raises(MalformedError):
            parse_cv_response(of.CV_RESPONSE_OCTETS[:size])


def test_a_response_past_a_limit_is_malformed_at_once() -> None:
    reply = hand.sequence(*of.SECOND_REPLY_MEMBERS)
    many = with_member(8, hand.explicit(4, *[reply] * (MAX_QUERIED_CERTS + 1)))

    with pytest.raises(MalformedError, match="more than 1000"):
        parse_cv_response(many)
    with pytest.raises(MalformedError, match="larger than"):
        parse_cv_response(bytes(MAX_CV_RESPONSE_BYTES + 1))


@pytest.mark.parametrize("der", [b"", b"\x04\0"])
def test_a_full_request_that_is_no_sequence_is_not_written(der: bytes) -> None:
    with pytest.raises(MalformedError, match="no CVRequest"):
        encode_cv_response(replace(of.CV_RESPONSE, request_ref=FullRequest(der)))


def test_a_hash_of_an_unknown_algorithm_says_nothing() -> None:
    unknown = HashValue(b"x", AlgorithmIdentifier(oids.ID_ED25519))

    assert unknown.matches(b"request") is None
