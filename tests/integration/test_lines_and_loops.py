"""Waiting in line inside an app, and each loop for itself, on real servers."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Callable
from typing import Any

import pytest

from tests.integration.conftest import APPS, Stage
from wsgiviz.analysis.captions import Caption, Tone, caption
from wsgiviz.report.result import result

Start = Callable[..., Stage]
LINE = "waiting-in-line"


def line_of(text: str) -> int:
    """Number of the line in lines.py that holds ``text``."""
    lines = (APPS / "lines.py").read_text().splitlines()
    [at] = [number for number, line in enumerate(lines, 1) if text in line]
    return at


def sentence(on: Stage) -> Caption:
    """What the screen says."""
    return caption(on.state, on.state.t_ns, on.log.occurrences)


def messages(on: Stage, lint: str) -> list[str]:
    """What a lint says now."""
    return [finding.message for finding in on.log.occurrences.found if finding.lint == lint]


def report(on: Stage) -> dict[str, Any]:
    """The only side's, in the JSON."""
    [side] = result(on.state, on.log.occurrences)["sides"].values()
    found: dict[str, Any] = side
    return found


# --- waiting in line ---------------------------------------------------------------------------------------------

THREADS = {"workers": 1, "threads": 8, "only": "wsgi", "wsgi": "by_path:app"}
GREENLETS = {"workers": 1, "worker_class": "gevent", "only": "wsgi", "wsgi": "by_path:app"}
PROCESSES = {"workers": 4, "only": "wsgi", "wsgi": "by_path:app"}
BY_PATH = {"only": "asgi", "asgi": "by_path:async_app"}
LOOP = {"only": "asgi", "requests": 10}


@pytest.mark.parametrize(
    ("settings", "requests", "app", "where", "hold", "at_a_time"),
    [
        (THREADS, 10, "pool", "connections.get", "2 others hold", "2 at a time"),
        (THREADS, 8, "locked", "with lock", "1 other holds", "one at a time"),
        (GREENLETS, 7, "locked", "with lock", "1 other holds", "one at a time"),
        (PROCESSES, 6, "one_process", "fcntl.flock", "1 other holds", "one at a time"),
        (BY_PATH, 7, "alone", "async with async_lock", "1 other holds", "one at a time"),
        (BY_PATH, 10, "by_three", "async with three", "3 others hold", "3 at a time"),
    ],
    ids=["pool", "lock", "greenlets", "processes", "async-lock", "semaphore"],
)
def test_who_waits_where_and_for_how_many(
    shared: Start, settings: dict[str, Any], requests: int, app: str, where: str, hold: str, at_a_time: str
) -> None:
    on = shared(**settings)
    on.begin(path=f"/lines/{app}", requests=requests)
    said = re.compile(rf"\d+ of \d+ requests wait at lines.py:\d+ {where} for what {hold}, at lines.py:\d+ \w+.sleep")
    on.until(lambda: any(map(said.match, messages(on, LINE))), f"a line at {where}")
    assert said.match(sentence(on).text), "it goes before what blames the server's threads"
    assert sentence(on).tone is Tone.WARN
    if app == "alone":
        [message] = messages(on, LINE)
        assert f"lines.py:{line_of('# waits for the others')} " in message, "the app's own"
    on.finish()
    assert f"{where}, and got through {at_a_time}." in sentence(on).text


def test_a_handler_that_writes_slowly_is_what_others_wait_for(shared: Start) -> None:
    on = shared(**THREADS)
    on.begin(path="/lines/logs", requests=8)
    place = f"lines.py:{line_of('waits for the handler')} logger.error"
    on.until(lambda: any(f"wait at {place} for what 1 other holds" in said for said in messages(on, LINE)), "a line")
    on.finish()


def only_looks_like_one(on: Stage) -> bool:
    return LINE not in [occurrence.finding.lint for occurrence in on.log.occurrences.met]


@pytest.mark.parametrize(
    "settings",
    [
        {**LOOP, "scenario": "sleep", "parameters": {"seconds": 0.6}},
        {**LOOP, "scenario": "http", "parameters": {"seconds": 0.6}},
        {
            "workers": 1,
            "threads": 8,
            "only": "wsgi",
            "requests": 16,
            "scenario": "http",
            "parameters": {"seconds": 0.4},
        },
    ],
    ids=["sleep", "http", "http-in-threads"],
)
def test_a_scenario_that_only_looks_like_a_line(stage: Start, settings: dict[str, Any]) -> None:
    on = stage(**settings)
    on.finish()
    assert only_looks_like_one(on)


