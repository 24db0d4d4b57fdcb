"""The page on ``certstatus scvp`` names every option, and every verdict with its exit code."""

from __future__ import annotations

import re

import click

from certstatus.cli.scvp import scvp
from certstatus.delegated import DelegatedVerdict, Profile
from certstatus.limits_scvp import MAX_DISCOVERED_PATHS, MAX_REPLY_AGE, SCVP_SKEW
from dev.tree import ROOT

PAGE = (ROOT / "docs" / "manual" / "scvp-client.md").read_text(encoding="utf-8")
EVERYWHERE = {"--json", "--help"}


def test_every_option_is_told() -> None:
    options = {
        name
        for command in scvp.commands.values()
        for one in command.params
        if isinstance(one, click.Option)
        for name in one.opts
        if name.startswith("--")
    }
    told = set(re.findall(r"(--[a-z0-9-]+)", PAGE))

    assert options - told - EVERYWHERE == set()


def test_every_verdict_has_its_row() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (\d+) \|", PAGE, re.MULTILINE)

    assert {name: int(code) for name, code in rows} == {
        one.value: one.exit_code for one in DelegatedVerdict
    }
    assert all(f"`--profile {one}`" in PAGE for one in Profile)


def test_its_numbers_are_those_of_the_code() -> None:
    assert f"at most {MAX_DISCOVERED_PATHS}." in PAGE
    assert SCVP_SKEW.total_seconds() == 600
    assert MAX_REPLY_AGE.days == 1
