"""A whole check over loopback HTTP, by the sync and by the async call."""

from __future__ import annotations

import asyncio
import threading
from base64 import b64decode
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import unquote

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.serialization import pkcs7

from certstatus.asn1 import oids
from certstatus.errors import RefusedError, UnreachableError, UntrustedError
from certstatus.limits import (
    MAX_CERTIFICATE_BYTES,
    MAX_DELEGATE_DEPTH,
    MAX_REQUESTS,
    NONCE_OCTETS,
)
from certstatus.ocsp import (
    CertID,
    Extensions,
    Good,
    OCSPResponseStatus,
    Revoked,
    Unknown,
    encode_error_response,
    parse_request,
)
from certstatus.pkix import (
    Certificate,
    CRLReason,
    HashAlgorithm,
    issuance_problem,
    signature_algorithm,
    signature_problem,
)
from certstatus.requestor import Asked as AskOutcome
from certstatus.requestor import (
    AskPolicy,
    CheckPolicy,
    CheckResult,
    Inquiry,
    Requestor,
    ResponseCache,
)
from certstatus.signing import make_signers
from certstatus.testing import LIES, FixedClock, Forge, Issued, TinyCA
from certstatus.verify import NoncePolicy, Outcome, Verdict, VerifyPolicy
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


@pytest.mark.parametrize("is_async", [False, True])
@pytest.mark.parametrize("body", [CA.certificate.der, DELEGATE.certificate.der])
@pytest.mark.rule("C14")
def test_the_issuer_alone_can_be_asked_for(
    server: ScriptedServer, requestor: Requestor, aia_leaf: Issued, body: bytes, is_async: bool
) -> None:
    server.script = lambda _: Reply(200, body)
    leaf = aia_leaf.certificate

    found = asyncio.run(requestor.afind_issuer(leaf)) if is_async else requestor.find_issuer(leaf)

    assert found == (CA.certificate if body == CA.certificate.der else None)
    assert [asked.path for asked in server.asked] == ["/ca.cer"]


@pytest.mark.parametrize("body", [b"", b"junk", DELEGATE.certificate.der])
@pytest.mark.rule("C14", "L9")
def test_without_the_issuer_nothing_is_asked(
    server: ScriptedServer, requestor: Requestor, check: Check, aia_leaf: Issued, body: bytes
) -> None:
    server.script = lambda _: Reply(200, body)

    (result,) = check(requestor, aia_leaf.certificate, issuer=None)

    assert result.verdict is Verdict.UNREACHABLE
    assert [asked.path for asked in server.asked] == ["/ca.cer"]


def test_a_ca_issuers_document_is_read_up_to_a_limit(
    server: ScriptedServer, requestor: Requestor, check: Check, aia_leaf: Issued
) -> None:
    server.script = lambda _: Reply(200, CA.certificate.der + bytes(MAX_CERTIFICATE_BYTES))

    (result,) = check(requestor, aia_leaf.certificate, issuer=None)

    assert result.verdict is Verdict.UNREACHABLE
    assert f"larger than {MAX_CERTIFICATE_BYTES} bytes" in result.attempts[0].reason


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


def test_no_certificates_are_no_question(
    server: ScriptedServer, requestor: Requestor, check: Check
) -> None:
    assert check(requestor) == []
    assert check(requestor, issuer=None) == []
    assert server.asked == []


def test_very_many_certificates_travel_in_as_many_requests_as_it_takes(
    server: ScriptedServer, requestor: Requestor, check: Check
) -> None:
    leaves = [LEAF.certificate] * (2 * MAX_REQUESTS + 1)

    results = check(requestor, *leaves)

    assert [result.verdict for result in results] == [Verdict.GOOD] * len(leaves)
    sizes = [len(parse_request(request_der(asked)).request_list) for asked in server.asked]
    assert sizes == [MAX_REQUESTS, MAX_REQUESTS, 1]


