"""Servers that are started for a lesson: fresh ones, and no run before it is asked for."""

from __future__ import annotations

from typing import Any

from tests.unit.controls import Control
from tests.unit.test_controller import finished, running
from wsgiviz.settings import make
from wsgiviz.state import Phase

ONE_SIDE: dict[str, Any] = {"only": "wsgi", "workers": 1, "requests": 1}


def test_servers_are_started_and_no_run_is_fired() -> None:
    control = Control(**ONE_SIDE)
    control.controller.prepare(make(only="wsgi", workers=2, requests=3))
    assert control.phase() is Phase.STARTING
    assert [settings.workers for settings in control.processes.started] == [2]


def test_others_take_the_place_of_those_that_have_served_somebody() -> None:
    control = finished()
    before = control.state.settings
    control.controller.prepare(before)  # the same settings, and servers anew
    assert control.phase() is Phase.STARTING
    control.pump()
    assert len(control.processes.started) == 2
    assert control.state.sides["wsgi"].run.planned == 0
    control.pump(*control.servers_ready())
    control.pump()
    assert control.phase() is Phase.READY
    jobs = len(control.processes.noted.jobs)
    control.pump()
    assert len(control.processes.noted.jobs) == jobs  # none is fired


def test_a_run_that_is_on_is_given_up() -> None:
    control = running()
    control.controller.prepare(control.state.settings)
    assert control.processes.noted.asked[-1] == "cancel"
    assert control.phase() is Phase.STARTING


def test_a_run_that_is_asked_for_meanwhile_comes_when_they_are_ready() -> None:
    control = finished()
    settings = control.state.settings
    control.controller.prepare(settings)
    control.controller.change(settings)
    jobs = len(control.processes.noted.jobs)
    control.pump()
    control.pump(*control.servers_ready())
    control.pump()
    assert (control.phase(), len(control.processes.noted.jobs)) == (Phase.RUNNING, jobs + 1)


def test_nothing_is_started_after_the_end() -> None:
    control = finished()
    control.controller.close()
    control.controller.prepare(control.state.settings)
    assert control.phase() is Phase.CLOSED
