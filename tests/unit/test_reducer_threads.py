"""A request on a loop that is in a thread, or waits for one; and the pools."""

from __future__ import annotations

from itertools import pairwise

from tests.unit.lint_contexts import PID, at, ended, reduced
from tests.unit.states import MS, RUN, S
from tests.unit.thread_events import (
    answered,
    asked,
    entered,
    in_order,
    in_thread_77,
    left,
    pool,
    process_asked,
    run,
    sampled,
    seen,
)
from wsgiviz.events import Event, RunRequested, StepBegan, TaskReady, ThreadSampled, WorkerDied
from wsgiviz.state import PoolKind, Request, Task, ThreadPool
from wsgiviz.state.request import STEPS_KEPT
from wsgiviz.state.thread_pool import POOLS_KEPT


def request(*batches: list[Event]) -> Request:
    found = reduced(run(1), *batches).sides["asgi"].ledger.get(RUN + 1)
    assert found is not None
    return found


def tasks(found: Request) -> list[Task]:
    return [step.task for step in found.steps]


def test_a_request_waits_for_a_thread_and_is_in_one() -> None:
    waits = request(asked(1, 0.01))
    assert waits.task is Task.FOR_THREAD
    assert waits.since_ns == at(0.0102)
    inside = request(asked(1, 0.01), entered(1, 0.5))
    assert (inside.task, inside.since_ns) == (Task.IN_THREAD, at(0.5))
    done = request(asked(1, 0.01), entered(1, 0.5), left(1, 0.8), answered(1, 0.01, 0.81))
    assert tasks(done) == [
        Task.RUNNING, Task.FOR_THREAD, Task.IN_THREAD, Task.AWAITING, Task.READY, Task.RUNNING, Task.AWAITING,
    ]  # fmt: skip
    assert (done.task, done.calls.ended, done.calls.running) == (Task.DONE, 1, 0)
    assert (done.calls.waited_ns, done.calls.blocked_ns) == (at(0.5) - at(0.0102), 300 * MS)


def test_a_state_that_takes_no_time_is_no_step() -> None:
    """A bare yield is ready at once; AnyIO makes some before it asks for a thread."""
    ready = TaskReady(at(0.0102), "asgi", PID, RUN + 1)
    assert tasks(request(asked(1, 0.01), [ready])) == [Task.RUNNING, Task.READY]


def test_what_it_has_waited_counts_while_it_waits() -> None:
    waits = request(asked(1, 0.01))
    assert waits.for_threads_ns(at(0.5)) == at(0.5) - at(0.0102)
    assert (waits.in_threads_ns(at(0.5)), waits.calls.waited_ns) == (0, 0)


def test_a_thread_may_begin_before_the_step_that_asked_for_it_has_ended() -> None:
    queued, began = asked(1, 0.01), entered(1, 0.01015)
    found = request(in_order([*queued, *began]))
    assert tasks(found) == [Task.RUNNING, Task.IN_THREAD]


def test_its_line_is_that_in_the_thread_and_no_longer_than_it_is_there() -> None:
    waits = request(asked(1, 0.01), seen(1, 0.05, 3, "to_thread"))
    assert waits.where is not None
    assert waits.where.line == 3
    assert (waits.stays[-1].since_ns, waits.stays[-1].task) == (waits.since_ns, Task.FOR_THREAD)
    began = request(asked(1, 0.01), seen(1, 0.05, 3, "to_thread"), entered(1, 0.5))
    assert began.where is None
    assert began.stays[-1].until_ns == at(0.5)
    inside = request(asked(1, 0.01), entered(1, 0.02), seen(1, 0.05, 7, "time.sleep"))
    assert inside.where is not None
    assert inside.where.line == 7
    assert inside.stays[-1].task is Task.IN_THREAD
    assert request(asked(1, 0.01), entered(1, 0.02), seen(1, 0.05, 7, "time.sleep"), left(1, 0.1)).where is None


def test_of_several_calls_one_that_runs_counts() -> None:
    two = [*asked(1, 0.01), *asked(1, 0.02, first=False)]
    assert request(two, entered(1, 0.03)).task is Task.IN_THREAD
    assert request(two, entered(1, 0.03), left(1, 0.04)).task is Task.FOR_THREAD
    assert request(two, entered(1, 0.03), left(1, 0.04), left(1, 0.05, began=0)).task is Task.AWAITING


def test_while_it_holds_the_loop_it_runs_whatever_its_threads_do() -> None:
    step = StepBegan(at(0.03), "asgi", PID, RUN + 1)
    assert request(asked(1, 0.01), entered(1, 0.02), [step], left(1, 0.04)).task is Task.RUNNING


def test_a_call_of_a_request_that_is_over_changes_nothing() -> None:
    over = [asked(1, 0.01), answered(1, 0.01, 0.2)]
    assert request(*over, entered(1, 0.3), left(1, 0.4)) == request(*over)


def pools(*batches: list[Event]) -> list[ThreadPool]:
    return list(reduced(run(1), *batches).sides["asgi"].server.thread_pools.values())


