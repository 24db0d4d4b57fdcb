"""A URL that a stranger chose leads into no private network."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from certstatus.fetch import Guard, Place, Provenance, address_problem
from certstatus.fetch.address import _leads_to
from certstatus.limits import MAX_URL_BYTES

STRANGER = Guard(Provenance.CERTIFICATE)


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("http://ocsp.example/", Place("http", "ocsp.example", 80)),
        ("HTTP://OCSP.example:8080/x?y", Place("http", "ocsp.example", 8080)),
        ("https://[2001:db8::1]/", Place("https", "2001:db8::1", 443)),
    ],
)
def test_a_url_is_taken_apart(url: str, place: Place) -> None:
    assert STRANGER.place(url) == place


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("ldap://directory.example/", "scheme ldap"),
        ("file:///etc/passwd", "scheme file"),
        ("gopher://ocsp.example/", "scheme gopher"),
        ("//ocsp.example/", "scheme (none)"),
        ("http://user:secret@ocsp.example/", "user name"),
        ("http:///path", "no host"),
        ("http://ocsp.example:0/", "no host"),
        ("http://ocsp.example:25/", "port 25 belongs to another protocol"),
        ("https://ocsp.example:6667/", "port 6667 belongs to another protocol"),
        ("http://ocsp.example\\@inside.example/", "characters"),
        ("http://ocsp.example:99999/", "is no URL"),
        ("http://[::1/", "is no URL"),
        ("http://ocsp.example/\r\nX: y", "characters"),
        ("http://ocsp.example/ x", "characters"),
        ("http://öcsp.example/", "characters"),
        ("http://ocsp.example/" + "x" * MAX_URL_BYTES, "longer than"),
    ],
)
@pytest.mark.rule("O8")
def test_what_is_no_plain_http_url_is_refused_with_its_reason(url: str, reason: str) -> None:
    told = STRANGER.place(url)

    assert isinstance(told, str)
    assert reason in told
    assert "secret" not in told


@pytest.mark.parametrize(
    ("address", "kind"),
    [
        ("127.0.0.1", "this machine"),
        ("127.8.8.8", "this machine"),
        ("10.0.0.1", "private use"),
        ("172.16.0.1", "private use"),
        ("172.31.255.255", "private use"),
        ("192.168.1.1", "private use"),
        ("169.254.169.254", "link-local"),
        ("168.63.129.16", "a cloud's own services"),
        ("192.0.0.192", "protocol assignments"),
        ("100.64.0.1", "shared with the provider"),
        ("100.100.100.200", "shared with the provider"),
        ("0.0.0.0", "this network"),
        ("255.255.255.255", "reserved"),
        ("224.0.0.1", "multicast"),
        ("192.0.2.1", "documentation"),
        ("198.18.0.1", "benchmarks"),
        ("::1", "this machine"),
        ("::", "this network"),
        ("::7f00:1", "reserved"),
        ("fe80::1", "link-local"),
        ("fec0::1", "reserved"),
        ("fc00::1", "private use"),
        ("fd00:ec2::254", "private use"),
        ("ff02::1", "multicast"),
        ("64:ff9b:1::8.8.8.8", "reserved"),
        ("2001::1", "protocol assignments"),
        ("2001:db8::1", "documentation"),
        ("3fff::1", "documentation"),
        ("5f00::1", "reserved"),
        ("::ffff:10.0.0.1", "private use"),
        ("64:ff9b::10.0.0.1", "private use"),
        ("64:ff9b::169.254.169.254", "link-local"),
        ("2002:0a00:0001::", "private use"),
    ],
)
def test_private_and_special_addresses_are_refused_with_their_kind(address: str, kind: str) -> None:
    told = STRANGER.address_problem(ip_address(address))

    assert told == f"{ip_address(address)} is not a public address ({kind})"
    assert told == address_problem(ip_address(address))


@pytest.mark.parametrize(
    "address",
    ["8.8.8.8", "172.32.0.1", "2606:4700::1111", "64:ff9b::8.8.8.8", "2002:0808:0808::"],
)
def test_public_addresses_are_not(address: str) -> None:
    assert STRANGER.address_problem(ip_address(address)) is None


@given(st.ip_addresses(v=4))
def test_an_address_is_judged_alike_in_whatever_it_is_wrapped(address: IPv4Address) -> None:
    number = int(address)
    wrapped = [
        IPv6Address(int(ip_address("::ffff:0:0")) | number),
        IPv6Address(int(ip_address("64:ff9b::")) | number),
        IPv6Address(int(ip_address("2002::")) | number << 80),
    ]

    assert {address_problem(one) is None for one in wrapped} == {address_problem(address) is None}


@given(st.ip_addresses())
def test_what_python_takes_for_private_is_never_public_here(
    address: IPv4Address | IPv6Address,
) -> None:
    # Releases of Python differ about addresses that lead to others: ask about where they lead.
    judged = _leads_to(address) if isinstance(address, IPv6Address) else None

    assert (judged or address).is_global or address_problem(address)


def test_a_url_that_the_user_named_may_lead_anywhere() -> None:
    inside = ip_address("10.0.0.1")

    assert Guard().address_problem(inside) is None
    assert Guard(Provenance.CERTIFICATE, allow_private=True).address_problem(inside) is None
    assert not Guard().checks_addresses


def test_a_url_that_the_user_named_may_have_any_port_and_https_may_be_switched_off() -> None:
    assert Guard().place("http://ocsp.example:25/") == Place("http", "ocsp.example", 25)
    assert Guard(allow_https=False).place("https://a/") == "the scheme https is switched off"


def test_where_a_redirect_leads_is_the_choice_of_whoever_answered() -> None:
    outside, inside = ip_address("8.8.8.8"), ip_address("10.0.0.1")

    assert Guard().after(outside) == STRANGER
    assert Guard().after(inside) == Guard()
    assert STRANGER.after(inside) == STRANGER


def test_a_redirect_never_leaves_https() -> None:
    http, https = Place("http", "a", 80), Place("https", "a", 443)

    assert STRANGER.redirect_problem(https, http)
    assert STRANGER.redirect_problem(http, https) is None
