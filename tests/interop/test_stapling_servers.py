"""The servers of the manual, run as it says, staple to peers that verify what they get."""

from __future__ import annotations

import http.client
import ssl
from collections.abc import Callable

import pytest

from certstatus.tls import Demand, StatusPolicy, require_status
from certstatus.verify import Verdict
from tests.stapling import (
    Find,
    Serving,
    StaplingPKI,
    ask_with_curl,
    ask_with_gnutls,
    ask_with_openssl,
    both_versions,
    snippets,
)

pytestmark = [pytest.mark.interop, pytest.mark.rule("T3", "T5", "T12")]

SERVERS = sorted({*snippets("server"), "uvloop"} - {"twisted", "cheroot"})
"""Of the stdlib's TLS; those of pyOpenSSL have pages of their own here."""

Serve = Callable[[str], Serving]
each_server = pytest.mark.parametrize("name", SERVERS)


@each_server
@both_versions
def test_openssl_is_shown_the_first_staple_and_every_other(
    serve: Serve, interop_command: Find, name: str, version: ssl.TLSVersion
) -> None:
    told = ask_with_openssl(interop_command, serve(name), version)

    assert "OCSP Response Status: successful" in told
    assert "Cert Status: good" in told


@each_server
@both_versions
def test_gnutls_believes_the_staple(
    serve: Serve, interop_command: Find, name: str, version: ssl.TLSVersion
) -> None:
    told = ask_with_gnutls(interop_command, serve(name), version)

    assert "Certificate Status: good" in told
    assert "The certificate is trusted" in told


@each_server
@both_versions
def test_curl_believes_the_staple(
    serve: Serve, interop_command: Find, name: str, version: ssl.TLSVersion
) -> None:
    assert "SSL certificate status: good" in ask_with_curl(interop_command, serve(name), version)


@each_server
@both_versions
def test_our_client_believes_the_staple(
    serve: Serve, stapling_pki: StaplingPKI, name: str, version: ssl.TLSVersion
) -> None:
    context = stapling_pki.client_context(version)
    checker = require_status(context, policy=StatusPolicy(demand=Demand.ALWAYS))
    connection = http.client.HTTPSConnection("localhost", serve(name).port, context=context)

    connection.request("GET", "/")

    status = checker.status_of(connection.sock)
    connection.close()
    assert status is not None
    assert status.verdict is Verdict.GOOD
