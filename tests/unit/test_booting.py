"""Servers that get ready, or do not: who loads the app and where, and what ends the start."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from tests.unit.controls import Control
from wsgiviz.analysis.captions import caption
from wsgiviz.events import BootLineSeen, Event, MasterLoading, MasterReady, WorkerBooting, WorkerDied, WorkerReady
from wsgiviz.report.progress import LONG_NS, Progress, progress_line
from wsgiviz.state import Phase

LINE = "slow.py|<module>|time.sleep"


def starting(**settings: object) -> Control:
    control = Control(wsgi="slow:app", workers=2, **settings)
    control.controller.start()
    return control


def booting(control: Control, pid: int, number: int, line: int = 3) -> list[Event]:
    now = control.now_ns
    return [
        WorkerBooting(now, "wsgi", pid, number, pid, 1, "sync"),
        BootLineSeen(now, "wsgi", pid, line, LINE),
    ]


def sentence(control: Control) -> str:
    return caption(control.state, control.now_ns, control.log.occurrences).text


def test_the_line_is_in_the_sentence_and_in_the_progress() -> None:
    control = starting()
    assert sentence(control) == "Starting the servers ..."
    control.pump(MasterReady(control.now_ns, "wsgi", 100), *booting(control, 201, 1), *booting(control, 202, 2))
    assert sentence(control) == "Starting the servers. WSGI: 2 workers load the app at slow.py:3 time.sleep."
    line = progress_line(control.state, control.now_ns + 1_500_000_000, 120).plain
    assert line == "starting …  WSGI: 2 workers load the app at slow.py:3 time.sleep  1.5 s of 30 s"
    control.pump(WorkerReady(control.now_ns, "wsgi", 201))
    assert sentence(control) == "Starting the servers. WSGI: 1 worker loads the app at slow.py:3 time.sleep."
    assert control.phase() is Phase.STARTING


def test_where_no_line_can_be_redrawn_a_long_start_is_said_once(capsys: pytest.CaptureFixture[str]) -> None:
    control = starting()
    control.pump(*booting(control, 201, 1))
    with Progress() as progress:
        for after_ns in (0, LONG_NS, LONG_NS + 10_000_000, 2 * LONG_NS):
            progress.update(control.state, control.now_ns + after_ns)
    assert capsys.readouterr().err.splitlines() == [
        "wsgiviz: starting …  WSGI: 1 worker loads the app at slow.py:3 time.sleep  5.0 s of 30 s"
    ]
    assert Console(file=io.StringIO()).is_terminal is False


def test_when_the_time_is_up_the_line_is_named() -> None:
    control = starting(ready_timeout=2.5)
    control.pump(*booting(control, 201, 1), *booting(control, 202, 2, line=9))
    control.pump(after_ns=3_000_000_000)
    assert control.state.failure is not None
    assert control.state.failure.message == (
        "the WSGI server (gunicorn sync) was not ready after 2.5 s: 2 workers load the app, 1 at slow.py:3 time.sleep"
    )
    assert "--ready-timeout" in control.state.failure.hint


def test_a_worker_that_dies_while_it_loads_the_app_ends_the_start_at_once() -> None:
    control = starting()
    control.pump(*booting(control, 201, 1))
    control.pump(WorkerDied(control.now_ns, "wsgi", 100, 201, 7 << 8))
    failure = control.state.failure
    assert failure is not None
    assert failure.message == (
        "can't load slow:app: a worker ended itself with exit status 7 (os._exit) while it loaded the app, "
        "last seen at slow.py:3 time.sleep"
    )


def test_one_that_was_told_to_stop_does_not() -> None:
    control = starting()
    control.pump(*booting(control, 201, 1), *booting(control, 202, 2))
    control.pump(WorkerDied(control.now_ns, "wsgi", 100, 201, 15, 0, 15))
    assert control.state.failure is None


def test_a_master_that_loads_the_app_itself_is_named_with_its_line() -> None:
    """gunicorn's --preload: there is no worker yet."""
    control = starting()
    master = control.state.sides["wsgi"].server.pid
    control.pump(MasterLoading(control.now_ns, "wsgi", master, 1))
    assert sentence(control) == "Starting the servers. WSGI: gunicorn's master loads the app (--preload)."
    control.pump(BootLineSeen(control.now_ns, "wsgi", master, 3, LINE))
    words = "WSGI: gunicorn's master loads the app (--preload) at slow.py:3 time.sleep"
    assert sentence(control) == f"Starting the servers. {words}."
    assert progress_line(control.state, control.now_ns, 120).plain.startswith(f"starting …  {words}")
    control.pump(MasterLoading(control.now_ns, "wsgi", master, 0))
    assert sentence(control) == "Starting the servers ..."
