from __future__ import annotations

from dataclasses import replace

from cryptography.x509 import ObjectIdentifier

from certstatus.delegated.holdings import Holdings, brought_by
from certstatus.path import CertificatePool
from certstatus.pkix import AlgorithmIdentifier, HashAlgorithm
from certstatus.scvp import RevocationInfo, SCVPCertID
from tests import der as hand
from tests.delegating import CA, CA_CRL, INFOS, LEAF, ROOT, query

BROKEN = hand.sequence(hand.NULL)


def test_a_reference_finds_its_certificate_by_hash_issuer_and_serial_number() -> None:
    holdings = Holdings([CA.certificate, ROOT.certificate])
    for algorithm in HashAlgorithm:
        assert holdings.find(SCVPCertID.of(CA.certificate, algorithm)) == CA.certificate
    reference = SCVPCertID.of(CA.certificate)
    unknown = AlgorithmIdentifier(ObjectIdentifier("1.2.3"))
    assert holdings.find(replace(reference, cert_hash=bytes(32))) is None
    assert holdings.find(replace(reference, serial_number=1)) is None
    assert holdings.find(replace(reference, hash_algorithm=unknown)) is None


def test_what_the_query_brings_is_referred_to_as_well() -> None:
    reference = SCVPCertID.of(LEAF.certificate)
    assert Holdings([]).find(reference) is None
    assert Holdings([]).find(reference, [LEAF.certificate]) == LEAF.certificate


def test_what_cannot_be_read_spoils_nothing_else() -> None:
    infos = (RevocationInfo.crl(BROKEN), *INFOS, RevocationInfo.ocsp(BROKEN))
    asked = query(intermediate_certs=(BROKEN, CA.certificate.der), rev_infos=infos)
    brought = brought_by(asked, CertificatePool([ROOT.certificate]))
    assert brought.certificates == (CA.certificate,)
    assert set(brought.pool) == {CA.certificate, ROOT.certificate}
    assert CA_CRL.der in {one.crl.der for one in brought.crls}
    assert len(brought.crls) == 2
    assert brought.ocsp_responses == ()
