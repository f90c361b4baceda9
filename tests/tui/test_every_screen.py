"""What holds on every screen: the way out and the help in sight, ASCII where asked for, words that can be read."""

from __future__ import annotations

import os
from functools import partial

import pytest
from textual.command import CommandList
from textual.strip import Strip

from tests.tui.every_screen import SCREENS
from tests.tui.lesson_seat import Pupil, lesson, teach
from tests.tui.stand_in import Seat, watch
from tests.tui.test_colours import THEMES, words_of
from tests.tui.test_playback import LoggedStandIn
from wsgiviz.tui.render.palette import STAGE_CONTRAST, TEXT_CONTRAST
from wsgiviz.tui.screens.palette_screen import PaletteScreen

WHOLE = {"live", "stage", "replay", "pair", "message", "lesson", "lesson, big"}
"""Screens with a help of their own; from the others one goes back."""


@pytest.mark.parametrize("name", SCREENS)
def test_with_ascii_there_is_no_other_character(name: str) -> None:
    async def check(seat: Seat) -> None:
        for size in (80, 24), (120, 50):
            await seat.resize(*size)
            assert {char for char in seat.text if not char.isascii()} == set(), seat.text

    SCREENS[name](check, (80, 24), True)


def test_a_message_in_ascii_has_no_other_character_and_covers_no_pane() -> None:
    async def check(seat: Seat) -> None:
        for severity in ("information", "warning"):
            seat.app._say("there is nothing to play back yet", warn=severity == "warning")
            await seat.reads("There is nothing to play back yet")
            at = next(y for y, line in enumerate(seat.lines) if "There is nothing" in line)
            assert all(pane.region.bottom <= at for pane in seat.panes)
            assert seat.text.isascii()
            assert "q quit" in seat.lines[-1]

    watch(check, size=(80, 24), ascii=True)


@pytest.mark.parametrize("ascii", [False, True])
def test_a_theme_is_found_in_the_palette_and_both_panes_have_it(ascii: bool) -> None:
    async def check(seat: Seat) -> None:
        before = [pane.palette.colour("blocked~") for pane in seat.panes]
        await seat.press("ctrl+p")
        await seat.screen_is("PaletteScreen")
        await seat.press(*"solarized-light")
        await seat.reads("Theme solarized-light")
        assert seat.text.isascii() or not ascii, seat.text
        await seat.press("enter")
        await seat.screen_is("LiveScreen")
        await seat.until(lambda: seat.app.theme == "solarized-light")
        await seat.frames(2)
        after = [pane.palette.colour("blocked~") for pane in seat.panes]
        assert all(one != other for one, other in zip(before, after, strict=True))

    watch(check, size=(80, 24), ascii=ascii)


def test_every_theme_is_in_the_palette() -> None:
    async def check(seat: Seat) -> None:
        titles = {command.title for command in seat.app.get_system_commands(seat.app.screen)}
        assert {f"Theme {name}" for name in seat.app.available_themes} <= titles

    watch(check)


@pytest.mark.parametrize(
    ("entry", "at", "screen"),
    [("? help", 2, "HelpScreen"), ("tab ledger", 0, "LedgerScreen"), ("s scenario", 4, "PickerScreen")],
)
def test_a_click_on_an_entry_is_its_key(entry: str, at: int, screen: str) -> None:
    async def check(seat: Seat) -> None:
        x = seat.lines[-1].index(entry) + at
        await seat.pilot.click(offset=(x, seat.app.screen.size.height - 1))
        await seat.screen_is(screen)

    watch(check)


def test_of_two_keys_the_one_that_is_hit_acts() -> None:
    async def check(seat: Seat) -> None:
        x = seat.lines[-1].index("+ - workers")
        for by, name in ((0, "add_worker"), (2, "remove_worker")):
            await seat.pilot.click(offset=(x + by, seat.app.screen.size.height - 1))
            await seat.until(partial(_was_asked, seat, name), name)

    watch(check)


def _was_asked(seat: Seat, name: str) -> bool:
    return seat.calls[-1:] == [name]


def test_a_click_in_a_dialog_leads_back() -> None:
    async def check(seat: Seat) -> None:
        await seat.press("s")
        await seat.screen_is("PickerScreen")
        y = next(y for y, line in enumerate(seat.lines) if "escape back" in line)
        await seat.pilot.click(offset=(seat.lines[y].index("escape back") + 8, y))
        await seat.screen_is("LiveScreen")
        assert seat.calls == []

    watch(check)


@pytest.mark.parametrize("name", SCREENS)
def test_all_words_can_be_read_and_help_and_the_way_out_are_in_sight(name: str) -> None:
    async def check(seat: Seat) -> None:
        stage = seat.app.theme == "wsgiviz-stage"
        for theme in ["wsgiviz-stage"] if stage else themes_of(name):
            seat.app.theme = theme
            await seat.frames(2)
            words_can_be_read(seat)
        for size in (80, 24), (60, 16):
            await seat.resize(*size)
            wanted = ("? help", "q quit") if name in WHOLE else ("escape ",)
            shown = seat.lines[-1] if name in WHOLE else seat.text
            assert [words for words in wanted if words not in shown] == [], seat.text

    SCREENS[name](check, (120, 36), False)


def themes_of(name: str) -> list[str]:
    """Our own two, and of the others each fifth in turn, so that each theme is on several screens; all are on the
    live one (test_colours.py), and more on some dialogs. ``WSGIVIZ_SCREENS=all``: all, in some minutes."""
    if os.environ.get("WSGIVIZ_SCREENS") == "all":
        return THEMES
    always = set() if name.startswith("form,") else {"wsgiviz", "wsgiviz-stage"}
    if name in ("help", "picker", "form"):
        always |= {"textual-light", "dracula", "solarized-light"}
    first = list(SCREENS).index(name)
    return [theme for at, theme in enumerate(THEMES) if theme in always or (at - first) % 5 == 0]


def words_can_be_read(seat: Seat) -> None:
    theme = seat.app.theme
    least = STAGE_CONTRAST if theme == "wsgiviz-stage" else TEXT_CONTRAST
    words = words_of(on_top(seat))
    assert words
    low = [(theme, text.strip(), round(ratio, 2)) for text, ratio in words if ratio < least - 0.005]
    assert low == [], low[:12]


def on_top(seat: Seat) -> list[Strip]:
    """A screen, or the dialog over it."""
    screen = seat.app.screen
    if not screen.is_modal:
        return seat.strips
    if isinstance(screen, PaletteScreen):  # its list floats over the rest of it
        dialog = screen.query_one("#--input").region.union(screen.query_one(CommandList).region)
    else:
        dialog = screen.query_one(".dialog").region
    return [strip.crop(dialog.x, dialog.right) for strip in seat.strips[dialog.y : dialog.bottom]]


def test_playback_is_entered_from_a_lesson_and_left_for_it() -> None:
    async def check(pupil: Pupil) -> None:
        await pupil.press("p")
        await pupil.screen_is("PastScreen")
        await pupil.frames(2)
        assert "replay" in pupil.lines[0]
        await pupil.press("escape")
        await pupil.screen_is("LessonScreen")

    teach(check, lesson(), LoggedStandIn())
