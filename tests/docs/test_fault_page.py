"""The manual's page on faults has all of them, as they are."""

from __future__ import annotations

import re

import click

from certstatus.cli import main
from certstatus.tls.fault import FAULTS
from dev.faults_table import faults_table, with_faults
from dev.tree import ROOT

PAGE = (ROOT / "docs" / "manual" / "fault.md").read_text(encoding="utf-8")


def test_the_table_is_the_one_in_force() -> None:
    assert with_faults(PAGE) == PAGE, "run `make docs`"
    assert faults_table() in PAGE


def test_the_table_has_a_row_for_each_fault() -> None:
    assert re.findall(r"^\| `([a-z0-9-]+)` \|", faults_table(), re.MULTILINE) == list(FAULTS)


def test_a_stale_table_is_found_out() -> None:
    stale = PAGE.replace("nextUpdate passed a day ago.", "nextUpdate passed a week ago.")

    assert stale != PAGE
    assert with_faults(stale) == PAGE


def test_every_option_is_documented() -> None:
    command = main.get_command(click.Context(main), "fault")
    assert command is not None
    options = {
        name
        for one in command.get_params(click.Context(command))
        for name in one.opts
        if name.startswith("--")
    }

    assert options - {"--help"} <= set(re.findall(r"--[a-z][a-z-]*", PAGE))


def test_the_names_in_the_examples_are_faults() -> None:
    named = set(re.findall(r"([a-z0-9-]+)\.fault\.test", PAGE))
    named |= set(re.findall(r"certificates/([a-z-]+)\.pem", PAGE))

    assert named <= set(FAULTS)
    assert named
