"""Worker processes, for real: started, signalled, killed and restarted, and none left behind."""

from __future__ import annotations

import contextlib
import http.client
import io
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from certstatus import limits
from certstatus.server import Patience, Service, Settings, Tools, make_logger, serve

_SCRIPT = Path(__file__).with_name("served_process.py")
_PATIENCE = 20.0


def _until(condition: Callable[[], Any]) -> Any:
    """Look again until something holds."""
    end = time.monotonic() + _PATIENCE
    while not (found := condition()):
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.005)
    return found


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


class Process:
    """A supervisor with its workers, and the folder that rules what they do."""

    def __init__(self, folder: Path, **settings: Any) -> None:
        self.folder = folder
        if not (folder / "word").exists():
            (folder / "word").write_text("first")
        self._log = folder / "log"
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, _SCRIPT, folder, json.dumps(settings)],
                stdout=subprocess.PIPE,
                stderr=log,
            )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        self.ready: dict[str, Any] = json.loads(line) if line else {}

    @property
    def pids(self) -> list[int]:
        """The workers that were there at first."""
        return list(self.ready["pids"])

    @property
    def events(self) -> list[dict[str, Any]]:
        """What was logged as JSON."""
        lines = self._log.read_text().splitlines()
        return [json.loads(line) for line in lines if line.startswith("{") and line.endswith("}")]

    def logged(self, event: str) -> list[dict[str, Any]]:
        """The events of one name."""
        return [each for each in self.events if each["event"] == event]

    def connect(self, which: str = "addresses") -> http.client.HTTPConnection:
        """Open a connection of a client."""
        host, port = self.ready[which][0].split(":")
        return http.client.HTTPConnection(host, int(port), timeout=_PATIENCE)

    def ask(self, path: str = "/", which: str = "addresses") -> tuple[int, bytes]:
        """Ask on a new connection."""
        with contextlib.closing(self.connect(which)) as connection:
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, response.read()

    def say(self) -> dict[str, Any]:
        """Ask who answers, and with what word; a connection that dies with its worker is tried anew."""
        while True:
            with contextlib.suppress(OSError, http.client.HTTPException):
                said: dict[str, Any] = json.loads(self.ask()[1])
                return said

    def refuses_connections(self) -> bool:
        """Say whether no worker accepts any more, which is the first thing a drain does."""
        try:
            with contextlib.closing(self.connect()) as connection:
                connection.connect()
        except ConnectionRefusedError:
            return True
        return False

    def words(self) -> set[str]:
        """Ask until every one of two workers has answered."""
        said: dict[int, str] = {}

        def heard() -> bool:
            answer = self.say()
            said[answer["pid"]] = answer["word"]
            return len(said) == 2

        _until(heard)
        return set(said.values())

    def metric(self, name: str) -> float:
        """Read a metric without labels, or the sum over its labels."""
        lines = self.ask("/metrics", "admin")[1].decode().splitlines()
        return sum(
            float(line.split()[-1]) for line in lines if line.startswith(f"certstatus_{name}")
        )

    def signal(self, number: int) -> None:
        """Send a signal to the supervisor."""
        self._process.send_signal(number)

    def wait(self) -> int:
        """Wait for the end, and see that nobody is left."""
        code = self._process.wait(_PATIENCE)
        assert not (self.folder / "socket").exists()
        _until(lambda: not any(map(_is_alive, self.ready.get("pids", ()))))
        return code

    def end(self) -> None:
        """Leave nothing running, whatever the test came to."""
        assert self._process.stdout is not None
        self._process.stdout.close()
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(_PATIENCE)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Process]]:
    """Give the function that starts a server in the test's folder."""
    started: list[Process] = []

    def run(**settings: Any) -> Process:
        started.append(Process(tmp_path, **settings))
        return started[-1]

    yield run
    for process in started:
        process.end()


# --- serving -----------------------------------------------------------------------------------


def test_several_workers_serve_on_one_free_port_and_end_on_sigterm(
    start: Callable[..., Process],
) -> None:
    process = start(workers=2)
    pids: set[int] = set()
    while pids != set(process.pids):
        pids.add(process.say()["pid"])
    assert len(pids) == 2
    assert process.logged("ready")[0]["addresses"] == process.ready["addresses"]

    process.signal(signal.SIGTERM)
    assert process.wait() == 0
    assert (process.folder / "closed-0").exists()
    assert (process.folder / "closed-1").exists()
    assert {each["worker"] for each in process.logged("worker_drained")} == {0, 1}
    assert process.logged("ended")[0]["exit_code"] == 0


def test_one_worker_serves_on_its_unix_socket_too(start: Callable[..., Process]) -> None:
    process = start()
    with contextlib.closing(socket.socket(socket.AF_UNIX)) as client:
        client.settimeout(_PATIENCE)
        client.connect(str(process.folder / "socket"))
        client.sendall(b"GET / HTTP/1.0\r\n\r\n")
        assert client.recv(100).startswith(b"HTTP/1.1 200 OK\r\n")
    process.signal(signal.SIGINT)
    assert process.wait() == 0


