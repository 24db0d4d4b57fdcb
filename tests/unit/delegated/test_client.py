"""The client over loopback: what it sends, whom it trusts, and when it gives up."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from certstatus.asn1 import oids
from certstatus.clock import SystemClock
from certstatus.cms import (
    SCVPExchange,
    encode_evidence,
    parse_content_info,
    parse_evidence,
    verify_signed_data,
)
from certstatus.delegated import (
    DelegatedResult,
    DelegatedVerdict,
    ReplyPolicy,
    SCVPClient,
    ServerTrust,
    Wishes,
    judge_reply,
    read_question,
)
from certstatus.errors import ConfigError, MalformedError, SignerError, UnreachableError
from certstatus.fetch import HTTPDoor
from certstatus.limits import MAX_ATTEMPTS
from certstatus.limits_scvp import MAX_CMS_BYTES, MAX_DISCOVERED_PATHS
from certstatus.scvp import CVStatusCode, ResponseStatus
from certstatus.signing import Purpose, make_signers
from certstatus.testing import FixedClock, TinyCA
from tests.scripted import Asked, Reply, ScriptedServer
from tests.scvp_server import (
    CA,
    CLIENT,
    CRL,
    DPD,
    DPV,
    LEAF,
    NOW,
    OTHER,
    PINNED,
    PROOF,
    SERVER,
    SERVER_CA,
    SERVER_ROOT,
    FakeServer,
    signer_of,
)


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer() as running:
        running.script = FakeServer()
        yield running


@pytest.fixture(autouse=True)
def no_back_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("certstatus.delegated.client_plan.BACK_OFF", timedelta(0))


def client(server: ScriptedServer, **more: Any) -> SCVPClient:
    more.setdefault("policy", PINNED)
    more.setdefault("clock", FixedClock(NOW))
    return SCVPClient(url=server.url, **more)


def script(server: ScriptedServer) -> FakeServer:
    assert isinstance(server.script, FakeServer)
    return server.script


@pytest.mark.parametrize("wishes", [DPD, DPV, PROOF], ids=lambda one: one.profile)
def test_each_profile_is_asked_and_believed(server: ScriptedServer, wishes: Wishes) -> None:
    result = client(server).check((LEAF,), wishes)
    assert result.verdict is DelegatedVerdict.GOOD
    (reply,) = result.require()
    assert reply.certificate == LEAF
    assert result.report is not None
    assert result.report.findings == ()
    assert asyncio.run(client(server).acheck((LEAF,), wishes)).verdict is DelegatedVerdict.GOOD


def test_a_request_is_posted_under_its_media_type(server: ScriptedServer) -> None:
    client(server, headers={"X-Site": "one"}).check((LEAF, OTHER))
    client(server).policies()
    (first, second) = server.asked
    assert (first.method, second.method) == ("POST", "POST")
    assert first.headers["content-type"] == "application/scvp-cv-request"
    assert first.headers["accept"] == "application/scvp-cv-response"
    assert first.headers["x-site"] == "one"
    assert second.headers["content-type"] == "application/scvp-vp-request"
    assert parse_content_info(second.body).content_type == oids.ID_CT_SCVP_VAL_POL_REQUEST
    assert [one.certificates for one in script(server).questions] == [(LEAF, OTHER)]


@pytest.mark.rule("S13")
def test_each_request_has_a_nonce_of_its_own(server: ScriptedServer) -> None:
    asking = client(server)
    for _ in range(3):
        asking.check((LEAF,))
    nonces = {one.request.request_nonce for one in script(server).questions}
    assert len(nonces) == 3
    assert all(nonce is not None and len(nonce) == 32 for nonce in nonces)


@pytest.mark.rule("S22")
def test_requests_are_signed_by_one_who_may(server: ScriptedServer) -> None:
    signer = make_signers(CLIENT.key, CLIENT.certificate, issuer=None)[0]
    asking = client(server, signer=signer)
    assert asking.check((LEAF,)).verdict is DelegatedVerdict.GOOD
    assert asyncio.run(asking.acheck((LEAF,))).verdict is DelegatedVerdict.GOOD
    for one in server.asked:
        report = verify_signed_data(
            one.body, now=NOW, purpose=Purpose.SCVP_CLIENT, trusted=(CLIENT.certificate,)
        )
        assert report.require().signing_time == NOW
    other = make_signers(SERVER.key, SERVER.certificate, issuer=None)[0]
    with pytest.raises(SignerError, match="not for id-kp-scvpClient"):
        client(server, signer=other)


# --- whom it trusts ---------------------------------------------------------------------------


@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
@pytest.mark.parametrize(
    ("anchors", "enclosed", "verdict"),
    [
        ((SERVER_CA,), (), "good"),
        ((SERVER_ROOT,), (SERVER_CA,), "good"),
        ((SERVER_ROOT,), (), "untrusted"),
        ((CA,), (SERVER_CA,), "untrusted"),
    ],
    ids=["its issuer", "a path", "no path", "another CA"],
)
def test_a_server_is_trusted_by_a_path_to_an_anchor(
    server: ScriptedServer,
    anchors: Iterable[TinyCA],
    enclosed: Iterable[TinyCA],
    verdict: str,
    is_async: bool,
) -> None:
    script(server).enclosed = [one.certificate for one in enclosed]
    trust = ServerTrust.of(one.certificate for one in anchors)
    asking = client(server, policy=ReplyPolicy(trust=trust))
    if is_async:
        result = asyncio.run(asking.acheck((LEAF,)))
        policies = asyncio.run(asking.apolicies())
    else:
        result, policies = asking.check((LEAF,)), asking.policies()
    assert result.verdict == verdict
    assert policies.verdict == verdict
    if verdict == "untrusted":
        assert result.report is not None
        assert [one.name for one in result.report.failures] == ["signer's trust"]


def test_a_path_is_found_while_a_loop_runs(server: ScriptedServer) -> None:
    trust = ServerTrust(anchors=(SERVER_CA.certificate,))
    asking = client(server, policy=ReplyPolicy(trust=trust))

    async def inside() -> DelegatedResult:
        return asking.check((LEAF,))

    assert asyncio.run(inside()).verdict is DelegatedVerdict.GOOD


@pytest.mark.rule("S6")
def test_an_unsigned_validation_is_not_even_asked_for_without_tls(server: ScriptedServer) -> None:
    wishes = Wishes(is_protected=False)
    with pytest.raises(ConfigError, match="without TLS"):
        client(server).check((LEAF,), wishes)
    assert server.asked == []


@pytest.mark.rule("S6")
def test_an_unsigned_validation_is_believed_over_tls_where_said(
    server: ScriptedServer, tmp_path: Path
) -> None:
    script(server).is_signing = False
    context, certificate, key = tls_of(tmp_path)
    server.speak_tls(certificate, key)
    url = server.url.replace("http://127.0.0.1", "https://localhost")
    for allowed, verdict in ((True, "good"), (False, "untrusted")):
        asking = SCVPClient(
            url=url,
            policy=replace(PINNED, accept_unprotected=allowed),
            clock=FixedClock(NOW),
            door=HTTPDoor(tls=context),
        )
        assert asking.check((LEAF,), Wishes(is_protected=False)).verdict == verdict


def tls_of(folder: Path) -> tuple[ssl.SSLContext, Path, Path]:
    """Make a TLS server's certificate for localhost, and who trusts it."""
    ca = TinyCA("TLS", not_before=SystemClock().now() - timedelta(days=1))
    issued = ca.issue_server("localhost")
    certificate, key, anchor = folder / "tls.pem", folder / "tls.key", folder / "anchor.pem"
    certificate.write_bytes(issued.certificate_pem)
    key.write_bytes(issued.key_pem())
    anchor.write_bytes(ca.issued.certificate_pem)
    return ssl.create_default_context(cafile=str(anchor)), certificate, key