def test_a_pool_and_its_peaks() -> None:
    [found] = pools(pool(0.1, 40, 160), pool(0.2, 40, 20), pool(0.3, 10, 0))
    assert (found.kind, found.name, found.size) == (PoolKind.ANYIO, "", 40)
    assert (found.running, found.waiting, found.most_running, found.most_waiting) == (10, 0, 40, 160)
    [own] = pools(pool(0.1, 3, 0, 3, "executor|a|b"))
    assert (own.kind, own.name) == (PoolKind.EXECUTOR, "a|b")


def test_peaks_are_those_of_the_run_and_what_is_gone_goes_with_it() -> None:
    again = RunRequested(at(2), "", 0, 2, 1, ("asgi",))
    first = [
        *pool(0.1, 40, 160),
        *pool(0.2, 5, 0),
        *pool(0.1, 2, 1, 2, "limiter|", 2),
        *pool(0.3, 0, 0, 0, "limiter|", 2),
    ]
    assert [(one.number, one.gone, one.most_waiting) for one in pools(first)] == [(1, False, 160), (2, True, 1)]
    assert [(one.number, one.most_running, one.most_waiting) for one in pools(first, [again])] == [(1, 5, 0)]


def test_pools_of_a_dead_worker_are_empty() -> None:
    [found] = pools(pool(0.1, 40, 160), [WorkerDied(at(0.2), "asgi", 1, PID, 9)])
    assert (found.running, found.waiting, found.most_waiting, found.gone) == (0, 0, 160, True)


def test_what_makes_no_sense_is_left_out() -> None:
    assert pools(pool(0.1, 1, 1, 4, "nonsense|"), pool(0.1, 1, 1, 4, "")) == []
    [found] = pools(pool(0.1, -5, -1, -7))
    assert (found.size, found.running, found.waiting) == (-1, 0, 0)


def test_as_many_pools_as_an_app_makes() -> None:
    batch = [event for n in range(POOLS_KEPT + 9) for event in pool(0.1, 1, n == 3, 1, "executor|x", n + 1)]
    found = pools(batch)
    assert len(found) == POOLS_KEPT
    assert max(one.most_waiting for one in found) == 1


def test_a_run_that_ended_keeps_them() -> None:
    assert len(pools(pool(0.1, 40, 160), ended(1, "asgi"))) == 1


# --- what the thread does -----------------------------------------------------------------------------------------

INSIDE = [*asked(1, 0.01), *entered(1, 0.02), *seen(1, 0.06, 7, "work"), *in_thread_77(1, 0.06)]


def test_a_thread_that_computes_is_told_from_one_that_waits() -> None:
    computes = request(INSIDE, sampled(1, 0.1, 1.0, "R"), sampled(1, 0.2, 1.09, "R"))
    assert (computes.task, computes.since_ns) == (Task.THREAD_COMPUTES, at(0.02)), "as far as is known, all the time"
    later = request(INSIDE, sampled(1, 0.1, 1.0, "S"), sampled(1, 0.2, 1.0, "S"), sampled(1, 0.3, 1.09, "R"))
    assert (later.task, later.since_ns) == (Task.THREAD_COMPUTES, at(0.2))
    assert tasks(later)[-2:] == [Task.IN_THREAD, Task.THREAD_COMPUTES]
    assert (computes.where, computes.stays[-1].until_ns) == (request(INSIDE).where, 0), "it is at its line"
    waits = request(INSIDE, sampled(1, 0.1, 1.0, "S"), sampled(1, 0.2, 1.001, "S"))
    assert waits.task is Task.IN_THREAD
    queued = request(INSIDE, sampled(1, 0.1, 1.0, "R"), sampled(1, 0.2, 1.02, "R", runq_s=0.06))
    assert queued.task is Task.THREAD_COMPUTES, "runnable and without a CPU"


def test_a_thread_waits_for_the_gil_also_when_it_is_met_in_its_turn() -> None:
    lacks = [*sampled(1, 0.1, 1.0, "S"), *sampled(1, 0.2, 1.01, "G")]
    assert request(INSIDE, lacks).task is Task.THREAD_FOR_GIL
    in_its_turn = sampled(1, 0.3, 1.03, "R")
    assert request(INSIDE, lacks, in_its_turn).task is Task.THREAD_FOR_GIL
    assert request(INSIDE, lacks, in_its_turn, sampled(1, 0.4, 1.12, "R")).task is Task.THREAD_COMPUTES


def test_who_is_met_in_its_first_turn_has_waited_for_what_its_first_sample_or_others_say() -> None:
    first = [*sampled(1, 0.1, 1.0, "G"), *sampled(1, 0.2, 1.03, "R")]
    assert request(INSIDE, first).task is Task.THREAD_FOR_GIL
    awake = [*sampled(1, 0.1, 1.0, "R"), *sampled(1, 0.2, 1.03, "R")]
    assert request(INSIDE, awake).task is Task.IN_THREAD, "nothing says for what it has waited"
    beside = [*asked(2, 0.01), *entered(2, 0.02), *seen(2, 0.06, 7, "work"), *in_thread_77(2, 0.06)]
    lacks = sampled(2, 0.15, 1.0, "G")
    assert request(in_order([*INSIDE, *beside, *lacks, *awake])).task is Task.THREAD_FOR_GIL


