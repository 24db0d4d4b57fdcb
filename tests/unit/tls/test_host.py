from __future__ import annotations

import asyncio
import socket
from collections.abc import Sequence
from ipaddress import ip_address

import pytest

from certstatus.errors import UnreachableError
from certstatus.limits import MAX_ADDRESSES
from certstatus.tls.host import Host, connection, look_up, parse_host
from tests.tlshost import Listener


@pytest.mark.parametrize(
    ("text", "host"),
    [
        ("www.example", Host("www.example", 443)),
        ("www.example:25", Host("www.example", 25)),
        ("192.0.2.1:25", Host("192.0.2.1", 25)),
        ("[2001:db8::1]", Host("2001:db8::1", 443)),
        ("[2001:db8::1]:25", Host("2001:db8::1", 25)),
        *((text, None) for text in ("", ":25", "a b", "a:0", "a:65536", "2001:db8::1", "a:x")),
    ],
)
def test_a_host_is_read_as_it_is_written(text: str, host: Host | None) -> None:
    assert parse_host(text) == host


def test_a_host_without_a_port_has_the_protocols() -> None:
    assert parse_host("mail.example", 25) == Host("mail.example", 25)


@pytest.mark.parametrize("text", ["www.example:443", "[::1]:8443"])
def test_a_host_is_written_as_it_is_read(text: str) -> None:
    assert str(parse_host(text)) == text


@pytest.mark.parametrize(
    ("name", "is_address"), [("192.0.2.1", True), ("::1", True), ("a.example", False)]
)
def test_an_address_is_told_from_a_name(name: str, is_address: bool) -> None:
    assert Host(name).is_address is is_address


def found(addresses: Sequence[str]) -> tuple[str, ...]:
    return asyncio.run(look_up(Host("a.example"), lambda _name, _port: addresses))


def test_addresses_keep_their_order_and_are_bounded() -> None:
    many = [f"192.0.2.{number}" for number in range(MAX_ADDRESSES + 2)]

    assert found(many) == tuple(many[:MAX_ADDRESSES])


def test_an_address_needs_no_look_up() -> None:
    def nobody(_name: str, _port: int) -> Sequence[str]:
        raise AssertionError

    assert asyncio.run(look_up(Host("::1"), nobody)) == ("::1",)


def test_a_name_without_addresses_is_unreachable() -> None:
    with pytest.raises(UnreachableError, match=r"a\.example:443: it has no address"):
        found([])


def test_a_name_that_is_not_found_is_unreachable() -> None:
    def fail(_name: str, _port: int) -> Sequence[str]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    with pytest.raises(UnreachableError, match=r"the name a\.example was not found: Name or"):
        asyncio.run(look_up(Host("a.example"), fail))


def connect(host: Host, *addresses: str) -> str:
    """Connect, and return the address that answered."""

    async def run() -> str:
        async with connection(host, addresses) as (_, writer):
            return str(ip_address(writer.get_extra_info("peername")[0]))

    return asyncio.run(run())


def test_the_next_address_is_tried_where_the_first_does_not_answer() -> None:
    with Listener(lambda connection: connection.close()) as server:
        assert connect(server.host, "127.0.0.2", "127.0.0.1") == "127.0.0.1"


def test_every_address_that_was_tried_is_told() -> None:
    with Listener(lambda connection: connection.close()) as server:
        port = server.host.port
        with pytest.raises(UnreachableError) as caught:
            connect(Host("a.example", port), "127.0.0.2", "::1")

    assert [one.url for one in caught.value.attempts] == [f"127.0.0.2:{port}", f"[::1]:{port}"]
