"""Which addresses belong to the public Internet, by the IANA registries of special addresses.

The tables stand here, not in the standard library's ``is_global``: what that says of an
address differs between releases of Python.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Final, TypeAlias

__all__ = ["Address", "address_problem"]

Address: TypeAlias = IPv4Address | IPv6Address

_INSIDE_V4: Final = tuple(
    (IPv4Network(network), kind)
    for network, kind in (
        ("0.0.0.0/8", "this network"),
        ("10.0.0.0/8", "private use"),
        ("100.64.0.0/10", "shared with the provider"),
        ("127.0.0.0/8", "this machine"),
        ("168.63.129.16/32", "a cloud's own services"),  # Azure; other clouds use link-local
        ("169.254.0.0/16", "link-local"),
        ("172.16.0.0/12", "private use"),
        ("192.0.0.0/24", "protocol assignments"),
        ("192.0.2.0/24", "documentation"),
        ("192.88.99.0/24", "6to4 relays"),
        ("192.168.0.0/16", "private use"),
        ("198.18.0.0/15", "benchmarks"),
        ("198.51.100.0/24", "documentation"),
        ("203.0.113.0/24", "documentation"),
        ("224.0.0.0/4", "multicast"),
        ("240.0.0.0/4", "reserved"),
    )
)
_INSIDE_V6: Final = tuple(
    (IPv6Network(network), kind)
    for network, kind in (
        ("::/128", "this network"),
        ("::1/128", "this machine"),
        ("2001::/23", "protocol assignments"),
        ("2001:db8::/32", "documentation"),
        ("3fff::/20", "documentation"),
        ("fc00::/7", "private use"),
        ("fe80::/10", "link-local"),
        ("ff00::/8", "multicast"),
    )
)
_GLOBAL_UNICAST: Final = IPv6Network("2000::/3")
_MAPPED: Final = IPv6Network("::ffff:0:0/96")
_NAT64: Final = IPv6Network("64:ff9b::/96")
_SIX_TO_FOUR: Final = IPv6Network("2002::/16")


def address_problem(address: Address) -> str | None:
    """Say why an address is not one of the public Internet; None: it is.

    An IPv6 address that leads to an IPv4 one (mapped, NAT64, 6to4) is judged by that.
    """
    kind = _kind_v4(address) if isinstance(address, IPv4Address) else _kind_v6(address)
    return None if kind is None else f"{address} is not a public address ({kind})"


def _kind_v4(address: IPv4Address) -> str | None:
    return next((kind for network, kind in _INSIDE_V4 if address in network), None)


def _kind_v6(address: IPv6Address) -> str | None:
    inner = _leads_to(address)
    if inner is not None:
        return _kind_v4(inner)
    kind = next((kind for network, kind in _INSIDE_V6 if address in network), None)
    if kind is None and address not in _GLOBAL_UNICAST:
        return "reserved"
    return kind


def _leads_to(address: IPv6Address) -> IPv4Address | None:
    if address in _MAPPED or address in _NAT64:
        return IPv4Address(int(address) & 0xFFFF_FFFF)
    if address in _SIX_TO_FOUR:
        return IPv4Address(int(address) >> 80 & 0xFFFF_FFFF)
    return None
