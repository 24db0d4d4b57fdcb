"""The lightweight profile at the responder (RFC 9919 §3.2, §6, §7)."""

from __future__ import annotations

import asyncio
import base64
import hashlib
from datetime import datetime, timedelta
from email.utils import format_datetime

import pytest

from certstatus.errors import ConfigError, SourceError
from certstatus.limits import CACHE_MARGIN, DEFAULT_MAX_AGE, DEFAULT_VALIDITY
from certstatus.limits_signers import SHORT_LIFE
from certstatus.ocsp import (
    ByKey,
    Extensions,
    Good,
    Nonce,
    Unknown,
    encode_signed_request,
    encode_tbs_request,
)
from certstatus.ocsp import Signature as RequestSignature
from certstatus.pkix import GeneralName, HashAlgorithm, Name
from certstatus.responder import (
    AuthorityPolicy,
    Cause,
    HTTPReply,
    HTTPRequest,
    NonceMode,
    OCSPFace,
    Responder,
    ResponderIDForm,
    UnlistedMode,
)
from certstatus.signing import Finding, Profile, Severity, check_signer
from certstatus.sources import Answer
from certstatus.testing import Issued, plain_algorithm
from tests.desk import (
    CA,
    DAY,
    DELEGATE,
    HOUR,
    NOW,
    REVOKED,
    authority,
    basic,
    cert_id,
    known,
    request,
    respond,
    signers,
    single,
    unlisted,
)

SECOND = timedelta(seconds=1)

# --- requests (§3.1.2) ---------------------------------------------------------------------

NAMED = GeneralName.directory_name(Name.from_rfc4514("CN=requestor"))


@pytest.mark.rule("L2")
def test_the_name_in_an_unsigned_request_counts_as_absent() -> None:
    der = encode_signed_request(
        encode_tbs_request([cert_id()], requestor_name=NAMED),
        RequestSignature(plain_algorithm(CA.key), b"not a signature"),
    )

    assert single(respond(authority(), der)).cert_status == Good()


# --- responses (§3.2.1) --------------------------------------------------------------------


@pytest.mark.rule("L3")
def test_one_answer_and_no_response_extensions_by_default() -> None:
    data = basic(respond(authority())).tbs_response_data

    assert len(data.responses) == 1
    assert len(data.response_extensions) == 0


@pytest.mark.rule("L3")
@pytest.mark.parametrize("asked", [HashAlgorithm.SHA1, HashAlgorithm.SHA256])
def test_both_names_of_the_certificate_are_answered_where_that_is_wanted(
    asked: HashAlgorithm,
) -> None:
    question = cert_id(algorithm=asked)

    reply = respond(authority(known(REVOKED), dual_hash=True), request(question))

    first, second = basic(reply).tbs_response_data.responses
    assert first.cert_id.encode() == question.encode()
    assert {first.cert_id.hash, second.cert_id.hash} == {HashAlgorithm.SHA1, HashAlgorithm.SHA256}
    assert first.cert_id.serial_number == second.cert_id.serial_number
    assert second.cert_id.names_issuer(CA.certificate)
    assert (first.cert_status, first.this_update, first.next_update) == (
        second.cert_status,
        second.this_update,
        second.next_update,
    )
    assert len(reply.told) == 1


@pytest.mark.rule("L3", "O15")
def test_a_second_name_is_given_only_in_what_may_be_shared() -> None:
    dual = authority(dual_hash=True)
    nonce = Extensions.of(Nonce(b"n" * 32))
    single_ones = [
        respond(dual, request(extensions=nonce)),
        respond(dual, request(cert_id(algorithm=HashAlgorithm.SHA384))),
        respond(
            authority(dual_hash=True, hash_algorithms=frozenset({HashAlgorithm.SHA256})),
            request(cert_id()),
        ),
    ]

    assert [len(basic(one).tbs_response_data.responses) for one in single_ones] == [1, 1, 1]
    two = basic(respond(dual, request(cert_id(2), cert_id(3)))).tbs_response_data.responses
    assert [one.cert_id.serial_number for one in two] == [2, 3]


