"""The one import of tlslite-ng, which is an extra and has no types."""

from __future__ import annotations

import warnings

from certstatus.errors import PlatformError

try:
    with warnings.catch_warnings():
        # on Python 3.11 it imports asyncore, for a mix-in that nobody here uses
        warnings.simplefilter("ignore", DeprecationWarning)
        from tlslite.errors import TLSAbruptCloseError, TLSLocalAlert, TLSRemoteAlert
        from tlslite.handshakesettings import HandshakeSettings
        from tlslite.tlsconnection import TLSConnection
        from tlslite.utils.codec import Parser
        from tlslite.utils.dns_utils import is_valid_hostname
        from tlslite.utils.keyfactory import parsePEMKey
        from tlslite.x509 import X509
        from tlslite.x509certchain import X509CertChain
except ImportError as error:
    raise PlatformError(
        "certstatus.tls.wire is built on tlslite-ng: pip install 'certstatus[tls]'"
    ) from error

__all__ = [
    "X509",
    "HandshakeSettings",
    "Parser",
    "TLSAbruptCloseError",
    "TLSConnection",
    "TLSLocalAlert",
    "TLSRemoteAlert",
    "X509CertChain",
    "is_valid_hostname",
    "parsePEMKey",
]
