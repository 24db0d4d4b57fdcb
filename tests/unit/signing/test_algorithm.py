from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from certstatus.asn1 import oids
from certstatus.asn1.doorway import encode
from certstatus.errors import SignerError
from certstatus.limits_signers import MIN_RSA_BITS
from certstatus.ocsp import PreferredSignatureAlgorithm, PreferredSignatureAlgorithms
from certstatus.pkix import AlgorithmIdentifier, pss_algorithm, signature_algorithm
from certstatus.signing import (
    Choice,
    LocalSigner,
    Rung,
    choose_signer,
    key_problem,
    make_signers,
    offered_algorithms,
)
from certstatus.testing import TinyCA, generate_key

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
CA = TinyCA("Signing CA")
NULL = b"\x05\x00"


def signer(kind: str, algorithm: str | None = None, days: int = 30) -> LocalSigner:
    issued = CA.issue_responder(kind, kind=kind, not_after=NOW + timedelta(days=days))
    names = () if algorithm is None else (algorithm,)
    return make_signers(issued.key, issued.certificate, issuer=CA.certificate, algorithms=names)[0]


ED25519 = signer("ed25519")
P256 = signer("p256")
P384 = signer("p384", "ecdsa-with-SHA256")
RSA = signer("rsa2048")
PSS = signer("rsa2048", "id-RSASSA-PSS with sha256")
EXPIRED = signer("ed448", days=-1)
ALL = (P256, ED25519, RSA, PSS, EXPIRED)


def identifier(one: LocalSigner) -> AlgorithmIdentifier:
    return one.algorithm.identifier


def preferring(*wishes: LocalSigner | PreferredSignatureAlgorithm) -> PreferredSignatureAlgorithms:
    return PreferredSignatureAlgorithms(
        tuple(
            PreferredSignatureAlgorithm(identifier(one)) if isinstance(one, LocalSigner) else one
            for one in wishes
        )
    )


@pytest.mark.rule("O31")
def test_each_rung_counts_only_where_those_before_it_fail() -> None:
    wishes = {
        "preferred": preferring(EXPIRED, ED25519),
        "crl_algorithm": identifier(RSA),
        "request_algorithm": identifier(PSS),
    }
    chosen = []
    for gone in (None, "preferred", "crl_algorithm", "request_algorithm"):
        wishes.pop(gone or "", None)
        chosen.append(choose_signer(ALL, now=NOW, **wishes))  # type: ignore[arg-type]
    without_default = replace(P256, certificate=EXPIRED.certificate)
    chosen.append(choose_signer((without_default, ED25519, RSA), now=NOW))
    chosen.append(choose_signer((without_default, ED25519), now=NOW))

    assert chosen == [
        Choice(ED25519, Rung.PREFERENCE),
        Choice(RSA, Rung.CRL),
        Choice(PSS, Rung.REQUEST),
        Choice(P256, Rung.ADVERTISED),
        Choice(RSA, Rung.MANDATORY),
        Choice(ED25519, Rung.LEFT),
    ]


@pytest.mark.rule("O30", "O31")
def test_the_requestors_order_wins_over_ours() -> None:
    assert choose_signer(ALL, now=NOW, preferred=preferring(RSA, P256)).signer == RSA
    assert choose_signer(ALL, now=NOW, preferred=preferring(P256, RSA)).signer == P256


@pytest.mark.rule("O30", "O31")
def test_ed25519_before_rsa_gets_rsa_from_an_rsa_only_responder() -> None:
    choice = choose_signer((RSA,), now=NOW, preferred=preferring(ED25519, RSA))

    assert choice == Choice(RSA, Rung.PREFERENCE)


@pytest.mark.rule("O31")
def test_preferences_that_nobody_can_meet_are_passed_over() -> None:
    assert choose_signer((P256, RSA), now=NOW, preferred=preferring(ED25519)) == Choice(
        P256, Rung.ADVERTISED
    )


