"""The lint of threads that wait for each other's interpreter lock, and others that must not mistake that wait."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from msgspec.structs import replace

from tests.unit.lint_contexts import but, context, over, rows, says, side, worker
from tests.unit.states import MS, RUN, T0, S
from wsgiviz.analysis.lints import findings
from wsgiviz.state import (
    Activity,
    Counters,
    Location,
    Loop,
    LoopTally,
    Request,
    Side,
    Slot,
    Span,
    Tally,
    Task,
    WaitSamples,
    Worker,
)

COUNTED = Counters(T0, 0, 0)


def waiter(pid: int, slot: int, waited_s: float = 0.75, busy_s: float = 1.0) -> Worker:
    """A slot that waits for the GIL since half a second, and has waited ``waited_s`` of the ``busy_s`` until 1 s."""
    app_ns, gil_ns = int((busy_s - 0.5) * S), int((waited_s - 0.5) * S)
    tally = Tally(1, app_ns=app_ns, cpu_ns=app_ns - gil_ns, first=COUNTED, gil_ns=gil_ns)
    held = worker(pid, Activity.WAITING_FOR_GIL, 0.5, slot, RUN + slot, tally=tally, sample=COUNTED)
    return replace(held, waits=WaitSamples(gil=9))


def slots(*workers: Worker) -> dict[Slot, Worker]:
    return rows(*workers)


def contended(*pids: int, busy_s: float = 1.0, **more: Any) -> Side:
    """Processes of four threads each, which have waited for 3 s in each of them."""
    workers = slots(*(waiter(pid, slot, busy_s=busy_s) for pid in pids for slot in range(1, 5)))
    return side(kind="gthread", workers=workers, pools=dict.fromkeys(pids, 3), **more)


def test_threads_that_take_turns() -> None:
    assert says("gil-contention", context(contended(1), at_s=1)) == (
        "The threads of worker 1 take turns with its GIL in time.sleep(1) (over 2 s of waiting so far): "
        "processes, or a free-threaded Python, would compute at the same time."
    )
    assert says("gil-contention", context(over(contended(1), 1), at_s=1)) == (
        "The threads of worker 1 waited 3.00 s for the GIL, 75 % of their busy time: "
        "processes, or a free-threaded Python, would have computed at the same time."
    )


def test_where_no_core_is_left_more_processes_are_no_cure() -> None:
    assert says("gil-contention", context(contended(1, 2), at_s=1)) == (
        "The threads of workers 1 2 take turns with the GILs of their processes in time.sleep(1) "
        "(over 5 s of waiting so far): there are as many processes as cores, and more threads only wait longer."
    )
    alone = context(contended(1), at_s=1)
    assert (says("gil-contention", replace(alone, cores=1)) or "").endswith("more threads only wait longer.")


def test_a_worker_that_takes_turns_with_the_app_s_own_threads() -> None:
    sync = side(workers=slots(waiter(1, 0, 0.5)))
    assert says("gil-contention", context(sync, at_s=1)) == (
        "Worker 1 takes turns with threads of the app's own, at one GIL in time.sleep(1) "
        "(over 0.2 s of waiting so far): processes, or a free-threaded Python, would compute at the same time."
    )
    assert (says("gil-contention", context(over(sync, 1), at_s=1)) or "").startswith(
        "Worker 1 waited 0.50 s for the GIL, 50 % of its busy time: "
    )
    two = side(workers=slots(waiter(1, 0), waiter(2, 0)))
    assert (says("gil-contention", context(two, at_s=1)) or "").startswith("Workers 1 2 take turns with threads of")


def test_a_process_that_hardly_waits_for_it_is_not_named() -> None:
    workers = {**contended(1).server.workers, **contended(2, busy_s=9).server.workers}
    for shown in (side(kind="gthread", workers=workers), over(side(kind="gthread", workers=workers), 1)):
        assert " worker 1 " in (says("gil-contention", context(shown, at_s=1)) or "")
    little = contended(1, busy_s=9)
    assert says("gil-contention", context(little, at_s=1)) is None
    assert says("gil-contention", context(over(little, 1), at_s=1)) is None
    assert says("gil-contention", context(side("asgi", "asgi", workers=slots(waiter(1, 0))), at_s=1)) is None


def lacking_a_core(held: Worker, without_s: float) -> Worker:
    return replace(held, sample=replace(held.sample, runq_ns=int(without_s * S)))


def test_whoever_lacks_a_core_for_longer_than_the_gil_competes_for_cores() -> None:
    """Of sync workers that compute beside another program: the probe's own thread had the lock, and no core."""
    sync = side(workers=slots(lacking_a_core(waiter(1, 0, 0.5), 0.6)))
    assert says("gil-contention", context(sync, at_s=1)) is None
    assert says("gil-contention", context(over(sync, 1), at_s=1)) is None
    busy = {key: lacking_a_core(one, 0.6) for key, one in contended(1).server.workers.items()}
    assert says("gil-contention", context(side(kind="gthread", workers=busy), at_s=1)), "2.4 s beside 3 s"


