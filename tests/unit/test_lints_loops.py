"""Lints of event loops: where each applies, with which numbers, and where it is silent."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from tests.unit.lint_contexts import (
    BLOCKING,
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
    reduced,
    rows,
    says,
    seen,
    side,
    state_of,
    worker,
)
from tests.unit.states import MS, RUN, T0, S, answered_request, awaiting_tasks
from wsgiviz.analysis.captions import caption
from wsgiviz.analysis.occurrences import Occurrences
from wsgiviz.events import (
    Event,
    LoopBeat,
    LoopHeld,
    RequestBegan,
    RequestSent,
    StepBegan,
    StepEnded,
    ThreadSampled,
    WorkerDied,
)
from wsgiviz.state import Activity, Counters, Hold, Location, Loop, LoopTally, Request, Side, Step, Tally, Task

ASGI = [*opened("", "asgi"), *booted("asgi", kind="asgi"), *fired("asgi")]
"""One loop, and a run that has begun."""

# --- computing ---------------------------------------------------------------------------------------------------


def computing_loop(share: float = 1.0, now_s: float = 2.0, service_ms: float = 100) -> Side:
    """A loop that was not in its selector for that ``share`` of the time, and computed for all of that."""
    busy_ns = int(now_s * S * share)
    done = [answered_request(n, T0, T0 + int(service_ms * MS), pid=9) for n in range(1, int(now_s * 10) + 1)]
    idle_ns = int(now_s * S) - busy_ns
    tally = LoopTally(first_selector_ns=S, first_beat_ns=T0)
    loop = Loop(9, selector_ns=S + idle_ns, beat_ns=T0 + int(now_s * S), tally=tally)
    thread = worker(9, Activity.IDLE, -1, sample=Counters(1, busy_ns), tally=Tally(first=Counters(1, 0)))
    return side("asgi", "asgi", done, workers=rows(thread), loops={9: loop})


def test_a_loop_that_computes() -> None:
    assert says("async-computes", context(computing_loop(), at_s=2)) == (
        "The event loop computes over 90 % of the time: there is nothing to wait for, so async gains nothing."
    )
    assert says("async-computes", context(computing_loop(0.5), at_s=2)) is None
    assert says("async-computes", context(computing_loop(service_ms=2), at_s=2)) is None, "too short to wait for"
    assert says("async-computes", context(computing_loop(now_s=0.3), at_s=0.3)) is None, "too early to say"
    waits = awaiting_tasks(0.9)
    assert says("async-computes", context(waits, at_s=0.9)) is None


def test_its_caption_is_as_of_the_newest_event() -> None:
    """Until then it has computed; of the time since, nobody knows."""
    made = computing_loop()
    held = {9: replace(made.server.loops[9], running=RUN + 30, since_ns=at(1.95))}
    state = state_of(but(made, loops=held), t_ns=at(2.0))
    found = Occurrences().after(state)
    assert [finding.lint for finding in found.found] == ["async-computes"]
    for now_s in (2.0, 2.4):
        assert caption(state, at(now_s), found).text.startswith("The event loop computes over 90 % of the time")


def test_a_loop_that_opens_connections_has_something_to_wait_for() -> None:
    """It is busy with handshakes, and most of its requests await what the other end does."""
    computes = computing_loop()
    one = replace(answered_request(90, T0, 0, pid=9), received_ns=0, ended_ns=0, planned_ns=T0)
    in_app = [replace(one, id=RUN + 90 + n) for n in range(4)]
    awaits = [replace(request, task=Task.AWAITING) for request in in_app[:1]]
    ready = [replace(request, task=Task.READY) for request in in_app[1:]]
    running = but(computes, requests=[*computes.ledger.ours(), *ready])
    assert says("async-computes", context(running, at_s=2)) is not None
    mixed = but(computes, requests=[*computes.ledger.ours(), *awaits, *ready])
    assert says("async-computes", context(mixed, at_s=2)) is None
    steps = (Step(T0, T0 + MS, Task.RUNNING), Step(T0 + MS, T0 + 3 * MS, Task.AWAITING))
    have = but(computes, requests=[*computes.ledger.ours(), *(replace(request, steps=steps) for request in ready)])
    assert says("async-computes", context(have, at_s=2)) is None
    assert says("async-computes", context(over(computes), at_s=9)) is not None
    awaited = but(computes, requests=[replace(request, steps=steps) for request in computes.ledger.ours()])
    assert says("async-computes", context(over(awaited), at_s=9)) is None


def test_where_a_loop_computes_is_where_it_was_held_for_longest() -> None:
    """What holds it just now may be a moment of the server's own, such as writing an answer."""
    computes = computing_loop()
    longest, now = Hold(RUN + 1, 400 * MS, BLOCKING), Hold(0, 110 * MS, Location("server.py", 7, "send"))
    before = computes.server.loops[9]
    loop = replace(before, held=now, tally=replace(before.tally, longest_hold=longest))
    assert BLOCKING.words in (says("async-computes", context(but(computes, loops={9: loop}), at_s=2)) or "")


