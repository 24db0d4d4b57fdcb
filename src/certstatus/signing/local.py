"""Keys on the local disk: PEM, DER or PKCS #12, plain or encrypted.

A key is read once, never logged and never part of an error. What can't be used is
refused with the file's name and the remedy; what is merely unwise becomes a finding.
"""

from __future__ import annotations

import hashlib
import re
import stat
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Final, TypeAlias

from cryptography.exceptions import InternalError, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, mldsa, padding, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.hashes import HashAlgorithm
from cryptography.hazmat.primitives.serialization import (
    load_der_private_key,
    load_pem_private_key,
    pkcs12,
)

from certstatus.errors import MalformedError, SignerError
from certstatus.limits_signers import MAX_KEY_FILE_BYTES
from certstatus.pkix import Certificate, SignatureAlgorithm
from certstatus.pkix.cached import cached_property
from certstatus.signing.algorithm import key_problem, offered_algorithms
from certstatus.signing.profile import Finding, Profile, Severity, allows

__all__ = [
    "LoadedKey",
    "LocalSigner",
    "SigningKey",
    "load_key",
    "load_signers",
    "make_signers",
    "permissions",
    "read_certificates",
    "read_key_file",
    "wanted_algorithms",
]

SigningKey: TypeAlias = (
    rsa.RSAPrivateKey
    | ec.EllipticCurvePrivateKey
    | ed25519.Ed25519PrivateKey
    | ed448.Ed448PrivateKey
    | mldsa.MLDSA44PrivateKey
    | mldsa.MLDSA65PrivateKey
    | mldsa.MLDSA87PrivateKey
)
"""Every kind of private key that we sign with."""


@dataclass(frozen=True, kw_only=True)
class LocalSigner:
    """A Signer whose key is in this process. Two are equal where clients see no difference."""

    certificate: Certificate
    certs: tuple[Certificate, ...]
    algorithm: SignatureAlgorithm
    key: SigningKey = field(repr=False, compare=False)

    @cached_property
    def _signature(self) -> Callable[[bytes], bytes]:
        return _signing(self.key, self.algorithm)

    def sign(self, tbs: bytes) -> bytes:
        """Sign DER. Raises SignerError where the key can't be used."""
        try:
            return self._signature(tbs)
        except (ValueError, UnsupportedAlgorithm, InternalError) as error:
            text = f"the key of {self.certificate} could not sign with {self.algorithm.name}"
            raise SignerError(text) from error


def _signing(key: SigningKey, algorithm: SignatureAlgorithm) -> Callable[[bytes], bytes]:
    """Prepare what signs with this key, and is called for each signature."""
    if isinstance(key, rsa.RSAPrivateKey):
        assert algorithm.hash is not None
        scheme = padding.PKCS1v15() if algorithm.salt_length is None else algorithm.pss()
        return partial(key.sign, padding=scheme, algorithm=algorithm.hash)
    if isinstance(key, ec.EllipticCurvePrivateKey):
        assert algorithm.hash is not None
        return _hashing_first(key, algorithm.hash)
    return key.sign


def _hashing_first(key: ec.EllipticCurvePrivateKey, by: HashAlgorithm) -> Callable[[bytes], bytes]:
    """Sign what hashlib digests: a call less, and quicker than the key's own way to hash."""
    sign, scheme, digest = key.sign, ec.ECDSA(Prehashed(by)), getattr(hashlib, by.name)
    return lambda tbs: sign(digest(tbs).digest(), scheme)


@dataclass(frozen=True, kw_only=True)
class LoadedKey:
    """What a key file held: the key, the certificates beside it, and what is unwise about it."""

    key: SigningKey = field(repr=False)
    certificates: tuple[Certificate, ...] = ()
    findings: tuple[Finding, ...] = ()


def load_signers(
    key_file: Path,
    certificate_file: Path | None = None,
    *,
    issuer: Certificate | None,
    password: bytes | None = None,
    password_file: Path | None = None,
    algorithms: Sequence[str] = (),
    profile: Profile = Profile.RFC_6960,
) -> tuple[tuple[LocalSigner, ...], tuple[Finding, ...]]:
    """Load a key and its certificate as signers that answer for ``issuer``.

    ``issuer`` None: signers of messages of their own, whose certificate always goes along.
    One signer for each algorithm: those named, or all that the key can do and the profile
    allows, best first.
    ``certificate_file`` may hold several; the key's own counts. Without it, the
    certificate stands in the key file. ``password_file`` holds a password in one line.
    The signers have still to pass ``check_signer``.

    Raises:
        SignerError: a file can't be read or used, the password is wrong or missing, the
            certificate is another key's, or an algorithm is not one of the key's.
    """
    if password_file is not None:
        password = read_key_file(password_file).rstrip(b"\r\n")
    loaded = load_key(key_file, password)
    certificates = loaded.certificates
    if certificate_file is not None:
        certificates = read_certificates(certificate_file)
    certificate = _of_key(loaded.key, certificates, certificate_file or key_file, key_file)
    try:
        signers = make_signers(
            loaded.key, certificate, issuer=issuer, algorithms=algorithms, profile=profile
        )
    except SignerError as error:
        raise SignerError(f"{key_file}: {error.message}", rule=error.rule) from error
    return signers, loaded.findings


