"""What other programs on the machine do is no pitfall of the app: false alarms of runs with one core taken."""

from __future__ import annotations

import selectors
import socket
import sys
import threading
import time
from collections.abc import Callable

import pytest
from msgspec.structs import replace

from tests.unit.lint_contexts import (
    BOOTED,
    DRIVER,
    PID,
    at,
    booted,
    context,
    ended,
    fired,
    opened,
    over,
    queued,
    reduced,
    rows,
    says,
    seen,
    side,
    taken,
    worker,
)
from tests.unit.loop_events import ONE_LOOP, began, stepped
from tests.unit.probed import Recorded
from tests.unit.states import MS, RUN, T0, S, answered_request
from wsgiviz.events import AcceptorClosing, ClientSeen, ConnectionAccepted, DriverLate, LoopHeld
from wsgiviz.probe.line_sampler import LineEmitter
from wsgiviz.probe.loop_sampler import LoopSampler
from wsgiviz.probe.source_lines import SourceLines
from wsgiviz.state import Activity, Counters, Loop, LoopTally, Side, Tally, WaitSamples, Worker

WITHIN_S = 20.0


def late(at_s: float, by_s: float) -> DriverLate:
    return DriverLate(at(at_s), "wsgi", DRIVER, round(by_s * S))


# --- loops ---------------------------------------------------------------------------------------------------------


def test_one_step_that_was_late_is_no_pattern_while_a_long_run_goes_on() -> None:
    """Of `slow-client`: one send took 0.12 s at the beginning, for want of a core."""
    state = reduced(ONE_LOOP, began(1, 0.1), stepped(1, 0.22, 120), began(2, 0.3))
    state = reduced(*(stepped(n, 0.3 + n / 10, 2) + began(n + 1, 0.31 + n / 10) for n in range(2, 60)), before=state)
    early = reduced(ONE_LOOP, began(1, 0.1), stepped(1, 0.22, 120), began(2, 0.3))
    assert says("loop-held", seen(early, 0.35)), "it is a good part of the run so far"
    assert says("loop-held", seen(state, 6.2)) is None


def test_many_short_steps_do_not_add_up_to_long_ones() -> None:
    """A loop that is busy with requests of some milliseconds, and was late once."""
    short = [replace(answered_request(n, T0, T0 + S, pid=9), run_ns=60 * MS) for n in range(1, 100)]
    tally = LoopTally(longest_step_ns=120 * MS, longest_step_req=RUN + 3)
    held = over(side("asgi", "asgi", short, loops={9: Loop(9, steps_ns=6 * S, tally=tally)}), 8)
    assert says("loop-held", context(held, at_s=8)) is None


def watched(wait: Callable[[], object], function: str, free: Callable[[], object]) -> list[LoopHeld]:
    """What the sampler emits of a loop whose heartbeat is long overdue, while its thread is in this function, until
    ``free`` ends that."""
    recorded = Recorded()
    samplers: list[LoopSampler] = []

    class Overdue:
        due_ns = 0

    def on_loop() -> None:
        lines = LineEmitter(recorded.emit, SourceLines(__name__))
        samplers.append(LoopSampler(recorded.emit, lines, {}, Overdue()))
        wait()

    thread = threading.Thread(target=on_loop, daemon=True)
    thread.start()
    deadline = time.monotonic() + WITHIN_S
    while sys._current_frames()[thread.ident or 0].f_code.co_name != function:
        assert time.monotonic() < deadline
    samplers[0].sample()
    free()
    thread.join(WITHIN_S)
    return recorded.of(LoopHeld)


def test_a_loop_that_is_late_in_its_selector_is_held_by_nobody() -> None:
    """Of `stream` and `crash`: no core, for up to 0.4 s, and no step of anybody's."""
    end = threading.Event()
    with selectors.SelectSelector() as selector, socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        selector.register(listener, selectors.EVENT_READ)
        assert watched(lambda: end.wait(WITHIN_S), "wait", end.set), "anything else holds it"
        assert not watched(
            lambda: selector.select(WITHIN_S),
            "select",
            lambda: socket.create_connection(listener.getsockname()).close(),
        )


# --- the GIL -------------------------------------------------------------------------------------------------------


def threads(cpu_s: float) -> Side:
    """One process whose four threads waited 0.2 s each for the GIL in the first second, and so long had a core."""

    def thread(slot: int) -> Worker:
        tally = Tally(1, app_ns=300 * MS, cpu_ns=100 * MS, first=Counters(T0, 0, 0), gil_ns=200 * MS)
        sample = Counters(T0 + S, int(cpu_s / 4 * S), 0)
        held = worker(PID, Activity.WAITING_FOR_GIL, 1.0, slot, RUN + slot, tally=tally, sample=sample)
        return replace(held, waits=WaitSamples(gil=9))

    return side(kind="gthread", workers=rows(*(thread(slot) for slot in range(1, 5))))


def test_threads_that_hardly_compute_do_not_compete_for_the_gil() -> None:
    """Of `keep-alive`: whoever had the lock for a moment had no core, and that was the probe's own thread."""
    assert says("gil-contention", context(threads(0.9), at_s=1))
    assert says("gil-contention", context(threads(0.06), at_s=1)) is None
    assert says("gil-contention", context(over(threads(0.06), 1), at_s=1)) is None


