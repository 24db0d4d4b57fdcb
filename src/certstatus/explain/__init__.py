"""Messages in plain words: every field by the RFC's name, its meaning, and where it is written.

Its law: explaining is not judging; whether a response is to be believed is asked of
``certstatus.verify``. Pure: octets in, a tree of ``Field`` out.
"""

from __future__ import annotations

from certstatus.explain.capture import explain_capture
from certstatus.explain.certificate import explain_certificate
from certstatus.explain.crl import explain_crl
from certstatus.explain.field import Field, Value
from certstatus.explain.get_url import GetURL, parse_get_url
from certstatus.explain.message import explain
from certstatus.explain.openssl_msg import is_openssl_msg, parse_openssl_msg
from certstatus.explain.recognize import Kind, is_whole, recognize
from certstatus.explain.request import explain_request
from certstatus.explain.response import explain_response
from certstatus.explain.scvp import explain_scvp
from certstatus.explain.signed_message import explain_content_info
from certstatus.explain.tls_extension import explain_extension
from certstatus.explain.tls_flight import explain_handshake, explain_records

__all__ = [
    "Field",
    "GetURL",
    "Kind",
    "Value",
    "explain",
    "explain_capture",
    "explain_certificate",
    "explain_content_info",
    "explain_crl",
    "explain_extension",
    "explain_handshake",
    "explain_records",
    "explain_request",
    "explain_response",
    "explain_scvp",
    "is_openssl_msg",
    "is_whole",
    "parse_get_url",
    "parse_openssl_msg",
    "recognize",
]
