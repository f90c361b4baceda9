"""Figures of real runs: they agree with each other, are of our requests, and say when they are the driver's own."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import pytest

from tests.integration.conftest import Stage
from tests.integration.in_process import headless
from tests.unit.true_results import assert_figures_agree
from wsgiviz.report.result import result

Start = Callable[..., Stage]

FRAMELESS = ("│", "┃", "|")


def row_of(text: str, label: str) -> str:
    """What the table says of the only side."""
    [row] = [line for line in text.splitlines() if line.startswith(f"│ {label} ")]
    return row.split("│")[2].strip()


def in_words(text: str) -> str:
    """What stands below the table, in one line."""
    return " ".join(text.rpartition("┘")[2].split())


def side_of(found: dict[str, Any]) -> dict[str, Any]:
    [side] = found["sides"].values()
    checked: dict[str, Any] = side
    return checked


ONE = {"wsgi": "by_path:app", "workers": 1}
TWO = {"wsgi": "by_path:app", "workers": 2}
THREADS = {"wsgi": "by_path:app", "workers": 2, "worker_class": "gthread", "threads": 2}
GREENLETS = {"wsgi": "by_path:app", "workers": 1, "worker_class": "gevent"}
LOOP = {"asgi": "by_path:async_app"}
LOOPS = {"asgi": "by_path:async_app", "async_server": "uvicorn", "async_workers": 2}
BURST = {"arrivals": "burst", "timeout": 10.0}


@pytest.mark.parametrize(
    ("servers", "path", "asked"),
    [
        (TWO, "/figures/waits", {"requests": 12}),
        (THREADS, "/figures/waits", {"requests": 12}),
        (GREENLETS, "/figures/waits", {"requests": 12}),
        (TWO, "/figures/hello", {"requests": 200, "arrivals": "closed", "concurrency": 4}),
        (TWO, "/figures/closes_slowly", {"requests": 4}),
        (ONE, "/figures/redirects", {"requests": 4}),
        (ONE, "/odd/raises", {"requests": 4}),
        (ONE, "/figures/waits", {"requests": 12, "timeout": 0.12}),
        (LOOP, "/figures/async_hello", {"requests": 30}),
        (LOOPS, "/figures/async_hello", {"requests": 30}),
        (LOOP, "/after_answer/background", {"requests": 3}),
    ],
    ids=str,
)
def test_all_figures_of_a_run_agree(shared: Start, servers: dict[str, Any], path: str, asked: dict[str, Any]) -> None:
    on = shared(**servers)
    on.run(**{**BURST, "path": path, **asked})
    assert_figures_agree(result(on.state, on.log.occurrences, ledger=True))
    on.until(lambda: not on.only.ledger.in_flight(), "the end of the last close()")
    assert_figures_agree(
        result(on.state, on.log.occurrences, ledger=True)
    )  # what goes on after it adds nothing to it


def test_a_forked_child_that_returns_into_the_server_makes_no_figure_odd() -> None:
    found, text = headless("--wsgi", "figures:leaks_a_child", "--workers", "2", "--requests", "4")
    assert_figures_agree(found)
    side = side_of(found)
    assert (side["completed"], side["statuses"]) == (4, {"200": 4})
    assert side["forks"] > 0
    assert side["unobserved"] == sum(row["began_s"] is None for row in found["requests"])
    if side["unobserved"]:
        assert row_of(text, "answered by no known worker").startswith(f"{side['unobserved']} (the app has forked ")


def test_redirects_are_named_in_table_sentence_and_ledger() -> None:
    found, text = headless("--wsgi", "figures:redirects", "--workers", "1", "--requests", "4")
    side = side_of(found)
    assert (side["statuses"], side["redirects"]) == ({"302": 4}, {"302 /admin/login/": 4})
    assert {row["location"] for row in found["requests"]} == {"/admin/login/"}
    assert row_of(text, "status codes") == "4 × 302 to /admin/login/"
    assert "(4 × 302 to /admin/login/)." in in_words(text)


def test_requests_that_are_not_ours_are_counted_apart() -> None:
    """Those of the app to itself take 0.2 s and are answered 404; ours hold all of that, and are answered 200."""
    found, text = headless(
        "--wsgi", "figures:calls_itself", "--worker-class", "gthread", "--workers", "1", "--threads", "4",
        "--requests", "2",
    )  # fmt: skip
    assert_figures_agree(found)
    side = side_of(found)
    assert side["external_requests"] == 2
    assert (side["completed"], side["statuses"], len(found["requests"])) == (2, {"200": 2}, 2)
    assert sum(worker["requests"] for worker in side["per_worker"]) == 2
    assert row_of(text, "external requests") == "2"


def test_threads_are_summed_by_their_process() -> None:
    found, text = headless(
        "--wsgi", "figures:waits", "--worker-class", "gthread", "--workers", "2", "--threads", "3", "--requests", "12"
    )
    served: dict[int, int] = {}
    for worker in side_of(found)["per_worker"]:
        served[worker["pid"]] = served.get(worker["pid"], 0) + worker["requests"]
    assert len(served) == 2
    assert row_of(text, "requests by process") == " ".join(map(str, served.values()))
    assert sum(served.values()) == 12


def test_when_the_driver_is_the_limit_it_says_so() -> None:
    """As many workers as cores, which have next to nothing to do: the driver has no time left, or takes a core from
    them. On any machine one of the two is so."""
    workers = str(min(16, len(os.sched_getaffinity(0))))
    found, text = headless(
        "--wsgi", "figures:hello", "--workers", workers, "--requests", "100000", "--arrivals", "closed",
        "--concurrency", "40", "--duration", "2",
    )  # fmt: skip
    side = side_of(found)
    assert "driver-bottleneck" in [lint["name"] for lint in found["lints"]], side["driver_busy_fraction"]
    assert 0 < side["driver_busy_fraction"] <= 1
    assert "driver-bottleneck (wsgi" in in_words(text)


def test_a_headless_run_ends_with_the_sentence_of_the_screen() -> None:
    found, text = headless("--wsgi", "figures:waits", "--workers", "1", "--requests", "2")
    took_s = side_of(found)["makespan_s"]
    assert f"WSGI answered 2 requests in {took_s:.2f} s." in in_words(text)


def test_where_a_loop_lets_nobody_see_when_it_waits_that_is_said() -> None:
    """gevent's hub; uvloop is the same."""
    _, text = headless("--wsgi", "figures:waits", "--worker-class", "gevent", "--workers", "1", "--requests", "3")
    assert "Note: WSGI: the selector of gevent's hub is not in Python" in in_words(text)
