from __future__ import annotations

from datetime import timedelta

import pytest

from certstatus.errors import MalformedError
from certstatus.explain import Field, explain
from certstatus.ocsp import (
    ByName,
    OCSPResponseStatus,
    Revoked,
    Unknown,
    encode_error_response,
)
from certstatus.pkix import CRLReason, HashAlgorithm
from certstatus.testing import LIES, Forge, TinyCA, never_issued

CA = TinyCA()
RESPONDER = CA.issue_responder()
FORGE = Forge.honest(CA, 1000, RESPONDER)


def data(forge: Forge) -> Field:
    return explain(forge.der).at("responseBytes", "response", "tbsResponseData")


def single(forge: Forge) -> Field:
    return data(forge).at("responses", "SingleResponse")


def test_an_honest_answer_has_every_field_and_departs_from_nothing() -> None:
    tree = explain(FORGE.der)
    assert tree.at("responseStatus").text == "successful (0)"
    assert tree.at("responseBytes", "responseType").text.startswith("id-pkix-ocsp-basic")
    assert not [one for field in tree.walk() for one in (*field.departures, field.problem) if one]
    assert all(field.section.startswith("RFC ") for field in tree.walk())


def test_good_proves_no_issuance() -> None:
    field = single(FORGE).at("certStatus")
    assert field.text == "good"
    assert "no proof that it was ever issued" in field.meaning


@pytest.mark.parametrize("reason", CRLReason)
def test_revoked_says_when_and_why(reason: CRLReason) -> None:
    status = Revoked(FORGE.now, reason)
    field = single(FORGE.but(cert_status=status)).at("certStatus")
    assert field.text == "revoked"
    assert field.at("revocationTime").value == FORGE.now
    assert field.at("revocationReason").text == f"{reason.label} ({int(reason)})"
    assert field.at("revocationReason").meaning


def test_a_hold_may_end_and_a_reason_may_be_absent() -> None:
    hold = Revoked(FORGE.now, CRLReason.CERTIFICATE_HOLD)
    assert "while the hold lasts" in single(FORGE.but(cert_status=hold)).at("certStatus").meaning
    bare = single(FORGE.but(cert_status=Revoked(FORGE.now))).at("certStatus")
    assert bare.at("revocationReason").is_absent


@pytest.mark.rule("O13")
def test_revoked_because_never_issued_is_told_from_a_real_revocation() -> None:
    field = single(never_issued(FORGE)).at("certStatus")
    assert "never issued" in field.meaning


def test_unknown_says_to_ask_another() -> None:
    field = single(FORGE.but(cert_status=Unknown())).at("certStatus")
    assert field.text == "unknown"
    assert "ask another" in field.meaning


@pytest.mark.rule("O19")
def test_without_next_update_newer_data_is_always_available() -> None:
    field = single(FORGE.but(has_next_update=False)).at("nextUpdate")
    assert field.is_absent
    assert "newer data is always available" in field.meaning


def test_times_out_of_order_are_pointed_out() -> None:
    late = FORGE.but(this_update=FORGE.now + timedelta(hours=1))
    assert single(late).at("thisUpdate").departures == ("is later than producedAt",)
    early = FORGE.but(this_update=FORGE.now, next_update=FORGE.now - timedelta(hours=1))
    assert "is earlier than thisUpdate" in single(early).at("nextUpdate").departures


def test_the_responder_is_named_by_key_or_by_name() -> None:
    assert data(FORGE).at("responderID", "byKey").value == RESPONDER.certificate.key_hash(
        HashAlgorithm.SHA1
    )
    named = FORGE.but(responder_id=ByName(RESPONDER.certificate.subject))
    assert data(named).at("responderID", "byName").text == "CN=OCSP responder"


def test_the_certificates_that_come_along_are_told_in_short() -> None:
    certificate = explain(FORGE.der).at("responseBytes", "response", "certs", "Certificate")
    assert certificate.text == "CN=OCSP responder"
    assert certificate.at("extKeyUsage").text == "id-kp-OCSPSigning"
    assert certificate.at("NoCheck").text == "NULL"
    none = explain(FORGE.but(certs=()).der).at("responseBytes", "response", "certs")
    assert none.is_absent


@pytest.mark.rule("O10")
@pytest.mark.parametrize("status", [one for one in OCSPResponseStatus if one])
def test_an_error_status_says_nothing_of_the_certificate(status: OCSPResponseStatus) -> None:
    tree = explain(encode_error_response(status))
    assert tree.at("responseStatus").text == f"{status.label} ({int(status)})"
    assert tree.at("responseStatus").meaning
    assert tree.at("responseBytes").is_absent


def test_several_answers_are_counted_in_the_first_line() -> None:
    revoked = FORGE.but(cert_status=Revoked(FORGE.now)).single(FORGE.cert_ids[0])
    tree = explain(FORGE.but(more=(revoked, revoked)).der)
    assert "3 certificates: 1 good, 2 revoked" in tree.meaning


@pytest.mark.parametrize("lie", LIES)
def test_every_lie_is_explained_without_judgment(lie: str) -> None:
    _, tell = LIES[lie]
    tree = explain(tell(FORGE).der)
    assert tree.name == "OCSPResponse"


@pytest.mark.parametrize("size", [0, 1, 5, 40, 200])
def test_a_response_cut_short_names_what_breaks(size: int) -> None:
    with pytest.raises(MalformedError):
        explain(FORGE.der[:size])
