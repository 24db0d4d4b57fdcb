"""A whole check over loopback HTTP, by the sync and by the async call."""

from __future__ import annotations

import asyncio
from base64 import b64decode
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import unquote

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.serialization import pkcs7

from certstatus.errors import RefusedError, UnreachableError, UntrustedError
from certstatus.limits import MAX_DELEGATE_DEPTH, NONCE_OCTETS
from certstatus.ocsp import (
    CertID,
    Extensions,
    Good,
    OCSPResponseStatus,
    Revoked,
    encode_error_response,
    parse_request,
)
from certstatus.pkix import Certificate, CRLReason, signature_algorithm, signature_problem
from certstatus.requestor import AskPolicy, CheckPolicy, CheckResult, Requestor, ResponseCache
from certstatus.signing import make_signers
from certstatus.testing import LIES, FixedClock, Forge, Issued, TinyCA
from certstatus.verify import NoncePolicy, Verdict, VerifyPolicy
from tests.scripted import OCSP, Asked, Reply, ScriptedServer

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
CA = TinyCA("Issuing CA")
DELEGATE = CA.issue_responder()
LEAF = CA.issue_server()
QUICK = AskPolicy(back_off=timedelta(0))
POLICY = CheckPolicy(ask=QUICK, allow_private=True)

Check = Callable[..., list[CheckResult]]


def request_der(asked: Asked) -> bytes:
    if asked.method == "POST":
        return asked.body
    return b64decode(unquote(asked.path.rpartition("/")[2]), validate=True)


@dataclass(frozen=True)
class Responder:
    """Answers every certificate of the CA, as its forge says."""

    forge: Forge
    headers: tuple[tuple[str, str], ...] = ()

    def __call__(self, asked: Asked) -> Reply:
        request = parse_request(request_der(asked))
        nonce = request.nonce
        forge = self.forge.but(cert_ids=request.cert_ids)
        if nonce is not None:
            forge = forge.but(response_extensions=Extensions.of(nonce))
        return Reply(200, forge.der, {"Content-Type": OCSP, **dict(self.headers)})


def honest(**changes: object) -> Responder:
    forge = Forge.honest(CA, LEAF.certificate.serial_number, DELEGATE)
    return Responder(forge.but(**changes))


@pytest.fixture(params=["sync", "async"])
def check(request: pytest.FixtureRequest) -> Check:
    """Check several certificates, by one call or the other."""

    def run(
        requestor: Requestor,
        *certificates: Certificate,
        issuer: Certificate | None = CA.certificate,
        chain: tuple[Certificate, ...] = (),
    ) -> list[CheckResult]:
        if request.param == "sync":
            return requestor.check_many(certificates, issuer, chain=chain)
        return asyncio.run(requestor.acheck_many(certificates, issuer, chain=chain))

    return run


@pytest.fixture
def requestor(server: ScriptedServer) -> Requestor:
    """Lend a requestor that asks the scripted server."""
    server.script = honest()
    return Requestor(urls=(server.url,), policy=POLICY, clock=FixedClock(NOW))


@pytest.fixture
def aia_leaf(server: ScriptedServer) -> Issued:
    """Issue a certificate whose AIA names the scripted server."""
    return CA.issue_server(
        ocsp_uris=("ldap://directory.example/", f"{server.url}ocsp"),
        ca_issuers_uris=(f"{server.url}ca.cer",),
    )


@pytest.mark.rule("L11", "O33")
def test_a_good_certificate_is_good(
    server: ScriptedServer, requestor: Requestor, check: Check
) -> None:
    (result,) = check(requestor, LEAF.certificate)

    assert result.verdict is Verdict.GOOD
    assert (result.method, result.from_cache) == ("GET", False)
    assert result.elapsed > timedelta(0)
    assert result.require().cert_status == Good()
    assert [asked.method for asked in server.asked] == ["GET"]


