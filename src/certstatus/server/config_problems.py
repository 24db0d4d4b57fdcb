"""What is wrong with a configuration, in plain words: line, key, value and remedy."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from datetime import date
from difflib import get_close_matches
from typing import Any, Final, get_args

from pydantic import BaseModel, ValidationError

from certstatus.errors import WrongSetting
from certstatus.server.config_lines import line_of
from certstatus.server.config_values import without_login
from certstatus.signing.pkcs11_uri import SCHEME

__all__ = ["wrong_settings"]

_REMEDY: Final = "`certstatus serve --help` shows a configuration that works"
_BY_KIND: Final = {
    "bool_parsing": "write true or false",
    "bool_type": "write true or false",
    "timezone_aware": "write a time with its zone, as 2026-11-21T00:00:00Z",
    "int_parsing": "write a number, without quotes",
    "int_type": "write a number, without quotes",
    "enum": "",  # their messages say what there is
    "greater_than_equal": "",
    "less_than_equal": "",
    "literal_error": "",
    "value_error": "",
}
_BARE: Final = re.compile(r"[A-Za-z0-9_-]+")
_SECRET: Final = re.compile(r"(?i)pas|pin|secret|token")


def wrong_settings(
    error: ValidationError, model: type[BaseModel], text: str | None
) -> list[WrongSetting]:
    """List what is wrong, at least one, in the order of the lines of ``text``, the file."""
    found = [_wrong(one, model, text) for one in error.errors() if not _is_echo(one, error)]
    return sorted(found, key=lambda one: one.line or 0)


def _is_echo(error: Any, whole: ValidationError) -> bool:
    """Whether a list only seems too short because a member of it is wrong."""
    place = error["loc"]
    return error["type"] == "too_short" and any(
        one["loc"][: len(place)] == place and one["loc"] != place for one in whole.errors()
    )


def _wrong(error: Any, model: type[BaseModel], text: str | None) -> WrongSetting:
    message, remedy = _words(error, model)
    return WrongSetting(
        message=message,
        key=".".join(_quoted(str(part)) for part in error["loc"]),
        remedy=remedy,
        line=None if text is None else line_of(text, error["loc"]),
    )


def _quoted(name: str) -> str:
    """Write a key as TOML does: what is not bare, in quotes."""
    return name if _BARE.fullmatch(name) else json.dumps(name)


def _words(error: Any, model: type[BaseModel]) -> tuple[str, str]:
    """Say what is wrong and what to write instead."""
    *table, key = (str(part) for part in error["loc"])
    kind, value = error["type"], _shown(key, error["input"])
    if kind == "extra_forbidden":
        known = _own_first(_model_at(model, table))
        return f"is no setting{value and f', and has the value {value}'}", _instead(key, known)
    if kind == "missing":
        return "is missing", _how_to_write(model, table, key)
    if kind == "tuple_type":
        return f"must be a list: [[{key}]] for tables, [ … ] for values", _REMEDY
    message = str(error["msg"]).removeprefix("Value error, ")
    return f"{message}{value and f', not {value}'}", _BY_KIND.get(kind, _REMEDY)


def _shown(key: str, value: object) -> str:
    """Show what stands there where it is short, and no secret."""
    if isinstance(value, str):
        is_secret = _SECRET.search(key) or value.startswith(SCHEME)  # a URI may hold a PIN
        return "" if is_secret else repr(without_login(value))
    return str(value) if isinstance(value, int | float | date) else ""


def _instead(key: str, known: Sequence[str]) -> str:
    near = get_close_matches(key, known, n=1)
    return f"write {near[0]}" if near else f"there are {', '.join(known)}"


def _own_first(model: type[BaseModel]) -> list[str]:
    """List a table's settings, those that it shares with others last."""
    return sorted(model.model_fields, key=lambda name: name not in model.__annotations__)


def _how_to_write(model: type[BaseModel], table: Sequence[str], key: str) -> str:
    field = _model_at(model, table).model_fields[key]
    if not any(_models(field.annotation)):
        return f"write {key} = …"
    return f"write a table [[{'.'.join(_names([*table, key]))}]]"


# --- which settings there are -------------------------------------------------------------


def _names(path: Sequence[str]) -> list[str]:
    return [part for part in path if not part.isdecimal()]


def _model_at(model: type[BaseModel], table: Sequence[str]) -> type[BaseModel]:
    """Return the model of the table at a path."""
    for name in _names(table):
        field = model.model_fields.get(name)
        if field is not None:  # else pydantic's own word for one kind of several
            model = next(_models(field.annotation), model)
    return model


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    """Yield the models that stand in a type, as in ``tuple[Model, ...] | None``."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from _models(inner)
