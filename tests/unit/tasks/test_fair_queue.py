"""The waiting line by itself: whatever is added, taken, cancelled or handed over, in whatever order."""

import time
from collections import defaultdict
from collections.abc import Hashable
from typing import Any, cast

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from octostar_runtime.models.runs import RunState
from octostar_runtime.tasks.fair_queue import REMEMBERED, FairQueue
from octostar_runtime.tasks.run import Run, RunOptions

SESSIONS = st.sampled_from(["a", "b", "c", "d", "e"])


def make_run(number: int, priority: int = 0) -> Run:
    """Return a run that only ever waits in a line."""
    options = RunOptions(priority=priority)
    pool = cast(Any, None)
    run = Run(str(number), str(number), "n", print, None, cast(Any, None), pool, None, None, options, 0.0, 0.0, True)
    run.run_id = f"{number:08}"
    return run


class QueueMachine(RuleBasedStateMachine):
    """A model beside the queue: a list per session."""

    def __init__(self) -> None:
        super().__init__()
        self.limit = 2
        self.queue = FairQueue(per_session_limit=self.limit)
        self.waiting: dict[Hashable, list[Run]] = defaultdict(list)
        self.running: dict[Hashable, list[Run]] = defaultdict(list)
        self.number = 0
        #: For each session with nothing else in hand: how often others were served since its first run joined.
        self.passed: dict[Hashable, dict[Hashable, int]] = {}

    @rule(session=SESSIONS, priority=st.integers(-2, 2))
    def add(self, session: str, priority: int) -> None:
        if not self.waiting[session] and not self.running[session]:
            self.passed[session] = defaultdict(int)
        self.number += 1
        run = make_run(self.number, priority)
        self.queue.add(run, session)
        self.waiting[session].append(run)

    @rule()
    def take(self) -> None:
        run = self.queue.take()
        if run is None:
            ready = [key for key, runs in self.waiting.items() if runs and len(self.running[key]) < self.limit]
            assert not ready, f"{ready} may start and were not taken"
            return
        (session,) = [key for key, runs in self.waiting.items() if run in runs]
        first = max(self.waiting[session], key=lambda one: (one.options.priority, -int(one.run_id)))
        assert run is first, "a run of lower priority, or a later one, went first"
        self.waiting[session].remove(run)
        self.running[session].append(run)
        run.state = RunState.RUNNING
        assert len(self.running[session]) <= self.limit
        self.passed.pop(session, None)
        for others in self.passed.values():
            others[session] += 1
            assert others[session] <= 2, f"a newcomer was passed by {session} again and again"

    @precondition(lambda self: any(self.running.values()))
    @rule(number=st.integers(0, 100))
    def release(self, number: int) -> None:
        held = [(key, run) for key, runs in self.running.items() for run in runs]
        key, run = held[number % len(held)]
        self.running[key].remove(run)
        run.state = RunState.SUCCESS
        self.queue.release(run)

    @precondition(lambda self: any(self.waiting.values()))
    @rule(number=st.integers(0, 100))
    def cancel(self, number: int) -> None:
        held = [(key, run) for key, runs in self.waiting.items() for run in runs]
        key, run = held[number % len(held)]
        self.waiting[key].remove(run)
        run.state = RunState.CANCELLED
        self.queue.discard(run)
        if not self.waiting[key]:
            self.passed.pop(key, None)

    @rule(old=SESSIONS, new=SESSIONS)
    def hand_over(self, old: str, new: str) -> None:
        if old == new or len(self.running[old]) + len(self.running[new]) > self.limit:
            return
        self.queue.rename(old, new, [run for runs in self.running.values() for run in runs])
        for held in (self.waiting, self.running):
            held[new].extend(held.pop(old, []))
        # within one priority those of the successor were there first
        for place, run in enumerate(self.waiting[new]):
            run.run_id = f"{place - 1_000_000:08}"
        self.passed.pop(old, None)
        self.passed.pop(new, None)

    @invariant()
    def nothing_is_lost(self) -> None:
        expected = {id(run) for runs in self.waiting.values() for run in runs}
        assert {id(run) for run in self.queue} == expected
        assert self.queue.size == len(expected)
        for key in self.waiting:
            assert {id(run) for run in self.queue.of(key)} == {id(run) for run in self.waiting[key]}
        last = self.queue.last()
        assert (last is None) == (not expected)
        assert last is None or id(last) in expected

    def teardown(self) -> None:
        """Work it off: everything that waits is taken, and nothing is left behind."""
        while any(self.waiting.values()) or any(self.running.values()):
            before = sum(map(len, self.waiting.values()))
            self.take()
            if sum(map(len, self.waiting.values())) == before:
                self.release(0)
        assert self.queue.take() is None
        assert not any(group.count or group.running or group.listed for group in self.queue._groups.values())


TestQueueMachine = QueueMachine.TestCase
TestQueueMachine.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


def test_sessions_that_have_gone_are_forgotten_and_those_with_work_are_not() -> None:
    queue = FairQueue()
    queue.add(make_run(0), "patient")
    for number in range(5 * REMEMBERED):
        queue.add(make_run(number + 1), f"session-{number}")
        for _ in range(2 if number == 0 else 1):
            run = queue.take()
            assert run is not None
            run.state = RunState.SUCCESS
            queue.release(run)
    assert len(queue._groups) <= REMEMBERED + 1
    assert queue.size == 0


def test_each_run_may_have_a_priority_of_its_own() -> None:
    queue = FairQueue()
    started = time.perf_counter()
    for number in range(20_000):
        queue.add(make_run(number, priority=number * 7_919 % 20_011), "a")
    taken = []
    while (run := queue.take()) is not None:
        run.state = RunState.RUNNING
        taken.append(run.options.priority)
    assert time.perf_counter() - started < 5
    assert taken == sorted(taken, reverse=True)


def test_an_endless_stream_of_new_sessions_does_not_starve_an_old_one() -> None:
    queue = FairQueue()
    queue.add(make_run(0), "new-0")
    queue.add(old := make_run(1), "old")
    for number in range(2, 5_000):
        queue.add(make_run(number), f"new-{number}")
        run = queue.take()
        assert run is not None
        run.state = RunState.RUNNING
        queue.release(run)
        if run is old:
            return
    raise AssertionError("the old session never had its turn")
