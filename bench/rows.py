"""Which servers are measured, and what is asked of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Final, Self

from bench.asking import post_request
from bench.population import FIRST, Asked, Population, serial_numbers
from bench.servers import MissingPeerError, Server, ask, cfssl, nginx, openssl, ours
from certstatus.ocsp import parse_response

__all__ = [
    "BASE",
    "CFSSL",
    "KEYS",
    "OPENSSL",
    "TWO",
    "Row",
    "Scale",
    "each_of",
    "nonce_of",
    "rows_of",
    "starts_of",
    "stored_of",
]

Start = Callable[[], AbstractContextManager[Server]]

BASE: Final = "nginx GET"
"""The row that the others are held against."""
CFSSL: Final = "cfssl POST"
OPENSSL: Final = "openssl POST"
TWO: Final = "two workers POST"
KEYS: Final = {"p256": "P-256", "ed25519": "Ed25519", "rsa2048": "RSA 2048"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """How large a bench is; ``seconds`` are those of one run of one row, whole ones."""

    many: int
    few: int
    cfssl: int
    most: int | None
    rounds: int
    seconds: int
    is_quick: bool = False

    @classmethod
    def of(cls, *, is_quick: bool, is_large: bool) -> Self:
        """Return the whole bench, or one of under three minutes; large: with ten million."""
        return cls(
            many=100_000 if is_quick else 1_000_000,
            few=10_000,
            cfssl=5_000 if is_quick else 100_000,
            most=10_000_000 if is_large else None,
            rounds=3 if is_quick else 5,
            seconds=1 if is_quick else 2,
            is_quick=is_quick,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What is asked of which server; without ``asked`` its URL, again and again."""

    name: str
    server: str
    shown: str
    what: str
    asked: Asked | None = None
    is_kept_alive: bool = True
    is_fresh: bool = False
    """Whether the server is started anew for each run, as it does not stand many."""
    kind: str | None = None
    """The kind of key by which each answer is signed, where it is."""

    @property
    def short(self) -> str:
        """What is done, in few words."""
        first = self.what.removeprefix("a ").removeprefix("stored, of ").replace("; status in", ",")
        return first.removesuffix(" of an answer's size").removeprefix("signed with a nonce, ")

    @property
    def how(self) -> str:
        """Method and connections, for a table."""
        method = self.asked.method if self.asked else "GET"
        return method if self.is_kept_alive else f"{method}, connection each"


def stored_of(source: str, count: int, method: str) -> str:
    """Return the name of a row of stored answers."""
    return f"stored {count} {source} {method}"


def each_of(count: int, method: str) -> str:
    """Return the name of a row of stored answers with a connection for each."""
    return f"{stored_of('index', count, method)} each"


def nonce_of(kind: str) -> str:
    """Return the name of a row of answers signed with a nonce."""
    return f"nonce {kind}"


def rows_of(scale: Scale) -> tuple[Row, ...]:
    """Return every row, in the order of the table; quick: those that the figures rest on."""
    rows = (*_peers(scale), *_stored(scale), *_signed(scale))
    if not scale.is_quick:
        return rows
    needed = {BASE, CFSSL, OPENSSL, TWO, nonce_of("p256")}
    needed |= {stored_of(one, scale.many, "POST") for one in _SOURCES}
    needed |= {stored_of(one, scale.many, "GET") for one in _SOURCES}
    needed |= {stored_of("sqlite", scale.few, method) for method in ("GET", "POST")}
    return tuple(row for row in rows if row.name in needed or row.server == f"sqlite {scale.most}")


def _peers(scale: Scale) -> Iterator[Row]:
    nginx_row = partial(
        Row, server="nginx", shown="nginx", what="a static file of an answer's size"
    )
    yield nginx_row(name=BASE)
    yield nginx_row(name="nginx GET each", is_kept_alive=False)
    yield Row(
        name=CFSSL,
        server="cfssl",
        shown="cfssl ocspserve",
        what=f"stored, of {scale.cfssl:,} in memory",
        asked=Asked(certificates=scale.cfssl, method="POST"),
    )