@pytest.mark.rule("O29", "O31")
def test_a_weak_algorithm_is_never_chosen_even_when_asked_for() -> None:
    sha1 = AlgorithmIdentifier(oids.SHA1_WITH_RSA, NULL)
    weak = replace(RSA, algorithm=signature_algorithm(sha1))
    wish = preferring(PreferredSignatureAlgorithm(sha1))

    assert choose_signer((weak, P256), now=NOW, preferred=wish).signer == P256
    with pytest.raises(SignerError, match="no signer is valid now with a strong algorithm"):
        choose_signer((weak,), now=NOW, preferred=wish, crl_algorithm=sha1, request_algorithm=sha1)


def test_a_signer_that_is_not_valid_now_does_not_sign() -> None:
    with pytest.raises(SignerError):
        choose_signer((EXPIRED,), now=NOW)
    with pytest.raises(SignerError):
        choose_signer((P256,), now=CA.not_before - timedelta(days=1))


@pytest.mark.parametrize("parameters", [None, NULL])
@pytest.mark.rule("O30")
def test_parameters_null_and_absent_are_one_wish(parameters: bytes | None) -> None:
    wish = PreferredSignatureAlgorithm(AlgorithmIdentifier(oids.SHA256_WITH_RSA, parameters))

    assert choose_signer(ALL, now=NOW, preferred=preferring(wish)).signer == RSA


@pytest.mark.rule("O30")
def test_pss_is_met_with_the_wished_hash_and_salt_or_with_any_where_none_is_named() -> None:
    def choice(wish: AlgorithmIdentifier) -> Choice[LocalSigner]:
        wishes = preferring(PreferredSignatureAlgorithm(wish))
        return choose_signer((P256, PSS), now=NOW, preferred=wishes)

    assert choice(pss_algorithm(oids.ID_SHA256).identifier).signer == PSS
    assert choice(AlgorithmIdentifier(oids.RSASSA_PSS)).signer == PSS
    assert choice(pss_algorithm(oids.ID_SHA512).identifier).signer == P256
    assert choice(AlgorithmIdentifier(oids.RSASSA_PSS, b"\x30\x00")).signer == P256


@pytest.mark.rule("O30")
def test_the_wished_kind_of_key_is_respected() -> None:
    def choice(key: AlgorithmIdentifier | None) -> Choice[LocalSigner]:
        algorithm = AlgorithmIdentifier(oids.ECDSA_WITH_SHA256)
        wishes = preferring(PreferredSignatureAlgorithm(algorithm, key))
        return choose_signer((RSA, P256, P384), now=NOW, preferred=wishes)

    def curve(oid: object) -> AlgorithmIdentifier:
        return AlgorithmIdentifier(oids.ID_EC_PUBLIC_KEY, encode(oid))

    assert choice(None).signer == P256
    assert choice(curve(oids.SECP256R1)).signer == P256
    assert choice(curve(oids.SECP384R1)).signer == P384
    assert choice(AlgorithmIdentifier(oids.ID_EC_PUBLIC_KEY)).signer == P256
    assert choice(curve(oids.SECP521R1)) == Choice(RSA, Rung.ADVERTISED)
    assert choice(AlgorithmIdentifier(oids.RSA_ENCRYPTION)) == Choice(RSA, Rung.ADVERTISED)


def test_an_unreadable_wish_is_no_wish() -> None:
    wish = PreferredSignatureAlgorithm(AlgorithmIdentifier(oids.SHA256_WITH_RSA, b"\x02\x01\x01"))

    assert choose_signer((P256, RSA), now=NOW, preferred=preferring(wish)).signer == P256


@pytest.mark.rule("O29")
def test_short_rsa_keys_and_odd_curves_are_not_fit_to_sign() -> None:
    short = rsa.generate_private_key(65537, 1024).public_key()
    odd = ec.generate_private_key(ec.SECP256K1()).public_key()

    assert f"1024 bits; {MIN_RSA_BITS} are the least" in (key_problem(short) or "")
    assert "secp256k1" in (key_problem(odd) or "")
    assert offered_algorithms(odd) == ()
    assert key_problem(generate_key("p521").public_key()) is None
