from __future__ import annotations

import asyncio
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import quote

import pytest

from certstatus.limits_hot import MAX_ECHOES, MAX_KNOWN_TIMES, MAX_SEEN
from certstatus.ocsp import (
    CertID,
    Extensions,
    Good,
    Nonce,
    Revoked,
    encode_request,
    parse_response,
)
from certstatus.pkix import AlgorithmIdentifier, CRLReason, HashAlgorithm
from certstatus.responder import (
    Authority,
    AuthorityPolicy,
    Cause,
    HotLane,
    HTTPRequest,
    NonceMode,
    Observer,
    OCSPFace,
    Refusal,
    RequestPolicy,
    Responder,
    SignedRequests,
    hot,
)
from certstatus.responder.exchange import HotReply
from certstatus.sources import Answer, Known
from certstatus.stores import StoredResponse, StoreKey
from tests.desk import CA, DAY, DELEGATE, HOUR, NOW, REVOKED, respond, signers
from tests.driving import drive

SERIAL = (1 << 64) + 5


class Book:
    """A source in memory, which may be made to wait."""

    name = "book"
    issuer = CA.certificate

    def __init__(self) -> None:
        self.status_now: Good | Revoked = Good()
        self.waits = False
        self._said: Answer | None = None

    def edition(self, now: object) -> object | None:
        del now
        return None if self.waits else self._say()

    def at_hand(self, serial_number: int, now: object) -> Answer | None:
        del serial_number, now
        return None if self.waits else self._say()

    async def status(self, cert_id: CertID, now: object) -> Answer:
        del cert_id, now
        return self._say()

    def _say(self) -> Answer:
        if not isinstance(self._said, Known) or self._said.cert_status is not self.status_now:
            self._said = Known(cert_status=self.status_now, this_update=NOW, origin=self.name)
        return self._said


@dataclass
class Board:
    """A shelf to look on."""

    entries: dict[bytes, bytes] = field(default_factory=dict)
    version: int = 1

    def at_hand(self, encoded_key: bytes) -> bytes | None:
        return self.entries.get(encoded_key)

    async def get(self, key: StoreKey) -> StoredResponse | None:
        entry = self.entries.get(key.encode())
        return None if entry is None else StoredResponse.decode(entry, key)

    def offer(self, key: StoreKey, response: StoredResponse) -> None:
        self.entries[key.encode()] = response.encode(key)
        self.version += 1


class Desk:
    """A responder with its lane."""

    def __init__(
        self,
        *,
        shelf: Board | None = None,
        requests: RequestPolicy = RequestPolicy(),  # noqa: B008 - frozen
        admit: Callable[[], bool] = lambda: True,
        observe: Observer = lambda _: None,
        is_told: bool = True,
        policy: AuthorityPolicy = AuthorityPolicy(),  # noqa: B008 - frozen
    ) -> None:
        self.book = Book()
        self.authority = Authority(
            name="Desk CA",
            issuer=CA.certificate,
            source=self.book,
            signers=signers(DELEGATE),
            policy=policy,
        )
        self.responder = Responder(
            [self.authority], shelf=shelf, requests=requests, admit=admit, observe=observe
        )
        self.face = OCSPFace(self.responder)
        self.lane = HotLane(self.responder, admit=self.face.admit, is_told=is_told)

    def stored(self, message: bytes, now: datetime = NOW) -> HotReply | None:
        """Ask the lane in a turn of the event loop of its own."""
        return self.lane.stored(message, now.replace())

    def warm(self, serial_number: int = SERIAL) -> bytes:
        """Have an answer signed on the full path; return it."""
        return respond(self.responder, asking(serial_number)).der


def asking(serial_number: int = SERIAL, nonce: bytes | None = None) -> bytes:
    made = CertID.of(CA.certificate, serial_number, HashAlgorithm.SHA1)
    usual = AlgorithmIdentifier(HashAlgorithm.SHA1.oid, b"\x05\x00")
    cert_id = CertID(usual, made.issuer_name_hash, made.issuer_key_hash, serial_number)
    extensions = Extensions() if nonce is None else Extensions.of(Nonce(nonce))
    return encode_request([cert_id], request_extensions=extensions)


def get(der: bytes) -> bytes:
    return b"GET /%b HTTP/1.1\r\nHost: a\r\n\r\n" % quote(b64encode(der), safe="").encode()