_SOURCES: Final = {"index": "index.txt", "sqlite": "SQLite"}


def _stored(scale: Scale) -> Iterator[Row]:
    for count in (scale.many, scale.few):
        for source in _SOURCES:
            yield from _kept_alive(source, count)
    if scale.most is not None:
        yield from _kept_alive("sqlite", scale.most)
    for method in ("GET", "POST"):
        yield Row(
            name=each_of(scale.many, method),
            server=f"index {scale.many}",
            shown="certstatus",
            what=_what("index", scale.many),
            asked=Asked(certificates=scale.many, method=method, is_kept_alive=False),
            is_kept_alive=False,
        )
    yield Row(
        name=TWO,
        server="two",
        shown="certstatus, 2 workers",
        what=_what("index", scale.many),
        asked=Asked(certificates=scale.many, method="POST"),
    )


def _what(source: str, count: int) -> str:
    return f"stored, of {count:,}; status in {_SOURCES[source]}"


def _kept_alive(source: str, count: int) -> Iterator[Row]:
    for method in ("GET", "POST"):
        yield Row(
            name=stored_of(source, count, method),
            server=f"{source} {count}",
            shown="certstatus",
            what=_what(source, count),
            asked=Asked(certificates=count, method=method),
        )


def _signed(scale: Scale) -> Iterator[Row]:
    for name, shown in (("openssl", "openssl ocsp"), ("openssl 2", "openssl ocsp -multi 2")):
        yield Row(
            name=f"{name} POST",
            server=name,
            shown=shown,
            what="signed with a nonce, P-256",
            asked=Asked(
                certificates=scale.many, method="POST", is_kept_alive=False, has_nonce=True
            ),
            is_kept_alive=False,
            is_fresh=True,
        )
    for kind, key in KEYS.items():
        yield Row(
            name=nonce_of(kind),
            server=f"nonce {kind}",
            shown="certstatus",
            what=f"signed with a nonce, {key}",
            asked=Asked(certificates=scale.many, method="POST", has_nonce=True),
            kind=kind,
        )


def starts_of(scale: Scale, people: Population) -> Mapping[str, Start]:
    """Return how to start each server; what it needs is made when it starts."""
    index, many = people.index(scale.many), people.store(scale.many)
    listed = f'index = "{index}"'
    question = people.question(FIRST)
    starts: dict[str, Start] = {
        "nginx": lambda: nginx(people.answer()),
        "cfssl": lambda: cfssl(people.cfssl(scale.cfssl), question),
        "openssl": partial(openssl, people.folder, index, question, processes=1),
        "openssl 2": partial(openssl, people.folder, index, question, processes=2),
        "two": partial(ours, people.folder, listed, question, store=many, workers=2),
    }
    for kind in KEYS:
        starts[f"nonce {kind}"] = partial(ours, people.folder, listed, question, signer=kind)
    for count in (scale.many, scale.few):
        starts[f"index {count}"] = partial(_ours, people, "index", count)
        starts[f"sqlite {count}"] = partial(_ours, people, "sqlite", count)
    if scale.most is not None:
        starts[f"sqlite {scale.most}"] = partial(_ours, people, "sqlite", scale.most)
    return starts


@contextmanager
def _ours(people: Population, source: str, count: int) -> Iterator[Server]:
    """Serve stored answers, and see that they are: all have the signature of the first."""
    place = people.index(count) if source == "index" else people.database(count)
    key = "index" if source == "index" else "database"
    first, last = (people.question(one) for one in (FIRST, serial_numbers(count)[-1]))
    with ours(people.folder, f'{key} = "{place}"', first, store=people.store(count)) as server:
        told = ask(server.port, post_request(last, is_kept_alive=False))
        if _signature(told.partition(b"\r\n\r\n")[2]) != _signature(server.first):
            raise MissingPeerError(
                f"certstatus does not give what is stored: remove {people.folder}"
            )
        yield server


def _signature(der: bytes) -> bytes:
    basic = parse_response(der).basic
    assert basic is not None
    return basic.signature
