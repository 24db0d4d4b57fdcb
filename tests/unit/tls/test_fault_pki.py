from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509

from certstatus.limits_tls import FAULT_CA_LIFE, FAULT_CERTIFICATE_LIFE, MAX_FAULT_CERTIFICATES
from certstatus.ocsp import CertID, Nonce, parse_response
from certstatus.pkix import HashAlgorithm, issuance_problem
from certstatus.testing import TinyCA
from certstatus.tls.fault import FAULTS, HONEST
from certstatus.tls.fault_pki import FaultPKI, Identity
from certstatus.verify import Report, Verdict, verify_response

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
NAME = "none.fault.test"


@pytest.fixture
def pki() -> FaultPKI:
    return FaultPKI(now=NOW, ocsp_url="http://127.0.0.1:8888", hosts=("localhost", "127.0.0.1"))


def judged(pki: FaultPKI, identity: Identity, der: bytes, now: datetime = NOW) -> Report:
    certificate, issuer = identity.chain
    return verify_response(der, issuer=issuer, certificate=certificate, now=now)


def test_the_chain_leads_to_the_root(pki: FaultPKI) -> None:
    for name in ("none", "must-staple", "must-staple-ca"):
        certificate, issuer = pki.identity(FAULTS[name], NAME, NOW).chain

        assert issuance_problem(certificate, issuer) is None
        assert issuance_problem(issuer, pki.root.certificate) is None


def test_a_certificate_is_good_for_its_name_and_names_its_fault_s_responder(pki: FaultPKI) -> None:
    fault = FAULTS["expired"]
    certificate = pki.identity(fault, "expired.example.org", NOW).server.certificate

    names = certificate.parsed.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    assert [str(one.value) for one in names.value] == [
        "expired.example.org",
        "localhost",
        "127.0.0.1",
    ]
    assert certificate.ocsp_uris == ("http://127.0.0.1:8888/expired",)
    assert certificate.is_valid_at(NOW)


@pytest.mark.rule("T10")
def test_promises_stand_where_the_fault_has_them(pki: FaultPKI) -> None:
    def promises(name: str) -> list[tuple[int, ...] | None]:
        return [one.tls_features for one in pki.identity(FAULTS[name], NAME, NOW).chain]

    assert promises("none") == [None, None]
    assert promises("must-staple-absent") == [(5,), None]
    assert promises("must-staple-ca") == [None, (5,)]


def test_two_hosts_are_never_taken_for_one_another(pki: FaultPKI) -> None:
    other = FaultPKI(now=NOW, ocsp_url="http://127.0.0.1:8888")

    assert pki.root.certificate.subject != other.root.certificate.subject
    assert pki.intermediate.certificate.subject != other.intermediate.certificate.subject


# --- for weeks -------------------------------------------------------------------------------


def test_a_certificate_is_kept_for_half_its_life_and_then_made_anew(pki: FaultPKI) -> None:
    first = pki.identity(HONEST, NAME, NOW).server
    half = NOW + FAULT_CERTIFICATE_LIFE / 2

    assert first.certificate.not_after == NOW + FAULT_CERTIFICATE_LIFE
    assert pki.identity(HONEST, NAME, half - timedelta(seconds=1)).server is first
    second = pki.identity(HONEST, NAME, half).server
    assert second.certificate.not_after == half + FAULT_CERTIFICATE_LIFE


@pytest.mark.parametrize("name", ["none", "own-key", "expired-delegate", "revoked-delegate"])
def test_a_host_that_runs_for_weeks_is_wrong_in_the_same_way(name: str, pki: FaultPKI) -> None:
    fault = FAULTS[name]
    for days in (0, 10, 20, 40, 400):
        now = NOW + timedelta(days=days)
        identity = pki.identity(fault, NAME, now)
        report = judged(pki, identity, pki.staples(fault, identity, now)[0], now)

        assert report.verdict is fault.verdict, days
        assert {check.rule for check in report.failures} == set(fault.rules)


def test_certificates_end_with_their_ca(pki: FaultPKI) -> None:
    end = pki.root.certificate.not_after
    late = end - timedelta(days=3)

    assert end - pki.root.certificate.not_before == FAULT_CA_LIFE
    assert pki.identity(HONEST, NAME, late).server.certificate.not_after == end


def test_only_so_many_certificates_are_kept(pki: FaultPKI, monkeypatch: pytest.MonkeyPatch) -> None:
    assert MAX_FAULT_CERTIFICATES == 1_000
    monkeypatch.setattr("certstatus.tls.fault_pki.MAX_FAULT_CERTIFICATES", 2)
    first = pki.identity(HONEST, "a.fault.test", NOW).server
    second = pki.identity(HONEST, "b.fault.test", NOW).server
    assert pki.identity(HONEST, "a.fault.test", NOW).server is first

    pki.identity(HONEST, "c.fault.test", NOW)

    assert pki.identity(HONEST, "a.fault.test", NOW).server is first
    assert pki.identity(HONEST, "b.fault.test", NOW).server is not second


# --- what is said ----------------------------------------------------------------------------


def test_the_honest_staples_are_right_for_both_certificates(pki: FaultPKI) -> None:
    identity = pki.identity(HONEST, NAME, NOW)
    server, above = pki.staples(HONEST, identity, NOW)

    assert judged(pki, identity, server).verdict is Verdict.GOOD
    report = verify_response(
        above, issuer=pki.root.certificate, certificate=identity.chain[1], now=NOW
    )
    assert report.verdict is Verdict.GOOD


def test_slots_are_filled_as_the_fault_has_them(pki: FaultPKI) -> None:
    identity = pki.identity(HONEST, NAME, NOW)

    def about(name: str) -> list[int]:
        found = []
        for der in pki.staples(FAULTS[name], identity, NOW):
            basic = parse_response(der).basic
            assert basic is not None
            found.append(basic.tbs_response_data.responses[0].cert_id.serial_number)
        return found

    server, above = (one.serial_number for one in identity.chain)
    assert about("none") == [server, above]
    assert about("swapped") == [above, server]
    assert about("absent") == []


def test_the_responder_speaks_for_its_own_cas_alone(pki: FaultPKI) -> None:
    stranger = CertID.of(TinyCA().certificate, 7)
    own = CertID.of(pki.intermediate.certificate, 7)

    assert pki.answer(HONEST, [stranger], None, NOW) is None
    assert pki.answer(HONEST, [own, stranger], None, NOW) is None
    assert pki.answer(HONEST, [own, own], None, NOW) is not None


@pytest.mark.parametrize("algorithm", HashAlgorithm)
def test_an_answer_names_certificates_as_the_question_does(
    algorithm: HashAlgorithm, pki: FaultPKI
) -> None:
    cert_id = CertID.of(pki.intermediate.certificate, 0x1234, algorithm)

    der = pki.answer(HONEST, [cert_id], Nonce(b"n" * 32), NOW)

    assert der is not None
    basic = parse_response(der).basic
    assert basic is not None
    data = basic.tbs_response_data
    assert [one.cert_id for one in data.responses] == [cert_id]
    assert data.nonce == Nonce(b"n" * 32)


def test_of_its_cas_it_says_what_is_so(pki: FaultPKI) -> None:
    cert_id = CertID.of(pki.root.certificate, pki.intermediate.certificate.serial_number)

    der = pki.answer(FAULTS["revoked"], [cert_id], None, NOW)

    assert der is not None
    report = verify_response(
        der, issuer=pki.root.certificate, certificate=pki.intermediate.certificate, now=NOW
    )
    assert report.verdict is Verdict.GOOD
