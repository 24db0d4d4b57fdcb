"""The addresses of a name, within a time limit that the system's resolver doesn't have."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from ipaddress import ip_address
from typing import Final, TypeAlias

from certstatus.fetch.address import Address
from certstatus.fetch.conversation import FetchFailed
from certstatus.fetch.guard import Place

__all__ = ["Resolver", "begin_lookup", "system_addresses"]

Resolver: TypeAlias = Callable[[str, int], Sequence[str]]
"""Tells the addresses of a host, best first; raises OSError where there are none."""

_LASTING: Final = frozenset({socket.EAI_NONAME, socket.EAI_FAIL, socket.EAI_FAMILY})


def system_addresses(host: str, port: int) -> list[str]:
    """Ask the system, as ``getaddrinfo`` sorts them (RFC 6724). Raises OSError."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(entry[4][0]).partition("%")[0] for entry in found]


def begin_lookup(resolver: Resolver, place: Place) -> Future[tuple[Address, ...]]:
    """Look a name up in a thread of its own, which nobody has to wait for.

    The future raises FetchFailed where the name is not found.
    """
    future: Future[tuple[Address, ...]] = Future()
    future.set_running_or_notify_cancel()
    threading.Thread(target=_look_up, args=(future, resolver, place), daemon=True).start()
    return future


def _look_up(future: Future[tuple[Address, ...]], resolver: Resolver, place: Place) -> None:
    try:
        found = dict.fromkeys(resolver(place.host, place.port))
        future.set_result(tuple(ip_address(text) for text in found))
    except (OSError, UnicodeError) as error:
        is_lasting = not isinstance(error, socket.gaierror) or error.errno in _LASTING
        why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        future.set_exception(
            FetchFailed(f"the name {place.host} was not found: {why}", is_lasting=is_lasting)
        )
    except BaseException as error:  # noqa: BLE001 - handed to the thread that waits
        future.set_exception(error)
