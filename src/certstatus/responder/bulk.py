"""Signing in advance: every form of every answer, each looked at before it is stored. Pure.

Law: what is stored in advance is what would be signed now for a client that asks, by the
same functions, and nothing goes out of here that the linter has not found fit.

What answers share that say the same in one form and one second is made once, a ``_Line``: the
times, the meaning, the DER around serial number and signature.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from certstatus.ocsp import CertID, Revoked
from certstatus.pkix import HashAlgorithm
from certstatus.responder.answer import Answer, Question, named, with_other_hash
from certstatus.responder.authority import Authority
from certstatus.responder.lint import Series, Wanted
from certstatus.responder.live import speech_of
from certstatus.responder.mould import serial_octets
from certstatus.responder.renewal import fresh_until, renew_at, share_of
from certstatus.responder.reply import Cause, Refusal
from certstatus.responder.splice import response_data, single_response
from certstatus.responder.statement import Statement, state
from certstatus.responder.stored import Variants, authority_digest, meaning_digest
from certstatus.signing import Signer
from certstatus.sources import Answer as SourceAnswer
from certstatus.stores import StoredResponse, StoreKey
from certstatus.stores.base import encode_entry, encode_number
from certstatus.verify import Check

__all__ = ["Bulk", "Form", "Produced"]


@dataclass(frozen=True, slots=True, eq=False)
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


class Produced(NamedTuple):
    """One answer, and what is wrong with it: only without ``defects`` it may be stored.

    ``key`` and ``entry`` are as they go into the store.
    """

    key: bytes
    entry: bytes
    defects: tuple[Check, ...]


class Bulk:
    """Signs the answers of one authority, in the forms that are wanted."""

    def __init__(self, authority: Authority, forms: Sequence[Form]) -> None:
        self.authority = authority
        self.forms = tuple(forms)
        self.digest = authority_digest(authority.issuer)
        self._scribes = {form: _Scribe(authority, form) for form in self.forms}
        self._stated: tuple[SourceAnswer, Statement | None] | None = None
        self._meant: tuple[Statement, bytes] | None = None

    def statement(self, answer: SourceAnswer) -> Statement | None:
        """Say what the source's answer means; None where nothing is stored for it.

        Equal answers that follow one another get the same statement.

        Raises:
            Refusal: nothing is said of it at all.
        """
        last = self._stated
        if last is not None and (last[0] is answer or last[0] == answer):
            return last[1]
        statement = state(answer, self.authority)
        is_stored = statement.is_definite and statement.is_listed
        last = self._stated = answer, statement if is_stored else None
        return last[1]

    def key(self, serial_number: int, form: Form) -> StoreKey:
        """Return the key under which the answer of a form rests."""
        return StoreKey(self.digest, self._scribes[form].variant, serial_number)

    def keys(self, serial_number: int) -> Iterator[tuple[Form, StoreKey]]:
        """Yield every form, with the key under which its answer rests."""
        for form in self.forms:
            yield form, self.key(serial_number, form)

    def is_due(
        self, key: StoreKey, stored: StoredResponse | None, statement: Statement, now: datetime
    ) -> bool:
        """Whether an answer is to be signed: it is not there, says something else, or is old."""
        if stored is None or stored.meaning != self._meaning(statement):
            return True
        share = share_of(key.encode())
        return (
            not stored.produced_at <= now < renew_at(stored.produced_at, stored.fresh_until, share)
        )

    def _meaning(self, statement: Statement) -> bytes:
        if self._meant is None or self._meant[0] is not statement:
            self._meant = statement, meaning_digest(statement)
        return self._meant[1]

    def produce(
        self,
        serial_number: int,
        form: Form,
        statement: Statement,
        now: datetime,
        *,
        verify: bool = True,
    ) -> Produced:
        """Sign one answer at ``now``, aware UTC, whole seconds; and look at it.

        Without ``verify`` its signature is not verified, if an answer that is like it was found fit.

        Raises:
            Refusal: what is known has ended, or the signer can't sign.
        """
        scribe = self._scribes[form]
        line, serial = scribe.line(statement, now), serial_octets(serial_number)
        key = scribe.prefix + encode_number(serial_number)
        entry = encode_entry(key, line.head, scribe.sign(serial_number, serial, line))
        return Produced(key, entry, line.series.look(key, entry, serial, verify=verify))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Line:
    """What answers of one form that say the same in one second have in common.

    ``head`` stands before each of them in its entry; ``data`` is the ResponseData around serial numbers, by their length; a serial number stands
    once in it for each name of its certificate.
    """

    statement: Statement
    now: datetime
    head: bytes
    opening: bytes
    tail: bytes
    series: Series
    data: dict[int, tuple[bytes, ...]] = field(default_factory=dict)


class _Scribe:
    """Writes and signs the answers of one form."""

    def __init__(self, authority: Authority, form: Form) -> None:
        self._authority = authority
        self._form = form
        self.variant = Variants().key(authority, self._name(0), form.signer).variant
        self.prefix = authority_digest(authority.issuer) + self.variant
        self._sign = form.signer.sign
        self._latest: _Line | None = None
        self._around: dict[tuple[int, int], tuple[bytes, bytes, bytes]] = {}

    def sign(self, serial_number: int, serial: bytes, line: _Line) -> bytes:
        """Sign the answer about one certificate. Raises Refusal where the signer can't."""
        parts = line.data.get(len(serial)) or self._data(serial_number, serial, line)
        tbs = serial.join(parts)
        try:
            signature = self._sign(tbs)
        except Exception as error:
            raise Refusal.over(Cause.SIGNER_FAILED, error) from error
        around = self._around.get((len(tbs), len(signature))) or self._frame(tbs, signature)
        before, between, behind = around
        return b"".join((before, tbs, between, signature, behind))

    def _data(self, serial_number: int, serial: bytes, line: _Line) -> tuple[bytes, ...]:
        """Write ResponseData once for serial numbers of one length, and part it around them."""
        names = [one.encode() for one in self._names(serial_number, line.statement)]
        singles = b"".join([single_response(name, line.tail) for name in names])
        rest, parts = response_data(line.opening, singles), []
        for name in names:  # a name ends with the serial number, and is found by its hashes
            before, rest = rest.split(name, 1)
            parts.append(before + name[: -len(serial)])
        line.data[len(serial)] = *parts, rest
        return line.data[len(serial)]

    def _frame(self, tbs: bytes, signature: bytes) -> tuple[bytes, bytes, bytes]:
        """Write the response once for parts of such lengths, and part it around them."""
        frame = self._authority.voice_of(self._form.signer).frame
        before, rest = frame.response(tbs, signature).split(tbs, 1)
        between, behind = rest.split(signature, 1)
        self._around[len(tbs), len(signature)] = before, between, behind
        return before, between, behind

    # --- lines ------------------------------------------------------------------------------

    def line(self, statement: Statement, now: datetime) -> _Line:
        """Return what is said now of all that ``statement`` holds for.

        Raises:
            Refusal: what is known has ended, or the signer has.
        """
        latest = self._latest
        if latest is not None and latest.now == now:
            known = latest.statement
            if known is statement or known == statement:
                return latest
        line = self._new_line(statement, now)
        # What is said of one revoked certificate is said of hardly another.
        if not isinstance(statement.cert_status, Revoked):
            self._latest = line
        return line

    def _new_line(self, statement: Statement, now: datetime) -> _Line:
        speech = speech_of(statement, self._authority, self._form.signer, now)
        policy = self._authority.policy
        beside = StoredResponse(
            der=b"",
            meaning=meaning_digest(statement),
            this_update=speech.this_update,
            next_update=speech.next_update,
            produced_at=now,
            fresh_until=fresh_until(
                produced_at=now,
                this_update=speech.this_update,
                next_update=speech.next_update,
                profile=policy.profile,
                refresh=policy.refresh,
            ),
        )
        return _Line(
            statement=statement,
            now=now,
            head=beside.head,
            opening=speech.opening,
            tail=speech.tail,
            series=Series(lambda serial_number: self._wanted(serial_number, statement, now)),
        )

    def _wanted(self, serial_number: int, statement: Statement, now: datetime) -> Wanted:
        return Wanted(
            authority=self._authority,
            signer=self._form.signer,
            cert_ids=self._names(serial_number, statement),
            cert_status=statement.cert_status,
            now=now,
        )

    # --- names ------------------------------------------------------------------------------

    def _name(self, serial_number: int) -> CertID:
        form = self._form
        return named(self._authority, serial_number, form.algorithm, form.null_parameters)

    def _names(self, serial_number: int, statement: Statement) -> tuple[CertID, ...]:
        cert_id = self._name(serial_number)
        answer = with_other_hash(Answer(Question(cert_id, self._authority), statement))
        return cert_id, *answer.also
