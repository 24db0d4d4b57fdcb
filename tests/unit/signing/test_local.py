from __future__ import annotations

import base64
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import dsa, ec, rsa, x25519
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    pkcs12,
)

from certstatus.errors import SignerError
from certstatus.limits_signers import MAX_KEY_FILE_BYTES, MIN_RSA_BITS
from certstatus.pkix import Certificate, signature_problem
from certstatus.signing import (
    LocalSigner,
    Severity,
    Signer,
    load_key,
    load_signers,
    make_signers,
)
from certstatus.signing import local as local_module
from certstatus.testing import KEY_KINDS, Issued, TinyCA, generate_key

CA = TinyCA("Signing CA")
PASSWORD = b"correct horse"


@cache
def delegate(kind: str = "p256") -> Issued:
    return CA.issue_responder(f"responder {kind}", kind=kind)


def write(file: Path, data: bytes) -> Path:
    file.write_bytes(data)
    file.chmod(0o600)
    return file


def pair(folder: Path, issued: Issued, password: bytes | None = None) -> tuple[Path, Path]:
    return (
        write(folder / "signer.key", issued.key_pem(password)),
        write(folder / "signer.pem", issued.certificate_pem),
    )


def load(key: Path, certificate: Path | None = None, **more: object) -> LocalSigner:
    signers, findings = load_signers(
        key,
        certificate,
        issuer=CA.certificate,
        **more,  # type: ignore[arg-type]
    )
    assert findings == ()
    return signers[0]


def holds(signer: LocalSigner) -> bool:
    signed = b"to be signed"
    problem = signature_problem(
        signer.algorithm, signer.certificate.public_key, signer.sign(signed), signed
    )
    return problem is None


@pytest.mark.rule("O29", "A1", "A2", "A3")
@pytest.mark.parametrize("kind", KEY_KINDS)
def test_every_kind_of_key_signs_with_each_of_its_algorithms(tmp_path: Path, kind: str) -> None:
    key, certificate = pair(tmp_path, delegate(kind))

    signers, findings = load_signers(key, certificate, issuer=CA.certificate)

    assert findings == ()
    assert all(holds(signer) for signer in signers)
    assert not any(signer.algorithm.is_sha1 for signer in signers)
    assert len({signer.algorithm.identifier for signer in signers}) == len(signers)


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        ("rsa2048", ["sha256WithRSAEncryption", "sha384WithRSAEncryption"]),
        ("p256", ["ecdsa-with-SHA256", "ecdsa-with-SHA384"]),
        ("p384", ["ecdsa-with-SHA384", "ecdsa-with-SHA256"]),
        ("p521", ["ecdsa-with-SHA512", "ecdsa-with-SHA256"]),
        ("ed25519", ["id-Ed25519"]),
        ("ed448", ["id-Ed448"]),
        ("mldsa65", ["id-ml-dsa-65"]),
    ],
)
def test_the_algorithm_that_fits_the_key_best_comes_first(kind: str, names: list[str]) -> None:
    issued = delegate(kind)

    signers = make_signers(issued.key, issued.certificate, issuer=CA.certificate)

    assert [signer.algorithm.name for signer in signers][: len(names)] == names


def test_pss_is_offered_for_rsa_with_a_salt_as_long_as_the_hash() -> None:
    issued = delegate("rsa2048")

    signers = make_signers(issued.key, issued.certificate, issuer=CA.certificate)

    salts = [one.algorithm.salt_length for one in signers if one.algorithm.salt_length]
    assert salts == [32, 48, 64]


ENCODINGS: dict[str, tuple[str, Encoding, PrivateFormat]] = {
    "PKCS #8 PEM": ("p256", Encoding.PEM, PrivateFormat.PKCS8),
    "PKCS #8 DER": ("p256", Encoding.DER, PrivateFormat.PKCS8),
    "PKCS #1 PEM": ("rsa2048", Encoding.PEM, PrivateFormat.TraditionalOpenSSL),
    "PKCS #1 DER": ("rsa2048", Encoding.DER, PrivateFormat.TraditionalOpenSSL),
    "SEC 1 PEM": ("p384", Encoding.PEM, PrivateFormat.TraditionalOpenSSL),
    "SEC 1 DER": ("p384", Encoding.DER, PrivateFormat.TraditionalOpenSSL),
    "ML-DSA seed": ("mldsa44", Encoding.DER, PrivateFormat.PKCS8),
}


