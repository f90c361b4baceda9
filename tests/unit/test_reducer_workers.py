"""The reducer: what workers do, and how they come and go."""

from __future__ import annotations

from tests.unit.histories import (
    BOOTED,
    DRIVER,
    MASTER,
    MS,
    OPENED,
    PID,
    activities,
    began,
    ns,
    of_client,
    one_request,
    reduced,
    req,
    started,
    wsgi,
)
from wsgiviz.events import (
    ConnectionAccepted,
    ConnectionClosing,
    MasterExited,
    RequestBegan,
    RequestEnded,
    RequestFailed,
    ThreadSampled,
    WorkerBooting,
    WorkerDied,
    WorkerReady,
)
from wsgiviz.state import Activity, State, Task, reduce


def test_a_sleeping_worker_is_blocked_and_a_computing_one_computes() -> None:
    asleep = wsgi([*BOOTED, *started(), *one_request(cpu_ms=0.1)])
    assert activities(asleep) == ["booting", "idle", "reading", "blocked", "writing", "idle"]
    busy = wsgi([*BOOTED, *started(), *one_request(cpu_ms=90)])
    assert activities(busy) == ["booting", "idle", "reading", "computing", "writing", "idle"]


def test_a_sample_names_the_stretch_at_once_and_a_later_one_its_change() -> None:
    state = reduced([*BOOTED, *started(), began(at=20, cpu_ns=7 * MS)])
    state = reduce(state, [ThreadSampled(ns(21), "wsgi", PID, 0, 7 * MS, 0, "S")])
    assert activities(state.sides["wsgi"])[-1] == "blocked"
    state = reduce(state, [ThreadSampled(ns(71), "wsgi", PID, 0, 7 * MS, 0, "S")])
    assert activities(state.sides["wsgi"])[-2:] == ["reading", "blocked"]
    # 45 of the next 50 ms on the CPU or waiting for one
    state = reduce(state, [ThreadSampled(ns(121), "wsgi", PID, 0, 27 * MS, 25 * MS, "R")])
    assert activities(state.sides["wsgi"])[-2:] == ["blocked", "computing"]
    assert state.sides["wsgi"].server.workers[PID, 0].spans[-1].start_ns == 71 * MS


def test_waiting_for_a_cpu_counts_as_computing() -> None:
    state = reduced([*BOOTED, *started(), began(at=20)])
    state = reduce(state, [ThreadSampled(ns(120), "wsgi", PID, 0, 40 * MS, 55 * MS, "R")])
    assert state.sides["wsgi"].server.workers[PID, 0].activity is Activity.COMPUTING


# --- the interpreter lock ----------------------------------------------------------------------------------------


def test_the_totals_of_a_worker_add_up_to_its_time() -> None:
    tally = wsgi([*BOOTED, *started(), *one_request(1, 20), *one_request(2, 130)]).server.workers[PID, 0].tally
    assert tally.requests == 2
    assert tally.app_ns == 2 * 98 * MS
    assert tally.reading_ns == 2 * 1 * MS
    assert tally.writing_ns == 2 * 4 * MS
    assert tally.cpu_ns == 2 * MS // 10


def test_what_began_before_the_run_counts_from_its_start() -> None:
    before = RequestBegan(ns(5), "wsgi", PID, 0, -3, ns(4), 0, "GET /")
    side = wsgi([*BOOTED, before, *started(10)])
    end = RequestEnded(ns(30), "wsgi", PID, 0, -3, 0, ns(5), ns(30), ns(30), ns(30), 200, 1, "")
    side = reduce(State(sides={"wsgi": side}), [end]).sides["wsgi"]
    tally = side.server.workers[PID, 0].tally
    assert (tally.app_ns, tally.requests, tally.reading_ns) == (20 * MS, 0, 0)


def test_a_thread_reads_from_when_it_takes_a_connection() -> None:
    """What its process has accepted before waited in its pool; that is not the thread's time."""
    waited = RequestBegan(ns(125), "wsgi", PID, 0, req(2), ns(21), 0, "GET /")
    side = wsgi([*BOOTED, *started(), *one_request(), waited])
    spans = side.server.workers[PID, 0].spans
    assert [(span.activity.value, span.start_ns) for span in spans[-3:]] == [
        ("idle", ns(124)),
        ("reading", ns(124)),
        ("computing", ns(125)),
    ]
    assert side.server.workers[PID, 0].tally.reading_ns == 2 * MS


