"""The end of the run before, on the axis and beside the digits."""

from __future__ import annotations

from dataclasses import replace

import pytest
from msgspec.structs import replace as changed

from tests.tui.stand_in import StandIn, sleeping
from tests.unit.states import S, sleeping_workers
from tests.unit.test_render_rows import guess, shown, view_of
from wsgiviz.analysis.session_runs import Ghost
from wsgiviz.state import RunSummary, SideSummary
from wsgiviz.tui.live_view import LiveView
from wsgiviz.tui.render.glyphs import UNICODE
from wsgiviz.tui.render.rows import Memory, rows
from wsgiviz.tui.render.view import PaneView


def with_ghost(now_s: float, ghost_s: float) -> PaneView:
    ghost = Ghost(int(ghost_s * S), "8 workers")
    return replace(view_of(sleeping_workers(now_s), now_s), prediction=guess(5.0), ghost=ghost)


def axis_of(view: PaneView) -> str:
    return next(line for line in shown(view) if "now" in line and "in app" not in line)


def test_the_end_of_the_run_before_stands_on_the_axis_and_beside_the_digits() -> None:
    lines = shown(with_ghost(1.0, 4.4))
    assert lines[-1].endswith("▽ last run 4.40 s with 8 workers")
    assert "▽" in axis_of(with_ghost(1.0, 4.4))
    assert "▽" not in axis_of(with_ghost(1.0, 9.0))  # beyond its end


@pytest.mark.parametrize("ghost_s", [0.9, 1.0, 1.1, 1.2, 1.5, 1.8])
def test_it_leaves_the_word_for_now_whole(ghost_s: float) -> None:
    assert "▲ now" in axis_of(with_ghost(1.0, ghost_s))


def test_what_failed_and_what_an_earlier_run_left_come_before_it() -> None:
    view = with_ghost(2.4, 4.0)
    left = replace(view, side=changed(view.side, run=changed(view.side.run, earlier=2)))
    assert shown(left)[-1].endswith("2 requests of the run before served too")
    failed = changed(left.side.run, failed=1, errors={"timeout": 1})
    assert shown(replace(left, side=changed(left.side, run=failed)))[-1].endswith("1 timeout")


def test_a_memory_draws_the_rows_anew_when_the_ghost_is_another() -> None:
    memory = Memory()
    first, second = with_ghost(1.0, 4.4), with_ghost(1.0, 3.3)
    rows(first, 59, 18, memory)
    assert rows(second, 59, 18, memory) == rows(second, 59, 18)


def test_beside_by_how_much_it_was_faster_it_takes_the_room_that_is_left() -> None:
    view = replace(with_ghost(2.4, 4.0), faster=3.9, rival="WSGI")
    wide, narrow = ([line for line in shown(view, width) if "times faster" in line][0] for width in (90, 55))
    assert wide.endswith("3.9 times faster than WSGI   ▽ last run 4.00 s with 8 workers")
    assert narrow.endswith("3.9 times faster than WSGI   ▽ 4.00 s")


def test_who_is_asked_to_predict_does_not_see_how_the_run_before_went() -> None:
    side = SideSummary("wsgi", "sync", 8, 20, 20, 0, 3 * S, 3 * S)
    before = RunSummary(1, 0, "sleep", sides=(side,))
    frame = StandIn(state=changed(sleeping(), runs=(before,))).frame
    assert [pane.ghost is not None for pane in LiveView(frame, UNICODE).panes()] == [True, False]
    assert not any(pane.ghost for pane in LiveView(frame, UNICODE, foretell=False).panes())
