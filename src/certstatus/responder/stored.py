"""Signed answers on their way to a store and back: key, meaning, and whether one still serves.

Law: a store is not believed. What comes out of it is given only where the source says the
same now, where its own bytes say so too, and while it is fresh. Pure.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final, Protocol

from certstatus.errors import MalformedError
from certstatus.limits import MAX_LISTED_SERIAL_OCTETS
from certstatus.ocsp import CertID, CertStatus, Good, Revoked, parse_response
from certstatus.pkix import AlgorithmIdentifier, Certificate, CRLReason, HashAlgorithm
from certstatus.responder.authority import Authority, AuthorityPolicy
from certstatus.responder.statement import Statement
from certstatus.signing import Signer
from certstatus.stores import StoredResponse, StoreKey

__all__ = [
    "Shelf",
    "Variants",
    "authority_digest",
    "is_storable",
    "meaning_digest",
    "says",
]

_SHORT: Final = 16
"""Octets of a digest that tells CAs, or forms of an answer, apart: nobody gains by a collision."""

_MAX_SERIAL_BITS: Final = 8 * MAX_LISTED_SERIAL_OCTETS - 1


class Shelf(Protocol):
    """A store as an answer may use it: what is wrong with it costs no answer, and little time."""

    async def get(self, key: StoreKey) -> StoredResponse | None:
        """Return what rests under a key; None also where the store is slow or out of order."""
        ...

    def offer(self, key: StoreKey, response: StoredResponse) -> None:
        """Have an answer put in soon. Returns at once."""
        ...

    @property
    def version(self) -> int:
        """Another number whenever what rests there may have changed; 0 where that can't be told."""
        ...

    def at_hand(self, encoded_key: bytes) -> bytes | None:
        """Return the entry under a key, unread; None: it is not there, or takes waiting."""
        ...


# --- the key --------------------------------------------------------------------------------


def is_storable(cert_id: CertID, statement: Statement) -> bool:
    """Whether an answer may go into a store that lasts.

    Strangers choose serial numbers and hash parameters: of those that no source lists, and of
    parameters that mean nothing, nothing is kept, or they could fill the store.
    """
    return (
        statement.is_listed
        and cert_id.hash_algorithm.has_no_parameters
        and cert_id.serial_number.bit_length() <= _MAX_SERIAL_BITS
    )


def authority_digest(issuer: Certificate) -> bytes:
    """Tell which CA: 16 octets of a digest of its name and key."""
    return _digest(issuer.subject.der, issuer.spki_der)[:_SHORT]


class Variants:
    """The keys of stored answers; each form of an answer is digested once."""

    def __init__(self) -> None:
        self._known: dict[tuple[object, ...], tuple[bytes, bytes]] = {}

    def key(self, authority: Authority, cert_id: CertID, signer: Signer) -> StoreKey:
        """Return the key of an answer about ``cert_id``, whose hash parameters are usual."""
        form = (
            authority,
            cert_id.hash_algorithm,
            signer.certificate.der,
            signer.algorithm.identifier,
        )
        found = self._known.get(form)
        if found is None:
            issuer = authority_digest(authority.issuer)
            found = issuer, _variant(authority, cert_id.hash_algorithm, signer)
            self._known[form] = found
        return StoreKey(*found, cert_id.serial_number)


def _variant(authority: Authority, algorithm: AlgorithmIdentifier, signer: Signer) -> bytes:
    return _digest(
        *_identifier(algorithm),
        *_identifier(signer.algorithm.identifier),
        signer.certificate.der,
        *(one.der for one in signer.certs),
        authority.issuer.der,
        *_policy(authority.policy),
    )[:_SHORT]


def _identifier(algorithm: AlgorithmIdentifier) -> tuple[bytes, bytes]:
    """Write an algorithm so that parameters NULL and absent differ: a CertID is echoed as it came."""
    parameters = algorithm.parameters
    return algorithm.oid.dotted_string.encode("ascii"), b"" if parameters is None else parameters


def _policy(policy: AuthorityPolicy) -> tuple[bytes, ...]:
    """Write what of a policy shapes an answer beside its meaning."""
    spans = (policy.validity, policy.backdate, policy.refresh, policy.archive)
    hashes = sorted(one.label for one in policy.hash_algorithms) if policy.dual_hash else ()
    words = (str(policy.responder_id), *(_span(one) for one in spans), *hashes)
    return tuple(word.encode("ascii") for word in words)


def _span(span: object) -> str:
    return str(span.total_seconds()) if isinstance(span, timedelta) else str(span)


# --- the meaning ----------------------------------------------------------------------------

_GOOD, _HELD, _REVOKED = range(3)


def meaning_digest(statement: Statement) -> bytes:
    """Digest what must be equal for a signed answer to be given again, in 32 octets.

    The first octet is the gravity: 0 good, 1 on hold, 2 revoked.
    """
    until = statement.known_until
    digest = _digest(
        *_status(statement.cert_status),
        b"" if until is None else _exactly(until),
        statement.single_extensions.encode(),
        b"never issued" if statement.is_never_issued else b"",
    )
    return bytes((_gravity(statement.cert_status),)) + digest[1:]


def _gravity(cert_status: CertStatus) -> int:
    if not isinstance(cert_status, Revoked):
        return _GOOD
    return _HELD if cert_status.reason is CRLReason.CERTIFICATE_HOLD else _REVOKED


def _status(cert_status: CertStatus) -> tuple[bytes, ...]:
    if isinstance(cert_status, Revoked):
        reason = "" if cert_status.reason is None else str(cert_status.reason.value)
        return b"revoked", _exactly(cert_status.revocation_time), reason.encode("ascii")
    return (b"good",) if isinstance(cert_status, Good) else (b"unknown",)


def _exactly(moment: datetime) -> bytes:
    return str(moment.timestamp()).encode("ascii")


def _digest(*parts: bytes) -> bytes:
    """Hash several octet strings so that none can run into the next."""
    return HashAlgorithm.SHA256.digest(b"".join(b"%d:%b" % (len(one), one) for one in parts))


# --- whether it serves ----------------------------------------------------------------------


def says(stored: StoredResponse, cert_id: CertID, statement: Statement, now: datetime) -> bool:
    """Whether a stored answer may be given for this statement at ``now``.

    Its meaning must be the same, it must be fresh, not from the future, and its bytes must
    say what the entry claims: a store that was tampered with makes nobody good.
    """
    is_fresh = stored.produced_at <= now < min(stored.fresh_until, stored.next_update)
    return (
        is_fresh
        and stored.meaning == meaning_digest(statement)
        and _bytes_say(stored, cert_id, statement.cert_status)
    )


def _bytes_say(stored: StoredResponse, cert_id: CertID, cert_status: CertStatus) -> bool:
    try:
        basic = parse_response(stored.der).basic
    except MalformedError:
        return False
    if basic is None or not basic.tbs_response_data.responses:
        return False
    data = basic.tbs_response_data
    single = data.responses[0]
    return (
        single.cert_id.encode() == cert_id.encode()
        and all(one.cert_status == cert_status for one in data.responses)
        and single.this_update == stored.this_update
        and single.next_update == stored.next_update
        and data.produced_at == stored.produced_at
    )