def test_one_sample_alone_and_one_of_another_thread_say_nothing() -> None:
    assert request(INSIDE, sampled(1, 0.1, 1.0, "R")).task is Task.IN_THREAD
    other = [*sampled(1, 0.1, 1.0, "R", thread_id=8), *sampled(1, 0.2, 1.1, "R", thread_id=8)]
    assert request(INSIDE, other).task is Task.IN_THREAD
    unknown = request(asked(1, 0.01), entered(1, 0.02), sampled(1, 0.1, 1.0, "R"), sampled(1, 0.2, 1.1, "R"))
    assert unknown.task is Task.IN_THREAD


def test_the_next_call_begins_anew() -> None:
    busy = [*sampled(1, 0.1, 1.0, "R"), *sampled(1, 0.2, 1.09, "R")]
    again = [*left(1, 0.3), *asked(1, 0.31, first=False), *entered(1, 0.32)]
    assert request(INSIDE, busy, left(1, 0.3)).task is Task.AWAITING
    assert request(INSIDE, busy, again).task is Task.IN_THREAD
    late = [*sampled(1, 0.33, 1.2, "R"), *sampled(1, 0.4, 1.27, "R")]
    assert request(INSIDE, busy, again, late).task is Task.IN_THREAD, "the thread is another request's by then"


def test_its_times_in_threads_by_what_those_did() -> None:
    done = request(
        INSIDE, sampled(1, 0.1, 1.0, "R"), sampled(1, 0.2, 1.09, "R"), sampled(1, 0.3, 1.1, "G"), left(1, 0.5)
    )
    calls = done.calls
    assert (calls.blocked_ns, calls.computing_ns, calls.gil_ns) == (0, 180 * MS, 300 * MS)
    assert done.in_threads_ns(at(0.9)) == at(0.5) - at(0.02)
    assert (done.spent_ns(Task.THREAD_COMPUTES, at(0.9)), done.spent_ns(Task.IN_PROCESS, 0)) == (180 * MS, 0)


def test_what_a_thread_did_long_ago_is_known_less_exactly_and_not_forgotten() -> None:
    """Ten seconds in which it takes turns with the GIL."""
    events = list(INSIDE)
    for n in range(300):
        cpu_s, letter = 1 + n // 2 * 0.03, "G" if n % 2 else "R"
        events += sampled(1, 0.1 + n / 30, cpu_s, letter)
    found = request(events)
    assert len(found.steps) < STEPS_KEPT
    assert found.steps[0].task is Task.RUNNING, "its beginning is kept"
    assert {Task.THREAD_COMPUTES, Task.THREAD_FOR_GIL} <= set(tasks(found))
    assert all(one.end_ns == other.start_ns for one, other in pairwise(found.steps)), "without a gap"
    assert found.calls.computing_ns + found.calls.gil_ns > 9.9 * S


# --- processes ----------------------------------------------------------------------------------------------------


def test_a_request_waits_for_a_process_and_is_in_one() -> None:
    waits = request(process_asked(1, 0.01), seen(1, 0.05, 3, "loop.run_in_executor"))
    assert waits.task is Task.FOR_PROCESS
    assert (waits.stays[-1].since_ns, waits.stays[-1].task) == (waits.since_ns, None)
    inside = request(process_asked(1, 0.01), entered(1, 0.5))
    assert (inside.task, inside.since_ns) == (Task.IN_PROCESS, at(0.5))
    assert inside.spent_ns(Task.IN_PROCESS, at(0.6)) == 100 * MS
    done = request(process_asked(1, 0.01), entered(1, 0.5), left(1, 0.8), answered(1, 0.01, 0.81))
    assert (done.calls.process_ns, done.calls.waited_ns) == (300 * MS, at(0.5) - at(0.0102))
    assert done.in_threads_ns(at(0.9)) == 0


def test_the_loop_s_thread_that_lacks_the_gil_is_known() -> None:
    def loop(*samples: tuple[float, float, str]) -> bool:
        events: list[Event] = [
            ThreadSampled(at(at_s), "asgi", PID, 0, int(cpu_s * S), 0, letter) for at_s, cpu_s, letter in samples
        ]
        return reduced(run(1), events).sides["asgi"].server.workers[PID, 0].lacks_gil

    assert not loop((0.1, 1.0, "R"), (0.2, 1.08, "R"))
    assert loop((0.1, 1.0, "R"), (0.2, 1.01, "G"))
    assert loop((0.1, 1.0, "R"), (0.2, 1.01, "G"), (0.3, 1.03, "R")), "met in its turn"
    assert not loop((0.1, 1.0, "R"), (0.2, 1.01, "G"), (0.3, 1.03, "S"))
