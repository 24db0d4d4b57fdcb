"""A CA with many certificates, and what each server needs to answer about them.

Everything stands in a folder under ``build/``, named by a digest of what it was made from, and
is made once: for a million certificates in some seconds, for ten million in some minutes.

Not every answer is signed anew for a bench. `certstatus serve` answers one question and stores
that; then the store is filled with copies of the answer, each with a serial number of its own,
and all with the signature of the first. The responder judges a stored answer by its structure,
meaning and times, so it does the same work for them as for honest ones. What cfssl serves is
signed, since it verifies each answer when it reads them.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Final

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key

from bench.asking import file_request, get_request, post_request
from bench.filling import OCTETS, fill_books, fill_store, write_signed
from bench.servers import ours
from bench.wrk import write_requests
from certstatus.ocsp import CertID, Extensions, Nonce, encode_request, parse_response
from certstatus.pkix import Certificate, HashAlgorithm
from certstatus.sources import StatusDatabase, import_file
from certstatus.testing import TinyCA

__all__ = ["FIRST", "KINDS", "Asked", "Population", "serial_numbers"]

KINDS: Final = ("p256", "ed25519", "rsa2048")
FIRST: Final = 1 << (8 * OCTETS - 2)
"""The least serial number, however many there are."""

_ROOT: Final = Path(__file__).parents[1]
_PLACE: Final = _ROOT / "build" / "bench"
_MADE_FROM: Final = (
    *(_ROOT / "bench" / name for name in ("asking.py", "filling.py", "population.py")),
    _ROOT / "src" / "certstatus" / "stores" / "base.py",
)
"""Modules of the bench, and how an entry of the store is laid out: one of an older layout counts
as none, and all would be signed anew. The answers are as the responder of the day made them;
before a run, ``bench.rows`` sees that the responder of this day gives what is in it."""
_ODD: Final = 0x1E3779B97F4A7C15F39CC0605CEDC835
_QUESTIONS: Final = 100_000
_NONCE_OCTETS: Final = 32


def serial_numbers(count: int) -> list[int]:
    """Return serial numbers of 16 octets from all over the space, in their order."""
    return sorted(FIRST | number * _ODD % FIRST for number in range(count))


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Which questions a load asks: about how many certificates, and how."""

    certificates: int
    method: str
    is_kept_alive: bool = True
    has_nonce: bool = False

    def __str__(self) -> str:
        kept = "kept" if self.is_kept_alive else "each"
        nonce = "-nonce" if self.has_nonce else ""
        return f"{self.certificates}-{self.method}-{kept}{nonce}"