def test_a_loop_that_waited_for_a_call_did_not_compute() -> None:
    blocked = computing_loop()
    [thread] = blocked.server.workers.values()
    waited = but(blocked, workers=rows(replace(thread, sample=Counters(1, 100 * MS))))
    assert says("async-computes", context(waited, at_s=2)) is None


def test_between_two_heartbeats_a_loop_that_computes_goes_on_computing() -> None:
    """A step of half a second is one without a heartbeat."""
    assert says("async-computes", context(computing_loop(), at_s=2.5)) is not None


@pytest.mark.parametrize(("other_s", "speaks"), [(2.1, True), (1.0, True), (3.5, False)])
def test_async_gains_nothing_where_it_is_not_much_faster(other_s: float, speaks: bool) -> None:
    sentence = says("async-computes", context(over(side(), other_s), over(computing_loop()), at_s=9))
    assert (sentence is not None) is speaks
    if sentence:
        assert sentence == (
            "ASGI's event loop computed over 90 % of the time: there was nothing to wait for, "
            "so async gained nothing, and one loop uses one core."
        )


# --- the loop is held --------------------------------------------------------------------------------------------


def two_requests() -> list[Event]:
    """Both in the app of one loop; the first steps at 0.1 s, and does not come back."""
    begun: list[Event] = []
    for n in (1, 2):
        begun.append(RequestSent(at(0.01), "asgi", DRIVER, RUN + n, T0))
        begun.append(RequestBegan(at(0.02), "asgi", PID, 0, RUN + n, 0, 0, "GET /"))
    return [*ASGI, *begun, StepBegan(at(0.1), "asgi", PID, RUN + 1)]


def held_event(at_s: float, n: int, held_ms: int) -> Event:
    where = f"{BLOCKING.file}|{BLOCKING.function}|{BLOCKING.call}"
    return LoopHeld(at(at_s), "asgi", PID, RUN + n if n else 0, held_ms * MS, 12, where)


def test_a_blocking_call_holds_the_loop() -> None:
    state = reduced(two_requests())
    assert says("loop-held", seen(state, 0.15)) is None, "not for so short"
    state = reduced([held_event(0.25, 1, 150)], before=state)
    assert says("loop-held", seen(state, 0.35)) == (
        "#1 holds the event loop at blocking.py:12 time.sleep, for over 0.2 s: 1 request is stuck until it awaits."
    )
    steps: list[Event] = [
        StepEnded(at(0.6), "asgi", PID, RUN + 1, 500 * MS),
        StepBegan(at(0.61), "asgi", PID, RUN + 2),
    ]
    again = reduced(steps, before=state)
    assert says("loop-held", seen(again, 0.7)) == (
        "Single steps hold the event loop at blocking.py:12 time.sleep (the longest so far: #1, 0.50 s): "
        "until a request awaits, no other request makes progress."
    ), "the first awaits: nobody knows whether what it awaits has come"
    come = reduced([RequestSent(at(0.65), "asgi", DRIVER, RUN + 3, T0)], before=again)
    assert str(says("loop-held", seen(come, 0.7))).endswith("no other request makes progress; 1 request waits.")
    assert says("loop-held", seen(again, 3)) is not None, "the second holds it"
    free = reduced([StepEnded(at(0.62), "asgi", PID, RUN + 2, MS)], before=again)
    assert says("loop-held", seen(free, 3)) is None, "it is long ago"


