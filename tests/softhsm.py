"""A SoftHSM of the tests' own: tokens in a temporary folder, keys put in by its own command."""

from __future__ import annotations

import itertools
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from certstatus.signing import pkcs11_library, pkcs11_module, pkcs11_pin
from certstatus.signing.pkcs11_pin import PIN_VARIABLE
from certstatus.testing import Issued

__all__ = ["PIN", "SoftHSM", "Spy", "Token", "forget_all", "running_softhsm", "spy_on"]

PIN = "4917-pin"
_LIBRARIES = ("softhsm/libsofthsm2.so", "*/softhsm/libsofthsm2.so", "libsofthsm2.so")


def forget_all(patch: pytest.MonkeyPatch) -> None:
    """Make this process one that has not heard of any library, nor of any PIN."""
    patch.setattr(pkcs11_module, "_process", pkcs11_module._Process())
    patch.setattr(pkcs11_library._fork, "has_happened", True)
    patch.setattr(pkcs11_pin, "_known", [])
    patch.delenv(PIN_VARIABLE, raising=False)


@dataclass(frozen=True)
class Token:
    """A token, its PIN in a file, and the library before it."""

    label: str
    home: Path
    module: Path
    pin_file: Path
    command: Path

    def put(self, issued: Issued, label: str, identifier: str = "01") -> None:
        """Put a key into the token."""
        file = self.home / "import.pem"
        file.write_bytes(issued.key_pem())
        self._run("--import", file, "--label", label, "--id", identifier, "--force")
        file.unlink()

    def delete(self, label: str) -> None:
        """Delete a key, by a process of its own."""
        program = (
            "import sys, pkcs11\n"
            "module, token, label, pin = sys.argv[1:]\n"
            "found = pkcs11.lib(module).get_token(token_label=token)\n"
            "with found.open(rw=True, user_pin=pin) as session:\n"
            "    for one in list(session.get_objects({pkcs11.Attribute.LABEL: label})):\n"
            "        one.destroy()\n"
        )
        command = [sys.executable, "-c", program, str(self.module), self.label, label, PIN]
        subprocess.run(command, check=True, capture_output=True)

    def _run(self, *arguments: str | Path) -> None:
        named = ("--token", self.label, "--pin", PIN)
        subprocess.run([self.command, *arguments, *named], check=True, capture_output=True)

    def uri(self, label: str, *, pin_file: Path | None = None, more: str = "") -> str:
        """Name a key of the token in full."""
        pin = f"&pin-source=file:{pin_file or self.pin_file}"
        return f"pkcs11:token={self.label};object={label}{more}?module-path={self.module}{pin}"

    @contextmanager
    def taken_away(self) -> Iterator[None]:
        """Take every token away, as if the HSM were unplugged."""
        away = self.home / "away"
        (self.home / "tokens").rename(away)
        (self.home / "tokens").mkdir()
        try:
            yield
        finally:
            (self.home / "tokens").rmdir()
            away.rename(self.home / "tokens")


@dataclass(frozen=True)
class Spy:
    """A library before the library that writes down each call of each process, and its outcome."""

    module: Path
    output: Path

    @property
    def refused_logins(self) -> int:
        """How often a token refused a PIN."""
        return self._text.count("CKR_PIN_INCORRECT")

    @property
    def logins(self) -> int:
        """How often a PIN was said to a token."""
        return self._text.count(": C_Login\n")

    @property
    def _text(self) -> str:
        return self.output.read_text("utf-8", "replace")


def spy_on(token: Token, output: Path, patch: pytest.MonkeyPatch) -> Spy:
    """Let all that is said to the token through OpenSC's spy be written into a file."""
    found = sorted(Path("/usr/lib").glob("**/pkcs11-spy.so"))
    if not found:
        pytest.fail("needs pkcs11-spy.so: apt-get install opensc-pkcs11")
    patch.setenv("PKCS11SPY", str(token.module))
    patch.setenv("PKCS11SPY_OUTPUT", str(output))
    return Spy(found[0], output)


class SoftHSM:
    """Tokens in a folder; ``SOFTHSM2_CONF`` names its configuration."""

    def __init__(self, home: Path, find: Callable[[str], Path]) -> None:
        self._home = home
        self._command = find("softhsm2-util")
        self._numbers = itertools.count(1)
        self.configuration = home / "softhsm2.conf"
        (home / "tokens").mkdir()
        self.configuration.write_text(
            f"directories.tokendir = {home}/tokens\nobjectstore.backend = file\nlog.level = ERROR\n"
        )
        libraries = [one for name in _LIBRARIES for one in Path("/usr/lib").glob(name)]
        self.module = libraries[0]
        self.pin_file = home / "pin"
        self.pin_file.write_text(PIN + "\n")
        self.pin_file.chmod(0o600)

    def new_token(self) -> Token:
        """Make an empty token with a name of its own."""
        token = Token(
            f"token-{next(self._numbers)}", self._home, self.module, self.pin_file, self._command
        )
        token_command: list[str | Path] = [
            self._command,
            "--init-token",
            "--free",
            "--label",
            token.label,
        ]
        pins = ["--pin", PIN, "--so-pin", "so-pin-of-tests"]
        subprocess.run([*token_command, *pins], check=True, capture_output=True)
        return token


@contextmanager
def running_softhsm(find: Callable[[str], Path]) -> Iterator[SoftHSM]:
    """Lend a SoftHSM, and take away all that it kept."""
    with tempfile.TemporaryDirectory() as home, pytest.MonkeyPatch.context() as patch:
        patch.setenv("SOFTHSM2_CONF", str(Path(home) / "softhsm2.conf"))
        yield SoftHSM(Path(home), find)
