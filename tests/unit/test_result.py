"""The result as JSON: its keys, its types, and null where nothing is known; and the texts of a headless run."""

from __future__ import annotations

import json
import math
import os
import stat
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from tests.unit.lint_contexts import DRIVER, PID, at, booted, ended, fired, opened, queued, reduced
from tests.unit.states import RUN, T0, S
from tests.unit.test_metrics import one_request
from tests.unit.thread_events import answered, entered, full_limiter, left, pool, seen
from wsgiviz.analysis.lints import Finding
from wsgiviz.analysis.occurrences import Occurrence, Occurrences
from wsgiviz.errors import WsgivizError
from wsgiviz.events import (
    Calibrated,
    DriverSampled,
    Event,
    PhaseChanged,
    QueueSampled,
    RequestBegan,
    RequestEnded,
    RequestFailed,
    RequestSent,
    ResponseReceived,
    SessionOpened,
    ThreadSampled,
)
from wsgiviz.report.output import write_whole
from wsgiviz.report.progress import progress_line, side_line
from wsgiviz.report.result import result
from wsgiviz.state import Phase, State

STARTED = "2026-01-01T00:00:00+00:00"
HOST = {"cores": 4, "usable_cores": 2, "python": "3.11.2", "gunicorn": "27.0.1", "platform": "Linux"}
QUANTILES = {"mean", "p50", "p90", "p95", "p99", "max"}
DISTRIBUTIONS = ("latency_s", "latency_from_sent_s", "queue_wait_s", "service_s", "schedule_lag_s")
OF_A_SIDE = {
    "paths": list, "workers_recycled": int,
    "server": str, "worker_class": str, "workers": int, "threads": int, "app": str,
    "requests": int, "completed": int, "failed": int, "bad_status": int, "errors": dict,
    "statuses": dict, "raised": dict,
    "cancelled": bool, "makespan_s": float, "predicted_makespan_s": float, "predicted_by": str, "caveat": str,
    "throughput_rps": float, "busy_fraction": float, "blocked_fraction": float, "computing_fraction": float,
    "gil_wait_fraction": float,
    "reading_fraction": float, "writing_fraction": float, "max_accept_queue": int, "accept_queue_limit": int,
    "max_in_flight": int, "per_worker": list, "worker_deaths": int, "deaths": list,
    "driver_max_lag_s": float, "events": int,
    "events_lost": int, "after_answer": dict, "served_for_nobody": int, "redirects": dict, "unobserved": int,
    "forks": int, "external_requests": int, "shares": dict, "driver_busy_fraction": float,
    "silent_clients": dict, "self_calls": dict, "connections": int, }  # fmt: skip
OF_A_WORKER = {
    "pid", "slot", "requests", "busy_s", "reading_s", "writing_s", "blocked_s", "computing_s", "gil_wait_s",
}  # fmt: skip
OF_A_REQUEST = {
    "id", "side", "worker", "planned_s", "sent_s", "connected_s", "accepted_s", "began_s", "ended_s",
    "first_byte_s", "received_s", "status", "error", "raised", "cpu_s", "gil_wait_s", "released_s", "for_nobody",
    "after_answer_s", "location", "state", "at", "in_thread_s", "thread_wait_s", "worker_died",
    "thread_computing_s", "thread_gil_wait_s", "in_process_s", "reused", "opened_s",
}  # fmt: skip


FOUND = Finding("loop-held", "asgi", "Held by \x1b[2J.")


def begun(**settings: Any) -> list[Event]:
    """Both servers have booted, and a run of one request has begun."""
    session = [SessionOpened(at(-4), "", 0, STARTED, HOST), *opened("sync", "asgi", **settings)[1:]]
    return [*session, *booted(), *booted("asgi", 300, kind="asgi"), *fired("wsgi", "asgi", requests=1)]


def driver_busy(share: float, lasted_s: float = 0.13) -> list[Event]:
    """The driver's thread was on the CPU for that share of the run, on WSGI's behalf."""
    cpu_ns = int(share * lasted_s * S)
    return [DriverSampled(at(0), "wsgi", DRIVER, 7, 9), DriverSampled(at(lasted_s), "wsgi", DRIVER, 7 + cpu_ns, 9)]


def ran(*more: Event, **settings: Any) -> State:
    """One request on the WSGI side, and nothing at all on the other."""
    depths = [queued(0.005, 3, limit=100), queued(0.006, 3, limit=100), *driver_busy(0.5)]
    return reduced(begun(**settings), depths, one_request(), ended(0.13), more)


def found(state: State | None = None, ledger: bool = False, occurrences: Occurrences | None = None) -> dict[str, Any]:
    """The result after its way through JSON, which takes no NaN."""
    made = result(state or ran(), occurrences or Occurrences(), ledger)
    back: dict[str, Any] = json.loads(json.dumps(made, allow_nan=False))
    return back


