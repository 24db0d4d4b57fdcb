"""``certstatus presign``: sign in advance what is, or will be, asked for."""

from __future__ import annotations

from pathlib import Path

import click

from certstatus.cli.frame import Command, examples

__all__ = ["command"]


@click.command(
    "presign",
    cls=Command,
    epilog=examples(
        "certstatus presign --config certstatus.toml",
        "certstatus presign --config certstatus.toml --all --processes 8",
        "certstatus presign --config certstatus.toml --authority 'Issuing CA 1' --algorithms all",
        "certstatus presign --config certstatus.toml --dry-run --json",
    ),
)
@click.option(
    "--config",
    type=click.Path(dir_okay=False, path_type=Path),
    required=True,
    help="The responder's TOML file, with its [store].",
)
@click.option(
    "--all/--due",
    "everything",
    default=False,
    help="Everything issued, or what is missing, old or says something else now.  [default: due]",
)
@click.option(
    "--processes",
    type=click.IntRange(1, 256),
    help="How many sign at once.  [default: one for each CPU]",
)
@click.option(
    "--authority", "names", multiple=True, help="An authority's name, or its certificate's file."
)
@click.option(
    "--algorithms",
    metavar="default|all|NAMES",
    help="Which signers, by algorithm: ECDSA-SHA256,RSA-SHA256.  [default: as configured]",
)
@click.option(
    "--cert-ids",
    metavar="NAMES",
    help="For which CertIDs: sha1,sha256,sha256-bare.  [default: as configured]",
)
@click.option(
    "--verify-signatures",
    type=click.Choice(["all", "sample"]),
    help="Of which answers the signature is verified before they are stored.  [default: as configured]",
)
@click.option("--dry-run", is_flag=True, help="Sign and look at each answer, and store none.")
@click.option("--json", "as_json", is_flag=True, help="Write JSON for a program.")
def command(
    config: Path,
    *,
    everything: bool,
    processes: int | None,
    names: tuple[str, ...],
    algorithms: str | None,
    cert_ids: str | None,
    verify_signatures: str | None,
    dry_run: bool,
    as_json: bool,
) -> int:
    """Sign answers before they are asked for, and put them into the store.

    Processes share the work, and so do nodes with one PostgreSQL: run it on each. What one
    had begun when it was interrupted or killed, the others or the next run go on with. A
    linter looks at each answer first; what it refuses is told, and not stored (exit code 3).
    """
    # The server's needs are an extra, and heavy: they are imported when it runs.
    from certstatus.cli.presigning import Wishes, run  # noqa: PLC0415

    wishes = Wishes(
        only_due=not everything,
        processes=processes,
        names=frozenset(names),
        algorithms=algorithms,
        cert_ids=cert_ids,
        verify_signatures=verify_signatures,
        is_dry=dry_run,
    )
    return run(config, wishes, as_json=as_json)
