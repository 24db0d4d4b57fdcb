from __future__ import annotations

import re
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from dev.tree import ROOT


@pytest.mark.parametrize("host", ["192.0.2.1", "2001:db8::1", "8.8.8.8"])
def test_a_connection_off_the_machine_fails_the_test(host: str) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as sock, pytest.raises(pytest.fail.Exception, match=host):
        sock.connect((host, 80))


def test_a_datagram_off_the_machine_fails_the_test() -> None:
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock,
        pytest.raises(pytest.fail.Exception, match="loopback only"),
    ):
        sock.sendto(b"hello", ("192.0.2.1", 53))


def test_looking_up_a_name_fails_the_test() -> None:
    with pytest.raises(pytest.fail.Exception, match="DNS: ocsp"):
        socket.getaddrinfo("ocsp.example.org", 80)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_loopback_is_open(host: str) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_connection((host, server.getsockname()[1])) as client,
    ):
        assert client.getpeername() == server.getsockname()


def test_a_missing_peer_fails_the_test_and_names_its_package(
    interop_command: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.which", lambda *_args, **_more: None)

    with pytest.raises(pytest.fail.Exception, match="apt-get install gnutls-bin"):
        interop_command("ocsptool")


def test_a_peer_that_is_there_is_found(interop_command: Callable[[str], Path]) -> None:
    assert interop_command("openssl").is_file()


def test_every_peer_comes_from_a_listed_package() -> None:
    conftest = (ROOT / "tests" / "conftest.py").read_text(encoding="utf-8")
    listed = (ROOT / "apt-packages.txt").read_text(encoding="utf-8")
    packages = {line.split("#")[0].strip() for line in listed.splitlines()}
    table = conftest.split("DEBIAN_PACKAGES: Final = {")[1].split("}")[0]

    wanted = set(re.findall(r': "([\w-]+)"', table))

    assert wanted
    assert wanted <= packages