def post(der: bytes) -> bytes:
    head = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Type: application/ocsp-request\r\n"
    return head + b"Content-Length: %d\r\n\r\n%b" % (len(der), der)


def body(answer: HotReply | None) -> bytes:
    assert answer is not None
    return answer[0].partition(b"\r\n\r\n")[2]


@pytest.mark.rule("O32")
def test_get_and_post_find_the_same_answer() -> None:
    desk = Desk()
    signed = desk.warm()

    for message in (get(asking()), post(asking())):
        assert body(desk.stored(message)) == signed
        assert desk.lane.live(message, NOW) is None


def test_what_nobody_has_signed_yet_is_declined() -> None:
    desk = Desk()

    assert desk.stored(get(asking())) is None
    assert desk.lane.live(get(asking()), NOW) is None


@pytest.mark.rule("N3", "L13")
def test_a_nonce_is_answered_live_and_not_by_caches() -> None:
    desk = Desk()
    message = get(asking(nonce=b"n" * 32))

    assert desk.stored(message) is None
    answer = desk.lane.live(message, NOW)

    assert answer is not None
    assert b"cache-control: no-store\r\n" in answer[0]
    basic = parse_response(body(answer)).basic
    assert basic is not None
    assert basic.tbs_response_data.response_extensions.get(Nonce) == Nonce(b"n" * 32)


@pytest.mark.rule("L4")
def test_where_nonces_are_ignored_one_answer_serves_all() -> None:
    desk = Desk(policy=AuthorityPolicy(nonce=NonceMode.IGNORE))
    signed = desk.warm()

    assert body(desk.stored(get(asking(nonce=b"n" * 32)))) == signed
    assert desk.lane.live(get(asking(nonce=b"n" * 32)), NOW) is None


def test_where_a_nonce_is_required_a_request_without_one_is_declined() -> None:
    desk = Desk(policy=AuthorityPolicy(nonce=NonceMode.REQUIRE))

    assert desk.stored(get(asking())) is None
    assert desk.lane.live(get(asking(nonce=b"n" * 32)), NOW) is not None


@pytest.mark.rule("O2", "L2")
def test_where_requests_must_be_signed_the_lane_declines_all() -> None:
    desk = Desk(requests=RequestPolicy(signatures=SignedRequests.REQUIRE))

    assert desk.lane.live(get(asking(nonce=b"n" * 32)), NOW) is None


@pytest.mark.rule("O12")
def test_the_source_wins_at_once() -> None:
    desk = Desk()
    desk.warm()
    assert desk.stored(get(asking())) is not None

    desk.book.status_now = REVOKED

    assert desk.stored(get(asking())) is None


def test_a_source_that_waits_is_asked_on_the_full_path() -> None:
    desk = Desk()
    desk.warm()
    desk.book.waits = True

    assert desk.stored(get(asking())) is None
    assert desk.lane.live(get(asking(nonce=b"n")), NOW) is None


def test_the_lane_tells_what_is_stored_as_a_rule() -> None:
    """Also where nothing is at hand: such requests wait in a line of their own."""
    desk = Desk()
    desk.book.waits = True
    for message, is_of_stored in (
        (get(asking()), True),
        (get(asking(nonce=b"n")), False),
        (get(b"junk"), False),
        (post(asking()), True),
    ):
        assert desk.stored(message) is None
        assert desk.lane.is_of_stored is is_of_stored


def test_a_source_of_another_ca_is_never_asked() -> None:
    desk = Desk()
    desk.book.issuer = DELEGATE.certificate
    lane = HotLane(Responder([desk.authority]), admit=lambda *_: None)

    assert lane.live(get(asking(nonce=b"n")), NOW) is None


def test_an_answer_that_is_to_be_signed_anew_is_declined() -> None:
    desk = Desk(policy=AuthorityPolicy(refresh=HOUR))
    desk.warm()

    assert desk.stored(get(asking()), NOW + HOUR - timedelta(seconds=1)) is not None
    assert desk.stored(get(asking()), NOW + HOUR) is None
    assert desk.stored(get(asking()), NOW - timedelta(seconds=1)) is None


