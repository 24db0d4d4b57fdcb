"""A server of SCVP that means ill: whatever it sends, the client says no and does not fall over."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from certstatus.asn1 import oids
from certstatus.cms import encode_content_info
from certstatus.delegated import (
    DelegatedReport,
    DelegatedVerdict,
    Profile,
    ReplyPolicy,
    SCVPClient,
    ServerTrust,
    Wishes,
    judge_policies,
)
from certstatus.fetch import HTTPDoor
from certstatus.limits_scvp import MAX_REPLY_LINKS, MAX_VAL_POL_RESPONSE_BYTES
from certstatus.scvp import CertBundle, CertBundles, ReplyWantBack, WantBack
from certstatus.testing import FixedClock
from tests.delegating import SERVER as ANOTHER
from tests.scripted import Asked, Reply, ScriptedServer
from tests.scvp_server import (
    CA,
    DPD,
    DPV,
    LEAF,
    NONCE,
    NOW,
    PINNED,
    PROOF,
    ROOT,
    FakeServer,
    asked,
    bare,
    good_reply,
    good_response,
    judged,
    policies,
    signed,
    signed_policies,
    want_back,
)

QUESTIONS = {one.profile: asked(one) for one in (DPD, DPV, PROOF)}
SIGNED = {name: signed(good_response(one.request)) for name, one in QUESTIONS.items()}
POLICIES = signed_policies(policies())
MUTATIONS = st.lists(st.tuples(st.integers(0, 10_000), st.integers(1, 255)), min_size=1, max_size=3)


def mutated(octets: bytes, changes: list[tuple[int, int]]) -> bytes:
    found = bytearray(octets)
    for place, flip in changes:
        found[place % len(found)] ^= flip
    return bytes(found)


def told(report: DelegatedReport) -> list[tuple[str, str]]:
    return [(one.verdict, one.reason) for one in report.replies]


@pytest.mark.rule("S22")
@settings(max_examples=300)
@given(st.sampled_from(sorted(QUESTIONS)), MUTATIONS)
def test_no_change_of_a_signed_reply_makes_another_word_of_it(
    profile: Profile, changes: list[tuple[int, int]]
) -> None:
    question = QUESTIONS[profile]
    honest = judged(SIGNED[profile], question)
    report = judged(mutated(SIGNED[profile], changes), question)
    report.as_json()
    assert report.verdict in {"good", "untrusted", "refused", "malformed"}
    if report.verdict is DelegatedVerdict.GOOD:
        assert told(report) == told(honest)


@settings(max_examples=200)
@given(st.integers(0, 10_000), st.binary(max_size=40))
def test_cut_or_lengthened_replies_are_told_and_never_raise(place: int, more: bytes) -> None:
    question = QUESTIONS[DPD.profile]
    for whole in (SIGNED[DPD.profile], bare(good_response(question.request))):
        cut = whole[: place % len(whole)]
        for octets in (cut, cut + more, more):
            assert judged(octets, question).verdict in {"malformed", "untrusted"}


@settings(max_examples=200)
@given(MUTATIONS)
def test_no_change_of_a_signed_policy_is_believed(changes: list[tuple[int, int]]) -> None:
    report = judge_policies(mutated(POLICIES, changes), NONCE, now=NOW, policy=PINNED)
    report.as_json()
    assert report.policies is None or report.policies == policies()


def test_a_reply_of_endless_paths_costs_little() -> None:
    """256 paths of 40 CAs that nobody knows: verified each pair once, and then no more."""
    stranger = CA.certificate.der
    path = CertBundle((LEAF.der, *[stranger] * 39))
    sent = want_back(WantBack.PKC_ALL_CERT_PATHS, CertBundles((path,) * 256))
    question = asked(Wishes(want_backs=(WantBack.PKC_ALL_CERT_PATHS,)))
    reply = replace(good_reply(question.request), reply_want_backs=(sent,))
    report = judged(signed(good_response(question.request, reply)), question)
    assert [one.name for one in report.failures] == ["wantBacks"]


def test_paths_of_more_certificates_than_anybody_needs_are_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert MAX_REPLY_LINKS >= 1_000
    monkeypatch.setattr("certstatus.delegated.judge_want_backs.MAX_REPLY_LINKS", 1)
    question = asked(replace(DPD, anchors=(ROOT.certificate,)))
    report = judged(bare(good_response(question.request)), question)
    assert "more than 1 certificates" in report.check("wantBacks").reason


def test_a_reply_that_is_signed_by_whom_the_client_trusts_for_else_is_refused() -> None:
    """A certificate of another CA, under the same CA's name, is no path."""
    question = asked()
    trust = ServerTrust(pinned=(ANOTHER.certificate,))
    octets = signed(good_response(question.request))
    report = judged(octets, question, policy=ReplyPolicy(trust=trust))
    assert [one.name for one in report.failures] == ["signer's trust"]


def test_what_nobody_wanted_back_must_be_whole_too() -> None:
    question = asked()
    for broken in (b"", b"\x30\x00", b"\x30\x02\x30\x00"):
        sent = ReplyWantBack(WantBack.PKC_BEST_CERT_PATH.oid, broken)
        reply = replace(good_reply(question.request), reply_want_backs=(sent,))
        report = judged(signed(good_response(question.request, reply)), question)
        assert [one.name for one in report.failures] == ["wantBacks"]
        assert report.replies == ()


def test_a_policy_larger_than_any_is_refused() -> None:
    huge = b"\x30\x83" + MAX_VAL_POL_RESPONSE_BYTES.to_bytes(3) + bytes(MAX_VAL_POL_RESPONSE_BYTES)
    octets = encode_content_info(oids.ID_CT_SCVP_VAL_POL_RESPONSE, huge)
    report = judge_policies(octets, NONCE, now=NOW, policy=PINNED)
    assert report.verdict is DelegatedVerdict.MALFORMED


# --- over HTTP ----------------------------------------------------------------------------------


@pytest.fixture
def http() -> Iterator[ScriptedServer]:
    with ScriptedServer() as running:
        running.script = FakeServer()
        yield running


def client(http: ScriptedServer) -> SCVPClient:
    return SCVPClient(
        url=http.url,
        policy=PINNED,
        clock=FixedClock(NOW),
        door=HTTPDoor(total_time=timedelta(milliseconds=500)),
    )


@pytest.mark.rule("S13")
def test_a_reply_that_was_recorded_is_not_believed_again(http: ScriptedServer) -> None:
    honest = http.script
    recorded: list[Reply] = []

    def record(sent: Asked) -> Reply:
        recorded.append(recorded[0] if recorded else honest(sent))
        return recorded[-1]

    http.script = record
    assert client(http).check((LEAF,)).verdict == "good"
    again = client(http).check((LEAF,))
    assert again.report is not None
    assert [one.name for one in again.report.failures] == [
        *("nonce", "request reference", "binding"),
    ]


def test_a_server_that_leads_around_in_circles_is_left(http: ScriptedServer) -> None:
    http.script = lambda _: Reply(status=307, headers={"Location": "/"})
    result = client(http).check((LEAF,))
    assert result.verdict == "unreachable"
    assert "redirects" in result.attempts[-1].reason
    assert len(http.asked) < 20


def test_a_server_that_never_says_where_it_ends_is_cut_off(http: ScriptedServer) -> None:
    def endless() -> Iterator[bytes]:
        end = time.monotonic() + 5
        while time.monotonic() < end:
            yield bytes(65_536)

    http.script = lambda _: Reply(chunks=endless())
    monotonic = time.monotonic()
    assert client(http).policies().verdict == "unreachable"
    assert time.monotonic() - monotonic < 5
