"""A directory of the tests' own: OpenLDAP's slapd on a free port, with CRLs in its entries."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tests.stapling import free_port, serving

__all__ = ["Slapd", "running_slapd"]

_CONFIGURATION: Final = """
include /etc/ldap/schema/core.schema
pidfile {home}/slapd.pid
argsfile {home}/slapd.args
database ldif
suffix "o=Example"
directory {home}/data
rootdn "cn=admin,o=Example"
rootpw secret
access to * by * read
"""


class Slapd:
    """A server in a folder of its own; entries are added, and their CRLs replaced."""

    def __init__(self, home: Path, find: Callable[[str], Path]) -> None:
        self._home = home
        self._find = find
        self.port = free_port()
        (home / "data").mkdir()
        (home / "slapd.conf").write_text(_CONFIGURATION.format(home=home), "utf-8")

    @property
    def server(self) -> str:
        """Its URL, without an entry."""
        return f"ldap://127.0.0.1:{self.port}"

    def url(self, dn: str, attribute: str = "certificateRevocationList") -> str:
        """Name an entry; the dn is percent-encoded already."""
        return f"{self.server}/{dn}?{attribute}"

    @contextmanager
    def running(self) -> Iterator[None]:
        """Serve until the ``with`` ends."""
        command: list[str | Path] = [
            *(self._find("slapd"), "-d", "0", "-f", self._home / "slapd.conf"),
            *("-h", f"{self.server}/"),
        ]
        with serving(command, self._home, self.port):
            yield

    def begin(self) -> None:
        """Make the organisation that all entries are under."""
        self._change("dn: o=Example\nchangetype: add\nobjectClass: organization\no: Example\n")

    def add(self, dn: str, **values: bytes) -> None:
        """Add an entry of a CRL distribution point; ``dn`` begins with cn."""
        lines = [
            f"dn:: {_text(dn.encode())}",
            "changetype: add",
            "objectClass: cRLDistributionPoint",
        ]
        lines += [f"{name};binary:: {_text(value)}" for name, value in values.items()]
        self._change("\n".join(lines) + "\n")

    def replace(self, dn: str, attribute: str, *values: bytes) -> None:
        """Give an entry other values."""
        lines = [f"dn:: {_text(dn.encode())}", "changetype: modify", f"replace: {attribute};binary"]
        lines += [f"{attribute};binary:: {_text(value)}" for value in values]
        self._change("\n".join(lines) + "\n")

    def _change(self, ldif: str) -> None:
        subprocess.run(
            [
                *(self._find("ldapmodify"), "-x", "-H", self.server),
                *("-D", "cn=admin,o=Example", "-w", "secret"),
            ],
            input=ldif.encode(),
            check=True,
            capture_output=True,
            timeout=30,
        )


def _text(value: bytes) -> str:
    return b64encode(value).decode("ascii")


@contextmanager
def running_slapd(find: Callable[[str], Path]) -> Iterator[Slapd]:
    """Run a server; its folder is short-lived, and its path short enough for a socket's."""
    home = Path(tempfile.mkdtemp(prefix="certstatus-"))
    try:
        server = Slapd(home, find)
        with server.running():
            server.begin()
            yield server
    finally:
        shutil.rmtree(home)
