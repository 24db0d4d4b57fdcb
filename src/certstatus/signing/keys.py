"""Wherever a key is: in a file, or in a PKCS #11 token."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from certstatus.errors import ConfigError
from certstatus.pkix import Certificate
from certstatus.signing.base import Signer
from certstatus.signing.local import load_signers
from certstatus.signing.pkcs11_pin import refused_pins
from certstatus.signing.pkcs11_uri import PKCS11URI
from certstatus.signing.profile import Finding, Profile

__all__ = ["load_any_signers"]


def _share_refused_pins() -> None:
    """Have them known before a fork, so that parent and child know the same ones."""
    refused_pins()


os.register_at_fork(before=_share_refused_pins)  # here, since whoever loads keys has come by


def load_any_signers(
    key: Path | PKCS11URI,
    certificate_file: Path | None = None,
    *,
    issuer: Certificate | None,
    password_file: Path | None = None,
    algorithms: Sequence[str] = (),
    profile: Profile = Profile.RFC_6960,
) -> tuple[tuple[Signer, ...], tuple[Finding, ...]]:
    """Load a key and its certificate as ``load_signers`` and ``load_pkcs11_signers`` do.

    Raises:
        ConfigError: the key is in a token, and the extra for that is not installed, or no
            library or certificate is named.
        SignerError: the key or its certificate can't be used.
    """
    if isinstance(key, Path):
        return load_signers(
            key,
            certificate_file,
            issuer=issuer,
            password_file=password_file,
            algorithms=algorithms,
            profile=profile,
        )
    try:
        from certstatus.signing.pkcs11 import load_pkcs11_signers  # noqa: PLC0415
    except ImportError as error:
        raise ConfigError(
            f"a key in a token needs the package python-pkcs11: {error}",
            key="key",
            remedy="pip install 'certstatus[pkcs11]'",
        ) from error
    return load_pkcs11_signers(
        key,
        certificate_file,
        issuer=issuer,
        password_file=password_file,
        algorithms=algorithms,
        profile=profile,
    )
