"""Every limit of size, count and time around TLS, each with its reason.

Those of everything else stand in ``certstatus.limits``.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

# --- TLS ------------------------------------------------------------------------------------

MAX_TLS13_STAPLE_BYTES: Final = 65_527
"""RFC 9846 §4.4.2: a CertificateEntry's block of 65,535 octets, less the 8 around a staple (T7)."""

MAX_TLS12_STAPLE_BYTES: Final = 2**24 - 5
"""A CertificateStatus message has a 24-bit length, and 4 octets before the response (T3)."""

MAX_RESPONDER_IDS: Final = 100
"""Entries of a responder_id_list that are read: each costs a parse, and no client lists so many."""

MAX_TLS_EXTENSIONS: Final = 128
"""Extensions in one block; twice what IANA has numbered for all of TLS, GREASE besides."""

MAX_TLS_CHAIN: Final = 32
"""Certificates in one Certificate message; OpenSSL's own bound of 100 kB holds fewer."""

MAX_CAPTURE_PACKETS: Final = 200_000
"""Packets of a capture that are read: a second or two of work. The handshakes stand early."""

MAX_CAPTURE_CONNECTIONS: Final = 1_000
"""Connections that are followed in one capture; those after them are counted, not read."""

MAX_STREAM_BYTES: Final = 2**20
"""What is kept of each direction of a connection: a handshake, however large its staples."""

MAX_UNPACKED_BYTES: Final = 2**20
"""What a CompressedCertificate may unpack to: a chain of post-quantum certificates, and no bomb."""

MAX_TLS_RECORDS: Final = 100_000
"""Records of one side of a capture that are read; empty ones cost as much time as full ones."""

MAX_HANDSHAKE_MESSAGES: Final = 256
"""Messages read out of one flight or capture: a handshake has about ten."""

MAX_HANDSHAKE_BYTES: Final = 2**25
"""All handshake messages of one side of a capture: the largest CertificateStatus, and a chain."""

MAX_SERVED_TLS12_STAPLE_BYTES: Final = 16_380
"""A staple that we hand out in TLS 1.2: OpenSSL's clients end the handshake over a longer one."""

WIRE_TIME: Final = timedelta(seconds=15)
"""One handshake of our own TLS engine from the first byte to the last, as the probe has it."""

WIRE_CLOSE_TIME: Final = timedelta(seconds=1)
"""For saying goodbye on such a connection, and again for hearing the peer's: no peer that does
not read, or does not close, holds its server longer."""

MAX_WIRE_BYTES: Final = 2**21 + 2**17
"""What a peer may send in such a handshake: a staple twice the longest that we read, and a chain."""

MAX_CONTEXT_CERTIFICATES: Final = 32
"""A server context's certificates that are known by sight: there is one for each kind of key, and
one that reloads them again and again must not keep them all."""

MAX_REMEMBERED_PEERS: Final = 1_000
"""Servers whose last verdict a client's context keeps, for resumed sessions and for the asking."""

# --- the probe ------------------------------------------------------------------------------

MAX_STARTTLS_BYTES: Final = 65_536
"""All that a server says in plain text before TLS: greetings of real ones stay under 2 kB."""

MAX_STARTTLS_LINE_BYTES: Final = 8_192
"""One line or LDAPMessage of it: RFC 9051 §4 has IMAP servers stay under this."""

PROBE_TIME: Final = timedelta(seconds=15)
"""One handshake, from the look-up of the name to its end, STARTTLS included."""

MAX_PROBED_BYTES: Final = 1_048_576
"""What a server sends in one handshake: ten times the longest chain that OpenSSL takes."""

PROBE_CONCURRENCY: Final = 32
"""Hosts that are probed at once, by default: a name look-up takes a thread, a host two sockets."""

MAX_PROBE_CONCURRENCY: Final = 500
"""Hosts at once at the most: with two connections each, the usual 1,024 open files hold them."""

MAX_HOST_LINE_BYTES: Final = 1_024
"""A line in a list of hosts: the longest name has 253 characters."""

# --- the host of faults ---------------------------------------------------------------------

MAX_FAULT_CONNECTIONS: Final = 128
"""Connections of one host of faults, TLS and HTTP together; each has a thread. More are closed at once."""

FAULT_DELAY: Final = timedelta(seconds=30)
"""How long its slow faults wait: past FETCH_TIME and PROBE_TIME, and past most clients' patience."""

MAX_FAULT_DELAY: Final = timedelta(days=1)
"""The longest that they may be set to wait: past any client, and short of what sockets can count."""

FAULT_TIME: Final = timedelta(seconds=30)
"""What a connection to it may take beside the waiting that is the fault itself."""

FAULT_CERTIFICATE_LIFE: Final = timedelta(days=30)
"""Its certificates, but for those of its CAs; they are made anew when half of it is over."""

FAULT_CA_LIFE: Final = timedelta(days=3_650)
"""Its CAs: longer than the process lives that holds them."""

MAX_FAULT_CERTIFICATES: Final = 1_000
"""Certificates that it keeps in memory, one for each name that was asked for; the oldest go first."""
