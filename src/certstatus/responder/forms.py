"""The forms in which a CA's certificates are named, and what is said of them in this second. Pure.

A form is a hash algorithm, its parameters NULL or absent, and the hashes of one issuer: all
of a CertID before the serial number. The hot lane knows every form that is answered.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

from certstatus.ocsp import CertID, Revoked
from certstatus.pkix import HashAlgorithm
from certstatus.responder.answer import Answer, Question, named, with_other_hash
from certstatus.responder.authority import Authority, NonceMode
from certstatus.responder.reply import Refusal
from certstatus.responder.spokesmen import choice_of
from certstatus.responder.statement import Statement, state
from certstatus.responder.stored import Variants, meaning_digest
from certstatus.signing import Choice, Signer, is_waited_for
from certstatus.sources import Answer as SourceAnswer
from certstatus.sources import at_hand_for
from certstatus.stores import encode_key

__all__ = ["Form", "forms_of"]

_ONE: Final = 1
"""A serial number whose INTEGER is three octets: what stands before it is the form."""

_NEVER: Final = datetime.min.replace(tzinfo=UTC)


class Form:
    """One form of one authority; ``statement`` has to be asked before the attributes are read.

    ``choice`` is who signs for a request without wishes, None where nobody can. What was
    remembered last is remembered by identity of what it was made of.
    """

    __slots__ = (
        "_cert_id",
        "_digest",
        "_digested",
        "_edition",
        "_others",
        "_said",
        "_second",
        "_signer",
        "_source",
        "_stated",
        "_store_prefix",
        "_turn",
        "_variants",
        "authority",
        "choice",
        "has_other_names",
        "ignores_nonces",
        "is_quick",
        "requires_nonces",
        "signer_digest",
    )

    def __init__(self, authority: Authority, cert_id: CertID, variants: Variants) -> None:
        """``cert_id`` is any CertID of this form."""
        self.authority = authority
        self.has_other_names = authority.policy.dual_hash
        self.ignores_nonces = authority.policy.nonce_mode is NonceMode.IGNORE
        self.requires_nonces = authority.policy.nonce_mode is NonceMode.REQUIRE
        self.choice: Choice[Signer] | None = None
        self.is_quick = False
        self.signer_digest = b""
        self._cert_id = cert_id
        self._variants = variants
        self._source = at_hand_for(authority.issuer, authority.source)
        self._second = self._turn = _NEVER
        self._edition: object | None = None
        self._signer: Signer | None = None
        self._store_prefix = b""
        self._said: SourceAnswer | None = None
        self._stated: Statement | None = None
        self._digested: Statement | None = None
        self._digest = b""
        self._others: dict[int, tuple[bytes, ...]] = {}

    def statement(self, serial_number: int, second: datetime) -> Statement | None:
        """Say what is said of a certificate in this second; None: the full path has to say it."""
        if second is not self._second:
            self._begin(second)
        if self._source is None:
            return None
        said = self._source.at_hand(serial_number, second)
        if said is None or said is self._said:
            return None if said is None else self._stated
        try:
            stated = state(said, self.authority)
        except Refusal:
            return None
        if not isinstance(stated.cert_status, Revoked):
            self._said, self._stated = said, stated
        return stated

    def edition(self, turn: datetime) -> object | None:
        """Return ``AtHand.edition`` of the source, asked once for each ``turn`` (the same object)."""
        if turn is not self._turn:
            self._turn = turn
            self._edition = None if self._source is None else self._source.edition(self._second)
        return self._edition

    def meaning_digest(self, statement: Statement) -> bytes:
        """Return ``stored.meaning_digest`` of a statement."""
        if statement is not self._digested:
            self._digested, self._digest = statement, meaning_digest(statement)
        return self._digest

    def store_key(self, octets: bytes) -> bytes:
        """Return ``StoreKey.encode()`` of a certificate, by the octets of its serial number."""
        return encode_key(self._store_prefix, octets)

    def other_names(self, octets: bytes, statement: Statement) -> Sequence[bytes]:
        """Return the CertIDs under which an answer names the certificate as well (L3)."""
        heads = self._others.get(len(octets))
        if heads is None:
            cert_id = replace(self._cert_id, serial_number=int.from_bytes(octets))
            also = with_other_hash(Answer(Question(cert_id, self.authority), statement)).also
            heads = tuple(one.encode()[: -len(octets)] for one in also)
            self._others[len(octets)] = heads
        return [head + octets for head in heads]

    def _begin(self, second: datetime) -> None:
        self._second = second
        try:
            self.choice = choice_of(self.authority, second)
        except Refusal:
            self.choice = None
            return
        signer = self.choice.signer
        if signer is not self._signer:
            self._signer = signer
            self.is_quick = not is_waited_for(signer)
            self.signer_digest = self.authority.voice_of(signer).digest
            key = self._variants.key(self.authority, self._cert_id, signer)
            self._store_prefix = key.authority + key.variant


def forms_of(authorities: Iterable[Authority], variants: Variants) -> dict[bytes, Form]:
    """Return every form that is answered, by what stands in its CertIDs before the serial number."""
    found: dict[bytes, Form] = {}
    for authority in authorities:
        for algorithm in HashAlgorithm:
            if algorithm in authority.policy.hash_algorithms:
                for null_parameters in (True, False):
                    cert_id = named(authority, _ONE, algorithm, null_parameters)
                    der = cert_id.encode()
                    contents = der[3 if der[1] & 0x80 else 2 : -3]
                    found[contents] = Form(authority, cert_id, variants)
    return found
