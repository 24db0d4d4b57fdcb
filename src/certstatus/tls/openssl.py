"""Certificate status for Python's own TLS: contexts of the stdlib staple, and want staples.

Whatever serves or connects through an ``ssl.SSLContext`` does so unchanged: asyncio, uvloop,
uvicorn, hypercorn, gunicorn, aiohttp, http.server; httpx2, requests, urllib3, http.client.
"""

from __future__ import annotations

import ctypes
import functools
import logging
import ssl
import threading
from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta
from hashlib import sha256
from typing import Any, Final, TypeAlias
from weakref import WeakKeyDictionary

from certstatus.clock import Clock
from certstatus.handshake import CertificateStatusRequest, OCSPStatusRequest
from certstatus.limits_tls import MAX_CONTEXT_CERTIFICATES
from certstatus.ocsp import NO_EXTENSIONS, Extensions, parse_responder_id
from certstatus.pkix import Certificate
from certstatus.requestor import Requestor
from certstatus.staple import Stapler
from certstatus.tls.checker import StatusChecker
from certstatus.tls.libssl import LibSSL, status_callback
from certstatus.tls.peer import DEFAULT_STATUS_POLICY, PeerStatus, StatusPolicy
from certstatus.tls.selftest import prove
from certstatus.tls.stapling import Choice, StapleRequest, Stapling, choose_staples

__all__ = ["default_stapler", "require_status", "staple"]

SSLConnection: TypeAlias = ssl.SSLSocket | ssl.SSLObject

_log: Final = logging.getLogger("certstatus.tls")


@functools.cache
def default_stapler() -> Stapler:
    """Return the stapler that contexts share which name none: its staples rest in the user's cache."""
    return Stapler()


# --- servers ------------------------------------------------------------------------------------


def staple(
    context: ssl.SSLContext,
    stapler: Stapler | None = None,
    *,
    issuers: Iterable[Certificate] = (),
    urls: Sequence[str] = (),
    whole_chain: bool = True,
    wait: timedelta | None = None,
    on_request: Callable[[StapleRequest], None] | None = None,
) -> Stapling:
    """Let a server's context staple (RFC 6066 §8, RFC 9846 §4.4.2.1; T2, T3, T5, T12).

    Call it once the context has its certificates. Those it finds there: each kind of key,
    and the chain. A context that SNI switches to is stapled by a call of its own; both may
    share a stapler. Certificates that are loaded into the context later are noticed at
    their first handshake, and stapled from soon after it.

    A handshake looks a staple up and never waits for one; where there is none it goes on
    without. This call waits for the first staples, for ``wait`` at the most.

    Args:
        context: of ``ssl.PROTOCOL_TLS_SERVER``.
        stapler: fetches and keeps the staples; without one, all contexts share one.
        issuers: certificates to look for issuers in, where the context's chain lacks them.
        urls: responders to ask instead of those that the certificates name.
        whole_chain: staple the CAs' certificates too, where libssl can (3.6, TLS 1.3).
        wait: how long to wait for the first staples; None: FIRST_STAPLE_TIME.
        on_request: called within each handshake that asks for a staple; must not wait. A
            client that has to say hello twice (HelloRetryRequest) asks twice, and counts so.

    Raises:
        PlatformError: this interpreter's libssl can't be reached, or works otherwise than
            the self-test expects. The context works on, without stapling.
        MalformedError: one of the context's certificates can't be read.
        ValueError: the context is a client's, or has another status callback already; or
            the stapler is closed.
    """
    if context.protocol is ssl.PROTOCOL_TLS_CLIENT:
        raise ValueError("a client's context can't staple; see require_status")
    library = prove()
    holder = stapler or default_stapler()
    server = _Server(
        library,
        holder,
        issuers=tuple(issuers),
        urls=tuple(urls),
        whole_chain=whole_chain and library.has_multi_staple,
        on_request=on_request,
    )
    _check_free(library, context, _Server)
    server.learn_context(library.context_pointer(context))
    _attach(library, context, server)
    holder.wait_ready(wait)
    return server


