"""Every size of the terminal, and terminals that know nothing but ASCII."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from itertools import pairwise

import pytest
from msgspec.structs import replace
from textual.widget import Widget

from tests.tui.stand_in import Seat, StandIn, sleeping, watch
from tests.unit.states import mixed_tasks, mixed_workers
from wsgiviz.options import SMALLEST_TERMINAL
from wsgiviz.state import Phase, State
from wsgiviz.tui.render.glyphs import ASCII, UNICODE, Glyphs
from wsgiviz.tui.render.line import text_of
from wsgiviz.tui.screens.bindings import LIVE_HINTS
from wsgiviz.tui.widgets.header import HeaderView, header_row
from wsgiviz.tui.widgets.keys import fitting_hints
from wsgiviz.tui.widgets.pane import Pane

SIZES = [(60, 16), (70, 40), (80, 24), (101, 30), (120, 36), (200, 50)]
STATES = {
    "sleeping": sleeping(),
    "mixed": replace(sleeping(2.3), sides={"wsgi": mixed_workers(2.3), "asgi": mixed_tasks(2.3)}),
    "many": sleeping(workers=40, requests=500),
    "none yet": State(),
}

SMALL_AND_LARGE = [(60, 16), (120, 36)]


# --- the live screen ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", STATES)
def test_every_row_is_as_wide_as_its_pane_and_all_panes_as_the_screen(name: str) -> None:
    async def check(seat: Seat) -> None:
        for size in SIZES:
            await seat.resize(*size)
            rows_fill_their_panes(seat, size)

    watch(check, StandIn(state=STATES[name]), SIZES[0])


def rows_fill_their_panes(seat: Seat, size: tuple[int, int]) -> None:
    assert [strip.cell_length for strip in seat.strips] == [size[0]] * size[1]
    for pane in seat.panes:
        for row in pane._rows:
            assert sum(len(text) for text, _ in row) == pane.size.width
            assert pane.painted(pane._rows.index(row)).cell_length == pane.size.width
    panes = beside_each_other(seat)
    margin = panes[0].region.x
    assert (panes[-1].region.right, panes[1:] == []) == (size[0] - margin, size[0] < 80)
    assert all(next.region.x - one.region.right in (margin, margin + 1) for one, next in pairwise(panes))
    assert len({pane.size.width for pane in panes}) == 1, "one axis of time"


def beside_each_other(seat: Seat) -> list[Pane]:
    """The panes that share the first one's lines."""
    panes = seat.panes
    return [pane for pane in panes if pane.region.y == panes[0].region.y]


def test_the_live_screen_follows_each_size() -> None:
    """And at each nothing lies over anything, what matters is there, and no key is cut."""

    async def check(seat: Seat) -> None:
        for size in [*SIZES, *reversed(SIZES)]:
            await seat.resize(*size)
            assert [strip.cell_length for strip in seat.strips] == [size[0]] * size[1]
            assert seat.app.live.has_class("narrow") == (size[0] < 80)
            assert len(beside_each_other(seat)) == (1 if size[0] < 80 else 2)
            await seat.until(lambda: "4 of 4 blocked" in seat.pane("left"))
            nothing_lies_over_anything_or_beyond_the_screen(seat)
            what_matters_is_there(seat, size)
            no_key_is_cut_and_help_and_quit_stay(seat)

    watch(check, size=SIZES[-1])


def nothing_lies_over_anything_or_beyond_the_screen(seat: Seat) -> None:
    live = seat.app.live
    shown = [widget for widget in live.children if widget.display and widget.region]
    assert [widget.region.y for widget in shown] == sorted(widget.region.y for widget in shown)
    for above, below in pairwise(shown):
        assert above.region.bottom <= below.region.y
    assert all(live.region.contains_region(widget.region) for widget in [*shown, *live.query(Pane)])
    assert not live.show_vertical_scrollbar
    assert not live.show_horizontal_scrollbar


def what_matters_is_there(seat: Seat, size: tuple[int, int]) -> None:
    for words in "WSGI", "ASGI", "4 of 4 blocked", "5.00 s", "space fire", "0 lost":
        assert words in seat.text
    assert "8/20" in seat.text or "8 of 20 answered" in seat.text
    wsgi, asgi = " ".join(" ".join(lines_of(seat, seat.app.live.query_one("#caption"))).split()).split("ASGI ")
    assert wsgi.rstrip(" |▎").endswith(("not yet read by anyone.", "blocked in time.sleep(1)."))
    assert asgi.startswith("20 requests wait at once")
    if size[0] >= 80:
        assert "#9" in seat.pane("left")  # a request by its number in its lane, or in words


def lines_of(seat: Seat, widget: Widget) -> list[str]:
    """The part of the terminal's lines that ``widget`` has."""
    region = widget.region
    return [line[region.x : region.right] for line in seat.lines[region.y : region.bottom]]