def test_a_responder_that_falls_silent_is_not_asked_for_each(
    server: ScriptedServer, requestor: Requestor, check: Check
) -> None:
    leaves = [CA.issue_server().certificate for _ in range(20)]
    first = Forge.honest(CA, leaves[0].serial_number, DELEGATE).der
    server.script = lambda _: Reply(200, first) if len(server.asked) == 1 else Reply(404)

    results = check(requestor, *leaves)

    assert [result.verdict for result in results[:2]] == [Verdict.GOOD, Verdict.UNREACHABLE]
    assert len(server.asked) <= 3


def for_one_only(otherwise: bytes) -> Callable[[Asked], Reply]:
    """Answer questions about one certificate, and any other as is said."""
    answer = honest()

    def script(asked: Asked) -> Reply:
        is_one = len(parse_request(request_der(asked)).request_list) == 1
        return answer(asked) if is_one else Reply(200, otherwise, {"Content-Type": OCSP})

    return script


@pytest.mark.rule("O15")
@pytest.mark.parametrize(
    "status", [OCSPResponseStatus.MALFORMED_REQUEST, OCSPResponseStatus.UNAUTHORIZED]
)
def test_a_responder_that_minds_several_at_once_is_asked_for_each(
    server: ScriptedServer, requestor: Requestor, check: Check, status: OCSPResponseStatus
) -> None:
    leaves = [CA.issue_server().certificate for _ in range(3)]
    server.script = for_one_only(encode_error_response(status))

    results = check(requestor, *leaves)

    assert [result.certificate for result in results] == leaves
    assert {result.verdict for result in results} == {Verdict.GOOD}
    sizes = [len(parse_request(request_der(asked)).request_list) for asked in server.asked]
    assert sizes == [3, 3, 1, 1, 1]
    assert status.label in results[2].attempts[0].reason


@pytest.mark.rule("O15")
def test_a_responder_that_answers_only_the_first_is_asked_for_the_rest(
    server: ScriptedServer, requestor: Requestor, check: Check
) -> None:
    leaves = [CA.issue_server().certificate for _ in range(3)]
    server.script = for_one_only(
        Forge.honest(CA, leaves[0].serial_number, DELEGATE).der,
    )

    results = check(requestor, *leaves)

    assert {result.verdict for result in results} == {Verdict.GOOD}
    assert len(server.asked) == 3


def test_a_responder_that_refuses_all_is_not_asked_for_each(
    server: ScriptedServer, requestor: Requestor, check: Check
) -> None:
    leaves = [CA.issue_server().certificate for _ in range(20)]
    body = encode_error_response(OCSPResponseStatus.UNAUTHORIZED)
    server.script = lambda _: Reply(200, body)

    results = check(requestor, *leaves)

    assert {result.verdict for result in results} == {Verdict.REFUSED}
    assert len(server.asked) == 4


@pytest.mark.rule("O33")
@pytest.mark.parametrize(
    ("media_type", "told"),
    [
        (OCSP, []),
        ("Application/OCSP-Response; charset=x", []),
        ("text/html", ["is text/html, not application/ocsp-response (O33)"]),
    ],
)
def test_a_wrong_media_type_is_told_and_harms_nothing(
    server: ScriptedServer, requestor: Requestor, check: Check, media_type: str, told: list[str]
) -> None:
    answer = honest()
    server.script = lambda asked: replace(answer(asked), headers={"Content-Type": media_type})

    (result,) = check(requestor, LEAF.certificate)

    assert result.verdict is Verdict.GOOD
    assert result.report is not None
    assert [one.text for one in result.report.findings if one.where == "Content-Type"] == told