class _Server(Stapling):
    """One context's certificates, and the callback that hands out their staples."""

    def __init__(
        self,
        library: LibSSL,
        stapler: Stapler,
        *,
        issuers: tuple[Certificate, ...],
        urls: tuple[str, ...],
        whole_chain: bool,
        on_request: Callable[[StapleRequest], None] | None,
    ) -> None:
        super().__init__(on_request=on_request)
        self._library = library
        self._stapler = stapler
        self._issuers = issuers
        self._urls = urls
        self._whole_chain = whole_chain
        # The reference that each entry holds keeps its address from being another's.
        self._fingerprints: dict[int, tuple[bytes, ...]] = {}

    def __del__(self) -> None:
        """Give the certificates back."""
        for certificate in self._fingerprints:
            self._library.X509_free(certificate)

    def learn_context(self, context: int) -> None:
        """Begin to keep staples for every certificate of the context."""
        for certificate, der, chain in self._library.certificates(context):
            self._note(certificate, (der, *chain))
            self._feed((der, *chain))

    def _note(self, certificate: int, ders: Sequence[bytes]) -> tuple[bytes, ...]:
        shown = ders if self._whole_chain else ders[:1]
        fingerprints = tuple(sha256(der).digest() for der in shown)
        with self._lock:
            if certificate not in self._fingerprints:
                self._library.X509_up_ref(certificate)
                self._fingerprints[certificate] = fingerprints
            if len(self._fingerprints) > MAX_CONTEXT_CERTIFICATES:
                # One that is still in use is met again at its next handshake.
                oldest = next(iter(self._fingerprints))
                del self._fingerprints[oldest]
                self._library.X509_free(oldest)
        return fingerprints

    def _feed(self, ders: Sequence[bytes]) -> None:
        chain = [Certificate.from_der(der) for der in ders]
        for place, certificate in enumerate(chain):
            if place > 0 and (not self._whole_chain or certificate.is_self_issued):
                break
            above = (*chain[place + 1 :], *self._issuers)
            self._stapler.add(certificate, chain=above, urls=self._urls)

    def agrees(self, connection: int) -> bool:
        """Answer libssl: called in each full handshake in which a client asked.

        Never True: 0 stands for SSL_TLSEXT_ERR_OK, upon which libssl itself looks whether
        there is a response to send.
        """
        self.hand_out(
            lambda: self._choose(connection), lambda: self._library.server_name(connection)
        )
        return False

    def _choose(self, connection: int) -> Choice:
        library = self._library
        certificate = library.SSL_get_certificate(connection)
        fingerprints = self._fingerprints.get(certificate)
        if fingerprints is None:
            fingerprints = self._meet(connection, certificate)
        choice = choose_staples(
            self._stapler,
            fingerprints,
            request=_request(library, connection),
            version=library.SSL_version(connection),
        )
        if len(choice.staples) > 1:
            library.staple_chain(connection, choice.staples)
        elif choice.staples:
            library.staple(connection, choice.staples[0])
        return choice

    def _meet(self, connection: int, certificate: int) -> tuple[bytes, ...]:
        """Note a certificate that was loaded after the context was stapled."""
        ders = (
            self._library.certificate_der(certificate),
            *self._library.own_chain(connection),
        )
        threading.Thread(target=self._feed_beside, args=(ders,), daemon=True).start()
        return self._note(certificate, ders)

    def _feed_beside(self, ders: Sequence[bytes]) -> None:
        """Feed the stapler while the handshake goes on."""
        try:
            self._feed(ders)
        except Exception:  # noqa: BLE001 - nobody waits for this thread; logged
            _log.exception("a certificate that was loaded later can't be stapled")


def _request(library: LibSSL, connection: int) -> CertificateStatusRequest:
    """Read what the client asked for; libssl has read its framing.

    Raises:
        MalformedError: a ResponderID or the extensions are not what they should be.
    """
    ids = library.requested_ids(connection)
    extensions = library.requested_extensions(connection)
    if not ids and not extensions:
        return _USUAL_REQUEST
    where = "CertificateStatusRequest"
    request = OCSPStatusRequest(
        responder_id_list=tuple(
            parse_responder_id(der, f"{where}.responder_id_list") for der in ids
        ),
        request_extensions=Extensions.from_der(extensions, f"{where}.request_extensions")
        if extensions
        else NO_EXTENSIONS,
    )
    return CertificateStatusRequest(request)


_USUAL_REQUEST: Final = CertificateStatusRequest()


# --- clients ------------------------------------------------------------------------------------


