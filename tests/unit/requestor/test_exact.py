"""Asking with another's request: in its very bytes, and believed only where it may be handed on."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from certstatus.asn1 import oids
from certstatus.fetch import Guard, Provenance
from certstatus.ocsp import CertID, Extensions, Nonce, OCSPRequest, encode_request, parse_request
from certstatus.requestor import Asked, AskPolicy, CheckPolicy, Requestor
from certstatus.testing import FixedClock, Forge, TinyCA
from certstatus.verify import Verdict
from tests.proxying import NOW, SERIAL, Signing, asked_request
from tests.scripted import Asked as HTTPAsked
from tests.scripted import Reply, ScriptedServer

CA = TinyCA("Issuing CA")
OTHER = TinyCA("Other CA")
POLICY = CheckPolicy(ask=AskPolicy(attempts=1, back_off=timedelta(0)), allow_private=True)


def request(*serials: int, nonce: bytes = b"") -> OCSPRequest:
    ids = [CertID.of(CA.certificate, serial) for serial in serials or (SERIAL,)]
    extensions = Extensions.of(Nonce(nonce)) if nonce else Extensions()
    return parse_request(encode_request(ids, request_extensions=extensions))


def ask(
    server: ScriptedServer, asked: OCSPRequest, *issuers: TinyCA, guard: Guard | None = None
) -> Asked:
    requestor = Requestor(urls=(server.url,), policy=POLICY, clock=FixedClock(NOW))
    certificates = [one.certificate for one in issuers or [CA] * len(asked.cert_ids)]
    return asyncio.run(requestor.aask_with(asked, certificates, guard=guard or Guard()))


@pytest.mark.parametrize("nonce", [b"", bytes(32), bytes(128)], ids=["none", "32", "128"])
@pytest.mark.rule("L4")
def test_the_request_goes_out_in_its_own_bytes_and_once(
    server: ScriptedServer, nonce: bytes
) -> None:
    server.script = Signing(Forge.honest(CA, SERIAL))
    sent = request(nonce=nonce)

    asked = ask(server, sent)

    assert [one.verified is not None for one in asked.reports] == [True]
    assert [asked_request(one).der for one in server.asked] == [sent.der]
    assert [one.method for one in server.asked] == ["POST" if len(nonce) > 90 else "GET"]


def test_a_hash_that_the_responder_does_not_know_is_not_changed(server: ScriptedServer) -> None:
    server.script = lambda _: Reply(body=bytes.fromhex("30030a0106"))

    asked = ask(server, request())

    assert asked.report is not None
    assert asked.report.verdict is Verdict.REFUSED
    assert len(server.asked) == 1


@pytest.mark.rule("O15")
def test_of_several_each_has_a_report_and_the_weakest_counts(server: ScriptedServer) -> None:
    server.script = Signing(Forge.honest(CA, SERIAL))
    assert [bool(one.verified) for one in ask(server, request(1, 2, 3)).reports] == [True] * 3
    two = Forge.honest(CA, 1).but(cert_ids=request(1, 3).cert_ids).der
    server.script = lambda _: Reply(body=two)

    asked = ask(server, request(1, 2, 3))

    assert [bool(one.verified) for one in asked.reports] == [True, False, True]
    assert asked.report is not None
    assert asked.report.verified is None


@pytest.mark.rule("O22")
def test_each_certificate_is_judged_by_its_own_issuer(server: ScriptedServer) -> None:
    server.script = Signing(Forge.honest(CA, SERIAL))

    asked = ask(server, request(1, 2), CA, OTHER)

    assert [bool(one.verified) for one in asked.reports] == [True, False]


@pytest.mark.rule("O24")
def test_a_delegate_s_own_status_is_asked_where_its_certificate_says(
    server: ScriptedServer,
) -> None:
    delegate = CA.issue(
        "checked delegate",
        extended_key_usages=(oids.ID_KP_OCSP_SIGNING,),
        ocsp_uris=(f"{server.url}delegates",),
    )
    forge = Forge.honest(CA, SERIAL, delegate)
    vouching = Forge.honest(CA, delegate.certificate.serial_number)
    sign, vouch = Signing(forge), Signing(vouching)

    def script(asked: HTTPAsked) -> Reply:
        return vouch(asked) if asked.path.startswith("/delegates") else sign(asked)

    server.script = script

    asked = ask(server, request())

    assert [bool(one.verified) for one in asked.reports] == [True]
    assert len(server.asked) == 2


@pytest.mark.rule("O7")
def test_a_guard_without_redirects_follows_none(server: ScriptedServer) -> None:
    with ScriptedServer() as elsewhere:
        elsewhere.script = Signing(Forge.honest(CA, SERIAL))
        server.script = lambda asked: Reply(
            status=307, headers={"Location": elsewhere.url.rstrip("/") + asked.path}
        )
        strict = Guard(Provenance.CERTIFICATE, allow_private=True, allow_redirects=False)

        refused = ask(server, request(), guard=strict)
        followed = ask(server, request(), guard=Guard())

    assert refused.report is None
    assert "redirects are switched off" in refused.attempts[0].reason
    assert followed.report is not None
    assert followed.report.verified is not None
