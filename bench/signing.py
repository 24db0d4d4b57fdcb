"""What an answer that is signed now costs beside the signature itself, for each kind of key."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from statistics import median
from time import process_time

from certstatus.ocsp import CertID, Good, Nonce
from certstatus.responder import Authority
from certstatus.responder.answer import Answer, Question, sign
from certstatus.responder.live import response_of, tbs_of
from certstatus.responder.splice import nonce_extension
from certstatus.responder.spokesmen import choice_of
from certstatus.responder.statement import state
from certstatus.signing import KEY_KINDS, generate_key, make_signers
from certstatus.sources import Known, Unlisted
from certstatus.testing import Issued, TinyCA

__all__ = ["Signing", "measure_signing", "one_answer", "print_signing"]

ROUNDS = 7
SECONDS = 0.1
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Signing:
    """Microseconds of processor time: the signature alone, an answer from bytes, a whole Reply."""

    kind: str
    raw: float
    spliced: float
    replied: float


class _Nobody:
    """A source that is never asked: what it would say is at hand."""

    name = "nobody"

    async def status(self, cert_id: CertID, now: datetime) -> Unlisted:
        raise AssertionError(f"asked for {cert_id} at {now}")


def measure_signing(kinds: Sequence[str] = tuple(KEY_KINDS)) -> Iterator[Signing]:
    """Measure good answers with a nonce of 32 octets, each about another certificate.

    The signature is over as many octets; the three take turns, and the median of the rounds
    counts.
    """
    ca = TinyCA("Signing CA", not_before=NOW - timedelta(days=1), not_after=NOW.replace(year=2030))
    for kind in kinds:
        issued = ca.issue_responder(key=generate_key(kind), not_after=NOW.replace(year=2029))
        yield _measured(kind, _authority(issued, ca))


def one_answer(issued: Issued, ca: TinyCA) -> Callable[[], object]:
    """Return what builds and signs an answer with a nonce, by this certificate."""
    return _replied(_authority(issued, ca))


def _authority(issued: Issued, ca: TinyCA) -> Authority:
    signers = make_signers(issued.key, issued.certificate, issuer=ca.certificate)[:1]
    return Authority(name="bench", issuer=ca.certificate, source=_Nobody(), signers=signers)


def _measured(kind: str, authority: Authority) -> Signing:
    works = (_raw(authority), _spliced(authority), _replied(authority))
    number = max(1, int(SECONDS / max(_timed(works[0], 5), 1e-9)))
    rounds = [[_timed(work, number) for work in works] for _ in range(ROUNDS)]
    raw, spliced, replied = (median(times) * 1e6 for times in zip(*rounds, strict=True))
    return Signing(kind=kind, raw=raw, spliced=spliced, replied=replied)


def _timed(work: Callable[[], object], number: int) -> float:
    """Return the seconds of processor time that one call takes."""
    started = process_time()
    for _ in range(number):
        work()
    return (process_time() - started) / number


def _raw(authority: Authority) -> Callable[[], object]:
    answer = _answer(authority, 1)
    choice = choice_of(authority, NOW)
    cert_id = answer.question.cert_id.encode()
    nonce = nonce_extension(Nonce(bytes(32)))
    tbs = tbs_of(authority, choice, cert_id, answer.statement, NOW, nonce=nonce)
    return lambda: choice.signer.sign(tbs)


def _spliced(authority: Authority) -> Callable[[], object]:
    """Answer as the fast path does: with what was received as it is."""
    answers = _answers(authority)
    nonce = nonce_extension(Nonce(secrets.token_bytes(32)))
    cert_ids = [one.question.cert_id.encode() for one in answers]
    number = count()

    def work() -> bytes:
        index = next(number) % len(answers)
        choice = choice_of(authority, NOW)
        statement = answers[index].statement
        tbs = tbs_of(authority, choice, cert_ids[index], statement, NOW, nonce=nonce)
        return response_of(authority, choice, tbs, choice.signer.sign(tbs))

    return work


def _replied(authority: Authority) -> Callable[[], object]:
    """Answer as all else does: with a Reply that explains itself."""
    answers = _answers(authority)
    nonce = Nonce(secrets.token_bytes(32))
    number = count()
    return lambda: sign(
        [answers[next(number) % len(answers)]], choice_of(authority, NOW), nonce, NOW
    )


def _answers(authority: Authority) -> list[Answer]:
    return [_answer(authority, serial_number) for serial_number in range(1, 1_000)]


def _answer(authority: Authority, serial_number: int) -> Answer:
    cert_id = CertID.from_der(CertID.of(authority.issuer, 2**120 + serial_number).encode())
    known = Known(cert_status=Good(), this_update=NOW, origin="nobody")
    return Answer(Question(cert_id, authority), state(known, authority))


def print_signing(rows: Iterator[Signing]) -> None:
    """Print a table in Markdown."""
    print("| key | signature alone | answer from bytes | answer that explains itself | ratios |")
    print("|---|---:|---:|---:|---:|")
    for row in rows:
        figures = " | ".join(f"{one:.1f}" for one in (row.raw, row.spliced, row.replied))
        ratios = f"{row.spliced / row.raw:.2f}, {row.replied / row.raw:.2f}"
        print(f"| {row.kind} | {figures} | {ratios} |")


if __name__ == "__main__":
    print_signing(measure_signing())