def test_a_thread_that_reads_holds_up_answers_for_short_turns(
    start: Callable[..., Process],
) -> None:
    turn = limits.THREAD_TURN_TIME.total_seconds()

    assert start().say()["turn"] == pytest.approx(turn)
    assert turn <= 0.001


def test_each_request_is_a_line_in_the_log_whoever_serves_it(start: Callable[..., Process]) -> None:
    process = start(workers=2)
    for _ in range(20):
        process.ask()
    process.signal(signal.SIGTERM)
    process.wait()
    assert len(process.logged("request")) == 20
    assert {each["remote"] for each in process.logged("request")} == {"127.0.0.1"}


# --- drain -------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_what_is_under_way_is_answered_before_the_end(
    start: Callable[..., Process], number: int
) -> None:
    process = start()
    with contextlib.closing(process.connect()) as busy:
        busy.request("GET", "/wait")
        _until((process.folder / "waiting").exists)
        process.signal(number)
        _until(process.refuses_connections)
        (process.folder / "go").touch()
        response = busy.getresponse()
        assert (response.status, response.headers["Connection"]) == (200, "close")
        assert json.loads(response.read())["word"] == "first"
    assert process.wait() == 0


def test_what_takes_longer_than_the_drain_time_is_cut(start: Callable[..., Process]) -> None:
    process = start(drain=0.05)
    with contextlib.closing(process.connect()) as busy:
        busy.request("GET", "/wait")
        _until((process.folder / "waiting").exists)
        process.signal(signal.SIGTERM)
        assert process.wait() == 0
        with pytest.raises(OSError, match=r"without response|reset"):
            busy.getresponse()
    assert process.logged("worker_drained")[0]["cut"] == 1


def test_asked_twice_it_ends_at_once(start: Callable[..., Process]) -> None:
    process = start(drain=60)
    with contextlib.closing(process.connect()) as busy:
        busy.request("GET", "/wait")
        _until((process.folder / "waiting").exists)
        process.signal(signal.SIGTERM)
        _until(lambda: process.logged("drain"))
        process.signal(signal.SIGTERM)
        assert process.wait() == 70


# --- reload ------------------------------------------------------------------------------------


def test_sighup_reloads_every_worker_and_a_bad_reload_changes_nothing(
    start: Callable[..., Process],
) -> None:
    process = start(workers=2)
    assert process.words() == {"first"}

    (process.folder / "word").write_text("second")
    process.signal(signal.SIGHUP)
    _until(lambda: len(process.logged("reloaded")) == 2)
    assert process.words() == {"second"}

    (process.folder / "broken").write_text("is not a word")
    process.signal(signal.SIGHUP)
    _until(lambda: len(process.logged("reload_failed")) == 2)
    alarms = process.logged("reload_failed")
    assert {alarm["level"] for alarm in alarms} == {"critical"}
    assert {alarm["error"] for alarm in alarms} == {"word: is not a word (mend it)"}
    assert process.words() == {"second"}
    _until(lambda: process.metric("reloads_total") == 4)
    assert process.logged("worker_died") == []


def test_a_defect_in_a_reload_is_an_alarm_with_its_traceback(start: Callable[..., Process]) -> None:
    process = start()
    (process.folder / "broken").write_text("defect")
    process.signal(signal.SIGHUP)
    (alarm,) = _until(lambda: process.logged("reload_failed"))
    assert "ValueError: a defect" in alarm["exception"]
    assert process.say()["word"] == "first"


# --- births and deaths -------------------------------------------------------------------------


def test_a_killed_worker_is_restarted_while_the_other_serves(start: Callable[..., Process]) -> None:
    process = start(workers=2)
    victim, other = process.pids
    os.kill(victim, signal.SIGKILL)
    pids: set[int] = set()
    while len(pids - {victim}) < 2:
        pids.add(process.say()["pid"])
    assert other in pids
    (death,) = process.logged("worker_died")
    assert (death["pid"], death["exit_code"]) == (victim, -signal.SIGKILL)
    _until(lambda: process.metric("workers ") == 2)
    assert process.metric("worker_restarts_total") == 1
    process.signal(signal.SIGTERM)
    assert process.wait() == 0
    assert not any(map(_is_alive, pids))


def test_counts_outlive_the_worker_that_made_them(start: Callable[..., Process]) -> None:
    process = start()
    for _ in range(5):
        process.ask()
    assert process.metric("http_requests_total") == 5  # looking also writes them down
    os.kill(process.pids[0], signal.SIGKILL)
    _until(lambda: process.logged("restart_planned"))
    _until(lambda: process.say()["pid"] != process.pids[0])
    assert process.metric("http_requests_total") >= 6


def test_a_worker_that_drains_leaves_its_last_counts(start: Callable[..., Process]) -> None:
    """Nobody looked since: what it has counted it writes down before it ends."""
    process = start(workers=2)
    for _ in range(20):
        process.ask()
    os.kill(process.pids[0], signal.SIGTERM)
    _until(lambda: process.logged("restart_planned"))
    assert process.metric("http_requests_total") == 20
    _until(lambda: process.metric("workers ") == 2)
    assert process.metric("http_requests_total") == 20


