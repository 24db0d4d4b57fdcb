"""What a CA issues to a delegate passes every gate, and asks nobody's leave for it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from certstatus.asn1 import oids
from certstatus.errors import MalformedError, SignerError
from certstatus.limits_signers import SETTLING_TIME, SHORT_LIFE, SIGNER_HEAD_START, SIGNER_LIFE
from certstatus.pkix import HashAlgorithm
from certstatus.signing import (
    KEY_KINDS,
    Delegator,
    Profile,
    check_signer,
    encode_certificate_request,
    generate_key,
    make_signers,
    named_commonly,
    parse_certificate_request,
)
from certstatus.testing import TinyCA

NOW = datetime(2026, 11, 21, 12, 0, 0, 500, tzinfo=UTC)
DAY = timedelta(days=1)
CA = TinyCA("Issuing CA")
KEY = generate_key()
KEYS = {kind: generate_key(kind) for kind in KEY_KINDS}
CAS = {kind: TinyCA("CA", kind=kind) for kind in ("p256", "p384", "rsa2048", "ed25519", "mldsa44")}
NAME = named_commonly("Responder 1")


def delegator(ca: TinyCA = CA) -> Delegator:
    return Delegator(certificate=ca.certificate, key=ca.key)


@pytest.mark.rule("B6", "O22", "O23", "O24", "L5")
@pytest.mark.parametrize("profile", [Profile.RFC_6960, Profile.RFC_9919, Profile.ETSI])
@pytest.mark.parametrize("kind", KEY_KINDS)
@pytest.mark.parametrize("ca_kind", CAS)
def test_a_delegate_passes_every_gate_without_a_word(
    kind: str, ca_kind: str, profile: Profile
) -> None:
    ca, key = CAS[ca_kind], KEYS[kind]
    issued = delegator(ca).issue(key.public_key(), NAME, now=NOW)

    for signer in make_signers(key, issued, issuer=ca.certificate, profile=profile):
        assert check_signer(signer, ca.certificate, now=NOW, profile=profile) == ()


@pytest.mark.rule("B6", "B7")
@pytest.mark.parametrize("kind", ["rsa2048", "p256", "p384", "p521"])
def test_a_delegate_passes_the_baseline_requirements(kind: str) -> None:
    key = KEYS[kind]
    issued = delegator().issue(key.public_key(), NAME, now=NOW)

    for signer in make_signers(key, issued, issuer=CA.certificate, profile=Profile.CABF):
        assert check_signer(signer, CA.certificate, now=NOW, profile=Profile.CABF) == ()


@pytest.mark.rule("B6")
def test_its_extensions_are_those_and_no_others() -> None:
    issued = delegator().issue(KEY.public_key(), NAME, now=NOW)
    key_hash = CA.certificate.key_hash(HashAlgorithm.SHA1)

    assert issued.extensions == {
        oids.ID_CE_KEY_USAGE: (True, bytes.fromhex("03020780")),
        oids.ID_CE_EXT_KEY_USAGE: (False, bytes.fromhex("300a06082b06010505070309")),
        oids.ID_PKIX_OCSP_NOCHECK: (False, bytes.fromhex("0500")),
        oids.ID_CE_AUTHORITY_KEY_IDENTIFIER: (False, b"\x30\x16\x80\x14" + key_hash),
    }
    assert issued.serial_number.bit_length() > 64


def test_the_cas_key_is_named_as_the_ca_names_it_itself() -> None:
    own = x509.SubjectKeyIdentifier(b"not a hash")
    builder = (
        x509.CertificateBuilder()
        .subject_name(NAME)
        .issuer_name(NAME)
        .public_key(CA.key.public_key())
        .serial_number(1)
        .not_valid_before(NOW - DAY)
        .not_valid_after(NOW + DAY)
        .add_extension(own, critical=False)
    )
    certificate = CA.certificate.from_x509(builder.sign(CA.key, hashes.SHA256()))
    issued = Delegator(certificate=certificate, key=CA.key).issue(
        KEY.public_key(), named_commonly("delegate"), now=NOW
    )

    _, value = issued.extensions[oids.ID_CE_AUTHORITY_KEY_IDENTIFIER]
    assert value.endswith(b"not a hash")


@pytest.mark.parametrize(
    ("life", "end"),
    [
        (SIGNER_LIFE, NOW.replace(microsecond=0) + SIGNER_LIFE),
        (9999 * DAY, CA.not_after),
    ],
)
def test_it_is_valid_since_a_while_ago_and_never_past_its_ca(
    life: timedelta, end: datetime
) -> None:
    issued = delegator().issue(KEY.public_key(), NAME, now=NOW, life=life)

    assert issued.not_before == NOW.replace(microsecond=0) - SIGNER_HEAD_START
    assert issued.not_after == end


def test_a_young_ca_issues_nothing_that_is_older() -> None:
    young = TinyCA("Young CA", not_before=NOW.replace(microsecond=0) - timedelta(minutes=1))
    issued = delegator(young).issue(KEY.public_key(), NAME, now=NOW)

    assert issued.not_before == young.not_before


def test_a_delegate_signs_at_once_and_lives_shortly() -> None:
    assert SIGNER_HEAD_START >= SETTLING_TIME
    assert SIGNER_LIFE < SHORT_LIFE


@pytest.mark.rule("O25")
@pytest.mark.parametrize("now", [CA.not_before - DAY, CA.not_after + DAY])
def test_a_ca_out_of_its_time_issues_nothing(now: datetime) -> None:
    with pytest.raises(SignerError, match="is not valid now"):
        delegator().issue(KEY.public_key(), NAME, now=now)


@pytest.mark.rule("O29")
def test_nothing_is_issued_to_a_weak_key() -> None:
    weak = rsa.generate_private_key(65537, 1024)
    odd = ec.generate_private_key(ec.SECP256K1())
    for key in (weak, odd):
        with pytest.raises(SignerError, match=r"the request is for a.* key .*\[O29\]"):
            delegator().issue(key.public_key(), NAME, now=NOW)


@pytest.mark.rule("O23")
def test_another_key_is_not_the_cas() -> None:
    with pytest.raises(SignerError, match=r"is not that of the CA CN=Issuing CA .*\[O23\]"):
        Delegator(certificate=CA.certificate, key=KEY)


def test_no_key_is_shown() -> None:
    assert "key" not in repr(delegator())


# --- requests ------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KEY_KINDS)
def test_a_request_says_whose_key_by_which_name_and_what_for(kind: str) -> None:
    key = KEYS[kind]
    pem = encode_certificate_request(key, NAME)

    assert parse_certificate_request(pem) == (key.public_key(), NAME)
    asked = x509.load_pem_x509_csr(pem)
    der = asked.public_bytes(serialization.Encoding.DER)
    assert parse_certificate_request(der) == (key.public_key(), NAME)
    assert [one.value for one in asked.extensions if one.critical] == [
        asked.extensions.get_extension_for_class(x509.KeyUsage).value
    ]
    usages = asked.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(usages) == [oids.ID_KP_OCSP_SIGNING]
    assert not asked.extensions.get_extension_for_class(x509.OCSPNoCheck).critical


def test_a_request_that_its_key_did_not_sign_is_refused() -> None:
    asked = x509.load_pem_x509_csr(encode_certificate_request(KEY, NAME))
    forged = bytearray(asked.public_bytes(serialization.Encoding.DER))
    forged[forged.index(b"Responder 1")] ^= 1

    with pytest.raises(SignerError, match="not signed by the key that it is for"):
        parse_certificate_request(bytes(forged))


@pytest.mark.parametrize("data", [b"", b"\x30\x00", b"-----BEGIN NOTHING-----\n"])
def test_what_is_no_request_is_malformed(data: bytes) -> None:
    with pytest.raises(MalformedError, match=r"asked\.csr: is no certificate request"):
        parse_certificate_request(data, "asked.csr")


@pytest.mark.parametrize("name", ["", "x" * 65])
def test_a_name_that_no_certificate_has_is_refused(name: str) -> None:
    with pytest.raises(SignerError, match="is no commonName"):
        named_commonly(name)
