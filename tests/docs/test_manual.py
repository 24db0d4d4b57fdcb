"""The manual says what is so: its code runs, its commands parse, its tables are complete."""

from __future__ import annotations

import gc
import logging
import re
import shlex
import tomllib
from collections.abc import Iterator
from datetime import timedelta
from enum import Enum
from html import unescape
from pathlib import Path
from types import ModuleType
from typing import Any

import click
import pytest
from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from certstatus.cli import main
from certstatus.cli.exit_codes import ExitCode
from certstatus.clock import SystemClock
from certstatus.errors import CertStatusError, ConfigError
from certstatus.responder import PROFILE_DEFAULTS, Cause, HTTPReply
from certstatus.responder import http as responder_http
from certstatus.server import config, refusals
from certstatus.server.metrics import METRICS, Kind
from certstatus.server.signer_events import SignerEventKind
from certstatus.signing import Profile
from certstatus.staple import StapleEventKind, Stapler
from certstatus.testing import Lab, build_lab
from certstatus.tls import default_stapler
from certstatus.verify import Verdict
from dev.limits_table import with_limits
from dev.tree import ROOT
from tests.responding import Responding

DOCS = ROOT / "docs"
MANUAL = sorted((DOCS / "manual").glob("*.md"))
PAGES = [ROOT / "README.md", *sorted(DOCS.glob("*.md")), *MANUAL]
SERVE = (DOCS / "manual" / "serve.md").read_text(encoding="utf-8")
SCVP = (DOCS / "manual" / "serve-scvp.md").read_text(encoding="utf-8")
UPSTREAM = (DOCS / "manual" / "upstream.md").read_text(encoding="utf-8")


def named(page: Path) -> str:
    return str(page.relative_to(ROOT))


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def section(text: str, heading: str) -> str:
    """Return what stands under a heading, up to the next one."""
    _, _, rest = text.partition(f"\n{heading}\n")
    assert rest, f"no heading {heading!r}"
    return re.split(r"^#", rest, maxsplit=1, flags=re.MULTILINE)[0]


def rows(text: str) -> Iterator[list[str]]:
    """Yield the cells of each row of a table, without its head."""
    for line in text.splitlines():
        if line.startswith("|") and not re.match(r"\|[-:|]+\|$", line):
            yield [cell.strip() for cell in line.strip("|").split("|")]


# --- Python ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Lab:
    return build_lab(tmp_path_factory.mktemp("lab"), now=SystemClock().now())


@pytest.fixture(scope="module")
def url(lab: Lab) -> Iterator[str]:
    arguments = ["--ca", "ca.pem", "--signer", "responder.pem", "--key", "responder.key"]
    with Responding([*arguments, "--index", "index.txt", "--port", "0"], lab.directory) as served:
        yield served.url


@pytest.fixture
def staplers_closed() -> Iterator[None]:
    """End every stapler that a page makes, named or not: its thread would ask on and on."""
    yield
    default_stapler.cache_clear()
    for one in gc.get_objects():
        if isinstance(one, Stapler):
            one.close()


def with_python() -> list[Path]:
    return [page for page in PAGES if blocks(page.read_text(encoding="utf-8"), "python")]


