"""How upstreams are asked: trusted responders, old signatures, chance, brief refusals, counts."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from certstatus.asn1 import oids
from certstatus.errors import SourceError
from certstatus.limits import UPSTREAM_JITTER, UPSTREAM_NEGATIVE_TIME, UPSTREAM_REFRESH
from certstatus.ocsp import (
    ArchiveCutoff,
    CertID,
    CrlID,
    Extensions,
    Good,
    InvalidityDate,
    OCSPResponseStatus,
    ReasonCode,
    Revoked,
    Unknown,
)
from certstatus.ocsp.extensions import Extension
from certstatus.pkix import CRLReason
from certstatus.sources import EntryExtensions, Known, Unlisted, Upstream, UpstreamPolicy
from certstatus.sources.upstream_asking import Outcome
from certstatus.testing import LIES, FixedClock, Forge, TinyCA
from certstatus.verify import verify_response
from tests.books import NOW, ask, status_of
from tests.proxying import refusing
from tests.scripted import Reply, Script, ScriptedServer

SERIAL = 0x1234
SECOND = timedelta(seconds=1)
HOUR = timedelta(hours=1)


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer() as running:
        yield running


@dataclass
class Asking:
    """A source with a policy, over an upstream that says what a test wants."""

    ca: TinyCA
    server: ScriptedServer
    clock: FixedClock = field(default_factory=FixedClock)
    tallied: list[Outcome] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.forge = Forge.honest(self.ca, SERIAL)
        self.says(self.forge)

    def says(self, forge: Forge) -> None:
        der = forge.der
        self.server.script = lambda _: Reply(body=der)

    def source(self, *passed_on: object, **policy: object) -> Upstream:
        return Upstream(
            [self.server.url],
            self.ca.certificate,
            policy=UpstreamPolicy(**policy),  # type: ignore[arg-type]
            passed_on=passed_on,  # type: ignore[arg-type]
            clock=self.clock,
            tally=lambda outcome, seconds: self.tallied.append(outcome) if seconds > 0 else None,
        )


@pytest.fixture
def asking(ca: TinyCA, server: ScriptedServer) -> Asking:
    return Asking(ca, server)


# --- whom to believe ----------------------------------------------------------------------------


@pytest.mark.rule("O22")
def test_a_responder_that_is_trusted_by_configuration_may_answer(
    asking: Asking, other_ca: TinyCA
) -> None:
    foreign = other_ca.issue_responder()
    asking.says(asking.forge.but(signer=foreign))

    with pytest.raises(SourceError):
        status_of(asking.source(), asking.ca, SERIAL)
    trusting = asking.source(signers=(foreign.certificate,))
    assert status_of(trusting, asking.ca, SERIAL) == Good()


@pytest.mark.rule("O29")
def test_sha1_signatures_are_believed_where_that_is_allowed(asking: Asking) -> None:
    _, sign_with_sha1 = LIES["SHA-1 signature"]
    asking.says(sign_with_sha1(asking.forge))

    with pytest.raises(SourceError):
        status_of(asking.source(), asking.ca, SERIAL)
    assert status_of(asking.source(allow_sha1=True), asking.ca, SERIAL) == Good()


# --- when it is asked anew ----------------------------------------------------------------------


def test_nodes_do_not_all_ask_at_the_same_moment(asking: Asking) -> None:
    verified = verify_response(
        asking.forge.der, issuer=asking.ca.certificate, serial_number=SERIAL, now=NOW
    ).verified
    assert verified is not None

    moments = {UpstreamPolicy().end_of_freshness(verified, {}, NOW) for _ in range(50)}

    assert len(moments) > 1
    assert min(moments) >= NOW + UPSTREAM_REFRESH * (1 - UPSTREAM_JITTER)
    assert max(moments) <= NOW + UPSTREAM_REFRESH
    assert UpstreamPolicy(jitter=0).end_of_freshness(verified, {}, NOW) == NOW + UPSTREAM_REFRESH


def test_unknown_stands_briefly(asking: Asking) -> None:
    source = asking.source()
    asking.says(asking.forge.but(cert_status=Unknown()))
    assert isinstance(ask(source, asking.ca, SERIAL), Unlisted)
    before = len(asking.server.asked)
    asking.says(asking.forge)
    asking.clock.advance(UPSTREAM_NEGATIVE_TIME - SECOND)
    assert isinstance(ask(source, asking.ca, SERIAL, asking.clock.now()), Unlisted)
    assert len(asking.server.asked) == before
    asking.clock.advance(SECOND)

    assert status_of(source, asking.ca, SERIAL, asking.clock.now()) == Good()


@pytest.mark.rule("L6")
def test_unauthorized_stands_briefly_and_is_try_later(asking: Asking) -> None:
    source = asking.source(negative=HOUR)
    asking.server.script = lambda _: refusing(OCSPResponseStatus.UNAUTHORIZED)
    with pytest.raises(SourceError, match="unauthorized"):
        status_of(source, asking.ca, SERIAL)
    asking.says(asking.forge)
    asking.clock.advance(HOUR - SECOND)
    with pytest.raises(SourceError, match="refused a moment ago"):
        status_of(source, asking.ca, SERIAL, asking.clock.now())
    asking.clock.advance(SECOND)

    assert status_of(source, asking.ca, SERIAL, asking.clock.now()) == Good()


# --- what is passed on --------------------------------------------------------------------------

REVOKED = Revoked(NOW - HOUR, CRLReason.KEY_COMPROMISE)
CRL_ID, CUTOFF = CrlID("http://ca.example/ca.crl", 7), ArchiveCutoff(NOW - 9 * HOUR)
REASON, SUSPECT = ReasonCode(CRLReason.KEY_COMPROMISE), InvalidityDate(NOW - 2 * HOUR)
FOREIGN = Extension(oids.ID_PE_TLS_FEATURE, b"\x30\x00")


@pytest.mark.parametrize(
    ("passed_on", "found"),
    [
        ((), ()),
        (EntryExtensions.CABF.oids, (SUSPECT,)),
        (EntryExtensions.RFC.oids, (REASON, SUSPECT)),
        ((CrlID.oid,), (CRL_ID,)),
        ((ArchiveCutoff.oid,), (CUTOFF,)),
    ],
    ids=["nothing", "cabf", "rfc", "CrlID", "ArchiveCutoff"],
)
@pytest.mark.rule("O26", "O27", "O28")
def test_single_extensions_are_passed_on_by_policy(
    asking: Asking, passed_on: tuple[object, ...], found: tuple[ReasonCode, ...]
) -> None:
    theirs = Extensions.of(CRL_ID, CUTOFF, REASON, SUSPECT, FOREIGN)
    asking.says(asking.forge.but(cert_status=REVOKED, single_extensions=theirs))

    answer = ask(asking.source(*passed_on), asking.ca, SERIAL)

    assert isinstance(answer, Known)
    assert answer.single_extensions == Extensions.of(*found)


def saying(reply: Reply) -> Script:
    return lambda _: reply


# --- counts -------------------------------------------------------------------------------------


def test_each_question_is_counted_by_its_outcome(asking: Asking) -> None:
    source = asking.source()
    says = [
        Reply(body=asking.forge.der),
        refusing(OCSPResponseStatus.UNAUTHORIZED),
        Reply(body=asking.forge.but(certs=()).der),
        Reply(status=503),
    ]
    for serial, reply in enumerate(says, SERIAL):
        asking.server.script = saying(reply)
        try:
            asyncio.run(source.status(CertID.of(asking.ca.certificate, serial), NOW))
        except SourceError:
            continue

    assert asking.tallied == [
        Outcome.ANSWERED,
        Outcome.REFUSED,
        Outcome.UNTRUSTED,
        Outcome.FAILED,
    ]
