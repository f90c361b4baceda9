"""A row for each pool of threads behind a loop, where there is room."""

from __future__ import annotations

import pytest

from tests.unit.lint_contexts import reduced
from tests.unit.states import T0, S
from tests.unit.thread_events import full_limiter, pool, run
from wsgiviz.state import State
from wsgiviz.tui.render.glyphs import ASCII, UNICODE, Glyphs
from wsgiviz.tui.render.line import text_of
from wsgiviz.tui.render.rows import rows
from wsgiviz.tui.render.view import PaneView


def shown(state: State, width: int = 78, height: int = 24, glyphs: Glyphs = UNICODE) -> list[str]:
    view = PaneView(state.sides["asgi"], "1 worker", T0 + int(0.61 * S), T0, T0 + 2 * S, glyphs=glyphs)
    return [text_of(row).rstrip() for row in rows(view, width, height)]


def test_how_many_threads_run_and_what_waits() -> None:
    lines = shown(reduced(full_limiter(4, 6), pool(0.6, 4, 6, 4)))
    assert lines[4:6] == [
        " in app 10 now   peak 10   await  0  in threads  4  for a thread  6",
        " pool   ═════════┈┈┈┈┈┈┈┈┈┈┈┈┈  4 of 4 threads, AnyIO's limiter  6 wait",
    ]
    assert any(line.startswith("   #1 ⇄") and "════" in line for line in lines)
    assert any(line.startswith("   #5 ◌") and "┈┈┈┈" in line for line in lines)


def test_without_a_pool_there_is_no_row() -> None:
    assert not any(line.startswith(" pool ") for line in shown(reduced(run(1))))


def test_the_most_crowded_have_one() -> None:
    state = reduced(
        run(1),
        pool(0.1, 1, 0, 4, "executor|mail", 1),
        pool(0.1, 3, 9, 3, "executor|reports", 2),
        pool(0.1, 6, 2, 6, "asyncio|", 3),
    )
    lines = [line for line in shown(state) if line.startswith(" pool ")]
    assert [line.split(", ")[1].split("  ")[0] for line in lines] == ["asyncio's executor", "reports"]


@pytest.mark.parametrize("width", [24, 30, 40, 59, 120])
@pytest.mark.parametrize("glyphs", [UNICODE, ASCII], ids=lambda one: one.name)
def test_at_any_width_and_in_ascii(width: int, glyphs: Glyphs) -> None:
    lines = shown(
        reduced(full_limiter(4, 6), pool(0.1, 1, 0, 1, "executor|\x1b[2J\u202e" * 9, 7)), width, glyphs=glyphs
    )
    assert all(len(line) <= width for line in lines)
    assert not any("\x1b" in line or "\u202e" in line for line in lines)


@pytest.mark.parametrize(("height", "count"), [(24, 1), (11, 1), (9, 0)])
def test_as_long_as_there_is_room_for_lanes(height: int, count: int) -> None:
    lines = shown(reduced(full_limiter(4, 6)), height=height)
    assert len(lines) == height
    assert sum(line.startswith(" pool ") for line in lines) == count
