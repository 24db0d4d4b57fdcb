"""The host of faults: a TLS server and an OCSP responder that are wrong on demand.

One fault for each name in SNI, by its first label, and on request for each port; the
responder has each under a path of its own. Responses are made anew for each connection.
"""

from __future__ import annotations

import contextlib
import ipaddress
import json
import re
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from certstatus.clock import Clock, SystemClock
from certstatus.errors import CertStatusError, ConfigError, MalformedError, UnreachableError
from certstatus.handshake import (
    AlertDescription,
    Flight,
    parse_client_hello,
    read_transcript,
    version_text,
)
from certstatus.handshake.numbers import number_text
from certstatus.limits import LINGER_TIME, READ_TIME
from certstatus.limits_tls import FAULT_DELAY, FAULT_TIME, MAX_FAULT_CONNECTIONS, MAX_FAULT_DELAY
from certstatus.tls.fault import FAULTS, HONEST, Fault, Pace, Where
from certstatus.tls.fault_gate import Gate, SecondHandle
from certstatus.tls.fault_page import Listing
from certstatus.tls.fault_pki import FaultPKI
from certstatus.tls.fault_responder import FaultFace
from certstatus.tls.fault_web import Read, Refused, WebReply, read_request
from certstatus.tls.wire import Credentials, ServerStaples, WireConnection, accept

__all__ = ["DOMAIN", "FaultHost", "Visit"]

DOMAIN: Final = "fault.test"
"""A suffix that the DNS does not have (RFC 6761 §6.2)."""

_NAME: Final = re.compile(r"(?=.{1,253}$)[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*")
_HELLO_BYTES: Final = 65_536
_DRIPS: Final = 1_000
"""Bytes that drip in the host's delay: an OCSP response has nearly as many, a handshake more."""

_PATIENCE: Final = 6
"""Delays that a connection may last: a handshake of 4 kB takes four, byte by byte."""


@dataclass(frozen=True, kw_only=True)
class Visit:
    """What came of one connection to the TLS host.

    ``is_seen``: the client asked so that the fault shows. ``alert`` is the number of the
    alert with which the client ended it, None where it sent none; ``version`` 0 where it did
    not come to that.
    """

    client: str
    fault: Fault
    is_shaken: bool
    is_seen: bool = True
    version: int = 0
    alert: int | None = None
    reason: str = ""

    def __str__(self) -> str:
        place = f"{self.client}  {self.fault.name}"
        if self.version:
            place += f"  {version_text(self.version)}"
        due = self.fault.alert_in(self.version)
        if self.alert is not None:
            sent = number_text(self.alert, AlertDescription)
            told = f"ended by the client with {sent}"
        elif not self.is_shaken:
            return f"{place}: no handshake, {self.reason}"
        else:
            told = "the client finished the handshake"
        if not self.is_seen:
            return f"{place}: {told}; it did not ask so that the fault shows"
        if due is None:
            return f"{place}: {told}" + ("" if self.alert is None else "; no alert was due")
        return f"{place}: {told}" + (", as it should" if due == self.alert else f"; {due} was due")


