"""The live screen: each key does what its tooltip says, on a session that notes what it was asked for."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from rich.color import Color
from textual.binding import Binding
from textual.color import Color as Colour
from textual.theme import BUILTIN_THEMES
from textual.widgets import Input

from tests.tui.stand_in import Check, Seat, StandIn, StandingClock, sleeping, watch
from tests.unit.pictures import T0, S, awaiting_tasks
from wsgiviz import scenarios
from wsgiviz.model.state import Picture
from wsgiviz.session import Phase
from wsgiviz.settings import make
from wsgiviz.tui.app import WsgivizApp
from wsgiviz.tui.render.palette import contrast
from wsgiviz.tui.screens.live import LiveScreen
from wsgiviz.tui.widgets.caption import CaptionLine
from wsgiviz.tui.widgets.pane import Pane


def asks_for(*calls: str) -> Callable[[str], Check]:
    """The key makes just these calls of the session."""

    def of(key: str) -> Check:
        async def check(seat: Seat) -> None:
            await seat.press(key)
            assert seat.session.calls == list(calls)

        return check

    return of


def opens(screen: str) -> Callable[[str], Check]:
    """The key shows that screen, and asks the session for nothing."""

    def of(key: str) -> Check:
        async def check(seat: Seat) -> None:
            await seat.press(key)
            await seat.screen_is(screen)
            assert seat.session.calls == []

        return check

    return of


def sets_requests(to: int) -> Callable[[str], Check]:
    def of(key: str) -> Check:
        async def check(seat: Seat) -> None:
            await seat.press(key)
            assert (seat.session.calls, seat.session.changes[-1].requests) == (["change"], to)
            await seat.reads(f"{to} at once")

        return check

    return of


def moves(undone_by: str, *before: str) -> Callable[[str], Check]:
    """After keys ``before``, the key changes what the panes show, and ``undone_by`` brings it back."""

    def of(key: str) -> Check:
        async def check(seat: Seat) -> None:
            await seat.press(*before)
            await seat.frames()
            first = seat.pane("left"), seat.pane("right")
            await seat.press(key)
            await seat.until(lambda: (seat.pane("left"), seat.pane("right")) != first, "another look")
            await seat.press(*undone_by.split())
            await seat.until(lambda: (seat.pane("left"), seat.pane("right")) == first, "the look before")
            assert seat.session.calls == []

        return check

    return of


def pauses(key: str) -> Check:
    async def check(seat: Seat) -> None:
        await seat.press(key)
        await seat.reads("view paused, servers go on")
        await seat.press(key)
        await seat.until(lambda: "paused" not in seat.text, "going on")
        assert seat.session.calls == []

    return check


def follows(key: str) -> Check:
    async def check(seat: Seat) -> None:
        first = seat.pane("left")
        await seat.press("greater_than_sign", "left", "left")
        await seat.until(lambda: seat.pane("left") != first, "another look")
        await seat.press(key)
        await seat.until(lambda: seat.pane("left") == first, "the whole run")

    return check


def shows_code(key: str) -> Check:
    async def check(seat: Seat) -> None:
        code, height = "await asyncio.sleep(seconds)", seat.panes[0].size.height
        assert code in seat.text
        await seat.press(key)
        await seat.until(lambda: code not in seat.text, "no code")
        assert seat.panes[0].size.height > height
        await seat.press(key)
        await seat.reads(code)

    return check


def makes_big(key: str) -> Check:
    async def check(seat: Seat) -> None:
        seat.app.theme = "nord"
        await seat.press(key)
        await seat.until(lambda: " wsgiviz " not in seat.text and "space fire" not in seat.text, "panes alone")
        assert seat.app.theme == "wsgiviz-stage"
        assert "async def" not in seat.text
        assert "4 of 4 blocked" in seat.text
        assert "All 4 workers are blocked" in seat.text
        await seat.press(key)
        await seat.reads("space fire")
        assert (seat.app.theme, " wsgiviz " in seat.text) == ("nord", True)

    return check


def quits(key: str) -> Check:
    async def check(seat: Seat) -> None:
        await seat.pilot.press(key)
        assert (seat.app._exit, seat.app.return_value) == (True, 0)

    return check


DOES: dict[str, Callable[[str], Check]] = {
    "space": asks_for("fire"),
    "f": asks_for("fire_one"),
    "plus": asks_for("add_worker"),
    "equals_sign": asks_for("add_worker"),
    "minus": asks_for("remove_worker"),
    "right_square_bracket": sets_requests(25),
    "left_square_bracket": sets_requests(15),
    "s": opens("PickerScreen"),
    "o": opens("FormScreen"),
    "p": pauses,
    "x": asks_for("cancel"),
    "k": opens("WorkersScreen"),
    "r": asks_for("reload"),
    "tab": opens("LedgerScreen"),
    "enter": opens("LedgerScreen"),
    "escape": asks_for(),
    "less_than_sign": moves("greater_than_sign", "greater_than_sign", "greater_than_sign"),
    "greater_than_sign": moves("less_than_sign"),
    "left": moves("right"),
    "right": moves("left"),
    "0": follows,
    "down": moves("up"),
    "up": moves("down", "down", "down"),
    "c": shows_code,
    "b": makes_big,
    "l": opens("LogsScreen"),
    "question_mark": opens("HelpScreen"),
    "f1": opens("HelpScreen"),
    "q": quits,
}


def keys() -> list[str]:
    return [key for binding in LiveScreen.BINDINGS if isinstance(binding, Binding) for key in binding.key.split(",")]


@pytest.mark.parametrize("key", keys())
def test_key_does_what_its_tooltip_says(key: str) -> None:
    watch(DOES[key](key))


def test_it_starts_the_session_and_fires_once() -> None:
    async def check(seat: Seat) -> None:
        await seat.frames(3)
        assert seat.begun == ("start", "fire")
        assert seat.session.calls == []

    watch(check)


@pytest.mark.parametrize(
    ("given", "key", "asked"),
    [(1, "[", 1), (2, "[", 1), (9, "]", 10), (10, "[", 5), (99, "]", 104), (100, "]", 150), (100, "[", 95),
     (1_000, "[", 950), (100_000, "]", 100_000)],
)  # fmt: skip
def test_steps_of_requests_suit_their_number(given: int, key: str, asked: int) -> None:
    async def check(seat: Seat) -> None:
        await seat.press({"[": "left_square_bracket", "]": "right_square_bracket"}[key])
        assert seat.session.changes[-1].requests == asked

    watch(check, StandIn(make(requests=given)))


def test_the_last_worker_stays_and_a_message_says_so() -> None:
    async def check(seat: Seat) -> None:
        await seat.press("minus")
        await seat.reads("One worker is the least that gunicorn keeps.")
        assert seat.session.calls == []
        await seat.press("plus")
        assert seat.session.calls == ["add_worker"]

    watch(check, StandIn(picture=sleeping(workers=1)))


def test_a_side_alone_has_the_whole_width() -> None:
    async def check(seat: Seat) -> None:
        assert [pane.size.width > 110 for pane in seat.panes] == [True]
        assert "20 more" in seat.text or "#1 " in seat.pane("left")

    watch(check, StandIn(make(only="asgi")))


# --- pausing ------------------------------------------------------------------------------------------------------


def test_pausing_freezes_the_picture_while_the_session_goes_on(clock: StandingClock) -> None:
    async def check(seat: Seat) -> None:
        await seat.press("p")
        await seat.reads("view paused, servers go on")
        shown, said, pumped = (seat.pane("left"), seat.pane("right")), seat.words("#caption"), seat.session.pumped
        clock.now_s = 3.4
        seat.session.feed(sleeping(3.4), Phase.RUNNING)
        await seat.frames(5)
        assert (seat.pane("left"), seat.pane("right")) == shown
        assert seat.words("#caption") == said
        assert seat.session.pumped >= pumped + 5
        assert "00:02.4" in seat.text
        await seat.press("p")
        await seat.reads("00:03.4")
        assert "12/20" in seat.pane("left")

    watch(check)


def test_a_paused_picture_stays_when_the_run_ends(clock: StandingClock) -> None:
    async def check(seat: Seat) -> None:
        await seat.press("p")
        await seat.reads("view paused, servers go on")
        shown = seat.pane("left")
        clock.now_s = 5.2
        seat.session.feed(sleeping(5.2), Phase.FINISHED)
        await seat.frames(5)
        assert seat.pane("left") == shown

    watch(check)


def test_firing_ends_the_pause_and_follows_the_new_run() -> None:
    async def check(seat: Seat) -> None:
        await seat.press("p", "greater_than_sign", "left")
        await seat.reads("view paused")
        await seat.press("space")
        await seat.until(lambda: "paused" not in seat.text, "going on")
        assert (seat.app.live.look.zoom, seat.app.live.look.pan) == (1.0, 0)

    watch(check)


def test_a_run_that_is_over_stands_still(clock: StandingClock) -> None:
    async def check(seat: Seat) -> None:
        seat.session.feed(ended := both_done(), Phase.FINISHED)
        await seat.reads("done 00:05.0")
        shown = seat.pane("left")
        clock.now_s = 500.0
        await seat.frames(2)
        assert seat.pane("left") == shown
        assert max(side.run_ended_ns for side in ended.sides.values()) < T0 + 6 * S

    watch(check)


def test_pausing_after_the_end_moves_nothing(clock: StandingClock) -> None:
    async def check(seat: Seat) -> None:
        seat.session.feed(both_done(), Phase.FINISHED)
        await seat.reads("done 00:05.0")
        shown = seat.pane("left")
        clock.now_s = 9.0
        await seat.press("p")
        await seat.reads("view paused")
        await seat.frames(2)
        assert seat.pane("left") == shown

    watch(check)


def both_done() -> Picture:
    """Both runs over, the ASGI one sooner."""
    done = sleeping(5.2)
    return Picture(t_ns=done.t_ns, run=1, sides={"wsgi": done.wsgi, "asgi": awaiting_tasks(5.2)})


@pytest.mark.parametrize("phase", [Phase.STARTING, Phase.MEASURING, Phase.FAILED])
def test_the_caption_says_how_far_the_servers_are(phase: Phase) -> None:
    said = {
        Phase.STARTING: "Starting the servers",
        Phase.MEASURING: "Measuring what one request costs",
        Phase.FAILED: "The servers are not running: s another scenario",
    }

    async def check(seat: Seat) -> None:
        seat.session.feed(Picture(), phase)
        await seat.reads(said[phase])

    watch(check)


# --- palette ------------------------------------------------------------------------------------------------------


def test_the_palette_has_every_action_and_every_scenario() -> None:
    async def check(seat: Seat) -> None:
        found = {command.title: command.help for command in seat.app.get_system_commands(seat.app.screen)}
        for binding in LiveScreen.BINDINGS:
            assert isinstance(binding, Binding)
            assert binding.description.capitalize() in found
            assert binding.tooltip == found[binding.description.capitalize()] or binding.key == "q"
        for scenario in scenarios.catalogue():
            assert found[f"Scenario {scenario.name}"] == scenario.question

    watch(check)


@pytest.mark.parametrize(
    ("typed", "help", "calls"),
    [
        ("Cancel", "Give up the run", ["cancel"]),
        ("worker more", "One WSGI worker more", ["add_worker"]),
        ("Scenario cpu", "Does async help", ["change"]),
    ],
)
def test_what_is_chosen_in_the_palette_is_done(typed: str, help: str, calls: list[str]) -> None:
    async def check(seat: Seat) -> None:
        await seat.press("ctrl+p")
        await seat.screen_is("CommandPalette")
        seat.app.screen.query_one(Input).value = typed
        await seat.reads(help)
        await seat.press("enter")
        await seat.until(lambda: seat.session.calls == calls, str(calls))
        await seat.screen_is("LiveScreen")

    session = watch(check)
    assert [change.scenario for change in session.changes] == ["cpu"] * ("change" in calls)


# --- colour and mouse -----------------------------------------------------------------------------------------------


def test_no_theme_is_missed() -> None:
    assert set(WsgivizApp(StandIn()).available_themes) == {*BUILTIN_THEMES, "wsgiviz", "wsgiviz-stage"}


@pytest.mark.parametrize("theme", [*BUILTIN_THEMES, "wsgiviz", "wsgiviz-stage"])
def test_in_every_theme_the_words_can_be_read(theme: str) -> None:
    async def check(seat: Seat) -> None:
        await seat.reads("4 of 4 blocked")
        assert "All 4 workers are blocked" in seat.text
        words = [found for pane in seat.panes for found in words_of(pane)]
        assert len(words) > 40
        assert [(text, ratio) for text, ratio in words if ratio < 3.0] == []

    watch(check, theme=theme)


def words_of(pane: Pane) -> list[tuple[str, float]]:
    """Each piece of text with its contrast; what the terminal's own colours decide counts as read."""
    found = []
    for text, style, _ in (segment for y in range(pane.size.height) for segment in pane.render_line(y)):
        if any(char.isalnum() for char in text) and style is not None:
            colours = [colour for colour in (style.color, style.bgcolor) if colour and colour.triplet]
            front, back = (Colour.from_rich_color(colour) for colour in colours) if len(colours) == 2 else FAR
            found.append((text, contrast(front, back)))
    return found