def no_key_is_cut_and_help_and_quit_stay(seat: Seat) -> None:
    hints = [f"{key} {what}" for key, what in LIVE_HINTS]
    shown = seat.lines[-1].strip().split("  ")
    assert [hint for hint in hints if hint in shown] == shown
    assert {"? help", "q quit", "space fire"} <= set(shown)


@pytest.mark.parametrize("width", range(16, 200, 7))
def test_help_and_quit_never_drop_from_the_keys(width: int) -> None:
    shown = fitting_hints(LIVE_HINTS, width)
    assert {("?", "help"), ("q", "quit")} <= set(shown)
    assert len("  ".join(f"{key} {what}" for key, what in shown)) <= width


def view(**changed: object) -> HeaderView:
    given: dict[str, object] = {
        "name": "sleep", "wsgi_call": "time.sleep(1)", "asgi_call": "await asyncio.sleep(1)", "load": "20 at once",
        "state": "● live", "clock_s": 2.4, "fps": 30, "lost": 0, "driver_late_ms": 0,
        "glyphs": UNICODE, **changed,
    }  # fmt: skip
    return HeaderView(**given)  # type: ignore[arg-type]


LONG_NAME = "my_company.shop.wsgi:application | my_company.shop.asgi:application"


HEADERS: dict[str, dict[str, object]] = {
    "calm": {},
    "lost": {"lost": 12_345},
    "late": {"driver_late_ms": 120, "lost": 7},
    "slow": {"state": "slow motion 0.01×, 123.4 s behind", "fps": None},
    "own app": {"name": LONG_NAME, "wsgi_call": "", "asgi_call": ""},
}


@pytest.mark.parametrize("width", [60, 70, 80, 120, 200])
@pytest.mark.parametrize("changed", HEADERS.values(), ids=HEADERS)
def test_the_header_fits_and_always_says_what_is_lost(changed: dict[str, object], width: int) -> None:
    line = text_of(header_row(view(**changed), width))
    assert len(line) == width
    assert line.rstrip().endswith(f"{changed.get('lost', 0)} lost")
    if "fps" in changed:
        assert str(changed["state"]) in line, "that it is a replay"


@pytest.mark.parametrize("width", range(60, 130, 5))
def test_what_the_header_says_is_the_same_when_a_run_is_done(width: int) -> None:
    live, done = (text_of(header_row(view(state=state), width)) for state in ("● live", "done"))
    assert live.replace("● live", "  done") == done


# --- dialogs --------------------------------------------------------------------------------------------------------

Opening = Callable[[Seat], Awaitable[None]]


def opened_by(key: str) -> Opening:
    async def opening(seat: Seat) -> None:
        await seat.press(key)
        await seat.until(lambda: seat.app.screen is not seat.app.live)
        await seat.frames()

    return opening


async def fails(seat: Seat) -> None:
    detail = "Traceback (most recent call last):\n" + '  File "shop.py", line 3, in <module>\n' * 60
    await seat.fail("the WSGI server did not start: no module named shöp", "is it here?", detail)


DIALOGS: dict[str, Opening] = {
    "picker": opened_by("s"),
    "form": opened_by("o"),
    "help": opened_by("question_mark"),
    "save": opened_by("w"),
    "failure": fails,
}
LAST_KEY = {**dict.fromkeys(DIALOGS, "escape back"), "failure": "q quit"}


@pytest.mark.parametrize(("ascii", "corners", "side"), [(False, "╭╮╰╯", "│"), (True, "++++", "|")])
def test_each_dialog_is_whole_at_every_size_and_lives_through_a_terminal_too_small(
    ascii: bool, corners: str, side: str
) -> None:
    async def check(seat: Seat) -> None:
        for name, opening in DIALOGS.items():
            await opening(seat)
            for size in (60, 16), (80, 24), (120, 36):
                await seat.resize(*size)
                within_the_screen_with_a_whole_border(seat, name, size, corners, side)
                assert LAST_KEY[name] in "\n".join(lines_of(seat, seat.app.screen.query_one(f"#{name}")))
                assert not ascii or await not_ascii_to_its_end(seat) == set()
            for size in (40, 10), (10, 3), (60, 16):
                await seat.resize(*size)
            await seat.reads(LAST_KEY[name])
            await seat.press("escape")
            await seat.screen_is("LiveScreen")
            await seat.reads("4 of 4 blocked")

    watch(check, size=(60, 16), ascii=ascii)


def within_the_screen_with_a_whole_border(
    seat: Seat, name: str, size: tuple[int, int], corners: str, side: str
) -> None:
    dialog = seat.app.screen.query_one(f"#{name}")
    assert seat.app.screen.region.contains_region(dialog.region)
    assert [strip.cell_length for strip in seat.strips] == [size[0]] * size[1]
    top, *between, bottom = lines_of(seat, dialog)
    assert top[0] + top[-1] + bottom[0] + bottom[-1] == corners
    assert set(top[1:-1]) == set(bottom[1:-1]) == {"-" if side == "|" else "─"}
    assert {line[0] + line[-1] for line in between} == {side * 2}


