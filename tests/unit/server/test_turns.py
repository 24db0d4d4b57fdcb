from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta

import pytest

from certstatus.limits import LIVE_SHARE, MAX_TURN_CREDIT, MAX_TURN_DEBT, MAX_TURN_WAIT
from certstatus.server.turns import Turns

STORED, LIVE = 14e-6, 100e-6


class Worker:
    """An event loop and its clock, turned by hand."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.soon: list[Callable[[], None]] = []
        self.turns = Turns(self.soon.append, clock=lambda: self.now)
        self.live = 0

    def turn(self) -> None:
        """Let the event loop turn once."""
        ready, self.soon[:] = list(self.soon), []
        self.now += 1e-6
        for one in ready:
            one()

    def give_stored(self, count: int) -> None:
        """Give stored answers."""
        self.turns.stored += count
        self.now += count * STORED

    def give_live(self, _is_late: bool) -> None:
        """Give a live answer."""
        self.live += 1
        self.now += LIVE

    def ask_again(self, is_late: bool) -> None:
        """Give a live answer to a client that asks for the next one at once."""
        self.give_live(is_late)
        self.turns.wait(self.ask_again)


@pytest.fixture
def worker() -> Worker:
    return Worker()


def _spend_all(worker: Worker) -> None:
    worker.turns.took(MAX_TURN_CREDIT.total_seconds() + LIVE)
    assert not worker.turns.may_go()


def _turn_in_a_quiet_time(worker: Worker) -> None:
    worker.now += 10 * LIVE
    worker.turn()


def test_after_a_quiet_time_live_answers_go_at_once_up_to_a_bound(worker: Worker) -> None:
    worker.now += 3600
    most = MAX_TURN_CREDIT.total_seconds()
    while worker.turns.may_go():
        began = worker.now
        worker.give_live(False)
        worker.turns.took(worker.now - began)
    assert most <= worker.live * LIVE <= 2 * most


def test_who_waits_is_not_overtaken(worker: Worker) -> None:
    worker.turns.wait(worker.give_live)
    worker.now += 3600
    assert not worker.turns.may_go()
    worker.turn()
    assert worker.live == 1
    assert worker.turns.may_go()


def test_waiting_calls_nothing_by_itself(worker: Worker) -> None:
    worker.turns.wait(worker.give_live)
    assert (worker.live, worker.turns.waiting) == (0, 1)


@pytest.mark.parametrize("clients", [1, 50, 4_000])
def test_live_answers_have_all_the_time_where_no_stored_ones_are_given(
    worker: Worker, clients: int
) -> None:
    for _ in range(clients):
        worker.turns.wait(worker.ask_again)
    began = worker.now
    for _ in range(1_000):
        worker.turn()
    assert worker.live * LIVE > 0.95 * (worker.now - began)


@pytest.mark.parametrize("clients", [1, 50, 4_000])
@pytest.mark.parametrize("each_turn", [1, 8, 32])
def test_beside_stored_answers_live_ones_have_their_share(
    worker: Worker, clients: int, each_turn: int
) -> None:
    for _ in range(clients):
        worker.turns.wait(worker.ask_again)
    began = worker.now
    for _ in range(3_000):
        worker.give_stored(each_turn)
        worker.turn()
    passed = worker.now - began
    assert 0.9 * LIVE_SHARE < worker.live * LIVE / passed < LIVE_SHARE + 0.05


@pytest.mark.parametrize(
    ("pause", "least", "most"),
    [(50e-6, LIVE_SHARE - 0.04, LIVE_SHARE + 0.06), (2e-3, 0.8, 1.0)],
    ids=["often", "seldom"],
)
def test_between_stored_answers_live_ones_go_where_the_pause_is_long_enough(
    worker: Worker, pause: float, least: float, most: float
) -> None:
    """One client that asks for a stored answer again and again, so long after each."""
    worker.turns.wait(worker.ask_again)
    began, last = worker.now, worker.now
    while worker.now < began + 1:
        if worker.now > last + pause:
            worker.give_stored(1)
            last = worker.now
        worker.turn()
    assert least < worker.live * LIVE / (worker.now - began) < most


def test_a_slow_key_pays_back_what_it_took(worker: Worker) -> None:
    slow = MAX_TURN_DEBT.total_seconds()

    def sign(_is_late: bool) -> None:
        worker.live += 1
        worker.now += slow
        worker.turns.wait(sign)

    worker.turns.wait(sign)
    began = worker.now
    while worker.now - began < 100 * slow:
        worker.give_stored(32)
        worker.turn()
    assert worker.live * slow <= (LIVE_SHARE + 0.02) * (worker.now - began)


def test_what_was_overdrawn_is_paid_back_up_to_a_bound(worker: Worker) -> None:
    worker.turns.took(3600)
    worker.turns.may_go()
    worker.now += MAX_TURN_DEBT.total_seconds() / LIVE_SHARE + 1e-6
    assert worker.turns.may_go()


def test_what_was_overdrawn_while_nothing_stored_was_asked_for_is_forgiven(worker: Worker) -> None:
    worker.turns.wait(worker.ask_again)
    for _ in range(1_000):
        worker.turn()
    worker.now += 10 * LIVE
    worker.give_stored(1)
    worker.turn()
    assert worker.turns._credit > -2 * LIVE


def test_all_go_in_the_order_of_coming(worker: Worker) -> None:
    seen: list[int] = []
    for number in range(10):
        worker.turns.wait(lambda _, number=number: seen.append(number))  # type: ignore[misc]
    for _ in range(1_000):
        worker.turn()
    assert seen == list(range(10))
    assert (worker.turns.waiting, worker.soon) == (0, [])


def test_who_waited_too_long_is_told_so(worker: Worker) -> None:
    told: list[bool] = []
    for pause in (MAX_TURN_WAIT, timedelta(milliseconds=1)):
        worker.turns.wait(told.append)
        worker.now += pause.total_seconds() + 1e-9
        worker.turn()
    assert told == [True, False]


def test_one_that_fails_keeps_nobody_from_going(worker: Worker) -> None:
    def fail(_is_late: bool) -> None:
        raise ValueError("failed")

    _spend_all(worker)
    worker.turns.wait(fail)
    worker.turns.wait(worker.give_live)
    with pytest.raises(ValueError, match="failed"):
        _turn_in_a_quiet_time(worker)
    _turn_in_a_quiet_time(worker)
    assert worker.live == 1


# --- answers that are waited for -------------------------------------------------------------


def test_of_an_answer_that_waits_its_steps_are_counted_and_not_its_waits(worker: Worker) -> None:
    async def answer() -> str:
        worker.now += 2 * MAX_TURN_CREDIT.total_seconds()
        await asyncio.sleep(0)
        worker.now += LIVE
        return "done"

    metered = worker.turns.metered(answer())
    metered.send(None)
    assert not worker.turns.may_go()  # its first step took all the credit
    worker.now += 3600
    assert worker.turns.may_go()
    credit = worker.turns._credit
    with pytest.raises(StopIteration, match="done"):
        metered.send(None)
    assert worker.turns._credit == pytest.approx(credit - LIVE)


def test_tasks_count_from_the_moment_they_are_made(worker: Worker) -> None:
    """A turn of the loop must not begin more of them than the share pays for."""

    async def answer() -> None:
        worker.now += 3 * LIVE

    begun = []
    while worker.turns.may_go():
        begun.append(worker.turns.metered(answer()))
    assert len(begun) < 100
    for one in begun:
        with pytest.raises(StopIteration):
            one.send(None)
    worker.turns.took(-worker.turns._credit)
    worker.now += 3600
    assert worker.turns.may_go()
    few = 0
    while worker.turns.may_go():
        worker.turns.metered(answer()).close()
        worker.turns.took(worker.turns._guess)
        few += 1
    assert few < len(begun)  # by now it is known how long they take


def test_a_task_that_never_began_costs_nothing(worker: Worker) -> None:
    async def answer() -> None:
        """Have nothing to do."""

    worker.turns.may_go()
    credit = worker.turns._credit
    metered = worker.turns.metered(answer())
    with pytest.raises(asyncio.CancelledError):
        metered.throw(asyncio.CancelledError())
    assert worker.turns._credit == pytest.approx(credit)
    worker.turns.metered(answer()).close()
    assert worker.turns._credit == pytest.approx(credit)


def test_a_metered_answer_is_awaited_and_cancelled_like_any_other() -> None:
    async def answer(seconds: float) -> str:
        await asyncio.sleep(seconds)
        return "done"

    async def run() -> None:
        turns = Turns(asyncio.get_running_loop().call_soon)
        assert await asyncio.create_task(turns.metered(answer(0))) == "done"
        assert await turns.metered(answer(0.001)) == "done"
        task = asyncio.create_task(turns.metered(answer(3600)))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(run())


# --- two lines -------------------------------------------------------------------------------


def test_what_is_stored_as_a_rule_does_not_wait_behind_a_crowd(worker: Worker) -> None:
    seen: list[str] = []
    for _ in range(100):
        worker.turns.wait(lambda _: seen.append("crowd"))
    for _ in range(3):
        worker.turns.wait(lambda _: seen.append("stored"), is_of_stored=True)
    for _ in range(1_000):
        worker.turn()
    assert seen[:6] == ["stored", "crowd"] * 3
    assert len(seen) == 103


def test_a_crowd_in_the_short_line_leaves_every_other_turn_to_the_rest(worker: Worker) -> None:
    seen: list[str] = []

    def again(_is_late: bool) -> None:
        seen.append("stored")
        worker.now += LIVE
        worker.turns.wait(again, is_of_stored=True)

    for _ in range(100):
        worker.turns.wait(again, is_of_stored=True)
    worker.turns.wait(lambda _: seen.append("other"))
    while "other" not in seen:
        _turn_in_a_quiet_time(worker)
    assert seen.index("other") <= 1


def test_how_long_one_takes_is_learnt_from_each_and_not_from_all_together(worker: Worker) -> None:
    for _ in range(10_000):  # as one comes and goes at once, now and then
        worker.now += 1
        assert worker.turns.may_go()
        worker.turns.took(LIVE)
    assert worker.turns._usual == pytest.approx(LIVE)


def test_in_a_quiet_time_no_more_tasks_begin_than_are_guessed_to_fit(worker: Worker) -> None:
    """Making one takes next to nothing; what it will take counts at once."""
    tasks = []

    async def answer() -> None:
        """Have nothing to do."""

    def begin(_is_late: bool) -> None:
        worker.now += 1e-6
        tasks.append(worker.turns.metered(answer()))

    for _ in range(100):
        worker.turns.wait(begin)
    worker.turns.took(MAX_TURN_CREDIT.total_seconds() * 2)
    _turn_in_a_quiet_time(worker)
    assert 1 <= len(tasks) <= 6
    for one in tasks:
        one.close()
