"""A server that staples octets which are no answer: no stdlib client's handshake goes on."""

from __future__ import annotations

import socket
import ssl
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Final

import pytest

from certstatus.errors import UnreachableError
from certstatus.tls.openssl import require_status
from certstatus.tls.peer import Demand, PeerStatus, StatusPolicy
from certstatus.tls.wire import accept
from tests.newer import on_newer_libssl
from tests.shaking import client_context
from tests.wiring import INTERMEDIATE, PATIENCE, REVOKED, ROOT, SERVER, STAPLES, serving, staple_of

VERSIONS: Final = (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3)
GOOD, OF_THE_CA = STAPLES

ODD: Final = {
    "octets after its end": GOOD + b"\0",
    "a second answer after its end": GOOD + GOOD,
    "an indefinite length": b"\x30\x80" + GOOD[4:] + b"\0\0",
    "a longer length than needed": b"\x30\x83\x00" + GOOD[2:],
}
"""The honest answer in odd clothes: libssl 3.6 takes them off before anybody sees them."""

WRONG: Final = {
    "text": b"junk",
    "one octet": b"\x30",
    "an empty sequence": b"\x30\x00",
    "all but the last octet": GOOD[:-1],
    "half of an answer": GOOD[: len(GOOD) // 2],
    "an error": bytes.fromhex("30030a0103"),
    "an error that nobody has defined": bytes.fromhex("30030a0109"),
    "success and no answer": bytes.fromhex("30030a0100"),
    "another certificate's": OF_THE_CA,
    "revoked": staple_of(INTERMEDIATE, SERVER.certificate, REVOKED),
    "a flipped bit in what is signed": GOOD[:60] + bytes([GOOD[60] ^ 1]) + GOOD[61:],
    "a flipped bit in the signature": GOOD[:-5] + bytes([GOOD[-5] ^ 1]) + GOOD[-4:],
}


def outcome(version: ssl.TLSVersion, *responses: bytes) -> tuple[bool, PeerStatus | None]:
    """Say whether a lenient client goes on, and what it has judged, if it came to that."""
    client = client_context(ROOT.certificate, version)
    checker = require_status(client, policy=StatusPolicy(demand=Demand.IF_PRESENT))
    left, right = socket.socketpair()
    with left, ThreadPoolExecutor(1) as other:
        server = other.submit(accept, left, serving(*responses), timeout=PATIENCE)
        try:
            with client.wrap_socket(right, server_hostname="localhost"):
                goes_on = True
        except ssl.SSLError:
            goes_on = False
        with suppress(UnreachableError):
            server.result().close()
    return goes_on, checker.latest("localhost")


@pytest.mark.rule("T4")
@pytest.mark.parametrize("version", VERSIONS, ids=str)
@pytest.mark.parametrize("name", [*WRONG, *ODD])
def test_a_staple_that_is_wrong_ends_the_handshake(name: str, version: ssl.TLSVersion) -> None:
    goes_on, status = outcome(version, (WRONG | ODD)[name])

    assert not goes_on
    assert status is None or [check.rule for check in status.failures] == ["T4"]


def told() -> list[str]:
    """List each staple with which a handshake went on. For the newer libssl."""
    lines = []
    for version, staples in zip(VERSIONS, (ODD, WRONG | ODD), strict=True):
        for name, staple in staples.items():
            goes_on, status = outcome(version, staple)
            if goes_on:
                lines.append(f"{name}: {status and status.verdict}")
    goes_on, _ = outcome(VERSIONS[1], GOOD, WRONG["text"])
    return [*lines, f"wrong of the CA: {goes_on}"]


@pytest.mark.rule("T4")
def test_a_staple_that_is_wrong_ends_the_handshake_on_a_newer_libssl(tmp_path: Path) -> None:
    """What is signed reaches us as it came, so that what libssl mends can be believed."""
    program = (
        "from tests.hostile import test_require_status as ours; print(*ours.told(), sep=chr(10))"
    )

    said = on_newer_libssl(program, tmp_path).splitlines()

    mended = [f"{name}: good" for name in ODD]
    assert said == [*mended, *mended, "wrong of the CA: False"]
