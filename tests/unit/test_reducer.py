"""The reducer: the right State from events, in whatever order the rings give them."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import msgpack
from msgspec.structs import replace

from wsgiviz.events import (
    EVENT_TYPES,
    RUN_STRIDE,
    Calibrated,
    Connected,
    ConnectionAccepted,
    ConnectionClosing,
    Event,
    EventsLost,
    Failed,
    FirstByte,
    MasterExited,
    MasterReady,
    PhaseChanged,
    QueueSampled,
    RequestBegan,
    RequestEnded,
    RequestFailed,
    RequestSent,
    ResponseReceived,
    RunEnded,
    RunRequested,
    RunStarted,
    ServerStarted,
    SessionOpened,
    SettingsChanged,
    StepBegan,
    StepEnded,
    TaskReady,
    ThreadSampled,
    WorkerBooting,
    WorkerDied,
    WorkerExited,
    WorkerReady,
)
from wsgiviz.state import LEDGER_KEPT, Activity, Phase, Request, Side, State, Task, reduce
from wsgiviz.state.ledger import CHUNK
from wsgiviz.state.request import STEPS_KEPT
from wsgiviz.state.worker import SPANS_KEPT

MS = 1_000_000
RUN = 1
PID = 100
MASTER, DRIVER = 9, 1


def req(n: int) -> int:
    return RUN * RUN_STRIDE + n


def ns(t_ms: float) -> int:
    return round(t_ms * MS)


OPENED = [SettingsChanged(0, "", 0, {"scenario": "sleep"})]
BOOTED: list[Event] = [
    *OPENED,
    MasterReady(0, "wsgi", MASTER),
    WorkerBooting(ns(1), "wsgi", PID, 1, PID, 1, "sync"),
    WorkerReady(ns(2), "wsgi", PID),
]


def started(t_ms: float = 10, requests: int = 4, run: int = RUN) -> list[Event]:
    return [
        RunRequested(ns(t_ms), "", 0, run, requests, ("wsgi", "asgi")),
        RunStarted(ns(t_ms), "wsgi", DRIVER, run, requests, ns(t_ms)),
        RunStarted(ns(t_ms), "asgi", DRIVER, run, requests, ns(t_ms)),
    ]


def of_client(n: int = 1, at: float = 20, lasts: float = 100) -> list[Event]:
    return [
        RequestSent(ns(at), "wsgi", DRIVER, req(n), 10 * MS),
        Connected(ns(at + 0.1), "wsgi", DRIVER, req(n), 40_000 + n),
        FirstByte(ns(at + lasts + 1), "wsgi", DRIVER, req(n)),
        ResponseReceived(ns(at + lasts + 2), "wsgi", DRIVER, req(n), 200, 5),
    ]


def began(n: int = 1, at: float = 22, pid: int = PID, cpu_ns: int = 0) -> RequestBegan:
    return RequestBegan(ns(at), "wsgi", pid, 0, req(n), ns(at - 1), cpu_ns, "GET /")


def ended(n: int = 1, at: float = 20, cpu_ms: float = 0.1, lasts: float = 100, pid: int = PID) -> RequestEnded:
    end = ns(at + lasts)
    return RequestEnded(end + 4 * MS, "wsgi", pid, 0, req(n), ns(cpu_ms), ns(at + 2), end, end, end, 200, 1, "")


def one_request(n: int = 1, at: float = 20, cpu_ms: float = 0.1, lasts: float = 100) -> list[Event]:
    """What driver and worker write for one request that sleeps for ``lasts`` milliseconds."""
    events = [*of_client(n, at, lasts), began(n, at + 2), ended(n, at, cpu_ms, lasts)]
    return sorted(events, key=lambda event: event.t_ns)


def reduced(*batches: Iterable[Event]) -> State:
    state = State()
    for batch in batches:
        state = reduce(state, list(batch))
    return state


def wsgi(*batches: Iterable[Event]) -> Side:
    return reduced(*batches).sides["wsgi"]


def activities(side: Side, pid: int = PID) -> list[str]:
    return [span.activity.value for span in side.server.workers[pid, 0].spans]


def test_a_request_is_followed_from_plan_to_answer() -> None:
    side = wsgi([*BOOTED, *started(), *one_request()])
    [request] = side.ledger
    assert (request.id, request.status, request.target, request.pid) == (req(1), 200, "GET /", PID)
    assert request.planned_ns < request.sent_ns < request.connected_ns < request.accepted_ns < request.began_ns
    assert request.began_ns < request.response_ns <= request.returned_ns < request.received_ns < request.released_ns
    assert request.ok
    assert request.over
    assert not side.ledger.in_flight()
    assert (side.run.completed, side.run.failed, side.run.done) == (1, 0, 1)
    assert (side.run.in_app_peak.most, side.run.in_app) == (1, 0)


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


@pytest.mark.parametrize(
    ("last", "by_timeout", "cause"),
    [([], 0, "killed"), ([], 1, "timeout"), ([WorkerExited(ns(50), "wsgi", PID)], 0, "exit")],
)
@pytest.mark.parametrize("late", [False, True])
def test_what_a_worker_died_of(last: list[Event], by_timeout: int, cause: str, late: bool) -> None:
    death: list[Event] = [WorkerDied(ns(60), "wsgi", MASTER, PID, -1, by_timeout)]
    side = wsgi(BOOTED, death + last if late else last + death)
    assert side.server.workers[PID, 0].died_of == cause
    assert side.server.deaths == (cause != "exit")


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


def asgi(state: State) -> Side:
    return state.sides["asgi"]


def test_a_task_runs_waits_and_gets_ready() -> None:
    state = reduced(
        OPENED,
        [
            WorkerBooting(ns(1), "asgi", PID, 1, PID, 1, "asgi"),
            *started(),
            RequestSent(ns(19), "asgi", DRIVER, req(1), ns(10)),
            RequestBegan(ns(20), "asgi", PID, 0, req(1), 0, 0, "GET /"),
            StepBegan(ns(20), "asgi", PID, req(1)),
            StepEnded(ns(21), "asgi", PID, req(1), MS),
        ],
    )
    [request] = asgi(state).ledger.in_flight()
    assert request.task is Task.AWAITING
    assert asgi(state).server.loops[PID].running == 0
    state = reduce(state, [TaskReady(ns(50), "asgi", PID, req(1))])
    [request] = asgi(state).ledger.in_flight()
    assert request.task is Task.READY
    state = reduce(state, [StepBegan(ns(60), "asgi", PID, req(1))])
    assert asgi(state).server.loops[PID].running == req(1)
    state = reduce(
        state,
        [
            StepEnded(ns(62), "asgi", PID, req(1), 2 * MS),
            RequestEnded(ns(62), "asgi", PID, 0, req(1), 0, ns(20), ns(61), 0, ns(62), 200, 1, ""),
            ResponseReceived(ns(63), "asgi", DRIVER, req(1), 200, 5),
        ],
    )
    [request] = asgi(state).ledger
    assert [step.task.value for step in request.steps] == ["running", "awaiting", "ready", "running", "awaiting"]
    assert (request.task, request.run_ns, request.over) == (Task.DONE, 3 * MS, True)
    assert asgi(state).server.loops[PID].tally.longest_step_ns == 2 * MS
    assert asgi(state).server.workers[PID, 0].tally.requests == 1


def test_a_new_run_begins_anew_but_workers_go_on() -> None:
    state = reduced([*BOOTED, *started(), *one_request(1), RunEnded(ns(200), "wsgi", DRIVER, RUN, 0)])
    state = reduce(state, started(300, 7, RUN + 1))
    side = state.sides["wsgi"]
    assert (side.run.planned, side.run.completed, list(side.ledger)) == (7, 0, [])
    assert (side.run.number, state.run, state.fired) == (RUN + 1, RUN + 1, RUN + 1)
    assert side.server.workers[PID, 0].tally.requests == 0
    assert side.server.events > 10
    # a late answer of the old run is not counted into the new one
    late = [
        ResponseReceived(ns(301), "wsgi", DRIVER, req(2), 200, 1),
        RequestSent(ns(302), "wsgi", DRIVER, req(3), 1),
    ]
    side = reduce(state, late).sides["wsgi"]
    assert (side.run.completed, side.ledger.in_flight()) == (0, [])


def test_a_run_whose_start_was_lost_still_ends() -> None:
    state = reduced([*BOOTED, started()[0], *one_request(1), RunEnded(ns(200), "wsgi", DRIVER, RUN, 0)])
    run = state.sides["wsgi"].run
    assert (run.planned, run.completed, run.ended_ns) == (4, 1, ns(200))


def test_a_request_that_was_given_up_and_served_later_is_one_row_and_stays_failed() -> None:
    given_up = [*of_client()[:1], RequestFailed(ns(60), "wsgi", DRIVER, req(1), "timeout")]
    state = reduced([*BOOTED, *started(), *given_up])
    assert state.sides["wsgi"].ledger.in_flight() == []
    state = reduce(state, [began(1, 80)])
    [request] = state.sides["wsgi"].ledger.in_flight()
    assert request.for_nobody
    side = reduce(state, [ended(1, 80)]).sides["wsgi"]
    [request] = side.ledger
    assert (request.error, request.failed_ns, request.for_nobody, request.over) == ("timeout", ns(60), True, True)
    assert (side.run.failed, side.run.completed, side.run.for_nobody) == (1, 0, 1)


def test_an_answer_counts_while_the_app_goes_on() -> None:
    side = wsgi([*BOOTED, *started(), *of_client(), began()])
    [request] = side.ledger.in_flight()
    assert (side.run.completed, request.ok, request.in_app, request.over) == (1, True, True, False)
    assert request.after_answer_ns(ns(622)) == ns(500)
    [request] = wsgi([*BOOTED, *started(), *of_client(), began(), ended(1, 20, lasts=102.5)]).ledger
    assert request.after_answer_ns(ns(999)) == 0, "to close takes a moment"


def test_external_requests_are_shown_and_counted_apart() -> None:
    state = reduced([*BOOTED, *started(), RequestBegan(ns(20), "wsgi", PID, 0, -7, 0, 0, "GET /x")])
    assert [request.target for request in state.sides["wsgi"].in_app()] == ["GET /x"]
    state = reduce(state, [RequestEnded(ns(30), "wsgi", PID, 0, -7, 0, ns(20), 0, 0, ns(30), 200, 1, "")])
    side = state.sides["wsgi"]
    assert side.in_app() == []
    assert (side.run.completed, list(side.ledger.ours())) == (0, [])
    assert side.server.workers[PID, 0].tally.requests == 0


def test_bad_statuses_and_failures_are_counted_by_kind() -> None:
    answers = [ResponseReceived(ns(20), "wsgi", DRIVER, req(1), 500, 1)]
    failures = [
        RequestFailed(ns(20 + n), "wsgi", DRIVER, req(n), error)
        for n, error in ((2, "refused"), (3, "refused"), (4, "timeout"))
    ]
    run = wsgi(OPENED, [*started(), *answers, *failures]).run
    assert (run.completed, run.bad_status, run.failed) == (1, 1, 3)
    assert dict(run.errors) == {"refused": 2, "timeout": 1}


def test_queue_and_losses() -> None:
    depths = [QueueSampled(at, "wsgi", 0, depth, 2048) for at, depth in enumerate([20, 16, 16, 3])]
    side = wsgi(OPENED, [*depths, EventsLost(3, "wsgi", PID, 5)])
    assert (side.server.queue_depth, side.server.queue_limit, side.run.max_queue) == (3, 2048, 16)
    assert side.server.lost == 5
    assert Side("wsgi").server.queue_depth == -1


def test_the_controllers_word_is_in_the_state() -> None:
    state = reduced(
        OPENED,
        [
            PhaseChanged(1, "", 0, "starting"),
            ServerStarted(2, "wsgi", 77, "sync", "http://127.0.0.1:5", ("gunicorn",)),
            Calibrated(3, "", 0, 0.5, 0.01),
            Failed(4, "", 0, "it ended", "look at its log", "", 1),
            PhaseChanged(4, "", 0, "failed"),
        ],
    )
    server = state.sides["wsgi"].server
    assert (server.pid, server.address) == (77, "http://127.0.0.1:5")
    assert state.phase is Phase.FAILED
    assert state.failure is not None
    assert state.failure.message == "it ended"
    assert state.measured is not None
    again = reduce(state, [PhaseChanged(5, "", 0, "starting"), ServerStarted(6, "wsgi", 78, "sync", "")])
    assert (again.failure, again.measured, again.sides["wsgi"].server.pid) == (None, None, 78)


def test_other_settings_have_other_sides() -> None:
    state = reduced([*BOOTED, SettingsChanged(9, "", 0, {"worker_class": "gthread", "right": "gthread"})])
    assert {name: side.kind for name, side in state.sides.items()} == {"wsgi": "gthread", "wsgi2": "gthread"}
    assert not state.sides["wsgi"].server.workers
    same = reduce(state, [SettingsChanged(10, "", 0, {"scenario": "no such scenario"})])
    assert same.settings == state.settings


def test_a_master_takes_its_workers_along() -> None:
    side = wsgi([*BOOTED, MasterExited(ns(90), "wsgi", MASTER)])
    assert (side.server.up, side.server.living(), side.server.deaths) == (False, [], 0)


@pytest.mark.parametrize("late_ms", [0, 1, 2, 5, 50, 101, 200])
def test_the_drivers_ring_may_come_late(late_ms: int) -> None:
    """The collector reads the driver's ring first, so its events may be a poll behind the workers', not ahead."""
    events = one_request()
    mixed = sorted(events, key=lambda event: event.t_ns + (late_ms * MS if event.pid == DRIVER else 0))
    assert wsgi([*BOOTED, *started()], *([event] for event in mixed)) == wsgi([*BOOTED, *started(), *events])


NOT_ANY = (SessionOpened, SettingsChanged)
"""What these hold is checked where it is made."""

ANY_EVENT = st.one_of(*(st.from_type(kind) for kind in EVENT_TYPES.values() if kind not in NOT_ANY))


def plausible(event: Event, side: str, pid: int, number: int) -> Event:
    """The event about a side, process and request that there are."""
    numbers = {name: getattr(event, name) for name in event.__struct_fields__}
    small = {name: value % 10**13 for name, value in numbers.items() if type(value) is int}
    with_req = {"req": number} if "req" in numbers else {}
    return replace(event, **{**small, "side": side, "pid": pid, **with_req})


EVENTS = st.builds(
    plausible,
    ANY_EVENT,
    st.sampled_from(["wsgi", "asgi", "", "?"]),
    st.integers(1, 3),
    st.integers(req(1), req(4)) | st.integers(-3, 3),
)


@given(st.lists(EVENTS, max_size=40), st.integers(0, 40))
def test_any_events_are_reduced_without_a_fault_and_batches_do_not_matter(events: list[Event], cut: int) -> None:
    begun = reduced([*BOOTED, *started()])
    whole = reduce(begun, events)
    before = reduce(begun, events[:cut])
    kept = msgpack.encode(before)
    parts = reduce(before, events[cut:])
    assert parts == whole
    assert msgpack.encode(before) == kept, "a State that was published has changed"


def test_the_state_stays_bounded() -> None:
    state = reduced([*BOOTED, *started()])
    at = 20.0
    for n in range(1, 2000):
        state = reduce(state, one_request(n, at, lasts=3))
        at += 8
    steps: list[Event] = [RequestBegan(ns(1), "asgi", PID, 0, req(1), 0, 0, "")]
    steps += [StepBegan(ns(20 + i), "asgi", PID, req(1)) for i in range(3 * STEPS_KEPT)]
    state = reduce(state, steps)
    assert len(state.sides["wsgi"].server.workers[PID, 0].spans) <= SPANS_KEPT
    assert len(asgi(state).ledger.in_flight()[0].steps) <= STEPS_KEPT
    received = [ResponseReceived(ns(at), "wsgi", DRIVER, req(n), 200, 1) for n in range(1, LEDGER_KEPT + 500)]
    for first in range(0, len(received), 1000):
        state = reduce(state, received[first : first + 1000])
    assert LEDGER_KEPT <= len(state.sides["wsgi"].ledger) <= LEDGER_KEPT + 2 * CHUNK


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


def test_a_request_says_what_it_is() -> None:
    assert not Request(1).finished
    assert Request(1, failed_ns=3).finished
    assert not Request(1, received_ns=3, status=500).ok
