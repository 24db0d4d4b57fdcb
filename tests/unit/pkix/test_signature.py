"""Signature algorithms: which identifiers are read, and which signatures hold."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cryptography_vectors
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import (
    dsa,
    ec,
    ed448,
    ed25519,
    mldsa,
    padding,
    rsa,
    x25519,
)
from cryptography.x509 import ObjectIdentifier

from certstatus.asn1 import oids
from certstatus.asn1.doorway import encode
from certstatus.errors import MalformedError
from certstatus.pkix import (
    AlgorithmIdentifier,
    SignatureAlgorithm,
    pss_algorithm,
    signature_algorithm,
    signature_problem,
)
from tests import der as hand

DATA = b"what is signed"

RSA = rsa.generate_private_key(65537, 2048)
P256, P384, P521 = (
    ec.generate_private_key(curve) for curve in (ec.SECP256R1(), ec.SECP384R1(), ec.SECP521R1())
)
DSA = dsa.generate_private_key(1024)
ED25519, ED448 = ed25519.Ed25519PrivateKey.generate(), ed448.Ed448PrivateKey.generate()
ML_DSA_44 = mldsa.MLDSA44PrivateKey.generate()
ML_DSA_65 = mldsa.MLDSA65PrivateKey.generate()
ML_DSA_87 = mldsa.MLDSA87PrivateKey.generate()

SHA1, SHA256, SHA384, SHA512 = hashes.SHA1(), hashes.SHA256(), hashes.SHA384(), hashes.SHA512()
Hash = hashes.SHA1 | hashes.SHA256 | hashes.SHA384 | hashes.SHA512
PrivateKey = (
    rsa.RSAPrivateKey
    | ec.EllipticCurvePrivateKey
    | dsa.DSAPrivateKey
    | ed25519.Ed25519PrivateKey
    | ed448.Ed448PrivateKey
    | mldsa.MLDSA44PrivateKey
    | mldsa.MLDSA65PrivateKey
    | mldsa.MLDSA87PrivateKey
)
Case = tuple[ObjectIdentifier, PrivateKey, Callable[[], bytes]]


def rsa_case(oid: ObjectIdentifier, hash_: Hash) -> Case:
    return oid, RSA, lambda: RSA.sign(DATA, padding.PKCS1v15(), hash_)


def ecdsa_case(oid: ObjectIdentifier, key: ec.EllipticCurvePrivateKey, hash_: Hash) -> Case:
    return oid, key, lambda: key.sign(DATA, ec.ECDSA(hash_))


CASES: dict[str, Case] = {
    "sha1 rsa": rsa_case(oids.SHA1_WITH_RSA, SHA1),
    "sha256 rsa": rsa_case(oids.SHA256_WITH_RSA, SHA256),
    "sha384 rsa": rsa_case(oids.SHA384_WITH_RSA, SHA384),
    "sha512 rsa": rsa_case(oids.SHA512_WITH_RSA, SHA512),
    "sha1 p256": ecdsa_case(oids.ECDSA_WITH_SHA1, P256, SHA1),
    "sha256 p256": ecdsa_case(oids.ECDSA_WITH_SHA256, P256, SHA256),
    "sha384 p384": ecdsa_case(oids.ECDSA_WITH_SHA384, P384, SHA384),
    "sha512 p521": ecdsa_case(oids.ECDSA_WITH_SHA512, P521, SHA512),
    "sha512 p256": ecdsa_case(oids.ECDSA_WITH_SHA512, P256, SHA512),
    "sha1 dsa": (oids.DSA_WITH_SHA1, DSA, lambda: DSA.sign(DATA, SHA1)),
    "sha256 dsa": (oids.DSA_WITH_SHA256, DSA, lambda: DSA.sign(DATA, SHA256)),
    "ed25519": (oids.ID_ED25519, ED25519, lambda: ED25519.sign(DATA)),
    "ed448": (oids.ID_ED448, ED448, lambda: ED448.sign(DATA)),
    "ml-dsa-44": (oids.ID_ML_DSA_44, ML_DSA_44, lambda: ML_DSA_44.sign(DATA)),
    "ml-dsa-65": (oids.ID_ML_DSA_65, ML_DSA_65, lambda: ML_DSA_65.sign(DATA)),
    "ml-dsa-87": (oids.ID_ML_DSA_87, ML_DSA_87, lambda: ML_DSA_87.sign(DATA)),
}
HASHED = [name for name in CASES if name.startswith("sha")]


def read(oid: ObjectIdentifier, parameters: bytes | None = None) -> SignatureAlgorithm:
    return signature_algorithm(AlgorithmIdentifier(oid, parameters))


@pytest.mark.parametrize("name", CASES)
@pytest.mark.rule("O29", "A1", "A2")
def test_a_signature_of_every_algorithm_holds_over_its_bytes_alone(name: str) -> None:
    oid, key, sign = CASES[name]
    algorithm, public, signature = read(oid), key.public_key(), sign()
    flipped = bytes((signature[0] ^ 1,)) + signature[1:]

    assert signature_problem(algorithm, public, signature, DATA) is None
    assert signature_problem(algorithm, public, signature, DATA + b"\0") is not None
    assert signature_problem(algorithm, public, flipped, DATA) is not None


@pytest.mark.parametrize("signature", [b"", b"\0", b"\x30\x06\x02\x01\0\x02\x01\0", bytes(5000)])
@pytest.mark.parametrize("name", CASES)
def test_junk_for_a_signature_does_not_hold_and_raises_nothing(name: str, signature: bytes) -> None:
    oid, key, _ = CASES[name]

    assert signature_problem(read(oid), key.public_key(), signature, DATA) is not None


@pytest.mark.parametrize("name", CASES)
def test_a_key_of_another_kind_is_named_and_not_tried(name: str) -> None:
    oid, key, sign = CASES[name]
    algorithm, signature = read(oid), sign()
    others = [other.public_key() for _, other, _ in CASES.values() if type(other) is not type(key)]

    for other in [*others, x25519.X25519PrivateKey.generate().public_key()]:
        told = signature_problem(algorithm, other, signature, DATA)
        assert told == f"the key is not one for {algorithm.name}"


def test_another_key_of_the_same_kind_does_not_fit() -> None:
    oid, _, sign = CASES["sha256 p256"]
    other = ec.generate_private_key(ec.SECP256R1()).public_key()

    assert signature_problem(read(oid), other, sign(), DATA) == "the signature does not match"


def test_an_algorithm_carries_its_name_and_its_identifier() -> None:
    """RFC 4055 §5: NULL beside RSA; RFC 5758 §3.2: nothing beside ECDSA."""
    assert read(oids.SHA256_WITH_RSA).identifier.parameters == hand.NULL
    assert read(oids.ECDSA_WITH_SHA256, hand.NULL).identifier.parameters is None
    assert read(oids.ID_ED25519).name == "id-Ed25519"


@pytest.mark.rule("O29")
def test_sha1_is_told_apart() -> None:
    weak = {name for name, (oid, _, _) in CASES.items() if read(oid).is_sha1}

    assert weak == {"sha1 rsa", "sha1 p256", "sha1 dsa"}
    assert read(oids.RSASSA_PSS, hand.sequence()).is_sha1


# --- parameters ---------------------------------------------------------------------------


@pytest.mark.parametrize("parameters", [None, hand.NULL])
@pytest.mark.parametrize("name", HASHED)
def test_hashed_algorithms_are_read_with_parameters_null_and_absent(
    name: str, parameters: bytes | None
) -> None:
    oid, _, _ = CASES[name]

    assert read(oid, parameters) == read(oid)


@pytest.mark.parametrize("parameters", [hand.sequence(), hand.octet_string(b"")])
@pytest.mark.parametrize("name", HASHED)
def test_hashed_algorithms_with_other_parameters_are_refused(name: str, parameters: bytes) -> None:
    with pytest.raises(MalformedError, match="unknown parameters"):
        read(CASES[name][0], parameters)


@pytest.mark.parametrize("parameters", [hand.NULL, hand.sequence(), hand.octet_string(b"")])
@pytest.mark.parametrize("name", [name for name in CASES if name not in HASHED])
@pytest.mark.rule("A1", "A2")
def test_eddsa_and_ml_dsa_have_no_parameters_at_all(name: str, parameters: bytes) -> None:
    """RFC 8410 §3, RFC 9881 §2: "the parameters ... MUST be absent"."""
    with pytest.raises(MalformedError, match="must have no parameters") as caught:
        read(CASES[name][0], parameters)
    assert caught.value.rule == "A1"


@pytest.mark.parametrize(
    "oid", [oids.ID_HASH_ML_DSA_44, oids.ID_HASH_ML_DSA_65, oids.ID_HASH_ML_DSA_87]
)
@pytest.mark.rule("A2")
def test_hash_ml_dsa_is_refused_by_name(oid: ObjectIdentifier) -> None:
    with pytest.raises(MalformedError, match="id-hash-ml-dsa") as caught:
        read(oid)
    assert caught.value.rule == "A2"


@pytest.mark.parametrize("arcs", ["1.2.840.113549.1.1.4", "1.2.840.113549.1.1.1", "1.2.3"])
def test_an_unknown_algorithm_is_refused(arcs: str) -> None:
    with pytest.raises(MalformedError, match="is not supported"):
        read(ObjectIdentifier(arcs))


@pytest.mark.rule("A2")
@pytest.mark.parametrize(
    ("size", "oid", "kind"),
    [
        (44, oids.ID_ML_DSA_44, mldsa.MLDSA44PublicKey),
        (65, oids.ID_ML_DSA_65, mldsa.MLDSA65PublicKey),
        (87, oids.ID_ML_DSA_87, mldsa.MLDSA87PublicKey),
    ],
)
def test_ml_dsa_is_verified_with_an_empty_context(
    size: int, oid: ObjectIdentifier, kind: type[mldsa.MLDSA44PublicKey]
) -> None:
    """The known answers of FIPS 204 are signed with a context: sound, and not for X.509."""
    folder = Path(cryptography_vectors.__file__).parent / "asymmetric" / "MLDSA"
    text = (folder / f"kat_MLDSA_{size}_det_pure.rsp").read_text()
    block = text.split("count = 1\n")[0]
    answer = dict(line.split(" = ") for line in block.splitlines() if " = " in line)
    message, context = bytes.fromhex(answer["msg"]), bytes.fromhex(answer["ctx"])
    signature = bytes.fromhex(answer["sm"])[: -len(message)]
    key = kind.from_public_bytes(bytes.fromhex(answer["pk"]))

    key.verify(signature, message, context)
    assert signature_problem(read(oid), key, signature, message) == "the signature does not match"


# --- RSASSA-PSS ---------------------------------------------------------------------------

DIGESTS: dict[ObjectIdentifier, Hash] = {
    oids.ID_SHA1: SHA1,
    oids.ID_SHA256: SHA256,
    oids.ID_SHA384: SHA384,
    oids.ID_SHA512: SHA512,
}


def pss_signature(hash_: Hash, salt_length: int, mask: Hash | None = None) -> bytes:
    return RSA.sign(DATA, padding.PSS(padding.MGF1(mask or hash_), salt_length), hash_)


def hash_algorithm(oid: ObjectIdentifier, parameters: bytes = hand.NULL) -> bytes:
    return hand.sequence(hand.oid(oid.dotted_string), parameters)


def pss_parameters(
    hash_: bytes = b"", mask: bytes = b"", salt_length: int | None = None, trailer: bytes = b""
) -> bytes:
    return hand.sequence(
        hand.explicit(0, hash_) if hash_ else b"",
        hand.explicit(1, hand.sequence(hand.oid("1.2.840.113549.1.1.8"), mask)) if mask else b"",
        b"" if salt_length is None else hand.explicit(2, hand.integer(salt_length)),
        hand.explicit(3, trailer) if trailer else b"",
    )


@pytest.mark.parametrize("salt_length", [0, 20, 32, 64])
@pytest.mark.parametrize("parameters", [b"", hand.NULL])
@pytest.mark.parametrize("oid", [oids.ID_SHA256, oids.ID_SHA384, oids.ID_SHA512])
@pytest.mark.rule("O29")
def test_pss_is_read_with_any_hash_and_salt_and_with_parameters_null_and_absent(
    oid: ObjectIdentifier, parameters: bytes, salt_length: int
) -> None:
    named = hash_algorithm(oid, parameters)
    algorithm = read(oids.RSASSA_PSS, pss_parameters(named, named, salt_length))
    signature = pss_signature(DIGESTS[oid], salt_length)

    assert signature_problem(algorithm, RSA.public_key(), signature, DATA) is None
    other = pss_signature(DIGESTS[oid], salt_length + 1)
    assert signature_problem(algorithm, RSA.public_key(), other, DATA) is not None
    pkcs1 = RSA.sign(DATA, padding.PKCS1v15(), DIGESTS[oid])
    assert signature_problem(algorithm, RSA.public_key(), pkcs1, DATA) is not None


def test_pss_defaults_are_sha1_with_a_salt_of_twenty_octets() -> None:
    """RFC 4055 §3.1; a default may also stand written out."""
    sha1 = hash_algorithm(oids.ID_SHA1)
    signature = pss_signature(SHA1, 20)

    for parameters in (hand.sequence(), pss_parameters(sha1, sha1, 20, hand.integer(1))):
        algorithm = read(oids.RSASSA_PSS, parameters)
        assert signature_problem(algorithm, RSA.public_key(), signature, DATA) is None


SHA256_NAMED = hash_algorithm(oids.ID_SHA256)


@pytest.mark.parametrize(
    "parameters",
    [
        None,
        hand.NULL,
        b"junk",
        pss_parameters(hash_algorithm(ObjectIdentifier("1.2.840.113549.2.5"))),
        pss_parameters(SHA256_NAMED),  # the mask's hash is SHA-1 by default
        pss_parameters(SHA256_NAMED, hash_algorithm(oids.ID_SHA512), 32),
        pss_parameters(SHA256_NAMED, SHA256_NAMED, -1),
        pss_parameters(SHA256_NAMED, SHA256_NAMED, 513),
        pss_parameters(SHA256_NAMED, SHA256_NAMED, 32, hand.integer(2)),
        pss_parameters(SHA256_NAMED, SHA256_NAMED, 2**64),
        hand.sequence(
            hand.explicit(0, SHA256_NAMED),
            hand.explicit(1, hand.sequence(hand.oid("1.2.3"), SHA256_NAMED)),
        ),
        hand.sequence(
            hand.explicit(0, SHA256_NAMED),
            hand.explicit(1, hand.sequence(hand.oid("1.2.840.113549.1.1.8"))),
        ),
    ],
)
def test_pss_with_parameters_that_we_do_not_use_is_refused(parameters: bytes | None) -> None:
    with pytest.raises(MalformedError, match="signatureAlgorithm"):
        read(oids.RSASSA_PSS, parameters)


@pytest.mark.parametrize(
    ("oid", "expected"),
    [
        (oids.ID_SHA256, "3034a00f300d06096086480165030402010500a11c301a06092a864886f70d0101083"),
        (oids.ID_SHA384, "3034a00f300d06096086480165030402020500a11c301a06092a864886f70d0101083"),
        (oids.ID_SHA512, "3034a00f300d06096086480165030402030500a11c301a06092a864886f70d0101083"),
    ],
)
@pytest.mark.rule("B7")
def test_pss_is_written_in_the_very_bytes_of_the_baseline_requirements(
    oid: ObjectIdentifier, expected: str
) -> None:
    """BR 7.1.3.2.1 fixes them; the salt is as long as the hash."""
    algorithm = pss_algorithm(oid)
    whole = encode(algorithm.identifier.declared()).hex()

    assert whole.startswith("304106092a864886f70d01010a" + expected)
    assert whole.endswith(f"a2030201{DIGESTS[oid].digest_size:02x}")
    signature = RSA.sign(DATA, algorithm.pss(), DIGESTS[oid])
    assert (
        signature_problem(
            signature_algorithm(algorithm.identifier), RSA.public_key(), signature, DATA
        )
        is None
    )


@pytest.mark.parametrize(
    ("oid", "expected"),
    [
        (oids.SHA256_WITH_RSA, "300d06092a864886f70d01010b0500"),
        (oids.SHA384_WITH_RSA, "300d06092a864886f70d01010c0500"),
        (oids.SHA512_WITH_RSA, "300d06092a864886f70d01010d0500"),
        (oids.ECDSA_WITH_SHA256, "300a06082a8648ce3d040302"),
        (oids.ECDSA_WITH_SHA384, "300a06082a8648ce3d040303"),
        (oids.ECDSA_WITH_SHA512, "300a06082a8648ce3d040304"),
    ],
)
@pytest.mark.rule("B7")
def test_identifiers_are_written_in_the_very_bytes_of_the_baseline_requirements(
    oid: ObjectIdentifier, expected: str
) -> None:
    """BR 7.1.3.2.1 and 7.1.3.2.2."""
    assert encode(read(oid).identifier.declared()).hex() == expected