def require_status(
    context: ssl.SSLContext,
    *,
    policy: StatusPolicy = DEFAULT_STATUS_POLICY,
    requestor: Requestor | None = None,
    clock: Clock | None = None,
    on_status: Callable[[PeerStatus], None] | None = None,
) -> StatusChecker[SSLConnection]:
    """Let a client's context ask for staples and judge them in the handshake (T4, T8, T10).

    A handshake whose staple is wrong, or missing where ``policy`` wants one, ends with the
    alert bad_certificate_status_response, and an ``ssl.SSLError`` here. Ask the checker for
    what was found, and where no staple came, let it ask the responder.

    Args:
        context: of ``ssl.PROTOCOL_TLS_CLIENT``, as ``ssl.create_default_context()`` makes it.
        policy: when a missing staple ends the handshake, and how to verify one.
        requestor: asks responders, for the checker's ``check``.
        clock: tells the time.
        on_status: called within each handshake with what was found; must not wait.

    Raises:
        PlatformError: this interpreter's libssl can't be reached, or works otherwise than
            the self-test expects. The context works on, and asks for no staples.
        ValueError: the context is a server's, or has another status callback already.
    """
    if context.protocol is ssl.PROTOCOL_TLS_SERVER:
        raise ValueError("a server's context asks for no staples; see staple")
    library = prove()
    checker = _Client(library, policy=policy, requestor=requestor, clock=clock, on_status=on_status)
    _check_free(library, context, _Client)
    _attach(library, context, checker)
    library.request_status(library.context_pointer(context))
    return checker


class _Client(StatusChecker[SSLConnection]):
    """One context's checker, and the callback that judges each of its handshakes."""

    def __init__(self, library: LibSSL, **settings: Any) -> None:
        super().__init__(**settings)
        self._library = library

    def status_of(self, connection: SSLConnection) -> PeerStatus | None:
        """Return what the connection's handshake told of its peer; None: not shaken hands yet."""
        # httpx2 and httpx hand out the inner object of an SSLSocket, which knows its owner.
        connection = getattr(connection, "owner", connection)
        found = super().status_of(connection)
        if found is not None or not connection.session_reused:
            return found
        # TLS 1.2 resumes a session without calling back.
        certificate = connection.getpeercert(binary_form=True)
        return self.resumption(connection, certificate, server_name=connection.server_hostname)

    def agrees(self, connection: int) -> bool:
        """Answer libssl: called once the server's certificate and its staple are there."""
        try:
            return self._handshake(connection).is_accepted
        except BaseException:  # noqa: BLE001 - libssl is above us: nothing may pass through it
            _log.exception("a handshake ends: its staple could not be judged")
            return False

    def _handshake(self, connection: int) -> PeerStatus:
        library = self._library
        owner = _owner(library, connection)
        name = None if owner is None else owner.server_hostname
        if library.SSL_session_reused(connection):
            certificate = library.peer_certificate(connection)
            return self.resumption(owner, certificate, server_name=name)
        chain, staples = _shown(library, connection)
        return self.full_handshake(owner, chain, staples, server_name=name)


def _shown(library: LibSSL, connection: int) -> tuple[list[bytes], list[bytes | None]]:
    """Return the peer's certificates, as verified where they were, and what was stapled to each."""
    stapled = library.stapled(connection)
    chain = library.verified_chain(connection)
    if chain and len(stapled) <= 1:
        return chain, [*stapled]  # however it was verified, the peer's own stands first
    sent = library.peer_chain(connection)
    staples = dict(zip(sent, stapled, strict=False))
    chain = chain or sent
    return chain, [staples.get(der) for der in chain]


def _owner(library: LibSSL, connection: int) -> SSLConnection | None:
    """Return the Python object of a connection; the self-test proved what the slot holds."""
    held = library.SSL_get_ex_data(connection, 0)
    inner = ctypes.cast(held, ctypes.py_object).value if held else None
    owner = getattr(inner, "owner", None)
    return owner if isinstance(owner, ssl.SSLSocket | ssl.SSLObject) else None


# --- both ---------------------------------------------------------------------------------------


class _Attachment:
    """A context's status callback, and who answers it now.

    The callback itself stays as long as the context: a handshake in another thread may be
    about to call it. Connections keep their context.
    """

    def __init__(self, answering: _Server | _Client) -> None:
        self.answering = answering
        self.callback = status_callback(self._agrees)

    def _agrees(self, connection: int) -> bool:
        return self.answering.agrees(connection)


_attached: Final[WeakKeyDictionary[ssl.SSLContext, _Attachment]] = WeakKeyDictionary()


def _check_free(library: LibSSL, context: ssl.SSLContext, kind: type[_Server | _Client]) -> None:
    """Raise ValueError where the context has a status callback that is not ours, or of the other side."""
    held = library.status_callback(library.context_pointer(context))
    ours = _attached.get(context)
    if held is not None and (ours is None or not isinstance(ours.answering, kind)):
        raise ValueError("the context has another status callback already")


def _attach(library: LibSSL, context: ssl.SSLContext, answering: _Server | _Client) -> None:
    ours = _attached.setdefault(context, _Attachment(answering))
    ours.answering = answering
    library.set_status_callback(library.context_pointer(context), ours.callback)