@pytest.mark.rule("O8")
def test_a_broken_aia_names_nobody_and_spoils_no_other_certificate(
    requestor: Requestor, check: Check, aia_leaf: Issued
) -> None:
    oid = x509.ObjectIdentifier(oids.ID_PE_AUTHORITY_INFO_ACCESS.dotted_string)
    broken = CA.issue(extensions=((x509.UnrecognizedExtension(oid, b"junk"), False),)).certificate
    by_aia = replace(requestor, urls=())

    (alone,) = check(by_aia, broken)
    (unfound,) = check(by_aia, broken, issuer=None)
    (_, good) = check(by_aia, broken, aia_leaf.certificate)
    (named,) = check(requestor, broken)

    assert alone.verdict is unfound.verdict is Verdict.UNREACHABLE
    assert "authorityInfoAccess" in alone.attempts[0].reason
    assert "authorityInfoAccess" in unfound.attempts[0].reason
    assert good.verdict is named.verdict is Verdict.GOOD


@pytest.mark.rule("C14")
def test_a_certificate_whose_status_is_never_published_is_not_asked_about(
    server: ScriptedServer, requestor: Requestor, check: Check
) -> None:
    extension = x509.UnrecognizedExtension(
        x509.ObjectIdentifier(oids.ID_CE_NO_REV_AVAIL.dotted_string), b"\x05\x00"
    )
    leaf = CA.issue(ocsp_uris=(server.url,), extensions=((extension, False),))

    (result,) = check(replace(requestor, urls=()), leaf.certificate)

    assert result.verdict is Verdict.UNREACHABLE
    assert "noRevAvail" in result.attempts[0].reason
    assert server.asked == []


@pytest.mark.rule("L10", "N3")
def test_a_nonce_that_a_responder_cannot_bear_is_left_out_unless_required(
    server: ScriptedServer, requestor: Requestor, check: Check
) -> None:
    answer = honest()
    refusal = Reply(200, encode_error_response(OCSPResponseStatus.MALFORMED_REQUEST))

    def script(asked: Asked) -> Reply:
        return refusal if parse_request(request_der(asked)).nonce else answer(asked)

    server.script = script
    strict = replace(POLICY, verify=VerifyPolicy(nonce=NoncePolicy.REQUIRED))

    (preferring,) = check(
        replace(requestor, policy=replace(POLICY, send_nonce=True)), LEAF.certificate
    )
    (requiring,) = check(replace(requestor, policy=strict), LEAF.certificate)

    assert preferring.verdict is Verdict.GOOD
    assert requiring.verdict is Verdict.REFUSED


def test_a_blocked_url_is_tried_once(requestor: Requestor, check: Check, aia_leaf: Issued) -> None:
    careful = replace(requestor, urls=(), policy=CheckPolicy(ask=QUICK))

    (result,) = check(careful, aia_leaf.certificate)

    assert len(result.attempts) == 2  # the scheme that we don't speak, and the address
    assert result.attempts[1].reason.startswith("not fetched: 127.0.0.1 leads inside")


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


# A nonce that nobody sent is ignored, so a wrong one is no lie here (L10).
@pytest.mark.parametrize("lie", [lie for lie in LIES if lie != "wrong nonce"])
@pytest.mark.rule("O1", "O15")
def test_a_lying_responder_is_not_believed(
    server: ScriptedServer, requestor: Requestor, check: Check, lie: str
) -> None:
    forge = LIES[lie][1](Forge.honest(CA, LEAF.certificate.serial_number, DELEGATE))
    server.script = lambda _: Reply(200, forge.der)

    (result,) = check(requestor, LEAF.certificate)

    is_error = lie == "unsigned error status"
    assert result.verdict is (Verdict.REFUSED if is_error else Verdict.UNTRUSTED)
    assert not result.is_verified


@pytest.mark.rule("O25")
def test_an_unreadable_certificate_sent_along_harms_nothing(
    server: ScriptedServer, requestor: Requestor, check: Check
) -> None:
    version = b"\xa0\x03\x02\x01"
    unknown = DELEGATE.certificate.der.replace(version + b"\x02", version + b"\x09", 1)
    server.script = honest(certs=(b"\x30\x00", unknown, DELEGATE.certificate.der))

    (result,) = check(requestor, LEAF.certificate)

    assert result.verdict is Verdict.GOOD


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


