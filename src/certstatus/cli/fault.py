"""``certstatus fault``: a TLS host and an OCSP responder that are wrong on demand."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import click

from certstatus.cli.frame import Command, examples
from certstatus.cli.output import console, note, print_columns, styled, write_json
from certstatus.cli.params import SPAN
from certstatus.limits_tls import FAULT_DELAY
from certstatus.tls.fault import FAULTS, Fault, Where
from certstatus.tls.fault_page import expected, told

__all__ = ["command"]

_ENDING: Final = {signal.SIGTERM, signal.SIGINT}
_PORT = click.IntRange(0, 65535)


@click.command(
    "fault",
    cls=Command,
    epilog=examples(
        "certstatus fault",
        "certstatus fault --list",
        "certstatus fault --host 0.0.0.0 --domain fault.example --directory /srv/fault",
    ),
)
@click.option("--list", "list_only", is_flag=True, help="List the faults, and run nothing.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Where to listen.")
@click.option(
    "--port", type=_PORT, default=8443, show_default=True, help="Of the TLS host; 0: a free one."
)
@click.option(
    "--ocsp-port",
    type=_PORT,
    default=8888,
    show_default=True,
    help="Of the responder and the list; 0: a free one.",
)
@click.option(
    "--port-base",
    type=click.IntRange(1, 65535),
    help="Give each fault a port of its own as well, from here on.",
)
@click.option(
    "--domain",
    default="fault.test",
    show_default=True,
    help="The suffix of the faults' names; any other works too.",
)
@click.option(
    "--public-host",
    metavar="HOST",
    help="What clients call this machine, in URLs.  [default: --host, or --domain]",
)
@click.option("--delay", type=SPAN, default=FAULT_DELAY, help="How long slow faults wait.  [30s]")
@click.option(
    "--directory",
    type=click.Path(file_okay=False, path_type=Path),
    help="Write ca.pem, certificates and faults.json here.",
)
@click.option("--quiet", "-q", is_flag=True, help="Say nothing of the clients that come.")
@click.option("--json", "as_json", is_flag=True, help="Write the list for a program.")
def command(
    *,
    list_only: bool,
    directory: Path | None,
    quiet: bool,
    as_json: bool,
    **where: Any,
) -> None:
    """Run a TLS host and an OCSP responder that are wrong on demand.

    For testers of TLS and OCSP clients: the name in SNI says what is to be wrong
    (expired.fault.test; the first label counts), and so does the responder's path
    (/expired). Its PKI is made at start and held in memory; the list at / of the
    responder says what there is, and gives ca.pem to trust.

    SIGTERM and Ctrl-C end it.
    """
    if list_only:
        _list(as_json=as_json)
        return
    _run(where, directory, quiet=quiet, as_json=as_json)


# --- the list -----------------------------------------------------------------------------


def _list(*, as_json: bool) -> None:
    if as_json:
        write_json({"faults": [told(fault) for fault in FAULTS.values()]})
        return
    print_columns(console(), (_row(fault) for fault in FAULTS.values()), indent=0)


def _row(fault: Fault) -> tuple[Any, ...]:
    places = list(fault.version_names)
    if Where.RESPONDER in fault.where:
        places.append("HTTP")
    return (
        styled(fault.name, "bold"),
        ", ".join(fault.rules) or "–",
        ", ".join(places).replace(", TLS", ","),
        expected(fault),
    )


# --- the host -----------------------------------------------------------------------------


def _run(where: dict[str, Any], directory: Path | None, *, quiet: bool, as_json: bool) -> None:
    # The TLS engine is an extra, and heavy: it is imported when it runs.
    from certstatus.tls.fault_host import FaultHost, Visit  # noqa: PLC0415

    def tell(visit: Visit) -> None:
        if not quiet:
            note(str(visit))

    delay: timedelta = where.pop("delay")
    with until_told() as told_to_end, FaultHost(**where, delay=delay, on_visit=tell) as host:
        if directory is not None:
            host.write(directory)
        listing = host.listing
        if as_json:
            write_json(listing.as_json())
        note(
            f"TLS at {listing.host} port {listing.port}, for names such as expired.{listing.domain}"
        )
        note(f"OCSP at {listing.ocsp_url}/expired and so on")
        note(f"the list is at {listing.ocsp_url}/ - Ctrl-C ends it")
        told_to_end()


@contextmanager
def until_told() -> Iterator[Callable[[], object]]:
    """Give the call that waits for SIGTERM or Ctrl-C, which end nothing meanwhile.

    They are blocked and taken: a handler would not run where the signal comes in the moment
    before a wait for a lock, and the wait would not end.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _ENDING)
    try:
        yield lambda: signal.sigwait(_ENDING)
    finally:
        while signal.sigtimedwait(_ENDING, 0) is not None:
            pass  # who presses twice means the same
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