def test_the_budget_for_signing_counts_here_as_well() -> None:
    allowed = [True, False]
    heard: list[Refusal] = []
    desk = Desk(admit=lambda: allowed.pop(0), observe=heard.append)

    assert desk.lane.live(get(asking(nonce=b"n")), NOW) is not None
    refused = desk.lane.live(get(asking(nonce=b"n")), NOW)
    assert not allowed
    allowed.append(False)
    target = get(asking(nonce=b"n")).split()[1]
    fully = asyncio.run(desk.face.reply(HTTPRequest(b"GET", target, (), b""), NOW))
    assert refused is not None
    assert refused[1] == fully
    assert fully.facts["cause"] == "overload"
    assert body(refused) == fully.body
    assert [one.cause for one in heard] == [Cause.OVERLOAD] * 2


def test_many_may_wait_for_their_turn_and_each_gets_its_own_answer() -> None:
    desk = Desk()
    asked = [get(asking(SERIAL + number, b"%08d" % number)) for number in range(MAX_SEEN + 9)]
    for message in asked:
        assert desk.stored(message) is None
        assert len(desk.lane._seen) <= MAX_SEEN

    for number, message in enumerate(asked):
        basic = parse_response(body(desk.lane.live(message, NOW))).basic
        assert basic is not None
        data = basic.tbs_response_data
        assert data.response_extensions.get(Nonce) == Nonce(b"%08d" % number)
        assert data.responses[0].cert_id.serial_number == SERIAL + number
    assert not desk.lane._seen


def test_a_signer_that_fails_is_left_to_the_full_path() -> None:
    desk = Desk()

    assert desk.lane.live(get(asking(nonce=b"n")), NOW + 9999 * DAY) is None


@pytest.mark.parametrize("is_told", [True, False])
def test_listeners_hear_what_they_hear_of_the_full_path(is_told: bool) -> None:
    desk = Desk(is_told=is_told)
    signed = desk.warm()

    answer = desk.stored(get(asking()))

    assert answer is not None
    reply = answer[1]
    assert reply.facts["lane"] == "cached"
    assert reply.facts["certStatus"] == "good"
    assert ("serial" in reply.facts) is is_told
    assert reply.body == (signed if is_told else b"")


# --- what came before in the same octets -------------------------------------------------------


def echoing() -> tuple[Desk, bytes, HotReply]:
    """Make a desk with the message that it was asked, and the answer that is given again.

    It comes out of the store twice, since what is asked for once is not remembered; then out of
    the memory, and from then on it is the same.
    """
    desk, _ = stocked(range(SERIAL, SERIAL + 1))
    message = post(asking())
    *found, given = [desk.stored(message) for _ in range(3)]
    assert given is not None
    assert [one[1].facts["store"] for one in found if one] == ["found"] * 2
    assert "store" not in given[1].facts
    assert desk.stored(message) is given
    return desk, message, given


def test_the_same_octets_have_the_same_answer_all_the_second() -> None:
    desk, message, given = echoing()

    assert desk.stored(message, NOW + timedelta(milliseconds=999)) is given
    assert desk.lane.is_of_stored
    assert desk.stored(message, NOW + timedelta(seconds=1)) is not given
    assert desk.stored(message, NOW - timedelta(milliseconds=1)) is not given


@pytest.mark.rule("O12")
def test_an_echo_ends_with_the_edition_of_the_source() -> None:
    desk, message, _ = echoing()

    desk.book.status_now = REVOKED
    assert desk.stored(message) is None
    desk.book.waits = True
    assert desk.stored(message) is None


def test_an_echo_ends_when_the_store_changes_and_when_answers_are_forgotten() -> None:
    desk, message, given = echoing()
    board = desk.responder.shelf
    assert isinstance(board, Board)
    board.version += 1
    again = desk.stored(message)
    assert again is not None
    assert again[1].facts["store"] == "found"

    desk, message, given = echoing()
    desk.responder.forget([SERIAL + 1])
    again = desk.stored(message)
    assert again == given
    assert again is not given


def test_what_has_a_nonce_is_no_echo_though_nonces_be_ignored() -> None:
    desk = Desk(policy=AuthorityPolicy(nonce=NonceMode.IGNORE))
    desk.warm()
    message = get(asking(nonce=b"n" * 32))

    assert desk.stored(message) is not desk.stored(message)


