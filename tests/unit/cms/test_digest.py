from __future__ import annotations

import hashlib

import pytest
from cryptography.x509 import ObjectIdentifier

from certstatus.asn1 import oids
from certstatus.cms.digest import (
    digest_algorithm,
    digest_for,
    digest_problem,
    signing_algorithm,
)
from certstatus.errors import MalformedError
from certstatus.pkix import AlgorithmIdentifier
from certstatus.signing import KEY_KINDS
from tests import der
from tests.envelopes import every_signer, issued, signer

NULL = b"\x05\0"
LENGTH_512 = der.integer(512)


@pytest.mark.parametrize(
    ("oid", "parameters", "expected"),
    [
        (oids.ID_SHA1, NULL, hashlib.sha1(b"x").digest()),
        (oids.ID_SHA256, None, hashlib.sha256(b"x").digest()),
        (oids.ID_SHA256, NULL, hashlib.sha256(b"x").digest()),
        (oids.ID_SHA384, None, hashlib.sha384(b"x").digest()),
        (oids.ID_SHA512, None, hashlib.sha512(b"x").digest()),
        (oids.ID_SHA3_256, None, hashlib.sha3_256(b"x").digest()),
        (oids.ID_SHA3_384, None, hashlib.sha3_384(b"x").digest()),
        (oids.ID_SHA3_512, None, hashlib.sha3_512(b"x").digest()),
        (oids.ID_SHAKE128, None, hashlib.shake_128(b"x").digest(32)),
        (oids.ID_SHAKE256, None, hashlib.shake_256(b"x").digest(64)),
        (oids.ID_SHAKE256_LEN, LENGTH_512, hashlib.shake_256(b"x").digest(64)),
    ],
    ids=lambda value: oids.name_of(value) if isinstance(value, ObjectIdentifier) else "",
)
def test_a_digest_is_that_of_its_identifier(
    oid: ObjectIdentifier, parameters: bytes | None, expected: bytes
) -> None:
    found = digest_algorithm(AlgorithmIdentifier(oid, parameters))

    assert found.digest(b"x") == expected
    assert found.bits == 8 * len(expected)
    assert found.is_sha1 == (oid == oids.ID_SHA1)


@pytest.mark.parametrize(
    "identifier",
    [
        AlgorithmIdentifier(ObjectIdentifier("1.2.840.113549.2.5"), NULL),
        AlgorithmIdentifier(oids.ID_SHA256, der.integer(5)),
        AlgorithmIdentifier(oids.ID_SHAKE256_LEN),
        AlgorithmIdentifier(oids.ID_SHAKE256_LEN, NULL),
        AlgorithmIdentifier(oids.ID_SHAKE256_LEN, der.integer(256)),
    ],
    ids=["MD5", "parameters", "no length", "NULL", "another length"],
)
def test_another_digest_is_not_supported(identifier: AlgorithmIdentifier) -> None:
    with pytest.raises(MalformedError, match="digestAlgorithm"):
        digest_algorithm(identifier)


@pytest.mark.rule("A1", "A4")
@pytest.mark.parametrize("kind", KEY_KINDS)
def test_the_digest_that_we_sign_with_goes_with_the_key(kind: str) -> None:
    for one in every_signer(issued(kind)):
        digest = digest_for(one.algorithm)
        assert digest_problem(one.algorithm, digest) is None
        assert not digest.is_sha1
        assert digest_algorithm(digest.identifier) == digest


DIGESTS = {
    "sha1": oids.ID_SHA1,
    "sha256": oids.ID_SHA256,
    "sha384": oids.ID_SHA384,
    "sha512": oids.ID_SHA512,
    "sha3_256": oids.ID_SHA3_256,
    "sha3_384": oids.ID_SHA3_384,
    "sha3_512": oids.ID_SHA3_512,
    "shake128": oids.ID_SHAKE128,
    "shake256": oids.ID_SHAKE256,
}


@pytest.mark.rule("A1", "A4")
@pytest.mark.parametrize(
    ("kind", "fitting"),
    [
        ("rsa2048", {"sha256"}),
        ("p384", {"sha384"}),
        ("ed25519", {"sha512"}),
        ("ed448", {"shake256"}),
        ("mldsa44", set(DIGESTS) - {"sha1"}),
        ("mldsa65", {"sha384", "sha512", "sha3_384", "sha3_512", "shake256"}),
        ("mldsa87", {"sha512", "sha3_512", "shake256"}),
    ],
)
def test_each_kind_of_key_takes_the_digests_of_its_standard(kind: str, fitting: set[str]) -> None:
    algorithm = signer(kind).algorithm

    found = {
        name
        for name, oid in DIGESTS.items()
        if digest_problem(algorithm, digest_algorithm(AlgorithmIdentifier(oid))) is None
    }

    assert found == fitting


def test_plain_rsa_encryption_takes_its_hash_from_the_digest() -> None:
    """As OpenSSL writes it (RFC 5754 §3.2)."""
    sha384 = digest_algorithm(AlgorithmIdentifier(oids.ID_SHA384))
    shake = digest_algorithm(AlgorithmIdentifier(oids.ID_SHAKE256))
    plain = AlgorithmIdentifier(oids.RSA_ENCRYPTION, NULL)

    assert signing_algorithm(plain, sha384).name == "sha384WithRSAEncryption"
    with pytest.raises(MalformedError, match="id-shake256 is not supported"):
        signing_algorithm(plain, shake)
    with pytest.raises(MalformedError, match="not supported"):
        signing_algorithm(AlgorithmIdentifier(oids.RSA_ENCRYPTION, der.integer(1)), sha384)
