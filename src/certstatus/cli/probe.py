"""``certstatus probe``: TLS servers shaken hands with, and what they staple judged."""

from __future__ import annotations

import asyncio
import shlex
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from datetime import timedelta
from typing import Final, TypeAlias

import click

from certstatus.cli.exit_codes import ExitCode, worst
from certstatus.cli.frame import Command, examples
from certstatus.cli.host_list import HostList
from certstatus.cli.inputs import load_certificates
from certstatus.cli.output import console, note, print_commands, write_file
from certstatus.cli.params import SPAN
from certstatus.cli.policy_params import policy_options
from certstatus.cli.probe_output import JSONLinesOutput, JSONOutput, ProbeOutput, TextOutput
from certstatus.cli.probe_params import HOST, REQUEST_EXTENSION, RESPONDER_ID
from certstatus.cli.waiting import counting, waiting
from certstatus.fetch import HTTPDoor
from certstatus.handshake import TLS12, TLS13, CertificateStatusRequest, OCSPStatusRequest
from certstatus.limits_tls import MAX_PROBE_CONCURRENCY, PROBE_CONCURRENCY, PROBE_TIME
from certstatus.ocsp import Extension, Extensions, ResponderID
from certstatus.requestor import CheckPolicy, Requestor
from certstatus.tls.host import Host, parse_host
from certstatus.tls.observe import USUAL_REQUEST
from certstatus.tls.peer import Demand, StatusPolicy
from certstatus.tls.probe import ProbeOptions, ProbeResult, probe_many
from certstatus.tls.starttls import StartTLS
from certstatus.verify import VerifyPolicy

__all__ = ["command"]

Hosts: TypeAlias = "tuple[Host, ...] | HostList"

_HTTPS: Final = 443


@click.command(
    "probe",
    cls=Command,
    epilog=examples(
        "certstatus probe www.example.com",
        "certstatus probe mail.example.com --starttls smtp --tls1-3",
        "certstatus probe --hosts hosts.txt --concurrency 100 --jsonl",
    ),
)
@click.argument("names", metavar="[HOST[:PORT]]…", nargs=-1)
@click.option("--hosts", "list_name", metavar="FILE", help="A host in each line; - reads stdin.")
@click.option("--servername", metavar="NAME", help="Ask for this name (SNI), and judge by it.")
@click.option("--cafile", metavar="FILE", help="Trust these, not the system's certificates.")
@click.option(
    "--starttls",
    type=click.Choice([one.value for one in StartTLS]),
    help="Ask for TLS in this protocol first.",
)
@click.option("--tls1-2", "--tls1_2", "is_tls12", is_flag=True, help="TLS 1.2 alone.")
@click.option("--tls1-3", "--tls1_3", "is_tls13", is_flag=True, help="TLS 1.3 alone.")
@click.option("--connect-to", type=HOST, help="Connect there, whatever the host's name.")
@click.option("--timeout", type=SPAN, default=PROBE_TIME, help="For each handshake.  [15s]")
@click.option(
    "--concurrency",
    type=click.IntRange(1, MAX_PROBE_CONCURRENCY),
    default=PROBE_CONCURRENCY,
    show_default=True,
    help="Hosts at once.",
)
@click.option("--v2", "is_v2", is_flag=True, help="Ask by status_request_v2, too (TLS 1.2).")
@click.option(
    "--responder-id",
    "responders",
    type=RESPONDER_ID,
    multiple=True,
    help="A responder to trust: certificate, SHA-1 of its key, or name.",
)
@click.option(
    "--request-extension",
    "extensions",
    type=REQUEST_EXTENSION,
    multiple=True,
    help="Ask with this extension; nonce is a random one.",
)
@click.option("--require", is_flag=True, help="A missing staple is an error (3).")
@click.option("--no-compare", is_flag=True, help="Don't ask the responder, too.")
@click.option("--url", "urls", multiple=True, help="The responder to compare with.")
@click.option("--proxy", metavar="URL", help="The HTTP proxy for asking responders.")
@click.option("--allow-private", is_flag=True, help="Follow certificates into private networks.")
@policy_options
@click.option("--openssl", is_flag=True, help="Print the like openssl commands, do nothing else.")
@click.option("--output", "-o", metavar="FILE", help="Keep the staple of one host.")
@click.option("--quiet", "-q", is_flag=True, help="Print a line for each host.")
@click.option("--json", "as_json", is_flag=True, help="Write the report for a program.")
@click.option("--jsonl", "as_jsonl", is_flag=True, help="Write a JSON document in each line.")
def command(
    names: tuple[str, ...],
    *,
    list_name: str | None,
    servername: str | None,
    cafile: str | None,
    starttls: str | None,
    is_tls12: bool,
    is_tls13: bool,
    connect_to: Host | None,
    timeout: timedelta,
    concurrency: int,
    is_v2: bool,
    responders: tuple[tuple[ResponderID, ...], ...],
    extensions: tuple[Extension, ...],
    require: bool,
    no_compare: bool,
    urls: tuple[str, ...],
    proxy: str | None,
    allow_private: bool,
    policy: VerifyPolicy,
    openssl: bool,
    output: str | None,
    quiet: bool,
    as_json: bool,
    as_jsonl: bool,
) -> int:
    """Shake hands with TLS servers, and judge what they staple.

    For each certificate of the chain: was its status asked for, promised, sent, and is it
    right? Is must-staple kept? Does the responder say the same? Without --tls1-2 or
    --tls1-3 both are tried. Whether the chain is trusted is told, and changes nothing.

    Exit codes: 0 good, or nothing stapled and nothing due; 1 revoked, 2 unknown, 3 not to
    be believed, or a staple missing where the certificate or --require wants one, 4 the
    staple is an error status, 64 usage, 65 malformed, 69 no TLS there. Of several hosts,
    revoked wins, then what went wrong, then unknown.
    """
    if as_json and as_jsonl:
        raise click.UsageError("--json writes one document, --jsonl one in each line: take one")
    protocol = None if starttls is None else StartTLS(starttls)
    port = _HTTPS if protocol is None else protocol.port
    hosts = _hosts(names, list_name, port)
    if output is not None and (list_name is not None or len(names) > 1):
        raise click.UsageError("--output keeps the staple of one host, not of several")
    options = ProbeOptions(
        versions=_versions(is_tls12=is_tls12, is_tls13=is_tls13),
        server_name=servername,
        starttls=protocol,
        connect_to=connect_to,
        request=_request(responders, extensions),
        uses_v2=is_v2,
        anchors=() if cafile is None or openssl else load_certificates(cafile),
        policy=StatusPolicy(demand=Demand.ALWAYS if require else Demand.MUST_STAPLE, verify=policy),
        is_compared=not no_compare,
        time_limit=timeout,
    )
    if openssl:
        print_commands(console(), _openssl_commands(hosts, options, cafile))
        return ExitCode.DONE
    requestor = Requestor(
        urls=urls,
        policy=CheckPolicy(verify=policy, allow_private=allow_private),
        door=HTTPDoor(proxy=proxy),
    )
    form: ProbeOutput
    if as_json or as_jsonl:
        form = JSONLinesOutput() if as_jsonl else JSONOutput(is_one=len(names) == 1)
    else:
        form = TextOutput(is_brief=quiet or list_name is not None)
    running = _run(hosts, options, requestor, concurrency=concurrency, form=form, output=output)
    return asyncio.run(running)


