"""Keys in a PKCS #11 token: an HSM, a smart card, SoftHSM. Needs python-pkcs11.

The key never leaves its token. That it is the certificate's is shown by a signature at
load; then its signers pass the same gate as any other.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, Final

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from pkcs11 import MGF, KeyType, Mechanism

from certstatus.errors import ConfigError, MalformedError, SignerError
from certstatus.limits_signers import TOKEN_WAIT_TIME
from certstatus.pkix import Certificate, SignatureAlgorithm, signature_problem
from certstatus.signing.algorithm import key_problem, offered_algorithms
from certstatus.signing.base import AsyncSigner
from certstatus.signing.local import permissions, read_certificates, wanted_algorithms
from certstatus.signing.pkcs11_module import HeldKey, open_module
from certstatus.signing.pkcs11_pin import PIN, read_pin
from certstatus.signing.pkcs11_uri import PKCS11URI
from certstatus.signing.profile import Finding, Profile

__all__ = ["PKCS11Key", "PKCS11Signer", "load_pkcs11_signers"]

_TRIAL: Final = b"whose key is this?"

_PKCS1: Final = {
    "sha256": Mechanism.SHA256_RSA_PKCS,
    "sha384": Mechanism.SHA384_RSA_PKCS,
    "sha512": Mechanism.SHA512_RSA_PKCS,
}
_PSS: Final = {
    "sha256": (Mechanism.SHA256_RSA_PKCS_PSS, Mechanism.SHA256, MGF.SHA256),
    "sha384": (Mechanism.SHA384_RSA_PKCS_PSS, Mechanism.SHA384, MGF.SHA384),
    "sha512": (Mechanism.SHA512_RSA_PKCS_PSS, Mechanism.SHA512, MGF.SHA512),
}


@dataclass(frozen=True, kw_only=True)
class PKCS11Key:
    """A private key in a token, of which this process knows the name alone."""

    uri: PKCS11URI
    module_path: str
    public_key: CertificatePublicKeyTypes
    spki_der: bytes = field(repr=False)
    password_file: Path | None = None

    def sign(self, algorithm: SignatureAlgorithm, data: bytes) -> bytes:
        """Sign DER.

        Raises:
            ConfigError: the token is back, and its PIN is refused or missing now.
            SignerError: library, token or key can't be used; a later call tries anew.
        """
        with open_module(self.module_path).lend(self.uri, self.read_pin) as held:
            if not self.is_held(held):
                text = f"{self.uri}: the token has another key by this name now"
                raise SignerError(f"{text}, not that of the certificate", rule="O16")
            return _signature(held, self.public_key, algorithm, data)

    def is_held(self, held: HeldKey) -> bool:
        """Whether what a session found is this key; once for each session, by a signature."""
        if self.spki_der not in held.proved and _is_key_of(held, self.public_key):
            held.proved.add(self.spki_der)
        return self.spki_der in held.proved

    async def asign(self, algorithm: SignatureAlgorithm, data: bytes) -> bytes:
        """Sign DER in one of the library's threads; the same data at the same time once.

        Raises:
            ConfigError, SignerError: as ``sign``, or it takes too long.
            OverloadError: too many wait already.
        """
        pool = open_module(self.module_path).pool
        what = (self.uri, self.password_file, algorithm.name, data)
        try:
            async with asyncio.timeout(TOKEN_WAIT_TIME.total_seconds()):
                return await pool.signature(what, partial(self.sign, algorithm, data))
        except TimeoutError as error:
            seconds = f"{TOKEN_WAIT_TIME.total_seconds():.0f} seconds"
            raise SignerError(f"{self.uri}: no signature within {seconds}") from error

    @property
    def pin_file(self) -> Path | None:
        """Where the PIN is: the URI's file, the configured one, or None for the environment."""
        return Path(self.uri.pin_source) if self.uri.pin_source else self.password_file

    def read_pin(self) -> PIN | None:
        """Read the PIN as it stands now. Raises ConfigError, SignerError as ``read_pin``."""
        return read_pin(self.pin_file)


@dataclass(frozen=True, kw_only=True)
class PKCS11Signer(AsyncSigner):
    """A Signer whose key is in a token."""

    certificate: Certificate
    certs: tuple[Certificate, ...]
    algorithm: SignatureAlgorithm
    key: PKCS11Key = field(repr=False, compare=False)

    def sign(self, tbs: bytes) -> bytes:
        """Sign DER. Raises ConfigError, SignerError while the token can't be used."""
        return self.key.sign(self.algorithm, tbs)

    async def asign(self, tbs: bytes) -> bytes:
        """Sign DER. Raises ConfigError, SignerError while the token can't be used."""
        return await self.key.asign(self.algorithm, tbs)