def make_signers(
    key: SigningKey,
    certificate: Certificate,
    *,
    issuer: Certificate | None,
    algorithms: Sequence[str] = (),
    profile: Profile = Profile.RFC_6960,
) -> tuple[LocalSigner, ...]:
    """Make one signer for each algorithm of a key: those named, or all allowed, best first.

    A key that the profile allows nothing gets its usual algorithm, and is left to
    ``check_signer``, which says why it is refused.

    A delegate's certificate goes into ``certs``; where the CA signs itself, nothing does
    (O18, L5). ``issuer`` None: the certificate does.

    Raises:
        SignerError: the key is too weak, or is not the certificate's, or has no such
            algorithm.
    """
    if (problem := key_problem(key.public_key())) is not None:
        raise SignerError(f"is {problem}", rule="O29")
    if not _is_key_of(key, certificate):
        raise SignerError(f"is not the key of {certificate}", rule="O16")
    is_direct = issuer is not None and certificate.spki_der == issuer.spki_der
    signer = LocalSigner(
        certificate=certificate,
        certs=() if is_direct else (certificate,),
        algorithm=offered_algorithms(key.public_key())[0],
        key=key,
    )
    wanted = wanted_algorithms(key.public_key(), algorithms, profile)
    return tuple(replace(signer, algorithm=one) for one in wanted)


def wanted_algorithms(
    public_key: CertificatePublicKeyTypes, names: Sequence[str], profile: Profile
) -> tuple[SignatureAlgorithm, ...]:
    """Return the algorithms of a key that are named, or else all that the profile allows.

    Raises:
        SignerError: the key has no algorithm of such a name.
    """
    return _named(public_key, names) if names else _allowed(public_key, profile)


def _named(
    public_key: CertificatePublicKeyTypes, names: Sequence[str]
) -> tuple[SignatureAlgorithm, ...]:
    offered = {one.name: one for one in offered_algorithms(public_key)}
    missing = [name for name in names if name not in offered]
    if missing:
        can = ", ".join(offered)
        raise SignerError(f"can't sign with {', '.join(missing)}; it can with {can}", rule="O29")
    return tuple(offered[name] for name in names)


def _allowed(
    public_key: CertificatePublicKeyTypes, profile: Profile
) -> tuple[SignatureAlgorithm, ...]:
    offered = offered_algorithms(public_key)
    allowed = tuple(one for one in offered if allows(profile, one, public_key))
    return allowed or offered[:1]


def _is_key_of(key: SigningKey, certificate: Certificate) -> bool:
    try:
        return certificate.public_key == key.public_key()
    except MalformedError:
        return False


def _of_key(
    key: SigningKey, certificates: tuple[Certificate, ...], file: Path, key_file: Path
) -> Certificate:
    """Find the key's own certificate among those of a file."""
    if not certificates:
        text = f"{key_file}: holds no certificate; name the file that has the signer's"
        raise SignerError(text)
    for certificate in certificates:
        if _is_key_of(key, certificate):
            return certificate
    subjects = ", ".join(str(certificate.subject) for certificate in certificates)
    text = f"{key_file}: is not the key of any certificate in {file} ({subjects}); name its pair"
    raise SignerError(text, rule="O16")


# --- reading -------------------------------------------------------------------------------


def load_key(file: Path, password: bytes | None = None) -> LoadedKey:
    """Read one private key from PEM (PKCS #8, PKCS #1, SEC 1), DER or PKCS #12.

    Raises:
        SignerError: the file can't be read, holds no key or several, or one that is not
            for signing; or the password is wrong or missing.
    """
    data = read_key_file(file)
    findings = list(permissions(file))
    if b"-----BEGIN" in data:
        key, certificates = _load_pem(data, password, file, findings), _beside(data, file)
    elif _is_pkcs12(data):
        key, certificates = _load_pkcs12(data, password, file)
    else:
        key, certificates = _load(load_der_private_key, data, password, file, findings), ()
    return LoadedKey(
        key=_for_signing(key, file), certificates=certificates, findings=tuple(findings)
    )