# --- more paths (S17) ---------------------------------------------------------------------------


@pytest.mark.rule("S17")
@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
def test_paths_are_asked_for_until_there_are_no_more(
    server: ScriptedServer, is_async: bool
) -> None:
    script(server).contexts = {None: b"1", b"1": b"2"}
    found = discovered(client(server), is_async=is_async)
    assert [one.verdict for one in found] == ["good"] * 3
    requests = [one.request for one in script(server).questions]
    assert [one.query.server_context_info for one in requests] == [None, b"1", b"2"]
    assert len({one.request_nonce for one in requests}) == 3


def discovered(asking: SCVPClient, *, is_async: bool) -> list[DelegatedResult]:
    if not is_async:
        return list(asking.discover(LEAF, DPD))

    async def all_of_them() -> list[DelegatedResult]:
        return [one async for one in asking.adiscover(LEAF, DPD)]

    return asyncio.run(all_of_them())


@pytest.mark.rule("S17")
def test_a_server_that_leads_in_a_circle_is_left(server: ScriptedServer) -> None:
    script(server).contexts = {None: b"1", b"1": b"2", b"2": b"1"}
    assert len(list(client(server).discover(LEAF, DPD))) == 3


@pytest.mark.rule("S17")
def test_a_server_that_never_ends_is_left(server: ScriptedServer) -> None:
    endless: dict[bytes | None, bytes] = {
        str(n).encode(): str(n + 1).encode() for n in range(MAX_DISCOVERED_PATHS + 9)
    }
    script(server).contexts = {**endless, None: b"0"}
    assert len(list(client(server).discover(LEAF, DPD))) == MAX_DISCOVERED_PATHS


# --- when it does not answer --------------------------------------------------------------------


def test_a_server_that_is_busy_is_asked_again(server: ScriptedServer) -> None:
    answers = iter([{"response_status": ResponseStatus(CVStatusCode.TOO_BUSY)}, {}])
    honest = script(server)

    def first_busy(http: Asked) -> Reply:
        honest.changes = next(answers)
        return honest(http)

    server.script = first_busy
    result = client(server).check((LEAF,))
    assert result.verdict is DelegatedVerdict.GOOD
    assert "tooBusy" in result.attempts[0].reason
    assert server.asked[0].body == server.asked[1].body


