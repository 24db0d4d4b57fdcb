"""Our client of SCVP against our server, over loopback: what one says, the other believes."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from itertools import combinations
from typing import Any

import pytest
from cryptography.x509 import ObjectIdentifier

from certstatus.cms import encode_evidence, parse_evidence
from certstatus.delegated import (
    Profile,
    ReplyPolicy,
    Requestors,
    SCVPClient,
    SCVPService,
    ServerTrust,
    Wishes,
    judge_reply,
    read_question,
)
from certstatus.path import CertificatePool, Evidence, PathInputs, check_path
from certstatus.pkix import Certificate
from certstatus.scvp import Check, ValidationPolicy, ValidationPolRef, WantBack
from certstatus.testing import FixedClock, TinyCA
from tests.delegating import (
    CA,
    CA_CRL,
    CLIENT,
    INFOS,
    LEAF,
    NOW,
    POLICY,
    REVOKED,
    ROOT,
    ROOT_CRL,
    SCVP_CA,
    SERVER,
    service,
    signer_of,
)
from tests.paths import cross
from tests.scripted import Asked, Reply, ScriptedServer

DPV = Wishes(rev_infos=INFOS)
DPD = Wishes(profile=Profile.DPD)
PROOF = Wishes(profile=Profile.PROOF, rev_infos=INFOS)
PINNED = ReplyPolicy(trust=ServerTrust(pinned=(SERVER.certificate,)))
BY_PATH = ReplyPolicy(trust=ServerTrust(anchors=(SCVP_CA.certificate,)))


@pytest.fixture
def http() -> Iterator[ScriptedServer]:
    with ScriptedServer() as running:
        serve(running, service())
        yield running


def serve(http: ScriptedServer, answering: SCVPService) -> None:
    """Let a service answer whatever is posted."""

    def script(asked: Asked) -> Reply:
        answer = asyncio.run(answering.answer(asked.body, NOW))
        return Reply(body=answer.content_info, headers={"Content-Type": answer.media_type})

    http.script = script


def client(http: ScriptedServer, **more: Any) -> SCVPClient:
    usual: dict[str, Any] = {"policy": PINNED, "clock": FixedClock(NOW)}
    return SCVPClient(url=http.url, **(usual | more))


@pytest.mark.rule("S22")
@pytest.mark.parametrize("wishes", [DPD, DPV, PROOF], ids=lambda one: one.profile)
@pytest.mark.parametrize("policy", [PINNED, BY_PATH], ids=["pinned", "by path"])
@pytest.mark.parametrize("is_signed", [False, True], ids=["unsigned", "signed"])
def test_each_profile_is_answered_and_believed(
    http: ScriptedServer, wishes: Wishes, policy: ReplyPolicy, is_signed: bool
) -> None:
    signer = signer_of(CLIENT) if is_signed else None
    asking = client(http, policy=policy, signer=signer)
    for result in (
        asking.check((LEAF.certificate,), wishes),
        asyncio.run(asking.acheck((LEAF.certificate,), wishes)),
    ):
        assert result.report is not None
        assert result.report.failures == ()
        assert result.verdict == "good"
        assert result.report.findings == ()


@pytest.mark.rule("D1")
def test_a_revocation_comes_through(http: ScriptedServer) -> None:
    result = client(http).check((REVOKED.certificate, LEAF.certificate), DPV)
    assert [one.verdict for one in result.require()] == ["revoked", "good"]
    assert "id-bvae-revoked" in result.require()[0].errors


@pytest.mark.rule("D1")
def test_what_is_not_known_is_unknown_and_what_leads_nowhere_invalid(http: ScriptedServer) -> None:
    unknown = client(http).check((LEAF.certificate,), Wishes())
    assert unknown.verdict == "unknown"
    elsewhere = replace(DPV, anchors=(SCVP_CA.certificate,))
    result = client(http).check((LEAF.certificate,), elsewhere)
    assert result.verdict == "invalid"
    assert "certPathConstructFail" in result.require()[0].reason


@pytest.mark.parametrize(
    "wishes",
    [
        replace(DPV, anchors=(ROOT.certificate,)),
        replace(PROOF, anchors=(ROOT.certificate,)),
        replace(
            DPV, validation_policy=ValidationPolicy(validation_pol_ref=ValidationPolRef(POLICY))
        ),
        replace(PROOF, validation_policy=ValidationPolicy(inhibit_any_policy=True)),
        replace(DPV, validation_policy=ValidationPolicy(key_usages=(0x8000,))),
        replace(DPV, requestor_text="für die Akten"),
        replace(DPV, allow_cached=True),
        replace(DPV, allow_cached=True, send_nonce=False),
        replace(DPV, validation_time=NOW - timedelta(hours=1)),
        replace(DPV, validation_time=NOW - timedelta(minutes=5)),
        replace(DPV, checks=(Check.BUILD_VALID_PKC_PATH, Check.BUILD_PKC_PATH)),
        replace(DPD, want_backs=(WantBack.PKC_ALL_CERT_PATHS, WantBack.PKC_PUBLIC_KEY_INFO)),
    ],
    ids=[
        *("anchors", "anchors, in full", "policy", "policy in full", "key usage", "text"),
        *("cached", "cached, no nonce", "time", "time within the skew", "two checks", "all paths"),
    ],
)
def test_each_wish_is_heard(http: ScriptedServer, wishes: Wishes) -> None:
    result = client(http).check((LEAF.certificate,), wishes)
    assert result.report is not None
    assert [(one.name, one.reason) for one in result.report.failures] == []
    assert result.verdict == "good"


_BACKS = (
    *(WantBack.PKC_BEST_CERT_PATH, WantBack.PKC_REVOCATION_INFO, WantBack.PKC_PUBLIC_KEY_INFO),
    *(WantBack.PKC_CERT, WantBack.PKC_ALL_CERT_PATHS),
    *(WantBack.PKC_EE_REVOCATION_INFO, WantBack.PKC_CAS_REVOCATION_INFO),
)


@pytest.mark.rule("S22")
def test_every_pair_of_want_backs_comes_back_and_is_believed(http: ScriptedServer) -> None:
    asking = client(http)
    for pair in combinations(_BACKS, 2):
        wishes = replace(DPV, want_backs=pair)
        result = asking.check((LEAF.certificate,), wishes)
        assert result.verdict == "good", (pair, result.report and result.report.failures)


def test_an_error_is_told_as_the_servers(http: ScriptedServer) -> None:
    unknown = ValidationPolRef(ObjectIdentifier("1.2.3.4"))
    wishes = replace(DPV, validation_policy=ValidationPolicy(validation_pol_ref=unknown))
    result = client(http).check((LEAF.certificate,), wishes)
    assert result.verdict == "refused"
    assert result.report is not None
    assert "unrecognizedValPol" in result.report.trouble


def test_who_must_sign_and_does_not_is_refused(http: ScriptedServer) -> None:
    serve(http, service(requestors=Requestors(trusted=(CLIENT.certificate,), required=True)))
    assert client(http).check((LEAF.certificate,), DPV).verdict == "refused"
    signed = client(http, signer=signer_of(CLIENT)).check((LEAF.certificate,), DPV)
    assert signed.verdict == "good"


@pytest.mark.rule("S17")
def test_every_path_of_a_mesh_is_found_one_after_the_other(http: ScriptedServer) -> None:
    others = [TinyCA(f"Bridge {number}", parent=ROOT) for number in range(3)]
    pool = [CA.certificate, *(one.certificate for one in others)]
    pool += [cross(one, CA) for one in others]
    serve(http, service(pool=pool))
    results = list(client(http).discover(LEAF.certificate, DPD))
    paths = [one.require()[0].path for one in results if one.verdict == "good"]
    assert len(paths) == 4
    assert len(set(paths)) == 4
    assert all(path[0] == LEAF.certificate for path in paths)


@pytest.mark.rule("S21")
def test_policies_are_believed_fresh_and_cached(http: ScriptedServer) -> None:
    assert client(http).policies().require().next_update is None
    serve(http, service(policy_lifetime=timedelta(hours=1)))
    found = client(http, policy=BY_PATH).policies().require()
    assert found.next_update == NOW + timedelta(hours=1)
    assert POLICY in found.validation_policies


@pytest.mark.rule("X4", "S16")
def test_a_proof_convinces_one_who_asks_nobody(http: ScriptedServer) -> None:
    """What was kept is enough: the reply judged again, and the path validated off-line."""
    result = client(http).check((LEAF.certificate,), PROOF)
    kept = parse_evidence(encode_evidence(result.evidence()))
    (exchange,) = kept.exchanges
    assert exchange.request is not None
    question = read_question(exchange.request)
    assert judge_reply(exchange.response, question, now=NOW, policy=PINNED).verdict == "good"
    assert {one.der for one in kept.crls} == {ROOT_CRL.der, CA_CRL.der}
    assert is_valid(LEAF.certificate, kept.certificates, kept.crls)


def is_valid(certificate: Certificate, pool: Any, crls: Any) -> bool:
    inputs = PathInputs(anchors=(ROOT.certificate,))
    evidence = Evidence(pool=CertificatePool(pool), crls=crls)
    return asyncio.run(check_path(certificate, inputs, evidence, NOW)).is_valid
