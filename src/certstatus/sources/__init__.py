"""Who knows the status: database, CRL, OpenSSL index, and what wraps them.

Each is imported when it is first named: the command's help needs no database.
"""

from __future__ import annotations

import typing as _typing
from importlib import import_module as _import_module

from certstatus.sources.base import (
    Answer,
    AtHand,
    Enumerable,
    Known,
    NotOurs,
    Page,
    Source,
    Unlisted,
    at_hand_for,
)

if _typing.TYPE_CHECKING:
    from certstatus.sources.crl import CRL
    from certstatus.sources.crl_by_url import Fetching
    from certstatus.sources.crl_fetcher import CRLFetcher
    from certstatus.sources.crl_scope import Issues
    from certstatus.sources.crt import RevocationTree
    from certstatus.sources.database import (
        EVERYTHING,
        AuditEntry,
        CertificateRecord,
        Claim,
        Claims,
        DatabaseSource,
        ImportKind,
        ImportReport,
        Issuer,
        IssuerSummary,
        Outcome,
        Revocation,
        Round,
        Status,
        StatusChange,
        StatusDatabase,
        StatusFeed,
        import_file,
    )
    from certstatus.sources.entry_extensions import EntryExtensions
    from certstatus.sources.events import EventKind, Observer, SourceEvent
    from certstatus.sources.index_format import (
        IndexEntry,
        IndexRevocation,
        IndexStatus,
        encode_index,
        parse_index,
    )
    from certstatus.sources.openssl_index import OpenSSLIndex
    from certstatus.sources.serial_number import parse_serial, serial_order, serial_text
    from certstatus.sources.stack import Stack
    from certstatus.sources.upstream import Upstream
    from certstatus.sources.upstream_asking import UpstreamPolicy

__all__ = [
    "CRL",
    "EVERYTHING",
    "Answer",
    "AtHand",
    "AuditEntry",
    "CRLFetcher",
    "CertificateRecord",
    "Claim",
    "Claims",
    "DatabaseSource",
    "EntryExtensions",
    "Enumerable",
    "EventKind",
    "Fetching",
    "ImportKind",
    "ImportReport",
    "IndexEntry",
    "IndexRevocation",
    "IndexStatus",
    "Issuer",
    "IssuerSummary",
    "Issues",
    "Known",
    "NotOurs",
    "Observer",
    "OpenSSLIndex",
    "Outcome",
    "Page",
    "Revocation",
    "RevocationTree",
    "Round",
    "Source",
    "SourceEvent",
    "Stack",
    "Status",
    "StatusChange",
    "StatusDatabase",
    "StatusFeed",
    "Unlisted",
    "Upstream",
    "UpstreamPolicy",
    "at_hand_for",
    "encode_index",
    "import_file",
    "parse_index",
    "parse_serial",
    "serial_order",
    "serial_text",
]

_ROOMS: _typing.Final = {
    "crl": ("CRL",),
    "crl_by_url": ("Fetching",),
    "crl_fetcher": ("CRLFetcher",),
    "crl_scope": ("Issues",),
    "crt": ("RevocationTree",),
    "database": (
        "EVERYTHING",
        "AuditEntry",
        "CertificateRecord",
        "Claim",
        "Claims",
        "DatabaseSource",
        "ImportKind",
        "ImportReport",
        "Issuer",
        "IssuerSummary",
        "Outcome",
        "Revocation",
        "Round",
        "Status",
        "StatusChange",
        "StatusDatabase",
        "StatusFeed",
        "import_file",
    ),
    "entry_extensions": ("EntryExtensions",),
    "events": ("EventKind", "Observer", "SourceEvent"),
    "index_format": (
        "IndexEntry",
        "IndexRevocation",
        "IndexStatus",
        "encode_index",
        "parse_index",
    ),
    "openssl_index": ("OpenSSLIndex",),
    "serial_number": ("parse_serial", "serial_order", "serial_text"),
    "stack": ("Stack",),
    "upstream": ("Upstream",),
    "upstream_asking": ("UpstreamPolicy",),
}
_ROOM_OF: _typing.Final = {name: room for room, names in _ROOMS.items() for name in names}


def __getattr__(name: str) -> object:
    if name not in _ROOM_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(_import_module(f"certstatus.sources.{_ROOM_OF[name]}"), name)