@pytest.mark.rule("O12")
def test_a_revoked_certificate_is_revoked_with_its_reason(
    server: ScriptedServer, requestor: Requestor, check: Check
) -> None:
    status = Revoked(NOW - timedelta(days=1), CRLReason.KEY_COMPROMISE)
    server.script = honest(cert_status=status)

    (result,) = check(requestor, LEAF.certificate)

    assert result.verdict is Verdict.REVOKED
    assert result.require().cert_status == status


@pytest.mark.rule("O8", "L8")
def test_the_responder_is_found_in_aia_and_unknown_schemes_are_passed_over(
    server: ScriptedServer, requestor: Requestor, check: Check, aia_leaf: Issued
) -> None:
    (result,) = check(replace(requestor, urls=()), aia_leaf.certificate)

    assert result.verdict is Verdict.GOOD
    assert server.asked[0].path.startswith("/ocsp/")
    assert [attempt.url for attempt in result.attempts] == ["ldap://directory.example/"]


def test_a_url_in_a_certificate_does_not_lead_inside_unless_allowed(
    server: ScriptedServer, requestor: Requestor, check: Check, aia_leaf: Issued
) -> None:
    careful = replace(requestor, urls=(), policy=CheckPolicy(ask=QUICK))

    (result,) = check(careful, aia_leaf.certificate)

    assert result.verdict is Verdict.UNREACHABLE
    assert "not a public address" in result.attempts[-1].reason
    assert server.asked == []
    with pytest.raises(UnreachableError):
        result.require()


def der_of(certificate: Certificate) -> bytes:
    return certificate.der


def pem_of(certificate: Certificate) -> bytes:
    return certificate.parsed.public_bytes(serialization.Encoding.PEM)


def cms_of(certificate: Certificate) -> bytes:
    return pkcs7.serialize_certificates(
        [DELEGATE.certificate.parsed, certificate.parsed], serialization.Encoding.DER
    )


@pytest.mark.parametrize("form", [der_of, pem_of, cms_of])
@pytest.mark.rule("C14")
def test_the_issuer_is_found_at_ca_issuers_whatever_the_media_type(
    server: ScriptedServer,
    requestor: Requestor,
    check: Check,
    aia_leaf: Issued,
    form: Callable[[Certificate], bytes],
) -> None:
    answer = honest()
    body = form(CA.certificate)
    server.script = lambda asked: (
        Reply(200, body, {"Content-Type": "text/html"})
        if asked.path == "/ca.cer"
        else answer(asked)
    )

    (result,) = check(requestor, aia_leaf.certificate, issuer=None)

    assert result.verdict is Verdict.GOOD
    assert result.issuer == CA.certificate


@pytest.mark.rule("C14")
def test_the_issuer_is_taken_from_the_chain_first(
    server: ScriptedServer, requestor: Requestor, check: Check, aia_leaf: Issued
) -> None:
    chain = (DELEGATE.certificate, TinyCA("Issuing CA").certificate, CA.certificate)

    (result,) = check(requestor, aia_leaf.certificate, issuer=None, chain=chain)

    assert result.issuer == CA.certificate
    assert all(asked.path != "/ca.cer" for asked in server.asked)


@pytest.mark.parametrize("body", [b"", b"junk", DELEGATE.certificate.der])
@pytest.mark.rule("C14", "L9")
def test_without_the_issuer_nothing_is_asked(
    server: ScriptedServer, requestor: Requestor, check: Check, aia_leaf: Issued, body: bytes
) -> None:
    server.script = lambda _: Reply(200, body)

    (result,) = check(requestor, aia_leaf.certificate, issuer=None)

    assert result.verdict is Verdict.UNREACHABLE
    assert [asked.path for asked in server.asked] == ["/ca.cer"]


@pytest.mark.rule("L9")
def test_a_forged_certificate_is_not_asked_about(
    server: ScriptedServer, requestor: Requestor, check: Check
) -> None:
    forged = TinyCA("Issuing CA").issue_server()

    (result,) = check(requestor, forged.certificate)

    assert result.verdict is Verdict.UNTRUSTED
    assert result.report is not None
    assert result.report.failures[0].rule == "L9"
    assert server.asked == []


