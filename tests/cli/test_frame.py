from __future__ import annotations

import errno
import os
import subprocess
import sys
from importlib import import_module

import click
import pytest
from click.testing import CliRunner

from certstatus.cli import frame, main
from certstatus.cli.exit_codes import ExitCode, worst
from certstatus.errors import Attempt, MalformedError, SignerError, UnreachableError
from tests.cli.conftest import Run

COMMANDS = {name: line for section in frame.SECTIONS.values() for name, line in section.items()}


@pytest.fixture
def ends_with(monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command that raises what it is told to."""

    def run(error: BaseException, *args: str) -> object:
        @click.command("rule")
        def command() -> None:
            raise error

        module = import_module("certstatus.cli.rule")
        monkeypatch.setattr(module, "command", command)
        return CliRunner().invoke(main, [*args, "rule"])

    return run  # type: ignore[return-value]


def test_help_names_every_command_and_gives_an_example(run: Run) -> None:
    result = run("--help")
    assert result.exit_code == 0
    assert all(f"  {name} " in result.stdout for name in COMMANDS)
    assert "certstatus check www.example.com" in result.stdout


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_helps_with_an_example(run: Run, name: str) -> None:
    result = run(name, "--help")
    assert result.exit_code == 0
    assert f"certstatus {name}" in result.stdout.partition("Examples:")[2]


def test_help_imports_neither_cryptography_nor_a_command() -> None:
    program = (
        "import sys\n"
        "from certstatus.cli import main\n"
        "try:\n    main(['--help'])\n"
        "except SystemExit:\n    pass\n"
        "print(sorted({one.partition('.')[0] for one in sys.modules}), file=sys.stderr)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=30
    )
    for heavy in ("cryptography", "rich", "httpx2", "sqlalchemy", "asyncio", "ssl"):
        assert f"'{heavy}'" not in done.stderr


def test_no_arguments_are_a_usage_error_that_helps(run: Run) -> None:
    result = run()
    assert result.exit_code == ExitCode.USAGE
    assert "Usage: certstatus" in result.stderr
    assert result.stdout == ""


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["nonsense"], "no command 'nonsense'"),
        (["--nonsense"], "no such option '--nonsense'"),
        (["show"], "missing argument"),
        (["show", "--entries", "few", "x"], "invalid value for '--entries'"),
    ],
)
def test_usage_errors_are_one_line_and_a_hint(run: Run, args: list[str], said: str) -> None:
    result = run(*args)
    assert result.exit_code == ExitCode.USAGE
    line, hint = result.stderr.splitlines()
    assert line.lower().startswith(f"certstatus: {said}".lower())
    assert hint.startswith("  see certstatus")


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (MalformedError("is cut short", where="OCSPResponse"), 65, "OCSPResponse: is cut short"),
        (SignerError("is too weak", rule="O29"), 78, "is too weak [O29]"),
        (UnreachableError("none", attempts=(Attempt("http://x/", "closed"),)), 69, "closed"),
        (FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), "a.der"), 64, "a.der: No such"),
        (
            PermissionError(errno.EACCES, os.strerror(errno.EACCES), "k.pem"),
            64,
            "k.pem: Permission",
        ),
        (RuntimeError("boom"), 70, "internal error: RuntimeError: boom"),
        (OSError("no file in it"), 70, "no file in it"),
        (ModuleNotFoundError("none", name="sqlalchemy.orm"), 78, "sqlalchemy.orm is not installed"),
        (ModuleNotFoundError("none", name="prometheus_client"), 78, "prometheus_client is not"),
        (ModuleNotFoundError("none", name="nosuch"), 70, "internal error"),
    ],
)
def test_every_error_is_one_line_a_hint_and_its_code(
    ends_with: Run, error: Exception, code: int, said: str
) -> None:
    result = ends_with(error)
    assert result.exit_code == code
    assert result.stderr.startswith("certstatus: ")
    assert said in result.stderr.splitlines()[0]
    assert len(result.stderr.splitlines()) <= 2
    assert "Traceback" not in result.stderr


def test_a_missing_extra_says_what_to_install(ends_with: Run) -> None:
    result = ends_with(ModuleNotFoundError("none", name="sqlalchemy"))
    assert "pip install 'certstatus[server]'" in result.stderr


def test_debug_shows_the_traceback(ends_with: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "Traceback" in ends_with(RuntimeError("boom"), "--debug").stderr
    monkeypatch.setenv("CERTSTATUS_DEBUG", "1")
    assert "Traceback" in ends_with(RuntimeError("boom")).stderr


def test_an_interrupt_ends_with_130_and_says_nothing_of_an_error(ends_with: Run) -> None:
    result = ends_with(KeyboardInterrupt())
    assert result.exit_code == ExitCode.INTERRUPTED
    assert "certstatus:" not in result.stderr


def test_what_a_peer_wrote_does_not_steer_the_terminal(ends_with: Run) -> None:
    result = ends_with(MalformedError("\x1b[31mred\u202e", where="Name"))
    assert "\x1b" not in result.stderr
    assert "\u202e" not in result.stderr


def test_a_reader_that_goes_away_is_met_with_silence() -> None:
    command = f"{sys.executable} -m certstatus rule | true; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(
        ["bash", "-c", command], capture_output=True, text=True, check=False, timeout=30
    )
    assert done.stderr == ""
    assert done.returncode == ExitCode.BROKEN_PIPE


def test_version_is_told(run: Run) -> None:
    result = run("--version")
    assert result.exit_code == 0
    assert result.stdout.startswith("certstatus ")


@pytest.mark.parametrize(
    ("codes", "code"),
    [
        ([], 0),
        ([0, 0], 0),
        ([0, 2], 2),
        ([2, 69, 4], 4),
        ([3, 4, 2], 3),
        ([65, 3], 65),
        ([64, 65, 0], 64),
        ([1, 64, 70, 65], 1),
        ([0, 99], 99),
    ],
)
def test_of_several_outcomes_the_one_that_tells_most_wins(codes: list[int], code: int) -> None:
    assert worst(codes) == code
