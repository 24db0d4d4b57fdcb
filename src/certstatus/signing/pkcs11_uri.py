"""The name of a key in a token: a ``pkcs11:`` URI (RFC 7512). Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final, Self
from urllib.parse import unquote_to_bytes

from certstatus.errors import ConfigError

__all__ = ["PKCS11URI", "SCHEME"]

SCHEME: Final = "pkcs11:"

_PATH: Final = {
    "token": "token",
    "serial": "serial",
    "manufacturer": "manufacturer",
    "model": "model",
    "object": "label",
    "id": "id",
    "slot-id": "slot_id",
    "type": "type",
}
_QUERY: Final = {"module-path": "module_path", "pin-source": "pin_source"}
_ESCAPES: Final = re.compile(r"(?:[^%]|%[0-9A-Fa-f]{2})*")


@dataclass(frozen=True, slots=True, kw_only=True)
class PKCS11URI:
    """Which key is meant, in which token, behind which library. It never holds a PIN.

    ``label`` is the URI's ``object``; ``pin_source`` the absolute path of a file.
    """

    token: str | None = None
    serial: str | None = None
    manufacturer: str | None = None
    model: str | None = None
    label: str | None = None
    id: bytes | None = None
    slot_id: int | None = None
    module_path: str | None = None
    pin_source: str | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a URI. What is wrong with it is said without it: somebody's PIN may stand there.

        Raises:
            ConfigError: it is no ``pkcs11:`` URI, names nothing of a key, or holds a PIN.
        """
        if not text.startswith(SCHEME):
            raise _wrong("does not begin with pkcs11:")
        path, _, query = text.removeprefix(SCHEME).partition("?")
        found = _attributes(path.split(";"), _PATH) | _attributes(query.split("&"), _QUERY)
        if found.pop("type", "private") != "private":
            raise _wrong("names an object that is no private key: leave out type")
        values: dict[str, Any] = {name: _value(name, value) for name, value in found.items()}
        uri = cls(**values)
        if uri.label is None and uri.id is None:
            raise _wrong("names no key: add object=LABEL or id=%01")
        return uri

    def __str__(self) -> str:
        """Name the key for a person: token and key alone."""
        token = (self.token, self.serial, self.slot_id)
        place = next((str(one) for one in token if one is not None), "the only token")
        return f"{SCHEME}{place}/{self.label or self.id_text}"

    @property
    def id_text(self) -> str:
        """The key's identifier in hex."""
        return "" if self.id is None else self.id.hex()


def _attributes(parts: list[str], known: dict[str, str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for part in filter(None, parts):
        name, is_given, value = part.partition("=")
        if name == "pin-value":
            raise _wrong("holds a PIN in clear: name its file, ?pin-source=file:/path")
        if name not in known or not is_given:
            raise _wrong(f"has an attribute that is not known; it may have {', '.join(known)}")
        if known[name] in found:
            raise _wrong(f"has {name} twice")
        if _ESCAPES.fullmatch(value) is None:
            raise _wrong(f"has a % without two hex digits in {name}")
        found[known[name]] = value
    return found


def _value(name: str, value: str) -> str | bytes | int:
    octets = unquote_to_bytes(value)
    if name == "id":
        return octets
    try:
        text = octets.decode()
    except UnicodeDecodeError:
        raise _wrong(f"has a {name} that is no UTF-8") from None
    if name == "slot_id":
        if re.fullmatch(r"[0-9]{1,19}", text) is None:
            raise _wrong("has a slot-id that is no number")
        return int(text)
    if name in {"module_path", "pin_source"}:
        return _file(name.replace("_", "-"), text)
    return text


def _file(name: str, text: str) -> str:
    path = re.sub(r"^file:(//(localhost)?)?(?=/(?!/))", "", text)
    if not path.startswith("/") or "\0" in path:
        raise _wrong(f"has a {name} that is no absolute path")
    return path


def _wrong(problem: str) -> ConfigError:
    return ConfigError(
        f"the pkcs11: URI {problem}", remedy="write pkcs11:token=LABEL;object=LABEL (RFC 7512)"
    )
