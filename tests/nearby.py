"""A face with a hot lane, over a source that answers at once."""

from __future__ import annotations

from datetime import datetime

from certstatus.responder import Authority, HotLane, OCSPFace, Responder
from certstatus.sources import Answer
from tests.desk import CA, NOW, Says, known, signers


class Near(Says):
    """A source that says the same of every certificate, at once."""

    issuer = CA.certificate

    def edition(self, now: datetime) -> object:
        """Say that nothing changes."""
        return self

    def at_hand(self, serial_number: int, now: datetime) -> Answer:
        """Say what ``status`` says."""
        return known()


async def near_face(*signed: bytes) -> OCSPFace:
    """Make a face that has the answers to these requests at hand."""
    authority = Authority(name="CA", issuer=CA.certificate, source=Near(known()), signers=signers())
    responder = Responder([authority])
    for der in signed:
        await responder.respond(der, NOW)
    face = OCSPFace(responder)
    face.lane = HotLane(responder, admit=face.admit)
    return face
