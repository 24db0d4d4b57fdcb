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
  it gives the same object again, what follows from it is not worked out again. Where a whole
  request came before in this second, and store and source tell in this turn of the event loop
  that nothing has changed since, its answer is given again (an echo).
"""

from __future__ import annotations

from binascii import Error, a2b_base64
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Final, NamedTuple

from certstatus.limits import DEFAULT_MAX_AGE
from certstatus.limits_hot import MAX_KNOWN_TIMES, MAX_SEEN
from certstatus.ocsp import NO_EXTENSIONS, CertStatus, Good
from certstatus.responder.core import Responder
from certstatus.responder.dress import (
    NO_STORE,
    RESPONSE_TYPE,
    around_etag,
    as_fields,
    as_last,
    cache_age,
    cache_control,
)
from certstatus.responder.echo import Echoes
from certstatus.responder.exchange import HotReply
from certstatus.responder.forms import Form, forms_of
from certstatus.responder.heads import Admit, PlainHeads
from certstatus.responder.heard import UNTOLD, told
from certstatus.responder.http import refused_to_all
from certstatus.responder.live import response_of, tbs_of
from certstatus.responder.memo import Kept
from certstatus.responder.requests import SignedRequests
from certstatus.responder.shapes import Shape, Shapes
from certstatus.responder.splice import single_response_tail, time_der
from certstatus.responder.statement import Statement
from certstatus.responder.target import unescaped
from certstatus.stores import DIGEST, RESPONSE, TIMES, entry_times, is_sound

__all__ = ["HotLane"]


class _Times(NamedTuple):
    """What follows from the 64 octets of an entry that tell its times and its meaning."""

    meaning: bytes
    updated: int
    ends: int
    signed: int
    stale: int
    produced: bytes
    tail: bytes


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
        forms: dict[bytes, Form] = {}
        if responder.requests.signatures is not SignedRequests.REQUIRE:
            forms = forms_of(responder.authorities, responder.variants)
        self._shapes = Shapes(forms)
        self._second = self._until = datetime.min.replace(tzinfo=UTC)
        self._now, self.is_of_stored = 0, False
        self._controls: dict[int, bytes] = {}
        self._times: dict[bytes, _Times] = {}
        self._seen: dict[bytes, tuple[bytes, Shape, bool]] = {}
        self._echoes = Echoes(self._memo)
        self._turn = self._second

    def stored(self, data: bytes, now: datetime) -> HotReply | None:
        """Answer one whole HTTP request with what is signed already; None: the lane declines.

        ``now`` is aware UTC: the same object within a turn of the event loop, another in the
        next. Never signs, and never raises for what a client sent.
        """
        if now is not self._turn:
            self._begin(now)
        self.is_of_stored = True
        echo = self._echoes.give(data, self._second, now)
        if echo is not None:
            return echo
        der, shape, is_last = self._recognise(data)
        self.is_of_stored = False
        if shape is None:
            return None
        form = shape.form
        # The answer must be the same for whoever asks: by its nonce, or the want of one.
        if not form.ignores_nonces and (shape.extension or form.requires_nonces):
            if len(self._seen) >= MAX_SEEN:
                self._seen.clear()
            # ``live`` is asked next, or when its turn has come.
            self._seen[data] = der, shape, is_last
            return None
        self.is_of_stored = True
        answer, is_remembered = self._find(der, shape, is_last=is_last)
        if answer is not None and is_remembered and not shape.extension:
            self._echoes.keep(data, self._second, now, form, answer)
        return answer

    def _find(self, der: bytes, shape: Shape, *, is_last: bool) -> tuple[HotReply | None, bool]:
        """Find the answer to a request in the memory (True) or the store (False), if the source agrees."""
        form, serial_number = shape.form, int.from_bytes(der[shape.at : shape.end])
        statement = form.statement(serial_number, self._second)
        if statement is None or not statement.is_definite or form.choice is None:
            return None, False
        cert_id, store = der[shape.start : shape.end], None
        key = (serial_number, cert_id, form.signer_digest)
        kept = self._memo.recall(key, statement.meaning, self._now)
        if kept is None:
            kept, store = self._from_shelf(shape, der, cert_id, statement), "found"
            if kept is None:
                return None, False
            if self._memo.is_asked_again(key):
                self._memo.keep(key, kept)
        before, after = kept.http or _dress(kept, sha256(kept.der).digest())
        control = self._controls.get(kept.ends) or self._control(kept.ends)
        octets = before + control + after
        reply = UNTOLD[type(statement.cert_status), "cached", store]
        if self._is_told:
            reply = told(form, serial_number, statement, kept.der, store)
        return (as_last(octets) if is_last else octets, reply, is_last), store is None

    def live(self, data: bytes, now: datetime) -> HotReply | None:
        """Answer one whole HTTP request that has a nonce by signing now; None: the lane declines.

        Only signers that take no longer than the rest of an answer sign here.
        """
        seen = self._seen.pop(data, None)
        der, shape, is_last = self._recognise(data) if seen is None else seen
        if shape is None or not shape.extension or shape.form.ignores_nonces:
            return None
        if now is not self._turn:
            self._begin(now)
        form, serial_number = shape.form, int.from_bytes(der[shape.at : shape.end])
        statement = form.statement(serial_number, self._second)
        choice = form.choice
        if statement is None or choice is None or not form.is_quick:
            return None
        if not self._may_sign():
            refused = refused_to_all(self._refuse_to_sign())
            return (
                (_LAST if is_last else _LIVE) % (len(refused.body), refused.body),
                refused,
                is_last,
            )
        cert_id, nonce = der[shape.start : shape.end], der[shape.extension :]
        try:
            tbs = tbs_of(form.authority, choice, cert_id, statement, self._second, nonce=nonce)
            signed = response_of(form.authority, choice, tbs, choice.signer.sign(tbs))
        except Exception:  # noqa: BLE001 (whatever it is, the full path meets it again, and tells)
            return None
        reply = UNTOLD[type(statement.cert_status), "live", None]
        if self._is_told:
            reply = told(form, serial_number, statement, signed)
        return (_LAST if is_last else _LIVE) % (len(signed), signed), reply, is_last

    # --- what is asked ---------------------------------------------------------------------

    def _recognise(self, data: bytes) -> tuple[bytes, Shape | None, bool]:
        """Find the OCSPRequest in a whole and plain HTTP message, its shape, and if it is the last."""
        if data.startswith(self._get):
            encoded, _, tail = data[len(self._get) :].partition(b" HTTP/1.")
            plain = self._heads.after_get(tail)
            if plain is None:
                return b"", None, False
            try:
                der = a2b_base64(unescaped(encoded), strict_mode=True)
            except Error:
                return b"", None, False
        else:
            head, _, der = data.partition(b"\r\n\r\n")
            plain = self._heads.of_post(head) if data.startswith(b"POST ") else None
            if plain is None or plain.length != len(der):
                return b"", None, False
        return der, self._shapes.find(der), plain.is_last

    # --- what is stored --------------------------------------------------------------------

    def _from_shelf(
        self, shape: Shape, der: bytes, cert_id: bytes, statement: Statement
    ) -> Kept | None:
        """Take an answer out of the store, if its octets say what the source says now."""
        if self._shelf is None or not statement.is_listed:
            return None
        form, octets = shape.form, der[shape.at : shape.end]
        key = form.store_key(octets)
        entry = self._shelf.at_hand(key)
        if entry is None or not is_sound(entry, key):
            return None
        times = self._times.get(entry[TIMES]) or self._learn_times(entry)
        is_fresh = times.signed <= self._now < times.stale and self._now < times.ends
        if not is_fresh or times.meaning != form.meaning_digest(statement):
            return None
        tail = times.tail or _tail(statement.cert_status, times)
        signed = entry[RESPONSE]
        at = signed.find(cert_id + tail)
        # Between producedAt and the first CertID are two SEQUENCEs' tags and lengths.
        if at < 0 or not 4 <= at - signed.rfind(times.produced, 0, at) - len(times.produced) <= 8:
            return None
        if form.has_other_names:
            others = form.other_names(octets, statement)
            if not all(one + tail in signed for one in others):
                return None
        meaning = statement.meaning
        kept = Kept(signed, meaning, times.updated, times.ends, times.signed, times.stale)
        _dress(kept, entry[DIGEST])
        return kept

    def _learn_times(self, entry: bytes) -> _Times:
        """Read the times of an entry; what is said of a revoked certificate is its own."""
        meaning, updated, ends, signed, stale = entry_times(entry)
        times = _Times(meaning, updated, ends, signed, stale, time_der(_moment(signed)), b"")
        if meaning[0]:
            return times
        times = times._replace(tail=_tail(_GOOD, times))
        if len(self._times) >= MAX_KNOWN_TIMES:
            self._times.clear()
        self._times[entry[TIMES]] = times
        return times

    # --- the rest --------------------------------------------------------------------------

    def _begin(self, now: datetime) -> None:
        """Begin a turn of the event loop; in a new second forms work out anew who signs in it."""
        self._turn = now
        self._memo.follow()
        if not self._second <= now < self._until:
            self._second = now.replace(microsecond=0)
            self._until = self._second + timedelta(seconds=1)
            self._now = int(self._second.timestamp())
            self._controls.clear()

    def _control(self, ends: int) -> bytes:
        """Write Cache-Control for answers that end then, once in a second."""
        control = cache_control(cache_age(ends, self._now, self._max_age))
        self._controls[ends] = control
        return control


def _dress(kept: Kept, digest: bytes) -> tuple[bytes, bytes]:
    """Write and keep what goes before and after the value of Cache-Control, up to the end."""
    before, after = around_etag(kept.updated, kept.ends)
    octets = b"\r\nContent-Length: %d\r\n\r\n%b" % (len(kept.der), kept.der)
    kept.http = before + digest.hex().encode() + after, octets
    return kept.http


_GOOD: Final = Good()
_LIVE: Final = as_fields(RESPONSE_TYPE, NO_STORE) + b"Content-Length: %d\r\n\r\n%b"
_LAST: Final = as_last(_LIVE)


def _tail(cert_status: CertStatus, times: _Times) -> bytes:
    """Write what follows the CertID in an answer."""
    this_update, next_update = _moment(times.updated), _moment(times.ends)
    return single_response_tail(cert_status, this_update, next_update, NO_EXTENSIONS)


def _moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