# --- too small, and other sizes while it runs -----------------------------------------------------------------------


def test_a_terminal_too_small_says_so_and_recovers() -> None:
    async def check(seat: Seat) -> None:
        least = "please make it {} x {} or more".format(*SMALLEST_TERMINAL)
        for size in (59, 16), (60, 15), (40, 10), (22, 3):
            await seat.reads("4 of 4 blocked")
            await seat.resize(*size)
            await seat.reads(f"too small: {size[0]} x {size[1]}")
            assert least in " ".join(seat.text.split())
            assert "blocked" not in seat.text
            await seat.resize(*SMALLEST_TERMINAL)
            await seat.reads("4 of 4 blocked")
            assert "too small" not in seat.text

    watch(check)


def test_it_may_begin_too_small_and_shrink_to_nothing() -> None:
    async def check(seat: Seat) -> None:
        await seat.reads("too small: 30 x 5")
        for size in [(1, 1), (2, 1), (1, 40), (300, 2), (80, 24)]:
            await seat.resize(*size)
        await seat.reads("4 of 4 blocked")

    watch(check, size=(30, 5))


def test_a_size_that_changed_behind_the_logs_is_the_live_screens_too() -> None:
    async def check(seat: Seat) -> None:
        await seat.press("l")
        await seat.screen_is("LogsScreen")
        await seat.resize(70, 40)
        await seat.press("escape")
        await seat.screen_is("LiveScreen")
        await seat.until(lambda: len(beside_each_other(seat)) == 1, "panes stacked")

    watch(check)


# --- ASCII ----------------------------------------------------------------------------------------------------------


def not_ascii(seat: Seat) -> set[str]:
    return {char for line in seat.lines for char in line if not char.isascii() or not char.isprintable()}


@pytest.mark.parametrize("name", STATES)
def test_in_ascii_the_live_screen_is_ascii(name: str) -> None:
    async def check(seat: Seat) -> None:
        await seat.press("c")
        for size in SMALL_AND_LARGE:
            await seat.resize(*size)
            assert not_ascii(seat) == set()
        seat.feed.now_s = 2.9
        await seat.press("p", "greater_than_sign", "down")
        for size in SMALL_AND_LARGE:
            await seat.resize(*size)
            assert not_ascii(seat) == set()

    watch(check, StandIn(state=STATES[name]), SMALL_AND_LARGE[0], ascii=True)


def test_in_ascii_the_logs_are_ascii() -> None:
    feed = StandIn()
    lines = ("Müller … ✓ — \U0001f600",) * 200 + ("lönger " * 80,)
    feed.show(replace(feed.state, logs={"wsgi": lines, "asgi": lines}))

    async def check(seat: Seat) -> None:
        await opened_by("l")(seat)
        for size in SMALL_AND_LARGE:
            await seat.resize(*size)
            assert await not_ascii_to_its_end(seat) == set()

    watch(check, feed, SMALL_AND_LARGE[0], ascii=True)


async def not_ascii_to_its_end(seat: Seat) -> set[str]:
    """At the beginning, and scrolled to the end."""
    found = not_ascii(seat)
    await seat.press("end")
    await seat.scrolled()
    found |= not_ascii(seat)
    await seat.press("home")
    return found


def test_in_ascii_a_scrollbar_is_ascii() -> None:
    async def check(seat: Seat) -> None:
        await DIALOGS["failure"](seat)
        for _ in range(8):
            await seat.press("down")
            await seat.scrolled()
            assert not_ascii(seat) == set()

    watch(check, size=(80, 24), ascii=True)


def test_in_ascii_no_escape_takes_the_place_of_our_own_words() -> None:
    async def check(seat: Seat) -> None:
        for phase in Phase:
            seat.feed.feed(State(), phase)
            await seat.frames(4)
            assert not_ascii(seat) == set()
            assert "\\u" not in seat.text

    watch(check, ascii=True)


def signs(glyphs: Glyphs) -> str:
    return "".join([*glyphs.activity.values(), *glyphs.task.values(), *glyphs.texture.values(), glyphs.eighths])


def test_in_ascii_a_message_is_ascii() -> None:
    async def check(seat: Seat) -> None:
        await seat.press("minus")
        await seat.reads("One worker is the least")
        assert not_ascii(seat) == set()

    watch(check, StandIn(state=sleeping(workers=1)), ascii=True)


def test_the_two_sets_of_signs_are_what_is_shown() -> None:
    async def check(seat: Seat) -> None:
        assert not_ascii(seat) & set(signs(UNICODE))

    assert signs(ASCII).isascii()
    watch(check)
