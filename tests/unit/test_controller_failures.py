"""The controller: workers that come, go and fail, and what ends a session."""

from __future__ import annotations

import signal
from collections.abc import Callable

import pytest

from tests.unit.controls import Control
from tests.unit.test_controller import finished, phases_of, running
from wsgiviz.analysis import deaths
from wsgiviz.control.deadlines import REPORT_NS
from wsgiviz.errors import WsgivizError
from wsgiviz.events import (
    Event,
    Failed,
    MasterLoading,
    PhaseChanged,
    ServerRetired,
    WorkerDied,
    WorkerGone,
    WorkersChanged,
    WorkerStopping,
)
from wsgiviz.state import Phase

# --- workers -------------------------------------------------------------------------------------------------------


def test_workers_are_added_one_signal_at_a_time() -> None:
    control = finished()
    control.controller.add_worker()
    control.controller.add_worker()
    assert control.processes.signals == [("wsgi", signal.SIGTTIN)]
    control.pump(WorkersChanged(control.now_ns, "wsgi", 100, 2, 1))
    assert control.processes.signals == [("wsgi", signal.SIGTTIN)] * 2
    assert [action.action for action in control.state.actions][-2:] == ["add_worker", "add_worker"]


def test_the_side_that_scales_is_gunicorns_and_wsgi_where_there_is_one() -> None:
    assert Control().controller.scaled == "wsgi"
    assert Control(left="asgi", right="sync").controller.scaled == "wsgi"
    assert Control(left="uvicorn", right="asgi").controller.scaled == "asgi2"
    assert Control(only="asgi", async_server="uvicorn").controller.scaled is None


def test_a_reload_is_for_gunicorn() -> None:
    control = Control(left="sync", right="uvicorn")
    control.get_ready()
    control.controller.reload()
    assert control.processes.signals == [("wsgi", signal.SIGHUP)]
    assert [action.action for action in control.state.actions] == ["reload"]


# --- failures ------------------------------------------------------------------------------------------------------


def test_what_ends_by_itself_is_a_failure_and_the_rest_is_stopped() -> None:
    control = running()
    control.processes.ended = WsgivizError("the load driver was ended by SIGKILL", "fire again", "its log")
    control.pump()
    assert [type(event) for event in control.events][-2:] == [Failed, PhaseChanged]
    assert control.state.failure is not None
    assert control.state.failure.detail == "its log"
    assert control.processes.servers == {}
    control.controller.fire()
    assert len(control.client.jobs) == 1


def test_closing_is_the_last_of_the_log_and_happens_once() -> None:
    control = finished()
    control.controller.close()
    control.controller.close()
    control.pump()
    assert [type(event) for event in control.events][-2:] == [ServerRetired, PhaseChanged]
    assert phases_of(control)[-1] == "closed"


# --- deaths at the end of a run ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "seen",
    [lambda t_ns, pid: WorkerGone(t_ns, "wsgi", pid, 9), lambda t_ns, pid: WorkerStopping(t_ns, "wsgi", pid, 6)],
)
def test_a_run_ends_when_the_master_has_said_what_a_worker_died_of(seen: Callable[[int, int], Event]) -> None:
    """The kernel says that it has gone, or gunicorn has aborted it: its timeout only its master knows."""
    control = running()
    [worker] = control.state.sides["wsgi"].server.processes()
    control.pump(*control.answered("wsgi"), seen(control.now_ns, worker), *control.run_ended())
    assert control.phase() is Phase.RUNNING
    control.pump(WorkerDied(control.now_ns, "wsgi", 100, worker, 9, 1, 9))
    assert control.phase() is Phase.FINISHED
    assert [row.cause for row in deaths.rows(control.state.sides["wsgi"])] == [
        "was killed by gunicorn (worker timeout)"
    ]


def test_a_master_that_never_says_so_is_not_waited_for_for_ever() -> None:
    control = running()
    [worker] = control.state.sides["wsgi"].server.processes()
    control.pump(*control.answered("wsgi"), WorkerGone(control.now_ns, "wsgi", worker, 9), *control.run_ended())
    control.pump(after_ns=REPORT_NS)
    assert control.phase() is Phase.FINISHED
    assert [row.cause for row in deaths.rows(control.state.sides["wsgi"])] == ["was killed by SIGKILL"]


# --- the last that a server has recorded ----------------------------------------------------------------------------


def test_what_a_server_has_recorded_last_is_read_before_it_is_said_why_it_has_ended() -> None:
    control = Control(only="wsgi")
    control.controller.start()
    control.processes.ended = WsgivizError("it has ended")
    control.watch.late = [MasterLoading(control.now_ns, "wsgi", 100, 1)]
    control.pump()
    assert control.state.failure is not None
    kinds = [type(event) for event in control.events]
    assert kinds.index(MasterLoading) < kinds.index(Failed)