@dataclass(frozen=True, slots=True)
class Population:
    """A CA, its responders (``KINDS``), and what was made of them, in ``folder``."""

    folder: Path
    issuer: Certificate

    @classmethod
    def settle(cls) -> Population:
        """Return this week's population (its answers are fresh for ten days); what is older goes."""
        digest = hashlib.sha256(f"{datetime.now(UTC):%G-W%V}".encode())
        for file in _MADE_FROM:
            digest.update(file.read_bytes())
        folder = _PLACE / digest.hexdigest()[:16]
        for other in _PLACE.glob("*"):
            if other != folder:
                _remove(other)
        _once(folder, _found)
        (issuer,) = Certificate.from_pem((folder / "ca.pem").read_bytes())
        return cls(folder, issuer)

    def index(self, count: int) -> Path:
        """Return an index.txt of ``openssl ca`` with that many certificates, all good."""
        return _once(
            self.folder / f"index-{count}.txt",
            lambda place: _write_index(place, serial_numbers(count)),
        )

    def database(self, count: int) -> Path:
        """Return a SQLite database of ``certstatus db`` with that many certificates, all good."""
        return _once(self.folder / f"status-{count}.db", lambda place: self._books(place, count))

    def store(self, count: int) -> Path:
        """Return an LMDB store with that many answers."""
        return _once(self.folder / f"answers-{count}", lambda place: self._store(place, count))

    def cfssl(self, count: int) -> Path:
        """Return a file of that many responses, each signed, as ``cfssl ocspserve`` reads them."""
        return _once(self.folder / f"cfssl-{count}.txt", lambda place: self._signed(place, count))

    def answer(self) -> bytes:
        """Return one answer, DER."""
        return self._answer(FIRST, None)

    def asked(self, asked: Asked) -> Path:
        """Return a file of 100,000 HTTP requests at random, as ``bench.wrk`` reads them."""
        return _once(
            self.folder / f"asked-{asked}",
            lambda place: write_requests(place, self._requests(asked)),
        )

    def asked_for_file(self) -> Path:
        """Return a file with one request, for what nginx has."""
        return _once(
            self.folder / "asked-file",
            lambda place: write_requests(place, [file_request("/answer", is_kept_alive=True)]),
        )

    def question(self, serial_number: int, nonce: bytes | None = None) -> bytes:
        """Return a request for one certificate, with a CertID by SHA-1 as most clients write it."""
        cert_id = CertID.of(self.issuer, serial_number, HashAlgorithm.SHA1)
        if nonce is None:
            return encode_request([cert_id])
        return encode_request([cert_id], request_extensions=Extensions.of(Nonce(nonce)))

    # --- how it is made ---------------------------------------------------------------------

    def _books(self, place: Path, count: int) -> None:
        index, now = _index([FIRST]), datetime.now(UTC)
        with StatusDatabase.create(str(place)) as books:
            books.add_issuer(self.issuer, actor="bench", now=now)
            import_file(books, index.encode(), where="index.txt", actor="bench", now=now)
        fill_books(place, serial_numbers(count)[1:])

    def _store(self, place: Path, count: int) -> None:
        self._answer(FIRST, place)
        fill_store(place, serial_numbers(count)[1:])

    def _signed(self, place: Path, count: int) -> None:
        key = load_pem_private_key((self.folder / "p256.key").read_bytes(), None)
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        write_signed(place, self._answer(FIRST, None), FIRST, serial_numbers(count), key)

    def _answer(self, serial_number: int, store: Path | None) -> bytes:
        """Have our own responder answer one question, and keep the answer in a store."""
        index = self.folder / "index-one.txt"
        _write_index(index, [serial_number])
        question = self.question(serial_number)
        with ours(self.folder, f'index = "{index}"', question, store=store) as server:
            assert parse_response(server.first).basic is not None
            return server.first

    def _requests(self, asked: Asked) -> Iterator[bytes]:
        random = Random(str(asked))  # noqa: S311 - the same questions in every run
        numbers = serial_numbers(asked.certificates)
        usual, nonce = FIRST.to_bytes(OCTETS, "big"), bytes(range(1, _NONCE_OCTETS + 1))
        question = self.question(FIRST, nonce if asked.has_nonce else None)
        assert question.count(usual) == 1
        write = get_request if asked.method == "GET" else post_request
        for _ in range(_QUESTIONS):
            der = question.replace(usual, random.choice(numbers).to_bytes(OCTETS, "big"))
            der = der.replace(nonce, random.randbytes(_NONCE_OCTETS))
            yield write(der, is_kept_alive=asked.is_kept_alive)


def _index(numbers: Iterable[int]) -> str:
    expiry = f"{datetime.now(UTC) + timedelta(days=90):%y%m%d%H%M%SZ}"
    return "".join(f"V\t{expiry}\t\t{one:032X}\tunknown\t/CN=host-{one:x}\n" for one in numbers)


def _write_index(place: Path, numbers: Iterable[int]) -> None:
    place.write_text(_index(numbers), encoding="ascii")


def _found(folder: Path) -> None:
    """Begin a population: a CA, and a responder for each kind of key."""
    folder.mkdir(parents=True)
    now = datetime.now(UTC).replace(microsecond=0)
    ca = TinyCA("Bench CA", not_before=now - timedelta(days=9))
    folder.joinpath("ca.pem").write_bytes(ca.certificate.parsed.public_bytes(Encoding.PEM))
    for kind in KINDS:
        issued = ca.issue_responder(
            kind=kind, not_before=now - timedelta(days=2), not_after=now + timedelta(days=60)
        )
        folder.joinpath(f"{kind}.pem").write_bytes(issued.certificate_pem)
        key = folder / f"{kind}.key"
        key.touch(0o600)
        key.write_bytes(issued.key_pem())


def _once(place: Path, make: Callable[[Path], object]) -> Path:
    """Make something that is not there yet; what is half made counts for nothing."""
    if not place.exists():
        part = place.with_name(f"{place.name}.part")
        _remove(part)
        make(part)
        part.rename(place)
    return place


def _remove(place: Path) -> None:
    if place.is_dir():
        shutil.rmtree(place)
    else:
        place.unlink(missing_ok=True)
