"""Certificate status for pyOpenSSL: its contexts staple, and want staples (Twisted, cheroot).

pyOpenSSL brings an OpenSSL of its own and its own calls for stapling. They know the staple of
the server's certificate alone, and do not tell what the client's request said (T2). A context
can't be changed once a connection was made of it: call these functions before.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta
from typing import Final
from weakref import WeakKeyDictionary

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import Certificate as X509Certificate

from certstatus.clock import Clock
from certstatus.errors import CertStatusError, PlatformError
from certstatus.pkix import Certificate
from certstatus.requestor import Requestor
from certstatus.staple import Stapler
from certstatus.tls.checker import StatusChecker
from certstatus.tls.openssl import default_stapler
from certstatus.tls.peer import DEFAULT_STATUS_POLICY, PeerStatus, StatusPolicy
from certstatus.tls.stapling import Choice, Handed, StapleRequest, Stapling, choose_staples

try:
    from OpenSSL import SSL
except ImportError as error:
    raise PlatformError("pyOpenSSL is not installed: pip install 'certstatus[tls]'") from error

__all__ = ["require_status", "staple"]

_log: Final = logging.getLogger("certstatus.tls")
_attached: Final[WeakKeyDictionary[SSL.Context, object]] = WeakKeyDictionary()
"""What we set by context, to tell our callbacks from others'."""


# --- servers ------------------------------------------------------------------------------------


def staple(
    context: SSL.Context,
    stapler: Stapler | None = None,
    *,
    certificates: Iterable[Certificate] = (),
    issuers: Iterable[Certificate] = (),
    urls: Sequence[str] = (),
    wait: timedelta | None = None,
    on_request: Callable[[StapleRequest], None] | None = None,
) -> Stapling:
    """Let a server's context staple (RFC 6066 §8, RFC 9846 §4.4.2.1; T3, T5, T12).

    pyOpenSSL does not tell a context's certificates. Those given here are waited for, so that
    the first handshake staples; any other is noticed at its first handshake, and stapled from
    soon after it. A context that SNI switches to is stapled by a call of its own; all may
    share a stapler.

    A handshake looks a staple up and never waits for one; where there is none it goes on
    without.

    Args:
        context: a server's, of which no connection was made yet.
        stapler: fetches and keeps the staples; without one, all contexts share one.
        certificates: the server's own, one for each kind of key, in the context already.
        issuers: certificates to look for issuers in; else they are fetched.
        urls: responders to ask instead of those that the certificates name.
        wait: how long to wait for the first staples; None: FIRST_STAPLE_TIME.
        on_request: called within each handshake that asks for a staple; must not wait.

    Raises:
        ValueError: the context has another status callback, or was used already.
    """
    known = tuple(certificates)
    holder = stapler or default_stapler()
    server = _Server(holder, issuers=tuple(issuers), urls=tuple(urls), on_request=on_request)
    _refuse_others(context, server, "_ocsp_helper", "status")
    context.set_ocsp_server_callback(server.answer)
    _attached[context] = server
    for certificate in known:
        server.learn(certificate)
    if known:
        holder.wait_ready(wait)
    return server


class _Server(Stapling):
    """One context's certificates as far as they are known, and the callback."""

    def __init__(
        self,
        stapler: Stapler,
        *,
        issuers: tuple[Certificate, ...],
        urls: tuple[str, ...],
        on_request: Callable[[StapleRequest], None] | None,
    ) -> None:
        super().__init__(on_request=on_request)
        self._stapler = stapler
        self._issuers = issuers
        self._urls = urls
        self._known: set[bytes] = set()

    def learn(self, certificate: Certificate) -> None:
        """Begin to keep a staple for a certificate."""
        self._known.add(certificate.fingerprint)
        self._stapler.add(certificate, chain=self._issuers, urls=self._urls)

    def answer(self, connection: SSL.Connection, _data: object) -> bytes:
        """Answer pyOpenSSL: called in each full handshake in which a client asked.

        What is raised here would end the handshake, so nothing is.
        """
        choice = self.hand_out(
            lambda: self._choose(connection), lambda: _text(connection.get_servername())
        )
        return choice.staples[0] if choice.staples else b""

    def _choose(self, connection: SSL.Connection) -> Choice:
        chosen = connection.get_certificate(as_cryptography=True)
        if chosen is None:
            return Choice(Handed.NOTHING)
        fingerprint = chosen.fingerprint(SHA256())
        if fingerprint not in self._known:
            self._known.add(fingerprint)
            threading.Thread(target=self._meet, args=(chosen,), daemon=True).start()
        version = connection.get_protocol_version()
        return choose_staples(self._stapler, [fingerprint], version=version)

    def _meet(self, chosen: X509Certificate) -> None:
        """Learn a certificate that was not given. In a thread: the stapler looks on its disk."""
        try:
            self.learn(Certificate.from_x509(chosen))
        except (CertStatusError, ValueError):
            _log.exception("a server's certificate gets no staple")


