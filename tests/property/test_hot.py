"""The hot lane beside the full path: it answers the same octets, or declines.

Every request goes both ways, as the octets that a client sends. Keys are Ed25519, whose
signatures are the same each time, so live answers are compared whole as well.
"""

from __future__ import annotations

import random
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from urllib.parse import quote

import pytest
import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.x509 import ObjectIdentifier

from certstatus.errors import MalformedError
from certstatus.ocsp import (
    CertID,
    Extension,
    Extensions,
    Good,
    Nonce,
    Request,
    Revoked,
    encode_request,
)
from certstatus.pkix import AlgorithmIdentifier, Certificate, CRLReason, HashAlgorithm
from certstatus.responder import (
    Authority,
    AuthorityPolicy,
    HotLane,
    HTTPReply,
    NonceMode,
    OCSPFace,
    Responder,
    UnlistedMode,
)
from certstatus.server.http import Server
from certstatus.server.reading import Reader, Turn
from certstatus.sources import Answer, Known, NotOurs, Unlisted
from certstatus.stores import StoredResponse, StoreKey
from certstatus.testing import TinyCA
from tests.desk import CA, DAY, HOUR, NOW, signers
from tests.driving import drive

REQUESTS = 25_000
"""By each of four histories."""
AT_ONCE = 1_000
"""Questions in one world; then another is made, with other policies and another history."""

SIGNERS = signers(CA.issue_responder(key=Ed25519PrivateKey.generate()))
UNKNOWN = ObjectIdentifier("1.3.6.1.4.1.99999.1")
STRANGER = TinyCA("Stranger CA")
SERIALS = [1, 0x7F, 0x80, 0xFF, 1 << 63, (1 << 64) - 1, 1 << 127, (1 << 159) - 1, 0, -5, 1 << 200]


class Books:
    """A source that mostly knows at once."""

    name = "books"
    issuer: Certificate | None = CA.certificate

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self.book: dict[int, Good | Revoked] = dict.fromkeys(SERIALS[:8], Good())
        self.until: datetime | None = None
        self._shared: dict[tuple[datetime, bool], Answer] = {}
        self._edition = object()

    def turn_a_page(self, now: datetime) -> None:
        """Change something."""
        serial = self.chance.choice(SERIALS)
        match self.chance.randrange(6):
            case 0 | 1 | 2:
                self.book[serial] = Good()
            case 3:
                reason = self.chance.choice([None, *CRLReason][:7])
                since = now.replace(microsecond=0) - self.chance.randrange(3) * HOUR
                self.book[serial] = Revoked(since, reason)
            case 4:
                self.book.pop(serial, None)
            case _:
                self.until = self.chance.choice([None, NOW + 2 * DAY, NOW + 3 * DAY])
        self._shared.clear()
        self._edition = object()

    def edition(self, now: datetime) -> object | None:
        """Return another one after each change."""
        del now
        return None if self.chance.random() < 0.01 else self._edition

    def at_hand(self, serial_number: int, now: datetime) -> Answer | None:
        """Say what the book says, as sources are to."""
        return None if self.chance.random() < 0.01 else self._say(serial_number, now)

    async def status(self, cert_id: CertID, now: datetime) -> Answer:
        """Say what the book says."""
        if not cert_id.names_issuer(CA.certificate):
            return NotOurs(origin=self.name)
        return self._say(cert_id.serial_number, now)

    def _say(self, serial_number: int, now: datetime) -> Answer:
        status = self.book.get(serial_number)
        if isinstance(status, Revoked):
            return Known(
                cert_status=status, this_update=now, next_update=self.until, origin=self.name
            )
        key = (now, status is None)
        if key not in self._shared:
            known = {"this_update": now, "next_update": self.until, "origin": self.name}
            self._shared[key] = (
                Unlisted(**known, lists_issued=True)  # type: ignore[arg-type]
                if status is None
                else Known(cert_status=status, **known)  # type: ignore[arg-type]
            )
        return self._shared[key]