def test_of_several_loops_one_holds_up_only_its_own_requests() -> None:
    loops = {9: Loop(9, running=RUN + 1, since_ns=T0), 10: Loop(10)}
    mine = [Request(RUN + n, T0, pid=pid) for n, pid in ((1, 9), (2, 9), (3, 10), (4, 0))]
    sentence = says("loop-held", context(side("asgi", "asgi", mine, loops=loops)))
    assert sentence == "#1 holds the event loop, for over 0.2 s: 1 request is stuck until it awaits."
    several = [*mine, Request(RUN + 5, T0, pid=9)]
    sentence = says("loop-held", context(side("asgi", "asgi", several, loops=loops)))
    assert sentence == "#1 holds the event loop, for over 0.2 s: 2 requests are stuck until it awaits."


def test_many_short_steps_are_no_blocking_call() -> None:
    """They keep the loop from its heartbeat too, and the watchdog finds the request whose step is on just then."""
    steps = [*two_requests(), StepEnded(at(0.3), "asgi", PID, RUN + 1, MS), StepBegan(at(0.3), "asgi", PID, RUN + 2)]
    assert says("loop-held", seen(reduced(steps, [held_event(0.301, 2, 1)]), 0.31)) is None
    done = StepEnded(at(0.302), "asgi", PID, RUN + 2, MS)
    assert says("loop-held", seen(reduced(steps, [done, held_event(0.301, 0, 200)]), 0.31)) is None


def test_what_is_no_request_can_hold_the_loop() -> None:
    hold = Hold(0, 400 * MS, BLOCKING)
    held = side("asgi", "asgi", [Request(RUN + 1, T0)], loops={9: Loop(9, since_ns=T0, held=hold)})
    assert says("loop-held", context(held)) == (
        "What is no request's step holds the event loop at blocking.py:12 time.sleep, for over 0.2 s: "
        "1 request is stuck until it awaits."
    )
    assert says("loop-held", context(but(held, requests=()))) == (
        "What is no request's step holds the event loop at blocking.py:12 time.sleep, for over 0.2 s: "
        "no other request makes progress until it awaits."
    )