@pytest.mark.parametrize(
    ("settings", "requests", "app"),
    [(BY_PATH, 10, "all_at_once"), (THREADS, 16, "futures"), (THREADS, 8, "computes")],
    ids=["future", "executor", "computes"],
)
def test_what_only_looks_like_a_line(shared: Start, settings: dict[str, Any], requests: int, app: str) -> None:
    on = shared(**settings)
    on.run(path=f"/lines/{app}", requests=requests)
    assert only_looks_like_one(on)


# --- loops -------------------------------------------------------------------------------------------------------


def test_a_loop_that_is_held_to_the_end_is_in_the_report_and_in_the_sentence(stage: Start) -> None:
    on = stage(**LOOP, asgi="lines:deadlock", timeout=1.0)
    on.finish()
    place = f"lines.py:{line_of('# the second blocks the loop')} with lock"
    assert f"has held the event loop at {place} for" in sentence(on).text
    assert "and still does" in sentence(on).text
    side = report(on)
    [loop] = side["loops"]
    for figures in (side["loop"], loop):
        assert 0.8 < figures["longest_step_s"] < on.state.t_ns / 1e9
        assert figures["max_lag_s"] > 0.8
        assert figures["busy_fraction"] > 0.8
    assert side["blocked_fraction"] > 0.5, "it waits for a lock, and computes nothing"
    assert not messages(on, "async-computes")


def test_who_computes_in_a_greenlet_holds_the_hub_at_its_line(shared: Start) -> None:
    on = shared(**GREENLETS)
    on.begin(path="/lines/computes", requests=3)
    lines = range(line_of("began = time.process_time()"), line_of("# computes") + 1)

    def named() -> bool:
        holds = [loop.held for loop in on.wsgi.server.loops.values()]
        return any(hold is not None and hold.where.line in lines for hold in holds)

    on.until(named, "the line that holds the hub")
    on.finish()
    [message] = messages(on, "loop-held")
    assert re.search(r"at lines.py:\d+", message)
    assert report(on)["loop"]["busy_fraction"] > 0.8


@pytest.mark.parametrize("server", ["gunicorn", "uvicorn"])
def test_one_of_two_loops_takes_all_that_comes_while_the_other_is_away(stage: Start, server: str) -> None:
    on = stage(fire=False, **{**LOOP, "requests": 6}, asgi="lines:blocks", async_server=server, async_workers=2)
    on.ready()
    first, second = on.only.server.workers.values()
    os.kill(second.pid, signal.SIGSTOP)
    try:
        on.controller.fire()
        on.until(lambda: on.only.run.completed == 1, "the first answer")
        on.until(
            lambda: {request.pid for request in on.only.ledger.in_flight()} == {first.pid},
            "all wait for one loop, which is known",
        )
    finally:
        os.kill(second.pid, signal.SIGCONT)
    on.finish()
    one, other = report(on)["loops"]
    assert (one["pid"], one["number"], one["requests"]) == (first.pid, first.number, 6)
    assert (other["pid"], other["number"], other["requests"]) == (second.pid, second.number, 0)
    assert one["busy_fraction"] > 0.8
    assert one["longest_step_s"] >= 0.2
    [message] = messages(on, "uneven-loops")
    assert message.startswith(f"Worker {first.number} took all 6 requests, worker {second.number} none: ")


def test_the_loop_of_a_worker_that_was_killed_is_in_the_report_and_held_no_more(stage: Start) -> None:
    on = stage(**{**LOOP, "requests": 3}, asgi="lines:deadlock", timeout=2.0)
    on.until(lambda: any(loop.held for loop in on.only.server.loops.values()), "a held loop")
    [worker] = on.only.server.living()
    os.kill(worker.pid, signal.SIGKILL)
    on.until(lambda: worker.pid not in on.only.server.loops, "its death")
    on.until(lambda: not any("holds" in said for said in messages(on, "loop-held")), "what the next tick finds")
    on.finish()
    dead = next(loop for loop in report(on)["loops"] if loop["pid"] == worker.pid)
    assert dead["longest_step_s"] >= 0.1
