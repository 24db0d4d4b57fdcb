"""The schedule of staples, through simulated years of responders that fail in every way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import Enum, auto
from itertools import pairwise
from typing import Final

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from certstatus.limits import DEFAULT_SKEW
from certstatus.staple.schedule import (
    DEFAULT_PACE,
    Life,
    Outcome,
    Pace,
    Plan,
    Tries,
    plan_try,
)

START = datetime(2026, 11, 21, 12, tzinfo=UTC)
SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)
DAY = timedelta(days=1)
MAX_TRIES: Final = 1_500
"""Where a simulation ends that has tried so often; a year of half-lives takes under a hundred."""


class Mood(Enum):
    """How a responder answers."""

    UP = auto()
    DOWN = auto()
    LYING = auto()
    """Nothing that it says is to be believed."""
    STUCK = auto()
    """It repeats what it said first in this phase."""


@dataclass(frozen=True)
class Phase:
    """How things are for a while: the responder, the network, and both clocks."""

    length: timedelta
    mood: Mood = Mood.UP
    window: timedelta = 4 * DAY
    period: timedelta = HOUR
    """Between two publications."""
    delay: timedelta = timedelta(0)
    """From the request to the answer, or to giving up."""
    max_age: timedelta | None = None
    responder_jump: timedelta = timedelta(0)
    own_jump: timedelta = timedelta(0)
    """How far our own clock goes wrong as the phase begins."""


@dataclass
class Simulation:
    """A stapler's way through the phases, by true time; ``now`` is what its clock says."""

    phases: Sequence[Phase]
    dice: Sequence[float]
    life_time: timedelta = 20 * 365 * DAY
    pace: Pace = DEFAULT_PACE
    time: datetime = START
    offset: timedelta = timedelta(0)
    life: Life | None = None
    tries: Tries = field(default_factory=Tries)
    begun: list[datetime] = field(default_factory=list)
    jumps: list[datetime] = field(default_factory=list)
    bare: list[tuple[datetime, datetime]] = field(default_factory=list)
    """From when to when, after the first staple, none was there."""
    plan: Plan = field(init=False)
    stuck: datetime | None = None

    def __post_init__(self) -> None:
        self.replan()

    @property
    def now(self) -> datetime:
        return self.time + self.offset

    def run(self) -> None:
        for phase in self.phases:
            self.begin(phase)
            end = self.time + phase.length
            while self.time < end and len(self.begun) < MAX_TRIES:
                self.step(phase, end)

    def begin(self, phase: Phase) -> None:
        self.stuck = None
        if phase.own_jump:
            self.offset += phase.own_jump
            self.jumps.append(self.time)
            self.plan = self.plan.as_of(self.now)

    def step(self, phase: Phase, end: datetime) -> None:
        """Sleep until the plan says, or the phase ends; then try."""
        wake = end if self.plan.at is None else min(end, max(self.plan.at - self.offset, self.time))
        self.pass_time(wake)
        if self.plan.is_due(self.now):
            self.attempt(phase)

    def pass_time(self, until: datetime) -> None:
        if self.life is not None and self.life.end - self.offset < until:
            self.bare.append((max(self.life.end - self.offset, self.time), until))
        self.time = until

    def attempt(self, phase: Phase) -> None:
        if self.now > self.certificate_end:
            self.replan()
            assert self.plan.at is None
            return
        self.begun.append(self.time)
        self.pass_time(self.time + phase.delay)
        answer = self.answer(phase)
        outcome = Outcome.FAILED
        if answer is not None and answer.end > self.now:
            is_newer = self.life is None or answer.this_update > self.life.this_update
            is_newer = is_newer or (self.life is not None and self.life.end <= self.now)
            outcome = Outcome.NEWER if is_newer else Outcome.SAME
            self.life = answer if is_newer else self.life
        self.tries = self.tries.then(outcome, self.now)
        self.replan()

    def answer(self, phase: Phase) -> Life | None:
        """Return what comes back, as far as it is to be believed."""
        if phase.mood in {Mood.DOWN, Mood.LYING}:
            return None
        theirs = self.time + phase.responder_jump
        since = (theirs - START) // phase.period * phase.period
        this_update = START + since
        if phase.mood is Mood.STUCK:
            self.stuck = this_update = self.stuck or this_update
        if this_update > self.now + DEFAULT_SKEW:
            return None
        fresh = None if phase.max_age is None else self.now + phase.max_age
        return Life(this_update=this_update, end=this_update + phase.window, fresh_until=fresh)

    @property
    def certificate_end(self) -> datetime:
        return START + self.life_time

    def replan(self) -> None:
        dice = self.dice[len(self.begun) % len(self.dice)]
        self.plan = plan_try(
            self.life,
            self.tries,
            now=self.now,
            certificate_end=self.certificate_end,
            dice=dice,
            pace=self.pace,
        )
        self.check_plan()

    def check_plan(self) -> None:
        """Every plan keeps the bounds, whatever was before."""
        at, now = self.plan.at, self.now
        if now > self.certificate_end:
            assert at is None
            return
        assert at is not None
        assert now <= at <= self.certificate_end + SECOND
        if self.life is not None and self.life.end > now and self.tries.last is not None:
            assert at <= max(self.life.end, now + self.pace.min_pause)
        longest = max(self.pace.max_pause * 1.5, self.pace.max_life)
        assert at <= now + longest


