"""Waiting in line inside the app: where the lint speaks, with which numbers, and where it is silent."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from random import Random

import pytest

from tests.unit.lines_of_apps import (
    HIDDEN,
    LOCK,
    POOL,
    QUERY,
    RENDER,
    SLEEP,
    THREAD_LOCK,
    UPSTREAM,
    Place,
    Stretch,
    Way,
    each_for_itself,
    in_threads,
    on_a_loop,
    through_a_pool,
)
from tests.unit.lint_contexts import at, ended, reduced, says, seen
from tests.unit.thread_events import answered, asked, entered, full_limiter, in_order, left, pool
from tests.unit.thread_events import run as thread_run
from tests.unit.thread_events import seen as look
from wsgiviz.events import Event, RequestBegan, ResponseStarted
from wsgiviz.state import State

Told = Callable[[Sequence[Way]], list[Event]]

TICK_S = 0.1
OVER_S = 4.0


def during(events: Sequence[Event], times_s: Sequence[float]) -> Iterator[str | None]:
    """What the lint says at each of these times of the run."""
    state, rest = State(), list(events)
    for at_s in times_s:
        count = sum(event.t_ns <= at(at_s) for event in rest)
        state = reduced(rest[:count], before=state)
        del rest[:count]
        yield says("waiting-in-line", seen(state, at_s))


def said(events: Sequence[Event], at_s: float) -> str | None:
    """What it says at that time of the run."""
    return next(during(events, [at_s]))


def afterwards(events: Sequence[Event], side: str, at_s: float = OVER_S) -> str | None:
    """What it says when the side's run is over."""
    return says("waiting-in-line", seen(reduced(events, ended(at_s, side)), at_s))


def ever(events: Sequence[Event], side: str, until_s: float = OVER_S) -> list[str]:
    """All that it says of a run, tick by tick, and after it."""
    ticks = [tick * TICK_S for tick in range(1, int(until_s / TICK_S))]
    return [message for message in (*during(events, ticks), afterwards(events, side, until_s)) if message]


# --- where requests wait in line ---------------------------------------------------------------------------------


def test_one_gets_through_a_lock_at_a_time() -> None:
    events = on_a_loop(through_a_pool(20, 1, 0.15))
    assert said(events, 0.15) == (
        "19 of 20 requests wait at app.py:9 with lock for what 1 other holds, at app.py:20 query."
    )
    assert said(events, 0.85) == (
        "14 of 15 requests wait at app.py:9 with lock for what 1 other holds, at app.py:20 query: "
        "one gets through at a time."
    )
    assert afterwards(events, "asgi") == (
        "Up to 19 requests at once waited at app.py:9 with lock, and got through one at a time."
    )


def test_a_pool_of_five_before_anybody_has_given_anything_back() -> None:
    events = on_a_loop(through_a_pool(20, 5, 1.0, POOL))
    assert said(events, 0.3) == (
        "15 of 20 requests wait at app.py:12 pool.get for what 5 others hold, at app.py:20 query."
    )
    assert said(events, 1.3) == (
        "10 of 15 requests wait at app.py:12 pool.get for what 5 others hold, at app.py:20 query: "
        "5 get through at a time."
    )


@pytest.mark.parametrize(("told", "side"), [(on_a_loop, "asgi"), (in_threads, "wsgi")])
@pytest.mark.parametrize(("size", "wait"), [(1, LOCK), (1, THREAD_LOCK), (2, POOL), (5, POOL)])
def test_once_it_is_known_it_is_said_until_the_line_is_short(told: Told, side: str, size: int, wait: Place) -> None:
    events = told(through_a_pool(12 * size, size, 0.2, wait))
    messages = [message or "" for message in during(events, [0.2 + tick * TICK_S for tick in range(18)])]
    assert all(" for what " in message for message in messages), messages
    waiting = [int(message.split()[0]) for message in messages]
    assert waiting == sorted(waiting, reverse=True)
    at_a_time = "one at a time" if size == 1 else f"{size} at a time"
    assert (afterwards(events, side) or "").endswith(f"got through {at_a_time}.")


def test_who_has_given_it_back_and_goes_on_holds_nothing() -> None:
    events = on_a_loop(through_a_pool(24, 2, 0.2, POOL, hold=(QUERY, HIDDEN), after_s=0.5))
    assert said(events, 1.17) == (
        "12 of 18 requests wait at app.py:12 pool.get for what 2 others hold, at app.py:16 database.execute: "
        "2 get through at a time."
    )


def test_what_does_not_look_like_a_line_may_move_like_one() -> None:
    events = on_a_loop(through_a_pool(20, 1, 0.1, HIDDEN))
    assert said(events, 0.25) is None, "no evidence yet"
    assert said(events, 1.25) == (
        "7 of 8 requests wait at app.py:16 database.execute for what 1 other holds, at app.py:20 query: "
        "one gets through at a time."
    )


