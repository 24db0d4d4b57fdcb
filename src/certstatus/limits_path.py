"""The limits of searching and validating certification paths, each with its reason.

Whoever asks may bring the certificates, and whoever made them wrote where more are: without
limits a path is a bomb.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

MAX_PATHS: Final = 50
"""Paths that one search validates: of a dozen bridges each is tried, of a bomb of them few."""

MAX_PATH_LENGTH: Final = 16
"""Certificates of one path: the longest that bridges make have eight, with each name twice."""

MAX_PATH_SIGNATURES: Final = 2_000
"""Signature checks of one search, CRLs' and responses' among them: half a second of one core."""

MAX_PATH_FETCHES: Final = 64
"""Fetches for one search: eight certificates, each with issuer, CRL, delta, OCSP, some in vain."""

MAX_PATH_BYTES: Final = 134_217_728
"""What one search fetches: two of the largest CRLs, or a hundred usual ones."""

PATH_TIME: Final = timedelta(seconds=30)
"""How long one search may take: two fetches in vain, with their redirects, and what follows."""

MAX_PATH_BEGINNINGS: Final = 50_000
"""Beginnings of paths of one search: each of 10,000 certificates in five ways, within a second."""

MAX_AIA_BYTES: Final = 1_048_576
"""What caIssuers may bring: a bridge's certs-only message of some hundred certificates."""

MAX_AIA_CERTIFICATES: Final = 500
"""Certificates that are taken of what one caIssuers URL brings."""

MAX_AIA_URLS: Final = 5
"""caIssuers URLs of one certificate that are fetched."""

MAX_CRL_ISSUER_DEPTH: Final = 3
"""Paths to CRL issuers and OCSP responders, whose status has its own: one more is a riddle."""

MAX_POLICY_NODES: Final = 500
"""Nodes of one path's policy graph: a bridge's have some 150, an attacker's as many as he likes."""

MAX_NAME_COMPARISONS: Final = 50_000
"""Names by name constraints of one path: 500 of each take 0.2 s, as many as fit a minute."""

MAX_KNOWN_CAS: Final = 256
"""CAs' certificates that stay read: those of a few roots, some kilobytes each."""

MAX_EVIDENCE_BYTES: Final = 268_435_456
"""CRLs, responses and certificates that validators share: four of the largest CRLs."""

EVIDENCE_REFRESH: Final = timedelta(minutes=10)
"""How long what was fetched serves without a look for newer: a revocation counts by then."""

EVIDENCE_FAILURE_TIME: Final = timedelta(seconds=30)
"""How long a URL that failed is left alone by all who share the evidence."""
