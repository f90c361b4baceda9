"""What scenarios claim about mixes of requests, threads, loops inside WSGI and dying workers: on real servers."""

from __future__ import annotations

from typing import Any

import pytest

from tests.integration.in_process import headless, run_json
from tests.integration.test_figures import in_words

Found = dict[str, Any]


def path_of(side: Found, name: str) -> Found:
    """The figures of one path."""
    [found] = [path for path in side["paths"] if path["path"].startswith(name + "?")]
    return dict(found)


def test_quick_requests_wait_behind_slow_ones_but_not_on_a_loop() -> None:
    found = run_json("--scenario", "mixed", "--set", "slow=0.6", "--set", "quick=0.01")
    wsgi, asgi = found["sides"]["wsgi"], found["sides"]["asgi"]
    assert (path_of(wsgi, "/slow")["requests"], path_of(wsgi, "/quick")["requests"]) == (4, 36)
    waited, overtook = path_of(wsgi, "/quick"), path_of(asgi, "/quick")
    assert waited["queue_wait_s"]["p50"] > 10 * waited["service_s"]["p50"]
    assert overtook["queue_wait_s"]["p50"] < 0.5 * waited["queue_wait_s"]["p50"]
    assert overtook["latency_s"]["max"] < path_of(asgi, "/slow")["latency_s"]["p50"]
    assert wsgi["predicted_makespan_s"] == pytest.approx(1.4)
    assert wsgi["makespan_s"] >= (4 * 0.6 + 36 * 0.01) / 2
    assert asgi["predicted_makespan_s"] == 0.6


def test_a_loop_inside_wsgi_makes_the_request_quicker_and_frees_no_worker() -> None:
    """Three calls of half a second each take half a second, and one request more than workers takes two rounds."""
    found = run_json("--scenario", "async-in-wsgi", "--workers", "2", "--requests", "3", "--ledger")
    wsgi, asgi = found["sides"]["wsgi"], found["sides"]["asgi"]
    assert 0.5 <= wsgi["service_s"]["p50"] < 1.0
    assert wsgi["makespan_s"] >= wsgi["predicted_makespan_s"] == 1.0
    assert asgi["predicted_makespan_s"] == 0.5
    assert asgi["makespan_s"] < wsgi["makespan_s"]
    assert wsgi["blocked_fraction"] > 0.5
    assert (wsgi["max_in_flight"], asgi["max_in_flight"]) == (2, 3)
    rows = sorted((row for row in found["requests"] if row["side"] == "wsgi"), key=lambda row: row["began_s"])
    assert rows[2]["began_s"] >= min(row["ended_s"] for row in rows[:2])
    assert ("nested-event-loop", "wsgi") in {(lint["name"], lint["side"]) for lint in found["lints"]}


@pytest.mark.parametrize("fix", ["none", "thread", "async"])
def test_a_fix_for_the_blocking_call_is_predicted_and_measured(fix: str) -> None:
    options = ["--set", f"fix={fix}", "--set", "seconds=0.4", "--only", "asgi", "--requests", "4"]
    found = run_json("--scenario", "blocking-in-async", *options)
    asgi = found["sides"]["asgi"]
    predicted = asgi["predicted_makespan_s"]
    assert (predicted == pytest.approx(4 * 0.4)) == (fix == "none")
    assert predicted <= asgi["makespan_s"] < 1.5 * predicted + 0.4
    assert ("loop-held" in {lint["name"] for lint in found["lints"]}) == (fix == "none")
    assert (asgi["loop"]["longest_step_s"] >= 0.4) == (fix == "none")


def test_a_worker_that_dies_takes_one_request_along_and_a_loop_all_of_its() -> None:
    found, text = headless("--scenario", "crash", "--set", "seconds=0.4")
    wsgi, asgi = found["sides"]["wsgi"], found["sides"]["asgi"]
    assert (wsgi["completed"], wsgi["failed"], wsgi["worker_deaths"]) == (18, 2, 2)
    assert [len(death["requests"]) for death in wsgi["deaths"]] == [1, 1]
    assert path_of(wsgi, "/crash")["failed"] == 2
    assert asgi["failed"] == len({number for death in asgi["deaths"] for number in death["requests"]})
    assert asgi["failed"] > path_of(asgi, "/crash")["failed"], "requests that did nothing wrong are lost too"
    assert asgi["completed"] + asgi["failed"] == 20
    assert {death["signal"] for side in (wsgi, asgi) for death in side["deaths"]} == {"SIGKILL"}
    assert wsgi["workers"] == 4
    assert len(wsgi["per_worker"]) == 4 + wsgi["worker_deaths"], "others were started in their place"
    assert "killed by SIGKILL while it held" in in_words(text)


def test_threads_wait_as_well_as_processes_and_compute_one_at_a_time() -> None:
    waits = run_json("--scenario", "threads", "--set", "seconds=0.2")["sides"]
    assert [waits[name]["predicted_makespan_s"] for name in ("wsgi", "wsgi2")] == [1.0, 1.0]
    assert [waits[name]["max_in_flight"] for name in ("wsgi", "wsgi2")] == [4, 4]
    assert waits["wsgi"]["gil_wait_fraction"] < 0.1
    compute = ("--scenario", "threads", "--set", "work=compute", "--set", "below=100000", "--requests", "12")
    computes = run_json(*compute)["sides"]
    assert computes["wsgi"]["gil_wait_fraction"] > 0.3 > computes["wsgi2"]["gil_wait_fraction"]
    assert computes["wsgi"]["predicted_by"].endswith("on 1 core")


@pytest.mark.parametrize("name", ["fast", "crud"])
def test_short_requests_are_compared_fairly_and_what_limits_them_is_said(name: str) -> None:
    found = run_json("--scenario", name, "--requests", "600")
    wsgi, asgi = found["sides"]["wsgi"], found["sides"]["asgi"]
    assert wsgi["workers"] == asgi["workers"]
    assert (wsgi["completed"], asgi["completed"], wsgi["failed"], asgi["failed"]) == (600, 600, 0, 0)
    for side in (wsgi, asgi):
        busy = side["driver_busy_fraction"]
        lints = {lint["name"] for lint in found["lints"] if lint["side"] in ("wsgi", "asgi")}
        assert busy < 0.85 or "driver-bottleneck" in lints
    if name == "crud":
        assert [path["requests"] for path in wsgi["paths"]] == [360, 180, 60]
        assert (wsgi["predicted_makespan_s"], asgi["predicted_makespan_s"]) == (None, None)