def test_a_reload_keeps_the_counts(start: Callable[..., Process]) -> None:
    process = start()
    for _ in range(3):
        process.ask()
    process.signal(signal.SIGHUP)
    _until(lambda: process.logged("reloaded"))
    for _ in range(2):
        process.ask()
    assert process.metric("http_requests_total") == 5
    assert process.metric("reloads_total") == 1


def test_who_waits_for_a_turn_is_shown(start: Callable[..., Process]) -> None:
    process = start(workers=2)
    assert "certstatus_connections_waiting 0.0" in process.ask("/metrics", "admin")[1].decode()


@pytest.mark.parametrize("workers", [1, 3])
def test_a_worker_that_cannot_start_ends_all_with_its_error_and_exit_code(
    start: Callable[..., Process], tmp_path: Path, workers: int
) -> None:
    (tmp_path / "broken").write_text("is not a word")
    process = start(workers=workers)
    assert process.ready == {}
    assert process.wait() == 78
    failure = process.logged("worker_failed")[0]
    assert failure["error"] == "word: is not a word (mend it)"
    assert "Traceback" not in (tmp_path / "log").read_text()
    assert process.logged("restart_planned") == []


def test_a_defect_at_the_start_is_70_with_its_traceback(
    start: Callable[..., Process], tmp_path: Path
) -> None:
    (tmp_path / "broken").write_text("defect")
    process = start()
    assert process.wait() == 70
    assert "ValueError: a defect" in process.logged("worker_failed")[0]["exception"]


def test_a_machine_that_cannot_fork_is_an_end_and_not_a_crash(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def never(tools: Tools) -> Service:
        raise AssertionError("no worker started")

    def fork() -> int:
        raise BlockingIOError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(os, "fork", fork)
    handlers = [signal.getsignal(each) for each in (signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD)]
    log = io.StringIO()
    assert serve(never, Settings(workers=2), log=make_logger(log, as_json=True)) == 70
    first = json.loads(log.getvalue().splitlines()[0])
    assert (first["event"], first["error"]) == (
        "fork_failed",
        "[Errno 11] Resource temporarily unavailable",
    )
    assert handlers == [
        signal.getsignal(each) for each in (signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD)
    ]


def test_restarts_that_fail_end_all_only_when_nobody_serves(start: Callable[..., Process]) -> None:
    process = start(workers=2)
    victim, other = process.pids
    (process.folder / "broken").write_text("is not a word")
    os.kill(victim, signal.SIGKILL)
    _until(lambda: len(process.logged("worker_failed")) > limits.MAX_FAILED_STARTS)
    assert process.say()["pid"] == other
    delays = [each["seconds"] for each in process.logged("restart_planned")]
    assert delays[:4] == [0.005, 0.01, 0.02, 0.02]

    os.kill(other, signal.SIGKILL)
    assert process.wait() == 78


def test_workers_do_not_outlive_a_supervisor_that_is_killed(start: Callable[..., Process]) -> None:
    process = start(workers=2)
    process.signal(signal.SIGKILL)
    _until(lambda: not any(map(_is_alive, process.pids)))
    assert len(process.logged("worker_drained")) == 2


def test_a_port_that_is_taken_is_told_before_anything_starts(
    start: Callable[..., Process], tmp_path: Path
) -> None:
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
        process = start(port=port)
        assert process.wait() == 78
    assert f"127.0.0.1:{port}: Address already in use" in (tmp_path / "log").read_text()


# --- the admin port ----------------------------------------------------------------------------


def test_health_follows_the_checks_of_the_service(start: Callable[..., Process]) -> None:
    process = start(workers=2)
    (process.folder / "broken").write_text("not to be restarted")
    os.kill(process.pids[0], signal.SIGKILL)  # whichever worker is left can be asked
    _until(lambda: process.logged("worker_died"))
    assert process.ask("/healthz", "admin")[0] == 200
    (process.folder / "unready").write_text("the signer has expired")
    status, body = process.ask("/healthz", "admin")
    assert status == 503
    assert json.loads(body)["reasons"] == {"file": "the signer has expired"}


def test_metrics_are_of_all_workers(start: Callable[..., Process]) -> None:
    process = start(workers=2)
    for _ in range(50):
        process.ask()
    _until(lambda: process.metric("http_requests_total") == 50)
    assert process.metric("workers ") == 2


def test_the_defaults_are_those_of_the_package() -> None:
    assert Settings().drain_time == limits.DRAIN_TIME
    assert Patience() == Patience(
        restart_delay=limits.RESTART_DELAY,
        max_restart_delay=limits.MAX_RESTART_DELAY,
        steady_time=limits.STEADY_TIME,
        max_failed_starts=limits.MAX_FAILED_STARTS,
        end_time=limits.END_TIME,
    )