@pytest.mark.usefixtures("staplers_closed")
@pytest.mark.parametrize("page", with_python(), ids=named)
def test_every_python_block_runs(
    page: Path, lab: Lab, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(lab.directory)
    names: dict[str, Any] = {"__name__": "manual"}

    for code in blocks(page.read_text(encoding="utf-8"), "python"):
        here = code.replace("http://127.0.0.1:8080/", url)
        exec(compile(here, named(page), "exec"), names)


def test_readme_and_library_have_python_to_run() -> None:
    assert {named(page) for page in with_python()} >= {"README.md", "docs/manual/library.md"}


# --- commands --------------------------------------------------------------------------------


def command_lines(text: str) -> Iterator[list[str]]:
    """Yield the arguments of each ``certstatus`` in a console block, pipes and comments aside."""
    for block in blocks(text, "console"):
        for line in block.splitlines():
            if line.startswith("$ "):
                words = shlex.split(line[2:], comments=True)
                yield from _programs(words)


def _programs(words: list[str]) -> Iterator[list[str]]:
    while words:
        ends = [at for at, word in enumerate(words) if word in {"|", "&&", ";", ">"}]
        end = ends[0] if ends else len(words)
        if words[:1] == ["certstatus"]:
            yield words[1:end]
        words = words[end + 1 :]


def parse(arguments: list[str]) -> None:
    """Parse a command line to its last option, and run nothing; raises as click does."""
    command: click.Command = main
    parent: click.Context | None = None
    while isinstance(command, click.Group):
        parent = click.Context(command, parent=parent)
        found = command.get_command(parent, arguments[0])
        if found is None:
            raise click.UsageError(f"no command {arguments[0]}")
        command, arguments = found, arguments[1:]
    command.make_context(command.name, arguments, parent=parent)


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_command_parses(page: Path) -> None:
    for arguments in command_lines(page.read_text(encoding="utf-8")):
        try:
            parse(list(arguments))
        except click.ClickException as error:
            pytest.fail(f"{shlex.join(arguments)}: {error.format_message()}")


def test_the_pages_show_every_command() -> None:
    shown = {arguments[0] for page in PAGES for arguments in command_lines(page.read_text("utf-8"))}

    assert shown >= set(main.list_commands(click.Context(main)))


@pytest.mark.parametrize(
    "line", ["chek x.pem", "check x.pem --no-such-option", "db revoke 3E8 --reason nonsense"]
)
def test_a_command_that_does_not_exist_is_found_out(line: str) -> None:
    with pytest.raises(click.ClickException):
        parse(line.split())


def options(command: click.Command) -> set[str]:
    """Return every long option of a command and of those below it."""
    found = {
        name
        for one in command.get_params(click.Context(command))
        for name in (*one.opts, *one.secondary_opts)
        if name.startswith("--")
    }
    if isinstance(command, click.Group):
        context = click.Context(command)
        below = (command.get_command(context, name) for name in command.list_commands(context))
        found |= {name for one in below if one is not None for name in options(one)}
    return found


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_option_named_in_the_text_exists(page: Path) -> None:
    told = re.findall(r"`(--[a-z][a-z0-9-]*)[^`]*`", page.read_text(encoding="utf-8"))

    assert set(told) <= options(main)


@pytest.mark.parametrize("name", ["check", "verify"])
def test_every_option_of_asking_and_judging_is_documented(name: str) -> None:
    page = (DOCS / "manual" / "check.md").read_text(encoding="utf-8")
    command = main.get_command(click.Context(main), name)
    assert command is not None

    told = set(re.findall(r"--[a-z][a-z0-9-]*", page))
    assert options(command) - {"--help"} <= told


def subcommands() -> list[str]:
    group = main.get_command(click.Context(main), "db")
    assert isinstance(group, click.Group)
    return group.list_commands(click.Context(group))


@pytest.mark.parametrize("name", subcommands())
def test_every_db_command_is_documented(name: str) -> None:
    assert f"`db {name}`" in (DOCS / "manual" / "database.md").read_text(encoding="utf-8")


# --- configuration ---------------------------------------------------------------------------


def toml_blocks() -> list[str]:
    return [block for page in PAGES for block in blocks(page.read_text("utf-8"), "toml")]


def test_every_toml_block_is_a_configuration() -> None:
    assert toml_blocks()
    for block in toml_blocks():
        config.parse_config(tomllib.loads(block), file="block", base=Path("/etc/certstatus"))


def test_a_toml_block_with_a_stray_key_is_found_out() -> None:
    stray = tomllib.loads(toml_blocks()[0] + '\nstray = "key"\n')
    with pytest.raises(ConfigError, match="stray"):
        config.parse_config(stray, file="block", base=Path("/etc/certstatus"))


TABLES = [
    ("### `[server]`", config.ServerConfig),
    ("### `[requests]`", config.RequestsConfig),
    ("### `[store]`", config.StoreConfig),
    ("### `[[authority]]`", config.AuthorityConfig),
    ("### `[[authority.signer]]`", config.SignerConfig),
    ("### `[authority.signer.renew]`", config.RenewConfig),
    ("### `[[authority.source]]`", config.SourceConfig),
    ("### `[[proxy]]`", config.ProxyConfig),
    ("### `[scvp]`", config.SCVPConfig),
    ("### `[[scvp.signer]]`", config.KeyPairConfig),
    ("### `[[scvp.policy]]`", config.SCVPPolicyConfig),
    ("### `[scvp.requestors]`", config.SCVPRequestorsConfig),
]


def written(default: object) -> str:
    """Write a default as TOML has it."""
    if default is PydanticUndefined:
        return "required"
    if default is None or default == ():
        return "none"
    if isinstance(default, bool):
        return f"`{str(default).lower()}`"
    if isinstance(default, Enum):
        return f'`"{default.value}"`'
    if isinstance(default, timedelta):
        seconds = int(default.total_seconds())
        units = ((86400, "d"), (3600, "h"), (60, "m"), (1, "s"))
        size, unit = next(one for one in units if seconds % one[0] == 0)
        return f'`"{seconds // size}{unit}"`'
    return f'`"{default}"`' if isinstance(default, str) else f"`{default}`"


IN_WORDS = {
    "name": "its subject",
    "signing_burst": "`signing_budget`",
    "refresh": "half of what is left",
    "renew_before": "a third of its life",
    "state_file": "`~/.local/state/certstatus/scvp.json`",
    "cursor_key_file": "the state's own",
    "ca_revocation": "`revocation`",
    "user_policies": "any",
    **dict.fromkeys(("nonce", "unlisted", "archive", "archive_cutoff"), "by profile"),
}
"""Defaults that are None in the model, and mean something."""


def test_every_setting_of_signing_in_advance_is_documented() -> None:
    page = (DOCS / "manual" / "presign.md").read_text("utf-8")
    told = [cells[0].strip("`") for cells in rows(section(page, "### `[presign]`"))]

    assert told == ["key", *config.PresignConfig.model_fields]


@pytest.mark.parametrize(("heading", "model"), TABLES)
def test_every_setting_is_documented_with_its_default(heading: str, model: type[BaseModel]) -> None:
    page = UPSTREAM if model is config.ProxyConfig else SCVP if "scvp" in heading else SERVE
    told = {
        cells[0].strip("`"): cells for cells in rows(section(page, heading)) if cells[0] != "key"
    }
    fields = {name: written(field.get_default()) for name, field in model.model_fields.items()}
    fields |= {name: words for name, words in IN_WORDS.items() if fields.get(name) == "none"}
    if issubclass(model, config.KeyPairConfig):
        fields["algorithm"] = "all of the key's"
    if model is config.SCVPConfig:
        fields["requestors"] = "below"
    if model is config.SCVPPolicyConfig:
        fields["name"] = "that of its OID"

    assert {name: cells[2] for name, cells in told.items()} == fields
    assert all(cells[1] and cells[3] for cells in told.values())


@pytest.mark.parametrize("profile", Profile)
def test_every_profile_stands_with_its_defaults(profile: Profile) -> None:
    head, *lines = rows(section(SERVE, "### Profiles"))
    column = head.index(f"`{profile}`")
    told = {cells[0].strip("`"): cells[column].strip("`") for cells in lines}

    defaults = PROFILE_DEFAULTS[profile]
    for name in ("nonce", "unlisted", "archive"):
        assert told[name] == getattr(defaults, name)


def test_every_profile_stands_with_the_settings_that_it_refuses() -> None:
    head, *lines = rows(section(SERVE, "### Profiles"))
    (refused,) = (cells for cells in lines if cells[0] == "refused settings")
    told = {name.strip("`"): cell for name, cell in zip(head, refused, strict=True) if name}

    for profile in Profile:
        for setting in re.findall(r"`([a-z_]+ = \"[a-z-]+\")`", told[profile]):
            with pytest.raises(ConfigError, match=r"\[[BL]\d\]"):
                config.parse_config(_with(profile, setting), file="table", base=Path("/etc"))


def _with(profile: Profile, setting: str) -> dict[str, Any]:
    """Write a configuration under a profile with one setting more, in its table."""
    table: dict[str, Any] = {
        "certificate": "ca.pem",
        "profile": profile.value,
        "signer": [{"certificate": "s.pem", "key": "s.key"}],
        "source": [{"crl": "ca.crl"}],
    }
    named = tomllib.loads(setting)
    (table["source"][0] if "entry_extensions" in named else table).update(named)
    return {"authority": [table]}


# --- words that programs meet ----------------------------------------------------------------


@pytest.mark.parametrize("name", METRICS)
def test_every_metric_is_documented(name: str) -> None:
    end = "_total" if METRICS[name].kind is Kind.COUNTER else ""

    assert f"`certstatus_{name}{end}`" in SERVE


@pytest.mark.parametrize("kind", StapleEventKind)
def test_every_event_of_a_stapler_is_documented_with_its_level(kind: StapleEventKind) -> None:
    page = (DOCS / "manual" / "stapling.md").read_text(encoding="utf-8")

    assert f"| `{kind}` | {logging.getLevelName(kind.level).lower()} |" in page


@pytest.mark.parametrize("kind", SignerEventKind)
def test_every_event_of_a_signer_is_documented_with_its_level(kind: SignerEventKind) -> None:
    page = (DOCS / "manual" / "signers.md").read_text(encoding="utf-8")

    assert f"| `{kind}` | {'error' if kind.is_alarm else 'info'} |" in page


def causes(table: str) -> dict[str, str]:
    return {
        cause.strip(): cells[1]
        for cells in rows(table)
        if cells[0] != "cause"
        for cause in cells[0].split(",")
    }


def told_causes() -> dict[str, str]:
    return causes(section(SERVE, "## What is sent for what"))


@pytest.mark.parametrize("cause", Cause)
def test_every_cause_stands_with_its_response_status(cause: Cause) -> None:
    assert told_causes().get(cause.value) == cause.response_status.label


def replies(module: ModuleType) -> list[HTTPReply]:
    return [one for one in vars(module).values() if isinstance(one, HTTPReply)]


@pytest.mark.parametrize("module", [responder_http, refusals], ids=["face", "server"])
def test_every_cause_in_http_stands_with_its_status(module: ModuleType) -> None:
    assert replies(module)
    for reply in replies(module):
        status = reply.facts.get("responseStatus", str(int(reply.status)))
        assert told_causes().get(str(reply.facts["cause"])) == status


def exit_codes(page: str) -> set[int]:
    text = (DOCS / "manual" / page).read_text(encoding="utf-8")
    return {int(cells[0]) for cells in rows(text) if cells[0].isdecimal()}


@pytest.mark.parametrize("page", ["check.md", "index.md"])
def test_every_exit_code_is_documented(page: str) -> None:
    codes = {int(code) for code in ExitCode} | {verdict.exit_code for verdict in Verdict}
    codes |= {CertStatusError.exit_code}
    codes |= {error.exit_code for error in CertStatusError.__subclasses__()}

    assert exit_codes(page) == codes


@pytest.mark.parametrize("verdict", Verdict)
def test_every_verdict_stands_with_its_exit_code(verdict: Verdict) -> None:
    page = (DOCS / "manual" / "check.md").read_text(encoding="utf-8")

    assert f"| {verdict.exit_code} | `{verdict.value}` |" in page


# --- pages -----------------------------------------------------------------------------------


def anchor(heading: str) -> str:
    """Name a heading as hosts of Markdown do."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def anchors(page: Path) -> set[str]:
    text = page.read_text(encoding="utf-8")
    return {anchor(one) for one in re.findall(r"^#+ (.*)$", text, re.MULTILINE)}


def broken_links(page: Path, text: str) -> list[str]:
    broken = []
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        path, _, fragment = unescape(link).partition("#")
        if "://" in path:
            continue
        to = page if not path else (page.parent / path).resolve()
        if not to.exists() or (fragment and fragment not in anchors(to)):
            broken.append(link)
    return broken


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_link_leads_somewhere(page: Path) -> None:
    assert broken_links(page, page.read_text(encoding="utf-8")) == []


def test_a_link_to_nowhere_is_found_out() -> None:
    text = "[a](no-such-page.md) [b](index.md#no-such-heading) [c](index.md#exit-codes)"

    assert broken_links(DOCS / "manual" / "index.md", text) == [
        "no-such-page.md",
        "index.md#no-such-heading",
    ]


def test_the_index_names_every_page() -> None:
    index = (DOCS / "manual" / "index.md").read_text(encoding="utf-8")

    assert [page.name for page in MANUAL if f"({page.name})" not in index] == ["index.md"]


def test_the_limits_on_the_security_page_are_those_in_force() -> None:
    page = (DOCS / "security.md").read_text(encoding="utf-8")

    assert "| `MAX_REQUEST_BYTES` | 65,536 |" in page
    assert with_limits(page) == page, "run `make docs`"


def test_no_rule_of_level_choice_is_left_out_of_the_choices() -> None:
    rules = tomllib.loads((DOCS / "rules.toml").read_text(encoding="utf-8"))
    page = (DOCS / "manual" / "choices.md").read_text(encoding="utf-8")
    ours = [
        name
        for name, rule in rules.items()
        if rule["level"] == "choice" and rule.get("status", "held") == "held"
    ]

    assert ours
    assert [name for name in ours if not re.search(rf"\b{name}\b", page)] == []
