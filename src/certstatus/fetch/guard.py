"""Which URL may be fetched, and which address may be connected to.

A URL that a user named may lead anywhere. A URL that stood in a certificate was chosen by
a stranger: it must not lead into private networks, to this machine, or to anything but
HTTP (the classic server-side request forgery). So is the target of a redirect chosen by
whoever answers. The address that was checked is the address that is connected to, so a
name can't change its mind in between.

https asks nothing new: the TLS certificate of a responder is verified without asking for
its status, so no check leads back to itself (RFC 6960 Appendix A.1, O34).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from ipaddress import ip_address
from typing import Final
from urllib.parse import SplitResult, urlsplit

from certstatus.fetch.address import Address, address_problem
from certstatus.fetch.ldap_url import LDAPURL
from certstatus.limits import MAX_URL_BYTES

__all__ = ["Guard", "Place", "Provenance"]

_SCHEMES: Final = {"http": 80, "https": 443}

# Ports where another protocol listens that can be misled by the text of an HTTP request:
# the list of the WHATWG Fetch Standard (port blocking), which browsers keep to.
_FOREIGN_PORTS: Final = frozenset(
    {1, 7, 9, 11, 13, 15, 17, 19, 20, 21, 22, 23, 25, 37, 42, 43, 53, 69, 77, 79, 87, 95}
    | {101, 102, 103, 104, 109, 110, 111, 113, 115, 117, 119, 123, 135, 137, 139, 143, 161}
    | {179, 389, 427, 465, 512, 513, 514, 515, 526, 530, 531, 532, 540, 548, 554, 556, 563}
    | {587, 601, 636, 989, 990, 993, 995, 1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060}
    | {5061, 6000, 6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697, 10080}
)

_LDAP_PORTS: Final = frozenset({389, 636})


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
    def address(self) -> Address | None:
        """The host as an address, None where it is a name."""
        try:
            return ip_address(self.host)
        except ValueError:
            return None


@dataclass(frozen=True, slots=True)
class Guard:
    """The rules for one provenance.

    ``allow_private`` lets URLs in certificates lead inside too; ``allow_https`` is False
    where plain HTTP alone is spoken, ``allow_redirects`` where a list says which URLs may
    be fetched and no other.
    """

    provenance: Provenance = Provenance.NAMED
    allow_private: bool = False
    allow_https: bool = True
    allow_redirects: bool = True

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
        if problem := self._problem(parts, port):
            return problem
        return Place(parts.scheme, host or "", port or _SCHEMES[parts.scheme])

    def ldap_place(self, url: LDAPURL) -> Place | str:
        """Say where an LDAP URL leads; where it may not be fetched, say why instead."""
        if not url.host:
            return "the URL names no host, and no LDAP server is configured"
        if url.scheme == "ldaps" and not self.allow_https:
            return "the scheme ldaps is switched off"
        foreign = _FOREIGN_PORTS - _LDAP_PORTS
        if self.provenance is Provenance.CERTIFICATE and url.port in foreign:
            return f"port {url.port} belongs to another protocol"
        return Place(url.scheme, url.host, url.port)

    def _problem(self, parts: SplitResult, port: int | None) -> str | None:
        if parts.scheme not in _SCHEMES:
            return f"the scheme {parts.scheme or '(none)'} is not HTTP"
        if parts.scheme == "https" and not self.allow_https:
            return "the scheme https is switched off"
        if parts.username is not None or parts.password is not None:
            return "the URL holds a user name"
        if not parts.hostname or port == 0:
            return "the URL names no host"
        if self.provenance is Provenance.CERTIFICATE and port in _FOREIGN_PORTS:
            return f"port {port} belongs to another protocol"
        return None

    def address_problem(self, address: Address) -> str | None:
        """Say why an address may not be connected to; None: it may."""
        return address_problem(address) if self.checks_addresses else None

    def redirect_problem(self, before: Place, after: Place) -> str | None:
        """Say why a redirect may not be followed; None: it may, as far as schemes go."""
        if not self.allow_redirects:
            return "redirects are switched off"
        if before.scheme == "https" and after.scheme == "http":
            return "a redirect from https to http"
        return None

    def after(self, answered: Address) -> Guard:
        """Return the guard for where a redirect leads: whoever answered is a stranger.

        A server inside may send on to another one inside; one outside may not.
        """
        return self if address_problem(answered) else replace(self, provenance=_STRANGER)


_STRANGER: Final = Provenance.CERTIFICATE


def _spelling_problem(url: str) -> str | None:
    if len(url) > MAX_URL_BYTES:
        return f"the URL is longer than {MAX_URL_BYTES} bytes"
    # Two readers of URLs may disagree on a backslash: one sees a path, the other a user name.
    if not url.isascii() or any(one <= " " or one in "\x7f\\" for one in url):
        return "the URL holds characters that a URL can't hold"
    return None
