"""What is worth a jump in a log."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from tests.unit.plausible_runs import MS, T0, run
from wsgiviz import events as e
from wsgiviz.events import Event
from wsgiviz.log import EventLog, LogTimeline, Mark, MarkFinder, MarkType, Player
from wsgiviz.state import Activity, Side


def found(batches: list[list[Event]]) -> tuple[Mark, ...]:
    finder = MarkFinder(timeline(batches))
    finder.search()
    assert finder.finished
    return finder.marks


def timeline(batches: list[list[Event]]) -> LogTimeline:
    log = EventLog()
    for batch in batches:
        log.append(batch)
    return LogTimeline(log)


def opening(run: int = 1, at_ms: int = 0, calibration: bool = False) -> list[Event]:
    t_ns = T0 + at_ms * MS
    return [
        e.SettingsChanged(t_ns, "", 0, {"scenario": "sleep", "workers": 2, "requests": 2}),
        e.ServerStarted(t_ns, "wsgi", 60, "sync", "", ()),
        e.RunRequested(t_ns + MS, "", 0, run, 2, ("wsgi",), calibration),
        e.PhaseChanged(t_ns + MS, "", 0, "running"),
        e.RunStarted(t_ns + 2 * MS, "wsgi", 50, run, 2, T0 + at_ms * MS + 2 * MS),
    ]


def depth(at_ms: int, depth: int) -> Event:
    return e.QueueSampled(T0 + at_ms * MS, "wsgi", 0, depth, 2048)


def words(marks: tuple[Mark, ...]) -> list[tuple[str, int]]:
    return [(mark.type.value, (mark.t_ns - T0) // MS) for mark in marks]


RANDOM = [run(random.Random(seed), most=9) for seed in range(6)]


@pytest.mark.parametrize("batches", RANDOM)
def test_a_jump_to_a_mark_shows_what_it_says_and_the_event_before_does_not(batches: list[list[Event]]) -> None:
    line = timeline(batches)
    finder, player = MarkFinder(line), Player(line)
    finder.search()
    checked = set()
    for mark in finder.marks:
        if mark.type in SEEN:
            player.go_to(mark.position, mark.within)
            assert SEEN[mark.type](player.state.sides[mark.side]), mark
            player.step(-1)
            before = player.state.sides.get(mark.side)
            assert before is None or not SEEN[mark.type](before), mark
            checked.add(mark.type)
    assert checked


def all_blocked(side: Side) -> bool:
    living = side.server.living()
    return bool(living) and all(worker.activity is Activity.BLOCKED for worker in living)


def answered(side: Side) -> bool:
    return side.run.completed > 0


def done(side: Side) -> bool:
    return side.run.ended_ns > 0


SEEN: dict[MarkType, Callable[[Side], bool]] = {
    MarkType.ALL_BLOCKED: all_blocked,
    MarkType.FIRST_ANSWER: answered,
    MarkType.DONE: done,
}


@pytest.mark.parametrize("batches", RANDOM)
def test_how_it_is_cut_into_pieces_of_work_makes_no_difference(batches: list[list[Event]]) -> None:
    line = timeline(batches)
    at_once, by_piece = MarkFinder(line), MarkFinder(line)
    at_once.search()
    pieces, share = 0, 0.0
    while not by_piece.finished:
        by_piece.search(lambda: False)
        assert by_piece.share > share
        share, pieces = by_piece.share, pieces + 1
    assert (pieces, share) == (line.end, 1.0)
    assert by_piece.marks == at_once.marks


def test_the_queue_is_deepest_where_it_first_was_so_deep() -> None:
    batches = [opening(), [depth(5, 3), depth(6, 9)], [depth(7, 9), depth(8, 2)]]
    marks = [mark for mark in found(batches) if mark.type is MarkType.DEEPEST]
    assert [(mark.t_ns, mark.count, mark.position, mark.within) for mark in marks] == [(T0 + 6 * MS, 9, 1, 2)]


def test_an_empty_queue_is_no_mark_and_neither_is_one_before_the_run() -> None:
    assert words(found([opening()[:-1], [depth(1, 7)], opening()[-1:], [depth(5, 0)]])) == [("fired", 1)]


def test_each_run_has_marks_of_its_own_and_calibrations_have_none() -> None:
    runs = [opening(1, 0, calibration=True), [depth(3, 5)], opening(2, 100), [depth(105, 4)], opening(3, 200)]
    marks = found([*runs, [depth(205, 3)]])
    assert [(mark.type.value, mark.run) for mark in marks] == [
        ("fired", 2), ("queue deepest", 2), ("fired", 3), ("queue deepest", 3),
    ]  # fmt: skip


def test_nothing_is_found_in_nothing() -> None:
    finder = MarkFinder(LogTimeline(EventLog()))
    finder.search()
    assert (finder.finished, finder.share, finder.marks) == (True, 1.0, ())