@pytest.mark.rule("L9")
def test_an_expired_certificate_is_asked_about_only_on_request(
    server: ScriptedServer, requestor: Requestor, check: Check
) -> None:
    expired = CA.issue_server(not_after=NOW - timedelta(days=1))

    (refused,) = check(requestor, expired.certificate)
    assert server.asked == []
    insisting = replace(requestor, policy=replace(POLICY, check_expired=True))
    (asked,) = check(insisting, expired.certificate)

    assert refused.verdict is Verdict.UNTRUSTED
    assert asked.verdict is Verdict.GOOD


def test_a_certificate_that_names_no_responder_is_unreachable(
    requestor: Requestor, check: Check
) -> None:
    (result,) = check(replace(requestor, urls=()), LEAF.certificate)

    assert result.verdict is Verdict.UNREACHABLE
    assert "names no responder" in result.attempts[0].reason


@pytest.mark.rule("N1", "N3")
def test_each_request_carries_its_own_nonce_of_32_octets(
    server: ScriptedServer, requestor: Requestor, check: Check
) -> None:
    bound = replace(requestor, policy=replace(POLICY, send_nonce=True))

    for _ in range(3):
        (result,) = check(bound, LEAF.certificate)
        assert result.verdict is Verdict.GOOD

    nonces = [parse_request(request_der(asked)).nonce for asked in server.asked]
    assert all(nonce is not None and len(nonce.octets) == NONCE_OCTETS for nonce in nonces)
    assert len({nonce.octets for nonce in nonces if nonce}) == 3


@pytest.mark.rule("N4", "L10")
def test_a_stripped_nonce_is_refused_where_it_is_required(
    server: ScriptedServer, requestor: Requestor, check: Check
) -> None:
    forge = Forge.honest(CA, LEAF.certificate.serial_number, DELEGATE)
    server.script = lambda asked: Reply(
        200, forge.but(cert_ids=parse_request(request_der(asked)).cert_ids).der
    )
    strict = replace(POLICY, verify=VerifyPolicy(nonce=NoncePolicy.REQUIRED))

    (preferred,) = check(
        replace(requestor, policy=replace(POLICY, send_nonce=True)), LEAF.certificate
    )
    (required,) = check(replace(requestor, policy=strict), LEAF.certificate)

    assert preferred.verdict is Verdict.GOOD
    assert required.verdict is Verdict.UNTRUSTED
    with pytest.raises(UntrustedError):
        required.require()


@pytest.mark.rule("O15")
def test_several_certificates_travel_in_one_request(
    server: ScriptedServer, requestor: Requestor, check: Check
) -> None:
    leaves = [CA.issue_server().certificate for _ in range(3)]

    results = check(requestor, *leaves)

    assert [result.certificate for result in results] == leaves
    assert {result.verdict for result in results} == {Verdict.GOOD}
    assert len(server.asked) == 1
    assert len(parse_request(request_der(server.asked[0])).request_list) == 3


@pytest.mark.rule("O4")
def test_a_signed_request_names_its_requestor_and_its_signature_holds(
    server: ScriptedServer, requestor: Requestor, check: Check
) -> None:
    person = CA.issue("requestor.example")
    (signer, *_) = make_signers(person.key, person.certificate, issuer=CA.certificate)

    (result,) = check(replace(requestor, policy=replace(POLICY, signer=signer)), LEAF.certificate)

    assert result.verdict is Verdict.GOOD
    request = parse_request(request_der(server.asked[0]))
    signature, name = request.optional_signature, request.requestor_name
    assert name is not None
    assert name.name == person.certificate.subject
    assert signature is not None
    algorithm = signature_algorithm(signature.signature_algorithm)
    key = Certificate.from_der(signature.certs[0]).public_key
    assert signature_problem(algorithm, key, signature.signature, request.tbs_request) is None


