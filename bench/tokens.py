"""Signatures per second by a key in SoftHSM, beside the same key in memory.

`.venv/bin/python -m bench.tokens` prints the table alone.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Final

from certstatus.limits_signers import MAX_TOKEN_SESSIONS
from certstatus.signing import PKCS11URI, Signer, make_signers
from certstatus.signing.pkcs11 import PKCS11Signer, load_pkcs11_signers
from certstatus.testing import TinyCA
from tests.conftest import find_command
from tests.softhsm import Token, running_softhsm

__all__ = ["TokenRate", "measure_tokens", "print_tokens"]

_KINDS: Final = {"rsa2048": "RSA 2048", "p256": "P-256", "ed25519": "Ed25519"}
_ROUNDS: Final = 7
_SIGNATURES: Final = 400
_TBS: Final = bytes(300)
"""As long as the ResponseData of one answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenRate:
    """One key's signatures per second: in memory, in the token, and waited for in the token."""

    key: str
    raw: float
    token: float
    waited: float


def measure_tokens() -> list[TokenRate]:
    """Sign by each kind of key, the places in turn, and take the median of the rounds."""
    ca = TinyCA()
    with running_softhsm(find_command) as softhsm:
        token = softhsm.new_token()
        return [_measure(ca, token, kind) for kind in _KINDS]


def _measure(ca: TinyCA, token: Token, kind: str) -> TokenRate:
    issued = ca.issue_responder(kind, kind=kind)
    raw = make_signers(issued.key, issued.certificate, issuer=ca.certificate)[0]
    token.put(issued, kind)
    held = _signer(ca, token, kind, issued.certificate_pem)
    rates = [_round(raw, held) for _ in range(_ROUNDS)]
    in_memory, in_token, waited = (median(column) for column in zip(*rates, strict=True))
    return TokenRate(key=_KINDS[kind], raw=in_memory, token=in_token, waited=waited)


def _signer(ca: TinyCA, token: Token, kind: str, certificate_pem: bytes) -> PKCS11Signer:
    file = Path(token.home) / f"{kind}.pem"
    file.write_bytes(certificate_pem)
    uri = PKCS11URI.parse(token.uri(kind))
    signers, _ = load_pkcs11_signers(uri, file, issuer=ca.certificate)
    return signers[0]


def _round(raw: Signer, held: PKCS11Signer) -> tuple[float, float, float]:
    return (
        _rate(lambda: _sign_all(raw)),
        _rate(lambda: _sign_all(held)),
        _rate(lambda: asyncio.run(_asign_all(held))),
    )


def _rate(work: Callable[[], None]) -> float:
    started = time.perf_counter()
    work()
    return _SIGNATURES / (time.perf_counter() - started)


def _data() -> Iterator[bytes]:
    for number in range(_SIGNATURES):
        yield number.to_bytes(4) + _TBS


def _sign_all(signer: Signer) -> None:
    for data in _data():
        signer.sign(data)


async def _asign_all(signer: PKCS11Signer) -> None:
    """Sign from an event loop, with as many under way as there are sessions."""
    all_data = _data()

    async def work() -> None:
        for data in all_data:
            await signer.asign(data)

    await asyncio.gather(*(work() for _ in range(MAX_TOKEN_SESSIONS)))


def print_tokens(rows: list[TokenRate]) -> None:
    """Print the table."""
    print("| key | in memory | in SoftHSM | waited for | ratios |")
    print("|---|---:|---:|---:|---:|")
    for row in rows:
        figures = " | ".join(f"{rate:,.0f}" for rate in (row.raw, row.token, row.waited))
        ratios = f"{row.token / row.raw:.2f}, {row.waited / row.raw:.2f}"
        print(f"| {row.key} | {figures} | {ratios} |")


if __name__ == "__main__":
    print_tokens(measure_tokens())
