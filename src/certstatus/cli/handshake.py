"""The certificates that a TLS server shows, taken from one handshake and believed in nothing."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final

from certstatus.errors import MalformedError
from certstatus.limits import FETCH_TIME
from certstatus.limits_tls import MAX_PROBED_BYTES
from certstatus.pkix import Certificate
from certstatus.tls.host import Host, Streams, connection, look_up, os_reason, unreachable

__all__ = ["fetch_chain"]

_READ_OCTETS: Final = 16_384


async def fetch_chain(host: Host, time_limit: timedelta = FETCH_TIME) -> tuple[Certificate, ...]:
    """Return the certificates that the server sends, its own first.

    The chain is not validated, so that an expired or a private server can be asked about
    too: what counts is that the issuer signed the certificate, which the check asks.

    Raises:
        UnreachableError: there was no handshake within ``time_limit``.
        MalformedError: the server's certificate is broken.
    """
    try:
        async with asyncio.timeout(time_limit.total_seconds()):
            shown = await _shown(host, await look_up(host))
    except TimeoutError as error:
        raise unreachable(host, "no handshake in time") from error
    except ssl.SSLError as error:
        raise unreachable(host, (error.reason or str(error)).replace("_", " ").lower()) from error
    except (OSError, ValueError) as error:
        reason = os_reason(error) if isinstance(error, OSError) else str(error)
        raise unreachable(host, reason) from error
    if not shown:
        raise MalformedError("sends no certificate", where=str(host))
    return tuple(Certificate.from_der(der, str(host)) for der in shown)


async def _shown(host: Host, addresses: Sequence[str]) -> list[bytes]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    async with connection(host, addresses) as streams:
        return _chain(await _shake_hands(context, host, streams))


async def _shake_hands(context: ssl.SSLContext, host: Host, streams: Streams) -> ssl.SSLObject:
    """Carry octets between the network and OpenSSL, so that the time limit may end it anywhere."""
    reader, writer = streams
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = context.wrap_bio(incoming, outgoing, server_hostname=host.name)
    left, is_done = MAX_PROBED_BYTES, False
    while not is_done:
        try:
            client.do_handshake()
            is_done = True
        except ssl.SSLWantReadError:
            pass
        finally:
            writer.write(outgoing.read())
        await writer.drain()
        if not is_done:
            data = await reader.read(_READ_OCTETS)
            left -= len(data)
            if not data or left < 0:
                raise ConnectionAbortedError(0, "the server goes away, or sends too much")
            incoming.write(data)
    return client


def _chain(server: ssl.SSLObject) -> list[bytes]:
    """Read the whole chain where this Python tells it, else the server's certificate alone."""
    # Public from Python 3.13 on; before, the same method stands on the inner object.
    inner: Any = getattr(server, "_sslobj", None)
    chain = getattr(server, "get_unverified_chain", None)
    if chain is not None:
        return list(chain())
    chain = getattr(inner, "get_unverified_chain", None)
    if chain is not None:
        return [ssl.PEM_cert_to_DER_cert(one.public_bytes()) for one in chain() or ()]
    alone = server.getpeercert(binary_form=True)
    return [] if alone is None else [alone]
