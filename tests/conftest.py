"""What holds for every test: no traffic off the machine, and no peer skipped in silence."""

from __future__ import annotations

import ipaddress
import os
import shutil
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import settings

from tests.postgresql import PostgreSQL, running_postgresql
from tests.redis_server import RedisServer, running_redis
from tests.softhsm import SoftHSM, running_softhsm

# Examples are as many as a test asks for, but no clock judges them: machines differ.
settings.register_profile("certstatus", deadline=None, print_blob=True)
settings.load_profile("certstatus")


# --- how much ------------------------------------------------------------------------------


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add what makes the suite do more than it must."""
    text = "how often each fault is done for real: a kill, a partition, a full disk (default: 50)"
    parser.addoption("--rounds", type=int, default=50, help=text)


# --- the network ends at loopback ----------------------------------------------------------

_LOCAL_NAMES: Final = frozenset({None, "", b"", "localhost", b"localhost"})


def _address(host: object) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """Read a host that is written as an address, or give None for a name."""
    try:
        return ipaddress.ip_address(str(host).split("%")[0])
    except ValueError:
        return None


def _guard_network(event: str, arguments: tuple[Any, ...]) -> None:
    """Fail the test that reaches, or looks up, anything but this machine."""
    if event in {"socket.connect", "socket.sendto"} and isinstance(arguments[1], tuple):
        host = arguments[1][0]
        address = _address(host)
        is_local = address is not None and (address.is_loopback or address.is_unspecified)
        if not is_local and host not in _LOCAL_NAMES:
            pytest.fail(f"a test may talk to loopback only, not to {host}")
    elif event in {"socket.getaddrinfo", "socket.gethostbyname"}:
        host = arguments[0]
        if _address(host) is None and host not in _LOCAL_NAMES:
            pytest.fail(f"a test may not look up names in the DNS: {host}")


sys.addaudithook(_guard_network)


# --- Ctrl-C reaches children ---------------------------------------------------------------

# A suite that runs in the background ignores SIGINT, and so would the programs that it starts.
signal.signal(signal.SIGINT, signal.default_int_handler)


# --- nothing is left running ---------------------------------------------------------------


@pytest.fixture(scope="module", autouse=True)
def no_thread_stays() -> Iterator[None]:
    """Fail a file whose tests leave a thread of ours: it would act amid the tests of another."""
    before = set(threading.enumerate())
    yield
    left = {thread for thread in threading.enumerate() if thread.name.startswith("certstatus")}
    assert not left - before


# --- other people's programs ---------------------------------------------------------------

DEBIAN_PACKAGES: Final = {
    "curl": "curl",
    "dovecot": "dovecot-imapd",
    "gnutls-cli": "gnutls-bin",
    "gnutls-serv": "gnutls-bin",
    "haproxy": "haproxy",
    "initdb": "postgresql",
    "ldapmodify": "ldap-utils",
    "nginx": "nginx",
    "ocsptool": "gnutls-bin",
    "openssl": "openssl",
    "postgres": "postgresql",
    "prosody": "prosody",
    "redis-server": "redis-server",
    "slapd": "slapd",
    "softhsm2-util": "softhsm2",
    "systemd-analyze": "systemd",
}
_ADMIN_PATH: Final = os.pathsep.join(
    # Debian keeps the commands of each PostgreSQL in a folder of their own.
    [
        "/usr/local/sbin",
        "/usr/sbin",
        "/sbin",
        *map(str, sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)),
    ]
)


def find_command(name: str) -> Path:
    """Return where a peer's command stands; a test without its peer fails, and never skips."""
    found = shutil.which(name) or shutil.which(name, path=_ADMIN_PATH)
    if found is None:
        package = DEBIAN_PACKAGES[name]
        pytest.fail(
            f"needs the command {name}: apt-get install {package} (or: dev/setup {package})"
        )
    return Path(found)


@pytest.fixture(scope="session")
def interop_command() -> Callable[[str], Path]:
    """Give the function that finds a peer's command by its name."""
    return find_command


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgreSQL]:
    """Run a PostgreSQL for the tests of this process, from the first that asks for it."""
    with running_postgresql(find_command) as server:
        yield server


@pytest.fixture(scope="session")
def softhsm() -> Iterator[SoftHSM]:
    """Lend a SoftHSM to the tests of this process, from the first that asks for it."""
    with running_softhsm(find_command) as tokens:
        yield tokens


@pytest.fixture(scope="session")
def redis_server() -> Iterator[RedisServer]:
    """Run a Redis for the tests of this process, from the first that asks for it."""
    with running_redis(find_command) as server:
        yield server


# --- the same tests in every process -------------------------------------------------------


def pytest_make_parametrize_id(config: pytest.Config, val: object, argname: str) -> str | None:
    """Name octets by their argument: keys are new in every process, and so are their octets."""
    return argname if isinstance(val, bytes) else None
