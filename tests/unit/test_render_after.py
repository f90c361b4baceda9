"""What goes on after the answer, or for nobody: in a task's lane, in a worker's line, in numbers."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from msgspec.structs import replace as changed

from tests.unit.states import MS, RUN, T0, S, awaiting_tasks, ledger_of, sleeping_workers
from wsgiviz.state import Request, Side, Step, Task
from wsgiviz.tui.render.glyphs import ASCII, UNICODE, Glyphs
from wsgiviz.tui.render.line import text_of
from wsgiviz.tui.render.rows import Memory, rows
from wsgiviz.tui.render.view import PaneView

NOW_S = 2.4

ANSWERED: dict[str, Any] = {"received_ns": T0 + S, "status": 200}
GIVEN_UP: dict[str, Any] = {"failed_ns": T0 + S, "error": "timeout"}


def task(number: int, began_s: float = 0.001, ended_s: float = 0, **more: Any) -> Request:
    """A request that a loop begins, and that awaits until it ends, or still does."""
    began, ended = T0 + int(began_s * S), T0 + int(ended_s * S) if ended_s else 0
    run, wait = Step(began, began + MS, Task.RUNNING), Step(began + MS, ended, Task.AWAITING)
    state = Task.DONE if ended else Task.AWAITING
    given = {"task": state, "since_ns": ended or began + MS, **more}
    return Request(RUN + number, T0, T0, began_ns=began, ended_ns=ended, steps=(run, wait), **given)


def shown(side: Side, width: int = 70, glyphs: Glyphs = UNICODE, height: int = 18) -> list[str]:
    return [text_of(row).rstrip() for row in rows(view_of(side, glyphs), width, height)]


def view_of(side: Side, glyphs: Glyphs = UNICODE) -> PaneView:
    return PaneView(side, "", T0 + int(NOW_S * S), T0, T0 + int(5.5 * S), glyphs=glyphs)


def lane(*requests: Request, number: int = 1, glyphs: Glyphs = UNICODE) -> str:
    side = changed(awaiting_tasks(NOW_S), ledger=ledger_of(requests))
    return next(line for line in shown(side, glyphs=glyphs) if line.startswith(f"{f'#{number}':>5}"))


def test_a_task_that_goes_on_after_its_answer_has_a_sign_a_texture_and_words() -> None:
    line = lane(task(1, **ANSWERED))
    assert line.startswith("   #1 » ")
    assert "━»»»" in line
    assert line.endswith("»   after the answer 1.4 s")


def test_one_that_ended_later_says_by_how_much_and_keeps_the_client_s_time() -> None:
    line = lane(task(1, ended_s=2.0, **ANSWERED))
    assert line.startswith("   #1 ✓ ")
    assert "━»»»" in line
    assert line.endswith("1.00 s, app 1.00 s longer")


def test_one_that_just_closes_after_its_answer_is_answered() -> None:
    for ended in (0.0, 2.37):
        line = lane(task(1, ended_s=ended, received_ns=T0 + int(2.365 * S), status=200))
        assert line.startswith("   #1 ✓ ")
        assert line.endswith("2.37 s")
        assert "»" not in line


def test_one_whose_client_gave_up_goes_on_for_nobody() -> None:
    line = lane(task(1, **GIVEN_UP))
    assert line.startswith("   #1 » ")
    assert line.endswith("for nobody 1.4 s")
    over = lane(task(1, ended_s=2.0, **GIVEN_UP))
    assert over.startswith("   #1 ✕ ")
    assert over.endswith("timeout, served for nobody")


@pytest.mark.parametrize("one", [task(1, **ANSWERED), task(1, **GIVEN_UP)])
def test_its_lane_goes_on_with_it_though_nothing_is_heard_of_it(one: Request) -> None:
    side, memory = changed(awaiting_tasks(NOW_S), ledger=ledger_of([one])), Memory()
    lasts = []
    for now_s in (2.4, 2.9):
        view = replace(view_of(side), now_ns=T0 + int(now_s * S))
        lasts.append(next(line for row in rows(view, 70, 18, memory) if "#1 " in (line := text_of(row).rstrip())))
    assert lasts[0].endswith(" 1.4 s"), lasts
    assert lasts[1].endswith(" 1.9 s"), lasts
    assert lasts[1].count("»") > lasts[0].count("»"), lasts


def test_one_given_up_before_it_was_begun_is_over_and_comes_back_to_its_lane() -> None:
    waiting = Request(RUN + 1, T0, T0, **GIVEN_UP)
    assert lane(waiting).startswith("   #1 ✕ ····")
    assert lane(waiting).endswith("·   timeout")
    line = lane(task(1, began_s=1.5, **GIVEN_UP))
    assert line.startswith("   #1 » ····")
    assert "·     │»»»" in line
    assert line.endswith("for nobody 0.9 s")


def test_what_holds_the_loop_after_the_answer_is_seen_to_hold_it() -> None:
    began = T0 + S + 10 * MS
    steps = (Step(T0 + MS, T0 + S, Task.AWAITING), Step(began, 0, Task.RUNNING))
    line = lane(changed(task(1, **ANSWERED), task=Task.RUNNING, since_ns=began, steps=steps))
    assert line.startswith("   #1 » ")
    assert "███" in line
    assert line.endswith("holds the loop 1.4 s")


def test_it_has_signs_of_its_own_in_ascii() -> None:
    line = lane(task(1, **ANSWERED), glyphs=ASCII)
    assert line.startswith("   #1 & ")
    assert "-&&&" in line


def test_lanes_that_are_not_shown_are_counted_with_it() -> None:
    requests = [task(number, **ANSWERED) for number in range(1, 20)]
    side = changed(awaiting_tasks(NOW_S), ledger=ledger_of(requests))
    assert "all after the answer" in "\n".join(shown(side))


def workers(**of_the_first: Any) -> Side:
    side = sleeping_workers(NOW_S)
    held = [changed(each, **of_the_first) if each.id == RUN + 9 else each for each in side.ledger]
    return changed(side, ledger=ledger_of(held))


@pytest.mark.parametrize(
    ("facts", "wide", "narrow"),
    [
        (
            {"received_ns": T0 + int(2.2 * S), "status": 200},
            "blocked 0.4 s after the answer to #9   time.sleep",
            "blocked after the answer to #9",
        ),
        (
            {"failed_ns": T0 + int(2.2 * S), "error": "timeout"},
            "blocked 0.4 s for nobody (#9 gave up)   time.sleep",
            "blocked for nobody (#9 gave up)",
        ),
        (
            {"received_ns": T0 + int(2.39 * S)},
            "blocked 0.4 s on #9   sleep.py:14 time.sleep",
            "blocked 0.4 s on #9   time.sleep",
        ),
    ],
)
def test_a_worker_says_for_whom_it_works(facts: dict[str, object], wide: str, narrow: str) -> None:
    assert shown(workers(**facts), 59)[6] == "        " + wide
    assert shown(workers(**facts), 40)[6] == "        " + narrow


def test_a_worker_that_calls_its_own_server_says_so() -> None:
    side = workers()
    pid = next(worker.pid for worker in side.server.workers.values() if worker.req == RUN + 9)
    calls = changed(side, server=changed(side.server, self_calls={pid: 1}))
    assert shown(calls, 80)[6].startswith("        blocked 0.4 s on #9, calling its own server")
    memory = Memory()
    before = rows(view_of(side), 80, 18, memory)
    assert [text_of(row) for row in rows(view_of(calls), 80, 18, memory)] != [text_of(row) for row in before]


def test_what_was_served_for_nobody_is_counted() -> None:
    side = workers()
    side = changed(side, run=changed(side.run, failed=3, for_nobody=2, errors={"timeout": 3}))
    assert shown(side, height=24)[-1].endswith("s   3 timeout, 2 served for nobody")
