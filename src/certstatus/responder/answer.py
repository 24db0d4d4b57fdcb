"""One signed answer: made from what is said, kept in a store, and given out of it. Pure.

Law: everything that is signed is signed here, for a client that waits and for a store alike,
so that a stored answer is the one that would be signed now.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from operator import attrgetter
from typing import Final, Protocol

from certstatus.errors import OverloadError
from certstatus.ocsp import CertID, Nonce
from certstatus.pkix import AlgorithmIdentifier, HashAlgorithm
from certstatus.responder.authority import Authority
from certstatus.responder.live import speech_of
from certstatus.responder.memo import Kept
from certstatus.responder.renewal import fresh_until
from certstatus.responder.reply import Cause, Refusal, Reply, Told
from certstatus.responder.splice import (
    EXTENDED_REVOKE,
    nonce_extension,
    response_data,
    single_response,
)
from certstatus.responder.statement import Statement
from certstatus.responder.stored import meaning_digest
from certstatus.responder.voice import Speech
from certstatus.signing import Choice, Signer, signature_by
from certstatus.stores import StoredResponse

__all__ = [
    "Answer",
    "Question",
    "asign",
    "fresh_until_of",
    "given_again",
    "kept_of",
    "named",
    "sign",
    "to_store",
    "with_other_hash",
]


@dataclass(frozen=True, slots=True)
class Question:
    """One certificate asked for, and who answers for it."""

    cert_id: CertID
    authority: Authority


@dataclass(frozen=True, slots=True)
class Answer:
    """One question with what is said of it; ``also`` are more names of the same certificate."""

    question: Question
    statement: Statement
    also: tuple[CertID, ...] = ()


def sign(
    answers: Sequence[Answer],
    choice: Choice[Signer],
    nonce: Nonce | None,
    now: datetime,
) -> Reply:
    """Sign the answer to one or several questions.

    Raises:
        Refusal: what is known has ended, or the signer can't sign.
    """
    draft = _draft(answers, choice, nonce, now)
    try:
        signature = choice.signer.sign(draft.tbs)
    except Exception as error:
        raise Refusal.over(Cause.SIGNER_FAILED, error) from error
    return _signed(draft, signature)


async def asign(
    answers: Sequence[Answer],
    choice: Choice[Signer],
    nonce: Nonce | None,
    now: datetime,
) -> Reply:
    """Sign as ``sign`` does, and hold up nothing else while a key far away signs."""
    draft = _draft(answers, choice, nonce, now)
    try:
        signature = await signature_by(choice.signer, draft.tbs)
    except OverloadError as error:
        raise Refusal.over(Cause.OVERLOAD, error) from error
    except Exception as error:
        raise Refusal.over(Cause.SIGNER_FAILED, error) from error
    return _signed(draft, signature)


# Half of what comprehensions cost: most answers are about one certificate.
_IS_DEFINITE: Final = attrgetter("statement.is_definite")
_IS_NEVER_ISSUED: Final = attrgetter("statement.is_never_issued")
_THIS_UPDATE: Final = attrgetter("this_update")
_NEXT_UPDATE: Final = attrgetter("next_update")


@dataclass(slots=True)
class _Draft:
    """All of an answer but its signature."""

    answers: Sequence[Answer]
    speeches: Sequence[Speech]
    choice: Choice[Signer]
    tbs: bytes
    has_nonce: bool


def _draft(
    answers: Sequence[Answer], choice: Choice[Signer], nonce: Nonce | None, now: datetime
) -> _Draft:
    signer = choice.signer
    speeches = [speech_of(one.statement, one.question.authority, signer, now) for one in answers]
    singles = b"".join(map(_single_responses, answers, speeches))
    # One signer names itself in one way, whoever else is answered for.
    tbs = response_data(speeches[0].opening, singles, _response_extensions(answers, nonce))
    return _Draft(answers, speeches, choice, tbs, nonce is not None)


def _signed(draft: _Draft, signature: bytes) -> Reply:
    """Make the reply of a draft and its signature."""
    answers, speeches, choice = draft.answers, draft.speeches, draft.choice
    voice = answers[0].question.authority.voice_of(choice.signer)
    return Reply(
        der=voice.frame.response(draft.tbs, signature),
        cause=Cause.ANSWERED,
        told=tuple(map(_told, answers)),
        this_update=max(map(_THIS_UPDATE, speeches)),
        next_update=min(map(_NEXT_UPDATE, speeches)),
        produced_at=speeches[0].now,
        signer=choice.signer,
        rung=choice.rung,
        is_cacheable=not draft.has_nonce and all(map(_IS_DEFINITE, answers)),
    )


def _single_responses(answer: Answer, speech: Speech) -> bytes:
    """Make the answers about one certificate; each CertID is echoed as it came (O15)."""
    first = single_response(answer.question.cert_id.encode(), speech.tail)
    if not answer.also:
        return first
    return first + b"".join(single_response(one.encode(), speech.tail) for one in answer.also)


def _response_extensions(answers: Iterable[Answer], nonce: Nonce | None) -> bytes:
    """Return the nonce as it came, and extended-revoke where it is due; none is critical."""
    found = b"" if nonce is None else nonce_extension(nonce)
    if any(map(_IS_NEVER_ISSUED, answers)):
        found += EXTENDED_REVOKE
    return found


_NULL: Final = b"\x05\x00"

_OTHER_HASH: Final = {
    HashAlgorithm.SHA1: HashAlgorithm.SHA256,
    HashAlgorithm.SHA256: HashAlgorithm.SHA1,
}


def with_other_hash(answer: Answer) -> Answer:
    """Add the same certificate by its other CertID, where the authority does so (L3)."""
    question = answer.question
    policy = question.authority.policy
    requested = question.cert_id.hash
    other = None if requested is None else _OTHER_HASH.get(requested)
    if not policy.dual_hash or other is None or other not in policy.hash_algorithms:
        return answer
    cert_id = question.authority.cert_id(question.cert_id.serial_number, other)
    return replace(answer, also=(cert_id,))


def named(
    authority: Authority, serial_number: int, algorithm: HashAlgorithm, null_parameters: bool
) -> CertID:
    """Name a certificate as clients do, with the hash's parameters NULL or left out."""
    cert_id = authority.cert_id(serial_number, algorithm)
    if not null_parameters:
        return cert_id
    return replace(cert_id, hash_algorithm=AlgorithmIdentifier(algorithm.oid, _NULL))