# --- clients ------------------------------------------------------------------------------------


def require_status(
    context: SSL.Context,
    *,
    policy: StatusPolicy = DEFAULT_STATUS_POLICY,
    requestor: Requestor | None = None,
    clock: Clock | None = None,
    on_status: Callable[[PeerStatus], None] | None = None,
) -> StatusChecker[SSL.Connection]:
    """Let a client's context ask for staples and judge them in the handshake (T4, T8, T10).

    A handshake whose staple is wrong, or missing where ``policy`` wants one, ends with the
    alert bad_certificate_status_response, and an ``OpenSSL.SSL.Error`` here. Ask the checker
    for what was found, and where no staple came, let it ask the responder.

    pyOpenSSL asks for staples by connection: the context's info callback does it as each
    handshake starts. A connection that gets an info callback of its own must call
    ``request_ocsp`` itself.

    Args:
        context: a client's, of which no connection was made yet.
        policy: when a missing staple ends the handshake, and how to verify one.
        requestor: asks responders, for the checker's ``check``.
        clock: tells the time.
        on_status: called within each handshake with what was found; must not wait.

    Raises:
        ValueError: the context has another status or info callback, or was used already.
    """
    checker = _Client(policy=policy, requestor=requestor, clock=clock, on_status=on_status)
    _refuse_others(context, checker, "_ocsp_helper", "status")
    _refuse_others(context, checker, "_info_callback", "info")
    context.set_ocsp_client_callback(checker.judge)
    context.set_info_callback(_ask)
    _attached[context] = checker
    return checker


def _ask(connection: SSL.Connection, where: int, _result: int) -> None:
    """Ask for a staple before the ClientHello is written."""
    if where & SSL.SSL_CB_HANDSHAKE_START:
        connection.request_ocsp()


class _Client(StatusChecker[SSL.Connection]):
    """One context's checker, and the callback that judges each of its handshakes."""

    def status_of(self, connection: SSL.Connection) -> PeerStatus | None:
        """Return what the connection's handshake told of its peer; None: not shaken hands yet."""
        found = super().status_of(connection)
        if found is not None or connection.get_peer_finished() is None:
            return found
        # TLS 1.2 resumes a session without calling back; nor is it called where none asked.
        return self._handshake(connection, b"")

    def judge(self, connection: SSL.Connection, stapled: bytes, _data: object) -> bool:
        """Answer pyOpenSSL: called once the server's certificate and its staple are there.

        What is raised here would be raised again from the context's next connection.
        """
        try:
            return self._handshake(connection, stapled).is_accepted
        except Exception:  # noqa: BLE001 - a raise would come up again elsewhere
            _log.exception("a handshake ends: its staple could not be judged")
            return False

    def _handshake(self, connection: SSL.Connection, stapled: bytes) -> PeerStatus:
        name = _text(connection.get_servername())
        sent = _ders(connection.get_peer_cert_chain(as_cryptography=True))
        verified = _ders(connection.get_verified_chain(as_cryptography=True))
        if not verified:  # a full handshake has verified, whatever it made of the outcome
            return self.resumption(connection, sent[0] if sent else None, server_name=name)
        return self.full_handshake(connection, verified, [stapled or None], server_name=name)


# --- both ---------------------------------------------------------------------------------------


def _ders(chain: Sequence[X509Certificate] | None) -> list[bytes]:
    return [one.public_bytes(Encoding.DER) for one in chain or ()]


def _text(server_name: bytes | None) -> str | None:
    """Read the name as it stands in the ClientHello: ASCII, or else a broken one."""
    return None if server_name is None else server_name.decode("ascii", "backslashreplace")


def _refuse_others(context: SSL.Context, new: object, slot: str, name: str) -> None:
    held = getattr(context, slot, None)
    if held is not None and not isinstance(_attached.get(context), type(new)):
        raise ValueError(f"the context has another {name} callback already")
