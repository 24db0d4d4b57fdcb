"""``certstatus rule``: what a requirement asks, and where it is written."""

from __future__ import annotations

import click
from rich.console import Console
from rich.text import Text

from certstatus.cli.frame import Command, examples
from certstatus.cli.output import console, print_columns, print_hanging, styled, write_json
from certstatus.cli.rulebook import Rule, load_rules

__all__ = ["command"]


@click.command(
    "rule",
    cls=Command,
    epilog=examples(
        "certstatus rule O13", "certstatus rule nonce", "certstatus rule 'RFC 6960 §4.2.2.2'"
    ),
)
@click.argument("wanted", metavar="[ID|TEXT]", required=False)
@click.option("--json", "as_json", is_flag=True, help="Write the rules for a program.")
def command(wanted: str | None, *, as_json: bool) -> None:
    """Explain a requirement by its ID, or every one that says TEXT; without either, list all.

    Reports, errors and the manual cite requirements by these IDs.
    """
    found = _find(wanted)
    if not found:
        raise click.UsageError(f"no rule is called {wanted!r}, or says so")
    if as_json:
        write_json({"rules": [rule.as_json() for rule in found]})
    elif wanted is None:
        _print_list(console(), found)
    else:
        _print_rules(console(), found)


def _find(wanted: str | None) -> list[Rule]:
    rules = load_rules()
    if wanted is None:
        return list(rules.values())
    if wanted.upper() in rules:
        return [rules[wanted.upper()]]
    text = wanted.casefold()
    return [rule for rule in rules.values() if text in f"{rule.clause} {rule.text}".casefold()]


def _print_list(out: Console, rules: list[Rule]) -> None:
    documents = dict.fromkeys(rule.document for rule in rules)
    for position, document in enumerate(documents):
        if position:
            out.print()
        out.print(styled(document, "bold"))
        rows = [rule for rule in rules if rule.document == document]
        print_columns(out, [(rule.id, _level(rule), rule.text) for rule in rows])


def _print_rules(out: Console, rules: list[Rule]) -> None:
    for position, rule in enumerate(rules):
        if position:
            out.print()
        head = Text("  ").join((styled(rule.id, "bold"), styled(rule.clause, "cyan"), _level(rule)))
        out.print(head)
        print_hanging(out, Text("  "), styled(rule.text))
        if rule.reason:
            print_hanging(out, Text("  "), styled(f"Why not: {rule.reason}"))


def _level(rule: Rule) -> Text:
    level = styled(rule.level, "bold" if rule.level == "must" else "")
    return level if rule.status == "held" else level + styled(f", {rule.status}", "yellow")
