"""Option values of ``certstatus probe``: hosts, responders, request extensions."""

from __future__ import annotations

import os
import re
import secrets
from typing import Any, Final

import click

from certstatus.cli.inputs import load_certificates
from certstatus.cli.request_params import EXTENSION
from certstatus.errors import MalformedError
from certstatus.limits import NONCE_OCTETS
from certstatus.ocsp import ByKey, ByName, Extension, Nonce, ResponderID
from certstatus.pkix import Name
from certstatus.tls.host import Host, parse_host

__all__ = ["HOST", "REQUEST_EXTENSION", "RESPONDER_ID"]

_KEY_HASH: Final = re.compile(r"(?:[0-9A-Fa-f]{2}:?){19}[0-9A-Fa-f]{2}")


class _Host(click.ParamType[Host]):
    """HOST:PORT to connect to."""

    name = "HOST[:PORT]"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Host:
        if isinstance(value, Host):
            return value
        host = parse_host(value)
        if host is None:
            self.fail(f"{value!r} is not HOST, HOST:PORT or [IPv6]:PORT", param, ctx)
        return host


class _ResponderID(click.ParamType[tuple[ResponderID, ...]]):
    """A responder: its certificate's file, the SHA-1 of its key, or its name.

    A certificate names it both ways, and the server may go by either.
    """

    name = "FILE|HASH|NAME"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[ResponderID, ...]:
        if isinstance(value, tuple):
            return value
        if _KEY_HASH.fullmatch(value):
            return (ByKey(bytes.fromhex(value.replace(":", ""))),)
        if os.path.lexists(value) or "=" not in value:
            certificate = load_certificates(value)[0]
            return (ByKey.of(certificate), ByName(certificate.subject))
        try:
            return (ByName(Name.from_rfc4514(value)),)
        except MalformedError as error:
            self.fail(f"{value!r} is no name such as CN=Responder,O=Example: {error}", param, ctx)


class _RequestExtension(click.ParamType[Extension]):
    """An extension of the request: ``nonce``, or OID=HEX as it shall stand."""

    name = "nonce|OID=HEX"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> Extension:
        if isinstance(value, Extension):
            return value
        if value == "nonce":
            # Wrapped twice, as RFC 6066 §8 asks: an OCTET STRING in extnValue.
            return Extension(Nonce.oid, Nonce(secrets.token_bytes(NONCE_OCTETS)).encode())
        return EXTENSION.convert(value, param, ctx)


HOST: Final = _Host()
RESPONDER_ID: Final = _ResponderID()
REQUEST_EXTENSION: Final = _RequestExtension()
