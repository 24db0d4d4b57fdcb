"""``certstatus scvp``: a server asked to find and validate paths, and its reply judged."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

import click
from cryptography.x509 import ObjectIdentifier

from certstatus.cli.exit_codes import worst
from certstatus.cli.frame import Group, examples
from certstatus.cli.inputs import load_certificates, read_message
from certstatus.cli.output import note, write_file, write_json
from certstatus.cli.params import MOMENT, OID
from certstatus.cli.scvp_output import (
    policies_json,
    print_discovered,
    print_policies,
    print_result,
    result_json,
)
from certstatus.cli.scvp_params import load_anchors, load_pool, server_options
from certstatus.cli.waiting import waiting
from certstatus.cms import encode_evidence, parse_evidence
from certstatus.delegated import (
    DelegatedResult,
    DelegatedVerdict,
    Profile,
    SCVPClient,
    Wishes,
)
from certstatus.pkix import Certificate, CertificateList
from certstatus.scvp import Check, RevocationInfo, ValidationPolicy, ValidationPolRef

__all__ = ["command", "scvp"]


@click.group(
    "scvp",
    cls=Group,
    epilog=examples(
        "certstatus scvp check leaf.pem --url https://scvp.example/ --trust server.pem",
        "certstatus scvp discover leaf.pem --url https://scvp.example/ --all",
        "certstatus scvp policies --url https://scvp.example/ --trust server.pem",
    ),
)
def scvp() -> None:
    """Ask a server to find and validate paths (RFC 5055), and judge its reply.

    Exit codes: 0 good, 1 revoked, 2 the server could not find out, 3 no valid path or a
    reply not to be believed, 4 the server answered an error, 64 usage, 65 malformed, 69
    unreachable.
    """


command = scvp

_POLICY: Final = click.option(
    "--policy", type=OID, help="The validation policy.  [the server's default]"
)
_POLICY_SET: Final = click.option(
    "--policy-set",
    "policy_set",
    type=OID,
    multiple=True,
    help="A certificate policy that will do; asks for an explicit one, too.",
)
_AT: Final = click.option("--at", type=MOMENT, help="Validate as of this time, not now.")
_ANCHORS: Final = click.option(
    "--anchors", metavar="FILE", multiple=True, help="The only CAs that a path may lead to."
)
_POOL: Final = click.option(
    "--pool", metavar="FILE", multiple=True, help="CAs that a path may lead through."
)
_CRL: Final = click.option("--crl", "crls", metavar="FILE", multiple=True, help="A CRL at hand.")
_EVIDENCE: Final = click.option(
    "--save-evidence", "evidence", metavar="FILE", help="Keep what proves it, as CMS."
)
_JSON: Final = click.option(
    "--json", "as_json", is_flag=True, help="Write the report for a program."
)


@scvp.command(
    "check",
    short_help="Have certificates validated.",
    epilog=examples(
        "certstatus scvp check leaf.pem --url http://127.0.0.1:8080/scvp --trust server.pem",
        "certstatus scvp check leaf.pem --url URL --trust ca.pem --profile proof"
        " --save-evidence proof.p7",
        "certstatus scvp check a.pem b.pem --url URL --trust ca.pem --at 2026-11-01 --json",
    ),
)
@click.argument("names", metavar="CERT…", nargs=-1, required=True)
@server_options
@click.option(
    "--profile",
    type=click.Choice([one.value for one in Profile]),
    default=Profile.DPV.value,
    show_default=True,
    help="Find a path; validate one; or validate one and prove it.",
)
@_POLICY
@_POLICY_SET
@_AT
@_ANCHORS
@_POOL
@_CRL
@click.option("--no-revocation", is_flag=True, help="Don't ask whether anything is revoked.")
@click.option("--by-reference", is_flag=True, help="Send hashes in place of certificates.")
@click.option("--allow-cached", is_flag=True, help="Take a reply that was made before.")
@click.option("--unprotected", is_flag=True, help="Ask for an unsigned reply; takes https.")
@_EVIDENCE
@click.option("--quiet", "-q", is_flag=True, help="Print the verdicts alone.")
@_JSON
def check(
    names: tuple[str, ...],
    *,
    client: SCVPClient,
    profile: str,
    policy: ObjectIdentifier | None,
    policy_set: tuple[ObjectIdentifier, ...],
    at: datetime | None,
    anchors: tuple[str, ...],
    pool: tuple[str, ...],
    crls: tuple[str, ...],
    no_revocation: bool,
    by_reference: bool,
    allow_cached: bool,
    unprotected: bool,
    evidence: str | None,
    quiet: bool,
    as_json: bool,
) -> int:
    """Have the server validate CERT, a file in which intermediates may stand behind it.

    All are asked about with one request. Every check of RFC 5055 §9 is reported; a reply of
    which one fails is not believed, whatever it says.
    """
    certificates, behind = _load(names)
    asked = Profile(profile)
    if asked is Profile.DPD and no_revocation:
        raise click.UsageError("--no-revocation goes with validation, not with --profile dpd")
    if not unprotected and asked is not Profile.DPD:
        _check_trust(client)
    wishes = Wishes(
        profile=asked,
        checks=(Check.BUILD_VALID_PKC_PATH,) if no_revocation else (),
        validation_policy=_policy(policy, policy_set),
        anchors=load_anchors(anchors),
        validation_time=at,
        intermediates=(*behind, *load_pool(pool)),
        rev_infos=tuple(map(_crl, crls)),
        by_reference=by_reference,
        is_protected=False if unprotected else None,
        allow_cached=allow_cached,
    )
    with waiting(f"asking {client.url}"):
        result = client.check(certificates, wishes)
    if as_json:
        write_json(result_json(result))
    else:
        print_result(result, is_brief=quiet)
    if evidence is not None:
        _save(result, evidence)
    return _exit_code(result)


@scvp.command(
    "discover",
    short_help="Have paths found, and validate nothing.",
    epilog=examples(
        "certstatus scvp discover leaf.pem --url http://127.0.0.1:8080/scvp --all",
        "certstatus scvp discover leaf.pem --url URL --anchors root.pem --pool cas.pem",
    ),
)
@click.argument("name", metavar="CERT")
@server_options
@_POLICY
@_ANCHORS
@_POOL
@click.option("--all", "wants_all", is_flag=True, help="Ask for one after the other.")
@_JSON
def discover(
    name: str,
    *,
    client: SCVPClient,
    policy: ObjectIdentifier | None,
    anchors: tuple[str, ...],
    pool: tuple[str, ...],
    wants_all: bool,
    as_json: bool,
) -> int:
    """Have the server find a path for CERT, or all of them.

    The signatures along each path are verified here; whether it is valid is not asked.
    """
    (certificate,), behind = _load((name,))
    wishes = Wishes(
        profile=Profile.DPD,
        validation_policy=_policy(policy, ()),
        anchors=load_anchors(anchors),
        intermediates=(*behind, *load_pool(pool)),
    )
    results: list[DelegatedResult] = []
    with waiting(f"asking {client.url}"):
        for result in client.discover(certificate, wishes):
            results.append(result)
            if not wants_all:
                break
    if as_json:
        write_json({"results": [result_json(one) for one in results]})
    else:
        print_discovered(results)
    # After the first, "no path" says that there are no more.
    ends = [one for one in results[1:] if one.verdict is not DelegatedVerdict.INVALID]
    return worst(_exit_code(one) for one in (results[0], *ends))


@scvp.command(
    "policies",
    short_help="Show what the server can do, and does by default.",
    epilog=examples("certstatus scvp policies --url http://127.0.0.1:8080/scvp --trust server.pem"),
)
@server_options
@_JSON
def policies(*, client: SCVPClient, as_json: bool) -> int:
    """Show the server's validation policies, algorithms and defaults, which it signs."""
    _check_trust(client)
    with waiting(f"asking {client.url}"):
        result = client.policies()
    if as_json:
        write_json(policies_json(result))
    else:
        print_policies(result)
    return result.verdict.exit_code


