"""cheroot with pyOpenSSL, run as the manual says, staples to peers that verify what they get."""

from __future__ import annotations

import ssl
from collections.abc import Callable

import pytest

from tests.stapling import (
    Find,
    Serving,
    ask_with_curl,
    ask_with_gnutls,
    ask_with_openssl,
    both_versions,
)

pytestmark = [pytest.mark.interop, pytest.mark.rule("T3", "T5", "T12")]


@both_versions
def test_it_staples_to_peers_that_verify(
    serve: Callable[[str], Serving], interop_command: Find, version: ssl.TLSVersion
) -> None:
    server = serve("cheroot")

    assert "Cert Status: good" in ask_with_openssl(interop_command, server, version)
    assert "Certificate Status: good" in ask_with_gnutls(interop_command, server, version)
    assert "SSL certificate status: good" in ask_with_curl(interop_command, server, version)
