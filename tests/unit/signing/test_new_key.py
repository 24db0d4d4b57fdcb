from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa, x25519
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from certstatus.errors import SignerError
from certstatus.signing import KEY_KINDS, generate_key, generate_key_like, key_pem, key_problem


@pytest.mark.parametrize("kind", KEY_KINDS)
def test_a_new_key_is_fit_to_sign_and_may_have_another_like_it(kind: str) -> None:
    key = generate_key(kind)
    other = generate_key_like(key.public_key())

    assert key_problem(key.public_key()) is None
    assert type(other) is type(key)
    assert other.public_key() != key.public_key()
    for attribute in ("key_size", "curve"):
        assert str(getattr(other, attribute, None))[:20] == str(getattr(key, attribute, None))[:20]


def test_an_rsa_key_has_the_size_and_an_ecdsa_key_the_curve_of_the_other() -> None:
    large = rsa.generate_private_key(65537, 2304)
    curve = ec.generate_private_key(ec.SECP384R1())

    like_large = generate_key_like(large.public_key())
    like_curve = generate_key_like(curve.public_key())
    assert isinstance(like_large, rsa.RSAPrivateKey)
    assert like_large.key_size == 2304
    assert isinstance(like_curve, ec.EllipticCurvePrivateKey)
    assert like_curve.curve.name == "secp384r1"


def test_no_key_is_made_like_one_that_does_not_sign() -> None:
    with pytest.raises(SignerError, match="X25519"):
        generate_key_like(x25519.X25519PrivateKey.generate().public_key())


def test_a_key_is_written_plain_or_under_its_password() -> None:
    key = generate_key()

    plain = load_pem_private_key(key_pem(key), None)
    assert plain.public_key() == key.public_key()
    locked = key_pem(key, b"secret")
    assert b"ENCRYPTED" in locked
    assert load_pem_private_key(locked, b"secret").public_key() == key.public_key()
