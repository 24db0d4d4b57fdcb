"""The admin port: health says what is wrong, metrics are in Prometheus' format."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from typing import Any

import pytest

from certstatus.limits import HEALTH_CHECK_TIME
from certstatus.server.admin import Admin, Check, admin_app
from certstatus.server.listen import bind_tcp
from tests.serving import Client, in_loop


async def _ask(path: str, checks: dict[str, Check]) -> tuple[int, dict[str, str], bytes]:
    """Run the admin server for one request."""
    (bound,) = bind_tcp("127.0.0.1", 0)
    admin = Admin(admin_app(lambda: checks, lambda: b"certstatus_metric 1\n"))
    await admin.start([bound])
    client = Client(*await asyncio.open_connection(*bound.getsockname()))
    answer = await client.ask(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    await client.close()
    await admin.stop()
    return answer.status, dict(answer.headers), answer.body


async def _fine() -> None:
    return None


async def _wrong() -> str:
    return "the signer expires in 2 h"


async def _broken() -> None:
    raise ValueError("no such table")


async def _stuck() -> None:
    await asyncio.Event().wait()


@in_loop
async def test_with_all_checks_passed_it_is_ready() -> None:
    status, headers, body = await _ask("/healthz", {"signer": _fine})
    assert (status, json.loads(body)) == (200, {"live": True, "ready": True, "reasons": {}})
    assert headers["cache-control"] == "no-store"


@in_loop
async def test_health_shows_more_where_there_is_more() -> None:
    (bound,) = bind_tcp("127.0.0.1", 0)
    admin = Admin(admin_app(dict, bytes, lambda: {"signers": [{"daysLeft": 9.5}]}))
    await admin.start([bound])
    client = Client(*await asyncio.open_connection(*bound.getsockname()))
    answer = await client.ask(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
    await client.close()
    await admin.stop()

    assert json.loads(answer.body) == {
        "live": True,
        "ready": True,
        "reasons": {},
        "signers": [{"daysLeft": 9.5}],
    }


@in_loop
async def test_a_failed_check_is_503_with_every_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("certstatus.server.admin.HEALTH_CHECK_TIME", timedelta(milliseconds=10))
    checks: dict[str, Any] = {"a": _fine, "signer": _wrong, "database": _broken, "hsm": _stuck}
    status, _, body = await _ask("/healthz", checks)
    assert status == 503
    assert json.loads(body) == {
        "live": True,
        "ready": False,
        "reasons": {
            "signer": "the signer expires in 2 h",
            "database": "ValueError: no such table",
            "hsm": "no answer within 0.01 s",
        },
    }


def test_a_check_has_less_time_than_those_who_probe() -> None:
    assert timedelta(seconds=1) <= HEALTH_CHECK_TIME < timedelta(seconds=5)


@in_loop
async def test_metrics_are_shown_as_text() -> None:
    status, headers, body = await _ask("/metrics", {})
    assert (status, body) == (200, b"certstatus_metric 1\n")
    assert headers["content-type"].startswith("text/plain; version=")


@in_loop
async def test_there_is_nothing_else() -> None:
    status, _, _ = await _ask("/", {})
    assert status == 404