@pytest.mark.rule("L14")
@pytest.mark.parametrize(
    "news",
    [
        Reply(503),
        Reply(200, encode_error_response(OCSPResponseStatus.TRY_LATER)),
        Reply(200, encode_error_response(OCSPResponseStatus.UNAUTHORIZED)),
        Reply(200, b"<html>"),
    ],
    ids=["503", "tryLater", "unauthorized", "html"],
)
def test_a_held_answer_stands_until_its_end_where_nobody_gives_news(
    server: ScriptedServer, caching: Requestor, check: Check, news: Reply
) -> None:
    clock = caching.clock
    assert isinstance(clock, FixedClock)
    server.script = replace(honest(), headers=(("Cache-Control", "max-age=60"),))
    (first,) = check(caching, LEAF.certificate)
    clock.advance(timedelta(minutes=2))
    server.script = lambda _: news
    asked = len(server.asked)

    (held,) = check(caching, LEAF.certificate)

    assert len(server.asked) > asked
    assert (held.verdict, held.from_cache) == (Verdict.GOOD, True)
    assert (held.url, held.method) == (first.url, first.method)
    assert held.attempts


@pytest.mark.rule("L10", "L14")
def test_a_held_answer_that_has_ended_is_dropped_and_asked_for_once(
    server: ScriptedServer, caching: Requestor, check: Check
) -> None:
    clock = caching.clock
    assert isinstance(clock, FixedClock)
    check(caching, LEAF.certificate)
    clock.advance(timedelta(days=30))
    server.script = lambda _: Reply(404)
    server.asked.clear()

    (result,) = check(caching, LEAF.certificate)

    assert result.verdict is Verdict.UNREACHABLE
    assert [asked.method for asked in server.asked] == ["GET", "POST"]
    assert not _files(caching)


@pytest.mark.rule("L14")
def test_news_that_a_certificate_is_revoked_replaces_what_is_held_and_stays(
    server: ScriptedServer, caching: Requestor, check: Check
) -> None:
    clock = caching.clock
    assert isinstance(clock, FixedClock)
    server.script = replace(honest(), headers=(("Cache-Control", "max-age=60"),))
    check(caching, LEAF.certificate)
    clock.advance(timedelta(minutes=2))
    server.script = honest(cert_status=Revoked(NOW), this_update=NOW + timedelta(minutes=1))

    (told,) = check(caching, LEAF.certificate)
    server.script = lambda _: Reply(503)
    (kept,) = check(caching, LEAF.certificate)

    assert (told.verdict, told.from_cache) == (Verdict.REVOKED, False)
    assert (kept.verdict, kept.from_cache) == (Verdict.REVOKED, True)


@pytest.mark.rule("O12", "L14")
def test_unknown_is_not_kept(server: ScriptedServer, caching: Requestor, check: Check) -> None:
    server.script = honest(cert_status=Unknown())

    (unknown,) = check(caching, LEAF.certificate)
    server.script = honest()
    (good,) = check(caching, LEAF.certificate)

    assert (unknown.verdict, good.verdict) == (Verdict.UNKNOWN, Verdict.GOOD)


@pytest.mark.rule("O24", "L14")
def test_a_delegates_own_status_is_kept_with_the_answer(
    server: ScriptedServer, caching: Requestor, check: Check
) -> None:
    delegated(server, own=Forge.honest(CA, 1, CA.issued))

    check(caching, LEAF.certificate)
    server.asked.clear()
    (again,) = check(caching, LEAF.certificate)

    assert (again.verdict, again.from_cache) == (Verdict.GOOD, True)
    assert server.asked == []


