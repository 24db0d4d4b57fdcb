"""Past a fork: the child goes on with what is held, by a thread of its own; so does the parent."""

from __future__ import annotations

import subprocess
import sys
from typing import Final

import pytest

_FORKED: Final = """
import os, sys, threading
sys.path.insert(0, ".")
from certstatus.staple import StapleEventKind
from tests.feeding import CA, Feed, Hears, until
from tests.scripted import ScriptedServer

def renews(stapler, leaf, hears):
    '''Whether a thread of this process still fetches.'''
    held = stapler.staple(leaf.fingerprint)
    count = len(hears.events)
    stapler.refresh()
    until(lambda: len(hears.events) > count)
    stapler.add(feed.leaf("new.example"), CA.certificate)
    return held is not None and stapler.wait_ready()

def threads():
    return [one for one in threading.enumerate() if one.name == "certstatus-stapler"]

with ScriptedServer() as server:
    feed = Feed(server)
    leaf = feed.leaf()
    with feed.stapler() as (stapler, hears):
        stapler.add(leaf, CA.certificate)
        assert stapler.wait_ready()
        child = os.fork()
        if child == 0:
            try:
                assert len(threads()) == 1
                assert renews(stapler, leaf, hears)
                stapler.close()
                assert threads() == []
                os._exit(7)
            finally:
                os._exit(1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
        assert len(threads()) == 1
        assert renews(stapler, leaf, hears)
"""

_IDLE: Final = """
import os, threading
from certstatus.staple import Stapler
idle, closed = Stapler(in_memory=True), Stapler(in_memory=True)
closed.close()
child = os.fork()
if child == 0:
    os._exit(7 if threading.active_count() == 1 else 1)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
"""

_MANY: Final = """
import os, threading
from certstatus.staple import Stapler
staplers = [Stapler(in_memory=True) for _ in range(5)]

def fork():
    for _ in range(10):
        child = os.fork()
        if child == 0:
            staplers[0].refresh()
            os._exit(7)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7

forking = [threading.Thread(target=fork) for _ in range(3)]
for one in forking:
    one.start()
for _ in range(200):
    for stapler in staplers:
        stapler.refresh()
for one in forking:
    one.join()
"""

_LOCKED: Final = """
import os, signal, threading
from certstatus.staple.forks import LockPastForks
lock, taken = LockPastForks(), threading.Event()

def hold():
    with lock:
        taken.set()
        threading.Event().wait(0.1)

holding = threading.Thread(target=hold)
holding.start()
taken.wait()
child = os.fork()
if child == 0:
    signal.alarm(10)
    with lock:
        pass
    assert holding.is_alive() is False
    grandchild = os.fork()
    with lock:
        os._exit(7 if not grandchild or os.waitpid(grandchild, 0)[1] >> 8 == 7 else 1)
with lock:
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
"""

_IN_A_HANDLER: Final = """
import os, signal
from certstatus.staple.forks import LockPastForks
lock = LockPastForks()

def fork(*_):
    child = os.fork()
    if child == 0:
        os._exit(7)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7

signal.signal(signal.SIGUSR1, fork)
signal.alarm(10)
with lock:
    signal.raise_signal(signal.SIGUSR1)
"""


@pytest.mark.parametrize(
    "script",
    [_FORKED, _IDLE, _MANY, _LOCKED, _IN_A_HANDLER],
    ids=["at work", "idle", "many", "locked", "in a signal's handler"],
)
def test_staplers_go_on_past_forks(script: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", script], check=False, timeout=60, capture_output=True, text=True
    )

    assert done.returncode == 0, done.stderr
