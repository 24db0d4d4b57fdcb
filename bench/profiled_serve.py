"""`certstatus serve` with a profiler in its worker: `python -P profiled_serve.py OUT serve …`.

SIGUSR1 begins the profile, so that what a worker does before it serves is no part of it.
"""

from __future__ import annotations

import cProfile
import signal
import sys
import time

from certstatus.cli import main
from certstatus.server.worker import Worker


def _profile_into(out: str) -> None:
    """Have a worker write its profile when it ends; it is a fork of this process.

    Time is that of the processor: what else the machine does is no part of it either.
    """
    profile, live = cProfile.Profile(time.process_time), Worker.run
    signal.signal(signal.SIGUSR1, lambda *_: profile.enable())

    def run(self: Worker, ready: int, lifeline: int) -> int:
        try:
            return live(self, ready, lifeline)
        finally:
            profile.disable()
            profile.dump_stats(out)

    Worker.run = run  # type: ignore[method-assign]


if __name__ == "__main__":
    _profile_into(sys.argv.pop(1))
    main()