@pytest.mark.rule("L14")
def test_an_answer_of_another_issuer_for_the_same_serial_number_is_not_found(
    server: ScriptedServer, caching: Requestor, check: Check
) -> None:
    other = TinyCA("Issuing CA")
    twin = other.issue_server(serial_number=LEAF.certificate.serial_number)
    check(caching, LEAF.certificate)
    server.script = lambda _: Reply(503)

    (result,) = check(caching, twin.certificate, issuer=other.certificate)

    assert result.verdict is Verdict.UNREACHABLE


@pytest.mark.rule("L14")
def test_an_answer_planted_under_another_certificates_name_is_not_believed(
    server: ScriptedServer, caching: Requestor, check: Check
) -> None:
    other = CA.issue_server()
    check(caching, LEAF.certificate)
    (good,) = _files(caching)
    check(caching, other.certificate)
    (planted,) = (file for file in _files(caching) if file != good)
    planted.write_bytes(good.read_bytes())
    server.script = honest(cert_status=Revoked(NOW - timedelta(days=1)))

    (result,) = check(caching, other.certificate)

    assert (result.verdict, result.from_cache) == (Verdict.REVOKED, False)


@pytest.mark.rule("L14")
def test_an_older_answer_never_replaces_a_later_one_nor_counts_before_it(
    server: ScriptedServer, caching: Requestor, check: Check
) -> None:
    clock = caching.clock
    assert isinstance(clock, FixedClock)
    revoked = honest(cert_status=Revoked(NOW - timedelta(hours=1)))
    server.script = replace(revoked, headers=(("Cache-Control", "max-age=60"),))
    check(caching, LEAF.certificate)
    (stored,) = (file.read_bytes() for file in _files(caching))
    clock.advance(timedelta(minutes=2))
    server.script = honest(this_update=NOW - timedelta(days=1))

    (result,) = check(caching, LEAF.certificate)

    assert (result.verdict, result.from_cache) == (Verdict.REVOKED, True)
    assert result.attempts[-1].reason == "told something older than what is held"
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


@pytest.mark.rule("L3", "L14")
def test_an_answer_under_both_hashes_is_kept_and_one_about_several_is_not(
    server: ScriptedServer, caching: Requestor, check: Check
) -> None:
    both = tuple(
        CertID.for_certificate(LEAF.certificate, CA.certificate, algorithm)
        for algorithm in (HashAlgorithm.SHA1, HashAlgorithm.SHA256)
    )
    der = honest().forge.but(cert_ids=both).der
    server.script = lambda _: Reply(200, der)
    check(caching, LEAF.certificate)
    kept = len(_files(caching))

    server.script = honest()
    check(caching, *(CA.issue_server().certificate for _ in range(2)))

    assert (kept, len(_files(caching))) == (1, 1)


@pytest.mark.rule("O24", "L14")
def test_an_answer_is_no_longer_fresh_than_the_status_of_its_delegate(
    server: ScriptedServer, caching: Requestor, check: Check
) -> None:
    clock = caching.clock
    assert isinstance(clock, FixedClock)
    delegate = CA.issue_responder(nocheck=False, ocsp_uris=(f"{server.url}delegate",))
    answer = Responder(Forge.honest(CA, 1, delegate), headers=(("Cache-Control", "max-age=3600"),))
    own = Responder(Forge.honest(CA, 1, CA.issued), headers=(("Cache-Control", "max-age=60"),))
    server.script = lambda asked: (own if asked.path.startswith("/delegate") else answer)(asked)
    check(caching, LEAF.certificate)
    clock.advance(timedelta(minutes=2))
    server.asked.clear()

    (result,) = check(caching, LEAF.certificate)

    assert (result.verdict, result.from_cache) == (Verdict.GOOD, False)
    assert any(asked.path.startswith("/delegate") for asked in server.asked)


@pytest.mark.rule("N3", "L14")
def test_a_request_with_a_nonce_goes_past_the_cache(
    server: ScriptedServer, caching: Requestor, check: Check
) -> None:
    bound = replace(caching, policy=replace(POLICY, send_nonce=True))

    check(bound, LEAF.certificate)
    check(bound, LEAF.certificate)
    assert len(server.asked) == 2
    assert not _files(caching)

    check(caching, LEAF.certificate)
    check(bound, LEAF.certificate)
    assert len(server.asked) == 4


