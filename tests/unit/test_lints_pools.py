"""Pools of threads that are exhausted: a lint for each kind, with its size, where its threads are, and what helps."""

from __future__ import annotations

import pytest

from tests.unit.lint_contexts import PID, at, booted, ended, opened, reduced, says, seen
from tests.unit.thread_events import (
    answered,
    asked,
    entered,
    full_limiter,
    in_order,
    in_thread_77,
    left,
    pool,
    run,
    sampled,
)
from tests.unit.thread_events import seen as look
from wsgiviz.analysis.captions import Tone, caption
from wsgiviz.analysis.occurrences import Occurrences
from wsgiviz.events import Event

OTHER = PID + 1

SAID = {
    ("limiter-exhausted", "anyio|", 40): (
        "one of the 40 threads of AnyIO's default limiter (all at app.py:7 time.sleep): "
        "await an asyncio library, or raise its total_tokens."
    ),
    ("limiter-exhausted", "limiter|", 2): (
        "one of the 2 threads of a limiter of the app's own (all at app.py:7 time.sleep): "
        "its total_tokens say how many may run at once."
    ),
    ("executor-exhausted", "asyncio|", 6): (
        "one of the 6 threads of asyncio's default executor (all at app.py:7 time.sleep): "
        "await an asyncio library, or give it more threads."
    ),
    ("own-executor-exhausted", "executor|reports", 3): (
        "one of the 3 threads of the executor reports (all at app.py:7 time.sleep): "
        "its max_workers say how many may run at once."
    ),
    ("own-executor-exhausted", "executor|mail", 1): (
        "the only thread of the executor mail (at app.py:7 time.sleep): "
        "its max_workers say how many may run at once."
    ),
    ("processes-exhausted", "processes|", 2): (
        "one of the 2 processes of a ProcessPoolExecutor (all at app.py:7 time.sleep): "
        "each computes one call at a time, and more than cores gain nothing."
    ),
    ("one-thread-for-all", "asgiref|", 1): (
        "asgiref's only thread (at app.py:7 time.sleep): "
        "sync_to_async takes turns there, unless thread_sensitive=False."
    ),
}  # fmt: skip


def exhausted(name: str, size: int, waiting: int = 5) -> list[Event]:
    """A pool of that kind, all of whose threads are taken."""
    renamed = [
        event if type(event).__name__ != "PoolSampled" else pool(0.05, size, waiting, size, name)[0]
        for event in full_limiter(size, waiting)
    ]
    return in_order(renamed)


@pytest.mark.parametrize(("lint", "name", "size"), SAID)
def test_the_pool_its_size_where_its_threads_are_and_what_helps(lint: str, name: str, size: int) -> None:
    text = SAID[lint, name, size]
    assert says(lint, seen(reduced(exhausted(name, size)))) == f"5 requests wait for {text}"
    assert says(lint, seen(reduced(exhausted(name, size, 1)))) == f"1 request waits for {text}"
    for other, *_ in SAID:
        assert other == lint or says(other, seen(reduced(exhausted(name, size)))) is None


def test_a_pool_with_threads_to_spare() -> None:
    state = reduced(full_limiter(4, 0), pool(0.2, 4, 0, 40))
    assert says("limiter-exhausted", seen(state)) is None
    assert says("limiter-exhausted", seen(reduced(pool(0.3, 3, 2, 4), before=state))) is None, (
        "one is free this moment"
    )
    assert says("limiter-exhausted", seen(reduced(run(1)))) is None


def test_it_is_what_the_sentence_says() -> None:
    state = reduced(full_limiter(40, 160), pool(0.6, 40, 160))
    said = caption(state, state.t_ns, Occurrences().after(state))
    assert said.text.startswith("160 requests wait for one of the 40 threads of AnyIO's default limiter (all at")
    assert said.tone is Tone.WARN


