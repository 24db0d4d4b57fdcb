"""A CertID names an issuer by both hashes, under any of four algorithms."""

from __future__ import annotations

from dataclasses import replace

import pytest

from certstatus.asn1 import oids
from certstatus.ocsp import CertID
from certstatus.pkix import AlgorithmIdentifier, HashAlgorithm
from certstatus.sources.issuer import IssuerHashes
from certstatus.testing import TinyCA


@pytest.mark.rule("O1")
@pytest.mark.parametrize("algorithm", HashAlgorithm)
def test_an_issuer_is_known_under_every_hash(ca: TinyCA, algorithm: HashAlgorithm) -> None:
    assert IssuerHashes(ca.certificate).match(CertID.of(ca.certificate, 1, algorithm))


@pytest.mark.rule("O1")
@pytest.mark.parametrize("field", ["issuer_name_hash", "issuer_key_hash"])
def test_one_wrong_hash_is_another_issuer(ca: TinyCA, other_ca: TinyCA, field: str) -> None:
    foreign = getattr(CertID.of(other_ca.certificate, 1), field)
    cert_id = replace(CertID.of(ca.certificate, 1), **{field: foreign})

    assert not IssuerHashes(ca.certificate).match(cert_id)


def test_an_unknown_hash_algorithm_names_nobody(ca: TinyCA) -> None:
    cert_id = replace(
        CertID.of(ca.certificate, 1), hash_algorithm=AlgorithmIdentifier(oids.ID_ED25519)
    )

    assert not IssuerHashes(ca.certificate).match(cert_id)


def test_null_parameters_are_as_good_as_none(ca: TinyCA) -> None:
    cert_id = replace(
        CertID.of(ca.certificate, 1),
        hash_algorithm=AlgorithmIdentifier(oids.ID_SHA256, b"\x05\x00"),
    )

    assert IssuerHashes(ca.certificate).match(cert_id)
