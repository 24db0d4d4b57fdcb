"""Any TOML at all is a configuration, or an error that names every wrong key and its line."""

from __future__ import annotations

import json
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from certstatus.errors import ConfigError
from certstatus.server.config import Config, load_config

WHOLE: dict[str, Any] = {
    "server": {"port": 8080, "workers": 2, "max_age": "1h", "access_log": True},
    "requests": {"max_certificates": 10, "signatures": "verify", "anchors": ["a.pem"]},
    "authority": [
        {
            "certificate": "ca.pem",
            "validity": "4d",
            "nonce": "ignore",
            "compromised_since": datetime(2026, 1, 1, tzinfo=UTC),
            "signer": [{"certificate": "s.pem", "key": "s.key"}, {"pkcs12": "s.p12"}],
            "source": [{"crl": ["ca.crl", "delta.crl"], "crl_id": True}, {"database": "status.db"}],
        }
    ],
    "proxy": [{"certificate": "other.pem", "upstream": "http://a.example/"}],
}

texts = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), max_size=12)
keys = texts | st.sampled_from(["crl", "key", "index", "name", "port", "signer", "upstream"])
scalars = (
    texts
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.datetimes()
    | st.dates()
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3),
    max_leaves=6,
)
changes = st.tuples(st.lists(st.integers(0, 20), max_size=5), keys, values, st.booleans())


def changed(value: Any, path: list[int], key: str, new: Any, *, removes: bool) -> Any:
    """Change one place of a table: take it away, put something else there, or add a key."""
    if not path or not isinstance(value, dict | list) or not value:
        return {**value, key: new} if isinstance(value, dict) else new
    names = list(value) if isinstance(value, dict) else range(len(value))
    at = names[path[0] % len(names)]
    copy: Any = value.copy()
    if len(path) == 1 and removes:
        del copy[at]
    else:
        copy[at] = changed(value[at], path[1:], key, new, removes=removes)
    return copy


def toml(value: Any) -> str:
    """Write a value as TOML has it within a line."""
    if isinstance(value, dict):
        return (
            "{"
            + ", ".join(
                f"{json.dumps(k, ensure_ascii=False)} = {toml(v)}" for k, v in value.items()
            )
            + "}"
        )
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    if isinstance(value, str | bool):
        return json.dumps(value, ensure_ascii=False)
    return value.isoformat() if hasattr(value, "isoformat") else repr(value)


def loaded(table: dict[str, Any]) -> Config | ConfigError:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "certstatus.toml"
        file.write_text(
            "".join(f"{json.dumps(k, ensure_ascii=False)} = {toml(v)}\n" for k, v in table.items()),
            "utf-8",
        )
        try:
            return load_config(file)
        except ConfigError as error:
            return error


def test_the_whole_one_is_a_configuration() -> None:
    assert isinstance(loaded(WHOLE), Config)


@settings(max_examples=150)
@given(st.lists(changes, min_size=1, max_size=4))
def test_a_changed_configuration_is_one_or_names_what_is_wrong_with_its_line(
    wrong: list[tuple[list[int], str, Any, bool]],
) -> None:
    table: Any = WHOLE
    for path, key, new, removes in wrong:
        table = changed(table, path, key, new, removes=removes)
    if not isinstance(table, dict):
        return

    found = loaded(table)

    if isinstance(found, ConfigError):
        lines = {name: number for number, name in enumerate(table, 1)}
        for one in found.settings:
            assert one.message
            assert one.key
            # Each table stands on a line of its own here; what the file lacks has none.
            first = one.key.partition(".")[0]
            assert one.line == lines.get(first, one.line if '"' in one.key else None)