class FaultHost:
    """Runs in threads of its own from ``start`` to ``close``; a context manager of both.

    Args:
        host: the address to listen on.
        port: of the TLS host, 0 for a free one; ``ocsp_port`` likewise of the responder.
        port_base: where the ports of single faults begin, in the order of ``FAULTS``; None
            opens none.
        domain: the DNS suffix of the faults' names; any other works as well.
        public_host: what clients call this machine, for the URLs in certificates; ``host``,
            or ``domain`` where that is every address.
        delay: how long slow faults wait.
        clock: tells the time.
        on_visit: called from the connections' threads; it must not wait.

    Raises:
        ConfigError: an address can't be listened on, a name is no host's, or ``delay`` is
            longer than ``MAX_FAULT_DELAY``.
    """

    def __init__(
        self,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        ocsp_port: int = 0,
        port_base: int | None = None,
        domain: str = DOMAIN,
        public_host: str | None = None,
        delay: timedelta = FAULT_DELAY,
        clock: Clock | None = None,
        on_visit: Callable[[Visit], None] | None = None,
    ) -> None:
        self._clock = clock or SystemClock()
        self._delay = delay
        self._time_limit = FAULT_TIME + _PATIENCE * delay
        self._on_visit = on_visit
        public = public_host or (domain if _is_any(host) else host)
        for key, name in (("domain", domain), ("public_host", public)):
            _check_name(key, name)
        if delay > MAX_FAULT_DELAY:
            raise ConfigError("is too long", key="delay", remedy="a day is the most")
        self._gate = Gate(max_connections=MAX_FAULT_CONNECTIONS, time_limit=self._time_limit)
        with self._closing_on_failure():
            ports = self._listen_for_each(host, port_base)
            tls_port = self._gate.listen(host, port, partial(self._serve_tls, own=None))
            ocsp_port = self._gate.listen(host, ocsp_port, self._serve_http)
        ocsp_url = f"http://{_bracketed(public)}:{ocsp_port}"
        hosts = ("localhost", "127.0.0.1", "::1", public)
        self.pki = FaultPKI(now=self._clock.now(), ocsp_url=ocsp_url, hosts=hosts)
        self.listing = Listing(
            domain=domain, host=public, port=tls_port, ocsp_url=ocsp_url, ports=ports
        )
        self._face = FaultFace(self.pki, self.listing)

    def _listen_for_each(self, host: str, port_base: int | None) -> dict[str, int]:
        """Open a port for each fault that shows in TLS."""
        if port_base is None:
            return {}
        if not 0 < port_base <= 65_536 - len(FAULTS):
            text = f"{port_base} leaves no room for {len(FAULTS)} ports"
            raise ConfigError(text, key="port_base", remedy="name a lower one")
        return {
            fault.name: self._gate.listen(host, port, partial(self._serve_tls, own=fault))
            for port, fault in enumerate(FAULTS.values(), port_base)
            if fault.shows_in_tls
        }

    @contextlib.contextmanager
    def _closing_on_failure(self) -> Iterator[None]:
        try:
            yield
        except BaseException:
            self._gate.close()
            raise

    @property
    def port(self) -> int:
        """The port of the TLS host."""
        return self.listing.port

    def url(self, fault: Fault) -> str:
        """Return the URL of the responder that has a fault."""
        return f"{self.listing.ocsp_url}/{fault.name}"

    def start(self) -> None:
        """Begin to serve."""
        self._gate.start()

    def close(self) -> None:
        """End every connection and all listening. May be called twice."""
        self._gate.close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def write(self, directory: Path) -> None:
        """Write what a tester needs: ``ca.pem``, ``faults.json``, ``certificates/NAME.pem``.

        No key is written. The CA stays for as long as the host runs; the certificates are
        those of now, and the responder gives newer ones at ``/NAME.pem``.

        Raises:
            OSError: the file system refused.
        """
        now = self._clock.now()
        certificates = directory / "certificates"
        certificates.mkdir(parents=True, exist_ok=True)
        for fault in FAULTS.values():
            identity = self.pki.identity(fault, self.listing.server_name(fault.name), now)
            (certificates / f"{fault.name}.pem").write_bytes(identity.pem)
        (directory / "ca.pem").write_bytes(self.pki.root.issued.certificate_pem)
        (directory / "faults.json").write_text(json.dumps(self.listing.as_json(), indent=2) + "\n")

    # --- TLS ----------------------------------------------------------------------------------

    def _serve_tls(self, sock: socket.socket, *, own: Fault | None) -> None:
        """Shake hands as the fault has it, then show the list over what came of it."""
        client = _client(sock)
        begun, server_name = _begin(sock)
        fault = own or _fault_of(server_name)
        visit = Visit(client=client, fault=fault, is_shaken=False)
        try:
            connection = self._shake_hands(sock, begun, fault, server_name)
        except CertStatusError as error:
            self._tell(_ended(visit, error))
            return
        visit = _seen(replace(visit, is_shaken=True), connection.flight)
        with connection:
            try:
                if (reply := self._reply(connection.read, fault)) is not None:
                    self._send(connection.write, *reply)
            except CertStatusError as error:
                # In TLS 1.3 the server is done first: the client's alert comes only now.
                visit = _ended(visit, error)
                visit = replace(visit, is_shaken=visit.alert is None)
        self._tell(visit)

    def _tell(self, visit: Visit) -> None:
        if self._on_visit is not None:
            self._on_visit(visit)

    def _shake_hands(
        self, sock: socket.socket, begun: bytes, fault: Fault, server_name: str | None
    ) -> WireConnection:
        """Accept as the fault has it. Raises what ``certstatus.tls.wire.accept`` does."""
        pace = fault.how.pace if Where.HANDSHAKE in fault.where else Pace.PROMPT
        if pace is Pace.SLOW:
            self._gate.closing.wait(self._delay.total_seconds())
        pause = self._delay / _DRIPS if pace is Pace.DRIP else None
        sock = SecondHandle(sock, begun, pause=pause, closing=self._gate.closing)
        name, now = server_name or self.listing.server_name(fault.name), self._clock.now()
        identity = self.pki.identity(fault, name, now)
        shown = Credentials(chain=identity.chain, key=identity.server.key)
        staples = ServerStaples(
            responses=self.pki.staples(fault, identity, now), manner=fault.how.manner
        )
        return accept(
            sock,
            lambda _: (shown, staples),
            versions=fault.versions,
            timeout=FAULT_TIME if pace is Pace.PROMPT else self._time_limit,
        )

    # --- HTTP ---------------------------------------------------------------------------------

    def _serve_http(self, sock: socket.socket) -> None:
        reply = self._reply(_reading(sock, READ_TIME), None)
        if reply is not None:
            sock.settimeout(FAULT_TIME.total_seconds())
            self._send(sock.sendall, *reply)
            _linger(sock)

    def _reply(self, read: Read, shown: Fault | None) -> tuple[WebReply, bool] | None:
        """Read a request; return the reply and whether its body is sent. None: nobody asked."""
        try:
            request = read_request(read)
        except Refused as refused:
            return refused.reply, True
        if request is None:
            return None
        reply = self._face.reply(request, self._clock.now(), shown=shown)
        return reply, request.method != "HEAD"

    def _send(self, write: Callable[[bytes], None], reply: WebReply, has_body: bool) -> None:
        data = reply.encode(has_body=has_body)
        if reply.pace is Pace.DRIP:
            for octet in data:
                if self._gate.closing.wait((self._delay / _DRIPS).total_seconds()):
                    return
                write(bytes((octet,)))
            return
        if reply.pace is Pace.SLOW and self._gate.closing.wait(self._delay.total_seconds()):
            return
        write(data)


