"""Signers of the server: every signature is timed, also one that is waited for."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import pytest

from certstatus.errors import SignerError
from certstatus.meter import Levels
from certstatus.pkix import signature_problem
from certstatus.server.signers import MeteredSigner
from tests.desk import signers
from tests.unit.responder.test_answer import FarSigner


@dataclass
class Counting:
    """A meter that lists what it is told."""

    heard: list[tuple[str, str]] = field(default_factory=list)

    def count(self, name: str, /, **labels: str) -> None:
        raise AssertionError(f"{name} is not counted here")

    def gauge(self, name: str, read: Levels, /) -> None:
        raise AssertionError(f"{name} is not read here")

    def observe(self, name: str, seconds: float, /, **labels: str) -> None:
        assert seconds >= 0
        self.heard.append((name, labels["algorithm"]))


@pytest.mark.parametrize("is_far", [False, True])
def test_a_signature_is_timed_whether_it_is_waited_for_or_not(is_far: bool) -> None:
    (local, *_), meter = signers(), Counting()
    signer = MeteredSigner(FarSigner(inner=local) if is_far else local, meter)

    signature = asyncio.run(signer.asign(b"to be signed"))

    assert (
        signature_problem(local.algorithm, local.certificate.public_key, signature, b"to be signed")
        is None
    )
    assert meter.heard == [("sign_seconds", local.algorithm.name)]


def test_a_signature_that_fails_is_not_timed() -> None:
    meter = Counting()
    far = FarSigner(error=SignerError("away"))

    with pytest.raises(SignerError, match="away"):
        asyncio.run(MeteredSigner(far, meter).asign(b""))
    assert meter.heard == []