@pytest.mark.rule("L3", "L6")
def test_a_hash_that_is_not_accepted_is_not_answered() -> None:
    modern = authority(hash_algorithms=frozenset({HashAlgorithm.SHA256}))

    reply = respond(modern, request(cert_id(algorithm=HashAlgorithm.SHA1)))

    assert (reply.cause, reply.der) == (Cause.HASH, bytes.fromhex("30030a0106"))


@pytest.mark.rule("L4")
def test_options_that_are_not_supported_are_left_out_of_the_answer() -> None:
    extensions = Extensions.of(Nonce(b"n" * 32))
    lightweight = authority(profile=Profile.RFC_9919)

    assert respond(lightweight, request(extensions=extensions)).cause is Cause.ANSWERED


# --- who answers (§3.2.2) ------------------------------------------------------------------


@pytest.mark.rule("L5")
def test_the_responder_names_itself_by_key_and_encloses_its_certificate() -> None:
    found = basic(respond(authority(profile=Profile.RFC_9919)))

    assert found.tbs_response_data.responder_id == ByKey.of(DELEGATE.certificate)
    assert found.certs == (DELEGATE.certificate.der,)


@pytest.mark.rule("L5")
def test_by_name_is_refused_in_this_profile() -> None:
    with pytest.raises(ConfigError, match=r"responder_id: .*by key \[L5\] \(write by-key\)"):
        AuthorityPolicy(profile=Profile.RFC_9919, responder_id=ResponderIDForm.BY_NAME)


def gate(issued: Issued) -> tuple[Finding, ...]:
    (signer, *_) = signers(issued)
    return check_signer(signer, CA.certificate, now=NOW, profile=Profile.RFC_9919)


@pytest.mark.rule("L5")
def test_a_delegate_is_advised_to_live_short_and_to_name_no_place_to_ask() -> None:
    start = NOW - DAY

    short = CA.issue_responder(not_before=start, not_after=start + SHORT_LIFE)
    assert gate(short) == ()

    for wish in (
        {"not_after": start + SHORT_LIFE + SECOND},
        {"not_after": NOW + DAY, "ocsp_uris": ("http://ocsp.example",)},
        {"not_after": NOW + DAY, "crl_uris": ("http://crl.example/1",)},
    ):
        (finding,) = gate(CA.issue_responder(not_before=start, **wish))
        assert (finding.rule, finding.severity) == ("L5", Severity.WARN)


# --- no records, and times (§3.2.3, §3.2.4) ------------------------------------------------


@pytest.mark.rule("L6")
def test_a_certificate_without_records_is_not_answered_for_in_this_profile() -> None:
    lightweight = respond(authority(unlisted(), profile=Profile.RFC_9919))

    assert (lightweight.cause, lightweight.der) == (Cause.UNLISTED, bytes.fromhex("30030a0106"))
    with pytest.raises(ConfigError, match=r"unlisted: .* \[L6\] \(write unauthorized"):
        AuthorityPolicy(profile=Profile.RFC_9919, unlisted=UnlistedMode.UNKNOWN)


@pytest.mark.rule("L6")
@pytest.mark.parametrize("mode", [UnlistedMode.GOOD, UnlistedMode.EXTENDED_REVOKE])
def test_where_the_source_has_a_gap_there_are_no_records_either(mode: UnlistedMode) -> None:
    gap = unlisted(is_covered=False)
    lightweight = respond(authority(gap, profile=Profile.RFC_9919, unlisted=mode))
    plain = single(respond(authority(gap, unlisted=mode)))

    assert lightweight.cause is Cause.UNLISTED
    assert plain.cert_status == Unknown()