@dataclass
class Drawer:
    """A shelf that is written to by hand."""

    entries: dict[bytes, bytes] = field(default_factory=dict)
    version: int = 1

    def at_hand(self, encoded_key: bytes) -> bytes | None:
        """Return an entry."""
        return self.entries.get(encoded_key)

    async def get(self, key: StoreKey) -> StoredResponse | None:
        """Return an entry, read."""
        entry = self.entries.get(key.encode())
        try:
            return None if entry is None else StoredResponse.decode(entry, key)
        except MalformedError:
            return None

    def offer(self, key: StoreKey, response: StoredResponse) -> None:
        """Take nothing: both ways are to find the same."""


class World:
    """One authority, answered for on both ways; what one remembers, the other does not see."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self.now = NOW
        self.books = Books(chance)
        self.shelf = Drawer() if chance.random() < 0.7 else None
        self.path = chance.choice(["/", "/ocsp"])
        self.authority = Authority(
            name="books",
            issuer=CA.certificate,
            source=self.books,
            signers=SIGNERS,
            policy=AuthorityPolicy(
                nonce=chance.choice([NonceMode.IGNORE, *[NonceMode.ECHO] * 3, NonceMode.REQUIRE]),
                unlisted=chance.choice(list(UnlistedMode)),
                dual_hash=chance.random() < 0.3,
                refresh=chance.choice([None, HOUR]),
            ),
        )
        self.hot_way, self.full_way = self._way(), self._way()
        self.given: dict[bytes, HTTPReply] = {}

    def _way(self) -> Way:
        return Way(Responder([self.authority], shelf=self.shelf), self.path)

    def move(self) -> None:
        """Let time pass, a status change, an answer be stored, or one in the store be spoilt."""
        match self.chance.randrange(6):
            case 0:
                self.now += timedelta(seconds=self.chance.choice([0.3, 1, 600, 90_000]))
            case 1:
                self.books.turn_a_page(self.now)
            case 2 | 3:
                self._store()
            case 4:
                self._spoil()
            case _:
                pass

    def _store(self) -> None:
        if self.shelf is None:
            return
        serial = self.chance.choice([one for one in SERIALS if one >= 0])
        hashed = self.chance.choice(list(HashAlgorithm))
        made = self.hot_way.responder.produce(
            self.authority, serial, hashed, SIGNERS[0], self.now,
            null_parameters=self.chance.random() < 0.5,
        )  # fmt: skip
        try:
            key, stored = drive(made)
        except Exception:  # noqa: BLE001 - what is refused is not stored
            return
        self.shelf.entries[key.encode()] = stored.encode(key)
        self.shelf.version += 1

    def _spoil(self) -> None:
        if self.shelf is None or not self.shelf.entries:
            return
        keys = list(self.shelf.entries)
        key = self.chance.choice(keys)
        entry = bytearray(self.shelf.entries[key])
        match self.chance.randrange(3):
            case 0:
                entry[self.chance.randrange(len(entry))] ^= 1 << self.chance.randrange(8)
            case 1:  # a sound entry under a key that is another's
                entry = bytearray(self.shelf.entries[self.chance.choice(keys)])
            case _:  # an answer about another certificate, with all that guards it made anew
                other = self.chance.choice(keys)
                with suppress(MalformedError):
                    stored = StoredResponse.decode(bytes(entry), StoreKey.decode(key))
                    entry = bytearray(stored.encode(StoreKey.decode(other)))
                key = other
        self.shelf.entries[key] = bytes(entry)
        self.shelf.version += 1


@dataclass
class Way:
    """A responder behind its face; requests come as octets, and so do replies."""

    responder: Responder
    path: str

    def __post_init__(self) -> None:
        self.face = OCSPFace(self.responder, path=self.path)
        self.lane = HotLane(self.responder, admit=self.face.admit, path=self.path)
        self.server = Server(self.face, clock=Still(), log=structlog.get_logger())

    def hot(self, data: bytes, now: datetime) -> tuple[bytes, HTTPReply] | None:
        """Ask the lane."""
        found = self.lane.stored(data, now.replace()) or self.lane.live(data, now)
        if found is None:
            return None
        octets, reply, _ = found
        return self.server.writer.start(200, now) + octets, reply

    def full(self, data: bytes, now: datetime) -> list[tuple[bytes, HTTPReply]]:
        """Ask parser and face; one reply for each request in it."""
        turns: list[Turn] = []
        reader = Reader(self.server, begun=_nothing, take=turns.append, continued=_nothing)
        reader.feed(data)
        return [self._answer(one, now) for one in turns]

    def _answer(self, turn: Turn, now: datetime) -> tuple[bytes, HTTPReply]:
        if turn.request is None:
            assert turn.refusal is not None
            reply = turn.refusal
        else:
            reply = drive(self.face.reply(turn.request, now))
        has_body = turn.method != b"HEAD"
        return self.server.writer.message(reply, now, turn.connection, has_body=has_body), reply


class Still:
    """A clock that nobody looks at."""

    def now(self) -> datetime:
        """Stand."""
        return NOW


def _nothing() -> None:
    """Do it."""


# --- requests ------------------------------------------------------------------------------


def questions(chance: random.Random) -> Iterator[bytes]:
    """Make requests for ever: usual ones, odd ones, and spoilt ones."""
    while True:
        asked = [named(chance)]
        if chance.random() < 0.02:
            asked.append(named(chance))
        single = Extensions()
        if chance.random() < 0.01:
            single = Extensions.of(Extension(Nonce.oid, b"\x04\x01x"))
        der = encode_request(
            [Request(one, single) for one in asked], request_extensions=wishes(chance)
        )
        yield spoilt(der, chance) if chance.random() < 0.06 else der
        if chance.random() < 0.5:
            yield der


def named(chance: random.Random) -> CertID:
    issuer = STRANGER if chance.random() < 0.03 else CA
    algorithm = chance.choice([*HashAlgorithm, *[HashAlgorithm.SHA1, HashAlgorithm.SHA256] * 4])
    made = CertID.of(issuer.certificate, chance.choice(SERIALS + SERIALS[:5] * 6), algorithm)
    parameters = chance.choice([None] * 4 + [b"\x05\x00"] * 14 + [b"\x04\x00"])
    return CertID(
        AlgorithmIdentifier(algorithm.oid, parameters),
        made.issuer_name_hash,
        made.issuer_key_hash,
        made.serial_number,
    )


def wishes(chance: random.Random) -> Extensions:
    kind = chance.random()
    if kind < 0.6:
        return Extensions()
    lengths = [1, 8, 16, 111, 112, 113, 127, 128, 129, *[32] * 30]
    octets = chance.randbytes(chance.choice(lengths))
    if kind < 0.96:
        return Extensions.of(Nonce(octets, is_bare=chance.random() < 0.05))
    if kind < 0.98:
        return Extensions.of(Extension(Nonce.oid, Nonce(octets).encode(), critical=True))
    return Extensions.of(Nonce(octets), Extension(UNKNOWN, b"\x05\x00"))


def spoilt(der: bytes, chance: random.Random) -> bytes:
    at = chance.randrange(len(der))
    match chance.randrange(5):
        case 0:
            return der[:at]
        case 1:
            return der + chance.randbytes(2)
        case 2:
            return der[:at] + der[at + 1 :]
        case _:
            return der[:at] + bytes((chance.randrange(256),)) + der[at + 1 :]


FIELDS = [
    b"User-Agent: Microsoft-CryptoAPI/10.0",
    b"Accept: */*",
    b"Connection: Keep-Alive",
    b"Connection: close",
    b"connection: keep-alive",
    b"Cache-Control: no-cache",
    b"X-Forwarded-For: 192.0.2.1, 10.0.0.1",
    b"Accept-Encoding:   identity \t",
]
ODD_FIELDS = [
    b"Connection: keep-alive, upgrade",
    b"Expect: 100-continue",
    b"If-Modified-Since: Sat, 21 Nov 2026 11:55:00 GMT",
    b"If-None-Match: *",
    b"Via: 1.1 certstatus-0123456789abcdef",
    b"Host: another",
    b"Content-Encoding: gzip",
    b"Content-Length: 3",
    b"Transfer-Encoding: chunked",
    b"X Y: z",
    b"no colon",
    b"Blank : before",
    b"X-Real-IP: \x80",
    b" folded",
]


def messages(der: bytes, path: str, chance: random.Random) -> Iterator[bytes]:
    """Put a request into HTTP by GET and by POST, mostly as clients do."""
    fields = [b"Host: ocsp.example", *chance.sample(FIELDS, chance.randrange(4))]
    if chance.random() < 0.05:
        fields.append(chance.choice(ODD_FIELDS))
    if chance.random() < 0.02:
        fields.pop(0)
    version = b"HTTP/1.0" if chance.random() < 0.1 else b"HTTP/1.1"
    verb = chance.choice([b"GET"] * 60 + [b"HEAD", b"PUT", b"get"])
    yield b"%b %b %b\r\n%b\r\n\r\n" % (
        verb,
        target(der, path, chance),
        version,
        b"\r\n".join(fields),
    )
    kind = b"Content-Type: application/ocsp-request"
    if chance.random() < 0.03:
        kind = chance.choice(
            [b"Content-Type: text/plain", b"CONTENT-TYPE: application/OCSP-request"]
        )
    length = len(der) + (chance.choice([-1, 1]) if chance.random() < 0.03 else 0)
    head = [*fields, kind, b"Content-Length: %d" % max(0, length)]
    chance.shuffle(head)
    where = chance.choice([*[path] * 20, path.rstrip("/") + "/", "/elsewhere", path + "?a=b"])
    whole = b"POST %b %b\r\n%b\r\n\r\n%b" % (where.encode(), version, b"\r\n".join(head), der)
    yield whole[: -chance.randrange(1, 20)] if chance.random() < 0.02 else whole


def target(der: bytes, path: str, chance: random.Random) -> bytes:
    text = b64encode(der).decode()
    escapes: list[Callable[[str], str]] = [
        lambda one: quote(one, safe=""),
        lambda one: quote(one, safe="/+="),
        lambda one: quote(one, safe="").lower() if chance.random() < 0.1 else one,
        lambda one: one.rstrip("="),
        lambda one: one.replace("+", "-").replace("/", "_"),
        lambda one: one.replace("//", "/"),
        lambda one: "/" + one,
        lambda one: one + "?x",
        lambda one: one.replace("=", "%3d"),
        lambda one: "".join(f"%{ord(each):02X}" for each in one),
    ]
    weights = [60, 20, 1, 1, 1, 1, 1, 1, 3, 1]
    (escape,) = chance.choices(escapes, weights)
    return (path.rstrip("/") + "/" + escape(text)).encode()


# --- the test ------------------------------------------------------------------------------


@pytest.mark.rule("O32", "L11", "L12", "N3")
@pytest.mark.parametrize("seed", range(4))
def test_the_hot_lane_answers_as_the_full_path_does_or_declines(seed: int) -> None:
    chance = random.Random(seed)
    asked, lanes = 0, {"cached": 0, "live": 0, "echo": 0}
    while asked < REQUESTS:
        world, ask = World(chance), questions(chance)
        for _ in range(20):
            world.books.turn_a_page(world.now)
        past: list[bytes] = []
        for _ in range(AT_ONCE):
            if chance.random() < 0.1:
                world.move()
            past += messages(next(ask), world.path, chance)
            for data in [past[-1], *chance.choices(past[-9:], k=2)]:
                asked += 1
                lane = compare(world, data)
                if lane is not None:
                    lanes[lane] += 1
    # It would be idle praise if the lane always declined.
    assert lanes["cached"] > REQUESTS / 20
    assert lanes["live"] > REQUESTS / 20
    assert lanes["echo"] > REQUESTS / 100


def compare(world: World, data: bytes) -> str | None:
    """Send a message both ways; return the lane, None where the hot one declined.

    It was an echo where the reply is the very object that was given before.
    """
    hot = world.hot_way.hot(data, world.now)
    full = world.full_way.full(data, world.now)
    if hot is None:
        world.hot_way.full(data, world.now)  # as a server goes on, and remembers and forgets
        return None
    assert len(full) == 1, data
    assert hot[0] == full[0][0], (data, world.now)
    # Of the store the full path tells elsewhere.
    facts = {name: value for name, value in hot[1].facts.items() if name != "store"}
    assert facts == full[0][1].facts
    lane = hot[1].facts["lane"]
    assert isinstance(lane, str)
    given = world.given.get(data)
    world.given[data] = hot[1]
    return "echo" if given is hot[1] else lane
