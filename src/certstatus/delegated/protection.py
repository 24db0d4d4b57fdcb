"""Whether a reply is protected, and by whom (RFC 5055 §3.6, §3.8, §4; S4, S18).

Pure but for the signature itself, which may have to be waited for.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from cryptography.x509 import ObjectIdentifier

from certstatus.cms import asign_content
from certstatus.delegated.demand import is_same_name
from certstatus.delegated.refusal import Refusal
from certstatus.delegated.settings import SCVPSettings
from certstatus.errors import MalformedError, SignerError
from certstatus.pkix import AlgorithmIdentifier, Certificate, GeneralName
from certstatus.scvp import CVStatusCode
from certstatus.signing import Signer, choose_signer

__all__ = ["chosen_signer", "is_to_be_protected", "own_names", "signed"]


def is_to_be_protected(
    *, is_success: bool, is_wanted: bool, is_secure: bool, is_authenticated: bool
) -> bool:
    """Say whether a reply is signed (S4).

    A success is, unless the client waived it, also over TLS. An error is only where the
    request was authenticated, and neither TLS nor the client's waiver make it needless.
    """
    if is_success:
        return is_wanted
    return is_authenticated and is_wanted and not is_secure


def chosen_signer(
    settings: SCVPSettings,
    now: datetime,
    *,
    responder_name: GeneralName | None = None,
    algorithm: AlgorithmIdentifier | None = None,
) -> Signer:
    """Choose who signs: by the name that is asked for, then by algorithm, else the first (S18).

    ``now`` is aware UTC.

    Raises:
        Refusal: nobody has that name, or nobody can sign.
    """
    signers = settings.signers
    if responder_name is not None and signers:
        is_own = any(is_same_name(responder_name, own) for own in settings.names)
        signers = signers if is_own else tuple(_named(signers, responder_name))
        if not signers:
            raise Refusal(
                CVStatusCode.UNRECOGNIZED_RESPONDER_NAME, f"nobody here is {responder_name}"
            )
    if not signers:
        raise Refusal(CVStatusCode.PROTECTED_RESPONSE_UNSUPPORTED, "there is no key to sign with")
    try:
        return choose_signer(signers, now=now, request_algorithm=algorithm).signer
    except SignerError as error:
        raise Refusal(CVStatusCode.PROTECTED_RESPONSE_UNSUPPORTED, str(error)) from error


def _named(signers: tuple[Signer, ...], name: GeneralName) -> Iterator[Signer]:
    for signer in signers:
        if any(is_same_name(name, one) for one in _names_of(signer.certificate)):
            yield signer


def _names_of(certificate: Certificate) -> tuple[GeneralName, ...]:
    subject = GeneralName.directory_name(certificate.subject)
    try:
        return (subject, *certificate.subject_alternative_names)
    except MalformedError:
        return (subject,)


def own_names(settings: SCVPSettings) -> tuple[GeneralName, ...]:
    """Return what the server is called: as it is set, and as its certificates say (S20)."""
    named = (name for signer in settings.signers for name in _names_of(signer.certificate))
    return tuple(dict.fromkeys((*settings.names, *named)))


async def signed(
    content_type: ObjectIdentifier, message: bytes, signer: Signer, now: datetime
) -> bytes:
    """Put a message into SignedData, with the signer's certificate (S2). Raises as the signer."""
    return await asign_content(content_type, message, signer, signing_time=now)