def read_key_file(file: Path) -> bytes:
    """Read a key, a password or a certificate. Raises SignerError where it can't be read."""
    try:
        with file.open("rb") as stream:
            data = stream.read(MAX_KEY_FILE_BYTES + 1)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise SignerError(f"{file}: can't be read: {reason}") from error
    if len(data) > MAX_KEY_FILE_BYTES:
        raise SignerError(f"{file}: is larger than {MAX_KEY_FILE_BYTES} bytes")
    return data


def permissions(file: Path) -> Iterator[Finding]:
    """Find out whether others may use a file that holds a secret."""
    mode = stat.S_IMODE(file.stat().st_mode)
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        text = f"{file}: others than its owner may use it (mode {mode:04o}): chmod 600"
        yield Finding(None, Severity.WARN, text)


_PEM_KEY: Final = re.compile(
    rb"-----BEGIN ([A-Z0-9 ]*PRIVATE KEY)-----.*?-----END \1-----", re.DOTALL
)


def _load_pem(data: bytes, password: bytes | None, file: Path, findings: list[Finding]) -> object:
    blocks = [found[0] for found in _PEM_KEY.finditer(data)]
    if len(blocks) != 1:
        text = f"{file}: holds {len(blocks) or 'no'} private keys; name a file with exactly one"
        raise SignerError(text)
    return _load(load_pem_private_key, blocks[0] + b"\n", password, file, findings)


def _load(
    load: Callable[[bytes, bytes | None], object],
    data: bytes,
    password: bytes | None,
    file: Path,
    findings: list[Finding],
) -> object:
    """Load with the password; the library's errors tell the three cases apart by their type."""
    try:
        return load(data, password or None)
    except TypeError:
        if not password:
            raise SignerError(f"{file}: is encrypted; name a file with its password") from None
    except ValueError as error:
        # Of 256 wrong passwords one gives octets whose padding looks right, and no key in them.
        if password and ("password" in str(error).lower() or _is_encrypted(load, data)):
            raise SignerError(f"{file}: the password is wrong; check the password file") from None
        raise SignerError(f"{file}: holds no private key that can be read") from None
    except UnsupportedAlgorithm:
        raise SignerError(f"{file}: holds a kind of key that is not supported") from None
    text = f"{file}: is not encrypted, and the password for it is of no use"
    findings.append(Finding(None, Severity.WARN, text))
    return _load(load, data, None, file, findings)


def _is_encrypted(load: Callable[[bytes, bytes | None], object], data: bytes) -> bool:
    """Whether the library asks for a password."""
    try:
        load(data, None)
    except TypeError:
        return True
    except (ValueError, UnsupportedAlgorithm):
        return False
    return False


def _is_pkcs12(data: bytes) -> bool:
    """Whether it starts as a PFX does: a SEQUENCE with version 3, which no other key has."""
    return data[:1] == b"\x30" and b"\x02\x01\x03" in data[2:9]


def _load_pkcs12(
    data: bytes, password: bytes | None, file: Path
) -> tuple[object, tuple[Certificate, ...]]:
    try:
        held = pkcs12.load_pkcs12(data, password)
    except (ValueError, UnsupportedAlgorithm):
        what = "the password is wrong, or it is broken" if password else "needs a password"
        raise SignerError(f"{file}: {what}; check the password file") from None
    if held.key is None:
        raise SignerError(f"{file}: holds no private key; export it with its key")
    own = () if held.cert is None else (held.cert,)
    everyone = (*own, *held.additional_certs)
    return held.key, tuple(Certificate.from_x509(one.certificate) for one in everyone)


def read_certificates(file: Path) -> tuple[Certificate, ...]:
    """Read every certificate of a file. Raises SignerError where it holds none."""
    return _certificates(read_key_file(file), file)


def _beside(data: bytes, file: Path) -> tuple[Certificate, ...]:
    return _certificates(data, file) if b"-----BEGIN CERTIFICATE-----" in data else ()


def _certificates(data: bytes, file: Path) -> tuple[Certificate, ...]:
    try:
        return Certificate.load(data, str(file))
    except MalformedError as error:
        raise SignerError(f"{error}: name a certificate in PEM or DER") from error


def _for_signing(key: object, file: Path) -> SigningKey:
    if not isinstance(key, SigningKey):
        kind = type(key).__name__.removesuffix("PrivateKey")
        text = f"{file}: a key of type {kind} does not sign; use RSA, ECDSA, EdDSA or ML-DSA"
        raise SignerError(text, rule="O29")
    return key