def _check_trust(client: SCVPClient) -> None:
    if not client.policy.trust.is_given:
        raise click.UsageError("name the server's certificate, or its CA: --trust FILE")


def _load(names: Sequence[str]) -> tuple[tuple[Certificate, ...], tuple[Certificate, ...]]:
    """Load the certificates in question, and those that stand behind them."""
    files = [load_certificates(name) for name in names]
    return tuple(one[0] for one in files), tuple(more for one in files for more in one[1:])


def _policy(
    policy: ObjectIdentifier | None, policy_set: tuple[ObjectIdentifier, ...]
) -> ValidationPolicy:
    reference = ValidationPolRef() if policy is None else ValidationPolRef(policy)
    return ValidationPolicy(validation_pol_ref=reference, user_policy_set=policy_set)


def _crl(name: str) -> RevocationInfo:
    crl = CertificateList.from_der(read_message(name).der, name)
    kind = RevocationInfo.crl if crl.base_crl_number is None else RevocationInfo.delta_crl
    return kind(crl.der)


def _exit_code(result: DelegatedResult) -> int:
    if result.report is None or not result.report.replies:
        return result.verdict.exit_code
    return worst(one.verdict.exit_code for one in result.report.replies)


def _save(result: DelegatedResult, name: str) -> None:
    """Keep the evidence, once it is read again."""
    if result.report is None or not result.report.replies:
        note(f"certstatus: {name}: not written, there is no reply to be believed")
        return
    found = result.evidence()
    if not found.exchanges:
        note(f"certstatus: {name}: the reply itself is not in it: it is not signed and okay (X4)")
    octets = encode_evidence(found)
    parse_evidence(octets)
    write_file(name, octets)
