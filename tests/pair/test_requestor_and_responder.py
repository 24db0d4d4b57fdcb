"""Our requestor asks our responder over HTTP: what one says, the other believes."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from certstatus.errors import SourceError
from certstatus.pkix import Certificate, HashAlgorithm
from certstatus.requestor import (
    AskPolicy,
    CheckPolicy,
    CheckResult,
    Method,
    Requestor,
    ResponseCache,
)
from certstatus.responder import (
    Authority,
    HTTPReply,
    HTTPRequest,
    NonceMode,
    OCSPFace,
    RequestPolicy,
    Responder,
    SignedRequests,
    UnlistedMode,
)
from certstatus.sources import Answer
from certstatus.testing import KEY_KINDS, FixedClock, TinyCA
from certstatus.verify import NoncePolicy, Verdict, VerifyPolicy
from tests.desk import CA, DAY, LEAF, NOW, REVOKED, authority, known, signers, unlisted
from tests.serving import in_loop, serving

QUICK = CheckPolicy(ask=AskPolicy(back_off=timedelta(0)))


class CountingFace(OCSPFace):
    """Counts what it is asked."""

    heard = 0

    def refuse(self, request: HTTPRequest, now: datetime) -> HTTPReply | None:
        self.heard += 1  # every request comes here first
        return super().refuse(request, now)


async def check(
    to: Authority,
    *certificates: Certificate,
    policy: CheckPolicy = QUICK,
    issuer: Certificate = CA.certificate,
    cache: ResponseCache | None = None,
    after: timedelta = timedelta(0),
    **requests: Any,
) -> tuple[list[CheckResult], int]:
    """Serve an authority, check certificates (the leaf), and count what the server heard."""
    clock = FixedClock(NOW + after)
    responder = Responder([to], requests=RequestPolicy(**requests))
    face = CountingFace(responder, path="/ocsp")
    async with serving(face, clock=clock) as served:
        url = f"http://127.0.0.1:{served.port}/ocsp"
        requestor = Requestor(urls=(url,), policy=policy, clock=clock, cache=cache)
        results = await requestor.acheck_many(certificates or (LEAF,), issuer)
    return results, face.heard


def is_plain(result: CheckResult, verdict: Verdict) -> bool:
    """Whether a result is this verdict, at the first try, with nothing to remark."""
    report = result.report
    return (
        result.verdict is verdict
        and report is not None
        and not report.failures
        and not report.findings
        and not result.attempts
    )


@pytest.mark.parametrize("method", [Method.GET, Method.POST])
@pytest.mark.parametrize("sends_nonce", [False, True])
@pytest.mark.parametrize("algorithm", HashAlgorithm)
@pytest.mark.parametrize(
    ("answer", "verdict"), [(known(), Verdict.GOOD), (known(REVOKED), Verdict.REVOKED)]
)
@pytest.mark.rule("O12", "O32", "O33", "N3")
def test_every_way_to_ask_brings_the_same_answer(
    answer: Answer, verdict: Verdict, algorithm: HashAlgorithm, sends_nonce: bool, method: Method
) -> None:
    policy = replace(
        QUICK, ask=replace(QUICK.ask, method=method, hashes=(algorithm,)), send_nonce=sends_nonce
    )

    @in_loop
    async def run() -> None:
        (result,), heard = await check(authority(answer), policy=policy)

        assert is_plain(result, verdict)
        assert (result.method, heard) == (method.value.upper(), 1)

    run()


@pytest.mark.parametrize("kind", KEY_KINDS)
@in_loop
async def test_every_kind_of_signer_is_believed(kind: str) -> None:
    delegate = CA.issue_responder(kind=kind)

    (result,), _ = await check(authority(by=signers(delegate)))

    assert is_plain(result, Verdict.GOOD)


@pytest.mark.rule("O15", "L11")
@in_loop
async def test_a_hundred_certificates_are_asked_about_at_once() -> None:
    leaves = [CA.issue_server().certificate for _ in range(100)]

    results, heard = await check(authority(), *leaves)

    assert all(is_plain(result, Verdict.GOOD) for result in results)
    assert heard == 1


@pytest.mark.rule("O15")
@in_loop
async def test_where_more_are_asked_about_than_are_answered_each_is_asked_about() -> None:
    leaves = [CA.issue_server().certificate for _ in range(3)]

    results, heard = await check(authority(), *leaves, max_certificates=2)

    assert {result.verdict for result in results} == {Verdict.GOOD}
    assert heard == 5  # all three by both hashes, then each


@pytest.mark.rule("L1")
@in_loop
async def test_a_responder_that_knows_sha1_alone_is_understood() -> None:
    old = authority(hash_algorithms=frozenset({HashAlgorithm.SHA1}))

    (result,), heard = await check(old)

    assert (result.verdict, heard) == (Verdict.GOOD, 2)
    assert result.request is not None
    assert result.request.cert_ids[0].hash is HashAlgorithm.SHA1


@pytest.mark.rule("L3")
@in_loop
async def test_an_answer_under_both_hashes_is_one_answer() -> None:
    (result,), _ = await check(authority(dual_hash=True))

    assert result.verdict is Verdict.GOOD
    assert result.report is not None
    assert not result.report.failures


@pytest.mark.rule("L4", "L10", "N2", "N4")
@pytest.mark.parametrize(
    ("mode", "policy", "verdict"),
    [
        (NonceMode.IGNORE, NoncePolicy.PREFERRED, Verdict.GOOD),
        (NonceMode.IGNORE, NoncePolicy.REQUIRED, Verdict.UNTRUSTED),
        (NonceMode.REQUIRE, NoncePolicy.PREFERRED, Verdict.GOOD),
        (NonceMode.ECHO, NoncePolicy.REQUIRED, Verdict.GOOD),
    ],
)
@in_loop
async def test_both_ends_say_what_becomes_of_a_nonce(
    mode: NonceMode, policy: NoncePolicy, verdict: Verdict
) -> None:
    asking = replace(QUICK, send_nonce=True, verify=VerifyPolicy(nonce=policy))

    (result,), _ = await check(authority(nonce=mode), policy=asking)

    assert result.verdict is verdict


@pytest.mark.rule("N2")
@in_loop
async def test_who_insists_on_a_nonce_refuses_a_request_without() -> None:
    (result,), _ = await check(authority(nonce=NonceMode.REQUIRE))

    assert result.verdict is Verdict.REFUSED


@pytest.mark.rule("O4", "O5")
@in_loop
async def test_who_insists_on_signatures_answers_those_that_hold() -> None:
    person = CA.issue("requestor.example")
    (signer, *_) = signers(person)
    insisting: dict[str, Any] = {"signatures": SignedRequests.REQUIRE, "anchors": (CA.certificate,)}

    (unsigned,), _ = await check(authority(), **insisting)
    (signed,), _ = await check(authority(), policy=replace(QUICK, signer=signer), **insisting)

    assert unsigned.verdict is Verdict.REFUSED
    assert "sigRequired" in unsigned.attempts[0].reason
    assert is_plain(signed, Verdict.GOOD)


@pytest.mark.parametrize(
    ("mode", "verdict"),
    [
        (UnlistedMode.UNKNOWN, Verdict.UNKNOWN),
        (UnlistedMode.GOOD, Verdict.GOOD),
        (UnlistedMode.EXTENDED_REVOKE, Verdict.REVOKED),
        (UnlistedMode.UNAUTHORIZED, Verdict.REFUSED),
    ],
)
@pytest.mark.rule("O12", "O13", "L6")
@in_loop
async def test_what_was_never_issued_is_what_the_authority_says(
    mode: UnlistedMode, verdict: Verdict
) -> None:
    (result,), _ = await check(authority(unlisted(), unlisted=mode))

    assert result.verdict is verdict


@pytest.mark.rule("L6", "O11")
@in_loop
async def test_another_ca_is_none_of_its_business() -> None:
    other = TinyCA("Other CA")

    (result,), _ = await check(
        authority(), other.issue_server().certificate, issuer=other.certificate
    )

    assert result.verdict is Verdict.REFUSED
    assert "unauthorized" in result.attempts[0].reason


@pytest.mark.rule("O11")
@in_loop
async def test_a_source_that_cannot_know_is_asked_again_and_then_given_up() -> None:
    (result,), heard = await check(authority(SourceError("the database is locked")))

    assert result.verdict is Verdict.REFUSED
    assert heard == QUICK.ask.attempts
    assert "tryLater" in result.attempts[-1].reason


@pytest.mark.rule("L12", "L13", "L14")
@in_loop
async def test_what_the_responder_lets_keep_is_kept_for_so_long(tmp_path: Path) -> None:
    cache = ResponseCache(tmp_path)

    _, first = await check(authority(), cache=cache)
    (kept,), second = await check(authority(), cache=cache, after=timedelta(minutes=59))
    _, third = await check(authority(), cache=cache, after=timedelta(minutes=60))
    (held,), _ = await check(authority(SourceError("gone")), cache=cache, after=timedelta(hours=3))
    (over,), _ = await check(authority(SourceError("gone")), cache=cache, after=5 * DAY)

    assert (first, second, third) == (1, 0, 1)
    assert kept.from_cache
    assert (held.verdict, held.from_cache) == (Verdict.GOOD, True)
    assert (over.verdict, over.from_cache) == (Verdict.REFUSED, False)
