"""Signs and textures: every state has its own, in both sets, and one cell each."""

from __future__ import annotations

import pytest
from rich.cells import cell_len

from tests.unit.lint_contexts import rows as of
from tests.unit.lint_contexts import side, worker
from tests.unit.states import T0, S
from wsgiviz.state import Activity, Task
from wsgiviz.tui.render.glyphs import ASCII, UNICODE, Glyphs
from wsgiviz.tui.render.head_rows import BUSY_STYLE, ORDER
from wsgiviz.tui.render.history import COLOUR
from wsgiviz.tui.render.line import text_of
from wsgiviz.tui.render.rows import rows
from wsgiviz.tui.render.view import PaneView
from wsgiviz.tui.screens.help import ACTIVITIES

SETS = pytest.mark.parametrize("glyphs", [UNICODE, ASCII], ids=["unicode", "ascii"])


@SETS
def test_every_activity_has_a_sign_and_a_texture_of_its_own(glyphs: Glyphs) -> None:
    for signs in (glyphs.activity, {each: glyphs.texture[each] for each in Activity}):
        assert set(signs) == set(Activity)
        assert len(set(signs.values())) == len(signs)
        assert all(cell_len(sign) == 1 for sign in signs.values())
    assert set(glyphs.task) == set(Task)
    assert glyphs is UNICODE or all(sign.isascii() for sign in (*glyphs.activity.values(), *glyphs.texture.values()))


def test_only_what_is_blocked_is_orange() -> None:
    assert [activity for activity, colour in COLOUR.items() if colour == "blocked"] == [Activity.BLOCKED]
    assert [each for each, style in BUSY_STYLE.items() if style.front == "blocked"] == [Activity.BLOCKED]


def test_every_activity_is_counted_and_explained() -> None:
    assert set(ACTIVITIES) == set(Activity)
    assert set(ORDER) == set(Activity) - {Activity.IDLE, Activity.DEAD}
    assert set(COLOUR) == set(ORDER)


@SETS
def test_a_thread_that_waits_for_the_gil_is_shown_as_that(glyphs: Glyphs) -> None:
    slots = of(
        *(worker(1, Activity.WAITING_FOR_GIL, 0.5, slot) for slot in (1, 2, 3)), worker(1, Activity.IDLE, 0, 4)
    )
    view = PaneView(side(kind="gthread", workers=slots), "", T0 + S, T0, T0 + 2 * S, glyphs=glyphs)
    text = [text_of(row) for row in rows(view, 80, 24)]
    assert any("3 of 4 waiting for the GIL" in line for line in text)
    assert sum(glyphs.texture[Activity.WAITING_FOR_GIL] * 5 in line for line in text) == 4, "three lanes, and the bar"
    assert not any(glyphs.texture[Activity.BLOCKED] * 2 in line for line in text)