def test_a_refusal_is_a_verdict_and_an_error_only_on_demand(
    server: ScriptedServer, requestor: Requestor, check: Check
) -> None:
    body = encode_error_response(OCSPResponseStatus.UNAUTHORIZED)
    server.script = lambda _: Reply(200, body)

    (result,) = check(requestor, LEAF.certificate)

    assert result.verdict is Verdict.REFUSED
    with pytest.raises(RefusedError):
        result.require()


@pytest.mark.parametrize("lie", ["stranger's delegate", "wrong serial number", "SHA-1 signature"])
def test_a_lying_responder_is_not_believed(
    server: ScriptedServer, requestor: Requestor, check: Check, lie: str
) -> None:
    forge = LIES[lie][1](Forge.honest(CA, LEAF.certificate.serial_number, DELEGATE))
    server.script = lambda _: Reply(200, forge.der)

    (result,) = check(requestor, LEAF.certificate)

    assert result.verdict is Verdict.UNTRUSTED


# --- a delegate's own status ------------------------------------------------------------------


def delegated(server: ScriptedServer, *, own: Forge | None) -> Issued:
    """Script a responder whose delegate has no nocheck and names the same server."""
    delegate = CA.issue_responder(nocheck=False, ocsp_uris=(f"{server.url}delegate",))
    answer = Responder(Forge.honest(CA, 1, delegate))

    def script(asked: Asked) -> Reply:
        if not asked.path.startswith("/delegate"):
            return answer(asked)
        if own is None:
            return Reply(503)
        return Responder(own)(asked)

    server.script = script
    return delegate


@pytest.mark.rule("O24")
def test_a_delegate_without_nocheck_is_asked_about_once(
    server: ScriptedServer, requestor: Requestor, check: Check
) -> None:
    delegate = delegated(server, own=Forge.honest(CA, 1, CA.issued))

    (result,) = check(requestor, LEAF.certificate)

    assert result.verdict is Verdict.GOOD
    about = [asked for asked in server.asked if asked.path.startswith("/delegate")]
    assert len(about) == MAX_DELEGATE_DEPTH
    cert_id = CertID.for_certificate(delegate.certificate, CA.certificate)
    assert parse_request(request_der(about[0])).cert_ids == (cert_id,)


@pytest.mark.rule("O24")
@pytest.mark.parametrize(
    "own",
    [
        None,
        Forge.honest(CA, 1, CA.issued).but(cert_status=Revoked(NOW - timedelta(days=1))),
        Forge.honest(CA, 1, CA.issue_responder(nocheck=False)),
    ],
)
def test_a_delegate_that_is_revoked_or_that_nobody_vouches_for_is_not_believed(
    server: ScriptedServer, requestor: Requestor, check: Check, own: Forge | None
) -> None:
    delegated(server, own=own)

    (result,) = check(requestor, LEAF.certificate)

    assert result.verdict is Verdict.UNTRUSTED
    assert result.report is not None
    assert {one.rule for one in result.report.failures} == {"O24"}


@pytest.mark.rule("O24", "O34")
def test_a_delegate_that_vouches_for_itself_ends_in_no_loop(
    server: ScriptedServer, requestor: Requestor, check: Check
) -> None:
    delegate = CA.issue_responder(nocheck=False, ocsp_uris=(server.url,))
    server.script = Responder(Forge.honest(CA, 1, delegate))

    (result,) = check(requestor, LEAF.certificate)

    assert result.verdict is Verdict.UNTRUSTED
    assert len(server.asked) == 2


# --- the cache ----------------------------------------------------------------------------------


@pytest.fixture
def caching(requestor: Requestor, tmp_path: Path) -> Requestor:
    """Lend a requestor with a cache, and a clock of its own."""
    return replace(requestor, cache=ResponseCache(tmp_path / "cache"), clock=FixedClock(NOW))


