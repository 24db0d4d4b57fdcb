"""Every limit of size, count and time, each with its reason.

Those of TLS, of SCVP, of signing in advance and of keys and signers stand in its sisters: ``limits_tls`` and so on.
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

MAX_INTEGER_OCTETS: Final = 1_024
"""An INTEGER of any message: fifty times what a serial number needs, and what Python still prints."""

MAX_EXTENSIONS: Final = 64
"""Extensions in one list; more is a sign of an attack, not of a client."""

# --- certificates and CRLs --------------------------------------------------------------

MAX_CERTIFICATE_BYTES: Final = 262_144
"""A certificate that is read from a file or the network: post-quantum ones reach 50 kB."""

MAX_CRL_BYTES: Final = 67_108_864
"""A CRL: 1.2 million entries of 20-octet serials with reasons. No standard bounds it."""

MAX_CRL_FILE_BYTES: Final = 94_371_840
"""A CRL's file, PEM or DER: base64 and its line ends add four tenths to the longest CRL."""

MAX_CRL_FILES: Final = 1_000
"""CRLs in one folder: each is looked at four times a second, and held in memory."""

MAX_INDEX_BYTES: Final = 268_435_456
"""An OpenSSL index.txt: about two million lines. More belongs into a database."""

MAX_ISSUED_BYTES: Final = 268_435_456
"""A list of issued serial numbers: six million of 20 octets in hex, a line each."""

MAX_IMPORT_BYTES: Final = 268_435_456
"""A PEM bundle of certificates to import: about a hundred thousand of them."""

MAX_LISTED_SERIAL_OCTETS: Final = 127
"""A serial number that a source lists: six times what RFC 5280 allows, still one short key."""

# --- sources ------------------------------------------------------------------------------

FILE_CHECK_TIME: Final = timedelta(milliseconds=250)
"""Between two looks at whether a source's file has changed: a revocation counts within a second."""

MAX_AWAITED_BYTES: Final = 1_048_576
"""A changed file that answers wait for: it is read in 50 ms. A larger one is read beside them."""

LAST_GOOD_TIME: Final = timedelta(days=1)
"""How long the last good index answers while its file is missing or broken; then tryLater."""

MAX_STACK_JOINS: Final = 64
"""What a stack remembers of answers joined before: good or unlisted from each of up to six sources."""

UPSTREAM_URL_TIME: Final = timedelta(seconds=3)
"""How long one upstream responder may take for an answer; then the next one is asked."""

UPSTREAM_TIME: Final = timedelta(seconds=6)
"""How long all of them may take together: our clients wait meanwhile, 10 s by BR 4.10."""

UPSTREAM_REFRESH: Final = timedelta(minutes=5)
"""How long an upstream's answer is given without asking anew: a revocation counts by then."""

UPSTREAM_PAUSE: Final = timedelta(seconds=1)
"""How long an upstream is left alone after its first failure; it doubles with each further one."""

MAX_UPSTREAM_PAUSE: Final = timedelta(minutes=1)
"""The longest such pause: an upstream that is well again is found out within it."""

UPSTREAM_NEGATIVE_TIME: Final = timedelta(seconds=30)
"""How long an upstream's unknown or unauthorized stands: a certificate may be entered any moment."""

UPSTREAM_JITTER: Final = 0.1
"""The part of the time until it is asked anew that chance may cut off: nodes must not all ask at once."""

MAX_UPSTREAM_ANSWERS: Final = 50_000
"""Answers that are kept for one authority, of about 1 kB each; the least used go first."""

MAX_PROXIED_ANSWERS: Final = 20_000
"""Signed answers that one proxy keeps, of 1 to 2 kB each; the least used go first."""

MAX_PROXIED_BYTES: Final = 32_768
"""A signed answer that a proxy keeps: twice one by ML-DSA-87. A larger one is handed on alone."""

MAX_LOCATED_URLS: Final = 1_000
"""URLs out of ServiceLocators whose failures are remembered; clients write them."""

MAX_UPSTREAM_QUESTIONS: Final = 256
"""Questions under way to the upstream of one authority: each has a socket. More are refused."""

MAX_UPSTREAM_HOPS: Final = 8
"""Responders that a question may come through: more is a loop that nobody recognised."""

MAX_CRL_URLS: Final = 5
"""Alternatives for one CRL, and places that one certificate names: bounds what it can make us do."""

CRL_FETCH_TIME: Final = timedelta(minutes=2)
"""One fetch of a CRL: the largest comes in time over 5 Mbit/s, and nobody waits for it."""

