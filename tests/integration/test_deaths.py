"""How workers of real servers die, and where they are while they load an app; as JSON and sentences have it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.integration.conftest import Stage
from tests.integration.in_process import headless, wsgiviz
from tests.integration.test_figures import in_words
from wsgiviz.analysis.captions import caption
from wsgiviz.state import Phase

pytestmark = pytest.mark.xdist_group("endings")  # it judges no times

Start = Callable[..., Stage]


def told(death: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(death[name] for name in ("signal", "exit_status", "by", "booting"))


def test_a_worker_that_ends_itself_is_counted_with_its_exit_status_and_is_not_blocked() -> None:
    found, text = headless("--wsgi", "endings:exits", "--workers", "2", "--requests", "8")
    side = found["sides"]["wsgi"]
    assert (side["completed"], side["failed"], side["worker_deaths"], side["raised"]) == (4, 4, 4, {})
    assert [told(death) for death in side["deaths"]] == [(None, 7, "itself", False)] * 4
    assert sorted(sum((death["requests"] for death in side["deaths"]), [])) == sorted(
        row["id"] for row in found["requests"] if row["error"]
    )
    assert "4 workers ended themselves with exit status 7 (os._exit)" in in_words(text)
    assert "worker-died" in [lint["name"] for lint in found["lints"]]


def test_a_fault_in_native_code_has_its_signal_and_the_line_that_it_had_left() -> None:
    found, text = headless("--wsgi", "endings:crashes", "--workers", "1", "--requests", "1")
    [death] = found["sides"]["wsgi"]["deaths"]
    assert told(death) == ("SIGSEGV", None, "kernel", False)
    assert death["last_seen_at"].startswith("endings.py:")
    assert "crashed with SIGSEGV while it held #1, last seen at endings.py:" in in_words(text)


@pytest.mark.parametrize("server", ["gunicorn", "uvicorn"])
def test_a_worker_that_was_killed_is_counted_even_when_the_run_ends_with_it(server: str) -> None:
    found, text = headless("--asgi", "endings:killed", "--async-server", server, "--requests", "1")
    side = found["sides"]["asgi"]
    [death] = side["deaths"]
    assert (side["worker_deaths"], told(death), death["requests"]) == (1, ("SIGKILL", None, None, False), [1])
    assert "was killed by SIGKILL" in in_words(text)
    assert "loop-held" not in [lint["name"] for lint in found["lints"]]


@pytest.mark.parametrize("side", [("--wsgi",), ("--async-server", "uvicorn", "--asgi")], ids=lambda side: side[-1])
def test_a_worker_that_dies_while_it_loads_the_app_ends_the_start(side: tuple[str, ...]) -> None:
    done = wsgiviz("run", "--headless", *side, "exits_at_import:app")
    first, *rest = done.stderr.splitlines()
    assert done.returncode == 1
    assert "can't load exits_at_import:app: a worker ended itself with exit status 7 (os._exit)" in first
    assert any("no licence found" in line for line in rest), "the app's own last words"


def test_a_lock_that_is_taken_at_import_is_named(stage: Start) -> None:
    on = stage(wsgi="hangs_at_import:app", workers=1)
    line = "WSGI: 1 worker loads the app at hangs_at_import.py:5 lock.acquire."
    on.until(
        lambda: line in caption(on.state, on.state.t_ns, on.log.occurrences).text or on.state.phase is Phase.FAILED,
        "the line",
    )
    assert on.state.failure is None


@pytest.mark.parametrize(
    ("app", "said"),
    [
        ("raises_at_import", "can't load raises_at_import:app: boom at import"),
        ("exits_at_import", "gunicorn's master ended itself with exit status 7 (os._exit) while it loaded the app"),
    ],
)
def test_an_import_that_fails_in_the_master_ends_the_start_with_its_reason(stage: Start, app: str, said: str) -> None:
    """With --preload no worker has come yet."""
    on = stage(wsgi=f"{app}:app", preload=True)
    on.until(lambda: on.state.phase is Phase.FAILED, "the failure")
    assert on.state.failure is not None
    assert said in on.state.failure.message


def test_the_line_of_an_import_in_the_master_is_named(stage: Start) -> None:
    on = stage(wsgi="hangs_at_import:app", preload=True)
    line = "WSGI: gunicorn's master loads the app (--preload) at hangs_at_import.py:5 lock.acquire."
    on.until(
        lambda: line in caption(on.state, on.state.t_ns, on.log.occurrences).text or on.state.phase is Phase.FAILED,
        "the line",
    )
    assert on.state.failure is None
