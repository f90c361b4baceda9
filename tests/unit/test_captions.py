"""The sentence under the panes: which rule speaks, with which numbers, and that it stays calm."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from tests.unit.pictures import MS, RUN, T0, S, sleeping_workers
from wsgiviz.model.captions import Scene, Tone, caption
from wsgiviz.model.state import Doing, Loop, Picture, Request, Side, Span, Task, Worker

AT_WORK = Side("wsgi", run=1, planned=20, run_started_ns=T0)


def scene(wsgi: Side | None = None, asgi: Side | None = None, at_s: float = 0.5, cores: int = 2) -> Scene:
    sides = {"wsgi": wsgi or Side("wsgi"), "asgi": asgi or Side("asgi", "asgi")}
    picture, now_ns = Picture(run=1, sides=sides), T0 + int(at_s * S)
    return Scene(picture, "time.sleep(1)", "await asyncio.sleep(1)", cores, now_ns)


def says(wsgi: Side | None = None, asgi: Side | None = None, at_s: float = 0.5, cores: int = 2) -> str:
    return caption(scene(wsgi, asgi, at_s, cores)).text


def workers(*doings: Doing, began_s: float = 0.0) -> dict[int, Worker]:
    since = T0 + int(began_s * S)
    return {
        pid: Worker(pid, pid, doing, since, req=RUN + pid, spans=(Span(since, 0, doing, RUN + pid),))
        for pid, doing in enumerate(doings, 1)
    }


def tasks(count: int, task: Task) -> dict[int, Request]:
    return {RUN + n: Request(RUN + n, T0, T0, began_ns=T0, task=task) for n in range(1, count + 1)}


def finished(name: str, took_s: float, service_s: float, doing: Doing = Doing.BLOCKED) -> Side:
    """A run of twenty that is over, its four workers having done nothing but ``doing``."""
    end, began = T0 + int(took_s * S), T0 + int((took_s - service_s) * S)
    done = tuple(Request(RUN + n, T0, T0, began_ns=began, ended_ns=end, received_ns=end) for n in range(20))
    busy_ns = int(took_s * S)
    worker = Worker(1, 1, Doing.IDLE, end, requests=5, app_ns=busy_ns)
    if doing is Doing.COMPUTING:
        worker = replace(worker, cpu_ns=busy_ns)
    rows = {pid: replace(worker, pid=pid, number=pid) for pid in range(1, 5)}
    return Side(
        name, workers=rows, finished=done, run=1, planned=20, completed=20, run_started_ns=T0,
        run_ended_ns=end, first_planned_ns=T0, last_finished_ns=end,
    )  # fmt: skip


def test_before_anything_was_fired_it_says_how() -> None:
    assert says() == "Ready: press space to fire."


def test_all_workers_blocked_and_who_waits_where() -> None:
    told = caption(scene(sleeping_workers(0.5), at_s=0.5))
    assert told.text == (
        "All 4 workers are blocked in time.sleep(1); 16 requests wait in the kernel, not yet read by anyone."
    )
    assert told.tone is Tone.WARN


@pytest.mark.parametrize(
    ("count", "depth", "text"),
    [
        (1, 1, "The only worker is blocked in time.sleep(1); 1 request waits in the kernel, "
               "not yet read by anyone."),
        (2, 0, "All 2 workers are blocked in time.sleep(1); whoever comes next has to wait."),
        (2, -1, "All 2 workers are blocked in time.sleep(1); whoever comes next has to wait."),
        (2, 187, "All 2 workers are blocked in time.sleep(1); over 180 requests wait in the kernel, "
                 "not yet read by anyone."),
    ],
)  # fmt: skip
def test_how_many_wait_is_said_in_words_that_fit(count: int, depth: int, text: str) -> None:
    side = replace(AT_WORK, workers=workers(*[Doing.BLOCKED] * count), queue_depth=depth)
    assert says(side) == text


def test_some_workers_blocked() -> None:
    side = replace(AT_WORK, workers=workers(Doing.BLOCKED, Doing.IDLE, Doing.IDLE), queue_depth=0)
    assert says(side) == "1 of 3 workers is blocked in time.sleep(1); nobody waits for a worker."


def test_the_moment_between_two_requests_does_not_change_the_sentence() -> None:
    before = says(sleeping_workers(0.99), at_s=0.99)
    between, end = sleeping_workers(0.99), T0 + S
    spans = Span(T0, end, Doing.BLOCKED, RUN + 1), Span(end, 0, Doing.IDLE, 0)
    rows = {
        pid: replace(worker, doing=Doing.IDLE, since_ns=end, spans=spans)
        for pid, worker in between.workers.items()
    }
    assert says(replace(between, workers=rows), at_s=1.005) == before
    assert says(replace(between, workers=rows), at_s=1.2) != before


def test_a_frame_later_it_says_the_same() -> None:
    texts = {says(sleeping_workers(at), at_s=at) for at in (1.2, 1.233, 1.266, 1.9)}
    assert len(texts) == 1


def test_more_processes_than_cores_take_turns() -> None:
    side = replace(AT_WORK, workers=workers(*[Doing.COMPUTING] * 4), queue_depth=16)
    assert says(side) == (
        "4 workers compute on 2 cores; 16 requests wait in the kernel, not yet read by anyone: "
        "more processes than cores take turns, and win nothing."
    )
    assert says(side, cores=4).startswith("All 4 workers are computing; 16 requests wait in the kernel")


def test_requests_too_short_to_be_seen() -> None:
    done = tuple(Request(RUN + n, T0, T0, began_ns=T0, ended_ns=T0 + MS // 2) for n in range(8))
    side = replace(AT_WORK, workers=workers(Doing.IDLE, Doing.WRITING), finished=done)
    assert says(side) == "A request takes less than 1 ms: nobody waits long enough to be seen."


def test_a_slow_client_holds_the_workers_that_read() -> None:
    side = replace(AT_WORK, workers=workers(Doing.READING, Doing.READING))
    assert says(side) == "All 2 workers are reading a request that its client sends slowly."
    assert says(side, at_s=0.01) == "20 requests under way."


def test_what_awaits_leaves_the_loop_free() -> None:
    side = Side("asgi", run=1, planned=20, run_started_ns=T0, in_flight=tasks(20, Task.AWAITING))
    told = caption(scene(asgi=side))
    assert told.text == "20 requests wait at once in asyncio.sleep(1); the event loop is free for others."
    assert told.tone is Tone.GOOD


def test_a_step_that_holds_the_loop_is_named_before_blocked_workers_are() -> None:
    side = Side("asgi", run=1, planned=20, run_started_ns=T0, in_flight=tasks(20, Task.READY))
    held = replace(side, loops={9: Loop(9, running=RUN + 3, since_ns=T0 + 300 * MS)})
    assert says(sleeping_workers(0.5), held) == (
        "#3 holds the event loop: 19 requests can't get on until it awaits."
    )
    again = replace(
        side, loops={9: Loop(9, RUN + 4, T0 + 490 * MS, longest_step_ns=190 * MS, longest_step_req=RUN + 3)}
    )
    assert says(asgi=again) == (
        "Single steps hold the event loop (the longest so far: #3): "
        "until a request awaits, no other one gets on."
    )
    short = replace(side, loops={9: Loop(9, RUN + 3, T0 + 450 * MS)})
    assert "holds the event loop" not in says(asgi=short)


def test_a_thread_pool_that_is_exhausted() -> None:
    side = Side("asgi", run=1, planned=20, run_started_ns=T0, in_flight=tasks(20, Task.AWAITING))
    full = replace(scene(sleeping_workers(0.5), side), async_limit=6)
    assert caption(full).text == (
        "20 tasks await a thread, and asyncio's pool has 6: it is a row of workers again."
    )
    assert caption(replace(full, async_limit=20)).text.startswith("All 4 workers are blocked")


@pytest.mark.parametrize(
    ("died_of", "text"),
    [
        ("killed", "Worker 2 was killed while it held #2; gunicorn starts another in its place."),
        ("timeout", "Worker 2 was killed by its master for its timeout while it held #2; "
                    "gunicorn starts another in its place."),
    ],
)  # fmt: skip
def test_the_death_of_a_worker_and_its_last_request(died_of: str, text: str) -> None:
    rows = workers(Doing.BLOCKED, Doing.DEAD)
    rows[2] = replace(rows[2], died_of=died_of)
    side = replace(AT_WORK, workers=rows)
    assert says(side) == text
    assert "was killed" not in says(side, at_s=6), "for ever is too long"


def test_a_worker_that_was_told_to_go_did_not_die() -> None:
    rows = workers(Doing.BLOCKED, Doing.DEAD)
    rows[2] = replace(rows[2], died_of="exit")
    assert says(replace(AT_WORK, workers=rows)).startswith("The only worker is blocked")


def test_a_full_accept_queue() -> None:
    side = replace(AT_WORK, workers=workers(Doing.BLOCKED), queue_depth=101, queue_limit=100)
    assert says(side).startswith("The accept queue of WSGI is full (100): the kernel drops what comes")


def test_failures_by_kind_and_what_the_app_raised() -> None:
    done = Request(RUN + 1, T0, T0, began_ns=T0, ended_ns=T0 + 1, raised="LookupError", status=500)
    failed = replace(
        AT_WORK, run_ended_ns=T0 + 1, completed=15, failed=5, errors={"timeout": 3, "refused": 2}
    )
    raised = Side(
        "asgi", run=1, planned=20, run_started_ns=T0, run_ended_ns=T0 + 1, completed=20, bad_status=1,
        finished=(done,),
    )  # fmt: skip
    told = caption(scene(failed, raised))
    assert told.text == (
        "WSGI: 5 of 20 requests got no answer (2 refused, 3 timeout); "
        "ASGI: 1 of 20 requests got an error for an answer (the app raised LookupError)."
    )
    assert told.tone is Tone.WARN


def test_a_cancelled_run_tells_of_workers_that_go_on() -> None:
    over = replace(AT_WORK, run_ended_ns=T0 + 1, cancelled=True)
    assert says(over) == "Cancelled. Press space to fire again."
    held = replace(over, workers=workers(Doing.BLOCKED, Doing.BLOCKED))
    assert says(held) == (
        "Cancelled: the clients are gone, but 2 workers still serve them. Nobody tells a sync worker."
    )


@pytest.mark.parametrize(
    ("wsgi", "asgi", "text"),
    [
        (finished("wsgi", 5.02, 1), finished("asgi", 1.03, 1),
         "WSGI took 5.02 s, ASGI 1.03 s: waiting at once was 4.9 times faster than waiting in turn."),
        (finished("wsgi", 0.7, 0.07, Doing.COMPUTING), finished("asgi", 1.4, 0.07),
         "WSGI took 0.70 s, ASGI 1.40 s: 2.0 times faster with workers, which compute on several cores: "
         "one loop uses one."),
        (finished("wsgi", 3, 0.07, Doing.COMPUTING), finished("asgi", 1.5, 0.07),
         "WSGI took 3.00 s, ASGI 1.50 s: ASGI was 2.0 times faster here."),
        (finished("wsgi", 0.08, 0.0004), finished("asgi", 0.04, 0.0004),
         "WSGI took 80 ms, ASGI 40 ms: nobody had to wait for long, so async had nothing to win. "
         "Synchronous is not slow."),
        (finished("wsgi", 1.1, 1), finished("asgi", 1.0, 1),
         "WSGI took 1.10 s, ASGI 1.00 s: about the same. "
         "Async wins where requests wait and workers are few."),
    ],
)  # fmt: skip
def test_how_it_ended_and_why(wsgi: Side, asgi: Side, text: str) -> None:
    assert says(wsgi, asgi, at_s=9) == text


def test_one_side_alone_and_an_older_run_are_not_compared() -> None:
    assert says(finished("wsgi", 5.02, 1), at_s=9) == "WSGI answered 20 requests in 5.02 s."
    older = replace(finished("asgi", 1.03, 1), run=0)
    assert says(finished("wsgi", 5.02, 1), older, at_s=9) == "WSGI answered 20 requests in 5.02 s."


def test_lost_events_are_told_with_whatever_else_is() -> None:
    told = caption(scene(replace(sleeping_workers(0.5), lost=3)))
    assert told.text.endswith("not yet read by anyone. (3 events were lost: the picture has gaps.)")
    assert told.tone is Tone.WARN