def test_no_more_echoes_are_kept_than_may_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("certstatus.responder.echo.MAX_ECHOES", 3)
    desk = Desk()
    for number in range(7):
        desk.warm(SERIAL + number)
        message = post(asking(SERIAL + number))
        assert desk.stored(message) is desk.stored(message)
        assert len(desk.lane._echoes._echoes) <= 3
    assert MAX_ECHOES > 3


# --- the store -----------------------------------------------------------------------------


def stocked(serials: range, status: Good | Revoked = Good()) -> tuple[Desk, Board]:  # noqa: B008
    """Make a desk whose store holds answers, and whose memory holds none."""
    board = Board()
    desk = Desk(shelf=board)
    desk.book.status_now = status
    for serial_number in serials:
        key, stored = drive(
            desk.responder.produce(
                desk.authority, serial_number, HashAlgorithm.SHA1, signers(DELEGATE)[0], NOW
            )
        )
        board.offer(key, stored)
    return desk, board


@pytest.mark.parametrize(
    "status",
    [Good(), REVOKED, Revoked(NOW - DAY), Revoked(NOW, CRLReason.CERTIFICATE_HOLD)],
    ids=["good", "revoked", "no reason", "hold"],
)
def test_a_stored_answer_is_given_while_the_source_says_the_same(status: Good | Revoked) -> None:
    desk, board = stocked(range(SERIAL, SERIAL + 2), status)

    assert body(desk.stored(post(asking()))) in next(iter(board.entries.values()))
    desk.book.status_now = Good() if isinstance(status, Revoked) else REVOKED
    assert desk.stored(post(asking())) is None


def test_a_change_of_the_store_is_seen_at_once() -> None:
    desk, board = stocked(range(SERIAL, SERIAL + 1))
    first = body(desk.stored(post(asking())))
    later = NOW + HOUR
    key, stored = drive(
        desk.responder.produce(
            desk.authority, SERIAL, HashAlgorithm.SHA1, signers(DELEGATE)[0], later
        )
    )

    board.offer(key, stored)

    assert body(desk.stored(post(asking()), later)) == stored.der != first


@pytest.mark.parametrize("spoil", ["another's", "a broken one", "an empty one"])
def test_an_entry_that_does_not_say_what_is_asked_is_not_given(spoil: str) -> None:
    desk, board = stocked(range(SERIAL, SERIAL + 2))
    (mine, theirs) = board.entries
    entry = board.entries[mine]
    if spoil == "another's":
        stored = StoredResponse.decode(board.entries[theirs], StoreKey.decode(theirs))
        board.entries[mine] = stored.encode(StoreKey.decode(mine))
    else:
        board.entries[mine] = entry[:-5] + b"\0" + entry[-4:] if spoil == "a broken one" else b""

    assert desk.stored(post(asking())) is None
    assert desk.stored(post(asking(SERIAL + 1))) is not None


def test_an_answer_with_other_times_than_its_entry_tells_is_not_given() -> None:
    desk, board = stocked(range(SERIAL, SERIAL + 1))
    (key,) = board.entries
    stored = StoredResponse.decode(board.entries[key], StoreKey.decode(key))
    for wrong in (
        {"this_update": stored.this_update - HOUR},
        {"next_update": stored.next_update + HOUR},
        {"produced_at": stored.produced_at - HOUR},
    ):
        fields = {name: getattr(stored, name) for name in StoredResponse.__slots__}
        board.entries[key] = StoredResponse(**fields | wrong).encode(StoreKey.decode(key))
        assert desk.stored(post(asking())) is None


def test_no_more_times_are_kept_as_text_than_may_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("certstatus.responder.hot.MAX_KNOWN_TIMES", 3)
    desk, board = stocked(range(SERIAL, SERIAL + 1))
    (key,) = board.entries
    for second in range(7):
        now = NOW + timedelta(seconds=second)
        _, stored = drive(
            desk.responder.produce(
                desk.authority, SERIAL, HashAlgorithm.SHA1, signers(DELEGATE)[0], now
            )
        )
        board.offer(StoreKey.decode(key), stored)
        assert desk.stored(post(asking()), now) is not None
        assert len(desk.lane._times) <= 3
    assert MAX_KNOWN_TIMES > 3


def test_the_hot_path_stays_short_enough_to_be_read_at_one_go() -> None:
    assert hot.__file__ is not None
    assert len(Path(hot.__file__).read_text("utf-8").splitlines()) < 300
