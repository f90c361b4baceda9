"""A recording of a run, replayed, gives the report of the live run, key by key."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.integration.conftest import APPS
from tests.integration.test_runs import QUICK

pytestmark = pytest.mark.xdist_group("replays")  # a report is compared with a report: no time is judged here

SCENARIOS = [
    ["--scenario", name, *(part for key, value in given.items() for part in ("--set", f"{key}={value}"))]
    for name, given in QUICK.items()
]

OTHERS = [
    ["--set", "seconds=0.1", "--worker-class", "gthread", "--threads", "4"],
    ["--set", "seconds=0.1", "--worker-class", "gevent"],
    ["--set", "seconds=0.1", "--left", "asgi", "--right", "uvicorn"],
    ["--set", "seconds=0.05", "--arrivals", "closed", "--concurrency", "3", "--order", "in-turn"],
    ["--asgi", "odd:async_raises", "--wsgi", "odd:raises"],
]


def wsgiviz(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "wsgiviz", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=90, stdin=subprocess.DEVNULL, cwd=APPS)
    assert done.returncode == 0, done.stderr
    return done


@pytest.mark.parametrize("options", SCENARIOS + OTHERS, ids=" ".join)
def test_a_replay_reports_what_the_live_run_did(options: list[str], tmp_path: Path) -> None:
    live, again, recording = (tmp_path / name for name in ("live.json", "again.json", "run.wviz"))
    done = wsgiviz("run", *options, "--json", str(live), "--ledger", "--record", str(recording), "--requests", "6")
    assert f"recording written to {recording}" in done.stderr
    (tmp_path / "elsewhere").mkdir()
    copy = shutil.move(recording, tmp_path / "elsewhere" / "copy.wviz")
    wsgiviz("replay", str(copy), "--json", str(again), "--ledger")
    assert_equal(json.loads(live.read_text()), json.loads(again.read_text()))


def assert_equal(live: dict[str, Any], again: dict[str, Any]) -> None:
    assert live["requests"]
    assert list(live) == list(again)
    for key, value in live.items():
        assert again[key] == value, key


def test_a_replay_prints_the_summary_of_the_live_run(tmp_path: Path) -> None:
    recording = str(tmp_path / "run.wviz")
    live = wsgiviz("run", "--headless", "--ascii", "--set", "seconds=0.1", "--requests", "6", "--record", recording)
    again = wsgiviz("replay", recording, "--headless", "--ascii")
    assert again.stdout == live.stdout
    assert "completed" in again.stdout


def test_a_run_that_failed_is_recorded_to_its_failure(tmp_path: Path) -> None:
    recording = str(tmp_path / "run.wviz")
    command = [sys.executable, "-m", "wsgiviz"]
    live, again = (
        subprocess.run([*command, *arguments], capture_output=True, text=True, timeout=60, cwd=APPS)
        for arguments in (
            ["run", "--headless", "--wsgi", "raises_at_import:app", "--record", recording],
            ["replay", recording, "--headless"],
        )
    )
    assert (live.returncode, again.returncode) == (2, 2)
    failure = [line for line in live.stderr.splitlines() if line.startswith(("wsgiviz: can't load", "  "))]
    assert len(failure) > 2
    assert all(line in again.stderr for line in failure)
