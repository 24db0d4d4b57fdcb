"""Every limit of size, count and time, each with its reason.

A limit that a user may want to move is the default of a setting of the same name.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

# --- messages -------------------------------------------------------------------------

MAX_REQUEST_BYTES: Final = 65_536
"""An OCSPRequest; no standard bounds a POST. Holds over 600 CertIDs, or an ML-DSA signature."""

MAX_RESPONSE_BYTES: Final = 1_048_576
"""An OCSPResponse that we read. Real ones stay under 5 kB; an archive of hundreds fits."""

MAX_REQUESTS: Final = 100
"""Request entries in one OCSPRequest that a responder answers, by default."""

MAX_RESPONSES: Final = 2_000
"""SingleResponse entries that a client reads in one answer: bounds the work of one check."""

MAX_RESPONSE_CERTS: Final = 32
"""Certificates read from one response; each one costs a signature check at the most."""

MAX_NONCE_OCTETS: Final = 128
"""RFC 9654 §2.1: a nonce is 1 to 128 octets."""

NONCE_OCTETS: Final = 32
"""What we send: RFC 9654 asks for at least 32, and peers on RFC 8954 refuse more (N1, N3)."""

MAX_SERIAL_OCTETS: Final = 20
"""RFC 5280 §4.1.2.2. Longer, zero and negative serials are read, and noted."""

MAX_EXTENSIONS: Final = 64
"""Extensions in one list; more is a sign of an attack, not of a client."""

# --- certificates and CRLs --------------------------------------------------------------

MAX_CERTIFICATE_BYTES: Final = 262_144
"""A certificate that is read from a file or the network: post-quantum ones reach 50 kB."""

MAX_CRL_BYTES: Final = 67_108_864
"""A CRL read whole: a million entries and more. No standard bounds it."""

# --- freshness --------------------------------------------------------------------------

DEFAULT_SKEW: Final = timedelta(minutes=5)
"""How far two honest clocks may stand apart (RFC 6960 §3.2, L10: small, configurable)."""

# --- HTTP, as the responder hears it ------------------------------------------------------

MAX_GET_URL_BYTES: Final = 255
"""RFC 9919 §6: GET when the whole URL has at most this many bytes (L11)."""

MAX_TARGET_BYTES: Final = 8_192
"""A request target that the responder reads: clients do GET far above 255 bytes."""

MAX_HEADER_BYTES: Final = 16_384
"""All header fields of one HTTP request, as other servers bound them (8 to 16 kB)."""

MAX_CONNECTIONS: Final = 4_096
"""Open connections of one worker; past it a new one is closed at once."""

IDLE_TIME: Final = timedelta(seconds=30)
"""A kept-alive connection without a request."""

READ_TIME: Final = timedelta(seconds=10)
"""From a request's first byte to its last: bounds slow senders."""

DRAIN_TIME: Final = timedelta(seconds=20)
"""From SIGTERM to the end: requests under way are answered, new ones are not."""

MAX_PIPELINED: Final = 64
"""Requests read ahead on one connection before reading pauses."""

# --- HTTP, as the requestor speaks it -----------------------------------------------------

CONNECT_TIME: Final = timedelta(seconds=5)
FETCH_TIME: Final = timedelta(seconds=15)
"""Connecting, and one whole exchange: BR 4.10 asks responders for 10 s."""

MAX_REDIRECTS: Final = 3
MAX_ATTEMPTS: Final = 3
"""Per URL, with back-off between them."""

MAX_OCSP_URLS: Final = 5
"""AIA URIs tried for one certificate; bounds what a certificate can make a client do."""

MAX_DELEGATE_DEPTH: Final = 1
"""A delegate's own status may be asked once; the delegate of that answer needs nocheck (O24)."""
