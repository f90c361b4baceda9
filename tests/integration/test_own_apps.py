"""Apps of one's own, as people run them: what is asked is what the app gets, and each path has its figures."""

from __future__ import annotations

import json
import subprocess
import sys
import venv
from collections import Counter
from pathlib import Path

import pytest

from tests.integration.in_process import run_json


def test_a_method_a_header_and_a_long_body_reach_the_app(tmp_path: Path) -> None:
    """Longer than any socket buffer takes at once; the values are not in the report."""
    (tmp_path / "body").write_text("x" * 299_997 + "end")
    options = "--method", "POST", "--header", "X-Token: s3cret", "--body", f"@{tmp_path / 'body'}"
    found = run_json("--wsgi", "asked:checks", "--requests", "2", "--workers", "1", *options)
    assert (found["sides"]["wsgi"]["statuses"], found["settings"]["header"]) == ({"200": 2}, "X-Token: given")


def test_behind_a_slow_path_the_quick_ones_wait() -> None:
    options = "--requests", "10", "--workers", "1", "--path", "9:/quick", "--path", "/slow"
    quick, slow = run_json("--wsgi", "asked:by_path", *options)["sides"]["wsgi"]["paths"]
    assert (quick["path"], quick["completed"], slow["path"], slow["completed"]) == ("/quick", 9, "/slow", 1)
    assert slow["service_s"]["max"] >= 0.3
    assert quick["service_s"]["max"] < slow["service_s"]["max"] / 2 < quick["queue_wait_s"]["max"]


def test_a_gunicorn_conf_is_honoured_with_the_probe_still_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its hooks, workers, preload, and max_requests: who has served three requests is recycled, and is no death."""
    monkeypatch.setenv("HOOKS", str(tmp_path / "hooks"))
    found = run_json("--wsgi", "asked:by_path", "--gunicorn-conf", "recycling_conf.py", "--requests", "12")
    side = found["sides"]["wsgi"]
    assert (side["completed"], side["failed"], side["workers"], side["worker_deaths"]) == (12, 0, 2, 0)
    assert side["workers_recycled"] == len([worker for worker in side["per_worker"] if worker["requests"] == 3]) >= 3
    hooks = Counter((tmp_path / "hooks").read_text().split())
    assert hooks["pre_request"] == 12
    assert hooks["when_ready"] == 1
    assert hooks["post_fork"] >= hooks["post_worker_init"] >= 4
    assert hooks["child_exit"] >= 3


def test_the_servers_run_in_the_app_s_own_environment(tmp_path: Path) -> None:
    """One that has nothing of ours, not even gunicorn: the probe is lent to it. States and lines are as ever."""
    venv.create(tmp_path / "venv", symlinks=True)
    (tmp_path / "prefixed.py").write_text(
        "import sys, time\n\n\ndef app(environ, start_response):\n    time.sleep(0.2)\n"
        "    start_response('200 OK' if sys.prefix.endswith('venv') else '500 no', [])\n    return [b'x']\n"
    )
    command = [sys.executable, "-P", "-m", "wsgiviz", "run", "--wsgi", "prefixed:app", "--python", f"{tmp_path}/venv"]
    options = ["--workers", "1", "--requests", "3", "--json", "-"]
    done = subprocess.run([*command, *options], capture_output=True, text=True, timeout=60, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    side = json.loads(done.stdout)["sides"]["wsgi"]
    assert (side["statuses"], side["failed"], side["events_lost"]) == ({"200": 3}, 0, 0)
    assert side["blocked_fraction"] > side["computing_fraction"]
    assert "prefixed.py:5 time.sleep" in " ".join(done.stderr.split())  # whatever the width of the terminal
