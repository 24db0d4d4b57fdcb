"""Certificate status for Twisted's clients: what wants staples, and knows the host too.

A Twisted server needs none of this: staple the context of its ``CertificateOptions``. A
client's ``optionsForClientTLS`` gives its context to nobody before it is used, so here its
connections move to one that wants staples.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from certstatus.clock import Clock
from certstatus.errors import PlatformError
from certstatus.requestor import Requestor
from certstatus.tls.peer import DEFAULT_STATUS_POLICY, PeerStatus, StatusPolicy
from certstatus.tls.pyopenssl import require_status

try:
    from OpenSSL import SSL
    from twisted.internet.interfaces import IOpenSSLClientConnectionCreator
    from twisted.internet.ssl import CertificateOptions, optionsForClientTLS, platformTrust
    from twisted.web.iweb import IPolicyForHTTPS
    from zope.interface import implementer
except ImportError as error:
    raise PlatformError("Twisted with TLS is not installed: pip install 'twisted[tls]'") from error

__all__ = ["StatusClient"]


@implementer(IPolicyForHTTPS)
class StatusClient:
    """Makes Twisted's client options, for hosts whose staples are judged in the handshake.

    It verifies certificates and host names as ``optionsForClientTLS`` does, and judges
    staples as ``require_status`` does. Endpoints take ``options_for(host)``; an ``Agent``
    takes the whole as its ``contextFactory``.

    ``trust_root`` is Twisted's: by default what the platform trusts. The other settings are
    those of ``require_status``. ``checker`` tells what was found:
    ``checker.status_of(protocol.transport.getHandle())``.
    """

    def __init__(
        self,
        trust_root: Any = None,
        *,
        policy: StatusPolicy = DEFAULT_STATUS_POLICY,
        requestor: Requestor | None = None,
        clock: Clock | None = None,
        on_status: Callable[[PeerStatus], None] | None = None,
    ) -> None:
        self._trust_root = trust_root or platformTrust()  # type: ignore[no-untyped-call]
        self._context = CertificateOptions(trustRoot=self._trust_root).getContext()
        self.checker = require_status(
            self._context, policy=policy, requestor=requestor, clock=clock, on_status=on_status
        )

    def options_for(self, host: str, **options: Any) -> _Creator:
        """Return client options as ``optionsForClientTLS`` does, with its settings by name."""
        creator = optionsForClientTLS(host, trustRoot=self._trust_root, **options)
        return _Creator(creator, self._context)

    def creatorForNetloc(self, hostname: bytes, _port: int) -> _Creator:  # noqa: N802 - Twisted's
        """Serve an ``Agent``: the options for a host of its requests."""
        return self.options_for(hostname.decode("ascii"))


@implementer(IOpenSSLClientConnectionCreator)
class _Creator:
    """Moves each connection that Twisted makes to the context that wants staples."""

    def __init__(self, creator: Any, context: SSL.Context) -> None:
        self._creator = creator
        self._context = context

    def clientConnectionForTLS(self, protocol: Any) -> SSL.Connection:  # noqa: N802 - Twisted's
        connection: SSL.Connection = self._creator.clientConnectionForTLS(protocol)
        connection.set_context(self._context)
        return connection
