"""Who may say so: signers, and the gate that they pass at load."""

from __future__ import annotations

from certstatus.signing.algorithm import (
    Choice,
    Rung,
    choose_signer,
    key_problem,
    offered_algorithms,
)
from certstatus.signing.applicant import Applicant, applicants, judge_certificate
from certstatus.signing.base import AsyncSigner, OuterSigner, Signer, is_waited_for, signature_by
from certstatus.signing.delegate import (
    Delegator,
    encode_certificate_request,
    named_commonly,
    parse_certificate_request,
)
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
from certstatus.signing.new_key import KEY_KINDS, generate_key, generate_key_like, key_pem
from certstatus.signing.pkcs11_uri import PKCS11URI
from certstatus.signing.placing import create_file, place_file
from certstatus.signing.profile import Finding, Profile, Severity, check_signer, refuse_unfit
from certstatus.signing.purpose import (
    Purpose,
    check_message_signer,
    key_usage_problem,
    purpose_problem,
)
from certstatus.signing.rotation import Rota, Term, in_force, renewal_due, term_of

__all__ = [
    "KEY_KINDS",
    "PKCS11URI",
    "Applicant",
    "AsyncSigner",
    "Choice",
    "Delegator",
    "Finding",
    "LoadedKey",
    "LocalSigner",
    "OuterSigner",
    "Profile",
    "Purpose",
    "Rota",
    "Rung",
    "Severity",
    "Signer",
    "SigningKey",
    "Term",
    "applicants",
    "check_lifetime",
    "check_message_signer",
    "check_signer",
    "choose_signer",
    "clamp",
    "create_file",
    "encode_certificate_request",
    "generate_key",
    "generate_key_like",
    "in_force",
    "is_waited_for",
    "judge_certificate",
    "key_pem",
    "key_problem",
    "key_usage_problem",
    "last_moment",
    "load_any_signers",
    "load_key",
    "load_signers",
    "make_signers",
    "named_commonly",
    "offered_algorithms",
    "parse_certificate_request",
    "place_file",
    "purpose_problem",
    "refuse_unfit",
    "renewal_due",
    "signature_by",
    "term_of",
]
