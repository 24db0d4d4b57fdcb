from __future__ import annotations

import pytest
from asn1crypto import cms as judge
from cryptography.x509 import ObjectIdentifier

from certstatus.asn1 import oids
from certstatus.cms import (
    OtherRevocationInfo,
    SavedEvidence,
    SCVPExchange,
    encode_content_info,
    encode_evidence,
    encode_signed_data,
    parse_evidence,
    sign_content,
)
from certstatus.errors import MalformedError
from certstatus.limits_scvp import MAX_BER_ELEMENTS
from certstatus.ocsp import OCSPResponseStatus, encode_error_response, parse_response
from certstatus.pkix import CertificateList
from certstatus.signing import Purpose
from certstatus.testing import Forge
from tests import der
from tests.envelopes import CA, CONTENT, REQUEST, RESPONSE, Draft, issued, signed, signer
from tests.envelopes import judge as judged

OCSP_RESPONSE = parse_response(Forge.honest(CA, 5).der)
CRL = CertificateList.from_der(CA.crl())
OTHER = OtherRevocationInfo(ObjectIdentifier("1.2.3"), der.sequence(der.NULL))
SCVP_REQUEST = encode_content_info(REQUEST, CONTENT)


def reply(*after: bytes, status: bytes = der.sequence()) -> bytes:
    """Write the start of a CVResponse: versions, time, status, and what follows."""
    time = der.generalized_time("20261121120000Z")
    return der.sequence(der.integer(1), der.integer(1), time, status, *after)


def signed_reply(content: bytes, content_type: ObjectIdentifier = RESPONSE) -> bytes:
    return sign_content(content_type, content, signer(purpose=Purpose.SCVP_SERVER))


FULL_REQUEST = der.explicit(1, der.tlv(0xA1, der.sequence()))
POLICY = der.tlv(0xA0, der.sequence(der.oid("1.3.6.1.5.5.7.19.1")))
BY_HASH = der.explicit(1, der.tlv(0xA0, der.octet_string(bytes(20))))
OKAY = signed_reply(reply())
EXCHANGE = SCVPExchange(response=OKAY, request=SCVP_REQUEST)
EVERYTHING = SavedEvidence(
    certificates=(CA.certificate, issued().certificate),
    crls=(CRL,),
    ocsp_responses=(OCSP_RESPONSE,),
    exchanges=(EXCHANGE,),
    others=(OTHER,),
)


@pytest.mark.rule("X4")
def test_evidence_of_every_kind_is_read_as_it_was_saved() -> None:
    whole = encode_evidence(EVERYTHING)

    found = parse_evidence(whole)

    assert set(found.certificates) == set(EVERYTHING.certificates)
    assert [crl.der for crl in found.crls] == [CRL.der]
    assert [one.der for one in found.ocsp_responses] == [OCSP_RESPONSE.der]
    assert found.exchanges == (EXCHANGE,)
    assert found.others == (OTHER,)
    assert encode_evidence(found) == whole
    assert parse_evidence(encode_evidence(SavedEvidence())) == SavedEvidence()


@pytest.mark.rule("X4")
def test_another_reader_finds_each_by_its_format() -> None:
    theirs = judge.ContentInfo.load(encode_evidence(EVERYTHING))["content"]

    assert theirs["version"].native == "v5"
    assert len(theirs["signer_infos"]) == len(theirs["digest_algorithms"]) == 0
    assert theirs["encap_content_info"]["content_type"].native == "data"
    formats = {
        one.chosen["other_rev_info_format"].native: one.chosen["other_rev_info"]
        for one in theirs["crls"]
        if one.name == "other"
    }
    assert set(formats) == {"ocsp_response", "scvp", "1.2.3"}
    assert formats["ocsp_response"].dump() == OCSP_RESPONSE.der
    (crl,) = [one.chosen for one in theirs["crls"] if one.name != "other"]
    assert crl.dump() == CRL.der


@pytest.mark.rule("X4")
def test_evidence_goes_with_a_signature_too() -> None:
    infos = EVERYTHING.revocation_infos()
    whole = sign_content(
        REQUEST, CONTENT, signer(), certificates=[CA.certificate], revocation_infos=infos
    )

    report = judged(whole)

    assert report.require().content == CONTENT
    assert report.signed_data is not None
    assert report.signed_data.version == 5
    found = parse_evidence(report.signed_data)
    assert found.exchanges == (EXCHANGE,)
    assert [one.der for one in found.ocsp_responses] == [OCSP_RESPONSE.der]