def _ended(visit: Visit, error: CertStatusError) -> Visit:
    """Add to a visit how it came to its end."""
    if not isinstance(error, UnreachableError):
        return replace(visit, reason=str(error))
    reason = "; ".join(one.reason for one in error.attempts)
    visit = replace(visit, alert=error.alert, reason=reason)
    return _seen(visit, error.flight) if isinstance(error.flight, Flight) else visit


def _seen(visit: Visit, flight: Flight) -> Visit:
    """Add to a visit what the handshake shows."""
    version, hello = flight.version, flight.client_hello
    visit = replace(visit, version=version or visit.version)
    if hello is None:
        return visit
    with contextlib.suppress(MalformedError):
        visit = replace(visit, is_seen=visit.fault.needs_in(version).is_met_by(hello))
    return visit


def _begin(sock: socket.socket) -> tuple[bytes, str | None]:
    """Read the ClientHello, for its name decides on what follows; return what was read, and it.

    A hello that is broken has no name here: the handshake itself will say what is wrong.
    Raises TimeoutError where none comes within READ_TIME.
    """
    read, data = _reading(sock, READ_TIME), b""
    with contextlib.suppress(MalformedError):
        while len(data) < _HELLO_BYTES and (piece := read(_HELLO_BYTES)):
            data += piece
            messages = read_transcript(data).messages
            if messages:
                name = (parse_client_hello(messages[0][4:]).server_name or "").lower().rstrip(".")
                return data, name if _NAME.fullmatch(name) else None
    return data, None


def _fault_of(server_name: str | None) -> Fault:
    label = (server_name or "").partition(".")[0]
    return FAULTS.get(label, HONEST)


def _reading(sock: socket.socket, limit: timedelta) -> Read:
    """Return a function that reads, until so much time has passed since now."""
    end = time.monotonic() + limit.total_seconds()

    def read(size: int) -> bytes:
        left = end - time.monotonic()
        if left <= 0:
            raise TimeoutError
        sock.settimeout(left)
        return sock.recv(size)

    return read


def _linger(sock: socket.socket) -> None:
    """Read what still comes before closing: else TCP resets, and the client sees no reply."""
    sock.shutdown(socket.SHUT_WR)
    read = _reading(sock, LINGER_TIME)
    while read(_HELLO_BYTES):
        pass


def _client(sock: socket.socket) -> str:
    host, port, *_ = sock.getpeername()
    return f"{_bracketed(host)}:{port}"


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _is_any(host: str) -> bool:
    """Whether an address stands for every address of the machine."""
    try:
        return ipaddress.ip_address(host).is_unspecified
    except ValueError:
        return host == ""


def _check_name(key: str, name: str) -> None:
    with contextlib.suppress(ValueError):
        ipaddress.ip_address(name)
        return
    if _NAME.fullmatch(name.lower()) is None:
        raise ConfigError(f"{name!r} is no name of a host", key=key, remedy="name it in ASCII")
