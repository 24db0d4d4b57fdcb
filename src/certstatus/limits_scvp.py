"""Every limit of size, count and time around SCVP and CMS, each with its reason.

Those of everything else stand in ``certstatus.limits``.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

# --- messages of SCVP -----------------------------------------------------------------------

MAX_CV_REQUEST_BYTES: Final = 4_194_304
"""A CVRequest: a thousand certificates by value, their intermediates, and CRLs of usual size."""

MAX_CV_RESPONSE_BYTES: Final = 67_108_864
"""A CVResponse that we read: paths and revocation data of a thousand certificates, CRLs among them."""

MAX_VAL_POL_REQUEST_BYTES: Final = 4_096
"""A ValPolRequest: a version and a nonce."""

MAX_VAL_POL_RESPONSE_BYTES: Final = 1_048_576
"""A ValPolResponse that we read: lists of identifiers, and a default policy with its trust anchors."""

MAX_SCVP_BER_BYTES: Final = 131_072
"""A message of SCVP that is read from BER: to put it in order costs ten times what reading DER
does, and the few who write BER ask about few certificates."""

MAX_QUERIED_CERTS: Final = 1_000
"""Certificates asked about in one CVRequest, and CertReplys read in one CVResponse; a server may
take fewer."""

MAX_SCVP_OIDS: Final = 256
"""Identifiers in one list of checks, wantBacks, policies, purposes or algorithms: no standard
names a tenth of that."""

MAX_BUNDLE_CERTS: Final = 1_000
"""Certificates in one CertBundle, and trust anchors of one policy: as many as may be asked about."""

MAX_CERT_BUNDLES: Final = 256
"""Paths in one CertBundles: of a mesh that has more, nobody reads them all."""

MAX_REVOCATION_INFOS: Final = 1_000
"""CRLs and OCSP responses in one list: each is verified, so this bounds the work of one message."""

MAX_SCVP_NAMES: Final = 256
"""GeneralNames in requestorRef, requestorName, issuer or validationNames: relays add one each."""

MAX_SCVP_NAME_BYTES: Final = 16_384
"""One GeneralName: distinguished names of real certificates stay under 1 kB."""

MAX_SCVP_ELEMENTS: Final = 5_000
"""Elements that one step of reading makes objects of, at 100 octets each: a Query that is full in
all its lists has 4,000. They are counted before any is made."""

MAX_RELAYED_RESPONSES: Final = 64
"""Replies of other servers handed on in one wantBack: more than a chain of relays has links."""

MAX_REQUESTOR_TEXT: Final = 256
"""RFC 5055 §3.10: requestorText has 1 to 256 characters."""

MAX_CLOCK_SKEW: Final = timedelta(days=365)
"""What a server may say that its clock is off by: beyond a year its times say nothing."""

# --- the client of SCVP ---------------------------------------------------------------------

SCVP_SKEW: Final = timedelta(minutes=10)
"""How far a client's and a server's clocks may stand apart: the default of RFC 5055 §6.19."""

MAX_REPLY_AGE: Final = timedelta(days=1)
"""How old a reply may be that no nonce binds, unless the client says otherwise: CRLs, which it
rests on, are mostly issued daily."""

MAX_DISCOVERED_PATHS: Final = 64
"""Paths that are asked for one after the other: a server that never says that there are no more
keeps nobody for ever."""

# --- the server of SCVP ---------------------------------------------------------------------

MAX_SERVED_CERTS: Final = 100
"""Certificates that one CVRequest may ask a server about: each is a search of its own, and a
mail gateway asks about the dozen that it met."""

SCVP_CERTS_AT_ONCE: Final = 4
"""Certificates of one request that are worked on at once: what they wait for is mostly fetched."""

SCVP_REQUESTS_AT_ONCE: Final = 64
"""Requests that one worker answers at once; who comes then is told tooBusy."""

SCVP_REQUEST_TIME: Final = timedelta(seconds=45)
"""How long all of a request may take: one search to its end, and half of another."""

MIN_CURSOR_KEY_BYTES: Final = 32
"""The secret that authenticates serverContextInfo: as long as HMAC-SHA-256's output."""

MAX_CURSOR_PATHS: Final = 1_000
"""Paths that one serverContextInfo tells as returned, 32 octets each: no mesh has as many."""

MAX_CACHED_REPLIES: Final = 256
"""Replies that a worker keeps for who asks the same again and takes a cached one."""

MAX_CACHED_REPLY_BYTES: Final = 65_536
"""A reply that is kept: with paths and OCSP responses it is smaller, with large CRLs not kept."""

MAX_REPLY_LINKS: Final = 5_000
"""Certificates in the paths of one reply whose signatures a client verifies, each pair once: half a
second's work. A thousand certificates under a hundred CAs take 1,100."""

MAX_SCVP_REQUEST_BYTES: Final = 4_259_840
"""The body of a POST at the most: the largest CVRequest in its SignedData."""

DEFAULT_SCVP_REQUEST_BYTES: Final = 1_048_576
"""The body of a POST that is read unless set otherwise: a hundred certificates by value, with their
intermediates and some CRLs. A body is held in memory while it arrives."""

SCVP_CLOCK_SKEW: Final = timedelta(minutes=10)
"""RFC 5055 §6.19: validation times so near to ours are now."""

SCVP_REPLY_LIFETIME: Final = timedelta(minutes=1)
"""How long a reply serves who takes a cached one: a revocation counts by then."""

MAX_SCVP_STATE_BYTES: Final = 4_096
"""The file of serverConfigurationID: a number, a digest and a secret."""

MAX_POOL_CERTIFICATES: Final = 100_000
"""Certificates of a server's pool: ten times what the largest bridges have, in 200 MB."""

# --- CMS ------------------------------------------------------------------------------------

MAX_CMS_BYTES: Final = 68_157_440
"""A ContentInfo: the largest message of SCVP in its SignedData, with a megabyte for what signs it."""

MAX_CMS_CERTIFICATES: Final = 1_000
"""Certificates that one SignedData encloses: evidence of many paths; a signer needs a handful."""

MAX_CMS_REVOCATION_INFOS: Final = 1_000
"""CRLs, OCSP responses and SCVP replies that one SignedData encloses, as evidence."""

MAX_SIGNER_INFOS: Final = 16
"""SignerInfos and digest algorithms that are read; a message of SCVP has one signer."""

MAX_SIGNER_INFO_BYTES: Final = 65_536
"""One SignerInfo: ML-DSA-87 signs in 4,627 octets, and attributes take some hundreds."""

MAX_SIGNER_CANDIDATES: Final = 8
"""Certificates with the signer's name and serial number that are tried: each costs a signature."""

MAX_BER_BYTES: Final = 16_777_216
"""BER that is made DER; larger messages must be DER, which is read without that work."""

MAX_BER_DEPTH: Final = 64
"""Elements in elements: a CRL's entry in evidence of a signed message lies 14 deep."""

MAX_BER_ELEMENTS: Final = 200_000
"""Elements of one message that is BER, half a second's work; a request has some hundreds."""
