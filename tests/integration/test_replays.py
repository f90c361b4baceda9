"""Every scenario runs on real servers; a recording of a run, replayed, gives the live run's report, key by key."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.integration.conftest import APPS, Stage
from tests.integration.test_runs import QUICK
from wsgiviz.analysis.prediction import prediction
from wsgiviz.report.replay import run_replay
from wsgiviz.report.result import result
from wsgiviz.scenarios import catalogue

Start = Callable[..., Stage]

UNPREDICTED = ("contract", "slow-client", "timeout", "crash", "crud", "fast")

pytestmark = pytest.mark.xdist_group("replays")  # a report is compared with a report: no time is judged here

OTHERS: tuple[dict[str, Any], ...] = (
    {"parameters": {"seconds": 0.1}, "worker_class": "gthread", "threads": 4, "only": "wsgi"},
    {"parameters": {"seconds": 0.1}, "worker_class": "gevent", "only": "wsgi"},
    {"parameters": {"seconds": 0.1}, "left": "asgi", "right": "uvicorn"},
    {"parameters": {"seconds": 0.05}, "arrivals": "closed", "concurrency": 3, "order": "in-turn"},
    {"asgi": "odd:async_raises", "wsgi": "odd:raises"},
)


def wsgiviz(*arguments: str, status: int = 0) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "wsgiviz", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=90, stdin=subprocess.DEVNULL, cwd=APPS)
    assert done.returncode == status, done.stderr
    return done


@pytest.mark.parametrize("name", [scenario.name for scenario in catalogue()])
def test_each_scenario_runs_on_both_sides_and_is_replayed(stage: Start, name: str, tmp_path: Path) -> None:
    recording = tmp_path / "run.wviz"
    on = stage(record=recording, scenario=name, parameters=QUICK[name], requests=8, workers=2)
    on.finish()
    for side in on.state.sides.values():
        done = side.run.completed + (side.run.failed if name == "crash" else 0)
        refuses = name == "websocket" and side.name == "wsgi"
        assert (done, side.run.planned, side.server.lost) == (8, 8, 0)
        assert side.run.bad_status == side.run.refused == (8 if refuses else 0)
        assert (prediction(on.state, side.name) is None) == (name in UNPREDICTED or refuses)
        assert all(request.began_ns and request.ended_ns for request in side.ledger.ours())
    assert_replayed(on, recording)


@pytest.mark.parametrize("settings", OTHERS, ids=str)
def test_a_replay_reports_what_the_live_run_did(stage: Start, settings: dict[str, Any], tmp_path: Path) -> None:
    recording = tmp_path / "run.wviz"
    on = stage(record=recording, requests=6, workers=2, **settings)
    on.finish()
    assert_replayed(on, recording)


def assert_replayed(on: Stage, recording: Path) -> None:
    live = json.loads(json.dumps(result(on.state, on.log.occurrences, ledger=True)))
    on.end_recording()
    again = recording.parent / "again.json"
    run_replay(str(recording), json=str(again), ledger=True)
    assert_equal(live, json.loads(again.read_text()))


def assert_equal(live: dict[str, Any], again: dict[str, Any]) -> None:
    assert live["requests"]
    assert list(live) == list(again)
    for key, value in live.items():
        assert again[key] == value, key


def test_the_commands_write_and_replay_a_recording(tmp_path: Path) -> None:
    """Report and summary are those of the live run, wherever the file is now."""
    report, again, recording = (tmp_path / name for name in ("report.json", "again.json", "run.wviz"))
    settings = ("--set", "seconds=0.1", "--requests", "6", "--workers", "2")
    done = wsgiviz("run", "--ascii", *settings, "--json", str(report), "--ledger", "--record", str(recording))
    assert f"recording written to {recording}" in done.stderr
    live = json.loads(report.read_text())
    (tmp_path / "elsewhere").mkdir()
    copy = shutil.move(recording, tmp_path / "elsewhere" / "copy.wviz")
    replayed = wsgiviz("replay", str(copy), "--ascii", "--json", str(again), "--ledger")
    assert_equal(live, json.loads(again.read_text()))
    assert "completed" in replayed.stdout
    assert replayed.stdout == done.stdout.replace(str(report), str(again))


def test_a_run_that_failed_is_recorded_to_its_failure(tmp_path: Path) -> None:
    recording = str(tmp_path / "run.wviz")
    live = wsgiviz("run", "--headless", "--wsgi", "raises_at_import:app", "--record", recording, status=2)
    again = wsgiviz("replay", recording, "--headless", status=2)
    failure = [line for line in live.stderr.splitlines() if line.startswith(("wsgiviz: can't load", "  "))]
    assert len(failure) > 2
    assert all(line in again.stderr for line in failure)
