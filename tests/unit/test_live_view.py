"""What a frame shows, from its State: where now is, and what the clock says."""

from __future__ import annotations

import pytest

from tests.tui.kept import Kept
from tests.unit.states import S
from wsgiviz.tui.live_view import LiveView
from wsgiviz.tui.render.glyphs import UNICODE


def view(name: str) -> LiveView:
    return LiveView(Kept(name, "done").frame, UNICODE)


def test_the_clock_and_the_axis_agree_where_one_side_runs_after_the_other() -> None:
    threads = view("threads")
    now_s = (threads.stopped_ns - threads.zero_ns) / S
    assert now_s > 5, "two runs of 2.5 s"
    assert threads.header(30).clock_s == pytest.approx(now_s, abs=0.1)


def test_now_does_not_step_back_when_a_worker_is_done_after_its_answer() -> None:
    """In scenario contract close() takes a second, after the client has the answer."""
    done = view("contract")
    [pane, _] = done.panes()
    [worker] = pane.side.server.living()
    assert pane.side.run.ended_ns + S // 2 < worker.since_ns == pane.now_ns < pane.end_ns
