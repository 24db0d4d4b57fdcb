"""What a client knows of its peers: each judged in its handshake, and asked about after it."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Generic, NamedTuple, TypeVar
from weakref import WeakKeyDictionary

from certstatus.clock import Clock, SystemClock
from certstatus.errors import MalformedError
from certstatus.limits_tls import MAX_REMEMBERED_PEERS
from certstatus.pkix import Certificate
from certstatus.requestor import CheckResult, Requestor
from certstatus.staple.forks import LockPastForks
from certstatus.tls.peer import (
    DEFAULT_STATUS_POLICY,
    PeerStatus,
    StatusPolicy,
    judge_peer,
    judge_peer_again,
    judge_resumption,
    unreadable_peer,
)
from certstatus.verify import KnownSignatures, Verdict

__all__ = ["StatusChecker"]

ConnectionT = TypeVar("ConnectionT")
_Key = TypeVar("_Key")
_Value = TypeVar("_Value")


class _Shown(NamedTuple):
    """What a full handshake showed, as octets, and the policy that it was judged by."""

    chain: tuple[bytes, ...]
    staples: tuple[bytes | None, ...]
    policy: StatusPolicy


class StatusChecker(Generic[ConnectionT]):
    """Judges the staples of every handshake of one client context, and keeps what it found.

    ``certstatus.tls.require_status`` makes it. Safe to use from any thread. A connection is
    what the TLS stack gives: ``ssl.SSLSocket``, ``ssl.SSLObject``, ``OpenSSL.SSL.Connection``.

    ``requestor`` asks responders, after handshakes and never within one. ``on_status`` is
    called within the handshake with what was found: it must not wait.
    """

    def __init__(
        self,
        *,
        policy: StatusPolicy = DEFAULT_STATUS_POLICY,
        requestor: Requestor | None = None,
        clock: Clock | None = None,
        on_status: Callable[[PeerStatus], None] | None = None,
    ) -> None:
        self.policy = policy
        self._requestor = requestor or Requestor()
        self._clock = clock or SystemClock()
        self._on_status = on_status
        self._known = KnownSignatures()
        self._lock = LockPastForks()
        self._by_connection: WeakKeyDictionary[ConnectionT, PeerStatus] = WeakKeyDictionary()
        self._by_certificate: OrderedDict[bytes, tuple[_Shown, PeerStatus]] = OrderedDict()
        self._by_name: OrderedDict[str, PeerStatus] = OrderedDict()

    # --- for the user ------------------------------------------------------------------------

    def status_of(self, connection: ConnectionT) -> PeerStatus | None:
        """Return what the connection's handshake told of its peer; None: not shaken hands yet.

        A resumed session is judged by the earlier handshake (T8).
        """
        with self._lock:
            return self._by_connection.get(connection)

    def latest(self, server_name: str) -> PeerStatus | None:
        """Return what was found last of a server by this name.

        For where the connection is out of reach, above all after a handshake that was ended
        for its status: the TLS stack's own error says no more than that.
        """
        with self._lock:
            return self._by_name.get(server_name)

    def check(self, connection: ConnectionT) -> CheckResult:
        """Say whether the peer's certificate is good: by its staple, else by its responder.

        Raises:
            ValueError: the connection has shown no certificate.
        """
        status, certificate = self._shown(connection)
        stapled = _by_staple(status, certificate)
        return stapled or self._requestor.check(certificate, chain=_above(status))

    async def acheck(self, connection: ConnectionT) -> CheckResult:
        """As ``check``, without blocking the event loop."""
        status, certificate = self._shown(connection)
        stapled = _by_staple(status, certificate)
        return stapled or await self._requestor.acheck(certificate, chain=_above(status))

    def _shown(self, connection: ConnectionT) -> tuple[PeerStatus, Certificate]:
        status = self.status_of(connection)
        if status is None or status.certificate is None:
            raise ValueError("the connection has shown no certificate")
        return status, status.certificate

    # --- for the TLS stack --------------------------------------------------------------------

    def full_handshake(
        self,
        connection: ConnectionT | None,
        chain: Sequence[bytes],
        staples: Sequence[bytes | None],
        *,
        server_name: str | None,
    ) -> PeerStatus:
        """Judge a full handshake; ``chain`` is DER, the peer's own certificate first."""
        shown = _Shown(tuple(chain), tuple(staples), self.policy)
        status = self._seen_before(shown, server_name) or self._judge(shown, server_name)
        self._keep(connection, status, shown)
        return status

    def _seen_before(self, shown: _Shown, server_name: str | None) -> PeerStatus | None:
        """Judge what an earlier handshake showed, octet for octet: its times alone."""
        with self._lock:
            judged = self._by_certificate.get(shown.chain[0]) if shown.chain else None
        if judged is None or judged[0] != shown:
            return None
        now, earlier = self._clock.now(), judged[1]
        if _is_same_second(now, earlier.judged_at) and earlier.server_name == server_name:
            return earlier if earlier.is_accepted else None
        return judge_peer_again(earlier, now=now, policy=shown.policy, server_name=server_name)

    def _judge(self, shown: _Shown, server_name: str | None) -> PeerStatus:
        now = self._clock.now()
        try:
            return judge_peer(
                [self._known.certificate(der) for der in shown.chain],
                shown.staples,
                now=now,
                policy=shown.policy,
                server_name=server_name,
                known=self._known,
            )
        except MalformedError as error:
            return unreadable_peer(error, now=now, server_name=server_name)

    def resumption(
        self, connection: ConnectionT | None, certificate: bytes | None, *, server_name: str | None
    ) -> PeerStatus:
        """Judge a resumed session by what was found when it began; ``certificate`` is DER."""
        with self._lock:
            judged = None if certificate is None else self._by_certificate.get(certificate)
        earlier = None if judged is None else judged[1]
        status = judge_resumption(
            earlier, now=self._clock.now(), policy=self.policy, server_name=server_name
        )
        self._keep(connection, status)
        return status

    def _keep(
        self, connection: ConnectionT | None, status: PeerStatus, shown: _Shown | None = None
    ) -> None:
        with self._lock:
            if connection is not None:
                self._by_connection[connection] = status
            if status.server_name is not None:
                _put(self._by_name, status.server_name, status)
            if status.certificate is not None and shown is not None:
                _put(self._by_certificate, status.certificate.der, (shown, status))
        if self._on_status is not None:
            self._on_status(status)


def _is_same_second(moment: datetime, other: datetime) -> bool:
    """Whether both are one on the wire, whose times are whole seconds."""
    return moment.replace(microsecond=0) == other.replace(microsecond=0)


def _put(kept: OrderedDict[_Key, _Value], key: _Key, value: _Value) -> None:
    kept[key] = value
    kept.move_to_end(key)
    if len(kept) > MAX_REMEMBERED_PEERS:
        kept.popitem(last=False)


def _above(status: PeerStatus) -> tuple[Certificate, ...]:
    return tuple(one.certificate for one in status.statuses[1:])


def _by_staple(status: PeerStatus, certificate: Certificate) -> CheckResult | None:
    if status.report is None:
        return None
    return CheckResult(
        certificate=certificate,
        issuer=status.statuses[0].issuer,
        verdict=status.verdict or Verdict.UNTRUSTED,
        report=status.report,
        method="staple",
    )