def test_a_server_that_stays_busy_refused(server: ScriptedServer) -> None:
    script(server).changes = {"response_status": ResponseStatus(CVStatusCode.TOO_BUSY)}
    result = client(server).check((LEAF,))
    assert result.verdict is DelegatedVerdict.REFUSED
    assert len(server.asked) == MAX_ATTEMPTS


@pytest.mark.parametrize(
    ("reply", "times", "words"),
    [
        (Reply(status=503), MAX_ATTEMPTS, "HTTP status 503"),
        (Reply(status=404), 1, "HTTP status 404"),
        (Reply(status=405), 1, "HTTP status 405"),
        (Reply(status=302, headers={"Location": "/elsewhere"}), 1, "would turn POST into GET"),
        (
            Reply(headers={"Content-Length": str(MAX_CMS_BYTES + 1)}, chunks=()),
            1,
            f"larger than {MAX_CMS_BYTES} bytes",
        ),
        (Reply(headers={"Content-Encoding": "gzip"}), 1, "content coding gzip"),
    ],
    ids=["down", "not there", "no POST", "redirect", "huge", "packed"],
)
def test_no_answer_is_told_with_its_reason(
    server: ScriptedServer, reply: Reply, times: int, words: str
) -> None:
    server.script = lambda _: reply
    result = client(server).check((LEAF,))
    assert result.verdict is DelegatedVerdict.UNREACHABLE
    assert len(server.asked) == times
    assert words in result.attempts[-1].reason
    with pytest.raises(UnreachableError, match="did not answer"):
        result.require()
    with pytest.raises(UnreachableError, match="did not answer"):
        client(server).policies().require()


def test_a_post_is_repeated_where_the_redirect_says_so(server: ScriptedServer) -> None:
    honest = script(server)

    def elsewhere(http: Asked) -> Reply:
        if http.path == "/":
            return Reply(status=307, headers={"Location": "/elsewhere"})
        return honest(http)

    server.script = elsewhere
    assert client(server).check((LEAF,)).verdict is DelegatedVerdict.GOOD


def test_another_media_type_does_no_harm_and_is_told(server: ScriptedServer) -> None:
    honest = script(server)
    server.script = lambda http: replace(honest(http), headers={"Content-Type": "text/plain"})
    result = client(server).check((LEAF,))
    assert result.verdict is DelegatedVerdict.GOOD
    assert result.report is not None
    assert [one.where for one in result.report.findings] == ["Content-Type"]
    policies = client(server).policies().report
    assert policies is not None
    assert [one.where for one in policies.findings] == ["Content-Type"]


@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
def test_a_server_that_drips_is_cut_off(server: ScriptedServer, is_async: bool) -> None:
    def drip() -> Iterator[bytes]:
        for _ in range(200):
            time.sleep(0.02)
            yield b"\x30"

    server.script = lambda _: Reply(chunks=drip())
    asking = client(server, door=HTTPDoor(total_time=timedelta(milliseconds=150)))
    started = time.monotonic()
    result = asyncio.run(asking.acheck((LEAF,))) if is_async else asking.check((LEAF,))
    assert result.verdict is DelegatedVerdict.UNREACHABLE
    assert time.monotonic() - started < 5


def test_a_page_in_place_of_a_reply_is_malformed(server: ScriptedServer) -> None:
    server.script = lambda _: Reply(body=b"<html>It works!</html>")
    result = client(server).check((LEAF,))
    assert result.verdict is DelegatedVerdict.MALFORMED
    with pytest.raises(MalformedError):
        result.require()


# --- evidence (X4) ------------------------------------------------------------------------------


@pytest.mark.rule("X4")
def test_what_was_proved_can_be_kept_and_judged_again(server: ScriptedServer) -> None:
    result = client(server).check((LEAF,), PROOF)
    found = parse_evidence(encode_evidence(result.evidence()))
    assert found.exchanges == (SCVPExchange(response=result.received, request=result.sent),)
    assert set(found.certificates) == {LEAF, CA.certificate}
    assert [one.der for one in found.crls] == [CRL]
    assert len(found.ocsp_responses) == 1
    (kept,) = found.exchanges
    assert kept.request is not None
    report = judge_reply(kept.response, read_question(kept.request), now=NOW, policy=PINNED)
    assert report.verdict is DelegatedVerdict.GOOD


@pytest.mark.rule("X4")
def test_an_exchange_is_no_evidence_unless_it_is_signed_and_okay(server: ScriptedServer) -> None:
    script(server).is_signing = False
    unsigned = client(server).check((LEAF,), DPD)
    assert unsigned.evidence().exchanges == ()
    assert CA.certificate in unsigned.evidence().certificates
    script(server).is_signing = True
    script(server).changes = {"response_status": ResponseStatus(1)}
    assert client(server).check((LEAF,), PROOF).evidence().exchanges == ()


def test_a_signer_of_another_key_is_not_the_pinned_one(server: ScriptedServer) -> None:
    script(server).signer = signer_of()
    assert client(server).check((LEAF,)).verdict is DelegatedVerdict.UNTRUSTED
