"""Where a ServiceLocator may lead: to URLs of a list, and nowhere else (RFC 6960 §4.4.6, O7). Pure.

A client wrote the locator. What it names is compared with the list in one spelling, by
scheme, host, port and whole path segments; a URL that can be read in two ways is on no list.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from certstatus.asn1 import oids
from certstatus.errors import ConfigError, MalformedError
from certstatus.limits import MAX_URL_BYTES
from certstatus.ocsp import OCSPRequest, ServiceLocator
from certstatus.ocsp.request import Request
from certstatus.pkix import Certificate
from certstatus.pkix.name import GeneralNameKind

__all__ = ["AllowedLocation", "Location", "located"]

_URL: Final = re.compile(
    r"(?P<scheme>https?)://(?P<host>[a-z0-9.-]+|\[[0-9a-f:.]+\])(?::(?P<port>[0-9]{1,5}))?"
    r"(?P<path>(?:/[A-Za-z0-9._~-]*)*)",
    re.IGNORECASE,
)
"""No user name, no query, no escapes: what needs them is on no list."""

_PORTS: Final = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Location:
    """A URL taken apart: scheme, host and port in one spelling, and the segments of its path."""

    origin: str
    segments: tuple[str, ...]

    @classmethod
    def of(cls, url: str) -> Location | None:
        """Take a URL apart; None: it may be read in two ways, or is none of HTTP."""
        found = _URL.fullmatch(url) if len(url) <= MAX_URL_BYTES else None
        if found is None:
            return None
        scheme = found["scheme"].lower()
        port = int(found["port"] or _PORTS[scheme])
        segments = tuple(found["path"].split("/")[1:]) or ("",)
        if not 0 < port < 65_536 or {".", ".."} & set(segments) or "" in segments[:-1]:
            return None
        return cls(f"{scheme}://{found['host'].lower()}:{port}", segments)

    @property
    def url(self) -> str:
        """The URL, in one spelling."""
        return "/".join((self.origin, *self.segments))


@dataclass(frozen=True, slots=True)
class AllowedLocation:
    """One entry of the list: a URL that may be asked, and those below it where it ends in ``/``."""

    text: str
    location: Location

    @classmethod
    def of(cls, text: str) -> AllowedLocation:
        """Read an entry.

        Raises:
            ConfigError: it is no plain URL.
        """
        location = Location.of(text)
        if location is None:
            raise ConfigError(
                f"{text!r} is no plain URL",
                key="service_locator",
                remedy="write http://host/ or http://host:port/path, without query or escapes",
            )
        return cls(text, location)

    def admits(self, location: Location) -> bool:
        """Whether a URL is this one, or below it."""
        if location.origin != self.location.origin:
            return False
        *above, last = self.location.segments
        if last:
            return location.segments == self.location.segments
        is_below = len(location.segments) > len(above)
        return is_below and location.segments[: len(above)] == tuple(above)


def located(
    request: OCSPRequest, issuers: Sequence[Certificate], allowed: Sequence[AllowedLocation]
) -> dict[str, str]:
    """Find the URLs to which all of a request's locators lead, each with its entry of the list.

    ``issuers`` are those of the certificates asked about, in their order: a locator counts
    where it names that issuer.
    """
    found: list[dict[str, str]] = []
    for one, issuer in zip(request.request_list, issuers, strict=True):
        found.append(dict(_admitted(one, issuer, allowed)))
    first, *others = found
    return {url: text for url, text in first.items() if all(url in other for other in others)}


def _admitted(
    request: Request, issuer: Certificate, allowed: Sequence[AllowedLocation]
) -> Iterator[tuple[str, str]]:
    for location in _locations(request, issuer):
        entry = next((one for one in allowed if one.admits(location)), None)
        if entry is not None:
            yield location.url, entry.text


def _locations(request: Request, issuer: Certificate) -> Iterator[Location]:
    """Read the id-ad-ocsp URLs of a locator; a broken one names none."""
    try:
        locator = request.single_request_extensions.get(ServiceLocator)
    except MalformedError:
        return
    if locator is None or not locator.issuer.matches(issuer.subject):
        return
    for one in locator.locator:
        is_uri = one.access_location.kind is GeneralNameKind.UNIFORM_RESOURCE_IDENTIFIER
        if one.access_method == oids.ID_AD_OCSP and is_uri:
            location = Location.of(one.access_location.text)
            if location is not None:
                yield location