@pytest.mark.parametrize("name", ENCODINGS)
def test_a_key_is_read_in_every_usual_encoding(tmp_path: Path, name: str) -> None:
    kind, encoding, form = ENCODINGS[name]
    issued = delegate(kind)
    _, certificate = pair(tmp_path, issued)
    data = issued.key.private_bytes(encoding, form, NoEncryption())

    assert holds(load(write(tmp_path / "a.key", data), certificate))


@pytest.mark.parametrize(
    ("encoding", "form"),
    [
        (Encoding.PEM, PrivateFormat.PKCS8),
        (Encoding.DER, PrivateFormat.PKCS8),
        (Encoding.PEM, PrivateFormat.TraditionalOpenSSL),
    ],
)
def test_an_encrypted_key_opens_with_its_password(
    tmp_path: Path, encoding: Encoding, form: PrivateFormat
) -> None:
    _, certificate = pair(tmp_path, delegate())
    data = delegate().key.private_bytes(encoding, form, BestAvailableEncryption(PASSWORD))
    key = write(tmp_path / "a.key", data)

    assert holds(load(key, certificate, password=PASSWORD))
    with pytest.raises(SignerError, match=r"a\.key: is encrypted; name a file with its password"):
        load(key, certificate)
    with pytest.raises(SignerError, match=r"a\.key: is encrypted; name a file with its password"):
        load(key, certificate, password=b"")
    with pytest.raises(SignerError, match=r"a\.key: the password is wrong"):
        load(key, certificate, password=b"wrong")


def test_a_wrong_password_is_named_though_its_padding_looks_right(tmp_path: Path) -> None:
    """One wrong password in 256 does; this is one for this key."""
    file = write(
        tmp_path / "a.key",
        b"""-----BEGIN ENCRYPTED PRIVATE KEY-----
MIGjMF8GCSqGSIb3DQEFDTBSMDEGCSqGSIb3DQEFDDAkBBABgraCmqOp8MA/YH5y
Hos4AgIIADAMBggqhkiG9w0CCQUAMB0GCWCGSAFlAwQBKgQQ3v0JmTmvKLJINUJQ
LnijAQRA7WWHb4/Zyzg6gDcgpJDpQDSTPf5NwqIie6Tm5iVsZTuveVM5EuD6h8Ki
UopHcNU+LWvrJt+iL8fg9qSjB1SrBQ==
-----END ENCRYPTED PRIVATE KEY-----
""",
    )

    with pytest.raises(SignerError, match=r"a\.key: the password is wrong"):
        load_key(file, b"guess176")


@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n"])
def test_a_password_file_holds_one_line(tmp_path: Path, end: bytes) -> None:
    key, certificate = pair(tmp_path, delegate(), PASSWORD)
    password_file = write(tmp_path / "password", PASSWORD + end)

    assert holds(load(key, certificate, password_file=password_file))


def test_a_missing_password_file_is_named(tmp_path: Path) -> None:
    key, certificate = pair(tmp_path, delegate(), PASSWORD)

    with pytest.raises(SignerError, match=r"absent: can't be read: No such file"):
        load(key, certificate, password_file=tmp_path / "absent")


def test_a_needless_password_is_told_and_does_no_harm(tmp_path: Path) -> None:
    key, certificate = pair(tmp_path, delegate())

    signers, (finding,) = load_signers(key, certificate, issuer=CA.certificate, password=PASSWORD)

    assert holds(signers[0])
    assert finding.severity is Severity.WARN
    assert "is not encrypted" in finding.text


def pfx(issued: Issued, *chain: Certificate, password: bytes | None = PASSWORD) -> bytes:
    return pkcs12.serialize_key_and_certificates(
        b"ocsp",
        issued.key,  # type: ignore[arg-type]
        issued.certificate.parsed,
        [one.parsed for one in chain],
        NoEncryption() if password is None else BestAvailableEncryption(password),
    )


@pytest.mark.parametrize("password", [None, PASSWORD])
def test_pkcs12_brings_key_certificate_and_chain(tmp_path: Path, password: bytes | None) -> None:
    file = write(tmp_path / "a.p12", pfx(delegate(), CA.certificate, password=password))

    loaded = load_key(file, password)
    signer = load(file, password=password)

    assert loaded.certificates == (delegate().certificate, CA.certificate)
    assert signer.certificate == delegate().certificate
    assert holds(signer)