CRL_REFRESH: Final = timedelta(hours=1)
"""Between two looks for a newer CRL while all is well: CAs issue one early when it matters."""

MIN_CRL_PAUSE: Final = timedelta(seconds=30)
"""Between two looks at one place at the least, however near the CRL's end."""

MAX_CRL_PAUSE: Final = timedelta(minutes=5)
"""Between two looks at a place that fails; the first pause is the least, and doubles."""

MAX_CRL_FETCHES: Final = 4
"""CRLs that one process fetches at once: each may take 64 MB, and a core to check."""

FIRST_CRL_TIME: Final = timedelta(seconds=20)
"""How long a start waits for CRLs that it has nothing of yet, before it serves tryLater."""

MAX_TREE_BYTES: Final = 134_217_728
"""A certificate revocation tree: two million revoked serial numbers of 16 octets."""

MAX_TREE_DEPTH: Final = 40
"""Levels of a tree above its leaves: a million million leaves, and no proof is longer."""

MAX_PROOF_BYTES: Final = 65_536
"""A proof out of a tree: real ones have 1 to 2 kB, and 6 kB with an ML-DSA-87 signature."""

DATABASE_READ_TIME: Final = timedelta(milliseconds=100)
"""How long a lookup waits for a locked database: it holds up every other answer meanwhile."""

DATABASE_WRITE_TIME: Final = timedelta(seconds=5)
"""How long a change waits for another process's change to end."""

DATABASE_CONNECT_TIME: Final = timedelta(seconds=2)
"""How long PostgreSQL may take to accept a connection: the shortest that libpq knows."""

DATABASE_ANSWER_TIME: Final = timedelta(seconds=1)
"""How long PostgreSQL may take for a lookup; then tryLater, and a new connection."""

DATABASE_STATEMENT_TIME: Final = timedelta(minutes=1)
"""How long any other statement may take: lists and counts of millions of certificates."""

DATABASE_IDLE_TIME: Final = timedelta(minutes=2)
"""How long PostgreSQL lets a change stand still: a node that died must not lock out the rest."""

MAX_DATABASE_LOOKUPS: Final = 4
"""Lookups that a process makes at once on PostgreSQL, and so its connections for them."""

FEED_POLL_TIME: Final = timedelta(milliseconds=250)
"""Between two looks at the audit trail: a revocation is told within a second, notified or not."""

MAX_FEED_CHANGES: Final = 10_000
"""Changes that are told one by one; of more, an import, everything is told to have changed."""

MAX_DATABASE_BACK_OFF: Final = timedelta(seconds=1)
"""Longest pause between two tries of a database that fails; the first is a sixteenth of it."""

# --- answers --------------------------------------------------------------------------------

MIN_WISE_VALIDITY: Final = timedelta(hours=8)
"""An answer's life under which `config check` warns: the least of BR §4.9.9, and a night's outage."""

DEFAULT_VALIDITY: Final = timedelta(days=4)
"""From thisUpdate to nextUpdate: what BR, Mozilla and Microsoft all allow."""

DEFAULT_BACKDATE: Final = timedelta(minutes=5)
"""How far thisUpdate goes back for clients whose clocks are slow."""

DEFAULT_MAX_AGE: Final = timedelta(hours=1)
"""How long HTTP caches may keep an answer: they don't hear of a revocation before."""

CACHE_MARGIN: Final = timedelta(minutes=1)
"""A cached answer is given up so long before its nextUpdate, for clocks that are fast."""

MAX_REMEMBERED: Final = 10_000
"""Signed answers that one process keeps to give again: 10 to 20 MB, 120 MB with ML-DSA-87."""

MAX_REMEMBERED_TIMES: Final = 256
"""Times that stay written as DER: nearly all answers of one second share theirs, but revocations don't."""

MAX_STORED_IN_MEMORY: Final = 100_000
"""Signed answers in a store that is this process's memory: about 150 MB."""

RENEWAL_MARGIN: Final = 0.05
"""Of the time that an answer may be kept before it is renewed, what is left for renewing it."""

RENEWAL_SPREAD: Final = 0.2
"""Over this part of that time renewals are spread: what was signed in an hour is not due in one."""

MIN_RENEWAL_SHARE: Final = 0.0625
"""Of its life, what an answer keeps that is overdue from the start, for its source is old."""

STORE_READ_TIME: Final = timedelta(milliseconds=100)
"""How long an answer waits for a store of signed answers; then it is signed without it."""