def test_calls_of_requests_that_have_others_in_threads_are_counted_as_calls() -> None:
    events = [*run(1), *asked(1, 0.01), *asked(1, 0.02, first=False), *entered(1, 0.03)]
    state = reduced(events, pool(0.1, 1, 1, 1, "asyncio|"))
    assert (says("executor-exhausted", seen(state)) or "").startswith(
        "1 call waits for the only thread of asyncio's default executor: "
    )


def test_most_threads_are_somewhere() -> None:
    state = reduced(full_limiter(3, 5), left(1, 0.2), entered(4, 0.2), look(4, 0.24, 9, "render"), pool(0.3, 3, 4, 3))
    assert "(most at app.py:7 time.sleep)" in (says("limiter-exhausted", seen(state)) or "")


def test_between_two_calls_they_are_where_they_were() -> None:
    state = reduced(full_limiter(1, 5), left(1, 0.45), entered(2, 0.46), pool(0.47, 1, 4, 1))
    assert "(at app.py:7 time.sleep)" in (says("limiter-exhausted", seen(state)) or "")


def test_the_same_pool_in_several_processes() -> None:
    before = [*opened("", "asgi", async_workers=2), *booted("asgi", PID, 1, kind="asgi")]
    events = [*before, *booted("asgi", OTHER, 2, kind="asgi"), *full_limiter(4, 5)[len(before) :]]
    state = reduced(events, pool(0.2, 4, 5, 4), pool(0.2, 4, 7, 4, pid=OTHER))
    assert (says("limiter-exhausted", seen(state)) or "").startswith(
        "5 requests wait for one of the 4 threads of AnyIO's default limiter in each process"
    )


def run_of(waited_s: float, ran_s: float) -> list[Event]:
    """Two requests take turns in one thread; the second waits so long, and each is in it so long."""
    first_s = 0.01 + waited_s
    events = [*run(2), *asked(1, 0.01), *asked(2, 0.01), *entered(1, 0.011), *pool(0.05, 1, 1, 1, "asgiref|")]
    events += [*left(1, first_s), *entered(2, first_s), *answered(1, 0.01, first_s + 0.01 + ran_s)]
    events += [*left(2, first_s + ran_s), *answered(2, 0.01, first_s + ran_s + 0.01)]
    return in_order([*events, *pool(first_s + ran_s, 0, 0, 1, "asgiref|")])


def test_afterwards_when_it_shaped_the_run() -> None:
    assert says("one-thread-for-all", seen(reduced(run_of(1.0, 1.0), ended(3, "asgi")), 3)) == (
        "Up to 1 call at a time waited for asgiref's only thread: "
        "sync_to_async takes turns there, unless thread_sensitive=False."
    )
    assert says("one-thread-for-all", seen(reduced(run_of(0.01, 1.0), ended(3, "asgi")), 3)) is None


def test_a_worker_that_died_has_no_pool_to_wait_for() -> None:
    state = reduced(full_limiter(4, 5), pool(0.3, 0, 0, 0))
    assert says("limiter-exhausted", seen(state, at_s=0.5)) is None
    assert state.t_ns < at(1)


def test_threads_that_compute_need_processes_and_no_more_threads() -> None:
    busy: list[Event] = []
    for n in range(1, 5):
        busy += [*in_thread_77(n, 0.06), *sampled(n, 0.1, 1.0, "R"), *sampled(n, 0.2, 1.02, "G")]
    events = in_order([*full_limiter(4, 5), *busy])
    assert says("limiter-exhausted", seen(reduced(events))) == (
        "5 requests wait for one of the 4 threads of AnyIO's default limiter (all at app.py:7 time.sleep): "
        "they compute, and share one GIL: a pool of processes would compute at the same time."
    )
    assert caption(reduced(events), at(0.5), Occurrences()).text == (
        "Of 9 requests, 4 are in threads that take turns with the GIL and 5 wait for a thread in asyncio.sleep(1)."
    )
