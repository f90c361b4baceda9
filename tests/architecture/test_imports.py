"""What may load what: proved in processes of their own, and by the import contracts."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DEMO_APPS = sorted(
    ".".join(path.relative_to(ROOT).with_suffix("").parts) for path in (ROOT / "demo_apps").rglob("[a-z]*.py")
)
VIEWERS = {"textual", "rich", "httpx", "psutil", "msgspec"}
"""Libraries that wsgiviz needs, and an observed server does not."""


def loaded_by(*modules: str, env: dict[str, str] | None = None) -> set[str]:
    """Top-level modules that a fresh interpreter has loaded after importing these."""
    code = f"import json, sys, {', '.join(modules)}; print(json.dumps(list(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, env={**os.environ, **(env or {})}
    )
    assert done.returncode == 0, done.stderr
    return {name.partition(".")[0] for name in json.loads(done.stdout)}


def test_the_probe_brings_nothing_of_the_viewers_into_a_server(tmp_path: Path) -> None:
    uvicorns = {"uvicorn_app", "uvicorn_master"}  # their module is uvicorn's app, and loads the user's
    probe = {path.stem for path in (ROOT / "wsgiviz" / "probe").glob("[a-z]*.py")} - uvicorns
    env = {"WSGIVIZ_RUN_DIR": str(tmp_path), "WSGIVIZ_SIDE": "wsgi"}
    found = loaded_by(*(f"wsgiviz.probe.{name}" for name in sorted(probe)), env=env)
    assert "gunicorn" in found
    assert not VIEWERS & found


def test_what_runs_in_observed_processes_is_standard_library_only() -> None:
    """The recorder and the lifeline run under any Python that a server may have, with nothing of ours beside them."""
    recorder = [f"wsgiviz.recorder.{path.stem}" for path in (ROOT / "wsgiviz" / "recorder").glob("[a-z]*.py")]
    found = loaded_by(*recorder, "wsgiviz.lifeline") - {"wsgiviz"}
    assert found <= sys.stdlib_module_names | loaded_by("sys")


def test_a_sync_worker_does_not_get_asyncio_from_us(tmp_path: Path) -> None:
    without = loaded_by("gunicorn.app.wsgiapp", "gunicorn.workers.sync")
    env = {"WSGIVIZ_RUN_DIR": str(tmp_path), "WSGIVIZ_SIDE": "wsgi"}
    found = loaded_by("gunicorn.app.wsgiapp", "gunicorn.workers.sync", "wsgiviz.probe.gunicorn_conf", env=env)
    assert ("asyncio" in found) == ("asyncio" in without)


@pytest.mark.parametrize(
    ("module", "never"),
    [
        ("wsgiviz.cli", {"textual", "httpx", "gunicorn"}),
        ("wsgiviz.control.controller", {"textual", "httpx", "rich", "gunicorn"}),
        ("wsgiviz.report.headless", {"textual", "httpx"}),
        ("wsgiviz.report.replay", {"textual", "httpx", "psutil", "gunicorn"}),
        ("wsgiviz.log", {"textual", "rich", "httpx", "psutil", "asyncio"}),
        ("wsgiviz.analysis.occurrences", {"textual", "rich", "httpx", "psutil", "asyncio"}),
        ("wsgiviz.state.reducer", {"textual", "rich", "httpx", "psutil", "asyncio"}),
        ("wsgiviz.load.driver", {"textual", "psutil", "gunicorn"}),
        ("demo_apps.sleep", {"wsgiviz", "textual", "httpx"}),
    ],
)
def test_what_a_module_never_loads(module: str, never: set[str]) -> None:
    assert not never & loaded_by(module)


def test_no_demo_app_imports_wsgiviz() -> None:
    assert {"demo_apps.sleep", "demo_apps.clinic.self_call"} <= set(DEMO_APPS)
    assert "wsgiviz" not in loaded_by(*DEMO_APPS)


@pytest.mark.parametrize("dsn", ["", "host=127.0.0.1 port=1"])
def test_psycopg_is_loaded_with_the_app_where_it_is_asked_for(dsn: str) -> None:
    """Loaded in a first request it would be that request's computing, which should be a wait."""
    pytest.importorskip("psycopg")
    assert ("psycopg" in loaded_by("demo_apps.db", env={"DSN": dsn})) == bool(dsn)


def test_the_import_contracts_are_kept() -> None:
    pytest.importorskip("importlinter")
    code = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, timeout=120)
    assert done.returncode == 0, done.stdout
    assert "0 broken" in done.stdout