STORE_WRITE_TIME: Final = timedelta(seconds=5)
"""How long one write to such a store may take; no answer waits for it."""

STORE_REPLY_TIME: Final = timedelta(seconds=1)
"""How long Redis may take to connect, and for each reply: then its connection is given up."""

STORE_OPEN_TIME: Final = timedelta(seconds=10)
"""How long a process waits for another one that looks at a store's file before it is opened."""

STORE_PAUSE: Final = timedelta(milliseconds=250)
"""How long a store is left alone after its first failure; it doubles with each further one."""

MAX_STORE_PAUSE: Final = timedelta(seconds=4)
"""The longest such pause: a store that is well again is found out within it."""

STORE_BATCH: Final = 500
"""Answers that are put into a store at once: one wait for the disk, or for the network, for all."""

MAX_OFFERED: Final = 10_000
"""Answers that wait to be put into a store, 10 to 20 MB; what comes past them is not kept."""

MAX_STORE_BYTES: Final = 2**36
"""The file of an LMDB store, by default: 64 GiB, some 35 million answers. It grows as it is filled."""

MAX_VERIFIED_STORE_BYTES: Final = 2**29
"""The largest such file that is walked through before it is opened: one to two seconds."""

MAX_STORE_USERS: Final = 512
"""Processes and threads that read an LMDB store at once; each has a line in its lock file."""

MAX_STORE_WRITES: Final = 64
"""Writes of one process that wait for the other writers of an LMDB store; more are refused."""

MAX_STORE_CONNECTIONS: Final = 16
"""Connections of one process to Redis; an answer that finds none free waits, within its limit."""

MAX_MERGED_SLASHES: Final = 24
"""Places tried where a proxy may have merged two slashes; a request has two or three slashes."""

MAX_INPUT_BYTES: Final = 3 * MAX_CRL_BYTES
"""What a command reads from a file or from standard input: the largest CRL, in hex with spaces."""

# --- freshness --------------------------------------------------------------------------

MAX_KNOWN_NAMES: Final = 256
"""Names that are kept as people read them: those of issuers and responders come again and again."""

MAX_KNOWN_DELEGATES: Final = 256
"""Responders' certificates that a verifier keeps as read and verified: each comes again and again."""

MAX_KNOWN_ANSWERS: Final = 1_024
"""Certificates and answers whose signatures a verifier remembers: what a client sees within an hour
comes again, as staples do; 2 to 4 MB."""

MAX_KNOWN_WORDS: Final = 1_024
"""Checks in words that a verifier keeps to say again: moments, ages and names that come again."""

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

WRITE_TIME: Final = timedelta(seconds=20)
"""How long a client may leave a full send buffer unread before it is cut off."""

LINGER_TIME: Final = timedelta(seconds=2)
"""After a refusal, what still arrives is read and thrown away for so long: closing at once makes
TCP reset the connection, and the client never sees why."""

MAX_TURNED_AWAY: Final = 256
"""Connections past MAX_CONNECTIONS that hear 503 before they are closed; more are just closed."""

MAX_LINGER_BYTES: Final = 262_144
"""What is thrown away after a refusal, at the most: who goes on sending is not read any more."""

RECEIVE_BUFFER_BYTES: Final = 65_536
"""What the kernel keeps of one connection while we don't read it: the largest request fits."""

LIVE_SHARE: Final = 0.26
"""Of a worker's time, what all that is no stored answer may take while stored ones are asked for:
in a flood of live questions stored answers keep half of their rate, and some to spare."""

MAX_TURN_CREDIT: Final = timedelta(milliseconds=1)
"""What live answers may take at once after a quiet time: stored ones wait no longer than that."""

MAX_TURN_DEBT: Final = timedelta(milliseconds=100)
"""What counts of a share overdrawn, as by a request for a hundred certificates: it is paid back."""

MAX_TURN_WAIT: Final = timedelta(milliseconds=500)
"""How long a request waits for its turn; then it is told to try later, which costs next to nothing."""

LISTEN_BACKLOG: Final = 1_024
"""Connections that the kernel keeps until we accept them: a burst, not a queue."""

# --- the server's own house ---------------------------------------------------------------

RESTART_DELAY: Final = timedelta(milliseconds=500)
MAX_RESTART_DELAY: Final = timedelta(seconds=30)
"""Before a dead worker is started anew: doubled each time up to the second, so that a worker
that dies at once does not eat the machine."""