FAR = Colour(0, 0, 0), Colour(255, 255, 255)


def test_without_colour_the_words_say_it_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")

    async def check(seat: Seat) -> None:
        await seat.reads("4 of 4 blocked")
        styles = [style for strip in seat.strips for _, style, _ in strip if style]
        colours = {colour for style in styles for colour in (style.color, style.bgcolor) if colour}
        assert colours
        assert [colour for colour in colours if not is_grey(colour)] == []

    watch(check)


def is_grey(colour: Color) -> bool:
    return colour.triplet is None or len(set(colour.triplet)) == 1


@pytest.mark.parametrize("key", ["", "s", "o", "question_mark", "l"])
def test_clicking_where_nothing_is_does_nothing(key: str) -> None:
    async def check(seat: Seat) -> None:
        if key:
            await seat.press(key)
        await seat.until(lambda: (type(seat.app.screen) is LiveScreen) == (not key), "its screen")
        screen = seat.app.screen
        for x, y in [(0, 0), (119, 0), (0, 35), (119, 35), (0, 18), (60, 1), (119, 20)]:
            assert await seat.pilot.click(offset=(x, y)) is not None
        await seat.frames()
        assert seat.app.screen is screen
        assert seat.session.calls == []

    watch(check)


def test_a_frame_that_is_due_while_the_app_ends_draws_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(CaptionLine, "on_unmount", lambda line: line.app._tick(), raising=False)

    async def check(seat: Seat) -> None:
        await seat.pilot.press("q")

    watch(check)
