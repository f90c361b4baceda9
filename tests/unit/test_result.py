"""The result as JSON: its keys, its types, and null where nothing is known."""

from __future__ import annotations

import json
import math
import os
import stat
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from rich.console import Console

from tests.unit.test_reducer import BOOTED, fold, one_request, started, wsgi
from wsgiviz.errors import WsgivizError
from wsgiviz.events import Kind
from wsgiviz.model.state import Picture
from wsgiviz.model.theory import Prediction
from wsgiviz.report.headless import write_whole
from wsgiviz.report.progress import side_line
from wsgiviz.report.result import result
from wsgiviz.report.summary import summary
from wsgiviz.settings import Settings, make

STARTED = "2026-01-01T00:00:00+00:00"
PREDICTED = {"wsgi": Prediction(0.1, "⌈1/1⌉ × 0.1 s"), "asgi": None}
QUANTILES = {"mean", "p50", "p90", "p95", "p99", "max"}
DISTRIBUTIONS = ("latency_s", "latency_from_sent_s", "queue_wait_s", "service_s", "schedule_lag_s")
OF_A_SIDE = {
    "server": str, "worker_class": str, "workers": int, "threads": int, "app": str,
    "requests": int, "completed": int, "failed": int, "bad_status": int, "errors": dict,
    "statuses": dict, "raised": dict,
    "cancelled": bool, "makespan_s": float, "predicted_makespan_s": float, "predicted_by": str, "caveat": str,
    "throughput_rps": float, "busy_fraction": float, "blocked_fraction": float, "computing_fraction": float,
    "reading_fraction": float, "writing_fraction": float, "max_accept_queue": int, "accept_queue_limit": int,
    "max_in_flight": int, "per_worker": list, "worker_deaths": int, "driver_max_lag_s": float, "events": int,
    "events_lost": int,
}  # fmt: skip
OF_A_WORKER = {"pid", "slot", "requests", "busy_s", "reading_s", "writing_s", "blocked_s", "computing_s"}
OF_A_REQUEST = {
    "id", "side", "worker", "planned_s", "sent_s", "connected_s", "accepted_s", "began_s", "ended_s",
    "first_byte_s", "received_s", "status", "error", "raised", "cpu_s",
}  # fmt: skip


def ran() -> Picture:
    """One request on the WSGI side, and nothing at all on the other."""
    sampled = [wsgi(15, Kind.QUEUE_SAMPLE, a=3, b=100), wsgi(16, Kind.QUEUE_SAMPLE, a=3, b=100)]
    ended = wsgi(130, Kind.RUN_ENDED)._replace(req=1)
    return fold([*BOOTED, started(10, 1), *sampled, *one_request(), ended])


def found(picture: Picture | None = None, ledger: bool = False, settings: Settings | None = None) -> dict[str, Any]:
    """The result after its way through JSON, which takes no NaN."""
    made = result(settings or make(), picture or ran(), PREDICTED, STARTED, 10**12, ledger)
    back: dict[str, Any] = json.loads(json.dumps(made, allow_nan=False))
    return back


def test_the_object_and_its_sides_have_every_key_that_is_documented() -> None:
    top = found()
    assert {name: top[name] for name in ("schema", "scenario", "started")} == {
        "schema": 1, "scenario": "sleep", "started": STARTED,
    }  # fmt: skip
    assert {"cores", "python", "gunicorn", "platform"} == set(top["host"])
    assert set(top["sides"]) == {"wsgi", "asgi"}
    side = top["sides"]["wsgi"]
    assert set(side) == set(OF_A_SIDE) | set(DISTRIBUTIONS)
    for name, kind in OF_A_SIDE.items():
        assert isinstance(side[name], kind), name
    for name in DISTRIBUTIONS:
        assert set(side[name]) == QUANTILES
    assert [set(worker) for worker in side["per_worker"]] == [OF_A_WORKER]
    assert set(top["sides"]["asgi"]) == set(side) | {"loop"}
    assert set(top["sides"]["asgi"]["loop"]) == {"max_lag_s", "busy_fraction", "longest_step_s"}