@pytest.mark.rule("X4")
def test_an_ocsp_response_is_evidence_only_where_it_is_successful() -> None:
    refusal = parse_response(encode_error_response(OCSPResponseStatus.UNAUTHORIZED))
    with pytest.raises(MalformedError, match="says unauthorized is no evidence"):
        SavedEvidence(ocsp_responses=(refusal,)).revocation_infos()

    whole = with_other("1.3.6.1.5.5.7.16.2", refusal.der)
    with pytest.raises(MalformedError, match=r"no evidence \[X4\]"):
        parse_evidence(whole)


def with_other(oid: str, info: bytes) -> bytes:
    """Write evidence by hand, that our own writer refuses."""
    other = der.tlv(0xA1, der.oid(oid), info)
    return encode_signed_data(oids.ID_DATA, None, revocation_infos=[other])


def exchanged(response: bytes, request: bytes | None) -> bytes:
    asked = b"" if request is None else der.explicit(0, request)
    return der.sequence(asked, response)


@pytest.mark.rule("X4")
@pytest.mark.parametrize(
    ("response", "request_", "words"),
    [
        (encode_content_info(RESPONSE, reply()), SCVP_REQUEST, "is not signed"),
        (signed_reply(reply(), REQUEST), SCVP_REQUEST, "is no signed CVResponse"),
        (Draft(content=reply(), content_type=RESPONSE.dotted_string, signers=0).der, SCVP_REQUEST,
         "is no signed CVResponse"),
        (signed_reply(reply(status=der.sequence(der.enumerated(1)))), SCVP_REQUEST,
         "status 1, not okay"),
        (signed_reply(reply(status=der.sequence(der.enumerated(24)))), None, "status 24"),
        (OKAY, None, "the whole request, which is not beside it"),
        (signed_reply(reply(BY_HASH)), None, "the whole request, which is not beside it"),
        (signed_reply(der.sequence(der.integer(1))), SCVP_REQUEST, "CVResponse"),
        (signed_reply(der.NULL), SCVP_REQUEST, "CVResponse"),
        (OKAY, der.sequence(), "ContentInfo"),
        (der.sequence(), SCVP_REQUEST, "ContentInfo"),
    ],
    ids=["unsigned", "a request", "no signer", "skipped items", "bad signature", "no request",
         "by hash", "cut short", "no sequence", "broken request", "broken response"],
)  # fmt: skip
def test_an_scvp_reply_is_evidence_only_signed_okay_and_with_its_request(
    response: bytes, request_: bytes | None, words: str
) -> None:
    exchange = SCVPExchange(response=response, request=request_)
    with pytest.raises(MalformedError, match=words):
        SavedEvidence(exchanges=(exchange,)).revocation_infos()
    with pytest.raises(MalformedError, match=words):
        parse_evidence(with_other("1.3.6.1.5.5.7.16.4", exchanged(response, request_)))


@pytest.mark.rule("X4")
@pytest.mark.parametrize(
    "content",
    [
        reply(FULL_REQUEST),
        reply(POLICY, FULL_REQUEST),
        reply(FULL_REQUEST, status=der.sequence(der.enumerated(0))),
    ],
    ids=["alone", "after a policy", "okay written out"],
)
def test_a_reply_with_the_whole_request_needs_none_beside_it(content: bytes) -> None:
    exchange = SCVPExchange(response=signed_reply(content))

    assert parse_evidence(encode_evidence(SavedEvidence(exchanges=(exchange,)))).exchanges == (
        exchange,
    )


@pytest.mark.parametrize(
    "whole",
    [
        with_other("1.3.6.1.5.5.7.16.2", der.NULL),
        with_other("1.3.6.1.5.5.7.16.4", der.NULL),
        encode_signed_data(oids.ID_DATA, None, revocation_infos=[der.tlv(0xA1, der.NULL)]),
        encode_signed_data(oids.ID_DATA, None, revocation_infos=[der.NULL]),
        encode_signed_data(oids.ID_DATA, None, certificates=[der.NULL]),
        encode_content_info(oids.ID_DATA, der.octet_string()),
    ],
    ids=["OCSP response", "SCVP", "format", "CRL", "certificate", "no signed data"],
)
def test_broken_evidence_is_malformed(whole: bytes) -> None:
    with pytest.raises(MalformedError):
        parse_evidence(whole)


def test_a_signed_message_without_any_is_no_evidence_of_revocation() -> None:
    assert parse_evidence(signed()) == SavedEvidence(certificates=(issued().certificate,))


def test_what_is_der_is_read_whatever_its_elements() -> None:
    """Only BER is normalised, and bounded by its count: a CRL may have a million entries."""
    many = OtherRevocationInfo(OTHER.info_format, der.sequence(der.NULL * MAX_BER_ELEMENTS))

    assert parse_evidence(encode_evidence(SavedEvidence(others=(many,)))).others == (many,)
