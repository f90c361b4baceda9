"""Who waits for what: each thing that can be waited for, and who is named as having it."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec.structs import replace

from tests.unit.lines_of_apps import in_threads as told_by_threads
from tests.unit.lines_of_apps import through_a_pool
from tests.unit.lint_contexts import PID, at, but, context, reduced, rows, says, seen, side, state_of, worker
from tests.unit.states import T0
from tests.unit.thread_events import full_limiter
from wsgiviz.analysis.held_up import HeldUp, held_up
from wsgiviz.analysis.lints import LintContext, wording
from wsgiviz.events import Event
from wsgiviz.state import Activity, Hold, Location, Loop, Phase, Request, Side, Task

COMPUTES = Location("cpu.py", 8, "view", "factor")
SLEEPS = Location("shop.py", 14, "view", "time.sleep")
EXTERNAL = -14_081_234_567_890


def found(shown: LintContext, name: str = "wsgi") -> dict[str, HeldUp]:
    return {one.what: one for one in held_up(shown, shown.state.sides[name])}


def until(events: Iterable[Event], at_s: float) -> LintContext:
    return seen(reduced([event for event in events if event.t_ns <= at(at_s)]), at_s)


def in_app(number: int, where: Location | None = None, **more: object) -> Request:
    return replace(Request(number, began_ns=T0, pid=PID, target="GET /slow", where=where), **more)


def test_nobody_waits_for_anything() -> None:
    assert held_up(context(side(workers=rows(worker(PID, Activity.IDLE, 0)))), side()) == []


def test_a_line_and_who_holds_it() -> None:
    line = found(until(told_by_threads(through_a_pool(8, 1, 0.6)), 0.5))["line"]
    assert (line.waiting, line.holders, line.place, line.held_at) == (7, 1, "app.py:9 with lock", "app.py:20 query")
    assert line.pids == (PID,)
    assert line.words == "7 requests wait at app.py:9 with lock for what 1 other holds, at app.py:20 query"


def test_threads_behind_a_loop() -> None:
    pool = found(until(full_limiter(2, 3), 0.5), "asgi")["pool"]
    assert (pool.waiting, pool.holders) == (3, 2)
    assert pool.words.startswith("3 calls wait for one of the 2 threads of ")
    assert pool.pids == (PID,)


def test_threads_of_a_gthread_worker() -> None:
    slots = rows(worker(PID, Activity.BLOCKED, 0, 1, 1), worker(PID, Activity.READING, 0, 2))
    thread = found(context(side(kind="gthread", workers=slots, pools={PID: 4, PID + 1: 0})))["thread"]
    assert (thread.waiting, thread.holders, thread.pids) == (4, 2, (PID,))
    assert f"4 connections wait inside worker {PID} for one of its 2 threads" in thread.words


def test_what_one_thread_has_and_others_wait_for() -> None:
    slots = rows(
        worker(PID, Activity.COMPUTING, 0, 1, 1), worker(PID, Activity.WAITING_FOR_GIL, 0, 2, 2),
        worker(PID, Activity.WAITING_FOR_GIL, 0, 3, 3),
    )  # fmt: skip
    requests = [in_app(number, COMPUTES, slot=number) for number in (1, 2, 3)]
    gil = found(context(side(kind="gthread", workers=slots, requests=requests)))["gil"]
    assert (gil.waiting, gil.holders, gil.held_at) == (2, 1, "cpu.py:8 factor")
    assert gil.words == f"2 threads wait for the GIL of worker {PID}, which #1 has at cpu.py:8 factor"


def test_requests_that_are_at_one_line_with_their_threads() -> None:
    slots = rows(*(worker(pid, Activity.BLOCKED, 0, 0, pid, thread_id=pid) for pid in (1, 2)))
    requests = [in_app(pid, SLEEPS, pid=pid) for pid in (1, 2)]
    elsewhere = found(context(side(workers=slots, requests=requests)))["elsewhere"]
    assert elsewhere.words == "2 requests wait at shop.py:14 time.sleep"
    assert elsewhere.threads == elsewhere.pids == (1, 2)


# --- servers of a person's own ------------------------------------------------------------------------------------


def held_loop(*requests: Request) -> Side:
    loop = Loop(PID, EXTERNAL, T0, held=Hold(EXTERNAL, 10, SLEEPS))
    given = side("asgi", "asgi", requests, workers=rows(worker(PID, Activity.IDLE, 0)), loops={PID: loop})
    return but(given, number=0, started_ns=0)  # nobody fires


def attached(*sides: Side, at_s: float = 2.0) -> LintContext:
    return LintContext.of(state_of(*sides, phase=Phase.ATTACHED, attached=True, run=0), at(at_s))


def test_a_held_loop_is_found_and_its_holder_named_as_people_do() -> None:
    holder = in_app(EXTERNAL, SLEEPS, task=Task.RUNNING)
    others = [in_app(EXTERNAL - number, task=Task.READY) for number in (1, 2)]
    shown = attached(held_loop(holder, *others))
    loop = found(shown, "asgi")["loop"]
    assert (loop.waiting, loop.pids, loop.held_at) == (2, (PID,), "shop.py:14 time.sleep")
    assert "GET /slow has held it for 2.0 s" in loop.words
    message = says("loop-held", shown)
    assert message is not None
    assert message.startswith("GET /slow holds the event loop at shop.py:14 time.sleep, for over 1 s: 2 requests are")


def test_names_of_requests() -> None:
    given = but(side(), requests=[in_app(EXTERNAL), in_app(EXTERNAL - 1, target="GET /" + 99 * "x")])
    assert wording.request_name(given, 17) == "#17"
    assert wording.request_name(given, EXTERNAL) == "GET /slow"
    assert wording.request_name(given, EXTERNAL - 1) == "GET /" + 32 * "x" + "..."
    assert wording.request_name(given, EXTERNAL - 2) == "an external request"
    assert wording.held(given, [2, 5]) == "#2 #5"
    assert wording.held(given, [EXTERNAL]) == "GET /slow"
    assert wording.held(given, range(1, 9)) == "8 requests"