def fresh_until_of(answer: Answer, reply: Reply) -> datetime:
    """Say until when a successful reply may be given again."""
    assert reply.this_update is not None
    assert reply.next_update is not None
    assert reply.produced_at is not None
    policy = answer.question.authority.policy
    return fresh_until(
        produced_at=reply.produced_at,
        this_update=reply.this_update,
        next_update=reply.next_update,
        profile=policy.profile,
        refresh=policy.refresh,
    )


def to_store(answer: Answer, reply: Reply) -> StoredResponse:
    """Lay a successful reply about one certificate down as it rests in a store."""
    assert reply.this_update is not None
    assert reply.next_update is not None
    assert reply.produced_at is not None
    return StoredResponse(
        der=reply.der,
        meaning=meaning_digest(answer.statement),
        this_update=reply.this_update,
        next_update=reply.next_update,
        produced_at=reply.produced_at,
        fresh_until=fresh_until_of(answer, reply),
    )


class Signed(Protocol):
    """A signed answer at rest, in a store or in memory; times are aware UTC."""

    @property
    def der(self) -> bytes:
        """The OCSPResponse."""
        ...

    @property
    def this_update(self) -> datetime:
        """The latest of its SingleResponses."""
        ...

    @property
    def next_update(self) -> datetime:
        """The earliest of its SingleResponses."""
        ...

    @property
    def produced_at(self) -> datetime:
        """When it was signed."""
        ...


def given_again(signed: Signed, answer: Answer, choice: Choice[Signer]) -> Reply:
    """Make the reply that gives a signed answer again."""
    return Reply(
        der=signed.der,
        cause=Cause.ANSWERED,
        told=(_told(answer),),
        this_update=signed.this_update,
        next_update=signed.next_update,
        produced_at=signed.produced_at,
        signer=choice.signer,
        rung=choice.rung,
        is_cacheable=True,
        is_remembered=True,
    )


def kept_of(answer: Answer, reply: Reply, until: datetime) -> Kept:
    """Lay a successful reply down as it rests in memory, to be given again until then."""
    assert reply.this_update is not None
    assert reply.next_update is not None
    assert reply.produced_at is not None
    return Kept(
        reply.der,
        answer.statement.meaning,
        int(reply.this_update.timestamp()),
        int(reply.next_update.timestamp()),
        int(reply.produced_at.timestamp()),
        int(until.timestamp()),
    )


def _told(answer: Answer) -> Told:
    question, statement = answer.question, answer.statement
    return Told(
        cert_id=question.cert_id,
        cert_status=statement.cert_status,
        authority=question.authority.name,
        origin=statement.origin,
        why=statement.why,
    )