def test_the_figures_of_a_run() -> None:
    side = found()["sides"]["wsgi"]
    assert (side["server"], side["worker_class"], side["app"]) == ("gunicorn", "sync", "demo_apps.sleep:wsgi_app")
    assert (side["requests"], side["completed"], side["failed"], side["errors"]) == (1, 1, 0, {})
    assert (side["makespan_s"], side["predicted_makespan_s"]) == (0.112, 0.1)
    assert side["latency_s"]["max"] == 0.112
    assert (side["max_accept_queue"], side["accept_queue_limit"], side["max_in_flight"]) == (3, 100, 1)
    assert side["blocked_fraction"] > 0.9


def test_what_is_not_known_is_null_and_never_zero() -> None:
    side = found()["sides"]["asgi"]
    unknown = (
        "makespan_s", "predicted_makespan_s", "throughput_rps", "busy_fraction", "max_accept_queue",
        "accept_queue_limit", *DISTRIBUTIONS,
    )  # fmt: skip
    assert {side[name] for name in unknown} == {None}
    assert side["loop"] == {"max_lag_s": None, "busy_fraction": None, "longest_step_s": None}


def test_not_a_number_becomes_null() -> None:
    made = result(make(), ran(), {"wsgi": Prediction(math.nan, "")}, STARTED, 10**12)
    assert made["sides"]["wsgi"]["predicted_makespan_s"] is None


def test_the_ledger_has_every_request_in_seconds_since_the_start() -> None:
    assert "requests" not in found()
    [row] = found(ledger=True)["requests"]
    assert set(row) == OF_A_REQUEST
    assert (row["id"], row["side"], row["status"], row["error"], row["raised"]) == (1, "wsgi", 200, None, None)
    assert (row["planned_s"], row["sent_s"], row["began_s"], row["received_s"]) == (0.0, 0.01, 0.012, 0.112)


def test_a_request_without_an_answer_says_why() -> None:
    events = [*BOOTED, started(10, 1), wsgi(20, Kind.SENT, 1, a=10_000_000), wsgi(21, Kind.FAILED, 1, text="refused")]
    picture = fold(events)
    side, [row] = found(picture)["sides"]["wsgi"], found(picture, ledger=True)["requests"]
    assert (side["completed"], side["failed"], side["errors"]) == (0, 1, {"refused": 1})
    assert (row["received_s"], row["status"], row["error"], row["worker"]) == (None, None, "refused", None)


def test_the_settings_are_told_but_no_password() -> None:
    shown = found(settings=make(scenario="db", dsn="postgresql://me:secret@/shop"))["settings"]
    assert shown["dsn"] == "given"
    assert shown["parameters"] == {"rows": 400}
    assert "secret" not in json.dumps(shown)
    own = found(settings=make(wsgi="shop:app"))
    assert (own["scenario"], set(own["sides"]), own["sides"]["wsgi"]["app"]) == (None, {"wsgi"}, "shop:app")


def as_text(settings: Settings, picture: Picture, ascii_only: bool = False) -> str:
    console = Console(width=110, color_system=None)
    with console.capture() as capture:
        console.print(summary(settings, picture, PREDICTED, 10**12, ascii_only))
    return capture.get()


def test_the_summary_shows_both_sides_figure_under_figure() -> None:
    text = as_text(make(requests=1), ran())
    assert "sleep: 1 requests to each side" not in text
    for part in ("sleep: 1 request to each side", "WSGI  time.sleep(1)", "0.10 s = ⌈1/1⌉ × 0.1 s", "1 of 1", "n/a"):
        assert part in text
    assert as_text(make(requests=1), ran(), ascii_only=True).isascii()


def test_the_progress_line_of_a_side() -> None:
    running = fold([*BOOTED, started(10, 4), *one_request()[:4], wsgi(23, Kind.THREAD_SAMPLE, text="S")]).wsgi
    line = replace(running, queue_depth=3, completed=1)
    assert side_line(line, 1_010_000_000).plain == "WSGI █████░░░░░░░░░░░░░░░ 1/4   1.00 s  1 blocked, 3 queued"
    assert side_line(line, 1_010_000_000, bar_cells=0).plain == "WSGI 1/4   1.00 s  1 blocked, 3 queued"
    assert side_line(line, 1_010_000_000, ascii_only=True).plain.isascii()


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
