"""Where CRLs are published: places, each with the alternatives for one CRL (C11). Pure.

A person names places, or certificates and CRLs do, by cRLDistributionPoints and freshestCRL.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256

from certstatus.errors import ConfigError, MalformedError
from certstatus.fetch import LDAPURL, Guard, Provenance, is_ldap_url, parse_ldap_url
from certstatus.limits import MAX_CRL_URLS
from certstatus.pkix import (
    Certificate,
    CertificateList,
    DistributionPoint,
    Name,
    crl_distribution_points,
    freshest_crl,
)

__all__ = ["CRLPlace", "delta_places", "named_place", "named_server", "places_of_certificate"]

_FULL = "certificateRevocationList"
_DELTA = "deltaRevocationList"


@dataclass(frozen=True, slots=True)
class CRLPlace:
    """One CRL's URLs: alternatives, tried in this order. ``provenance``: who chose them."""

    urls: tuple[str, ...]
    provenance: Provenance = Provenance.NAMED

    @property
    def name(self) -> str:
        """What its files are called."""
        return sha256("\n".join(self.urls).encode()).hexdigest()[:32]

    def __str__(self) -> str:
        return " or ".join(self.urls)


def named_place(urls: Sequence[str], *, server: LDAPURL | None = None) -> CRLPlace:
    """Take the URLs that a person named for one CRL.

    Raises:
        ConfigError: one of them can't be fetched, or there are none or too many.
    """
    for url in urls:
        problem = _problem(url, server)
        if problem is not None:
            remedy = "write http://host/path or ldap://host/dn?certificateRevocationList"
            raise ConfigError(f"{url!r}: {problem}", key="crl", remedy=remedy)
    if not 0 < len(urls) <= MAX_CRL_URLS:
        raise ConfigError(
            f"names {len(urls)} alternatives for one CRL",
            key="crl",
            remedy=f"name 1 to {MAX_CRL_URLS}",
        )
    return CRLPlace(tuple(urls))


def _problem(url: str, server: LDAPURL | None) -> str | None:
    if not is_ldap_url(url):
        place = Guard().place(url)
        return place if isinstance(place, str) else None
    try:
        wanted = parse_ldap_url(url)
    except MalformedError as error:
        return str(error)
    place = Guard().ldap_place(wanted if server is None else wanted.at(server))
    return place if isinstance(place, str) else None


def named_server(text: str) -> LDAPURL:
    """Take the LDAP server for URLs that name no host: ``ldap://host:port``.

    Raises:
        ConfigError: it is none.
    """
    try:
        server = parse_ldap_url(f"{text.rstrip('/')}/cn=x?{_FULL}")
    except MalformedError as error:
        server = None
        reason = str(error)
    else:
        reason = "names no host"
    if server is None or not server.host:
        raise ConfigError(reason, key="ldap_server", remedy="write ldap://host or ldaps://host")
    return server


def places_of_certificate(certificate: Certificate) -> tuple[CRLPlace, ...]:
    """Return where a certificate says that its CRLs and its deltas are.

    Raises:
        MalformedError: an extension is broken, or no distribution point leads anywhere.
    """
    points = crl_distribution_points(certificate.extensions)
    places = tuple(_places(points, certificate.issuer, _FULL))
    if not places:
        raise MalformedError(
            "names no place to fetch CRLs from", where="id-ce-cRLDistributionPoints", rule="C11"
        )
    deltas = _places(freshest_crl(certificate.extensions), certificate.issuer, _DELTA)
    return (*places, *deltas)


def delta_places(crl: CertificateList) -> tuple[CRLPlace, ...]:
    """Return where a full CRL says that its deltas are (RFC 5280 §5.2.6). Raises MalformedError."""
    return tuple(_places(freshest_crl(crl.extensions), crl.issuer, _DELTA))


def _places(
    points: Sequence[DistributionPoint], issuer: Name, attribute: str
) -> Iterator[CRLPlace]:
    for point in points[:MAX_CRL_URLS]:
        urls = (
            *(uri for uri in point.uris if is_ldap_url(uri) or _is_http(uri)),
            *(str(LDAPURL(dn=str(name), attribute=attribute)) for name in point.entries(issuer)),
        )
        if urls:
            yield CRLPlace(urls[:MAX_CRL_URLS], Provenance.CERTIFICATE)


def _is_http(uri: str) -> bool:
    return uri.partition("://")[0].lower() in {"http", "https"}
