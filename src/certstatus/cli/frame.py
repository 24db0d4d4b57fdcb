"""The command's frame: subcommands found when asked for, and every error put into words once.

Its law: a command imports its own needs when it is called, so ``--help`` stays quick; it
returns an exit code (None is 0) and lets errors rise to here; results go to stdout, talk
to stderr. To add a command, write ``certstatus/cli/<name>.py`` with ``command``, and name
it in ``SECTIONS``.
"""

from __future__ import annotations

import contextlib
import os
import sys
import traceback
from collections.abc import Sequence
from importlib import import_module
from typing import Any, Final, NoReturn

import click

from certstatus.cli.exit_codes import ExitCode
from certstatus.cli.text import printable
from certstatus.errors import CertStatusError

__all__ = ["SECTIONS", "Command", "Group", "examples", "main"]

SECTIONS: Final[dict[str, dict[str, str]]] = {
    "Ask and judge": {
        "check": "Ask the responder about certificates, and judge its answer.",
        "probe": "Shake hands with TLS servers, and judge what they staple.",
        "verify": "Judge a stored response.",
        "scvp": "Have a server find and validate paths, and judge its reply.",
        "show": "Explain a request, response, CRL or certificate, field by field.",
        "request": "Build a request of any shape.",
    },
    "Serve": {
        "serve": "Run the responder.",
        "config": "Check and explain a responder's configuration; show ones that work.",
        "presign": "Sign answers before they are asked for, and store them.",
        "signer": "Request, issue, check and renew responders' certificates.",
        "db": "Keep the status database: import, revoke, hold, release, list.",
        "crt": "Build revocation trees, and prove statuses out of them.",
    },
    "Try and learn": {
        "fault": "Run a TLS host and an OCSP responder that are wrong on demand.",
        "lab": "Make a tiny CA on disk for trying things.",
        "rule": "Explain a requirement of the standards.",
    },
}
"""Every subcommand with its one line, in the order of the help page."""

_COMMANDS: Final = {name: line for section in SECTIONS.values() for name, line in section.items()}


def examples(*lines: str) -> str:
    """Return the epilog of a help page: one example in each line."""
    return "\b\nExamples:\n" + "\n".join(f"  {line}" for line in lines)


class _Examples(click.Command):
    """Writes the epilog as it stands, at the margin where the other headings are."""

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples, neither wrapped nor indented."""
        del ctx
        if self.epilog:
            formatter.write(self.epilog.replace("\b", "", 1) + "\n")


class Command(_Examples):
    """A subcommand: ``@click.command(cls=Command, epilog=examples(…))``."""


class Group(_Examples, click.Group):
    """A subcommand that has subcommands."""

    command_class = Command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the first sentence of every subcommand, whole."""
        found = ((name, self.get_command(ctx, name)) for name in self.list_commands(ctx))
        rows = [
            (name, command.get_short_help_str(limit=200))
            for name, command in found
            if command is not None and not command.hidden
        ]
        with formatter.section("Commands"):
            formatter.write_dl(rows)


