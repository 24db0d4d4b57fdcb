"""How to ask, step by step, without a network."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from certstatus.limits import (
    ASK_TIME,
    BACK_OFF,
    MAX_ATTEMPTS,
    MAX_BACK_OFF,
    MAX_GET_URL_BYTES,
    MAX_OCSP_URLS,
)
from certstatus.ocsp import (
    CertID,
    CertStatus,
    Extensions,
    Good,
    Nonce,
    OCSPRequest,
    OCSPResponseStatus,
    Unknown,
    encode_error_response,
    encode_request,
    parse_request,
)
from certstatus.pkix import HashAlgorithm
from certstatus.requestor.plan import (
    Asked,
    AskPolicy,
    Event,
    Failed,
    Judge,
    Method,
    Received,
    Send,
    Wait,
    ask,
    get_url,
    is_get_length,
    sends,
    usable_urls,
)
from certstatus.testing import FixedClock, Forge, TinyCA
from certstatus.verify import Report, Verdict, VerifyPolicy, verify_response

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
CA = TinyCA("Issuing CA")
LEAF = CA.issue_server()
DELEGATE = CA.issue_responder()
BASE = "http://ocsp.example/"
OTHER = "http://other.example/ocsp"


def honest() -> Forge:
    return Forge.honest(CA, LEAF.certificate.serial_number, DELEGATE)


def make_request(algorithm: HashAlgorithm, has_nonce: bool = False) -> OCSPRequest:
    cert_id = CertID.for_certificate(LEAF.certificate, CA.certificate, algorithm)
    extensions = Extensions.of(*((Nonce(bytes(32)),) if has_nonce else ()))
    return parse_request(encode_request([cert_id], request_extensions=extensions))


def judge(body: bytes, request: OCSPRequest) -> Report:
    return verify_response(
        body, issuer=CA.certificate, certificate=LEAF.certificate, request=request, now=NOW
    )


def received(body: bytes = b"", status: int = 200, **headers: str) -> Received:
    fields = {name.replace("_", "-"): value for name, value in headers.items()}
    return Received(status=status, headers=fields, body=body)


def error(status: OCSPResponseStatus) -> Received:
    return received(encode_error_response(status))


def play(
    events: Iterable[Event],
    urls: Iterable[str] = (BASE,),
    policy: AskPolicy | None = None,
    *,
    nonces: tuple[bool, ...] = (False,),
    judge: Judge = judge,
    lasts: timedelta = timedelta(0),
) -> tuple[Asked, list[Send], list[timedelta]]:
    """Carry a plan out by script; return the outcome, what was sent, and the waits.

    Each exchange ``lasts`` so long, and each wait as long as it says.
    """
    clock = FixedClock(NOW)
    plan = ask(
        urls,
        make_request,
        judge,
        policy=policy or AskPolicy(),
        nonces=nonces,
        jitter=lambda: 1.0,
        now=clock.now,
    )
    sent: list[Send] = []
    waits: list[timedelta] = []
    script = iter(events)
    event: Event = None
    while True:
        try:
            step = plan.send(event)
        except StopIteration as stop:
            assert next(script, None) is None, "the plan ended before the script"
            return stop.value, sent, waits
        if isinstance(step, Wait):
            waits.append(step.length)
            clock.advance(step.length)
            event = None
        else:
            sent.append(step)
            clock.advance(lasts)
            event = next(script)


@pytest.mark.rule("O32")
@given(st.binary(min_size=1, max_size=200), st.sampled_from([BASE, OTHER, OTHER + "/"]))
def test_a_get_url_joins_with_one_slash_and_escapes_all_that_is_special(
    der: bytes, base: str
) -> None:
    url = get_url(base, der)
    stem = base.rstrip("/") + "/"

    assert url.startswith(stem)
    rest = url.removeprefix(stem)
    assert not set(rest) & set("/+= ")
    assert b64decode(unquote(rest), validate=True) == der


@pytest.mark.parametrize(("over", "method"), [(-1, "GET"), (0, "GET"), (1, "POST")])
@pytest.mark.rule("L11")
def test_get_up_to_255_bytes_of_url_and_post_above(over: int, method: str) -> None:
    der = make_request(HashAlgorithm.SHA256).der
    room = MAX_GET_URL_BYTES + over - len(get_url("http://", der).removeprefix("http:"))
    base = "http://" + "h" * (room - len("http://"))

    assert len(get_url(base, der)) == MAX_GET_URL_BYTES + over
    assert is_get_length(base, der) is (method == "GET")
    assert sends(base, der, Method.AUTO).method == method


@pytest.mark.rule("L11")
def test_a_sha256_request_fits_a_get_and_with_a_nonce_soon_does_not() -> None:
    cert_id = CertID.of(CA.certificate, 2**158 + 1)
    plain = encode_request([cert_id])
    bound = encode_request([cert_id], request_extensions=Extensions.of(Nonce(bytes(32))))

    base = "http://ocsp.issuing-ca.example.com/"
    assert sends(base, plain, Method.AUTO).method == "GET"
    assert sends(base, bound, Method.AUTO).method == "POST"


@pytest.mark.rule("O33")
def test_a_post_is_raw_der_under_its_media_type() -> None:
    send = sends(BASE, b"der", Method.POST)

    assert (send.method, send.url, send.body) == ("POST", BASE, b"der")
    assert send.headers["Content-Type"] == "application/ocsp-request"
    assert send.headers["Accept"] == "application/ocsp-response"


@pytest.mark.rule("O32")
def test_a_fragment_is_no_part_of_what_is_asked() -> None:
    assert get_url("http://ocsp.example/a/#top", b"der") == "http://ocsp.example/a/ZGVy"


@pytest.mark.rule("O32")
def test_a_url_with_a_query_is_posted_to() -> None:
    assert sends("http://ocsp.example/?ca=1", b"der", Method.GET).method == "POST"


@pytest.mark.rule("L1")
def test_the_first_question_names_the_certificate_by_sha256() -> None:
    outcome, _, _ = play([received(honest().der)])

    assert outcome.request is not None
    assert outcome.request.cert_ids[0].hash is HashAlgorithm.SHA256


@pytest.mark.rule("L13")
def test_no_question_bypasses_caches_by_itself() -> None:
    _, sent, _ = play([received(honest().der)])

    assert [sorted(send.headers) for send in sent] == [["Accept"]]


@pytest.mark.rule("O8")
def test_uris_are_used_in_order_and_unknown_schemes_passed_over() -> None:
    urls, passed = usable_urls(["ldap://a/", "http://b/", "HTTPS://c/", "mailto:d", "e"])

    assert urls == ("http://b/", "HTTPS://c/")
    assert [attempt.url for attempt in passed] == ["ldap://a/", "mailto:d", "e"]


@pytest.mark.rule("O8")
def test_a_certificate_can_make_a_client_ask_only_so_many() -> None:
    urls, passed = usable_urls(f"http://{n}/" for n in range(20))

    assert len(urls) == MAX_OCSP_URLS
    assert len(passed) == 20 - MAX_OCSP_URLS


@pytest.mark.rule("L8", "O8")
def test_a_dead_responder_is_tried_again_with_back_off_and_then_the_next() -> None:
    dead = [Failed("no connection")] * MAX_ATTEMPTS

    outcome, sent, waits = play([*dead, received(honest().der)], (BASE, OTHER))

    assert [send.url.partition("/M")[0] for send in sent] == [BASE.rstrip("/")] * 3 + [OTHER]
    assert waits == [BACK_OFF, BACK_OFF * 2]
    assert outcome.report is not None
    assert outcome.report.verdict is Verdict.GOOD
    assert len(outcome.attempts) == MAX_ATTEMPTS


@pytest.mark.rule("O11")
@pytest.mark.parametrize(
    "event", [received(status=503), received(status=429), error(OCSPResponseStatus.TRY_LATER)]
)
def test_try_later_in_ocsp_or_http_is_tried_later(event: Received) -> None:
    outcome, sent, waits = play([event, received(honest().der)])

    assert (len(sent), len(waits)) == (2, 1)
    assert outcome.report is not None
    assert outcome.report.verdict is Verdict.GOOD


@pytest.mark.parametrize(
    ("value", "wait"),
    [
        ("7", timedelta(seconds=7)),
        ("Sat, 21 Nov 2026 12:00:05 GMT", timedelta(seconds=5)),
        ("Sat, 21 Nov 2026 11:00:00 GMT", timedelta(0)),
        (str(int(MAX_BACK_OFF.total_seconds())), MAX_BACK_OFF),
        ("soon", BACK_OFF),
        ("Sat, 21 Nov 2026 12:00:05 +9999999999", BACK_OFF),
    ],
)
def test_retry_after_is_honoured_within_bounds(value: str, wait: timedelta) -> None:
    busy = received(status=503, retry_after=value)

    _, _, waits = play([busy, received(honest().der)])

    assert waits == [wait]


@pytest.mark.parametrize("value", ["31", "999999", "Sat, 21 Nov 2026 13:00:00 GMT"])
def test_who_asks_for_longer_than_we_wait_is_left_in_peace(value: str) -> None:
    busy = received(status=503, retry_after=value)

    outcome, sent, waits = play([busy, received(honest().der)], (BASE, OTHER))

    assert [send.url.startswith(OTHER) for send in sent] == [False, True]
    assert waits == []
    assert outcome.report is not None


def test_what_would_fail_again_is_not_tried_again() -> None:
    blocked = Failed("not fetched: 10.0.0.1 is not a public address", is_lasting=True)

    outcome, sent, waits = play([blocked, received(honest().der)], (BASE, OTHER))

    assert (len(sent), waits) == (2, [])
    assert outcome.report is not None


def test_after_the_time_limit_nothing_new_is_sent() -> None:
    assert AskPolicy().time_limit == ASK_TIME
    slow = [Failed("no answer in time")] * 4

    outcome, sent, _ = play(slow, (BASE, OTHER), lasts=ASK_TIME / 4)

    assert len(sent) == 4
    assert outcome.report is None
    assert outcome.attempts[-1].reason == "given up after 0:01:00"


def test_nobody_is_waited_for_past_the_time_limit() -> None:
    policy = AskPolicy(time_limit=timedelta(seconds=10))
    busy = received(status=503, retry_after="10")

    _, sent, waits = play([busy, received(honest().der)], (BASE, OTHER), policy)

    assert (len(sent), waits) == (2, [])


@pytest.mark.rule("L1")
@pytest.mark.parametrize(
    "status",
    [
        OCSPResponseStatus.UNAUTHORIZED,
        OCSPResponseStatus.MALFORMED_REQUEST,
        OCSPResponseStatus.INTERNAL_ERROR,
    ],
)
def test_a_responder_that_cannot_do_sha256_is_asked_by_sha1(status: OCSPResponseStatus) -> None:
    outcome, sent, waits = play([error(status), received(honest().der)])

    assert outcome.request is not None
    assert outcome.request.cert_ids[0].hash is HashAlgorithm.SHA1
    assert (len(sent), waits) == (2, [])


@pytest.mark.rule("L1", "O12")
def test_unknown_is_asked_again_by_sha1_and_elsewhere_and_stands_if_nobody_knows() -> None:
    unknown = received(honest().but(cert_status=Unknown()).der)

    outcome, sent, _ = play([unknown] * 4, (BASE, OTHER))

    assert len(sent) == 4
    assert outcome.report is not None
    assert outcome.report.verdict is Verdict.UNKNOWN


def test_the_hash_is_not_changed_where_the_policy_names_one() -> None:
    policy = AskPolicy(hashes=(HashAlgorithm.SHA256,))

    outcome, sent, _ = play([error(OCSPResponseStatus.UNAUTHORIZED)], policy=policy)

    assert len(sent) == 1
    assert outcome.report is not None
    assert outcome.report.verdict is Verdict.REFUSED


@pytest.mark.rule("O33")
@pytest.mark.parametrize("event", [received(status=404), received(status=405), received(b"<html>")])
def test_a_responder_that_knows_no_get_is_asked_by_post(event: Received) -> None:
    outcome, sent, _ = play([event, received(honest().der)])

    assert [send.method for send in sent] == ["GET", "POST"]
    assert outcome.report is not None
    assert outcome.report.verdict is Verdict.GOOD


@pytest.mark.rule("O33")
def test_post_is_tried_in_place_of_get_even_where_nothing_is_tried_twice() -> None:
    policy = AskPolicy(attempts=1)

    _, sent, _ = play([received(status=405), received(honest().der)], policy=policy)

    assert [send.method for send in sent] == ["GET", "POST"]


@pytest.mark.rule("L11")
@pytest.mark.parametrize("event", [received(status=404), received(b"<html>")])
def test_who_insists_on_get_gets_no_post(event: Received) -> None:
    policy = AskPolicy(method=Method.GET)

    _, sent, _ = play([event, event], (BASE, OTHER), policy)

    assert [send.method for send in sent] == ["GET", "GET"]


@pytest.mark.rule("N3", "L10")
@pytest.mark.parametrize(
    "status", [OCSPResponseStatus.MALFORMED_REQUEST, OCSPResponseStatus.INTERNAL_ERROR]
)
def test_who_cannot_bear_a_nonce_is_asked_without(status: OCSPResponseStatus) -> None:
    outcome, sent, _ = play(
        [error(status), error(status), received(honest().der)], nonces=(True, False)
    )

    assert len(sent) == 3
    assert outcome.request is not None
    assert outcome.request.nonce is None
    assert outcome.request.cert_ids[0].hash is HashAlgorithm.SHA256


@pytest.mark.rule("N4")
def test_a_nonce_that_is_required_is_never_left_out() -> None:
    malformed = error(OCSPResponseStatus.MALFORMED_REQUEST)

    outcome, sent, _ = play([malformed] * 2, nonces=(True,))

    assert len(sent) == 2
    assert outcome.request is not None
    assert outcome.request.nonce is not None


@pytest.mark.rule("N3")
def test_unauthorized_has_nothing_to_do_with_the_nonce() -> None:
    unauthorized = error(OCSPResponseStatus.UNAUTHORIZED)

    _, sent, _ = play([unauthorized] * 2, nonces=(True, False))

    assert len(sent) == 2


@pytest.mark.rule("O24")
def test_where_only_the_delegates_own_status_is_missing_nobody_else_is_asked() -> None:
    delegate = CA.issue_responder(nocheck=False, ocsp_uris=("http://delegate.example/",))
    answer = Forge.honest(CA, LEAF.certificate.serial_number, delegate)

    outcome, sent, _ = play([received(answer.der)], (BASE, OTHER))

    assert len(sent) == 1
    assert outcome.report is not None
    assert outcome.report.pending == delegate.certificate


@pytest.mark.rule("O33")
def test_an_ocsp_body_under_another_status_than_200_does_not_count() -> None:
    odd = received(honest().der, status=404)

    outcome, _, _ = play([odd, odd])

    assert outcome.report is None
    assert [attempt.reason for attempt in outcome.attempts] == ["HTTP status 404"] * 2


@pytest.mark.rule("L13")
def test_an_expired_answer_is_asked_for_once_more_past_the_caches() -> None:
    old = honest().but(this_update=NOW - timedelta(days=8), next_update=NOW - timedelta(days=1))

    outcome, sent, _ = play([received(old.der), received(honest().der)])

    assert "Cache-Control" not in sent[0].headers
    assert sent[1].headers["Cache-Control"] == "no-cache"
    assert outcome.report is not None
    assert outcome.report.verdict is Verdict.GOOD


@pytest.mark.rule("L13")
def test_and_not_a_third_time() -> None:
    old = honest().but(this_update=NOW - timedelta(days=8), next_update=NOW - timedelta(days=1))

    outcome, sent, _ = play([received(old.der)] * 2)

    assert len(sent) == 2
    assert outcome.report is not None
    assert outcome.report.verdict is Verdict.UNTRUSTED


@pytest.mark.rule("L13")
@pytest.mark.parametrize(
    "lie",
    [
        {"has_next_update": False},
        {"this_update": NOW - timedelta(hours=1), "next_update": NOW - timedelta(hours=2)},
        {"this_update": NOW + timedelta(days=1)},
        {"sign": lambda _: b"0"},
    ],
    ids=["no end", "end before start", "future", "signature"],
)
def test_no_cache_is_asked_for_only_where_an_answer_has_expired(lie: dict[str, object]) -> None:
    events = [received(honest().but(**lie).der)]
    has_expired = "next_update" in lie

    _, sent, _ = play(events * (2 if has_expired else 1))

    assert any("Cache-Control" in send.headers for send in sent) is has_expired


@pytest.mark.rule("L13")
def test_an_answer_older_than_the_policy_allows_counts_as_kept_by_a_cache() -> None:
    def strict(body: bytes, request: OCSPRequest) -> Report:
        return verify_response(
            body,
            issuer=CA.certificate,
            certificate=LEAF.certificate,
            request=request,
            now=NOW,
            policy=VerifyPolicy(max_age=timedelta(hours=1)),
        )

    old = honest().but(this_update=NOW - timedelta(hours=2))

    _, sent, _ = play([received(old.der), received(honest().der)], judge=strict)

    assert ["Cache-Control" in send.headers for send in sent] == [False, True]


@pytest.mark.parametrize(
    ("first", "second", "verdict"),
    [
        (Good(), None, Verdict.GOOD),
        (Unknown(), OCSPResponseStatus.TRY_LATER, Verdict.UNKNOWN),
    ],
)
def test_the_best_report_is_kept(
    first: CertStatus, second: OCSPResponseStatus | None, verdict: Verdict
) -> None:
    policy = AskPolicy(hashes=(HashAlgorithm.SHA256,), attempts=1)
    events = [received(honest().but(cert_status=first).der)]
    events += [] if second is None else [error(second)]

    outcome, _, _ = play(events, (BASE, OTHER), policy)

    assert outcome.report is not None
    assert outcome.report.verdict is verdict


def test_an_answer_not_to_be_believed_sends_the_question_elsewhere() -> None:
    lie = honest().but(sign=lambda _: b"\x30\x00").der

    outcome, sent, _ = play([received(lie), received(honest().der)], (BASE, OTHER))

    assert len(sent) == 2
    assert outcome.report is not None
    assert outcome.report.verdict is Verdict.GOOD
    assert "signature" in outcome.attempts[0].reason
