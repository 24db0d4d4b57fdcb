"""``certstatus config``: a responder's configuration, checked and explained before it serves."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from certstatus.cli.config_examples import KINDS, example_files
from certstatus.cli.config_json import examination_json
from certstatus.cli.config_text import print_examination
from certstatus.cli.exit_codes import ExitCode
from certstatus.cli.frame import Group, examples
from certstatus.cli.output import console, note, write_file, write_json
from certstatus.clock import SystemClock
from certstatus.errors import ConfigError

__all__ = ["command"]


@click.group(
    "config",
    cls=Group,
    epilog=examples(
        "certstatus config check /etc/certstatus/certstatus.toml",
        "certstatus config check certstatus.toml --strict && systemctl reload certstatus",
        "certstatus config example one-box --output deployment",
    ),
)
def command() -> None:
    """Check and explain a responder's configuration; show ones that work."""


@command.command(
    "check",
    short_help="Read a configuration as serve would, and explain what would run.",
    epilog=examples(
        "certstatus config check certstatus.toml", "certstatus config check certstatus.toml --json"
    ),
)
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--strict", is_flag=True, help="Warnings count as errors.")
@click.option("--json", "as_json", is_flag=True, help="Write JSON.")
def check(file: Path, *, strict: bool, as_json: bool) -> int:
    """Read FILE and all that it names as `serve` does, and explain what would run.

    Nothing is bound or served. Every error is told at once, with line, key, value and
    remedy. Exit codes: 0 it would serve, 78 a setting, key or certificate is wrong, 65 a
    file is malformed, 69 a source can't answer now.
    """
    from certstatus.server.examining import examine  # noqa: PLC0415 - brings the whole server

    found = asyncio.run(examine(file, SystemClock()))
    if as_json:
        write_json(examination_json(found))
    else:
        print_examination(console(), found, SystemClock().now())
    return found.exit_code or (ExitCode.CONFIG if strict and found.advice else ExitCode.DONE)


@command.command(
    "example",
    short_help="Show a whole deployment that works: configuration, systemd unit, nginx.",
    epilog=examples(
        "certstatus config example one-box >certstatus.toml",
        "certstatus config example three-nodes --output deployment",
    )
    + "\n\nKinds:"
    + "".join(f"\n  {name:<14}{line}" for name, line in KINDS.items()),
)
@click.argument("kind", type=click.Choice(list(KINDS)))
@click.option(
    "--output",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    help="Write every file of it into this folder.  [default: the configuration, to stdout]",
)
def example(kind: str, *, folder: Path | None) -> None:
    """Show the configuration of a deployment of KIND, or write all its files."""
    files = example_files(kind)
    if folder is None:
        write_file("-", files["certstatus.toml"])
        return
    for name in files:
        if (folder / name).exists():
            raise ConfigError(
                "is there already", file=str(folder / name), remedy="name another folder"
            )
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        write_file(str(folder / name), data)
        note(f"{folder / name}")
