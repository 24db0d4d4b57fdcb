"""Requests as they came, octet by octet, with the answers of this second. Pure.

A popular certificate is asked about in the same octets again and again. Such a request is
answered by one look-up, as long as everything that its answer followed from is as it was: the
second, the memory of answers, and what the source knows.
"""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from certstatus.limits_hot import MAX_ECHOES
from certstatus.responder.exchange import HotReply
from certstatus.responder.forms import Form
from certstatus.responder.memo import Memo

__all__ = ["Echoes"]


class _Echo(NamedTuple):
    reply: HotReply
    second: datetime
    remembered: object
    form: Form
    edition: object


class Echoes:
    """At most ``MAX_ECHOES``; past that it begins anew.

    ``second`` and ``turn`` are compared as objects: the second that it is, and the time at which
    this turn of the event loop began.
    """

    def __init__(self, memo: Memo) -> None:
        self._memo = memo
        self._echoes: dict[bytes, _Echo] = {}

    def give(self, data: bytes, second: datetime, turn: datetime) -> HotReply | None:
        """Return the answer to a request, if it would be the same now."""
        echo = self._echoes.get(data)
        if (
            echo is None
            or echo.second is not second
            or echo.remembered is not self._memo.edition
            or echo.form.edition(turn) is not echo.edition
        ):
            return None
        return echo.reply

    def keep(
        self, data: bytes, second: datetime, turn: datetime, form: Form, reply: HotReply
    ) -> None:
        """Keep an answer that was given out of the memory of answers."""
        edition = form.edition(turn)
        if edition is None:
            return
        if len(self._echoes) >= MAX_ECHOES:
            self._echoes.clear()
        self._echoes[data] = _Echo(reply, second, self._memo.edition, form, edition)
