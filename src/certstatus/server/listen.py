"""Sockets to listen on: bound first, so that a port of 0 is known and several workers can share it."""

from __future__ import annotations

import errno
import os
import socket
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, TypeAlias

from certstatus.errors import ConfigError
from certstatus.limits import RECEIVE_BUFFER_BYTES

__all__ = ["address", "bind_tcp", "bind_unix", "close_all"]

_NOT_HERE: Final = frozenset({errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT})

_Where: TypeAlias = tuple[Any, ...]
"""An address as the socket module has it: host, port, and for IPv6 flow and scope."""


def bind_tcp(host: str, port: int, *, reuse_port: bool = False) -> list[socket.socket]:
    """Bind a socket to every address of ``host``; with ``port`` 0, to one free port for all.

    An empty ``host`` is every address of the machine, IPv4 and IPv6. Of several addresses,
    those that the machine does not have (IPv6 switched off) are left out.
    With ``reuse_port`` others of the same user may bind the same port, and the kernel
    spreads connections over those that listen.

    Raises:
        ConfigError: the name is unknown, or an address can't be bound.
    """
    bound: list[socket.socket] = []
    try:
        missing: OSError | None = None
        for family, where in _addresses(host, port):
            port = port or (bound[0].getsockname()[1] if bound else 0)
            try:
                bound.append(_bind(family, (where[0], port, *where[2:]), reuse_port=reuse_port))
            except OSError as error:
                if error.errno not in _NOT_HERE:
                    raise
                missing = error
        if missing and not bound:
            raise missing
    except OSError as error:
        close_all(bound)
        raise ConfigError(
            f"can't listen on {_show(host, port)}: {error.strerror}",
            key="listen",
            remedy="name an address of this machine and a port that is free",
        ) from error
    return bound


def bind_unix(path: Path) -> socket.socket:
    """Bind a Unix socket; a dead one that stands in its place is removed.

    Raises:
        ConfigError: something else stands there, a server listens there, or the folder can't be written.
    """
    try:
        _clear(path)
        bound = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            bound.bind(os.fspath(path))
        except OSError:
            bound.close()
            raise
    except OSError as error:
        raise ConfigError(
            f"can't listen on {path}: {error.strerror or error}",
            key="listen",
            remedy="name a path in a folder that this user can write, and that nobody listens on",
        ) from error
    return bound


def address(bound: socket.socket) -> str:
    """Return where a socket listens as text: ``127.0.0.1:80``, ``[::1]:80`` or a path."""
    name = bound.getsockname()
    return _show(name[0], name[1]) if isinstance(name, tuple) else os.fsdecode(name)


def close_all(sockets: Sequence[socket.socket]) -> None:
    """Close sockets."""
    for each in sockets:
        each.close()


def _addresses(host: str, port: int) -> list[tuple[socket.AddressFamily, _Where]]:
    found = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    return list(dict.fromkeys((family, where) for family, _, _, _, where in found))


def _bind(family: socket.AddressFamily, where: _Where, *, reuse_port: bool) -> socket.socket:
    bound = socket.socket(family, socket.SOCK_STREAM)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # Connections inherit it, and the kernel grants twice of what is asked, for itself.
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)
        if reuse_port:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if family == socket.AF_INET6:  # an IPv4 client comes to the IPv4 socket, if there is one
            bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        bound.bind(where)
    except OSError:
        bound.close()
        raise
    return bound


def _clear(path: Path) -> None:
    """Remove a socket file that nobody listens on."""
    if not path.exists() or not stat.S_ISSOCK(path.stat().st_mode):
        return  # if a file of another kind stands there, bind says so
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as trial:
        try:
            trial.connect(os.fspath(path))
        except ConnectionRefusedError:
            path.unlink()


def _show(host: str | int, port: str | int) -> str:
    return f"[{host}]:{port}" if ":" in str(host) else f"{host}:{port}"
