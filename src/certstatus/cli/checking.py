"""Many targets checked at once, and shown in their order, whatever is checked of them."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, AbstractContextManager, aclosing
from typing import Protocol, TypeAlias, TypeVar

from certstatus.cli.exit_codes import worst
from certstatus.cli.line_list import LineList
from certstatus.cli.waiting import counting, waiting
from certstatus.requestor import in_order

__all__ = ["Checking", "Form", "Opened", "Outcome", "Targets", "run_all"]

Targets: TypeAlias = tuple[str, ...] | LineList[str]


class Outcome(Protocol):
    """What came of one target."""

    @property
    def exit_code(self) -> int:
        """What the command would end with, were this the only target."""
        ...


T = TypeVar("T", bound=Outcome)
T_contra = TypeVar("T_contra", contravariant=True)
T_co = TypeVar("T_co", covariant=True)


class Opened(Protocol[T_co]):
    """What checks one target after the other."""

    async def answer(self, name: str) -> T_co:
        """Check one target."""
        ...


class Checking(Protocol[T_co]):
    """How targets are checked."""

    def opened(self) -> AbstractAsyncContextManager[Opened[T_co]]:
        """Share what all of them need."""
        ...


class Form(Protocol[T_contra]):
    """Where results go."""

    def add(self, answered: T_contra) -> None:
        """Show one target."""
        ...

    def end(self) -> None:
        """Show what all come to."""
        ...


async def run_all(
    targets: Targets,
    checking: Checking[T],
    *,
    concurrency: int,
    form: Form[T],
    keep: Callable[[T], None] | None = None,
) -> int:
    """Check all at once, show each in its turn, and return the worst exit code."""
    codes: set[int] = set()
    async with checking.opened() as opened:
        results = in_order(targets, opened.answer, concurrency=concurrency)
        async with aclosing(results):
            with _progress(targets) as advance:
                async for answered in results:
                    codes.add(answered.exit_code)
                    form.add(answered)
                    if keep is not None:
                        keep(answered)
                    advance()
    form.end()
    return worst(codes)


def _progress(targets: Targets) -> AbstractContextManager[Callable[[], None]]:
    if isinstance(targets, LineList):
        return counting("asking", targets.count())
    if len(targets) > 1:
        return counting("asking", len(targets))
    return waiting(f"asking about {targets[0]}")