def test_a_logging_handler_that_writes_is_at_the_line_at_which_others_wait_for_it() -> None:
    wait = Place(30, "log.info", "logging/__init__.py|acquire")
    write = Place(30, "log.info", "logging/__init__.py|flush")
    events = in_threads(through_a_pool(8, 1, 0.3, wait, hold=(write,)))
    assert said(events, 0.25) == (
        "7 of 8 requests wait at app.py:30 log.info for what 1 other holds, further on in that line."
    )


@pytest.mark.parametrize(
    ("wait", "answer"),
    [
        ("asyncio/locks.py|wait||wait_for_connection", "asyncio/locks.py|wait||receive"),  # httpx
        ("aiohttp/connector.py|_wait_for_available_connection", "aiohttp/streams.py|read"),
    ],
)
def test_a_client_s_pool_is_a_line_though_answers_are_waited_for_at_the_same_one(wait: str, answer: str) -> None:
    here = 6, "client.get"
    events = on_a_loop(through_a_pool(20, 3, 0.5, Place(*here, wait), hold=(Place(*here, answer),)))
    assert said(events, 2.2) == (
        "5 of 8 requests wait at app.py:6 client.get for what 3 others hold, further on in that line: "
        "3 get through at a time."
    )
    assert afterwards(events, "asgi") == (
        "Up to 17 requests at once waited at app.py:6 client.get, and got through 3 at a time."
    )


def test_what_nobody_in_the_app_holds() -> None:
    forever = [[Stretch(LOCK, 0.01 + n / 1000, 9.0)] for n in range(6)]
    assert said(on_a_loop(forever), 0.9) is None, "it may come any moment"
    assert said(on_a_loop(forever), 1.5) == (
        "All 6 requests in the app wait at app.py:9 with lock, and no request in the app is past that line: "
        "what they wait for is held elsewhere, or was never given back."
    )


def holders_wait_for_a_thread(moving: bool = False, later: int = 15) -> list[Event]:
    """Five have a connection, and need a thread to give it back; all 40 threads wait for a connection, and others
    come ``later``, when they have a thread. ``moving``: the five have threads."""
    take, give = (12, "pool.get", "threading.py|wait"), (26, "to_thread.run_sync", "asyncio/locks.py|wait")
    events = thread_run(45 + later)
    for n in range(1, 6):
        events += [*asked(n, 0.01), *entered(n, 0.011), *left(n, 0.012), *asked(n, 0.02, first=False)]
        events += [*entered(n, 0.021), *look(n, 0.06, 20, "query")] if moving else look(n, 0.06, *give)
    for n in range(6, 46):
        events += [*asked(n, 0.01), *entered(n, 0.013), *look(n, 0.06, *take)]
    for n in range(46, 46 + later):
        events += [*asked(n, 0.01), *look(n, 0.06, 10, "to_thread.run_sync")]
    return in_order(events)


def test_two_resources_each_held_by_who_waits_for_the_other() -> None:
    line = "40 of 60 requests wait in threads at app.py:12 pool.get for what 5 others hold, at app.py:26 "
    line += "to_thread.run_sync"
    assert said(holders_wait_for_a_thread(), 0.6) == f"{line}."
    assert said(holders_wait_for_a_thread(), 2.0) == f"{line}, who wait themselves for a thread: nobody gets through."
    assert said(holders_wait_for_a_thread(moving=True), 2.0) == (
        "40 of 60 requests wait in threads at app.py:12 pool.get for what 5 others hold, at app.py:20 query."
    )


def holders_were_seen_in_line(until_s: float = 0.2) -> list[Event]:
    """On a busy machine the five get the CPU so late that they are seen waiting too, and so is one of the others."""
    take, give = (12, "pool.get", "threading.py|wait"), (26, "to_thread.run_sync", "asyncio/locks.py|wait")
    events = thread_run(60)
    for n in range(1, 6):
        events += [*asked(n, 0.01), *entered(n, 0.011), *look(n, 0.05, *take), *left(n, until_s - n / 100)]
        events += [*asked(n, until_s, first=False), *look(n, until_s + 0.05, *give)]
    for n in range(6, 46):
        events += [*asked(n, 0.01), *entered(n, 0.013), *look(n, 0.06, *take)]
    for n in range(46, 61):
        events += [*asked(n, 0.01), *look(n, 0.06, 10, "to_thread.run_sync")]
    return in_order([*events, *pool(0.3, 40, 20)])


def test_a_deadlock_needs_no_statistics() -> None:
    """All threads of a pool wait at a line, and those who are past it wait for one of them."""
    line = "40 of 60 requests wait in threads at app.py:12 pool.get for what 5 others hold, at app.py:26 "
    events = holders_were_seen_in_line()
    assert said(events, 2.0) == f"{line}to_thread.run_sync, who wait themselves for a thread: nobody gets through."
    free = [*events, *pool(0.4, 40, 0, size=50)]
    assert "who wait themselves" not in (said(in_order(free), 2.0) or ""), "there are more threads than wait there"