class _Frame(Group):
    """A group that imports a subcommand when it is called, and maps errors to exit codes."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """List the subcommands in the help page's order."""
        del ctx
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a subcommand's module; None where there is no such subcommand."""
        del ctx
        if cmd_name not in _COMMANDS:
            return None
        command: click.Command = import_module(f"certstatus.cli.{cmd_name}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the sections without importing any subcommand."""
        del ctx
        for section, commands in SECTIONS.items():
            with formatter.section(section):
                formatter.write_dl(list(commands.items()))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find a subcommand, or say which there are."""
        try:
            return super().resolve_command(ctx, args)
        except click.exceptions.NoSuchCommand as error:
            known = ", ".join(_COMMANDS)
            raise click.UsageError(f"no command {error.command_name!r}: {known}", ctx) from None

    def invoke(self, ctx: click.Context) -> int:
        """Run a subcommand; return its exit code, or that of the error that ended it."""
        try:
            result = super().invoke(ctx)
            sys.stdout.flush()
        except BrokenPipeError:
            return _close_output()
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except Exception as error:  # noqa: BLE001 - the one place where every error ends
            if ctx.params["debug"]:
                traceback.print_exc()
            return _report(error)
        return result if isinstance(result, int) else ExitCode.DONE

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        **extra: Any,
    ) -> NoReturn:
        """Run the command and end the process with its exit code."""
        del prog_name, standalone_mode
        try:
            code = super().main(args, "certstatus", complete_var, standalone_mode=False, **extra)
        except click.exceptions.Abort:
            code = ExitCode.INTERRUPTED
        except click.ClickException as error:
            code = _say_usage(error)
        sys.exit(code or ExitCode.DONE)


def _close_output() -> int:
    """Point stdout nowhere: whoever read it has gone, and Python would still flush it."""
    with contextlib.suppress(OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return ExitCode.BROKEN_PIPE


def _say(message: str, hint: str = "") -> None:
    click.echo(printable(f"certstatus: {message}"), err=True)
    if hint:
        click.echo(printable(f"  {hint}"), err=True)


def _say_usage(error: click.ClickException) -> int:
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        error.show()
        return ExitCode.USAGE
    context = error.ctx if isinstance(error, click.UsageError) else None
    hint = f"see {context.command_path} --help" if context is not None else ""
    message = error.format_message().rstrip(".")
    _say(message[:1].lower() + message[1:], hint)
    return ExitCode.USAGE


def _report(error: Exception) -> int:
    """Put an error into one line and a hint; return its exit code."""
    if isinstance(error, CertStatusError):
        _say(str(error), error.hint)
        return error.exit_code
    if isinstance(error, OSError) and error.filename is not None:
        _say(f"{error.filename}: {error.strerror}")
        return ExitCode.USAGE
    if isinstance(error, ModuleNotFoundError) and (extra := _extra_with(error.name or "")):
        _say(f"{error.name} is not installed", f"pip install 'certstatus[{extra}]'")
        return ExitCode.CONFIG
    _say(
        f"internal error: {type(error).__name__}: {error}",
        "run it as `certstatus --debug …` for the traceback, and please report it",
    )
    return ExitCode.INTERNAL


def _extra_with(module: str) -> str | None:
    """Return the extra of this distribution that installs ``module``, or None."""
    from importlib import metadata  # noqa: PLC0415 - slow, and needed on this path alone

    package = module.partition(".")[0].replace("_", "-")
    found = [
        marker.partition("extra ==")[2].strip(" '\"")
        for name, _, marker in (one.partition(";") for one in metadata.requires("certstatus") or ())
        if name.replace("_", "-").startswith(package) and "extra ==" in marker
    ]
    # "all" has everything; the extra that has less is the better advice.
    return next((one for one in found if one != "all"), found[0] if found else None)


def _version(ctx: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted and not ctx.resilient_parsing:
        from importlib import metadata  # noqa: PLC0415 - slow, and needed on this path alone

        click.echo(f"certstatus {metadata.version('certstatus')}")
        ctx.exit()


@click.group(
    cls=_Frame,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=examples(
        "certstatus lab lab                   a CA, a responder and certificates to try with",
        "certstatus check www.example.com     is this server's certificate revoked?",
        "certstatus show answer.der           what stands in this response?",
    ),
)
@click.option(
    "--debug",
    is_flag=True,
    envvar="CERTSTATUS_DEBUG",
    help="Show the traceback of an error.  [env: CERTSTATUS_DEBUG]",
)
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_version,
    help="Show the version and exit.",
)
def main(debug: bool) -> None:
    """Certificate status for TLS and PKI: ask, judge, explain and serve OCSP.

    Exit codes: 0 good or done, 1 revoked, 2 unknown, 3 answer not to be believed, 4 the
    responder refused, 64 usage or a file that can't be opened, 65 malformed input, 69
    unreachable, 70 internal error, 78 configuration.
    """
    del debug  # read by the frame where an error ends
