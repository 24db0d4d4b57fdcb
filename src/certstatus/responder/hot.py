"""The hot lane: from the octets of an HTTP request to those of its reply. Pure.

Most requests look alike: one certificate, nothing optional but a nonce, in an HTTP message
whose head was seen before. Those are answered here without a parser and, as far as may be,
without objects. Whatever is unusual is declined (None), and goes the full path through
``server.reading``, ``responder.http`` and ``responder.core``. The law: the full path would
have answered the same, octet by octet but for a signature; ``tests/property/test_hot.py``
holds the two against each other.

What is given up for speed:

- Requests are recognised by comparison (``frames``, ``heads``): what ``requests`` asks of them
  is here a second time, as the shape that is compared with.
- What follows from the second, from an authority or from a set of times is remembered.
- A stored answer is not parsed: its octets must hold, in a row, just what the source says
  now. Its signature is not verified; nor is it on the full path.
- The source is asked for each answer, but only where it answers at once (``AtHand``); where
  it gives the same object again, what follows from it is not worked out again.
"""

from __future__ import annotations

from binascii import Error, a2b_base64
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Final, NamedTuple, TypeAlias

from certstatus.limits import DEFAULT_MAX_AGE, MAX_KNOWN_TIMES
from certstatus.ocsp import NO_EXTENSIONS, CertStatus, Good, Revoked, Unknown
from certstatus.responder.core import Responder
from certstatus.responder.dress import (
    NO_STORE,
    RESPONSE_TYPE,
    around_cache_control,
    as_fields,
    cache_age,
    cache_control,
)
from certstatus.responder.exchange import HTTPReply
from certstatus.responder.forms import Form, forms_of
from certstatus.responder.frames import (
    NONCE_OID,
    Frame,
    frame_with_nonce,
    frames_without_nonce,
    is_usual_serial,
)
from certstatus.responder.heads import Admit, PlainHeads
from certstatus.responder.http import facts_of, refused_to_all, word_of
from certstatus.responder.live import response_of, tbs_of
from certstatus.responder.memo import Kept
from certstatus.responder.requests import SignedRequests
from certstatus.responder.splice import single_response_tail, time_der
from certstatus.responder.statement import Statement
from certstatus.responder.target import unescaped
from certstatus.stores import open_entry

__all__ = ["HotLane", "HotReply"]

HotReply: TypeAlias = tuple[bytes, HTTPReply]
"""What follows the status line and Date, up to the end of the body; and the reply for listeners."""

_LONGEST_NONCE: Final = 112
"""Octets of a nonce whose extension has one octet of length."""


class _Asked(NamedTuple):
    """A request that was recognised: in which form it names which certificate, and its nonce."""

    form: Form
    serial_number: int
    octets: bytes
    cert_id: bytes
    nonce: bytes | None


