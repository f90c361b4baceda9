"""Requests in threads behind an event loop, on real servers and through real frameworks."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.integration.conftest import APPS, Stage
from wsgiviz.analysis.captions import caption
from wsgiviz.report.result import result
from wsgiviz.state import INSIDE_THREAD, SLEEPS, Task

Start = Callable[..., Stage]


@pytest.fixture(name="gate")
def _gate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Threads go on when that file is there."""
    gate = tmp_path / "gate"
    monkeypatch.setenv("GATE", str(gate))
    return gate


def line_of(app: str, text: str) -> int:
    lines = (APPS / f"{app}.py").read_text().splitlines()
    return next(number for number, line in enumerate(lines, 1) if line.endswith(text))


def doing(on: Stage) -> Counter[tuple[Task, int]]:
    """How many requests are at which line, and in which state."""
    requests = on.only.ledger.in_flight()
    return Counter((of_threads(request.task), request.where.line if request.where else 0) for request in requests)


def of_threads(task: Task) -> Task:
    """What the thread does is not what most of these tests are about."""
    return Task.IN_THREAD if task in INSIDE_THREAD else task


def sentence(on: Stage) -> str:
    return caption(on.state, on.state.t_ns, on.log.occurrences).text


def report(on: Stage) -> dict[str, Any]:
    [side] = result(on.state, on.log.occurrences)["sides"].values()
    found: dict[str, Any] = side
    return found


@pytest.mark.parametrize("server", ["gunicorn", "uvicorn"])
def test_def_endpoints_behind_a_middleware_run_in_40_threads_and_the_others_wait(
    stage: Start, gate: Path, server: str
) -> None:
    on = stage(only="asgi", asgi="threads:endpoints", async_server=server, requests=60)
    inside = Task.IN_THREAD, line_of("threads", "# in the view")
    on.until(lambda: doing(on)[inside] == 40, "40 requests in the view")
    waiting = sum(count for (task, _), count in doing(on).items() if task is Task.FOR_THREAD)
    assert waiting == 20
    on.until(lambda: "one of the 40 threads of AnyIO's default limiter (" in sentence(on), "the lint")
    gate.touch()
    on.finish()
    assert "Up to 20 calls at a time waited for one of the 40 threads of AnyIO's default limiter" in sentence(on)
    side = report(on)
    [pool] = side["pools"]
    assert (pool["kind"], pool["size"], pool["max_running"], pool["max_waiting"]) == ("anyio", 40, 40, 20)
    assert side["thread_wait_s"]["max"] > side["thread_wait_s"]["p50"]


def test_a_view_of_django_s_over_asgi_is_at_its_own_line(stage: Start, gate: Path) -> None:
    on = stage(only="asgi", asgi="django_views:asgi_app", requests=5)
    inside = Task.IN_THREAD, line_of("django_views", "# in the view")
    on.until(lambda: doing(on)[inside] == 5, "five requests in the view")
    on.until(lambda: sentence(on).startswith("5 requests are in threads at django_views.py"), "the sentence")
    gate.touch()
    on.finish()
    assert report(on)["pools"] == [], "each has a thread of its own, and waits for nobody"


def test_one_thread_for_all(stage: Start, gate: Path) -> None:
    on = stage(only="asgi", asgi="threads:one_thread", requests=3)
    inside = Task.IN_THREAD, line_of("threads", "# in one thread")
    on.until(lambda: doing(on)[inside] == 1, "one request in the thread")
    on.until(lambda: "2 requests wait for asgiref's only thread (at threads.py" in sentence(on), "the lint")
    gate.touch()
    on.finish()
    assert "Up to 2 calls at a time waited for asgiref's only thread" in sentence(on)


def test_who_holds_a_connection_waits_for_a_thread_and_all_threads_for_a_connection(stage: Start) -> None:
    on = stage(only="asgi", asgi="threads:opposite", requests=12)
    holders = Task.FOR_THREAD, line_of("threads", "# waits for a thread")
    waiters = Task.IN_THREAD, line_of("threads", "# waits for a connection")
    on.until(lambda: doing(on)[holders] == 2 and doing(on)[waiters] == 4, "nobody gets through")
    said = (
        f"4 of 12 requests wait in threads at threads.py:{waiters[1]} connections.get for what 2 others hold, "
        f"at threads.py:{holders[1]} to_thread.run_sync, who wait themselves for a thread: nobody gets through."
    )
    on.until(lambda: sentence(on) == said, said)
    assert on.only.run.completed == 0


