"""Signatures that are waited for hold up nobody else, and fail as others do."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import pytest

from certstatus.errors import SignerError
from certstatus.ocsp import Extensions, Nonce
from certstatus.pkix import Certificate, SignatureAlgorithm, signature_problem
from certstatus.responder import Cause, Reply, Responder
from certstatus.responder.spokesmen import JointSigner
from certstatus.signing import AsyncSigner, LocalSigner
from tests.desk import NOW, authority, cert_id, request, signers


@dataclass(kw_only=True)
class FarSigner(AsyncSigner):
    """A signer whose key is far away: it signs when so many have asked at once."""

    at_once: int = 1

    inner: LocalSigner = field(default_factory=lambda: signers()[0])
    is_let: asyncio.Event = field(default_factory=asyncio.Event)
    asked: int = 0
    error: Exception | None = None

    @property
    def certificate(self) -> Certificate:
        return self.inner.certificate

    @property
    def certs(self) -> tuple[Certificate, ...]:
        return self.inner.certs

    @property
    def algorithm(self) -> SignatureAlgorithm:
        return self.inner.algorithm

    def sign(self, tbs: bytes) -> bytes:
        raise AssertionError("would hold up the others")

    async def asign(self, tbs: bytes) -> bytes:
        self.asked += 1
        if self.asked == self.at_once:
            self.is_let.set()
        await self.is_let.wait()
        if self.error is not None:
            raise self.error
        return self.inner.sign(tbs)


def test_while_one_signature_is_waited_for_others_are_asked_for() -> None:
    async def ask_three() -> list[Reply]:
        far = FarSigner(at_once=3)
        responder = Responder([authority(by=[far])])
        asking = [
            asyncio.create_task(responder.respond(request(cert_id(serial_number)), NOW))
            for serial_number in (1, 2, 3)
        ]
        return await asyncio.gather(*asking)

    replies = asyncio.run(asyncio.wait_for(ask_three(), 10))

    assert [one.cause for one in replies] == [Cause.ANSWERED] * 3


@pytest.mark.parametrize("nonce", [b"", bytes(32)])
def test_a_signature_that_fails_after_a_while_is_internal_error(nonce: bytes) -> None:
    async def ask() -> Reply:
        far = FarSigner(error=SignerError("the token is away"))
        extensions = Extensions.of(Nonce(nonce)) if nonce else Extensions()
        return await Responder([authority(by=[far])]).respond(request(extensions=extensions), NOW)

    reply = asyncio.run(ask())

    assert reply.cause is Cause.SIGNER_FAILED
    assert reply.response_status.label == "internalError"


def test_a_signer_for_several_cas_waits_as_its_inner_signer_does() -> None:
    far = FarSigner()

    signature = asyncio.run(JointSigner(far, far.certs).asign(b"to be signed"))

    key = far.certificate.public_key
    assert signature_problem(far.algorithm, key, signature, b"to be signed") is None
    assert far.asked == 1
