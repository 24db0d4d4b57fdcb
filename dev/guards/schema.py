"""No ASN.1 declaration has a list whose element type is optional.

``cryptography`` 50.0.2 decodes such a list without end on a few octets of input, and takes
all memory (mended upstream by pyca/cryptography pull request 15661, after that release).
"""

from __future__ import annotations

import importlib
import pkgutil
import types
from collections.abc import Iterator
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

__all__ = ["declarations", "violations"]


def declarations(package: str) -> list[type]:
    """Return every class declared through the doorway in the modules of ``package``."""
    home = importlib.import_module(package)
    rooms = [
        importlib.import_module(f"{package}.{room.name}")
        for room in pkgutil.iter_modules(home.__path__)
    ]
    return [
        thing
        for room in rooms
        for thing in vars(room).values()
        if isinstance(thing, type)
        and thing.__module__ == room.__name__
        and hasattr(thing, "__asn1_root__")
    ]


def violations(declared: list[type]) -> list[str]:
    """List the fields of declared classes that hold a list of an optional element."""
    return [
        f"{cls.__module__}.{cls.__qualname__}.{field}: a list of {element}, which is optional"
        for cls in declared
        for field, hint in get_type_hints(cls, include_extras=True).items()
        for element in _optional_elements(hint)
    ]


def _optional_elements(hint: Any) -> Iterator[Any]:
    """Yield the optional element types of every list inside a type."""
    arms = (get_args(hint)[0],) if get_origin(hint) is Annotated else get_args(hint)
    for arm in arms:
        if get_origin(hint) is not Annotated and not _is_union(hint) and _is_optional(arm):
            yield arm
        yield from _optional_elements(arm)


def _is_optional(hint: Any) -> bool:
    if get_origin(hint) is Annotated:
        return _is_optional(get_args(hint)[0])
    return hint is types.NoneType or (_is_union(hint) and any(map(_is_optional, get_args(hint))))


def _is_union(hint: Any) -> bool:
    return get_origin(hint) in {Union, types.UnionType}
