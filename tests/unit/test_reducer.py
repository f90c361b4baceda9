"""The reducer: the right State from events, in whatever order the rings give them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import msgpack
from msgspec.structs import replace

from tests.unit.histories import (
    BOOTED,
    DRIVER,
    MASTER,
    MS,
    OPENED,
    PID,
    RUN,
    activities,
    began,
    ended,
    ns,
    of_client,
    one_request,
    reduced,
    req,
    started,
    wsgi,
)
from wsgiviz.events import (
    EVENT_TYPES,
    Calibrated,
    Event,
    EventsLost,
    Failed,
    MasterReady,
    PhaseChanged,
    QueueSampled,
    RequestBegan,
    RequestEnded,
    RequestFailed,
    RequestSent,
    ResponseReceived,
    RunEnded,
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


def sampled(at: float, cpu_ms: float, letter: str, runq_ms: float = 0) -> ThreadSampled:
    return ThreadSampled(ns(at), "wsgi", PID, 0, ns(cpu_ms), ns(runq_ms), letter)


def labels(*samples: ThreadSampled) -> list[str]:
    """What a request that began at 20 ms is shown as, from its beginning on."""
    state = reduced([*BOOTED, *started(), began(at=20)], samples)
    return activities(state.sides["wsgi"])[3:]


def test_a_thread_that_takes_turns_with_the_lock_is_never_blocked() -> None:
    waits = sampled(53, 8, "G"), sampled(86, 16, "G"), sampled(119, 25, "G")
    assert labels(*waits) == ["waiting for the GIL"]
    in_turn = sampled(53, 8, "R"), sampled(86, 16, "G"), sampled(119, 25, "R"), sampled(152, 33, "G")
    assert labels(*in_turn) == ["computing", "waiting for the GIL"], "a sample that meets it in its turn"
    mostly = sampled(53, 8, "G"), sampled(86, 30, "G"), sampled(119, 38, "G")
    assert labels(*mostly) == ["waiting for the GIL", "computing", "waiting for the GIL"]


def test_who_is_met_in_its_turn_has_waited_for_what_its_other_samples_say() -> None:
    """Its first stretch counts as computing until a sample says otherwise; one that meets it in its turn does not."""
    seen = sampled(53, 25, "G"), sampled(86, 33, "R"), sampled(119, 41, "R")
    assert labels(*seen) == ["computing", "waiting for the GIL"]
    asleep = sampled(53, 25, "S"), sampled(86, 33, "R")
    assert labels(*asleep) == ["computing", "blocked"]
    assert labels(sampled(53, 8, "R")) == ["computing"], "nothing is known of its waits"
    first = began(at=22), sampled(60, 10, "G"), sampled(100, 20, "G"), ended(cpu_ms=25)
    second = [began(2, at=142, cpu_ns=25 * MS), sampled(175, 33, "R")]
    assert activities(wsgi([*BOOTED, *started(), *first, *second]))[-1] == "waiting for the GIL", "as the first has"


def test_who_is_met_in_its_first_turn_has_waited_for_what_threads_beside_it_wait_for() -> None:
    threads: list[Event] = [
        *OPENED,
        MasterReady(0, "wsgi", MASTER),
        WorkerBooting(ns(1), "wsgi", PID, 1, PID, 2, "gthread"),
        WorkerReady(ns(2), "wsgi", PID),
    ]
    begin = [RequestBegan(ns(20), "wsgi", PID, slot, req(slot), ns(19), 0, "GET /") for slot in (1, 2)]
    lacks, computes = Activity.WAITING_FOR_GIL, Activity.COMPUTING
    for letter, cpu_ms, shown in (("G", 1, lacks), ("S", 24, lacks), ("R", 24, lacks), ("S", 1, computes)):
        samples = [ThreadSampled(ns(53), "wsgi", PID, 1, ns(cpu_ms), 0, letter)]
        samples.append(ThreadSampled(ns(53), "wsgi", PID, 2, ns(8), 0, "R"))
        workers = wsgi([*threads, *started(), *begin], samples).server.workers
        assert workers[PID, 2].activity is shown


def test_on_the_run_queue_in_its_turn_with_the_lock_is_waiting_for_that() -> None:
    turns = sampled(53, 8, "G"), sampled(86, 16, "R", runq_ms=20)
    assert labels(*turns) == ["waiting for the GIL"]
    preempted = sampled(119, 24, "R", runq_ms=45)
    assert labels(*turns, preempted) == ["waiting for the GIL", "computing"], "it had it"


def test_who_is_blocked_stays_so_when_a_sample_meets_it_awake() -> None:
    assert labels(sampled(53, 0.1, "S"), sampled(86, 3, "R"), sampled(119, 3.1, "S")) == ["blocked"]
    assert labels(sampled(53, 0.1, "S"), sampled(86, 3, "G")) == ["blocked", "waiting for the GIL"]
    assert labels(sampled(53, 8, "G"), sampled(86, 8.1, "S")) == ["waiting for the GIL", "blocked"]


def test_where_the_kernel_does_not_say_what_a_thread_waits_for_it_is_blocked() -> None:
    assert labels(sampled(53, 8, "s"), sampled(86, 16, "R"), sampled(119, 25, "s")) == ["blocked"]


def test_asking_for_the_lock_is_no_computing() -> None:
    """Who waits for it wakes up every 5 ms to ask, and stands on the run queue of a busy machine meanwhile."""
    assert labels(sampled(53, 1, "G", runq_ms=30)) == ["waiting for the GIL"]
    assert labels(sampled(53, 1, "R", runq_ms=30)) == ["computing"]


def test_the_wait_for_the_lock_is_what_was_no_work_of_a_request_that_was_seen_in_it() -> None:
    turns = sampled(55, 9, "G"), sampled(88, 17, "R", 1), sampled(118, 25, "G", 4)
    side = wsgi([*BOOTED, *started(), began(at=22)], turns, [ended(cpu_ms=25)])
    assert activities(side) == ["booting", "idle", "reading", "waiting for the GIL", "writing", "idle"]
    [request] = side.ledger
    tally = side.server.workers[PID, 0].tally
    assert request.gil_ns == tally.gil_ns == (98 - 25 - 1) * MS, "1 ms on the run queue was none"
    assert tally.app_ns == 98 * MS


def test_a_request_that_waits_for_both_is_split_by_what_samples_found() -> None:
    both = [sampled(at, 0, letter) for at, letter in ((40, "S"), (60, "G"), (80, "G"), (100, "G"))]
    side = wsgi([*BOOTED, *started(), began(at=22)], both, [ended(cpu_ms=18)])
    [request] = side.ledger
    assert request.gil_ns == (98 - 18) * MS * 3 // 4
    unknown = wsgi([*BOOTED, *started(), began(at=22)], [sampled(60, 0, "s")], [ended(cpu_ms=18)])
    assert [request.gil_ns for request in unknown.ledger] == [-1]


def test_a_request_that_no_sample_saw_has_waited_for_what_those_before_it_have() -> None:
    first = began(at=22), sampled(60, 10, "G"), sampled(100, 20, "G"), ended(cpu_ms=25)
    short = began(2, 142), ended(2, 140, cpu_ms=2, lasts=10)
    side = wsgi([*BOOTED, *started(), *first, *short])
    assert activities(side)[-3:] == ["waiting for the GIL", "writing", "idle"]
    assert [request.gil_ns for request in side.ledger] == [73 * MS, 6 * MS]
    alone = wsgi([*BOOTED, *started(), *short])
    assert activities(alone)[-3:] == ["blocked", "writing", "idle"]
    assert [request.gil_ns for request in alone.ledger] == [0]


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
    pids = {name: tuple(one % 10**6 for one in value) for name, value in numbers.items() if name == "masters"}
    with_req = {"req": number} if "req" in numbers else {}
    return replace(event, **{**small, **pids, "side": side, "pid": pid, **with_req})


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


def test_a_request_says_what_it_is() -> None:
    assert not Request(1).finished
    assert Request(1, failed_ns=3).finished
    assert not Request(1, received_ns=3, status=500).ok