@pytest.mark.rule("L14")
def test_an_answer_is_used_again_while_it_is_fresh_and_then_asked_for_anew(
    server: ScriptedServer, caching: Requestor, check: Check
) -> None:
    server.script = replace(honest(), headers=(("Cache-Control", "max-age=3600"),))
    clock = caching.clock
    assert isinstance(clock, FixedClock)

    (first,) = check(caching, LEAF.certificate)
    (second,) = check(caching, LEAF.certificate)
    clock.advance(timedelta(hours=1))
    (third,) = check(caching, LEAF.certificate)

    assert [one.from_cache for one in (first, second, third)] == [False, True, False]
    assert second.verdict is Verdict.GOOD
    assert second.url == first.url
    assert len(server.asked) == 2


@pytest.mark.rule("L13")
def test_an_answer_that_is_not_to_be_stored_is_not(
    server: ScriptedServer, caching: Requestor, check: Check
) -> None:
    server.script = replace(honest(), headers=(("Cache-Control", "no-store"),))

    check(caching, LEAF.certificate)
    check(caching, LEAF.certificate)

    assert len(server.asked) == 2


def test_an_error_or_a_lie_never_replaces_a_good_answer(
    server: ScriptedServer, caching: Requestor, check: Check
) -> None:
    clock = caching.clock
    assert isinstance(clock, FixedClock)
    server.script = replace(honest(), headers=(("Cache-Control", "max-age=60"),))
    check(caching, LEAF.certificate)
    (stored,) = (file.read_bytes() for file in _files(caching))
    clock.advance(timedelta(minutes=2))

    for body in (
        encode_error_response(OCSPResponseStatus.TRY_LATER),
        LIES["signature of other bytes"][1](honest().forge).der,
        b"junk",
    ):
        server.script = lambda _, body=body: Reply(200, body)  # type: ignore[misc]
        check(caching, LEAF.certificate)

    assert [file.read_bytes() for file in _files(caching)] == [stored]


def test_an_older_answer_never_replaces_a_later_one(
    server: ScriptedServer, caching: Requestor, check: Check
) -> None:
    clock = caching.clock
    assert isinstance(clock, FixedClock)
    server.script = replace(honest(), headers=(("Cache-Control", "max-age=60"),))
    check(caching, LEAF.certificate)
    (stored,) = (file.read_bytes() for file in _files(caching))
    clock.advance(timedelta(minutes=2))
    server.script = honest(this_update=NOW - timedelta(days=1))

    (result,) = check(caching, LEAF.certificate)

    assert result.verdict is Verdict.GOOD
    assert [file.read_bytes() for file in _files(caching)] == [stored]


def test_a_tampered_entry_is_dropped_and_asked_for_anew(
    server: ScriptedServer, caching: Requestor, check: Check
) -> None:
    check(caching, LEAF.certificate)
    (file,) = _files(caching)
    data = bytearray(file.read_bytes())
    data[-1] ^= 1
    file.write_bytes(bytes(data))

    (result,) = check(caching, LEAF.certificate)

    assert (result.verdict, result.from_cache) == (Verdict.GOOD, False)
    assert len(server.asked) == 2


@pytest.mark.rule("N3", "L14")
def test_a_request_with_a_nonce_goes_past_the_cache(
    server: ScriptedServer, caching: Requestor, check: Check
) -> None:
    bound = replace(caching, policy=replace(POLICY, send_nonce=True))

    check(bound, LEAF.certificate)
    check(bound, LEAF.certificate)

    assert len(server.asked) == 2
    assert not _files(caching)


def _files(requestor: Requestor) -> list[Path]:
    assert requestor.cache is not None
    directory = requestor.cache._directory
    return list(directory.iterdir()) if directory.is_dir() else []


def test_sha1_signatures_are_believed_only_where_allowed(
    server: ScriptedServer, requestor: Requestor, check: Check
) -> None:
    forge = LIES["SHA-1 signature"][1](Forge.honest(CA, LEAF.certificate.serial_number, DELEGATE))
    assert forge.sign is not None
    server.script = lambda _: Reply(200, forge.der)
    lax = replace(POLICY, verify=VerifyPolicy(allow_sha1=True))

    (result,) = check(replace(requestor, policy=lax), LEAF.certificate)

    assert result.verdict is Verdict.GOOD