class HotLane:
    """Answers what is usual for the authorities of a responder, or declines.

    ``path`` and ``max_age`` are those of its OCSPFace, and ``admit`` that face's. Where
    ``is_told`` is set, replies come with all facts for the access log.
    """

    def __init__(
        self,
        responder: Responder,
        *,
        admit: Admit,
        path: str = "/",
        max_age: timedelta = DEFAULT_MAX_AGE,
        is_told: bool = True,
    ) -> None:
        self._memo = responder.memo
        self._shelf = responder.shelf
        self._may_sign, self._refuse_to_sign = responder.admit, responder.refuse_to_sign
        self._max_age = int(max_age.total_seconds())
        self._is_told = is_told
        self._get = b"GET " + path.encode("ascii").rstrip(b"/") + b"/"
        self._heads = PlainHeads(admit, self._get[4:] + b"M")
        self._frames = frames_without_nonce()
        self._forms: dict[bytes, Form] = {}
        if responder.requests.signatures is not SignedRequests.REQUIRE:
            self._forms = forms_of(responder.authorities, responder.variants)
        self._cuts = tuple(dict.fromkeys(len(identity) for identity in self._forms))
        self._second = self._until = datetime.min.replace(tzinfo=UTC)
        self._now, self.is_of_stored = 0, False
        self._controls: dict[int, bytes] = {}
        self._texts: dict[tuple[int, int, int], tuple[bytes, bytes]] = {}
        self._seen: tuple[bytes, _Asked | None] = b"", None

    def stored(self, data: bytes, now: datetime) -> HotReply | None:
        """Answer one whole HTTP request with what is signed already; None: the lane declines.

        ``now`` is aware UTC. Never signs, and never raises for what a client sent.
        """
        asked = self._recognise(data)
        self._seen, self.is_of_stored = (data, asked), False
        if asked is None:
            return None
        form = asked.form
        # The answer must be the same for whoever asks: by its nonce, or the want of one.
        if not form.ignores_nonces and (asked.nonce is not None or form.requires_nonces):
            return None
        self.is_of_stored = True
        if not self._second <= now < self._until:
            self._turn(now)
        statement = form.statement(asked.serial_number, self._second)
        if statement is None or not statement.is_definite or form.choice is None:
            return None
        key = (asked.serial_number, asked.cert_id, form.signer_digest)
        kept, store = self._memo.recall(key, statement.meaning, self._now), None
        if kept is None:
            kept, store = self._from_shelf(asked, statement), "found"
            if kept is None:
                return None
            self._memo.keep(key, kept)
        if kept.http is None:
            kept.http = around_cache_control(kept.der, kept.updated, kept.ends)
        before, after = kept.http
        control = self._controls.get(kept.ends) or self._control(kept.ends)
        return before + control + after, self._reply(asked, statement, kept.der, "cached", store)

    def live(self, data: bytes, now: datetime) -> HotReply | None:
        """Answer one whole HTTP request that has a nonce by signing now; None: the lane declines.

        Only signers that take no longer than the rest of an answer sign here.
        """
        asked = self._seen[1] if self._seen[0] is data else self._recognise(data)
        if asked is None or asked.nonce is None or asked.form.ignores_nonces:
            return None
        if not self._second <= now < self._until:
            self._turn(now)
        form = asked.form
        statement = form.statement(asked.serial_number, self._second)
        choice = form.choice
        if statement is None or choice is None or not form.is_quick:
            return None
        if not self._may_sign():
            refused = refused_to_all(self._refuse_to_sign())
            return _LIVE % (len(refused.body), refused.body), refused
        try:
            tbs = tbs_of(
                form.authority, choice, asked.cert_id, statement, self._second, nonce=asked.nonce
            )
            der = response_of(form.authority, choice, tbs, choice.signer.sign(tbs))
        except Exception:  # noqa: BLE001 (whatever it is, the full path meets it again, and tells)
            return None
        return _LIVE % (len(der), der), self._reply(asked, statement, der, "live")

    # --- what is asked ---------------------------------------------------------------------

    def _recognise(self, data: bytes) -> _Asked | None:
        """Find the one certificate that a plain message asks for."""
        der = self._request_in(data)
        if der is None:
            return None
        frame = self._frames.get(len(der))
        if frame is not None and der.startswith(frame.head):
            return self._named(der, frame, None)
        at = der.find(NONCE_OID)
        octets = len(der) - at - len(NONCE_OID) - 4
        frame = frame_with_nonce(len(der), octets) if at >= 0 and octets <= _LONGEST_NONCE else None
        if frame is None or not der.startswith(frame.head):
            return None
        if der[frame.end : -octets] != frame.middle:
            return None
        return self._named(der, frame, der[at - 2 :])

    def _request_in(self, data: bytes) -> bytes | None:
        """Return the OCSPRequest in a whole and plain HTTP message."""
        if data.startswith(self._get):
            encoded, _, tail = data[len(self._get) :].partition(b" HTTP/1.")
            if not self._heads.follows_get(tail):
                return None
            try:
                return a2b_base64(unescaped(encoded), strict_mode=True)
            except Error:
                return None
        head, _, der = data.partition(b"\r\n\r\n")
        is_whole = data.startswith(b"POST ") and self._heads.body_length(head) == len(der)
        return der if is_whole else None

    def _named(self, der: bytes, frame: Frame, nonce: bytes | None) -> _Asked | None:
        """Read a CertID: of a known issuer, with a usual serial number."""
        content, end = frame.content, frame.end
        for cut in self._cuts:
            at = content + cut
            form = self._forms.get(der[content:at])
            if form is not None:
                octets = der[at + 2 : end]
                if der[at : at + 2] != bytes((2, len(octets))) or not is_usual_serial(octets):
                    return None
                return _Asked(form, int.from_bytes(octets), octets, der[frame.start : end], nonce)
        return None

    # --- what is stored --------------------------------------------------------------------

    def _from_shelf(self, asked: _Asked, statement: Statement) -> Kept | None:
        """Take an answer out of the store, if its octets say what the source says now."""
        if self._shelf is None or not statement.is_listed:
            return None
        form = asked.form
        key = form.store_key(asked.octets)
        entry = self._shelf.at_hand(key)
        opened = None if entry is None else open_entry(entry, key)
        if opened is None:
            return None
        der, meaning, updated, ends, signed, stale = opened
        if meaning != form.meaning_digest(statement) or not signed <= self._now < min(stale, ends):
            return None
        produced, tail = self._texts_of(statement.cert_status, updated, ends, signed)
        at = der.find(asked.cert_id + tail)
        # Between producedAt and the first CertID are two SEQUENCEs' tags and lengths.
        if at < 0 or not 4 <= at - der.rfind(produced, 0, at) - len(produced) <= 8:
            return None
        others = form.other_names(asked.octets, statement)
        if others and not all(one + tail in der for one in others):
            return None
        return Kept(der, statement.meaning, updated, ends, signed, stale)

    def _texts_of(
        self, cert_status: CertStatus, updated: int, ends: int, signed: int
    ) -> tuple[bytes, bytes]:
        """Return producedAt, and what follows the CertID in an answer of these times."""
        key = (updated, ends, signed)
        known = self._texts.get(key)
        if known is None or isinstance(cert_status, Revoked):
            this_update, next_update, produced_at = (
                datetime.fromtimestamp(one, UTC) for one in key
            )
            tail = single_response_tail(cert_status, this_update, next_update, NO_EXTENSIONS)
            known = time_der(produced_at), tail
            if isinstance(cert_status, Revoked):
                return known
            if len(self._texts) >= MAX_KNOWN_TIMES:
                self._texts.clear()
            self._texts[key] = known
        return known

    # --- the rest --------------------------------------------------------------------------

    def _turn(self, now: datetime) -> None:
        """Begin a new second; forms work out anew who signs in it."""
        self._second = now.replace(microsecond=0)
        self._until = self._second + timedelta(seconds=1)
        self._now = int(self._second.timestamp())
        self._controls.clear()

    def _control(self, ends: int) -> bytes:
        """Write Cache-Control for answers that end then, once in a second."""
        control = cache_control(cache_age(ends, self._now, self._max_age))
        self._controls[ends] = control
        return control

    def _reply(
        self, asked: _Asked, said: Statement, der: bytes, lane: str, store: str | None = None
    ) -> HTTPReply:
        """Make what listeners hear; without an access log one for all is enough."""
        if not self._is_told:
            return _UNTOLD[type(said.cert_status), lane, store]
        facts = {
            **facts_of(lane, word_of(said.cert_status), store),
            "serial": f"{asked.serial_number:x}",
            "authority": asked.form.authority.name,
            "source": said.origin,
        }
        return HTTPReply(HTTPStatus.OK, (), der, facts)


_UNTOLD: Final = {
    (type(status), lane, store): HTTPReply(
        HTTPStatus.OK, (), b"", facts_of(lane, word_of(status), store)
    )
    for status in (Good(), Revoked(datetime.min.replace(tzinfo=UTC)), Unknown())
    for lane, store in (("cached", None), ("cached", "found"), ("live", None))
}

_LIVE: Final = as_fields(RESPONSE_TYPE, NO_STORE) + b"Content-Length: %d\r\n\r\n%b"