def test_a_deadlock_that_is_over_is_named_as_surely() -> None:
    events = holders_were_seen_in_line()
    for n in range(6, 46):
        events += [*left(n, 3.0), *answered(n, 0.01, 3.01, "Empty")]
    for n in range(1, 6):
        events += [*entered(n, 3.005), *left(n, 3.2), *answered(n, 0.01, 3.21)]
    for n in range(46, 61):
        events += [*entered(n, 3.006), *look(n, 3.06, 12, "pool.get", "threading.py|wait"), *left(n, 3.22)]
        events += answered(n, 0.01, 3.3)
    assert "those who held it waited themselves for a thread at app.py:26" in (
        afterwards(in_order(events), "asgi") or ""
    )


def test_after_the_run_it_is_said_for_how_long_nobody_got_through() -> None:
    """The 40 give up after 3 s, and with that all others get through."""
    events = holders_wait_for_a_thread(later=5)
    for n in range(6, 46):
        events += [*left(n, 3.0), *answered(n, 0.01, 3.01, "Empty")]
    for n in range(1, 6):
        events += [*entered(n, 3.005), *left(n, 3.2), *answered(n, 0.01, 3.21)]
    for n in range(46, 51):
        events += [*entered(n, 3.006), *look(n, 3.06, 12, "pool.get", "threading.py|wait"), *left(n, 3.22)]
        events += answered(n, 0.01, 3.3)
    assert afterwards(in_order(events), "asgi") == (
        "Up to 40 requests at once waited in threads at app.py:12 pool.get, and nobody got through for 2.95 s: "
        "those who held it waited themselves for a thread at app.py:26 to_thread.run_sync."
    )


def test_who_holds_and_does_something_is_what_others_wait_for_and_no_standstill() -> None:
    events = on_a_loop(through_a_pool(4, 1, 1.2))
    assert afterwards(events, "asgi", 6.0) == (
        "Up to 3 requests at once waited at app.py:9 with lock, and got through one at a time."
    )


def test_who_waits_for_a_thread_stands_in_no_line_of_the_app() -> None:
    """That has lints of its own."""
    assert ever(full_limiter(4, 20), "asgi", 2.0) == []


def test_threads_that_take_turns_with_the_gil_are_no_line() -> None:
    """Each goes on when another one is through: nothing is held that could be given back."""
    events = thread_run(20)
    for n in range(1, 21):
        events += [*asked(n, 0.01), *entered(n, 0.02), *look(n, 0.06, 12, "compute", "app.py|fibonacci")]
        through_s = 0.1 * n
        events += [*look(n, through_s, 14, "render"), *left(n, through_s + 0.09)]
        events += answered(n, 0.01, through_s + 0.095)
    assert ever(in_order(events), "asgi", 3.0) == []


# --- where they do not -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("told", "side"), [(on_a_loop, "asgi"), (in_threads, "wsgi")])
@pytest.mark.parametrize("wait", [SLEEP, UPSTREAM, HIDDEN])
def test_all_wait_and_go_on_at_once(told: Told, side: str, wait: Place) -> None:
    assert ever(told(each_for_itself([1.0] * 20, wait)), side) == []


@pytest.mark.parametrize("wait", [SLEEP, UPSTREAM, HIDDEN])
def test_something_else_serves_them_one_at_a_time(wait: Place) -> None:
    waits = [0.1 * (n + 1) for n in range(20)]
    assert ever(on_a_loop(each_for_itself(waits, wait, after_s=0.03)), "asgi") == []


@pytest.mark.parametrize("wait", [SLEEP, UPSTREAM, HIDDEN])
def test_waits_of_any_length_with_something_to_do_after_them(wait: Place) -> None:
    """Who leaves does so when another one ends only by accident. (The seeds are fixed: so is what they show.)"""
    spoken = []
    for seed in range(40):
        random = Random(seed)
        waits = [random.uniform(0.1, 1.5) for _ in range(20)]
        spoken += ever(on_a_loop(each_for_itself(waits, wait, after_s=random.uniform(0.05, 0.5))), "asgi", 2.0)
    assert spoken == []


def test_one_request_that_waits_is_no_line() -> None:
    assert ever(on_a_loop(through_a_pool(2, 1, 0.6)), "asgi", 2.0) == []


def test_waits_that_are_a_small_part_of_the_run_are_passed_over_after_it() -> None:
    events = on_a_loop(through_a_pool(4, 1, 0.15, after_s=3.0))
    assert said(events, 0.25) is not None
    assert afterwards(events, "asgi") is None


def test_who_streams_an_answer_and_waits_for_news_is_no_line() -> None:
    """Each has a queue of its own; one of them sends just now."""
    news = Place(12, "queue.get", "asyncio/queues.py|get")
    events = on_a_loop([[Stretch(RENDER, 0.01, 9.0)], *[[Stretch(news, 0.02, 9.0)] for _ in range(10)]])
    started = [
        ResponseStarted(event.t_ns + 1, "asgi", event.pid, 0, event.req, 200)
        for event in events
        if isinstance(event, RequestBegan)
    ]
    assert said(sorted([*events, *started], key=lambda event: event.t_ns), 1.5) is None
