"""The line that a request is at, and every activity of a worker, on real servers."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from tests.integration.conftest import APPS, Stage
from tests.integration.lateness import Lateness
from wsgiviz.analysis.hot_lines import hot_lines
from wsgiviz.events import BEAT_NS
from wsgiviz.state import Activity, Location, Side, Task, Worker

Start = Callable[..., Stage]

WITHIN_S = 0.1
"""So soon after a worker has blocked its line is known, on a machine that is never late."""


def line_of(text: str) -> int:
    """Number of the line in deep.py that holds ``text``."""
    lines = (APPS / "deep.py").read_text().splitlines()
    [at] = [number for number, line in enumerate(lines, 1) if text in line]
    return at


def only_worker(on: Stage) -> Worker:
    [worker] = on.wsgi.server.living()
    return worker


def until_at(on: Stage, side: str, line: int) -> None:
    def there() -> bool:
        return line in [at.place.line for at in hot_lines(on.state.sides[side])]

    on.until(there, f"somebody at line {line}")


@contextmanager
def client(on: Stage, sent: bytes) -> Iterator[socket.socket]:
    """A client of ours that is not the driver: it has connected to the only server and sent these bytes."""
    with socket.create_connection(on.address(on.only.name), timeout=10) as connection:
        connection.sendall(sent)
        yield connection


ONE_WORKER = {"wsgi": "by_path:app", "workers": 1}
ONE_LOOP = {"asgi": "by_path:async_app"}


def request(path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: test\r\n\r\n".encode()


# --- the live line -----------------------------------------------------------------------------------------------


def test_the_deepest_line_of_the_apps_own_code_is_known_soon(stage: Start) -> None:
    on = stage(wsgi="deep:app", requests=2, workers=2)
    until_at(on, "wsgi", line_of("the line to be marked"))
    side = on.wsgi
    [found] = hot_lines(side)
    assert found.place.words == f"deep.py:{line_of('the line to be marked')} time.sleep"
    assert found.place.function == "look_up"
    on.until(lambda: [at.slots for at in hot_lines(on.wsgi)] == [("1", "2")], "both workers there")
    on.finish()
    assert hot_lines(on.wsgi) == ()


def test_it_is_known_within_a_tenth_of_a_second(stage: Start) -> None:
    on = stage(parameters={"seconds": 0.4}, requests=12, workers=2)
    delays: list[float] = []
    seen: set[int] = set()

    def all_seen() -> bool:
        now_ns = time.monotonic_ns()
        for request in on.wsgi.ledger.in_flight():
            if request.where is not None and request.id not in seen:
                seen.add(request.id)
                delays.append((now_ns - request.began_ns) / 1e9)
        return len(seen) == 12

    with Lateness() as lateness:
        on.until(all_seen, "every request at its line")
    assert sorted(delays)[len(delays) // 2] < WITHIN_S + lateness.slack_s()


def test_a_task_is_where_it_awaits_and_a_library_is_named_beside_it(stage: Start) -> None:
    on = stage(scenario="http", parameters={"seconds": 0.5}, requests=3, only="asgi")

    def all_there() -> bool:
        return [at.tasks for at in hot_lines(on.asgi)] == [3]

    on.until(all_there, "three tasks at one line")
    [found] = hot_lines(on.asgi)
    assert found.place.file.endswith("http.py")
    assert "client.get" in found.place.call
    within = [request.within for request in on.asgi.ledger.in_flight()]
    assert all(inner is not None and "http.py" not in inner.file for inner in within)


# --- the loop ----------------------------------------------------------------------------------------------------


def test_who_holds_the_loop_is_known_with_its_line_and_the_others_are_ready(shared: Start) -> None:
    on = shared(**ONE_LOOP)
    on.begin(path="/deep/blocks", requests=4)
    line = line_of("nothing else makes progress")

    def held() -> bool:
        return any(loop.held for loop in on.asgi.server.loops.values())

    on.until(held, "the watchdog")
    [loop] = on.asgi.server.loops.values()
    assert loop.held is not None
    assert (loop.held.where.line, loop.held.where.call) == (line, "time.sleep")
    activity = [request.task for request in on.asgi.ledger.in_flight()]
    assert activity.count(Task.RUNNING) == 1
    on.until(
        lambda: [r.task for r in on.asgi.ledger.in_flight()].count(Task.READY) >= 2,
        "others that wait for the loop",
    )
    on.finish()


def test_the_lag_of_a_loop_is_the_time_for_which_it_is_held(shared: Start) -> None:
    on = shared(**ONE_LOOP)
    on.run(path="/deep/blocks", requests=3, arrivals="closed", concurrency=1)
    [loop] = on.asgi.server.loops.values()
    on.until(lambda: next(iter(on.asgi.server.loops.values())).tally.max_lag_ns > 0, "a heartbeat")
    [loop] = on.asgi.server.loops.values()
    held_ns = loop.tally.longest_step_ns
    assert held_ns >= 0.5e9
    assert held_ns - 2 * BEAT_NS < loop.tally.max_lag_ns < 2 * held_ns


def test_the_tasks_that_a_request_starts_are_counted_to_it(shared: Start) -> None:
    on = shared(**ONE_LOOP)
    on.begin(path="/deep/gathers", requests=2, arrivals="burst")
    on.until(lambda: [r.children for r in on.asgi.ledger.in_flight()] == [3, 3], "three each")
    on.finish()
    for request in on.asgi.ledger.ours():
        assert (request.children, request.children_started) == (0, 3)
        assert request.run_ns >= 0.2e9  # what its child held the loop for


def test_an_event_loop_inside_a_wsgi_request_is_noticed(shared: Start) -> None:
    on = shared(**ONE_WORKER)
    on.run(path="/deep/runs_a_loop", requests=1)
    assert on.wsgi.run.nested_loop is not None
    _, place = on.wsgi.run.nested_loop
    assert place.call == "asyncio.run"


# --- all activities of a worker ----------------------------------------------------------------------------------


def test_a_client_that_dribbles_its_request_keeps_a_sync_worker_reading(shared: Start) -> None:
    on, sent = shared(**ONE_WORKER), request("/deep/app")
    with client(on, sent[:20]) as slow:
        on.until(lambda: only_worker(on).activity is Activity.READING, "reading")
        assert on.wsgi.run.in_app == 0
        slow.sendall(sent[20:])
        on.until(lambda: only_worker(on).activity is Activity.BLOCKED, "the app")
        while slow.recv(1 << 16):
            pass
    on.until(lambda: only_worker(on).activity is Activity.IDLE, "idle")


def test_a_slow_reader_keeps_a_sync_worker_writing(shared: Start) -> None:
    on = shared(**ONE_WORKER)
    with client(on, request("/deep/big")) as slow:
        on.until(lambda: only_worker(on).activity is Activity.WRITING, "writing")
        since_ns = only_worker(on).since_ns
        on.until(lambda: time.monotonic_ns() - since_ns > 0.2e9, "two tenths of a second of it")
        assert only_worker(on).activity is Activity.WRITING
        while slow.recv(1 << 20):
            pass
    on.until(lambda: only_worker(on).activity is Activity.IDLE, "idle")


def test_an_app_that_iterates_is_in_the_app_while_it_does(shared: Start) -> None:
    on = shared(**ONE_WORKER)
    with client(on, request("/deep/iterates")) as reader:
        on.until(lambda: only_worker(on).activity is Activity.BLOCKED and only_worker(on).iterating, "iterating")
        until_at(on, "wsgi", line_of("waits for the next part"))
        while reader.recv(1 << 16):
            pass
    on.until(lambda: only_worker(on).activity is Activity.IDLE, "idle")


def test_a_client_that_does_not_hang_up_keeps_a_worker_closing(shared: Start) -> None:
    on = shared(**ONE_WORKER)
    with client(on, request("/odd/fine")) as lingering:
        while lingering.recv(1 << 16):
            pass
        on.until(lambda: only_worker(on).activity is Activity.CLOSING, "closing")
        assert only_worker(on).spans[-1].start_ns >= only_worker(on).spans[-2].start_ns
    on.until(lambda: only_worker(on).activity is Activity.IDLE, "idle")


def test_no_phase_is_longer_than_the_run(shared: Start) -> None:
    on = shared(**ONE_WORKER)
    on.run(path="/deep/iterates", requests=3)
    on.until(lambda: all(request.released_ns for request in on.wsgi.ledger.ours()), "the end of the last connection")
    side: Side = on.wsgi
    [worker] = side.server.living()
    spent = worker.tally.reading_ns + worker.tally.app_ns + worker.tally.writing_ns
    # The driver is through when it has the last answer; the worker, when it has let go of the connection.
    through_ns = max(side.run.ended_ns, *(request.released_ns for request in side.ledger.ours()))
    assert 1.8e9 <= spent <= through_ns - side.run.started_ns
    assert all(isinstance(request.where, Location | None) for request in side.ledger.ours())


@pytest.mark.parametrize("kind", ["sync", "asgi"])
def test_one_app_on_two_kinds_of_workers_side_by_side(stage: Start, kind: str) -> None:
    on = stage(parameters={"seconds": 0.2}, requests=4, workers=1, left=kind, right=kind)
    on.finish()
    assert {side.kind for side in on.state.sides.values()} == {kind}