def test_the_object_and_its_sides_have_every_key_that_is_documented() -> None:
    top = found()
    assert list(top) == ["schema", "wsgiviz", "scenario", "started", "settings", "host", "sides", "lints", "verdict"]
    assert {name: top[name] for name in ("schema", "scenario", "started")} == {
        "schema": 1, "scenario": "sleep", "started": STARTED,
    }  # fmt: skip
    assert top["host"] == HOST
    assert set(top["sides"]) == {"wsgi", "asgi"}
    side = top["sides"]["wsgi"]
    # gthread; where the steps of a request are followed; where a person asked for them
    of_some = {"accepting_threads_held", "contract", "kept_connections", "websockets"}
    assert set(side) == set(OF_A_SIDE) | set(DISTRIBUTIONS) | of_some
    assert {side.pop(name) for name in of_some} == {None}
    for name, kind in OF_A_SIDE.items():
        assert isinstance(side[name], kind), name
    for name in DISTRIBUTIONS:
        assert set(side[name]) == QUANTILES
    assert [set(worker) for worker in side["per_worker"]] == [OF_A_WORKER]
    of_loops = {"loop", "loops", "pools", "thread_wait_s"}
    assert set(top["sides"]["asgi"]) == set(side) | of_some | of_loops
    assert set(top["sides"]["asgi"]["loop"]) == {"max_lag_s", "busy_fraction", "longest_step_s"}


def test_the_figures_of_a_run() -> None:
    side = found()["sides"]["wsgi"]
    assert (side["server"], side["worker_class"], side["app"]) == ("gunicorn", "sync", "demo_apps.sleep:wsgi_app")
    assert (side["requests"], side["completed"], side["failed"], side["errors"]) == (1, 1, 0, {})
    assert (side["makespan_s"], side["predicted_makespan_s"], side["predicted_by"]) == (0.11, 5.0, "⌈20/4⌉ × 1 s")
    assert (side["latency_s"]["max"], side["statuses"]) == (0.11, {"200": 1})
    assert (side["max_accept_queue"], side["accept_queue_limit"], side["max_in_flight"]) == (3, 100, 1)
    assert side["blocked_fraction"] > 0.9
    assert (side["after_answer"], side["served_for_nobody"]) == ({"count": 0, "seconds": 0.0}, 0)


def test_what_is_not_known_is_null_and_never_zero() -> None:
    side = found(ran(scenario="cpu"))["sides"]["asgi"]
    unknown = (
        "makespan_s", "predicted_makespan_s", "predicted_by", "busy_fraction", "max_accept_queue",
        "accept_queue_limit", *DISTRIBUTIONS,
    )  # fmt: skip
    assert {side[name] for name in unknown} == {None}
    assert side["loop"] == {"max_lag_s": None, "busy_fraction": None, "longest_step_s": None}


@pytest.mark.parametrize(
    ("measured", "seconds"),
    [(Calibrated(at(-0.5), "", 0, 0.0, 0.25), 0.25), (Calibrated(at(-0.5), "", 0, -1.0, -1.0), None)],
)
def test_the_prediction_is_made_of_what_was_measured(measured: Calibrated, seconds: float | None) -> None:
    state = reduced(begun(scenario="cpu", order="in-turn", requests=1), [measured])
    side = found(state)["sides"]["wsgi"]
    assert side["predicted_makespan_s"] == seconds


def test_not_a_number_becomes_null() -> None:
    state = ran(Calibrated(at(0.2), "", 0, math.inf, 0.1), scenario="cpu")
    assert found(state)["sides"]["wsgi"]["predicted_makespan_s"] is None


def test_the_ledger_has_every_request_in_seconds_since_the_start() -> None:
    assert "requests" not in found()
    [row] = found(ledger=True)["requests"]
    assert set(row) == OF_A_REQUEST
    assert (row["id"], row["side"], row["status"], row["error"], row["raised"]) == (1, "wsgi", 200, None, None)
    assert (row["planned_s"], row["sent_s"], row["began_s"], row["received_s"]) == (0.0, 0.01, 0.012, 0.11)
    assert (row["ended_s"], row["released_s"], row["cpu_s"]) == (0.111, 0.114, 0.0001)
    assert (row["for_nobody"], row["after_answer_s"]) == (False, 0.0)


