"""A URL that a stranger chose leads into no private network."""

from __future__ import annotations

from ipaddress import ip_address

import pytest

from certstatus.fetch import Guard, Place, Provenance, address_problem
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
    "address",
    [
        "127.0.0.1",
        "127.8.8.8",
        "10.0.0.1",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "255.255.255.255",
        "224.0.0.1",
        "192.0.2.1",
        "::1",
        "::",
        "fe80::1",
        "fc00::1",
        "ff02::1",
        "::ffff:10.0.0.1",
        "64:ff9b::10.0.0.1",
        "2002:0a00:0001::",
    ],
)
def test_private_and_special_addresses_are_refused(address: str) -> None:
    assert STRANGER.address_problem(ip_address(address)) is not None
    assert address_problem(ip_address(address)) is not None


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700::1111", "64:ff9b::8.8.8.8"])
def test_public_addresses_are_not(address: str) -> None:
    assert STRANGER.address_problem(ip_address(address)) is None


def test_a_url_that_the_user_named_may_lead_anywhere() -> None:
    inside = ip_address("10.0.0.1")

    assert Guard().address_problem(inside) is None
    assert Guard(Provenance.CERTIFICATE, allow_private=True).address_problem(inside) is None
    assert not Guard().checks_addresses


def test_a_redirect_never_leaves_https() -> None:
    http, https = Place("http", "a", 80), Place("https", "a", 443)

    assert STRANGER.redirect_problem(https, http)
    assert STRANGER.redirect_problem(http, https) is None
