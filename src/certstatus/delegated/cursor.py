"""serverContextInfo: which paths were returned before, by the client's hand (RFC 5055 §3.2.6; S17).

Pure, and without any state: the client carries the digests of the paths that it has, under a
MAC that binds them to the query. The octets are a version, the MAC, and the digests.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable
from dataclasses import replace
from hashlib import sha256
from typing import Final

from certstatus.delegated.refusal import Refusal
from certstatus.limits_scvp import MAX_CURSOR_PATHS
from certstatus.scvp import CVRequest, CVStatusCode, Query, encode_cv_request

__all__ = ["open_cursor", "query_digest", "sealed_cursor"]

_VERSION: Final = b"\x01"
_LABEL: Final = b"certstatus serverContextInfo 1\0"
_SIZE: Final = 32


def query_digest(query: Query) -> bytes:
    """Hash what must be the same when a query is repeated for the next path.

    Nonce and signature stand outside of a Query; its context is left out.
    """
    asked = CVRequest(query=replace(query, server_context_info=None))
    return sha256(encode_cv_request(asked)).digest()


def sealed_cursor(key: bytes, query: bytes, digests: Iterable[bytes]) -> bytes | None:
    """Write the digests of returned paths, for the query of that digest; None: too many."""
    listed = sorted(set(digests))
    if len(listed) > MAX_CURSOR_PATHS:
        return None
    body = b"".join(listed)
    return _VERSION + _mac(key, query, body) + body


def open_cursor(key: bytes, query: bytes, context: bytes) -> frozenset[bytes]:
    """Return the digests of paths that were returned before.

    Raises:
        Refusal: we did not write it, or not for this query (invalidRequest).
    """
    mac, body = context[1 : 1 + _SIZE], context[1 + _SIZE :]
    if context[:1] != _VERSION or not hmac.compare_digest(mac, _mac(key, query, body)):
        raise Refusal(
            CVStatusCode.INVALID_REQUEST, "serverContextInfo is none of ours for this query"
        )
    return frozenset(body[at : at + _SIZE] for at in range(0, len(body), _SIZE))


def _mac(key: bytes, query: bytes, body: bytes) -> bytes:
    return hmac.digest(key, _LABEL + query + body, sha256)
