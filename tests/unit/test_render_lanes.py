"""Lanes of requests which do not each have a row, or a row of their own."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import pairwise

from msgspec.structs import replace as changed

from tests.unit.states import RUN, T0, S, awaiting_tasks, ledger_of
from tests.unit.test_render_rows import shown, view_of
from wsgiviz.state import Request
from wsgiviz.tui.render.stage_rows import plan


def test_on_stage_lanes_that_do_not_fit_are_left_out_evenly_and_a_line_says_so() -> None:
    lines = shown(replace(view_of(awaiting_tasks(0.5, requests=40), 0.5), stage=True), height=20)
    numbers = [int(found[1]) for line in lines if (found := re.match(r" +#(\d+) ", line))]
    steps = {after - before for before, after in pairwise(numbers)}
    assert max(steps) - min(steps) <= 1
    assert f"{len(numbers)} of 40 requests" in lines[-2]
    assert len(numbers) == plan(59, 20).lanes - 1, "all but the line that says so"


def test_a_lane_with_several_requests_says_that_it_has_had_others() -> None:
    times = enumerate((T0, T0 + 2 * S), 1)
    one, two = (Request(RUN + n, at, at, began_ns=at, ended_ns=at + S, received_ns=at + S) for n, at in times)
    side = awaiting_tasks(4.0, requests=2)
    [lane] = [line for line in shown(view_of(changed(side, ledger=ledger_of([one, two])), 4.0)) if "#" in line]
    assert lane.split("#")[0].strip() == "…"
    assert lane.split()[1] == "✓"
    [alone] = [line for line in shown(view_of(changed(side, ledger=ledger_of([one])), 4.0)) if "#" in line]
    assert alone.split("#")[0].strip() == ""
