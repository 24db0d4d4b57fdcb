"""Signing in advance: every form of every answer, each looked at before it is stored. Pure.

Law: what is stored in advance is what would be signed now for a client that asks, by the
same functions, and nothing goes out of here that the linter has not found fit.

What answers share that say the same in one form and one second is made once, a ``_Line``: the
times, the meaning, the DER around serial number and signature. Such answers are made together,
step by step: a signature costs the less the less is done between it and the next.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from certstatus.limits import RENEWAL_MARGIN, RENEWAL_SPREAD
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
from certstatus.stores.base import (
    EncodedEntry,
    encode_entry,
    encode_key,
    encode_number,
    entry_times,
    is_sound,
)
from certstatus.verify import Check

__all__ = ["Bulk", "Form", "Produced"]

_NEGATIVE: Final = 0x80
"""The first bit of an INTEGER's first octet."""

_YOUNG: Final = 1 - RENEWAL_MARGIN - RENEWAL_SPREAD
"""Of the time that an answer is fresh, what passes before any is renewed."""


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


@dataclass(frozen=True, slots=True)
class Produced:
    """What became of answers: those that may be stored, and those that may not, by serial number.

    ``entries`` are as they go into the store; of what is ``unfit`` it is told which checks it
    failed; of what is ``unsigned``, why.
    """

    entries: list[EncodedEntry] = field(default_factory=list)
    unfit: list[tuple[int, tuple[Check, ...]]] = field(default_factory=list)
    unsigned: list[tuple[int, Refusal]] = field(default_factory=list)


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

    def not_young(
        self,
        serial_numbers: Sequence[int],
        form: Form,
        statement: Statement,
        now: datetime,
        at_hand: Callable[[bytes], bytes | None],
    ) -> list[int]:
        """Leave out the certificates whose answers, by their octets, are not due for long.

        ``at_hand`` gives the entry under a key, as ``AtHand`` of the stores does.
        """
        scribe, meaning, second = self._scribes[form], self._meaning(statement), now.timestamp()
        found: list[int] = []
        for serial_number in serial_numbers:
            key = scribe.key(serial_octets(serial_number))
            entry = at_hand(key)
            if entry is None or not _is_young(key, entry, meaning, second):
                found.append(serial_number)
        return found

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
        serial_numbers: Sequence[int],
        form: Form,
        statement: Statement,
        now: datetime,
        *,
        verified: Collection[int] | None = None,
    ) -> Produced:
        """Sign the answers about some certificates at ``now``, aware UTC, whole seconds; look at each.

        Of those at the places ``verified``, all where it is None, the signature is verified; so
        is one's that is like no other that was found fit.
        """
        scribe = self._scribes[form]
        try:
            line = scribe.line(statement, now)
        except Refusal as refusal:  # what is known has ended, or the signer has
            return Produced(unsigned=[(one, refusal) for one in serial_numbers])
        places = range(len(serial_numbers)) if verified is None else verified
        return scribe.write(serial_numbers, line, places)


def _is_young(key: bytes, entry: bytes, meaning: bytes, second: float) -> bool:
    """Whether an entry is sound, says this, and would be renewed later whatever its key's share."""
    if not is_sound(entry, key):
        return False
    its_meaning, _, _, signed, stale = entry_times(entry)
    return its_meaning == meaning and signed <= second < signed + _YOUNG * (stale - signed) - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class _Line:
    """What answers of one form that say the same in one second have in common.

    ``head`` stands before each of them in its entry. ``data`` is the ResponseData around serial
    numbers, by their length; a serial number stands once in it for each name of its certificate.
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

    def write(
        self, serial_numbers: Sequence[int], line: _Line, verified: Collection[int]
    ) -> Produced:
        """Sign the answers about some certificates, and look at each."""
        serials = [serial_octets(one) for one in serial_numbers]
        signed = self._signed(self._to_be_signed(serials, line))
        keys = [self.key(one) for one in serials]
        produced, head, look = Produced(), line.head, line.series.look
        for place, (key, serial, (tbs, signature)) in enumerate(
            zip(keys, serials, signed, strict=True)
        ):
            if isinstance(signature, Refusal):
                produced.unsigned.append((serial_numbers[place], signature))
                continue
            entry = encode_entry(key, head, self._response(tbs, signature))
            defects = look(key, entry, serial, verify=place in verified)
            if defects:
                produced.unfit.append((serial_numbers[place], defects))
            else:
                produced.entries.append((key, entry))
        return produced

    def key(self, serial: bytes) -> bytes:
        """Return ``StoreKey.encode()`` of an answer, by the octets of its serial number."""
        if serial[0] & _NEGATIVE:
            return self.prefix + encode_number(int.from_bytes(serial, signed=True))
        return encode_key(self.prefix, serial)

    def _signed(self, parts: Iterable[bytes]) -> list[tuple[bytes, bytes | Refusal]]:
        """Sign one ResponseData after another; where the signer can't, say why."""
        sign, signed = self._sign, list[tuple[bytes, bytes | Refusal]]()
        for tbs in parts:
            try:
                signed.append((tbs, sign(tbs)))
            except Exception as error:  # noqa: BLE001 (a token's library raises what it likes)
                signed.append((tbs, Refusal.over(Cause.SIGNER_FAILED, error)))
        return signed

    def _to_be_signed(self, serials: Iterable[bytes], line: _Line) -> Iterator[bytes]:
        """Write one ResponseData after another."""
        width, parts = 0, tuple[bytes, ...]()
        for serial in serials:
            if len(serial) != width:
                width = len(serial)
                parts = line.data.get(width) or self._data(serial, line)
            yield serial.join(parts)

    def _data(self, serial: bytes, line: _Line) -> tuple[bytes, ...]:
        """Write ResponseData once for serial numbers of one length, and part it around them."""
        serial_number = int.from_bytes(serial, signed=True)
        names = [one.encode() for one in self._names(serial_number, line.statement)]
        singles = b"".join([single_response(name, line.tail) for name in names])
        rest, parts = response_data(line.opening, singles), []
        for name in names:  # a name ends with the serial number, and is found by its hashes
            before, rest = rest.split(name, 1)
            parts.append(before + name[: -len(serial)])
        line.data[len(serial)] = *parts, rest
        return line.data[len(serial)]

    def _response(self, tbs: bytes, signature: bytes) -> bytes:
        around = self._around.get((len(tbs), len(signature))) or self._frame(tbs, signature)
        before, between, behind = around
        return b"".join((before, tbs, between, signature, behind))

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
