"""A key that can't sign is an alarm once, and found out of again without any request."""

from __future__ import annotations

import asyncio
import io
import json
from dataclasses import dataclass, field

import pytest

from certstatus.errors import ConfigError, OverloadError, SignerError
from certstatus.server.log import make_logger
from certstatus.server.signer_events import SignerTeller
from certstatus.server.signer_health import SignerHealth, WatchedSigner, problem_of
from tests.desk import signers
from tests.serving import Counts
from tests.unit.responder.test_answer import FarSigner

AWAY = SignerError("the token is away")


@dataclass
class Watched:
    """A key far away, its health, and what is told of that."""

    far: FarSigner = field(default_factory=FarSigner)
    counts: Counts = field(default_factory=Counts)
    written: io.StringIO = field(default_factory=io.StringIO)

    def __post_init__(self) -> None:
        log = make_logger(self.written, as_json=True)
        self.health = SignerHealth(SignerTeller("CA", self.counts, log))
        self.signer = self.health.watched(self.far)

    def sign(self) -> bytes:
        return asyncio.run(self.signer.asign(b"to be signed"))

    def problem(self) -> str | None:
        return asyncio.run(problem_of([self.signer]))

    @property
    def told(self) -> list[tuple[str, str]]:
        events = (json.loads(line) for line in self.written.getvalue().splitlines())
        return [(one["event"], one["detail"]) for one in events]


@pytest.mark.parametrize("error", [AWAY, ConfigError("the PIN is wrong")])
def test_a_failure_is_told_once_and_its_end_too(error: SignerError | ConfigError) -> None:
    watched = Watched()
    assert watched.sign()
    watched.far.error = error
    for _ in range(3):
        with pytest.raises(type(error)):
            watched.sign()
    watched.far.error = None
    for _ in range(2):
        assert watched.sign()

    assert watched.told == [
        ("signer.failing", str(error)),
        ("signer.signing-again", f"after: {error}"),
    ]


def test_a_local_key_is_watched_as_well() -> None:
    watched = Watched()
    (local, *_) = signers()
    signer = WatchedSigner(local, watched.health)

    assert signer.sign(b"one")
    assert asyncio.run(signer.asign(b"two"))
    assert (signer.certificate, signer.certs) == (local.certificate, local.certs)
    assert signer.algorithm == local.algorithm
    assert watched.told == []


def test_that_too_many_wait_is_no_word_on_the_key() -> None:
    watched = Watched()
    watched.far.error = OverloadError("512 signatures are waited for already")

    with pytest.raises(OverloadError):
        watched.sign()
    assert watched.health.problem is None
    assert watched.told == []


def test_a_defect_is_no_word_on_the_key() -> None:
    watched = Watched()
    watched.far.error = KeyError("a defect")

    with pytest.raises(KeyError):
        watched.sign()
    assert watched.health.problem is None


def test_who_never_failed_is_not_tried() -> None:
    watched = Watched()

    assert watched.problem() is None
    assert watched.far.asked == 0


def test_who_failed_is_tried_until_it_signs_again() -> None:
    watched = Watched()
    watched.far.error = AWAY
    with pytest.raises(SignerError):
        watched.sign()

    assert watched.problem() == str(AWAY)
    watched.far.error = None
    assert watched.problem() is None
    assert watched.told[-1][0] == "signer.signing-again"


def test_one_of_several_that_signs_is_enough() -> None:
    watched, (local, *_) = Watched(), signers()
    watched.far.error = AWAY
    with pytest.raises(SignerError):
        watched.sign()

    assert asyncio.run(problem_of([watched.signer, local])) is None
    assert asyncio.run(problem_of([])) is None
