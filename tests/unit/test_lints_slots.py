"""Lints of workers and threads: where each speaks, with which numbers, and where it is silent."""

from __future__ import annotations

from msgspec.structs import replace

from tests.unit.lint_scenes import (
    BLOCKING,
    BOOTED,
    PID,
    event,
    fold,
    over,
    rows,
    says,
    scene,
    side,
    started,
    taken,
    worker,
)
from tests.unit.pictures import MS, RUN, SLEEP, T0, S, sleeping_workers
from wsgiviz.events import Kind
from wsgiviz.model.state import Doing, Picture, Request, Side, Worker

# --- all workers blocked -----------------------------------------------------------------------------------------


def test_all_workers_blocked_with_a_queue() -> None:
    waiting = event(0.1, Kind.QUEUE_SAMPLE, a=3, b=2048)
    picture = fold([*BOOTED, *taken(1, 0.01), waiting])
    shown = replace(scene(at_s=0.1), picture=picture)
    assert says("all-workers-blocked", shown) == (
        "The only worker is blocked in time.sleep(1); 3 requests wait in the kernel, not yet read by anyone."
    )
    nobody = fold([event(0.2, Kind.QUEUE_SAMPLE, a=0, b=2048)], picture)
    assert says("all-workers-blocked", replace(shown, picture=nobody)) is None, "nobody waits"
    second = [event(-2, Kind.WORKER_BOOTING, a=2, pid=101), event(-1, Kind.WORKER_READY, pid=101)]
    assert says("all-workers-blocked", replace(shown, picture=fold(second, picture))) is None, "one is free"


def test_where_the_queue_cannot_be_seen_the_requests_are_counted() -> None:
    """As on macOS: the driver knows who has no answer yet."""
    unknown = replace(sleeping_workers(0.5), queue_depth=-1)
    assert says("all-workers-blocked", scene(unknown)) == (
        "All 4 workers are blocked in time.sleep(1); 16 requests wait for a worker."
    )
    begun = {req: request for req, request in unknown.in_flight.items() if request.began_ns}
    assert says("all-workers-blocked", scene(replace(unknown, in_flight=begun))) is None


# --- slow clients ------------------------------------------------------------------------------------------------


def test_a_slow_client_holds_a_worker_without_a_request() -> None:
    picture = fold([*BOOTED, event(0.1, Kind.ACCEPTED)])
    held = replace(scene(at_s=0.45), picture=picture)
    assert says("slow-client", held) == (
        "The only worker is held by a slow client (1 reading a request), with nothing in the app: "
        "a proxy in front, gthread or an ASGI server would wait instead."
    )
    assert says("slow-client", replace(held, now_ns=T0 + 350 * MS)) is None, "that is how long reading may take"
    released = fold([event(0.5, Kind.RELEASED)], picture)
    assert says("slow-client", replace(held, picture=released, now_ns=T0 + 600 * MS)) is not None, "calm"
    assert says("slow-client", replace(held, picture=released, now_ns=T0 + 950 * MS)) is None


def test_slow_clients_are_told_by_what_they_keep_workers_in() -> None:
    phases = Doing.WRITING, Doing.READING, Doing.CLOSING, Doing.BLOCKED
    told = rows(*(worker(pid, doing, 0.1) for pid, doing in enumerate(phases, 1)))
    assert says("slow-client", scene(side(workers=told))) == (
        "3 of 4 workers are held by slow clients (1 reading a request, 1 writing an answer, "
        "1 waiting for the client to hang up), with nothing in the app: "
        "a proxy in front, gthread or an ASGI server would wait instead."
    )
    assert says("slow-client", scene(side(workers=rows(worker(1, Doing.BLOCKED, 0.1))))) is None
    assert says("slow-client", scene(side("asgi", "asgi", workers=told))) is None


# --- threads -----------------------------------------------------------------------------------------------------


def threads(pid: int, *doings: Doing) -> list[Worker]:
    return [worker(pid, doing, 0.1, slot, RUN + 10 * pid + slot) for slot, doing in enumerate(doings, 1)]


def test_requests_that_wait_in_a_process_for_its_threads() -> None:
    booted = event(-2, Kind.WORKER_BOOTING, a=1, text="gthread 2")
    both = [event for slot in (1, 2) for event in taken(slot, 0.01, slot=slot)]
    events = [booted, event(-1, Kind.WORKER_READY), started(), *both, event(0.1, Kind.POOL_QUEUE, a=6, b=2)]
    gthread = fold(events, Picture(sides={"wsgi": Side("wsgi", "gthread")}))
    shown = replace(scene(at_s=0.3), picture=gthread)
    assert says("threads-exhausted", shown) == (
        "All 2 threads of worker 1 are busy: 6 requests wait in its own thread-pool queue, apart from the kernel's."
    )
    empty = fold([event(0.2, Kind.POOL_QUEUE, a=0, b=2)], gthread)
    assert says("threads-exhausted", replace(shown, picture=empty)) is None
    freed = fold([event(0.15, Kind.CLOSED, 1, slot=1), event(0.15, Kind.RELEASED, slot=1)], gthread)
    assert says("threads-exhausted", replace(shown, picture=freed)) is None, "one is free: the queue is on its way"


