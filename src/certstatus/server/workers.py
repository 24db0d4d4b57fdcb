"""The supervisor: starts worker processes, passes signals on, restarts the dead, ends them all.

Workers are forked, not spawned: the supervisor runs no thread and no event loop and holds no
key, so a fork is a clean start; a factory need not be pickled; and a worker that is restarted
after months runs the code that the others run, whatever has been installed since.

Each TCP port is bound here without listening, which reserves it, and bound again by each
worker with SO_REUSEPORT: the kernel spreads connections over the workers that live, and none
waits in the queue of a dead one.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from types import FrameType
from typing import Final, NoReturn

from certstatus import limits as defaults
from certstatus.clock import Clock, SystemClock
from certstatus.errors import CertStatusError
from certstatus.server.aside import Aside, Helper
from certstatus.server.listen import address, bind_tcp, bind_unix, close_all
from certstatus.server.log import Logger
from certstatus.server.metrics import Page, Tally
from certstatus.server.worker import Factory, Listening, Settings, Worker

__all__ = ["Patience", "Ready", "Supervisor", "serve"]

_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """All workers serve, here. Addresses as text: ``127.0.0.1:80``, ``[::1]:80`` or a path."""

    addresses: tuple[str, ...]
    admin: tuple[str, ...]
    pids: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long the supervisor waits for what; the reasons stand in ``certstatus.limits``."""

    restart_delay: timedelta = defaults.RESTART_DELAY
    max_restart_delay: timedelta = defaults.MAX_RESTART_DELAY
    steady_time: timedelta = defaults.STEADY_TIME
    max_failed_starts: int = defaults.MAX_FAILED_STARTS
    end_time: timedelta = defaults.END_TIME


def serve(
    factory: Factory,
    settings: Settings,
    *,
    log: Logger,
    clock: Clock | None = None,
    ready: Callable[[Ready], None] | None = None,
    patience: Patience | None = None,
    helper: Helper | None = None,
) -> int:
    """Serve until SIGTERM or SIGINT, in worker processes; SIGHUP reloads. Main thread only.

    ``helper`` runs in a process beside them. ``ready`` is called, and the event ``ready``
    logged, when all workers serve and the helper is at work.

    Returns:
        The exit code: 0 after a drain; that of the worker's error where none could start.

    Raises:
        ConfigError: an address can't be listened on.
    """
    with _listening(settings) as listening:
        return Supervisor(
            factory,
            settings,
            listening,
            log=log,
            clock=clock or SystemClock(),
            ready=ready,
            patience=patience or Patience(),
            helper=helper,
        ).run()


@contextlib.contextmanager
def _listening(settings: Settings) -> Iterator[Listening]:
    """Bind all that is to be listened on; close it, and remove Unix sockets, at the end."""
    reserved: list[socket.socket] = []
    shared: list[socket.socket] = []
    admin: list[socket.socket] = []
    try:
        for host, port in settings.addresses:
            if port:
                # Alone first: with SO_REUSEPORT another responder's port would bind as well,
                # and the kernel would give each of the two half of the requests.
                close_all(bind_tcp(host, port))
            reserved += bind_tcp(host, port, reuse_port=True)
        for path in settings.unix_paths:
            shared.append(bind_unix(path))  # noqa: PERF401 (what is bound before an error is closed)
        if settings.admin is not None:
            admin += bind_tcp(*settings.admin)
        yield Listening(reserved=reserved, shared=shared, admin=admin)
    finally:
        close_all([*reserved, *shared, *admin])
        for path in settings.unix_paths[: len(shared)]:
            path.unlink(missing_ok=True)


@dataclass(slots=True)
class _Seat:
    """The place of a worker, whoever sits there; times are of the monotonic clock, in seconds.

    ``helper`` is what is done there, where nobody is answered.
    """

    index: int
    helper: Helper | None = None
    pid: int | None = None
    ready_pipe: int | None = None
    began: float = 0.0
    is_serving: bool = False
    failed_starts: int = 0
    deaths: int = 0
    restart_at: float | None = None

    @property
    def is_open(self) -> bool:
        """Is somebody here, or to come?"""
        return self.pid is not None or self.restart_at is not None


