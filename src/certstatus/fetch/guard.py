"""Which URL may be fetched, and which address may be connected to.

A URL that a user named may lead anywhere. A URL that stood in a certificate was chosen by
a stranger: it must not lead into private networks, to this machine, or to anything but
HTTP (the classic server-side request forgery). The address that was checked is the
address that is connected to, so a name can't change its mind in between.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Final
from urllib.parse import urlsplit

from certstatus.limits import MAX_URL_BYTES

__all__ = ["Guard", "Place", "Provenance", "address_problem"]

SCHEMES: Final = {"http": 80, "https": 443}
_NAT64: Final = IPv6Network("64:ff9b::/96")


class Provenance(StrEnum):
    """Who chose a URL."""

    NAMED = "named by the user"
    CERTIFICATE = "found in a certificate"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a URL leads: scheme, host (a name or an address) and port."""

    scheme: str
    host: str
    port: int

    @property
    def address(self) -> IPv4Address | IPv6Address | None:
        """The host as an address, None where it is a name."""
        try:
            return ip_address(self.host)
        except ValueError:
            return None


@dataclass(frozen=True, slots=True)
class Guard:
    """The rules for one provenance; ``allow_private`` lets certificates lead inside too."""

    provenance: Provenance = Provenance.NAMED
    allow_private: bool = False

    @property
    def checks_addresses(self) -> bool:
        """Whether addresses must be public."""
        return self.provenance is Provenance.CERTIFICATE and not self.allow_private

    def place(self, url: str) -> Place | str:
        """Take a URL apart; where it may not be fetched, say why instead."""
        if problem := _spelling_problem(url):
            return problem
        try:
            parts = urlsplit(url)
            host, port = parts.hostname, parts.port
        except ValueError as error:
            return f"is no URL: {error}"
        if parts.scheme not in SCHEMES:
            return f"the scheme {parts.scheme or '(none)'} is not HTTP"
        if parts.username is not None or parts.password is not None:
            return "the URL holds a user name"
        if not host or port == 0:
            return "the URL names no host"
        return Place(parts.scheme, host, port or SCHEMES[parts.scheme])

    def address_problem(self, address: IPv4Address | IPv6Address) -> str | None:
        """Say why an address may not be connected to; None: it may."""
        return address_problem(address) if self.checks_addresses else None

    def redirect_problem(self, before: Place, after: Place) -> str | None:
        """Say why a redirect may not be followed; None: it may."""
        if before.scheme == "https" and after.scheme == "http":
            return "a redirect from https to http"
        return None


def _spelling_problem(url: str) -> str | None:
    if len(url) > MAX_URL_BYTES:
        return f"the URL is longer than {MAX_URL_BYTES} bytes"
    if not url.isascii() or any(character <= " " or character == "\x7f" for character in url):
        return "the URL holds characters that a URL can't hold"
    return None


def address_problem(address: IPv4Address | IPv6Address) -> str | None:
    """Say why an address is not one of the public Internet; None: it is.

    Addresses that carry another one inside (IPv4-mapped, 6to4, Teredo, NAT64) are judged
    by that one too.
    """
    for inner in (address, *_inside(address)):
        if inner.is_multicast or not inner.is_global:
            return f"{address} is not a public address"
    return None


def _inside(address: IPv4Address | IPv6Address) -> tuple[IPv4Address, ...]:
    if isinstance(address, IPv4Address):
        return ()
    found = [address.ipv4_mapped, address.sixtofour, *(address.teredo or ())]
    if address in _NAT64:
        found.append(IPv4Address(int(address) & 0xFFFF_FFFF))
    return tuple(inner for inner in found if inner is not None)
