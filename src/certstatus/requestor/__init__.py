"""The requestor: asks for a certificate's status, and judges the answer."""

from __future__ import annotations

from certstatus.requestor.cache import CachedResponse, ResponseCache
from certstatus.requestor.check import Requestor
from certstatus.requestor.in_order import Several, in_order
from certstatus.requestor.issuer import find_issuer, read_certificates
from certstatus.requestor.plan import Asked, AskPolicy, Method, get_url
from certstatus.requestor.result import CheckPolicy, CheckResult, Inquiry

__all__ = [
    "AskPolicy",
    "Asked",
    "CachedResponse",
    "CheckPolicy",
    "CheckResult",
    "Inquiry",
    "Method",
    "Requestor",
    "ResponseCache",
    "Several",
    "find_issuer",
    "get_url",
    "in_order",
    "read_certificates",
]
