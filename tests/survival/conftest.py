"""What every test of faults for real needs: a CA's books, and processes to kill."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx2
import pytest

from certstatus.ocsp import CertID, CertStatus, encode_request, parse_response
from certstatus.sources import StatusDatabase
from certstatus.testing import Issued, TinyCA
from tests.nursery import Nursery
from tests.postgresql import PostgreSQL
from tests.responding import OCSP, SECONDS, Responding


@pytest.fixture(scope="session")
def rounds(request: pytest.FixtureRequest) -> int:
    """Tell how often a fault is done: ``--rounds``."""
    number: int = request.config.getoption("--rounds")
    return number


@pytest.fixture(scope="session")
def ca() -> TinyCA:
    return TinyCA("Surviving CA")


@pytest.fixture(scope="session")
def ca_file(ca: TinyCA, tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("ca") / "ca.pem"
    file.write_bytes(Issued(ca.certificate, ca.key).certificate_pem)
    return file


@pytest.fixture(scope="session")
def nursery(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nursery]:
    with Nursery(tmp_path_factory.mktemp("nursery")) as nursery:
        yield nursery


@dataclass(frozen=True)
class Books:
    """A place for a status database, and how it is made empty there, whatever was left."""

    location: str
    issuer_file: Path
    afresh: Callable[[], None]

    @property
    def of(self) -> tuple[str, ...]:
        """Return the options of a command that say where it is, and whose."""
        return ("--database", self.location, "--issuer", str(self.issuer_file))


@pytest.fixture(scope="session")
def empty(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Make an empty database once, to be copied."""
    path = tmp_path_factory.mktemp("database") / "empty.db"
    StatusDatabase.create(path).close()
    return path.read_bytes()


@pytest.fixture
def sqlite(tmp_path: Path, empty: bytes, ca_file: Path) -> Books:
    """Lend a database in SQLite."""
    path = tmp_path / "status.db"

    def afresh() -> None:
        for left in tmp_path.glob("status.db*"):
            left.unlink()
        path.write_bytes(empty)

    afresh()
    return Books(str(path), ca_file, afresh)


@pytest.fixture(scope="session")
def url(postgresql: PostgreSQL) -> str:
    """Make a database on PostgreSQL once, to be emptied."""
    url = postgresql.new_database()
    StatusDatabase.create(url).close()
    return url


@pytest.fixture
def on_postgresql(postgresql: PostgreSQL, url: str, ca_file: Path) -> Books:
    """Lend a database on PostgreSQL."""
    postgresql.empty(url)
    return Books(url, ca_file, lambda: postgresql.empty(url))


@pytest.fixture(params=["sqlite", "on_postgresql"])
def books(request: pytest.FixtureRequest) -> Books:
    """Lend a database on each engine."""
    lent: Books = request.getfixturevalue(request.param)
    return lent


# --- a responder on them -----------------------------------------------------------------------


class Asked:
    """``certstatus serve`` in a process of its own, over a connection that is kept."""

    def __init__(self, responding: Responding, ca: TinyCA) -> None:
        self._responding = responding
        self._ca = ca
        self._client = httpx2.Client(trust_env=False, headers=OCSP, timeout=SECONDS)

    def says(self, serial_number: int) -> CertStatus:
        """Ask about a certificate; there must be an answer."""
        der = encode_request([CertID.of(self._ca.certificate, serial_number)])
        response = parse_response(self._client.post(self._responding.url, content=der).content)
        assert response.basic is not None, response.response_status
        (single,) = response.basic.tbs_response_data.responses
        return single.cert_status

    def close(self) -> None:
        """Let go of the connection."""
        self._client.close()


Serving = Callable[[Books], AbstractContextManager[Asked]]


@pytest.fixture(scope="session")
def delegate(ca: TinyCA, ca_file: Path) -> Path:
    """Write a signer's certificate and key beside the CA's certificate; return their folder."""
    end = datetime.now(UTC) + timedelta(days=30)
    issued = ca.issue_responder(not_after=end)
    folder = ca_file.parent
    (folder / "responder.key").touch(0o600)
    (folder / "responder.key").write_bytes(issued.key_pem())
    (folder / "responder.pem").write_bytes(issued.certificate_pem)
    return folder


@pytest.fixture
def serving(ca: TinyCA, delegate: Path) -> Serving:
    """Give what serves a database."""

    @contextmanager
    def serve(books: Books) -> Iterator[Asked]:
        signer = ("--ca", "ca.pem", "--signer", "responder.pem", "--key", "responder.key")
        place = ("--database", books.location, "--port", "0")
        with (
            Responding([*signer, *place], delegate) as responding,
            closing(Asked(responding, ca)) as asked,
        ):
            yield asked

    return serve