@pytest.mark.rule("L3", "L4")
def test_the_profile_answers_without_the_nonce_unless_told_to_return_it() -> None:
    asked = request(extensions=Extensions.of(Nonce(bytes(32))))
    plain = basic(respond(authority(profile=Profile.RFC_9919), asked))
    told = basic(respond(authority(profile=Profile.RFC_9919, nonce=NonceMode.ECHO), asked))

    assert not plain.tbs_response_data.response_extensions.has(Nonce)
    assert told.tbs_response_data.response_extensions.get(Nonce) == Nonce(bytes(32))


@pytest.mark.rule("L7")
@pytest.mark.parametrize(
    "answer", [known(), known(next_update=NOW + HOUR), known(REVOKED), unlisted()]
)
def test_every_answer_has_a_next_update(answer: Answer) -> None:
    assert single(respond(authority(answer))).next_update is not None


# --- HTTP (§6, §7) -------------------------------------------------------------------------


def face(answer: Answer | Exception = known(), **more: timedelta) -> OCSPFace:  # noqa: B008
    return OCSPFace(Responder([authority(answer)]), **more)  # type: ignore[arg-type]


def ask(one: OCSPFace, asked: HTTPRequest, now: datetime = NOW) -> HTTPReply:
    return asyncio.run(one.reply(asked, now))


def fields(conditions: dict[str, str] | None) -> tuple[tuple[bytes, bytes], ...]:
    return tuple((name.encode(), value.encode()) for name, value in (conditions or {}).items())


def get(
    one: OCSPFace,
    der: bytes | None = None,
    now: datetime = NOW,
    conditions: dict[str, str] | None = None,
) -> HTTPReply:
    target = b"/" + base64.b64encode(request() if der is None else der)
    return ask(one, HTTPRequest(b"GET", target, fields(conditions)), now)


def post(one: OCSPFace, der: bytes, conditions: dict[str, str] | None = None) -> HTTPReply:
    headers = (*fields(conditions), (b"content-type", b"application/ocsp-request"))
    return ask(one, HTTPRequest(b"POST", b"/", headers, der))


def fields_of(reply: HTTPReply) -> dict[str, str]:
    found = {name.decode(): value.decode("ascii") for name, value in reply.headers}
    assert len(found) == len(reply.headers)
    return found


@pytest.mark.rule("L12", "L13")
def test_an_answer_carries_every_header_of_the_profile() -> None:
    reply = get(face())

    one = single(respond(authority()))
    assert one.next_update is not None
    assert reply.status == 200
    assert fields_of(reply) == {
        "content-type": "application/ocsp-response",
        "last-modified": format_datetime(one.this_update, usegmt=True),
        "etag": f'"{hashlib.sha256(reply.body).hexdigest()}"',
        "expires": format_datetime(one.next_update, usegmt=True),
        "cache-control": "max-age=3600, public, no-transform, must-revalidate",
    }


@pytest.mark.rule("L12")
def test_dates_are_those_of_http() -> None:
    headers = fields_of(get(face()))

    assert headers["last-modified"] == "Sat, 21 Nov 2026 11:55:00 GMT"
    assert headers["expires"] == "Wed, 25 Nov 2026 11:54:59 GMT"


@pytest.mark.rule("L13")
def test_whatever_is_not_authoritative_or_not_for_all_is_never_stored() -> None:
    nonce = request(extensions=Extensions.of(Nonce(b"n" * 32)))
    replies = [
        get(face(), b"junk"),
        get(face(), nonce),
        get(face(unlisted())),
        get(face(SourceError("down"))),
        post(face(), nonce),
        post(face(), b""),
        ask(face(), HTTPRequest(b"PUT", b"/", ())),
    ]

    for reply in replies:
        headers = fields_of(reply)
        assert headers["cache-control"] == "no-store"
        assert not {"etag", "expires", "last-modified"} & headers.keys()


@pytest.mark.rule("L12")
def test_a_client_that_has_the_answer_hears_not_modified() -> None:
    one = face()
    first = get(one)
    headers = fields_of(first)

    again = get(one, now=NOW + HOUR, conditions={"if-none-match": headers["etag"]})

    assert (again.status, again.body) == (304, b"")
    kept = fields_of(again)
    assert kept.keys() == headers.keys() - {"content-type"}
    assert kept["etag"] == headers["etag"]