def test_a_lingering_client_holds_the_worker_not_the_request() -> None:
    closing = ConnectionClosing(ns(130), "wsgi", PID, 0, req(1), ns(121))
    side = wsgi([*BOOTED, *started(), *of_client(), began(), closing])
    [request] = side.ledger
    assert (request.ended_ns, request.over, side.run.in_app) == (ns(121), True, 0)
    assert activities(side)[-2:] == ["writing", "closing"]


def test_a_connection_without_a_request_leaves_the_slot_idle() -> None:
    silent = ConnectionAccepted(ns(30), "wsgi", PID, 0, 0)
    gone = RequestEnded(ns(90), "wsgi", PID, 0, 0, 0, 0, 0, 0, 0, 0, 0, "")
    side = wsgi([*BOOTED, *started(), silent, gone])
    assert activities(side)[-3:] == ["idle", "reading", "idle"]
    assert not list(side.ledger)
    assert side.server.workers[PID, 0].tally.reading_ns == 60 * MS


def test_a_killed_worker_shows_its_last_request_and_its_replacement_comes() -> None:
    side = wsgi(
        [*BOOTED, *started(), *of_client()[:2], began()],
        [
            RequestFailed(ns(60), "wsgi", DRIVER, req(1), "reset"),
            WorkerDied(ns(61), "wsgi", MASTER, PID, 9),
            WorkerBooting(ns(62), "wsgi", PID + 1, 2, PID + 1, 1, "sync"),
            WorkerReady(ns(70), "wsgi", PID + 1),
        ],
    )
    dead, fresh = side.server.workers.values()
    assert (dead.activity, dead.died_of, dead.req, dead.last_req) == (Activity.DEAD, "killed", req(1), req(1))
    assert (fresh.activity, fresh.number) == (Activity.IDLE, 2)
    assert (side.run.failed, dict(side.run.errors), side.deaths, side.run.in_app) == (1, {"reset": 1}, 1, 0)
    [request] = side.ledger
    assert (request.error, request.raised, request.task) == ("reset", "worker died", Task.FAILED)
    assert not request.for_nobody
    assert [worker.pid for worker in side.server.living()] == [PID + 1]


def test_what_a_dead_worker_wrote_last_may_be_read_late() -> None:
    death = WorkerDied(ns(200), "wsgi", MASTER, PID, 9)
    of_worker = [*BOOTED[2:], began(), ThreadSampled(ns(60), "wsgi", PID, 0, 0, 0, "S")]
    in_order = wsgi(OPENED, started(), of_worker, of_client(), [death])
    late = wsgi(OPENED, started(), of_client(), [death], of_worker)
    assert late.ledger == in_order.ledger
    assert late.run == in_order.run
    assert late.server.workers == in_order.server.workers


def test_a_worker_that_is_read_after_its_masters_end_is_dead_too() -> None:
    exited = MasterExited(ns(300), "wsgi", MASTER)
    late = wsgi(OPENED, started(), [exited], BOOTED[2:])
    assert late.server.living() == []
    killed = wsgi(OPENED, started(), [WorkerDied(ns(200), "wsgi", MASTER, PID, 9), exited], BOOTED[2:])
    assert [(worker.died_of, worker.since_ns) for worker in killed.server.workers.values()] == [("killed", ns(200))]


def test_a_pid_that_comes_again_is_another_worker() -> None:
    side = wsgi(
        [*BOOTED, WorkerDied(ns(60), "wsgi", MASTER, PID, 9)],
        [WorkerBooting(ns(90), "wsgi", PID, 2, PID, 1, "sync"), WorkerReady(ns(95), "wsgi", PID)],
    )
    [worker] = side.server.living()
    assert (worker.number, worker.activity, worker.death) == (2, Activity.IDLE, None)


def test_a_master_takes_its_workers_along() -> None:
    side = wsgi([*BOOTED, MasterExited(ns(90), "wsgi", MASTER)])
    assert (side.server.up, side.server.living(), side.server.deaths) == (False, [], 0)


def test_dead_workers_stay_bounded() -> None:
    state = reduced([*OPENED, *started()])
    for pid in range(1000, 3000):
        at = float(pid)
        boot = WorkerBooting(ns(at), "wsgi", pid, pid, pid, 1, "sync")
        state = reduce(state, [boot, WorkerDied(ns(at + 0.5), "wsgi", MASTER, pid, 11)])
    side = state.sides["wsgi"]
    assert len(side.server.workers) < 200
    assert len(side.server.graves) < 600
    assert side.deaths == 2000
