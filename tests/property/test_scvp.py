"""SCVP: what is written is read as it was, in the same octets, and others read the same."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyasn1.codec.der.decoder import decode as judge_decode
from pyasn1_alt_modules import rfc5055 as judge

from certstatus.asn1 import Departure
from certstatus.scvp import (
    CVRequest,
    CVResponse,
    NameValidationAlgParms,
    ReplyWantBack,
    RevocationInfo,
    SCVPCertID,
    ValidationAlg,
    ValidationPolicy,
    ValPolRequest,
    ValPolResponse,
    WantBack,
    WantBackValue,
    cv_request_version,
    encode_cv_request,
    encode_cv_response,
    encode_val_pol_request,
    encode_val_pol_response,
    parse_cv_request,
    parse_cv_response,
    parse_val_pol_request,
    parse_val_pol_response,
    request_hash,
    val_pol_request_version,
)
from certstatus.scvp.policy import encode_validation_policy, read_validation_policy
from tests import der as hand
from tests.property import scvp_strategies as of


@given(of.cv_requests())
def test_a_cv_request(request: CVRequest) -> None:
    der = encode_cv_request(request)
    found = parse_cv_request(der)

    assert found == request
    assert found.der == der
    assert found.departures == ()
    assert encode_cv_request(found) == der
    assert cv_request_version(der) == 1
    assert request_hash(der).matches(der)


@given(of.cv_responses())
def test_a_cv_response(response: CVResponse) -> None:
    der = encode_cv_response(response)
    found = parse_cv_response(der)

    assert found == response
    assert found.der == der
    assert found.departures == ()
    assert encode_cv_response(found) == der


@given(of.val_pol_requests())
def test_a_val_pol_request(request: ValPolRequest) -> None:
    der = encode_val_pol_request(request)
    found = parse_val_pol_request(der)

    assert found == request
    assert found.departures == ()
    assert val_pol_request_version(der) == 1


@given(of.val_pol_responses())
def test_a_val_pol_response(response: ValPolResponse) -> None:
    der = encode_val_pol_response(response)
    found = parse_val_pol_response(der)

    assert found == response
    assert found.departures == ()
    assert encode_val_pol_response(found) == der


@given(of.policies())
def test_a_validation_policy(policy: ValidationPolicy) -> None:
    der = encode_validation_policy(policy)
    departures: list[Departure] = []

    assert read_validation_policy(der, "policy", departures) == policy
    assert departures == []


@given(of.name_parameters())
def test_the_parameters_of_name_validation(parameters: NameValidationAlgParms) -> None:
    assert ValidationAlg.by_names(parameters).name_parameters() == parameters


@given(of.want_back_values())
def test_a_want_back(pair: tuple[WantBack, WantBackValue]) -> None:
    want_back, value = pair

    assert ReplyWantBack.of(want_back, value).typed() == value


@given(of.cert_ids())
def test_a_reference(reference: SCVPCertID) -> None:
    assert SCVPCertID.from_der(reference.encode(), "reference", []) == reference


@given(of.revocation_infos())
def test_revocation_information(info: RevocationInfo) -> None:
    assert RevocationInfo.from_tlv(info.declared("info"), "info") == info


# --- a client that writes every default out ------------------------------------------------


def with_defaults(der: bytes) -> bytes:
    """Write a CVRequest anew with its version, and every flag of its Query."""
    request = [member.der for member in hand.elements(hand.elements(der)[0].contents)]
    query = [member.der for member in hand.elements(hand.elements(request[0])[0].contents)]
    policy = next(place for place, one in enumerate(query) if place > 1 and one[0] == 0x30)
    flags = dict.fromkeys(range(4), b"\xff") | {0: b"\0"}
    if query[policy + 1 : policy + 2] and query[policy + 1][0] == 0x30:
        given = hand.elements(hand.elements(query.pop(policy + 1))[0].contents)
        flags |= {member.tag & 0x1F: member.contents for member in given}
    query.insert(policy + 1, hand.sequence(*(hand.tlv(0x80 | n, one) for n, one in flags.items())))
    return hand.sequence(hand.integer(1), hand.sequence(*query), *request[1:])


@pytest.mark.rule("S5")
@settings(max_examples=60)
@given(of.cv_requests())
def test_a_request_with_every_default_written_out_means_the_same(request: CVRequest) -> None:
    written = with_defaults(encode_cv_request(request))
    found = parse_cv_request(written)

    assert found == request
    assert found.departures[0].text == "writes the default 1 out"
    assert request_hash(found.der).matches(written)
    assert parse_cv_request(encode_cv_request(found)).departures == ()


# --- the judge ----------------------------------------------------------------------------

# Its Certificate, CertificateList and OCSPResponse want real ones, so it is asked for what has none.
JUDGED = {
    "ValidationPolicy": (
        judge.ValidationPolicy(),
        st.builds(
            encode_validation_policy,
            of.policies().filter(
                lambda one: all(anchor.cert is None for anchor in one.trust_anchors)
            ),
        ),
    ),
    "SCVPCertID": (judge.SCVPCertID(), of.cert_ids().map(SCVPCertID.encode)),
    "ValPolRequest": (judge.ValPolRequest(), of.val_pol_requests().map(encode_val_pol_request)),
}


@pytest.mark.parametrize("name", JUDGED)
def test_the_judge_reads_all_of_it(name: str) -> None:
    kind, messages = JUDGED[name]

    @settings(max_examples=40)
    @given(messages)
    def reads(der: bytes) -> None:
        found, rest = judge_decode(der, asn1Spec=kind)
        assert rest == b""
        assert found.isValue

    reads()
