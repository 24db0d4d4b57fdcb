"""The forge: honest unless told otherwise, and every lie told as named."""

from __future__ import annotations

from datetime import timedelta

import pytest

from certstatus.ocsp import (
    NEVER_ISSUED,
    ByKey,
    ByName,
    ExtendedRevoke,
    Good,
    OCSPResponseStatus,
    Revoked,
    Unknown,
    parse_response,
)
from certstatus.testing import LIES, Forge, TinyCA, contradicting, never_issued
from tests.courtroom import CA, DELEGATE, LEAF, NOW, honest


def test_an_honest_answer_is_what_a_careful_responder_would_send() -> None:
    read = parse_response(honest().der)

    assert read.departures == ()
    assert read.basic is not None
    data = read.basic.tbs_response_data
    (single,) = data.responses
    assert (single.cert_status, single.cert_id) == (Good(), honest().cert_ids[0])
    assert single.this_update <= data.produced_at <= NOW
    assert single.next_update == single.this_update + timedelta(days=4)
    assert data.responder_id == ByKey.of(DELEGATE.certificate)
    assert read.basic.certs == (DELEGATE.certificate.der,)


def test_the_ca_itself_sends_no_certificate_along() -> None:
    read = parse_response(honest().but(signer=CA.issued).der).basic

    assert read is not None
    assert read.certs == ()


def test_a_delegate_is_made_where_none_is_given() -> None:
    forged = Forge.honest(CA, LEAF.serial_number)

    assert forged.signer.certificate.issuer == CA.certificate.subject


def test_any_field_is_put_in_place() -> None:
    forged = honest().but(
        cert_status=Unknown(),
        responder_id=ByName(CA.certificate.subject),
        certs=(b"\x30\x00",),
        sign=lambda _: b"signature",
    )

    read = parse_response(forged.der).basic

    assert read is not None
    assert read.tbs_response_data == forged.data
    assert (read.signature, read.certs) == (b"signature", (b"\x30\x00",))
    assert forged.but(finish=lambda der: der[:5]).der == forged.der[:5]


def test_an_unknown_field_is_a_mistake() -> None:
    with pytest.raises(TypeError):
        honest().but(colour="red")


@pytest.mark.parametrize("lie", LIES)
def test_a_lie_changes_the_answer_and_stays_well_formed(lie: str) -> None:
    """What cannot even be read would be refused for that, and prove nothing about the rule."""
    rule, tell = LIES[lie]
    read = parse_response(tell(honest()).der)

    assert rule[0] in "OLN"
    if lie == "unsigned error status":
        assert read.response_status is OCSPResponseStatus.TRY_LATER
    elif lie == "foreign response type":
        assert read.basic is None
    else:
        assert read.basic is not None


@pytest.mark.parametrize("kind", ["ed25519", "mldsa44"])
def test_a_key_without_sha1_tells_no_sha1_lie(kind: str) -> None:
    ca = TinyCA(kind=kind)
    _, tell = LIES["SHA-1 signature"]

    with pytest.raises(TypeError, match="no SHA-1"):
        tell(Forge.honest(ca, 7, ca.issued))


def test_rsa_and_ecdsa_tell_the_sha1_lie() -> None:
    for kind, name in (("rsa2048", "sha1WithRSAEncryption"), ("p256", "ecdsa-with-SHA1")):
        ca = TinyCA(kind=kind)
        _, tell = LIES["SHA-1 signature"]
        read = parse_response(tell(Forge.honest(ca, 7, ca.issued)).der).basic
        assert read is not None
        assert str(read.signature_algorithm) == name


@pytest.mark.rule("O13")
def test_never_issued_is_told_as_the_standard_has_it() -> None:
    read = parse_response(never_issued(honest()).der).basic

    assert read is not None
    assert read.tbs_response_data.responses[0].cert_status == NEVER_ISSUED
    assert read.tbs_response_data.response_extensions.has(ExtendedRevoke)


def test_contradicting_answers_are_about_one_certificate() -> None:
    read = parse_response(contradicting(honest()).der).basic

    assert read is not None
    first, second = read.tbs_response_data.responses
    assert first.cert_id == second.cert_id
    assert isinstance(first.cert_status, Good)
    assert isinstance(second.cert_status, Revoked)