@pytest.mark.parametrize(("no_core_s", "speaks"), [(0.1, True), (0.7, False)])
def test_a_loop_that_lacks_a_core_for_longer_does_not_wait_for_its_threads(no_core_s: float, speaks: bool) -> None:
    tally = Tally(gil_sampled_ns=500 * MS, first=Counters(T0, 0, 0))
    thread = worker(9, Activity.IDLE, -1, tally=tally, sample=Counters(T0 + S, S // 10, int(no_core_s * S)))
    waits = over(side("asgi", "asgi", workers=rows(thread), loops={9: Loop(9)}), 1)
    assert (says("gil-contention", context(waits, at_s=1)) is not None) == speaks


# --- clients -------------------------------------------------------------------------------------------------------


def test_a_client_of_a_driver_that_is_late_itself_is_not_slow() -> None:
    """Of `long-poll`: the driver was 0.4 s late, and so it hung up late."""
    state = reduced(BOOTED, [ConnectionAccepted(at(0.1), "wsgi", PID, 0, 0)])
    assert says("slow-client", seen(state, 0.6))
    assert says("slow-client", seen(reduced([late(0.5, 0.4)], before=state), 0.6)) is None
    assert says("slow-client", seen(reduced([late(0.5, 0.4)], before=state), 0.9)), "but this one is"


def test_one_slow_client_among_many_requests_is_no_pattern() -> None:
    workers = [worker(pid, Activity.BLOCKED, 0.1, req=RUN + pid) for pid in range(1, 4)]
    few = side(workers=rows(*workers, worker(4, Activity.WRITING, 9.6, req=RUN + 4)))
    assert says("slow-client", context(few, at_s=10)) is None, "0.4 s of some 30"
    many = side(workers=rows(*workers[:1], *(worker(pid, Activity.WRITING, 9.6, req=RUN + pid) for pid in (5, 6, 7))))
    assert says("slow-client", context(many, at_s=10)), "most of them are held now"
    long = side(workers=rows(*workers, worker(4, Activity.WRITING, 2.0, req=RUN + 4)))
    assert says("slow-client", context(long, at_s=10)), "8 s of some 38"


def test_a_client_is_silent_only_for_longer_than_the_driver_is_late() -> None:
    silent = [ConnectionAccepted(at(0.1), "wsgi", PID, 0, 0), ClientSeen(at(0.2), "wsgi", PID, 0, 0, "127.0.0.1:1")]
    state = reduced(BOOTED, silent, [late(0.2, 0.5)])
    assert says("silent-client", seen(state, 0.4)) is None
    assert says("silent-client", seen(state, 0.8))


def test_an_accepting_thread_that_stood_still_once_in_a_long_run_held_nobody_up() -> None:
    gthread = [*opened("gthread", threads=2), *booted(threads=2, kind="gthread"), *fired()]
    once = [AcceptorClosing(at(1.0), "wsgi", PID, 1), AcceptorClosing(at(1.25), "wsgi", PID, 0)]
    assert says("lingering-client", seen(reduced(gthread, once, ended(2.0)), 2.1))
    assert says("lingering-client", seen(reduced(gthread, once, ended(20.0)), 20.1)) is None
    assert says("lingering-client", seen(reduced(gthread, once, [late(1.2, 0.2)], ended(2.0)), 2.1)) is None


# --- processes -----------------------------------------------------------------------------------------------------


def test_at_the_beginning_nobody_knows_yet_who_computes() -> None:
    """Of `http` and `file`: for some 0.2 s all workers stood in line for a core, and then they waited for the app."""
    workers = rows(*(worker(pid, Activity.COMPUTING, 0.0, req=RUN + pid) for pid in range(1, 5)))
    assert says("more-processes-than-cores", context(side(workers=workers), at_s=0.19)) is None
    assert says("more-processes-than-cores", context(side(workers=workers), at_s=0.25))


# --- blocked -------------------------------------------------------------------------------------------------------


def test_one_sample_is_no_evidence_against_the_cpu_time_of_requests() -> None:
    """Of requests that compute for long, on a core that others have: a sample finds none of them on it."""
    tally = Tally(4, app_ns=2 * S, cpu_ns=2 * S, first=Counters(T0, 0, 0))
    now = worker(PID, Activity.BLOCKED, 1.96, req=RUN + 5, tally=tally, sample=Counters(T0 + 2 * S, 2 * S, 0, "S"))
    just = side(workers=rows(now), queue_depth=3)
    assert says("all-workers-blocked", context(just, at_s=2.0)) is None
    assert says("all-workers-blocked", context(just, at_s=2.2)) is None, "nobody has seen it since"
    again = replace(now, sample=replace(now.sample, t_ns=T0 + 2100 * MS))
    assert says("all-workers-blocked", context(side(workers=rows(again), queue_depth=3), at_s=2.2)), "that lasts"
    slept = replace(now, tally=replace(tally, cpu_ns=0), sample=Counters(T0 + 2 * S, 0, 0, "S"))
    waits = side(workers=rows(slept), queue_depth=3)
    assert says("all-workers-blocked", context(waits, at_s=2.0)), "so did the requests before it"


def test_a_refused_websocket_waits_in_no_call() -> None:
    """`start_response(400)` takes no time: what a worker waits in then, its line says, or nobody."""
    websocket = [*opened(scenario="websocket"), *booted(), *fired()]
    state = reduced(websocket, taken(1, 0.01), [queued(0.1, 3)])
    blocked = replace(state.sides["wsgi"], run=replace(state.sides["wsgi"].run, websocket=True))
    shown = seen(replace(state, sides={"wsgi": blocked}), 0.3)
    assert says("all-workers-blocked", shown) == (
        "The only worker is blocked; 3 requests wait in the kernel, not yet read by anyone."
    )
