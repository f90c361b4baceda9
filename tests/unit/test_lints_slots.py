"""Lints of workers and threads: where each applies, with which numbers, and where it is silent."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from tests.unit.lint_contexts import (
    BLOCKING,
    BOOTED,
    DRIVER,
    PID,
    at,
    booted,
    but,
    context,
    ended,
    fired,
    opened,
    over,
    queued,
    reduced,
    rows,
    says,
    seen,
    side,
    taken,
    worker,
)
from tests.unit.states import MS, RUN, SLEEP, T0, S, sleeping_workers
from wsgiviz.events import (
    ConnectionAccepted,
    Event,
    NestedLoopSeen,
    PoolQueued,
    RequestBegan,
    RequestEnded,
    RequestFailed,
    RequestSent,
    ResponseReceived,
    ThreadSampled,
    WorkerDied,
    WorkerStopping,
)
from wsgiviz.state import Activity, Counters, Death, Request, State, Tally, Worker
from wsgiviz.state.run import DriverSample

# --- all workers blocked -----------------------------------------------------------------------------------------


def test_all_workers_blocked_with_a_queue() -> None:
    state = reduced(BOOTED, taken(1, 0.01), [queued(0.1, 3)])
    assert says("all-workers-blocked", seen(state, 0.1)) == (
        "The only worker is blocked in time.sleep(1); 3 requests wait in the kernel, not yet read by anyone."
    )
    nobody = reduced([queued(0.2, 0)], before=state)
    assert says("all-workers-blocked", seen(nobody, 0.1)) is None, "nobody waits"
    second = reduced(booted(pid=101, number=2), before=state)
    assert says("all-workers-blocked", seen(second, 0.1)) is None, "one is free"


def quickly(number: int, at_s: float, took_ns: int = 15 * MS) -> list[list[Event]]:
    """A request that computes for some milliseconds, and its answer."""
    req, begin_ns = RUN + number, at(at_s)
    end_ns = begin_ns + took_ns
    return [
        [RequestSent(begin_ns, "wsgi", DRIVER, req, T0)],
        [RequestBegan(begin_ns, "wsgi", PID, 0, req, begin_ns, 0, "GET /")],
        [RequestEnded(end_ns, "wsgi", PID, 0, req, took_ns, begin_ns, end_ns, end_ns, end_ns, 200, 1, "")],
        [ResponseReceived(end_ns, "wsgi", DRIVER, req, 200, 1)],
    ]


def test_a_sample_of_short_requests_is_no_evidence_of_waiting() -> None:
    """Of `fast` on a busy machine: samples meet a thread off the CPU, whose requests compute by their own clocks."""
    state = reduced(BOOTED, *(events for number in range(1, 6) for events in quickly(number, 0.1 * number)))
    state = reduced(taken(6, 0.6), [queued(0.63, 3)], before=state)
    assert state.sides["wsgi"].server.workers[PID, 0].activity is Activity.BLOCKED
    assert says("all-workers-blocked", seen(state, 0.64)) is None
    state = reduced([ThreadSampled(at(0.89), "wsgi", PID, 0, 0, 0, "S")], before=state)
    assert says("all-workers-blocked", seen(state, 0.9)), "this one does wait"


def test_workers_that_are_blocked_for_clients_that_have_given_up() -> None:
    """Nothing tells a sync worker that its client is gone."""
    gone = RequestFailed(at(0.2), "wsgi", DRIVER, RUN + 1, "timeout")
    state = reduced(BOOTED, taken(1, 0.01), [queued(0.1, 3), gone])
    assert says("all-workers-blocked", seen(state, 0.3)) == (
        "The only worker is blocked in time.sleep(1), for a client that has given up; "
        "3 requests wait in the kernel, not yet read by anyone."
    )
    second = reduced(booted(pid=101, number=2), taken(2, 0.21, pid=101), before=state)
    assert says("all-workers-blocked", seen(second, 0.3)) == (
        "Both workers are blocked in time.sleep(1), 1 of them for a client that has given up; "
        "3 requests wait in the kernel, not yet read by anyone."
    )


def test_where_the_queue_cannot_be_seen_the_requests_are_counted() -> None:
    """As on macOS: the driver knows which requests have no answer yet."""
    unknown = but(sleeping_workers(0.5), queue_depth=-1)
    assert says("all-workers-blocked", context(unknown)) == (
        "All 4 workers are blocked in time.sleep(1); 16 requests wait for a worker."
    )
    begun = [request for request in unknown.ledger if request.began_ns]
    assert says("all-workers-blocked", context(but(unknown, requests=begun))) is None


# --- slow clients ------------------------------------------------------------------------------------------------


def test_a_slow_client_holds_a_worker_without_a_request() -> None:
    state = reduced(BOOTED, [ConnectionAccepted(at(0.1), "wsgi", PID, 0, 0)])
    assert says("slow-client", seen(state, 0.45)) == (
        "The only worker is held by a slow client (1 reading a request), with nothing in the app: "
        "a proxy in front, gthread or an ASGI server would wait instead."
    )
    assert says("slow-client", seen(state, 0.35)) is None, "that is how long reading may take"
    released = reduced([RequestEnded(at(0.5), "wsgi", PID, 0, 0, 0, 0, 0, 0, 0, 0, 0, "")], before=state)
    assert says("slow-client", seen(released, 0.6)) is not None, "calm"
    assert says("slow-client", seen(released, 0.95)) is None


def test_slow_clients_are_named_by_what_they_keep_workers_in() -> None:
    phases = Activity.WRITING, Activity.READING, Activity.CLOSING, Activity.BLOCKED
    workers = rows(*(worker(pid, activity, 0.1) for pid, activity in enumerate(phases, 1)))
    assert says("slow-client", context(side(workers=workers))) == (
        "3 of 4 workers are held by slow clients (1 reading a request, 1 writing an answer, "
        "1 waiting for the client to hang up), with nothing in the app: "
        "a proxy in front, gthread or an ASGI server would wait instead."
    )
    assert says("slow-client", context(side(workers=workers, ended_ns=at(0.5)))) == (
        "3 of 4 workers were held by slow clients, with nothing in the app: "
        "a proxy in front, gthread or an ASGI server would have waited instead."
    )
    assert says("slow-client", context(side(workers=rows(worker(1, Activity.BLOCKED, 0.1))))) is None
    assert says("slow-client", context(side("asgi", "asgi", workers=workers))) is None


# --- threads -----------------------------------------------------------------------------------------------------


def threads(pid: int, *activities: Activity) -> list[Worker]:
    return [worker(pid, activity, 0.1, slot, RUN + 10 * pid + slot) for slot, activity in enumerate(activities, 1)]


def test_requests_that_wait_in_a_process_for_its_threads() -> None:
    two = [*opened("gthread", threads=2), *booted(threads=2, kind="gthread"), *fired()]
    both = [*taken(1, 0.01, slot=1), *taken(2, 0.01, slot=2)]
    gthread = reduced(two, both, [PoolQueued(at(0.1), "wsgi", PID, 6, 2)])
    assert says("threads-exhausted", seen(gthread, 0.3)) == (
        "Both threads of worker 1 are busy: 6 requests wait in its own thread-pool queue, not in the kernel's."
    )
    empty = reduced([PoolQueued(at(0.2), "wsgi", PID, 0, 2)], before=gthread)
    assert says("threads-exhausted", seen(empty, 0.3)) is None
    end = RequestEnded(at(0.15), "wsgi", PID, 1, RUN + 1, 0, at(0.01), at(0.14), at(0.14), at(0.15), 200, 1, "")
    freed = reduced([end], before=gthread)
    assert says("threads-exhausted", seen(freed, 0.3)) is None, "one is free: the queue is on its way"


def test_one_process_that_took_more_than_its_share() -> None:
    workers = rows(*threads(1, Activity.BLOCKED, Activity.BLOCKED), *threads(2, Activity.IDLE, Activity.BLOCKED))
    peak: dict[str, Any] = {"max_pool": 8, "max_pool_pid": 1, "pool_threads": 2}
    uneven = side(kind="gthread", workers=workers, pools={1: 5, 2: 0}, queue_depth=3, **peak)
    assert says("threads-exhausted", context(uneven)) == (
        "Both threads of worker 1 are busy: 5 requests wait in its own thread-pool queue, "
        "3 more in the kernel's, while worker 2 has 1 idle."
    )
    blocked = but(uneven, queue_depth=0, workers=rows(*threads(1, Activity.BLOCKED)), pools={1: 5})
    assert says("threads-exhausted", context(blocked)) == (
        "The only thread of worker 1 is busy: 5 requests wait in its own thread-pool queue, not in the kernel's."
    )
    assert says("all-workers-blocked", context(blocked)) == (
        "The only thread is blocked in time.sleep(1); 5 requests wait in the thread-pool queues of its processes."
    )
    both = but(uneven, workers={key: replace(one, activity=Activity.BLOCKED) for key, one in workers.items()})
    assert says("threads-exhausted", context(but(both, pools={1: 5, 2: 1}))) == (
        "All 4 threads of workers 1 2 are busy: 6 requests wait in their own thread-pool queues, "
        "3 more in the kernel's."
    )
    served = {key: replace(one, tally=Tally(requests=8 if one.pid == 1 else 2)) for key, one in workers.items()}
    assert says("threads-exhausted", context(over(but(uneven, workers=served)))) == (
        "Worker 1 served 16 of 20 requests, and up to 8 connections at a time waited in its own thread-pool queue, "
        "where no other worker can take them."
    )
    given_up = but(uneven, workers=served, max_pool=16, max_pool_pid=2)
    assert says("threads-exhausted", context(over(given_up))) == (
        "Worker 2 served 4 of 20 requests, and up to 16 connections at a time waited in its own thread-pool queue, "
        "where no other worker can take them."
    ), "what waits is not a part of what it served: clients give up, and some are not ours"
    fair = {key: replace(one, tally=Tally(requests=5)) for key, one in workers.items()}
    assert says("threads-exhausted", context(over(but(uneven, workers=fair)))) is None


# --- computing ---------------------------------------------------------------------------------------------------


def test_more_processes_than_cores() -> None:
    many = side(workers=rows(*(worker(pid, Activity.COMPUTING, 0.1) for pid in range(1, 5))), queue_depth=16)
    assert says("more-processes-than-cores", context(many)) == (
        "4 workers compute on 2 cores; 16 requests wait in the kernel, not yet read by anyone: "
        "more processes than cores take turns and gain nothing."
    )
    assert says("more-processes-than-cores", context(many, cores=4)) is None
    of_one = but(many, kind="gthread", workers=rows(*threads(1, *[Activity.COMPUTING] * 4)))
    assert says("more-processes-than-cores", context(of_one)) is None, "its threads share one interpreter lock"
    assert says("more-processes-than-cores", context(over(many))) is None
    mostly_blocked = Tally(requests=3, app_ns=S, cpu_ns=S // 10)
    waited = [replace(each, tally=mostly_blocked) for each in many.server.workers.values()]
    assert says("more-processes-than-cores", context(but(many, workers=rows(*waited)), at_s=1)) is None
    computed = [replace(each, tally=Tally(requests=3, app_ns=S, cpu_ns=S)) for each in waited]
    assert says("more-processes-than-cores", context(but(many, workers=rows(*computed)), at_s=1)) is not None


# --- an event loop inside a request ------------------------------------------------------------------------------


def test_an_event_loop_inside_a_wsgi_request() -> None:
    nested = NestedLoopSeen(at(0.1), "wsgi", PID, 0, RUN + 3, 37, "apps/deep.py|runs_a_loop|asyncio.run")
    state = reduced(BOOTED, taken(3, 0.01))
    assert says("nested-event-loop", seen(state)) is None
    state = reduced([nested], before=state)
    assert says("nested-event-loop", seen(state)) == (
        "#3 runs an event loop inside a WSGI request (deep.py:37 asyncio.run): "
        "its worker waits for that loop, and serves nobody else."
    )
    assert says("nested-event-loop", seen(reduced(ended(1), before=state))) == (
        "#3 started an event loop inside a WSGI request (deep.py:37 asyncio.run), and its worker waited for it."
    )


# --- a worker that is killed for its timeout ---------------------------------------------------------------------


def killed(by_timeout: int) -> State:
    aborts = [WorkerStopping(at(3.01), "wsgi", PID, 6)] if by_timeout else []
    died = WorkerDied(at(3.1), "wsgi", DRIVER, PID, 9, by_timeout)
    return reduced(BOOTED, taken(2, 0.01), [*aborts, died])


def test_a_worker_that_gunicorn_killed() -> None:
    shown = seen(killed(1), 4, worker_timeout_s=3)
    assert says("worker-timeout", shown) == (
        "Worker 1 was killed by gunicorn (worker timeout) while it held #2: no heartbeat within --timeout (3 s); "
        "a sync worker sends one only between requests."
    )
    assert says("worker-timeout", seen(killed(0), 4)) is None, "somebody else killed it"
    assert says("worker-timeout", replace(shown, now_ns=T0 + 20 * S)) is None, "for ever is too long"
    over_now = reduced(ended(4), before=shown.state)
    assert says("worker-timeout", seen(over_now, 20)), "it is what the run was"


def test_several_that_were_killed_and_where_they_were() -> None:
    dead = [
        worker(pid, Activity.DEAD, pid, req=RUN + pid, death=Death(T0 + pid * S, by_timeout=True))
        for pid in (1, 2, 3)
    ]
    died = T0 + 3 * S
    lost = Request(RUN + 3, T0, T0, began_ns=T0, ended_ns=died, pid=3, raised="worker died", where=SLEEP)
    other = replace(lost, id=RUN + 9, pid=2, where=BLOCKING)
    answered = replace(lost, id=RUN + 8, raised="", received_ns=T0 + 80 * MS)
    sentence = says("worker-timeout", context(side(workers=rows(*dead), requests=(other, lost, answered)), at_s=4))
    assert sentence == (
        "3 workers were killed by gunicorn (worker timeout), the last while it held #3 at sleep.py:14 time.sleep: "
        "no heartbeat within --timeout; a sync worker sends one only between requests."
    )


def test_workers_that_wait_for_a_core_have_not_computed_for_that() -> None:
    """On a busy machine sleepers that have woken up stand on the run queue, and were said to compute."""
    many = but(side(workers=rows(*(worker(pid, Activity.COMPUTING, 0, req=RUN + pid) for pid in range(1, 5)))))
    sampled = {
        key: replace(one, sample=Counters(T0 + S // 2, S // 50, S // 2), tally=replace(one.tally, first=Counters(T0)))
        for key, one in many.server.workers.items()
    }
    sleepers = but(many, workers=sampled, driver=DriverSample(T0 + S // 2, 0, 0))
    assert says("more-processes-than-cores", context(many)) is not None
    assert says("more-processes-than-cores", context(sleepers)) is None