def test_a_loop_that_was_held_shaped_the_run() -> None:
    tally = LoopTally(
        longest_step_ns=S // 2, longest_step_req=RUN + 3, longest_hold=Hold(RUN + 3, 450 * MS, BLOCKING)
    )
    held = over(side("asgi", "asgi", loops={9: Loop(9, tally=tally)}))
    assert says("loop-held", context(held)) == (
        "Single steps held the event loop at blocking.py:12 time.sleep for up to 0.50 s (#3): "
        "no other request made progress meanwhile."
    )
    assert says("loop-held", context(over(held, 20))) is None, "a stumble in a long run"
    stepping = [replace(answered_request(n, T0, T0 + S), run_ns=S // 2) for n in range(1, 31)]
    assert says("loop-held", context(over(but(held, requests=stepping), 20))) is not None, "one after the other"


@pytest.mark.parametrize(("runq_s", "speaks"), [(0.0, True), (0.9, True), (1.7, False), (1.9, False)])
def test_a_loop_that_got_no_core_is_not_held_by_what_it_runs(runq_s: float, speaks: bool) -> None:
    """Of two seconds in steps it waited most for a core: the longest would have been short without that."""
    tally = LoopTally(longest_step_ns=S // 2, longest_step_req=RUN + 3)
    thread = worker(
        9, Activity.IDLE, -1, sample=Counters(2, S, int(runq_s * S)), tally=Tally(first=Counters(1, 0, 0))
    )
    loops = {9: Loop(9, steps_ns=2 * S, tally=tally)}
    held = over(side("asgi", "asgi", workers=rows(thread), loops=loops))
    assert (says("loop-held", context(held)) is not None) == speaks


def test_a_step_that_is_on_when_the_run_ends_is_named_with_its_line() -> None:
    looks = [held_event(0.2 + tick / 10, 1, 100 + 100 * tick) for tick in range(38)]
    state = reduced(two_requests(), looks, ended(4.0, "asgi"))
    assert says("loop-held", seen(state, 4.1)) == (
        "#1 has held the event loop at blocking.py:12 time.sleep for 4.00 s, and still does: "
        "no other request makes progress."
    )
    gone = reduced([WorkerDied(at(4.05), "asgi", DRIVER, PID, 9)], before=state)
    assert says("loop-held", seen(gone, 4.1)) == (
        "Single steps held the event loop at blocking.py:12 time.sleep for up to 3.80 s (#1): "
        "no other request made progress meanwhile."
    ), "a dead worker holds nothing, and was last seen at 3.9 s"


def test_a_worker_that_is_gone_holds_no_loop() -> None:
    """The kernel knows before its master does."""
    gone = ThreadSampled(at(0.12), "asgi", PID, 0, 0, 0, "Z")
    assert says("loop-held", seen(reduced(two_requests()), 0.5)) is not None
    assert says("loop-held", seen(reduced(two_requests(), [gone]), 0.5)) is None
    assert says("loop-held", seen(reduced(two_requests(), [gone], ended(0.6, "asgi")), 0.7)) is None


def test_what_was_no_request_held_the_loop() -> None:
    tally = LoopTally(longest_hold=Hold(0, 900 * MS, BLOCKING))
    held = over(side("asgi", "asgi", loops={9: Loop(9, tally=tally)}))
    assert says("loop-held", context(held)) == (
        "Single steps held the event loop at blocking.py:12 time.sleep for up to 0.90 s (no request's step): "
        "no other request made progress meanwhile."
    )


def test_each_loop_is_judged_for_itself() -> None:
    idle = Loop(10, selector_ns=3 * S, beat_ns=T0 + 2 * S, tally=LoopTally(first_selector_ns=S, first_beat_ns=T0))
    busy = computing_loop()
    two = but(
        busy,
        loops={**busy.server.loops, 10: idle},
        workers=rows(*busy.server.workers.values(), worker(10, Activity.IDLE, -1)),
    )
    assert says("async-computes", context(two, at_s=2)) == (
        "The event loop of worker 9 computes over 90 % of the time: "
        "there is nothing to wait for, so async gains nothing."
    )
    assert says("async-computes", context(over(two), at_s=9)) == (
        "ASGI's event loop of worker 9 computed over 90 % of the time: there was nothing to wait for, "
        "so async gained nothing, and one loop uses one core."
    )
    held = but(two, loops={9: Loop(9, running=RUN + 1, since_ns=T0), 10: Loop(10)}, requests=[])
    assert (says("loop-held", context(held)) or "").startswith("#1 holds the event loop of worker 9, for over 0.2 s")


def test_a_loop_that_is_held_to_the_end_does_not_compute() -> None:
    """It has no heartbeat, so that what it did before that is all that the heartbeat tells."""
    looks = [held_event(0.2 + tick / 10, 1, 100 + 100 * tick) for tick in range(38)]
    asleep = [ThreadSampled(at(0.01 + tick / 10), "asgi", PID, 0, 20 * MS + tick, 0, "S") for tick in range(40)]
    beats = [LoopBeat(at(0.02), "asgi", PID, 0, 0), LoopBeat(at(0.04), "asgi", PID, 0, 19 * MS)]
    state = reduced(
        sorted([*two_requests()[len(ASGI) :], *looks, *asleep, *beats], key=lambda e: e.t_ns), before=reduced(ASGI)
    )
    assert says("async-computes", seen(state, 3)) is None
    assert says("loop-held", seen(state, 3)) is not None


def test_a_task_that_awaits_does_not_hold_the_loop() -> None:
    awaiting = but(awaiting_tasks(0.5), loops={300: Loop(300, since_ns=T0)})
    assert all(request.task is Task.AWAITING for request in awaiting.ledger.in_flight())
    assert says("loop-held", context(awaiting)) is None