def test_threads_behind_a_loop_and_what_waits_for_them() -> None:
    """Two of three requests wait; the one that had a thread is over."""
    first = [*full_limiter(1, 2), *left(1, 0.7), *answered(1, 0.01, 0.8)]
    state = reduced(first, entered(2, 0.8), seen(2, 0.85, 7, "time.sleep"), pool(0.85, 1, 1, 1))
    side, requests = found(state)["sides"]["asgi"], found(state, ledger=True)["requests"]
    assert side["pools"] == [
        {
            "kind": "anyio", "name": None, "pid": PID, "number": 1, "size": 1, "max_running": 1, "max_waiting": 2,
            "running": 1, "waiting": 1,
        }
    ]  # fmt: skip
    assert side["thread_wait_s"]["max"] == pytest.approx(0.0098)
    told = [(row["id"], row["state"], row["at"], row["in_thread_s"], row["thread_wait_s"]) for row in requests]
    assert told == [
        (1, None, None, pytest.approx(0.68), pytest.approx(0.0098)),
        (2, "in a thread", "app.py:7 time.sleep", pytest.approx(0.05), pytest.approx(0.7898)),
        (3, "waiting for a thread", "app.py:6 in view", 0.0, pytest.approx(0.8398)),
    ]


def test_a_request_without_an_answer_says_why() -> None:
    sent = RequestSent(at(0.01), "wsgi", DRIVER, RUN + 1, T0)
    state = reduced(begun(), [sent, RequestFailed(at(0.02), "wsgi", DRIVER, RUN + 1, "refused")])
    side, [row] = found(state)["sides"]["wsgi"], found(state, ledger=True)["requests"]
    assert (side["completed"], side["failed"], side["errors"]) == (0, 1, {"refused": 1})
    assert (row["received_s"], row["status"], row["error"], row["worker"]) == (None, None, "refused", None)
    assert (row["cpu_s"], row["for_nobody"], row["after_answer_s"]) == (None, False, None)


def served_late(n: int, gave_up_s: float, began_s: float) -> list[Event]:
    """The client gives up, and a worker serves it after that."""
    return [
        RequestSent(at(0.01), "wsgi", DRIVER, RUN + n, T0),
        RequestFailed(at(gave_up_s), "wsgi", DRIVER, RUN + n, "timeout"),
        RequestBegan(at(began_s), "wsgi", PID, 0, RUN + n, at(began_s), 0, "GET /"),
        RequestEnded(at(began_s + 1), "wsgi", PID, 0, RUN + n, 0, at(began_s), 0, 0, at(began_s + 1), 200, 1, ""),
    ]


def test_a_request_that_its_client_gave_up_and_a_worker_serves_later_is_one_failed_row() -> None:
    state = reduced(begun(), served_late(2, 1.5, 1.6), served_late(1, 1.5, 2.7))
    side, requests = found(state)["sides"]["wsgi"], found(state, ledger=True)["requests"]
    assert [(row["id"], row["error"], row["status"], row["for_nobody"]) for row in requests] == [
        (1, "timeout", None, True),
        (2, "timeout", None, True),
    ]
    assert (side["failed"], side["completed"], side["served_for_nobody"]) == (2, 0, 2)


def test_an_app_that_goes_on_after_the_answer_takes_nothing_from_it() -> None:
    """A framework's background task, or a WSGI iterable's close()."""
    answered = ResponseReceived(at(0.11), "wsgi", DRIVER, RUN + 1, 200, 2)
    later = QueueSampled(at(2.11), "wsgi", DRIVER, 0, 100)
    state = reduced(begun(), one_request()[:2], [answered, *ended(0.2), later])
    side, [row] = found(state)["sides"]["wsgi"], found(state, ledger=True)["requests"]
    assert (side["completed"], side["statuses"], side["latency_s"]["max"]) == (1, {"200": 1}, 0.11)
    assert side["after_answer"] == {"count": 1, "seconds": 2.0}
    assert (row["worker"], row["status"], row["after_answer_s"], row["ended_s"]) == (PID, 200, 2.0, None)


def redirected(*locations: str) -> list[Event]:
    """Answers that lead elsewhere."""
    return [
        each
        for n, location in enumerate(locations, 1)
        for each in (
            RequestSent(at(0.01), "wsgi", DRIVER, RUN + n, T0),
            ResponseReceived(at(0.1), "wsgi", DRIVER, RUN + n, 302, 0, location),
        )
    ]


def test_redirects_are_counted_by_where_they_lead() -> None:
    state = reduced(begun(), redirected("/login/", "/login/", ""))
    side, requests = found(state)["sides"]["wsgi"], found(state, ledger=True)["requests"]
    assert (side["statuses"], side["redirects"], side["bad_status"]) == ({"302": 3}, {"302 /login/": 2}, 0)
    assert [row["location"] for row in requests] == ["/login/", "/login/", None]


def test_external_requests_are_a_figure_of_their_own() -> None:
    external = [
        RequestBegan(at(0.02), "wsgi", PID, 0, -9, at(0.02), 0, "GET /"),
        RequestEnded(at(5), "wsgi", PID, 0, -9, 0, at(0.02), 0, 0, at(5), 500, 1, "KeyError"),
    ]
    side, alone = found(ran(*external))["sides"]["wsgi"], found()["sides"]["wsgi"]
    assert (side["external_requests"], alone["external_requests"]) == (1, 0)
    for name in ("completed", "statuses", "raised", "bad_status", *DISTRIBUTIONS):
        assert side[name] == alone[name]
    assert side["per_worker"][0]["requests"] == 1


