"""Lessons carried out on real servers: examples that hold, servers that are kept, and an end in order."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.integration.test_endings import ENDED_WITHIN_S
from tests.integration.victims import AS_FROM_A_SHELL, is_worker_serving
from wsgiviz.errors import WsgivizError
from wsgiviz.report.lesson_runs import LessonRuns
from wsgiviz.settings import make

pytestmark = pytest.mark.xdist_group("lessons")  # its checks hold on a machine of which one core is busy

LESSONS = Path(__file__).parents[1] / "unit" / "lessons"
FINISHED_WITHIN_S = 120.0

ENDLESS = """---
title: T
claim: C
settings: {only: wsgi, workers: 1, requests: 1}
steps: [run, run]
---

## Quick

```run
set: {seconds: 0}
```

## Slow

```run
set: {seconds: 60}
```
"""


@pytest.fixture
def place(tmp_path: Path) -> dict[str, str]:
    """An environment in which run directories are made in a folder of the test's own."""
    return {**os.environ, "XDG_RUNTIME_DIR": str(tmp_path), "TMPDIR": str(tmp_path)}


@pytest.mark.parametrize("name", ["01-blocked-worker.md", "02-does-not-start.md"])
def test_the_example_s_assertions_hold(name: str, place: dict[str, str], tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "wsgiviz", "lesson", str(LESSONS / name), "--json", "-"],
        capture_output=True, text=True, timeout=FINISHED_WITHIN_S, stdin=subprocess.DEVNULL, env=place,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    [lesson] = json.loads(done.stdout)["lessons"]
    assert lesson["holds"]
    assert all(run["assertions"] for run in lesson["runs"])
    assert not any(run["skipped"] for run in lesson["runs"])
    assert "everything holds" in done.stderr
    assert not list(tmp_path.glob("wsgiviz-*")), "a run directory is left"


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LessonRuns]:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)  # it remembers the first answer
    with LessonRuns() as opened:
        yield opened
    assert not list(tmp_path.glob("wsgiviz-*")), "a run directory is left"


def pids(result: dict[str, Any]) -> set[int]:
    """The workers that served."""
    return {worker["pid"] for worker in result["sides"]["wsgi"]["per_worker"]}


def test_servers_are_kept_while_the_settings_that_they_were_started_with_are(runs: LessonRuns) -> None:
    first = make(only="wsgi", workers=1, requests=2, parameters={"seconds": 0})
    served = pids(runs.run(first))
    again = runs.run(first.changed(requests=3, parameters={"seconds": 0.01}))
    assert pids(again) == served
    assert again["sides"]["wsgi"]["statuses"] == {"200": 3}
    other = runs.run(first.changed(workers=2))
    assert not pids(other) & served
    assert other["sides"]["wsgi"]["completed"] == first.requests


def test_after_a_run_that_failed_the_next_one_is_carried_out(runs: LessonRuns) -> None:
    with pytest.raises(WsgivizError, match="nosuchmodule"):
        runs.run(make(wsgi="nosuchmodule:app", workers=1, requests=1))
    done = runs.run(make(only="wsgi", workers=1, requests=1, parameters={"seconds": 0}))
    assert done["sides"]["wsgi"]["completed"] == 1


def test_a_worker_that_is_still_at_it_does_not_serve_the_next_run(runs: LessonRuns) -> None:
    """The client has given up, and the worker sleeps on: the next run would wait for it."""
    slow = make(only="wsgi", workers=1, requests=1, timeout=0.2, parameters={"seconds": 30})
    assert runs.run(slow)["sides"]["wsgi"]["failed"] == 1
    quick = runs.run(slow.changed(timeout=20.0, parameters={"seconds": 0}))
    assert quick["sides"]["wsgi"]["completed"] == 1


def test_an_interrupt_ends_a_check_in_order(place: dict[str, str], tmp_path: Path) -> None:
    path = tmp_path / "endless.md"
    path.write_text(ENDLESS)
    command = [sys.executable, "-c", AS_FROM_A_SHELL, "lesson", str(path), "--check"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=place, process_group=0
    ) as check:
        children = serving(psutil.Process(check.pid), check)
        os.killpg(check.pid, signal.SIGINT)
        out, said = check.communicate(timeout=ENDED_WITHIN_S)
        left = [child for child in children if child.is_running() and child.status() != psutil.STATUS_ZOMBIE]
    assert (check.returncode, out, said) == (128 + signal.SIGINT, "", "wsgiviz: ended by SIGINT\n")
    assert (left, list(tmp_path.glob("wsgiviz-*"))) == ([], [])


def serving(process: psutil.Process, check: subprocess.Popen[str]) -> list[psutil.Process]:
    """Its processes, once the first step is reported and a worker has the second one's request."""
    assert check.stdout is not None
    assert check.stdout.readline() == "endless: T\n"
    assert check.stdout.readline().startswith("  Quick")
    deadline = time.monotonic() + FINISHED_WITHIN_S
    while time.monotonic() < deadline:
        children = process.children(recursive=True)
        if any(is_worker_serving(child) for child in children):
            return children
        time.sleep(0.02)
    raise AssertionError(f"only {process.children(recursive=True)} came")
