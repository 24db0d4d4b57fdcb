"""`certstatus serve` with a profiler in its worker: `python -P profiled_serve.py OUT serve …`."""

from __future__ import annotations

import cProfile
import sys

from certstatus.cli import main
from certstatus.server.worker import Worker


def _profile_into(out: str) -> None:
    """Have a worker write its profile when it ends; it is a fork of this process."""
    live = Worker.run

    def run(self: Worker, ready: int, lifeline: int) -> int:
        profile = cProfile.Profile()
        try:
            return profile.runcall(live, self, ready, lifeline)
        finally:
            profile.dump_stats(out)

    Worker.run = run  # type: ignore[method-assign]


if __name__ == "__main__":
    _profile_into(sys.argv.pop(1))
    main()