def test_pkcs12_with_a_wrong_or_no_password_is_refused(tmp_path: Path) -> None:
    file = write(tmp_path / "a.p12", pfx(delegate()))

    with pytest.raises(SignerError, match=r"a\.p12: needs a password"):
        load(file)
    with pytest.raises(SignerError, match=r"a\.p12: the password is wrong"):
        load(file, password=b"wrong")


def test_pkcs12_without_a_key_is_refused(tmp_path: Path) -> None:
    data = pkcs12.serialize_key_and_certificates(
        None, None, CA.certificate.parsed, None, BestAvailableEncryption(PASSWORD)
    )

    with pytest.raises(SignerError, match="holds no private key; export it with its key"):
        load(write(tmp_path / "a.p12", data), password=PASSWORD)


def test_key_and_certificate_may_stand_in_one_file(tmp_path: Path) -> None:
    issued = delegate()
    both = CA.issued.certificate_pem + issued.certificate_pem + issued.key_pem()

    assert load(write(tmp_path / "both.pem", both)).certificate == issued.certificate


def test_curve_parameters_before_the_key_are_passed_over(tmp_path: Path) -> None:
    _, certificate = pair(tmp_path, delegate())
    sec1 = delegate().key.private_bytes(
        Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()
    )
    head = b"-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n"

    assert holds(load(write(tmp_path / "a.key", head + sec1), certificate))


@pytest.mark.rule("O18", "L5")
def test_a_delegate_sends_its_certificate_and_the_ca_sends_none() -> None:
    issued, direct = delegate(), CA.issued

    (by_delegate, *_) = make_signers(issued.key, issued.certificate, issuer=CA.certificate)
    (by_ca, *_) = make_signers(direct.key, direct.certificate, issuer=CA.certificate)

    assert by_delegate.certs == (issued.certificate,)
    assert by_ca.certs == ()


@pytest.mark.rule("O16")
def test_a_key_of_another_certificate_is_refused(tmp_path: Path) -> None:
    key, _ = pair(tmp_path, delegate())
    other = write(tmp_path / "other.pem", CA.issue_responder("other").certificate_pem)

    with pytest.raises(SignerError, match=r"signer\.key: is not the key of .*other\.pem"):
        load(key, other)
    with pytest.raises(SignerError, match="is not the key of"):
        make_signers(generate_key(), delegate().certificate, issuer=CA.certificate)


def weak_certificate() -> Issued:
    return CA.issue("weak", key=rsa.generate_private_key(65537, MIN_RSA_BITS // 2))


@pytest.mark.rule("O29")
def test_an_rsa_key_that_is_too_short_is_refused(tmp_path: Path) -> None:
    key, certificate = pair(tmp_path, weak_certificate())

    with pytest.raises(SignerError, match=f"RSA key of 1024 bits; {MIN_RSA_BITS} are the least"):
        load(key, certificate)


@pytest.mark.parametrize(
    ("make", "kind"),
    [
        (x25519.X25519PrivateKey.generate, "X25519"),
        (lambda: dsa.generate_private_key(1024), "DSA"),
    ],
)
def test_a_key_that_is_not_for_our_signatures_is_refused(
    tmp_path: Path, make: Callable[[], x25519.X25519PrivateKey | dsa.DSAPrivateKey], kind: str
) -> None:
    data = make().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())

    with pytest.raises(SignerError, match=rf"a\.key: a key of type {kind} does not sign"):
        load_key(write(tmp_path / "a.key", data))


def test_a_curve_that_clients_do_not_know_is_refused(tmp_path: Path) -> None:
    key = ec.generate_private_key(ec.SECP256K1())
    issued = CA.issue("odd curve", key=key)

    with pytest.raises(SignerError, match="on the curve secp256k1; use P-256"):
        load(*pair(tmp_path, issued))


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "holds no private key that can be read"),
        (b"\x30\x82\x01", "holds no private key that can be read"),
        (b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "holds no private key"),
        (CA.issued.certificate_pem, "holds no private keys; name a file with exactly one"),
        (CA.issued.key_pem() * 2, "holds 2 private keys; name a file with exactly one"),
        (b"\0" * (MAX_KEY_FILE_BYTES + 1), f"is larger than {MAX_KEY_FILE_BYTES} bytes"),
    ],
)
def test_what_is_no_single_key_is_refused_by_the_name_of_its_file(
    tmp_path: Path, data: bytes, reason: str
) -> None:
    with pytest.raises(SignerError, match=rf"a\.key: {reason}"):
        load_key(write(tmp_path / "a.key", data))


