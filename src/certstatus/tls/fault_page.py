"""The list of faults, as a page for people and as JSON for programs. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from html import escape
from typing import Final

from certstatus.handshake import TLS12, TLS13
from certstatus.tls.fault import FAULTS, HONEST, Fault, Where

__all__ = ["Listing", "expected", "told"]


def told(fault: Fault) -> dict[str, object]:
    """Tell of a fault what a program wants to know, wherever the host is."""
    return {
        "name": fault.name,
        "title": fault.title,
        "description": fault.description,
        "where": [where.value for where in Where if where in fault.where],
        "versions": list(fault.version_names),
        "rules": list(fault.rules),
        "verdict": None if fault.verdict is None else fault.verdict.value,
        "alerts": {
            version: str(alert)
            for version, number in (("TLS 1.2", TLS12), ("TLS 1.3", TLS13))
            if number in fault.versions and (alert := fault.alert_in(number)) is not None
        },
        "needs": fault.special_needs or None,
    }


def expected(fault: Fault) -> str:
    """Say in a few words what a right client makes of a fault."""
    alerts = ", ".join(map(str, fault.alerts))
    words = ("" if fault.verdict is None else fault.verdict.value, alerts)
    return " / ".join(word for word in words if word) or _WITHOUT_ALERT


_WITHOUT_ALERT: Final = "its own policy"


@dataclass(frozen=True, kw_only=True)
class Listing:
    """Where the faults of one host are.

    ``host`` is what clients call this machine, ``domain`` the DNS suffix of the faults'
    names; ``ports`` are those of faults that have one of their own.
    """

    domain: str
    host: str
    port: int
    ocsp_url: str
    ports: Mapping[str, int] = field(default_factory=dict)

    def server_name(self, name: str) -> str:
        """Return the DNS name that brings up a fault."""
        return f"{name}.{self.domain}"

    def places(self, fault: Fault) -> dict[str, object]:
        """Tell where one fault is found."""
        in_tls, in_http = fault.shows_in_tls, Where.RESPONDER in fault.where
        return {
            "serverName": self.server_name(fault.name) if in_tls else None,
            "port": self.port if in_tls else None,
            "ownPort": self.ports.get(fault.name) if in_tls else None,
            "url": f"{self.ocsp_url}/{fault.name}" if in_http else None,
            "certificate": f"{self.ocsp_url}/{fault.name}.pem",
        }

    def as_json(self) -> dict[str, object]:
        """Return the whole list, as ``--json`` and ``/faults.json`` have it."""
        return {
            "host": self.host,
            "port": self.port,
            "domain": self.domain,
            "ocspUrl": self.ocsp_url,
            "ca": f"{self.ocsp_url}/ca.pem",
            "faults": [{**told(fault), **self.places(fault)} for fault in FAULTS.values()],
        }

    def json(self) -> bytes:
        """Write the list as a JSON document."""
        return json.dumps(self.as_json(), indent=2).encode() + b"\n"

    def html(self, shown: Fault | None = None) -> bytes:
        """Write the list as a page; ``shown`` is the fault of the connection it goes over."""
        head = "" if shown is None or shown is HONEST else _shown(shown)
        rows = "".join(self._row(fault, fault is shown) for fault in FAULTS.values())
        page = _PAGE.format(
            head=head,
            rows=rows,
            host=escape(self.host),
            port=self.port,
            example=escape(self.server_name("expired")),
            url=escape(self.ocsp_url),
        )
        return page.encode()

    def _row(self, fault: Fault, is_shown: bool) -> str:
        places = self.places(fault)
        own_port = places["ownPort"]
        where = (
            _code(places["serverName"]) + (f" or port {own_port}" if own_port else ""),
            _code(places["url"]),
            _link(places["certificate"], "certificate"),
        )
        cells = (
            f"<strong>{escape(fault.title)}</strong><br>{escape(fault.description)}"
            + (
                f"<br><em>Ask with {escape(fault.special_needs)}.</em>"
                if fault.special_needs
                else ""
            ),
            escape(", ".join(fault.rules) or "–"),
            escape(expected(fault)),
            "<br>".join(one for one in where if one),
        )
        mark = ' class="shown"' if is_shown else ""
        told_cells = "".join(f"<td>{cell}</td>" for cell in cells)
        return f'<tr id="{fault.name}"{mark}>{told_cells}</tr>\n'


def _code(text: object) -> str:
    return "" if text is None else f"<code>{escape(str(text))}</code>"


def _link(url: object, text: str) -> str:
    return f'<a href="{escape(str(url))}">{text}</a>'


def _shown(fault: Fault) -> str:
    rules = escape(", ".join(fault.rules) or "no rule")
    return (
        f'<p class="shown">This connection has the fault <strong>{escape(fault.name)}</strong> '
        f"({rules}), and your client has let it pass.</p>\n"
    )


_PAGE: Final = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>certstatus fault</title>
<style>
:root {{ color-scheme: light dark; }}
body {{ font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 75rem; padding: 0 1rem; }}
table {{ border-collapse: collapse; width: 100%; }}
th, td {{ border-bottom: 1px solid color-mix(in srgb, currentColor 25%, transparent); padding: .5rem; text-align: left; vertical-align: top; }}
code {{ overflow-wrap: anywhere; }}
.shown {{ background: color-mix(in srgb, #d33 15%, transparent); padding: .5rem; }}
.wide {{ overflow-x: auto; }}
</style>
</head>
<body>
<h1>Wrong on purpose</h1>
{head}<p>Each name below brings up one fault of certificate status: <code>{host}</code>, port {port},
asked for as <code>{example}</code> and so on (the first label counts), and each URL is an OCSP
responder that has it. Trust <a href="{url}/ca.pem">ca.pem</a> in the client under test, and nowhere
else. Programs read <a href="/faults.json">faults.json</a>.</p>
<div class="wide">
<table>
<thead><tr><th>What is wrong</th><th>Rule to name</th><th>A right client says</th><th>Where</th></tr></thead>
<tbody>
{rows}</tbody>
</table>
</div>
</body>
</html>
"""
