"""LDAP URLs as certificates name them (RFC 4516, RFC 5280 §4.2.1.13; C11, C12, C13).

Its law: a URL is taken apart first and percent-decoded then, part by part, so no decoded
octet is ever taken for a separator.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Final

from certstatus.asn1.doorway import encode_tlv
from certstatus.errors import MalformedError
from certstatus.fetch.ldap_filter import encode_filter
from certstatus.limits import MAX_URL_BYTES

__all__ = ["ATTRIBUTES", "LDAPURL", "attribute_name", "is_ldap_url", "parse_ldap_url"]

ATTRIBUTES: Final = {
    "usercertificate": ("userCertificate", "2.5.4.36"),
    "cacertificate": ("cACertificate", "2.5.4.37"),
    "authorityrevocationlist": ("authorityRevocationList", "2.5.4.38"),
    "certificaterevocationlist": ("certificateRevocationList", "2.5.4.39"),
    "crosscertificatepair": ("crossCertificatePair", "2.5.4.40"),
    "deltarevocationlist": ("deltaRevocationList", "2.5.4.53"),
}
"""The attributes of RFC 4523 §2 that hold certificates or CRLs, by their folded names (C13)."""

_BY_OID: Final = {oid: name for name, oid in ATTRIBUTES.values()}
_SCOPES: Final = {"": 0, "base": 0, "one": 1, "sub": 2}
_PORTS: Final = {"ldap": 389, "ldaps": 636}
_HOST: Final = re.compile(r"(\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9._~-]{1,253})(?::(\d{1,5}))?")
_WHERE: Final = "LDAP URL"
_ALL: Final = "(objectClass=*)"
_PLAIN: Final = frozenset(
    b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~=,+:@/"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class LDAPURL:
    """An LDAP URL taken apart. ``host`` is empty where the URL names none.

    ``dn`` is as RFC 4514 writes it; ``attribute`` one of RFC 4523's names, without
    ``;binary``; ``scope`` and ``filter`` are the standard's defaults where left out.
    """

    scheme: str = "ldap"
    host: str = ""
    port: int = 389
    dn: str
    attribute: str
    scope: int = 0
    filter: str = _ALL

    @property
    def filter_ber(self) -> bytes:
        """The filter as a SearchRequest holds it (RFC 4511 §4.5.1.7)."""
        return encode_filter(self.filter)

    def at(self, server: LDAPURL) -> LDAPURL:
        """Return the URL with the host of ``server`` where it names none (C11)."""
        if self.host:
            return self
        return replace(self, scheme=server.scheme, host=server.host, port=server.port)

    def search(self, message_id: int, *, time_limit: int) -> bytes:
        """Write the search for the one attribute, asked for with ``;binary`` (C13)."""
        contents = b"".join(
            (
                encode_tlv(0x04, self.dn.encode()),
                encode_tlv(0x0A, bytes((self.scope,))),
                encode_tlv(0x0A, b"\0"),  # neverDerefAliases
                encode_tlv(0x02, b"\0"),  # no sizeLimit
                encode_tlv(0x02, time_limit.to_bytes(2)),
                encode_tlv(0x01, b"\0"),  # values too, not types only
                self.filter_ber,
                encode_tlv(0x30, encode_tlv(0x04, f"{self.attribute};binary".encode())),
            )
        )
        return encode_tlv(0x30, encode_tlv(0x02, bytes((message_id,))) + encode_tlv(0x63, contents))

    def __str__(self) -> str:
        """Write the URL anew; what is default is left out."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = f":{self.port}" if self.host and self.port != _PORTS[self.scheme] else ""
        scope = {0: "", 1: "one", 2: "sub"}[self.scope]
        query = "" if self.filter == _ALL else _quoted(self.filter)
        tail = f"?{scope}?{query}".rstrip("?")
        return f"{self.scheme}://{host}{port}/{_quoted(self.dn)}?{self.attribute}{tail}"


def is_ldap_url(url: str) -> bool:
    """Whether the scheme is LDAP's."""
    scheme, separator, _ = url.partition("://")
    return bool(separator) and scheme.lower() in _PORTS


def parse_ldap_url(url: str) -> LDAPURL:
    """Take an LDAP URL of a certificate or CRL apart.

    Raises:
        MalformedError: it breaks RFC 4516, has a critical extension (C12), or names no dn,
            or not exactly one attribute that holds certificates or CRLs (C11, C13).
    """
    if len(url) > MAX_URL_BYTES or not re.fullmatch(r"[!-~]*", url):
        raise _broken("is too long, or holds characters that a URL can't hold")
    scheme, separator, rest = url.partition("://")
    scheme = scheme.lower()
    if not separator or scheme not in _PORTS:
        raise _broken("does not begin with ldap:// or ldaps://")
    authority, _, path = rest.partition("/")
    host, port = _authority(authority, scheme)
    dn, attributes, scope, query, extensions, *more = [*path.split("?"), "", "", "", "", ""][:6]
    if path.count("?") > 4 or (more and more[0]):
        raise _broken("has more than four question marks")
    _check_extensions(extensions)
    if _decoded(scope).lower() not in _SCOPES:
        raise _broken(f"has the scope {scope}, which is none of base, one, sub")
    parsed = LDAPURL(
        scheme=scheme,
        host=host,
        port=port,
        dn=_decoded(dn),
        attribute=_attribute(attributes),
        scope=_SCOPES[_decoded(scope).lower()],
        filter=_decoded(query) or _ALL,
    )
    if not parsed.dn:
        raise _broken("names no entry", rule="C11")
    _ = parsed.filter_ber
    return parsed


def _authority(authority: str, scheme: str) -> tuple[str, int]:
    if not authority:
        return "", _PORTS[scheme]
    found = _HOST.fullmatch(authority)
    if found is None or (port := int(found[2] or _PORTS[scheme])) not in range(1, 65_536):
        raise _broken(f"names the host {authority}, which is none")
    return found[1].strip("[]"), port


def _attribute(text: str) -> str:
    """Find the one attribute among those of RFC 4523 (C11, C13)."""
    named = text.split(",")
    if len(named) != 1 or not text:
        count = len(named) if text else 0
        raise _broken(f"names {count} attributes, and must name exactly one", rule="C11")
    description = _decoded(text)
    name = attribute_name(description)
    if name is None:
        raise _broken(f"names {description}, which holds no certificate or CRL", rule="C13")
    return name


def attribute_name(description: str) -> str | None:
    """Name the attribute of RFC 4523 that a description is of, with or without ``;binary``."""
    base, _, option = description.partition(";")
    if option.lower() not in {"", "binary"}:
        return None
    known = ATTRIBUTES.get(base.lower())
    return known[0] if known else _BY_OID.get(base)


def _check_extensions(text: str) -> None:
    """Refuse critical extensions: none is known here (C12)."""
    for extension in filter(None, text.split(",")):
        if _decoded(extension).startswith("!"):
            raise _broken(f"has the critical extension {extension}, which is unknown")


def _decoded(part: str) -> str:
    if re.search(r"%(?![0-9A-Fa-f]{2})", part):
        raise _broken("has a % that is not followed by two hex digits")
    octets = re.sub(rb"%(..)", lambda found: bytes.fromhex(found[1].decode()), part.encode())
    try:
        return octets.decode()
    except UnicodeDecodeError as error:
        raise _broken("is not UTF-8 once it is decoded") from error


def _quoted(text: str) -> str:
    return "".join(chr(one) if one in _PLAIN else f"%{one:02X}" for one in text.encode())


def _broken(reason: str, rule: str = "C12") -> MalformedError:
    return MalformedError(reason, where=_WHERE, rule=rule)
