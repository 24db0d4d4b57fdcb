"""What the access log and the metrics hear of an answer of the hot lane. Pure."""

from __future__ import annotations

from datetime import UTC, datetime
from http import HTTPStatus
from typing import Final

from certstatus.ocsp import Good, Revoked, Unknown
from certstatus.responder.exchange import HTTPReply
from certstatus.responder.forms import Form
from certstatus.responder.http import facts_of, word_of
from certstatus.responder.statement import Statement

__all__ = ["UNTOLD", "told"]


def told(
    form: Form, serial_number: int, said: Statement, der: bytes, store: str | None = "live"
) -> HTTPReply:
    """Make what the access log hears; ``store`` is "live" for what was signed now."""
    lane = ("live", None) if store == "live" else ("cached", store)
    facts = {
        **UNTOLD[type(said.cert_status), *lane].facts,
        "serial": f"{serial_number:x}",
        "authority": form.authority.name,
        "source": said.origin,
    }
    return HTTPReply(HTTPStatus.OK, (), der, facts)


UNTOLD: Final = {
    (type(status), lane, store): HTTPReply(
        HTTPStatus.OK, (), b"", facts_of(lane, word_of(status), store)
    )
    for status in (Good(), Revoked(datetime.min.replace(tzinfo=UTC)), Unknown())
    for lane, store in (("cached", None), ("cached", "found"), ("live", None))
}
"""What is heard of all answers of a kind where there is no access log, by status, lane and store."""
