"""A row for each loop, where there are several and there is room."""

from __future__ import annotations

import pytest

from tests.unit.lint_contexts import PID, at, reduced
from tests.unit.loop_events import OTHER, TWO_LOOPS, accepted, beat, began, held
from tests.unit.states import MS, RUN, T0, S
from wsgiviz.events import BootLineSeen, Event, SettingsChanged, ThreadSampled, WorkerBooting
from wsgiviz.state import Loop, Run, Server, Side, State, reduce
from wsgiviz.tui.render import loop_rows
from wsgiviz.tui.render.line import text_of
from wsgiviz.tui.render.rows import rows
from wsgiviz.tui.render.view import PaneView

HELD = [held(0.11 + part / 10, RUN + 1, 100 + 100 * part) for part in range(3)]


def one_held() -> State:
    """Twelve requests at the first loop, one of which computes; none at the second."""
    beats = [beat(0, 0), beat(0, 0, OTHER), beat(0.4, 0.4, OTHER)]
    return reduced(TWO_LOOPS, beats, accepted(range(1, 13)), began(1, 0.01), HELD)


def shown(state: State, width: int = 78, height: int = 24) -> list[str]:
    view = PaneView(state.sides["asgi"], "2 workers", T0 + int(0.41 * S), T0, T0 + 2 * S)
    return [text_of(row).rstrip() for row in rows(view, width, height)]


def test_each_of_several_loops_has_a_row() -> None:
    lines = shown(one_held())
    assert lines[3] == " loops  ▞▞░░░░░░░░░░░░░░░░░░░░  ■ held 0.4 s by #1   max lag 0.39 s"
    assert lines[5:7] == [
        " loop 1 ▞▞░░░░░░░░░░░░░░░░░░░░  ■ held 0.4 s by #1   12 requests",
        " loop 2 ░░░░░░░░░░░░░░░░░░░░░░  ○ idle in select   0 requests",
    ]
    assert len(lines) == 24


@pytest.mark.parametrize(("height", "several"), [(24, True), (14, True), (11, False), (8, False)])
def test_as_long_as_there_is_room_for_lanes(height: int, several: bool) -> None:
    lines = shown(one_held(), height=height)
    assert len(lines) == height
    assert any(line.startswith(" loop 2") for line in lines) is several
    assert sum("#" in line[:5] for line in lines) >= min(3, height - 6)


@pytest.mark.parametrize("width", [24, 30, 40, 59, 120])
def test_at_any_width(width: int) -> None:
    lines = shown(one_held(), width=width)
    assert all(len(line) <= width for line in lines)
    assert [line[:7] for line in lines if line.startswith(" loop ")] == [" loop 1", " loop 2"]


def test_a_loop_that_waits_for_the_gil_is_held_by_nobody() -> None:
    """Its thread was found waiting for the lock at each look, in the middle of a step."""
    looks = [ThreadSampled(at(0.04 * n), "asgi", PID, 0, n * MS, 0, "G") for n in range(1, 11)]
    lines = shown(reduced(TWO_LOOPS, [beat(0, 0), beat(0, 0, OTHER)], began(1, 0.01), looks))
    assert "△ waiting for the GIL" in lines[3]
    assert not any("held" in line for line in lines[3:7])


def test_a_loop_that_no_request_holds() -> None:
    state = reduced(TWO_LOOPS, [beat(0, 0), beat(0, 0, OTHER), held(0.31, 0, 290)])
    assert any("held 0.3 s by no request" in line for line in shown(state))


def test_a_worker_that_loads_its_app_has_no_loop_yet() -> None:
    events: list[Event] = [
        SettingsChanged(0, "", 0, {"asgi": "shop:app"}),
        WorkerBooting(T0, "asgi", 1, 1, 1, 1, "uvicorn"),
    ]
    assert shown(reduce(State(), events))[3].endswith("1 booting 0.4 s")
    events.append(BootLineSeen(T0, "asgi", 1, 3, "shop.py|<module>|\x1b[2J"))
    assert shown(reduce(State(), events))[3].endswith(r"1 booting 0.4 s at shop.py:3 \x1b[2J")


def test_a_loop_that_runs_a_request_is_not_idle() -> None:
    """Its steps are short, so that they are next to nothing of the run."""
    running = Loop(9, running=RUN + 3, since_ns=T0 + S)
    row = shown_loop(running, 1.01)
    assert "runs #3" in row
    assert "idle" not in row
    assert "idle in select" in shown_loop(Loop(9), 1.01)


def shown_loop(loop: Loop, now_s: float) -> str:
    side = Side("asgi", "asgi", server=Server(loops={9: loop}), run=Run(number=1, planned=4, started_ns=T0))
    view = PaneView(side, "", T0 + int(now_s * S), T0, T0 + 5 * S)
    return text_of(loop_rows.loop(view, 80, 8))


def test_a_loop_that_is_busy_now_and_then_is_idle() -> None:
    beats = [beat(0, 0), beat(0, 0, OTHER), beat(0.4, 0.36), beat(0.4, 0.36, OTHER)]
    lines = shown(reduced(TWO_LOOPS, beats))
    assert "○ idle, 10 % busy" in lines[3], lines


def test_the_bar_of_each_loop_leaves_a_blank_before_its_words() -> None:
    lines = shown(one_held(), width=38)
    assert [line[16:18] for line in lines if line.startswith(" loop")] == [" ■", " ■", " ○"], lines


@pytest.mark.parametrize(("at_s", "busy"), [(0.004, False), (0.1, True)])
def test_in_the_first_milliseconds_of_a_run_no_share_is_said(at_s: float, busy: bool) -> None:
    """Its first step is all that there was of it: nobody has been served yet, and it would be 100 %."""
    side = reduced(TWO_LOOPS, [beat(0, 0), beat(at_s, 0)]).sides["asgi"]
    view = PaneView(side, "2 workers", T0 + int((at_s + 0.0005) * S), T0, T0 + 2 * S)
    assert ("busy" in text_of(rows(view, 78, 24)[3])) is busy
