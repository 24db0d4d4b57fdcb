"""Binding: every address of a name, one port for all, and errors that say what to do."""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from certstatus.errors import ConfigError
from certstatus.limits import RECEIVE_BUFFER_BYTES
from certstatus.server import listen
from certstatus.server.listen import address, bind_tcp, bind_unix, close_all


@pytest.fixture
def opened() -> Iterator[list[socket.socket]]:
    """Give a list of sockets that are closed after the test."""
    sockets: list[socket.socket] = []
    yield sockets
    close_all(sockets)


def test_port_0_is_one_free_port_on_all_addresses(opened: list[socket.socket]) -> None:
    opened += bind_tcp("", 0)
    assert {each.family for each in opened} == {socket.AF_INET, socket.AF_INET6}
    ports = {each.getsockname()[1] for each in opened}
    assert len(ports) == 1
    assert ports != {0}


def test_a_machine_without_ipv6_listens_on_what_it_has(
    opened: list[socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    bind = listen._bind

    def lacking(family: socket.AddressFamily, where: Any, *, reuse_port: bool) -> socket.socket:
        if family == socket.AF_INET6:
            raise OSError(errno.EAFNOSUPPORT, "Address family not supported by protocol")
        return bind(family, where, reuse_port=reuse_port)

    monkeypatch.setattr(listen, "_bind", lacking)
    opened += bind_tcp("", 0)
    assert {each.family for each in opened} == {socket.AF_INET}
    with pytest.raises(ConfigError, match="not supported"):
        bind_tcp("::1", 0)


def test_addresses_are_written_as_in_urls(opened: list[socket.socket], tmp_path: Path) -> None:
    opened += [*bind_tcp("127.0.0.1", 0), *bind_tcp("::1", 0), bind_unix(tmp_path / "s")]
    port, port6 = (each.getsockname()[1] for each in opened[:2])
    assert [address(each) for each in opened] == [
        f"127.0.0.1:{port}",
        f"[::1]:{port6}",
        str(tmp_path / "s"),
    ]


def test_a_port_that_is_taken_is_a_configuration_error(opened: list[socket.socket]) -> None:
    opened += bind_tcp("127.0.0.1", 0)
    opened[0].listen()
    port = opened[0].getsockname()[1]
    with pytest.raises(ConfigError) as caught:
        bind_tcp("127.0.0.1", port)
    assert str(caught.value) == (
        f"listen: can't listen on 127.0.0.1:{port}: Address already in use "
        "(name an address of this machine and a port that is free)"
    )


def test_a_port_is_shared_only_by_those_who_ask_for_it(opened: list[socket.socket]) -> None:
    opened += bind_tcp("127.0.0.1", 0, reuse_port=True)
    port = opened[0].getsockname()[1]
    opened += bind_tcp("127.0.0.1", port, reuse_port=True)
    opened[0].listen()
    with pytest.raises(ConfigError):
        bind_tcp("127.0.0.1", port)


def test_an_address_of_another_machine_is_a_configuration_error() -> None:
    with pytest.raises(ConfigError, match=r"192\.0\.2\.1:80: Cannot assign"):
        bind_tcp("192.0.2.1", 80)


def test_a_dead_socket_is_replaced(tmp_path: Path, opened: list[socket.socket]) -> None:
    path = tmp_path / "s"
    bind_unix(path).close()
    opened.append(bind_unix(path))
    assert path.is_socket()


def test_a_socket_that_serves_is_left_alone(tmp_path: Path, opened: list[socket.socket]) -> None:
    opened.append(bind_unix(tmp_path / "s"))
    opened[0].listen()
    with pytest.raises(ConfigError, match="already in use"):
        bind_unix(tmp_path / "s")


def test_a_file_that_is_no_socket_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "precious"
    path.write_text("data")
    with pytest.raises(ConfigError, match="precious"):
        bind_unix(path)
    assert path.read_text() == "data"


def test_a_path_too_long_for_a_socket_is_a_configuration_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="too long"):
        bind_unix(tmp_path / ("x" * 200))


def test_the_kernel_keeps_little_of_what_is_not_read() -> None:
    (listening,) = bind_tcp("127.0.0.1", 0)
    with listening:
        assert listening.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) <= 2 * RECEIVE_BUFFER_BYTES