def load_pkcs11_signers(
    uri: PKCS11URI,
    certificate_file: Path | None = None,
    *,
    issuer: Certificate | None,
    password_file: Path | None = None,
    algorithms: Sequence[str] = (),
    profile: Profile = Profile.RFC_6960,
) -> tuple[tuple[PKCS11Signer, ...], tuple[Finding, ...]]:
    """Find a key and its certificate, as signers that answer for ``issuer``.

    One signer for each algorithm, as ``load_signers`` has it, where the token has it too.
    ``certificate_file`` may hold several; the key's own counts. ``password_file`` holds
    the PIN in one line where the URI has no pin-source; without both, the environment
    variable CERTSTATUS_PIN does.

    Raises:
        ConfigError: no library or no certificate is named, or the PIN is missing or refused.
        SignerError: library, token or key is not there or not the certificate's, or an
            algorithm is not one of the key's and the token's.
    """
    if uri.module_path is None:
        remedy = "add ?module-path=/path/to/library.so, or module in the configuration"
        raise ConfigError(f"{uri}: names no PKCS #11 library", key="key", remedy=remedy)
    if certificate_file is None:
        raise ConfigError(f"{uri}: has no certificate", key="certificate", remedy="name its file")
    certificates = read_certificates(certificate_file)
    open_key = _Opener(uri, uri.module_path, password_file)
    certificate, key, mechanisms = open_key.of_any(certificates, certificate_file)
    if (problem := key_problem(key.public_key)) is not None:
        raise SignerError(f"{uri}: is {problem}", rule="O29")
    is_direct = issuer is not None and certificate.spki_der == issuer.spki_der
    signer = PKCS11Signer(
        certificate=certificate,
        certs=() if is_direct else (certificate,),
        algorithm=offered_algorithms(key.public_key)[0],
        key=key,
    )
    wanted = [
        one
        for one in wanted_algorithms(key.public_key, algorithms, profile)
        if mechanism_of(key.public_key, one)[0] in mechanisms
    ]
    if not wanted:
        raise SignerError(f"{uri}: the token has no algorithm that is wanted", rule="O29")
    key.read_pin()  # it may be needed when nobody is there to mend it
    findings = () if key.pin_file is None else tuple(permissions(key.pin_file))
    return tuple(replace(signer, algorithm=one) for one in wanted), findings


@dataclass(frozen=True, slots=True)
class _Opener:
    """Finds out whose key it is that a URI names."""

    uri: PKCS11URI
    module_path: str
    password_file: Path | None

    def of_any(
        self, certificates: Iterable[Certificate], file: Path
    ) -> tuple[Certificate, PKCS11Key, frozenset[Mechanism]]:
        for certificate in certificates:
            try:
                key = PKCS11Key(
                    uri=self.uri,
                    module_path=self.module_path,
                    public_key=certificate.public_key,
                    spki_der=certificate.spki_der,
                    password_file=self.password_file,
                )
            except MalformedError:
                continue
            module = open_module(self.module_path)
            with module.lend(self.uri, key.read_pin, at_once=True) as held:
                if key.is_held(held):
                    return certificate, key, held.mechanisms
        text = f"{self.uri}: is not the key of any certificate in {file}; name its pair"
        raise SignerError(text, rule="O16")


def _is_key_of(held: HeldKey, public_key: CertificatePublicKeyTypes) -> bool:
    """Whether what the key signs is what the certificate verifies."""
    offered = [
        one
        for one in offered_algorithms(public_key)
        if _kind(public_key) == held.kind and mechanism_of(public_key, one)[0] in held.mechanisms
    ]
    if not offered:
        return False
    signature = _signature(held, public_key, offered[0], _TRIAL)
    return signature_problem(offered[0], public_key, signature, _TRIAL) is None


# --- signing -------------------------------------------------------------------------------


def _kind(public_key: CertificatePublicKeyTypes) -> KeyType | None:
    if isinstance(public_key, rsa.RSAPublicKey):
        return KeyType.RSA
    if isinstance(public_key, ec.EllipticCurvePublicKey):
        return KeyType.EC
    return KeyType.EC_EDWARDS if isinstance(public_key, ed25519.Ed25519PublicKey) else None


def mechanism_of(
    public_key: CertificatePublicKeyTypes, algorithm: SignatureAlgorithm
) -> tuple[Mechanism, Any]:
    """Return the mechanism of an algorithm, and its parameter."""
    if isinstance(public_key, rsa.RSAPublicKey):
        assert algorithm.hash is not None
        if algorithm.salt_length is None:
            return _PKCS1[algorithm.hash.name], None
        mechanism, digest, mask = _PSS[algorithm.hash.name]
        return mechanism, (digest, mask, algorithm.salt_length)
    return (Mechanism.EDDSA if algorithm.hash is None else Mechanism.ECDSA), None


def _signature(
    held: HeldKey,
    public_key: CertificatePublicKeyTypes,
    algorithm: SignatureAlgorithm,
    data: bytes,
) -> bytes:
    mechanism, parameter = mechanism_of(public_key, algorithm)
    if isinstance(public_key, ec.EllipticCurvePublicKey):
        assert algorithm.hash is not None
        octets = (public_key.curve.key_size + 7) // 8
        # Not every token hashes for ECDSA, and some refuse a digest longer than the curve.
        signed = held.key.sign(_digest(algorithm.hash, data)[:octets], mechanism=mechanism)
        return _ecdsa_sig_value(signed)
    return bytes(held.key.sign(data, mechanism=mechanism, mechanism_param=parameter))


def _digest(algorithm: hashes.HashAlgorithm, data: bytes) -> bytes:
    digest = hashes.Hash(algorithm)
    digest.update(data)
    return digest.finalize()


def _ecdsa_sig_value(signed: bytes) -> bytes:
    """Encode r and s, which a token gives one behind the other (RFC 3279 §2.2.3)."""
    half = len(signed) // 2
    return encode_dss_signature(
        int.from_bytes(signed[:half], "big"), int.from_bytes(signed[half:], "big")
    )