STEADY_TIME: Final = timedelta(seconds=60)
"""A worker that has served for so long is sound: its next restart waits RESTART_DELAY again."""

MAX_FAILED_STARTS: Final = 5
"""Restarts in a row that never came to serve, with no other worker serving: then all ends."""

END_TIME: Final = timedelta(seconds=5)
"""Past DRAIN_TIME, for closing files and keys; a worker that is still there is killed."""

THREAD_TURN_TIME: Final = timedelta(microseconds=500)
"""How long a thread that reads a large file holds up the answers at a time: by Python's own 5 ms
an answer, which lets go of the interpreter four times, would take 20."""

HEALTH_CHECK_TIME: Final = timedelta(seconds=2)
"""For all readiness checks together; those who probe wait a little longer than that."""

MAX_METRIC_SERIES: Final = 1_000
"""Kinds of answers that the metrics tell apart; what comes after counts as ``other``."""

# --- HTTP, as the requestor speaks it -----------------------------------------------------

CONNECT_TIME: Final = timedelta(seconds=5)
FETCH_TIME: Final = timedelta(seconds=15)
"""Connecting, and one whole exchange: BR 4.10 asks responders for 10 s."""

MAX_URL_BYTES: Final = 4_096
"""A URL that we fetch: a GET request to a long base URL fits, a bomb doesn't."""

MAX_LDAP_MESSAGES: Final = 100
"""Messages of one search: a CRL is one entry, and references to other servers come beside it."""

MAX_LDAP_OVERHEAD_BYTES: Final = 65_536
"""What an LDAP server may send around the values that were asked for."""

MAX_ADDRESSES: Final = 3
"""Addresses of one host that are tried for a connection."""

MAX_REDIRECTS: Final = 3
MAX_ATTEMPTS: Final = 3
"""Per URL, with back-off between them."""

BACK_OFF: Final = timedelta(milliseconds=500)
"""The first pause between two tries; it doubles, with jitter."""

MAX_BACK_OFF: Final = timedelta(seconds=30)
"""The longest pause; where a server asks for more, the next one is asked instead."""

ASK_TIME: Final = timedelta(minutes=1)
"""For all exchanges about one question: after it nothing new is sent, whatever is left to try."""

MAX_OCSP_URLS: Final = 5
"""AIA URIs tried for one certificate; bounds what a certificate can make a client do."""

MAX_CACHED_RESPONSES: Final = 10_000
"""Responses in the disk cache, of a few kB each; the oldest go first."""

CHECK_CONCURRENCY: Final = 32
"""Certificates that are asked about at once, by default: one responder has them all, at the worst."""

MAX_CHECK_CONCURRENCY: Final = 500
"""Certificates at once at the most: a connection each, the usual 1,024 open files hold them."""

MAX_CHECKS_AHEAD: Final = 10_000
"""Results that wait for a slow one before them, since they are told in order: some 100 MB."""

MAX_DELEGATE_DEPTH: Final = 1
"""A delegate's own status may be asked once; the delegate of that answer needs nocheck (O24)."""

# --- staples kept fresh ---------------------------------------------------------------------

FIRST_STAPLE_TIME: Final = timedelta(seconds=10)
"""How long the start of a server waits for its first staples, before it serves without."""

MIN_STAPLE_PAUSE: Final = timedelta(seconds=30)
"""Between two tries for one certificate at the least, however urgent: a try may be several requests."""

MAX_STAPLE_PAUSE: Final = timedelta(minutes=30)
"""Between two tries at a responder that fails; the first pause is the least, and doubles."""

MIN_STAPLE_AGE: Final = timedelta(hours=1)
"""A staple that came less long ago is not renewed for an early max-age alone: what nginx does at most."""

MAX_STAPLE_LIFE: Final = timedelta(days=7)
"""A staple counts as ended so long after thisUpdate for its renewal; BR allow 10 days, liars any."""

BACKGROUND_WAKE_TIME: Final = timedelta(minutes=1)
"""How long a stapler or fetcher sleeps at a stretch: the clock may have been put right meanwhile."""

BACKGROUND_CLOSE_TIME: Final = timedelta(seconds=1)
"""How long closing it waits for its thread; what it fetches is broken off."""

MAX_STAPLE_FETCHES: Final = 8
"""Certificates for which one stapler asks at once: a slow responder holds up no other."""

MAX_STORED_STAPLES: Final = 10_000
"""Staples on disk, of a few kB each; the oldest go first."""