_LENGTHS = st.timedeltas(MINUTE, 60 * DAY)
_JUMPS = st.just(timedelta(0)) | st.timedeltas(-400 * DAY, 400 * DAY)
_PHASES = st.builds(
    Phase,
    length=_LENGTHS,
    mood=st.sampled_from(Mood),
    window=st.timedeltas(SECOND, 40 * DAY) | st.just(9000 * DAY),
    period=st.sampled_from([SECOND, MINUTE, HOUR, DAY, 5 * DAY]),
    delay=st.timedeltas(timedelta(0), 2 * MINUTE),
    max_age=st.none() | st.timedeltas(timedelta(0), 30 * DAY),
    responder_jump=_JUMPS,
    own_jump=_JUMPS,
)
_DICE = st.lists(st.floats(0, 1, exclude_max=True), min_size=1, max_size=5)


@pytest.mark.rule("T12")
@settings(max_examples=60)
@given(
    phases=st.lists(_PHASES, min_size=1, max_size=12),
    dice=_DICE,
    life_time=st.timedeltas(HOUR, 3 * 365 * DAY),
)
@example(phases=[Phase(365 * DAY, Mood.DOWN)], dice=[0.0], life_time=3650 * DAY)
@example(phases=[Phase(365 * DAY, window=SECOND, period=SECOND)], dice=[0.0], life_time=3650 * DAY)
def test_no_responder_and_no_clock_makes_us_hammer_or_oversleep(
    phases: list[Phase], dice: list[float], life_time: timedelta
) -> None:
    simulation = Simulation(phases, dice, life_time)

    simulation.run()

    for one, next_one in pairwise(simulation.begun):
        jumped = any(one <= jump <= next_one for jump in simulation.jumps)
        assert jumped or next_one - one >= DEFAULT_PACE.min_pause


@pytest.mark.rule("T12")
@settings(max_examples=60)
@example(window=DAY, share=0.03125, max_age=timedelta(0), delay=timedelta(0), dice=[0.0]).via(
    "an answer that was published a while before it was fetched"
)
@given(
    window=st.timedeltas(10 * MINUTE, 20 * DAY),
    share=st.floats(0.01, 0.3),
    max_age=st.none() | st.timedeltas(timedelta(0), 30 * DAY),
    delay=st.timedeltas(timedelta(0), 30 * SECOND),
    dice=_DICE,
)
def test_while_the_responder_is_up_there_is_always_a_staple_and_little_traffic(
    window: timedelta,
    share: float,
    max_age: timedelta | None,
    delay: timedelta,
    dice: list[float],
) -> None:
    year = Phase(365 * DAY, window=window, period=window * share, delay=delay, max_age=max_age)
    simulation = Simulation([year], dice)

    simulation.run()

    assert simulation.life is not None
    assert simulation.bare == []
    lived = simulation.time - START
    # A life is used for a tenth of its length at the least, or for ``min_age`` where HTTP asks.
    shortest = min(window, DEFAULT_PACE.max_life) * 0.1
    assert len(simulation.begun) <= lived / min(shortest, DEFAULT_PACE.min_age) + 2


@pytest.mark.rule("T12")
@given(
    outage=st.timedeltas(MINUTE, 30 * DAY),
    before=st.timedeltas(MINUTE, 10 * DAY),
    mood=st.sampled_from([Mood.DOWN, Mood.LYING, Mood.STUCK]),
    dice=_DICE,
)
def test_an_outage_costs_no_staple_until_the_old_one_ends_and_little_time_after(
    outage: timedelta, before: timedelta, mood: Mood, dice: list[float]
) -> None:
    phases = [Phase(before), Phase(outage, mood), Phase(10 * DAY)]
    simulation = Simulation(phases, dice)

    simulation.run()

    over = START + before + outage
    longest = DEFAULT_PACE.max_pause * 1.5 + DEFAULT_PACE.min_pause
    for begin, end in simulation.bare:
        # It was kept to the last second of the life of four days, of which little was used.
        assert begin >= START + before + 4 * DAY * 0.25 - HOUR
        assert end <= over + longest
    if outage < DAY:
        assert simulation.bare == []


@given(
    life=st.none()
    | st.builds(
        lambda begin, length, fresh: Life(
            this_update=START + begin,
            end=START + begin + length,
            fresh_until=None if fresh is None else START + fresh,
        ),
        st.timedeltas(-400 * DAY, 400 * DAY),
        st.timedeltas(timedelta(0), 9000 * DAY),
        st.none() | st.timedeltas(-400 * DAY, 9000 * DAY),
    ),
    tries=st.builds(
        Tries,
        last=st.none() | st.datetimes(timezones=st.just(UTC)),
        outcome=st.sampled_from(Outcome),
        failures=st.integers(0, 10**9),
    ),
    end=st.timedeltas(-400 * DAY, 400 * DAY),
    dice=st.floats(0, 1, exclude_max=True),
)
def test_a_plan_lies_between_now_and_the_certificates_end_whatever_was_before(
    life: Life | None, tries: Tries, end: timedelta, dice: float
) -> None:
    plan = plan_try(life, tries, now=START, certificate_end=START + end, dice=dice)

    if end < timedelta(0):
        assert plan.at is None
    else:
        assert plan.at is not None
        assert START <= plan.at <= START + end + SECOND
