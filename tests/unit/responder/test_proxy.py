"""A proxy hands on what others signed: byte for byte, verified, kept, and never past its end."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from certstatus.asn1 import oids
from certstatus.errors import ConfigError
from certstatus.limits import (
    MAX_PROXIED_BYTES,
    MAX_UPSTREAM_HOPS,
    UPSTREAM_NEGATIVE_TIME,
    UPSTREAM_REFRESH,
)
from certstatus.ocsp import (
    AcceptableResponses,
    CertID,
    Extensions,
    Good,
    Nonce,
    OCSPResponseStatus,
    PreferredSignatureAlgorithm,
    PreferredSignatureAlgorithms,
    Request,
    Revoked,
    ServiceLocator,
    Unknown,
    encode_request,
)
from certstatus.pkix import AlgorithmIdentifier, HashAlgorithm
from certstatus.responder import AllowedLocation, Cause, ForwardedNonce, Proxy, Reply
from certstatus.sources import EventKind
from certstatus.sources.via import came_through
from certstatus.testing import LIES, TinyCA, contradicting, never_issued
from tests.proxying import NOW, SERIAL, Branch, asked_request, refusing, response, status_of
from tests.scripted import OCSP, Asked, ScriptedServer
from tests.scripted import Reply as HTTPAnswer

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
SECOND = timedelta(seconds=1)
REVOKED = Revoked(NOW - HOUR)
NONCE = Nonce(bytes(range(32)))
TRY_LATER = bytes.fromhex("30030a0103")
UNAUTHORIZED = bytes.fromhex("30030a0106")


@pytest.fixture(scope="module")
def ca() -> TinyCA:
    return TinyCA("Proxied CA")


@pytest.fixture(scope="module")
def other_ca() -> TinyCA:
    return TinyCA("Other CA")


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer() as running:
        yield running


@pytest.fixture
def branch(ca: TinyCA, server: ScriptedServer) -> Branch:
    return Branch(ca, server)


@pytest.fixture
def forwarding(ca: TinyCA, server: ScriptedServer) -> Branch:
    return Branch(ca, server, nonce=ForwardedNonce.FORWARD)


# --- what is handed on --------------------------------------------------------------------------


@pytest.mark.parametrize("cert_status", [Good(), REVOKED, Unknown()], ids=str)
@pytest.mark.rule("O12")
def test_the_answer_goes_out_byte_for_byte(
    branch: Branch, cert_status: Good | Revoked | Unknown
) -> None:
    forge = branch.forge.but(cert_status=cert_status)
    der = forge.der
    branch.sends(HTTPAnswer(body=der, headers={"Content-Type": OCSP}))

    reply = branch.ask()

    assert reply.der == der
    assert status_of(reply) == cert_status
    assert (reply.is_proxied, reply.signer) == (True, None)
    assert reply.told[0].origin == branch.server.url
    assert reply.told[0].authority == "branch"


@pytest.mark.rule("O19", "L12")
def test_its_times_are_those_of_the_upstream(branch: Branch) -> None:
    begin, end = NOW - 2 * HOUR, NOW + 3 * HOUR
    branch.says(this_update=begin, next_update=end)

    reply = branch.ask()

    assert (reply.this_update, reply.next_update) == (begin, end)
    assert reply.is_cacheable


@pytest.mark.rule("O19", "O25")
def test_it_ends_with_the_upstreams_signer_where_that_is_sooner(branch: Branch) -> None:
    end = NOW + HOUR
    branch.signs(replace(branch.forge, signer=branch.ca.issue_responder(not_after=end)))

    assert branch.ask().next_update == end


@pytest.mark.parametrize("algorithm", HashAlgorithm)
@pytest.mark.parametrize("parameters", [None, b"\x05\x00"], ids=["absent", "null"])
@pytest.mark.rule("O1", "O15")
def test_the_client_s_own_cert_id_goes_upstream_in_its_very_bytes(
    branch: Branch, algorithm: HashAlgorithm, parameters: bytes | None
) -> None:
    named = CertID.of(branch.ca.certificate, SERIAL, algorithm)
    asked = replace(named, hash_algorithm=AlgorithmIdentifier(algorithm.oid, parameters))

    reply = branch.ask(asked)

    assert branch.asked[0].cert_ids[0].encode() == asked.encode()
    basic = response(reply).basic
    assert basic is not None
    assert basic.tbs_response_data.responses[0].cert_id.encode() == asked.encode()


@pytest.mark.rule("O15")
def test_an_answer_under_another_hash_than_asked_is_not_handed_on(branch: Branch) -> None:
    sha1 = CertID.of(branch.ca.certificate, SERIAL, HashAlgorithm.SHA1)
    branch.sends(HTTPAnswer(body=branch.forge.but(cert_ids=(sha1,)).der))

    assert branch.ask().der == TRY_LATER
    assert branch.watcher.kinds == [EventKind.UPSTREAM_UNTRUSTED]


@pytest.mark.rule("L3")
def test_an_answer_under_both_hashes_serves_both(branch: Branch) -> None:
    both = [
        CertID.of(branch.ca.certificate, SERIAL, one)
        for one in (HashAlgorithm.SHA1, HashAlgorithm.SHA256)
    ]
    der = branch.forge.but(cert_ids=tuple(both)).der
    branch.sends(HTTPAnswer(body=der))

    assert [branch.ask(one).der for one in both] == [der, der]


@pytest.mark.rule("O1")
def test_an_issuer_that_is_not_named_is_nobody_s_and_nobody_is_asked(
    branch: Branch, other_ca: TinyCA
) -> None:
    reply = branch.ask(CertID.of(other_ca.certificate, SERIAL))

    assert (reply.cause, reply.der) == (Cause.ISSUER, UNAUTHORIZED)
    assert branch.server.asked == []


def test_nothing_of_what_a_client_wrote_goes_on_but_what_is_asked(branch: Branch) -> None:
    wishes = PreferredSignatureAlgorithms(
        (PreferredSignatureAlgorithm(AlgorithmIdentifier(oids.ECDSA_WITH_SHA256)),)
    )
    locator = ServiceLocator(branch.ca.certificate.subject)
    branch.ask(
        Request(branch.cert_id(), Extensions.of(locator)),
        extensions=Extensions.of(
            AcceptableResponses((oids.ID_PKIX_OCSP_BASIC,)), wishes, Nonce(b"secret of mine!!")
        ),
    )

    (asked,) = branch.asked
    assert [one.oid for one in asked.request_extensions] == [PreferredSignatureAlgorithms.oid]
    assert not asked.request_list[0].single_request_extensions
    assert asked.requestor_name is None


# --- several certificates -----------------------------------------------------------------------


@pytest.mark.rule("O15")
def test_a_request_for_several_goes_on_whole_and_its_answer_is_handed_on_whole(
    branch: Branch,
) -> None:
    ids = [branch.cert_id(serial) for serial in (1, 2, 3)]

    reply = branch.ask(*ids, ids[0])

    (asked,) = branch.asked
    assert list(asked.cert_ids) == ids
    assert [one.cert_id for one in reply.told] == ids
    assert reply.is_cacheable
    branch.ask(*ids)
    assert len(branch.server.asked) == 2, "combinations have no end, and are not kept"


@pytest.mark.rule("O15")
def test_an_answer_that_leaves_one_out_is_not_handed_on(branch: Branch) -> None:
    branch.sends(HTTPAnswer(body=branch.forge.der))

    assert branch.ask(branch.cert_id(), branch.cert_id(7)).der == TRY_LATER


def test_a_request_across_the_cas_of_one_proxy_goes_on_whole(
    ca: TinyCA, other_ca: TinyCA, branch: Branch
) -> None:
    router = branch.over(branch.server.url, issuers=(ca, other_ca))
    shared = ca.issue_responder()
    branch.signs(branch.forge.but(signer=shared))

    reply = branch.ask(branch.cert_id(), CertID.of(other_ca.certificate, 7), router=router)

    assert reply.der == TRY_LATER, "the delegate of one CA can't speak for the other"
    assert [one.serial_number for one in branch.asked[0].cert_ids] == [SERIAL, 7]


# --- lies ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", LIES)
@pytest.mark.parametrize("nonce", [None, NONCE], ids=["plain", "nonced"])
@pytest.mark.rule("O11")
def test_no_lie_is_handed_on_with_or_without_a_nonce(
    forwarding: Branch, name: str, nonce: Nonce | None
) -> None:
    _, tell_lie = LIES[name]
    lie = tell_lie(forwarding.forge).der
    forwarding.sends(HTTPAnswer(body=lie, headers={"Content-Type": OCSP}))

    reply = forwarding.ask(nonce=nonce)

    assert reply.der == TRY_LATER
    assert [one.cause for one in forwarding.heard] == [Cause.SOURCE_UNAVAILABLE]
    assert set(forwarding.watcher.kinds) <= {
        EventKind.UPSTREAM_UNTRUSTED,
        EventKind.UPSTREAM_FAILED,
    }


@pytest.mark.parametrize("name", LIES)
@pytest.mark.rule("O11")
def test_no_lie_replaces_a_good_answer_that_still_counts(branch: Branch, name: str) -> None:
    branch.says(REVOKED, next_update=NOW + HOUR)
    kept = branch.ask().der
    branch.pass_time(UPSTREAM_REFRESH)
    _, tell_lie = LIES[name]
    branch.sends(HTTPAnswer(body=tell_lie(branch.forge).der))

    assert branch.ask().der == kept
    branch.pass_time(HOUR)
    assert branch.ask().der == TRY_LATER


@pytest.mark.rule("O12")
def test_an_answer_that_contradicts_itself_is_not_handed_on(branch: Branch) -> None:
    branch.sends(HTTPAnswer(body=contradicting(branch.forge).der))

    assert branch.ask().der == TRY_LATER


@pytest.mark.rule("L10")
def test_an_answer_that_has_ended_is_not_handed_on_whatever_skew_is_allowed(
    branch: Branch,
) -> None:
    branch.says(this_update=NOW - HOUR, next_update=NOW)

    assert branch.ask().der == TRY_LATER


# --- keeping ------------------------------------------------------------------------------------


@pytest.mark.rule("L4", "L14")
def test_many_requests_are_one_question_while_its_answer_is_fresh(branch: Branch) -> None:
    first = branch.ask()
    branch.pass_time(UPSTREAM_REFRESH - SECOND)
    again, with_nonce = branch.ask(), branch.ask(nonce=NONCE)

    assert len(branch.server.asked) == 1
    assert first.der == again.der == with_nonce.der
    assert (first.is_remembered, again.is_remembered) == (False, True)


@pytest.mark.rule("O19")
def test_an_answer_is_asked_for_anew_at_half_its_life(branch: Branch) -> None:
    branch.with_policy(refresh=timedelta(days=9))
    branch.says(next_update=NOW + 2 * HOUR)
    branch.ask()
    branch.pass_time(HOUR - SECOND)
    branch.ask()
    assert len(branch.server.asked) == 1
    branch.pass_time(SECOND)
    branch.ask()

    assert len(branch.server.asked) == 2


@pytest.mark.rule("L14")
def test_the_upstreams_http_says_when_there_may_be_news(branch: Branch) -> None:
    branch.signs(branch.forge, **{"Cache-Control": "max-age=60"})
    reply = branch.ask()
    assert reply.cache_until == NOW + MINUTE
    branch.says(REVOKED)
    branch.pass_time(MINUTE)

    assert status_of(branch.ask()) == REVOKED


@pytest.mark.rule("L12")
def test_what_the_upstream_lets_nobody_store_is_let_nobody_store(branch: Branch) -> None:
    branch.signs(branch.forge, **{"Cache-Control": "no-store"})

    assert not branch.ask().is_cacheable


@pytest.mark.rule("O11")
def test_the_last_good_answer_stands_to_its_end_and_no_longer(branch: Branch) -> None:
    branch.says(next_update=NOW + HOUR)
    kept = branch.ask().der
    branch.sends(HTTPAnswer(status=503))
    branch.pass_time(HOUR - SECOND)
    assert branch.ask().der == kept
    branch.pass_time(SECOND)

    assert branch.ask().der == TRY_LATER


def test_revoked_replaces_good_at_once_and_older_replaces_nothing(branch: Branch) -> None:
    branch.says(this_update=NOW - MINUTE)
    branch.ask()
    branch.says(REVOKED, this_update=NOW - HOUR)
    branch.pass_time(UPSTREAM_REFRESH)
    assert status_of(branch.ask()) == REVOKED
    branch.says(this_update=NOW - 2 * HOUR)
    branch.pass_time(UPSTREAM_REFRESH)

    assert status_of(branch.ask()) == REVOKED


def test_an_answer_of_unusual_size_is_handed_on_and_not_kept(branch: Branch) -> None:
    padding = branch.ca.issue("x" * 60).certificate.der
    certs = (branch.forge.signer.certificate.der, *[padding] * 31)
    many = tuple(branch.forge.single(branch.cert_id(serial)) for serial in range(400))
    branch.signs(branch.forge.but(certs=certs, more=many))

    reply = branch.ask()
    branch.ask()

    assert len(reply.der) > MAX_PROXIED_BYTES
    assert reply.cause is Cause.ANSWERED
    assert len(branch.server.asked) == 2


def test_an_answer_of_unusual_size_takes_no_revocation_back(branch: Branch) -> None:
    branch.says(REVOKED, this_update=NOW - MINUTE)
    branch.ask()
    many = tuple(branch.forge.single(branch.cert_id(serial)) for serial in range(800))
    branch.signs(branch.forge.but(more=many, this_update=NOW - HOUR))
    branch.pass_time(UPSTREAM_REFRESH)

    assert status_of(branch.ask()) == REVOKED
    assert len(branch.server.asked) == 2


# --- negative answers ---------------------------------------------------------------------------


@pytest.mark.parametrize("is_never_issued", [False, True], ids=["unknown", "extended-revoke"])
def test_unknown_is_handed_on_kept_briefly_and_not_for_caches(
    branch: Branch, *, is_never_issued: bool
) -> None:
    unknown = branch.forge.but(cert_status=Unknown())
    branch.signs(never_issued(branch.forge) if is_never_issued else unknown)
    first = branch.ask()
    branch.says(this_update=NOW - SECOND)
    branch.pass_time(UPSTREAM_NEGATIVE_TIME - SECOND)
    assert branch.ask().der == first.der
    branch.pass_time(SECOND)

    assert status_of(branch.ask()) == Good()
    assert not first.is_cacheable


def test_unknown_does_not_replace_what_is_kept(branch: Branch) -> None:
    branch.ask()
    branch.says(Unknown())
    branch.pass_time(UPSTREAM_REFRESH)

    assert status_of(branch.ask()) == Good()


@pytest.mark.rule("L6")
def test_unauthorized_is_handed_on_and_stands_briefly(branch: Branch) -> None:
    branch.sends(refusing(OCSPResponseStatus.UNAUTHORIZED))
    reply = branch.ask()
    assert (reply.cause, reply.der) == (Cause.UPSTREAM_REFUSED, UNAUTHORIZED)
    branch.says()
    branch.pass_time(UPSTREAM_NEGATIVE_TIME - SECOND)
    assert branch.ask().der == UNAUTHORIZED
    branch.pass_time(SECOND)

    assert status_of(branch.ask()) == Good()
    assert branch.heard == [], "no failure of ours"


def test_an_unsigned_refusal_replaces_no_signed_answer(branch: Branch) -> None:
    branch.says(REVOKED)
    branch.ask()
    branch.sends(refusing(OCSPResponseStatus.UNAUTHORIZED))
    branch.pass_time(UPSTREAM_REFRESH)

    assert status_of(branch.ask()) == REVOKED


OF_US = {
    OCSPResponseStatus.MALFORMED_REQUEST: UNAUTHORIZED,
    OCSPResponseStatus.SIG_REQUIRED: UNAUTHORIZED,
    OCSPResponseStatus.UNAUTHORIZED: UNAUTHORIZED,
    OCSPResponseStatus.INTERNAL_ERROR: TRY_LATER,
    OCSPResponseStatus.TRY_LATER: TRY_LATER,
}


@pytest.mark.parametrize("status", OF_US, ids=lambda status: status.label)
@pytest.mark.rule("O11", "O10")
def test_each_error_of_the_upstream_has_its_own_of_ours(
    branch: Branch, status: OCSPResponseStatus
) -> None:
    branch.sends(refusing(status))

    reply = branch.ask()

    assert reply.der == OF_US[status]
    assert not reply.is_cacheable


def test_that_an_upstream_wants_signed_requests_is_an_alarm(branch: Branch) -> None:
    branch.sends(refusing(OCSPResponseStatus.SIG_REQUIRED))
    branch.ask()

    assert branch.watcher.kinds == [EventKind.UPSTREAM_FAILED]


# --- several upstreams --------------------------------------------------------------------------


def test_the_next_upstream_is_asked_where_the_first_one_does_not_answer(branch: Branch) -> None:
    with ScriptedServer() as broken:
        broken.script = lambda _: HTTPAnswer(status=503)
        router = branch.over(broken.url, branch.server.url)

        replies = [branch.ask(branch.cert_id(serial), router=router) for serial in (1, 2)]

    assert [one.told[0].origin for one in replies] == [branch.server.url] * 2
    assert len(broken.asked) == 1, "it rests"


@pytest.mark.parametrize(
    ("second", "ours"),
    [(OCSPResponseStatus.UNAUTHORIZED, UNAUTHORIZED), (OCSPResponseStatus.TRY_LATER, TRY_LATER)],
    ids=["refuses too", "is out of order"],
)
def test_only_where_all_refuse_is_it_a_refusal(
    branch: Branch, second: OCSPResponseStatus, ours: bytes
) -> None:
    with ScriptedServer() as first:
        first.script = lambda _: refusing(OCSPResponseStatus.UNAUTHORIZED)
        branch.sends(refusing(second))

        assert branch.ask(router=branch.over(first.url, branch.server.url)).der == ours


# --- one way out --------------------------------------------------------------------------------


def test_an_upstream_behind_an_http_proxy_is_asked_through_it(branch: Branch) -> None:
    branch.policy = replace(branch.policy, http_proxy=branch.server.url)

    reply = branch.ask(router=branch.over("http://ocsp.unresolvable.test/"))

    assert status_of(reply) == Good()
    (asked,) = branch.server.asked
    assert asked.path.startswith("http://ocsp.unresolvable.test/")


# --- many at once -------------------------------------------------------------------------------


def test_many_who_ask_at_once_are_one_question(branch: Branch) -> None:
    der = encode_request([branch.cert_id()])

    async def crowd() -> list[Reply]:
        return await asyncio.gather(*(branch.router.respond(der, NOW) for _ in range(50)))

    replies = asyncio.run(crowd())

    assert {one.cause for one in replies} == {Cause.ANSWERED}
    assert len({one.der for one in replies}) == 1
    assert len(branch.server.asked) == 1


@pytest.mark.rule("O11")
def test_a_slow_upstream_is_try_later_in_time(branch: Branch) -> None:
    branch.impatient()
    gate = threading.Event()

    def stuck(_: Asked) -> HTTPAnswer:
        gate.wait(5)
        return HTTPAnswer(status=503)

    branch.server.script = stuck
    reply = branch.ask()
    gate.set()

    assert reply.der == TRY_LATER
    assert "no answer in time" in reply.detail


# --- nonces -------------------------------------------------------------------------------------


@pytest.mark.rule("L4")
def test_without_the_option_a_nonce_does_not_go_on(branch: Branch) -> None:
    reply = branch.ask(nonce=NONCE)

    assert branch.asked[0].nonce is None
    basic = response(reply).basic
    assert basic is not None
    assert basic.tbs_response_data.nonce is None


@pytest.mark.parametrize(
    "nonce",
    [NONCE, Nonce(b"x"), Nonce(bytes(128)), Nonce(b"\x01\x02\x03", is_bare=True)],
    ids=["usual", "shortest", "longest", "bare"],
)
@pytest.mark.rule("L4", "N3")
def test_with_the_option_the_clients_nonce_goes_on_and_comes_back(
    forwarding: Branch, nonce: Nonce
) -> None:
    reply = forwarding.ask(nonce=nonce)

    assert forwarding.asked[0].nonce == nonce
    basic = response(reply).basic
    assert basic is not None
    assert basic.tbs_response_data.nonce == nonce
    assert not reply.is_cacheable


@pytest.mark.rule("L4")
def test_an_answer_with_a_nonce_is_for_one_alone(forwarding: Branch) -> None:
    for _ in range(2):
        forwarding.ask(nonce=NONCE)
    forwarding.ask()
    forwarding.ask()

    assert [one.nonce for one in forwarding.asked] == [NONCE, NONCE, None]


@pytest.mark.rule("L4", "L10")
def test_an_upstream_that_can_not_bear_a_nonce_is_asked_without(forwarding: Branch) -> None:
    sign = forwarding.server.script

    def script(asked: Asked) -> HTTPAnswer:
        if asked_request(asked).nonce is not None:
            return refusing(OCSPResponseStatus.MALFORMED_REQUEST)
        return sign(asked)

    forwarding.server.script = script

    assert status_of(forwarding.ask(nonce=NONCE)) == Good()


@pytest.mark.rule("L4")
def test_where_the_upstream_is_gone_a_nonce_is_answered_from_what_is_kept(
    forwarding: Branch,
) -> None:
    kept = forwarding.ask().der
    forwarding.sends(HTTPAnswer(status=503))

    assert forwarding.ask(nonce=NONCE).der == kept


def test_a_revocation_that_is_heard_with_a_nonce_ends_a_good_that_is_kept(
    forwarding: Branch,
) -> None:
    forwarding.ask()
    forwarding.says(REVOKED)
    forwarding.ask(nonce=NONCE)

    assert status_of(forwarding.ask()) == REVOKED


# --- loops --------------------------------------------------------------------------------------


def test_a_question_goes_on_with_our_mark_and_is_refused_when_it_comes_back(
    branch: Branch,
) -> None:
    branch.ask()
    mark = branch.server.asked[0].headers["via"].encode()

    with came_through([mark]):
        reply = branch.ask()

    assert reply.der == TRY_LATER
    assert "came through us before" in reply.detail
    assert branch.watcher.kinds == [EventKind.UPSTREAM_LOOP]


def test_a_question_that_came_through_too_many_is_refused(branch: Branch) -> None:
    marks = [f"certstatus-{number:016x}".encode() for number in range(MAX_UPSTREAM_HOPS)]

    with came_through(marks):
        assert branch.ask().der == TRY_LATER


# --- its own state ------------------------------------------------------------------------------


def test_it_is_ready_where_the_upstream_answers_or_refuses(branch: Branch) -> None:
    proxy = branch.proxy(branch.server.url)
    assert asyncio.run(proxy.check(NOW)) is None
    branch.sends(refusing(OCSPResponseStatus.UNAUTHORIZED))
    assert asyncio.run(branch.proxy(branch.server.url).check(NOW)) is None
    branch.sends(HTTPAnswer(status=503))

    assert "503" in str(asyncio.run(branch.proxy(branch.server.url).check(NOW)))


@pytest.mark.parametrize(
    ("urls", "allowed"),
    [((), ()), (("http://a.example/",), (AllowedLocation.of("http://a.example/"),))],
    ids=["nobody", "both ways"],
)
def test_it_needs_one_way_to_know_whom_to_ask(
    ca: TinyCA, urls: tuple[str, ...], allowed: tuple[AllowedLocation, ...]
) -> None:
    with pytest.raises(ConfigError, match="either responders to ask or a list"):
        Proxy("odd", [ca.certificate], urls, allowed=allowed)
