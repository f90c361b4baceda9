"""The sentence under the panes: which rule speaks, with which numbers, and that it stays calm."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from tests.unit.pictures import MS, RUN, T0, S, sleeping_workers
from wsgiviz.model.captions import Scene, Tone, caption
from wsgiviz.model.lints import LINTS, Finding
from wsgiviz.model.state import Doing, Hold, Loop, Picture, Place, Request, Side, Slot, Span, Task, Worker

AT_WORK = Side("wsgi", run=1, planned=20, run_started_ns=T0)


def scene(wsgi: Side | None = None, asgi: Side | None = None, at_s: float = 0.5, cores: int = 2) -> Scene:
    sides = {"wsgi": wsgi or Side("wsgi"), "asgi": asgi or Side("asgi", "asgi")}
    picture, now_ns = Picture(run=1, sides=sides), T0 + int(at_s * S)
    return Scene(picture, "time.sleep(1)", "await asyncio.sleep(1)", cores, now_ns)


def says(wsgi: Side | None = None, asgi: Side | None = None, at_s: float = 0.5, cores: int = 2) -> str:
    return caption(scene(wsgi, asgi, at_s, cores)).text


def workers(*doings: Doing, began_s: float = 0.0) -> dict[Slot, Worker]:
    since = T0 + int(began_s * S)
    return {
        (pid, 0): Worker(pid, pid, doing, since, req=RUN + pid, spans=(Span(since, 0, doing, RUN + pid),))
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
    rows = {(pid, 0): replace(worker, pid=pid, number=pid) for pid in range(1, 5)}
    return Side(
        name, "asgi" if name == "asgi" else "sync", workers=rows, finished=done, run=1, planned=20, completed=20,
        run_started_ns=T0, run_ended_ns=end, first_planned_ns=T0, last_finished_ns=end,
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
    assert says(replace(side, queue_depth=2)) == (
        "1 of 3 workers is blocked in time.sleep(1); 2 requests wait in the kernel, not yet read by anyone."
    )


def test_the_moment_between_two_requests_does_not_change_the_sentence() -> None:
    before = says(sleeping_workers(0.99), at_s=0.99)
    between, end = sleeping_workers(0.99), T0 + S
    spans = Span(T0, end, Doing.BLOCKED, RUN + 1), Span(end, 0, Doing.IDLE, 0)
    rows = {
        pid: replace(worker, doing=Doing.IDLE, since_ns=end, spans=spans) for pid, worker in between.workers.items()
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
    side = replace(AT_WORK, workers=workers(Doing.IDLE, Doing.WRITING, began_s=0.499), finished=done)
    assert says(side) == "A request takes less than 1 ms: nobody waits long enough to be seen."


def test_a_slow_client_holds_the_workers_that_read() -> None:
    side = replace(AT_WORK, workers=workers(Doing.READING, Doing.READING))
    assert says(side) == (
        "All 2 workers are held by slow clients (2 reading a request), with nothing in the app: "
        "a proxy in front, gthread or an ASGI server would wait instead."
    )
    assert says(side, at_s=0.2) == "20 requests under way."
    plain = caption(replace(scene(side), silenced=frozenset({"slow-client"})))
    assert plain.text == "All 2 workers are reading a request that its client sends slowly."


def test_what_awaits_leaves_the_loop_free() -> None:
    side = Side("asgi", "asgi", run=1, planned=20, run_started_ns=T0, in_flight=tasks(20, Task.AWAITING))
    told = caption(scene(asgi=side))
    assert told.text == "20 requests wait at once in asyncio.sleep(1); the event loop is free for others."
    assert told.tone is Tone.GOOD


def test_a_step_that_holds_the_loop_is_named_before_blocked_workers_are() -> None:
    side = Side("asgi", "asgi", run=1, planned=20, run_started_ns=T0, in_flight=tasks(20, Task.READY))
    held = replace(side, loops={9: Loop(9, running=RUN + 3, since_ns=T0 + 300 * MS)})
    assert says(sleeping_workers(0.5), held) == (
        "#3 holds the event loop, for over 0.1 s: 19 requests can't get on until it awaits."
    )
    again = replace(
        side, loops={9: Loop(9, RUN + 4, T0 + 490 * MS, longest_step_ns=190 * MS, longest_step_req=RUN + 3)}
    )
    assert says(asgi=again) == (
        "Single steps hold the event loop (the longest so far: #3, 0.19 s): "
        "until a request awaits, no other one gets on; over 10 requests wait."
    )
    short = replace(side, loops={9: Loop(9, RUN + 3, T0 + 450 * MS)})
    assert "event loop" not in says(asgi=short)


def test_a_thread_pool_that_is_exhausted() -> None:
    side = Side("asgi", "asgi", run=1, planned=20, run_started_ns=T0, in_flight=tasks(20, Task.AWAITING))
    full = replace(scene(sleeping_workers(0.5), side), async_limit=6)
    assert caption(full).text == (
        "14 requests wait for one of the 6 threads of asyncio's pool: it is a row of workers again."
    )
    assert caption(replace(full, async_limit=20)).text.startswith("All 4 workers are blocked")


@pytest.mark.parametrize(
    ("died_of", "silenced", "text"),
    [
        ("killed", "", "Worker 2 was killed while it held #2; gunicorn starts another in its place."),
        ("timeout", "", "Worker 2 was killed by its master while it held #2: no sign of life for gunicorn's "
                        "--timeout; a sync worker gives one only between requests."),
        ("timeout", "worker-timeout", "Worker 2 was killed by its master for its timeout while it held #2; "
                                      "gunicorn starts another in its place."),
    ],
)  # fmt: skip
def test_the_death_of_a_worker_and_its_last_request(died_of: str, silenced: str, text: str) -> None:
    rows = workers(Doing.BLOCKED, Doing.DEAD)
    rows[2, 0] = replace(rows[2, 0], died_of=died_of)
    side = replace(AT_WORK, workers=rows)
    assert caption(replace(scene(side), silenced=frozenset({silenced}))).text == text
    assert "was killed" not in says(side, at_s=6), "for ever is too long"


def test_a_worker_that_was_told_to_go_did_not_die() -> None:
    rows = workers(Doing.BLOCKED, Doing.DEAD)
    rows[2, 0] = replace(rows[2, 0], died_of="exit")
    assert says(replace(AT_WORK, workers=rows)).startswith("The only worker is blocked")


def test_a_full_accept_queue() -> None:
    side = replace(AT_WORK, workers=workers(Doing.BLOCKED), queue_depth=101, queue_limit=100)
    assert says(side).startswith("The accept queue of WSGI is full (100): the kernel drops what comes")


def test_failures_by_kind_and_what_the_app_raised() -> None:
    done = Request(RUN + 1, T0, T0, began_ns=T0, ended_ns=T0 + 1, raised="LookupError", status=500)
    failed = replace(AT_WORK, run_ended_ns=T0 + 1, completed=15, failed=5, errors={"timeout": 3, "refused": 2})
    raised = Side(
        "asgi", "asgi", run=1, planned=20, run_started_ns=T0, run_ended_ns=T0 + 1, completed=20, bad_status=1,
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


# --- an app of one's own, and any two servers -------------------------------------------------------------------

DEEP = Place("shop/deep.py", 15, "look_up", "time.sleep")


def own_app(wsgi: Side, at_s: float) -> str:
    return caption(replace(scene(wsgi, at_s=at_s), own_app=True, wsgi_call="deep:app")).text


def at(side: Side, *places: Place | None) -> Side:
    """The requests in a worker are at these places."""
    inside = [request for request in side.in_flight.values() if request.began_ns]
    moved = {one.id: replace(one, where=place) for one, place in zip(inside, places, strict=True)}
    return replace(side, in_flight={**side.in_flight, **moved})


def test_an_app_of_ones_own_is_told_by_its_lines() -> None:
    side, other = sleeping_workers(0.5), replace(DEEP, line=40)
    waiting = "; 16 requests wait in the kernel, not yet read by anyone."
    assert own_app(at(side, DEEP, DEEP, DEEP, DEEP), 0.5) == (
        f"All 4 workers are blocked at deep.py:15 time.sleep{waiting}"
    )
    assert own_app(at(side, DEEP, DEEP, DEEP, None), 0.5).startswith("All 4 workers are blocked at deep.py:15 ")
    assert own_app(at(side, DEEP, DEEP, DEEP, other), 0.5) == (
        f"All 4 workers are blocked, most at deep.py:15 time.sleep{waiting}"
    )
    assert own_app(at(side, None, None, None, None), 0.5) == f"All 4 workers are blocked{waiting}"


def test_the_line_stands_until_that_of_the_next_request_is_known() -> None:
    side = at(sleeping_workers(1.02), None, None, None, None)
    done = tuple(replace(request, where=DEEP) for request in side.finished)
    assert "blocked at deep.py:15 time.sleep;" in own_app(replace(side, finished=done), 1.02)
    assert "deep.py" not in own_app(replace(side, finished=done), 1.3)
    assert own_app(side, 1.02).startswith("All 4 workers are blocked; ")


def beside(left: Side, right: Side, at_s: float = 0.5) -> Scene:
    return replace(scene(at_s=at_s), picture=Picture(run=1, sides={left.name: left, right.name: right}))


def test_two_servers_of_one_kind_are_told_apart() -> None:
    free = replace(AT_WORK, name="wsgi2", kind="gthread", workers=workers(Doing.IDLE))
    assert caption(beside(free, sleeping_workers(0.5))).text.startswith("All 4 workers of WSGI (sync) are blocked")
    threads = replace(sleeping_workers(0.5), name="wsgi2", kind="gthread")
    assert caption(beside(replace(free, name="wsgi", kind="sync"), threads)).text.startswith(
        "All 4 threads of WSGI2 (gthread) are blocked in time.sleep(1); 16 requests"
    )


@pytest.mark.parametrize(
    ("left", "right", "text"),
    [
        (finished("wsgi", 5.02, 1), replace(finished("wsgi", 2.51, 1), name="wsgi2", kind="gthread"),
         "WSGI (sync) took 5.02 s, WSGI2 (gthread) 2.51 s: WSGI2 (gthread) was 2.0 times faster here."),
        (finished("asgi", 1.0, 1), replace(finished("asgi", 1.1, 1), name="asgi2", kind="uvicorn"),
         "ASGI (asgi) took 1.00 s, ASGI2 (uvicorn) 1.10 s: about the same."),
        (finished("asgi", 1.0, 1), finished("wsgi", 5.0, 1),
         "ASGI took 1.00 s, WSGI 5.00 s: waiting at once was 5.0 times faster than waiting in turn."),
        (replace(finished("wsgi", 1.0, 1), kind="gevent"), finished("asgi", 2.0, 1),
         "WSGI took 1.00 s, ASGI 2.00 s: WSGI was 2.0 times faster here."),
    ],
)  # fmt: skip
def test_how_any_two_ended(left: Side, right: Side, text: str) -> None:
    assert caption(beside(left, right, at_s=9)).text == text


def test_two_loops_await() -> None:
    idle = Side("asgi", "asgi", run=1, planned=20, run_started_ns=T0, workers=workers(Doing.IDLE))
    other = replace(idle, name="asgi2", kind="uvicorn", in_flight=tasks(3, Task.AWAITING))
    assert caption(beside(idle, other)).text == (
        "3 requests wait at once in asyncio.sleep(1); the event loop of ASGI2 (uvicorn) is free for others."
    )


# --- pitfalls and the plain state -------------------------------------------------------------------------------


def test_what_is_silenced_leaves_the_plain_state() -> None:
    side = Side("asgi", "asgi", run=1, planned=20, run_started_ns=T0, in_flight=tasks(20, Task.READY))
    held = replace(side, loops={9: Loop(9, running=RUN + 3, since_ns=T0 + 300 * MS)})
    both = scene(sleeping_workers(0.5), held)
    assert caption(both).text.startswith("#3 holds the event loop")
    both = replace(both, silenced=frozenset({"loop-held", "all-workers-blocked"}))
    assert caption(both).text == (
        "All 4 workers are blocked in time.sleep(1); 16 requests wait in the kernel, not yet read by anyone."
    )


def test_while_a_run_is_on_the_side_that_is_through_can_wait() -> None:
    """Its findings are of the past; what the other one does is now."""
    hold = Hold(RUN + 1, 450 * MS, DEEP)
    through = replace(finished("asgi", 1.0, 0.5), loops={9: Loop(9, longest_step_ns=S // 2, longest_hold=hold)})
    assert says(sleeping_workers(1.5), through, at_s=1.5).startswith("All 4 workers are blocked")
    assert says(finished("wsgi", 5.0, 1), through, at_s=9).startswith(
        "WSGI took 5.00 s, ASGI 1.00 s. Single steps held the event loop at deep.py:15 time.sleep"
    )


def test_failures_are_told_with_the_pitfall_behind_them() -> None:
    rows = workers(Doing.DEAD)
    rows[1, 0] = replace(rows[1, 0], died_of="timeout")
    side = replace(AT_WORK, workers=rows, run_ended_ns=T0 + S, completed=19, failed=1, errors={"reset": 1})
    assert says(side, at_s=60).startswith(
        "WSGI: 1 of 20 requests got no answer (1 reset). Worker 1 was killed by its master while it held #1"
    )


def test_findings_that_are_known_are_not_sought_again() -> None:
    known = [Finding(LINTS[0], "wsgi", "Said already.")]
    assert caption(scene(sleeping_workers(0.5)), known).text == "Said already."
    assert "wait in the kernel" in caption(scene(sleeping_workers(0.5)), []).text
