"""The clock is set back and forth: nothing is given that was signed in the future, or has ended."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from certstatus.ocsp import CertID, CertStatus, Good, Revoked
from certstatus.pkix import CRLReason
from certstatus.responder import Authority, AuthorityPolicy, Responder
from certstatus.sources import Answer, Known
from certstatus.testing import FixedClock, TinyCA
from certstatus.verify import verify_response
from tests.desk import NOW, basic, request, signers

YEAR = timedelta(days=365)
CA = TinyCA("Stepped CA", not_before=NOW - YEAR, not_after=NOW + YEAR)
DELEGATE = CA.issue_responder(not_before=NOW - YEAR, not_after=NOW + YEAR)
SERIALS = (1, 2)


class Books:
    """A Source that knows at any time, as a database does."""

    name = "books"

    def __init__(self) -> None:
        self.said: dict[int, CertStatus] = dict.fromkeys(SERIALS, Good())

    async def status(self, cert_id: CertID, now: datetime) -> Answer:
        status = self.said[cert_id.serial_number]
        assert isinstance(status, Good | Revoked)
        return Known(cert_status=status, this_update=now, origin=self.name)


steps = st.timedeltas(-timedelta(days=20), timedelta(days=20)) | st.timedeltas(
    -timedelta(minutes=10), timedelta(minutes=10)
)
events = st.tuples(steps, st.sampled_from(SERIALS), st.booleans())


@settings(max_examples=60)
@given(
    history=st.lists(events, min_size=2, max_size=12),
    backdate=st.sampled_from([timedelta(0), timedelta(minutes=5)]),
)
def test_every_answer_is_of_now_and_true_however_the_clock_is_set(
    history: list[tuple[timedelta, int, bool]], backdate: timedelta
) -> None:
    books, clock = Books(), FixedClock(NOW)
    policy = AuthorityPolicy(validity=timedelta(days=4), backdate=backdate)
    responder = Responder(
        [
            Authority(
                name="stepped",
                issuer=CA.certificate,
                source=books,
                signers=signers(DELEGATE, CA),
                policy=policy,
            )
        ]
    )
    for step, serial, revokes in history:
        clock.moment = min(max(clock.moment + step, NOW - YEAR / 2), NOW + YEAR / 2)
        if revokes:
            books.said[serial] = Revoked(NOW - YEAR / 2, CRLReason.SUPERSEDED)
        der = request(CertID.of(CA.certificate, serial))
        reply = asyncio.run(responder.respond(der, clock.now()))

        data = basic(reply).tbs_response_data
        (single,) = data.responses
        assert single.cert_status == books.said[serial]
        assert data.produced_at <= clock.now()
        assert single.this_update <= clock.now()
        assert single.next_update is not None
        assert single.next_update > clock.now()
        report = verify_response(
            reply.der, issuer=CA.certificate, serial_number=serial, now=clock.now()
        )
        assert report.verified is not None, report
