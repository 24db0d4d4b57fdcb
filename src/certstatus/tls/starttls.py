"""Plain text up to the moment where TLS begins: STARTTLS and its like, without I/O.

Its law: nothing is believed but the word that lets TLS begin. Whatever stands behind that
word was written by somebody who had no key, perhaps not by the server: it ends the
connection (CVE-2011-0411, CVE-2021-23222). All that is read before is bounded.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import Final

from certstatus.errors import MalformedError
from certstatus.tls.starttls_inbox import Inbox, Talk
from certstatus.tls.starttls_lines import imap, pop3, smtp
from certstatus.tls.starttls_octets import ldap, postgres
from certstatus.tls.starttls_xmpp import xmpp_client, xmpp_server

__all__ = ["StartTLS", "Upgrade"]


class StartTLS(StrEnum):
    """A protocol that begins in plain text; the names are those of ``openssl s_client``."""

    SMTP = "smtp"
    """RFC 3207"""
    IMAP = "imap"
    """RFC 9051 §6.2.1"""
    POP3 = "pop3"
    """RFC 2595 §4"""
    XMPP = "xmpp"
    """RFC 6120 §5, as a client"""
    XMPP_SERVER = "xmpp-server"
    """RFC 6120 §5, as another server"""
    LDAP = "ldap"
    """RFC 4511 §4.14"""
    POSTGRES = "postgres"
    """PostgreSQL's frontend/backend protocol, SSLRequest"""

    @property
    def port(self) -> int:
        """Where it is served unless somebody says otherwise."""
        return _PORTS[self]


_PORTS: Final = {
    StartTLS.SMTP: 25,
    StartTLS.IMAP: 143,
    StartTLS.POP3: 110,
    StartTLS.XMPP: 5222,
    StartTLS.XMPP_SERVER: 5269,
    StartTLS.LDAP: 389,
    StartTLS.POSTGRES: 5432,
}

_TALKS: Final[dict[StartTLS, Callable[[Inbox, str], Talk[None]]]] = {
    StartTLS.SMTP: smtp,
    StartTLS.IMAP: imap,
    StartTLS.POP3: pop3,
    StartTLS.XMPP: xmpp_client,
    StartTLS.XMPP_SERVER: xmpp_server,
    StartTLS.LDAP: ldap,
    StartTLS.POSTGRES: postgres,
}


class Upgrade:
    """One conversation, up to the server's word that TLS may begin.

    ``host`` is the name that XMPP servers want to hear. Call ``advance`` with nothing at
    first, then with what came; it returns what to send (perhaps nothing) until ``is_done``.
    """

    def __init__(self, protocol: StartTLS, host: str) -> None:
        self.protocol = protocol
        self.is_done = False
        self._inbox = Inbox(f"STARTTLS {protocol}")
        self._talk = _TALKS[protocol](self._inbox, host)

    def advance(self, received: bytes = b"") -> bytes:
        """Take what the server said, and return what to say next.

        Raises:
            MalformedError: it does not speak this protocol, talks without end, or has
                written more behind the word that lets TLS begin.
            UnreachableError: it refuses TLS, or does not offer it.
        """
        self._inbox.add(received)
        try:
            said = next(self._talk)
        except StopIteration:
            return self._end()
        return said

    def _end(self) -> bytes:
        self.is_done = True
        left = len(self._inbox)
        if left:
            raise MalformedError(
                f"{left} octets of plain text stand behind the word that lets TLS begin: "
                "somebody may have put them there",
                where=self._inbox.where,
            )
        return b""
