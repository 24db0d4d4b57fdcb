"""``certstatus show``: any message explained, field by field."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Final

import click

from certstatus.cli.exit_codes import ExitCode, worst
from certstatus.cli.frame import Command, examples
from certstatus.cli.inputs import Message, read_messages, source_name
from certstatus.cli.output import complain, console, note, styled, write_json
from certstatus.cli.tree import print_tree
from certstatus.clock import SystemClock
from certstatus.errors import MalformedError
from certstatus.explain import Field, Kind, explain

__all__ = ["command"]

_KINDS: Final = {
    "request": Kind.REQUEST,
    "response": Kind.RESPONSE,
    "certificate": Kind.CERTIFICATE,
    "crl": Kind.CRL,
    "cms": Kind.CONTENT_INFO,
    "capture": Kind.CAPTURE,
    "records": Kind.RECORDS,
    "handshake": Kind.HANDSHAKE,
    "extension": Kind.EXTENSION,
    "cv-request": Kind.CV_REQUEST,
    "cv-response": Kind.CV_RESPONSE,
    "vp-request": Kind.VAL_POL_REQUEST,
    "vp-response": Kind.VAL_POL_RESPONSE,
}


@click.command(
    "show",
    cls=Command,
    epilog=examples(
        "certstatus show answer.der request.der",
        "certstatus show --bytes chain.pem",
        "curl -s http://ocsp.example/MFEw… | certstatus show -",
        "certstatus show 30030a0106",
        "certstatus show 000500050100000000",
        "certstatus show --json handshake.pcap",
        "openssl s_client -connect www.example:443 -status -msg </dev/null | certstatus show -",
    ),
)
@click.argument("names", metavar="FILE…", nargs=-1, required=True)
@click.option("--as", "kind", type=click.Choice(list(_KINDS)), help="Don't guess what it is.")
@click.option("--bytes", "with_bytes", is_flag=True, help="Add the octets of each field, in hex.")
@click.option(
    "--entries",
    type=click.IntRange(min=0),
    default=20,
    show_default=True,
    help="How many entries of a CRL to show.",
)
@click.option("--json", "as_json", is_flag=True, help="Write the tree for a program.")
def command(
    names: tuple[str, ...], *, kind: str | None, with_bytes: bool, entries: int, as_json: bool
) -> int:
    """Explain OCSP and SCVP messages, CRLs, certificates, CMS and TLS, field by field.

    FILE is a file, - for standard input, or the message itself: DER, PEM, hex, base64, or
    the URL of a GET request. Of TLS: records, handshake messages, a status_request
    extension, a pcap or pcapng file, or what openssl s_client -msg prints. Nothing is
    judged here: verify does that.

    Exit codes: 0 all explained, 64 a file can't be opened, 65 something is malformed.
    """
    shown = [
        _Shown(source, message, kind=_KINDS.get(kind or ""), entries=entries)
        for name in names
        for source, message in _read(name)
    ]
    if as_json:
        write_json({"messages": [one.as_json(with_bytes=with_bytes) for one in shown]})
    now = SystemClock().now()
    for position, one in enumerate(shown):
        one.complain()
        if not as_json and one.field is not None:
            one.print(now=now, with_bytes=with_bytes, is_first=position == 0)
    return worst(one.exit_code for one in shown)


def _read(name: str) -> Iterator[tuple[str, Message | Exception]]:
    """Yield every message that an argument holds, or why there is none."""
    try:
        for message in read_messages(name):
            yield message.source, message
    except (MalformedError, OSError) as error:
        yield source_name(name), error


class _Shown:
    """One message explained, or why it is not."""

    def __init__(
        self, source: str, message: Message | Exception, *, kind: Kind | None, entries: int
    ) -> None:
        self.source = source
        self.message = message if isinstance(message, Message) else None
        self.field: Field | None = None
        self.error: MalformedError | OSError | None = None
        if isinstance(message, MalformedError | OSError):
            self.error = message
        if self.message is not None:
            self._explain(self.message, kind, entries)

    def _explain(self, message: Message, kind: Kind | None, entries: int) -> None:
        try:
            self.field = explain(message.der, kind=kind, entries=entries, where=message.source)
        except MalformedError as error:
            self.error = error

    @property
    def problems(self) -> list[str]:
        """Say what could not be read: the message, or fields inside it."""
        if self.error is not None:
            return [str(self.error)]
        assert self.field is not None
        return [f"{one.name}: {one.problem}" for one in self.field.walk() if one.problem]

    @property
    def exit_code(self) -> int:
        if isinstance(self.error, OSError):
            return ExitCode.USAGE
        return ExitCode.MALFORMED if self.problems else ExitCode.DONE

    def complain(self) -> None:
        if self.error is not None:
            complain(self.source, self.error)
        for problem in self.problems if self.error is None else ():
            note(f"certstatus: {self.source}: {problem}")

    def print(self, *, now: datetime, with_bytes: bool, is_first: bool) -> None:
        assert self.field is not None
        assert self.message is not None
        out = console()
        if not is_first:
            out.print()
        heading = self.source if self.message.url is None else f"GET at {self.message.url}"
        out.print(styled(heading, "bold underline"))
        print_tree(out, self.field, now=now, with_bytes=with_bytes)

    def as_json(self, *, with_bytes: bool) -> dict[str, object]:
        told: dict[str, object] = {"source": self.source}
        if self.message is not None:
            told |= {"pemLabel": self.message.label, "url": self.message.url}
        if self.field is not None:
            told["message"] = self.field.as_json(with_bytes=with_bytes)
        if self.problems:
            told["error"] = {"exitCode": int(self.exit_code), "reasons": self.problems}
        return told
