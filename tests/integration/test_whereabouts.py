"""The live line and every phase of a worker, on real servers."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import pytest

from tests.integration.conftest import APPS, Stage
from wsgiviz.model.state import Doing, Place, Side, Task, Worker
from wsgiviz.model.whereabouts import whereabouts
from wsgiviz.session import Phase

Start = Callable[..., Stage]

WITHIN_S = 0.1
"""So soon after a worker has blocked its line is known."""


def line_of(text: str) -> int:
    """Number of the line in deep.py that holds ``text``."""
    lines = (APPS / "deep.py").read_text().splitlines()
    [at] = [number for number, line in enumerate(lines, 1) if text in line]
    return at


def only_worker(on: Stage) -> Worker:
    [worker] = on.session.picture.wsgi.living()
    return worker


def until_at(on: Stage, side: str, line: int) -> None:
    def there() -> bool:
        return line in [at.place.line for at in whereabouts(on.session.picture.sides[side])]

    on.until(there, f"somebody at line {line}")


@contextmanager
def client(on: Stage, sent: bytes) -> Iterator[socket.socket]:
    """A client of ours that is not the driver: it has connected to the only server and sent these bytes."""
    [url] = on.session.urls.values()
    where = urlsplit(url)
    with socket.create_connection((where.hostname or "", where.port or 0), timeout=10) as connection:
        connection.sendall(sent)
        yield connection


REQUEST = b"GET / HTTP/1.1\r\nHost: test\r\n\r\n"


def ready(stage: Start, **settings: object) -> Stage:
    on = stage(fire=False, workers=1, **settings)
    on.until(lambda: on.session.phase is Phase.READY, "readiness")
    return on


# --- the live line -----------------------------------------------------------------------------------------------


def test_the_deepest_line_of_the_apps_own_code_is_known_soon(stage: Start) -> None:
    on = stage(wsgi="deep:app", requests=2, workers=2)
    until_at(on, "wsgi", line_of("the line to be marked"))
    side = on.session.picture.wsgi
    [found] = whereabouts(side)
    assert found.place.words == f"deep.py:{line_of('the line to be marked')} time.sleep"
    assert found.place.function == "look_up"
    on.until(lambda: whereabouts(on.session.picture.wsgi)[0].slots == ("1", "2"), "both workers there")
    on.finish()
    assert whereabouts(on.session.picture.wsgi) == ()


def test_it_is_told_within_a_tenth_of_a_second(stage: Start) -> None:
    on = stage(parameters={"seconds": 0.4}, requests=12, workers=2)
    delays: list[float] = []
    seen: set[int] = set()

    def all_seen() -> bool:
        now_ns = time.monotonic_ns()
        for request in on.session.picture.wsgi.in_flight.values():
            if request.where is not None and request.id not in seen:
                seen.add(request.id)
                delays.append((now_ns - request.began_ns) / 1e9)
        return len(seen) == 12

    on.until(all_seen, "every request at its line")
    assert sorted(delays)[len(delays) // 2] < WITHIN_S


def test_a_task_is_where_it_awaits_and_a_library_is_told_beside_it(stage: Start) -> None:
    on = stage(scenario="http", parameters={"seconds": 0.5}, requests=3, only="asgi")

    def all_there() -> bool:
        return [at.tasks for at in whereabouts(on.session.picture.asgi)] == [3]

    on.until(all_there, "three tasks at one line")
    [found] = whereabouts(on.session.picture.asgi)
    assert found.place.file.endswith("http.py")
    assert "client.get" in found.place.call
    within = [request.within for request in on.session.picture.asgi.in_flight.values()]
    assert all(inner is not None and "http.py" not in inner.file for inner in within)


# --- the loop ----------------------------------------------------------------------------------------------------


def test_who_holds_the_loop_is_told_with_its_line_and_the_others_are_ready(stage: Start) -> None:
    on = stage(asgi="deep:blocks", requests=4)
    line = line_of("nobody else gets on")

    def held() -> bool:
        return any(loop.held for loop in on.session.picture.asgi.loops.values())

    on.until(held, "the watchdog")
    [loop] = on.session.picture.asgi.loops.values()
    assert loop.held is not None
    assert (loop.held.where.line, loop.held.where.call) == (line, "time.sleep")
    doing = [request.task for request in on.session.picture.asgi.in_flight.values()]
    assert doing.count(Task.RUNNING) == 1
    on.until(
        lambda: [r.task for r in on.session.picture.asgi.in_flight.values()].count(Task.READY) >= 2,
        "others that wait for the loop",
    )
    on.finish()


def test_the_lag_of_a_loop_is_the_time_for_which_it_is_held(stage: Start) -> None:
    on = stage(asgi="deep:blocks", requests=3, arrivals="closed", concurrency=1)
    on.finish()
    [loop] = on.session.picture.asgi.loops.values()
    on.until(lambda: next(iter(on.session.picture.asgi.loops.values())).max_lag_ns > 0, "a beat")
    [loop] = on.session.picture.asgi.loops.values()
    assert 0.45 < loop.max_lag_ns / 1e9 < 0.55
    assert 0.5 <= loop.longest_step_ns / 1e9 < 0.55


def test_the_tasks_that_a_request_starts_are_counted_to_it(stage: Start) -> None:
    on = stage(asgi="deep:gathers", requests=2)
    on.until(lambda: [r.children for r in on.session.picture.asgi.in_flight.values()] == [3, 3], "three each")
    on.finish()
    for request in on.session.picture.asgi.finished:
        assert (request.children, request.children_started) == (0, 3)
        assert request.run_ns >= 0.2e9  # what its child held the loop for


def test_an_event_loop_inside_a_wsgi_request_is_noticed(stage: Start) -> None:
    on = stage(wsgi="deep:runs_a_loop", requests=1, workers=1)
    on.finish()
    assert on.session.picture.wsgi.nested_loop is not None
    _, place = on.session.picture.wsgi.nested_loop
    assert place.call == "asyncio.run"


# --- all phases of a worker ----------------------------------------------------------------------------------------


def test_a_client_that_dribbles_its_request_keeps_a_sync_worker_reading(stage: Start) -> None:
    on = ready(stage, wsgi="deep:app")
    with client(on, REQUEST[:20]) as slow:
        on.until(lambda: only_worker(on).doing is Doing.READING, "reading")
        assert on.session.picture.wsgi.now_in_app == 0
        slow.sendall(REQUEST[20:])
        on.until(lambda: only_worker(on).doing is Doing.BLOCKED, "the app")


def test_a_slow_reader_keeps_a_sync_worker_writing(stage: Start) -> None:
    on = ready(stage, wsgi="deep:big")
    with client(on, REQUEST) as slow:
        on.until(lambda: only_worker(on).doing is Doing.WRITING, "writing")
        since_ns = only_worker(on).since_ns
        on.until(lambda: time.monotonic_ns() - since_ns > 0.2e9, "two tenths of a second of it")
        assert only_worker(on).doing is Doing.WRITING
        while slow.recv(1 << 20):
            pass
    on.until(lambda: only_worker(on).doing is Doing.IDLE, "idle")


def test_an_app_that_iterates_is_in_the_app_while_it_does(stage: Start) -> None:
    on = ready(stage, wsgi="deep:iterates")
    with client(on, REQUEST):
        on.until(lambda: only_worker(on).doing is Doing.BLOCKED and only_worker(on).iterating, "iterating")
        until_at(on, "wsgi", line_of("waits for the next part"))


def test_a_client_that_does_not_hang_up_keeps_a_worker_closing(stage: Start) -> None:
    on = ready(stage, wsgi="odd:fine")
    with client(on, REQUEST) as lingering:
        while lingering.recv(1 << 16):
            pass
        on.until(lambda: only_worker(on).doing is Doing.CLOSING, "closing")
        assert only_worker(on).spans[-1].start_ns >= only_worker(on).spans[-2].start_ns
    on.until(lambda: only_worker(on).doing is Doing.IDLE, "idle")


def test_no_phase_is_longer_than_the_run(stage: Start) -> None:
    on = stage(wsgi="deep:iterates", requests=3, workers=1)
    on.finish()
    side: Side = on.session.picture.wsgi
    [worker] = side.living()
    spent = worker.reading_ns + worker.app_ns + worker.writing_ns
    assert 1.8e9 <= spent <= side.run_ended_ns - side.run_started_ns
    assert all(isinstance(request.where, Place | None) for request in side.finished)


@pytest.mark.parametrize("kind", ["sync", "asgi"])
def test_one_app_on_two_kinds_of_workers_side_by_side(stage: Start, kind: str) -> None:
    on = stage(parameters={"seconds": 0.2}, requests=4, workers=1, left=kind, right=kind)
    on.finish()
    assert {side.kind for side in on.session.picture.sides.values()} == {kind}