@pytest.mark.rule("L12")
@pytest.mark.parametrize(
    ("condition", "status"),
    [
        ({"if-none-match": "{etag}"}, 304),
        ({"if-none-match": "W/{etag}"}, 304),
        ({"if-none-match": '"other", {etag}'}, 304),
        ({"if-none-match": "*"}, 304),
        ({"if-none-match": '"other"'}, 200),
        ({"if-modified-since": "{date}"}, 304),
        ({"if-modified-since": "Sat, 21 Nov 2026 11:54:59 GMT"}, 200),
        # As nginx: only the very moment counts, so that no earlier thisUpdate is missed.
        ({"if-modified-since": "Sun, 22 Nov 2026 11:55:00 GMT"}, 200),
        ({"if-modified-since": "no date"}, 200),
        ({"if-none-match": '"other"', "if-modified-since": "{date}"}, 200),
        ({"if-none-match": "{etag}", "if-modified-since": "no date"}, 304),
    ],
)
def test_conditions_are_weighed_as_http_does(condition: dict[str, str], status: int) -> None:
    one = face()
    headers = fields_of(get(one))
    asked = {
        name: value.format(etag=headers["etag"], date=headers["last-modified"])
        for name, value in condition.items()
    }

    assert get(one, conditions=asked).status == status
    assert post(one, request(), asked).status == 200


@pytest.mark.rule("L12", "O12")
def test_a_revocation_is_a_new_answer_under_every_condition() -> None:
    answers = iter([known(), known(REVOKED), known(REVOKED)])
    one = OCSPFace(Responder([authority(lambda *_: next(answers))]))
    headers = fields_of(get(one))

    by_tag = get(one, conditions={"if-none-match": headers["etag"]})
    by_date = get(one, conditions={"if-modified-since": headers["last-modified"]})

    assert (by_tag.status, by_tag.facts["certStatus"]) == (200, "revoked")
    assert by_date.facts["certStatus"] == "revoked"


@pytest.mark.rule("L14")
@pytest.mark.parametrize(
    ("left", "max_age", "expected"),
    [
        (DAY, DEFAULT_MAX_AGE, 3600),
        (DAY, timedelta(minutes=5), 300),
        (10 * timedelta(minutes=1), DEFAULT_MAX_AGE, 600 - CACHE_MARGIN.seconds),
        (CACHE_MARGIN, DEFAULT_MAX_AGE, 0),
        (SECOND, DEFAULT_MAX_AGE, 0),
        (DAY, timedelta(0), 0),
    ],
)
def test_max_age_ends_before_next_update(
    left: timedelta, max_age: timedelta, expected: int
) -> None:
    answer = known(this_update=NOW - HOUR, next_update=NOW + left)

    reply = get(face(answer, max_age=max_age))

    assert fields_of(reply)["cache-control"].startswith(f"max-age={expected}, public")


@pytest.mark.rule("L14", "O19")
def test_an_answer_is_renewed_at_half_of_its_life() -> None:
    desk = Responder([authority(lambda _, now: known(this_update=now))])
    first = respond(desk)
    assert first.next_update is not None
    half = (first.next_update - NOW) / 2
    assert half < DEFAULT_VALIDITY / 2

    before = respond(desk, now=NOW + half - SECOND)
    after = respond(desk, now=NOW + half + SECOND)

    assert before.der == first.der
    assert after.der != first.der
    assert after.next_update is not None
    assert after.next_update > first.next_update


@pytest.mark.rule("L14")
def test_a_policy_may_renew_earlier() -> None:
    desk = Responder([authority(lambda _, now: known(this_update=now), refresh=HOUR)])
    first = respond(desk)

    assert respond(desk, now=NOW + HOUR - SECOND).der == first.der
    assert respond(desk, now=NOW + HOUR).der != first.der
