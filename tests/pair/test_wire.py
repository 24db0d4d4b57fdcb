"""Our TLS client and our TLS server: what each says of status, the other sees as it was said."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import pytest

from certstatus.errors import UnreachableError
from certstatus.handshake import (
    TLS12,
    TLS13,
    CertificateStatusRequest,
    HandshakeType,
    OCSPStatusRequest,
    Sender,
    check_flight,
)
from certstatus.limits_tls import MAX_TLS13_STAPLE_BYTES
from certstatus.ocsp import ByKey, ByName, Extensions, Nonce
from certstatus.tls.wire import Manner, WireConnection
from certstatus.verify import Outcome
from tests.wiring import (
    ASKED,
    CALLING,
    CHAIN,
    CLIENT_STAPLE,
    MULTI,
    ROOT,
    SINGLE,
    STAPLES,
    Pair,
    flight_of,
    serving,
    shake_hands,
)

VERSIONS: Final = pytest.mark.parametrize("version", [TLS12, TLS13], ids=["TLS 1.2", "TLS 1.3"])


def failures(pair: Pair) -> list[tuple[str, str]]:
    """The rules broken in a handshake, each with the number of its alert."""
    return [
        (check.rule, check.facts["alert"])
        for check in check_flight(pair.flight)
        if check.outcome is Outcome.FAIL
    ]


# --- the right way ---------------------------------------------------------------------------


@VERSIONS
@pytest.mark.rule("T3", "T5")
def test_both_sides_see_the_same_handshake(version: int) -> None:
    pair = shake_hands(serving(*STAPLES), versions=(version,))

    assert isinstance(pair.client, WireConnection)
    assert isinstance(pair.server, WireConnection)
    assert pair.client.flight.messages == pair.server.flight.messages
    assert pair.client.version == pair.server.version == version
    assert pair.client.flight.chain == tuple(one.der for one in CHAIN)
    assert failures(pair) == []


@pytest.mark.rule("T3")
def test_tls_1_2_staples_the_servers_certificate_after_certificate() -> None:
    flight = shake_hands(serving(*STAPLES), versions=(TLS12,)).flight

    sent = [one.type for one in flight.messages if one.sender is Sender.SERVER]
    assert sent[:4] == [
        HandshakeType.SERVER_HELLO,
        HandshakeType.CERTIFICATE,
        HandshakeType.CERTIFICATE_STATUS,
        HandshakeType.SERVER_KEY_EXCHANGE,
    ]
    assert flight.is_promised
    assert flight.staples == (STAPLES[0], None)


@pytest.mark.rule("T5")
def test_tls_1_3_staples_every_certificate_in_its_entry() -> None:
    assert shake_hands(serving(*STAPLES), versions=(TLS13,)).flight.staples == STAPLES


@VERSIONS
@pytest.mark.rule("T3", "T5")
def test_nothing_is_stapled_to_a_client_that_does_not_ask(version: int) -> None:
    pair = shake_hands(serving(*STAPLES), versions=(version,), status_request=None)

    assert not pair.flight.is_promised
    assert pair.flight.staples == (None, None)
    assert failures(pair) == []


@VERSIONS
@pytest.mark.rule("T3", "T5")
def test_a_server_without_responses_promises_and_staples_nothing(version: int) -> None:
    pair = shake_hands(serving(), versions=(version,))

    assert not pair.flight.is_promised
    assert pair.flight.staples == (None, None)
    assert failures(pair) == []


@pytest.mark.rule("T5")
def test_tls_1_3_staples_what_there_is_where_it_belongs() -> None:
    flight = shake_hands(serving(b"", STAPLES[1]), versions=(TLS13,)).flight

    assert flight.staples == (None, STAPLES[1])


@pytest.mark.parametrize(
    ("asked", "staples"),
    [
        ((MULTI,), STAPLES),
        ((MULTI, SINGLE), STAPLES),
        ((SINGLE, MULTI), (STAPLES[0], None)),
        ((SINGLE,), (STAPLES[0], None)),
    ],
    ids=["multi", "multi, then single", "single, then multi", "single"],
)
@pytest.mark.parametrize("beside", [None, ASKED], ids=["v2 alone", "both"])
@pytest.mark.rule("T9")
def test_status_request_v2_is_answered_by_the_clients_preference(
    asked: tuple[Any, ...],
    staples: tuple[bytes | None, ...],
    beside: CertificateStatusRequest | None,
) -> None:
    pair = shake_hands(
        serving(*STAPLES), versions=(TLS12,), status_request=beside, status_request_v2=asked
    )

    assert pair.flight.staples == staples
    assert failures(pair) == []


@pytest.mark.rule("T9")
def test_an_empty_slot_stands_for_a_certificate_without_response() -> None:
    pair = shake_hands(
        serving(b"", STAPLES[1]),
        versions=(TLS12,),
        status_request=None,
        status_request_v2=(MULTI, SINGLE),
    )

    assert pair.flight.staples == (None, STAPLES[1])
    assert failures(pair) == []


@pytest.mark.rule("T9")
def test_tls_1_3_tolerates_status_request_v2_and_does_not_act_on_it() -> None:
    pair = shake_hands(
        serving(*STAPLES), versions=(TLS13,), status_request=None, status_request_v2=(MULTI,)
    )

    assert pair.flight.asked_v2 == (MULTI,)
    assert pair.flight.staples == (None, None)
    assert failures(pair) == []


@VERSIONS
@pytest.mark.rule("T1")
def test_the_server_sees_which_responders_the_client_trusts_and_what_it_adds(version: int) -> None:
    question = OCSPStatusRequest(
        responder_id_list=(
            ByKey.of(ROOT.certificate),
            ByName(ROOT.certificate.subject),
        ),
        request_extensions=Extensions.of(Nonce(bytes(range(32)))),
    )
    heard = []
    honest = serving(*STAPLES)

    def choose(hello: Any) -> Any:
        heard.append(hello.status_request)
        return honest(hello)

    asked = CertificateStatusRequest(question)
    pair = shake_hands(choose, versions=(version,), status_request=asked)

    assert heard == [asked]
    assert pair.flight.asked == asked


@pytest.mark.rule("T7")
def test_a_staple_that_does_not_fit_into_tls_1_3_is_left_out_whole() -> None:
    fits = STAPLES[0].ljust(MAX_TLS13_STAPLE_BYTES, b"\0")

    assert shake_hands(serving(fits), versions=(TLS13,)).flight.staples[0] == fits
    too_long = serving(fits + b"\0", STAPLES[1])
    assert shake_hands(too_long, versions=(TLS13,)).flight.staples == (None, STAPLES[1])
    assert shake_hands(too_long, versions=(TLS12,)).flight.staples == (fits + b"\0", None)


# --- the client's own certificate ----------------------------------------------------------------


@pytest.mark.rule("T6")
def test_a_client_staples_its_own_certificate_where_the_server_asks() -> None:
    pair = shake_hands(
        serving(*STAPLES),
        versions=(TLS13,),
        credentials=CALLING,
        client_staples=(CLIENT_STAPLE,),
        accepting={"request_client_status": True},
    )

    (request,) = pair.flight.certificate_requests
    found = request.extension(5)
    assert found is not None
    assert found.data == b""
    assert pair.flight.client_chain == tuple(one.der for one in CALLING.chain)
    assert pair.flight.client_staples == (CLIENT_STAPLE, None)
    assert failures(pair) == []


@VERSIONS
@pytest.mark.rule("T6")
def test_a_client_with_nothing_to_show_is_let_in(version: int) -> None:
    pair = shake_hands(serving(), versions=(version,), accepting={"request_client_status": True})

    assert isinstance(pair.server, WireConnection)
    assert pair.flight.client_chain == ()
    assert failures(pair) == []


@pytest.mark.rule("T6")
def test_a_client_of_tls_1_2_shows_its_certificate_without_a_staple() -> None:
    pair = shake_hands(
        serving(),
        versions=(TLS12,),
        credentials=CALLING,
        client_staples=(CLIENT_STAPLE,),
        accepting={"request_client_status": True},
    )

    assert pair.flight.client_chain == tuple(one.der for one in CALLING.chain)
    assert pair.flight.client_staples == (None, None)
    assert failures(pair) == []


# --- the wrong ways --------------------------------------------------------------------------

V1: Final[Mapping[str, Any]] = {"status_request": ASKED}
V2: Final[Mapping[str, Any]] = {"status_request": None, "status_request_v2": (MULTI,)}
BOTH: Final[Mapping[str, Any]] = {"status_request": ASKED, "status_request_v2": (MULTI,)}
NONE: Final[Mapping[str, Any]] = {"status_request": None}
ASKS: Final = {"v1": V1, "v2": V2, "both": BOTH, "none": NONE}

UNEXPECTED, ILLEGAL, DECODE, UNSUPPORTED = (
    "unexpected_message(10)",
    "illegal_parameter(47)",
    "decode_error(50)",
    "unsupported_extension(110)",
)


@dataclass(frozen=True)
class Seen:
    """Which rule a manner breaks, by how the client asks; none for what is not listed."""

    v1: tuple[str, str] | None = None
    v2: tuple[str, str] | None = None
    both: tuple[str, str] | None = None
    none: tuple[str, str] | None = None


def in_all(rule: str, alert: str) -> Seen:
    return Seen(v1=(rule, alert), v2=(rule, alert), both=(rule, alert))


TLS12_BREAKS: Final[Mapping[Manner, Seen]] = {
    Manner.HONEST: Seen(),
    Manner.PROMISED_ABSENT: Seen(),
    Manner.UNSOLICITED: Seen(*[("T3", UNEXPECTED)] * 4),
    Manner.PROMISED_UNASKED: Seen(
        v1=("T9", UNSUPPORTED), v2=("T3", UNSUPPORTED), none=("T3", UNSUPPORTED)
    ),
    Manner.PROMISE_NOT_EMPTY: Seen(v1=("T3", DECODE), v2=("T9", DECODE), both=("T9", DECODE)),
    Manner.MISPLACED: in_all("T3", UNEXPECTED),
    Manner.TOO_EARLY: in_all("T3", UNEXPECTED),
    Manner.TWICE: in_all("T3", UNEXPECTED),
    Manner.NO_BODY: in_all("T3", DECODE),
    Manner.EMPTY: in_all("T3", DECODE),
    Manner.TRAILING_BYTES: in_all("T3", DECODE),
    Manner.LYING_LENGTH: in_all("T3", DECODE),
    Manner.UNKNOWN_TYPE: in_all("T3", DECODE),
    Manner.OVERSIZE: Seen(),
    Manner.MULTI_FOR_SINGLE: Seen(v1=("T9", ILLEGAL), both=("T9", ILLEGAL)),
    Manner.V2_SINGLE_FOR_MULTI: Seen(v2=("T3", ILLEGAL), both=("T3", ILLEGAL)),
    Manner.V2_TOO_MANY: Seen(v2=("T9", ILLEGAL), both=("T9", ILLEGAL)),
    Manner.V2_EMPTY_LIST: Seen(v2=("T3", DECODE), both=("T3", DECODE)),
}


def in_tls13(rule: str, alert: str) -> Seen:
    """TLS 1.3 knows status_request alone."""
    return Seen(v1=(rule, alert), both=(rule, alert))


TLS13_BREAKS: Final[Mapping[Manner, Seen]] = {
    Manner.HONEST: Seen(),
    Manner.PROMISED_ABSENT: Seen(),
    Manner.UNSOLICITED: Seen(v2=("T5", UNSUPPORTED), none=("T5", UNSUPPORTED)),
    Manner.MISPLACED: in_tls13("T5", ILLEGAL),
    Manner.TOO_EARLY: in_tls13("T5", ILLEGAL),
    Manner.MESSAGE_IN_TLS13: in_tls13("T5", UNEXPECTED),
    Manner.TWICE: in_tls13("T5", ILLEGAL),
    Manner.NO_BODY: in_tls13("T5", DECODE),
    Manner.EMPTY: in_tls13("T5", DECODE),
    Manner.TRAILING_BYTES: in_tls13("T5", DECODE),
    Manner.LYING_LENGTH: in_tls13("T5", DECODE),
    Manner.UNKNOWN_TYPE: in_tls13("T5", DECODE),
    Manner.OVERSIZE: Seen(),
    Manner.MULTI_FOR_SINGLE: in_tls13("T5", ILLEGAL),
    Manner.V2_IN_TLS13: Seen(v1=("T9", UNSUPPORTED), both=("T9", ILLEGAL)),
}

CASES: Final = [
    pytest.param(version, manner, ask, getattr(seen, ask), id=f"{name}, {manner}, {ask}")
    for version, name, breaks in ((TLS12, "1.2", TLS12_BREAKS), (TLS13, "1.3", TLS13_BREAKS))
    for manner, seen in breaks.items()
    for ask in ASKS
]


@pytest.mark.parametrize(("version", "manner", "ask", "broken"), CASES)
@pytest.mark.rule("T3", "T5", "T9")
def test_a_wrong_way_breaks_one_rule_and_no_other(
    version: int, manner: Manner, ask: str, broken: tuple[str, str] | None
) -> None:
    pair = shake_hands(serving(*STAPLES, manner=manner), versions=(version,), **ASKS[ask])

    assert failures(pair) == ([] if broken is None else [broken])


@pytest.mark.parametrize(
    ("version", "breaks"), [(TLS12, TLS12_BREAKS), (TLS13, TLS13_BREAKS)], ids=["1.2", "1.3"]
)
def test_every_wrong_way_of_a_version_is_tried(version: int, breaks: Mapping[Manner, Seen]) -> None:
    assert {one for one in Manner if version in one.versions} == breaks.keys()
    for manner, seen in breaks.items():
        assert manner.needs_v2 == (seen.v1 is None and seen.v2 is not None and seen.none is None)


@pytest.mark.parametrize(
    ("version", "manner"),
    [
        pytest.param(version, manner, id=f"{name}, {manner}")
        for version, name, breaks in ((TLS12, "1.2", TLS12_BREAKS), (TLS13, "1.3", TLS13_BREAKS))
        for manner in breaks
        if manner is not Manner.MESSAGE_IN_TLS13
    ],
)
@pytest.mark.rule("T3", "T5")
def test_our_client_goes_on_to_see_everything_however_wrong(version: int, manner: Manner) -> None:
    pair = shake_hands(serving(*STAPLES, manner=manner), versions=(version,), **BOTH)

    assert isinstance(pair.client, WireConnection)
    assert isinstance(pair.server, WireConnection)
    assert pair.client.flight.messages == pair.flight.messages


@pytest.mark.rule("T5")
def test_our_client_ends_the_handshake_for_a_status_message_in_tls_1_3() -> None:
    pair = shake_hands(serving(*STAPLES, manner=Manner.MESSAGE_IN_TLS13), versions=(TLS13,))

    assert isinstance(pair.client, UnreachableError)
    assert isinstance(pair.server, UnreachableError)
    assert pair.server.alert == 10
    seen = check_flight(flight_of(pair.client))
    assert [check.rule for check in seen if check.outcome is Outcome.FAIL] == ["T5"]


@pytest.mark.rule("T9")
def test_what_has_no_meaning_in_a_version_is_done_honestly() -> None:
    pair = shake_hands(serving(*STAPLES, manner=Manner.V2_TOO_MANY), versions=(TLS13,))

    assert pair.flight.staples == STAPLES
    assert failures(pair) == []
