"""Who may say so: signers, and the gate that they pass at load."""

from __future__ import annotations

from certstatus.signing.algorithm import (
    Choice,
    Rung,
    choose_signer,
    key_problem,
    offered_algorithms,
)
from certstatus.signing.base import AsyncSigner, Signer, signature_by
from certstatus.signing.keys import load_any_signers
from certstatus.signing.lifetime import check_lifetime, clamp, last_moment
from certstatus.signing.local import (
    LoadedKey,
    LocalSigner,
    SigningKey,
    load_key,
    load_signers,
    make_signers,
)
from certstatus.signing.pkcs11_uri import PKCS11URI
from certstatus.signing.profile import Finding, Profile, Severity, check_signer, refuse_unfit
from certstatus.signing.rotation import Rota, Term, in_force, renewal_due, term_of

__all__ = [
    "PKCS11URI",
    "AsyncSigner",
    "Choice",
    "Finding",
    "LoadedKey",
    "LocalSigner",
    "Profile",
    "Rota",
    "Rung",
    "Severity",
    "Signer",
    "SigningKey",
    "Term",
    "check_lifetime",
    "check_signer",
    "choose_signer",
    "clamp",
    "in_force",
    "key_problem",
    "last_moment",
    "load_any_signers",
    "load_key",
    "load_signers",
    "make_signers",
    "offered_algorithms",
    "refuse_unfit",
    "renewal_due",
    "signature_by",
    "term_of",
]