# --- what the options mean ----------------------------------------------------------------------


def _hosts(names: Sequence[str], list_name: str | None, port: int) -> Hosts:
    if list_name is not None:
        if names:
            raise click.UsageError("name hosts, or a list of them with --hosts, not both")
        return HostList(list_name, port)
    if not names:
        raise click.UsageError("name a host, or a list of them with --hosts")
    hosts = [(name, parse_host(name, port)) for name in names]
    for name, host in hosts:
        if host is None:
            raise click.UsageError(f"{name!r} is not HOST, HOST:PORT or [IPv6]:PORT")
    return tuple(host for _, host in hosts if host is not None)


def _versions(*, is_tls12: bool, is_tls13: bool) -> tuple[int, ...]:
    forced = ((TLS12, is_tls12), (TLS13, is_tls13))
    return tuple(one for one, is_forced in forced if is_forced) or (TLS12, TLS13)


def _request(
    responders: Sequence[tuple[ResponderID, ...]], extensions: Sequence[Extension]
) -> CertificateStatusRequest:
    return CertificateStatusRequest(
        OCSPStatusRequest(
            responder_id_list=tuple(one for several in responders for one in several),
            request_extensions=Extensions.of(*extensions),
        )
    )


# --- probing ------------------------------------------------------------------------------------


async def _run(
    hosts: Hosts,
    options: ProbeOptions,
    requestor: Requestor,
    *,
    concurrency: int,
    form: ProbeOutput,
    output: str | None,
) -> int:
    """Probe all, show each result when it is there, and return the worst exit code."""
    codes: set[int] = set()
    results = probe_many(hosts, options, concurrency=concurrency, requestor=requestor)
    with _progress(hosts) as advance:
        async for result in results:
            codes.add(result.exit_code)
            form.add(result)
            if output is not None:
                _keep(result, output)
            advance()
    form.end()
    if isinstance(hosts, HostList) and hosts.bad:
        codes.add(ExitCode.USAGE)
    return worst(codes)


def _progress(hosts: Hosts) -> AbstractContextManager[Callable[[], None]]:
    if isinstance(hosts, HostList):
        return counting("probing", hosts.count())
    if len(hosts) > 1:
        return counting("probing", len(hosts))
    return waiting(f"probing {hosts[0]}")


def _keep(result: ProbeResult, output: str) -> None:
    statuses = [one.statuses[0] for one in result.handshakes if one.statuses]
    staple = next((one.staple for one in statuses if one.staple is not None), None)
    if staple is None:
        note(f"certstatus: {output}: not written, there is no staple")
        return
    write_file(output, staple)


# --- the like command ---------------------------------------------------------------------------


def _openssl_commands(hosts: Hosts, options: ProbeOptions, cafile: str | None) -> Iterator[str]:
    """Write for each host and version the command of openssl's that shakes hands as we do."""
    if options.request != USUAL_REQUEST:
        note("certstatus: openssl s_client sends neither responder ids nor request extensions")
    for host in hosts:
        for version in options.versions:
            yield f"{shlex.join(_openssl(host, version, options, cafile))} </dev/null"


def _openssl(host: Host, version: int, options: ProbeOptions, cafile: str | None) -> Iterator[str]:
    yield from ("openssl", "s_client", "-connect", str(options.connect_to or host))
    name = options.server_name or host.name
    if Host(name).is_address:
        yield from ("-noservername", "-verify_ip", name)
    else:
        yield from ("-servername", name, "-verify_hostname", name)
    if options.starttls is not None:
        yield from ("-starttls", options.starttls)
    if options.starttls in {StartTLS.XMPP, StartTLS.XMPP_SERVER}:
        yield from ("-xmpphost", name)
    if cafile is not None:
        yield from ("-CAfile", cafile)
    yield from ("-tls1_2" if version == TLS12 else "-tls1_3", "-status", "-showcerts")