def test_lints_that_applied_are_in_it_with_their_reasons() -> None:
    [lint] = found(occurrences=Occurrences(met=(Occurrence(FOUND, T0, 500_000_000),)))["lints"]
    assert set(lint) == {"name", "side", "message", "explanation", "source", "seconds"}
    assert (lint["name"], lint["side"], lint["seconds"]) == ("loop-held", "asgi", 0.5)


def test_the_settings_are_in_it_but_no_password() -> None:
    state = ran(scenario="db", dsn="postgresql://me:secret@/shop")
    shown = found(state)["settings"]
    assert shown["dsn"] == "given"
    assert shown["parameters"] == {"rows": 400}
    assert "secret" not in json.dumps(shown)
    own = found(reduced(opened("sync", wsgi="shop:app")[:-1]))
    assert (own["scenario"], set(own["sides"]), own["sides"]["wsgi"]["app"]) == (None, {"wsgi"}, "shop:app")


def test_a_recording_without_any_event_has_a_result_too() -> None:
    made = found(State(), ledger=True)
    assert (made["sides"], made["requests"], made["lints"]) == ({}, [], [])


# --- the progress line ------------------------------------------------------------------------------------------


def test_the_progress_line_of_a_side() -> None:
    sampled = ThreadSampled(at(0.02), "wsgi", PID, 0, 0, 0, "S")
    depth = queued(0.02, 3)
    events = [*one_request()[:2], sampled, depth]
    running = reduced(opened(requests=4), booted(), fired(requests=4), events).sides["wsgi"]
    line = replace(running, run=replace(running.run, completed=1))
    assert side_line(line, at(1)).plain == "WSGI █████░░░░░░░░░░░░░░░ 1/4   1.00 s  1 blocked, 3 queued"
    assert side_line(line, at(1), bar_cells=0).plain == "WSGI 1/4   1.00 s  1 blocked, 3 queued"
    assert side_line(line, at(1), ascii_only=True).plain.isascii()


def test_a_run_that_a_time_ends_shows_how_much_of_that_is_over() -> None:
    events = [*one_request()[:2], ThreadSampled(at(0.02), "wsgi", PID, 0, 0, 0, "S")]
    state = reduced(opened(arrivals="closed", duration=4.0, concurrency=3), booted(), fired(requests=100_000), events)
    line = progress_line(state, at(1), 120).plain
    assert line == "WSGI █████░░░░░░░░░░░░░░░  1.0 of 4 s  0 done  1 blocked"
    assert " 4.0 of 4 s  0 done" in progress_line(state, at(9), 120).plain
    counted = reduced(opened(arrivals="closed", duration=4.0, requests=50), booted(), fired(requests=50), events)
    assert "0/50" in progress_line(counted, at(1), 120).plain, (
        "whichever comes first: the number is one of the person's"
    )


def test_the_progress_line_shows_both_sides_or_the_phase() -> None:
    assert progress_line(State(), 0, 80).plain == "new …"
    assert progress_line(State(phase=Phase.STARTING), 0, 80, ascii_only=True).plain == "starting ..."
    line = progress_line(reduced(begun()), at(0.5), 120).plain
    assert (
        line == "WSGI ░░░░░░░░░░░░░░░░░ 0/1   0.50 s  0 blocked   ASGI ░░░░░░░░░░░░░░░░░ 0/1   0.50 s  0 in the app"
    )
    through = reduced(begun(), [PhaseChanged(at(1), "", 0, "finished")])
    assert progress_line(through, at(1), 120).plain == "finished …"


def test_a_file_is_written_whole_with_the_usual_rights(tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    path.write_text("older")
    link = tmp_path / "link.json"
    link.symlink_to(path)
    write_whole(link, "newer")
    assert (path.read_text(), link.is_symlink()) == ("newer", True)
    mask = os.umask(0)
    os.umask(mask)
    assert stat.S_IMODE(path.stat().st_mode) == 0o666 & ~mask
    assert sorted(tmp_path.iterdir()) == [link, path]


def test_a_file_that_fails_leaves_the_older_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "result.json"
    path.write_text("older")

    def full(source: str, target: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", full)
    with pytest.raises(WsgivizError, match="can't write .*result.json: No space left on device"):
        write_whole(path, "newer")
    assert path.read_text() == "older"
    assert list(tmp_path.iterdir()) == [path]


def test_a_device_is_written_to_and_not_replaced() -> None:
    write_whole(Path("/dev/null"), "gone")
    assert Path("/dev/null").is_char_device()