def _files(requestor: Requestor) -> list[Path]:
    assert requestor.cache is not None
    directory = requestor.cache._entries.directory
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


@pytest.mark.rule("L14")
@pytest.mark.parametrize(
    ("headers", "end"),
    [
        ({"Cache-Control": "max-age=3600"}, NOW + timedelta(hours=1)),
        ({"Cache-Control": "no-store"}, None),
    ],
)
def test_a_result_says_how_long_it_may_be_used_also_without_a_cache(
    server: ScriptedServer, headers: dict[str, str], end: datetime | None
) -> None:
    forge = Forge.honest(CA, LEAF.certificate.serial_number, DELEGATE)
    server.script = Responder(forge, tuple(headers.items()))
    requestor = Requestor(urls=(server.url,), policy=POLICY, clock=FixedClock(NOW))

    assert requestor.check(LEAF.certificate, CA.certificate).fresh_until == end


# --- by serial number, where no certificate is at hand ------------------------------------------


def ask_serial(server: ScriptedServer, **more: object) -> AskOutcome:
    requestor = Requestor(urls=(server.url,), policy=POLICY, clock=FixedClock(), **more)  # type: ignore[arg-type]
    return asyncio.run(requestor.aask(LEAF.certificate.serial_number, CA.certificate))


def test_a_serial_number_is_asked_for_without_its_certificate(server: ScriptedServer) -> None:
    forge = Forge.honest(CA, LEAF.certificate.serial_number, DELEGATE)
    server.script = lambda _: Reply(body=forge.der)

    asked = ask_serial(server, headers={"Via": "1.1 somebody"})

    assert asked.report is not None
    assert asked.report.verdict is Verdict.GOOD
    (seen,) = server.asked
    assert (
        parse_request(request_der(seen)).cert_ids[0].serial_number == LEAF.certificate.serial_number
    )
    assert seen.headers["via"] == "1.1 somebody"


def test_nothing_asked_by_serial_number_enters_the_cache(
    server: ScriptedServer, tmp_path: Path
) -> None:
    forge = Forge.honest(CA, LEAF.certificate.serial_number, DELEGATE)
    server.script = lambda _: Reply(body=forge.der)
    cache = ResponseCache(tmp_path / "cache")

    ask_serial(server, cache=cache)

    assert cache.get(CA.certificate, LEAF.certificate.serial_number) is None


@pytest.mark.rule("O24")
@pytest.mark.parametrize(
    ("status", "verdict"), [(Good(), Verdict.GOOD), (Revoked(NOW), Verdict.UNTRUSTED)]
)
def test_a_delegate_of_an_answer_by_serial_number_is_asked_about(
    server: ScriptedServer, status: Good | Revoked, verdict: Verdict
) -> None:
    delegate = CA.issue_responder(nocheck=False, ocsp_uris=(server.url,))
    serials = {
        LEAF.certificate.serial_number: Forge.honest(CA, LEAF.certificate.serial_number, delegate),
        delegate.certificate.serial_number: Forge.honest(
            CA, delegate.certificate.serial_number, DELEGATE
        ).but(cert_status=status),
    }
    server.script = lambda asked: Reply(
        body=serials[parse_request(request_der(asked)).cert_ids[0].serial_number].der
    )

    report = ask_serial(server).report

    assert report is not None
    assert report.verdict is verdict


def test_a_serial_number_that_nobody_can_be_asked_about_has_no_report() -> None:
    requestor = Requestor(urls=("ldap://ca.example/",), clock=FixedClock())

    asked = asyncio.run(requestor.aask(1, CA.certificate))

    assert asked.report is None
    assert "ldap" in asked.attempts[0].reason


# --- many, each by itself ---------------------------------------------------------------------------


