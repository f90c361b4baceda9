"""Lints of event loops: where each speaks, with which numbers, and where it is silent."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from tests.unit.lint_scenes import BLOCKING, event, fold, over, rows, says, scene, side, started, worker
from tests.unit.pictures import MS, RUN, T0, S, answered_request, awaiting_tasks
from wsgiviz.events import Event, Kind
from wsgiviz.model.state import Doing, Hold, Loop, Request, Side, Task, Thread

# --- the executor's threads --------------------------------------------------------------------------------------


def test_the_executor_of_a_loop() -> None:
    told = [started("asgi"), event(0.2, Kind.POOL_QUEUE, a=14, b=6, side="asgi")]
    shown = replace(scene(), picture=fold(told))
    assert says("executor-exhausted", shown) == (
        "14 requests wait for one of the 6 threads of asyncio's pool: it is a row of workers again."
    )
    served = fold([event(0.3, Kind.POOL_QUEUE, a=0, b=6, side="asgi")], shown.picture)
    assert says("executor-exhausted", replace(shown, picture=served)) is None
    ended = fold([event(1, Kind.RUN_ENDED, 1, side="asgi")._replace(req=1)], served)
    assert says("executor-exhausted", replace(shown, picture=ended)) == (
        "Up to 14 requests at a time waited for one of the 6 threads of asyncio's pool: "
        "it was a row of workers again."
    )
    assert says("executor-exhausted", scene(awaiting_tasks(0.5))) is None


def test_the_executor_where_it_cannot_be_seen() -> None:
    awaiting = awaiting_tasks(0.5)
    assert says("executor-exhausted", scene(awaiting, async_limit=6)) == (
        "14 requests wait for one of the 6 threads of asyncio's pool: it is a row of workers again."
    )
    assert says("executor-exhausted", scene(awaiting, async_limit=20)) is None
    greenlets = replace(awaiting, name="wsgi", kind="gevent")
    assert says("executor-exhausted", scene(greenlets, async_limit=6)) is None, "a greenlet waits in no thread"


# --- computing ---------------------------------------------------------------------------------------------------


def computing_loop(share: float = 1.0, now_s: float = 2.0, service_ms: float = 100) -> Side:
    """A loop that was not in its selector for that ``share`` of the time, and computed for all of that."""
    busy_ns = int(now_s * S * share)
    done = tuple(answered_request(n, T0, T0 + int(service_ms * MS), pid=9) for n in range(1, int(now_s * 10) + 1))
    idle_ns = int(now_s * S) - busy_ns
    loop = Loop(9, selector_ns=S + idle_ns, run_selector_ns=S, beat_ns=T0 + int(now_s * S), run_beat_ns=T0)
    thread = worker(9, Doing.IDLE, -1, sample=Thread(1, busy_ns), run_sample=Thread(1, 0))
    return side("asgi", "asgi", workers=rows(thread), loops={9: loop}, finished=done)


def test_a_loop_that_computes() -> None:
    assert says("async-computes", scene(computing_loop(), at_s=2)) == (
        "The event loop computes over 90 % of the time: there is nothing to wait for, so async gains nothing."
    )
    assert says("async-computes", scene(computing_loop(0.5), at_s=2)) is None
    assert says("async-computes", scene(computing_loop(service_ms=2), at_s=2)) is None, "too short to wait for"
    assert says("async-computes", scene(computing_loop(now_s=0.3), at_s=0.3)) is None, "too early to say"
    waits = awaiting_tasks(0.9)
    assert says("async-computes", scene(waits, at_s=0.9)) is None


def test_a_loop_that_waited_for_a_call_did_not_compute() -> None:
    blocked = computing_loop()
    [thread] = blocked.workers.values()
    waited = replace(blocked, workers=rows(replace(thread, sample=Thread(1, 100 * MS))))
    assert says("async-computes", scene(waited, at_s=2)) is None


def test_between_two_heartbeats_a_loop_that_computes_goes_on_computing() -> None:
    """A step of half a second is one without a heartbeat."""
    assert says("async-computes", scene(computing_loop(), at_s=2.5)) is not None


@pytest.mark.parametrize(("other_s", "speaks"), [(2.1, True), (1.0, True), (3.5, False)])
def test_async_gains_nothing_where_it_is_not_much_faster(other_s: float, speaks: bool) -> None:
    told = says("async-computes", scene(over(side(), other_s), over(computing_loop()), at_s=9))
    assert (told is not None) is speaks
    if told:
        assert told == (
            "ASGI's event loop computed over 90 % of the time: there was nothing to wait for, "
            "so async gained nothing, and one loop uses one core."
        )


# --- the loop is held --------------------------------------------------------------------------------------------


def asgi(at_s: float, kind: Kind, n: int = 0, a: int = 0, b: int = 0, text: str = "") -> Event:
    return event(at_s, kind, n, a, b, text, side="asgi")


def two_requests() -> list[Event]:
    """Both in the app of one loop; the first steps at 0.1 s, and does not come back."""
    begun = [one for n in (1, 2) for one in (asgi(0.01, Kind.SENT, n, a=T0), asgi(0.02, Kind.BEGAN, n, text="GET /"))]
    return [asgi(-2, Kind.WORKER_BOOTING, a=1), started("asgi"), *begun, asgi(0.1, Kind.TASK_RUN, 1)]


HELD = f"{BLOCKING.file}|{BLOCKING.function}|{BLOCKING.call}"


def test_a_blocking_call_holds_the_loop() -> None:
    shown = replace(scene(at_s=0.15), picture=fold(two_requests()))
    assert says("loop-held", shown) is None, "not for so short"
    told = fold([asgi(0.25, Kind.LOOP_HELD, 1, a=150 * MS, b=12, text=HELD)], shown.picture)
    held = replace(shown, picture=told, now_ns=T0 + 350 * MS)
    assert says("loop-held", held) == (
        "#1 holds the event loop at blocking.py:12 time.sleep, for over 0.2 s: "
        "1 request can't get on until it awaits."
    )
    waits = [asgi(0.6, Kind.TASK_WAIT, 1, b=500 * MS), asgi(0.61, Kind.TASK_RUN, 2)]
    again = replace(held, picture=fold(waits, told), now_ns=T0 + 700 * MS)
    assert says("loop-held", again) == (
        "Single steps hold the event loop at blocking.py:12 time.sleep (the longest so far: #1, 0.50 s): "
        "until a request awaits, no other one gets on; 1 request waits."
    )
    assert says("loop-held", replace(again, now_ns=T0 + 3 * S)) is not None, "the second holds it"
    free = fold([asgi(0.62, Kind.TASK_WAIT, 2, b=MS)], again.picture)
    assert says("loop-held", replace(again, picture=free, now_ns=T0 + 3 * S)) is None, "it is long ago"


def test_of_several_loops_one_holds_up_only_its_own_requests() -> None:
    loops = {9: Loop(9, running=RUN + 1, since_ns=T0), 10: Loop(10)}
    mine = {RUN + n: Request(RUN + n, T0, pid=pid) for n, pid in ((1, 9), (2, 9), (3, 10), (4, 0))}
    told = says("loop-held", scene(side("asgi", "asgi", loops=loops, in_flight=mine)))
    assert told == "#1 holds the event loop, for over 0.2 s: 1 request can't get on until it awaits."


def test_many_short_steps_are_no_blocking_call() -> None:
    """They keep the loop from its heartbeat too, and the watchdog finds whoever has his step just then."""
    steps = [*two_requests(), asgi(0.3, Kind.TASK_WAIT, 1, b=MS), asgi(0.3, Kind.TASK_RUN, 2)]
    late = asgi(0.301, Kind.LOOP_HELD, 2, a=MS, b=12, text=HELD)
    assert says("loop-held", replace(scene(at_s=0.31), picture=fold([*steps, late]))) is None
    none = asgi(0.301, Kind.LOOP_HELD, 0, a=200 * MS, b=12, text=HELD)
    done = asgi(0.302, Kind.TASK_WAIT, 2, b=MS)
    assert says("loop-held", replace(scene(at_s=0.31), picture=fold([*steps, done, none]))) is None


def test_what_is_no_request_can_hold_the_loop() -> None:
    hold = Hold(0, 400 * MS, BLOCKING)
    held = side("asgi", "asgi", loops={9: Loop(9, since_ns=T0, held=hold)}, in_flight={RUN + 1: Request(RUN + 1, T0)})
    assert says("loop-held", scene(held)) == (
        "What is no request's step holds the event loop at blocking.py:12 time.sleep, for over 0.2 s: "
        "1 request can't get on until it awaits."
    )


def test_a_loop_that_was_held_shaped_the_run() -> None:
    loop = Loop(9, longest_step_ns=S // 2, longest_step_req=RUN + 3, longest_hold=Hold(RUN + 3, 450 * MS, BLOCKING))
    held = over(side("asgi", "asgi", loops={9: loop}))
    assert says("loop-held", scene(held)) == (
        "Single steps held the event loop at blocking.py:12 time.sleep for up to 0.50 s (#3): "
        "no other request got on meanwhile."
    )
    assert says("loop-held", scene(over(held, 20))) is None, "a stumble in a long run"
    stepping = tuple(replace(answered_request(n, T0, T0 + S), run_ns=S // 2) for n in range(1, 31))
    assert says("loop-held", scene(over(replace(held, finished=stepping), 20))) is not None, "one after the other"


def test_a_task_that_awaits_does_not_hold_the_loop() -> None:
    awaiting = replace(awaiting_tasks(0.5), loops={300: Loop(300, since_ns=T0)})
    assert all(request.task is Task.AWAITING for request in awaiting.in_flight.values())
    assert says("loop-held", scene(awaiting)) is None