class Supervisor:
    """Keeps the seats filled. ``run`` once, in the main thread."""

    def __init__(
        self,
        factory: Factory,
        settings: Settings,
        listening: Listening,
        *,
        log: Logger,
        clock: Clock,
        ready: Callable[[Ready], None] | None,
        patience: Patience,
        helper: Helper | None = None,
    ) -> None:
        self._factory = factory
        self._settings = settings
        self._listening = listening
        self._log = log
        self._clock = clock
        self._ready = ready
        self._patience = patience
        self._seats = [_Seat(index) for index in range(max(1, settings.workers))]
        if helper is not None:
            self._seats.append(_Seat(len(self._seats), helper))
        self._pages = [Page() for _ in range(len(self._seats) + 1)]
        self._tally = Tally()
        self._tally.watch(
            "workers", lambda: sum(seat.is_serving and seat.helper is None for seat in self._seats)
        )
        self._was_ready = False
        self._is_ending = False
        self._kill_at: float | None = None
        self._exit_code = 0
        self._selector = selectors.PollSelector()
        self._wake: socket.socket
        self._lifeline: tuple[int, int]

    def run(self) -> int:
        """Start all workers, and stay until the last has ended; return the exit code."""
        with self._at_work():
            for seat in self._seats:
                if not self._is_ending:
                    self._start(seat)
            while any(seat.is_open for seat in self._seats):
                self._wait()
                self._reap()
                self._restart_who_is_due()
                self._kill_who_is_overdue()
        self._log.info("ended", exit_code=self._exit_code)
        return self._exit_code

    # --- signals -----------------------------------------------------------------------------

    @contextlib.contextmanager
    def _at_work(self) -> Iterator[None]:
        """Turn signals into bytes on a socket, so that none is lost and none interrupts."""
        self._wake, waker = socket.socketpair()
        self._wake.setblocking(False)
        waker.setblocking(False)
        self._lifeline = os.pipe()
        self._selector.register(self._wake, selectors.EVENT_READ)
        past_handlers = {each: signal.signal(each, _note_only) for each in _SIGNALS}
        past_fd = signal.set_wakeup_fd(waker.fileno(), warn_on_full_buffer=False)
        try:
            yield
        finally:
            self._kill_all()
            signal.set_wakeup_fd(past_fd)
            for each, handler in past_handlers.items():
                signal.signal(each, handler)
            self._selector.close()
            close_all([self._wake, waker])
            for end in self._lifeline:
                os.close(end)

    def _obey(self, received: int) -> None:
        match received:
            case signal.SIGHUP:
                self._log.info("reload")
                self._signal_all(signal.SIGHUP)
            case signal.SIGTERM | signal.SIGINT:
                if not self._is_ending:
                    self._log.info("drain", seconds=self._settings.drain_time.total_seconds())
                    self._end()
                else:
                    self._kill_at = time.monotonic()  # asked twice: at once, then

    def _end(self) -> None:
        """Let every worker drain, and start no more."""
        self._is_ending = True
        patience = self._settings.drain_time + self._patience.end_time
        self._kill_at = time.monotonic() + patience.total_seconds()
        for seat in self._seats:
            seat.restart_at = None
        self._signal_all(signal.SIGTERM)

    def _signal_all(self, what: signal.Signals) -> None:
        for seat in self._seats:
            if seat.pid is not None:
                os.kill(seat.pid, what)

    # --- waiting -----------------------------------------------------------------------------

    def _wait(self) -> None:
        """Sleep until a signal, word from a worker, or the next thing that is due."""
        due = [seat.restart_at for seat in self._seats if seat.restart_at is not None]
        due += [self._kill_at] if self._kill_at is not None else []
        patience = max(0.0, min(due) - time.monotonic()) if due else None
        for key, _ in self._selector.select(patience):
            if key.fileobj is self._wake:
                for received in self._wake.recv(64):
                    self._obey(received)
            else:
                self._hear(key.data)

    def _hear(self, seat: _Seat) -> None:
        """Read a worker's word that it serves; or nothing, when it is gone."""
        if seat.ready_pipe is None:
            return
        try:
            said = os.read(seat.ready_pipe, 64)
        except BlockingIOError:
            said = b""
        self._selector.unregister(seat.ready_pipe)
        os.close(seat.ready_pipe)
        seat.ready_pipe = None
        if not said:
            return
        seat.is_serving = True
        seat.failed_starts = 0
        self._publish()
        if not self._was_ready and all(each.is_serving for each in self._seats):
            self._announce()

    def _announce(self) -> None:
        self._was_ready = True
        listening = self._listening
        ready = Ready(
            addresses=tuple(map(address, [*listening.reserved, *listening.shared])),
            admin=tuple(map(address, listening.admin)),
            pids=tuple(seat.pid for seat in self._seats if seat.pid is not None),
        )
        self._log.info("ready", addresses=ready.addresses, admin=ready.admin, pids=ready.pids)
        if self._ready is not None:
            self._ready(ready)

    # --- births and deaths -------------------------------------------------------------------

    def _start(self, seat: _Seat) -> None:
        ready, told = os.pipe()
        os.set_blocking(ready, False)
        sys.stdout.flush()
        sys.stderr.flush()
        # Between fork and its own handlers a child must not act on a signal as if it were us.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
        seat.began, seat.restart_at = time.monotonic(), None
        try:
            pid = os.fork()
        except OSError as error:
            self._log.error("fork_failed", worker=seat.index, error=str(error))
            os.close(ready)
            self._go_on_without(seat, CertStatusError.exit_code, served=False)
        else:
            if pid == 0:
                self._be_worker(seat, told)
            seat.pid, seat.ready_pipe = pid, ready
            self._selector.register(ready, selectors.EVENT_READ, seat)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
            os.close(told)

    def _be_worker(self, seat: _Seat, told: int) -> NoReturn:
        """Go on as a worker; never return into the supervisor's code."""
        code = CertStatusError.exit_code
        try:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            signal.signal(
                signal.SIGINT, signal.SIG_IGN
            )  # a terminal's Ctrl-C is for the supervisor
            signal.pthread_sigmask(signal.SIG_SETMASK, {signal.SIGHUP})  # until it can reload
            for key in list(self._selector.get_map().values()):
                os.close(key.fd)
            os.close(self._lifeline[1])
            worker = self._worker(seat)
            code = worker.run(told, self._lifeline[0])
        except BaseException:  # noqa: BLE001 (the last chance to say what it was)
            self._log.exception("worker_failed", worker=seat.index)
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)

    def _worker(self, seat: _Seat) -> Worker | Aside:
        if seat.helper is not None:
            return Aside(seat.index, seat.helper, self._pages, log=self._log, clock=self._clock)
        return Worker(
            seat.index,
            self._factory,
            self._settings,
            self._listening,
            self._pages,
            log=self._log,
            clock=self._clock,
        )

    def _reap(self) -> None:
        for seat in self._seats:
            if seat.pid is not None:
                pid, status = os.waitpid(seat.pid, os.WNOHANG)
                if pid:
                    self._bury(seat, os.waitstatus_to_exitcode(status))

    def _bury(self, seat: _Seat, code: int) -> None:
        """Note a death (``code`` is negative for a signal), and what follows from it."""
        self._hear(seat)
        pid, seat.pid = seat.pid, None
        served, seat.is_serving = seat.is_serving, False
        self._publish()
        if self._is_ending:
            if code not in {0, -signal.SIGTERM}:
                self._fail(code)
            return
        self._log.error("worker_died", worker=seat.index, pid=pid, exit_code=code)
        self._go_on_without(seat, code, served=served)

    def _go_on_without(self, seat: _Seat, code: int, *, served: bool) -> None:
        """Fill an empty seat again, or give up."""
        seat.failed_starts += not served
        if self._is_hopeless(seat):
            self._fail(code)
            self._end()
        else:
            self._plan_restart(seat)

    def _is_hopeless(self, seat: _Seat) -> bool:
        """Say whether to give up: a first start failed, or too many in a row with nobody left."""
        if not seat.failed_starts:
            return False
        too_many = seat.failed_starts >= self._patience.max_failed_starts
        return not self._was_ready or (too_many and not any(s.is_serving for s in self._seats))

    def _fail(self, code: int) -> None:
        self._exit_code = self._exit_code or (code if code > 0 else CertStatusError.exit_code)

    def _plan_restart(self, seat: _Seat) -> None:
        patience = self._patience
        now = time.monotonic()
        if now - seat.began >= patience.steady_time.total_seconds():
            seat.deaths = 0
        delay = min(patience.restart_delay * 2 ** min(seat.deaths, 16), patience.max_restart_delay)
        seat.deaths += 1
        seat.restart_at = now + delay.total_seconds()
        self._log.info("restart_planned", worker=seat.index, seconds=delay.total_seconds())

    def _restart_who_is_due(self) -> None:
        now = time.monotonic()
        for seat in self._seats:
            if seat.restart_at is not None and seat.restart_at <= now:
                self._tally.count("worker_restarts")
                self._start(seat)

    def _kill_who_is_overdue(self) -> None:
        if self._kill_at is not None and self._kill_at <= time.monotonic():
            self._signal_all(signal.SIGKILL)
            self._kill_at = None

    def _kill_all(self) -> None:
        """Leave nothing running, whatever went wrong."""
        for seat in self._seats:
            if seat.pid is not None:
                os.kill(seat.pid, signal.SIGKILL)
                os.waitpid(seat.pid, 0)
                seat.pid = None

    def _publish(self) -> None:
        self._pages[-1].write(self._tally.snapshot())


def _note_only(_received: int, _frame: FrameType | None) -> None:
    """Do nothing here: the signal's number has been written to the wake-up socket."""
