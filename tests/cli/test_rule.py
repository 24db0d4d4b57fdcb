from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from certstatus.cli.exit_codes import ExitCode
from certstatus.cli.rulebook import load_rules
from tests.cli.conftest import Run


def test_a_rule_is_explained_by_its_id_in_any_case(run: Run) -> None:
    for name in ("O13", "o13"):
        result = run("rule", name)
        assert result.exit_code == 0
        assert result.stdout.startswith("O13  RFC 6960 §2.2, §4.4.8  must\n")
        assert "certificateHold" in result.stdout


@pytest.mark.parametrize("text", ["nonce", "RFC 6960 §4.4.7", "rfc 9654"])
def test_rules_are_found_by_what_they_say_and_where_they_stand(
    run: Run, run_json: Callable[..., Any], text: str
) -> None:
    rules = run_json("rule", text)["rules"]
    assert len(rules) > 1
    assert all(f"\n{one['id']}  " in "\n" + run("rule", text).stdout for one in rules)


def test_without_a_name_all_are_listed(run: Run, run_json: Callable[..., Any]) -> None:
    listed = run("rule").stdout
    assert [one["id"] for one in run_json("rule")["rules"]] == list(load_rules())
    assert all(f"  {name} " in listed for name in load_rules())


def test_the_json_has_its_documented_shape(run_json: Callable[..., Any]) -> None:
    (rule,) = run_json("rule", "O1")["rules"]
    assert list(rule) == ["id", "document", "sections", "level", "text", "status", "reason"]
    assert rule["sections"] == ["4.1.1"]


def test_what_is_not_held_says_so_and_a_declined_rule_says_why(run: Run) -> None:
    for rule in load_rules().values():
        shown = run("rule", rule.id).stdout
        assert (rule.status in shown.splitlines()[0]) == (rule.status != "held")
        assert rule.reason in shown


def test_a_rule_that_is_not_there_is_a_usage_error(run: Run) -> None:
    result = run("rule", "xyzzy")
    assert result.exit_code == ExitCode.USAGE
    assert "no rule is called 'xyzzy'" in result.stderr


def test_every_rule_that_code_cites_in_an_error_is_in_the_book() -> None:
    assert {"O1", "O10", "L10", "N2", "A1"} <= set(load_rules())