def test_a_loop_that_waits_for_what_its_threads_hold_is_not_held_by_a_request(stage: Start, gate: Path) -> None:
    on = stage(only="asgi", asgi="threads:computes", requests=4)
    on.until(
        lambda: doing(on).total() == 4 and all(task is Task.IN_THREAD for task, _ in doing(on)), "all in threads"
    )
    if any(worker.sample.letter == SLEEPS for worker in on.only.server.living()):
        pytest.skip("this system does not show what threads wait for")
    on.until(lambda: sentence(on).startswith("The event loop waits for the GIL, which threads"), "the lint")
    gate.touch()
    on.finish()
    assert "The event loop waited" in sentence(on)
    assert "loop-held" not in [finding.lint for finding in on.log.occurrences.found]
    [loop] = report(on)["loops"]
    assert loop["gil_wait_s"] > 0.1


@pytest.mark.parametrize("app", ["in_processes", "in_anyio_processes"])
def test_a_pool_of_processes(stage: Start, gate: Path, app: str) -> None:
    on = stage(only="asgi", asgi=f"pools:{app}", requests=5)
    line = line_of("pools", "# the pool" if app == "in_processes" else "# AnyIO's")
    on.until(lambda: bool(on.only.server.thread_pools), "the pool")
    [pool] = on.only.server.thread_pools.values()
    inside = min(pool.size, 5)
    on.until(lambda: doing(on)[Task.IN_PROCESS, line] == inside, "requests in processes")
    on.until(lambda: doing(on)[Task.FOR_PROCESS, line] == 5 - inside, "the others wait for one")
    if inside < 5:
        on.until(
            lambda: f"{5 - inside} requests wait for one of the {pool.size} processes of " in sentence(on), "lint"
        )
    gate.touch()
    on.finish()
    [shown] = report(on)["pools"]
    assert (shown["kind"], shown["max_running"]) == (
        "processes" if app == "in_processes" else "process-limiter",
        inside,
    )
    assert all(request.calls.process_ns > 0 and not request.calls.blocked_ns for request in on.only.ledger.ours())


def test_processes_of_a_pool_end_with_the_servers(stage: Start, gate: Path) -> None:
    """They wait for ever, for a gate that nobody opens and for a worker that was killed."""
    on = stage(only="asgi", asgi="pools:in_processes", requests=2)
    on.until(lambda: doing(on)[Task.IN_PROCESS, line_of("pools", "# the pool")] == 2, "requests in processes")
    [worker] = on.only.server.living()
    pool = psutil.Process(worker.pid).children(recursive=True)
    assert len(pool) >= 2
    on.close()
    deadline = time.monotonic() + 20
    while any(process.is_running() and process.status() != psutil.STATUS_ZOMBIE for process in pool):
        assert time.monotonic() < deadline, pool
        time.sleep(0.02)


def test_threads_that_compute_are_told_from_those_that_wait(stage: Start, gate: Path) -> None:
    on = stage(only="asgi", asgi="pools:threads_wait", requests=6)
    on.until(lambda: tasks(on)[Task.IN_THREAD] == 4 and tasks(on)[Task.FOR_THREAD] == 2, "four threads wait")
    on.until(lambda: "its max_workers say how many" in sentence(on), "more threads would help")
    gate.touch()
    on.finish()
    assert mostly(on) is Task.IN_THREAD


def test_threads_that_compute_take_turns_with_the_gil(stage: Start, gate: Path) -> None:
    on = stage(only="asgi", asgi="pools:threads_compute", requests=6)
    on.until(lambda: tasks(on)[Task.THREAD_COMPUTES] > 0, "one computes")
    if any(worker.sample.letter == SLEEPS for worker in on.only.server.living()):
        pytest.skip("this system does not show what threads wait for")
    on.until(lambda: tasks(on)[Task.THREAD_FOR_GIL] >= 2, "others wait for the GIL")
    on.until(lambda: tasks(on)[Task.THREAD_COMPUTES] + tasks(on)[Task.THREAD_FOR_GIL] == 4, "all four do either")
    on.until(lambda: mostly(on) is Task.THREAD_FOR_GIL, "four of them share one lock")
    gate.touch()
    on.finish()
    assert "they compute, and share one GIL" in (said(on, "own-executor-exhausted") or "")


def tasks(on: Stage) -> Counter[Task]:
    return Counter(request.task for request in on.only.ledger.in_flight())


def mostly(on: Stage) -> Task:
    """What threads have done for most of the time that requests were in them."""
    spent: Counter[Task] = Counter()
    for task in INSIDE_THREAD:
        spent[task] = sum(request.spent_ns(task, on.state.t_ns) for request in on.only.ledger.ours())
    return spent.most_common(1)[0][0]


def said(on: Stage, lint: str) -> str | None:
    """What a lint has said of this run last."""
    rows = [row["message"] for row in on.log.occurrences.rows() if row["name"] == lint]
    return rows[-1] if rows else None
