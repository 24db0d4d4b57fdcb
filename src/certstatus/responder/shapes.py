"""The shapes of requests that were seen: all of their octets but a serial number and a nonce. Pure.

A request for one certificate begins, up to the octets of its serial number, with what every
request of its form with a serial number of that length begins with. The first of them is held
against its frame and its form; the others are found by comparing octets.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from certstatus.limits_hot import MAX_SHAPES
from certstatus.responder.forms import Form
from certstatus.responder.frames import (
    NONCE_OID,
    Frame,
    frame_with_nonce,
    frames_without_nonce,
    is_usual_serial,
)

__all__ = ["Shape", "Shapes"]

_LONGEST_NONCE: Final = 112
"""Octets of a nonce whose extension has one octet of length."""


class Shape:
    """One shape: the request's ``form`` and ``length``, and where in it things stand.

    The CertID stands from ``start`` to ``end``, the octets of its serial number from ``at``, the
    nonce's extension from ``extension`` on (0: there is none), after ``middle`` the nonce itself.
    """

    __slots__ = ("at", "end", "extension", "form", "length", "middle", "start", "stop")

    def __init__(self, form: Form, frame: Frame, at: int, length: int) -> None:
        self.form = form
        self.start = frame.start
        self.at = at
        self.end = frame.end
        self.length = length
        self.middle = frame.middle
        self.stop = frame.end + len(frame.middle)
        # The extension begins two octets before its OID.
        self.extension = frame.end + frame.middle.find(NONCE_OID) - 2 if frame.middle else 0


class Shapes:
    """The shapes seen so far, at most ``MAX_SHAPES``; past that it begins anew."""

    def __init__(self, forms: Mapping[bytes, Form]) -> None:
        self._forms = forms
        self._cuts = tuple(dict.fromkeys(len(identity) for identity in forms))
        self._frames = frames_without_nonce()
        self._known: dict[bytes, Shape] = {}
        self._starts: dict[int, tuple[int, ...]] = {}

    def find(self, der: bytes) -> Shape | None:
        """Return the shape of a request; None: it has none that is answered here."""
        for at in self._starts.get(len(der), ()):
            shape = self._known.get(der[:at])
            if shape is not None:
                break
        else:
            shape = self._learn(der)
            if shape is None:
                return None
        if shape.length != len(der) or der[shape.end : shape.stop] != shape.middle:
            return None
        # Most serial numbers begin with an octet that needs no second look.
        is_usual = 0 < der[shape.at] < 0x80 or is_usual_serial(der[shape.at : shape.end])
        return shape if is_usual else None

    def _learn(self, der: bytes) -> Shape | None:
        frame = self._frame(der)
        if frame is None:
            return None
        for cut in self._cuts:
            at = frame.content + cut + 2
            form = self._forms.get(der[frame.content : at - 2])
            if form is None:
                continue
            octets = der[at : frame.end]
            if der[at - 2 : at] != bytes((2, len(octets))) or not is_usual_serial(octets):
                return None
            return self._remember(der, Shape(form, frame, at, len(der)))
        return None

    def _frame(self, der: bytes) -> Frame | None:
        frame = self._frames.get(len(der))
        if frame is not None and der.startswith(frame.head):
            return frame
        at = der.find(NONCE_OID)
        octets = len(der) - at - len(NONCE_OID) - 4
        if at < 0 or octets > _LONGEST_NONCE:
            return None
        frame = frame_with_nonce(len(der), octets)
        return frame if frame is not None and der.startswith(frame.head) else None

    def _remember(self, der: bytes, shape: Shape) -> Shape:
        if len(self._known) >= MAX_SHAPES:
            self._known.clear()
            self._starts.clear()
        self._known[der[: shape.at]] = shape
        starts = self._starts.get(len(der), ())
        if shape.at not in starts:
            self._starts[len(der)] = (*starts, shape.at)
        return shape