def test_a_wait_that_is_a_small_part_of_the_run_is_not_named() -> None:
    """Threads that are idle for most of a run: half of their busy time is next to nothing of it."""
    tally = Tally(9, app_ns=S, cpu_ns=S // 2, first=COUNTED, gil_ns=S // 2)
    rests = side(workers=slots(worker(1, Activity.IDLE, 1, tally=tally, sample=COUNTED)))
    assert says("gil-contention", context(over(rests, 10), at_s=10)) is None
    assert says("gil-contention", context(over(rests, 2), at_s=2))


def loop_beside_threads(gil_ms: int, longest_ms: int = 240, seen_ms: int = 990) -> Side:
    """One second of a loop, one of whose steps was long, beside threads at a line of the app."""
    tally = Tally(gil_sampled_ns=gil_ms * MS, first=COUNTED)
    alone = worker(9, Activity.IDLE, -1, tally=tally, gil_seen_ns=T0 + seen_ms * MS)
    loop = Loop(9, since_ns=T0 + 950 * MS, tally=LoopTally(longest_step_ns=longest_ms * MS, longest_step_req=RUN + 1))
    place = Location("app.py", 3, "fib", "fib")
    busy = [Request(RUN + n, T0, T0, began_ns=T0, pid=9, task=Task.IN_THREAD, where=place) for n in (1, 2)]
    queued = Request(RUN + 3, T0, T0, began_ns=T0, pid=9, task=Task.FOR_THREAD, where=Location("app.py", 1, "view"))
    return side("asgi", "asgi", [*busy, queued], workers=slots(alone), loops={9: loop})


def test_a_loop_that_waits_for_what_its_threads_hold_is_held_by_nobody() -> None:
    waits = loop_beside_threads(gil_ms=600)
    assert says("gil-contention", context(waits, at_s=1)) == (
        "The event loop waits for the GIL, which threads of its process hold, at app.py:3 fib "
        "(over 0.5 s of waiting so far): processes, or a free-threaded Python, would compute at the same time."
    )
    assert says("loop-held", context(waits, at_s=1)) is None
    assert says("gil-contention", context(over(waits, 1), at_s=1)) == (
        "The event loop waited 0.60 s for the GIL, which threads of its process held: "
        "processes, or a free-threaded Python, would have computed at the same time."
    )
    assert says("loop-held", context(over(waits, 1), at_s=1)) is None
    assert says("gil-contention", context(loop_beside_threads(600, seen_ms=100), at_s=1)) is None, "not now"


def test_a_loop_that_is_held_waits_for_no_lock() -> None:
    held = loop_beside_threads(gil_ms=110, longest_ms=700)
    assert says("loop-held", context(held, at_s=1)) is not None
    assert says("gil-contention", context(loop_beside_threads(gil_ms=60), at_s=1)) is None
    assert says("loop-held", context(loop_beside_threads(gil_ms=60), at_s=1)) is not None


def test_it_is_said_while_somebody_waits_or_did_a_moment_ago() -> None:
    """Slots that take turns are labelled now with the one, now with the other: the sentence stays."""
    earlier = Span(T0, T0 + 900 * MS, Activity.WAITING_FOR_GIL, RUN + 1)

    now = Span(T0 + 900 * MS, 0, Activity.COMPUTING, RUN + 1)
    one = replace(waiter(1, 1), activity=Activity.COMPUTING, since_ns=T0 + 900 * MS, spans=(earlier, now))
    computes = but(contended(1), workers=slots(one))
    assert says("gil-contention", context(computes, at_s=1)) is not None
    assert says("gil-contention", context(computes, at_s=2)) is None


def order(shown: Side) -> Sequence[str]:
    return [found.lint for found in findings(context(shown, at_s=1))]


def test_threads_without_the_gil_are_not_blocked_and_it_is_said_first() -> None:
    assert order(contended(1)) == ["gil-contention", "threads-exhausted"]


def test_processes_that_compute_in_threads_count_as_such() -> None:
    many = contended(1, 2, 3, 4, queue_depth=0)
    assert (says("more-processes-than-cores", context(many, at_s=1)) or "").startswith("4 workers compute on 2 cores")
    assert says("more-processes-than-cores", context(contended(1), at_s=1)) is None, "one of its threads computes"


@pytest.mark.parametrize("activity", [Activity.READING, Activity.WRITING, Activity.CLOSING])
def test_a_thread_that_reads_or_writes_slowly_for_want_of_the_gil_has_no_slow_client(activity: Activity) -> None:
    slow = worker(1, activity, 0.4, 5)
    assert says("slow-client", context(side(kind="gthread", workers=slots(slow)), at_s=1)) is not None
    seen = replace(slow, gil_seen_ns=T0 + 950 * MS)
    assert says("slow-client", context(side(kind="gthread", workers=slots(seen)), at_s=1)) is None
    waits = replace(slow, gil_seen_ns=T0 + 500 * MS)
    assert says("slow-client", context(side(kind="gthread", workers=slots(waits)), at_s=1)) is not None, "since then"
    over_now = replace(slow, activity=Activity.IDLE, spans=(replace(slow.spans[-1], end_ns=T0 + 950 * MS),))
    beside = slots(over_now, waiter(1, 1))
    assert says("slow-client", context(side(kind="gthread", workers=beside), at_s=1)) is None
    alone = slots(over_now, waiter(2, 1))
    assert says("slow-client", context(side(kind="gthread", workers=alone), at_s=1)) is not None
