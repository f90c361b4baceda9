"""Which of a pane's frames look different from the one before."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from msgspec.structs import replace as changed

from tests.unit.states import MS, T0, S, awaiting_tasks, sleeping_workers
from wsgiviz.state import Activity, Side, Worker
from wsgiviz.tui.feed import Tenths
from wsgiviz.tui.render.chart import Scale
from wsgiviz.tui.render.moving import Seen
from wsgiviz.tui.render.view import PaneView

SCALE = Scale.over(T0, T0 + 10 * S, 40)
"""An eighth of a cell is 31 ms: 3 ms later no lane has grown."""


def view_of(side: Side, now_s: float = 2.41) -> PaneView:
    return PaneView(side, "", T0 + int(now_s * S), T0, T0 + 10 * S)


def differs(before: PaneView, after: PaneView) -> bool:
    seen = Seen()
    assert seen.differs(before, SCALE, 1), "the first one"
    return seen.differs(after, SCALE, 1)


def of_server(**new: Any) -> Callable[[Side], Side]:
    return lambda side: changed(side, server=changed(side.server, **new))


def of_run(**new: Any) -> Callable[[Side], Side]:
    return lambda side: changed(side, run=changed(side.run, **new))


def of_worker(**new: Any) -> Callable[[Side], Side]:
    def change(side: Side) -> Side:
        first, *_ = side.server.workers
        workers: dict[Any, Worker] = {**side.server.workers, first: changed(side.server.workers[first], **new)}
        return of_server(workers=workers)(side)

    return change


@pytest.mark.parametrize(
    "change",
    [
        of_server(queue_depth=3),
        of_server(deaths=1),
        of_server(pools={100: 2}),
        of_run(completed=9),
        of_run(ended_ns=T0 + 2 * S),
        of_worker(activity=Activity.COMPUTING),
        of_worker(spans=()),
        of_server(workers={}),
        lambda side: changed(side, ledger=changed(side.ledger)),
    ],
)
def test_what_happens_is_drawn_at_once(change: Callable[[Side], Side]) -> None:
    side = sleeping_workers(2.41)
    view = view_of(side)
    assert differs(view, replace(view, side=change(side), now_ns=view.now_ns + 3 * MS))


def test_so_is_a_step_on_a_loop() -> None:
    side = awaiting_tasks(0.5)
    loops = {pid: changed(loop, running=loop.running + 1) for pid, loop in side.server.loops.items()}
    view = view_of(side)
    assert differs(view, replace(view, side=of_server(loops=loops)(side), now_ns=view.now_ns + 3 * MS))


@pytest.mark.parametrize("new", [{"followed": 7}, {"by_request": True}, {"stage": True}, {"end_ns": T0 + 5 * S}])
def test_so_is_what_a_person_asks_for(new: dict[str, Any]) -> None:
    view = view_of(sleeping_workers(2.41))
    assert differs(view, replace(view, now_ns=view.now_ns + 3 * MS, **new))


def test_time_alone_is_drawn_where_a_lane_grows_and_at_each_tenth_that_figures_show() -> None:
    view = view_of(sleeping_workers(2.41))
    assert not differs(view, replace(view, now_ns=view.now_ns + 3 * MS))
    assert differs(view, replace(view, now_ns=view.now_ns + 35 * MS)), "a lane has grown"
    many = Seen()
    assert [many.differs(replace(view, now_ns=T0 + ms * MS), SCALE, 1000) for ms in (2410, 2445, 2451)] == [
        True,
        False,
        True,
    ], "2.5 s, rounded"


def test_where_time_stands_each_is_drawn() -> None:
    view, seen = view_of(sleeping_workers(2.41)), Seen()
    assert [(seen.differs(view, SCALE, 1), seen.stands) for _ in range(2)] == [(True, False), (True, True)]


def test_words_change_with_each_tenth_and_every_so_often_without_one() -> None:
    pace = Tenths(0.2)
    tenths, seconds = (1, 1, 2, 2, 2, 2), (0.0, 0.1, 0.15, 0.3, 0.36, 0.4)
    assert [pace.due_at(*at) for at in zip(tenths, seconds, strict=True)] == [True, False, True, False, True, False]
    pace.reset()
    assert pace.due_at(2, 0.41), "asked for"
