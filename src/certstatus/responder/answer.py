"""One signed answer: made from what is said, kept in a store, and given out of it. Pure.

Law: everything that is signed is signed here, for a client that waits and for a store alike,
so that a stored answer is the one that would be signed now.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from certstatus.ocsp import (
    ArchiveCutoff,
    CertID,
    ExtendedRevoke,
    Extensions,
    Nonce,
    ResponseData,
    SingleResponse,
    Unknown,
    encode_response,
    encode_response_data,
)
from certstatus.ocsp.extensions import Extension
from certstatus.pkix import AlgorithmIdentifier, HashAlgorithm
from certstatus.responder.authority import Authority
from certstatus.responder.interval import interval_of
from certstatus.responder.renewal import fresh_until
from certstatus.responder.reply import Cause, Refusal, Reply, Told
from certstatus.responder.statement import Statement
from certstatus.responder.stored import meaning_digest
from certstatus.signing import Choice, Signer, signature_by
from certstatus.stores import StoredResponse

__all__ = [
    "Answer",
    "Question",
    "asign",
    "fresh_until_of",
    "from_store",
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


@dataclass(frozen=True, slots=True)
class _Draft:
    """All of an answer but its signature."""

    answers: Sequence[Answer]
    choice: Choice[Signer]
    data: ResponseData
    is_cacheable: bool

    @property
    def signer(self) -> Signer:
        return self.choice.signer

    def signed(self, tbs: bytes, signature: bytes) -> Reply:
        """Make the reply of the draft, its DER and the signature over that."""
        singles, signer = self.data.responses, self.signer
        certs = tuple(certificate.der for certificate in signer.certs)
        return Reply(
            der=encode_response(tbs, signer.algorithm.identifier, signature, certs),
            cause=Cause.ANSWERED,
            told=tuple(_told(answer) for answer in self.answers),
            this_update=max(one.this_update for one in singles),
            next_update=min(one.next_update for one in singles if one.next_update is not None),
            produced_at=self.data.produced_at,
            signer=signer,
            rung=self.choice.rung,
            is_cacheable=self.is_cacheable,
        )


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
    tbs = encode_response_data(draft.data)
    with _refusing():
        signature = draft.signer.sign(tbs)
    return draft.signed(tbs, signature)


async def asign(
    answers: Sequence[Answer],
    choice: Choice[Signer],
    nonce: Nonce | None,
    now: datetime,
) -> Reply:
    """Sign as ``sign`` does, and hold up nothing else while a key far away signs."""
    draft = _draft(answers, choice, nonce, now)
    tbs = encode_response_data(draft.data)
    with _refusing():
        signature = await signature_by(draft.signer, tbs)
    return draft.signed(tbs, signature)


def _draft(
    answers: Sequence[Answer], choice: Choice[Signer], nonce: Nonce | None, now: datetime
) -> _Draft:
    signer, policy = choice.signer, answers[0].question.authority.policy
    singles = tuple(
        single for answer in answers for single in _single_responses(answer, signer, now)
    )
    data = ResponseData(
        responder_id=policy.responder_id.of(signer.certificate),
        produced_at=now,
        responses=singles,
        response_extensions=_response_extensions(answers, nonce),
    )
    is_cacheable = nonce is None and all(one.statement.is_definite for one in answers)
    return _Draft(answers, choice, data, is_cacheable)


@contextmanager
def _refusing() -> Iterator[None]:
    try:
        yield
    except Exception as error:
        raise Refusal.over(Cause.SIGNER_FAILED, error) from error


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


def _single_responses(answer: Answer, signer: Signer, now: datetime) -> Iterator[SingleResponse]:
    """Make the answer about one certificate; the CertID is echoed as it came (O15)."""
    statement, authority = answer.statement, answer.question.authority
    interval = interval_of(statement, authority, signer, now)
    extensions = _single_extensions(statement, authority, now)
    for cert_id in (answer.question.cert_id, *answer.also):
        yield SingleResponse(
            cert_id=cert_id,
            cert_status=statement.cert_status,
            this_update=interval.this_update,
            next_update=interval.next_update,
            single_extensions=extensions,
        )


def _single_extensions(statement: Statement, authority: Authority, now: datetime) -> Extensions:
    """Add ArchiveCutoff to what the source says, where status is kept past expiry (O27)."""
    found = statement.single_extensions
    has_none = statement.is_never_issued or isinstance(statement.cert_status, Unknown)
    if has_none or found.has(ArchiveCutoff):
        return found
    # A source with an end of its own (a CRL, another responder) forgets what has expired,
    # or says itself how far back it knows (C14).
    cutoff = authority.policy.archive_cutoff(
        authority.issuer, now, keeps_expired=statement.known_until is None
    )
    return found if cutoff is None else Extensions.of(*found, ArchiveCutoff(cutoff))


def _response_extensions(answers: Iterable[Answer], nonce: Nonce | None) -> Extensions:
    """Return the nonce as it came, and extended-revoke where it is due; none is critical."""
    found: list[Nonce | ExtendedRevoke | Extension] = [] if nonce is None else [nonce]
    if any(answer.statement.is_never_issued for answer in answers):
        found.append(ExtendedRevoke())
    return Extensions.of(*found)


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


def from_store(stored: StoredResponse, answer: Answer, choice: Choice[Signer]) -> Reply:
    """Make the reply that gives a stored answer again."""
    return Reply(
        der=stored.der,
        cause=Cause.ANSWERED,
        told=(_told(answer),),
        this_update=stored.this_update,
        next_update=stored.next_update,
        produced_at=stored.produced_at,
        signer=choice.signer,
        rung=choice.rung,
        is_cacheable=True,
        is_remembered=True,
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
