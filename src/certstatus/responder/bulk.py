"""Signing in advance: every form of every answer, each looked at before it is stored. Pure.

Law: what is stored in advance is what would be signed now for a client that asks, by the
same functions, and nothing goes out of here that the linter has not found fit.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from certstatus.ocsp import CertID
from certstatus.pkix import HashAlgorithm
from certstatus.responder.answer import Answer, Question, named, sign, to_store, with_other_hash
from certstatus.responder.authority import Authority
from certstatus.responder.lint import Wanted, lint
from certstatus.responder.renewal import renew_at, share_of
from certstatus.responder.statement import Statement, state
from certstatus.responder.stored import Variants, authority_digest, meaning_digest
from certstatus.signing import Choice, Rung, Signer
from certstatus.sources import Answer as SourceAnswer
from certstatus.stores import StoredResponse, StoreKey
from certstatus.verify import Check

__all__ = ["Bulk", "Form", "Produced"]


@dataclass(frozen=True, slots=True)
class Form:
    """One form of an authority's answers: how the CertID is written, and who signs.

    ``null_parameters`` is how most clients write a hash algorithm; a CertID is echoed as it
    came, so an answer for those serves no others.
    """

    algorithm: HashAlgorithm
    null_parameters: bool
    signer: Signer

    def __str__(self) -> str:
        bare = "" if self.null_parameters else "-bare"
        return f"{self.algorithm.label}{bare}, {self.signer.algorithm.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Produced:
    """One answer, and what is wrong with it: only without ``defects`` it may be stored."""

    key: StoreKey
    response: StoredResponse
    defects: tuple[Check, ...]


class Bulk:
    """Signs the answers of one authority, in the forms that are wanted."""

    def __init__(self, authority: Authority, forms: Sequence[Form]) -> None:
        self.authority = authority
        self.forms = tuple(forms)
        self.digest = authority_digest(authority.issuer)
        self._variants = Variants()

    def statement(self, answer: SourceAnswer) -> Statement | None:
        """Say what the source's answer means; None where nothing is stored for it.

        Raises:
            Refusal: nothing is said of it at all.
        """
        statement = state(answer, self.authority)
        return statement if statement.is_definite and statement.is_listed else None

    def keys(self, serial_number: int) -> Iterator[tuple[Form, StoreKey]]:
        """Yield every form, with the key under which its answer rests."""
        for form in self.forms:
            cert_id = self._cert_id(serial_number, form)
            yield form, self._variants.key(self.authority, cert_id, form.signer)

    def is_due(
        self, key: StoreKey, stored: StoredResponse | None, statement: Statement, now: datetime
    ) -> bool:
        """Whether an answer is to be signed: it is not there, says something else, or is old."""
        if stored is None or stored.meaning != meaning_digest(statement):
            return True
        share = share_of(key.encode())
        return (
            not stored.produced_at <= now < renew_at(stored.produced_at, stored.fresh_until, share)
        )

    def produce(self, key: StoreKey, form: Form, statement: Statement, now: datetime) -> Produced:
        """Sign one answer at ``now``, aware UTC, whole seconds; and look at it.

        Raises:
            Refusal: what is known has ended, or the signer can't sign.
        """
        cert_id = self._cert_id(key.serial_number, form)
        answer = with_other_hash(Answer(Question(cert_id, self.authority), statement))
        reply = sign([answer], Choice(form.signer, Rung.ADVERTISED), None, now)
        response = to_store(answer, reply)
        wanted = Wanted(
            authority=self.authority,
            signer=form.signer,
            cert_ids=(cert_id, *answer.also),
            cert_status=statement.cert_status,
            now=now,
        )
        return Produced(key=key, response=response, defects=lint(response, wanted))

    def _cert_id(self, serial_number: int, form: Form) -> CertID:
        return named(self.authority, serial_number, form.algorithm, form.null_parameters)