def test_one_process_that_took_more_than_its_share() -> None:
    told = rows(*threads(1, Doing.BLOCKED, Doing.BLOCKED), *threads(2, Doing.IDLE, Doing.BLOCKED))
    uneven = side(kind="gthread", workers=told, pools={1: 5, 2: 0}, max_pool=8, pool_threads=2, queue_depth=3)
    assert says("threads-exhausted", scene(uneven)) == (
        "All 2 threads of worker 1 are busy: 5 requests wait in its own thread-pool queue, "
        "3 more in the kernel's, while worker 2 has 1 idle."
    )
    blocked = replace(uneven, queue_depth=0, workers=rows(*threads(1, Doing.BLOCKED)), pools={1: 5})
    assert says("threads-exhausted", scene(blocked)) == (
        "The only thread of worker 1 is busy: 5 requests wait in its own thread-pool queue, apart from the kernel's."
    )
    assert says("all-workers-blocked", scene(blocked)) == (
        "The only thread is blocked in time.sleep(1); 5 requests wait in the thread-pool queues of its processes."
    )
    both = replace(uneven, workers={key: replace(one, doing=Doing.BLOCKED) for key, one in told.items()})
    assert says("threads-exhausted", scene(replace(both, pools={1: 5, 2: 1}))) == (
        "All 4 threads of workers 1 2 are busy: 6 requests wait in their own thread-pool queues, "
        "3 more in the kernel's."
    )
    served = {key: replace(one, requests=8 if one.pid == 1 else 2) for key, one in told.items()}
    assert says("threads-exhausted", scene(over(replace(uneven, workers=served)))) == (
        "Worker 1 took 16 of 20 requests, and up to 8 of them waited in its own thread-pool queue, "
        "where no other worker can take them."
    )
    fair = {key: replace(one, requests=5) for key, one in told.items()}
    assert says("threads-exhausted", scene(over(replace(uneven, workers=fair)))) is None


# --- computing ---------------------------------------------------------------------------------------------------


def test_more_processes_than_cores() -> None:
    many = side(workers=rows(*(worker(pid, Doing.COMPUTING, 0.1) for pid in range(1, 5))), queue_depth=16)
    assert says("more-processes-than-cores", scene(many)) == (
        "4 workers compute on 2 cores; 16 requests wait in the kernel, not yet read by anyone: "
        "more processes than cores take turns, and win nothing."
    )
    assert says("more-processes-than-cores", scene(many, cores=4)) is None
    of_one = replace(many, kind="gthread", workers=rows(*threads(1, *[Doing.COMPUTING] * 4)))
    assert says("more-processes-than-cores", scene(of_one)) is None, "its threads share one interpreter lock"
    assert says("more-processes-than-cores", scene(over(many))) is None


# --- an event loop inside a request ------------------------------------------------------------------------------


def test_an_event_loop_inside_a_wsgi_request() -> None:
    nested = event(0.1, Kind.NESTED_LOOP, 3, a=37, text="apps/deep.py|runs_a_loop|asyncio.run")
    picture = fold([*BOOTED, *taken(3, 0.01)])
    assert says("nested-event-loop", replace(scene(), picture=picture)) is None
    picture = fold([nested], picture)
    assert says("nested-event-loop", replace(scene(), picture=picture)) == (
        "#3 runs an event loop inside a WSGI request (deep.py:37 asyncio.run): "
        "its worker waits for that loop, and serves nobody else."
    )
    ended = fold([event(1, Kind.RUN_ENDED)._replace(req=1)], picture)
    assert says("nested-event-loop", replace(scene(), picture=ended)) == (
        "#3 started an event loop inside a WSGI request (deep.py:37 asyncio.run), and its worker waited for it."
    )


# --- a worker that is killed for its timeout ---------------------------------------------------------------------


def killed(by_timeout: int, kind: str = "sync") -> Picture:
    aborts = [event(3.01, Kind.WORKER_STOPPING, a=6)] if by_timeout else []
    events = [*BOOTED, *taken(2, 0.01), *aborts, event(3.1, Kind.WORKER_DIED, a=PID, b=by_timeout, pid=1)]
    return fold(events, Picture(sides={"wsgi": Side("wsgi", kind)}))


def test_a_worker_that_its_master_killed() -> None:
    shown = replace(scene(at_s=4, worker_timeout_s=3), picture=killed(1))
    assert says("worker-timeout", shown) == (
        "Worker 1 was killed by its master while it held #2: no sign of life for gunicorn's --timeout (3 s); "
        "a sync worker gives one only between requests."
    )
    assert says("worker-timeout", replace(shown, picture=killed(0))) is None, "somebody else killed it"
    assert says("worker-timeout", replace(shown, now_ns=T0 + 20 * S)) is None, "for ever is too long"
    ended = fold([event(4, Kind.RUN_ENDED)._replace(req=1)], shown.picture)
    assert says("worker-timeout", replace(shown, picture=ended, now_ns=T0 + 20 * S)), "it is what the run was"


def test_several_that_were_killed_and_where_they_were() -> None:
    dead = [worker(pid, Doing.DEAD, pid, req=RUN + pid, died_of="timeout") for pid in (1, 2, 3)]
    lost = Request(RUN + 3, T0, pid=3, raised="worker died", where=SLEEP)
    other = replace(lost, id=RUN + 9, pid=2, where=BLOCKING)
    answered = replace(lost, id=RUN + 8, raised="")
    told = says("worker-timeout", scene(side(workers=rows(*dead), finished=(other, lost, answered)), at_s=4))
    assert told == (
        "3 workers were killed by their master, the last while it held #3 at sleep.py:14 time.sleep: "
        "no sign of life for gunicorn's --timeout; a sync worker gives one only between requests."
    )