def test_a_file_that_can_not_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(SignerError, match=r"absent\.key: can't be read: No such file"):
        load_key(tmp_path / "absent.key")
    with pytest.raises(SignerError, match="can't be read: Is a directory"):
        load_key(tmp_path)


def test_a_key_file_without_a_certificate_asks_for_one(tmp_path: Path) -> None:
    key, certificate = pair(tmp_path, delegate())
    certificate.write_text("nothing")

    with pytest.raises(SignerError, match=r"signer\.key: holds no certificate"):
        load(key)
    with pytest.raises(SignerError, match=r"signer\.pem: .*name a certificate in PEM or DER"):
        load(key, certificate)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_permissions_wider_than_the_owner_are_warned_of(tmp_path: Path, mode: int) -> None:
    key, certificate = pair(tmp_path, delegate())
    key.chmod(mode)

    _, (finding,) = load_signers(key, certificate, issuer=CA.certificate)

    assert finding.severity is Severity.WARN
    assert f"mode {mode:04o}" in finding.text


@pytest.mark.parametrize("mode", [0o400, 0o600])
def test_permissions_for_the_owner_alone_are_fine(tmp_path: Path, mode: int) -> None:
    key, certificate = pair(tmp_path, delegate())
    key.chmod(mode)

    assert load_signers(key, certificate, issuer=CA.certificate)[1] == ()


def test_chosen_algorithms_come_in_the_order_of_the_choice(tmp_path: Path) -> None:
    key, certificate = pair(tmp_path, delegate("rsa2048"))
    names = ["sha512WithRSAEncryption", "sha256WithRSAEncryption"]

    signers, _ = load_signers(key, certificate, issuer=CA.certificate, algorithms=names)

    assert [signer.algorithm.name for signer in signers] == names


@pytest.mark.rule("O29")
@pytest.mark.parametrize("name", ["sha1WithRSAEncryption", "id-Ed25519", "nonsense"])
def test_an_algorithm_that_the_key_does_not_offer_is_refused(tmp_path: Path, name: str) -> None:
    key, certificate = pair(tmp_path, delegate("rsa2048"))

    with pytest.raises(SignerError, match=rf"signer\.key: can't sign with {name}; it can with"):
        load(key, certificate, algorithms=[name])


def test_no_error_and_no_printed_signer_shows_key_or_password(tmp_path: Path) -> None:
    key, certificate = pair(tmp_path, delegate(), PASSWORD)
    with pytest.raises(SignerError) as caught:
        load(key, certificate, password=b"wrong guess")
    signer = load(key, certificate, password=PASSWORD)
    other = write(tmp_path / "other.pem", CA.issued.certificate_pem)
    with pytest.raises(SignerError) as mismatch:
        load(key, other, password=PASSWORD)

    shown = f"{caught.value!r} {mismatch.value!r} {signer!r} {load_key(key, PASSWORD)!r}"

    assert "guess" not in shown
    assert PASSWORD.decode() not in shown
    plain = delegate().key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    assert base64.b64encode(plain).decode()[40:60] not in shown
    assert not re.search(r"PrivateKey object", shown)


def test_a_failing_key_is_a_signer_error(monkeypatch: pytest.MonkeyPatch) -> None:
    issued = delegate()
    (signer, *_) = make_signers(issued.key, issued.certificate, issuer=CA.certificate)

    def fail(*_: object) -> bytes:
        raise ValueError("the key is gone")

    monkeypatch.setattr(local_module, "_signing", lambda *_: fail)

    with pytest.raises(SignerError, match="could not sign with ecdsa-with-SHA256"):
        signer.sign(b"")


def test_a_local_signer_is_a_signer() -> None:
    issued = delegate()
    signer: Signer = make_signers(issued.key, issued.certificate, issuer=CA.certificate)[0]

    assert signer.sign(b"tbs")