def each(requestor: Requestor, *inquiries: Inquiry, concurrency: int = 8) -> list[CheckResult]:
    async def ask() -> list[CheckResult]:
        results = requestor.acheck_each(inquiries, concurrency=concurrency)
        return [one async for one in results]

    return asyncio.run(asyncio.wait_for(ask(), 30))


def test_many_are_asked_about_at_once_and_told_in_their_order(server: ScriptedServer) -> None:
    """The first answer is sent when the last question has come: one by one nothing would."""
    leaves = [CA.issue_server() for _ in range(8)]
    answer, all_there = Responder(Forge.honest(CA, 0, DELEGATE)), threading.Event()

    def script(asked: Asked) -> Reply:
        if len(server.asked) == len(leaves):
            all_there.set()
        assert all_there.wait(10)
        return answer(asked)

    server.script = script
    requestor = Requestor(urls=(server.url,), policy=POLICY, clock=FixedClock(NOW))

    results = each(requestor, *(Inquiry(one.certificate, CA.certificate) for one in leaves))

    assert [one.certificate for one in results] == [one.certificate for one in leaves]
    assert {one.verdict for one in results} == {Verdict.GOOD}


def test_what_is_asked_twice_at_once_is_fetched_once(server: ScriptedServer) -> None:
    answer, is_there = Responder(Forge.honest(CA, 0, DELEGATE)), threading.Event()

    def script(asked: Asked) -> Reply:
        is_there.wait(0.2)  # gives the others time to ask, were they to
        return answer(asked)

    server.script = script
    requestor = Requestor(urls=(server.url,), policy=POLICY, clock=FixedClock(NOW))

    results = each(requestor, *[Inquiry(LEAF.certificate, CA.certificate)] * 5)

    assert [one.verdict for one in results] == [Verdict.GOOD] * 5
    assert len(server.asked) == 1


def test_nonces_are_never_shared(server: ScriptedServer) -> None:
    server.script = Responder(Forge.honest(CA, 0, DELEGATE))
    policy = replace(POLICY, send_nonce=True)
    requestor = Requestor(urls=(server.url,), policy=policy, clock=FixedClock(NOW))

    results = each(requestor, *[Inquiry(LEAF.certificate, CA.certificate)] * 3)

    nonces = {parse_request(request_der(asked)).nonce for asked in server.asked}
    assert len(nonces) == 3
    assert [one.report is not None and one.report.check("N3").outcome for one in results] == [
        Outcome.PASS
    ] * 3


def test_one_that_fails_spoils_none_of_the_others(server: ScriptedServer) -> None:
    server.script = Responder(Forge.honest(CA, 0, DELEGATE))
    requestor = Requestor(urls=(server.url,), policy=POLICY, clock=FixedClock(NOW))
    stranger = TinyCA("Stranger").issue_server().certificate

    results = each(
        requestor,
        Inquiry(LEAF.certificate, CA.certificate),
        Inquiry(stranger, CA.certificate),
        Inquiry(LEAF.certificate, chain=(CA.certificate,)),
    )

    assert [one.verdict for one in results] == [Verdict.GOOD, Verdict.UNTRUSTED, Verdict.GOOD]


def test_an_issuers_signature_is_verified_once_for_all_who_ask(
    server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Finding the issuer, refusing to ask, and judging: all want to know it of one certificate."""
    verified: list[str] = []

    def note(certificate: Certificate, issuer: Certificate) -> str | None:
        verified.append(str(certificate))
        return issuance_problem(certificate, issuer)

    monkeypatch.setattr("certstatus.verify.known.issuance_problem", note)
    server.script = Responder(Forge.honest(CA, 0, DELEGATE))
    requestor = Requestor(urls=(server.url,), policy=POLICY, clock=FixedClock(NOW))

    result = requestor.check(LEAF.certificate, chain=(CA.certificate,))

    assert result.verdict is Verdict.GOOD
    assert verified == [str(LEAF.certificate)]
