"""Request DER to reply: the life of one question, pure but for its sources.

Its law: nothing that a client sends makes it raise; every outcome is a Reply that names
its cause; the source is asked each time, and a signed answer is given again only while it
still means the same.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import datetime
from typing import Final

from certstatus.errors import SignerError, SourceError
from certstatus.limits import MAX_REMEMBERED
from certstatus.ocsp import (
    CertID,
    Nonce,
    OCSPRequest,
    PreferredSignatureAlgorithms,
)
from certstatus.pkix import HashAlgorithm
from certstatus.responder.answer import (
    Answer,
    Question,
    asign,
    fresh_until_of,
    given_again,
    kept_of,
    named,
    to_store,
    with_other_hash,
)
from certstatus.responder.authority import Authorities, Authority, NonceMode
from certstatus.responder.memo import Memo
from certstatus.responder.reply import Cause, Observer, Refusal, Reply, answered, refused
from certstatus.responder.requests import RequestPolicy, accept
from certstatus.responder.spokesmen import choice_of, signers_for
from certstatus.responder.statement import compromised, state
from certstatus.responder.stored import Shelf, Variants, is_storable, says
from certstatus.signing import Choice, Rung, Signer, choose_signer
from certstatus.stores import StoredResponse, StoreKey

__all__ = ["Responder"]

_SPENT: Final = "the budget for signing is spent"


class Responder:
    """Answers OCSP requests for its authorities.

    ``admit`` is asked before each signature, and False means tryLater: the budget for
    signing. ``observe`` hears of our own failures, and must not block. ``remembered`` is how many signed answers are
    kept to be given again; 0 keeps none. ``shelf`` is where signed answers outlast the process
    and are shared with others.

    Raises:
        ConfigError: two authorities are the same CA.
    """

    def __init__(
        self,
        authorities: Iterable[Authority],
        *,
        requests: RequestPolicy = RequestPolicy(),  # noqa: B008 - frozen
        admit: Callable[[], bool] = lambda: True,
        observe: Observer = lambda _: None,
        remembered: int = MAX_REMEMBERED,
        shelf: Shelf | None = None,
    ) -> None:
        self._authorities = Authorities(authorities)
        self._observe = observe
        self.requests = requests
        self.admit = admit
        self.memo = Memo(remembered, version=_version_of(shelf))
        self.shelf = shelf
        self.variants = Variants()
        self._read: tuple[bytes, OCSPRequest, list[Question]] | None = None

    @property
    def authorities(self) -> tuple[Authority, ...]:
        """Every authority that is answered for."""
        return self._authorities.members

    async def respond(self, request_der: bytes, now: datetime) -> Reply:
        """Answer a request at ``now``, aware UTC. Never raises: every outcome is a reply."""
        answer = self._respond(request_der, now.replace(microsecond=0))
        return await answered(answer, self._observe)

    def refusal(self, request_der: bytes, now: datetime) -> Reply | None:
        """Refuse at once what the request itself is reason to; None: ``respond`` answers it.

        What was read for it is kept for that.
        """
        try:
            request = accept(request_der, self.requests, now)
            self._read = request_der, request, self._questions(request)
        except Refusal as refusal:
            return Reply.refusing(refusal.cause, refusal.detail)
        return None

    async def produce(
        self,
        authority: Authority,
        serial_number: int,
        hash_algorithm: HashAlgorithm,
        signer: Signer,
        now: datetime,
        *,
        null_parameters: bool = True,
    ) -> tuple[StoreKey, StoredResponse]:
        """Sign the answer about one certificate for a store, as if it were asked for at ``now``.

        A CertID is echoed as it came, so an answer is for clients that write the hash's
        parameters as NULL (most do) or, without ``null_parameters``, leave them out. The budget
        for signing does not count here, and the signer is taken as it is.

        Raises:
            Refusal: there is no answer to store; ``__cause__`` is the SourceError or
                SignerError, where one was the reason.
        """
        now = now.replace(microsecond=0)
        cert_id = named(authority, serial_number, hash_algorithm, null_parameters)
        answer = await self._ask(Question(cert_id, authority), now)
        if not answer.statement.is_definite:
            raise Refusal(Cause.UNLISTED, f"{answer.statement.why}: nothing to store")
        choice = Choice(signer, Rung.ADVERTISED)
        reply = await asign([with_other_hash(answer)], choice, None, now)
        return self.variants.key(authority, cert_id, signer), to_store(answer, reply)

    def serves(self, request_der: bytes, now: datetime) -> bool:
        """Whether these bytes are a request that names only issuers which are served here."""
        try:
            self._questions(accept(request_der, self.requests, now))
        except Refusal:
            return False
        return True

    def forget(self, serial_numbers: Collection[int] | None) -> None:
        """Sign anew when these are asked for again, by whatever issuer; None: all.

        Only what is remembered goes: a source that says otherwise now is heard anyway.
        """
        self.memo.forget(serial_numbers)

    def refuse_to_sign(self) -> Reply:
        """Refuse since ``admit`` said no: what costs least of all. Never raises."""
        return refused(Refusal(Cause.OVERLOAD, _SPENT), self._observe)

    async def _respond(self, request_der: bytes, now: datetime) -> Reply:
        request, questions = self._read_again(request_der, now)
        nonce = _nonce_to_return(request, questions)
        answers = [await self._ask(question, now) for question in questions]
        choice = self._choose(request, questions, now)
        if nonce is not None or len(answers) > 1:
            return await self._sign_within_budget(answers, choice, nonce, now)
        return await self._remembered_or_signed(answers[0], choice, now)

    def _read_again(self, request_der: bytes, now: datetime) -> tuple[OCSPRequest, list[Question]]:
        """Take what ``refusal`` has read a moment ago, or read it."""
        read, self._read = self._read, None
        if read is not None and read[0] == request_der:
            return read[1:]
        request = accept(request_der, self.requests, now)
        return request, self._questions(request)

    # --- whom to ask -----------------------------------------------------------------------

    def _questions(self, request: OCSPRequest) -> list[Question]:
        """Take each certificate once (FIELD: duplicates), with its authority.

        A ServiceLocator is read and not followed: who is not served here gets no answer (O7).
        """
        return [self._question(cert_id) for cert_id in dict.fromkeys(request.cert_ids)]

    def _question(self, cert_id: CertID) -> Question:
        authority = self._authorities.find(cert_id)
        if authority is None:
            raise Refusal(Cause.ISSUER, f"no authority for {cert_id}")
        if cert_id.hash not in authority.policy.hash_algorithms:
            text = f"{authority.name} is not named by {cert_id.hash_algorithm} here"
            raise Refusal(Cause.HASH, text)
        return Question(cert_id, authority)

    async def _ask(self, question: Question, now: datetime) -> Answer:
        """Ask the source; a CA that is marked as compromised needs none to be answered for."""
        authority = question.authority
        try:
            answer = await authority.source.status(question.cert_id, now)
        except SourceError as error:
            if authority.compromised_since is not None:
                statement = compromised(authority.compromised_since, known_at=now)
                return Answer(question, statement)
            raise Refusal.over(Cause.SOURCE_UNAVAILABLE, error) from error
        except Exception as error:
            raise Refusal.over(Cause.SOURCE_FAILED, error) from error
        return Answer(question, state(answer, authority))

    # --- who signs -------------------------------------------------------------------------

    def _choose(
        self, request: OCSPRequest, questions: Sequence[Question], now: datetime
    ) -> Choice[Signer]:
        authorities = list(dict.fromkeys(question.authority for question in questions))
        preferred = request.request_extensions.get(PreferredSignatureAlgorithms)
        signature = request.optional_signature
        if len(authorities) == 1 and preferred is None and signature is None:
            return choice_of(authorities[0], now)
        signers = signers_for(authorities, now)
        try:
            return choose_signer(
                signers,
                now=now,
                preferred=preferred,
                crl_algorithm=authorities[0].crl_algorithm,
                request_algorithm=None if signature is None else signature.signature_algorithm,
            )
        except SignerError as error:
            raise Refusal.over(Cause.SIGNER_EXPIRES, error) from error

    # --- the answer ------------------------------------------------------------------------

    async def _remembered_or_signed(
        self, answer: Answer, choice: Choice[Signer], now: datetime
    ) -> Reply:
        """Give what is remembered, what is stored, or what is signed now, in this order."""
        cert_id, meaning = answer.question.cert_id, answer.statement.meaning
        key = (
            cert_id.serial_number,
            cert_id.encode(),
            answer.question.authority.voice_of(choice.signer).digest,
        )
        self.memo.follow()
        kept = self.memo.recall(key, meaning, int(now.timestamp()))
        if kept is not None:
            return given_again(kept, answer, choice)
        reply, until = await self._stored_or_signed(answer, choice, now)
        if reply.is_cacheable:
            self.memo.keep(key, kept_of(answer, reply, until))
        return reply

    async def _stored_or_signed(
        self, answer: Answer, choice: Choice[Signer], now: datetime
    ) -> tuple[Reply, datetime]:
        """Return a reply, and until when it is fresh."""
        shelf, question = self.shelf, answer.question
        if shelf is None or not is_storable(question.cert_id, answer.statement):
            return await self._sign_alone(answer, choice, now)
        key = self.variants.key(question.authority, question.cert_id, choice.signer)
        stored = await shelf.get(key)
        if stored is not None and says(stored, question.cert_id, answer.statement, now):
            return given_again(stored, answer, choice), stored.fresh_until
        reply, until = await self._sign_alone(answer, choice, now)
        if reply.is_cacheable:
            shelf.offer(key, to_store(answer, reply))
        return reply, until

    async def _sign_alone(
        self, answer: Answer, choice: Choice[Signer], now: datetime
    ) -> tuple[Reply, datetime]:
        reply = await self._sign_within_budget([with_other_hash(answer)], choice, None, now)
        return reply, fresh_until_of(answer, reply)

    async def _sign_within_budget(
        self,
        answers: Sequence[Answer],
        choice: Choice[Signer],
        nonce: Nonce | None,
        now: datetime,
    ) -> Reply:
        if not self.admit():
            raise Refusal(Cause.OVERLOAD, _SPENT)
        return await asign(answers, choice, nonce, now)


def _nonce_to_return(request: OCSPRequest, questions: Iterable[Question]) -> Nonce | None:
    """Return the nonce to echo; of several authorities the strictest wins (N3, L4)."""
    modes = {question.authority.policy.nonce_mode for question in questions}
    nonce = request.nonce
    if NonceMode.REQUIRE in modes:
        if nonce is None:
            raise Refusal(Cause.NONCE_MISSING, "has no nonce, and this authority requires one")
        return nonce
    return None if NonceMode.IGNORE in modes else nonce


def _version_of(shelf: Shelf | None) -> Callable[[], int]:
    return (lambda: 0) if shelf is None else (lambda: shelf.version)
