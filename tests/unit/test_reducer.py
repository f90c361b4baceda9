"""The reducer: the right picture from events, in whatever order the rings give them."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsgiviz.events import RUN_STRIDE, Event, Kind
from wsgiviz.model.reducer import reduce
from wsgiviz.model.state import LEDGER_KEPT, SPANS_KEPT, STEPS_KEPT, Doing, Picture, Request, Side, Task

MS = 1_000_000
RUN = 1
PID = 100


def req(n: int) -> int:
    return RUN * RUN_STRIDE + n


def wsgi(t_ms: float, kind: Kind, n: int = 0, a: int = 0, b: int = 0, text: str = "", pid: int = PID) -> Event:
    return Event(round(t_ms * MS), kind, "wsgi", pid, 0, req(n) if n else 0, a, b, text)


def asgi(t_ms: float, kind: Kind, n: int = 0, a: int = 0, b: int = 0, text: str = "") -> Event:
    return wsgi(t_ms, kind, n, a, b, text)._replace(side="asgi")


def started(t_ms: float = 10, requests: int = 4) -> Event:
    return Event(round(t_ms * MS), Kind.RUN_STARTED, "wsgi", 1, 0, RUN, requests, round(t_ms * MS), "burst")


BOOTED = [wsgi(0, Kind.MASTER_READY), wsgi(1, Kind.WORKER_BOOTING, a=1), wsgi(2, Kind.WORKER_READY)]


def one_request(n: int = 1, at: float = 20, cpu_ms: float = 0.1, lasts: float = 100) -> list[Event]:
    """What driver and worker write for one request that sleeps for ``lasts`` milliseconds."""
    return [
        wsgi(at, Kind.SENT, n, a=10 * MS),
        wsgi(at + 0.1, Kind.CONNECTED, n),
        wsgi(at + 1, Kind.ACCEPTED),
        wsgi(at + 2, Kind.BEGAN, n, a=round((at + 1) * MS), text="GET /"),
        wsgi(at + lasts, Kind.RESPONSE, n, a=200),
        wsgi(at + lasts, Kind.RETURNED, n, a=1, b=round(cpu_ms * MS)),
        wsgi(at + lasts + 1, Kind.FIRST_BYTE, n),
        wsgi(at + lasts + 2, Kind.RECEIVED, n, a=200, b=5),
        wsgi(at + lasts + 3, Kind.CLOSED, n, a=round(cpu_ms * MS), b=1),
        wsgi(at + lasts + 4, Kind.RELEASED),
    ]


def fold(*batches: Iterable[Event]) -> Picture:
    picture = Picture()
    for batch in batches:
        picture = reduce(picture, list(batch))
    return picture


def doings(side: Side, pid: int = PID) -> list[str]:
    return [span.doing.value for span in side.workers[pid, 0].spans]


def test_a_request_is_followed_from_plan_to_answer() -> None:
    side = fold([*BOOTED, started(), *one_request()]).wsgi
    [request] = side.finished
    assert (request.id, request.status, request.what, request.pid) == (req(1), 200, "GET /", PID)
    assert request.planned_ns < request.sent_ns < request.connected_ns < request.accepted_ns < request.began_ns
    assert request.began_ns < request.response_ns <= request.returned_ns < request.received_ns
    assert request.ok
    assert request.finished
    assert not side.in_flight
    assert (side.completed, side.failed, side.done, side.max_in_app, side.now_in_app) == (1, 0, 1, 1, 0)


def test_a_sleeping_worker_is_blocked_and_a_computing_one_computes() -> None:
    asleep = fold([*BOOTED, started(), *one_request(cpu_ms=0.1)]).wsgi
    assert doings(asleep) == ["idle", "reading", "blocked", "writing", "idle"]
    busy = fold([*BOOTED, started(), *one_request(cpu_ms=90)]).wsgi
    assert doings(busy) == ["idle", "reading", "computing", "writing", "idle"]


def test_a_sample_names_the_stretch_at_once_and_a_later_one_its_change() -> None:
    began = wsgi(20, Kind.BEGAN, 1, b=7 * MS, text="GET /")
    picture = fold([*BOOTED, started(), wsgi(19, Kind.ACCEPTED), began])
    waits = wsgi(21, Kind.THREAD_SAMPLE, a=7 * MS, text="S")
    picture = reduce(picture, [waits])
    assert doings(picture.wsgi)[-1] == "blocked"
    picture = reduce(picture, [wsgi(71, Kind.THREAD_SAMPLE, a=7 * MS, text="S")])
    assert doings(picture.wsgi)[-2:] == ["reading", "blocked"]
    # 45 of the next 50 ms on the CPU or waiting for one
    picture = reduce(picture, [wsgi(121, Kind.THREAD_SAMPLE, a=27 * MS, b=25 * MS, text="R")])
    assert doings(picture.wsgi)[-2:] == ["blocked", "computing"]
    assert picture.wsgi.workers[PID, 0].spans[-1].start_ns == 71 * MS


def test_waiting_for_a_cpu_counts_as_computing() -> None:
    picture = fold([*BOOTED, started(), wsgi(19, Kind.ACCEPTED), wsgi(20, Kind.BEGAN, 1, b=0)])
    picture = reduce(picture, [wsgi(120, Kind.THREAD_SAMPLE, a=40 * MS, b=55 * MS, text="R")])
    assert picture.wsgi.workers[PID, 0].doing is Doing.COMPUTING


def test_the_totals_of_a_worker_add_up_to_its_time() -> None:
    side = fold([*BOOTED, started(), *one_request(1, 20), *one_request(2, 130)]).wsgi
    worker = side.workers[PID, 0]
    assert worker.requests == 2
    assert worker.app_ns == 2 * 98 * MS
    assert worker.reading_ns == 2 * 1 * MS
    assert worker.writing_ns == 2 * 4 * MS
    assert worker.cpu_ns == 2 * MS // 10


def test_events_before_the_run_do_not_count_into_it() -> None:
    side = fold([*BOOTED, wsgi(4, Kind.ACCEPTED), wsgi(5, Kind.BEGAN, 0), started(10)]).wsgi
    side = reduce(Picture(sides={"wsgi": side}), [wsgi(30, Kind.CLOSED), wsgi(30, Kind.RELEASED)]).wsgi
    assert side.workers[PID, 0].app_ns == 20 * MS
    assert side.workers[PID, 0].cpu_ns == 0


def test_a_killed_worker_shows_its_last_request_and_its_replacement_comes() -> None:
    picture = fold([*BOOTED, started(), *one_request()[:4]])
    picture = reduce(
        picture,
        [
            wsgi(60, Kind.FAILED, 1, text="reset"),
            wsgi(61, Kind.WORKER_DIED, a=PID, pid=1),
            wsgi(62, Kind.WORKER_BOOTING, a=2, pid=PID + 1),
            wsgi(70, Kind.WORKER_READY, pid=PID + 1),
        ],
    )
    side = picture.wsgi
    dead, fresh = side.workers.values()
    assert (dead.doing, dead.died_of, dead.req, dead.last_req) == (Doing.DEAD, "killed", req(1), req(1))
    assert (fresh.doing, fresh.number) == (Doing.IDLE, 2)
    assert (side.failed, dict(side.errors), side.deaths, side.now_in_app) == (1, {"reset": 1}, 1, 0)
    [request] = side.finished
    assert (request.error, request.raised, request.task) == ("reset", "worker died", Task.FAILED)
    assert [worker.pid for worker in side.living()] == [PID + 1]


@pytest.mark.parametrize(
    ("last_words", "by_timeout", "cause"),
    [([], 0, "killed"), ([], 1, "timeout"), ([wsgi(50, Kind.WORKER_EXIT)], 0, "exit")],
)
def test_what_a_worker_died_of(last_words: list[Event], by_timeout: int, cause: str) -> None:
    side = fold([*BOOTED, *last_words, wsgi(60, Kind.WORKER_DIED, a=PID, b=by_timeout, pid=1)]).wsgi
    assert side.workers[PID, 0].died_of == cause
    assert side.deaths == (cause != "exit")


def test_a_task_runs_waits_and_gets_ready() -> None:
    picture = fold(
        [
            asgi(1, Kind.WORKER_BOOTING, a=1),
            started()._replace(side="asgi"),
            asgi(19, Kind.SENT, 1, a=10 * MS),
            asgi(20, Kind.BEGAN, 1, text="GET /"),
            asgi(20, Kind.TASK_RUN, 1),
            asgi(21, Kind.TASK_WAIT, 1, b=MS),
        ]
    )
    assert picture.asgi.in_flight[req(1)].task is Task.AWAITING
    assert picture.asgi.loops[PID].running == 0
    picture = reduce(picture, [asgi(50, Kind.TASK_READY, 1)])
    assert picture.asgi.in_flight[req(1)].task is Task.READY
    picture = reduce(picture, [asgi(60, Kind.TASK_RUN, 1)])
    assert picture.asgi.loops[PID].running == req(1)
    picture = reduce(
        picture,
        [
            asgi(62, Kind.TASK_WAIT, 1, b=2 * MS),
            asgi(62, Kind.CLOSED, 1),
            asgi(63, Kind.RECEIVED, 1, a=200),
        ],
    )
    [request] = picture.asgi.finished
    assert [step.task.value for step in request.steps] == ["running", "awaiting", "ready", "running", "awaiting"]
    assert (request.task, request.run_ns) == (Task.DONE, 3 * MS)
    assert picture.asgi.loops[PID].longest_step_ns == 2 * MS
    assert picture.asgi.workers[PID, 0].requests == 1


def test_a_new_run_is_a_clean_sheet_but_workers_go_on() -> None:
    picture = fold([*BOOTED, started(), *one_request(1), wsgi(200, Kind.RUN_ENDED)])
    picture = reduce(picture, [Event(300 * MS, Kind.RUN_STARTED, "wsgi", 1, 0, RUN + 1, 7, 300 * MS, "burst")])
    side = picture.wsgi
    assert (side.planned, side.completed, side.finished, side.run, picture.run) == (7, 0, (), RUN + 1, RUN + 1)
    assert side.workers[PID, 0].requests == 0
    assert side.events > 10
    # a late answer of the old run is not counted into the new one
    late = reduce(picture, [wsgi(301, Kind.RECEIVED, 2, a=200), wsgi(302, Kind.SENT, 3, a=1)]).wsgi
    assert (late.completed, dict(late.in_flight)) == (0, {})


def test_requests_of_strangers_are_shown_and_go_when_they_end() -> None:
    stranger = wsgi(20, Kind.BEGAN, 0, text="GET /x")._replace(req=-7)
    picture = fold([*BOOTED, stranger])
    assert [request.what for request in picture.wsgi.in_app()] == ["GET /x"]
    picture = reduce(picture, [wsgi(30, Kind.CLOSED)._replace(req=-7)])
    assert picture.wsgi.in_app() == []
    assert picture.wsgi.completed == 0


def test_bad_statuses_and_failures_are_counted_by_kind() -> None:
    side = fold(
        [started(), wsgi(20, Kind.RECEIVED, 1, a=500), wsgi(21, Kind.FAILED, 2, text="refused"),
         wsgi(22, Kind.FAILED, 3, text="refused"), wsgi(23, Kind.FAILED, 4, text="timeout")]
    ).wsgi  # fmt: skip
    assert (side.completed, side.bad_status, side.failed) == (1, 1, 3)
    assert dict(side.errors) == {"refused": 2, "timeout": 1}


def test_queue_and_losses() -> None:
    depths = [wsgi(at, Kind.QUEUE_SAMPLE, a=depth, b=2048) for at, depth in enumerate([20, 16, 16, 3])]
    side = fold([*depths, wsgi(3, Kind.LOST, a=5)]).wsgi
    assert (side.queue_depth, side.queue_limit, side.max_queue, side.lost) == (3, 2048, 16, 5)
    assert Picture().wsgi.queue_depth == -1


@pytest.mark.parametrize("late_ms", [0, 1, 2, 5, 50, 101, 200])
def test_the_drivers_ring_may_come_late(late_ms: int) -> None:
    """The collector reads the driver's ring first, so its events may be a poll behind the workers', not ahead."""
    of_driver = (Kind.SENT, Kind.CONNECTED, Kind.FIRST_BYTE, Kind.RECEIVED)
    events = one_request()
    mixed = sorted(events, key=lambda event: event.t_ns + (late_ms * MS if event.kind in of_driver else 0))
    side = fold([*BOOTED, started()], *([event] for event in mixed)).wsgi
    at_once = fold([*BOOTED, started(), *events]).wsgi
    assert side.finished == at_once.finished
    assert (side.completed, side.max_in_app, dict(side.in_flight)) == (1, 1, {})
    assert side.workers == at_once.workers


EVENTS = st.builds(
    Event,
    t_ns=st.integers(0, 10**12),
    kind=st.sampled_from([int(kind) for kind in Kind]) | st.integers(0, 99),
    side=st.sampled_from(["wsgi", "asgi"]),
    pid=st.integers(1, 3),
    slot=st.integers(0, 2),
    req=st.integers(1, 3) | st.integers(req(1), req(4)) | st.integers(-3, -1),
    a=st.integers(0, 600),
    b=st.integers(-1, 10**9),
    text=st.text(max_size=5),
)


@given(st.lists(EVENTS, max_size=60), st.integers(0, 60))
def test_any_events_fold_without_a_fault_and_batches_do_not_matter(events: list[Event], cut: int) -> None:
    whole = reduce(Picture(), events)
    before = reduce(Picture(), events[:cut])
    kept = repr(before)
    parts = reduce(before, events[cut:])
    assert parts == whole
    assert repr(before) == kept, "the picture that was folded on has changed"
    for side in whole.sides.values():
        assert side.now_in_app >= 0
        for worker in side.workers.values():
            assert sum(not span.end_ns for span in worker.spans) <= 1 or worker.since_ns == 0


def test_the_picture_stays_bounded() -> None:
    picture = fold([*BOOTED, started()])
    at = 20.0
    for n in range(1, 2000):
        picture = reduce(picture, one_request(n, at, lasts=3))
        at += 8
    tasks = [started()._replace(side="asgi"), asgi(1, Kind.BEGAN, 1)]
    tasks += [asgi(20 + i, Kind.TASK_RUN, 1) for i in range(3 * STEPS_KEPT)]
    picture = reduce(picture, tasks)
    assert len(picture.wsgi.workers[PID, 0].spans) <= SPANS_KEPT
    assert len(picture.asgi.in_flight[req(1)].steps) <= STEPS_KEPT
    received = [wsgi(at, Kind.RECEIVED, n, a=200) for n in range(1, LEDGER_KEPT + 100)]
    assert len(reduce(picture, received).wsgi.finished) == LEDGER_KEPT


def test_a_request_says_what_it_is() -> None:
    assert not Request(1).finished
    assert Request(1, failed_ns=3).finished
    assert not Request(1, received_ns=3, status=500).ok
