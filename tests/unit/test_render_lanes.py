"""Lanes of requests which do not each have a row, or a row of their own."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import pairwise

from msgspec.structs import replace as changed

from tests.unit.states import MS, RUN, T0, S, awaiting_tasks, ledger_of, sleeping_workers
from tests.unit.test_render_rows import shown, view_of
from wsgiviz.state import Activity, Loop, Request
from wsgiviz.tui.render.rows import Memory, rows
from wsgiviz.tui.render.stage_rows import plan


def test_on_stage_lanes_that_do_not_fit_are_left_out_evenly_and_a_line_says_so() -> None:
    lines = shown(replace(view_of(awaiting_tasks(0.5, requests=40), 0.5), stage=True), height=20)
    numbers = [int(found[1]) for line in lines if (found := re.match(r" +#(\d+) ", line))]
    steps = {after - before for before, after in pairwise(numbers)}
    assert max(steps) - min(steps) <= 1
    assert f"{len(numbers)} of 40 requests" in lines[-2]
    assert len(numbers) == plan(59, 20).lanes - 1, "all but the line that says so"


def test_on_stage_the_same_requests_are_shown_before_all_are_sent() -> None:
    side = awaiting_tasks(0.5, requests=40)
    few = changed(side, ledger=ledger_of(list(side.ledger.ours())[:30]))
    view = replace(view_of(side, 0.5), stage=True, at_once=40)
    all_lines, lines = (shown(replace(view, side=each), height=20) for each in (side, few))
    names = [[line.split()[0] for line in found if line.lstrip().startswith("#")] for found in (all_lines, lines)]
    assert names[1] == names[0][: len(names[1])]
    assert "of 40 requests" in "\n".join(lines)
    none_yet = changed(side, ledger=ledger_of([]))
    assert "of 40 requests" not in "\n".join(shown(replace(view, side=none_yet), height=20)), "a run that comes next"


def test_a_lane_with_several_requests_says_that_it_has_had_others() -> None:
    times = enumerate((T0, T0 + 2 * S), 1)
    one, two = (Request(RUN + n, at, at, began_ns=at, ended_ns=at + S, received_ns=at + S) for n, at in times)
    side = awaiting_tasks(4.0, requests=2)
    [lane] = [line for line in shown(view_of(changed(side, ledger=ledger_of([one, two])), 4.0)) if "#" in line]
    assert lane.split("#")[0].strip() == "…"
    assert lane.split()[1] == "✓"
    [alone] = [line for line in shown(view_of(changed(side, ledger=ledger_of([one])), 4.0)) if "#" in line]
    assert alone.split("#")[0].strip() == ""


def test_workers_that_have_nothing_to_do_do_not_hide_those_that_have() -> None:
    """Three of forty are at work, with the highest numbers."""
    side = sleeping_workers(0.5, workers=40, requests=40)
    idle = {
        key: changed(one, activity=Activity.IDLE, since_ns=T0 - S, req=0) for key, one in side.server.workers.items()
    }
    busy = dict(list(side.server.workers.items())[-3:])
    few = changed(side, server=changed(side.server, workers={**idle, **busy}), run=changed(side.run, requested_ns=T0))
    lines = shown(view_of(few, 0.5))
    assert [line.split()[:2] for line in lines if re.match(r" +\d+ [■·]", line)][:4] == [
        ["38", "■"], ["39", "■"], ["40", "■"], ["1", "·"]
    ]  # fmt: skip


def test_what_is_hidden_is_said_in_as_many_words_as_there_is_room_for() -> None:
    side = sleeping_workers(0.5, workers=40, requests=39)
    widths = {width: next(line for line in shown(view_of(side, 0.5), width) if "more" in line) for width in (59, 30)}
    assert widths[59].endswith(" blocked, 1 idle")
    assert widths[30].endswith(" more, most blocked")


def test_what_waits_in_a_process_for_its_threads_has_signs_of_its_own() -> None:
    side = sleeping_workers(0.5)
    pooled = changed(side, kind="gthread", server=changed(side.server, queue_depth=2, pools={1000: 12}))
    queue = next(line for line in shown(view_of(pooled, 0.5)) if line.startswith(" queue"))
    assert queue.split()[1] == "●●" + "◌" * 12 + "○" * (len(queue.split()[1]) - 14)


def test_where_as_many_are_blocked_as_compute_both_are_said() -> None:
    side = sleeping_workers(0.5, workers=2)
    _, second = side.server.workers
    both = {**side.server.workers, second: changed(side.server.workers[second], activity=Activity.COMPUTING)}
    view = view_of(changed(side, server=changed(side.server, workers=both)), 0.5)
    found = {width: next(line for line in shown(view, width) if line.startswith(" busy")) for width in (70, 48, 40)}
    assert found[70].endswith(" 1 of 2 blocked   1 computing")
    assert found[48].endswith(" 1 blocked, 1 computing")
    assert found[40].endswith((" 1 of 2 blocked", " 1 blocked, 1 computing"))


def test_now_stands_at_the_same_cell_in_both_panes() -> None:
    """However many lanes grow in each."""
    for hundredths in range(50, 550, 7):
        now_s = hundredths / 100
        sides = sleeping_workers(now_s), awaiting_tasks(min(now_s, 0.9), requests=40)
        axes = {next(line for line in shown(view_of(each, now_s), height=24) if "now" in line and "app" not in line)
                for each in sides}  # fmt: skip
        assert len(axes) == 1


def test_what_is_kept_of_a_lane_is_drawn_as_all_of_it_would_be_now() -> None:
    """Just before, its loop was busy for half of the time: what was not begun waited for it, and was not read."""
    times = {"accepted_ns": T0, "began_ns": T0 + S, "ended_ns": T0 + S, "received_ns": T0 + S, "status": 200}
    side = awaiting_tasks(0.5)
    [pid] = {loop.pid for loop in side.server.loops.values()}
    server = changed(side.server, loops={pid: Loop(pid, steps_ns=S)})
    one = Request(RUN + 1, T0, T0, pid=pid, **times)  # type: ignore[arg-type]
    view = replace(view_of(changed(side, server=server, ledger=ledger_of([one])), 2.02), end_ns=T0 + 4 * S)
    memory = Memory()
    rows(view, 59, 18, memory)
    later = replace(view, now_ns=T0 + 2060 * MS)
    assert rows(later, 59, 18, memory) == rows(later, 59, 18)
