"""The controller: workers that come, go and fail, and what ends a session."""

from __future__ import annotations

import signal

from tests.unit.controls import Control
from tests.unit.test_controller import finished, phases_of, running
from wsgiviz.errors import WsgivizError
from wsgiviz.events import (
    Failed,
    PhaseChanged,
    ServerRetired,
    WorkersChanged,
)

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
