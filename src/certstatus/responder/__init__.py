"""What a responder answers, without a socket in sight."""

from __future__ import annotations

from certstatus.responder.authority import (
    PROFILE_DEFAULTS,
    Archive,
    Authorities,
    Authority,
    AuthorityPolicy,
    NonceMode,
    ProfileDefaults,
    ResponderIDForm,
    UnlistedMode,
)
from certstatus.responder.core import Responder
from certstatus.responder.exchange import (
    Headers,
    HTTPFace,
    HTTPReply,
    HTTPRequest,
    Lane,
)
from certstatus.responder.forwarding import ForwardedNonce
from certstatus.responder.hot import HotLane
from certstatus.responder.http import OCSPFace
from certstatus.responder.locator import AllowedLocation
from certstatus.responder.proxy import Proxy, ProxyPolicy
from certstatus.responder.reply import Cause, Observer, Refusal, Reply, Told
from certstatus.responder.requests import RequestPolicy, SignedRequests
from certstatus.responder.routing import Answering, Forwarding, Router
from certstatus.responder.stored import Shelf, authority_digest

__all__ = [
    "PROFILE_DEFAULTS",
    "AllowedLocation",
    "Answering",
    "Archive",
    "Authorities",
    "Authority",
    "AuthorityPolicy",
    "Cause",
    "ForwardedNonce",
    "Forwarding",
    "HTTPFace",
    "HTTPReply",
    "HTTPRequest",
    "Headers",
    "HotLane",
    "Lane",
    "NonceMode",
    "OCSPFace",
    "Observer",
    "ProfileDefaults",
    "Proxy",
    "ProxyPolicy",
    "Refusal",
    "Reply",
    "RequestPolicy",
    "Responder",
    "ResponderIDForm",
    "Router",
    "Shelf",
    "SignedRequests",
    "Told",
    "UnlistedMode",
    "authority_digest",
]
