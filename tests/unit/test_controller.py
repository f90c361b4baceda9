"""The controller: what it decides by the State of its log, what it asks of processes, and what it says of both."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.controls import DRIVER, SECOND_NS, Control
from wsgiviz.control.controller import SHORT_REQUESTS
from wsgiviz.control.deadlines import SILENT_WITHIN_S
from wsgiviz.errors import UsageError, WsgivizError
from wsgiviz.events import (
    ActionTaken,
    Calibrated,
    Event,
    LoopBeat,
    PhaseChanged,
    ProcessSampled,
    RequestBegan,
    RequestFailed,
    RunGrew,
    RunRequested,
    ServerRetired,
    ServerStarted,
    SessionOpened,
    SettingsChanged,
    ThreadSampled,
)
from wsgiviz.options import DSN_GIVEN
from wsgiviz.state import Phase, State, reduce

ONE_SIDE: dict[str, Any] = {"only": "wsgi", "workers": 1, "requests": 1}


def phases_of(control: Control) -> list[str]:
    return [event.phase for event in control.events if isinstance(event, PhaseChanged)]


def running(**settings: Any) -> Control:
    """A control with one run on."""
    control = Control(**(ONE_SIDE | settings))
    control.get_ready()
    control.controller.fire()
    control.pump(*control.run_began())
    assert control.phase() is Phase.RUNNING
    return control


def finished(**settings: Any) -> Control:
    control = running(**settings)
    control.pump(*control.answered("wsgi"), *control.run_ended())
    assert control.phase() is Phase.FINISHED
    return control


# --- the log -------------------------------------------------------------------------------------------------------


def test_settings_are_known_before_anything_is_started() -> None:
    control = Control(workers=3)
    assert control.state.settings.workers == 3
    assert list(control.state.sides) == ["wsgi", "asgi"]
    assert control.processes.started == []


def test_a_session_is_opened_by_events_alone() -> None:
    control = Control(**ONE_SIDE)
    control.controller.start()
    kinds = [type(event) for event in control.events]
    assert kinds == [SettingsChanged, SessionOpened, PhaseChanged, ServerStarted]
    [opened] = control.of(SessionOpened)
    assert isinstance(opened, SessionOpened)
    assert {"cores", "usable_cores", "python", "gunicorn", "platform", "wsgiviz"} <= set(opened.host)
    assert control.state.sides["wsgi"].server.address == "http://127.0.0.1:100"


def test_what_is_decided_follows_from_the_log_and_the_state_from_its_events() -> None:
    control = finished()
    control.controller.change(control.state.settings.changed(workers=2))
    control.pump()
    control.pump(*control.servers_ready())
    again = State()
    for batch in control.log.batches():
        again = reduce(again, batch)
    assert again == control.state


def test_a_connection_string_never_gets_into_the_log() -> None:
    control = Control(scenario="db", dsn="postgresql://me:secret@host/shop")
    control.get_ready()
    control.controller.change(control.state.settings.changed(workers=2))
    control.pump()
    assert "secret" not in repr(control.events)
    assert control.state.settings.dsn == DSN_GIVEN
    assert control.processes.dsns == ["postgresql://me:secret@host/shop"] * 2


# --- getting ready -------------------------------------------------------------------------------------------------


def test_it_is_ready_when_all_workers_and_the_driver_are() -> None:
    control = Control(workers=2)
    control.controller.start()
    *most, last = control.servers_ready()
    control.pump(*most)
    assert control.phase() is Phase.STARTING
    control.pump(last)
    assert control.phase() is Phase.READY


def test_a_run_that_was_asked_for_early_is_fired_when_it_can_be() -> None:
    control = Control(**ONE_SIDE)
    control.controller.start()
    control.controller.fire()
    assert control.client.jobs == []
    control.pump(*control.servers_ready())
    assert [job.requests for job in control.client.jobs] == [1]
    assert control.phase() is Phase.RUNNING


def test_servers_that_do_not_get_ready_are_a_failure() -> None:
    control = Control(ready_timeout=12.5)
    control.controller.start()
    control.pump(after_ns=int(12.5e9))
    assert control.phase() is Phase.STARTING
    control.pump(after_ns=1)
    assert control.state.failure is not None
    assert control.state.failure.message == "the WSGI server (gunicorn sync) was not ready after 12.5 s"
    assert control.processes.servers == {}


@pytest.mark.parametrize("error", [WsgivizError("no room", "free some"), UsageError("not installed", "pip install")])
def test_what_cannot_be_started_is_a_failure_in_the_state(error: WsgivizError) -> None:
    control = Control()
    control.processes.refuses = error
    control.controller.start()
    assert control.phase() is Phase.FAILED
    assert control.state.failure is not None
    assert (control.state.failure.message, control.state.failure.status) == (error.message, error.status)
    control.processes.refuses = None
    control.controller.change(control.state.settings)
    control.pump()
    control.pump(*control.servers_ready())
    assert control.phase() is Phase.RUNNING
    assert control.log.state.failure is None


# --- runs ----------------------------------------------------------------------------------------------------------


def test_a_run_is_in_the_log_before_the_driver_knows_of_it() -> None:
    control = running()
    assert control.client.run_known == [1]
    kinds = [type(event) for event in control.events]
    at = kinds.index(RunRequested)
    assert kinds[at - 2 : at + 2] == [ProcessSampled, ActionTaken, RunRequested, PhaseChanged]


def test_a_run_has_ended_when_driver_and_workers_are_through() -> None:
    control = running()
    control.pump(*control.answered("wsgi"), *control.run_ended())
    assert control.phase() is Phase.FINISHED


def test_the_last_batch_of_a_run_ends_with_its_end_and_holds_the_final_samples() -> None:
    control = finished()
    *_, last = control.log.batches()
    assert [type(event) for event in last] == [ProcessSampled, PhaseChanged]


def test_workers_get_some_time_to_close_but_not_for_ever() -> None:
    control = running()
    *begun, _, received = control.answered("wsgi")
    control.pump(*begun, received, *control.run_ended())
    assert control.phase() is Phase.RUNNING
    control.pump(after_ns=SECOND_NS // 2)
    assert control.phase() is Phase.FINISHED
    assert control.state.sides["wsgi"].run.completed == 1


@pytest.mark.parametrize("phase", [Phase.RUNNING, Phase.MEASURING])
def test_a_last_word_that_was_lost_does_not_make_anybody_wait_for_ever(phase: Phase) -> None:
    control = Control(**ONE_SIDE, timeout=5, scenario="cpu" if phase is Phase.MEASURING else "sleep")
    control.get_ready()
    if phase is Phase.RUNNING:
        control.controller.fire()
    assert control.phase() is phase
    control.pump(*control.run_began(), *control.answered("wsgi"))
    control.pump(after_ns=int((SILENT_WITHIN_S + 5) * 1e9))
    assert control.phase() is phase
    control.pump(after_ns=1)
    assert control.state.failure is not None
    assert control.state.failure.message == "the load driver has been silent for 35 s"


def test_as_long_as_requests_end_a_run_may_take_as_long_as_it_likes() -> None:
    control = running(requests=50, arrivals="closed", timeout=5)
    for number in range(1, 40):
        control.pump(*control.answered("wsgi", number), after_ns=30 * SECOND_NS)
    assert control.phase() is Phase.RUNNING


def test_one_more_joins_the_run_that_is_on() -> None:
    control = running(requests=7)
    control.controller.fire_one()
    assert control.client.asked == ["fire", "more 1"]
    assert [action.action for action in control.state.actions] == ["fire", "more"]


def test_one_more_after_a_run_is_added_to_it_and_the_run_finishes_again() -> None:
    control = finished()
    control.controller.fire_one()
    assert control.client.asked == ["fire", "more 1"]
    assert len(control.client.jobs) == 1
    run = control.state.sides["wsgi"].run
    assert (control.phase(), run.number, run.planned, run.running) == (Phase.RUNNING, 1, 2, True)
    control.pump(*control.answered("wsgi", 2))
    assert control.phase() is Phase.RUNNING
    control.pump(*control.run_ended())
    assert control.phase() is Phase.FINISHED
    assert [(run.number, run.sides[0].completed) for run in control.state.runs] == [(1, 2)]


def test_one_more_while_one_side_is_done_reaches_both() -> None:
    control = running(only=None, requests=2)
    ended = [event for event in control.run_ended() if event.side == "asgi"]
    control.pump(*control.answered("asgi"), *control.answered("asgi", 2), *ended)
    control.controller.fire_one()
    runs = {name: side.run for name, side in control.state.sides.items()}
    assert (runs["asgi"].running, runs["asgi"].planned, runs["wsgi"].planned) == (True, 3, 2)
    assert control.client.asked == ["fire", "more 1"]


def test_a_driver_that_ended_a_run_before_it_knew_of_one_more_sets_it_going_again() -> None:
    control = running()
    control.controller.fire_one()
    control.pump(*control.answered("wsgi"), *control.run_ended())
    assert control.phase() is Phase.FINISHED
    control.pump(RunGrew(control.now_ns, "wsgi", DRIVER, 1, 2))
    assert control.phase() is Phase.RUNNING
    control.pump(*control.answered("wsgi", 2), *control.run_ended())
    assert control.phase() is Phase.FINISHED


def test_one_more_before_the_first_run_is_a_run_of_one() -> None:
    control = Control(**(ONE_SIDE | {"requests": 7}))
    control.get_ready()
    control.controller.fire_one()
    assert [job.requests for job in control.client.jobs] == [1]


def test_cancelling_is_for_runs_and_is_noted() -> None:
    control = Control(**ONE_SIDE)
    control.get_ready()
    control.controller.cancel()
    assert control.client.asked == []
    control.controller.fire()
    control.controller.cancel()
    assert control.client.asked == ["fire", "cancel"]
    assert control.state.actions[-1].action == "cancel"


# --- calibration ---------------------------------------------------------------------------------------------------


def test_what_costs_something_is_measured_first() -> None:
    control = Control(**ONE_SIDE, scenario="cpu")
    control.controller.start()
    control.controller.fire()
    control.pump(*control.servers_ready())
    assert control.phase() is Phase.MEASURING
    [asked] = control.of(RunRequested)
    assert isinstance(asked, RunRequested)
    assert asked.calibration
    control.pump(*control.run_began(), *control.answered("wsgi", cpu_ns=SECOND_NS), *control.run_ended())
    [measured] = control.of(Calibrated)
    assert isinstance(measured, Calibrated)
    assert (measured.wait_s, measured.cpu_s) == (0.0, 1.0)
    assert control.phase() is Phase.RUNNING
    assert (control.state.run, control.state.fired) == (2, 2)


def test_what_is_short_is_measured_by_many() -> None:
    control = Control(**ONE_SIDE, scenario="cpu")
    control.get_ready()
    control.pump(*control.run_began(), *control.answered("wsgi", took_ns=1_000_000), *control.run_ended())
    assert [job.requests for job in control.client.jobs] == [1, SHORT_REQUESTS]
    assert control.phase() is Phase.MEASURING
    many = [e for n in range(1, SHORT_REQUESTS + 1) for e in control.answered("wsgi", n, took_ns=1_000_000)]
    control.pump(*control.run_began(), *many, *control.run_ended())
    assert control.phase() is Phase.READY
    assert control.state.measured is not None
    assert control.state.measured.cpu_s == 0.001


def test_what_could_not_be_measured_is_negative() -> None:
    control = Control(**ONE_SIDE, scenario="cpu")
    control.get_ready()
    sent, *_ = control.answered("wsgi")
    failed = RequestFailed(control.now_ns, "wsgi", DRIVER, 1_000_001, "timeout")
    control.pump(*control.run_began(), sent, failed, *control.run_ended())
    [measured] = control.of(Calibrated)
    assert isinstance(measured, Calibrated)
    assert (measured.wait_s, measured.cpu_s) == (-1.0, -1.0)
    assert control.phase() is Phase.READY


def test_other_parameters_are_measured_again() -> None:
    control = Control(**ONE_SIDE, scenario="cpu")
    control.get_ready()
    control.pump(*control.run_began(), *control.answered("wsgi", cpu_ns=SECOND_NS), *control.run_ended())
    assert control.phase() is Phase.READY
    control.controller.change(control.state.settings.changed(parameters={"below": 5_000}))
    assert control.phase() is Phase.MEASURING
    control.pump(*control.run_began(), *control.answered("wsgi", cpu_ns=2 * SECOND_NS), *control.run_ended())
    assert control.phase() is Phase.RUNNING
    assert len(control.of(Calibrated)) == 2


# --- other settings ------------------------------------------------------------------------------------------------


def test_a_change_of_the_load_fires_at_the_same_servers() -> None:
    control = finished()
    control.controller.change(control.state.settings.changed(requests=9))
    assert control.phase() is Phase.RUNNING
    assert control.client.jobs[-1].requests == 9
    assert len(control.processes.started) == 1


def test_a_change_of_the_servers_retires_the_old_ones_before_new_ones_start() -> None:
    control = finished()
    control.controller.change(control.state.settings.changed(workers=2))
    assert control.phase() is Phase.STARTING
    assert len(control.processes.started) == 1
    control.pump()
    assert [settings.workers for settings in control.processes.started] == [1, 2]
    kinds = [type(event) for event in control.events]
    assert kinds.index(ServerRetired) < len(kinds) - kinds[::-1].index(ServerStarted)
    control.pump(*control.servers_ready())
    assert control.phase() is Phase.RUNNING


def test_other_sides_are_there_at_once() -> None:
    control = finished()
    control.controller.change(control.state.settings.changed(only="asgi"))
    assert list(control.state.sides) == ["asgi"]


# --- calm ----------------------------------------------------------------------------------------------------------


def background(control: Control) -> list[Event]:
    return [
        LoopBeat(control.now_ns, "wsgi", 1001, 100, -1),
        ThreadSampled(control.now_ns, "wsgi", 1001, 0, 1, 1, "S"),
    ]


def test_heartbeats_and_samples_alone_leave_it_calm() -> None:
    control = finished()
    assert not control.controller.calm
    for _ in range(60):
        control.pump(*background(control))
    assert control.controller.calm
    looks = control.watch.looks
    for _ in range(30):  # a second of frames
        control.pump(*background(control))
    assert control.watch.looks - looks <= 6


def test_a_request_of_anybody_or_a_key_wakes_it() -> None:
    control = finished()
    control.pump(after_ns=SECOND_NS)
    control.pump(after_ns=SECOND_NS)
    assert control.controller.calm
    control.pump(RequestBegan(control.now_ns, "wsgi", 1001, 0, -1, 0, 0, "GET /"), after_ns=SECOND_NS)
    assert not control.controller.calm
    for _ in range(60):
        control.pump()
    assert not control.controller.calm, "somebody is busy"
    again = finished()
    again.pump(after_ns=SECOND_NS)
    again.controller.fire_one()
    assert not again.controller.calm


def test_it_is_never_calm_while_a_run_is_on() -> None:
    control = running()
    for _ in range(60):
        control.pump()
    assert not control.controller.calm
